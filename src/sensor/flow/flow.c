// SPDX-License-Identifier: Apache-2.0
/* See flow.h. Buckets are chains; beside them every flow hangs in one list for its timeout, chosen by protocol and
 * state and ordered by the last packet, so that expiry looks at list heads alone. */
#include "sensor/flow/flow.h"

#include <stdlib.h>
#include <string.h>

#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/exception.h"
#include "sensor/flow/flow-key.h"
#include "sensor/settings.h"
#include "sensor/stream/stream.h"

enum {
	STATES = FLOW_BYPASSED_CAPTURE + 1,
	PROTO_ICMP4 = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
	BUCKETS_MIN = 16,
	BUCKETS_MAX = 1 << 26,
};

#define SECOND_NS     UINT64_C(1000000000)
#define FLOW_ID_MASK  ((UINT64_C(1) << 51) - 1)
#define EVICT_AT_ONCE 8 /* flows that make room when the ceiling is reached */

struct flow_list {
	struct flow *oldest, *newest;
	uint64_t timeout_ns[2]; /* normal, emergency */
};

struct flow_table {
	const struct sensor_settings *settings;
	struct siphash_key key;
	struct flow_key_rules rules;
	flow_end_fn ended;
	flow_free_fn release;
	void *context;
	uint64_t *counters;
	struct flow **buckets;
	uint64_t mask;
	struct flow_list lists[FLOW_PROTO_COUNT][STATES];
	struct flow *spare; /* freed flows, linked by hash_next */
	uint64_t next_id;
	bool emergency;
	struct flow_stats stats;
};

static unsigned int proto_class(uint8_t protocol)
{
	switch (protocol) {
	case PROTO_TCP:
		return FLOW_PROTO_TCP;
	case PROTO_UDP:
		return FLOW_PROTO_UDP;
	case PROTO_ICMP4:
	case PROTO_ICMP6:
		return FLOW_PROTO_ICMP;
	default:
		return FLOW_PROTO_DEFAULT;
	}
}

static struct flow_list *list_of(struct flow_table *table, const struct flow *flow)
{
	return &table->lists[proto_class(flow->protocol)][flow->state];
}

static void list_remove(struct flow_list *list, struct flow *flow)
{
	if (flow->older)
		flow->older->newer = flow->newer;
	else
		list->oldest = flow->newer;
	if (flow->newer)
		flow->newer->older = flow->older;
	else
		list->newest = flow->older;
}

static void list_append(struct flow_list *list, struct flow *flow)
{
	flow->older = list->newest;
	flow->newer = NULL;
	if (list->newest)
		list->newest->newer = flow;
	else
		list->oldest = flow;
	list->newest = flow;
}

static void set_timeouts(struct flow_table *table)
{
	for (unsigned int proto = 0; proto < FLOW_PROTO_COUNT; proto++) {
		const struct flow_timeouts *from = &table->settings->flow_timeouts[proto];

		for (unsigned int mode = 0; mode < 2; mode++) {
			const uint32_t seconds[STATES] = { from->new_s[mode], from->established_s[mode],
				from->closed_s[mode], from->bypassed_s[mode], from->bypassed_s[mode] };

			for (unsigned int state = 0; state < STATES; state++)
				table->lists[proto][state].timeout_ns[mode] = seconds[state] * SECOND_NS;
		}
	}
}

struct flow_table *flow_table_new(const struct sensor_settings *settings, struct siphash_key key, flow_end_fn ended,
	flow_free_fn release, void *context)
{
	struct flow_table *table = calloc(1, sizeof(*table));
	uint64_t count = BUCKETS_MIN;

	if (!table)
		return NULL;
	while (count < settings->flow_hash_count && count < BUCKETS_MAX)
		count *= 2;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are meant */
	table->buckets = calloc(count, sizeof(*table->buckets));
	if (!table->buckets) {
		free(table);
		return NULL;
	}
	exception_policy_register(settings);
	table->mask = count - 1;
	table->settings = settings;
	table->key = key;
	table->rules = (struct flow_key_rules){ .vlan = settings->vlan_use_for_tracking,
		.recursion = settings->recursion_use_for_tracking,
		.ipip = settings->root && conf_bool(settings->root, "decoder.ipv4.ipip.track-parent-flow", false) };
	table->ended = ended;
	table->release = release;
	table->context = context;
	table->next_id = key.k0 ^ key.k1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are meant */
	table->stats.memuse = count * sizeof(*table->buckets);
	set_timeouts(table);
	return table;
}

