// SPDX-License-Identifier: Apache-2.0
/* Reports over HTTP: each format, broken ones, somebody else's assets, two at once, large and packed ones, and a hub that ends meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "hub/console/imports.h"
#include "hub/console/test-kit.h"
#include "hub/findings/test-samples.h"
#include "hub/posture/report.h"

enum { WAIT_S = 60, LARGE_RECORDS = 6000, KILLED_RECORDS = 60000, SHARE = 8 << 20 };

static struct kit kit;
static struct kit_session owner, viewer, stranger;
static uint32_t ministry, other;

static const struct scope nation = { .all = true };

/* Everything that the samples speak of belongs to the ministry, but for one address. */
static int setup(void **state)
{
	static const char *const values[] = { "192.0.2.0/28", "192.0.2.20", "192.0.2.21", "www.example.gov.vn",
		"example.gov.vn", "app.example.gov.vn", "files.example.gov.vn", "mail.example.gov.vn", "2001:db8::/32",
		"hanoi-1", "portal" };
	uint32_t system;

	kit_spool_share = kit_waiting_share = SHARE;
	if (kit_open(&kit))
		return -1;
	ministry = kit_tenant(&kit, 0, "Bộ Y tế");
	other = kit_tenant(&kit, 0, "Bộ Công Thương");
	system = kit_system(&kit, ministry, "Cổng dịch vụ");
	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		if (strchr(values[i], '.') || strchr(values[i], ':'))
			kit_asset(&kit, system, values[i]);
	kit_asset(&kit, system, "10.0.0.0/8");
	kit_asset(&kit, kit_system(&kit, other, "Hệ thống khác"), "192.0.2.23");
	owner = kit_user(&kit, "hoa", AUTH_ROLE_OWNER, ministry);
	viewer = kit_user(&kit, "lan", AUTH_ROLE_VIEWER, ministry);
	stranger = kit_user(&kit, "minh", AUTH_ROLE_OWNER, other);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static int64_t number(const struct kit_answer *answer, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(answer->json, key));
}

/* Brings it and waits for its end; the caller frees the answer. */
static struct kit_answer bring(const struct kit_session *who, const char *query, struct bytes body)
{
	char path[512];
	struct kit_answer answer;

	snprintf(path, sizeof(path), "/imports%s", query);
	answer = kit_send(&kit, who, "POST", path, body, "application/octet-stream", WAIT_S);
	if (answer.status != 202)
		return answer;
	snprintf(path, sizeof(path), "/imports/%s", kit_text(&answer, "id"));
	assert_non_null(strstr(answer.location, path));
	for (uint64_t began_ns = clock_mono_ns(); clock_since_ns(clock_mono_ns(), began_ns) < WAIT_S * NS_PER_S;) {
		const struct timespec pause = { .tv_nsec = 20 * 1000000 };

		kit_answer_done(&answer);
		answer = kit_request(&kit, who, "GET", path, NULL, NULL);
		assert_int_equal(answer.status, 200);
		if (strcmp(kit_text(&answer, "state"), "running") != 0)
			return answer;
		nanosleep(&pause, NULL);
	}
	fail_msg("the import has no end: %s", answer.text);
	return answer;
}

static int64_t count(const char *sql)
{
	int64_t ret;

	assert_int_equal(db_integer(kit.db, sql, DB_NO_ARGS, &ret), 0);
	return ret;
}

/* ---- Formats ---- */

static size_t lines_of(const char *text, const char *word)
{
	size_t found = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		found++;
	return found;
}

static uint8_t *read_sample(const char *path, size_t *ret_size)
{
	FILE *in = fopen(path, "rb");
	uint8_t *text = malloc(1 << 20);

	assert_non_null(in);
	assert_non_null(text);
	*ret_size = fread(text, 1, 1 << 20, in);
	fclose(in);
	return text;
}

