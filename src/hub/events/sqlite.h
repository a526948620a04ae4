// SPDX-License-Identifier: Apache-2.0
/* The SQLite driver, between its files. The store is a folder of segments, one database file each:
 *
 *	seg-<base>.db		events of one million rows or one hour of arrival, whichever is reached first
 *	seg-<base>.db.new	being made: it has a name of its own only when it is complete
 *	seg-<base>.db.corrupt	set aside: it could not be read
 *	lock			held by the one program that appends
 *
 * An event's id is base | row, and base is the segment's first millisecond << 20: ids ascend with arrival, over
 * segments and restarts, also when the clock steps back. One append is one transaction with full sync. A batch's id
 * stands in the segment of its events, so both are there or neither; the ids of the last days are also held in memory.
 *
 * A segment is "sealed" when the next one begins: sketches, hourly and nation-wide sums are written into it, and it is
 * never written again. What a crash leaves unsealed is read once more and sealed then. The minute sums are kept in the
 * transaction of each batch.
 *
 * Tables of a segment (all numbers; 'class' packs kind << 12 | action << 8 | evidence << 4 | severity):
 *	event		time is relative to the segment's first moment; src, dst: 4 or 16 bytes;
 *			ports: protocol << 32 | src << 16 | dst
 *	signature	text once for each rule, not once for each event
 *	batch		ids with their first row
 *	minute, hour	sums for each tenant, edge and class (kind << 8 | action << 4 | severity)
 *	tenant_hour	sums for each tenant alone
 *	nation		sums for each minute and class
 *	sketch		see sketch.h
 *	hit		sums for each rule, tenant and action; when sealed, and only when there were not too many
 *	words		filters over the words of each block of events (words.h); a block without one is read
 *	meta		"dictionary" of the details, "key" of the sketches; when sealed: "sealed", "rows", "tenants" ...
 *
 * Threads: the catalogue of segments, the numbers in it and the live sketches are under store->lock. The writer belongs
 * to the appending thread; readers have connections of their own. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "base/siphash.h"
#include "base/table.h"
#include "hub/events/detail.h"
#include "hub/events/driver.h"
#include "hub/events/sketch.h"
#include "hub/events/words.h"

#define SEGMENT_NEW ".new"

enum {
	SEGMENT_ROW_BITS = 20,
	SEGMENT_ROWS_MAX = 1 << SEGMENT_ROW_BITS,
	SEGMENT_BATCHES_MAX = 4 << 20, /* batch ids in memory: 128 MB */
};

struct segment {
	uint64_t base;
	char *path; /* owned */
	unsigned int refs;
	bool sealed;
	bool broken; /* to be given up by the writer */
	uint64_t rows, bytes;
	int64_t first_us, last_us; /* arrival */
	int64_t min_us, max_us; /* the events' own times; min > max: none yet */
	uint32_t *tenants; /* owned, ascending; of a sealed segment */
	size_t tenant_count;
	struct sketches *live; /* owned; of the open segment */
};

enum segment_statement {
	SEGMENT_BEGIN,
	SEGMENT_COMMIT,
	SEGMENT_EVENT,
	SEGMENT_SIGNATURE,
	SEGMENT_BATCH,
	SEGMENT_MINUTE,
	SEGMENT_WORDS,
	SEGMENT_STATEMENTS,
};

/* The connection that appends to the open segment. */
struct writer {
	struct segment *segment; /* null: none is open */
	sqlite3 *db;
	sqlite3_stmt *statements[SEGMENT_STATEMENTS];
	struct detail *detail;
	struct table *signatures; /* struct signature_key to its number */
	struct table *minutes; /* sums of the present batch */
	uint32_t signature_last;
	struct siphash_key key; /* for texts of signatures */
	struct words *words; /* of the block that is being filled */
	uint64_t words_block;
	bool words_whole; /* from the first event of the block on */
};

struct sqlite_store {
	struct ev_store base;
	char *dir; /* owned */
	int dir_fd, lock_fd;
	uint64_t rows_max, span_s, batch_days, question_ms;
	struct siphash_key key; /* of the sketches */
	struct siphash_key table_key;
	struct writer writer;
	struct table *batches; /* hash of an id to the base of its segment */
	uint64_t base_last;

	pthread_mutex_t lock;
	struct segment **segments; /* owned; ascending */
	size_t segment_count, segment_room;
	uint64_t batch_count, batches_again, set_aside;
};

static inline int64_t segment_base_us(uint64_t base)
{
	return (int64_t)(base >> SEGMENT_ROW_BITS) * 1000;
}

/* sqlite-segment.c */

/* The project's error for a result of SQLite. */
int sqlite_error(sqlite3 *db, int result);

