// SPDX-License-Identifier: Apache-2.0
/* Incidents and deadlines with either database; the arithmetic of clocks; the documents. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/date.h"
#include "hub/assess/day.h"
#include "hub/incident/form.h"
#include "hub/incident/incident.h"
#include "hub/incident/moment.h"
#include "hub/incident/notice.h"
#include "hub/store/pgtest.h"

#define HOUR INCIDENT_HOUR_US
#define DAY  INCIDENT_DAY_US
/* Midnight of the country. */
#define LOCAL(year, month, day) (date_days(year, month, day) * DAY - DAY_ZONE_US)
#define START                   (LOCAL(2026, 11, 22) + 8 * HOUR)
#define BOTH(test)                                                                                                     \
	cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown),                                                 \
		cmocka_unit_test_setup_teardown(test, setup_postgres, teardown)

static const struct scope nation = { .all = true };
static char postgres_place[PGTEST_PLACE_SIZE], postgres_missing[DB_WHY_SIZE];

/* A ministry with an office below it, and a province. */
static struct fixture {
	struct db *db;
	struct audit_origin origin;
	struct law *law;
	uint32_t ministry, office, province, core, web, mail;
} f;

static struct incident_call call_of(const struct scope *scope)
{
	return (struct incident_call){ .db = f.db, .scope = scope, .origin = &f.origin, .law = f.law, .name = "an" };
}

