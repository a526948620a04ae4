// SPDX-License-Identifier: Apache-2.0
#include "gate/hold/replay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "gate/output/event.h"

struct hold_replay {
	const struct hold_samples *samples;
	const struct hold_duty *duty;
	int64_t stamp;
	const struct holdfile_row *rows, *sites;
	size_t row_count, site_count;
	uint64_t *rules; /* each once, sorted */
	size_t rule_count;
	struct hold_result *results; /* by rule, then plan */
	struct gate_plan **plans; /* each is kept by its site */
	struct gate_site **gates;
	size_t plan_count;
	struct gate_worker *worker; /* of its own: what is played is in no counter and no collection */
	size_t next; /* of results */
};

static int compare_rules(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int take_rules(struct hold_replay *replay, size_t plan_count)
{
	size_t kept = 0;

	replay->rules = calloc(replay->row_count + 1, sizeof(*replay->rules));
	if (!replay->rules)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < replay->row_count; i++)
		replay->rules[i] = replay->rows[i].rule;
	qsort(replay->rules, replay->row_count, sizeof(*replay->rules), compare_rules);
	for (size_t i = 0; i < replay->row_count; i++) {
		if (kept == 0 || replay->rules[kept - 1] != replay->rules[i])
			replay->rules[kept++] = replay->rules[i];
	}
	replay->rule_count = kept;
	replay->results = calloc(kept * plan_count + 1, sizeof(*replay->results));
	return replay->results ? 0 : LUYTRE_E_NOMEM;
}

static int take_plans(struct hold_replay *replay, struct gate_plan *const *plans, size_t plan_count)
{
	static const struct gate_site_settings settings = { .name = "luytre-holds", .mode = GATE_SHADOW };
	int error = 0;

	replay->plans = calloc(plan_count + 1, sizeof(struct gate_plan *));
	replay->gates = calloc(plan_count + 1, sizeof(struct gate_site *));
	replay->worker = gate_worker_new();
	if (!replay->plans || !replay->gates || !replay->worker)
		return LUYTRE_E_NOMEM;
	if (plan_count != 0)
		memcpy(replay->plans, plans, plan_count * sizeof(struct gate_plan *));
	for (; replay->plan_count < plan_count && error == 0; replay->plan_count += error == 0)
		error = gate_site_new(plans[replay->plan_count], &settings, &replay->gates[replay->plan_count]);
	return error;
}

int hold_replay_new(const struct hold_places *places, const struct hold_samples *samples, const struct hold_duty *duty,
	struct gate_plan *const *plans, size_t plan_count, struct hold_replay **ret)
{
	struct hold_replay *replay = calloc(1, sizeof(*replay));
	int error;

	if (!replay)
		return LUYTRE_E_NOMEM;
	replay->samples = samples;
	replay->duty = duty;
	if (places) {
		replay->stamp = hold_places_stamp(places);
		replay->rows = hold_places_rows(places, &replay->row_count);
		if (hold_places_modes(places))
			replay->sites = hold_modes_rows(hold_places_modes(places), &replay->site_count);
	}
	error = take_rules(replay, plan_count);
	if (error == 0)
		error = take_plans(replay, plans, plan_count);
	if (error < 0) {
		hold_replay_free(replay);
		return error;
	}
	*ret = replay;
	return 0;
}

void hold_replay_free(struct hold_replay *replay)
{
	if (!replay)
		return;
	for (size_t i = 0; i < replay->plan_count; i++)
		gate_site_unref(replay->gates[i]);
	free(replay->plans);
	free(replay->gates);
	gate_worker_free(replay->worker);
	free(replay->rules);
	free(replay->results);
	free(replay);
}

/* ---- playing ---- */

static enum hold_outcome play(
	const struct hold_replay *replay, struct gate_site *site, uint64_t rule_id, const struct hold_sample *sample)
{
	const struct gate_armed armed = { .rule = rule_id, .hold = rule_id, .enforce = true };
	enum hold_outcome outcome;
	struct gate_tx *tx;

	if (!sample || gate_tx_new(replay->worker, site, &tx) < 0)
		return HOLD_NONE;
	gate_tx_arm(tx, &armed, 1);
	hold_sample_play(sample, tx);
	outcome = gate_tx_verdict(tx)->action != GATE_PASS ? HOLD_STOPPED : HOLD_PASSED;
	gate_tx_free(tx);
	return outcome;
}

/* Of what was found in one plan and what in those before: what is not as it should be wins. */
static enum hold_outcome worse(enum hold_outcome before, enum hold_outcome now, enum hold_outcome bad)
{
	if (before == bad || now == bad)
		return bad;
	return now == HOLD_NONE ? before : now;
}

