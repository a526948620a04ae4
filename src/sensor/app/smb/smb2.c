// SPDX-License-Identifier: Apache-2.0
/* Messages of SMB 2 and 3 ([MS-SMB2], section 2.2). A record may be a compound of several. */
#include "base/cursor.h"
#include "sensor/app/smb/smb.h"

enum smb2_command {
	SMB2_NEGOTIATE = 0x00,
	SMB2_SESSION_SETUP = 0x01,
	SMB2_TREE_CONNECT = 0x03,
	SMB2_TREE_DISCONNECT = 0x04,
	SMB2_CREATE = 0x05,
	SMB2_CLOSE = 0x06,
	SMB2_READ = 0x08,
	SMB2_WRITE = 0x09,
	SMB2_IOCTL = 0x0b,
	SMB2_CANCEL = 0x0c,
	SMB2_GET_INFO = 0x10,
	SMB2_SET_INFO = 0x11,
};

enum smb2_flag { FLAG_RESPONSE = 0x1, FLAG_ASYNC = 0x2 };

enum {
	HEAD_SIZE = 64,
	STATUS_PENDING = 0x103,
	FSCTL_PIPE_TRANSCEIVE = 0x0011c017,
	COMPOUND_MAX = 64,
};
#define STATUS_BUFFER_OVERFLOW 0x80000005u

/* One message in hand. */
struct smb2 {
	struct app_conn *conn;
	struct smb_state *state;
	enum sensor_dir dir;
	struct smb_message message;
	struct cursor body; /* behind the head */
	uint32_t next_offset; /* of the next in the compound; 0: the last */
	uint64_t cut_size; /* bytes of the message that have not come */
};

static bool read_head(struct smb2 *in, struct bytes whole, uint64_t now_ns)
{
	struct cursor cur = cursor_over(whole);
	struct smb_message *message = &in->message;
	uint16_t head_size;
	uint32_t flags;

	*message = (struct smb_message){ .version = 2, .now_ns = now_ns, .unicode = true };
	if (!cursor_skip(&cur, 4) || !cursor_u16le(&cur, &head_size) || head_size != HEAD_SIZE ||
		!cursor_skip(&cur, 2) || !cursor_u32le(&cur, &message->status) ||
		!cursor_u16le(&cur, &message->command) || !cursor_skip(&cur, 2) || !cursor_u32le(&cur, &flags) ||
		!cursor_u32le(&cur, &in->next_offset) || !cursor_u64le(&cur, &message->message_id) ||
		!cursor_skip(&cur, 4) || !cursor_u32le(&cur, &message->tree_id) ||
		!cursor_u64le(&cur, &message->session_id) || !cursor_skip(&cur, 16))
		return false;
	message->is_response = (flags & FLAG_RESPONSE) != 0;
	message->is_async = (flags & FLAG_ASYNC) != 0;
	if (message->is_async)
		message->tree_id = 0;
	message->whole = whole;
	in->body = cur;
	return true;
}

/* A part of the message by its offset from the head. */
static bool part(const struct smb2 *in, size_t offset, size_t size, struct bytes *ret)
{
	struct cursor cur = cursor_over(in->message.whole);

	if (size == 0) {
		*ret = (struct bytes){ 0 };
		return true;
	}
	return cursor_skip(&cur, offset) && cursor_take(&cur, size, ret);
}

static bool take_fuid(struct cursor *cur, struct smb_fuid *ret)
{
	struct smb_fuid fuid = { .size = SMB_FUID_SIZE };

	if (!cursor_copy(cur, SMB_FUID_SIZE, fuid.bytes))
		return false;
	*ret = fuid;
	return true;
}

/* All ones: the file of the operation before in the compound (section 2.2.3.1, SMB2_FLAGS_RELATED_OPERATIONS). */
static bool is_related(const struct smb_fuid *fuid)
{
	for (unsigned int i = 0; i < SMB_FUID_SIZE; i++)
		if (fuid->bytes[i] != 0xff)
			return false;
	return true;
}

