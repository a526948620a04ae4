// SPDX-License-Identifier: Apache-2.0
/* The edition that the program carries has the numbers of its source, and a file that is not as it should be is refused with its line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/assess/law.h"
#include "hub/posture/evidence/rules.h"

static struct law *law;
static const struct law_profile *now, *before;

static int setup(void **state)
{
	char why[LAW_WHY_SIZE];

	if (law_new(law_builtin, law_builtin_count, &law, why)) {
		print_error("%s\n", why);
		return -1;
	}
	now = law_profile_find(law, "vn-2026");
	before = law_profile_find(law, "vn-2017");
	return now && before ? 0 : -1;
}

static int teardown(void **state)
{
	law_free(law);
	return 0;
}

static const struct law_control *control(const char *key)
{
	int place = law_control_find(now, bytes_from_str(key));

	if (place < 0)
		fail_msg("there is no %s", key);
	return &now->controls[place];
}

/* How many controls each level asks, and how each can be settled: P, C, I, R, D. */
static void test_counts(void **state)
{
	static const unsigned int wanted[LAW_LEVELS][LAW_EVIDENCE_COUNT + 1] = {
		{ 14, 10, 13, 25, 49, 111 },
		{ 20, 11, 13, 27, 58, 129 },
		{ 37, 17, 19, 34, 88, 195 },
		{ 57, 21, 28, 44, 123, 273 },
		{ 59, 21, 28, 46, 134, 288 },
	};
	unsigned int instances = 0;

	assert_int_equal(now->control_count, 303);
	for (unsigned int level = 1; level <= LAW_LEVELS; level++) {
		unsigned int counts[LAW_EVIDENCE_COUNT + 1] = { 0 };

		for (size_t i = 0; i < now->control_count; i++)
			if (law_asks(&now->controls[i], level)) {
				counts[now->controls[i].evidence]++;
				counts[LAW_EVIDENCE_COUNT]++;
			}
		assert_memory_equal(counts, wanted[level - 1], sizeof(counts));
		assert_int_equal(now->asked[level - 1], counts[LAW_EVIDENCE_COUNT]);
		instances += counts[LAW_EVIDENCE_COUNT];
	}
	assert_int_equal(instances, 996);
}

