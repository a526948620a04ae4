// SPDX-License-Identifier: Apache-2.0
/* Findings: lists, one with its proofs and its history, and what people do about it. Which part somebody plays follows from what he may: to
 * say that it is fixed is the owner's, the rest is the judge's, and who asks for what is not his is refused by hub/posture. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "hub/api/moment.h"
#include "hub/console/fold.h"
#include "hub/console/posture.h"
#include "hub/posture/search.h"

/* ---- Lists ---- */

struct listing {
	const struct api_request *request;
	struct jsonw *json;
	struct bytes text;
};

static bool has_text(const struct finding *finding, struct bytes text)
{
	const char *const places[] = { finding->title, finding->host, finding->cve, finding->rule, finding->path,
		finding->tool };

	for (size_t i = 0; i < ARRAY_COUNT(places); i++)
		if (fold_has(bytes_from_str(places[i]), text))
			return true;
	return false;
}

static int list_one(void *context, const struct finding *finding)
{
	struct listing *listing = context;

	if (!bytes_empty(listing->text) && !has_text(finding, listing->text))
		return FINDING_SKIP;
	return posture_write_finding(
		listing->json, console_db(listing->request), finding, console_now_us(listing->request));
}

static enum finding_flag flag_of(const struct api_request *request, const char *name)
{
	const struct api_value *value = api_query(request, name);

	return !value->given ? FINDING_EITHER : value->flag ? FINDING_WITH : FINDING_WITHOUT;
}

static int state_of(struct bytes word)
{
	for (int i = 0; i < FINDING_STATE_COUNT; i++)
		if (bytes_equal_str(word, finding_states[i].word))
			return i;
	return -1;
}

static uint32_t small_id(const struct api_request *request, const char *name)
{
	uint64_t id = console_query_id(request, name);

	return id > UINT32_MAX ? UINT32_MAX : (uint32_t)id; /* no asset or system has the largest number */
}

/* "overdue" is what is live and late; it cannot be asked together with what is not. */
static void read_filter(const struct api_request *request, struct finding_filter *ret)
{
	const struct api_value *overdue = api_query(request, "overdue");

	*ret = (struct finding_filter){ .system = small_id(request, "system"),
		.asset = small_id(request, "asset"),
		.state = state_of(api_query(request, "state")->text),
		.live = flag_of(request, "live"),
		.kev = flag_of(request, "kev"),
		.exposed = flag_of(request, "exposed"),
		.held = flag_of(request, "held"),
		.severity = (uint8_t)console_query_i64(request, "severity", 0),
		.limit = (uint32_t)console_query_i64(request, "limit", 100) };
	(void)bytes_to_str(api_query(request, "cve")->text, ret->cve, sizeof(ret->cve));
	if (overdue->given && overdue->flag) {
		ret->due_before_us = console_now_us(request);
		if (ret->live == FINDING_EITHER)
			ret->live = FINDING_WITH;
	}
	if (api_query(request, "due_before")->given) {
		int64_t due_us = console_query_time(request, "due_before", 0);

		if (!ret->due_before_us || due_us < ret->due_before_us)
			ret->due_before_us = due_us;
	}
}

/* A date may lie before 1970 in nobody's report, but the cursor must hold whatever is there. */
static uint64_t key_of(int64_t due_us)
{
	return (uint64_t)due_us ^ (UINT64_C(1) << 63);
}

