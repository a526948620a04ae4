// SPDX-License-Identifier: Apache-2.0
/* Holds with either database: made of findings, proved by what web servers and sensors say, enforced, held, suspended, lifted. The rules are those of
 * rules/gate, and two of a sensor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/holdfile.h"
#include "hub/posture/finding.h"
#include "hub/posture/hold.h"
#include "hub/posture/holdrules.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/tenants.h"

#define SECOND     INT64_C(1000000)
#define START      (20000 * CLOCK_DAY_US)
#define TEXT(text) bytes_from_str(text)

enum { EDGE = 3, OTHER_EDGE = 4, JUDGED_BESIDE = 100 };

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];
static struct holdrules *rules;

/* Two tenants: one with an address and a name, one with an address. */
static struct fixture {
	struct db *db;
	struct audit_origin origin;
	uint32_t tenants[2], systems[2], address, name, theirs;
	struct hold_rows rows;
	struct hold_room room;
	char folder[32];
} f;

static uint32_t add_asset(uint32_t system, const char *value)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	return asset.id;
}

static void make_tenants(void)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };

	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { 0 };
		struct tenant_system system = { .level = 3 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		f.tenants[i] = system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng %zu", i);
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		f.systems[i] = system.id;
	}
	f.address = add_asset(f.systems[0], "192.0.2.80");
	f.name = add_asset(f.systems[0], "www.example.vn");
	f.theirs = add_asset(f.systems[1], "198.51.100.0/24");
}

static int setup(void **state, const char *place)
{
	char why[DB_WHY_SIZE];

	f = (struct fixture){ .origin = { .actor = "account:7 an", .now_us = START }, .room = hold_room_default };
	if (db_open(place, &f.db, why))
		return -1;
	if (db_is_postgres(f.db)) {
		if (db_run(f.db, "drop schema public cascade", DB_NO_ARGS, NULL) ||
			db_run(f.db, "create schema public", DB_NO_ARGS, NULL))
			return -1;
		db_close(f.db);
		if (db_open(place, &f.db, why))
			return -1;
	}
	if (audit_setup(f.db) || tenants_setup(f.db) || posture_setup(f.db) || posture_setup(f.db) ||
		hold_cover(f.db, rules, NULL)) {
		print_error("%s\n", db_why(f.db));
		return -1;
	}
	make_tenants();
	*state = &f;
	return 0;
}

static int setup_sqlite(void **state)
{
	return setup(state, "sqlite::memory:");
}

static int setup_postgres(void **state)
{
	*state = NULL;
	return postgres_place[0] ? setup(state, postgres_place) : 0;
}

static int teardown(void **state)
{
	if (*state) {
		hold_rows_done(&f.rows);
		db_close(f.db);
	}
	return 0;
}

/* ---- Small steps ---- */

static int64_t report_at(const char *address, const char *cve, uint8_t protocol, uint16_t port)
{
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = &f.origin, .part = FINDING_BY_EVIDENCE
	};
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = TEXT(address),
		.protocol = protocol,
		.port = port,
		.cve = TEXT(cve),
		.rule = TEXT("check"),
		.title = TEXT("hole"),
		.severity = 4 };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id = 0;

	assert_int_equal(finding_import_begin(&call, "nuclei", 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	return id;
}

static struct finding finding_of(int64_t id)
{
	const struct finding_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct finding row;

	assert_int_equal(finding_get(&call, id, &row), 0);
	return row;
}

static void bring(int64_t id, enum finding_part part, enum finding_state to)
{
	const struct finding_call call = { .db = f.db, .scope = &nation, .origin = &f.origin, .part = part };
	const struct finding_change change = { .id = id,
		.revision = finding_of(id).revision,
		.to = to,
		.reason = "đã kiểm tra",
		.expires_us = f.origin.now_us + CLOCK_DAY_US };

	assert_int_equal(finding_change(&call, &change, NULL), 0);
}

/* As the engine does: passes until nothing changes. Returns how many slices that took. */
static size_t sync_holds(void)
{
	bool changed = true, more;
	size_t steps = 0;

	while (changed) {
		struct hold_pass *pass;

		changed = false;
		assert_int_equal(hold_pass_begin(f.db, &pass), 0);
		do {
			assert_int_equal(hold_pass_step(pass, &f.origin, &more, &changed), 0);
			steps++;
		} while (more);
		hold_pass_end(pass);
	}
	return steps;
}

static void refresh(void)
{
	hold_rows_done(&f.rows);
	assert_int_equal(hold_rows_read(f.db, &f.room, f.origin.now_us, &f.rows), 0);
}

static bool serves_all(const void *context, uint32_t tenant)
{
	return true;
}

static bool serves_none(const void *context, uint32_t tenant)
{
	return false;
}

static struct hold_judged judge(uint32_t edge, hold_serves_fn serves)
{
	struct hold_judged judged;

	refresh();
	assert_int_equal(hold_judge(f.db, edge, &f.rows, serves, NULL, f.origin.now_us, &judged), 0);
	return judged;
}

/* Whether the edge is told to enforce it. */
static bool is_told(uint32_t edge, int64_t hold, bool *ret_changed)
{
	struct hold_judged judged = judge(edge, serves_all);
	bool enforce = false;

	for (size_t i = 0; i < judged.count; i++)
		if (judged.marks[i].hold == hold)
			enforce = judged.marks[i].enforce;
	if (ret_changed)
		*ret_changed = judged.changed;
	free(judged.marks);
	return enforce;
}

static void settle(void)
{
	bool more = true;

	while (more)
		assert_int_equal(hold_settle(f.db, &f.origin, &more), 0);
}

static void tick(void)
{
	bool changed = false;
	int64_t next_us;

	assert_int_equal(hold_tick(f.db, &f.origin, HOLD_BUDGET_US, &changed, &next_us), 0);
}

struct said {
	uint32_t worker, workers;
	int64_t stamp;
	bool enforce, known;
	enum hold_verdict verdict;
};

static void say(uint32_t edge, const char *gate, const struct hold *hold, const struct said *said)
{
	struct hold_report report = { .worker = said->worker,
		.workers = said->workers,
		.part = 1,
		.parts = 1,
		.stamp = said->stamp,
		.row_count = 1 };

	snprintf(report.gate, sizeof(report.gate), "%s", gate);
	report.rows[0] = (struct hold_report_row){ .hold = (uint64_t)hold->id,
		.rule = hold->rule,
		.enforce = said->enforce,
		.known = said->known,
		.verdict = (uint8_t)said->verdict };
	assert_int_equal(hold_report_take(f.db, edge, &report, f.origin.now_us), 0);
}

static void say_good(uint32_t edge, const struct hold *hold, bool enforce)
{
	say(edge, "ab", hold,
		&(struct said){ .workers = 1,
			.stamp = f.origin.now_us,
			.enforce = enforce,
			.known = true,
			.verdict = HOLD_VERDICT_GOOD });
}

static int keep_hold(void *context, const struct hold *hold)
{
	*(struct hold *)context = *hold;
	return 0;
}

/* The newest hold; number 0: there is none. */
static struct hold the_hold(void)
{
	const struct hold_query query = { .state = HOLD_STATE_COUNT, .limit = 1 };
	struct hold hold = { 0 };

	assert_int_equal(hold_each(f.db, &nation, &query, keep_hold, &hold), 0);
	return hold;
}

static int count_hold(void *context, const struct hold *hold)
{
	++*(size_t *)context;
	return 0;
}

static size_t count_holds(const struct scope *scope, struct hold_query query)
{
	size_t count = 0;

	query.limit = query.limit ? query.limit : FINDING_PAGE_MAX;
	assert_int_equal(hold_each(f.db, scope, &query, count_hold, &count), 0);
	return count;
}

/* From a finding to a hold that stands at the edge. */
static struct hold make_standing(int64_t *ret_finding)
{
	struct hold hold;

	*ret_finding = report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	refresh();
	hold = the_hold();
	f.origin.now_us += SECOND;
	say_good(EDGE, &hold, false);
	assert_false(is_told(EDGE, hold.id, NULL));
	f.origin.now_us += HOLD_BUDGET_US;
	tick();
	assert_true(is_told(EDGE, hold.id, NULL));
	say_good(EDGE, &hold, true);
	assert_true(is_told(EDGE, hold.id, NULL));
	settle();
	return the_hold();
}

/* ---- Findings to holds ---- */

static void test_which(void **state)
{
	static const struct {
		const char *name, *target, *cve;
		uint8_t protocol;
		uint16_t port;
		bool held;
	} rows[] = {
		{ "web", "192.0.2.80", "CVE-2021-44228", 6, 443, true },
		{ "port not said", "192.0.2.80", "CVE-2021-44228", 0, 0, true },
		{ "odd port", "192.0.2.80", "CVE-2021-44228", 6, 8443, true },
		{ "a name", "www.example.vn", "CVE-2021-44228", 6, 443, true },
		{ "in a prefix", "198.51.100.7", "CVE-2021-44228", 6, 80, true },
		{ "not HTTP", "192.0.2.80", "CVE-2021-44228", 6, 22, false },
		{ "UDP", "192.0.2.80", "CVE-2021-44228", 17, 443, false },
		{ "no rule", "192.0.2.80", "CVE-2001-0001", 6, 443, false },
		{ "no CVE", "192.0.2.80", "", 6, 443, false },
	};

	if (!*state)
		skip();
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int64_t id = report_at(rows[i].target, rows[i].cve, rows[i].protocol, rows[i].port);
		struct hold hold;

		sync_holds();
		hold = the_hold();
		if ((hold.id && hold.state != HOLD_LIFTED) != rows[i].held)
			fail_msg("%s", rows[i].name);
		bring(id, FINDING_BY_APPROVER, FINDING_FALSE_ALARM);
		sync_holds();
		if (rows[i].held)
			assert_int_equal(the_hold().state, HOLD_LIFTED);
	}
}

