// SPDX-License-Identifier: Apache-2.0
/* What is said of an address: by the longest prefix, with the holds of all that are around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/error.h"
#include "sensor/config/tree.h"
#include "sensor/rules/places.h"
#include "sensor/rules/tenants.h"

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(bytes_from_str(text), 0, &prefix), 0);
	return prefix;
}

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return addr;
}

static struct places *make(void)
{
	const struct places_row rows[] = {
		{ prefix_of("192.0.2.0/24"), TENANT_SHADOW, false },
		{ prefix_of("192.0.2.80/32"), TENANT_ENFORCE, true },
		{ prefix_of("192.0.2.96/28"), PLACE_MODE_UNSET, false },
		{ prefix_of("198.51.100.0/25"), TENANT_OFF, false },
		{ prefix_of("2001:db8:7::/48"), TENANT_OFF, true },
	};
	const struct places_hold holds[] = {
		{ prefix_of("192.0.2.80/32"), 81, 8200010, true },
		{ prefix_of("192.0.2.0/24"), 82, 8200010, false },
		{ prefix_of("192.0.2.0/24"), 83, 8200020, false },
		{ prefix_of("203.0.113.7/32"), 84, 8200010, true },
		{ prefix_of("203.0.113.7/32"), 85, 8200010, false },
	};
	struct places *places;

	assert_int_equal(
		places_build(rows, sizeof(rows) / sizeof(rows[0]), holds, sizeof(holds) / sizeof(holds[0]), &places),
		0);
	return places;
}

static void test_find(void **state)
{
	static const struct {
		const char *addr;
		int mode;
		bool edge_only;
		uint64_t holds[2]; /* by 8200010 and 8200020 */
	} cases[] = {
		{ "192.0.1.255", PLACE_MODE_UNSET, false, { 0, 0 } },
		{ "192.0.2.0", TENANT_SHADOW, false, { 82, 83 } },
		{ "192.0.2.79", TENANT_SHADOW, false, { 82, 83 } },
		{ "192.0.2.80", TENANT_ENFORCE, true, { 81, 83 } },
		{ "192.0.2.81", TENANT_SHADOW, false, { 82, 83 } },
		{ "192.0.2.97", PLACE_MODE_UNSET, false, { 82, 83 } },
		{ "192.0.2.255", TENANT_SHADOW, false, { 82, 83 } },
		{ "192.0.3.0", PLACE_MODE_UNSET, false, { 0, 0 } },
		{ "198.51.100.127", TENANT_OFF, false, { 0, 0 } },
		{ "198.51.100.128", PLACE_MODE_UNSET, false, { 0, 0 } },
		{ "203.0.113.7", PLACE_MODE_UNSET, false, { 84, 0 } },
		{ "2001:db8:7::1", TENANT_OFF, true, { 0, 0 } },
		{ "2001:db8:8::1", PLACE_MODE_UNSET, false, { 0, 0 } },
	};
	struct places *places = make(), *others = make();

	assert_int_equal(places_count(places), 6);
	assert_int_not_equal(places_serial(places), places_serial(others));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr addr = addr_of(cases[i].addr);
		uint32_t place = places_find(places, &addr);
		bool edge_only;

		assert_int_equal(places_mode(places, place), cases[i].mode);
		for (uint32_t k = 0; k < 2; k++) {
			const struct places_hold *hold = places_hold_of(places, place, 8200010 + 10 * k);

			assert_int_equal(hold ? hold->hold : 0, cases[i].holds[k]);
		}
		assert_null(places_hold_of(places, place, 1));
		assert_int_equal(places_find_flow(places, NULL, &addr, &addr, &edge_only), place);
		assert_int_equal(edge_only, cases[i].edge_only);
	}
	places_discard(places);
	places_discard(others);
}

/* The place is that of the end that the tenant owns; edge-only is said by either. */
static void test_flow(void **state)
{
	char message[CONF_MESSAGE_SIZE];
	struct ip_addr in = addr_of("192.0.2.80"), out = addr_of("203.0.113.9"), other = addr_of("198.51.100.1");
	struct places *places = make();
	struct conf_tree *tree = NULL;
	struct tenants *tenants;
	bool edge_only;

	assert_int_equal(
		conf_tree_from_text(bytes_from_str("%YAML 1.1\n---\ntenants:\n  - a:\n      networks: [192.0.2.0/24]\n"
						   "  - b:\n      networks: [198.51.100.0/24]\n"),
			"test", message, &tree),
		0);
	assert_int_equal(tenants_new(conf_root(tree), &tenants), 0);
	assert_int_equal(places_find_flow(places, tenants, &out, &in, &edge_only), places_find(places, &in));
	assert_true(edge_only);
	assert_int_equal(places_find_flow(places, tenants, &in, &out, &edge_only), places_find(places, &in));
	assert_true(edge_only);
	assert_int_equal(places_find_flow(places, tenants, &in, &other, &edge_only), places_find(places, &other));
	assert_true(edge_only);
	assert_int_equal(places_find_flow(NULL, tenants, &in, &other, &edge_only), PLACE_NONE);
	assert_false(edge_only);
	assert_int_equal(places_mode(NULL, PLACE_NONE), PLACE_MODE_UNSET);
	assert_null(places_hold_of(NULL, PLACE_NONE, 8200010));
	tenants_free(tenants);
	conf_tree_free(tree);
	places_discard(places);
}

static uint64_t hold_at(const struct places *places, const char *text, bool *ret_enforce)
{
	struct ip_addr addr = addr_of(text);
	const struct places_hold *hold = places_hold_of(places, places_find(places, &addr), 8200010);

	*ret_enforce = hold && hold->enforce;
	return hold ? hold->hold : 0;
}

