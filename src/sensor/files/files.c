// SPDX-License-Identifier: Apache-2.0
/* Windows, hashes and magic of files. Storing is in store.c. */
#include "sensor/files/internal.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/app/app.h"
#include "sensor/config/tree.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/filestore.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stream/stream.h"
#include "sensor/worker/worker.h"

static const char *const hash_names[HASH_COUNT] = { "md5", "sha1", "sha256" };

/* ---- Configuration ---- */

static void hashes_read(struct files_state *state, const struct conf_node *node)
{
	const struct conf_node *list = conf_get(node, "force-hash");

	state->force_magic = state->force_magic || conf_bool(node, "force-magic", false);
	if (conf_bool(node, "force-md5", false))
		state->force_hash[HASH_MD5] = true;
	for (size_t i = 0; i < conf_values_count(list); i++) {
		const char *text = conf_value_at(list, i);

		for (unsigned int kind = 0; text && kind < HASH_COUNT; kind++)
			if (strcasecmp(text, hash_names[kind]) == 0)
				state->force_hash[kind] = true;
	}
}

static int store_read(struct files_state *state, const struct conf_node *node)
{
	if (!conf_bool(node, "enabled", false) || state->worker->settings->no_traces)
		return 0;
	if (conf_u64(node, "version", 1) != 2) {
		log_error("outputs.file-store: only version 2 exists; set \"version: 2\"");
		return LUYTRE_E_UNSUPPORTED;
	}
	if (state->store_on) {
		log_error("outputs.file-store: it is enabled twice; remove one");
		return LUYTRE_E_CONFLICT;
	}
	state->store_on = true;
	state->force_hash[HASH_SHA256] = true;
	state->store_forced = conf_bool(node, "force-filestore", false);
	state->write_info = conf_bool(node, "write-fileinfo", false);
	state->max_open_files = (uint32_t)conf_u64_between(node, "max-open-files", 0, 0, UINT32_MAX);
	if (state->max_open_files == 0)
		state->max_open_files = 1000;
	state->depth_set = conf_get(node, "stream-depth") != NULL;
	state->depth_size = (uint32_t)conf_size(node, "stream-depth", 0);
	hashes_read(state, node);
	return store_open(state);
}

static int outputs_read(struct files_state *state)
{
	int error = 0;

	CONF_FOR(item, conf_get(state->worker->settings->root, "outputs"))
	{
		const char *name = conf_item_name(item);
		const struct conf_node *options = conf_item_options(item);

		if (strcmp(name, "file-store") == 0)
			error = store_read(state, options);
		else if (strcmp(name, "eve-log") == 0 && conf_bool(options, "enabled", false))
			hashes_read(state, conf_item_options(conf_get(options, "types.files")));
		if (strcmp(name, "eve-log") == 0 && conf_bool(options, "enabled", false))
			hashes_read(state, conf_get(options, "types.files"));
		if (error != 0)
			return error;
	}
	return 0;
}

struct files_state *files_state_new(struct worker *worker)
{
	struct files_state *state = calloc(1, sizeof(*state));

	if (!state)
		return NULL;
	state->worker = worker;
	if (outputs_read(state) != 0) {
		files_state_free(state);
		return NULL;
	}
	return state;
}

void files_state_free(struct files_state *state)
{
	if (!state)
		return;
	store_close(state);
	if (state->magic)
		magic_close(state->magic);
	free(state);
}

bool files_write_info_wanted(const struct files_state *state)
{
	return state->store_on && state->write_info;
}

bool files_depth(const struct app_conn *conn, uint32_t *ret_size)
{
	const struct files_state *state = conn->worker->files;

	if (!state || !state->store_on)
		return false;
	*ret_size = state->depth_set ? state->depth_size : conn->worker->settings->reassembly_depth_size;
	return true;
}

