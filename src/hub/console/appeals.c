// SPDX-License-Identifier: Apache-2.0
/* Appeals: somebody says that a decision is wrong, and a person answers. Upheld, the decision is lifted as wrong: those who reported lose
 * trust, and the source is spared for a day (hub/decide/engine.h). Rows of the control database (tables in hub/core/orders.c).
 *
 * Everybody who may act on decisions somewhere may appeal; an account may have APPEALS_OPEN_MAX open ones, and one about each decision.
 * The nation sees all appeals, others those of the tenants they see. The nation answers; a decision of one tenant for itself may be
 * answered there. */
#include <stdio.h>
#include <string.h>

#include "hub/console/decisions.h"

enum { TEXT_SIZE = 8192 /* 2,000 characters */, WORD_SIZE = 1024, APPEALS_OPEN_MAX = 100, PUBLISH_SIZE = 256 };

/* Numbers are stored. */
#define APPEAL_STATES(X)                                                                                               \
	X(OPEN, "open")                                                                                                \
	X(UPHELD, "upheld")                                                                                            \
	X(REJECTED, "rejected")

enum appeal_state {
#define X(id, word) APPEAL_##id,
	APPEAL_STATES(X)
#undef X
		APPEAL_STATE_COUNT
};

static const char *const state_words[APPEAL_STATE_COUNT] = {
#define X(id, word) [APPEAL_##id] = word,
	APPEAL_STATES(X)
#undef X
};

struct appeal {
	uint64_t id, decision;
	int64_t revision, created_us;
	enum appeal_state state;
	uint32_t tenant; /* of who appealed; 0: the nation's */
	char source[OBSERVABLE_TEXT_SIZE], text[TEXT_SIZE], contact[WORD_SIZE], answer[ORDER_TEXT_SIZE],
		author[ORDER_OWNER_SIZE];
};

#define COLUMNS "id, revision, state, decision, source, tenant, content, contact, answer, author, created_us"

/* ---- Rows ---- */

static void copy_text(char *ret, size_t size, const struct db_value *value)
{
	snprintf(ret, size, "%.*s", (int)value->bytes.size, (const char *)value->bytes.ptr);
}

static void read_row(const struct db_value *columns, struct appeal *ret)
{
	ret->id = (uint64_t)columns[0].integer;
	ret->revision = columns[1].integer;
	ret->state = (enum appeal_state)columns[2].integer;
	ret->decision = (uint64_t)columns[3].integer;
	ret->tenant = (uint32_t)columns[5].integer;
	ret->created_us = columns[10].integer;
	copy_text(ret->source, sizeof(ret->source), &columns[4]);
	copy_text(ret->text, sizeof(ret->text), &columns[6]);
	copy_text(ret->contact, sizeof(ret->contact), &columns[7]);
	copy_text(ret->answer, sizeof(ret->answer), &columns[8]);
	copy_text(ret->author, sizeof(ret->author), &columns[9]);
}

static void write_appeal(struct jsonw *json, const struct appeal *appeal)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", appeal->id);
	jsonw_kv_i64(json, "revision", appeal->revision);
	console_kv_id(json, "decision", appeal->decision);
	jsonw_kv_string(json, "source", appeal->source);
	jsonw_kv_string(json, "state", state_words[appeal->state]);
	jsonw_kv_string(json, "text", appeal->text);
	console_kv_text_or_null(json, "contact", appeal->contact);
	console_kv_text_or_null(json, "answer", appeal->answer);
	jsonw_kv_string(json, "by", appeal->author);
	console_kv_time(json, "created", appeal->created_us);
	jsonw_object_end(json);
}

