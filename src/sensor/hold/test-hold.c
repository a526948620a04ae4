// SPDX-License-Identifier: Apache-2.0
/* Every hold of rules/sensor, by its samples, through the whole engine: as they are, cut into pieces, out of order; and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/detect/detect.h"
#include "sensor/hold/replay.h"
#include "sensor/rules/places.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/tenants.h"
#include "sensor/settings.h"

enum { HOLDS_MIN = 20, TEXT_SIZE = 1 << 20 };

struct sensor_made {
	struct sensor_settings *settings;
	struct policy *policy;
	struct detect_engine *engine;
};

static struct hold_talks *talks;

/* 'rules' null: those of rules/sensor. */
static void make(struct sensor_made *made, const char *rules, bool ips, const char *const *sets, unsigned int set_count)
{
	struct policy_source source = { .path = rules ? "test" : RULES "/holds.rules" };
	struct policy_options options = { .sources = &source, .source_count = 1, .errors_fatal = true };
	const struct sensor_options sensor = { .simulate_ips = ips,
		.sets = sets,
		.set_count = set_count,
		.simulate_applayer_error = { UINT64_MAX, UINT64_MAX } };

	if (rules)
		source.text = bytes_from_str(rules);
	assert_int_equal(sensor_settings_load(&sensor, &made->settings), 0);
	assert_int_equal(rules_load(made->settings, &options, &made->policy), 0);
	assert_int_equal(detect_engine_new(made->policy, NULL, &made->engine), 0);
}

static void undo(struct sensor_made *made)
{
	detect_engine_free(made->engine);
	rules_free(made->policy);
	sensor_settings_free(made->settings);
}

static enum hold_answer play(const struct sensor_made *made, const struct hold_talk *talk, struct hold_playing how)
{
	enum hold_answer answer = HOLD_ANSWER_NONE;

	assert_int_equal(hold_talk_play(made->settings, made->policy, made->engine, talk, &how, &answer), 0);
	return answer;
}

static unsigned int count_wrong(const struct sensor_made *made, struct hold_playing how)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < hold_talks_count(talks); i++) {
		const struct hold_talk *talk = hold_talks_at(talks, i);
		enum hold_answer wanted = talk->is_twin ? HOLD_ANSWER_PASSED : HOLD_ANSWER_STOPPED;

		if (play(made, talk, how) == wanted)
			continue;
		print_error("%s (segments of %zu%s): %s\n", talk->name, how.segment_size,
			how.reversed ? ", reversed" : "", talk->is_twin ? "stopped" : "passed");
		wrong++;
	}
	return wrong;
}

static void test_samples(void **state)
{
	static const struct hold_playing ways[] = { { 0 }, { .segment_size = 1 }, { .segment_size = 7 },
		{ .segment_size = 64, .reversed = true }, { .segment_size = 5, .reversed = true } };
	struct sensor_made made;
	unsigned int wrong = 0;
	uint64_t begin_ns;

	make(&made, NULL, true, NULL, 0);
	begin_ns = clock_mono_ns();
	wrong += count_wrong(&made, ways[0]);
	print_message("%zu conversations in %.1f ms\n", hold_talks_count(talks),
		(double)(clock_mono_ns() - begin_ns) / (double)NS_PER_MS);
	for (size_t i = 1; i < ARRAY_COUNT(ways); i++)
		wrong += count_wrong(&made, ways[i]);
	undo(&made);
	assert_int_equal(wrong, 0);
}

/* ---- the rules themselves ---- */

static char *read_rules(void)
{
	FILE *in = fopen(RULES "/holds.rules", "rbe");
	char *text = calloc(1, TEXT_SIZE);
	size_t size;

	assert_non_null(in);
	assert_non_null(text);
	size = fread(text, 1, TEXT_SIZE - 1, in);
	assert_true(size > 0 && size < TEXT_SIZE - 1);
	fclose(in);
	return text;
}

