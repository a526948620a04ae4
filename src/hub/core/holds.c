// SPDX-License-Identifier: Apache-2.0
#include "hub/core/holds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/holdfile.h"
#include "hub/core/internal.h"

enum {
	PAUSE_MS = 1000, /* between rounds when nothing happens */
	PAUSE_MIN_MS = 20, /* between rounds at all: what comes together is done together */
	RULES_MS = 10000, /* between looks at the rule files */
	PASS_SHARE = 50, /* looking unasked takes at most this part of the time */
	PASS_MS = 200, /* for passes in one round */
	PASS_PAUSE_MAX_MS = 10000,
	YIELD_MAX_MS = 50,
	CLOCK_SLICE = 200,
	CLOCK_MS = 500, /* for clocks in one round, when nobody has anything to say */
	SETTLE_MS = 200, /* for findings that are held from now on, or no longer */
};

/* What one edge is told beyond the rows. */
struct edge_marks {
	uint32_t edge;
	struct hold_mark *marks; /* owned; by hold */
	size_t count;
	size_t no_room;
};

/* One bit for each thing that the thread has been told. */
enum { TOLD_FINDINGS = 1 << 0, TOLD_CATALOGUES = 1 << 1, TOLD_BUDGET = 1 << 2, TOLD_STOP = 1 << 3 };

struct holds {
	struct core *core;
	struct db *db; /* of the thread */
	char *folder;

	pthread_mutex_t lock; /* of what follows; taken last */
	pthread_cond_t cond;
	unsigned int told;
	uint32_t *heard; /* edges that have said something; owned */
	size_t heard_count, heard_room;
	struct holdrules *rules;
	int64_t budget_us;

	/* Written by the thread under the core's lock, so that the thread may read them without. */
	struct hold_rows rows;
	struct edge_marks *edges; /* by edge */
	size_t edge_count, edge_room;
	uint64_t generation;

	/* The thread's own. */
	uint64_t rules_signature, tenants_marker;
	uint64_t rules_ns, pass_ns; /* when to look again */
	struct hold_pass *pass; /* begun; null: none */
	bool pass_changed; /* something */
	bool pass_asked; /* for another one */
	int64_t reclock_after;
	bool reclock_all; /* until it has been through once, from 0 */
	_Atomic bool stop;
	int64_t wake_us; /* something is due then */
	int64_t judge_us; /* edges are to be judged then at the latest */
	pthread_t thread;
	bool thread_runs;
};

/* ---- Being told ---- */

static void tell(struct holds *holds, unsigned int what)
{
	if (!holds)
		return;
	pthread_mutex_lock(&holds->lock);
	holds->told |= what;
	pthread_cond_signal(&holds->cond);
	pthread_mutex_unlock(&holds->lock);
}

void core_findings_changed(struct core *core)
{
	tell(core->holds, TOLD_FINDINGS);
}

void core_catalogues_changed(struct core *core)
{
	tell(core->holds, TOLD_CATALOGUES);
}

struct holdrules *core_hold_rules(struct core *core)
{
	struct holdrules *rules;

	pthread_mutex_lock(&core->holds->lock);
	rules = holdrules_ref(core->holds->rules);
	pthread_mutex_unlock(&core->holds->lock);
	return rules;
}

int64_t core_hold_budget_us(struct core *core)
{
	int64_t budget_us;

	pthread_mutex_lock(&core->holds->lock);
	budget_us = core->holds->budget_us;
	pthread_mutex_unlock(&core->holds->lock);
	return budget_us;
}

void core_set_hold_budget(struct core *core, int64_t budget_us)
{
	pthread_mutex_lock(&core->holds->lock);
	core->holds->budget_us = budget_us;
	pthread_mutex_unlock(&core->holds->lock);
	tell(core->holds, TOLD_BUDGET);
}

/* ---- What edges get, and say ---- */

uint64_t holds_generation(const struct holds *holds)
{
	return holds ? holds->generation : 0;
}

