// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <liboath/oath.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/console/test-kit.h"

enum { ANSWER_MAX = 8 << 20, URL_SIZE = 4096, STREAM_MAX = 1 << 20, LOOK_US = 2000, TIMEOUT_MS = 20000 };

/* Tests ask more often than people. */
static const struct limit_settings wide = {
	.rates = { { 1000000, 60 }, { 1000000, 60 }, { 1000000, 60 }, { 1000000, 60 } },
	.address_factor = 1,
	.subjects_max = 1024,
};

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

/* ---- Opening ---- */

static void told(void *context, struct bytes text)
{
	struct kit *kit = context;

	if (kit->console)
		console_told(kit->console, text);
}

static void told_events(void *context, const struct ev_event *events, size_t count)
{
	struct kit *kit = context;

	if (kit->console)
		console_events(kit->console, events, count);
}

static void told_campaign(void *context, uint32_t id)
{
	struct kit *kit = context;

	if (kit->console)
		console_campaign(kit->console, id);
}

const char *kit_holds;
uint64_t kit_spool_share, kit_waiting_share;
const struct journal_copy *kit_journal_copy;

static int open_hub(struct kit *kit)
{
	const struct core_options core = { .state_dir = kit->dir,
		.holds = kit_holds,
		.journal_copy = kit_journal_copy,
		.calls = { .context = kit, .decisions = told, .events = told_events, .campaign = told_campaign } };
	const struct console_options options = { .state_dir = kit->dir,
		.unix_path = kit->socket[0] ? kit->socket : NULL,
		.names = "localhost,127.0.0.1",
		.first_password = KIT_PASSWORD,
		.limits = &wide,
		.spool_share = kit_spool_share,
		.waiting_share = kit_waiting_share,
		.passwords = { .operations = 1, .memory = 8192 } };
	char why[CORE_WHY_SIZE];
	struct console *console = NULL;

	if (core_open(&core, &kit->core, why) || console_open(kit->core, &options, &console, why)) {
		print_error("%s\n", why);
		return -1;
	}
	core_lock(kit->core);
	kit->console = console;
	core_unlock(kit->core);
	return 0;
}

static void close_hub(struct kit *kit)
{
	struct console *console = kit->console;

	if (kit->core)
		core_lock(kit->core);
	kit->console = NULL;
	if (kit->core)
		core_unlock(kit->core);
	console_close(console);
	core_close(kit->core);
	kit->core = NULL;
}

/* Somebody who may do everything, for calls of hub/auth. */
static struct auth_call system_call(
	struct kit *kit, struct audit_origin *origin, const struct auth_principal *principal)
{
	assert_int_equal(tenants_tree_refresh(kit->db, &kit->tree), 0);
	*origin = (struct audit_origin){ .actor = "system", .now_us = now_us() };
	return (struct auth_call){
		.auth = kit->console->auth, .db = kit->db, .principal = principal, .tree = kit->tree, .origin = origin
	};
}

static const struct auth_principal nation = {
	.scopes = AUTH_ALL_PERMISSIONS,
	.grants = { { AUTH_ROLE_ADMIN, 0 } },
	.grant_count = 1,
};

/* A second factor, as somebody with an authenticator would set it up. */
static void add_factor(struct kit *kit, const struct auth_call *call, const char *name)
{
	struct kit_factor *factor = &kit->factors[kit->factor_count++];
	char uri[TOTP_URI_SIZE], base32[64] = "", code[8], *secret, *raw = NULL;
	size_t size = 0;

	assert_true(kit->factor_count <= KIT_USERS_MAX);
	assert_int_equal(auth_totp_begin(call, uri), 0);
	secret = strstr(uri, "secret=");
	assert_non_null(secret);
	snprintf(base32, sizeof(base32), "%.*s", (int)strcspn(secret + 7, "&"), secret + 7);
	assert_int_equal(oath_base32_decode(base32, strlen(base32), &raw, &size), OATH_OK);
	assert_int_equal(oath_totp_generate(raw, size, (time_t)(now_us() / 1000000), TOTP_STEP_S, 0, 6, code), OATH_OK);
	free(raw);
	assert_int_equal(auth_totp_confirm(call, code, factor->spares), 0);
	snprintf(factor->name, sizeof(factor->name), "%s", name);
}

