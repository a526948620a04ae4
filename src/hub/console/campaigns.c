// SPDX-License-Identifier: Apache-2.0
/* Campaigns: what hub/campaign found, what people say of it (name, state, note: the table hub_campaign), and blocking all its sources.
 *
 * A confirmed campaign concerns everybody, so everybody who may read campaigns sees it, with other organisations masked; one that is only
 * suspected is seen by those it hit, and by the nation. Names of organisations are shown to those who may see them, or when the settings
 * share names. A person's word about the state goes before the finder's.
 *
 * A cell of the matrix stands at the hour of its first sighting. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/api/moment.h"
#include "hub/console/decisions.h"
#include "hub/console/operations.h"

enum {
	IDS_AT_ONCE = 256,
	NAME_SIZE = 513, /* 128 characters */
	NOTE_SIZE = 8001,
	SENTENCE_SIZE = 2048,
	LIKELY_MAX = 20,
	PUBLISH_SIZE = 256,
	TENANTS_MAX = 1000, /* of a block */
	SETTLE_EACH = 100, /* orders of a block: each by itself would wait for the disk, or the journal's copy */
};

#define HOUR_US INT64_C(3600000000)

#define STATES(X)                                                                                                      \
	X(SUSPECTED, "suspected")                                                                                      \
	X(CONFIRMED, "confirmed")                                                                                      \
	X(CLOSED, "closed")

enum state {
#define X(id, word) STATE_##id,
	STATES(X)
#undef X
		STATE_COUNT
};

static const char *const state_words[STATE_COUNT] = {
#define X(id, word) [STATE_##id] = word,
	STATES(X)
#undef X
};

static const char *const feature_words[CAMPAIGN_FEATURE_COUNT] = {
#define X(id, word, family, en, vi) [CAMPAIGN_##id] = word,
	CAMPAIGN_FEATURES(X)
#undef X
};

/* What a person said; state -1: nothing about that. */
struct word {
	int64_t revision; /* 0: no row */
	int state;
	char name[NAME_SIZE], note[NOTE_SIZE];
};

struct view {
	uint64_t instance;
	struct campaign_info info;
	uint32_t tenants[CAMPAIGN_TENANTS_MAX];
	size_t tenant_count;
	char vi[SENTENCE_SIZE], en[SENTENCE_SIZE];
	struct campaign_words words;
	struct word word;
};

/* ---- Rows ---- */

static int take_word(void *context, const struct db_value *columns, size_t column_count)
{
	struct word *word = context;

	word->revision = columns[0].integer;
	word->state = (int)columns[2].integer;
	snprintf(
		word->name, sizeof(word->name), "%.*s", (int)columns[1].bytes.size, (const char *)columns[1].bytes.ptr);
	snprintf(
		word->note, sizeof(word->note), "%.*s", (int)columns[3].bytes.size, (const char *)columns[3].bytes.ptr);
	return 0;
}

static int read_word(struct db *db, uint64_t instance, uint32_t id, struct word *ret)
{
	ret->revision = 0;
	ret->state = -1;
	ret->name[0] = ret->note[0] = '\0';
	return db_each(db, "select revision, name, state, note from hub_campaign where instance = ?1 and id = ?2",
		DB_ARGS(db_i64((int64_t)instance), db_i64(id)), take_word, ret);
}

static int put_word(struct db *db, const struct view *view, const struct word *word)
{
	struct db_args args = DB_ARGS(db_i64((int64_t)view->instance), db_i64(view->info.id), db_str(word->name),
		db_i64(word->state), db_str(word->note), db_i64(word->revision));
	uint64_t changes = 0;
	int error;

	if (word->revision == 0) {
		args.count--;
		error = db_run(db,
			"insert into hub_campaign (instance, id, revision, name, state, note) values (?1, ?2, 2, ?3, "
			"?4,"
			" ?5)",
			args, &changes);
		return error == LUYTRE_E_EXISTS ? LUYTRE_E_CONFLICT : error;
	}
	error = db_run(db,
		"update hub_campaign set revision = revision + 1, name = ?3, state = ?4, note = ?5 where instance = ?1 "
		"and"
		" id = ?2 and revision = ?6",
		args, &changes);
	return !error && changes != 1 ? LUYTRE_E_CONFLICT : error;
}

/* Revision 1 is one that nobody has said anything about. */
static uint64_t revision_of(const struct view *view)
{
	return view->word.revision ? (uint64_t)view->word.revision : 1;
}

static enum state state_of(const struct view *view)
{
	if (view->word.state >= 0 && view->word.state < STATE_COUNT)
		return (enum state)view->word.state;
	return view->info.campaign ? STATE_CONFIRMED : STATE_SUSPECTED;
}

/* ---- Finding ---- */

