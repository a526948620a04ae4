// SPDX-License-Identifier: Apache-2.0
#include "hub/console/posture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/api/share.h"
#include "hub/findings/cvss.h"
#include "hub/core/holds.h"
#include "hub/posture/catalogues.h"
#include "hub/posture/explain.h"
#include "hub/posture/history.h"
#include "hub/posture/report.h"

#define HOUR_US INT64_C(3600000000)

static const char *const severity_words[] = { "none", "low", "medium", "high", "critical" };

struct posture {
	struct console *console;
	struct facts *facts;
	char *state_dir, *place, *keys_path;
	struct api_share *waiting; /* bytes of reports */
	int64_t written_us; /* the daily figures, last */
	int64_t change; /* the newest of any finding that consoles were told of; -1: none yet */
};

/* What was running here when the hub ended is over. */
static int open_place(struct posture *posture)
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) || asprintf(&posture->place, "%s:%s", host, posture->state_dir) < 0) {
		posture->place = NULL;
		return LUYTRE_E_NOMEM;
	}
	if (asprintf(&posture->keys_path, "%s/" CATALOGUES_KEYS, posture->state_dir) < 0) {
		posture->keys_path = NULL;
		return LUYTRE_E_NOMEM;
	}
	return report_recover(posture->console->db, posture->place, (int64_t)(clock_real_ns() / NS_PER_US));
}

int posture_new(struct console *console, const char *state_dir, uint64_t waiting_share, struct posture **ret)
{
	struct posture *posture = calloc(1, sizeof(*posture));
	int error;

	if (!posture)
		return LUYTRE_E_NOMEM;
	posture->console = console;
	posture->change = -1;
	posture->state_dir = strdup(state_dir);
	posture->waiting = api_share_new(POSTURE_WAITING_MAX, waiting_share ? waiting_share : POSTURE_WAITING_SHARE);
	error = posture->state_dir && posture->waiting ? posture_setup(console->db) : LUYTRE_E_NOMEM;
	if (!error)
		error = history_setup(console->db);
	if (!error)
		error = report_setup(console->db);
	if (!error)
		error = catalogues_setup(console->db);
	if (!error)
		error = open_place(posture);
	if (!error)
		error = facts_new(&posture->facts);
	if (error)
		posture_free(posture);
	else
		*ret = posture;
	return error;
}

void posture_free(struct posture *posture)
{
	if (!posture)
		return;
	facts_free(posture->facts);
	api_share_free(posture->waiting);
	free(posture->state_dir);
	free(posture->place);
	free(posture->keys_path);
	free(posture);
}

struct facts *posture_facts(struct posture *posture)
{
	return posture->facts;
}

int posture_respool(struct posture *posture, uint32_t account, uint64_t size)
{
	return api_share_take(posture->waiting, account, size);
}

void posture_unspool(struct posture *posture, uint32_t account, uint64_t size)
{
	api_share_give(posture->waiting, account, size);
}

const char *posture_keys_path(const struct posture *posture)
{
	return posture->keys_path;
}

const char *posture_place(const struct posture *posture)
{
	return posture->place;
}

