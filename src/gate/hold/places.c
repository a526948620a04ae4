// SPDX-License-Identifier: Apache-2.0
#include "gate/hold/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "gate/hold/index.h"

struct hold_places {
	uint64_t number; /* no other table of the program has it */
	int64_t stamp;
	struct holdfile_row *rows; /* of the gate's part */
	size_t row_count;
	struct gate_armed *armed;
	size_t armed_count;
	uint32_t *row_numbers; /* of the rows of each place */
	size_t row_number_count;
	struct place_index *index; /* a list is one of 'armed' */
	struct hold_modes *modes; /* null: none */
};

static _Atomic uint64_t last_number;

void hold_places_free(struct hold_places *places)
{
	if (!places)
		return;
	free(places->rows);
	free(places->armed);
	free(places->row_numbers);
	place_index_free(places->index);
	hold_modes_free(places->modes);
	free(places);
}

/* ---- making ---- */

/* What enforces first, then the older hold: the first of a rule is the one that counts. HOLDFILE_MODE_ENFORCE is the larger. */
static int compare_holds(const struct holdfile_row *left, const struct holdfile_row *right)
{
	int order = (left->rule > right->rule) - (left->rule < right->rule);

	if (order == 0)
		order = (left->mode < right->mode) - (left->mode > right->mode);
	return order != 0 ? order : (left->hold > right->hold) - (left->hold < right->hold);
}

/* Adds to the list that ends where the array does, a rule once. */
static void add_armed(void *context, struct place_list *list, const struct holdfile_row *row)
{
	struct hold_places *places = context;
	struct gate_armed *armed = &places->armed[places->armed_count];

	if (list->row_count++ == 0)
		list->row_first = (uint32_t)places->row_number_count;
	places->row_numbers[places->row_number_count++] = (uint32_t)(row - places->rows);
	if (list->count == 0)
		list->first = (uint32_t)places->armed_count;
	else if (armed[-1].rule == row->rule)
		return;
	*armed = (struct gate_armed){
		.rule = row->rule, .hold = row->hold, .enforce = row->mode == HOLDFILE_MODE_ENFORCE
	};
	places->armed_count++;
	list->count++;
}

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int check_rules(const struct hold_places *places)
{
	uint64_t *rules = calloc(places->row_count + 1, sizeof(*rules));
	size_t count = 0;

	if (!rules)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < places->row_count; i++)
		rules[i] = places->rows[i].rule;
	qsort(rules, places->row_count, sizeof(*rules), compare_numbers);
	for (size_t i = 0; i < places->row_count; i++)
		count += i == 0 || rules[i] != rules[i - 1];
	free(rules);
	return count > HOLD_PLACES_RULES_MAX ? LUYTRE_E_FULL : 0;
}

/* Rows of others, whose rules have numbers of their own, are nothing here. */
static void take_rows(struct hold_places *places, struct holdfile *file)
{
	places->rows = file->rows;
	file->rows = NULL;
	for (size_t i = 0; i < file->row_count; i++) {
		if (places->rows[i].part == HOLDFILE_PART_GATE)
			places->rows[places->row_count++] = places->rows[i];
	}
}

static int fill(struct hold_places *places, struct holdfile *file)
{
	const struct place_maker maker = { .file = file,
		.rows = places->rows,
		.row_count = places->row_count,
		.compare = compare_holds,
		.add = add_armed,
		.context = places };
	int error = check_rules(places);

	if (error < 0)
		return error;
	places->armed = calloc(file->prefix_count + file->name_count + 1, sizeof(*places->armed));
	places->row_numbers = calloc(file->prefix_count + file->name_count + 1, sizeof(*places->row_numbers));
	if (!places->armed || !places->row_numbers)
		return LUYTRE_E_NOMEM;
	error = place_index_new(&maker, &places->index);
	return error < 0 ? error : hold_modes_new(file, &places->modes);
}

int hold_places_new(struct holdfile *file, struct hold_places **ret)
{
	struct hold_places *places = calloc(1, sizeof(*places));
	int error;

	if (places)
		take_rows(places, file);
	error = places ? fill(places, file) : LUYTRE_E_NOMEM;
	if (error == 0) {
		places->number = ++last_number;
		places->stamp = file->stamp;
		*ret = places;
	} else {
		hold_places_free(places);
	}
	holdfile_done(file);
	return error;
}

int64_t hold_places_stamp(const struct hold_places *places)
{
	return places->stamp;
}

