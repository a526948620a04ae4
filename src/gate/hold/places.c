// SPDX-License-Identifier: Apache-2.0
/* The table of places. Prefixes lie sorted, so that what is inside a prefix follows it, and each knows the one around it: an address is
 * found by bisection, then from the innermost outwards. Names lie sorted too, behind a hash table of their places. */
#include "gate/hold/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/siphash.h"

#define NO_NODE UINT32_MAX

/* A prefix or a name, with its list. */
struct list {
	uint32_t first, count; /* in places->armed */
};

struct node {
	struct ip_prefix prefix;
	uint32_t around; /* the node whose prefix is the next larger; NO_NODE: none */
	struct list list;
};

struct name {
	uint32_t text; /* in places->texts; ends with a NUL */
	struct list list;
};

struct hold_places {
	uint64_t number; /* no other table of the program has it */
	int64_t stamp;
	struct holdfile_row *rows;
	size_t row_count;
	struct gate_armed *armed;
	size_t armed_count;
	struct node *nodes;
	uint32_t node_count;
	struct name *names;
	uint32_t name_count;
	char *texts;
	uint32_t *slots; /* of the hash table: a name's number and one; 0: empty */
	size_t slot_mask;
	struct siphash_key key;
};

/* A place of a row, while the table is made. */
struct pair {
	uint32_t place; /* in the file's prefixes or names */
	uint32_t row;
};

static _Atomic uint64_t last_number;

void hold_places_free(struct hold_places *places)
{
	if (!places)
		return;
	free(places->rows);
	free(places->armed);
	free(places->nodes);
	free(places->names);
	free(places->texts);
	free(places->slots);
	free(places);
}

/* ---- lists ---- */

/* What enforces first, then the older hold: the first of a rule is the one that counts. HOLDFILE_MODE_ENFORCE is the larger. */
static int compare_holds(const struct holdfile_row *left, const struct holdfile_row *right)
{
	int order = (left->rule > right->rule) - (left->rule < right->rule);

	if (order == 0)
		order = (left->mode < right->mode) - (left->mode > right->mode);
	return order != 0 ? order : (left->hold > right->hold) - (left->hold < right->hold);
}

static int compare_by_prefix(const void *left, const void *right, void *context)
{
	const struct holdfile *file = context;
	const struct pair *a = left, *b = right;
	int order = ip_prefix_compare(&file->prefixes[a->place], &file->prefixes[b->place]);

	return order != 0 ? order : compare_holds(&file->rows[a->row], &file->rows[b->row]);
}

static int compare_by_name(const void *left, const void *right, void *context)
{
	const struct holdfile *file = context;
	const struct pair *a = left, *b = right;
	int order = strcmp(file->names[a->place], file->names[b->place]);

	return order != 0 ? order : compare_holds(&file->rows[a->row], &file->rows[b->row]);
}

/* Adds to the list that ends where the array does, a rule once. */
static void add_armed(struct hold_places *places, struct list *list, const struct holdfile_row *row)
{
	struct gate_armed *armed = &places->armed[places->armed_count];

	if (list->count != 0 && armed[-1].rule == row->rule)
		return;
	*armed = (struct gate_armed){
		.rule = row->rule, .hold = row->hold, .enforce = row->mode == HOLDFILE_MODE_ENFORCE
	};
	places->armed_count++;
	list->count++;
}

static struct list new_list(const struct hold_places *places)
{
	return (struct list){ .first = (uint32_t)places->armed_count };
}

/* ---- making: prefixes ---- */

static void add_node(struct hold_places *places, const struct ip_prefix *prefix)
{
	struct node *node = &places->nodes[places->node_count];
	uint32_t around = places->node_count == 0 ? NO_NODE : places->node_count - 1;

	while (around != NO_NODE && !ip_prefix_covers(&places->nodes[around].prefix, prefix))
		around = places->nodes[around].around;
	*node = (struct node){ .prefix = *prefix, .around = around, .list = new_list(places) };
	places->node_count++;
}

static int add_prefixes(struct hold_places *places, struct holdfile *file)
{
	struct pair *pairs = calloc(file->prefix_count + 1, sizeof(*pairs));
	size_t count = 0;

	places->nodes = calloc(file->prefix_count + 1, sizeof(*places->nodes));
	if (!pairs || !places->nodes) {
		free(pairs);
		return LUYTRE_E_NOMEM;
	}
	for (uint32_t i = 0; i < file->row_count; i++) {
		for (uint32_t k = 0; k < file->rows[i].prefix_count; k++)
			pairs[count++] = (struct pair){ file->rows[i].prefix_first + k, i };
	}
	qsort_r(pairs, count, sizeof(*pairs), compare_by_prefix, file);
	for (size_t i = 0; i < count; i++) {
		const struct ip_prefix *prefix = &file->prefixes[pairs[i].place];

		if (i == 0 || !ip_prefix_equal(prefix, &file->prefixes[pairs[i - 1].place]))
			add_node(places, prefix);
		add_armed(places, &places->nodes[places->node_count - 1].list, &file->rows[pairs[i].row]);
	}
	free(pairs);
	return 0;
}

/* ---- making: names ---- */

static size_t slot_of(const struct hold_places *places, const char *name, size_t size)
{
	return siphash24(places->key, name, size) & places->slot_mask;
}

