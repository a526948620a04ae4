// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/journalstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

enum {
	PATH_SIZE = 512,
	PENDING_MAX = 64 << 20, /* frames while the cluster does not answer; beyond it the journal is written anew */
	CHUNKS_MAX = 4 * PENDING_MAX / NATSLOG_CONTENT_MAX,
	PART_SIZE = NATSLOG_CONTENT_MAX - 1,
	BEFORE_MAX = 100, /* journals that were set aside */
	BEGIN_TRIES_MAX = 15, /* of giving the first whole journal; each waits for the cluster too */
};
#define QUIET_NS (NS_PER_S / 2) /* after the cluster did not answer, nobody waits for it again for so long */

/* A message that is not appended yet. Once it was tried nothing is added to it: it may be there. */
struct chunk {
	uint8_t *text; /* owned; NATSLOG_CONTENT_MAX bytes */
	size_t size;
	uint64_t id;
	bool tried;
};

struct journalstream {
	struct natslog *log;
	void (*deposed)(const char *why);
	const char *run;
	struct journal_copy copy;
	char path[PATH_SIZE], follow_path[PATH_SIZE + 16], whole_path[PATH_SIZE + 16];
	char mark_path[PATH_SIZE + sizeof(JOURNALFILE_COPIED)];
	uint64_t last; /* the newest message that is known */
	bool has_state; /* a journal was in the stream, and not only hubs that lead */

	/* Following. */
	int fd, whole_fd; /* whole: while S ... E; else -1 */

	/* Leading. */
	struct chunk chunks[CHUNKS_MAX];
	size_t chunk_first, chunk_count; /* a ring */
	uint64_t ids, quiet_until_ns;
};

/* ---- Following ---- */

static int reopen(int *fd, const char *path)
{
	if (*fd >= 0)
		close(*fd);
	*fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	return *fd < 0 ? LUYTRE_E_IO : 0;
}

static void give_up_whole(struct journalstream *stream)
{
	if (stream->whole_fd < 0)
		return;
	close(stream->whole_fd);
	stream->whole_fd = -1;
	unlink(stream->whole_path);
}

static int end_whole(struct journalstream *stream)
{
	if (stream->whole_fd < 0)
		return LUYTRE_E_CORRUPT;
	if (rename(stream->whole_path, stream->follow_path))
		return LUYTRE_E_IO;
	close(stream->fd);
	stream->fd = stream->whole_fd;
	stream->whole_fd = -1;
	stream->has_state = true;
	return 0;
}

static int take(struct journalstream *stream, struct bytes content)
{
	struct bytes rest = bytes_skip(content, 1);

	if (!content.size)
		return LUYTRE_E_CORRUPT;
	if (content.ptr[0] != 's' && content.ptr[0] != 'E')
		give_up_whole(stream);
	switch (content.ptr[0]) {
	case 'T':
		return 0;
	case 'F':
		stream->has_state = true;
		return file_write_all(stream->fd, rest);
	case 'S':
		return reopen(&stream->whole_fd, stream->whole_path);
	case 's':
		return stream->whole_fd < 0 ? LUYTRE_E_CORRUPT : file_write_all(stream->whole_fd, rest);
	case 'E':
		return end_whole(stream);
	default:
		return LUYTRE_E_CORRUPT;
	}
}

/* What was read so far was forgotten by the stream meanwhile: its beginning is a whole journal. */
static int begin_again(struct journalstream *stream, uint64_t first)
{
	give_up_whole(stream);
	stream->last = first - 1;
	stream->has_state = false;
	return reopen(&stream->fd, stream->follow_path);
}

int journalstream_follow(struct journalstream *stream)
{
	uint64_t first, last;
	int error = natslog_ends(stream->log, JOURNALSTREAM_NAME, &first, &last);

	if (!error && (first > stream->last + 1 || last < stream->last))
		error = begin_again(stream, first);
	while (!error && stream->last < last) {
		struct natslog_message message;

		error = natslog_get(stream->log, JOURNALSTREAM_NAME, stream->last + 1, &message);
		if (error)
			return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_BUSY : error; /* forgotten just now */
		error = take(stream, message.content);
		natslog_message_done(&message);
		if (!error)
			stream->last++;
	}
	return error;
}

static bool is_same_file(const struct stat *about, const char *path)
{
	struct stat other;

	return !stat(path, &other) && other.st_dev == about->st_dev && other.st_ino == about->st_ino;
}

