// SPDX-License-Identifier: Apache-2.0
/* People, roles, tokens, the audit log and settings, through the API. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/console/test-kit.h"

static struct kit kit;
static uint32_t ours, theirs, below;
static struct kit_session owner, foreign, auditor, viewer;

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	ours = kit_tenant(&kit, 0, "Bộ Y tế");
	below = kit_tenant(&kit, ours, "Bệnh viện Bạch Mai");
	theirs = kit_tenant(&kit, 0, "Bộ Công Thương");
	owner = kit_user(&kit, "binh", AUTH_ROLE_OWNER, ours);
	foreign = kit_user(&kit, "khoa", AUTH_ROLE_OWNER, theirs);
	auditor = kit_user(&kit, "thanh", AUTH_ROLE_AUDITOR, 0);
	viewer = kit_user(&kit, "tuan", AUTH_ROLE_VIEWER, ours);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

static const char *path_of(const char *format, uint64_t id)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % 4];
	const char *mark = strchr(format, '#');

	snprintf(path, 128, "%.*s%llu%s", (int)(mark - format), format, (unsigned long long)id, mark + 1);
	return path;
}

static uint64_t id_of(const struct kit_answer *answer, const char *key)
{
	return strtoull(kit_text(answer, key), NULL, 10);
}

/* Somebody new, made by 'by'; the answer must be 201. */
static uint64_t add_user(const struct kit_session *by, const char *login)
{
	char body[256];
	struct kit_answer answer;
	uint64_t id;

	snprintf(body, sizeof(body),
		"{\"login\":\"%s\",\"name\":\"Nguyễn Thị Hà\",\"mail\":\"ha@example.vn\",\"language\":\"en\"}", login);
	answer = kit_request(&kit, by, "POST", "/users", body, NULL);
	if (answer.status != 201)
		fail_msg("%ld %s", answer.status, answer.text);
	id = id_of(&answer, "id");
	assert_non_null(strstr(answer.location, "/api/v1/users/"));
	assert_true(strlen(kit_text(&answer, "password")) >= 20);
	kit_answer_done(&answer);
	return id;
}

static void test_create(void **state)
{
	uint64_t id = add_user(&owner, "ha.nguyen");
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path_of("/users/#", id), NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "Nguyễn Thị Hà");
	assert_string_equal(kit_text(&answer, "mail"), "ha@example.vn");
	assert_string_equal(kit_text(&answer, "language"), "en");
	assert_int_equal(id_of(&answer, "tenant"), ours); /* as who made it */
	assert_string_equal(answer.etag, "\"r1\"");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "GET", path_of("/users/#", id), NULL, "If-None-Match: \"r1\""), 304);
	assert_int_equal(kit_status(&kit, &foreign, "GET", path_of("/users/#", id), NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &viewer, "GET", path_of("/users/#", id), NULL, NULL), 403);
	assert_int_equal(
		kit_status(&kit, &owner, "POST", "/users", "{\"login\":\"ha.nguyen\",\"name\":\"x\"}", NULL), 409);
}

/* Where one has no say nobody can be put. */
static void test_create_elsewhere(void **state)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"login\":\"cuong\",\"name\":\"x\",\"tenant\":\"%u\"}", theirs);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/users", body, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/users",
				 "{\"login\":\"cuong\",\"name\":\"x\",\"tenant\":null}", NULL),
		404);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/users",
				 "{\"login\":\"cuong\",\"name\":\"x\",\"tenant\":\"999999\"}", NULL),
		404);
	snprintf(body, sizeof(body), "{\"login\":\"cuong\",\"name\":\"x\",\"tenant\":\"%u\"}", below);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/users", body, NULL), 201);
	assert_int_equal(kit_status(&kit, &auditor, "POST", "/users", body, NULL), 403);
}

