// SPDX-License-Identifier: Apache-2.0
/* What writing and checking the audit chain share; for audit.c, audit-verify.c and audit-archive.c alone. */
#pragma once

#include "hub/store/audit.h"

#define AUDIT_HEAD_WORD "luytre-audit-head"

/* Said by a row function that has seen enough; no error of base/error.h and no answer of a caller's function. */
enum { AUDIT_ENOUGH = INT32_MIN };

/* Where the chain in the database begins. Sequence 0: at its beginning. */
struct audit_anchor {
	struct audit_head head;
	int64_t time_us; /* when it was cut */
	uint8_t signature[AUDIT_SIGNATURE_SIZE];
};

MUST_CHECK int audit_anchor_read(struct db *db, struct audit_anchor *ret);
/* 'public_key' null: is not looked at. */
bool audit_anchor_genuine(const struct audit_anchor *anchor, const uint8_t *public_key);

MUST_CHECK int audit_head_read(struct db *db, struct audit_head *ret);

/* Writes AUDIT_HASH_SIZE bytes. */
void audit_chain_hash(const uint8_t previous[AUDIT_HASH_SIZE], const struct audit_entry *entry, uint8_t *ret);

/* From the first eight columns of the table. */
void audit_entry_read(const struct db_value *columns, struct audit_entry *ret);

/* What is signed; returns its size. */
int audit_head_message(const struct audit_head *head, int64_t time_us, char *text, size_t text_size);
