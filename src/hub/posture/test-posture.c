// SPDX-License-Identifier: Apache-2.0
/* Findings with either database: intake, states, holds, clocks, catalogues, debt.
 *
 * With LUYTRE_BENCH=1 also 100,000 findings: how fast they come in, how fast a page goes out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/findings/importer.h"
#include "hub/posture/catalogue.h"
#include "hub/posture/debt.h"
#include "hub/posture/finding.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/tenants.h"

#define DAY        CLOCK_DAY_US
#define START      (20000 * DAY)
#define TEXT(text) bytes_from_str(text)

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

/* Two tenants: a level 3 system with a prefix and a name, a level 5 system with an address; another's prefix. */
static struct fixture {
	struct db *db;
	struct audit_origin origin;
	enum finding_reason why;
	uint32_t tenants[2], web, core, other, prefix, name, address, theirs;
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

static uint32_t add_system(uint32_t tenant, const char *name, uint32_t level)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_system system = { .tenant = tenant, .level = level };

	snprintf(system.name, sizeof(system.name), "%s", name);
	assert_int_equal(tenant_system_create(&call, &system, &system), 0);
	return system.id;
}

static void make_tenants(void)
{
	static const enum tenant_sector sectors[2] = { TENANT_SECTOR_HEALTH, TENANT_SECTOR_ENERGY };
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };

	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { .sector = sectors[i] };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		f.tenants[i] = tenant.id;
	}
	f.web = add_system(f.tenants[0], "web", 3);
	f.core = add_system(f.tenants[0], "core", 5);
	f.other = add_system(f.tenants[1], "web", 2);
	f.prefix = add_asset(f.web, "10.0.0.0/8");
	f.name = add_asset(f.web, "www.example.vn");
	f.address = add_asset(f.core, "203.0.113.64");
	f.theirs = add_asset(f.other, "198.51.100.0/24");
}

static int setup(void **state, const char *place)
{
	char why[DB_WHY_SIZE];

	f.origin = (struct audit_origin){ .actor = "account:7 an", .now_us = START };
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
	if (audit_setup(f.db) || tenants_setup(f.db) || posture_setup(f.db) || posture_setup(f.db)) {
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

/* On the disk, with all it costs to be sure. */
static int setup_file(void **state)
{
	char place[] = "sqlite:/tmp/posture-XXXXXX/db", *folder = place + sizeof("sqlite:") - 1;

	*strrchr(folder, '/') = '\0';
	if (!mkdtemp(folder))
		return -1;
	snprintf(f.folder, sizeof(f.folder), "%s", folder);
	folder[strlen(folder)] = '/';
	return setup(state, place);
}

static int teardown_file(void **state)
{
	static const char *const names[] = { "db", "db-wal", "db-shm" };
	char path[64];

	db_close(f.db);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f.folder, names[i]);
		unlink(path);
	}
	return rmdir(f.folder);
}

static int teardown(void **state)
{
	if (*state)
		db_close(f.db);
	return 0;
}

#define NEED_DB(state)                                                                                                 \
	if (!*(state)) {                                                                                               \
		print_message("%s\n", postgres_missing);                                                               \
		skip();                                                                                                \
	}

/* ---- Helpers ---- */

static struct finding_call call_as(enum finding_part part)
{
	return (struct finding_call){ .db = f.db, .scope = &nation, .origin = &f.origin, .part = part, .why = &f.why };
}

static struct record log4j(const char *target)
{
	return (struct record){ .kind = RECORD_WEAKNESS,
		.target = TEXT(target),
		.port = 443,
		.protocol = 6,
		.cve = TEXT("cve-2021-44228"),
		.rule = TEXT("log4j-rce"),
		.title = TEXT("Log4j"),
		.severity = 4,
		.cvss = TEXT("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
		.confidence = 90,
		.evidence = TEXT("callback seen") };
}

/* One record as a report of its own; the outcome, or the error. */
static int take_in(const struct scope *scope, const char *tool, const struct record *record, int64_t *ret_id)
{
	struct finding_call call = call_as(FINDING_BY_EVIDENCE);
	enum finding_outcome outcome = FINDING_OUTCOME_COUNT;
	struct finding_import *import;
	int error;

	call.scope = scope;
	assert_int_equal(finding_import_begin(&call, tool, 0, &import), 0);
	error = finding_import(import, record, &outcome, ret_id);
	assert_int_equal(finding_import_end(import), 0);
	return error ? error : (int)outcome;
}

static struct finding get(int64_t id)
{
	const struct finding_call call = call_as(FINDING_BY_OWNER);
	struct finding row;

