// SPDX-License-Identifier: Apache-2.0
/* The key by which the flow table knows a flow, and its hash.
 *
 * The hash is the same for both directions and depends on a secret: it folds addresses and ports with 64x64 to 128 bit
 * multiplications whose operands are masked by the key. That takes a few nanoseconds; SipHash over the same 40 bytes
 * takes about ten times as long. Who does not know the key cannot choose flows that meet in one bucket. */
#pragma once

#include "base/net.h"
#include "base/siphash.h"
#include "sensor/common.h"

struct sensor_packet;
struct flow;

struct flow_key {
	struct ip_addr src, dst;
	uint16_t sport, dport; /* ICMP: type, and the type that answers it */
	uint16_t vlan_ids[3];
	uint8_t vlan_count;
	uint8_t protocol;
	uint8_t recursion;
	bool quoted; /* of a datagram quoted in an ICMP error, which travels the other way */
};

/* What belongs to a key, by configuration. */
struct flow_key_rules {
	bool vlan, recursion; /* vlan.use-for-tracking; flows by depth of tunnels */
	bool ipip; /* decoder.ipv4.ipip.track-parent-flow: the outer datagrams of IP in IP have a flow too */
};

/* What the key of a packet is; false: it has none. With 'quoted' the key of the flow that an ICMP error speaks of. */
bool flow_key_of(
	const struct flow_key_rules *rules, const struct sensor_packet *packet, bool quoted, struct flow_key *ret);

/* True when an ICMP error quotes enough of a TCP or UDP datagram to name its flow. */
bool flow_key_has_quote(const struct sensor_packet *packet);

uint64_t flow_key_hash(const struct flow_key *key, struct siphash_key secret);

/* True when it is this flow; *ret_dir is the direction in which the key travels. */
bool flow_key_matches(const struct flow_key *key, const struct flow *flow, enum sensor_dir *ret_dir);
