// SPDX-License-Identifier: Apache-2.0
/* Flows: who talks to whom, since when, and what the upper layers keep about it.
 *
 * One worker owns one table; nothing is shared, nothing is locked. The key is symmetric: both directions find the same
 * flow, and the first packet says who the client is. The table has a fixed number of buckets, a ceiling in bytes
 * (settings "flow.memcap", everything that hangs on a flow is counted by its owner) and timeouts by state. When the
 * ceiling is near, emergency mode shortens the timeouts and evicts the flows that were idle longest; every eviction is
 * counted. Time is packet time, passed in; the table never asks a clock.
 *
 * A flow that ends (timeout, emergency, end of input, forced) goes through 'flow_end_fn' once, before it is freed: the
 * worker lets detection and logging finish with it there. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"
#include "base/siphash.h"
#include "sensor/common.h"

struct sensor_packet;
struct sensor_settings;
struct stream_session;
struct app_conn;
struct flow_table;

enum flow_state { FLOW_NEW, FLOW_ESTABLISHED, FLOW_CLOSED, FLOW_BYPASSED_LOCAL, FLOW_BYPASSED_CAPTURE };

/* "flow.reason" in EVE. */
enum flow_end_reason { FLOW_END_NONE, FLOW_END_TIMEOUT, FLOW_END_FORCED, FLOW_END_SHUTDOWN, FLOW_END_TCP_REUSE };

enum flow_flag {
	FLOW_SEEN_TO_SERVER = 1 << 0,
	FLOW_SEEN_TO_CLIENT = 1 << 1,
	FLOW_TCP_REUSED = 1 << 2,
	FLOW_ALERTED = 1 << 3, /* has at least one alert event: "flow.alerted" */
	FLOW_DROP = 1 << 4, /* every further packet is dropped */
	FLOW_PASS = 1 << 5, /* no further packet is inspected */
	FLOW_REJECT = 1 << 6,
	FLOW_ACCEPT = 1 << 7,
	FLOW_NO_PACKET_INSPECT = 1 << 8,
	FLOW_NO_PAYLOAD_INSPECT = 1 << 9, /* encrypted: packets are still seen by rules that look at headers only */
	FLOW_DIR_REVERSED = 1 << 10, /* app-layer detection found that the client is the other side */
	FLOW_TS_EVER_ALERTED = 1 << 11,
	FLOW_ICMP_ERROR_SEEN = 1 << 12,
	FLOW_IPONLY_TS_DONE = 1 << 13, /* address-only rules were asked for this direction */
	FLOW_IPONLY_TC_DONE = 1 << 14,
	FLOW_EMERGENCY = 1 << 15, /* evicted for want of memory */
	FLOW_DROPPED_BY_RULE = 1 << 16,
	FLOW_WRONG_THREAD = 1 << 17,
	FLOW_DROP_LOGGED_TS = 1 << 18, /* a drop event told of this direction already */
	FLOW_DROP_LOGGED_TC = 1 << 19,
};

/* A named value that rules or parsers leave on a flow: flowbits, flowints, captures ("flowvars"), entropy.
 * Kept by detect/bits.c; capped per flow. */
struct flow_var;

/* MAC addresses seen, client's side first; made by output/ when events show them. */
enum { FLOW_MACS_MAX = 10 };

struct flow_macs {
	uint8_t count[SENSOR_DIRS];
	uint8_t mac[SENSOR_DIRS][FLOW_MACS_MAX][6];
};

struct flow_side { /* counters of one direction */
	uint64_t packet_count;
	uint64_t byte_count; /* frame bytes, as Suricata counts them */
};

struct flow {
	/* Owned by flow.c. */
	struct flow *hash_next, *hash_prev;
	struct flow *older, *newer; /* by last packet, in the list of its state's timeout */
	struct flow_table *table; /* that it lives in */
	uint64_t hash;
	struct ip_addr client, server; /* addresses; client sent the first packet */
	uint16_t client_port, server_port; /* ICMP: type and code as Suricata keys them */
	uint16_t vlan_ids[3];
	uint8_t vlan_count;
	uint8_t protocol; /* IP protocol */
	uint8_t recursion; /* tunnel depth, when it counts for the key */
	uint8_t state; /* enum flow_state */
	uint8_t end_reason; /* enum flow_end_reason, set before flow_end_fn */
	uint8_t ttl_min[SENSOR_DIRS], ttl_max[SENSOR_DIRS];
	uint32_t tenant;
	uint64_t tenant_serial; /* policy that 'tenant' was found with */
	uint32_t place; /* of rules/places.h; means something with these places only: */
	uint64_t place_serial;
	bool edge_only; /* of that place */
	uint32_t flags; /* enum flow_flag */
	uint64_t id; /* "flow_id" in EVE: 51 bits so that JavaScript keeps them */
	uint64_t start_ns, last_ns;
	uint64_t reference_count; /* packets that hold it */
	struct flow_side side[SENSOR_DIRS];
	uint8_t ethernet_first[12]; /* both MAC addresses of the first packet */
	bool has_ethernet;
	uint8_t icmp_type[SENSOR_DIRS], icmp_code[SENSOR_DIRS]; /* first of each direction; set by the worker */
	uint64_t parent_id; /* flow that announced this one (FTP data), or 0 */

