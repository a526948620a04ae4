// SPDX-License-Identifier: Apache-2.0
/* Campaigns through the API: found from what edges send, named by people, blocked. */
#include "hub/console/test-decide.h"
#include "hub/core/journalfile.h"

enum { TRAFFIC = 2000, TRAFFIC_AT_ONCE = 1000, LINE_SIZE = 640 };

static struct kit kit;
static uint32_t health, banks, power, edge_health, edge_banks, edge_power;
static struct kit_session analyst, viewer, operator_, other;
static uint64_t seqs[8];

/* Another hub's journal, as far as it answers. */
static _Atomic bool copy_away;

static int copy_begin(void *context, const char *path)
{
	return 0;
}

static int copy_add(void *context, struct bytes frame)
{
	return 0;
}

static int copy_sync(void *context)
{
	return copy_away ? LUYTRE_E_BUSY : 0;
}

static const struct journal_copy copy = {
	.begin = copy_begin, .add = copy_add, .sync = copy_sync, .whole = copy_begin
};

static int setup(void **state)
{
	kit_journal_copy = &copy;
	if (kit_open(&kit))
		return -1;
	health = kit_tenant(&kit, 0, "Bộ Y tế");
	banks = kit_tenant(&kit, 0, "Ngân hàng");
	power = kit_tenant(&kit, 0, "Điện lực");
	kit_asset(&kit, kit_system(&kit, health, "Cổng"), "198.51.100.0/24");
	kit_asset(&kit, kit_system(&kit, banks, "Cổng"), "198.51.101.0/24");
	kit_asset(&kit, kit_system(&kit, power, "Cổng"), "198.51.102.0/24");
	analyst = kit_user(&kit, "lan", AUTH_ROLE_ANALYST, 0);
	viewer = kit_user(&kit, "thu", AUTH_ROLE_VIEWER, health);
	operator_ = kit_user(&kit, "binh", AUTH_ROLE_OPERATOR, banks);
	other = kit_user(&kit, "dung", AUTH_ROLE_VIEWER, power);
	kit_restart(&kit); /* the core knows the tenants */
	edge_health = decide_edge(&kit, "Biên Y tế", health);
	edge_banks = decide_edge(&kit, "Biên ngân hàng", banks);
	edge_power = decide_edge(&kit, "Biên điện lực", power);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* Ordinary requests to the power company: one browser, ten pages, from everywhere; the port that is attacked later is offered there. */
static void send_traffic(void)
{
	char(*lines)[LINE_SIZE] = calloc(TRAFFIC_AT_ONCE, LINE_SIZE), stamp[40];
	const char **views = calloc(TRAFFIC_AT_ONCE, sizeof(*views));

	assert_true(lines && views);
	decide_stamp(stamp);
	for (unsigned int sent = 0; sent < TRAFFIC; sent += TRAFFIC_AT_ONCE) {
		for (unsigned int i = 0; i < TRAFFIC_AT_ONCE; i++) {
			snprintf(lines[i], LINE_SIZE,
				"{\"timestamp\":\"%s\",\"event_type\":\"http\",\"src_ip\":\"100.%u.%u.1\",\"src_port\":"
				"4711,"
				"\"dest_ip\":\"198.51.102.5\",\"dest_port\":%u,\"proto\":\"TCP\",\"flow\":{\"pkts_"
				"toserver\":5,"
				"\"pkts_toclient\":4},\"tls\":{\"ja4\":\"t13d1516h2_8daaf6152771_b186095e22b6\"},"
				"\"http\":{\"url\":\"/trang/%c\"}}",
				stamp, 128 + (sent + i) / 250, (sent + i) % 250, i % 50 ? 443U : 8443U,
				'a' + (char)(i % 10));
			views[i] = lines[i];
		}
		decide_send(&kit, edge_power, ++seqs[edge_power], views, TRAFFIC_AT_ONCE);
	}
	free(views);
	free(lines);
}

/* One attack with the same tool. */
static void attack(uint32_t edge, const char *source)
{
	char line[LINE_SIZE * 2], stamp[40];
	const char *const lines[] = { line };

	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"alert\",\"src_ip\":\"%s\",\"src_port\":4711,\"dest_ip\":\"198."
		"51.%u.5\","
		"\"dest_port\":8443,\"proto\":\"TCP\",\"flow\":{\"pkts_toserver\":5,\"pkts_toclient\":4},"
		"\"tls\":{\"ja4\":\"t13d190900_9dc949149365_97f8aa674fd9\"},\"http\":{\"url\":\"/vpn/dang-nhap?u=x\"},"
		"\"alert\":{\"signature_id\":2049001,\"signature\":\"VPN "
		"exploit\",\"severity\":1,\"action\":\"allowed\","
		"\"category\":\"Web Application Attack\"}}",
		decide_stamp(stamp), source,
		edge == edge_health  ? 100U
		: edge == edge_banks ? 101U
				     : 102U);
	decide_send(&kit, edge, ++seqs[edge], lines, 1);
}