void handle_list_findings(struct api_request *request, struct api_reply *reply)
{
	struct listing listing = { .request = request, .text = api_query(request, "text")->text };
	struct finding_filter filter;
	struct finding_next next;
	struct api_position from;
	struct posture_call call;
	struct auth_scope scope;
	int error;

	if (!api_page_begin(request, reply, &from) ||
		!console_scope_of_query(request, reply, AUTH_FINDINGS_READ, &scope))
		return;
	read_filter(request, &filter);
	filter.after_id = (int64_t)from.id;
	filter.after_due_us = (int64_t)(from.key ^ (UINT64_C(1) << 63));
	posture_call(request, &scope.scope, FINDING_BY_OWNER, &call);
	listing.json = api_reply_json(reply, 200);
	jsonw_object_begin(listing.json);
	jsonw_kv_array_begin(listing.json, "items");
	error = finding_search(&call.call, &filter, list_one, &listing, &next);
	jsonw_array_end(listing.json);
	api_page_end(request, listing.json, next.more,
		(struct api_position){ .key = key_of(next.due_us), .id = (uint64_t)next.id });
	jsonw_object_end(listing.json);
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

/* ---- One ---- */

static void reply_finding(const struct api_request *request, struct api_reply *reply, const struct finding *finding)
{
	int error = posture_write_finding(
		api_reply_json(reply, 200), console_db(request), finding, console_now_us(request));

	if (error)
		api_reply_error(reply, error, NULL);
	else
		api_reply_etag(reply, (uint64_t)finding->revision);
}

/* Days late grow without a change, so there is no "unmodified". */
void handle_get_finding(struct api_request *request, struct api_reply *reply)
{
	struct auth_scope scope;
	struct finding finding;

	if (!posture_finding(request, reply, AUTH_FINDINGS_READ, &scope, &finding))
		return;
	reply_finding(request, reply, &finding);
	auth_scope_done(&scope);
}

static int write_proof(void *context, const struct finding_proof *proof)
{
	struct jsonw *json = context;
	char hash[2 * FINDING_HASH_SIZE + 1];

	sodium_bin2hex(hash, sizeof(hash), proof->hash, sizeof(proof->hash));
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "number", proof->number);
	jsonw_kv_string(json, "tool", proof->tool);
	console_kv_text_or_null(json, "rule", proof->rule);
	console_kv_time(json, "first_seen", proof->first_us);
	console_kv_time(json, "last_seen", proof->last_us);
	jsonw_kv_u64(json, "seen", proof->seen);
	jsonw_kv_u64(json, "confidence", proof->confidence);
	jsonw_kv_bool(json, "exploited", proof->exploited);
	jsonw_kv_string(json, "sha256", hash);
	jsonw_kv_string(json, "evidence", proof->evidence);
	jsonw_object_end(json);
	return 0;
}

/* At most FINDING_PROOFS_MAX: one page. */
void handle_list_finding_proofs(struct api_request *request, struct api_reply *reply)
{
	struct posture_call call;
	struct auth_scope scope;
	struct finding finding;
	struct jsonw *json;
	int error;

	if (!posture_finding(request, reply, AUTH_FINDINGS_READ, &scope, &finding))
		return;
	posture_call(request, &scope.scope, FINDING_BY_OWNER, &call);
	json = api_reply_json(reply, 200);
	jsonw_object_begin(json);
	jsonw_kv_array_begin(json, "items");
	error = finding_proof_each(&call.call, finding.id, write_proof, json);
	jsonw_array_end(json);
	jsonw_kv_null(json, "next");
	jsonw_object_end(json);
	if (error)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

struct history {
	struct jsonw *json;
	size_t count, limit;
	uint64_t last;
	bool more;
};

/* Who reads findings may not read the whole audit log, so addresses stay out, and people are named without their numbers. */
static int write_entry(void *context, const struct audit_entry *entry)
{
	struct history *history = context;
	struct jsonw *json = history->json;
	size_t blank = bytes_index(entry->actor, ' ');

	history->more = history->count == history->limit;
	if (history->more)
		return 1;
	history->count++;
	history->last = (uint64_t)entry->sequence;
	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)entry->sequence);
	console_kv_time(json, "time", entry->time_us);
	jsonw_kv_string_bytes(
		json, "actor", blank < entry->actor.size ? bytes_skip(entry->actor, blank + 1) : entry->actor);
	jsonw_kv_string_bytes(json, "action", entry->action);
	console_kv_json(json, "detail", entry->detail);
	jsonw_object_end(json);
	return 0;
}

