// SPDX-License-Identifier: Apache-2.0
#include "sensor/stats.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum { NAME_SIZE = 96, DEPTH_MAX = 12 };

static char names[STATS_COUNTERS_MAX][NAME_SIZE] = {
#define X(id, name) [COUNTER_##id] = name,
	SENSOR_COUNTERS(X)
#undef X
};
static unsigned int names_count = COUNTER_FIXED;

unsigned int stats_register(const char *name)
{
	for (unsigned int i = 0; i < names_count; i++)
		if (!strcmp(names[i], name))
			return i;
	if (names_count == STATS_COUNTERS_MAX - 1)
		name = "stats.overflow";
	if (names_count == STATS_COUNTERS_MAX)
		return STATS_COUNTERS_MAX - 1;
	strncpy(names[names_count], name, NAME_SIZE - 1);
	return names_count++;
}

unsigned int stats_count(void)
{
	return names_count;
}

const char *stats_name(unsigned int index)
{
	return names[index];
}

/* The piece of a dotted name at 'depth'; false behind the last. */
static bool piece_of(const char *name, unsigned int depth, struct bytes *ret, bool *ret_last)
{
	for (;;) {
		size_t size = strcspn(name, ".");

		if (depth-- == 0) {
			*ret = bytes_of(name, size);
			*ret_last = name[size] == '\0';
			return true;
		}
		if (name[size] == '\0')
			return false;
		name += size + 1;
	}
}

struct stats_tree {
	const uint64_t *values;
	stats_more_fn more;
	void *context;
	struct jsonw *json;
};

static void write_level(const struct stats_tree *tree, unsigned int depth, unsigned int like);

static void write_object(const struct stats_tree *tree, unsigned int depth, unsigned int index, size_t path_size)
{
	char path[NAME_SIZE];

	jsonw_object_begin(tree->json);
	if (depth < DEPTH_MAX)
		write_level(tree, depth, index);
	snprintf(path, sizeof(path), "%.*s", (int)path_size, names[index]);
	if (tree->more)
		tree->more(tree->context, path, tree->json);
	jsonw_object_end(tree->json);
}

/* Members of the object whose names share the first 'depth' pieces with counter 'like'. An object is written where its
 * first counter stands, with all its members, however they were registered. */
static void write_level(const struct stats_tree *tree, unsigned int depth, unsigned int like)
{
	size_t prefix_size = 0;

	for (unsigned int d = 0; d < depth; d++)
		prefix_size += strcspn(names[like] + prefix_size, ".") + 1;
	for (unsigned int i = 0; i < names_count; i++) {
		struct bytes piece;
		bool last, first = true;

		if (strncmp(names[i], names[like], prefix_size) != 0 || !piece_of(names[i], depth, &piece, &last))
			continue;
		if (last) {
			jsonw_key_bytes(tree->json, piece);
			jsonw_u64(tree->json, tree->values[i]);
			continue;
		}
		for (unsigned int before = 0; before < i && first; before++)
			first = strncmp(names[before], names[i], prefix_size + piece.size + 1) != 0;
		if (!first)
			continue;
		jsonw_key_bytes(tree->json, piece);
		write_object(tree, depth + 1, i, prefix_size + piece.size);
	}
}

void stats_write(const uint64_t *values, stats_more_fn more, void *context, struct jsonw *json)
{
	struct stats_tree tree = { values, more, context, json };

	write_level(&tree, 0, 0);
}