static size_t count_items(const struct kit_session *session, const char *path)
{
	struct kit_answer answer = kit_request(&kit, session, "GET", path, NULL, NULL);
	size_t count;

	assert_int_equal(answer.status, 200);
	count = json_array_size(json_object_get(answer.json, "items"));
	kit_answer_done(&answer);
	return count;
}

static uint32_t first_id(const struct kit_session *session)
{
	struct kit_answer answer = kit_request(&kit, session, "GET", "/campaigns", NULL, NULL);
	const json_t *item = json_array_get(json_object_get(answer.json, "items"), 0);
	uint32_t id = item ? (uint32_t)strtoul(json_string_value(json_object_get(item, "id")), NULL, 10) : 0;

	kit_answer_done(&answer);
	return id;
}

static struct kit_answer get(const struct kit_session *session, uint32_t id, const char *behind)
{
	char path[128];

	snprintf(path, sizeof(path), "/campaigns/%u%s", id, behind);
	return kit_request(&kit, session, "GET", path, NULL, NULL);
}

static void nothing_without_knowing_what_is_ordinary(void **state)
{
	attack(edge_health, "203.0.113.1");
	attack(edge_health, "203.0.113.2");
	attack(edge_banks, "203.0.113.3");
	assert_int_equal(count_items(&analyst, "/campaigns"), 0);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/campaigns", NULL, NULL), 401);
}

static void suspected_then_confirmed(void **state)
{
	struct kit_stream *stream = kit_stream_open(&kit, &analyst, "campaigns");
	struct kit_answer answer;
	uint32_t id;

	send_traffic();
	attack(edge_health, "203.0.113.11");
	attack(edge_health, "198.18.0.12");
	attack(edge_health, "192.0.2.13");
	assert_int_equal(count_items(&analyst, "/campaigns?state=confirmed"), 0);
	assert_int_equal(count_items(&analyst, "/campaigns?state=suspected"), 1);
	assert_int_equal(count_items(&viewer, "/campaigns"), 1); /* hit */
	assert_int_equal(count_items(&other, "/campaigns"), 0); /* not hit, not yet confirmed */
	id = first_id(&analyst);
	answer = get(&other, id, "");
	assert_int_equal(answer.status, 404);
	kit_answer_done(&answer);
	attack(edge_banks, "192.0.2.13");
	assert_true(kit_stream_heard(stream, "\"id\"", 2000));
	kit_stream_close(stream);
	assert_int_equal(count_items(&other, "/campaigns?state=confirmed"), 1);
	answer = get(&other, id, "");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "confirmed");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "sources")), 3);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "tenants")), 2);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "events")), 4);
	assert_true(json_array_size(json_object_get(answer.json, "features")) >= 2);
	assert_int_equal(
		json_integer_value(json_array_get(json_object_get(answer.json, "trend"), CAMPAIGN_TREND - 1)) +
			json_integer_value(json_array_get(json_object_get(answer.json, "trend"), CAMPAIGN_TREND - 2)),
		4);
	/* The power company offers the port that is attacked: it sees itself in the list of who is next. */
	assert_int_equal(json_array_size(json_object_get(answer.json, "next_likely")), 1);
	assert_int_equal(
		strtoul(json_string_value(json_array_get(json_object_get(answer.json, "next_likely"), 0)), NULL, 10),
		power);
	kit_answer_done(&answer);
	answer = get(&viewer, id, "");
	assert_int_equal(json_array_size(json_object_get(answer.json, "next_likely")), 0); /* another's */
	kit_answer_done(&answer);
}

/* A source that nobody saw, where nobody was hit: blocked at its first hit, for it shows the campaign's pair. */
static void the_fingerprint_blocks_at_the_first_hit(void **state)
{
	struct kit_answer answer;
	const json_t *item;
	char path[64];

	attack(edge_power, "203.0.113.99");
	snprintf(path, sizeof(path), "/decisions?campaign=%u", first_id(&analyst));
	answer = kit_request(&kit, &analyst, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(json_array_size(json_object_get(answer.json, "items")) >= 1);
	item = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(item, "source")), "203.0.113.99");
	assert_string_equal(json_string_value(json_object_get(item, "action")), "block");
	kit_answer_done(&answer);
}

