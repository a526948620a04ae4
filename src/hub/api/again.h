// SPDX-License-Identifier: Apache-2.0
/* Idempotency keys: the same request again gets the first answer and is not done again
 * (draft-ietf-httpapi-idempotency-key-header).
 *
 * Kept in memory for 24 hours, with ceilings of entries and bytes; at a ceiling the oldest answer goes. So a key holds as
 * long as this process lives: what must survive a restart is made unique in the database. Answers are kept as they were,
 * with what they show only once. Any thread. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum { AGAIN_HASH_SIZE = 16 };

struct again;

/* Which request it is: who asks, what operation and path, which key; and a hash of the body. */
struct again_key {
	uint8_t key[AGAIN_HASH_SIZE], request[AGAIN_HASH_SIZE];
};

struct again_answer {
	int status;
	struct bytes content_type, etag, location, body; /* copied by again_keep */
};

enum again_state {
	AGAIN_NEW, /* do it, then again_keep or again_forget */
	AGAIN_KNOWN, /* '*ret' is the answer; free its memory */
	AGAIN_BUSY, /* somebody is doing it */
	AGAIN_OTHER, /* the key was used for another request */
	AGAIN_FULL, /* no room: nothing could be remembered */
};

struct again_settings {
	size_t entries_max, bytes_max;
	uint64_t keep_ns;
};

extern const struct again_settings again_settings_default; /* 16,384 answers, 32 MiB, 24 hours */

/* Null without memory. */
struct again *again_new(const struct again_settings *settings);
void again_free(struct again *again);

/* 'ret_memory' holds the answer's parts on AGAIN_KNOWN; free it. */
enum again_state again_begin(
	struct again *again, const struct again_key *key, uint64_t now_ns, struct again_answer *ret, void **ret_memory);
void again_keep(struct again *again, const struct again_key *key, const struct again_answer *answer);
void again_forget(struct again *again, const struct again_key *key);
size_t again_count(const struct again *again);
