// SPDX-License-Identifier: Apache-2.0
/* Findings: what is wrong in one place, until it is proved to be put right.
 *
 * One finding is a tenant, an asset, the place in it (address or name, protocol, port, path) and a CVE; where there is no CVE, the tool and its
 * rule. However many tools see it, and however often, it stays one finding, and each of them a proof.
 *
 *	open -> held -> fix claimed -> verified		accepted until a date, false with a reason
 *
 * Who may bring it from which state to which is a table (finding.c). The laws behind it: what a report does not mention is never closed
 * by that; a claim is not a fix, and whoever claimed does not judge it (a probe may); evidence later than a claim or a verification
 * opens the finding again; so does the end of an acceptance. A hold is a fact beside the state: it stays while a fix is claimed or the risk is
 * accepted, and ends with a verified fix.
 *
 * All is in the control database, in the caller's transaction if there is one, else in one of its own; each change is written to the audit log
 * with it. Only that the same proof was seen again is not: it moves a time, and the import is noted as a whole. Who may ask at all is
 * checked before (hub/auth); 'scope' says whose findings exist for the call. Calls of one handle belong to its thread. Times are
 * microseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "hub/findings/record.h"
#include "hub/posture/clock.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"

enum {
	FINDING_PROOFS_MAX = 64, /* then the oldest of the same tool gives way; where it has none, the oldest */
	FINDING_PAGE_MAX = 1000,
	FINDING_HOST_SIZE = 256,
	FINDING_PATH_SIZE = 512 + 1,
	FINDING_CVE_SIZE = 32,
	FINDING_TOOL_SIZE = 64,
	FINDING_RULE_SIZE = 128 + 1,
	FINDING_TITLE_SIZE = 512 + 1,
	FINDING_VECTOR_SIZE = 256 + 1,
	FINDING_REASON_SIZE = 1024 + 1,
	FINDING_ACTOR_SIZE = 128 + 1,
	FINDING_EVIDENCE_SIZE = 4096 + 1, /* kept of it; the hash is of all that came */
	FINDING_HASH_SIZE = 32,
};

#define FINDING_ACCEPT_MAX_US (366 * CLOCK_DAY_US) /* an acceptance lasts a year at most */

/* X(identifier, word, live, English, Vietnamese). Live: it counts as open. Numbers are stored: add at the end. */
#define FINDING_STATES(X)                                                                                              \
	X(OPEN, "open", true, "open", "chưa xử lý")                                                                    \
	X(HELD, "held", true, "held at the perimeter", "đang được chặn ở biên")                                        \
	X(CLAIMED, "fix-claimed", true, "said to be fixed", "báo đã khắc phục")                                        \
	X(VERIFIED, "verified", false, "fix verified", "đã xác minh khắc phục")                                        \
	X(ACCEPTED, "accepted", false, "risk accepted until a date", "chấp nhận rủi ro có thời hạn")                   \
	X(FALSE_ALARM, "false", false, "false alarm", "cảnh báo sai")

/* In which part a change is made. X(identifier, word) */
#define FINDING_PARTS(X)                                                                                               \
	X(OWNER, "owner") /* answers for the system */                                                                 \
	X(APPROVER, "approver") /* may accept risks and judge proofs */                                                \
	X(ENGINE, "engine") /* holds */                                                                                \
	X(EVIDENCE, "evidence") /* a report, a probe, what the sensor saw */                                           \
	X(CLOCK, "clock") /* a date came */

enum finding_state {
#define X(id, ...) FINDING_##id,
	FINDING_STATES(X)
#undef X
		FINDING_STATE_COUNT
};
enum finding_part {
#define X(id, ...) FINDING_BY_##id,
	FINDING_PARTS(X)
#undef X
		FINDING_PART_COUNT
};

struct finding_state_text {
	const char *word;
	bool live;
	const char *en, *vi;
};
extern const struct finding_state_text finding_states[FINDING_STATE_COUNT];

