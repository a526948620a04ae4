// SPDX-License-Identifier: Apache-2.0
#include "hub/console/assessments.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "hub/console/registry.h"
#include "hub/incident/incident.h"
#include "hub/policy/policy.h"
#include "hub/posture/hold.h"

enum { PATH_SIZE = 512 };

struct assessments {
	struct law *law;
	struct audit_key key;
};

/* ---- The law and the key ---- */

static int open_law(const char *state_dir, struct assessments *assessments, char *why)
{
	char path[PATH_SIZE];
	int error;

	snprintf(path, sizeof(path), "%s/law", state_dir);
	error = law_open(path, &assessments->law, why);
	if (error == LUYTRE_E_NOT_FOUND && !why[0])
		error = law_new(law_builtin, law_builtin_count, &assessments->law, why);
	return error ? error : incident_law_check(assessments->law, why);
}

int assessments_new(struct db *db, const char *state_dir, struct assessments **ret, char *why, size_t why_size)
{
	struct assessments *assessments = calloc(1, sizeof(*assessments));
	char path[PATH_SIZE], law_why[LAW_WHY_SIZE] = "";
	int error = assessments ? assess_setup(db) : LUYTRE_E_NOMEM;

	if (error)
		snprintf(why, why_size, "%s", assessments ? db_why(db) : error_text(error, LUYTRE_LANG_EN));
	if (!error) {
		error = open_law(state_dir, assessments, law_why);
		if (error)
			snprintf(why, why_size, "%s", law_why[0] ? law_why : error_text(error, LUYTRE_LANG_EN));
	}
	if (!error) {
		snprintf(path, sizeof(path), "%s/assessment.key", state_dir);
		error = audit_key_load(path, &assessments->key);
		if (error)
			snprintf(why, why_size, "%s: %s", path, error_text(error, LUYTRE_LANG_EN));
	}
	if (error) {
		assessments_free(assessments);
		return error;
	}
	*ret = assessments;
	return 0;
}

void assessments_free(struct assessments *assessments)
{
	if (!assessments)
		return;
	law_free(assessments->law);
	explicit_bzero(&assessments->key, sizeof(assessments->key));
	free(assessments);
}

const struct law *assessments_law(const struct assessments *assessments)
{
	return assessments->law;
}

/* ---- Which edges stand ---- */

struct standing_edge {
	const struct edges_bound *bound; /* held */
	bool shield; /* it has the policy that stands, and its shield works */
	bool sensor, gate; /* it has that policy, and one there has been heard */
};

/* Who has been heard of an edge. */
struct reporter {
	uint32_t edge;
	bool sensor, gate;
};

struct reporters {
	struct reporter *items; /* owned; by edge */
	size_t count, room;
};

struct assessments_view {
	const struct tenants_tree *tree;
	struct policy_now now;
	struct standing_edge *edges; /* owned */
	size_t count;
	uint32_t tenant; /* that was asked for last */
	bool has_tenant, shield, sensor, gate;
};

static void view_free(struct assessments_view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->count; i++)
		edges_bound_unref(view->edges[i].bound);
	policy_now_done(&view->now);
	free(view->edges);
	free(view);
}

static int add_reporter(void *context, uint32_t edge, bool sensor, bool gate)
{
	struct reporters *reporters = context;

	if (reporters->count == reporters->room) {
		size_t room = reporters->room ? 2 * reporters->room : 64;
		struct reporter *items = reallocarray(reporters->items, room, sizeof(*items));

		if (!items)
			return LUYTRE_E_NOMEM;
		reporters->items = items;
		reporters->room = room;
	}
	reporters->items[reporters->count++] = (struct reporter){ .edge = edge, .sensor = sensor, .gate = gate };
	return 0;
}

static int compare_reporters(const void *left, const void *right)
{
	const struct reporter *a = left, *b = right;

	return (a->edge > b->edge) - (a->edge < b->edge);
}

