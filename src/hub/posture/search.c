// SPDX-License-Identifier: Apache-2.0
/* Ids first, from indexes that hold all that is filtered by; then the rows that are shown.
 *
 * What is live and what is not stand apart in the indexes, because over the years most of it is not. A question about both reads two
 * streams and takes from the one that is due sooner. */
#include "hub/posture/search.h"

#include <stdlib.h>

#include "hub/posture/internal.h"

static const struct db_migration migrations[] = {
	{ "drop index finding_live;"
	  "create index finding_live on finding (live, due_us, id, tenant, system, asset, state, severity, kev, "
	  "exposed, "
	  "held_us);"
	  "drop index finding_tenant_live;"
	  "create index finding_tenant_live on finding (tenant, live, due_us, id, system, asset, state, severity, kev, "
	  "exposed, held_us);"
	  "drop index finding_cve;"
	  "create index finding_cve on finding (cve, live, due_us, id);"
	  "alter table finding add column change integer not null default 0;"
	  "update finding set change = id;"
	  "create index finding_change on finding (change);" },
};

int finding_search_setup(struct db *db)
{
	return db_migrate(db, "posture-search", migrations, ARRAY_COUNT(migrations));
}

enum { BATCH_FIRST = 256, BATCH_MAX = 8192, STREAMS_MAX = 2, NO_STATE = -1 };

struct place {
	int64_t due_us, id;
};

struct stream {
	struct place *places; /* owned; those that were read and not given out yet */
	size_t next, count, room;
	struct place last; /* the last row that was read, whether it fits or not */
	uint32_t rows; /* of the newest batch */
	bool live, ended;
};

struct search {
	const struct finding_call *call;
	const struct finding_filter *filter;
	uint32_t tenant; /* the only one; 0: several */
	struct stream streams[STREAMS_MAX];
	size_t stream_count;
	struct stream *current; /* that is being read */
};

static int row_place(void *context, const struct db_value *columns, size_t column_count)
{
	struct search *search = context;
	struct stream *stream = search->current;

	stream->rows++;
	stream->last = (struct place){ .due_us = columns[0].integer, .id = columns[1].integer };
	if (scope_has(search->call->scope, (uint32_t)columns[2].integer))
		stream->places[stream->count++] = stream->last;
	return 0;
}

#define IDS(where)                                                                                                     \
	"select due_us, id, tenant from finding where live = ?1 and " where                                            \
	" and (due_us, id) > (?2, ?3) and due_us <= ?5"                                                                \
	" and (?6 = 0 or system = ?6) and (?7 = 0 or asset = ?7) and (?8 < 0 or state = ?8) and severity >= ?9"        \
	" and (?10 = 0 or kev = ?10 - 1) and (?11 = 0 or (exposed <> 1) = (?11 = 2))"                                  \
	" and (?12 = 0 or (held_us <> 0) = (?12 = 2)) order by due_us, id limit ?13"

/* The next rows of a stream that has none left. */
static int fill(struct search *search, struct stream *stream)
{
	static const char *const statements[2][2] = {
		{ IDS("?4 = 0"), IDS("tenant = ?4") },
		{ IDS("cve = ?14 and ?4 = 0"), IDS("cve = ?14 and tenant = ?4") },
	};
	const struct finding_filter *filter = search->filter;
	size_t room = stream->room ? stream->room * 4 : BATCH_FIRST;
	struct db_value values[] = { db_i64(stream->live), db_i64(stream->last.due_us), db_i64(stream->last.id),
		db_i64(search->tenant), db_i64(filter->due_before_us ? filter->due_before_us - 1 : INT64_MAX),
		db_i64(filter->system), db_i64(filter->asset), db_i64(filter->state), db_i64(filter->severity),
		db_i64(filter->kev), db_i64(filter->exposed), db_i64(filter->held), db_null(), db_str(filter->cve) };
	bool by_cve = filter->cve[0] != '\0';
	int error;

	if (room > BATCH_MAX)
		room = BATCH_MAX;
	if (room > stream->room) {
		struct place *grown = realloc(stream->places, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		stream->places = grown;
		stream->room = room;
	}
	values[12] = db_i64((int64_t)stream->room);
	stream->next = stream->count = stream->rows = 0;
	search->current = stream;
	error = db_each(search->call->db, statements[by_cve][search->tenant != 0],
		(struct db_args){ values, by_cve ? 14 : 13 }, row_place, search);
	stream->ended = stream->rows < stream->room;
	return error;
}

/* The soonest of all streams; '*ret' null: there is no more. */
static int soonest(struct search *search, struct stream **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < search->stream_count; i++) {
		struct stream *stream = &search->streams[i];
		const struct place *place, *best;

		while (stream->next == stream->count && !stream->ended) {
			int error = fill(search, stream);

			if (error)
				return error;
		}
		if (stream->next == stream->count)
			continue;
		place = &stream->places[stream->next];
		best = *ret ? &(*ret)->places[(*ret)->next] : NULL;
		if (!best || place->due_us < best->due_us || (place->due_us == best->due_us && place->id < best->id))
			*ret = stream;
	}
	return 0;
}

static int walk(struct search *search, finding_fn fn, void *context, struct finding_next *ret)
{
	uint32_t taken = 0, looked = 0;
	struct place last = { 0 };

	for (;;) {
		struct stream *stream;
		struct finding row;
		int error = soonest(search, &stream);

		if (error || !stream)
			return error;
		if (taken == search->filter->limit || looked == FINDING_LOOK_MAX) {
			*ret = (struct finding_next){ .more = true, .due_us = last.due_us, .id = last.id };
			return 0;
		}
		last = stream->places[stream->next++];
		looked++;
		error = finding_get(search->call, last.id, &row);
		if (!error)
			error = fn(context, &row);
		if (!error)
			taken++;
		else if (error != FINDING_SKIP)
			return error;
	}
}

int finding_search(const struct finding_call *call, const struct finding_filter *filter, finding_fn fn, void *context,
	struct finding_next *ret)
{
	struct search search = { .call = call, .filter = filter };
	int error;

	*ret = (struct finding_next){ 0 };
	if (!call->scope || filter->limit == 0 || filter->limit > FINDING_PAGE_MAX)
		return LUYTRE_E_INVALID;
	if (!call->scope->all && call->scope->tenant_count == 0)
		return 0;
	if (!call->scope->all && call->scope->tenant_count == 1)
		search.tenant = call->scope->tenants[0];
	for (int live = 0; live < 2; live++) {
		bool fits = filter->state == NO_STATE || finding_states[filter->state].live == (live == 1);

		if (!fits || (filter->live != FINDING_EITHER && (filter->live == FINDING_WITH) != (live == 1)))
			continue;
		search.streams[search.stream_count++] = (struct stream){ .live = live == 1,
			.last = { .due_us = filter->after_id ? filter->after_due_us : INT64_MIN,
				.id = filter->after_id } };
	}
	error = walk(&search, fn, context, ret);
	for (size_t i = 0; i < search.stream_count; i++)
		free(search.streams[i].places);
	return error;
}
