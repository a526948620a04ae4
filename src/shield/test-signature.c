// SPDX-License-Identifier: Apache-2.0
/* What the search finds in made-up windows, and what it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "shield/signature.h"

enum { PEACE = 2048, WINDOW = 1024, FRESH = 20000 };

static uint64_t random_state;
static struct signature_sample peace[PEACE], window[WINDOW];

static uint32_t roll(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % below);
}

static const struct packet_addr host = { .byte = { 192, 0, 2, 53 } };
static const struct packet_addr host_mask = { .byte = { 255, 255, 255, 255 } };

/* A question to the one name server, among other UDP hosts of the tenant. */
static struct signature_sample usual(bool to_host)
{
	struct signature_sample s = { .dst = host, .weight = 1, .family = 4, .protocol = PACKET_UDP };

	s.class_id = SHIELD_CLASS_UDP;
	s.dst.byte[3] = to_host ? 53 : (uint8_t)roll(50);
	s.sport = (uint16_t)(1024 + roll(64000));
	s.dport = 53;
	s.size = (uint16_t)(58 + roll(40));
	s.ttl = (uint8_t)((roll(2) ? 64 : 128) - roll(20));
	s.head[0] = 0x0000010000010000u | roll(65536);
	s.head[1] = (uint64_t)roll(1u << 31) << 32;
	return s;
}

static struct signature_sample bad_sport(void)
{
	struct signature_sample s = usual(true);

	s.sport = 4444;
	return s;
}

static struct signature_sample bad_size(void)
{
	struct signature_sample s = usual(true);

	s.size = (uint16_t)(900 + roll(400));
	return s;
}

static struct signature_sample bad_ttl(void)
{
	struct signature_sample s = usual(true);

	s.ttl = (uint8_t)(230 + roll(8));
	return s;
}

static struct signature_sample bad_payload(void)
{
	struct signature_sample s = usual(true);

	s.head[1] = (s.head[1] & ~0xffffull << 32) | 0xbeefull << 32;
	return s;
}

static struct signature_sample bad_ports(void)
{
	struct signature_sample s = usual(true);

	s.dport = (uint16_t)(1000 + roll(60000));
	return s;
}

static struct signature_sample bad_two_kinds(void)
{
	return roll(2) ? bad_sport() : bad_size();
}

static struct signature_sample bad_alike(void)
{
	return usual(true);
}

typedef struct signature_sample (*maker_fn)(void);

/* The window holds one packet of ordinary traffic to the host beside every four of the flood. */
static size_t learn(maker_fn make, double budget, struct signature_found *found, size_t max)
{
	struct signature_scratch *scratch = signature_scratch_new();
	struct signature_problem problem = {
		.window = window,
		.peace = peace,
		.window_count = WINDOW,
		.peace_count = PEACE,
		.class_id = SHIELD_CLASS_UDP,
		.family = 4,
		.dst = host,
		.dst_mask = host_mask,
		.window_pps = 5000,
		.peace_pps = 2000, /* half of it to the host */
		.budget = budget,
	};
	size_t count;

	assert_non_null(scratch);
	random_state = 11;
	for (int i = 0; i < PEACE; i++)
		peace[i] = usual(i % 2);
	for (int i = 0; i < WINDOW; i++)
		window[i] = i % 5 ? make() : usual(true);
	count = signature_learn(scratch, &problem, found, max);
	signature_scratch_free(scratch);
	return count;
}

static double share_hit(maker_fn make, const struct signature_found *found, size_t count)
{
	size_t hits = 0;

	for (int i = 0; i < FRESH; i++) {
		struct signature_sample sample = make ? make() : usual(roll(2));
		bool hit = false;

		for (size_t j = 0; j < count; j++)
			hit |= found[j].signature.enforce && signature_matches(&found[j].signature, &sample);
		hits += hit;
	}
	return (double)hits / FRESH;
}

static void test_found(void **state)
{
	static const struct {
		const char *name;
		maker_fn make;
		uint32_t field;
	} cases[] = {
		{ "one source port", bad_sport, SHIELD_SIGNATURE_SPORT },
		{ "a range of sizes", bad_size, SHIELD_SIGNATURE_SIZE },
		{ "a range of TTLs", bad_ttl, SHIELD_SIGNATURE_TTL },
		{ "two payload bytes", bad_payload, SHIELD_SIGNATURE_PAYLOAD },
		{ "ports all over", bad_ports, SHIELD_SIGNATURE_DPORT },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct signature_found found[8];
		size_t count = learn(cases[i].make, 0.005, found, 8);
		char text[256];

		print_message("%s: %s\n", cases[i].name,
			count ? signature_text(&found[0].signature, text, sizeof(text)) : "-");
		assert_true(count >= 1);
		assert_int_equal(found[0].signature.enforce, 1);
		assert_true(found[0].signature.fields & cases[i].field);
		assert_true(found[0].peace_share_bound <= 0.005);
		assert_true(share_hit(cases[i].make, found, count) >= 0.95);
		assert_true(share_hit(NULL, found, count) <= 0.005);
	}
}

static void test_two_kinds_two_signatures(void **state)
{
	struct signature_found found[8];
	size_t count = learn(bad_sport, 0.005, found, 8);

	/* One kind first: exactly the port, and one signature is enough. */
	assert_int_equal(count, 1);
	assert_int_equal(found[0].signature.sport_min, 4444);
	assert_int_equal(found[0].signature.sport_max, 4444);
	count = learn(bad_two_kinds, 0.005, found, 8);

	assert_true(count >= 2);
	assert_true(share_hit(bad_two_kinds, found, count) >= 0.95);
	assert_true(share_hit(NULL, found, count) <= 0.005);
	/* With room for one, half of it. */
	count = learn(bad_two_kinds, 0.005, found, 1);
	assert_int_equal(count, 1);
	assert_true(share_hit(bad_two_kinds, found, count) >= 0.45);
}

