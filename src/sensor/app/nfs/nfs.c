// SPDX-License-Identifier: Apache-2.0
/* NFS: records of RPC, which call a reply belongs to, transactions, files. */
#include "sensor/app/nfs/nfs.h"

#include <string.h>

#include "sensor/files/file.h"
#include "sensor/flow/flow.h"

enum {
	RPC_CALL = 0,
	RPC_REPLY = 1,
	RPC_VERSION = 2,
	RPC_PROGRAM_NFS = 100003,
	MARK_SIZE = 4, /* RFC 5531, section 11 */
	CALL_HEADER_SIZE = 24,
	AUTH_MAX = 400,
	AUTH_UNIX = 1,
	HANDLE2_SIZE = 32,
};

#define MARK_LAST UINT32_C(0x80000000)

static const struct app_event events[] = {
	[NFS_EVENT_MALFORMED_DATA] = { .name = "malformed_data" },
	[NFS_EVENT_NON_EXISTING_VERSION] = { .name = "non_existing_version" },
	[NFS_EVENT_UNSUPPORTED_VERSION] = { .name = "unsupported_version" },
	[NFS_EVENT_TOO_MANY_TRANSACTIONS] = { .name = "too_many_transactions" },
	{ .name = NULL },
};

/* ---- XDR ---- */

static size_t padding(size_t size)
{
	return (4 - size % 4) % 4;
}

bool nfs_read_opaque(struct cursor *cur, struct bytes *ret)
{
	uint32_t size;

	return cursor_u32be(cur, &size) && cursor_take(cur, size, ret) && cursor_skip(cur, padding(size));
}

bool nfs_read_data(struct nfs_message *message, struct bytes *ret, uint64_t *ret_missing)
{
	struct cursor *cur = &message->cur;
	uint32_t size;

	*ret_missing = 0;
	if (!cursor_u32be(cur, &size))
		return false;
	if (size <= cursor_left(cur)) {
		size_t pad = padding(size);

		/* Some leave the padding behind the last bytes out. */
		return cursor_take(cur, size, ret) && cursor_skip(cur, pad < cursor_left(cur) ? pad : cursor_left(cur));
	}
	if (!message->partial)
		return false;
	*ret_missing = size - cursor_left(cur);
	return cursor_take(cur, cursor_left(cur), ret);
}

bool nfs_read_handle(struct nfs_message *message, uint32_t version, struct nfs_handle *ret)
{
	struct bytes data;

	if (version == 2 ? !cursor_take(&message->cur, HANDLE2_SIZE, &data) : !nfs_read_opaque(&message->cur, &data))
		return false;
	if (data.size > NFS_HANDLE_MAX)
		return false;
	ret->size = (uint8_t)data.size;
	if (data.size != 0)
		memcpy(ret->data, data.ptr, data.size);
	return true;
}

bool nfs_read_name(struct nfs_message *message, struct nfs_name *ret)
{
	struct bytes text;

	if (!nfs_read_opaque(&message->cur, &text))
		return false;
	text = bytes_first(text, NFS_NAME_MAX);
	ret->size = (uint8_t)text.size;
	if (text.size != 0)
		memcpy(ret->data, text.ptr, text.size);
	return true;
}

/* ---- Tables ---- */

struct nfs_call *nfs_call_add(struct nfs_state *state, const struct nfs_message *message)
{
	struct nfs_call *call = &state->calls[state->call_next++ % NFS_CALLS];

	*call = (struct nfs_call){ .used = true,
		.xid = message->xid,
		.version = message->version,
		.procedure = message->procedure,
		.auth = message->auth };
	call->auth.machine = bytes_first(message->auth.machine, NFS_MACHINE_MAX);
	if (call->auth.machine.size != 0)
		memcpy(call->machine, call->auth.machine.ptr, call->auth.machine.size);
	call->auth.machine.ptr = call->machine;
	return call;
}

struct nfs_call *nfs_call_find(struct nfs_state *state, uint32_t xid)
{
	for (uint32_t i = 0; i < NFS_CALLS; i++)
		if (state->calls[i].used && state->calls[i].xid == xid)
			return &state->calls[i];
	return NULL;
}