static struct smb_tx *tx_new(struct smb2 *in, enum smb_kind kind)
{
	struct smb_tx *tx = smb_tx_new(in->conn, in->state, &in->message, kind);

	if (tx)
		app_tx_progress(in->conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	return tx;
}

static void malformed(struct smb2 *in)
{
	smb_event(in->conn, in->state, &in->message, in->dir, SMB_EVENT_MALFORMED_DATA);
}

/* ---- Questions ---- */

static void ask_negotiate(struct smb2 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_NEGOTIATE);
	struct smb_negotiate *negotiate;
	uint16_t count, dialect;

	if (!tx)
		return;
	negotiate = tx->negotiate;
	if (!cursor_skip(&in->body, 2) || !cursor_u16le(&in->body, &count) || !cursor_skip(&in->body, 8) ||
		!cursor_copy(&in->body, sizeof(negotiate->client_guid), negotiate->client_guid) ||
		!cursor_skip(&in->body, 8)) {
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	negotiate->has_client_guid = true;
	if (count == 0 || cursor_left(&in->body) < 2 * (size_t)count)
		app_tx_event(in->conn, &tx->common, SMB_EVENT_NEGOTIATE_MALFORMED_DIALECTS);
	while (count-- != 0 && negotiate->dialect_count < SMB_DIALECTS_MAX && cursor_u16le(&in->body, &dialect))
		negotiate->dialects[negotiate->dialect_count++] = bytes_from_str(smb2_dialect_name(dialect));
}

static void ask_setup(struct smb2 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_SESSION);
	uint16_t offset, size;
	struct bytes blob;

	if (!tx)
		return;
	if (!cursor_skip(&in->body, 12) || !cursor_u16le(&in->body, &offset) || !cursor_u16le(&in->body, &size) ||
		!part(in, offset, size, &blob))
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
	else if (!smb_security_read(&tx->common, tx->setup, blob))
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_NTLMSSP_REQUEST);
}

static void ask_tree(struct smb2 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_TREE);
	uint16_t offset, size;
	struct bytes name;

	if (!tx)
		return;
	if (!cursor_skip(&in->body, 4) || !cursor_u16le(&in->body, &offset) || !cursor_u16le(&in->body, &size) ||
		!part(in, offset, size, &name))
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
	else
		tx->tree->name = smb_text(&tx->common, name, true);
}

static void ask_create(struct smb2 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_CREATE);
	uint16_t offset, size;
	uint32_t options;
	struct bytes name;

	if (!tx)
		return;
	if (!cursor_skip(&in->body, 36) || !cursor_u32le(&in->body, &tx->create->disposition) ||
		!cursor_u32le(&in->body, &options) || !cursor_u16le(&in->body, &offset) ||
		!cursor_u16le(&in->body, &size) || !part(in, offset, size, &name)) {
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	tx->create->name = smb_text(&tx->common, name, true);
	tx->create->delete_on_close = (options & 0x1000) != 0;
	tx->create->directory = (options & 0x1) != 0;
	if (in->next_offset != 0) {
		/* What follows in the compound is about this file, whose identity nobody knows yet. */
		struct smb_fuid fuid = { .size = SMB_FUID_SIZE };
		struct smb_open *open;

		memset(fuid.bytes, 0xff, sizeof(fuid.bytes));
		smb_open_close(in->conn, in->state, &fuid);
		open = smb_open_get(in->conn, in->state, &fuid, in->message.tree_id);
		if (open)
			smb_open_name(in->conn, open, tx->create->name);
	}
}

static void ask_close(struct smb2 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_PLAIN);
	struct smb_fuid fuid;

	if (!cursor_skip(&in->body, 8) || !take_fuid(&in->body, &fuid)) {
		if (tx)
			app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	smb_open_close(in->conn, in->state, &fuid);
}