/* The first password becomes another, and who rules the nation gets a second factor. */
static void settle(struct kit *kit, uint32_t account, const char *name, const char *first, bool factor)
{
	const struct auth_principal self = {
		.kind = AUTH_BY_SESSION, .account = account, .scopes = AUTH_ALL_PERMISSIONS
	};
	enum password_fault fault;
	struct audit_origin origin;
	struct auth_call call = system_call(kit, &origin, &self);

	assert_int_equal(
		auth_password_change(&call, bytes_from_str(first), bytes_from_str(KIT_PASSWORD "-2"), &fault), 0);
	assert_int_equal(
		auth_password_change(&call, bytes_from_str(KIT_PASSWORD "-2"), bytes_from_str(KIT_PASSWORD), &fault),
		0);
	if (factor)
		add_factor(kit, &call, name);
}

static int find_admin(void *context, const struct auth_account *account)
{
	*(uint32_t *)context = account->id;
	return 1;
}

static int open_kit(struct kit *kit, bool at_socket)
{
	struct audit_origin origin;
	struct auth_call call;
	char why[DB_WHY_SIZE];
	uint32_t admin = 0;

	*kit = (struct kit){ .dir = "/tmp/luytre-test-console-XXXXXX" };
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK || !mkdtemp(kit->dir))
		return -1;
	if (at_socket)
		snprintf(kit->socket, sizeof(kit->socket), "%s/console.sock", kit->dir);
	if (open_hub(kit) || db_open(kit->console->control, &kit->db, why))
		return -1;
	kit->curl = curl_easy_init();
	call = system_call(kit, &origin, &nation);
	assert_int_equal(auth_account_each(&call, 0, 1, find_admin, &admin), 1);
	settle(kit, admin, "admin", KIT_PASSWORD, true);
	kit->admin = kit_login(kit, "admin");
	return 0;
}

int kit_open(struct kit *kit)
{
	return open_kit(kit, false);
}

int kit_open_socket(struct kit *kit)
{
	return open_kit(kit, true);
}

int kit_close(struct kit *kit)
{
	char command[128];

	curl_easy_cleanup(kit->curl);
	tenants_tree_unref(kit->tree);
	db_close(kit->db);
	close_hub(kit);
	curl_global_cleanup();
	snprintf(command, sizeof(command), "rm -rf %s", kit->dir);
	return system(command) == 0 ? 0 : -1;
}

void kit_restart(struct kit *kit)
{
	curl_easy_cleanup(kit->curl);
	close_hub(kit);
	assert_int_equal(open_hub(kit), 0);
	kit->curl = curl_easy_init();
}

uint16_t kit_port(const struct kit *kit)
{
	return console_port(kit->console);
}

/* ---- Making ---- */

struct tenants_call kit_tenants_call(struct kit *kit, struct audit_origin *ret_origin)
{
	static const struct scope all = { .all = true };

	*ret_origin = (struct audit_origin){ .actor = "system", .now_us = now_us() };
	return (struct tenants_call){ .db = kit->db, .scope = &all, .origin = ret_origin };
}

uint32_t kit_tenant(struct kit *kit, uint32_t parent, const char *name)
{
	struct audit_origin origin;
	const struct tenants_call call = kit_tenants_call(kit, &origin);
	struct tenant tenant = { .parent = parent };

	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	assert_int_equal(tenant_create(&call, &tenant, &tenant), 0);
	return tenant.id;
}

uint32_t kit_system(struct kit *kit, uint32_t tenant, const char *name)
{
	struct audit_origin origin;
	const struct tenants_call call = kit_tenants_call(kit, &origin);
	struct tenant_system system = { .tenant = tenant, .level = 3 };

	snprintf(system.name, sizeof(system.name), "%s", name);
	assert_int_equal(tenant_system_create(&call, &system, &system), 0);
	return system.id;
}

