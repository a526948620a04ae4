// SPDX-License-Identifier: Apache-2.0
/* Edges: how they are invited, whom they serve, who sees them, and what their events come to. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/batch.h"
#include "hub/console/test-kit.h"
#include "hub/edges/csrtest.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static struct kit kit;
static struct kit_session owner, viewer, stranger;
static uint32_t ministry, clinic, other;

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	clinic = kit_tenant(&kit, ministry, "Bệnh viện");
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

static void expect(const struct kit_session *who, const char *method, const char *where, const char *body,
	const char *headers, long status)
{
	struct kit_answer answer = kit_request(&kit, who, method, where, body, headers);

	if (answer.status != status)
		fail_msg("%s %s: %ld %s, expected %ld", method, where, answer.status, answer.text, status);
	kit_answer_done(&answer);
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

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static int enrol(const char *token, uint32_t *ret)
{
	const struct audit_origin origin = { .actor = "edge", .now_us = now_us() };
	struct edges_enrolled enrolled = { 0 };
	char *pem = csrtest_pem(NULL, NULL, NULL);
	int error;

	core_lock(kit.core);
	error = edges_enrol(core_edges(kit.core), &origin, bytes_from_str(token), bytes_from_str(pem),
		bytes_from_str("luytre 0.1.0"), &enrolled);
	core_unlock(kit.core);
	free(enrolled.certificate.pem);
	free(pem);
	*ret = enrolled.id;
	return error;
}

/* An edge by way of the API; 'served' is the member that says whom it serves. */
static uint32_t made_edge(const char *name, const char *served)
{
	struct kit_answer answer =
		kit_request(&kit, &kit.admin, "POST", "/enrolments", path("{\"name\":\"%s\",%s}", name, served), NULL);
	uint32_t edge;

	if (answer.status != 201)
		fail_msg("%ld %s", answer.status, answer.text);
	assert_int_equal(enrol(kit_text(&answer, "token"), &edge), 0);
	assert_int_not_equal(enrol(kit_text(&answer, "token"), &edge), 0); /* once */
	kit_answer_done(&answer);
	core_lock(kit.core);
	edge = edges_at(core_edges(kit.core), edges_count(core_edges(kit.core)) - 1)->id;
	core_unlock(kit.core);
	return edge;
}

static void test_enrolments(void **state)
{
	const char *good = path("{\"name\":\"Biên 1\",\"province\":\"01\",\"hours\":2,\"tenants\":[\"%u\"]}", ministry);
	struct kit_answer answer;
	uint32_t id, edge;
	char token[EDGES_TOKEN_SIZE];
	const json_t *item;

	expect(&owner, "POST", "/enrolments", good, NULL, 403);
	expect(&owner, "GET", "/enrolments", NULL, NULL, 403);
	expect(NULL, "POST", "/enrolments", good, NULL, 401);
	expect(&kit.admin, "POST", "/enrolments", "{\"name\":\"x\"}", NULL, 400); /* nobody is served */
	expect(&kit.admin, "POST", "/enrolments", "{\"name\":\"x\",\"all_tenants\":false}", NULL, 400);
	expect(&kit.admin, "POST", "/enrolments", "{\"name\":\"x\",\"tenants\":[]}", NULL, 400);
	expect(&kit.admin, "POST", "/enrolments", "{\"name\":\"x\",\"tenants\":[\"4711\"]}", NULL, 400);
	expect(&kit.admin, "POST", "/enrolments",
		path("{\"name\":\"x\",\"tenants\":[\"%u\"],\"all_tenants\":true}", ministry), NULL, 400);
	answer = kit_request(&kit, &kit.admin, "POST", "/enrolments", good, NULL);
	assert_int_equal(answer.status, 201);
	id = (uint32_t)atoi(kit_text(&answer, "id"));
	snprintf(token, sizeof(token), "%s", kit_text(&answer, "token"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "GET", "/enrolments", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	item = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(item, "name")), "Biên 1");
	assert_string_equal(json_string_value(json_object_get(item, "province")), "01");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(item, "tenants"), 0)), path("%u", ministry));
	assert_null(strstr(answer.text, "ltedge1."));
	kit_answer_done(&answer);
	expect(&owner, "DELETE", path("/enrolments/%u", id), NULL, NULL, 403);
	expect(&kit.admin, "DELETE", path("/enrolments/%u", id), NULL, NULL, 204);
	expect(&kit.admin, "DELETE", path("/enrolments/%u", id), NULL, NULL, 404);
	assert_int_not_equal(enrol(token, &edge), 0);
	for (int i = 0; i < 3; i++)
		expect(&kit.admin, "POST", "/enrolments", good, NULL, 201);
	answer = kit_request(&kit, &kit.admin, "GET", "/enrolments?limit=2", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 2);
	assert_int_equal(count_of(&kit.admin, path("/enrolments?limit=2&cursor=%s", kit_text(&answer, "next"))), 1);
	kit_answer_done(&answer);
}