static struct standing_edge standing_of(const struct edge_view *edge, const struct edgestate_view *state,
	const struct reporters *reporters, uint32_t version)
{
	const struct reporter wanted = { .edge = edge->id };
	const struct reporter *reporter = reporters->count ? bsearch(&wanted, reporters->items, reporters->count,
								     sizeof(wanted), compare_reporters)
							   : NULL;
	bool policy = edge->policy == version;

	return (struct standing_edge){ .bound = edges_bound_ref(edge->bound),
		.shield = policy && state->has_shield && !state->failing_open,
		.sensor = policy && reporter && reporter->sensor,
		.gate = policy && reporter && reporter->gate };
}

/* Those that are up and are as they were configured. */
static int view_edges(
	struct core *core, const struct reporters *reporters, int64_t now_us, struct assessments_view *view)
{
	const struct edge_view *edge;
	int error = 0;

	core_lock(core);
	view->edges = calloc(edges_count(core_edges(core)) + 1, sizeof(*view->edges));
	if (!view->edges)
		error = LUYTRE_E_NOMEM;
	for (size_t i = 0; !error && (edge = edges_at(core_edges(core), i)); i++) {
		struct edgestate_view state;

		if (strcmp(edgestate_state(edge, now_us), "up") != 0 ||
			!edgestate_find(core_edgestate(core), edge->id, now_us, &state) || state.drift_count > 0)
			continue;
		view->edges[view->count++] = standing_of(edge, &state, reporters, view->now.version);
	}
	core_unlock(core);
	return error;
}

static struct assessments_view *view_new(
	const struct assessments_call *call, struct core *core, const struct tenants_tree *tree)
{
	struct assessments_view *view = calloc(1, sizeof(*view));
	struct reporters reporters = { 0 };
	int error = view ? policy_now_read(call->call.db, &view->now) : LUYTRE_E_NOMEM;

	if (!error)
		error = hold_reporters_each(call->call.db, add_reporter, &reporters);
	if (!error)
		error = view_edges(core, &reporters, call->who.origin.now_us, view);
	free(reporters.items);
	if (error) {
		view_free(view);
		return NULL;
	}
	view->tree = tree;
	return view;
}

static bool lies_behind(const struct assessments_view *view, const struct edges_bound *bound, uint32_t tenant)
{
	if (bound->all)
		return true;
	for (size_t i = 0; i < bound->tenant_count; i++)
		if (tenants_tree_inside(view->tree, tenant, bound->tenants[i]))
			return true;
	return false;
}

static int mode_of(const struct assessments_view *view, enum policy_kind kind, uint32_t id, enum asset_part part)
{
	const struct policy_entry *entry = policy_entries_find(&view->now.entries, kind, id);

	return entry ? entry->settings.modes[part] : POLICYFILE_UNSET;
}

/* The policy says that the part enforces for the system, and no asset of the tenant is let off. */
static bool is_enforced(const struct assessments_view *view, uint32_t tenant, uint32_t system, enum asset_part part)
{
	int mode = mode_of(view, POLICY_KIND_SYSTEM, system, part);

	if (part == ASSET_PART_GATE && policy_now_edge_only(&view->now, system))
		return false; /* whatever is set */
	if (mode == POLICYFILE_UNSET)
		mode = mode_of(view, POLICY_KIND_TENANT, tenant, part);
	for (size_t i = 0; i < view->now.entries.count; i++) {
		const struct policy_entry *entry = &view->now.entries.items[i];

		if (entry->kind == POLICY_KIND_ASSET && entry->tenant == tenant &&
			entry->settings.modes[part] != POLICYFILE_UNSET &&
			entry->settings.modes[part] != ASSET_MODE_ENFORCE)
			return false;
	}
	return mode == ASSET_MODE_ENFORCE;
}

static void look(void *context, uint32_t tenant, uint32_t system, struct assess_standing *ret)
{
	struct assessments_view *view = context;

	if (!view->has_tenant || view->tenant != tenant) { /* systems of one come together */
		view->tenant = tenant;
		view->has_tenant = true;
		view->shield = view->sensor = view->gate = false;
		for (size_t i = 0; i < view->count && !(view->shield && view->sensor && view->gate); i++)
			if (lies_behind(view, view->edges[i].bound, tenant)) {
				view->shield |= view->edges[i].shield;
				view->sensor |= view->edges[i].sensor;
				view->gate |= view->edges[i].gate;
			}
	}
	*ret = (struct assess_standing){ .shield = view->shield && is_enforced(view, tenant, system, ASSET_PART_SHIELD),
		.sensor = view->sensor && is_enforced(view, tenant, system, ASSET_PART_SENSOR),
		.gate = view->gate && is_enforced(view, tenant, system, ASSET_PART_GATE) };
}

