// SPDX-License-Identifier: Apache-2.0
/* Incidents, and what the law wants done until when (hub/incident). */
#include "hub/console/incidents.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/api/moment.h"
#include "hub/console/assessments.h"
#include "hub/console/registry.h"
#include "hub/incident/moment.h"

#define NO_LINKS "{\"events\":[],\"findings\":[],\"campaigns\":[]}"

enum { LINKS_MAX = 32 };

static const char *const judged_words[] = { "rule", "yes", "no" };

/* ---- Shared ---- */

bool incidents_begin(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	bool narrowed, struct incidents_call *ret)
{
	if (narrowed ? !console_scope_of_query(request, reply, permission, &ret->scope)
		     : !console_scope(request, reply, permission, &ret->scope))
		return false;
	console_call(request, &ret->who);
	ret->call = (struct incident_call){ .db = console_db(request),
		.scope = &ret->scope.scope,
		.origin = &ret->who.origin,
		.law = assessments_law(console_of(request)->assessments),
		.name = console_principal(request)->name };
	return true;
}

void incidents_end(struct incidents_call *call)
{
	auth_scope_done(&call->scope);
}

static void told(struct console *console, const char *object, uint32_t id, uint32_t tenant, const char *op)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"object\":\"%s\",\"id\":\"%u\",\"op\":\"%s\"}", object, id, op);
	console_publish(console, CONSOLE_TOPIC_FINDINGS, tenant, bytes_from_str(text));
}

static void hear(void *context, const struct duty *duty, enum duty_news news)
{
	told(context, "deadline", duty->id, duty->tenant, duty_news_words[news]);
}

int incidents_look(struct console *console, struct db *db, int64_t now_us, bool yearly)
{
	const struct scope nation = { .all = true };
	const struct audit_origin origin = { .actor = "system", .now_us = now_us };
	const struct incident_call call = { .db = db,
		.scope = &nation,
		.origin = &origin,
		.law = assessments_law(console->assessments),
		.name = "system" };
	uint32_t count;
	int error = incident_tick(&call, now_us, hear, console, &count);

	if (!error && yearly)
		error = duty_yearly(&call, now_us, &count);
	return error == LUYTRE_E_CONFLICT ? 0 : error; /* somebody was faster with one of them */
}

static void refuse(const struct api_request *request, struct api_reply *reply, int error)
{
	bool vi = request->lang == LUYTRE_LANG_VI;

	switch (error) {
	case LUYTRE_E_RANGE:
		api_reply_error(reply, LUYTRE_E_INVALID,
			vi ? "Thời điểm phát hiện không thể ở phía trước." : "It cannot be found in the time to come.");
		break;
	case LUYTRE_E_CONFLICT:
		api_reply_error(reply, error,
			vi ? "Đã kết thúc, hoặc đã bị thay đổi trong lúc đó."
			   : "It has ended, or was changed meanwhile.");
		break;
	default:
		api_reply_error(reply, error, NULL);
	}
}

/* ---- Out ---- */

static void kv_traits(struct jsonw *json, uint32_t traits)
{
	jsonw_kv_array_begin(json, "traits");
	for (unsigned int i = 0; i < INCIDENT_TRAIT_COUNT; i++)
		if (traits >> i & 1)
			jsonw_string(json, incident_traits[i].word);
	jsonw_array_end(json);
}

/* Records of a breach of personal data are kept so long; of clocks.tsv. */
static int64_t keep_until(const struct law *law, const struct incident *incident)
{
	const char *const *clock = law_clock(law, "pd-keep", incident->found_us);
	int64_t until_us = 0;

	if (!clock || !(incident->traits & (INCIDENT_IS_PERSONAL | INCIDENT_IS_SENSITIVE)) ||
		incident_due(clock[CLOCK_LIMIT], incident->found_us, &until_us))
		return 0;
	return until_us;
}

static void write_incident(struct jsonw *json, const struct law *law, const struct incident *incident)
{
	jsonw_object_begin(json);
	console_kv_id(json, "id", incident->id);
	jsonw_kv_i64(json, "revision", incident->revision);
	console_kv_id(json, "tenant", incident->tenant);
	console_kv_id_or_null(json, "system", incident->system);
	jsonw_kv_string(json, "system_name", incident->system_name);
	jsonw_kv_u64(json, "level", incident->level);
	jsonw_key(json, "register_level");
	if (incident->register_level)
		jsonw_u64(json, incident->register_level);
	else
		jsonw_null(json);
	jsonw_kv_string(json, "title", incident->title);
	jsonw_kv_string(json, "kind", incident_kinds[incident->kind].word);
	kv_traits(json, incident->traits);
	console_kv_time(json, "found", incident->found_us);
	jsonw_kv_bool(json, "serious", incident->serious);
	jsonw_kv_string(json, "judged", judged_words[incident->judged]);
	console_kv_text_or_null(json, "rule", incident->rule ? incident->rule : "");
	jsonw_kv_string(json, "owner", incident->owner);
	jsonw_kv_string(json, "contact", incident->contact);
	console_kv_json(json, "links", bytes_from_str(incident->links));
#define X(name, ...) jsonw_kv_string(json, #name, incident->name);
	INCIDENT_TEXTS(X)
#undef X
	jsonw_kv_string(json, "state", incident->closed_us ? "closed" : "open");
	console_kv_time(json, "created", incident->created_us);
	jsonw_kv_string(json, "author", incident->created_by);
	console_kv_time_or_null(json, "closed", incident->closed_us);
	console_kv_time_or_null(json, "keep_until", keep_until(law, incident));
	jsonw_object_end(json);
}