static void test_edges(void **state)
{
	uint32_t one = made_edge("Biên Y tế", path("\"tenants\":[\"%u\",\"%u\"]", ministry, other));
	uint32_t all = made_edge("Biên quốc gia", "\"all_tenants\":true");
	uint32_t theirs = made_edge("Biên khác", path("\"tenants\":[\"%u\"]", other));
	struct kit_answer answer;
	const char *patch;

	/* Who has something behind it sees it, and of its organisations only those. */
	assert_int_equal(count_of(&kit.admin, "/edges"), 3);
	assert_int_equal(count_of(&kit.admin, "/edges?limit=2"), 2);
	assert_int_equal(count_of(&kit.admin, "/edges?state=revoked"), 0);
	assert_int_equal(count_of(&owner, "/edges"), 2);
	assert_int_equal(count_of(&viewer, "/edges"), 2);
	assert_int_equal(count_of(&stranger, "/edges"), 3);
	expect(&owner, "GET", path("/edges/%u", theirs), NULL, NULL, 404);
	expect(&owner, "GET", "/edges/4711", NULL, NULL, 404);
	expect(NULL, "GET", "/edges", NULL, NULL, 401);
	answer = kit_request(&kit, &owner, "GET", path("/edges/%u", one), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r1\"");
	assert_int_equal(json_array_size(json_object_get(answer.json, "tenants")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(answer.json, "tenants"), 0)), path("%u", ministry));
	assert_true(json_is_false(json_object_get(answer.json, "all_tenants")));
	assert_string_equal(kit_text(&answer, "version"), "luytre 0.1.0");
	kit_answer_done(&answer);
	answer = kit_request(&kit, &viewer, "GET", path("/edges/%u", all), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(json_is_true(json_object_get(answer.json, "all_tenants")));
	kit_answer_done(&answer);

	patch = path("{\"name\":\"Biên mới\",\"province\":\"15\",\"tenants\":[\"%u\"]}", clinic);
	expect(&owner, "PATCH", path("/edges/%u", one), patch, "If-Match: \"r1\"", 403);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), patch, NULL, 428);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), patch, "If-Match: \"r2\"", 412);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), "{\"tenants\":[\"4711\"]}", "If-Match: \"r1\"", 400);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), "{\"tenants\":[]}", "If-Match: \"r1\"", 400);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), "{\"name\":\"\"}", "If-Match: \"r1\"", 400);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), patch, "If-Match: \"r1\"", 200);
	expect(&kit.admin, "PATCH", path("/edges/%u", one), "{\"province\":null}", "If-Match: \"r2\"", 200);
	answer = kit_request(&kit, &kit.admin, "GET", path("/edges/%u", one), NULL, NULL);
	assert_string_equal(kit_text(&answer, "name"), "Biên mới");
	assert_true(json_is_null(json_object_get(answer.json, "province")));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(answer.json, "tenants"), 0)), path("%u", clinic));
	assert_string_equal(answer.etag, "\"r3\"");
	kit_answer_done(&answer);
	assert_int_equal(count_of(&stranger, "/edges"), 2); /* nothing of theirs lies behind it any more */

	/* Revoked: with a reason that stands in the audit log. */
	expect(&owner, "POST", path("/edges/%u/revoke", theirs), "{\"reason\":\"Bị mất cắp\"}", NULL, 403);
	expect(&kit.admin, "POST", path("/edges/%u/revoke", theirs), "{}", NULL, 400);
	expect(&kit.admin, "POST", "/edges/4711/revoke", "{\"reason\":\"Bị mất cắp\"}", NULL, 404);
	answer = kit_request(
		&kit, &kit.admin, "POST", path("/edges/%u/revoke", theirs), "{\"reason\":\"Bị mất cắp\"}", NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "revoked");
	kit_answer_done(&answer);
	assert_int_equal(count_of(&kit.admin, "/edges?state=revoked"), 1);
	{
		int64_t count = 0;

		assert_int_equal(db_integer(kit.db,
					 "select count(*) from audit where action = 'edge.revoke' and detail like '%Bị "
					 "mất cắp%'",
					 DB_NO_ARGS, &count),
			0);
		assert_int_equal(count, 1);
	}
}

/* ---- Events ---- */

