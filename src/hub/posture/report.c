// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "hub/posture/internal.h"
#include "hub/posture/unpack.h"

enum { BUSY_TRIES = 12 };

struct report {
	struct finding_call call;
	enum finding_reason why;
	struct finding_import *findings; /* null: the first record has not come */
	struct import *import;
	struct report_row row;
	int64_t refusals; /* kept */
	uint64_t begun_ns; /* of the batch */
	uint32_t batch;
	int error;
	struct unpack *unpack;
	struct report_known known;
};

/* ---- Batches ---- */

/* Another writer may hold the line for a while: the second import, a bulk action. */
static int batch_begin(struct report *report)
{
	int error = LUYTRE_E_BUSY;

	if (db_in_transaction(report->call.db))
		return 0;
	for (int i = 0; i < BUSY_TRIES && error == LUYTRE_E_BUSY; i++)
		error = db_begin(report->call.db);
	report->begun_ns = clock_mono_ns();
	report->batch = 0;
	return error;
}

static int batch_end(struct report *report)
{
	return db_in_transaction(report->call.db) ? db_commit(report->call.db) : 0;
}

/* Also for records that do not write: what an earlier one began must not wait for them. */
static int batch_look(struct report *report)
{
	static const struct timespec rest = { .tv_nsec = REPORT_REST_MS * 1000000L };
	int error;

	if (!db_in_transaction(report->call.db) ||
		(report->batch < REPORT_BATCH &&
			clock_since_ns(clock_mono_ns(), report->begun_ns) < REPORT_HOLD_MS * NS_PER_MS))
		return 0;
	error = batch_end(report);
	if (!db_is_postgres(report->call.db))
		nanosleep(&rest, NULL);
	return error;
}

static int batch_count(struct report *report)
{
	report->batch++;
	return batch_look(report);
}

/* ---- Records ---- */

static int refuse(struct report *report, uint64_t position, const char *slug, const char *text)
{
	int error;

	report->row.refused++;
	if (report->refusals == REPORT_REFUSALS_MAX)
		return 0;
	report->refusals++;
	error = batch_begin(report);
	if (error)
		return error;
	return db_run(report->call.db,
		"insert into import_refusal (import, number, position, slug, text) values (?1, ?2, ?3, ?4, ?5)",
		DB_ARGS(db_i64(report->row.id), db_i64(report->refusals), db_i64((int64_t)position), db_str(slug),
			db_str(text)),
		NULL);
}

static void on_refused(void *context, uint64_t position, const char *reason)
{
	struct report *report = context;
	char text[IMPORT_REASON_SIZE];
	int error =
		refuse(report, position, "unreadable", posture_text(bytes_from_str(reason), false, text, sizeof(text)));

	if (error && !report->error)
		report->error = error;
}

/* How a record that was refused is known again. */
static void describe(const struct record *record, char text[REPORT_RECORD_SIZE])
{
	char target[96], what[96];

	posture_text(bytes_empty(record->target) ? record->address : record->target, false, target, sizeof(target));
	posture_text(bytes_empty(record->cve) ? record->rule : record->cve, false, what, sizeof(what));
	snprintf(text, REPORT_RECORD_SIZE, "%s:%u %s", target[0] ? target : "-", record->port, what);
}

/* The tool of findings is the importer's name: it is the same however the report calls its maker. */
static int intake(struct report *report)
{
	const struct import_result *now = import_so_far(report->import);
	int64_t scanned_us = report->known.scanned_us ? report->known.scanned_us : now->scanned_us;

	return report->findings ? 0 : finding_import_begin(&report->call, now->format, scanned_us, &report->findings);
}

static int on_record(void *context, const struct record *record)
{
	struct report *report = context;
	struct record own = *record;
	enum finding_outcome outcome;
	char text[REPORT_RECORD_SIZE];
	int64_t id;
	int error = report->error;

	report->row.records++;
	if (error)
		return error;
	if (record->kind != RECORD_WEAKNESS) {
		report->row.others++;
		return batch_look(report);
	}
	if (report->row.about.target[0]) {
		own.target = bytes_from_str(report->row.about.target);
		own.address = (struct bytes){ 0 };
	} else if (bytes_empty(own.target) && bytes_empty(own.address)) {
		own.target = bytes_from_str(
			report->known.target[0] ? report->known.target : import_so_far(report->import)->target);
	}
	error = batch_begin(report);
	if (!error)
		error = intake(report);
	if (error)
		return error;
	error = finding_import(report->findings, &own, &outcome, &id);
	if (error && report->why) {
		describe(&own, text);
		error = refuse(report, 0, finding_reason_slug(report->why), text);
	} else if (!error) {
		report->row.outcomes[outcome]++;
	}
	return error ? error : batch_count(report);
}

