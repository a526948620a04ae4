// SPDX-License-Identifier: Apache-2.0
/* The situation board and the shield's funnel: figures of roll-ups, of registers and of what edges report, each for who may see them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "bus/batch.h"
#include "hub/api/moment.h"
#include "hub/console/board.h"
#include "hub/console/desk.h"
#include "hub/console/test-kit.h"
#include "hub/edges/csrtest.h"

#define US_PER_S INT64_C(1000000)

enum { EVENTS = 60, HANOI = 1 };

static struct kit kit;
static uint32_t ministry, department, other, edge, shared_edge;
static struct kit_session lan, hai, nobody;
static int64_t began_us;
static uint64_t sequence;

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

/* With a province, which those below do not have: it is their own business. */
static uint32_t tenant_in(uint32_t parent, const char *name, uint32_t province)
{
	struct audit_origin origin;
	const struct tenants_call call = kit_tenants_call(&kit, &origin);
	struct tenant tenant = { .parent = parent, .kind = TENANT_KIND_ORGANISATION, .province = province };

	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
	return tenant.id;
}

/* Tenant 0: of everybody. */
static uint32_t make_edge(const char *name, uint32_t tenant)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct edges_invitation invitation = { .name = name,
		.province = HANOI,
		.bound = { .all = !tenant, .tenants = &tenant, .tenant_count = tenant != 0 } };
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

/* Fifteen of each tenant in turn, the fourth of nobody; a minute apart, the newest now. */
static void append_events(void)
{
	const uint32_t tenants[] = { ministry, department, other, 0 };
	struct ev_event events[EVENTS];
	const struct ev_batch batch = { .id = "1-a-1", .arrived_us = began_us, .events = events, .count = EVENTS };
	uint64_t first = 0;

	for (unsigned int n = 0; n < EVENTS; n++)
		events[n] = (struct ev_event){ .time_us = began_us - (EVENTS - 1 - n) * EV_MINUTE_US,
			.tenant = tenants[n % 4],
			.edge = edge,
			.kind = n % 20 < 16 ? EV_GATE : EV_DROPS,
			.action = n % 8 < 4   ? EV_STOPPED
				  : n % 8 < 6 ? EV_SHADOW
					      : EV_SEEN,
			.severity = n % 4 == 1 ? 1 : 3,
			.rule = 100 + n % 4,
			.count = n % 20 < 16 ? 1 : 70,
			.signature = bytes_from_str("Tấn công dò mật khẩu") };
	assert_int_equal(ev_append(core_events(kit.core), &batch, &first), 0);
	for (unsigned int n = 0; n < EVENTS; n++)
		events[n].id = first + n;
	console_events(kit.console, events, EVENTS);
	boards_forget(desk_boards(kit.console->desk)); /* they came past the door */
}

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	began_us = now_us();
	ministry = tenant_in(0, "Bộ Y tế", HANOI);
	department = tenant_in(ministry, "Sở Y tế Cần Thơ", 92);
	other = tenant_in(0, "Ngân hàng", HANOI);
	lan = kit_user(&kit, "lan", AUTH_ROLE_OPERATOR, ministry);
	hai = kit_user(&kit, "hai", AUTH_ROLE_VIEWER, other);
	nobody = kit_user(&kit, "tuan", AUTH_ROLE_DRILL_MASTER, department);
	edge = make_edge("Biên Hà Nội", ministry);
	shared_edge = make_edge("Biên chung", 0);
	append_events();
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* ---- The board ---- */

static json_int_t sum(const json_t *numbers)
{
	json_int_t total = 0;

	for (size_t i = 0; i < json_array_size(numbers); i++)
		total += json_integer_value(json_array_get(numbers, i));
	return total;
}

static const json_t *find(const json_t *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(list, i), key)), value) == 0)
			return json_array_get(list, i);
	return NULL;
}

static void check_number(const json_t *root, const char *name, json_int_t value, bool trend)
{
	const json_t *number = json_object_get(json_object_get(root, "numbers"), name);

	if (json_integer_value(json_object_get(number, "value")) != value)
		fail_msg("%s: %lld, not %lld", name, json_integer_value(json_object_get(number, "value")), value);
	if (trend)
		assert_int_equal(sum(json_object_get(number, "trend")), value);
}

struct expected {
	json_int_t attacks, stopped, tenants;
};

/* What append_events made, for the tenants of these places. */
static struct expected expected(unsigned int places)
{
	struct expected ret = { 0 };

	for (unsigned int n = 0; n < EVENTS; n++) {
		bool attack = n % 20 < 16 && places >> n % 4 & 1;

		ret.attacks += attack;
		ret.stopped += attack && n % 8 < 4;
	}
	for (unsigned int place = 0; place < 3; place++)
		ret.tenants += places >> place & 1;
	return ret;
}