/* Found by its beginning; all records are told of, and each weakness becomes a finding, joins one, or is refused. */
static void test_samples(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		int64_t weaknesses = (int64_t)lines_of(samples[i].records, "weakness ");
		int64_t unreadable = (int64_t)lines_of(samples[i].refused, "\n");
		struct kit_answer answer;
		int64_t taken, refused;
		char path[512];
		uint8_t *text;
		size_t size;

		snprintf(path, sizeof(path), "%s/%s", IMPORT_SAMPLES, samples[i].name);
		text = read_sample(path, &size);
		answer = bring(&owner, "", bytes_of(text, size));
		free(text);
		if (answer.status != 200 || strcmp(kit_text(&answer, "state"), "done") != 0)
			fail_msg("%s: %ld %s", samples[i].name, answer.status, answer.text);
		assert_string_equal(kit_text(&answer, "format"), samples[i].format);
		taken = number(&answer, "made") + number(&answer, "joined") + number(&answer, "seen") +
			number(&answer, "reopened");
		refused = number(&answer, "refused");
		if (taken + refused != weaknesses + unreadable ||
			number(&answer, "others") + weaknesses != number(&answer, "records"))
			fail_msg("%s: %lld weaknesses, %lld unreadable: %s", samples[i].name, (long long)weaknesses,
				(long long)unreadable, answer.text);
		kit_answer_done(&answer);
	}
	assert_true(count("select count(*) from finding") > 10);
}

/* The same again brings nothing new. */
static void test_again(void **state)
{
	static const char line[] =
		"{\"template-id\":\"again\",\"matched-at\":\"https://10.1.1.1/x\",\"host\":\"10.1.1.1\","
		"\"info\":{\"name\":\"Again\",\"severity\":\"high\"}}\n";
	static const char other_proof[] = "{\"template-id\":\"again\",\"matched-at\":\"https://10.1.1.1/x\",\"host\":"
					  "\"10.1.1.1\",\"extracted-results\":[\"more\"],"
					  "\"info\":{\"name\":\"Again\",\"severity\":\"high\"}}\n";
	struct kit_answer answer = bring(&owner, "?format=nuclei&name=a.jsonl", bytes_from_str(line));

	assert_int_equal(number(&answer, "made"), 1);
	assert_string_equal(kit_text(&answer, "name"), "a.jsonl");
	kit_answer_done(&answer);
	answer = bring(&owner, "?format=nuclei", bytes_from_str(line));
	assert_int_equal(number(&answer, "made"), 0);
	assert_int_equal(number(&answer, "seen"), 1);
	kit_answer_done(&answer);
	answer = bring(&owner, "", bytes_from_str(other_proof));
	assert_int_equal(number(&answer, "joined"), 1);
	kit_answer_done(&answer);
}

/* A report about what nobody has registered under that name, brought for a target. */
static void test_target(void **state)
{
	static const char line[] = "{\"template-id\":\"aimed\",\"matched-at\":\"https://nobody.invalid/\",\"host\":"
				   "\"nobody.invalid\",\"info\":{\"name\":\"Aimed\",\"severity\":\"low\"}}\n";
	struct kit_answer answer = bring(&owner, "", bytes_from_str(line));

	assert_int_equal(number(&answer, "refused"), 1);
	kit_answer_done(&answer);
	answer = bring(&owner, "?target=10.1.1.9", bytes_from_str(line));
	assert_int_equal(number(&answer, "made"), 1);
	kit_answer_done(&answer);
}

/* A format that says what it is about behind its last record. */
static void test_target_behind(void **state)
{
	static const char text[] =
		"{\"matches\":[{\"vulnerability\":{\"id\":\"CVE-2023-9999\",\"severity\":\"High\"},\"artifact\":{"
		"\"name\":"
		"\"libx\",\"version\":\"1\",\"type\":\"deb\"}}],\"source\":{\"type\":\"directory\",\"target\":"
		"\"app.example.gov.vn\"},\"descriptor\":{\"name\":\"grype\",\"version\":\"0.9\"}}";
	struct kit_answer answer = bring(&owner, "?format=grype", bytes_from_str(text));

	if (number(&answer, "made") != 1)
		fail_msg("%s", answer.text);
	kit_answer_done(&answer);
	assert_int_equal(
		count("select count(*) from finding where cve = 'CVE-2023-9999' and host = 'app.example.gov.vn'"), 1);
}

