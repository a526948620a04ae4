// SPDX-License-Identifier: Apache-2.0
/* The folder of segments: opening it after whatever happened, appending, closing and forgetting segments. */
#include "hub/events/sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define NAME_FORMAT    "seg-%019llu.db"
#define SET_ASIDE      ".corrupt"
#define DAY_US         (24 * EV_HOUR_US)
#define SEGMENTS_MAX   100000 /* files in the folder; 11 years of hours */
#define PATH_EXTRA_MAX 64 /* name and suffixes behind the folder */

static void segment_free(struct segment *segment)
{
	if (!segment)
		return;
	sketches_free(segment->live);
	free(segment->tenants);
	free(segment->path);
	free(segment);
}

void segment_unref(struct sqlite_store *store, struct segment *segment)
{
	bool last;

	pthread_mutex_lock(&store->lock);
	last = --segment->refs == 0;
	pthread_mutex_unlock(&store->lock);
	if (last)
		segment_free(segment);
}

static struct segment *segment_new(const struct sqlite_store *store, uint64_t base)
{
	struct segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	*segment = (struct segment){
		.base = base,
		.refs = 1,
		.first_us = segment_base_us(base),
		.last_us = segment_base_us(base),
		.min_us = INT64_MAX,
		.max_us = INT64_MIN,
	};
	if (asprintf(&segment->path, "%s/" NAME_FORMAT, store->dir, (unsigned long long)base) < 0) {
		segment->path = NULL;
		segment_free(segment);
		return NULL;
	}
	return segment;
}

/* Behind the others: the newest. The store takes the reference over. */
static int catalogue_add(struct sqlite_store *store, struct segment *segment)
{
	int error = 0;

	pthread_mutex_lock(&store->lock);
	if (store->segment_count == store->segment_room) {
		size_t room = store->segment_room == 0 ? 64 : 2 * store->segment_room;
		struct segment **segments = realloc(store->segments, room * sizeof(struct segment *));

		if (segments) {
			store->segments = segments;
			store->segment_room = room;
		} else {
			error = LUYTRE_E_NOMEM;
		}
	}
	if (error == 0)
		store->segments[store->segment_count++] = segment;
	pthread_mutex_unlock(&store->lock);
	return error;
}

/* False when it was not there any more. The caller gets the store's reference. */
static bool catalogue_remove(struct sqlite_store *store, const struct segment *segment)
{
	bool found = false;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->segment_count && !found; i++) {
		if (store->segments[i] != segment)
			continue;
		found = true;
		store->segment_count--;
		memmove(&store->segments[i], &store->segments[i + 1],
			(store->segment_count - i) * sizeof(struct segment *));
	}
	pthread_mutex_unlock(&store->lock);
	return found;
}

static void with_suffix(const struct segment *segment, const char *suffix, char *path, size_t path_size)
{
	snprintf(path, path_size, "%s%s", segment->path, suffix);
}

static void rename_aside(const struct segment *segment)
{
	static const char *const suffixes[] = { "", "-wal" };
	size_t size = strlen(segment->path) + PATH_EXTRA_MAX;
	char *from = malloc(size), *to = malloc(size);

	for (size_t i = 0; i < ARRAY_COUNT(suffixes) && from && to; i++) {
		snprintf(from, size, "%s%s", segment->path, suffixes[i]);
		snprintf(to, size, "%s" SET_ASIDE "%s", segment->path, suffixes[i]);
		if (rename(from, to) != 0 && errno != ENOENT)
			log_error("cannot rename %s: %s", from, strerror(errno));
	}
	if (from) {
		with_suffix(segment, "-shm", from, size);
		unlink(from);
	}
	free(from);
	free(to);
}

void sqlite_set_aside(struct sqlite_store *store, struct segment *segment)
{
	if (!catalogue_remove(store, segment))
		return;
	log_error("events: %s is damaged; it is kept as %s" SET_ASIDE ", its events are missing from all answers",
		segment->path, segment->path);
	rename_aside(segment);
	pthread_mutex_lock(&store->lock);
	segment->broken = true;
	store->set_aside++;
	pthread_mutex_unlock(&store->lock);
	segment_unref(store, segment);
}