	assert_int_equal(finding_get(&call, id, &row), 0);
	return row;
}

static int64_t make(const char *target)
{
	const struct record record = log4j(target);
	int64_t id = 0;

	assert_int_equal(take_in(&nation, "nuclei", &record, &id), FINDING_MADE);
	return id;
}

static int change(int64_t id, enum finding_part part, enum finding_state to, const char *reason)
{
	const struct finding_call call = call_as(part);
	const struct finding_change wish = { .id = id,
		.revision = get(id).revision,
		.to = to,
		.reason = reason,
		.expires_us = to == FINDING_ACCEPTED ? f.origin.now_us + 30 * DAY : 0 };

	return finding_change(&call, &wish, NULL);
}

static int64_t audited(const char *action)
{
	int64_t count;

	assert_int_equal(
		db_integer(f.db, "select count(*) from audit where action = ?1", DB_ARGS(db_str(action)), &count), 0);
	return count;
}

static int count_proof(void *context, const struct finding_proof *proof)
{
	++*(size_t *)context;
	return 0;
}

/* ---- Intake ---- */

static void test_identity(void **state)
{
	struct record record = log4j("WWW.example.vn.");
	const struct finding_call call = call_as(FINDING_BY_OWNER);
	int64_t first, id;
	size_t proofs = 0;

	NEED_DB(state);
	assert_int_equal(take_in(&nation, "nuclei", &record, &first), FINDING_MADE);
	assert_int_equal(get(first).asset, f.name);
	assert_string_equal(get(first).host, "www.example.vn");
	assert_string_equal(get(first).cve, "CVE-2021-44228");
	assert_int_equal(take_in(&nation, "nuclei", &record, &id), FINDING_SEEN);
	record.rule = TEXT("155999");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_JOINED);
	assert_int_equal(id, first);
	assert_int_equal(get(first).proof_count, 2);
	assert_int_equal(finding_proof_each(&call, first, count_proof, &proofs), 0);
	assert_int_equal(proofs, 2);
	record.path = TEXT("/login?user=1");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	assert_string_equal(get(id).path, "/login");
	record = log4j("10.1.2.3");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	record.target = TEXT("10.1.2.4"); /* another host of the same asset */
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	record.target = TEXT("unknown.example.vn"); /* the name is nobody's, the address is */
	record.address = TEXT("10.1.2.4");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_SEEN);
	record.cve = TEXT("");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	assert_int_equal(take_in(&nation, "openvas", &record, &id), FINDING_MADE); /* without a CVE by tool and rule */
	assert_int_equal(audited("finding.create"), 6);
	assert_int_equal(audited("finding.proof"), 1);
	assert_int_equal(audited("finding.import"), 9);
}

static void test_refused(void **state)
{
	const struct scope theirs = { .tenants = &f.tenants[1], .tenant_count = 1 };
	const struct finding_call narrow = { .db = f.db, .scope = &theirs, .origin = &f.origin };
	struct record record = log4j("192.0.2.1");
	struct finding row;
	int64_t id;

	NEED_DB(state);
	assert_int_equal(take_in(&nation, "nuclei", &record, &id), LUYTRE_E_NOT_FOUND);
	assert_int_equal(f.why, FINDING_WHY_ASSET);
	record.target = TEXT("10.0.0.0/8");
	assert_int_equal(take_in(&nation, "nuclei", &record, &id), LUYTRE_E_NOT_FOUND);
	record.target = TEXT("10.0.0.1");
	assert_int_equal(take_in(&theirs, "nuclei", &record, &id), LUYTRE_E_NOT_FOUND);
	record.cve = TEXT("CVE-1");
	record.rule = TEXT("");
	assert_int_equal(take_in(&nation, "nuclei", &record, &id), LUYTRE_E_INVALID);
	assert_int_equal(f.why, FINDING_WHY_NAMELESS);
	record.kind = RECORD_SERVICE;
	assert_int_equal(take_in(&nation, "nmap", &record, &id), LUYTRE_E_UNSUPPORTED);
	assert_int_equal(f.why, FINDING_WHY_KIND);
	id = make("10.0.0.1");
	assert_int_equal(finding_get(&narrow, id, &row), LUYTRE_E_NOT_FOUND);
}

static void test_bounds(void **state)
{
	const struct finding_call call = call_as(FINDING_BY_OWNER);
	struct record record = log4j("10.0.0.1");
	char evidence[6000], text[32];
	int64_t id, oldest;
	size_t proofs = 0;

	NEED_DB(state);
	memset(evidence, 0xc3, sizeof(evidence)); /* no UTF-8 */
	record.evidence = bytes_of(evidence, sizeof(evidence));
	record.title = bytes_of("a\0b\x1b", 4);
	assert_int_equal(take_in(&nation, "nuclei", &record, &id), FINDING_MADE);
	assert_string_equal(get(id).title, "a?b?");
	for (int i = 0; i < 2 * FINDING_PROOFS_MAX; i++) {
		f.origin.now_us += 1000;
		snprintf(text, sizeof(text), "number %d", i);
		record.evidence = TEXT(text);
		assert_int_equal(take_in(&nation, i == 0 ? "nmap" : "nessus", &record, &id), FINDING_JOINED);
	}
	assert_int_equal(get(id).proof_count, FINDING_PROOFS_MAX);
	assert_int_equal(finding_proof_each(&call, id, count_proof, &proofs), 0);
	assert_int_equal(proofs, FINDING_PROOFS_MAX);
	/* Only proofs of the tool that came so often gave way. */
	assert_int_equal(db_integer(f.db, "select count(*) from proof where tool <> 'nessus'", DB_NO_ARGS, &oldest), 0);
	assert_int_equal(oldest, 2);
	assert_int_equal(
		db_integer(f.db, "select max(length(evidence)) from proof where tool = 'nuclei'", DB_NO_ARGS, &oldest),
		0);
	assert_int_equal(oldest, FINDING_EVIDENCE_SIZE - 1);
}

