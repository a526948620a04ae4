// SPDX-License-Identifier: Apache-2.0
/* Requests that are made to be expensive: memory ends with a verdict and never with a crash, time stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "gate/engine/testengine.h"

/* Ten times what each takes on a slow machine with a sanitizer; a quadratic one takes minutes. */
#define TIME_MAX_MS 10000

static const char rules[] =
	"SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType "
	"text/html\nSecArgumentsLimit 20000\n"
	"SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}\"\n"
	"SecRule REQUEST_HEADERS:Content-Type \"@rx (json|xml)\" "
	"\"id:2,phase:1,pass,nolog,capture,setvar:tx.kind=%{TX.1}\"\n"
	"SecRule TX:kind \"@streq json\" \"id:3,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
	"SecRule TX:kind \"@streq xml\" \"id:4,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
	"SecRule ARGS|ARGS_NAMES|REQUEST_HEADERS|REQUEST_COOKIES|XML:/*|REQUEST_BODY \"@rx select.+from\" "
	"\"id:10,phase:2,pass,t:none,t:urlDecodeUni,t:htmlEntityDecode,t:lowercase,setvar:tx.s=+1\"\n"
	"SecRule ARGS|REQUEST_HEADERS|REQUEST_COOKIES \"@rx [<>]\" "
	"\"id:11,phase:2,pass,t:none,t:jsDecode,msg:'%{MATCHED_VAR}',setvar:tx.s=+1\"\n"
	"SecRule ARGS|REQUEST_HEADERS|REQUEST_COOKIES \"@rx .\" "
	"\"id:12,phase:2,pass,multiMatch,nolog,t:hexEncode,t:sha1,t:base64Encode,chain\"\n"
	"SecRule MATCHED_VARS \"@rx zz\" \"setvar:tx.%{MATCHED_VAR_NAME}=1\"\n"
	"SecRule ARGS:a|ARGS:b|ARGS:c|REQUEST_HEADERS:x|REQUEST_HEADERS:y \"@pm one two\" \"id:13,phase:2,pass\"\n"
	"SecRule ARGS|FULL_REQUEST \"@detectSQLi\" \"id:14,phase:2,pass,nolog\"\n"
	"SecRule ARGS|RESPONSE_BODY \"@detectXSS\" \"id:15,phase:4,pass,nolog\"\n";

static struct gate_plan *plan;

static int make_plan(void **unused)
{
	plan = test_plan(rules, &(struct gate_plan_options){ 0 });
	return 0;
}

static int free_plan(void **unused)
{
	gate_plan_unref(plan);
	return 0;
}

static void open_engine(struct test_engine *engine, size_t memory_max)
{
	const struct gate_site_settings settings = { .name = "a", .mode = GATE_ON, .memory_max = memory_max };

	test_open(engine, gate_plan_ref(plan), &settings);
}

/* The verdict's reason, or "pass". */
static const char *run(size_t memory_max, const struct test_request *request)
{
	struct test_engine engine;
	uint64_t start_ns = clock_mono_ns();
	const char *reason = "refused";
	struct gate_tx *tx;

	open_engine(&engine, memory_max);
	if (gate_tx_new(engine.worker, engine.site, &tx) == 0) {
		test_give(tx, request);
		reason = gate_tx_verdict(tx)->action == GATE_PASS ? "pass" : gate_tx_verdict(tx)->reason;
		gate_tx_free(tx);
	}
	test_close(&engine);
	assert_true((clock_mono_ns() - start_ns) / 1000000 < TIME_MAX_MS);
	return reason;
}

#define BODY_MAX (4U << 20)

static char *body;
static size_t body_size;

static void put(const char *text, size_t size)
{
	assert_true(body_size + size <= BODY_MAX);
	memcpy(body + body_size, text, size);
	body_size += size;
}

static void put_many(const char *text, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		put(text, strlen(text));
}

static int make_body(void **unused)
{
	body = malloc(BODY_MAX);
	body_size = 0;
	return body ? 0 : -1;
}

static int free_body(void **unused)
{
	free(body);
	return 0;
}

static struct test_request post(const char *headers)
{
	return (struct test_request){ .method = "POST", .headers = headers, .body = bytes_of(body, body_size) };
}

#define FORM "Content-Type: application/x-www-form-urlencoded\n"

/* Every size from one that is too small for anything to one that is enough. */
static void memory_ends_with_a_verdict(void **unused)
{
	unsigned int refused = 0, judged = 0, passed = 0;
	struct test_request request;

	for (unsigned int i = 0; i < 60; i++) {
		char text[64];

		snprintf(text, sizeof(text), "a%u=%%3cb%%3e+select+x+from+%u&", i, i);
		put(text, strlen(text));
	}
	request = post(FORM "Cookie: c=<d>\nX: one\n");
	request.status = 200;
	request.response_headers = "Content-Type: text/html\n";
	request.response_body = bytes_from_str("<b>hello</b>");
	for (size_t size = 256; size < (size_t)1 << 20; size += size < 65536 ? 208 : 16384) {
		const char *reason = run(size, &request);

		refused += strcmp(reason, "refused") == 0;
		judged += strcmp(reason, "memory") == 0 || strcmp(reason, "body-limit") == 0 ||
			  strcmp(reason, "response-limit") == 0;
		passed += strcmp(reason, "pass") == 0;
		/* More memory is never less of an answer. */
		if (passed)
			assert_string_equal(reason, "pass");
	}
	assert_true(refused > 0 && judged > 20 && passed > 0);
}