static void the_matrix_masks_others(void **state)
{
	struct kit_answer answer = get(&viewer, first_id(&analyst), "/matrix");
	const json_t *tenants = json_object_get(answer.json, "tenants"), *cells = json_object_get(answer.json, "cells");
	size_t named = 0, i;
	const json_t *one;

	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "sources")), 4);
	assert_int_equal(json_array_size(tenants), 3);
	assert_int_equal(json_array_size(cells), 5);
	json_array_foreach (tenants, i, one) {
		bool own = json_is_string(json_object_get(one, "id"));

		named += own;
		assert_int_equal(own, strcmp(json_string_value(json_object_get(one, "name")), "Bộ Y tế") == 0);
	}
	assert_int_equal(named, 1);
	json_array_foreach (cells, i, one) {
		assert_int_equal(json_array_size(one), 4);
		assert_int_equal(json_integer_value(json_array_get(one, 3)), 1);
	}
	kit_answer_done(&answer);
	answer = get(&analyst, first_id(&analyst), "/matrix?from=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z");
	assert_int_equal(json_array_size(json_object_get(answer.json, "cells")), 0);
	kit_answer_done(&answer);
}

static void people_name_and_close(void **state)
{
	uint32_t id = first_id(&analyst);
	struct kit_answer answer;
	char path[64];

	snprintf(path, sizeof(path), "/campaigns/%u", id);
	assert_int_equal(kit_status(&kit, &operator_, "PATCH", path, "{\"name\":\"VPN\"}", "If-Match: \"r1\""), 403);
	assert_int_equal(kit_status(&kit, &analyst, "PATCH", path, "{\"name\":\"VPN\"}", NULL), 428);
	assert_int_equal(kit_status(&kit, &analyst, "PATCH", path, "{\"name\":\"VPN\"}", "If-Match: \"r9\""), 412);
	assert_int_equal(kit_status(&kit, &analyst, "PATCH", path, "{\"state\":\"nowhere\"}", "If-Match: \"r1\""), 400);
	answer = kit_request(
		&kit, &analyst, "PATCH", path, "{\"name\":\"Dò VPN\",\"note\":\"cùng công cụ\"}", "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "Dò VPN");
	assert_string_equal(answer.etag, "\"r2\"");
	kit_answer_done(&answer);
	answer = kit_request(&kit, &analyst, "PATCH", path, "{\"state\":\"closed\",\"note\":null}", "If-Match: \"r2\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "closed");
	assert_string_equal(kit_text(&answer, "name"), "Dò VPN");
	assert_true(json_is_null(json_object_get(answer.json, "note")));
	kit_answer_done(&answer);
	assert_int_equal(count_items(&analyst, "/campaigns?state=closed"), 1);
	assert_int_equal(count_items(&analyst, "/campaigns?text=vpn"), 1);
	assert_int_equal(count_items(&analyst, "/campaigns?text=nothing"), 0);
	snprintf(path, sizeof(path), "/campaigns?tenant=%u", banks);
	assert_int_equal(count_items(&analyst, path), 1);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path, NULL, NULL), 404);
}

/* A word about a campaign of revision 2; the number in the answer, 0 when it is refused with 'status'. */
static uint32_t say(uint32_t id, const char *verb, const char *body, const char *match, long status)
{
	struct kit_answer answer;
	uint32_t number = 0;
	char path[64];

	snprintf(path, sizeof(path), "/campaigns/%u/%s", id, verb);
	answer = kit_request(&kit, &analyst, "POST", path, body, match);
	if (answer.status != status)
		fail_msg("%s %s: %ld %s", path, body, answer.status, answer.text);
	if (status < 300)
		number = (uint32_t)strtoul(kit_text(&answer, "id"), NULL, 10);
	kit_answer_done(&answer);
	return number;
}

static uint64_t figure(uint32_t id, const char *key)
{
	struct kit_answer answer = get(&analyst, id, "");
	uint64_t number = (uint64_t)json_integer_value(json_object_get(answer.json, key));

	assert_int_equal(answer.status, 200);
	kit_answer_done(&answer);
	return number;
}

