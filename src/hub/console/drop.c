// SPDX-License-Identifier: Apache-2.0
#include "hub/console/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/console/imports.h"
#include "hub/core/holds.h"
#include "hub/posture/catalogues.h"

enum { LOOK_MS = 500, RETRY_S = 30, OPTIONS_MAX = 4096, RESULT_MAX = 4 << 20, NAME_SIZE = 256, SAME_MAX = 1000 };

#define OPTIONS_END ".options.json"
#define RESULT_END  ".result.json"

/* A file that could not be moved away. */
struct stuck {
	char name[NAME_SIZE];
	uint64_t until_ns; /* 0: none */
};

struct drop {
	struct console *console;
	struct db *db;
	struct tenants_tree *tree;
	int folder, done, refused; /* descriptors of the folders */
	char *path;
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop;
	uint64_t wait_until_ns; /* after a failure of the hub's own */
	struct stuck stuck[DROP_STUCK_MAX]; /* more of them are tried again each time */
	struct stat status; /* of the folder, as it was looked at last */
};

struct options {
	char format[REPORT_FORMAT_SIZE], target[REPORT_TARGET_SIZE], tenant[24], catalogue[CATALOGUES_WORD_SIZE];
	bool given;
};

/* ---- Options ---- */

/* Whose word counts for the nation: drop.h. */
static bool is_trusted(const struct drop *drop, const struct stat *file)
{
	bool by_group = (drop->status.st_mode & S_IWGRP) && file->st_gid == drop->status.st_gid;
	bool others_write = (file->st_mode & S_IWOTH) ||
			    ((file->st_mode & S_IWGRP) && !by_group && file->st_gid != 0 && file->st_gid != getegid());

	return !others_write && (file->st_uid == 0 || file->st_uid == geteuid() || by_group);
}

/* A regular file of somebody who may. What the file itself is to blame for is none of the hub's own errors (is_of_hub). */
static int open_file(const struct drop *drop, const char *name, int *ret)
{
	int fd = openat(drop->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return LUYTRE_E_PERMISSION;
	if (fd < 0 && (errno == ELOOP || errno == ENAMETOOLONG))
		return LUYTRE_E_INVALID;
	if (fd < 0)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : LUYTRE_E_IO;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		close(fd);
		return LUYTRE_E_INVALID;
	}
	if (!is_trusted(drop, &status)) {
		close(fd);
		return LUYTRE_E_PERMISSION;
	}
	*ret = fd;
	return 0;
}

/* What is not understood must not let a report count for more than was meant. */
static bool take_member(const char *key, const json_t *value, struct options *ret)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} members[] = {
		{ "format", ret->format, sizeof(ret->format) },
		{ "target", ret->target, sizeof(ret->target) },
		{ "tenant", ret->tenant, sizeof(ret->tenant) },
		{ "catalogue", ret->catalogue, sizeof(ret->catalogue) },
	};
	size_t i = 0, size = json_string_length(value);

	while (i < ARRAY_COUNT(members) && strcmp(members[i].key, key) != 0)
		i++;
	if (i == ARRAY_COUNT(members) || !json_is_string(value) || size >= members[i].size)
		return false;
	memcpy(members[i].to, json_string_value(value), size + 1);
	return members[i].to != ret->tenant || (size > 0 && strspn(ret->tenant, "0123456789") == size);
}

static int take_members(const char *name, json_t *object, struct options *ret)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return LUYTRE_E_SYNTAX;
	json_object_foreach (object, key, value)
		if (!take_member(key, value, ret)) {
			log_error("drop folder: %s" OPTIONS_END ": \"%.32s\" is not known, or not as it must be", name,
				key);
			return LUYTRE_E_INVALID;
		}
	return 0;
}

