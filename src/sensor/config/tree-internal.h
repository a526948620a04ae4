// SPDX-License-Identifier: Apache-2.0
/* What the files of the option tree share: the tree itself and the making of nodes. Not for others. */
#pragma once

#include "base/arena.h"
#include "sensor/config/tree.h"

struct conf_tree {
	struct arena arena; /* owns nodes and texts */
	struct conf_node *root;
	const char *file; /* null when there is none */
	size_t nodes_count; /* all that were ever made */
	size_t files_count;
	size_t complaints_count;
	const char *complaints[CONF_COMPLAINTS_MAX];
};

/* Appends a child without text to 'parent'; both texts are borrowed. Null at a bound or without memory. */
struct conf_node *conf_node_add(struct conf_node *parent, const char *name, const char *file, uint32_t line);

/* Takes text and children away, except children that hold overrides. */
void conf_node_clear(struct conf_node *node);

/* The child whose name that is; never looks into items. */
struct conf_node *conf_node_named(const struct conf_node *node, const char *name);

/* Writes "FILE:LINE: " and the formatted sentence into 'message'. A line of 0 is left out. */
PRINTF_LIKE(4, 5)
void conf_message(char message[CONF_MESSAGE_SIZE], const char *file, uint32_t line, const char *format, ...);