uint32_t kit_asset(struct kit *kit, uint32_t system, const char *value)
{
	struct audit_origin origin;
	const struct tenants_call call = kit_tenants_call(kit, &origin);
	struct tenant_asset asset = { .system = system };

	snprintf(asset.value, sizeof(asset.value), "%s", value);
	assert_int_equal(tenant_asset_create(&call, &asset, &asset), 0);
	return asset.id;
}

void kit_grant(struct kit *kit, uint32_t account, enum auth_role role, uint32_t tenant)
{
	const struct auth_grant grant = { role, tenant };
	struct audit_origin origin;
	const struct auth_call call = system_call(kit, &origin, &nation);

	/* Nobody gives more than he has: a role of tenants is given by who has all there. */
	assert_int_equal(auth_grant_add(&call, account, &grant), 0);
}

struct kit_session kit_user(struct kit *kit, const char *name, enum auth_role role, uint32_t tenant)
{
	struct auth_account account = { .tenant = tenant };
	enum password_fault fault;
	struct audit_origin origin;
	const struct auth_call call = system_call(kit, &origin, &nation);

	snprintf(account.name, sizeof(account.name), "%s", name);
	snprintf(account.display, sizeof(account.display), "%s", name);
	assert_int_equal(auth_account_create(&call, &account, bytes_from_str(KIT_PASSWORD), &fault, &account), 0);
	kit_grant(kit, account.id, role, tenant);
	settle(kit, account.id, name, KIT_PASSWORD, role == AUTH_ROLE_ADMIN);
	return kit_login(kit, name);
}

struct kit_session kit_login(struct kit *kit, const char *name)
{
	struct auth_login login = { .name = name, .password = KIT_PASSWORD, .agent = "test", .now_us = now_us() };
	struct auth_answer answer = { 0 };
	struct kit_session session = { 0 };

	for (size_t i = 0; i < kit->factor_count; i++) {
		struct kit_factor *factor = &kit->factors[i];

		if (strcmp(factor->name, name) == 0) {
			assert_true(factor->used < KIT_SPARES_MAX);
			login.code = factor->spares[factor->used++];
		}
	}
	assert_int_equal(ip_addr_parse(bytes_from_str("127.0.0.1"), &login.address), 0);
	assert_int_equal(auth_log_in(kit->console->auth, kit->db, &login, &answer), 0);
	session.account = answer.principal.account;
	memcpy(session.cookie, answer.cookie, sizeof(session.cookie));
	memcpy(session.csrf, answer.csrf, sizeof(session.csrf));
	return session;
}

struct kit_session kit_token(struct kit *kit, const struct kit_session *session, uint64_t scopes)
{
	struct kit_session ret = { .account = session->account };
	struct auth_principal principal = { 0 };
	struct audit_origin origin;
	struct auth_call call = system_call(kit, &origin, &principal);
	uint32_t id;

	assert_int_equal(auth_session_find(kit->db, session->cookie, AUTH_IDLE_S, now_us(), &principal), 0);
	assert_int_equal(auth_token_create(&call, "test", scopes, now_us() + INT64_C(86400000000), ret.token, &id), 0);
	return ret;
}

/* ---- Asking ---- */

static size_t take(char *data, size_t unit, size_t count, void *context)
{
	struct kit_answer *answer = context;

	if (answer->size + count >= ANSWER_MAX)
		return 0;
	memcpy(answer->text + answer->size, data, count);
	answer->size += count;
	answer->text[answer->size] = '\0';
	return count;
}

static size_t take_header(char *data, size_t unit, size_t count, void *context)
{
	struct kit_answer *answer = context;
	const struct {
		const char *name;
		char *value;
	} wanted[] = { { "etag: ", answer->etag }, { "location: ", answer->location },
		{ "content-type: ", answer->type }, { "set-cookie: ", answer->cookie },
		{ "retry-after: ", answer->retry_after } };

	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		size_t size = strlen(wanted[i].name);

		if (count > size && strncasecmp(data, wanted[i].name, size) == 0)
			snprintf(wanted[i].value, KIT_HEADER_SIZE, "%.*s", (int)strcspn(data + size, "\r\n"),
				data + size);
	}
	return count;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s%s", name, value);
	list = curl_slist_append(list, line);
	assert_non_null(list);
	return list;
}

