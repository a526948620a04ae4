// SPDX-License-Identifier: Apache-2.0
/* Calls and replies of NFS 2 (RFC 1094) and 3 (RFC 1813). */
#include "sensor/app/nfs/nfs.h"

enum {
	ATTRIBUTES2_SIZE = 68,
	ATTRIBUTES2_SIZE_AT = 20, /* type, mode, links, user, group */
	ATTRIBUTES3_SIZE = 84,
	SYNC_SIZE = 4,
};

/* What the arguments of a procedure begin with. */
enum arguments { ARGUMENTS_OTHER, ARGUMENTS_HANDLE, ARGUMENTS_NAME, ARGUMENTS_RENAME };

static const uint8_t arguments2[] = { [1] = ARGUMENTS_HANDLE,
	[2] = ARGUMENTS_HANDLE,
	[4] = ARGUMENTS_NAME,
	[5] = ARGUMENTS_HANDLE,
	[6] = ARGUMENTS_HANDLE,
	[8] = ARGUMENTS_HANDLE,
	[9] = ARGUMENTS_NAME,
	[10] = ARGUMENTS_NAME,
	[11] = ARGUMENTS_RENAME,
	[12] = ARGUMENTS_HANDLE,
	[13] = ARGUMENTS_NAME,
	[14] = ARGUMENTS_NAME,
	[15] = ARGUMENTS_NAME,
	[16] = ARGUMENTS_HANDLE,
	[17] = ARGUMENTS_HANDLE };
static const uint8_t arguments3[] = { [1] = ARGUMENTS_HANDLE,
	[2] = ARGUMENTS_HANDLE,
	[3] = ARGUMENTS_NAME,
	[4] = ARGUMENTS_HANDLE,
	[5] = ARGUMENTS_HANDLE,
	[6] = ARGUMENTS_HANDLE,
	[7] = ARGUMENTS_HANDLE,
	[8] = ARGUMENTS_NAME,
	[9] = ARGUMENTS_NAME,
	[10] = ARGUMENTS_NAME,
	[11] = ARGUMENTS_NAME,
	[12] = ARGUMENTS_NAME,
	[13] = ARGUMENTS_NAME,
	[14] = ARGUMENTS_RENAME,
	[15] = ARGUMENTS_HANDLE,
	[16] = ARGUMENTS_HANDLE,
	[17] = ARGUMENTS_HANDLE,
	[18] = ARGUMENTS_HANDLE,
	[19] = ARGUMENTS_HANDLE,
	[20] = ARGUMENTS_HANDLE,
	[21] = ARGUMENTS_HANDLE };

static enum arguments arguments_of(uint32_t version, uint32_t procedure)
{
	if (version == 2)
		return procedure < sizeof(arguments2) ? arguments2[procedure] : ARGUMENTS_OTHER;
	return procedure < sizeof(arguments3) ? arguments3[procedure] : ARGUMENTS_OTHER;
}

/* ---- Calls ---- */

static bool read_arguments(struct nfs_message *message, struct nfs_call *call, struct nfs_name *new_name)
{
	enum arguments kind = arguments_of(message->version, message->procedure);
	struct nfs_handle other;

	if (kind == ARGUMENTS_OTHER)
		return true;
	if (!nfs_read_handle(message, message->version, &call->handle))
		return false;
	if (kind == ARGUMENTS_HANDLE)
		return true;
	if (!nfs_read_name(message, &call->name))
		return false;
	return kind == ARGUMENTS_NAME ||
	       (nfs_read_handle(message, message->version, &other) && nfs_read_name(message, new_name));
}

static bool write_call(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call)
{
	struct nfs_tx *tx;
	struct bytes data;
	uint64_t offset, missing;
	uint32_t count, stable;

	if (!cursor_u64be(&message->cur, &offset) || !cursor_u32be(&message->cur, &count) ||
		!cursor_u32be(&message->cur, &stable) || !nfs_read_data(message, &data, &missing))
		return false;
	tx = nfs_file_tx(conn, state, message, &call->handle, TO_SERVER, NFS3_WRITE);
	if (tx)
		nfs_file_data(conn, message, tx, offset, data, missing);
	return true;
}

static bool read_call(struct nfs_message *message, struct nfs_call *call)
{
	uint32_t offset;

	if (message->version == 3)
		return cursor_u64be(&message->cur, &call->offset);
	if (!cursor_u32be(&message->cur, &offset))
		return false;
	call->offset = offset;
	return true;
}