static void ask_read(struct smb2 *in)
{
	struct smb_pending pending = { .message_id = in->message.message_id, .command = in->message.command };
	uint64_t max_size = in->state->config->max_size[TO_CLIENT];
	uint32_t size;

	if (!cursor_skip(&in->body, 4) || !cursor_u32le(&in->body, &size) ||
		!cursor_u64le(&in->body, &pending.offset) || !take_fuid(&in->body, &pending.fuid)) {
		malformed(in);
		return;
	}
	if (max_size != 0 && size > max_size)
		smb_event(in->conn, in->state, &in->message, in->dir, SMB_EVENT_READ_REQUEST_TOO_LARGE);
	smb_pending_add(in->conn, in->state, &pending);
}

/* A write: where its data lies. */
struct write_head {
	uint16_t data_offset;
	uint32_t size;
	uint64_t offset;
	struct smb_fuid fuid;
};

static bool read_write(struct cursor body, struct write_head *ret)
{
	return cursor_skip(&body, 2) && cursor_u16le(&body, &ret->data_offset) && cursor_u32le(&body, &ret->size) &&
	       cursor_u64le(&body, &ret->offset) && take_fuid(&body, &ret->fuid) && cursor_skip(&body, 16);
}

/* Content that lies at 'data_offset' of the message; what a size says beyond the message does not count. */
static bool content(struct smb2 *in, const struct smb_fuid *fuid, uint64_t offset, size_t data_offset, uint64_t size)
{
	struct bytes data = bytes_skip(in->message.whole, data_offset);
	uint64_t there_size = data.size + in->cut_size;

	if (data_offset > in->message.whole.size)
		return false;
	if (size > there_size)
		size = there_size;
	if (smb_is_pipe(in->state, &in->message, fuid, data)) {
		if (in->cut_size != 0)
			return false;
		smb_pipe_data(in->conn, in->state, &in->message, fuid, in->dir, bytes_first(data, size));
		return true;
	}
	data = bytes_first(data, size);
	in->state->rest[in->dir] =
		(struct smb_rest){ .data_size = size - data.size, .skip_size = there_size - size, .fuid = *fuid };
	in->state->rest[in->dir].has_fuid =
		smb_file_data(in->conn, in->state, &in->message, fuid, in->dir, offset, data, size);
	if (in->cut_size == 0)
		in->state->rest[in->dir] = (struct smb_rest){ 0 };
	return true;
}

static void ask_write(struct smb2 *in)
{
	struct write_head head;

	if (!read_write(in->body, &head) || !content(in, &head.fuid, head.offset, head.data_offset, head.size))
		malformed(in);
}

static void ask_ioctl(struct smb2 *in)
{
	struct smb_pending pending = { .message_id = in->message.message_id, .command = in->message.command };
	uint32_t function, offset, size;
	struct bytes data;
	struct smb_tx *tx;

	if (!cursor_skip(&in->body, 4) || !cursor_u32le(&in->body, &function) || !take_fuid(&in->body, &pending.fuid) ||
		!cursor_u32le(&in->body, &offset) || !cursor_u32le(&in->body, &size) ||
		!part(in, offset, size, &data)) {
		malformed(in);
		return;
	}
	if (function == FSCTL_PIPE_TRANSCEIVE && smb_is_pipe(in->state, &in->message, &pending.fuid, data)) {
		smb_pending_add(in->conn, in->state, &pending);
		smb_pipe_data(in->conn, in->state, &in->message, &pending.fuid, in->dir, data);
		return;
	}
	tx = tx_new(in, SMB_TX_IOCTL);
	if (tx)
		tx->ioctl->function = function;
}

enum { INFO_FILE = 1, LEVEL_RENAME = 10, LEVEL_DISPOSITION = 13 };

static struct bytes name_of(struct smb2 *in, struct app_tx *tx, const struct smb_fuid *fuid)
{
	const struct smb_open *open = smb_open_find(in->state, fuid);

	return open ? app_tx_dup(tx, bytes_of(open->name, open->name_size)) : (struct bytes){ 0 };
}

static void ask_rename(struct smb2 *in, struct smb_tx *tx, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	struct bytes name;
	uint32_t size;

	if (cursor_skip(&cur, 16) && cursor_u32le(&cur, &size) && cursor_take(&cur, size, &name))
		tx->set_info->new_name = smb_text(&tx->common, name, true);
	else
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
}

