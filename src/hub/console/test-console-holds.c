// SPDX-License-Identifier: Apache-2.0
/* Holds at the console: what is asked for is found, who may suspend them, and nobody sees another organisation's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/batch.h"
#include "hub/console/test-kit.h"
#include "hub/core/holds.h"
#include "hub/edges/csrtest.h"
#include "hub/posture/finding.h"

enum { WAIT_MS = 5000, PATH_SIZE = 160 };

static struct kit kit;
static struct kit_session owner, operator_, viewer, stranger;
static uint32_t ministry, other, asset;
static char ours[24], theirs[24]; /* ids of holds */

static const struct scope nation = { .all = true };

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static void report(const char *target, const char *cve)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct finding_call call = {
		.db = kit.db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(target),
		.protocol = 6,
		.port = 443,
		.cve = bytes_from_str(cve),
		.rule = bytes_from_str("check"),
		.severity = 4 };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	assert_int_equal(finding_import_begin(&call, "nuclei", 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	core_findings_changed(kit.core);
}

static size_t items_of(const struct kit_session *who, const char *path, const char *key, char *ret, size_t ret_size)
{
	struct kit_answer answer = kit_request(&kit, who, "GET", path, NULL, NULL);
	const json_t *items = json_object_get(answer.json, "items");
	size_t count = json_array_size(items);

	if (answer.status != 200)
		fail_msg("%s: %ld %s", path, answer.status, answer.text);
	if (count && ret)
		snprintf(ret, ret_size, "%s", json_string_value(json_object_get(json_array_get(items, 0), key)));
	kit_answer_done(&answer);
	return count;
}

/* The first id of a question that has 'count' answers, sooner or later. */
static void wait_items(const struct kit_session *who, const char *path, size_t count, char *ret, size_t ret_size)
{
	for (int i = 0; i < WAIT_MS / 20; i++) {
		if (items_of(who, path, "id", ret, ret_size) == count)
			return;
		usleep(20000);
	}
	fail_msg("%s: not %zu", path, count);
}

static int setup(void **state)
{
	kit_holds = RULES;
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	asset = kit_asset(&kit, kit_system(&kit, ministry, "Cổng dịch vụ"), "10.1.0.0/16");
	kit_asset(&kit, kit_system(&kit, other, "Hệ thống khác"), "10.3.0.0/16");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	operator_ = kit_user(&kit, "binh", AUTH_ROLE_OPERATOR, ministry);
	viewer = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, ministry);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	report("10.1.0.5", "CVE-2021-44228");
	report("10.1.0.6", "CVE-2021-45046");
	report("10.3.0.5", "CVE-2021-44228");
	wait_items(&owner, "/holds?cve=CVE-2021-45046", 1, ours, sizeof(ours));
	wait_items(&stranger, "/holds", 1, theirs, sizeof(theirs));
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static const char *path_of(char path[PATH_SIZE], const char *id, const char *verb)
{
	snprintf(path, PATH_SIZE, "/holds/%s%s", id, verb);
	return path;
}

static const char *until_of(char body[PATH_SIZE], int days)
{
	time_t time_s = time(NULL) + days * (time_t)86400;
	struct tm parts;
	char text[32];

	gmtime_r(&time_s, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(body, PATH_SIZE, "{\"reason\":\"Chặn nhầm biểu mẫu\",\"until\":\"%s\"}", text);
	return body;
}

/* ---- Looking ---- */

static void test_list(void **state)
{
	char by_asset[64], by_tenant[64];
	const struct {
		const char *path;
		size_t ours, all;
	} rows[] = {
		{ "/holds", 1, 2 },
		{ "/holds?state=shadow", 1, 2 },
		{ "/holds?state=enforced", 0, 0 },
		{ "/holds?rule=8100010", 1, 2 },
		{ "/holds?rule=8100020", 0, 0 },
		{ "/holds?cve=CVE-2021-44228", 1, 2 },
		{ "/holds?cve=CVE-2021-45046", 1, 1 },
		{ "/holds?cve=CVE-1999-0001", 0, 0 },
		{ by_asset, 1, 1 },
		{ by_tenant, 0, 1 },
	};

	snprintf(by_asset, sizeof(by_asset), "/holds?asset=%u", asset);
	snprintf(by_tenant, sizeof(by_tenant), "/holds?tenant=%u", other);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(items_of(&kit.admin, rows[i].path, "id", NULL, 0), rows[i].all);
		if (rows[i].path != by_tenant)
			assert_int_equal(items_of(&viewer, rows[i].path, "id", NULL, 0), rows[i].ours);
	}
	assert_int_equal(kit_status(&kit, &viewer, "GET", by_tenant, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/holds?state=gone", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/holds", NULL, NULL), 401);
}

static void test_pages(void **state)
{
	struct kit_answer first = kit_request(&kit, &kit.admin, "GET", "/holds?limit=1", NULL, NULL), second;
	char path[512], id[24];

	assert_int_equal(json_array_size(json_object_get(first.json, "items")), 1);
	snprintf(id, sizeof(id), "%s",
		json_string_value(json_object_get(json_array_get(json_object_get(first.json, "items"), 0), "id")));
	snprintf(path, sizeof(path), "/holds?limit=1&cursor=%s", kit_text(&first, "next"));
	second = kit_request(&kit, &kit.admin, "GET", path, NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(second.json, "items")), 1);
	assert_string_not_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(second.json, "items"), 0), "id")), id);
	assert_true(json_is_null(json_object_get(second.json, "next")));
	kit_answer_done(&first);
	kit_answer_done(&second);
}

