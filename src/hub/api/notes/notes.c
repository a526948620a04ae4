// SPDX-License-Identifier: Apache-2.0
#include "hub/api/notes/notes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/api/moment.h"
#include "hub/api/notes/operations-notes.h"

enum { NOTES_MAX = 4096, TITLE_SIZE = 4 * 64 + 1 };

struct note {
	uint64_t id, revision;
	uint64_t tenant;
	int64_t created_us;
	bool urgent;
	char title[TITLE_SIZE];
};

struct notes {
	pthread_mutex_t mutex;
	struct stream *stream;
	struct note notes[NOTES_MAX]; /* by id */
	size_t count;
	uint64_t last_id;
	unsigned int changes;
};

/* The tenant that a caller is bound to; 0: none. */
static const struct {
	const char *name;
	uint64_t tenant;
} callers[] = { { "all", 0 }, { "one", 1 }, { "two", 2 } };

static const char *const topics[] = { "notes", "system" };

static int authenticate(void *context, void *worker, const struct api_request *request, struct api_caller *ret)
{
	const char *authorization = request->headers.authorization, *cookie = request->headers.cookie;
	const char *name = NULL;

	if (authorization && strncmp(authorization, "Bearer ", 7) == 0)
		name = authorization + 7;
	else if (cookie && strncmp(cookie, "caller=", 7) == 0)
		name = cookie + 7;
	else if (request->certificate.present)
		name = request->certificate.name;
	if (!name)
		return LUYTRE_E_NOT_FOUND;
	for (size_t i = 0; i < ARRAY_COUNT(callers); i++) {
		if (strcmp(name, callers[i].name) != 0)
			continue;
		ret->id = i + 1;
		ret->kind = NOTES_CALLER_KIND;
		ret->by_cookie = !authorization && cookie;
		snprintf(ret->csrf, sizeof(ret->csrf), "t-%s", callers[i].name);
		snprintf(ret->name, sizeof(ret->name), "%s", callers[i].name);
		ret->data = strdup(name);
		return ret->data ? 0 : LUYTRE_E_NOMEM;
	}
	return LUYTRE_E_PERMISSION;
}

static void release(void *context, struct api_caller *caller)
{
	free(caller->data);
	caller->data = NULL;
}

static uint64_t tenant_bound(const struct api_caller *caller)
{
	return callers[caller->id - 1].tenant;
}

static uint64_t number(struct bytes text)
{
	char copy[24];

	return bytes_to_str(text, copy, sizeof(copy)) ? strtoull(copy, NULL, 10) : 0;
}

static bool check(
	void *context, void *worker, const struct api_request *request, const char *permission, struct bytes tenant)
{
	uint64_t bound = tenant_bound(&request->caller);

	return bound == 0 || bytes_empty(tenant) || number(tenant) == bound;
}

static bool visible(void *context, const struct api_caller *caller, uint32_t topic, uint32_t tenant)
{
	uint64_t bound = tenant_bound(caller);

	return bound == 0 || tenant == 0 || bound == tenant;
}

int notes_new(const struct stream_settings *settings, struct notes **ret)
{
	struct notes *notes = calloc(1, sizeof(*notes));
	struct stream_config config = { .settings = *settings,
		.topics = topics,
		.topic_count = ARRAY_COUNT(topics),
		.visible = visible,
		.release = release };
	int error;

	if (!notes)
		return LUYTRE_E_NOMEM;
	pthread_mutex_init(&notes->mutex, NULL);
	error = stream_new(&config, &notes->stream);
	if (error < 0) {
		free(notes);
		return error;
	}
	*ret = notes;
	return 0;
}

void notes_free(struct notes *notes)
{
	if (!notes)
		return;
	stream_stop(notes->stream);
	stream_free(notes->stream);
	pthread_mutex_destroy(&notes->mutex);
	free(notes);
}

struct stream *notes_stream(struct notes *notes)
{
	return notes->stream;
}

unsigned int notes_changes(struct notes *notes)
{
	unsigned int changes;

	pthread_mutex_lock(&notes->mutex);
	changes = notes->changes;
	pthread_mutex_unlock(&notes->mutex);
	return changes;
}

void notes_configure(struct notes *notes, struct api_config *config)
{
	static const uint8_t page[] = "<!doctype html><title>Notes</title>", script[] = "export{};";
	static const struct api_file list[] = {
		{ "/assets/app-1f3c.js", "text/javascript", "\"f1\"", true, { script, sizeof(script) - 1 }, { 0 } },
		{ "/index.html", "text/html; charset=utf-8", "\"f2\"", false, { page, sizeof(page) - 1 }, { 0 } },
	};
	static const struct api_files files = { list, ARRAY_COUNT(list) };

	config->table = &notes_table;
	config->handlers = notes_handlers;
	config->context = notes;
	config->auth = (struct api_auth){ authenticate, check, release };
	config->stream = notes->stream;
	config->files = &files;
}

