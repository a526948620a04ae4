// SPDX-License-Identifier: Apache-2.0
/* What web servers say of holds, and what follows for the edge that they stand at.
 *
 * What a worker says comes in parts, each a row of hold_said; together, when all of them have the same stamp, they are all that the worker has
 * loaded. A part is packed: for each hold 8 bytes of its number, 8 of its rule, one of flags, one of the verdict, big endian. */
#include <stdlib.h>
#include <string.h>

#include "hub/posture/hold-internal.h"

enum {
	PACKED_SIZE = 18,
	FLAG_ENFORCE = 1 << 0,
	FLAG_KNOWN = 1 << 1,
	SAYS_MAX = HOLD_PARTS_TOTAL * HOLD_REPORT_ROWS_MAX,
};

/* ---- Keeping ---- */

static void put_u64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return value;
}

static struct bytes pack(const struct hold_report *report, uint8_t out[HOLD_REPORT_ROWS_MAX * PACKED_SIZE])
{
	for (uint32_t i = 0; i < report->row_count; i++) {
		uint8_t *to = out + (size_t)i * PACKED_SIZE;

		put_u64(to, report->rows[i].hold);
		put_u64(to + 8, report->rows[i].rule);
		to[16] = (uint8_t)((report->rows[i].enforce ? FLAG_ENFORCE : 0) |
				   (report->rows[i].known ? FLAG_KNOWN : 0));
		to[17] = report->rows[i].verdict;
	}
	return bytes_of(out, (size_t)report->row_count * PACKED_SIZE);
}

struct taking {
	struct db *db;
	uint32_t edge;
	const struct hold_report *report;
	int64_t now_us;
};

/* What the web server has said before and does not hold any more: fewer workers, fewer parts; and when there is no room, the web server that has been
 * silent for longest. */
static int make_way(const struct taking *taking)
{
	const struct hold_report *report = taking->report;
	int64_t gates = 0, parts = 0;
	int error = db_run(taking->db, "delete from hold_said where edge = ?1 and gate = ?2 and worker >= ?3",
		DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->workers)), NULL);

	if (!error)
		error = db_run(taking->db,
			"delete from hold_said where edge = ?1 and gate = ?2 and worker = ?3 and part > ?4",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker),
				db_i64(report->parts)),
			NULL);
	if (!error)
		error = db_integer(taking->db,
			"select count(distinct gate) from hold_said where edge = ?1 and gate <> ?2",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate)), &gates);
	if (!error && gates >= HOLD_GATES_MAX)
		error = db_run(taking->db,
			"delete from hold_said where edge = ?1 and gate = (select gate from hold_said where edge = ?1"
			" and gate <> ?2 group by gate order by max(seen_us), gate limit 1)",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate)), NULL);
	if (!error)
		error = db_integer(taking->db,
			"select count(*) from hold_said where edge = ?1 and not (gate = ?2 and worker = ?3 and part = "
			"?4)",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker),
				db_i64(report->part)),
			&parts);
	return error || parts < HOLD_PARTS_TOTAL ? error : LUYTRE_E_FULL;
}

static int take_work(void *context)
{
	const struct taking *taking = context;
	const struct hold_report *report = taking->report;
	uint8_t packed[HOLD_REPORT_ROWS_MAX * PACKED_SIZE];
	int error = make_way(taking);

	if (error)
		return error;
	return db_run(taking->db,
		"insert into hold_said (edge, gate, worker, part, workers, parts, stamp, seen_us, content)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (edge, gate, worker, part) do update set"
		" workers = ?5, parts = ?6, stamp = ?7, seen_us = ?8, content = ?9",
		DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker), db_i64(report->part),
			db_i64(report->workers), db_i64(report->parts), db_i64(report->stamp), db_i64(taking->now_us),
			db_blob(pack(report, packed))),
		NULL);
}

