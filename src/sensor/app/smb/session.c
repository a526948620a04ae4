// SPDX-License-Identifier: Apache-2.0
/* What a connection remembers: transactions, trees, open files, and questions that wait. */
#include "sensor/app/smb/smb.h"

#include "base/table.h"
#include "base/utf8.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

/* ---- Transactions ---- */

/* Too many wait for answers that do not come: that is said once, and the parser gives up. */
static void give_up(struct app_conn *conn, struct smb_state *state)
{
	if (state->too_many)
		return;
	state->too_many = true;
	for (struct app_tx *at = conn->first; at; at = at->next) {
		if (at->progress[TO_SERVER] == SMB_COMPLETE && at->progress[TO_CLIENT] == SMB_COMPLETE)
			continue;
		app_tx_event(conn, at, SMB_EVENT_TOO_MANY_TRANSACTIONS);
		app_tx_progress(conn, at, TO_SERVER, SMB_COMPLETE);
		app_tx_progress(conn, at, TO_CLIENT, SMB_COMPLETE);
		return;
	}
}

/* Only the client's packets come by here, and the configuration knows of that: nobody will answer. */
static bool is_one_sided(const struct app_conn *conn)
{
	return conn->worker->settings->stream_async_oneside && conn->flow->side[TO_CLIENT].packet_count == 0;
}

static size_t body_size(enum smb_kind kind)
{
	static const size_t sizes[] = {
		[SMB_TX_PLAIN] = 0,
		[SMB_TX_NEGOTIATE] = sizeof(struct smb_negotiate),
		[SMB_TX_SESSION] = sizeof(struct smb_setup),
		[SMB_TX_TREE] = sizeof(struct smb_tree_connect),
		[SMB_TX_CREATE] = sizeof(struct smb_create),
		[SMB_TX_FILE] = sizeof(struct smb_file_tx),
		[SMB_TX_RENAME] = sizeof(struct smb_set_info),
		[SMB_TX_SET_INFO] = sizeof(struct smb_set_info),
		[SMB_TX_IOCTL] = sizeof(struct smb_ioctl),
		[SMB_TX_CALL] = sizeof(struct dcerpc_call),
	};

	return sizes[kind];
}

struct smb_tx *smb_tx_new(
	struct app_conn *conn, struct smb_state *state, const struct smb_message *message, enum smb_kind kind)
{
	struct smb_tx *tx = NULL;

	if (!state->too_many && conn->tx_live < app_tx_max(conn))
		tx = (struct smb_tx *)app_tx_new(conn, sizeof(*tx), message->now_ns);
	if (!tx) {
		give_up(conn, state);
		return NULL;
	}
	tx->version = message->version;
	tx->command = message->command;
	tx->session_id = message->session_id;
	tx->tree_id = message->tree_id;
	tx->message_id = message->message_id;
	tx->chain = message->chain;
	tx->dialect = state->dialect_name;
	if (is_one_sided(conn))
		tx->common.dirs_skip = DIR_TO_CLIENT;
	if (body_size(kind) != 0) {
		/* Any member of the union: all are pointers. */
		tx->call = app_tx_alloc(&tx->common, body_size(kind));
		if (!tx->call)
			return NULL;
	}
	tx->kind = (uint8_t)kind;
	return tx;
}

struct smb_tx *smb_tx_find(struct app_conn *conn, const struct smb_message *message)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct smb_tx *tx = (struct smb_tx *)at;

		if (at->protocol == conn->protocol && at->progress[TO_CLIENT] == 0 && tx->kind != SMB_TX_FILE &&
			tx->kind != SMB_TX_CALL && tx->version == message->version && tx->command == message->command &&
			tx->message_id == message->message_id)
			return tx;
	}
	return NULL;
}

void smb_tx_status(struct smb_tx *tx, const struct smb_message *message)
{
	tx->has_status = true;
	tx->status = message->status;
	tx->status_is_dos = message->status_is_dos;
}

void smb_tx_answer(struct app_conn *conn, struct smb_state *state, struct smb_tx *tx, const struct smb_message *message)
{
	smb_tx_status(tx, message);
	tx->dialect = state->dialect_name;
	app_tx_progress(conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, SMB_COMPLETE);
}

void smb_event(struct app_conn *conn, struct smb_state *state, const struct smb_message *message, enum sensor_dir dir,
	enum smb_event event)
{
	struct smb_tx *tx = smb_tx_new(conn, state, message, SMB_TX_PLAIN);