static int compare_marks_edge(const void *key, const void *item)
{
	uint32_t edge = *(const uint32_t *)key;
	const struct edge_marks *marks = item;

	return (edge > marks->edge) - (edge < marks->edge);
}

static struct edge_marks *find_edge(const struct holds *holds, uint32_t edge)
{
	if (!holds->edge_count)
		return NULL;
	return bsearch(&edge, holds->edges, holds->edge_count, sizeof(*holds->edges), compare_marks_edge);
}

/* A revoked edge serves nobody. */
static bool serves(const void *context, uint32_t tenant)
{
	return serving_has(context, tenant);
}

static void file_row(struct holdfile *file, const struct hold_rows *rows, const struct hold_row *row, bool enforce)
{
	struct holdfile_row *to = &file->rows[file->row_count++];

	*to = (struct holdfile_row){ .hold = (uint64_t)row->hold,
		.rule = row->rule,
		.tenant = row->tenant,
		.asset = row->asset,
		.part = row->part,
		.mode = enforce ? HOLDFILE_MODE_ENFORCE : HOLDFILE_MODE_SHADOW,
		.prefix_first = (uint32_t)file->prefix_count,
		.name_first = (uint32_t)file->name_count };
	if (row->has_prefix) {
		file->prefixes[file->prefix_count++] = row->prefix;
		to->prefix_count = 1;
	}
	for (size_t i = 0; i < row->name_count; i++) {
		snprintf(file->names[file->name_count++], HOLDFILE_NAME_SIZE, "%s", rows->names[row->name_first + i]);
		to->name_count++;
	}
}

static void file_rows(struct holdfile *file, const struct holds *holds, uint32_t edge, const struct serving *serving,
	const bool *fits)
{
	const struct hold_rows *rows = &holds->rows;
	const struct edge_marks *marks = find_edge(holds, edge);
	size_t mark = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct hold_row *row = &rows->items[i];
		bool marked;

		if (!serving_has(serving, row->tenant))
			continue;
		while (marks && mark < marks->count && marks->marks[mark].hold < row->hold)
			mark++;
		marked = marks && mark < marks->count && marks->marks[mark].hold == row->hold;
		if (row->changed_us > file->stamp)
			file->stamp = row->changed_us;
		if (marked && marks->marks[mark].changed_us > file->stamp)
			file->stamp = marks->marks[mark].changed_us;
		if (fits[i])
			file_row(file, rows, row, marked && marks->marks[mark].enforce);
	}
	for (size_t i = 0; i < rows->gone_count; i++)
		if (rows->gone[i].changed_us > file->stamp && serving_has(serving, rows->gone[i].tenant))
			file->stamp = rows->gone[i].changed_us;
}

int holds_file(const struct holds *holds, uint32_t edge, const struct serving *serving,
	const struct policy_sites *sites, struct jsonw *json, struct bytes *ret_text)
{
	struct holdfile file = { 0 };
	bool *fits = calloc(holds->rows.count + 1, sizeof(*fits));
	int error = LUYTRE_E_NOMEM;

	file.rows = calloc(holds->rows.count + 1, sizeof(*file.rows));
	file.prefixes = calloc(holds->rows.count + 1, sizeof(*file.prefixes));
	file.names = calloc(holds->rows.name_count + 1, sizeof(*file.names));
	if (fits && file.rows && file.prefixes && file.names) {
		(void)hold_rows_fit(&holds->rows, serves, serving, fits);
		file_rows(&file, holds, edge, serving, fits);
		error = policy_sites_put(sites, serves, serving, &file);
	}
	if (!error) {
		holdfile_write(json, &file);
		error = jsonw_text(json, ret_text);
	}
	holdfile_done(&file);
	free(fits);
	return error;
}

