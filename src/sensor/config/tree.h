// SPDX-License-Identifier: Apache-2.0
/* The options of the sensor as a tree, read from a file in the format of suricata.yaml.
 *
 * The tree keeps every value as the text that stands in the file; what a text means is decided by whoever reads it,
 * with the getters below. A node is a scalar (it has a text), a list or a mapping (it has children), or, when an
 * override made it so, both. Children of a mapping are named by their keys, items of a list by their index from 0:
 *
 *	outputs:                       conf_get(root, "outputs.1")           the item, a mapping with one key
 *	  - fast: ...                  conf_get(root, "outputs.1.eve-log")   the mapping under that key
 *	  - eve-log:                   conf_get(root, "outputs.eve-log")     the same, by the name of the item
 *	      types: [alert, dns]      conf_get(root, "outputs.eve-log.types.dns")   the plain item itself
 *
 * What differs from YAML in general is what suricata.yaml does (user guide, "Suricata.yaml"): a file begins with
 * "%YAML 1.1" and "---"; the key "include" of any mapping, with a file name or a list of them, puts the options of those
 * files in its place, as does a value with the tag "!include"; an option that is defined again replaces the one
 * before. An included file is looked up beside the file that includes it, then beside the first file. Aliases and
 * further documents are refused.
 *
 * Reading options belongs to the start of the program, where a wrong value must not stop the reader half way: a getter
 * that meets one notes a complaint in the tree and answers with the fallback; the program asks conf_tree_complaints()
 * when it has read everything. Getters accept a null node (which has nothing in it), so that a missing section needs
 * no code.
 *
 * Ownership: one struct conf_tree owns all nodes and texts; they live until conf_tree_free(). Threads: one at a time,
 * since getters may note a complaint.
 *
 * Bounds: see the numbers below; a file that passes one is refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

#define CONF_MESSAGE_SIZE   512
#define CONF_FILE_MAX       (16u << 20) /* bytes of one file */
#define CONF_ARENA_MAX      (256u << 20) /* bytes of one tree */
#define CONF_NODES_MAX      500000
#define CONF_KEYS_MAX       16384 /* of one mapping */
#define CONF_DEPTH_MAX      64 /* levels of nodes, includes and all */
#define CONF_INCLUDES_MAX   16 /* files open at a time */
#define CONF_FILES_MAX      1024 /* files of one tree */
#define CONF_PATH_MAX       1024 /* bytes of a dotted path */
#define CONF_COMPLAINTS_MAX 32 /* kept; all are counted */

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAPPING };

struct conf_tree;

/* For reading only. */
struct conf_node {
	const char *name; /* the key, or the index of an item as decimal text; "" for the root */
	const char *text; /* null when a node has none (lists and mappings) */
	struct conf_node *parent; /* null for the root */
	struct conf_node *first; /* children in the order of the file */
	struct conf_node *last;
	struct conf_node *next; /* the next child of the same parent */
	struct conf_tree *tree;
	const char *file; /* where it stands; "--set" for an override */
	uint32_t line; /* from 1; 0 for an override */
	uint32_t children_count;
	uint32_t name_hash;
	uint8_t kind; /* enum conf_kind */
	uint8_t set; /* by an override */
};

/* ---- Making a tree. After an error of these, 'message' says file, line, what was found and what was expected. ---- */

/* Reads a file and all that it includes. 0; LUYTRE_E_SYNTAX for a text that is no such configuration, LUYTRE_E_FULL
 * when a bound is passed, LUYTRE_E_NOMEM, or what opening and reading a file gave (LUYTRE_E_NOT_FOUND, ...). */
MUST_CHECK int conf_tree_from_file(const char *path, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret);

/* The same for a text in memory, which cannot include files; 'name' stands for the file in messages and is copied. */
MUST_CHECK int conf_tree_from_text(
	struct bytes text, const char *name, char message[CONF_MESSAGE_SIZE], struct conf_tree **ret);

/* A tree without options. */
MUST_CHECK int conf_tree_empty(struct conf_tree **ret);

/* The options that hold when the operator gives no configuration file (stock.c). */
MUST_CHECK int conf_tree_stock(char message[CONF_MESSAGE_SIZE], struct conf_tree **ret);

/* Null is allowed. */
void conf_tree_free(struct conf_tree *tree);

