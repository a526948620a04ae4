// SPDX-License-Identifier: Apache-2.0
/* Events over the API: pages and their filters, one, counts, top lists, marking as seen, and what consoles hear. Whoever asks sees what is
 * his. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/api/moment.h"
#include "hub/console/acks.h"
#include "hub/console/desk.h"
#include "hub/console/test-kit.h"

#define MINUTE_US INT64_C(60000000)

enum { EVENTS = 240, WAIT_MS = 10000 };

static struct kit kit;
static uint32_t ministry, department, other;
static struct kit_session lan, hai,
	drill; /* operator of the ministry, viewer of the other one, drill master of the nation */
static int64_t base_us;
static uint64_t first_id;

/* Number n: a minute every second event; tenant by n % 3; every tenth is the one that rules and sources are asked for. */
static struct ev_event event_of(unsigned int n, char detail[128])
{
	const uint32_t tenants[] = { ministry, department, other };
	const uint8_t addr[] = { 203, 0, 113, (uint8_t)(n % 10) };
	struct ev_event event = { .time_us = base_us + n / 2 * MINUTE_US,
		.tenant = tenants[n % 3],
		.system = 7,
		.edge = 1 + n % 2,
		.kind = n % 4 ? EV_GATE : EV_DROPS,
		.action = n % 5 ? EV_STOPPED : EV_PASSED,
		.evidence = EV_E2,
		.severity = (uint8_t)(1 + n % 4),
		.protocol = 6,
		.src_port = 4711,
		.dst_port = n % 2 ? 443 : 80,
		.src = ip_addr_v4(addr),
		.rule = n % 10 ? 949110 : 8100010,
		.decision = n % 30 ? 0 : 99,
		.count = n % 4 ? 1 : 50,
		.signature = bytes_from_str(n % 10 ? "Inbound anomaly score" : "Tấn công Log4Shell") };

	snprintf(detail, 128, "{\"n\":%u,\"http\":{\"url\":\"/trang/%u\",\"codes\":[200,-1.5,true,null]}}", n, n);
	event.detail = bytes_from_str(detail);
	return event;
}

static void append(unsigned int from, unsigned int count, const char *name)
{
	struct ev_event *events = calloc(count, sizeof(*events));
	char(*details)[128] = calloc(count, sizeof(*details));
	const struct ev_batch batch = { .id = name, .arrived_us = base_us, .events = events, .count = count };

	for (unsigned int i = 0; i < count; i++)
		events[i] = event_of(from + i, details[i]);
	assert_int_equal(ev_append(core_events(kit.core), &batch, &first_id), 0);
	free(events);
	free(details);
}

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	department = kit_tenant(&kit, ministry, "Cục Khám chữa bệnh");
	other = kit_tenant(&kit, 0, "Ngân hàng");
	lan = kit_user(&kit, "lan", AUTH_ROLE_OPERATOR, ministry);
	hai = kit_user(&kit, "hai", AUTH_ROLE_VIEWER, other);
	drill = kit_user(&kit, "tuan", AUTH_ROLE_DRILL_MASTER, 0);
	/* The newest is two minutes old, whatever the time of day. */
	base_us = ((int64_t)(clock_real_ns() / NS_PER_US) / MINUTE_US - EVENTS / 2 - 2) * MINUTE_US;
	append(0, EVENTS, "1-a-1");
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* ---- Pages ---- */

struct seen {
	size_t count, pages;
	uint64_t last_id;
	json_int_t total; /* -1: null */
	bool tenants[3];
};

static uint64_t number(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? strtoull(text, NULL, 10) : 0;
}

static void see(struct seen *seen, const json_t *item)
{
	uint64_t id = number(item, "id"), tenant = number(item, "tenant");

	assert_true(id > 0 && (!seen->last_id || id < seen->last_id));
	seen->last_id = id;
	seen->count++;
	seen->tenants[tenant == ministry ? 0 : tenant == department ? 1 : 2] = true;
	assert_null(json_object_get(item, "detail"));
}

/* All pages of a question. */
static struct seen walk(const struct kit_session *session, const char *query, unsigned int limit)
{
	struct seen seen = { .total = -1 };
	char next[64] = "", path[512];

