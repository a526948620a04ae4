// SPDX-License-Identifier: Apache-2.0
/* Holds: where which rule stands before a weakness, how it was proved, and who took it away for a while (hub/posture/hold.h). They come and go by
 * themselves; people may suspend and resume them. */
#include <stdio.h>
#include <string.h>

#include "base/holdfile.h"
#include "hub/api/moment.h"
#include "hub/console/internal.h"
#include "hub/core/holds.h"

enum { PAGE_DEFAULT = 100 };

/* A rule of the path or of a question is a number as any other. */
static const struct holdrule *rule_of(const struct holdrules *rules, const struct hold *hold)
{
	return holdrules_find(rules, (enum holdrule_kind)hold->part, hold->rule);
}

/* ---- Out ---- */

static void write_cves(struct jsonw *json, const struct holdrule *rule)
{
	jsonw_kv_array_begin(json, "cves");
	for (size_t i = 0; rule && i < rule->cve_count; i++)
		jsonw_string(json, rule->cves[i]);
	jsonw_array_end(json);
}

/* Names of what it belongs to; null when it is gone since. */
static void write_place(const struct api_request *request, struct jsonw *json, const struct hold *hold)
{
	const struct scope nation = { .all = true }; /* the hold is in the caller's scope, so what it is about is too */
	const struct tenants_call call = { .db = console_db(request), .scope = &nation };
	struct tenant_asset asset;
	struct tenant tenant;

	console_kv_id(json, "tenant", hold->tenant);
	console_kv_text_or_null(json, "tenant_name", tenant_get(&call, hold->tenant, &tenant) ? NULL : tenant.name);
	console_kv_id(json, "system", hold->system);
	console_kv_id(json, "asset", hold->asset);
	console_kv_text_or_null(json, "asset_value", tenant_asset_get(&call, hold->asset, &asset) ? NULL : asset.value);
}

/* People are named without their numbers: who reads findings need not know accounts. */
static void write_suspension(struct jsonw *json, const struct hold *hold)
{
	const char *blank = strchr(hold->actor, ' ');

	console_kv_text_or_null(json, "reason", hold->reason);
	console_kv_text_or_null(json, "suspended_by", blank ? blank + 1 : hold->actor);
	console_kv_time_or_null(json, "suspended_until", hold->suspended_until_us);
}

static void write_hold(
	const struct api_request *request, struct jsonw *json, const struct holdrules *rules, const struct hold *hold)
{
	bool vietnamese = request->lang == LUYTRE_LANG_VI;
	const struct holdrule *rule = rule_of(rules, hold);
	int64_t enforce_us = hold->state == HOLD_SHADOW && hold->proved_us
				     ? hold->proved_us + core_hold_budget_us(console_core(request))
				     : 0;

	console_kv_id(json, "id", (uint64_t)hold->id);
	jsonw_kv_i64(json, "revision", hold->revision);
	write_place(request, json, hold);
	console_kv_id(json, "rule", hold->rule);
	jsonw_kv_string(json, "part", holdfile_parts[hold->part]);
	console_kv_text_or_null(json, "title", rule ? rule->title : NULL);
	console_kv_text_or_null(json, "product", rule ? rule->product : NULL);
	write_cves(json, rule);
	jsonw_kv_string(json, "state", hold_states[hold->state].word);
	jsonw_kv_string(json, "proof", hold_verdicts[hold->verdict].word);
	jsonw_kv_string(json, "proof_text", hold_verdict_text(hold->part, hold->verdict, vietnamese));
	console_kv_text_or_null(json, "ended", hold_ends[hold->end].word);
	console_kv_time(json, "created", hold->created_us);
	console_kv_time(json, "since", hold->since_us);
	console_kv_time_or_null(json, "proved", hold->proved_us);
	console_kv_time_or_null(json, "enforced_from", enforce_us);
	jsonw_kv_u64(json, "findings", hold->finding_count);
	jsonw_kv_u64(json, "standing", hold->edge_count);
	write_suspension(json, hold);
}

/* ---- Lists ---- */

struct listing {
	const struct api_request *request;
	struct jsonw *json;
	struct holdrules *rules;
	uint32_t left;
	int64_t last;
	bool more;
};

static int list_one(void *context, const struct hold *hold)
{
	struct listing *listing = context;

	if (!listing->left) {
		listing->more = true;
		return 0;
	}
	listing->left--;
	listing->last = hold->id;
	jsonw_object_begin(listing->json);
	write_hold(listing->request, listing->json, listing->rules, hold);
	jsonw_object_end(listing->json);
	return 0;
}