/* Within the campaigns' lock. */
static bool copy_view(const struct campaigns *campaigns, uint32_t id, struct view *ret)
{
	if (campaign_find(campaigns, id, &ret->info))
		return false;
	ret->instance = campaigns_instance(campaigns);
	campaign_words(campaigns, ret->info.id, &ret->words);
	ret->tenant_count = campaign_tenants(campaigns, id, ret->tenants);
	(void)!campaign_explain(campaigns, id, LUYTRE_LANG_VI, ret->vi, sizeof(ret->vi));
	(void)!campaign_explain(campaigns, id, LUYTRE_LANG_EN, ret->en, sizeof(ret->en));
	return true;
}

static bool hits_scope(const struct view *view, const struct scope *scope)
{
	for (size_t i = 0; i < view->tenant_count; i++) {
		if (scope_has(scope, view->tenants[i]))
			return true;
	}
	return false;
}

static bool is_visible(const struct view *view, const struct scope *scope)
{
	return scope->all || view->info.campaign || hits_scope(view, scope);
}

/* The campaign of the path with what was said of it; the scope is to be given back when it is true. */
static bool find(struct api_request *request, struct api_reply *reply, struct view **ret, struct auth_scope *ret_scope)
{
	struct feed *feed = core_feed(console_core(request));
	struct view *view = arena_alloc(request->arena, sizeof(*view));
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "campaign", &id) ||
		!console_scope(request, reply, AUTH_CAMPAIGNS_READ, ret_scope))
		return false;
	error = view ? 0 : LUYTRE_E_NOMEM;
	if (!error) {
		error = copy_view(feed_lock(feed), id, view) ? 0 : LUYTRE_E_NOT_FOUND;
		feed_unlock(feed);
	}
	if (!error && !is_visible(view, &ret_scope->scope))
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		error = read_word(console_db(request), view->instance, view->info.id, &view->word);
	*ret = view;
	if (!error)
		return true;
	auth_scope_done(ret_scope);
	api_reply_error(reply, error, NULL);
	return false;
}

/* ---- Who is next ---- */

struct profiles {
	struct campaign_profile *items; /* owned */
	size_t count, capacity;
};

static int take_profile(void *context, const struct db_value *columns, size_t column_count)
{
	struct profiles *profiles = context;

	if (profiles->count == profiles->capacity) {
		size_t capacity = profiles->capacity ? 2 * profiles->capacity : 256;
		struct campaign_profile *items = realloc(profiles->items, capacity * sizeof(*items));

		if (!items)
			return LUYTRE_E_NOMEM;
		profiles->items = items;
		profiles->capacity = capacity;
	}
	profiles->items[profiles->count++] = (struct campaign_profile){ .tenant = (uint32_t)columns[0].integer,
		.sector = (uint32_t)columns[1].integer };
	return 0;
}

/* By sector, and by the ports that the tenant was seen to offer. Sector 0, "other", says nothing. */
static size_t find_next(struct api_request *request, uint32_t id, struct campaign_likely ret[LIKELY_MAX])
{
	struct feed *feed = core_feed(console_core(request));
	struct profiles profiles = { 0 };
	const struct campaigns *campaigns;
	size_t count = 0;

	if (!db_each(console_db(request), "select id, sector from tenant order by id", DB_NO_ARGS, take_profile,
		    &profiles)) {
		campaigns = feed_lock(feed);
		for (size_t i = 0; i < profiles.count; i++)
			feed_ports(feed, profiles.items[i].tenant, profiles.items[i].ports);
		count = campaign_next(campaigns, id, profiles.items, profiles.count, ret, LIKELY_MAX);
		feed_unlock(feed);
	}
	free(profiles.items);
	return count;
}

static void write_next(
	struct api_request *request, struct jsonw *json, const struct view *view, const struct scope *scope)
{
	struct campaign_likely likely[LIKELY_MAX];
	size_t count = find_next(request, view->info.id, likely);
	char text[24];