static void check_board(const struct kit_session *session, const char *query, unsigned int places)
{
	struct expected wanted = expected(places);
	struct kit_answer answer;
	const json_t *timeline;
	char path[128];

	snprintf(path, sizeof(path), "/overview%s", query);
	answer = kit_request(&kit, session, "GET", path, NULL, NULL);
	if (answer.status != 200)
		fail_msg("%s: %s", path, answer.text);
	check_number(answer.json, "attacks", wanted.attacks, true);
	check_number(answer.json, "stopped", wanted.stopped, true);
	check_number(answer.json, "tenants_hit", wanted.tenants, false);
	timeline = json_object_get(answer.json, "timeline");
	assert_int_equal(sum(json_object_get(timeline, "stopped")), wanted.stopped);
	assert_int_equal(sum(json_object_get(timeline, "passed")) + sum(json_object_get(timeline, "unknown")),
		wanted.attacks - wanted.stopped);
	kit_answer_done(&answer);
}

static void test_numbers(void **state)
{
	char query[64];

	check_board(&kit.admin, "", 15);
	check_board(&kit.admin, "?hours=1", 15); /* the running hour and the one before */
	check_board(&kit.admin, "?hours=168", 15);
	check_board(&kit.admin, "", 15);
	check_board(&lan, "", 3);
	check_board(&hai, "?hours=2", 4);
	snprintf(query, sizeof(query), "?tenant=%u", department);
	check_board(&lan, query, 2);
	snprintf(query, sizeof(query), "?tenant=%u", ministry);
	check_board(&kit.admin, query, 3);
}

static json_int_t attacks_told(void)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/overview", NULL, NULL);
	json_int_t value;

	assert_int_equal(answer.status, 200);
	value = json_integer_value(
		json_object_get(json_object_get(json_object_get(answer.json, "numbers"), "attacks"), "value"));
	kit_answer_done(&answer);
	return value;
}

/* An edge that was cut off tells what happened hours ago: hours that were worked out already. */
static void test_late(void **state)
{
	struct ev_event event = { .time_us = began_us - 7 * EV_HOUR_US,
		.tenant = other,
		.edge = edge,
		.kind = EV_GATE,
		.action = EV_STOPPED,
		.severity = 2,
		.rule = 77,
		.count = 1,
		.signature = bytes_from_str("muộn") };
	const struct ev_batch batch = { .id = "1-a-2", .arrived_us = now_us(), .events = &event, .count = 1 };
	json_int_t before = attacks_told();
	int tries = 0;

	assert_int_equal(ev_append(core_events(kit.core), &batch, &event.id), 0);
	console_events(kit.console, &event, 1);
	while (attacks_told() != before + 1 && tries++ < 150)
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	assert_int_equal(attacks_told(), before + 1);
}

static void test_refused(void **state)
{
	char path[64];

	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/overview?hours=0", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/overview?hours=169", NULL, NULL), 400);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/overview", NULL, NULL), 401);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/shield", NULL, NULL), 401);
	snprintf(path, sizeof(path), "/overview?tenant=%u", ministry);
	assert_int_equal(kit_status(&kit, &hai, "GET", path, NULL, NULL), 404);
	snprintf(path, sizeof(path), "/shield?tenant=%u", ministry);
	assert_int_equal(kit_status(&kit, &hai, "GET", path, NULL, NULL), 404);
}

static void test_provinces(void **state)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/overview", NULL, NULL);
	const json_t *provinces = json_object_get(answer.json, "provinces"), *row;

	assert_int_equal(json_array_size(provinces), 34);
	row = find(provinces, "province", "01");
	assert_int_equal(json_integer_value(json_object_get(row, "tenants")), 2);
	assert_int_equal(json_integer_value(json_object_get(row, "severity")), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "events")), expected(5).attacks);
	assert_int_equal(json_integer_value(json_object_get(row, "edges_down")), 2); /* have never said anything */
	row = find(provinces, "province", "92");
	assert_int_equal(json_integer_value(json_object_get(row, "severity")), 1);
	row = find(provinces, "province", "48");
	assert_int_equal(json_integer_value(json_object_get(row, "severity")), 0);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &hai, "GET", "/overview", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "provinces")), 1);
	kit_answer_done(&answer);
}

