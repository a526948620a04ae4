// SPDX-License-Identifier: Apache-2.0
/* Decisions through the API: made by what edges report and by people, seen, traced, vetoed, appealed against, lifted. */
#include <unistd.h>

#include "bus/delta.h"
#include "hub/console/test-decide.h"
#include "hub/core/journalfile.h"

static struct kit kit;
static uint32_t health, banks, edge_health, edge_banks;
static struct kit_session analyst, second, viewer, operator_, auditor;
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
	kit_asset(&kit, kit_system(&kit, health, "Cổng"), "198.51.100.0/24");
	kit_asset(&kit, kit_system(&kit, banks, "Cổng"), "198.51.101.0/24");
	analyst = kit_user(&kit, "lan", AUTH_ROLE_ANALYST, 0);
	second = kit_user(&kit, "minh", AUTH_ROLE_ANALYST, 0);
	auditor = kit_user(&kit, "an", AUTH_ROLE_AUDITOR, 0);
	viewer = kit_user(&kit, "thu", AUTH_ROLE_VIEWER, health);
	operator_ = kit_user(&kit, "binh", AUTH_ROLE_OPERATOR, banks);
	kit_restart(&kit); /* the core knows the tenants */
	edge_health = decide_edge(&kit, "Biên Y tế", health);
	edge_banks = decide_edge(&kit, "Biên ngân hàng", banks);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static void hit(uint32_t edge, const char *source)
{
	decide_hold(&kit, edge, ++seqs[edge], source, edge == edge_health ? "198.51.100.5" : "198.51.101.5");
}

/* The number of the newest decision about a source that the session sees; 0: none. */
static uint64_t id_of(const struct kit_session *session, const char *source)
{
	char path[128];
	struct kit_answer answer;
	const json_t *items;
	uint64_t id = 0;

	snprintf(path, sizeof(path), "/decisions?source=%s", source);
	answer = kit_request(&kit, session, "GET", path, NULL, NULL);
	assert_int_equal(answer.status, 200);
	items = json_object_get(answer.json, "items");
	if (json_array_size(items))
		id = strtoull(json_string_value(json_object_get(json_array_get(items, 0), "id")), NULL, 10);
	kit_answer_done(&answer);
	return id;
}

static struct kit_answer get(const struct kit_session *session, uint64_t id, const char *behind)
{
	char path[128];

	snprintf(path, sizeof(path), "/decisions/%llu%s", (unsigned long long)id, behind);
	return kit_request(&kit, session, "GET", path, NULL, NULL);
}

static long status_of(const struct kit_session *session, uint64_t id)
{
	struct kit_answer answer = get(session, id, "");
	long status = answer.status;

	kit_answer_done(&answer);
	return status;
}

static void lift(const struct kit_session *session, uint64_t id, long expected)
{
	struct kit_answer answer = get(session, id, "");
	char path[128], header[KIT_HEADER_SIZE + 16];

	assert_int_equal(answer.status, 200);
	snprintf(header, sizeof(header), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	snprintf(path, sizeof(path), "/decisions/%llu/lift", (unsigned long long)id);
	assert_int_equal(kit_status(&kit, session, "POST", path, "{\"reason\":\"a partner\"}", header), expected);
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

static void what_edges_report_is_seen_by_all(void **state)
{
	struct kit_answer answer;
	uint64_t id;

	assert_int_equal(kit_status(&kit, NULL, "GET", "/decisions", NULL, NULL), 401);
	assert_int_equal(count_items(&analyst, "/decisions"), 0);
	hit(edge_health, "203.0.113.9");
	id = id_of(&operator_, "203.0.113.9");
	assert_true(id >= ENGINE_ID_MIN);
	answer = get(&viewer, id, "");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "source"), "203.0.113.9");
	assert_string_equal(kit_text(&answer, "action"), "block");
	assert_string_equal(kit_text(&answer, "state"), "provisional");
	assert_string_equal(kit_text(&answer, "owner"), "hub");
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(answer.json, "explanation"), "vi")), "Tạm chặn"));
	kit_answer_done(&answer);
	hit(edge_banks, "203.0.113.9");
	answer = get(&viewer, id, "");
	assert_string_equal(kit_text(&answer, "state"), "standing");
	kit_answer_done(&answer);
	assert_int_equal(status_of(&viewer, id + (1 << 24)), 404);
}

