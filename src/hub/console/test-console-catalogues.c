// SPDX-License-Identifier: Apache-2.0
/* Catalogues over HTTP and through the drop folder, signed bundles, and the VEX document, read again with the platform's own importer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/bundle.h"
#include "hub/console/drop.h"
#include "hub/console/test-kit.h"
#include "hub/findings/importer.h"
#include "hub/posture/catalogues.h"
#include "hub/posture/finding.h"

enum { WAIT_S = 20, STATEMENTS_MAX = 32 };

static const char kev[] =
	"{\"catalogVersion\":\"2026.11.22\",\"dateReleased\":\"2026-11-22T00:00:00Z\",\"count\":1,\"vulnerabilities\":["
	"{"
	"\"cveID\":\"CVE-2021-44228\",\"vendorProject\":\"Apache\",\"product\":\"Log4j2\",\"vulnerabilityName\":"
	"\"Log4Shell\","
	"\"dateAdded\":\"2021-12-10\",\"shortDescription\":\"x\",\"requiredAction\":\"x\",\"dueDate\":\"2021-12-24\","
	"\"knownRansomwareCampaignUse\":\"Known\"}]}";
static const char epss[] = "#model_version:v2026.06.15,score_date:2026-09-21T12:03:23Z\ncve,epss,percentile\n"
			   "CVE-2021-44228,0.94358,0.99957\n";

static struct kit kit;
static struct kit_session owner, stranger;
static uint32_t ministry, other;
static uint8_t public_key[BUNDLE_PUBLIC_SIZE], secret_key[BUNDLE_SECRET_SIZE];
static const struct scope nation = { .all = true };

static void write_file(const char *folder, const char *name, struct bytes text)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s%s", kit.dir, folder, name);
	out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(text.ptr, 1, text.size, out), text.size);
	assert_int_equal(fclose(out), 0);
}

static int64_t now(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static void make_findings(void)
{
	const struct audit_origin origin = { .actor = "account:9 an", .now_us = now() };
	struct finding_call call = { .db = kit.db, .scope = &nation, .origin = &origin };
	static const char *const cves[] = { "CVE-2021-44228", "CVE-2022-0001", "CVE-2022-0002", "CVE-2022-0003", "" };
	static const char *const hosts[] = { "10.1.0.5", "10.2.0.5", "10.3.0.5" };
	struct finding_import *import;
	enum finding_outcome outcome;
	int64_t ids[ARRAY_COUNT(cves)][ARRAY_COUNT(hosts)];

	assert_int_equal(finding_import_begin(&call, "nuclei", now(), &import), 0);
	for (size_t i = 0; i < ARRAY_COUNT(cves); i++)
		for (size_t k = 0; k < ARRAY_COUNT(hosts); k++) {
			const struct record record = { .kind = RECORD_WEAKNESS,
				.target = bytes_from_str(hosts[k]),
				.cve = bytes_from_str(cves[i]),
				.rule = bytes_from_str("r"),
				.title = bytes_from_str("Điểm yếu"),
				.severity = 3 };

			assert_int_equal(finding_import(import, &record, &outcome, &ids[i][k]), 0);
		}
	assert_int_equal(finding_import_end(import), 0);
	call.part = FINDING_BY_EVIDENCE;
	assert_int_equal(
		finding_change(&call,
			&(struct finding_change){
				.id = ids[1][0], .revision = 1, .to = FINDING_VERIFIED, .reason = "đã thử lại" },
			NULL),
		0);
	call.part = FINDING_BY_APPROVER;
	assert_int_equal(
		finding_change(&call,
			&(struct finding_change){
				.id = ids[2][0], .revision = 1, .to = FINDING_FALSE_ALARM, .reason = "bẫy mồi" },
			NULL),
		0);
	call.part = FINDING_BY_OWNER;
	assert_int_equal(
		finding_change(
			&call, &(struct finding_change){ .id = ids[3][0], .revision = 1, .to = FINDING_CLAIMED }, NULL),
		0);
	/* As a hold would: the engine of holds is another test's. */
	assert_int_equal(db_run(kit.db, "update finding set state = 1, held_us = 5, hold = '8100010' where id = ?1",
				 DB_ARGS(db_i64(ids[0][0])), NULL),
		0);
}