static bool same_handle(const struct nfs_handle *a, const struct nfs_handle *b)
{
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

void nfs_name_learn(struct nfs_state *state, const struct nfs_handle *handle, const struct nfs_name *name)
{
	struct nfs_known_name *known = NULL;

	for (uint32_t i = 0; i < NFS_NAMES && !known; i++)
		if (same_handle(&state->names[i].handle, handle))
			known = &state->names[i];
	if (!known)
		known = &state->names[state->name_next++ % NFS_NAMES];
	known->handle = *handle;
	known->name = *name;
}

struct bytes nfs_name_of(const struct nfs_state *state, const struct nfs_handle *handle)
{
	for (uint32_t i = 0; i < NFS_NAMES; i++)
		if (state->names[i].handle.size != 0 && same_handle(&state->names[i].handle, handle))
			return bytes_of(state->names[i].name.data, state->names[i].name.size);
	return bytes_of(NULL, 0);
}

/* ---- Transactions ---- */

struct nfs_tx *nfs_tx_new(struct app_conn *conn, const struct nfs_message *message)
{
	struct nfs_tx *tx = (struct nfs_tx *)app_tx_new(conn, sizeof(*tx), message->now_ns);

	if (!tx) {
		if (conn->last && conn->last->protocol == conn->protocol)
			app_tx_event(conn, conn->last, NFS_EVENT_TOO_MANY_TRANSACTIONS);
		return NULL;
	}
	tx->xid = message->xid;
	tx->version = message->version;
	tx->procedure = message->procedure;
	tx->auth = message->auth;
	tx->auth.machine = app_tx_dup(&tx->common, message->auth.machine);
	return tx;
}

void nfs_tx_done(struct app_conn *conn, struct nfs_tx *tx)
{
	app_tx_progress(conn, &tx->common, TO_SERVER, NFS_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, NFS_COMPLETE);
}

struct nfs_tx *nfs_tx_of_xid(struct app_conn *conn, uint32_t xid)
{
	for (struct app_tx *at = conn->last; at; at = at->prev) {
		struct nfs_tx *tx = (struct nfs_tx *)at;

		if (at->protocol == conn->protocol && !tx->is_file && tx->xid == xid && !tx->has_reply)
			return tx;
	}
	return NULL;
}

struct nfs_tx *nfs_file_tx_find(struct app_conn *conn, const struct nfs_handle *handle, enum sensor_dir dir)
{
	for (struct app_tx *at = conn->last; at; at = at->prev) {
		struct nfs_tx *tx = (struct nfs_tx *)at;

		if (at->protocol == conn->protocol && tx->is_file && tx->dir == dir && tx->file &&
			same_handle(&tx->handle, handle))
			return tx;
	}
	return NULL;
}

struct nfs_tx *nfs_file_tx(struct app_conn *conn, struct nfs_state *state, const struct nfs_message *message,
	const struct nfs_handle *handle, enum sensor_dir dir, uint32_t procedure)
{
	struct nfs_tx *tx = nfs_file_tx_find(conn, handle, dir);

	if (tx)
		return tx;
	tx = nfs_tx_new(conn, message);
	if (!tx)
		return NULL;
	tx->is_file = true;
	tx->dir = (uint8_t)dir;
	tx->procedure = procedure;
	tx->handle = *handle;
	/* Records of writes do not say who wrote: calls of several users may go into one file. */
	if (dir == TO_SERVER)
		tx->auth = (struct nfs_auth){ .flavor = 0 };
	tx->name = app_tx_dup(&tx->common, nfs_name_of(state, handle));
	tx->file = file_open(conn, &tx->common, dir, tx->name);
	return tx;
}

/* ---- Files ---- */

void nfs_file_more(struct app_conn *conn, struct nfs_tx *tx, struct bytes data)
{
	tx->offset += data.size;
	if (tx->file)
		file_append(conn, tx->file, data);
	app_tx_touch(conn, &tx->common, tx->dir);
}

void nfs_file_data(struct app_conn *conn, struct nfs_message *message, struct nfs_tx *tx, uint64_t offset,
	struct bytes data, uint64_t missing)
{
	uint64_t known = tx->offset > offset ? tx->offset - offset : 0;

	message->file_tx = tx;
	tx->first = tx->first || offset == 0;
	tx->last_xid = message->xid;
	tx->chunks++;
	if (offset > tx->offset && tx->file) {
		file_gap(conn, tx->file, offset - tx->offset);
		tx->offset = offset;
	}
	/* What was written before is not taken again. */
	if (known < data.size)
		nfs_file_more(conn, tx, bytes_skip(data, known));
	message->rest.tx = missing != 0 && known <= data.size ? tx : NULL;
	message->rest.data_size = missing;
}

void nfs_file_end(struct app_conn *conn, struct nfs_tx *tx, bool whole)
{
	if (!tx || !tx->file)
		return;
	file_close(conn, tx->file, bytes_of(NULL, 0), whole ? FILE_CLOSED : FILE_TRUNCATED);
	tx->file = NULL;
	tx->last = whole;
	app_tx_touch(conn, &tx->common, tx->dir);
}

/* ---- Messages ---- */

static bool read_auth(struct cursor *cur, struct nfs_auth *ret)
{
	struct bytes body;

	if (!cursor_u32be(cur, &ret->flavor) || !nfs_read_opaque(cur, &body) || body.size > AUTH_MAX)
		return false;
	if (ret->flavor == AUTH_UNIX) {
		struct cursor at = cursor_over(body);

		return cursor_skip(&at, 4) && nfs_read_opaque(&at, &ret->machine) && cursor_u32be(&at, &ret->uid) &&
		       cursor_u32be(&at, &ret->gid);
	}
	return true;
}

static bool read_verifier(struct cursor *cur)
{
	struct bytes body;

	return cursor_skip(cur, 4) && nfs_read_opaque(cur, &body);
}

static void lone_event(struct app_conn *conn, const struct nfs_message *message, enum nfs_event event)
{
	struct nfs_tx *tx = nfs_tx_new(conn, message);

	if (!tx)
		return;
	tx->common.skip_logs = true;
	tx->common.dirs_skip = message->dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	app_tx_event(conn, &tx->common, (uint8_t)event);
	nfs_tx_done(conn, tx);
}

static void handle_call(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message)
{
	struct cursor *cur = &message->cur;
	uint32_t rpc_version, program;

	if (!cursor_u32be(cur, &rpc_version) || !cursor_u32be(cur, &program) || !cursor_u32be(cur, &message->version) ||
		!cursor_u32be(cur, &message->procedure) || rpc_version != RPC_VERSION ||
		!read_auth(cur, &message->auth) || !read_verifier(cur)) {
		lone_event(conn, message, NFS_EVENT_MALFORMED_DATA);
		return;
	}
	/* Other programs share the connection: callbacks of version 4, ACLs. */
	if (program != RPC_PROGRAM_NFS)
		return;
	if (message->version == 4)
		nfs4_call(conn, state, message);
	else if (message->version == 2 || message->version == 3)
		nfs23_call(conn, state, message);
	else
		lone_event(conn, message, NFS_EVENT_NON_EXISTING_VERSION);
}

static void handle_reply(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message)
{
	struct nfs_call *call = nfs_call_find(state, message->xid);
	struct cursor *cur = &message->cur;
	uint32_t accepted = 0;

	if (!call)
		return;
	message->version = call->version;
	message->procedure = call->procedure;
	message->auth = call->auth;
	call->used = false;
	if (!cursor_u32be(cur, &message->rpc_status) ||
		(message->rpc_status == 0 && (!read_verifier(cur) || !cursor_u32be(cur, &accepted)))) {
		lone_event(conn, message, NFS_EVENT_MALFORMED_DATA);
		return;
	}
	if (accepted != 0)
		message->rpc_status = accepted;
	if (call->version == 4)
		nfs4_reply(conn, state, message, call);
	else
		nfs23_reply(conn, state, message, call);
}

static void handle_message(struct app_conn *conn, struct nfs_state *state, struct nfs_message *message)
{
	uint32_t type;

	if (!cursor_u32be(&message->cur, &message->xid) || !cursor_u32be(&message->cur, &type)) {
		lone_event(conn, message, NFS_EVENT_MALFORMED_DATA);
		return;
	}
	if (type == RPC_CALL && message->dir == TO_SERVER)
		handle_call(conn, state, message);
	else if (type == RPC_REPLY && message->dir == TO_CLIENT)
		handle_reply(conn, state, message);
	else if (type > RPC_REPLY)
		lone_event(conn, message, NFS_EVENT_MALFORMED_DATA);
}

/* ---- TCP ---- */

/* Transactions may go before their last bytes come. */
static bool tx_lives(const struct app_conn *conn, const struct nfs_tx *wanted)
{
	for (const struct app_tx *at = conn->first; at; at = at->next)
		if (at == &wanted->common)
			return true;
	return false;
}

/* Takes what belongs to the message at hand; how many bytes that were. */
static size_t take_rest(struct app_conn *conn, struct nfs_rest *rest, struct bytes in)
{
	struct bytes mine = bytes_first(in, rest->message_size < in.size ? (size_t)rest->message_size : in.size);
	struct bytes data = bytes_first(mine, rest->data_size < mine.size ? (size_t)rest->data_size : mine.size);

	if (rest->tx && !tx_lives(conn, rest->tx))
		rest->tx = NULL;
	if (rest->tx && data.size != 0)
		nfs_file_more(conn, rest->tx, data);
	rest->data_size -= data.size;
	rest->message_size -= mine.size;
	if (rest->data_size == 0 && rest->tx) {
		if (rest->tx->last)
			nfs_file_end(conn, rest->tx, true);
		if (rest->tx->last && rest->tx->has_reply)
			nfs_tx_done(conn, rest->tx);
		rest->tx = NULL;
	}
	return mine.size;
}

static void end_of_files(struct app_conn *conn, struct nfs_state *state, enum sensor_dir dir)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct nfs_tx *tx = (struct nfs_tx *)at;

		if (at->protocol == conn->protocol && tx->is_file && tx->dir == dir)
			nfs_file_end(conn, tx, state->rest[dir].tx != tx);
	}
}