/* ---- What is wrong ---- */

static void test_broken(void **state)
{
	static const struct {
		const char *query, *text, *state;
	} rows[] = {
		{ "", "nothing that anybody knows", "failed" },
		{ "", "<?xml version=\"1.0\"?><nmaprun start=\"1\"><host>", "failed" },
		{ "?format=trivy", "{\"SchemaVersion\":2,", "failed" },
		{ "?format=nmap", "{}", "failed" },
		{ "", "\x1f\x8b\x08 not gzip after all", "failed" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct kit_answer answer = bring(&owner, rows[i].query, bytes_from_str(rows[i].text));

		if (answer.status != 200 || strcmp(kit_text(&answer, "state"), rows[i].state) != 0)
			fail_msg("%zu: %ld %s", i, answer.status, answer.text);
		assert_true(strlen(kit_text(&answer, "message")) > 0);
		kit_answer_done(&answer);
	}
}

/* What came before the fault stays. */
static void test_fault_at_the_end(void **state)
{
	static const char text[] =
		"{\"template-id\":\"before\",\"matched-at\":\"https://10.1.1.2/\",\"host\":\"10.1.1.2\","
		"\"info\":{\"name\":\"Before\",\"severity\":\"high\"}}\n{\"template-id\":\"beh";
	struct kit_answer answer = bring(&owner, "?format=nuclei", bytes_from_str(text));

	assert_int_equal(number(&answer, "made"), 1);
	assert_int_equal(count("select count(*) from finding where rule = 'before'"), 1);
	kit_answer_done(&answer);
}

static void test_refusals(void **state)
{
	static const char line[] =
		"{\"template-id\":\"theirs\",\"matched-at\":\"https://192.0.2.23/\",\"host\":\"192.0.2.23\","
		"\"info\":{\"name\":\"Theirs\",\"severity\":\"high\"}}\nno json\n";
	struct kit_answer answer = bring(&owner, "", bytes_from_str(line)), refusals;
	const json_t *first;
	char path[128];

	assert_int_equal(number(&answer, "refused"), 2);
	assert_int_equal(count("select count(*) from finding where rule = 'theirs'"), 0);
	snprintf(path, sizeof(path), "/imports/%s/refusals", kit_text(&answer, "id"));
	refusals = kit_request(&kit, &owner, "GET", path, NULL, NULL);
	first = json_array_get(json_object_get(refusals.json, "items"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "reason")), "no-asset");
	assert_string_equal(json_string_value(json_object_get(first, "text")), "192.0.2.23:443 theirs");
	first = json_array_get(json_object_get(refusals.json, "items"), 1);
	assert_string_equal(json_string_value(json_object_get(first, "reason")), "unreadable");
	assert_int_equal(json_integer_value(json_object_get(first, "position")), 2);
	kit_answer_done(&refusals);
	assert_int_equal(kit_status(&kit, &stranger, "GET", path, NULL, NULL), 404);
	kit_answer_done(&answer);
	/* Theirs to bring. */
	answer = bring(&stranger, "", bytes_from_str(line));
	assert_int_equal(number(&answer, "made"), 1);
	kit_answer_done(&answer);
}

