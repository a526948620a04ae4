// SPDX-License-Identifier: Apache-2.0
/* Sets of literal patterns: one pass over a buffer tells which of up to a million byte strings stand in it, and where.
 *
 * This is the prefilter of the sensor and of the gate: each rule gives its most telling string to the set of the buffer that
 * it looks at, and only the rules whose string was found are looked at any further.
 *
 *	struct literal_set_builder *builder = literal_set_builder_new();
 *	literal_set_builder_add(builder, &(struct literal){ .bytes = ..., .flags = LITERAL_NOCASE | LITERAL_ONCE, .id = 7 });
 *	literal_set_compile(builder, &set);		... or literal_set_load(builder, saved, &set)
 *	literal_set_builder_free(builder);
 *	literal_set_prepare(set, scratch);		in each thread, before its first scan
 *	literal_set_scan(set, scratch, buffer, on_hit, context);
 *
 * A set is immutable: any number of threads scan it at once, each with its own scratch. A builder belongs to one thread.
 *
 * How a set is searched is chosen when it is compiled, by measurement (bench-match shows the numbers):
 * - Strings go into one automaton of Hyperscan or its fork Vectorscan: the 2,700 strings of a rule set for URIs at 1 GB/s,
 *   13,000 of all buffers together at 0.2. It pays even for one string: a scan of 30 bytes takes 30 to 80 ns.
 * - One-byte strings stand in nearly every buffer and slow an automaton down to a quarter, so they are found beside it
 *   (match/pairs.h). So are strings with less than two bytes behind leading NULs, which fill binary protocols.
 * - Strings whose window leaves them up to four places within the first 256 bytes are compared there and nowhere else
 *   (match/places.h): give the window.
 * - Other strings of up to three bytes that must end within the first 256 bytes are looked for there only.
 * Equal strings are searched once, whatever the number of ids, windows and flags that they were added with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct match_scratch;
struct literal_set;
struct literal_set_builder;

/* Bytes of one literal, and literals of one set. */
#define LITERAL_SIZE_MAX  4096
#define LITERAL_COUNT_MAX 1000000

enum literal_flags {
	LITERAL_NOCASE = 1 << 0, /* the case of ASCII letters does not matter */
	LITERAL_ONCE =
		1 << 1, /* told at most once in a scan: enough for a prefilter, and much cheaper where it is frequent */
	LITERAL_AT_END = 1 << 2, /* counts only where it ends with the buffer */
};

/* What to look for, where, and what to say when it is there. The places are offsets behind the last byte of the literal:
 * Suricata's "offset:o; depth:d" is min_end = o + size, max_end = o + d. */
struct literal {
	struct bytes bytes; /* copied; any byte values; 1..LITERAL_SIZE_MAX */
	uint32_t flags; /* an or of literal_flags */
	uint32_t min_end; /* smallest end that counts */
	uint32_t max_end; /* largest end that counts; 0: no limit */
	uint32_t id; /* the caller's; need not be unique */
};

/* Null without memory. */
struct literal_set_builder *literal_set_builder_new(void);

/* Accepts null. Sets made from the builder stay. */
void literal_set_builder_free(struct literal_set_builder *builder);

/* LUYTRE_E_INVALID: empty, too long, unknown flags, or a window in which it cannot end; LUYTRE_E_FULL; LUYTRE_E_NOMEM. The
 * builder stays as it was. */
MUST_CHECK int literal_set_builder_add(struct literal_set_builder *builder, const struct literal *literal);

size_t literal_set_builder_count(const struct literal_set_builder *builder);

/* Names what was added, in the order in which it was added, for finding a saved set. Two SipHashes with fixed keys: chance
 * does not make two contents equal, somebody who wants to can. */
struct literal_set_key {
	uint64_t half[2];
};

struct literal_set_key literal_set_builder_key(const struct literal_set_builder *builder);

/* Compiles what was added; nothing at all makes a set that finds nothing. About 40 us for each string of the automaton.
 * '*ret' is freed with literal_set_free. LUYTRE_E_NOMEM, or LUYTRE_E_UNSUPPORTED when this processor lacks what the automaton needs. */
MUST_CHECK int literal_set_compile(const struct literal_set_builder *builder, struct literal_set **ret);

/* Accepts null. No thread may be scanning it. */
void literal_set_free(struct literal_set *set);

/* Writes what was slow to compile to '*ret', which the caller frees with free(). LUYTRE_E_NOMEM. */
MUST_CHECK int literal_set_save(const struct literal_set *set, uint8_t **ret, size_t *ret_size);

/* As literal_set_compile(), but takes the automaton out of 'saved', which is only read. The builder must hold what the saved
 * set was made of. Errors after which the caller compiles instead:
 *	LUYTRE_E_VERSION	not a saved set, or saved by another version of this program or of the library, or for a processor with
 *				other abilities
 *	LUYTRE_E_CORRUPT	damaged or cut
 *	LUYTRE_E_CONFLICT	saved from another content
 *	LUYTRE_E_NOMEM
 * The checksum finds damage, not malice: whoever can write the file of a saved set decides what the library executes over, so
 * it must lie where only this program can write. */
MUST_CHECK int literal_set_load(
	const struct literal_set_builder *builder, struct bytes saved, struct literal_set **ret);

/* Grows 'scratch' so that it can scan 'set'; sets it was prepared for before stay scannable. LUYTRE_E_NOMEM, with the scratch
 * as it was. */
MUST_CHECK int literal_set_prepare(const struct literal_set *set, struct match_scratch *scratch);

/* Told once for each place of a literal and each distinct window and flags: all ids added for it, ascending, and the offset
 * behind its last byte. 'ids' lives as long as the set. False ends the scan. Must not scan with the same scratch. */
typedef bool (*literal_hit_fn)(void *context, const uint32_t *ids, size_t id_count, size_t end);

/* Finds all literals of the set in 'in', overlapping ones too, in no particular order. Allocates nothing. Returns 0, also
 * when the callback ended it; LUYTRE_E_INVALID when the scratch was not prepared for the set, LUYTRE_E_RANGE for 4 GiB or more. */
MUST_CHECK int literal_set_scan(const struct literal_set *set, struct match_scratch *scratch, struct bytes in,
	literal_hit_fn hit, void *context);

/* Bytes of the longest literal, 0 for an empty set: of a buffer that grew, only what is new and one byte less than this before
 * it need be scanned. */
size_t literal_set_longest(const struct literal_set *set);

/* Shape of a set, for statistics. The four counts of strings add up to the number of distinct strings. */
struct literal_set_info {
	size_t automaton_count; /* strings in the automaton */
	size_t pairs_count; /* strings found by the map of pairs in the whole buffer */
	size_t head_count; /* ... and only at the start of the buffer */
	size_t places_count; /* strings compared at the few places that their windows allow */
	size_t automaton_bytes;
	size_t memory_bytes; /* all of the set, the automaton included */
};

struct literal_set_info literal_set_info(const struct literal_set *set);