/* Makes a segment's file and opens it. The folder is the caller's to sync. */
MUST_CHECK int segment_create(struct sqlite_store *store, struct segment *segment, struct writer *ret);
/* An unsealed segment: reads everything that is held in memory again. */
MUST_CHECK int segment_recover(struct sqlite_store *store, struct segment *segment, struct writer *ret);
/* What a sealed segment says of itself; LUYTRE_E_NOT_FOUND when it is not sealed. */
MUST_CHECK int segment_describe(struct sqlite_store *store, struct segment *segment);
/* One transaction, from row segment->rows on; the segment's numbers and sketches are the caller's to change. */
MUST_CHECK int segment_append(struct writer *writer, const struct ev_batch *batch);
/* Adds a stored event to what the segment holds in memory. */
void segment_note(struct segment *segment, const struct ev_event *event);
/* '*ret_tenants' is freed with free(). */
MUST_CHECK int segment_seal(struct writer *writer, uint32_t **ret_tenants, size_t *ret_count);
/* Whether a file is a segment of this format: 0, LUYTRE_E_CORRUPT, LUYTRE_E_VERSION. */
MUST_CHECK int segment_check(sqlite3 *db);
/* Closes the connection; what it knew of the segment stays with the segment. */
void writer_close(struct writer *writer);
/* Calls 'fn' for each batch id. */
typedef int (*segment_batch_fn)(void *context, struct bytes id, int64_t arrived_us);
MUST_CHECK int segment_batches(const struct segment *segment, segment_batch_fn fn, void *context);

/* The columns that segment_read_event understands, of "event e left join signature s on s.id = e.signature". */
#define SEGMENT_COLUMNS                                                                                                \
	"e.row, e.time, e.tenant, e.system, e.edge, e.class, e.ports, e.src, e.dst, e.decision, e.count, "             \
	"s.rule, s.text"
#define SEGMENT_FROM          " left join signature s on s.id = e.signature "
#define SEGMENT_COLUMN_DETAIL 13 /* behind them */

/* Everything but the detail. Text is borrowed from the statement. */
void segment_read_event(sqlite3_stmt *row, uint64_t base, struct ev_event *ret);

/* sqlite-store.c */

void segment_unref(struct sqlite_store *store, struct segment *segment);
/* Renames a segment that cannot be read and takes it out of the catalogue; logged and counted. */
void sqlite_set_aside(struct sqlite_store *store, struct segment *segment);

/* sqlite-read.c */

struct segment_view {
	struct segment *segment; /* a reference */
	uint64_t base;
	uint64_t rows; /* when the question began: later ones are not looked at */
	int64_t min_us, max_us;
};

struct connection {
	uint64_t base;
	sqlite3 *db; /* null: this place is free */
	struct detail *detail;
	bool dictionary_read;
	uint64_t used; /* when last, by count of uses */
};

enum { READER_CONNECTIONS = 32 };

struct sqlite_reader {
	struct ev_reader base;
	struct sqlite_store *store;
	struct connection connections[READER_CONNECTIONS];
	uint64_t uses;
	const struct scope *scope; /* of the question */
	uint64_t deadline_ns;
	struct segment_view *views; /* owned: the segments of the question, ascending */
	size_t view_count, view_room;
};

struct bound {
	bool blob;
	int64_t integer;
	uint8_t bytes[16];
	int size;
};

/* Conditions with numbered parameters; the text is made of constants and numbers alone. */
struct where {
	char text[4096];
	size_t size;
	struct bound bound[160];
	unsigned int count;
};

enum { WHERE_TENANTS_MAX = 64 };

/* "and CONDITION", with one %u for the number of the parameter (or several of the same). */
void where_add(struct where *where, const char *condition, int64_t value);
/* The scope and the tenant of a filter, on a column named 'tenant'; nothing when it is the nation. */
void where_tenants(struct where *where, const struct ev_filter *filter, const char *column);
/* All others that stand in the events, and the span where the segment is not wholly inside. */
void where_events(struct where *where, const struct ev_filter *filter, const struct segment_view *view);
MUST_CHECK int where_bind(const struct where *where, sqlite3 *db, sqlite3_stmt *statement);

int sqlite_reader_open(struct ev_store *store, struct ev_reader **ret);
void sqlite_reader_close(struct ev_reader *base);
int sqlite_page(struct ev_reader *base, const struct ev_filter *filter, const struct ev_cursor *before, uint32_t limit,
	ev_event_fn fn, void *context);

/* Begins a question: the clock runs, the segments that may hold an answer are in reader->views. */
MUST_CHECK int question_begin(struct sqlite_reader *reader, const struct ev_filter *filter);
void question_end(struct sqlite_reader *reader);

/* Called for each segment of a question. LUYTRE_E_NOT_FOUND: the segment is gone, go on. */
typedef int (*segment_ask_fn)(
	struct sqlite_reader *reader, struct connection *connection, const struct segment_view *view, void *context);
/* Opens the connection, calls 'ask'; a broken segment is set aside and is no error. */
MUST_CHECK int segment_ask(
	struct sqlite_reader *reader, const struct segment_view *view, segment_ask_fn ask, void *context);

/* Every event that the filter lets through, in no order, without its detail. */
MUST_CHECK int sqlite_scan(struct sqlite_reader *reader, const struct ev_filter *filter, ev_event_fn fn, void *context);

/* sqlite-sum.c */

int sqlite_count_by(struct ev_reader *base, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	ev_count_fn fn, void *context);
int sqlite_top(struct ev_reader *base, const struct ev_filter *filter, enum ev_top what, uint32_t limit,
	ev_ranked_fn fn, void *context);
int sqlite_distinct_sources(struct ev_reader *base, const struct ev_filter *filter, uint64_t *ret);

/* sqlite-hits.c */

int sqlite_hits(struct ev_reader *base, const struct ev_filter *filter, const struct ev_hit_query *query, ev_hit_fn fn,
	void *context);
