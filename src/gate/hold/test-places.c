// SPDX-License-Identifier: Apache-2.0
/* What is armed where, and that many rows cost a request little. */
#include "gate/hold/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"

#define FILE_TEXT                                                                                                      \
	"{\"stamp\":5,\"holds\":["                                                                                     \
	"{\"hold\":1,\"rule\":11,\"mode\":\"enforce\",\"prefixes\":[\"192.0.2.80/32\",\"2001:db8::80/128\"]},"         \
	"{\"hold\":2,\"rule\":12,\"mode\":\"shadow\",\"prefixes\":[\"192.0.2.0/24\"],\"names\":[\"www.example.vn\"]}," \
	"{\"hold\":3,\"rule\":12,\"mode\":\"enforce\",\"prefixes\":[\"192.0.2.0/24\"]},"                               \
	"{\"hold\":4,\"rule\":13,\"mode\":\"shadow\",\"prefixes\":[\"192.0.2.64/26\",\"198.51.100.0/24\"]},"           \
	"{\"hold\":5,\"rule\":14,\"mode\":\"shadow\",\"names\":[\"Cong.Example.vn\",\"www.example.vn\"]},"             \
	"{\"hold\":6,\"rule\":15,\"mode\":\"shadow\"},"                                                                \
	"{\"hold\":7,\"rule\":16,\"mode\":\"shadow\",\"prefixes\":[\"0.0.0.0/0\"]}]}"

static struct hold_places *make(const char *text)
{
	struct hold_places *places;
	struct holdfile file;

	assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
	assert_int_equal(hold_places_new(&file, &places), 0);
	assert_null(file.rows); /* taken */
	return places;
}

/* "3!12 ...": hold, '!' when it enforces, rule; in the order that they are told in. */
static void add(void *context, const struct gate_armed *armed, size_t count)
{
	char *text = context;

	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), 4096 - strlen(text), "%s%llu%s%llu", text[0] ? " " : "",
			(unsigned long long)armed[i].hold, armed[i].enforce ? "!" : "-",
			(unsigned long long)armed[i].rule);
}

static void finds_addresses(void **state)
{
	static const struct {
		const char *address, *wanted;
	} rows[] = {
		{ "192.0.2.80", "1!11 4-13 3!12 7-16" },
		{ "192.0.2.81", "4-13 3!12 7-16" },
		{ "192.0.2.1", "3!12 7-16" },
		{ "192.0.2.255", "3!12 7-16" },
		{ "192.0.3.0", "7-16" },
		{ "198.51.100.9", "4-13 7-16" },
		{ "0.0.0.0", "7-16" },
		{ "255.255.255.255", "7-16" },
		{ "2001:db8::80", "1!11" },
		{ "2001:db8::81", "" },
		{ "::ffff:192.0.2.80", "1!11 4-13 3!12 7-16" },
		{ "::192.0.2.80", "" },
	};
	struct hold_places *places = make(FILE_TEXT);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[4096] = "";
		struct ip_addr address;

		assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].address), &address), 0);
		hold_places_at_address(places, &address, add, text);
		if (strcmp(text, rows[i].wanted) != 0)
			fail_msg("%s: %s, wanted %s", rows[i].address, text, rows[i].wanted);
	}
	hold_places_free(places);
}

static void finds_names(void **state)
{
	static const struct {
		const char *name, *wanted;
	} rows[] = {
		{ "www.example.vn", "2-12 5-14" },
		{ "WWW.Example.VN", "2-12 5-14" },
		{ "www.example.vn.", "2-12 5-14" },
		{ "cong.example.vn", "5-14" },
		{ "example.vn", "" },
		{ "www.example.vn..", "2-12 5-14" },
		{ "", "" },
		{ ".", "" },
		{ "www example.vn", "" },
	};
	struct hold_places *places = make(FILE_TEXT);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[4096] = "";

		hold_places_at_name(places, bytes_from_str(rows[i].name), add, text);
		if (strcmp(text, rows[i].wanted) != 0)
			fail_msg("%s: %s, wanted %s", rows[i].name, text, rows[i].wanted);
	}
	hold_places_free(places);
}

static void finds_what_a_server_stands_for(void **state)
{
	static const struct {
		const char *words[3], *wanted;
	} rows[] = {
		{ { "192.0.2.80" }, "1!11 3!12 4-13 7-16" }, /* by rule: each once */
		{ { "192.0.2.0/24" }, "1!11 3!12 4-13 7-16" }, /* what is inside it, too */
		{ { "192.0.2.64/26" }, "1!11 3!12 4-13 7-16" },
		{ { "192.0.2.0/26" }, "3!12 7-16" },
		{ { "WWW.example.vn", "192.0.2.1" }, "3!12 5-14 7-16" }, /* what enforces wins */
		{ { "2001:db8::/32", "cong.example.vn" }, "1!11 5-14" },
		{ { "other.vn" }, "" },
	};
	struct hold_places *places = make(FILE_TEXT);
	struct hold_places *without = make("{\"stamp\":6,\"holds\":[]}");

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hold_asset *asset = hold_asset_new();
		char text[4096] = "", again[4096] = "", none[4096] = "";

		for (size_t k = 0; k < ARRAY_COUNT(rows[i].words) && rows[i].words[k]; k++)
			assert_int_equal(hold_asset_add(asset, bytes_from_str(rows[i].words[k])), 0);
		hold_asset_find(asset, places, add, text);
		if (strcmp(text, rows[i].wanted) != 0)
			fail_msg("%s: %s, wanted %s", rows[i].words[0], text, rows[i].wanted);
		/* Another table has another list, and the first has its own again. */
		hold_asset_find(asset, without, add, none);
		assert_string_equal(none, "");
		hold_asset_find(asset, places, add, again);
		assert_string_equal(again, text);
		hold_asset_free(asset);
	}
	hold_places_free(places);
	hold_places_free(without);
}