static void test_update(void **state)
{
	uint64_t id = add_user(&owner, "dung.le");
	const char *path = path_of("/users/#", id);
	struct kit_answer answer;

	assert_int_equal(kit_status(&kit, &owner, "PATCH", path, "{\"name\":\"Lê Dũng\"}", NULL), 428);
	assert_int_equal(kit_status(&kit, &owner, "PATCH", path, "{\"name\":\"Lê Dũng\"}", "If-Match: \"r9\""), 412);
	answer = kit_request(
		&kit, &owner, "PATCH", path, "{\"name\":\"Lê Dũng\",\"mail\":\"d@example.vn\"}", "If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "Lê Dũng");
	assert_string_equal(kit_text(&answer, "mail"), "d@example.vn");
	assert_string_equal(kit_text(&answer, "language"), "en"); /* as it was */
	assert_string_equal(answer.etag, "\"r2\"");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &foreign, "PATCH", path, "{\"disabled\":true}", "If-Match: \"r2\""), 404);
	assert_int_equal(kit_status(&kit, &foreign, "DELETE", path, NULL, "If-Match: \"r2\""), 404);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", path, NULL, "If-Match: \"r2\""), 204);
	assert_int_equal(kit_status(&kit, &owner, "GET", path, NULL, NULL), 404);
}

static void test_disable(void **state)
{
	struct kit_session phuong = kit_user(&kit, "phuong", AUTH_ROLE_VIEWER, ours);
	struct kit_stream *stream = kit_stream_open(&kit, &phuong, "events");
	const char *path = path_of("/users/#", phuong.account);
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path, NULL, NULL);
	char match[KIT_HEADER_SIZE + 16];

	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "PATCH", path, "{\"disabled\":true}", match), 200);
	assert_int_equal(kit_status(&kit, &phuong, "GET", "/session", NULL, NULL), 401);
	assert_true(kit_stream_ended(stream, 3000));
	kit_stream_close(stream);
}

/* The only one who rules the nation stays. */
static void test_last_login(void **state)
{
	const uint64_t id = add_user(&owner, "moi.vao");
	struct kit_answer answer = kit_request(&kit, &owner, "GET", path_of("/users/#", id), NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_true(json_is_null(json_object_get(answer.json, "last_login")));
	kit_answer_done(&answer);
	answer = kit_request(&kit, &owner, "GET", path_of("/users/#", viewer.account), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_non_null(json_string_value(json_object_get(answer.json, "last_login")));
	assert_true(strcmp(kit_text(&answer, "last_login"), kit_text(&answer, "created")) >= 0);
	kit_answer_done(&answer);
}

static void test_last_admin(void **state)
{
	const char *path = path_of("/users/#", kit.admin.account);
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", path, NULL, NULL);
	char match[KIT_HEADER_SIZE + 16];

	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &kit.admin, "PATCH", path, "{\"disabled\":true}", match), 409);
	assert_int_equal(kit_status(&kit, &kit.admin, "DELETE", path, NULL, match), 409);
	assert_int_equal(kit_status(&kit, &owner, "GET", path, NULL, NULL), 404);
}

static void test_reset_and_sessions(void **state)
{
	struct kit_session linh = kit_user(&kit, "linh", AUTH_ROLE_VIEWER, ours);
	const char *sessions = path_of("/users/#/sessions", linh.account),
		   *reset = path_of("/users/#/reset", linh.account);
	struct kit_answer answer;
	char body[256];

	kit_login(&kit, "linh");
	answer = kit_request(&kit, &owner, "GET", sessions, NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 2);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &foreign, "GET", sessions, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &foreign, "DELETE", sessions, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", sessions, NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &linh, "GET", "/session", NULL, NULL), 401);

	assert_int_equal(kit_status(&kit, &foreign, "POST", reset, "{\"reason\":\"lost phone\"}", NULL), 404);
	answer = kit_request(&kit, &owner, "POST", reset, "{\"reason\":\"lost phone\"}", NULL);
	assert_int_equal(answer.status, 201);
	snprintf(body, sizeof(body), "{\"login\":\"linh\",\"password\":\"%s\"}", kit_text(&answer, "password"));
	kit_answer_done(&answer);
	answer = kit_request(&kit, NULL, "POST", "/session", body, NULL);
	assert_int_equal(answer.status, 201);
	assert_true(json_is_true(json_object_get(answer.json, "password_expired")));
	kit_answer_done(&answer);
}

