// SPDX-License-Identifier: Apache-2.0
/* "holds [all]": what stands before weaknesses, and at which edges; with "all" what was lifted too. In pages: the core's lock is held for moments. */
#include <stdlib.h>
#include <string.h>

#include "base/holdfile.h"
#include "hub/core/holds.h"
#include "hub/daemon/internal.h"

enum { PAGE = 50, LIST_MAX = 10000 };

struct page {
	struct hub *hub;
	struct jsonw *out;
	struct holdrules *rules;
	bool all;
	int64_t before;
	size_t seen, count;
};

static int row_text(void *context, const struct db_value *columns, size_t column_count)
{
	jsonw_kv_string_bytes(context, "asset", columns[0].bytes);
	jsonw_kv_string_bytes(context, "tenant", columns[1].bytes);
	return 0;
}

static int write_edge(void *context, const struct hold_edge *edge)
{
	const struct page *page = context;
	const struct edge_view *view = edges_find(core_edges(page->hub->core), edge->edge);

	jsonw_object_begin(page->out);
	jsonw_kv_u64(page->out, "edge", edge->edge);
	jsonw_kv_string(page->out, "name", view ? view->name : "");
	jsonw_kv_string(page->out, "mode", edge->enforce ? "enforce" : "shadow");
	jsonw_kv_string(page->out, "proof", hold_verdicts[edge->verdict].word);
	jsonw_kv_bool(page->out, "stands", edge->stands_us != 0);
	jsonw_object_end(page->out);
	return 0;
}

static int write_hold(void *context, const struct hold *hold)
{
	struct page *page = context;
	struct db *db = core_db(page->hub->core);
	const struct holdrule *rule = holdrules_find(page->rules, (enum holdrule_kind)hold->part, hold->rule);
	int error;

	page->seen++;
	page->before = hold->id;
	if (hold->state == HOLD_LIFTED && !page->all)
		return 0;
	page->count++;
	jsonw_object_begin(page->out);
	jsonw_kv_i64(page->out, "hold", hold->id);
	jsonw_kv_u64(page->out, "rule", hold->rule);
	jsonw_kv_string(page->out, "part", holdfile_parts[hold->part]);
	jsonw_kv_string(page->out, "title", rule ? rule->title : "");
	error = db_each(db,
		"select asset.value, tenant.name from asset join system on system.id = asset.system"
		" join tenant on tenant.id = system.tenant where asset.id = ?1",
		DB_ARGS(db_i64(hold->asset)), row_text, page->out);
	jsonw_kv_string(page->out, "state", hold_states[hold->state].word);
	jsonw_kv_string(page->out, "state_en", hold_states[hold->state].en);
	jsonw_kv_string(page->out, "state_vi", hold_states[hold->state].vi);
	jsonw_kv_string(page->out, "proof", hold_verdicts[hold->verdict].word);
	jsonw_kv_string(page->out, "proof_en", hold_verdict_text(hold->part, hold->verdict, false));
	jsonw_kv_string(page->out, "proof_vi", hold_verdict_text(hold->part, hold->verdict, true));
	jsonw_kv_u64(page->out, "findings", hold->finding_count);
	jsonw_kv_u64(page->out, "standing", hold->edge_count);
	jsonw_kv_array_begin(page->out, "edges");
	if (!error)
		error = hold_edge_each(db, hold->id, write_edge, page);
	jsonw_array_end(page->out);
	jsonw_object_end(page->out);
	return error;
}

int hub_write_holds(struct hub *hub, bool all, struct jsonw *out)
{
	const struct scope nation = { .all = true };
	struct page page = { .hub = hub, .out = out, .all = all, .rules = core_hold_rules(hub->core) };
	int error = 0;

	jsonw_object_begin(out);
	jsonw_kv_array_begin(out, "holds");
	do {
		const struct hold_query query = { .state = HOLD_STATE_COUNT, .before = page.before, .limit = PAGE };

		page.seen = 0;
		core_lock(hub->core);
		error = hold_each(core_db(hub->core), &nation, &query, write_hold, &page);
		core_unlock(hub->core);
	} while (!error && page.seen == PAGE && page.count < LIST_MAX);
	jsonw_array_end(out);
	jsonw_kv_u64(out, "rules", holdrules_count(page.rules));
	jsonw_object_end(out);
	holdrules_unref(page.rules);
	return error;
}