void files_extend_depth(struct app_conn *conn)
{
	uint32_t usual_size = conn->worker->settings->reassembly_depth_size, depth_size;

	if (!conn->flow->tcp || (conn->flags & APP_CONN_STREAM_DEPTH_SET) || !files_depth(conn, &depth_size))
		return;
	/* As Suricata: a smaller value than the usual depth is ignored, unless that is "no limit". */
	if (depth_size == 0 || depth_size > usual_size) {
		stream_set_depth(conn->flow->tcp, depth_size);
		conn->flags |= APP_CONN_STREAM_DEPTH_SET;
	}
}

/* ---- Hashes ---- */

static const EVP_MD *hash_kind(unsigned int kind)
{
	switch (kind) {
	case HASH_MD5:
		return EVP_md5();
	case HASH_SHA1:
		return EVP_sha1();
	default:
		return EVP_sha256();
	}
}

static void hashes_start(struct file *file, const struct detect_needs *needs)
{
	struct file_private *private = file->private;
	bool wanted[HASH_COUNT] = { needs && needs->file_md5, needs && needs->file_sha1, needs && needs->file_sha256 };

	for (unsigned int kind = 0; kind < HASH_COUNT; kind++) {
		if (!wanted[kind] && !private->state->force_hash[kind])
			continue;
		private->hash[kind] = EVP_MD_CTX_new();
		if (!private->hash[kind] || EVP_DigestInit_ex(private->hash[kind], hash_kind(kind), NULL) != 1) {
			EVP_MD_CTX_free(private->hash[kind]);
			private->hash[kind] = NULL;
		}
	}
}

static void hashes_update(struct file *file, struct bytes data)
{
	for (unsigned int kind = 0; kind < HASH_COUNT; kind++)
		if (file->private->hash[kind])
			EVP_DigestUpdate(file->private->hash[kind], data.ptr, data.size);
}

static void hashes_drop(struct file *file)
{
	for (unsigned int kind = 0; kind < HASH_COUNT; kind++) {
		EVP_MD_CTX_free(file->private->hash[kind]);
		file->private->hash[kind] = NULL;
	}
}

static void hashes_finish(struct file *file)
{
	uint8_t *const results[HASH_COUNT] = { file->md5, file->sha1, file->sha256 };
	bool *const flags[HASH_COUNT] = { &file->has_md5, &file->has_sha1, &file->has_sha256 };

	for (unsigned int kind = 0; kind < HASH_COUNT; kind++)
		if (file->private->hash[kind] &&
			EVP_DigestFinal_ex(file->private->hash[kind], results[kind], NULL) == 1)
			*flags[kind] = true;
	hashes_drop(file);
}

/* ---- The window ---- */

/* Gives back what nobody will look at again, so that at most 'max_size' stay. */
static void window_trim(struct file *file, size_t max_size)
{
	struct file_private *private = file->private;
	size_t over_size = file->window.size > max_size ? file->window.size - max_size : 0;

	if (over_size == 0)
		return;
	memmove(private->buffer, private->buffer + over_size, file->window.size - over_size);
	file->window.size -= over_size;
	file->window_offset += over_size;
}

static void window_prune(struct file *file)
{
	struct file_private *private = file->private;
	uint64_t seen = file->inspected[private->dir];
	bool undecided = private->state->store_on && !(file->flags & FILE_NO_STORE) && !(file->flags & FILE_STORE);
	uint64_t end = file->window_offset + file->window.size;

	if (private->want_magic && !file->magic.ptr && !(file->flags & FILE_NO_MAGIC) && end < FILE_MAGIC_SIZE)
		return;
	if (undecided) {
		window_trim(file, FILE_UNDECIDED_MAX);
	} else if (private->keep && file->window.size > FILE_WINDOW_KEEP && seen > FILE_OVERLAP_SIZE &&
		   seen - FILE_OVERLAP_SIZE > file->window_offset) {
		window_trim(file, (size_t)(end - (seen - FILE_OVERLAP_SIZE)));
	}
	if (!undecided)
		window_trim(file, private->keep ? FILE_WINDOW_MAX : 0);
}

