// SPDX-License-Identifier: Apache-2.0
/* The policy through the API: proposed by one, approved by another, seen by who may, told to edges, and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/console/test-kit.h"
#include "hub/edges/csrtest.h"

enum { BODY_SIZE = 1024 };

static struct kit kit;
static uint32_t ours, theirs, web, prefix, name, their_asset, edge;
static struct kit_session an, binh, foreign, viewer;

static struct audit_origin origin(void)
{
	return (struct audit_origin){ .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
}

static uint32_t make_edge(void)
{
	const struct edges_invitation invitation = { .name = "Biên Lào Cai", .bound = { .all = true } };
	const struct audit_origin who = origin();
	char token[EDGES_TOKEN_SIZE], *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	uint32_t id;

	core_lock(kit.core);
	assert_int_equal(edges_token(core_edges(kit.core), &who, &invitation, token, &id), 0);
	assert_int_equal(edges_enrol(core_edges(kit.core), &who, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	core_unlock(kit.core);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ours = kit_tenant(&kit, 0, "Sở Y tế");
	theirs = kit_tenant(&kit, 0, "Sở Công Thương");
	web = kit_system(&kit, ours, "Cổng dịch vụ công");
	prefix = kit_asset(&kit, web, "203.0.113.0/28");
	name = kit_asset(&kit, web, "dichvucong.example.vn");
	their_asset = kit_asset(&kit, kit_system(&kit, theirs, "web"), "198.51.100.0/24");
	an = kit_user(&kit, "an", AUTH_ROLE_OWNER, ours);
	binh = kit_user(&kit, "binh", AUTH_ROLE_OWNER, ours);
	foreign = kit_user(&kit, "khoa", AUTH_ROLE_OWNER, theirs);
	viewer = kit_user(&kit, "tuan", AUTH_ROLE_VIEWER, ours);
	edge = make_edge();
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* ---- Helpers ---- */

static uint32_t standing(void)
{
	uint32_t id = 0;

	assert_int_equal(policy_standing(kit.db, &id), 0);
	return id;
}

static struct kit_answer propose(const struct kit_session *who, uint32_t base, const char *changes)
{
	char body[BODY_SIZE];

	snprintf(body, sizeof(body), "{\"base\":\"%u\",\"reason\":\"Hai tuần chạy thử.\",\"changes\":[%s]}", base,
		changes);
	return kit_request(&kit, who, "POST", "/policies", body, NULL);
}

/* "{"tenant":"17",...}" with the rest of the object. */
static const char *change(uint32_t tenant, const char *rest)
{
	static char text[BODY_SIZE / 2];

	snprintf(text, sizeof(text), "{\"tenant\":\"%u\",%s}", tenant, rest);
	return text;
}

static const char *path_of(const char *format, const char *id)
{
	static char path[128];
	const char *mark = strchr(format, '#');

	snprintf(path, sizeof(path), "%.*s%s%s", (int)(mark - format), format, id, mark + 1);
	return path;
}

#define REASON "{\"reason\":\"Đã xem và đồng ý.\"}"

/* Proposed by An; '*ret' is its id. */
static void proposed(const char *changes, char ret[16])
{
	struct kit_answer answer = propose(&an, standing(), changes);

	if (answer.status != 201)
		fail_msg("%ld %s", answer.status, answer.text);
	snprintf(ret, 16, "%s", kit_text(&answer, "id"));
	assert_non_null(strstr(answer.location, ret));
	assert_string_equal(answer.etag, "\"r1\"");
	kit_answer_done(&answer);
}

static void stands(const char *changes, char ret[16])
{
	struct kit_answer answer;

	proposed(changes, ret);
	answer = kit_request(&kit, &binh, "POST", path_of("/policies/#/approve", ret), REASON, "If-Match: \"r1\"");
	if (answer.status != 200)
		fail_msg("%ld %s", answer.status, answer.text);
	kit_answer_done(&answer);
}

static bool has_text(const struct kit_answer *answer, const char *text)
{
	return strstr(answer->text, text) != NULL;
}

/* ---- The tests ---- */

