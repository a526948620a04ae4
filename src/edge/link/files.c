// SPDX-License-Identifier: Apache-2.0
#include "edge/link/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#define ENDING ".new"

static int write_file(int dir, const char *name, mode_t mode, struct bytes content, bool sync)
{
	char temporary[256];
	int fd, error;

	snprintf(temporary, sizeof(temporary), "%s" ENDING, name);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return error_from_errno(errno);
	error = file_write_all(fd, content);
	if (!error && sync && fsync(fd))
		error = error_from_errno(errno);
	if (close(fd) && !error)
		error = error_from_errno(errno);
	if (!error && renameat(dir, temporary, dir, name))
		error = error_from_errno(errno);
	if (error)
		unlinkat(dir, temporary, 0);
	else if (sync && fsync(dir))
		error = error_from_errno(errno);
	return error;
}

int files_write(int dir, const char *name, mode_t mode, struct bytes content)
{
	return write_file(dir, name, mode, content, true);
}

int files_write_soon(int dir, const char *name, mode_t mode, struct bytes content)
{
	return write_file(dir, name, mode, content, false);
}

static int read_all(int fd, size_t size_max, uint8_t **ret, size_t *ret_size)
{
	struct stat status;
	uint8_t *content;
	size_t size = 0;
	ssize_t n = 1;

	if (fstat(fd, &status))
		return error_from_errno(errno);
	if (!S_ISREG(status.st_mode) || status.st_size < 0 || (uint64_t)status.st_size > size_max)
		return LUYTRE_E_FULL;
	content = malloc((size_t)status.st_size + 1);
	if (!content)
		return LUYTRE_E_NOMEM;
	while (size < (size_t)status.st_size && n) {
		n = read(fd, content + size, (size_t)status.st_size - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = error_from_errno(errno);

			free(content);
			return error;
		}
		size += (size_t)n;
	}
	content[size] = 0;
	*ret = content;
	*ret_size = size;
	return 0;
}

int files_read(int dir, const char *name, size_t size_max, uint8_t **ret, size_t *ret_size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;

	if (fd < 0)
		return error_from_errno(errno);
	error = read_all(fd, size_max, ret, ret_size);
	close(fd);
	return error;
}

bool files_is_temporary(const char *name)
{
	size_t size = strlen(name);

	return size > strlen(ENDING) && !strcmp(name + size - strlen(ENDING), ENDING);
}
