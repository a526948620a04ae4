// SPDX-License-Identifier: Apache-2.0
/* Holds with their places, as edges get them. */
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "hub/posture/hold-internal.h"
#include "hub/tenants/canon.h"

/* What was read with a row and may have changed since. */
struct old {
	int64_t content;
	uint32_t tenant, system, system_now;
};

struct reading {
	struct hold_rows rows;
	struct old *olds; /* beside rows.items */
	size_t room, old_room, name_room, gone_room;
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

/* The host of a URL as it is stored: small letters, no user; "[2001:db8::1]:8080" loses brackets and port. */
static struct bytes host_of_url(struct bytes url)
{
	size_t end;

	url = bytes_skip(url, bytes_index(url, '/') + 2);
	url = bytes_first(url, bytes_index(url, '/'));
	url = bytes_first(url, bytes_index(url, '?'));
	if (!bytes_empty(url) && url.ptr[0] == '[') {
		end = bytes_index(url, ']');
		return bytes_skip(bytes_first(url, end), 1);
	}
	return bytes_first(url, bytes_index(url, ':'));
}

static int place_of(struct reading *reading, struct hold_row *row, int64_t kind, struct bytes value)
{
	if (kind == ASSET_KIND_NAME)
		return add_name(reading, row, value);
	if (kind == ASSET_KIND_URL)
		value = host_of_url(value);
	row->has_prefix = ip_prefix_parse(value, 0, &row->prefix) == 0;
	return row->has_prefix || kind != ASSET_KIND_URL ? 0 : add_name(reading, row, value);
}

static int row_hold(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;
	struct hold_rows *rows = &reading->rows;
	struct hold_row *row, *items;
	struct old *olds;

	if (rows->count == HOLDS_MAX) {
		rows->left_out++;
		return 0;
	}
	items = grow(rows->items, rows->count, &reading->room, sizeof(*rows->items));
	if (!items)
		return LUYTRE_E_NOMEM;
	rows->items = items;
	olds = grow(reading->olds, rows->count, &reading->old_room, sizeof(*reading->olds));
	if (!olds)
		return LUYTRE_E_NOMEM;
	reading->olds = olds;
	reading->olds[rows->count] = (struct old){ .content = columns[5].integer,
		.tenant = (uint32_t)columns[6].integer,
		.system = (uint32_t)columns[7].integer,
		.system_now = (uint32_t)columns[9].integer };
	row = &rows->items[rows->count++];
	*row = (struct hold_row){ .hold = columns[0].integer,
		.rule = (uint64_t)columns[1].integer,
		.asset = (uint32_t)columns[2].integer,
		.enforced = columns[3].integer == HOLD_ENFORCED,
		.changed_us = columns[4].integer,
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
	if (reading->at == rows->count || rows->items[reading->at].hold != columns[0].integer)
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

static int read_rows(struct db *db, struct reading *reading)
{
	int error = db_each(db,
		"select h.id, h.rule, h.asset, h.state, h.changed_us, h.content, h.tenant, h.system, s.tenant, s.id, "
		"a.kind,"
		" a.value from hold h join asset a on a.id = h.asset join system s on s.id = a.system"
		" where h.state in (0, 1) order by h.id",
		DB_NO_ARGS, row_hold, reading);

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
	if (!error)
		error = db_each(db,
			"select tenant, max(changed_us) from hold where state in (2, 3) group by tenant order by "
			"tenant",
			DB_NO_ARGS, row_gone, reading);
	return error;
}
_Static_assert(HOLD_SHADOW == 0 && HOLD_ENFORCED == 1 && HOLD_SUSPENDED == 2 && HOLD_LIFTED == 3,
	"the states that read_rows names");

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
		int64_t content = content_of(&reading->rows, row);

		if (content == old->content && row->tenant == old->tenant && old->system == old->system_now)
			continue;
		row->changed_us = reading->now_us;
		error = db_run(noting->db,
			"update hold set content = ?2, changed_us = ?3, tenant = ?4, system = ?5 where id = ?1",
			DB_ARGS(db_i64(row->hold), db_i64(content), db_i64(row->changed_us), db_i64(row->tenant),
				db_i64(old->system_now)),
			NULL);
	}
	return error;
}

/* In slices: others write meanwhile. */
static int note(struct db *db, struct reading *reading)
{
	struct noting noting = { .db = db, .reading = reading };
	int error = 0;

	for (size_t i = 0; i < reading->rows.count && !error; i = noting.end) {
		const struct hold_row *row = &reading->rows.items[i];
		const struct old *old = &reading->olds[i];

		noting.first = i;
		noting.end = i + 1;
		if (content_of(&reading->rows, row) == old->content && row->tenant == old->tenant &&
			old->system == old->system_now)
			continue;
		noting.end = i + HOLD_SLICE < reading->rows.count ? i + HOLD_SLICE : reading->rows.count;
		error = db_atomically(db, note_work, &noting);
	}
	return error;
}

int hold_rows_read(struct db *db, int64_t now_us, struct hold_rows *ret)
{
	struct reading reading = { .now_us = now_us };
	int error = read_rows(db, &reading);

	if (!error)
		error = note(db, &reading);
	free(reading.olds);
	if (error) {
		hold_rows_done(&reading.rows);
		return error;
	}
	for (size_t i = 0; i < reading.rows.count; i++)
		reading.rows.left_out += !reading.rows.items[i].has_prefix && !reading.rows.items[i].name_count;
	*ret = reading.rows;
	return 0;
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
	free(rows->names);
	free(rows->gone);
	*rows = (struct hold_rows){ 0 };
}
