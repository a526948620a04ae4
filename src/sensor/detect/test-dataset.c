// SPDX-License-Identifier: Apache-2.0
/* Data sets: reading, questions, changes, saving, sharing by name, and JSON for alerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/error.h"
#include "sensor/detect/dataset.h"
#include "sensor/detect/detect.h"

static struct arena memory;

static struct dataset *open_set(const char *name, struct dataset_options options)
{
	char message[DATASET_MESSAGE_SIZE] = "";
	struct dataset *set;

	options.has_type = true;
	if (dataset_open(name, &options, 1, message, &set) < 0)
		fail_msg("%s", message);
	return set;
}

static bool has(struct dataset *set, const void *value, size_t size)
{
	return dataset_find(set, bytes_of(value, size), &memory, NULL);
}

struct read_case {
	uint8_t type, format;
	bool reputation;
	const char *text;
	int error;
	size_t count;
};

static const struct read_case read_cases[] = {
	{ DATASET_STRING, DATASET_CSV, false, "YWJj\nZGVm\n\nYWJj\n", 0, 2 },
	{ DATASET_STRING, DATASET_CSV, false, "YWJj\r\nZGVm", 0, 2 },
	{ DATASET_STRING, DATASET_CSV, false, "YW;Jj\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_CSV, false, "YWJ\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_CSV, true, "YWJj,200\n", 0, 1 },
	{ DATASET_STRING, DATASET_CSV, true, "YWJj\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_CSV, true, "YWJj,65536\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_MD5, DATASET_CSV, false, "900150983cd24fb0d6963f7d28e17f72\n", 0, 1 },
	{ DATASET_MD5, DATASET_CSV, false, "900150983cd24fb0d6963f7d28e17f7\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_SHA256, DATASET_CSV, false, "900150983cd24fb0d6963f7d28e17f72\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_IPV4, DATASET_CSV, false, "192.0.2.1\n", 0, 1 },
	{ DATASET_IPV4, DATASET_CSV, false, "2001:db8::1\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_IP, DATASET_CSV, false, "192.0.2.1\n2001:db8::1\n::ffff:192.0.2.1\n", 0, 2 },
	{ DATASET_STRING, DATASET_JSON, false, "[{\"v\":\"a\"},{\"v\":\"b\"},{\"w\":1}]", 0, 2 },
	{ DATASET_STRING, DATASET_JSON, false, "[{\"w\":\"a\"}]", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_JSON, false, "[{\"v\":1}]", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_JSON, false, "{\"v\":\"a\"}", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_JSON, false, "[", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_STRING, DATASET_JSON_LINES, false, "{\"v\":\"a\"}\n\n{\"v\":\"b\",\"x\":[1,{}]}\n", 0, 2 },
	{ DATASET_STRING, DATASET_JSON_LINES, false, "{\"v\":\"a\"}\nnone\n", LUYTRE_E_SYNTAX, 1 },
	{ DATASET_IPV4, DATASET_JSON_LINES, false, "{\"v\":null}\n", LUYTRE_E_SYNTAX, 0 },
	{ DATASET_MD5, DATASET_JSON_LINES, false, "{\"v\":\"abc\"}\n", LUYTRE_E_SYNTAX, 0 },
};

static void test_reading(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(read_cases); i++) {
		const struct read_case *c = &read_cases[i];
		struct dataset_options options = {
			.type = c->type, .format = c->format, .reputation = c->reputation, .value_key = "v"
		};
		struct dataset *set = open_set("reading", options);
		char message[DATASET_MESSAGE_SIZE] = "";

		if (dataset_read(set, bytes_from_str(c->text), &options, message) != c->error)
			fail_msg("row %zu: %s", i, message);
		assert_int_equal(dataset_count(set), c->count);
		dataset_unref(set);
	}
}

static void test_changes(void **state)
{
	struct dataset *set = open_set("changes", (struct dataset_options){ .type = DATASET_STRING });

	assert_true(dataset_add(set, bytes_from_str("abc")));
	assert_false(dataset_add(set, bytes_from_str("abc")));
	assert_false(dataset_add(set, bytes_from_str("")));
	assert_true(has(set, "abc", 3));
	assert_false(has(set, "ab", 2));
	assert_true(dataset_remove(set, bytes_from_str("abc")));
	assert_false(dataset_remove(set, bytes_from_str("abc")));
	assert_false(has(set, "abc", 3));
	dataset_unref(set);
}

static void test_many(void **state)
{
	struct dataset *set = open_set("many", (struct dataset_options){ .type = DATASET_IPV4 });

	for (uint32_t i = 0; i < 10000; i++)
		assert_true(dataset_add(set, bytes_of(&i, sizeof(i))));
	for (uint32_t i = 0; i < 20000; i++)
		assert_int_equal(has(set, &i, sizeof(i)), i < 10000);
	dataset_unref(set);
}

static void test_addresses(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 };
	static const uint8_t mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 };
	struct dataset *set = open_set("addresses", (struct dataset_options){ .type = DATASET_IP });

	assert_true(dataset_add(set, bytes_of(v4, sizeof(v4))));
	assert_true(has(set, mapped, sizeof(mapped)));
	assert_false(has(set, v4, 3));
	dataset_unref(set);
}

static void test_ceiling(void **state)
{
	struct dataset *set =
		open_set("ceiling", (struct dataset_options){ .type = DATASET_IPV4, .memcap_size = 1000 });

	for (uint32_t i = 0; i < 1000; i++)
		dataset_add(set, bytes_of(&i, sizeof(i)));
	assert_in_range(dataset_count(set), 1, 999);
	assert_int_equal(dataset_refused(set), 1000 - dataset_count(set));
	dataset_unref(set);
}

static void test_subdomains(void **state)
{
	struct dataset *set = open_set("subdomains", (struct dataset_options){ .type = DATASET_STRING });

	assert_true(dataset_add(set, bytes_from_str(".evil.com")));
	assert_true(dataset_find_subdomain(set, bytes_from_str(".evil.com"), &memory, NULL));
	assert_true(dataset_find_subdomain(set, bytes_from_str(".a.b.evil.com"), &memory, NULL));
	assert_false(dataset_find_subdomain(set, bytes_from_str(".notevil.com"), &memory, NULL));
	assert_false(dataset_find_subdomain(set, bytes_from_str("."), &memory, NULL));
	assert_false(dataset_find_subdomain(set, bytes_from_str(""), &memory, NULL));
	dataset_unref(set);
}

static void read_back(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* Saved when the last one lets go, in the order of its hash, whatever the order of arrival; read again by the next. */
static void test_state(void **state)
{
	static const char *const orders[][3] = { { "param", "param2", "param3" }, { "param3", "param", "param2" } };
	char path[] = "/tmp/luytre-dataset-XXXXXX", text[256];

	close(mkstemp(path));
	for (size_t i = 0; i < 2; i++) {
		struct dataset *set;

		unlink(path);
		set = open_set("state", (struct dataset_options){ .type = DATASET_STRING, .state_path = path });
		for (size_t k = 0; k < 3; k++)
			assert_true(dataset_add(set, bytes_from_str(orders[i][k])));
		dataset_unref(set);
		read_back(path, text, sizeof(text));
		assert_string_equal(text, "cGFyYW0z\ncGFyYW0y\ncGFyYW0=\n");
		set = open_set("state", (struct dataset_options){ .type = DATASET_STRING, .state_path = path });
		assert_int_equal(dataset_count(set), 3);
		dataset_unref(set);
	}
	unlink(path);
}