static int setup(void **state)
{
	uint32_t web, core_system;
	char hex[2 * BUNDLE_PUBLIC_SIZE + 1];

	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	web = kit_system(&kit, ministry, "Cổng dịch vụ");
	core_system = kit_system(&kit, ministry, "Hồ sơ");
	kit_asset(&kit, web, "10.1.0.0/16");
	kit_asset(&kit, core_system, "10.2.0.0/16");
	kit_asset(&kit, kit_system(&kit, other, "Hệ thống khác"), "10.3.0.0/16");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	assert_int_equal(bundle_keys(public_key, secret_key), 0);
	sodium_bin2hex(hex, sizeof(hex), public_key, sizeof(public_key));
	write_file("", CATALOGUES_KEYS, bytes_from_str(hex));
	make_findings();
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static struct kit_answer put(const struct kit_session *who, const char *which, struct bytes text)
{
	char path[64];

	snprintf(path, sizeof(path), "/catalogues?catalogue=%s", which);
	return kit_send(&kit, who, "PUT", path, text, "application/octet-stream", WAIT_S);
}

static void expect(const struct kit_session *who, const char *which, struct bytes text, long status)
{
	struct kit_answer answer = put(who, which, text);

	if (answer.status != status)
		fail_msg("%s: %ld %s", which, answer.status, answer.text);
	kit_answer_done(&answer);
}

/* ---- Catalogues ---- */

static void test_files(void **state)
{
	struct catalogue_entry entry;
	struct kit_answer answer;
	const json_t *first;

	expect(&owner, "kev", bytes_from_str(kev), 403);
	expect(&kit.admin, "kev", bytes_from_str("{}"), 400);
	expect(&kit.admin, "epss", bytes_from_str(kev), 400);
	expect(&kit.admin, "cve", bytes_from_str("[1]"), 400);
	assert_int_equal(catalogue_get(kit.db, "CVE-2021-44228", &entry), LUYTRE_E_NOT_FOUND);
	expect(&kit.admin, "kev", bytes_from_str(kev), 200);
	expect(&kit.admin, "epss", bytes_from_str(epss), 200);
	assert_int_equal(catalogue_get(kit.db, "CVE-2021-44228", &entry), 0);
	assert_true(entry.kev_us > 0 && entry.ransomware && entry.epss > 0.9);
	answer = kit_request(&kit, &owner, "GET", "/catalogues", NULL, NULL);
	first = json_array_get(json_object_get(answer.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "version")), "2026.11.22");
	assert_int_equal(json_integer_value(json_object_get(first, "entries")), 1);
	kit_answer_done(&answer);
}

static void expect_bundle(
	uint64_t revision, const struct bundle_file *files, size_t count, const uint8_t *key, long status)
{
	uint8_t *packed;
	size_t size;

	assert_int_equal(bundle_pack(revision, now(), 0, files, count, key, &packed, &size), 0);
	expect(&kit.admin, "bundle", bytes_of(packed, size), status);
	free(packed);
}

/* Signed by who is trusted, newer than the last, whole or not at all. */
static void test_bundle(void **state)
{
	const struct bundle_file good[] = { { bytes_from_str("kev.json"), bytes_from_str(kev) },
		{ bytes_from_str("epss.csv"), bytes_from_str(epss) } };
	const struct bundle_file strange[] = {
		{ bytes_from_str("epss.csv"), bytes_from_str("#model_version:v1,score_date:2026-09-21T12:03:23Z\n"
							     "cve,epss,percentile\nCVE-2000-1111,0.5,0.5\n") },
		{ bytes_from_str("etc/passwd"), bytes_from_str("x") }
	};
	uint8_t their_public[BUNDLE_PUBLIC_SIZE], their_secret[BUNDLE_SECRET_SIZE], *packed;
	struct catalogue_entry entry;
	size_t size;

	assert_int_equal(bundle_keys(their_public, their_secret), 0);
	expect_bundle(7, good, 2, their_secret, 403);
	expect_bundle(7, good, 2, secret_key, 200);
	expect_bundle(7, good, 2, secret_key, 409);
	expect_bundle(6, good, 2, secret_key, 409);
	expect_bundle(8, strange, 2, secret_key, 400);
	assert_int_equal(catalogue_get(kit.db, "CVE-2000-1111", &entry), LUYTRE_E_NOT_FOUND);
	assert_int_equal(bundle_pack(9, now(), 0, good, 2, secret_key, &packed, &size), 0);
	packed[size / 2] ^= 1;
	expect(&kit.admin, "bundle", bytes_of(packed, size), 403);
	free(packed);
	expect_bundle(8, good, 2, secret_key, 200);
}

/* ---- The drop folder ---- */

