// SPDX-License-Identifier: Apache-2.0
/* The decisions of an edge: what the configuration says (lists.h), and what the operator said. All of
 * them are loaded in one bulk, so that a reload is one flip of a generation. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "edge/internal.h"
#include "shield/lists.h"

#define SAVED_LISTS (1ull << LISTS_OPERATOR)

/* Carries the operator's decisions over: they belong to no file. */
static int put_operator(struct edge *edge)
{
	struct decisions_cursor cursor = { 0 };
	struct decisions_view views[256];
	bool done = false;

	while (!done) {
		size_t count = decisions_list(
			edge->decisions, LISTS_OPERATOR, clock_mono_ns(), &cursor, views, ARRAY_COUNT(views), &done);

		for (size_t i = 0; i < count; i++)
			if (views[i].state != DECISIONS_EXPIRED) {
				int code = decisions_put(edge->decisions, &views[i].decision);

				if (code)
					return code;
			}
	}
	return 0;
}

static bool tenant_slot(void *user, const char *name, uint16_t *ret_slot)
{
	const struct edge *edge = user;
	uint32_t slot = policy_slot(edge->policy, name);

	*ret_slot = (uint16_t)slot;
	return slot || !strcmp(name, policy_name(edge->policy, 0));
}

static const char *tenant_name(void *user, uint16_t slot)
{
	const struct edge *edge = user;

	return policy_name(edge->policy, slot);
}

static void saved_path(const struct edge *edge, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/decisions", edge->config->state_dir);
}

/* The first load of this process: what an earlier one saved takes the place of what it knew. */
static int put_saved(struct edge *edge)
{
	char path[PATH_MAX];
	size_t put = 0, left_out = 0;
	int code;

	saved_path(edge, path);
	code = decisions_restore(edge->decisions, path, SAVED_LISTS, clock_now(), tenant_slot, edge, &put, &left_out);
	if (code == LUYTRE_E_NOT_FOUND)
		return 0;
	if (code == LUYTRE_E_CORRUPT || code == LUYTRE_E_VERSION || code == LUYTRE_E_IO) {
		log_warn("%s: %s The operator's earlier decisions are lost.", path, error_text(code, LUYTRE_LANG_EN));
		return 0;
	}
	if (!code)
		log_info("%zu decisions of the operator restored, %zu out of date", put, left_out);
	return code;
}

int edge_load_lists(struct edge *edge, const struct config *config, char *why, size_t why_size)
{
	bool first = !edge->config_loaded.mono_ns;
	int error = decisions_begin(edge->decisions, DECISIONS_ALL, clock_mono_ns());

	why[0] = 0;
	if (!error)
		error = lists_put(edge->decisions, edge->policy, config, why, why_size);
	if (!error)
		error = first ? put_saved(edge) : put_operator(edge);
	if (!error)
		error = decisions_commit(edge->decisions, clock_mono_ns());
	if (!error)
		return 0;
	if (!why[0])
		lists_explain_error(edge->decisions, error, why, why_size);
	decisions_abort(edge->decisions);
	return error;
}

void edge_save_decisions(struct edge *edge)
{
	char path[PATH_MAX];
	int code;

	saved_path(edge, path);
	code = decisions_save(edge->decisions, path, SAVED_LISTS, clock_now(), tenant_name, edge);
	if (code)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "%s cannot be written: %s", path,
			error_text(code, LUYTRE_LANG_EN));
}
