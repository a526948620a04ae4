// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "base/error.h"

int file_write_all(int fd, struct bytes content)
{
	while (!bytes_empty(content)) {
		ssize_t wrote = write(fd, content.ptr, content.size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote < 0 ? error_from_errno(errno) : LUYTRE_E_IO;
		content = bytes_skip(content, (size_t)wrote);
	}
	return 0;
}

int file_sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd, error;

	if (!bytes_to_str(bytes_from_str(path), copy, sizeof(copy)))
		return LUYTRE_E_RANGE;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_from_errno(errno);
	error = fsync(fd) ? error_from_errno(errno) : 0;
	close(fd);
	return error;
}
