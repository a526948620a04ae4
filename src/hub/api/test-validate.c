// SPDX-License-Identifier: Apache-2.0
/* Bodies and parameters against the notes description, which has one of everything. */
#include "hub/api/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hub/api/notes/operations-notes.h"

#define BASE "\"title\":\"a\",\"kind\":\"plain\""

static const struct {
	const char *body;
	int fault; /* -1: good */
	const char *pointer;
} bodies[] = {
	{ "{" BASE "}", -1, NULL },
	{ "{\"title\":\"a\"}", JSONR_MISSING, "/kind" },
	{ "[]", JSONR_TYPE, "" },
	{ "null", JSONR_TYPE, "" },
	{ "{" BASE ",\"x\":1}", JSONR_UNKNOWN, "/x" },
	{ "{\"title\":1,\"kind\":\"plain\"}", JSONR_TYPE, "/title" },
	{ "{\"title\":\"\",\"kind\":\"plain\"}", JSONR_LENGTH, "/title" },
	{ "{\"title\":\"a\\nb\",\"kind\":\"plain\"}", JSONR_FORM, "/title" },
	{ "{\"title\":\"a\\u007f\",\"kind\":\"plain\"}", JSONR_FORM, "/title" },
	{ "{\"title\":\"a\",\"kind\":\"PLAIN\"}", JSONR_ENUM, "/kind" },
	{ "{" BASE ",\"text\":\"a\\n\\tb\"}", -1, NULL },
	{ "{" BASE ",\"text\":\"a\\u001b\"}", JSONR_FORM, "/text" },
	{ "{" BASE ",\"text\":null}", -1, NULL },
	{ "{" BASE ",\"mail\":null}", JSONR_TYPE, "/mail" },
	{ "{" BASE ",\"level\":1}", -1, NULL },
	{ "{" BASE ",\"level\":0}", JSONR_RANGE, "/level" },
	{ "{" BASE ",\"level\":6}", JSONR_RANGE, "/level" },
	{ "{" BASE ",\"level\":1.0}", JSONR_TYPE, "/level" },
	{ "{" BASE ",\"level\":\"1\"}", JSONR_TYPE, "/level" },
	{ "{" BASE ",\"weight\":0.999}", -1, NULL },
	{ "{" BASE ",\"weight\":1}", -1, NULL },
	{ "{" BASE ",\"weight\":1.001}", JSONR_RANGE, "/weight" },
	{ "{" BASE ",\"weight\":-1}", JSONR_RANGE, "/weight" },
	{ "{" BASE ",\"open\":\"true\"}", JSONR_TYPE, "/open" },
	{ "{" BASE ",\"mail\":\"a@b.vn\"}", -1, NULL },
	{ "{" BASE ",\"mail\":\"a@b\"}", JSONR_FORM, "/mail" },
	{ "{" BASE ",\"mail\":\"a@b@c.vn\"}", JSONR_FORM, "/mail" },
	{ "{" BASE ",\"mail\":\"@b.vn\"}", JSONR_FORM, "/mail" },
	{ "{" BASE ",\"mail\":\"a<@b.vn\"}", JSONR_FORM, "/mail" },
	{ "{" BASE ",\"source\":\"192.0.2.0/24\"}", -1, NULL },
	{ "{" BASE ",\"source\":\"192.0.2.1/24\"}", JSONR_FORM, "/source" },
	{ "{" BASE ",\"source\":\"2001:db8::/129\"}", JSONR_FORM, "/source" },
	{ "{" BASE ",\"address\":\"192.0.2.0/24\"}", JSONR_FORM, "/address" },
	{ "{" BASE ",\"due\":\"2026-02-30T00:00:00Z\"}", JSONR_FORM, "/due" },
	{ "{" BASE ",\"code\":\"AB-1\"}", -1, NULL },
	{ "{" BASE ",\"code\":\"AB-1234\"}", -1, NULL },
	{ "{" BASE ",\"code\":\"AB-12345\"}", JSONR_LENGTH, "/code" },
	{ "{" BASE ",\"code\":\"AB-\"}", JSONR_LENGTH, "/code" },
	{ "{" BASE ",\"code\":\"AB-X\"}", JSONR_FORM, "/code" },
	{ "{" BASE ",\"code\":\"ab-1\"}", JSONR_FORM, "/code" },
	{ "{" BASE ",\"words\":[\"a\",\"b\",\"c\"]}", -1, NULL },
	{ "{" BASE ",\"words\":[\"a\",\"b\",\"c\",\"d\"]}", JSONR_ITEMS, "/words" },
	{ "{" BASE ",\"words\":[\"a\",\"b\",\"a\"]}", JSONR_UNIQUE, "/words/2" },
	{ "{" BASE ",\"words\":[\"a\",7]}", JSONR_TYPE, "/words/1" },
	{ "{" BASE ",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}", -1, NULL },
	{ "{" BASE ",\"labels\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}", JSONR_ITEMS, "/labels" },
	{ "{" BASE ",\"labels\":{\"a\":\"123456789\"}}", JSONR_LENGTH, "/labels/a" },
	{ "{" BASE ",\"place\":{\"y\":1}}", JSONR_MISSING, "/place/x" },
	{ "{" BASE ",\"place\":{\"x\":1,\"z\":1}}", JSONR_UNKNOWN, "/place/z" },
	{ "{" BASE ",\"level\":9223372036854775807}", JSONR_RANGE, "/level" },
};

