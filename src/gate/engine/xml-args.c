// SPDX-License-Identifier: Apache-2.0
/* SecParseXmlIntoArgs: the texts of an XML body as arguments, `<a><b>text</b></a>` as "xml.a.b". Elements that hold other elements are no
 * arguments; attributes, comments and processing instructions neither. As many as SecArgumentsLimit allows. */
#include <libxml/tree.h>
#include <string.h>

#include "gate/engine/internal.h"

#define NAME_MAX_SIZE 1024

/* The name of the element that the walk is at. */
struct path {
	char text[NAME_MAX_SIZE];
	size_t size;
};

static bool path_enter(struct path *path, const xmlNode *node)
{
	size_t size = strlen((const char *)node->name);

	if (size + 1 >= NAME_MAX_SIZE - path->size)
		return false;
	path->text[path->size] = '.';
	memcpy(path->text + path->size + 1, node->name, size);
	path->size += size + 1;
	return true;
}

static void path_leave(struct path *path, const xmlNode *node)
{
	path->size -= strlen((const char *)node->name) + 1;
}

static const xmlNode *element(const xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

/* False at the limit. */
static bool add_leaf(struct gate_tx *tx, const struct path *path, const xmlNode *leaf)
{
	struct entries *args = &tx->collections[VARIABLE_ARGS];
	uint32_t args_max = tx->plan->settings->args_max;
	struct bytes text = { 0 };

	if (args_max != 0 && tx->collections[VARIABLE_ARGS_GET].count + args->count >= args_max)
		return false;
	for (const xmlNode *node = leaf->children; node; node = node->next) {
		if ((node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) && node->content)
			text = tx_join(tx, (struct bytes[]){ text, bytes_from_str((const char *)node->content) }, 2);
	}
	TRACE(tx, 4, "Adding request argument (XML): name \"%.*s\", value \"%.*s\"", (int)path->size, path->text,
		(int)text.size, text.size ? (const char *)text.ptr : "");
	entries_add(tx, args, tx_copy(tx, bytes_of(path->text, path->size)), text);
	return true;
}

/* Without recursion: how deep a document nests is its sender's choice. Elements under too long a name are left out. */
void xml_args_add(struct gate_tx *tx, const struct _xmlDoc *document)
{
	struct path path = { .text = "xml", .size = 3 };
	const xmlNode *node = element(document->children);

	while (node) {
		bool entered = path_enter(&path, node);
		const xmlNode *child = entered ? element(node->children) : NULL;

		if (child) {
			node = child;
			continue;
		}
		if (entered && !add_leaf(tx, &path, node)) {
			tx->args_over = true;
			return;
		}
		if (entered)
			path_leave(&path, node);
		while (node && !element(node->next)) {
			node = node->parent && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
			if (node)
				path_leave(&path, node);
		}
		if (node)
			node = element(node->next);
	}
}
