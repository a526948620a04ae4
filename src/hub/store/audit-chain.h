// SPDX-License-Identifier: Apache-2.0
/* What writing and checking the audit chain share; for audit.c and audit-verify.c alone. */
#pragma once

#include "hub/store/audit.h"

#define AUDIT_HEAD_WORD "luytre-audit-head"

/* Said by a row function that has seen enough; no error of base/error.h and no answer of a caller's function. */
enum { AUDIT_ENOUGH = INT32_MIN };

struct audit_head {
	int64_t sequence; /* 0: no record yet, and the hash is zeros */
	uint8_t hash[AUDIT_HASH_SIZE];
};

MUST_CHECK int audit_head_read(struct db *db, struct audit_head *ret);

/* Writes AUDIT_HASH_SIZE bytes. */
void audit_chain_hash(const uint8_t previous[AUDIT_HASH_SIZE], const struct audit_entry *entry, uint8_t *ret);

/* From the first eight columns of the table. */
void audit_entry_read(const struct db_value *columns, struct audit_entry *ret);

/* What is signed; returns its size. */
int audit_head_message(const struct audit_head *head, int64_t time_us, char *text, size_t text_size);
