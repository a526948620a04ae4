// SPDX-License-Identifier: Apache-2.0
/* Samples of a file, and what becomes of them in rules that hold, that do not, and that hold too much. */
#include "gate/hold/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/compiler.h"
#include "base/error.h"
#include "gate/engine/testengine.h"

#define SAMPLE(id, expect, uri)                                                                                        \
	"{\"id\":\"" id "\",\"expect\":[" expect "],\"method\":\"GET\",\"uri\":\"" uri                                 \
	"\",\"headers\":[[\"Host\",\"www.example.vn\"]]}\n"

#define SAMPLES                                                                                                        \
	SAMPLE("11-attack", "11", "/?q=jndi")                                                                          \
	SAMPLE("11-twin", "", "/?q=tin")                                                                               \
	"\n" SAMPLE("12-attack", "12", "/a") SAMPLE("12-twin", "", "/b") SAMPLE("13-attack", "13", "/?q=other")        \
		SAMPLE("14-twin", "", "/") SAMPLE("other", "15",                                                       \
			"/") "{\"id\":\"16-attack\",\"expect\":[16,17],\"method\":\"POST\",\"uri\":\"/"                \
			     "p\",\"body_base64\":\"YWJjw6Q=\","                                                       \
			     "\"headers\":[[\"Content-Type\",\"text/plain\"],[\"X-Byte\",\"\\u00e9\"]]}\n"

#define RULES                                                                                                          \
	"SecRuleEngine On\nSecRequestBodyAccess On\n"                                                                  \
	"SecRule ARGS \"@contains other\" \"id:1,phase:1,deny,status:403\"\n"                                          \
	"SecRule ARGS \"@contains jndi\" \"id:11,phase:2,deny,tag:'luytre/hold'\"\n"                                   \
	"SecRule REQUEST_URI \"@rx ^/[ab]$\" \"id:12,phase:1,deny,tag:'luytre/hold'\"\n"                               \
	"SecRule ARGS \"@streq never\" \"id:13,phase:2,deny,tag:'luytre/hold'\"\n"                                     \
	"SecRule REQUEST_URI \"@streq /\" \"id:14,phase:1,deny,tag:'luytre/hold'\"\n"                                  \
	"SecRule REQUEST_HEADERS:X-Byte \"@rx ^\\xe9$\" \"id:16,phase:2,deny,tag:'luytre/hold',chain\"\n"              \
	"SecRule REQUEST_BODY \"@rx ^abc\\xc3\\xa4$\"\n"

/* The same, but that one has lost a hold and the other's does nothing. */
#define FEWER "SecRuleEngine On\nSecRule ARGS \"@contains xjndi\" \"id:11,phase:2,deny,tag:'luytre/hold'\"\n"

static struct hold_samples *read_samples(const char *text)
{
	struct hold_samples *samples;
	size_t line;

	assert_int_equal(hold_samples_read(bytes_from_str(text), &samples, &line), 0);
	return samples;
}

static struct hold_places *read_places(const char *text)
{
	struct hold_places *places;
	struct holdfile file;

	assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
	assert_int_equal(hold_places_new(&file, &places), 0);
	return places;
}

static void samples_are_found(void **state)
{
	struct hold_samples *samples = read_samples(SAMPLES);

	(void)state;
	assert_non_null(hold_samples_attack(samples, 11));
	assert_non_null(hold_samples_twin(samples, 11));
	assert_non_null(hold_samples_attack(samples, 13));
	assert_null(hold_samples_twin(samples, 13)); /* has none */
	assert_null(hold_samples_attack(samples, 14));
	assert_null(hold_samples_attack(samples, 15)); /* is called neither */
	assert_ptr_equal(hold_samples_attack(samples, 16), hold_samples_attack(samples, 17));
	assert_null(hold_samples_attack(samples, 99));
	assert_null(hold_samples_attack(NULL, 11));
	hold_samples_free(samples);
}

