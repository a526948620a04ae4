// SPDX-License-Identifier: Apache-2.0
/* Assessments with either database: sheets, signatures, proofs, what turns red, sums.
 *
 * With LUYTRE_BENCH=1 a thousand organisations answer one: time and memory are printed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/date.h"
#include "hub/assess/assess.h"
#include "hub/assess/day.h"
#include "hub/posture/evidence/rules.h"
#include "hub/posture/finding.h"
#include "hub/store/pgtest.h"
#include "hub/tenants/provinces.h"

#define DAY        DAY_US
#define START      (20600 * DAY) /* 27 May 2026 */
#define DEADLINE   (START + 30 * DAY)
#define TEXT(text) bytes_from_str(text)

#define date_days_us(year, month, day) (date_days(year, month, day) * DAY)

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

/* A ministry with an office below it, and a province; systems of levels 4, 3, 2, 1. */
static struct fixture {
	struct db *db;
	struct audit_origin origin;
	struct law *law;
	struct audit_key key;
	struct assess_platform platform;
	enum assess_reason why;
	uint32_t ministry, office, province, core, web, mail, small;
	uint32_t person; /* who acts */
	struct assess_standing standing, before_web; /* before all but one, before that one */
} f;

static void look(void *context, uint32_t tenant, uint32_t system, struct assess_standing *ret)
{
	*ret = system == f.web ? f.before_web : f.standing;
}

static struct assess_call call_of(const struct scope *scope)
{
	f.why = ASSESS_NO_REASON;
	return (struct assess_call){ .db = f.db,
		.scope = scope,
		.origin = &f.origin,
		.law = f.law,
		.key = &f.key,
		.platform = &f.platform,
		.person = f.person ? f.person : 7,
		.name = f.person ? "bình" : "an",
		.why = &f.why };
}

/* ---- Making ---- */

static uint32_t add_tenant(uint32_t parent, const char *name, enum tenant_sector sector, uint32_t province)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant tenant = { .parent = parent, .sector = sector, .province = province };

	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
	return tenant.id;
}

static uint32_t add_system(uint32_t tenant, const char *name, uint32_t level)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_system system = { .tenant = tenant, .level = level };

	snprintf(system.name, sizeof(system.name), "%s", name);
	assert_int_equal(tenant_system_create(&call, &system, &system), 0);
	return system.id;
}

static void add_asset(uint32_t system, const char *value)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
}

static void finding(const char *tool, const struct record *record, int64_t *ret_id)
{
	const struct finding_call call = {
		.db = f.db, .scope = &nation, .origin = &f.origin, .part = FINDING_BY_EVIDENCE
	};
	enum finding_outcome outcome;
	struct finding_import *import;

	assert_int_equal(finding_import_begin(&call, tool, 0, &import), 0);
	assert_int_equal(finding_import(import, record, &outcome, ret_id), 0);
	assert_int_equal(finding_import_end(import), 0);
}

static int setup(void **state, const char *place)
{
	char why[DB_WHY_SIZE], law_why[LAW_WHY_SIZE];

	f = (struct fixture){ .origin = { .actor = "account:7 an", .now_us = START }, .platform = { .look = look } };
	if (sodium_init() < 0 || db_open(place, &f.db, why))
		return -1;
	if (db_is_postgres(f.db)) {
		if (db_run(f.db, "drop schema public cascade", DB_NO_ARGS, NULL) ||
			db_run(f.db, "create schema public", DB_NO_ARGS, NULL))
			return -1;
		db_close(f.db);
		if (db_open(place, &f.db, why))
			return -1;
	}
	if (audit_setup(f.db) || tenants_setup(f.db) || posture_setup(f.db) || assess_setup(f.db) ||
		law_new(law_builtin, law_builtin_count, &f.law, law_why)) {
		print_error("%s\n", db_why(f.db));
		return -1;
	}
	crypto_sign_keypair(f.key.public_key, f.key.secret_key);
	f.ministry = add_tenant(0, "Bộ Y tế", TENANT_SECTOR_HEALTH, 1);
	f.office = add_tenant(f.ministry, "Cục", TENANT_SECTOR_HEALTH, 1);
	f.province = add_tenant(0, "Tỉnh", TENANT_SECTOR_GOVERNMENT, 15);
	f.core = add_system(f.ministry, "lõi", 4);
	f.web = add_system(f.office, "web", 3);
	f.mail = add_system(f.province, "thư", 2);
	f.small = add_system(f.province, "nhỏ", 1);
	add_asset(f.core, "203.0.113.0/28");
	add_asset(f.core, "dichvu.example.vn");
	add_asset(f.web, "203.0.113.64/28");
	add_asset(f.web, "203.0.113.128/28");
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
		db_close(f.db);
		law_free(f.law);
	}
	return 0;
}

static void need(void **state)
{
	if (!*state) {
		print_message("PostgreSQL: %s\n", postgres_missing);
		skip();
	}
}

static struct assessment begin_both(uint32_t tenant, const char *profile, const char *second)
{
	const struct assess_call call = call_of(&nation);
	const struct assess_begin in = { .title = "Đợt 1",
		.profile = profile,
		.second = second,
		.tenant = tenant,
		.deadline_us = f.origin.now_us + 30 * DAY };
	struct assessment assessment;

	assert_int_equal(assess_begin(&call, &in, &assessment), 0);
	return assessment;
}

static struct assessment begin_as(uint32_t tenant, const char *profile)
{
	return begin_both(tenant, profile, NULL);
}

static struct assess_sheet sheet_of(const struct assessment *assessment, uint32_t system)
{
	const struct assess_call call = call_of(&nation);
	struct assess_sheet sheet;

	assert_int_equal(assess_sheet_get(&call, assessment->id, system, &sheet), 0);
	return sheet;
}

static int say(const struct assessment *assessment, uint32_t system, const struct answer *answers, size_t count)
{
	const struct assess_call call = call_of(&nation);
	struct assess_sheet sheet = sheet_of(assessment, system);
	int64_t revision = sheet.revision;
	int error;

	assess_sheet_done(&sheet);
	error = assess_answer(&call, assessment->id, system, revision,
		&(struct assess_change){ .answers = answers, .answer_count = count }, &sheet);
	if (!error)
		assess_sheet_done(&sheet);
	return error;
}

static int say_word(const struct assessment *assessment, uint32_t system, const char *key, enum answer_word word)
{
	const struct answer answer = { .key = TEXT(key), .word = word };

	return say(assessment, system, &answer, 1);
}

typedef int (*step_fn)(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret);