/* Two findings share it; it goes with the last, and comes back with the same number. */
static void test_shared(void **state)
{
	int64_t first, second, id;
	struct hold hold;

	if (!*state)
		skip();
	first = report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	second = report_at("192.0.2.80", "CVE-2021-45046", 6, 8443);
	report_at("198.51.100.7", "CVE-2021-44228", 6, 443); /* another's: another hold */
	sync_holds();
	assert_int_equal(count_holds(&nation, (struct hold_query){ .state = HOLD_SHADOW }), 2);
	assert_int_equal(count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT, .asset = f.address }), 1);
	assert_int_equal(
		count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT, .cve = "CVE-2021-45046" }), 1);
	assert_int_equal(
		count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT, .tenant = f.tenants[1] }), 1);
	assert_int_equal(count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT, .rule = 8100020 }), 0);
	assert_int_equal(count_holds(&(struct scope){ .tenants = &f.tenants[0], .tenant_count = 1 },
				 (struct hold_query){ .state = HOLD_STATE_COUNT }),
		1);
	assert_int_equal(db_integer(f.db, "select id from hold where asset = ?1", DB_ARGS(db_i64(f.address)), &id), 0);
	assert_int_equal(hold_get(f.db, &nation, id, &hold), 0);
	assert_int_equal(hold.finding_count, 2);
	assert_int_equal(hold_get(f.db, &(struct scope){ .tenants = &f.tenants[1], .tenant_count = 1 }, id, &hold),
		LUYTRE_E_NOT_FOUND);
	bring(first, FINDING_BY_APPROVER, FINDING_FALSE_ALARM);
	sync_holds();
	assert_int_equal(hold_get(f.db, &nation, id, &hold), 0);
	assert_int_equal(hold.state, HOLD_SHADOW);
	assert_int_equal(hold.finding_count, 1);
	bring(second, FINDING_BY_EVIDENCE, FINDING_VERIFIED);
	sync_holds();
	assert_int_equal(hold_get(f.db, &nation, id, &hold), 0);
	assert_int_equal(hold.state, HOLD_LIFTED);
	assert_int_equal(hold.end, HOLD_END_MENDED);
	f.origin.now_us += SECOND;
	assert_int_equal(report_at("192.0.2.80", "CVE-2021-45046", 6, 8443), second);
	sync_holds();
	assert_int_equal(hold_get(f.db, &nation, id, &hold), 0);
	assert_int_equal(hold.state, HOLD_SHADOW);
	assert_int_equal(hold.end, HOLD_END_NONE);
}

/* Accepting a risk and claiming a fix leave it where it is. */
static void test_stays(void **state)
{
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	assert_int_equal(finding_of(finding).state, FINDING_HELD);
	bring(finding, FINDING_BY_OWNER, FINDING_CLAIMED);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_ENFORCED);
	assert_true(finding_of(finding).held_us != 0);
	bring(finding, FINDING_BY_APPROVER, FINDING_ACCEPTED);
	sync_holds();
	settle();
	assert_int_equal(the_hold().state, HOLD_ENFORCED);
	assert_int_equal(the_hold().revision, hold.revision);
}

static void test_rule_gone(void **state)
{
	struct holdrules *none = holdrules_none();
	int64_t finding;
	bool changed = false;

	if (!*state) {
		holdrules_unref(none);
		skip();
	}
	make_standing(&finding);
	assert_int_equal(hold_cover(f.db, rules, &changed), 0);
	assert_false(changed);
	assert_int_equal(hold_cover(f.db, none, &changed), 0);
	assert_true(changed);
	holdrules_unref(none);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_LIFTED);
	assert_int_equal(the_hold().end, HOLD_END_RULE);
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
}

static void test_asset_gone(void **state)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	int64_t finding;

	if (!*state)
		skip();
	make_standing(&finding);
	assert_int_equal(tenant_asset_remove(&call, f.address, 1), 0);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_LIFTED);
	assert_int_equal(the_hold().end, HOLD_END_ASSET);
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_LIFTED);
}

/* ---- What edges get ---- */

