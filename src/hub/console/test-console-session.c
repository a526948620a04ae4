// SPDX-License-Identifier: Apache-2.0
/* Logging in as a browser does, what a session may do, and how it ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/console/test-kit.h"

static struct kit kit;
static struct kit_session lan;
static uint32_t tenant;

static int setup(void **state)
{
	if (kit_open(&kit))
		return -1;
	tenant = kit_tenant(&kit, 0, "Bộ Y tế");
	lan = kit_user(&kit, "lan", AUTH_ROLE_OPERATOR, tenant);
	return 0;
}

static int teardown(void **state)
{
	return kit_close(&kit);
}

/* The cookie of a Set-Cookie line; ends the test when its marks are not those of a session. */
static void take_session(const struct kit_answer *answer, struct kit_session *ret)
{
	static const char name[] = "__Host-luytre=";

	assert_int_equal(strncmp(answer->cookie, name, sizeof(name) - 1), 0);
	assert_non_null(strstr(answer->cookie, "; Path=/"));
	assert_non_null(strstr(answer->cookie, "; Secure"));
	assert_non_null(strstr(answer->cookie, "; HttpOnly"));
	assert_non_null(strstr(answer->cookie, "; SameSite=Strict"));
	assert_null(strstr(answer->cookie, "Domain"));
	*ret = (struct kit_session){ .account = (uint32_t)atoi(kit_text(answer, "user")) };
	snprintf(ret->cookie, sizeof(ret->cookie), "%.*s", (int)strcspn(answer->cookie + sizeof(name) - 1, ";"),
		answer->cookie + sizeof(name) - 1);
	snprintf(ret->csrf, sizeof(ret->csrf), "%s", kit_text(answer, "csrf"));
}

static bool has(const struct kit_answer *answer, const char *key, const char *word)
{
	const json_t *list = json_object_get(answer->json, key), *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (strcmp(json_string_value(one), word) == 0)
			return true;
	return false;
}

static void test_log_in_and_out(void **state)
{
	struct kit_session session;
	struct kit_answer answer = kit_request(
		&kit, NULL, "POST", "/session", "{\"login\":\"LAN\",\"password\":\"" KIT_PASSWORD "\"}", NULL);
	struct kit_stream *stream;

	assert_int_equal(answer.status, 201);
	take_session(&answer, &session);
	assert_string_equal(kit_text(&answer, "second_factor"), "none");
	assert_true(has(&answer, "permissions", "decisions.write"));
	assert_false(has(&answer, "permissions", "users.write"));
	kit_answer_done(&answer);

	answer = kit_request(&kit, &session, "GET", "/session", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "csrf"), session.csrf);
	assert_int_equal(json_array_size(json_object_get(answer.json, "grants")), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(answer.json, "grants"), 0), "tenant_name")),
		"Bộ Y tế");
	kit_answer_done(&answer);

	stream = kit_stream_open(&kit, &session, "tenants");
	answer = kit_request(&kit, &session, "DELETE", "/session", NULL, NULL);
	assert_int_equal(answer.status, 204);
	assert_non_null(strstr(answer.cookie, "Max-Age=0"));
	kit_answer_done(&answer);
	assert_true(kit_stream_ended(stream, 3000));
	kit_stream_close(stream);
	assert_int_equal(kit_status(&kit, &session, "GET", "/session", NULL, NULL), 401);
}

