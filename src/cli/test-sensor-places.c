// SPDX-License-Identifier: Apache-2.0
/* What the files of the edge say of the tenants of a configuration. */
#include "cli/sensor-places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "sensor/rules/places.h"
#include "sensor/rules/tenants.h"

#define ROW(prefix, tenant, more) "{\"prefix\":\"" prefix "\",\"tenant\":" tenant ",\"asset\":9" more "}"
#define POLICY(version, rows)     "{\"version\":" version ",\"rows\":[" rows "]}"
#define HOLD(number, part, more)                                                                                       \
	"{\"hold\":" number ",\"rule\":8200010,\"part\":\"" part                                                       \
	"\",\"mode\":\"enforce\",\"tenant\":17,\"prefixes\":[" more "],\"names\":[]}"

static char dir[64], policy_path[96], holds_path[96];
static struct config *config;
static struct sensor_places places;
static struct sensor_said_source source;
static char why[SENSOR_SAID_WHY_SIZE];

static int setup(void **state)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	char text[1024];

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-places-XXXXXX");
	if (!errors || !mkdtemp(dir))
		return -1;
	snprintf(policy_path, sizeof(policy_path), "%s/policy.json", dir);
	snprintf(holds_path, sizeof(holds_path), "%s/holds.json", dir);
	snprintf(text, sizeof(text),
		"sensor: {policy_file: %s}\ngate: {holds_file: %s}\ntenants:\n"
		"- {name: a, hub_id: 17, prefixes: [192.0.2.0/24, '2001:db8:1::/48']}\n"
		"- {name: b, hub_id: 18, prefixes: [192.0.2.128/25]}\n"
		"- {name: c, prefixes: [198.51.100.0/25, 198.51.100.192/26]}\n",
		policy_path, holds_path);
	if (config_load_bytes(bytes_from_str(text), "luytre.yaml", NULL, errors, &config)) {
		config_errors_print(stderr, errors);
		return -1;
	}
	free(errors);
	return sensor_places_open(&places, config, &source);
}