static void read_query(const struct api_request *request, char cve[FINDING_CVE_SIZE], struct hold_query *ret)
{
	const struct api_value *state = api_query(request, "state");
	uint64_t asset = console_query_id(request, "asset");

	*ret = (struct hold_query){ .state = HOLD_STATE_COUNT,
		.asset = asset > UINT32_MAX ? UINT32_MAX : (uint32_t)asset, /* no asset has the largest number */
		.rule = console_query_id(request, "rule") };
	for (int i = 0; state->given && i < HOLD_STATE_COUNT; i++)
		if (bytes_equal_str(state->text, hold_states[i].word))
			ret->state = (enum hold_state)i;
	if (api_query(request, "cve")->given && bytes_to_str(api_query(request, "cve")->text, cve, FINDING_CVE_SIZE))
		ret->cve = cve;
}

void handle_list_holds(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request };
	char cve[FINDING_CVE_SIZE] = "";
	struct hold_query query;
	struct api_position from;
	struct auth_scope scope;
	int error;

	if (!api_page_begin(request, reply, &from) ||
		!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	read_query(request, cve, &query);
	listing.left = (uint32_t)console_query_i64(request, "limit", PAGE_DEFAULT);
	query.limit = listing.left < FINDING_PAGE_MAX ? listing.left + 1 : FINDING_PAGE_MAX;
	query.before = (int64_t)from.id;
	listing.rules = core_hold_rules(console_core(request));
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = hold_each(console_db(request), &scope.scope, &query, list_one, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more || (!listing.left && query.limit == FINDING_PAGE_MAX),
		(struct api_position){ .id = (uint64_t)listing.last });
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	holdrules_unref(listing.rules);
	auth_scope_done(&scope);
}

/* ---- One ---- */

static int write_finding(void *context, int64_t finding, const char *cve)
{
	struct jsonw *json = context;

	jsonw_object_begin(json);
	console_kv_id(json, "finding", (uint64_t)finding);
	jsonw_kv_string(json, "cve", cve);
	jsonw_object_end(json);
	return 0;
}

struct edges_out {
	const struct api_request *request;
	struct jsonw *json;
	uint8_t part;
};

static int write_edge(void *context, const struct hold_edge *edge)
{
	const struct edges_out *out = context;
	struct core *core = console_core(out->request);
	char name[EDGES_NAME_MAX + 1] = "";
	const struct edge_view *view;
	bool vietnamese = out->request->lang == LUYTRE_LANG_VI;

	core_lock(core);
	view = edges_find(core_edges(core), edge->edge);
	if (view)
		memcpy(name, view->name, sizeof(name));
	core_unlock(core);
	jsonw_object_begin(out->json);
	console_kv_id(out->json, "edge", edge->edge);
	console_kv_text_or_null(out->json, "name", name);
	jsonw_kv_string(out->json, "mode", edge->enforce ? "enforce" : "shadow");
	jsonw_kv_string(out->json, "proof", hold_verdicts[edge->verdict].word);
	jsonw_kv_string(out->json, "proof_text", hold_verdict_text(out->part, edge->verdict, vietnamese));
	console_kv_time_or_null(out->json, "proved", edge->good_us);
	console_kv_time_or_null(out->json, "standing", edge->stands_us);
	jsonw_object_end(out->json);
	return 0;
}

/* Where it stands changes without a revision, so there is no "unmodified". */
static void reply_hold(const struct api_request *request, struct api_reply *reply, const struct hold *hold)
{
	struct holdrules *rules = core_hold_rules(console_core(request));
	struct jsonw *json = api_reply_json(reply, 200);
	int error;

	jsonw_object_begin(json);
	write_hold(request, json, rules, hold);
	jsonw_kv_array_begin(json, "edges");
	error = hold_edge_each(
		console_db(request), hold->id, write_edge, &(struct edges_out){ request, json, hold->part });
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "shared_by");
	if (!error)
		error = hold_finding_each(console_db(request), hold->id, write_finding, json);
	jsonw_array_end(json);
	jsonw_object_end(json);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)hold->revision);
	holdrules_unref(rules);
}

/* The hold of the path; false: the reply says why. '*ret_scope' is given back by auth_scope_done where this says true. */
static bool find_hold(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct auth_scope *ret_scope, struct hold *ret)
{
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "hold", &id) || !console_scope(request, reply, permission, ret_scope))
		return false;
	error = id > INT64_MAX ? LUYTRE_E_NOT_FOUND
			       : hold_get(console_db(request), &ret_scope->scope, (int64_t)id, ret);
	if (!error)
		return true;
	api_reply_error(reply, error, NULL);
	auth_scope_done(ret_scope);
	return false;
}

void handle_get_hold(struct api_request *request, struct api_reply *reply)
{
	struct auth_scope scope;
	struct hold hold;

	if (!find_hold(request, reply, AUTH_FINDINGS_READ, &scope, &hold))
		return;
	reply_hold(request, reply, &hold);
	auth_scope_done(&scope);
}

