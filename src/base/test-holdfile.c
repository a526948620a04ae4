// SPDX-License-Identifier: Apache-2.0
#include "base/holdfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/error.h"

#define ROW "{\"hold\":81,\"rule\":8100010,\"mode\":\"enforce\""

static char *write_text(struct holdfile *file)
{
	struct jsonw json;
	struct bytes text;
	char *copy;

	jsonw_init(&json, HOLDFILE_SIZE_MAX);
	holdfile_write(&json, file);
	assert_int_equal(jsonw_text(&json, &text), 0);
	copy = strdup((const char *)text.ptr);
	assert_non_null(copy);
	jsonw_done(&json);
	return copy;
}

static void reads_what_the_manual_shows(void **state)
{
	struct holdfile file;

	(void)state;
	assert_int_equal(
		holdfile_read(
			bytes_from_str("{\"stamp\":1795000000000000,\"holds\":[\n"
				       " {\"hold\":81,\"rule\":8100010,\"mode\":\"enforce\",\"tenant\":17,"
				       "\"asset\":9,\"prefixes\":[\"192.0.2.80/32\",\"2001:db8::/32\"],"
				       "\"names\":[\"Portal.Example.gov.vn\"],\"later\":{}},\n"
				       " {\"hold\":7,\"rule\":8100020,\"mode\":\"shadow\"},"
				       " {\"hold\":9,\"rule\":8200020,\"mode\":\"shadow\",\"part\":\"sensor\"}],\n"
				       " \"modes\":[{\"mode\":\"shadow\",\"tenant\":17,\"asset\":9,\"edge_only\":true,"
				       "\"names\":[\"portal.example.gov.vn\"]},{\"mode\":\"off\",\"asset\":3,"
				       "\"prefixes\":[\"192.0.2.80/32\"]}]}"),
			&file),
		0);
	assert_int_equal(file.stamp, 1795000000000000);
	assert_int_equal(file.row_count, 3);
	assert_int_equal(file.rows[0].hold, 7); /* in order */
	assert_int_equal(file.rows[0].part, HOLDFILE_PART_GATE);
	assert_int_equal(file.rows[0].mode, HOLDFILE_MODE_SHADOW);
	assert_int_equal(file.rows[0].prefix_count + file.rows[0].name_count, 0);
	assert_int_equal(file.rows[1].rule, 8200020);
	assert_int_equal(file.rows[1].part, HOLDFILE_PART_SENSOR);
	assert_int_equal(file.rows[2].rule, 8100010);
	assert_int_equal(file.rows[2].mode, HOLDFILE_MODE_ENFORCE);
	assert_int_equal(file.rows[2].tenant, 17);
	assert_int_equal(file.rows[2].asset, 9);
	assert_int_equal(file.rows[2].prefix_count, 2);
	assert_int_equal(file.prefixes[file.rows[2].prefix_first + 1].length, 32);
	assert_int_equal(file.rows[2].name_count, 1);
	assert_string_equal(file.names[file.rows[2].name_first], "portal.example.gov.vn");
	assert_int_equal(file.mode_count, 2);
	assert_int_equal(file.modes[0].mode, HOLDFILE_SITE_OFF);
	assert_int_equal(file.modes[0].asset, 3);
	assert_int_equal(file.modes[0].prefix_count, 1);
	assert_false(file.modes[0].edge_only);
	assert_int_equal(file.modes[1].mode, HOLDFILE_SITE_SHADOW);
	assert_true(file.modes[1].edge_only);
	assert_string_equal(file.names[file.modes[1].name_first], "portal.example.gov.vn");
	holdfile_done(&file);
	holdfile_done(&file); /* twice is once */
}

