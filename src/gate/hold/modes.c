// SPDX-License-Identifier: Apache-2.0
#include "gate/hold/modes.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "gate/hold/index.h"
#include "gate/hold/places.h"

struct hold_modes {
	uint64_t number;
	struct holdfile_row *rows;
	size_t row_count;
	bool *beaten; /* by row */
	struct place_index *index; /* a list is the one row that counts */
};

static const enum gate_mode gate_modes[HOLDFILE_SITE_COUNT] = {
	[HOLDFILE_SITE_OFF] = GATE_OFF,
	[HOLDFILE_SITE_SHADOW] = GATE_SHADOW,
	[HOLDFILE_SITE_ENFORCE] = GATE_ON,
};

static _Atomic uint64_t last_number;

/* What counts comes first. */
static int compare_strength(const struct holdfile_row *left, const struct holdfile_row *right)
{
	if (left->edge_only != right->edge_only)
		return left->edge_only ? -1 : 1;
	if (left->mode != right->mode)
		return left->mode > right->mode ? -1 : 1;
	return (left->asset > right->asset) - (left->asset < right->asset);
}

static int compare_rows(const void *left, const void *right)
{
	const struct holdfile_row *a = left, *b = right;
	int order = b->edge_only - a->edge_only;

	if (order == 0)
		order = (a->asset > b->asset) - (a->asset < b->asset);
	if (order == 0)
		order = (a->tenant > b->tenant) - (a->tenant < b->tenant);
	return order != 0 ? order : compare_strength(a, b);
}

static void add(void *context, struct place_list *list, const struct holdfile_row *row)
{
	struct hold_modes *modes = context;
	const struct holdfile_row *best = &modes->rows[list->first];

	if (list->count++ == 0)
		list->first = (uint32_t)(row - modes->rows);
	else if (best->edge_only != row->edge_only || (!row->edge_only && best->mode != row->mode))
		modes->beaten[row - modes->rows] = true;
}

void hold_modes_free(struct hold_modes *modes)
{
	if (!modes)
		return;
	place_index_free(modes->index);
	free(modes->beaten);
	free(modes->rows);
	free(modes);
}

int hold_modes_new(struct holdfile *file, struct hold_modes **ret)
{
	struct hold_modes *modes;
	int error;

	*ret = NULL;
	if (file->mode_count == 0)
		return 0;
	modes = calloc(1, sizeof(*modes));
	if (!modes)
		return LUYTRE_E_NOMEM;
	modes->number = ++last_number;
	modes->rows = file->modes;
	modes->row_count = file->mode_count;
	file->modes = NULL;
	file->mode_count = 0;
	qsort(modes->rows, modes->row_count, sizeof(*modes->rows), compare_rows);
	modes->beaten = calloc(modes->row_count, sizeof(*modes->beaten));
	error = !modes->beaten ? LUYTRE_E_NOMEM
			       : place_index_new(&(struct place_maker){ .file = file,
							 .rows = modes->rows,
							 .row_count = modes->row_count,
							 .compare = compare_strength,
							 .add = add,
							 .context = modes },
					 &modes->index);
	if (error < 0)
		hold_modes_free(modes);
	else
		*ret = modes;
	return error;
}

uint64_t hold_modes_number(const struct hold_modes *modes)
{
	return modes->number;
}

const struct holdfile_row *hold_modes_rows(const struct hold_modes *modes, size_t *ret_count)
{
	*ret_count = modes->row_count;
	return modes->rows;
}

bool hold_modes_is_beaten(const struct hold_modes *modes, const struct holdfile_row *row)
{
	return modes->beaten[row - modes->rows];
}

/* ---- by one place ---- */

static const struct holdfile_row *row_of(const struct hold_modes *modes, const struct place_list *list)
{
	return list ? &modes->rows[list->first] : NULL;
}

static struct hold_mode_found found_at(const struct holdfile_row *row, const struct ip_prefix *prefix)
{
	return (struct hold_mode_found){ row, (uint8_t)(ip_addr_bits(&prefix->addr) - prefix->length) };
}

const struct holdfile_row *hold_mode_stronger(const struct holdfile_row *left, const struct holdfile_row *right)
{
	if (!left || !right)
		return left ? left : right;
	return compare_strength(left, right) <= 0 ? left : right;
}

struct hold_mode_found hold_mode_narrower(struct hold_mode_found left, struct hold_mode_found right)
{
	if (!left.row || !right.row)
		return left.row ? left : right;
	if (left.free_bits != right.free_bits)
		return left.free_bits < right.free_bits ? left : right;
	return compare_strength(left.row, right.row) <= 0 ? left : right;
}