/* The edge is to be judged. */
static void hear(struct holds *holds, uint32_t edge)
{
	pthread_mutex_lock(&holds->lock);
	for (size_t i = 0; i < holds->heard_count; i++)
		if (holds->heard[i] == edge)
			goto known;
	if (holds->heard_count == holds->heard_room) {
		size_t room = holds->heard_room + 64;
		uint32_t *heard = reallocarray(holds->heard, room, sizeof(*heard));

		if (!heard)
			goto known; /* the round of a second finds it: it is in the table */
		holds->heard = heard;
		holds->heard_room = room;
	}
	holds->heard[holds->heard_count++] = edge;
known:
	pthread_cond_signal(&holds->cond);
	pthread_mutex_unlock(&holds->lock);
}

int holds_take(struct holds *holds, uint32_t edge, const struct serving *serving, struct hold_report *report,
	int64_t now_us, size_t *ret_refused)
{
	uint32_t kept = 0;
	int error;

	*ret_refused = 0;
	for (uint32_t i = 0; i < report->row_count; i++) {
		const struct hold_row *row = report->rows[i].hold <= INT64_MAX
						     ? hold_rows_find(&holds->rows, (int64_t)report->rows[i].hold)
						     : NULL;

		if (!row) /* lifted while the word was on its way */
			continue;
		if (serving_has(serving, row->tenant))
			report->rows[kept++] = report->rows[i];
		else
			++*ret_refused;
	}
	report->row_count = kept;
	error = hold_report_take(holds->core->db, edge, report, now_us);
	if (!error)
		hear(holds, edge);
	return error;
}

/* ---- A round of the thread ---- */

static struct audit_origin origin_now(void)
{
	return (struct audit_origin){ .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
}

static void complain(const struct holds *holds, const char *what, int error)
{
	log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "holds: %s: %s (%s)", what, error_text(error, LUYTRE_LANG_EN),
		db_why(holds->db));
}

/* Rules anew, when their files have changed. */
static int look_at_rules(struct holds *holds, bool *ret_changed)
{
	char why[HOLDRULES_WHY_SIZE] = "";
	struct holdrules *fresh, *old;
	uint64_t signature;
	int error;

	if (!holds->folder || clock_mono_ns() < holds->rules_ns)
		return 0;
	holds->rules_ns = clock_mono_ns() + RULES_MS * NS_PER_MS;
	signature = holdrules_signature(holds->folder);
	if (signature == holds->rules_signature)
		return 0;
	holds->rules_signature = signature;
	error = holdrules_read_again(holds->folder, holds->rules, &fresh, why);
	if (error) {
		log_warn("the rules that hold stay as they were: %s", why);
		if (error == LUYTRE_E_NOMEM || error == LUYTRE_E_IO) /* not the fault of the files */
			holds->rules_signature = 0;
		return 0;
	}
	error = hold_cover(holds->db, fresh, ret_changed);
	if (error) { /* the next round tries again */
		holds->rules_signature = 0;
		holds->rules_ns = 0;
	}
	pthread_mutex_lock(&holds->lock);
	old = holds->rules;
	holds->rules = error ? old : fresh;
	pthread_mutex_unlock(&holds->lock);
	holdrules_unref(error ? fresh : old);
	if (!error)
		log_info("%zu rules can hold something", holdrules_count(fresh));
	return error;
}

/* To who waits for the database: as long as the slice took that has just ended. */
static void yield(uint64_t begin_ns)
{
	uint64_t pause_ns = clock_mono_ns() - begin_ns;

	if (pause_ns > YIELD_MAX_MS * NS_PER_MS)
		pause_ns = YIELD_MAX_MS * NS_PER_MS;
	nanosleep(&(struct timespec){ .tv_nsec = (long)pause_ns }, NULL);
}

/* Whether a round may go on with what comes in slices. */
static bool has_time(const struct holds *holds, uint64_t begin_ns, uint64_t ms)
{
	return !holds->stop && clock_mono_ns() < begin_ns + ms * NS_PER_MS;
}

static bool is_told(struct holds *holds)
{
	bool told;

	pthread_mutex_lock(&holds->lock);
	told = holds->told || holds->heard_count;
	pthread_mutex_unlock(&holds->lock);
	return told;
}

