// SPDX-License-Identifier: Apache-2.0
/* Holds with their places, as edges get them. */
#include <stdlib.h>
#include <string.h>

#include "base/holdfile.h"
#include "base/siphash.h"
#include "hub/posture/hold-internal.h"
#include "hub/tenants/canon.h"

/* Half of a file is for the modes of sites (base/holdfile.h). */
const struct hold_room hold_room_default = {
	.all = HOLDS_MAX,
	.tenant = HOLDS_TENANT_MAX,
	.edge_rows = HOLDFILE_ROWS_MAX,
	.edge_names = HOLDFILE_PLACES_ALL_MAX / 2,
	.edge_bytes = HOLDFILE_SIZE_MAX / 2,
};

/* Of a row in the file: its members with numbers as long as they get, without names; around a name. */
enum { ROW_BYTES = 160 + IP_PREFIX_TEXT_SIZE, NAME_BYTES = 3 };

/* What was read with a row and may have changed since. */
struct old {
	int64_t content;
	uint32_t tenant, system, system_now;
	bool room;
};

struct reading {
	struct hold_rows rows;
	struct old *olds; /* beside rows.items */
	uint32_t *places; /* likewise: whose turn it is, from 1 */
	int64_t *losers; /* holds that have lost their room */
	size_t loser_count;
	size_t room, old_room, place_room, loser_room, name_room, gone_room;
	size_t at; /* the row that names are added to */
	int64_t now_us;
};

/* The list with room for one more; null without memory, and the list is as it was. */
static void *grow(void *items, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? 2 * *room : 256;
	void *grown;

	if (count < *room)
		return items;
	grown = reallocarray(items, wanted, size);
	if (grown)
		*room = wanted;
	return grown;
}

static int append_name(struct reading *reading, struct bytes name)
{
	struct hold_rows *rows = &reading->rows;
	void *names = grow(rows->names, rows->name_count, &reading->name_room, sizeof(*rows->names));

	if (!names)
		return LUYTRE_E_NOMEM;
	rows->names = names;
	(void)bytes_to_str(name, rows->names[rows->name_count++], sizeof(*rows->names));
	return 0;
}

/* The names of one row lie together: when others came since, its own move behind them. */
static int add_name(struct reading *reading, struct hold_row *row, struct bytes name)
{
	struct hold_rows *rows = &reading->rows;
	size_t first = row->name_first;
	int error = 0;

	if (row->name_count == HOLD_NAMES_MAX || bytes_empty(name) || name.size >= sizeof(rows->names[0]))
		return 0;
	for (size_t i = 0; i < row->name_count; i++)
		if (bytes_equal_str(name, rows->names[first + i]))
			return 0;
	if (first + row->name_count != rows->name_count) {
		row->name_first = rows->name_count;
		for (size_t i = 0; i < row->name_count && !error; i++) {
			char own[FINDING_HOST_SIZE];

			memcpy(own, rows->names[first + i], sizeof(own));
			error = append_name(reading, bytes_from_str(own));
		}
	}
	if (!error)
		error = append_name(reading, name);
	row->name_count += !error;
	return error;
}

static int place_of(struct reading *reading, struct hold_row *row, int64_t kind, struct bytes value)
{
	struct bytes name;

	row->has_prefix = asset_place((enum asset_kind)kind, value, &row->prefix, &name);
	return row->has_prefix ? 0 : add_name(reading, row, name);
}

static int add_loser(struct reading *reading, int64_t hold, bool had_room)
{
	int64_t *losers;

	reading->rows.no_room++;
	if (!had_room)
		return 0;
	losers = grow(reading->losers, reading->loser_count, &reading->loser_room, sizeof(*losers));
	if (!losers)
		return LUYTRE_E_NOMEM;
	reading->losers = losers;
	losers[reading->loser_count++] = hold;
	return 0;
}