static int step(step_fn fn, const struct assessment *assessment, uint32_t system)
{
	const struct assess_call call = call_of(&nation);
	struct assess_sheet sheet = sheet_of(assessment, system);
	int64_t revision = sheet.revision;
	int error;

	assess_sheet_done(&sheet);
	error = fn(&call, assessment->id, system, revision, &sheet);
	if (!error)
		assess_sheet_done(&sheet);
	return error;
}

/* ---- Looking ---- */

struct search {
	const char *key, *profile;
	struct judged judged;
	bool found;
};

static int search_one(void *context, const struct judged *judged)
{
	struct search *search = context;
	const struct law_profile *profile = law_profile_find(f.law, search->profile);

	if (strcmp(profile->controls[judged->control].key, search->key) == 0) {
		search->judged = *judged;
		search->found = true;
	}
	return 0;
}

static int keep_judged(void *context, const struct judged *judged)
{
	*(struct judged *)context = *judged;
	return 0;
}

static int nothing(void *context, const struct judged *judged)
{
	return 0;
}

/* By the second profile, where 'second'. */
static struct judged judged_by(const struct assessment *assessment, uint32_t system, const char *key, bool second)
{
	const struct assess_call call = call_of(&nation);
	struct assess_sheet sheet = sheet_of(assessment, system);
	struct search search = { .key = key, .profile = second ? assessment->second : assessment->profile };

	assert_int_equal(assess_judge(&call, assessment, &sheet, second ? nothing : search_one,
				 second ? search_one : NULL, &search),
		0);
	assess_sheet_done(&sheet);
	assert_true(search.found);
	return search.judged;
}

static struct judged judged_of(const struct assessment *assessment, uint32_t system, const char *key)
{
	return judged_by(assessment, system, key, false);
}

static enum assess_signature signature_of(const struct assessment *assessment, uint32_t system)
{
	struct assess_sheet sheet = sheet_of(assessment, system);
	enum assess_signature signature = sheet.signature;

	assess_sheet_done(&sheet);
	return signature;
}

static struct judge_sum sum_of(const struct assessment *assessment)
{
	const struct assess_call call = call_of(&nation);
	struct assess_sum *sums, total;
	struct judge_sum sum;
	size_t count;

	assert_int_equal(assess_rollup(&call, assessment, ASSESS_BY_NATION, 0, &sums, &count, &total), 0);
	assert_int_equal(count, 1);
	sum = sums[0].sum;
	free(sums);
	return sum;
}

/* ---- Tests ---- */

static int count_one(void *context, const struct assess_sheet *sheet)
{
	++*(size_t *)context;
	return 0;
}

static void test_begin(void **state)
{
	const struct assess_call call = (need(state), call_of(&nation));
	struct assess_begin in = { .title = "x", .profile = "vn-2030", .deadline_us = START + DAY };
	struct assessment all, some, again;
	struct assess_sheet sheet;
	size_t count = 0;

	assert_int_equal(assess_begin(&call, &in, &all), LUYTRE_E_INVALID);
	assert_int_equal(f.why, ASSESS_WHY_PROFILE);
	in.profile = "vn-2026";
	in.deadline_us = START;
	assert_int_equal(assess_begin(&call, &in, &all), LUYTRE_E_RANGE);
	in.deadline_us = START + DAY;
	in.tenant = 4711;
	assert_int_equal(assess_begin(&call, &in, &all), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_NOTHING);
	all = begin_as(0, "vn-2026");
	some = begin_as(f.ministry, "vn-2026");
	assert_int_equal(all.systems, 4);
	assert_int_equal(some.systems, 2);
	assert_int_equal(assess_sheet_each(&call, some.id, 0, 100, count_one, &count), 0);
	assert_int_equal(count, 2);
	sheet = sheet_of(&some, f.web);
	assert_int_equal(sheet.level, 3);
	assert_int_equal(sheet.province, 1);
	assert_int_equal(sheet.sector, TENANT_SECTOR_HEALTH);
	assert_string_equal(sheet.tenant_name, "Cục");
	assert_int_equal(sheet.signature, ASSESS_UNSIGNED);
	assess_sheet_done(&sheet);
	assert_int_equal(assess_close(&call, some.id, 7, &again), LUYTRE_E_CONFLICT);
	assert_int_equal(assess_close(&call, some.id, 1, &again), 0);
	assert_int_equal(again.closed_us, START);
	assert_int_equal(assess_close(&call, some.id, 2, &again), LUYTRE_E_CONFLICT);
	assert_int_equal(say_word(&some, f.web, "SC03", ANSWER_YES), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_CLOSED);
}

