// SPDX-License-Identifier: Apache-2.0
/* What web servers and sensors say of holds, and what follows for the edge that they stand at.
 *
 * What a worker says comes in parts, each a row of hold_said; those of one stamp together are all that the worker has loaded. While the parts of another stamp
 * come in, what was whole before is kept beside them, and counts. A part is packed: for each hold 8 bytes of its number, 8 of its rule, one of flags, one of the verdict, big endian. */
#include <stdlib.h>
#include <string.h>

#include "base/holdfile.h"
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

/* What the web server has said before and does not hold any more: fewer workers, fewer parts, parts of a file that did not become whole before this one came; and
 * when there is no room, the web server that has been silent for longest. */
static int make_way(const struct taking *taking)
{
	const struct hold_report *report = taking->report;
	int64_t gates = 0, parts = 0;
	int error = db_run(taking->db, "delete from hold_said where edge = ?1 and gate = ?2 and worker >= ?3",
		DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->workers)), NULL);

	if (!error)
		error = db_run(taking->db,
			"update hold_said set workers = ?3 where edge = ?1 and gate = ?2 and workers <> ?3",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->workers)), NULL);
	if (!error)
		error = db_run(taking->db,
			"delete from hold_said where edge = ?1 and gate = ?2 and worker = ?3 and ((stamp = ?5 and part "
			"> ?4)"
			" or (stamp <> ?5 and stamp in (select stamp from hold_said where edge = ?1 and gate = ?2"
			" and worker = ?3 group by stamp having count(*) < max(parts))))",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker),
				db_i64(report->parts), db_i64(report->stamp)),
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
			"?4"
			" and stamp = ?5)",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker),
				db_i64(report->part), db_i64(report->stamp)),
			&parts);
	return error || parts < HOLD_PARTS_TOTAL ? error : LUYTRE_E_FULL;
}

