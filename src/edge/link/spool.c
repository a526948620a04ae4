// SPDX-License-Identifier: Apache-2.0
#include "edge/link/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "edge/link/files.h"

#define HEAD   "head"
#define BROKEN "broken"

enum { NAME_SIZE = 64, HEAD_SIZE = 96, LINES_MAX = BATCH_LINES_MAX };

struct spool_file {
	uint64_t seq;
	uint32_t size_bytes, line_count;
	enum spool_kind kind;
};

struct spool {
	pthread_mutex_t *lock; /* owned; a pointer so that readers of figures can lock a const spool */
	int dir, broken;
	uint64_t ceiling_bytes;
	char boot[BATCH_BOOT_SIZE];
	uint64_t next, reserved; /* numbers below 'reserved' may be used */
	uint64_t sending; /* does not give way; 0: none */
	struct spool_file *files; /* ascending numbers */
	size_t count, capacity;
	struct spool_stats stats;
};

static void file_name(const struct spool_file *file, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%020" PRIu64 "-%c-%" PRIu32, file->seq, file->kind == SPOOL_DROPS ? 'd' : 'e',
		file->line_count);
}

/* Only names that file_name makes. */
static bool read_name(const char *name, struct spool_file *ret)
{
	char again[NAME_SIZE], kind;

	if (sscanf(name, "%20" SCNu64 "-%c-%9" SCNu32, &ret->seq, &kind, &ret->line_count) != 3)
		return false;
	ret->kind = kind == 'd' ? SPOOL_DROPS : SPOOL_EVENTS;
	file_name(ret, again);
	return ret->seq && ret->line_count <= LINES_MAX && !strcmp(name, again);
}

/* ---- The head ---- */

static int write_head(struct spool *spool, uint64_t reserved)
{
	char text[HEAD_SIZE];
	int size = snprintf(text, sizeof(text), "%s %" PRIu64 "\n", spool->boot, reserved);
	int error = files_write(spool->dir, HEAD, 0600, bytes_of(text, (size_t)size));

	if (!error)
		spool->reserved = reserved;
	return error;
}

static bool read_head(struct spool *spool)
{
	struct bytes text;
	uint8_t *content;
	char line[HEAD_SIZE];
	bool good = false;

	if (files_read(spool->dir, HEAD, HEAD_SIZE - 1, &content, &text.size))
		return false;
	text.ptr = content;
	if (bytes_to_str(text, line, sizeof(line)))
		good = sscanf(line, "%32[0-9a-f] %20" SCNu64, spool->boot, &spool->next) == 2 &&
		       strlen(spool->boot) == BATCH_BOOT_SIZE - 1 && spool->next;
	free(content);
	return good;
}