static void refuses_words(void **state)
{
	static const struct {
		const char *word;
		int error;
	} rows[] = {
		{ "", LUYTRE_E_SYNTAX },
		{ "192.0.2.1/24", LUYTRE_E_HOST_BITS },
		{ "192.0.2.0/33", LUYTRE_E_SYNTAX },
		{ "192.0.2", LUYTRE_E_SYNTAX },
		{ "2001:db8::g", LUYTRE_E_SYNTAX },
		{ "a b", LUYTRE_E_SYNTAX },
		{ "1a.vn", 0 },
	};
	struct hold_asset *asset = hold_asset_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (hold_asset_add(asset, bytes_from_str(rows[i].word)) != rows[i].error)
			fail_msg("%s", rows[i].word);
	}
	for (size_t i = 1; i < HOLDFILE_PLACES_MAX; i++)
		assert_int_equal(hold_asset_add(asset, bytes_from_str("a.vn")), 0);
	assert_int_equal(hold_asset_add(asset, bytes_from_str("a.vn")), LUYTRE_E_FULL);
	hold_asset_free(asset);
}

/* 'count' rows, each for an address and a name of its own, or all for the same ones. */
static struct hold_places *make_many(uint32_t count, uint32_t rules, bool same)
{
	struct holdfile file = { .stamp = 1, .row_count = count, .prefix_count = count, .name_count = count };
	struct hold_places *places;
	int error;

	file.rows = calloc(count, sizeof(*file.rows));
	file.prefixes = calloc(count, sizeof(*file.prefixes));
	file.names = calloc(count, sizeof(*file.names));
	assert_true(file.rows && file.prefixes && file.names);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = same ? 0 : i;
		const uint8_t bytes[4] = { 10, (uint8_t)(place >> 16), (uint8_t)(place >> 8), (uint8_t)place };
		struct ip_addr address = ip_addr_v4(bytes);

		file.prefixes[i] = ip_prefix_of_addr(&address);
		snprintf(file.names[i], sizeof(file.names[i]), "host-%u.example.vn", place);
		file.rows[i] = (struct holdfile_row){ .hold = i + 1,
			.rule = 8100000 + i % rules,
			.mode = HOLDFILE_MODE_ENFORCE,
			.prefix_first = i,
			.prefix_count = 1,
			.name_first = i,
			.name_count = 1 };
	}
	error = hold_places_new(&file, &places);
	assert_int_equal(error, rules > HOLD_PLACES_RULES_MAX ? LUYTRE_E_FULL : 0);
	return error == 0 ? places : NULL;
}

static void count_all(void *context, const struct gate_armed *armed, size_t count)
{
	*(size_t *)context += count;
}

static void holds_as_much_as_a_file(void **state)
{
	struct hold_places *places = make_many(HOLDFILE_ROWS_MAX, 184, false);
	size_t found = 0, row_count;
	uint64_t start_ns;

	(void)state;
	assert_non_null(hold_places_rows(places, &row_count));
	assert_int_equal(row_count, HOLDFILE_ROWS_MAX);
	start_ns = clock_mono_ns();
	for (uint32_t i = 0; i < HOLDFILE_ROWS_MAX; i++) {
		const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		struct ip_addr address = ip_addr_v4(bytes);
		char name[64];
		int size = snprintf(name, sizeof(name), "host-%u.example.vn", i);

		hold_places_at_address(places, &address, count_all, &found);
		hold_places_at_name(places, bytes_of(name, (size_t)size), count_all, &found);
	}
	print_message("%llu ns for a place of %d rows\n",
		(unsigned long long)(clock_mono_ns() - start_ns) / HOLDFILE_ROWS_MAX, HOLDFILE_ROWS_MAX);
	assert_int_equal(found, 2 * HOLDFILE_ROWS_MAX);
	hold_places_free(places);
}

static void a_place_has_each_rule_once(void **state)
{
	const uint8_t bytes[4] = { 10, 0, 0, 0 };
	struct ip_addr address = ip_addr_v4(bytes);
	struct hold_places *places = make_many(5000, 184, true);
	size_t found = 0;

	(void)state;
	hold_places_at_address(places, &address, count_all, &found);
	hold_places_at_name(places, bytes_from_str("host-0.example.vn"), count_all, &found);
	assert_int_equal(found, 2 * 184);
	hold_places_free(places);
	assert_null(make_many(HOLD_PLACES_RULES_MAX + 1, HOLD_PLACES_RULES_MAX + 1, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_addresses),
		cmocka_unit_test(finds_names),
		cmocka_unit_test(finds_what_a_server_stands_for),
		cmocka_unit_test(refuses_words),
		cmocka_unit_test(holds_as_much_as_a_file),
		cmocka_unit_test(a_place_has_each_rule_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