static void samples_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} rows[] = {
		{ "\n{", 2 },
		{ "[]", 1 },
		{ SAMPLE("a-attack", "1", "/") "{\"id\":\"b\"}", 2 },
		{ "{\"id\":\"a\",\"expect\":[\"1\"],\"method\":\"GET\",\"uri\":\"/\"}", 1 },
		{ "{\"id\":\"a\",\"expect\":[-1],\"method\":\"GET\",\"uri\":\"/\"}", 1 },
		{ "{\"id\":\"a\",\"expect\":[],\"method\":\"GET\",\"uri\":\"/\",\"headers\":[[\"a\"]]}", 1 },
		{ "{\"id\":\"a\",\"expect\":[],\"method\":\"GET\",\"uri\":\"/\",\"body_base64\":\"a?\"}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hold_samples *samples;
		size_t line;

		if (hold_samples_read(bytes_from_str(rows[i].text), &samples, &line) != LUYTRE_E_SYNTAX ||
			line != rows[i].line)
			fail_msg("row %zu: line %zu", i, line);
	}
}

#define PLACES                                                                                                         \
	"{\"stamp\":9,\"holds\":[{\"hold\":1,\"rule\":11,\"mode\":\"enforce\"},{\"hold\":2,\"rule\":12,\"mode\":"      \
	"\"shadow\"},"                                                                                                 \
	"{\"hold\":3,\"rule\":13,\"mode\":\"shadow\"},{\"hold\":4,\"rule\":14,\"mode\":\"shadow\"},"                   \
	"{\"hold\":5,\"rule\":1,\"mode\":\"shadow\"},{\"hold\":6,\"rule\":99,\"mode\":\"shadow\"},"                    \
	"{\"hold\":7,\"rule\":16,\"mode\":\"shadow\"},{\"hold\":8,\"rule\":11,\"mode\":\"shadow\"}]}"

/* One duty at a time is enough here. */
static struct hold_duty *duty;
static const struct holdfile_row *own_rows;
static size_t own_count;

static void end(struct hold_replay *replayed)
{
	hold_replay_free(replayed);
	hold_duty_free(duty);
	duty = NULL;
}

static void replay(const char *const *rules, size_t rule_count, const struct hold_samples *samples,
	const struct hold_places *places, struct hold_replay **ret)
{
	struct gate_plan_options options = { 0 };
	struct gate_plan *plans[2];
	size_t steps = 1;

	for (size_t i = 0; i < rule_count; i++)
		plans[i] = test_plan(rules[i], &options);
	assert_int_equal(hold_duty_new(places, NULL, 0, plans, rule_count, &duty), 0);
	assert_int_equal(hold_replay_new(places, samples, duty, plans, rule_count, ret), 0);
	own_rows = places ? hold_places_rows(places, &own_count) : NULL;
	for (size_t i = 0; i < rule_count; i++)
		gate_plan_unref(plans[i]); /* the replay has its own */
	while (!hold_replay_step(*ret, 0))
		steps++;
	assert_int_equal(steps, places ? 7 * rule_count : 1); /* one rule in one plan each */
}

static void assert_result(
	const struct hold_replay *replay, uint64_t rule, bool known, enum hold_outcome attack, enum hold_outcome twin)
{
	struct hold_result result;
	size_t row = 0;

	while (row < own_count && own_rows[row].rule != rule)
		row++;
	assert_true(row < own_count);
	result = hold_replay_result(replay, row);
	if (result.known != known || result.attack != attack || result.twin != twin)
		fail_msg("rule %llu: %d %d %d", (unsigned long long)rule, result.known, result.attack, result.twin);
}

static void results_say_what_stands(void **state)
{
	static const char *const rules[] = { RULES, FEWER };
	struct hold_samples *samples = read_samples(SAMPLES);
	struct hold_places *places = read_places(PLACES);
	struct hold_replay *replayed;

	(void)state;
	replay(rules, 1, samples, places, &replayed);
	assert_result(replayed, 11, true, HOLD_STOPPED, HOLD_PASSED);
	assert_result(replayed, 12, true, HOLD_STOPPED, HOLD_STOPPED); /* holds too much */
	assert_result(replayed, 13, true, HOLD_PASSED, HOLD_NONE); /* that another rule would stop it counts not */
	assert_result(replayed, 14, true, HOLD_NONE, HOLD_NONE);
	assert_result(replayed, 1, false, HOLD_NONE, HOLD_NONE); /* is a rule, and no hold */
	assert_result(replayed, 99, false, HOLD_NONE, HOLD_NONE);
	assert_result(replayed, 16, true, HOLD_STOPPED, HOLD_NONE); /* bytes as on the wire */
	end(replayed);
	/* In one of two plans the hold does not hold. */
	replay(rules, 2, samples, places, &replayed);
	assert_result(replayed, 11, true, HOLD_PASSED, HOLD_PASSED);
	assert_result(replayed, 12, true, HOLD_STOPPED, HOLD_STOPPED);
	end(replayed);
	replay(rules, 1, NULL, places, &replayed);
	assert_result(replayed, 11, true, HOLD_NONE, HOLD_NONE);
	end(replayed);
	hold_places_free(places);
	hold_samples_free(samples);
}