int hold_report_take(struct db *db, uint32_t edge, const struct hold_report *report, int64_t now_us)
{
	struct taking taking = { .db = db, .edge = edge, .report = report, .now_us = now_us };

	if (!report->gate[0] || !report->workers || report->workers > HOLD_WORKERS_MAX ||
		report->worker >= report->workers || !report->part || report->part > report->parts ||
		report->parts > HOLD_PARTS_MAX || report->row_count > HOLD_REPORT_ROWS_MAX)
		return LUYTRE_E_INVALID;
	return db_atomically(db, take_work, &taking);
}

/* ---- Reading it again ---- */

/* One worker of a web server. */
struct worker {
	char gate[HOLD_GATE_SIZE];
	uint32_t number, workers, parts, part_count;
	int64_t stamp, seen_us; /* of the newest part */
	bool torn; /* parts of several stamps */
};

/* What a worker says of one hold. */
struct says {
	int64_t hold;
	uint64_t rule;
	uint32_t worker; /* index */
	uint8_t flags, verdict;
};

struct hearing {
	struct worker *workers;
	size_t worker_count, worker_room;
	struct says *says; /* by hold */
	size_t count, room;
};

static int add_worker(struct hearing *hearing, const struct db_value *columns, struct worker **ret)
{
	struct worker *worker = hearing->worker_count ? &hearing->workers[hearing->worker_count - 1] : NULL;

	if (worker && bytes_equal_str(columns[0].bytes, worker->gate) && worker->number == columns[1].integer) {
		*ret = worker;
		return 0;
	}
	if (hearing->worker_count == hearing->worker_room) {
		size_t room = hearing->worker_room ? 2 * hearing->worker_room : 8;
		struct worker *workers = reallocarray(hearing->workers, room, sizeof(*workers));

		if (!workers)
			return LUYTRE_E_NOMEM;
		hearing->workers = workers;
		hearing->worker_room = room;
	}
	worker = &hearing->workers[hearing->worker_count++];
	*worker = (struct worker){ .number = (uint32_t)columns[1].integer };
	db_copy_text(&columns[0], worker->gate, sizeof(worker->gate));
	*ret = worker;
	return 0;
}

static int add_says(struct hearing *hearing, struct bytes packed)
{
	size_t count = packed.size / PACKED_SIZE;

	if (packed.size % PACKED_SIZE || hearing->count + count > SAYS_MAX)
		return LUYTRE_E_CORRUPT;
	if (hearing->count + count > hearing->room) {
		size_t room = 2 * (hearing->count + count);
		struct says *says = reallocarray(hearing->says, room, sizeof(*says));

		if (!says)
			return LUYTRE_E_NOMEM;
		hearing->says = says;
		hearing->room = room;
	}
	for (const uint8_t *at = packed.ptr; count > 0; count--, at += PACKED_SIZE)
		hearing->says[hearing->count++] = (struct says){ .hold = (int64_t)get_u64(at),
			.rule = get_u64(at + 8),
			.worker = (uint32_t)hearing->worker_count - 1,
			.flags = at[16],
			.verdict = at[17] };
	return 0;
}

static int row_said(void *context, const struct db_value *columns, size_t column_count)
{
	struct hearing *hearing = context;
	struct worker *worker;
	int error = add_worker(hearing, columns, &worker);

	if (error)
		return error;
	worker->torn |= worker->part_count && worker->stamp != columns[4].integer;
	if (columns[4].integer > worker->stamp || !worker->part_count)
		worker->stamp = columns[4].integer;
	if (columns[5].integer >= worker->seen_us) {
		worker->seen_us = columns[5].integer;
		worker->workers = (uint32_t)columns[2].integer;
		worker->parts = (uint32_t)columns[3].integer;
	}
	worker->part_count++;
	return add_says(hearing, columns[6].bytes);
}

static int compare_says(const void *left, const void *right)
{
	const struct says *a = left, *b = right;

	if (a->hold != b->hold)
		return (a->hold > b->hold) - (a->hold < b->hold);
	return (a->worker > b->worker) - (a->worker < b->worker);
}