/* All rules, but that the one of 'sid' is left out, or has lost everything between its direction and its class. */
static char *spoil(const char *text, uint32_t sid, bool whole)
{
	char *spoiled = strdup(text), word[32], *line, *end, *from, *to;

	assert_non_null(spoiled);
	snprintf(word, sizeof(word), "; sid:%u;", sid);
	end = strstr(spoiled, word);
	assert_non_null(end);
	for (line = end; line > spoiled && line[-1] != '\n'; line--)
		;
	if (whole) {
		line[0] = '#';
		return spoiled;
	}
	from = strstr(strstr(line, "; flow:") + 2, "; ") + 2;
	to = strstr(from, "classtype:");
	assert_true(to > from && to < end);
	memmove(from, to, strlen(to) + 1);
	return spoiled;
}

static bool any(const struct sensor_made *made, uint32_t sid, bool twins, enum hold_answer wanted)
{
	const struct hold_playing whole = { 0 };
	size_t count;
	const struct hold_talk *talk = hold_talks_of(talks, sid, twins, &count);

	for (size_t i = 0; i < count; i++)
		if (play(made, &talk[i], whole) == wanted)
			return true;
	return false;
}

/* Without the rule its attacks pass: no other one stops them. Without its conditions it stops a twin. */
static void test_spoilt_rules(void **state)
{
	char *text = read_rules();
	uint32_t last = 0;
	unsigned int holds = 0;

	for (size_t i = 0; i < hold_talks_count(talks); i++) {
		uint32_t sid = hold_talks_at(talks, i)->sid;

		if (sid == last)
			continue;
		last = sid;
		holds++;
		for (unsigned int whole = 0; whole < 2; whole++) {
			char *spoiled = spoil(text, sid, whole);
			struct sensor_made made;

			make(&made, spoiled, true, NULL, 0);
			if (any(&made, sid, !whole, HOLD_ANSWER_STOPPED) == (bool)whole)
				fail_msg("%u: nobody notices that the rule is spoiled", sid);
			undo(&made);
			free(spoiled);
		}
	}
	free(text);
	assert_true(holds >= HOLDS_MIN);
}

static bool has_cve(const struct rule *rule)
{
	for (const struct rule_reference *r = rule->references; r; r = r->next)
		if (!strcmp(r->kind, "cve"))
			return true;
	return false;
}

/* Each hold has samples, a hole that it stands for, and alerts only; each sample has its rule; what only remembers is silent. */
static void test_rules(void **state)
{
	struct sensor_made made;
	size_t holds = 0, sampled = 0;
	uint32_t last = 0;

	make(&made, NULL, true, NULL, 0);
	for (uint32_t i = 0; i < made.policy->rule_count; i++) {
		const struct rule *rule = made.policy->rules[i];
		size_t attacks, twins;

		assert_true(rule->sid >= 8200010 && rule->sid < 8300000);
		assert_int_equal(rule->action, ACTION_ALERT);
		if (!(rule->flags & RULE_HOLD)) {
			assert_true(rule->flags & RULE_NOALERT);
			continue;
		}
		holds++;
		(void)hold_talks_of(talks, rule->sid, false, &attacks);
		(void)hold_talks_of(talks, rule->sid, true, &twins);
		if (!attacks || !twins || !has_cve(rule))
			fail_msg("%u: no attack, no twin or no hole", rule->sid);
	}
	for (size_t i = 0; i < hold_talks_count(talks); i++) {
		sampled += hold_talks_at(talks, i)->sid != last;
		last = hold_talks_at(talks, i)->sid;
	}
	assert_int_equal(holds, sampled);
	undo(&made);
}

/* ---- proofs ---- */

static const char two_rules[] =
	"alert tcp any any -> any any (flow:established; content:\"attack\"; metadata:luytre_hold 1; sid:1;)\n"
	"alert tcp any any -> any any (flow:established; content:\"e\"; metadata:luytre_hold 1; sid:2;)\n"
	"alert tcp any any -> any any (flow:established; content:\"attack\"; sid:3;)\n"
	"drop tcp any any -> any any (flow:established; content:\"benign\"; sid:4;)\n"
	"alert tcp any any -> any any (flow:established; content:\"attack\"; metadata:luytre_hold 1; sid:5;)\n";
