// SPDX-License-Identifier: Apache-2.0
/* Versions of the policy: proposed by one, approved by another, on their way to edges, and back (hub/policy). */
#include <stdio.h>
#include <stdlib.h>

#include "hub/console/internal.h"
#include "hub/console/registry.h"

enum { SENTENCE_SIZE = 512, PAGE_DEFAULT = 100 };

/* Lives as long as '*ret' and the scope. */
struct policies_call {
	struct console_call who;
	struct auth_scope scope;
	struct policy_why why;
	struct policy_call call;
};

/* False: the reply says why. Given back by end_call. */
static bool begin_call(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct policies_call *ret)
{
	const struct auth_principal *principal = console_principal(request);

	*ret = (struct policies_call){ 0 };
	if (!console_scope(request, reply, permission, &ret->scope))
		return false;
	console_call(request, &ret->who);
	ret->call = (struct policy_call){ .db = console_db(request),
		.scope = &ret->scope.scope,
		.origin = &ret->who.origin,
		.person = principal->account,
		.name = principal->name,
		.why = &ret->why };
	return true;
}

static void end_call(struct policies_call *call)
{
	auth_scope_done(&call->scope);
}

/* ---- Out ---- */

static void write_change(struct jsonw *json, const struct policy_change *change)
{
	static const char *const keys[POLICY_KIND_COUNT] = {
		[POLICY_KIND_SYSTEM] = "system", [POLICY_KIND_ASSET] = "asset"
	};
	const struct policy_entry *entry = &change->entry;

	jsonw_object_begin(json);
	console_kv_id(json, "tenant", entry->tenant);
	if (keys[entry->kind])
		console_kv_id(json, keys[entry->kind], entry->id);
	if (change->reset)
		jsonw_kv_bool(json, "reset", true);
	policy_settings_write(json, &entry->settings);
	jsonw_object_end(json);
}

/* Edges on which this version stands, and all. */
static void count_edges(const struct api_request *request, uint32_t version, uint64_t *ret_standing, uint64_t *ret_all)
{
	struct core *core = console_core(request);
	const struct edge_view *edge;

	*ret_standing = *ret_all = 0;
	core_lock(core);
	for (size_t i = 0; (edge = edges_at(core_edges(core), i)); i++) {
		*ret_all += !edge->revoked;
		*ret_standing += !edge->revoked && edge->policy == version;
	}
	core_unlock(core);
}

static void write_version(const struct api_request *request, struct jsonw *json, const struct policy_version *version)
{
	uint64_t standing, all;

	jsonw_object_begin(json);
	console_kv_id(json, "id", version->id);
	jsonw_kv_i64(json, "revision", version->revision);
	console_kv_id_or_null(json, "base", version->base);
	jsonw_kv_string(json, "state", policy_states[version->state]);
	jsonw_kv_string(json, "reason", version->reason);
	jsonw_kv_string(json, "author", version->author);
	console_kv_text_or_null(json, "approver", version->approver);
	jsonw_kv_array_begin(json, "changes");
	for (size_t i = 0; i < version->change_count; i++)
		write_change(json, &version->changes[i]);
	jsonw_array_end(json);
	if (version->state == POLICY_STANDING) {
		count_edges(request, version->id, &standing, &all);
		jsonw_kv_u64(json, "edges_standing", standing);
		jsonw_kv_u64(json, "edges", all);
	}
	console_kv_time(json, "created", version->created_us);
	console_kv_time_or_null(json, "approved", version->approved_us);
	jsonw_object_end(json);
}

static void reply_version(
	const struct api_request *request, struct api_reply *reply, int status, const struct policy_version *version)
{
	if (status == 201)
		api_reply_header_format(reply, "Location", "/api/v1/policies/%u", version->id);
	write_version(request, api_reply_json(reply, status), version);
	api_reply_etag(reply, (uint64_t)version->revision);
}

/* With the change at fault, where it is about one. */
static void refuse(
	const struct api_request *request, struct api_reply *reply, const struct policies_call *call, int error)
{
	const char *text = policy_why_text(&call->why, request->lang);
	char *sentence = arena_alloc(request->arena, SENTENCE_SIZE);

	if (!call->why.reason || !sentence)
		api_reply_error(reply, error, NULL);
	else if (error == LUYTRE_E_INVALID)
		api_reply_problem(reply, API_PROBLEM_INVALID,
			(snprintf(sentence, SENTENCE_SIZE, "/changes/%zu: %s", call->why.change, text), sentence));
	else if (error == LUYTRE_E_FULL)
		api_reply_problem(reply, API_PROBLEM_CONFLICT, text);
	else
		api_reply_error(reply, error, text);
}