static void test_rows(void **state)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_asset asset;
	int64_t changed_us;
	uint32_t url;

	if (!*state)
		skip();
	url = add_asset(f.systems[0], "https://portal.example.vn:8443/x?y");
	(void)report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	(void)report_at("www.example.vn", "CVE-2021-44228", 6, 443);
	assert_int_equal(
		db_run(f.db, "update finding set asset = ?1, host = 'new.example.vn' where host = 'www.example.vn'",
			DB_ARGS(db_i64(url)), NULL),
		0);
	sync_holds();
	refresh();
	assert_int_equal(f.rows.count, 2);
	assert_true(f.rows.items[0].has_prefix);
	assert_int_equal(f.rows.items[0].name_count, 0);
	assert_int_equal(f.rows.items[0].tenant, f.tenants[0]);
	assert_false(f.rows.items[1].has_prefix);
	assert_int_equal(f.rows.items[1].name_count, 2);
	assert_string_equal(f.rows.names[f.rows.items[1].name_first], "portal.example.vn");
	assert_string_equal(f.rows.names[f.rows.items[1].name_first + 1], "new.example.vn");

	/* The name belongs to somebody else now: it is not armed for this one. */
	(void)add_asset(f.systems[1], "new.example.vn");
	changed_us = f.rows.items[1].changed_us;
	f.origin.now_us += SECOND;
	refresh();
	assert_int_equal(f.rows.items[1].name_count, 1);
	assert_true(f.rows.items[1].changed_us > changed_us);
	assert_int_equal(f.rows.items[0].changed_us, START);

	/* An asset that moves to another organisation takes its hold along. */
	assert_int_equal(tenant_asset_get(&call, f.address, &asset), 0);
	asset.system = f.systems[1];
	assert_int_equal(tenant_asset_update(&call, &asset, &asset), 0);
	refresh();
	assert_int_equal(f.rows.items[0].tenant, f.tenants[1]);
	assert_int_equal(f.rows.items[0].changed_us, f.origin.now_us);
	assert_int_equal(
		count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT, .tenant = f.tenants[1] }), 1);
}

/* ---- Proof ---- */

static void test_proved(void **state)
{
	int64_t finding, next_us;
	bool changed = false;
	struct hold hold;

	if (!*state)
		skip();
	finding = report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	refresh();
	hold = the_hold();
	assert_int_equal(hold.state, HOLD_SHADOW);
	assert_int_equal(hold.verdict, HOLD_VERDICT_NONE);

	/* Proved in shadow: the budget begins. */
	f.origin.now_us += SECOND;
	say_good(EDGE, &hold, false);
	assert_false(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().verdict, HOLD_VERDICT_GOOD);
	assert_int_equal(the_hold().proved_us, f.origin.now_us);
	assert_int_equal(hold_tick(f.db, &f.origin, HOLD_BUDGET_US, &changed, &next_us), 0);
	assert_false(changed);
	assert_int_equal(next_us, f.origin.now_us + HOLD_BUDGET_US);
	assert_int_equal(the_hold().state, HOLD_SHADOW);

	/* Its budget is over: enforced, but not held before the edge says that it stands. */
	f.origin.now_us += HOLD_BUDGET_US;
	tick();
	assert_int_equal(the_hold().state, HOLD_ENFORCED);
	assert_true(is_told(EDGE, hold.id, &changed));
	assert_true(changed);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);

	/* A report of the old file does not count. */
	say(EDGE, "ab", &hold,
		&(struct said){ .workers = 1,
			.stamp = f.origin.now_us - 1,
			.enforce = true,
			.known = true,
			.verdict = HOLD_VERDICT_GOOD });
	assert_true(is_told(EDGE, hold.id, &changed));
	assert_false(changed);
	assert_int_equal(the_hold().edge_count, 0);
	say_good(EDGE, &hold, true);
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 1);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_HELD);
	assert_string_equal(finding_of(finding).hold, "8100010");

	/* Another edge begins in shadow, whatever the first has proved. */
	assert_false(is_told(OTHER_EDGE, hold.id, NULL));
	say_good(OTHER_EDGE, &hold, false);
	assert_true(is_told(OTHER_EDGE, hold.id, NULL));
}

static void test_not_proved(void **state)
{
	static const struct {
		bool known;
		enum hold_verdict verdict, expected;
	} rows[] = {
		{ true, HOLD_VERDICT_NO_SAMPLE, HOLD_VERDICT_NO_SAMPLE },
		{ true, HOLD_VERDICT_PASSED, HOLD_VERDICT_PASSED },
		{ true, HOLD_VERDICT_STOPPED, HOLD_VERDICT_STOPPED },
		{ false, HOLD_VERDICT_GOOD, HOLD_VERDICT_UNKNOWN },
	};
	struct hold hold;

	if (!*state)
		skip();
	(void)report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	hold = the_hold();
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		say(EDGE, "ab", &hold,
			&(struct said){ .workers = 1,
				.stamp = f.origin.now_us,
				.known = rows[i].known,
				.verdict = rows[i].verdict });
		assert_false(is_told(EDGE, hold.id, NULL));
		f.origin.now_us += 10 * HOLD_BUDGET_US;
		tick();
		assert_false(is_told(EDGE, hold.id, NULL));
		assert_int_equal(the_hold().state, HOLD_SHADOW);
		assert_int_equal(the_hold().verdict, rows[i].expected);
		assert_int_equal(the_hold().proved_us, 0);
	}
}

/* A later report that is not good takes it back at once. */
static void test_taken_back(void **state)
{
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	assert_int_equal(finding_of(finding).state, FINDING_HELD);
	f.origin.now_us += SECOND;
	say(EDGE, "ab", &hold,
		&(struct said){ .workers = 1,
			.stamp = f.origin.now_us,
			.enforce = true,
			.known = true,
			.verdict = HOLD_VERDICT_STOPPED });
	assert_false(is_told(EDGE, hold.id, NULL));
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	tick();
	assert_int_equal(the_hold().state, HOLD_SHADOW);
	assert_int_equal(the_hold().verdict, HOLD_VERDICT_STOPPED);
}

/* All workers of all web servers, out of a file as new. */
static void test_everybody(void **state)
{
	struct said said = { .workers = 2, .enforce = true, .known = true, .verdict = HOLD_VERDICT_GOOD };
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	f.origin.now_us += SECOND;
	said.stamp = f.origin.now_us;
	say(EDGE, "ab", &hold, &said); /* a second worker: nothing is heard of it yet */
	(void)is_told(EDGE, hold.id, NULL);
	f.origin.now_us += HOLD_GRACE_US;
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 0);
	said.worker = 1;
	say(EDGE, "ab", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 1);

	/* A second web server that does not know the rule: it goes on where it is known, and does not count as standing. */
	say(EDGE, "cd", &hold, &(struct said){ .workers = 1, .stamp = said.stamp, .enforce = true });
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 0);

	/* It is not there any more: an hour later the others have a newer file, and it has said nothing. */
	f.origin.now_us += HOLD_GATE_SILENT_US + SECOND;
	said.stamp = f.origin.now_us;
	said.worker = 0;
	say(EDGE, "ab", &hold, &said);
	said.worker = 1;
	say(EDGE, "ab", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 1);
}

