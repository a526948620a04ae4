// SPDX-License-Identifier: Apache-2.0
/* Attacks first, then a report with the weakness: a whole core finds by itself who was hit before anybody knew. */
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

#include "base/clock.h"
#include "base/error.h"
#include "hub/core/core.h"
#include "hub/core/retrowatch.h"
#include "hub/edges/csrtest.h"
#include "hub/posture/catalogue.h"
#include "hub/posture/finding.h"
#include "hub/posture/retro.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/tenants.h"

#define BOOT     "0123456789abcdef0123456789abcdef"
#define NAMED    "CVE-2021-44228" /* the text of a rule names it */
#define QUIET    "CVE-2019-0001" /* nothing speaks of it, until a rule does */
#define RULE     "9000001"
#define ATTACKED "198.51.100.5"
#define SPARED   "198.51.101.5"

enum { LINE_SIZE = 1024, WAIT_MS = 10000, RULES_WAIT_MS = 30000, STILL_MS = 3000 };

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];
static char dir[64], rules[96], place[PGTEST_PLACE_SIZE];
static struct core *core;
static struct db *db;
static uint32_t edge, tenants[2];
static uint64_t sequence;

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / 1000);
}

static void open_core(void)
{
	const struct core_options options = { .state_dir = dir, .control = place, .holds = rules };
	char why[CORE_WHY_SIZE];

	if (core_open(&options, &core, why))
		fail_msg("%s", why);
}

static void make_tenants(const struct audit_origin *origin)
{
	static const char *const prefixes[] = { "198.51.100.0/24", "198.51.101.0/24" };
	const struct tenants_call call = { .db = core_db(core), .scope = &nation, .origin = origin };

	for (uint32_t i = 0; i < 2; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };
		struct tenant_system system = { .level = 3 };
		struct tenant_asset asset = { 0 };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %u", i);
		assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
		tenants[i] = system.tenant = tenant.id;
		snprintf(system.name, sizeof(system.name), "Cổng dịch vụ công");
		assert_int_equal(tenant_system_create(&call, &system, &system), 0);
		asset.system = system.id;
		snprintf(asset.value, sizeof(asset.value), "%s", prefixes[i]);
		assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	}
}

static void make_edge(const struct audit_origin *origin)
{
	const struct edges_invitation invitation = { .name = "Hà Nội 1", .bound = { .all = true } };
	char *pem = csrtest_pem(NULL, NULL, NULL);
	struct edges_enrolled enrolled;
	char token[EDGES_TOKEN_SIZE];

	assert_int_equal(edges_token(core_edges(core), origin, &invitation, token, &edge), 0);
	assert_int_equal(edges_enrol(core_edges(core), origin, bytes_from_str(token), bytes_from_str(pem),
				 bytes_from_str("luytre 0.1.0"), &enrolled),
		0);
	edge = enrolled.id;
	free(enrolled.certificate.pem);
	free(pem);
}

/* A rule of a sensor that covers 'cve'. */
static void write_rule(const char *name, const char *cve, const char *sid)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.rules", rules, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "alert http any any -> any any (msg:\"%s\"; content:\"x\"; reference:cve,%s; sid:%s; rev:1;)\n",
		name, cve + strlen("CVE-"), sid);
	assert_int_equal(fclose(file), 0);
}

static int setup_core(void)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = now_us() };
	char command[160], why[DB_WHY_SIZE];

	snprintf(rules, sizeof(rules), "%s/rules", dir);
	snprintf(command, sizeof(command), "mkdir %s", rules);
	if (system(command))
		return -1;
	write_rule("other", "CVE-2018-7600", "9000009");
	open_core();
	core_lock(core);
	make_tenants(&origin);
	make_edge(&origin);
	core_unlock(core);
	core_close(core);
	open_core(); /* knows the tenants from the tables */
	return db_open(place, &db, why);
}

static int make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/luytre-test-retrowatch-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int setup(void **state)
{
	if (make_dir())
		return -1;
	snprintf(place, sizeof(place), "sqlite:%s/control.db", dir);
	return setup_core();
}

