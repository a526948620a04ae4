// SPDX-License-Identifier: Apache-2.0
/* Which mode a request gets: by name, by the longest prefix, by what a server stands for; what a client says turns nothing off; and which
 * rows are said to stand. */
#include "gate/hold/modes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "gate/engine/testengine.h"
#include "gate/hold/servers.h" /* with gate/hold/places.h */

#define MODES(rows) "{\"stamp\":1,\"holds\":[],\"modes\":[" rows "]}"

static struct hold_places *make(const char *text)
{
	struct hold_places *places;
	struct holdfile file;

	assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
	assert_int_equal(hold_places_new(&file, &places), 0);
	return places;
}

/* The second organisation has a network and names, the third one address and its name. */
#define FILE_TEXT                                                                                                      \
	MODES("{\"asset\":1,\"tenant\":1,\"mode\":\"off\",\"prefixes\":[\"192.0.2.0/24\"]},"                           \
	      "{\"asset\":2,\"tenant\":1,\"mode\":\"shadow\",\"prefixes\":[\"192.0.2.64/26\",\"2001:db8::/32\"]},"     \
	      "{\"asset\":3,\"tenant\":2,\"mode\":\"enforce\",\"names\":[\"Cong.Example.vn\"]},"                       \
	      "{\"asset\":4,\"tenant\":2,\"mode\":\"off\",\"names\":[\"off.example.vn\"]},"                            \
	      "{\"asset\":5,\"tenant\":3,\"mode\":\"enforce\",\"edge_only\":true,\"prefixes\":[\"192.0.2.80/32\"],"    \
	      "\"names\":[\"edge.example.vn\"]},"                                                                      \
	      "{\"asset\":6,\"tenant\":2,\"mode\":\"shadow\",\"names\":[\"twice.example.vn\"]},"                       \
	      "{\"asset\":7,\"tenant\":2,\"mode\":\"enforce\",\"names\":[\"twice.example.vn\"]},"                      \
	      "{\"asset\":8,\"tenant\":2,\"mode\":\"shadow\",\"prefixes\":[\"203.0.113.0/24\"]}")

static bool as_said(const void *context, struct bytes name)
{
	(void)name;
	return *(const bool *)context;
}