	if (!tx)
		return;
	tx->common.skip_logs = true;
	tx->common.logged = true;
	app_tx_event(conn, &tx->common, (uint8_t)event);
	app_tx_progress(conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, SMB_COMPLETE);
}

void smb_tx_free(struct app_conn *conn, struct app_tx *common)
{
	struct smb_tx *tx = (struct smb_tx *)common;

	if (tx->kind == SMB_TX_CALL)
		dcerpc_call_done(conn, tx->call);
	if (tx->kind == SMB_TX_FILE && tx->file->file)
		smb_file_orphan(conn, tx->file->file);
}

/* ---- Trees ---- */

static void tree_free(struct app_conn *conn, struct smb_tree *tree)
{
	app_free(conn, tree->name, tree->name_size);
	app_free(conn, tree, sizeof(*tree));
}

struct smb_tree *smb_tree_find(const struct smb_state *state, uint32_t tree_id)
{
	struct smb_tree **found = table_find(state->trees, &tree_id);

	return found ? *found : NULL;
}

void smb_tree_remove(struct app_conn *conn, struct smb_state *state, uint32_t tree_id)
{
	struct smb_tree *tree = smb_tree_find(state, tree_id);

	if (!tree)
		return;
	table_remove(state->trees, &tree_id);
	tree_free(conn, tree);
}

static uint8_t *name_copy(struct app_conn *conn, struct bytes name)
{
	uint8_t *copy = name.size ? app_alloc(conn, name.size) : NULL;

	if (copy)
		memcpy(copy, name.ptr, name.size);
	return copy;
}

void smb_tree_add(struct app_conn *conn, struct smb_state *state, uint32_t tree_id, struct bytes name, bool is_pipe)
{
	struct smb_tree *tree = app_alloc(conn, sizeof(*tree)), **place;
	const void *old;
	size_t pos = 0;

	if (!tree)
		return;
	name = bytes_first(name, SMB_NAME_MAX);
	tree->name = name_copy(conn, name);
	tree->name_size = tree->name ? (uint32_t)name.size : 0;
	tree->is_pipe = is_pipe;
	smb_tree_remove(conn, state, tree_id);
	/* At the ceiling some other makes room: none must be able to block what comes later. */
	if (table_count(state->trees) == SMB_TREES_MAX && table_next(state->trees, &pos, &old, NULL)) {
		uint32_t old_id;

		memcpy(&old_id, old, sizeof(old_id));
		smb_tree_remove(conn, state, old_id);
	}
	place = table_insert(state->trees, &tree_id, NULL);
	if (place)
		*place = tree;
	else
		tree_free(conn, tree);
}

/* ---- Open files ---- */

static void pipe_free(struct app_conn *conn, struct smb_pipe *pipe)
{
	dcerpc_association_done(conn, &pipe->association);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		app_free(conn, pipe->data[dir], pipe->room[dir]);
	app_free(conn, pipe, sizeof(*pipe));
}

static void open_free(struct app_conn *conn, struct smb_open *open)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		if (open->files[dir])
			smb_file_close(conn, open->files[dir], true);
	if (open->pipe)
		pipe_free(conn, open->pipe);
	app_free(conn, open->name, open->name_size);
	app_free(conn, open, sizeof(*open));
}

struct smb_open *smb_open_find(const struct smb_state *state, const struct smb_fuid *fuid)
{
	struct smb_open **found = table_find(state->opens, fuid);

	return found ? *found : NULL;
}

void smb_open_close(struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid)
{
	struct smb_open *open = smb_open_find(state, fuid);

	if (!open)
		return;
	table_remove(state->opens, fuid);
	open_free(conn, open);
}

void smb_files_end(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir)
{
	void *value;
	size_t pos = 0;

	while (table_next(state->opens, &pos, NULL, &value)) {
		struct smb_open *open = *(struct smb_open **)value;

		if (open->files[dir])
			smb_file_close(conn, open->files[dir], false);
	}
}

struct smb_open *smb_open_get(
	struct app_conn *conn, struct smb_state *state, const struct smb_fuid *fuid, uint32_t tree_id)
{
	struct smb_open *open = smb_open_find(state, fuid), **place;
	const void *old;
	size_t pos = 0;