/* What a hub that was alone until now has decided is not destroyed because the cluster knows otherwise. */
static int set_aside(const struct journalstream *stream)
{
	char before[PATH_SIZE + 32];
	struct stat about;

	if (!access(stream->mark_path, F_OK) || stat(stream->path, &about) || about.st_size == 0)
		return 0;
	for (unsigned int i = 1; i <= BEFORE_MAX; i++) {
		snprintf(before, sizeof(before), i == 1 ? "%s.before" : "%s.before.%u", stream->path, i);
		if (!link(stream->path, before)) {
			log_warn("the cluster has a journal of its own: what this hub decided alone is in %s", before);
			return 0;
		}
		if (errno != EEXIST)
			return LUYTRE_E_IO;
		if (is_same_file(&about, before)) /* by a try that ended behind this */
			return 0;
	}
	return LUYTRE_E_FULL;
}

/* What was read becomes the journal. */
static int put_in_place(struct journalstream *stream)
{
	int error = set_aside(stream), mark;

	if (error)
		return error;
	give_up_whole(stream);
	if (fsync(stream->fd) || rename(stream->follow_path, stream->path))
		return LUYTRE_E_IO;
	/* The stream has all of it, also when this hub goes before it has led. Without the mark it is set aside once more. */
	mark = open(stream->mark_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (mark >= 0)
		close(mark);
	close(stream->fd);
	stream->fd = -1;
	return file_sync_folder(stream->path);
}

int journalstream_lead(struct journalstream *stream)
{
	char id[NATSLOG_ID_SIZE];
	int error;

	do {
		error = journalstream_follow(stream);
		if (error)
			return error;
		snprintf(id, sizeof(id), "%s-%llu", stream->run, (unsigned long long)++stream->ids);
		error = natslog_append(
			stream->log, JOURNALSTREAM_NAME, id, stream->last, bytes_from_str("T"), &stream->last);
	} while (error == LUYTRE_E_CONFLICT);
	return error || !stream->has_state ? error : put_in_place(stream);
}

uint64_t journalstream_last(const struct journalstream *stream)
{
	return stream->last;
}

/* ---- Leading ---- */

/* Ours by its name: what was tried and given up (a part of a journal written anew) may have arrived after all. */
static int pass_own(struct journalstream *stream)
{
	struct natslog_message message;
	int error = natslog_get(stream->log, JOURNALSTREAM_NAME, stream->last + 1, &message);
	size_t size = strlen(stream->run);
	bool own = false;

	if (error && error != LUYTRE_E_NOT_FOUND)
		return error;
	if (!error) {
		own = strncmp(message.id, stream->run, size) == 0 && message.id[size] == '-';
		natslog_message_done(&message);
	}
	if (!own)
		stream->deposed("the journal was continued by another hub");
	stream->last++;
	return 0;
}

static int append(struct journalstream *stream, uint64_t number, struct bytes content)
{
	char id[NATSLOG_ID_SIZE];
	int error;

	snprintf(id, sizeof(id), "%s-%llu", stream->run, (unsigned long long)number);
	while ((error = natslog_append(stream->log, JOURNALSTREAM_NAME, id, stream->last, content, &stream->last)) ==
		LUYTRE_E_CONFLICT) {
		error = pass_own(stream);
		if (error)
			break;
	}
	if (error)
		stream->quiet_until_ns = clock_mono_ns() + QUIET_NS;
	return error;
}

static struct chunk *chunk_at(struct journalstream *stream, size_t place)
{
	return &stream->chunks[(stream->chunk_first + place) % CHUNKS_MAX];
}

static struct chunk *new_chunk(struct journalstream *stream)
{
	struct chunk *chunk;

	if (stream->chunk_count == CHUNKS_MAX)
		return NULL;
	chunk = chunk_at(stream, stream->chunk_count);
	if (!chunk->text)
		chunk->text = malloc(NATSLOG_CONTENT_MAX);
	if (!chunk->text)
		return NULL;
	chunk->text[0] = 'F';
	chunk->size = 1;
	chunk->id = ++stream->ids;
	chunk->tried = false;
	stream->chunk_count++;
	return chunk;
}

static int add(void *context, struct bytes frame)
{
	struct journalstream *stream = context;
	struct chunk *chunk = stream->chunk_count ? chunk_at(stream, stream->chunk_count - 1) : NULL;

	if (frame.size > PART_SIZE)
		return LUYTRE_E_RANGE;
	if (!chunk || chunk->tried || chunk->size + frame.size > NATSLOG_CONTENT_MAX)
		chunk = new_chunk(stream);
	if (!chunk)
		return LUYTRE_E_FULL;
	memcpy(chunk->text + chunk->size, frame.ptr, frame.size);
	chunk->size += frame.size;
	return 0;
}

static void drop_first(struct journalstream *stream)
{
	struct chunk *chunk = chunk_at(stream, 0);

	if (stream->chunk_count > 1) { /* the last one's room is kept for what comes next */
		free(chunk->text);
		chunk->text = NULL;
		stream->chunk_first = (stream->chunk_first + 1) % CHUNKS_MAX;
	}
	stream->chunk_count--;
}

static int sync_chunks(void *context)
{
	struct journalstream *stream = context;

	if (stream->chunk_count && clock_mono_ns() < stream->quiet_until_ns)
		return LUYTRE_E_BUSY;
	while (stream->chunk_count) {
		struct chunk *chunk = chunk_at(stream, 0);
		int error;

		chunk->tried = true;
		error = append(stream, chunk->id, bytes_of(chunk->text, chunk->size));
		if (error)
			return error;
		drop_first(stream);
	}
	return 0;
}

static int append_file(struct journalstream *stream, int fd, uint8_t *part)
{
	ssize_t size;
	int error = 0;

	part[0] = 's';
	while (!error && (size = read(fd, part + 1, PART_SIZE)) != 0)
		error = size < 0 ? LUYTRE_E_IO : append(stream, ++stream->ids, bytes_of(part, (size_t)size + 1));
	return error;
}

static int whole(void *context, const char *path)
{
	struct journalstream *stream = context;
	uint8_t *part = malloc(NATSLOG_CONTENT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = fd < 0 || !part ? LUYTRE_E_IO : 0;
	uint64_t begin = 0;

	if (!error)
		error = append(stream, ++stream->ids, bytes_from_str("S"));
	begin = stream->last;
	if (!error)
		error = append_file(stream, fd, part);
	if (!error)
		error = append(stream, ++stream->ids, bytes_from_str("E"));
	if (fd >= 0)
		close(fd);
	free(part);
	if (error)
		return error;
	while (stream->chunk_count)
		drop_first(stream);
	(void)!natslog_purge(stream->log, JOURNALSTREAM_NAME, begin); /* else with the next one */
	return 0;
}

static int begin(void *context, const char *path)
{
	struct journalstream *stream = context;
	const struct timespec pause = { .tv_nsec = QUIET_NS };
	int error = stream->has_state ? 0 : whole(stream, path);

	/* Giving up would leave the stream to a hub that has nothing. */
	for (unsigned int i = 0; error == LUYTRE_E_BUSY && i < BEGIN_TRIES_MAX; i++) {
		nanosleep(&pause, NULL);
		error = whole(stream, path);
	}
	return error;
}

const struct journal_copy *journalstream_copy(struct journalstream *stream)
{
	return &stream->copy;
}

/* ---- */

int journalstream_open(const struct journalstream_options *options, struct journalstream **ret)
{
	struct journalstream *stream = calloc(1, sizeof(*stream));
	int error;

	if (!stream)
		return LUYTRE_E_NOMEM;
	stream->log = options->log;
	stream->run = options->run;
	stream->deposed = options->deposed;
	stream->copy = (struct journal_copy){
		.context = stream, .begin = begin, .add = add, .sync = sync_chunks, .whole = whole
	};
	stream->fd = stream->whole_fd = -1;
	snprintf(stream->path, sizeof(stream->path), "%s", options->path);
	snprintf(stream->follow_path, sizeof(stream->follow_path), "%s.follow", stream->path);
	snprintf(stream->mark_path, sizeof(stream->mark_path), "%s" JOURNALFILE_COPIED, stream->path);
	snprintf(stream->whole_path, sizeof(stream->whole_path), "%s.whole", stream->path);
	error = natslog_make(stream->log, JOURNALSTREAM_NAME, options->replicas, 0);
	if (!error)
		error = reopen(&stream->fd, stream->follow_path);
	if (error)
		journalstream_close(stream);
	else
		*ret = stream;
	return error;
}

void journalstream_close(struct journalstream *stream)
{
	if (!stream)
		return;
	give_up_whole(stream);
	if (stream->fd >= 0)
		close(stream->fd);
	for (size_t i = 0; i < CHUNKS_MAX; i++)
		free(stream->chunks[i].text);
	free(stream);
}
