// SPDX-License-Identifier: Apache-2.0
#include "hub/api/route.h"

static const char *const method_names[API_METHOD_COUNT] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

const char *api_method_name(enum api_method method)
{
	return method_names[method];
}

int api_method_parse(const char *name)
{
	if (strcmp(name, "HEAD") == 0)
		return API_GET;
	for (int i = 0; i < API_METHOD_COUNT; i++) {
		if (strcmp(name, method_names[i]) == 0)
			return i;
	}
	return -1;
}

/* The child with that text, or the one for any text, or null. */
static const struct api_node *step(const struct api_node *nodes, const struct api_node *node, struct bytes segment)
{
	size_t low = node->first, high = node->first + (size_t)node->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = bytes_compare(segment, bytes_from_str(nodes[middle].text));

		if (order == 0)
			return &nodes[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return node->any && !bytes_empty(segment) ? &nodes[node->any] : NULL;
}

bool api_route(const struct api_table *table, int method, struct bytes path, struct api_match *ret)
{
	const struct api_node *node = table->nodes;
	size_t value_count = 0;

	*ret = (struct api_match){ 0 };
	while (node && !bytes_empty(path)) {
		struct bytes segment = bytes_skip(path, 1);

		segment = bytes_first(segment, bytes_index(segment, '/'));
		node = step(table->nodes, node, segment);
		if (node && !node->text) {
			if (value_count == API_PATH_DEPTH_MAX)
				return false;
			ret->path[value_count++] = segment;
		}
		path = bytes_skip(path, segment.size + 1);
	}
	if (!node)
		return false;
	for (int i = 0; i < API_METHOD_COUNT; i++) {
		if (node->operation[i])
			ret->methods |= (uint8_t)(1 << i);
	}
	if (ret->methods && method >= 0 && node->operation[method]) {
		ret->index = node->operation[method] - 1U;
		ret->operation = &table->operations[ret->index];
	}
	return ret->methods != 0;
}
