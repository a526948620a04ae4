// SPDX-License-Identifier: Apache-2.0
#include "gate/hold/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/siphash.h"

#define NO_NODE UINT32_MAX

struct node {
	struct ip_prefix prefix;
	uint32_t around; /* the node whose prefix is the next larger; NO_NODE: none */
	struct place_list list;
};

struct name {
	uint32_t text; /* in index->texts; ends with a NUL */
	struct place_list list;
};

struct place_index {
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

void place_index_free(struct place_index *index)
{
	if (!index)
		return;
	free(index->nodes);
	free(index->names);
	free(index->texts);
	free(index->slots);
	free(index);
}

static int compare_by_prefix(const void *left, const void *right, void *context)
{
	const struct place_maker *maker = context;
	const struct pair *a = left, *b = right;
	int order = ip_prefix_compare(&maker->file->prefixes[a->place], &maker->file->prefixes[b->place]);

	return order != 0 ? order : maker->compare(&maker->rows[a->row], &maker->rows[b->row]);
}

static int compare_by_name(const void *left, const void *right, void *context)
{
	const struct place_maker *maker = context;
	const struct pair *a = left, *b = right;
	int order = strcmp(maker->file->names[a->place], maker->file->names[b->place]);

	return order != 0 ? order : maker->compare(&maker->rows[a->row], &maker->rows[b->row]);
}

/* ---- prefixes ---- */

static void add_node(struct place_index *index, const struct ip_prefix *prefix)
{
	struct node *node = &index->nodes[index->node_count];
	uint32_t around = index->node_count == 0 ? NO_NODE : index->node_count - 1;

	while (around != NO_NODE && !ip_prefix_covers(&index->nodes[around].prefix, prefix))
		around = index->nodes[around].around;
	*node = (struct node){ .prefix = *prefix, .around = around };
	index->node_count++;
}

static int add_prefixes(struct place_index *index, struct place_maker *maker)
{
	const struct ip_prefix *prefixes = maker->file->prefixes;
	struct pair *pairs = calloc(maker->file->prefix_count + 1, sizeof(*pairs));
	size_t count = 0;

	index->nodes = calloc(maker->file->prefix_count + 1, sizeof(*index->nodes));
	if (!pairs || !index->nodes) {
		free(pairs);
		return LUYTRE_E_NOMEM;
	}
	for (uint32_t i = 0; i < maker->row_count; i++) {
		for (uint32_t k = 0; k < maker->rows[i].prefix_count; k++)
			pairs[count++] = (struct pair){ maker->rows[i].prefix_first + k, i };
	}
	qsort_r(pairs, count, sizeof(*pairs), compare_by_prefix, maker);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !ip_prefix_equal(&prefixes[pairs[i].place], &prefixes[pairs[i - 1].place]))
			add_node(index, &prefixes[pairs[i].place]);
		maker->add(maker->context, &index->nodes[index->node_count - 1].list, &maker->rows[pairs[i].row]);
	}
	free(pairs);
	return 0;
}

/* ---- names ---- */

static size_t slot_of(const struct place_index *index, const char *name, size_t size)
{
	return siphash24(index->key, name, size) & index->slot_mask;
}

static int add_slots(struct place_index *index)
{
	size_t room = 16;
	int error = siphash_key_random(&index->key);

	if (error < 0)
		return error;
	while (room < 2 * (size_t)index->name_count)
		room *= 2;
	index->slot_mask = room - 1;
	index->slots = calloc(room, sizeof(*index->slots));
	if (!index->slots)
		return LUYTRE_E_NOMEM;
	for (uint32_t i = 0; i < index->name_count; i++) {
		const char *text = index->texts + index->names[i].text;
		size_t slot = slot_of(index, text, strlen(text));

		while (index->slots[slot] != 0)
			slot = (slot + 1) & index->slot_mask;
		index->slots[slot] = i + 1;
	}
	return 0;
}

static void add_name(struct place_index *index, const char *name, uint32_t *used)
{
	index->names[index->name_count++] = (struct name){ .text = *used };
	memcpy(index->texts + *used, name, strlen(name) + 1);
	*used += (uint32_t)strlen(name) + 1;
}