static void test_months(void **state)
{
	static const struct {
		const char *key;
		uint8_t months[LAW_LEVELS];
	} rows[] = {
		{ "VM05", { 12, 12, 6, 6, 3 } }, /* whole scan */
		{ "VM04", { 0, 0, 0, 3, 1 } }, /* important assets */
		{ "VM09", { 1, 1, 1, 1, 1 } }, /* patches of devices */
		{ "LG11", { 12, 12, 6, 1, 1 } }, /* review of logs */
		{ "MD09", { 0, 0, 6, 3, 1 } }, /* thresholds tuned */
		{ "AC07", { 12, 12, 6, 3, 1 } }, /* review of accounts */
		{ "BK12", { 0, 0, 0, 6, 3 } }, /* restore test */
		{ "IR15", { 0, 0, 0, 12, 12 } }, /* drills */
		{ "PT04", { 0, 0, 0, 12, 6 } }, /* penetration tests */
		{ "SD13", { 0, 0, 0, 3, 1 } }, /* bill of materials */
		{ "AC11", { 2, 2, 2, 2, 2 } }, /* administrators' passwords */
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_memory_equal(control(rows[i].key)->months, rows[i].months, LAW_LEVELS);
	assert_false(law_asks(control("MD03"), 3)); /* staff around the clock: from level 4 */
	assert_true(law_asks(control("MD03"), 4));
	assert_false(law_asks(control("NW24"), 4)); /* second place, 30 km away: level 5 */
	assert_true(law_asks(control("NW24"), 5));
	assert_true(law_asks(control("HW14"), 3)); /* levels hold no other levels: this one vanishes */
	assert_false(law_asks(control("HW14"), 4));
	assert_string_equal(control("HW14")->clause[2], "5.2.2.3");
	assert_false(law_asks(control("HW14"), 0));
	assert_false(law_asks(control("HW14"), 6));
}

/* The first level of each solution. */
static void test_first_levels(void **state)
{
	static const struct {
		const char *key;
		unsigned int level;
	} rows[] = { { "AC22", 1 }, { "NW43", 1 }, { "NW13", 1 }, { "BE05", 1 }, { "NW18", 2 }, { "LG08", 3 },
		{ "MW07", 3 }, { "VM07", 3 }, { "BK07", 3 }, { "NW15", 3 }, { "NW16", 3 }, { "NW19", 3 }, { "AC13", 4 },
		{ "BE10", 4 }, { "NW20", 4 }, { "SD11", 4 }, { "NW33", 5 }, { "NW41", 5 }, { "IA14", 5 },
		{ "SC13", 5 } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		unsigned int level = 1;

		while (!law_asks(control(rows[i].key), level))
			level++;
		if (level != rows[i].level)
			fail_msg("%s begins at level %u", rows[i].key, level);
	}
}

static const struct law_penalty *penalty(const char *clause)
{
	for (size_t i = 0; i < now->penalty_count; i++)
		if (strcmp(now->penalties[i].clause, clause) == 0)
			return &now->penalties[i];
	fail_msg("there is no clause %s", clause);
	return NULL;
}

static void test_rest(void **state)
{
	const struct law_table *clocks = &law->tables[LAW_CLOCKS];
	size_t found = 0;

	assert_int_equal(penalty("26.4")->low, 100);
	assert_int_equal(penalty("26.4")->high, 140);
	assert_int_equal(penalty("23.1d")->first_level, 3);
	assert_int_equal(penalty("23.1d")->controls.count, 303);
	assert_true(law_set_has(&penalty("27.1c")->controls, (uint16_t)law_control_find(now, bytes_from_str("VM10"))));
	for (size_t i = 0; i < clocks->row_count; i++)
		found += strcmp(clocks->rows[i][0], "inc-24h") == 0 && strcmp(clocks->rows[i][2], "24h") == 0;
	assert_int_equal(found, 1);
	for (unsigned int level = 1; level <= LAW_LEVELS; level++)
		assert_int_equal(
			law_log_months(law, level, INT64_C(1800000000000000)), ((int[]){ 0, 1, 3, 6, 12 })[level - 1]);
	assert_int_equal(law_log_months(law, 3, INT64_C(1700000000000000)), 0); /* not yet in force */
	assert_int_equal(law->tables[LAW_CRITERIA].row_count, LAW_LEVELS);
	assert_string_equal(now->parts[control("NW19")->part].key, "application");
	assert_string_equal(now->parts[control("NW20")->part].key, "network");
	assert_string_equal(now->parts[control("BE05")->part].key, "network");
	assert_string_equal(now->parts[control("SD01")->part].key, "management");
	assert_int_equal(before->asked[0] < before->asked[2], true);
	assert_true(before->crosswalk_count > 20);
	for (size_t i = 0; i < before->crosswalk_count; i++)
		assert_ptr_equal(&law->profiles[before->crosswalks[i].profile], now);
	assert_string_equal(control("NW19")->title.vi, "Phòng chống tấn công từ chối dịch vụ");
}

/* What the perimeter says it contradicts is what the law has for it, rule by rule. */
static void test_perimeter(void **state)
{
	static const struct {
		const char *word, *controls;
	} rules[] = {
#define X(id, word, severity, confidence, controls, en, vi) { word, controls },
		PERIMETER_RULES(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		const struct law_proof *proof = NULL;
		struct bytes rest = bytes_from_str(rules[i].controls);
		size_t count = 0;

		for (size_t k = 0; k < now->proof_count; k++)
			if (now->proofs[k].fact == LAW_FACT_FINDING && strcmp(now->proofs[k].word, rules[i].word) == 0)
				proof = &now->proofs[k];
		if (!proof || proof->prefix || proof->grade != -1)
			fail_msg("no row for %s", rules[i].word);
		for (; !bytes_empty(rest); count++) {
			size_t size = bytes_index(rest, ' ');
			int place = law_control_find(now, bytes_first(rest, size));

			if (place < 0 || !law_set_has(&proof->controls, (uint16_t)place))
				fail_msg("%s: %.*s", rules[i].word, (int)size, (const char *)rest.ptr);
			rest = bytes_skip(rest, size + 1);
		}
		assert_int_equal(count, proof->controls.count);
	}
}

/* The same from the folder. */
static void test_folder(void **state)
{
	char why[LAW_WHY_SIZE];
	struct law *read;

	assert_int_equal(law_open(LAW_FOLDER, &read, why), 0);
	assert_int_equal(read->profile_count, 2);
	assert_int_equal(read->profiles[1].control_count, 303);
	law_free(read);
	assert_int_equal(law_open(LAW_FOLDER "/vn-2017", &read, why), LUYTRE_E_NOT_FOUND);
	assert_string_equal(why, "profiles.tsv:0: the file is missing");
	assert_int_equal(law_open("/nowhere", &read, why), LUYTRE_E_NOT_FOUND);
	assert_string_equal(why, "");
}

/* One file replaced by the same with a text put in place of another; null: the whole is this. */
static int broken(const char *path, const char *from, const char *to, char why[LAW_WHY_SIZE])
{
	struct law_file files[LAW_FILES_MAX];
	struct law *read = NULL;
	char *text = NULL;
	int error;

	memcpy(files, law_builtin, law_builtin_count * sizeof(*files));
	for (size_t i = 0; i < law_builtin_count; i++) {
		struct bytes old = files[i].text;
		const uint8_t *at;

		if (strcmp(files[i].path, path) != 0)
			continue;
		if (!from) {
			files[i].text = bytes_from_str(to);
			continue;
		}
		at = memmem(old.ptr, old.size, from, strlen(from));
		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%.*s", (int)(at - old.ptr), (const char *)old.ptr, to,
				    (int)(old.size - (size_t)(at - old.ptr) - strlen(from)),
				    (const char *)at + strlen(from)) > 0);
		files[i].text = bytes_from_str(text);
	}
	error = law_new(files, law_builtin_count, &read, why);
	free(text);
	law_free(read);
	return error;
}