/* Why something was refused. X(identifier, slug, error, English, Vietnamese) */
#define FINDING_REASONS(X)                                                                                             \
	X(KIND, "not-a-weakness", LUYTRE_E_UNSUPPORTED, "The record does not speak of a weakness.",                    \
		"Bản ghi không nói về điểm yếu.")                                                                      \
	X(NAMELESS, "nameless", LUYTRE_E_INVALID, "The record has neither a CVE nor a rule.",                          \
		"Bản ghi không có CVE cũng không có mã luật.")                                                         \
	X(ASSET, "no-asset", LUYTRE_E_NOT_FOUND, "No asset has this address or name.",                                 \
		"Không có tài sản nào mang địa chỉ hoặc tên này.")                                                     \
	X(TRANSITION, "transition", LUYTRE_E_CONFLICT, "A finding in this state cannot be brought to that one.",       \
		"Không thể chuyển phát hiện từ trạng thái này sang trạng thái đó.")                                    \
	X(PART, "not-yours", LUYTRE_E_PERMISSION, "This change is up to somebody else.",                               \
		"Thay đổi này thuộc thẩm quyền của người khác.")                                                       \
	X(SAME_PERSON, "same-person", LUYTRE_E_PERMISSION, "Who said that it is fixed does not verify it.",            \
		"Người báo đã khắc phục không được tự xác minh.")                                                      \
	X(REASON, "reason", LUYTRE_E_INVALID, "A reason is needed.", "Cần nêu lý do.")                                 \
	X(EXPIRY, "expiry", LUYTRE_E_RANGE, "An end is needed, in the future and within a year.",                      \
		"Cần thời hạn trong tương lai, không quá một năm.")                                                    \
	X(REVISION, "revision", LUYTRE_E_CONFLICT, "It was changed meanwhile.",                                        \
		"Đối tượng đã bị thay đổi trong lúc đó.")

enum finding_reason {
	FINDING_NO_REASON, /* the error tells */
#define X(id, ...) FINDING_WHY_##id,
	FINDING_REASONS(X)
#undef X
		FINDING_REASON_COUNT
};

const char *finding_reason_slug(enum finding_reason reason); /* "" without one */
const char *finding_reason_text(enum finding_reason reason, enum luytre_lang lang);

struct finding_call {
	struct db *db;
	const struct scope *scope;
	const struct audit_origin *origin;
	enum finding_part part;
	enum finding_reason *why; /* may be null; written on refusal only */
};

/* Answers to the clock's questions that nobody has given yet. Exposed counts as yes: what the perimeter protects stands at it. */
enum finding_answer { FINDING_UNKNOWN, FINDING_NO, FINDING_YES };

struct finding {
	int64_t id, revision;
	uint32_t tenant, system, asset;
	char host[FINDING_HOST_SIZE]; /* canonical address or name: an asset may be a whole prefix */
	uint8_t protocol; /* IANA; 0: not said */
	uint16_t port;
	char path[FINDING_PATH_SIZE];
	char cve[FINDING_CVE_SIZE]; /* else tool and rule are who it is */
	char tool[FINDING_TOOL_SIZE], rule[FINDING_RULE_SIZE]; /* the first that saw it */
	char title[FINDING_TITLE_SIZE], vector[FINDING_VECTOR_SIZE];
	uint8_t severity; /* 0 to 4, the highest that a tool said */
	bool exploited; /* a tool has shown it */

	enum finding_state state;
	int64_t since_us, first_us, last_us; /* of the state; seen first and last */
	char reason[FINDING_REASON_SIZE]; /* of the newest change by people */
	char claimant[FINDING_ACTOR_SIZE]; /* "": no fix is claimed */
	int64_t expires_us; /* of an acceptance */
	int64_t held_us; /* 0: no hold */
	char hold[FINDING_RULE_SIZE]; /* the rule that holds it */
	uint32_t contradicted; /* how often evidence came after a claim or a verification */
	uint32_t proof_count;

	enum finding_answer exposed; /* measured at the perimeter */
	bool kev, automatable, total, forensic; /* the clock's other inputs, as they were taken */
	enum clock_step step;
	int64_t start_us, set_us, due_us; /* CLOCK_NO_DATE_US: none */
};

struct finding_proof {
	uint32_t number;
	char tool[FINDING_TOOL_SIZE], rule[FINDING_RULE_SIZE];
	int64_t first_us, last_us; /* seen so, first and last */
	uint32_t seen; /* how often */
	uint8_t confidence; /* 0 to 100 */
	bool exploited;
	uint8_t hash[FINDING_HASH_SIZE]; /* SHA-256 of the evidence as it came */
	char evidence[FINDING_EVIDENCE_SIZE];
};