void handle_list_finding_history(struct api_request *request, struct api_reply *reply)
{
	struct history history = { .limit = (size_t)console_query_i64(request, "limit", 100) };
	struct api_position from;
	struct auth_scope scope;
	struct finding finding;
	char subject[48];
	int error;

	if (!api_page_begin(request, reply, &from) ||
		!posture_finding(request, reply, AUTH_FINDINGS_READ, &scope, &finding))
		return;
	snprintf(subject, sizeof(subject), "finding:%lld", (long long)finding.id);
	history.json = api_reply_json(reply, 200);
	jsonw_object_begin(history.json);
	jsonw_kv_array_begin(history.json, "items");
	error = audit_each_of(console_db(request), &scope.scope, subject, (int64_t)from.id, (uint32_t)history.limit + 1,
		write_entry, &history);
	jsonw_array_end(history.json);
	api_page_end(request, history.json, history.more, (struct api_position){ .id = history.last });
	jsonw_object_end(history.json);
	if (error < 0)
		api_reply_error(reply, error, NULL);
	auth_scope_done(&scope);
}

/* ---- Changes ---- */

static int64_t body_time(const struct api_request *request, const char *key)
{
	struct bytes text = bytes_from_str(console_body_text(request, key) ? console_body_text(request, key) : "");
	int64_t time_us = 0;

	return bytes_empty(text) || moment_parse(text, &time_us) ? 0 : time_us;
}

static void answer_change(struct api_request *request, struct api_reply *reply, const struct posture_call *call,
	int error, const struct finding *finding)
{
	if (error) {
		posture_refuse(request, reply, call, error);
		return;
	}
	posture_told(console_of(request), finding->tenant, finding->id);
	reply_finding(request, reply, finding);
}

/* Who may judge at this tenant does so; but that something is fixed is said by an owner. */
static enum finding_part part_of(const struct api_request *request, const struct finding *finding, int to)
{
	bool judge = auth_check(
		console_principal(request), console_worker_of(request)->tree, AUTH_FINDINGS_JUDGE, finding->tenant);

	return judge && to != FINDING_CLAIMED ? FINDING_BY_APPROVER : FINDING_BY_OWNER;
}

void handle_change_finding(struct api_request *request, struct api_reply *reply)
{
	int to = state_of(bytes_from_str(console_body_text(request, "to")));
	struct finding_change change = { .to = (enum finding_state)to,
		.reason = console_body_text(request, "reason"),
		.expires_us = body_time(request, "until") };
	struct posture_call call;
	struct auth_scope scope;
	struct finding finding;
	int error;

	if (!posture_finding(request, reply, AUTH_FINDINGS_WRITE, &scope, &finding))
		return;
	if (api_reply_matches(reply, (uint64_t)finding.revision)) {
		change.id = finding.id;
		change.revision = finding.revision;
		posture_call(request, &scope.scope, part_of(request, &finding, to), &call);
		error = finding_change(&call.call, &change, &finding);
		answer_change(request, reply, &call, error, &finding);
	}
	auth_scope_done(&scope);
}

/* In one transaction, because hub/posture does not ask for the revision here. */
static int set_date(const struct posture_call *call, struct api_reply *reply, const struct api_request *request,
	struct finding *finding, bool *ret_matches)
{
	int error = db_begin(call->call.db);

	if (!error)
		error = finding_get(&call->call, finding->id, finding);
	*ret_matches = !error && api_reply_matches(reply, (uint64_t)finding->revision);
	if (!error && *ret_matches)
		error = finding_set_date(
			&call->call, finding->id, body_time(request, "date"), console_body_text(request, "reason"));
	if (!error && *ret_matches)
		error = finding_get(&call->call, finding->id, finding);
	if (!error)
		return db_commit(call->call.db);
	db_rollback(call->call.db);
	return error;
}

void handle_set_finding_date(struct api_request *request, struct api_reply *reply)
{
	struct posture_call call;
	struct auth_scope scope;
	struct finding finding;
	bool matches = false;
	int error;

	if (!posture_finding(request, reply, AUTH_FINDINGS_JUDGE, &scope, &finding))
		return;
	posture_call(request, &scope.scope, FINDING_BY_APPROVER, &call);
	error = set_date(&call, reply, request, &finding, &matches);
	if (error || matches)
		answer_change(request, reply, &call, error, &finding);
	auth_scope_done(&scope);
}
