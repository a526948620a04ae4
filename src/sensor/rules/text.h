// SPDX-License-Identifier: Apache-2.0
/* The outer form of rule files: lines, the seven words of a header, options.
 *
 *	alert http $HOME_NET any -> [10.0.0.0/8, !10.1.0.0/16] [80,8000:8100] (msg:"a \; b"; content:"x"; sid:1;)
 *
 * A line that ends with a backslash goes on in the next one; a line that begins with '#' is a comment. An option ends at
 * the next ';' without a backslash before it, also inside quotes. Nothing is copied: all views point into the text given. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

/* Reads rules out of a text, which it changes: joined lines lose their backslash and newline, each rule gets a NUL behind
 * it. 'text' has a writable byte behind its end. */
struct rule_lines {
	char *pos, *end;
	uint32_t line; /* of 'pos', from 1 */
};

void rule_lines_init(struct rule_lines *lines, char *text, size_t size);

/* The next line that is neither empty nor a comment, without blanks around it; false at the end. */
bool rule_lines_next(struct rule_lines *lines, struct bytes *ret, uint32_t *ret_line);

enum rule_arrow { RULE_ARROW_TO, RULE_ARROW_BOTH, RULE_ARROW_TRANSACTION };

struct rule_text {
	struct bytes action, protocol, src, sport, dst, dport;
	uint8_t arrow; /* enum rule_arrow */
	struct bytes options; /* between the parentheses */
};

/* Splits a rule. Null, or what is wrong with it. */
MUST_CHECK const char *rule_text_split(struct bytes text, struct rule_text *ret);

struct rule_option {
	struct bytes name, value; /* without blanks around them; value is empty when there is none */
	bool has_value;
};

enum rule_option_status { RULE_OPTION_FOUND, RULE_OPTION_END, RULE_OPTION_BAD };

/* Takes the next option off '*rest'. RULE_OPTION_BAD: it does not end with ';' or has no name. */
enum rule_option_status rule_option_next(struct bytes *rest, struct rule_option *ret);

/* Drops blanks (space, tab, CR, LF, VT, FF) at both ends. */
struct bytes rule_text_trim(struct bytes in);

/* Cuts the next item of a list off '*rest' at 'separator' (trimmed); false when nothing is left. */
bool rule_text_item(struct bytes *rest, char separator, struct bytes *ret);

/* A decimal number, or one with 0x, no sign, nothing behind it. */
bool rule_text_u64(struct bytes in, uint64_t *ret);
bool rule_text_u32(struct bytes in, uint32_t *ret);

/* In any case of ASCII letters. */
bool rule_text_is(struct bytes in, const char *word);

/* The index of a word among 'names' (null at the end), in any case; -1: none. */
int rule_text_choice(struct bytes in, const char *const *names);
