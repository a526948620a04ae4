// SPDX-License-Identifier: Apache-2.0
/* Organisations, their systems and what they own: who may, what is refused, and that a change reaches the events. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/console/fold.h"
#include "hub/console/test-kit.h"

static struct kit kit;
static struct kit_session owner, viewer, stranger;
static uint32_t ministry, clinic, other;

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	clinic = kit_tenant(&kit, ministry, "Bệnh viện Đa khoa");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	viewer = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, clinic);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

PRINTF_LIKE(1, 2) static const char *path(const char *format, ...)
{
	static char texts[64][256]; /* the newest stay */
	static unsigned int next;
	char *text = texts[next++ % 64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(texts[0]), format, args);
	va_end(args);
	return text;
}

/* Makes something; the id. */
static uint32_t made(const struct kit_session *who, const char *where, const char *body)
{
	struct kit_answer answer = kit_request(&kit, who, "POST", where, body, NULL);
	uint32_t id;

	if (answer.status != 201)
		fail_msg("%s: %ld %s", where, answer.status, answer.text);
	id = (uint32_t)atoi(kit_text(&answer, "id"));
	assert_string_equal(answer.etag, "\"r1\"");
	assert_non_null(strstr(answer.location, path("/%u", id)));
	kit_answer_done(&answer);
	return id;
}

static size_t count_of(const struct kit_session *who, const char *where)
{
	struct kit_answer answer = kit_request(&kit, who, "GET", where, NULL, NULL);
	size_t count;

	assert_int_equal(answer.status, 200);
	count = json_array_size(json_object_get(answer.json, "items"));
	kit_answer_done(&answer);
	return count;
}

static void expect(const struct kit_session *who, const char *method, const char *where, const char *body,
	const char *headers, long status, const char *problem)
{
	struct kit_answer answer = kit_request(&kit, who, method, where, body, headers);

	if (answer.status != status || (problem && strcmp(kit_problem(&answer), problem) != 0))
		fail_msg("%s %s: %ld %s, expected %ld %s", method, where, answer.status, answer.text, status,
			problem ? problem : "");
	kit_answer_done(&answer);
}

static void test_tenants(void **state)
{
	uint32_t id = made(&owner, "/tenants",
		path("{\"name\":\"Trung tâm Y tế\",\"parent\":\"%u\",\"province\":\"15\",\"sector\":\"health\"}",
			ministry));
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path("/tenants/%u", id), NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "Trung tâm Y tế");
	assert_string_equal(kit_text(&answer, "province"), "15");
	assert_string_equal(kit_text(&answer, "kind"), "organisation");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(answer.json, "path"), 0)), path("%u", ministry));
	assert_true(json_is_null(json_object_get(answer.json, "contact")));
	assert_int_equal(json_integer_value(json_object_get(answer.json, "systems")), 0);
	kit_answer_done(&answer);

	/* A merge patch leaves what it does not name, and null empties. */
	expect(&owner, "PATCH", path("/tenants/%u", id), "{\"contact\":\"Ông A\"}", NULL, 428, NULL);
	expect(&owner, "PATCH", path("/tenants/%u", id), "{\"contact\":\"Ông A\"}", "If-Match: \"r9\"", 412, NULL);
	expect(&owner, "PATCH", path("/tenants/%u", id), "{\"contact\":\"Ông A\"}", "If-Match: \"r1\"", 200, NULL);
	answer = kit_request(&kit, &owner, "PATCH", path("/tenants/%u", id), "{\"province\":null}", "If-Match: \"r2\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r3\"");
	assert_string_equal(kit_text(&answer, "contact"), "Ông A");
	assert_string_equal(kit_text(&answer, "sector"), "health");
	assert_true(json_is_null(json_object_get(answer.json, "province")));
	kit_answer_done(&answer);

	expect(&owner, "DELETE", path("/tenants/%u", ministry), NULL, "If-Match: \"r1\"", 403, NULL); /* the nation's */
	expect(&kit.admin, "DELETE", path("/tenants/%u", ministry), NULL, "If-Match: \"r1\"", 409, NULL); /* in use */
	expect(&owner, "DELETE", path("/tenants/%u", id), NULL, "If-Match: \"r1\"", 412, NULL);
	expect(&owner, "DELETE", path("/tenants/%u", id), NULL, "If-Match: \"r3\"", 204, NULL);
	expect(&owner, "GET", path("/tenants/%u", id), NULL, NULL, 404, NULL);
}