/* What stood is believed while the new file is on its way, for a while. */
static void test_grace(void **state)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_asset asset;
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	f.origin.now_us += SECOND;
	assert_int_equal(tenant_asset_get(&call, f.address, &asset), 0);
	snprintf(asset.value, sizeof(asset.value), "192.0.2.81");
	assert_int_equal(tenant_asset_update(&call, &asset, &asset), 0);
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 1);
	f.origin.now_us += HOLD_GRACE_US;
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 0);
	say_good(EDGE, &hold, true);
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 1);
}

/* An edge that serves its organisation no longer has nothing to say about it. */
static void test_served_no_longer(void **state)
{
	struct hold_judged judged;
	int64_t finding;

	if (!*state)
		skip();
	(void)make_standing(&finding);
	judged = judge(EDGE, serves_none);
	assert_int_equal(judged.count, 0);
	free(judged.marks);
	settle();
	assert_int_equal(the_hold().edge_count, 0);
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
}

/* A finding with two ways in is held when both are. */
static void test_two_rules(void **state)
{
	int64_t finding;
	bool changed = false;

	if (!*state)
		skip();
	(void)make_standing(&finding);
	assert_int_equal(db_run(f.db, "insert into hold_cover (cve, part, rule) values ('CVE-2021-44228', 0, 8100020)",
				 DB_NO_ARGS, NULL),
		0);
	sync_holds();
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	assert_int_equal(hold_cover(f.db, rules, &changed), 0);
	assert_true(changed);
	sync_holds();
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_HELD);
}

/* ---- Reports ---- */

static void test_reports_refused(void **state)
{
	static const struct {
		const char *name;
		struct hold_report report;
	} rows[] = {
		{ "no name", { .workers = 1, .part = 1, .parts = 1 } },
		{ "no workers", { .gate = "a", .part = 1, .parts = 1 } },
		{ "worker", { .gate = "a", .worker = 2, .workers = 2, .part = 1, .parts = 1 } },
		{ "workers", { .gate = "a", .workers = HOLD_WORKERS_MAX + 1, .part = 1, .parts = 1 } },
		{ "part 0", { .gate = "a", .workers = 1, .parts = 1 } },
		{ "part", { .gate = "a", .workers = 1, .part = 2, .parts = 1 } },
		{ "parts", { .gate = "a", .workers = 1, .part = 1, .parts = HOLD_PARTS_MAX + 1 } },
	};

	if (!*state)
		skip();
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (hold_report_take(f.db, EDGE, &rows[i].report, START) != LUYTRE_E_INVALID)
			fail_msg("%s", rows[i].name);
}

/* What one edge may say is bounded; a web server too many takes the place of the one that was silent for longest. */
static void test_reports_bounded(void **state)
{
	struct hold_report report = { .workers = 1, .part = 1, .parts = 1 };
	int64_t count = 0;

	if (!*state)
		skip();
	for (int i = 0; i < HOLD_GATES_MAX + 3; i++) {
		snprintf(report.gate, sizeof(report.gate), "g%d", i);
		assert_int_equal(hold_report_take(f.db, EDGE, &report, START + i), 0);
	}
	assert_int_equal(db_integer(f.db, "select count(*) from hold_said", DB_NO_ARGS, &count), 0);
	assert_int_equal(count, HOLD_GATES_MAX);
	assert_int_equal(db_integer(f.db, "select count(*) from hold_said where gate = 'g2'", DB_NO_ARGS, &count), 0);
	assert_int_equal(count, 0);
}

/* A worker speaks in parts: it counts when all of them are there and of one file. */
static void test_parts(void **state)
{
	struct hold_report report = { .gate = "ab", .workers = 1, .part = 2, .parts = 2 };
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	f.origin.now_us += SECOND;
	report.stamp = f.origin.now_us;
	assert_int_equal(hold_report_take(f.db, EDGE, &report, f.origin.now_us), 0);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 1); /* nobody has said otherwise */
	f.origin.now_us += HOLD_GRACE_US;
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 0);
	report.part = 1;
	report.row_count = 1;
	report.rows[0] = (struct hold_report_row){ .hold = (uint64_t)hold.id,
		.rule = hold.rule,
		.enforce = true,
		.known = true,
		.verdict = HOLD_VERDICT_GOOD };
	assert_int_equal(hold_report_take(f.db, EDGE, &report, f.origin.now_us), 0);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().edge_count, 1);
}

/* A worker that takes new files without end, on a handle of its own as intake does. */
struct taker {
	struct db *db;
	struct hold_report report;
	_Atomic bool stop;
	_Atomic size_t taken;
	int error;
};

static void *take_files(void *context)
{
	struct taker *taker = context;

	while (!taker->stop && !taker->error) {
		taker->report.stamp++;
		taker->error = hold_report_take(taker->db, EDGE, &taker->report, START + SECOND);
		taker->taken += !taker->error;
		if (taker->error == LUYTRE_E_BUSY)
			taker->error = 0;
		usleep(200);
	}
	return NULL;
}

/* While the edge is judged, a worker's newer file takes the place of the one before: it has never said nothing. */
static void judge_beside(const char *place)
{
	struct taker taker = {
		.report = { .gate = "ab", .worker = 1, .workers = 2, .part = 1, .parts = 1, .row_count = 1 }
	};
	char why[DB_WHY_SIZE];
	pthread_t thread;
	struct hold hold;
	int64_t finding;
	size_t judged = 0, stood = 0;

	assert_int_equal(db_open(place, &taker.db, why), 0);
	hold = make_standing(&finding);
	for (uint32_t worker = 0; worker < 2; worker++)
		say(EDGE, "ab", &hold,
			&(struct said){ .worker = worker,
				.workers = 2,
				.stamp = f.origin.now_us,
				.enforce = true,
				.known = true,
				.verdict = HOLD_VERDICT_GOOD });
	/* A large web server beside it, so that reading takes its time. */
	assert_int_equal(
		db_run(f.db,
			"with recursive n (i) as (select 0 union all select i + 1 from n where i < 999)"
			" insert into hold_said (edge, gate, worker, stamp, part, workers, parts, seen_us, content)"
			" select edge, 'b', i, stamp, part, 1000, parts, seen_us, content from hold_said, n"
			" where gate = 'ab' and worker = 0",
			DB_NO_ARGS, NULL),
		0);
	taker.report.stamp = f.origin.now_us;
	taker.report.rows[0] = (struct hold_report_row){ .hold = (uint64_t)hold.id,
		.rule = hold.rule,
		.enforce = true,
		.known = true,
		.verdict = HOLD_VERDICT_GOOD };
	assert_int_equal(pthread_create(&thread, NULL, take_files, &taker), 0);
	while (judged < JUDGED_BESIDE) {
		struct hold_judged what = { 0 };
		int error = hold_judge(f.db, EDGE, &f.rows, serves_all, NULL, f.origin.now_us, &what);

		if (error == LUYTRE_E_BUSY) /* the engine's next round does it again */
			continue;
		assert_int_equal(error, 0);
		free(what.marks);
		judged++;
		stood += the_hold().edge_count == 1;
	}
	taker.stop = true;
	pthread_join(thread, NULL);
	db_close(taker.db);
	assert_int_equal(taker.error, 0);
	assert_true(taker.taken > 0);
	assert_int_equal(stood, JUDGED_BESIDE);
}

