// SPDX-License-Identifier: Apache-2.0
/* What is written is read again, whatever the order of the rows; what is not of the form is refused whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/policyfile.h"

static struct policyfile_row row_of(const char *prefix, uint32_t asset)
{
	struct policyfile_row row;

	policyfile_row_init(&row);
	assert_int_equal(ip_prefix_parse(bytes_from_str(prefix), 0, &row.prefix), 0);
	row.tenant = 7;
	row.asset = asset;
	return row;
}

static void write_rows(struct jsonw *json, const struct policyfile_row *rows, size_t count, struct bytes *ret)
{
	struct policyfile file = { .version = 42, .rows = calloc(count + 1, sizeof(*rows)), .row_count = count };

	assert_non_null(file.rows);
	memcpy(file.rows, rows, count * sizeof(*rows));
	jsonw_init(json, POLICYFILE_SIZE_MAX);
	policyfile_write(json, &file);
	assert_int_equal(jsonw_text(json, ret), 0);
	policyfile_done(&file);
}

static void test_round(void **state)
{
	struct policyfile_row rows[] = { row_of("2001:db8::/48", 3), row_of("203.0.113.0/25", 1),
		row_of("198.51.100.7/32", 2) };
	struct policyfile_row turned[] = { rows[2], rows[0], rows[1] };
	struct policyfile file;
	struct jsonw one, two;
	struct bytes text, same;

	rows[1].shield = turned[2].shield = POLICYFILE_MODE_ENFORCE;
	rows[1].sensor = turned[2].sensor = POLICYFILE_SENSOR_OFF;
	rows[1].system = turned[2].system = 4;
	rows[1].edge_only = turned[2].edge_only = true;
	rows[1].fail = turned[2].fail = POLICYFILE_FAIL_CLOSED;
	rows[2].limits[POLICYFILE_LIMIT_udp_pps] = turned[0].limits[POLICYFILE_LIMIT_udp_pps] = 0;
	strcpy(rows[2].group, "asset-2");
	strcpy(turned[0].group, "asset-2");
	write_rows(&one, rows, 3, &text);
	write_rows(&two, turned, 3, &same);
	assert_int_equal(bytes_compare(text, same), 0);
	assert_int_equal(policyfile_read(text, &file), 0);
	assert_int_equal(file.version, 42);
	assert_int_equal(file.row_count, 3);
	assert_int_equal(file.rows[0].asset, 2);
	assert_string_equal(file.rows[0].group, "asset-2");
	assert_int_equal(file.rows[0].limits[POLICYFILE_LIMIT_udp_pps], 0);
	assert_int_equal(file.rows[0].limits[POLICYFILE_LIMIT_tcp_pps], POLICYFILE_UNSET);
	assert_int_equal(file.rows[0].shield, POLICYFILE_UNSET);
	assert_int_equal(file.rows[1].asset, 1);
	assert_int_equal(file.rows[1].shield, POLICYFILE_MODE_ENFORCE);
	assert_int_equal(file.rows[1].fail, POLICYFILE_FAIL_CLOSED);
	assert_int_equal(file.rows[0].sensor, POLICYFILE_UNSET);
	assert_int_equal(file.rows[1].sensor, POLICYFILE_SENSOR_OFF);
	assert_int_equal(file.rows[1].system, 4);
	assert_true(file.rows[1].edge_only && !file.rows[0].edge_only);
	assert_int_equal(file.rows[1].tenant, 7);
	assert_int_equal(file.rows[2].prefix.addr.family, IP_V6);
	policyfile_done(&file);
	jsonw_done(&one);
	jsonw_done(&two);
}

#define ROW(more) "{\"version\":1,\"rows\":[{\"prefix\":\"10.0.0.0/8\",\"tenant\":1,\"asset\":2" more "}]}"

static void test_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"version\":1}", "{\"version\":-1,\"rows\":[]}",
		"{\"version\":1,\"rows\":{}}", "{\"version\":1,\"rows\":[1]}",
		"{\"version\":1,\"rows\":[{\"prefix\":\"10.0.0.1/8\",\"tenant\":1,\"asset\":2}]}",
		"{\"version\":1,\"rows\":[{\"prefix\":\"10.0.0.0/8\",\"tenant\":1}]}", ROW(",\"shield\":\"off\""),
		ROW(",\"sensor\":\"on\""), ROW(",\"edge_only\":1"), ROW(",\"system\":-1"), ROW(",\"shield\":7"),
		ROW(",\"gate\":\"enforce\""), ROW(",\"fail\":\"maybe\""), ROW(",\"group\":\"A b\",\"limits\":{}"),
		ROW(",\"group\":\"asset-2\""), ROW(",\"group\":\"asset-2\",\"limits\":{\"all\":1}"),
		ROW(",\"group\":\"asset-2\",\"limits\":{\"udp_pps\":-2}"),
		ROW(",\"group\":\"asset-2\",\"limits\":{\"udp_pps\":1000000001}"),
		ROW("},{\"prefix\":\"10.0.0.0/8\",\"tenant\":1,\"asset\":3"),
		ROW("},{\"prefix\":\"10.1.0.0/16\",\"tenant\":1,\"asset\":3"), ROW("") "x" };
	struct policyfile file = { .version = 99 };

	assert_int_equal(policyfile_read(bytes_from_str(ROW("")), &file), 0);
	assert_int_equal(file.version, 1);
	policyfile_done(&file);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (policyfile_read(bytes_from_str(bad[i]), &file) != LUYTRE_E_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
	assert_null(file.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