static void unlink_segment(const struct segment *segment)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	size_t size = strlen(segment->path) + PATH_EXTRA_MAX;
	char *path = malloc(size);

	for (size_t i = 0; i < ARRAY_COUNT(suffixes) && path; i++) {
		with_suffix(segment, suffixes[i], path, size);
		unlink(path);
	}
	free(path);
}

struct batch_hash {
	uint64_t halves[2];
};

/* Two hashes with different keys that nobody knows: 128 bits are enough to take equal hashes for equal ids. */
static struct batch_hash batch_hash(const struct sqlite_store *store, struct bytes id)
{
	struct siphash_key other = { .k0 = ~store->table_key.k0, .k1 = store->table_key.k1 };

	return (struct batch_hash){ { siphash24(store->table_key, id.ptr, id.size),
		siphash24(other, id.ptr, id.size) } };
}

static bool batch_is_older(const void *key, void *value, void *context)
{
	return *(uint64_t *)value < *(const uint64_t *)context;
}

static int64_t days_before(const struct sqlite_store *store, const struct segment *newest)
{
	int64_t from_us = newest->last_us - (int64_t)store->batch_days * DAY_US;

	return from_us > 0 ? from_us : 0;
}

/* Forgets the ids of segments before 'base'. */
static void batches_forget(struct sqlite_store *store, uint64_t base)
{
	size_t pos = 0;

	table_sweep(store->batches, &pos, SIZE_MAX, batch_is_older, &base);
}

/* At the ceiling the oldest half of the time that is covered goes. */
static void batches_make_room(struct sqlite_store *store)
{
	uint64_t oldest = UINT64_MAX;
	size_t pos = 0;
	void *value;

	if (table_count(store->batches) < SEGMENT_BATCHES_MAX)
		return;
	while (table_next(store->batches, &pos, NULL, &value)) {
		if (*(uint64_t *)value < oldest)
			oldest = *(uint64_t *)value;
	}
	batches_forget(store, oldest + (store->base_last - oldest) / 2 + 1);
}

struct batch_load {
	struct sqlite_store *store;
	uint64_t base;
	uint64_t count;
	int64_t from_us;
};

static int load_batch(void *context, struct bytes id, int64_t arrived_us)
{
	struct batch_load *load = context;
	struct batch_hash hash = batch_hash(load->store, id);
	uint64_t *base;

	load->count++;
	if (arrived_us < load->from_us)
		return 0;
	base = table_insert(load->store->batches, &hash, NULL);
	if (!base)
		return LUYTRE_E_FULL;
	*base = load->base;
	return 0;
}

/* The newest segments first, so that the ceiling cuts off the oldest ids. */
static int batches_load(struct sqlite_store *store)
{
	int64_t from_us = store->segment_count == 0 ? 0 : days_before(store, store->segments[store->segment_count - 1]);

	for (size_t i = store->segment_count; i-- > 0 && store->segments[i]->last_us >= from_us;) {
		struct batch_load load = { .store = store, .base = store->segments[i]->base, .from_us = from_us };
		int error;

		error = segment_batches(store->segments[i], load_batch, &load);
		store->batch_count += load.count;
		if (error == LUYTRE_E_FULL)
			break;
		if (error == LUYTRE_E_CORRUPT)
			sqlite_set_aside(store, store->segments[i]);
		else if (error != 0)
			return error;
	}
	return 0;
}