	jsonw_kv_array_begin(json, "next_likely");
	for (size_t i = 0; i < count; i++) {
		if (!scope_has(scope, likely[i].tenant))
			continue;
		snprintf(text, sizeof(text), "%u", likely[i].tenant);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

/* ---- Out ---- */

static void write_features(struct jsonw *json, const struct campaign_info *info)
{
	jsonw_kv_array_begin(json, "features");
	for (size_t i = 0; i < info->tie_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "kind", feature_words[info->ties[i].feature]);
		jsonw_kv_string(json, "value", info->ties[i].label);
		jsonw_kv_double(json, "rarity", info->ties[i].bits);
		jsonw_kv_double(json, "share", info->ties[i].share);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_ids(struct jsonw *json, const char *key, const uint32_t *ids, size_t count)
{
	char text[24];

	jsonw_kv_array_begin(json, key);
	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u", ids[i]);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

static void name_of(const struct view *view, enum luytre_lang lang, char ret[NAME_SIZE])
{
	if (view->word.name[0])
		memcpy(ret, view->word.name, NAME_SIZE);
	else
		snprintf(ret, NAME_SIZE, lang == LUYTRE_LANG_VI ? "Chiến dịch %u" : "Campaign %u", view->info.id);
}

/* 'next' null: without who is next. */
static void write_view(
	struct api_request *request, struct jsonw *json, const struct view *view, const struct scope *next)
{
	const struct campaign_info *info = &view->info;
	char name[NAME_SIZE];

	name_of(view, request->lang, name);
	jsonw_object_begin(json);
	console_kv_id(json, "id", info->id);
	jsonw_kv_u64(json, "revision", revision_of(view));
	jsonw_kv_string(json, "name", name);
	jsonw_kv_string(json, "state", state_words[state_of(view)]);
	jsonw_kv_object_begin(json, "explanation");
	jsonw_kv_string(json, "vi", view->vi);
	jsonw_kv_string(json, "en", view->en);
	jsonw_object_end(json);
	write_features(json, info);
	jsonw_kv_u64(json, "sources", info->sources);
	jsonw_kv_u64(json, "tenants", info->tenants);
	jsonw_kv_u64(json, "events", info->detections);
	if (next)
		write_next(request, json, view, next);
	jsonw_kv_array_begin(json, "trend");
	for (size_t i = 0; i < CAMPAIGN_TREND; i++)
		jsonw_u64(json, info->trend[i]);
	jsonw_array_end(json);
	write_ids(json, "merged", view->words.merged, view->words.merged_count);
	write_ids(json, "parts", view->words.parts, view->words.part_count);
	console_kv_id_or_null(json, "split_from", view->words.split_from);
	console_kv_text_or_null(json, "note", view->word.note);
	console_kv_time(json, "first", info->first_us);
	console_kv_time(json, "last", info->last_us);
	jsonw_object_end(json);
}

static void publish(struct console *console, uint32_t id, bool everybody)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, PUBLISH_SIZE);
	jsonw_object_begin(&json);
	if (id)
		console_kv_id(&json, "id", id);
	else
		jsonw_kv_bool(&json, "resync", true);
	jsonw_object_end(&json);
	if (!jsonw_text(&json, &text))
		console_publish(console, CONSOLE_TOPIC_CAMPAIGNS, everybody ? (uint32_t)CONSOLE_EVERYBODY : 0, text);
	jsonw_done(&json);
}

void console_campaign(struct console *console, uint32_t id)
{
	publish(console, id, true);
}

/* ---- listCampaigns: the youngest first ---- */

struct listing {
	struct api_request *request;
	const struct scope *scope;
	struct bytes text;
	int state; /* -1: any */
	bool of_tenant;
	size_t count, limit;
	uint32_t last;
	bool more;
};

static bool holds(const char *where, struct bytes text)
{
	size_t size = strlen(where);

	for (size_t i = 0; i + text.size <= size; i++) {
		if (strncasecmp(where + i, (const char *)text.ptr, text.size) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const struct listing *listing, const struct view *view)
{
	char name[NAME_SIZE];
	bool found;

	if (listing->of_tenant ? !hits_scope(view, listing->scope) : !is_visible(view, listing->scope))
		return false;
	if (listing->state >= 0 && state_of(view) != (enum state)listing->state)
		return false;
	if (!listing->text.ptr)
		return true;
	name_of(view, listing->request->lang, name);
	found = holds(name, listing->text) || holds(view->word.note, listing->text);
	for (size_t i = 0; i < view->info.tie_count && !found; i++)
		found = holds(view->info.ties[i].label, listing->text);
	return found;
}

static int list_some(struct listing *listing, struct jsonw *json, const uint32_t *ids, size_t count, struct view *room)
{
	struct feed *feed = core_feed(console_core(listing->request));
	int error = 0;

	for (size_t i = 0; i < count && !error && !listing->more; i++) {
		bool found = copy_view(feed_lock(feed), ids[i], room);

		feed_unlock(feed);
		if (!found)
			continue;
		error = read_word(console_db(listing->request), room->instance, ids[i], &room->word);
		if (error || !is_wanted(listing, room)) {
			listing->last = ids[i];
			continue;
		}
		listing->more = listing->count == listing->limit;
		if (listing->more)
			break;
		write_view(listing->request, json, room, NULL);
		listing->count++;
		listing->last = ids[i];
	}
	return error;
}

static int list_all(struct listing *listing, struct jsonw *json)
{
	struct feed *feed = core_feed(console_core(listing->request));
	struct view *room = arena_alloc(listing->request->arena, sizeof(*room));
	uint32_t ids[IDS_AT_ONCE];
	size_t count;
	int error;

	if (!room)
		return LUYTRE_E_NOMEM;
	do {
		count = campaign_page(feed_lock(feed), listing->last, ids, IDS_AT_ONCE);
		feed_unlock(feed);
		error = list_some(listing, json, ids, count, room);
		listing->last = count && !listing->more ? ids[count - 1] : listing->last;
	} while (!error && count == IDS_AT_ONCE && !listing->more);
	return error;
}

void handle_list_campaigns(struct api_request *request, struct api_reply *reply)
{
	struct bytes word = api_query(request, "state")->text;
	struct listing listing = { .request = request,
		.state = -1,
		.text = api_query(request, "text")->text,
		.of_tenant = api_query(request, "tenant")->given,
		.limit = (size_t)api_query(request, "limit")->integer };
	struct api_position from;
	struct auth_scope scope;
	struct jsonw *json;
	int error;

	if (!api_page_begin(request, reply, &from) ||
		!console_scope_of_query(request, reply, AUTH_CAMPAIGNS_READ, &scope))
		return;
	for (int i = 0; word.ptr && i < STATE_COUNT; i++)
		listing.state = bytes_equal_str(word, state_words[i]) ? i : listing.state;
	listing.scope = &scope.scope;
	listing.last = (uint32_t)from.id;
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	error = list_all(&listing, json);
	jsonw_array_end(json);
	api_page_end(request, json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(json);
	auth_scope_done(&scope);
	if (error)
		api_reply_error(reply, error, NULL);
}

void handle_get_campaign(struct api_request *request, struct api_reply *reply)
{
	struct auth_scope scope;
	struct view *view;

	if (!find(request, reply, &view, &scope))
		return;
	/* Figures move without a new revision, so the whole is answered always. */
	api_reply_etag(reply, revision_of(view));
	write_view(request, api_reply_json(reply, 200), view, &scope.scope);
	auth_scope_done(&scope);
}

/* ---- updateCampaign ---- */

static bool read_patch(struct api_request *request, struct api_reply *reply, struct word *word)
{
	struct bytes name = { 0 }, note = { 0 };
	struct jsonr_errors errors;
	struct jsonr body;
	size_t state = 0;

	api_body(request, &errors, &body);
	if (jsonr_string(&body, "name", JSONR_OPTIONAL, 1, 128, &name))
		(void)bytes_to_str(name, word->name, sizeof(word->name));
	if (jsonr_word(&body, "state", JSONR_OPTIONAL, state_words, STATE_COUNT, &state))
		word->state = (int)state;
	if (json_is_null(json_object_get(request->json, "note")))
		word->note[0] = '\0';
	else if (jsonr_string(&body, "note", JSONR_OPTIONAL, 0, 2000, &note))
		(void)bytes_to_str(note, word->note, sizeof(word->note));
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return errors.count == 0;
}

static int update(struct db *db, const struct audit_origin *origin, const struct view *view, const struct word *word)
{
	char subject[32];
	const struct audit_field fields[] = {
		{ "name", db_str(word->name) },
		{ "state", db_str(word->state < 0 ? "" : state_words[word->state]) },
		{ "note", db_str(word->note) },
	};
	const struct audit_record record = {
		.action = "campaign.update", .subject = subject, .fields = fields, .field_count = ARRAY_COUNT(fields)
	};
	int error = db_begin(db);

	snprintf(subject, sizeof(subject), "campaign:%u", view->info.id);
	if (error)
		return error;
	error = put_word(db, view, word);
	if (!error)
		error = audit_append(db, origin, &record);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

void handle_update_campaign(struct api_request *request, struct api_reply *reply)
{
	struct console_call call;
	struct auth_scope scope;
	struct view *view;
	int error;

	if (!find(request, reply, &view, &scope))
		return;
	if (!api_reply_matches(reply, revision_of(view)) || !read_patch(request, reply, &view->word)) {
		auth_scope_done(&scope);
		return;
	}
	console_call(request, &call);
	error = update(console_db(request), &call.origin, view, &view->word);
	if (error) {
		api_reply_error(reply, error, NULL);
	} else {
		view->word.revision = view->word.revision ? view->word.revision + 1 : 2;
		publish(console_of(request), view->info.id, view->info.campaign);
		api_reply_etag(reply, revision_of(view));
		write_view(request, api_reply_json(reply, 200), view, &scope.scope);
	}
	auth_scope_done(&scope);
}

/* ---- mergeCampaign, splitCampaign, undoCampaignChange ---- */

/* Begins what people say of how campaigns belong together: the campaign gets a new revision, so of two who saw the same one goes on. The
 * audit record and end_change follow. */
static int begin_change(struct db *db, const struct view *view)
{
	int error = db_begin(db);

	if (error)
		return error;
	error = put_word(db, view, &view->word);
	if (error)
		db_rollback(db);
	return error == LUYTRE_E_CONFLICT ? LUYTRE_E_EXISTS : error;
}

static int record(const struct api_request *request, const char *action, uint32_t id, const char *key, uint32_t other)
{
	const struct audit_field field = { key, db_i64(other) };
	struct console_call call;
	char subject[32];

	console_call(request, &call);
	snprintf(subject, sizeof(subject), "campaign:%u", id);
	return audit_append(console_db(request), &call.origin,
		&(struct audit_record){ .action = action, .subject = subject, .fields = &field, .field_count = 1 });
}

static int end_change(struct db *db, int error)
{
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

/* The campaign of the path under the revision that was seen. */
static bool find_seen(struct api_request *request, struct api_reply *reply, struct view **ret, struct auth_scope *scope)
{
	if (!find(request, reply, ret, scope))
		return false;
	if (api_reply_matches(reply, revision_of(*ret)))
		return true;
	auth_scope_done(scope);
	return false;
}

static void refuse_words(const struct api_request *request, struct api_reply *reply, int error)
{
	bool vi = request->lang == LUYTRE_LANG_VI;

	if (error == LUYTRE_E_EXISTS) /* begin_change: somebody was quicker */
		api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
	else if (error == LUYTRE_E_INVALID)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Không được: phải là hai chiến dịch khác nhau, và mỗi bên còn ít nhất một nguồn."
			   : "It cannot be: there must be two campaigns, and each must keep a source.");
	else if (error == LUYTRE_E_CONFLICT)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Một bên được tách ra từ bên kia: hãy hoàn tác việc tách."
			   : "One was split off from the other: take that back instead.");
	else if (error == LUYTRE_E_FULL)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			vi ? "Đã có quá nhiều lần gộp, tách; hãy hoàn tác bớt."
			   : "There are too many merges or splits; take some back first.");
	else
		api_reply_error(reply, error, NULL);
}

/* The campaign 'id' as it is now, to who changed it, and word of it to everybody who looks. */
static void reply_changed(
	struct api_request *request, struct api_reply *reply, int status, uint32_t id, const struct scope *scope)
{
	struct feed *feed = core_feed(console_core(request));
	struct view *view = arena_alloc(request->arena, sizeof(*view));
	int error = view ? 0 : LUYTRE_E_NOMEM;

	feed_changed(feed);
	if (!error) {
		error = copy_view(feed_lock(feed), id, view) ? 0 : LUYTRE_E_NOT_FOUND;
		feed_unlock(feed);
	}
	publish(console_of(request), 0, true);
	if (!error)
		error = read_word(console_db(request), view->instance, view->info.id, &view->word);
	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	api_reply_etag(reply, revision_of(view));
	write_view(request, api_reply_json(reply, status), view, scope);
}

/* What cannot be recorded is not done. */
static int merge(struct api_request *request, const struct view *view, uint32_t with, uint32_t *ret_kept)
{
	struct feed *feed = core_feed(console_core(request));
	struct db *db = console_db(request);
	int error = begin_change(db, view);
	uint32_t gone = 0;
	bool merged;

	if (error)
		return error;
	error = campaign_merge(feed_lock(feed), view->info.id, with, ret_kept, &gone);
	feed_unlock(feed);
	merged = !error;
	if (!error)
		error = record(request, "campaign.merge", *ret_kept, "merged", gone);
	error = end_change(db, error);
	if (error && merged) {
		(void)!campaign_take_back(feed_lock(feed), *ret_kept, gone);
		feed_unlock(feed);
	}
	return error;
}

void handle_merge_campaign(struct api_request *request, struct api_reply *reply)
{
	uint64_t with = console_body_id(request, "with", 0);
	struct auth_scope scope;
	struct view *view;
	uint32_t kept = 0;
	int error;

	if (!find_seen(request, reply, &view, &scope))
		return;
	error = merge(request, view, with > UINT32_MAX ? 0 : (uint32_t)with, &kept);
	if (error)
		refuse_words(request, reply, error);
	else
		reply_changed(request, reply, 200, kept, &scope.scope);
	auth_scope_done(&scope);
}

/* The description holds them to addresses; those that are none fit no cell. */
static size_t read_split(const struct api_request *request, struct ip_addr ret[CAMPAIGN_PART_SOURCES_MAX])
{
	const json_t *items = json_object_get(request->json, "sources"), *item;
	size_t count = 0, i;

	json_array_foreach (items, i, item)
		if (count < CAMPAIGN_PART_SOURCES_MAX &&
			ip_addr_parse(bytes_from_str(json_string_value(item)), &ret[count]) == 0)
			count++;
	return count;
}

static int split(struct api_request *request, const struct view *view, uint32_t *ret)
{
	struct ip_addr sources[CAMPAIGN_PART_SOURCES_MAX];
	size_t count = read_split(request, sources);
	struct feed *feed = core_feed(console_core(request));
	struct db *db = console_db(request);
	int error = begin_change(db, view);
	bool parted;

	if (error)
		return error;
	error = campaign_split(feed_lock(feed), view->info.id, sources, count, ret);
	feed_unlock(feed);
	parted = !error;
	if (error == LUYTRE_E_NOT_FOUND)
		error = LUYTRE_E_INVALID; /* the campaign is there: a source is none of its */
	if (!error)
		error = record(request, "campaign.split", view->info.id, "part", *ret);
	error = end_change(db, error);
	if (error && parted) {
		(void)!campaign_take_back(feed_lock(feed), view->info.id, *ret);
		feed_unlock(feed);
	}
	return error;
}

void handle_split_campaign(struct api_request *request, struct api_reply *reply)
{
	struct auth_scope scope;
	struct view *view;
	uint32_t id = 0;
	int error;

	if (!find_seen(request, reply, &view, &scope))
		return;
	error = split(request, view, &id);
	if (error) {
		refuse_words(request, reply, error);
	} else {
		api_reply_header_format(reply, "Location", "/api/v1/campaigns/%u", id);
		reply_changed(request, reply, 201, id, &scope.scope);
	}
	auth_scope_done(&scope);
}

/* Recorded first: what was taken back cannot be put again as it was. */
static int undo(struct api_request *request, const struct view *view, uint32_t word)
{
	struct feed *feed = core_feed(console_core(request));
	struct db *db = console_db(request);
	int error = begin_change(db, view);

	if (error)
		return error;
	error = campaign_has_word(feed_lock(feed), view->info.id, word) ? 0 : LUYTRE_E_NOT_FOUND;
	feed_unlock(feed);
	if (!error)
		error = record(request, "campaign.undo", view->info.id, "campaign", word);
	error = end_change(db, error);
	if (!error) {
		error = campaign_take_back(feed_lock(feed), view->info.id, word);
		feed_unlock(feed);
	}
	return error;
}

void handle_undo_campaign_change(struct api_request *request, struct api_reply *reply)
{
	uint64_t word = console_body_id(request, "campaign", 0);
	struct auth_scope scope;
	struct view *view;
	int error;

	if (!find_seen(request, reply, &view, &scope))
		return;
	error = undo(request, view, word > UINT32_MAX ? 0 : (uint32_t)word);
	if (error == LUYTRE_E_NOT_FOUND)
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			request->lang == LUYTRE_LANG_VI ? "Không có lần gộp hay tách nào như vậy."
							: "There is no such merge or split.");
	else if (error)
		refuse_words(request, reply, error);
	else
		reply_changed(request, reply, 200, view->info.id, &scope.scope);
	auth_scope_done(&scope);
}

/* ---- getCampaignMatrix ---- */

/* Rows and columns in the order in which they come first. */
struct matrix {
	struct campaign_cell cells[CAMPAIGN_MATRIX_MAX];
	size_t cell_count;
	struct ip_addr sources[CAMPAIGN_MATRIX_MAX];
	uint32_t tenants[CAMPAIGN_MATRIX_MAX];
	int64_t times[CAMPAIGN_MATRIX_MAX];
	size_t source_count, tenant_count, time_count;
	size_t places[CAMPAIGN_MATRIX_MAX][3];
};

static size_t place_of_source(struct matrix *matrix, const struct ip_addr *source)
{
	size_t i = 0;

	while (i < matrix->source_count && !ip_addr_equal(&matrix->sources[i], source))
		i++;
	if (i == matrix->source_count)
		matrix->sources[matrix->source_count++] = *source;
	return i;
}

static size_t place_of_tenant(struct matrix *matrix, uint32_t tenant)
{
	size_t i = 0;

	while (i < matrix->tenant_count && matrix->tenants[i] != tenant)
		i++;
	if (i == matrix->tenant_count)
		matrix->tenants[matrix->tenant_count++] = tenant;
	return i;
}

/* Cells come in the order of their times. */
static size_t place_of_time(struct matrix *matrix, int64_t time_us)
{
	int64_t hour_us = time_us / HOUR_US * HOUR_US;

	if (!matrix->time_count || matrix->times[matrix->time_count - 1] != hour_us)
		matrix->times[matrix->time_count++] = hour_us;
	return matrix->time_count - 1;
}

/* Cells that were seen within the span. */
static void fill(struct matrix *matrix, size_t count, int64_t from_us, int64_t until_us)
{
	for (size_t i = 0; i < count; i++) {
		const struct campaign_cell cell = matrix->cells[i];
		size_t *place = matrix->places[matrix->cell_count];

		if (cell.last_us < from_us || cell.first_us >= until_us)
			continue;
		matrix->cells[matrix->cell_count++] = cell;
		place[0] = place_of_source(matrix, &cell.source);
		place[1] = place_of_tenant(matrix, cell.tenant);
		place[2] = place_of_time(matrix, cell.first_us);
	}
}

struct tenant_name {
	char text[TENANT_NAME_SIZE];
};

static int take_name(void *context, const struct db_value *columns, size_t column_count)
{
	struct tenant_name *name = context;

	snprintf(
		name->text, sizeof(name->text), "%.*s", (int)columns[0].bytes.size, (const char *)columns[0].bytes.ptr);
	return 0;
}

static void write_tenants(struct api_request *request, struct jsonw *json, const struct matrix *matrix,
	const struct scope *scope, bool share_names)
{
	jsonw_kv_array_begin(json, "tenants");
	for (size_t i = 0; i < matrix->tenant_count; i++) {
		bool seen = scope_has(scope, matrix->tenants[i]);
		struct tenant_name name = { "" };

		if (seen || share_names)
			(void)!db_each(console_db(request), "select name from tenant where id = ?1",
				DB_ARGS(db_i64(matrix->tenants[i])), take_name, &name);
		if (!name.text[0])
			snprintf(name.text, sizeof(name.text),
				request->lang == LUYTRE_LANG_VI ? "Tổ chức %zu" : "Organisation %zu", i + 1);
		jsonw_object_begin(json);
		console_kv_id_or_null(json, "id", seen ? matrix->tenants[i] : 0);
		jsonw_kv_string(json, "name", name.text);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_cells(struct jsonw *json, const struct matrix *matrix)
{
	char text[IP_ADDR_TEXT_SIZE];

	jsonw_kv_array_begin(json, "sources");
	for (size_t i = 0; i < matrix->source_count; i++)
		jsonw_string(json, ip_addr_format(&matrix->sources[i], text));
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "cells");
	for (size_t i = 0; i < matrix->cell_count; i++) {
		jsonw_array_begin(json);
		for (size_t j = 0; j < 3; j++)
			jsonw_u64(json, matrix->places[i][j]);
		jsonw_u64(json, matrix->cells[i].count);
		jsonw_array_end(json);
	}
	jsonw_array_end(json);
}

static void write_times(struct jsonw *json, const struct matrix *matrix)
{
	char text[MOMENT_TEXT_SIZE];

	jsonw_kv_array_begin(json, "times");
	for (size_t i = 0; i < matrix->time_count; i++)
		jsonw_string(json, moment_format(matrix->times[i], text));
	jsonw_array_end(json);
}

void handle_get_campaign_matrix(struct api_request *request, struct api_reply *reply)
{
	int64_t until_us = console_query_time(request, "until", console_now_us(request) + 1);
	int64_t from_us = console_query_time(request, "from", until_us - 24 * HOUR_US);
	struct feed *feed = core_feed(console_core(request));
	struct matrix *matrix = arena_alloc(request->arena, sizeof(*matrix));
	struct decision_settings settings;
	struct auth_scope scope;
	struct jsonw *json;
	struct view *view;
	uint64_t more;
	size_t count;

	if (!find(request, reply, &view, &scope))
		return;
	if (!matrix) {
		auth_scope_done(&scope);
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	count = campaign_matrix(feed_lock(feed), view->info.id, matrix->cells, CAMPAIGN_MATRIX_MAX, &more);
	feed_unlock(feed);
	fill(matrix, count, from_us, until_us);
	decision_settings_read(console_db(request), &settings);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	write_tenants(request, json, matrix, &scope.scope, settings.share_names);
	write_times(json, matrix);
	write_cells(json, matrix);
	jsonw_kv_u64(json, "more", more);
	jsonw_object_end(json);
	auth_scope_done(&scope);
}

/* ---- blockCampaign ---- */

struct block {
	struct decision_settings settings;
	struct order like; /* reason, owner, lifetime */
	struct ip_prefix sources[CAMPAIGN_MATRIX_MAX];
	size_t source_count;
	uint32_t tenants[TENANTS_MAX];
	size_t tenant_count; /* 0: everybody */
};

/* An IPv6 host has a whole /64 to come from. */
static void add_source(struct block *block, const struct ip_addr *source)
{
	struct ip_prefix prefix = ip_prefix_around(source, source->family == IP_V4 ? 32 : 64);

	for (size_t i = 0; i < block->source_count; i++) {
		if (ip_prefix_equal(&block->sources[i], &prefix))
			return;
	}
	block->sources[block->source_count++] = prefix;
}

static bool read_tenants(
	struct api_request *request, struct api_reply *reply, const struct jsonr *body, struct block *block)
{
	struct jsonr list;

	if (!jsonr_array(body, "tenants", JSONR_OPTIONAL, TENANTS_MAX, &list))
		return true;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const char *text = json_string_value(json_array_get(list.value, i));
		unsigned long long id = text ? strtoull(text, NULL, 10) : 0;

		if (id == 0 || id > UINT32_MAX) {
			api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
			return false;
		}
		if (!console_allowed(request, reply, AUTH_DECISIONS_WRITE, (uint32_t)id))
			return false;
		block->tenants[block->tenant_count++] = (uint32_t)id;
	}
	return true;
}

static bool read_block(struct api_request *request, struct api_reply *reply, struct block *block, int64_t *ret_most)
{
	const struct auth_principal *principal = console_principal(request);
	struct bytes reason = { 0 };
	struct jsonr_errors errors;
	int64_t lifetime_s = 0;
	struct jsonr body;

	api_body(request, &errors, &body);
	jsonr_string(&body, "reason", JSONR_NEEDED, 3, 500, &reason);
	jsonr_i64(&body, "lifetime_s", JSONR_NEEDED, 60, 604800, &lifetime_s);
	jsonr_i64(&body, "at_most", JSONR_NEEDED, 1, 10000, ret_most);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return false;
	}
	decision_settings_read(console_db(request), &block->settings);
	block->like = (struct order){ .action = "block",
		.lifetime_s = (uint32_t)lifetime_s,
		.person = principal->account,
		.shadow = !block->settings.enforced };
	(void)bytes_to_str(reason, block->like.reason, sizeof(block->like.reason));
	snprintf(block->like.owner, sizeof(block->like.owner), "%s", principal->name);
	if (!read_tenants(request, reply, &body, block))
		return false;
	if (block->tenant_count || auth_check(principal, console_worker_of(request)->tree, AUTH_DECISIONS_WRITE, 0))
		return true;
	api_reply_problem(reply, API_PROBLEM_FORBIDDEN,
		request->lang == LUYTRE_LANG_VI
			? "Quyết định cho mọi tổ chức thuộc thẩm quyền quốc gia; hãy nêu tổ chức của bạn."
			: "Decisions for everybody are the nation's; name your organisations.");
	return false;
}

static int block_one(struct block *block, struct operation *operation, struct db *db, size_t at)
{
	size_t for_count = block->tenant_count ? block->tenant_count : 1;
	const struct audit_origin origin = operation_origin(operation);
	struct core *core = operation_console(operation)->core;
	struct decision_wish wish = { .order = block->like };
	int error;

	ip_prefix_format(&block->sources[at / for_count], wish.order.source);
	wish.order.tenant = block->tenant_count ? block->tenants[at % for_count] : 0;
	if (!decision_wish_check(&block->settings, &wish))
		return LUYTRE_E_INVALID;
	wish.wide = false; /* single hosts, named by the campaign */
	error = decision_wish_try(core, &wish, NULL);
	return error ? error : decision_wish_do(core, db, &block->settings, &origin, &wish);
}

static int run_block(void *context, struct operation *operation, struct db *db)
{
	struct block *block = context;
	size_t total = block->source_count * (block->tenant_count ? block->tenant_count : 1), failed = 0;
	struct core *core = operation_console(operation)->core;
	int error;

	for (size_t i = 0; i < total; i++) {
		failed += block_one(block, operation, db, i) != 0;
		if ((i + 1) % SETTLE_EACH == 0) {
			error = core_settle(core);
			if (error) /* nothing can be stored safely now */
				return error;
		}
		if (!operation_step(operation, i + 1 - failed, failed))
			break;
	}
	error = core_settle(core);
	if (error)
		return error;
	operation_result(operation, "sources", block->source_count);
	operation_result(operation, "shadow", block->like.shadow);
	return 0;
}

static void copy_sources(struct api_request *request, uint32_t id, struct block *block)
{
	struct feed *feed = core_feed(console_core(request));
	struct campaign_cell *cells = arena_alloc(request->arena, CAMPAIGN_MATRIX_MAX * sizeof(*cells));
	size_t count;

	if (!cells)
		return;
	count = campaign_matrix(feed_lock(feed), id, cells, CAMPAIGN_MATRIX_MAX, NULL);
	feed_unlock(feed);
	for (size_t i = 0; i < count; i++)
		add_source(block, &cells[i].source);
}

static void start_block(struct api_request *request, struct api_reply *reply, struct block *block)
{
	const struct operation_plan plan = { .kind = "campaign.block",
		.total = block->source_count * (block->tenant_count ? block->tenant_count : 1),
		.run = run_block,
		.release = free,
		.context = block };
	uint64_t id;
	int error = operations_start(request, &plan, &id);

	if (error)
		api_reply_error(reply, error, NULL);
	else
		operations_reply(request, reply, 202, id);
}

void handle_block_campaign(struct api_request *request, struct api_reply *reply)
{
	struct block *block = calloc(1, sizeof(*block));
	struct auth_scope scope;
	struct view *view;
	int64_t most = 0;
	bool ready;

	if (!block) {
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return;
	}
	if (!find(request, reply, &view, &scope)) {
		free(block);
		return;
	}
	auth_scope_done(&scope);
	ready = api_reply_matches(reply, revision_of(view)) && read_block(request, reply, block, &most);
	if (ready)
		copy_sources(request, view->info.id, block);
	if (ready && (block->source_count == 0 || block->source_count > (size_t)most)) {
		api_reply_problem(reply, API_PROBLEM_CONFLICT,
			request->lang == LUYTRE_LANG_VI ? "Chiến dịch có nhiều nguồn hơn mức cho phép."
							: "The campaign has more sources than were allowed for.");
		ready = false;
	}
	if (ready)
		start_block(request, reply, block);
	else
		free(block);
}
