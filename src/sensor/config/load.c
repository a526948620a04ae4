// SPDX-License-Identifier: Apache-2.0
/* Reads YAML into the tree: libyaml makes events of the text, the functions below follow them downwards, one function a
 * construct. Nesting is bounded before a node is made, so the recursion is as well; an included file goes on at the
 * depth of the mapping that includes it. */
#include "sensor/config/tree-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* One file that is being read. */
struct source {
	struct conf_tree *tree;
	struct source *parent; /* the file that includes this one; null for the first */
	yaml_parser_t parser;
	yaml_event_t event; /* the present one; owned */
	const char *file;
	char *message;
	unsigned int includes_depth;
	bool includable; /* a text in memory includes nothing */
};

static int load_value(struct source *source, struct conf_node *node, unsigned int depth);
static int load_include(struct source *source, struct conf_node *node, unsigned int depth);

static uint32_t source_line(const struct source *source)
{
	return (uint32_t)source->event.start_mark.line + 1;
}

PRINTF_LIKE(3, 4) static int fail(struct source *source, int error, const char *format, ...)
{
	char text[CONF_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	conf_message(source->message, source->file, source_line(source), "%s", text);
	return error;
}

/* Moves to the next event. */
static int advance(struct source *source)
{
	yaml_parser_t *parser = &source->parser;

	yaml_event_delete(&source->event);
	if (yaml_parser_parse(parser, &source->event))
		return 0;
	memset(&source->event, 0, sizeof(source->event));
	if (parser->error == YAML_MEMORY_ERROR) {
		conf_message(source->message, source->file, 0, "there is not enough memory");
		return LUYTRE_E_NOMEM;
	}
	conf_message(source->message, source->file,
		(uint32_t)(parser->problem_mark.line != 0 ? parser->problem_mark.line : parser->context_mark.line) + 1,
		"not readable as YAML: %s%s%s", parser->problem ? parser->problem : "unknown problem",
		parser->context ? " " : "", parser->context ? parser->context : "");
	return LUYTRE_E_SYNTAX;
}

static const char *event_name(yaml_event_type_t type)
{
	static const char *const names[] = {
		[YAML_NO_EVENT] = "nothing",
		[YAML_STREAM_END_EVENT] = "the end of the file",
		[YAML_DOCUMENT_START_EVENT] = "another document",
		[YAML_DOCUMENT_END_EVENT] = "the end of the document",
		[YAML_ALIAS_EVENT] = "an alias",
		[YAML_SCALAR_EVENT] = "a value",
		[YAML_SEQUENCE_START_EVENT] = "a list",
		[YAML_SEQUENCE_END_EVENT] = "the end of a list",
		[YAML_MAPPING_START_EVENT] = "a mapping",
		[YAML_MAPPING_END_EVENT] = "the end of a mapping",
	};

	return (size_t)type < ARRAY_COUNT(names) && names[type] ? names[type] : "something else";
}

/* Keeps the text of the present scalar in the tree. */
static int take_text(struct source *source, const char **ret)
{
	struct bytes text = bytes_of(source->event.data.scalar.value, source->event.data.scalar.length);

	if (bytes_index(text, 0) != text.size)
		return fail(source, LUYTRE_E_SYNTAX, "found a zero byte, expected a text");
	*ret = arena_dup_str(&source->tree->arena, text);
	if (!*ret)
		return fail(source, LUYTRE_E_FULL, "the options need more than %u MiB", CONF_ARENA_MAX >> 20);
	return 0;
}

static int add_child(struct source *source, struct conf_node *parent, const char *name, struct conf_node **ret)
{
	*ret = conf_node_add(parent, name, source->file, source_line(source));
	if (!*ret)
		return fail(source, LUYTRE_E_FULL, "too many options; at most %u, and %u in one mapping",
			CONF_NODES_MAX, CONF_KEYS_MAX);
	return 0;
}

static int load_list(struct source *source, struct conf_node *node, unsigned int depth)
{
	int error = advance(source);

	node->kind = CONF_LIST;
	while (error == 0 && source->event.type != YAML_SEQUENCE_END_EVENT) {
		char index[16];
		const char *name;
		struct conf_node *item;

		snprintf(index, sizeof(index), "%u", node->children_count);
		name = arena_strdup(&source->tree->arena, index);
		if (!name)
			return fail(source, LUYTRE_E_FULL, "the options need more than %u MiB", CONF_ARENA_MAX >> 20);
		error = add_child(source, node, name, &item);
		if (error == 0)
			error = load_value(source, item, depth);
		if (error == 0)
			error = advance(source);
	}
	return error;
}

/* One key and its value; the key is the present event. */
static int load_pair(struct source *source, struct conf_node *node, unsigned int depth)
{
	const char *name;
	struct conf_node *child;
	int error;

	if (source->event.type != YAML_SCALAR_EVENT)
		return fail(source, LUYTRE_E_SYNTAX, "found %s, expected the name of an option",
			event_name(source->event.type));
	error = take_text(source, &name);
	if (error != 0)
		return error;
	if (strcmp(name, "include") == 0) {
		error = advance(source);
		return error == 0 ? load_include(source, node, depth) : error;
	}
	child = conf_node_named(node, name);
	if (child) {
		conf_node_clear(child);
		child->file = source->file;
		child->line = source_line(source);
	} else {
		error = add_child(source, node, name, &child);
	}
	if (error == 0)
		error = advance(source);
	return error == 0 ? load_value(source, child, depth) : error;
}

static int load_mapping(struct source *source, struct conf_node *node, unsigned int depth)
{
	int error = advance(source);

	node->kind = CONF_MAPPING;
	while (error == 0 && source->event.type != YAML_MAPPING_END_EVENT) {
		error = load_pair(source, node, depth);
		if (error == 0)
			error = advance(source);
	}
	return error;
}

static bool tagged_include(const yaml_event_t *event)
{
	const yaml_char_t *tag = event->data.scalar.tag;

	return tag && bytes_equal_str(bytes_of(tag, strlen((const char *)tag)), "!include");
}

/* The present event is the beginning of a value; on return it is its end. */
static int load_value(struct source *source, struct conf_node *node, unsigned int depth)
{
	if (depth == CONF_DEPTH_MAX)
		return fail(source, LUYTRE_E_FULL, "more than %u levels of options", CONF_DEPTH_MAX);
	switch (source->event.type) {
	case YAML_SCALAR_EVENT:
		if (tagged_include(&source->event)) {
			node->kind = CONF_MAPPING;
			return load_include(source, node, depth + 1);
		}
		node->kind = CONF_SCALAR;
		return take_text(source, &node->text);
	case YAML_SEQUENCE_START_EVENT:
		return load_list(source, node, depth + 1);
	case YAML_MAPPING_START_EVENT:
		return load_mapping(source, node, depth + 1);
	default:
		return fail(source, LUYTRE_E_SYNTAX, "found %s, expected a value, a list or a mapping",
			event_name(source->event.type));
	}
}

/* The whole of one text: one document, whose options go into 'node'. */
static int load_document(struct source *source, struct conf_node *node, unsigned int depth)
{
	const yaml_version_directive_t *version;
	int error = advance(source); /* the start of the stream */

	if (error == 0)
		error = advance(source);
	if (error != 0)
		return error;
	version = source->event.type == YAML_DOCUMENT_START_EVENT ? source->event.data.document_start.version_directive
								  : NULL;
	if (!version || version->major != 1 || version->minor != 1)
		return fail(
			source, LUYTRE_E_SYNTAX, "expected the lines \"%%YAML 1.1\" and \"---\" before all options");
	error = advance(source);
	if (error != 0)
		return error;
	if (source->event.type == YAML_MAPPING_START_EVENT)
		error = load_mapping(source, node, depth);
	else if (source->event.type != YAML_SCALAR_EVENT || source->event.data.scalar.length != 0)
		error = fail(source, LUYTRE_E_SYNTAX, "found %s, expected options such as \"name: value\"",
			event_name(source->event.type));
	if (error == 0)
		error = advance(source); /* the end of the document */
	if (error == 0)
		error = advance(source);
	if (error == 0 && source->event.type != YAML_STREAM_END_EVENT)
		error = fail(source, LUYTRE_E_SYNTAX, "found %s, expected the end of the file",
			event_name(source->event.type));
	return error;
}

static int load_text(struct source *source, struct bytes text, struct conf_node *node, unsigned int depth)
{
	int error;

	if (source->tree->files_count++ == CONF_FILES_MAX)
		return fail(source, LUYTRE_E_FULL, "more than %u files", CONF_FILES_MAX);
	if (!yaml_parser_initialize(&source->parser))
		return LUYTRE_E_NOMEM;
	yaml_parser_set_input_string(&source->parser, text.ptr, text.size);
	error = load_document(source, node, depth);
	yaml_event_delete(&source->event);
	yaml_parser_delete(&source->parser);
	return error;
}

/* ---- Files ---- */

/* Reads a descriptor to its end. */
static int read_all(int fd, uint8_t **ret, size_t *ret_size)
{
	size_t capacity_size = 65536;
	size_t size = 0;
	uint8_t *data = malloc(capacity_size);

	while (data) {
		ssize_t got;

		if (size == capacity_size) {
			uint8_t *grown = size <= CONF_FILE_MAX ? realloc(data, capacity_size * 2) : NULL;

			if (!grown) {
				free(data);
				return size <= CONF_FILE_MAX ? LUYTRE_E_NOMEM : LUYTRE_E_FULL;
			}
			data = grown;
			capacity_size *= 2;
		}
		got = read(fd, data + size, capacity_size - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(data);
			return error_from_errno(errno);
		}
		if (got == 0) {
			*ret = data;
			*ret_size = size;
			return 0;
		}
		size += (size_t)got;
	}
	return LUYTRE_E_NOMEM;
}

/* Opens and reads a file. The first file may be a pipe; an included one may not, because opening it could wait for
 * ever. */
static int read_file(const char *path, bool included, uint8_t **ret, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (included ? O_NONBLOCK : 0));
	struct stat info;
	int error;

	if (fd < 0)
		return error_from_errno(errno);
	if (fstat(fd, &info) != 0)
		error = error_from_errno(errno);
	else if (S_ISDIR(info.st_mode) || (included && !S_ISREG(info.st_mode)))
		error = LUYTRE_E_INVALID;
	else
		error = read_all(fd, ret, ret_size);
	if (error == 0 && *ret_size > CONF_FILE_MAX) {
		free(*ret);
		error = LUYTRE_E_FULL;
	}
	close(fd);
	return error;
}

