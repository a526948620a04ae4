// SPDX-License-Identifier: Apache-2.0
/* Findings and the debt they make: what is asked for is found, who may do what about it, and that the sums are those of the facts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/console/test-kit.h"
#include "hub/posture/debt.h"
#include "hub/posture/finding.h"

#define DAY_US INT64_C(86400000000)

static struct kit kit;
static struct kit_session owner, operator_, viewer, stranger;
static uint32_t ministry, clinic, other, web, core_system, theirs;
static int64_t now_us;

static const struct scope nation = { .all = true };

/* A report of one tool, days ago, as the nation's. */
static void report(const char *tool, int days, const struct record *records, size_t count)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us };
	enum finding_reason why = FINDING_NO_REASON;
	const struct finding_call call = {
		.db = kit.db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE, .why = &why
	};
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	assert_int_equal(finding_import_begin(&call, tool, now_us - days * DAY_US, &import), 0);
	for (size_t i = 0; i < count; i++)
		if (finding_import(import, &records[i], &outcome, &id))
			fail_msg("%s", finding_reason_text(why, LUYTRE_LANG_EN));
	assert_int_equal(finding_import_end(import), 0);
}

#define WEAK(host, number, name, grave, ...)                                                                           \
	{                                                                                                              \
		.kind = RECORD_WEAKNESS, .target = { (const uint8_t *)(host), sizeof(host) - 1 }, .protocol = 6,       \
		.port = 443, .rule = { (const uint8_t *)(name), sizeof(name) - 1 },                                    \
		.cve = { (const uint8_t *)(number), sizeof(number) - 1 },                                              \
		.title = { (const uint8_t *)(name), sizeof(name) - 1 }, .severity = (grave), __VA_ARGS__               \
	}

static void make_findings(void)
{
	const struct record old[] = {
		WEAK("10.1.0.5", "CVE-2021-44228", "Log4Shell", 4,
			.cvss = bytes_from_str("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"), .exploited = true,
			.evidence = bytes_from_str("<script>alert(1)</script> jndi")),
		WEAK("10.1.0.6", "CVE-2021-44228", "Log4Shell", 4,
			.cvss = bytes_from_str("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H")),
		WEAK("10.2.0.5", "CVE-2021-44228", "Log4Shell", 4,
			.cvss = bytes_from_str("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H")),
		WEAK("10.3.0.5", "CVE-2021-44228", "Log4Shell", 4,
			.cvss = bytes_from_str("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H")),
	};
	const struct record young[] = { WEAK("10.1.0.5", "", "Thư mục lộ thiên", 1),
		WEAK("10.3.0.5", "", "Thư mục của người khác", 1) };

	report("nuclei", 40, old, ARRAY_COUNT(old));
	report("zap", 1, young, ARRAY_COUNT(young));
}

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	clinic = kit_tenant(&kit, ministry, "Bệnh viện Đa khoa");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	web = kit_system(&kit, ministry, "Cổng dịch vụ");
	core_system = kit_system(&kit, clinic, "Hồ sơ bệnh án");
	theirs = kit_system(&kit, other, "Hệ thống khác");
	kit_asset(&kit, web, "10.1.0.0/16");
	kit_asset(&kit, core_system, "10.2.0.0/16");
	kit_asset(&kit, theirs, "10.3.0.0/16");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	operator_ = kit_user(&kit, "binh", AUTH_ROLE_OPERATOR, ministry);
	viewer = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, clinic);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	make_findings();
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

PRINTF_LIKE(1, 2) static const char *path(const char *format, ...)
{
	static char texts[64][512]; /* the newest stay */
	static unsigned int next;
	char *text = texts[next++ % 64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(texts[0]), format, args);
	va_end(args);
	return text;
}

static size_t count_of(const struct kit_session *who, const char *where)
{
	struct kit_answer answer = kit_request(&kit, who, "GET", where, NULL, NULL);
	size_t count;

	if (answer.status != 200)
		fail_msg("%s: %ld %s", where, answer.status, answer.text);
	count = json_array_size(json_object_get(answer.json, "items"));
	kit_answer_done(&answer);
	return count;
}

/* The first finding of a question. */
static void first_of(const struct kit_session *who, const char *where, char ret[32])
{
	struct kit_answer answer = kit_request(&kit, who, "GET", where, NULL, NULL);
	const json_t *first = json_array_get(json_object_get(answer.json, "items"), 0);

	if (!first)
		fail_msg("%s: %s", where, answer.text);
	snprintf(ret, 32, "%s", json_string_value(json_object_get(first, "id")));
	kit_answer_done(&answer);
}