static void filters_and_pages(void **state)
{
	char body[256], source[32], path[256];
	uint64_t last = UINT64_MAX;
	size_t seen = 0, pages = 0;

	assert_int_equal(count_items(&analyst, "/decisions?state=standing,provisional"), 1);
	assert_int_equal(count_items(&analyst, "/decisions?state=lifted"), 0);
	assert_int_equal(count_items(&analyst, "/decisions?action=watch"), 0);
	assert_int_equal(count_items(&analyst, "/decisions?action=block"), 1);
	assert_int_equal(count_items(&analyst, "/decisions?source=203.0.113.0/24"), 1);
	assert_int_equal(count_items(&analyst, "/decisions?source=203.0.114.0/24"), 0);
	assert_int_equal(count_items(&analyst, "/decisions?text=0.113.9"), 1);
	assert_int_equal(count_items(&analyst, "/decisions?text=nothing"), 0);
	assert_int_equal(count_items(&analyst, "/decisions?campaign=77"), 0);
	snprintf(path, sizeof(path), "/decisions?tenant=%u", health);
	assert_int_equal(count_items(&analyst, path), 1); /* it reported */
	assert_int_equal(kit_status(&kit, &operator_, "GET", path, NULL, NULL), 404); /* another's */
	for (unsigned int i = 0; i < 5; i++) {
		snprintf(source, sizeof(source), "192.0.2.%u", i + 1);
		snprintf(body, sizeof(body),
			"{\"source\":\"%s\",\"action\":\"block\",\"reason\":\"page\",\"lifetime_s\":3600}", source);
		assert_int_equal(kit_status(&kit, &analyst, "POST", "/decisions", body, NULL), 201);
	}
	snprintf(path, sizeof(path), "/decisions?limit=2&source=192.0.2.0/24");
	for (const char *next = path; next; pages++) {
		struct kit_answer answer = kit_request(&kit, &analyst, "GET", path, NULL, NULL);
		const json_t *items = json_object_get(answer.json, "items"), *item;
		size_t i;

		assert_int_equal(answer.status, 200);
		json_array_foreach (items, i, item) {
			uint64_t id = strtoull(json_string_value(json_object_get(item, "id")), NULL, 10);

			assert_true(id < last); /* newest first, none twice */
			assert_string_equal(json_string_value(json_object_get(item, "owner")), "lan");
			last = id;
			seen++;
		}
		next = json_string_value(json_object_get(answer.json, "next"));
		if (next)
			snprintf(path, sizeof(path), "/decisions?limit=2&source=192.0.2.0/24&cursor=%s", next);
		kit_answer_done(&answer);
	}
	assert_int_equal(seen, 5);
	assert_int_equal(pages, 3);
}

static void witnesses_are_masked(void **state)
{
	uint64_t id = id_of(&analyst, "203.0.113.9");
	struct kit_answer answer = get(&operator_, id, "/evidence");
	const json_t *items = json_object_get(answer.json, "items"), *item;
	size_t i, named = 0;

	assert_int_equal(json_array_size(items), 2);
	json_array_foreach (items, i, item) {
		const char *tenant = json_string_value(json_object_get(item, "tenant"));

		named += tenant != NULL;
		if (tenant)
			assert_int_equal(strtoul(tenant, NULL, 10), banks);
		assert_string_equal(json_string_value(json_object_get(item, "class")), "e3");
		assert_true(json_number_value(json_object_get(item, "weight")) > 0.5);
	}
	assert_int_equal(named, 1);
	kit_answer_done(&answer);
	answer = get(&analyst, id, "/evidence?limit=1");
	items = json_object_get(answer.json, "items");
	assert_int_equal(json_array_size(items), 1);
	assert_true(json_is_string(json_object_get(json_array_get(items, 0), "tenant")));
	assert_true(json_is_string(json_object_get(answer.json, "next")));
	kit_answer_done(&answer);
}

