// SPDX-License-Identifier: Apache-2.0
#include "hub/console/views.h"

#include <stdio.h>
#include <stdlib.h>

enum { VIEW_NAME_SIZE = 4 * 128 + 1 };

static const struct db_migration migrations[] = {
	{ "create table console_view (id integer primary key, revision integer not null, account integer not null,"
	  " tenant integer not null, author text not null, page text not null, name text not null,"
	  " filters text not null, shared integer not null, updated_us integer not null,"
	  " unique (account, page, name));"
	  "create index console_view_shared on console_view (tenant, shared, page, updated_us);" },
	/* Whose organisation sees a view is asked of its account, which may move to another. */
	{ "drop index console_view_shared;"
	  "alter table console_view drop column tenant;" },
};

int views_setup(struct db *db)
{
	return db_migrate(db, "console-views", migrations, ARRAY_COUNT(migrations));
}

int views_forget(struct db *db, uint32_t account)
{
	return db_run(db, "delete from console_view where account = ?1", DB_ARGS(db_i64(account)), NULL);
}

struct view {
	int64_t id, revision, updated_us;
	uint32_t account;
	bool shared;
	char author[AUTH_NAME_SIZE], page[16], name[VIEW_NAME_SIZE], filters[VIEWS_TEXT_MAX + 1];
};

#define COLUMNS "id, revision, account, author, page, name, filters, shared, updated_us"

static int read_view(const struct db_value *columns, struct view *ret)
{
	ret->id = columns[0].integer;
	ret->revision = columns[1].integer;
	ret->account = (uint32_t)columns[2].integer;
	ret->shared = columns[7].integer != 0;
	ret->updated_us = columns[8].integer;
	return bytes_to_str(columns[3].bytes, ret->author, sizeof(ret->author)) &&
			       bytes_to_str(columns[4].bytes, ret->page, sizeof(ret->page)) &&
			       bytes_to_str(columns[5].bytes, ret->name, sizeof(ret->name)) &&
			       bytes_to_str(columns[6].bytes, ret->filters, sizeof(ret->filters))
		       ? 0
		       : LUYTRE_E_CORRUPT;
}

static int row_view(void *context, const struct db_value *columns, size_t column_count)
{
	int error = read_view(columns, context);

	return error ? error : 1;
}

/* ---- Out ---- */

static void write_view(const struct api_request *request, struct jsonw *json, const struct view *view)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)view->id);
	jsonw_kv_i64(json, "revision", view->revision);
	jsonw_kv_string(json, "page", view->page);
	jsonw_kv_string(json, "name", view->name);
	console_kv_json(json, "filters", bytes_from_str(view->filters));
	jsonw_kv_bool(json, "shared", view->shared);
	jsonw_kv_bool(json, "mine", view->account == console_principal(request)->account);
	jsonw_kv_string(json, "by", view->author);
	console_kv_time(json, "updated", view->updated_us);
	jsonw_object_end(json);
}

static void reply_view(const struct api_request *request, struct api_reply *reply, int status, const struct view *view)
{
	write_view(request, api_reply_json(reply, status), view);
	api_reply_etag(reply, (uint64_t)view->revision);
}

struct listing {
	const struct api_request *request;
	struct jsonw *json;
};

static int list_one(void *context, const struct db_value *columns, size_t column_count)
{
	const struct listing *listing = context;
	struct view view;
	int error = read_view(columns, &view);

	if (!error)
		write_view(listing->request, listing->json, &view);
	return error;
}

/* One's own by name, then what others of the same organisation show, the newest first. */
void handle_list_views(struct api_request *request, struct api_reply *reply)
{
	const struct auth_principal *me = console_principal(request);
	const struct db_value page = db_text(api_query(request, "page")->text);
	struct listing listing = { request, api_reply_json(reply, 200) };
	int error;

	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = db_each(console_db(request),
		"select " COLUMNS " from console_view where account = ?1 and page = ?2 order by name limit ?3",
		DB_ARGS(db_i64(me->account), page, db_i64(VIEWS_OWN_MAX)), list_one, &listing);
	if (!error)
		error = db_each(console_db(request),
			"select " COLUMNS " from console_view where shared = 1 and page = ?2 and account <> ?3"
			" and account in (select id from account where tenant = ?1) order by updated_us desc, id desc "
			"limit ?4",
			DB_ARGS(db_i64(me->tenant), page, db_i64(me->account), db_i64(VIEWS_SHARED_MAX)), list_one,
			&listing);
	jsonw_array_end(listing.json);
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* ---- In ---- */

/* What the description lets through may still be longer than a row may be. */
static bool read_filters(const struct api_request *request, struct api_reply *reply, struct view *view)
{
	const json_t *filters = json_object_get(request->json, "filters");
	struct jsonr_errors errors;
	struct jsonr body, member;
	char *text;
	bool fits;

	if (!filters)
		return true;
	text = json_dumps(filters, JSON_COMPACT);
	fits = text && bytes_to_str(bytes_from_str(text), view->filters, sizeof(view->filters));
	free(text);
	if (fits)
		return true;
	api_body(request, &errors, &body);
	member = jsonr_member(&body, "filters");
	jsonr_fail(&member, JSONR_SIZE, 0, VIEWS_TEXT_MAX);
	api_reply_invalid(reply, &errors);
	return false;
}

static bool read_body(const struct api_request *request, struct api_reply *reply, struct view *view)
{
	const json_t *shared = json_object_get(request->json, "shared");

	if (json_is_boolean(shared))
		view->shared = json_is_true(shared);
	return console_body_copy(request, reply, "name", view->name, sizeof(view->name)) &&
	       read_filters(request, reply, view);
}

/* Another of the person's has the name, or there are too many. */
static void refuse(const struct api_request *request, struct api_reply *reply, int error)
{
	bool vi = request->lang == LUYTRE_LANG_VI;

	if (error == LUYTRE_E_EXISTS)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Bạn đã có bộ lọc mang tên này." : "You have a view of this name already.");
	else if (error == LUYTRE_E_FULL)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Mỗi người lưu được 50 bộ lọc; hãy xóa bớt."
			   : "A person can save 50 views; remove one first.");
	else if (error == LUYTRE_E_CONFLICT)
		api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
	else
		api_reply_error(reply, error, NULL);
}

