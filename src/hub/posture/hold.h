// SPDX-License-Identifier: Apache-2.0
/* Holds: what keeps a known weakness out of reach at the perimeter until it is mended.
 *
 * A live finding with a CVE that a rule covers (holdrules.h) makes a hold: one for each asset and rule, however many findings share it. Nobody has to ask for it.
 * By a rule of the gate when HTTP may reach the asset and its system is not edge-only; else by a rule of the sensor, whatever the protocol, when the asset has an
 * address or prefix (enum holdfile_part).
 *
 *	shadow -> enforced		an edge has proved the rule on its own web servers, and the budget of time in shadow is over
 *	suspended			a person took it away, with a reason, until a time
 *	lifted				none of its findings is open any more; the rule or the asset is gone
 *
 * Proof: web servers and sensors replay an attack and its benign twin through their own compiled rules, and say what came of it (struct hold_report). An edge is told to
 * enforce only what all of its reporters that know the rule have proved, so each edge begins in shadow, and goes back when a later report says
 * otherwise; the first proof waits for all of them, at most HOLD_GRACE_US. A rule without samples, one whose attack passes or whose twin is stopped, stays in
 * shadow and says so (enum hold_verdict). Reporters are those of the hold's part: sensors, whose names begin with HOLD_SENSOR, and all others.
 *
 * It stands at an edge when every worker of every reporter there has reported the rule in force, proved, out of a file that is as new as the hold. It stops standing
 * when a whole report that is as new says otherwise, or when for HOLD_GRACE_US not all have confirmed it. Findings count as held as long as all of their holds stand
 * at one edge at least.
 *
 * Room is bounded, in the nation, for one organisation, and in the file of one edge (struct hold_room). Where it is short organisations take turns, each with its
 * gravest first: KEV, then severity, then exposure. What has no room says so, and is in no file.
 *
 * All is in the control database, so that a restart changes nothing. Changes are audited in their transaction; edges' reports are not
 * changes by people and are noted in the rows alone. Work comes in slices: each call is one short transaction, for edges' batches wait for it. Calls
 * of one handle belong to its thread. Times are microseconds since 1970. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"
#include "hub/posture/finding.h"
#include "hub/posture/holdrules.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"

enum {
	HOLDS_MAX = 65536, /* in force or in shadow: HOLDFILE_ROWS_MAX */
	HOLDS_TENANT_MAX = HOLDS_MAX / 4, /* of one organisation */
	HOLD_NAMES_MAX = 64, /* of one hold: HOLDFILE_PLACES_MAX */
	HOLD_SLICE = 100, /* changes of one call */
	HOLD_GATES_MAX = 16, /* web servers of an edge */
	HOLD_WORKERS_MAX = 1024, /* of a web server */
	HOLD_PARTS_MAX = 1024, /* of what a worker says */
	HOLD_PARTS_TOTAL = 16384, /* kept of one edge, twice while new ones come in; more are refused */
	HOLD_REPORT_ROWS_MAX = 256,
	HOLD_GATE_SIZE = 65,
	HOLD_SUSPEND_DAYS_MAX = 366,
};

#define HOLD_SENSOR "sensor-" /* begins the name of a reporter that is a sensor */

#define HOLD_BUDGET_US      INT64_C(3000000) /* in shadow after the proof, unless told otherwise */
#define HOLD_GRACE_US       INT64_C(60000000) /* what stood is believed for so long while a new file is on its way */
#define HOLD_GATE_SILENT_US INT64_C(3600000000) /* a web server so far behind its neighbours is gone */

/* X(identifier, word, English, Vietnamese). Numbers are stored: add at the end. */
#define HOLD_STATES(X)                                                                                                 \
	X(SHADOW, "shadow", "in shadow", "thử bóng")                                                                   \
	X(ENFORCED, "enforced", "enforced", "đang chặn")                                                               \
	X(SUSPENDED, "suspended", "suspended by a person", "tạm dừng")                                                 \
	X(LIFTED, "lifted", "lifted", "đã gỡ")

/* What the web servers of an edge say of a hold, the worst of them; what is not GOOD keeps it in shadow there. */
#define HOLD_VERDICTS(X)                                                                                               \
	X(NONE, "none", "not reported yet", "chưa có báo cáo")                                                         \
	X(GOOD, "proved", "attack stopped, twin passed", "đã chặn mẫu tấn công, cho qua mẫu lành")                     \
	X(UNKNOWN, "unknown-rule", "a web server does not have the rule", "có máy chủ web chưa nạp luật này")          \
	X(NO_SAMPLE, "no-sample", "there is no sample to prove it with", "không có mẫu để chứng minh")                 \
	X(PASSED, "attack-passed", "the attack passed", "mẫu tấn công lọt qua")                                        \
	X(STOPPED, "twin-stopped", "the benign twin was stopped", "mẫu lành bị chặn nhầm")                             \
	X(NO_ROOM, "no-room", "more holds than there is room for, and graver ones go first",                           \
		"vượt số lượng tối đa, ưu tiên lỗ hổng nghiêm trọng hơn")