static bool window_grow(struct file *file, size_t more_size)
{
	struct file_private *private = file->private;
	size_t wanted_size = file->window.size + more_size, capacity_size = private->capacity_size;
	uint8_t *buffer;

	if (wanted_size <= capacity_size)
		return true;
	capacity_size = capacity_size * 2 > wanted_size ? capacity_size * 2 : wanted_size;
	if (private->state->memory_size + capacity_size - private->capacity_size > FILES_MEMORY_MAX)
		return false;
	buffer = realloc(private->buffer, capacity_size);
	if (!buffer)
		return false;
	private->state->memory_size += capacity_size - private->capacity_size;
	private->buffer = buffer;
	private->capacity_size = capacity_size;
	file->window.ptr = buffer;
	return true;
}

static bool window_add(struct file *file, struct bytes data)
{
	if (data.size == 0)
		return true;
	if (!window_grow(file, data.size))
		return false;
	memcpy(file->private->buffer + file->window.size, data.ptr, data.size);
	file->window = bytes_of(file->private->buffer, file->window.size + data.size);
	return true;
}

/* ---- Magic ---- */

static magic_t magic_of(struct files_state *state)
{
	const char *database = conf_text(state->worker->settings->root, "magic-file", NULL);

	if (state->magic_tried)
		return state->magic;
	state->magic_tried = true;
	state->magic = magic_open(MAGIC_NONE);
	if (!state->magic)
		return NULL;
	if (magic_load(state->magic, database) != 0 && (!database || magic_load(state->magic, NULL) != 0)) {
		log_error("the database of file types cannot be read: %s; install libmagic-mgc",
			magic_error(state->magic));
		magic_close(state->magic);
		state->magic = NULL;
	}
	return state->magic;
}

struct bytes file_magic(struct worker *worker, struct file *file)
{
	magic_t magic;
	const char *text;

	if (file->magic.ptr || (file->flags & FILE_NO_MAGIC) || file->window_offset != 0 || file->window.size == 0)
		return file->magic;
	magic = magic_of(worker->files);
	text = magic ? magic_buffer(magic, file->window.ptr, bytes_first(file->window, FILE_MAGIC_SIZE).size) : NULL;
	if (text) {
		char *copy = strdup(text);

		if (copy)
			file->magic = bytes_from_str(copy);
	}
	if (!file->magic.ptr)
		file->flags |= FILE_NO_MAGIC;
	return file->magic;
}

static void magic_when_due(struct file *file)
{
	struct file_private *private = file->private;

	if (!private->want_magic || file->magic.ptr || (file->flags & FILE_NO_MAGIC))
		return;
	if (file->window.size >= FILE_MAGIC_SIZE || file->state != FILE_OPEN)
		file_magic(private->state->worker, file);
}

/* ---- Life ---- */

static struct file *file_new(struct files_state *state, struct bytes name)
{
	struct file *file = calloc(1, sizeof(*file) + sizeof(struct file_private) + name.size + 1);

	if (!file)
		return NULL;
	file->private = (struct file_private *)(void *)(file + 1);
	file->name = bytes_of(file->private + 1, name.size);
	if (name.size != 0)
		memcpy(file->private + 1, name.ptr, name.size);
	file->private->state = state;
	file->private->fd = -1;
	return file;
}

static struct file_list *list_of(struct app_tx *tx, enum sensor_dir dir)
{
	if (!tx->files[dir])
		tx->files[dir] = calloc(1, sizeof(*tx->files[dir]));
	return tx->files[dir];
}

struct file *file_open(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir, struct bytes name)
{
	struct worker *worker = conn->worker;
	struct files_state *state = worker->files;
	const struct detect_needs *needs = worker->engine ? detect_engine_needs(worker->engine) : NULL;
	struct file_list *list = list_of(tx, dir);
	struct file *file;

