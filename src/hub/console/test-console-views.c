// SPDX-License-Identifier: Apache-2.0
/* Saved views: one's own, shown to one's organisation or to nobody, bounded, and gone with the account. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "hub/console/test-kit.h"
#include "hub/console/views.h"

#define FILTERS "\"filters\":[{\"name\":\"live\",\"value\":\"1\"}]"

static struct kit kit;
static struct kit_session hoa, lan, minh;

static int setup(void **state)
{
	uint32_t ministry;

	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	hoa = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	lan = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, ministry);
	minh = kit_user(&kit, "minh", AUTH_ROLE_OWNER, kit_tenant(&kit, 0, "Bộ Công Thương"));
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static size_t count_of(const struct kit_session *who, const char *page)
{
	struct kit_answer answer;
	char where[64];
	size_t count;

	snprintf(where, sizeof(where), "/views?page=%s", page);
	answer = kit_request(&kit, who, "GET", where, NULL, NULL);
	assert_int_equal(answer.status, 200);
	count = json_array_size(json_object_get(answer.json, "items"));
	kit_answer_done(&answer);
	return count;
}

/* The status; '*ret_where' is the path of what was made. */
static long make(const struct kit_session *who, const char *body, char ret_where[64])
{
	struct kit_answer answer = kit_request(&kit, who, "POST", "/views", body, NULL);
	long status = answer.status;

	if (status == 201 && ret_where)
		snprintf(ret_where, 64, "/views/%s", kit_text(&answer, "id"));
	kit_answer_done(&answer);
	return status;
}

static void test_own(void **state)
{
	struct kit_answer answer;
	const json_t *item;
	char where[64];

	assert_int_equal(make(&hoa, "{\"page\":\"findings\",\"name\":\"Quá hạn\"," FILTERS "}", where), 201);
	assert_int_equal(make(&hoa, "{\"page\":\"findings\",\"name\":\"Quá hạn\"," FILTERS "}", NULL), 409);
	assert_int_equal(make(&hoa, "{\"page\":\"events\",\"name\":\"Quá hạn\",\"filters\":[]}", NULL), 201);
	assert_int_equal(count_of(&hoa, "findings"), 1);
	assert_int_equal(count_of(&hoa, "decisions"), 0);
	assert_int_equal(count_of(&lan, "findings"), 0);
	/* Nobody else's to change, nor to know of. */
	assert_int_equal(kit_status(&kit, &lan, "PATCH", where, "{\"name\":\"x\"}", "If-Match: \"r1\""), 404);
	assert_int_equal(kit_status(&kit, &minh, "DELETE", where, NULL, "If-Match: \"r1\""), 404);
	assert_int_equal(kit_status(&kit, &hoa, "PATCH", where, "{\"shared\":true}", NULL), 428);
	assert_int_equal(kit_status(&kit, &hoa, "PATCH", where, "{\"shared\":true}", "If-Match: \"r1\""), 200);
	assert_int_equal(kit_status(&kit, &hoa, "PATCH", where, "{\"shared\":true}", "If-Match: \"r1\""), 412);

	answer = kit_request(&kit, &lan, "GET", "/views?page=findings", NULL, NULL);
	item = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(item, "name")), "Quá hạn");
	assert_string_equal(json_string_value(json_object_get(item, "by")), "hoa");
	assert_true(json_is_false(json_object_get(item, "mine")));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(item, "filters"), 0), "name")),
		"live");
	kit_answer_done(&answer);
	assert_int_equal(count_of(&minh, "findings"), 0); /* of another organisation */
	assert_int_equal(count_of(&kit.admin, "findings"), 0); /* nor the nation's */
	assert_int_equal(kit_status(&kit, &lan, "DELETE", where, NULL, "If-Match: \"r2\""), 404);
	assert_int_equal(kit_status(&kit, &hoa, "DELETE", where, NULL, "If-Match: \"r2\""), 204);
	assert_int_equal(count_of(&lan, "findings"), 0);
}

static void move(uint32_t account, uint32_t tenant)
{
	assert_int_equal(db_run(kit.db, "update account set tenant = ?2 where id = ?1",
				 DB_ARGS(db_i64(account), db_i64(tenant)), NULL),
		0);
}