static uint64_t file_size(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

/* The writer has a reference of its own: a reader may set its segment aside at any time. */
static void close_writer(struct sqlite_store *store)
{
	struct segment *segment = store->writer.segment;

	writer_close(&store->writer);
	if (segment)
		segment_unref(store, segment);
}

/* The writer's segment cannot be read or written any more. */
static void give_up_writer(struct sqlite_store *store)
{
	sqlite_set_aside(store, store->writer.segment);
	close_writer(store);
}

static bool writer_broken(struct sqlite_store *store)
{
	bool broken;

	pthread_mutex_lock(&store->lock);
	broken = store->writer.segment && store->writer.segment->broken;
	pthread_mutex_unlock(&store->lock);
	return broken;
}

/* Seals what the writer holds and closes it. Left open when it fails. */
static int seal(struct sqlite_store *store)
{
	struct segment *segment = store->writer.segment;
	struct sketches *live;
	uint32_t *tenants = NULL;
	size_t tenant_count = 0;
	int error = segment_seal(&store->writer, &tenants, &tenant_count);

	if (error != 0)
		return error;
	pthread_mutex_lock(&store->lock);
	live = segment->live;
	segment->live = NULL;
	segment->tenants = tenants;
	segment->tenant_count = tenant_count;
	segment->sealed = true;
	pthread_mutex_unlock(&store->lock);
	sketches_free(live);
	writer_close(&store->writer);
	pthread_mutex_lock(&store->lock);
	segment->bytes = file_size(segment->path);
	pthread_mutex_unlock(&store->lock);
	batches_forget(store, (uint64_t)(days_before(store, segment) / 1000) << SEGMENT_ROW_BITS);
	segment_unref(store, segment);
	return 0;
}

static int open_next(struct sqlite_store *store, int64_t arrived_us)
{
	uint64_t base = (uint64_t)(arrived_us / 1000) << SEGMENT_ROW_BITS;
	struct segment *segment;
	int error;

	if (base <= store->base_last)
		base = ((store->base_last >> SEGMENT_ROW_BITS) + 1) << SEGMENT_ROW_BITS;
	segment = segment_new(store, base);
	if (!segment)
		return LUYTRE_E_NOMEM;
	error = segment_create(store, segment, &store->writer);
	if (error == 0 && fsync(store->dir_fd) != 0)
		error = error_from_errno(errno);
	/* Segments follow the arrival that the clock tells, not the one that their id had to be given. */
	segment->first_us = arrived_us;
	segment->last_us = arrived_us;
	if (error == 0)
		error = catalogue_add(store, segment);
	if (error != 0) {
		writer_close(&store->writer);
		unlink_segment(segment);
		segment_free(segment);
		return error;
	}
	segment->refs++;
	store->base_last = base;
	return 0;
}

static bool segment_full(const struct sqlite_store *store, const struct ev_batch *batch)
{
	const struct segment *segment = store->writer.segment;
	int64_t age_us = batch->arrived_us - segment->first_us;

	/* A clock that was set back by more than the span ends the segment as well. */
	return segment->rows >= store->rows_max || segment->rows + batch->count > SEGMENT_ROWS_MAX ||
	       age_us >= (int64_t)store->span_s * 1000000 || -age_us >= (int64_t)store->span_s * 1000000 ||
	       sketches_count(segment->live) > SKETCH_COUNT_MAX;
}

/* Sees to it that a segment is open which takes the batch. */
static int make_ready(struct sqlite_store *store, const struct ev_batch *batch)
{
	int error = 0;

	if (writer_broken(store))
		close_writer(store);
	if (store->writer.segment && store->writer.segment->rows > 0 && segment_full(store, batch))
		error = seal(store);
	if (error == LUYTRE_E_CORRUPT) {
		give_up_writer(store);
		error = 0;
	}
	if (error == 0 && !store->writer.segment)
		error = open_next(store, batch->arrived_us);
	return error;
}

static int append_known_new(struct sqlite_store *store, const struct ev_batch *batch, uint64_t *ret_first_id)
{
	struct segment *segment;
	int error = make_ready(store, batch);

	if (error != 0)
		return error;
	error = segment_append(&store->writer, batch);
	if (error != 0)
		return error;
	segment = store->writer.segment;
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < batch->count; i++)
		segment_note(segment, &batch->events[i]);
	*ret_first_id = segment->base | segment->rows;
	segment->rows += batch->count;
	if (segment->last_us < batch->arrived_us)
		segment->last_us = batch->arrived_us;
	store->batch_count++;
	pthread_mutex_unlock(&store->lock);
	return 0;
}

