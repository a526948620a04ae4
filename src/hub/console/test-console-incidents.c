// SPDX-License-Identifier: Apache-2.0
/* Incidents, deadlines and their papers through the door: a real hub, a real client. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/console/test-kit.h"
#include "hub/report/report.h"

enum { PATH_SIZE = 256 };

static struct kit kit;
static uint32_t ministry, office, other, web;
static struct kit_session owner, operator_, viewer, stranger;

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	office = kit_tenant(&kit, ministry, "Cục Công nghệ");
	other = kit_tenant(&kit, 0, "Tỉnh Lào Cai");
	web = kit_system(&kit, office, "Cổng thông tin");
	owner = kit_user(&kit, "i.owner", AUTH_ROLE_OWNER, ministry);
	operator_ = kit_user(&kit, "i.operator", AUTH_ROLE_OPERATOR, office);
	viewer = kit_user(&kit, "i.viewer", AUTH_ROLE_VIEWER, office);
	stranger = kit_user(&kit, "i.stranger", AUTH_ROLE_OWNER, other);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* An hour ago, so that what is due at once is overdue and escalated. */
static uint32_t create(const struct kit_session *session, const char *more)
{
	struct kit_answer answer;
	char body[1024];
	uint32_t id;

	snprintf(body, sizeof(body),
		"{\"tenant\":\"%u\",\"system\":\"%u\",\"title\":\"Trang chủ bị thay đổi\",\"kind\":\"defacement\","
		"\"owner\":\"Trưởng ca trực\"%s}",
		office, web, more);
	answer = kit_request(&kit, session, "POST", "/incidents", body, NULL);
	if (answer.status != 201)
		fail_msg("%ld %s", answer.status, answer.text);
	id = (uint32_t)strtoul(kit_text(&answer, "id"), NULL, 10);
	kit_answer_done(&answer);
	return id;
}

static struct kit_answer ask(const struct kit_session *session, const char *method, const char *body,
	const char *headers, const char *format, uint32_t id)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%u", format, id);
	return kit_request(&kit, session, method, path, body, headers);
}

static struct kit_answer deadlines(const struct kit_session *session, uint32_t incident, const char *more)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/deadlines?incident=%u%s", incident, more);
	return kit_request(&kit, session, "GET", path, NULL, NULL);
}

static const char *item(const struct kit_answer *answer, size_t at, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_array_get(json_object_get(answer->json, "items"), at), key));

	if (!text)
		fail_msg("%zu %s: %s", at, key, answer->text);
	return text;
}

static size_t count(const struct kit_answer *answer)
{
	assert_int_equal(answer->status, 200);
	return json_array_size(json_object_get(answer->json, "items"));
}

static void test_incident(void **state)
{
	uint32_t id = create(&operator_, ",\"traits\":[\"personal\"]");
	struct kit_answer answer = ask(&viewer, "GET", NULL, NULL, "/incidents", id);

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r1\"");
	assert_string_equal(kit_text(&answer, "kind"), "defacement");
	assert_string_equal(kit_text(&answer, "author"), "i.operator");
	assert_false(json_is_true(json_object_get(answer.json, "serious")));
	assert_non_null(json_string_value(json_object_get(answer.json, "keep_until")));
	kit_answer_done(&answer);

	answer = deadlines(&viewer, id, "");
	assert_int_equal(count(&answer), 2);
	assert_string_equal(item(&answer, 0, "clock"), "inc-72h");
	assert_string_equal(item(&answer, 0, "source"), "D331 Art 31.2d");
	assert_string_equal(item(&answer, 0, "law_from"), "2026-08-19");
	assert_string_equal(item(&answer, 0, "owner"), "Trưởng ca trực");
	assert_string_equal(item(&answer, 1, "clock"), "pd-72h");
	assert_string_equal(item(&answer, 1, "tenant_name"), "Cục Công nghệ");
	kit_answer_done(&answer);

	/* Who writes may change it; whether it is serious, who judges. */
	answer = ask(&operator_, "PATCH", "{\"traits\":[],\"measures\":\"Đã cô lập\"}", "If-Match: \"r1\"",
		"/incidents", id);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "measures"), "Đã cô lập");
	kit_answer_done(&answer);
	answer = ask(&operator_, "PATCH", "{\"judged\":\"yes\"}", "If-Match: \"r2\"", "/incidents", id);
	assert_int_equal(answer.status, 403);
	kit_answer_done(&answer);
	answer = ask(&owner, "PATCH", "{\"judged\":\"yes\"}", "If-Match: \"r2\"", "/incidents", id);
	assert_int_equal(answer.status, 200);
	assert_true(json_is_true(json_object_get(answer.json, "serious")));
	kit_answer_done(&answer);
	answer = deadlines(&viewer, id, "");
	assert_int_equal(count(&answer), 2);
	assert_string_equal(item(&answer, 0, "clock"), "inc-24h");
	kit_answer_done(&answer);
	answer = ask(&owner, "PATCH", "{\"title\":\"x\"}", "If-Match: \"r1\"", "/incidents", id);
	assert_int_equal(answer.status, 412);
	kit_answer_done(&answer);
}