/* Who goes to another organisation takes along what is shown: the old one sees it no more. */
static void test_moved(void **state)
{
	int64_t from = 0, to = 0;
	char where[64];

	assert_int_equal(
		db_integer(kit.db, "select tenant from account where id = ?1", DB_ARGS(db_i64(hoa.account)), &from), 0);
	assert_int_equal(
		db_integer(kit.db, "select tenant from account where id = ?1", DB_ARGS(db_i64(minh.account)), &to), 0);
	assert_int_equal(make(&hoa, "{\"page\":\"findings\",\"name\":\"x\",\"shared\":true," FILTERS "}", where), 201);
	assert_int_equal(count_of(&lan, "findings"), 1);
	assert_int_equal(count_of(&minh, "findings"), 0);
	move(hoa.account, (uint32_t)to);
	assert_int_equal(count_of(&lan, "findings"), 0);
	assert_int_equal(count_of(&minh, "findings"), 1);
	move(hoa.account, (uint32_t)from);
	assert_int_equal(count_of(&lan, "findings"), 1);
	assert_int_equal(count_of(&minh, "findings"), 0);
	assert_int_equal(kit_status(&kit, &hoa, "DELETE", where, NULL, "If-Match: \"r1\""), 204);
}

static void test_ceilings(void **state)
{
	char body[8192];
	size_t size;

	for (int i = 0; i < VIEWS_OWN_MAX; i++) {
		snprintf(body, sizeof(body), "{\"page\":\"decisions\",\"name\":\"%d\",\"filters\":[]}", i);
		assert_int_equal(make(&minh, body, NULL), 201);
	}
	assert_int_equal(make(&minh, "{\"page\":\"events\",\"name\":\"x\",\"filters\":[]}", NULL), 409);
	assert_int_equal(count_of(&minh, "decisions"), VIEWS_OWN_MAX);
	/* Each value is short enough, together they are not. */
	size = (size_t)snprintf(body, sizeof(body), "{\"page\":\"events\",\"name\":\"x\",\"filters\":[");
	for (int i = 0; i < 20; i++)
		size += (size_t)snprintf(body + size, sizeof(body) - size, "%s{\"name\":\"text\",\"value\":\"%0250d\"}",
			i ? "," : "", i);
	snprintf(body + size, sizeof(body) - size, "]}");
	assert_int_equal(make(&lan, body, NULL), 400);
}

static void test_broken(void **state)
{
	static const char *const broken[] = { "{}", "{\"page\":\"board\",\"name\":\"x\",\"filters\":[]}",
		"{\"page\":\"events\",\"name\":\"\",\"filters\":[]}",
		"{\"page\":\"events\",\"name\":\"x\",\"filters\":[{\"name\":\"A b\",\"value\":\"\"}]}",
		"{\"page\":\"events\",\"name\":\"x\",\"filters\":{}}" };

	for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
		assert_int_equal(make(&lan, broken[i], NULL), 400);
	assert_int_equal(kit_status(&kit, &lan, "GET", "/views", NULL, NULL), 400);
}

static void test_leaving(void **state)
{
	struct kit_answer answer;
	char where[64];
	int64_t left = 0;

	assert_int_equal(make(&lan, "{\"page\":\"events\",\"name\":\"x\",\"shared\":true," FILTERS "}", NULL), 201);
	assert_int_equal(count_of(&hoa, "events"), 2);
	snprintf(where, sizeof(where), "/users/%u", lan.account);
	answer = kit_request(&kit, &kit.admin, "GET", where, NULL, NULL);
	assert_int_equal(answer.status, 200);
	{
		char match[KIT_HEADER_SIZE + 16];

		snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
		assert_int_equal(kit_status(&kit, &kit.admin, "DELETE", where, NULL, match), 204);
	}
	kit_answer_done(&answer);
	assert_int_equal(db_integer(kit.db, "select count(*) from console_view where account = ?1",
				 DB_ARGS(db_i64(lan.account)), &left),
		0);
	assert_int_equal(left, 0);
	assert_int_equal(count_of(&hoa, "events"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_leaving),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