static void test_life(void **state)
{
	struct kit_stream *stream = kit_stream_open(&kit, &kit.admin, "policies");
	struct kit_answer answer;
	char id[16], text[64];

	proposed(change(ours, "\"modes\":{\"shield\":\"enforce\"}"), id);
	snprintf(text, sizeof(text), "{\"policy\":\"%s\",\"state\":\"proposed\"}", id);
	assert_true(kit_stream_heard(stream, text, 5000));
	answer = kit_request(&kit, &an, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r1\"");
	assert_int_equal(answer.status, 403);
	assert_true(has_text(&answer, "Another person"));
	kit_answer_done(&answer);
	assert_int_equal(
		kit_status(&kit, &binh, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r9\""), 412);
	assert_int_equal(kit_status(&kit, &binh, "POST", path_of("/policies/#/approve", id), REASON, NULL), 428);
	assert_int_equal(
		kit_status(&kit, &viewer, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r1\""), 403);
	assert_int_equal(
		kit_status(&kit, &foreign, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r1\""),
		404);
	answer = kit_request(&kit, &binh, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "standing");
	assert_string_equal(kit_text(&answer, "author"), "an");
	assert_string_equal(kit_text(&answer, "approver"), "binh");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "edges")), 1);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "edges_standing")), 0);
	kit_answer_done(&answer);
	snprintf(text, sizeof(text), "{\"policy\":\"%s\",\"state\":\"standing\"}", id);
	assert_true(kit_stream_heard(stream, text, 5000));
	assert_int_equal(
		kit_status(&kit, &binh, "POST", path_of("/policies/#/approve", id), REASON, "If-Match: \"r2\""), 409);
	kit_stream_close(stream);
}

static void test_refused(void **state)
{
	char asset[64], other[64], sensor[64];
	const struct {
		const char *rest, *said;
	} cases[] = {
		{ "\"modes\":{\"shield\":\"off\"}", "shadow counts" },
		{ sensor, "names and URLs" },
		{ "\"modes\":{\"shield\":\"enforce\"},\"rules_off\":[\"7\"]", "single rules" },
		{ "\"modes\":{}", "sets nothing" },
		{ "\"system\":\"99\",\"modes\":{\"shield\":\"enforce\"}", "no such system" },
		{ asset, "names and URLs" },
		{ other, "no such asset" },
		{ "\"asset\":\"1\",\"system\":\"1\",\"modes\":{\"shield\":\"enforce\"}", "contradicts" },
		{ "\"limits\":{\"source_pps\":-1}", "between" },
		{ "\"limits\":{\"no_such\":1}", "not known" },
	};
	struct kit_answer answer;

	snprintf(asset, sizeof(asset), "\"asset\":\"%u\",\"modes\":{\"shield\":\"enforce\"}", name);
	snprintf(other, sizeof(other), "\"asset\":\"%u\",\"modes\":{\"shield\":\"enforce\"}", their_asset);
	snprintf(sensor, sizeof(sensor), "\"asset\":\"%u\",\"modes\":{\"sensor\":\"off\"}", name);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		answer = propose(&an, standing(), change(ours, cases[i].rest));
		if (answer.status != 400 || !has_text(&answer, cases[i].said))
			fail_msg("%s: %ld %s", cases[i].rest, answer.status, answer.text);
		kit_answer_done(&answer);
	}
	answer = propose(&an, standing(), change(theirs, "\"modes\":{\"shield\":\"enforce\"}"));
	assert_int_equal(answer.status, 400);
	assert_true(has_text(&answer, "/changes/0: There is no such tenant."));
	kit_answer_done(&answer);
	answer = propose(&viewer, standing(), change(ours, "\"modes\":{\"shield\":\"enforce\"}"));
	assert_int_equal(answer.status, 403);
	kit_answer_done(&answer);
	answer = propose(&an, standing() + 7, change(ours, "\"modes\":{\"shield\":\"shadow\"}"));
	assert_int_equal(answer.status, 409);
	kit_answer_done(&answer);
}