/* Why a hold was lifted. */
#define HOLD_ENDS(X)                                                                                                   \
	X(NONE, "", "", "")                                                                                            \
	X(MENDED, "mended", "none of its findings is open", "không còn phát hiện nào mở")                              \
	X(ASSET, "asset-gone", "the asset is gone", "tài sản không còn")                                               \
	X(RULE, "rule-gone", "no rule holds it any more", "không còn luật chặn")

#define X(id, ...) HOLD_##id,
enum hold_state { HOLD_STATES(X) HOLD_STATE_COUNT };
#undef X
#define X(id, ...) HOLD_VERDICT_##id,
enum hold_verdict { HOLD_VERDICTS(X) HOLD_VERDICT_COUNT };
#undef X
#define X(id, ...) HOLD_END_##id,
enum hold_end { HOLD_ENDS(X) HOLD_END_COUNT };
#undef X

struct hold_word {
	const char *word, *en, *vi;
};
extern const struct hold_word hold_states[HOLD_STATE_COUNT], hold_verdicts[HOLD_VERDICT_COUNT],
	hold_ends[HOLD_END_COUNT];

struct hold {
	int64_t id, revision;
	uint64_t rule;
	uint8_t part; /* enum holdfile_part */
	uint32_t tenant, system, asset;
	enum hold_state state;
	int64_t created_us, since_us; /* since: of the state */
	int64_t proved_us; /* by the first edge that did; its budget begins. 0: nobody has */
	enum hold_verdict verdict; /* the best proof that any edge has, else the worst word */
	enum hold_end end; /* of a lifted one */
	uint32_t finding_count, edge_count; /* open findings; edges at which it stands */
	/* Of the suspension. It outlives a lift: when the hold comes back before its end, it is suspended. */
	char reason[FINDING_REASON_SIZE], actor[FINDING_ACTOR_SIZE];
	int64_t suspended_until_us;
};

/* The word for people: of a sensor's hold that nobody has reported on it says so. */
const char *hold_verdict_text(uint8_t part, enum hold_verdict verdict, bool vietnamese);

/* Tables; posture_setup calls it. */
MUST_CHECK int hold_setup(struct db *db);

/* ---- Questions, and what people may change: hold.c ---- */

struct hold_query {
	uint32_t tenant, asset; /* 0: any of the scope */
	enum hold_state state; /* HOLD_STATE_COUNT: any */
	uint64_t rule; /* 0: any */
	const char *cve; /* null: any; of its findings */
	int64_t before; /* ids below; 0: from the newest */
	uint32_t limit; /* at most FINDING_PAGE_MAX */
};

/* LUYTRE_E_NOT_FOUND. */
MUST_CHECK int hold_get(struct db *db, const struct scope *scope, int64_t id, struct hold *ret);
/* Newest first. Not 0 from 'fn' stops and is returned; it may use the handle, but not for this. */
typedef int (*hold_fn)(void *context, const struct hold *hold);
MUST_CHECK int hold_each(
	struct db *db, const struct scope *scope, const struct hold_query *query, hold_fn fn, void *context);
/* Ids of the findings that share it, at most FINDING_PAGE_MAX, ascending. */
typedef int (*hold_finding_fn)(void *context, int64_t finding, const char *cve);
MUST_CHECK int hold_finding_each(struct db *db, int64_t id, hold_finding_fn fn, void *context);

/* Where it is. */
struct hold_edge {
	uint32_t edge;
	enum hold_verdict verdict;
	bool enforce; /* what the edge is told to do */
	int64_t good_us; /* proved since; 0: not */
	int64_t stands_us; /* stands there since; 0: does not */
	int64_t told_us; /* 'enforce' was another one before */
	int64_t doubt_us; /* not all have said what they have to say, since; 0: no matter */
};
typedef int (*hold_edge_fn)(void *context, const struct hold_edge *edge);
MUST_CHECK int hold_edge_each(struct db *db, int64_t id, hold_edge_fn fn, void *context);

/* By people. 'revision' is that of the row (LUYTRE_E_CONFLICT). A reason is needed, and an end within HOLD_SUSPEND_DAYS_MAX days
 * (LUYTRE_E_INVALID, LUYTRE_E_RANGE); what is lifted, or suspended already, is LUYTRE_E_CONFLICT. Resumed, it begins in shadow. */
MUST_CHECK int hold_suspend(struct db *db, const struct scope *scope, const struct audit_origin *origin, int64_t id,
	int64_t revision, const char *reason, int64_t until_us, struct hold *ret);
MUST_CHECK int hold_resume(struct db *db, const struct scope *scope, const struct audit_origin *origin, int64_t id,
	int64_t revision, const char *reason, struct hold *ret);

/* ---- From findings to holds: hold-sync.c. For the engine ---- */

/* Notes which rules cover which CVE. '*ret_changed' (may be null): it was otherwise before. */
MUST_CHECK int hold_cover(struct db *db, const struct holdrules *rules, bool *ret_changed);

