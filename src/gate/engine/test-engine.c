// SPDX-License-Identifier: Apache-2.0
/* Small sets of rules, a request, and what must come out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/error.h"
#include "gate/engine/testengine.h"

#define RESULT_SIZE 4096

/* "1 2 | deny 403 by 2 | message/data; ...": rules, verdict, and texts of those that have any. */
static void describe(struct gate_tx *tx, char result[RESULT_SIZE])
{
	static const char *const actions[] = { "pass", "deny", "drop", "redirect" };
	const struct gate_verdict *verdict = gate_tx_verdict(tx);
	size_t count, used = 0;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	result[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(result + used, RESULT_SIZE - used, "%s%llu", i ? " " : "",
			(unsigned long long)matches[i].rule_id);
	used += (size_t)snprintf(result + used, RESULT_SIZE - used, "|%s", actions[verdict->action]);
	if (verdict->action != GATE_PASS)
		used += (size_t)snprintf(result + used, RESULT_SIZE - used, " %u %llu %s", verdict->status,
			(unsigned long long)verdict->rule_id, verdict->reason);
	else if (verdict->wanted != GATE_PASS)
		used += (size_t)snprintf(result + used, RESULT_SIZE - used, " not %s %u %llu %s",
			actions[verdict->wanted], verdict->wanted_status, (unsigned long long)verdict->rule_id,
			verdict->reason);
	if (verdict->location)
		used += (size_t)snprintf(result + used, RESULT_SIZE - used, " to %s", verdict->location);
	for (size_t i = 0; i < count; i++) {
		if (matches[i].msg.size || matches[i].data.size)
			used += (size_t)snprintf(result + used, RESULT_SIZE - used, "|%.*s/%.*s",
				(int)matches[i].msg.size, (const char *)matches[i].msg.ptr, (int)matches[i].data.size,
				(const char *)matches[i].data.ptr);
	}
}

#define FORM "Content-Type: application/x-www-form-urlencoded\n"
#define ON   "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n"
/* Always the last rule: says what TX:x is in the end. */
#define SAY_X "SecRule TX:x \"@unconditionalMatch\" \"id:99,phase:5,pass,logdata:'%{tx.x}'\"\n"

struct row {
	const char *rules;
	struct test_request request;
	const char *wanted;
};

static void run_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		static char text[16384];
		char result[RESULT_SIZE];

		snprintf(text, sizeof(text), "%s%s", ON, rows[i].rules);
		for (unsigned int way = 0; way < 2; way++) {
			const struct gate_plan_options options = { .no_prefilter = way != 0 };
			const struct gate_site_settings settings = { .name = "a", .mode = GATE_ON };
			struct test_engine engine;
			struct gate_tx *tx;

			test_open(&engine, test_plan(text, &options), &settings);
			tx = test_run(&engine, &rows[i].request);
			describe(tx, result);
			if (strcmp(result, rows[i].wanted) != 0)
				fail_msg("%s\ngives  %s\nwanted %s", rows[i].rules, result, rows[i].wanted);
			gate_tx_free(tx);
			test_close(&engine);
		}
	}
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(*(rows)))

