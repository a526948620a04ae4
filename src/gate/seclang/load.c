// SPDX-License-Identifier: Apache-2.0
/* Files and folders of rules into memory, Include, and the loop over directives. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/seclang/internal.h"

#define PATH_SIZE 4096

static int read_source(struct sec_rules *rules, struct sec_source *source)
{
	size_t errors = rules->error_count;
	struct sec_line line;

	source->line = 1;
	if (rules->finished)
		return LUYTRE_E_INVALID;
	while (!rules->no_memory && sec_lex(rules, source, &line)) {
		rules->column_shift = 0;
		sec_directive_read(rules, &line);
	}
	if (rules->no_memory)
		return LUYTRE_E_NOMEM;
	return rules->error_count > errors ? LUYTRE_E_SYNTAX : 0;
}

int sec_rules_load_text(struct sec_rules *rules, struct bytes text, const char *name)
{
	struct sec_source source = { .name = arena_strdup(&rules->arena, name) };

	if (text.size > SEC_FILE_SIZE_MAX)
		return LUYTRE_E_RANGE;
	source.text = sec_dup(rules, text);
	if (!source.name || rules->no_memory)
		return LUYTRE_E_NOMEM;
	return read_source(rules, &source);
}

/* The whole of an open file. One that grows while it is read is cut where it ended at first. */
static int read_all(struct sec_rules *rules, int fd, struct bytes *ret)
{
	struct stat status;
	uint8_t *text;
	size_t size = 0;

	if (fstat(fd, &status) < 0)
		return error_from_errno(errno);
	if (!S_ISREG(status.st_mode))
		return LUYTRE_E_INVALID;
	if ((uint64_t)status.st_size > SEC_FILE_SIZE_MAX)
		return LUYTRE_E_RANGE;
	text = sec_alloc(rules, (size_t)status.st_size + 1);
	if (!text)
		return LUYTRE_E_NOMEM;
	while (size < (size_t)status.st_size) {
		ssize_t count = read(fd, text + size, (size_t)status.st_size - size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_from_errno(errno);
		if (count == 0)
			break;
		size += (size_t)count;
	}
	*ret = bytes_of(text, size);
	return 0;
}

static int load_file(struct sec_rules *rules, const char *path, unsigned int depth)
{
	struct sec_source source = { .name = arena_strdup(&rules->arena, path), .depth = depth };
	int fd, error;

	if (!source.name)
		return LUYTRE_E_NOMEM;
	if (++rules->file_count > SEC_FILES_MAX)
		return LUYTRE_E_FULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_from_errno(errno);
	error = read_all(rules, fd, &source.text);
	close(fd);
	return error < 0 ? error : read_source(rules, &source);
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* All that 'pattern' names, in name order; LUYTRE_E_NOT_FOUND when it is nothing. '*ret_path' is the file of an error
 * of the file system, valid until the next call. */
static int load_pattern(struct sec_rules *rules, const char *pattern, unsigned int depth, char failed[PATH_SIZE])
{
	glob_t found = { 0 };
	int error = 0, status = glob(pattern, 0, NULL, &found);

	if (status != 0) {
		globfree(&found);
		return status == GLOB_NOSPACE ? LUYTRE_E_NOMEM : LUYTRE_E_NOT_FOUND;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int one = load_file(rules, found.gl_pathv[i], depth);

		if (one < 0 && one != LUYTRE_E_SYNTAX && (error == 0 || error == LUYTRE_E_SYNTAX))
			snprintf(failed, PATH_SIZE, "%s", found.gl_pathv[i]);
		if (one < 0 && (error == 0 || error == LUYTRE_E_SYNTAX))
			error = one;
	}
	globfree(&found);
	return error;
}

static void report_file(struct sec_rules *rules, const char *path, int error)
{
	struct sec_rule place = { .file = arena_strdup(&rules->arena, path) };

	if (place.file)
		sec_error_rule(rules, &place, "Not able to open file. %s", error_text(error, LUYTRE_LANG_EN));
}

int sec_rules_load_file(struct sec_rules *rules, const char *path)
{
	char pattern[PATH_SIZE], failed[PATH_SIZE] = "";
	int error;

	if (!is_folder(path)) {
		error = load_file(rules, path, 0);
		snprintf(failed, sizeof(failed), "%s", path);
	} else if (snprintf(pattern, sizeof(pattern), "%s/*.conf", path) >= (int)sizeof(pattern)) {
		return LUYTRE_E_RANGE;
	} else {
		error = load_pattern(rules, pattern, 0, failed);
	}
	if (error < 0 && error != LUYTRE_E_SYNTAX && error != LUYTRE_E_NOMEM)
		report_file(rules, failed[0] ? failed : path, error);
	return error;
}

/* 'name' as it stands beside the source: with the source's folder before it. */
static bool beside(const struct sec_source *source, struct bytes name, char *ret, size_t size)
{
	const char *slash = strrchr(source->name, '/');
	size_t folder = slash ? (size_t)(slash - source->name) + 1 : 0;

	if (name.size && name.ptr[0] == '/')
		folder = 0;
	if (folder + name.size >= size || name.size == 0 || bytes_index(name, 0) != name.size)
		return false;
	memcpy(ret, source->name, folder);
	memcpy(ret + folder, name.ptr, name.size);
	ret[folder + name.size] = '\0';
	return true;
}

bool sec_find_file(const struct sec_source *source, struct bytes name, char *ret, size_t size)
{
	if (beside(source, name, ret, size) && access(ret, R_OK) == 0)
		return true;
	return bytes_to_str(name, ret, size) && name.size && access(ret, R_OK) == 0;
}

/* Beside the including file, then where the program runs, as ModSecurity looks for them. */
static int include(struct sec_rules *rules, const struct sec_source *source, struct bytes name, char failed[PATH_SIZE])
{
	char path[PATH_SIZE];
	int error = LUYTRE_E_NOT_FOUND;

	if (beside(source, name, path, sizeof(path)))
		error = load_pattern(rules, path, source->depth + 1, failed);
	if (error == LUYTRE_E_NOT_FOUND && failed[0] == '\0' && bytes_to_str(name, path, sizeof(path)))
		error = load_pattern(rules, path, source->depth + 1, failed);
	return error;
}

void sec_read_include(struct sec_rules *rules, const struct sec_line *line)
{
	struct bytes name = line->args[line->arg_count - 1].text;
	char failed[PATH_SIZE] = "";
	int error, shown = (int)(name.size < 400 ? name.size : 400);

	if (line->arg_count != 2) {
		sec_error_rest(rules, line, line->start, SEC_INVALID_INPUT,
			"Include takes one path, which may have wildcards");
		return;
	}
	if (rules->no_files || line->source->depth >= SEC_INCLUDE_DEPTH_MAX) {
		sec_error(rules, line, line->end, "%.*s: Not able to open file. %s", shown, (const char *)name.ptr,
			rules->no_files ? "Include is forbidden here" : "There are too many files inside files");
		return;
	}
	error = include(rules, line->source, name, failed);
	if (error < 0 && error != LUYTRE_E_SYNTAX)
		sec_error(rules, line, line->end, "%.*s: Not able to open file. %.200s %s", shown,
			(const char *)name.ptr, failed, error_text(error, LUYTRE_LANG_EN));
}