static const char two_samples[] =
	"{\"name\":\"1-attack\",\"proto\":\"tcp\",\"port\":7,\"data\":[[\"c\",\"text\",\"an attack\"]]}\n"
	"{\"name\":\"1-twin\",\"proto\":\"tcp\",\"port\":7,\"data\":[[\"c\",\"text\",\"benign\"]]}\n"
	"{\"name\":\"2-attack\",\"proto\":\"tcp\",\"port\":7,\"data\":[[\"c\",\"text\",\"an event\"]]}\n"
	"{\"name\":\"2-attack-b\",\"proto\":\"tcp\",\"port\":7,\"data\":[[\"c\",\"text\",\"nothing\"]]}\n"
	"{\"name\":\"2-twin\",\"proto\":\"tcp\",\"port\":7,\"data\":[[\"s\",\"text\",\"benign\"]]}\n";
static const char armed[] =
	"{\"stamp\":77,\"holds\":["
	"{\"hold\":11,\"rule\":1,\"part\":\"sensor\",\"mode\":\"enforce\",\"tenant\":1,\"asset\":1,\"prefixes\":[\"192."
	"0.2.80/32\"]},"
	"{\"hold\":12,\"rule\":2,\"part\":\"sensor\",\"mode\":\"shadow\",\"tenant\":1,\"asset\":1,\"prefixes\":[\"192."
	"0.2.80/32\"]},"
	"{\"hold\":13,\"rule\":3,\"part\":\"sensor\",\"mode\":\"shadow\",\"tenant\":1,\"asset\":1,\"prefixes\":[\"192."
	"0.2.80/32\"]},"
	"{\"hold\":14,\"rule\":1,\"part\":\"sensor\",\"mode\":\"shadow\",\"tenant\":1,\"asset\":2,\"prefixes\":[\"192."
	"0.2.90/32\"]},"
	"{\"hold\":15,\"rule\":5,\"part\":\"sensor\",\"mode\":\"shadow\",\"tenant\":1,\"asset\":2,\"prefixes\":[\"192."
	"0.2.91/32\"]},"
	"{\"hold\":16,\"rule\":1,\"mode\":\"shadow\",\"tenant\":1,\"asset\":2,\"prefixes\":[\"192.0.2.91/32\"]}]}";

/* Rows as "hold known attack twin". */
static void tell(const struct hold_proof *proof, char *text, size_t size)
{
	struct jsonw json;
	struct bytes line;

	jsonw_init(&json, 1 << 20);
	hold_proof_write(proof, "sensor-eth0", 0, 1800000000123456789u, &json);
	assert_int_equal(jsonw_text(&json, &line), 0);
	assert_true(bytes_to_str(line, text, size));
	jsonw_done(&json);
}

static void prove(
	const struct sensor_made *made, const struct places *places, char *text, size_t size, size_t *ret_standing)
{
	struct hold_proof_input in = { .settings = made->settings, .policy = made->policy, .engine = made->engine };
	struct hold_talks *samples = NULL;
	struct hold_proof *proof = NULL;
	struct holdfile file;
	size_t line;

	assert_int_equal(hold_talks_read(bytes_from_str(two_samples), &samples, &line), 0);
	assert_int_equal(holdfile_read(bytes_from_str(armed), &file), 0);
	in.file = &file;
	in.places = places;
	in.talks = samples;
	assert_int_equal(hold_proof_new(&in, &proof), 0);
	holdfile_done(&file);
	assert_int_equal(hold_proof_count(proof), 5);
	assert_int_equal(hold_proof_parts(proof), 1);
	*ret_standing = hold_proof_standing(proof);
	tell(proof, text, size);
	hold_proof_free(proof);
	hold_talks_free(samples);
}

static void assert_row(const char *text, const char *row)
{
	if (!strstr(text, row))
		fail_msg("no %s in %s", row, text);
}

#define HOST(number)                                                                                                   \
	{                                                                                                              \
		.addr = { .family = IP_V4, .bytes = { 192, 0, 2, number } }, .length = 32                              \
	}

/* As 'armed' says. */
static const struct places_hold at_work[] = {
	{ .prefix = HOST(80), .hold = 11, .sid = 1, .enforce = true },
	{ .prefix = HOST(80), .hold = 12, .sid = 2 },
	{ .prefix = HOST(80), .hold = 13, .sid = 3 },
	{ .prefix = HOST(90), .hold = 14, .sid = 1 },
	{ .prefix = HOST(91), .hold = 15, .sid = 5 },
};

