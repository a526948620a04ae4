// SPDX-License-Identifier: Apache-2.0
#include "hub/core/journalfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum {
	PATH_SIZE = 512,
	COMPACT_MIN_SIZE = 16 << 20,
	BUFFER_SIZE = 256 << 10,
};

/* A file at whose end frames are put, many with one call of the system. */
struct writer {
	int fd;
	size_t filled;
	uint64_t size; /* with what is in the buffer */
	uint8_t buffer[BUFFER_SIZE];
};

struct journalfile {
	char path[PATH_SIZE];
	struct writer *out; /* owned */
	uint64_t whole_size; /* after the last compaction */
	bool unsynced;
	int behind; /* the error because of which the file lacks something: nothing is added until it is written anew */
	const struct journal_copy *copy; /* borrowed; null: none */
};

/* What a batch is answered with: there is no room, or it could not be written. */
static int failure_of(int error)
{
	return error == 0 || error == LUYTRE_E_FULL ? error : LUYTRE_E_IO;
}

static int flush(struct writer *writer)
{
	int error = failure_of(file_write_all(writer->fd, bytes_of(writer->buffer, writer->filled)));

	if (error) { /* half a frame is a torn end at the next start, if it cannot be cut off now */
		writer->size -= writer->filled;
		(void)!ftruncate(writer->fd, (off_t)writer->size);
	}
	writer->filled = 0;
	return error;
}

static int put(struct writer *writer, struct bytes frame)
{
	int error = 0;

	if (writer->filled + frame.size > sizeof(writer->buffer))
		error = flush(writer);
	if (error || frame.size > sizeof(writer->buffer))
		return error ? error : LUYTRE_E_FULL;
	memcpy(writer->buffer + writer->filled, frame.ptr, frame.size);
	writer->filled += frame.size;
	writer->size += frame.size;
	return 0;
}

static void writer_free(struct writer *writer)
{
	if (writer && writer->fd >= 0)
		close(writer->fd);
	free(writer);
}

/* Null with '*ret_error'. */
static struct writer *writer_open(const char *path, int flags, int *ret_error)
{
	struct writer *writer = malloc(sizeof(*writer));

	*ret_error = writer ? 0 : LUYTRE_E_NOMEM;
	if (!writer)
		return NULL;
	writer->filled = 0;
	writer->size = 0;
	writer->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0600);
	if (writer->fd >= 0)
		return writer;
	*ret_error = LUYTRE_E_IO;
	writer_free(writer);
	return NULL;
}

/* What stands in the file goes to the engine; a torn end is cut off. */
static int read_file(struct journalfile *file, struct engine *engine, size_t *ret_cut_size)
{
	int fd = file->out->fd;
	struct stat about;
	size_t valid = 0;
	void *at;
	int error;

	*ret_cut_size = 0;
	if (fstat(fd, &about))
		return LUYTRE_E_IO;
	if (about.st_size == 0)
		return 0;
	at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return LUYTRE_E_IO;
	error = engine_load(engine, bytes_of(at, (size_t)about.st_size), &valid);
	munmap(at, (size_t)about.st_size);
	if (error == LUYTRE_E_TRUNCATED) {
		*ret_cut_size = (size_t)about.st_size - valid;
		error = ftruncate(fd, (off_t)valid) || fsync(fd) ? LUYTRE_E_IO : 0;
	}
	file->out->size = file->whole_size = valid;
	return error;
}

/* What a crash left behind in the middle of a compaction. */
static void remove_new(const char *path)
{
	char name[PATH_SIZE + 8];

	snprintf(name, sizeof(name), "%s.new", path);
	unlink(name);
}

int journalfile_open(const char *path, struct engine *engine, struct journalfile **ret, size_t *ret_cut_size)
{
	struct journalfile *file = calloc(1, sizeof(*file));
	int error;

	if (!file)
		return LUYTRE_E_NOMEM;
	if (!bytes_to_str(bytes_from_str(path), file->path, sizeof(file->path))) {
		free(file);
		return LUYTRE_E_RANGE;
	}
	remove_new(path);
	file->out = writer_open(path, 0, &error);
	if (!error)
		error = read_file(file, engine, ret_cut_size);
	if (!error)
		error = failure_of(file_sync_folder(path));
	if (error) {
		writer_free(file->out);
		free(file);
		return error;
	}
	*ret = file;
	return 0;
}

void journalfile_close(struct journalfile *file)
{
	if (!file)
		return;
	(void)!journalfile_sync(file);
	writer_free(file->out);
	free(file);
}

int journalfile_set_copy(struct journalfile *file, const struct journal_copy *copy)
{
	char mark[PATH_SIZE + sizeof(JOURNALFILE_COPIED)];
	int error, fd;

	snprintf(mark, sizeof(mark), "%s" JOURNALFILE_COPIED, file->path);
	file->copy = copy;
	if (!copy) {
		unlink(mark);
		return 0;
	}
	error = copy->begin(copy->context, file->path);
	if (error)
		return error;
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) /* without it the file is set aside once more than needed */
		close(fd);
	return 0;
}

bool journalfile_has_copy(const struct journalfile *file)
{
	return file->copy != NULL;
}

int journalfile_add(struct journalfile *file, struct bytes frame)
{
	if (!file->behind)
		file->behind = put(file->out, frame);
	if (!file->behind && file->copy)
		file->behind = file->copy->add(file->copy->context, frame);
	if (file->behind)
		return file->behind;
	file->unsynced = true;
	return 0;
}

int journalfile_write(struct journalfile *file)
{
	if (!file->behind && file->out->filled)
		file->behind = flush(file->out);
	return file->behind;
}

static int sync_file(struct journalfile *file)
{
	if (journalfile_write(file) || !file->unsynced)
		return file->behind;
	/* The system may have dropped what it could not write: a second try would say 0. */
	if (fdatasync(file->out->fd)) {
		file->behind = LUYTRE_E_IO;
		return LUYTRE_E_IO;
	}
	file->unsynced = false;
	return 0;
}

int journalfile_sync(struct journalfile *file)
{
	int error = sync_file(file);

	return error || !file->copy ? error : file->copy->sync(file->copy->context);
}

static int write_frame(void *context, struct bytes frame)
{
	return put(context, frame);
}

/* A copy that has taken every frame so far goes on with them, if it cannot take the whole now. */
static int renew_copy(struct journalfile *file)
{
	int error = file->copy ? file->copy->whole(file->copy->context, file->path) : 0;

	if (file->behind)
		file->behind = error;
	return error;
}

int journalfile_compact(struct journalfile *file, const struct engine *engine)
{
	char path[PATH_SIZE + 8];
	struct writer *out;
	int error;

	if (!file->behind && (file->out->size < COMPACT_MIN_SIZE || file->out->size < 2 * file->whole_size))
		return 0;
	snprintf(path, sizeof(path), "%s.new", file->path);
	out = writer_open(path, O_TRUNC, &error);
	if (!error)
		error = engine_save(engine, write_frame, out);
	if (!error)
		error = flush(out);
	if (!error && (fsync(out->fd) || rename(path, file->path)))
		error = LUYTRE_E_IO;
	if (error) {
		writer_free(out);
		unlink(path);
		return error;
	}
	/* The new file is in force whatever this says; the old one would be there after a crash, and says less. */
	(void)!file_sync_folder(file->path);
	writer_free(file->out); /* what its buffer held is in the state */
	file->out = out;
	file->whole_size = out->size;
	file->unsynced = false;
	return renew_copy(file);
}