static void test_no_difference_no_signature(void **state)
{
	struct signature_found found[8];
	size_t count = learn(bad_alike, 0.005, found, 8);

	assert_true(count <= 1);
	assert_true(share_hit(bad_alike, found, count) == 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(found[i].signature.enforce, 0);
}

/* Even a clean separation cannot be proven by 2,048 samples to be under one in ten thousand. */
static void test_budget_below_what_samples_can_tell(void **state)
{
	struct signature_found found[8];
	size_t count = learn(bad_sport, 0.0001, found, 8);

	assert_int_equal(count, 1);
	assert_int_equal(found[0].signature.enforce, 0);
	assert_true(found[0].peace_share_bound > 0.0001);
}

/* UDP is one packet in three hundred of this tenant: inside the budget, and still not to be cut off. */
static void test_small_service_is_guarded(void **state)
{
	struct signature_scratch *scratch = signature_scratch_new();
	struct signature_problem problem = {
		.window = window,
		.peace = peace,
		.window_count = WINDOW,
		.peace_count = PEACE,
		.class_id = SHIELD_CLASS_UDP,
		.family = 4,
		.dst = host,
		.dst_mask = host_mask,
		.window_pps = 5000,
		.peace_pps = 10,
		.budget = 0.02,
	};
	struct signature_found found[8];
	size_t count;

	assert_non_null(scratch);
	random_state = 5;
	for (int i = 0; i < PEACE; i++) {
		peace[i] = usual(true);
		if (i % 300)
			peace[i].class_id = SHIELD_CLASS_TCP;
	}
	for (int i = 0; i < WINDOW; i++)
		window[i] = bad_alike();
	count = signature_learn(scratch, &problem, found, 8);
	for (size_t i = 0; i < count; i++)
		assert_true(!found[i].signature.enforce || share_hit(bad_alike, &found[i], 1) < 0.5);
	signature_scratch_free(scratch);
}

static void test_too_little(void **state)
{
	struct signature_scratch *scratch = signature_scratch_new();
	struct signature_found found[1];
	struct signature_problem problem = { .window = window,
		.peace = peace,
		.class_id = SHIELD_CLASS_UDP,
		.family = 4,
		.window_pps = 100,
		.budget = 1 };

	assert_non_null(scratch);
	random_state = 3;
	for (int i = 0; i < WINDOW; i++)
		window[i] = bad_sport();
	problem.window_count = SIGNATURE_WINDOW_MIN - 1;
	assert_int_equal(signature_learn(scratch, &problem, found, 1), 0);
	problem.window_count = SIGNATURE_WINDOW_MIN;
	assert_int_equal(signature_learn(scratch, &problem, found, 1), 1);
	/* Without peace nothing is known about what it would hit. */
	problem.budget = 0.005;
	assert_int_equal(signature_learn(scratch, &problem, found, 1), 1);
	assert_int_equal(found[0].signature.enforce, 0);
	assert_true(found[0].peace_share_bound >= 1);
	signature_scratch_free(scratch);
}

/* The longest search is one that fails on every rung of the ladder. It runs inside a tick of 100 ms. */
static void test_cost_of_a_search(void **state)
{
	enum { RUNS = 20 };
	struct signature_found found[8];
	clock_t start = clock();
	double ms;

	for (int i = 0; i < RUNS; i++)
		(void)learn(bad_alike, 0.005, found, 8);
	ms = (double)(clock() - start) * 1000 / CLOCKS_PER_SEC / RUNS;
	print_message("a search in vain: %.1f ms\n", ms);
	assert_true(ms < 100);
}

static void test_bound(void **state)
{
	static const struct {
		double share, count, low, high;
	} cases[] = {
		{ 0, 0, 1, 1 },
		{ 0, 539, 0.0049, 0.005 },
		{ 0, 2048, 0.0013, 0.0014 },
		{ 0.5, 1e9, 0.5, 0.5001 },
		{ 1, 10, 0.999, 1.001 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		double bound = signature_share_bound(cases[i].share, cases[i].count);

		assert_true(bound >= cases[i].low && bound <= cases[i].high);
	}
}

static void test_text(void **state)
{
	struct shield_signature s = { .family = 4, .protocol = PACKET_UDP, .dst = host, .dst_mask = host_mask };
	char text[256], small[8];

	s.fields =
		SHIELD_SIGNATURE_PROTOCOL | SHIELD_SIGNATURE_SPORT | SHIELD_SIGNATURE_SIZE | SHIELD_SIGNATURE_PAYLOAD;
	s.sport_min = s.sport_max = 123;
	s.size_min = 400;
	s.size_max = 500;
	s.payload[0] = 0x2a000017;
	s.payload_mask[0] = 0xff0000ff;
	assert_string_equal(
		signature_text(&s, text, sizeof(text)), "udp to 192.0.2.53/32 sport 123 size 400-500 payload 17????2a");
	assert_string_equal(signature_text(&s, small, sizeof(small)), "udp to ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_two_kinds_two_signatures),
		cmocka_unit_test(test_no_difference_no_signature),
		cmocka_unit_test(test_budget_below_what_samples_can_tell),
		cmocka_unit_test(test_small_service_is_guarded),
		cmocka_unit_test(test_too_little),
		cmocka_unit_test(test_cost_of_a_search),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
