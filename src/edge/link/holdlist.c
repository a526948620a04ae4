// SPDX-License-Identifier: Apache-2.0
#include "edge/link/holdlist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "edge/link/files.h"
#include "base/holdfile.h"

enum { EMPTY_MAX = 256, FOLDER_MODE = 0755, FILE_MODE = 0644, OPEN_UMASK = 022 };

void holdlist_init(struct holdlist *holds)
{
	*holds = (struct holdlist){ 0 };
}

void holdlist_done(struct holdlist *holds)
{
	free(holds->text);
	free(holds->path);
	holdlist_init(holds);
}

/* ---- The file ---- */

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

/* The service runs with a umask that shuts out the web server, and may not change modes (base/sandbox.h). */
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

static void fail(struct holdlist *holds, const char *path, int error)
{
	holds->put = (struct stat){ 0 };
	snprintf(holds->said.why, sizeof(holds->said.why), "%.120s: %s", path, error_text(error, LUYTRE_LANG_EN));
	log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "the web server does not get %llu holds: %s",
		(unsigned long long)holds->said.wanted, holds->said.why);
}

static bool put(struct holdlist *holds, const char *path)
{
	char *kept = strdup(path);
	int error = kept ? put_file(path, bytes_of(holds->text, holds->size), &holds->put) : LUYTRE_E_NOMEM;

	free(holds->path);
	holds->path = kept;
	if (error) {
		fail(holds, path, error);
		return false;
	}
	holds->said.why[0] = '\0';
	log_info("%llu holds stand in %s", (unsigned long long)holds->said.wanted, path);
	return true;
}

static bool is_as_put(const struct holdlist *holds)
{
	struct stat now;

	return holds->put.st_ino && !lstat(holds->path, &now) && now.st_dev == holds->put.st_dev &&
	       now.st_ino == holds->put.st_ino && now.st_size == holds->put.st_size &&
	       now.st_mtim.tv_sec == holds->put.st_mtim.tv_sec && now.st_mtim.tv_nsec == holds->put.st_mtim.tv_nsec;
}

bool holdlist_look(struct holdlist *holds, const char *path)
{
	if (!holds->text)
		return !holds->said.why[0];
	if (!path) {
		free(holds->path);
		holds->path = NULL;
		holds->said.why[0] = '\0';
		return true;
	}
	if (holds->path && !strcmp(holds->path, path) && is_as_put(holds))
		return !holds->said.why[0];
	return put(holds, path);
}

/* ---- Taking ---- */

/* What a bundle without a list says. */
static int write_empty(int64_t stamp, uint8_t **ret, size_t *ret_size)
{
	struct holdfile none = { .stamp = stamp };
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, EMPTY_MAX);
	holdfile_write(&json, &none);
	error = jsonw_text(&json, &text);
	if (!error) {
		*ret = malloc(text.size);
		*ret_size = text.size;
		error = *ret ? 0 : LUYTRE_E_NOMEM;
	}
	if (!error)
		memcpy(*ret, text.ptr, text.size);
	jsonw_done(&json);
	return error;
}

static int copy_checked(struct bytes list, uint8_t **ret, size_t *ret_size, struct link_holds *ret_said)
{
	struct holdfile file;
	int error = holdfile_read(list, &file);

	if (error)
		return error;
	*ret_said = (struct link_holds){ .wanted = file.row_count, .stamp = file.stamp };
	holdfile_done(&file);
	*ret = malloc(list.size);
	*ret_size = list.size;
	if (!*ret)
		return LUYTRE_E_NOMEM;
	memcpy(*ret, list.ptr, list.size);
	return 0;
}

int holdlist_take(struct holdlist *holds, const struct bundle *bundle, const char *path)
{
	struct link_holds said = { .stamp = bundle->made_us };
	uint8_t *text = NULL;
	struct bytes list;
	size_t size = 0;
	bool listed = bundle_find(bundle, HOLDFILE_NAME, &list);
	int error = listed ? copy_checked(list, &text, &size, &said) : write_empty(said.stamp, &text, &size);

	if (error) {
		snprintf(holds->said.why, sizeof(holds->said.why), "the hub's list: %s",
			error_text(error, LUYTRE_LANG_EN));
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR,
			"holds that the hub gave cannot be used; the old ones "
			"stand: %s",
			holds->said.why);
		return error;
	}
	/* Web servers would read it for nothing. */
	if (holds->text &&
		((holds->size == size && !memcmp(holds->text, text, size)) || (!listed && !holds->said.wanted))) {
		free(text);
		holds->said.why[0] = '\0';
	} else {
		free(holds->text);
		holds->text = text;
		holds->size = size;
		holds->said = said;
		holds->put = (struct stat){ 0 };
	}
	(void)!holdlist_look(holds, path);
	return 0;
}