static void rules_and_chains(void **unused)
{
	static const struct row rows[] = {
		{ "SecRule ARGS \"@rx b\" \"id:1,phase:2,pass\"\n", { .target = "/?a=abc" }, "1|pass" },
		{ "SecRule ARGS \"@rx b\" \"id:1,phase:2,pass,nolog\"\n", { .target = "/?a=abc" }, "|pass" },
		{ "SecRule ARGS \"!@rx b\" \"id:1,phase:2,pass\"\n", { .target = "/?a=abc" }, "|pass" },
		{ "SecRule ARGS \"!@rx b\" \"id:1,phase:2,pass\"\n", { .target = "/?a=abc&b=x" }, "1|pass" },
		{ "SecRule ARGS \"!@rx b\" \"id:1,phase:2,pass\"\n", { .target = "/" }, "|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,deny,chain\"\nSecRule REQUEST_METHOD \"@streq GET\"\n",
			{ .target = "/?x=a" }, "1|deny 403 1 rule" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,deny,chain\"\nSecRule REQUEST_METHOD \"@streq POST\"\n",
			{ .target = "/?x=a" }, "|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,msg:'first',chain\"\nSecRule ARGS \"@rx b\" "
		  "\"setvar:tx.x=%{MATCHED_VAR}\"\n" SAY_X,
			{ .target = "/?x=a&y=b" }, "1 99|pass|first/|/b" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,setvar:tx.x=1,chain\"\nSecRule ARGS \"@rx b\" "
		  "\"setvar:tx.x=2\"\n" SAY_X,
			{ .target = "/?x=a" }, "99|pass|/1" },
		{ "SecRule &ARGS \"@eq 2\" \"id:1,phase:2,pass\"\n", { .target = "/?x=a&y=b" }, "1|pass" },
		{ "SecRule &ARGS:x \"@eq 0\" \"id:1,phase:2,pass\"\n", { .target = "/?y=b" }, "1|pass" },
		{ "SecRule &ARGS|!ARGS:y \"@eq 1\" \"id:1,phase:2,pass\"\n", { .target = "/?x=a&y=b" }, "1|pass" },
		{ "SecRule ARGS|!ARGS:x \"@rx a\" \"id:1,phase:2,pass\"\n", { .target = "/?X=a" }, "|pass" },
		{ "SecRule ARGS|!ARGS:/^x/ \"@rx a\" \"id:1,phase:2,pass\"\n", { .target = "/?xy=a" }, "|pass" },
		{ "SecRule ARGS:/^x/ \"@rx a\" \"id:1,phase:2,pass,logdata:'%{MATCHED_VAR_NAME}'\"\n",
			{ .target = "/?y=a&xy=a" }, "1|pass|/ARGS:xy" },
		{ "SecRule ARGS_NAMES \"@rx ^sel\" \"id:1,phase:2,pass\"\n", { .target = "/?select=1" }, "1|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass\"\nSecRule REQUEST_BODY \"@rx =a\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .method = "POST", .headers = FORM, .body = { (const uint8_t *)"q=a", 3 } }, "1 2|pass" },
	};

	RUN(rows);
}

static void variables_and_macros(void **unused)
{
	static const struct row rows[] = {
		{ "SecRule ARGS \"@rx a(.)(x)?(.)\" \"id:1,phase:2,pass,capture,logdata:'%{TX.0} %{tx.1} %{TX.2} "
		  "%{TX:3}'\"\n",
			{ .target = "/?q=abc" }, "1|pass|/abc b  c" },
		{ "SecRule ARGS \"@rx a(.)\" \"id:1,phase:2,pass,capture\"\nSecRule TX:1 \"@streq b\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .target = "/?q=abc" }, "1 2|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:7,phase:2,pass,msg:'%{RULE.id} %{MATCHED_VARS_NAMES} %{REMOTE_ADDR} "
		  "%{tx.none}'\"\n",
			{ .target = "/?q=abc" }, "7|pass|7 ARGS:q 192.0.2.1 /" },
		{ "SecRule ARGS \"@rx a\" \"id:7,phase:2,pass,msg:'%{RULE.msg}'\"\n", { .target = "/?q=abc" },
			"7|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.w=b\"\nSecRule ARGS \"@streq %{tx.w}\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .target = "/?q=b" }, "2|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.w=^b+$\"\nSecRule ARGS \"@rx %{tx.w}\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .target = "/?q=bb" }, "2|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.x=5,setvar:tx.x=+3,setvar:tx.x=-10\"\n" SAY_X,
			{ .target = "/" }, "99|pass|/-2" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.y=4,setvar:tx.x=+%{tx.y}\"\n" SAY_X, { .target = "/" },
			"99|pass|/4" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.x=5,setvar:!tx.x\"\n" SAY_X, { .target = "/" },
			"|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.X=5\"\n" SAY_X, { .target = "/" }, "99|pass|/5" },
		{ "SecRule ARGS \"@rx .\" "
		  "\"id:1,phase:2,pass,nolog,setvar:tx.%{MATCHED_VAR}=%{MATCHED_VAR_NAME}\"\n" SAY_X,
			{ .target = "/?q=x" }, "99|pass|/ARGS:q" },
		{ "SecRule ARGS \"@rx .\" \"id:1,phase:2,pass,nolog,setvar:tx.p_%{MATCHED_VAR}=1\"\nSecRule &TX:/^p_/ "
		  "\"@eq 2\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .target = "/?q=x&r=y" }, "2|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog,setvar:tx.x=+1\"\n" SAY_X,
			{ .target = "/?q=a&r=a&s=b" }, "99|pass|/2" },
		{ "SecRule ARGS \"@rx <\" "
		  "\"id:1,phase:2,pass,multiMatch,t:none,t:urlDecode,t:htmlEntityDecode,logdata:'%{MATCHED_VAR}'\"\n",
			{ .target = "/?q=%2526lt;%253C" }, "1 1|pass|/&lt;<|/<<" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,severity:ERROR\"\nSecRule HIGHEST_SEVERITY \"@eq 3\" "
		  "\"id:2,phase:2,pass\"\n",
			{ .target = "/?q=a" }, "1 2|pass" },
		{ "SecRule HIGHEST_SEVERITY \"@eq 255\" \"id:2,phase:2,pass\"\n", { .target = "/?q=a" }, "2|pass" },
		{ "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,chain\"\nSecRule MATCHED_VARS \"@rx b\" \"chain\"\n"
		  "SecRule MATCHED_VARS_NAMES \"@streq ARGS:r\"\n",
			{ .target = "/?q=a&r=ab" }, "1|pass" },
		{ "SecRule UNIQUE_ID \"@streq test\" \"id:1,phase:1,pass\"\n", { .target = "/" }, "1|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,setenv:e=1,setenv:e=%{REQUEST_METHOD}\"\nSecRule ENV:e \"@streq "
		  "GET\" "
		  "\"id:2,phase:2,pass\"\nSecRule &ENV:e \"@eq 1\" \"id:3,phase:2,pass\"\n",
			{ .target = "/" }, "2 3|pass" },
		{ "SecRule REMOTE_USER \"@streq user\" \"id:1,phase:1,pass\"\nSecRule SERVER_NAME \"@streq a.b\" "
		  "\"id:2,phase:1,pass\"\n",
			{ .headers = "Authorization: Basic dXNlcjpwYXNz\nHost: a.b:80\n" }, "1 2|pass" },
		{ "SecRule REQUEST_COOKIES:c \"@streq d\" \"id:1,phase:1,pass\"\nSecRule REQUEST_COOKIES_NAMES "
		  "\"@streq e\" "
		  "\"id:2,phase:1,pass\"\n",
			{ .headers = "Cookie: c=d; e=f\n" }, "1 2|pass" },
	};

	RUN(rows);
}

static void flow(void **unused)
{
	static const struct row rows[] = {
		{ "SecAction \"id:1,phase:1,pass,nolog,skip:1\"\nSecAction \"id:2,phase:1,pass\"\nSecAction "
		  "\"id:3,phase:1,pass\"\n",
			{ .target = "/" }, "3|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,skipAfter:M\"\nSecAction \"id:2,phase:1,pass\"\nSecAction "
		  "\"id:3,phase:2,pass\"\n"
		  "SecMarker M\nSecAction \"id:4,phase:1,pass\"\n",
			{ .target = "/" }, "4 3|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,skipAfter:none\"\nSecAction \"id:2,phase:1,pass\"\nSecAction "
		  "\"id:3,phase:2,pass\"\n",
			{ .target = "/" }, "3|pass" },
		{ "SecAction \"id:1,phase:1,allow,nolog\"\nSecAction \"id:2,phase:1,deny\"\nSecAction "
		  "\"id:3,phase:2,deny\"\n"
		  "SecAction \"id:4,phase:5,pass\"\n",
			{ .target = "/" }, "4|pass" },
		{ "SecAction \"id:1,phase:1,allow:phase,nolog\"\nSecAction \"id:2,phase:1,deny\"\nSecAction "
		  "\"id:3,phase:2,deny\"\n",
			{ .target = "/" }, "3|deny 403 3 rule" },
		{ "SecAction \"id:1,phase:1,allow:request,nolog\"\nSecAction \"id:3,phase:2,deny\"\nSecAction "
		  "\"id:4,phase:3,deny\"\n",
			{ .target = "/", .status = 200 }, "4|deny 403 4 rule" },
		{ "SecAction \"id:1,phase:1,deny,status:406\"\nSecAction \"id:2,phase:1,pass\"\nSecAction "
		  "\"id:3,phase:2,pass\"\n"
		  "SecAction \"id:4,phase:5,pass\"\n",
			{ .target = "/" }, "1 4|deny 406 1 rule" },
		{ "SecAction \"id:1,phase:2,drop\"\n", { .target = "/" }, "1|drop 403 1 rule" },
		{ "SecAction \"id:1,phase:1,redirect:https://a.example/%{REQUEST_METHOD}\"\n", { .target = "/" },
			"1|redirect 302 1 rule to https://a.example/GET" },
		{ "SecDefaultAction \"phase:1,log,deny,status:451\"\nSecAction \"id:1,phase:1,block\"\n",
			{ .target = "/" }, "1|deny 451 1 rule" },
		{ "SecAction \"id:1,phase:5,deny\"\n", { .target = "/" }, "1|pass" },
		{ "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny\"\nSecAction \"id:2,phase:1,drop\"\n",
			{ .target = "/" }, "1 2|pass not deny 403 1 rule" },
		{ "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny\"\nSecAction "
		  "\"id:2,phase:1,pass,nolog,ctl:ruleEngine=On\"\n"
		  "SecAction \"id:3,phase:1,redirect:/x\"\n",
			{ .target = "/" }, "1 3|redirect 302 3 rule to /x" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleEngine=Off\"\nSecAction "
		  "\"id:2,phase:1,deny\"\nSecAction \"id:3,phase:5,pass\"\n",
			{ .target = "/" }, "|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly\"\nSecAction "
		  "\"id:2,phase:1,deny\"\n",
			{ .target = "/" }, "2|pass not deny 403 2 rule" },
		{ "SecRuleEngine Off\nSecAction \"id:2,phase:1,deny\"\n", { .target = "/" }, "|pass" },
	};

	RUN(rows);
}

#define THREE                                                                                                          \
	"SecRule ARGS \"@rx a\" \"id:10,phase:2,pass,tag:'t',msg:'m'\"\n"                                              \
	"SecRule ARGS \"@rx a\" \"id:11,phase:2,pass,tag:'t2',msg:'n'\"\n"

static void exclusions(void **unused)
{
	static const struct row rows[] = {
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveById=10\"\n" THREE, { .target = "/?q=a" },
			"11|pass|n/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveById=10-11\"\n" THREE, { .target = "/?q=a" },
			"|pass" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveByTag=t\"\n" THREE, { .target = "/?q=a" },
			"11|pass|n/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveByMsg=n\"\n" THREE, { .target = "/?q=a" },
			"10|pass|m/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=10;ARGS:q\"\n" THREE,
			{ .target = "/?q=a" }, "11|pass|n/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=10;ARGS:q\"\n" THREE,
			{ .target = "/?q=a&r=a" }, "10 11|pass|m/|n/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetByTag=t2;ARGS\"\n" THREE,
			{ .target = "/?q=a" }, "10|pass|m/" },
		{ "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetByMsg=m;ARGS:/^q/\"\n" THREE,
			{ .target = "/?qq=a" }, "11|pass|n/" },
		{ THREE "SecRuleRemoveById 10\n", { .target = "/?q=a" }, "11|pass|n/" },
		{ THREE "SecRuleUpdateTargetById 10 \"!ARGS:q\"\n", { .target = "/?q=a" }, "11|pass|n/" },
	};

	RUN(rows);
}