/* Room for one more row and what lies beside it. */
static int grow_rows(struct reading *reading)
{
	struct hold_rows *rows = &reading->rows;
	struct hold_row *items = grow(rows->items, rows->count, &reading->room, sizeof(*items));
	struct old *olds;
	uint32_t *places;

	if (!items)
		return LUYTRE_E_NOMEM;
	rows->items = items;
	olds = grow(reading->olds, rows->count, &reading->old_room, sizeof(*olds));
	if (!olds)
		return LUYTRE_E_NOMEM;
	reading->olds = olds;
	places = grow(reading->places, rows->count, &reading->place_room, sizeof(*places));
	if (!places)
		return LUYTRE_E_NOMEM;
	reading->places = places;
	return 0;
}

static int row_hold(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;
	struct hold_rows *rows = &reading->rows;
	struct hold_row *row;
	int error;

	if ((uint64_t)columns[14].integer > rows->room.tenant || (uint64_t)columns[15].integer > rows->room.all)
		return add_loser(reading, columns[0].integer, columns[13].integer != 0);
	error = grow_rows(reading);
	if (error)
		return error;
	reading->places[rows->count] = (uint32_t)columns[15].integer;
	reading->olds[rows->count] = (struct old){ .content = columns[5].integer,
		.tenant = (uint32_t)columns[6].integer,
		.system = (uint32_t)columns[7].integer,
		.system_now = (uint32_t)columns[9].integer,
		.room = columns[13].integer != 0 };
	row = &rows->items[rows->count++];
	*row = (struct hold_row){ .hold = columns[0].integer,
		.rule = (uint64_t)columns[1].integer,
		.asset = (uint32_t)columns[2].integer,
		.enforced = columns[3].integer == HOLD_ENFORCED,
		.changed_us = columns[4].integer,
		.part = (uint8_t)columns[12].integer,
		.tenant = (uint32_t)columns[8].integer };
	return place_of(reading, row, columns[10].integer, columns[11].bytes);
}

/* Names come in the order of holds. */
static int row_name(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;
	struct hold_rows *rows = &reading->rows;
	struct asset_value value;

	while (reading->at < rows->count && rows->items[reading->at].hold < columns[0].integer)
		reading->at++;
	if (reading->at == rows->count || rows->items[reading->at].hold != columns[0].integer ||
		rows->items[reading->at].part == HOLDFILE_PART_SENSOR) /* which watches addresses */
		return 0;
	if (asset_value_parse(columns[1].bytes, &value) || value.kind != ASSET_KIND_NAME)
		return 0;
	return add_name(reading, &rows->items[reading->at], columns[1].bytes);
}

static int row_gone(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;
	struct hold_rows *rows = &reading->rows;
	struct hold_gone *gone = grow(rows->gone, rows->gone_count, &reading->gone_room, sizeof(*rows->gone));

	if (!gone)
		return LUYTRE_E_NOMEM;
	rows->gone = gone;
	rows->gone[rows->gone_count++] =
		(struct hold_gone){ .tenant = (uint32_t)columns[0].integer, .changed_us = columns[1].integer };
	return 0;
}

/* How grave the findings of each hold are: KEV, then severity, then exposure; then 'turn': which one of its organisation; then 'place': all of them, in the
 * order in which they get room. What is above the share of its organisation comes behind all others. */
#define RANKED                                                                                                         \
	"with ranked as (select h.id as id, s.tenant as tenant, coalesce((select max(f.kev * 100 + f.severity * 10"    \
	" + case when f.exposed = 1 then 0 else 5 end) from hold_finding l join finding f on f.id = l.finding"         \
	" where l.hold = h.id), 0) as weight from hold h join asset a on a.id = h.asset"                               \
	" join system s on s.id = a.system where h.state in (0, 1)),"                                                  \
	" turned as (select id, weight, row_number() over (partition by tenant order by weight desc, id) as turn"      \
	" from ranked),"                                                                                               \
	" placed as (select id, turn, row_number() over (order by case when turn > ?1 then 1 else 0 end, turn,"        \
	" weight desc, id) as place from turned) "
_Static_assert(FINDING_NO == 1, "the answer that RANKED names");

