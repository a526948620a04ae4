// SPDX-License-Identifier: Apache-2.0
/* Requests of the control socket: one row each. Words are separated by blanks; the last one may hold some.
 *
 * Organisations are one word: "*" for all, or a list with commas of numbers and names, in which blank, comma, "*" and "%" are written as
 * % and two hex digits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "hub/core/probes.h"
#include "hub/core/retrowatch.h"
#include "hub/daemon/internal.h"
#include "hub/posture/evidence/perimeter.h"
#include "hub/posture/search.h"
#include "hub/tenants/provinces.h"
#include "hub/tenants/tenants.h"

enum { FINDINGS_MAX = 200 };
enum { SENTENCE_SIZE = 1024, LIST_MAX = 10000, EVIDENCE_MAX = ENGINE_EVIDENCE_MAX, COMMAND_TENANTS_MAX = 1024 };

struct request {
	struct hub *hub;
	char *rest; /* behind the verb; "" without */
	struct jsonw *out;
	int64_t now_us;
};

static int64_t now_us(void)
{
	return (int64_t)(clock_real_ns() / NS_PER_US);
}

static void say_error(struct jsonw *out, int error, const char *message)
{
	jsonw_object_begin(out);
	jsonw_kv_object_begin(out, "error");
	jsonw_kv_string(out, "code", error_name(error));
	jsonw_kv_string(out, "message", message ? message : error_text(error, LUYTRE_LANG_EN));
	if (!message)
		jsonw_kv_string(out, "message_vi", error_text(error, LUYTRE_LANG_VI));
	jsonw_object_end(out);
	jsonw_object_end(out);
}

static void say_both(struct jsonw *out, int error, const char *message, const char *message_vi)
{
	jsonw_object_begin(out);
	jsonw_kv_object_begin(out, "error");
	jsonw_kv_string(out, "code", error_name(error));
	jsonw_kv_string(out, "message", message);
	jsonw_kv_string(out, "message_vi", message_vi);
	jsonw_object_end(out);
	jsonw_object_end(out);
}

/* Takes the next word from the rest; "" when there is none. */
static const char *word(struct request *request)
{
	char *begin = request->rest + strspn(request->rest, " "), *end = begin + strcspn(begin, " ");

	request->rest = *end ? end + 1 : end;
	*end = '\0';
	return begin;
}

static struct audit_origin origin_of(const struct request *request)
{
	return (struct audit_origin){ .actor = "system", .now_us = request->now_us };
}

/* A number with nothing before or behind it; else the answer says so. */
static bool read_number(struct request *request, uint64_t max, uint64_t *ret)
{
	const char *text = word(request);
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && *ret <= max)
		return true;
	say_error(request->out, LUYTRE_E_INVALID, "expected a number");
	return false;
}

/* ---- Looking ---- */

static void write_decision(
	struct jsonw *out, const struct engine *engine, const struct engine_decision *decision, int64_t now)
{
	char text[IP_PREFIX_TEXT_SIZE], sentence[SENTENCE_SIZE];

	jsonw_object_begin(out);
	jsonw_kv_u64(out, "id", decision->id);
	jsonw_kv_string(out, "value", observable_key_text(&decision->key, text) ? text : decision->text);
	jsonw_kv_string(out, "level", decide_level_name((enum decide_level)decision->level));
	jsonw_kv_string(out, "class", formula_class((enum decide_class)decision->class)->word);
	jsonw_kv_double(out, "expires_in_s", (double)(decision->expires_us - now) / 1e6);
	if (!engine_explain(engine, decision->id, LUYTRE_LANG_EN, sentence, sizeof(sentence)))
		jsonw_kv_string(out, "why", sentence);
	if (!engine_explain(engine, decision->id, LUYTRE_LANG_VI, sentence, sizeof(sentence)))
		jsonw_kv_string(out, "why_vi", sentence);
	jsonw_object_end(out);
}

struct listing {
	struct jsonw *out;
	const struct engine *engine;
	int64_t now_us;
	size_t count;
};