/* Refused before the body: a gibibyte of somebody unknown fills no disk. */
static void test_may_not(void **state)
{
	static const struct kit_session nobody = { 0 };
	struct kit_answer answer;
	char path[64];
	const struct {
		const struct kit_session *who;
		const char *path, *type;
		long status;
	} rows[] = {
		{ &nobody, "/imports", "application/octet-stream", 401 },
		{ &viewer, "/imports", "application/octet-stream", 403 },
		{ &owner, path, "application/octet-stream", 404 },
		{ &owner, "/imports?format=word", "application/octet-stream", 400 },
		{ &owner, "/imports", "text/plain", 415 },
	};

	snprintf(path, sizeof(path), "/imports?tenant=%u", other);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		answer = kit_send(&kit, rows[i].who, "POST", rows[i].path, bytes_from_str("{}"), rows[i].type, WAIT_S);
		if (answer.status != rows[i].status)
			fail_msg("%zu: %ld %s", i, answer.status, answer.text);
		kit_answer_done(&answer);
	}
	answer = kit_send(&kit, &owner, "POST", "/imports", (struct bytes){ 0 }, "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 400);
	kit_answer_done(&answer);
}

/* ---- Large ones ---- */

static uint8_t *large(size_t records, const char *rule, size_t *ret_size)
{
	size_t room = records * 400, size = 0;
	char *text = malloc(room);

	assert_non_null(text);
	for (size_t i = 0; i < records; i++)
		size += (size_t)snprintf(text + size, room - size,
			"{\"template-id\":\"%s\",\"matched-at\":\"https://10.%zu.%zu.%zu/"
			"\",\"host\":\"10.%zu.%zu.%zu\","
			"\"info\":{\"name\":\"Large\",\"severity\":\"medium\"},\"extracted-results\":[\"%0100zu\"]}\n",
			rule, i >> 16, i >> 8 & 255, i & 255, i >> 16, i >> 8 & 255, i & 255, i);
	*ret_size = size;
	return (uint8_t *)text;
}