static void reply_incident(
	struct api_reply *reply, int status, const struct incidents_call *call, const struct incident *incident)
{
	write_incident(api_reply_json(reply, status), call->call.law, incident);
	api_reply_etag(reply, (uint64_t)incident->revision);
}

struct listing {
	const struct incidents_call *call;
	const struct api_request *request;
	struct jsonw *json;
	uint32_t left;
	struct api_position last;
	bool more;
};

static int list_incident(void *context, const struct incident *incident)
{
	struct listing *listing = context;

	listing->more = !listing->left;
	if (listing->more)
		return 0;
	listing->left--;
	listing->last.id = incident->id;
	write_incident(listing->json, listing->call->call.law, incident);
	return 0;
}

void handle_list_incidents(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request, .left = (uint32_t)api_query(request, "limit")->integer };
	struct bytes state = api_query(request, "state")->text;
	int open = bytes_equal_str(state, "open") ? 1 : bytes_equal_str(state, "closed") ? 0 : -1;
	struct incidents_call call;
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from) || !incidents_begin(request, reply, AUTH_FINDINGS_READ, true, &call))
		return;
	listing.call = &call;
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = incident_each(&call.call, open, (uint32_t)from.id, listing.left + 1, list_incident, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, listing.last);
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	incidents_end(&call);
}

/* ---- In ---- */

static void read_traits(const struct jsonr *body, uint32_t *ret)
{
	const char *words[INCIDENT_TRAIT_COUNT];
	struct jsonr items;

	if (!json_object_get(body->value, "traits"))
		return;
	for (size_t i = 0; i < INCIDENT_TRAIT_COUNT; i++)
		words[i] = incident_traits[i].word;
	*ret = 0;
	if (!jsonr_array(body, "traits", JSONR_OPTIONAL, INCIDENT_TRAIT_COUNT, &items))
		return;
	for (size_t i = 0; i < json_array_size(items.value); i++) {
		const char *word = json_string_value(json_array_get(items.value, i)); /* one of the description's */

		for (size_t j = 0; word && j < INCIDENT_TRAIT_COUNT; j++)
			*ret |= strcmp(words[j], word) == 0 ? 1U << j : 0;
	}
}

static void read_time(const struct jsonr *body, const char *key, int64_t *ret)
{
	const struct jsonr at = jsonr_member(body, key);
	struct bytes text;

	if (jsonr_string(body, key, JSONR_OPTIONAL, 1, 2 * MOMENT_TEXT_SIZE, &text) && moment_parse(text, ret))
		jsonr_fail(&at, JSONR_FORM, 0, 0);
}

/* As the description holds them: digits. */
static void read_links(const struct jsonr *body, struct incident *incident)
{
	const json_t *links = json_object_get(body->value, "links");
	size_t size;

	if (!links)
		return;
	size = json_dumpb(links, incident->links, sizeof(incident->links) - 1, JSON_COMPACT | JSON_SORT_KEYS);
	if (size < sizeof(incident->links)) {
		incident->links[size] = '\0';
	} else {
		const struct jsonr at = jsonr_member(body, "links");

		jsonr_fail(&at, JSONR_SIZE, LINKS_MAX, 0);
	}
}

static void read_incident(const struct jsonr *body, struct incident *incident)
{
	const char *kinds[INCIDENT_KIND_COUNT];
	size_t kind = incident->kind, judged = incident->judged;

	for (size_t i = 0; i < INCIDENT_KIND_COUNT; i++)
		kinds[i] = incident_kinds[i].word;
	jsonr_word(body, "kind", JSONR_OPTIONAL, kinds, INCIDENT_KIND_COUNT, &kind);
	jsonr_word(body, "judged", JSONR_OPTIONAL, judged_words, ARRAY_COUNT(judged_words), &judged);
	incident->kind = (enum incident_kind)kind;
	incident->judged = (enum incident_judged)judged;
	registry_text(body, "title", JSONR_OPTIONAL, incident->title, sizeof(incident->title));
	registry_text(body, "owner", JSONR_OPTIONAL, incident->owner, sizeof(incident->owner));
	registry_text(body, "contact", JSONR_OPTIONAL, incident->contact, sizeof(incident->contact));
	(void)registry_id(body, "system", JSONR_OPTIONAL, &incident->system);
#define X(name, ...) registry_text(body, #name, JSONR_OPTIONAL, incident->name, sizeof(incident->name));
	INCIDENT_TEXTS(X)
#undef X
	read_traits(body, &incident->traits);
	read_time(body, "found", &incident->found_us);
	read_links(body, incident);
}

