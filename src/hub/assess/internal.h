// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#pragma once

#include "base/arena.h"
#include "hub/assess/assess.h"

int assess_refuse(const struct assess_call *call, enum assess_reason reason);

/* Whether the signature of a sheet fits what it has now. */
enum assess_signature assess_signature_check(
	const struct audit_key *key, const struct assessment *assessment, const struct assess_sheet *sheet);

/* An answer was given, in its transaction: who wrote it, if it is an excuse; nobody has approved it yet (excuse.c). */
MUST_CHECK int excuse_note(
	const struct assess_call *call, const struct assess_sheet *sheet, const struct answer *answer);
/* The caller approves these excuses of a sheet, in its transaction. */
MUST_CHECK int excuses_approve(
	const struct assess_call *call, const struct assess_sheet *sheet, const struct bytes *keys, size_t count);

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
/* Of one of the systems; null: it is none of them. */
struct judge_evidence *assess_evidence_of(const struct assess_evidence *evidence, uint32_t system);
void assess_evidence_done(struct assess_evidence *evidence);
/* Which excuses of theirs in this assessment are approved. */
MUST_CHECK int excuses_load(const struct assess_call *call, uint32_t assessment, struct assess_evidence *evidence);
