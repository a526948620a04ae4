// SPDX-License-Identifier: Apache-2.0
/* The set of decisions: names, bulk loads, listings. How it gets to packets is in decision-table.c. */
#include "shield/decisions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "shield/decision-set.h"
#include "shield/decision-table.h"
#include "shield/decision-text.h"

enum {
	TICK_SHIFT = 30,
	LIST_VISITS_MAX = 65536,
};

enum family { V4, V6, FAMILIES };

struct staging {
	struct decision_record *records; /* owned */
	size_t count, size;
};

struct decisions {
	struct shield_maps *maps; /* borrowed */
	struct decisions_config config;
	struct decision_set set[FAMILIES];
	struct decision_texts texts;
	struct decision_table tables[2]; /* by generation */
	uint32_t active;
	bool ready; /* the active generation holds what the set says */
	struct staging staging[FAMILIES];
	bool collecting;
	uint32_t bulk_list;
	uint64_t bulk_now_ns;
	struct decisions_refusal refusal;
	struct decisions_stats stats; /* counters, and list[] */
};

/* ---- life --------------------------------------------------------------------------------------------------------*/

static int decisions_init(struct decisions *d)
{
	int error = decision_texts_init(&d->texts);

	for (uint32_t i = 0; i < 2 && error == 0; i++)
		error = decision_table_init(&d->tables[i], d->maps, i);
	return error;
}

struct decisions *decisions_new(struct shield_maps *maps, const struct decisions_config *config)
{
	struct decisions *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->maps = maps;
	d->config = *config;
	d->active = maps->globals->list_generation & 1;
	d->ready = config->fresh;
	if (decisions_init(d) < 0) {
		decisions_free(d);
		return NULL;
	}
	if (d->ready)
		v6table_publish(&d->tables[d->active].v6);
	return d;
}

void decisions_free(struct decisions *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < FAMILIES; i++) {
		decision_set_done(&d->set[i]);
		free(d->staging[i].records);
	}
	decision_table_done(&d->tables[0]);
	decision_table_done(&d->tables[1]);
	decision_texts_done(&d->texts);
	free(d);
}

/* ---- between decisions and records -------------------------------------------------------------------------------*/

static enum family family_of(const struct ip_prefix *prefix)
{
	return prefix->addr.family == IP_V4 ? V4 : V6;
}

static void addr_of(const struct ip_addr *addr, uint64_t *ret_high, uint64_t *ret_low)
{
	uint64_t high, low;

	memcpy(&high, addr->bytes, sizeof(high));
	memcpy(&low, addr->bytes + sizeof(high), sizeof(low));
	*ret_high = __builtin_bswap64(high);
	*ret_low = __builtin_bswap64(low);
}

/* The name of a decision, without expiry, reason and node. */
static struct decision_record record_of(const struct ip_prefix *prefix, uint16_t tenant, uint8_t action, uint8_t list)
{
	struct decision_record record = {
		.length = prefix->length,
		.tenant = tenant,
		.action = action,
		.list = list,
	};

	addr_of(&prefix->addr, &record.high, &record.low);
	return record;
}

static bool decision_valid(const struct decision *decision)
{
	struct ip_prefix masked = decision->prefix;

	if (masked.addr.family != IP_V4 && masked.addr.family != IP_V6)
		return false;
	if (masked.length > ip_addr_bits(&masked.addr))
		return false;
	ip_prefix_mask(&masked);
	return memcmp(masked.addr.bytes, decision->prefix.addr.bytes, sizeof(masked.addr.bytes)) == 0 &&
	       decision->action > SHIELD_ACTION_VOID && decision->action <= SHIELD_ACTION_OWN &&
	       decision->list < SHIELD_LISTS_MAX && decision->tenant < SHIELD_TENANTS_MAX &&
	       memchr(decision->reason, 0, sizeof(decision->reason)) != NULL;
}

/* Rounded up: a decision never ends early. */
static uint32_t tick_of(uint64_t expiry_ns)
{
	uint64_t tick = (expiry_ns >> TICK_SHIFT) + ((expiry_ns & ((1ull << TICK_SHIFT) - 1)) != 0);

	return tick < DECISION_TICK_NEVER ? (uint32_t)tick : DECISION_TICK_NEVER;
}

