// SPDX-License-Identifier: Apache-2.0
/* The loop of holds without its doors: a finding in, a row in the bundle of the edge, what its web server says in a batch, the finding held; and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "bus/batch.h"
#include "base/holdfile.h"
#include "hub/core/core.h"
#include "hub/core/holds.h"
#include "hub/edges/csrtest.h"
#include "hub/posture/finding.h"
#include "hub/tenants/tenants.h"

#define BOOT       "0123456789abcdef0123456789abcdef"
#define TEXT(text) bytes_from_str(text)

enum {
	BUDGET_US = 300000,
	WAIT_MS = 20000,
	SECOND_MS = 1000,
	MANY = 10000,
	LOCK_MAX_MS = 1000,
	CLOCKED = 100000,
	CLOCKED_AT_ONCE = 5000
};

static const struct scope nation = { .all = true };
static char dir[64];
static struct core *core;
static uint32_t edge, second_edge, tenants[2], assets[2];
static uint64_t sequence;
static _Atomic size_t policies_told;
static int64_t first_finding;

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static void told_policy(void *context, struct bytes text)
{
	policies_told++;
}

static void open_core(void)
{
	const struct core_options options = {
		.state_dir = dir, .holds = RULES, .hold_budget_us = BUDGET_US, .calls = { .policy = told_policy }
	};
	char why[CORE_WHY_SIZE];

	if (core_open(&options, &core, why))
		fail_msg("%s", why);
}

static void make_tenants(const struct audit_origin *origin)
{
	static const char *const values[2] = { "192.0.2.80", "198.51.100.0/24" };
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = origin };

	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { 0 };
		struct tenant_system system = { .level = 3 };
		struct tenant_asset asset = { 0 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		tenants[i] = system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng");
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		asset.system = system.id;
		snprintf(asset.value, sizeof(asset.value), "%s", values[i]);
		assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
		assets[i] = asset.id;
	}
}

static uint32_t make_edge(const struct audit_origin *origin, const uint32_t *tenant)
{
	const struct edges_invitation invitation = { .name = "Hà Nội",
		.bound = { .all = !tenant, .tenants = tenant, .tenant_count = tenant != NULL } };
	char token[EDGES_TOKEN_SIZE], *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	uint32_t id;

	assert_int_equal(edges_token(core_edges(core), origin, &invitation, token, &id), 0);
	assert_int_equal(
		edges_enrol(core_edges(core), origin, TEXT(token), TEXT(pem), TEXT("luytre 0.1.0"), &enrolled), 0);
	free(enrolled.certificate.pem);
	free(pem);
	return enrolled.id;
}

static int setup(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };

	snprintf(dir, sizeof(dir), "/tmp/luytre-test-holds-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	open_core();
	core_lock(core);
	make_tenants(&origin);
	edge = make_edge(&origin, NULL);
	second_edge = make_edge(&origin, &tenants[1]);
	core_unlock(core);
	core_close(core);
	open_core(); /* knows the tenants from the tables */
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	core_close(core);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- Small steps ---- */

static int64_t report(const char *address, const char *cve, uint16_t first_port, uint16_t count)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	const struct finding_call call = {
		.db = core_db(core), .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id = 0;

	core_lock(core);
	assert_int_equal(db_begin(core_db(core)), 0);
	assert_int_equal(finding_import_begin(&call, "nuclei", 0, &import), 0);
	for (uint16_t i = 0; i < count; i++) {
		const struct record record = { .kind = RECORD_WEAKNESS,
			.target = TEXT(address),
			.protocol = 6,
			.port = (uint16_t)(first_port + i),
			.cve = TEXT(cve),
			.rule = TEXT("check"),
			.severity = 4 };

		assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	}
	assert_int_equal(finding_import_end(import), 0);
	assert_int_equal(db_commit(core_db(core)), 0);
	core_unlock(core);
	core_findings_changed(core);
	return id;
}

static struct finding finding_of(int64_t id)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct finding_call call = { .db = core_db(core), .scope = &nation, .origin = &origin };
	struct finding row;

	core_lock(core);
	assert_int_equal(finding_get(&call, id, &row), 0);
	core_unlock(core);
	return row;
}