/* Acceptances that have ended, and clocks: a slice each round; after a catalogue one after the other, as long as nothing else is to be done. */
static int keep_clocks(struct holds *holds, bool *ret_changed)
{
	const struct scope nation = { .all = true };
	struct audit_origin origin = origin_now();
	const struct finding_call call = {
		.db = holds->db, .scope = &nation, .origin = &origin, .part = FINDING_BY_CLOCK
	};
	uint64_t begin_ns = clock_mono_ns(), slice_ns;
	uint32_t count = 0;
	bool all;
	int error = finding_expire(&call, HOLD_SLICE, &count);

	if (error == LUYTRE_E_CONFLICT) /* somebody was faster with one of them */
		error = 0;
	*ret_changed = *ret_changed || count;
	do {
		slice_ns = clock_mono_ns();
		if (!error)
			error = db_begin(holds->db);
		if (!error)
			error = finding_reclock(&call, &holds->reclock_after, CLOCK_SLICE, &count);
		if (!error)
			error = db_commit(holds->db);
		else
			db_rollback(holds->db);
		all = holds->reclock_all;
		if (!error && all && !holds->reclock_after) {
			holds->reclock_all = false;
			*ret_changed = true; /* what is graver now goes first */
		}
		if (!error && holds->reclock_all)
			yield(slice_ns);
	} while (!error && holds->reclock_all && has_time(holds, begin_ns, CLOCK_MS) && !is_told(holds));
	if (holds->reclock_all)
		holds->wake_us = 0;
	return error;
}

/* Looking costs as much as there is to look at: unasked, it is done the more seldom. */
static int begin_pass(struct holds *holds)
{
	uint64_t begin_ns = clock_mono_ns(), pause_ns;
	int error = hold_pass_begin(holds->db, &holds->pass);

	pause_ns = (clock_mono_ns() - begin_ns) * PASS_SHARE;
	if (pause_ns > PASS_PAUSE_MAX_MS * NS_PER_MS)
		pause_ns = PASS_PAUSE_MAX_MS * NS_PER_MS;
	holds->pass_ns = clock_mono_ns() + pause_ns;
	return error;
}

/* A pass over findings, as far as it goes in the time of one round: edges hear of the first holds before the last are made. '*ret_more': it
 * changed something, so another may find more. */
static int pass(struct holds *holds, uint64_t end_ns, bool *ret_changed, bool *ret_more)
{
	bool more = true;
	int error = holds->pass ? 0 : begin_pass(holds);

	while (!error && more && clock_mono_ns() < end_ns) {
		struct audit_origin origin = origin_now();
		uint64_t begin_ns = clock_mono_ns();

		error = hold_pass_step(holds->pass, &origin, &more, &holds->pass_changed);
		yield(begin_ns);
	}
	*ret_changed = *ret_changed || holds->pass_changed;
	*ret_more = false;
	if (error || !more) {
		*ret_more = !error && holds->pass_changed;
		hold_pass_end(holds->pass);
		holds->pass = NULL;
		holds->pass_changed = false;
	}
	return error;
}

static int passes(struct holds *holds, bool asked, bool *ret_changed)
{
	uint64_t begin_ns = clock_mono_ns(), end_ns = begin_ns + PASS_MS * NS_PER_MS;
	bool more = true;
	int error = 0;

	holds->pass_asked |= asked;
	if (!holds->pass_asked && !holds->pass && begin_ns < holds->pass_ns)
		return 0;
	holds->pass_asked = holds->pass != NULL && asked; /* what was told in the middle of one is for the next */
	while (more && !error && clock_mono_ns() < end_ns)
		error = pass(holds, end_ns, ret_changed, &more);
	holds->pass_asked |= more;
	if (holds->pass || holds->pass_asked)
		holds->wake_us = 0;
	return error;
}

