// SPDX-License-Identifier: Apache-2.0
/* Calls and replies of NFS 4: lists of operations (RFC 7530, section 16; RFC 8881, section 18). Those that lead to names
 * and to the bytes of files are understood; at any other the rest of the list is left alone. */
#include "sensor/app/nfs/nfs.h"

enum operation {
	OP_ACCESS = 3,
	OP_CLOSE = 4,
	OP_COMMIT = 5,
	OP_GETATTR = 9,
	OP_GETFH = 10,
	OP_LOOKUP = 15,
	OP_OPEN = 18,
	OP_PUTFH = 22,
	OP_PUTROOTFH = 24,
	OP_READ = 25,
	OP_RENEW = 30,
	OP_RESTOREFH = 31,
	OP_SAVEFH = 32,
	OP_WRITE = 38,
	OP_SEQUENCE = 53,
};

enum {
	STATE_SIZE = 16,
	SESSION_SIZE = 16,
	OPERATIONS_MAX = 64,
	CREATE = 1, /* opentype4 */
	CREATE_EXCLUSIVE = 2,
	CREATE_EXCLUSIVE_1 = 3,
	VERIFIER_SIZE = 8,
	COMPOUND = 1,
};

struct compound {
	struct app_conn *conn;
	struct nfs_state *state;
	struct nfs_message *message;
	struct nfs_call *call; /* being made */
	const struct nfs_call *asked; /* of a reply */
};

/* ---- Pieces of operations ---- */

static bool skip_attributes(struct cursor *cur)
{
	uint32_t words;
	struct bytes values;

	return cursor_u32be(cur, &words) && words <= 8 && cursor_skip(cur, 4u * words) && nfs_read_opaque(cur, &values);
}

/* openflag4 */
static bool skip_how(struct cursor *cur)
{
	uint32_t type, mode;

	if (!cursor_u32be(cur, &type))
		return false;
	if (type != CREATE)
		return true;
	if (!cursor_u32be(cur, &mode))
		return false;
	if (mode == CREATE_EXCLUSIVE)
		return cursor_skip(cur, VERIFIER_SIZE);
	return (mode != CREATE_EXCLUSIVE_1 || cursor_skip(cur, VERIFIER_SIZE)) && skip_attributes(cur);
}

static bool open_call(struct compound *at)
{
	struct cursor *cur = &at->message->cur;
	struct bytes owner;
	uint32_t claim;

	if (!cursor_skip(cur, 3 * 4 + 8) || !nfs_read_opaque(cur, &owner) || !skip_how(cur) ||
		!cursor_u32be(cur, &claim))
		return false;
	/* CLAIM_NULL: the name in the directory at hand. */
	return claim == 0 && nfs_read_name(at->message, &at->call->name);
}

static bool write_call(struct compound *at)
{
	struct cursor *cur = &at->message->cur;
	struct nfs_tx *tx;
	struct bytes data;
	uint64_t offset, missing;
	uint32_t stable;

	if (!cursor_skip(cur, STATE_SIZE) || !cursor_u64be(cur, &offset) || !cursor_u32be(cur, &stable) ||
		!nfs_read_data(at->message, &data, &missing))
		return false;
	at->call->procedure = NFS4_OP_WRITE;
	tx = nfs_file_tx(at->conn, at->state, at->message, &at->call->handle, TO_SERVER, NFS4_OP_WRITE);
	if (tx)
		nfs_file_data(at->conn, at->message, tx, offset, data, missing);
	return missing == 0;
}

static bool read_call(struct compound *at)
{
	struct cursor *cur = &at->message->cur;

	at->call->procedure = NFS4_OP_READ;
	return cursor_skip(cur, STATE_SIZE) && cursor_u64be(cur, &at->call->offset) && cursor_skip(cur, 4);
}

static bool call_operation(struct compound *at, uint32_t operation)
{
	struct cursor *cur = &at->message->cur;
	uint32_t words;

	switch (operation) {
	case OP_PUTFH:
		return nfs_read_handle(at->message, 4, &at->call->handle);
	case OP_LOOKUP:
		return nfs_read_name(at->message, &at->call->name);
	case OP_OPEN:
		return open_call(at);
	case OP_WRITE:
		return write_call(at);
	case OP_READ:
		return read_call(at);
	case OP_COMMIT:
		nfs_file_end(at->conn, nfs_file_tx_find(at->conn, &at->call->handle, TO_SERVER), true);
		return cursor_skip(cur, 8 + 4);
	case OP_CLOSE:
		nfs_file_end(at->conn, nfs_file_tx_find(at->conn, &at->call->handle, TO_SERVER), true);
		nfs_file_end(at->conn, nfs_file_tx_find(at->conn, &at->call->handle, TO_CLIENT), true);
		return cursor_skip(cur, 4 + STATE_SIZE);
	case OP_GETATTR:
		return cursor_u32be(cur, &words) && words <= 8 && cursor_skip(cur, 4u * words);
	case OP_ACCESS:
		return cursor_skip(cur, 4);
	case OP_RENEW:
		return cursor_skip(cur, 8);
	case OP_SEQUENCE:
		return cursor_skip(cur, SESSION_SIZE + 4u * 4u);
	case OP_GETFH:
	case OP_PUTROOTFH:
	case OP_SAVEFH:
	case OP_RESTOREFH:
		return true;
	default:
		return false;
	}
}

