// SPDX-License-Identifier: Apache-2.0
/* Content of files out of reads and writes. Clients ask for several pieces at once and answers come in any order: what
 * comes too early waits in a queue with a ceiling, and what was there already is an overlap. */
#include "sensor/app/smb/smb.h"

#include "sensor/files/file.h"

struct chunk {
	struct chunk *next; /* by offset */
	uint64_t offset;
	size_t size, room;
	uint8_t data[];
};

struct smb_file {
	struct smb_tx *tx; /* null: it is gone */
	struct smb_open *open;
	struct file *file; /* null: not followed */
	uint8_t dir; /* enum sensor_dir */
	uint64_t next_offset; /* bytes before that are in the file */
	struct chunk *queue;
	uint64_t queue_size, queue_count;
	/* The piece in hand. */
	uint64_t piece_left;
	uint64_t piece_skip; /* of it, at its start: was there already */
	struct chunk *piece_chunk; /* it waits; null: it goes into the file or nowhere */
	bool piece_drop;
	/* Neither its name nor its tree is known: it may be a pipe, whose offsets mean nothing. */
	bool doubtful;
};

static const struct {
	uint8_t size, queue_size, queue_count;
} events[SENSOR_DIRS] = {
	[TO_SERVER] = { SMB_EVENT_WRITE_REQUEST_TOO_LARGE, SMB_EVENT_WRITE_QUEUE_SIZE_EXCEEDED,
		SMB_EVENT_WRITE_QUEUE_CNT_EXCEEDED },
	[TO_CLIENT] = { SMB_EVENT_READ_RESPONSE_TOO_LARGE, SMB_EVENT_READ_QUEUE_SIZE_EXCEEDED,
		SMB_EVENT_READ_QUEUE_CNT_EXCEEDED },
};

/* ---- The queue ---- */

static void chunk_free(struct app_conn *conn, struct smb_file *file, struct chunk *chunk)
{
	file->queue_size -= chunk->room;
	file->queue_count--;
	app_free(conn, chunk, sizeof(*chunk) + chunk->room);
}

static void queue_clear(struct app_conn *conn, struct smb_file *file)
{
	while (file->queue) {
		struct chunk *chunk = file->queue;

		file->queue = chunk->next;
		chunk_free(conn, file, chunk);
	}
	file->piece_chunk = NULL;
}

static void event(struct app_conn *conn, struct smb_file *file, uint8_t number)
{
	if (file->tx)
		app_tx_event(conn, &file->tx->common, number);
}

static struct chunk *queue_add(
	struct app_conn *conn, const struct smb_config *config, struct smb_file *file, uint64_t offset, uint64_t size)
{
	uint64_t max_size = config->queue_max_size[file->dir], max_count = config->queue_max_count[file->dir];
	struct chunk *chunk, **place = &file->queue;

	if (max_size != 0 && file->queue_size + size > max_size) {
		event(conn, file, events[file->dir].queue_size);
		return NULL;
	}
	if (max_count != 0 && file->queue_count >= max_count) {
		event(conn, file, events[file->dir].queue_count);
		return NULL;
	}
	chunk = app_alloc(conn, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->offset = offset;
	chunk->room = size;
	while (*place && (*place)->offset <= offset)
		place = &(*place)->next;
	chunk->next = *place;
	*place = chunk;
	file->queue_size += size;
	file->queue_count++;
	return chunk;
}

/* ---- Into the file ---- */

static void append(struct app_conn *conn, struct smb_file *file, struct bytes data)
{
	file->next_offset += data.size;
	if (file->file)
		file_append(conn, file->file, data);
	if (file->tx)
		app_tx_touch(conn, &file->tx->common, file->dir);
}

static void append_gap(struct app_conn *conn, struct smb_file *file, uint64_t size)
{
	file->next_offset += size;
	if (file->file)
		file_gap(conn, file->file, size);
}

/* Pieces that are due now. */
static void queue_run(struct app_conn *conn, struct smb_file *file)
{
	while (file->queue && file->queue != file->piece_chunk && file->queue->offset <= file->next_offset) {
		struct chunk *chunk = file->queue;
		uint64_t known = file->next_offset - chunk->offset;

		file->queue = chunk->next;
		if (known < chunk->size)
			append(conn, file, bytes_of(chunk->data + known, chunk->size - known));
		chunk_free(conn, file, chunk);
	}
}

/* The file ends: pieces that wait for others come with gaps between them. True: all was there. */
static bool queue_finish(struct app_conn *conn, struct smb_file *file)
{
	bool complete = true;

	file->piece_chunk = NULL;
	queue_run(conn, file);
	while (file->queue) {
		complete = false;
		append_gap(conn, file, file->queue->offset - file->next_offset);
		queue_run(conn, file);
	}
	return complete;
}

/* ---- Transactions ---- */

static struct smb_file *file_new(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	struct smb_open *open, enum sensor_dir dir)
{
	struct smb_tree *tree = smb_tree_find(state, open->tree_id);
	struct smb_file *file = app_alloc(conn, sizeof(*file));
	struct smb_tx *tx = file ? smb_tx_new(conn, state, message, SMB_TX_FILE) : NULL;

