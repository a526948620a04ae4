// SPDX-License-Identifier: Apache-2.0
/* See stats.h. */
#include "edge/stats.h"

#include "base/compiler.h"
#include "shield/emulate.h"

static void add(struct shield_counter *sum, const struct shield_counter *one)
{
	sum->packets += one->packets;
	sum->bytes += one->bytes;
}

void stats_reason(const struct shield_maps *maps, uint32_t tenant, uint32_t reason, struct stats_reason *ret)
{
	const struct shield_globals *g = maps->globals;

	*ret = (struct stats_reason){ 0 };
	for (uint32_t cpu = 0; cpu < g->cpus; cpu++) {
		uint32_t at = ((cpu * g->tenants + tenant) * SHIELD_REASON_SLOTS + reason) * 2;

		add(&ret->enforced, &maps->counters[at]);
		add(&ret->shadow, &maps->counters[at + 1]);
	}
}

void stats_traffic(const struct shield_maps *maps, uint32_t tenant, uint32_t class_id, struct shield_traffic *ret)
{
	const struct shield_globals *g = maps->globals;

	*ret = (struct shield_traffic){ 0 };
	for (uint32_t cpu = 0; cpu < g->cpus; cpu++) {
		const struct shield_traffic *t =
			&maps->traffic[(cpu * g->tenants + tenant) * SHIELD_CLASS_COUNT + class_id];

		ret->packets += t->packets;
		ret->bytes += t->bytes;
		ret->passed_packets += t->passed_packets;
		ret->passed_bytes += t->passed_bytes;
	}
}

uint64_t stats_event(const struct shield_maps *maps, uint32_t event)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < maps->globals->cpus; cpu++)
		sum += maps->cpus[cpu].event[event];
	return sum;
}

void stats_list(const struct shield_maps *maps, uint32_t list, struct shield_counter *ret)
{
	*ret = (struct shield_counter){ 0 };
	for (uint32_t cpu = 0; cpu < maps->globals->cpus; cpu++)
		add(ret, &maps->cpus[cpu].list[list]);
}

static void write_classes(const struct shield_maps *maps, uint32_t tenant, struct jsonw *out)
{
	jsonw_kv_object_begin(out, "classes");
	for (uint32_t i = 0; i < SHIELD_CLASS_COUNT; i++) {
		struct shield_traffic t;

		stats_traffic(maps, tenant, i, &t);
		if (!t.packets)
			continue;
		jsonw_kv_object_begin(out, shield_class_name(i));
		jsonw_kv_u64(out, "packets", t.packets);
		jsonw_kv_u64(out, "bytes", t.bytes);
		jsonw_kv_u64(out, "passed_packets", t.passed_packets);
		jsonw_kv_u64(out, "passed_bytes", t.passed_bytes);
		jsonw_object_end(out);
	}
	jsonw_object_end(out);
}

static void write_reasons(const struct shield_maps *maps, uint32_t tenant, struct jsonw *out)
{
	jsonw_kv_object_begin(out, "reasons");
	for (uint32_t i = 1; i < SHIELD_REASON_COUNT; i++) {
		struct stats_reason r;

		stats_reason(maps, tenant, i, &r);
		if (!r.enforced.packets && !r.shadow.packets)
			continue;
		jsonw_kv_object_begin(out, shield_reason_name(i));
		jsonw_kv_u64(out, "packets", r.enforced.packets);
		jsonw_kv_u64(out, "bytes", r.enforced.bytes);
		jsonw_kv_u64(out, "shadow_packets", r.shadow.packets);
		jsonw_kv_u64(out, "shadow_bytes", r.shadow.bytes);
		jsonw_object_end(out);
	}
	jsonw_object_end(out);
}

void stats_write_tenant(const struct shield_maps *maps, uint32_t tenant, struct jsonw *out)
{
	write_classes(maps, tenant, out);
	write_reasons(maps, tenant, out);
}

void stats_write_tables(const struct shield_maps *maps, struct jsonw *out)
{
	jsonw_kv_object_begin(out, "tables");
	for (uint32_t i = 0; i < SHIELD_EVENT_COUNT; i++)
		jsonw_kv_u64(out, shield_table_event_name(i), stats_event(maps, i));
	jsonw_object_end(out);
}

void stats_write_attack(uint32_t bits, struct jsonw *out)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} rows[] = { { SHIELD_ATTACK_SYN, "syn" }, { SHIELD_ATTACK_TCP, "tcp" }, { SHIELD_ATTACK_FRAGMENT, "fragment" },
		{ SHIELD_ATTACK_DESTINATION, "destination" } };

	jsonw_kv_array_begin(out, "under_attack");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (bits & rows[i].bit)
			jsonw_string(out, rows[i].name);
	jsonw_array_end(out);
}