void handle_get_health(struct api_request *request, struct api_reply *reply)
{
	struct jsonw *json = api_reply_json(reply, 200);
	char time[MOMENT_TEXT_SIZE];

	jsonw_object_begin(json);
	jsonw_kv_string(json, "state", "up");
	jsonw_kv_string(json, "version", LUYTRE_VERSION);
	jsonw_kv_string(json, "time", moment_format((int64_t)(request->now.real_ns / NS_PER_US), time));
	jsonw_object_end(json);
}

void handle_get_description(struct api_request *request, struct api_reply *reply)
{
	api_reply_bytes(reply, 200, "application/json", notes_table.description);
}

static void write_session(struct api_reply *reply, int status, const struct api_caller *caller)
{
	struct jsonw *json = api_reply_json(reply, status);
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)caller->id);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "name", caller->name);
	jsonw_kv_string(json, "id", id);
	jsonw_kv_string(json, "csrf", caller->csrf);
	jsonw_object_end(json);
}

void handle_get_session(struct api_request *request, struct api_reply *reply)
{
	write_session(reply, 200, &request->caller);
}

void handle_create_session(struct api_request *request, struct api_reply *reply)
{
	struct api_caller caller = { .id = 1, .name = "all", .csrf = "t-all" };
	struct bytes login = { 0 }, password = { 0 };
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	if (!jsonr_string(&body, "login", JSONR_NEEDED, 1, 64, &login) ||
		!jsonr_string(&body, "password", JSONR_NEEDED, 1, 256, &password) || !bytes_equal_str(login, "all") ||
		!bytes_equal_str(password, "secret")) {
		api_reply_problem(reply, API_PROBLEM_CREDENTIALS, NULL);
		return;
	}
	api_reply_header(reply, "Set-Cookie", "caller=all; Path=/; HttpOnly; SameSite=Lax");
	write_session(reply, 201, &caller);
}

void handle_delete_session(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;

	stream_end_caller(notes->stream, request->caller.kind, request->caller.id);
	api_reply_empty(reply, 204);
}

/* The server itself answers streams. */
void handle_get_stream(struct api_request *request, struct api_reply *reply)
{
	api_reply_problem(reply, API_PROBLEM_UNSUPPORTED, NULL);
}

static void write_note(struct jsonw *json, const struct note *note)
{
	char text[MOMENT_TEXT_SIZE];

	jsonw_object_begin(json);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)note->id);
	jsonw_kv_string(json, "id", text);
	jsonw_kv_u64(json, "revision", note->revision);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)note->tenant);
	jsonw_kv_string(json, "tenant", text);
	jsonw_kv_string(json, "title", note->title);
	jsonw_kv_string(json, "kind", note->urgent ? "urgent" : "plain");
	jsonw_kv_string(json, "created", moment_format(note->created_us, text));
	jsonw_object_end(json);
}

static bool wanted(const struct api_request *request, const struct note *note, uint64_t tenant)
{
	const struct api_value *kinds;
	bool found;

	if (tenant != 0 && note->tenant != tenant)
		return false;
	if (strcmp(request->operation->id, "listNotes") != 0)
		return true;
	kinds = api_query(request, "kind");
	found = kinds->item_count == 0;
	for (size_t i = 0; i < kinds->item_count; i++)
		found = found || bytes_equal_str(kinds->items[i], note->urgent ? "urgent" : "plain");
	return found;
}

static void list(struct api_request *request, struct api_reply *reply, uint64_t tenant)
{
	struct notes *notes = request->context;
	int64_t limit = api_query(request, "limit")->integer, count = 0;
	struct api_position from;
	struct jsonw *json;
	bool more = false;

	if (!api_page_begin(request, reply, &from))
		return;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	pthread_mutex_lock(&notes->mutex);
	for (size_t i = 0; i < notes->count && !more; i++) {
		if (notes->notes[i].id <= from.id || !wanted(request, &notes->notes[i], tenant))
			continue;
		more = count == limit;
		if (more)
			break;
		write_note(json, &notes->notes[i]);
		from.id = notes->notes[i].id;
		count++;
	}
	pthread_mutex_unlock(&notes->mutex);
	jsonw_array_end(json);
	api_page_end(request, json, more, from);
	jsonw_object_end(json);
}

void handle_list_notes(struct api_request *request, struct api_reply *reply)
{
	list(request, reply, tenant_bound(&request->caller));
}

void handle_list_tenant_notes(struct api_request *request, struct api_reply *reply)
{
	list(request, reply, number(api_path(request, "tenant")));
}