static void ask_set_info(struct smb2 *in)
{
	uint8_t info_class, level;
	uint32_t size;
	uint16_t offset;
	struct smb_fuid fuid;
	struct bytes data;
	struct smb_tx *tx;
	bool rename;

	if (!cursor_skip(&in->body, 2) || !cursor_u8(&in->body, &info_class) || !cursor_u8(&in->body, &level) ||
		!cursor_u32le(&in->body, &size) || !cursor_u16le(&in->body, &offset) || !cursor_skip(&in->body, 6) ||
		!take_fuid(&in->body, &fuid) || !part(in, offset, size, &data)) {
		malformed(in);
		return;
	}
	rename = level == LEVEL_RENAME;
	if (info_class != INFO_FILE || (!rename && level != LEVEL_DISPOSITION))
		return;
	tx = tx_new(in, rename ? SMB_TX_RENAME : SMB_TX_SET_INFO);
	if (!tx)
		return;
	tx->has_fuid = true;
	tx->fuid = fuid;
	tx->set_info->class_name = smb2_info_class_name(info_class);
	tx->set_info->level_name = smb2_info_level_name(info_class, level);
	tx->set_info->name = name_of(in, &tx->common, &fuid);
	if (rename) {
		ask_rename(in, tx, data);
	} else {
		tx->set_info->is_disposition = true;
		tx->set_info->delete_on_close = data.size != 0 && (data.ptr[0] & 1);
	}
}

static void ask(struct smb2 *in)
{
	struct smb_tx *tx;

	switch (in->message.command) {
	case SMB2_NEGOTIATE:
		ask_negotiate(in);
		break;
	case SMB2_SESSION_SETUP:
		ask_setup(in);
		break;
	case SMB2_TREE_CONNECT:
		ask_tree(in);
		break;
	case SMB2_CREATE:
		ask_create(in);
		break;
	case SMB2_CLOSE:
		ask_close(in);
		break;
	case SMB2_READ:
		ask_read(in);
		break;
	case SMB2_WRITE:
		ask_write(in);
		break;
	case SMB2_IOCTL:
		ask_ioctl(in);
		break;
	case SMB2_SET_INFO:
		ask_set_info(in);
		break;
	case SMB2_GET_INFO:
		break;
	case SMB2_CANCEL:
		/* Nothing answers it. */
		tx = tx_new(in, SMB_TX_PLAIN);
		if (tx)
			app_tx_progress(in->conn, &tx->common, TO_CLIENT, SMB_COMPLETE);
		break;
	default:
		(void)tx_new(in, SMB_TX_PLAIN);
		break;
	}
}

/* ---- Answers ---- */

/* The negotiation that this answers: also one of SMB1 that offered SMB2 (section 3.3.5.3.1). */
static struct smb_tx *find_negotiate(struct smb2 *in)
{
	struct smb_tx *tx = smb_tx_find(in->conn, &in->message);

	for (struct app_tx *at = in->conn->first; !tx && at; at = at->next) {
		struct smb_tx *candidate = (struct smb_tx *)at;

		if (candidate->kind == SMB_TX_NEGOTIATE && candidate->version == 1 && at->progress[TO_CLIENT] == 0)
			tx = candidate;
	}
	return tx;
}

static void check_sizes(struct smb2 *in, struct smb_tx *tx)
{
	const struct smb_config *config = in->state->config;

	if (config->max_size[TO_CLIENT] != 0 && tx->negotiate->max_read_size > config->max_size[TO_CLIENT])
		app_tx_event(in->conn, &tx->common, SMB_EVENT_NEGOTIATE_MAX_READ_SIZE_TOO_LARGE);
	if (config->max_size[TO_SERVER] != 0 && tx->negotiate->max_write_size > config->max_size[TO_SERVER])
		app_tx_event(in->conn, &tx->common, SMB_EVENT_NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE);
}