static void list_one(void *context, const struct engine_change *change)
{
	struct listing *listing = context;

	if (listing->count++ < LIST_MAX)
		write_decision(listing->out, listing->engine, &change->decision, listing->now_us);
}

static void run_decisions(struct request *request)
{
	struct listing listing = {
		.out = request->out, .engine = core_engine(request->hub->core), .now_us = request->now_us
	};

	jsonw_object_begin(request->out);
	jsonw_kv_array_begin(request->out, "decisions");
	engine_each(listing.engine, list_one, &listing);
	jsonw_array_end(request->out);
	jsonw_kv_u64(request->out, "count", listing.count);
	jsonw_object_end(request->out);
}

static void write_edge(struct jsonw *out, const struct edge_view *edge, uint64_t epoch, uint64_t number, int64_t now)
{
	const struct province *province = province_find(edge->province);
	char tenants[EDGES_BOUND_TEXT_SIZE];

	jsonw_object_begin(out);
	jsonw_kv_u64(out, "id", edge->id);
	jsonw_kv_string(out, "name", edge->name);
	jsonw_kv_string(out, "version", edge->version);
	jsonw_kv_bool(out, "revoked", edge->revoked);
	if (province) {
		jsonw_kv_u64(out, "province", province->code);
		jsonw_kv_string(out, "province_en", province->en);
		jsonw_kv_string(out, "province_vi", province->vi);
	}
	jsonw_kv_string(out, "tenants", edges_bound_text(edge->bound, tenants));
	if (edge->seen_us)
		jsonw_kv_double(out, "seen_s_ago", (double)(now - edge->seen_us) / 1e6);
	else
		jsonw_kv_null(out, "seen_s_ago");
	jsonw_kv_bool(out, "current", edge->epoch == epoch && edge->have == number);
	jsonw_kv_u64(out, "lost", edge->lost);
	jsonw_object_end(out);
}

/* Confirmed ones. */
static size_t count_campaigns(struct core *core)
{
	struct campaigns_stats stats;

	campaigns_stats(feed_lock(core_feed(core)), &stats);
	feed_unlock(core_feed(core));
	return stats.confirmed;
}

/* What was found out by itself: about servers, and about attacks before a weakness was known. */
static void write_counters(struct core *core, struct jsonw *out)
{
	struct perimeter_stats perimeter;
	struct retro_stats retro;

	perimeter_stats(core_perimeter(core), &perimeter);
	retrowatch_stats(core_retro(core), &retro);
	jsonw_kv_object_begin(out, "perimeter");
#define X(name) jsonw_kv_u64(out, #name, perimeter.name);
	PERIMETER_COUNTERS(X)
#undef X
	jsonw_object_end(out);
	jsonw_kv_object_begin(out, "retro");
#define X(name) jsonw_kv_u64(out, #name, retro.name);
	RETRO_COUNTERS(X)
#undef X
	jsonw_object_end(out);
}

static void run_status(struct request *request)
{
	struct core *core = request->hub->core;
	const struct edges *edges = core_edges(core);
	struct engine_stats stats;
	uint64_t epoch, number;

	engine_stats(core_engine(core), &stats);
	engine_position(core_engine(core), &epoch, &number);
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "version", LUYTRE_VERSION);
	jsonw_kv_u64(request->out, "uptime_s", (clock_mono_ns() - request->hub->started_ns) / NS_PER_S);
	jsonw_kv_u64(request->out, "port", port_number(request->hub->port));
	jsonw_kv_bool(request->out, "stopped", engine_stopped(core_engine(core)));
	jsonw_kv_u64(request->out, "epoch", epoch);
	jsonw_kv_u64(request->out, "number", number);
	jsonw_kv_object_begin(request->out, "decisions");
	for (int i = 1; i < DECIDE_LEVEL_COUNT; i++)
		jsonw_kv_u64(request->out, decide_level_name((enum decide_level)i), stats.live[i]);
	jsonw_object_end(request->out);
	jsonw_kv_u64(request->out, "campaigns", count_campaigns(core));
	write_counters(core, request->out);
	jsonw_kv_array_begin(request->out, "edges");
	for (size_t i = 0; i < edges_count(edges); i++)
		write_edge(request->out, edges_at(edges, i), epoch, number, request->now_us);
	jsonw_array_end(request->out);
	jsonw_object_end(request->out);
}