static void send(uint32_t edge, uint64_t seq, const char *source, const char *target)
{
	const struct batch_head head = { .edge = edge, .boot = BOOT, .seq = seq, .made_us = now_us() };
	struct batch_writer *writer;
	struct bytes packed;
	struct core_ack ack;
	char line[1024], stamp[40];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"gate\",\"src_ip\":\"%s\",\"src_port\":4711,\"dest_ip\":\"%s\","
		"\"dest_port\":443,\"proto\":\"TCP\",\"gate\":{\"action\":\"deny\",\"wanted\":\"deny\",\"shadow\":"
		"false,"
		"\"rule\":8100010,\"hold\":\"CVE-2021-44228\",\"reason\":\"rule\"},\"rules\":[{\"id\":8100010,\"msg\":"
		"\"Log4Shell\"}],\"http\":{\"url\":\"/\"}}",
		stamp, source, target);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(kit.core, edge, packed, now_us(), &ack), 0);
	batch_writer_free(writer);
}

static uint64_t sightings(void)
{
	struct core_stats stats;

	core_stats(kit.core, &stats);
	return stats.sightings;
}

/* An asset made through the API: within two seconds what comes for it is known to be its organisation's. */
static void test_live_change(void **state)
{
	uint32_t system = kit_system(&kit, clinic, "Cổng"), edge;
	uint64_t before, mapped_ns = 0, began_ns, seq = 1;
	char body[128];

	edge = made_edge("Biên bệnh viện", path("\"tenants\":[\"%u\"]", ministry));
	send(edge, seq++, "203.0.113.7", "198.51.100.9");
	before = sightings();
	snprintf(body, sizeof(body), "{\"system\":\"%u\",\"kind\":\"prefix\",\"value\":\"198.51.100.0/24\"}", system);
	expect(&owner, "POST", path("/tenants/%u/assets", clinic), body, NULL, 201);
	began_ns = clock_mono_ns();
	while (!mapped_ns && clock_mono_ns() - began_ns < 2 * NS_PER_S) {
		send(edge, seq++, "203.0.113.7", "198.51.100.9");
		if (sightings() > before)
			mapped_ns = clock_mono_ns();
		else
			usleep(20000);
	}
	assert_true(mapped_ns != 0);
	print_message("known after %.2f s\n", (double)(mapped_ns - began_ns) / 1e9);
}

/* Taken away from an edge, an organisation is not its to speak about from the next batch on. */
static void test_unbound(void **state)
{
	uint32_t edge = made_edge("Biên tạm", path("\"tenants\":[\"%u\",\"%u\"]", clinic, other));
	struct core_stats stats;
	uint64_t before = sightings(), refused;

	send(edge, 1, "203.0.113.8", "198.51.100.9");
	assert_true(sightings() == before + 1);
	core_stats(kit.core, &stats);
	refused = stats.refused_edge;
	expect(&kit.admin, "PATCH", path("/edges/%u", edge), path("{\"tenants\":[\"%u\"]}", other), "If-Match: \"r1\"",
		200);
	send(edge, 2, "203.0.113.8", "198.51.100.9");
	core_stats(kit.core, &stats);
	assert_true(sightings() == before + 1 && stats.refused_edge == refused + 1);
	expect(&kit.admin, "PATCH", path("/edges/%u", edge), "{\"all_tenants\":true}", "If-Match: \"r2\"", 200);
	send(edge, 3, "203.0.113.8", "198.51.100.9");
	assert_true(sightings() == before + 2);
}

static void test_unmapped(void **state)
{
	uint32_t mine = made_edge("Biên A", path("\"tenants\":[\"%u\"]", ministry));
	uint32_t shared = made_edge("Biên B", path("\"tenants\":[\"%u\",\"%u\"]", ministry, other));
	size_t before = count_of(&kit.admin, "/unmapped"), seen;
	struct kit_answer answer;

	seen = count_of(&owner, "/unmapped");
	send(mine, 1, "203.0.113.7", "192.0.2.1");
	send(mine, 2, "203.0.113.7", "192.0.2.1");
	send(mine, 3, "203.0.113.7", "192.0.2.2");
	send(shared, 1, "203.0.113.7", "192.0.2.3");
	assert_int_equal(count_of(&kit.admin, "/unmapped"), before + 3);
	/* What may be somebody else's is not shown: all behind the edge must be the caller's. */
	assert_int_equal(count_of(&owner, "/unmapped"), seen + 2);
	assert_int_equal(count_of(&viewer, "/unmapped"), 0);
	assert_int_equal(count_of(&stranger, "/unmapped"), 0);
	expect(NULL, "GET", "/unmapped", NULL, NULL, 401);
	answer = kit_request(&kit, &owner, "GET", "/unmapped?limit=1", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	assert_int_equal(count_of(&owner, path("/unmapped?cursor=%s", kit_text(&answer, "next"))), seen + 1);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", "/unmapped", NULL, NULL);
	assert_non_null(strstr(answer.text, "\"address\":\"192.0.2.1\""));
	assert_non_null(strstr(answer.text, "\"packets\":2"));
	kit_answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_enrolments), cmocka_unit_test(test_edges),
		cmocka_unit_test(test_live_change), cmocka_unit_test(test_unbound), cmocka_unit_test(test_unmapped) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