/* ---- Lists ---- */

static void test_filters(void **state)
{
	const struct {
		const struct kit_session *who;
		const char *query;
		size_t count;
	} rows[] = {
		{ &kit.admin, "", 6 },
		{ &owner, "", 4 },
		{ &viewer, "", 1 },
		{ &stranger, "", 2 },
		{ &owner, path("?tenant=%u", clinic), 1 },
		{ &owner, path("?system=%u", web), 3 },
		{ &owner, path("?system=%u", theirs), 0 },
		{ &owner, "?asset=99999999999", 0 },
		{ &owner, "?live=true", 4 },
		{ &owner, "?live=false", 0 },
		{ &owner, "?state=open", 4 },
		{ &owner, "?state=verified", 0 },
		{ &owner, "?state=false", 0 },
		{ &owner, "?cve=CVE-2021-44228", 3 },
		{ &viewer, "?cve=CVE-2021-44228", 1 },
		{ &owner, "?cve=CVE-1999-0001", 0 },
		{ &owner, "?severity=4", 3 },
		{ &owner, "?severity=1", 4 },
		{ &owner, "?kev=false", 4 },
		{ &owner, "?kev=true", 0 },
		{ &owner, "?exposed=true", 4 },
		{ &owner, "?exposed=false", 0 },
		{ &owner, "?held=false", 4 },
		{ &owner, "?held=true", 0 },
		{ &owner, "?overdue=true", 3 },
		{ &stranger, "?overdue=true", 1 },
		{ &owner, "?due_before=2020-01-01T00:00:00Z", 0 },
		{ &owner, "?due_before=2100-01-01T00:00:00Z&live=true", 4 },
		{ &owner, "?text=LOG4", 3 },
		{ &owner, "?text=thu%20muc", 0 },
		{ &owner, "?text=TH%C6%AF%20m%E1%BB%A5c", 1 },
		{ &owner, "?text=10.1.0.6", 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t count = count_of(rows[i].who, path("/findings%s", rows[i].query));

		if (count != rows[i].count)
			fail_msg("%zu %s: %zu, expected %zu", i, rows[i].query, count, rows[i].count);
	}
	assert_int_equal(kit_status(&kit, &owner, "GET", path("/findings?tenant=%u", other), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/findings?state=closed", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/findings?cve=x", NULL, NULL), 400);
}

/* Page by page it is the same as at once, each finding once, soonest due first. */
static void test_pages(void **state)
{
	char next[128] = "", last_due[64] = "";
	size_t seen = 0;

	do {
		struct kit_answer answer = kit_request(&kit, &kit.admin, "GET",
			next[0] ? path("/findings?limit=1&cursor=%s", next) : "/findings?limit=1", NULL, NULL);
		const json_t *item = json_array_get(json_object_get(answer.json, "items"), 0);
		const char *due = json_string_value(json_object_get(item, "due"));
		const char *more = json_string_value(json_object_get(answer.json, "next"));

		assert_int_equal(answer.status, 200);
		assert_non_null(item);
		if (due && strcmp(due, last_due) < 0)
			fail_msg("%s after %s", due, last_due);
		snprintf(last_due, sizeof(last_due), "%s", due ? due : "z");
		snprintf(next, sizeof(next), "%s", more ? more : "");
		kit_answer_done(&answer);
		seen++;
	} while (next[0] && seen < 20);
	assert_int_equal(seen, 6);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET",
				 "/findings?limit=1&cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, NULL),
		400);
}

/* ---- One ---- */

static void test_one(void **state)
{
	struct kit_answer answer;
	const json_t *explanation, *proof;
	char id[32], their[32];

	first_of(&owner, path("/findings?system=%u&cve=CVE-2021-44228&text=10.1.0.5", web), id);
	first_of(&stranger, "/findings", their);
	answer = kit_request(&kit, &owner, "GET", path("/findings/%s", id), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "open");
	assert_string_equal(kit_text(&answer, "tenant_name"), "Bộ Y tế");
	assert_string_equal(kit_text(&answer, "system_name"), "Cổng dịch vụ");
	assert_string_equal(kit_text(&answer, "asset_value"), "10.1.0.0/16");
	assert_true(json_number_value(json_object_get(answer.json, "score")) > 9.9);
	assert_true(json_is_true(json_object_get(answer.json, "overdue")));
	assert_true(json_is_true(json_object_get(answer.json, "exploited")));
	assert_true(json_is_null(json_object_get(answer.json, "hold")));
	explanation = json_object_get(answer.json, "explanation");
	assert_non_null(strstr(json_string_value(json_object_get(explanation, "vi")), "chưa thấy bị khai thác"));
	assert_non_null(strstr(json_string_value(json_object_get(explanation, "en")), "its use can be automated"));
	assert_true(strlen(answer.etag) > 0);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", path("/findings/%s/proofs", id), NULL, NULL);
	proof = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(proof, "tool")), "nuclei");
	assert_string_equal(json_string_value(json_object_get(proof, "evidence")), "<script>alert(1)</script> jndi");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "GET", path("/findings/%s", their), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "GET", path("/findings/%s/proofs", their), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "GET", path("/findings/%s/history", their), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/findings/9223372036854775807", NULL, NULL), 404);
}