static int read_rows(struct db *db, struct reading *reading)
{
	int error = db_each(db,
		RANKED
		"select h.id, h.rule, h.asset, h.state, h.changed_us, h.content, h.tenant, h.system, s.tenant, s.id, "
		"a.kind,"
		" a.value, h.part, h.room, p.turn, p.place from placed p join hold h on h.id = p.id"
		" join asset a on a.id = h.asset join system s on s.id = a.system order by h.id",
		DB_ARGS(db_i64((int64_t)reading->rows.room.tenant)), row_hold, reading);

	/* A name that is somebody else's asset is not armed for this one, whatever a report says. */
	if (!error)
		error = db_each(db,
			"select h.id, f.host from hold h join hold_finding l on l.hold = h.id join finding f on f.id = "
			"l.finding"
			" join asset a on a.id = h.asset join system s on s.id = a.system"
			" where h.state in (0, 1) and f.host <> a.value and not exists (select 1 from asset x join "
			"system y"
			" on y.id = x.system where x.value = f.host and y.tenant <> s.tenant)"
			" group by h.id, f.host order by h.id, f.host",
			DB_NO_ARGS, row_name, reading);
	return error;
}

static int read_gone(struct db *db, struct reading *reading)
{
	return db_each(db,
		"select tenant, max(changed_us) from hold where state in (2, 3) or room = 0 group by tenant order by "
		"tenant",
		DB_NO_ARGS, row_gone, reading);
}
_Static_assert(HOLD_SHADOW == 0 && HOLD_ENFORCED == 1 && HOLD_SUSPENDED == 2 && HOLD_LIFTED == 3,
	"the states that read_rows and read_gone name");

/* ---- What is another one than before ---- */

static int64_t content_of(const struct hold_rows *rows, const struct hold_row *row)
{
	static const struct siphash_key fixed = { 0x6c75797472650004ull, 0x686f6c6473000002ull };
	uint64_t marks[4] = { row->rule, (uint64_t)row->tenant << 32 | row->asset, 0, 0 };
	char text[IP_PREFIX_TEXT_SIZE];

	if (row->has_prefix) {
		ip_prefix_format(&row->prefix, text);
		marks[2] = siphash24(fixed, text, strlen(text));
	}
	for (size_t i = 0; i < row->name_count; i++) {
		const char *name = rows->names[row->name_first + i];
		uint64_t pair[2] = { marks[3], siphash24(fixed, name, strlen(name)) };

		marks[3] = siphash24(fixed, pair, sizeof(pair));
	}
	return (int64_t)(siphash24(fixed, marks, sizeof(marks)) >> 1);
}

static bool is_same(const struct reading *reading, size_t index)
{
	const struct hold_row *row = &reading->rows.items[index];
	const struct old *old = &reading->olds[index];

	return old->room && content_of(&reading->rows, row) == old->content && row->tenant == old->tenant &&
	       old->system == old->system_now;
}

struct noting {
	struct db *db;
	struct reading *reading;
	size_t first, end;
};

static int note_work(void *context)
{
	const struct noting *noting = context;
	struct reading *reading = noting->reading;
	int error = 0;

	for (size_t i = noting->first; i < noting->end && !error; i++) {
		struct hold_row *row = &reading->rows.items[i];
		const struct old *old = &reading->olds[i];

		if (is_same(reading, i))
			continue;
		row->changed_us = reading->now_us;
		error = db_run(noting->db,
			"update hold set content = ?2, changed_us = ?3, tenant = ?4, system = ?5, room = 1,"
			" verdict = case when room = 0 then 0 else verdict end where id = ?1",
			DB_ARGS(db_i64(row->hold), db_i64(content_of(&reading->rows, row)), db_i64(row->changed_us),
				db_i64(row->tenant), db_i64(old->system_now)),
			NULL);
	}
	return error;
}