static uint32_t add_tenant(uint32_t parent, const char *name)
{
	const struct tenants_call call = { .db = f.db, .scope = &nation, .origin = &f.origin };
	struct tenant tenant = { .parent = parent, .contact = "trực ban 24/7" };

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

/* The program's law with another text for one file (null: as it is). */
static struct law *law_new_with(const char *path, const char *text)
{
	struct law_file files[LAW_FILES_MAX];
	char why[LAW_WHY_SIZE];
	struct law *law = NULL;

	memcpy(files, law_builtin, law_builtin_count * sizeof(*files));
	for (size_t i = 0; path && i < law_builtin_count; i++)
		if (strcmp(files[i].path, path) == 0)
			files[i].text = bytes_from_str(text);
	if (law_new(files, law_builtin_count, &law, why))
		fail_msg("%s", why);
	return law;
}

static int setup(void **state, const char *place)
{
	char why[DB_WHY_SIZE], law_why[LAW_WHY_SIZE];

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
	if (audit_setup(f.db) || tenants_setup(f.db) || incident_setup(f.db) ||
		law_new(law_builtin, law_builtin_count, &f.law, law_why)) {
		print_error("%s\n", db_why(f.db));
		return -1;
	}
	f.ministry = add_tenant(0, "Bộ Y tế");
	f.office = add_tenant(f.ministry, "Cục Công nghệ");
	f.province = add_tenant(0, "Tỉnh Lào Cai");
	f.core = add_system(f.office, "Trục dữ liệu", 4);
	f.web = add_system(f.office, "Cổng thông tin", 2);
	f.mail = add_system(f.province, "Thư điện tử", 5);
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

/* ---- Time ---- */

static void test_limits(void **state)
{
	const struct {
		const char *limit;
		int64_t start_us, due_us;
		int error;
	} cases[] = {
		{ "now", START, START, 0 },
		{ "24h", LOCAL(2026, 12, 31) + 20 * HOUR, LOCAL(2027, 1, 1) + 20 * HOUR, 0 },
		{ "72h", LOCAL(2026, 12, 29), LOCAL(2027, 1, 1), 0 },
		{ "72h", LOCAL(2028, 2, 27), LOCAL(2028, 3, 1), 0 }, /* a leap year */
		{ "5d", LOCAL(2027, 2, 26), LOCAL(2027, 3, 3), 0 },
		{ "1m", LOCAL(2027, 1, 31) + HOUR, LOCAL(2027, 2, 28) + HOUR, 0 },
		{ "1m", LOCAL(2028, 1, 31), LOCAL(2028, 2, 29), 0 },
		{ "1m", LOCAL(2026, 12, 1), LOCAL(2027, 1, 1), 0 },
		{ "12m", LOCAL(2028, 2, 29), LOCAL(2029, 2, 28), 0 },
		{ "60m", START, LOCAL(2031, 11, 22) + 8 * HOUR, 0 },
		{ "", START, 0, LUYTRE_E_SYNTAX },
		{ "h", START, 0, LUYTRE_E_SYNTAX },
		{ "0h", START, 0, LUYTRE_E_SYNTAX },
		{ "24", START, 0, LUYTRE_E_SYNTAX },
		{ "24hh", START, 0, LUYTRE_E_SYNTAX },
		{ "24w", START, 0, LUYTRE_E_SYNTAX },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		int64_t due_us = 0;

		assert_int_equal(incident_due(cases[i].limit, cases[i].start_us, &due_us), cases[i].error);
		assert_int_equal(due_us, cases[i].due_us);
	}
}

static void test_days(void **state)
{
	static const char *const bad[] = { "", "12", "13-01", "00-10", "02-29", "12-32", "1-2", "12-20x" };
	char text[INCIDENT_TIME_SIZE];
	int64_t due_us;

	/* "Before 20/12": the last moment is still the 19th there, though it is past five in the afternoon UTC. */
	assert_int_equal(incident_due_yearly("12-20", 2026, &due_us), 0);
	assert_int_equal(due_us, LOCAL(2026, 12, 20) - 1);
	assert_string_equal(incident_time_text(due_us, text), "23:59 ngày 19/12/2026");
	assert_int_equal(incident_due_yearly("01-01", 2027, &due_us), 0);
	assert_string_equal(incident_time_text(due_us, text), "23:59 ngày 31/12/2026");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_int_equal(incident_due_yearly(bad[i], 2026, &due_us), LUYTRE_E_SYNTAX);
	assert_int_equal(incident_due_yearly("02-29", 2028, &due_us), 0);
	assert_int_equal(incident_due_day("2027-06-30", &due_us), 0);
	assert_string_equal(incident_time_text(due_us, text), "23:59 ngày 30/06/2027");
	assert_int_equal(incident_due_day("2027-06-31", &due_us), LUYTRE_E_SYNTAX);
	/* The year turns there seven hours before it does in UTC. */
	assert_int_equal(incident_year(LOCAL(2027, 1, 1) - 1), 2026);
	assert_int_equal(incident_year(LOCAL(2027, 1, 1)), 2027);
	assert_true(day_in_force("2026-08-19", NULL, LOCAL(2026, 8, 19)));
	assert_false(day_in_force("2026-08-19", NULL, LOCAL(2026, 8, 19) - 1));
	assert_true(day_in_force("2017-03-16", "2026-08-18", LOCAL(2026, 8, 19) - 1));
	assert_false(day_in_force("2017-03-16", "2026-08-18", LOCAL(2026, 8, 19)));
	assert_string_equal(incident_time_text(0, text), "");
	assert_string_equal(incident_day_text((uint32_t)date_days(2026, 12, 31), text), "31/12/2026");
}

static void test_serious(void **state)
{
	const uint32_t down = INCIDENT_IS_INTERRUPTED, alone = INCIDENT_IS_BEYOND;
	const struct {
		uint32_t level, traits;
		bool serious;
	} cases[] = {
		{ 4, down | alone, true },
		{ 5, INCIDENT_IS_SPREADING | alone, true },
		{ 3, down | alone, false },
		{ 3, down | alone | INCIDENT_IS_IMPORTANT, true },
		{ 4, down, false },
		{ 4, alone, false },
		{ 4, alone | INCIDENT_IS_PERSONAL, false },
		{ 0, down | alone, false },
	};
	char why[LAW_WHY_SIZE];
	struct law *law = law_new_with(NULL, NULL);

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(
			incident_rule_of(law, START, cases[i].level, cases[i].traits) != NULL, cases[i].serious);
	assert_null(incident_rule_of(law, LOCAL(2017, 3, 15), 5, down | alone));
	assert_null(incident_rule_of(NULL, START, 5, down | alone));
	law_free(law);
	/* A newer definition counts from its day on; the former one before. */
	law = law_new_with("serious.tsv", "id\tlevel_min\tany\tall\tvalid_from\tvalid_to\tsource\n"
					  "old\t4\tinterrupted\tbeyond\t2017-03-16\t2026-11-21\tA\n"
					  "new\t3\tinterrupted damaged\t-\t2026-11-22\t-\tB\n");
	assert_string_equal(incident_rule_of(law, START, 3, down)[SERIOUS_ID], "new");
	assert_null(incident_rule_of(law, LOCAL(2026, 11, 22) - 1, 4, down));
	assert_string_equal(incident_rule_of(law, LOCAL(2026, 11, 22) - 1, 4, down | alone)[SERIOUS_ID], "old");
	law_free(law);
	law = law_new_with("serious.tsv", "id\tlevel_min\tany\tall\tvalid_from\tvalid_to\tsource\n"
					  "new\t3\tinterupted\t-\t2026-11-22\t-\tB\n");
	assert_int_equal(incident_law_check(law, why), LUYTRE_E_SYNTAX);
	assert_non_null(strstr(why, "\"new\" names something"));
	law_free(law);
}

/* ---- Incidents ---- */

static struct incident incident_new(uint32_t tenant, uint32_t system, uint32_t traits)
{
	struct incident incident = { .tenant = tenant,
		.system = system,
		.title = "Trang chủ bị thay đổi",
		.kind = INCIDENT_DEFACEMENT,
		.traits = traits,
		.found_us = START - HOUR,
		.owner = "Trần An, trưởng ca trực",
		.signs = "Trang chủ hiện nội dung lạ" };
	const struct incident_call call = call_of(&nation);

	assert_int_equal(incident_create(&call, &incident, &incident), 0);
	return incident;
}

struct listed {
	char text[2048];
	struct duty last;
	unsigned int count, escalated;
};

static int list_one(void *context, const struct duty *duty)
{
	struct listed *listed = context;
	size_t size = strlen(listed->text);

	snprintf(listed->text + size, sizeof(listed->text) - size, "%s%s/%s/%u/%s%+d", size ? " " : "", duty->clock,
		duty_stages[duty->stage].word, duty->number, duty_states[duty->state].word,
		(int)((duty->due_us - (START - HOUR)) / HOUR));
	listed->last = *duty;
	listed->count++;
	listed->escalated += duty->escalated_us != 0;
	return 0;
}

/* Deadlines of an incident (0: all), soonest first; hours from when it was found. */
static struct listed duties(const struct scope *scope, uint32_t incident)
{
	const struct duty_filter filter = { .incident = incident, .limit = 100 };
	const struct incident_call call = call_of(scope);
	struct listed listed = { 0 };

	assert_int_equal(duty_each(&call, &filter, list_one, &listed), 0);
	return listed;
}

static void need_duties(uint32_t incident, const char *wanted)
{
	struct listed listed = duties(&nation, incident);

	assert_string_equal(listed.text, wanted);
}

static void test_clocks(void **state)
{
	static const struct {
		uint32_t traits;
		const char *wanted;
	} cases[] = {
		{ 0, "inc-72h/preliminary/0/open+72" },
		{ INCIDENT_IS_HARM, "inc-now/once/0/open+0 inc-72h/preliminary/0/open+72" },
		{ INCIDENT_IS_PERSONAL, "inc-72h/preliminary/0/open+72 pd-72h/once/0/open+72" },
		{ INCIDENT_IS_SENSITIVE,
			"inc-72h/preliminary/0/open+72 pd-72h/once/0/open+72 pd-subj-72h/once/0/open+72" },
		{ INCIDENT_IS_IMPORTANT | INCIDENT_IS_DANGEROUS,
			"fix-24h/once/0/open+24 coop-24h/once/0/open+24 inc-72h/preliminary/0/open+72" },
		/* Level 4, interrupted and beyond what the owner can do: serious. */
		{ INCIDENT_IS_INTERRUPTED | INCIDENT_IS_BEYOND,
			"inc-now/once/0/open+0 inc-beyond/once/0/open+0 inc-24h/once/0/open+24"
			" inc-72h/preliminary/0/open+72" },
	};

	need(state);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct incident incident = incident_new(f.office, f.core, cases[i].traits);

		/* Those that fall due together come in the order they were made. */
		need_duties(incident.id, cases[i].wanted);
	}
}

static void test_former(void **state)
{
	const struct incident_call call = call_of(&nation);
	struct incident incident = { .tenant = f.office, .title = "cũ", .found_us = LOCAL(2026, 8, 19) - 1 };

	need(state);
	assert_int_equal(incident_create(&call, &incident, &incident), 0);
	assert_string_equal(duties(&nation, incident.id).last.clock, "inc-5d");
	assert_int_equal(duties(&nation, incident.id).count, 1);
	assert_int_equal(duties(&nation, incident.id).last.due_us, LOCAL(2026, 8, 24) - 1);
	incident.found_us = LOCAL(2026, 8, 19);
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	assert_string_equal(duties(&nation, incident.id).last.clock, "inc-72h");
	assert_int_equal(duties(&nation, incident.id).count, 1);
}

static int done(uint32_t incident, const char *clock, struct duty *ret)
{
	const struct duty_filter filter = { .incident = incident, .open = true, .limit = 1 };
	const struct duty_change change = { .done = true, .note = "Công văn 12" };
	const struct incident_call call = call_of(&nation);
	struct listed listed = { 0 };

	assert_int_equal(duty_each(&call, &filter, list_one, &listed), 0);
	assert_string_equal(listed.last.clock, clock);
	return duty_change(&call, listed.last.id, listed.last.revision, &change, ret);
}

/* Reports go on while it is open, and end with it. */
static void test_reports(void **state)
{
	const struct incident_call call = call_of(&nation);
	struct incident incident;
	struct duty duty;

	need(state);
	incident = incident_new(f.office, f.web, 0);
	f.origin.now_us = START + 10 * HOUR;
	assert_int_equal(done(incident.id, "inc-72h", &duty), 0);
	assert_int_equal(duty.done_us, START + 10 * HOUR);
	assert_string_equal(duty.done_by, "an");
	assert_string_equal(duty.note, "Công văn 12");
	assert_string_equal(duty.owner, "Trần An, trưởng ca trực");
	need_duties(incident.id, "inc-72h/preliminary/0/done+72 inc-72h/update/1/open+144");
	/* The fourth and fifth passed without a word: one report makes up for them. */
	f.origin.now_us = START + 400 * HOUR;
	assert_int_equal(done(incident.id, "inc-72h", &duty), 0);
	need_duties(incident.id, "inc-72h/preliminary/0/done+72 inc-72h/update/1/done+144 inc-72h/update/5/open+432");
	assert_int_equal(incident_close(&call, incident.id, incident.revision + 1, &incident), LUYTRE_E_CONFLICT);
	assert_int_equal(incident_close(&call, incident.id, incident.revision, &incident), 0);
	assert_int_equal(incident.closed_us, START + 400 * HOUR);
	need_duties(incident.id, "inc-72h/preliminary/0/done+72 inc-72h/update/1/done+144 inc-72h/closing/0/open+473");
	assert_int_equal(done(incident.id, "inc-72h", &duty), 0);
	need_duties(incident.id, "inc-72h/preliminary/0/done+72 inc-72h/update/1/done+144 inc-72h/closing/0/done+473");
	assert_int_equal(incident_update(&call, &incident, &incident), LUYTRE_E_CONFLICT);
	assert_int_equal(incident_close(&call, incident.id, incident.revision, &incident), LUYTRE_E_CONFLICT);
}

/* A report that nobody made does not go away because somebody writes something; nor does its owner. */
static void test_late(void **state)
{
	const struct duty_change change = { .owner = "Phó cục trưởng" };
	const struct incident_call call = call_of(&nation);
	struct incident incident;
	struct listed listed;
	struct duty duty;

	need(state);
	incident = incident_new(f.office, f.web, 0);
	assert_int_equal(done(incident.id, "inc-72h", &duty), 0);
	listed = duties(&nation, incident.id);
	assert_int_equal(duty_change(&call, listed.last.id, listed.last.revision, &change, &duty), 0);
	f.origin.now_us = START + 400 * HOUR;
	snprintf(incident.cause, sizeof(incident.cause), "lỗ hổng");
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	need_duties(incident.id, "inc-72h/preliminary/0/done+72 inc-72h/update/1/open+144");
	assert_string_equal(duties(&nation, incident.id).last.owner, "Phó cục trưởng");
	/* Under the former law there are no updates. */
	incident.found_us = LOCAL(2026, 8, 18);
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	listed = duties(&nation, incident.id);
	assert_int_equal(listed.count, 2);
	assert_string_equal(listed.last.clock, "inc-72h");
	assert_int_equal(listed.last.state, DUTY_DONE);
}

/* What is known changes: clocks come and go, what is done stays. */
static void test_changes(void **state)
{
	const struct incident_call call = call_of(&nation);
	const struct scope other = { .tenants = &f.province, .tenant_count = 1 };
	const struct incident_call foreign = call_of(&other);
	struct incident incident, old;
	struct duty duty;

	need(state);
	incident = incident_new(f.office, f.core, INCIDENT_IS_PERSONAL);
	assert_false(incident.serious);
	old = incident;
	incident.judged = INCIDENT_SERIOUS;
	incident.traits = 0;
	incident.found_us -= HOUR;
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	assert_true(incident.serious);
	need_duties(incident.id, "inc-24h/once/0/open+23 inc-72h/preliminary/0/open+71");
	assert_int_equal(done(incident.id, "inc-24h", &duty), 0);
	incident.judged = INCIDENT_NOT_SERIOUS;
	incident.traits = INCIDENT_IS_PERSONAL;
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	assert_false(incident.serious);
	need_duties(incident.id, "inc-24h/once/0/done+23 inc-72h/preliminary/0/open+71 pd-72h/once/0/open+71");
	/* Refusals. */
	assert_int_equal(incident_update(&call, &old, &old), LUYTRE_E_CONFLICT);
	old = incident;
	old.tenant = f.province;
	assert_int_equal(incident_update(&call, &old, &old), LUYTRE_E_CONFLICT);
	old = incident;
	old.found_us = f.origin.now_us + 1;
	assert_int_equal(incident_update(&call, &old, &old), LUYTRE_E_RANGE);
	old = incident;
	old.system = f.mail;
	assert_int_equal(incident_update(&call, &old, &old), LUYTRE_E_NOT_FOUND);
	assert_int_equal(incident_get(&foreign, incident.id, &old), LUYTRE_E_NOT_FOUND);
	assert_int_equal(incident_update(&foreign, &incident, &old), LUYTRE_E_NOT_FOUND);
	assert_int_equal(incident_close(&foreign, incident.id, incident.revision, &old), LUYTRE_E_NOT_FOUND);
	assert_int_equal(duty_get(&foreign, duty.id, &duty), LUYTRE_E_NOT_FOUND);
	assert_int_equal(duties(&other, 0).count, 0);
	old = (struct incident){ .tenant = f.office, .title = "x", .found_us = START };
	assert_int_equal(incident_create(&foreign, &old, &old), LUYTRE_E_NOT_FOUND);
}

/* ---- What the law said when ---- */

static uint32_t yearly_at(int64_t now_us)
{
	const struct incident_call call = call_of(&nation);
	uint32_t count;

	f.origin.now_us = now_us;
	assert_int_equal(duty_yearly(&call, now_us, &count), 0);
	return count;
}

static void need_part(const struct report_out *out, const char *part)
{
	if (!memmem(out->ptr, out->size, part, strlen(part)))
		fail_msg("\"%s\" is not in: %.*s", part, (int)out->size, out->ptr);
}

#define CLOCKS "id\tkind\tlimit\ttrigger_en\ttrigger_vi\tto_en\tto_vi\tvalid_from\tvalid_to\tsource\n"
#define CLOCK(id, kind, limit, from, until, source)                                                                    \
	id "\t" kind "\t" limit "\ten " source "\tvi " source "\t-\t-\t" from "\t" until "\t" source "\n"

/* A text that changes has a row for each of its times: the one that was in force when the incident was found counts. */
static void test_editions(void **state)
{
	const struct incident_call call = call_of(&nation);
	struct incident incident, later;
	struct listed listed;
	struct law *law = f.law;

	need(state);
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("inc-72h", "incident", "72h", "2026-08-19", "2026-11-21", "A")
						   CLOCK("inc-72h", "incident", "48h", "2026-11-22", "-", "B"));
	{
		const struct incident_call newer = call_of(&nation);

		incident = incident_new(f.office, f.web, 0);
		need_duties(incident.id, "inc-72h/preliminary/0/open+48");
		listed = duties(&nation, incident.id);
		assert_string_equal(listed.last.law_from, "2026-11-22");
		assert_string_equal(duty_words(f.law, "inc-72h", listed.last.law_from).source, "B");
		assert_string_equal(duty_words(f.law, "inc-72h", "2026-08-19").source, "A");
		/* It was found before, after all. */
		incident.found_us = LOCAL(2026, 11, 22) - 1;
		assert_int_equal(incident_update(&newer, &incident, &incident), 0);
		listed = duties(&nation, incident.id);
		assert_int_equal(listed.count, 1);
		assert_int_equal(listed.last.due_us, LOCAL(2026, 11, 25) - 1);
		assert_string_equal(listed.last.law_from, "2026-08-19");
	}
	law_free(f.law);
	/* An edition that has the clock no more takes away what is open; one that has it again brings it back. */
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("inc-now", "incident", "now", "2026-08-19", "-", "C"));
	{
		const struct incident_call newer = call_of(&nation);

		assert_int_equal(incident_update(&newer, &incident, &incident), 0);
		need_duties(incident.id, "");
	}
	law_free(f.law);
	f.law = law;
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	assert_int_equal(duties(&nation, incident.id).count, 1);
	/* A report that is due at once has no updates after it; and one every hour, for years, is counted, not walked. */
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("inc-72h", "incident", "now", "2026-08-19", "-", "D")
						   CLOCK("inc-24h", "incident", "1h", "2026-08-19", "-", "D"));
	later = incident_new(f.office, f.web, 0);
	{
		struct duty duty;

		assert_int_equal(done(later.id, "inc-72h", &duty), 0);
		assert_int_equal(duties(&nation, later.id).count, 1);
	}
	law_free(f.law);
	f.law = law;
}

