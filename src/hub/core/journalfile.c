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

struct journalfile {
	char path[PATH_SIZE];
	int fd;
	uint64_t size, whole_size; /* whole: after the last compaction */
	bool unsynced;
	int behind; /* the error because of which the file lacks something: nothing is added until it is written anew */
};

/* What a batch is answered with: there is no room, or it could not be written. */
static int failure_of(int error)
{
	return error == 0 || error == LUYTRE_E_FULL ? error : LUYTRE_E_IO;
}

/* What stands in the file goes to the engine; a torn end is cut off. */
static int read_file(struct journalfile *file, struct engine *engine, size_t *ret_cut_size)
{
	struct stat about;
	size_t valid = 0;
	void *at;
	int error;

	*ret_cut_size = 0;
	if (fstat(file->fd, &about))
		return LUYTRE_E_IO;
	if (about.st_size == 0)
		return 0;
	at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (at == MAP_FAILED)
		return LUYTRE_E_IO;
	error = engine_load(engine, bytes_of(at, (size_t)about.st_size), &valid);
	munmap(at, (size_t)about.st_size);
	if (error == LUYTRE_E_TRUNCATED) {
		*ret_cut_size = (size_t)about.st_size - valid;
		error = ftruncate(file->fd, (off_t)valid) || fsync(file->fd) ? LUYTRE_E_IO : 0;
	}
	file->size = file->whole_size = valid;
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
	file->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	error = file->fd < 0 ? LUYTRE_E_IO : read_file(file, engine, ret_cut_size);
	if (!error)
		error = failure_of(file_sync_folder(path));
	if (error) {
		if (file->fd >= 0)
			close(file->fd);
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
	if (file->unsynced)
		fsync(file->fd);
	close(file->fd);
	free(file);
}

int journalfile_add(struct journalfile *file, struct bytes frame)
{
	if (file->behind)
		return file->behind;
	file->behind = failure_of(file_write_all(file->fd, frame));
	if (file->behind) { /* half a frame is a torn end at the next start, if it cannot be cut off now */
		(void)!ftruncate(file->fd, (off_t)file->size);
		return file->behind;
	}
	file->size += frame.size;
	file->unsynced = true;
	return 0;
}

int journalfile_sync(struct journalfile *file)
{
	if (file->behind || !file->unsynced)
		return file->behind;
	if (fdatasync(file->fd)) { /* the system may have dropped what it could not write: a second try would say 0 */
		file->behind = LUYTRE_E_IO;
		return LUYTRE_E_IO;
	}
	file->unsynced = false;
	return 0;
}

struct writer {
	int fd;
	size_t filled;
	uint64_t size;
	uint8_t buffer[BUFFER_SIZE];
};

static int flush_writer(struct writer *writer)
{
	int error = failure_of(file_write_all(writer->fd, bytes_of(writer->buffer, writer->filled)));

	writer->filled = 0;
	return error;
}

static int write_frame(void *context, struct bytes frame)
{
	struct writer *writer = context;
	int error = 0;

	if (writer->filled + frame.size > sizeof(writer->buffer))
		error = flush_writer(writer);
	if (error || frame.size > sizeof(writer->buffer))
		return error ? error : LUYTRE_E_FULL;
	memcpy(writer->buffer + writer->filled, frame.ptr, frame.size);
	writer->filled += frame.size;
	writer->size += frame.size;
	return 0;
}

static int write_anew(struct journalfile *file, const struct engine *engine, struct writer *writer)
{
	char path[PATH_SIZE + 8];
	int error;

	snprintf(path, sizeof(path), "%s.new", file->path);
	writer->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return LUYTRE_E_IO;
	error = engine_save(engine, write_frame, writer);
	if (!error)
		error = flush_writer(writer);
	if (!error && (fsync(writer->fd) || rename(path, file->path)))
		error = LUYTRE_E_IO;
	if (error) {
		close(writer->fd);
		unlink(path);
		return error;
	}
	/* The new file is in force whatever this says; the old one would be there after a crash, and says less. */
	(void)!file_sync_folder(file->path);
	close(file->fd);
	file->fd = writer->fd;
	file->size = file->whole_size = writer->size;
	file->unsynced = false;
	file->behind = 0;
	return 0;
}

int journalfile_compact(struct journalfile *file, const struct engine *engine)
{
	struct writer *writer;
	int error;

	if (!file->behind && (file->size < COMPACT_MIN_SIZE || file->size < 2 * file->whole_size))
		return 0;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return LUYTRE_E_NOMEM;
	error = write_anew(file, engine, writer);
	free(writer);
	return error;
}

uint64_t journalfile_size(const struct journalfile *file)
{
	return file->size;
}
