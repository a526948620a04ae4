// SPDX-License-Identifier: Apache-2.0
/* Over the hub's own description. */
#include "hub/api/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hub/api/operations-hub.h"

static const struct {
	int method;
	const char *path;
	int operation; /* -1: the path has other methods; -2: no such path */
	const char *value;
} rows[] = {
	{ API_GET, "/api/v1/health", OP_GET_HEALTH, NULL },
	{ API_GET, "/api/v1/tenants", OP_LIST_TENANTS, NULL },
	{ API_POST, "/api/v1/tenants", OP_CREATE_TENANT, NULL },
	{ API_PUT, "/api/v1/tenants", -1, NULL },
	{ -1, "/api/v1/tenants", -1, NULL },
	{ API_GET, "/api/v1/tenants/17", OP_GET_TENANT, "17" },
	{ API_GET, "/api/v1/tenants/", -2, NULL },
	{ API_GET, "/api/v1/tenants/17/", -2, NULL },
	{ API_GET, "/api/v1/tenants/17/systems/4", OP_GET_SYSTEM, "17" },
	{ API_GET, "/api/v1/tenants/17/unknown", -2, NULL },
	{ API_POST, "/api/v1/events:acknowledge", OP_ACKNOWLEDGE_EVENTS, NULL },
	{ API_GET, "/api/v1/events:acknowledge", -1, NULL },
	{ API_POST, "/api/v1/events:other", -2, NULL },
	{ API_GET, "/api/v1/events", OP_LIST_EVENTS, NULL },
	{ API_POST, "/api/v1/decisions/9/lift", OP_LIFT_DECISION, "9" },
	{ API_GET, "/api/v1/audit/verification", OP_VERIFY_AUDIT, NULL },
	{ API_GET, "/api/v1", -2, NULL },
	{ API_GET, "/api", -2, NULL },
	{ API_GET, "/", -2, NULL },
	{ API_GET, "", -2, NULL },
	{ API_GET, "/api/v1/tenantsx", -2, NULL },
	{ API_GET, "/API/v1/tenants", -2, NULL },
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct api_match match;
		bool found = api_route(&hub_table, rows[i].method, bytes_from_str(rows[i].path), &match);
		int operation = !found ? -2 : !match.operation ? -1 : (int)match.index;

		if (operation != rows[i].operation || (rows[i].value && !bytes_equal_str(match.path[0], rows[i].value)))
			fail_msg("%s: %d", rows[i].path, operation);
	}
}

/* Every operation is found by its own path, with as many values as it has parameters there. */
static void test_every_operation(void **state)
{
	for (size_t i = 0; i < hub_table.operation_count; i++) {
		const struct api_operation *operation = &hub_table.operations[i];
		struct api_match match;
		size_t count = 0;

		assert_true(api_route(&hub_table, operation->method, bytes_from_str(operation->path), &match));
		assert_ptr_equal(match.operation, operation);
		while (count < API_PATH_DEPTH_MAX && match.path[count].ptr)
			count++;
		assert_int_equal(count, operation->path_count);
		assert_true(match.methods >> operation->method & 1);
	}
	assert_true(hub_table.operation_count > 70);
}

static void test_methods(void **state)
{
	for (int i = 0; i < API_METHOD_COUNT; i++)
		assert_int_equal(api_method_parse(api_method_name((enum api_method)i)), i);
	assert_int_equal(api_method_parse("HEAD"), API_GET);
	assert_int_equal(api_method_parse("TRACE"), -1);
	assert_int_equal(api_method_parse("get"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_operation),
		cmocka_unit_test(test_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
