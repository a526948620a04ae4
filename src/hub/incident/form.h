// SPDX-License-Identifier: Apache-2.0
/* The yearly report (Form 08 of Decree 331/2026, articles 35 and 36): one row for each system, twelve columns. What the register of systems does
 * not know stands in a table of its own. It shows how things are when it is made: the register keeps no state of former years. */
#pragma once

#include "hub/incident/incident.h"
#include "hub/report/report.h"

enum { FORM_DECISION_SIZE = 4 * 128 + 1, FORM_CASE_SIZE = 24, FORM_ROWS_MAX = 50000 };

/* X(identifier, word, Vietnamese, as the form says it). Numbers are stored. */
#define FORM_APPROVALS(X)                                                                                              \
	X(DRAFT, "draft", "Đang dự thảo")                                                                              \
	X(SENT, "sent", "Đã gửi thẩm định")                                                                            \
	X(APPRAISED, "appraised", "Đã thẩm định")                                                                      \
	X(APPROVED, "approved", "Đã được phê duyệt")

#define FORM_PLANS(X)                                                                                                  \
	X(NONE, "none", "Chưa triển khai")                                                                             \
	X(PART, "part", "Đã triển khai một số hạng mục")                                                               \
	X(FULL, "full", "Đã triển khai đầy đủ")

/* Bits of both may stand. */
#define FORM_INSPECTIONS(X)                                                                                            \
	X(NEVER, "none", "")                                                                                           \
	X(BEFORE, "before-use", "Trước khi đưa vào sử dụng")                                                           \
	X(PERIODIC, "periodic", "Định kỳ")                                                                             \
	X(BOTH, "both", "Trước khi đưa vào sử dụng; Định kỳ")

/* What does not fit together. X(identifier, word, English, Vietnamese) */
#define FORM_FAULTS(X)                                                                                                 \
	X(LEVEL_DECISION, "no-level-decision", "Approved, but without the decision on the level (column 7).",          \
		"Đã được phê duyệt nhưng thiếu quyết định phê duyệt cấp độ (cột 7).")                                  \
	X(RULES_DECISION, "no-rules-decision", "Approved, but without the decision on the regulations (column 8).",    \
		"Đã được phê duyệt nhưng thiếu quyết định ban hành quy chế (cột 8).")                                  \
	X(APPROVAL_DATE, "no-approval-date", "Not approved, and no date is expected (column 9).",                      \
		"Chưa được phê duyệt nhưng thiếu thời gian dự kiến phê duyệt (cột 9).")                                \
	X(PLAN_DATE, "no-plan-date", "Not carried out in full, and no date is expected (column 11).",                  \
		"Chưa triển khai đầy đủ nhưng thiếu thời gian dự kiến hoàn thành (cột 11).")                           \
	X(INSPECTION, "not-inspected", "No inspection is recorded (column 12).",                                       \
		"Chưa ghi nhận kiểm tra, đánh giá (cột 12).")

#define X(id, ...) FORM_##id,
enum form_approval { FORM_APPROVALS(X) FORM_APPROVAL_COUNT };
#undef X
#define X(id, ...) FORM_PLAN_##id,
enum form_plan { FORM_PLANS(X) FORM_PLAN_COUNT };
#undef X
#define X(id, ...) FORM_INSPECTED_##id,
enum form_inspection { FORM_INSPECTIONS(X) FORM_INSPECTION_COUNT };
#undef X
#define X(id, ...) FORM_FAULT_##id,
enum form_fault { FORM_FAULTS(X) FORM_FAULT_COUNT };
#undef X

struct form_word {
	const char *word, *vi;
};
extern const struct form_word form_approvals[FORM_APPROVAL_COUNT], form_plans[FORM_PLAN_COUNT],
	form_inspections[FORM_INSPECTION_COUNT];
extern const struct incident_word form_faults[FORM_FAULT_COUNT];

struct form_row {
	uint32_t system, tenant;
	int64_t revision; /* 0: nothing was written yet */
	/* Of the register; not read in changes. */
	char name[TENANT_NAME_SIZE], owner[TENANT_NAME_SIZE], operator_[TENANT_NAME_SIZE];
	uint32_t registered_level;

	uint32_t
		level; /* proposed, 1 to 5: of a draft that of the register unless another was written, afterwards as it was filed */
	enum form_approval approval;
	char decision_level[FORM_DECISION_SIZE], decision_rules[FORM_DECISION_SIZE]; /* number and date of the papers */
	uint32_t approval_day, plan_day; /* expected; since 1970, 0: none */
	enum form_plan plan;
	enum form_inspection inspected;
	bool important; /* to national security: yearly self-check */
	char transition[FORM_CASE_SIZE]; /* case of transition.tsv; "": none */
};

/* Bits of enum form_fault. */
unsigned int form_check(const struct form_row *row);

/* Of a system in the scope; LUYTRE_E_NOT_FOUND. */
MUST_CHECK int form_get(const struct incident_call *call, uint32_t system, struct form_row *ret);
/* Of the revision that 'in' names. LUYTRE_E_CONFLICT: another one; LUYTRE_E_INVALID: no such case of transition. */
MUST_CHECK int form_put(const struct incident_call *call, const struct form_row *in, struct form_row *ret);
/* By owner's organisation and system; at most FORM_ROWS_MAX, then LUYTRE_E_FULL. Not 0 from 'fn' stops and is returned. */
typedef int (*form_fn)(void *context, const struct form_row *row);
MUST_CHECK int form_each(const struct incident_call *call, form_fn fn, void *context);

/* The whole form for the data of 15/12 of the year before to 14/12; 'reporter': the organisation, or the nation. 'bare': the table alone, for
 * programs. Freed by the caller. */
MUST_CHECK int form_report(
	const struct incident_call *call, int year, const char *reporter, bool bare, struct report **ret);
