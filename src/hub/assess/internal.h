// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#pragma once

#include "base/arena.h"
#include "hub/assess/assess.h"

/* Does the work in the caller's transaction, or in one of its own: stored as a whole or not at all. */
typedef int (*assess_fn)(void *context);
MUST_CHECK int assess_run(struct db *db, assess_fn work, void *context);
int assess_refuse(const struct assess_call *call, enum assess_reason reason);
void assess_column(const struct db_value *column, char *text, size_t text_size);

/* Whether the signature of a sheet fits what it has now. */
enum assess_signature assess_signature_check(
	const struct audit_key *key, const struct assessment *assessment, const struct assess_sheet *sheet);

/* The evidence of some systems (evidence.c). */
struct assess_evidence {
	struct arena arena;
	const uint32_t *systems; /* borrowed, ascending */
	size_t count;
	struct judge_evidence *items; /* of each */
};
/* 'tenants' of each system. Reads the database. */
MUST_CHECK int assess_evidence_load(const struct assess_call *call, const uint32_t *systems, const uint32_t *tenants,
	const uint32_t *levels, size_t count, struct assess_evidence *ret);
void assess_evidence_done(struct assess_evidence *evidence);
