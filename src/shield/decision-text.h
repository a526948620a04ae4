// SPDX-License-Identifier: Apache-2.0
/* The reasons of decisions, each text kept once and counted: a million decisions of one list share one entry.
 *
 * Number 0 is the empty text and always there. Private to the decisions. One thread. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/siphash.h"
#include "shield/decisions.h"

struct decision_text {
	char text[DECISIONS_REASON_SIZE];
	uint32_t users; /* 0: free */
	uint32_t next; /* in the same bucket, or among the free; 0: end */
};

struct decision_texts {
	struct decision_text *items; /* owned; from 1 */
	uint32_t *buckets; /* owned; as many as 'size' */
	uint32_t size, used; /* entries, of which the first 'used' were used once; powers of two */
	uint32_t free; /* first free one; 0: none */
	uint32_t count; /* different texts in use */
	uint32_t last; /* taken last: lists bring the same text a million times */
	struct siphash_key key;
};

/* 0, LUYTRE_E_NOMEM or LUYTRE_E_SYSTEM. */
MUST_CHECK int decision_texts_init(struct decision_texts *texts);
void decision_texts_done(struct decision_texts *texts);

/* Counts one more user of the text. 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int decision_texts_take(struct decision_texts *texts, const char *text, uint32_t *ret_number);

/* One user less. */
void decision_texts_drop(struct decision_texts *texts, uint32_t number);

const char *decision_texts_get(const struct decision_texts *texts, uint32_t number);
