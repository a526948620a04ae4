// SPDX-License-Identifier: Apache-2.0
/* The flow table: keys of both directions, states, timeouts, ceilings, ICMP errors, and exception policies. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/decode/packet.h"
#include "sensor/flow/exception.h"
#include "sensor/flow/flow-key.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stats.h"

enum { TCP = 6, UDP = 17, ICMP4 = 1, ICMP6 = 58, SECOND = 1000000000 };

struct bed {
	struct sensor_settings settings;
	struct flow_table *table;
	uint64_t counters[STATS_COUNTERS_MAX];
	struct sensor_packet packet;
	uint8_t frame[1500];
	uint64_t now_ns, number;
	unsigned int ended, released;
	uint8_t last_reason;
	uint64_t last_id;
};

static struct bed bed;

static void ended(void *context, struct flow *flow)
{
	bed.ended++;
	bed.last_reason = flow->end_reason;
	bed.last_id = flow->id;
}

static void released(void *context, struct flow *flow)
{
	bed.released++;
}

static void set_defaults(void)
{
	memset(&bed, 0, sizeof(bed));
	bed.settings.flow_memcap_size = 1 << 20;
	bed.settings.flow_hash_count = 256;
	bed.settings.flow_emergency_recovery = 30;
	bed.settings.vlan_use_for_tracking = true;
	bed.settings.recursion_use_for_tracking = true;
	for (unsigned int i = 0; i < FLOW_PROTO_COUNT; i++)
		bed.settings.flow_timeouts[i] =
			(struct flow_timeouts){ { 30, 10 }, { 300, 100 }, { 5, 1 }, { 100, 50 } };
	bed.now_ns = 1000 * (uint64_t)SECOND;
}

static void open_bed(void)
{
	struct siphash_key key = { 0x1234, 0x5678 };

	bed.table = flow_table_new(&bed.settings, key, ended, released, &bed);
	assert_non_null(bed.table);
	flow_table_set_counters(bed.table, bed.counters);
}

static void close_bed(void)
{
	flow_table_end_all(bed.table, FLOW_END_SHUTDOWN);
	assert_int_equal(bed.ended, bed.released);
	flow_table_free(bed.table);
}

static void prepare(uint8_t protocol, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct sensor_packet *p = &bed.packet;
	uint8_t from[4] = { 10, (uint8_t)(src >> 16), (uint8_t)(src >> 8), (uint8_t)src };
	uint8_t to[4] = { 10, (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst };

	memset(p, 0, sizeof(*p));
	p->frame = bytes_of(bed.frame, 100);
	p->family = 4;
	p->protocol = protocol;
	p->has_tcp = protocol == TCP;
	p->has_udp = protocol == UDP;
	p->has_icmp4 = protocol == ICMP4;
	p->has_icmp6 = protocol == ICMP6;
	p->src = ip_addr_v4(from);
	p->dst = ip_addr_v4(to);
	p->sport = sport;
	p->dport = dport;
	p->ttl = 64;
	p->time_ns = bed.now_ns;
	p->number = ++bed.number;
}

static struct flow *give(uint8_t protocol, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	prepare(protocol, src, sport, dst, dport);
	flow_table_packet(bed.table, &bed.packet);
	return bed.packet.flow;
}

static void test_both_directions_find_the_flow(void **state)
{
	struct flow *flow, *other;

	(void)state;
	set_defaults();
	open_bed();
	flow = give(UDP, 1, 1000, 2, 53);
	assert_non_null(flow);
	assert_int_equal(bed.packet.dir, TO_SERVER);
	assert_int_equal(flow->state, FLOW_NEW);
	assert_int_equal(flow->client_port, 1000);
	assert_false(bed.packet.flags & PKT_ESTABLISHED);
	bed.now_ns += SECOND;
	assert_ptr_equal(give(UDP, 2, 53, 1, 1000), flow);
	assert_int_equal(bed.packet.dir, TO_CLIENT);
	assert_true(bed.packet.flags & PKT_ESTABLISHED);
	assert_int_equal(flow->state, FLOW_ESTABLISHED);
	assert_int_equal(flow->side[TO_SERVER].packet_count, 1);
	assert_int_equal(flow->side[TO_CLIENT].byte_count, 100);
	assert_int_equal(flow->last_ns - flow->start_ns, SECOND);
	assert_true(flow->id != 0 && flow->id >> 51 == 0);
	other = give(UDP, 1, 1001, 2, 53);
	assert_ptr_not_equal(other, flow);
	assert_ptr_not_equal(give(TCP, 1, 1000, 2, 53), flow);
	prepare(UDP, 1, 1000, 2, 53);
	assert_ptr_equal(flow_table_find(bed.table, &bed.packet), flow);
	close_bed();
}

static void test_vlan_and_recursion_part_flows(void **state)
{
	struct flow *flow;

	(void)state;
	for (unsigned int on = 0; on < 2; on++) {
		set_defaults();
		bed.settings.vlan_use_for_tracking = bed.settings.recursion_use_for_tracking = on;
		open_bed();
		flow = give(UDP, 1, 1000, 2, 53);
		prepare(UDP, 1, 1000, 2, 53);
		bed.packet.vlan_count = 1;
		bed.packet.vlan_ids[0] = 7;
		flow_table_packet(bed.table, &bed.packet);
		assert_int_equal(bed.packet.flow == flow, !on);
		prepare(UDP, 1, 1000, 2, 53);
		bed.packet.recursion = 1;
		flow_table_packet(bed.table, &bed.packet);
		assert_int_equal(bed.packet.flow == flow, !on);
		close_bed();
	}
}

static void test_packets_without_flow(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	prepare(UDP, 1, 1, 2, 2);
	bed.packet.flags = PKT_FRAGMENT;
	flow_table_packet(bed.table, &bed.packet);
	assert_null(bed.packet.flow);
	prepare(UDP, 1, 1, 2, 2);
	bed.packet.flags = PKT_INVALID;
	flow_table_packet(bed.table, &bed.packet);
	assert_null(bed.packet.flow);
	prepare(89, 1, 1, 2, 2);
	flow_table_packet(bed.table, &bed.packet);
	assert_null(bed.packet.flow);
	close_bed();
	assert_int_equal(bed.ended, 0);
}

static struct flow *give_icmp(uint32_t src, uint32_t dst, uint8_t type)
{
	prepare(ICMP4, src, 0, dst, 0);
	bed.packet.icmp.type = type;
	flow_table_packet(bed.table, &bed.packet);
	return bed.packet.flow;
}

static void test_icmp_answers_belong_to_questions(void **state)
{
	static const uint8_t pairs[][2] = { { 8, 0 }, { 13, 14 }, { 17, 18 } };
	struct flow *flow;

	(void)state;
	set_defaults();
	open_bed();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		flow = give_icmp(1, 2, pairs[i][0]);
		assert_ptr_equal(give_icmp(2, 1, pairs[i][1]), flow);
		assert_int_equal(bed.packet.dir, TO_CLIENT);
		assert_int_equal(flow->state, FLOW_ESTABLISHED);
	}
	close_bed();
}

static void test_icmp_error_belongs_to_the_quoted_flow(void **state)
{
	struct flow *flow;

	(void)state;
	set_defaults();
	open_bed();
	flow = give(UDP, 1, 1000, 2, 53);
	prepare(ICMP4, 9, 0, 1, 0);
	bed.packet.icmp = (struct packet_icmp){ .type = 3,
		.code = 3,
		.has_inner = true,
		.inner_protocol = UDP,
		.inner_sport = 1000,
		.inner_dport = 53,
		.inner_src = flow->client,
		.inner_dst = flow->server };
	flow_table_packet(bed.table, &bed.packet);
	assert_ptr_equal(bed.packet.flow, flow);
	assert_int_equal(bed.packet.dir, TO_CLIENT);
	assert_true(flow->flags & FLOW_ICMP_ERROR_SEEN);
	/* One that quotes an unknown flow has its own. */
	prepare(ICMP4, 9, 0, 1, 0);
	bed.packet.icmp = (struct packet_icmp){ .type = 3,
		.code = 3,
		.has_inner = true,
		.inner_protocol = UDP,
		.inner_sport = 1,
		.inner_dport = 53,
		.inner_src = flow->client,
		.inner_dst = flow->server };
	flow_table_packet(bed.table, &bed.packet);
	assert_non_null(bed.packet.flow);
	assert_int_equal(bed.packet.flow->protocol, ICMP4);
	close_bed();
}