	/* Of the other modules; each frees its own through the hooks of flow_table_new. */
	struct stream_session *tcp; /* stream/ */
	struct app_conn *app; /* app/ */
	struct flow_var *vars; /* detect/bits */
	void *expectation; /* app/expect: data that the announcing flow left for this one */
	void *tags; /* detect/threshold: tags of this flow */
	struct flow_macs *macs; /* output: sets of MAC addresses */
	uint16_t exception_seen; /* bits of enum exception_target that were applied to it */
	uint8_t exception_policy[EXCEPTION_TARGET_COUNT]; /* which policy, for each target */
	uint64_t bypassed_packets[SENSOR_DIRS], bypassed_bytes[SENSOR_DIRS];
	uint32_t thash; /* group id of rule candidates, detect/'s cache; 0: not looked up */
	const void *detect_policy; /* the policy 'thash' belongs to */
	uint8_t iponly_action;
	uint8_t drop_reason; /* why FLOW_DROP was set */
	void *detect; /* detect/'s own state of this flow */
};

typedef void (*flow_end_fn)(void *context, struct flow *flow);
typedef void (*flow_free_fn)(void *context, struct flow *flow);

struct flow_stats {
	uint64_t active, total, tcp, udp, icmp4, icmp6, created, evicted, emergency_evicted, refused, memuse;
	uint64_t emergency_entered, emergency_left, spare;
	uint64_t end_new, end_established, end_closed, end_bypassed; /* states at the end */
	uint64_t tcp_reuse;
};

/* 'ended' is called once for each flow that ends, then 'release' when its memory goes. Null without memory. */
struct flow_table *flow_table_new(const struct sensor_settings *settings, struct siphash_key key, flow_end_fn ended,
	flow_free_fn release, void *context);
/* Ends nobody: call flow_table_end_all first. Null is allowed. */
void flow_table_free(struct flow_table *table);

/* Counters (stats.h) that exception policies of the table count in; null, as after flow_table_new: none. */
void flow_table_set_counters(struct flow_table *table, uint64_t *counters);

/* Finds or makes the flow of a packet, sets packet->flow and packet->dir, and counts the packet. TCP reuse (a SYN on a
 * closed session) ends the old flow and makes a new one. Leaves packet->flow null when the packet has none (not IP,
 * fragment, an ICMP error of an unknown flow is keyed by itself) or the ceiling is reached: then flow.memcap-policy has
 * been applied to it (flow/exception.h).
 *
 * What the flow knows goes over to the packet: PKT_ESTABLISHED (TCP leaves that to stream/), PKT_NO_PACKET_INSPECT and
 * PKT_NO_PAYLOAD_INSPECT, and ACTION_DROP with DROP_REASON_FLOW_DROP for a flow marked FLOW_DROP. */
void flow_table_packet(struct flow_table *table, struct sensor_packet *packet);

/* Looks without making; for ICMP errors and expectations. Null: none. */
struct flow *flow_table_find(struct flow_table *table, const struct sensor_packet *packet);

/* Ends at most 'budget' flows whose timeout passed at 'now_ns'. Call it once per batch of packets. */
size_t flow_table_expire(struct flow_table *table, uint64_t now_ns, size_t budget);

/* Ends every flow, oldest first. */
void flow_table_end_all(struct flow_table *table, enum flow_end_reason reason);

/* Moves the flow to the timeout list of its new state. */
void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state);

/* The flow needs no further inspection: state FLOW_BYPASSED_LOCAL, unless it is bypassed already. */
void flow_bypass(struct flow *flow);
static inline bool flow_is_bypassed(const struct flow *flow)
{
	return flow->state >= FLOW_BYPASSED_LOCAL;
}

/* Exchanges client and server: for midstream pickups and protocols that know better. */
void flow_swap(struct flow *flow);

void flow_table_stats(const struct flow_table *table, struct flow_stats *ret);

/* Visits all flows (control tool). */
typedef void (*flow_visit_fn)(void *context, const struct flow *flow);
void flow_table_visit(const struct flow_table *table, flow_visit_fn visit, void *context);