static struct app_result parse_stream(
	struct app_conn *conn, struct nfs_state *state, enum sensor_dir dir, const struct app_input *in)
{
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes left = bytes_skip(in->data, used), part;
		struct cursor cur = cursor_over(left);
		struct nfs_message message = { .dir = dir, .now_ns = in->now_ns };
		uint32_t mark;
		size_t size, wanted;

		if (state->rest[dir].message_size != 0) {
			used += take_rest(conn, &state->rest[dir], left);
			continue;
		}
		if (!cursor_u32be(&cur, &mark))
			return APP_RESULT_MORE(used, MARK_SIZE);
		size = mark & ~MARK_LAST;
		wanted = size < NFS_PREFIX_SIZE ? size : NFS_PREFIX_SIZE;
		if (!cursor_take(&cur, wanted, &part))
			return APP_RESULT_MORE(used, MARK_SIZE + wanted);
		message.cur = cursor_over(part);
		message.partial = wanted < size;
		if (size != 0)
			handle_message(conn, state, &message);
		state->rest[dir] = message.rest;
		state->rest[dir].message_size = size - wanted;
		if (state->rest[dir].data_size > state->rest[dir].message_size)
			state->rest[dir].data_size = state->rest[dir].message_size;
		used += MARK_SIZE + wanted;
	}
	if (in->eof)
		end_of_files(conn, state, dir);
	return APP_RESULT_OK;
}

