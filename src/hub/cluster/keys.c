// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/error.h"

enum { HASH_SIZE = 32, FILE_SIZE_MAX = 64 << 10, PATH_SIZE = 640 };

static const char *const files[] = { "authority/authority.key", "authority/authority.pem", "policy.key", "auth.key",
	"cursor.key", "audit.key", "assessment.key" };

static int add_file(crypto_generichash_state *state, const char *path)
{
	unsigned char text[4096];
	size_t total = 0;
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : LUYTRE_E_IO;
	while ((size = read(fd, text, sizeof(text))) > 0 && total <= FILE_SIZE_MAX) {
		crypto_generichash_update(state, text, (size_t)size);
		total += (size_t)size;
	}
	close(fd);
	sodium_memzero(text, sizeof(text));
	crypto_generichash_update(state, (const unsigned char *)&total, sizeof(total)); /* where it ends */
	return size < 0 || total > FILE_SIZE_MAX ? LUYTRE_E_IO : 0;
}

int keys_print(const char *state_dir, char ret[KEYS_PRINT_SIZE], char *why, size_t why_size)
{
	unsigned char hash[HASH_SIZE];
	crypto_generichash_state state;
	char path[PATH_SIZE];

	if (sodium_init() < 0)
		return LUYTRE_E_SYSTEM;
	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		int error;

		snprintf(path, sizeof(path), "%s/%s", state_dir, files[i]);
		error = add_file(&state, path);
		if (error) {
			snprintf(why, why_size, "%s: %s", path, error_text(error, LUYTRE_LANG_EN));
			return error;
		}
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(ret, KEYS_PRINT_SIZE, hash, sizeof(hash));
	return 0;
}
