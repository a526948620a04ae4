// SPDX-License-Identifier: Apache-2.0
/* Captures that were tampered with: a mutant is what is left of a capture after it was cut, bit-flipped, reordered.
 *
 * The same capture, mutation and seed give the same mutant on every machine, so that three words name a failure. Frames
 * own their bytes, each in a heap block of exactly its size: an address sanitizer sees a read one byte too far. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	MUTANT_FRAMES_MAX = 20000, /* a capture is looked at up to this many frames */
	MUTANT_BYTES_MAX = 16 << 20, /* and this many bytes of them */
};

/* X(id, name) */
#define MUTATIONS(X)                                                                                                   \
	X(NONE, "none")                                                                                                \
	X(CUT_FILE, "cut-file") /* the file ends at any offset */                                                      \
	X(DAMAGE_FILE, "damage-file") /* bits of the file are wrong, those of its own headers too */                   \
	X(CUT_FRAMES, "cut-frames") /* frames are shorter than they were on the wire */                                \
	X(FLIP_BITS, "flip-bits") /* of frames: headers seldom, what they carry often */                               \
	X(REORDER, "reorder") /* within a window, with the times as they were or in order */                           \
	X(DUPLICATE, "duplicate") /* later once more, with the same bytes or with others */                            \
	X(DROP, "drop")                                                                                                \
	X(ALL, "all") /* all of these, but for the file's own, one after the other */

enum mutation {
#define X(id, name) MUTATION_##id,
	MUTATIONS(X)
#undef X
		MUTATION_COUNT
};

struct mutant_frame {
	uint8_t *data; /* owned */
	uint32_t size, wire_size, linktype;
	uint64_t time_ns;
};

struct mutant {
	struct mutant_frame *frames;
	size_t count, room;
};

const char *mutation_name(enum mutation mutation);
/* MUTATION_COUNT: there is none of this name. */
enum mutation mutation_find(const char *name);

/* 'file' is the content of a capture file, of any kind that capture/file.h reads. 0, LUYTRE_E_NOMEM, or the error with which
 * the file cannot be opened; damage behind its beginning ends the frames there. mutant_done() frees the result. */
MUST_CHECK int mutant_make(struct bytes file, enum mutation mutation, uint64_t seed, struct mutant *ret);
void mutant_done(struct mutant *mutant);

/* A number below 'bound', which is 1 or more (SplitMix64). */
uint32_t mutant_random(uint64_t *state, uint32_t bound);