static void forget(struct flow_table *table, struct flow *flow)
{
	if (flow->hash_prev)
		flow->hash_prev->hash_next = flow->hash_next;
	else
		table->buckets[flow->hash & table->mask] = flow->hash_next;
	if (flow->hash_next)
		flow->hash_next->hash_prev = flow->hash_prev;
	list_remove(list_of(table, flow), flow);
	table->stats.active--;
	table->stats.memuse -= sizeof(*flow);
	if (table->release)
		table->release(table->context, flow);
	flow->hash_next = table->spare;
	table->spare = flow;
	table->stats.spare++;
}

static void count_end(struct flow_stats *stats, const struct flow *flow)
{
	switch ((enum flow_state)flow->state) {
	case FLOW_NEW:
		stats->end_new++;
		break;
	case FLOW_ESTABLISHED:
		stats->end_established++;
		break;
	case FLOW_CLOSED:
		stats->end_closed++;
		break;
	case FLOW_BYPASSED_LOCAL:
	case FLOW_BYPASSED_CAPTURE:
		stats->end_bypassed++;
		break;
	}
}

static void end_flow(struct flow_table *table, struct flow *flow, enum flow_end_reason reason)
{
	flow->end_reason = (uint8_t)reason;
	if (table->emergency)
		flow->flags |= FLOW_EMERGENCY;
	count_end(&table->stats, flow);
	if (table->ended)
		table->ended(table->context, flow);
	forget(table, flow);
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	for (unsigned int proto = 0; proto < FLOW_PROTO_COUNT; proto++)
		for (unsigned int state = 0; state < STATES; state++)
			while (table->lists[proto][state].oldest)
				forget(table, table->lists[proto][state].oldest);
	while (table->spare) {
		struct flow *flow = table->spare;

		table->spare = flow->hash_next;
		free(flow);
	}
	free(table->buckets);
	free(table);
}

void flow_table_set_counters(struct flow_table *table, uint64_t *counters)
{
	table->counters = counters;
}

static struct flow *find(
	const struct flow_table *table, const struct flow_key *key, uint64_t hash, enum sensor_dir *ret_dir)
{
	for (struct flow *flow = table->buckets[hash & table->mask]; flow; flow = flow->hash_next)
		if (flow->hash == hash && flow_key_matches(key, flow, ret_dir))
			return flow;
	return NULL;
}

struct flow *flow_table_find(struct flow_table *table, const struct sensor_packet *packet)
{
	struct flow_key key;
	enum sensor_dir dir;

	if (!flow_key_of(&table->rules, packet, flow_key_has_quote(packet), &key))
		return NULL;
	return find(table, &key, flow_key_hash(&key, table->key), &dir);
}

/* The flow that was idle longest: first among those that never got anywhere or are over, then among all. */
static struct flow *victim(const struct flow_table *table)
{
	static const uint8_t order[STATES] = { FLOW_NEW, FLOW_CLOSED, FLOW_ESTABLISHED, FLOW_BYPASSED_LOCAL,
		FLOW_BYPASSED_CAPTURE };

	for (unsigned int i = 0; i < STATES; i++) {
		struct flow *best = NULL;

		for (unsigned int proto = 0; proto < FLOW_PROTO_COUNT; proto++) {
			struct flow *flow = table->lists[proto][order[i]].oldest;

			if (flow && (!best || flow->last_ns < best->last_ns))
				best = flow;
		}
		if (best)
			return best;
	}
	return NULL;
}

