// SPDX-License-Identifier: Apache-2.0
/* What the hub knows of systems: open findings of the perimeter, holes that are in use and overdue, reports that were brought, what stands
 * before their assets. Read for all systems of a question at once: some six statements, whatever their number. */
#include <stdlib.h>

#include "hub/assess/internal.h"
#include "hub/posture/finding.h"

enum { EVIDENCE_SIZE_MAX = 256 << 20, RULES_MAX = 1 << 20, MONTH_DAYS = 31 };

struct loading {
	const struct assess_call *call;
	struct assess_evidence *evidence;
	struct judge_rule *rules; /* in the arena, of the system that is read */
	size_t rule_count, rule_room;
	uint32_t system;
};

static struct judge_evidence *find(const struct assess_evidence *evidence, int64_t system)
{
	size_t low = 0, high = evidence->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (evidence->systems[middle] == system)
			return &evidence->items[middle];
		if (evidence->systems[middle] < system)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- Findings ---- */

/* Room for one more rule of this system; rows come by system. The same rule again is the same: the first is kept. */
static int take_rule(struct loading *loading, struct judge_evidence *item, const struct db_value *columns)
{
	struct assess_evidence *evidence = loading->evidence;
	const char *rule;

	if (item->rule_count && bytes_equal_str(columns[1].bytes, item->rules[item->rule_count - 1].rule))
		return 0;
	if (loading->rule_count == loading->rule_room) { /* the system's rules stay side by side */
		size_t kept = item->rule_count;
		size_t room = kept < 512 ? 1024 : 2 * kept;
		struct judge_rule *rules =
			room > RULES_MAX ? NULL : arena_take(&evidence->arena, room * sizeof(*rules));

		if (!rules)
			return LUYTRE_E_NOMEM;
		if (kept)
			memcpy(rules, item->rules, kept * sizeof(*rules));
		loading->rules = rules;
		loading->rule_count = kept;
		loading->rule_room = room;
		item->rules = rules;
	}
	rule = arena_dup_str(&evidence->arena, columns[1].bytes);
	if (!rule)
		return LUYTRE_E_NOMEM;
	if (!item->rule_count)
		item->rules = &loading->rules[loading->rule_count];
	loading->rules[loading->rule_count++] = (struct judge_rule){ rule, columns[2].integer, columns[3].integer };
	item->rule_count++;
	return 0;
}

static int row_rule(void *context, const struct db_value *columns, size_t column_count)
{
	struct loading *loading = context;
	struct judge_evidence *item = find(loading->evidence, columns[0].integer);

	return item ? take_rule(loading, item, columns) : 0;
}

static int row_kev(void *context, const struct db_value *columns, size_t column_count)
{
	struct loading *loading = context;
	struct judge_evidence *item = find(loading->evidence, columns[0].integer);

	if (item)
		item->at_us[LAW_FACT_KEV_OVERDUE] = columns[1].integer;
	return 0;
}

static int row_report(void *context, const struct db_value *columns, size_t column_count)
{
	struct loading *loading = context;
	struct judge_evidence *item = find(loading->evidence, columns[0].integer);
	bool sbom = bytes_starts_with(columns[1].bytes, bytes_from_str("cyclonedx"));
	int64_t *at_us = item ? &item->at_us[sbom ? LAW_FACT_SBOM : LAW_FACT_SCAN] : NULL;

	if (at_us && *at_us < columns[2].integer)
		*at_us = columns[2].integer;
	return 0;
}

static int load_findings(struct loading *loading)
{
	const struct assess_evidence *evidence = loading->evidence;
	struct db *db = loading->call->db;
	const struct db_value first = db_i64(evidence->systems[0]),
			      last = db_i64(evidence->systems[evidence->count - 1]);
	int error = db_each(db,
		"select system, rule, id, first_us from finding where tool = ?1 and live = 1 and system between ?2 and "
		"?3"
		" order by system, rule, first_us, id",
		DB_ARGS(db_str(ASSESS_TOOL), first, last), row_rule, loading);

	if (!error)
		error = db_each(db,
			"select system, min(due_us) from finding where kev = 1 and live = 1 and due_us < ?1"
			" and system between ?2 and ?3 group by system",
			DB_ARGS(db_i64(loading->call->origin->now_us), first, last), row_kev, loading);
	if (!error)
		error = db_each(db,
			"select system, tool, max(last_us) from finding where tool in ('nessus', 'openvas', 'nuclei', "
			"'nmap',"
			" 'trivy', 'grype', 'cyclonedx', 'cyclonedx-xml') and system between ?1 and ?2 group by "
			"system, tool",
			DB_ARGS(first, last), row_report, loading);
	return error;
}

/* ---- What stands before them ---- */

/* Whether it has assets at all, and names or URLs for the gate: what is not there is protected by nobody. */
struct assets {
	const struct assess_evidence *evidence;
	uint8_t *has; /* by place: 1 any, 2 names */
};

static int row_assets(void *context, const struct db_value *columns, size_t column_count)
{
	const struct assets *assets = context;
	const struct judge_evidence *item = find(assets->evidence, columns[0].integer);

	if (item)
		assets->has[item - assets->evidence->items] = columns[1].integer > 0 ? 3 : 1;
	return 0;
}

static int load_assets(const struct loading *loading, uint8_t *has)
{
	const struct assess_evidence *evidence = loading->evidence;
	struct assets assets = { evidence, has };

	return db_each(loading->call->db,
		"select system, sum(case when kind in (?3, ?4) then 1 else 0 end) from asset"
		" where system between ?1 and ?2 group by system",
		DB_ARGS(db_i64(evidence->systems[0]), db_i64(evidence->systems[evidence->count - 1]),
			db_i64(ASSET_KIND_NAME), db_i64(ASSET_KIND_URL)),
		row_assets, &assets);
}

static void look_at_edges(
	const struct assess_call *call, uint32_t tenant, uint32_t system, uint8_t has, struct judge_evidence *item)
{
	const struct assess_platform *platform = call->platform;
	struct assess_standing standing = { false, false, false };

	if (has && platform && platform->look)
		platform->look(platform->context, tenant, system, &standing);
	item->at_us[LAW_FACT_SHIELD] = standing.shield ? call->origin->now_us : 0;
	item->at_us[LAW_FACT_SENSOR] = standing.sensor ? call->origin->now_us : 0;
	item->at_us[LAW_FACT_GATE] = standing.gate && has & 2 ? call->origin->now_us : 0;
}

static bool keeps_enough(const struct assess_call *call, uint32_t level)
{
	unsigned int months = law_log_months(call->law, level, call->origin->now_us);

	return call->platform && months && call->platform->keep_days >= (int64_t)months * MONTH_DAYS;
}

int assess_evidence_load(const struct assess_call *call, const uint32_t *systems, const uint32_t *tenants,
	const uint32_t *levels, size_t count, struct assess_evidence *ret)
{
	struct loading loading = { .call = call, .evidence = ret };
	int64_t kev = 0;
	uint8_t *has;
	int error;

	*ret = (struct assess_evidence){ .systems = systems, .count = count };
	arena_init(&ret->arena, EVIDENCE_SIZE_MAX);
	if (count == 0)
		return 0;
	ret->items = arena_alloc(&ret->arena, count * sizeof(*ret->items));
	has = arena_alloc(&ret->arena, count);
	if (!ret->items || !has)
		return LUYTRE_E_NOMEM;
	error = load_findings(&loading);
	if (!error)
		error = load_assets(&loading, has);
	if (!error)
		error = db_integer(call->db,
			"select count(*) from (select 1 from cve where kev_us > 0 limit 1) as listed", DB_NO_ARGS,
			&kev);
	for (size_t i = 0; !error && i < count; i++) {
		struct judge_evidence *item = &ret->items[i];

		look_at_edges(call, tenants[i], systems[i], has[i], item);
		if (kev)
			item->at_us[LAW_FACT_KEV_KNOWN] = call->origin->now_us;
		if (keeps_enough(call, levels[i]))
			item->at_us[LAW_FACT_EVENTS_KEPT] = call->origin->now_us;
	}
	return error;
}

void assess_evidence_done(struct assess_evidence *evidence)
{
	arena_done(&evidence->arena);
}

struct judge_evidence *assess_evidence_of(const struct assess_evidence *evidence, uint32_t system)
{
	return find(evidence, system);
}