#define BODY(text) .method = "POST", .body = { (const uint8_t *)(text), sizeof(text) - 1 }

static void bodies(void **unused)
{
	static const struct row rows[] = {
		{ "SecRequestBodyLimit 10\nSecAction \"id:1,phase:2,pass\"\n",
			{ .headers = FORM, BODY("a=1234567890") }, "|deny 403 0 body-limit" },
		{ "SecRequestBodyLimit 10\nSecRequestBodyLimitAction ProcessPartial\nSecRule ARGS:a \"@streq "
		  "12345678\" \"id:1,phase:2,pass\"\n"
		  "SecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:2,phase:2,pass\"\n",
			{ .headers = FORM, BODY("a=1234567890") }, "1 2|pass" },
		{ "SecRule REQBODY_ERROR \"@eq 1\" \"id:1,phase:2,pass\"\n",
			{ .headers = "Content-Type: application/json\n", BODY("{\"a\":") }, "|pass" },
		{ "SecRule REQUEST_HEADERS:Content-Type \"@rx json\" "
		  "\"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
		  "SecRule REQBODY_ERROR \"@eq 1\" \"id:1,phase:2,pass\"\n",
			{ .headers = "Content-Type: application/json\n", BODY("{\"a\":") }, "1|pass" },
		{ "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\nSecRule ARGS:json.a.array_1 "
		  "\"@streq c\" \"id:1,phase:2,pass\"\n",
			{ BODY("{\"a\":[\"b\",\"c\"]}") }, "1|pass" },
		{ "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\nSecRule XML:/a/b \"@streq c\" "
		  "\"id:1,phase:2,pass\"\n",
			{ BODY("<a><b>c</b></a>") }, "1|pass" },
		{ "SecRule FILES \"@streq x.php\" \"id:1,phase:2,pass\"\nSecRule ARGS:a \"@streq b\" "
		  "\"id:2,phase:2,pass\"\n"
		  "SecRule MULTIPART_STRICT_ERROR \"@eq 0\" \"id:3,phase:2,pass\"\n",
			{ .headers = "Content-Type: multipart/form-data; boundary=q\n",
				BODY("--q\r\nContent-Disposition: form-data; "
				     "name=\"a\"\r\n\r\nb\r\n--q\r\nContent-Disposition: form-data; "
				     "name=\"f\"; filename=\"x.php\"\r\n\r\nz\r\n--q--\r\n") },
			"1 2 3|pass" },
		{ "SecRequestBodyAccess Off\nSecRule ARGS \"@rx .\" \"id:1,phase:2,pass\"\n",
			{ .headers = FORM, BODY("a=b") }, "|pass" },
		/* What a rule changes while its phase runs is seen by the rules behind it. */
		{ "SecRule REQBODY_PROCESSOR \"@pm XML JSON\" \"id:1,phase:1,pass\"\nSecRule REQBODY_PROCESSOR \"@rx "
		  "^U\" \"id:2,phase:1,pass\"\n"
		  "SecAction \"id:3,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\nSecRule REQBODY_PROCESSOR "
		  "\"@rx JS|X\" \"id:4,phase:1,pass\"\n",
			{ .headers = FORM, BODY("a=b") }, "2 4|pass" },
		{ "SecResponseBodyMimeType text/html\nSecRule RESPONSE_BODY \"@rx secret\" "
		  "\"id:1,phase:4,deny,status:500\"\n"
		  "SecRule RESPONSE_STATUS \"@eq 201\" \"id:2,phase:3,pass\"\nSecRule RESPONSE_HEADERS:X \"@streq y\" "
		  "\"id:3,phase:3,pass\"\n",
			{ .status = 201,
				.response_headers = "Content-Type: text/html; charset=utf-8\nX: y\n",
				.response_body = { (const uint8_t *)"a secret", 8 } },
			"2 3 1|deny 500 1 rule" },
		{ "SecResponseBodyMimeType text/html\nSecRule RESPONSE_BODY \"@rx secret\" \"id:1,phase:4,deny\"\n",
			{ .status = 200,
				.response_headers = "Content-Type: image/png\n",
				.response_body = { (const uint8_t *)"a secret", 8 } },
			"|pass" },
		{ "SecResponseBodyMimeType text/html\nSecResponseBodyLimit 4\nSecResponseBodyLimitAction Reject\n",
			{ .status = 200,
				.response_headers = "Content-Type: text/html\n",
				.response_body = { (const uint8_t *)"a secret", 8 } },
			"|deny 403 0 response-limit" },
		{ "SecResponseBodyMimeType text/html\nSecResponseBodyLimit 4\nSecResponseBodyLimitAction "
		  "ProcessPartial\n"
		  "SecRule RESPONSE_BODY \"@streq a se\" \"id:1,phase:4,pass\"\nSecRule OUTBOUND_DATA_ERROR \"@eq 1\" "
		  "\"id:2,phase:4,pass\"\n",
			{ .status = 200,
				.response_headers = "Content-Type: text/html\n",
				.response_body = { (const uint8_t *)"a secret", 8 } },
			"1 2|pass" },
	};

	RUN(rows);
}