/* Whose it is not finds nothing. */
static void test_scope(void **state)
{
	const uint32_t theirs[] = { (need(state), f.province) };
	const struct scope scope = { .tenants = theirs, .tenant_count = 1 }, none = { 0 };
	struct assess_call call = call_of(&scope);
	struct assessment all = begin_as(0, "vn-2026"), some = begin_as(f.ministry, "vn-2026"), got;
	struct assess_sheet sheet = { 0 };
	struct assess_sum *sums, total;
	size_t count = 0;

	assert_int_equal(assess_get(&call, all.id, &got), 0);
	assert_int_equal(assess_get(&call, some.id, &got), LUYTRE_E_NOT_FOUND);
	assert_int_equal(assess_sheet_get(&call, all.id, f.web, &sheet), LUYTRE_E_NOT_FOUND);
	assert_int_equal(assess_sheet_each(&call, all.id, 0, 100, count_one, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(assess_sign(&call, all.id, f.web, 1, &sheet), LUYTRE_E_NOT_FOUND);
	assert_int_equal(assess_rollup(&call, &all, ASSESS_BY_SYSTEM, 0, &sums, &count, &total), 0);
	assert_int_equal(count, 2);
	assert_int_equal(sums[0].key, f.mail);
	free(sums);
	call.scope = &none;
	assert_int_equal(assess_get(&call, all.id, &got), LUYTRE_E_NOT_FOUND);
	call.scope = NULL;
	assert_int_equal(assess_get(&call, all.id, &got), LUYTRE_E_INVALID);
}

static struct bytes approved_key;

static int approve_it(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret)
{
	return assess_approve(call, assessment, system, revision, &approved_key, 1, ret);
}

static int approve_as(uint32_t person, const struct assessment *assessment, uint32_t system, const char *key)
{
	int error;

	approved_key = TEXT(key);
	f.person = person;
	error = step(approve_it, assessment, system);
	f.person = 0;
	return error;
}

/* An excuse counts when somebody else approved it, as it stands. */
static void test_excuses(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	struct answer answer = { .key = TEXT("SC03"),
		.word = ANSWER_EXCUSED,
		.note = TEXT("Thiết bị cũ, thay trong quý II"),
		.until_day = 20700 };
	struct judged judged;

	assert_int_equal(approve_as(8, &assessment, f.web, "SC03"), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_EXCUSE);
	assert_int_equal(say(&assessment, f.web, &answer, 1), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	approved_key = TEXT("SC03");
	assert_int_equal(step(approve_it, &assessment, f.web), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_OWN);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_DUE);
	assert_null(judged_of(&assessment, f.web, "SC03").excuse);
	assert_int_equal(approve_as(8, &assessment, f.web, "SC03"), 0);
	judged = judged_of(&assessment, f.web, "SC03");
	assert_int_equal(judged.state, JUDGE_EXCUSED);
	assert_int_equal(judged.due_us, day_begin_us(20701));
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_GOOD); /* an approval changes no answer */
	/* What changes afterwards is not approved: through the API, and in the database. */
	answer.until_day = 20900;
	assert_int_equal(say(&assessment, f.web, &answer, 1), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_DUE);
	assert_int_equal(approve_as(8, &assessment, f.web, "SC03"), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_EXCUSED);
	assert_int_equal(db_run(f.db, "update assessment_excuse set approver = 9", DB_NO_ARGS, NULL), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_DUE);
	/* Of another hub's row, or one from before authors were kept, the name in the answer says whose it is. */
	assert_int_equal(db_run(f.db, "delete from assessment_excuse", DB_NO_ARGS, NULL), 0);
	approved_key = TEXT("SC03");
	assert_int_equal(step(approve_it, &assessment, f.web), LUYTRE_E_CONFLICT);
	assert_int_equal(approve_as(8, &assessment, f.web, "SC03"), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_EXCUSED);
}

/* Of several proofs the best that stands counts; when none does, the one that ran out last says since when. */
static void test_proofs(void **state)
{
	char why[LAW_WHY_SIZE];
	struct law *law = NULL;
	struct judge_evidence evidence = { .rule_count = 0 };
	struct judge_case of = {
		.level = 3, .deadline_us = DEADLINE, .now_us = START, .is_signed = true, .evidence = &evidence
	};
	const struct answer answer = { .key = TEXT("VM04"), .word = ANSWER_YES, .done_day = 20595 };
	struct law_control control = {
		.key = "VM04", .clause = { "1", "1", "1", "1", "1" }, .months = { 1, 1, 1, 1, 1 }
	};
	const uint16_t place = 0;
	const struct law_proof proofs[] = {
		{ .fact = LAW_FACT_SHIELD, .word = "a", .grade = 3, .controls = { &place, 1 } },
		{ .fact = LAW_FACT_SCAN, .word = "b", .grade = 2, .controls = { &place, 1 } },
	};
	struct law_profile profile = {
		.controls = &control, .by_key = &place, .control_count = 1, .proofs = proofs, .proof_count = 2
	};
	struct judged judged;
	size_t size;
	uint8_t *packed;

	assert_int_equal(law_new(law_builtin, law_builtin_count, &law, why), 0);
	of.profile = &profile;
	evidence.at_us[LAW_FACT_SHIELD] = START - 90 * DAY; /* ran out two months ago */
	evidence.at_us[LAW_FACT_SCAN] = START - 5 * DAY;
	assert_int_equal(judge(&of, keep_judged, &judged), 0);
	assert_int_equal(judged.state, JUDGE_MET);
	assert_int_equal(judged.grade, 2);
	evidence.at_us[LAW_FACT_SCAN] = START - 60 * DAY;
	assert_int_equal(judge(&of, keep_judged, &judged), 0);
	assert_int_equal(judged.state, JUDGE_OVERDUE);
	assert_int_equal(judged.due_us, day_months_later(START - 60 * DAY, 1));
	/* A statement that is older than both does not take the place of their end. */
	assert_int_equal(answers_pack(&answer, 1, &packed, &size), 0);
	of.answers = bytes_of(packed, size);
	assert_int_equal(judge(&of, keep_judged, &judged), 0);
	assert_int_equal(judged.state, JUDGE_MET); /* done on 22 May */
	assert_int_equal(judged.grade, 1);
	of.now_us = START + 60 * DAY;
	evidence.at_us[LAW_FACT_SCAN] = START + 20 * DAY;
	assert_int_equal(judge(&of, keep_judged, &judged), 0);
	assert_int_equal(judged.state, JUDGE_OVERDUE);
	assert_int_equal(judged.due_us, day_months_later(START + 20 * DAY, 1));
	free(packed);
	law_free(law);
}

static void test_answers(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	struct answer answer = { .key = TEXT("SC03"), .word = ANSWER_EQUIVALENT };
	const struct bytes key = TEXT("SC03");
	const struct assess_call call = call_of(&nation);
	struct assess_sheet sheet;

	assert_int_equal(say(&assessment, f.web, &answer, 1), LUYTRE_E_INVALID);
	assert_int_equal(f.why, ASSESS_WHY_NOTE);
	answer.note = TEXT("Cổng trung gian");
	assert_int_equal(say(&assessment, f.web, &answer, 1), 0);
	answer.done_day = 20601; /* tomorrow there, as here */
	assert_int_equal(say(&assessment, f.web, &answer, 1), LUYTRE_E_INVALID);
	assert_int_equal(f.why, ASSESS_WHY_DONE);
	answer.done_day = 0;
	answer.word = ANSWER_EXCUSED;
	assert_int_equal(say(&assessment, f.web, &answer, 1), LUYTRE_E_INVALID);
	assert_int_equal(f.why, ASSESS_WHY_UNTIL);
	answer.until_day = 20700;
	assert_int_equal(say(&assessment, f.web, &answer, 1), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_DUE); /* not signed */
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_DUE); /* nobody approved it */
	assert_int_equal(approve_as(8, &assessment, f.web, "SC03"), 0);
	f.origin.now_us = day_begin_us(20701) - 1; /* the day is the country's: it ends at five in the afternoon UTC */
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_EXCUSED);
	f.origin.now_us = day_begin_us(20701);
	assert_int_equal(judged_of(&assessment, f.web, "SC03").state, JUDGE_OVERDUE);
	f.origin.now_us = START;
	/* Levels hold other controls. */
	assert_int_equal(say_word(&assessment, f.web, "NW24", ANSWER_YES), LUYTRE_E_INVALID);
	assert_int_equal(f.why, ASSESS_WHY_CONTROL);
	assert_int_equal(say_word(&assessment, f.web, "XX01", ANSWER_YES), LUYTRE_E_INVALID);
	/* Two that came between. */
	assert_int_equal(assess_answer(&call, assessment.id, f.web, 1,
				 &(struct assess_change){ .removed = &key, .removed_count = 1 }, &sheet),
		LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_REVISION);
	sheet = sheet_of(&assessment, f.web);
	assess_sheet_done(&sheet);
	assert_int_equal(assess_answer(&call, assessment.id, f.web, sheet.revision,
				 &(struct assess_change){ .removed = &key, .removed_count = 1 }, &sheet),
		0);
	assert_int_equal(sheet.answers.size, 6);
	assess_sheet_done(&sheet);
}