static int sink_record(void *context, const struct record *record)
{
	enum finding_outcome outcome;
	int64_t id;
	int error = finding_import(context, record, &outcome, &id);

	return f.why ? 0 : error; /* what is refused is counted, the rest goes on */
}

/* A report as a tool writes it, through its importer. */
static void test_report(void **state)
{
	static const char report[] =
		"{\"template-id\":\"CVE-2021-44228\",\"info\":{\"name\":\"Log4j\",\"severity\":\"critical\","
		"\"classification\":"
		"{\"cve-id\":[\"cve-2021-44228\"],\"cvss-metrics\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/"
		"A:H\"}},\"type\":"
		"\"http\",\"host\":\"https://www.example.vn\",\"matched-at\":\"https://www.example.vn/login?x=1\"}\n"
		"{\"template-id\":\"old-jquery\",\"info\":{\"name\":\"jQuery\",\"severity\":\"low\"},\"type\":\"http\","
		"\"host\":"
		"\"https://nobody.example.vn\",\"matched-at\":\"https://nobody.example.vn/\"}\n";
	const struct finding_call call = call_as(FINDING_BY_EVIDENCE);
	struct finding_import *intake;
	struct import *import;
	struct import_result result;

	NEED_DB(state);
	assert_int_equal(finding_import_begin(&call, "nuclei", 0, &intake), 0);
	assert_int_equal(
		import_begin(NULL, &(struct import_sink){ .context = intake, .record = sink_record }, &import), 0);
	assert_int_equal(import_feed(import, TEXT(report)), 0);
	assert_int_equal(import_end(import, &result, NULL), 0);
	assert_int_equal(finding_import_end(intake), 0);
	assert_string_equal(result.format, "nuclei");
	assert_int_equal(result.records, 2);
	assert_int_equal(f.why, FINDING_WHY_ASSET);
	assert_string_equal(get(1).cve, "CVE-2021-44228");
	assert_string_equal(get(1).path, "/login");
	assert_int_equal(get(1).asset, f.name);
	assert_int_equal(get(1).port, 443);
	assert_int_equal(get(1).step, CLOCK_DAYS_3);
	assert_int_equal(audited("finding.create"), 1);
}

/* ---- States ---- */

/* Every pair of states by every part: what may be is written here a second time, by hand. */
static bool may(enum finding_state from, enum finding_state to, enum finding_part part)
{
	static const char *const allowed[] = {
		/* from, to, then parts: Owner, Approver, eVidence, Clock */
		"open fix-claimed O",
		"held fix-claimed O",
		"fix-claimed open OAV",
		"open verified V",
		"held verified V",
		"fix-claimed verified AV",
		"open accepted A",
		"held accepted A",
		"fix-claimed accepted A",
		"open false A",
		"held false A",
		"fix-claimed false A",
		"verified open AV",
		"accepted open AC",
		"false open AV",
	};
	static const char letters[FINDING_PART_COUNT] = { 'O', 'A', '-', 'V', 'C' };
	char wanted[64];
	int size = snprintf(wanted, sizeof(wanted), "%s %s ", finding_states[from].word, finding_states[to].word);

	for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
		if (strncmp(allowed[i], wanted, (size_t)size) == 0)
			return strchr(allowed[i] + size, letters[part]) != NULL;
	return false;
}

static void test_transitions(void **state)
{
	int64_t id;
	size_t good = 0;

	NEED_DB(state);
	id = make("10.0.0.1");
	for (int from = 0; from < FINDING_STATE_COUNT; from++)
		for (int to = 0; to < FINDING_STATE_COUNT; to++)
			for (int part = 0; part < FINDING_PART_COUNT; part++) {
				bool allowed = may(from, to, part);
				int error;

				assert_int_equal(
					db_run(f.db,
						"update finding set state = ?2, claimant = 'somebody' where id = ?1",
						DB_ARGS(db_i64(id), db_i64(from)), NULL),
					0);
				error = change(id, part, to, "seen so");
				if (!allowed)
					assert_true(error == LUYTRE_E_CONFLICT || error == LUYTRE_E_PERMISSION);
				else
					assert_int_equal(error, 0);
				assert_int_equal(get(id).state, allowed ? to : from);
				good += allowed;
			}
	assert_int_equal(good, 21);
	assert_int_equal(audited("finding.state"), 21);
}