static void test_tenants_refused(void **state)
{
	const char *body = path("{\"name\":\"Đơn vị\",\"parent\":\"%u\"}", other);

	expect(NULL, "GET", "/tenants", NULL, NULL, 401, NULL);
	expect(&viewer, "POST", "/tenants", path("{\"name\":\"x\",\"parent\":\"%u\"}", clinic), NULL, 403, NULL);
	expect(&owner, "POST", "/tenants", body, NULL, 404, NULL); /* below another's */
	expect(&owner, "POST", "/tenants", "{\"name\":\"Bộ mới\",\"parent\":null}", NULL, 404, NULL); /* the nation's */
	expect(&owner, "GET", path("/tenants/%u", other), NULL, NULL, 404, NULL);
	expect(&owner, "GET", "/tenants/4711", NULL, NULL, 404, NULL);
	expect(&kit.admin, "GET", "/tenants/4711", NULL, NULL, 404, NULL);
	expect(&kit.admin, "GET", "/tenants/4294967300", NULL, NULL, 404, NULL);
	expect(&owner, "PATCH", path("/tenants/%u", clinic), path("{\"parent\":\"%u\"}", other), "If-Match: \"r1\"",
		404, NULL); /* gives away what is its own */
	expect(&kit.admin, "PATCH", path("/tenants/%u", ministry), path("{\"parent\":\"%u\"}", clinic),
		"If-Match: \"r1\"", 409, NULL); /* below itself */
	expect(&owner, "POST", "/tenants", path("{\"name\":\"Bệnh viện Đa khoa\",\"parent\":\"%u\"}", ministry), NULL,
		409, "exists");
	expect(&owner, "POST", "/tenants", path("{\"name\":\"y\",\"parent\":\"%u\",\"province\":\"99\"}", ministry),
		NULL, 400, "invalid-request");
	expect(&owner, "POST", "/tenants", path("{\"name\":\"y\",\"parent\":\"0\"}"), NULL, 400, "invalid-request");
	made(&kit.admin, "/tenants", "{\"name\":\"Bộ mới\",\"parent\":null,\"kind\":\"ministry\"}");
}

