// SPDX-License-Identifier: Apache-2.0
#include "hub/core/policies.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/holdfile.h"
#include "hub/core/holds.h"
#include "hub/core/internal.h"

enum { TOLD_SIZE = 128 };

static bool serves(const void *context, uint32_t tenant)
{
	return serving_has(context, tenant);
}

/* Under the lock: the rows of all edges, made anew when something that they depend on has changed. */
static int refresh(struct core *core, int64_t now_us)
{
	struct policies *policies = &core->policies;
	struct policy_sites sites;
	struct policyfile fresh;
	int error;

	policies_look(core);
	if (policies->has_resolved && policies->resolved_marker == policies->marker)
		return 0;
	error = policy_resolve(core->db, &fresh);
	if (error)
		return error;
	error = policy_sites_resolve(core->db, now_us, &sites);
	if (error) {
		policyfile_done(&fresh);
		return error;
	}
	policyfile_done(&policies->resolved);
	policies->resolved = fresh;
	policy_sites_done(&policies->sites);
	policies->sites = sites;
	policies->resolved_marker = policies->marker;
	policies->has_resolved = true;
	return 0;
}

/* Says at the edge what is left out of its files, and why. */
static int note_sent(struct core *core, uint32_t edge, const struct policy_bundle *bundle,
	const struct serving *serving, int64_t now_us)
{
	char why[POLICY_WHY_SIZE] = "";
	size_t sites = 0;
	int error = policy_sites_left_out(&core->policies.sites, serves, serving, &sites);

	if (!error && (bundle->left_out || sites)) {
		snprintf(why, sizeof(why),
			"No room for %zu assets and %zu sites of organisations that have more than their share",
			bundle->left_out, sites);
		core->stats.policy_left_out += bundle->left_out + sites;
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "policy of edge %u: %s", edge, why);
	}
	return error ? error : policy_rollout_note(core->db, edge, bundle->version, POLICY_ROLLOUT_SENT, why, now_us);
}

int core_policy_fetch(struct core *core, uint32_t edge, uint64_t have, int64_t now_us, struct policy_bundle *ret)
{
	struct policy_bundle bundle = { 0 };
	struct serving serving;
	struct bytes holds = { 0 };
	struct jsonw json;
	int error;

	core_lock(core);
	error = refresh(core, now_us);
	serving_begin(core->edges, edge, core->tree, &serving);
	jsonw_init(&json, HOLDFILE_SIZE_MAX);
	if (!error)
		error = holds_file(core->holds, edge, &serving, &core->policies.sites, &json, &holds);
	if (!error)
		error = policy_pack(
			&core->policies.resolved, holds, edge, serves, &serving, now_us, core->secret_key, &bundle);
	jsonw_done(&json);
	if (!error && bundle.tag != have)
		error = note_sent(core, edge, &bundle, &serving, now_us);
	serving_end(&serving);
	core_unlock(core);
	if (error || bundle.tag == have) {
		free(bundle.text);
		bundle.text = NULL;
	}
	*ret = bundle;
	return error;
}

int core_policy_word(struct core *core, uint32_t edge, const struct core_policy_word *word, int64_t now_us)
{
	const struct edge_view *view;
	int error = 0;

	core_lock(core);
	view = edges_find(core->edges, edge);
	if (!view)
		error = LUYTRE_E_NOT_FOUND;
	else if (word->failed)
		error = policy_rollout_note(core->db, edge, word->failed, POLICY_ROLLOUT_FAILED, word->why, now_us);
	else if (word->stands && word->stands != view->policy)
		error = policy_rollout_note(core->db, edge, word->stands, POLICY_ROLLOUT_STANDING, NULL, now_us);
	core_unlock(core);
	return error;
}

/* ---- Telling ---- */

void policies_tell(struct core *core)
{
	char text[TOLD_SIZE];
	int size = snprintf(text, sizeof(text), "{\"version\":%u,\"stamp\":%lld}", core->policies.standing,
		(long long)core->policies.stamp);

	if (core->calls.policy && core->policies.standing)
		core->calls.policy(core->calls.context, bytes_of(text, (size_t)size));
}

static uint64_t marker_of(const struct core *core, uint32_t standing)
{
	uint64_t marker = (uint64_t)core->generation * 31 + standing;

	for (size_t i = 0; i < edges_count(core->edges); i++)
		marker = marker * 31 + (uint64_t)edges_at(core->edges, i)->revision;
	return marker;
}

void policies_look(struct core *core)
{
	struct policies *policies = &core->policies;
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	uint32_t standing = 0;
	uint64_t marker;
	int error = policy_standing(core->db, &standing);

	if (error) {
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "which policy stands cannot be read: %s",
			error_text(error, LUYTRE_LANG_EN));
		return;
	}
	marker = marker_of(core, standing);
	if (policies->standing == standing && policies->marker == marker &&
		policies->holds == holds_generation(core->holds))
		return;
	policies->holds = holds_generation(core->holds);
	policies->standing = standing;
	policies->marker = marker;
	policies->stamp = now_us > policies->stamp ? now_us : policies->stamp + 1;
	policies_tell(core);
}

void core_policy_changed(struct core *core)
{
	core_lock(core);
	policies_look(core);
	core_unlock(core);
}
