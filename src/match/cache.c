// SPDX-License-Identifier: Apache-2.0
#include "match/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1 << 30)

static bool trusted(int fd, struct stat *ret)
{
	return fstat(fd, ret) == 0 && (ret->st_uid == geteuid() || ret->st_uid == 0) &&
	       (ret->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_dir(const char *dir)
{
	struct stat status;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !trusted(fd, &status)) {
		close(fd);
		return -1;
	}
	return fd;
}

struct bytes cache_read(const char *dir, const char *name)
{
	struct bytes empty = { 0 };
	int dir_fd = open_dir(dir);
	int fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;
	uint8_t *data = NULL;
	size_t done = 0;

	if (dir_fd >= 0)
		close(dir_fd);
	if (fd < 0)
		return empty;
	if (trusted(fd, &status) && status.st_size > 0 && status.st_size < FILE_SIZE_MAX)
		data = malloc((size_t)status.st_size);
	while (data && done < (size_t)status.st_size) {
		ssize_t got = read(fd, data + done, (size_t)status.st_size - done);

		if (got <= 0)
			break;
		done += (size_t)got;
	}
	close(fd);
	if (!data || done != (size_t)status.st_size) {
		free(data);
		return empty;
	}
	return bytes_of(data, done);
}

void cache_free(struct bytes data)
{
	free((void *)(uintptr_t)data.ptr);
}

void cache_write(const char *dir, const char *name, const uint8_t *data, size_t size)
{
	char temporary[256];
	size_t done = 0;
	int dir_fd, fd;

	if (snprintf(temporary, sizeof(temporary), "%s.%d", name, (int)getpid()) >= (int)sizeof(temporary))
		return;
	(void)mkdir(dir, 0700);
	dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return;
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd >= 0 && done < size) {
		ssize_t put = write(fd, data + done, size - done);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	if (fd >= 0 && (close(fd) != 0 || done != size || renameat(dir_fd, temporary, dir_fd, name) != 0))
		(void)unlinkat(dir_fd, temporary, 0);
	close(dir_fd);
}

/* ---- locks ---- */

static bool lock_name(const char *name, char ret[256])
{
	return snprintf(ret, 256, "%s.lock", name) < 256;
}

/* The one who had the lock takes its file away: then what is locked here is nobody's any more. */
static bool still_named(int dir_fd, const char *name, int fd)
{
	struct stat named, locked;

	return fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &locked) == 0 &&
	       named.st_ino == locked.st_ino && named.st_dev == locked.st_dev;
}

enum cache_lock cache_try_lock(const char *dir, const char *name, int *ret_fd)
{
	enum cache_lock result = CACHE_NO_LOCK;
	char file[256];
	int dir_fd, fd;

	if (!lock_name(name, file))
		return CACHE_NO_LOCK;
	(void)mkdir(dir, 0700);
	dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return CACHE_NO_LOCK;
	fd = openat(dir_fd, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		result = still_named(dir_fd, file, fd) ? CACHE_LOCKED : CACHE_BUSY;
	else if (fd >= 0 && errno == EWOULDBLOCK)
		result = CACHE_BUSY;
	close(dir_fd);
	if (result == CACHE_LOCKED)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return result;
}

void cache_unlock(const char *dir, const char *name, int fd)
{
	char file[256];
	int dir_fd = open_dir(dir);

	if (dir_fd >= 0 && lock_name(name, file))
		(void)unlinkat(dir_fd, file, 0);
	if (dir_fd >= 0)
		close(dir_fd);
	close(fd);
}