static void answer_negotiate(struct smb2 *in)
{
	struct smb_tx *tx = find_negotiate(in);
	uint32_t max_read_size, max_write_size;
	uint16_t dialect;
	uint8_t guid[16];

	if (!cursor_skip(&in->body, 4) || !cursor_u16le(&in->body, &dialect) || !cursor_skip(&in->body, 2) ||
		!cursor_copy(&in->body, sizeof(guid), guid) || !cursor_skip(&in->body, 8) ||
		!cursor_u32le(&in->body, &max_read_size) || !cursor_u32le(&in->body, &max_write_size)) {
		if (tx)
			smb_tx_answer(in->conn, in->state, tx, &in->message);
		return;
	}
	in->state->dialect = dialect;
	in->state->dialect_name = smb2_dialect_name(dialect);
	if (!tx)
		return;
	memcpy(tx->negotiate->server_guid, guid, sizeof(guid));
	tx->negotiate->has_server_guid = true;
	if (tx->version == 2) {
		tx->negotiate->has_sizes = true;
		tx->negotiate->max_read_size = max_read_size;
		tx->negotiate->max_write_size = max_write_size;
		check_sizes(in, tx);
	}
	smb_tx_answer(in->conn, in->state, tx, &in->message);
}

static void answer_tree(struct smb2 *in, struct smb_tx *tx)
{
	struct smb_tree_connect *tree = tx->tree;

	if (in->message.status != 0 || !cursor_skip(&in->body, 2) || !cursor_u8(&in->body, &tree->share_type))
		return;
	tree->answered = true;
	tree->is_pipe = tree->share_type == 2;
	tx->tree_id = in->message.tree_id;
	smb_tree_add(in->conn, in->state, in->message.tree_id, tree->name, tree->is_pipe);
}

static void answer_create(struct smb2 *in, struct smb_tx *tx)
{
	struct smb_create *create = tx->create;
	struct smb_open *open;

	in->state->has_related = false;
	if (in->message.status != 0 || !cursor_skip(&in->body, 8) || !cursor_u64le(&in->body, &create->created) ||
		!cursor_u64le(&in->body, &create->accessed) || !cursor_u64le(&in->body, &create->modified) ||
		!cursor_u64le(&in->body, &create->changed) || !cursor_skip(&in->body, 8) ||
		!cursor_u64le(&in->body, &create->size) || !cursor_skip(&in->body, 8) ||
		!take_fuid(&in->body, &tx->fuid))
		return;
	create->answered = true;
	tx->has_fuid = true;
	in->state->has_related = true;
	in->state->related = tx->fuid;
	open = smb_open_get(in->conn, in->state, &tx->fuid, tx->tree_id);
	if (open)
		smb_open_name(in->conn, open, create->name);
}

/* A read's answer: where its data lies. */
static bool read_answer(struct cursor body, uint8_t *ret_offset, uint32_t *ret_size)
{
	return cursor_skip(&body, 2) && cursor_u8(&body, ret_offset) && cursor_skip(&body, 1) &&
	       cursor_u32le(&body, ret_size) && cursor_skip(&body, 8);
}

static bool has_content(const struct smb_message *message)
{
	return message->status == 0 || message->status == STATUS_BUFFER_OVERFLOW;
}

static bool answer_read(struct smb2 *in, const struct smb_pending *asked)
{
	const struct smb_fuid *fuid = &asked->fuid;
	uint8_t data_offset;
	uint32_t size;
	bool taken;

	if (is_related(fuid) && in->state->has_related)
		fuid = &in->state->related;
	if (!has_content(&in->message))
		return true;
	if (!read_answer(in->body, &data_offset, &size))
		return false;
	taken = content(in, fuid, asked->offset, data_offset, size);
	return taken;
}

static void answer_ioctl(struct smb2 *in)
{
	struct smb_pending asked;
	uint32_t offset, size;
	struct bytes data;

	if (!smb_pending_take(in->state, in->message.message_id, in->message.command, &asked))
		return;
	if (!has_content(&in->message))
		return;
	if (!cursor_skip(&in->body, 32) || !cursor_u32le(&in->body, &offset) || !cursor_u32le(&in->body, &size) ||
		!part(in, offset, size, &data))
		malformed(in);
	else
		smb_pipe_data(in->conn, in->state, &in->message, &asked.fuid, in->dir, data);
}