/* Whether it is serious is judged by who may judge. */
static bool may_judge(const struct api_request *request, struct api_reply *reply, uint32_t tenant,
	enum incident_judged before, enum incident_judged after)
{
	if (before == after ||
		auth_check(console_principal(request), console_worker_of(request)->tree, AUTH_FINDINGS_JUDGE, tenant))
		return true;
	api_reply_problem(reply, API_PROBLEM_FORBIDDEN, NULL);
	return false;
}

static int row_tenant(void *context, const struct db_value *columns, size_t column_count)
{
	return scope_has(context, (uint32_t)columns[0].integer) ? 1 : 0;
}

/* Findings that it names must be the caller's to see. */
static bool has_findings(const struct incidents_call *call, struct api_reply *reply, const json_t *links)
{
	const json_t *findings = json_object_get(links, "findings"), *item;
	size_t i;

	json_array_foreach (findings, i, item) {
		int found = db_each(call->call.db, "select tenant from finding where id = ?1",
			DB_ARGS(db_i64(strtoll(json_string_value(item), NULL, 10))), row_tenant,
			(void *)(uintptr_t)call->call.scope);

		if (found <= 0) {
			api_reply_error(reply, found ? found : LUYTRE_E_NOT_FOUND, NULL);
			return false;
		}
	}
	return true;
}

void handle_create_incident(struct api_request *request, struct api_reply *reply)
{
	struct incident incident = { .found_us = console_now_us(request), .links = NO_LINKS };
	struct incidents_call call;
	struct jsonr_errors errors;
	struct jsonr body;
	int error;

	api_body(request, &errors, &body);
	(void)registry_id(&body, "tenant", JSONR_NEEDED, &incident.tenant);
	read_incident(&body, &incident);
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return;
	}
	if (!incidents_begin(request, reply, AUTH_FINDINGS_WRITE, false, &call))
		return;
	if (!scope_has(call.call.scope, incident.tenant)) {
		api_reply_error(reply, LUYTRE_E_NOT_FOUND, NULL);
	} else if (may_judge(request, reply, incident.tenant, INCIDENT_BY_RULE, incident.judged) &&
		   has_findings(&call, reply, json_object_get(request->json, "links"))) {
		error = incident_create(&call.call, &incident, &incident);
		if (error) {
			refuse(request, reply, error);
		} else {
			told(console_of(request), "incident", incident.id, incident.tenant, "created");
			reply_incident(reply, 201, &call, &incident);
		}
	}
	incidents_end(&call);
}

/* The incident of the path; false: the reply says why, and nothing is to be given back. */
static bool find(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct incidents_call *call, struct incident *ret)
{
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "incident", &id) ||
		!incidents_begin(request, reply, permission, false, call))
		return false;
	error = incident_get(&call->call, id, ret);
	if (!error)
		return true;
	api_reply_error(reply, error, NULL);
	incidents_end(call);
	return false;
}

void handle_get_incident(struct api_request *request, struct api_reply *reply)
{
	struct incidents_call call;
	struct incident incident;

	if (!find(request, reply, AUTH_FINDINGS_READ, &call, &incident))
		return;
	/* Its level is that of the system, which has a revision of its own: it is never "unmodified". */
	reply_incident(reply, 200, &call, &incident);
	incidents_end(&call);
}

static void answer_change(const struct api_request *request, struct api_reply *reply, const struct incidents_call *call,
	int error, const struct incident *incident)
{
	if (error) {
		refuse(request, reply, error);
		return;
	}
	told(console_of(request), "incident", incident->id, incident->tenant, "updated");
	reply_incident(reply, 200, call, incident);
}

void handle_update_incident(struct api_request *request, struct api_reply *reply)
{
	enum incident_judged judged;
	struct incidents_call call;
	struct jsonr_errors errors;
	struct incident incident;
	struct jsonr body;

	if (!find(request, reply, AUTH_FINDINGS_WRITE, &call, &incident))
		return;
	judged = incident.judged;
	api_body(request, &errors, &body);
	read_incident(&body, &incident);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	else if (api_reply_matches(reply, (uint64_t)incident.revision) &&
		 may_judge(request, reply, incident.tenant, judged, incident.judged) &&
		 has_findings(&call, reply, json_object_get(request->json, "links")))
		answer_change(request, reply, &call, incident_update(&call.call, &incident, &incident), &incident);
	incidents_end(&call);
}

