// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum { PATH_SIZE = 520 };

static int write_whole(const char *path, struct bytes content)
{
	int fd, error;

	unlink(path); /* of a start that did not come to its end */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_from_errno(errno);
	error = file_write_all(fd, content);
	if (!error && fsync(fd))
		error = error_from_errno(errno);
	close(fd);
	return error;
}

/* What callers are told: there is no room, or it could not be written. */
static int failure_of(int error)
{
	return error == 0 || error == LUYTRE_E_FULL ? error : LUYTRE_E_IO;
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
	return failure_of(error ? error : file_sync_folder(path));
}