static void run_explain(struct request *request)
{
	struct engine *engine = core_engine(request->hub->core);
	struct engine_evidence evidence[EVIDENCE_MAX];
	struct engine_decision decision;
	uint64_t id;
	size_t count;
	int error;

	if (!read_number(request, UINT64_MAX, &id))
		return;
	error = engine_find(engine, id, &decision);
	if (error) {
		say_error(request->out, error, "there is no live decision of this number");
		return;
	}
	count = engine_evidence(engine, id, evidence, EVIDENCE_MAX);
	jsonw_object_begin(request->out);
	jsonw_key(request->out, "decision");
	write_decision(request->out, engine, &decision, request->now_us);
	jsonw_kv_array_begin(request->out, "evidence");
	for (size_t i = 0; i < count && i < EVIDENCE_MAX; i++) {
		jsonw_object_begin(request->out);
		jsonw_kv_u64(request->out, "rule", evidence[i].rule);
		jsonw_kv_u64(request->out, "tenant", evidence[i].tenant);
		jsonw_kv_u64(request->out, "edge", evidence[i].edge);
		jsonw_kv_string(request->out, "class", ev_evidence_name((enum ev_evidence)evidence[i].evidence));
		jsonw_kv_double(request->out, "weight", evidence[i].weight);
		jsonw_kv_bool(request->out, "veto", evidence[i].veto);
		jsonw_object_end(request->out);
	}
	jsonw_array_end(request->out);
	jsonw_object_end(request->out);
}

/* ---- Tracing ---- */

struct trace_row {
	uint32_t edge;
	char name[EDGES_NAME_MAX + 1];
	struct trace_edge at;
};

struct tracing {
	struct trace_row *rows; /* owned */
	double *after_ms; /* owned: of those that have it standing, since a known time */
	size_t row_count, timed_count;
	int64_t started_us, told_us; /* told 0: before the hub started */
};

/* The core's lock is held here alone: ten thousand edges are some milliseconds, writing them more. */
static int copy_trace(struct core *core, uint64_t id, struct tracing *ret)
{
	const struct trace_decision *known;
	struct engine_decision live;
	int error = 0;

	core_lock(core);
	known = trace_find(core_trace(core), id);
	ret->row_count = edges_count(core_edges(core));
	ret->rows = calloc(ret->row_count + 1, sizeof(*ret->rows));
	ret->after_ms = calloc(ret->row_count + 1, sizeof(*ret->after_ms));
	if (!ret->rows || !ret->after_ms)
		error = LUYTRE_E_NOMEM;
	else if (known)
		ret->started_us = known->decision.started_us;
	else
		error = engine_find(core_engine(core), id, &live);
	ret->told_us = known ? known->told_us : 0;
	for (size_t i = 0; !error && i < ret->row_count; i++) {
		const struct edge_view *edge = edges_at(core_edges(core), i);

		ret->rows[i].edge = edge->id;
		memcpy(ret->rows[i].name, edge->name, sizeof(ret->rows[i].name));
		trace_edge_of(core_trace(core), id, known, edge->id, &ret->rows[i].at);
	}
	core_unlock(core);
	return error;
}