static void test_one(void **state)
{
	char path[PATH_SIZE];
	struct kit_answer answer = kit_request(&kit, &viewer, "GET", path_of(path, ours, ""), NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "rule"), "8100010");
	assert_string_equal(kit_text(&answer, "product"), "log4j");
	assert_string_equal(kit_text(&answer, "asset_value"), "10.1.0.0/16");
	assert_string_equal(kit_text(&answer, "tenant_name"), "Bộ Y tế");
	assert_string_equal(kit_text(&answer, "state"), "shadow");
	assert_string_equal(kit_text(&answer, "proof"), "none");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "findings")), 2);
	assert_int_equal(json_array_size(json_object_get(answer.json, "shared_by")), 2);
	assert_int_equal(json_array_size(json_object_get(answer.json, "cves")), 2);
	assert_int_equal(json_array_size(json_object_get(answer.json, "edges")), 0);
	assert_true(answer.etag[0]);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path_of(path, theirs, ""), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &stranger, "GET", path_of(path, ours, ""), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/holds/9223372036854775807", NULL, NULL), 404);
}

static uint32_t make_edge(void)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct edges_invitation invitation = { .name = "Hà Nội 1", .bound = { .all = true } };
	char token[EDGES_TOKEN_SIZE], *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	uint32_t id;

	core_lock(kit.core);
	assert_int_equal(edges_token(core_edges(kit.core), &origin, &invitation, token, &id), 0);
	assert_int_equal(edges_enrol(core_edges(kit.core), &origin, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	core_unlock(kit.core);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

/* As a web server says it in a batch of its edge. */
static void say(uint32_t edge, const char *hold, const char *twin)
{
	static uint64_t sequence;
	const struct batch_head head = {
		.edge = edge, .boot = "0123456789abcdef0123456789abcdef", .seq = ++sequence, .made_us = now_us()
	};
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;
	char line[512];

	snprintf(line, sizeof(line),
		"{\"timestamp\":\"2026-11-22T08:00:00Z\",\"event_type\":\"holds\",\"stamp\":%lld,\"gate\":\"9f3c\","
		"\"worker\":0,\"workers\":1,\"holds\":[{\"hold\":%s,\"rule\":8100010,\"mode\":\"shadow\","
		"\"known\":true,\"attack\":\"stopped\",\"twin\":\"%s\"}]}",
		(long long)now_us(), hold, twin);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(kit.core, edge, packed, now_us(), &ack), 0);
	batch_writer_free(writer);
}

/* What an edge said of it is there, with what it is told to do. */
static void test_proof(void **state)
{
	uint32_t edge = make_edge();
	const json_t *row = NULL;
	char path[PATH_SIZE];
	struct kit_answer answer = { 0 };

	/* The hub may have to learn first that the edge serves them. */
	for (int i = 0; i < WAIT_MS / 100 && !row; i++) {
		say(edge, ours, "stopped");
		usleep(100000);
		if (answer.text)
			kit_answer_done(&answer);
		answer = kit_request(&kit, &viewer, "GET", path_of(path, ours, ""), NULL, NULL);
		row = json_array_get(json_object_get(answer.json, "edges"), 0);
	}
	assert_non_null(row);
	assert_int_equal(strtoul(json_string_value(json_object_get(row, "edge")), NULL, 10), edge);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "Hà Nội 1");
	assert_string_equal(json_string_value(json_object_get(row, "mode")), "shadow");
	assert_string_equal(json_string_value(json_object_get(row, "proof")), "twin-stopped");
	assert_string_equal(json_string_value(json_object_get(row, "proof_text")), "the benign twin was stopped");
	assert_true(json_is_null(json_object_get(row, "standing")));
	assert_string_equal(kit_text(&answer, "proof"), "twin-stopped");
	assert_string_equal(kit_text(&answer, "state"), "shadow");
	kit_answer_done(&answer);
}

