// SPDX-License-Identifier: Apache-2.0
#include "sensor/worker/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/rules/policy.h"

/* A pattern finds its files itself, and says when there are none. */
static bool is_missing(const char *path)
{
	return !strpbrk(path, "*?[") && access(path, F_OK) && errno == ENOENT;
}

int load_policy(const struct sensor_settings *settings, const char *const *paths, unsigned int path_count,
	bool errors_fatal, struct policy **ret)
{
	unsigned int room = path_count ? path_count : settings->rule_file_count;
	struct policy_source *sources = calloc(room ? room : 1, sizeof(*sources));
	struct policy_options options = { .sources = sources, .errors_fatal = errors_fatal };
	int error;

	if (!sources)
		return LUYTRE_E_NOMEM;
	for (unsigned int i = 0; i < room; i++) {
		const char *path = path_count ? paths[i] : settings->rule_files[i];

		if (!path_count && is_missing(path))
			log_warn("rule-files: there is no file %s", path);
		else
			sources[options.source_count++].path = path;
	}
	error = rules_load(settings, &options, ret);
	free(sources);
	return error;
}

/* Makes 'path' and the folders above it. 0, or -1 with errno. */
static int make_folders(const char *path)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -1;
		*at = '/';
	}
	return mkdir(part, 0700) && errno != EEXIST ? -1 : 0;
}

int load_open_cache(const char *dir)
{
	int error = 0;
	struct stat info;

	if (!dir)
		return 0;
	if (make_folders(dir) || stat(dir, &info) || access(dir, W_OK | X_OK))
		error = errno;
	else if (!S_ISDIR(info.st_mode))
		error = ENOTDIR;
	if (!error)
		return 0;
	log_error("the cache folder %s cannot be used: %s; name a folder that can be written to, or none", dir,
		strerror(error));
	return error_from_errno(error);
}