static void same_rows_make_the_same_text(void **state)
{
	static const char *const texts[] = {
		"{\"stamp\":5,\"holds\":[" ROW
		",\"names\":[\"b.vn\",\"a.vn\"]},{\"hold\":2,\"rule\":1,\"mode\":\"shadow\","
		"\"prefixes\":[\"2001:db8::1\",\"198.51.100.0/24\"]}," ROW
		",\"asset\":1}],\"modes\":[{\"mode\":\"shadow\",\"asset\":9,\"edge_only\":true},"
		"{\"asset\":3,\"names\":[\"b.vn\",\"a.vn\"],\"mode\":\"off\"}]}",
		"{\"holds\":[" ROW
		",\"asset\":1},{\"hold\":2,\"rule\":1,\"mode\":\"shadow\",\"prefixes\":[\"198.51.100.0/24\","
		"\"2001:db8::1/128\"]}," ROW ",\"names\":[\"A.vn\",\"b.vn\"]}],\"stamp\":5,\"modes\":[{\"mode\":"
		"\"off\",\"asset\":3,\"names\":[\"a.vn\",\"b.vn\"]},"
		"{\"mode\":\"shadow\",\"asset\":9,\"edge_only\":true}]}",
	};
	char *written[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct holdfile file;

		assert_int_equal(holdfile_read(bytes_from_str(texts[i]), &file), 0);
		written[i] = write_text(&file);
		holdfile_done(&file);
	}
	assert_string_equal(written[0], written[1]);
	assert_string_equal(written[0],
		"{\"stamp\":5,\"holds\":[{\"hold\":2,\"rule\":1,\"mode\":\"shadow\",\"tenant\":0,\"asset\":0,"
		"\"prefixes\":[\"198.51.100.0/24\",\"2001:db8::1/128\"],\"names\":[]}," ROW
		",\"tenant\":0,\"asset\":0,\"prefixes\":[],\"names\":[\"a.vn\",\"b.vn\"]}," ROW
		",\"tenant\":0,\"asset\":1,\"prefixes\":[],\"names\":[]}],\"modes\":["
		"{\"mode\":\"off\",\"tenant\":0,\"asset\":3,\"prefixes\":[],\"names\":[\"a.vn\",\"b.vn\"]},"
		"{\"mode\":\"shadow\",\"edge_only\":true,\"tenant\":0,\"asset\":9,\"prefixes\":[],\"names\":[]}]}");
	free(written[0]);
	free(written[1]);
}

static void writes_without_rows(void **state)
{
	struct holdfile file = { .stamp = 3 };
	char *text = write_text(&file);

	(void)state;
	assert_string_equal(text, "{\"stamp\":3,\"holds\":[]}");
	assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
	assert_int_equal(file.row_count, 0);
	holdfile_done(&file);
	free(text);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", LUYTRE_E_SYNTAX },
		{ "[]", LUYTRE_E_SYNTAX },
		{ "{}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":-1,\"holds\":[]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":99999999999999999999,\"holds\":[]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":{}}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[7]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW "}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[{\"hold\":0,\"rule\":1,\"mode\":\"shadow\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[{\"rule\":1,\"mode\":\"shadow\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[{\"hold\":1,\"rule\":-4,\"mode\":\"shadow\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[{\"hold\":1,\"rule\":1,\"mode\":\"on\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"tenant\":4294967296}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"prefixes\":\"192.0.2.1\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"prefixes\":[\"192.0.2.1/24\"]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"prefixes\":[4]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"names\":[\"\"]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"names\":[\"a b\"]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"names\":[\"\\u00e0.vn\"]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"names\":[null]}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[" ROW ",\"part\":\"shield\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[],\"modes\":{}}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[],\"modes\":[{}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[],\"modes\":[{\"mode\":\"on\"}]}", LUYTRE_E_SYNTAX },
		{ "{\"stamp\":1,\"holds\":[],\"modes\":[{\"mode\":\"off\",\"edge_only\":1}]}", LUYTRE_E_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct holdfile file = { .stamp = 77 };

		if (holdfile_read(bytes_from_str(rows[i].text), &file) != rows[i].error)
			fail_msg("%s", rows[i].text);
		assert_int_equal(file.stamp, 77); /* not touched */
	}
}

/* A text of 'row_count' rows with 'place_count' names each. */
static char *make_text(size_t row_count, size_t place_count)
{
	size_t room = 64 + row_count * (80 + place_count * 8), used;
	char *text = malloc(room);

	assert_non_null(text);
	used = (size_t)snprintf(text, room, "{\"stamp\":1,\"holds\":[");
	for (size_t i = 0; i < row_count; i++) {
		used += (size_t)snprintf(text + used, room - used,
			"%s{\"hold\":%zu,\"rule\":1,\"mode\":\"shadow\",\"names\":[", i ? "," : "", row_count - i);
		for (size_t k = 0; k < place_count; k++)
			used += (size_t)snprintf(text + used, room - used, "%s\"n\"", k ? "," : "");
		used += (size_t)snprintf(text + used, room - used, "]}");
	}
	snprintf(text + used, room - used, "]}");
	return text;
}