/* Makes the tables of this folder; after audit_setup and tenants_setup. */
MUST_CHECK int posture_setup(struct db *db);

/* ---- Intake (finding-import.c) ---- */

/* X(identifier, word): what became of a record. */
#define FINDING_OUTCOMES(X)                                                                                            \
	X(MADE, "made") /* a finding nobody knew */                                                                    \
	X(JOINED, "joined") /* a further proof */                                                                      \
	X(SEEN, "seen") /* the same proof again */                                                                     \
	X(REOPENED, "reopened")

enum finding_outcome {
#define X(id, ...) FINDING_##id,
	FINDING_OUTCOMES(X)
#undef X
		FINDING_OUTCOME_COUNT
};

struct finding_import;

/* One report of one tool ("nessus", at most FINDING_TOOL_SIZE - 1 bytes). 'scanned_us' is the time of records that have none; 0: now, which is
 * also the ceiling. The call must stay as it is until the end. Reads the addresses of all assets once. */
MUST_CHECK int finding_import_begin(
	const struct finding_call *call, const char *tool, int64_t scanned_us, struct finding_import **ret);
/* The same for who watches all the time: with an index of addresses that is at hand, and without an entry in the audit log when all that
 * came was known. */
struct tenants_index;
MUST_CHECK int finding_import_watch(
	const struct finding_call *call, const char *tool, struct tenants_index *index, struct finding_import **ret);
/* LUYTRE_E_* with 'why' when the record is refused, after which the next may come; other errors are those of the database. Many records in one
 * transaction are much faster. */
MUST_CHECK int finding_import(
	struct finding_import *import, const struct record *record, enum finding_outcome *ret_outcome, int64_t *ret_id);
/* Writes to the audit log what the import brought, and frees it. */
int finding_import_end(struct finding_import *import);

/* ---- Changes ---- */

struct finding_change {
	int64_t id, revision;
	enum finding_state to;
	const char *reason; /* null: none */
	int64_t expires_us; /* of an acceptance */
};

/* By people, probes and the clock. '*ret' may be null. */
MUST_CHECK int finding_change(
	const struct finding_call *call, const struct finding_change *change, struct finding *ret);
/* A rule holds it from now on, or (null) none any more; FINDING_BY_ENGINE. Refused for what is not live or accepted. */
MUST_CHECK int finding_hold(const struct finding_call *call, int64_t id, const char *rule);
/* What the perimeter measured. */
MUST_CHECK int finding_expose(const struct finding_call *call, int64_t id, bool exposed);
/* A date set by an authority, with its reason; 0 takes it back. FINDING_BY_APPROVER. */
MUST_CHECK int finding_set_date(const struct finding_call *call, int64_t id, int64_t set_us, const char *reason);
/* Reopens what was accepted until now, at most 'limit' (FINDING_PAGE_MAX) at once; FINDING_BY_CLOCK. */
MUST_CHECK int finding_expire(const struct finding_call *call, uint32_t limit, uint32_t *ret_count);
/* Brings the clocks of live findings above the id '*after' up to what is known of CVEs now, at most 'limit' at once; '*after' moves on,
 * and is 0 at the end. What became more urgent counts from now, what became less so from the beginning. FINDING_BY_CLOCK. */
MUST_CHECK int finding_reclock(const struct finding_call *call, int64_t *after, uint32_t limit, uint32_t *ret_count);

/* ---- Questions ---- */

MUST_CHECK int finding_get(const struct finding_call *call, int64_t id, struct finding *ret);

struct finding_query {
	uint32_t tenant; /* 0: any of the scope */
	bool live_only;
	int64_t after_due_us, after_id; /* the last of the page before; id 0: from the beginning */
	uint32_t limit; /* at most FINDING_PAGE_MAX */
};

/* Soonest due first. Not 0 from 'fn' stops and is returned. */
typedef int (*finding_fn)(void *context, const struct finding *finding);
MUST_CHECK int finding_each(
	const struct finding_call *call, const struct finding_query *query, finding_fn fn, void *context);

/* Newest first. */
typedef int (*finding_proof_fn)(void *context, const struct finding_proof *proof);
MUST_CHECK int finding_proof_each(const struct finding_call *call, int64_t id, finding_proof_fn fn, void *context);