/* Consoles read it anew; who may read policies at all may know that there is one. */
static void tell(const struct api_request *request, const struct policy_version *version)
{
	char text[96];

	snprintf(
		text, sizeof(text), "{\"policy\":\"%u\",\"state\":\"%s\"}", version->id, policy_states[version->state]);
	console_publish(console_of(request), CONSOLE_TOPIC_POLICIES, CONSOLE_EVERYBODY, bytes_from_str(text));
}

/* ---- Lists ---- */

struct listing {
	const struct api_request *request;
	struct jsonw *json;
	uint32_t left, last;
	bool more;
};

static int list_one(void *context, const struct policy_version *version)
{
	struct listing *listing = context;

	if (!listing->left) {
		listing->more = true;
		return 0;
	}
	listing->left--;
	listing->last = version->id;
	write_version(listing->request, listing->json, version);
	return 0;
}

static enum policy_state state_of(const struct api_request *request)
{
	const struct api_value *value = api_query(request, "state");

	for (int i = 0; value->given && i < POLICY_STATE_COUNT; i++)
		if (bytes_equal(value->text, bytes_from_str(policy_states[i])))
			return (enum policy_state)i;
	return POLICY_STATE_COUNT;
}

void handle_list_policies(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request };
	struct policies_call call;
	struct api_position from;
	int error;

	if (!api_page_begin(request, reply, &from) || !begin_call(request, reply, AUTH_POLICY_READ, &call))
		return;
	listing.left = (uint32_t)console_query_i64(request, "limit", PAGE_DEFAULT);
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = policy_each(&call.call, (uint32_t)from.id, state_of(request), listing.left + 1, list_one, &listing);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, listing.more, (struct api_position){ .id = listing.last });
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	end_call(&call);
}

void handle_get_policy(struct api_request *request, struct api_reply *reply)
{
	struct policy_version version;
	struct policies_call call;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "policy", &id) || !begin_call(request, reply, AUTH_POLICY_READ, &call))
		return;
	error = policy_get(&call.call, id, &version);
	if (error) {
		refuse(request, reply, &call, error);
	} else {
		/* How many edges have it is not of its revision. */
		if (version.state == POLICY_STANDING || !api_reply_unmodified(reply, (uint64_t)version.revision))
			reply_version(request, reply, 200, &version);
		policy_version_done(&version);
	}
	end_call(&call);
}

/* ---- Proposing ---- */

static void read_change(const struct jsonr *item, struct policy_change *ret, bool *ret_rules_off)
{
	uint32_t tenant = 0, system = 0, asset = 0;
	struct jsonr rules;

	*ret = (struct policy_change){ 0 };
	registry_id(item, "tenant", JSONR_NEEDED, &tenant);
	registry_id(item, "system", JSONR_OPTIONAL, &system);
	registry_id(item, "asset", JSONR_OPTIONAL, &asset);
	if (system && asset)
		jsonr_fail(item, JSONR_CONFLICT, 0, 0);
	jsonr_bool(item, "reset", JSONR_OPTIONAL, &ret->reset);
	ret->entry.kind = asset ? POLICY_KIND_ASSET : system ? POLICY_KIND_SYSTEM : POLICY_KIND_TENANT;
	ret->entry.id = asset ? asset : system ? system : tenant;
	ret->entry.tenant = tenant;
	policy_settings_read(item, &ret->entry.settings);
	*ret_rules_off =
		jsonr_array(item, "rules_off", JSONR_OPTIONAL, SIZE_MAX, &rules) && json_array_size(rules.value);
}

struct proposal {
	uint32_t base;
	char reason[POLICY_REASON_SIZE];
	struct policy_change *changes; /* in the request's arena */
	size_t count;
};

/* False: the reply says why. */
static bool read_proposal(
	struct api_request *request, struct api_reply *reply, struct policies_call *call, struct proposal *ret)
{
	struct jsonr_errors errors;
	struct jsonr body, items;
	bool rules_off = false;