/* Web servers that were left behind by their neighbours for long are not there any more. */
static int forget_gone(struct db *db, uint32_t edge, int64_t now_us)
{
	return db_run(db,
		"delete from hold_said where edge = ?1 and gate in (select gate from hold_said where edge = ?1 group "
		"by "
		"gate"
		" having max(seen_us) < ?2 and max(stamp) < (select max(stamp) from hold_said where edge = ?1"
		" and seen_us >= ?2))",
		DB_ARGS(db_i64(edge), db_i64(now_us - HOLD_GATE_SILENT_US)), NULL);
}

static int hear(struct db *db, uint32_t edge, int64_t now_us, struct hearing *ret)
{
	int error = forget_gone(db, edge, now_us);

	if (!error)
		error = db_each(db,
			"select gate, worker, workers, parts, stamp, seen_us, content from hold_said where edge = ?1"
			" order by gate, worker, part",
			DB_ARGS(db_i64(edge)), row_said, ret);
	if (!error && ret->count)
		qsort(ret->says, ret->count, sizeof(*ret->says), compare_says);
	return error;
}

static void hearing_done(struct hearing *hearing)
{
	free(hearing->workers);
	free(hearing->says);
}

/* A worker says all that it has loaded. */
static bool is_whole(const struct worker *worker)
{
	return !worker->torn && worker->part_count == worker->parts;
}

/* The oldest file that any worker has, when every worker of every web server is heard; else 0. Workers of one web server lie together. */
static int64_t stamp_of_all(const struct hearing *hearing)
{
	int64_t stamp = hearing->worker_count ? INT64_MAX : 0;
	uint32_t heard = 0;

	for (size_t i = 0; i < hearing->worker_count; i++) {
		const struct worker *worker = &hearing->workers[i];
		bool last = i + 1 == hearing->worker_count || strcmp(worker->gate, worker[1].gate) != 0;

		heard++;
		if (!is_whole(worker) || (last && heard < worker->workers))
			return 0;
		if (worker->stamp < stamp)
			stamp = worker->stamp;
		heard = last ? 0 : heard;
	}
	return stamp;
}

/* ---- Judging ---- */

/* What is known of a hold at the edge. */
struct known {
	int64_t hold;
	struct hold_edge edge;
	bool kept; /* a row of the table */
};

struct judging {
	struct db *db;
	uint32_t edge;
	int64_t now_us;
	struct hearing hearing;
	int64_t whole_stamp; /* all workers have a file as new; 0: not all are heard */
	struct known *knowns;
	size_t count, room;
	size_t next; /* of the slice in hand */
	const struct hold_rows *rows;
	hold_serves_fn serves;
	const void *context;
	struct hold_judged judged;
	size_t mark_room;
};

static int row_known(void *context, const struct db_value *columns, size_t column_count)
{
	struct judging *judging = context;

	if (judging->count == judging->room) {
		size_t room = judging->room ? 2 * judging->room : 256;
		struct known *knowns = reallocarray(judging->knowns, room, sizeof(*knowns));

		if (!knowns)
			return LUYTRE_E_NOMEM;
		judging->knowns = knowns;
		judging->room = room;
	}
	judging->knowns[judging->count++] = (struct known){
		.hold = columns[0].integer,
		.kept = true,
		.edge = { .edge = judging->edge,
			.verdict = (enum hold_verdict)columns[1].integer,
			.enforce = columns[2].integer != 0,
			.good_us = columns[3].integer,
			.stands_us = columns[4].integer,
			.told_us = columns[5].integer },
	};
	return 0;
}

static int compare_known(const void *key, const void *item)
{
	int64_t hold = *(const int64_t *)key;
	const struct known *known = item;

	return (hold > known->hold) - (hold < known->hold);
}

static int compare_says_hold(const void *key, const void *item)
{
	int64_t hold = *(const int64_t *)key;
	const struct says *says = item;

	return (hold > says->hold) - (hold < says->hold);
}

/* What workers say of a hold, as one. */
struct opinion {
	enum hold_verdict worst, best;
	size_t heard, enforcing, good;
};