/* ---- several requests ---- */

static void assert_run(struct test_engine *engine, const struct test_request *request, const char *wanted)
{
	struct gate_tx *tx = test_run(engine, request);
	char result[RESULT_SIZE];

	describe(tx, result);
	assert_string_equal(result, wanted);
	gate_tx_free(tx);
}

static void collections_persist(void **unused)
{
	static const struct gate_site_settings settings = { .name = "a", .mode = GATE_ON },
					       second = { .name = "b", .mode = GATE_ON };
	static const struct test_request request = { .target = "/" };
	struct gate_plan_options options = { 0 };
	struct test_engine engine, other;

	test_open(&engine,
		test_plan(ON "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}\"\n"
			     "SecAction \"id:3,phase:1,pass,nolog,setvar:ip.n=+1,expirevar:ip.n=1000\"\n"
			     "SecRule IP:n \"@ge 3\" \"id:2,phase:2,deny,status:429\"\n",
			&options),
		&settings);
	other = engine;
	assert_int_equal(gate_site_new(engine.plan, &second, &other.site), 0);
	assert_run(&engine, &request, "|pass");
	assert_run(&engine, &request, "|pass");
	assert_run(&other, &request, "|pass");
	assert_run(&engine, &request, "2|deny 429 2 rule");
	assert_run(&other, &request, "|pass");
	gate_site_unref(other.site);
	test_close(&engine);
}