static void people_split_merge_and_take_it_back(void **state)
{
	uint32_t id = first_id(&analyst), one, two;
	struct kit_answer answer;
	char body[64], path[64];

	snprintf(path, sizeof(path), "/campaigns/%u/split", id);
	assert_int_equal(
		kit_status(&kit, &operator_, "POST", path, "{\"sources\":[\"192.0.2.13\"]}", "If-Match: \"r3\""), 403);
	say(id, "split", "{\"sources\":[\"192.0.2.13\"]}", NULL, 428);
	say(id, "split", "{\"sources\":[\"192.0.2.13\"]}", "If-Match: \"r2\"", 412);
	say(id, "split", "{\"sources\":[\"192.0.2.200\"]}", "If-Match: \"r3\"", 409); /* none of its */
	one = say(id, "split", "{\"sources\":[\"192.0.2.13\"]}", "If-Match: \"r3\"", 201);
	/* Who looked before that has to look again; what was refused is no change. */
	say(id, "split", "{\"sources\":[\"203.0.113.11\"]}", "If-Match: \"r3\"", 412);
	two = say(id, "split", "{\"sources\":[\"203.0.113.11\"]}", "If-Match: \"r4\"", 201);
	assert_int_equal(count_items(&analyst, "/campaigns"), 3);
	assert_int_equal(figure(id, "sources"), 2);
	assert_int_equal(figure(one, "sources"), 1);
	assert_int_equal(figure(one, "events"), 2);
	/* Back into what it came from is an undo; into another it is a merge. */
	snprintf(body, sizeof(body), "{\"with\":\"%u\"}", id);
	say(one, "merge", body, "If-Match: \"r1\"", 409);
	say(one, "merge", "{\"with\":\"4711\"}", "If-Match: \"r1\"", 404);
	snprintf(body, sizeof(body), "{\"with\":\"%u\"}", one);
	assert_int_equal(say(two, "merge", body, "If-Match: \"r1\"", 200), one);
	say(two, "merge", body, "If-Match: \"r1\"", 409); /* they are one */
	answer = get(&analyst, two, "");
	assert_int_equal(strtoul(kit_text(&answer, "id"), NULL, 10), one); /* leads there */
	assert_int_equal(json_array_size(json_object_get(answer.json, "merged")), 1);
	assert_int_equal(strtoul(kit_text(&answer, "split_from"), NULL, 10), id);
	kit_answer_done(&answer);
	assert_int_equal(figure(one, "events"), 3);
	snprintf(body, sizeof(body), "{\"campaign\":\"%u\"}", two);
	say(one, "undo", body, "If-Match: \"r1\"", 200);
	say(one, "undo", body, "If-Match: \"r1\"", 412);
	say(one, "undo", body, "If-Match: \"r2\"", 409);
	say(id, "undo", body, "If-Match: \"r5\"", 200);
	snprintf(body, sizeof(body), "{\"campaign\":\"%u\"}", one);
	say(id, "undo", body, "If-Match: \"r5\"", 412);
	say(id, "undo", body, "If-Match: \"r6\"", 200);
	assert_int_equal(figure(id, "revision"), 7);
	assert_int_equal(count_items(&analyst, "/campaigns"), 1);
	assert_int_equal(figure(id, "sources"), 4);
	assert_int_equal(count_items(&kit.admin, "/audit?action=campaign.split"), 2);
	assert_int_equal(count_items(&kit.admin, "/audit?action=campaign.merge"), 1);
	assert_int_equal(count_items(&kit.admin, "/audit?action=campaign.undo"), 3);
}

static void they_live_over_a_restart(void **state)
{
	uint32_t id = first_id(&analyst);
	struct kit_answer answer;

	kit_restart(&kit);
	answer = get(&analyst, id, "");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "Dò VPN");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "sources")), 4);
	kit_answer_done(&answer);
	attack(edge_banks, "198.18.0.12"); /* joins what was saved */
	answer = get(&analyst, id, "");
	/* So do the three of the beginning, which are rare now that others are known. */
	assert_int_equal(json_integer_value(json_object_get(answer.json, "events")), 9);
	assert_string_equal(kit_text(&answer, "name"), "Dò VPN");
	kit_answer_done(&answer);
}

/* What people ordered: the hub may have decided about the same source by itself. */
static size_t count_people(const char *path)
{
	struct kit_answer answer = kit_request(&kit, &analyst, "GET", path, NULL, NULL);
	size_t count = 0, i;
	const json_t *item;

	assert_int_equal(answer.status, 200);
	json_array_foreach (json_object_get(answer.json, "items"), i, item)
		count += strcmp(json_string_value(json_object_get(item, "owner")), "hub") != 0;
	kit_answer_done(&answer);
	return count;
}

