// SPDX-License-Identifier: Apache-2.0
/* Was anybody hit before we knew? Events of ninety days in a real store, findings in a real database.
 *
 * LUYTRE_RETRO_EVENTS sets how many events there are beside the attacks (1,800); with 10000000 it is the measurement of docs/perimeter-evidence.md,
 * and the times are printed. LUYTRE_RETRO_STORE names another store than segments in a folder. */
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
#include "hub/events/sample.h"
#include "hub/posture/retro.h"
#include "hub/store/audit.h"
#include "hub/tenants/tenants.h"

enum { BATCH = 5000, TENANTS = 200, ATTACK_RULE = 8100010, NAMED_RULE = 2034647, ATTACKS = 12 };

#define DAY_US   (24 * EV_HOUR_US)
#define BEGIN_US (INT64_C(1790000000000000) / EV_HOUR_US * EV_HOUR_US)
#define SPAN_US  (90 * DAY_US)
#define CVE      "CVE-2021-44228"

static const struct scope nation = { .all = true };
static struct {
	char dir[64], place[128];
	struct ev_store *store;
	struct db *db;
	uint32_t tenants[2];
	int64_t findings[2];
} f;

static struct ev_event events[BATCH];
static struct sample_text texts[BATCH];

static void append(const struct ev_event *list, size_t count, int64_t arrived_us)
{
	static uint64_t number;
	char id[32];
	const struct ev_batch batch = { .id = id, .arrived_us = arrived_us, .events = list, .count = count };

	snprintf(id, sizeof(id), "edge-1:%llu", (unsigned long long)++number);
	assert_int_equal(ev_append(f.store, &batch, NULL), 0);
}

/* One attack a week, from day 3 on, at the tenant f.tenants[0]; each second one is stopped. Named in the rule's text, or by its number. */
static void attack(int64_t time_us, unsigned int number)
{
	static const char detail[] =
		"{\"event_type\":\"gate\",\"http\":{\"hostname\":\"bad.example.net\",\"url\":\"/x?${jndi:y}\"}}";
	const bool named = number % 3 == 2;
	struct ev_event event = { .time_us = time_us,
		.tenant = f.tenants[0],
		.edge = 1,
		.kind = named ? EV_ALERT : EV_GATE,
		.action = number % 2 ? EV_STOPPED : EV_PASSED,
		.evidence = EV_E2,
		.severity = 1,
		.protocol = 6,
		.dst_port = 443,
		.src = ip_addr_v4((const uint8_t[]){ 203, 0, 113, (uint8_t)(1 + number % 2) }),
		.rule = named ? NAMED_RULE : ATTACK_RULE,
		.count = 1,
		.signature = bytes_from_str(named ? "EXPLOIT Apache log4j RCE (cve-2021-44228)" : "Java lookup"),
		.detail = bytes_from_str(detail) };

	append(&event, 1, time_us);
}

static void fill(void)
{
	const char *text = getenv("LUYTRE_RETRO_EVENTS");
	const struct sample sample = { .count = text ? strtoull(text, NULL, 10) : 1800,
		.begin_us = BEGIN_US,
		.span_us = SPAN_US,
		.sources = 2000000,
		.tenants = TENANTS };
	unsigned int attacks = 0;
	size_t room = sample.count > 1000000 ? BATCH : 10;

	for (uint64_t at = 0; at < sample.count;) {
		size_t count = sample.count - at < room ? (size_t)(sample.count - at) : room;
		int64_t newest_us = 1;

		for (size_t i = 0; i < count; i++) {
			sample_event(&sample, at + i, &texts[i], &events[i]);
			newest_us = events[i].time_us > newest_us ? events[i].time_us : newest_us;
		}
		while (attacks < ATTACKS && newest_us >= BEGIN_US + (3 + 7 * (int64_t)attacks) * DAY_US) {
			attack(BEGIN_US + (3 + 7 * (int64_t)attacks) * DAY_US, attacks);
			attacks++;
		}
		append(events, count, newest_us);
		at += count;
	}
	assert_int_equal(attacks, ATTACKS);
}

static int64_t make_finding(uint32_t tenant, const char *address, const struct audit_origin *origin)
{
	const struct tenants_call tenants = { .db = f.db, .scope = &nation, .origin = origin };
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = origin, .part = FINDING_BY_EVIDENCE
	};
	struct tenant_system system = { .tenant = tenant, .level = 2 };
	struct tenant_asset asset = { 0 };
	const struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(address),
		.port = 443,
		.protocol = 6,
		.cve = bytes_from_str(CVE) };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t id;

	snprintf(system.name, sizeof(system.name), "web");
	assert_int_equal(tenant_system_create(&tenants, &system, &system), 0);
	asset.system = system.id;
	snprintf(asset.value, sizeof(asset.value), "%s", address);
	assert_int_equal(tenant_asset_create(&tenants, &asset, &asset), 0);
	assert_int_equal(finding_import_begin(&call, "nessus", 0, &import), 0);
	assert_int_equal(finding_import(import, &record, &outcome, &id), 0);
	assert_int_equal(finding_import_end(import), 0);
	return id;
}