/* What is asked about one finding, by whom, and what is said to it. */
static void test_changes(void **state)
{
	const struct {
		const struct kit_session *who;
		const char *body;
		long status;
		const char *state, *detail; /* null: not looked at */
	} rows[] = {
		{ &viewer, "{\"to\":\"fix-claimed\"}", 403, NULL, NULL },
		{ &stranger, "{\"to\":\"fix-claimed\"}", 404, NULL, NULL },
		{ &operator_, "{\"to\":\"accepted\",\"reason\":\"Chờ nâng cấp\",\"until\":\"2100-01-01T00:00:00Z\"}",
			403, NULL, "This change is up to somebody else." },
		{ &owner, "{\"to\":\"accepted\",\"reason\":\"Chờ nâng cấp\"}", 400, NULL,
			"An end is needed, in the future and within a year." },
		{ &owner, "{\"to\":\"false\"}", 400, NULL, "A reason is needed." },
		{ &owner, "{\"to\":\"verified\",\"reason\":\"Đã kiểm tra\"}", 403, NULL, NULL },
		{ &owner, "{\"to\":\"fix-claimed\",\"reason\":\"Đã vá\"}", 200, "fix-claimed", NULL },
		{ &owner, "{\"to\":\"verified\",\"reason\":\"Đã kiểm tra\"}", 403, NULL,
			"Who said that it is fixed does not verify it." },
		{ &kit.admin, "{\"to\":\"verified\",\"reason\":\"Đã kiểm tra\"}", 200, "verified", NULL },
		{ &operator_, "{\"to\":\"fix-claimed\"}", 409, NULL, NULL },
		{ &owner, "{\"to\":\"open\",\"reason\":\"Vẫn còn\"}", 200, "open", NULL },
		{ &owner, "{\"to\":\"false\",\"reason\":\"Bẫy mồi\"}", 200, "false", NULL },
		{ &owner, "{\"to\":\"open\",\"reason\":\"Nhầm\"}", 200, "open", NULL },
		{ &owner, "{\"to\":\"held\",\"reason\":\"Nhầm\"}", 400, NULL, NULL },
	};
	struct kit_stream *stream;
	char id[32];

	/* The stream's tree is a second old at most, and new with every change of it by the API. */
	assert_int_equal(kit_status(&kit, &owner, "PATCH", path("/tenants/%u", clinic), "{\"contact\":\"1\"}",
				 "If-Match: \"r1\""),
		200);
	stream = kit_stream_open(&kit, &owner, "findings");

	first_of(&owner, path("/findings?text=10.1.0.6"), id);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct kit_answer now = kit_request(&kit, &owner, "GET", path("/findings/%s", id), NULL, NULL), answer;
		const char *match = path("If-Match: %s", now.etag);

		answer = kit_request(&kit, rows[i].who, "POST", path("/findings/%s/state", id), rows[i].body, match);
		if (answer.status != rows[i].status ||
			(rows[i].state && strcmp(kit_text(&answer, "state"), rows[i].state) != 0) ||
			(rows[i].detail && strcmp(kit_text(&answer, "detail"), rows[i].detail) != 0))
			fail_msg("%zu %s: %ld %s", i, rows[i].body, answer.status, answer.text);
		kit_answer_done(&now);
		kit_answer_done(&answer);
	}
	assert_true(kit_stream_heard(stream, path("\"id\":\"%s\"", id), 2000));
	kit_stream_close(stream);
	assert_int_equal(kit_status(&kit, &owner, "POST", path("/findings/%s/state", id), "{\"to\":\"fix-claimed\"}",
				 "If-Match: \"r1\""),
		412);
	assert_int_equal(
		kit_status(&kit, &owner, "POST", path("/findings/%s/state", id), "{\"to\":\"fix-claimed\"}", NULL),
		428);
}