static bool same_rows(const struct hold_rows *a, const struct hold_rows *b)
{
	bool same = a->count == b->count && a->gone_count == b->gone_count;

	for (size_t i = 0; i < a->count && same; i++)
		same = a->items[i].hold == b->items[i].hold && a->items[i].changed_us == b->items[i].changed_us;
	for (size_t i = 0; i < a->gone_count && same; i++)
		same = a->gone[i].tenant == b->gone[i].tenant && a->gone[i].changed_us == b->gone[i].changed_us;
	return same;
}

/* Under the core's lock. */
static void count_no_room(struct holds *holds)
{
	uint64_t count = holds->rows.no_room;

	for (size_t i = 0; i < holds->edge_count; i++)
		count += holds->edges[i].no_room;
	holds->core->stats.holds_no_room = count;
}

/* New rows in place of the old ones. */
static int refresh_rows(struct holds *holds)
{
	struct audit_origin origin = origin_now();
	struct hold_rows fresh, old;
	int error = hold_rows_read(holds->db, &hold_room_default, origin.now_us, &fresh);

	if (error)
		return error;
	if (fresh.no_room)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN,
			"holds: there is no room for %zu; the gravest of each organisation go first", fresh.no_room);
	if (fresh.no_place)
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "holds: %zu assets have no address and no name",
			fresh.no_place);
	core_lock(holds->core);
	holds->generation += !same_rows(&holds->rows, &fresh);
	old = holds->rows;
	holds->rows = fresh;
	count_no_room(holds);
	core_unlock(holds->core);
	hold_rows_done(&old);
	return 0;
}

/* Under the core's lock; only the thread makes places. False without memory. */
static bool put_marks(struct holds *holds, uint32_t edge, struct hold_judged *judged)
{
	struct edge_marks *place = find_edge(holds, edge);

	if (!place) {
		size_t at = holds->edge_count;

		if (at == holds->edge_room) {
			size_t room = holds->edge_room ? 2 * holds->edge_room : 64;
			struct edge_marks *edges = reallocarray(holds->edges, room, sizeof(*edges));

			if (!edges)
				return false;
			holds->edges = edges;
			holds->edge_room = room;
		}
		while (at > 0 && holds->edges[at - 1].edge > edge)
			at--;
		memmove(&holds->edges[at + 1], &holds->edges[at], (holds->edge_count - at) * sizeof(*holds->edges));
		holds->edge_count++;
		place = &holds->edges[at];
		*place = (struct edge_marks){ .edge = edge };
	}
	free(place->marks);
	place->marks = judged->marks;
	place->count = judged->count;
	place->no_room = judged->no_room;
	judged->marks = NULL;
	return true;
}

static int judge_edge(struct holds *holds, uint32_t edge, bool *ret_changed)
{
	struct core *core = holds->core;
	struct audit_origin origin = origin_now();
	const struct edge_view *view;
	struct hold_judged judged;
	struct serving serving;
	int error;

	core_lock(core);
	view = edges_find(core->edges, edge);
	serving_begin(core->edges, view && !view->revoked ? edge : 0, core->tree, &serving);
	core_unlock(core);
	error = hold_judge(holds->db, edge, &holds->rows, serves, &serving, origin.now_us, &judged);
	serving_end(&serving);
	if (error)
		return error;
	if (judged.again_us < holds->judge_us)
		holds->judge_us = judged.again_us;
	core_lock(core);
	if (!put_marks(holds, edge, &judged))
		error = LUYTRE_E_NOMEM;
	count_no_room(holds);
	holds->generation += judged.changed;
	core_unlock(core);
	*ret_changed = *ret_changed || judged.changed;
	free(judged.marks);
	return error;
}

struct edge_list {
	uint32_t *ids; /* owned */
	size_t count, room;
};

static int row_edge(void *context, const struct db_value *columns, size_t column_count)
{
	struct edge_list *list = context;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		uint32_t *ids = reallocarray(list->ids, room, sizeof(*ids));

		if (!ids)
			return LUYTRE_E_NOMEM;
		list->ids = ids;
		list->room = room;
	}
	list->ids[list->count++] = (uint32_t)columns[0].integer;
	return 0;
}