static void verify(int64_t id)
{
	const struct audit_origin origin = { .actor = "system", .now_us = now_us() };
	const struct finding_call call = {
		.db = core_db(core), .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	const struct finding_change change = {
		.id = id, .revision = finding_of(id).revision, .to = FINDING_VERIFIED, .reason = "đã thử lại"
	};

	core_lock(core);
	assert_int_equal(finding_change(&call, &change, NULL), 0);
	core_unlock(core);
	core_findings_changed(core);
}

/* What an edge would get now. */
static void fetch(uint32_t from, struct holdfile *ret)
{
	uint8_t keys[1][BUNDLE_PUBLIC_SIZE];
	struct policy_bundle packed;
	struct bundle bundle;
	struct bytes content;

	core_policy_key(core, keys[0]);
	assert_int_equal(core_policy_fetch(core, from, 0, now_us(), &packed), 0);
	assert_int_equal(bundle_open(bytes_of(packed.text, packed.size), keys, 1, &bundle), 0);
	assert_true(bundle_find(&bundle, HOLDFILE_NAME, &content));
	assert_int_equal(holdfile_read(content, ret), 0);
	free(packed.text);
}

/* Waits until the edge would get 'count' rows, the first in this mode; copies the first. Returns the milliseconds, fails after 'max_ms'. */
static int64_t wait_rows(uint32_t from, size_t count, enum holdfile_mode mode, int64_t max_ms, struct holdfile_row *ret,
	int64_t *ret_stamp)
{
	int64_t begin_us = now_us();

	for (;;) {
		struct holdfile file;
		bool found;

		fetch(from, &file);
		found = file.row_count == count && (count == 0 || file.rows[0].mode == mode);
		if (found && count && ret)
			*ret = file.rows[0];
		if (found && ret_stamp)
			*ret_stamp = file.stamp;
		holdfile_done(&file);
		if (found)
			return (now_us() - begin_us) / 1000;
		if (now_us() - begin_us > max_ms * 1000)
			fail_msg("no %zu rows in mode %s", count, holdfile_modes[mode]);
		usleep(5000);
	}
}

/* The newest hold of what the edge would get. */
static void fetch_last(uint32_t from, struct holdfile_row *ret, int64_t *ret_stamp)
{
	struct holdfile file;

	fetch(from, &file);
	assert_true(file.row_count > 0);
	*ret = file.rows[file.row_count - 1];
	*ret_stamp = file.stamp;
	holdfile_done(&file);
}

static int64_t wait_state(int64_t id, enum finding_state state)
{
	int64_t begin_us = now_us();

	while (finding_of(id).state != state) {
		if (now_us() - begin_us > WAIT_MS * INT64_C(1000))
			fail_msg("not %s", finding_states[state].word);
		usleep(5000);
	}
	return (now_us() - begin_us) / 1000;
}

static int send_line(uint32_t from, const char *line)
{
	const struct batch_head head = { .edge = from, .boot = BOOT, .seq = ++sequence, .made_us = now_us() };
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;
	int error;

	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, TEXT(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	error = core_batch(core, from, packed, now_us(), &ack);
	batch_writer_free(writer);
	return error;
}

/* As a web server of two workers says it. */
static void say(uint32_t from, int64_t stamp, const struct holdfile_row *row, const char *attack, const char *twin)
{
	char line[1024], time_text[40];
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	for (int worker = 0; worker < 2; worker++) {
		snprintf(line, sizeof(line),
			"{\"timestamp\":\"%s\",\"event_type\":\"holds\",\"stamp\":%lld,\"gate\":\"9f3c\",\"worker\":%d,"
			"\"workers\":2,\"holds\":[{\"hold\":%llu,\"rule\":%llu,\"mode\":\"%s\",\"known\":true,"
			"\"attack\":\"%s\",\"twin\":\"%s\"}],\"part\":1,\"parts\":1}",
			time_text, (long long)stamp, worker, (unsigned long long)row->hold,
			(unsigned long long)row->rule, holdfile_modes[row->mode], attack, twin);
		assert_int_equal(send_line(from, line), 0);
	}
}

static struct core_stats stats_of(void)
{
	struct core_stats stats;

	core_stats(core, &stats);
	return stats;
}

static void restart(void)
{
	core_close(core);
	open_core();
}

/* ---- The loop ---- */

/* Nothing known: an empty file, always the same. */
static void test_nothing(void **state)
{
	struct holdfile file;

	fetch(edge, &file);
	assert_int_equal(file.row_count, 0);
	holdfile_done(&file);
}

static void test_loop(void **state)
{
	size_t told = policies_told;
	struct holdfile_row row;
	int64_t stamp, again, ms[4];

	first_finding = report("192.0.2.80", "CVE-2021-44228", 443, 1);
	ms[0] = wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, &row, &stamp);
	assert_true(policies_told > told);
	assert_int_equal(row.rule, 8100010);
	assert_int_equal(row.tenant, tenants[0]);
	assert_int_equal(row.asset, assets[0]);
	wait_rows(second_edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL); /* another's */

	/* What was said before the hub went away is known when it comes back. */
	say(edge, stamp, &row, "stopped", "passed");
	restart();
	ms[1] = wait_rows(edge, 1, HOLDFILE_MODE_ENFORCE, WAIT_MS, &row, &again);
	assert_true(again > stamp);
	assert_int_equal(finding_of(first_finding).state, FINDING_OPEN);
	restart();
	wait_rows(edge, 1, HOLDFILE_MODE_ENFORCE, 0, &row, &stamp); /* at once */
	assert_int_equal(stamp, again);
	say(edge, stamp, &row, "stopped", "passed");
	ms[2] = wait_state(first_finding, FINDING_HELD);
	restart();
	assert_int_equal(finding_of(first_finding).state, FINDING_HELD);

	/* Mended: the row goes, with another stamp. */
	verify(first_finding);
	ms[3] = wait_rows(edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, &again);
	assert_true(again > stamp);
	assert_int_equal(finding_of(first_finding).state, FINDING_VERIFIED);
	print_message("finding to bundle %lld ms, proof to enforce %lld ms (budget %d ms), word to held %lld ms, "
		      "verified to gone %lld ms\n",
		(long long)ms[0], (long long)ms[1], BUDGET_US / 1000, (long long)ms[2], (long long)ms[3]);
}

/* From a finding at the second organisation to one that both edges hold. */
static int64_t make_held(struct holdfile_row *ret)
{
	int64_t finding = report("198.51.100.7", "CVE-2021-44228", 443, 1), stamp;

	wait_rows(second_edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, ret, &stamp);
	say(second_edge, stamp, ret, "stopped", "passed");
	wait_rows(second_edge, 1, HOLDFILE_MODE_ENFORCE, WAIT_MS, ret, &stamp);
	say(second_edge, stamp, ret, "stopped", "passed");
	wait_state(finding, FINDING_HELD);
	return finding;
}

static void test_suspended(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	struct holdfile_row row;
	int64_t finding = make_held(&row), stamp;
	struct hold hold;

	/* The other edge serves it too, has said nothing, and is told to watch. */
	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
	core_lock(core);
	assert_int_equal(hold_get(core_db(core), &nation, (int64_t)row.hold, &hold), 0);
	assert_int_equal(hold_suspend(core_db(core), &nation, &origin, hold.id, hold.revision, "chặn nhầm",
				 origin.now_us + CLOCK_DAY_US, &hold),
		0);
	core_unlock(core);
	core_findings_changed(core);
	wait_rows(second_edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
	wait_state(finding, FINDING_OPEN);
	restart();
	wait_rows(second_edge, 0, HOLDFILE_MODE_SHADOW, 0, NULL, NULL);
	core_lock(core);
	assert_int_equal(hold_resume(core_db(core), &nation, &origin, hold.id, hold.revision, "đã sửa", &hold), 0);
	core_unlock(core);
	core_findings_changed(core);
	wait_rows(second_edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, &row, &stamp);
	say(second_edge, stamp, &row, "stopped", "passed");
	wait_rows(second_edge, 1, HOLDFILE_MODE_ENFORCE, WAIT_MS, &row, &stamp);
	say(second_edge, stamp, &row, "stopped", "passed");
	wait_state(finding, FINDING_HELD);
	verify(finding);
	wait_rows(second_edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
}

/* The benign twin is stopped: it never gets further than shadow, and says why. */
static void test_twin_stopped(void **state)
{
	int64_t finding = report("192.0.2.80", "CVE-2022-22965", 443, 1), stamp;
	struct holdfile_row row;
	struct hold hold;

	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, &row, &stamp);
	say(edge, stamp, &row, "stopped", "stopped");
	usleep(2 * BUDGET_US + 500000);
	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, 0, NULL, NULL);
	core_lock(core);
	assert_int_equal(hold_get(core_db(core), &nation, (int64_t)row.hold, &hold), 0);
	core_unlock(core);
	assert_int_equal(hold.state, HOLD_SHADOW);
	assert_int_equal(hold.verdict, HOLD_VERDICT_STOPPED);
	verify(finding);
	wait_rows(edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
}

/* An edge speaks about holds of organisations that it serves; what it says about others changes nothing. */
static void test_not_behind_the_edge(void **state)
{
	int64_t finding = report("192.0.2.80", "CVE-2021-44228", 443, 1), stamp;
	uint64_t refused = stats_of().holds_refused;
	struct holdfile_row row;

	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, &row, &stamp);
	say(second_edge, stamp, &row, "stopped", "passed");
	assert_int_equal(stats_of().holds_refused, refused + 2);
	usleep(BUDGET_US + 500000);
	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, 0, NULL, NULL);
	row.mode = HOLDFILE_MODE_ENFORCE;
	say(second_edge, INT64_MAX, &row, "stopped", "passed");
	usleep(500000);
	assert_int_equal(finding_of(finding).state, FINDING_OPEN);
	verify(finding);
	wait_rows(edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
}

/* Broken words are counted; they are no events, and the batch is taken. */
static void test_broken(void **state)
{
	static const char *const lines[] = {
		"\"stamp\":1,\"worker\":0,\"workers\":1,\"holds\":[]",
		"\"stamp\":1,\"gate\":\"a b\",\"worker\":0,\"workers\":1,\"holds\":[]",
		"\"stamp\":-1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":1,\"workers\":1,\"holds\":[]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":9999,\"holds\":[]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":{}",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"part\":3,\"parts\":2,\"holds\":[]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[{\"hold\":0,\"rule\":1,\"mode\":"
		"\"shadow\",\"known\":true}]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[{\"hold\":1,\"rule\":1,\"mode\":"
		"\"off\",\"known\":true}]",
		"\"stamp\":1,\"gate\":\"a\",\"worker\":0,\"workers\":1,\"holds\":[{\"hold\":1,\"rule\":1,\"mode\":"
		"\"shadow\"}]",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		struct core_stats before = stats_of(), after;
		char line[512];

		snprintf(line, sizeof(line), "{\"timestamp\":\"2026-11-22T08:00:00Z\",\"event_type\":\"holds\",%s}",
			lines[i]);
		assert_int_equal(send_line(edge, line), 0);
		after = stats_of();
		if (after.holds_refused != before.holds_refused + 1 || after.events != before.events ||
			after.holds_reports != before.holds_reports)
			fail_msg("%s", lines[i]);
	}
}

/* An asset that gets another address: the row follows within the second in which the hub looks for changes of assets. */
static void test_asset_moves(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	int64_t finding = report("192.0.2.80", "CVE-2021-44228", 443, 1), stamp, later;
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = &origin };
	struct tenant_asset asset;

	wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, &stamp);
	core_lock(core);
	assert_int_equal(tenant_asset_get(&call, assets[0], &asset), 0);
	snprintf(asset.value, sizeof(asset.value), "192.0.2.81");
	assert_int_equal(tenant_asset_update(&call, &asset, &asset), 0);
	core_unlock(core);
	for (int i = 0; i < WAIT_MS / 10; i++) {
		wait_rows(edge, 1, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, &later);
		if (later > stamp)
			break;
		usleep(10000);
	}
	assert_true(later > stamp);
	verify(finding);
	wait_rows(edge, 0, HOLDFILE_MODE_SHADOW, SECOND_MS, NULL, NULL);
}