static int sqlite_append(struct ev_store *base, const struct ev_batch *batch, uint64_t *ret_first_id)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct batch_hash hash = batch_hash(store, bytes_from_str(batch->id));
	uint64_t *place;
	bool created;
	int error;

	batches_make_room(store);
	place = table_insert(store->batches, &hash, &created);
	if (!place)
		return LUYTRE_E_NOMEM;
	if (!created) {
		pthread_mutex_lock(&store->lock);
		store->batches_again++;
		pthread_mutex_unlock(&store->lock);
		return 0;
	}
	*place = UINT64_MAX;
	error = append_known_new(store, batch, ret_first_id);
	if (error == LUYTRE_E_CORRUPT && store->writer.segment) {
		give_up_writer(store);
		error = append_known_new(store, batch, ret_first_id);
	}
	if (error != 0)
		table_remove(store->batches, &hash);
	else
		*place = store->base_last;
	return error;
}

static bool is_older(const struct segment *segment, int64_t keep_from_us)
{
	return segment->last_us < keep_from_us;
}

static int sqlite_retain(struct ev_store *base, int64_t keep_from_us)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	int error = 0;

	if (store->writer.segment && store->writer.segment->rows > 0 && is_older(store->writer.segment, keep_from_us))
		error = seal(store);
	/* Only this thread changes the catalogue, but for readers that set a broken segment aside. */
	for (;;) {
		struct segment *segment = NULL;

		pthread_mutex_lock(&store->lock);
		for (size_t i = 0; i < store->segment_count && !segment; i++) {
			if (store->segments[i]->sealed && is_older(store->segments[i], keep_from_us)) {
				segment = store->segments[i];
				segment->refs++;
			}
		}
		pthread_mutex_unlock(&store->lock);
		if (!segment)
			break;
		if (catalogue_remove(store, segment)) {
			unlink_segment(segment);
			segment_unref(store, segment);
		}
		segment_unref(store, segment);
	}
	return error;
}

static void sqlite_stats(struct ev_store *base, struct ev_stats *ret)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->segment_count; i++) {
		const struct segment *segment = store->segments[i];

		ret->events += segment->rows;
		ret->bytes += segment->sealed ? segment->bytes : file_size(segment->path);
		if (segment->rows > 0 && (ret->oldest_us == 0 || segment->min_us < ret->oldest_us))
			ret->oldest_us = segment->min_us;
	}
	ret->segments = store->segment_count;
	ret->segments_corrupt = store->set_aside;
	ret->batches = store->batch_count;
	ret->batches_again = store->batches_again;
	pthread_mutex_unlock(&store->lock);
}

static void sqlite_close(struct ev_store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	close_writer(store);
	for (size_t i = 0; i < store->segment_count; i++)
		segment_free(store->segments[i]);
	free(store->segments);
	table_free(store->batches);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->lock);
	free(store->dir);
	free(store);
}

