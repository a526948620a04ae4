// SPDX-License-Identifier: Apache-2.0
#include "edge/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/siphash.h"

enum { BASE_NAME_MAX = 38, PIECES_GROW = 64 };

/* A prefix of tenant 'own' with the settings of a row. */
struct piece {
	size_t own;
	struct ip_prefix prefix;
	const struct policyfile_row *row;
};

struct builder {
	const struct config_tenant *own;
	size_t own_count;
	struct arena *arena;
	struct piece *pieces; /* by own, settings, prefix */
	size_t piece_count, piece_capacity;
	struct config_tenant *tenants;
	size_t tenant_count;
};

/* ---- Which prefixes ---- */

static int add_piece(struct builder *b, size_t own, const struct ip_prefix *prefix, const struct policyfile_row *row)
{
	if (b->piece_count == b->piece_capacity) {
		size_t capacity = 2 * b->piece_capacity + PIECES_GROW;
		struct piece *grown = reallocarray(b->pieces, capacity, sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		b->pieces = grown;
		b->piece_capacity = capacity;
	}
	b->pieces[b->piece_count++] = (struct piece){ .own = own, .prefix = *prefix, .row = row };
	return 0;
}

static bool is_of(const struct config_tenant *tenant, const struct policyfile_row *row)
{
	return !tenant->hub_id || tenant->hub_id == row->tenant;
}

static int place_row(struct builder *b, const struct policyfile_row *row)
{
	size_t around = b->own_count, around_length = 0;
	int error = 0;

	for (size_t i = 0; i < b->own_count && !error; i++) {
		const struct config_prefixes *prefixes = &b->own[i].prefixes;

		for (size_t k = 0; k < prefixes->count && !error; k++) {
			const struct ip_prefix *one = &prefixes->items[k];

			if (ip_prefix_covers(one, &row->prefix)) {
				if (around == b->own_count || one->length > around_length) {
					around = i;
					around_length = one->length;
				}
			} else if (ip_prefix_covers(&row->prefix, one) && is_of(&b->own[i], row)) {
				error = add_piece(b, i, one, row);
			}
		}
	}
	if (!error && around < b->own_count && is_of(&b->own[around], row))
		error = add_piece(b, around, &row->prefix, row);
	return error;
}

/* ---- Which tenants ---- */

static int compare_settings(const struct policyfile_row *left, const struct policyfile_row *right)
{
	int order = strcmp(left->group, right->group);

	if (!order)
		order = (left->shield > right->shield) - (left->shield < right->shield);
	if (!order)
		order = (left->fail > right->fail) - (left->fail < right->fail);
	if (!order)
		order = memcmp(left->limits, right->limits, sizeof(left->limits));
	return order;
}

static int compare_pieces(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;
	int order = (a->own > b->own) - (a->own < b->own);

	if (!order)
		order = compare_settings(a->row, b->row);
	return order ? order : ip_prefix_compare(&a->prefix, &b->prefix);
}

static void put_settings(struct config_tenant *tenant, const struct policyfile_row *row)
{
	static const enum config_mode modes[POLICYFILE_MODE_COUNT] = {
		[POLICYFILE_MODE_SHADOW] = CONFIG_MODE_SHADOW, [POLICYFILE_MODE_ENFORCE] = CONFIG_MODE_ENFORCE
	};
	static const enum config_full_table fails[POLICYFILE_FAIL_COUNT] = {
		[POLICYFILE_FAIL_OPEN] = CONFIG_FULL_OPEN, [POLICYFILE_FAIL_CLOSED] = CONFIG_FULL_CLOSED
	};

	if (row->shield != POLICYFILE_UNSET)
		tenant->mode = modes[row->shield];
	if (row->fail != POLICYFILE_UNSET)
		tenant->full_table = fails[row->fail];
#define X(limit)                                                                                                       \
	if (row->limits[POLICYFILE_LIMIT_##limit] != POLICYFILE_UNSET)                                                 \
		tenant->limits.limit = (uint32_t)row->limits[POLICYFILE_LIMIT_##limit];
	POLICYFILE_LIMITS(X)
#undef X
	if (!tenant->hub_id)
		tenant->hub_id = row->tenant;
}

static bool is_taken(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->own_count; i++)
		if (!strcmp(b->own[i].name, name))
			return true;
	for (size_t i = 0; i < b->tenant_count; i++)
		if (b->tenants[i].name && !strcmp(b->tenants[i].name, name))
			return true;
	return false;
}

/* The same settings have the same name over reloads, so that counters go on. */
static const char *name_of(struct builder *b, const char *base, const struct policyfile_row *row)
{
	static const struct siphash_key fixed = { 0x6c75797472650003ull, 0x6f7665726c617901ull };
	const char *word = row->group[0]                     ? row->group
			   : row->shield != POLICYFILE_UNSET ? policyfile_modes[row->shield]
			   : row->fail != POLICYFILE_UNSET   ? policyfile_fails[row->fail]
							     : "policy";
	char name[CONFIG_NAME_MAX + 1];
	uint64_t salt =
		siphash24(fixed, base, strlen(base)) + (uint64_t)(row->shield + 1) * 31 + (uint64_t)(row->fail + 1);

	snprintf(name, sizeof(name), "%.*s+%s", BASE_NAME_MAX, base, word);
	while (is_taken(b, name)) {
		salt = siphash24(fixed, &salt, sizeof(salt)) ^ siphash24(fixed, row->limits, sizeof(row->limits));
		snprintf(name, sizeof(name), "%.*s+%.12s-%08x", BASE_NAME_MAX, base, word, (uint32_t)salt);
	}
	return arena_strdup(b->arena, name);
}

static int set_prefixes(struct builder *b, struct config_tenant *tenant, const struct piece *pieces, size_t count)
{
	struct ip_prefix *items = arena_alloc(b->arena, count * sizeof(*items));

	if (!items)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < count; i++)
		items[i] = pieces[i].prefix;
	tenant->prefixes = (struct config_prefixes){ .items = items, .count = count };
	return 0;
}

static bool is_piece(const struct piece *pieces, size_t count, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (ip_prefix_equal(&pieces[i].prefix, prefix))
			return true;
	return false;
}

/* What no row took. */
static int leave_prefixes(struct builder *b, struct config_tenant *tenant, const struct piece *pieces, size_t count)
{
	const struct config_prefixes *own = &tenant->prefixes;
	struct ip_prefix *items = arena_alloc(b->arena, own->count * sizeof(*items));
	size_t left = 0;

	if (!items)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < own->count; i++)
		if (!is_piece(pieces, count, &own->items[i]))
			items[left++] = own->items[i];
	tenant->prefixes = (struct config_prefixes){ .items = items, .count = left };
	return 0;
}

static struct config_tenant *next_tenant(struct builder *b, const struct config_tenant *like)
{
	struct config_tenant *tenant = b->tenant_count < CONFIG_TENANTS_MAX ? &b->tenants[b->tenant_count++] : NULL;

	if (tenant)
		*tenant = *like;
	return tenant;
}

/* The tenant itself, and one beside it for each group of pieces with the same settings. */
static int split_tenant(struct builder *b, const struct config_tenant *own, const struct piece *pieces, size_t count)
{
	struct config_tenant *tenant = next_tenant(b, own);
	int error = tenant ? leave_prefixes(b, tenant, pieces, count) : LUYTRE_E_FULL;
	bool keeps_name = !error && !tenant->prefixes.count;

	for (size_t begin = 0, end; begin < count && !error; begin = end) {
		for (end = begin + 1; end < count && !compare_settings(pieces[begin].row, pieces[end].row); end++)
			;
		if (!keeps_name || begin) {
			tenant = next_tenant(b, own);
			if (!tenant)
				return LUYTRE_E_FULL;
			tenant->name = NULL;
			tenant->name = name_of(b, own->name, pieces[begin].row);
		}
		error = tenant->name ? set_prefixes(b, tenant, &pieces[begin], end - begin) : LUYTRE_E_NOMEM;
		put_settings(tenant, pieces[begin].row);
	}
	return error;
}

static int build_tenants(struct builder *b)
{
	size_t at = 0;
	int error = 0;

	if (b->piece_count)
		qsort(b->pieces, b->piece_count, sizeof(*b->pieces), compare_pieces);
	for (size_t i = 0; i < b->own_count && !error; i++) {
		size_t begin = at;

		while (at < b->piece_count && b->pieces[at].own == i)
			at++;
		if (at > begin)
			error = split_tenant(b, &b->own[i], &b->pieces[begin], at - begin);
		else
			error = next_tenant(b, &b->own[i]) ? 0 : LUYTRE_E_FULL;
	}
	return error;
}

int overlay_build(const struct config_tenant *own, size_t own_count, const struct policyfile *file, struct arena *arena,
	struct overlay *ret)
{
	struct builder b = { .own = own, .own_count = own_count, .arena = arena };
	struct overlay made = { 0 };
	size_t tenants_max;
	int error = 0;

	for (size_t i = 0; i < file->row_count && !error; i++) {
		size_t before = b.piece_count;

		error = place_row(&b, &file->rows[i]);
		made.placed += b.piece_count > before;
		made.unplaced += b.piece_count == before;
	}
	tenants_max = own_count + b.piece_count < CONFIG_TENANTS_MAX ? own_count + b.piece_count : CONFIG_TENANTS_MAX;
	b.tenants = error ? NULL : arena_alloc(arena, (tenants_max + 1) * sizeof(*b.tenants));
	if (!error)
		error = b.tenants ? build_tenants(&b) : LUYTRE_E_NOMEM;
	free(b.pieces);
	if (error)
		return error;
	made.tenants = b.tenants;
	made.tenant_count = b.tenant_count;
	*ret = made;
	return 0;
}

bool overlay_is_ruled(const struct policyfile *file, const struct config_tenant *tenant)
{
	for (size_t i = 0; i < file->row_count; i++) {
		for (size_t k = 0; is_of(tenant, &file->rows[i]) && k < tenant->prefixes.count; k++) {
			if (ip_prefix_covers(&file->rows[i].prefix, &tenant->prefixes.items[k]))
				return true;
		}
	}
	return false;
}
