// SPDX-License-Identifier: Apache-2.0
/* Nodes, the way to them, and overrides. Children are linear lists: the longest mappings of real files have some dozen
 * keys, and their number is bounded. A hash of the name spares most comparisons of texts.
 *
 * An item of a list that is a plain name may get options by an override; it then has both: its text, and below it a
 * child of the same name. That is the shape of an item that is a mapping from the start, so that readers see no
 * difference. */
#include "sensor/config/tree-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OVERRIDE_FILE "--set"

static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: names come from the operator, nobody plays against it */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

PRINTF_LIKE(4, 0)
static void message_format(
	char message[CONF_MESSAGE_SIZE], const char *file, uint32_t line, const char *format, va_list args)
{
	int used = line != 0 ? snprintf(message, CONF_MESSAGE_SIZE, "%.256s:%u: ", file, line)
			     : snprintf(message, CONF_MESSAGE_SIZE, "%.256s: ", file);

	vsnprintf(message + used, CONF_MESSAGE_SIZE - (size_t)used, format, args);
}

void conf_message(char message[CONF_MESSAGE_SIZE], const char *file, uint32_t line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message_format(message, file, line, format, args);
	va_end(args);
}

/* ---- Making ---- */

int conf_tree_empty(struct conf_tree **ret)
{
	struct conf_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return LUYTRE_E_NOMEM;
	arena_init(&tree->arena, CONF_ARENA_MAX);
	tree->root = arena_alloc(&tree->arena, sizeof(*tree->root));
	if (!tree->root) {
		conf_tree_free(tree);
		return LUYTRE_E_NOMEM;
	}
	*tree->root = (struct conf_node){ .name = "", .tree = tree, .file = "", .kind = CONF_MAPPING };
	*ret = tree;
	return 0;
}

void conf_tree_free(struct conf_tree *tree)
{
	if (!tree)
		return;
	arena_done(&tree->arena);
	free(tree);
}

const char *conf_tree_file(const struct conf_tree *tree)
{
	return tree->file;
}

struct conf_node *conf_node_add(struct conf_node *parent, const char *name, const char *file, uint32_t line)
{
	struct conf_tree *tree = parent->tree;
	struct conf_node *node;

	if (tree->nodes_count == CONF_NODES_MAX)
		return NULL;
	if (parent->kind == CONF_MAPPING && parent->children_count == CONF_KEYS_MAX)
		return NULL;
	node = arena_alloc(&tree->arena, sizeof(*node));
	if (!node)
		return NULL;
	*node = (struct conf_node){ .name = name,
		.parent = parent,
		.tree = tree,
		.file = file,
		.line = line,
		.name_hash = name_hash(name),
		.kind = CONF_SCALAR };
	tree->nodes_count++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->children_count++;
	return node;
}

void conf_node_clear(struct conf_node *node)
{
	struct conf_node *child = node->first;

	node->text = NULL;
	node->first = NULL;
	node->last = NULL;
	node->children_count = 0;
	while (child) {
		struct conf_node *next = child->next;

		child->next = NULL;
		if (child->set) {
			if (node->last)
				node->last->next = child;
			else
				node->first = child;
			node->last = child;
			node->children_count++;
		}
		child = next;
	}
}

/* ---- Walking ---- */

const struct conf_node *conf_root(const struct conf_tree *tree)
{
	return tree ? tree->root : NULL;
}

struct conf_node *conf_node_named(const struct conf_node *node, const char *name)
{
	uint32_t hash = name_hash(name);

	for (struct conf_node *child = node->first; child; child = child->next) {
		if (child->name_hash == hash && strcmp(child->name, name) == 0)
			return child;
	}
	return NULL;
}

const char *conf_item_name(const struct conf_node *item)
{
	if (!item)
		return "";
	if (item->text)
		return item->text;
	return item->first ? item->first->name : "";
}

const struct conf_node *conf_item_options(const struct conf_node *item)
{
	return item ? conf_node_named(item, conf_item_name(item)) : NULL;
}

/* The item of a list that is called so. */
static struct conf_node *item_called(const struct conf_node *list, const char *name)
{
	for (struct conf_node *item = list->first; item; item = item->next) {
		if (strcmp(conf_item_name(item), name) == 0)
			return item;
	}
	return NULL;
}

const struct conf_node *conf_child(const struct conf_node *node, const char *name)
{
	const struct conf_node *found;
	const struct conf_node *options;

	if (!node)
		return NULL;
	found = conf_node_named(node, name);
	if (found || node->kind != CONF_LIST)
		return found;
	found = item_called(node, name);
	options = conf_item_options(found);
	return options ? options : found;
}

/* Cuts the first name off a dotted path. 0 or LUYTRE_E_SYNTAX when it is empty or too long. */
static int path_next(const char **path, char ret_name[CONF_PATH_MAX])
{
	size_t size = strcspn(*path, ".");

	if (size == 0 || size >= CONF_PATH_MAX)
		return LUYTRE_E_SYNTAX;
	memcpy(ret_name, *path, size);
	ret_name[size] = '\0';
	*path += size;
	if (**path == '.') {
		(*path)++;
		if (**path == '\0')
			return LUYTRE_E_SYNTAX;
	}
	return 0;
}

const struct conf_node *conf_get(const struct conf_node *node, const char *path)
{
	char name[CONF_PATH_MAX];

	while (node && *path) {
		if (path_next(&path, name) != 0)
			return NULL;
		node = conf_child(node, name);
	}
	return node;
}

size_t conf_values_count(const struct conf_node *node)
{
	if (!node)
		return 0;
	if (node->first)
		return node->children_count;
	return node->text && node->text[0] != '\0' ? 1 : 0;
}

