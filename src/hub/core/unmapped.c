// SPDX-License-Identifier: Apache-2.0
#include "hub/core/unmapped.h"

#include <stdlib.h>

#include "base/table.h"

/* ---- Who may report for whom ---- */

void serving_begin(const struct edges *edges, uint32_t edge, struct tenants_tree *tree, struct serving *ret)
{
	const struct edge_view *view = edges_find(edges, edge);

	*ret = (struct serving){ .bound = view ? edges_bound_ref(view->bound) : NULL, .tree = tenants_tree_ref(tree) };
}

void serving_end(struct serving *serving)
{
	edges_bound_unref(serving->bound);
	tenants_tree_unref(serving->tree);
	*serving = (struct serving){ 0 };
}

bool serving_has(const struct serving *serving, uint32_t tenant)
{
	if (!serving->bound || !tenants_tree_has(serving->tree, tenant))
		return false;
	if (serving->bound->all)
		return true;
	for (; tenant != 0; tenant = tenants_tree_parent(serving->tree, tenant))
		if (edges_bound_names(serving->bound, tenant))
			return true;
	return false;
}

bool serving_check(const struct serving *serving, struct ingest *in)
{
	if (in->event.tenant == 0 || serving_has(serving, in->event.tenant))
		return false;
	in->event.tenant = in->event.system = 0;
	in->has_sighting = false;
	if (in->event.evidence > EV_E2) /* what a sighting alone can be */
		in->event.evidence = EV_E2;
	return true;
}

/* ---- Addresses that nobody has registered ---- */

struct key {
	struct ip_addr addr;
	uint32_t edge;
};

struct unmapped {
	struct unmapped_row *rows; /* a ring: the place of a row is its id modulo its size */
	struct table *index; /* struct key to id */
	uint64_t first, next; /* ids: of the oldest row, of the next one */
	uint64_t evicted;
};

struct unmapped *unmapped_new(void)
{
	struct siphash_key key;
	struct unmapped *unmapped = calloc(1, sizeof(*unmapped));

	if (!unmapped)
		return NULL;
	if (siphash_key_random(&key)) {
		free(unmapped);
		return NULL;
	}
	unmapped->first = unmapped->next = 1;
	unmapped->rows = calloc(UNMAPPED_MAX, sizeof(*unmapped->rows));
	unmapped->index = table_new(sizeof(struct key), sizeof(uint64_t), UNMAPPED_MAX, key);
	if (!unmapped->rows || !unmapped->index) {
		unmapped_free(unmapped);
		return NULL;
	}
	return unmapped;
}

void unmapped_free(struct unmapped *unmapped)
{
	if (!unmapped)
		return;
	free(unmapped->rows);
	table_free(unmapped->index);
	free(unmapped);
}

static void make_key(const struct ip_addr *addr, uint32_t edge, struct key *ret)
{
	memset(ret, 0, sizeof(*ret)); /* the padding too */
	ret->addr.family = addr->family;
	memcpy(ret->addr.bytes, addr->bytes, sizeof(ret->addr.bytes));
	ret->edge = edge;
}

static struct unmapped_row *row_at(const struct unmapped *unmapped, uint64_t id)
{
	return &unmapped->rows[id % UNMAPPED_MAX];
}

static void drop_oldest(struct unmapped *unmapped)
{
	const struct unmapped_row *row = row_at(unmapped, unmapped->first++);
	struct key key;

	make_key(&row->addr, row->edge, &key);
	table_remove(unmapped->index, &key);
	unmapped->evicted++;
}

static struct unmapped_row *make_row(struct unmapped *unmapped, const struct key *key, int64_t now_us)
{
	struct unmapped_row *row;
	uint64_t *id;

	if (unmapped->next - unmapped->first == UNMAPPED_MAX)
		drop_oldest(unmapped);
	id = table_insert(unmapped->index, key, NULL);
	if (!id) { /* no memory: this address is not noted */
		unmapped->evicted++;
		return NULL;
	}
	*id = unmapped->next++;
	row = row_at(unmapped, *id);
	*row = (struct unmapped_row){
		.id = *id, .addr = key->addr, .edge = key->edge, .first_us = now_us, .last_us = now_us
	};
	return row;
}

void unmapped_note(struct unmapped *unmapped, const struct ev_event *event)
{
	struct unmapped_row *row;
	const uint64_t *id;
	struct key key;

	if (!event->dst.family)
		return;
	make_key(&event->dst, event->edge, &key);
	id = table_find(unmapped->index, &key);
	row = id ? row_at(unmapped, *id) : make_row(unmapped, &key, event->time_us);
	if (!row)
		return;
	if (event->time_us > row->last_us)
		row->last_us = event->time_us;
	if (event->time_us < row->first_us)
		row->first_us = event->time_us;
	row->packets += event->count;
}

const struct unmapped_row *unmapped_next(const struct unmapped *unmapped, uint64_t after)
{
	uint64_t id = after < unmapped->first ? unmapped->first : after + 1;

	return id < unmapped->next ? row_at(unmapped, id) : NULL;
}

uint64_t unmapped_evicted(const struct unmapped *unmapped)
{
	return unmapped->evicted;
}