/* Emergency mode begins when a flow finds no room, and ends when the recovery share of the ceiling is free again. */
static bool make_room(struct flow_table *table)
{
	struct flow_stats *stats = &table->stats;

	if (stats->memuse + sizeof(struct flow) <= table->settings->flow_memcap_size)
		return true;
	if (!table->emergency) {
		table->emergency = true;
		stats->emergency_entered++;
	}
	for (unsigned int i = 0; i < EVICT_AT_ONCE; i++) {
		struct flow *flow = victim(table);

		if (!flow)
			break;
		stats->evicted++;
		stats->emergency_evicted++;
		end_flow(table, flow, FLOW_END_FORCED);
	}
	return stats->memuse + sizeof(struct flow) <= table->settings->flow_memcap_size;
}

static void check_recovery(struct flow_table *table)
{
	uint64_t ceiling = table->settings->flow_memcap_size;
	uint64_t keep = table->settings->flow_emergency_recovery;

	if (keep > 100)
		keep = 100;
	if (table->emergency && table->stats.memuse <= ceiling / 100 * (100 - keep)) {
		table->emergency = false;
		table->stats.emergency_left++;
	}
}

static struct flow *take_memory(struct flow_table *table)
{
	struct flow *flow = table->spare;

	if (flow) {
		table->spare = flow->hash_next;
		table->stats.spare--;
	} else {
		flow = malloc(sizeof(*flow));
	}
	if (flow)
		memset(flow, 0, sizeof(*flow));
	return flow;
}

static void count_new(struct flow_stats *stats, uint8_t protocol)
{
	stats->active++;
	stats->total++;
	stats->created++;
	if (protocol == PROTO_TCP)
		stats->tcp++;
	else if (protocol == PROTO_UDP)
		stats->udp++;
	else if (protocol == PROTO_ICMP4)
		stats->icmp4++;
	else if (protocol == PROTO_ICMP6)
		stats->icmp6++;
}

static void fill_flow(
	struct flow_table *table, struct flow *flow, const struct flow_key *key, const struct sensor_packet *packet)
{
	flow->table = table;
	flow->client = key->src;
	flow->server = key->dst;
	flow->client_port = key->sport;
	flow->server_port = key->dport;
	memcpy(flow->vlan_ids, key->vlan_ids, sizeof(flow->vlan_ids));
	flow->vlan_count = key->vlan_count;
	flow->protocol = key->protocol;
	flow->recursion = key->recursion;
	flow->tenant = packet->tenant;
	flow->start_ns = flow->last_ns = packet->time_ns;
	flow->id = (flow->hash ^ table->next_id++ * UINT64_C(0x9e3779b97f4a7c15)) & FLOW_ID_MASK;
	if (flow->id == 0)
		flow->id = 1;
	if (packet->ethernet.size >= sizeof(flow->ethernet_first)) {
		memcpy(flow->ethernet_first, packet->ethernet.ptr, sizeof(flow->ethernet_first));
		flow->has_ethernet = true;
	}
}

static struct flow *make_flow(
	struct flow_table *table, const struct flow_key *key, uint64_t hash, const struct sensor_packet *packet)
{
	const struct sensor_settings *settings = table->settings;
	struct flow **bucket = &table->buckets[hash & table->mask];
	struct flow *flow;

	if (packet->flags & PKT_MEMCAP_FLOW ||
		(settings->simulate_flow_memcap != 0 && packet->number == settings->simulate_flow_memcap))
		return NULL;
	if (!make_room(table))
		return NULL;
	flow = take_memory(table);
	if (!flow)
		return NULL;
	flow->hash = hash;
	fill_flow(table, flow, key, packet);
	flow->hash_next = *bucket;
	if (*bucket)
		(*bucket)->hash_prev = flow;
	*bucket = flow;
	list_append(list_of(table, flow), flow);
	table->stats.memuse += sizeof(*flow);
	count_new(&table->stats, flow->protocol);
	return flow;
}

static void note_ttl(struct flow *flow, enum sensor_dir dir, uint8_t ttl)
{
	if (flow->side[dir].packet_count == 0) {
		flow->ttl_min[dir] = flow->ttl_max[dir] = ttl;
		return;
	}
	if (ttl < flow->ttl_min[dir])
		flow->ttl_min[dir] = ttl;
	if (ttl > flow->ttl_max[dir])
		flow->ttl_max[dir] = ttl;
}