	if (!list || list->count >= FILE_LIST_MAX)
		return NULL;
	file = file_new(state, bytes_first(name, FILE_NAME_MAX));
	if (!file)
		return NULL;
	file->id = ++state->last_id;
	file->time_start_ns = worker->now_ns;
	file->private->conn = conn;
	file->private->dir = (uint8_t)dir;
	file->private->want_magic = state->force_magic || (needs && needs->file_magic);
	file->private->keep = needs && needs->file_data;
	hashes_start(file, needs);
	if (list->last)
		list->last->next = file;
	else
		list->first = file;
	list->last = file;
	list->count++;
	if (state->store_forced || filestore_wanted(conn->flow, tx, dir))
		file_want_store(file, 0);
	return file;
}

int file_append(struct app_conn *conn, struct file *file, struct bytes data)
{
	if (file->state != FILE_OPEN)
		return LUYTRE_E_CLOSED;
	if (data.size == 0)
		return 0;
	window_prune(file);
	hashes_update(file, data);
	file->size += data.size;
	if (!window_add(file, data)) {
		file->state = FILE_ERROR;
		return LUYTRE_E_NOMEM;
	}
	magic_when_due(file);
	store_flush(file);
	if (!file->private->keep && !file->private->want_magic)
		window_prune(file);
	return 0;
}

void file_gap(struct app_conn *conn, struct file *file, uint64_t size)
{
	if (file->state != FILE_OPEN)
		return;
	file->flags |= FILE_GAPS;
	file->size += size;
	store_flush(file);
	file->window_offset += file->window.size + size;
	file->window.size = 0;
	hashes_drop(file);
}

void file_close(struct app_conn *conn, struct file *file, struct bytes data, enum file_state state)
{
	if (file->state != FILE_OPEN)
		return;
	if (data.size != 0 && file_append(conn, file, data) != 0)
		state = FILE_ERROR;
	file->state = (uint8_t)state;
	file->time_end_ns = conn->worker->now_ns;
	magic_when_due(file);
	hashes_finish(file);
	if (file->flags & FILE_STORE)
		store_finish(file);
	if (file->private->dir < SENSOR_DIRS)
		for (struct app_tx *tx = conn->first; tx; tx = tx->next)
			if (tx->files[file->private->dir] && tx->files[file->private->dir]->last == file)
				app_tx_touch(conn, tx, file->private->dir);
}

void file_set_range(struct file *file, uint64_t start, uint64_t end, uint64_t total)
{
	file->flags |= FILE_RANGE;
	file->range_start = start;
	file->range_end = end;
	file->range_total = total;
}

static void file_free(struct file *file)
{
	hashes_drop(file);
	store_forget(file);
	file->private->state->memory_size -= file->private->capacity_size;
	free(file->private->buffer);
	free((void *)(uintptr_t)file->magic.ptr);
	free(file);
}

void file_list_free(struct worker *worker, struct file_list *list)
{
	struct file *file = list ? list->first : NULL;

	while (file) {
		struct file *next = file->next;

		file_free(file);
		file = next;
	}
	free(list);
}

bool file_list_stores(const struct file_list *list)
{
	for (const struct file *file = list ? list->first : NULL; file; file = file->next)
		if (file->flags & FILE_STORE)
			return true;
	return false;
}

void file_list_truncate(struct app_conn *conn, struct file_list *list)
{
	for (struct file *file = list->first; file; file = file->next)
		file_close(conn, file, (struct bytes){ 0 }, FILE_TRUNCATED);
}

void file_want_store(struct file *file, uint32_t sid)
{
	struct file_private *private = file->private;

	if (sid != 0 && file->sid_count < ARRAY_COUNT(file->sids)) {
		bool known = false;

		for (uint32_t i = 0; i < file->sid_count; i++)
			known = known || file->sids[i] == sid;
		if (!known)
			file->sids[file->sid_count++] = sid;
	}
	if (!private->state->store_on || (file->flags & (FILE_NO_STORE | FILE_STORE)) || private->conn->flow->edge_only)
		return;
	file->flags |= FILE_STORE;
	files_extend_depth(private->conn);
	store_flush(file);
	if (file->state != FILE_OPEN)
		store_finish(file);
}

const char *file_state_name(const struct file *file)
{
	static const char *const names[] = { "OPEN", "CLOSED", "TRUNCATED", "ERROR" };

	return names[file->state];
}
