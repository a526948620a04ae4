// SPDX-License-Identifier: Apache-2.0
/* The prefilter may only save work: random rule sets on random requests, and every rule of the Core Rule Set where it is, give the same
 * matches in the same order and the same verdict with it and without it. So may steps (steps.c) and what was seen before (seen.c): the other side asks
 * every rule, and every request comes twice.
 *
 * The corpus lies where LUYTRE_CONFORMANCE_GATE says; without it only the random ones are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gate/engine/testengine.h"
#include "match/test-random.h"

#define SETS     120
#define REQUESTS 40
#define TEXT_MAX 65536

static uint64_t state = 1;

struct text {
	char data[TEXT_MAX];
	size_t size;
};

static void put(struct text *text, const char *piece)
{
	size_t size = strlen(piece);

	assert_true(text->size + size < sizeof(text->data));
	memcpy(text->data + text->size, piece, size + 1);
	text->size += size;
}

static void put_number(struct text *text, unsigned int number)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", number);
	put(text, digits);
}

static uint32_t below(uint32_t bound)
{
	return test_random(&state, bound);
}

#define PICK(list)           (list)[below(sizeof(list) / sizeof(*(list)))]
#define PUT_PICK(text, list) put(text, PICK(list))

/* What rules look for, and what requests are made of. */
static const char *const words[] = { "ab", "Ab", "select", "SELECT", "union", "../", "<b>", "%3c", "%2e%2e%2f", "x1",
	"7", "'", "--", "/*", "*/", "&lt;", "a b", "a+b", "\xc3\xa9", "=", "..", "\\u0061", "%u0061", "e", "or", "1=1",
	"%00", "_", "y-z", "u@v.w", "%" };

/* ---- rules ---- */

/* Each set of rules keeps to a few targets: the prefilter is for many rules that look at the same values. */
static const char *palette[6];

static void choose_palette(void)
{
	static const char *const targets[] = { "ARGS", "ARGS", "ARGS", "ARGS_NAMES", "ARGS:a", "ARGS:/^b/", "ARGS_GET",
		"ARGS_POST", "ARGS_POST:b", "REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_HEADERS",
		"REQUEST_HEADERS:X-One", "REQUEST_HEADERS_NAMES", "REQUEST_COOKIES", "REQUEST_COOKIES:/c/",
		"REQUEST_COOKIES_NAMES", "QUERY_STRING", "REQUEST_FILENAME", "REQUEST_BASENAME", "REQUEST_BODY",
		"REQUEST_METHOD", "REQUEST_LINE", "FULL_REQUEST", "REQBODY_PROCESSOR", "REQBODY_ERROR", "XML:/*",
		"XML://@*", "FILES", "FILES_NAMES", "TX:x", "TX:/./", "MATCHED_VARS", "MATCHED_VAR",
		"MATCHED_VARS_NAMES", "&ARGS", "&REQUEST_HEADERS:X-One", "HIGHEST_SEVERITY", "ENV:e", "RESPONSE_BODY",
		"RESPONSE_HEADERS", "UNIQUE_ID", "ARGS_COMBINED_SIZE", "MULTIPART_PART_HEADERS" };

	for (size_t i = 0; i < sizeof(palette) / sizeof(*palette); i++)
		palette[i] = PICK(targets);
}

static void put_targets(struct text *text)
{
	static const char *const excluded[] = { "|!ARGS:a", "|!REQUEST_COOKIES:/c/", "|!REQUEST_HEADERS:X-One",
		"|!ARGS:/b/" };
	uint32_t count = 1 + below(2);

	for (uint32_t i = 0; i < count; i++) {
		put(text, i ? "|" : "");
		PUT_PICK(text, palette);
	}
	if (below(4) == 0)
		PUT_PICK(text, excluded);
}

static void put_expression(struct text *text)
{
	static const char *const pieces[] = { "a", "b", "[a-f]", "\\d", "\\s", "\\w+", ".", "select", "(?:ab|x1)",
		"(?i)union", "^", "$", "<", "\\.\\./", "[^a-z]", "\\b", "x?", "1*", "(?!7)", "(a|b)", "\\x00", "\\W",
		"[\\s/*]", "(?<=a)b", "=" };
	uint32_t count = 1 + below(4);

	for (uint32_t i = 0; i < count; i++)
		PUT_PICK(text, pieces);
}