/* What the flow knows goes over to the packet, and the other way round. */
static void note_packet(struct flow_table *table, struct flow *flow, struct sensor_packet *packet, bool quoted)
{
	enum sensor_dir dir = (enum sensor_dir)packet->dir;

	note_ttl(flow, dir, packet->ttl);
	flow->side[dir].packet_count++;
	flow->side[dir].byte_count += packet->frame.size;
	flow->flags |= dir == TO_SERVER ? FLOW_SEEN_TO_SERVER : FLOW_SEEN_TO_CLIENT;
	if (quoted)
		flow->flags |= FLOW_ICMP_ERROR_SEEN;
	if (packet->time_ns > flow->last_ns)
		flow->last_ns = packet->time_ns;
	if (flow->protocol != PROTO_TCP && (flow->flags & (FLOW_SEEN_TO_SERVER | FLOW_SEEN_TO_CLIENT)) ==
						   (FLOW_SEEN_TO_SERVER | FLOW_SEEN_TO_CLIENT)) {
		packet->flags |= PKT_ESTABLISHED;
		if (flow->state == FLOW_NEW)
			flow_set_state(table, flow, FLOW_ESTABLISHED);
	}
	if (flow->flags & (FLOW_NO_PACKET_INSPECT | FLOW_PASS))
		packet->flags |= PKT_NO_PACKET_INSPECT;
	if (flow->flags & FLOW_NO_PAYLOAD_INSPECT)
		packet->flags |= PKT_NO_PAYLOAD_INSPECT;
	if (flow->flags & FLOW_DROP && table->settings->ips) {
		packet->action |= ACTION_DROP;
		if (packet->drop_reason == DROP_REASON_NONE)
			packet->drop_reason = DROP_REASON_FLOW_DROP;
	}
	/* To the end of its list; the list stays in order of last_ns as long as packet time does not run backwards. */
	struct flow_list *list = list_of(table, flow);

	if (list->newest != flow) {
		list_remove(list, flow);
		list_append(list, flow);
	}
}

static void refuse(struct flow_table *table, struct sensor_packet *packet)
{
	table->stats.refused++;
	exception_policy_apply(table->settings, table->counters, packet,
		(enum exception_policy)table->settings->policy_flow_memcap, EXCEPTION_TARGET_FLOW_MEMCAP,
		DROP_REASON_FLOW_MEMCAP);
}

/* The flow that an ICMP error quotes a packet of; the error itself travels against that packet. */
static struct flow *find_quoted(struct flow_table *table, struct sensor_packet *packet)
{
	struct flow_key key;
	enum sensor_dir dir;
	struct flow *flow;

	if (!flow_key_has_quote(packet) || !flow_key_of(&table->rules, packet, true, &key))
		return NULL;
	flow = find(table, &key, flow_key_hash(&key, table->key), &dir);
	if (flow)
		packet->dir = (uint8_t)sensor_dir_opposite(dir);
	return flow;
}

void flow_table_packet(struct flow_table *table, struct sensor_packet *packet)
{
	struct flow_key key;
	enum sensor_dir dir = TO_SERVER;
	struct flow *flow;
	uint64_t hash;
	bool reused = false;

	packet->flow = NULL;
	if (!flow_key_of(&table->rules, packet, false, &key))
		return;
	packet->flags |= PKT_HAS_FLOW;
	flow = find_quoted(table, packet);
	if (flow) {
		packet->flow = flow;
		note_packet(table, flow, packet, true);
		return;
	}
	hash = flow_key_hash(&key, table->key);
	flow = find(table, &key, hash, &dir);
	if (flow && packet->has_tcp && stream_session_reusable(table->settings, flow->tcp, packet, dir)) {
		end_flow(table, flow, FLOW_END_TCP_REUSE);
		flow = NULL;
		reused = true;
	}
	if (!flow) {
		dir = TO_SERVER;
		flow = make_flow(table, &key, hash, packet);
		if (!flow) {
			refuse(table, packet);
			return;
		}
		if (reused) {
			flow->flags |= FLOW_TCP_REUSED;
			table->stats.tcp_reuse++;
		}
	}
	packet->flow = flow;
	packet->dir = (uint8_t)dir;
	note_packet(table, flow, packet, false);
}