	if (open)
		return open;
	if (table_count(state->opens) == SMB_OPENS_MAX && table_next(state->opens, &pos, &old, NULL)) {
		struct smb_fuid victim;

		memcpy(&victim, old, sizeof(victim));
		smb_open_close(conn, state, &victim);
	}
	open = app_alloc(conn, sizeof(*open));
	if (!open)
		return NULL;
	open->fuid = *fuid;
	open->tree_id = tree_id;
	place = table_insert(state->opens, fuid, NULL);
	if (!place) {
		open_free(conn, open);
		return NULL;
	}
	*place = open;
	return open;
}

void smb_open_name(struct app_conn *conn, struct smb_open *open, struct bytes name)
{
	app_free(conn, open->name, open->name_size);
	name = bytes_first(name, SMB_NAME_MAX);
	open->name = name_copy(conn, name);
	open->name_size = open->name ? (uint32_t)name.size : 0;
}

/* ---- Questions that wait ---- */

void smb_pending_add(struct app_conn *conn, struct smb_state *state, const struct smb_pending *pending)
{
	if (state->pending_count == state->pending_room && state->pending_room < SMB_PENDING_MAX) {
		uint32_t room = state->pending_room ? 2 * state->pending_room : 16;
		size_t size = sizeof(*state->pending);
		struct smb_pending *grown =
			state->pending ? app_realloc(conn, state->pending, state->pending_room * size, room * size)
				       : app_alloc(conn, room * size);

		if (!grown)
			return;
		state->pending = grown;
		state->pending_room = room;
	}
	/* The oldest will hardly be answered any more. */
	if (state->pending_count == state->pending_room) {
		state->pending_count--;
		memmove(state->pending, state->pending + 1, state->pending_count * sizeof(*state->pending));
	}
	state->pending[state->pending_count++] = *pending;
}

static uint32_t pending_index(const struct smb_state *state, uint64_t message_id, uint16_t command)
{
	uint32_t i = 0;

	while (i < state->pending_count &&
		(state->pending[i].message_id != message_id || state->pending[i].command != command))
		i++;
	return i;
}

bool smb_pending_peek(const struct smb_state *state, uint64_t message_id, uint16_t command, struct smb_pending *ret)
{
	uint32_t i = pending_index(state, message_id, command);

	if (i == state->pending_count)
		return false;
	*ret = state->pending[i];
	return true;
}

bool smb_pending_take(struct smb_state *state, uint64_t message_id, uint16_t command, struct smb_pending *ret)
{
	uint32_t i = pending_index(state, message_id, command);

	if (i == state->pending_count)
		return false;
	*ret = state->pending[i];
	state->pending_count--;
	memmove(&state->pending[i], &state->pending[i + 1], (state->pending_count - i) * sizeof(*state->pending));
	return true;
}

/* ---- Text ---- */

static uint32_t unit_at(struct bytes text, size_t at)
{
	return at + 2 <= text.size ? (uint32_t)text.ptr[at] | (uint32_t)text.ptr[at + 1] << 8 : 0;
}

struct bytes smb_text(struct app_tx *tx, struct bytes text, bool unicode)
{
	size_t size = 0;
	uint8_t *out;

	text = bytes_first(text, 2 * SMB_NAME_MAX);
	if (!unicode)
		return app_tx_dup(tx, bytes_first(text, bytes_index(text, 0)));
	out = app_tx_alloc(tx, text.size / 2 * 3 + 1);
	if (!out)
		return (struct bytes){ 0 };
	for (size_t at = 0; at + 2 <= text.size; at += 2) {
		uint32_t code = unit_at(text, at), low = unit_at(text, at + 2);

		if (code == 0)
			break;
		if (code >= 0xd800 && code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			at += 2;
		} else if (code >= 0xd800 && code < 0xe000) {
			code = 0xfffd; /* half of a pair */
		}
		size += utf8_put(code, out + size);
	}
	return bytes_of(out, size);
}

/* ---- End ---- */

void smb_state_done(struct app_conn *conn, struct smb_state *state)
{
	void *value;
	size_t pos = 0;

	while (state->trees && table_next(state->trees, &pos, NULL, &value))
		tree_free(conn, *(struct smb_tree **)value);
	pos = 0;
	while (state->opens && table_next(state->opens, &pos, NULL, &value))
		open_free(conn, *(struct smb_open **)value);
	table_free(state->trees);
	table_free(state->opens);
	app_free(conn, state->pending, state->pending_room * sizeof(*state->pending));
}