/* Ten thousand findings in one import: others wait for lock and database no longer than for a slice or two. */
static void test_many(void **state)
{
	int64_t begin_us, worst_us = 0;
	struct hold hold = { 0 };
	struct holdfile_row row;

	(void)report("198.51.100.7", "CVE-2021-44228", 10000, MANY);
	begin_us = now_us();
	wait_rows(second_edge, 1, HOLDFILE_MODE_SHADOW, 6 * WAIT_MS, &row, NULL);
	while (hold.finding_count < MANY) {
		int64_t before_us = now_us(), waited_us;

		core_lock(core);
		assert_int_equal(db_begin(core_db(core)), 0); /* as who writes must */
		db_rollback(core_db(core));
		waited_us = now_us() - before_us;
		assert_int_equal(hold_get(core_db(core), &nation, (int64_t)row.hold, &hold), 0);
		core_unlock(core);
		worst_us = waited_us > worst_us ? waited_us : worst_us;
		if (now_us() - begin_us > 30 * INT64_C(1000000))
			fail_msg("%u of %d", hold.finding_count, MANY);
		usleep(2000);
	}
	print_message("%d findings under one hold after %lld ms; to write another waited %lld ms at most\n", MANY,
		(long long)(now_us() - begin_us) / 1000, (long long)worst_us / 1000);
	assert_true(worst_us < LOCK_MAX_MS * INT64_C(1000));
}

