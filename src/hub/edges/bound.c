// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/bound.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct box {
	struct edges_bound bound;
	_Atomic size_t ref_count;
	uint32_t tenants[];
};

static const struct {
	const char *select, *remove, *insert;
} statements[] = {
	[EDGES_BOUND_EDGE] = { "select tenant from edge_tenant where edge = ?1 order by tenant",
		"delete from edge_tenant where edge = ?1", "insert into edge_tenant (edge, tenant) values (?1, ?2)" },
	[EDGES_BOUND_TOKEN] = { "select tenant from edge_token_tenant where token = ?1 order by tenant",
		"delete from edge_token_tenant where token = ?1",
		"insert into edge_token_tenant (token, tenant) values (?1, ?2)" },
};

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static struct box *box_of(const struct edges_bound *bound)
{
	return (struct box *)(uintptr_t)bound; /* its first member; only the count changes */
}

int edges_bound_new(const struct edges_bound *in, const struct edges_bound **ret)
{
	struct box *box;
	size_t count = 0;

	if (in->tenant_count > EDGES_TENANTS_MAX)
		return LUYTRE_E_FULL;
	if (in->all && in->tenant_count)
		return LUYTRE_E_INVALID;
	box = malloc(sizeof(*box) + in->tenant_count * sizeof(box->tenants[0]));
	if (!box)
		return LUYTRE_E_NOMEM;
	if (in->tenant_count)
		memcpy(box->tenants, in->tenants, in->tenant_count * sizeof(box->tenants[0]));
	qsort(box->tenants, in->tenant_count, sizeof(box->tenants[0]), compare);
	for (size_t i = 0; i < in->tenant_count; i++)
		if (i == 0 || box->tenants[i] != box->tenants[i - 1])
			box->tenants[count++] = box->tenants[i];
	if (count && box->tenants[0] == 0) {
		free(box);
		return LUYTRE_E_INVALID;
	}
	box->bound = (struct edges_bound){ .all = in->all, .tenants = box->tenants, .tenant_count = count };
	box->ref_count = 1;
	*ret = &box->bound;
	return 0;
}

const struct edges_bound *edges_bound_ref(const struct edges_bound *bound)
{
	atomic_fetch_add(&box_of(bound)->ref_count, 1);
	return bound;
}

void edges_bound_unref(const struct edges_bound *bound)
{
	if (bound && atomic_fetch_sub(&box_of(bound)->ref_count, 1) == 1)
		free(box_of(bound));
}

bool edges_bound_names(const struct edges_bound *bound, uint32_t tenant)
{
	return bound->tenant_count &&
	       bsearch(&tenant, bound->tenants, bound->tenant_count, sizeof(bound->tenants[0]), compare);
}

const char *edges_bound_text(const struct edges_bound *bound, char text[EDGES_BOUND_TEXT_SIZE])
{
	enum { TAIL_SIZE = 32 };
	size_t size = 0;

	snprintf(text, EDGES_BOUND_TEXT_SIZE, "%s", bound->all ? "all" : "");
	for (size_t i = 0; i < bound->tenant_count; i++) {
		if (size > EDGES_BOUND_TEXT_SIZE - TAIL_SIZE) {
			snprintf(text + size, EDGES_BOUND_TEXT_SIZE - size, ",... (%zu)", bound->tenant_count);
			break;
		}
		size += (size_t)snprintf(
			text + size, EDGES_BOUND_TEXT_SIZE - size, "%s%u", i ? "," : "", bound->tenants[i]);
	}
	return text;
}

/* ---- Rows ---- */

struct reading {
	uint32_t *tenants;
	size_t count;
};

static int read_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;

	if (reading->count == EDGES_TENANTS_MAX)
		return LUYTRE_E_FULL;
	reading->tenants[reading->count++] = (uint32_t)columns[0].integer;
	return 0;
}

int edges_bound_read(struct db *db, enum edges_bound_of of, uint32_t id, bool all, const struct edges_bound **ret)
{
	struct reading reading = { .tenants = malloc(EDGES_TENANTS_MAX * sizeof(uint32_t)) };
	int error;

	if (!reading.tenants)
		return LUYTRE_E_NOMEM;
	error = db_each(db, statements[of].select, DB_ARGS(db_i64(id)), read_row, &reading);
	if (!error)
		error = edges_bound_new(
			&(struct edges_bound){
				.all = all, .tenants = reading.tenants, .tenant_count = all ? 0 : reading.count },
			ret);
	free(reading.tenants);
	return error;
}

int edges_bound_write(struct db *db, enum edges_bound_of of, uint32_t id, const struct edges_bound *bound)
{
	int error = db_run(db, statements[of].remove, DB_ARGS(db_i64(id)), NULL);

	for (size_t i = 0; bound && i < bound->tenant_count && !error; i++)
		error = db_run(db, statements[of].insert, DB_ARGS(db_i64(id), db_i64(bound->tenants[i])), NULL);
	return error;
}
