// SPDX-License-Identifier: Apache-2.0
/* Thresholds: a row of times, and what each match is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "sensor/detect/flow-notes.h"
#include "sensor/detect/tag.h"
#include "sensor/detect/testrules.h"
#include "sensor/detect/threshold.h"

/* A: alert, S: silent, N: nothing, C: alert with the changed action; one letter for each second of 'times'. */
struct threshold_case {
	struct rule_threshold threshold;
	const char *times;
	const char *answers;
};

#define START_S 1000000

static const struct threshold_case cases[] = {
	{ { .type = RULE_THRESHOLD_LIMIT, .count = 2, .seconds = 10 }, "0000", "AASS" },
	{ { .type = RULE_THRESHOLD_LIMIT, .count = 1, .seconds = 3 }, "01234567", "ASSSASSS" },
	{ { .type = RULE_THRESHOLD_THRESHOLD, .count = 3, .seconds = 60 }, "0123456", "NNANNAN" },
	{ { .type = RULE_THRESHOLD_THRESHOLD, .count = 1, .seconds = 60 }, "012", "AAA" },
	{ { .type = RULE_THRESHOLD_THRESHOLD, .count = 2, .seconds = 1 }, "0246", "NNNN" },
	{ { .type = RULE_THRESHOLD_BOTH, .count = 3, .seconds = 60 }, "012345", "NNASSS" },
	{ { .type = RULE_THRESHOLD_BOTH, .count = 2, .seconds = 3 }, "01245678", "NASNASSN" },
	{ { .type = RULE_THRESHOLD_DETECTION_FILTER, .count = 2, .seconds = 60 }, "01234", "NNAAA" },
	{ { .type = RULE_THRESHOLD_DETECTION_FILTER, .count = 1, .seconds = 2 }, "0134", "NANA" },
	{ { .type = RULE_THRESHOLD_RATE_FILTER, .count = 1, .seconds = 60, .timeout = 3 }, "01234", "ACCCC" },
	{ { .type = RULE_THRESHOLD_RATE_FILTER, .count = 1, .seconds = 2, .timeout = 2 }, "0136789", "ACCACCC" },
	{ { .type = RULE_THRESHOLD_BACKOFF, .count = 1, .multiplier = 2 }, "000000000", "AASASSSAS" },
	{ { .type = RULE_THRESHOLD_BACKOFF, .count = 2, .multiplier = 3 }, "0000000", "NASSSAS" },
};

static char letter(enum threshold_answer answer, bool changed)
{
	if (changed)
		return 'C';
	return answer == THRESHOLD_ALERT ? 'A' : answer == THRESHOLD_SILENT ? 'S' : 'N';
}

static void test_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct threshold_state counts = { 0 };
		char answers[32] = "";

		for (size_t k = 0; cases[i].times[k]; k++) {
			uint64_t now_ns = (START_S + (uint64_t)(cases[i].times[k] - '0')) * NS_PER_S;
			bool changed;
			enum threshold_answer answer =
				threshold_count(&counts, &cases[i].threshold, now_ns, 80, &changed);

			answers[k] = letter(answer, changed);
			answers[k + 1] = '\0';
		}
		if (strcmp(answers, cases[i].answers) != 0)
			fail_msg("row %zu: %s, expected %s", i, answers, cases[i].answers);
	}
}

static void test_unique_ports(void **state)
{
	const struct rule_threshold threshold = {
		.type = RULE_THRESHOLD_DETECTION_FILTER, .count = 2, .seconds = 10, .unique_on = RULE_UNIQUE_DST_PORT
	};
	static const uint16_t ports[] = { 1, 1, 1, 65535, 65535, 7 };
	struct threshold_state counts = { .ports = calloc(1, 8192) };
	bool changed;

	for (size_t i = 0; i < ARRAY_COUNT(ports); i++)
		assert_int_equal(threshold_count(&counts, &threshold, START_S * NS_PER_S, ports[i], &changed),
			i < 5 ? THRESHOLD_NOTHING : THRESHOLD_ALERT);
	assert_int_equal(
		threshold_count(&counts, &threshold, (START_S + 11) * NS_PER_S, 9, &changed), THRESHOLD_NOTHING);
	free(counts.ports);
}