/* "MODE by ORIGIN" of an asset, as whoever reads organisations sees it. */
static void check_mode(uint32_t asset, const char *part, const char *expected)
{
	char path[64], found[64];
	struct kit_answer answer;
	const char *mode;

	snprintf(path, sizeof(path), "/tenants/%u/assets/%u", ours, asset);
	answer = kit_request(&kit, &viewer, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	mode = json_string_value(json_object_get(json_object_get(answer.json, "modes"), part));
	snprintf(found, sizeof(found), "%s by %s", mode ? mode : "-",
		json_string_value(json_object_get(json_object_get(answer.json, "origins"), part)));
	assert_string_equal(found, expected);
	kit_answer_done(&answer);
}

static void set_edge_only(bool edge_only, const char *revision)
{
	char path[64];

	snprintf(path, sizeof(path), "/tenants/%u/systems/%u", ours, web);
	assert_int_equal(kit_status(&kit, &kit.admin, "PATCH", path,
				 edge_only ? "{\"edge_only\":true}" : "{\"edge_only\":false}", revision),
		200);
}

/* Modes of all parts: asset before system before tenant, the gate's for names too, and what is edge-only before all. */
static void test_modes(void **state)
{
	struct kit_answer answer;
	char id[16], text[128];

	stands(change(ours, "\"reset\":true,\"modes\":{\"sensor\":\"enforce\",\"gate\":\"shadow\"}"), id);
	check_mode(prefix, "sensor", "enforce by tenant");
	check_mode(prefix, "gate", "shadow by tenant");
	check_mode(prefix, "shield", "- by edge");
	check_mode(name, "gate", "shadow by tenant");
	check_mode(name, "sensor", "- by none");
	snprintf(text, sizeof(text), "\"asset\":\"%u\",\"modes\":{\"gate\":\"enforce\"}", name);
	stands(change(ours, text), id);
	check_mode(name, "gate", "enforce by asset");
	answer = kit_request(&kit, &viewer, "GET", path_of("/policies/#/diff", id), NULL, NULL);
	snprintf(text, sizeof(text), "\"pointer\":\"/assets/%u/gate\"", name);
	assert_true(has_text(&answer, text) && has_text(&answer, "\"after\":\"enforce\""));
	kit_answer_done(&answer);
	set_edge_only(true, "If-Match: \"r1\"");
	check_mode(name, "gate", "off by edge-only");
	check_mode(prefix, "sensor", "enforce by tenant");
	snprintf(text, sizeof(text), "\"system\":\"%u\",\"modes\":{\"gate\":\"shadow\"}", web);
	answer = propose(&an, standing(), change(ours, text));
	assert_int_equal(answer.status, 400);
	assert_true(has_text(&answer, "/changes/0") && has_text(&answer, "only be watched at the edge"));
	kit_answer_done(&answer);
	snprintf(text, sizeof(text), "\"system\":\"%u\",\"modes\":{\"gate\":\"off\",\"sensor\":\"shadow\"}", web);
	stands(change(ours, text), id);
	check_mode(prefix, "sensor", "shadow by system");
	set_edge_only(false, "If-Match: \"r2\"");
	check_mode(prefix, "gate", "off by system");
	check_mode(name, "gate", "enforce by asset");
}

static void test_seen(void **state)
{
	struct kit_answer answer;
	char id[16], first[16];
	json_t *item;

	stands(change(ours, "\"fail\":\"closed\""), first);
	proposed(change(ours, "\"limits\":{\"udp_pps\":1000}"), id);
	answer = kit_request(&kit, &viewer, "GET", path_of("/policies/#", id), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "base"), first);
	item = json_array_get(json_object_get(answer.json, "changes"), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(item, "limits"), "udp_pps")), 1000);
	kit_answer_done(&answer);
	assert_int_equal(
		kit_status(&kit, &viewer, "GET", path_of("/policies/#", id), NULL, "If-None-Match: \"r1\""), 304);
	assert_int_equal(kit_status(&kit, &foreign, "GET", path_of("/policies/#", id), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &foreign, "GET", path_of("/policies/#/diff", id), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &foreign, "GET", path_of("/policies/#/rollout", id), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/policies", NULL, NULL), 401);
	answer = kit_request(&kit, &viewer, "GET", "/policies?state=proposed&limit=1", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	assert_true(has_text(&answer, "udp_pps"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &foreign, "GET", "/policies", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_false(has_text(&answer, "udp_pps"));
	kit_answer_done(&answer);
}

static void test_pages(void **state)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/policies?limit=2", NULL, NULL);
	char path[512];
	uint64_t last;

	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 2);
	last = strtoull(
		json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "items"), 1), "id")),
		NULL, 10);
	snprintf(path, sizeof(path), "/policies?limit=2&cursor=%s", kit_text(&answer, "next"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(strtoull(json_string_value(
				     json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "id")),
			    NULL, 10) < last);
	kit_answer_done(&answer);
}

static void test_diff(void **state)
{
	struct kit_answer answer;
	char text[128], one[16], two[16], query[64];
	json_t *item;

	snprintf(text, sizeof(text), "\"asset\":\"%u\",\"reset\":true,\"modes\":{\"shield\":\"shadow\"}", prefix);
	stands(change(ours, text), one);
	snprintf(text, sizeof(text), "\"asset\":\"%u\",\"modes\":{\"shield\":\"enforce\"},\"limits\":{\"udp_pps\":5}",
		prefix);
	proposed(change(ours, text), two);
	answer = kit_request(&kit, &viewer, "GET", path_of("/policies/#/diff", two), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "from"), one);
	assert_int_equal(json_array_size(json_object_get(answer.json, "changes")), 2);
	item = json_array_get(json_object_get(answer.json, "changes"), 0);
	snprintf(text, sizeof(text), "/assets/%u/shield", prefix);
	assert_string_equal(json_string_value(json_object_get(item, "pointer")), text);
	assert_string_equal(json_string_value(json_object_get(item, "label")), "Sở Y tế, 203.0.113.0/28");
	assert_string_equal(json_string_value(json_object_get(item, "before")), "shadow");
	assert_string_equal(json_string_value(json_object_get(item, "after")), "enforce");
	item = json_array_get(json_object_get(answer.json, "changes"), 1);
	assert_true(json_is_null(json_object_get(item, "before")));
	assert_int_equal(json_integer_value(json_object_get(item, "after")), 5);
	kit_answer_done(&answer);
	snprintf(query, sizeof(query), "/policies/%s/diff?against=%s", two, two);
	answer = kit_request(&kit, &viewer, "GET", query, NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "changes")), 0);
	kit_answer_done(&answer);
	assert_int_equal(
		kit_status(&kit, &viewer, "GET", path_of("/policies/#/diff?against=9999", two), NULL, NULL), 404);
}