static int teardown(void **state)
{
	char command[96];

	sensor_places_done(&places);
	config_free(config);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int mode_at(const struct sensor_said *said, const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return places_mode(said->places, places_find(said->places, &addr));
}

static uint64_t hold_at(const struct sensor_said *said, const char *text)
{
	const struct places_hold *hold;
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	hold = places_hold_of(said->places, places_find(said->places, &addr), 8200010);
	return hold ? hold->hold : 0;
}

static void read_now(struct sensor_said *ret)
{
	assert_int_equal(source.read(source.context, ret, why, sizeof(why)), 0);
}

static void test_rows(void **state)
{
	static const struct {
		const char *addr;
		int mode;
	} cases[] = {
		{ "192.0.2.80", TENANT_ENFORCE },
		{ "192.0.2.81", PLACE_MODE_UNSET },
		{ "192.0.2.112", TENANT_OFF }, /* of 'a', in a row that reaches into 'b' */
		{ "192.0.2.200", PLACE_MODE_UNSET }, /* of 'b', which is another organisation's */
		{ "2001:db8:1:2::3", TENANT_SHADOW }, /* a row around the tenant's prefix */
		{ "2001:db8:2::3", PLACE_MODE_UNSET },
		{ "198.51.100.1", TENANT_OFF }, /* 'c' does not say whose it is */
		{ "198.51.100.130", PLACE_MODE_UNSET }, /* nobody's */
		{ "198.51.100.200", TENANT_OFF },
	};
	struct sensor_said said;

	write_file(policy_path,
		POLICY("4",
			ROW("192.0.2.80/32", "17", ",\"system\":4,\"sensor\":\"enforce\",\"edge_only\":true") "," ROW(
				"2001:db8::/32", "17", ",\"sensor\":\"shadow\"") "," ROW("198.51.100.0/24", "19",
				",\"sensor\":\"off\"") "," ROW("203.0.113.0/24", "17",
				",\"sensor\":\"off\"") "," ROW("192.0.2.96/27", "17",
				",\"sensor\":\"off\"") "," ROW("192.0.2.192/26", "17", ",\"sensor\":\"off\"")));
	read_now(&said);
	assert_string_equal(why, "");
	assert_int_equal(said.version, 4);
	assert_int_equal(said.rows, 6);
	assert_int_equal(said.unplaced, 2); /* 203.0.113.0/24, and what is in 'b' */
	assert_int_equal(said.edge_only, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(mode_at(&said, cases[i].addr), cases[i].mode);
	sensor_said_done(&said);
}

/* No content is kept there, whoever owns it here; the mode is for the organisation's own. */
static void test_edge_only(void **state)
{
	static const struct {
		const char *addr;
		int mode;
		bool edge_only;
	} cases[] = {
		{ "203.0.113.9", PLACE_MODE_UNSET, true }, /* nobody's */
		{ "203.0.114.9", PLACE_MODE_UNSET, false },
		{ "192.0.2.200", PLACE_MODE_UNSET, true }, /* of 'b', which is another organisation's */
		{ "192.0.2.100", PLACE_MODE_UNSET, false },
		{ "2001:db8:1:2::3", TENANT_SHADOW, true }, /* of 'a' inside */
		{ "2001:db8:2::3", PLACE_MODE_UNSET, true },
	};
	struct sensor_said said;

	write_file(policy_path,
		POLICY("4",
			ROW("203.0.113.0/24", "17", ",\"sensor\":\"off\",\"edge_only\":true") "," ROW("192.0.2.192/26",
				"17", ",\"sensor\":\"off\",\"edge_only\":true") "," ROW("2001:db8::/32", "17",
				",\"sensor\":\"shadow\",\"edge_only\":true")));
	read_now(&said);
	assert_string_equal(why, "");
	assert_int_equal(said.unplaced, 2);
	assert_int_equal(said.edge_only, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_addr addr;
		bool edge_only;

		assert_int_equal(mode_at(&said, cases[i].addr), cases[i].mode);
		assert_int_equal(ip_addr_parse(bytes_from_str(cases[i].addr), &addr), 0);
		(void)places_find_flow(said.places, NULL, &addr, &addr, &edge_only);
		assert_int_equal(edge_only, cases[i].edge_only);
	}
	sensor_said_done(&said);
}

static void test_holds(void **state)
{
	struct sensor_said said;

	write_file(
		holds_path, "{\"stamp\":7,\"holds\":[" HOLD("81", "sensor", "\"192.0.2.80/32\"") "," HOLD("82", "gate",
				    "\"192.0.2.81/32\"") "," HOLD("83", "sensor", "\"192.0.2.129/32\"") "]}");
	read_now(&said);
	assert_string_equal(why, "");
	assert_int_equal(said.version, 0);
	assert_int_equal(said.holds.stamp, 7);
	assert_int_equal(hold_at(&said, "192.0.2.80"), 81);
	assert_int_equal(hold_at(&said, "192.0.2.81"), 0); /* the gate's */
	assert_int_equal(hold_at(&said, "192.0.2.129"), 0); /* another organisation's */
	sensor_said_done(&said);
}

/* What was read last stands until something better comes. */
static void test_broken(void **state)
{
	struct sensor_said said;

	read_now(&said); /* no file at all */
	assert_string_equal(why, "");
	assert_int_equal(places_count(said.places), 0);
	sensor_said_done(&said);
	write_file(policy_path, POLICY("4", ROW("192.0.2.80/32", "17", ",\"sensor\":\"enforce\"")));
	write_file(holds_path, "{\"stamp\":7,\"holds\":[" HOLD("81", "sensor", "\"192.0.2.80/32\"") "]}");
	read_now(&said);
	sensor_said_done(&said);
	for (int i = 0; i < 3; i++) {
		static const char *const broken[] = { "", "{\"version\":5,\"rows\":[{}]}", NULL };

		if (broken[i])
			write_file(policy_path, broken[i]);
		else
			assert_int_equal(unlink(policy_path), 0);
		write_file(holds_path, "{\"stamp\":8,\"holds\":[" HOLD("82", "sensor", "\"192.0.2.80/32\"") "]}");
		read_now(&said);
		assert_non_null(strstr(why, policy_path));
		assert_int_equal(said.version, 4);
		assert_int_equal(mode_at(&said, "192.0.2.80"), TENANT_ENFORCE);
		assert_int_equal(hold_at(&said, "192.0.2.80"), 82); /* the other one is good */
		sensor_said_done(&said);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_rows), TEST(test_edge_only), TEST(test_holds),
		TEST(test_broken) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