static void requests_get_their_mode(void **state)
{
	static const struct {
		const char *asked, *header, *own, *address, *asset;
		bool named; /* the server has the name that is asked for */
		enum gate_mode mode, wanted;
		uint32_t by; /* asset; 0: the site's own mode */
	} rows[] = {
		{ "a.vn", "a.vn", "a.vn", "198.51.100.1", NULL, true, GATE_ON, GATE_ON, 0 },
		{ "a.vn", "a.vn", "a.vn", NULL, NULL, true, GATE_SHADOW, GATE_SHADOW, 0 },
		/* the longest prefix */
		{ "a.vn", "a.vn", "a.vn", "192.0.2.1", NULL, true, GATE_ON, GATE_OFF, 1 },
		{ "a.vn", "a.vn", "a.vn", "192.0.2.65", NULL, true, GATE_ON, GATE_SHADOW, 2 },
		{ "a.vn", "a.vn", "a.vn", "::ffff:192.0.2.65", NULL, true, GATE_ON, GATE_SHADOW, 2 },
		{ "a.vn", "a.vn", "a.vn", "2001:db8::1", NULL, true, GATE_ON, GATE_SHADOW, 2 },
		/* a name before a prefix, in any case; the server's own name where the one that is asked for says nothing */
		{ "cong.example.vn", "cong.example.vn", "a.vn", "192.0.2.1", NULL, true, GATE_OFF, GATE_ON, 3 },
		{ "a.vn", "a.vn", "cong.example.vn", "192.0.2.1", NULL, true, GATE_OFF, GATE_ON, 3 },
		/* a name that the operator has not named here turns nothing off and nothing down ... */
		{ "off.example.vn", "off.example.vn", "a.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "off.example.vn", "off.example.vn", "cong.example.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "a.vn", "a.vn", "off.example.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "twice.example.vn", "twice.example.vn", "a.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "off.example.vn", "off.example.vn", "a.vn", "192.0.2.65", NULL, true, GATE_ON, GATE_SHADOW, 2 },
		{ "edge.example.vn", "edge.example.vn", "a.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "edge.example.vn", "edge.example.vn", "a.vn", "192.0.2.65", NULL, true, GATE_ON, GATE_SHADOW, 2 },
		/* ... one that he has does; so does one of whose address it is */
		{ "off.example.vn", "off.example.vn", "a.vn", NULL, "off.example.vn", true, GATE_ON, GATE_OFF, 4 },
		{ "OFF.example.vn.", "a.vn", "a.vn", "192.0.2.65", "Off.example.vn", true, GATE_ON, GATE_OFF, 4 },
		{ "a.vn", "a.vn", "a.vn", NULL, "off.example.vn", true, GATE_ON, GATE_OFF, 4 },
		{ "off.example.vn", "off.example.vn", "a.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_OFF, 4 },
		{ "off.example.vn", "off.example.vn", "a.vn", "203.0.113.1", NULL, false, GATE_ON, GATE_SHADOW, 8 },
		{ "a.vn", "a.vn", "off.example.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_OFF, 4 },
		{ "edge.example.vn", "edge.example.vn", "a.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_SHADOW, 8 },
		/* what a client says may make it stricter, and never weaker */
		{ "off.example.vn", "off.example.vn", "a.vn", NULL, NULL, false, GATE_ON, GATE_ON, 0 },
		{ "off.example.vn", "off.example.vn", "a.vn", "192.0.2.65", NULL, false, GATE_ON, GATE_SHADOW, 2 },
		{ "edge.example.vn", "edge.example.vn", "a.vn", NULL, NULL, false, GATE_ON, GATE_ON, 0 },
		{ "cong.example.vn", "cong.example.vn", "a.vn", NULL, NULL, false, GATE_OFF, GATE_ON, 3 },
		{ "a.vn", "off.example.vn", "a.vn", NULL, NULL, true, GATE_ON, GATE_ON, 0 },
		{ "off.example.vn", "cong.example.vn", "a.vn", NULL, "off.example.vn", true, GATE_ON, GATE_ON, 3 },
		{ "off.example.vn", "", "a.vn", NULL, "off.example.vn", true, GATE_ON, GATE_OFF, 4 },
		/* the request line names one site of the server, the header another: the first does not loosen the second */
		{ "off.example.vn", "a.vn", "a.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_SHADOW, 8 },
		{ "off.example.vn", "Off.Example.vn.", "a.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_OFF, 4 },
		{ "off.example.vn", "", "a.vn", "203.0.113.1", NULL, true, GATE_ON, GATE_OFF, 4 },
		/* edge-only: off, whatever its mode, and whatever else is said */
		{ "edge.example.vn", "edge.example.vn", "a.vn", NULL, "edge.example.vn", true, GATE_ON, GATE_OFF, 5 },
		{ "edge.example.vn", "cong.example.vn", "a.vn", NULL, "edge.example.vn", true, GATE_ON, GATE_OFF, 5 },
		{ "cong.example.vn", "cong.example.vn", "a.vn", "192.0.2.80", NULL, true, GATE_ON, GATE_OFF, 5 },
		/* what the server stands for */
		{ "a.vn", "a.vn", "a.vn", "10.0.0.1", "192.0.2.65", true, GATE_ON, GATE_SHADOW, 2 },
		{ "a.vn", "a.vn", "a.vn", "10.0.0.1", "192.0.2.80", true, GATE_ON, GATE_OFF, 5 },
		{ "a.vn", "a.vn", "a.vn", "10.0.0.1", "192.0.2.0/24", true, GATE_ON, GATE_OFF,
			5 }, /* holds the edge's */
		{ "a.vn", "a.vn", "a.vn", "192.0.2.1", "cong.example.vn", true, GATE_OFF, GATE_ON, 3 },
		{ "a.vn", "a.vn", "off.example.vn", NULL, "cong.example.vn", true, GATE_OFF, GATE_ON, 3 },
		{ "off.example.vn", "off.example.vn", "a.vn", NULL, "cong.example.vn", true, GATE_ON, GATE_ON, 3 },
		/* two rows for one name: the stricter */
		{ "twice.example.vn", "twice.example.vn", "a.vn", NULL, NULL, true, GATE_OFF, GATE_ON, 7 },
	};
	struct hold_places *places = make(FILE_TEXT);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hold_asset *asset = rows[i].asset ? hold_asset_new() : NULL;
		struct ip_addr address = { 0 };
		const struct hold_place place = { .asked = bytes_from_str(rows[i].asked),
			.header = bytes_from_str(rows[i].header),
			.own = bytes_from_str(rows[i].own),
			.address = rows[i].address ? &address : NULL,
			.asset = asset,
			.has_name = as_said,
			.context = &rows[i].named };

		if (rows[i].address)
			assert_int_equal(ip_addr_parse(bytes_from_str(rows[i].address), &address), 0);
		if (asset)
			assert_int_equal(hold_asset_add(asset, bytes_from_str(rows[i].asset)), 0);
		for (unsigned int again = 0; again < 2; again++) {
			struct hold_site_mode got = hold_modes_find(hold_places_modes(places), &place, rows[i].mode);

			if (got.mode != rows[i].wanted || (got.row ? got.row->asset : 0) != rows[i].by)
				fail_msg("row %zu: %d by %u", i, got.mode, got.row ? got.row->asset : 0);
		}
		hold_asset_free(asset);
	}
	hold_places_free(places);
}

static void no_modes_are_none(void **state)
{
	struct hold_places *places = make("{\"stamp\":1,\"holds\":[{\"hold\":1,\"rule\":2,\"mode\":\"shadow\"},"
					  "{\"hold\":3,\"rule\":4,\"mode\":\"shadow\",\"part\":\"sensor\"}]}");
	size_t count;

	(void)state;
	assert_null(hold_places_modes(places));
	assert_int_equal(hold_places_rows(places, &count)[0].hold, 1);
	assert_int_equal(count, 1); /* the sensor's is not the gate's */
	hold_places_free(places);
}

/* An asset's list is found anew for another table, also at the same address. */
static void assets_follow_the_table(void **state)
{
	struct hold_asset *asset = hold_asset_new();

	(void)state;
	assert_int_equal(hold_asset_add(asset, bytes_from_str("a.vn")), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct hold_places *places =
			make(i % 2 ? MODES("{\"asset\":1,\"mode\":\"off\",\"names\":[\"a.vn\"]}")
				   : MODES("{\"asset\":1,\"mode\":\"shadow\",\"names\":[\"a.vn\"]}"));
		struct hold_mode_found by_prefix;
		const struct holdfile_row *row = hold_asset_mode(asset, hold_places_modes(places), &by_prefix);

		assert_non_null(row);
		assert_int_equal(row->mode, i % 2 ? HOLDFILE_SITE_OFF : HOLDFILE_SITE_SHADOW);
		assert_null(by_prefix.row);
		hold_places_free(places);
	}
	hold_asset_free(asset);
}

static void many_modes_cost_little(void **state)
{
	const uint32_t count = HOLDFILE_ROWS_MAX;
	struct holdfile file = { .stamp = 1, .mode_count = count, .prefix_count = count, .name_count = count };
	const bool named = true;
	struct hold_places *places;
	uint64_t start_ns;

	(void)state;
	file.modes = calloc(count, sizeof(*file.modes));
	file.prefixes = calloc(count, sizeof(*file.prefixes));
	file.names = calloc(count, sizeof(*file.names));
	assert_true(file.modes && file.prefixes && file.names);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		struct ip_addr address = ip_addr_v4(bytes);

		file.prefixes[i] = ip_prefix_of_addr(&address);
		snprintf(file.names[i], sizeof(file.names[i]), "host-%u.example.vn", i);
		file.modes[i] = (struct holdfile_row){ .asset = i + 1,
			.tenant = 1,
			.mode = HOLDFILE_SITE_SHADOW,
			.prefix_first = i,
			.prefix_count = 1,
			.name_first = i,
			.name_count = 1 };
	}
	assert_int_equal(hold_places_new(&file, &places), 0);
	start_ns = clock_mono_ns();
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		struct ip_addr address = ip_addr_v4(bytes);
		char text[64];
		int size = snprintf(text, sizeof(text), "host-%u.example.vn", (i + 1) % count);
		const struct bytes name = bytes_of(text, (size_t)size);
		const struct hold_place place = { &address, name, name, name, NULL, as_said, &named };

		assert_int_equal(
			hold_modes_find(hold_places_modes(places), &place, GATE_ON).row->asset, (i + 1) % count + 1);
	}
	print_message("%llu ns for the mode of a request, of %u rows\n",
		(unsigned long long)(clock_mono_ns() - start_ns) / count, count);
	hold_places_free(places);
}

/* ---- which stand ---- */

#define RULES(engine) "SecRuleEngine " engine "\nSecRule ARGS \"@streq x\" \"id:1,phase:1,deny\"\n"

static const struct bytes own_names[][2] = {
	{ { (const uint8_t *)"a.vn", 4 }, { (const uint8_t *)".wild.vn", 8 } },
	{ { (const uint8_t *)"b.vn", 4 }, { (const uint8_t *)"named.vn", 8 } },
	{ { (const uint8_t *)"bare.vn", 7 } },
	{ { (const uint8_t *)"careful.vn", 10 } },
};

static void modes_stand_or_not(void **state)
{
	static const struct {
		const char *rows;
		bool stands; /* the first */
	} rows[] = {
		{ "\"mode\":\"enforce\",\"names\":[\"a.vn\"]", true },
		{ "\"mode\":\"off\",\"names\":[\"a.vn\"]", false }, /* by its name alone nothing gets weaker */
		{ "\"mode\":\"enforce\",\"edge_only\":true,\"names\":[\"a.vn\"]", false },
		{ "\"mode\":\"off\",\"names\":[\"named.vn\"]", true }, /* what b says it stands for */
		{ "\"mode\":\"off\",\"tenant\":1,\"names\":[\"a.vn\"]},"
		  "{\"mode\":\"shadow\",\"asset\":9,\"tenant\":1,\"prefixes\":[\"192.0.2.1\"]",
			true },
		{ "\"mode\":\"off\",\"tenant\":1,\"names\":[\"a.vn\"]},"
		  "{\"mode\":\"shadow\",\"asset\":9,\"tenant\":2,\"prefixes\":[\"192.0.2.1\"]",
			false },
		{ "\"mode\":\"enforce\",\"names\":[\"x.wild.vn\",\"wild.vn\"]", true },
		{ "\"mode\":\"enforce\",\"prefixes\":[\"192.0.2.1\"]", true },
		{ "\"mode\":\"shadow\",\"prefixes\":[\"203.0.113.80\"]", true }, /* what b says it stands for */
		{ "\"mode\":\"enforce\",\"names\":[\"bare.vn\"]", false }, /* no rules */
		{ "\"mode\":\"shadow\",\"names\":[\"bare.vn\"]", false },
		{ "\"mode\":\"off\",\"names\":[\"bare.vn\"]", true },
		{ "\"mode\":\"enforce\",\"names\":[\"a.vn\",\"bare.vn\"]", false }, /* not everywhere */
		{ "\"mode\":\"enforce\",\"names\":[\"careful.vn\"]", false }, /* SecRuleEngine DetectionOnly */
		{ "\"mode\":\"shadow\",\"names\":[\"careful.vn\"]", true },
		/* nobody has the name: the default answers, and obeys only what is stricter */
		{ "\"mode\":\"enforce\",\"names\":[\"unknown.vn\"]", true },
		{ "\"mode\":\"off\",\"names\":[\"unknown.vn\"]", false },
		{ "\"mode\":\"shadow\",\"edge_only\":true,\"names\":[\"unknown.vn\"]", false },
		{ "\"mode\":\"shadow\",\"edge_only\":true,\"names\":[\"unknown.vn\"],\"prefixes\":[\"192.0.2.1\"]",
			true },
		{ "\"mode\":\"enforce\",\"names\":[\"a.vn\",\"unknown.vn\"]", true },
		/* nobody is there: what is off is, the others are not */
		{ "\"mode\":\"enforce\",\"prefixes\":[\"198.51.100.1\"]", false },
		{ "\"mode\":\"enforce\",\"edge_only\":true,\"prefixes\":[\"198.51.100.1\"]", true },
		{ "\"mode\":\"enforce\"", false },
		/* another row says something else of the same place */
		{ "\"mode\":\"off\",\"names\":[\"a.vn\"]},{\"mode\":\"enforce\",\"asset\":9,\"names\":[\"a.vn\"]",
			false },
		{ "\"mode\":\"enforce\",\"names\":[\"a.vn\"]},{\"mode\":\"enforce\",\"asset\":9,\"names\":[\"a.vn\"]",
			true },
		/* a narrower one elsewhere does not matter */
		{ "\"mode\":\"shadow\",\"prefixes\":[\"192.0.2.0/"
		  "24\"]},{\"mode\":\"enforce\",\"asset\":9,\"prefixes\":[\"192.0.2.2\"]",
			true },
	};
	const struct ip_prefix first = { { IP_V4, { 192, 0, 2, 1 } }, 32 }, other = { { IP_V4, { 192, 0, 2, 2 } }, 32 };
	const struct hold_server servers[] = {
		{ .names = own_names[0], .name_count = 2, .addresses = &first, .address_count = 1, .is_default = true },
		{ .names = own_names[1], .name_count = 2, .addresses = &other, .address_count = 1 },
		{ .names = own_names[2], .name_count = 1, .addresses = &other, .address_count = 1 },
		{ .names = own_names[3], .name_count = 1, .addresses = &other, .address_count = 1 },
	};
	struct gate_plan_options options = { 0 };
	struct gate_plan *plans[] = { test_plan(RULES("On"), &options), test_plan(RULES("DetectionOnly"), &options) };
	struct hold_asset *asset = hold_asset_new();
	const struct hold_location locations[] = {
		{ &servers[0], NULL, 0, GATE_SHADOW },
		{ &servers[1], asset, 0, GATE_SHADOW },
		{ &servers[2], NULL, HOLD_NO_PLAN, GATE_OFF },
		{ &servers[3], NULL, 1, GATE_ON },
	};

	(void)state;
	assert_int_equal(hold_asset_add(asset, bytes_from_str("203.0.113.80")), 0);
	assert_int_equal(hold_asset_add(asset, bytes_from_str("named.vn")), 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hold_places *places;
		struct hold_duty *duty;
		char text[512];

		snprintf(text, sizeof(text), MODES("{%s}"), rows[i].rows);
		places = make(text);
		assert_int_equal(hold_duty_new(places, locations, ARRAY_COUNT(locations), plans, 2, &duty), 0);
		if (hold_duty_stands(duty, 0) != rows[i].stands)
			fail_msg("%s", rows[i].rows);
		hold_duty_free(duty);
		hold_places_free(places);
	}
	hold_asset_free(asset);
	gate_plan_unref(plans[0]);
	gate_plan_unref(plans[1]);
}

static void names_of_servers_match(void **state)
{
	static const struct {
		const char *own, *name;
		bool has;
	} rows[] = {
		{ "a.vn", "a.vn", true },
		{ "a.vn", "b.a.vn", false },
		{ "*.a.vn", "b.a.vn", true },
		{ "*.a.vn", "a.vn", false },
		{ "*.a.vn", ".a.vn", false },
		{ ".a.vn", "a.vn", true },
		{ ".a.vn", "c.b.a.vn", true },
		{ ".a.vn", "xa.vn", false },
		{ "www.*", "www.a.vn", true },
		{ "www.*", "a.vn", false },
		{ "", "", true },
		{ "*", "*", true },
		{ "_", "a.vn", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct bytes own = bytes_from_str(rows[i].own);
		const struct hold_server server = { .names = &own, .name_count = 1 };

		if (hold_server_has_name(&server, bytes_from_str(rows[i].name)) != rows[i].has)
			fail_msg("%s %s", rows[i].own, rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_get_their_mode),
		cmocka_unit_test(no_modes_are_none),
		cmocka_unit_test(assets_follow_the_table),
		cmocka_unit_test(many_modes_cost_little),
		cmocka_unit_test(modes_stand_or_not),
		cmocka_unit_test(names_of_servers_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