/* A record that ends while a slow request has it open. */
static void a_collection_outlives_its_end(void **unused)
{
	static const struct gate_site_settings settings = { .name = "a", .mode = GATE_ON };
	struct gate_plan_options options = { 0 };
	struct test_engine engine;
	struct gate_tx *slow;

	test_open(&engine,
		test_plan(ON
			"SecCollectionTimeout 0\nSecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{QUERY_STRING}\"\n"
			"SecAction \"id:2,phase:2,pass,nolog,setvar:ip.n=+1\"\nSecRule IP:n \"@eq 1\" "
			"\"id:3,phase:2,pass\"\n",
			&options),
		&settings);
	assert_int_equal(gate_tx_new(engine.worker, engine.site, &slow), 0);
	gate_tx_request_line(slow, bytes_from_str("GET"), bytes_from_str("/?slow"), bytes_from_str("HTTP/1.1"));
	gate_tx_request_headers_end(slow);
	for (unsigned int i = 0; i < 300; i++) {
		char target[16];

		snprintf(target, sizeof(target), "/?%u", i);
		gate_tx_free(test_run(&engine, &(struct test_request){ .target = target }));
	}
	gate_tx_request_body_end(slow);
	gate_tx_log(slow);
	gate_tx_free(slow);
	assert_true(gate_worker_counters(engine.worker).collections_evicted > 0);
	test_close(&engine);
}

