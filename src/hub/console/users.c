// SPDX-License-Identifier: Apache-2.0
/* People, their sessions and their roles. What may be seen and done is decided by hub/auth for each account. */
#include <stdio.h>
#include <string.h>

#include "hub/console/accounts.h"
#include "hub/console/views.h"

enum { FIRST_PASSWORD_SIZE = 2 * TOTP_SPARE_SIZE };

static void write_user(const struct console_call *call, struct jsonw *json, const struct auth_account *account,
	const struct profile *profile)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", account->id);
	jsonw_kv_i64(json, "revision", account->revision);
	jsonw_kv_string(json, "login", account->name);
	jsonw_kv_string(json, "name", account->display);
	console_kv_id_or_null(json, "tenant", account->tenant);
	console_kv_text_or_null(json, "mail", profile->mail);
	jsonw_kv_string(json, "language", profile->language);
	jsonw_kv_bool(json, "disabled", account->disabled);
	jsonw_kv_string(json, "second_factor", account->totp ? "totp" : "none");
	console_kv_time_or_null(json, "last_login", account->login_us);
	jsonw_kv_array_begin(json, "grants");
	for (size_t i = 0; i < account->grant_count; i++)
		grant_write(call, json, account->id, &account->grants[i]);
	jsonw_array_end(json);
	console_kv_time(json, "created", account->created_us);
	jsonw_object_end(json);
}

static void reply_user(const struct console_call *call, struct api_reply *reply, const struct auth_account *account)
{
	struct profile profile;
	int error = profile_get(call->auth.db, account->id, &profile);

	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	api_reply_etag(reply, (uint64_t)account->revision);
	write_user(call, api_reply_json(reply, 200), account, &profile);
}