static void check_rollout(const char *id, const char *state, const char *why)
{
	struct kit_answer answer = kit_request(&kit, &viewer, "GET", path_of("/policies/#/rollout", id), NULL, NULL);
	json_t *item = json_array_get(json_object_get(answer.json, "items"), 0);

	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	assert_string_equal(json_string_value(json_object_get(item, "name")), "Biên Lào Cai");
	assert_string_equal(json_string_value(json_object_get(item, "state")), state);
	if (why)
		assert_string_equal(json_string_value(json_object_get(item, "why")), why);
	else
		assert_true(json_is_null(json_object_get(item, "why")));
	kit_answer_done(&answer);
}

static void say(uint64_t at, uint64_t failed, const char *why)
{
	const struct core_policy_word word = { .stands = at, .failed = failed, .why = why };

	assert_int_equal(core_policy_word(kit.core, edge, &word, origin().now_us), 0);
	assert_int_equal(core_stands(kit.core, edge, at, 1, 1, origin().now_us), 0);
}

static void test_rollout(void **state)
{
	struct policy_bundle bundle, same;
	char id[16];
	uint64_t version;

	stands(change(ours, "\"limits\":{\"icmp_pps\":77}"), id);
	version = strtoull(id, NULL, 10);
	check_rollout(id, "waiting", NULL);
	assert_int_equal(core_policy_fetch(kit.core, edge, 0, origin().now_us, &bundle), 0);
	assert_non_null(bundle.text);
	assert_int_equal(bundle.version, version);
	check_rollout(id, "sent", NULL);
	assert_int_equal(core_policy_fetch(kit.core, edge, bundle.tag, origin().now_us, &same), 0);
	assert_null(same.text);
	say(version - 1, version, "capacity.tenants");
	check_rollout(id, "failed", "capacity.tenants");
	say(version, 0, NULL);
	check_rollout(id, "standing", NULL);
	free(bundle.text);
}

static void test_rollback(void **state)
{
	struct kit_answer answer;
	char one[16], two[16], pending[16];

	stands(change(ours, "\"reset\":true,\"modes\":{\"shield\":\"enforce\"}"), one);
	stands(change(ours, "\"modes\":{\"shield\":\"shadow\"}"), two);
	proposed(change(ours, "\"fail\":\"open\""), pending);
	assert_int_equal(kit_status(&kit, &viewer, "POST", path_of("/policies/#/rollback", one), REASON, NULL), 403);
	assert_int_equal(kit_status(&kit, &foreign, "POST", path_of("/policies/#/rollback", one), REASON, NULL), 404);
	assert_int_equal(kit_status(&kit, &an, "POST", path_of("/policies/#/rollback", pending), REASON, NULL), 409);
	assert_int_equal(kit_status(&kit, &an, "POST", path_of("/policies/#/rollback", two), REASON, NULL), 409);
	assert_int_equal(kit_status(&kit, &an, "POST", path_of("/policies/#/rollback", "9999"), REASON, NULL), 404);
	answer = kit_request(&kit, &an, "POST", path_of("/policies/#/rollback", one), REASON, NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), "standing");
	assert_string_equal(kit_text(&answer, "base"), two);
	assert_true(has_text(&answer, "\"enforce\""));
	assert_int_equal(strtoull(kit_text(&answer, "id"), NULL, 10), standing());
	kit_answer_done(&answer);
	answer = kit_request(&kit, &viewer, "GET", path_of("/policies/#", pending), NULL, NULL);
	assert_string_equal(kit_text(&answer, "state"), "rejected");
	kit_answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_life), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_modes), cmocka_unit_test(test_seen), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_diff), cmocka_unit_test(test_rollout), cmocka_unit_test(test_rollback) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