/* Writes the path of 'name' as seen from the file 'beside'. False when it is too long. */
static bool path_beside(const char *beside, const char *name, char ret[PATH_MAX])
{
	const char *slash = strrchr(beside, '/');
	int size;

	if (name[0] == '/' || !slash)
		size = snprintf(ret, PATH_MAX, "%s", name);
	else
		size = snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - beside), beside, name);
	return size > 0 && size < PATH_MAX;
}

static int include_find(
	const struct source *source, const char *name, char ret_path[PATH_MAX], uint8_t **ret, size_t *ret_size)
{
	const struct source *first = source;
	int error = LUYTRE_E_NOT_FOUND;

	while (first->parent)
		first = first->parent;
	if (path_beside(source->file, name, ret_path))
		error = read_file(ret_path, true, ret, ret_size);
	if (error == LUYTRE_E_NOT_FOUND && path_beside(first->file, name, ret_path))
		error = read_file(ret_path, true, ret, ret_size);
	return error;
}

/* Includes the file that the present scalar names. */
static int include_one(struct source *source, struct conf_node *node, unsigned int depth)
{
	struct source inner = { .tree = source->tree,
		.parent = source,
		.message = source->message,
		.includes_depth = source->includes_depth + 1,
		.includable = true };
	char path[PATH_MAX];
	uint8_t *data;
	size_t size;
	const char *name;
	int error = take_text(source, &name);

	if (error != 0)
		return error;
	if (!source->includable)
		return fail(source, LUYTRE_E_UNSUPPORTED, "found an include, which only files may have");
	if (inner.includes_depth == CONF_INCLUDES_MAX)
		return fail(source, LUYTRE_E_FULL, "more than %u files include one another", CONF_INCLUDES_MAX);
	error = include_find(source, name, path, &data, &size);
	if (error != 0)
		return fail(source, error, "cannot include \"%.200s\": %s", name, error_text(error, LUYTRE_LANG_EN));
	inner.file = arena_strdup(&source->tree->arena, path);
	error = inner.file ? load_text(&inner, bytes_of(data, size), node, depth)
			   : fail(source, LUYTRE_E_FULL, "the options need more than %u MiB", CONF_ARENA_MAX >> 20);
	free(data);
	return error;
}