/* ---- sites ---- */

#define SITE_RULES                                                                                                     \
	ON "SecRule &TX:level \"@eq 0\" \"id:1,phase:1,pass,nolog,setvar:tx.level=1\"\n"                               \
	   "SecAction \"id:2,phase:1,pass,nolog,setvar:tx.lock=rule\"\n"                                               \
	   "SecRule TX:level \"@ge 2\" \"id:3,phase:2,pass\"\n"                                                        \
	   "SecRule TX:lock \"@streq site\" \"id:4,phase:2,pass\"\n"                                                   \
	   "SecRule ARGS \"@rx bad\" \"id:10,phase:2,deny,tag:'x'\"\n"                                                 \
	   "SecAction \"id:11,phase:1,pass,nolog,ctl:ruleEngine=On\"\n"

static void sites_differ(void **unused)
{
	static const struct gate_tx_override overrides[] = { { "level", "2" }, { "LOCK", "site" }, { "unknown", "1" } };
	static const struct gate_exclusion by_id[] = { { .first_id = 9, .last_id = 10 } },
					   by_tag[] = { { .tag = "x" } },
					   by_target[] = { { .first_id = 10, .last_id = 10, .target = "ARGS:q" } };
	static const struct {
		struct gate_site_settings settings;
		const char *target, *wanted;
	} rows[] = {
		{ { .name = "a", .mode = GATE_ON }, "/?q=bad", "10|deny 403 10 rule" },
		{ { .name = "a", .mode = GATE_SHADOW }, "/?q=bad", "10|pass not deny 403 10 rule" },
		{ { .name = "a", .mode = GATE_OFF }, "/?q=bad", "|pass" },
		{ { .name = "a", .mode = GATE_ON, .overrides = overrides, .override_count = 3 }, "/", "3 4|pass" },
		{ { .name = "a", .mode = GATE_ON, .exclusions = by_id, .exclusion_count = 1 }, "/?q=bad", "|pass" },
		{ { .name = "a", .mode = GATE_ON, .exclusions = by_tag, .exclusion_count = 1 }, "/?q=bad", "|pass" },
		{ { .name = "a", .mode = GATE_ON, .exclusions = by_target, .exclusion_count = 1 }, "/?q=bad", "|pass" },
		{ { .name = "a", .mode = GATE_ON, .exclusions = by_target, .exclusion_count = 1 }, "/?r=bad",
			"10|deny 403 10 rule" },
	};
	struct gate_plan_options options = { 0 };
	struct gate_plan *plan = test_plan(SITE_RULES, &options);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct test_engine engine;

		test_open(&engine, gate_plan_ref(plan), &rows[i].settings);
		assert_run(&engine, &(struct test_request){ .target = rows[i].target }, rows[i].wanted);
		assert_true(gate_site_memory(engine.site) < 16384);
		test_close(&engine);
	}
	gate_plan_unref(plan);
}