	do {
		struct kit_answer answer;
		const json_t *items;

		snprintf(path, sizeof(path), "/events?limit=%u%s%s%s%s", limit, query[0] ? "&" : "", query,
			next[0] ? "&cursor=" : "", next);
		answer = kit_request(&kit, session, "GET", path, NULL, NULL);
		if (answer.status != 200)
			fail_msg("%s: %s", path, answer.text);
		items = json_object_get(answer.json, "items");
		for (size_t i = 0; i < json_array_size(items); i++)
			see(&seen, json_array_get(items, i));
		if (!seen.pages++ && json_is_integer(json_object_get(answer.json, "approx_total")))
			seen.total = json_integer_value(json_object_get(answer.json, "approx_total"));
		snprintf(next, sizeof(next), "%s",
			json_is_string(json_object_get(answer.json, "next")) ? kit_text(&answer, "next") : "");
		kit_answer_done(&answer);
	} while (next[0]);
	return seen;
}

static size_t expected(bool (*holds)(unsigned int))
{
	size_t count = 0;

	for (unsigned int n = 0; n < EVENTS; n++)
		count += holds(n);
	return count;
}

static bool is_gate(unsigned int n)
{
	return n % 4 != 0;
}
static bool is_passed(unsigned int n)
{
	return n % 5 == 0;
}
static bool is_grave(unsigned int n)
{
	return 1 + n % 4 <= 2;
}
static bool is_edge_two(unsigned int n)
{
	return 1 + n % 2 == 2;
}
static bool is_low_source(unsigned int n)
{
	return n % 10 < 4;
}
static bool is_rule(unsigned int n)
{
	return n % 10 == 0;
}
static bool is_decision(unsigned int n)
{
	return n % 30 == 0;
}
static bool is_all(unsigned int n)
{
	return true;
}
static bool is_none(unsigned int n)
{
	return false;
}

static void test_pages(void **state)
{
	struct seen seen = walk(&kit.admin, "", 7);

	assert_int_equal(seen.count, EVENTS);
	assert_int_equal(seen.total, EVENTS);
	assert_true(seen.pages >= EVENTS / 7);
	seen = walk(&lan, "", 100);
	assert_int_equal(seen.count, EVENTS / 3 * 2);
	assert_int_equal(seen.total, EVENTS / 3 * 2);
	assert_true(seen.tenants[0] && seen.tenants[1] && !seen.tenants[2]);
	seen = walk(&hai, "", 1000);
	assert_int_equal(seen.count, EVENTS / 3);
	assert_true(!seen.tenants[0] && !seen.tenants[1] && seen.tenants[2]);
}

static void test_filters(void **state)
{
	static const struct {
		const char *query;
		bool (*holds)(unsigned int);
		bool summed;
	} rows[] = {
		{ "kind=gate", is_gate, true },
		{ "kind=gate,drops", is_all, true },
		{ "kind=attack", is_none, true },
		{ "action=passed", is_passed, true },
		{ "severity=2", is_grave, true },
		{ "edge=2", is_edge_two, true },
		{ "edge=99999999999", is_none, true },
		{ "system=7", is_all, false },
		{ "source=203.0.113.0/30", is_low_source, false },
		{ "source=203.0.113.0", is_rule, false },
		{ "rule=8100010", is_rule, false },
		{ "decision=99", is_decision, false },
		{ "text=log4shell", is_rule, false },
		{ "text=khong-co", is_none, false },
	};
	char query[64];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct seen seen = walk(&kit.admin, rows[i].query, 1000);
		size_t wanted = expected(rows[i].holds);

		if (seen.count != wanted || seen.total != (rows[i].summed ? (json_int_t)wanted : -1))
			fail_msg("%s: %zu and %lld, not %zu", rows[i].query, seen.count, (long long)seen.total, wanted);
	}
	snprintf(query, sizeof(query), "tenant=%u", department);
	assert_int_equal(walk(&lan, query, 1000).count, EVENTS / 3);
	snprintf(query, sizeof(query), "tenant=%u", ministry); /* and what lies below it */
	assert_int_equal(walk(&kit.admin, query, 1000).count, EVENTS / 3 * 2);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"/events?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
		"/events?from=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z&text=x",
		"/events?kind=wrong",
		"/events?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"/event-counts?step_s=90",
		"/event-counts?step_s=60&from=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z",
		"/event-counts?by=colour",
		"/event-top?what=colour",
		"/event-top?what=rule&from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
	};
	static const char *const paths[] = { "/events", "/event-counts", "/event-top?what=rule" };
	char path[128];

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (kit_status(&kit, &kit.admin, "GET", bad[i], NULL, NULL) != 400)
			fail_msg("%s was not refused", bad[i]);
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		assert_int_equal(kit_status(&kit, NULL, "GET", paths[i], NULL, NULL), 401);
		snprintf(path, sizeof(path), "%s%stenant=%u", paths[i], strchr(paths[i], '?') ? "&" : "?", ministry);
		assert_int_equal(kit_status(&kit, &hai, "GET", path, NULL, NULL), 404);
		assert_int_equal(kit_status(&kit, &lan, "GET", path, NULL, NULL), 200);
	}
}

