// SPDX-License-Identifier: Apache-2.0
#include "match/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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