static void test_judged_beside(void **state)
{
	char folder[] = "/tmp/holds-XXXXXX", place[64], command[64];
	void *ours = NULL;

	if (!*state)
		skip();
	if (db_is_postgres(f.db)) {
		judge_beside(postgres_place);
		return;
	}
	/* Two handles see the same database in a file only. */
	assert_non_null(mkdtemp(folder));
	snprintf(place, sizeof(place), "sqlite:%s/hub.db", folder);
	db_close(f.db);
	assert_int_equal(setup(&ours, place), 0);
	judge_beside(place);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* Who has been heard at an edge, whatever it says. */
static int keep_reporters(void *context, uint32_t edge, bool sensor, bool gate)
{
	char *text = context;
	size_t size = strlen(text);

	snprintf(text + size, 64 - size, "%u%s%s ", edge, sensor ? " sensor" : "", gate ? " gate" : "");
	return 0;
}

static void test_reporters(void **state)
{
	static const struct {
		uint32_t edge;
		const char *gate;
		uint32_t worker;
	} rows[] = { { 9, HOLD_SENSOR "eth0", 0 }, { 3, "sensors", 0 }, { 3, "sensors", 1 }, { 5, "ab", 0 },
		{ 5, HOLD_SENSOR "eth1", 0 } };
	char text[64] = "";

	if (!*state)
		skip();
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct hold_report report = {
			.worker = rows[i].worker, .workers = 2, .part = 1, .parts = 1, .stamp = 1
		};

		snprintf(report.gate, sizeof(report.gate), "%s", rows[i].gate);
		assert_int_equal(hold_report_take(f.db, rows[i].edge, &report, START), 0);
	}
	assert_int_equal(hold_reporters_each(f.db, keep_reporters, text), 0);
	assert_string_equal(text, "3 gate 5 sensor gate 9 sensor ");
}

/* ---- Room ---- */

/* Stores a finding at an asset of its own. */
static void report_new_asset(size_t tenant, unsigned int number, uint8_t severity, bool kev)
{
	char value[40];
	int64_t id;

	snprintf(value, sizeof(value), "203.0.%zu.%u", tenant, number);
	(void)add_asset(f.systems[tenant], value);
	id = report_at(value, "CVE-2021-44228", 6, 443);
	assert_int_equal(db_run(f.db, "update finding set severity = ?2, kev = ?3 where id = ?1",
				 DB_ARGS(db_i64(id), db_i64(severity), db_i64(kev)), NULL),
		0);
}

static size_t rows_of(uint32_t tenant)
{
	size_t count = 0;

	for (size_t i = 0; i < f.rows.count; i++)
		count += f.rows.items[i].tenant == tenant;
	return count;
}

/* One organisation with many holds does not take the room of another with few; each one's gravest go first, and the others say that there is no room. */
static void test_room(void **state)
{
	int64_t count = 0, changed_us;

	if (!*state)
		skip();
	f.room.all = 8;
	for (unsigned int i = 1; i <= 20; i++)
		report_new_asset(0, i, i <= 3 ? 4 : 2, i == 20);
	sync_holds();
	refresh();
	assert_int_equal(f.rows.count, 8);
	assert_int_equal(f.rows.no_room, 12);
	assert_int_equal(f.rows.items[f.rows.order[0]].hold, the_hold().id); /* the one in KEV, which came last */
	assert_int_equal(db_integer(f.db, "select count(*) from hold where verdict = ?1",
				 DB_ARGS(db_i64(HOLD_VERDICT_NO_ROOM)), &count),
		0);
	assert_int_equal(count, 12);

	/* Another one comes: it has its place at once, and who had too much gives way. */
	f.origin.now_us += SECOND;
	for (unsigned int i = 1; i <= 3; i++)
		report_new_asset(1, i, 1, false);
	sync_holds();
	refresh();
	assert_int_equal(f.rows.count, 8);
	assert_int_equal(rows_of(f.tenants[1]), 3);
	assert_int_equal(rows_of(f.tenants[0]), 5);
	assert_int_equal(f.rows.gone_count, 1);
	assert_int_equal(f.rows.gone[0].tenant, f.tenants[0]);
	assert_int_equal(f.rows.gone[0].changed_us, f.origin.now_us);

	/* The share of one organisation, whatever room there is. */
	f.room.all = 100;
	f.room.tenant = 10;
	f.origin.now_us += SECOND;
	refresh();
	assert_int_equal(rows_of(f.tenants[0]), 10);
	assert_int_equal(rows_of(f.tenants[1]), 3);
	changed_us = f.origin.now_us;
	f.room = hold_room_default;
	f.origin.now_us += SECOND;
	refresh();
	assert_int_equal(f.rows.count, 23);
	assert_int_equal(f.rows.no_room, 0);
	assert_int_equal(f.rows.gone_count, 0);
	assert_int_equal(f.rows.items[f.rows.order[0]].changed_us, START);
	assert_true(f.rows.items[f.rows.order[22]].changed_us > changed_us);
	assert_int_equal(db_integer(f.db, "select count(*) from hold where verdict <> 0", DB_NO_ARGS, &count), 0);
}

/* What does not go into an edge's file does not stand there, and says why. */
static void test_room_of_edge(void **state)
{
	struct hold_judged judged;
	struct hold standing, other;
	int64_t finding, count = 0;
	bool fits[2], changed;

	if (!*state)
		skip();
	standing = make_standing(&finding);
	f.origin.now_us += SECOND;
	(void)report_at("www.example.vn", "CVE-2021-44228", 6, 443);
	sync_holds();
	refresh();
	other = the_hold();
	assert_int_equal(hold_rows_fit(&f.rows, serves_all, NULL, fits), 0);
	assert_true(fits[0] && fits[1]);
	assert_int_equal(hold_rows_fit(&f.rows, serves_none, NULL, fits), 0);
	assert_false(fits[0] || fits[1]);
	f.room.edge_names = 0;
	refresh();
	assert_int_equal(hold_rows_fit(&f.rows, serves_all, NULL, fits), 1);
	assert_true(fits[0] && !fits[1]);
	f.room.edge_names = 1;
	f.room.edge_bytes = 300;
	refresh();
	assert_int_equal(hold_rows_fit(&f.rows, serves_all, NULL, fits), 1);

	/* A graver one takes the place: the edge is told, and the finding is open. */
	f.room = hold_room_default;
	f.room.edge_rows = 1;
	assert_int_equal(db_run(f.db, "update finding set kev = 1 where host = 'www.example.vn'", DB_NO_ARGS, NULL), 0);
	judged = judge(EDGE, serves_all);
	assert_true(judged.changed);
	assert_int_equal(judged.no_room, 1);
	assert_int_equal(judged.count, 1);
	assert_int_equal(judged.marks[0].hold, standing.id);
	assert_int_equal(judged.marks[0].changed_us, f.origin.now_us);
	assert_false(judged.marks[0].enforce);
	free(judged.marks);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	assert_int_equal(
		db_integer(f.db, "select verdict from hold where id = ?1", DB_ARGS(db_i64(standing.id)), &count), 0);
	assert_int_equal(count, HOLD_VERDICT_NO_ROOM);
	tick();
	assert_int_equal(
		db_integer(f.db, "select state from hold where id = ?1", DB_ARGS(db_i64(standing.id)), &count), 0);
	assert_int_equal(count, HOLD_SHADOW);

	/* There is room again: from shadow on. */
	f.room = hold_room_default;
	f.origin.now_us += SECOND;
	assert_false(is_told(EDGE, standing.id, &changed));
	assert_true(changed);
	assert_int_equal(other.state, HOLD_SHADOW);
}