static void a_site_refuses_what_is_no_target(void **unused)
{
	static const char *const targets[] = { "NONE", "ARGS|REQUEST_URI", "",
		"ARGS \"@rx a\" \"id:7\"\nSecAction \"id:8\"" };
	struct gate_plan_options options = { 0 };
	struct gate_plan *plan = test_plan(SITE_RULES, &options);

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		struct gate_exclusion exclusion = { .first_id = 10, .last_id = 10, .target = targets[i] };
		struct gate_site_settings settings = { .name = "a", .exclusions = &exclusion, .exclusion_count = 1 };
		struct gate_site *site;

		assert_int_equal(gate_site_new(plan, &settings, &site), LUYTRE_E_SYNTAX);
	}
	gate_plan_unref(plan);
}

/* ---- threads ---- */

struct thread {
	struct gate_site *site;
	char result[RESULT_SIZE]; /* of the first request that has another than is wanted, or of the last */
};

#define THREADS_WANTED "1 2 3 4|pass not deny 403 4 rule"

static void *run_thread(void *argument)
{
	static const struct test_request request = { .target = "/?q=%3Cb%3E&r=select",
		.headers = "Content-Type: text/xml\nCookie: a=<script>\n",
		BODY("<a><b>union</b></a>") };
	struct thread *thread = argument;
	struct gate_worker *worker = gate_worker_new();
	bool same = worker != NULL;

	for (unsigned int i = 0; i < 100 && same; i++) {
		struct gate_tx *tx;

		if (gate_tx_new(worker, thread->site, &tx) < 0)
			break;
		test_give(tx, &request);
		describe(tx, thread->result);
		same = strcmp(thread->result, THREADS_WANTED) == 0;
		gate_tx_free(tx);
	}
	gate_worker_free(worker);
	gate_site_unref(thread->site);
	return NULL;
}

