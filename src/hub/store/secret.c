// SPDX-License-Identifier: Apache-2.0
#include "hub/store/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum { PATH_SIZE = 520, HEX_SIZE = 2 * SECRET_KEY_MAX + 2 };

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

static int make_key(const char *path, int (*make)(uint8_t *key, size_t key_size), uint8_t *ret, size_t size)
{
	char hex[HEX_SIZE];
	int error = make(ret, size);

	if (error)
		return error;
	sodium_bin2hex(hex, sizeof(hex), ret, size);
	error = secret_write(path, bytes_of(hex, 2 * size));
	sodium_memzero(hex, sizeof(hex));
	return error;
}

static int read_key(int fd, uint8_t *ret, size_t size)
{
	char hex[HEX_SIZE];
	struct stat about;
	size_t used = 0;
	/* A line feed of an editor may stand behind it. */
	ssize_t hex_size = fstat(fd, &about) == 0 ? read(fd, hex, 2 * size + 1) : -1;
	int error = 0;

	if (hex_size < 0)
		error = LUYTRE_E_IO;
	else if (about.st_mode & 077)
		error = LUYTRE_E_PERMISSION;
	else if (sodium_hex2bin(ret, size, hex, (size_t)hex_size, "\n", &used, NULL) != 0 || used != size)
		error = LUYTRE_E_CORRUPT;
	sodium_memzero(hex, sizeof(hex));
	return error;
}

int secret_key(const char *path, int (*make)(uint8_t *key, size_t key_size), uint8_t *ret, size_t size)
{
	int fd, error;

	if (size > SECRET_KEY_MAX)
		return LUYTRE_E_RANGE;
	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? make_key(path, make, ret, size) : LUYTRE_E_IO;
	error = read_key(fd, ret, size);
	close(fd);
	return error;
}

int secret_random(uint8_t *key, size_t key_size)
{
	randombytes_buf(key, key_size);
	return 0;
}