/* Waits for the result; the caller frees it. */
static json_t *result_of(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/drop/%s/%s.result.json", kit.dir, folder, name);
	for (uint64_t began_ns = clock_mono_ns(); clock_since_ns(clock_mono_ns(), began_ns) < WAIT_S * NS_PER_S;) {
		const struct timespec pause = { .tv_nsec = 50 * 1000000 };
		json_t *result = json_load_file(path, 0, NULL);

		if (result)
			return result;
		nanosleep(&pause, NULL);
	}
	fail_msg("no %s", path);
	return NULL;
}

static bool is_there(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/drop/%s", kit.dir, name);
	return access(path, F_OK) == 0;
}

static void test_drop(void **state)
{
	static const char line[] =
		"{\"template-id\":\"dropped\",\"matched-at\":\"https://10.1.0.9/\",\"host\":\"10.1.0.9\","
		"\"info\":{\"name\":\"Dropped\",\"severity\":\"high\"}}\n";
	static const char *const unclear[] = { "{\"tenant\":17}", "{\"tennant\":\"17\"}", "{\"tenant\":\"17x\"}",
		"{\"tenant\":\"\"}", "{\"tenant\":\"1111111111111111111111111\"}" };
	char options[64];
	json_t *result;

	/* Somebody still writes: not taken before it was left alone for a while. */
	write_file("drop/", "slow.jsonl", bytes_from_str(line));
	usleep(700000);
	assert_true(is_there("slow.jsonl"));
	result = result_of("done", "slow.jsonl");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "import"), "made")), 1);
	json_decref(result);
	assert_false(is_there("slow.jsonl"));
	/* With options at once, for a tenant that has no such asset. */
	snprintf(options, sizeof(options), "{\"format\":\"nuclei\",\"tenant\":\"%u\"}", other);
	write_file("drop/", "theirs.jsonl.options.json", bytes_from_str(options));
	write_file("drop/", "theirs.jsonl", bytes_from_str(line));
	result = result_of("done", "theirs.jsonl");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "import"), "refused")), 1);
	assert_int_equal(json_array_size(json_object_get(result, "refusals")), 1);
	json_decref(result);
	assert_false(is_there("theirs.jsonl.options.json"));
	/* What cannot be read, and what is asked in no form. */
	write_file("drop/", "bad.xml.options.json", bytes_from_str("{}"));
	write_file("drop/", "bad.xml", bytes_from_str("<?xml version=\"1.0\"?><nmaprun start=\"1\"><host>"));
	result = result_of("refused", "bad.xml");
	assert_non_null(json_object_get(result, "error"));
	json_decref(result);
	write_file("drop/", "odd.xml.options.json", bytes_from_str("no json"));
	write_file("drop/", "odd.xml", bytes_from_str(line));
	json_decref(result_of("refused", "odd.xml"));
	/* What is not understood does not make it everybody's. */
	for (size_t i = 0; i < ARRAY_COUNT(unclear); i++) {
		char name[32], beside[64];

		snprintf(name, sizeof(name), "unclear%zu.jsonl", i);
		snprintf(beside, sizeof(beside), "%s.options.json", name);
		write_file("drop/", beside, bytes_from_str(unclear[i]));
		write_file("drop/", name, bytes_from_str(line));
		result = result_of("refused", name);
		assert_non_null(json_object_get(result, "error"));
		assert_null(json_object_get(result, "import"));
		json_decref(result);
	}
	/* A file that cannot be used does not keep the next one waiting. */
	{
		char beside[512];

		snprintf(beside, sizeof(beside), "%s/drop/looped.jsonl.options.json", kit.dir);
		assert_int_equal(symlink("looped.jsonl", beside), 0);
		write_file("drop/", "looped.jsonl", bytes_from_str(line));
		json_decref(result_of("refused", "looped.jsonl"));
		snprintf(beside, sizeof(beside), "%s/drop/pipe.jsonl.options.json", kit.dir);
		assert_int_equal(mkfifo(beside, 0600), 0);
		write_file("drop/", "pipe.jsonl", bytes_from_str(line));
		json_decref(result_of("refused", "pipe.jsonl"));
	}
	/* A catalogue. */
	write_file("drop/", "kev.json.options.json", bytes_from_str("{\"catalogue\":\"kev\"}"));
	write_file("drop/", "kev.json", bytes_from_str(kev));
	result = result_of("done", "kev.json");
	assert_int_equal(json_integer_value(json_object_get(result, "entries")), 1);
	json_decref(result);
	/* A link is nobody's report. */
	{
		char to[512], from[512];

		snprintf(to, sizeof(to), "%s/auth.key", kit.dir);
		snprintf(from, sizeof(from), "%s/drop/link", kit.dir);
		assert_int_equal(symlink(to, from), 0);
		usleep(1500000);
		assert_true(is_there("link"));
		unlink(from);
	}
}