static void test_life(void **state)
{
	const struct finding_call engine = call_as(FINDING_BY_ENGINE), owner = call_as(FINDING_BY_OWNER);
	struct record record = log4j("10.0.0.1");
	int64_t id, again;

	NEED_DB(state);
	id = make("10.0.0.1");
	assert_int_equal(finding_hold(&owner, id, "hold:1"), LUYTRE_E_PERMISSION);
	assert_int_equal(finding_hold(&engine, id, "hold:1"), 0);
	assert_int_equal(get(id).state, FINDING_HELD);
	assert_int_equal(get(id).held_us, START);
	f.origin.now_us += DAY;
	assert_int_equal(change(id, FINDING_BY_OWNER, FINDING_CLAIMED, NULL), 0);
	assert_string_equal(get(id).hold, "hold:1"); /* a claim does not lift it */
	assert_int_equal(change(id, FINDING_BY_APPROVER, FINDING_VERIFIED, "looked"), LUYTRE_E_PERMISSION);
	assert_int_equal(f.why, FINDING_WHY_SAME_PERSON);
	record.time_us = START; /* an old report says nothing about the claim */
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_SEEN);
	assert_int_equal(get(id).state, FINDING_CLAIMED);
	f.origin.now_us += DAY;
	record.time_us = 0;
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_REOPENED);
	assert_int_equal(get(id).state, FINDING_HELD);
	assert_int_equal(get(id).contradicted, 1);
	assert_int_equal(get(id).start_us, START); /* the clock went on */
	assert_int_equal(change(id, FINDING_BY_EVIDENCE, FINDING_VERIFIED, " "), LUYTRE_E_INVALID);
	assert_int_equal(change(id, FINDING_BY_EVIDENCE, FINDING_VERIFIED, "probe 12"), 0);
	assert_int_equal(get(id).held_us, 0);
	assert_int_equal(finding_hold(&engine, id, "hold:1"), LUYTRE_E_CONFLICT);
	/* A report that does not mention it leaves it as it is; one that does opens it. */
	record.target = TEXT("10.0.0.2");
	f.origin.now_us += DAY;
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_MADE);
	assert_int_equal(get(id).state, FINDING_VERIFIED);
	record.target = TEXT("10.0.0.1");
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_REOPENED);
	assert_int_equal(get(id).state, FINDING_OPEN);
	assert_int_equal(get(id).start_us, f.origin.now_us);
	assert_int_equal(audited("finding.reopen"), 2);
	assert_int_equal(change(id, FINDING_BY_APPROVER, FINDING_FALSE_ALARM, "patched by the vendor"), 0);
	f.origin.now_us += DAY;
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_SEEN);
	assert_int_equal(get(id).state, FINDING_FALSE_ALARM);
	record.exploited = true;
	assert_int_equal(take_in(&nation, "nuclei", &record, &again), FINDING_REOPENED);
}

