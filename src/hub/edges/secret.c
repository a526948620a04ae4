// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"

enum { PATH_SIZE = 520 };

static int write_whole(const char *path, struct bytes content)
{
	int fd, error = 0;

	unlink(path); /* of a start that did not come to its end */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOSPC ? LUYTRE_E_FULL : LUYTRE_E_IO;
	while (content.size && !error) {
		ssize_t wrote = write(fd, content.ptr, content.size);

		if (wrote > 0)
			content = bytes_skip(content, (size_t)wrote);
		else if (wrote == 0 || errno != EINTR)
			error = wrote && errno == ENOSPC ? LUYTRE_E_FULL : LUYTRE_E_IO;
	}
	if (!error && fsync(fd))
		error = LUYTRE_E_IO;
	close(fd);
	return error;
}

int secret_sync_folder(const char *path)
{
	char dir[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int fd, error;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return LUYTRE_E_IO;
	error = fsync(fd) ? LUYTRE_E_IO : 0;
	close(fd);
	return error;
}

int secret_write(const char *path, struct bytes content)
{
	char part[PATH_SIZE];
	int error;

	if (snprintf(part, sizeof(part), "%s.new", path) >= (int)sizeof(part))
		return LUYTRE_E_RANGE;
	error = write_whole(part, content);
	/* A link and not a rename: what is there already is never replaced. */
	if (!error && link(part, path))
		error = LUYTRE_E_IO;
	unlink(part);
	return error ? error : secret_sync_folder(path);
}