static void test_timeouts_by_state(void **state)
{
	struct flow *fresh, *answered, *closed;
	uint64_t ids[3];

	(void)state;
	set_defaults();
	open_bed();
	fresh = give(UDP, 1, 1, 2, 2);
	answered = give(UDP, 3, 1, 4, 2);
	give(UDP, 4, 2, 3, 1);
	closed = give(UDP, 5, 1, 6, 2);
	flow_set_state(bed.table, closed, FLOW_CLOSED);
	ids[0] = closed->id;
	ids[1] = fresh->id;
	ids[2] = answered->id;
	assert_int_equal(flow_table_expire(bed.table, bed.now_ns + 5 * (uint64_t)SECOND, 100), 0);
	assert_int_equal(flow_table_expire(bed.table, bed.now_ns + 6 * (uint64_t)SECOND, 100), 1);
	assert_int_equal(bed.last_id, ids[0]);
	assert_int_equal(bed.last_reason, FLOW_END_TIMEOUT);
	assert_int_equal(flow_table_expire(bed.table, bed.now_ns + 31 * (uint64_t)SECOND, 100), 1);
	assert_int_equal(bed.last_id, ids[1]);
	assert_int_equal(flow_table_expire(bed.table, bed.now_ns + 301 * (uint64_t)SECOND, 0), 0);
	assert_int_equal(flow_table_expire(bed.table, bed.now_ns + 301 * (uint64_t)SECOND, 1), 1);
	assert_int_equal(bed.last_id, ids[2]);
	close_bed();
}