static void play_rule(struct hold_replay *replay, size_t next)
{
	uint64_t rule = replay->rules[next / replay->plan_count];
	size_t plan = next % replay->plan_count;
	struct hold_result *result = &replay->results[next];

	result->known = gate_plan_has_hold(replay->plans[plan], rule);
	if (!result->known)
		return;
	result->attack = play(replay, replay->gates[plan], rule, hold_samples_attack(replay->samples, rule));
	result->twin = play(replay, replay->gates[plan], rule, hold_samples_twin(replay->samples, rule));
}

bool hold_replay_step(struct hold_replay *replay, uint64_t budget_ns)
{
	size_t end = replay->rule_count * replay->plan_count;
	uint64_t start_ns = clock_mono_ns();

	while (replay->next < end) {
		play_rule(replay, replay->next++);
		if (clock_mono_ns() - start_ns >= budget_ns)
			break;
	}
	return replay->next >= end;
}

struct hold_result hold_replay_result(const struct hold_replay *replay, size_t row)
{
	const uint64_t *rule =
		bsearch(&replay->rows[row].rule, replay->rules, replay->rule_count, sizeof(*rule), compare_rules);
	const struct hold_result *results = &replay->results[(size_t)(rule - replay->rules) * replay->plan_count];
	struct hold_result all = { 0 };
	bool needed = false, lacking = false;

	for (size_t i = 0; i < replay->plan_count; i++)
		needed |= hold_duty_needs(replay->duty, row, i);
	for (size_t i = 0; i < replay->plan_count; i++) {
		if (needed && !hold_duty_needs(replay->duty, row, i))
			continue;
		lacking |= !results[i].known;
		all.known |= results[i].known;
		all.attack = worse(all.attack, results[i].attack, HOLD_PASSED);
		all.twin = worse(all.twin, results[i].twin, HOLD_STOPPED);
	}
	/* A site with a plan that lacks it is not held, whatever the others do. */
	return needed && lacking ? (struct hold_result){ 0 } : all;
}

/* ---- telling ---- */

size_t hold_report_parts(const struct hold_replay *replay)
{
	size_t count = replay->row_count > replay->site_count ? replay->row_count : replay->site_count;

	return count == 0 ? 1 : (count + HOLD_REPORT_ROWS - 1) / HOLD_REPORT_ROWS;
}

static void write_row(const struct hold_replay *replay, size_t number, struct jsonw *json)
{
	static const char *const words[] = {
		[HOLD_NONE] = "none", [HOLD_STOPPED] = "stopped", [HOLD_PASSED] = "passed"
	};
	const struct holdfile_row *row = &replay->rows[number];
	struct hold_result result = hold_replay_result(replay, number);

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "hold", row->hold);
	jsonw_kv_u64(json, "rule", row->rule);
	jsonw_kv_string(json, "mode", holdfile_modes[row->mode]);
	jsonw_kv_bool(json, "known", result.known);
	jsonw_kv_string(json, "attack", words[result.attack]);
	jsonw_kv_string(json, "twin", words[result.twin]);
	jsonw_object_end(json);
}

static void write_site(const struct hold_replay *replay, size_t number, struct jsonw *json)
{
	const struct holdfile_row *row = &replay->sites[number];

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "asset", row->asset);
	jsonw_kv_string(json, "mode", holdfile_sites[row->edge_only ? HOLDFILE_SITE_OFF : row->mode]);
	jsonw_kv_bool(json, "edge_only", row->edge_only);
	jsonw_kv_bool(json, "stands", hold_duty_stands(replay->duty, number));
	jsonw_object_end(json);
}

void hold_report_write(
	const struct hold_replay *replay, const struct hold_reporter *reporter, size_t part, struct jsonw *json)
{
	size_t first = part * HOLD_REPORT_ROWS;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	jsonw_object_begin(json);
	event_put_time(json, &now);
	jsonw_kv_string(json, "event_type", "holds");
	jsonw_kv_i64(json, "stamp", replay->stamp);
	jsonw_kv_string(json, "gate", reporter->gate);
	jsonw_kv_u64(json, "worker", reporter->worker);
	jsonw_kv_u64(json, "workers", reporter->workers);
	jsonw_kv_array_begin(json, "holds");
	for (size_t i = first; i < replay->row_count && i < first + HOLD_REPORT_ROWS; i++)
		write_row(replay, i, json);
	jsonw_array_end(json);
	if (replay->site_count != 0) {
		jsonw_kv_array_begin(json, "sites");
		for (size_t i = first; i < replay->site_count && i < first + HOLD_REPORT_ROWS; i++)
			write_site(replay, i, json);
		jsonw_array_end(json);
	}
	jsonw_kv_u64(json, "part", part + 1);
	jsonw_kv_u64(json, "parts", hold_report_parts(replay));
	jsonw_object_end(json);
}