	if (!tx) {
		app_free(conn, file, sizeof(*file));
		return NULL;
	}
	tx->has_fuid = true;
	tx->fuid = open->fuid;
	tx->file->file = file;
	tx->file->name = app_tx_dup(&tx->common, bytes_of(open->name, open->name_size));
	if (tree)
		tx->file->share = app_tx_dup(&tx->common, bytes_of(tree->name, tree->name_size));
	file->tx = tx;
	file->open = open;
	file->dir = (uint8_t)dir;
	file->doubtful = !tree && open->name_size == 0;
	file->file = file_open(conn, &tx->common, dir, tx->file->name);
	open->files[dir] = file;
	return file;
}

void smb_file_close(struct app_conn *conn, struct smb_file *file, bool whole)
{
	bool complete = queue_finish(conn, file) && whole;

	if (file->file && file->tx)
		file_close(conn, file->file, (struct bytes){ 0 },
			complete && file->piece_left == 0 ? FILE_CLOSED : FILE_TRUNCATED);
	if (file->tx) {
		struct app_tx *tx = &file->tx->common;

		file->tx->file->file = NULL;
		app_tx_progress(conn, tx, TO_SERVER, SMB_COMPLETE);
		app_tx_progress(conn, tx, TO_CLIENT, SMB_COMPLETE);
	}
	file->open->files[file->dir] = NULL;
	app_free(conn, file, sizeof(*file));
}

void smb_file_orphan(struct app_conn *conn, struct smb_file *file)
{
	file->open->files[file->dir] = NULL;
	queue_clear(conn, file);
	app_free(conn, file, sizeof(*file));
}

/* ---- Pieces ---- */

static void piece_begin(
	struct app_conn *conn, const struct smb_config *config, struct smb_file *file, uint64_t offset, uint64_t size)
{
	file->piece_left = size;
	file->piece_chunk = NULL;
	file->piece_skip = 0;
	file->piece_drop = false;
	if (config->max_size[file->dir] != 0 && size > config->max_size[file->dir]) {
		event(conn, file, events[file->dir].size);
		file->piece_drop = true;
	} else if (offset < file->next_offset) {
		if (!file->doubtful)
			event(conn, file, SMB_EVENT_FILE_OVERLAP);
		file->piece_skip = file->next_offset - offset;
	} else if (offset > file->next_offset) {
		file->piece_chunk = queue_add(conn, config, file, offset, size);
		file->piece_drop = file->piece_chunk == NULL;
	}
}

static void piece_add(struct app_conn *conn, struct smb_file *file, struct bytes data)
{
	struct chunk *chunk = file->piece_chunk;

	data = bytes_first(data, file->piece_left);
	file->piece_left -= data.size;
	if (chunk && data.size != 0) {
		memcpy(chunk->data + chunk->size, data.ptr, data.size);
		chunk->size += data.size;
	} else if (!file->piece_drop && data.size != 0) {
		uint64_t skipped = file->piece_skip < data.size ? file->piece_skip : data.size;

		file->piece_skip -= skipped;
		data = bytes_skip(data, skipped);
		if (data.size != 0)
			append(conn, file, data);
	}
	if (file->piece_left == 0) {
		file->piece_chunk = NULL;
		queue_run(conn, file);
	}
}

bool smb_file_data(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	const struct smb_fuid *fuid, enum sensor_dir dir, uint64_t offset, struct bytes data, uint64_t size)
{
	struct smb_open *open = smb_open_get(conn, state, fuid, message->tree_id);
	struct smb_file *file = open ? open->files[dir] : NULL;

	if (!open)
		return false;
	if (!file)
		file = file_new(conn, state, message, open, dir);
	if (!file)
		return false;
	if (dir == TO_CLIENT)
		smb_tx_status(file->tx, message);
	file->tx->dialect = state->dialect_name;
	piece_begin(conn, state->config, file, offset, size);
	piece_add(conn, file, data);
	return true;
}

static struct smb_file *file_find(const struct smb_state *state, const struct smb_fuid *fuid, enum sensor_dir dir)
{
	struct smb_open *open = smb_open_find(state, fuid);

	return open ? open->files[dir] : NULL;
}

void smb_file_more(struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, enum sensor_dir dir,
	struct bytes data)
{
	struct smb_file *file = file_find(state, fuid, dir);

	if (file)
		piece_add(conn, file, data);
}

void smb_file_gap(
	struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, enum sensor_dir dir, uint64_t size)
{
	struct smb_file *file = file_find(state, fuid, dir);

	if (!file)
		return;
	if (size > file->piece_left)
		size = file->piece_left;
	file->piece_left -= size;
	if (file->piece_chunk) {
		/* What waits ends here; that something is missing shows when it is due. */
		file->piece_chunk = NULL;
		file->piece_drop = true;
	} else if (!file->piece_drop) {
		append_gap(conn, file, size);
	}
	if (file->piece_left == 0)
		queue_run(conn, file);
}