/* The yearly report falls due another day from some year on: what was made for that year already moves. */
static void test_yearly_editions(void **state)
{
	struct law *law = f.law;
	struct listed listed;
	uint32_t made;

	need(state);
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("yr-mps", "report", "12-25", "2026-08-19", "-", "A"));
	assert_int_equal(
		db_run(f.db,
			"insert into incident_duty (id, revision, incident, tenant, system, clock, stage, number,"
			" start_us, due_us, done_us, escalated_us, state, reminded, next_us, owner, done_by, note)"
			" values (900, 1, 0, ?1, 0, 'yr-mps', 0, 2026, 1, 2, 0, 0, 2, 0, 0, '', '', '')",
			DB_ARGS(db_i64(f.office)), NULL),
		0);
	made = yearly_at(START);
	assert_int_equal(made, 2); /* the one that a former version voided is there again */
	assert_int_equal(yearly_at(LOCAL(2026, 12, 25)), 2);
	law_free(f.law);
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("yr-mps", "report", "12-25", "2026-08-19", "2026-12-31", "A")
						   CLOCK("yr-mps", "report", "12-10", "2027-01-01", "-", "B"));
	assert_int_equal(yearly_at(LOCAL(2026, 12, 26)), 0);
	listed = duties(&nation, 0);
	assert_int_equal(listed.count, 4);
	assert_int_equal(listed.last.due_us, LOCAL(2027, 12, 10) - 1);
	assert_string_equal(listed.last.law_from, "2027-01-01");
	law_free(f.law);
	/* Two rows that are in force on their own days of one year: the later one says the day, each time that anybody looks. */
	f.law = law_new_with("clocks.tsv", CLOCKS CLOCK("yr-owner", "report", "12-15", "2026-08-19", "2026-12-16", "A")
						   CLOCK("yr-owner", "report", "12-20", "2026-12-17", "-", "B"));
	assert_int_equal(yearly_at(START), 2);
	for (int i = 0; i < 3; i++) {
		int64_t days = -1;

		assert_int_equal(yearly_at(START + i), 0);
		assert_int_equal(
			db_integer(f.db,
				"select count(*) from incident_duty where clock = 'yr-owner' and due_us = ?1 and "
				"law_from = '2026-12-17' and revision = 1",
				DB_ARGS(db_i64(LOCAL(2026, 12, 20) - 1)), &days),
			0);
		assert_int_equal(days, 2);
	}
	law_free(f.law);
	f.law = law;
}