static void answer_tx(struct smb2 *in)
{
	struct smb_tx *tx = smb_tx_find(in->conn, &in->message);

	if (!tx)
		return;
	switch (tx->kind) {
	case SMB_TX_SESSION:
		/* A new session gets its number with the answer. */
		tx->session_id = in->message.session_id;
		break;
	case SMB_TX_TREE:
		answer_tree(in, tx);
		break;
	case SMB_TX_CREATE:
		answer_create(in, tx);
		break;
	default:
		break;
	}
	if (in->message.command == SMB2_TREE_DISCONNECT && in->message.status == 0)
		smb_tree_remove(in->conn, in->state, tx->tree_id);
	/* Within a compound the file is closed with the answer. */
	if (in->message.command == SMB2_CLOSE && in->state->has_related)
		smb_open_close(in->conn, in->state, &in->state->related);
	smb_tx_answer(in->conn, in->state, tx, &in->message);
}

static void answer(struct smb2 *in)
{
	struct smb_pending asked;

	if (in->message.status == STATUS_PENDING)
		return; /* the answer comes later */
	switch (in->message.command) {
	case SMB2_NEGOTIATE:
		answer_negotiate(in);
		break;
	case SMB2_READ:
		if (smb_pending_take(in->state, in->message.message_id, in->message.command, &asked) &&
			!answer_read(in, &asked))
			malformed(in);
		break;
	case SMB2_IOCTL:
		answer_ioctl(in);
		answer_tx(in);
		break;
	case SMB2_WRITE:
	case SMB2_GET_INFO:
		break;
	default:
		answer_tx(in);
		break;
	}
}

/* ---- Records ---- */

static void one(struct smb2 *in)
{
	if (in->message.is_response != (in->dir == TO_CLIENT)) {
		smb_event(in->conn, in->state, &in->message, in->dir,
			in->dir == TO_CLIENT ? SMB_EVENT_REQUEST_TO_CLIENT : SMB_EVENT_RESPONSE_TO_SERVER);
		return;
	}
	if (in->dir == TO_SERVER)
		ask(in);
	else
		answer(in);
}

void smb2_message(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes whole, uint64_t now_ns)
{
	struct smb2 in = { .conn = conn, .state = state, .dir = dir };

	if (dir == TO_CLIENT)
		state->has_related = false;
	for (unsigned int i = 0; i < COMPOUND_MAX; i++) {
		if (!read_head(&in, whole, now_ns) || memcmp(whole.ptr, "\xfeSMB", 4) != 0 ||
			(in.next_offset != 0 && (in.next_offset < HEAD_SIZE || in.next_offset > whole.size))) {
			malformed(&in);
			break;
		}
		if (in.next_offset != 0) {
			in.message.whole = bytes_first(whole, in.next_offset);
			in.body.end = whole.ptr + in.next_offset;
		}
		one(&in);
		if (in.next_offset == 0)
			break;
		whole = bytes_skip(whole, in.next_offset);
	}
	state->has_related = false;
}

bool smb2_begin(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes head, uint64_t size,
	uint64_t now_ns)
{
	struct smb2 in = { .conn = conn, .state = state, .dir = dir, .cut_size = size - head.size };
	struct smb_pending asked;
	struct write_head write;

	if (!read_head(&in, head, now_ns) || in.next_offset != 0 || in.message.is_response != (dir == TO_CLIENT))
		return false;
	if (dir == TO_SERVER)
		return in.message.command == SMB2_WRITE && read_write(in.body, &write) &&
		       content(&in, &write.fuid, write.offset, write.data_offset, write.size);
	if (in.message.command != SMB2_READ || in.message.status == STATUS_PENDING ||
		!smb_pending_peek(state, in.message.message_id, in.message.command, &asked) ||
		!has_content(&in.message) || !answer_read(&in, &asked))
		return false;
	return smb_pending_take(state, in.message.message_id, in.message.command, &asked);
}
