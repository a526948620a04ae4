// SPDX-License-Identifier: Apache-2.0
/* Assessments: every system of an organisation, or of the nation, is held against one profile of the law until a deadline.
 *
 *	begun: a sheet for each system of the scope, its level, sector and province as they were	-> closed
 *	sheet: draft -> submitted -> returned (with a reason) -> submitted ...
 *
 * A sheet has answers (answers.h) and a part about people (staff.h); what the hub knows itself is not answered but judged anew at each
 * look (judge.h), so that evidence that comes after a signature turns it red at once. A person signs a sheet: the hub's Ed25519 key
 * signs who, when, and the hash of both parts. Any later change, in the database too, leaves a signature that does not fit ("broken"), which
 * counts as none. An excuse counts when another person than who wrote it approved it (excuse.c). A sheet is submitted when it is signed, the signature is good, and each control has an answer or a proof of
 * grade 2 or 3. A submitted sheet and a closed assessment do not change.
 *
 * During a transition two profiles stand side by side: each system is judged by both, from the same answers and evidence. The sheet asks
 * for the first; what the second asks may be answered too, else the cross-walk between them says whose answer stands for it (judge.h).
 *
 * All is in the control database, in the caller's transaction or in one of its own; each change is written to the audit log with it. Who
 * may do it at all is asked before (hub/auth); 'scope' says whose sheets exist for the call. Calls of one handle belong to its
 * thread. Times are microseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "hub/assess/answers.h"
#include "hub/assess/judge.h"
#include "hub/assess/law.h"
#include "hub/assess/staff.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"
#include "hub/tenants/tenants.h"

enum {
	ASSESS_OPEN_MAX = 64, /* assessments that are not closed */
	ASSESS_SYSTEMS_MAX = 100000, /* of one */
	ASSESS_PAGE_MAX = 1000,
	ASSESS_TITLE_SIZE = 4 * 200 + 1,
	ASSESS_PERSON_SIZE = ANSWER_BY_SIZE + 1,
	ASSESS_REASON_SIZE = 2000 + 1,
	ASSESS_SIGNATURE_SIZE = 64,
};

#define ASSESS_DEADLINE_MAX_US (3 * 366 * INT64_C(86400000000)) /* from now */
#define ASSESS_TOOL            "luytre-perimeter" /* the tool of findings that the perimeter itself makes */

/* X(identifier, word, English, Vietnamese). Numbers are stored. */
#define ASSESS_SHEETS(X)                                                                                               \
	X(DRAFT, "draft", "being answered", "đang trả lời")                                                            \
	X(SUBMITTED, "submitted", "submitted", "đã nộp")                                                               \
	X(RETURNED, "returned", "returned", "bị trả lại")

#define X(id, ...) ASSESS_##id,
enum assess_sheet_state { ASSESS_SHEETS(X) ASSESS_SHEET_COUNT };
#undef X
extern const struct assess_text {
	const char *word, *en, *vi;
} assess_sheet_texts[ASSESS_SHEET_COUNT];

enum assess_signature { ASSESS_UNSIGNED, ASSESS_GOOD, ASSESS_BROKEN };