static void test_gravest(void **state)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/overview", NULL, NULL);
	const json_t *gravest = json_object_get(answer.json, "gravest"), *event;

	assert_non_null(find(gravest, "kind", "edge"));
	event = find(gravest, "kind", "event");
	assert_non_null(event);
	assert_int_equal(json_integer_value(json_object_get(event, "severity")), 1);
	assert_non_null(
		strstr(json_string_value(json_object_get(json_object_get(event, "title"), "vi")), "dò mật khẩu"));
	/* One for each rule and tenant, and it leads to the event. */
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/overview", NULL, NULL), 200);
	for (size_t i = 0, same = 0; i < json_array_size(gravest); i++) {
		same += strcmp(json_string_value(json_object_get(json_array_get(gravest, i), "kind")), "event") == 0;
		assert_true(same <= 2); /* stopped, and not */
	}
	kit_answer_done(&answer);
	answer = kit_request(&kit, &hai, "GET", "/overview", NULL, NULL);
	assert_null(find(json_object_get(answer.json, "gravest"), "kind", "event"));
	assert_non_null(find(json_object_get(answer.json, "edges"), "name", "Biên chung"));
	assert_null(find(json_object_get(answer.json, "edges"), "name", "Biên Hà Nội"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &nobody, "GET", "/overview", NULL, NULL); /* may not see edges */
	assert_int_equal(json_array_size(json_object_get(answer.json, "edges")), 0);
	kit_answer_done(&answer);
}

/* ---- What edges report ---- */

static int send_line(uint32_t from, const char *line)
{
	const struct batch_head head = {
		.edge = from, .boot = "0123456789abcdef0123456789abcdef", .seq = ++sequence, .made_us = now_us()
	};
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;
	int error;

	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	error = core_batch(kit.core, from, packed, now_us(), &ack);
	batch_writer_free(writer);
	return error;
}

/* 'unit' times: 1000 packets arrived, 600 passed, 300 dropped, 100 challenged. */
static void send_record(uint32_t from, int64_t made_us, unsigned int unit, const char *more)
{
	char line[2048], time[MOMENT_TEXT_SIZE];

	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"stats\",\"edge_status\":{\"version\":\"0.1.1\",\"cpu\":0.25,"
		"\"spool\":3,\"spool_bytes\":4096,\"lost\":1,\"failing_open\":false,\"drift\":[\"configuration\"],"
		"\"shield\":{\"arrived\":[%u,%u],\"passed\":[%u,60000],\"dropped\":[%u,30000],\"challenged\":[%u,1000],"
		"\"shadow\":[%u,500],\"steps\":{\"parse\":[%u,0],\"limit\":[%u,%u]},\"reasons\":{\"land\":[%u,0],"
		"\"limit-syn\":[%u,%u]}}%s}}",
		moment_format(made_us, time), 1000 * unit, 100000 * unit, 600 * unit, 300 * unit, 100 * unit, 50 * unit,
		100 * unit, 200 * unit, 50 * unit, 100 * unit, 200 * unit, 50 * unit, more);
	assert_int_equal(send_line(from, line), 0);
}

static json_int_t step_packets(const struct kit_answer *answer, const char *list, const char *key, const char *word)
{
	const json_t *row = find(json_object_get(answer->json, list), key, word);

	return row ? json_integer_value(json_object_get(row, "packets")) : -1;
}

static void check_funnel(const struct kit_session *session, const char *path)
{
	struct kit_answer answer = kit_request(&kit, session, "GET", path, NULL, NULL);
	const json_t *row;
	char id[16];

	assert_int_equal(answer.status, 200);
	assert_true(json_is_false(json_object_get(answer.json, "estimated")));
	assert_int_equal(step_packets(&answer, "funnel", "step", "arrived"), 2000);
	assert_int_equal(step_packets(&answer, "funnel", "step", "parse"), 200);
	assert_int_equal(step_packets(&answer, "funnel", "step", "limit"), 400);
	assert_int_equal(step_packets(&answer, "funnel", "step", "dropped"), 600);
	assert_int_equal(step_packets(&answer, "funnel", "step", "challenged"), 200);
	assert_int_equal(step_packets(&answer, "funnel", "step", "passed"), 1200);
	assert_int_equal(step_packets(&answer, "reasons", "reason", "limit-syn"), 400);
	assert_int_equal(sum(json_object_get(json_object_get(answer.json, "minutes"), "arrived")), 2000);
	snprintf(id, sizeof(id), "%u", edge);
	row = find(json_object_get(answer.json, "edges"), "id", id);
	assert_non_null(row);
	assert_true(json_number_value(json_object_get(row, "packets_ps")) == 200);
	assert_true(json_number_value(json_object_get(row, "drops_ps")) == 60);
	assert_true(json_number_value(json_object_get(row, "cpu")) == 0.25);
	assert_true(json_is_false(json_object_get(row, "failing_open")));
	kit_answer_done(&answer);
}