/* All edges that have ever said something, or those that have now. */
static int judge_edges(struct holds *holds, bool all, const struct edge_list *heard, bool *ret_changed)
{
	struct edge_list list = { 0 };
	int error = 0;

	if (all)
		error = db_each(holds->db,
			"select edge from hold_said group by edge union select edge from hold_edge group by edge",
			DB_NO_ARGS, row_edge, &list);
	else
		list = *heard;
	for (size_t i = 0; i < list.count && !error; i++)
		error = judge_edge(holds, list.ids[i], ret_changed);
	if (all)
		free(list.ids);
	return error;
}

static int settle(struct holds *holds)
{
	uint64_t round_ns = clock_mono_ns();
	bool more = true;
	int error = 0;

	while (more && !error && has_time(holds, round_ns, SETTLE_MS)) {
		struct audit_origin origin = origin_now();
		uint64_t begin_ns = clock_mono_ns();

		error = hold_settle(holds->db, &origin, &more);
		if (more)
			yield(begin_ns);
	}
	if (more)
		holds->wake_us = 0;
	return error;
}

/* Whom edges serve, and who there is. */
static bool tenants_moved(struct holds *holds)
{
	struct core *core = holds->core;
	uint64_t marker;

	core_lock(core);
	marker = (uint64_t)core->generation;
	for (size_t i = 0; i < edges_count(core->edges); i++) {
		const struct edge_view *edge = edges_at(core->edges, i);

		marker = marker * 31 + (uint64_t)edge->revision * 2 + edge->revoked;
	}
	core_unlock(core);
	if (marker == holds->tenants_marker)
		return false;
	holds->tenants_marker = marker;
	return true;
}

static int tick(struct holds *holds, bool *ret_changed)
{
	struct audit_origin origin = origin_now();
	int64_t next_us = INT64_MAX;
	int error = hold_tick(holds->db, &origin, core_hold_budget_us(holds->core), ret_changed, &next_us);

	if (next_us < holds->wake_us)
		holds->wake_us = next_us;
	return error;
}

static int run_round(struct holds *holds, unsigned int told, const struct edge_list *heard)
{
	bool asked = (told & TOLD_FINDINGS) != 0, rows = asked, late = false, moved = tenants_moved(holds),
	     judged = false;
	uint64_t generation = holds->generation;
	bool all;
	int error = look_at_rules(holds, &asked);

	holds->wake_us = INT64_MAX;
	if (told & TOLD_CATALOGUES) {
		holds->reclock_all = true;
		holds->reclock_after = 0;
	}
	if (!error)
		error = keep_clocks(holds, &asked);
	rows = rows || asked;
	if (!error)
		error = passes(holds, asked, &rows);
	if (!error)
		error = tick(holds, &rows);
	if (!error && (rows || moved))
		error = refresh_rows(holds);
	all = rows || moved || holds->judge_us <= (int64_t)(clock_real_ns() / NS_PER_US);
	if (!error && all)
		holds->judge_us = INT64_MAX;
	if (!error)
		error = judge_edges(holds, all, heard, &judged);
	if (holds->judge_us < holds->wake_us)
		holds->wake_us = holds->judge_us;
	/* What was proved just now has its budget to begin. */
	if (!error)
		error = tick(holds, &late);
	if (!error && late) /* a budget that ended meanwhile */
		error = refresh_rows(holds);
	if (!error)
		error = settle(holds);
	if (holds->generation != generation) {
		core_lock(holds->core);
		policies_look(holds->core);
		core_unlock(holds->core);
	}
	return error;
}

/* ---- The thread ---- */