/* Why something was refused. X(identifier, error, English, Vietnamese) */
#define ASSESS_REASONS(X)                                                                                              \
	X(PROFILE, LUYTRE_E_INVALID, "There is no such profile, or its time is over.",                                 \
		"Không có bộ tiêu chí này, hoặc đã hết hiệu lực.")                                                     \
	X(DEADLINE, LUYTRE_E_RANGE, "The deadline must lie ahead, within three years.",                                \
		"Thời hạn phải ở phía trước, trong vòng ba năm.")                                                      \
	X(NOTHING, LUYTRE_E_CONFLICT, "There is no system in this scope.", "Phạm vi này không có hệ thống nào.")       \
	X(MANY, LUYTRE_E_FULL, "Too many assessments are open, or too many systems in this one.",                      \
		"Có quá nhiều đợt đánh giá đang mở, hoặc quá nhiều hệ thống.")                                         \
	X(CLOSED, LUYTRE_E_CONFLICT, "The assessment is closed.", "Đợt đánh giá đã đóng.")                             \
	X(SUBMITTED, LUYTRE_E_CONFLICT, "The sheet is submitted; it must be returned first.",                          \
		"Phiếu đã nộp; cần được trả lại trước.")                                                               \
	X(NOT_SUBMITTED, LUYTRE_E_CONFLICT, "The sheet is not submitted.", "Phiếu chưa được nộp.")                     \
	X(REVISION, LUYTRE_E_CONFLICT, "It was changed meanwhile.", "Đối tượng đã bị thay đổi trong lúc đó.")          \
	X(CONTROL, LUYTRE_E_INVALID, "The level does not ask this control.", "Cấp độ này không yêu cầu tiêu chí này.") \
	X(NOTE, LUYTRE_E_INVALID, "An equivalent measure and an excuse need a note.",                                  \
		"Biện pháp tương đương và miễn trừ cần có giải trình.")                                                \
	X(UNTIL, LUYTRE_E_INVALID, "An excuse needs an end, within two years.",                                        \
		"Miễn trừ cần thời hạn, không quá hai năm.")                                                           \
	X(DONE, LUYTRE_E_INVALID, "What was done cannot lie ahead.", "Ngày thực hiện không thể ở phía trước.")         \
	X(UNSIGNED, LUYTRE_E_CONFLICT, "The sheet has no good signature.", "Phiếu chưa có chữ ký hợp lệ.")             \
	X(UNANSWERED, LUYTRE_E_CONFLICT, "Controls have neither an answer nor a proof.",                               \
		"Còn tiêu chí chưa có câu trả lời hoặc bằng chứng.")                                                   \
	X(EXCUSE, LUYTRE_E_CONFLICT, "This control has no excuse.", "Tiêu chí này không có đề nghị miễn trừ.")         \
	X(OWN, LUYTRE_E_CONFLICT, "An excuse is approved by somebody else than who wrote it.",                         \
		"Miễn trừ phải do người khác với người đề nghị phê duyệt.")                                            \
	X(SIZE, LUYTRE_E_FULL, "The answers are too long.", "Các câu trả lời quá dài.")

enum assess_reason {
	ASSESS_NO_REASON, /* the error tells */
#define X(id, ...) ASSESS_WHY_##id,
	ASSESS_REASONS(X)
#undef X
		ASSESS_REASON_COUNT
};
const char *assess_reason_text(enum assess_reason reason, enum luytre_lang lang); /* "" without one */

/* Parts that the standing policy enforces for all of a system, on edges that are up and have that policy; sensor and gate where one has been heard there. */
struct assess_standing {
	bool shield, sensor, gate;
};

/* What the parts above know. All zeros: nothing. */
struct assess_platform {
	int64_t keep_days; /* how long events are kept */
	void *context;
	/* What stands before this system of the tenant. May be null. */
	void (*look)(void *context, uint32_t tenant, uint32_t system, struct assess_standing *ret);
};

struct assess_call {
	struct db *db;
	const struct scope *scope;
	const struct audit_origin *origin;
	const struct law *law;
	const struct audit_key *key; /* the hub's, for signatures */
	const struct assess_platform *platform;
	uint32_t person; /* account */
	const char *name; /* its name, for people */
	enum assess_reason *why; /* may be null; written on refusal only */
};

struct assessment {
	uint32_t id, tenant; /* tenant: with all below it; 0: the nation */
	int64_t revision, began_us, deadline_us, closed_us; /* closed 0: open */
	char title[ASSESS_TITLE_SIZE], profile[33], second[33], began_by[ASSESS_PERSON_SIZE]; /* second "": none */
	uint32_t systems; /* sheets, of any scope */
};

struct assess_sheet {
	uint32_t assessment, system, tenant, level, province;
	enum tenant_sector sector;
	char name[TENANT_NAME_SIZE], tenant_name[TENANT_NAME_SIZE];
	enum assess_sheet_state state;
	int64_t revision, submitted_us, changed_us;
	char reason[ASSESS_REASON_SIZE]; /* why it was returned */
	struct bytes answers, staff; /* as stored */
	enum assess_signature signature;
	uint32_t signer;
	char signer_name[ASSESS_PERSON_SIZE];
	int64_t signed_us;
	uint8_t signature_bytes[ASSESS_SIGNATURE_SIZE];
	uint8_t *owned; /* of what the views point to; null: they are borrowed */
};
void assess_sheet_done(struct assess_sheet *sheet);

/* Makes the tables; after posture_setup. */
MUST_CHECK int assess_setup(struct db *db);

/* ---- Assessments (campaign.c) ---- */

struct assess_begin {
	const char *title, *profile, *second; /* second: the profile that stands beside; null or "": none */
	uint32_t tenant;
	int64_t deadline_us;
};
MUST_CHECK int assess_begin(const struct assess_call *call, const struct assess_begin *in, struct assessment *ret);
MUST_CHECK int assess_close(const struct assess_call *call, uint32_t id, int64_t revision, struct assessment *ret);
/* LUYTRE_E_NOT_FOUND also when no sheet of it is in the scope. */
MUST_CHECK int assess_get(const struct assess_call *call, uint32_t id, struct assessment *ret);
/* Newest first, below 'before' (0: from the newest), at most 'limit'. Not 0 from 'fn' stops and is returned. */
typedef int (*assessment_fn)(void *context, const struct assessment *assessment);
MUST_CHECK int assess_each(
	const struct assess_call *call, uint32_t before, uint32_t limit, assessment_fn fn, void *context);