static void put_phrases(struct text *text)
{
	static const char *const phrases[] = { "ab", "select", "union", "../", "x1", "7", "or", "<b>", "one", "POST",
		"%00" };
	uint32_t count = 1 + below(6);

	for (uint32_t i = 0; i < count; i++) {
		put(text, i ? " " : "");
		PUT_PICK(text, phrases);
	}
}

static void put_operator(struct text *text)
{
	static const char *const others[] = { "@contains ab", "@streq 7", "@beginsWith a", "@endsWith b",
		"@within ab,7,select", "@eq 0", "@ge 2", "@validateByteRange 32-126", "@detectSQLi", "@detectXSS",
		"@unconditionalMatch", "@rx %{tx.x}", "@containsWord or", "@rx ^$", "@validateUrlEncoding", "@rx" };

	put(text, below(10) == 0 ? "!" : "");
	switch (below(6)) {
	case 0:
	case 1:
		put(text, below(8) ? "@rx " : "@rxGlobal ");
		put_expression(text);
		break;
	case 2:
	case 3:
	case 4:
		put(text, "@pm ");
		put_phrases(text);
		break;
	default:
		PUT_PICK(text, others);
	}
}

static void put_transforms(struct text *text)
{
	static const char *const names[] = { "lowercase", "urlDecode", "urlDecodeUni", "htmlEntityDecode",
		"removeWhitespace", "compressWhitespace", "replaceComments", "removeNulls", "normalizePath", "jsDecode",
		"cmdLine", "length", "hexEncode", "utf8toUnicode", "removeComments", "base64Decode", "trim", "md5",
		"none" };
	uint32_t count = below(4);

	for (uint32_t i = 0; i < count; i++) {
		put(text, ",t:");
		PUT_PICK(text, names);
	}
}

static void put_actions(struct text *text, uint32_t id)
{
	static const char *const actions[] = { "capture", "capture", "multiMatch", "nolog", "pass", "setvar:tx.x=+1",
		"setvar:tx.x=%{MATCHED_VAR}", "setvar:!tx.x", "setvar:tx.%{MATCHED_VAR_NAME}=1", "skip:1",
		"skipAfter:M1", "skipAfter:M2", "ctl:requestBodyProcessor=JSON", "ctl:requestBodyProcessor=XML",
		"ctl:forceRequestBodyVariable=On", "severity:CRITICAL", "severity:NOTICE", "setenv:e=%{tx.x}",
		"msg:'m %{MATCHED_VAR} %{tx.x}'", "logdata:'%{TX.0} %{TX.1}'", "tag:'t'", "deny", "block",
		"allow:phase", "ctl:ruleRemoveByTag=t" };
	uint32_t count = below(4);

	for (uint32_t i = 0; i < count; i++) {
		put(text, ",");
		PUT_PICK(text, actions);
	}
	if (below(8) == 0) {
		bool target = below(2);

		put(text, target ? ",ctl:ruleRemoveTargetById=" : ",ctl:ruleRemoveById=");
		put_number(text, id + below(6));
		put(text, target ? ";ARGS:a" : "");
	}
}

static void put_rule(struct text *text, uint32_t id, uint32_t phase, bool chained)
{
	bool chain = below(6) == 0;

	put(text, "SecRule ");
	put_targets(text);
	put(text, " \"");
	put_operator(text);
	put(text, "\" \"");
	if (!chained) {
		put(text, "id:");
		put_number(text, id);
		put(text, ",phase:");
		put_number(text, phase);
	} else {
		put(text, "setvar:tx.y=+2");
	}
	put_transforms(text);
	if (!chained)
		put_actions(text, id);
	put(text, chain ? ",chain\"\n" : "\"\n");
	if (chain)
		put_rule(text, id, phase, true);
}