static uint32_t now_tick(uint64_t now_ns)
{
	uint64_t tick = now_ns >> TICK_SHIFT;

	return tick < DECISION_TICK_NEVER ? (uint32_t)tick : DECISION_TICK_NEVER - 1;
}

static int read_decision(const struct decision *decision, uint64_t now_ns, struct decision_record *ret)
{
	if (!decision_valid(decision))
		return LUYTRE_E_INVALID;
	if (decision->expiry_ns <= now_ns)
		return LUYTRE_E_RANGE;
	*ret = record_of(&decision->prefix, decision->tenant, decision->action, decision->list);
	ret->expiry = tick_of(decision->expiry_ns);
	return 0;
}

static void view_fill(const struct decisions *d, const struct decision_record *record, enum family family,
	uint16_t tenant, uint64_t now_ns, struct decisions_view *ret)
{
	*ret = (struct decisions_view){
		.decision = {
			.prefix = decision_prefix(record, family == V4 ? IP_V4 : IP_V6),
			.tenant = record->tenant,
			.action = record->action,
			.list = record->list,
			.expiry_ns = record->expiry == DECISION_TICK_NEVER ? DECISIONS_NEVER :
									     (uint64_t)record->expiry << TICK_SHIFT,
		},
		.state = DECISIONS_ACTIVE,
	};
	strcpy(ret->decision.reason, decision_texts_get(&d->texts, record->reason));
	if (record->tenant != SHIELD_TENANT_UNMAPPED && record->tenant != tenant)
		ret->state = DECISIONS_OTHER_TENANT;
	if (record->expiry <= now_tick(now_ns))
		ret->state = DECISIONS_EXPIRED;
}

static int refuse(struct decisions *d, enum decisions_ceiling ceiling, const struct ip_prefix *prefix)
{
	d->refusal = (struct decisions_refusal){ .ceiling = ceiling, .prefix = *prefix };
	d->stats.refused[ceiling]++;
	return LUYTRE_E_FULL;
}

/* ---- single changes ----------------------------------------------------------------------------------------------*/

static uint32_t family_max(const struct decisions *d, enum family family)
{
	return family == V4 ? d->config.max_v4 : d->config.max_v6;
}

/* Brings the active generation up to date after a removal or a change of expiry, which need no room. */
static void publish(struct decisions *d, enum family family, const struct decision_record *record, uint64_t now_ns)
{
	struct decision_table *table = &d->tables[d->active];
	int error = 0;

	if (family == V4)
		decision_table_update4(table, &d->set[V4], record);
	else
		error = decision_table_update6(table, &d->set[V6], record, now_ns, &d->refusal);
	assert(error == 0);
	(void)error;
}

static int publish_new(struct decisions *d, enum family family, const struct decision_record *record, uint64_t now_ns)
{
	struct decision_table *table = &d->tables[d->active];
	struct decisions_refusal refusal;
	int error;

	if (family == V4) {
		error = decision_table_check4(table, &d->set[V4], record, &refusal);
		if (error == 0)
			decision_table_update4(table, &d->set[V4], record);
	} else {
		error = decision_table_update6(table, &d->set[V6], record, now_ns, &refusal);
	}
	return error < 0 ? refuse(d, refusal.ceiling, &refusal.prefix) : 0;
}

static int add_new(struct decisions *d, enum family family, struct decision_record *record,
	const struct decision *decision, uint64_t now_ns)
{
	int error;

	if (d->set[family].count >= family_max(d, family))
		return refuse(d, DECISIONS_CEILING_DECISIONS, &decision->prefix);
	error = decision_texts_take(&d->texts, decision->reason, &record->reason);
	if (error < 0)
		return error;
	error = decision_set_insert(&d->set[family], record);
	if (error < 0) {
		decision_texts_drop(&d->texts, record->reason);
		return error;
	}
	error = publish_new(d, family, record, now_ns);
	if (error < 0) {
		decision_set_erase(&d->set[family], record);
		decision_texts_drop(&d->texts, record->reason);
		return error;
	}
	d->stats.added++;
	d->stats.list[record->list]++;
	return 0;
}

