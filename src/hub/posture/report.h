// SPDX-License-Identifier: Apache-2.0
/* One report of a scanner, from its bytes to findings that are stored: importer (hub/findings) and intake (finding.h) in one, and what is
 * remembered of it.
 *
 *	error = report_announce(db, &origin, &about, place, &id)	a row "running" is there from now on
 *	error = report_begin(&call, id, &known, &report)
 *	while (...) error = report_feed(report, piece)
 *	error = report_end(report, &summary)			"done" or "failed"
 *
 * Records are committed REPORT_BATCH at a time or after REPORT_HOLD_MS, so nobody waits long for the database; what is committed stays
 * whatever becomes of the rest. A report packed with gzip is unpacked on the way (RFC 1952). Memory is bounded whatever its size: one element of
 * the report, one batch, REPORT_REFUSALS_MAX reasons.
 *
 * Services, components and statements are no findings and are counted apart. Refused are records that hub/posture does not take, with its
 * reason, and what the importer could not read. Everything belongs to the thread of the database handle. */
#pragma once

#include "hub/findings/importer.h"
#include "hub/posture/finding.h"

enum {
	REPORT_BATCH = 500,
	REPORT_HOLD_MS = 150,
	REPORT_REST_MS =
		25, /* between batches: who waits for a SQLite database looks only now and then whether it is free */
	REPORT_REFUSALS_MAX = 1000, /* kept of one report; counted beyond */
	REPORTS_MAX = 10000, /* remembered; the oldest give way */
	REPORT_NAME_SIZE = 256,
	REPORT_TARGET_SIZE = 256,
	REPORT_FORMAT_SIZE = 32,
	REPORT_RECORD_SIZE = 256, /* of the text by which a refused record is known again */
};
#define REPORT_UNPACKED_MAX (UINT64_C(4) << 30) /* bytes of a packed report */

/* X(identifier, word). Numbers are stored: add at the end. */
#define REPORT_STATES(X)                                                                                               \
	X(RUNNING, "running") /* or waiting for its turn */                                                            \
	X(DONE, "done")                                                                                                \
	X(FAILED, "failed") /* what came before the fault stays */                                                     \
	X(CUT, "cut") /* the hub ended, or somebody stopped it */

enum report_state {
#define X(id, word) REPORT_##id,
	REPORT_STATES(X)
#undef X
		REPORT_STATE_COUNT
};
extern const char *const report_state_words[REPORT_STATE_COUNT];

struct report_about {
	uint32_t tenant; /* who may see that it was imported; 0: the nation, and the account */
	uint32_t account; /* 0: nobody's */
	char format[REPORT_FORMAT_SIZE]; /* name of an importer; "": found by the beginning */
	char name[REPORT_NAME_SIZE]; /* of the file, as somebody called it */
	/* What the report is about, in place of what it says itself: an address or name of an asset; "": what it says. */
	char target[REPORT_TARGET_SIZE];
};

struct report_row {
	int64_t id;
	struct report_about about; /* 'format' as it was found */
	char tool[FINDING_TOOL_SIZE], tool_version[FINDING_TOOL_SIZE];
	enum report_state state;
	char message[IMPORT_REASON_SIZE]; /* why it failed; "" */
	char by[FINDING_ACTOR_SIZE];
	int64_t started_us, ended_us; /* ended 0: not yet */
	int64_t bytes, records, others; /* others: services, components, statements */
	int64_t outcomes[FINDING_OUTCOME_COUNT], refused;
};

/* Makes the tables. */
MUST_CHECK int report_setup(struct db *db);
/* At the start of the hub: what was running in it, known by 'place' (machine and folder), was cut. */
MUST_CHECK int report_recover(struct db *db, const char *place, int64_t now_us);

/* The row alone, so that it can be asked for before it is begun. 'place' as above. */
MUST_CHECK int report_announce(struct db *db, const struct audit_origin *origin, const struct report_about *about,
	const char *place, int64_t *ret_id);

struct report;

/* What a report says of itself as a whole, read before: some say it behind the last record only. Both may be empty or 0. */
struct report_known {
	char target[REPORT_TARGET_SIZE]; /* for records that name none */
	int64_t scanned_us;
};

/* 'call' with the scope of assets whose findings may be touched, borrowed until the end; its part becomes that of evidence.
 * 'known' may be null: then what was said until the first record counts. */
MUST_CHECK int report_begin(
	const struct finding_call *call, int64_t id, const struct report_known *known, struct report **ret);
/* After an error only report_end may be called. */
MUST_CHECK int report_feed(struct report *report, struct bytes piece);
/* So far, for progress. */
const struct report_row *report_so_far(const struct report *report);
/* Frees it. 'stopped': somebody ended it before its end. The error is that of the report; the row says the same. '*ret' may be null. */
MUST_CHECK int report_end(struct report *report, bool stopped, struct report_row *ret);

/* It could not even be begun: the row says why. */
MUST_CHECK int report_give_up(struct db *db, int64_t id, int error, struct report_row *ret);

/* LUYTRE_E_NOT_FOUND. Whose it is must be asked by the caller. */
MUST_CHECK int report_get(struct db *db, int64_t id, struct report_row *ret);
/* Newest first, below 'before' (0: from the newest). Not 0 from 'fn' stops and is returned. */
typedef int (*report_fn)(void *context, const struct report_row *row);
MUST_CHECK int report_each(struct db *db, int64_t before, uint32_t limit, report_fn fn, void *context);

struct report_refusal {
	int64_t number; /* from 1, in the order of the report */
	int64_t position; /* line or byte, where the importer refused; 0: of a record as such */
	struct bytes slug; /* finding_reason_slug, or "unreadable" */
	struct bytes text; /* in English; the importer's, or the place and weakness of the record */
};
typedef int (*report_refusal_fn)(void *context, const struct report_refusal *refusal);
MUST_CHECK int report_refusal_each(
	struct db *db, int64_t id, int64_t after, uint32_t limit, report_refusal_fn fn, void *context);