/* Who asks what takes seconds must not keep others from their decisions, nor from logging in. */
static void test_lanes(void **state)
{
	static const char *const questions[] = { "listEvents", "countEvents", "topEvents", "getOverview", "getShield" };
	size_t found = 0;

	for (size_t i = 0; i < hub_table.operation_count; i++)
		for (size_t j = 0; j < ARRAY_COUNT(questions); j++)
			if (strcmp(hub_table.operations[i].id, questions[j]) == 0) {
				assert_int_equal(hub_table.operations[i].lane, API_LANE_QUESTION);
				found++;
			}
	assert_int_equal(found, ARRAY_COUNT(questions));
}

/* ---- One ---- */

static void test_one(void **state)
{
	struct kit_answer answer;
	const json_t *detail;
	char path[64];

	snprintf(path, sizeof(path), "/events/%llu", (unsigned long long)first_id + 10); /* of tenant 10 % 3 */
	assert_int_equal(kit_status(&kit, &hai, "GET", path, NULL, NULL), 404);
	answer = kit_request(&kit, &lan, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(number(answer.json, "id"), first_id + 10);
	assert_int_equal(number(answer.json, "tenant"), department);
	assert_string_equal(kit_text(&answer, "source"), "203.0.113.0");
	assert_string_equal(kit_text(&answer, "signature"), "Tấn công Log4Shell");
	assert_true(json_is_false(json_object_get(answer.json, "acknowledged")));
	assert_null(json_object_get(answer.json, "acknowledgement"));
	detail = json_object_get(answer.json, "detail");
	assert_int_equal(json_integer_value(json_object_get(detail, "n")), 10);
	assert_int_equal(json_array_size(json_object_get(json_object_get(detail, "http"), "codes")), 4);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/events/1", NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/events/9223372036854775807", NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/events/x", NULL, NULL), 404);
}

/* ---- Counts and top lists ---- */

static json_int_t sum_of(const json_t *series, const char *member)
{
	json_int_t sum = 0;

	for (size_t i = 0; i < json_array_size(series); i++) {
		const json_t *cells = json_object_get(json_array_get(series, i), member);

		for (size_t j = 0; j < json_array_size(cells); j++)
			sum += json_integer_value(json_array_get(cells, j));
	}
	return sum;
}

static void test_counts(void **state)
{
	static const struct {
		const char *by, *key;
		size_t series;
	} rows[] = { { "kind", "gate", 2 }, { "action", "stopped", 2 }, { "tenant", NULL, 3 }, { "edge", "2", 2 },
		{ "severity", "1", 4 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct kit_answer answer;
		const json_t *series;
		char path[128];
		bool found = !rows[i].key;

		snprintf(path, sizeof(path), "/event-counts?by=%s&step_s=600", rows[i].by);
		answer = kit_request(&kit, &kit.admin, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		series = json_object_get(answer.json, "series");
		assert_int_equal(json_array_size(series), rows[i].series);
		assert_int_equal(sum_of(series, "events"), EVENTS);
		assert_int_equal(sum_of(series, "sums"), EVENTS / 4 * 50 + EVENTS / 4 * 3);
		for (size_t j = 0; j < json_array_size(series) && !found; j++)
			found = strcmp(json_string_value(json_object_get(json_array_get(series, j), "key")),
					rows[i].key) == 0;
		assert_true(found);
		kit_answer_done(&answer);
		answer = kit_request(&kit, &hai, "GET", path, NULL, NULL);
		assert_int_equal(sum_of(json_object_get(answer.json, "series"), "events"), EVENTS / 3);
		kit_answer_done(&answer);
	}
}

static void test_top(void **state)
{
	static const struct {
		const char *what, *key, *text;
		size_t count;
	} rows[] = { { "source", NULL, NULL, 10 }, { "rule", "949110", "Inbound anomaly score", 4 /* by kind, too */ },
		{ "tenant", NULL, NULL, 3 }, { "port", "80", NULL, 2 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct kit_answer answer;
		const json_t *items, *first;
		char path[128];

		snprintf(path, sizeof(path), "/event-top?what=%s", rows[i].what);
		answer = kit_request(&kit, &kit.admin, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		assert_int_equal(json_integer_value(json_object_get(answer.json, "distinct_sources")), 10);
		items = json_object_get(answer.json, "items");
		first = json_array_get(items, 0);
		assert_int_equal(json_array_size(items), rows[i].count);
		assert_true(json_integer_value(json_object_get(first, "sum")) > 0);
		if (rows[i].key)
			assert_string_equal(json_string_value(json_object_get(first, "key")), rows[i].key);
		if (rows[i].text)
			assert_string_equal(json_string_value(json_object_get(first, "text")), rows[i].text);
		kit_answer_done(&answer);
	}
	assert_int_equal(kit_status(&kit, &hai, "GET", "/event-top?what=tenant&kind=gate&limit=5", NULL, NULL), 200);
}

/* ---- Acknowledging ---- */

static void body_of(char body[1024], const char *more, unsigned int at_most)
{
	char from[MOMENT_TEXT_SIZE], until[MOMENT_TEXT_SIZE];

	snprintf(body, 1024,
		"{\"query\":{\"from\":\"%s\",\"until\":\"%s\"%s},\"reason\":\"false-alarm\",\"note\":\"Đã gọi điện\","
		"\"at_most\":%u}",
		moment_format(base_us, from), moment_format(base_us + EVENTS / 2 * MINUTE_US, until), more, at_most);
}

/* The operation's end state; how many it marked. */
static json_int_t finish(const struct kit_session *session, struct kit_answer *started, const char *state)
{
	json_int_t marked = 0;
	char path[64];

	assert_int_equal(started->status, 202);
	snprintf(path, sizeof(path), "/operations/%s", kit_text(started, "id"));
	kit_answer_done(started);
	for (int wait = 0;; wait += 10) {
		struct kit_answer answer = kit_request(&kit, session, "GET", path, NULL, NULL);
		bool ended = strcmp(kit_text(&answer, "state"), "running") != 0;

		if (ended)
			assert_string_equal(kit_text(&answer, "state"), state);
		marked = json_integer_value(json_object_get(json_object_get(answer.json, "result"), "acknowledged"));
		kit_answer_done(&answer);
		if (ended)
			return marked;
		assert_true(wait < WAIT_MS);
		usleep(10000);
	}
}

static size_t marked_events(const struct kit_session *session)
{
	struct kit_answer answer = kit_request(&kit, session, "GET", "/events?limit=1000", NULL, NULL);
	const json_t *items = json_object_get(answer.json, "items");
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(items); i++)
		count += json_is_true(json_object_get(json_array_get(items, i), "acknowledged"));
	kit_answer_done(&answer);
	return count;
}

static void test_acknowledge(void **state)
{
	struct kit_answer answer;
	char body[1024], more[64], path[64];

	body_of(body, ",\"rule\":\"8100010\"", 500);
	assert_int_equal(kit_status(&kit, &hai, "POST", "/events:acknowledge", body, NULL), 403);
	assert_int_equal(kit_status(&kit, &drill, "POST", "/events:acknowledge", body, NULL), 403);
	snprintf(more, sizeof(more), ",\"tenant\":\"%u\"", other);
	body_of(body, more, 500);
	assert_int_equal(kit_status(&kit, &lan, "POST", "/events:acknowledge", body, NULL), 404);
	body_of(body, "", 10); /* roll-ups know that there are more */
	answer = kit_request(&kit, &lan, "POST", "/events:acknowledge", body, NULL);
	assert_int_equal(answer.status, 409);
	kit_answer_done(&answer);
	body_of(body, ",\"rule\":\"949110\"", 10); /* these are found out on the way */
	answer = kit_request(&kit, &lan, "POST", "/events:acknowledge", body, NULL);
	assert_int_equal(finish(&lan, &answer, "failed"), 0);
	assert_int_equal(marked_events(&kit.admin), 0);

	body_of(body, ",\"rule\":\"8100010\"", 500);
	answer = kit_request(&kit, &lan, "POST", "/events:acknowledge", body, NULL);
	assert_int_equal(finish(&lan, &answer, "done"), EVENTS / 10 / 3 * 2);
	assert_int_equal(marked_events(&kit.admin), EVENTS / 10 / 3 * 2);
	assert_int_equal(marked_events(&hai), 0);
	snprintf(more, sizeof(more), ",\"tenant\":\"%u\",\"rule\":\"8100010\"", other);
	body_of(body, more, 500);
	answer = kit_request(&kit, &kit.admin, "POST", "/events:acknowledge", body, NULL);
	assert_int_equal(finish(&kit.admin, &answer, "done"), EVENTS / 10 / 3);

	kit_restart(&kit); /* it is remembered */
	assert_int_equal(marked_events(&kit.admin), EVENTS / 10);
	snprintf(path, sizeof(path), "/events/%llu", (unsigned long long)first_id + 10);
	answer = kit_request(&kit, &lan, "GET", path, NULL, NULL);
	assert_true(json_is_true(json_object_get(answer.json, "acknowledged")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(answer.json, "acknowledgement"), "reason")),
		"false-alarm");
	assert_string_equal(json_string_value(json_object_get(json_object_get(answer.json, "acknowledgement"), "note")),
		"Đã gọi điện");
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(answer.json, "acknowledgement"), "by")), "lan"));
	kit_answer_done(&answer);
}