/* Sites with a list of rules that lacks the hold, or has lost its sting, count where the hold can be armed and nowhere else. */
static void plans_count_where_they_serve(void **state)
{
	static const char *const rules[] = { RULES, FEWER };
	static const struct bytes a = { (const uint8_t *)"a.vn", 4 }, b = { (const uint8_t *)"b.vn", 4 },
				  wild = { (const uint8_t *)"*.b.vn", 6 };
	const struct ip_prefix here = { { IP_V4, { 192, 0, 2, 1 } }, 32 }, there = { { IP_V4, { 192, 0, 2, 2 } }, 32 };
	const struct hold_server servers[] = {
		{ .names = &a, .name_count = 1, .addresses = &here, .address_count = 1 },
		{ .names = &b, .name_count = 1, .addresses = &there, .address_count = 1, .is_default = true },
		{ .names = &wild, .name_count = 1, .addresses = &there, .address_count = 1 },
	};
	const struct {
		const char *place;
		bool known;
		enum hold_outcome attack;
	} rows_of[] = {
		{ "\"names\":[\"a.vn\"]", true, HOLD_STOPPED }, { "\"names\":[\"b.vn\"]", false, HOLD_NONE },
		{ "\"names\":[\"x.b.vn\"]", false, HOLD_NONE }, { "\"names\":[\"a.vn\",\"b.vn\"]", false, HOLD_NONE },
		{ "\"names\":[\"unknown.vn\"]", false, HOLD_NONE }, /* leads to the default */
		{ "\"prefixes\":[\"192.0.2.1\"]", true, HOLD_STOPPED },
		{ "\"prefixes\":[\"192.0.2.2\"]", false, HOLD_NONE },
		{ "\"prefixes\":[\"192.0.2.0/24\"]", false, HOLD_NONE },
		{ "\"prefixes\":[\"198.51.100.1\"]", true, HOLD_STOPPED }, /* nobody is there: some plan has it */
		{ "\"prefixes\":[\"203.0.113.80\"]", false, HOLD_NONE }, /* what the asset says */
	};
	struct hold_samples *samples = read_samples(SAMPLES);
	struct hold_asset *asset = hold_asset_new();
	const struct hold_location locations[] = {
		{ &servers[0], NULL, 0, GATE_ON }, { &servers[1], NULL, 1, GATE_ON },
		{ &servers[2], asset, 1, GATE_SHADOW }, { &servers[0], NULL, HOLD_NO_PLAN, GATE_OFF },
		{ &servers[0], NULL, 1, GATE_OFF }, /* holds nothing: it is off */
	};

	(void)state;
	assert_int_equal(hold_asset_add(asset, bytes_from_str("203.0.113.80")), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows_of); i++) {
		struct gate_plan_options options = { 0 };
		struct gate_plan *plans[] = { test_plan(rules[0], &options), test_plan(rules[1], &options) };
		struct hold_replay *replayed;
		struct hold_places *places;
		struct hold_result result;
		char text[512];

		snprintf(text, sizeof(text),
			"{\"stamp\":1,\"holds\":[{\"hold\":1,\"rule\":12,\"mode\":\"enforce\",%s}]}", rows_of[i].place);
		places = read_places(text);
		assert_int_equal(hold_duty_new(places, locations, ARRAY_COUNT(locations), plans, 2, &duty), 0);
		assert_int_equal(hold_replay_new(places, samples, duty, plans, 2, &replayed), 0);
		while (!hold_replay_step(replayed, 0))
			;
		result = hold_replay_result(replayed, 0);
		if (result.known != rows_of[i].known || result.attack != rows_of[i].attack)
			fail_msg("%s: %d %d", rows_of[i].place, result.known, result.attack);
		end(replayed);
		hold_places_free(places);
		gate_plan_unref(plans[0]);
		gate_plan_unref(plans[1]);
	}
	hold_asset_free(asset);
	hold_samples_free(samples);
}

