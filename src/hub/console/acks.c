// SPDX-License-Identifier: Apache-2.0
#include "hub/console/acks.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

static const struct db_migration migrations[] = {
	{ "create table event_ack (id integer primary key, reason text not null, note text, actor text not null,"
	  " made integer not null, blocks integer not null);"
	  "create table event_ack_block (block integer not null, ack integer not null references event_ack (id),"
	  " bits blob not null, primary key (block, ack));"
	  "create index event_ack_block_ack on event_ack_block (ack)" },
};

int acks_setup(struct db *db)
{
	return db_migrate(db, "acks", migrations, ARRAY_COUNT(migrations));
}

int acks_begin(
	struct db *db, const struct audit_origin *origin, const char *reason, const char *note, struct acks_writer *ret)
{
	int64_t id = 0;
	int error = db_next_id(db, "event_ack", &id);

	if (!error)
		error = db_run(db,
			"insert into event_ack (id, reason, note, actor, made, blocks) values (?1, ?2, ?3, ?4, ?5, 0)",
			DB_ARGS(db_i64(id), db_str(reason), db_str(note), db_str(origin->actor),
				db_i64(origin->now_us)),
			NULL);
	memset(ret, 0, sizeof(*ret));
	ret->db = db;
	ret->act = (uint64_t)id;
	return error;
}

static int write_blocks(struct acks_writer *writer)
{
	int error = db_begin(writer->db);

	if (error)
		return error;
	for (size_t i = 0; i < writer->count && !error; i++)
		error = db_run(writer->db, "insert into event_ack_block (block, ack, bits) values (?1, ?2, ?3)",
			DB_ARGS(db_i64((int64_t)writer->blocks[i].block), db_i64((int64_t)writer->act),
				db_blob(bytes_of(writer->blocks[i].bits, sizeof(writer->blocks[i].bits)))),
			NULL);
	if (!error)
		error = db_run(writer->db, "update event_ack set blocks = blocks + ?2 where id = ?1",
			DB_ARGS(db_i64((int64_t)writer->act), db_i64((int64_t)writer->count)), NULL);
	if (error) {
		db_rollback(writer->db);
		return error;
	}
	writer->written += writer->count;
	writer->count = 0;
	return db_commit(writer->db);
}

int acks_add(struct acks_writer *writer, uint64_t event)
{
	uint64_t block = event >> ACKS_BLOCK_BITS, bit = event & ((1 << ACKS_BLOCK_BITS) - 1);
	int error = 0;

	if (!writer->count || writer->blocks[writer->count - 1].block != block) {
		if (writer->count == ACKS_AT_ONCE)
			error = write_blocks(writer);
		if (!error && writer->written + writer->count >= ACKS_BLOCKS_ONE_MAX)
			error = LUYTRE_E_FULL;
		if (error)
			return error;
		writer->blocks[writer->count++] = (struct acks_block){ .block = block };
	}
	writer->blocks[writer->count - 1].bits[bit / 8] |= (uint8_t)(1 << bit % 8);
	writer->events++;
	return 0;
}

static int forget_act(struct db *db, int64_t act)
{
	int error = db_begin(db);

	if (error)
		return error;
	error = db_run(db, "delete from event_ack_block where ack = ?1", DB_ARGS(db_i64(act)), NULL);
	if (!error)
		error = db_run(db, "delete from event_ack where id = ?1", DB_ARGS(db_i64(act)), NULL);
	if (error) {
		db_rollback(db);
		return error;
	}
	return db_commit(db);
}

void acks_drop(struct acks_writer *writer)
{
	int error = forget_act(writer->db, (int64_t)writer->act);

	if (error)
		log_error("an acknowledgement that failed could not be taken back: %s", db_why(writer->db));
}

/* The oldest act that has rows, when there are more than enough. */
static int forget_oldest(struct db *db, bool *ret_forgot)
{
	int64_t total = 0, oldest = 0;
	int error = db_integer(db, "select coalesce(sum(blocks), 0) from event_ack", DB_NO_ARGS, &total);

	*ret_forgot = false;
	if (error || total <= ACKS_BLOCKS_MAX)
		return error;
	error = db_integer(db, "select min(id) from event_ack", DB_NO_ARGS, &oldest);
	if (!error)
		error = forget_act(db, oldest);
	*ret_forgot = !error;
	return error;
}

int acks_end(struct acks_writer *writer)
{
	bool forgot = true;
	int error = writer->count ? write_blocks(writer) : 0;

	while (!error && forgot)
		error = forget_oldest(writer->db, &forgot);
	return error;
}

/* ---- Asking ---- */

struct marks {
	uint64_t block;
	uint8_t bits[(1 << ACKS_BLOCK_BITS) / 8];
};

static int add_marks(void *context, const struct db_value *columns, size_t column_count)
{
	struct marks *marks = context;

	for (size_t i = 0; i < sizeof(marks->bits) && columns[0].bytes.size == sizeof(marks->bits); i++)
		marks->bits[i] |= columns[0].bytes.ptr[i];
	return 0;
}

static bool is_marked(const uint8_t *bits, uint64_t event)
{
	uint64_t bit = event & ((1 << ACKS_BLOCK_BITS) - 1);

	return bits[bit / 8] >> bit % 8 & 1;
}

int acks_marked(struct db *db, const uint64_t *events, size_t count, bool *ret)
{
	struct marks marks = { .block = UINT64_MAX };
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		uint64_t block = events[i] >> ACKS_BLOCK_BITS;

		if (block != marks.block) {
			marks = (struct marks){ .block = block };
			error = db_each(db, "select bits from event_ack_block where block = ?1",
				DB_ARGS(db_i64((int64_t)block)), add_marks, &marks);
		}
		ret[i] = is_marked(marks.bits, events[i]);
	}
	return error;
}

struct find {
	uint64_t event;
	struct acks_act *act;
};

static void copy_text(const struct db_value *value, char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)value->bytes.size, value->bytes.ptr ? (const char *)value->bytes.ptr : "");
}

static int find_act(void *context, const struct db_value *columns, size_t column_count)
{
	struct find *find = context;

	if (find->act->id || columns[0].bytes.size != (1 << ACKS_BLOCK_BITS) / 8 ||
		!is_marked(columns[0].bytes.ptr, find->event))
		return 0;
	find->act->id = (uint64_t)columns[1].integer;
	copy_text(&columns[2], find->act->reason, sizeof(find->act->reason));
	copy_text(&columns[3], find->act->note, sizeof(find->act->note));
	copy_text(&columns[4], find->act->actor, sizeof(find->act->actor));
	find->act->time_us = columns[5].integer;
	return 0;
}

int acks_find(struct db *db, uint64_t event, struct acks_act *ret)
{
	struct find find = { .event = event, .act = ret };
	int error;

	memset(ret, 0, sizeof(*ret));
	error = db_each(db,
		"select b.bits, a.id, a.reason, a.note, a.actor, a.made from event_ack_block b"
		" join event_ack a on a.id = b.ack where b.block = ?1 order by a.id desc",
		DB_ARGS(db_i64((int64_t)(event >> ACKS_BLOCK_BITS))), find_act, &find);
	return error ? error : ret->id ? 0 : LUYTRE_E_NOT_FOUND;
}