static struct app_result parse_gap(
	struct app_conn *conn, struct nfs_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct nfs_rest *rest = &state->rest[dir];

	/* Only inside the data of a file the place of the next message is still known. */
	if (in->gap_size > rest->message_size)
		return APP_RESULT_ERROR;
	if (rest->tx && tx_lives(conn, rest->tx) && rest->tx->file) {
		uint64_t size = in->gap_size < rest->data_size ? in->gap_size : rest->data_size;

		file_gap(conn, rest->tx->file, size);
		rest->tx->offset += size;
	}
	rest->data_size -= in->gap_size < rest->data_size ? in->gap_size : rest->data_size;
	rest->message_size -= in->gap_size;
	return APP_RESULT_OK;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct nfs_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct nfs_message message = { .dir = dir, .now_ns = in->now_ns, .cur = cursor_over(in->data) };

	if (in->gap_size != 0)
		return parse_gap(conn, state, dir, in);
	if (conn->flow->protocol == 6)
		return parse_stream(conn, state, dir, in);
	if (in->data.size != 0)
		handle_message(conn, state, &message);
	else if (in->eof)
		end_of_files(conn, state, dir);
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct nfs_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct nfs_state));
}

/* ---- Recognition ---- */

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	uint32_t xid, type, rpc_version, program, version;

	if (!cursor_u32be(&cur, &xid) || !cursor_u32be(&cur, &type) || !cursor_u32be(&cur, &rpc_version))
		return APP_PROBE_MORE;
	if (dir == TO_CLIENT)
		return type == RPC_REPLY && rpc_version <= 1 ? APP_PROBE_YES : APP_PROBE_NO;
	if (type != RPC_CALL || rpc_version != RPC_VERSION)
		return APP_PROBE_NO;
	if (!cursor_u32be(&cur, &program) || !cursor_u32be(&cur, &version))
		return APP_PROBE_MORE;
	return program == RPC_PROGRAM_NFS && version >= 2 && version <= 4 ? APP_PROBE_YES : APP_PROBE_NO;
}