static struct opinion opinion_of(const struct hearing *hearing, const struct hold_row *row)
{
	struct opinion opinion = { .best = HOLD_VERDICT_NONE };
	const struct says *first = hearing->count ? bsearch(&row->hold, hearing->says, hearing->count,
							    sizeof(*hearing->says), compare_says_hold)
						  : NULL;

	while (first && first > hearing->says && first[-1].hold == row->hold)
		first--;
	for (const struct says *at = first; at && at < hearing->says + hearing->count && at->hold == row->hold; at++) {
		enum hold_verdict verdict =
			at->flags & FLAG_KNOWN ? (enum hold_verdict)at->verdict : HOLD_VERDICT_UNKNOWN;

		if (at->rule != row->rule)
			continue;
		opinion.heard++;
		opinion.enforcing += (at->flags & FLAG_ENFORCE) != 0;
		opinion.good += verdict == HOLD_VERDICT_GOOD;
		if (verdict > opinion.worst)
			opinion.worst = verdict;
	}
	return opinion;
}

/* Whether the edge is to enforce it, and whether it stands. */
static void judge_one(struct judging *judging, const struct hold_row *row, struct hold_edge *edge)
{
	struct opinion opinion = opinion_of(&judging->hearing, row);
	int64_t now_us = judging->now_us, since_us;
	bool good, enforce;

	if (opinion.heard)
		edge->verdict = opinion.worst;
	/* A web server without the rule does no harm with it; all others must have proved it. */
	good = opinion.heard ? opinion.good > 0 && opinion.worst <= HOLD_VERDICT_UNKNOWN : edge->good_us != 0;
	edge->good_us = !good ? 0 : edge->good_us ? edge->good_us : now_us;
	enforce = row->enforced && good;
	if (enforce != edge->enforce) {
		edge->enforce = enforce;
		edge->told_us = now_us;
		judging->judged.changed = true;
	}
	since_us = edge->told_us > row->changed_us ? edge->told_us : row->changed_us;
	if (enforce && judging->whole_stamp >= since_us && judging->hearing.worker_count &&
		opinion.heard == judging->hearing.worker_count && opinion.enforcing == opinion.heard &&
		opinion.good == opinion.heard)
		edge->stands_us = edge->stands_us ? edge->stands_us : now_us;
	else if (!enforce || judging->whole_stamp >= since_us || now_us >= since_us + HOLD_GRACE_US)
		edge->stands_us = 0;
	else if (edge->stands_us && since_us + HOLD_GRACE_US < judging->judged.again_us)
		judging->judged.again_us = since_us + HOLD_GRACE_US;
}

static bool same_edge(const struct hold_edge *a, const struct hold_edge *b)
{
	return a->verdict == b->verdict && a->enforce == b->enforce && a->good_us == b->good_us &&
	       a->stands_us == b->stands_us && a->told_us == b->told_us;
}

/* What lists show of a hold, and what its findings go by. */
static int sum_up(struct db *db, int64_t hold)
{
	return db_run(db,
		"update hold set edge_count = (select count(*) from hold_edge e where e.hold = ?1 and e.stands_us > 0),"
		" verdict = coalesce((select case when max(case when e.good_us > 0 then 1 else 0 end) = 1 then 1"
		" else max(e.verdict) end from hold_edge e where e.hold = ?1), 0),"
		" proved_us = coalesce((select min(e.good_us) from hold_edge e where e.hold = ?1 and e.good_us > "
		"0), 0)"
		" where id = ?1",
		DB_ARGS(db_i64(hold)), NULL);
}

static int keep(struct judging *judging, int64_t hold, const struct hold_edge *edge)
{
	int error = db_run(judging->db,
		"insert into hold_edge (edge, hold, verdict, enforce, good_us, stands_us, told_us)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (edge, hold) do update set verdict = ?3, enforce = "
		"?4,"
		" good_us = ?5, stands_us = ?6, told_us = ?7",
		DB_ARGS(db_i64(judging->edge), db_i64(hold), db_i64(edge->verdict), db_i64(edge->enforce),
			db_i64(edge->good_us), db_i64(edge->stands_us), db_i64(edge->told_us)),
		NULL);

	return error ? error : sum_up(judging->db, hold);
}