/* Clocks of other periods, as an edition may have them in force. */
static void test_periods(void **state)
{
	struct law *law = f.law;
	struct listed listed;

	need(state);
	f.law = law_new_with("clocks.tsv",
		CLOCKS CLOCK("mon-week", "report", "7d", "2018-01-15", "-", "A") CLOCK("half-06", "report", "06-20",
			"2017-11-01", "-", "A") CLOCK("share", "sharing", "3m", "2017-07-01", "-", "A")
			CLOCK("assess-12m", "assessment", "12m", "2016-07-01", "-", "A")
				CLOCK("assess-6m", "assessment", "6m", "2016-07-01", "-", "A"));
	/* START is Sunday, 22 November 2026. Two organisations; one system of level 4, one of level 5. */
	assert_int_equal(yearly_at(START), 2 + 2 + 2 + 1 + 1);
	listed = duties(&nation, 0);
	assert_int_equal(listed.count, 8);
	assert_non_null(strstr(listed.text, "mon-week"));
	assert_string_equal(listed.last.clock, "half-06");
	assert_int_equal(listed.last.due_us, LOCAL(2027, 6, 20) - 1);
	assert_int_equal(yearly_at(LOCAL(2026, 11, 23) - 1), 0);
	assert_int_equal(yearly_at(LOCAL(2026, 11, 23)), 2); /* the next week */
	assert_int_equal(
		yearly_at(LOCAL(2027, 1, 1) - 1), 2); /* a later one; that of those between are nobody's any more */
	assert_int_equal(yearly_at(LOCAL(2027, 1, 1)), 4); /* quarter, year, half-year */
	assert_int_equal(db_run(f.db, "delete from incident_duty where clock <> 'assess-6m'", DB_NO_ARGS, NULL), 0);
	assert_int_equal(duties(&nation, 0).last.due_us, LOCAL(2027, 7, 1) - 1);
	law_free(f.law);
	f.law = law;
	/* By the present law none of them is. */
	assert_int_equal(db_run(f.db, "delete from incident_duty", DB_NO_ARGS, NULL), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 1)), 5);
}