static void read_note(const struct jsonr *body, enum jsonr_need need, struct note *note)
{
	static const char *const kinds[] = { "plain", "urgent" };
	struct bytes title;
	size_t kind;

	if (jsonr_string(body, "title", need, 1, 64, &title))
		snprintf(note->title, sizeof(note->title), "%.*s", (int)title.size, (const char *)title.ptr);
	if (jsonr_word(body, "kind", need, kinds, ARRAY_COUNT(kinds), &kind))
		note->urgent = kind == 1;
}

static void publish(struct notes *notes, const struct note *note)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, 4096);
	write_note(&json, note);
	if (jsonw_text(&json, &text) < 0 ||
		stream_publish(notes->stream, 0, NOTES_TOPIC_NOTES, (uint32_t)note->tenant, text) < 0)
		abort();
	jsonw_done(&json);
}

/* Room is kept for the newest. */
static struct note *add(struct notes *notes, const struct note *note)
{
	if (notes->count == NOTES_MAX)
		memmove(notes->notes, notes->notes + 1, sizeof(*note) * --notes->count);
	notes->notes[notes->count] = *note;
	notes->notes[notes->count].id = ++notes->last_id;
	notes->changes++;
	return &notes->notes[notes->count++];
}

void handle_create_note(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;
	struct note note = { .revision = 1, .created_us = (int64_t)(request->now.real_ns / NS_PER_US) };
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	read_note(&body, JSONR_NEEDED, &note);
	note.tenant = number(api_path(request, "tenant"));
	pthread_mutex_lock(&notes->mutex);
	note = *add(notes, &note);
	publish(notes, &note);
	pthread_mutex_unlock(&notes->mutex);
	api_reply_etag(reply, note.revision);
	api_reply_header_format(reply, "Location", "/api/v1/tenants/%llu/notes/%llu", (unsigned long long)note.tenant,
		(unsigned long long)note.id);
	write_note(api_reply_json(reply, 201), &note);
}

/* With the lock held; null: it is not there. */
static struct note *find(struct api_request *request)
{
	struct notes *notes = request->context;
	uint64_t tenant = number(api_path(request, "tenant")), id = number(api_path(request, "note"));

	for (size_t i = 0; i < notes->count; i++) {
		if (notes->notes[i].id == id && notes->notes[i].tenant == tenant)
			return &notes->notes[i];
	}
	return NULL;
}

void handle_get_note(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;
	const struct note *note;

	pthread_mutex_lock(&notes->mutex);
	note = find(request);
	if (!note)
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	else if (!api_reply_unmodified(reply, note->revision))
		write_note(api_reply_json(reply, 200), note);
	pthread_mutex_unlock(&notes->mutex);
}

void handle_update_note(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;
	struct jsonr_errors errors;
	struct jsonr body;
	struct note *note;

	api_body(request, &errors, &body);
	pthread_mutex_lock(&notes->mutex);
	note = find(request);
	if (!note) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	} else if (api_reply_matches(reply, note->revision)) {
		read_note(&body, JSONR_OPTIONAL, note);
		note->revision++;
		notes->changes++;
		publish(notes, note);
		api_reply_etag(reply, note->revision);
		write_note(api_reply_json(reply, 200), note);
	}
	pthread_mutex_unlock(&notes->mutex);
}

void handle_delete_note(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;
	struct note *note;

	pthread_mutex_lock(&notes->mutex);
	note = find(request);
	if (!note) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	} else if (api_reply_matches(reply, note->revision)) {
		size_t index = (size_t)(note - notes->notes);

		memmove(note, note + 1, sizeof(*note) * (notes->count - index - 1));
		notes->count--;
		notes->changes++;
		api_reply_empty(reply, 204);
	}
	pthread_mutex_unlock(&notes->mutex);
}

void handle_import_notes(struct api_request *request, struct api_reply *reply)
{
	struct notes *notes = request->context;
	uint64_t tenant = tenant_bound(&request->caller);
	struct jsonr_errors errors;
	struct jsonr body, items;
	struct jsonw *json;
	size_t count = 0;

	api_body(request, &errors, &body);
	pthread_mutex_lock(&notes->mutex);
	if (jsonr_array(&body, "notes", JSONR_NEEDED, 10000, &items)) {
		for (; count < json_array_size(items.value); count++) {
			struct note note = { .revision = 1, .tenant = tenant ? tenant : 1 };
			struct jsonr item = jsonr_item(&items, count);

			read_note(&item, JSONR_NEEDED, &note);
			add(notes, &note);
		}
	}
	pthread_mutex_unlock(&notes->mutex);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "count", count);
	jsonw_object_end(json);
}
