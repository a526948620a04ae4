// SPDX-License-Identifier: Apache-2.0
/* The list of an asset's services: who may say it, under which revision, what is kept of it, and what is shown beside it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "hub/console/test-kit.h"
#include "hub/posture/evidence/perimeter.h"

static struct kit kit;
static struct kit_session owner, operator_, viewer, stranger;
static uint32_t ministry, asset;
static char where[96];

static int setup(void **state)
{
	uint32_t other;

	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	asset = kit_asset(&kit, kit_system(&kit, ministry, "Cổng"), "198.18.1.0/24");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	operator_ = kit_user(&kit, "an", AUTH_ROLE_OPERATOR, ministry);
	viewer = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, ministry);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	snprintf(where, sizeof(where), "/tenants/%u/assets/%u/services", ministry, asset);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static struct kit_answer get(const struct kit_session *who)
{
	struct kit_answer answer = kit_request(&kit, who, "GET", where, NULL, NULL);

	assert_int_equal(answer.status, 200);
	return answer;
}

static void note_seen(const char *host, int port)
{
	assert_int_equal(db_run(kit.db,
				 "insert into perimeter_service (asset, host, protocol, port, tenant, first_us,"
				 " last_us, event) values (?1, ?2, 6, ?3, ?4, 1000000, 2000000, 7)",
				 DB_ARGS(db_i64(asset), db_str(host), db_i64(port), db_i64(ministry)), NULL),
		0);
}

static bool is_listed(const struct kit_answer *answer, size_t at)
{
	return json_is_true(json_object_get(json_array_get(json_object_get(answer->json, "seen"), at), "listed"));
}

static void test_list(void **state)
{
	struct kit_answer answer = get(&operator_);
	char body[64];

	assert_string_equal(answer.etag, "\"r1\"");
	assert_int_equal(json_array_size(json_object_get(answer.json, "ports")), 0);
	kit_answer_done(&answer);
	note_seen("198.18.1.7", 443);
	note_seen("198.18.1.7", 3306);
	answer = get(&operator_);
	assert_int_equal(json_array_size(json_object_get(answer.json, "seen")), 2);
	assert_true(is_listed(&answer, 0) && is_listed(&answer, 1)); /* nothing was said */
	kit_answer_done(&answer);

	assert_int_equal(kit_status(&kit, &owner, "PUT", where, "{\"ports\":[443,80]}", NULL), 428);
	assert_int_equal(kit_status(&kit, &owner, "PUT", where, "{\"ports\":[443,80]}", "If-Match: \"r2\""), 412);
	answer = kit_request(&kit, &owner, "PUT", where, "{\"ports\":[443,80]}", "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r2\"");
	assert_null(json_object_get(answer.json, "seen"));
	kit_answer_done(&answer);
	answer = get(&operator_);
	assert_int_equal(json_array_size(json_object_get(answer.json, "ports")), 2);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(answer.json, "ports"), 0)), 80);
	assert_true(is_listed(&answer, 0));
	assert_false(is_listed(&answer, 1));
	kit_answer_done(&answer);
	/* Who changes the asset under the old revision has not seen the list. */
	snprintf(where, sizeof(where), "/tenants/%u/assets/%u", ministry, asset);
	snprintf(body, sizeof(body), "{\"system\":\"%u\"}", kit_system(&kit, ministry, "Kho"));
	assert_int_equal(kit_status(&kit, &owner, "PATCH", where, body, "If-Match: \"r1\""), 412);
	assert_int_equal(kit_status(&kit, &owner, "PATCH", where, body, "If-Match: \"r2\""), 200);
	snprintf(where, sizeof(where), "/tenants/%u/assets/%u/services", ministry, asset);
	assert_int_equal(kit_status(&kit, &owner, "PUT", where, "{\"ports\":[]}", "If-Match: \"r3\""), 200);
}

static void test_evidence_reads_it(void **state)
{
	struct perimeter_list list;

	assert_int_equal(kit_status(&kit, &kit.admin, "PUT", where, "{\"ports\":[22,443]}", "If-Match: \"r4\""), 200);
	assert_int_equal(perimeter_list_get(kit.db, asset, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.ports[0], 22);
}

static void test_audit(void **state)
{
	struct kit_answer answer =
		kit_request(&kit, &kit.admin, "GET", "/audit?action=asset.services&limit=1", NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.text, "\"22,443\""));
	kit_answer_done(&answer);
}

static void test_refused(void **state)
{
	static const char *const broken[] = { "{}", "{\"ports\":443}", "{\"ports\":[0]}", "{\"ports\":[65536]}",
		"{\"ports\":[80,80]}", "{\"ports\":[\"80\"]}", "{\"ports\":[80],\"hosts\":[]}" };

	for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
		assert_int_equal(kit_status(&kit, &owner, "PUT", where, broken[i], "If-Match: \"r5\""), 400);
	assert_int_equal(kit_status(&kit, &operator_, "PUT", where, "{\"ports\":[80]}", "If-Match: \"r5\""), 403);
	assert_int_equal(kit_status(&kit, &viewer, "GET", where, NULL, NULL), 200);
	assert_int_equal(kit_status(&kit, &viewer, "PUT", where, "{\"ports\":[80]}", "If-Match: \"r5\""), 403);
	assert_int_equal(kit_status(&kit, &stranger, "GET", where, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &stranger, "PUT", where, "{\"ports\":[80]}", "If-Match: \"r5\""), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_evidence_reads_it),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