static void test_sharing(void **state)
{
	struct dataset_options options = { .has_type = true, .type = DATASET_STRING };
	char message[DATASET_MESSAGE_SIZE];
	struct dataset *first = open_set("shared", options), *second, *third;

	assert_int_equal(dataset_open("shared", &(struct dataset_options){ 0 }, 2, message, &second), 0);
	assert_ptr_equal(first, second);
	options.type = DATASET_MD5;
	assert_int_equal(dataset_open("shared", &options, 1, message, &third), LUYTRE_E_CONFLICT);
	options.load_path = "/nonexistent/luytre";
	assert_int_equal(dataset_open("absent", &options, 1, message, &third), LUYTRE_E_NOT_FOUND);
	assert_int_equal(
		dataset_open("untyped", &(struct dataset_options){ 0 }, 1, message, &third), LUYTRE_E_NOT_FOUND);
	dataset_unref(second);
	dataset_unref(first);
}

static void test_context(void **state)
{
	struct dataset_options options = { .type = DATASET_STRING,
		.format = DATASET_JSON,
		.value_key = "h.name",
		.array_key = "a.b",
		.remove_key = true };
	static const char text[] = "{\"a\":{\"b\":[{\"h\":{\"name\":\"x\",\"k\":1},\"y\":[true,null,2.5]}]}}";
	struct dataset *set = open_set("context", options);
	struct detect_context context = { 0 };
	const struct rule *rule = (const struct rule *)&context, *other = (const struct rule *)&options;
	char message[DATASET_MESSAGE_SIZE];
	struct dataset_hit hit;
	struct jsonw json;
	struct bytes out;

	arena_init(&context.memory, 1 << 20);
	assert_int_equal(dataset_read(set, bytes_from_str(text), &options, message), 0);
	assert_true(dataset_find(set, bytes_from_str("x"), &memory, &hit));
	detect_context_note(&context, rule, "key", hit.json);
	detect_context_note(&context, rule, "key", hit.json);
	assert_null(detect_context_take(&context, other));
	jsonw_init(&json, 4096);
	jsonw_object_begin(&json);
	detect_context_write(detect_context_take(&context, rule), &json);
	jsonw_object_end(&json);
	assert_int_equal(jsonw_text(&json, &out), 0);
	assert_true(bytes_equal_str(out, "{\"context\":{\"key\":{\"h\":{\"k\":1},\"y\":[true,null,2.5]}}}"));
	jsonw_done(&json);
	arena_done(&context.memory);
	dataset_unref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_subdomains),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_context),
	};
	int failed;

	arena_init(&memory, 1 << 20);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&memory);
	return failed;
}