/* ---- Levels ---- */

static void set_level(uint32_t system, uint32_t level)
{
	assert_int_equal(db_run(f.db, "update system set level = ?2 where id = ?1",
				 DB_ARGS(db_i64(system), db_i64(level)), NULL),
		0);
}

/* A system that sinks or leaves takes nothing away of its incidents' deadlines; one that rises adds to them. */
static void test_levels(void **state)
{
	const struct tenants_call tenants = { .db = f.db, .scope = &nation, .origin = &f.origin };
	const struct incident_call call = call_of(&nation);
	const char *all = "inc-now/once/0/open+0 inc-beyond/once/0/open+0 inc-24h/once/0/open+24"
			  " inc-72h/preliminary/0/open+72";
	struct incident incident, other;
	struct report *report;
	struct report_out out;

	need(state);
	incident = incident_new(f.office, f.core, INCIDENT_IS_INTERRUPTED | INCIDENT_IS_BEYOND);
	assert_int_equal(incident.level, 4);
	assert_string_equal(incident.rule, "05/2017/QĐ-TTg, Điều 9");
	need_duties(incident.id, all);
	set_level(f.core, 2);
	snprintf(incident.cause, sizeof(incident.cause), "lỗ hổng");
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	assert_true(incident.serious);
	assert_int_equal(incident.level, 4);
	assert_int_equal(incident.register_level, 2);
	need_duties(incident.id, all);
	assert_int_equal(notice_report(&call, &incident, NOTICE_FIRST, &report), 0);
	assert_int_equal(report_csv(report, &out), 0);
	need_part(&out, "Cấp độ,\"4 (khi ghi nhận sự cố; sổ đăng ký hiện ghi 2)\"");
	report_out_free(&out);
	report_free(report);

	assert_int_equal(tenant_system_remove(&tenants, f.core, 1), 0);
	assert_int_equal(incident_get(&call, incident.id, &incident), 0);
	assert_int_equal(incident.register_level, 0);
	assert_string_equal(incident.system_name, "Trục dữ liệu");
	assert_int_equal(incident_update(&call, &incident, &incident), 0);
	need_duties(incident.id, all);
	assert_int_equal(incident_close(&call, incident.id, incident.revision, &incident), 0);
	assert_true(incident.serious);

	other = incident_new(f.office, f.web, INCIDENT_IS_INTERRUPTED | INCIDENT_IS_BEYOND);
	need_duties(other.id, "inc-beyond/once/0/open+0 inc-72h/preliminary/0/open+72");
	set_level(f.web, 5);
	(void)yearly_at(START);
	need_duties(other.id, "inc-beyond/once/0/open+0 inc-now/once/0/open+0 inc-24h/once/0/open+24"
			      " inc-72h/preliminary/0/open+72");
	set_level(f.web, 1);
	assert_int_equal(incident_get(&call, other.id, &other), 0);
	assert_int_equal(other.level, 5);
}

