// SPDX-License-Identifier: Apache-2.0
/* What rules leave behind for later rules: flowbits, flowints, captured texts on flows; xbits and hostbits on addresses
 * and pairs of them; texts captured on one packet.
 *
 * Names are numbered per process (bits_name), so that a reload keeps what flows remember. A flow holds at most
 * BITS_FLOW_VARS_MAX variables; xbits and hostbits live in tables with a ceiling, expiry and a counter of refusals. */
#pragma once

#include "base/bytes.h"
#include "base/jsonw.h"
#include "sensor/common.h"

struct flow;
struct sensor_packet;

enum { BITS_FLOW_VARS_MAX = 256, BITS_TEXT_MAX = 65535 };

/* The number of a name, made when new; 0 at the ceiling. Thread-safe. */
uint32_t bits_name(struct bytes name);
const char *bits_name_text(uint32_t number);

bool flow_bit_is_set(const struct flow *flow, uint32_t name);
void flow_bit_set(struct flow *flow, uint32_t name);
void flow_bit_unset(struct flow *flow, uint32_t name);
void flow_bit_toggle(struct flow *flow, uint32_t name);
/* Integers of a flow; false: not set. */
bool flow_int_get(const struct flow *flow, uint32_t name, uint32_t *ret);
void flow_int_set(struct flow *flow, uint32_t name, uint32_t value);
/* A text captured by pcre; 'key' may be empty (else the text's own name: dynamic keys). Copied, cut at BITS_TEXT_MAX. */
void flow_text_set(struct flow *flow, uint32_t name, struct bytes key, struct bytes text);
/* A number shown as "metadata.entropy.KEY" and the like. */
void flow_entropy_set(struct flow *flow, const char *buffer, double value);
struct arena;
void packet_text_set(
	struct sensor_packet *packet, struct arena *memory, uint32_t name, struct bytes key, struct bytes text);
void flow_vars_free(struct flow *flow);

/* Members of "metadata": flowbits, flowints, flowvars, pktvars, entropy; false when there is nothing. 'packet' and 'flow'
 * may be null. */
bool bits_have_metadata(const struct flow *flow, const struct sensor_packet *packet);
void bits_write_metadata(const struct flow *flow, const struct sensor_packet *packet, struct jsonw *json);
/* Flowbits named "traffic/id/NAME" and "traffic/label/NAME" as the member "traffic", which names what the flow is. */
void bits_write_traffic(const struct flow *flow, struct jsonw *json);
