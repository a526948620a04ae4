// SPDX-License-Identifier: Apache-2.0
#include "edge/link/handout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "edge/link/files.h"

enum { FOLDER_MODE = 0755, FILE_MODE = 0644, OPEN_UMASK = 022 };

void handout_init(struct handout *handout, const char *what)
{
	*handout = (struct handout){ .what = what };
}

void handout_done(struct handout *handout)
{
	free(handout->text);
	free(handout->path);
	handout_init(handout, handout->what);
}

int handout_take(struct handout *handout, struct bytes text)
{
	uint8_t *copy;

	if (handout->text && handout->size == text.size && !memcmp(handout->text, text.ptr, text.size))
		return 0;
	copy = malloc(text.size ? text.size : 1);
	if (!copy)
		return LUYTRE_E_NOMEM;
	memcpy(copy, text.ptr, text.size);
	free(handout->text);
	handout->text = copy;
	handout->size = text.size;
	handout->put = (struct stat){ 0 };
	return 0;
}

/* Made where it is missing: of /run nothing is left after a start of the machine. */
static int open_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdir(folder, FOLDER_MODE) && errno != EEXIST)
		return -1;
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int write_into(int dir, const char *name, struct bytes text, struct stat *ret)
{
	int error = files_write(dir, name, FILE_MODE, text);

	if (!error && fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW))
		error = error_from_errno(errno);
	return error;
}

/* The service runs with a umask that shuts out the readers, and may not change modes (base/sandbox.h). */
static int put_file(const char *path, struct bytes text, struct stat *ret)
{
	char *folder = strdup(path), *name = folder ? strrchr(folder, '/') : NULL;
	mode_t before;
	int dir, error;

	if (!name) {
		free(folder);
		return folder ? LUYTRE_E_INVALID : LUYTRE_E_NOMEM;
	}
	*name++ = '\0';
	before = umask(OPEN_UMASK);
	dir = open_folder(folder[0] ? folder : "/");
	error = dir < 0 ? error_from_errno(errno) : write_into(dir, name, text, ret);
	umask(before);
	if (dir >= 0)
		close(dir);
	free(folder);
	return error;
}

static bool put(struct handout *handout, const char *path)
{
	char *kept = strdup(path);
	int error = kept ? put_file(path, bytes_of(handout->text, handout->size), &handout->put) : LUYTRE_E_NOMEM;

	free(handout->path);
	handout->path = kept;
	if (error) {
		handout->put = (struct stat){ 0 };
		snprintf(handout->why, sizeof(handout->why), "%.120s: %s", path, error_text(error, LUYTRE_LANG_EN));
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "%s does not reach its readers: %s", handout->what,
			handout->why);
		return false;
	}
	handout->why[0] = '\0';
	log_info("%s stands in %s", handout->what, path);
	return true;
}

static bool is_as_put(const struct handout *handout)
{
	struct stat now;

	return handout->put.st_ino && !lstat(handout->path, &now) && now.st_dev == handout->put.st_dev &&
	       now.st_ino == handout->put.st_ino && now.st_size == handout->put.st_size &&
	       now.st_mtim.tv_sec == handout->put.st_mtim.tv_sec && now.st_mtim.tv_nsec == handout->put.st_mtim.tv_nsec;
}

bool handout_look(struct handout *handout, const char *path)
{
	if (!handout->text)
		return true;
	if (!path) {
		free(handout->path);
		handout->path = NULL;
		handout->why[0] = '\0';
		return true;
	}
	if (handout->path && !strcmp(handout->path, path) && is_as_put(handout))
		return true;
	return put(handout, path);
}