static int compare_ms(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void write_trace_row(struct jsonw *out, struct tracing *tracing, const struct trace_row *row)
{
	double after_ms = (double)(row->at.standing_us - tracing->started_us) / 1e3;

	jsonw_object_begin(out);
	jsonw_kv_u64(out, "edge", row->edge);
	jsonw_kv_string(out, "name", row->name);
	jsonw_kv_string(out, "state", trace_state_name(row->at.state));
	if (row->at.standing_us) {
		jsonw_kv_i64(out, "standing_us", row->at.standing_us);
		jsonw_kv_double(out, "after_ms", after_ms);
		tracing->after_ms[tracing->timed_count++] = after_ms;
	}
	if (row->at.vetoed_us)
		jsonw_kv_i64(out, "vetoed_us", row->at.vetoed_us);
	if (row->at.first_hit_us)
		jsonw_kv_i64(out, "first_hit_us", row->at.first_hit_us);
	jsonw_object_end(out);
}

static void run_trace(struct request *request)
{
	struct tracing tracing = { 0 };
	struct jsonw *out = request->out;
	uint64_t id;
	int error;

	if (!read_number(request, UINT64_MAX, &id))
		return;
	error = copy_trace(request->hub->core, id, &tracing);
	if (error) {
		say_error(out, error, error == LUYTRE_E_NOT_FOUND ? "there is no decision of this number" : NULL);
	} else {
		jsonw_object_begin(out);
		jsonw_kv_u64(out, "decision", id);
		if (tracing.told_us) {
			jsonw_kv_i64(out, "decided_us", tracing.started_us);
			jsonw_kv_i64(out, "told_us", tracing.told_us);
		}
		jsonw_kv_array_begin(out, "edges");
		for (size_t i = 0; i < tracing.row_count; i++)
			write_trace_row(out, &tracing, &tracing.rows[i]);
		jsonw_array_end(out);
		qsort(tracing.after_ms, tracing.timed_count, sizeof(*tracing.after_ms), compare_ms);
		if (tracing.timed_count) {
			jsonw_kv_double(out, "p50_ms", tracing.after_ms[(tracing.timed_count - 1) / 2]);
			jsonw_kv_double(out, "p99_ms", tracing.after_ms[(tracing.timed_count * 99 + 99) / 100 - 1]);
		}
		jsonw_object_end(out);
	}
	free(tracing.rows);
	free(tracing.after_ms);
}

/* ---- Changing ---- */

static void say_done(struct request *request, int error, const char *key, uint64_t value)
{
	if (error) {
		say_error(request->out, error, NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_u64(request->out, key, value);
	jsonw_object_end(request->out);
}

/* The same of decisions: nobody is told that it is done before the next hub, or this one after a crash, would know it. */
static void say_settled(struct request *request, int error, const char *key, uint64_t value)
{
	if (!error)
		error = core_settle(request->hub->core);
	if (error == LUYTRE_E_BUSY)
		say_error(request->out, error, "it holds here, but is not stored safely yet; say it again");
	else
		say_done(request, error, key, value);
}

static void run_lift(struct request *request)
{
	const char *how;
	uint64_t id;
	bool upheld;
	int error;

	if (!read_number(request, UINT64_MAX, &id))
		return;
	how = word(request);
	upheld = strcmp(how, "wrong") == 0;
	if (*how && !upheld) {
		say_error(request->out, LUYTRE_E_INVALID, "expected nothing or `wrong` behind the number");
		return;
	}
	core_lock(request->hub->core);
	error = engine_lift(core_engine(request->hub->core), request->now_us, id, 1, upheld);
	core_unlock(request->hub->core);
	say_settled(request, error, "lifted", 1);
}

static void run_undo_all(struct request *request)
{
	size_t lifted;

	core_lock(request->hub->core);
	lifted = engine_undo_all(core_engine(request->hub->core), request->now_us, 1);
	core_unlock(request->hub->core);
	say_settled(request, 0, "lifted", lifted);
}

static void run_resume(struct request *request)
{
	core_lock(request->hub->core);
	engine_resume(core_engine(request->hub->core), request->now_us, 1);
	core_unlock(request->hub->core);
	say_settled(request, 0, "resumed", 1);
}

/* Writes %XX as the byte it stands for, in place; false when it is none. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char digits[3] = { 0 }, *end;
		unsigned long byte;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		digits[0] = from[1];
		digits[1] = from[1] ? from[2] : '\0';
		byte = strtoul(digits, &end, 16);
		if (end != digits + 2 || byte == 0)
			return false;
		*to++ = (char)byte;
		from += 2;
	}
	*to = '\0';
	return true;
}

struct found_tenants {
	uint32_t id;
	size_t count;
};

static int keep_tenant(void *context, const struct db_value *columns, size_t column_count)
{
	struct found_tenants *found = context;

	found->id = (uint32_t)columns[0].integer;
	found->count++;
	return 0;
}

/* An organisation by number or by name; else the answer says so. */
static bool find_tenant(struct request *request, const char *text, uint32_t *ret)
{
	struct db *db = core_db(request->hub->core);
	struct found_tenants found = { 0 };
	bool number = text[0] && text[strspn(text, "0123456789")] == '\0' && strlen(text) < 11;
	int error = number ? db_each(db, "select id from tenant where id = ?1",
				     DB_ARGS(db_i64(strtoll(text, NULL, 10))), keep_tenant, &found)
			   : db_each(db, "select id from tenant where name = ?1 limit 2", DB_ARGS(db_str(text)),
				     keep_tenant, &found);

	*ret = found.id;
	if (!error && found.count == 1)
		return true;
	if (error)
		say_error(request->out, error, NULL);
	else if (found.count == 0)
		say_both(request->out, LUYTRE_E_NOT_FOUND, "no organisation has this number or name",
			"không có tổ chức nào mang số hoặc tên này");
	else
		say_both(request->out, LUYTRE_E_CONFLICT, "several organisations have this name: give the number",
			"nhiều tổ chức trùng tên này: hãy cho số");
	return false;
}

/* The next word as organisations; 'tenants' is room for as many as a request can name. Else the answer says so. */
static bool read_tenants(struct request *request, uint32_t tenants[COMMAND_TENANTS_MAX], struct edges_bound *ret)
{
	char list[CONTROL_LINE_MAX + 1], *save = NULL;
	size_t count = 0;

	snprintf(list, sizeof(list), "%s", word(request));
	*ret = (struct edges_bound){ .all = strcmp(list, "*") == 0, .tenants = tenants };
	if (ret->all)
		return true;
	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (!decode(name) || count == COMMAND_TENANTS_MAX) {
			say_error(request->out, LUYTRE_E_SYNTAX, NULL);
			return false;
		}
		if (!find_tenant(request, name, &tenants[count]))
			return false;
		count++;
	}
	ret->tenant_count = count;
	return true;
}

/* "province=CODE" where the next word is one; else nothing is read. False: the answer says what is wrong. */
static bool read_province(struct request *request, uint32_t *province)
{
	static const char key[] = "province=";
	unsigned long code;
	const char *text;
	char *end;

	request->rest += strspn(request->rest, " ");
	if (strncmp(request->rest, key, sizeof(key) - 1) != 0)
		return true;
	text = word(request) + sizeof(key) - 1;
	code = strtoul(text, &end, 10);
	*province = code < UINT32_MAX ? (uint32_t)code : UINT32_MAX;
	if (*text && !*end && province_find(*province))
		return true;
	say_both(request->out, LUYTRE_E_INVALID, "there is no province or city of this code",
		"không có tỉnh, thành phố nào mang mã này");
	return false;
}

/* "[province=CODE] TENANTS NAME" */
static void run_invite(struct request *request)
{
	const struct audit_origin origin = origin_of(request);
	uint32_t tenants[COMMAND_TENANTS_MAX], id;
	struct edges_invitation invitation = { 0 };
	char token[EDGES_TOKEN_SIZE];
	int error;

	if (!read_province(request, &invitation.province) || !read_tenants(request, tenants, &invitation.bound))
		return;
	invitation.name = request->rest;
	error = edges_token(core_edges(request->hub->core), &origin, &invitation, token, &id);
	if (error == LUYTRE_E_INVALID) {
		say_both(request->out, error,
			"expected organisations, and a name of 1 to 255 bytes for the edge without control characters",
			"cần có tổ chức và tên điểm biên dài 1 đến 255 byte, không có ký tự điều khiển");
		return;
	}
	if (error) {
		say_error(request->out, error, NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "token", token);
	jsonw_object_end(request->out);
}

/* "EDGE [province=CODE] TENANTS" */
static void run_bind(struct request *request)
{
	const struct audit_origin origin = origin_of(request);
	struct edges *edges = core_edges(request->hub->core);
	uint32_t tenants[COMMAND_TENANTS_MAX];
	struct edges_change change = { 0 };
	const struct edge_view *view;
	uint64_t edge;

	if (!read_number(request, UINT32_MAX, &edge))
		return;
	view = edges_find(edges, (uint32_t)edge);
	change.province = view ? view->province : 0;
	if (!read_province(request, &change.province) || !read_tenants(request, tenants, &change.bound))
		return;
	if (!view) {
		say_error(request->out, LUYTRE_E_NOT_FOUND, NULL);
		return;
	}
	change.name = view->name;
	say_done(request, edges_update(edges, &origin, (uint32_t)edge, view->revision, &change), "bound", edge);
}

static void run_revoke(struct request *request)
{
	const struct audit_origin origin = origin_of(request);
	uint64_t edge;
	int error;

	if (!read_number(request, UINT32_MAX, &edge))
		return;
	error = core_revoke(request->hub->core, &origin, (uint32_t)edge, NULL);
	say_done(request, error, "revoked", edge);
}

/* What may stand before the prefixes: "province=48 sector=health level=4". False for a value that is none. */
static bool read_trait(const char *text, struct tenant *tenant, struct tenant_system *system)
{
	const char *value = strchr(text, '=') + 1;

	if (strncmp(text, "province=", 9) == 0) {
		tenant->province = (uint32_t)strtoul(value, NULL, 10);
		return province_find(tenant->province) != NULL;
	}
	if (strncmp(text, "sector=", 7) == 0) {
		int sector = tenants_word_find(tenant_sectors, TENANT_SECTOR_COUNT, bytes_from_str(value));

		tenant->sector = (enum tenant_sector)(sector < 0 ? 0 : sector);
		return sector >= 0;
	}
	system->level = (uint32_t)strtoul(value, NULL, 10);
	return strncmp(text, "level=", 6) == 0 && system->level >= 1 && system->level <= 5;
}

/* "[TRAIT ...] PREFIX[,PREFIX...] NAME": an organisation with one system and its prefixes. */
static int add_tenant(struct request *request, char *prefixes, struct tenant *tenant, struct tenant_system *system,
	struct tenants_why *why)
{
	const struct audit_origin origin = origin_of(request);
	const struct scope nation = { .all = true };
	const struct tenants_call call = {
		.db = core_db(request->hub->core), .scope = &nation, .origin = &origin, .why = why
	};
	const char *name = request->rest;
	int error;

	if (strlen(name) >= sizeof(tenant->name) || strlen(name) >= sizeof(system->name))
		return LUYTRE_E_RANGE;
	snprintf(tenant->name, sizeof(tenant->name), "%s", name);
	snprintf(system->name, sizeof(system->name), "%s", name);
	error = tenant_create(&call, tenant, tenant);
	system->tenant = tenant->id;
	if (!error)
		error = tenant_system_create(&call, system, system);
	for (char *save = NULL, *prefix = strtok_r(prefixes, ",", &save); prefix && !error;
		prefix = strtok_r(NULL, ",", &save)) {
		struct tenant_asset asset = { .system = system->id };

		snprintf(asset.value, sizeof(asset.value), "%s", prefix);
		error = tenant_asset_create(&call, &asset, &asset);
	}
	return error;
}

static void run_tenant(struct request *request)
{
	struct db *db = core_db(request->hub->core);
	struct tenants_why why = { 0 };
	struct tenant tenant = { 0 };
	struct tenant_system system = { .level = 3 };
	char text[TENANTS_OWNER_SIZE + 64], prefixes[4096];
	int error;

	do {
		snprintf(prefixes, sizeof(prefixes), "%s", word(request));
		if (strchr(prefixes, '=') && !read_trait(prefixes, &tenant, &system)) {
			say_error(request->out, LUYTRE_E_INVALID,
				"expected province=CODE, sector=WORD or level=1..5 before the prefixes");
			return;
		}
	} while (strchr(prefixes, '='));
	error = db_begin(db);
	if (!error)
		error = add_tenant(request, prefixes, &tenant, &system, &why);
	if (!error)
		error = db_commit(db);
	if (!error) {
		say_done(request, 0, "tenant", tenant.id);
		return;
	}
	db_rollback(db);
	say_error(request->out, error, why.reason ? tenants_why_text(&why, LUYTRE_LANG_EN, text, sizeof(text)) : NULL);
}

/* "NAME ROLE": the password is in the answer and nowhere else. */
static void run_account(struct request *request)
{
	const char *name = word(request), *role = word(request);
	char password[AUTH_TEXT_SIZE];
	int number = 0, error = LUYTRE_E_INVALID;

	while (number < AUTH_ROLE_COUNT && strcmp(auth_roles[number].word, role) != 0)
		number++;
	if (number < AUTH_ROLE_COUNT)
		error = console_newcomer(request->hub->console, name, (enum auth_role)number, password);
	if (error) {
		say_error(request->out, error,
			error == LUYTRE_E_INVALID ? "expected a name of a-z 0-9 . _ - @ and a role of the nation's: "
						    "nation-admin, analyst, auditor or drill-master"
						  : NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "account", name);
	jsonw_kv_string(request->out, "password", password);
	jsonw_object_end(request->out);
	memset(password, 0, sizeof(password));
}

static void run_audit(struct request *request)
{
	struct audit_result result;
	int64_t signed_us = 0, archives = 0;
	int error = core_audit(request->hub->core, &result);

	if (!error)
		error = core_audit_archives(request->hub->core, &result, &archives);
	if (!error) {
		core_lock(request->hub->core);
		error = audit_signed_us(core_db(request->hub->core), &signed_us);
		core_unlock(request->hub->core);
	}
	if (error) {
		say_error(request->out, error, NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "chain", audit_fault_name(result.fault));
	jsonw_kv_i64(request->out, "records", result.record_count);
	jsonw_kv_i64(request->out, "first_broken", result.first_broken);
	jsonw_kv_i64(request->out, "signed_until", result.signed_until);
	if (result.archived_until) {
		jsonw_kv_i64(request->out, "archived_until", result.archived_until);
		jsonw_kv_string(request->out, "archives", archives == result.archived_until ? "whole" : "missing");
	}
	if (signed_us)
		jsonw_kv_double(request->out, "signed_s_ago", (double)(request->now_us - signed_us) / 1e6);
	jsonw_object_end(request->out);
}

static void run_holds(struct request *request)
{
	int error = hub_write_holds(request->hub, strcmp(word(request), "all") == 0, request->out);

	if (!error)
		return;
	jsonw_reset(request->out);
	say_error(request->out, error, NULL);
}

/* "KIND VALUE [DAYS]" */
static void run_retro(struct request *request)
{
	const char *kind = word(request), *value = word(request), *days = word(request);
	int error = hub_write_retro(request->hub, kind, value, days, request->out);

	if (!error)
		return;
	jsonw_reset(request->out);
	if (error == LUYTRE_E_INVALID || error == LUYTRE_E_SYNTAX)
		say_both(request->out, error, "expected cve, rule, address or text, its value, and 1 to 399 days",
			"cần cve, rule, address hoặc text, giá trị của nó, và từ 1 đến 399 ngày");
	else
		say_error(request->out, error, NULL);
}

/* "dns TENANT" */
static void run_probe(struct request *request)
{
	struct core_probe_sum sum;
	uint64_t tenant;
	int error;

	if (strcmp(word(request), "dns") != 0) {
		say_both(request->out, LUYTRE_E_INVALID, "expected dns and the number of an organisation",
			"cần dns và số của một tổ chức");
		return;
	}
	if (!read_number(request, UINT32_MAX, &tenant))
		return;
	error = core_probe_names(request->hub->core, (uint32_t)tenant, NULL, &sum);
	if (error == LUYTRE_E_PERMISSION) {
		say_both(request->out, error, "the organisation has given no consent to ask for its names",
			"tổ chức chưa đồng ý cho truy vấn các tên miền của mình");
	} else if (error) {
		say_error(request->out, error, error == LUYTRE_E_NOT_FOUND ? "it has no names" : NULL);
	} else {
		jsonw_object_begin(request->out);
		jsonw_kv_u64(request->out, "names", sum.names);
		jsonw_kv_u64(request->out, "asked", sum.asked);
		jsonw_kv_u64(request->out, "wrong", sum.wrong);
		jsonw_kv_u64(request->out, "unanswered", sum.unanswered);
		jsonw_kv_u64(request->out, "refused", sum.refused);
		jsonw_kv_u64(request->out, "left", sum.left);
		jsonw_object_end(request->out);
	}
}

/* ---- Findings ---- */

/* Where the command line lays reports (console/drop.h). */
static void run_drop(struct request *request)
{
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "folder", console_drop(request->hub->console));
	jsonw_object_end(request->out);
}

static int write_finding(void *context, const struct finding *finding)
{
	const struct request *request = context;
	struct jsonw *out = request->out;
	char due[32] = "-";
	time_t second = (time_t)(finding->due_us / 1000000);
	struct tm parts;

	if (finding->due_us != CLOCK_NO_DATE_US && gmtime_r(&second, &parts))
		(void)!strftime(due, sizeof(due), "%Y-%m-%d", &parts);
	jsonw_object_begin(out);
	jsonw_kv_i64(out, "id", finding->id);
	jsonw_kv_u64(out, "tenant", finding->tenant);
	jsonw_kv_string(out, "due", due);
	jsonw_kv_bool(out, "late", finding->due_us < request->now_us);
	jsonw_kv_string(out, "state", finding_states[finding->state].word);
	jsonw_kv_string(out, "cve", finding->cve);
	jsonw_kv_string(out, "rule", finding->rule);
	jsonw_kv_string(out, "host", finding->host);
	jsonw_kv_u64(out, "port", finding->port);
	jsonw_kv_string(out, "title", finding->title);
	jsonw_object_end(out);
	return 0;
}

/* "[TENANT]": its own alone, soonest due first. */
static void run_findings(struct request *request)
{
	const struct finding_filter filter = { .state = -1, .live = FINDING_WITH, .limit = FINDINGS_MAX };
	const char *text = word(request);
	uint32_t tenant = (uint32_t)strtoul(text, NULL, 10);
	const struct scope scope = { .all = !*text, .tenants = &tenant, .tenant_count = 1 };
	const struct finding_call call = { .db = core_db(request->hub->core), .scope = &scope };
	struct finding_next next;
	int error;

	jsonw_object_begin(request->out);
	jsonw_kv_array_begin(request->out, "findings");
	error = finding_search(&call, &filter, write_finding, request, &next);
	jsonw_array_end(request->out);
	jsonw_kv_bool(request->out, "more", next.more);
	jsonw_object_end(request->out);
	if (error) {
		jsonw_reset(request->out);
		say_error(request->out, error, NULL);
	}
}

static const struct {
	const char *verb;
	void (*run)(struct request *request);
	bool unlocked; /* takes long, and what it needs itself */
} rows[] = {
	{ "status", run_status, false },
	{ "decisions", run_decisions, false },
	{ "explain", run_explain, false },
	{ "trace", run_trace, true },
	{ "lift", run_lift, true },
	{ "undo-all", run_undo_all, true },
	{ "resume", run_resume, true },
	{ "invite", run_invite, false },
	{ "bind", run_bind, false },
	{ "revoke", run_revoke, false },
	{ "tenant", run_tenant, false },
	{ "account", run_account, true },
	{ "audit", run_audit, true },
	{ "drop", run_drop, true },
	{ "findings", run_findings, false },
	{ "holds", run_holds, true },
	{ "retro", run_retro, true },
	{ "probe", run_probe, true },
};

void hub_command(struct hub *hub, char *line, struct jsonw *out)
{
	struct request request = { .hub = hub, .rest = line, .out = out, .now_us = now_us() };
	const char *verb = word(&request);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (strcmp(verb, rows[i].verb) != 0)
			continue;
		if (!rows[i].unlocked)
			core_lock(hub->core);
		rows[i].run(&request);
		if (!rows[i].unlocked)
			core_unlock(hub->core);
		return;
	}
	say_error(out, LUYTRE_E_UNSUPPORTED, "the hub does not know this request");
}