const struct holdfile_row *hold_modes_at_name(const struct hold_modes *modes, struct bytes name)
{
	return row_of(modes, place_index_at_name(modes->index, name));
}

struct hold_mode_found hold_modes_at_address(const struct hold_modes *modes, const struct ip_addr *address)
{
	const struct ip_prefix prefix = place_of_address(address), *where;
	const struct place_list *list = place_index_longest(modes->index, &prefix, &where);

	return list ? found_at(row_of(modes, list), where) : (struct hold_mode_found){ 0 };
}

struct narrowest {
	const struct hold_modes *modes;
	struct hold_mode_found found;
};

static void keep_narrower(void *context, const struct ip_prefix *prefix, const struct place_list *list)
{
	struct narrowest *narrowest = context;

	narrowest->found = hold_mode_narrower(narrowest->found, found_at(row_of(narrowest->modes, list), prefix));
}

struct hold_mode_found hold_modes_at_prefix(const struct hold_modes *modes, const struct ip_prefix *prefix)
{
	struct narrowest narrowest = { .modes = modes };

	place_index_at_prefix(modes->index, prefix, keep_narrower, &narrowest);
	return narrowest.found;
}

struct each_name {
	const struct hold_modes *modes;
	hold_mode_fn each;
	void *context;
};

static void tell_name(void *context, struct bytes name, const struct place_list *list)
{
	const struct each_name *each = context;

	each->each(each->context, name, row_of(each->modes, list));
}

void hold_modes_each_name(const struct hold_modes *modes, hold_mode_fn each, void *context)
{
	struct each_name all = { modes, each, context };

	place_index_each_name(modes->index, tell_name, &all);
}

/* ---- of a request ---- */

static void make_stricter(const struct holdfile_row *row, struct hold_site_mode *site)
{
	if (!row || row->edge_only || gate_modes[row->mode] <= site->mode)
		return;
	site->mode = gate_modes[row->mode];
	site->row = row;
}

/* Who owns a name that the operator has not named here may be anybody; who owns the address is at home. */
static bool is_at_home(const struct holdfile_row *by_name, struct hold_mode_found by_prefix)
{
	return by_name && by_prefix.row && by_name->tenant != 0 && by_name->tenant == by_prefix.row->tenant;
}

/* The request line and the header name the same site, or there is no header: what stands behind may go by either. */
static bool is_asked_twice(const struct hold_place *place)
{
	char asked[HOLDFILE_NAME_SIZE], header[HOLDFILE_NAME_SIZE];

	if (place->header.size == 0)
		return true;
	return holdfile_take_name(place->asked, asked) && holdfile_take_name(place->header, header) &&
	       strcmp(asked, header) == 0;
}

struct hold_site_mode hold_modes_find(
	const struct hold_modes *modes, const struct hold_place *place, enum gate_mode own)
{
	const struct holdfile_row *asked = hold_modes_at_name(modes, place->asked), *by_name = NULL, *first = NULL,
				  *row;
	struct hold_mode_found by_prefix = { 0 };
	bool known = asked && is_asked_twice(place) && place->has_name(place->context, place->asked);
	struct hold_site_mode site = { .mode = own };

	if (place->asset)
		by_name = hold_asset_mode(place->asset, modes, &by_prefix);
	if (place->address)
		by_prefix = hold_mode_narrower(by_prefix, hold_modes_at_address(modes, place->address));
	if (!known && !by_name)
		first = hold_modes_at_name(modes, place->own);
	if (known &&
		(is_at_home(asked, by_prefix) || (place->asset && hold_asset_has_name(place->asset, place->asked))))
		by_name = asked;
	else if (is_at_home(first, by_prefix))
		by_name = first;
	row = by_name ? by_name : by_prefix.row;
	if (by_prefix.row && by_prefix.row->edge_only)
		row = by_prefix.row;
	if (by_name && by_name->edge_only)
		row = by_name;
	if (row)
		site = (struct hold_site_mode){ row->edge_only ? GATE_OFF : gate_modes[row->mode], row };
	if (row && row->edge_only)
		return site;
	make_stricter(first, &site);
	if (by_name != asked)
		make_stricter(asked, &site);
	if (!bytes_equal(place->header, place->asked))
		make_stricter(hold_modes_at_name(modes, place->header), &site);
	return site;
}