/* What the trace says of one edge: "waiting", "standing" and so on, and whether since when. */
static void expect_trace(uint64_t id, uint32_t edge, const char *state, bool timed)
{
	struct kit_answer answer = get(&analyst, id, "/trace");
	const json_t *items = json_object_get(answer.json, "items"), *item;
	bool found = false;
	size_t i;

	json_array_foreach (items, i, item) {
		if (strtoul(json_string_value(json_object_get(item, "edge")), NULL, 10) != edge)
			continue;
		assert_string_equal(json_string_value(json_object_get(item, "state")), state);
		assert_int_equal(json_is_string(json_object_get(item, "standing")), timed);
		found = true;
	}
	assert_true(found);
	kit_answer_done(&answer);
}

static void the_trace_says_since_when(void **state)
{
	struct kit_answer answer;
	uint64_t id;

	hit(edge_health, "203.0.113.20");
	id = id_of(&analyst, "203.0.113.20");
	expect_trace(id, edge_health, "waiting", false);
	decide_stands(&kit, edge_health);
	expect_trace(id, edge_health, "standing", true);
	expect_trace(id, edge_banks, "waiting", false);
	answer = get(&viewer, id, "/trace"); /* sees the edge before its own organisation alone */
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
	kit_answer_done(&answer);
	answer = get(&analyst, id, "");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "edges_standing")), 1);
	kit_answer_done(&answer);
	kit_restart(&kit);
	expect_trace(id, edge_health, "waiting", false); /* nobody has said anything since */
	decide_stands(&kit, edge_health);
	expect_trace(id, edge_health, "standing", false); /* since before the start */
}

static void an_edge_refuses(void **state)
{
	uint64_t id = id_of(&analyst, "203.0.113.20");
	char line[256], stamp[40];
	const char *const lines[] = { line };
	struct kit_answer answer;

	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"edge\",\"edge\":{\"veto\":{\"decision\":%llu,\"tenant\":%u}}}",
		decide_stamp(stamp), (unsigned long long)id, banks);
	decide_send(&kit, edge_banks, ++seqs[edge_banks], lines, 1);
	expect_trace(id, edge_banks, "vetoed", false);
	/* The veto of one who is trusted as much as the one who reported ends it. */
	answer = get(&analyst, id, "");
	assert_string_equal(kit_text(&answer, "state"), "lifted");
	kit_answer_done(&answer);
}

/* More than a console is told one by one: it hears that it should read anew. */
static void a_flood_of_changes_is_one_word(void **state)
{
	enum { CHANGES = 200 };
	struct kit_stream *stream = kit_stream_open(&kit, &analyst, "decisions");
	struct observable source;
	const struct engine_order made = {
		.observable = &source, .level = DECIDE_BLOCK, .class = DECIDE_WEB, .lifetime_s = 60, .person = 1
	};

	for (unsigned int i = 0; i < CHANGES; i++) {
		struct ip_addr addr = ip_addr_v4((const uint8_t[]){ 192, 0, 2, (uint8_t)i });
		int error;

		observable_of_addr(&addr, &source);
		core_lock(kit.core);
		error = engine_order(core_engine(kit.core), decide_now_us(), &made, NULL);
		core_unlock(kit.core);
		assert_int_equal(error, 0);
	}
	assert_true(kit_stream_heard(stream, "\"resync\":true", 3000));
	kit_stream_close(stream);
}