/* Each is refused, with this problem. */
static void test_refused(void **state)
{
	static const struct {
		const char *body, *problem;
		long status;
	} rows[] = {
		{ "{\"login\":\"lan\",\"password\":\"wrong\"}", "wrong-credentials", 401 },
		{ "{\"login\":\"nobody\",\"password\":\"" KIT_PASSWORD "\"}", "wrong-credentials", 401 },
		{ "{\"login\":\"lan'--\",\"password\":\"" KIT_PASSWORD "\"}", "wrong-credentials", 401 },
		{ "{\"login\":\"admin\",\"password\":\"" KIT_PASSWORD "\"}", "second-factor-required", 401 },
		{ "{\"login\":\"admin\",\"password\":\"" KIT_PASSWORD "\",\"code\":\"000000\"}", "wrong-credentials",
			401 },
		{ "{\"login\":\"lan\"}", "invalid-request", 400 },
		{ "{\"login\":\"lan\",\"password\":\"x\",\"role\":\"nation-admin\"}", "invalid-request", 400 },
		{ "[]", "invalid-request", 400 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct kit_answer answer = kit_request(&kit, NULL, "POST", "/session", rows[i].body, NULL);

		if (answer.status != rows[i].status || strcmp(kit_problem(&answer), rows[i].problem) != 0)
			fail_msg("%s: %ld %s", rows[i].body, answer.status, answer.text);
		assert_string_equal(answer.cookie, "");
		kit_answer_done(&answer);
	}
}

static void test_throttled(void **state)
{
	struct kit_answer answer = { 0 };

	kit_user(&kit, "hoa", AUTH_ROLE_VIEWER, tenant);
	for (int i = 0; i < 8 && answer.status != 429; i++) {
		kit_answer_done(&answer);
		answer =
			kit_request(&kit, NULL, "POST", "/session", "{\"login\":\"hoa\",\"password\":\"wrong\"}", NULL);
	}
	assert_int_equal(answer.status, 429);
	assert_true(atoi(answer.retry_after) > 0);
	kit_answer_done(&answer);
	/* Also the right password waits: the door is closed for the name. */
	assert_int_equal(kit_status(&kit, NULL, "POST", "/session",
				 "{\"login\":\"hoa\",\"password\":\"" KIT_PASSWORD "\"}", NULL),
		429);
}

static void test_forgery(void **state)
{
	struct kit_session bare = lan;

	bare.csrf[0] = '\0';
	assert_int_equal(kit_status(&kit, &bare, "DELETE", "/session", NULL, NULL), 403);
	memcpy(bare.csrf, kit.admin.csrf, sizeof(bare.csrf));
	assert_int_equal(kit_status(&kit, &bare, "DELETE", "/session", NULL, NULL), 403);
	assert_int_equal(kit_status(&kit, &lan, "GET", "/session", NULL, NULL), 200);
}

static void test_broken_cookies(void **state)
{
	static const char *const headers[] = { "Cookie: __Host-luytre=", "Cookie: __Host-luytre=AAAA",
		"Cookie: a=b; __Host-luytre=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Cookie: luytre=x; ;;",
		"Authorization: Basic YWRtaW46eA==", "Authorization: Bearer ",
		"Authorization: Bearer hub_000000000000000000000000000000000000000000000000" };

	for (size_t i = 0; i < ARRAY_COUNT(headers); i++)
		assert_int_equal(kit_status(&kit, NULL, "GET", "/session", NULL, headers[i]), 401);
}

static void test_cookie_among_others(void **state)
{
	char header[256];

	snprintf(header, sizeof(header), "Cookie: theme=dark; __Host-luytre=%s; x=y", lan.cookie);
	assert_int_equal(kit_status(&kit, NULL, "GET", "/session", NULL, header), 200);
}

static void test_password(void **state)
{
	struct kit_session mai = kit_user(&kit, "mai", AUTH_ROLE_VIEWER, tenant), other = kit_login(&kit, "mai");
	struct kit_session token = kit_token(&kit, &mai, UINT64_C(1) << AUTH_EVENTS_READ);
	const char *good = "{\"old\":\"" KIT_PASSWORD "\",\"new\":\"a bridge of seven reeds\"}";
	struct kit_answer answer;

	assert_int_equal(kit_status(&kit, &token, "PUT", "/session/password", good, NULL), 403);
	assert_int_equal(kit_status(&kit, &mai, "PUT", "/session/password",
				 "{\"old\":\"not it at all\",\"new\":\"a bridge of seven reeds\"}", NULL),
		401);
	answer = kit_request(&kit, &mai, "PUT", "/session/password",
		"{\"old\":\"" KIT_PASSWORD "\",\"new\":\"aaaaaaaaaaaaaaa\"}", NULL);
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.text, "few different"));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &mai, "PUT", "/session/password", good, NULL), 204);
	assert_int_equal(kit_status(&kit, &mai, "GET", "/session", NULL, NULL), 200);
	assert_int_equal(kit_status(&kit, &other, "GET", "/session", NULL, NULL), 401);
	assert_int_equal(kit_status(&kit, NULL, "POST", "/session",
				 "{\"login\":\"mai\",\"password\":\"a bridge of seven reeds\"}", NULL),
		201);
}

