// SPDX-License-Identifier: Apache-2.0
/* What the files of this folder share. */
#pragma once

#include "hub/posture/finding.h"

int finding_refuse(const struct finding_call *call, enum finding_reason reason);

/* With the columns in this order; finding_row_read is told them. */
#define FINDING_COLUMNS                                                                                                \
	"finding.id, finding.revision, finding.tenant, finding.system, finding.asset, finding.host, finding.protocol," \
	" finding.port, finding.path, finding.cve, finding.tool, finding.rule, finding.title, finding.vector,"         \
	" finding.severity, finding.exploited, finding.state, finding.since_us, finding.first_us, finding.last_us,"    \
	" finding.reason, finding.claimant, finding.expires_us, finding.held_us, finding.hold,"                        \
	" finding.contradicted, finding.proof_count, finding.exposed, finding.kev, finding.automatable,"               \
	" finding.total, finding.forensic, finding.step, finding.start_us, finding.set_us, finding.due_us"
void finding_row_read(const struct db_value *columns, struct finding *ret);
MUST_CHECK int finding_row_insert(struct db *db, const struct finding *row, struct bytes key);
/* Writes all that may change, and moves the revision on. */
MUST_CHECK int finding_row_update(struct db *db, struct finding *row);

/* One record of the audit log: "finding.VERB", with the state, the due date and further fields. */
MUST_CHECK int finding_audit(const struct finding_call *call, const char *verb, const struct finding *row,
	const struct audit_field *fields, size_t field_count);

/* Takes what the catalogues know of the CVE, else what the vector says, else the severity; then the date. What became more urgent counts from
 * 'now_us', what became less so from the beginning. True when something changed. */
MUST_CHECK int finding_clock(struct db *db, struct finding *row, int64_t now_us, bool *ret_changed);

/* A state that evidence or a date brought about. */
void finding_enter(struct finding *row, enum finding_state state, int64_t now_us);
/* Where a finding is live again: held while a hold stands. */
enum finding_state finding_live_state(const struct finding *row);

/* Cuts at a whole character; what is no UTF-8 and control characters (but for lines and tabs, where 'lines') become '?'. Returns 'out'. */
char *posture_text(struct bytes in, bool lines, char *out, size_t out_size);