static size_t count_of(const struct kit_session *session, const char *path, const char *must_not)
{
	struct kit_answer answer = kit_request(&kit, session, "GET", path, NULL, NULL);
	size_t count = json_array_size(json_object_get(answer.json, "items"));

	assert_int_equal(answer.status, 200);
	if (must_not && strstr(answer.text, must_not))
		fail_msg("%s: \"%s\" stands in %s", path, must_not, answer.text);
	kit_answer_done(&answer);
	return count;
}

/* All pages of a list, each of one item, are the list. */
static void check_pages(const struct kit_session *session, const char *base, size_t expected)
{
	char path[256];
	size_t count = 0;

	snprintf(path, sizeof(path), "%s?limit=1", base);
	for (bool more = true; more && count <= expected;) {
		struct kit_answer answer = kit_request(&kit, session, "GET", path, NULL, NULL);

		assert_int_equal(answer.status, 200);
		count += json_array_size(json_object_get(answer.json, "items"));
		more = json_is_string(json_object_get(answer.json, "next"));
		if (more)
			snprintf(path, sizeof(path), "%s?limit=1&cursor=%s", base, kit_text(&answer, "next"));
		kit_answer_done(&answer);
	}
	assert_int_equal(count, expected);
}

static void test_lists(void **state)
{
	size_t all = count_of(&kit.admin, "/users", NULL), some = count_of(&owner, "/users", "khoa");

	assert_true(some > 0 && some < all);
	check_pages(&owner, "/users", some);
	assert_int_equal(count_of(&owner, "/users?text=BINH", NULL), 1);
	assert_int_equal(count_of(&owner, path_of("/users?tenant=#", below), NULL), 1);
	assert_int_equal(kit_status(&kit, &owner, "GET", path_of("/users?tenant=#", theirs), NULL, NULL), 404);
	check_pages(&owner, "/grants", count_of(&owner, "/grants", "Công Thương"));
	assert_int_equal(count_of(&owner, path_of("/grants?user=#", viewer.account), NULL), 1);
	assert_int_equal(count_of(&owner, path_of("/grants?user=#", foreign.account), NULL), 0);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/users", NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/grants", NULL, NULL), 403);
}

