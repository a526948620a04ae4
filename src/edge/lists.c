// SPDX-License-Identifier: Apache-2.0
/* The decisions of an edge: what the configuration says (lists.h), and what the operator said. All of
 * them are loaded in one bulk, so that a reload is one flip of a generation. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "edge/internal.h"
#include "shield/lists.h"

#define OPERATOR_FILE "decisions"
#define HUB_FILE      "hub-decisions"
#define BIT(list)     (1ull << (list))

/* Carries decisions over that belong to no file. */
static int put_again(struct edge *edge, uint32_t list)
{
	struct decisions_cursor cursor = { 0 };
	struct decisions_view views[256];
	bool done = false;

	while (!done) {
		size_t count = decisions_list(
			edge->decisions, list, clock_mono_ns(), &cursor, views, ARRAY_COUNT(views), &done);

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

static void saved_path(const struct edge *edge, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", edge->config->state_dir, name);
}

/* The first load of this process: what an earlier one saved takes the place of what it knew. */
static int put_saved(struct edge *edge, const char *name, uint64_t lists)
{
	char path[PATH_MAX];
	size_t put = 0, left_out = 0;
	int code;

	saved_path(edge, name, path);
	code = decisions_restore(edge->decisions, path, lists, clock_now(), tenant_slot, edge, &put, &left_out);
	if (code == LUYTRE_E_NOT_FOUND)
		return 0;
	if (code == LUYTRE_E_CORRUPT || code == LUYTRE_E_VERSION || code == LUYTRE_E_IO) {
		log_warn("%s: %s The decisions in it are lost.", path, error_text(code, LUYTRE_LANG_EN));
		return 0;
	}
	if (!code)
		log_info("%s: %zu decisions restored, %zu out of date", name, put, left_out);
	return code;
}

/* What is not in the configuration. */
static int put_others(struct edge *edge, bool first)
{
	static const uint32_t kept[] = { LISTS_OPERATOR, LISTS_HUB, LISTS_EDGE };
	int error = 0;

	if (first) {
		error = put_saved(edge, OPERATOR_FILE, BIT(LISTS_OPERATOR));
		return error || !edge->hub ? error : put_saved(edge, HUB_FILE, BIT(LISTS_HUB));
	}
	for (size_t i = 0; i < ARRAY_COUNT(kept) && !error; i++)
		error = put_again(edge, kept[i]);
	return error;
}

static bool is_never(const struct config_prefixes *never, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < never->count; i++)
		if (ip_prefix_covers(&never->items[i], prefix) || ip_prefix_covers(prefix, &never->items[i]))
			return true;
	return false;
}

/* What an earlier process saved of the hub's may have been put on hub.never_block meanwhile. The link keeps such decisions away from then
 * on. */
static void drop_never(struct edge *edge, const struct config_prefixes *never)
{
	struct decisions_cursor cursor = { 0 };
	struct decisions_view views[256];
	bool done = never->count == 0;

	while (!done) {
		size_t count = decisions_list(
			edge->decisions, LISTS_HUB, clock_mono_ns(), &cursor, views, ARRAY_COUNT(views), &done);

		for (size_t i = 0; i < count; i++)
			if (is_never(never, &views[i].decision.prefix))
				(void)!decisions_remove(edge->decisions, &views[i].decision, clock_mono_ns());
	}
}

int edge_load_lists(struct edge *edge, const struct config *config, char *why, size_t why_size)
{
	bool first = !edge->config_loaded.mono_ns;
	int error;

	edge_hub_reloading(edge);
	error = decisions_begin(edge->decisions, DECISIONS_ALL, clock_mono_ns());
	why[0] = 0;
	if (!error)
		error = lists_put(edge->decisions, edge->policy, config, why, why_size);
	if (!error)
		error = put_others(edge, first);
	if (!error)
		error = decisions_commit(edge->decisions, clock_mono_ns());
	if (!error) {
		if (first)
			drop_never(edge, &config->hub.never_block);
		return 0;
	}
	if (!why[0])
		lists_explain_error(edge->decisions, error, why, why_size);
	decisions_abort(edge->decisions);
	return error;
}

static void save(struct edge *edge, const char *name, uint64_t lists)
{
	char path[PATH_MAX];
	int code;

	saved_path(edge, name, path);
	code = decisions_save(edge->decisions, path, lists, clock_now(), tenant_name, edge);
	if (code)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "%s cannot be written: %s", path,
			error_text(code, LUYTRE_LANG_EN));
}

void edge_save_decisions(struct edge *edge)
{
	save(edge, OPERATOR_FILE, BIT(LISTS_OPERATOR));
}

void edge_save_hub_decisions(struct edge *edge)
{
	save(edge, HUB_FILE, BIT(LISTS_HUB));
}