struct creating {
	struct db *db;
	struct view *view;
};

static int create(void *context)
{
	const struct creating *creating = context;
	struct view *view = creating->view;
	struct db *db = creating->db;
	int64_t count = 0;
	int error = db_integer(
		db, "select count(*) from console_view where account = ?1", DB_ARGS(db_i64(view->account)), &count);

	if (!error && count >= VIEWS_OWN_MAX)
		error = LUYTRE_E_FULL;
	if (!error)
		error = db_next_id(db, "console_view", &view->id);
	if (error)
		return error;
	return db_run(db, "insert into console_view (" COLUMNS ") values (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		DB_ARGS(db_i64(view->id), db_i64(view->account), db_str(view->author), db_str(view->page),
			db_str(view->name), db_str(view->filters), db_i64(view->shared), db_i64(view->updated_us)),
		NULL);
}

void handle_create_view(struct api_request *request, struct api_reply *reply)
{
	const struct auth_principal *me = console_principal(request);
	struct view view = {
		.revision = 1, .account = me->account, .filters = "[]", .updated_us = console_now_us(request)
	};
	int error;

	snprintf(view.author, sizeof(view.author), "%s", me->name);
	if (!console_body_copy(request, reply, "page", view.page, sizeof(view.page)) ||
		!read_body(request, reply, &view))
		return;
	error = db_atomically(console_db(request), create, &(struct creating){ console_db(request), &view });
	if (error) {
		refuse(request, reply, error);
		return;
	}
	api_reply_header_format(reply, "Location", "/api/v1/views/%lld", (long long)view.id);
	reply_view(request, reply, 201, &view);
}

/* One of the caller's own: what others share is theirs to change. */
static bool find(const struct api_request *request, struct api_reply *reply, struct view *ret)
{
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "view", &id))
		return false;
	error = db_each(console_db(request), "select " COLUMNS " from console_view where id = ?1 and account = ?2",
		DB_ARGS(db_i64((int64_t)id), db_i64(console_principal(request)->account)), row_view, ret);
	if (error == 1)
		return true;
	api_reply_error(reply, error ? error : LUYTRE_E_NOT_FOUND, NULL);
	return false;
}

void handle_update_view(struct api_request *request, struct api_reply *reply)
{
	uint64_t changes = 0;
	struct view view;
	int error;

	if (!find(request, reply, &view) || !api_reply_matches(reply, (uint64_t)view.revision) ||
		!read_body(request, reply, &view))
		return;
	view.updated_us = console_now_us(request);
	error = db_run(console_db(request),
		"update console_view set revision = revision + 1, name = ?3, filters = ?4, shared = ?5, updated_us = ?6"
		" where id = ?1 and revision = ?2",
		DB_ARGS(db_i64(view.id), db_i64(view.revision), db_str(view.name), db_str(view.filters),
			db_i64(view.shared), db_i64(view.updated_us)),
		&changes);
	if (error || changes != 1) {
		refuse(request, reply, error ? error : LUYTRE_E_CONFLICT);
		return;
	}
	view.revision++;
	reply_view(request, reply, 200, &view);
}

void handle_delete_view(struct api_request *request, struct api_reply *reply)
{
	uint64_t changes = 0;
	struct view view;
	int error;

	if (!find(request, reply, &view) || !api_reply_matches(reply, (uint64_t)view.revision))
		return;
	error = db_run(console_db(request), "delete from console_view where id = ?1 and revision = ?2",
		DB_ARGS(db_i64(view.id), db_i64(view.revision)), &changes);
	if (error || changes != 1)
		refuse(request, reply, error ? error : LUYTRE_E_CONFLICT);
	else
		api_reply_empty(reply, 204);
}
