// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/ingest/eve.h"

#define NOW INT64_C(1795000000000000)

/* 198.51.100.0/24 and 2001:db8:1::/48 are tenant 7, system 70; 192.0.2.0/24 is tenant 8. */
static void owner(void *context, const struct ip_addr *addr, struct ingest_owner *ret)
{
	static const struct {
		const char *prefix;
		uint32_t tenant, system;
	} rows[] = { { "198.51.100.0/24", 7, 70 }, { "2001:db8:1::/48", 7, 70 }, { "192.0.2.0/24", 8, 80 } };
	struct ip_prefix prefix;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(ip_prefix_parse(bytes_from_str(rows[i].prefix), 0, &prefix), 0);
		if (ip_prefix_contains(&prefix, addr))
			*ret = (struct ingest_owner){ rows[i].tenant, rows[i].system };
	}
}

static const struct ingest_options options = { .edge = 3, .now_us = NOW, .owner = owner };

#define TIME "\"timestamp\":\"2026-11-18T10:00:00.123456+0700\""
#define OUTER                                                                                                          \
	"\"src_ip\":\"203.0.113.9\",\"src_port\":40000,\"dest_ip\":\"198.51.100.5\",\"dest_port\":80,\"proto\":"       \
	"\"TCP\""
#define ANSWER                                                                                                         \
	"\"src_ip\":\"198.51.100.5\",\"src_port\":80,\"dest_ip\":\"203.0.113.9\",\"dest_port\":40000,\"proto\":"       \
	"\"TCP\""
#define BOTH "\"flow\":{\"pkts_toserver\":4,\"pkts_toclient\":3}"
#define WEB  "\"http\":{\"hostname\":\"a\",\"url\":\"/ho-so/123456/xem?id=1\"}"
#define ALERT(more)                                                                                                    \
	"\"event_type\":\"alert\",\"alert\":{\"action\":\"allowed\",\"signature_id\":2001,\"signature\":\"ET WEB\","   \
	"\"category\":\"Web Application Attack\",\"severity\":1" more "}"

struct row {
	const char *what, *line;
	enum ev_kind kind;
	enum ev_action action;
	enum ev_evidence evidence;
	uint32_t tenant;
	const char *src; /* null: none */
	int class; /* -1: no sighting */
};