/* ---- Begin, feed, end ---- */

static int read_unpacked(void *context, struct bytes piece)
{
	struct report *report = context;
	int error = import_feed(report->import, piece);

	return error ? error : batch_look(report);
}

int report_begin(const struct finding_call *call, int64_t id, const struct report_known *known, struct report **ret)
{
	struct report *report = calloc(1, sizeof(*report));
	const struct import_sink sink = { .context = report, .record = on_record, .refused = on_refused };
	int error;

	if (!report)
		return LUYTRE_E_NOMEM;
	report->call = *call;
	report->call.part = FINDING_BY_EVIDENCE;
	report->call.why = &report->why;
	if (known)
		report->known = *known;
	error = report_get(call->db, id, &report->row);
	if (!error)
		error = import_begin(
			report->row.about.format[0] ? report->row.about.format : NULL, &sink, &report->import);
	if (!error)
		error = unpack_new(REPORT_UNPACKED_MAX, read_unpacked, report, &report->unpack);
	if (!error) {
		*ret = report;
		return 0;
	}
	if (report->import)
		(void)!import_end(report->import, NULL, NULL);
	free(report);
	return error;
}

int report_feed(struct report *report, struct bytes piece)
{
	int error = report->error;

	if (error || bytes_empty(piece))
		return error;
	error = unpack_feed(report->unpack, piece);
	report->row.bytes += (int64_t)piece.size;
	if (!error)
		error = report->error;
	report->error = error;
	return error;
}

const struct report_row *report_so_far(const struct report *report)
{
	return &report->row;
}

static int write_end(void *context)
{
	const struct report *report = context;
	const struct report_row *row = &report->row;

	return db_run(report->call.db,
		"update import set format = ?2, tool = ?3, tool_version = ?4, state = ?5, message = ?6, ended_us = ?7,"
		" size = ?8, records = ?9, others = ?10, made = ?11, joined = ?12, seen = ?13, reopened = ?14, refused "
		"= ?15"
		" where id = ?1",
		DB_ARGS(db_i64(row->id), db_str(row->about.format), db_str(row->tool), db_str(row->tool_version),
			db_i64(row->state), db_str(row->message), db_i64(row->ended_us), db_i64(row->bytes),
			db_i64(row->records), db_i64(row->others), db_i64(row->outcomes[FINDING_MADE]),
			db_i64(row->outcomes[FINDING_JOINED]), db_i64(row->outcomes[FINDING_SEEN]),
			db_i64(row->outcomes[FINDING_REOPENED]), db_i64(row->refused)),
		NULL);
}

static void take_result(struct report *report, const struct import_result *result, const char *message, int error)
{
	struct report_row *row = &report->row;

	snprintf(row->about.format, sizeof(row->about.format), "%s", result->format);
	posture_text(bytes_from_str(result->tool), false, row->tool, sizeof(row->tool));
	posture_text(bytes_from_str(result->tool_version), false, row->tool_version, sizeof(row->tool_version));
	row->ended_us = (int64_t)(clock_real_ns() / NS_PER_US);
	if (row->state == REPORT_CUT) {
		snprintf(row->message, sizeof(row->message), "stopped before its end; bring it again for the rest");
	} else if (error) {
		row->state = REPORT_FAILED;
		posture_text(bytes_from_str(message[0] ? message : error_text(error, LUYTRE_LANG_EN)), false,
			row->message, sizeof(row->message));
	}
}

int report_end(struct report *report, bool stopped, struct report_row *ret)
{
	char message[IMPORT_REASON_SIZE] = "";
	struct import_result result;
	int error = report->error, unpacked = unpack_end(report->unpack), ended, stored;

	ended = import_end(report->import, &result, message);
	if (!error && !stopped)
		error = ended ? ended : report->error;
	if (!error && !stopped)
		error = unpacked;
	/* What is whole is kept, also before a fault of the report. */
	stored = batch_end(report);
	report->row.state = stopped ? REPORT_CUT : REPORT_DONE;
	take_result(report, &result, message, error ? error : stored);
	if (report->findings) {
		ended = finding_import_end(report->findings);
		stored = stored ? stored : ended;
	}
	ended = db_atomically(report->call.db, write_end, report);
	if (ret)
		*ret = report->row;
	free(report);
	return error ? error : stored ? stored : ended;
}
