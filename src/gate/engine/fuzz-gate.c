// SPDX-License-Identifier: Apache-2.0
/* A whole request and response through rules that use every variable, transformation and operator. The input's parts, divided by bytes
 * 0xff: request line, headers, body, response headers, response body. Its first byte chooses how much memory there is and in what
 * pieces bodies come. With the prefilter and without it the same rules must match. */
#include <assert.h>
#include <stdarg.h>

#include "gate/engine/testengine.h"
#include "gate/seclang/variables.h"

#define RULES_SIZE 262144

struct rules {
	char text[RULES_SIZE];
	size_t size;
};

static __attribute__((format(printf, 2, 3))) void put(struct rules *rules, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(rules->text + rules->size, RULES_SIZE - rules->size, format, arguments);
	va_end(arguments);
	assert(size > 0 && rules->size + (size_t)size < RULES_SIZE);
	rules->size += (size_t)size;
}

static const char head[] =
	"SecRuleEngine On\n"
	"SecRequestBodyAccess On\n"
	"SecResponseBodyAccess On\n"
	"SecRequestBodyLimit 60000\n"
	"SecRequestBodyLimitAction ProcessPartial\n"
	"SecResponseBodyLimit 20000\n"
	"SecResponseBodyLimitAction ProcessPartial\n"
	"SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},initcol:global=g,setuid:%{REMOTE_ADDR}\"\n"
	"SecRule REQUEST_HEADERS:X-Processor \"@rx (?i)^(json|xml|urlencoded)$\" "
	"\"id:2,phase:1,pass,capture,setsid:%{TX.1},setrsc:%{TX.0}\"\n"
	"SecRule TX:1 \"@streq json\" \"id:3,phase:1,pass,t:lowercase,ctl:requestBodyProcessor=JSON\"\n"
	"SecRule TX:1 \"@streq xml\" \"id:4,phase:1,pass,t:lowercase,ctl:requestBodyProcessor=XML\"\n"
	"SecRule TX:1 \"@streq urlencoded\" \"id:5,phase:1,pass,t:lowercase,ctl:requestBodyProcessor=URLENCODED\"\n"
	"SecRule ARGS|REQUEST_COOKIES \"@rx a(.)(.)\" "
	"\"id:6,phase:2,pass,capture,multiMatch,t:urlDecodeUni,t:lowercase,"
	"setvar:tx.%{MATCHED_VAR_NAME}=%{MATCHED_VAR},setvar:tx.n=+%{TX.1},setvar:ip.n=+1,expirevar:ip.n=100000,"
	"setenv:e=%{MATCHED_VAR},msg:'%{RULE.id} %{TX.0}',logdata:'%{MATCHED_VARS} %{TX.2}',chain\"\n"
	"SecRule MATCHED_VARS \"@rx b\" "
	"\"setvar:session.%{MATCHED_VAR_NAME}=%{MATCHED_VAR},ctl:ruleRemoveTargetById=9;ARGS:a\"\n"
	"SecRule ARGS|ARGS_NAMES|XML:/*|XML://@*|!ARGS:/^z/ \"@rx select\" \"id:9,phase:2,block,t:none,t:urlDecode,"
	"tag:'%{MATCHED_VAR}',severity:CRITICAL\"\n"
	"SecRule ARGS:skip \"@pm one two three four\" \"id:10,phase:2,pass,skipAfter:END\"\n"
	"SecRule ARGS:deny \"@pm one two three four\" \"id:11,phase:2,deny,status:401\"\n"
	"SecRule ARGS:go \"@beginsWith /\" \"id:12,phase:2,redirect:https://a.example%{MATCHED_VAR}\"\n"
	"SecRule TX:/./ \"@rx %{TX.n}\" \"id:13,phase:2,pass\"\n"
	"SecRule &ARGS|&TX \"@gt 3\" \"id:14,phase:2,pass,setvar:!tx.n\"\n";

static void put_operators(struct rules *rules)
{
	static const char *const texts[] = { "@beginsWith a", "@contains b", "@containsWord c", "@detectSQLi",
		"@detectXSS", "@endsWith d", "@eq 1", "@ge 2", "@gt 3", "@le 4", "@lt 5",
		"@ipMatch 192.0.2.0/24,2001:db8::/32", "@pm a bb ccc dddd e%%f", "@rx (a+)+$", "@rxGlobal (\\d+)",
		"@streq g", "@strmatch h", "@unconditionalMatch", "@noMatch", "@validateByteRange 10,13,32-126",
		"@validateUrlEncoding", "@validateUtf8Encoding", "@verifyCC \\d{13,16}",
		"@verifySSN \\d{3}-?\\d{2}-?\\d{4}", "@verifyCPF \\d{11}", "@within a,b,c" };

	for (unsigned int i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put(rules,
			"SecRule ARGS|REQUEST_HEADERS|REQUEST_BODY|RESPONSE_BODY \"%s\" "
			"\"id:%u,phase:2,pass,capture,t:none\"\n",
			texts[i], 1000 + i);
		put(rules, "SecRule RESPONSE_BODY|RESPONSE_HEADERS \"%s\" \"id:%u,phase:4,pass,nolog,t:lowercase\"\n",
			texts[i], 1100 + i);
	}
}

static void put_transforms(struct rules *rules)
{
	for (unsigned int i = 0; i < transform_count; i++)
		put(rules,
			"SecRule ARGS|REQUEST_URI|REQUEST_BODY \"@rx [a-f]{3}\" "
			"\"id:%2$u,phase:2,pass,nolog,multiMatch,t:%1$s,t:lowercase\"\n",
			transforms[i].name, 2000 + i);
}

