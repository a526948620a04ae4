// SPDX-License-Identifier: Apache-2.0
/* Which rules are asked for a packet, in which order, and what their actions do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sensor/detect/testrules.h"
#include "sensor/flow/flow.h"

struct engine_case {
	const char *rules;
	bool ips;
	const char *sids; /* alerts in order */
	uint8_t action;
};

static const struct engine_case cases[] = {
	{ "alert udp any any -> any 53 (sid:1;) alert udp any any -> any 54 (sid:2;)", false, "1", 0 },
	{ "alert tcp any any -> any any (sid:1;) alert ip any any -> any any (sid:2;)", false, "2", 0 },
	{ "alert udp 192.0.2.1 any -> any any (content:\"abc\"; sid:1;) "
	  "alert udp 192.0.2.9 any -> any any (content:\"abc\"; sid:2;)",
		false, "1", 0 },
	{ "alert udp any 53 <> any any (content:\"abc\"; sid:1;)", false, "1", 0 },
	{ "alert udp any any -> any any (content:\"abc\"; dsize:3; sid:1;) "
	  "alert udp any any -> any any (content:\"abc\"; dsize:>3; sid:2;)",
		false, "1", 0 },
	/* Order of rules, not of matching; an observer does not drop. */
	{ "alert udp any any -> any any (content:\"abc\"; sid:1;) drop udp any any -> any any (content:\"b\"; sid:2;)",
		false, "2 1", 0 },
	{ "alert udp any any -> any any (content:\"abc\"; sid:1;) drop udp any any -> any any (content:\"b\"; sid:2;)",
		true, "2 1", ACTION_DROP },
	{ "alert udp any any -> any any (content:\"abc\"; sid:1;) drop udp any any -> any any (content:\"b\"; noalert; "
	  "sid:2;)",
		true, "1", ACTION_DROP },
	/* A pass ends the list. */
	{ "pass udp any any -> any any (content:\"a\"; sid:3;) alert udp any any -> any any (content:\"abc\"; sid:1;) "
	  "drop udp any any -> any any (content:\"b\"; sid:2;)",
		true, "", ACTION_PASS },
	{ "alert udp any any -> any any (content:\"x\"; noalert; sid:1;)", false, "", 0 },
	/* Rules that want a flow. */
	{ "alert udp any any -> any any (flow:established; content:\"abc\"; sid:1;)", false, "", 0 },
	{ "alert udp any any -> any any (flow:to_server; content:\"abc\"; sid:1;)", false, "", 0 },
};

/* Rules of a case stand on one line each. */
static void load(struct test_rules *test, const char *rules, bool ips)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s\n", rules);
	for (char *end = strstr(text, ";) "); end; end = strstr(end + 3, ";) "))
		end[2] = '\n';
	assert_true(test_rules_open(test, text, ips));
}

static void alerts_of(const struct sensor_packet *packet, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint16_t i = 0; i < packet->alert_count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%u", i ? " " : "", packet->alerts[i].rule->sid);
}

/* More kinds of ends than are remembered: what was forgotten is found out again, and no answer is another's. */
static void test_many_ends(void **state)
{
	enum { SIDE = 70 };
	static char text[2 * SIDE * 64];
	struct test_rules test;
	size_t used = 0;

	for (unsigned int i = 0; i < SIDE; i++)
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "alert udp 192.0.2.%u any -> any any (sid:%u;)\n", i, 1 + i);
	for (unsigned int i = 0; i < SIDE; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "alert udp any any -> any %u (sid:%u;)\n",
			1000 + i, 1001 + i);
	assert_true(test_rules_open(&test, text, false));
	for (unsigned int round = 0; round < 2 * SIDE * SIDE; round++) {
		unsigned int source = round % SIDE, port = round / SIDE % SIDE;
		struct sensor_packet packet = test_packet(&test, bytes_from_str("abc"));
		char sids[64], wanted[64];

		packet.src.bytes[3] = (uint8_t)source;
		packet.dport = (uint16_t)(1000 + port);
		detect_packet(test.context, &packet);
		alerts_of(&packet, sids, sizeof(sids));
		snprintf(wanted, sizeof(wanted), "%u %u", 1 + source, 1001 + port);
		assert_string_equal(sids, wanted);
	}
	test_rules_close(&test);
}

