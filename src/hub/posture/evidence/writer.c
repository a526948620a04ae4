// SPDX-License-Identifier: Apache-2.0
/* The thread that writes: observations become findings, a batch in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "hub/posture/evidence/internal.h"
#include "hub/posture/internal.h"

#define CLAIMS_US  (INT64_C(5) * 1000000)
#define KEEP_US    (INT64_C(400) * 86400 * 1000000)
#define DAY_US     (INT64_C(86400) * 1000000)
#define BATCH_US   (INT64_C(500) * 1000) /* what comes within belongs together */
#define FAIL_NS    (NS_PER_S * 2) /* the database does not take anything: not to be asked all the time */
#define ACTOR_TEXT "perimeter"

static const struct db_migration migrations[] = {
	/* What a finding was last made of, and the event that showed it first: the evidence stays the same text while the same is seen. */
	{ "create table perimeter (identity text primary key, finding integer not null, what text not null, evidence "
	  "text not "
	  "null,"
	  " event integer not null, first_us integer not null, last_us integer not null);"
	  "create index perimeter_finding on perimeter (finding);"
	  "create index perimeter_last on perimeter (last_us);"
	  "create table perimeter_service (asset integer not null, host text not null, protocol integer not null, port "
	  "integer "
	  "not null,"
	  " tenant integer not null, first_us integer not null, last_us integer not null, event integer not null,"
	  " primary key (asset, host, protocol, port));"
	  "create index perimeter_service_last on perimeter_service (last_us);"
	  "create table perimeter_list (asset integer not null, port integer not null, primary key (asset, port));"
	  /* Who was claimed lately; what stands at a port. */
	  "create index perimeter_since on finding (since_us);"
	  "create index perimeter_place on finding (asset, port);" },
};

int perimeter_setup(struct db *db)
{
	return db_migrate(db, "perimeter", migrations, ARRAY_COUNT(migrations));
}

static const struct scope nation = { .all = true };

/* One batch on its way. */
struct writing {
	struct perimeter *perimeter;
	struct audit_origin origin;
	struct finding_call call;
	enum finding_reason why; /* of the newest refusal */
	struct finding_import *import;
	struct perimeter_stats stats; /* what came of it */
};

/* ---- Evidence ---- */

struct stored {
	char what[LOOK_WHAT_SIZE];
	char evidence[FINDING_EVIDENCE_SIZE];
	bool found;
};

static int row_stored(void *context, const struct db_value *columns, size_t column_count)
{
	struct stored *stored = context;

	stored->found = bytes_to_str(columns[0].bytes, stored->what, sizeof(stored->what)) &&
			bytes_to_str(columns[1].bytes, stored->evidence, sizeof(stored->evidence));
	return 1;
}