static void test_proof(void **state)
{
	const struct places_row off = { .prefix = HOST(90), .mode = TENANT_OFF };
	struct places *places;
	struct sensor_made made;
	char text[4096];
	size_t standing;

	make(&made, two_rules, true, NULL, 0);
	assert_int_equal(places_build(&off, 1, at_work, ARRAY_COUNT(at_work), &places), 0);
	prove(&made, places, text, sizeof(text), &standing);
	assert_int_equal(standing, 1);
	assert_row(text, "\"event_type\":\"holds\",\"stamp\":77,\"gate\":\"sensor-eth0\",\"worker\":0,\"workers\":1,"
			 "\"holds\":[");
	/* The drop of another rule stops no twin. */
	assert_row(text, "{\"hold\":11,\"rule\":1,\"mode\":\"enforce\",\"known\":true,\"attack\":\"stopped\",\"twin\":"
			 "\"passed\"}");
	/* One attack that passes is enough, and one twin that is stopped. */
	assert_row(text, "{\"hold\":12,\"rule\":2,\"mode\":\"shadow\",\"known\":true,\"attack\":\"passed\",\"twin\":"
			 "\"stopped\"}");
	/* No hold; at a place where nothing is judged; without samples. */
	assert_row(text,
		"{\"hold\":13,\"rule\":3,\"mode\":\"shadow\",\"known\":false,\"attack\":\"none\",\"twin\":\"none\"}");
	assert_row(text, "{\"hold\":14,\"rule\":1,\"mode\":\"shadow\",\"known\":true,\"attack\":\"passed\",\"twin\":"
			 "\"passed\"}");
	assert_row(text,
		"{\"hold\":15,\"rule\":5,\"mode\":\"shadow\",\"known\":true,\"attack\":\"none\",\"twin\":\"none\"}");
	assert_row(text, "],\"part\":1,\"parts\":1}");
	assert_null(strstr(text, "\"hold\":16"));
	places_discard(places);
	undo(&made);
}

/* A row stands where it is armed as it says, at all of its prefix, and nowhere else. */
static void test_armed(void **state)
{
	static const struct {
		const char *mode, *prefix;
		struct places_row row;
		struct places_hold holds[3];
		size_t count;
		bool stands;
	} cases[] = {
		/* No tenant here, or another organisation's; another place. */
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 0, 0, false } }, 0, false },
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(81), 11, 1, true } }, 1, false },
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 11, 2, true } }, 1, false },
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 11, 1, true } }, 1, true },
		/* Weaker, stronger, another's. */
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 11, 1, false } }, 1, false },
		{ "enforce", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 9, 1, true } }, 1, true },
		{ "shadow", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 11, 1, false } }, 1, true },
		{ "shadow", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 9, 1, false } }, 1, false },
		{ "shadow", "192.0.2.80/32", { .prefix = HOST(1) }, { { HOST(80), 9, 1, true } }, 1, true },
		/* Around: of a row that is wider than what is placed here, and of one with places inside. */
		{ "enforce", "192.0.2.0/24", { .prefix = HOST(1) }, { { HOST(80), 11, 1, true } }, 1, true },
		{ "enforce", "192.0.2.0/24", { .prefix = HOST(80), .mode = TENANT_OFF },
			{ { HOST(80), 11, 1, true }, { HOST(81), 11, 1, true } }, 2, false },
		{ "enforce", "192.0.2.0/24", { .prefix = HOST(80), .mode = TENANT_ENFORCE },
			{ { HOST(80), 11, 1, true }, { HOST(81), 11, 1, true } }, 2, true },
		{ "enforce", "192.0.2.0/24", { .prefix = HOST(1) },
			{ { HOST(80), 11, 1, true }, { HOST(81), 12, 1, false } }, 2, false },
		{ "shadow", "192.0.2.0/24", { .prefix = HOST(1) },
			{ { HOST(80), 11, 1, false }, { HOST(81), 12, 1, false } }, 2, true },
	};
	struct sensor_made made;
	struct hold_talks *samples = NULL;
	size_t line;

	make(&made, two_rules, true, NULL, 0);
	assert_int_equal(hold_talks_read(bytes_from_str(two_samples), &samples, &line), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct hold_proof_input in = {
			.settings = made.settings, .policy = made.policy, .engine = made.engine, .talks = samples
		};
		struct holdfile file;
		struct places *places;
		struct hold_proof *proof = NULL;
		char text[256];

		snprintf(text, sizeof(text),
			"{\"stamp\":7,\"holds\":[{\"hold\":11,\"rule\":1,\"part\":\"sensor\",\"mode\":\"%s\","
			"\"tenant\":1,\"asset\":1,\"prefixes\":[\"%s\"]}]}",
			cases[i].mode, cases[i].prefix);
		assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
		assert_int_equal(places_build(&cases[i].row, 1, cases[i].holds, cases[i].count, &places), 0);
		in.file = &file;
		in.places = places;
		assert_int_equal(hold_proof_new(&in, &proof), 0);
		if (hold_proof_standing(proof) != cases[i].stands)
			fail_msg("case %zu stands: %d", i, !cases[i].stands);
		hold_proof_free(proof);
		places_discard(places);
		holdfile_done(&file);
	}
	hold_talks_free(samples);
	undo(&made);
}

