// SPDX-License-Identifier: Apache-2.0
/* Any text is read as options, all of them are walked and read as every type, and overrides are laid over them. */
#include <stdlib.h>

#include "sensor/config/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct conf_node *node, unsigned int depth)
{
	static const char *const names[] = { "auto", "drop-flow", NULL };
	size_t nodes_count = 1;

	if (depth > CONF_DEPTH_MAX + 1)
		abort();
	conf_bool(node, "", false);
	conf_switch(node, "enabled");
	conf_u64(node, "", 0);
	conf_i64(node, "", 0);
	conf_double(node, "", 0);
	conf_size(node, "", 0);
	conf_seconds(node, "", 0);
	conf_choice(node, "", names, 0);
	for (size_t i = 0; i < conf_values_count(node) && i < 4; i++)
		conf_value_at(node, i);
	CONF_FOR(child, node)
	{
		if (child->parent != node || (!conf_child(node, child->name)))
			abort();
		conf_item_options(child);
		nodes_count += walk(child, depth + 1);
	}
	return nodes_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const overrides[] = { "a.b=1", "outputs.1.eve-log.types.1.frame.enabled=yes", "a=2",
		"outputs.eve-log=x", "list.3=q" };
	char message[CONF_MESSAGE_SIZE];
	struct conf_tree *tree;

	if (size > 65536 || conf_tree_from_text(bytes_of(data, size), "fuzz", message, &tree) != 0)
		return 0;
	walk(conf_root(tree), 0);
	for (size_t i = 0; i < ARRAY_COUNT(overrides); i++) {
		if (conf_tree_set_text(tree, overrides[i], message) != 0)
			abort();
	}
	walk(conf_root(tree), 0);
	for (size_t i = 0; conf_tree_complaint(tree, i); i++) {
		if (strlen(conf_tree_complaint(tree, i)) >= CONF_MESSAGE_SIZE)
			abort();
	}
	conf_tree_free(tree);
	return 0;
}