/* Until something is told or due. Returns what was told; '*ret_heard' is the caller's. */
static unsigned int wait_for_work(struct holds *holds, struct edge_list *ret_heard)
{
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US), pause_us = PAUSE_MS * INT64_C(1000);
	struct timespec until;
	unsigned int told;

	if (holds->wake_us - now_us < pause_us)
		pause_us = holds->wake_us > now_us ? holds->wake_us - now_us : 0;
	if (pause_us < PAUSE_MIN_MS * INT64_C(1000))
		pause_us = PAUSE_MIN_MS * INT64_C(1000);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += pause_us / 1000000;
	until.tv_nsec += pause_us % 1000000 * 1000;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	pthread_mutex_lock(&holds->lock);
	while (!holds->told && !holds->heard_count &&
		pthread_cond_timedwait(&holds->cond, &holds->lock, &until) != ETIMEDOUT)
		;
	told = holds->told;
	holds->told &= TOLD_STOP;
	*ret_heard = (struct edge_list){ .ids = holds->heard, .count = holds->heard_count };
	holds->heard = NULL;
	holds->heard_count = holds->heard_room = 0;
	pthread_mutex_unlock(&holds->lock);
	return told;
}

static void *run_thread(void *context)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MIN_MS * (long)NS_PER_MS };
	struct holds *holds = context;
	struct edge_list heard = { 0 };
	unsigned int again = 0, told;

	while (!((told = wait_for_work(holds, &heard)) & TOLD_STOP)) {
		int error = run_round(holds, told | again, &heard);

		/* What was not done because the database was busy is done by the next round, as if it had been told again. */
		again = error ? TOLD_FINDINGS : 0;
		if (error) {
			complain(holds, "a round was not finished", error);
			holds->tenants_marker = 0;
		}
		free(heard.ids);
		nanosleep(&pause, NULL);
	}
	free(heard.ids);
	return NULL;
}

int holds_open(struct core *core, const char *folder, int64_t budget_us, struct holds **ret, char *why, size_t why_size)
{
	struct holds *holds = calloc(1, sizeof(*holds));
	const struct edge_list nobody = { 0 };
	char reason[DB_WHY_SIZE] = "";
	pthread_condattr_t monotonic;
	int error;

	if (!holds)
		return LUYTRE_E_NOMEM;
	*ret = holds;
	holds->core = core;
	holds->budget_us = budget_us;
	holds->judge_us = INT64_MAX;
	pthread_mutex_init(&holds->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&holds->cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	holds->rules = holdrules_none();
	holds->folder = folder ? strdup(folder) : NULL;
	if (!holds->rules || (folder && !holds->folder))
		return LUYTRE_E_NOMEM;
	error = db_open(core->control, &holds->db, reason);
	if (error) {
		snprintf(why, why_size, "the control database: %s", reason);
		return error;
	}
	/* Edges that ask as soon as the door is open must find what stood before. */
	error = run_round(holds, TOLD_FINDINGS, &nobody);
	if (error) {
		snprintf(why, why_size, "the holds: %s", db_why(holds->db));
		return error;
	}
	if (pthread_create(&holds->thread, NULL, run_thread, holds)) {
		snprintf(why, why_size, "no thread can be started");
		return LUYTRE_E_SYSTEM;
	}
	holds->thread_runs = true;
	return 0;
}

void holds_stop(struct holds *holds)
{
	if (!holds || !holds->thread_runs)
		return;
	holds->stop = true;
	tell(holds, TOLD_STOP);
	pthread_join(holds->thread, NULL);
	holds->thread_runs = false;
}

void holds_free(struct holds *holds)
{
	if (!holds)
		return;
	for (size_t i = 0; i < holds->edge_count; i++)
		free(holds->edges[i].marks);
	free(holds->edges);
	hold_rows_done(&holds->rows);
	holdrules_unref(holds->rules);
	hold_pass_end(holds->pass);
	db_close(holds->db);
	pthread_cond_destroy(&holds->cond);
	pthread_mutex_destroy(&holds->lock);
	free(holds->heard);
	free(holds->folder);
	free(holds);
}