/* ---- Sheets (sheet.c) ---- */

/* Freed with assess_sheet_done. */
MUST_CHECK int assess_sheet_get(
	const struct assess_call *call, uint32_t assessment, uint32_t system, struct assess_sheet *ret);
/* By system, above 'after', at most 'limit'. */
typedef int (*assess_sheet_fn)(void *context, const struct assess_sheet *sheet);
MUST_CHECK int assess_sheet_each(const struct assess_call *call, uint32_t assessment, uint32_t after, uint32_t limit,
	assess_sheet_fn fn, void *context);

/* One sheet's change: what is not given stays. */
struct assess_change {
	const struct answer *answers; /* by and at are filled in; in any order, each key once */
	size_t answer_count;
	const struct bytes *removed; /* keys whose answers go */
	size_t removed_count;
	const struct staff *staff; /* null: stays */
};
/* '*ret' is the sheet as it is then, freed by the caller. */
MUST_CHECK int assess_answer(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const struct assess_change *change, struct assess_sheet *ret);
MUST_CHECK int assess_sign(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret);
MUST_CHECK int assess_submit(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	struct assess_sheet *ret);
/* The caller approves these excuses; also of a submitted sheet. ASSESS_WHY_EXCUSE, ASSESS_WHY_OWN. */
MUST_CHECK int assess_approve(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const struct bytes *keys, size_t count, struct assess_sheet *ret);
MUST_CHECK int assess_return(const struct assess_call *call, uint32_t assessment, uint32_t system, int64_t revision,
	const char *reason, struct assess_sheet *ret);

/* ---- What follows (rollup.c) ---- */

/* The obligations of one system, judged now; then those of the second profile, where there is one and 'second' is not null. */
MUST_CHECK int assess_judge(const struct assess_call *call, const struct assessment *assessment,
	const struct assess_sheet *sheet, judge_fn fn, judge_fn second, void *context);

/* X(identifier, word): by what is added up. The last two split obligations, so what is counted by sheet is 0 there, and penalties. */
#define ASSESS_GROUPS(X)                                                                                                    \
	X(NATION, "nation") /* key 0: all of the scope */                                                                   \
	X(LEVEL, "level")                                                                                                   \
	X(SECTOR, "sector") /* enum tenant_sector */                                                                        \
	X(PROVINCE, "province") /* code; 0: none */                                                                         \
	X(TENANT, "tenant") /* whose system it is */                                                                        \
	X(BRANCH,                                                                                                           \
		"branch") /* the tenant directly below 'root' that it stands under, or 'root' itself; root 0: at the top */ \
	X(SYSTEM, "system")                                                                                                 \
	X(GROUP, "group") /* place of the controls' group */                                                                \
	X(PART, "part") /* place of the part of Decree 331 */

#define X(id, ...) ASSESS_BY_##id,
enum assess_group { ASSESS_GROUPS(X) ASSESS_GROUP_COUNT };
#undef X
extern const char *const assess_group_words[ASSESS_GROUP_COUNT];

/* Groups and parts of controls are a profile's own: those of the second have their place above this. */
enum { ASSESS_SECOND_KEY = 1 << 16 };

struct assess_sum {
	uint32_t key;
	struct judge_sum sum, second; /* by either profile; second: zeros without one */
};
/* By ascending key; '*ret' is freed by the caller. The sums of all groups are exactly the total, but for what is counted by sheet where
 * obligations are split: that stands in the total alone (its key is 0). */
MUST_CHECK int assess_rollup(const struct assess_call *call, const struct assessment *assessment,
	enum assess_group group, uint32_t root, struct assess_sum **ret, size_t *ret_count,
	struct assess_sum *ret_total);

/* One control, and what putting it right everywhere would take away. */
struct assess_proposal {
	uint16_t control;
	int64_t systems, principal, contradicted, paper_gap, interest;
	const struct law_proof *shared; /* what the platform can do itself that would settle it; null: nothing */
};
/* Most interest first, then most systems; at most 'limit', in all '*ret_total'. '*ret' is freed by the caller. */
MUST_CHECK int assess_proposals(const struct assess_call *call, const struct assessment *assessment, size_t limit,
	struct assess_proposal **ret, size_t *ret_count, size_t *ret_total);