/* "Signed: TLS 1.0 is off" turns red when the sensor sees TLS 1.0. */
static void test_contradiction(void **state)
{
	static const char *const keys[] = { "SC03", "NW32", "IA13" };
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	const struct record tls = { .kind = RECORD_WEAKNESS,
		.target = TEXT("203.0.113.1"),
		.port = 443,
		.protocol = 6,
		.rule = TEXT("tls-1.0"),
		.title = TEXT("TLS 1.0"),
		.severity = 2,
		.confidence = 100,
		.evidence = TEXT("ServerHello 0301") };
	struct judge_sum sum;
	struct judged judged;
	int64_t id;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		assert_int_equal(say_word(&assessment, f.core, keys[i], ANSWER_YES), 0);
	assert_int_equal(step(assess_sign, &assessment, f.core), 0);
	judged = judged_of(&assessment, f.core, "SC03");
	assert_int_equal(judged.state, JUDGE_MET);
	assert_int_equal(judged.grade, 1);
	assert_int_equal(sum_of(&assessment).paper_gap, 0);

	finding(PERIMETER_TOOL, &tls, &id);
	f.origin.now_us += 3 * DAY;
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		judged = judged_of(&assessment, f.core, keys[i]);
		assert_int_equal(judged.state, JUDGE_CONTRADICTED);
		assert_int_equal(judged.grade, -1);
		assert_true(judged.paper_gap);
		assert_int_equal(judged.finding, id);
		assert_int_equal(judged.age_days, 3);
		assert_int_equal(judged.interest, 3 * 4 * 2); /* days, level, seen from outside */
		assert_string_equal(judged.proof->word, "tls-1.0");
	}
	sum = sum_of(&assessment);
	assert_int_equal(sum.paper_gap, 3);
	assert_int_equal(sum.contradicted, 3);
	assert_int_equal(sum.principal, 3);
	assert_int_equal(sum.stated, 0);
	assert_int_equal(sum.penalty_low, 40); /* 23.1d alone, once for three controls */
	assert_int_equal(sum.penalty_high, 60);
	assert_int_equal(signature_of(&assessment, f.core), ASSESS_GOOD); /* what was signed has not changed */
	/* A verified fix puts it right again. */
	{
		const struct finding_call call = {
			.db = f.db, .scope = &nation, .origin = &f.origin, .part = FINDING_BY_EVIDENCE
		};

		assert_int_equal(
			finding_change(&call,
				&(struct finding_change){
					.id = id, .revision = 1, .to = FINDING_VERIFIED, .reason = "TLS 1.2 only" },
				NULL),
			0);
	}
	assert_int_equal(judged_of(&assessment, f.core, "SC03").state, JUDGE_MET);
}

static void test_signature(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	struct judge_sum sum;

	assert_int_equal(say_word(&assessment, f.web, "SC03", ANSWER_YES), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_GOOD);
	assert_int_equal(sum_of(&assessment).stated, 1);
	/* Another answer afterwards: the signature is of something else. */
	assert_int_equal(say_word(&assessment, f.web, "SC01", ANSWER_YES), 0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_BROKEN);
	sum = sum_of(&assessment);
	assert_int_equal(sum.signed_broken, 1);
	assert_int_equal(sum.signed_good, 0);
	assert_int_equal(sum.stated, 0);
	assert_int_equal(step(assess_submit, &assessment, f.web), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_UNSIGNED);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_GOOD);
	/* Somebody who rules the database: each column that counts. */
	static const char *const tampers[] = { "update assessment_sheet set signer_name = 'binh' where system = ?1",
		"update assessment_sheet set signer_name = 'an', signer = 8 where system = ?1",
		"update assessment_sheet set signer = 7, level = 2 where system = ?1",
		"update assessment_sheet set level = 3, signed_us = signed_us + 1 where system = ?1",
		"update assessment_sheet set signed_us = signed_us - 1, staff = '{}' where system = ?1" };

	for (size_t i = 0; i < ARRAY_COUNT(tampers); i++) {
		assert_int_equal(db_run(f.db, tampers[i], DB_ARGS(db_i64(f.web)), NULL), 0);
		assert_int_equal(signature_of(&assessment, f.web), ASSESS_BROKEN);
	}
	assert_int_equal(
		db_run(f.db, "update assessment_sheet set staff = '' where system = ?1", DB_ARGS(db_i64(f.web)), NULL),
		0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_GOOD);
}

struct filling {
	struct answer answers[LAW_CONTROLS_MAX];
	size_t count;
	unsigned int seed; /* 0: everything is met */
};

/* Answers to all that a level asks. */
static void fill(const char *profile_id, uint32_t level, struct filling *filling)
{
	const struct law_profile *profile = law_profile_find(f.law, profile_id);

	filling->count = 0;
	for (size_t i = 0; i < profile->control_count; i++) {
		struct answer *answer = &filling->answers[filling->count];

		if (!law_asks(&profile->controls[i], level))
			continue;
		*answer = (struct answer){ .key = bytes_from_str(profile->controls[i].key), .word = ANSWER_YES };
		if (filling->seed) {
			filling->seed = filling->seed * 1103515245 + 12345;
			answer->word = filling->seed >> 16 & 3 ? ANSWER_YES : ANSWER_NO;
			if ((filling->seed >> 20 & 7) == 0)
				answer->note = TEXT("Đang triển khai theo kế hoạch năm");
		}
		filling->count++;
	}
}

static int return_it(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret)
{
	return assess_return(call, assessment, system, revision, "Thiếu tài liệu", ret);
}