static const struct row rows[] = {
	{ "a request", "{" TIME "," OUTER "," BOTH "," WEB "," ALERT("") "}", EV_ALERT, EV_PASSED, EV_E2, 7,
		"203.0.113.9", DECIDE_WEB },
	{ "seen on the answer", "{" TIME "," ANSWER "," BOTH "," WEB "," ALERT("") "}", EV_ALERT, EV_PASSED, EV_E2, 7,
		"203.0.113.9", DECIDE_WEB },
	{ "a rule of high precision",
		"{" TIME "," OUTER "," BOTH "," WEB "," ALERT(",\"metadata\":{\"luytre_evidence\":[\"e3\"]}") "}",
		EV_ALERT, EV_PASSED, EV_E3, 7, "203.0.113.9", DECIDE_WEB },
	{ "its precision does not replace a handshake",
		"{" TIME "," OUTER ",\"flow\":{\"pkts_toserver\":9,\"pkts_toclient\":0}," WEB
		"," ALERT(",\"metadata\":{\"luytre_evidence\":[\"e3\"]}") "}",
		EV_ALERT, EV_PASSED, EV_E0, 7, "203.0.113.9", DECIDE_WEB },
	{ "nor a request", "{" TIME "," OUTER "," BOTH "," ALERT(",\"metadata\":{\"luytre_evidence\":[\"e3\"]}") "}",
		EV_ALERT, EV_PASSED, EV_E1, 7, "203.0.113.9", DECIDE_WEB },
	{ "class by metadata",
		"{" TIME "," OUTER "," BOTH "," WEB "," ALERT(",\"metadata\":{\"luytre_class\":[\"c2\"]}") "}",
		EV_ALERT, EV_PASSED, EV_E2, 7, "203.0.113.9", DECIDE_C2 },
	{ "UDP is never proof",
		"{" TIME
		",\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"198.51.100.5\",\"dest_port\":53,\"proto\":\"UDP\"," BOTH
		"," ALERT("") "}",
		EV_ALERT, EV_PASSED, EV_E0, 7, "203.0.113.9", DECIDE_WEB },
	{ "between strangers",
		"{" TIME ",\"src_ip\":\"203.0.113.9\",\"dest_ip\":\"203.0.113.10\",\"proto\":\"TCP\"," BOTH
		"," ALERT("") "}",
		EV_ALERT, EV_PASSED, EV_E1, 0, "203.0.113.9", -1 },
	{ "from one tenant to another: the attacked one's",
		"{" TIME ",\"src_ip\":\"192.0.2.4\",\"dest_ip\":\"198.51.100.5\",\"proto\":\"TCP\"," BOTH
		"," ALERT("") "}",
		EV_ALERT, EV_PASSED, EV_E1, 7, "192.0.2.4", DECIDE_WEB },
	{ "a mapped address is the IPv4 address",
		"{" TIME ",\"src_ip\":\"::ffff:203.0.113.9\",\"dest_ip\":\"2001:db8:1::5\",\"proto\":\"TCP\"," BOTH
		"," ALERT("") "}",
		EV_ALERT, EV_PASSED, EV_E1, 7, "203.0.113.9", DECIDE_WEB },
	{ "an informational rule",
		"{" TIME "," OUTER "," BOTH
		",\"event_type\":\"alert\",\"alert\":{\"action\":\"blocked\",\"signature_id\":1,"
		"\"signature\":\"x\",\"category\":\"Not Suspicious Traffic\",\"severity\":3}}",
		EV_ALERT, EV_STOPPED, EV_E1, 7, "203.0.113.9", -1 },
	{ "the gate stopped one",
		"{" TIME "," OUTER
		",\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":false,"
		"\"rule\":949110,\"reason\":\"rule\"},\"rules\":[{\"id\":942100,\"msg\":\"SQL\"},{\"id\":949110,"
		"\"msg\":\"score\"}]}",
		EV_GATE, EV_STOPPED, EV_E2, 7, "203.0.113.9", DECIDE_WEB },
	{ "a hold",
		"{" TIME "," OUTER
		",\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":false,"
		"\"rule\":8100010,\"hold\":\"CVE-2021-44228\",\"reason\":\"rule\"},\"rules\":[]}",
		EV_GATE, EV_STOPPED, EV_E3, 7, "203.0.113.9", DECIDE_WEB },
	{ "the gate in shadow",
		"{" TIME "," OUTER
		",\"event_type\":\"gate\",\"gate\":{\"action\":\"pass\",\"wanted\":\"deny\",\"shadow\":true,"
		"\"rule\":1,\"reason\":\"rule\"},\"rules\":[]}",
		EV_GATE, EV_SHADOW, EV_E2, 7, "203.0.113.9", DECIDE_WEB },
	{ "the gate let one pass",
		"{" TIME "," OUTER
		",\"event_type\":\"gate\",\"gate\":{\"action\":\"pass\",\"wanted\":\"pass\",\"shadow\":false,"
		"\"rule\":1,\"reason\":\"rule\"},\"rules\":[]}",
		EV_GATE, EV_SEEN, EV_E2, 7, "203.0.113.9", -1 },
	{ "a guard",
		"{" TIME "," OUTER
		",\"event_type\":\"gate\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":false,"
		"\"guard\":{\"reason\":\"login-address\",\"action\":\"deny\"}},\"rules\":[]}",
		EV_GUARD, EV_STOPPED, EV_E3, 7, "203.0.113.9", DECIDE_LOGIN },
	{ "dropped packets",
		"{" TIME "," OUTER
		",\"event_type\":\"drops\",\"drops\":{\"reason\":\"listed\",\"packets\":4711,\"decision\":12}}",
		EV_DROPS, EV_STOPPED, EV_E0, 7, "203.0.113.9", -1 },
	{ "another program's line",
		"{\"timestamp\":\"2026-11-18T03:00:00Z\",\"event_type\":\"honeypot\",\"src_ip\":\"203.0.113.9\"}",
		EV_OTHER, EV_SEEN, EV_E0, 0, "203.0.113.9", -1 },
	{ "values of other types",
		"{" TIME ",\"event_type\":\"alert\",\"src_ip\":5,\"dest_ip\":[],\"proto\":{},\"alert\":[],\"flow\":7,"
		"\"src_port\":-1}",
		EV_ALERT, EV_PASSED, EV_E0, 0, NULL, -1 },
};