static void plain_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message,
	const struct nfs_call *call, const struct nfs_name *new_name)
{
	struct nfs_tx *tx = nfs_tx_new(conn, message);

	if (!tx)
		return;
	tx->handle = call->handle;
	tx->name = call->name.size != 0 ? app_tx_dup(&tx->common, bytes_of(call->name.data, call->name.size))
					: app_tx_dup(&tx->common, nfs_name_of(state, &call->handle));
	tx->renames = arguments_of(message->version, message->procedure) == ARGUMENTS_RENAME;
	tx->new_name = app_tx_dup(&tx->common, bytes_of(new_name->data, new_name->size));
	if (message->malformed)
		app_tx_event(conn, &tx->common, NFS_EVENT_MALFORMED_DATA);
	app_tx_progress(conn, &tx->common, TO_SERVER, NFS_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
}

void nfs23_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message)
{
	struct nfs_call *call = nfs_call_add(state, message);
	struct nfs_name new_name = { .size = 0 };

	message->malformed = !read_arguments(message, call, &new_name) && !message->partial;
	if (message->malformed) {
		plain_call(conn, state, message, call, &new_name);
		return;
	}
	if (message->procedure == NFS_READ)
		message->malformed = !read_call(message, call);
	else if (message->version == 3 && message->procedure == NFS3_WRITE)
		message->malformed = !write_call(conn, state, message, call);
	else if (message->version == 3 && message->procedure == NFS3_COMMIT)
		nfs_file_end(conn, nfs_file_tx_find(conn, &call->handle, TO_SERVER), true);
	else
		plain_call(conn, state, message, call, &new_name);
}

/* ---- Replies ---- */

static bool read_reply(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call)
{
	struct cursor *cur = &message->cur;
	uint32_t follows, count, whole_size = 0, eof = 0;
	uint64_t missing;
	struct bytes data, attributes;
	struct nfs_tx *tx;

	if (call->version == 2) {
		if (!cursor_take(cur, ATTRIBUTES2_SIZE, &attributes))
			return false;
		struct cursor at = cursor_over(bytes_skip(attributes, ATTRIBUTES2_SIZE_AT));

		if (!cursor_u32be(&at, &whole_size))
			return false;
	} else if (!cursor_u32be(cur, &follows) || (follows == 1 && !cursor_skip(cur, ATTRIBUTES3_SIZE)) ||
		   !cursor_u32be(cur, &count) || !cursor_u32be(cur, &eof)) {
		return false;
	}
	if (!nfs_read_data(message, &data, &missing))
		return false;
	tx = nfs_file_tx(conn, state, message, &call->handle, TO_CLIENT, NFS_READ);
	if (!tx)
		return true;
	nfs_file_data(conn, message, tx, call->offset, data, missing);
	if (eof != 0 || (call->version == 2 && call->offset + data.size + missing >= whole_size)) {
		tx->last = true;
		if (missing == 0)
			nfs_file_end(conn, tx, true);
	}
	return true;
}

/* Who looks a name up, or makes a file, learns its handle. */
static void learn_name(struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call)
{
	static const uint8_t makes2[] = { NFS2_LOOKUP, 9, 14 }, makes3[] = { 3, 8, 9, 10, 11 };
	const uint8_t *makes = call->version == 2 ? makes2 : makes3;
	size_t count = call->version == 2 ? sizeof(makes2) : sizeof(makes3);
	struct nfs_handle handle;
	uint32_t follows = 1;

	for (size_t i = 0; i < count; i++) {
		if (makes[i] != call->procedure)
			continue;
		/* CREATE and the like of version 3 may leave the handle out (RFC 1813, section 3.3.8). */
		if (call->version == 3 && i != 0 && (!cursor_u32be(&message->cur, &follows) || follows != 1))
			return;
		if (nfs_read_handle(message, call->version, &handle))
			nfs_name_learn(state, &handle, &call->name);
		return;
	}
}

static struct nfs_tx *tx_of_reply(struct app_conn *conn, struct nfs_message *message, const struct nfs_call *call)
{
	if (message->file_tx)
		return message->file_tx;
	if (call->procedure == NFS_READ)
		return nfs_file_tx_find(conn, &call->handle, TO_CLIENT);
	if (call->version == 3 && (call->procedure == NFS3_WRITE || call->procedure == NFS3_COMMIT))
		return nfs_file_tx_find(conn, &call->handle, TO_SERVER);
	return nfs_tx_of_xid(conn, message->xid);
}

void nfs23_reply(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call)
{
	uint32_t status = 0;
	bool good = message->rpc_status != 0 || call->procedure == 0 || cursor_u32be(&message->cur, &status);
	struct nfs_tx *tx;

	if (good && message->rpc_status == 0 && status == 0) {
		if (call->procedure == NFS_READ)
			good = read_reply(conn, state, message, call);
		else
			learn_name(state, message, call);
	}
	tx = tx_of_reply(conn, message, call);
	if (!tx)
		return;
	if (!good && !message->partial)
		app_tx_event(conn, &tx->common, NFS_EVENT_MALFORMED_DATA);
	tx->has_reply = true;
	tx->rpc_status = message->rpc_status;
	tx->status = status;
	if (tx->is_file && !tx->last)
		app_tx_touch(conn, &tx->common, TO_CLIENT);
	else if (message->rest.tx != tx)
		nfs_tx_done(conn, tx);
	app_raw_trigger(conn, TO_CLIENT);
}
