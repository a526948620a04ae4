// SPDX-License-Identifier: Apache-2.0
/* The challenge, field by field and minute by minute, in the user-space build, where the test moves the clock. That the
 * kernel's build sends the same bytes is shown by test-differential, that real clients understand them by test-clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "case.h"
#include "shield/emulate.h"
#include "tables.h"

#define EPOCH_NS (UINT64_C(1) << 36)
#define START_NS (1000 * EPOCH_NS) /* the beginning of an epoch */

#define SYN  .protocol = PACKET_TCP, .sport = 41234, .dport = 443, .tcp_flags = PACKET_SYN, .tcp_seq = 0x12345678
#define SYN4 .src = GUEST, .dst = CHALLENGED, SYN
#define SYN6 .src = GUEST6, .dst = CHALLENGED6, SYN

static const uint8_t guest_mac[] = { 2, 0, 0, 0, 0, 0x11 }, edge_mac[] = { 2, 0, 0, 0, 0, 0x22 };

struct frame {
	size_t size;
	uint8_t data[2048];
};

static int make_tables(void **state)
{
	struct shield_sizes sizes = tables_sizes(1);
	struct shield_maps *maps = shield_maps_new(&sizes, 0);

	assert_non_null(maps);
	tables_fill(maps);
	*state = maps;
	return 0;
}

static int free_tables(void **state)
{
	shield_maps_free(*state);
	return 0;
}

static void build(const struct packet_spec *spec, struct frame *ret)
{
	assert_int_equal(packet_build(spec, ret->data, sizeof(ret->data), &ret->size), 0);
}

/* Sends a packet; 'ret_answer', which may be null, gets the answer. Returns the reason. */
static enum shield_reason send(
	struct shield_maps *maps, const struct packet_spec *spec, uint64_t now_ns, struct frame *ret_answer)
{
	struct shield_result result;
	struct frame frame = { 0 };

	build(spec, &frame);
	shield_emulate(maps, frame.data, frame.size, now_ns, NULL, NULL, NULL, &result);
	assert_int_equal(result.verdict, shield_reason_verdict(result.reason));
	if (result.verdict == SHIELD_ANSWER) {
		assert_true(result.answer_size <= frame.size);
		frame.size = result.answer_size;
		if (ret_answer)
			*ret_answer = frame;
	}
	return result.reason;
}

static uint32_t cookie_of(const struct frame *answer)
{
	struct packet p;

	assert_int_equal(packet_decode(answer->data, answer->size, &p), PACKET_OK);
	return p.tcp_ack;
}

static uint32_t challenge(struct shield_maps *maps, const struct packet_spec *syn, uint64_t now_ns)
{
	struct frame answer = { 0 };

	assert_int_equal(send(maps, syn, now_ns, &answer), SHIELD_REASON_CHALLENGED);
	return cookie_of(&answer);
}

static enum shield_reason answer(
	struct shield_maps *maps, const struct packet_spec *syn, uint32_t cookie, uint64_t now_ns)
{
	struct packet_spec rst = *syn;

	rst.tcp_flags = PACKET_RST;
	rst.tcp_seq = cookie;
	rst.tcp_mss = 0;
	return send(maps, &rst, now_ns, NULL);
}

/* ---- what is sent --------------------------------------------------------------------------------*/

static const struct packet_spec syns[] = {
	{ SYN4, .tcp_mss = 1460 },
	{ SYN4 },
	{ SYN4, .trailer = 6 },
	{ SYN4, .tcp_mss = 1460, .vlan_count = 2, .vlan = { { 0x88a8, 7 }, { 0, 9 } } },
	{ SYN4, .tcp_mss = 1460, .tos = 0x28, .ttl = 3, .ip_id = 77 },
	{ SYN6, .tcp_mss = 1440 },
	{ SYN6, .tcp_mss = 1440, .vlan_count = 1, .flow_label = 0x12345, .tos = 0xb8 },
};

/* The whole answer, byte by byte, is what the packet builder makes of this. */
static void the_answer_is_a_bare_ack_from_the_destination(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(syns); i++) {
		struct packet_spec syn = syns[i], ack;
		struct frame got = { 0 }, wanted = { 0 };

		syn.src_mac = guest_mac;
		syn.dst_mac = edge_mac;
		assert_int_equal(send(*state, &syn, START_NS, &got), SHIELD_REASON_CHALLENGED);
		ack = (struct packet_spec){ .src_mac = edge_mac,
			.dst_mac = guest_mac,
			.src = syn.dst,
			.dst = syn.src,
			.vlan_count = syn.vlan_count,
			.protocol = PACKET_TCP,
			.sport = syn.dport,
			.dport = syn.sport,
			.tcp_flags = PACKET_ACK,
			.tcp_seq = 0,
			.tcp_ack = cookie_of(&got),
			.tcp_window = 0xffff,
			.dont_fragment = true };
		memcpy(ack.vlan, syn.vlan, sizeof(ack.vlan));
		build(&ack, &wanted);
		assert_int_equal(got.size, wanted.size);
		assert_memory_equal(got.data, wanted.data, wanted.size);
	}
}

static void what_cannot_be_answered_in_place_is_dropped(void **state)
{
	const struct packet_spec syn = { SYN6, .extension_count = 1, .extension = { { .protocol = 60 } } };

	assert_int_equal(send(*state, &syn, START_NS, NULL), SHIELD_REASON_UNPROVEN);
}