/* An edge of one organisation: its own see the whole funnel, others what was dropped of theirs. */
static void test_funnel(void **state)
{
	int64_t last_us = now_us() - US_PER_S;
	struct edgestate_view view;
	struct kit_answer answer;
	char path[64];
	bool known;

	send_record(edge, last_us - 10 * US_PER_S, 5, "");
	send_record(edge, last_us, 7, "");
	check_funnel(&kit.admin, "/shield");
	check_funnel(&lan, "/shield");
	snprintf(path, sizeof(path), "/shield?edge=%u", edge);
	check_funnel(&lan, path);
	core_lock(kit.core);
	known = edgestate_find(core_edgestate(kit.core), edge, now_us(), &view);
	core_unlock(kit.core);
	assert_true(known && view.spool == 3 && view.lost == 1 && view.drift_count == 1);
	assert_string_equal(view.version, "0.1.1");
	assert_string_equal(view.drift[0], "configuration");

	answer = kit_request(&kit, &hai, "GET", "/shield", NULL, NULL);
	assert_true(json_is_true(json_object_get(answer.json, "estimated")));
	assert_int_equal(step_packets(&answer, "funnel", "step", "arrived"), -1);
	assert_int_equal(json_array_size(json_object_get(answer.json, "edges")), 0);
	assert_true(step_packets(&answer, "funnel", "step", "dropped") % 70 == 0);
	assert_true(step_packets(&answer, "funnel", "step", "dropped") > 0);
	kit_answer_done(&answer);
	/* Records are not events. */
	answer = kit_request(&kit, &kit.admin, "GET", "/events?kind=other", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 0);
	kit_answer_done(&answer);
}

/* What is void, too soon or from the past changes nothing; an edge speaks of itself alone. */
static void test_distrust(void **state)
{
	static const char *const bad[] = { ",\"spool\":-1", ",\"cpu\":7", ",\"version\":\"\"", ",\"drift\":[\"<b>\"]",
		",\"failing_open\":1", ",\"shield\":{}", ",\"lost\":\"many\"" };
	struct edgestate_stats before, after;
	char line[512], time[MOMENT_TEXT_SIZE];

	core_lock(kit.core);
	edgestate_stats(core_edgestate(kit.core), &before);
	core_unlock(kit.core);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		/* The word that is wrong comes first, what is right is left out where it stands. */
		snprintf(line, sizeof(line),
			"{\"timestamp\":\"%s\",\"event_type\":\"stats\",\"edge_status\":{%s%s%s%s%s%s}}",
			moment_format(now_us(), time), bad[i] + 1,
			strstr(bad[i], "version") ? "" : ",\"version\":\"1\"",
			strstr(bad[i], "spool") ? ",\"spool_bytes\":0" : ",\"spool\":0,\"spool_bytes\":0",
			strstr(bad[i], "lost") ? "" : ",\"lost\":0",
			strstr(bad[i], "failing") ? "" : ",\"failing_open\":false",
			strstr(bad[i], "drift") ? "" : ",\"drift\":[]");
		assert_int_equal(send_line(edge, line), 0);
	}
	send_record(edge, now_us() - 100 * US_PER_S, 100, ""); /* from the past */
	core_lock(kit.core);
	edgestate_stats(core_edgestate(kit.core), &after);
	core_unlock(kit.core);
	assert_int_equal(after.invalid - before.invalid, ARRAY_COUNT(bad));
	assert_int_equal(after.refused - before.refused, 1);
	assert_int_equal(after.taken, before.taken);
	check_funnel(&kit.admin, "/shield");
}

/* As many as there may be: the board and the funnel must not outgrow the memory of one request. */
static void test_many_edges(void **state)
{
	struct kit_answer answer;
	int error;

	core_lock(kit.core);
	error = db_run(core_db(kit.core),
		"with recursive n (i) as (select 1000 union all select i + 1 from n where i < ?1) insert into edge "
		"(id, name, version,"
		" serial, serial_before, created_us, until_us, seen_us, revoked, boot, acked, lost, policy, epoch, "
		"have,"
		" have_us, all_tenants) select i, 'Điểm biên của một tổ chức', '', '', '', 0, 0, 0, 0, '', 0, 0, 0, 0, "
		"0, 0, 1 from n",
		DB_ARGS(db_i64(1000 + EDGES_MAX - 10)), NULL);
	core_unlock(kit.core);
	assert_int_equal(error, 0);
	kit_restart(&kit);
	answer = kit_request(&kit, &kit.admin, "GET", "/overview", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "edges")), 200);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/shield", NULL, NULL), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_refused), cmocka_unit_test(test_provinces),
		cmocka_unit_test(test_gravest), cmocka_unit_test(test_funnel), cmocka_unit_test(test_distrust),
		cmocka_unit_test(test_late), cmocka_unit_test(test_many_edges), /* the last: all these edges stay */
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