static void test_large_and_packed(void **state)
{
	size_t size, packed_size;
	uint8_t *text = large(LARGE_RECORDS, "large", &size), *packed;
	struct kit_answer answer = bring(&owner, "", bytes_of(text, size));
	z_stream zlib = { 0 };

	assert_int_equal(number(&answer, "made"), LARGE_RECORDS);
	assert_int_equal(number(&answer, "bytes"), size);
	kit_answer_done(&answer);
	packed_size = size;
	packed = malloc(packed_size);
	assert_non_null(packed);
	assert_int_equal(deflateInit2(&zlib, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	zlib.next_in = text;
	zlib.avail_in = (uInt)size;
	zlib.next_out = packed;
	zlib.avail_out = (uInt)packed_size;
	assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
	packed_size = zlib.total_out;
	deflateEnd(&zlib);
	answer = bring(&owner, "", bytes_of(packed, packed_size));
	assert_int_equal(number(&answer, "seen"), LARGE_RECORDS);
	kit_answer_done(&answer);
	/* Half of it is no whole one, and what came is kept. */
	answer = bring(&owner, "", bytes_of(packed, packed_size / 2));
	assert_string_equal(kit_text(&answer, "state"), "failed");
	assert_true(number(&answer, "seen") > 0);
	kit_answer_done(&answer);
	free(packed);
	free(text);
}

/* ---- Two at once ---- */

struct beside {
	pthread_t thread;
	char place[160];
	struct bytes text;
	int64_t made, joined;
	int error;
};

/* As another hub on the same database would. */
static void *import_beside(void *context)
{
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	const struct report_about about = { .name = "beside" };
	struct beside *beside = context;
	struct report *report = NULL;
	struct report_row row = { 0 };
	char why[DB_WHY_SIZE];
	struct finding_call call = { .scope = &nation, .origin = &origin };
	int64_t id;

	beside->error = db_open(beside->place, &call.db, why);
	if (!beside->error)
		beside->error = report_announce(call.db, &origin, &about, "elsewhere", &id);
	if (!beside->error)
		beside->error = report_begin(&call, id, NULL, &report);
	if (!beside->error)
		beside->error = report_feed(report, beside->text);
	if (report && report_end(report, false, &row) && !beside->error)
		beside->error = LUYTRE_E_IO;
	beside->made = row.outcomes[FINDING_MADE];
	beside->joined = row.outcomes[FINDING_SEEN];
	db_close(call.db);
	return NULL;
}

static void test_two_at_once(void **state)
{
	struct beside beside = { .error = 0 };
	struct kit_answer answer;
	size_t size;
	uint8_t *text = large(LARGE_RECORDS, "twice", &size);

	snprintf(beside.place, sizeof(beside.place), "sqlite:%s/control.db", kit.dir);
	beside.text = bytes_of(text, size);
	assert_int_equal(pthread_create(&beside.thread, NULL, import_beside, &beside), 0);
	answer = bring(&owner, "", beside.text);
	pthread_join(beside.thread, NULL);
	free(text);
	assert_int_equal(beside.error, 0);
	assert_string_equal(kit_text(&answer, "state"), "done");
	assert_int_equal(number(&answer, "made") + beside.made, LARGE_RECORDS);
	assert_int_equal(number(&answer, "seen") + beside.joined, LARGE_RECORDS);
	kit_answer_done(&answer);
	assert_int_equal(count("select count(*) from finding where rule = 'twice'"), LARGE_RECORDS);
	assert_int_equal(count("select count(*) from finding where rule = 'twice' and proof_count <> 1"), 0);
}

/* ---- A hub that ends meanwhile ---- */

/* What main() does when it is started as the other hub: all of it, unless it is killed. */
static int be_killed(const char *place)
{
	struct beside beside = { .error = 0 };
	size_t size;
	uint8_t *text = large(KILLED_RECORDS, "killed", &size);

	snprintf(beside.place, sizeof(beside.place), "%s", place);
	beside.text = bytes_of(text, size);
	import_beside(&beside);
	free(text);
	return beside.error ? 1 : 0;
}

/*
 * Killed somewhere in the middle: whole batches are there, with their proofs and records of the audit log, and nothing
 * else. A program of its own, since a fork of one with threads and open databases may do little more than exec.
 */
static void test_killed(void **state)
{
	char place[160], self[] = "/proc/self/exe", role[] = "killed";
	char *const arguments[] = { self, role, place, NULL };
	int64_t found = 0, whole;
	int status = 0;
	pid_t child, ended = 0;

	snprintf(place, sizeof(place), "sqlite:%s/control.db", kit.dir);
	assert_int_equal(posix_spawn(&child, self, NULL, NULL, arguments, environ), 0);
	while (found == 0 && ended == 0) {
		const struct timespec pause = { .tv_nsec = 2 * 1000000 };

		nanosleep(&pause, NULL);
		found = count("select count(*) from finding where rule = 'killed'");
		ended = waitpid(child, &status, WNOHANG);
	}
	assert_int_equal(ended, 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	whole = count("select count(*) from finding where rule = 'killed'");
	assert_true(whole > 0 && whole < KILLED_RECORDS);
	assert_int_equal(count("select count(*) from proof join finding on finding.id = proof.finding where "
			       "finding.rule = 'killed'"),
		whole);
	assert_int_equal(count("select count(*) from audit join finding on audit.subject = 'finding:' || finding.id"
			       " where finding.rule = 'killed' and audit.action = 'finding.create'"),
		whole);
	assert_int_equal(count("select count(*) from import where place = 'elsewhere' and state = 0"), 1);
	/* What was running here is told to be over after a new start; of another machine's nobody knows. */
	assert_int_equal(db_run(kit.db,
				 "update import set state = 0, place = (select max(place) from import where place <> "
				 "'elsewhere')"
				 " where id = 1",
				 DB_NO_ARGS, NULL),
		0);
	kit_restart(&kit);
	assert_int_equal(count("select state from import where id = 1"), REPORT_CUT);
	assert_int_equal(count("select count(*) from import where place = 'elsewhere' and state = 0"), 1);
}

/* ---- What one account may ask for ---- */

/* An Idempotency-Key cannot be kept for a body that is not in memory: it is said, before the body. */
static void test_no_key_for_files(void **state)
{
	struct kit_answer answer = kit_request(&kit, &owner, "POST", "/imports", NULL, "Idempotency-Key: k1");

	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.text, "Idempotency-Key"));
	kit_answer_done(&answer);
}

static void wait_import(const char *id, const char *wanted, const char *message)
{
	char path[64];

	snprintf(path, sizeof(path), "/imports/%s", id);
	for (int i = 0; i < 5000; i++) {
		struct kit_answer answer = kit_request(&kit, &owner, "GET", path, NULL, NULL);
		bool there = strcmp(kit_text(&answer, "state"), wanted) == 0;

		if (there && message[0] && !strstr(kit_text(&answer, "message"), message))
			fail_msg("no reason: %s", answer.text);
		kit_answer_done(&answer);
		if (there)
			return;
		usleep(2000);
	}
	fail_msg("the import %s never was %s", id, wanted);
}

/* The operation of the account that is the newest. */
static void cancel_newest(void)
{
	struct kit_answer answer = kit_request(&kit, &owner, "GET", "/operations?limit=1", NULL, NULL);
	const json_t *first = json_array_get(json_object_get(answer.json, "items"), 0);
	char path[64];

	snprintf(path, sizeof(path), "/operations/%s", json_string_value(json_object_get(first, "id")));
	assert_int_equal(kit_status(&kit, &owner, "DELETE", path, NULL, NULL), 204);
	kit_answer_done(&answer);
}

/* One that is being read for the first time, and one that waits behind it, can be stopped; both end, and say why. */
static void test_cancelled(void **state)
{
	size_t size;
	uint8_t *text = large(25000, "stopped", &size);
	struct kit_answer first, second;

	first = kit_send(&kit, &owner, "POST", "/imports", bytes_of(text, size), "application/octet-stream", WAIT_S);
	assert_int_equal(first.status, 202);
	second = kit_send(&kit, &owner, "POST", "/imports", bytes_from_str("{}"), "application/octet-stream", WAIT_S);
	assert_int_equal(second.status, 202);
	cancel_newest();
	wait_import(kit_text(&first, "id"), "done", "");
	wait_import(kit_text(&second, "id"), "cut", "stopped");
	kit_answer_done(&first);
	kit_answer_done(&second);
	first = kit_send(&kit, &owner, "POST", "/imports", bytes_of(text, size), "application/octet-stream", WAIT_S);
	assert_int_equal(first.status, 202);
	cancel_newest();
	wait_import(kit_text(&first, "id"), "cut", "stopped");
	kit_answer_done(&first);
	free(text);
}

static bool stop_at_once(void *context, const struct report_row *row)
{
	++*(size_t *)context;
	return false;
}

/* A first reading of a long report ends when it is told to, long before its end. */
static void test_survey_stops(void **state)
{
	static const char head[] = "{\"matches\":[],\"source\":{\"type\":\"directory\",\"target\":\"";
	size_t calls = 0;
	struct finding_call call = { .db = kit.db, .scope = &nation };
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	const struct report_about about = { .name = "first reading" };
	FILE *file = tmpfile();
	struct report_row row = { 0 };
	int64_t id;

	assert_non_null(file);
	assert_true(fputs(head, file) >= 0);
	for (int i = 0; i < 16 * IMPORTS_BLOCK; i++)
		assert_true(fputc(' ', file) != EOF);
	assert_int_equal(fflush(file), 0);
	call.origin = &origin;
	assert_int_equal(report_announce(kit.db, &origin, &about, "elsewhere", &id), 0);
	assert_int_equal(imports_run(&call, id, fileno(file), stop_at_once, &calls, &row), 0);
	assert_int_equal(calls, 1);
	assert_true(lseek(fileno(file), 0, SEEK_CUR) <= IMPORTS_BLOCK);
	assert_int_equal(row.state, REPORT_CUT);
	fclose(file);
}

/* Sixteen wait: the next is refused, and its row says so. */
static void test_too_many(void **state)
{
	size_t size;
	uint8_t *text = large(12000, "many", &size);
	struct kit_answer answer;
	int64_t before = count("select count(*) from import where state = 0 and place <> 'elsewhere'");

	assert_int_equal(before, 0);
	answer = kit_send(&kit, &owner, "POST", "/imports", bytes_of(text, size), "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	for (int i = 0; i < 16; i++) {
		answer = kit_send(
			&kit, &owner, "POST", "/imports", bytes_from_str("{}"), "application/octet-stream", WAIT_S);
		if (answer.status == 429)
			break;
		kit_answer_done(&answer);
	}
	assert_int_equal(answer.status, 429);
	assert_string_equal(answer.retry_after, "30");
	kit_answer_done(&answer);
	assert_int_equal(count("select count(*) from import where state = 2 and ended_us > 0 and message <> ''"
			       " and id = (select max(id) from import)"),
		1);
	/* Another account is not kept from it. */
	answer =
		kit_send(&kit, &stranger, "POST", "/imports", bytes_from_str("{}"), "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	free(text);
	while (count("select count(*) from import where state = 0 and place <> 'elsewhere'") > 0)
		usleep(10000);
}

/* One account may have so much on its way, and so much waiting. */
static void test_share(void **state)
{
	struct kit_answer answer;
	uint8_t *text = calloc(1, SHARE + 1);
	size_t size, rest;
	uint8_t *good = large(12000, "share", &size);

	assert_non_null(text);
	answer = kit_send(
		&kit, &owner, "POST", "/imports", bytes_of(text, SHARE + 1), "application/octet-stream", WAIT_S);
	if (answer.status != 429 || !strstr(answer.text, "too-many-requests"))
		fail_msg("%ld %s", answer.status, answer.text);
	kit_answer_done(&answer);
	answer = kit_send(&kit, &owner, "POST", "/imports", bytes_of(good, size), "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	rest = SHARE - size + 1;
	answer = kit_send(&kit, &owner, "POST", "/imports", bytes_of(text, rest), "application/octet-stream", WAIT_S);
	if (answer.status != 429 || !strstr(answer.text, "/imports"))
		fail_msg("%ld %s", answer.status, answer.text);
	kit_answer_done(&answer);
	answer =
		kit_send(&kit, &stranger, "POST", "/imports", bytes_of(text, rest), "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	while (count("select count(*) from import where state = 0 and place <> 'elsewhere'") > 0)
		usleep(10000);
	/* All was given back. */
	answer = kit_send(&kit, &owner, "POST", "/imports", bytes_of(text, SHARE), "application/octet-stream", WAIT_S);
	assert_int_equal(answer.status, 202);
	kit_answer_done(&answer);
	free(good);
	free(text);
}

static void test_lists(void **state)
{
	struct kit_answer answer = kit_request(&kit, &viewer, "GET", "/imports?limit=1000", NULL, NULL);

	/* Without a tenant it is its account's and the nation's. */
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 0);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", "/imports?limit=2", NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 2);
	assert_true(json_is_string(json_object_get(answer.json, "next")));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "GET", "/imports?limit=1000", NULL, NULL);
	assert_true(json_array_size(json_object_get(answer.json, "items")) > 15);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &stranger, "GET", "/imports/1", NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/imports/999999", NULL, NULL), 404);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_target_behind),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_fault_at_the_end),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_may_not),
		cmocka_unit_test(test_large_and_packed),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_no_key_for_files),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_survey_stops),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_killed),
	};

	if (argc == 3 && !strcmp(argv[1], "killed"))
		return be_killed(argv[2]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