void handle_close_incident(struct api_request *request, struct api_reply *reply)
{
	struct incidents_call call;
	struct incident incident;

	if (!find(request, reply, AUTH_FINDINGS_JUDGE, &call, &incident))
		return;
	if (api_reply_matches(reply, (uint64_t)incident.revision))
		answer_change(request, reply, &call,
			incident_close(&call.call, incident.id, incident.revision, &incident), &incident);
	incidents_end(&call);
}

/* ---- Deadlines ---- */

static void write_duty(
	const struct api_request *request, struct jsonw *json, const struct law *law, const struct duty *duty)
{
	const struct duty_words words = duty_words(law, duty->clock, duty->law_from);
	bool vi = request->lang == LUYTRE_LANG_VI;
	char local[INCIDENT_TIME_SIZE];

	jsonw_object_begin(json);
	console_kv_id(json, "id", duty->id);
	jsonw_kv_i64(json, "revision", duty->revision);
	console_kv_id_or_null(json, "incident", duty->incident);
	console_kv_id(json, "tenant", duty->tenant);
	jsonw_kv_string(json, "tenant_name", duty->tenant_name);
	console_kv_id_or_null(json, "system", duty->system);
	jsonw_kv_string(json, "title", duty->title);
	jsonw_kv_string(json, "clock", duty->clock);
	jsonw_kv_string(json, "text", vi ? words.vi : words.en);
	console_kv_text_or_null(json, "to", vi ? words.to_vi : words.to_en);
	console_kv_text_or_null(json, "source", words.source);
	console_kv_text_or_null(json, "law_from", duty->law_from);
	jsonw_kv_string(json, "stage", duty_stages[duty->stage].word);
	jsonw_kv_u64(json, "number", duty->number);
	console_kv_time(json, "start", duty->start_us);
	console_kv_time(json, "due", duty->due_us);
	jsonw_kv_string(json, "due_local", incident_time_text(duty->due_us, local));
	jsonw_kv_string(json, "state", duty_states[duty->state].word);
	jsonw_kv_bool(json, "overdue", duty_overdue(duty, console_now_us(request)));
	console_kv_time_or_null(json, "escalated", duty->escalated_us);
	jsonw_kv_string(json, "owner", duty->owner);
	console_kv_time_or_null(json, "done", duty->done_us);
	console_kv_text_or_null(json, "done_by", duty->done_by);
	jsonw_kv_string(json, "note", duty->note);
	jsonw_object_end(json);
}

static int list_duty(void *context, const struct duty *duty)
{
	struct listing *listing = context;

	listing->more = !listing->left;
	if (listing->more)
		return 0;
	listing->left--;
	listing->last = (struct api_position){ .key = (uint64_t)duty->due_us, .id = duty->id };
	write_duty(listing->request, listing->json, listing->call->call.law, duty);
	return 0;
}

void handle_list_deadlines(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request, .left = (uint32_t)api_query(request, "limit")->integer };
	struct duty_filter filter = { .incident = (uint32_t)console_query_id(request, "incident"),
		.open = !bytes_equal_str(api_query(request, "state")->text, "all"),
		.escalated = bytes_equal_str(api_query(request, "escalated")->text, "yes"),
		.until_us = console_query_time(request, "until", 0),
		.limit = listing.left + 1 };
	struct incidents_call call;
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from) || !incidents_begin(request, reply, AUTH_FINDINGS_READ, true, &call))
		return;
	filter.after_due_us = (int64_t)from.key;
	filter.after_id = (uint32_t)from.id;
	listing.call = &call;
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = duty_each(&call.call, &filter, list_duty, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, listing.last);
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	incidents_end(&call);
}

void handle_finish_deadline(struct api_request *request, struct api_reply *reply)
{
	const struct duty_change change = { .owner = console_body_text(request, "owner"),
		.note = console_body_text(request, "note"),
		.done = json_is_true(json_object_get(request->json, "done")) };
	struct incidents_call call;
	struct duty duty;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "deadline", &id) ||
		!incidents_begin(request, reply, AUTH_FINDINGS_WRITE, false, &call))
		return;
	error = duty_get(&call.call, id, &duty);
	if (error) {
		api_reply_error(reply, error, NULL);
	} else if (api_reply_matches(reply, (uint64_t)duty.revision)) {
		error = duty_change(&call.call, id, duty.revision, &change, &duty);
		if (error) {
			refuse(request, reply, error);
		} else {
			told(console_of(request), "deadline", duty.id, duty.tenant, change.done ? "done" : "updated");
			write_duty(request, api_reply_json(reply, 200), call.call.law, &duty);
			api_reply_etag(reply, (uint64_t)duty.revision);
		}
	}
	incidents_end(&call);
}