/* A hundred thousand findings that no rule holds, as many whole reports of scanners leave. */
static void store_many_findings(void)
{
	core_lock(core);
	for (int64_t i = 0; i < CLOCKED; i++) {
		/* Others write meanwhile, and wait five seconds at most. */
		if (i % CLOCKED_AT_ONCE == 0)
			assert_int_equal(db_begin(core_db(core)), 0);
		assert_int_equal(
			db_run(core_db(core),
				"insert into finding select 1000000 + ?1, revision, cast(printf('%032d', ?1) as blob), "
				"tenant,"
				" system, asset, host, protocol, 1, 'clocked/' || ?1, '', tool, rule, title, vector, "
				"severity,"
				" exploited, 0, 1, since_us, first_us, last_us, reason, claimant, 0, 0, '', 0, 0, "
				"exposed, kev,"
				" automatable, total, forensic, 0, start_us, 0, 0, change from finding where id = ?2",
				DB_ARGS(db_i64(i), db_i64(first_finding)), NULL),
			0);
		if ((i + 1) % CLOCKED_AT_ONCE == 0)
			assert_int_equal(db_commit(core_db(core)), 0);
	}
	core_unlock(core);
}

static int64_t count_clocked(void)
{
	int64_t count = 0;

	core_lock(core);
	assert_int_equal(db_integer(core_db(core), "select count(*) from finding where id >= 1000000 and due_us > 0",
				 DB_NO_ARGS, &count),
		0);
	core_unlock(core);
	return count;
}