/* Who only looks on stops nothing, and says so. */
static void test_looking_on(void **state)
{
	struct places *places;
	struct sensor_made made;
	char text[4096];
	size_t standing;

	make(&made, two_rules, false, NULL, 0);
	assert_int_equal(places_build(NULL, 0, at_work, ARRAY_COUNT(at_work), &places), 0);
	prove(&made, places, text, sizeof(text), &standing);
	places_discard(places);
	assert_int_equal(standing, 0);
	assert_row(text, "{\"hold\":11,\"rule\":1,\"mode\":\"enforce\",\"known\":true,\"attack\":\"passed\",\"twin\":"
			 "\"passed\"}");
	undo(&made);
}

/* What is played leaves nothing behind that rules share: neither values of data sets nor bits of hosts. */
static void test_no_traces(void **state)
{
	static const char rules[] =
		"alert dns any any -> any any (dns.query; dataset:set,hold-seen,type string; sid:1;)\n"
		"alert dns any any -> any any (dns.query; dataset:isset,hold-seen,type string; metadata:luytre_hold 1; "
		"sid:2;)\n"
		"alert udp any any -> any any (content:\"example\"; xbits:set,hold-bit,track ip_dst; sid:3;)\n"
		"alert udp any any -> any any (xbits:isset,hold-bit,track ip_dst; metadata:luytre_hold 1; sid:4;)\n"
		"alert dns any any -> any any (dns.query; content:\"example\"; metadata:luytre_hold 1; sid:5;)\n";
	static const uint8_t query[] = "\x1a\x2b\1\0\0\1\0\0\0\0\0\0\7example\2vn\0\0\1\0";
	const struct hold_turn turns[] = { { .data = { query, sizeof(query) } }, { .data = { query, sizeof(query) } } };
	struct hold_talk talk = { .is_udp = true, .port = 53, .name = "", .turns = turns, .turn_count = 2 };
	const struct hold_playing whole = { 0 };
	struct sensor_made made;

	make(&made, rules, true, NULL, 0);
	for (talk.sid = 2; talk.sid <= 4; talk.sid += 2)
		assert_int_equal(play(&made, &talk, whole), HOLD_ANSWER_PASSED);
	talk.sid = 5;
	assert_int_equal(play(&made, &talk, whole), HOLD_ANSWER_STOPPED);
	undo(&made);
}

/* Many rows are told in parts that fit into a datagram each; none at all in an empty one. */
static void test_parts(void **state)
{
	enum { ROWS = 2 * HOLD_PROOF_ROWS + 1 };
	struct holdfile_row *rows = calloc(ROWS, sizeof(*rows));
	struct holdfile file = { .stamp = 5, .rows = rows, .row_count = ROWS };
	struct hold_proof_input in = { .file = &file };
	struct hold_proof *proof = NULL;
	struct sensor_made made;
	struct jsonw json;
	struct bytes line;

	assert_non_null(rows);
	for (size_t i = 0; i < ROWS; i++)
		rows[i] = (struct holdfile_row){
			.hold = UINT64_MAX - i, .rule = 4000000000u, .part = HOLDFILE_PART_SENSOR
		};
	make(&made, two_rules, true, NULL, 0);
	in.settings = made.settings;
	in.policy = made.policy;
	in.engine = made.engine;
	assert_int_equal(hold_proof_new(&in, &proof), 0);
	assert_int_equal(hold_proof_parts(proof), 3);
	jsonw_init(&json, 64 << 10);
	for (size_t part = 0; part < 3; part++) {
		hold_proof_write(proof, "sensor-a", part, 1, &json);
		assert_int_equal(jsonw_text(&json, &line), 0);
		jsonw_reset(&json);
	}
	jsonw_done(&json);
	hold_proof_free(proof);
	in.file = NULL;
	assert_int_equal(hold_proof_new(&in, &proof), 0);
	assert_int_equal(hold_proof_parts(proof), 1);
	assert_int_equal(hold_proof_count(proof), 0);
	hold_proof_free(proof);
	undo(&made);
	free(rows);
}

