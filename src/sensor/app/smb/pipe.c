// SPDX-License-Identifier: Apache-2.0
/* DCE/RPC inside named pipes: what is written to and read from a pipe is a stream of messages, which may be cut anywhere
 * into reads and writes. */
#include "sensor/app/smb/smb.h"

bool smb_is_pipe(const struct smb_state *state, const struct smb_message *message, const struct smb_fuid *fuid,
	struct bytes data)
{
	const struct smb_open *open = smb_open_find(state, fuid);
	const struct smb_tree *tree = smb_tree_find(state, open ? open->tree_id : message->tree_id);
	struct dcerpc_head head;

	if (open && open->pipe)
		return true;
	if (tree)
		return tree->is_pipe;
	return dcerpc_head_read(data, &head) && dcerpc_head_plausible(&head) && (data.ptr[4] & 0xee) == 0;
}

static bool same_fuid(const struct smb_fuid *left, const struct smb_fuid *right)
{
	return memcmp(left, right, sizeof(*left)) == 0;
}

static struct smb_tx *find_request(struct app_conn *conn, const struct smb_fuid *fuid, uint32_t call_id)
{
	for (struct app_tx *at = conn->last; at; at = at->prev) {
		struct smb_tx *tx = (struct smb_tx *)at;

		if (tx->kind == SMB_TX_CALL && at->progress[TO_SERVER] == 0 && tx->call->has_request &&
			tx->call->call_id == call_id && same_fuid(&tx->fuid, fuid))
			return tx;
	}
	return NULL;
}

static struct smb_tx *find_asked(struct app_conn *conn, const struct smb_fuid *fuid, const struct dcerpc_head *head)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct smb_tx *tx = (struct smb_tx *)at;

		if (tx->kind != SMB_TX_CALL || at->progress[TO_CLIENT] != 0 || tx->call->call_id != head->call_id ||
			!same_fuid(&tx->fuid, fuid))
			continue;
		if (tx->call->has_request ? dcerpc_call_answered_by(tx->call, head->type)
					  : tx->call->response == head->type)
			return tx;
	}
	return NULL;
}

static struct smb_tx *call_new(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	const struct smb_fuid *fuid, uint32_t call_id)
{
	struct smb_tx *tx = smb_tx_new(conn, state, message, SMB_TX_CALL);

	if (!tx)
		return NULL;
	tx->fuid = *fuid;
	tx->call->pipe = true;
	tx->call->call_id = call_id;
	return tx;
}

static void take_request(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	struct smb_open *open, const struct dcerpc_head *head, struct bytes pdu)
{
	struct smb_tx *tx = NULL;

	bool answered = head->type == DCERPC_BIND || head->type == DCERPC_ALTER_CONTEXT || head->type == DCERPC_REQUEST;

	if (head->type == DCERPC_REQUEST)
		tx = find_request(conn, &open->fuid, head->call_id);
	if (!tx)
		tx = call_new(conn, state, message, &open->fuid, head->call_id);
	if (!tx)
		return;
	app_tx_touch(conn, &tx->common, TO_SERVER);
	if (head->version != 5 || head->type >= DCERPC_TYPE_COUNT)
		app_tx_event(conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
	if (dcerpc_call_request(&tx->common, tx->call, &open->pipe->association, head, pdu))
		app_tx_progress(conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	if (!answered)
		app_tx_progress(conn, &tx->common, TO_CLIENT, SMB_COMPLETE);
}

static void take_response(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	struct smb_open *open, const struct dcerpc_head *head, struct bytes pdu)
{
	struct smb_tx *tx;

	if (!dcerpc_is_answer(head->type) || head->type == DCERPC_SHUTDOWN)
		return;
	tx = find_asked(conn, &open->fuid, head);
	if (!tx)
		tx = call_new(conn, state, message, &open->fuid, head->call_id);
	if (!tx)
		return;
	smb_tx_status(tx, message);
	tx->dialect = state->dialect_name;
	app_tx_progress(conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	app_tx_touch(conn, &tx->common, TO_CLIENT);
	if (dcerpc_call_response(&tx->common, tx->call, &open->pipe->association, head, pdu))
		app_tx_progress(conn, &tx->common, TO_CLIENT, SMB_COMPLETE);
}

/* Keeps the beginning of a message. */
static void keep(struct app_conn *conn, struct smb_pipe *pipe, enum sensor_dir dir, struct bytes rest)
{
	if (rest.size > pipe->room[dir]) {
		size_t room = rest.size < 4096 ? 4096 : rest.size;
		uint8_t *fresh = app_alloc(conn, room);

		if (!fresh) {
			pipe->size[dir] = 0;
			return;
		}
		memcpy(fresh, rest.ptr, rest.size);
		app_free(conn, pipe->data[dir], pipe->room[dir]);
		pipe->data[dir] = fresh;
		pipe->room[dir] = room;
	} else if (rest.size != 0) {
		memmove(pipe->data[dir], rest.ptr, rest.size);
	}
	pipe->size[dir] = rest.size;
}

/* Joins what was kept with what came. False: no memory. */
static bool join(struct app_conn *conn, struct smb_pipe *pipe, enum sensor_dir dir, struct bytes data)
{
	size_t size = pipe->size[dir] + data.size;

	if (size > pipe->room[dir]) {
		uint8_t *grown = pipe->data[dir] ? app_realloc(conn, pipe->data[dir], pipe->room[dir], size)
						 : app_alloc(conn, size);

		if (!grown)
			return false;
		pipe->data[dir] = grown;
		pipe->room[dir] = size;
	}
	if (data.size != 0)
		memcpy(pipe->data[dir] + pipe->size[dir], data.ptr, data.size);
	pipe->size[dir] = size;
	return true;
}

void smb_pipe_data(struct app_conn *conn, struct smb_state *state, const struct smb_message *message,
	const struct smb_fuid *fuid, enum sensor_dir dir, struct bytes data)
{
	struct smb_open *open = smb_open_get(conn, state, fuid, message->tree_id);
	struct dcerpc_head head;
	struct smb_pipe *pipe;

	if (!open)
		return;
	if (!open->pipe)
		open->pipe = app_alloc(conn, sizeof(*open->pipe));
	pipe = open->pipe;
	if (!pipe)
		return;
	if (pipe->size[dir] != 0) {
		if (!join(conn, pipe, dir, data))
			return;
		data = bytes_of(pipe->data[dir], pipe->size[dir]);
	}
	while (dcerpc_head_read(data, &head)) {
		if (!dcerpc_head_plausible(&head)) {
			/* Another protocol's pipe, or out of step: one message, whatever it is. */
			if (dir == TO_SERVER)
				take_request(conn, state, message, open, &head, data);
			data.size = 0;
			break;
		}
		if (data.size < head.fragment_size)
			break;
		(dir == TO_SERVER ? take_request : take_response)(
			conn, state, message, open, &head, bytes_first(data, head.fragment_size));
		data = bytes_skip(data, head.fragment_size);
	}
	keep(conn, pipe, dir, data);
}

const struct dcerpc_call *smb_call_of(const struct app_tx *tx)
{
	const struct smb_tx *smb = (const struct smb_tx *)tx;

	return smb->kind == SMB_TX_CALL ? smb->call : NULL;
}