static void test_ceiling_evicts_the_oldest(void **state)
{
	struct flow_stats stats;
	struct flow *kept;
	uint64_t kept_id;

	(void)state;
	set_defaults();
	bed.settings.flow_memcap_size = 256 * sizeof(void *) + 50 * sizeof(struct flow);
	open_bed();
	kept = give(UDP, 1, 1, 2, 2);
	kept_id = kept->id;
	give(UDP, 2, 2, 1, 1);
	for (uint32_t i = 0; i < 200; i++) {
		bed.now_ns += SECOND / 1000;
		assert_non_null(give(UDP, 100 + i, 1, 2, 2));
	}
	flow_table_stats(bed.table, &stats);
	assert_true(stats.memuse <= bed.settings.flow_memcap_size);
	assert_int_equal(stats.emergency_entered, 1);
	assert_int_equal(stats.refused, 0);
	assert_true(stats.emergency_evicted >= 151);
	assert_int_equal(stats.active + stats.end_new + stats.end_established, 201);
	/* The one that was answered outlives those that were not. */
	prepare(UDP, 1, 1, 2, 2);
	assert_int_equal(flow_table_find(bed.table, &bed.packet)->id, kept_id);
	flow_table_expire(bed.table, bed.now_ns + 11 * (uint64_t)SECOND, 1000);
	flow_table_stats(bed.table, &stats);
	assert_int_equal(stats.emergency_left, 1);
	assert_int_equal(stats.active, 1);
	close_bed();
}