static void test_foreign(void **state)
{
	uint32_t id = create(&operator_, "");
	char body[256], path[PATH_SIZE];
	struct kit_answer answer;

	answer = ask(&stranger, "GET", NULL, NULL, "/incidents", id);
	assert_int_equal(answer.status, 404);
	kit_answer_done(&answer);
	answer = ask(&stranger, "PATCH", "{\"title\":\"x\"}", "If-Match: \"r1\"", "/incidents", id);
	assert_int_equal(answer.status, 404);
	kit_answer_done(&answer);
	answer = deadlines(&stranger, id, "");
	assert_int_equal(count(&answer), 0);
	kit_answer_done(&answer);
	answer = deadlines(&operator_, id, "");
	snprintf(path, sizeof(path), "/deadlines/%s", item(&answer, 0, "id"));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &stranger, "PATCH", path, "{\"done\":true}", "If-Match: \"r1\""), 404);
	assert_int_equal(kit_status(&kit, &viewer, "PATCH", path, "{\"done\":true}", "If-Match: \"r1\""), 403);
	snprintf(path, sizeof(path), "/incidents/%u/close", id);
	assert_int_equal(kit_status(&kit, &stranger, "POST", path, NULL, "If-Match: \"r1\""), 404);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, NULL, "If-Match: \"r1\""), 403);
	snprintf(path, sizeof(path), "/incidents/%u/notice?kind=first", id);
	assert_int_equal(kit_status(&kit, &stranger, "GET", path, NULL, NULL), 404);
	snprintf(path, sizeof(path), "/yearly-report/%u", web);
	assert_int_equal(kit_status(&kit, &stranger, "PATCH", path, "{\"level\":5}", "If-Match: \"r0\""), 404);
	/* Neither another's organisation nor a system of another one. */
	snprintf(body, sizeof(body), "{\"tenant\":\"%u\",\"title\":\"x\"}", office);
	assert_int_equal(kit_status(&kit, &stranger, "POST", "/incidents", body, NULL), 404);
	snprintf(body, sizeof(body), "{\"tenant\":\"%u\",\"title\":\"x\",\"system\":\"%u\"}", other, web);
	assert_int_equal(kit_status(&kit, &stranger, "POST", "/incidents", body, NULL), 404);
	snprintf(body, sizeof(body), "{\"tenant\":\"%u\",\"title\":\"x\",\"links\":{\"findings\":[\"99\"]}}", other);
	assert_int_equal(kit_status(&kit, &stranger, "POST", "/incidents", body, NULL), 404);
}

static void test_broken(void **state)
{
	static const char *const bodies[] = { "{\"tenant\":\"%u\"}", "{\"tenant\":\"%u\",\"title\":\"\"}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"kind\":\"war\"}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"traits\":[\"bad\"]}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"found\":\"yesterday\"}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"found\":\"2199-01-01T00:00:00Z\"}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"links\":{\"events\":[\"a\"]}}",
		"{\"tenant\":\"%u\",\"title\":\"x\",\"more\":1}" };
	char body[256];

	for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(body, sizeof(body), bodies[i], office);
#pragma GCC diagnostic pop
		assert_int_equal(kit_status(&kit, &operator_, "POST", "/incidents", body, NULL), 400);
	}
	assert_int_equal(kit_status(&kit, &operator_, "GET", "/yearly-report", NULL, NULL), 200);
	assert_int_equal(kit_status(&kit, &operator_, "GET", "/yearly-report?year=1999", NULL, NULL), 400);
}