static int count_one(void *context, const struct incident *incident)
{
	unsigned int *count = context;

	(*count)++;
	return 0;
}

static void test_list(void **state)
{
	const struct scope office = { .tenants = &f.office, .tenant_count = 1 };
	const struct incident_call call = call_of(&nation), own = call_of(&office);
	struct incident incident;
	unsigned int all = 0, mine = 0, open = 0, closed = 0, below = 0;

	need(state);
	for (unsigned int i = 0; i < 5; i++)
		incident = incident_new(i < 2 ? f.office : f.province, 0, 0);
	assert_int_equal(incident_close(&call, incident.id, incident.revision, &incident), 0);
	assert_int_equal(incident_each(&call, -1, 0, 100, count_one, &all), 0);
	assert_int_equal(incident_each(&own, -1, 0, 100, count_one, &mine), 0);
	assert_int_equal(incident_each(&call, 1, 0, 100, count_one, &open), 0);
	assert_int_equal(incident_each(&call, 0, 0, 100, count_one, &closed), 0);
	assert_int_equal(incident_each(&call, -1, incident.id, 3, count_one, &below), 0);
	assert_int_equal(all, 5);
	assert_int_equal(mine, 2);
	assert_int_equal(open, 4);
	assert_int_equal(closed, 1);
	assert_int_equal(below, 3);
}

/* ---- Reminders ---- */

struct heard {
	char text[512];
};

static void hear(void *context, const struct duty *duty, enum duty_news news)
{
	struct heard *heard = context;
	size_t size = strlen(heard->text);

	snprintf(heard->text + size, sizeof(heard->text) - size, "%s%s:%s", size ? " " : "", duty->clock,
		duty_news_words[news]);
}

static void tick_at(int64_t now_us, const char *wanted)
{
	struct heard heard = { "" };
	const struct incident_call call = call_of(&nation);
	uint32_t count;

	f.origin.now_us = now_us;
	assert_int_equal(incident_tick(&call, now_us, hear, &heard, &count), 0);
	assert_string_equal(heard.text, wanted);
}

static int count_audit(void *context, const struct audit_entry *entry)
{
	unsigned int *count = context;

	*count += bytes_equal_str(entry->action, "deadline.escalate");
	return 0;
}

static unsigned int escalations(uint32_t tenant)
{
	const struct scope one = { .tenants = &tenant, .tenant_count = 1 };
	unsigned int count = 0;

	assert_int_equal(audit_each(f.db, &one, 0, 1000, count_audit, &count, NULL), 0);
	return count;
}

static void test_reminders(void **state)
{
	const int64_t found = START - HOUR;
	struct listed listed;

	need(state);
	(void)incident_new(f.office, f.core, INCIDENT_IS_IMPORTANT | INCIDENT_IS_BEYOND);
	tick_at(found + 59 * HOUR / 60, "");
	tick_at(found + HOUR, "inc-beyond:overdue"); /* at once, after an hour of patience */
	tick_at(found + 12 * HOUR - 1, "");
	tick_at(found + 12 * HOUR, "fix-24h:half");
	tick_at(found + 12 * HOUR, "");
	tick_at(found + 22 * HOUR, "fix-24h:soon");
	tick_at(found + 24 * HOUR, "");
	tick_at(found + 24 * HOUR + 1, "fix-24h:overdue");
	tick_at(found + 24 * HOUR + 1, "");
	assert_int_equal(escalations(f.ministry), 2);
	assert_int_equal(escalations(f.office), 0);
	assert_int_equal(escalations(f.province), 0);
	listed = duties(&nation, 0);
	assert_int_equal(listed.escalated, 2);
	/* The hub was away: the newest alone is told. */
	tick_at(found + 100 * HOUR, "inc-72h:overdue");
	assert_int_equal(escalations(f.ministry), 3);
}

/* ---- Each year ---- */