static size_t count_orders(const char *path, size_t expected)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	size_t count = 0;

	for (int i = 0; i < 500; i++) {
		count = count_people(path);
		if (count >= expected)
			break;
		nanosleep(&pause, NULL);
	}
	return count;
}

static void all_sources_are_blocked(void **state)
{
	uint32_t id = first_id(&analyst);
	char path[64], body[256];

	snprintf(path, sizeof(path), "/campaigns/%u/block", id);
	snprintf(body, sizeof(body), "{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":50}");
	assert_int_equal(kit_status(&kit, &viewer, "POST", path, body, "If-Match: \"r7\""), 403);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, body, "If-Match: \"r7\""), 403); /* for all */
	assert_int_equal(kit_status(&kit, &analyst, "POST", path, body, "If-Match: \"r1\""), 412);
	assert_int_equal(kit_status(&kit, &analyst, "POST", path,
				 "{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":2}", "If-Match: \"r7\""),
		409);
	snprintf(body, sizeof(body),
		"{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":50,\"tenants\":[\"%u\"]}", health);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, body, "If-Match: \"r7\""), 404);
	snprintf(body, sizeof(body),
		"{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":50,\"tenants\":[\"%u\"]}", banks);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, body, "If-Match: \"r7\""), 202);
	snprintf(path, sizeof(path), "/decisions?tenant=%u&state=standing&text=192.0.2.13", banks);
	assert_true(count_orders(path, 1) >= 1);
	snprintf(path, sizeof(path), "/campaigns/%u/block", id);
	snprintf(body, sizeof(body), "{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":50}");
	assert_int_equal(kit_status(&kit, &analyst, "POST", path, body, "If-Match: \"r7\""), 202);
	assert_true(
		count_orders("/decisions?action=block&state=standing&source=203.0.113.11", 2) == 2); /* banks', all's */
}

static void wait_for_operation(const struct kit_session *session, const char *id, const char *state)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct kit_answer answer;
	char path[64];
	bool ended = false;

	snprintf(path, sizeof(path), "/operations/%s", id);
	for (int i = 0; i < 1000 && !ended; i++) {
		nanosleep(&pause, NULL);
		answer = kit_request(&kit, session, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		ended = strcmp(kit_text(&answer, "state"), "running") != 0;
		if (ended)
			assert_string_equal(kit_text(&answer, "state"), state);
		kit_answer_done(&answer);
	}
	assert_true(ended);
}

static int take_count(void *context, const struct db_value *columns, size_t column_count)
{
	*(int64_t *)context = columns[0].integer;
	return 0;
}

static int64_t count_own(uint32_t tenant)
{
	int64_t count = -1;

	assert_int_equal(db_each(kit.db, "select count(*) from hub_order where tenant = ?1", DB_ARGS(db_i64(tenant)),
				 take_count, &count),
		0);
	return count;
}

/* All orders go on before anything waits for the journal's copy; the same block again is no second one. */
static void a_block_is_stored_once(void **state)
{
	static const char *const ends[] = { "failed", "done", "done" };
	uint32_t id = first_id(&analyst);
	char path[64], body[256];

	snprintf(path, sizeof(path), "/campaigns/%u/block", id);
	snprintf(body, sizeof(body),
		"{\"reason\":\"one tool\",\"lifetime_s\":3600,\"at_most\":50,\"tenants\":[\"%u\"]}", power);
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		struct kit_answer answer;
		char operation[32];

		copy_away = i == 0;
		answer = kit_request(&kit, &analyst, "POST", path, body, "If-Match: \"r7\"");
		assert_int_equal(answer.status, 202);
		snprintf(operation, sizeof(operation), "%s", kit_text(&answer, "id"));
		kit_answer_done(&answer);
		wait_for_operation(&analyst, operation, ends[i]);
		assert_int_equal(count_own(power), figure(id, "sources"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_without_knowing_what_is_ordinary),
		cmocka_unit_test(suspected_then_confirmed),
		cmocka_unit_test(the_fingerprint_blocks_at_the_first_hit),
		cmocka_unit_test(the_matrix_masks_others),
		cmocka_unit_test(people_name_and_close),
		cmocka_unit_test(people_split_merge_and_take_it_back),
		cmocka_unit_test(they_live_over_a_restart),
		cmocka_unit_test(all_sources_are_blocked),
		cmocka_unit_test(a_block_is_stored_once),
	};

	return cmocka_run_group_tests_name("console-campaigns", tests, setup, teardown);
}