static json_t *report(const struct hold_replay *replayed, size_t part)
{
	const struct hold_reporter reporter = { .gate = "0123456789abcdef", .worker = 1, .workers = 2 };
	struct jsonw json;
	struct bytes text;
	json_t *value;

	jsonw_init(&json, 1 << 16);
	hold_report_write(replayed, &reporter, part, &json);
	assert_int_equal(jsonw_text(&json, &text), 0);
	value = json_loadb((const char *)text.ptr, text.size, 0, NULL);
	assert_non_null(value);
	jsonw_done(&json);
	return value;
}

static void reports_have_their_form(void **state)
{
	static const char *const rules[] = { RULES };
	struct hold_samples *samples = read_samples(SAMPLES);
	struct hold_places *places = read_places(PLACES);
	struct hold_replay *replayed;
	const char *type, *gate;
	json_t *value, *wanted;

	(void)state;
	replay(rules, 1, samples, places, &replayed);
	assert_int_equal(hold_report_parts(replayed), 1);
	value = report(replayed, 0);
	wanted = json_pack("{s:I,s:I,s:s,s:b,s:s,s:s}", "hold", (json_int_t)1, "rule", (json_int_t)11, "mode",
		"enforce", "known", 1, "attack", "stopped", "twin", "passed");
	assert_true(json_equal(json_array_get(json_object_get(value, "holds"), 0), wanted));
	assert_int_equal(json_array_size(json_object_get(value, "holds")), 8);
	assert_int_equal(json_unpack(value, "{s:s,s:s}", "event_type", &type, "gate", &gate), 0);
	assert_string_equal(type, "holds");
	assert_string_equal(gate, "0123456789abcdef");
	assert_int_equal(json_integer_value(json_object_get(value, "stamp")), 9);
	assert_int_equal(json_integer_value(json_object_get(value, "worker")), 1);
	assert_int_equal(json_integer_value(json_object_get(value, "workers")), 2);
	assert_int_equal(json_integer_value(json_object_get(value, "parts")), 1);
	json_decref(wanted);
	json_decref(value);
	end(replayed);
	/* Nothing is armed: one part that says so. */
	replay(rules, 1, samples, NULL, &replayed);
	assert_int_equal(hold_report_parts(replayed), 1);
	value = report(replayed, 0);
	assert_int_equal(json_array_size(json_object_get(value, "holds")), 0);
	json_decref(value);
	end(replayed);
	hold_places_free(places);
	hold_samples_free(samples);
}

static void long_reports_have_parts(void **state)
{
	struct holdfile file = { .stamp = 1, .row_count = 2 * HOLD_REPORT_ROWS + 1 };
	struct hold_places *places;
	struct hold_replay *replayed;
	size_t sum = 0;

	(void)state;
	file.rows = calloc(file.row_count, sizeof(*file.rows));
	assert_non_null(file.rows);
	for (size_t i = 0; i < file.row_count; i++)
		file.rows[i] = (struct holdfile_row){ .hold = i + 1, .rule = 11 };
	assert_int_equal(hold_places_new(&file, &places), 0);
	assert_int_equal(hold_duty_new(places, NULL, 0, NULL, 0, &duty), 0);
	assert_int_equal(hold_replay_new(places, NULL, duty, NULL, 0, &replayed), 0);
	assert_true(hold_replay_step(replayed, 0)); /* no plan, nothing to play */
	assert_int_equal(hold_report_parts(replayed), 3);
	for (size_t i = 0; i < 3; i++) {
		json_t *value = report(replayed, i), *rows = json_object_get(value, "holds");

		assert_int_equal(json_integer_value(json_object_get(value, "part")), i + 1);
		assert_int_equal(json_integer_value(json_object_get(value, "parts")), 3);
		assert_int_equal(json_array_size(rows), i < 2 ? HOLD_REPORT_ROWS : 1);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "hold")), sum + 1);
		sum += json_array_size(rows);
		json_decref(value);
	}
	end(replayed);
	hold_places_free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_found),
		cmocka_unit_test(samples_are_refused),
		cmocka_unit_test(results_say_what_stands),
		cmocka_unit_test(plans_count_where_they_serve),
		cmocka_unit_test(reports_have_their_form),
		cmocka_unit_test(long_reports_have_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