/* What one pass over all findings is to change; found without a transaction, then done in slices. */
struct hold_pass;
MUST_CHECK int hold_pass_begin(struct db *db, struct hold_pass **ret);
/* One slice. '*ret_more': there is more; '*ret_changed' (set, never cleared): edges have to hear of it. */
MUST_CHECK int hold_pass_step(
	struct hold_pass *pass, const struct audit_origin *origin, bool *ret_more, bool *ret_changed);
void hold_pass_end(struct hold_pass *pass); /* accepts null */

/* Findings are held, or held no longer, as their holds stand; at most HOLD_SLICE of them. */
MUST_CHECK int hold_settle(struct db *db, const struct audit_origin *origin, bool *ret_more);

/* What time brings: ends suspensions, enforces what is proved and has had its budget, takes back what is not proved any more. '*ret_next_us': when
 * there is something to do again (INT64_MAX: not known). */
MUST_CHECK int hold_tick(
	struct db *db, const struct audit_origin *origin, int64_t budget_us, bool *ret_changed, int64_t *ret_next_us);

/* ---- What edges get: hold-rows.c ---- */

/* How many. */
struct hold_room {
	size_t all, tenant;
	size_t edge_rows, edge_names, edge_bytes; /* of one file; the rest of it is for the modes of sites */
};
extern const struct hold_room hold_room_default;

struct hold_row {
	int64_t hold, changed_us;
	uint64_t rule;
	uint8_t part; /* enum holdfile_part */
	uint32_t tenant, asset;
	bool enforced; /* where it is proved */
	bool has_prefix;
	struct ip_prefix prefix;
	size_t name_first, name_count; /* in 'names' */
};

/* Holds that are away: what edges have that served the tenant is older. */
struct hold_gone {
	uint32_t tenant;
	int64_t changed_us;
};

struct hold_rows {
	struct hold_row *items; /* owned, as all of it; by hold */
	uint32_t *order; /* indices of 'items', who goes first */
	size_t count, no_room, no_place; /* no_room: not in 'items'; no_place: in it, without a prefix or name */
	struct hold_room room;
	char (*names)[FINDING_HOST_SIZE];
	size_t name_count;
	struct hold_gone *gone; /* by tenant */
	size_t gone_count;
};

/* Reads them all, and notes which have another content than before, or got or lost their room (their 'changed_us' becomes now). */
MUST_CHECK int hold_rows_read(struct db *db, const struct hold_room *room, int64_t now_us, struct hold_rows *ret);
const struct hold_row *hold_rows_find(const struct hold_rows *rows, int64_t hold);
typedef bool (*hold_serves_fn)(const void *context, uint32_t tenant);
/* Which go into the file of an edge that serves these: 'ret_fits' has a place for each item. Returns how many are served, have a place, and do not fit. */
size_t hold_rows_fit(const struct hold_rows *rows, hold_serves_fn serves, const void *context, bool *ret_fits);
void hold_rows_done(struct hold_rows *rows);

/* ---- What edges say: hold-edge.c ---- */

struct hold_report_row {
	uint64_t hold, rule;
	bool enforce, known;
	uint8_t verdict; /* enum hold_verdict, GOOD and below it */
};

/* One datagram of a worker of a web server, or of a sensor: a part of what its file says and of what came of it. What a worker said before counts until all
 * parts of the new file are there. */
struct hold_report {
	char gate[HOLD_GATE_SIZE];
	uint32_t worker, workers, part, parts; /* worker from 0, part from 1 */
	int64_t stamp;
	uint32_t row_count;
	struct hold_report_row rows[HOLD_REPORT_ROWS_MAX];
};

/* LUYTRE_E_FULL: the edge says too much. Rows of holds that the edge may not speak about have been taken out before. */
MUST_CHECK int hold_report_take(struct db *db, uint32_t edge, const struct hold_report *report, int64_t now_us);

/* What the hub tells an edge to do about a hold, where that is not "shadow since the hold is there". */
struct hold_mark {
	int64_t hold, changed_us;
	bool enforce;
};

/* Judges an edge by what its web servers and sensors have said, with the holds of organisations that it serves. Repeats in slices by itself. '*ret_marks' is
 * freed with free(), by hold. '*ret_changed' (set, never cleared): the edge has to hear of it. '*ret_again_us': to be judged again then at the
 * latest (INT64_MAX: when something happens). */
struct hold_judged {
	struct hold_mark *marks;
	size_t count;
	size_t no_room; /* served, and not in its file */
	bool changed;
	int64_t again_us;
};
MUST_CHECK int hold_judge(struct db *db, uint32_t edge, const struct hold_rows *rows, hold_serves_fn serves,
	const void *context, int64_t now_us, struct hold_judged *ret);

/* Whether a sensor, and whether a web server of this edge has said what it holds, and was not left behind by its neighbours since. */
typedef int (*hold_reporters_fn)(void *context, uint32_t edge, bool sensor, bool gate); /* not 0 stops */
/* Of each edge that has either; ascending. */
MUST_CHECK int hold_reporters_each(struct db *db, hold_reporters_fn fn, void *context);