static int audit(struct db *db, const struct audit_origin *origin, const char *action, const struct appeal *appeal)
{
	char subject[32];
	const struct audit_field fields[] = {
		{ "decision", db_i64((int64_t)appeal->decision) },
		{ "source", db_str(appeal->source) },
		{ "text", db_str(appeal->text) },
		{ "answer", db_str(appeal->answer) },
	};
	const struct audit_record record = { .action = action,
		.subject = subject,
		.tenant = appeal->tenant,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields) };

	snprintf(subject, sizeof(subject), "appeal:%llu", (unsigned long long)appeal->id);
	return audit_append(db, origin, &record);
}

static int finish(struct db *db, int error)
{
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

static void publish(struct console *console, const struct appeal *appeal)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, PUBLISH_SIZE);
	jsonw_object_begin(&json);
	console_kv_id(&json, "appeal", appeal->id);
	console_kv_id(&json, "decision", appeal->decision);
	jsonw_kv_string(&json, "state", state_words[appeal->state]);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		console_publish(console, CONSOLE_TOPIC_DECISIONS, appeal->tenant, text);
	jsonw_done(&json);
}

/* ---- createAppeal ---- */

static int insert(struct db *db, const struct audit_origin *origin, struct appeal *appeal)
{
	int64_t open = 0, same = 0, id = 0;
	int error = db_begin(db);

	if (error)
		return error;
	error = db_integer(db, "select count(*) from hub_appeal where state = 0 and author = ?1",
		DB_ARGS(db_str(appeal->author)), &open);
	if (!error)
		error = db_integer(db,
			"select count(*) from hub_appeal where state = 0 and author = ?1 and decision = ?2",
			DB_ARGS(db_str(appeal->author), db_i64((int64_t)appeal->decision)), &same);
	if (!error && (same || open >= APPEALS_OPEN_MAX))
		error = same ? LUYTRE_E_EXISTS : LUYTRE_E_BUSY;
	if (!error)
		error = db_next_id(db, "hub_appeal", &id);
	appeal->id = (uint64_t)id;
	if (!error)
		error = db_run(db,
			"insert into hub_appeal (" COLUMNS
			", changed_us) values (?1, 1, 0, ?2, ?3, ?4, ?5, ?6, '', ?7, ?8,"
			" ?8)",
			DB_ARGS(db_i64(id), db_i64((int64_t)appeal->decision), db_str(appeal->source),
				db_i64(appeal->tenant), db_str(appeal->text), db_str(appeal->contact),
				db_str(appeal->author), db_i64(appeal->created_us)),
			NULL);
	if (!error)
		error = audit(db, origin, "appeal.create", appeal);
	return finish(db, error);
}

void handle_create_appeal(struct api_request *request, struct api_reply *reply)
{
	const struct auth_principal *principal = console_principal(request);
	struct bytes text = { 0 }, contact = { 0 };
	struct jsonr_errors errors;
	struct decision_view view;
	struct console_call call;
	struct appeal *appeal;
	struct jsonr body;
	int error;

	if (!decision_of_path(request, reply, &view))
		return;
	api_body(request, &errors, &body);
	jsonr_string(&body, "text", JSONR_NEEDED, 3, 2000, &text);
	jsonr_string(&body, "contact", JSONR_OPTIONAL, 0, 254, &contact);
	appeal = arena_alloc(request->arena, sizeof(*appeal));
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return;
	}
	if (!appeal || !decision_lives(&view)) {
		api_reply_error(reply, appeal ? LUYTRE_E_CONFLICT : LUYTRE_E_NOMEM, NULL);
		return;
	}
	appeal->decision = view.id;
	appeal->revision = 1;
	appeal->tenant = principal->tenant;
	appeal->created_us = console_now_us(request);
	decision_source(&view, appeal->source);
	(void)bytes_to_str(text, appeal->text, sizeof(appeal->text));
	if (contact.ptr)
		(void)bytes_to_str(contact, appeal->contact, sizeof(appeal->contact));
	snprintf(appeal->author, sizeof(appeal->author), "%s", principal->name);
	console_call(request, &call);
	error = insert(console_db(request), &call.origin, appeal);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	publish(console_of(request), appeal);
	api_reply_etag(reply, (uint64_t)appeal->revision);
	write_appeal(api_reply_json(reply, 201), appeal);
}

