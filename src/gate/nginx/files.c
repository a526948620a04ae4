// SPDX-License-Identifier: Apache-2.0
/* Which files a policy is made of, and whether they have changed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/siphash.h"
#include "gate/nginx/policy-internal.h"

int files_add(struct files *files, const char *path)
{
	char **paths;

	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->paths[i], path) == 0)
			return 0;
	}
	paths = realloc(files->paths, (files->count + 1) * sizeof(*paths));
	if (!paths)
		return LUYTRE_E_NOMEM;
	files->paths = paths;
	paths[files->count] = strdup(path);
	if (!paths[files->count])
		return LUYTRE_E_NOMEM;
	files->count++;
	return 0;
}

int files_add_folder_of(struct files *files, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int error = folder ? files_add(files, folder) : LUYTRE_E_NOMEM;

	free(folder);
	return error;
}

int files_copy(const struct files *files, struct files *ret)
{
	int error = 0;

	for (size_t i = 0; i < files->count && error == 0; i++)
		error = files_add(ret, files->paths[i]);
	return error;
}

void files_free(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct files){ 0 };
}

/* Sums of these do not depend on the order in which a folder is read. */
static uint64_t stat_hash(const char *name, const struct stat *status)
{
	const uint64_t facts[] = { status->st_ino, (uint64_t)status->st_size, (uint64_t)status->st_mtim.tv_sec,
		(uint64_t)status->st_mtim.tv_nsec };
	struct siphash_key key = { siphash24((struct siphash_key){ 0 }, name, strlen(name)), 0 };

	return siphash24(key, facts, sizeof(facts));
}

static bool is_rule_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strcmp(dot, ".conf") == 0 || strcmp(dot, ".data") == 0);
}

static uint64_t folder_hash(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	uint64_t sum = 0;

	if (!folder)
		return 0;
	while ((entry = readdir(folder))) {
		struct stat status;

		if (is_rule_file(entry->d_name) && fstatat(dirfd(folder), entry->d_name, &status, 0) == 0)
			sum += stat_hash(entry->d_name, &status);
	}
	closedir(folder);
	return sum;
}

uint64_t files_fingerprint(const struct files *files)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < files->count; i++) {
		struct stat status;

		if (stat(files->paths[i], &status) < 0)
			sum += i + 1;
		else if (S_ISDIR(status.st_mode))
			sum += folder_hash(files->paths[i]);
		else
			sum += stat_hash(files->paths[i], &status);
	}
	return sum ? sum : 1;
}