/* The account of the path; on failure the reply says so. */
static bool find_user(
	const struct api_request *request, struct api_reply *reply, struct console_call *call, struct auth_account *ret)
{
	uint32_t id;
	int error;

	console_call(request, call);
	if (!console_path_id32(request, reply, "user", &id))
		return false;
	error = auth_account_get(&call->auth, id, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

/* A password for the first log-in, which nobody chose. */
static void make_password(char ret[FIRST_PASSWORD_SIZE])
{
	char parts[2][TOTP_SPARE_SIZE];

	totp_spare_make(parts[0]);
	totp_spare_make(parts[1]);
	snprintf(ret, FIRST_PASSWORD_SIZE, "%s-%s", parts[0], parts[1]);
}

static void reply_secret(struct api_reply *reply, const struct auth_account *account, const char *password)
{
	struct jsonw *json = api_reply_json(reply, 201);

	jsonw_object_begin(json);
	console_kv_id(json, "id", account->id);
	jsonw_kv_string(json, "login", account->name);
	jsonw_kv_string(json, "password", password);
	jsonw_object_end(json);
}

/* ---- Lists ---- */

struct listing {
	const struct console_call *call;
	struct jsonw *json;
	struct bytes text; /* in the name or login; empty: any */
	uint64_t tenant; /* and all below it; 0: any */
	uint32_t user; /* of grants; 0: any */
	size_t limit, count;
	struct api_position last;
	bool more;
};

static bool begin_list(const struct api_request *request, struct api_reply *reply, const struct console_call *call,
	struct listing *ret, struct api_position *ret_from)
{
	uint64_t tenant = console_query_id(request, "tenant");

	*ret = (struct listing){
		.call = call, .tenant = tenant, .limit = (size_t)console_query_i64(request, "limit", 100)
	};
	if (tenant > UINT32_MAX) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return false;
	}
	if (tenant && !console_allowed(request, reply, AUTH_USERS_READ, (uint32_t)tenant))
		return false;
	return api_page_begin(request, reply, ret_from);
}

static void open_list(struct api_reply *reply, struct listing *listing)
{
	listing->json = api_reply_json(reply, 200);
	jsonw_object_begin(listing->json);
	jsonw_kv_array_begin(listing->json, "items");
}

static void end_list(
	const struct api_request *request, struct api_reply *reply, const struct listing *listing, int error)
{
	jsonw_array_end(listing->json);
	api_page_end(request, listing->json, listing->more, listing->last);
	jsonw_object_end(listing->json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
}

static bool is_inside(const struct listing *listing, uint32_t tenant)
{
	return listing->tenant == 0 || tenants_tree_inside(listing->call->auth.tree, tenant, (uint32_t)listing->tenant);
}

static int list_user(void *context, const struct auth_account *account)
{
	struct listing *listing = context;
	struct profile profile;
	int error;

	if (!is_inside(listing, account->tenant) ||
		(!console_has_text(account->name, listing->text) && !console_has_text(account->display, listing->text)))
		return 0;
	listing->more = listing->count == listing->limit;
	if (listing->more)
		return 1;
	error = profile_get(listing->call->auth.db, account->id, &profile);
	if (error)
		return error;
	write_user(listing->call, listing->json, account, &profile);
	listing->last.id = account->id;
	listing->count++;
	return 0;
}

void handle_list_users(struct api_request *request, struct api_reply *reply)
{
	struct api_position from;
	struct console_call call;
	struct listing listing;

	console_call(request, &call);
	if (!begin_list(request, reply, &call, &listing, &from))
		return;
	listing.text = api_query(request, "text")->text;
	open_list(reply, &listing);
	end_list(request, reply, &listing,
		auth_account_each(&call.auth, (uint32_t)from.id, UINT32_MAX, list_user, &listing));
}

/* ---- One ---- */

static const struct profile profile_default = { .language = "vi" };

static bool read_profile(const struct api_request *request, struct api_reply *reply, struct profile *profile)
{
	return console_body_copy(request, reply, "mail", profile->mail, sizeof(profile->mail)) &&
	       console_body_copy(request, reply, "language", profile->language, sizeof(profile->language));
}

void handle_create_user(struct api_request *request, struct api_reply *reply)
{
	struct profile profile = profile_default;
	enum password_fault fault = PASSWORD_NONE;
	char password[FIRST_PASSWORD_SIZE];
	struct auth_account account = { 0 };
	struct console_call call;
	uint64_t tenant;
	int error;

	console_call(request, &call);
	tenant = json_is_null(json_object_get(request->json, "tenant"))
			 ? 0
			 : console_body_id(request, "tenant", call.auth.principal->tenant);
	if (tenant > UINT32_MAX) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return;
	}
	account.tenant = (uint32_t)tenant;
	if (!console_allowed(request, reply, AUTH_USERS_WRITE, account.tenant) ||
		!console_body_copy(request, reply, "login", account.name, sizeof(account.name)) ||
		!console_body_copy(request, reply, "name", account.display, sizeof(account.display)) ||
		!read_profile(request, reply, &profile))
		return;
	make_password(password);
	error = auth_account_create(&call.auth, &account, bytes_from_str(password), &fault, &account);
	if (!error)
		error = profile_set(call.auth.db, account.id, &profile);
	if (error) {
		password_refuse(request, reply, error, fault);
		return;
	}
	reply_secret(reply, &account, password);
	api_reply_header_format(reply, "Location", "/api/v1/users/%u", account.id);
}

void handle_get_user(struct api_request *request, struct api_reply *reply)
{
	struct auth_account account;
	struct console_call call;

	if (find_user(request, reply, &call, &account) && !api_reply_unmodified(reply, (uint64_t)account.revision))
		reply_user(&call, reply, &account);
}

void handle_update_user(struct api_request *request, struct api_reply *reply)
{
	const json_t *disabled = json_object_get(request->json, "disabled");
	struct auth_account account;
	struct console_call call;
	struct profile profile;
	int error;

	if (!find_user(request, reply, &call, &account) || !api_reply_matches(reply, (uint64_t)account.revision) ||
		!console_body_copy(request, reply, "name", account.display, sizeof(account.display)))
		return;
	error = profile_get(call.auth.db, account.id, &profile);
	if (!error && !read_profile(request, reply, &profile))
		return;
	if (disabled)
		account.disabled = json_is_true(disabled);
	if (!error)
		error = auth_account_update(&call.auth, &account, &account);
	if (!error)
		error = profile_set(call.auth.db, account.id, &profile);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	if (account.disabled)
		console_forget(console_of(request), account.id);
	reply_user(&call, reply, &account);
}

void handle_delete_user(struct api_request *request, struct api_reply *reply)
{
	struct auth_account account;
	struct console_call call;
	int error;

	if (!find_user(request, reply, &call, &account) || !api_reply_matches(reply, (uint64_t)account.revision))
		return;
	error = auth_account_remove(&call.auth, account.id, account.revision);
	if (!error)
		error = profile_remove(call.auth.db, account.id);
	if (!error)
		error = views_forget(call.auth.db, account.id);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), account.id);
	api_reply_empty(reply, 204);
}

