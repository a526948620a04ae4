// SPDX-License-Identifier: Apache-2.0
/* Files of holds and modes. Whatever is accepted keeps to the ceilings, points into its own lists, reads the same after it was written, and is found at its places. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "gate/hold/places.h"

static void check(const struct holdfile *file)
{
	assert(file->stamp >= 0 && file->row_count <= HOLDFILE_ROWS_MAX);
	assert(file->prefix_count <= HOLDFILE_PLACES_ALL_MAX && file->name_count <= HOLDFILE_PLACES_ALL_MAX);
	for (size_t i = 0; i < file->row_count; i++) {
		const struct holdfile_row *row = &file->rows[i];

		assert(i == 0 || row[-1].hold <= row->hold);
		assert(row->hold > 0 && row->rule > 0 && row->mode < HOLDFILE_MODE_COUNT);
		assert(row->part < HOLDFILE_PART_COUNT);
		assert(row->prefix_count <= HOLDFILE_PLACES_MAX && row->name_count <= HOLDFILE_PLACES_MAX);
		assert((size_t)row->prefix_first + row->prefix_count <= file->prefix_count);
		assert((size_t)row->name_first + row->name_count <= file->name_count);
	}
}

static struct bytes write_text(struct jsonw *json, struct holdfile *file)
{
	struct bytes text;

	jsonw_init(json, HOLDFILE_SIZE_MAX);
	holdfile_write(json, file);
	if (jsonw_text(json, &text) < 0)
		abort();
	return text;
}

struct wanted {
	uint64_t rule;
	bool found;
};

static void find(void *context, const struct gate_armed *armed, size_t count)
{
	struct wanted *wanted = context;

	for (size_t i = 0; i < count; i++)
		wanted->found |= armed[i].rule == wanted->rule;
}

static bool anybody(const void *context, struct bytes name)
{
	(void)context;
	(void)name;
	return true;
}

/* What is said of a place comes from a row that is about it, what is edge-only is off, and a name alone makes nothing weaker. */
static void look_up_mode(const struct hold_modes *modes, const struct holdfile *file)
{
	for (size_t i = 0; i < file->mode_count && i < 64; i++) {
		const struct holdfile_row *row = &file->modes[i];
		const struct ip_prefix *prefix = row->prefix_count ? &file->prefixes[row->prefix_first] : NULL;
		struct hold_place place = { .address = prefix ? &prefix->addr : NULL, .has_name = anybody };
		struct hold_site_mode got;

		if (row->name_count != 0)
			place.asked = bytes_from_str(file->names[row->name_first]);
		place.header = place.own = place.asked;
		got = hold_modes_find(modes, &place, GATE_SHADOW);
		assert(got.row ? row->name_count || row->prefix_count : !row->prefix_count);
		assert(prefix || got.mode >= GATE_SHADOW);
		assert(!got.row || !got.row->edge_only || got.mode == GATE_OFF);
		assert(!row->name_count || hold_modes_at_name(modes, place.asked));
		assert(!prefix || hold_modes_at_prefix(modes, prefix).row);
	}
}

/* By its first place of each kind: as a person would ask for it. */
static void look_up(const struct hold_places *places, const struct holdfile *file)
{
	for (size_t i = 0; i < file->row_count && i < 64; i++) {
		const struct holdfile_row *row = &file->rows[i];
		struct wanted by_prefix = { .rule = row->rule }, by_name = by_prefix;

		if (row->part != HOLDFILE_PART_GATE)
			continue;
		if (row->prefix_count != 0) {
			hold_places_at_prefix(places, &file->prefixes[row->prefix_first], find, &by_prefix);
			assert(by_prefix.found);
		}
		if (row->name_count != 0) {
			hold_places_at_name(places, bytes_from_str(file->names[row->name_first]), find, &by_name);
			assert(by_name.found);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct holdfile file, again;
	struct hold_places *places;
	struct jsonw first, second;
	struct bytes text;
	int error = holdfile_read(bytes_of(data, size), &file);

	if (error < 0) {
		assert(error == LUYTRE_E_SYNTAX || error == LUYTRE_E_FULL || error == LUYTRE_E_NOMEM);
		return 0;
	}
	check(&file);
	text = write_text(&first, &file);
	error = holdfile_read(text, &again);
	assert(error == 0);
	assert(again.stamp == file.stamp && again.row_count == file.row_count && again.mode_count == file.mode_count);
	if (!bytes_equal(write_text(&second, &again), text))
		abort();
	jsonw_done(&first);
	jsonw_done(&second);
	if (hold_places_new(&again, &places) == 0) {
		look_up(places, &file);
		assert(!hold_places_modes(places) == !file.mode_count);
		if (hold_places_modes(places))
			look_up_mode(hold_places_modes(places), &file);
		hold_places_free(places);
	}
	holdfile_done(&file);
	return 0;
}