/* ---- Torn words ---- */

enum { TORN_HOLDS = 300, TORN_PART = 200 };

/* A worker says all that its file has, as far as part 'last'; 'bad': what it says of the last hold. */
static void say_parts(uint32_t worker, uint32_t workers, int64_t stamp, uint32_t last, enum hold_verdict bad)
{
	uint32_t parts = ((uint32_t)f.rows.count + TORN_PART - 1) / TORN_PART;

	for (uint32_t part = 1; part <= last; part++) {
		struct hold_report report = {
			.gate = "ab", .worker = worker, .workers = workers, .part = part, .parts = parts, .stamp = stamp
		};

		for (size_t i = (part - 1) * TORN_PART; i < f.rows.count && i < part * TORN_PART; i++)
			report.rows[report.row_count++] =
				(struct hold_report_row){ .hold = (uint64_t)f.rows.items[i].hold,
					.rule = f.rows.items[i].rule,
					.enforce = f.rows.items[i].enforced,
					.known = true,
					.verdict = (uint8_t)(i + 1 == f.rows.count ? bad : HOLD_VERDICT_GOOD) };
		assert_int_equal(hold_report_take(f.db, EDGE, &report, f.origin.now_us), 0);
	}
}

static int64_t count_standing(void)
{
	int64_t count = 0;

	free(judge(EDGE, serves_all).marks);
	assert_int_equal(db_integer(f.db, "select count(*) from hold where edge_count > 0", DB_NO_ARGS, &count), 0);
	return count;
}

/* More holds than one part has, and one more: no hold that stood is lifted while the parts of the new file come in, one by one. */
static void test_torn(void **state)
{
	if (!*state)
		skip();
	for (unsigned int i = 0; i < TORN_HOLDS; i++)
		report_new_asset(i & 1, 1 + i / 2, 4, false);
	sync_holds();
	f.origin.now_us += SECOND;
	refresh();
	for (uint32_t worker = 0; worker < 2; worker++)
		say_parts(worker, 2, f.origin.now_us, 2, HOLD_VERDICT_GOOD);
	free(judge(EDGE, serves_all).marks);
	f.origin.now_us += HOLD_BUDGET_US;
	for (int i = 0; i < TORN_HOLDS / HOLD_SLICE; i++)
		tick();
	free(judge(EDGE, serves_all).marks);
	f.origin.now_us += SECOND;
	for (uint32_t worker = 0; worker < 2; worker++)
		say_parts(worker, 2, f.origin.now_us, 2, HOLD_VERDICT_GOOD);
	assert_int_equal(count_standing(), TORN_HOLDS);

	/* One more: its file comes to the workers part by part, minutes after the last change of the others. */
	f.origin.now_us += 2 * HOLD_GRACE_US;
	(void)report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	assert_int_equal(count_standing(), TORN_HOLDS);
	for (uint32_t worker = 0; worker < 2; worker++)
		for (uint32_t last = 1; last <= 2; last++) {
			f.origin.now_us += SECOND;
			say_parts(
				worker, 2, f.origin.now_us - SECOND * (1 + worker * 2 + last), last, HOLD_VERDICT_GOOD);
			if (count_standing() != TORN_HOLDS)
				fail_msg("worker %u, part %u: %d", worker, last, (int)count_standing());
		}

	/* A whole newer file says otherwise of the last one: at once. */
	f.origin.now_us += SECOND;
	say_parts(0, 2, f.origin.now_us, 2, HOLD_VERDICT_PASSED);
	assert_int_equal(count_standing(), TORN_HOLDS);

	/* Half a file and no more of it: believed for a while. */
	f.origin.now_us += SECOND;
	say_parts(0, 2, f.origin.now_us, 1, HOLD_VERDICT_GOOD);
	assert_int_equal(count_standing(), TORN_HOLDS);
	f.origin.now_us += HOLD_GRACE_US;
	assert_int_equal(count_standing(), 0);
}

/* The first proof waits for all workers of all web servers, as long as grace lasts. */
static void test_first_proof_waits(void **state)
{
	struct said said = { .workers = 2, .known = true, .verdict = HOLD_VERDICT_GOOD };
	struct hold hold;

	if (!*state)
		skip();
	(void)report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	hold = the_hold();
	said.stamp = f.origin.now_us += SECOND;
	say(EDGE, "ab", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().proved_us, 0);
	said.worker = 1;
	said.verdict = HOLD_VERDICT_STOPPED; /* the second one's twin is stopped: nothing was enforced meanwhile */
	say(EDGE, "ab", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().proved_us, 0);
	said.verdict = HOLD_VERDICT_GOOD;
	said.stamp = f.origin.now_us += SECOND;
	say(EDGE, "ab", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().proved_us, f.origin.now_us);

	/* Another edge, where a second web server is there and does not speak. */
	say(OTHER_EDGE, "old", &hold, &(struct said){ .workers = 1, .known = true, .verdict = HOLD_VERDICT_GOOD });
	f.origin.now_us += SECOND;
	tick();
	said.worker = 0;
	said.workers = 1;
	said.stamp = f.origin.now_us;
	say(OTHER_EDGE, "ab", &hold, &said);
	f.origin.now_us += HOLD_BUDGET_US;
	tick();
	assert_false(is_told(OTHER_EDGE, hold.id, NULL));
	f.origin.now_us += HOLD_GRACE_US;
	assert_true(is_told(OTHER_EDGE, hold.id, NULL));
}

/* ---- Sensors ---- */

enum { SMB_RULE = 8200010 };

/* Rules of a sensor that cover something that no gate sees, and something that the gate covers too. */
static void cover_by_sensor(void)
{
	static const char *const cves[] = { "CVE-2017-0144", "CVE-2021-44228" };

	for (size_t i = 0; i < ARRAY_COUNT(cves); i++)
		assert_int_equal(db_run(f.db, "insert into hold_cover (cve, part, rule) values (?1, 1, ?2)",
					 DB_ARGS(db_str(cves[i]), db_i64(SMB_RULE + (int64_t)i)), NULL),
			0);
}

