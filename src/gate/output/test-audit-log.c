// SPDX-License-Identifier: Apache-2.0
/* Tests of the audit log: when a record is wanted, its parts, JSON, and its files. */
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate/output/event.h"
#include "gate/output/testtx.h"

#define RULE "SecRule ARGS:q \"@contains test\" \"id:7,phase:2,pass,log,auditlog,msg:'found',tag:'a/b'\"\n"

static void wanted(void **state)
{
	static const struct {
		const char *rules;
		bool wanted;
	} rows[] = {
		{ "SecAuditEngine Off\n" RULE, false },
		{ "SecAuditEngine On\n", true },
		{ "SecAuditEngine RelevantOnly\n" RULE, true },
		{ "SecAuditEngine RelevantOnly\nSecRule ARGS:q \"@contains test\" \"id:7,phase:2,pass,nolog\"\n",
			false },
		{ "SecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus \"^2\"\n", true },
		{ "SecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus \"^(?:5|4)\"\n", false },
		{ "SecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus \"^(?:5|4)\"\n"
		  "SecAction \"id:7,phase:2,deny,status:403,nolog\"\n",
			true },
		{ "SecAuditEngine On\nSecAction \"id:7,phase:1,pass,nolog,ctl:auditEngine=Off\"\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct testtx test;

		testtx_begin(&test, rows[i].rules, "/", "q=test");
		assert_int_equal(audit_log_wanted(test.tx), rows[i].wanted);
		testtx_end(&test);
	}
}

static void native(void **state)
{
	static const char *const parts[] = { "A--\n[", "B--\nPOST /a?password=[password 6] HTTP/1.1\n",
		"Cookie: [cookie 20]\n", "Authorization: [authorization 22]\n", "C--\nq=test&pin=[pin 4]\n",
		"E--\nhello\n", "F--\nHTTP/1.1 200\nSet-Cookie: [cookie 20]\n",
		("H--\nModSecurity: Warning. Matched \"Operator `Contains' with parameter `test' against variable "
		 "`ARGS:q'"),
		"[file \"test.conf\"] [line \"3\"] [id \"7\"] [rev \"\"] [msg \"found\"]", "[tag \"a/b\"]",
		"K--\n7 phase 2", "Z--\n" };
	struct testtx test;
	char *text;

	(void)state;
	testtx_begin(&test, "SecAuditEngine On\nSecAuditLogParts ABCEFHIJKZ\n" RULE, "/a?password=geheim",
		"q=test&pin=1234");
	assert_int_equal(audit_log_format(test.tx, &text), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!strstr(text, parts[i]))
			fail_msg("lacks \"%s\": %s", parts[i], text);
	}
	assert_null(strstr(text, "geheim"));
	assert_null(strstr(text, "1234\n"));
	free(text);
	testtx_end(&test);
}

static void few_parts(void **state)
{
	struct testtx test;
	char *text;

	(void)state;
	testtx_begin(&test, "SecAuditEngine On\nSecAuditLogParts AZ\n" RULE, "/", "q=test");
	assert_int_equal(audit_log_format(test.tx, &text), 0);
	assert_non_null(strstr(text, "-A--\n"));
	assert_null(strstr(text, "-B--\n"));
	assert_null(strstr(text, "-H--\n"));
	free(text);
	testtx_end(&test);
}

static void as_json(void **state)
{
	struct testtx test;
	json_t *record, *transaction, *details;
	char *text;

	(void)state;
	testtx_begin(&test, "SecAuditEngine On\nSecAuditLogFormat JSON\nSecAuditLogParts ABCEFHZ\n" RULE, "/?token=abc",
		"q=test");
	assert_int_equal(audit_log_format(test.tx, &text), 0);
	record = json_loads(text, 0, NULL);
	transaction = json_object_get(record, "transaction");
	assert_string_equal(json_string_value(json_object_get(transaction, "client_ip")), "192.0.2.7");
	assert_string_equal(json_string_value(json_object_get(json_object_get(transaction, "request"), "uri")),
		"/?token=[token 3]");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(transaction, "response"), "http_code")), 200);
	details = json_object_get(json_array_get(json_object_get(transaction, "messages"), 0), "details");
	assert_string_equal(json_string_value(json_object_get(details, "ruleId")), "7");
	assert_string_equal(json_string_value(json_array_get(json_object_get(details, "tags"), 0)), "a/b");
	json_decref(record);
	free(text);
	testtx_end(&test);
}

static size_t size_of(const char *path)
{
	FILE *file = fopen(path, "r");
	long size;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	fclose(file);
	return (size_t)size;
}

static unsigned int files_found;

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
	(void)about;
	(void)place;
	files_found += kind == FTW_F;
	return remove(path);
}

/* Writes one record with 'settings' about a new folder; returns how many files there are then, and the size of "log". */
static unsigned int written(const char *type, size_t *ret_size)
{
	char folder[] = "/tmp/test-audit-XXXXXX", text[1024], path[64];
	struct audit_log *log;
	struct testtx test;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(text, sizeof(text),
		"SecAuditEngine On\nSecAuditLogType %s\nSecAuditLog %s\nSecAuditLogStorageDir %s\n%s", type, path,
		folder, RULE);
	testtx_begin(&test, text, "/", "q=test");
	assert_int_equal(audit_log_open(test.plan, &log), 0);
	audit_log_write(log, test.tx);
	audit_log_close(log);
	testtx_end(&test);
	*ret_size = size_of(path);
	files_found = 0;
	assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return files_found;
}

static void files(void **state)
{
	size_t serial, concurrent;

	(void)state;
	assert_int_equal(written("Serial", &serial), 1);
	assert_true(serial > 300);
	assert_int_equal(written("Concurrent", &concurrent), 2);
	assert_true(concurrent > 50 && concurrent < serial);
}

static void no_place(void **state)
{
	struct gate_plan *plan;
	struct audit_log *log;

	(void)state;
	testtx_plan("SecAuditEngine On\nSecAuditLog /nowhere/at/all\n", &plan);
	assert_true(audit_log_open(plan, &log) < 0);
	gate_plan_unref(plan);
	audit_log_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wanted),
		cmocka_unit_test(native),
		cmocka_unit_test(few_parts),
		cmocka_unit_test(as_json),
		cmocka_unit_test(files),
		cmocka_unit_test(no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