static struct curl_slist *headers_of(const struct kit_session *session, const char *type, const char *more)
{
	struct curl_slist *list =
		add_header(NULL, "Accept-Language: ", more && strstr(more, "Accept-Language: vi") ? "vi" : "en");
	char copy[2048], *save = NULL;

	if (session && session->cookie[0]) {
		list = add_header(list, "Cookie: __Host-luytre=", session->cookie);
		list = add_header(list, "X-CSRF-Token: ", session->csrf);
	}
	if (session && session->token[0])
		list = add_header(list, "Authorization: Bearer ", session->token);
	if (type)
		list = add_header(list, "Content-Type: ", type);
	snprintf(copy, sizeof(copy), "%s", more ? more : "");
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		list = add_header(list, "", line);
	return list;
}

static void prepare(CURL *curl, const struct kit *kit, const char *path, char url[URL_SIZE])
{
	const char *pem = ca_pem(core_ca(kit->core));
	struct curl_blob authority = { .data = strdup(pem), .len = strlen(pem), .flags = CURL_BLOB_COPY };

	assert_non_null(authority.data);
	assert_true(snprintf(url, URL_SIZE, "https://localhost:%u%s%s", kit_port(kit),
			    strncmp(path, "//", 2) == 0 ? "" : "/api/v1",
			    strncmp(path, "//", 2) == 0 ? path + 1 : path) < URL_SIZE);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authority);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	free(authority.data);
}

static struct kit_answer ask(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	struct bytes body, const char *type, const char *headers, long wait_ms)
{
	struct kit_answer answer = { .text = calloc(1, ANSWER_MAX) };
	struct curl_slist *list = headers_of(session, type, headers);
	char url[URL_SIZE];
	CURLcode code;