/* After a catalogue all clocks are looked at. Meanwhile a finding is held as fast as ever, and who ends the hub does not wait. */
static void test_prompt_beside_clocks(void **state)
{
	int64_t ms[3], stamp, before;
	struct holdfile_row row;
	int64_t finding;

	store_many_findings();
	core_catalogues_changed(core);
	usleep(100000);
	finding = report("192.0.2.81", "CVE-2022-22965", 443, 1);
	ms[0] = wait_rows(edge, 2, HOLDFILE_MODE_SHADOW, WAIT_MS, NULL, NULL);
	fetch_last(edge, &row, &stamp);
	say(edge, stamp, &row, "stopped", "passed");
	ms[1] = now_us();
	for (;;) {
		fetch_last(edge, &row, &stamp);
		if (row.mode == HOLDFILE_MODE_ENFORCE)
			break;
		assert_true(now_us() - ms[1] < WAIT_MS * INT64_C(1000));
		usleep(5000);
	}
	say(edge, stamp, &row, "stopped", "passed");
	wait_state(finding, FINDING_HELD);
	ms[1] = (now_us() - ms[1]) / 1000;
	before = count_clocked();
	for (int i = 0; i < 100 && !count_clocked(); i++) /* those of the tests before come first */
		usleep(200000);
	assert_true(before < CLOCKED && count_clocked() > 0); /* else nothing was proved */
	ms[2] = now_us();
	core_close(core);
	ms[2] = (now_us() - ms[2]) / 1000;
	open_core();
	print_message("beside %d clocks (%lld were done): finding to bundle %lld ms, word to held %lld ms, end of the "
		      "hub %lld ms\n",
		CLOCKED, (long long)before, (long long)ms[0], (long long)ms[1], (long long)ms[2]);
	assert_true(ms[1] < WAIT_MS);
	assert_true(ms[2] < WAIT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing), cmocka_unit_test(test_loop),
		cmocka_unit_test(test_suspended), cmocka_unit_test(test_twin_stopped),
		cmocka_unit_test(test_not_behind_the_edge), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_asset_moves), cmocka_unit_test(test_many),
		cmocka_unit_test(test_prompt_beside_clocks) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