const struct holdfile_row *hold_places_rows(const struct hold_places *places, size_t *ret_count)
{
	*ret_count = places->row_count;
	return places->rows;
}

const struct hold_modes *hold_places_modes(const struct hold_places *places)
{
	return places->modes;
}

/* ---- looking up ---- */

struct teller {
	const struct hold_places *places;
	hold_armed_fn each;
	void *context;
};

static void tell(void *context, const struct ip_prefix *prefix, const struct place_list *list)
{
	const struct teller *teller = context;

	(void)prefix;
	teller->each(teller->context, &teller->places->armed[list->first], list->count);
}

void hold_places_at_prefix(
	const struct hold_places *places, const struct ip_prefix *prefix, hold_armed_fn each, void *context)
{
	struct teller teller = { places, each, context };

	place_index_at_prefix(places->index, prefix, tell, &teller);
}

void hold_places_at_address(
	const struct hold_places *places, const struct ip_addr *address, hold_armed_fn each, void *context)
{
	struct ip_prefix prefix = place_of_address(address);

	hold_places_at_prefix(places, &prefix, each, context);
}

void hold_places_at_name(const struct hold_places *places, struct bytes name, hold_armed_fn each, void *context)
{
	const struct place_list *list = place_index_at_name(places->index, name);

	if (list)
		each(context, &places->armed[list->first], list->count);
}

/* ---- rows ---- */

struct row_teller {
	const struct hold_places *places;
	hold_rows_fn each;
	void *context;
};

static void tell_rows(void *context, struct bytes name, const struct place_list *list)
{
	const struct row_teller *teller = context;

	teller->each(teller->context, name, &teller->places->row_numbers[list->row_first], list->row_count);
}

static void tell_prefix_rows(void *context, const struct ip_prefix *prefix, const struct place_list *list)
{
	(void)prefix;
	tell_rows(context, (struct bytes){ 0 }, list);
}

void hold_places_each_name(const struct hold_places *places, hold_rows_fn each, void *context)
{
	struct row_teller teller = { places, each, context };

	place_index_each_name(places->index, tell_rows, &teller);
}

void hold_places_rows_at_prefix(
	const struct hold_places *places, const struct ip_prefix *prefix, hold_rows_fn each, void *context)
{
	struct row_teller teller = { places, each, context };

	place_index_at_prefix(places->index, prefix, tell_prefix_rows, &teller);
}

/* ---- what a server stands for ---- */

struct hold_asset {
	struct ip_prefix prefixes[HOLDFILE_PLACES_MAX];
	size_t prefix_count;
	char *names[HOLDFILE_PLACES_MAX]; /* owned */
	size_t name_count;
	uint64_t number; /* of the table that the list is of; 0: none */
	struct gate_armed *armed; /* owned */
	size_t armed_count, armed_room;
	bool no_memory; /* while the list is made */
	uint64_t modes_number; /* of the table that the following are of; 0: none */
	const struct holdfile_row *by_name;
	struct hold_mode_found by_prefix;
};

struct hold_asset *hold_asset_new(void)
{
	return calloc(1, sizeof(struct hold_asset));
}

void hold_asset_free(struct hold_asset *asset)
{
	if (!asset)
		return;
	for (size_t i = 0; i < asset->name_count; i++)
		free(asset->names[i]);
	free(asset->armed);
	free(asset);
}

/* What looks like an address is one, or wrong. */
static bool is_address(struct bytes word)
{
	bool digits = word.size != 0;

	for (size_t i = 0; i < word.size; i++) {
		if (word.ptr[i] == ':' || word.ptr[i] == '/')
			return true;
		digits &= ascii_is_digit(word.ptr[i]) || word.ptr[i] == '.';
	}
	return digits;
}

int hold_asset_add(struct hold_asset *asset, struct bytes word)
{
	char text[HOLDFILE_NAME_SIZE];
	int error;

	if (asset->prefix_count == HOLDFILE_PLACES_MAX || asset->name_count == HOLDFILE_PLACES_MAX)
		return LUYTRE_E_FULL;
	asset->number = asset->modes_number = 0;
	if (is_address(word)) {
		error = ip_prefix_parse(word, 0, &asset->prefixes[asset->prefix_count]);
		asset->prefix_count += error == 0;
		return error == LUYTRE_E_RANGE ? LUYTRE_E_SYNTAX : error;
	}
	if (!holdfile_take_name(word, text))
		return LUYTRE_E_SYNTAX;
	asset->names[asset->name_count] = strdup(text);
	if (!asset->names[asset->name_count])
		return LUYTRE_E_NOMEM;
	asset->name_count++;
	return 0;
}