/* ---- Calls ---- */

bool assessments_begin(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct assessments_call *ret)
{
	struct console *console = console_of(request);
	const struct auth_principal *principal = console_principal(request);

	memset(ret, 0, sizeof(*ret));
	if (!console_scope(request, reply, permission, &ret->scope))
		return false;
	console_call(request, &ret->who);
	ret->call = (struct assess_call){ .db = console_db(request),
		.scope = &ret->scope.scope,
		.origin = &ret->who.origin,
		.law = console->assessments->law,
		.key = &console->assessments->key,
		.platform = &ret->platform,
		.person = principal->account,
		.name = principal->name,
		.why = &ret->why };
	ret->view = view_new(ret, console->core, console_worker_of(request)->tree);
	if (!ret->view) {
		auth_scope_done(&ret->scope);
		api_reply_error(reply, LUYTRE_E_IO, NULL);
		return false;
	}
	ret->platform = (struct assess_platform){
		.keep_days = atomic_load(&console->keep_days), .context = ret->view, .look = look
	};
	return true;
}

void assessments_end(struct assessments_call *call)
{
	view_free(call->view);
	auth_scope_done(&call->scope);
}

void assessments_refuse(
	const struct api_request *request, struct api_reply *reply, const struct assessments_call *call, int error)
{
	const char *text = call->why ? assess_reason_text(call->why, request->lang) : NULL;

	if (call->why == ASSESS_WHY_REVISION)
		api_reply_problem(reply, API_PROBLEM_CHANGED, NULL);
	else if (call->why && error == LUYTRE_E_FULL)
		api_reply_problem(reply, API_PROBLEM_CONFLICT, text);
	else
		api_reply_error(reply, error, text);
}

bool assessments_find(const struct api_request *request, struct api_reply *reply, const struct assessments_call *call,
	struct assessment *ret)
{
	uint32_t id;
	int error;

	if (!console_path_id32(request, reply, "assessment", &id))
		return false;
	error = assess_get(&call->call, id, ret);
	if (error)
		api_reply_error(reply, error, NULL);
	return !error;
}

/* ---- Out ---- */

const char *assessments_indication(const struct api_request *request)
{
	return assessments_text(request,
		"Penalties are an indication in million VND, each clause once for a system: never a ruling.",
		"Mức phạt chỉ là ước tính, đơn vị triệu đồng, mỗi điều khoản tính một lần cho một hệ thống: không phải "
		"quyết định xử phạt.");
}

bool assessments_listing_takes(struct assessments_listing *listing, uint32_t id)
{
	listing->more = !listing->left;
	if (listing->more)
		return false;
	listing->left--;
	listing->last = id;
	return true;
}

void assessments_kv_sheet(struct jsonw *json, const struct assess_sheet *sheet)
{
	static const char *const signatures[] = {
		[ASSESS_UNSIGNED] = "none", [ASSESS_GOOD] = "good", [ASSESS_BROKEN] = "broken"
	};

	console_kv_id(json, "assessment", sheet->assessment);
	console_kv_id(json, "system", sheet->system);
	jsonw_kv_i64(json, "revision", sheet->revision);
	jsonw_kv_string(json, "name", sheet->name);
	console_kv_id(json, "tenant", sheet->tenant);
	jsonw_kv_string(json, "tenant_name", sheet->tenant_name);
	jsonw_kv_u64(json, "level", sheet->level);
	jsonw_kv_string(json, "sector", tenant_sectors[sheet->sector].word);
	registry_kv_province(json, sheet->province);
	jsonw_kv_string(json, "state", assess_sheet_texts[sheet->state].word);
	console_kv_text_or_null(json, "reason", sheet->reason);
	jsonw_kv_string(json, "signature", signatures[sheet->signature]);
	console_kv_text_or_null(json, "signer", sheet->signer_name);
	console_kv_time_or_null(json, "signed", sheet->signed_us);
	console_kv_time_or_null(json, "submitted", sheet->submitted_us);
	console_kv_time(json, "changed", sheet->changed_us);
}