/* ---- listAppeals: open ones first, the oldest of them first; then the others, the newest first ---- */

struct listing {
	struct jsonw *json;
	const struct scope *scope;
	struct appeal room;
	size_t count, limit, rows;
	struct api_position last; /* key 1: among the answered ones */
	bool more;
};

static int take_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct listing *listing = context;

	read_row(columns, &listing->room);
	listing->rows++;
	if (listing->room.tenant ? scope_has(listing->scope, listing->room.tenant) : listing->scope->all) {
		if (listing->count == listing->limit) {
			listing->more = true;
			return LUYTRE_E_CLOSED;
		}
		write_appeal(listing->json, &listing->room);
		listing->count++;
	}
	listing->last = (struct api_position){ listing->room.state != APPEAL_OPEN, listing->room.id };
	return 0;
}

enum { ROWS_AT_ONCE = 1000 };

/* Rows of other tenants are passed over, so a page may take several goes. */
static int walk(struct db *db, const char *sql, int state, int64_t from, struct listing *listing)
{
	int error;

	do {
		listing->rows = 0;
		error = db_each(db, sql, DB_ARGS(db_i64(from), db_i64(state), db_i64(ROWS_AT_ONCE)), take_row, listing);
		from = (int64_t)listing->last.id;
	} while (!error && listing->rows == ROWS_AT_ONCE);
	return error == LUYTRE_E_CLOSED ? 0 : error;
}

static int list_all(const struct api_request *request, int state, struct api_position from, struct listing *listing)
{
	static const char open[] =
		"select " COLUMNS " from hub_appeal where id > ?1 and state = ?2 order by id limit ?3";
	static const char one[] =
		"select " COLUMNS " from hub_appeal where id < ?1 and state = ?2 order by id desc limit ?3";
	static const char answered[] =
		"select " COLUMNS " from hub_appeal where id < ?1 and state <> ?2 order by id desc limit ?3";
	int64_t below = from.key ? (int64_t)from.id : INT64_MAX;
	int error = 0;

	listing->last = from;
	if (!from.key && (state < 0 || state == APPEAL_OPEN))
		error = walk(console_db(request), open, APPEAL_OPEN, (int64_t)from.id, listing);
	if (error || listing->more || state == APPEAL_OPEN)
		return error;
	return state < 0 ? walk(console_db(request), answered, APPEAL_OPEN, below, listing)
			 : walk(console_db(request), one, state, below, listing);
}

void handle_list_appeals(struct api_request *request, struct api_reply *reply)
{
	struct bytes word = api_query(request, "state")->text;
	struct listing *listing = arena_alloc(request->arena, sizeof(*listing));
	struct api_position from;
	struct auth_scope scope;
	int state = -1, error;

	if (!api_page_begin(request, reply, &from) || !console_scope(request, reply, AUTH_DECISIONS_READ, &scope))
		return;
	for (int i = 0; word.ptr && i < APPEAL_STATE_COUNT; i++)
		state = bytes_equal_str(word, state_words[i]) ? i : state;
	if (!listing) {
		auth_scope_done(&scope);
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	listing->scope = &scope.scope;
	listing->limit = (size_t)api_query(request, "limit")->integer;
	listing->json = api_reply_json(reply, 200);
	jsonw_object_begin(listing->json);
	jsonw_kv_array_begin(listing->json, "items");
	error = list_all(request, state, from, listing);
	jsonw_array_end(listing->json);
	api_page_end(request, listing->json, listing->more, listing->last);
	jsonw_object_end(listing->json);
	auth_scope_done(&scope);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* ---- answerAppeal ---- */

static int take_one(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 0;
}

static struct appeal *find_appeal(struct api_request *request, struct api_reply *reply)
{
	struct appeal *appeal = arena_alloc(request->arena, sizeof(*appeal));
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "appeal", &id))
		return NULL;
	error = appeal ? db_each(console_db(request), "select " COLUMNS " from hub_appeal where id = ?1",
				 DB_ARGS(db_i64((int64_t)id)), take_one, appeal)
		       : LUYTRE_E_NOMEM;
	if (!error && !appeal->id)
		error = LUYTRE_E_NOT_FOUND;
	if (!error && !auth_check(console_principal(request), console_worker_of(request)->tree, AUTH_DECISIONS_READ,
			      appeal->tenant))
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		return appeal;
	api_reply_error(reply, error, NULL);
	return NULL;
}