/* What steps.c answers by itself, and what is nearly that. */
static void put_small_rule(struct text *text, uint32_t id, uint32_t phase)
{
	static const char *const targets[] = { "TX:x", "TX:n", "TX:m", "&TX:x", "&TX:n", "&TX:m",
		"REQUEST_HEADERS:X-One", "&REQUEST_HEADERS:X-One", "REQUEST_HEADERS:X-Two", "&REQUEST_HEADERS:X-Two",
		"&ARGS_GET:a", "ARGS_POST:b", "&RESPONSE_HEADERS:Content-Type", "&MATCHED_VARS:ARGS:a", "&ARGS:a",
		"&FILES" };
	static const char *const compares[] = { "@eq ", "@ge ", "@gt ", "@le ", "@lt " };
	static const char *const numbers[] = { "0", "1", "2", "-1", "99999999999", "%{tx.n}", "%{tx.x}", "%{ARGS.a}" };
	static const char *const actions[] = { "setvar:tx.n=1", "setvar:tx.n=2", "setvar:tx.m=", "setvar:tx.x=0",
		"setvar:!tx.n", "setvar:tx.n=+1", "setvar:tx.m=%{MATCHED_VAR_NAME}", "skip:1", "skip:2", "skipAfter:M1",
		"skipAfter:M2", "capture", "log,msg:'small %{tx.n} %{MATCHED_VAR}'", "severity:NOTICE", "t:none",
		"t:length", "t:lowercase", "multiMatch", "ctl:ruleRemoveTargetByTag=s;TX:n" };
	bool action = below(6) == 0;
	uint32_t count = below(4);

	put(text, action ? "SecAction \"" : "SecRule ");
	if (!action) {
		PUT_PICK(text, targets);
		put(text, below(4) ? " \"" : " \"!");
		PUT_PICK(text, compares);
		PUT_PICK(text, numbers);
		put(text, "\" \"");
	}
	put(text, "id:");
	put_number(text, id);
	put(text, ",phase:");
	put_number(text, phase);
	put(text, below(4) ? ",pass,nolog" : ",pass,log");
	put(text, below(4) ? "" : ",tag:'s'");
	for (uint32_t i = 0; i < count; i++) {
		put(text, ",");
		PUT_PICK(text, actions);
	}
	put(text, "\"\n");
}

static void put_rules(struct text *text)
{
	uint32_t count = 5 + below(40);

	choose_palette();
	put(text, "SecRuleEngine ");
	put(text, below(4) ? "DetectionOnly\n" : "On\n");
	put(text, "SecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\n");
	for (uint32_t i = 0; i < count; i++) {
		uint32_t phase = below(4) ? 2 : 1 + below(4);

		if (below(3) == 0)
			put_small_rule(text, i + 1, phase);
		else
			put_rule(text, i + 1, phase, false);
		if (below(10) == 0)
			put(text, below(2) ? "SecMarker M1\n" : "SecMarker M2\n");
	}
	put(text, "SecMarker M1\nSecMarker M2\n");
}

/* ---- requests ---- */

static void put_words(struct text *text)
{
	uint32_t count = below(5);

	for (uint32_t i = 0; i < count; i++)
		PUT_PICK(text, words);
}

static void put_form(struct text *text)
{
	static const char *const names[] = { "a", "b", "bb", "c", "A", "" };
	/* Many are searched together, and equal ones once. */
	uint32_t count = below(6) == 0 ? 20 + below(60) : below(5);

	for (uint32_t i = 0; i < count; i++) {
		put(text, i ? "&" : "");
		PUT_PICK(text, names);
		put(text, "=");
		put_words(text);
	}
}

static void put_body(struct text *text, uint32_t kind)
{
	switch (kind) {
	case 1:
		put(text, "{\"a\":\"");
		put_words(text);
		put(text, "\",\"b\":[1,\"7\"]}");
		break;
	case 2:
		put(text, "<r q=\"ab\"><a>");
		put_words(text);
		put(text, "</a></r>");
		break;
	case 3:
		put(text, "--q\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n");
		put_words(text);
		put(text, "\r\n--q\r\nContent-Disposition: form-data; name=\"f\"; "
			  "filename=\"ab.txt\"\r\n\r\nselect\r\n--q--\r\n");
		break;
	default:
		put_form(text);
	}
}

struct drawn {
	struct text target, headers, body, response;
	struct test_request request;
};