static void threads_share_a_plan(void **unused)
{
	static const struct gate_site_settings settings = { .name = "a", .mode = GATE_SHADOW };
	struct gate_plan_options options = { 0 };
	struct gate_plan *plan =
		test_plan(ON "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
			     "SecRule ARGS|REQUEST_COOKIES \"@rx <\\w>\" \"id:1,phase:2,pass,capture,t:lowercase\"\n"
			     "SecRule ARGS|REQUEST_COOKIES \"@pm select union a b c d e f\" \"id:2,phase:2,pass\"\n"
			     "SecRule XML:/* \"@rx union\" \"id:3,phase:2,pass\"\n"
			     "SecRule REQUEST_COOKIES \"@detectXSS\" \"id:4,phase:2,deny,t:urlDecodeUni\"\n",
			&options);
	struct gate_site *site;
	struct thread threads[4];
	pthread_t ids[4];

	assert_int_equal(gate_site_new(plan, &settings, &site), 0);
	gate_plan_unref(plan);
	for (unsigned int i = 0; i < 4; i++) {
		threads[i].site = gate_site_ref(site);
		assert_int_equal(pthread_create(&ids[i], NULL, run_thread, &threads[i]), 0);
	}
	gate_site_unref(site);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(ids[i], NULL), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_string_equal(threads[i].result, THREADS_WANTED);
}

static void facts_are_told(void **unused)
{
	static const struct gate_site_settings settings = { .name = "a", .tenant = "t", .mode = GATE_ON };
	struct gate_plan_options options = { 0 };
	struct test_engine engine;
	struct gate_facts facts;
	struct gate_tx *tx;

	test_open(&engine, test_plan(ON "SecAction \"id:1,phase:1,pass,nolog\"\n", &options), &settings);
	tx = test_run(&engine, &(struct test_request){ .target = "/a%62?c", .headers = "Host: h:1\n" });
	facts = gate_tx_facts(tx);
	assert_string_equal(facts.tenant, "t");
	assert_true(bytes_equal_str(facts.path, "/ab") && bytes_equal_str(facts.host, "h") &&
		    bytes_equal_str(facts.id, "test"));
	assert_true(bytes_equal_str(facts.client_address, "192.0.2.1"));
	assert_int_equal(facts.phase, 5);
	gate_tx_free(tx);
	assert_int_equal(gate_worker_counters(engine.worker).requests, 1);
	test_close(&engine);
}

static void join(void *context, struct bytes value)
{
	char *text = context;
	size_t size = strlen(text);

	snprintf(text + size, 64 - size, "%.*s;", (int)value.size, (const char *)value.ptr);
}

static void arguments_are_told(void **unused)
{
	static const struct {
		const char *type, *body, *name, *wanted;
	} rows[] = {
		{ "application/x-www-form-urlencoded", "user=b%20c&user=d&User=e", "user", "a;b c;d;" },
		{ "application/x-www-form-urlencoded", "user=b", "none", "" },
		{ "application/json", "{\"user\":\"b\",\"in\":{\"user\":\"c\"}}", "user", "a;b;" },
		{ "application/json", "{\"in\":{\"user\":\"c\"}}", "in.user", "c;" },
	};
	static const char rules[] = "SecRequestBodyAccess On\nSecRule REQUEST_HEADERS:Content-Type \"@contains json\" "
				    "\"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";
	struct gate_site_settings settings = { .name = "s", .mode = GATE_ON };
	struct gate_plan_options options = { 0 };
	struct test_engine engine;

	(void)unused;
	test_open(&engine, test_plan(rules, &options), &settings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char headers[128], text[64] = "";
		struct test_request request = {
			.method = "POST", .target = "/?user=a", .headers = headers, .body = bytes_from_str(rows[i].body)
		};
		struct gate_tx *tx;

		snprintf(headers, sizeof(headers), "Content-Type: %s\nContent-Length: %zu\n", rows[i].type,
			strlen(rows[i].body));
		tx = test_run(&engine, &request);
		gate_tx_each_argument(tx, bytes_from_str(rows[i].name), join, text);
		assert_string_equal(text, rows[i].wanted);
		gate_tx_free(tx);
	}
	test_close(&engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_and_chains),
		cmocka_unit_test(variables_and_macros),
		cmocka_unit_test(flow),
		cmocka_unit_test(exclusions),
		cmocka_unit_test(bodies),
		cmocka_unit_test(collections_persist),
		cmocka_unit_test(a_collection_outlives_its_end),
		cmocka_unit_test(sites_differ),
		cmocka_unit_test(a_site_refuses_what_is_no_target),
		cmocka_unit_test(threads_share_a_plan),
		cmocka_unit_test(facts_are_told),
		cmocka_unit_test(arguments_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