static void test_acceptance_ends(void **state)
{
	struct kit_answer answer;
	char id[32];
	const char *until =
		path("{\"to\":\"accepted\",\"reason\":\"Chờ nâng cấp\",\"until\":\"%s\"}", "2027-06-01T00:00:00Z");

	first_of(&viewer, "/findings", id);
	answer = kit_request(&kit, &owner, "GET", path("/findings/%s", id), NULL, NULL);
	assert_int_equal(kit_status(&kit, &owner, "POST", path("/findings/%s/state", id), until,
				 path("If-Match: %s", answer.etag)),
		200);
	kit_answer_done(&answer);
	/* The end comes: the console's own look reopens it. */
	assert_int_equal(db_run(kit.db, "update finding set expires_us = 1 where id = ?1",
				 DB_ARGS(db_i64(strtoll(id, NULL, 10))), NULL),
		0);
	for (int i = 0; i < 100; i++) {
		struct timespec pause = { .tv_nsec = 100 * 1000000 };
		bool open;

		nanosleep(&pause, NULL);
		answer = kit_request(&kit, &owner, "GET", path("/findings/%s", id), NULL, NULL);
		open = strcmp(kit_text(&answer, "state"), "open") == 0;
		kit_answer_done(&answer);
		if (open)
			return;
	}
	fail_msg("the acceptance has not ended");
}

static void test_date(void **state)
{
	static const char set[] = "{\"date\":\"2026-01-02T00:00:00Z\",\"reason\":\"Công văn 12\"}";
	struct kit_answer answer;
	const char *match;
	char id[32];

	first_of(&owner, "/findings?severity=1&text=%C6%B0", id);
	answer = kit_request(&kit, &owner, "GET", path("/findings/%s", id), NULL, NULL);
	match = path("If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &operator_, "PUT", path("/findings/%s/date", id), set, match), 403);
	assert_int_equal(kit_status(&kit, &stranger, "PUT", path("/findings/%s/date", id), set, match), 404);
	assert_int_equal(kit_status(&kit, &owner, "PUT", path("/findings/%s/date", id), set, "If-Match: \"r99\""), 412);
	answer = kit_request(&kit, &owner, "PUT", path("/findings/%s/date", id), set, match);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "set_date"), "2026-01-02T00:00:00.000000Z");
	assert_string_equal(kit_text(&answer, "due"), "2026-01-02T00:00:00.000000Z");
	match = path("If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	answer = kit_request(
		&kit, &owner, "PUT", path("/findings/%s/date", id), "{\"date\":null,\"reason\":\"Thu hồi\"}", match);
	assert_int_equal(answer.status, 200);
	assert_true(json_is_null(json_object_get(answer.json, "set_date")));
	kit_answer_done(&answer);
}

static void test_history(void **state)
{
	struct kit_answer answer;
	const json_t *items;
	char id[32];

	first_of(&owner, path("/findings?text=10.1.0.6"), id);
	answer = kit_request(&kit, &owner, "GET", path("/findings/%s/history", id), NULL, NULL);
	items = json_object_get(answer.json, "items");
	assert_true(json_array_size(items) >= 5);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(items, json_array_size(items) - 1), "action")),
		"finding.create");
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "actor")), "hoa");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json_array_get(items, 0), "detail"), "reason")),
		"Nhầm");
	kit_answer_done(&answer);
	assert_int_equal(count_of(&owner, path("/findings/%s/history?limit=2", id)), 2);
}

/* ---- Sums ---- */

struct expected {
	struct debt_sum sums[16];
	size_t count;
};

static int keep_sum(void *context, const struct debt_sum *sum)
{
	struct expected *expected = context;

	expected->sums[expected->count++] = *sum;
	return 0;
}

static int64_t number_in(const json_t *object, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(object, key));
}