static void test_no_room_at_all(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.flow_memcap_size = 100;
	bed.settings.ips = true;
	bed.settings.policy_flow_memcap = EXCEPTION_DROP_FLOW;
	open_bed();
	assert_null(give(UDP, 1, 1, 2, 2));
	assert_true(bed.packet.action & ACTION_DROP);
	assert_int_equal(bed.packet.drop_reason, DROP_REASON_FLOW_MEMCAP);
	/* Without a flow, the policy for flows is one for packets. */
	assert_int_equal(bed.counters[stats_register("exception_policy.flow.memcap.drop_packet")], 1);
	assert_int_equal(bed.counters[stats_register("exception_policy.flow.memcap.drop_flow")], 0);
	close_bed();
}

static void test_simulated_ceiling(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.simulate_flow_memcap = 2;
	open_bed();
	assert_non_null(give(UDP, 1, 1, 2, 2));
	assert_null(give(UDP, 3, 1, 2, 2));
	assert_non_null(give(UDP, 3, 1, 2, 2));
	close_bed();
}

struct policy_case {
	enum exception_policy policy;
	bool ips;
	enum exception_policy applied;
	uint8_t action;
	uint32_t flow_flags;
	uint8_t flow_state;
	bool inspected;
};

static const struct policy_case policy_cases[] = {
	{ EXCEPTION_IGNORE, true, EXCEPTION_IGNORE, 0, 0, FLOW_NEW, true },
	{ EXCEPTION_NOT_SET, true, EXCEPTION_IGNORE, 0, 0, FLOW_NEW, true },
	{ EXCEPTION_PASS_PACKET, true, EXCEPTION_PASS_PACKET, 0, 0, FLOW_NEW, false },
	{ EXCEPTION_PASS_FLOW, false, EXCEPTION_PASS_FLOW, 0, FLOW_PASS, FLOW_NEW, false },
	{ EXCEPTION_BYPASS, false, EXCEPTION_BYPASS, 0, FLOW_PASS, FLOW_BYPASSED_LOCAL, false },
	{ EXCEPTION_DROP_PACKET, true, EXCEPTION_DROP_PACKET, ACTION_DROP, 0, FLOW_NEW, false },
	{ EXCEPTION_DROP_PACKET, false, EXCEPTION_IGNORE, 0, 0, FLOW_NEW, true },
	{ EXCEPTION_DROP_FLOW, true, EXCEPTION_DROP_FLOW, ACTION_DROP, FLOW_DROP, FLOW_NEW, false },
	{ EXCEPTION_DROP_FLOW, false, EXCEPTION_IGNORE, 0, 0, FLOW_NEW, true },
	{ EXCEPTION_REJECT, true, EXCEPTION_REJECT, ACTION_DROP | ACTION_REJECT, FLOW_DROP, FLOW_NEW, false },
	{ EXCEPTION_REJECT, false, EXCEPTION_IGNORE, 0, 0, FLOW_NEW, true },
	{ EXCEPTION_REJECT_BOTH, true, EXCEPTION_REJECT_BOTH, ACTION_DROP | ACTION_REJECT_BOTH, FLOW_DROP, FLOW_NEW,
		false },
};

static void test_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(policy_cases) / sizeof(policy_cases[0]); i++) {
		const struct policy_case *row = &policy_cases[i];
		struct flow *flow;

		set_defaults();
		bed.settings.ips = row->ips;
		bed.settings.policy_midstream = (uint8_t)row->policy;
		open_bed();
		flow = give(UDP, 1, 1, 2, 2);
		assert_int_equal(exception_policy_apply(&bed.settings, bed.counters, &bed.packet, row->policy,
					 EXCEPTION_TARGET_STREAM_MIDSTREAM, DROP_REASON_STREAM_MIDSTREAM),
			row->applied);
		assert_int_equal(bed.packet.action, row->action);
		assert_int_equal(flow->flags & (FLOW_PASS | FLOW_DROP), row->flow_flags);
		assert_int_equal(flow->state, row->flow_state);
		assert_int_equal((bed.packet.flags & PKT_NO_PACKET_INSPECT) == 0, row->inspected);
		assert_int_equal(flow->exception_policy[EXCEPTION_TARGET_STREAM_MIDSTREAM], row->applied);
		assert_int_equal(flow->exception_seen, 1 << EXCEPTION_TARGET_STREAM_MIDSTREAM);
		/* The next packet of the flow has its fate. */
		give(UDP, 1, 1, 2, 2);
		assert_int_equal((bed.packet.action & ACTION_DROP) != 0, (row->flow_flags & FLOW_DROP) != 0);
		if (row->flow_flags & FLOW_DROP)
			assert_int_equal(bed.packet.drop_reason, DROP_REASON_FLOW_DROP);
		assert_int_equal((bed.packet.flags & PKT_NO_PACKET_INSPECT) != 0, row->flow_flags != 0);
		close_bed();
	}
}