static void test_yearly(void **state)
{
	const struct tenants_call tenants = { .db = f.db, .scope = &nation, .origin = &f.origin };
	const struct incident_call call = call_of(&nation);
	struct form_row row;
	struct listed listed;

	need(state);
	/* Two organisations have systems: two reports each; one system of level 5, whose next self-check is in 2027. */
	assert_int_equal(yearly_at(START), 5);
	assert_int_equal(yearly_at(START), 0);
	assert_int_equal(yearly_at(LOCAL(2026, 12, 20) - 1), 0);
	assert_int_equal(yearly_at(LOCAL(2026, 12, 20)), 2); /* the report to the owner of 2027 */
	assert_int_equal(yearly_at(LOCAL(2027, 1, 1)), 2);
	listed = duties(&nation, 0);
	assert_int_equal(listed.count, 9);
	assert_int_equal(listed.last.due_us, LOCAL(2027, 12, 25) - 1);
	assert_string_equal(listed.last.clock, "yr-mps");
	assert_int_equal(listed.last.number, 2027);
	assert_string_equal(listed.last.owner, "trực ban 24/7");

	assert_int_equal(form_get(&call, f.core, &row), 0);
	row.important = true;
	snprintf(row.transition, sizeof(row.transition), "classified");
	assert_int_equal(form_put(&call, &row, &row), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 2)), 2);
	row.transition[0] = '\0';
	row.important = false;
	assert_int_equal(form_put(&call, &row, &row), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 2)), 0);
	assert_int_equal(duties(&nation, 0).count, 10); /* the transition is gone, the self-check of this year stays */
	snprintf(row.transition, sizeof(row.transition), "classified");
	assert_int_equal(form_put(&call, &row, &row), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 2)), 1); /* it comes back */
	assert_int_equal(duties(&nation, 0).count, 11);
	row.transition[0] = '\0';
	assert_int_equal(form_put(&call, &row, &row), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 2)), 0);
	assert_int_equal(tenant_system_remove(&tenants, f.mail, 1), 0);
	assert_int_equal(yearly_at(LOCAL(2027, 1, 2)), 0);
	assert_int_equal(duties(&nation, 0).count, 9);
}

/* ---- Form 08 ---- */