static void test_tenants_listed(void **state)
{
	struct kit_answer answer;
	char cursor[64];

	assert_int_equal(count_of(&viewer, "/tenants"), 1);
	assert_int_equal(count_of(&owner, "/tenants"), 2);
	assert_true(count_of(&kit.admin, "/tenants") >= 3);
	assert_int_equal(count_of(&owner, path("/tenants?parent=%u", ministry)), 1);
	assert_int_equal(count_of(&stranger, path("/tenants?parent=%u", ministry)), 0);
	assert_int_equal(count_of(&owner, "/tenants?parent=99999999999"), 0);
	assert_int_equal(count_of(&owner, "/tenants?text=%C4%91A%20KHOA"), 1); /* "đA KHOA" */
	assert_int_equal(count_of(&owner, "/tenants?text=nothing"), 0);
	assert_int_equal(count_of(&owner, "/tenants?province=15"), 0);
	answer = kit_request(&kit, &owner, "GET", "/tenants?limit=1", NULL, NULL);
	snprintf(cursor, sizeof(cursor), "%s", kit_text(&answer, "next"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", path("/tenants?limit=1&cursor=%s", cursor), NULL, NULL);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "name")),
		"Bệnh viện Đa khoa");
	assert_true(json_is_null(json_object_get(answer.json, "next")));
	kit_answer_done(&answer);
}

static void test_systems(void **state)
{
	uint32_t id = made(&kit.admin, path("/tenants/%u/systems", clinic),
		"{\"name\":\"Cổng đăng ký\",\"level\":3,\"owner\":\"Phòng CNTT\",\"edge_only\":true}");
	struct kit_answer answer =
		kit_request(&kit, &viewer, "GET", path("/tenants/%u/systems/%u", clinic, id), NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "owner"), "Phòng CNTT");
	assert_true(json_is_true(json_object_get(answer.json, "edge_only")));
	kit_answer_done(&answer);
	expect(&viewer, "PATCH", path("/tenants/%u/systems/%u", clinic, id), "{\"level\":4}", "If-Match: \"r1\"", 403,
		NULL);
	expect(&owner, "PATCH", path("/tenants/%u/systems/%u", ministry, id), "{\"level\":4}", "If-Match: \"r1\"", 404,
		NULL); /* another's path */
	expect(&owner, "PATCH", path("/tenants/%u/systems/%u", clinic, id), "{\"level\":9}", "If-Match: \"r1\"", 400,
		NULL);
	expect(&owner, "PATCH", path("/tenants/%u/systems/%u", clinic, id), "{\"level\":4,\"owner\":null}",
		"If-Match: \"r1\"", 200, NULL);
	expect(&owner, "PATCH", path("/tenants/%u/systems/%u", clinic, id), "{\"level\":5}", "If-Match: \"r1\"", 412,
		NULL);
	answer = kit_request(&kit, &owner, "GET", path("/tenants/%u/systems", clinic), NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "level")),
		4);
	kit_answer_done(&answer);
	expect(&stranger, "GET", path("/tenants/%u/systems", clinic), NULL, NULL, 404, NULL);
	expect(&kit.admin, "GET", "/tenants/4711/systems", NULL, NULL, 404, NULL);
	expect(&owner, "POST", path("/tenants/%u/systems", clinic), "{\"name\":\"Cổng đăng ký\",\"level\":1}", NULL,
		409, "exists");
	expect(&owner, "DELETE", path("/tenants/%u/systems/%u", clinic, id), NULL, "If-Match: \"r2\"", 204, NULL);
	expect(&owner, "GET", path("/tenants/%u/systems/%u", clinic, id), NULL, NULL, 404, NULL);
}