int decisions_add(struct decisions *d, const struct decision *decision, uint64_t now_ns)
{
	enum family family = family_of(&decision->prefix);
	struct decision_record record, *existing;
	uint32_t reason;
	int error = read_decision(decision, now_ns, &record);

	if (error < 0)
		return error;
	if (!d->ready)
		return LUYTRE_E_BUSY;
	decision_table_turn(&d->tables[d->active], now_ns);
	existing = decision_set_get(&d->set[family], &record);
	if (!existing)
		return add_new(d, family, &record, decision, now_ns);
	error = decision_texts_take(&d->texts, decision->reason, &reason);
	if (error < 0)
		return error;
	decision_texts_drop(&d->texts, existing->reason);
	existing->reason = reason;
	existing->expiry = record.expiry;
	decision_set_expiry_changed(&d->set[family], existing);
	publish(d, family, &record, now_ns);
	return 0;
}

/* 'name' is a copy: the record goes away. */
static void remove_record(struct decisions *d, enum family family, struct decision_record name, uint64_t now_ns)
{
	struct decision_table *table = &d->tables[d->active];

	decision_table_turn(table, now_ns);
	decision_set_erase(&d->set[family], &name);
	publish(d, family, &name, now_ns);
	decision_table_return_node(table, name.node);
	decision_texts_drop(&d->texts, name.reason);
	d->stats.list[name.list]--;
}

int decisions_remove(struct decisions *d, const struct decision *decision, uint64_t now_ns)
{
	enum family family = family_of(&decision->prefix);
	struct decision_record name = record_of(&decision->prefix, decision->tenant, decision->action, decision->list);
	const struct decision_record *found;

	if (!d->ready)
		return LUYTRE_E_BUSY;
	found = decision_set_get(&d->set[family], &name);
	if (!found)
		return LUYTRE_E_NOT_FOUND;
	remove_record(d, family, *found, now_ns);
	d->stats.removed++;
	return 0;
}

size_t decisions_expire(struct decisions *d, uint64_t now_ns, size_t budget)
{
	size_t removed = 0;

	if (!d->ready)
		return 0;
	for (uint32_t family = 0; family < FAMILIES; family++) {
		const struct decision_record *found;

		while (removed < budget && (found = decision_set_expired(&d->set[family], now_tick(now_ns)))) {
			remove_record(d, family, *found, now_ns);
			removed++;
		}
	}
	d->stats.expired += removed;
	return removed;
}

/* ---- bulk --------------------------------------------------------------------------------------------------------*/

void decisions_abort(struct decisions *d)
{
	for (uint32_t i = 0; i < FAMILIES; i++) {
		for (size_t at = 0; at < d->staging[i].count; at++)
			decision_texts_drop(&d->texts, d->staging[i].records[at].reason);
		free(d->staging[i].records);
		d->staging[i] = (struct staging){ 0 };
	}
	d->collecting = false;
}

int decisions_begin(struct decisions *d, uint32_t list, uint64_t now_ns)
{
	if (list >= SHIELD_LISTS_MAX && list != DECISIONS_ALL)
		return LUYTRE_E_INVALID;
	decisions_abort(d);
	d->collecting = true;
	d->bulk_list = list;
	d->bulk_now_ns = now_ns;
	return 0;
}