static void test_sensor_which(void **state)
{
	static const struct {
		const char *name, *target, *cve;
		uint8_t protocol;
		uint16_t port;
		int part; /* -1: no hold */
	} rows[] = {
		{ "SMB", "192.0.2.80", "CVE-2017-0144", 6, 445, HOLDFILE_PART_SENSOR },
		{ "UDP", "198.51.100.7", "CVE-2017-0144", 17, 161, HOLDFILE_PART_SENSOR },
		{ "port of HTTP, no rule of the gate", "192.0.2.80", "CVE-2017-0144", 6, 443, HOLDFILE_PART_SENSOR },
		{ "the gate does it", "192.0.2.80", "CVE-2021-44228", 6, 443, HOLDFILE_PART_GATE },
		{ "not HTTP, though the gate has a rule", "192.0.2.80", "CVE-2021-44228", 6, 389,
			HOLDFILE_PART_SENSOR },
		{ "no address", "www.example.vn", "CVE-2017-0144", 6, 445, -1 },
	};

	if (!*state)
		skip();
	cover_by_sensor();
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int64_t id = report_at(rows[i].target, rows[i].cve, rows[i].protocol, rows[i].port), count = 0;

		sync_holds();
		assert_int_equal(db_integer(f.db, "select count(*) from hold where state <> 3", DB_NO_ARGS, &count), 0);
		if (count != (rows[i].part >= 0))
			fail_msg("%s: %d holds", rows[i].name, (int)count);
		refresh();
		if (count && f.rows.items[0].part != rows[i].part)
			fail_msg("%s: part %u", rows[i].name, f.rows.items[0].part);
		if (count && rows[i].part == HOLDFILE_PART_SENSOR)
			assert_true(f.rows.items[0].has_prefix && !f.rows.items[0].name_count);
		bring(id, FINDING_BY_APPROVER, FINDING_FALSE_ALARM);
		sync_holds();
	}
}

/* Where the gate must not look, the sensor holds. */
static void test_edge_only(void **state)
{
	int64_t finding, count = 0;

	if (!*state)
		skip();
	cover_by_sensor();
	finding = report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	assert_int_equal(the_hold().part, HOLDFILE_PART_GATE);
	assert_int_equal(db_run(f.db, "update system set edge_only = 1", DB_NO_ARGS, NULL), 0);
	sync_holds();
	assert_int_equal(the_hold().part, HOLDFILE_PART_SENSOR);
	assert_int_equal(
		db_integer(f.db, "select count(*) from hold where state <> 3 and part = 0", DB_NO_ARGS, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(db_run(f.db, "update system set edge_only = 0", DB_NO_ARGS, NULL), 0);
	sync_holds();
	assert_int_equal(db_integer(f.db,
				 "select count(*) from hold_finding l join hold h on h.id = l.hold"
				 " where l.finding = ?1 and h.part = 0",
				 DB_ARGS(db_i64(finding)), &count),
		0);
	assert_int_equal(count, 1);
}

/* A sensor proves what sensors hold; web servers have no say in it, and the other way round. */
static void test_sensor_proves(void **state)
{
	struct said said = { .workers = 1, .known = true, .verdict = HOLD_VERDICT_GOOD };
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	cover_by_sensor();
	finding = report_at("192.0.2.80", "CVE-2017-0144", 6, 445);
	sync_holds();
	hold = the_hold();
	assert_int_equal(hold.part, HOLDFILE_PART_SENSOR);
	said.stamp = f.origin.now_us += SECOND;

	/* No sensor stands inline at this edge: a web server, which passes such rows over. */
	assert_int_equal(
		hold_report_take(f.db, OTHER_EDGE,
			&(struct hold_report){ .gate = "ab", .workers = 1, .part = 1, .parts = 1, .stamp = said.stamp },
			f.origin.now_us),
		0);
	say(OTHER_EDGE, "cd", &hold, &said); /* whatever it says of it */
	f.origin.now_us += HOLD_GRACE_US;
	assert_false(is_told(OTHER_EDGE, hold.id, NULL));
	assert_int_equal(the_hold().verdict, HOLD_VERDICT_NONE);
	assert_string_equal(hold_verdict_text(hold.part, HOLD_VERDICT_NONE, false), "no sensor here reports");

	/* An edge with a web server and a sensor. */
	say(EDGE, "ab", &hold, &(struct said){ .workers = 1, .stamp = said.stamp });
	said.stamp = f.origin.now_us;
	say(EDGE, "sensor-eth0", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	assert_int_equal(the_hold().verdict, HOLD_VERDICT_GOOD);
	f.origin.now_us += HOLD_BUDGET_US;
	tick();
	assert_true(is_told(EDGE, hold.id, NULL));
	said.enforce = true;
	said.stamp = f.origin.now_us;
	say(EDGE, "sensor-eth0", &hold, &said);
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 1);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_HELD);
	assert_string_equal(finding_of(finding).hold, "sensor-8200010");

	/* A sensor without the rule: it does not stand. */
	f.origin.now_us += SECOND;
	said.stamp = f.origin.now_us;
	said.known = false;
	say(EDGE, "sensor-eth0", &hold, &said);
	(void)is_told(EDGE, hold.id, NULL);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
}

/* A sensor beside web servers is not waited for by holds of the gate. */
static void test_sensor_beside(void **state)
{
	int64_t finding;
	struct hold hold;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	f.origin.now_us += SECOND;
	assert_int_equal(
		hold_report_take(f.db, EDGE,
			&(struct hold_report){
				.gate = "sensor-eth0", .workers = 1, .part = 1, .parts = 1, .stamp = f.origin.now_us },
			f.origin.now_us),
		0);
	f.origin.now_us += HOLD_GRACE_US;
	assert_true(is_told(EDGE, hold.id, NULL));
	assert_int_equal(the_hold().edge_count, 1);
}

/* ---- People ---- */

static void test_suspend(void **state)
{
	int64_t finding, until_us;
	struct hold hold, row;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	until_us = f.origin.now_us + CLOCK_DAY_US;
	assert_int_equal(
		hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision + 1, "chặn nhầm", until_us, &row),
		LUYTRE_E_CONFLICT);
	assert_int_equal(
		hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision, " ", until_us, &row), LUYTRE_E_INVALID);
	assert_int_equal(hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision, "x", f.origin.now_us, &row),
		LUYTRE_E_RANGE);
	assert_int_equal(hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision, "x",
				 f.origin.now_us + 367 * CLOCK_DAY_US, &row),
		LUYTRE_E_RANGE);
	assert_int_equal(hold_suspend(f.db, &(struct scope){ .tenants = &f.tenants[1], .tenant_count = 1 }, &f.origin,
				 hold.id, hold.revision, "x", until_us, &row),
		LUYTRE_E_NOT_FOUND);
	assert_int_equal(hold_resume(f.db, &nation, &f.origin, hold.id, hold.revision, "x", &row), LUYTRE_E_CONFLICT);
	assert_int_equal(
		hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision, "chặn nhầm", until_us, &row), 0);
	assert_int_equal(row.state, HOLD_SUSPENDED);
	assert_string_equal(row.reason, "chặn nhầm");
	assert_string_equal(row.actor, "account:7 an");
	refresh();
	assert_int_equal(f.rows.count, 0);
	assert_int_equal(f.rows.gone_count, 1);
	assert_int_equal(f.rows.gone[0].changed_us, f.origin.now_us);
	settle();
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_SUSPENDED);

	/* By a person, or by the end of its time: in shadow again. */
	assert_int_equal(hold_resume(f.db, &nation, &f.origin, hold.id, row.revision, "đã sửa", &row), 0);
	assert_int_equal(row.state, HOLD_SHADOW);
	assert_int_equal(hold_suspend(f.db, &nation, &f.origin, hold.id, row.revision, "chặn nhầm", until_us, &row), 0);
	f.origin.now_us = until_us;
	tick();
	assert_int_equal(the_hold().state, HOLD_SHADOW);
	refresh();
	assert_int_equal(f.rows.count, 1);
}