static int record_reset(const struct console_call *call, const struct auth_account *account, const char *reason)
{
	const struct audit_field field = { "reason", db_str(reason) };
	char subject[AUTH_ACTOR_SIZE];

	snprintf(subject, sizeof(subject), "account:%u %s", account->id, account->name);
	return audit_append(call->auth.db, &call->origin,
		&(struct audit_record){ .action = "account.reset",
			.subject = subject,
			.tenant = account->tenant,
			.fields = &field,
			.field_count = 1 });
}

void handle_reset_user(struct api_request *request, struct api_reply *reply)
{
	enum password_fault fault = PASSWORD_NONE;
	char password[FIRST_PASSWORD_SIZE];
	struct auth_account account;
	struct console_call call;
	int error;

	if (!find_user(request, reply, &call, &account))
		return;
	make_password(password);
	error = auth_password_reset(&call.auth, account.id, bytes_from_str(password), &fault);
	if (!error && account.totp)
		error = auth_totp_remove(&call.auth, account.id);
	if (!error)
		error = record_reset(&call, &account, console_body_text(request, "reason"));
	if (error) {
		password_refuse(request, reply, error, fault);
		return;
	}
	console_forget(console_of(request), account.id);
	reply_secret(reply, &account, password);
}

/* ---- Sessions ---- */

static int list_session(void *context, const struct auth_session *session)
{
	struct listing *listing = context;

	if (listing->last.id && session->id >= listing->last.id)
		return 0;
	listing->more = listing->count == listing->limit;
	if (listing->more)
		return 1;
	jsonw_object_begin(listing->json);
	console_kv_id(listing->json, "id", session->id);
	console_kv_time(listing->json, "created", session->created_us);
	console_kv_time(listing->json, "last_used", session->seen_us);
	jsonw_kv_string(listing->json, "address", session->address);
	jsonw_kv_string(listing->json, "agent", session->agent);
	jsonw_object_end(listing->json);
	listing->last.id = session->id;
	listing->count++;
	return 0;
}

/* An account has AUTH_SESSIONS_MAX of them: collected, then ordered by id, newest first, so that pages fit together. */
struct sessions {
	struct auth_session items[AUTH_SESSIONS_MAX];
	size_t count;
};

static int keep_session(void *context, const struct auth_session *session)
{
	struct sessions *sessions = context;
	size_t at = sessions->count;

	if (at == AUTH_SESSIONS_MAX)
		return 0;
	for (; at > 0 && sessions->items[at - 1].id < session->id; at--)
		sessions->items[at] = sessions->items[at - 1];
	sessions->items[at] = *session;
	sessions->count++;
	return 0;
}