static void draw_request(struct drawn *drawn)
{
	static const char *const types[] = { "application/x-www-form-urlencoded", "application/json", "text/xml",
		"multipart/form-data; boundary=q" };
	static const char *const methods[] = { "GET", "POST", "select" };
	uint32_t kind = below(4);

	drawn->target.size = drawn->headers.size = drawn->body.size = drawn->response.size = 0;
	drawn->body.data[0] = drawn->response.data[0] = '\0';
	put(&drawn->target, "/");
	put_words(&drawn->target);
	put(&drawn->target, "?");
	put_form(&drawn->target);
	put(&drawn->headers, "Content-Type: ");
	put(&drawn->headers, types[kind]);
	put(&drawn->headers, "\nX-One: ");
	put_words(&drawn->headers);
	put(&drawn->headers, "\nCookie: c=");
	put_words(&drawn->headers);
	put(&drawn->headers, "; d=7\n");
	if (below(3) != 0)
		put_body(&drawn->body, kind);
	put_words(&drawn->response);
	drawn->request = (struct test_request){
		.method = PICK(methods),
		.target = drawn->target.data,
		.headers = drawn->headers.data,
		.body = bytes_of(drawn->body.data, drawn->body.size),
		.status = below(2) ? 200 : 0,
		.response_headers = "Content-Type: text/html\n",
		.response_body = bytes_of(drawn->response.data, drawn->response.size),
	};
}

/* ---- comparison ---- */

static bool same_match(const struct gate_match *left, const struct gate_match *right)
{
	return left->rule_id == right->rule_id && left->phase == right->phase && bytes_equal(left->msg, right->msg) &&
	       bytes_equal(left->data, right->data) && bytes_equal(left->variable, right->variable) &&
	       bytes_equal(left->value, right->value) && left->disruptive == right->disruptive;
}

static void show(const char *name, struct gate_tx *tx)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	fprintf(stderr, "%s: action %d wanted %d rule %llu\n", name, gate_tx_verdict(tx)->action,
		gate_tx_verdict(tx)->wanted, (unsigned long long)gate_tx_verdict(tx)->rule_id);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %llu %.*s = '%.*s' msg '%.*s' data '%.*s'\n", (unsigned long long)matches[i].rule_id,
			(int)matches[i].variable.size, (const char *)matches[i].variable.ptr,
			(int)matches[i].value.size, (const char *)matches[i].value.ptr, (int)matches[i].msg.size,
			(const char *)matches[i].msg.ptr, (int)matches[i].data.size, (const char *)matches[i].data.ptr);
}

static bool same_result(struct gate_tx *left, struct gate_tx *right)
{
	const struct gate_verdict *one = gate_tx_verdict(left), *other = gate_tx_verdict(right);
	size_t count, other_count;
	const struct gate_match *matches = gate_tx_matches(left, &count);
	const struct gate_match *other_matches = gate_tx_matches(right, &other_count);
	bool same = count == other_count && one->action == other->action && one->wanted == other->wanted &&
		    one->status == other->status && one->rule_id == other->rule_id;

	for (size_t i = 0; same && i < count; i++)
		same = same_match(&matches[i], &other_matches[i]);
	return same;
}

/* Nothing is searched for and nothing is left out there: rules are asked one by one while their costs are measured. */
static void ask_every_rule(struct test_engine *engine)
{
	assert_int_equal(gate_worker_profile(engine->worker, engine->plan), 0);
}

static bool compare(struct test_engine *engine, struct test_engine *plain, const struct test_request *request)
{
	struct gate_tx *tx = test_run(engine, request), *other = test_run(plain, request);
	bool same;

	same = same_result(tx, other);
	if (!same) {
		fprintf(stderr, "%s %s\n%s\n%.*s\n", request->method, request->target,
			request->headers ? request->headers : "", (int)request->body.size,
			(const char *)request->body.ptr);
		show("prefilter", tx);
		show("all", other);
	}
	gate_tx_free(tx);
	gate_tx_free(other);
	return same;
}

static const struct gate_site_settings site = { .name = "test", .mode = GATE_ON };

static void random_rules_match_the_same(void **unused)
{
	static struct text rules;
	static struct drawn drawn;
	uint64_t matches = 0, prefiltered = 0;

	for (unsigned int set = 0; set < SETS; set++) {
		struct test_engine engine, plain;

		rules.size = 0;
		put_rules(&rules);
		test_open(&engine, test_plan(rules.data, &(struct gate_plan_options){ 0 }), &site);
		test_open(&plain, test_plan(rules.data, &(struct gate_plan_options){ .no_prefilter = true }), &site);
		ask_every_rule(&plain);
		for (unsigned int i = 0; i < REQUESTS; i++) {
			draw_request(&drawn);
			/* What the first time was looked for is known the second time. */
			for (unsigned int again = 0; again < 2; again++)
				if (!compare(&engine, &plain, &drawn.request))
					fail_msg("the rules, time %u:\n%s", again + 1, rules.data);
		}
		matches += gate_worker_counters(engine.worker).matches;
		prefiltered += gate_plan_info(engine.plan).prefiltered_count;
		assert_int_equal(gate_plan_info(plain.plan).prefiltered_count, 0);
		test_close(&engine);
		test_close(&plain);
	}
	/* Or nothing would have been compared. */
	assert_true(matches > 10000);
	assert_true(prefiltered > SETS);
}