static void drop_file(const char *name, unsigned int mode, uid_t uid, gid_t gid)
{
	static const char line[] =
		"{\"template-id\":\"whose\",\"matched-at\":\"https://10.1.0.9/\",\"host\":\"10.1.0.9\","
		"\"info\":{\"name\":\"Whose\",\"severity\":\"high\"}}\n";
	char path[512], beside[300];

	write_file("", name, bytes_from_str(line));
	snprintf(path, sizeof(path), "%s/%s", kit.dir, name);
	assert_int_equal(chmod(path, mode), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, uid, gid), 0);
	snprintf(beside, sizeof(beside), "%s.options.json", name);
	write_file("drop/", beside, bytes_from_str("{\"format\":\"nuclei\"}"));
	snprintf(beside, sizeof(beside), "%s/drop/%s", kit.dir, name);
	assert_int_equal(rename(path, beside), 0);
}

/* Whose file it is, and who could have written it. */
static void test_drop_trust(void **state)
{
	enum { SOMEBODY = 12345, SCANNERS = 23456 };
	const struct {
		const char *name, *folder;
		unsigned int mode, folder_mode;
		uid_t owner;
		gid_t group;
		bool as_root;
	} rows[] = {
		{ "mine.jsonl", "done", 0644, 0700, geteuid(), getegid(), false },
		{ "open.jsonl", "refused", 0666, 0700, geteuid(), getegid(), false },
		{ "theirs-own.jsonl", "refused", 0600, 0700, SOMEBODY, SOMEBODY, true },
		{ "group-closed.jsonl", "refused", 0640, 0700, SOMEBODY, SCANNERS, true },
		{ "group.jsonl", "done", 0660, 0770, SOMEBODY, SCANNERS, true },
		{ "other-group.jsonl", "refused", 0660, 0770, SOMEBODY, SOMEBODY, true },
	};
	char folder[512];

	snprintf(folder, sizeof(folder), "%s/drop", kit.dir);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		json_t *result;

		if (rows[i].as_root && geteuid() != 0)
			continue;
		if (geteuid() == 0)
			assert_int_equal(chown(folder, geteuid(), SCANNERS), 0);
		assert_int_equal(chmod(folder, rows[i].folder_mode), 0);
		usleep(600000); /* it has looked at the folder since */
		drop_file(rows[i].name, rows[i].mode, rows[i].owner, rows[i].group);
		result = result_of(rows[i].folder, rows[i].name);
		json_decref(result);
	}
	/* From a folder that is anybody's nothing is taken. */
	assert_int_equal(chmod(folder, 0777), 0);
	usleep(600000);
	drop_file("anybody.jsonl", 0600, geteuid(), getegid());
	usleep(1500000);
	assert_true(is_there("anybody.jsonl"));
	assert_int_equal(chmod(folder, 0700), 0);
	json_decref(result_of("done", "anybody.jsonl"));
}

/* A file that cannot be moved away does not keep the others waiting. */
static void test_drop_stuck(void **state)
{
	uint64_t began_ns;

	write_file("drop/done/", "stuck.jsonl", bytes_from_str("x"));
	for (int i = 1; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "stuck.jsonl.%d", i);
		write_file("drop/done/", name, bytes_from_str("x"));
	}
	drop_file("stuck.jsonl", 0600, geteuid(), getegid());
	usleep(1500000);
	assert_true(is_there("stuck.jsonl"));
	began_ns = clock_mono_ns();
	drop_file("next.jsonl", 0600, geteuid(), getegid());
	json_decref(result_of("done", "next.jsonl"));
	assert_true(clock_since_ns(clock_mono_ns(), began_ns) < DROP_STUCK_S / 2 * NS_PER_S);
}

/* ---- VEX ---- */

struct statements {
	struct {
		char cve[32], target[160], justification[64];
		enum record_statement statement;
	} rows[STATEMENTS_MAX];
	size_t count, refused;
};

static int take_statement(void *context, const struct record *record)
{
	struct statements *statements = context;
	size_t i = statements->count++;

	assert_int_equal(record->kind, RECORD_STATEMENT);
	assert_true(i < STATEMENTS_MAX);
	assert_true(bytes_to_str(record->cve, statements->rows[i].cve, sizeof(statements->rows[i].cve)));
	(void)bytes_to_str(record->product, statements->rows[i].target, sizeof(statements->rows[i].target));
	assert_true(bytes_to_str(
		record->justification, statements->rows[i].justification, sizeof(statements->rows[i].justification)));
	statements->rows[i].statement = record->statement;
	return 0;
}

