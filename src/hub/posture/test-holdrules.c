// SPDX-License-Identifier: Apache-2.0
/* Which rules can hold something: those of rules/gate, and small ones of sensors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/posture/holdrules.h"

#define LOG4SHELL 8100010

static struct holdrules *rules;

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
			assert_false(rule->holds);
		} else {
			assert_null(rule);
		}
		holdrules_unref(read);
	}
	unlink(path);
	rmdir(folder);
}

/* Those of gates and sensors lie in two folders; what cannot be armed is listed beside what can. */
static void test_rules_of_folders(void **state)
{
	static const char both[] = "/no/such/folder:" RULES ":" RULES "/../sensor";
	char why[HOLDRULES_WHY_SIZE];
	const struct holdrule *rule;
	struct holdrules *read;
	size_t sensors = 0;

	assert_int_equal(holdrules_read(both, &read, why), 0);
	for (size_t i = 0; i < holdrules_count(read); i++) {
		rule = holdrules_at(read, i);
		assert_true(rule->holds);
		if (rule->kind == HOLDRULE_SENSOR && (!rule->product[0] || rule->severity < 3))
			fail_msg("%u: no product or no severity", (unsigned int)rule->rule);
		sensors += rule->kind == HOLDRULE_SENSOR;
	}
	assert_int_equal(holdrules_count(read), 184 + sensors);
	assert_true(sensors >= 20);
	rule = holdrules_find(read, HOLDRULE_SENSOR, 8200010);
	assert_non_null(rule);
	assert_string_equal(rule->product, "windows-smb");
	assert_string_equal(rule->cves[0], "CVE-2017-0144");
	assert_int_equal(rule->severity, 4);
	/* It remembers, and holds nothing. */
	assert_null(holdrules_find(read, HOLDRULE_SENSOR, 8200011));
	holdrules_unref(read);
	assert_int_not_equal(holdrules_signature(both), holdrules_signature(RULES));
	assert_int_not_equal(holdrules_signature(both), 0);
	assert_int_equal(holdrules_read("/no/such/folder:/nor/this", &read, why), LUYTRE_E_NOT_FOUND);
	assert_int_equal(holdrules_read("", &read, why), LUYTRE_E_NOT_FOUND);
	assert_true(why[0]);
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

/* What a read says after one that found two folders, or the first alone. */
static int read_again(const char *folders, const struct holdrules *before, char why[HOLDRULES_WHY_SIZE])
{
	struct holdrules *read = NULL;
	int error = holdrules_read_again(folders, before, &read, why);

	holdrules_unref(read);
	return error;
}

/* A folder whose package is being replaced does not take its rules away; one that was never there does no harm. */
static void test_rules_away(void **state)
{
	static const char gate_rule[] =
		"SecRule ARGS \"@rx x\" \"id:1,phase:2,deny,tag:'luytre/hold',tag:'cve/CVE-2021-1111'\"\n",
			  sensor_rule[] =
				  "alert http any any -> any any (msg:\"a\"; reference:cve,2021-44228; sid:1;)\n";
	char root[] = "/tmp/holdrules-XXXXXX", gate[64], sensor[64], path[96], folders[160], why[HOLDRULES_WHY_SIZE];
	struct holdrules *both, *one;

	assert_non_null(mkdtemp(root));
	snprintf(gate, sizeof(gate), "%s/gate", root);
	snprintf(sensor, sizeof(sensor), "%s/sensor", root);
	snprintf(folders, sizeof(folders), "%s:%s", gate, sensor);
	snprintf(path, sizeof(path), "%s/a.conf", gate);
	assert_int_equal(mkdir(sensor, 0700), 0);
	write_file(sensor, "a.rules", sensor_rule);
	assert_int_equal(holdrules_read(folders, &one, why), 0); /* as when the hub starts */
	assert_int_equal(holdrules_count(one), 1);
	assert_int_equal(read_again(folders, one, why), 0);
	assert_int_equal(mkdir(gate, 0700), 0);
	assert_int_equal(read_again(folders, one, why), 0);
	write_file(gate, "a.conf", gate_rule);
	assert_int_equal(holdrules_read_again(folders, one, &both, why), 0);
	assert_int_equal(holdrules_count(both), 2);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_again(folders, both, why), LUYTRE_E_NOT_FOUND);
	assert_non_null(strstr(why, "/gate has no rule any more"));
	assert_int_equal(rmdir(gate), 0);
	assert_int_equal(read_again(folders, both, why), LUYTRE_E_NOT_FOUND);
	assert_non_null(strstr(why, "/gate: "));
	assert_int_equal(mkdir(gate, 0700), 0);
	write_file(gate, "a.conf", gate_rule);
	assert_int_equal(read_again(folders, both, why), 0);
	holdrules_unref(both);
	holdrules_unref(one);
	unlink(path);
	rmdir(gate);
	snprintf(path, sizeof(path), "%s/a.rules", sensor);
	unlink(path);
	rmdir(sensor);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_of_sensor),
		cmocka_unit_test(test_rules_of_folders),
		cmocka_unit_test(test_rules_broken),
		cmocka_unit_test(test_rules_away),
	};
	char why[HOLDRULES_WHY_SIZE];
	int failed;

	if (holdrules_read(RULES, &rules, why)) {
		print_error("%s\n", why);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	holdrules_unref(rules);
	return failed;
}