static void kv_day_or_null(struct jsonw *json, const char *key, uint32_t day)
{
	char text[STAFF_DAY_SIZE] = "";

	console_kv_text_or_null(json, key, day ? staff_day_text(day, text) : text);
}

static void kv_answer(struct jsonw *json, const struct judged *judged)
{
	const struct answer *answer = &judged->answer;
	char hex[DIGEST_HEX_SIZE] = "";

	jsonw_key(json, "answer");
	if (!judged->answered) {
		jsonw_null(json);
		return;
	}
	jsonw_object_begin(json);
	jsonw_kv_string(json, "answer", answer_texts[answer->word].word);
	jsonw_kv_string_bytes(json, "note", answer->note);
	jsonw_kv_string_bytes(json, "by", answer->by);
	console_kv_time(json, "at", answer->at_us);
	kv_day_or_null(json, "done", answer->done_day);
	kv_day_or_null(json, "until", answer->until_day);
	console_kv_text_or_null(
		json, "hash", answer->hash ? digest_hex(bytes_of(answer->hash, ANSWER_HASH_SIZE), hex) : hex);
	jsonw_object_end(json);
}

/* An excuse waits for somebody else than who wrote it. */
static void kv_excuse(struct jsonw *json, const struct judged *judged)
{
	const struct judge_excuse *excuse = judged->excuse;
	bool asked = judged->answered && judged->answer.word == ANSWER_EXCUSED;

	console_kv_text_or_null(json, "excuse", !asked ? "" : excuse ? "approved" : "pending");
	console_kv_text_or_null(json, "approver", asked && excuse ? excuse->approver : "");
	console_kv_time_or_null(json, "approved", asked && excuse ? excuse->at_us : 0);
}

void assessments_write_judged(const struct api_request *request, struct jsonw *json, const struct law_profile *profile,
	const struct assess_sheet *sheet, const struct judged *judged, uint32_t level)
{
	const struct law_control *control = &profile->controls[judged->control];
	const struct law_proof *proof = judged->proof;

	jsonw_object_begin(json);
	if (sheet) {
		console_kv_id(json, "system", sheet->system);
		jsonw_kv_string(json, "name", sheet->name);
		console_kv_id(json, "tenant", sheet->tenant);
		jsonw_kv_string(json, "tenant_name", sheet->tenant_name);
	}
	jsonw_kv_string(json, "control", control->key);
	jsonw_kv_string(json, "group", profile->groups[control->group].key);
	jsonw_kv_string(json, "title", assessments_text(request, control->title.en, control->title.vi));
	jsonw_kv_string(json, "clause", control->clause[level - 1]);
	jsonw_kv_u64(json, "months", control->months[level - 1]);
	jsonw_kv_string(json, "evidence", (const char[]){ law_evidence[control->evidence].letter, '\0' });
	jsonw_kv_string(json, "state", judge_texts[judged->state].word);
	jsonw_kv_i64(json, "grade", judged->grade);
	jsonw_kv_bool(json, "paper_gap", judged->paper_gap);
	console_kv_time_or_null(json, "due", judged->due_us);
	console_kv_time_or_null(json, "proved", judged->proof_us);
	console_kv_text_or_null(json, "proof", proof ? assessments_text(request, proof->text.en, proof->text.vi) : "");
	console_kv_id_or_null(json, "finding", (uint64_t)judged->finding);
	console_kv_text_or_null(json, "borrowed", judged->borrowed ? judged->borrowed : "");
	kv_excuse(json, judged);
	jsonw_kv_i64(json, "age_days", judged->age_days);
	jsonw_kv_i64(json, "interest", judged->interest);
	kv_answer(json, judged);
	jsonw_object_end(json);
}
