// SPDX-License-Identifier: Apache-2.0
/* Keywords: what a new one has to say.
 *
 * A keyword is a row: a name, how it is written, and a function that reads its value and adds conditions to the rule in
 * hand through the builder. Rows stand in tables: one table for each file of rules/ or detect/ that brings keywords
 * (list in rules/keywords.c), and one for each protocol (app_protocol.keywords). Sticky buffers and numbers of protocols
 * need no row: they come from the protocol's own tables. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "sensor/rules/rule.h"

struct rule_builder; /* rules/builder.h: the rule being made, its messages, the arena */

enum rule_keyword_flag {
	KEYWORD_NO_VALUE = 1 << 0, /* "nocase;" */
	KEYWORD_OPTIONAL_VALUE = 1 << 1,
	KEYWORD_NEGATABLE = 1 << 2, /* "!value" is split off before parse() */
	KEYWORD_QUOTES = 1 << 3, /* quotes around the value are required or allowed and taken off */
	KEYWORD_QUOTES_REQUIRED = 1 << 4,
	KEYWORD_TRANSFORM = 1 << 5, /* after a sticky buffer, before its content */
	KEYWORD_IGNORED = 1 << 6, /* known, has no effect here: loads, warned about once */
};

struct rule_keyword {
	const char *name; /* a null name ends a table */
	const char *alias; /* or null */
	uint32_t flags; /* enum rule_keyword_flag */
	/* 'value' has no blanks around it; empty without value. 0 or an error after rule_builder_error(). */
	int (*parse)(
		struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated);
	const char *summary; /* one line for `luytre rules keywords` */
};

/* ---- What parse() may call ---- */

/* Says what is wrong, in one sentence, without file and line (those are added). Returns LUYTRE_E_SYNTAX. */
int rule_builder_error(struct rule_builder *builder, const char *format, ...) PRINTF_LIKE(2, 3);
void rule_builder_warn(struct rule_builder *builder, const char *format, ...) PRINTF_LIKE(2, 3);
struct rule *rule_builder_rule(struct rule_builder *builder);
struct arena *rule_builder_arena(struct rule_builder *builder);
struct rules_context *rule_builder_context(struct rule_builder *builder); /* the load: variables, classes, sets */

/* Adds a condition at the place that ops->target says; RULE_TARGET_BUFFER goes to the current buffer. 'data' lies in the
 * arena. Null without memory. */
struct rule_match *rule_builder_add(struct rule_builder *builder, const struct rule_match_ops *ops, void *data);
/* A condition on a named buffer, whatever the current one is (urilen, filename, ...). */
struct rule_match *rule_builder_add_to(
	struct rule_builder *builder, const char *buffer, const struct rule_match_ops *ops, void *data);
/* Makes 'name' the current sticky buffer. */
int rule_builder_buffer(struct rule_builder *builder, const char *name);
/* True when a sticky buffer other than this one is in force: a condition that names its own buffer (pcre:"/x/U") is an
 * error then. */
bool rule_builder_is_sticky_other(const struct rule_builder *builder, unsigned int buffer);
/* The last match in the current buffer (for modifiers like depth), or null; the last content in any, or null. */
struct rule_match *rule_builder_last(struct rule_builder *builder);
struct rule_match *rule_builder_last_content(struct rule_builder *builder);
/* Variables of byte_extract and byte_math: the index of a name, -1 when it is not known; making one: index or -1. */
int rule_builder_variable(struct rule_builder *builder, struct bytes name);
int rule_builder_new_variable(struct rule_builder *builder, struct bytes name);
/* The rule is only for this protocol: error when it names another. */
int rule_builder_protocol(struct rule_builder *builder, const char *name);
void rule_builder_dirs(struct rule_builder *builder, uint8_t dirs); /* restricts to DIR_* */
/* The rule sets or reads variables of this kind (enum rule_order_kind): decides the order of rules. */
void rule_builder_order(struct rule_builder *builder, unsigned int kind, bool sets, bool reads);
/* True when the header or the keywords so far make this a rule of the given protocol. */
bool rule_builder_is_protocol(const struct rule_builder *builder, const char *name);

/* Transforms of the current buffer: 'run' gets the input and scratch of 'scratch_size' (grown by 'growth' times the
 * input at most) and answers a view of the result. */
struct rule_transform {
	const char *name;
	bool (*accepts)(
		struct bytes literal, bool nocase); /* null, or false for a literal that the result never holds */
	struct bytes options; /* as written; part of the identity of the chain */
	bool (*run)(struct detect_context *context, const struct rule_transform *transform, struct bytes in,
		struct bytes *ret);
	void *data;
};
/* Adds one to the chain; 'transform' and what it points to lie in the arena or are constant. */
int rule_builder_transform(struct rule_builder *builder, const struct rule_transform *transform);

/* ---- All keywords ---- */

enum rule_keyword_kind { RULE_KEYWORD_ROW, RULE_KEYWORD_BUFFER, RULE_KEYWORD_MODIFIER, RULE_KEYWORD_NUMBER };

struct rule_keyword_entry {
	const char *name;
	uint8_t kind; /* enum rule_keyword_kind */
	uint16_t buffer; /* RULE_KEYWORD_BUFFER, RULE_KEYWORD_MODIFIER: number of rules/buffers.h */
	const struct rule_keyword *row; /* RULE_KEYWORD_ROW */
	const struct app_number *number; /* RULE_KEYWORD_NUMBER: the first protocol's */
};

/* In any case; null: unknown. */
const struct rule_keyword_entry *rule_keyword_find(struct bytes name);
unsigned int rule_keyword_count(void);
const struct rule_keyword_entry *rule_keyword_at(unsigned int index);