size_t flow_table_expire(struct flow_table *table, uint64_t now_ns, size_t budget)
{
	size_t count = 0;

	for (unsigned int proto = 0; proto < FLOW_PROTO_COUNT; proto++) {
		for (unsigned int state = 0; state < STATES; state++) {
			struct flow_list *list = &table->lists[proto][state];
			uint64_t timeout_ns = list->timeout_ns[table->emergency];

			while (count < budget && list->oldest && list->oldest->last_ns + timeout_ns < now_ns) {
				table->stats.evicted++;
				end_flow(table, list->oldest, FLOW_END_TIMEOUT);
				count++;
			}
		}
	}
	check_recovery(table);
	return count;
}

void flow_table_end_all(struct flow_table *table, enum flow_end_reason reason)
{
	for (;;) {
		struct flow *best = NULL;

		for (unsigned int proto = 0; proto < FLOW_PROTO_COUNT; proto++) {
			for (unsigned int state = 0; state < STATES; state++) {
				struct flow *flow = table->lists[proto][state].oldest;

				if (flow && (!best || flow->last_ns < best->last_ns))
					best = flow;
			}
		}
		if (!best)
			return;
		end_flow(table, best, reason);
	}
}

void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state)
{
	if (flow->state == state)
		return;
	list_remove(list_of(table, flow), flow);
	flow->state = (uint8_t)state;
	list_append(list_of(table, flow), flow);
}

void flow_bypass(struct flow *flow)
{
	if (!flow_is_bypassed(flow))
		flow_set_state(flow->table, flow, FLOW_BYPASSED_LOCAL);
}

static void swap_bytes(void *left, void *right, size_t size)
{
	uint8_t *one = left, *two = right;

	for (size_t i = 0; i < size; i++) {
		uint8_t byte = one[i];

		one[i] = two[i];
		two[i] = byte;
	}
}

static uint32_t swap_bits(uint32_t flags, uint32_t one, uint32_t two)
{
	uint32_t rest = flags & ~(one | two);

	return rest | (flags & one ? two : 0) | (flags & two ? one : 0);
}

void flow_swap(struct flow *flow)
{
	swap_bytes(&flow->client, &flow->server, sizeof(flow->client));
	swap_bytes(&flow->client_port, &flow->server_port, sizeof(flow->client_port));
	swap_bytes(&flow->side[TO_SERVER], &flow->side[TO_CLIENT], sizeof(flow->side[0]));
	swap_bytes(&flow->ttl_min[TO_SERVER], &flow->ttl_min[TO_CLIENT], 1);
	swap_bytes(&flow->ttl_max[TO_SERVER], &flow->ttl_max[TO_CLIENT], 1);
	swap_bytes(&flow->bypassed_packets[0], &flow->bypassed_packets[1], sizeof(flow->bypassed_packets[0]));
	swap_bytes(&flow->bypassed_bytes[0], &flow->bypassed_bytes[1], sizeof(flow->bypassed_bytes[0]));
	swap_bytes(&flow->icmp_type[0], &flow->icmp_type[1], 1);
	swap_bytes(&flow->icmp_code[0], &flow->icmp_code[1], 1);
	if (flow->macs) {
		swap_bytes(&flow->macs->count[0], &flow->macs->count[1], 1);
		swap_bytes(flow->macs->mac[0], flow->macs->mac[1], sizeof(flow->macs->mac[0]));
	}
	flow->flags = swap_bits(flow->flags, FLOW_SEEN_TO_SERVER, FLOW_SEEN_TO_CLIENT);
	flow->flags = swap_bits(flow->flags, FLOW_IPONLY_TS_DONE, FLOW_IPONLY_TC_DONE);
}

void flow_table_stats(const struct flow_table *table, struct flow_stats *ret)
{
	*ret = table->stats;
}

void flow_table_visit(const struct flow_table *table, flow_visit_fn visit, void *context)
{
	for (uint64_t i = 0; i <= table->mask; i++)
		for (const struct flow *flow = table->buckets[i]; flow; flow = flow->hash_next)
			visit(context, flow);
}