void nfs4_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message)
{
	struct compound at = { .conn = conn, .state = state, .message = message };
	struct cursor *cur = &message->cur;
	struct bytes tag;
	uint32_t minor, count, operation;

	at.call = nfs_call_add(state, message);
	if (message->procedure != COMPOUND)
		return;
	if (!nfs_read_opaque(cur, &tag) || !cursor_u32be(cur, &minor) || !cursor_u32be(cur, &count)) {
		message->malformed = true;
		return;
	}
	for (uint32_t i = 0; i < count && i < OPERATIONS_MAX; i++)
		if (!cursor_u32be(cur, &operation) || !call_operation(&at, operation))
			return;
}

/* ---- Replies ---- */

static bool open_reply(struct cursor *cur)
{
	uint32_t words, delegation;

	/* Without a delegation what follows can be found. */
	return cursor_skip(cur, STATE_SIZE + 4 + 8 + 8 + 4) && cursor_u32be(cur, &words) && words <= 8 &&
	       cursor_skip(cur, 4u * words) && cursor_u32be(cur, &delegation) && delegation == 0;
}

static bool read_reply(struct compound *at)
{
	struct nfs_tx *tx;
	struct bytes data;
	uint64_t missing;
	uint32_t eof;

	if (!cursor_u32be(&at->message->cur, &eof) || !nfs_read_data(at->message, &data, &missing))
		return false;
	tx = nfs_file_tx(at->conn, at->state, at->message, &at->asked->handle, TO_CLIENT, NFS4_OP_READ);
	if (!tx)
		return missing == 0;
	nfs_file_data(at->conn, at->message, tx, at->asked->offset, data, missing);
	tx->last = eof != 0;
	if (eof != 0 && missing == 0)
		nfs_file_end(at->conn, tx, true);
	return missing == 0;
}

static bool reply_operation(struct compound *at, uint32_t operation)
{
	struct cursor *cur = &at->message->cur;
	struct nfs_handle handle;

	switch (operation) {
	case OP_GETFH:
		if (!nfs_read_handle(at->message, 4, &handle))
			return false;
		if (at->asked->name.size != 0)
			nfs_name_learn(at->state, &handle, &at->asked->name);
		return true;
	case OP_OPEN:
		return open_reply(cur);
	case OP_READ:
		return read_reply(at);
	case OP_GETATTR:
		return skip_attributes(cur);
	case OP_ACCESS:
		return cursor_skip(cur, 8);
	case OP_CLOSE:
		return cursor_skip(cur, STATE_SIZE);
	case OP_SEQUENCE:
		return cursor_skip(cur, SESSION_SIZE + 5u * 4u);
	case OP_LOOKUP:
	case OP_PUTFH:
	case OP_PUTROOTFH:
	case OP_SAVEFH:
	case OP_RESTOREFH:
	case OP_RENEW:
		return true;
	default:
		return false;
	}
}

void nfs4_reply(
	struct app_conn *conn, struct nfs_state *state, struct nfs_message *message, const struct nfs_call *call)
{
	struct compound at = { .conn = conn, .state = state, .message = message, .asked = call };
	struct cursor *cur = &message->cur;
	struct bytes tag;
	uint32_t status, count, operation, result;
	struct nfs_tx *tx;

	if (!cursor_u32be(cur, &status) || !nfs_read_opaque(cur, &tag) || !cursor_u32be(cur, &count))
		return;
	for (uint32_t i = 0; i < count && i < OPERATIONS_MAX; i++)
		if (!cursor_u32be(cur, &operation) || !cursor_u32be(cur, &result) || result != 0 ||
			!reply_operation(&at, operation))
			break;
	tx = message->file_tx;
	if (!tx && (call->procedure == NFS4_OP_READ || call->procedure == NFS4_OP_WRITE))
		tx = nfs_file_tx_find(conn, &call->handle, call->procedure == NFS4_OP_READ ? TO_CLIENT : TO_SERVER);
	if (!tx)
		return;
	tx->has_reply = true;
	tx->rpc_status = message->rpc_status;
	tx->status = status;
	app_tx_touch(conn, &tx->common, TO_CLIENT);
}