static int add_names(struct place_index *index, struct place_maker *maker)
{
	const struct holdfile *file = maker->file;
	struct pair *pairs = calloc(file->name_count + 1, sizeof(*pairs));
	size_t count = 0, text_size = 1;
	uint32_t used = 0;

	for (uint32_t i = 0; i < maker->row_count; i++) {
		for (uint32_t k = 0; k < maker->rows[i].name_count; k++)
			text_size += strlen(file->names[maker->rows[i].name_first + k]) + 1;
	}
	index->names = calloc(file->name_count + 1, sizeof(*index->names));
	index->texts = malloc(text_size);
	if (!pairs || !index->names || !index->texts) {
		free(pairs);
		return LUYTRE_E_NOMEM;
	}
	for (uint32_t i = 0; i < maker->row_count; i++) {
		for (uint32_t k = 0; k < maker->rows[i].name_count; k++)
			pairs[count++] = (struct pair){ maker->rows[i].name_first + k, i };
	}
	qsort_r(pairs, count, sizeof(*pairs), compare_by_name, maker);
	for (size_t i = 0; i < count; i++) {
		const char *name = file->names[pairs[i].place];

		if (i == 0 || strcmp(name, file->names[pairs[i - 1].place]) != 0)
			add_name(index, name, &used);
		maker->add(maker->context, &index->names[index->name_count - 1].list, &maker->rows[pairs[i].row]);
	}
	free(pairs);
	return add_slots(index);
}

int place_index_new(const struct place_maker *maker, struct place_index **ret)
{
	struct place_index *index = calloc(1, sizeof(*index));
	struct place_maker copy = *maker;
	int error;

	if (!index)
		return LUYTRE_E_NOMEM;
	error = add_prefixes(index, &copy);
	if (error == 0)
		error = add_names(index, &copy);
	if (error < 0)
		place_index_free(index);
	else
		*ret = index;
	return error;
}

/* ---- looking up ---- */

/* The number of the first node that is behind the prefix in order. */
static uint32_t first_behind(const struct place_index *index, const struct ip_prefix *prefix)
{
	uint32_t low = 0, high = index->node_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ip_prefix_compare(&index->nodes[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* From 'at' outwards, the first that holds it. */
static uint32_t covering(const struct place_index *index, const struct ip_prefix *prefix, uint32_t at)
{
	while (at != NO_NODE && !ip_prefix_covers(&index->nodes[at].prefix, prefix))
		at = index->nodes[at].around;
	return at;
}

void place_index_at_prefix(
	const struct place_index *index, const struct ip_prefix *prefix, place_fn each, void *context)
{
	uint32_t behind = first_behind(index, prefix), at = covering(index, prefix, behind == 0 ? NO_NODE : behind - 1);

	for (; at != NO_NODE; at = index->nodes[at].around)
		each(context, &index->nodes[at].prefix, &index->nodes[at].list);
	for (uint32_t i = behind; i < index->node_count; i++) {
		if (!ip_prefix_covers(prefix, &index->nodes[i].prefix))
			break;
		each(context, &index->nodes[i].prefix, &index->nodes[i].list);
	}
}

const struct place_list *place_index_longest(
	const struct place_index *index, const struct ip_prefix *prefix, const struct ip_prefix **ret)
{
	uint32_t behind = first_behind(index, prefix), at = covering(index, prefix, behind == 0 ? NO_NODE : behind - 1);

	if (at == NO_NODE)
		return NULL;
	*ret = &index->nodes[at].prefix;
	return &index->nodes[at].list;
}

const struct place_list *place_index_at_name(const struct place_index *index, struct bytes name)
{
	char text[HOLDFILE_NAME_SIZE];
	size_t slot;

	if (index->name_count == 0 || !holdfile_take_name(name, text))
		return NULL;
	slot = slot_of(index, text, strlen(text));
	for (; index->slots[slot] != 0; slot = (slot + 1) & index->slot_mask) {
		const struct name *found = &index->names[index->slots[slot] - 1];

		if (strcmp(index->texts + found->text, text) == 0)
			return &found->list;
	}
	return NULL;
}

void place_index_each_name(const struct place_index *index, place_name_fn each, void *context)
{
	for (uint32_t i = 0; i < index->name_count; i++)
		each(context, bytes_from_str(index->texts + index->names[i].text), &index->names[i].list);
}

struct ip_prefix place_of_address(const struct ip_addr *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr plain = *address;

	if (address->family == IP_V6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0)
		plain = ip_addr_v4(address->bytes + sizeof(mapped));
	return ip_prefix_of_addr(&plain);
}