static void test_acceptance(void **state)
{
	const struct finding_call engine = call_as(FINDING_BY_ENGINE), clock = call_as(FINDING_BY_CLOCK),
				  approver = call_as(FINDING_BY_APPROVER);
	struct finding_change wish = { .to = FINDING_ACCEPTED, .reason = "no patch yet" };
	uint32_t count;

	NEED_DB(state);
	wish.id = make("10.0.0.1");
	assert_int_equal(finding_hold(&engine, wish.id, "hold:1"), 0);
	wish.revision = 2;
	assert_int_equal(finding_change(&approver, &wish, NULL), LUYTRE_E_RANGE);
	wish.expires_us = START + FINDING_ACCEPT_MAX_US + 1;
	assert_int_equal(finding_change(&approver, &wish, NULL), LUYTRE_E_RANGE);
	wish.expires_us = START + 10 * DAY;
	wish.revision = 1;
	assert_int_equal(finding_change(&approver, &wish, NULL), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, FINDING_WHY_REVISION);
	wish.revision = 2;
	assert_int_equal(finding_change(&approver, &wish, NULL), 0);
	assert_int_equal(finding_expire(&clock, 100, &count), 0);
	assert_int_equal(count, 0);
	f.origin.now_us = wish.expires_us;
	assert_int_equal(finding_expire(&clock, 100, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(get(wish.id).state, FINDING_HELD); /* the hold stood all the time */
	assert_int_equal(get(wish.id).due_us, START + 3 * DAY); /* and so did the date */
}

/* ---- Catalogues and clocks ---- */

static const char kev_text[] =
	"{\"title\":\"KEV\",\"catalogVersion\":\"2026.11.20\",\"dateReleased\":\"2026-11-20T10:00:00Z\",\"count\":3,"
	"\"vulnerabilities\":[{\"cveID\":\"CVE-2021-44228\",\"vendorProject\":\"Apache\",\"dateAdded\":\"2021-12-10\","
	"\"dueDate\":\"2021-12-24\",\"knownRansomwareCampaignUse\":\"Known\"},"
	"{\"cveID\":\"CVE-2024-0001\",\"dateAdded\":\"2024-02-30x\",\"dueDate\":\"2024-03-01\"},"
	"{\"cveID\":\"CVE-2024-0002\",\"dateAdded\":\"2024-02-01\",\"dueDate\":\"2024-03-01\"}]}";

static const char cve_text[] =
	"{\"dataType\":\"CVE_RECORD\",\"dataVersion\":\"5.1\",\"cveMetadata\":{\"cveId\":\"CVE-2024-0002\",\"state\":"
	"\"PUBLISHED\"},\"containers\":{\"cna\":{\"affected\":[]},\"adp\":[{\"title\":\"CVE Program "
	"Container\"},{\"metrics\":"
	"[{\"other\":{\"type\":\"ssvc\",\"content\":{\"timestamp\":\"2024-05-02T00:00:00Z\",\"options\":[{"
	"\"Exploitation\":"
	"\"active\"},{\"Automatable\":\"yes\"},{\"Technical "
	"Impact\":\"total\"}]}}},{\"other\":{\"type\":\"ssvc\",\"content\":"
	"{\"timestamp\":\"2024-05-01T00:00:00Z\",\"options\":[{\"Automatable\":\"no\"},{\"Technical "
	"Impact\":\"partial\"}]}}},"
	"{\"other\":{\"type\":\"kev\",\"content\":{\"dateAdded\":\"2024-02-01\"}}}]}]}}";

static const char epss_text[] = "#model_version:v2026.06.15,score_date:2026-09-21T12:03:23Z\ncve,epss,percentile\n"
				"CVE-2021-44228,0.97565,0.99996\r\nCVE-2024-0002,0.00043,0.1\nCVE-2024-0003,1.5,0.1\n"
				"nonsense\nCVE-2024-0004,0.5,1";

static void read_epss(const char *text, size_t piece_size, int expected, struct catalogue_result *ret)
{
	struct bytes rest = TEXT(text);
	struct catalogue_epss *epss;

	assert_int_equal(catalogue_epss_begin(f.db, &f.origin, &epss), 0);
	while (!bytes_empty(rest)) {
		assert_int_equal(catalogue_epss_feed(epss, bytes_first(rest, piece_size)), 0);
		rest = bytes_skip(rest, piece_size);
	}
	assert_int_equal(catalogue_epss_end(epss, ret), expected);
}

static void test_catalogues(void **state)
{
	static const size_t pieces[] = { 1, 7, 64, 4096 };
	struct catalogue_result result;
	struct catalogue_entry entry;

	NEED_DB(state);
	assert_int_equal(catalogue_kev(f.db, &f.origin, TEXT(kev_text), &result), 0);
	assert_int_equal(result.rows, 2);
	assert_int_equal(result.refused, 1);
	assert_int_equal(result.first_refused, 2);
	assert_string_equal(result.version, "2026.11.20");
	assert_int_equal(catalogue_cve(f.db, &f.origin, TEXT(cve_text)), 0);
	assert_int_equal(catalogue_cve(f.db, &f.origin,
				 TEXT("{\"cveMetadata\":{\"cveId\":\"CVE-2024-0009\",\"state\":"
				      "\"REJECTED\"},\"containers\":{}}")),
		LUYTRE_E_NOT_FOUND);
	assert_int_equal(catalogue_cve(f.db, &f.origin, TEXT("{}")), LUYTRE_E_SYNTAX);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		read_epss(epss_text, pieces[i], 0, &result);
		assert_int_equal(result.rows, 3);
		assert_int_equal(result.refused, 2);
		assert_int_equal(result.first_refused, 5);
	}
	read_epss("cve,epss,percentile\n", 5, LUYTRE_E_CORRUPT, &result);
	assert_int_equal(catalogue_get(f.db, "CVE-2024-0002", &entry), 0);
	assert_int_equal(entry.kev_us, 19754 * DAY); /* 2024-02-01 */
	assert_int_equal(entry.kev_due_us, 19783 * DAY);
	assert_int_equal(entry.automatable, FINDING_YES);
	assert_int_equal(entry.total, FINDING_YES);
	assert_true(entry.epss == 0.00043 && entry.percentile == 0.1);
	assert_int_equal(catalogue_get(f.db, "CVE-2021-44228", &entry), 0);
	assert_true(entry.ransomware);
	assert_int_equal(catalogue_get(f.db, "CVE-2024-0001", &entry), LUYTRE_E_NOT_FOUND);
	/* A list that is cut short changes nothing; a new one that is whole replaces the old. */
	assert_int_equal(catalogue_kev(f.db, &f.origin,
				 TEXT("{\"catalogVersion\":\"1\",\"count\":2,\"vulnerabilities\":[{\"cveID\":\"CVE-"
				      "2024-0002\",\"dateAdded\":\"2024-02-01\",\"dueDate\":\"2024-03-01\"}]}"),
				 &result),
		LUYTRE_E_CORRUPT);
	assert_int_equal(
		catalogue_kev(f.db, &f.origin,
			TEXT("{\"catalogVersion\":\"1\",\"count\":1,\"vulnerabilities\":[{\"cveID\":\"CVE-2024-0002\","
			     "\"dateAdded\":\"2024-02-01\",\"dueDate\":\"2024-03-01\"}]}"),
			&result),
		0);
	assert_int_equal(catalogue_get(f.db, "CVE-2021-44228", &entry), 0);
	assert_int_equal(entry.kev_us, 0);
	assert_true(entry.epss == 0.97565);
	assert_int_equal(audited("catalogue.kev"), 2);
	assert_int_equal(audited("catalogue.epss"), 4);
}

static void test_clocks(void **state)
{
	const struct finding_call clock = call_as(FINDING_BY_CLOCK), approver = call_as(FINDING_BY_APPROVER);
	struct record record = log4j("10.0.0.1");
	struct catalogue_result result;
	int64_t id, tight, after = 0;
	uint32_t count;

	NEED_DB(state);
	record.cve = TEXT("CVE-2024-0002");
	record.cvss = TEXT("CVSS:3.1/AV:N/AC:H/PR:L/UI:R/S:U/C:L/I:L/A:L");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	assert_int_equal(get(id).due_us, START + 60 * DAY); /* exposed alone */
	record.target = TEXT("203.0.113.64");
	assert_int_equal(take_in(&nation, "nessus", &record, &tight), FINDING_MADE);
	assert_int_equal(get(tight).due_us, START + 14 * DAY); /* level 5 */
	assert_int_equal(finding_expose(&clock, id, false), 0);
	assert_int_equal(get(id).due_us, CLOCK_NO_DATE_US);
	assert_int_equal(finding_expose(&clock, id, true), 0);
	f.origin.now_us += 5 * DAY;
	assert_int_equal(catalogue_kev(f.db, &f.origin, TEXT(kev_text), &result), 0);
	assert_int_equal(catalogue_cve(f.db, &f.origin, TEXT(cve_text)), 0);
	assert_int_equal(finding_reclock(&clock, &after, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(after, id);
	assert_int_equal(finding_reclock(&clock, &after, 100, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(after, 0);
	assert_int_equal(get(id).due_us, START + 8 * DAY); /* three days from when it became known */
	assert_int_equal(get(tight).due_us, START + 8 * DAY);
	assert_true(get(id).kev && get(id).forensic);
	assert_int_equal(finding_reclock(&clock, &after, 100, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(finding_set_date(&clock, id, START + 6 * DAY, "order 12"), LUYTRE_E_PERMISSION);
	assert_int_equal(finding_set_date(&approver, id, START + 6 * DAY, ""), LUYTRE_E_INVALID);
	assert_int_equal(finding_set_date(&approver, id, START + 6 * DAY, "order 12"), 0);
	assert_int_equal(get(id).due_us, START + 6 * DAY);
	assert_int_equal(finding_set_date(&approver, id, START + 60 * DAY, "order 13"), 0);
	assert_int_equal(get(id).due_us, START + 8 * DAY);
	assert_int_equal(audited("finding.clock"), 2);
}

/* ---- Lists and debt ---- */

struct pages {
	int64_t due_us, id;
	size_t count;
};

static int check_order(void *context, const struct finding *row)
{
	struct pages *pages = context;

	assert_true(row->due_us > pages->due_us || (row->due_us == pages->due_us && row->id > pages->id));
	pages->due_us = row->due_us;
	pages->id = row->id;
	pages->count++;
	return 0;
}

static size_t count_all(const struct scope *scope, struct finding_query query)
{
	struct finding_call call = call_as(FINDING_BY_OWNER);
	struct pages pages = { .due_us = INT64_MIN };
	size_t before;

	call.scope = scope;
	do {
		before = pages.count;
		query.after_due_us = pages.due_us;
		query.after_id = pages.id;
		assert_int_equal(finding_each(&call, &query, check_order, &pages), 0);
	} while (pages.count > before);
	return pages.count;
}

/* 'count' findings over all assets, from the past to the present, in many states. */
static void fill(int count)
{
	static const char *const cves[] = { "CVE-2021-44228", "CVE-2024-0002", "CVE-2024-0003", "" };
	const struct finding_call engine = call_as(FINDING_BY_ENGINE);
	char target[32];

	for (int i = 0; i < count; i++) {
		struct record record = log4j(target);
		int64_t id;

		snprintf(target, sizeof(target), i % 2 ? "10.0.0.%d" : "198.51.100.%d", i % 250);
		if (i % 5 == 0)
			snprintf(target, sizeof(target), "203.0.113.64");
		record.target = TEXT(target);
		record.port = (uint16_t)(i + 1);
		record.cve = TEXT(cves[i % ARRAY_COUNT(cves)]);
		record.time_us = START - i * DAY / 2;
		if (i % 3 == 0)
			record.cvss = TEXT("CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:L/A:L");
		assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
		if (i % 2 == 0)
			assert_int_equal(finding_hold(&engine, id, "hold:1"), 0);
		if (i % 7 == 0)
			assert_int_equal(finding_expose(&engine, id, false), 0);
		if (i % 11 == 0)
			assert_int_equal(change(id, FINDING_BY_APPROVER, FINDING_ACCEPTED, "for now"), 0);
		else if (i % 13 == 0)
			assert_int_equal(change(id, FINDING_BY_APPROVER, FINDING_FALSE_ALARM, "no"), 0);
		else if (i % 5 == 0)
			assert_int_equal(change(id, FINDING_BY_OWNER, FINDING_CLAIMED, NULL), 0);
		if (i % 10 == 0 && i % 11 != 0) {
			f.origin.now_us++;
			record.time_us = 0;
			assert_true(take_in(&nation, "nessus", &record, &id) >= 0);
		}
		if (i % 17 == 0 && i % 11 != 0 && i % 13 != 0)
			assert_int_equal(change(id, FINDING_BY_EVIDENCE, FINDING_VERIFIED, "probe"), 0);
	}
}

static void test_pages(void **state)
{
	const struct scope theirs = { .tenants = &f.tenants[1], .tenant_count = 1 }, nobody = { 0 };
	uint32_t both[2] = { f.tenants[0], f.tenants[1] }, gaps[2] = { f.tenants[1], UINT32_MAX };
	const struct scope two = { .tenants = both, .tenant_count = 2 }, gap = { .tenants = gaps, .tenant_count = 2 };
	size_t all, live;

	NEED_DB(state);
	fill(120);
	all = count_all(&nation, (struct finding_query){ .limit = 7 });
	live = count_all(&nation, (struct finding_query){ .limit = 1000, .live_only = true });
	assert_int_equal(all, 120);
	assert_true(live > 60 && live < 110);
	assert_int_equal(count_all(&theirs, (struct finding_query){ .limit = 10 }), 48);
	assert_int_equal(count_all(&two, (struct finding_query){ .limit = 10 }), 120);
	assert_int_equal(
		count_all(&gap, (struct finding_query){ .limit = 1 }), 48); /* rows of others are passed over */
	assert_int_equal(count_all(&nation, (struct finding_query){ .limit = 10, .tenant = f.tenants[1] }), 48);
	assert_int_equal(count_all(&theirs, (struct finding_query){ .limit = 10, .tenant = f.tenants[0] }), 0);
	assert_int_equal(count_all(&nobody, (struct finding_query){ .limit = 10 }), 0);
}

struct text {
	char text[8192];
	size_t size;
	const char *group;
	int64_t open, held, principal, interest;
};

static void add_share(struct text *out, int64_t held, int64_t whole)
{
	if (whole)
		out->size += (size_t)snprintf(out->text + out->size, sizeof(out->text) - out->size, " %.1f",
			100 * (double)held / (double)whole);
	else
		out->size += (size_t)snprintf(out->text + out->size, sizeof(out->text) - out->size, " -");
}

static int write_sum(void *context, const struct debt_sum *sum)
{
	struct text *out = context;
	char key[32];

	if (strcmp(out->group, "sector") == 0)
		snprintf(key, sizeof(key), "%s", tenant_sectors[sum->key].word);
	else
		snprintf(key, sizeof(key), "%lld", (long long)sum->key);
	out->size += (size_t)snprintf(out->text + out->size, sizeof(out->text) - out->size, "%s %s", out->group, key);
	for (const int64_t *number = &sum->open; number <= &sum->interest; number++)
		out->size += (size_t)snprintf(
			out->text + out->size, sizeof(out->text) - out->size, " %lld", (long long)*number);
	add_share(out, sum->held, sum->open);
	add_share(out, sum->held_weight, sum->open_weight);
	out->text[out->size++] = '\n';
	out->text[out->size] = '\0';
	out->open = sum->open;
	out->held = sum->held;
	out->principal = sum->principal;
	out->interest = sum->interest;
	return 0;
}

static int compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Lines in order, so that both may number their groups as they like. */
static void sort_lines(char *text)
{
	char copy[8192], *lines[64] = { NULL }, *rest = copy;
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *line; (line = strsep(&rest, "\n")) && *line && count < ARRAY_COUNT(lines);)
		lines[count++] = line;
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	*text = '\0';
	for (size_t i = 0; i < count; i++)
		strcat(strcat(text, lines[i]), "\n");
}

static void test_debt(void **state)
{
	const struct finding_call call = call_as(FINDING_BY_OWNER);
	char path[] = "/tmp/facts-XXXXXX", command[512], theirs[8192];
	struct text ours = { 0 };
	FILE *out, *pipe;
	size_t size;
	int fd;

	NEED_DB(state);
	fill(300);
	for (int group = 0; group < DEBT_GROUP_COUNT; group++) {
		ours.group = debt_group_words[group];
		assert_int_equal(debt_each(&call, (enum debt_group)group, START + 3 * DAY, write_sum, &ours), 0);
	}
	assert_true(ours.size < sizeof(ours.text) - 1);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_int_equal(debt_export(&call, START + 3 * DAY, out), 0);
	fclose(out);
	snprintf(command, sizeof(command), "python3 %s %s", HELD_SHARE, path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	size = fread(theirs, 1, sizeof(theirs) - 1, pipe);
	theirs[size] = '\0';
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	sort_lines(ours.text);
	sort_lines(theirs);
	assert_true(strlen(theirs) > 400);
	assert_string_equal(ours.text, theirs);
}

/* Golden: three findings whose sums are worked out by hand. */
static void test_debt_golden(void **state)
{
	const struct finding_call call = call_as(FINDING_BY_OWNER), engine = call_as(FINDING_BY_ENGINE);
	struct catalogue_result result;
	struct record record = log4j("10.0.0.1");
	struct text sum = { .group = "nation" };
	int64_t id;

	NEED_DB(state);
	assert_int_equal(catalogue_kev(f.db, &f.origin, TEXT(kev_text), &result), 0);
	/* Level 3, exposed, KEV: weight 18; due in 3 days. */
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	assert_int_equal(finding_hold(&engine, id, "hold:1"), 0);
	/* Level 2, exposed, not in KEV: weight 4; due in 3 days. */
	record.target = TEXT("198.51.100.1");
	record.cve = TEXT("CVE-2024-0003");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	/* Level 5, not exposed, not in KEV: weight 5; automatable: 60 days, one step less: 14. */
	record.target = TEXT("203.0.113.64");
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_MADE);
	assert_int_equal(finding_expose(&engine, id, false), 0);
	/* Said to be fixed, and seen again: principal before its date. */
	assert_int_equal(change(id, FINDING_BY_OWNER, FINDING_CLAIMED, NULL), 0);
	f.origin.now_us++;
	assert_int_equal(take_in(&nation, "nessus", &record, &id), FINDING_REOPENED);
	assert_int_equal(debt_each(&call, DEBT_BY_NATION, START + 13 * DAY, write_sum, &sum), 0);
	/* Two are ten days late: 20 days, 180 + 40 of interest. A hold takes nothing off. */
	assert_string_equal(sum.text, "nation 0 3 1 27 18 0 1 2 1 0 3 20 220 33.3 66.7\n");
}

/* ---- Speed ---- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void bench_pages(const struct finding_call *call, const char *what, uint32_t tenant)
{
	double worst = 0, sum = 0;

	for (int i = 0; i < 50; i++) {
		struct pages pages = { .due_us = INT64_MIN };
		const struct finding_query query = { .tenant = tenant,
			.live_only = true,
			.after_due_us = START + (2 - i) * DAY,
			.after_id = i ? 1 + i * 1000 : 0,
			.limit = 100 };
		double start = seconds(), took;

		assert_int_equal(finding_each(call, &query, check_order, &pages), 0);
		took = seconds() - start;
		assert_int_equal(pages.count, 100);
		sum += took;
		worst = took > worst ? took : worst;
	}
	print_message("page of 100, %s: %.2f ms on average, %.2f ms at worst\n", what, sum / 50 * 1e3, worst * 1e3);
	assert_true(sum / 50 < 0.05);
}

static void test_speed(void **state)
{
	enum { COUNT = 100000, BATCH = 1000 };
	const struct finding_call call = call_as(FINDING_BY_EVIDENCE);
	struct finding_import *import;
	char target[32], cve[32];
	double start;

	NEED_DB(state);
	if (!getenv("LUYTRE_BENCH"))
		skip();
	assert_int_equal(finding_import_begin(&call, "nessus", 0, &import), 0);
	start = seconds();
	for (int i = 0; i < COUNT; i++) {
		struct record record = log4j(target);
		enum finding_outcome outcome;
		int64_t id;

		snprintf(target, sizeof(target), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		snprintf(cve, sizeof(cve), "CVE-2024-%d", 1000 + i % 5000);
		record.target = TEXT(target);
		record.cve = TEXT(cve);
		record.time_us = START - i % 90 * DAY;
		if (i % BATCH == 0)
			assert_int_equal(db_begin(f.db), 0);
		assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
		if (i % BATCH == BATCH - 1)
			assert_int_equal(db_commit(f.db), 0);
	}
	print_message("%s: %d findings, %.0f a second\n", db_is_postgres(f.db) ? "PostgreSQL" : "SQLite", COUNT,
		COUNT / (seconds() - start));
	assert_int_equal(finding_import_end(import), 0);
	bench_pages(&call, "nation", 0);
	bench_pages(&call, "one tenant", f.tenants[0]);
	start = seconds();
	assert_int_equal(debt_each(&call, DEBT_BY_TENANT, START, write_sum, &(struct text){ .group = "tenant" }), 0);
	print_message("sums over all: %.2f s\n", seconds() - start);
}

#define BOTH(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown),                                                 \
		cmocka_unit_test_setup_teardown(test, setup_postgres, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_identity), BOTH(test_refused), BOTH(test_bounds),
		BOTH(test_report), BOTH(test_transitions), BOTH(test_life), BOTH(test_acceptance),
		BOTH(test_catalogues), BOTH(test_clocks), BOTH(test_pages), BOTH(test_debt), BOTH(test_debt_golden),
		cmocka_unit_test_setup_teardown(test_speed, setup_file, teardown_file),
		cmocka_unit_test_setup_teardown(test_speed, setup_postgres, teardown) };
	int failed;

	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	return failed;
}