static int new_boot(struct spool *spool)
{
	uint8_t random[(BATCH_BOOT_SIZE - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return LUYTRE_E_SYSTEM;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(spool->boot + 2 * i, 3, "%02x", random[i]);
	spool->next = 1;
	return 0;
}

/* ---- The index ---- */

static int grow(struct spool *spool)
{
	size_t capacity = spool->capacity ? 2 * spool->capacity : 64;
	struct spool_file *files;

	if (spool->count < spool->capacity)
		return 0;
	files = realloc(spool->files, capacity * sizeof(*files));
	if (!files)
		return LUYTRE_E_NOMEM;
	spool->files = files;
	spool->capacity = capacity;
	return 0;
}

static void forget(struct spool *spool, size_t place)
{
	spool->stats.size_bytes -= spool->files[place].size_bytes;
	spool->stats.files = --spool->count;
	memmove(spool->files + place, spool->files + place + 1, (spool->count - place) * sizeof(*spool->files));
}

static void add(struct spool *spool, const struct spool_file *file)
{
	spool->files[spool->count++] = *file;
	spool->stats.files = spool->count;
	spool->stats.size_bytes += file->size_bytes;
}

static int by_seq(const void *left, const void *right)
{
	const struct spool_file *a = left, *b = right;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* ---- What cannot be used ---- */

/* Keeps the newest in broken/. Names sort by number. */
static void trim_broken(struct spool *spool)
{
	char names[SPOOL_BROKEN_MAX + 1][NAME_SIZE], oldest[NAME_SIZE];
	size_t count = 0, first = 0;
	int copy = openat(spool->broken, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while (count <= SPOOL_BROKEN_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < NAME_SIZE)
			memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
	closedir(dir);
	if (count <= SPOOL_BROKEN_MAX)
		return;
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i], names[first]) < 0)
			first = i;
	memcpy(oldest, names[first], NAME_SIZE);
	unlinkat(spool->broken, oldest, 0);
}

static void set_aside(struct spool *spool, size_t place)
{
	char name[NAME_SIZE];

	file_name(&spool->files[place], name);
	if (spool->broken < 0 || renameat(spool->dir, name, spool->broken, name))
		unlinkat(spool->dir, name, 0);
	else
		trim_broken(spool);
	spool->stats.broken += spool->files[place].line_count;
	forget(spool, place);
}

/* ---- Opening ---- */

static int scan(struct spool *spool)
{
	int copy = openat(spool->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	struct spool_file file = { 0 };
	struct stat status;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return error_from_errno(errno);
	}
	while (!error && (entry = readdir(dir))) {
		if (files_is_temporary(entry->d_name))
			unlinkat(spool->dir, entry->d_name, 0);
		if (spool->count >= SPOOL_FILES_MAX || !read_name(entry->d_name, &file) ||
			fstatat(spool->dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode) ||
			status.st_size > BATCH_PACKED_MAX)
			continue;
		file.size_bytes = (uint32_t)status.st_size;
		error = grow(spool);
		if (!error)
			add(spool, &file);
	}
	closedir(dir);
	if (spool->count)
		qsort(spool->files, spool->count, sizeof(*spool->files), by_seq);
	return error;
}

static int open_dirs(struct spool *spool, const char *dir)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return error_from_errno(errno);
	spool->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->dir < 0)
		return error_from_errno(errno);
	if (flock(spool->dir, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? LUYTRE_E_BUSY : error_from_errno(errno);
	/* Without it, what would be kept there is removed. */
	(void)mkdirat(spool->dir, BROKEN, 0700);
	spool->broken = openat(spool->dir, BROKEN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int begin(struct spool *spool)
{
	int error = read_head(spool) ? 0 : new_boot(spool);

	if (!error)
		error = scan(spool);
	if (error)
		return error;
	if (spool->count && spool->files[spool->count - 1].seq >= spool->next)
		spool->next = spool->files[spool->count - 1].seq + 1;
	spool->reserved = spool->next;
	/* A disk that is full now may have room later: numbers are reserved when the first is asked for. */
	return 0;
}

int spool_open(const char *dir, uint64_t ceiling_bytes, struct spool **ret)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int error;

	if (!spool)
		return LUYTRE_E_NOMEM;
	spool->dir = spool->broken = -1;
	spool->ceiling_bytes = ceiling_bytes;
	spool->lock = malloc(sizeof(*spool->lock));
	error = !spool->lock || pthread_mutex_init(spool->lock, NULL) ? LUYTRE_E_NOMEM : open_dirs(spool, dir);
	if (!error)
		error = begin(spool);
	if (error) {
		spool_close(spool);
		return error;
	}
	*ret = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->lock)
		pthread_mutex_destroy(spool->lock);
	free(spool->lock);
	free(spool->files);
	if (spool->broken >= 0)
		close(spool->broken);
	if (spool->dir >= 0)
		close(spool->dir);
	free(spool);
}

const char *spool_boot(const struct spool *spool)
{
	return spool->boot;
}

/* ---- Writing ---- */

int spool_next(struct spool *spool, uint64_t *ret_seq)
{
	int error = 0;

	pthread_mutex_lock(spool->lock);
	if (spool->next >= spool->reserved)
		error = write_head(spool, spool->next + SPOOL_RESERVE);
	if (!error)
		*ret_seq = spool->next++;
	pthread_mutex_unlock(spool->lock);
	return error;
}

/* The oldest of a kind that is not on its way; false: none. */
static bool give_up_one(struct spool *spool, enum spool_kind kind)
{
	for (size_t i = 0; i < spool->count; i++) {
		char name[NAME_SIZE];

		if (spool->files[i].kind != kind || spool->files[i].seq == spool->sending)
			continue;
		file_name(&spool->files[i], name);
		unlinkat(spool->dir, name, 0);
		spool->stats.given_up += spool->files[i].line_count;
		forget(spool, i);
		return true;
	}
	return false;
}

static int make_room(struct spool *spool, enum spool_kind kind, size_t size)
{
	while (spool->stats.size_bytes + size > spool->ceiling_bytes || spool->count >= SPOOL_FILES_MAX) {
		if (give_up_one(spool, SPOOL_DROPS))
			continue;
		if (kind == SPOOL_DROPS || !give_up_one(spool, SPOOL_EVENTS))
			return LUYTRE_E_FULL;
	}
	return grow(spool);
}

int spool_put(struct spool *spool, uint64_t seq, enum spool_kind kind, uint32_t line_count, struct bytes packed)
{
	struct spool_file file = {
		.seq = seq, .size_bytes = (uint32_t)packed.size, .line_count = line_count, .kind = kind
	};
	char name[NAME_SIZE];
	int error;

	pthread_mutex_lock(spool->lock);
	error = make_room(spool, kind, packed.size);
	if (error)
		spool->stats.given_up += line_count;
	file_name(&file, name);
	if (!error) {
		error = files_write(spool->dir, name, 0600, packed);
		if (error)
			spool->stats.failed += line_count;
	}
	if (!error) {
		add(spool, &file);
		spool->stats.stored += line_count;
	}
	pthread_mutex_unlock(spool->lock);
	return error;
}

void spool_lose(struct spool *spool, uint64_t line_count)
{
	pthread_mutex_lock(spool->lock);
	spool->stats.failed += line_count;
	pthread_mutex_unlock(spool->lock);
}

uint64_t spool_lost(const struct spool *spool)
{
	uint64_t lost;

	pthread_mutex_lock(spool->lock);
	lost = spool->stats.given_up + spool->stats.failed + spool->stats.broken;
	pthread_mutex_unlock(spool->lock);
	return lost;
}

/* ---- Reading ---- */

static bool is_whole(struct bytes packed)
{
	struct batch batch;

	if (batch_open(packed, &batch))
		return false;
	batch_done(&batch);
	return true;
}

int spool_first(struct spool *spool, uint64_t *ret_seq, uint8_t **ret_packed, size_t *ret_size)
{
	int error = LUYTRE_E_NOT_FOUND;

	pthread_mutex_lock(spool->lock);
	while (spool->count) {
		char name[NAME_SIZE];

		file_name(&spool->files[0], name);
		error = files_read(spool->dir, name, BATCH_PACKED_MAX, ret_packed, ret_size);
		if (error == LUYTRE_E_NOMEM)
			break;
		if (!error && is_whole(bytes_of(*ret_packed, *ret_size))) {
			*ret_seq = spool->sending = spool->files[0].seq;
			break;
		}
		if (!error)
			free(*ret_packed);
		set_aside(spool, 0);
		error = LUYTRE_E_NOT_FOUND;
	}
	pthread_mutex_unlock(spool->lock);
	return error;
}

static bool find(const struct spool *spool, uint64_t seq, size_t *ret)
{
	for (*ret = 0; *ret < spool->count && spool->files[*ret].seq <= seq; ++*ret)
		if (spool->files[*ret].seq == seq)
			return true;
	return false;
}

void spool_done(struct spool *spool, uint64_t seq)
{
	char name[NAME_SIZE];
	size_t place;

	pthread_mutex_lock(spool->lock);
	if (find(spool, seq, &place)) {
		file_name(&spool->files[place], name);
		unlinkat(spool->dir, name, 0);
		spool->stats.delivered += spool->files[place].line_count;
		forget(spool, place);
	}
	spool->sending = 0;
	pthread_mutex_unlock(spool->lock);
}

void spool_refuse(struct spool *spool, uint64_t seq)
{
	size_t place;

	pthread_mutex_lock(spool->lock);
	if (find(spool, seq, &place))
		set_aside(spool, place);
	spool->sending = 0;
	pthread_mutex_unlock(spool->lock);
}

void spool_release(struct spool *spool)
{
	pthread_mutex_lock(spool->lock);
	spool->sending = 0;
	pthread_mutex_unlock(spool->lock);
}

void spool_read_stats(const struct spool *spool, struct spool_stats *ret)
{
	pthread_mutex_lock(spool->lock);
	*ret = spool->stats;
	pthread_mutex_unlock(spool->lock);
}