/* An override, as --set PATH=VALUE gives it: the option at 'path' has the text 'value' from now on, whatever the files
 * say. Numbers count the items of a list from 0; what is missing on the way is made, also below an item that is a plain
 * name (types.1.frame.enabled where item 1 is "frame"). A list or mapping that gets a text loses its children, except
 * those that overrides made. Overrides come after reading and before any getter.
 * 0, LUYTRE_E_SYNTAX (an empty path or name, or too long), LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int conf_tree_set(
	struct conf_tree *tree, const char *path, const char *value, char message[CONF_MESSAGE_SIZE]);

/* The same for an option that stands in another file, which complaints about it then name; 'file' lives as long as the tree. */
MUST_CHECK int conf_tree_set_at(struct conf_tree *tree, const char *path, const char *value, const char *file,
	uint32_t line, char message[CONF_MESSAGE_SIZE]);

/* The same for "PATH=VALUE" as it stands on the command line. Blanks around both are dropped. */
MUST_CHECK int conf_tree_set_text(struct conf_tree *tree, const char *text, char message[CONF_MESSAGE_SIZE]);

/* The file that the tree was read from, as it was named; null for other trees. */
const char *conf_tree_file(const struct conf_tree *tree);

/* ---- Walking ---- */

/* The root, a mapping. Null for a null tree. */
const struct conf_node *conf_root(const struct conf_tree *tree);

/* The child of that name; of a list: by index, by the one key of an item, or by the text of a plain item. */
const struct conf_node *conf_child(const struct conf_node *node, const char *name);

/* The node at a dotted path below 'node', or null. The empty path is the node itself. */
const struct conf_node *conf_get(const struct conf_node *node, const char *path);

/* Children in order:  CONF_FOR(item, conf_get(root, "outputs")) { ... } */
#define CONF_FOR(item, node) for (const struct conf_node *item = conf_first(node); item != NULL; item = item->next)

static inline const struct conf_node *conf_first(const struct conf_node *node)
{
	return node ? node->first : NULL;
}

/* What an item of a list is called: its text when it is a plain name, else its first key ("eve-log" in "- eve-log:");
 * "" when it has neither. */
const char *conf_item_name(const struct conf_node *item);

/* The options of such an item: the node below its name; null when it is a plain name. */
const struct conf_node *conf_item_options(const struct conf_node *item);

/* How many values an option has when one value may stand for a list of one: 0 for none, 1 for a plain text. */
size_t conf_values_count(const struct conf_node *node);

/* The value at 'index' of those, or null. */
const char *conf_value_at(const struct conf_node *node, size_t index);

/* ---- Values. 'path' may be "" for the node itself. ---- */

/* The text, or 'fallback' (which may be null) where there is no such node or it has no text. */
const char *conf_text(const struct conf_node *node, const char *path, const char *fallback);

/* "yes", "true", "on" and "1" are true, in any case; every other text is false. */
bool conf_bool(const struct conf_node *node, const char *path, bool fallback);

/* For options that know more than yes and no. */
enum conf_switch { CONF_ABSENT, CONF_NO, CONF_YES, CONF_OTHER };
enum conf_switch conf_switch(const struct conf_node *node, const char *path);

/* A whole number as C writes it (10, 0xa, 012); a complaint and 'fallback' for other texts. */
uint64_t conf_u64(const struct conf_node *node, const char *path, uint64_t fallback);

/* The same with bounds; both belong to the range. */
uint64_t conf_u64_between(
	const struct conf_node *node, const char *path, uint64_t fallback, uint64_t least, uint64_t most);

int64_t conf_i64(const struct conf_node *node, const char *path, int64_t fallback);

double conf_double(const struct conf_node *node, const char *path, double fallback);

/* Bytes: "64mb", "10 MiB", "1.5 KiB", "512" (kb and KiB, ... are both powers of 1024, in any case). */
uint64_t conf_size(const struct conf_node *node, const char *path, uint64_t fallback_bytes);

/* A time in seconds: "30", "30s", "5m", "2h", "1d". */
uint64_t conf_seconds(const struct conf_node *node, const char *path, uint64_t fallback_s);

/* The index of the text among 'names' (in any case; '_' and '-' are the same), or 'fallback' when there is no such
 * option; a complaint that lists the names, and 'fallback', when it is none of them. 'names' ends with a null. */
int conf_choice(const struct conf_node *node, const char *path, const char *const *names, int fallback);

/* As conf_size, for a text from elsewhere. 0, LUYTRE_E_SYNTAX, LUYTRE_E_UNIT or LUYTRE_E_RANGE. */
MUST_CHECK int conf_parse_size(struct bytes text, uint64_t *ret_bytes);

/* ---- Complaints ---- */

/* Notes that an option is wrong, with its file and line in front. 'node' may be any node of the tree, not null. */
PRINTF_LIKE(2, 3) void conf_complain(const struct conf_node *node, const char *format, ...);

/* How many there are, and one of the first CONF_COMPLAINTS_MAX of them (null behind those). */
size_t conf_tree_complaints(const struct conf_tree *tree);
const char *conf_tree_complaint(const struct conf_tree *tree, size_t index);