static void test_bodies(void **state)
{
	const struct api_schema *schema = notes_table.operations[OP_CREATE_NOTE].body;

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
		struct jsonr_errors errors = { 0 };
		json_t *document;
		struct jsonr root;

		assert_int_equal(
			jsonr_parse(bytes_from_str(bodies[i].body), &jsonr_limits_default, &errors, &document), 0);
		jsonr_root(&root, document, &errors);
		validate_json(schema, &root);
		if ((bodies[i].fault < 0) != (errors.count == 0) ||
			(errors.count > 0 && ((int)errors.items[0].fault != bodies[i].fault ||
						     strcmp(errors.items[0].pointer, bodies[i].pointer) != 0)))
			fail_msg("%s: %s %s", bodies[i].body,
				errors.count ? jsonr_fault_code(errors.items[0].fault) : "good",
				errors.items[0].pointer);
		json_decref(document);
	}
}

static const struct {
	const char *param, *text;
	int fault;
	int64_t integer;
} params[] = {
	{ "limit", "1", -1, 1 },
	{ "limit", "100", -1, 100 },
	{ "limit", "101", JSONR_RANGE, 0 },
	{ "limit", "-1", JSONR_RANGE, 0 },
	{ "limit", "01", JSONR_TYPE, 0 },
	{ "limit", "+1", JSONR_TYPE, 0 },
	{ "limit", "", JSONR_TYPE, 0 },
	{ "limit", "1x", JSONR_TYPE, 0 },
	{ "limit", "-", JSONR_TYPE, 0 },
	{ "limit", "9223372036854775807", JSONR_RANGE, 0 },
	{ "limit", "-9223372036854775808", JSONR_RANGE, 0 },
	{ "limit", "9223372036854775808", JSONR_TYPE, 0 },
	{ "open", "true", -1, 0 },
	{ "open", "1", JSONR_TYPE, 0 },
	{ "since", "1970-01-01T00:00:01Z", -1, 1000000 },
	{ "since", "yesterday", JSONR_FORM, 0 },
	{ "kind", "plain", -1, 0 },
	{ "kind", "", JSONR_ENUM, 0 },
	{ "cursor", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", -1, 0 },
	{ "cursor", "AAAA", JSONR_LENGTH, 0 },
	{ "cursor", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!", JSONR_FORM, 0 },
};

static const struct api_schema *schema_of(const char *name)
{
	const struct api_operation *operation = &notes_table.operations[OP_LIST_NOTES];

	for (size_t i = 0; i < operation->param_count; i++) {
		if (strcmp(operation->params[i].name, name) == 0)
			return operation->params[i].schema;
	}
	fail_msg("%s is not there", name);
	return NULL;
}

static void test_params(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(params); i++) {
		struct jsonr_errors errors = { 0 };
		struct api_value value = { 0 };
		bool good = validate_text(
			schema_of(params[i].param), params[i].param, bytes_from_str(params[i].text), &errors, &value);

		if (good != (params[i].fault < 0) || (!good && (int)errors.items[0].fault != params[i].fault) ||
			(good && value.integer != params[i].integer))
			fail_msg("%s=%s", params[i].param, params[i].text);
		if (!good)
			assert_int_equal(errors.items[0].pointer[0], '?');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bodies), cmocka_unit_test(test_params) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