static void orders_of_people(void **state)
{
	static const char *const everybody =
		"{\"source\":\"203.0.113.30\",\"action\":\"block\",\"reason\":\"scans\",\"lifetime_s\":3600}";
	struct kit_stream *stream = kit_stream_open(&kit, &operator_, "decisions");
	struct kit_answer answer;
	char body[256];
	uint64_t id;

	assert_int_equal(kit_status(&kit, &viewer, "POST", "/decisions", everybody, NULL), 403);
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions", everybody, NULL), 403);
	snprintf(body, sizeof(body),
		"{\"source\":\"203.0.113.30\",\"action\":\"block\",\"reason\":\"scans\",\"lifetime_s\":3600,\"tenant\":"
		"\"%u\"}",
		health);
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions", body, NULL), 404);
	snprintf(body, sizeof(body),
		"{\"source\":\"203.0.113.30\",\"action\":\"block\",\"reason\":\"scans\",\"lifetime_s\":3600,\"tenant\":"
		"\"%u\"}",
		banks);
	answer = kit_request(&kit, &operator_, "POST", "/decisions", body, NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), "standing");
	assert_string_equal(kit_text(&answer, "owner"), "binh");
	assert_int_equal(strtoul(kit_text(&answer, "tenant"), NULL, 10), banks);
	id = strtoull(kit_text(&answer, "id"), NULL, 10);
	assert_true(id < ENGINE_ID_MIN);
	kit_answer_done(&answer);
	assert_true(kit_stream_heard(stream, "\"put\"", 2000));
	assert_int_equal(status_of(&viewer, id), 404);
	assert_int_equal(id_of(&viewer, "203.0.113.30"), 0);
	assert_int_equal(id_of(&analyst, "203.0.113.30"), id);
	decide_stands(&kit, edge_banks);
	expect_trace(id, edge_banks, "standing", true);
	kit_restart(&kit);
	kit_stream_close(stream);
	answer = get(&operator_, id, "");
	assert_string_equal(kit_text(&answer, "state"), "standing");
	kit_answer_done(&answer);
	lift(&operator_, id, 200);
	answer = get(&operator_, id, "");
	assert_string_equal(kit_text(&answer, "state"), "lifted");
	kit_answer_done(&answer);
	lift(&operator_, id, 200); /* the same again */
	lift(&analyst, id, 409);
}

/* The tenant's own decision is in what a new edge fetches. */
static void tenants_orders_are_in_snapshots(void **state)
{
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct delta_snapshot snapshot;
	struct delta_change put;
	struct core_bundle *bundle;
	struct bundle opened;
	struct bytes file;
	size_t pos = 0, found = 0;
	char body[256];

	snprintf(body, sizeof(body),
		"{\"source\":\"203.0.113.31\",\"action\":\"block\",\"reason\":\"scans\",\"lifetime_s\":3600,\"tenant\":"
		"\"%u\"}",
		banks);
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions", body, NULL), 201);
	core_policy_key(kit.core, keys[0]);
	assert_int_equal(core_snapshot(kit.core, decide_now_us(), &bundle), 0);
	assert_int_equal(bundle_open(bundle->text, keys, 1, &opened), 0);
	assert_true(bundle_find(&opened, "decisions.bin", &file));
	assert_int_equal(delta_snapshot_open(file, &snapshot), 0);
	while (delta_snapshot_next(&snapshot, &pos, &put))
		found += put.tenant == banks && put.prefix.addr.bytes[3] == 31;
	assert_int_equal(found, 1);
	core_bundle_unref(bundle);
}