static void test_submission(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	struct filling *filling = calloc(1, sizeof(*filling));
	struct assess_sheet sheet;

	assert_int_equal(say_word(&assessment, f.mail, "SC03", ANSWER_YES), 0);
	assert_int_equal(step(assess_sign, &assessment, f.mail), 0);
	assert_int_equal(step(assess_submit, &assessment, f.mail), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_UNANSWERED);
	fill("vn-2026", 2, filling);
	assert_int_equal(filling->count, 129);
	assert_int_equal(say(&assessment, f.mail, filling->answers, filling->count), 0);
	assert_int_equal(step(assess_sign, &assessment, f.mail), 0);
	assert_int_equal(step(return_it, &assessment, f.mail), LUYTRE_E_CONFLICT);
	assert_int_equal(step(assess_submit, &assessment, f.mail), 0);
	assert_int_equal(step(assess_submit, &assessment, f.mail), LUYTRE_E_CONFLICT);
	assert_int_equal(say_word(&assessment, f.mail, "SC03", ANSWER_NO), LUYTRE_E_CONFLICT);
	assert_int_equal(f.why, ASSESS_WHY_SUBMITTED);
	assert_int_equal(step(assess_sign, &assessment, f.mail), LUYTRE_E_CONFLICT);
	assert_int_equal(step(return_it, &assessment, f.mail), 0);
	sheet = sheet_of(&assessment, f.mail);
	assert_int_equal(sheet.state, ASSESS_RETURNED);
	assert_string_equal(sheet.reason, "Thiếu tài liệu");
	assess_sheet_done(&sheet);
	assert_int_equal(step(assess_submit, &assessment, f.mail), 0);
	assert_int_equal(sum_of(&assessment).submitted, 1);
	free(filling);
}