static int staging_push(struct staging *staging, const struct decision_record *record)
{
	if (staging->count == staging->size) {
		size_t size = staging->size ? staging->size * 2 : 1024;
		struct decision_record *grown = realloc(staging->records, size * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		staging->records = grown;
		staging->size = size;
	}
	staging->records[staging->count++] = *record;
	return 0;
}

int decisions_put(struct decisions *d, const struct decision *decision)
{
	enum family family = family_of(&decision->prefix);
	struct decision_record record;
	int error = d->collecting ? read_decision(decision, d->bulk_now_ns, &record) : LUYTRE_E_INVALID;

	if (error < 0)
		return error;
	if (d->bulk_list != DECISIONS_ALL && d->bulk_list != record.list)
		return LUYTRE_E_INVALID;
	/* Twice the ceiling: a file may name everything twice, but it may not fill the memory. */
	if (d->staging[family].count / 2 >= family_max(d, family))
		return refuse(d, DECISIONS_CEILING_DECISIONS, &decision->prefix);
	error = decision_texts_take(&d->texts, decision->reason, &record.reason);
	if (error < 0)
		return error;
	error = staging_push(&d->staging[family], &record);
	if (error < 0)
		decision_texts_drop(&d->texts, record.reason);
	return error;
}

/* Into order; of those with the same name the one that lasts longest stays. */
static void staging_sort(struct decisions *d, struct staging *staging)
{
	struct decision_record *records;
	size_t kept = 0;

	decision_records_sort(&staging->records, staging->count);
	records = staging->records;
	for (size_t at = 0; at < staging->count; at++) {
		struct decision_record *last = kept > 0 ? &records[kept - 1] : NULL;

		if (!last || decision_record_compare(last, &records[at]) != 0) {
			records[kept++] = records[at];
			continue;
		}
		if (records[at].expiry > last->expiry) {
			decision_texts_drop(&d->texts, last->reason);
			*last = records[at];
		} else {
			decision_texts_drop(&d->texts, records[at].reason);
		}
	}
	staging->count = kept;
}

static bool is_replaced(const struct decisions *d, const struct decision_record *record)
{
	return d->bulk_list == DECISIONS_ALL || record->list == d->bulk_list;
}

/* What stays of the old set and what was collected, in order. */
static int merge(
	const struct decisions *d, enum family family, struct decision_set *ret, uint32_t lists[SHIELD_LISTS_MAX])
{
	const struct staging *staging = &d->staging[family];
	const struct decision_set *old = &d->set[family];
	struct decision_pos pos = { 0 };
	size_t at = 0;

	for (;;) {
		const struct decision_record *kept = decision_set_at(old, pos);
		const struct decision_record *put = at < staging->count ? &staging->records[at] : NULL;
		struct decision_record record;

		if (kept && is_replaced(d, kept)) {
			pos = decision_set_next(old, pos);
			continue;
		}
		if (!kept && !put)
			return 0;
		if (!put || (kept && decision_record_compare(kept, put) < 0)) {
			record = *kept;
			pos = decision_set_next(old, pos);
		} else {
			record = *put;
			at++;
		}
		/* Nodes belong to a generation. */
		record.node = 0;
		lists[record.list]++;
		if (decision_set_append(ret, &record) < 0)
			return LUYTRE_E_NOMEM;
	}
}

static int build(struct decisions *d, struct decision_set sets[FAMILIES], uint32_t lists[SHIELD_LISTS_MAX])
{
	struct decision_table *table = &d->tables[d->active ^ 1];
	struct decisions_refusal refusal;
	int error;

	for (uint32_t i = 0; i < FAMILIES; i++) {
		staging_sort(d, &d->staging[i]);
		error = merge(d, i, &sets[i], lists);
		if (error < 0)
			return error;
		if (sets[i].count > family_max(d, i)) {
			struct ip_prefix everything = { .addr.family = i == V4 ? IP_V4 : IP_V6 };

			return refuse(d, DECISIONS_CEILING_DECISIONS, &everything);
		}
	}
	decision_table_clear(table);
	error = decision_table_build(table, &sets[V4], &sets[V6], &refusal);
	return error < 0 ? refuse(d, refusal.ceiling, &refusal.prefix) : 0;
}

static void drop_replaced(struct decisions *d)
{
	for (uint32_t i = 0; i < FAMILIES; i++) {
		struct decision_pos pos = { 0 };
		const struct decision_record *record;

		while ((record = decision_set_at(&d->set[i], pos))) {
			if (is_replaced(d, record))
				decision_texts_drop(&d->texts, record->reason);
			pos = decision_set_next(&d->set[i], pos);
		}
		decision_set_done(&d->set[i]);
	}
}

int decisions_commit(struct decisions *d, uint64_t now_ns)
{
	struct decision_set sets[FAMILIES] = { 0 };
	uint32_t lists[SHIELD_LISTS_MAX] = { 0 };
	int error = d->collecting ? build(d, sets, lists) : LUYTRE_E_INVALID;

	if (error < 0) {
		for (uint32_t i = 0; i < FAMILIES; i++)
			decision_set_done(&sets[i]);
		decisions_abort(d);
		return error;
	}
	drop_replaced(d);
	for (uint32_t i = 0; i < FAMILIES; i++) {
		d->set[i] = sets[i];
		/* The texts that these records use belong to the set now. */
		d->staging[i].count = 0;
	}
	memcpy(d->stats.list, lists, sizeof(lists));
	d->active ^= 1;
	v6table_publish(&d->tables[d->active].v6);
	/* The one store of a bulk load. Release: the whole generation goes before it. */
	__atomic_store_n(&d->maps->globals->list_generation, d->active, __ATOMIC_RELEASE);
	d->ready = true;
	d->stats.bulks++;
	decisions_abort(d);
	decision_table_turn(&d->tables[d->active], now_ns);
	if (d->config.wait)
		d->config.wait(d->config.wait_user);
	return 0;
}

/* ---- looking -----------------------------------------------------------------------------------------------------*/

size_t decisions_explain(const struct decisions *d, const struct ip_addr *addr, uint16_t tenant, uint64_t now_ns,
	struct decisions_view *ret, size_t max)
{
	enum family family = addr->family == IP_V4 ? V4 : V6;
	uint32_t below = family == V4 ? 33 : 129;
	const struct decision_set *set = &d->set[family];
	struct decision_record *first;
	struct decision_pos pos;
	uint64_t high, low;
	size_t count = 0;

	addr_of(addr, &high, &low);
	while (pos = decision_cover(set, high, low, below, &first), first) {
		const struct decision_record *record = first;

		below = first->length;
		while (record && record->high == first->high && record->low == first->low && record->length == below) {
			if (count < max)
				view_fill(d, record, family, tenant, now_ns, &ret[count]);
			count++;
			pos = decision_set_next(set, pos);
			record = decision_set_at(set, pos);
		}
	}
	return count;
}

static void cursor_set(struct decisions_cursor *cursor, const struct decision_record *record, enum family family)
{
	*cursor = (struct decisions_cursor){
		.prefix = decision_prefix(record, family == V4 ? IP_V4 : IP_V6),
		.tenant = record->tenant,
		.action = record->action,
		.list = record->list,
	};
}

size_t decisions_list(const struct decisions *d, uint32_t list, uint64_t now_ns, struct decisions_cursor *cursor,
	struct decisions_view *ret, size_t max, bool *ret_done)
{
	bool begins = cursor->prefix.addr.family == 0;
	uint32_t family = begins ? V4 : family_of(&cursor->prefix);
	struct decision_record key = record_of(&cursor->prefix, cursor->tenant, cursor->action, cursor->list);
	struct decision_pos pos = begins ? (struct decision_pos){ 0 } : decision_set_find(&d->set[family], &key);
	const struct decision_record *record = decision_set_at(&d->set[family], pos);
	size_t count = 0;

	*ret_done = false;
	if (!begins && record && decision_record_compare(record, &key) == 0)
		pos = decision_set_next(&d->set[family], pos);
	for (uint32_t visited = 0; visited < LIST_VISITS_MAX && count < max; visited++) {
		record = decision_set_at(&d->set[family], pos);
		if (!record && family == V4) {
			family = V6;
			pos = (struct decision_pos){ 0 };
			record = decision_set_at(&d->set[family], pos);
		}
		if (!record) {
			*ret_done = true;
			return count;
		}
		if (list == DECISIONS_ALL || record->list == list)
			view_fill(d, record, family, record->tenant, now_ns, &ret[count++]);
		cursor_set(cursor, record, family);
		pos = decision_set_next(&d->set[family], pos);
	}
	return count;
}

void decisions_read_stats(const struct decisions *d, struct decisions_stats *ret)
{
	const struct decision_table *table = &d->tables[d->active];

	*ret = d->stats;
	ret->count_v4 = d->set[V4].count;
	ret->count_v6 = d->set[V6].count;
	ret->chunks = table->chunk_pool.used;
	ret->chunks_max = table->chunk_pool.limit - 1;
	ret->nodes = table->node_pool.used;
	ret->nodes_max = table->node_pool.limit - 1;
	ret->lengths6 = *table->v6.length_count;
	ret->reasons = d->texts.count;
}

struct decisions_refusal decisions_refused(const struct decisions *d)
{
	return d->refusal;
}

static const struct {
	const char *name, *text[2];
} ceilings[] = {
#define X(id, name, en, vi) { name, { en, vi } },
	DECISIONS_CEILINGS(X)
#undef X
};

const char *decisions_ceiling_name(enum decisions_ceiling ceiling)
{
	return ceilings[ceiling].name;
}

const char *decisions_ceiling_text(enum decisions_ceiling ceiling, enum luytre_lang lang)
{
	return ceilings[ceiling].text[lang == LUYTRE_LANG_VI];
}
