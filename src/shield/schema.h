// SPDX-License-Identifier: Apache-2.0
/* What the configuration may say: one row for each setting.
 *
 * The rows are the only place that names a setting. config.c reads a file by them, config-value.c reads one value by
 * its row, config-reference.c prints them as the reference page. A new setting is a field in config.h and a row in
 * schema.c; nothing else changes. Default texts are written as in a file and go through the same reader, so that the
 * page cannot promise another default than the one in use. All of this is constant: any thread may read it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum schema_kind {
	SCHEMA_BOOL,
	SCHEMA_COUNT, /* uint32_t, with an optional multiplier such as 64k */
	SCHEMA_DURATION, /* uint32_t in the row's unit, with an optional unit such as 2h */
	SCHEMA_REAL, /* double */
	SCHEMA_CHOICE, /* an enum whose values are the indexes of 'choices' */
	SCHEMA_NAME, /* [a-z0-9-]{1,63} */
	SCHEMA_INTERFACE,
	SCHEMA_GROUP,
	SCHEMA_TEXT, /* free text of one line */
	SCHEMA_PATH, /* an absolute path of at most 'max' bytes */
	SCHEMA_FILE, /* a path, made absolute or relative to the working directory by the folder of the file */
	SCHEMA_METRICS, /* a loopback address and port, or off */
	SCHEMA_PREFIXES,
	SCHEMA_PROTOCOLS,
	SCHEMA_PORTS,
	SCHEMA_REPLIES,
	SCHEMA_SIZE, /* uint64_t bytes, with an optional unit such as 64M */
	SCHEMA_FILES, /* paths as SCHEMA_FILE and patterns: struct config_words */
	SCHEMA_WORDS, /* struct config_words */
	SCHEMA_PAIRS, /* a mapping of names of the operator's choice: struct config_pairs */
	SCHEMA_SECTION, /* a mapping, stored in place */
	SCHEMA_SECTIONS, /* a list of mappings, stored as a pointer and, right after it, a size_t count */
	SCHEMA_KIND_COUNT
};

/* A text in both languages of the program. */
struct schema_text {
	const char *en;
	const char *vi;
};

struct schema_row {
	const char *name;
	enum schema_kind kind;
	bool required;
	bool dotted; /* names of pairs may have dots */
	bool may_be_off; /* the word "off" in place of a path: null */
	const char *unless; /* not required when the setting of this name stands beside it; null: no such setting */
	const char *unique; /* no two values of all rows with the same word here may be the same; null: no such rule */
	size_t offset;
	double min; /* bounds: of a number, of a duration in its unit, of the bytes of a path */
	double max;
	const char *fallback; /* the default as text, items of a list apart by spaces; null: not set */
	const char *assumed; /* without a fallback: what holds then, for the reference page; null: nothing */
	const char *unit; /* as in the name of the field: "ms", "s", "pps"; null: none */
	const char *const *choices; /* ends with null */
	const struct schema_section *section;
	struct schema_text help;
};

struct schema_section {
	const char *name; /* how the reference page calls it: "tenants[].limits" */
	struct schema_text help;
	size_t size; /* of the struct that the offsets are in */
	bool keeps_line; /* the struct begins with an unsigned int that gets the line of the section */
	size_t item_max; /* ceiling of the list of such sections; 0 when the section is not in a list */
	const struct schema_row *rows;
	size_t row_count;
};

/* The whole file. */
extern const struct schema_section schema_root;

/* The row with this name, or null. */
const struct schema_row *schema_find(const struct schema_section *section, const char *name);

/* Returns true and keeps 'candidate' when it resembles 'word' more than '*best' does; start with '*best' null.
 * Words that share too little are never close: a wrong guess is worse than none. */
bool schema_closer(const char *word, const char *candidate, const char **best);

/* The name of a setting of the section that 'word' probably meant, or null. */
const char *schema_nearest(const struct schema_section *section, const char *word);