int posture_spool(const struct posture *posture, int *ret_fd)
{
	*ret_fd = open(posture->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return *ret_fd < 0 ? LUYTRE_E_IO : 0;
}

/* Whoever has changed findings, another hub or a thread of the core: consoles are told to read anew. */
static int tell_changes(struct posture *posture, struct db *db)
{
	int64_t change = 0;
	int error = db_integer(db, "select coalesce(max(change), 0) from finding", DB_NO_ARGS, &change);

	if (!error && posture->change >= 0 && change != posture->change)
		console_publish(posture->console, CONSOLE_TOPIC_FINDINGS, CONSOLE_EVERYBODY,
			bytes_from_str("{\"op\":\"many\"}"));
	posture->change = change;
	return error;
}

int posture_look(struct posture *posture, struct db *db, int64_t now_us)
{
	int error = tell_changes(posture, db);

	if (error || (posture->written_us && now_us - posture->written_us < HOUR_US &&
			     now_us / CLOCK_DAY_US == posture->written_us / CLOCK_DAY_US))
		return error;
	error = history_write(db, posture->facts, now_us);
	if (!error)
		posture->written_us = now_us;
	return error;
}

/* ---- Calls ---- */

void posture_call(
	const struct api_request *request, const struct scope *scope, enum finding_part part, struct posture_call *ret)
{
	console_call(request, &ret->who);
	ret->why = FINDING_NO_REASON;
	ret->call = (struct finding_call){
		.db = console_db(request), .scope = scope, .origin = &ret->who.origin, .part = part, .why = &ret->why
	};
}

void posture_refuse(
	const struct api_request *request, struct api_reply *reply, const struct posture_call *call, int error)
{
	static const enum api_problem problems[FINDING_REASON_COUNT] = {
		[FINDING_WHY_KIND] = API_PROBLEM_INVALID,
		[FINDING_WHY_NAMELESS] = API_PROBLEM_INVALID,
		[FINDING_WHY_ASSET] = API_PROBLEM_NOT_FOUND,
		[FINDING_WHY_TRANSITION] = API_PROBLEM_CONFLICT,
		[FINDING_WHY_PART] = API_PROBLEM_FORBIDDEN,
		[FINDING_WHY_SAME_PERSON] = API_PROBLEM_FORBIDDEN,
		[FINDING_WHY_REASON] = API_PROBLEM_INVALID,
		[FINDING_WHY_EXPIRY] = API_PROBLEM_INVALID,
		[FINDING_WHY_REVISION] = API_PROBLEM_CHANGED,
	};

	if (call->why)
		api_reply_problem(reply, problems[call->why], finding_reason_text(call->why, request->lang));
	else
		api_reply_error(reply, error, NULL);
}

bool posture_finding(const struct api_request *request, struct api_reply *reply, enum auth_permission permission,
	struct auth_scope *ret_scope, struct finding *ret)
{
	struct posture_call call;
	uint64_t id;
	int error;

	if (!console_path_id(request, reply, "finding", &id) || !console_scope(request, reply, permission, ret_scope))
		return false;
	posture_call(request, &ret_scope->scope, FINDING_BY_OWNER, &call);
	error = finding_get(&call.call, (int64_t)id, ret);
	if (!error)
		return true;
	auth_scope_done(ret_scope);
	api_reply_error(reply, error, NULL);
	return false;
}

/* ---- Out ---- */

/* What the finding belongs to, as people call it. */
struct names {
	struct jsonw *json;
	uint32_t level;
};

static int row_names(void *context, const struct db_value *columns, size_t column_count)
{
	static const char *const keys[] = { "tenant_name", "system_name", "asset_value" };
	struct names *names = context;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (columns[i].type == DB_NULL)
			jsonw_kv_null(names->json, keys[i]);
		else
			jsonw_kv_string_bytes(names->json, keys[i], columns[i].bytes);
	names->level = (uint32_t)columns[3].integer;
	return 0;
}

static void write_score(struct jsonw *json, const struct finding *finding)
{
	struct cvss cvss;

	if (!finding->vector[0] || cvss_score(bytes_from_str(finding->vector), &cvss) != 0)
		jsonw_kv_null(json, "score");
	else
		jsonw_kv_double(json, "score", (double)cvss.base10 / 10);
	console_kv_text_or_null(json, "vector", finding->vector);
}

static void write_place(struct jsonw *json, const struct finding *finding)
{
	jsonw_kv_string(json, "host", finding->host);
	jsonw_kv_u64(json, "protocol", finding->protocol);
	jsonw_kv_u64(json, "port", finding->port);
	jsonw_kv_string(json, "path", finding->path);
	console_kv_text_or_null(json, "cve", finding->cve);
	jsonw_kv_string(json, "tool", finding->tool);
	console_kv_text_or_null(json, "rule", finding->rule);
	jsonw_kv_string(json, "title", finding->title);
	jsonw_kv_string(json, "severity", severity_words[finding->severity > 4 ? 4 : finding->severity]);
	write_score(json, finding);
	jsonw_kv_bool(json, "exploited", finding->exploited);
	jsonw_kv_u64(json, "proofs", finding->proof_count);
	console_kv_time(json, "first_seen", finding->first_us);
	console_kv_time(json, "last_seen", finding->last_us);
}

static void write_state(struct jsonw *json, const struct finding *finding)
{
	jsonw_kv_string(json, "state", finding_states[finding->state].word);
	jsonw_kv_bool(json, "live", finding_states[finding->state].live);
	console_kv_time(json, "since", finding->since_us);
	console_kv_text_or_null(json, "reason", finding->reason);
	console_kv_text_or_null(json, "claimant", finding->claimant);
	console_kv_time_or_null(json, "accepted_until", finding->expires_us);
	if (finding->held_us) {
		jsonw_kv_object_begin(json, "hold");
		jsonw_kv_string(json, "rule", finding->hold);
		console_kv_time(json, "since", finding->held_us);
		jsonw_object_end(json);
	} else {
		jsonw_kv_null(json, "hold");
	}
	jsonw_kv_u64(json, "contradicted", finding->contradicted);
}

static void write_clock(struct jsonw *json, const struct finding *finding, uint32_t level, int64_t now_us)
{
	static const char *const answers[] = {
		[FINDING_UNKNOWN] = "unknown", [FINDING_NO] = "no", [FINDING_YES] = "yes"
	};
	char text[FINDING_SENTENCE_SIZE];
	int64_t late_us = finding->due_us == CLOCK_NO_DATE_US ? 0 : now_us - finding->due_us;
	bool live = finding_states[finding->state].live;

	jsonw_kv_string(json, "exposed", answers[finding->exposed]);
	jsonw_kv_bool(json, "kev", finding->kev);
	jsonw_kv_bool(json, "automatable", finding->automatable);
	jsonw_kv_bool(json, "total_impact", finding->total);
	jsonw_kv_bool(json, "forensic", finding->forensic);
	jsonw_kv_string(json, "step", clock_steps[finding->step].word);
	console_kv_time(json, "clock_start", finding->start_us);
	console_kv_time_or_null(json, "set_date", finding->set_us);
	console_kv_time_or_null(json, "due", finding->due_us == CLOCK_NO_DATE_US ? 0 : finding->due_us);
	jsonw_kv_bool(json, "overdue", live && late_us > 0);
	jsonw_kv_i64(json, "days_late", live && late_us > 0 ? late_us / CLOCK_DAY_US : 0);
	jsonw_kv_object_begin(json, "explanation");
	jsonw_kv_string(json, "vi", finding_explain(finding, level, LUYTRE_LANG_VI, text, sizeof(text)));
	jsonw_kv_string(json, "en", finding_explain(finding, level, LUYTRE_LANG_EN, text, sizeof(text)));
	jsonw_object_end(json);
}

int posture_write_finding(struct jsonw *json, struct db *db, const struct finding *finding, int64_t now_us)
{
	struct names names = { .json = json, .level = 1 };
	int error;

	jsonw_object_begin(json);
	console_kv_id(json, "id", (uint64_t)finding->id);
	jsonw_kv_i64(json, "revision", finding->revision);
	console_kv_id(json, "tenant", finding->tenant);
	console_kv_id(json, "system", finding->system);
	console_kv_id(json, "asset", finding->asset);
	error = db_each(db,
		"select tenant.name, system.name, asset.value, coalesce(system.level, 1) from finding"
		" left join tenant on tenant.id = finding.tenant left join system on system.id = finding.system"
		" left join asset on asset.id = finding.asset where finding.id = ?1",
		DB_ARGS(db_i64(finding->id)), row_names, &names);
	jsonw_kv_u64(json, "level", names.level);
	write_place(json, finding);
	write_state(json, finding);
	write_clock(json, finding, names.level, now_us);
	jsonw_object_end(json);
	return error;
}

static void kv_share(struct jsonw *json, const char *key, int64_t held, int64_t open)
{
	if (open)
		jsonw_kv_double(json, key, (double)held / (double)open);
	else
		jsonw_kv_null(json, key);
}

void posture_kv_sum(struct jsonw *json, const struct debt_sum *sum)
{
	const struct {
		const char *key;
		int64_t value;
	} rows[] = { { "open", sum->open }, { "held", sum->held }, { "open_weight", sum->open_weight },
		{ "held_weight", sum->held_weight }, { "met", sum->met }, { "due", sum->due },
		{ "overdue", sum->overdue }, { "contradicted", sum->contradicted }, { "excused", sum->excused },
		{ "principal", sum->principal }, { "age_days", sum->age_days }, { "interest", sum->interest } };

	kv_share(json, "held_share", sum->held, sum->open);
	kv_share(json, "held_share_weighted", sum->held_weight, sum->open_weight);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		jsonw_kv_i64(json, rows[i].key, rows[i].value);
}

void posture_told(struct console *console, uint32_t tenant, int64_t finding)
{
	char text[64];

	core_findings_changed(console->core);
	if (finding)
		snprintf(text, sizeof(text), "{\"id\":\"%lld\",\"op\":\"updated\"}", (long long)finding);
	else
		snprintf(text, sizeof(text), "{\"op\":\"many\"}");
	console_publish(
		console, CONSOLE_TOPIC_FINDINGS, tenant || finding ? tenant : CONSOLE_EVERYBODY, bytes_from_str(text));
}