/* Watched at the edge only: set and ended by the nation, whatever else an owner may do. */
static void test_edge_only(void **state)
{
	const char *systems = path("/tenants/%u/systems", clinic), *one;
	const char *closed = "{\"name\":\"Tim mạch\",\"level\":5,\"edge_only\":true}";
	struct kit_answer answer = kit_request(&kit, &owner, "POST", systems, closed, "Accept-Language: vi");

	assert_int_equal(answer.status, 403);
	assert_non_null(strstr(answer.text, "Chỉ quản trị quốc gia"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "POST", systems, closed, "Accept-Language: en");
	assert_int_equal(answer.status, 403);
	assert_non_null(strstr(answer.text, "for the national administrator to set"));
	kit_answer_done(&answer);
	one = path("%s/%u", systems, made(&owner, systems, "{\"name\":\"Tim mạch\",\"level\":5,\"edge_only\":false}"));
	expect(&owner, "PATCH", one, "{\"edge_only\":true}", "If-Match: \"r1\"", 403, NULL);
	expect(&owner, "PATCH", one, "{\"level\":4,\"edge_only\":false}", "If-Match: \"r1\"", 200, NULL);
	expect(&kit.admin, "PATCH", one, "{\"edge_only\":true}", "If-Match: \"r2\"", 200, NULL);
	expect(&owner, "PATCH", one, "{\"edge_only\":false}", "If-Match: \"r3\"", 403, NULL);
	expect(&owner, "PATCH", one, "{\"level\":5,\"edge_only\":true}", "If-Match: \"r3\"", 200, NULL);
	expect(&kit.admin, "PATCH", one, "{\"edge_only\":false}", "If-Match: \"r4\"", 200, NULL);
	expect(&owner, "DELETE", one, NULL, "If-Match: \"r5\"", 204, NULL);
}

static void test_assets(void **state)
{
	uint32_t system = kit_system(&kit, clinic, "Hồ sơ"), theirs = kit_system(&kit, other, "Của họ"), id;
	uint32_t store = kit_system(&kit, clinic, "Lưu trữ");
	const char *assets = path("/tenants/%u/assets", clinic);
	char body[256], one[64];
	struct kit_answer answer;

	snprintf(body, sizeof(body),
		"{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.100.0/24\",\"modes\":{\"gate\":\"shadow\"}}",
		system);
	answer = kit_request(&kit, &owner, "POST", assets, body, NULL); /* policies say it */
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.text, "POST /policies"));
	kit_answer_done(&answer);
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.100.0/24\"}", system);
	id = made(&owner, assets, body);
	snprintf(one, sizeof(one), "/tenants/%u/assets/%u", clinic, id);
	answer = kit_request(&kit, &viewer, "GET", one, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "value"), "198.51.100.0/24");
	assert_string_equal(kit_text(&answer, "tenant_name"), "Bệnh viện Đa khoa");
	assert_true(json_is_null(json_object_get(answer.json, "fail")));
	assert_true(json_is_null(json_object_get(json_object_get(answer.json, "modes"), "gate")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(answer.json, "origins"), "shield")), "edge");
	kit_answer_done(&answer);

	/* What overlaps is refused with the owner's name; so is what is not what it is said to be. */
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.100.7\"}", theirs);
	answer = kit_request(&kit, &stranger, "POST", path("/tenants/%u/assets", other), body, NULL);
	assert_int_equal(answer.status, 409);
	assert_string_equal(kit_problem(&answer), "asset-overlap");
	assert_non_null(strstr(answer.text, "Bệnh viện Đa khoa"));
	kit_answer_done(&answer);
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"name\",\"value\":\"198.51.101.0/24\"}", system);
	expect(&owner, "POST", assets, body, NULL, 400, "invalid-request");
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.101.1/24\"}", system);
	expect(&owner, "POST", assets, body, NULL, 400, "invalid-request");
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.101.0/24\"}", theirs);
	expect(&owner, "POST", assets, body, NULL, 400, "invalid-request"); /* not one of this organisation */

	expect(&viewer, "DELETE", one, NULL, "If-Match: \"r1\"", 403, NULL);
	expect(&stranger, "GET", one, NULL, NULL, 404, NULL);
	expect(&stranger, "GET", path("/tenants/%u/assets/%u", other, id), NULL, NULL, 404, NULL);
	expect(&owner, "PATCH", one, "{\"modes\":{\"shield\":\"enforce\"}}", "If-Match: \"r1\"", 400,
		"invalid-request");
	expect(&owner, "PATCH", one, "{\"fail\":\"closed\"}", "If-Match: \"r1\"", 400, "invalid-request");
	snprintf(body, sizeof(body), "{\"system\":\"%u\"}", store);
	answer = kit_request(&kit, &owner, "PATCH", one, body, "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r2\"");
	kit_answer_done(&answer);
	snprintf(body, sizeof(body), "{\"system\":\"%u\"}", theirs);
	expect(&owner, "PATCH", one, body, "If-Match: \"r2\"", 400, "invalid-request");
	expect(&owner, "DELETE", path("/tenants/%u/systems/%u", clinic, store), NULL, "If-Match: \"r1\"", 409, NULL);
	expect(&owner, "DELETE", one, NULL, "If-Match: \"r2\"", 204, NULL);
}