static void test_rules(void **state)
{
	static const struct {
		const char *path;
		size_t count;
		const char *first;
	} rows[] = {
		{ "/hold-rules?cve=CVE-2021-45046", 1, "8100010" },
		{ "/hold-rules?cve=CVE-1999-0001", 0, NULL },
		{ "/hold-rules?product=log4j", 1, "8100010" },
		{ "/hold-rules?kind=sensor", 0, NULL },
		{ "/hold-rules?limit=3", 3, "8100010" },
	};
	char path[512] = "/hold-rules?limit=100", rule[24];
	struct kit_answer answer;
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(items_of(&viewer, rows[i].path, "rule", rule, sizeof(rule)), rows[i].count);
		if (rows[i].count)
			assert_string_equal(rule, rows[i].first);
	}
	while (path[0]) {
		const char *next;

		answer = kit_request(&kit, &viewer, "GET", path, NULL, NULL);
		count += json_array_size(json_object_get(answer.json, "items"));
		next = json_string_value(json_object_get(answer.json, "next"));
		snprintf(path, sizeof(path), next ? "/hold-rules?limit=100&cursor=%s" : "%.0s", next ? next : "");
		kit_answer_done(&answer);
	}
	assert_int_equal(count, 184);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/hold-rules?kind=x", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/hold-rules", NULL, NULL), 401);
}

/* ---- Suspending ---- */

static void test_suspend(void **state)
{
	char path[PATH_SIZE], body[PATH_SIZE], match[KIT_HEADER_SIZE + 16], id[24];
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path_of(path, ours, ""), NULL, NULL);

	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	path_of(path, ours, "/suspend");
	until_of(body, 1);
	/* Not allowed, not theirs, not as described, not the revision, not an end. */
	assert_int_equal(kit_status(&kit, &viewer, "POST", path, body, match), 403);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, body, match), 403);
	assert_int_equal(kit_status(&kit, &stranger, "POST", path, body, match), 404);
	assert_int_equal(kit_status(&kit, &owner, "POST", path, "{\"reason\":\"không có hạn\"}", match), 400);
	assert_int_equal(kit_status(&kit, &owner, "POST", path, body, "If-Match: \"r999\""), 412);
	assert_int_equal(kit_status(&kit, &owner, "POST", path, until_of(body, -1), match), 400);
	assert_int_equal(kit_status(&kit, &owner, "POST", path, until_of(body, 400), match), 400);
	assert_int_equal(kit_status(&kit, &owner, "POST", path_of(path, ours, "/resume"),
				 "{\"reason\":\"chưa tạm dừng\"}", match),
		409);

	path_of(path, ours, "/suspend");
	answer = kit_request(&kit, &owner, "POST", path, until_of(body, 1), match);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "suspended");
	assert_string_equal(kit_text(&answer, "suspended_by"), "hoa");
	assert_string_equal(kit_text(&answer, "reason"), "Chặn nhầm biểu mẫu");
	assert_true(json_is_string(json_object_get(answer.json, "suspended_until")));
	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	wait_items(&owner, "/holds?state=suspended", 1, id, sizeof(id));

	path_of(path, ours, "/resume");
	assert_int_equal(kit_status(&kit, &viewer, "POST", path, "{\"reason\":\"đã sửa\"}", match), 403);
	assert_int_equal(kit_status(&kit, &stranger, "POST", path, "{\"reason\":\"đã sửa\"}", match), 404);
	answer = kit_request(&kit, &owner, "POST", path, "{\"reason\":\"đã sửa\"}", match);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "shadow");
	assert_true(json_is_null(json_object_get(answer.json, "suspended_until")));
	kit_answer_done(&answer);
}

/* Consoles that are open hear of it, those of others do not. */
static void test_told(void **state)
{
	struct kit_stream *mine = kit_stream_open(&kit, &viewer, "findings"),
			  *foreign = kit_stream_open(&kit, &stranger, "findings");
	char path[PATH_SIZE], body[PATH_SIZE], match[KIT_HEADER_SIZE + 16], text[64];
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path_of(path, ours, ""), NULL, NULL);

	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	assert_int_equal(
		kit_status(&kit, &owner, "POST", path_of(path, ours, "/suspend"), until_of(body, 1), match), 200);
	snprintf(text, sizeof(text), "\"hold\":\"%s\"", ours);
	assert_true(kit_stream_heard(mine, text, WAIT_MS));
	assert_false(kit_stream_heard(foreign, text, 200));
	kit_stream_close(mine);
	kit_stream_close(foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_list), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_one), cmocka_unit_test(test_proof), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_suspend), cmocka_unit_test(test_told) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