static void test_finish(void **state)
{
	uint32_t id = create(&operator_, "");
	struct kit_answer answer = deadlines(&operator_, id, "");
	char path[PATH_SIZE], close[PATH_SIZE];

	snprintf(path, sizeof(path), "/deadlines/%s", item(&answer, 0, "id"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &operator_, "PATCH", path, "{\"owner\":\"Phó cục trưởng\"}", "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "owner"), "Phó cục trưởng");
	assert_string_equal(kit_text(&answer, "state"), "open");
	kit_answer_done(&answer);
	answer = kit_request(&kit, &operator_, "PATCH", path, "{\"done\":true,\"note\":\"CV 12\"}", "If-Match: \"r2\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "done");
	assert_string_equal(kit_text(&answer, "done_by"), "i.operator");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &operator_, "PATCH", path, "{\"done\":true}", "If-Match: \"r3\""), 409);
	answer = deadlines(&operator_, id, "");
	assert_int_equal(count(&answer), 1);
	assert_string_equal(item(&answer, 0, "stage"), "update");
	kit_answer_done(&answer);
	answer = deadlines(&operator_, id, "&state=all&limit=1");
	assert_int_equal(count(&answer), 1);
	assert_non_null(json_string_value(json_object_get(answer.json, "next")));
	kit_answer_done(&answer);
	snprintf(close, sizeof(close), "/incidents/%u/close", id);
	answer = kit_request(&kit, &owner, "POST", close, NULL, "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "closed");
	kit_answer_done(&answer);
	answer = deadlines(&operator_, id, "");
	assert_int_equal(count(&answer), 1);
	assert_string_equal(item(&answer, 0, "stage"), "closing");
	kit_answer_done(&answer);
	answer = ask(&operator_, "PATCH", "{\"title\":\"x\"}", "If-Match: \"r2\"", "/incidents", id);
	assert_int_equal(answer.status, 409);
	kit_answer_done(&answer);
}

/* The hub's own clock tells the console, and those above. */
static void test_escalation(void **state)
{
	struct kit_stream *stream = kit_stream_open(&kit, &owner, "findings");
	struct kit_answer answer;
	uint32_t id;

	/* Organisations were made past the API: the console looks for them each second. */
	sleep(2);
	id = create(&operator_, ",\"traits\":[\"harm\"],\"found\":\"2026-11-01T00:00:00Z\"");
	assert_true(kit_stream_heard(stream, "\"object\":\"incident\"", 3000));
	assert_true(kit_stream_heard(stream, "\"op\":\"overdue\"", 5000));
	answer = deadlines(&owner, id, "&escalated=yes");
	assert_int_equal(count(&answer), 2);
	assert_true(json_is_true(json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "overdue")));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &stranger, "GET", "/deadlines?escalated=yes", NULL, NULL);
	assert_int_equal(count(&answer), 0);
	kit_answer_done(&answer);
	kit_stream_close(stream);
}

static void test_notice(void **state)
{
	uint32_t id = create(&operator_, ",\"signs\":\"=1+1\"");
	struct kit_answer answer;
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/incidents/%u/notice?kind=first&format=csv", id);
	answer = kit_request(&kit, &viewer, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_memory_equal(answer.text, "\xef\xbb\xbf", 3);
	assert_non_null(strstr(answer.text, "THÔNG BÁO BAN ĐẦU VỀ SỰ CỐ AN NINH MẠNG\r\n"));
	assert_non_null(strstr(answer.text, ",\"'=1+1\"\r\n"));
	assert_non_null(strstr(answer.type, "text/csv"));
	kit_answer_done(&answer);
	snprintf(path, sizeof(path), "/incidents/%u/notice?kind=first", id);
	answer = kit_request(&kit, &viewer, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, report_has_pdf() ? 200 : 501);
	if (report_has_pdf()) {
		assert_string_equal(answer.type, "application/pdf");
		assert_memory_equal(answer.text, "%PDF-", 5);
	}
	kit_answer_done(&answer);
	snprintf(path, sizeof(path), "/incidents/%u/notice?kind=closing", id);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path, NULL, NULL), 409);
	snprintf(path, sizeof(path), "/incidents/%u/notice?kind=poem", id);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path, NULL, NULL), 400);
}

static void test_form(void **state)
{
	struct kit_answer answer = ask(&operator_, "PATCH",
		"{\"approval\":\"approved\",\"level_decision\":\"12/QĐ\",\"plan\":\"full\",\"inspected\":\"both\"}",
		"If-Match: \"r0\"", "/yearly-report", web);
	const json_t *row;

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r1\"");
	assert_int_equal(json_array_size(json_object_get(answer.json, "faults")), 1);
	kit_answer_done(&answer);
	answer = ask(&operator_, "PATCH", "{\"rules_decision\":\"13/QĐ\",\"plan_expected\":\"2026-02-30\"}",
		"If-Match: \"r1\"", "/yearly-report", web);
	assert_int_equal(answer.status, 400);
	kit_answer_done(&answer);
	answer = ask(&operator_, "PATCH", "{\"rules_decision\":\"13/QĐ\"}", "If-Match: \"r1\"", "/yearly-report", web);
	assert_int_equal(answer.status, 200);
	kit_answer_done(&answer);

	answer = kit_request(&kit, &owner, "GET", "/yearly-report?year=2026", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "total")), 1);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "faulty")), 0);
	row = json_array_get(json_object_get(answer.json, "rows"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "rules_decision")), "13/QĐ");
	kit_answer_done(&answer);
	answer = kit_request(&kit, &stranger, "GET", "/yearly-report?year=2026", NULL, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "total")), 0);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", "/yearly-report?year=2026&format=csv", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.text, "1,Cổng thông tin,"));
	assert_non_null(strstr(answer.text, ",Đã được phê duyệt,12/QĐ,13/QĐ,,Đã triển khai đầy đủ,,"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "GET", "/yearly-report?year=2026&format=pdf", NULL, NULL);
	assert_int_equal(answer.status, report_has_pdf() ? 200 : 501);
	kit_answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_incident), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_finish), cmocka_unit_test(test_escalation),
		cmocka_unit_test(test_notice), cmocka_unit_test(test_form) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