/* One name or a list of names; the first event of that is the present one. */
static int load_include(struct source *source, struct conf_node *node, unsigned int depth)
{
	int error;

	if (source->event.type == YAML_SCALAR_EVENT)
		return include_one(source, node, depth);
	if (source->event.type != YAML_SEQUENCE_START_EVENT)
		return fail(source, LUYTRE_E_SYNTAX, "found %s, expected the name of a file to include, or a list",
			event_name(source->event.type));
	error = advance(source);
	while (error == 0 && source->event.type != YAML_SEQUENCE_END_EVENT) {
		if (source->event.type != YAML_SCALAR_EVENT)
			return fail(source, LUYTRE_E_SYNTAX, "found %s, expected the name of a file to include",
				event_name(source->event.type));
		error = include_one(source, node, depth);
		if (error == 0)
			error = advance(source);
	}
	return error;
}

/* ---- The two doors ---- */

static int tree_load(
	struct bytes text, const char *name, bool includable, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret)
{
	struct source source = { .message = message, .includable = includable };
	int error = conf_tree_empty(&source.tree);

	if (error != 0) {
		conf_message(message, name, 0, "there is not enough memory");
		return error;
	}
	source.file = arena_strdup(&source.tree->arena, name);
	if (includable)
		source.tree->file = source.file;
	error = source.file ? load_text(&source, text, source.tree->root, 0) : LUYTRE_E_NOMEM;
	if (error == LUYTRE_E_NOMEM)
		conf_message(message, name, 0, "there is not enough memory");
	if (error != 0) {
		conf_tree_free(source.tree);
		return error;
	}
	*ret = source.tree;
	return 0;
}

int conf_tree_from_text(struct bytes text, const char *name, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret)
{
	return tree_load(text, name, false, message, ret);
}

int conf_tree_from_file(const char *path, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret)
{
	uint8_t *data;
	size_t size;
	int error = read_file(path, false, &data, &size);

	if (error != 0) {
		conf_message(message, path, 0, "cannot be read: %s", error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	error = tree_load(bytes_of(data, size), path, true, message, ret);
	free(data);
	return error;
}