/* Its findings are closed for a moment: what a person has suspended stays suspended until the time that he said. */
static void test_suspension_outlives_lift(void **state)
{
	int64_t finding, until_us;
	struct hold hold, row;

	if (!*state)
		skip();
	hold = make_standing(&finding);
	until_us = f.origin.now_us + CLOCK_DAY_US;
	assert_int_equal(
		hold_suspend(f.db, &nation, &f.origin, hold.id, hold.revision, "chặn nhầm", until_us, &row), 0);
	settle();
	bring(finding, FINDING_BY_EVIDENCE, FINDING_VERIFIED);
	sync_holds();
	assert_int_equal(the_hold().state, HOLD_LIFTED);
	f.origin.now_us += SECOND;
	assert_int_equal(report_at("192.0.2.80", "CVE-2021-44228", 6, 443), finding);
	sync_holds();
	row = the_hold();
	assert_int_equal(row.id, hold.id);
	assert_int_equal(row.state, HOLD_SUSPENDED);
	assert_int_equal(row.suspended_until_us, until_us);
	assert_string_equal(row.reason, "chặn nhầm");
	assert_string_equal(row.actor, "account:7 an");
	refresh();
	assert_int_equal(f.rows.count, 0);

	/* Once more, and its time ends while it is away. */
	bring(finding, FINDING_BY_EVIDENCE, FINDING_VERIFIED);
	sync_holds();
	f.origin.now_us = until_us + SECOND;
	(void)report_at("192.0.2.80", "CVE-2021-44228", 6, 443);
	sync_holds();
	row = the_hold();
	assert_int_equal(row.state, HOLD_SHADOW);
	assert_int_equal(row.suspended_until_us, 0);
	assert_string_equal(row.reason, "");
}

static int count_action(void *context, const struct audit_entry *entry)
{
	char *all = context;
	size_t size = strlen(all);

	if (bytes_starts_with(entry->action, TEXT("hold.")))
		snprintf(all + size, 256 - size, "%.*s ", (int)entry->action.size, (const char *)entry->action.ptr);
	return 0;
}

/* Each step of its life is in the audit log. */
static void test_audited(void **state)
{
	char actions[256] = "";
	struct audit_result result;
	int64_t finding;

	if (!*state)
		skip();
	(void)make_standing(&finding);
	bring(finding, FINDING_BY_EVIDENCE, FINDING_VERIFIED);
	sync_holds();
	assert_int_equal(audit_each(f.db, &nation, 0, 1000, count_action, actions, NULL), 0);
	assert_string_equal(actions, "hold.lift hold.enforce hold.create ");
	assert_int_equal(audit_verify(f.db, NULL, (struct bytes){ 0 }, &result), 0);
	assert_int_equal(result.fault, AUDIT_WHOLE);
}

/* Many at once come in slices. */
static void test_many(void **state)
{
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = &f.origin, .part = FINDING_BY_EVIDENCE
	};
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	if (!*state)
		skip();
	assert_int_equal(finding_import_begin(&call, "nuclei", 0, &import), 0);
	for (uint16_t i = 0; i < 500; i++) {
		const struct record record = { .kind = RECORD_WEAKNESS,
			.target = TEXT("198.51.100.7"),
			.protocol = 6,
			.port = (uint16_t)(10000 + i),
			.cve = TEXT("CVE-2021-44228"),
			.rule = TEXT("check"),
			.severity = 4 };

		assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	}
	assert_int_equal(finding_import_end(import), 0);
	assert_in_range(sync_holds(), 500 / HOLD_SLICE, 500 / HOLD_SLICE + 2);
	assert_int_equal(the_hold().finding_count, 500);
	assert_int_equal(count_holds(&nation, (struct hold_query){ .state = HOLD_STATE_COUNT }), 1);
}

#define TESTS(X)                                                                                                       \
	X(test_which)                                                                                                  \
	X(test_shared)                                                                                                 \
	X(test_stays)                                                                                                  \
	X(test_rule_gone)                                                                                              \
	X(test_asset_gone)                                                                                             \
	X(test_rows)                                                                                                   \
	X(test_proved)                                                                                                 \
	X(test_not_proved)                                                                                             \
	X(test_taken_back)                                                                                             \
	X(test_everybody)                                                                                              \
	X(test_grace)                                                                                                  \
	X(test_served_no_longer)                                                                                       \
	X(test_two_rules)                                                                                              \
	X(test_reports_refused)                                                                                        \
	X(test_reports_bounded)                                                                                        \
	X(test_parts)                                                                                                  \
	X(test_judged_beside)                                                                                          \
	X(test_reporters)                                                                                              \
	X(test_room)                                                                                                   \
	X(test_room_of_edge)                                                                                           \
	X(test_torn)                                                                                                   \
	X(test_first_proof_waits)                                                                                      \
	X(test_sensor_which)                                                                                           \
	X(test_edge_only)                                                                                              \
	X(test_sensor_proves)                                                                                          \
	X(test_sensor_beside)                                                                                          \
	X(test_suspend)                                                                                                \
	X(test_suspension_outlives_lift)                                                                               \
	X(test_audited)                                                                                                \
	X(test_many)

int main(void)
{
	const struct CMUnitTest tests[] = {
#define X(test) cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown),
		TESTS(X)
#undef X
#define X(test) { "postgres: " #test, test, setup_postgres, teardown, NULL },
			TESTS(X)
#undef X
	};
	char why[HOLDRULES_WHY_SIZE];
	int failed;

	if (holdrules_read(RULES, &rules, why)) {
		print_error("%s\n", why);
		return 1;
	}
	if (!pgtest_start(postgres_place, postgres_missing))
		print_message("PostgreSQL is left out: %s\n", postgres_missing);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	holdrules_unref(rules);
	return failed;
}