static void test_swap(void **state)
{
	struct flow *flow;

	(void)state;
	set_defaults();
	open_bed();
	flow = give(UDP, 1, 1000, 2, 53);
	flow_swap(flow);
	assert_int_equal(flow->client_port, 53);
	assert_int_equal(flow->side[TO_CLIENT].packet_count, 1);
	assert_int_equal(flow->flags & (FLOW_SEEN_TO_SERVER | FLOW_SEEN_TO_CLIENT), FLOW_SEEN_TO_CLIENT);
	assert_ptr_equal(give(UDP, 1, 1000, 2, 53), flow);
	assert_int_equal(bed.packet.dir, TO_CLIENT);
	close_bed();
}

static void test_hash_is_symmetric_and_keyed(void **state)
{
	struct siphash_key one = { 1, 2 }, two = { 3, 4 };
	struct flow_key_rules rules = { .vlan = true, .recursion = true };
	struct flow_key key, back;
	unsigned int buckets[64] = { 0 }, worst = 0;

	(void)state;
	set_defaults();
	for (uint32_t i = 0; i < 6400; i++) {
		uint64_t hash;

		prepare(TCP, i, (uint16_t)(1024 + i), 7, 80);
		assert_true(flow_key_of(&rules, &bed.packet, false, &key));
		prepare(TCP, 7, 80, i, (uint16_t)(1024 + i));
		assert_true(flow_key_of(&rules, &bed.packet, false, &back));
		hash = flow_key_hash(&key, one);
		assert_int_equal(hash, flow_key_hash(&back, one));
		assert_int_not_equal(hash, flow_key_hash(&key, two));
		buckets[hash % 64]++;
	}
	for (unsigned int i = 0; i < 64; i++)
		worst = buckets[i] > worst ? buckets[i] : worst;
	assert_true(worst < 160); /* 100 expected */
}

static void count_visit(void *context, const struct flow *flow)
{
	++*(unsigned int *)context;
}

static void test_many_flows_end_in_order(void **state)
{
	unsigned int visited = 0;

	(void)state;
	set_defaults();
	bed.settings.flow_memcap_size = 64 << 20;
	open_bed();
	for (uint32_t i = 0; i < 5000; i++)
		assert_non_null(give(i % 2 ? TCP : UDP, i, 1, 70000, 2));
	flow_table_visit(bed.table, count_visit, &visited);
	assert_int_equal(visited, 5000);
	flow_table_end_all(bed.table, FLOW_END_SHUTDOWN);
	assert_int_equal(bed.ended, 5000);
	assert_int_equal(bed.last_reason, FLOW_END_SHUTDOWN);
	close_bed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_directions_find_the_flow),
		cmocka_unit_test(test_vlan_and_recursion_part_flows),
		cmocka_unit_test(test_packets_without_flow),
		cmocka_unit_test(test_icmp_answers_belong_to_questions),
		cmocka_unit_test(test_icmp_error_belongs_to_the_quoted_flow),
		cmocka_unit_test(test_timeouts_by_state),
		cmocka_unit_test(test_ceiling_evicts_the_oldest),
		cmocka_unit_test(test_no_room_at_all),
		cmocka_unit_test(test_simulated_ceiling),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_hash_is_symmetric_and_keyed),
		cmocka_unit_test(test_many_flows_end_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