/* Sources that are not one machine for everybody: stored, told to nobody. */
static void test_shared_addresses(void **state)
{
	static const struct {
		const char *src;
		bool told;
	} sources[] = { { "0.0.0.0", false }, { "10.1.2.3", false }, { "100.64.0.1", false }, { "100.128.0.1", true },
		{ "127.0.0.1", false }, { "169.254.169.254", false }, { "172.16.0.1", false },
		{ "172.31.255.1", false }, { "172.32.0.1", true }, { "192.168.1.1", false }, { "192.169.1.1", true },
		{ "223.255.255.1", true }, { "224.0.0.251", false }, { "255.255.255.255", false }, { "::1", false },
		{ "::", false }, { "::ffff:10.0.0.1", false }, { "fe80::1", false }, { "fd00::1", false },
		{ "ff02::1", false }, { "64:ff9b::1", false }, { "2001:db8:7::1", true } };
	char line[1024];

	for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
		struct ingest in;
		enum ingest_fault fault;

		snprintf(line, sizeof(line),
			"{" TIME ",\"src_ip\":\"%s\",\"dest_ip\":\"198.51.100.5\",\"proto\":\"TCP\"," BOTH "," WEB
			"," ALERT("") "}",
			sources[i].src);
		assert_int_equal(ingest_line(bytes_from_str(line), &options, &in, &fault), 0);
		if (in.has_sighting != sources[i].told)
			fail_msg("%s", sources[i].src);
		assert_int_equal(in.event.tenant, 7);
		ingest_done(&in);
	}
}

static void check_row(const struct row *row)
{
	struct ingest in;
	enum ingest_fault fault;
	struct ip_addr src = { 0 };

	if (row->src)
		assert_int_equal(ip_addr_parse(bytes_from_str(row->src), &src), 0);
	assert_int_equal(ingest_line(bytes_from_str(row->line), &options, &in, &fault), 0);
	assert_int_equal(in.event.kind, row->kind);
	assert_int_equal(in.event.action, row->action);
	assert_int_equal(in.event.evidence, row->evidence);
	assert_int_equal(in.event.tenant, row->tenant);
	assert_int_equal(in.event.edge, 3);
	assert_memory_equal(&in.event.src, &src, sizeof(src));
	assert_true(bytes_equal_str(in.event.detail, row->line));
	assert_int_equal(in.has_sighting, row->class >= 0);
	if (in.has_sighting)
		assert_int_equal(in.sighting.class, row->class);
	assert_true(in.event.severity >= 1 && in.event.severity <= 4);
	ingest_done(&in);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		print_message("%s\n", rows[i].what);
		check_row(&rows[i]);
	}
}

