// SPDX-License-Identifier: Apache-2.0
/* Stored files: <folder>/ab/<sha256 in hex, beginning with "ab">, the layout of Suricata's file-store version 2.
 *
 * Bytes go to a temporary file in <folder>/tmp as they come and get their name when the file is complete: the same
 * content is stored once. Trouble with the disk is counted (file_store.fs_errors) and ends the storing of that file. */
#include "sensor/files/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "sensor/app/app.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640, PATH_SIZE = 4096, HEX_SHA256_SIZE = 65 };

static atomic_uint store_ids;

static const char *folder_name(const struct files_state *state)
{
	CONF_FOR(item, conf_get(state->worker->settings->root, "outputs"))
	{
		const struct conf_node *options = conf_item_options(item);

		if (strcmp(conf_item_name(item), "file-store") == 0 && conf_bool(options, "enabled", false))
			return conf_text(options, "dir", "filestore");
	}
	return "filestore";
}

int store_open(struct files_state *state)
{
	const char *name = folder_name(state), *base = state->worker->settings->output_dir;
	char path[PATH_SIZE];
	int size;

	if (name[0] == '/')
		size = snprintf(path, sizeof(path), "%s", name);
	else
		size = snprintf(path, sizeof(path), "%s/%s", base ? base : ".", name);
	if (size < 0 || size >= PATH_SIZE - 128)
		return LUYTRE_E_RANGE;
	state->folder = strdup(path);
	if (!state->folder)
		return LUYTRE_E_NOMEM;
	if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) {
		log_error("outputs.file-store.dir: %s cannot be made: %s", path, strerror(errno));
		return error_from_errno(errno);
	}
	snprintf(path, sizeof(path), "%s/tmp", state->folder);
	if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) {
		log_error("outputs.file-store.dir: %s cannot be made: %s", path, strerror(errno));
		return error_from_errno(errno);
	}
	return 0;
}

void store_close(struct files_state *state)
{
	free(state->folder);
	state->folder = NULL;
}

static void fs_error(struct file *file)
{
	struct files_state *state = file->private->state;

	state->worker->counters[COUNTER_FILE_STORE_FS_ERRORS]++;
	log_limited(state->worker->now_ns, LOG_LEVEL_WARN, "storing a file failed: %s", strerror(errno));
	file->private->failed = true;
	store_forget(file);
}

static void fd_close(struct file *file)
{
	struct files_state *state = file->private->state;

	if (file->private->fd < 0)
		return;
	close(file->private->fd);
	file->private->fd = -1;
	state->open_files--;
	state->worker->counters[COUNTER_FILE_STORE_OPEN_FILES] = state->open_files;
}

static bool fd_open(struct file *file)
{
	struct file_private *private = file->private;
	struct files_state *state = private->state;
	char path[PATH_SIZE];

	if (private->fd >= 0)
		return true;
	if (!private->temporary) {
		file->store_id = atomic_fetch_add(&store_ids, 1) + 1;
		snprintf(path, sizeof(path), "%s/tmp/file.%d.%u", state->folder, (int)getpid(), file->store_id);
		private->temporary = strdup(path);
	}
	if (!private->temporary)
		return false;
	private->fd = open(private->temporary, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (private->fd < 0)
		return false;
	state->open_files++;
	state->worker->counters[COUNTER_FILE_STORE_OPEN_FILES] = state->open_files;
	return true;
}

void store_flush(struct file *file)
{
	struct file_private *private = file->private;
	struct files_state *state = private->state;
	uint64_t end = file->window_offset + file->window.size;

	if (!(file->flags & FILE_STORE) || private->failed || end <= private->written_size)
		return;
	if (private->conn->flow->edge_only) { /* since the last piece */
		private->failed = true;
		store_forget(file);
		return;
	}
	/* Bytes that are missing (a gap) are left out, as Suricata does. */
	private->written_size =
		private->written_size < file->window_offset ? file->window_offset : private->written_size;
	if (!fd_open(file) || file_write_all(private->fd, bytes_skip(file->window, (size_t)(private->written_size -
											    file->window_offset)))) {
		fs_error(file);
		return;
	}
	private->written_size = end;
	if (state->open_files >= state->max_open_files) {
		state->worker->counters[COUNTER_FILE_STORE_OPEN_FILES_MAX_HIT]++;
		fd_close(file);
	}
}

static void hex(const uint8_t *in, size_t size, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		ret[2 * i] = digits[in[i] >> 4];
		ret[2 * i + 1] = digits[in[i] & 15];
	}
	ret[2 * size] = '\0';
}

/* The hash of what was stored: the file's own, or, when bytes are missing in it, that of the temporary file. */
static bool stored_hash(const struct file *file, uint8_t ret[32])
{
	uint8_t block[4096];
	EVP_MD_CTX *context;
	ssize_t size;
	bool done;
	int fd;

	if (file->has_sha256) {
		memcpy(ret, file->sha256, 32);
		return true;
	}
	fd = open(file->private->temporary, O_RDONLY | O_CLOEXEC);
	context = EVP_MD_CTX_new();
	done = fd >= 0 && context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	while (done && (size = read(fd, block, sizeof(block))) != 0)
		done = size > 0 && EVP_DigestUpdate(context, block, (size_t)size) == 1;
	done = done && EVP_DigestFinal_ex(context, ret, NULL) == 1;
	EVP_MD_CTX_free(context);
	if (fd >= 0)
		close(fd);
	return done;
}

void store_finish(struct file *file)
{
	struct file_private *private = file->private;
	char name[HEX_SHA256_SIZE], path[PATH_SIZE];
	uint8_t hash[32];

	store_flush(file);
	if (private->failed || !private->temporary)
		return;
	fd_close(file);
	if (!stored_hash(file, hash)) {
		fs_error(file);
		return;
	}
	hex(hash, sizeof(hash), name);
	snprintf(path, sizeof(path), "%s/%.2s", private->state->folder, name);
	if (mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) {
		fs_error(file);
		return;
	}
	snprintf(path, sizeof(path), "%s/%.2s/%s", private->state->folder, name, name);
	if (rename(private->temporary, path) != 0) {
		fs_error(file);
		return;
	}
	free(private->temporary);
	private->temporary = NULL;
	file->flags |= FILE_STORED;
}

void store_forget(struct file *file)
{
	struct file_private *private = file->private;

	fd_close(file);
	if (!private->temporary)
		return;
	unlink(private->temporary);
	free(private->temporary);
	private->temporary = NULL;
}

void files_write_info(struct files_state *state, const struct file *file, uint64_t time_ns, struct bytes json)
{
	char name[HEX_SHA256_SIZE], path[PATH_SIZE];
	bool done;
	int fd;

	if (!(file->flags & FILE_STORED) || !file->has_sha256)
		return;
	hex(file->sha256, sizeof(file->sha256), name);
	snprintf(path, sizeof(path), "%s/%.2s/%s.%llu.%u.json", state->folder, name, name,
		(unsigned long long)(time_ns / 1000000000), file->store_id);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	done = fd >= 0 && !file_write_all(fd, json);
	if (fd >= 0)
		close(fd);
	if (!done)
		state->worker->counters[COUNTER_FILE_STORE_FS_ERRORS]++;
}