static int compare_bases(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The bases of all segments, ascending. What was set aside counts for 'base_last' only: ids are never given twice. */
static int list_bases(struct sqlite_store *store, uint64_t **ret, size_t *ret_count)
{
	uint64_t *bases = calloc(SEGMENTS_MAX, sizeof(*bases));
	DIR *dir = bases ? opendir(store->dir) : NULL;
	size_t count = 0;
	struct dirent *entry;

	if (!dir) {
		free(bases);
		return bases ? LUYTRE_E_IO : LUYTRE_E_NOMEM;
	}
	while ((entry = readdir(dir))) {
		unsigned long long base;
		int end = 0;

		if (sscanf(entry->d_name, "seg-%19llu.db%n", &base, &end) != 1 || end == 0)
			continue;
		if (store->base_last < base)
			store->base_last = base;
		if (entry->d_name[end] == '\0' && count < SEGMENTS_MAX)
			bases[count++] = base;
		else if (strcmp(entry->d_name + end, SET_ASIDE) == 0)
			store->set_aside++;
		else if (strncmp(entry->d_name + end, SEGMENT_NEW, strlen(SEGMENT_NEW)) == 0)
			unlinkat(store->dir_fd, entry->d_name, 0);
	}
	closedir(dir);
	qsort(bases, count, sizeof(*bases), compare_bases);
	*ret = bases;
	*ret_count = count;
	return 0;
}

static int load_segment(struct sqlite_store *store, uint64_t base, bool newest)
{
	struct segment *segment = segment_new(store, base);
	int error = segment ? catalogue_add(store, segment) : LUYTRE_E_NOMEM;

	if (error != 0) {
		segment_free(segment);
		return error;
	}
	error = segment_describe(store, segment);
	if (error == LUYTRE_E_NOT_FOUND) {
		error = segment_recover(store, segment, &store->writer);
		if (error == 0)
			segment->refs++;
		if (error == 0 && !newest)
			error = seal(store);
	}
	segment->bytes = file_size(segment->path);
	if (error == LUYTRE_E_CORRUPT) {
		close_writer(store);
		sqlite_set_aside(store, segment);
		error = 0;
	}
	return error;
}

static int load_segments(struct sqlite_store *store)
{
	uint64_t *bases = NULL;
	size_t count = 0;
	int error = list_bases(store, &bases, &count);

	for (size_t i = 0; i < count && error == 0; i++)
		error = load_segment(store, bases[i], i == count - 1);
	free(bases);
	return error == 0 ? batches_load(store) : error;
}

static int open_dir(struct sqlite_store *store, char *why, size_t why_size)
{
	if (mkdir(store->dir, 0700) != 0 && errno != EEXIST) {
		snprintf(why, why_size, "cannot make %s: %s", store->dir, strerror(errno));
		return error_from_errno(errno);
	}
	store->dir_fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd >= 0)
		store->lock_fd = openat(store->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0) {
		snprintf(why, why_size, "cannot open %s: %s", store->dir, strerror(errno));
		return error_from_errno(errno);
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, why_size, "another program appends to %s", store->dir);
		return LUYTRE_E_BUSY;
	}
	return 0;
}

static int sqlite_open(const char *place, struct ev_store **ret, char *why, size_t why_size)
{
	struct sqlite_store *store = calloc(1, sizeof(*store));
	const struct ev_option options[] = {
		{ "rows", 1, 1000000, &store->rows_max },
		{ "span_s", 1, 86400, &store->span_s },
		{ "batch_days", 1, 365, &store->batch_days },
		{ "question_ms", 1, 600000, &store->question_ms },
	};
	struct bytes dir;
	int error;

	if (!store)
		return LUYTRE_E_NOMEM;
	*store = (struct sqlite_store){
		.base.driver = &ev_sqlite_driver,
		.dir_fd = -1,
		.lock_fd = -1,
		.rows_max = 1000000,
		.span_s = 3600,
		.batch_days = 7,
		.question_ms = EV_QUESTION_MS,
	};
	pthread_mutex_init(&store->lock, NULL);
	error = ev_place_split(place, &dir, options, ARRAY_COUNT(options), why, why_size);
	if (error == 0) {
		store->dir = strndup((const char *)dir.ptr, dir.size);
		error = siphash_key_random(&store->table_key);
	}
	if (error == 0)
		error = siphash_key_random(&store->key);
	if (error == 0) {
		store->batches =
			table_new(sizeof(struct batch_hash), sizeof(uint64_t), SEGMENT_BATCHES_MAX, store->table_key);
		error = store->dir && store->batches ? open_dir(store, why, why_size) : LUYTRE_E_NOMEM;
	}
	if (error == 0 && (error = load_segments(store)) != 0)
		snprintf(why, why_size, "cannot read the segments in %s: %s", store->dir,
			error_text(error, LUYTRE_LANG_EN));
	if (error != 0)
		sqlite_close(&store->base);
	else
		*ret = &store->base;
	return error;
}

const struct ev_driver ev_sqlite_driver = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.append = sqlite_append,
	.retain = sqlite_retain,
	.stats = sqlite_stats,
	.reader_open = sqlite_reader_open,
	.reader_close = sqlite_reader_close,
	.page = sqlite_page,
	.count_by = sqlite_count_by,
	.top = sqlite_top,
	.hits = sqlite_hits,
	.distinct_sources = sqlite_distinct_sources,
};