/* Pages over several systems: each asset once, in whatever pieces. */
static void test_assets_listed(void **state)
{
	uint32_t tenant = kit_tenant(&kit, ministry, "Viện"), seen[16] = { 0 };
	char cursor[64] = "", value[32];
	size_t pages = 0, count = 0;
	uint32_t systems[3];

	for (uint32_t i = 0; i < 3; i++)
		systems[i] = kit_system(&kit, tenant, path("Hệ thống %u", i));
	for (uint32_t i = 0; i < 9; i++) {
		snprintf(value, sizeof(value), "203.0.113.%u", i);
		kit_asset(&kit, systems[i == 8 ? 2 : 0], value); /* none in the one between */
	}
	do {
		struct kit_answer answer = kit_request(&kit, &owner, "GET",
			path("/tenants/%u/assets?limit=2%s%s", tenant, cursor[0] ? "&cursor=" : "", cursor), NULL,
			NULL);
		const json_t *items = json_object_get(answer.json, "items"),
			     *next = json_object_get(answer.json, "next"), *item;
		size_t i;

		assert_int_equal(answer.status, 200);
		json_array_foreach (items, i, item) {
			uint32_t last =
				(uint32_t)atoi(strrchr(json_string_value(json_object_get(item, "value")), '.') + 1);

			assert_true(last < 9);
			seen[last]++;
			count++;
		}
		snprintf(cursor, sizeof(cursor), "%s", json_is_string(next) ? json_string_value(next) : "");
		kit_answer_done(&answer);
	} while (cursor[0] && ++pages < 20);
	assert_int_equal(count, 9);
	assert_int_equal(pages, 4);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(count_of(&owner, path("/tenants/%u/assets?system=%u", tenant, systems[2])), 1);
	assert_int_equal(count_of(&owner, path("/tenants/%u/assets?system=%u", tenant, systems[1])), 0);
	assert_int_equal(count_of(&owner, path("/tenants/%u/assets?system=%u", clinic, systems[0])), 0);

	/* Whose is it? */
	assert_int_equal(count_of(&owner, "/assets?address=203.0.113.4"), 1);
	assert_int_equal(count_of(&owner, "/assets?address=203.0.113.0/30"), 0); /* no asset holds all of it */
	assert_int_equal(count_of(&owner, "/assets?address=203.0.113.99"), 0);
	assert_int_equal(count_of(&stranger, "/assets?address=203.0.113.4"), 0);
	assert_int_equal(count_of(&kit.admin, "/assets?address=203.0.113.4"), 1);
	assert_int_equal(count_of(&kit.admin, "/assets?address=0.0.0.0/0"), 0);
	assert_int_equal(count_of(&owner, "/assets?text=203.0.113."), 9);
	assert_int_equal(count_of(&owner, "/assets?text=113.8&limit=1"), 1);
	expect(&owner, "GET", "/assets?address=nonsense", NULL, NULL, 400, NULL);
}

/* Whoever looks is told. */
static void test_told(void **state)
{
	struct kit_stream *mine = kit_stream_open(&kit, &viewer, "tenants");
	struct kit_stream *theirs = kit_stream_open(&kit, &stranger, "tenants");

	made(&owner, path("/tenants/%u/systems", clinic), "{\"name\":\"Báo tin\",\"level\":1}");
	assert_true(kit_stream_heard(mine, "\"object\":\"system\"", 3000));
	made(&stranger, path("/tenants/%u/systems", other), "{\"name\":\"Báo tin\",\"level\":1}");
	assert_true(kit_stream_heard(theirs, "\"object\":\"system\"", 3000));
	kit_stream_close(mine);
	kit_stream_close(theirs);
}

static void test_fold(void **state)
{
	static const struct {
		const char *text, *wanted;
		bool has;
	} rows[] = { { "Sở Y tế", "sở y", true }, { "SỞ Y TẾ ĐẮK LẮK", "đắk lắk", true }, { "ƯƠNG", "ương", true },
		{ "abc", "", true }, { "", "a", false }, { "abc", "abcd", false }, { "\xff\xc3", "\xc3", true },
		{ "a\xe1\xbb", "\xe1\xbb\xa3", false }, { "Ngân hàng", "NGÂN", true }, { "×", "÷", false } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(fold_has(bytes_from_str(rows[i].text), bytes_from_str(rows[i].wanted)), rows[i].has);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tenants), cmocka_unit_test(test_tenants_refused),
		cmocka_unit_test(test_tenants_listed), cmocka_unit_test(test_systems), cmocka_unit_test(test_edge_only),
		cmocka_unit_test(test_assets), cmocka_unit_test(test_assets_listed), cmocka_unit_test(test_told),
		cmocka_unit_test(test_fold) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