static int add_slots(struct hold_places *places)
{
	size_t room = 16;
	int error = siphash_key_random(&places->key);

	if (error < 0)
		return error;
	while (room < 2 * (size_t)places->name_count)
		room *= 2;
	places->slot_mask = room - 1;
	places->slots = calloc(room, sizeof(*places->slots));
	if (!places->slots)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < places->name_count; i++) {
		const char *text = places->texts + places->names[i].text;
		size_t slot = slot_of(places, text, strlen(text));

		while (places->slots[slot] != 0)
			slot = (slot + 1) & places->slot_mask;
		places->slots[slot] = i + 1;
	}
	return 0;
}

static void add_name(struct hold_places *places, const char *name, uint32_t *used)
{
	places->names[places->name_count++] = (struct name){ .text = *used, .list = new_list(places) };
	memcpy(places->texts + *used, name, strlen(name) + 1);
	*used += (uint32_t)strlen(name) + 1;
}

static int add_names(struct hold_places *places, struct holdfile *file)
{
	struct pair *pairs = calloc(file->name_count + 1, sizeof(*pairs));
	size_t count = 0, text_size = 1;
	uint32_t used = 0;

	for (size_t i = 0; i < file->name_count; i++)
		text_size += strlen(file->names[i]) + 1;
	places->names = calloc(file->name_count + 1, sizeof(*places->names));
	places->texts = malloc(text_size);
	if (!pairs || !places->names || !places->texts) {
		free(pairs);
		return LUYTRE_E_NOMEM;
	}
	for (uint32_t i = 0; i < file->row_count; i++) {
		for (uint32_t k = 0; k < file->rows[i].name_count; k++)
			pairs[count++] = (struct pair){ file->rows[i].name_first + k, i };
	}
	qsort_r(pairs, count, sizeof(*pairs), compare_by_name, file);
	for (size_t i = 0; i < count; i++) {
		const char *name = file->names[pairs[i].place];

		if (i == 0 || strcmp(name, file->names[pairs[i - 1].place]) != 0)
			add_name(places, name, &used);
		add_armed(places, &places->names[places->name_count - 1].list, &file->rows[pairs[i].row]);
	}
	free(pairs);
	return add_slots(places);
}

/* ---- making ---- */

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int check_rules(const struct holdfile *file)
{
	uint64_t *rules = calloc(file->row_count + 1, sizeof(*rules));
	size_t count = 0;

	if (!rules)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < file->row_count; i++)
		rules[i] = file->rows[i].rule;
	qsort(rules, file->row_count, sizeof(*rules), compare_numbers);
	for (size_t i = 0; i < file->row_count; i++)
		count += i == 0 || rules[i] != rules[i - 1];
	free(rules);
	return count > HOLD_PLACES_RULES_MAX ? LUYTRE_E_FULL : 0;
}

static int fill(struct hold_places *places, struct holdfile *file)
{
	int error = check_rules(file);

	if (error < 0)
		return error;
	places->armed = calloc(file->prefix_count + file->name_count + 1, sizeof(*places->armed));
	if (!places->armed)
		return LUYTRE_E_NOMEM;
	error = add_prefixes(places, file);
	if (error == 0)
		error = add_names(places, file);
	return error;
}

int hold_places_new(struct holdfile *file, struct hold_places **ret)
{
	struct hold_places *places = calloc(1, sizeof(*places));
	int error = places ? fill(places, file) : LUYTRE_E_NOMEM;

	if (error == 0) {
		places->number = ++last_number;
		places->stamp = file->stamp;
		places->rows = file->rows;
		places->row_count = file->row_count;
		file->rows = NULL;
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

/* ---- looking up ---- */

static void tell(const struct hold_places *places, const struct list *list, hold_armed_fn each, void *context)
{
	each(context, &places->armed[list->first], list->count);
}

/* The number of the first node that is behind the prefix in order. */
static uint32_t first_behind(const struct hold_places *places, const struct ip_prefix *prefix)
{
	uint32_t low = 0, high = places->node_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ip_prefix_compare(&places->nodes[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void hold_places_at_prefix(
	const struct hold_places *places, const struct ip_prefix *prefix, hold_armed_fn each, void *context)
{
	uint32_t behind = first_behind(places, prefix), at = behind == 0 ? NO_NODE : behind - 1;

	for (; at != NO_NODE; at = places->nodes[at].around) {
		if (ip_prefix_covers(&places->nodes[at].prefix, prefix))
			tell(places, &places->nodes[at].list, each, context);
	}
	for (uint32_t i = behind; i < places->node_count; i++) {
		if (!ip_prefix_covers(prefix, &places->nodes[i].prefix))
			break;
		tell(places, &places->nodes[i].list, each, context);
	}
}

void hold_places_at_address(
	const struct hold_places *places, const struct ip_addr *address, hold_armed_fn each, void *context)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr plain = *address;
	struct ip_prefix prefix;

	if (address->family == IP_V6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0)
		plain = ip_addr_v4(address->bytes + sizeof(mapped));
	prefix = ip_prefix_of_addr(&plain);
	hold_places_at_prefix(places, &prefix, each, context);
}

void hold_places_at_name(const struct hold_places *places, struct bytes name, hold_armed_fn each, void *context)
{
	char text[HOLDFILE_NAME_SIZE];
	size_t slot;

	if (places->name_count == 0 || !holdfile_take_name(name, text))
		return;
	slot = slot_of(places, text, strlen(text));
	for (; places->slots[slot] != 0; slot = (slot + 1) & places->slot_mask) {
		const struct name *found = &places->names[places->slots[slot] - 1];

		if (strcmp(places->texts + found->text, text) == 0) {
			tell(places, &found->list, each, context);
			return;
		}
	}
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
	asset->number = 0;
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
