// SPDX-License-Identifier: Apache-2.0
/* A packet without a frame: stands in when a flow ends with bytes or transactions that rules have not seen. One per
 * worker, filled anew each time. */
#pragma once

#include "sensor/common.h"

struct flow;
struct sensor_packet;
struct sensor_settings;

struct sensor_packet *pseudo_new(const struct sensor_settings *settings); /* null without memory */
void pseudo_free(struct sensor_packet *packet);
void pseudo_fill(struct sensor_packet *packet, struct flow *flow, enum sensor_dir dir, uint64_t now_ns);