/* Edges have no more to say about them: hold_judge takes away what they said. */
static int lose_work(void *context)
{
	const struct noting *noting = context;
	int error = 0;

	for (size_t i = noting->first; i < noting->end && !error; i++)
		error = db_run(noting->db, "update hold set room = 0, verdict = ?2, changed_us = ?3 where id = ?1",
			DB_ARGS(db_i64(noting->reading->losers[i]), db_i64(HOLD_VERDICT_NO_ROOM),
				db_i64(noting->reading->now_us)),
			NULL);
	return error;
}

/* In slices: others write meanwhile. */
static int note(struct db *db, struct reading *reading)
{
	struct noting noting = { .db = db, .reading = reading };
	int error = 0;

	for (size_t i = 0; i < reading->loser_count && !error; i = noting.end) {
		noting.first = i;
		noting.end = i + HOLD_SLICE < reading->loser_count ? i + HOLD_SLICE : reading->loser_count;
		error = db_atomically(db, lose_work, &noting);
	}
	for (size_t i = 0; i < reading->rows.count && !error; i = noting.end) {
		noting.first = i;
		noting.end = i + 1;
		if (is_same(reading, i))
			continue;
		noting.end = i + HOLD_SLICE < reading->rows.count ? i + HOLD_SLICE : reading->rows.count;
		error = db_atomically(db, note_work, &noting);
	}
	return error;
}

/* Places count from 1 without a gap: who has no room comes behind. */
static int order_rows(struct reading *reading)
{
	struct hold_rows *rows = &reading->rows;

	rows->order = calloc(rows->count + 1, sizeof(*rows->order));
	if (!rows->order)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < rows->count; i++) {
		if (reading->places[i] == 0 || reading->places[i] > rows->count)
			return LUYTRE_E_CORRUPT;
		rows->order[reading->places[i] - 1] = (uint32_t)i;
		rows->no_place += !rows->items[i].has_prefix && !rows->items[i].name_count;
	}
	return 0;
}

int hold_rows_read(struct db *db, const struct hold_room *room, int64_t now_us, struct hold_rows *ret)
{
	struct reading reading = { .now_us = now_us, .rows.room = *room };
	int error = read_rows(db, &reading);

	if (!error)
		error = order_rows(&reading);
	if (!error)
		error = note(db, &reading);
	if (!error) /* with those that have just lost their room */
		error = read_gone(db, &reading);
	free(reading.olds);
	free(reading.places);
	free(reading.losers);
	if (error) {
		hold_rows_done(&reading.rows);
		return error;
	}
	*ret = reading.rows;
	return 0;
}

size_t hold_rows_fit(const struct hold_rows *rows, hold_serves_fn serves, const void *context, bool *ret_fits)
{
	size_t row_count = 0, name_count = 0, byte_count = 0, no_room = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct hold_row *row = &rows->items[rows->order[i]];
		size_t bytes = ROW_BYTES;
		bool *fits = &ret_fits[rows->order[i]];

		*fits = (row->has_prefix || row->name_count) && serves(context, row->tenant);
		if (!*fits)
			continue;
		for (size_t k = 0; k < row->name_count; k++)
			bytes += NAME_BYTES + strlen(rows->names[row->name_first + k]);
		*fits = row_count < rows->room.edge_rows && name_count + row->name_count <= rows->room.edge_names &&
			byte_count + bytes <= rows->room.edge_bytes;
		no_room += !*fits;
		row_count += *fits;
		name_count += *fits ? row->name_count : 0;
		byte_count += *fits ? bytes : 0;
	}
	return no_room;
}

static int compare_hold(const void *key, const void *item)
{
	int64_t hold = *(const int64_t *)key;
	const struct hold_row *row = item;

	return (hold > row->hold) - (hold < row->hold);
}

const struct hold_row *hold_rows_find(const struct hold_rows *rows, int64_t hold)
{
	if (!rows->count)
		return NULL;
	return bsearch(&hold, rows->items, rows->count, sizeof(*rows->items), compare_hold);
}

void hold_rows_done(struct hold_rows *rows)
{
	free(rows->items);
	free(rows->order);
	free(rows->names);
	free(rows->gone);
	*rows = (struct hold_rows){ 0 };
}