/* ---- Changes ---- */

static void answer_change(struct api_request *request, struct api_reply *reply, int error, const struct hold *hold)
{
	static const char *const until[2] = { "The end must lie in the future, within a year.",
		"Thời hạn phải ở tương lai, không quá một năm." };
	static const char *const state[2] = { "A hold in this state cannot be suspended or resumed.",
		"Không thể tạm dừng hoặc khôi phục việc chặn ở trạng thái này." };
	bool vietnamese = request->lang == LUYTRE_LANG_VI;
	char text[64];

	if (error) {
		if (error == LUYTRE_E_RANGE)
			api_reply_problem(reply, API_PROBLEM_INVALID, until[vietnamese]);
		else
			api_reply_error(reply, error, error == LUYTRE_E_CONFLICT ? state[vietnamese] : NULL);
		return;
	}
	core_findings_changed(console_core(request));
	snprintf(text, sizeof(text), "{\"hold\":\"%lld\"}", (long long)hold->id);
	console_publish(console_of(request), CONSOLE_TOPIC_FINDINGS, hold->tenant, bytes_from_str(text));
	reply_hold(request, reply, hold);
}

void handle_suspend_hold(struct api_request *request, struct api_reply *reply)
{
	const char *reason = console_body_text(request, "reason"), *until = console_body_text(request, "until");
	struct console_call who;
	struct auth_scope scope;
	int64_t until_us = 0;
	struct hold hold;
	int error;

	if (!find_hold(request, reply, AUTH_FINDINGS_JUDGE, &scope, &hold))
		return;
	if (api_reply_matches(reply, (uint64_t)hold.revision)) {
		console_call(request, &who);
		error = until && !moment_parse(bytes_from_str(until), &until_us)
				? hold_suspend(console_db(request), &scope.scope, &who.origin, hold.id, hold.revision,
					  reason, until_us, &hold)
				: LUYTRE_E_INVALID;
		answer_change(request, reply, error, &hold);
	}
	auth_scope_done(&scope);
}

void handle_resume_hold(struct api_request *request, struct api_reply *reply)
{
	struct console_call who;
	struct auth_scope scope;
	struct hold hold;
	int error;

	if (!find_hold(request, reply, AUTH_FINDINGS_JUDGE, &scope, &hold))
		return;
	if (api_reply_matches(reply, (uint64_t)hold.revision)) {
		console_call(request, &who);
		error = hold_resume(console_db(request), &scope.scope, &who.origin, hold.id, hold.revision,
			console_body_text(request, "reason"), &hold);
		answer_change(request, reply, error, &hold);
	}
	auth_scope_done(&scope);
}

/* ---- What could be held ---- */

static bool wanted(const struct api_request *request, const struct holdrule *rule)
{
	const struct api_value *kind = api_query(request, "kind"), *cve = api_query(request, "cve"),
			       *product = api_query(request, "product");

	if (kind->given && !bytes_equal_str(kind->text, holdrule_kinds[rule->kind]))
		return false;
	if (product->given && !bytes_equal_str(product->text, rule->product))
		return false;
	for (size_t i = 0; cve->given && i < rule->cve_count; i++)
		if (bytes_equal_str(cve->text, rule->cves[i]))
			return true;
	return !cve->given;
}

static void write_rule(struct jsonw *json, const struct holdrule *rule)
{
	jsonw_object_begin(json);
	console_kv_id(json, "rule", rule->rule);
	jsonw_kv_string(json, "kind", holdrule_kinds[rule->kind]);
	console_kv_text_or_null(json, "title", rule->title);
	console_kv_text_or_null(json, "product", rule->product);
	jsonw_kv_u64(json, "severity", rule->severity);
	write_cves(json, rule);
	jsonw_object_end(json);
}

/* The cursor is a place in the list: rules change with a release, not while somebody reads. */
void handle_list_hold_rules(struct api_request *request, struct api_reply *reply)
{
	int64_t left = console_query_i64(request, "limit", PAGE_DEFAULT);
	const struct holdrule *rule;
	struct api_position from;
	struct holdrules *rules;
	struct jsonw *json;
	size_t i;

	if (!api_page_begin(request, reply, &from))
		return;
	rules = core_hold_rules(console_core(request));
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (i = (size_t)from.id; (rule = holdrules_at(rules, i)) && left > 0; i++) {
		if (!wanted(request, rule))
			continue;
		write_rule(json, rule);
		left--;
	}
	jsonw_array_end(json);
	api_page_end(request, json, rule != NULL, (struct api_position){ .id = i });
	jsonw_object_end(json);
	holdrules_unref(rules);
}