static void test_second_factor(void **state)
{
	struct kit_session mai = kit_user(&kit, "trang", AUTH_ROLE_VIEWER, tenant);
	struct kit_answer answer = kit_request(&kit, &mai, "POST", "/session/totp", NULL, NULL);
	char *raw = NULL, code[8], body[256];
	size_t size = 0;

	assert_int_equal(answer.status, 201);
	assert_int_equal(
		oath_base32_decode(kit_text(&answer, "secret"), strlen(kit_text(&answer, "secret")), &raw, &size),
		OATH_OK);
	assert_non_null(strstr(kit_text(&answer, "uri"), "otpauth://totp/"));
	kit_answer_done(&answer);
	assert_int_equal(
		oath_totp_generate(raw, size, (time_t)(clock_real_ns() / NS_PER_S), TOTP_STEP_S, 0, 6, code), OATH_OK);
	free(raw);
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", strcmp(code, "000000") ? "000000" : "000001");
	assert_int_equal(kit_status(&kit, &mai, "PUT", "/session/totp", body, NULL), 401);
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
	answer = kit_request(&kit, &mai, "PUT", "/session/totp", body, NULL);
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_array_size(json_object_get(answer.json, "codes")), TOTP_SPARE_COUNT);
	snprintf(body, sizeof(body), "{\"login\":\"trang\",\"password\":\"" KIT_PASSWORD "\",\"code\":\"%s\"}",
		json_string_value(json_array_get(json_object_get(answer.json, "codes"), 0)));
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &mai, "POST", "/session/totp", NULL, NULL), 409);
	answer = kit_request(&kit, NULL, "POST", "/session", body, NULL);
	assert_int_equal(answer.status, 201);
	assert_string_equal(kit_text(&answer, "second_factor"), "totp");
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, NULL, "POST", "/session", body, NULL), 401); /* a code is good once */
}

/* Who must change his password may see himself and nothing else. */
static void test_limited(void **state)
{
	struct kit_session session;
	struct kit_answer answer;

	assert_int_equal(
		db_run(kit.db, "update account set must_change = 1 where id = ?1", DB_ARGS(db_i64(lan.account)), NULL),
		0);
	answer = kit_request(
		&kit, NULL, "POST", "/session", "{\"login\":\"lan\",\"password\":\"" KIT_PASSWORD "\"}", NULL);
	assert_int_equal(answer.status, 201);
	take_session(&answer, &session);
	assert_true(json_is_true(json_object_get(answer.json, "password_expired")));
	assert_int_equal(json_array_size(json_object_get(answer.json, "permissions")), 0);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &session, "GET", "/tenants", NULL, NULL), 403);
	assert_int_equal(
		db_run(kit.db, "update account set must_change = 0 where id = ?1", DB_ARGS(db_i64(lan.account)), NULL),
		0);
}