void handle_list_sessions(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .limit = (size_t)console_query_i64(request, "limit", 100) };
	struct sessions sessions = { .count = 0 };
	struct auth_account account;
	struct api_position from;
	struct console_call call;
	int error;

	if (!find_user(request, reply, &call, &account) || !api_page_begin(request, reply, &from))
		return;
	error = auth_session_each(&call.auth, account.id, keep_session, &sessions);
	listing.call = &call;
	listing.last = from;
	open_list(reply, &listing);
	for (size_t i = 0; i < sessions.count && !listing.more; i++)
		(void)list_session(&listing, &sessions.items[i]);
	end_list(request, reply, &listing, error);
}

void handle_delete_sessions(struct api_request *request, struct api_reply *reply)
{
	struct auth_account account;
	struct console_call call;
	int error;

	if (!find_user(request, reply, &call, &account))
		return;
	error = auth_session_end(&call.auth, account.id, 0);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), account.id);
	api_reply_empty(reply, 204);
}

/* ---- Roles ---- */

static int list_grants(void *context, const struct auth_account *account)
{
	struct listing *listing = context;

	if (listing->user && account->id != listing->user)
		return account->id > listing->user;
	for (size_t i = 0; i < account->grant_count; i++) {
		uint64_t id = grant_id(account->id, &account->grants[i]);

		if (id <= listing->last.id || !is_inside(listing, account->grants[i].tenant))
			continue;
		listing->more = listing->count == listing->limit;
		if (listing->more)
			return 1;
		grant_write(listing->call, listing->json, account->id, &account->grants[i]);
		listing->last.id = id;
		listing->count++;
	}
	return 0;
}

/* By account, role, tenant: as their ids are ordered. */
void handle_list_grants(struct api_request *request, struct api_reply *reply)
{
	uint64_t user = console_query_id(request, "user");
	uint32_t after = 0, account;
	struct api_position from;
	struct auth_grant grant;
	struct console_call call;
	struct listing listing;

	console_call(request, &call);
	if (!begin_list(request, reply, &call, &listing, &from))
		return;
	if (grant_of_id(from.id, &account, &grant))
		after = account - 1;
	listing.user = user > UINT32_MAX ? UINT32_MAX : (uint32_t)user;
	if (listing.user > after)
		after = listing.user - 1;
	listing.last = from;
	open_list(reply, &listing);
	end_list(request, reply, &listing, auth_account_each(&call.auth, after, UINT32_MAX, list_grants, &listing));
}

void handle_create_grant(struct api_request *request, struct api_reply *reply)
{
	uint64_t user = console_body_id(request, "user", 0), tenant = console_body_id(request, "tenant", 0);
	int role = auth_role_find(bytes_from_str(console_body_text(request, "role")));
	struct console_call call;
	struct auth_grant grant;
	int error;

	if (user > UINT32_MAX || tenant > UINT32_MAX || role < 0) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return;
	}
	grant = (struct auth_grant){ (enum auth_role)role, (uint32_t)tenant };
	/* Of a tenant that may not be seen it is not even said that it is there. */
	console_call(request, &call);
	if (grant.tenant && !console_allowed(request, reply, AUTH_USERS_WRITE, grant.tenant))
		return;
	if (grant.tenant && !tenants_tree_has(call.auth.tree, grant.tenant)) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
		return;
	}
	error = auth_grant_add(&call.auth, (uint32_t)user, &grant);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), (uint32_t)user);
	grant_write(&call, api_reply_json(reply, 201), (uint32_t)user, &grant);
	api_reply_header_format(
		reply, "Location", "/api/v1/grants/%llu", (unsigned long long)grant_id((uint32_t)user, &grant));
}

void handle_delete_grant(struct api_request *request, struct api_reply *reply)
{
	struct console_call call;
	struct auth_grant grant;
	uint32_t account;
	uint64_t id;
	int error = LUYTRE_E_NOT_FOUND;

	if (!console_path_id(request, reply, "grant", &id))
		return;
	console_call(request, &call);
	if (grant_of_id(id, &account, &grant))
		error = auth_grant_remove(&call.auth, account, &grant);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	console_forget(console_of(request), account);
	api_reply_empty(reply, 204);
}