static void test_fields(void **state)
{
	struct ingest in;
	enum ingest_fault fault;

	assert_int_equal(ingest_line(bytes_from_str(rows[1].line), &options, &in, &fault), 0);
	assert_true(in.event.src_port == 40000 && in.event.dst_port == 80 && in.event.protocol == 6);
	assert_int_equal(in.event.rule, 2001);
	assert_int_equal(in.event.severity, 1);
	assert_true(bytes_equal_str(in.event.signature, "ET WEB"));
	assert_true(in.event.time_us == INT64_C(1794970800123456));
	assert_int_equal(in.event.system, 70);
	assert_string_equal(in.sighting.path, "/ho-so/{n}/xem");
	assert_true(bytes_equal_str(in.sighting.payload, "/ho-so/123456/xem?id=1"));
	assert_int_equal(in.sighting.port, 80);
	assert_false(in.sighting.stopped);
	ingest_done(&in);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		enum ingest_fault fault;
	} bad[] = { { "", INGEST_SYNTAX }, { "[]", INGEST_SYNTAX }, { "{", INGEST_SYNTAX },
		{ "{" TIME "}", INGEST_TYPE }, { "{" TIME ",\"event_type\":7}", INGEST_TYPE },
		{ "{\"event_type\":\"alert\"}", INGEST_TIME },
		{ "{\"event_type\":\"alert\",\"timestamp\":\"yesterday\"}", INGEST_TIME },
		{ "{\"event_type\":\"alert\",\"event_type\":\"gate\"," TIME "}", INGEST_SYNTAX } };
	struct ingest in;
	enum ingest_fault fault;
	char *large = malloc(EV_DETAIL_MAX + 2);

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(ingest_line(bytes_from_str(bad[i].line), &options, &in, &fault), LUYTRE_E_SYNTAX);
		assert_int_equal(fault, bad[i].fault);
	}
	assert_non_null(large);
	memset(large, ' ', EV_DETAIL_MAX + 1);
	assert_int_equal(ingest_line(bytes_of(large, EV_DETAIL_MAX + 1), &options, &in, &fault), LUYTRE_E_SYNTAX);
	assert_int_equal(fault, INGEST_SIZE);
	free(large);
	for (size_t i = 0; i < strlen(rows[0].line); i++)
		assert_int_equal(ingest_line(bytes_of(rows[0].line, i), &options, &in, &fault), LUYTRE_E_SYNTAX);
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: refused */
	} times[] = { { "1970-01-01T00:00:00Z", 0 }, { "1970-01-01T00:00:00.5Z", 500000 },
		{ "2000-02-29T12:00:00.000001Z", 951825600000001 },
		{ "2026-11-22T13:08:30.157786+0700", 1795327710157786 },
		{ "2026-11-22T13:08:30.157786+07:00", 1795327710157786 },
		{ "2026-11-22 06:08:30.157786Z", 1795327710157786 },
		{ "2026-11-22T01:08:30.157786123-0500", 1795327710157786 }, { "", -1 }, { "2026-11-22", -1 },
		{ "2026-11-22T13:08:30", -1 }, { "2026-13-22T13:08:30Z", -1 }, { "2026-11-22T13:08:30+7", -1 },
		{ "2026-11-22T13:08:30+0700x", -1 }, { "1969-12-31T23:59:59Z", -1 }, { "1970-01-01T00:00:00+0700", -1 },
		{ "2026/11/22T13:08:30Z", -1 } };

	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		int64_t us = -1;

		assert_int_equal(ingest_time(bytes_from_str(times[i].text), &us), times[i].us >= 0);
		if (times[i].us >= 0)
			assert_true(us == times[i].us);
	}
}

/* A clock that is ahead cannot move events into the future. */
static void test_ahead(void **state)
{
	struct ingest in;
	enum ingest_fault fault;

	assert_int_equal(
		ingest_line(bytes_from_str("{\"event_type\":\"alert\",\"timestamp\":\"2036-11-22T13:08:30Z\"}"),
			&options, &in, &fault),
		0);
	assert_true(in.event.time_us == NOW);
	ingest_done(&in);
}

static void test_templates(void **state)
{
	static const char *const pairs[][2] = { { "/", "/" }, { "", "" }, { "/a/b", "/a/b" },
		{ "/a/123/b?x=1", "/a/{n}/b" }, { "/tra-cuu/079200001234#top", "/tra-cuu/{n}" },
		{ "/f/3f2a9c81d0/x", "/f/{w}/x" }, { "/abcdefghijklmnopqrstuvwxyzabcdef", "/{w}" },
		{ "/v1/users", "/v1/users" }, { "//x", "//x" } };
	char got[INGEST_PATH_SIZE], *longest = malloc(4001);

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		ingest_path_template(bytes_from_str(pairs[i][0]), got);
		assert_string_equal(got, pairs[i][1]);
	}
	assert_non_null(longest);
	for (size_t i = 0; i < 4000; i++)
		longest[i] = "/abc"[i % 4];
	ingest_path_template(bytes_of(longest, 4000), got);
	assert_true(strlen(got) < INGEST_PATH_SIZE && strlen(got) > INGEST_PATH_SIZE - 8);
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shared_addresses), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_fields), cmocka_unit_test(test_refused), cmocka_unit_test(test_times),
		cmocka_unit_test(test_ahead), cmocka_unit_test(test_templates) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