	api_body(request, &errors, &body);
	registry_id(&body, "base", JSONR_NEEDED, &ret->base);
	registry_text(&body, "reason", JSONR_NEEDED, ret->reason, sizeof(ret->reason));
	if (!jsonr_array(&body, "changes", JSONR_NEEDED, POLICY_CHANGES_MAX, &items)) {
		api_reply_invalid(reply, &errors);
		return false;
	}
	ret->count = json_array_size(items.value);
	ret->changes = arena_alloc(request->arena, ret->count * sizeof(*ret->changes));
	if (!ret->changes) {
		api_reply_error(reply, LUYTRE_E_NOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < ret->count && !rules_off; i++) {
		const struct jsonr item = jsonr_item(&items, i);

		call->why.change = i;
		read_change(&item, &ret->changes[i], &rules_off);
	}
	if (errors.count) {
		api_reply_invalid(reply, &errors);
		return false;
	}
	if (rules_off) {
		call->why.reason = POLICY_WHY_RULES_OFF;
		refuse(request, reply, call, LUYTRE_E_INVALID);
	}
	return !rules_off;
}

void handle_propose_policy(struct api_request *request, struct api_reply *reply)
{
	struct policy_version version;
	struct proposal proposal = { 0 };
	struct policies_call call;
	int error;

	if (!begin_call(request, reply, AUTH_POLICY_WRITE, &call))
		return;
	if (read_proposal(request, reply, &call, &proposal)) {
		error = policy_propose(
			&call.call, proposal.base, proposal.reason, proposal.changes, proposal.count, &version);
		if (error) {
			refuse(request, reply, &call, error);
		} else {
			reply_version(request, reply, 201, &version);
			tell(request, &version);
			policy_version_done(&version);
		}
	}
	end_call(&call);
}

/* ---- Into force, and back ---- */

static bool read_reason(struct api_request *request, struct api_reply *reply, char reason[POLICY_REASON_SIZE])
{
	struct jsonr_errors errors;
	struct jsonr body;

	api_body(request, &errors, &body);
	registry_text(&body, "reason", JSONR_NEEDED, reason, POLICY_REASON_SIZE);
	if (errors.count)
		api_reply_invalid(reply, &errors);
	return !errors.count;
}

/* Edges are told at once. */
static void reply_in_force(
	struct api_request *request, struct api_reply *reply, int status, struct policy_version *version)
{
	core_policy_changed(console_core(request));
	reply_version(request, reply, status, version);
	tell(request, version);
	policy_version_done(version);
}

void handle_approve_policy(struct api_request *request, struct api_reply *reply)
{
	char reason[POLICY_REASON_SIZE];
	struct policy_version version;
	struct policies_call call;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "policy", &id) || !read_reason(request, reply, reason) ||
		!begin_call(request, reply, AUTH_POLICY_WRITE, &call))
		return;
	error = policy_get(&call.call, id, &version);
	if (!error) {
		int64_t revision = version.revision;
		bool matches = api_reply_matches(reply, (uint64_t)revision);

		policy_version_done(&version);
		if (!matches) {
			end_call(&call);
			return;
		}
		error = policy_approve(&call.call, id, revision, reason, &version);
	}
	if (error)
		refuse(request, reply, &call, error);
	else
		reply_in_force(request, reply, 200, &version);
	end_call(&call);
}

void handle_roll_back_policy(struct api_request *request, struct api_reply *reply)
{
	char reason[POLICY_REASON_SIZE];
	struct policy_version version;
	struct policies_call call;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "policy", &id) || !read_reason(request, reply, reason) ||
		!begin_call(request, reply, AUTH_POLICY_WRITE, &call))
		return;
	error = policy_roll_back(&call.call, id, reason, &version);
	if (error)
		refuse(request, reply, &call, error);
	else
		reply_in_force(request, reply, 201, &version);
	end_call(&call);
}

/* ---- Differences ---- */

struct differences {
	struct policies_call *call;
	struct jsonw *json;
	int error;
};

static void write_value(struct jsonw *json, const char *key, const char *word, int64_t number)
{
	if (word)
		jsonw_kv_string(json, key, word);
	else if (number != POLICYFILE_UNSET)
		jsonw_kv_i64(json, key, number);
	else
		jsonw_kv_null(json, key);
}

/* The tenant's name, and the address of an asset. */
static void write_label(struct differences *to, const struct policy_difference *difference)
{
	const struct tenants_call call = { .db = to->call->call.db, .scope = to->call->call.scope };
	struct tenant tenant;
	struct tenant_asset asset;
	char *label = NULL;

	if (tenant_get(&call, difference->tenant, &tenant))
		return; /* is gone since */
	if (difference->kind == POLICY_KIND_ASSET && !tenant_asset_get(&call, difference->id, &asset) &&
		asprintf(&label, "%s, %s", tenant.name, asset.value) < 0)
		label = NULL;
	jsonw_kv_string(to->json, "label", label ? label : tenant.name);
	free(label);
}

static void write_difference(void *context, const struct policy_difference *difference)
{
	struct differences *to = context;

	if (!scope_has(to->call->call.scope, difference->tenant))
		return;
	jsonw_object_begin(to->json);
	jsonw_kv_string(to->json, "pointer", difference->pointer);
	write_label(to, difference);
	write_value(to->json, "before", difference->word_before, difference->number_before);
	write_value(to->json, "after", difference->word_after, difference->number_after);
	jsonw_object_end(to->json);
}

/* Both versions must be there for the caller. */
static int get_both(struct policies_call *call, uint32_t id, uint32_t *against)
{
	struct policy_version version;
	int error = policy_get(&call->call, id, &version);

	if (error)
		return error;
	if (!*against)
		*against = version.base ? version.base : id;
	policy_version_done(&version);
	/* The one that it began with is there, whatever it changed. */
	return 0;
}