	assert_non_null(answer.text);
	curl_easy_reset(kit->curl);
	prepare(kit->curl, kit, path, url);
	curl_easy_setopt(kit->curl, CURLOPT_TIMEOUT_MS, wait_ms);
	if (type) {
		curl_easy_setopt(kit->curl, CURLOPT_POSTFIELDS, body.ptr);
		curl_easy_setopt(kit->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
	}
	curl_easy_setopt(kit->curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(kit->curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(kit->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(kit->curl, CURLOPT_WRITEDATA, &answer);
	curl_easy_setopt(kit->curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(kit->curl, CURLOPT_HEADERDATA, &answer);
	code = curl_easy_perform(kit->curl);
	curl_slist_free_all(list);
	if (code != CURLE_OK)
		fail_msg("%s %s: %s", method, path, curl_easy_strerror(code));
	curl_easy_getinfo(kit->curl, CURLINFO_RESPONSE_CODE, &answer.status);
	answer.json = json_loadb(answer.text, answer.size, 0, NULL);
	return answer;
}

struct kit_answer kit_request(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	const char *body, const char *headers)
{
	return ask(kit, session, method, path, bytes_from_str(body ? body : ""), body ? "application/json" : NULL,
		headers, TIMEOUT_MS);
}

struct kit_answer kit_send(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	struct bytes body, const char *type, unsigned int wait_s)
{
	return ask(kit, session, method, path, body, type, NULL, (long)wait_s * 1000);
}

void kit_answer_done(struct kit_answer *answer)
{
	json_decref(answer->json);
	free(answer->text);
	*answer = (struct kit_answer){ 0 };
}

long kit_status(struct kit *kit, const struct kit_session *session, const char *method, const char *path,
	const char *body, const char *headers)
{
	struct kit_answer answer = kit_request(kit, session, method, path, body, headers);
	long status = answer.status;

	kit_answer_done(&answer);
	return status;
}

const char *kit_text(const struct kit_answer *answer, const char *key)
{
	const char *text = json_string_value(json_object_get(answer->json, key));

	if (!text)
		fail_msg("no text \"%s\" in the answer %ld: %s", key, answer->status, answer->text);
	return text;
}

const char *kit_problem(const struct kit_answer *answer)
{
	const char *type = json_string_value(json_object_get(answer->json, "type"));

	return type ? type : "";
}

/* ---- The stream ---- */

struct kit_stream {
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool stop, ended;
	CURL *curl;
	struct curl_slist *headers;
	char *text;
	size_t size;
	long status;
};

static size_t hear(char *data, size_t unit, size_t count, void *context)
{
	struct kit_stream *stream = context;

	pthread_mutex_lock(&stream->lock);
	if (stream->size + count < STREAM_MAX) {
		memcpy(stream->text + stream->size, data, count);
		stream->size += count;
		stream->text[stream->size] = '\0';
	}
	curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &stream->status);
	pthread_mutex_unlock(&stream->lock);
	return count;
}

static int still(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	return atomic_load(&((struct kit_stream *)context)->stop);
}

static void *listen_main(void *context)
{
	struct kit_stream *stream = context;

	curl_easy_perform(stream->curl);
	atomic_store(&stream->ended, true);
	return NULL;
}

struct kit_stream *kit_stream_open(struct kit *kit, const struct kit_session *session, const char *topics)
{
	struct kit_stream *stream = calloc(1, sizeof(*stream));
	char path[512], url[URL_SIZE];

	assert_non_null(stream);
	stream->text = calloc(1, STREAM_MAX);
	stream->curl = curl_easy_init();
	assert_true(stream->text && stream->curl);
	pthread_mutex_init(&stream->lock, NULL);
	snprintf(path, sizeof(path), "/stream?topics=%s", topics);
	prepare(stream->curl, kit, path, url);
	stream->headers = headers_of(session, NULL, NULL);
	curl_easy_setopt(stream->curl, CURLOPT_HTTPHEADER, stream->headers);
	curl_easy_setopt(stream->curl, CURLOPT_WRITEFUNCTION, hear);
	curl_easy_setopt(stream->curl, CURLOPT_WRITEDATA, stream);
	curl_easy_setopt(stream->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(stream->curl, CURLOPT_XFERINFOFUNCTION, still);
	curl_easy_setopt(stream->curl, CURLOPT_XFERINFODATA, stream);
	assert_int_equal(pthread_create(&stream->thread, NULL, listen_main, stream), 0);
	for (unsigned int waited = 0; waited < TIMEOUT_MS * 1000U && !atomic_load(&stream->ended); waited += LOOK_US) {
		struct stream_stats stats;

		stream_stats(kit->console->stream, &stats);
		if (stats.clients > 0 && kit_stream_heard(stream, "", 0))
			break;
		usleep(LOOK_US);
	}
	return stream;
}

bool kit_stream_heard(struct kit_stream *stream, const char *text, unsigned int wait_ms)
{
	uint64_t end_ns = clock_mono_ns() + wait_ms * NS_PER_MS;

	for (;;) {
		bool heard;

		pthread_mutex_lock(&stream->lock);
		heard = stream->size > 0 && strstr(stream->text, text);
		pthread_mutex_unlock(&stream->lock);
		if (heard || clock_mono_ns() >= end_ns)
			return heard;
		usleep(LOOK_US);
	}
}

bool kit_stream_ended(struct kit_stream *stream, unsigned int wait_ms)
{
	uint64_t end_ns = clock_mono_ns() + wait_ms * NS_PER_MS;

	while (!atomic_load(&stream->ended) && clock_mono_ns() < end_ns)
		usleep(LOOK_US);
	return atomic_load(&stream->ended);
}

void kit_stream_close(struct kit_stream *stream)
{
	atomic_store(&stream->stop, true);
	pthread_join(stream->thread, NULL);
	curl_easy_cleanup(stream->curl);
	curl_slist_free_all(stream->headers);
	pthread_mutex_destroy(&stream->lock);
	free(stream->text);
	free(stream);
}