/* ---- reading ---- */

static void test_reading(void **state)
{
	static const struct {
		const char *text;
		int error;
		size_t line;
	} cases[] = {
		{ "", 0, 0 },
		{ "\n\n", 0, 0 },
		{ "{\"name\":\"1-attack\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"0\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "\n{\"name\":\"1-attack\",\"proto\":\"tcp\",\"port\":1,\"data\":[]}", LUYTRE_E_SYNTAX, 2 },
		{ "{\"name\":\"1-attacks\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"a-twin\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"tcp\",\"port\":0,\"data\":[[\"c\",\"hex\",\"00\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"icmp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"x\",\"hex\",\"00\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\",0]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"tcp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"0000\",262144]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"udp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\",1401]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"udp\",\"port\":1,\"data\":[[\"c\",\"text\",\"\\u0100\"]]}",
			LUYTRE_E_SYNTAX, 1 },
		{ "{\"name\":\"1-twin\",\"proto\":\"udp\",\"port\":1,\"data\":[[\"c\",\"hex\",\"00\",1400]],\"x\":1}",
			0, 0 },
		{ "[]", LUYTRE_E_SYNTAX, 1 },
		{ "{", LUYTRE_E_SYNTAX, 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct hold_talks *read = NULL;
		size_t line = 0;

		assert_int_equal(hold_talks_read(bytes_from_str(cases[i].text), &read, &line), cases[i].error);
		assert_int_equal(line, cases[i].line);
		hold_talks_free(read);
	}
}

static void test_bytes(void **state)
{
	static const char text[] =
		"{\"name\":\"7-twin-b\",\"proto\":\"tcp\",\"port\":9,\"data\":[[\"c\",\"hex\",\"0a FF\",2]]}\r\n"
		"{\"name\":\"7-attack\",\"proto\":\"tcp\",\"port\":9,\"data\":[[\"s\",\"text\",\"\\u00e9\\r\\n\"]]}\n"
		"{\"name\":\"7-twin-a\",\"proto\":\"udp\",\"port\":9,\"data\":[[\"c\",\"text\",\"a\"]]}\n";
	const struct hold_talk *talk;
	struct hold_talks *read = NULL;
	size_t line, count;

	assert_int_equal(hold_talks_read(bytes_from_str(text), &read, &line), 0);
	talk = hold_talks_of(read, 7, true, &count);
	assert_int_equal(count, 2);
	assert_string_equal(talk[0].name, "7-twin-a");
	assert_true(talk[0].is_udp);
	assert_true(bytes_equal(talk[1].turns[0].data, bytes_of("\x0a\xff\x0a\xff", 4)));
	talk = hold_talks_of(read, 7, false, &count);
	assert_int_equal(count, 1);
	assert_true(talk->turns[0].from_server);
	assert_true(bytes_equal(talk->turns[0].data, bytes_of("\xe9\r\n", 3)));
	assert_null(hold_talks_of(read, 8, false, &count));
	assert_null(hold_talks_of(NULL, 7, false, &count));
	hold_talks_free(read);
	assert_int_equal(hold_talks_open(RULES "/none.jsonl", &read), 0);
	assert_int_equal(hold_talks_count(read), 0);
	hold_talks_free(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_spoilt_rules),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_armed),
		cmocka_unit_test(test_looking_on),
		cmocka_unit_test(test_no_traces),
		cmocka_unit_test(test_parts),
	};

	log_set_level(LOG_LEVEL_ERROR);
	if (hold_talks_open(RULES "/" HOLD_TALKS_NAME, &talks))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