/* What stands in memory adds up to what the database says, in each group. */
static void test_sums(void **state)
{
	for (int group = 0; group < DEBT_GROUP_COUNT; group++) {
		struct kit_answer answer = kit_request(
			&kit, &kit.admin, "GET", path("/posture?by=%s", debt_group_words[group]), NULL, NULL);
		const json_t *groups = json_object_get(answer.json, "groups"), *one;
		const struct finding_call call = { .db = kit.db, .scope = &nation };
		struct expected expected = { .count = 0 };
		int64_t open = 0, interest = 0, met = 0;
		size_t i;

		assert_int_equal(answer.status, 200);
		assert_int_equal(debt_each(&call, (enum debt_group)group, (int64_t)(clock_real_ns() / NS_PER_US),
					 keep_sum, &expected),
			0);
		assert_int_equal(json_array_size(groups), expected.count);
		json_array_foreach (groups, i, one) {
			open += number_in(one, "open");
			interest += number_in(one, "interest");
			met += number_in(one, "met");
		}
		for (i = 0; i < expected.count; i++) {
			open -= expected.sums[i].open;
			interest -= expected.sums[i].interest;
			met -= expected.sums[i].met;
		}
		assert_int_equal(open, 0);
		assert_int_equal(interest, 0);
		assert_int_equal(met, 0);
		assert_int_equal(number_in(answer.json, "open"), 6);
		kit_answer_done(&answer);
	}
}

static void test_board(void **state)
{
	struct kit_answer answer = kit_request(&kit, &viewer, "GET", "/posture?by=tenant", NULL, NULL);
	const json_t *group = json_array_get(json_object_get(answer.json, "groups"), 0);
	const json_t *ages = json_object_get(answer.json, "ages"), *one;
	int64_t open = 0;
	size_t i;

	assert_int_equal(answer.status, 200);
	assert_int_equal(number_in(answer.json, "open"), 1);
	assert_int_equal(number_in(answer.json, "group_count"), 1);
	assert_string_equal(json_string_value(json_object_get(group, "name")), "Bệnh viện Đa khoa");
	json_array_foreach (ages, i, one)
		open += number_in(one, "open");
	assert_int_equal(open, 1);
	assert_true(json_real_value(json_object_get(answer.json, "held_share")) == 0);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path("/posture?tenant=%u", ministry), NULL, NULL), 404);
}

static void test_fixes(void **state)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/posture/fixes?order=systems", NULL, NULL);
	const json_t *first = json_array_get(json_object_get(answer.json, "items"), 0);

	assert_int_equal(answer.status, 200);
	assert_int_equal(number_in(answer.json, "total"), 3);
	assert_string_equal(json_string_value(json_object_get(first, "cve")), "CVE-2021-44228");
	assert_int_equal(number_in(first, "findings"), 4);
	assert_int_equal(number_in(first, "systems"), 3);
	assert_int_equal(number_in(first, "tenants"), 3);
	assert_true(number_in(first, "interest") > 0);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &viewer, "GET", "/posture/fixes", NULL, NULL);
	assert_int_equal(number_in(answer.json, "total"), 1);
	kit_answer_done(&answer);
}

/* Written at the start and each hour; a scope sees the sum of its own. */
static void test_days(void **state)
{
	struct kit_answer answer;
	const json_t *last;

	assert_int_equal(
		db_run(kit.db,
			"insert into posture_day (tenant, day, written_us, open, held, open_weight, held_weight, met, "
			"due,"
			" overdue, contradicted, excused, principal, age_days, interest)"
			" values (?1, ?2, 1, 9, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), (?3, ?2, 1, 1, 0, 0, 0, 0, 0, 0, 0, "
			"0, 0, 0, 0),"
			" (?4, ?2, 1, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
			DB_ARGS(db_i64(clinic), db_i64(now_us / DAY_US - 3), db_i64(ministry), db_i64(other)), NULL),
		0);
	answer = kit_request(&kit, &owner, "GET", "/posture/history?days=30", NULL, NULL);
	assert_int_equal(answer.status, 200);
	last = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_int_equal(number_in(last, "open"), 10);
	assert_true(json_number_value(json_object_get(last, "held_share")) > 0.29);
	kit_answer_done(&answer);
	/* Today's row is written by the console's first look. */
	for (int i = 0; i < 100 && count_of(&owner, "/posture/history?days=2") == 0; i++) {
		const struct timespec pause = { .tv_nsec = 100 * 1000000 };

		nanosleep(&pause, NULL);
	}
	assert_int_equal(count_of(&owner, "/posture/history?days=2"), 1);
}

static void test_export(void **state)
{
	struct kit_answer answer = kit_request(&kit, &owner, "GET", "/posture/facts", NULL, NULL);
	size_t lines = 0;

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.type, "application/jsonl");
	assert_true(strncmp(answer.text, "{\"now_us\":", 10) == 0);
	for (const char *line = answer.text; (line = strchr(line, '\n')); line++)
		lines++;
	assert_int_equal(lines, 5);
	assert_null(strstr(answer.text, path("\"tenant\":%u,", other)));
	kit_answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_board),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_fixes),
		cmocka_unit_test(test_acceptance_ends),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