static void test_token_session(void **state)
{
	struct kit_session token = kit_token(&kit, &lan, UINT64_C(1) << AUTH_EVENTS_READ);
	struct kit_answer answer = kit_request(&kit, &token, "GET", "/session", NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "name"), "lan");
	assert_int_equal(json_array_size(json_object_get(answer.json, "permissions")), 1);
	kit_answer_done(&answer);
	assert_int_equal(kit_status(&kit, &token, "DELETE", "/session", NULL, NULL), 403);
}

static void test_over_restart(void **state)
{
	kit_restart(&kit);
	assert_null(console_first_password(kit.console));
	assert_int_equal(kit_status(&kit, &lan, "GET", "/session", NULL, NULL), 200);
}

/* What belongs to others is not heard. */
static void test_stream(void **state)
{
	uint32_t other = kit_tenant(&kit, 0, "Bộ Công an");
	struct kit_stream *ours = kit_stream_open(&kit, &lan, "events,settings"),
			  *all = kit_stream_open(&kit, &kit.admin, "events,settings");

	console_publish(kit.console, CONSOLE_TOPIC_TENANTS, tenant, bytes_from_str("{}"));
	console_publish(kit.console, CONSOLE_TOPIC_EVENTS, other, bytes_from_str("{\"n\":\"theirs\"}"));
	console_publish(kit.console, CONSOLE_TOPIC_SETTINGS, CONSOLE_EVERYBODY, bytes_from_str("{\"n\":\"hidden\"}"));
	console_publish(kit.console, CONSOLE_TOPIC_EVENTS, 0, bytes_from_str("{\"n\":\"nation\"}"));
	console_publish(kit.console, CONSOLE_TOPIC_EVENTS, tenant, bytes_from_str("{\"n\":\"ours\"}"));
	console_publish(kit.console, CONSOLE_TOPIC_EVENTS, CONSOLE_EVERYBODY, bytes_from_str("{\"n\":\"all\"}"));
	assert_true(kit_stream_heard(ours, "\"all\"", 3000));
	assert_true(kit_stream_heard(ours, "\"ours\"", 0));
	assert_false(kit_stream_heard(ours, "theirs", 0));
	assert_false(kit_stream_heard(ours, "hidden", 0));
	assert_false(kit_stream_heard(ours, "nation", 0));
	assert_true(kit_stream_heard(all, "\"all\"", 3000));
	assert_true(kit_stream_heard(all, "theirs", 0));
	assert_true(kit_stream_heard(all, "hidden", 0));
	assert_true(kit_stream_heard(all, "nation", 0));
	kit_stream_close(ours);
	kit_stream_close(all);
}

static void test_meta(void **state)
{
	struct kit_answer answer = kit_request(&kit, NULL, "GET", "/health", NULL, NULL);

	assert_int_equal(answer.status, 200);
	assert_string_equal(kit_text(&answer, "state"), "up");
	kit_answer_done(&answer);
	answer = kit_request(&kit, NULL, "GET", "/openapi.json", NULL, NULL);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(kit_text(&answer, "openapi"), "3.1"));
	kit_answer_done(&answer);
}

/* Events are told under the core's lock: neither an account in the making nor a database that keeps one waiting may hold them up. */
static void test_stream_waits_for_no_database(void **state)
{
	struct kit_stream *stream = kit_stream_open(&kit, &kit.admin, "settings");
	bool heard;

	assert_non_null(stream);
	pthread_mutex_lock(&kit.console->db_lock);
	console_publish(kit.console, CONSOLE_TOPIC_SETTINGS, CONSOLE_EVERYBODY, bytes_from_str("{\"revision\":7007}"));
	heard = kit_stream_heard(stream, "7007", 3000);
	pthread_mutex_unlock(&kit.console->db_lock);
	kit_stream_close(stream);
	assert_true(heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_in_and_out),
		cmocka_unit_test(test_forgery),
		cmocka_unit_test(test_broken_cookies),
		cmocka_unit_test(test_cookie_among_others),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_second_factor),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_token_session),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_waits_for_no_database),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_over_restart),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_throttled),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
