// SPDX-License-Identifier: Apache-2.0
/* Sets of regular expressions and strings: one pass over a buffer tells which of them may match it.
 *
 * This is the gate's prefilter. The answer errs on one side only: what it does not name does not match; what it names has to
 * be confirmed with match/regex.h (or, for a string, is there). An expression that the automaton cannot take, even
 * approximately, is named for every buffer.
 *
 *	struct pattern_set_builder *builder = pattern_set_builder_new();
 *	pattern_set_builder_add(builder, &(struct pattern){ .text = ..., .id = 3 });
 *	pattern_set_compile(builder, &set);		... or in parts, see below
 *	pattern_set_builder_free(builder);
 *	pattern_set_prepare(set, scratch);		in each thread, before its first scan
 *	pattern_set_scan(set, scratch, buffer, bits);
 *
 * Expressions are read as PCRE2 reads them with REGEX_DOT_ALL, with or without REGEX_MULTILINE and REGEX_DOLLAR_END_ONLY: the
 * automaton lets ^ and $ stand wherever any of these would. Compiling costs
 * milliseconds for each expression, seconds for a hundred hard ones: match/obtain.h saves sets and compiles with several threads.
 *
 * A set is immutable: any number of threads scan it at once, each with its own scratch. A builder belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct match_scratch;
struct pattern_set;
struct pattern_set_builder;

#define PATTERN_ID_MAX 65535

struct pattern {
	struct bytes text; /* copied */
	bool literal; /* a string of any bytes, compared without regard to case; else an expression */
	uint32_t id; /* several patterns may share one; at most PATTERN_ID_MAX */
};

/* Null without memory. */
struct pattern_set_builder *pattern_set_builder_new(void);
void pattern_set_builder_free(struct pattern_set_builder *builder);

/* LUYTRE_E_INVALID: empty literal, id too large; LUYTRE_E_NOMEM. An empty expression matches everything. */
MUST_CHECK int pattern_set_builder_add(struct pattern_set_builder *builder, const struct pattern *pattern);

/* '*ret' is freed with pattern_set_free. LUYTRE_E_NOMEM, or LUYTRE_E_UNSUPPORTED when this processor lacks what the automaton needs. */
MUST_CHECK int pattern_set_compile(const struct pattern_set_builder *builder, struct pattern_set **ret);

/* Accepts null. No thread may be scanning it. */
void pattern_set_free(struct pattern_set *set);

/* ---- in parts ----
 *
 * A set has up to PATTERN_TIERS automatons. Each can be compiled (by threads of their own: one thread for one part), come out of a file, or
 * be shared with another set that has the same; what none of these has brought pattern_set_finish compiles.
 *
 *	pattern_set_new(builder, &set)
 *	pattern_set_part_take(...), pattern_set_part_load(...), pattern_set_part_compile(...)
 *	pattern_set_finish(set)				from here on it can be scanned and is immutable */
#define PATTERN_TIERS 5

/* As pattern_set_compile(), with all that is quick. */
MUST_CHECK int pattern_set_new(const struct pattern_set_builder *builder, struct pattern_set **ret);

/* About how long it takes to compile, against others; 0: there is nothing to compile, or it is there. Until it is finished only. */
size_t pattern_set_part_weight(const struct pattern_set *set, unsigned int part);

/* Names what the part is made of and the library's version, 32 hexadecimal digits and a NUL: the name of a file for it. Other patterns
 * of the set have no say in it. Until it is finished only. */
#define PATTERN_SET_KEY_SIZE 33
void pattern_set_part_key(const struct pattern_set *set, unsigned int part, char ret[PATTERN_SET_KEY_SIZE]);

/* LUYTRE_E_NOMEM, LUYTRE_E_UNSUPPORTED. */
MUST_CHECK int pattern_set_part_compile(struct pattern_set *set, unsigned int part);

/* The automaton out of 'saved'. LUYTRE_E_VERSION, LUYTRE_E_CORRUPT, LUYTRE_E_CONFLICT (another content), LUYTRE_E_NOMEM: the caller
 * compiles instead. As for literal sets, the file must lie where only this program can write. */
MUST_CHECK int pattern_set_part_load(struct pattern_set *set, unsigned int part, struct bytes saved);

/* Shares the automaton of another set, finished or not. False when it has none like that. */
bool pattern_set_part_take(struct pattern_set *set, unsigned int part, const struct pattern_set *from);

/* A part that is there as bytes; the caller frees '*ret' with free(). LUYTRE_E_NOMEM. */
MUST_CHECK int pattern_set_part_save(const struct pattern_set *set, unsigned int part, uint8_t **ret, size_t *ret_size);

/* LUYTRE_E_NOMEM, LUYTRE_E_UNSUPPORTED: then it can only be freed. */
MUST_CHECK int pattern_set_finish(struct pattern_set *set);

/* ---- searching ---- */

/* Grows 'scratch' so that it can scan 'set'. LUYTRE_E_NOMEM. */
MUST_CHECK int pattern_set_prepare(const struct pattern_set *set, struct match_scratch *scratch);

/* Sets the bit 'id' of every pattern that may match 'in' (others stay as they are): 64 ids in each word, PATTERN_SET_WORDS of them.
 * False when the scratch was not prepared or 'in' has 4 GiB or more: then nothing is known. */
#define PATTERN_SET_WORDS(id_count) (((id_count) + 63) / 64)
MUST_CHECK bool pattern_set_scan(
	const struct pattern_set *set, struct match_scratch *scratch, struct bytes in, uint64_t *bits);

/* Many short buffers cost more to begin with than to read. Where the set takes lines, they can be scanned at once, one behind the other
 * with a line feed between them: what is not named then matches none of them. All of them must have the same tier, which says how
 * rich the alphabet is that a buffer is written in. */
unsigned int pattern_tier(struct bytes in);
/* False when an expression asks for the ends of the buffer itself (\A, \z, ...), which the ends of a line are not. */
bool pattern_set_takes_lines(const struct pattern_set *set);
MUST_CHECK bool pattern_set_scan_lines(const struct pattern_set *set, struct match_scratch *scratch, unsigned int tier,
	struct bytes lines, uint64_t *bits);

struct pattern_set_info {
	size_t pattern_count;
	size_t always_count; /* expressions that the automaton cannot take */
	size_t memory_bytes;
};

/* Whether the automaton could not take a pattern of this id, which is then named for every buffer. */
bool pattern_set_is_always(const struct pattern_set *set, uint32_t id);

struct pattern_set_info pattern_set_info(const struct pattern_set *set);
