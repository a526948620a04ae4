// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/range.h"

#include <pthread.h>
#include <stdlib.h>

#include "sensor/files/file.h"

struct http_range_piece {
	struct http_range_piece *next; /* by start, in a file */
	uint64_t start, total;
	uint64_t now_ns;
	uint8_t *data;
	size_t size, capacity;
	size_t key_size;
	uint8_t key[];
};

/* A file of which pieces are here. */
struct range_file {
	struct range_file *next;
	uint64_t last_ns, total;
	unsigned int piece_count;
	struct http_range_piece *first; /* the first one's key is the file's */
};

static struct {
	pthread_mutex_t lock;
	unsigned int users;
	unsigned int file_count;
	size_t memory_size; /* of all pieces, finished or not */
	struct range_file *files;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void piece_free(struct http_range_piece *piece)
{
	table.memory_size -= piece->capacity;
	free(piece->data);
	free(piece);
}

static void file_free(struct range_file *file)
{
	while (file->first) {
		struct http_range_piece *next = file->first->next;

		piece_free(file->first);
		file->first = next;
	}
	table.file_count--;
	free(file);
}

static void expire(uint64_t now_ns)
{
	struct range_file **link = &table.files;

	while (*link) {
		struct range_file *file = *link;

		if (file->last_ns + HTTP_RANGE_AGE_S * UINT64_C(1000000000) >= now_ns) {
			link = &file->next;
			continue;
		}
		*link = file->next;
		file_free(file);
	}
}

struct http_range_piece *http_range_open(struct bytes key, const struct http_range *range, uint64_t now_ns)
{
	struct http_range_piece *piece;

	if (range->start < 0 || range->total <= 0 || (range->start == 0 && range->end + 1 >= range->total) ||
		(uint64_t)range->total > HTTP_RANGE_MEMORY_MAX)
		return NULL;
	piece = calloc(1, sizeof(*piece) + key.size);
	if (!piece)
		return NULL;
	piece->start = (uint64_t)range->start;
	piece->total = (uint64_t)range->total;
	piece->now_ns = now_ns;
	piece->key_size = key.size;
	if (key.size != 0)
		memcpy(piece->key, key.ptr, key.size);
	return piece;
}

static bool memory_take(size_t size)
{
	bool taken;

	pthread_mutex_lock(&table.lock);
	taken = size <= HTTP_RANGE_MEMORY_MAX - table.memory_size;
	if (taken)
		table.memory_size += size;
	pthread_mutex_unlock(&table.lock);
	return taken;
}

void http_range_append(struct http_range_piece *piece, struct bytes data)
{
	uint64_t end = piece->start + piece->size;
	size_t capacity = piece->capacity == 0 ? 16384 : piece->capacity;
	uint8_t *grown;

	if (end >= piece->total)
		return;
	if (data.size > piece->total - end)
		data.size = (size_t)(piece->total - end);
	while (capacity < piece->size + data.size)
		capacity *= 2;
	if (capacity != piece->capacity) {
		if (!memory_take(capacity - piece->capacity))
			return;
		grown = realloc(piece->data, capacity);
		if (!grown) {
			pthread_mutex_lock(&table.lock);
			table.memory_size -= capacity - piece->capacity;
			pthread_mutex_unlock(&table.lock);
			return;
		}
		piece->data = grown;
		piece->capacity = capacity;
	}
	memcpy(piece->data + piece->size, data.ptr, data.size);
	piece->size += data.size;
}

static struct range_file *file_find(const struct http_range_piece *piece)
{
	for (struct range_file *file = table.files; file; file = file->next)
		if (file->total == piece->total && file->first->key_size == piece->key_size &&
			memcmp(file->first->key, piece->key, piece->key_size) == 0)
			return file;
	return NULL;
}

static struct range_file *file_make(const struct http_range_piece *piece)
{
	struct range_file *file;

	if (table.file_count == HTTP_RANGE_FILES_MAX)
		return NULL;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->total = piece->total;
	file->next = table.files;
	table.files = file;
	table.file_count++;
	return file;
}

static void file_insert(struct range_file *file, struct http_range_piece *piece)
{
	struct http_range_piece **link = &file->first;

	while (*link && (*link)->start <= piece->start)
		link = &(*link)->next;
	piece->next = *link;
	*link = piece;
	file->piece_count++;
	file->last_ns = piece->now_ns;
}

static bool file_whole(const struct range_file *file)
{
	uint64_t have = 0;

	for (const struct http_range_piece *piece = file->first; piece && piece->start <= have; piece = piece->next)
		if (piece->start + piece->size > have)
			have = piece->start + piece->size;
	return have == file->total;
}

/* Takes the file out of the table when nothing is missing. */
static struct range_file *file_take_whole(struct range_file *file)
{
	struct range_file **link = &table.files;

	if (!file_whole(file))
		return NULL;
	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	return file;
}

static void file_hand_over(struct range_file *whole, struct app_conn *conn, struct app_tx *tx, struct bytes name)
{
	struct file *file = file_open(conn, tx, TO_CLIENT, name);
	uint64_t have = 0;

	if (!file)
		return;
	for (const struct http_range_piece *piece = whole->first; piece; piece = piece->next) {
		uint64_t end = piece->start + piece->size;

		if (end <= have)
			continue;
		if (file_append(conn, file, bytes_of(piece->data + (have - piece->start), (size_t)(end - have))) != 0)
			return;
		have = end;
	}
	file_close(conn, file, (struct bytes){ 0 }, FILE_CLOSED);
}

void http_range_close(struct http_range_piece *piece, struct app_conn *conn, struct app_tx *tx, struct bytes name)
{
	struct range_file *file, *whole = NULL;

	if (!piece)
		return;
	pthread_mutex_lock(&table.lock);
	expire(piece->now_ns);
	file = file_find(piece);
	if (!file)
		file = file_make(piece);
	if (!file || file->piece_count == HTTP_RANGE_PIECES_MAX) {
		piece_free(piece);
	} else {
		file_insert(file, piece);
		whole = file_take_whole(file);
	}
	pthread_mutex_unlock(&table.lock);
	if (!whole)
		return;
	file_hand_over(whole, conn, tx, name);
	pthread_mutex_lock(&table.lock);
	file_free(whole);
	pthread_mutex_unlock(&table.lock);
}

void http_range_drop(struct http_range_piece *piece)
{
	if (!piece)
		return;
	pthread_mutex_lock(&table.lock);
	piece_free(piece);
	pthread_mutex_unlock(&table.lock);
}

void http_range_use(void)
{
	pthread_mutex_lock(&table.lock);
	table.users++;
	pthread_mutex_unlock(&table.lock);
}

void http_range_unuse(void)
{
	pthread_mutex_lock(&table.lock);
	if (--table.users == 0)
		expire(UINT64_MAX);
	pthread_mutex_unlock(&table.lock);
}