/* 0 when there are none; LUYTRE_E_SYNTAX and LUYTRE_E_INVALID when they are not as drop.h says. */
static int read_options(const struct drop *drop, const char *name, struct options *ret)
{
	char path[NAME_SIZE + sizeof(OPTIONS_END)], text[OPTIONS_MAX];
	struct jsonr_errors errors = { 0 };
	json_t *value = NULL;
	ssize_t size;
	int fd = -1, error;

	*ret = (struct options){ .given = false };
	snprintf(path, sizeof(path), "%s" OPTIONS_END, name);
	error = open_file(drop, path, &fd);
	if (error)
		return error == LUYTRE_E_NOT_FOUND ? 0 : error;
	size = read(fd, text, sizeof(text));
	close(fd);
	ret->given = true;
	error = size < 0 ? LUYTRE_E_IO
			 : jsonr_parse(bytes_of(text, (size_t)size), &jsonr_limits_default, &errors, &value);
	if (!error)
		error = take_members(name, value, ret);
	json_decref(value);
	return error;
}

/* ---- Moving ---- */

/* A name that is free in the folder. */
static bool free_name(int folder, const char *name, char ret[NAME_SIZE + 16])
{
	struct stat status;

	snprintf(ret, NAME_SIZE + 16, "%s", name);
	for (int i = 1; i < SAME_MAX; i++) {
		if (fstatat(folder, ret, &status, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
			return true;
		snprintf(ret, NAME_SIZE + 16, "%s.%d", name, i);
	}
	return false;
}

static void write_result(const struct drop *drop, int folder, const char *name, struct jsonw *result)
{
	char part[NAME_SIZE + 64], path[NAME_SIZE + 64];
	struct bytes text;
	int fd, error = jsonw_text(result, &text);

	if (error)
		return;
	snprintf(part, sizeof(part), ".%s" RESULT_END, name);
	snprintf(path, sizeof(path), "%s" RESULT_END, name);
	fd = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	error = fd < 0 ? LUYTRE_E_IO : file_write_all(fd, text);
	if (fd >= 0 && (close(fd) || error || renameat(folder, part, folder, path)))
		error = LUYTRE_E_IO;
	if (error)
		log_error("drop folder: the result of %s cannot be written", name);
}

static bool is_stuck(const struct drop *drop, const char *name)
{
	for (size_t i = 0; i < DROP_STUCK_MAX; i++)
		if (drop->stuck[i].until_ns > clock_mono_ns() && strcmp(drop->stuck[i].name, name) == 0)
			return true;
	return false;
}

/* In the place that has been free for longest. */
static void remember_stuck(struct drop *drop, const char *name)
{
	struct stuck *place = &drop->stuck[0];

	for (size_t i = 1; i < DROP_STUCK_MAX; i++)
		if (drop->stuck[i].until_ns < place->until_ns)
			place = &drop->stuck[i];
	snprintf(place->name, sizeof(place->name), "%s", name);
	place->until_ns = clock_mono_ns() + DROP_STUCK_S * NS_PER_S;
}

static void move_away(struct drop *drop, const char *name, bool good, struct jsonw *result)
{
	int folder = good ? drop->done : drop->refused;
	char to[NAME_SIZE + 16], options[NAME_SIZE + sizeof(OPTIONS_END)];

	if (!free_name(folder, name, to) || renameat(drop->folder, name, folder, to)) {
		log_error("drop folder: %s cannot be moved away: %s", name, strerror(errno));
		remember_stuck(drop, name);
		return;
	}
	snprintf(options, sizeof(options), "%s" OPTIONS_END, name);
	unlinkat(drop->folder, options, 0);
	write_result(drop, folder, to, result);
}

/* ---- One file ---- */

static bool goes_on(void *context, const struct report_row *row)
{
	const struct drop *drop = context;

	return !atomic_load(&drop->stop);
}

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* A tenant with all below it, or everything; '*ret_owned' is freed by the caller. */
static int scope_of(
	struct drop *drop, const struct options *options, struct scope *ret, uint32_t **ret_owned, uint32_t *ret_tenant)
{
	unsigned long long id = strtoull(options->tenant, NULL, 10);
	const uint32_t *below;
	size_t count = 0;
	int error;

	*ret_owned = NULL;
	*ret_tenant = 0;
	*ret = (struct scope){ .all = true };
	if (!options->tenant[0])
		return 0;
	error = tenants_tree_refresh(drop->db, &drop->tree);
	if (error)
		return error;
	below = id <= UINT32_MAX ? tenants_tree_below(drop->tree, (uint32_t)id, &count) : NULL;
	if (count == 0)
		return LUYTRE_E_NOT_FOUND;
	*ret_owned = malloc(count * sizeof(**ret_owned));
	if (!*ret_owned)
		return LUYTRE_E_NOMEM;
	memcpy(*ret_owned, below, count * sizeof(**ret_owned));
	qsort(*ret_owned, count, sizeof(**ret_owned), compare_ids);
	*ret_tenant = (uint32_t)id;
	*ret = (struct scope){ .tenants = *ret_owned, .tenant_count = count };
	return 0;
}

static int import_file(struct drop *drop, const char *name, int fd, const struct options *options,
	const struct audit_origin *origin, struct report_row *ret)
{
	struct report_about about = { 0 };
	struct scope scope;
	uint32_t *owned;
	int64_t id;
	int error = scope_of(drop, options, &scope, &owned, &about.tenant);
	const struct finding_call call = { .db = drop->db, .scope = &scope, .origin = origin };

	snprintf(about.name, sizeof(about.name), "%s", name);
	snprintf(about.format, sizeof(about.format), "%s", options->format);
	snprintf(about.target, sizeof(about.target), "%s", options->target);
	if (!error)
		error = report_announce(drop->db, origin, &about, posture_place(drop->console->posture), &id);
	if (!error)
		error = imports_run(&call, id, fd, goes_on, drop, ret);
	if (ret->id)
		posture_told(drop->console, about.tenant, 0);
	free(owned);
	return error;
}

static void say_fault(struct jsonw *json, int error)
{
	jsonw_kv_string(json, "error", error_text(error, LUYTRE_LANG_EN));
	jsonw_kv_string(json, "error_vi", error_text(error, LUYTRE_LANG_VI));
}

static int take_report(struct drop *drop, const char *name, int fd, const struct options *options,
	const struct audit_origin *origin, struct jsonw *json)
{
	struct report_row row = { 0 };
	int64_t last;
	int error = import_file(drop, name, fd, options, origin, &row), listed;

	jsonw_object_begin(json);
	if (error)
		say_fault(json, error);
	if (row.id) {
		jsonw_key(json, "import");
		imports_write(json, &row);
		jsonw_key(json, "refusals");
		listed = imports_write_refusals(json, drop->db, row.id, 0, DROP_REFUSALS_MAX, &last);
		error = error ? error : listed;
	}
	jsonw_object_end(json);
	return row.state == REPORT_CUT ? LUYTRE_E_CLOSED : error;
}

static int take_catalogue(
	struct drop *drop, int fd, const struct options *options, const struct audit_origin *origin, struct jsonw *json)
{
	struct catalogue_result result = { 0 };
	int kind = 0, error = LUYTRE_E_NOT_FOUND;

	while (kind < CATALOGUE_KIND_COUNT && strcmp(options->catalogue, catalogue_words[kind]) != 0)
		kind++;
	if (kind < CATALOGUE_KIND_COUNT)
		error = catalogues_take(drop->db, origin, (enum catalogue_kind)kind, fd,
			posture_keys_path(drop->console->posture), &result);
	jsonw_object_begin(json);
	if (error)
		say_fault(json, error);
	jsonw_kv_string(json, "catalogue", options->catalogue);
	jsonw_kv_u64(json, "entries", result.rows);
	jsonw_kv_u64(json, "refused", result.refused);
	jsonw_kv_string(json, "version", result.version);
	jsonw_object_end(json);
	if (!error)
		core_catalogues_changed(drop->console->core);
	return error;
}

/* What is not the file's fault: it stays, and is tried again. */
static bool is_of_hub(int error)
{
	static const int errors[] = { LUYTRE_E_BUSY, LUYTRE_E_NOMEM, LUYTRE_E_IO, LUYTRE_E_SYSTEM, LUYTRE_E_CLOSED };

	for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
		if (error == errors[i])
			return true;
	return false;
}

static void take_file(struct drop *drop, const char *name, const struct options *options, int fault)
{
	const struct audit_origin origin = { .actor = "system", .now_us = (int64_t)(clock_real_ns() / NS_PER_US) };
	int fd = -1, unusable = fault ? fault : open_file(drop, name, &fd), error = unusable;
	struct jsonw json;

	if (error == LUYTRE_E_NOT_FOUND) /* somebody took it back */
		return;
	jsonw_init(&json, RESULT_MAX);
	if (!error)
		error = options->catalogue[0] ? take_catalogue(drop, fd, options, &origin, &json)
					      : take_report(drop, name, fd, options, &origin, &json);
	if (db_in_transaction(drop->db))
		db_rollback(drop->db);
	if (fd >= 0)
		close(fd);
	if (unusable) {
		log_error("drop folder: %s cannot be used: %s", name, error_text(unusable, LUYTRE_LANG_EN));
		jsonw_object_begin(&json);
		say_fault(&json, unusable);
		jsonw_object_end(&json);
	}
	if (is_of_hub(error)) {
		if (error != LUYTRE_E_CLOSED)
			log_error("drop folder: %s is tried again later: %s", name, error_text(error, LUYTRE_LANG_EN));
		drop->wait_until_ns = clock_mono_ns() + RETRY_S * NS_PER_S;
	} else {
		move_away(drop, name, error == 0, &json);
	}
	jsonw_done(&json);
}

/* ---- Looking ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);

	return size > end_size && strcmp(name + size - end_size, end) == 0;
}

/* With options it was finished before they counted; else it is left alone while somebody may still write. */
static bool is_ready(const struct drop *drop, const char *name, const struct options *options)
{
	struct stat status;

	return fstatat(drop->folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
	       (options->given || time(NULL) - status.st_mtime >= DROP_QUIET_S);
}

static void look(struct drop *drop)
{
	int fd = openat(drop->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder || fstat(fd, &drop->status) || (drop->status.st_mode & S_IWOTH)) {
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR,
			"drop folder: %s cannot be read, or everybody may write into it; nothing is taken", drop->path);
		if (folder)
			closedir(folder);
		else if (fd >= 0)
			close(fd);
		return;
	}
	while (!atomic_load(&drop->stop) && clock_mono_ns() >= drop->wait_until_ns && (entry = readdir(folder))) {
		struct options options;
		int error;

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= NAME_SIZE ||
			ends_with(entry->d_name, OPTIONS_END) || is_stuck(drop, entry->d_name))
			continue;
		error = read_options(drop, entry->d_name, &options);
		if (is_ready(drop, entry->d_name, &options))
			take_file(drop, entry->d_name, &options, error);
	}
	closedir(folder);
}

static void *run_thread(void *context)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct drop *drop = context;

	while (!atomic_load(&drop->stop)) {
		look(drop);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* ---- Open and close ---- */

static int open_folder(int at, const char *path)
{
	if (mkdirat(at, path, 0700) && errno != EEXIST)
		return -1;
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int drop_open(struct console *console, const char *folder, struct drop **ret)
{
	struct drop *drop = calloc(1, sizeof(*drop));
	char why[DB_WHY_SIZE];
	int error = 0;

	if (!drop)
		return LUYTRE_E_NOMEM;
	*drop = (struct drop){ .console = console, .folder = -1, .done = -1, .refused = -1, .path = strdup(folder) };
	drop->folder = open_folder(AT_FDCWD, folder);
	if (drop->folder >= 0) {
		drop->done = open_folder(drop->folder, "done");
		drop->refused = open_folder(drop->folder, "refused");
	}
	if (!drop->path || drop->done < 0 || drop->refused < 0)
		error = LUYTRE_E_IO;
	if (!error)
		error = db_open(console->control, &drop->db, why);
	if (!error && pthread_create(&drop->thread, NULL, run_thread, drop))
		error = LUYTRE_E_SYSTEM;
	drop->thread_runs = !error;
	if (error)
		drop_close(drop);
	else
		*ret = drop;
	return error;
}

void drop_close(struct drop *drop)
{
	if (!drop)
		return;
	atomic_store(&drop->stop, true);
	if (drop->thread_runs)
		pthread_join(drop->thread, NULL);
	if (drop->folder >= 0)
		close(drop->folder);
	if (drop->done >= 0)
		close(drop->done);
	if (drop->refused >= 0)
		close(drop->refused);
	tenants_tree_unref(drop->tree);
	db_close(drop->db);
	free(drop->path);
	free(drop);
}

const char *drop_folder(const struct drop *drop)
{
	return drop->path;
}