static void two_persons(void **state)
{
	static const char *const wide =
		"{\"source\":\"198.18.0.0/16\",\"action\":\"block\",\"reason\":\"hijacked\",\"lifetime_s\":3600}";
	struct kit_answer answer = kit_request(&kit, &analyst, "POST", "/decisions", wide, NULL);
	uint64_t id;

	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), "pending");
	id = strtoull(kit_text(&answer, "id"), NULL, 10);
	kit_answer_done(&answer);
	assert_int_equal(id_of(&operator_, "198.18.0.0/16"), 0); /* waits for those who decide for all */
	assert_int_equal(id_of(&second, "198.18.0.0/16"), id);
	assert_int_equal(kit_status(&kit, &analyst, "POST", "/decisions", wide, NULL), 409);
	answer = kit_request(&kit, &second, "POST", "/decisions", wide, NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), "standing");
	assert_string_equal(kit_text(&answer, "owner"), "lan");
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(answer.json, "explanation"), "en")), "hijacked"));
	kit_answer_done(&answer);
	lift(&operator_, id_of(&operator_, "198.18.0.0/16"), 403);
	lift(&second, id_of(&second, "198.18.0.0/16"), 200);
	/* One that is withdrawn. */
	answer = kit_request(&kit, &analyst, "POST", "/decisions", wide, NULL);
	id = strtoull(kit_text(&answer, "id"), NULL, 10);
	kit_answer_done(&answer);
	lift(&second, id, 200);
	answer = get(&analyst, id, "");
	assert_string_equal(kit_text(&answer, "state"), "refused");
	kit_answer_done(&answer);
}

static void a_dry_run_does_nothing(void **state)
{
	struct kit_answer answer = kit_request(&kit, &analyst, "POST", "/decisions",
		"{\"source\":\"203.0.113.40\",\"action\":\"block\",\"reason\":\"scans\",\"lifetime_s\":60,\"dry_run\":"
		"true}",
		NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "id"), "0");
	kit_answer_done(&answer);
	assert_int_equal(id_of(&analyst, "203.0.113.40"), 0);
}

static void what_is_decided_needs_a_revision(void **state)
{
	uint64_t id = id_of(&analyst, "192.0.2.1");
	char path[128];

	snprintf(path, sizeof(path), "/decisions/%llu/lift", (unsigned long long)id);
	assert_int_equal(kit_status(&kit, &analyst, "POST", path, "{\"reason\":\"wrong\"}", NULL), 428);
	assert_int_equal(kit_status(&kit, &analyst, "POST", path, "{\"reason\":\"wrong\"}", "If-Match: \"r1\""), 412);
	lift(&analyst, id, 200);
}

static double trust_of(uint32_t tenant)
{
	double trust;

	core_lock(kit.core);
	trust = reporters_trust(engine_reporters(core_engine(kit.core)), decide_now_us(), tenant);
	core_unlock(kit.core);
	return trust;
}

static void appeals(void **state)
{
	double before = trust_of(health);
	uint64_t id = id_of(&analyst, "203.0.113.9");
	struct kit_answer answer;
	char path[128], answer_path[128];

	snprintf(path, sizeof(path), "/decisions/%llu/appeals", (unsigned long long)id);
	assert_int_equal(kit_status(&kit, &viewer, "POST", path, "{\"text\":\"a partner\"}", NULL), 403);
	answer = kit_request(
		&kit, &operator_, "POST", path, "{\"text\":\"a partner\",\"contact\":\"binh@example.vn\"}", NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), "open");
	snprintf(answer_path, sizeof(answer_path), "/appeals/%s/answer", kit_text(&answer, "id"));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &operator_, "POST", path, "{\"text\":\"again\"}", NULL), 409);
	assert_int_equal(count_items(&operator_, "/appeals"), 1);
	assert_int_equal(count_items(&analyst, "/appeals?state=open"), 1);
	assert_int_equal(count_items(&analyst, "/appeals?state=upheld"), 0);
	assert_int_equal(count_items(&viewer, "/appeals"), 0);
	assert_int_equal(kit_status(&kit, &operator_, "POST", answer_path, "{\"state\":\"upheld\",\"reason\":\"yes\"}",
				 "If-Match: \"r1\""),
		403);
	assert_int_equal(kit_status(&kit, &viewer, "POST", answer_path, "{\"state\":\"upheld\",\"reason\":\"yes\"}",
				 "If-Match: \"r1\""),
		403);
	answer = kit_request(&kit, &analyst, "POST", answer_path,
		"{\"state\":\"upheld\",\"reason\":\"a partner indeed\"}", "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "upheld");
	assert_string_equal(kit_text(&answer, "answer"), "a partner indeed");
	kit_answer_done(&answer);
	answer = get(&analyst, id, "");
	assert_string_equal(kit_text(&answer, "state"), "lifted");
	kit_answer_done(&answer);
	assert_true(trust_of(health) < before);
	assert_int_equal(count_items(&analyst, "/appeals?state=upheld"), 1);
	assert_int_equal(count_items(&analyst, "/appeals"), 1);
	assert_int_equal(kit_status(&kit, &analyst, "POST", answer_path, "{\"state\":\"rejected\",\"reason\":\"nope\"}",
				 "If-Match: \"r2\""),
		409);
}

