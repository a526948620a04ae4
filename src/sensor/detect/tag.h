// SPDX-License-Identifier: Apache-2.0
/* Tags: packets that are to be recorded because a rule held before on their flow or host.
 *
 * User guide, "Tag". Tags of flows lie on the flow; tags of hosts in a table that all workers share, with a ceiling, a keyed
 * hash and a lock, which is not even looked at while no rule tags hosts. Time is packet time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sensor_packet;

enum { TAG_HOSTS_MAX = 65536, TAG_PACKETS_DEFAULT = 256 };

/* Once for each packet, after its rules: counts it, and answers whether a tag of before holds for it. The packet that
 * set a tag does not count. */
bool tag_packet(const struct sensor_packet *packet);

/* Hosts that found no place. */
uint64_t tag_hosts_refused(void);
/* Forgets hosts: between runs of a test. */
void tag_hosts_clear(void);