/* What runs out, and on which day. */
static void test_dates(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	const struct answer review = {
		.key = TEXT("AC07"), .word = ANSWER_YES, .done_day = 20550
	}; /* 6 months at level 3 */
	struct judged judged;

	assert_int_equal(day_months_later(date_days_us(2026, 1, 31), 1), date_days_us(2026, 2, 28));
	assert_int_equal(day_months_later(date_days_us(2027, 12, 31), 2), date_days_us(2028, 2, 29));
	assert_int_equal(day_months_later(date_days_us(2026, 5, 15) + 77, 12), date_days_us(2027, 5, 15) + 77);

	judged = judged_of(&assessment, f.web, "AC07");
	assert_int_equal(judged.state, JUDGE_DUE);
	assert_int_equal(judged.due_us, assessment.deadline_us);
	assert_int_equal(say(&assessment, f.web, &review, 1), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	judged = judged_of(&assessment, f.web, "AC07");
	assert_int_equal(judged.state, JUDGE_MET);
	assert_int_equal(judged.due_us, day_months_later(day_begin_us(20550), 6));
	f.origin.now_us = judged.due_us;
	assert_int_equal(judged_of(&assessment, f.web, "AC07").state, JUDGE_MET);
	f.origin.now_us = judged.due_us + 10 * DAY;
	judged = judged_of(&assessment, f.web, "AC07");
	assert_int_equal(judged.state, JUDGE_OVERDUE);
	assert_int_equal(judged.grade, 0);
	assert_int_equal(judged.age_days, 10);
	assert_int_equal(judged.interest, 30);
}

/* What the hub knows itself. */
static void test_platform(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	const struct record hole = { .kind = RECORD_WEAKNESS,
		.target = TEXT("203.0.113.65"),
		.port = 443,
		.protocol = 6,
		.cve = TEXT("CVE-2021-44228"),
		.severity = 4 };
	int64_t id;

	assert_int_equal(judged_of(&assessment, f.core, "NW19").state, JUDGE_DUE);
	f.standing = f.before_web = (struct assess_standing){ false, true, true };
	assert_int_equal(judged_of(&assessment, f.core, "NW19").state, JUDGE_DUE); /* in shadow */
	assert_int_equal(judged_of(&assessment, f.core, "NW18").grade, 2);
	assert_int_equal(judged_of(&assessment, f.core, "NW13").grade, 2);
	assert_int_equal(judged_of(&assessment, f.web, "NW18").state, JUDGE_DUE); /* the gate has no name of it */
	f.standing.shield = true;
	assert_int_equal(judged_of(&assessment, f.core, "NW19").grade, 3);
	assert_int_equal(judged_of(&assessment, f.core, "NW19").state, JUDGE_MET);
	assert_int_equal(judged_of(&assessment, f.web, "NW19").state, JUDGE_DUE); /* not enforced */
	assert_int_equal(judged_of(&assessment, f.mail, "NW13").state, JUDGE_DUE); /* no asset */
	f.platform.keep_days = 100;
	assert_int_equal(
		judged_of(&assessment, f.web, "LG10").grade, 0); /* what asks it is in force from 19 August on */
	f.origin.now_us = START + 150 * DAY;
	assert_int_equal(judged_of(&assessment, f.web, "LG10").grade, 3); /* 3 months at level 3 */
	assert_int_equal(judged_of(&assessment, f.core, "LG10").grade, 0); /* 6 at level 4 */
	f.origin.now_us = START;
	/* A scanner's report runs out, and a hole in use that stays contradicts. */
	finding("nessus", &hole, &id);
	assert_int_equal(judged_of(&assessment, f.web, "VM05").grade, 2);
	assert_int_equal(judged_of(&assessment, f.web, "VM02").grade, 0);
	assert_int_equal(db_run(f.db,
				 "insert into cve (cve, kev_us, kev_due_us, ransomware, automatable, impact) values"
				 " ('CVE-2021-44228', 1, 0, 0, 0, 0)",
				 DB_NO_ARGS, NULL),
		0);
	assert_int_equal(judged_of(&assessment, f.web, "VM02").grade, 3);
	assert_int_equal(judged_of(&assessment, f.web, "VM10").state, JUDGE_DUE);
	assert_int_equal(
		db_run(f.db, "update finding set kev = 1, due_us = ?1", DB_ARGS(db_i64(START - DAY)), NULL), 0);
	assert_int_equal(judged_of(&assessment, f.web, "VM10").state, JUDGE_CONTRADICTED);
	assert_false(judged_of(&assessment, f.web, "VM10").paper_gap);
	f.origin.now_us = START + 200 * DAY;
	assert_int_equal(judged_of(&assessment, f.web, "VM05").state, JUDGE_OVERDUE);
}

static void test_staff(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	const struct assess_call call = call_of(&nation);
	struct staff *staff = calloc(1, sizeof(*staff));
	struct assess_sheet sheet;

	staff->post_count = 3;
	staff->posts[0] = (struct staff_post){ .kind = STAFF_LEAD, .name = "Trần An", .contact = "+84 24 1" };
	staff->posts[1] = (struct staff_post){ .kind = STAFF_DEPUTY, .name = "Lê Bình" };
	staff->posts[2] = (struct staff_post){ .kind = STAFF_CONTACT, .name = "Trực", .checked_day = 20590 };
	for (uint8_t day = 1; day <= 7; day++)
		staff->shifts[staff->shift_count++] = (struct staff_shift){ day, 0, day == 7 ? 20 : 24, 2 };
	assert_int_equal(staff_hours(staff), 164);
	assert_int_equal(
		assess_answer(&call, assessment.id, f.core, 1, &(struct assess_change){ .staff = staff }, &sheet), 0);
	assert_true(memmem(sheet.staff.ptr, sheet.staff.size, "Trần An", strlen("Trần An")) != NULL);
	assess_sheet_done(&sheet);
	assert_int_equal(judged_of(&assessment, f.core, "IR02").grade, 0); /* not signed */
	assert_int_equal(judged_of(&assessment, f.core, "MD03").state, JUDGE_DUE); /* nobody says that there is none */
	assert_int_equal(say_word(&assessment, f.core, "MD03", ANSWER_YES), 0);
	assert_int_equal(judged_of(&assessment, f.core, "MD03").state, JUDGE_CONTRADICTED);
	assert_int_equal(step(assess_sign, &assessment, f.core), 0);
	assert_int_equal(judged_of(&assessment, f.core, "IR02").grade, 1);
	assert_int_equal(judged_of(&assessment, f.core, "IR04").due_us, day_months_later(day_begin_us(20590), 12));
	sheet = sheet_of(&assessment, f.core);
	staff->shifts[6].to = 24;
	assess_sheet_done(&sheet);
	assert_int_equal(assess_answer(&call, assessment.id, f.core, sheet.revision,
				 &(struct assess_change){ .staff = staff }, &sheet),
		0);
	assess_sheet_done(&sheet);
	assert_int_equal(step(assess_sign, &assessment, f.core), 0);
	assert_int_equal(judged_of(&assessment, f.core, "MD03").state, JUDGE_MET);
	free(staff);
}

struct leaves {
	const struct law_profile *profiles[2];
	struct judge_sum sums[2];
	uint8_t open[2][LAW_CONTROLS_MAX];
};

static void take_leaf(struct leaves *leaves, int which, const struct judged *judged)
{
	judge_sum_take(&leaves->sums[which], judged);
	leaves->open[which][judged->control] = judged->state == JUDGE_OVERDUE || judged->state == JUDGE_CONTRADICTED;
}

static int first_leaf(void *context, const struct judged *judged)
{
	take_leaf(context, 0, judged);
	return 0;
}

static int second_leaf(void *context, const struct judged *judged)
{
	take_leaf(context, 1, judged);
	return 0;
}

struct adding {
	const struct assessment *assessment;
	struct leaves *leaves;
};

/* One system by itself, by both profiles. */
static int add_leaves(void *context, const struct assess_sheet *sheet)
{
	const struct assess_call call = call_of(&nation);
	struct adding *adding = context;
	struct leaves *leaves = adding->leaves;

	memset(leaves->open, 0, sizeof(leaves->open));
	assert_int_equal(assess_judge(&call, adding->assessment, sheet, first_leaf, second_leaf, leaves), 0);
	for (int i = 0; i < 2; i++) {
		if (!leaves->profiles[i])
			continue;
		leaves->sums[i].systems++;
		leaves->sums[i].submitted += sheet->state == ASSESS_SUBMITTED;
		leaves->sums[i].signed_good += sheet->signature == ASSESS_GOOD;
		leaves->sums[i].signed_broken += sheet->signature == ASSESS_BROKEN;
		judge_sum_penalties(&leaves->sums[i], leaves->profiles[i], sheet->level, leaves->open[i]);
	}
	return 0;
}

/* The sums of every group are those of the leaves, added up, by either profile. */
static void compare_groups(const struct assessment *assessment, uint32_t root)
{
	const struct assess_call call = call_of(&nation);
	struct leaves leaves = { .profiles = { law_profile_find(f.law, assessment->profile),
					 law_profile_find(f.law, assessment->second) } };
	struct adding adding = { assessment, &leaves };

	assert_int_equal(assess_sheet_each(&call, assessment->id, 0, UINT32_MAX, add_leaves, &adding), 0);
	for (int group = 0; group < ASSESS_GROUP_COUNT; group++) {
		struct judge_sum added[2] = { { 0 }, { 0 } };
		struct assess_sum *sums, total;
		size_t count;

		assert_int_equal(
			assess_rollup(&call, assessment, (enum assess_group)group, root, &sums, &count, &total), 0);
		for (size_t i = 0; i < count; i++) {
			judge_sum_add(&added[0], &sums[i].sum);
			judge_sum_add(&added[1], &sums[i].second);
		}
		free(sums);
		assert_memory_equal(&total.sum, &leaves.sums[0], sizeof(total.sum));
		assert_memory_equal(&total.second, &leaves.sums[1], sizeof(total.second));
		for (int i = 0; i < 2 && (group == ASSESS_BY_GROUP || group == ASSESS_BY_PART); i++) {
			added[i].systems = leaves.sums[i].systems; /* of a sheet, not of its controls */
			added[i].submitted = leaves.sums[i].submitted;
			added[i].signed_good = leaves.sums[i].signed_good;
			added[i].signed_broken = leaves.sums[i].signed_broken;
			added[i].penalty_low = leaves.sums[i].penalty_low;
			added[i].penalty_high = leaves.sums[i].penalty_high;
		}
		assert_memory_equal(added, leaves.sums, sizeof(added));
	}
}

static void test_rollup(void **state)
{
	struct assessment assessment = (need(state), begin_as(0, "vn-2026"));
	const struct assess_call call = call_of(&nation);
	struct filling *filling = calloc(1, sizeof(*filling));
	const uint32_t systems[] = { f.core, f.web, f.mail, f.small };
	struct assess_proposal *proposals;
	struct assess_sum *sums, sum;
	struct judge_sum whole;
	size_t count, total;
	int64_t interest = 0;

	filling->seed = 1;
	for (uint32_t i = 0; i < 3; i++) {
		fill("vn-2026", 4 - i, filling);
		assert_int_equal(say(&assessment, systems[i], filling->answers, filling->count), 0);
		assert_int_equal(step(assess_sign, &assessment, systems[i]), 0);
	}
	free(filling);
	f.origin.now_us = DEADLINE + 5 * DAY;
	whole = sum_of(&assessment);
	assert_int_equal(whole.systems, 4);
	assert_int_equal(whole.obligations, 273 + 195 + 129 + 111);
	assert_int_equal(whole.met + whole.due + whole.overdue + whole.contradicted + whole.excused, whole.obligations);
	assert_true(whole.met > 200 && whole.overdue > 200);
	compare_groups(&assessment, 0);
	compare_groups(&assessment, f.ministry);
	assert_int_equal(assess_rollup(&call, &assessment, ASSESS_BY_BRANCH, 0, &sums, &count, &sum), 0);
	assert_int_equal(count, 2); /* the office is of the ministry's branch */
	assert_int_equal(sums[0].key, f.ministry);
	assert_int_equal(sums[0].sum.systems, 2);
	free(sums);
	assert_int_equal(assess_rollup(&call, &assessment, ASSESS_BY_LEVEL, 0, &sums, &count, &sum), 0);
	assert_int_equal(count, 4);
	assert_int_equal(sums[0].sum.overdue, 111); /* nobody answered level 1: all but nothing is overdue, five days */
	assert_int_equal(sums[0].sum.interest, 111 * 5);
	assert_int_equal(sums[0].sum.penalty_low,
		20 + 40 + 60 + 30 + 40 + 60 + 50 + 40); /* 21.4 and 23.1d ask nothing of level 1 */
	free(sums);
	assert_int_equal(assess_proposals(&call, &assessment, 10, &proposals, &count, &total), 0);
	assert_int_equal(count, 10);
	assert_true(proposals[0].interest >= proposals[9].interest && proposals[0].systems > 1);
	free(proposals);
	assert_int_equal(assess_proposals(&call, &assessment, 1000, &proposals, &count, &total), 0);
	for (size_t i = 0; i < count; i++)
		interest += proposals[i].interest;
	assert_int_equal(interest, whole.interest);
	free(proposals);
}

/* The former profile beside the newer. */
static void test_profiles(void **state)
{
	struct assessment before = (need(state), begin_as(0, "vn-2017")), now = begin_as(0, "vn-2026");
	const struct law_profile *profile = law_profile_find(f.law, "vn-2017");

	assert_int_equal(sum_of(&before).obligations,
		profile->asked[3] + profile->asked[2] + profile->asked[1] + profile->asked[0]);
	assert_int_equal(sum_of(&now).obligations, 273 + 195 + 129 + 111);
	/* The former one ends on 30 June 2027. */
	for (int late = 0; late < 2; late++) {
		const struct assess_call call = call_of(&nation);
		struct assess_begin in = { .title = "x", .profile = "vn-2017" };
		struct assessment again;

		f.origin.now_us = date_days_us(2027, 6, 30) + late * DAY;
		in.deadline_us = f.origin.now_us + DAY;
		assert_int_equal(assess_begin(&call, &in, &again), late ? LUYTRE_E_INVALID : 0);
	}
	f.origin.now_us = START;
	assert_int_equal(say_word(&before, f.web, "NT05", ANSWER_YES), 0);
	assert_int_equal(say_word(&before, f.web, "NW13", ANSWER_YES), LUYTRE_E_INVALID);
}

/* One assessment, both profiles: the former one borrows what was said of the newer through the cross-walk, or is answered itself. */
static void test_both(void **state)
{
	struct assessment assessment = (need(state), begin_both(0, "vn-2026", "vn-2017"));
	const struct law_profile *before = law_profile_find(f.law, "vn-2017"),
				 *now = law_profile_find(f.law, "vn-2026");
	const struct assess_call call = call_of(&nation);
	struct filling *filling = calloc(1, sizeof(*filling));
	const uint32_t systems[] = { f.core, f.web, f.mail, f.small };
	const struct law_crosswalk *tied = NULL;
	struct assess_sum *sums, total;
	struct judged judged;
	size_t count;

	fill("vn-2026", 3, filling);
	assert_int_equal(say(&assessment, f.web, filling->answers, filling->count), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_GOOD);
	for (size_t i = 0; i < before->crosswalk_count && !tied; i++)
		if (strcmp(before->controls[before->crosswalks[i].control].key, "NT05") == 0)
			tied = &before->crosswalks[i];
	assert_non_null(tied);
	judged = judged_by(&assessment, f.web, "NT05", true);
	assert_int_equal(judged.state, JUDGE_MET);
	assert_int_equal(judged.grade, 1);
	assert_non_null(judged.borrowed);
	/* The least of what was said of those that are tied to it. */
	assert_int_equal(say_word(&assessment, f.web, "NW13", ANSWER_NO), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	judged = judged_by(&assessment, f.web, "NT05", true);
	assert_int_equal(judged.state, JUDGE_DUE);
	assert_string_equal(judged.borrowed, "NW13");
	/* What is said of it itself goes before. The newer profile borrows nothing. */
	assert_int_equal(say_word(&assessment, f.web, "NT05", ANSWER_YES), 0);
	assert_int_equal(step(assess_sign, &assessment, f.web), 0);
	judged = judged_by(&assessment, f.web, "NT05", true);
	assert_int_equal(judged.state, JUDGE_MET);
	assert_null(judged.borrowed);
	assert_int_equal(judged_of(&assessment, f.web, "NW13").state, JUDGE_DUE);
	assert_int_equal(say_word(&assessment, f.core, "NT05", ANSWER_YES), 0);
	assert_false(judged_of(&assessment, f.core, "NW13").answered);

	f.origin.now_us = DEADLINE + 5 * DAY;
	assert_int_equal(assess_rollup(&call, &assessment, ASSESS_BY_LEVEL, 0, &sums, &count, &total), 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sums[i].sum.obligations, now->asked[sums[i].key - 1]);
		assert_int_equal(sums[i].second.obligations, before->asked[sums[i].key - 1]);
	}
	/* Nobody answered for level 1: all of either profile is overdue, five days. */
	assert_int_equal(sums[0].second.overdue, before->asked[0]);
	assert_int_equal(sums[0].second.interest, before->asked[0] * 5);
	free(sums);
	filling->seed = 3;
	for (uint32_t i = 0; i < 3; i++) {
		fill("vn-2026", 4 - i, filling);
		assert_int_equal(say(&assessment, systems[i], filling->answers, filling->count), 0);
		assert_int_equal(step(assess_sign, &assessment, systems[i]), 0);
	}
	compare_groups(&assessment, 0);
	compare_groups(&assessment, f.ministry);
	assert_int_equal(assess_rollup(&call, &assessment, ASSESS_BY_GROUP, 0, &sums, &count, &total), 0);
	assert_int_equal(total.sum.systems, 4);
	assert_int_equal(total.second.systems, 4);
	assert_true(total.sum.penalty_low > 0);
	assert_true(sums[count - 1].key >= ASSESS_SECOND_KEY && sums[0].key < ASSESS_SECOND_KEY);
	free(sums);
	/* A signature is over both: taking the second away breaks it. */
	assert_int_equal(db_run(f.db, "update assessment set second = ''", DB_NO_ARGS, NULL), 0);
	assert_int_equal(signature_of(&assessment, f.web), ASSESS_BROKEN);
	free(filling);
}

static int broken_answers(struct bytes packed)
{
	struct answers_reader reader;
	struct answer answer;
	int more = answers_begin(&reader, packed);

	while (!more && (more = answers_next(&reader, &answer)) > 0)
		more = 0;
	return more;
}

/* Packed and back; anything cut or changed in form is refused. */
static void test_packed(void **state)
{
	static const uint8_t hash[ANSWER_HASH_SIZE] = { 1, 2, 3 };
	const struct answer answers[] = {
		{ .key = TEXT("AC01"), .word = ANSWER_YES, .by = TEXT("an"), .at_us = START, .done_day = 20000 },
		{ .key = TEXT("AC02"), .word = ANSWER_NO, .by = TEXT("bình"), .note = TEXT("chưa"), .hash = hash },
	};
	const struct answer wrong[] = { { .key = TEXT("B") }, { .key = TEXT("A") } };
	struct answers_reader reader;
	struct answer got;
	uint8_t *packed;
	size_t size;

	assert_int_equal(answers_pack(wrong, 2, &packed, &size), LUYTRE_E_INVALID);
	assert_int_equal(answers_pack(answers, 2, &packed, &size), 0);
	assert_int_equal(answers_begin(&reader, bytes_of(packed, size)), 0);
	assert_int_equal(answers_next(&reader, &got), 1);
	assert_true(bytes_equal_str(got.key, "AC01") && got.done_day == 20000 && got.at_us == START && !got.hash);
	assert_int_equal(answers_next(&reader, &got), 1);
	assert_true(bytes_equal_str(got.note, "chưa") && bytes_equal_str(got.by, "bình"));
	assert_memory_equal(got.hash, hash, sizeof(hash));
	assert_int_equal(answers_next(&reader, &got), 0);
	assert_int_equal(broken_answers((struct bytes){ 0 }), 0);
	for (size_t i = 1; i < size; i++)
		assert_int_equal(broken_answers(bytes_of(packed, i)), LUYTRE_E_CORRUPT);
	packed[0] = 'X';
	assert_int_equal(broken_answers(bytes_of(packed, size)), LUYTRE_E_CORRUPT);
	free(packed);
}

/* ---- A thousand organisations ---- */

enum { ORGANISATIONS = 1000, ANSWERED_MAX = 5 };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long resident_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static size_t make_nation(uint32_t *systems, uint32_t *levels)
{
	unsigned int seed = 42;
	size_t count = 0;

	assert_int_equal(db_begin(f.db), 0);
	for (unsigned int i = 0; i < ORGANISATIONS; i++) {
		uint32_t tenant;
		char name[64];

		snprintf(name, sizeof(name), "Đơn vị %u", i);
		tenant = add_tenant(i % 10 ? f.ministry : 0, name, (enum tenant_sector)(i % TENANT_SECTOR_COUNT),
			provinces[i % PROVINCE_COUNT].code);
		for (unsigned int k = 0; k <= i % ANSWERED_MAX; k++) {
			seed = seed * 1103515245 + 12345;
			levels[count] = 1 + (seed >> 16) % 5;
			snprintf(name, sizeof(name), "Hệ thống %u", k);
			systems[count] = add_system(tenant, name, levels[count]);
			count++;
		}
	}
	assert_int_equal(db_commit(f.db), 0);
	return count;
}

static void answer_all(
	const struct assessment *assessment, const uint32_t *systems, const uint32_t *levels, size_t count)
{
	const struct assess_call call = call_of(&nation);
	struct filling *filling = calloc(1, sizeof(*filling));
	struct assess_sheet sheet;

	filling->seed = 7;
	for (size_t i = 0; i < count; i++) {
		if (i % 100 == 0)
			assert_int_equal(db_begin(f.db), 0);
		fill("vn-2026", levels[i], filling);
		assert_int_equal(
			assess_answer(&call, assessment->id, systems[i], 1,
				&(struct assess_change){ .answers = filling->answers, .answer_count = filling->count },
				&sheet),
			0);
		assess_sheet_done(&sheet);
		assert_int_equal(assess_sign(&call, assessment->id, systems[i], 2, &sheet), 0);
		assess_sheet_done(&sheet);
		assert_int_equal(assess_submit(&call, assessment->id, systems[i], 3, &sheet), 0);
		assess_sheet_done(&sheet);
		if (i % 100 == 99 || i + 1 == count)
			assert_int_equal(db_commit(f.db), 0);
	}
	free(filling);
}

static void test_nation(void **state)
{
	static uint32_t systems[ORGANISATIONS * ANSWERED_MAX], levels[ORGANISATIONS * ANSWERED_MAX];
	struct assess_proposal *proposals;
	struct assess_call call;
	struct assessment assessment;
	struct assess_sum *sums, whole;
	size_t count, proposed, total, groups;
	double began, answered, summed, ranked;
	int64_t bytes;
	long before_kib;

	need(state);
	if (!getenv("LUYTRE_BENCH"))
		skip();
	call = call_of(&nation);
	count = make_nation(systems, levels);
	began = seconds();
	assessment = begin_both(0, "vn-2026", "vn-2017");
	answer_all(&assessment, systems, levels, count);
	answered = seconds();
	before_kib = resident_kib();
	f.origin.now_us = DEADLINE + DAY;
	assert_int_equal(assess_rollup(&call, &assessment, ASSESS_BY_NATION, 0, &sums, &groups, &whole), 0);
	free(sums);
	summed = seconds();
	assert_int_equal(assess_proposals(&call, &assessment, 20, &proposals, &proposed, &total), 0);
	free(proposals);
	ranked = seconds();
	assert_int_equal(whole.sum.submitted, count);
	assert_int_equal(whole.sum.signed_good, count);
	assert_int_equal(db_integer(f.db, "select sum(length(answers)) from assessment_sheet where assessment = ?1",
				 DB_ARGS(db_i64(assessment.id)), &bytes),
		0);
	print_message("%s: %u organisations, %zu systems, %lld obligations by one profile and "
		      "%lld by the other: begun, answered, signed and submitted in "
		      "%.1f s; %.1f KiB of answers a system; rolled up in %.3f s; proposals in %.3f s; %ld KiB of "
		      "memory more\n",
		db_is_postgres(f.db) ? "PostgreSQL" : "SQLite", ORGANISATIONS, count, (long long)whole.sum.obligations,
		(long long)whole.second.obligations, answered - began, (double)bytes / 1024 / (double)count,
		summed - answered, ranked - summed, resident_kib() - before_kib);
	compare_groups(&assessment, 0);
	compare_groups(&assessment, f.ministry);
}

#define BOTH(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown),                                                 \
		cmocka_unit_test_setup_teardown(test, setup_postgres, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_packed), BOTH(test_begin), BOTH(test_scope),
		BOTH(test_answers), BOTH(test_excuses), cmocka_unit_test(test_proofs), BOTH(test_both),
		BOTH(test_contradiction), BOTH(test_signature), BOTH(test_submission), BOTH(test_dates),
		BOTH(test_platform), BOTH(test_staff), BOTH(test_rollup), BOTH(test_profiles), BOTH(test_nation) };
	int failed;

	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	return failed;
}
