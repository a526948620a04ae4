// SPDX-License-Identifier: Apache-2.0
/* For the tests of the console: a real core and console in a temporary folder, and a client that speaks HTTPS to it with the hub's
 * authority. What a test needs is made through libraries, so that it does not depend on other handlers:
 *
 *	static struct kit kit;
 *	static int setup(void **state) { return kit_open(&kit); }
 *	static int teardown(void **state) { return kit_close(&kit); }
 *	...
 *	uint32_t ministry = kit_tenant(&kit, 0, "Bộ Y tế");
 *	struct kit_session lan = kit_user(&kit, "lan", AUTH_ROLE_OPERATOR, ministry);
 *	struct kit_answer answer = kit_request(&kit, &lan, "PATCH", "/tenants/7", "{\"name\":\"Sở\"}", "If-Match: \"r1\"");
 *
 *	assert_int_equal(answer.status, 200);
 *	... json_object_get(answer.json, "name") ...
 *	kit_answer_done(&answer);
 *
 * Whatever goes wrong inside ends the test (cmocka). One kit belongs to one thread, streams have their own. */
#pragma once

#include <jansson.h>

#include "hub/console/internal.h"

/* Names of people must not stand in it. */
#define KIT_PASSWORD "Xq7-Zw9-Kp3-Vb5-Rt1"

enum { KIT_USERS_MAX = 64, KIT_HEADER_SIZE = 512, KIT_SPARES_MAX = TOTP_SPARE_COUNT };

struct kit_session {
	uint32_t account;
	char cookie[AUTH_COOKIE_SIZE], csrf[AUTH_CSRF_SIZE]; /* "": none */
	char token[AUTH_TOKEN_SIZE]; /* "": none */
};

/* The second factor of who needs one: one-time codes that were not used yet. */
struct kit_factor {
	char name[AUTH_NAME_SIZE];
	char spares[KIT_SPARES_MAX][TOTP_SPARE_SIZE];
	size_t used;
};

struct kit {
	char dir[64];
	char socket[96]; /* "": HTTPS on loopback */
	struct core *core;
	struct console *console;
	struct db *db; /* a handle of the test's own */
	struct tenants_tree *tree;
	struct kit_session admin; /* "admin": the nation in his hands, password and second factor done */
	struct kit_factor factors[KIT_USERS_MAX];
	size_t factor_count;
	void *curl;
};

struct kit_answer {
	long status;
	json_t *json; /* null: no JSON */
	char *text; /* with a NUL; never null */
	size_t size;
	char etag[KIT_HEADER_SIZE], location[KIT_HEADER_SIZE], type[KIT_HEADER_SIZE], cookie[KIT_HEADER_SIZE],
		retry_after[KIT_HEADER_SIZE]; /* "" when not there */
};

/* Bytes of one account, as in struct console_options, before kit_open; 0: the defaults. */
extern uint64_t kit_spool_share, kit_waiting_share;

/* Folder of the rules that can hold something, before kit_open; null: none, and nothing is held. */
extern const char *kit_holds;
/* Where else the journal of decisions is kept, before kit_open; null: nowhere. */
extern const struct journal_copy *kit_journal_copy;

/* For cmocka's setup and teardown: 0 or -1. */
int kit_open(struct kit *kit);
int kit_close(struct kit *kit);
/* The same at a Unix socket, as behind a proxy: for programs that are not cmocka's. The client below does not speak to it. */
int kit_open_socket(struct kit *kit);
/* Closes core and console and opens them again over the same folder; sessions stay good. */
void kit_restart(struct kit *kit);
uint16_t kit_port(const struct kit *kit);

/* ---- Making things, past the API ---- */

uint32_t kit_tenant(struct kit *kit, uint32_t parent, const char *name); /* parent 0: at the top */
uint32_t kit_system(struct kit *kit, uint32_t tenant, const char *name);
uint32_t kit_asset(struct kit *kit, uint32_t system, const char *value);
/* An account with this role at this tenant (0: the nation), its password KIT_PASSWORD, logged in. */
struct kit_session kit_user(struct kit *kit, const char *name, enum auth_role role, uint32_t tenant);
void kit_grant(struct kit *kit, uint32_t account, enum auth_role role, uint32_t tenant);
/* Another session of an account made here, or of "admin". */
struct kit_session kit_login(struct kit *kit, const char *name);
/* A token of the session's account with these permissions (bits). */
struct kit_session kit_token(struct kit *kit, const struct kit_session *session, uint64_t scopes);
/* For calls of libraries: as the nation. '*ret_origin' is borrowed by '*ret'. */
struct tenants_call kit_tenants_call(struct kit *kit, struct audit_origin *ret_origin);

/* ---- Asking ---- */

/* 'session' null: nobody. 'path' is behind "/api/v1", with its query. 'body' is JSON or null. 'headers' are lines separated by "\n", or
 * null. CSRF, type of the body and a fitting session come by themselves. */
struct kit_answer kit_request(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	const char *body, const char *headers);
/* The same with a body of any bytes and type; at most 'wait_s' seconds. */
struct kit_answer kit_send(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	struct bytes body, const char *type, unsigned int wait_s);
void kit_answer_done(struct kit_answer *answer);
/* The same for who wants the status alone. */
long kit_status(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	const char *body, const char *headers);
/* A member of the answer's object as text; ends the test when it is none. */
const char *kit_text(const struct kit_answer *answer, const char *key);
/* Member "type" of a problem, or "". */
const char *kit_problem(const struct kit_answer *answer);

/* ---- The stream ---- */

struct kit_stream;

/* Returns when it stands: what is published from now on is heard. */
struct kit_stream *kit_stream_open(struct kit *kit, const struct kit_session *session, const char *topics);
/* Whether this text was heard, at the latest within so many milliseconds. */
bool kit_stream_heard(struct kit_stream *stream, const char *text, unsigned int wait_ms);
/* Whether the hub has ended it. */
bool kit_stream_ended(struct kit_stream *stream, unsigned int wait_ms);
void kit_stream_close(struct kit_stream *stream);