/* Once: the tables stay in the server. */
static int setup_postgres(void **state)
{
	if (make_dir())
		return -1;
	snprintf(place, sizeof(place), "%s", postgres_place);
	return setup_core();
}

static int teardown(void **state)
{
	char command[128];

	db_close(db);
	core_close(core);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- What happens ---- */

static void attack(const char *server, const char *rule, const char *signature)
{
	const struct batch_head head = { .edge = edge, .boot = BOOT, .seq = ++sequence, .made_us = now_us() };
	char line[LINE_SIZE], text[40];
	struct batch_writer *writer;
	struct core_ack ack;
	struct bytes packed;
	time_t time = (time_t)(now_us() / 1000000);
	struct tm parts;

	gmtime_r(&time, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000000Z", &parts);
	snprintf(line, sizeof(line),
		"{\"timestamp\":\"%s\",\"event_type\":\"alert\",\"src_ip\":\"203.0.113.9\",\"src_port\":40001,"
		"\"dest_ip\":\"%s\",\"dest_port\":443,\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\",\"gid\":1,"
		"\"signature_id\":%s,\"rev\":1,\"signature\":\"%s\",\"category\":\"\",\"severity\":1}}",
		text, server, rule, signature);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_int_equal(core_batch(core, edge, packed, now_us(), &ack), 0);
	batch_writer_free(writer);
}

static int64_t import(const char *server, const char *cve)
{
	const struct audit_origin origin = { .actor = "account:2 minh", .now_us = now_us() };
	const struct finding_call call = { .db = db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE };
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(server),
		.port = 443,
		.protocol = 6,
		.cve = bytes_from_str(cve) };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	assert_int_equal(finding_import_begin(&call, "nessus", 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	return id;
}

/* ---- What is found ---- */

static void sleep_ms(unsigned int ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

static struct retro_stats stats(void)
{
	struct retro_stats stats;

	retrowatch_stats(core_retro(core), &stats);
	return stats;
}

/* Waits until so many CVEs were searched since the start. */
static void wait_searched(uint64_t count, unsigned int wait_ms)
{
	for (unsigned int ms = 0; stats().searched < count && ms < wait_ms; ms += 50)
		sleep_ms(50);
	assert_int_equal(stats().searched, count);
}

struct proofs {
	size_t count;
	struct finding_proof newest;
};

static int keep_proof(void *context, const struct finding_proof *proof)
{
	struct proofs *proofs = context;

	if (strcmp(proof->tool, RETRO_TOOL) == 0 && proofs->count++ == 0)
		proofs->newest = *proof;
	return 0;
}

/* The proofs that retro made; 'forensic' is set where there is one, and only there. */
static struct proofs proofs_of(int64_t id)
{
	const struct finding_call call = { .db = db, .scope = &nation };
	struct proofs proofs = { .count = 0 };
	struct finding row;

	assert_int_equal(finding_get(&call, id, &row), 0);
	assert_int_equal(finding_proof_each(&call, id, keep_proof, &proofs), 0);
	assert_int_equal(row.forensic, proofs.count > 0);
	return proofs;
}

/* ---- Tests ---- */

static void who_was_hit_is_told_with_the_finding(void **state)
{
	int64_t attacked, spared, quiet;
	struct proofs proofs;

	attack(ATTACKED, "2034647", "EXPLOIT Apache log4j RCE (cve-2021-44228)");
	attack(ATTACKED, "2034648", "SCAN something else");
	sleep_ms(1500);
	assert_int_equal(stats().searched, 0); /* nobody asks */
	attacked = import(ATTACKED, NAMED);
	spared = import(SPARED, NAMED);
	quiet = import(ATTACKED, QUIET);
	wait_searched(2, WAIT_MS);
	proofs = proofs_of(attacked);
	assert_int_equal(proofs.count, 1);
	assert_string_equal(proofs.newest.rule, NAMED);
	assert_non_null(strstr(proofs.newest.evidence, "203.0.113.9"));
	assert_non_null(strstr(proofs.newest.evidence, "2034647"));
	assert_null(strstr(proofs.newest.evidence, "2034648"));
	assert_int_equal(proofs_of(spared).count, 0);
	assert_int_equal(proofs_of(quiet).count, 0);
	assert_int_equal(stats().hit, 1);
	assert_int_equal(stats().attached, 1);
	assert_int_equal(stats().failed, 0);
}

/* Not with the same report again, nor with a further finding within the hour, nor after a restart. */
static void none_is_searched_twice(void **state)
{
	int64_t id;

	attack(ATTACKED, "2034647", "EXPLOIT Apache log4j RCE (cve-2021-44228)");
	id = import(ATTACKED, NAMED);
	wait_searched(1, WAIT_MS);
	assert_int_equal(import(ATTACKED, NAMED), id);
	import(SPARED, NAMED);
	sleep_ms(STILL_MS);
	assert_int_equal(stats().searched, 1);
	assert_int_equal(proofs_of(id).newest.seen, 1);
	core_close(core);
	open_core();
	sleep_ms(STILL_MS);
	assert_int_equal(stats().searched, 0);
	/* What came while nobody looked is found by the walk of the next start. */
	core_close(core);
	import(ATTACKED, QUIET);
	open_core();
	wait_searched(1, WAIT_MS);
}

/* After an hour, findings that joined get their answer too. */
static void later_findings_get_it_too(void **state)
{
	int64_t first, second;

	attack(ATTACKED, "2034647", "EXPLOIT Apache log4j RCE (cve-2021-44228)");
	attack(SPARED, "2034647", "EXPLOIT Apache log4j RCE (cve-2021-44228)");
	first = import(ATTACKED, NAMED);
	wait_searched(1, WAIT_MS);
	assert_int_equal(proofs_of(first).count, 1);
	core_close(core);
	assert_int_equal(
		db_run(db, "update retro_run set at_us = at_us - ?1", DB_ARGS(db_i64(RETRO_AGAIN_HIT_US)), NULL), 0);
	second = import(SPARED, NAMED);
	open_core();
	wait_searched(1, WAIT_MS);
	assert_int_equal(proofs_of(second).count, 1);
	assert_int_equal(proofs_of(first).newest.seen, 2);
}

/* Other rules that cover it, and KEV, are reasons to search again; a rule that covers another one is not. */
static void news_of_the_weakness_are_a_reason(void **state)
{
	static const char kev[] =
		"{\"catalogVersion\":\"2026.01.01\",\"count\":1,\"vulnerabilities\":[{\"cveID\":\"" QUIET
		"\",\"dateAdded\":\"2026-01-01\",\"dueDate\":\"2026-01-22\"}]}";
	const struct audit_origin origin = { .actor = "account:2 minh", .now_us = now_us() };
	struct catalogue_result result;
	int64_t id;

	attack(ATTACKED, RULE, "a rule that names nothing");
	id = import(ATTACKED, QUIET);
	import(SPARED, NAMED);
	wait_searched(2, WAIT_MS);
	assert_int_equal(proofs_of(id).count, 0);
	write_rule("quiet", QUIET, RULE);
	wait_searched(3, RULES_WAIT_MS);
	assert_int_equal(proofs_of(id).count, 1);
	assert_non_null(strstr(proofs_of(id).newest.evidence, RULE));
	assert_int_equal(catalogue_kev(db, &origin, bytes_from_str(kev), &result), 0);
	wait_searched(4, RULES_WAIT_MS);
	sleep_ms(STILL_MS);
	assert_int_equal(stats().searched, 4);
	assert_int_equal(stats().failed, 0);
}

/* The same on the other database. */
static void postgres_says_the_same(void **state)
{
	news_of_the_weakness_are_a_reason(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_was_hit_is_told_with_the_finding, setup, teardown),
		cmocka_unit_test_setup_teardown(none_is_searched_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(later_findings_get_it_too, setup, teardown),
		cmocka_unit_test_setup_teardown(news_of_the_weakness_are_a_reason, setup, teardown),
	};
	const struct CMUnitTest postgres[] = {
		cmocka_unit_test_setup_teardown(postgres_says_the_same, setup_postgres, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (pgtest_start(postgres_place, postgres_missing))
		failed += cmocka_run_group_tests(postgres, NULL, NULL);
	else
		print_message("PostgreSQL is left out: %s\n", postgres_missing);
	pgtest_stop();
	return failed;
}