/* This may take longer than one request is given; nothing else may stop it. */
static void each(const char *headers, const char *wanted)
{
	struct test_request request = post(headers);
	const char *reason = run(0, &request);

	if (strcmp(reason, "regex-time") != 0 && strcmp(reason, "time") != 0)
		assert_string_equal(reason, wanted);
	(void)run(200000, &request);
}

static void ten_thousand_arguments(void **unused)
{
	put_many("abc=<d>&", 10000);
	each(FORM, "pass");
}

static void ten_thousand_headers(void **unused)
{
	struct test_engine engine;
	struct gate_tx *tx;
	uint64_t start_ns = clock_mono_ns();

	open_engine(&engine, 0);
	assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
	gate_tx_request_line(tx, bytes_from_str("GET"), bytes_from_str("/"), bytes_from_str("HTTP/1.1"));
	for (unsigned int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "X-%u", i);
		gate_tx_request_header(tx, bytes_from_str(name), bytes_from_str("<value>"));
	}
	gate_tx_request_headers_end(tx);
	gate_tx_request_body_end(tx);
	gate_tx_log(tx);
	if (gate_tx_verdict(tx)->action != GATE_PASS)
		assert_string_equal(gate_tx_verdict(tx)->reason, "time");
	gate_tx_free(tx);
	test_close(&engine);
	assert_true((clock_mono_ns() - start_ns) / 1000000 < TIME_MAX_MS);
}

static void deep_json(void **unused)
{
	put_many("{\"a\":[", 100000);
	each("Content-Type: application/json\n", "pass");
}

static void wide_json_under_a_long_name(void **unused)
{
	put("{\"", 2);
	put_many("n", 20000);
	put("\":[", 3);
	put_many("1,", 30000);
	put("1]}", 3);
	each("Content-Type: application/json\n", "memory");
}

static void entities_are_not_resolved(void **unused)
{
	put_many("<!DOCTYPE a [<!ENTITY b0 \"select x from y\">", 1);
	for (unsigned int i = 1; i < 30; i++) {
		char text[128];

		snprintf(text, sizeof(text), "<!ENTITY b%u \"&b%u;&b%u;&b%u;&b%u;&b%u;&b%u;&b%u;&b%u;\">", i, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		put(text, strlen(text));
	}
	put_many("<!ENTITY f SYSTEM \"file:///etc/passwd\">]><a>&b29;&f;</a>", 1);
	each("Content-Type: text/xml\n", "pass");
}

static void huge_cookie(void **unused)
{
	char *headers = malloc(1100000);
	size_t size = 0;

	assert_non_null(headers);
	size += (size_t)snprintf(headers, 1100000, "Cookie: ");
	while (size < 1000000)
		size += (size_t)snprintf(headers + size, 32, "c%zu=<;", size);
	memcpy(headers + size, "\n", 2);
	each(headers, "pass");
	free(headers);
}

static void nul_bytes(void **unused)
{
	for (unsigned int i = 0; i < 5000; i++)
		put("a\0b=\0<\0&", 8);
	each(FORM, "pass");
}

static void a_value_of_a_megabyte(void **unused)
{
	put("a=", 2);
	put_many("select ", 150000);
	each(FORM, "pass");
}

static void a_megabyte_that_backtracks(void **unused)
{
	put("a=", 2);
	put_many("select\n", 150000);
	each(FORM "X: select select\n", "pass");
}

/* What is looked at for longer than a request may take is denied, or would be; rules that log it still run. */
static void time_ends_with_a_verdict(void **unused)
{
	static const char head[] = "SecRuleEngine On\nSecRequestBodyAccess On\n";
	static const char tail[] = "SecAction \"id:900,phase:2,pass,log\"\nSecAction \"id:901,phase:5,pass,log\"\n";
	const struct gate_site_settings settings = { .name = "a", .mode = GATE_SHADOW };
	char text[8192];
	size_t size = (size_t)snprintf(text, sizeof(text), "%s", head), count;
	const struct gate_match *matches;
	struct test_engine engine;
	struct test_request request;
	struct gate_tx *tx;

	for (unsigned int i = 0; i < 60; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
			"SecRule ARGS \"@detectSQLi\" \"id:%u,phase:2,t:none,pass,nolog\"\n", i + 1);
	snprintf(text + size, sizeof(text) - size, "%s", tail);
	test_open(&engine, test_plan(text, &(struct gate_plan_options){ 0 }), &settings);
	put("a=", 2);
	put_many("'-", 500000);
	request = post(FORM);
	assert_int_equal(gate_tx_new(engine.worker, engine.site, &tx), 0);
	test_give(tx, &request);
	assert_int_equal(gate_tx_verdict(tx)->action, GATE_PASS);
	assert_int_equal(gate_tx_verdict(tx)->wanted, GATE_DENY);
	assert_string_equal(gate_tx_verdict(tx)->reason, "time");
	matches = gate_tx_matches(tx, &count);
	assert_int_equal(count, 1);
	assert_int_equal(matches[0].rule_id, 901);
	gate_tx_free(tx);
	test_close(&engine);
}

#define WITH_BODY(test) cmocka_unit_test_setup_teardown(test, make_body, free_body)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BODY(memory_ends_with_a_verdict),
		WITH_BODY(ten_thousand_arguments),
		WITH_BODY(ten_thousand_headers),
		WITH_BODY(deep_json),
		WITH_BODY(wide_json_under_a_long_name),
		WITH_BODY(entities_are_not_resolved),
		WITH_BODY(huge_cookie),
		WITH_BODY(nul_bytes),
		WITH_BODY(a_value_of_a_megabyte),
		WITH_BODY(a_megabyte_that_backtracks),
		WITH_BODY(time_ends_with_a_verdict),
	};

	return cmocka_run_group_tests(tests, make_plan, free_plan);
}