static int write_answer(struct db *db, const struct audit_origin *origin, struct appeal *appeal)
{
	uint64_t changes = 0;
	int error = db_begin(db);

	if (error)
		return error;
	error = db_run(db,
		"update hub_appeal set revision = revision + 1, state = ?3, answer = ?4, changed_us = ?5 where id = ?1 "
		"and"
		" revision = ?2 and state = 0",
		DB_ARGS(db_i64((int64_t)appeal->id), db_i64(appeal->revision), db_i64(appeal->state),
			db_str(appeal->answer), db_i64(origin->now_us)),
		&changes);
	if (!error && changes != 1)
		error = LUYTRE_E_CONFLICT;
	if (!error)
		error = audit(db, origin, "appeal.answer", appeal);
	error = finish(db, error);
	if (!error)
		appeal->revision++;
	return error;
}

/* The decision may have ended meanwhile: then there is nothing to lift. */
static int lift_wrong(struct api_request *request, const struct appeal *appeal, uint32_t *ret_tenant, bool only_look)
{
	struct decision_view view;
	struct api_reply unused;
	bool found;

	api_reply_init(&unused, request);
	found = decision_find(request, &unused, appeal->decision, &view);
	api_reply_done(&unused);
	*ret_tenant = found ? view.decision.tenant : 0;
	return found && !only_look && decision_lives(&view) ? decision_lift(request, &view) : 0;
}

static bool read_answer(struct api_request *request, struct api_reply *reply, struct appeal *appeal)
{
	struct bytes reason = { 0 };
	struct jsonr_errors errors;
	struct jsonr body;
	size_t state = 0;

	api_body(request, &errors, &body);
	jsonr_word(&body, "state", JSONR_NEEDED, state_words + 1, APPEAL_STATE_COUNT - 1, &state);
	jsonr_string(&body, "reason", JSONR_NEEDED, 3, 500, &reason);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return false;
	}
	appeal->state = (enum appeal_state)(state + 1);
	(void)bytes_to_str(reason, appeal->answer, sizeof(appeal->answer));
	return true;
}

void handle_answer_appeal(struct api_request *request, struct api_reply *reply)
{
	struct appeal *appeal = find_appeal(request, reply);
	struct console_call call;
	uint32_t tenant = 0;
	int error;

	if (!appeal || !api_reply_matches(reply, (uint64_t)appeal->revision))
		return;
	if (appeal->state != APPEAL_OPEN) {
		api_reply_error(reply, LUYTRE_E_CONFLICT, NULL);
		return;
	}
	(void)lift_wrong(request, appeal, &tenant, true);
	if (!auth_check(console_principal(request), console_worker_of(request)->tree, AUTH_DECISIONS_WRITE, tenant)) {
		api_reply_problem(reply, API_PROBLEM_FORBIDDEN, NULL);
		return;
	}
	if (!read_answer(request, reply, appeal))
		return;
	console_call(request, &call);
	error = write_answer(console_db(request), &call.origin, appeal);
	if (!error && appeal->state == APPEAL_UPHELD)
		error = lift_wrong(request, appeal, &tenant, false);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	publish(console_of(request), appeal);
	api_reply_etag(reply, (uint64_t)appeal->revision);
	write_appeal(api_reply_json(reply, 200), appeal);
}