static void has_ceilings(void **state)
{
	static const struct {
		size_t rows, places;
		int error;
	} cases[] = {
		{ HOLDFILE_ROWS_MAX, 1, 0 },
		{ HOLDFILE_ROWS_MAX + 1, 1, LUYTRE_E_FULL },
		{ 1, HOLDFILE_PLACES_MAX, 0 },
		{ 1, HOLDFILE_PLACES_MAX + 1, LUYTRE_E_FULL },
		{ HOLDFILE_PLACES_ALL_MAX / HOLDFILE_PLACES_MAX, HOLDFILE_PLACES_MAX, 0 },
		{ HOLDFILE_PLACES_ALL_MAX / HOLDFILE_PLACES_MAX + 1, HOLDFILE_PLACES_MAX, LUYTRE_E_FULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = make_text(cases[i].rows, cases[i].places);
		struct holdfile file;
		int error = holdfile_read(bytes_from_str(text), &file);

		if (error != cases[i].error)
			fail_msg("%zu rows with %zu names: %d", cases[i].rows, cases[i].places, error);
		free(text);
		if (error < 0)
			continue;
		assert_int_equal(file.row_count, cases[i].rows);
		assert_int_equal(file.rows[0].hold, 1);
		assert_int_equal(file.name_count, cases[i].rows * cases[i].places);
		holdfile_done(&file);
	}
}

static void refuses_long_texts(void **state)
{
	char *text = malloc(HOLDFILE_SIZE_MAX + 1);
	struct holdfile file;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', HOLDFILE_SIZE_MAX + 1);
	assert_int_equal(holdfile_read(bytes_of(text, HOLDFILE_SIZE_MAX + 1), &file), LUYTRE_E_FULL);
	free(text);
}

/* Whatever is left of a text is refused whole, in memory of its own size, so that a byte read behind it would be noticed. */
static void refuses_each_part_of_a_text(void **state)
{
	static const char text[] =
		"{\"stamp\":5,\"holds\":[" ROW
		",\"part\":\"sensor\",\"prefixes\":[\"192.0.2.0/24\"],\"names\":[\"a.vn\"]}],"
		"\"modes\":[{\"mode\":\"off\",\"edge_only\":true,\"asset\":3,\"prefixes\":[\"2001:db8::/32\"],"
		"\"names\":[\"b.vn\"]}]}";
	struct holdfile file = { 0 };

	(void)state;
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		uint8_t *part = malloc(size + !size);

		assert_non_null(part);
		memcpy(part, text, size);
		assert_int_equal(holdfile_read(bytes_of(part, size), &file), LUYTRE_E_SYNTAX);
		assert_null(file.rows); /* is written on success only */
		free(part);
	}
	assert_int_equal(holdfile_read(bytes_from_str(text), &file), 0);
	assert_int_equal(file.row_count + file.mode_count, 2);
	holdfile_done(&file);
}

static void takes_names(void **state)
{
	char name[HOLDFILE_NAME_SIZE], longest[HOLDFILE_NAME_SIZE + 1];

	(void)state;
	assert_true(holdfile_take_name(bytes_from_str("WWW.Example.VN"), name));
	assert_string_equal(name, "www.example.vn");
	assert_true(holdfile_take_name(bytes_from_str("a.vn."), name));
	assert_string_equal(name, "a.vn");
	assert_false(holdfile_take_name(bytes_from_str("."), name));
	memset(longest, 'a', sizeof(longest));
	assert_true(holdfile_take_name(bytes_of(longest, HOLDFILE_NAME_SIZE - 1), name));
	assert_false(holdfile_take_name(bytes_of(longest, HOLDFILE_NAME_SIZE), name));
	assert_false(holdfile_take_name(bytes_of("", 0), name));
	assert_false(holdfile_take_name(bytes_of("a\0b", 3), name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_manual_shows),
		cmocka_unit_test(same_rows_make_the_same_text),
		cmocka_unit_test(writes_without_rows),
		cmocka_unit_test(refuses),
		cmocka_unit_test(has_ceilings),
		cmocka_unit_test(refuses_long_texts),
		cmocka_unit_test(refuses_each_part_of_a_text),
		cmocka_unit_test(takes_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