static void test_faults(void **state)
{
	const uint32_t day = (uint32_t)date_days(2026, 12, 31);
	const struct {
		struct form_row row;
		unsigned int faults;
	} cases[] = {
		{ { .approval_day = day, .plan_day = day, .inspected = FORM_INSPECTED_BOTH }, 0 },
		{ { .plan_day = day, .inspected = FORM_INSPECTED_BOTH }, 1 << FORM_FAULT_APPROVAL_DATE },
		{ { .approval = FORM_APPRAISED, .approval_day = day, .inspected = FORM_INSPECTED_BEFORE },
			1 << FORM_FAULT_PLAN_DATE },
		{ { .approval = FORM_APPROVED, .plan = FORM_PLAN_FULL },
			1 << FORM_FAULT_LEVEL_DECISION | 1 << FORM_FAULT_RULES_DECISION | 1 << FORM_FAULT_INSPECTION },
		{ { .approval = FORM_APPROVED,
			  .decision_level = "12/QĐ",
			  .decision_rules = "13/QĐ",
			  .plan = FORM_PLAN_FULL,
			  .inspected = FORM_INSPECTED_PERIODIC },
			0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(form_check(&cases[i].row), cases[i].faults);
}

static void test_form(void **state)
{
	const struct scope office = { .tenants = &f.office, .tenant_count = 1 };
	const struct incident_call call = call_of(&nation), own = call_of(&office);
	struct report *report;
	struct report_out out;
	struct form_row row, stale;

	need(state);
	assert_int_equal(form_get(&own, f.core, &row), 0);
	assert_int_equal(row.revision, 0);
	assert_int_equal(row.level, 4);
	/* A draft follows the register, whatever else is written of it; what was filed does not. */
	row.inspected = FORM_INSPECTED_BEFORE;
	assert_int_equal(form_put(&own, &row, &row), 0);
	set_level(f.core, 3);
	assert_int_equal(form_get(&own, f.core, &row), 0);
	assert_int_equal(row.level, 3);
	row.approval = FORM_SENT;
	assert_int_equal(form_put(&own, &row, &row), 0);
	set_level(f.core, 4);
	assert_int_equal(form_get(&own, f.core, &row), 0);
	assert_int_equal(row.level, 3);
	assert_int_equal(row.registered_level, 4);
	stale = row;
	row.level = 5;
	row.approval = FORM_APPROVED;
	snprintf(row.decision_level, sizeof(row.decision_level), "12/QĐ-BYT, 01/10/2026");
	row.plan = FORM_PLAN_PART;
	row.plan_day = (uint32_t)date_days(2027, 6, 30);
	row.inspected = FORM_INSPECTED_BOTH;
	assert_int_equal(form_put(&own, &row, &row), 0);
	assert_int_equal(row.revision, 3);
	assert_int_equal(form_put(&own, &stale, &stale), LUYTRE_E_CONFLICT);
	row.revision = 3;
	snprintf(row.transition, sizeof(row.transition), "nowhere");
	assert_int_equal(form_put(&own, &row, &row), LUYTRE_E_INVALID);
	assert_int_equal(form_get(&own, f.mail, &row), LUYTRE_E_NOT_FOUND);

	assert_int_equal(form_report(&own, 2026, "Cục Công nghệ", true, &report), 0);
	assert_int_equal(report_csv(report, &out), 0);
	need_part(&out, "1,Trục dữ liệu,Cục Công nghệ,,5,Đã được phê duyệt,\"12/QĐ-BYT, 01/10/2026\",,,"
			"Đã triển khai một số hạng mục,30/06/2027,\"Trước khi đưa vào sử dụng; Định kỳ\"\r\n"
			"2,Cổng thông tin,Cục Công nghệ,,2,Đang dự thảo,,,,Chưa triển khai,,\r\n");
	assert_null(memmem(out.ptr, out.size, "Thư điện tử", strlen("Thư điện tử")));
	report_out_free(&out);
	report_free(report);
	assert_int_equal(form_report(&call, 2026, "Toàn quốc", false, &report), 0);
	assert_int_equal(report_csv(report, &out), 0);
	need_part(&out, "Tổng số hệ thống thông tin,3\r\n");
	need_part(&out, "cấp độ 1: 0; cấp độ 2: 1; cấp độ 3: 0; cấp độ 4: 0; cấp độ 5: 2");
	need_part(&out, "Đã được phê duyệt,1\r\n");
	need_part(&out, "Trục dữ liệu,Đã được phê duyệt nhưng thiếu quyết định ban hành quy chế (cột 8).\r\n");
	need_part(&out, "từ 15/12/2025 đến 14/12/2026");
	report_out_free(&out);
	report_free(report);
}

/* ---- Documents as PDF ---- */

static void need_pdf(const struct report *report, const char *keep_as, const char *const *parts, size_t count)
{
	char path[] = "/tmp/test-incident-XXXXXX", command[128], text[32768], flat[32768];
	struct report_out out;
	size_t size, to = 0;
	FILE *pipe;
	int fd;

	if (!report_has_pdf() || system("command -v pdftotext >/dev/null") != 0) {
		print_message("PDF: no Pango and Cairo, or no pdftotext\n");
		skip();
	}
	assert_int_equal(report_pdf(report, &out), 0);
	if (getenv("LUYTRE_KEEP")) {
		snprintf(command, sizeof(command), "%s/%s.pdf", getenv("LUYTRE_KEEP"), keep_as);
		pipe = fopen(command, "w");
		assert_non_null(pipe);
		assert_int_equal(fwrite(out.ptr, 1, out.size, pipe), out.size);
		fclose(pipe);
	}
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, out.ptr, out.size), out.size);
	close(fd);
	report_out_free(&out);
	snprintf(command, sizeof(command), "pdftotext -enc UTF-8 %s -", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	size = fread(text, 1, sizeof(text) - 1, pipe);
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	for (size_t i = 0; i < size; i++) {
		bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\f';

		if (!blank || (to > 0 && flat[to - 1] != ' '))
			flat[to++] = blank ? ' ' : text[i];
	}
	flat[to] = '\0';
	for (size_t i = 0; i < count; i++)
		if (!strstr(flat, parts[i]))
			fail_msg("\"%s\" is not in: %s", parts[i], flat);
}

static void test_documents(void **state)
{
	static const char *const first[] = { "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
		"THÔNG BÁO BAN ĐẦU VỀ SỰ CỐ AN NINH MẠNG", "Kính gửi: lực lượng chuyên trách Bộ Công an",
		"Chủ quản hệ thống thông tin: Cục Công nghệ", "Hệ thống bị sự cố: Trục dữ liệu", "Cấp độ: 4",
		"Thời điểm phát hiện (giờ Việt Nam): 07:00 ngày 22/11/2026", "Đầu mối: trực ban 24/7",
		"Loại sự cố: tấn công thay đổi giao diện", "Dấu hiệu, hiện tượng: Trang chủ hiện nội dung lạ",
		"đ) Biện pháp đã và dự kiến thực hiện", "h) Đề xuất, kiến nghị", "hạn 07:00 ngày 25/11/2026" };
	static const char *const breach[] = { "THÔNG BÁO VI PHẠM QUY ĐỊNH VỀ BẢO VỆ DỮ LIỆU CÁ NHÂN",
		"Kính gửi: cơ quan chuyên trách bảo vệ dữ liệu cá nhân", "Loại dữ liệu và số người: ......" };
	static const char *const form[] = { "BÁO CÁO BẢO ĐẢM AN NINH MẠNG HỆ THỐNG THÔNG TIN THEO CẤP ĐỘ NĂM 2026",
		"Đơn vị báo cáo: Toàn quốc", "Trục dữ liệu", "Tổng số hệ thống thông tin: 3",
		"Thư điện tử: Chưa ghi nhận kiểm tra, đánh giá (cột 12)." };
	const struct incident_call call = call_of(&nation);
	struct incident incident;
	struct report *report;

	need(state);
	incident = incident_new(f.office, f.core, INCIDENT_IS_INTERRUPTED);
	assert_int_equal(notice_report(&call, &incident, NOTICE_CLOSING, &report), LUYTRE_E_CONFLICT);
	assert_int_equal(notice_report(&call, &incident, NOTICE_PERSONAL_DATA, &report), LUYTRE_E_CONFLICT);
	assert_int_equal(notice_report(&call, &incident, NOTICE_FIRST, &report), 0);
	need_pdf(report, "first", first, ARRAY_COUNT(first));
	report_free(report);
	incident.traits |= INCIDENT_IS_PERSONAL;
	assert_int_equal(notice_report(&call, &incident, NOTICE_PERSONAL_DATA, &report), 0);
	need_pdf(report, "breach", breach, ARRAY_COUNT(breach));
	report_free(report);
	assert_int_equal(form_report(&call, 2026, "Toàn quốc", false, &report), 0);
	need_pdf(report, "form08", form, ARRAY_COUNT(form));
	report_free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_limits), cmocka_unit_test(test_days),
		cmocka_unit_test(test_serious), cmocka_unit_test(test_faults), BOTH(test_clocks), BOTH(test_former),
		BOTH(test_reports), BOTH(test_late), BOTH(test_changes), BOTH(test_editions),
		BOTH(test_yearly_editions), BOTH(test_periods), BOTH(test_levels), BOTH(test_list),
		BOTH(test_reminders), BOTH(test_yearly), BOTH(test_form), BOTH(test_documents) };
	int failed;

	if (!pgtest_start(postgres_place, postgres_missing))
		postgres_place[0] = '\0';
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	return failed;
}