static unsigned int alerts_of(struct test_rules *test, const char *src, uint32_t tenant, uint64_t second)
{
	struct sensor_packet packet = test_packet(test, bytes_from_str("abc"));

	packet.src = ip_addr_v4(src);
	packet.tenant = tenant;
	packet.time_ns = (START_S + second) * NS_PER_S;
	detect_packet(test->context, &packet);
	return packet.alert_count;
}

#define HOST_A "\x0a\x00\x00\x01"
#define HOST_B "\x0a\x00\x00\x02"

static void test_tracks(void **state)
{
	struct test_rules test;

	threshold_clear();
	assert_true(test_rules_open(&test,
		"alert udp any any -> any any (content:\"abc\"; threshold:type limit, track by_src, count 1, seconds "
		"60; "
		"sid:1;)\n",
		false));
	assert_int_equal(alerts_of(&test, HOST_A, 0, 0), 1);
	assert_int_equal(alerts_of(&test, HOST_A, 0, 1), 0);
	assert_int_equal(alerts_of(&test, HOST_B, 0, 1), 1);
	assert_int_equal(alerts_of(&test, HOST_A, 1, 1), 1); /* tenants count apart */
	assert_int_equal(alerts_of(&test, HOST_A, 0, 61), 1);
	test_rules_close(&test);
}

static void test_by_rule(void **state)
{
	struct test_rules test;

	threshold_clear();
	assert_true(test_rules_open(&test,
		"alert udp any any -> any any (content:\"abc\"; detection_filter:track by_rule, count 1, seconds 60; "
		"sid:1;)\n",
		false));
	assert_int_equal(alerts_of(&test, HOST_A, 0, 0), 0);
	assert_int_equal(alerts_of(&test, HOST_B, 0, 1), 1);
	test_rules_close(&test);
}

static void test_tags(void **state)
{
	struct test_rules test;
	struct flow flow = { .protocol = 17 };
	struct sensor_packet packet;
	unsigned int held = 0;

	assert_true(test_rules_open(
		&test, "alert udp any any -> any any (content:\"abc\"; tag:session,3,packets; sid:1;)\n", false));
	packet = test_packet(&test, bytes_from_str("abc"));
	packet.flow = &flow;
	detect_packet(test.context, &packet);
	assert_false(tag_packet(&packet)); /* the packet of the alert itself */
	for (int i = 0; i < 6; i++)
		held += tag_packet(&packet);
	assert_int_equal(held, 3);
	detect_flow_release(&flow);
	threshold_flow_free(&flow);
	test_rules_close(&test);
}

static void test_host_tags(void **state)
{
	struct test_rules test;
	struct sensor_packet packet;

	tag_hosts_clear();
	assert_true(test_rules_open(
		&test, "alert udp any any -> any any (content:\"abc\"; tag:host,5,seconds,src; sid:1;)\n", false));
	packet = test_packet(&test, bytes_from_str("abc"));
	packet.time_ns = START_S * NS_PER_S;
	detect_packet(test.context, &packet);
	assert_false(tag_packet(&packet));
	packet.time_ns += 5 * NS_PER_S;
	assert_true(tag_packet(&packet));
	packet.src = ip_addr_v4(HOST_B);
	assert_false(tag_packet(&packet));
	packet = test_packet(&test, bytes_from_str(""));
	packet.time_ns = (START_S + 6) * NS_PER_S;
	assert_false(tag_packet(&packet));
	test_rules_close(&test);
}

static void test_tags_refused(void **state)
{
	static const char *const values[] = { "flow", "session,10", "session,0,packets", "host,10,pieces",
		"session,10,packets,src", "host,10,packets,both", "host,10,packets,src,dst" };

	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		struct test_rules test;
		char rule[256];

		snprintf(rule, sizeof(rule), "alert udp any any -> any any (content:\"a\"; tag:%s; sid:1;)\n",
			values[i]);
		if (test_rules_open(&test, rule, false))
			fail_msg("loaded: %s", rule);
		test_rules_close(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_unique_ports),
		cmocka_unit_test(test_tracks),
		cmocka_unit_test(test_by_rule),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_host_tags),
		cmocka_unit_test(test_tags_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