static void test_grants(void **state)
{
	struct kit_session duc = kit_user(&kit, "duc", AUTH_ROLE_VIEWER, ours);
	struct kit_answer answer;
	char body[256], id[64];
	/* Each is refused. */
	const struct {
		const struct kit_session *by;
		const char *role;
		uint32_t tenant;
		long status;
	} rows[] = {
		{ &owner, "nation-admin", 0, 403 }, /* more than one has */
		{ &owner, "analyst", 0, 403 },
		{ &owner, "analyst", ours, 400 }, /* no role of a tenant */
		{ &owner, "tenant-viewer", theirs, 404 },
		{ &owner, "tenant-viewer", 999999, 404 },
		{ &owner, "drill-master", ours, 403 }, /* has rights that an owner has not */
		{ &foreign, "tenant-viewer", theirs, 404 }, /* not his account */
		{ &viewer, "tenant-viewer", ours, 403 },
		{ &auditor, "tenant-viewer", ours, 403 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		long status;

		snprintf(body, sizeof(body),
			rows[i].tenant ? "{\"user\":\"%u\",\"role\":\"%s\",\"tenant\":\"%u\"}"
				       : "{\"user\":\"%u\",\"role\":\"%s\",\"tenant\":null}",
			duc.account, rows[i].role, rows[i].tenant);
		status = kit_status(&kit, rows[i].by, "POST", "/grants", body, NULL);
		if (status != rows[i].status)
			fail_msg("row %zu: %ld", i, status);
	}
	snprintf(body, sizeof(body), "{\"user\":\"%u\",\"role\":\"tenant-operator\",\"tenant\":\"%u\"}", duc.account,
		below);
	answer = kit_request(&kit, &owner, "POST", "/grants", body, NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "tenant_name"), "Bệnh viện Bạch Mai");
	snprintf(id, sizeof(id), "/grants/%s", kit_text(&answer, "id"));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/grants", body, NULL), 409);
	assert_int_equal(kit_status(&kit, &foreign, "DELETE", id, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &viewer, "DELETE", id, NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", id, NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", id, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", "/grants/9223372036854775807", NULL, NULL), 404);
}

/* A role that was taken away counts no more, at once. */
static void test_grant_taken(void **state)
{
	struct kit_session giang = kit_user(&kit, "giang", AUTH_ROLE_OWNER, below);
	struct kit_stream *stream = kit_stream_open(&kit, &giang, "events");
	struct kit_answer answer =
		kit_request(&kit, &owner, "GET", path_of("/grants?user=#", giang.account), NULL, NULL);
	char path[64];

	assert_int_equal(kit_status(&kit, &giang, "GET", "/users", NULL, NULL), 200);
	snprintf(path, sizeof(path), "/grants/%s",
		json_string_value(json_object_get(json_array_get(json_object_get(answer.json, "items"), 0), "id")));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", path, NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &giang, "GET", "/users", NULL, NULL), 403);
	assert_true(kit_stream_ended(stream, 3000));
	kit_stream_close(stream);
}

static void test_tokens(void **state)
{
	struct kit_session token = { 0 };
	struct kit_answer answer = kit_request(&kit, &owner, "POST", "/tokens",
		"{\"name\":\"Kết xuất\",\"permissions\":[\"users.read\"],\"days\":90}", NULL);
	char path[64];

	assert_int_equal(answer.status, 201);
	snprintf(token.token, sizeof(token.token), "%s", kit_text(&answer, "secret"));
	snprintf(path, sizeof(path), "/tokens/%s", kit_text(&answer, "id"));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &token, "GET", "/users", NULL, NULL), 200);
	assert_int_equal(kit_status(&kit, &token, "GET", "/audit", NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &token, "POST", "/users", "{\"login\":\"xx\",\"name\":\"x\"}", NULL), 403);
	assert_int_equal(kit_status(&kit, &token, "GET", "/tokens", NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &token, "POST", "/tokens",
				 "{\"name\":\"x\",\"permissions\":[\"users.read\"],\"days\":1}", NULL),
		403);
	assert_int_equal(kit_status(&kit, &token, "DELETE", path, NULL, NULL), 403);
	assert_int_equal(count_of(&owner, "/tokens", token.token), 1);
	assert_int_equal(count_of(&foreign, "/tokens", NULL), 0);
	assert_int_equal(kit_status(&kit, &foreign, "DELETE", path, NULL, NULL), 404);
	assert_int_equal(kit_status(&kit, &owner, "DELETE", path, NULL, NULL), 204);
	assert_int_equal(kit_status(&kit, &token, "GET", "/users", NULL, NULL), 401);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/tokens",
				 "{\"name\":\"x\",\"permissions\":[\"root\"],\"days\":1}", NULL),
		400);
	assert_int_equal(kit_status(&kit, &owner, "POST", "/tokens",
				 "{\"name\":\"x\",\"permissions\":[\"users.read\"],\"days\":367}", NULL),
		400);
}