static void print_time(int64_t time_us, char text[32])
{
	time_t time = (time_t)(time_us / 1000000);
	struct tm parts;

	if (!gmtime_r(&time, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		snprintf(text, 32, "?");
}

/* The words that were stored while the same is seen, else new ones with the event that shows it. */
static int evidence_of(struct writing *writing, const struct observation *seen, struct stored *ret)
{
	char client[IP_ADDR_TEXT_SIZE], server[IP_ADDR_TEXT_SIZE], time[32], text[FINDING_EVIDENCE_SIZE];
	int error;

	ret->found = false;
	error = db_each(writing->call.db, "select what, evidence from perimeter where identity = ?1",
		DB_ARGS(db_str(seen->identity)), row_stored, ret);
	if (error < 0)
		return error;
	if (ret->found && strcmp(ret->what, seen->found.what) == 0)
		return 0;
	print_time(seen->time_us, time);
	snprintf(text, sizeof(text), "%s; %s port %u, a connection from %s, %s; edge %u, event %llu", seen->found.what,
		ip_addr_format(&seen->server, server), seen->port, ip_addr_format(&seen->client, client), time,
		seen->edge, (unsigned long long)seen->event);
	posture_text(bytes_from_str(text), false, ret->evidence, sizeof(ret->evidence));
	return 0;
}

static int store_evidence(
	struct writing *writing, const struct observation *seen, const struct stored *stored, int64_t finding)
{
	return db_run(writing->call.db,
		"insert into perimeter (identity, finding, what, evidence, event, first_us, last_us)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
		" on conflict (identity) do update set finding = excluded.finding, what = excluded.what,"
		" evidence = excluded.evidence, event = excluded.event, last_us = excluded.last_us",
		DB_ARGS(db_str(seen->identity), db_i64(finding), db_str(seen->found.what), db_str(stored->evidence),
			db_i64((int64_t)seen->event), db_i64(seen->time_us)),
		NULL);
}

/* ---- Findings ---- */

/* A name in a request is the stranger's choice; one's own names are in the register. */
static int name_is_own(struct writing *writing, const struct observation *seen, bool *ret)
{
	int64_t tenant = 0;
	int error;

	*ret = true;
	if (!seen->found.name[0])
		return 0;
	error = db_integer(writing->call.db,
		"select system.tenant from asset join system on system.id = asset.system where asset.value = lower(?1)",
		DB_ARGS(db_str(seen->found.name)), &tenant);
	*ret = tenant == seen->tenant;
	return error == LUYTRE_E_NOT_FOUND ? 0 : error;
}

/* Both languages: who reads it is not known here. */
static void print_title(const struct perimeter_rule_row *rule, char title[FINDING_TITLE_SIZE])
{
	snprintf(title, FINDING_TITLE_SIZE, "%s / %s", rule->vi, rule->en);
}

static int import(struct writing *writing, const struct observation *seen, struct bytes evidence, int64_t *ret_id)
{
	const struct perimeter_rule_row *rule = &perimeter_rules[seen->found.rule];
	char address[IP_ADDR_TEXT_SIZE], title[FINDING_TITLE_SIZE];
	enum finding_outcome outcome;
	struct record record = { .kind = RECORD_WEAKNESS,
		.target = bytes_from_str(ip_addr_format(&seen->server, address)),
		.port = seen->port,
		.protocol = seen->protocol,
		.path = bytes_from_str(seen->found.path),
		.cve = bytes_from_str(seen->found.cve),
		.rule = bytes_from_str(rule->word),
		.severity = rule->severity,
		.confidence = rule->confidence,
		.evidence = evidence,
		.time_us = seen->time_us };
	int error;

	print_title(rule, title);
	record.title = bytes_from_str(title);
	error = finding_import(writing->import, &record, &outcome, ret_id);
	if (error)
		return error;
	writing->stats.written++;
	writing->stats.made += outcome == FINDING_MADE;
	writing->stats.reopened += outcome == FINDING_REOPENED;
	return 0;
}

static int expose(struct writing *writing, int64_t id)
{
	struct finding finding;
	int error = finding_get(&writing->call, id, &finding);

	if (error || finding.exposed == FINDING_YES)
		return error;
	error = finding_expose(&writing->call, id, true);
	writing->stats.exposed += !error;
	return error;
}

static int write_finding(struct writing *writing, const struct observation *seen)
{
	struct stored stored;
	bool own;
	int64_t id = 0;
	int error = name_is_own(writing, seen, &own);

	if (!error && !own) {
		writing->stats.refused++;
		return 0;
	}
	if (!error)
		error = evidence_of(writing, seen, &stored);
	writing->why = FINDING_NO_REASON;
	if (!error)
		error = import(writing, seen, bytes_from_str(stored.evidence), &id);
	if (error && writing->why) { /* the asset is gone, or the like */
		writing->stats.refused++;
		return 0;
	}
	if (!error)
		error = store_evidence(writing, seen, &stored, id);
	return error ? error : expose(writing, id);
}

/* ---- Services ---- */

struct ids {
	int64_t ids[64];
	size_t count;
};

static int row_id(void *context, const struct db_value *columns, size_t column_count)
{
	struct ids *ids = context;

	ids->ids[ids->count++] = columns[0].integer;
	return ids->count == ARRAY_COUNT(ids->ids);
}

/* Findings that stand at the place, at most 64 of them an hour. */
static int expose_place(struct writing *writing, const struct observation *seen)
{
	char address[IP_ADDR_TEXT_SIZE];
	struct ids ids = { .count = 0 };
	int error = db_each(writing->call.db,
		"select id from finding where asset = ?1 and port = ?2 and host = ?3 and live = 1 and exposed <> ?4",
		DB_ARGS(db_i64(seen->asset), db_i64(seen->port), db_str(ip_addr_format(&seen->server, address)),
			db_i64(FINDING_YES)),
		row_id, &ids);

	if (error < 0)
		return error;
	error = 0;
	for (size_t i = 0; i < ids.count && !error; i++)
		error = expose(writing, ids.ids[i]);
	return error;
}

static int write_service(struct writing *writing, const struct observation *seen)
{
	struct observation unlisted = *seen;
	bool is_unlisted = false;
	int error = perimeter_service_note(writing->call.db, seen, &is_unlisted);

	if (!error)
		error = expose_place(writing, seen);
	if (error || !is_unlisted)
		return error;
	unlisted.found = (struct look_found){ .rule = PERIMETER_UNLISTED };
	snprintf(unlisted.found.what, sizeof(unlisted.found.what), "TCP port %u answered and is not on the list",
		seen->port);
	snprintf(unlisted.identity, sizeof(unlisted.identity), "%u unlisted %.400s", seen->asset, seen->identity);
	return write_finding(writing, &unlisted);
}

/* ---- Batches ---- */

static int write_all(struct writing *writing, const struct observation *batch, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = (int)batch[i].found.rule == PERIMETER_ANSWERED ? write_service(writing, &batch[i])
								       : write_finding(writing, &batch[i]);
	return error;
}

static int write_batch(struct perimeter *perimeter, size_t count, struct perimeter_stats *ret)
{
	struct writing writing = { .perimeter = perimeter,
		.origin = { .actor = ACTOR_TEXT, .now_us = (int64_t)(clock_real_ns() / NS_PER_US) },
		.call = { .db = perimeter->db, .scope = &nation, .part = FINDING_BY_EVIDENCE } };
	int error = tenants_index_refresh(perimeter->db, &perimeter->index), end_error;

	writing.call.origin = &writing.origin;
	writing.call.why = &writing.why;
	if (!error)
		error = db_begin(perimeter->db);
	if (error)
		return error;
	error = finding_import_watch(&writing.call, PERIMETER_TOOL, perimeter->index, &writing.import);
	if (!error) {
		error = write_all(&writing, perimeter->batch, count);
		end_error = finding_import_end(writing.import);
		error = error ? error : end_error;
	}
	if (!error)
		error = db_commit(perimeter->db);
	else
		db_rollback(perimeter->db);
	*ret = writing.stats;
	return error;
}

/* ---- Claims ---- */

static int row_forget(void *context, const struct db_value *columns, size_t column_count)
{
	perimeter_forget(context, columns[0].bytes);
	return 0;
}

/* What was said to be fixed is looked at anew: what is still so is told at once, not within an hour. */
static int look_for_claims(struct perimeter *perimeter, int64_t now_us)
{
	int64_t from_us = perimeter->looked_us;
	int error;

	if (now_us < from_us + CLAIMS_US)
		return 0;
	error = db_each(perimeter->db,
		"select perimeter.identity from finding join perimeter on perimeter.finding = finding.id"
		" where finding.since_us > ?1 and finding.state in (?2, ?3)",
		DB_ARGS(db_i64(from_us - CLAIMS_US), db_i64(FINDING_CLAIMED), db_i64(FINDING_VERIFIED)), row_forget,
		perimeter);
	perimeter->looked_us = now_us;
	return error;
}

/* What nobody has seen for more than a year. */
static int sweep(struct perimeter *perimeter, int64_t now_us)
{
	int error;

	if (now_us < perimeter->swept_us + DAY_US)
		return 0;
	perimeter->swept_us = now_us;
	error = db_run(
		perimeter->db, "delete from perimeter where last_us < ?1", DB_ARGS(db_i64(now_us - KEEP_US)), NULL);
	return error ? error
		     : db_run(perimeter->db, "delete from perimeter_service where last_us < ?1",
			       DB_ARGS(db_i64(now_us - KEEP_US)), NULL);
}

/* ---- The thread ---- */

/* Under the lock: waits for work and takes it. */
static size_t take_batch(struct perimeter *perimeter)
{
	struct timespec until;
	size_t count;

	if (perimeter->count == 0 && !perimeter->stop) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += CLAIMS_US / 1000000;
		(void)pthread_cond_timedwait(&perimeter->work, &perimeter->lock, &until);
	}
	if (perimeter->count > 0 && perimeter->count < PERIMETER_BATCH_MAX && !perimeter->stop) {
		const struct timespec pause = { .tv_nsec = BATCH_US * 1000 };

		pthread_mutex_unlock(&perimeter->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&perimeter->lock);
	}
	count = perimeter->count < PERIMETER_BATCH_MAX ? perimeter->count : PERIMETER_BATCH_MAX;
	for (size_t i = 0; i < count; i++)
		perimeter->batch[i] = perimeter->queue[(perimeter->first + i) % PERIMETER_QUEUE_MAX];
	perimeter->first = (perimeter->first + count) % PERIMETER_QUEUE_MAX;
	perimeter->count -= count;
	perimeter->writing = count > 0;
	return count;
}

static void write_taken(struct perimeter *perimeter, size_t count)
{
	const struct timespec pause = { .tv_sec = FAIL_NS / NS_PER_S };
	struct perimeter_stats stats = { 0 };
	int error = write_batch(perimeter, count, &stats);

	if (error) {
		for (size_t i = 0; i < count; i++)
			perimeter_forget(perimeter, bytes_from_str(perimeter->batch[i].identity));
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "%zu observations of the perimeter were not written: %s",
			count, db_why(perimeter->db));
		PERIMETER_COUNT(perimeter, failed, count);
		nanosleep(&pause, NULL);
		return;
	}
	pthread_mutex_lock(&perimeter->lock);
	perimeter->stats.written += stats.written;
	perimeter->stats.made += stats.made;
	perimeter->stats.reopened += stats.reopened;
	perimeter->stats.exposed += stats.exposed;
	perimeter->stats.refused += stats.refused;
	pthread_mutex_unlock(&perimeter->lock);
}

void *perimeter_run(void *context)
{
	struct perimeter *perimeter = context;
	size_t count;
	bool stop;

	do {
		int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);

		pthread_mutex_lock(&perimeter->lock);
		count = take_batch(perimeter);
		stop = perimeter->stop;
		pthread_mutex_unlock(&perimeter->lock);
		if (count > 0)
			write_taken(perimeter, count);
		else if (look_for_claims(perimeter, now_us) || sweep(perimeter, now_us))
			log_limited(
				clock_mono_ns(), LOG_LEVEL_ERROR, "the perimeter's tables: %s", db_why(perimeter->db));
		pthread_mutex_lock(&perimeter->lock);
		perimeter->writing = false;
		if (perimeter->count == 0)
			pthread_cond_broadcast(&perimeter->idle);
		pthread_mutex_unlock(&perimeter->lock);
	} while (!stop || count > 0);
	return NULL;
}
