// SPDX-License-Identifier: Apache-2.0
/* Holds with either database: made of findings, proved by what web servers say, enforced, held, suspended, lifted. The rules are those of
 * rules/gate, and two of a sensor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/posture/finding.h"
#include "hub/posture/hold.h"
#include "hub/posture/holdrules.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/tenants.h"

#define SECOND     INT64_C(1000000)
#define START      (20000 * CLOCK_DAY_US)
#define TEXT(text) bytes_from_str(text)
#define LOG4SHELL  8100010

enum { EDGE = 3, OTHER_EDGE = 4 };

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];
static struct holdrules *rules;

/* Two tenants: one with an address and a name, one with an address. */
static struct fixture {
	struct db *db;
	struct audit_origin origin;
	uint32_t tenants[2], systems[2], address, name, theirs;
	struct hold_rows rows;
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

	f = (struct fixture){ .origin = { .actor = "account:7 an", .now_us = START } };
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
	assert_int_equal(hold_rows_read(f.db, f.origin.now_us, &f.rows), 0);
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

/* ---- Rules ---- */

static void test_rules(void **state)
{
	const struct holdrule *rule = holdrules_find(rules, HOLDRULE_GATE, LOG4SHELL);

	assert_int_equal(holdrules_count(rules), 184);
	assert_non_null(rule);
	assert_string_equal(rule->product, "log4j");
	assert_string_equal(rule->title, "Log4Shell: JNDI lookup in a request");
	assert_int_equal(rule->severity, 4);
	assert_int_equal(rule->cve_count, 2);
	assert_string_equal(rule->cves[0], "CVE-2021-44228");
	assert_string_equal(rule->cves[1], "CVE-2021-45046");
	assert_null(holdrules_find(rules, HOLDRULE_SENSOR, LOG4SHELL));
	assert_null(holdrules_find(rules, HOLDRULE_GATE, 8110000)); /* for Vietnamese: holds nothing */
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void test_rules_of_sensor(void **state)
{
	static const struct {
		const char *text;
		uint64_t sid;
		size_t cve_count;
		const char *first;
	} rows[] = {
		{ "alert http any any -> any any (msg:\"Log4j\"; reference:cve,2021-44228; sid:1;)\n", 1, 1,
			"CVE-2021-44228" },
		{ "alert tcp any any -> any 445 (msg:\"a \\; b\"; metadata:created_at 2020, cve CVE_2020_0796, cve "
		  "CVE-2017-0144; sid:2;)\n",
			2, 2, "CVE-2017-0144" },
		{ "alert tcp any any -> any any (msg:\"none\"; reference:url,example.vn/cve; sid:3;)\n", 3, 0, NULL },
		{ "alert tcp any any -> any any (msg:\"broken\"; reference:cve,2021-; sid:4;)\n", 4, 0, NULL },
		{ "#alert tcp any any -> any any (msg:\"off\"; reference:cve,2021-1111; sid:5;)\n", 5, 0, NULL },
		{ "not a rule at all\n", 6, 0, NULL },
	};
	char folder[] = "/tmp/holdrules-XXXXXX", path[64], why[HOLDRULES_WHY_SIZE];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.rules", folder);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct holdrule *rule;
		struct holdrules *read;

		write_file(folder, "a.rules", rows[i].text);
		assert_int_equal(holdrules_read(folder, &read, why), 0);
		rule = holdrules_find(read, HOLDRULE_SENSOR, rows[i].sid);
		if (rows[i].cve_count) {
			assert_non_null(rule);
			assert_int_equal(rule->cve_count, rows[i].cve_count);
			assert_string_equal(rule->cves[0], rows[i].first);
		} else {
			assert_null(rule);
		}
		holdrules_unref(read);
	}
	unlink(path);
	rmdir(folder);
}

static void test_rules_broken(void **state)
{
	char folder[] = "/tmp/holdrules-XXXXXX", path[64], why[HOLDRULES_WHY_SIZE];
	struct holdrules *read;
	uint64_t before;

	assert_int_equal(holdrules_read("/no/such/folder", &read, why), LUYTRE_E_NOT_FOUND);
	assert_true(why[0]);
	assert_int_equal(holdrules_signature("/no/such/folder"), 0);
	assert_non_null(mkdtemp(folder));
	before = holdrules_signature(folder);
	snprintf(path, sizeof(path), "%s/a.conf", folder);
	write_file(
		folder, "a.conf", "SecRule ARGS \"@rx (\" \"id:1,deny,tag:'luytre/hold',tag:'cve/CVE-2021-1111'\"\n");
	assert_int_not_equal(holdrules_signature(folder), before);
	assert_int_equal(holdrules_read(folder, &read, why), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(why, "a.conf"));
	unlink(path);
	rmdir(folder);
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
	assert_int_equal(
		db_run(f.db, "insert into hold_cover (cve, rule) values ('CVE-2021-44228', 8100020)", DB_NO_ARGS, NULL),
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
	X(test_suspend)                                                                                                \
	X(test_audited)                                                                                                \
	X(test_many)

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_rules_of_sensor),
		cmocka_unit_test(test_rules_broken),
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
