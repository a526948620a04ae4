// SPDX-License-Identifier: Apache-2.0
#include "hub/core/probes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "hub/core/holds.h"
#include "hub/core/internal.h"

struct names {
	uint32_t ids[CORE_PROBE_NAMES_MAX];
	size_t count;
};

static int keep_name(void *context, const struct db_value *columns, size_t column_count)
{
	struct names *names = context;

	names->ids[names->count++] = (uint32_t)columns[0].integer;
	return 0;
}

/* One name; only what ends the whole is an error. */
static int probe(struct db *db, const struct dns_resolver *resolver, uint32_t asset, struct core_probe_sum *sum)
{
	const struct scope nation = { .all = true };
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	const struct finding_call call = { .db = db, .scope = &nation, .origin = &origin, .part = FINDING_BY_EVIDENCE };
	uint32_t wrong = 0;
	int error = dns_probe(&call, resolver, asset, &wrong);

	sum->asked += error != LUYTRE_E_PERMISSION;
	sum->refused += error == LUYTRE_E_PERMISSION;
	sum->unanswered += error == LUYTRE_E_TIMEOUT;
	sum->wrong += wrong;
	return error == LUYTRE_E_PERMISSION || error == LUYTRE_E_TIMEOUT ? 0 : error;
}

static int probe_all(struct db *db, uint32_t tenant, const struct dns_resolver *resolver, struct names *names,
	struct core_probe_sum *sum)
{
	const uint64_t end_ns = clock_mono_ns() + CORE_PROBE_MS * NS_PER_MS;
	int error = db_each(db,
		"select asset.id from asset join system on system.id = asset.system where system.tenant = ?1"
		" and asset.kind = ?2 order by asset.id limit ?3",
		DB_ARGS(db_i64(tenant), db_i64(ASSET_KIND_NAME), db_i64(CORE_PROBE_NAMES_MAX)), keep_name, names);

	if (error)
		return error;
	sum->names = (uint32_t)names->count;
	for (size_t i = 0; i < names->count && !error; i++) {
		if (clock_mono_ns() >= end_ns)
			sum->left++;
		else
			error = probe(db, resolver, names->ids[i], sum);
	}
	if (error)
		return error;
	if (!names->count)
		return LUYTRE_E_NOT_FOUND;
	return sum->refused == sum->names ? LUYTRE_E_PERMISSION : 0;
}

int core_probe_names(
	struct core *core, uint32_t tenant, const struct dns_resolver *resolver, struct core_probe_sum *ret)
{
	struct names *names = calloc(1, sizeof(*names));
	char why[DB_WHY_SIZE];
	struct db *db;
	int error = names ? db_open(core->control, &db, why) : LUYTRE_E_NOMEM;

	*ret = (struct core_probe_sum){ 0 };
	if (!error) {
		error = probe_all(db, tenant, resolver, names, ret);
		db_close(db);
	}
	free(names);
	if (ret->asked > ret->unanswered)
		core_findings_changed(core);
	return error;
}
