// SPDX-License-Identifier: Apache-2.0
/* What somebody says about the controls of one system, packed: a few kilobytes for some two hundred answers, in one form only, so that
 * the bytes can be hashed and signed.
 *
 *	"LTA1"  count (2)  then by ascending key: key (1 + n)  word (1)  flags (1)  at (8)  done (4)  until (4)  by (1 + n)
 *	note (2 + n)  hash (32, when flag 1)
 *
 * Numbers in network order; 'at' in microseconds, 'done' and 'until' in days since 1970. Reading is bounded and takes no memory: what is
 * handed out points into the bytes. Anything else than this form is LUYTRE_E_CORRUPT. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/cursor.h"
#include "base/error.h"
#include "hub/assess/law.h"

enum {
	ANSWERS_MAX = LAW_CONTROLS_MAX,
	ANSWERS_SIZE_MAX = 1 << 20, /* packed */
	ANSWER_NOTE_SIZE = 2000, /* bytes, without a NUL */
	ANSWER_BY_SIZE = 64,
	ANSWER_HASH_SIZE = 32,
};

/* X(identifier, word, English, Vietnamese). Numbers are stored. */
#define ANSWER_WORDS(X)                                                                                                \
	X(NO, "no", "not met", "chưa đáp ứng")                                                                         \
	X(YES, "yes", "met", "đáp ứng")                                                                                \
	X(EQUIVALENT, "equivalent", "met by an equivalent measure", "đáp ứng bằng biện pháp tương đương")              \
	X(EXCUSED, "excused", "excused until a date", "được miễn có thời hạn")

#define X(id, ...) ANSWER_##id,
enum answer_word { ANSWER_WORDS(X) ANSWER_WORD_COUNT };
#undef X
extern const struct answer_text {
	const char *word, *en, *vi;
} answer_texts[ANSWER_WORD_COUNT];

struct answer {
	struct bytes key, by, note; /* by: who said it last */
	enum answer_word word;
	int64_t at_us;
	uint32_t done_day, until_day; /* 0: not said */
	const uint8_t *hash; /* SHA-256 of a document; null: none */
};

struct answers_reader {
	struct cursor cur;
	struct bytes last; /* key */
	uint32_t left;
};

/* No bytes at all are no answers. */
MUST_CHECK int answers_begin(struct answers_reader *reader, struct bytes packed);
/* 1: an answer; 0: the end; LUYTRE_E_CORRUPT. */
MUST_CHECK int answers_next(struct answers_reader *reader, struct answer *ret);

/* SHA-256 of all that the answer says, as it is packed. */
MUST_CHECK int answer_hash(const struct answer *answer, uint8_t hash[ANSWER_HASH_SIZE]);

/* By ascending key, each once, or LUYTRE_E_INVALID. '*ret' is freed by the caller. LUYTRE_E_FULL, LUYTRE_E_NOMEM. */
MUST_CHECK int answers_pack(const struct answer *answers, size_t count, uint8_t **ret, size_t *ret_size);