static int setup(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = BEGIN_US + SPAN_US };
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &origin };
	struct tenants_call with_db = call;
	char why[512];

	snprintf(f.dir, sizeof(f.dir), "/var/tmp/luytre-test-retro-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.place, sizeof(f.place), "sqlite:%s/events", f.dir);
	if (ev_store_open(getenv("LUYTRE_RETRO_STORE") ? getenv("LUYTRE_RETRO_STORE") : f.place, &f.store, why,
		    sizeof(why)) ||
		db_open("sqlite::memory:", &f.db, why))
		return -1;
	with_db.db = f.db;
	if (audit_setup(f.db) || tenants_setup(f.db) || posture_setup(f.db))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		struct tenant tenant = { .kind = TENANT_KIND_ORGANISATION };

		snprintf(tenant.name, sizeof(tenant.name), "Sở %zu", i);
		assert_int_equal(tenant_create(&with_db, &tenant, &tenant), 0);
		f.tenants[i] = tenant.id;
		f.findings[i] = make_finding(tenant.id, i ? "203.0.113.70" : "203.0.113.69", &origin);
	}
	fill();
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	ev_store_close(f.store);
	db_close(f.db);
	snprintf(command, sizeof(command), "rm -rf %s", f.dir);
	return system(command);
}

static struct holdrules *read_rules(void)
{
	static const char text[] = "SecRule ARGS \"@rx jndi\" \"id:8100010,phase:2,deny,t:none,msg:'Java lookup',"
				   "tag:'luytre/hold',tag:'cve/CVE-2021-44228',severity:CRITICAL\"\n";
	char path[96], folder[80], why[HOLDRULES_WHY_SIZE];
	struct holdrules *rules = NULL;
	FILE *file;

	snprintf(folder, sizeof(folder), "%s/rules", f.dir);
	snprintf(path, sizeof(path), "mkdir -p %s", folder);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/a.conf", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	if (holdrules_read(folder, &rules, why))
		fail_msg("%s", why);
	return rules;
}

static struct retro_answer search(enum retro_kind kind, const char *value, const struct scope *scope)
{
	const struct retro_question question = {
		.kind = kind, .value = value, .from_us = BEGIN_US, .until_us = BEGIN_US + SPAN_US, .scope = scope
	};
	struct holdrules *rules = read_rules();
	struct retro_answer answer;

	assert_int_equal(retro_search(f.store, rules, &question, &answer), 0);
	holdrules_unref(rules);
	if (getenv("LUYTRE_RETRO_EVENTS"))
		print_message("%s %s: %llu events at %zu organisations in %u ms%s\n", retro_kinds[kind], value,
			(unsigned long long)answer.events, answer.tenant_count, answer.took_ms,
			answer.complete ? "" : ", not all");
	return answer;
}

static void a_cve_is_what_its_rules_saw(void **state)
{
	struct retro_answer answer = search(RETRO_CVE, CVE, &nation);

	assert_true(answer.complete);
	assert_int_equal(answer.events, ATTACKS);
	assert_int_equal(answer.stopped, ATTACKS / 2);
	assert_int_equal(answer.first_us, BEGIN_US + 3 * DAY_US);
	assert_int_equal(answer.last_us, BEGIN_US + (3 + 7 * (ATTACKS - 1)) * DAY_US);
	assert_int_equal(answer.tenant_count, 1);
	assert_int_equal(answer.tenants[0].tenant, f.tenants[0]);
	assert_int_equal(answer.rule_count, 2);
	assert_int_equal(answer.source_count, 2);
	retro_done(&answer);
	answer = search(RETRO_CVE, "CVE-2020-00001", &nation);
	assert_int_equal(answer.events, 0);
	retro_done(&answer);
}

static void a_rule_an_address_a_text(void **state)
{
	struct retro_answer answer = search(RETRO_RULE, "8100010", &nation);

	assert_int_equal(answer.events, 8);
	assert_int_equal(answer.tenants[0].first_us, BEGIN_US + 3 * DAY_US);
	retro_done(&answer);
	answer = search(RETRO_ADDRESS, "203.0.113.0/24", &(struct scope){ .tenants = f.tenants, .tenant_count = 2 });
	assert_int_equal(answer.events, ATTACKS);
	assert_int_equal(answer.stopped, ATTACKS / 2);
	assert_int_equal(answer.source_count, 2);
	retro_done(&answer);
	answer = search(RETRO_TEXT, "BAD.example.net", &nation);
	assert_true(answer.complete);
	assert_int_equal(answer.events, ATTACKS);
	assert_int_equal(answer.stopped, ATTACKS / 2);
	retro_done(&answer);
	answer = search(RETRO_TEXT, "ad.example.net", &nation); /* no word begins there */
	assert_true(answer.complete);
	assert_int_equal(answer.events, 0);
	retro_done(&answer);
	answer = search(RETRO_TEXT, "t13d1516h2_8daaf6152771_e5627efa2ab1", &nation);
	assert_true(answer.complete);
	assert_int_equal(answer.events, 0);
	retro_done(&answer);
}