const char *conf_value_at(const struct conf_node *node, size_t index)
{
	if (index >= conf_values_count(node))
		return NULL;
	if (!node->first)
		return node->text;
	node = node->first;
	while (index-- != 0)
		node = node->next;
	return node->text;
}

/* ---- Overrides ---- */

/* Where an override stands. */
struct place {
	const char *file;
	uint32_t line;
};

static bool is_index(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* Makes a child for an override. A list gets an item for it, as if the file had "- name:" at its end. */
static struct conf_node *override_add(struct conf_node *parent, const char *name, struct place place)
{
	struct conf_tree *tree = parent->tree;
	const char *kept = arena_strdup(&tree->arena, name);
	char index[16];

	if (!kept)
		return NULL;
	if (parent->kind == CONF_LIST && !is_index(name)) {
		const char *kept_index;

		snprintf(index, sizeof(index), "%u", parent->children_count);
		kept_index = arena_strdup(&tree->arena, index);
		parent = kept_index ? conf_node_add(parent, kept_index, place.file, place.line) : NULL;
		if (!parent)
			return NULL;
		parent->set = true;
	}
	if (parent->kind == CONF_SCALAR) /* keeps its text */
		parent->kind = strcmp(name, "0") == 0 ? CONF_LIST : CONF_MAPPING;
	return conf_node_add(parent, kept, place.file, place.line);
}

/* The child of that name, found as conf_child finds it or made; a plain item that is called so gets a child of its
 * own name to put options in. Null at a bound. */
static struct conf_node *override_step(struct conf_node *node, const char *name, struct place place)
{
	struct conf_node *child = conf_node_named(node, name);

	if (!child && node->kind == CONF_LIST) {
		struct conf_node *item = item_called(node, name);

		if (item) {
			item->set = true;
			node = item;
			child = conf_node_named(item, name);
		}
	}
	if (!child)
		child = override_add(node, name, place);
	if (child)
		child->set = true;
	return child;
}

/* Complete before anything is made, so that a bad path changes nothing. */
static bool path_valid(const char *path)
{
	char name[CONF_PATH_MAX];
	unsigned int levels_count = 0;

	if (*path == '\0' || strlen(path) >= CONF_PATH_MAX)
		return false;
	while (*path) {
		if (path_next(&path, name) != 0 || ++levels_count > CONF_DEPTH_MAX)
			return false;
	}
	return true;
}

int conf_tree_set_at(struct conf_tree *tree, const char *path, const char *value, const char *file, uint32_t line,
	char message[CONF_MESSAGE_SIZE])
{
	const struct place place = { file, line };
	struct conf_node *node = tree->root;
	const char *rest = path;
	const char *kept;
	char name[CONF_PATH_MAX];

	if (!path_valid(path)) {
		conf_message(
			message, file, line, "found the path \"%.80s\", expected names with a dot between them", path);
		return LUYTRE_E_SYNTAX;
	}
	kept = arena_strdup(&tree->arena, value);
	while (node && kept && path_next(&rest, name) == 0)
		node = override_step(node, name, place);
	if (!node || !kept) {
		conf_message(message, file, line, "no room for the option \"%.80s\"", path);
		return LUYTRE_E_FULL;
	}
	conf_node_clear(node);
	node->text = kept;
	node->file = file;
	node->line = line;
	if (!node->first)
		node->kind = CONF_SCALAR;
	return 0;
}

int conf_tree_set(struct conf_tree *tree, const char *path, const char *value, char message[CONF_MESSAGE_SIZE])
{
	return conf_tree_set_at(tree, path, value, OVERRIDE_FILE, 0, message);
}

static struct bytes trimmed(const char *text, size_t size)
{
	struct bytes in = bytes_of(text, size);

	while (in.size != 0 && strchr(" \t", in.ptr[0]))
		in = bytes_skip(in, 1);
	while (in.size != 0 && strchr(" \t", in.ptr[in.size - 1]))
		in.size--;
	return in;
}

int conf_tree_set_text(struct conf_tree *tree, const char *text, char message[CONF_MESSAGE_SIZE])
{
	const char *equals = strchr(text, '=');
	char path[CONF_PATH_MAX];
	char *value;

	if (!equals || !bytes_to_str(trimmed(text, (size_t)(equals - text)), path, sizeof(path))) {
		conf_message(message, OVERRIDE_FILE, 0, "found \"%.80s\", expected PATH=VALUE", text);
		return LUYTRE_E_SYNTAX;
	}
	value = arena_dup_str(&tree->arena, trimmed(equals + 1, strlen(equals + 1)));
	if (!value) {
		conf_message(message, OVERRIDE_FILE, 0, "no room for the option \"%.80s\"", path);
		return LUYTRE_E_FULL;
	}
	return conf_tree_set(tree, path, value, message);
}

/* ---- Complaints ---- */

void conf_complain(const struct conf_node *node, const char *format, ...)
{
	struct conf_tree *tree = node->tree;
	char message[CONF_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	message_format(message, node->parent ? node->file : "configuration", node->line, format, args);
	va_end(args);
	for (size_t i = 0; i < tree->complaints_count && i < CONF_COMPLAINTS_MAX; i++) {
		if (strcmp(tree->complaints[i], message) == 0)
			return; /* an option that is read twice */
	}
	if (tree->complaints_count < CONF_COMPLAINTS_MAX) {
		const char *kept = arena_strdup(&tree->arena, message);

		tree->complaints[tree->complaints_count] = kept ? kept : "there was no memory for a complaint";
	}
	tree->complaints_count++;
}

size_t conf_tree_complaints(const struct conf_tree *tree)
{
	return tree->complaints_count;
}

const char *conf_tree_complaint(const struct conf_tree *tree, size_t index)
{
	return index < tree->complaints_count && index < CONF_COMPLAINTS_MAX ? tree->complaints[index] : NULL;
}