static void test_cases(void **state)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_rules test;
		char sids[256];

		load(&test, cases[i].rules, cases[i].ips);
		struct sensor_packet packet = test_packet(&test, bytes_from_str("abc"));

		detect_packet(test.context, &packet);
		alerts_of(&packet, sids, sizeof(sids));
		if (strcmp(sids, cases[i].sids) != 0 || packet.action != cases[i].action) {
			print_error("%s: alerts \"%s\", action %u\n", cases[i].rules, sids, packet.action);
			failed++;
		}
		test_rules_close(&test);
	}
	assert_int_equal(failed, 0);
}

/* Rules about addresses alone are asked once for each direction of a flow, and act on all of it. */
static void test_addresses_once(void **state)
{
	struct flow flow = { .protocol = 17 };
	struct test_rules test;

	load(&test, "drop ip any any -> any any (sid:1;) alert udp any any -> any any (content:\"abc\"; sid:2;)", true);
	struct sensor_packet packet = test_packet(&test, bytes_from_str("abc"));

	packet.flow = &flow;
	detect_packet(test.context, &packet);
	assert_int_equal(packet.alert_count, 2);
	assert_int_equal(packet.alerts[0].rule->sid, 1);
	assert_true((flow.flags & FLOW_DROP) != 0);
	packet = test_packet(&test, bytes_from_str("abc"));
	packet.flow = &flow;
	detect_packet(test.context, &packet);
	assert_int_equal(packet.alert_count, 0);
	assert_int_equal(packet.action, ACTION_DROP);
	assert_int_equal(packet.drop_reason, DROP_REASON_FLOW_DROP);
	detect_flow_release(&flow);
	test_rules_close(&test);
}

/* What a flow remembers about headers stays right when its directions are exchanged. */
static void test_headers_of_flow(void **state)
{
	struct flow flow = { .protocol = 17 };
	struct test_rules test;

	load(&test,
		"alert udp any any -> any 53 (content:\"abc\"; sid:1;) alert udp any 53 -> any any (content:\"abc\"; "
		"sid:2;)",
		false);
	for (unsigned int round = 0; round < 4; round++) {
		struct sensor_packet packet = test_packet(&test, bytes_from_str("abc"));

		packet.flow = &flow;
		packet.dir = round & 1;
		if (round >= 2) {
			struct ip_addr src = packet.src;

			packet.src = packet.dst;
			packet.dst = src;
			packet.sport = 53;
			packet.dport = 1024;
		}
		detect_packet(test.context, &packet);
		assert_int_equal(packet.alert_count, 1);
		assert_int_equal(packet.alerts[0].rule->sid, round >= 2 ? 2 : 1);
	}
	detect_flow_release(&flow);
	test_rules_close(&test);
}

static void test_alert_limit(void **state)
{
	struct test_rules test;
	char text[4096];
	size_t used = 0;

	for (unsigned int i = 1; i <= TEST_ALERTS_MAX + 4; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"alert udp any any -> any any (content:\"abc\"; sid:%u;)\n", i);
	assert_true(test_rules_open(&test, text, false));
	struct sensor_packet packet = test_packet(&test, bytes_from_str("abc"));

	detect_packet(test.context, &packet);
	assert_int_equal(packet.alert_count, TEST_ALERTS_MAX);
	assert_int_equal(packet.alerts_discarded, 4);
	assert_int_equal(test.worker.counters[COUNTER_DETECT_ALERT], TEST_ALERTS_MAX);
	test_rules_close(&test);
}

/* Compiled literals come back from the cache. */
static void test_cache(void **state)
{
	char dir[] = "/tmp/luytre-cache-XXXXXX", command[64];
	struct detect_engine *engine;
	struct test_rules test;

	assert_non_null(mkdtemp(dir));
	load(&test, "alert udp any any -> any any (content:\"something\"; sid:1;)", false);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(detect_engine_new(test.policy, dir, &engine), 0);
		detect_context_engine(test.context, engine);
		struct sensor_packet packet = test_packet(&test, bytes_from_str("has something in it"));

		detect_packet(test.context, &packet);
		assert_int_equal(packet.alert_count, 1);
		detect_context_engine(test.context, test.engine);
		detect_engine_free(engine);
	}
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	test_rules_close(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_many_ends),
		cmocka_unit_test(test_addresses_once),
		cmocka_unit_test(test_headers_of_flow),
		cmocka_unit_test(test_alert_limit),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