static void others_see_nothing(void **state)
{
	struct retro_answer answer =
		search(RETRO_CVE, CVE, &(struct scope){ .tenants = &f.tenants[1], .tenant_count = 1 });

	assert_int_equal(answer.events, 0);
	assert_int_equal(answer.tenant_count, 0);
	retro_done(&answer);
}

static void wrong_values_are_refused(void **state)
{
	static const struct {
		enum retro_kind kind;
		const char *value;
		int64_t span_us;
		int error;
	} rows[] = {
		{ RETRO_CVE, "cve-1", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_CVE, "CVE-2021-403", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_CVE, "CVE-2021-4034*", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_CVE, "CVE-02021-4034", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_RULE, "12x", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_RULE, "-1", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_RULE, "0", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_ADDRESS, "203.0.113", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_TEXT, "abc", DAY_US, LUYTRE_E_SYNTAX },
		{ RETRO_RULE, "1", 0, LUYTRE_E_RANGE },
		{ RETRO_RULE, "1", 401 * DAY_US, LUYTRE_E_RANGE },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct retro_question question = { .kind = rows[i].kind,
			.value = rows[i].value,
			.from_us = BEGIN_US,
			.until_us = BEGIN_US + rows[i].span_us,
			.scope = &nation };
		struct retro_answer answer;

		assert_int_equal(retro_search(f.store, NULL, &question, &answer), rows[i].error);
	}
}

static int keep_proof(void *context, const struct finding_proof *proof)
{
	struct finding_proof *kept = context;

	if (strcmp(proof->tool, RETRO_TOOL) == 0) {
		*kept = *proof;
		kept->number = 1000 + proof->number;
	}
	return 0;
}

static void findings_get_the_proof(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = BEGIN_US + SPAN_US + 1 };
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	struct retro_answer answer = search(RETRO_CVE, CVE, &nation);
	struct finding_proof proof = { .number = 0 };
	struct finding row;
	uint32_t count;

	for (unsigned int i = 0; i < 2; i++) { /* the second time changes nothing */
		assert_int_equal(retro_attach(&call, CVE, &answer, &count), 0);
		assert_int_equal(count, 1);
		assert_int_equal(finding_get(&call, f.findings[0], &row), 0);
		assert_int_equal(row.proof_count, 2);
		assert_true(row.forensic);
		assert_int_equal(row.state, FINDING_OPEN);
	}
	assert_int_equal(finding_proof_each(&call, f.findings[0], keep_proof, &proof), 0);
	assert_true(proof.number > 1000);
	assert_int_equal(proof.first_us, answer.first_us);
	assert_non_null(strstr(proof.evidence, "12 times, stopped 6 times"));
	assert_non_null(strstr(proof.evidence, "203.0.113."));
	/* It stays when the clock is asked again. */
	assert_int_equal(finding_expose(&call, f.findings[0], false), 0);
	assert_int_equal(finding_get(&call, f.findings[0], &row), 0);
	assert_true(row.forensic);
	assert_int_equal(finding_get(&call, f.findings[1], &row), 0);
	assert_int_equal(row.proof_count, 1);
	retro_done(&answer);
}

static void others_are_not_named(void **state)
{
	const struct audit_origin origin = { .actor = "account:1 lan", .now_us = BEGIN_US + SPAN_US + 2 };
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE
	};
	struct retro_tenant hit[2] = { { .tenant = f.tenants[0], .first_us = 1, .last_us = 2, .events = 1 },
		{ .tenant = f.tenants[1], .first_us = BEGIN_US, .last_us = BEGIN_US + 1, .events = 7, .stopped = 3 } };
	struct retro_answer answer = { .tenants = hit,
		.tenant_count = 2,
		.rules = { 8100077 },
		.rule_count = 1,
		.sources = { { .addr = ip_addr_v4((const uint8_t[]){ 198, 51, 100, 9 }), .events = 8 } },
		.source_count = 1 };
	uint32_t count;

	assert_int_equal(retro_attach(&call, CVE, &answer, &count), 0);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < 2; i++) {
		struct finding_proof proof = { .number = 0 };

		assert_int_equal(finding_proof_each(&call, f.findings[i], keep_proof, &proof), 0);
		assert_true(proof.number > 1000);
		assert_non_null(strstr(proof.evidence, i ? "7 times, stopped 3 times" : "1 times, stopped 0 times"));
		assert_null(strstr(proof.evidence, "198.51.100.9"));
		assert_null(strstr(proof.evidence, "8100077"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cve_is_what_its_rules_saw),
		cmocka_unit_test(a_rule_an_address_a_text),
		cmocka_unit_test(others_see_nothing),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(findings_get_the_proof),
		cmocka_unit_test(others_are_not_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