/* Cuts the log in front of what is written now. The archive is missed while it lies elsewhere. Returns the last record that left. */
static int64_t check_archives(const struct kit_session *who)
{
	char path[128], elsewhere[128], line[AUDIT_LINE_SIZE];
	const struct audit_record record = { .action = "x.y", .subject = "s" };
	struct audit_origin origin = { .actor = "system" };
	struct kit_answer answer;
	struct audit_key key;
	int64_t count = 0, cut;

	snprintf(path, sizeof(path), "%s/audit.key", kit.dir);
	assert_int_equal(audit_key_load(path, &key), 0);
	origin.now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	assert_int_equal(audit_sign(kit.db, &key, origin.now_us, line), 0);
	origin.now_us += 1000000; /* later than all that was signed */
	assert_int_equal(audit_append(kit.db, &origin, &record), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/carried-away", kit.dir);
	assert_int_equal(audit_archive(kit.db, &key, origin.now_us, origin.now_us, elsewhere, &count), 0);
	answer = kit_request(&kit, who, "GET", "/audit/verification", NULL, NULL);
	assert_true(json_is_true(json_object_get(answer.json, "whole")));
	assert_string_equal(kit_text(&answer, "archives"), "missing");
	cut = strtoll(kit_text(&answer, "archived_until"), NULL, 10);
	kit_answer_done(&answer);
	assert_int_equal(cut, count);
	snprintf(path, sizeof(path), "%s/audit-archive", kit.dir);
	assert_int_equal(rename(elsewhere, path), 0);
	answer = kit_request(&kit, who, "GET", "/audit/verification", NULL, NULL);
	assert_string_equal(kit_text(&answer, "archives"), "whole");
	kit_answer_done(&answer);
	return cut;
}

static void test_audit(void **state)
{
	uint64_t id = add_user(&foreign, "secret.person");
	struct kit_answer answer;
	int64_t cut;
	size_t count = count_of(&owner, "/audit?limit=1000", "secret.person");

	assert_true(count > 0);
	assert_true(count_of(&kit.admin, "/audit?limit=1000", NULL) > count);
	assert_int_equal(kit_status(&kit, &viewer, "GET", "/audit", NULL, NULL), 403);
	answer = kit_request(&kit, &foreign, "GET",
		path_of("/audit?limit=1&action=account.create&actor=#", foreign.account), NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.text, "secret.person"));
	assert_non_null(strstr(answer.text, "\"actor\":\"khoa\""));
	kit_answer_done(&answer);
	assert_int_equal(count_of(&owner, path_of("/audit?actor=#", foreign.account), NULL), 0);
	assert_int_equal(count_of(&owner, "/audit?until=2020-01-01T00:00:00Z", NULL), 0);
	assert_int_equal(count_of(&owner, "/audit?from=2100-01-01T00:00:00Z", NULL), 0);
	assert_int_equal(kit_status(&kit, &owner, "GET", path_of("/audit?tenant=#", theirs), NULL, NULL), 404);
	check_pages(&owner, "/audit", count_of(&owner, "/audit?limit=1000", NULL));
	answer = kit_request(&kit, &auditor, "GET", "/audit/verification", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_true(json_is_true(json_object_get(answer.json, "whole")));
	assert_int_equal(strlen(kit_text(&answer, "head")), 64);
	assert_true(json_is_null(json_object_get(answer.json, "archived_until")));
	assert_string_equal(kit_text(&answer, "archives"), "none");
	kit_answer_done(&answer);
	cut = check_archives(&auditor);
	assert_int_equal(
		db_run(kit.db, "update audit set actor = 'nobody' where sequence = ?1", DB_ARGS(db_i64(cut + 1)), NULL),
		0);
	answer = kit_request(&kit, &auditor, "GET", "/audit/verification", NULL, NULL);
	assert_true(json_is_false(json_object_get(answer.json, "whole")));
	assert_int_equal(strtoll(kit_text(&answer, "broken_at"), NULL, 10), cut + 1);
	kit_answer_done(&answer);
	assert_true(id > 0);
}

/* Whether what the hub itself decides is only watched by edges. */
static bool edges_watch(void)
{
	const struct engine_decision decision = { .level = DECIDE_BLOCK };
	bool watched;

	core_lock(kit.core);
	watched = core_watches(kit.core, &decision);
	core_unlock(kit.core);
	return watched;
}

static void test_settings(void **state)
{
	struct kit_stream *stream = kit_stream_open(&kit, &auditor, "settings");
	struct kit_answer answer = kit_request(&kit, &auditor, "GET", "/settings", NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r1\"");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "keep_events_days")), 30);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "keep_audit_days")), 0);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &owner, "GET", "/settings", NULL, NULL), 403);
	assert_int_equal(
		kit_status(&kit, &auditor, "PATCH", "/settings", "{\"keep_events_days\":9}", "If-Match: \"r1\""), 403);
	assert_int_equal(/* less than a year is no audit log */
		kit_status(&kit, &kit.admin, "PATCH", "/settings", "{\"keep_audit_days\":364}", "If-Match: \"r1\""),
		400);
	assert_int_equal(
		kit_status(&kit, &kit.admin, "PATCH", "/settings", "{\"keep_events_days\":0}", "If-Match: \"r1\""),
		400);
	answer = kit_request(&kit, &kit.admin, "PATCH", "/settings",
		"{\"keep_events_days\":90,\"collective_blocks\":false,\"notice\":\"Bảo "
		"trì\",\"second_factor_required\":\"nobody\"}",
		"If-Match: \"r1\"");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.etag, "\"r2\"");
	kit_answer_done(&answer);
	assert_true(edges_watch());
	assert_true(kit_stream_heard(stream, "\"revision\":2", 3000));
	kit_stream_close(stream);
	assert_int_equal(
		kit_status(&kit, &kit.admin, "PATCH", "/settings", "{\"keep_events_days\":91}", "If-Match: \"r1\""),
		412);
	kit_restart(&kit);
	answer = kit_request(&kit, &kit.admin, "GET", "/settings", NULL, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer.json, "keep_events_days")), 90);
	assert_true(json_is_false(json_object_get(answer.json, "collective_blocks")));
	assert_true(edges_watch()); /* also after a restart */
	assert_string_equal(kit_text(&answer, "notice"), "Bảo trì");
	assert_string_equal(kit_text(&answer, "second_factor_required"), "nobody");
	assert_int_equal(json_integer_value(json_object_get(answer.json, "session_idle_min")), 30);
	kit_answer_done(&answer);
	answer = kit_request(&kit, &kit.admin, "PATCH", "/settings", "{\"notice\":null,\"collective_blocks\":true}",
		"If-Match: \"r2\"");
	assert_true(json_is_null(json_object_get(answer.json, "notice")));
	kit_answer_done(&answer);
	assert_false(edges_watch());
}

