// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#pragma once

#include "base/arena.h"
#include "hub/assess/assess.h"

int assess_refuse(const struct assess_call *call, enum assess_reason reason);

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