static void count_refused(void *context, uint64_t position, const char *reason)
{
	((struct statements *)context)->refused++;
}

static bool says(
	const struct statements *statements, const char *cve, enum record_statement what, const char *justification)
{
	for (size_t i = 0; i < statements->count; i++)
		if (strcmp(statements->rows[i].cve, cve) == 0 && statements->rows[i].statement == what &&
			strcmp(statements->rows[i].justification, justification) == 0)
			return true;
	return false;
}

/* What the standard requires of every document, of a VEX, and of each weakness in it (CSAF 2.0, sections 3.2.1 and 4.5). */
static void check_form(const json_t *document)
{
	static const char *const required[] = { "category", "csaf_version", "publisher", "title", "tracking" };
	static const char *const publisher[] = { "category", "name", "namespace" };
	static const char *const tracking[] = { "current_release_date", "id", "initial_release_date",
		"revision_history", "status", "version" };
	const json_t *head = json_object_get(document, "document"), *vulnerability;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(required); i++)
		assert_non_null(json_object_get(head, required[i]));
	for (i = 0; i < ARRAY_COUNT(publisher); i++)
		assert_true(json_string_length(json_object_get(json_object_get(head, "publisher"), publisher[i])) > 0);
	for (i = 0; i < ARRAY_COUNT(tracking); i++)
		assert_non_null(json_object_get(json_object_get(head, "tracking"), tracking[i]));
	assert_string_equal(json_string_value(json_object_get(head, "category")), "csaf_vex");
	assert_string_equal(json_string_value(json_object_get(head, "csaf_version")), "2.0");
	assert_true(
		json_array_size(json_object_get(json_object_get(document, "product_tree"), "full_product_names")) > 0);
	json_array_foreach (json_object_get(document, "vulnerabilities"), i, vulnerability) {
		const json_t *status = json_object_get(vulnerability, "product_status");

		assert_true(json_string_length(json_object_get(vulnerability, "cve")) > 0);
		assert_true(json_array_size(json_object_get(vulnerability, "notes")) > 0);
		assert_true(json_object_size(status) > 0);
		/* Section 4.5: an affected product needs a remediation, one that is not a flag or a threat "impact". */
		if (json_object_get(status, "known_affected"))
			assert_true(json_array_size(json_object_get(vulnerability, "remediations")) > 0);
		if (json_object_get(status, "known_not_affected"))
			assert_true(json_array_size(json_object_get(vulnerability, "threats")) > 0);
	}
}

static void test_vex(void **state)
{
	struct statements statements = { .count = 0 };
	const struct import_sink sink = { .context = &statements, .record = take_statement, .refused = count_refused };
	struct import_result result;
	struct import *import;
	struct kit_answer answer;
	char path[64];

	snprintf(path, sizeof(path), "/tenants/%u/vex", ministry);
	assert_int_equal(kit_status(&kit, &stranger, "GET", path, NULL, NULL), 404);
	answer = kit_request(&kit, &owner, "GET", path, NULL, NULL);
	if (answer.status != 200)
		fail_msg("%ld %s", answer.status, answer.text);
	check_form(answer.json);
	assert_null(strstr(answer.text, "10.3.0.0"));
	assert_non_null(strstr(answer.text, "8100010"));
	assert_int_equal(import_begin(NULL, &sink, &import), 0);
	assert_int_equal(import_feed(import, bytes_of(answer.text, answer.size)), 0);
	assert_int_equal(import_end(import, &result, NULL), 0);
	assert_string_equal(result.format, "csaf");
	assert_int_equal(statements.refused, 0);
	assert_int_equal(statements.count, 8);
	assert_true(says(&statements, "CVE-2021-44228", RECORD_IS_NOT_AFFECTED, "inline_mitigations_already_exist"));
	assert_true(says(&statements, "CVE-2021-44228", RECORD_IS_AFFECTED, ""));
	assert_true(says(&statements, "CVE-2022-0001", RECORD_IS_FIXED, ""));
	assert_true(says(&statements, "CVE-2022-0002", RECORD_IS_NOT_AFFECTED, ""));
	assert_true(says(&statements, "CVE-2022-0003", RECORD_IS_INVESTIGATED, ""));
	kit_answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vex),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_bundle),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_drop_trust),
		cmocka_unit_test(test_drop_stuck),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