/* The settings, changed to this. */
static void set(const char *body)
{
	struct kit_answer answer = kit_request(&kit, &kit.admin, "GET", "/settings", NULL, NULL);
	char match[KIT_HEADER_SIZE + 16];

	snprintf(match, sizeof(match), "If-Match: %s", answer.etag);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &kit.admin, "PATCH", "/settings", body, match), 200);
}

/* How long a session lives without a request. */
static void test_idle(void **state)
{
	struct kit_session son = kit_user(&kit, "son", AUTH_ROLE_VIEWER, ours);

	set("{\"session_idle_min\":9}");
	assert_int_equal(db_run(kit.db, "update account_session set seen_us = seen_us - 600000000 where account = ?1",
				 DB_ARGS(db_i64(son.account)), NULL),
		0);
	assert_int_equal(kit_status(&kit, &son, "GET", "/session", NULL, NULL), 401);
	kit_restart(&kit);
	assert_int_equal(kit_status(&kit, &son, "GET", "/session", NULL, NULL), 401);
	set("{\"session_idle_min\":11}");
	assert_int_equal(kit_status(&kit, &son, "GET", "/session", NULL, NULL), 200);
}

/* Whoever needs a second factor may do nothing before he has one. */
static void test_factor_for_everybody(void **state)
{
	static const struct {
		const char *body;
		long auditor, admin;
	} rows[] = {
		{ "{\"second_factor_required\":\"everybody\"}", 403, 200 },
		{ "{\"second_factor_required\":\"admins\"}", 200, 200 },
		{ "{\"second_factor_required\":\"nobody\"}", 200, 200 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		set(rows[i].body);
		assert_int_equal(kit_status(&kit, &auditor, "GET", "/users", NULL, NULL), rows[i].auditor);
		assert_int_equal(kit_status(&kit, &auditor, "GET", "/session", NULL, NULL), 200);
		assert_int_equal(kit_status(&kit, &kit.admin, "GET", "/users", NULL, NULL), rows[i].admin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_elsewhere),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_last_login),
		cmocka_unit_test(test_last_admin),
		cmocka_unit_test(test_reset_and_sessions),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_grant_taken),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_factor_for_everybody),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_audit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