/* ---- the Core Rule Set ---- */

static struct gate_plan *load_core(const char *root, bool prefilter)
{
	static const char *const files[] = { "setup/engine.conf", "rules/crs-setup.conf.example", "setup/crs-test.conf",
		"rules" };
	struct sec_rules *rules = sec_rules_new();
	struct gate_plan *plan = NULL;
	char path[1024];

	assert_non_null(rules);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, files[i]);
		assert_int_equal(sec_rules_load_file(rules, path), 0);
	}
	assert_int_equal(sec_rules_finish(rules), 0);
	assert_int_equal(gate_plan_build(rules,
				 &(struct gate_plan_options){ .no_prefilter = !prefilter,
					 .cache_dir = prefilter ? getenv("LUYTRE_CACHE") : NULL },
				 &plan),
		0);
	return plan;
}

static void put_attack(struct text *text)
{
	static const char *const attacks[] = { "1%27%20OR%20%271%27=%271", "%3Cscript%3Ealert(1)%3C/script%3E",
		"../../etc/passwd", ";cat+/etc/passwd", "${jndi:ldap://x}", "php://input", "union+select+1,2",
		"/bin/bash+-c+id", "xin+ch%C3%A0o", "O:8:%22stdClass%22", "<?php+eval($_GET[1])", "javascript:alert(1)",
		"a%00b", "%0d%0aSet-Cookie:+x", "1%3B+DROP+TABLE+users--", "(()%20{+:;};+echo", "%u0041",
		"nguyen+van+a", "http://10.0.0.1/x", "sleep(5)", "{{7*7}}", "constructor", "window.location",
		"@@version", "cmd.exe+/c+dir" };

	put(text, below(3) ? "" : "x");
	PUT_PICK(text, attacks);
	put(text, below(4) ? "" : "-y");
}

static void draw_core_request(struct drawn *drawn)
{
	bool post = below(2);

	drawn->target.size = drawn->headers.size = drawn->body.size = drawn->response.size = 0;
	drawn->body.data[0] = drawn->response.data[0] = '\0';
	put(&drawn->target, below(2) ? "/index.php?q=" : "/a/");
	put_attack(&drawn->target);
	put(&drawn->headers, "Host: localhost\nUser-Agent: ");
	put(&drawn->headers, below(4) ? "Mozilla/5.0" : "sqlmap/1.0");
	put(&drawn->headers, "\nAccept: */*\nCookie: s=");
	put_attack(&drawn->headers);
	put(&drawn->headers, post ? "\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 9\n" : "\n");
	if (post) {
		put(&drawn->body, "p=");
		put_attack(&drawn->body);
		put(&drawn->body, "&n=");
		put_words(&drawn->body);
	}
	put(&drawn->response, below(2) ? "<html>ORA-00933: SQL command not properly ended</html>" : "<?php echo 1; ?>");
	drawn->request = (struct test_request){
		.method = post ? "POST" : "GET",
		.target = drawn->target.data,
		.headers = drawn->headers.data,
		.body = bytes_of(drawn->body.data, drawn->body.size),
		.status = 200,
		.response_headers = "Content-Type: text/html\n",
		.response_body = bytes_of(drawn->response.data, drawn->response.size),
	};
}

static void core_rules_match_the_same(void **unused)
{
	const char *chosen = getenv("LUYTRE_CONFORMANCE_GATE");
	static struct drawn drawn;
	struct test_engine engine, plain;

	if (!chosen)
		skip();
	test_open(&engine, load_core(chosen, true), &site);
	test_open(&plain, load_core(chosen, false), &site);
	ask_every_rule(&plain);
	for (unsigned int i = 0; i < 300; i++) {
		draw_core_request(&drawn);
		assert_true(compare(&engine, &plain, &drawn.request));
		assert_true(compare(&engine, &plain, &drawn.request));
	}
	assert_true(gate_worker_counters(engine.worker).matches > 1000);
	assert_true(gate_plan_info(engine.plan).prefiltered_count > 100);
	test_close(&engine);
	test_close(&plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_match_the_same),
		cmocka_unit_test(core_rules_match_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