static void put_variables(struct rules *rules)
{
	for (unsigned int i = 0; i < VARIABLE_COUNT; i++) {
		if (i == VARIABLE_XML || i == VARIABLE_WEBSERVER_ERROR_LOG)
			continue;
		put(rules, "SecRule %s \"@rx .\" \"id:%u,phase:5,pass,nolog\"\n", variables[i].name, 3000 + i);
		put(rules, "SecRule %s \"@pm a e <\" \"id:%u,phase:5,pass,nolog,auditlog,t:htmlEntityDecode\"\n",
			variables[i].name, 3500 + i);
	}
}

static void write_rules(struct rules *rules)
{
	put(rules, "%s", head);
	put_operators(rules);
	put_transforms(rules);
	put_variables(rules);
	put(rules, "SecMarker END\n");
}

static struct test_engine *open_engine(bool no_prefilter, size_t memory_max)
{
	static struct rules rules;
	struct test_engine *engine = calloc(1, sizeof(*engine));
	const struct gate_site_settings settings = { .name = "fuzz", .mode = GATE_ON, .memory_max = memory_max };

	assert(engine);
	if (rules.size == 0)
		write_rules(&rules);
	test_open(
		engine, test_plan(rules.text, &(struct gate_plan_options){ .no_prefilter = no_prefilter }), &settings);
	return engine;
}

static struct bytes part(struct bytes *rest, uint8_t end)
{
	struct bytes first = bytes_first(*rest, bytes_index(*rest, end));

	*rest = bytes_skip(*rest, first.size + 1);
	return first;
}

static void give_headers(struct gate_tx *tx, struct bytes text, test_header_fn give)
{
	while (text.size != 0) {
		struct bytes line = part(&text, '\n');
		struct bytes name = part(&line, ':');

		give(tx, name, line);
	}
}

static void give_pieces(
	struct gate_tx *tx, struct bytes body, size_t size, void (*give)(struct gate_tx *tx, struct bytes piece))
{
	while (body.size != 0) {
		give(tx, bytes_first(body, size));
		body = bytes_skip(body, size);
	}
}

static void give_request(struct gate_tx *tx, struct bytes *rest, size_t piece_size)
{
	struct bytes line = part(rest, 0xff), method = part(&line, ' '), target = part(&line, ' ');

	gate_tx_id(tx, "fuzz");
	gate_tx_connection(tx, "192.0.2.1", 1234, "192.0.2.2", 80);
	gate_tx_request_line(tx, method, target, line);
	give_headers(tx, part(rest, 0xff), gate_tx_request_header);
	gate_tx_request_headers_end(tx);
	if (test_is_final(tx))
		return;
	if (gate_tx_wants_request_body(tx))
		give_pieces(tx, part(rest, 0xff), piece_size, gate_tx_request_body);
	if (!test_is_final(tx))
		gate_tx_request_body_end(tx);
}

static void give_response(struct gate_tx *tx, struct bytes *rest, size_t piece_size)
{
	gate_tx_response_line(tx, 200, bytes_from_str("HTTP/1.1"));
	gate_tx_response_header(tx, bytes_from_str("Content-Type"), bytes_from_str("text/html"));
	give_headers(tx, part(rest, 0xff), gate_tx_response_header);
	gate_tx_response_headers_end(tx);
	if (test_is_final(tx))
		return;
	if (gate_tx_wants_response_body(tx))
		give_pieces(tx, *rest, piece_size, gate_tx_response_body);
	if (!test_is_final(tx))
		gate_tx_response_body_end(tx);
}

static unsigned int touch(struct bytes text)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < text.size; i++)
		sum = sum * 31 + text.ptr[i];
	return sum;
}

/* Reads all that is told, so that a sanitizer sees a view into nowhere. The rules, and the rest where it must be the same. */
static unsigned int digest(struct gate_tx *tx)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);
	unsigned int sum = (unsigned int)gate_tx_verdict(tx)->action;

	for (size_t i = 0; i < count; i++) {
		sum = sum * 31 + (unsigned int)matches[i].rule_id;
		/* The time is another one in each run. */
		if (matches[i].rule_id >= 3000)
			continue;
		sum = sum * 31 + touch(matches[i].variable) + touch(matches[i].value) + touch(matches[i].msg) +
		      touch(matches[i].data);
		for (size_t k = 0; k < matches[i].tag_count; k++)
			sum = sum * 31 + touch(matches[i].tags[k]);
	}
	return sum;
}

static unsigned int run(struct test_engine *engine, struct bytes rest, size_t piece_size)
{
	struct gate_tx *tx;
	unsigned int sum;

	if (gate_tx_new(engine->worker, engine->site, &tx) < 0)
		return 0;
	give_request(tx, &rest, piece_size);
	if (!test_is_final(tx))
		give_response(tx, &rest, piece_size);
	gate_tx_log(tx);
	assert(gate_tx_facts(tx).phase == 5);
	sum = digest(tx);
	gate_tx_free(tx);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct test_engine *engine, *plain, *small;
	struct bytes rest = bytes_of(data + 1, size - 1);
	size_t piece_size;

	if (size == 0)
		return 0;
	if (!engine) {
		engine = open_engine(false, 0);
		plain = open_engine(true, 0);
		small = open_engine(false, 65536);
	}
	piece_size = data[0] & 1 ? 7 : SIZE_MAX;
	if (data[0] & 2) {
		(void)run(small, rest, piece_size);
		return 0;
	}
	if (run(engine, rest, piece_size) != run(plain, rest, piece_size))
		abort();
	return 0;
}
