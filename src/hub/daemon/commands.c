// SPDX-License-Identifier: Apache-2.0
/* Requests of the control socket: one row each. Words are separated by blanks; the last one may hold some. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hub/daemon/internal.h"
#include "hub/tenants/tenants.h"

enum { SENTENCE_SIZE = 1024, LIST_MAX = 10000, EVIDENCE_MAX = ENGINE_EVIDENCE_MAX };

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
	jsonw_object_begin(out);
	jsonw_kv_u64(out, "id", edge->id);
	jsonw_kv_string(out, "name", edge->name);
	jsonw_kv_string(out, "version", edge->version);
	jsonw_kv_bool(out, "revoked", edge->revoked);
	if (edge->seen_us)
		jsonw_kv_double(out, "seen_s_ago", (double)(now - edge->seen_us) / 1e6);
	else
		jsonw_kv_null(out, "seen_s_ago");
	jsonw_kv_bool(out, "current", edge->epoch == epoch && edge->have == number);
	jsonw_kv_u64(out, "lost", edge->lost);
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

static void run_lift(struct request *request)
{
	const char *how;
	uint64_t id;
	bool upheld;

	if (!read_number(request, UINT64_MAX, &id))
		return;
	how = word(request);
	upheld = strcmp(how, "wrong") == 0;
	if (*how && !upheld) {
		say_error(request->out, LUYTRE_E_INVALID, "expected nothing or `wrong` behind the number");
		return;
	}
	say_done(request, engine_lift(core_engine(request->hub->core), request->now_us, id, 1, upheld), "lifted", 1);
}

static void run_undo_all(struct request *request)
{
	say_done(request, 0, "lifted", engine_undo_all(core_engine(request->hub->core), request->now_us, 1));
}

static void run_resume(struct request *request)
{
	engine_resume(core_engine(request->hub->core), request->now_us, 1);
	say_done(request, 0, "resumed", 1);
}

static void run_invite(struct request *request)
{
	const struct audit_origin origin = origin_of(request);
	char token[EDGES_TOKEN_SIZE];
	int error = edges_token(core_edges(request->hub->core), &origin, request->rest, token);

	if (error) {
		say_error(request->out, error,
			error == LUYTRE_E_INVALID
				? "expected a name of 1 to 63 bytes for the edge, without control characters"
				: NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "token", token);
	jsonw_object_end(request->out);
}

static void run_revoke(struct request *request)
{
	const struct audit_origin origin = origin_of(request);
	uint64_t edge;
	int error;

	if (!read_number(request, UINT32_MAX, &edge))
		return;
	error = edges_revoke(core_edges(request->hub->core), &origin, (uint32_t)edge);
	if (!error)
		port_forget(request->hub->port, (uint32_t)edge);
	say_done(request, error, "revoked", edge);
}

/* "PREFIX[,PREFIX...] NAME": an organisation with one system and its prefixes. */
static int add_tenant(
	struct request *request, char *prefixes, const char *name, uint32_t *ret_id, struct tenants_why *why)
{
	const struct audit_origin origin = origin_of(request);
	const struct scope nation = { .all = true };
	const struct tenants_call call = {
		.db = core_db(request->hub->core), .scope = &nation, .origin = &origin, .why = why
	};
	struct tenant tenant = { 0 };
	struct tenant_system system = { .level = 3 };
	int error;

	if (strlen(name) >= sizeof(tenant.name) || strlen(name) >= sizeof(system.name))
		return LUYTRE_E_RANGE;
	snprintf(tenant.name, sizeof(tenant.name), "%s", name);
	snprintf(system.name, sizeof(system.name), "%s", name);
	error = tenant_create(&call, &tenant, &tenant);
	system.tenant = *ret_id = tenant.id;
	if (!error)
		error = tenant_system_create(&call, &system, &system);
	for (char *save = NULL, *prefix = strtok_r(prefixes, ",", &save); prefix && !error;
		prefix = strtok_r(NULL, ",", &save)) {
		struct tenant_asset asset = { .system = system.id };

		snprintf(asset.value, sizeof(asset.value), "%s", prefix);
		error = tenant_asset_create(&call, &asset, &asset);
	}
	return error;
}

static void run_tenant(struct request *request)
{
	struct db *db = core_db(request->hub->core);
	struct tenants_why why = { 0 };
	char text[TENANTS_OWNER_SIZE + 64], prefixes[4096];
	uint32_t id = 0;
	int error = db_begin(db);

	snprintf(prefixes, sizeof(prefixes), "%s", word(request));
	if (!error)
		error = add_tenant(request, prefixes, request->rest, &id, &why);
	if (!error)
		error = db_commit(db);
	if (!error) {
		say_done(request, 0, "tenant", id);
		return;
	}
	db_rollback(db);
	say_error(request->out, error, why.reason ? tenants_why_text(&why, LUYTRE_LANG_EN, text, sizeof(text)) : NULL);
}

static void run_audit(struct request *request)
{
	struct audit_result result;
	int error = core_audit(request->hub->core, &result);

	if (error) {
		say_error(request->out, error, NULL);
		return;
	}
	jsonw_object_begin(request->out);
	jsonw_kv_string(request->out, "chain", audit_fault_name(result.fault));
	jsonw_kv_i64(request->out, "records", result.record_count);
	jsonw_kv_i64(request->out, "first_broken", result.first_broken);
	jsonw_object_end(request->out);
}

static const struct {
	const char *verb;
	void (*run)(struct request *request);
	bool unlocked; /* takes long, and what it needs itself */
} rows[] = {
	{ "status", run_status, false },
	{ "decisions", run_decisions, false },
	{ "explain", run_explain, false },
	{ "lift", run_lift, false },
	{ "undo-all", run_undo_all, false },
	{ "resume", run_resume, false },
	{ "invite", run_invite, false },
	{ "revoke", run_revoke, false },
	{ "tenant", run_tenant, false },
	{ "audit", run_audit, true },
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