/* What enforces is hidden neither by an older hold of the same prefix nor by one of a longer prefix. */
static void test_enforce_first(void **state)
{
	const struct places_hold holds[] = {
		{ prefix_of("192.0.2.80/32"), 80, 8200010, false },
		{ prefix_of("192.0.2.80/32"), 81, 8200010, true },
		{ prefix_of("198.51.100.0/24"), 83, 8200010, true },
		{ prefix_of("198.51.100.0/26"), 82, 8200010, false },
		{ prefix_of("198.51.100.7/32"), 84, 8200010, false },
		{ prefix_of("203.0.113.0/24"), 86, 8200010, false },
		{ prefix_of("203.0.113.7/32"), 88, 8200010, false },
		{ prefix_of("203.0.113.7/32"), 87, 8200010, false },
	};
	static const struct {
		const char *addr;
		uint64_t hold;
		bool enforce;
	} cases[] = {
		{ "192.0.2.80", 81, true },
		{ "198.51.100.7", 83, true },
		{ "198.51.100.8", 83, true },
		{ "203.0.113.7", 87, false },
		{ "203.0.113.8", 86, false },
	};
	struct places *places;

	assert_int_equal(places_build(NULL, 0, holds, sizeof(holds) / sizeof(holds[0]), &places), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool enforce;

		assert_int_equal(hold_at(places, cases[i].addr, &enforce), cases[i].hold);
		assert_int_equal(enforce, cases[i].enforce);
	}
	places_discard(places);
}

/* Holds of either end count, where that end is judged. */
static void test_ends(void **state)
{
	const struct places_row rows[] = { { prefix_of("192.0.2.90/32"), TENANT_OFF, false } };
	const struct places_hold holds[] = {
		{ prefix_of("192.0.2.80/32"), 81, 8200010, true },
		{ prefix_of("192.0.2.90/32"), 82, 8200010, true },
		{ prefix_of("198.51.100.1/32"), 83, 8200010, false },
		{ prefix_of("198.51.100.2/32"), 84, 8200010, false },
	};
	static const struct {
		const char *client, *server;
		uint64_t hold;
	} cases[] = {
		{ "192.0.2.80", "198.51.100.9", 81 }, /* the client's */
		{ "198.51.100.9", "192.0.2.80", 81 },
		{ "192.0.2.80", "198.51.100.1", 81 }, /* enforces */
		{ "198.51.100.1", "192.0.2.80", 81 },
		{ "198.51.100.1", "198.51.100.2", 84 }, /* the server's of two alike */
		{ "198.51.100.2", "198.51.100.9", 84 },
		{ "192.0.2.90", "198.51.100.9", 0 }, /* nothing is judged for it */
		{ "192.0.2.90", "198.51.100.1", 83 },
		{ "203.0.113.1", "198.51.100.9", 0 },
	};
	char message[CONF_MESSAGE_SIZE];
	struct places *places;
	struct conf_tree *tree = NULL;
	struct tenants *tenants;

	assert_int_equal(
		conf_tree_from_text(bytes_from_str("%YAML 1.1\n---\ntenants:\n  - a:\n      networks: [192.0.2.0/24]\n"
						   "  - b:\n      networks: [198.51.100.0/24]\n"),
			"test", message, &tree),
		0);
	assert_int_equal(tenants_new(conf_root(tree), &tenants), 0);
	assert_int_equal(places_build(rows, 1, holds, sizeof(holds) / sizeof(holds[0]), &places), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr client = addr_of(cases[i].client), server = addr_of(cases[i].server);
		const struct places_hold *hold = places_hold_of_flow(places, tenants, &client, &server, 1, 8200010);

		assert_int_equal(hold ? hold->hold : 0, cases[i].hold);
	}
	tenants_free(tenants);
	conf_tree_free(tree);
	places_discard(places);
}

static void test_inside(void **state)
{
	struct ip_prefix wide = prefix_of("192.0.0.0/16"), own = prefix_of("192.0.2.0/24"),
			 none = prefix_of("10.0.0.0/8");
	struct places *places = make();
	uint32_t place = places_inside(places, &wide, PLACE_NONE);

	assert_int_equal(places_find_prefix(places, &wide), PLACE_NONE);
	assert_true(ip_prefix_equal(places_prefix(places, place), &own));
	assert_int_equal(places_find_prefix(places, &own), place);
	assert_int_equal(places_inside(places, &own, PLACE_NONE), place + 1);
	assert_int_equal(places_inside(places, &own, place + 1), place + 2);
	assert_int_equal(places_inside(places, &own, place + 2), PLACE_NONE);
	assert_int_equal(places_inside(places, &none, PLACE_NONE), PLACE_NONE);
	assert_int_equal(places_inside(NULL, &wide, PLACE_NONE), PLACE_NONE);
	places_discard(places);
}

static void test_none(void **state)
{
	struct ip_addr addr = addr_of("192.0.2.80");
	struct places *places;

	assert_int_equal(places_build(NULL, 0, NULL, 0, &places), 0);
	assert_int_equal(places_find(places, &addr), PLACE_NONE);
	assert_int_equal(places_count(places), 0);
	places_discard(places);
	assert_int_equal(places_build(NULL, PLACES_MAX + 1, NULL, 0, &places), LUYTRE_E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_find), cmocka_unit_test(test_flow),
		cmocka_unit_test(test_enforce_first), cmocka_unit_test(test_ends), cmocka_unit_test(test_inside),
		cmocka_unit_test(test_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