static void each_word(
	const struct hold_asset *asset, const struct hold_places *places, hold_armed_fn each, void *context)
{
	for (size_t i = 0; i < asset->prefix_count; i++)
		hold_places_at_prefix(places, &asset->prefixes[i], each, context);
	for (size_t i = 0; i < asset->name_count; i++)
		hold_places_at_name(places, bytes_from_str(asset->names[i]), each, context);
}

static void gather(void *context, const struct gate_armed *armed, size_t count)
{
	struct hold_asset *asset = context;

	if (asset->armed_count + count > asset->armed_room) {
		size_t room = 2 * (asset->armed_count + count);
		struct gate_armed *grown = realloc(asset->armed, room * sizeof(*grown));

		asset->no_memory |= !grown;
		if (!grown)
			return;
		asset->armed = grown;
		asset->armed_room = room;
	}
	memcpy(asset->armed + asset->armed_count, armed, count * sizeof(*armed));
	asset->armed_count += count;
}

static int compare_armed(const void *left, const void *right)
{
	const struct gate_armed *a = left, *b = right;
	int order = (a->rule > b->rule) - (a->rule < b->rule);

	if (order == 0)
		order = b->enforce - a->enforce;
	return order != 0 ? order : (a->hold > b->hold) - (a->hold < b->hold);
}

static void make_list(struct hold_asset *asset, const struct hold_places *places)
{
	size_t kept = 0;

	asset->armed_count = 0;
	asset->no_memory = false;
	each_word(asset, places, gather, asset);
	if (asset->armed_count != 0)
		qsort(asset->armed, asset->armed_count, sizeof(*asset->armed), compare_armed);
	for (size_t i = 0; i < asset->armed_count; i++) {
		if (kept == 0 || asset->armed[kept - 1].rule != asset->armed[i].rule)
			asset->armed[kept++] = asset->armed[i];
	}
	asset->armed_count = kept;
	asset->number = asset->no_memory ? 0 : places->number;
}

void hold_asset_find(struct hold_asset *asset, const struct hold_places *places, hold_armed_fn each, void *context)
{
	if (asset->number != places->number)
		make_list(asset, places);
	/* Without memory for the list each word is looked up: slower, and nothing is missed. */
	if (asset->number != places->number)
		each_word(asset, places, each, context);
	else
		each(context, asset->armed, asset->armed_count);
}

const struct holdfile_row *hold_asset_mode(
	struct hold_asset *asset, const struct hold_modes *modes, struct hold_mode_found *ret_by_prefix)
{
	if (asset->modes_number != hold_modes_number(modes)) {
		asset->by_name = NULL;
		asset->by_prefix = (struct hold_mode_found){ 0 };
		for (size_t i = 0; i < asset->name_count; i++)
			asset->by_name = hold_mode_stronger(
				asset->by_name, hold_modes_at_name(modes, bytes_from_str(asset->names[i])));
		for (size_t i = 0; i < asset->prefix_count; i++)
			asset->by_prefix =
				hold_mode_narrower(asset->by_prefix, hold_modes_at_prefix(modes, &asset->prefixes[i]));
		asset->modes_number = hold_modes_number(modes);
	}
	*ret_by_prefix = asset->by_prefix;
	return asset->by_name;
}

bool hold_asset_has_name(const struct hold_asset *asset, struct bytes name)
{
	char text[HOLDFILE_NAME_SIZE];

	if (!holdfile_take_name(name, text))
		return false;
	for (size_t i = 0; i < asset->name_count; i++) {
		if (strcmp(asset->names[i], text) == 0)
			return true;
	}
	return false;
}

void hold_asset_rows(const struct hold_asset *asset, const struct hold_places *places, hold_rows_fn each, void *context)
{
	struct row_teller teller = { places, each, context };

	for (size_t i = 0; i < asset->prefix_count; i++)
		place_index_at_prefix(places->index, &asset->prefixes[i], tell_prefix_rows, &teller);
	for (size_t i = 0; i < asset->name_count; i++) {
		struct bytes name = bytes_from_str(asset->names[i]);
		const struct place_list *list = place_index_at_name(places->index, name);

		if (list)
			tell_rows(&teller, name, list);
	}
}