static void test_broken(void **state)
{
	static const struct {
		const char *path, *from, *to, *why;
	} rows[] = {
		{ "profiles.tsv", "vn-2026", "vn-2017", "profiles.tsv:5: too many, not an id, or there twice" },
		{ "profiles.tsv", "2026-08-19", "2026-13-19", "profiles.tsv:5: valid_from must be a date" },
		{ "profiles.tsv", NULL, "id\tfrom\n", "profiles.tsv:1: the columns are not those expected" },
		{ "profiles.tsv", NULL, "", "profiles.tsv:0: the columns are not those expected" },
		{ "vn-2026/controls.tsv", "RM02\t", "RM01\t",
			"vn-2026/controls.tsv:6: the group is not known, or the key" },
		{ "vn-2026/controls.tsv", "RM02\tRM", "RM02\tXX", "vn-2026/controls.tsv:6: the group is not known" },
		{ "vn-2026/controls.tsv", "12\t12\t12\t12\t6\tD", "12\t12\t12\t12\t600\tD",
			"vn-2026/controls.tsv:6: months must be a number from 1 to 120" },
		{ "vn-2026/controls.tsv", "12\t12\t12\t12\t6\tD", "12\t12\t12\t12\t6\tQ",
			"vn-2026/controls.tsv:6: evidence must be" },
		{ "vn-2026/controls.tsv", "12\t12\t12\t12\t6\tD", "12\t12\t12\t12\t6", "vn-2026/controls.tsv:6: " },
		{ "vn-2026/controls.tsv", "Risk process reviewed", "Risk \x01process",
			"vn-2026/controls.tsv:6: this is not UTF-8" },
		{ "vn-2026/controls.tsv", "Risk process reviewed", "Risk \xc0\x80process",
			"vn-2026/controls.tsv:6: this is not UTF-8" },
		{ "vn-2026/controls.tsv", "Risk process reviewed", "-", "vn-2026/controls.tsv:6: field 8 is needed" },
		{ "vn-2026/controls.tsv", "Risk process reviewed", "", "vn-2026/controls.tsv:6: field 8 is empty" },
		{ "vn-2026/evidence.tsv", "NW32 ", "NW99 ", "vn-2026/evidence.tsv:5: there is no control \"NW99\"" },
		{ "vn-2026/evidence.tsv", "kev-overdue", "kev-late",
			"vn-2026/evidence.tsv:48: the hub knows no such fact" },
		{ "vn-2026/evidence.tsv", "contradicts\t-1", "contradicts\t3",
			"vn-2026/evidence.tsv:5: effect and grade do not fit" },
		{ "vn-2026/penalties.tsv", "50\t100", "100\t50", "vn-2026/penalties.tsv:5: high must be" },
		{ "vn-2026/penalties.tsv", "1-5", "5-1", "vn-2026/penalties.tsv:5: levels must be like 3-5" },
		{ "vn-2026/parts.tsv", "NW* ", "", "vn-2026/parts.tsv:8: the control NW01 has no part" },
		{ "clocks.tsv", "2026-08-19", "soon", "clocks.tsv:4: valid_from must be a date" },
		{ "clocks.tsv", "log-l3\tlog\t3m", "log-l3\tlog\t3d", "clocks.tsv:29: the limit of a log row" },
		{ "clocks.tsv", "incident\t72h", "incident\t-", "clocks.tsv:6: field 3 is needed" },
		{ "clocks.tsv", "incident\t72h", "incident\t0h", "clocks.tsv:6: there is no limit like \"0h\"" },
		{ "clocks.tsv", "incident\t72h", "incident\t12-20", "clocks.tsv:6: there is no limit like" },
		{ "clocks.tsv", "report\t12-20", "report\tnow", "clocks.tsv:16: there is no limit like" },
		{ "clocks.tsv", "report\t12-20", "report\t02-30", "clocks.tsv:16: there is no limit like" },
		{ "clocks.tsv", "2026-08-19\t-\tD331 Art 31.2d\n", "-\t-\tD331 Art 31.2d\n",
			"clocks.tsv:5: field 8 is needed" },
		{ "clocks.tsv", "2017-03-16\t2026-08-18", "2017-03-16\t2016-08-18", "clocks.tsv:13: it ends before" },
		{ "clocks.tsv", "2017-03-16\t2026-08-18", "2017-02-29\t2026-08-18",
			"clocks.tsv:13: valid_from must be a date" },
		{ "clocks.tsv", "inc-beyond", "inc-72h", "clocks.tsv:7: two rows of \"inc-72h\" are in force" },
		{ "transition.tsv", "classified\t2027-06-30", "classified\t-", "transition.tsv:4: field 2 is needed" },
		{ "serious.tsv", "qd-05-2017\t4", "qd-05-2017\t6", "serious.tsv:5: level_min must be" },
		{ "vn-2017/crosswalk.tsv", "vn-2026", "vn-2017", "vn-2017/crosswalk.tsv:4: there is no such control" },
	};
	char why[LAW_WHY_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		int error = broken(rows[i].path, rows[i].from, rows[i].to, why);

		if (error != LUYTRE_E_SYNTAX || strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%zu: %d \"%s\", not \"%s\"", i, error, why, rows[i].why);
	}
	assert_int_equal(law_new(law_builtin, law_builtin_count - 1, &(struct law *){ NULL }, why), LUYTRE_E_NOT_FOUND);
	assert_string_equal(why, "vn-2026/penalties.tsv:0: the file is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_first_levels),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_perimeter),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