static void everything_at_once(void **state)
{
	static const char *const sure = "{\"confirm\":\"undo-all\",\"reason\":\"a bad rule\"}";
	struct kit_answer answer;
	uint64_t id;

	hit(edge_banks, "203.0.113.50");
	id = id_of(&analyst, "203.0.113.50");
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions:undo-all", sure, NULL), 403);
	assert_int_equal(kit_status(&kit, &auditor, "POST", "/decisions:undo-all", sure, NULL), 403);
	assert_int_equal(kit_status(&kit, &analyst, "POST", "/decisions:undo-all",
				 "{\"confirm\":\"yes\",\"reason\":\"why\"}", NULL),
		400);
	answer = kit_request(&kit, &analyst, "POST", "/decisions:undo-all", sure, NULL);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	for (int i = 0; i < 100; i++) {
		const struct timespec pause = { .tv_nsec = 20000000 };

		answer = get(&analyst, id, "");
		if (strcmp(kit_text(&answer, "state"), "lifted") == 0)
			break;
		kit_answer_done(&answer);
		nanosleep(&pause, NULL);
	}
	assert_string_equal(kit_text(&answer, "state"), "lifted");
	kit_answer_done(&answer);
	assert_true(id_of(&analyst, "192.0.2.2") != 0); /* people's orders stay */
	assert_int_equal(count_items(&analyst, "/decisions?state=provisional"), 0);
}

/* Who is told that it is done is right even if this hub ends the moment after. */
static void nothing_is_done_before_the_next_hub_knows(void **state)
{
	static const char body[] = "{\"source\":\"203.0.113.77\",\"action\":\"block\",\"reason\":\"a bot\","
				   "\"lifetime_s\":600}";
	struct kit_answer answer;
	uint64_t id;

	copy_away = true;
	answer = kit_request(&kit, &analyst, "POST", "/decisions", body, "Idempotency-Key: settle-1");
	assert_int_equal(answer.status, 503);
	assert_int_equal(atoi(answer.retry_after), 1);
	kit_answer_done(&answer);
	copy_away = false;
	assert_int_equal(kit_status(&kit, &analyst, "POST", "/decisions", body, "Idempotency-Key: settle-1"), 201);
	id = id_of(&analyst, "203.0.113.77");
	assert_true(id != 0);
	copy_away = true;
	lift(&analyst, id, 503);
	copy_away = false;
	for (int i = 0; i < 100 && status_of(&analyst, id) != 200; i++)
		usleep(50000);
	answer = get(&analyst, id, "");
	assert_string_equal(kit_text(&answer, "state"), "lifted");
	kit_answer_done(&answer);
}

static uint64_t answered_id(const struct kit_session *session, const char *body, const char *state)
{
	struct kit_answer answer = kit_request(&kit, session, "POST", "/decisions", body, NULL);
	uint64_t id;

	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "state"), state);
	id = strtoull(kit_text(&answer, "id"), NULL, 10);
	kit_answer_done(&answer);
	return id;
}

static int take_count(void *context, const struct db_value *columns, size_t column_count)
{
	*(int64_t *)context = columns[0].integer;
	return 0;
}