static void the_cookie_belongs_to_the_four_ends_of_the_connection(void **state)
{
	const struct packet_spec others[] = {
		{ .src = OTHER, .dst = CHALLENGED, SYN },
		{ .src = GUEST, .dst = "198.18.4.8", SYN },
		{ .src = GUEST,
			.dst = CHALLENGED,
			.protocol = PACKET_TCP,
			.sport = 41235,
			.dport = 443,
			.tcp_flags = PACKET_SYN },
		{ .src = GUEST,
			.dst = CHALLENGED,
			.protocol = PACKET_TCP,
			.sport = 41234,
			.dport = 80,
			.tcp_flags = PACKET_SYN },
	};
	const struct packet_spec syn = { SYN4 }, again = { SYN4, .tcp_mss = 1000 };
	uint32_t cookie = challenge(*state, &syn, START_NS);

	assert_int_equal(challenge(*state, &again, START_NS + 1), cookie);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		assert_int_not_equal(challenge(*state, &others[i], START_NS), cookie);
		assert_int_equal(answer(*state, &others[i], cookie, START_NS), SHIELD_REASON_CHALLENGE_WRONG);
	}
}

/* ---- what comes back -----------------------------------------------------------------------------*/

static void a_right_answer_proves_the_source_for_its_tenant_alone(void **state)
{
	const struct packet_spec syns_of[] = { { SYN4 }, { SYN6 } };
	const struct packet_spec elsewhere = { .src = GUEST, .dst = BUDGET, SYN };

	for (size_t i = 0; i < ARRAY_COUNT(syns_of); i++) {
		uint32_t cookie = challenge(*state, &syns_of[i], START_NS);

		assert_int_equal(answer(*state, &syns_of[i], cookie, START_NS + NS_PER_MS), SHIELD_REASON_PROVEN);
		assert_int_equal(send(*state, &syns_of[i], START_NS + 2 * NS_PER_MS, NULL), SHIELD_REASON_PASSED);
	}
	assert_int_equal(send(*state, &elsewhere, START_NS, NULL), SHIELD_REASON_CHALLENGED);
}

static void a_proof_lasts_as_long_as_configured(void **state)
{
	const struct packet_spec syn = { SYN4 };
	uint32_t cookie = challenge(*state, &syn, START_NS);

	assert_int_equal(answer(*state, &syn, cookie, START_NS), SHIELD_REASON_PROVEN);
	assert_int_equal(send(*state, &syn, START_NS + 299 * NS_PER_S, NULL), SHIELD_REASON_PASSED);
	assert_int_equal(send(*state, &syn, START_NS + 330 * NS_PER_S, NULL), SHIELD_REASON_CHALLENGED);
}

static void a_cookie_lives_for_its_epoch_and_the_next(void **state)
{
	const struct packet_spec syn = { SYN4 }, other = { .src = OTHER, .dst = CHALLENGED, SYN };
	uint32_t cookie = challenge(*state, &syn, START_NS), late = challenge(*state, &other, START_NS);

	assert_int_not_equal(challenge(*state, &syn, START_NS + EPOCH_NS), cookie);
	assert_int_equal(answer(*state, &other, late, START_NS + 2 * EPOCH_NS), SHIELD_REASON_CHALLENGE_WRONG);
	assert_int_equal(answer(*state, &syn, cookie, START_NS + 2 * EPOCH_NS - 1), SHIELD_REASON_PROVEN);
}

/* Guessing: the sequence numbers around the right one, and then so many that the source is not heard any more. */
static void wrong_answers_are_limited(void **state)
{
	const struct packet_spec syn = { SYN4 }, other = { .src = OTHER, .dst = CHALLENGED, SYN };
	uint32_t cookie = challenge(*state, &syn, START_NS), fresh;
	uint64_t later_ns = START_NS + 2 * EPOCH_NS;

	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(answer(*state, &syn, cookie + i, START_NS), SHIELD_REASON_CHALLENGE_WRONG);
	assert_int_equal(answer(*state, &syn, cookie, START_NS), SHIELD_REASON_CHALLENGE_WRONG);
	/* Nobody else pays for it, and it ends. */
	fresh = challenge(*state, &other, START_NS);
	assert_int_equal(answer(*state, &other, fresh, START_NS), SHIELD_REASON_PROVEN);
	fresh = challenge(*state, &syn, later_ns);
	assert_int_equal(answer(*state, &syn, fresh, later_ns), SHIELD_REASON_PROVEN);
}

static void another_key_gives_another_cookie(void **state)
{
	const struct packet_spec syn = { SYN4 };
	struct shield_maps *maps = *state;
	uint32_t cookie = challenge(maps, &syn, START_NS);

	maps->globals->cookie_key[0] ^= 1;
	assert_int_not_equal(challenge(maps, &syn, START_NS), cookie);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_tables, free_tables)
	static const struct CMUnitTest tests[] = {
		TEST(the_answer_is_a_bare_ack_from_the_destination),
		TEST(what_cannot_be_answered_in_place_is_dropped),
		TEST(the_cookie_belongs_to_the_four_ends_of_the_connection),
		TEST(a_right_answer_proves_the_source_for_its_tenant_alone),
		TEST(a_proof_lasts_as_long_as_configured),
		TEST(a_cookie_lives_for_its_epoch_and_the_next),
		TEST(wrong_answers_are_limited),
		TEST(another_key_gives_another_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