static int take_work(void *context)
{
	const struct taking *taking = context;
	const struct hold_report *report = taking->report;
	uint8_t packed[HOLD_REPORT_ROWS_MAX * PACKED_SIZE];
	int64_t parts = 0;
	int error = make_way(taking);

	if (error)
		return error;
	error = db_run(taking->db,
		"insert into hold_said (edge, gate, worker, part, workers, parts, stamp, seen_us, content)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (edge, gate, worker, stamp, part) do update "
		"set"
		" workers = ?5, parts = ?6, seen_us = ?8, content = ?9",
		DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker), db_i64(report->part),
			db_i64(report->workers), db_i64(report->parts), db_i64(report->stamp), db_i64(taking->now_us),
			db_blob(pack(report, packed))),
		NULL);
	if (!error)
		error = db_integer(taking->db,
			"select count(*) from hold_said where edge = ?1 and gate = ?2 and worker = ?3 and stamp = ?4",
			DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker),
				db_i64(report->stamp)),
			&parts);
	if (error || parts < report->parts)
		return error;
	/* It is whole, in place of the one before. */
	return db_run(taking->db, "delete from hold_said where edge = ?1 and gate = ?2 and worker = ?3 and stamp <> ?4",
		DB_ARGS(db_i64(taking->edge), db_str(report->gate), db_i64(report->worker), db_i64(report->stamp)),
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

/* One worker of a web server, with the file that counts: the last whole one, or what has come of the first. */
struct worker {
	char gate[HOLD_GATE_SIZE];
	uint32_t number, workers;
	int64_t stamp;
	bool sensor;
	bool whole;
	bool waits; /* parts of a newer one are there, and not all of them */
};

/* What a worker says of one hold. */
struct says {
	int64_t hold;
	uint64_t rule;
	uint32_t worker; /* index */
	uint8_t flags, verdict;
};

/* What reporters of one part, gate or sensor, say together. */
struct side {
	size_t worker_count;
	int64_t stamp; /* the oldest file that any of them has */
	bool settled; /* every worker of each is heard, with a whole file and nothing newer on its way */
	int64_t *stamps; /* of whole ones; ascending; owned */
	size_t stamp_count;
};

struct hearing {
	struct worker *workers;
	size_t worker_count, worker_room;
	struct says *says; /* by hold, then by worker */
	size_t count, room;
	/* While parts are read: of the last worker, and of its file in hand. */
	size_t worker_first, file_first; /* in 'says' */
	int64_t file_stamp, part_count, parts;
	struct side sides[HOLDFILE_PART_COUNT];
};

/* All parts of the file in hand have been read: it counts in place of an older one, or is left out. */
static void end_file(struct hearing *hearing)
{
	struct worker *worker = hearing->worker_count ? &hearing->workers[hearing->worker_count - 1] : NULL;
	bool whole = hearing->part_count == hearing->parts;

	if (!hearing->part_count)
		return;
	hearing->part_count = 0;
	if (!whole && hearing->file_stamp == worker->stamp)
		return; /* the first: what has come of it counts until there is a whole one */
	if (!whole) {
		worker->waits |= worker->whole; /* an older one that is not whole has been overtaken */
		hearing->count = hearing->file_first;
		return;
	}
	if (hearing->file_first > hearing->worker_first)
		memmove(&hearing->says[hearing->worker_first], &hearing->says[hearing->file_first],
			(hearing->count - hearing->file_first) * sizeof(*hearing->says));
	hearing->count -= hearing->file_first - hearing->worker_first;
	worker->stamp = hearing->file_stamp;
	worker->whole = true;
}

static int begin_worker(struct hearing *hearing, const struct db_value *columns)
{
	struct worker *worker;

	if (hearing->worker_count == hearing->worker_room) {
		size_t room = hearing->worker_room ? 2 * hearing->worker_room : 8;
		struct worker *workers = reallocarray(hearing->workers, room, sizeof(*workers));

		if (!workers)
			return LUYTRE_E_NOMEM;
		hearing->workers = workers;
		hearing->worker_room = room;
	}
	worker = &hearing->workers[hearing->worker_count++];
	*worker = (struct worker){ .number = (uint32_t)columns[1].integer,
		.workers = (uint32_t)columns[4].integer,
		.stamp = columns[2].integer };
	db_copy_text(&columns[0], worker->gate, sizeof(worker->gate));
	worker->sensor = strncmp(worker->gate, HOLD_SENSOR, strlen(HOLD_SENSOR)) == 0;
	hearing->worker_first = hearing->count;
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

/* Parts come by worker, then by file, the oldest first. */
static int row_said(void *context, const struct db_value *columns, size_t column_count)
{
	struct hearing *hearing = context;
	const struct worker *worker = hearing->worker_count ? &hearing->workers[hearing->worker_count - 1] : NULL;
	bool same = worker && bytes_equal_str(columns[0].bytes, worker->gate) && worker->number == columns[1].integer;
	int error = 0;

	if (!same || hearing->file_stamp != columns[2].integer) {
		end_file(hearing);
		error = same ? 0 : begin_worker(hearing, columns);
		hearing->file_first = hearing->count;
		hearing->file_stamp = columns[2].integer;
		hearing->parts = 0;
	}
	if (error)
		return error;
	hearing->part_count++;
	if (columns[3].integer > hearing->parts)
		hearing->parts = columns[3].integer;
	return add_says(hearing, columns[5].bytes);
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

static int compare_stamps(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

/* Workers of one web server lie together. */
static int sum_up_side(const struct hearing *hearing, bool sensor, struct side *side)
{
	uint32_t heard = 0;

	side->stamps = calloc(hearing->worker_count + 1, sizeof(*side->stamps));
	if (!side->stamps)
		return LUYTRE_E_NOMEM;
	side->stamp = INT64_MAX;
	side->settled = true;
	for (size_t i = 0; i < hearing->worker_count; i++) {
		const struct worker *worker = &hearing->workers[i];
		bool last = i + 1 == hearing->worker_count || strcmp(worker->gate, worker[1].gate) != 0;

		if (worker->sensor != sensor)
			continue;
		heard++;
		side->worker_count++;
		side->settled = side->settled && worker->whole && !worker->waits && (!last || heard >= worker->workers);
		heard = last ? 0 : heard;
		if (worker->stamp < side->stamp)
			side->stamp = worker->stamp;
		if (worker->whole)
			side->stamps[side->stamp_count++] = worker->stamp;
	}
	side->settled = side->settled && side->worker_count;
	if (side->stamp_count)
		qsort(side->stamps, side->stamp_count, sizeof(*side->stamps), compare_stamps);
	return 0;
}

/* How many have a whole file as new. */
static size_t count_fresh(const struct side *side, int64_t since_us)
{
	size_t low = 0, high = side->stamp_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (side->stamps[middle] < since_us)
			low = middle + 1;
		else
			high = middle;
	}
	return side->stamp_count - low;
}

/* One select, which sees one state of the table: between two, a newer file may take the place of the one that counts. */
static int hear(struct db *db, uint32_t edge, int64_t now_us, struct hearing *ret)
{
	int error = forget_gone(db, edge, now_us);

	if (!error)
		error = db_each(db,
			"select gate, worker, stamp, parts, workers, content from hold_said where edge = ?1"
			" order by gate, worker, stamp, part",
			DB_ARGS(db_i64(edge)), row_said, ret);
	if (!error)
		end_file(ret);
	if (!error && ret->count)
		qsort(ret->says, ret->count, sizeof(*ret->says), compare_says);
	for (int i = 0; i < HOLDFILE_PART_COUNT && !error; i++)
		error = sum_up_side(ret, i == HOLDFILE_PART_SENSOR, &ret->sides[i]);
	return error;
}

static void hearing_done(struct hearing *hearing)
{
	free(hearing->workers);
	free(hearing->says);
	for (int i = 0; i < HOLDFILE_PART_COUNT; i++)
		free(hearing->sides[i].stamps);
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
	bool *fits; /* beside rows->items; owned */
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
			.told_us = columns[5].integer,
			.doubt_us = columns[6].integer },
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
	enum hold_verdict worst;
	size_t heard, enforcing, good;
	size_t denied; /* by who has a whole file as new */
};

/* Each worker counts once, and only one of the hold's part. */
static struct opinion opinion_of(const struct hearing *hearing, const struct hold_row *row, int64_t since_us)
{
	const struct side *side = &hearing->sides[row->part];
	struct opinion opinion = { .worst = HOLD_VERDICT_NONE };
	const struct says *first = hearing->count ? bsearch(&row->hold, hearing->says, hearing->count,
							    sizeof(*hearing->says), compare_says_hold)
						  : NULL;
	uint32_t before = UINT32_MAX;
	size_t fresh = 0;

	while (first && first > hearing->says && first[-1].hold == row->hold)
		first--;
	for (const struct says *at = first; at && at < hearing->says + hearing->count && at->hold == row->hold; at++) {
		const struct worker *worker = &hearing->workers[at->worker];
		enum hold_verdict verdict =
			at->flags & FLAG_KNOWN ? (enum hold_verdict)at->verdict : HOLD_VERDICT_UNKNOWN;
		bool enforcing = (at->flags & FLAG_ENFORCE) != 0, good = verdict == HOLD_VERDICT_GOOD;

		if (at->rule != row->rule || worker->sensor != (row->part == HOLDFILE_PART_SENSOR) ||
			at->worker == before)
			continue;
		before = at->worker;
		opinion.heard++;
		opinion.enforcing += enforcing;
		opinion.good += good;
		if (verdict > opinion.worst)
			opinion.worst = verdict;
		if (worker->whole && worker->stamp >= since_us) {
			fresh++;
			opinion.denied += !enforcing || !good;
		}
	}
	/* Who has the file and says nothing of the hold has not armed it. */
	opinion.denied += count_fresh(side, since_us) - fresh;
	return opinion;
}

/* Begins or goes on to wait for who has not spoken. False: it has been long enough. */
static bool is_patient(struct judging *judging, struct hold_edge *edge)
{
	edge->doubt_us = edge->doubt_us ? edge->doubt_us : judging->now_us;
	if (judging->now_us >= edge->doubt_us + HOLD_GRACE_US)
		return false;
	if (edge->doubt_us + HOLD_GRACE_US < judging->judged.again_us)
		judging->judged.again_us = edge->doubt_us + HOLD_GRACE_US;
	return true;
}

/* Whether the edge may enforce it. A web server without the rule does no harm with it; all others must have proved it, and the first time all must have spoken. */
static bool judge_proof(struct judging *judging, const struct hold_row *row, struct hold_edge *edge)
{
	const struct side *side = &judging->hearing.sides[row->part];
	struct opinion opinion = opinion_of(&judging->hearing, row, row->changed_us);

	if (opinion.heard)
		edge->verdict = opinion.worst;
	if (edge->good_us && (!opinion.heard || (opinion.good && opinion.worst <= HOLD_VERDICT_UNKNOWN)))
		return true;
	if (!opinion.good || opinion.worst > HOLD_VERDICT_UNKNOWN) {
		edge->doubt_us = 0;
		return false;
	}
	return (side->settled && side->stamp >= row->changed_us && opinion.heard == side->worker_count) ||
	       !is_patient(judging, edge);
}

/* Whether it stands. */
static void judge_standing(struct judging *judging, const struct hold_row *row, struct hold_edge *edge)
{
	int64_t since_us = edge->told_us > row->changed_us ? edge->told_us : row->changed_us;
	const struct side *side = &judging->hearing.sides[row->part];
	struct opinion opinion = opinion_of(&judging->hearing, row, since_us);

	if (edge->enforce && side->settled && side->stamp >= since_us && opinion.heard == side->worker_count &&
		opinion.enforcing == opinion.heard && opinion.good == opinion.heard) {
		edge->stands_us = edge->stands_us ? edge->stands_us : judging->now_us;
		edge->doubt_us = 0;
	} else if (!edge->enforce || opinion.denied || !edge->stands_us || !is_patient(judging, edge)) {
		edge->stands_us = 0;
	}
	if (edge->good_us && !edge->stands_us)
		edge->doubt_us = 0;
}

/* It is not in the edge's file. */
static void judge_no_room(struct judging *judging, struct hold_edge *edge, bool known)
{
	if (edge->verdict == HOLD_VERDICT_NO_ROOM)
		return;
	*edge = (struct hold_edge){
		.edge = edge->edge, .verdict = HOLD_VERDICT_NO_ROOM, .told_us = known ? judging->now_us : edge->told_us
	};
	judging->judged.changed |= known;
}

/* What the edge is to do about it, and what it does. */
static void judge_one(struct judging *judging, const struct hold_row *row, struct hold_edge *edge)
{
	bool good, enforce;

	if (edge->verdict == HOLD_VERDICT_NO_ROOM) { /* there is some now */
		edge->verdict = HOLD_VERDICT_NONE;
		edge->told_us = judging->now_us;
		judging->judged.changed = true;
	}
	good = judge_proof(judging, row, edge);
	edge->good_us = !good ? 0 : edge->good_us ? edge->good_us : judging->now_us;
	enforce = row->enforced && good;
	if (enforce != edge->enforce) {
		edge->enforce = enforce;
		edge->told_us = judging->now_us;
		judging->judged.changed = true;
	}
	judge_standing(judging, row, edge);
}

static bool same_edge(const struct hold_edge *a, const struct hold_edge *b)
{
	return a->verdict == b->verdict && a->enforce == b->enforce && a->good_us == b->good_us &&
	       a->stands_us == b->stands_us && a->told_us == b->told_us && a->doubt_us == b->doubt_us;
}

/* What lists show of a hold, and what its findings go by. */
static int sum_up(struct db *db, int64_t hold)
{
	return db_run(db,
		"update hold set edge_count = (select count(*) from hold_edge e where e.hold = ?1 and e.stands_us > 0),"
		" verdict = case when room = 0 then 6 else coalesce((select case when"
		" max(case when e.good_us > 0 then 1 else 0 end) = 1 then 1"
		" else max(e.verdict) end from hold_edge e where e.hold = ?1), 0) end,"
		" proved_us = coalesce((select min(e.good_us) from hold_edge e where e.hold = ?1 and e.good_us > "
		"0), 0)"
		" where id = ?1",
		DB_ARGS(db_i64(hold)), NULL);
}
_Static_assert(HOLD_VERDICT_GOOD == 1 && HOLD_VERDICT_NO_ROOM == 6, "the verdicts that sum_up names");

static int keep(struct judging *judging, int64_t hold, const struct hold_edge *edge)
{
	int error = db_run(judging->db,
		"insert into hold_edge (edge, hold, verdict, enforce, good_us, stands_us, told_us, doubt_us)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict (edge, hold) do update set verdict = ?3, enforce "
		"= "
		"?4,"
		" good_us = ?5, stands_us = ?6, told_us = ?7, doubt_us = ?8",
		DB_ARGS(db_i64(judging->edge), db_i64(hold), db_i64(edge->verdict), db_i64(edge->enforce),
			db_i64(edge->good_us), db_i64(edge->stands_us), db_i64(edge->told_us), db_i64(edge->doubt_us)),
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
		if (judging->fits[judging->next] || (!row->has_prefix && !row->name_count))
			judge_one(judging, row, &edge);
		else
			judge_no_room(judging, &edge, known != NULL);
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

	judging->fits = calloc(judging->rows->count + 1, sizeof(*judging->fits));
	if (!error && !judging->fits)
		error = LUYTRE_E_NOMEM;
	if (!error)
		judging->judged.no_room =
			hold_rows_fit(judging->rows, judging->serves, judging->context, judging->fits);
	if (!error)
		error = db_each(judging->db,
			"select hold, verdict, enforce, good_us, stands_us, told_us, doubt_us from hold_edge where "
			"edge = ?1"
			" order by hold",
			DB_ARGS(db_i64(judging->edge)), row_known, judging);
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
	free(judging.fits);
	if (error) {
		free(judging.judged.marks);
		return error;
	}
	*ret = judging.judged;
	return 0;
}

/* ---- Who speaks ---- */

struct reporters {
	hold_reporters_fn fn;
	void *context;
};

static int row_reporters(void *context, const struct db_value *columns, size_t column_count)
{
	const struct reporters *reporters = context;

	return reporters->fn(reporters->context, (uint32_t)columns[0].integer, columns[1].integer > 0,
		columns[2].integer > columns[1].integer);
}

int hold_reporters_each(struct db *db, hold_reporters_fn fn, void *context)
{
	struct reporters reporters = { .fn = fn, .context = context };

	return db_each(db,
		"select edge, sum(case when substr(gate, 1, 7) = '" HOLD_SENSOR "' then 1 else 0 end), count(*) from"
		" (select distinct edge, gate from hold_said) said group by edge order by edge",
		DB_NO_ARGS, row_reporters, &reporters);
}
_Static_assert(sizeof(HOLD_SENSOR) == 7 + 1, "the prefix that hold_reporters_each looks at");