static int count_acts(void *context, const struct db_value *columns, size_t column_count)
{
	*(int64_t *)context = columns[0].integer;
	return 0;
}

/* The oldest acts give way when there are too many rows, and one act cannot take all of them. */
static void test_bound(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = base_us };
	struct acks_writer *writer = malloc(sizeof(*writer));
	int64_t before = 0, after = 0;
	int error = 0;

	assert_int_equal(db_each(kit.db, "select count(*) from event_ack", DB_NO_ARGS, count_acts, &before), 0);
	assert_int_equal(acks_begin(kit.db, &origin, "handled", "", writer), 0);
	writer->written = ACKS_BLOCKS_ONE_MAX - 2; /* as if it had written so many */
	for (uint64_t block = 1; block < 10 && !error; block++)
		error = acks_add(writer, block << ACKS_BLOCK_BITS);
	assert_int_equal(error, LUYTRE_E_FULL);
	acks_drop(writer); /* nothing of it stays */
	assert_int_equal(acks_begin(kit.db, &origin, "handled", "", writer), 0);
	assert_int_equal(acks_add(writer, 1 << ACKS_BLOCK_BITS), 0);
	assert_int_equal(db_run(kit.db, "update event_ack set blocks = ?1 where id = (select min(id) from event_ack)",
				 DB_ARGS(db_i64(ACKS_BLOCKS_MAX)), NULL),
		0);
	assert_int_equal(acks_end(writer), 0);
	assert_int_equal(db_each(kit.db, "select count(*) from event_ack", DB_NO_ARGS, count_acts, &after), 0);
	assert_int_equal(after, before + 1 - 1);
	free(writer);
}