void handle_diff_policy(struct api_request *request, struct api_reply *reply)
{
	struct policy_entries from = { 0 }, to = { 0 };
	struct policies_call call;
	uint64_t against = console_query_id(request, "against");
	uint32_t id, other = against > UINT32_MAX ? UINT32_MAX : (uint32_t)against;
	int error;

	if (!console_path_id32(request, reply, "policy", &id) || !begin_call(request, reply, AUTH_POLICY_READ, &call))
		return;
	error = get_both(&call, id, &other);
	if (!error)
		error = policy_entries_get(call.call.db, other, &from);
	if (!error)
		error = policy_entries_get(call.call.db, id, &to);
	if (error) {
		refuse(request, reply, &call, error);
	} else {
		struct differences differences = { .call = &call, .json = api_reply_json(reply, 200) };

		jsonw_object_begin(differences.json);
		console_kv_id(differences.json, "from", other);
		console_kv_id(differences.json, "to", id);
		jsonw_kv_array_begin(differences.json, "changes");
		policy_diff(&from, &to, write_difference, &differences);
		jsonw_array_end(differences.json);
		jsonw_object_end(differences.json);
	}
	policy_entries_done(&from);
	policy_entries_done(&to);
	end_call(&call);
}

/* ---- Rollout ---- */

struct rollout_edge {
	uint32_t id;
	uint64_t stands;
	char name[EDGES_NAME_MAX + 1];
};

/* Does it serve somebody whom the caller may see? */
static bool is_visible(const struct api_request *request, const struct scope *scope, const struct edge_view *edge)
{
	const struct tenants_tree *tree = console_worker_of(request)->tree;

	if (scope->all || (edge->bound->all && scope->tenant_count))
		return true;
	for (size_t i = 0; i < edge->bound->tenant_count; i++) {
		size_t count = 0;
		const uint32_t *below = tenants_tree_below(tree, edge->bound->tenants[i], &count);

		for (size_t k = 0; k < count; k++)
			if (scope_has(scope, below[k]))
				return true;
	}
	return false;
}

/* Edges above 'after', at most 'max'; returns how many. */
static size_t gather(const struct api_request *request, const struct scope *scope, uint32_t after,
	struct rollout_edge *ret, size_t max)
{
	struct core *core = console_core(request);
	const struct edge_view *edge;
	size_t count = 0;

	core_lock(core);
	for (size_t i = 0; count < max && (edge = edges_at(core_edges(core), i)); i++) {
		if (edge->revoked || edge->id <= after || !is_visible(request, scope, edge))
			continue;
		ret[count] = (struct rollout_edge){ .id = edge->id, .stands = edge->policy };
		memcpy(ret[count++].name, edge->name, sizeof(edge->name));
	}
	core_unlock(core);
	return count;
}

static int write_rollout(
	const struct policies_call *call, struct jsonw *json, uint32_t version, const struct rollout_edge *edge)
{
	struct policy_rollout_view view;
	int error = policy_rollout_get(call->call.db, edge->id, version, edge->stands, &view);

	if (error)
		return error;
	jsonw_object_begin(json);
	console_kv_id(json, "edge", edge->id);
	jsonw_kv_string(json, "name", edge->name);
	console_kv_id(json, "policy", edge->stands);
	jsonw_kv_string(json, "state", policy_rollouts[view.state]);
	console_kv_time_or_null(json, "since", view.since_us);
	console_kv_text_or_null(json, "why", view.why);
	jsonw_object_end(json);
	return 0;
}

void handle_get_rollout(struct api_request *request, struct api_reply *reply)
{
	size_t limit = (size_t)console_query_i64(request, "limit", PAGE_DEFAULT), count = 0;
	struct rollout_edge *edges = arena_alloc(request->arena, (limit + 1) * sizeof(*edges));
	struct policy_version version;
	struct policies_call call;
	struct api_position from;
	struct jsonw *json;
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "policy", &id) || !api_page_begin(request, reply, &from) ||
		!begin_call(request, reply, AUTH_POLICY_READ, &call))
		return;
	error = edges ? policy_get(&call.call, id, &version) : LUYTRE_E_NOMEM;
	if (!error) {
		policy_version_done(&version);
		count = gather(request, call.call.scope, (uint32_t)from.id, edges, limit + 1);
	}
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	for (size_t i = 0; i < count && i < limit && !error; i++)
		error = write_rollout(&call, json, id, &edges[i]);
	jsonw_array_end(json);
	api_page_end(
		request, json, count > limit, (struct api_position){ .id = count > limit ? edges[limit - 1].id : 0 });
	jsonw_object_end(json);
	if (error)
		refuse(request, reply, &call, error);
	end_call(&call);
}