static int add_mark(struct judging *judging, int64_t hold, const struct hold_edge *edge)
{
	struct hold_judged *judged = &judging->judged;

	if (!edge->told_us)
		return 0;
	if (judged->count == judging->mark_room) {
		size_t room = judging->mark_room ? 2 * judging->mark_room : 64;
		struct hold_mark *marks = reallocarray(judged->marks, room, sizeof(*marks));

		if (!marks)
			return LUYTRE_E_NOMEM;
		judged->marks = marks;
		judging->mark_room = room;
	}
	judged->marks[judged->count++] =
		(struct hold_mark){ .hold = hold, .changed_us = edge->told_us, .enforce = edge->enforce };
	return 0;
}

/* Rows of holds, until the slice is full. */
static int judge_work(void *context)
{
	struct judging *judging = context;
	size_t changes = 0;
	int error = 0;

	for (; judging->next < judging->rows->count && changes < HOLD_SLICE && !error; judging->next++) {
		const struct hold_row *row = &judging->rows->items[judging->next];
		struct known *known = judging->count ? bsearch(&row->hold, judging->knowns, judging->count,
							       sizeof(*judging->knowns), compare_known)
						     : NULL;
		struct hold_edge edge = known ? known->edge : (struct hold_edge){ .edge = judging->edge };

		if (!judging->serves(judging->context, row->tenant))
			continue;
		judge_one(judging, row, &edge);
		if (known)
			known->kept = false; /* it is spoken for */
		if (known ? !same_edge(&known->edge, &edge) : edge.verdict != HOLD_VERDICT_NONE) {
			error = keep(judging, row->hold, &edge);
			changes++;
		}
		if (!error)
			error = add_mark(judging, row->hold, &edge);
	}
	return error;
}

/* What is held no longer, or not for those whom the edge serves. */
static int drop_work(void *context)
{
	struct judging *judging = context;
	size_t changes = 0;
	int error = 0;

	for (; judging->next < judging->count && changes < HOLD_SLICE && !error; judging->next++) {
		const struct known *known = &judging->knowns[judging->next];

		if (!known->kept)
			continue;
		changes++;
		error = db_run(judging->db, "delete from hold_edge where edge = ?1 and hold = ?2",
			DB_ARGS(db_i64(judging->edge), db_i64(known->hold)), NULL);
		if (!error)
			error = sum_up(judging->db, known->hold);
	}
	return error;
}

static int judge(struct judging *judging)
{
	int error = hear(judging->db, judging->edge, judging->now_us, &judging->hearing);

	if (!error)
		error = db_each(judging->db,
			"select hold, verdict, enforce, good_us, stands_us, told_us from hold_edge where edge = ?1"
			" order by hold",
			DB_ARGS(db_i64(judging->edge)), row_known, judging);
	judging->whole_stamp = stamp_of_all(&judging->hearing);
	while (!error && judging->next < judging->rows->count)
		error = db_atomically(judging->db, judge_work, judging);
	judging->next = 0;
	while (!error && judging->next < judging->count)
		error = db_atomically(judging->db, drop_work, judging);
	return error;
}

int hold_judge(struct db *db, uint32_t edge, const struct hold_rows *rows, hold_serves_fn serves, const void *context,
	int64_t now_us, struct hold_judged *ret)
{
	struct judging judging = { .db = db,
		.edge = edge,
		.now_us = now_us,
		.rows = rows,
		.serves = serves,
		.context = context,
		.judged = { .again_us = INT64_MAX } };
	int error = judge(&judging);

	hearing_done(&judging.hearing);
	free(judging.knowns);
	if (error) {
		free(judging.judged.marks);
		return error;
	}
	*ret = judging.judged;
	return 0;
}