static enum app_probe_answer probe_stream(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	uint32_t mark;

	if (!cursor_u32be(&cur, &mark))
		return APP_PROBE_MORE;
	return (mark & ~MARK_LAST) < 3u * 4u ? APP_PROBE_NO : probe(flow, dir, cursor_rest(&cur));
}

static const struct app_port_probe probes[] = {
	{ .ports = "2049", .transport = 6, .min_size = 16, .to_server = probe_stream, .to_client = probe_stream },
	{ .ports = "2049", .transport = 17, .min_size = 12, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

/* ---- Rules ---- */

static bool get_procedure(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct nfs_tx *)tx)->procedure;
	return index == 0;
}

static bool get_version(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct nfs_tx *)tx)->version;
	return index == 0;
}

/* RFC 1813; numbers can be given for the other versions. */
static const struct app_name_value procedure_names[] = { { "null", 0 }, { "getattr", 1 }, { "setattr", 2 },
	{ "lookup", 3 }, { "access", 4 }, { "readlink", 5 }, { "read", 6 }, { "write", 7 }, { "create", 8 },
	{ "mkdir", 9 }, { "symlink", 10 }, { "mknod", 11 }, { "remove", 12 }, { "rmdir", 13 }, { "rename", 14 },
	{ "link", 15 }, { "readdir", 16 }, { "readdirplus", 17 }, { "fsstat", 18 }, { "fsinfo", 19 },
	{ "pathconf", 20 }, { "commit", 21 }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "nfs_procedure", .dirs = DIR_TO_SERVER, .bits = 32, .names = procedure_names, .get = get_procedure },
	{ .name = "nfs.version", .alias = "nfs_version", .dirs = DIR_TO_SERVER, .bits = 32, .get = get_version },
	{ .name = NULL },
};

static const struct app_buffer buffers[] = {
	{ .name = "file.data",
		.alias = "file_data",
		.dirs = DIR_BOTH,
		.flags = APP_BUFFER_STREAMING | APP_BUFFER_FILE },
	{ .name = NULL },
};

extern const struct app_protocol app_protocol_nfs;

const struct app_protocol app_protocol_nfs = {
	.name = "nfs",
	.event_type = "nfs",
	.log_key = "nfs",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.complete = { NFS_COMPLETE, NFS_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_top = nfs_log,
};