static int64_t count_rows(const char *source)
{
	int64_t count = -1;

	assert_int_equal(db_each(kit.db, "select count(*) from hub_order where source = ?1", DB_ARGS(db_str(source)),
				 take_count, &count),
		0);
	return count;
}

/* "Send it again" does nothing twice: neither an order of a tenant, nor a wide one, nor a lift. */
static void what_was_not_stored_is_sent_again(void **state)
{
	static const char *const wide =
		"{\"source\":\"198.19.0.0/16\",\"action\":\"block\",\"reason\":\"hijacked\",\"lifetime_s\":3600}";
	char own[256], path[128], header[KIT_HEADER_SIZE + 16];
	struct kit_answer answer;
	uint64_t id;

	snprintf(own, sizeof(own),
		"{\"source\":\"203.0.113.78\",\"action\":\"block\",\"reason\":\"a bot\",\"lifetime_s\":600,"
		"\"tenant\":\"%u\"}",
		banks);
	copy_away = true;
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions", own, NULL), 503);
	assert_int_equal(kit_status(&kit, &operator_, "POST", "/decisions", own, NULL), 503);
	copy_away = false;
	id = answered_id(&operator_, own, "standing");
	assert_int_equal(answered_id(&operator_, own, "standing"), id);
	assert_int_equal(count_rows("203.0.113.78/32"), 1);
	answered_id(&analyst, wide, "pending");
	copy_away = true;
	assert_int_equal(kit_status(&kit, &second, "POST", "/decisions", wide, NULL), 503);
	copy_away = false;
	answered_id(&second, wide, "standing");
	answered_id(&analyst, wide, "standing");
	assert_int_equal(count_rows("198.19.0.0/16"), 1);
	for (int i = 0; i < 2; i++) { /* of the tenant; of all */
		const struct kit_session *who = i ? &second : &operator_;

		id = i ? id_of(&second, "198.19.0.0/16") : id;
		answer = get(who, id, "");
		snprintf(header, sizeof(header), "If-Match: %s", answer.etag);
		kit_answer_done(&answer);
		snprintf(path, sizeof(path), "/decisions/%llu/lift", (unsigned long long)id);
		copy_away = true;
		assert_int_equal(kit_status(&kit, who, "POST", path, "{\"reason\":\"a partner\"}", header), 503);
		assert_int_equal(kit_status(&kit, who, "POST", path, "{\"reason\":\"a partner\"}", header), 503);
		copy_away = false;
		answer = kit_request(&kit, who, "POST", path, "{\"reason\":\"a partner\"}", header);
		assert_int_equal(answer.status, 200);
		assert_string_equal(kit_text(&answer, "state"), "lifted");
		kit_answer_done(&answer);
		/* Another person did not ask for that. */
		assert_int_equal(kit_status(&kit, &analyst, "POST", path, "{\"reason\":\"a partner\"}", header), 412);
	}
	/* After the lift it is a new order. */
	assert_true(answered_id(&operator_, own, "standing") != 0);
	assert_int_equal(count_rows("203.0.113.78/32"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_edges_report_is_seen_by_all),
		cmocka_unit_test(filters_and_pages),
		cmocka_unit_test(witnesses_are_masked),
		cmocka_unit_test(the_trace_says_since_when),
		cmocka_unit_test(an_edge_refuses),
		cmocka_unit_test(orders_of_people),
		cmocka_unit_test(tenants_orders_are_in_snapshots),
		cmocka_unit_test(two_persons),
		cmocka_unit_test(a_dry_run_does_nothing),
		cmocka_unit_test(what_is_decided_needs_a_revision),
		cmocka_unit_test(appeals),
		cmocka_unit_test(nothing_is_done_before_the_next_hub_knows),
		cmocka_unit_test(what_was_not_stored_is_sent_again),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(a_flood_of_changes_is_one_word),
	};

	return cmocka_run_group_tests_name("console-decisions", tests, setup, teardown);
}