/* ---- The stream ---- */

/* Consoles hear of their own events, summed: a thousand batches in a moment are a few messages. */
static void test_news(void **state)
{
	struct kit_stream *own = kit_stream_open(&kit, &lan, "events,overview"),
			  *foreign = kit_stream_open(&kit, &hai, "events,overview"),
			  *nation = kit_stream_open(&kit, &kit.admin, "overview");
	struct desk_stats before, after;
	char detail[128];
	struct ev_event event = event_of(3, detail); /* of the ministry */
	uint64_t began_ns = clock_mono_ns(), took_ms;

	desk_stats(kit.console->desk, &before);
	event.id = first_id + 3;
	event.signature = bytes_from_str("Tấn công đặc biệt");
	for (int i = 0; i < 1000; i++)
		console_events(kit.console, &event, 1);
	assert_true(kit_stream_heard(own, "Tấn công đặc biệt", WAIT_MS));
	assert_true(kit_stream_heard(nation, "\"attacks\":1000", WAIT_MS));
	assert_false(kit_stream_heard(own, "\"attacks\"", 0)); /* the nation's figures are not his */
	assert_false(kit_stream_heard(foreign, "Tấn công", 200));
	desk_stats(kit.console->desk, &after);
	took_ms = (clock_mono_ns() - began_ns) / NS_PER_MS;
	/* Ten a second, and a few that a thread which came late makes up for. */
	assert_true(after.told > before.told && after.told - before.told <= 10 + took_ms / 50);
	kit_stream_close(own);
	kit_stream_close(foreign);
	kit_stream_close(nation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_acknowledge),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_news),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
