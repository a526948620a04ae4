// SPDX-License-Identifier: Apache-2.0
/* Messages of SMB 1 ([MS-CIFS], section 2.2; [MS-SMB], section 2.2): a head, then words and bytes of a command, and with
 * AndX further commands chained behind it. Offsets count from the head. */
#include "base/cursor.h"
#include "sensor/app/smb/smb.h"

enum smb1_command {
	SMB1_CLOSE = 0x04,
	SMB1_RENAME = 0x07,
	SMB1_WRITE = 0x0b,
	SMB1_LOCKING_ANDX = 0x24,
	SMB1_TRANS = 0x25,
	SMB1_WRITE_AND_CLOSE = 0x2c,
	SMB1_OPEN_ANDX = 0x2d,
	SMB1_READ_ANDX = 0x2e,
	SMB1_WRITE_ANDX = 0x2f,
	SMB1_TRANS2 = 0x32,
	SMB1_TREE_DISCONNECT = 0x71,
	SMB1_NEGOTIATE = 0x72,
	SMB1_SESSION_SETUP_ANDX = 0x73,
	SMB1_LOGOFF_ANDX = 0x74,
	SMB1_TREE_CONNECT_ANDX = 0x75,
	SMB1_NT_CREATE_ANDX = 0xa2,
	SMB1_NT_CANCEL = 0xa4,
	SMB1_NONE = 0xff,
};

enum { HEAD_SIZE = 32, CHAIN_MAX = 16, FLAG_REPLY = 0x80, FLAG2_NT_STATUS = 0x4000, FLAG2_UNICODE = 0x8000 };
enum { TRANS_TRANSACT_PIPE = 0x26, TRANS2_SET_PATH_INFO = 6, TRANS2_SET_FILE_INFO = 8 };

/* One command in hand. */
struct smb1 {
	struct app_conn *conn;
	struct smb_state *state;
	enum sensor_dir dir;
	struct smb_message message;
	uint16_t user_id;
	struct cursor words, bytes;
	uint64_t cut_size; /* bytes of the message that have not come */
};

static bool read_head(struct smb1 *in, struct bytes whole, uint64_t now_ns)
{
	struct cursor cur = cursor_over(whole);
	struct smb_message *message = &in->message;
	uint16_t flags2, tree_id, process_id, message_id;
	uint8_t command, flags;

	*message = (struct smb_message){ .version = 1, .now_ns = now_ns, .whole = whole };
	if (!cursor_skip(&cur, 4) || !cursor_u8(&cur, &command) || !cursor_u32le(&cur, &message->status) ||
		!cursor_u8(&cur, &flags) || !cursor_u16le(&cur, &flags2) || !cursor_skip(&cur, 12) ||
		!cursor_u16le(&cur, &tree_id) || !cursor_u16le(&cur, &process_id) ||
		!cursor_u16le(&cur, &in->user_id) || !cursor_u16le(&cur, &message_id))
		return false;
	message->command = command;
	message->is_response = (flags & FLAG_REPLY) != 0;
	message->status_is_dos = (flags2 & FLAG2_NT_STATUS) == 0;
	message->unicode = (flags2 & FLAG2_UNICODE) != 0;
	message->tree_id = tree_id;
	message->session_id = in->user_id;
	message->message_id = (uint64_t)process_id << 16 | message_id;
	return true;
}

/* The words and bytes of a command at 'offset'. Bytes end where the message ends, whatever their count says: large reads
 * and writes do not fit into it. */
static bool read_block(struct smb1 *in, size_t offset)
{
	struct cursor cur = cursor_over(in->message.whole);
	uint8_t count;
	uint16_t size;
	struct bytes words;

	if (!cursor_skip(&cur, offset) || !cursor_u8(&cur, &count) || !cursor_take(&cur, 2 * (size_t)count, &words) ||
		!cursor_u16le(&cur, &size))
		return false;
	in->words = cursor_over(words);
	in->bytes = cur;
	return true;
}

static struct smb_fuid fuid_of(const struct smb1 *in, uint16_t fid)
{
	return (struct smb_fuid){ .size = 6,
		.bytes = {
			(uint8_t)fid, (uint8_t)(fid >> 8), 0, 0, (uint8_t)(in->user_id >> 8), (uint8_t)in->user_id } };
}

static bool part(const struct smb1 *in, size_t offset, size_t size, struct bytes *ret)
{
	struct cursor cur = cursor_over(in->message.whole);

	*ret = (struct bytes){ 0 };
	return size == 0 || (cursor_skip(&cur, offset) && cursor_take(&cur, size, ret));
}

/* Text up to its NUL. In Unicode it begins at an even place of the message. */
static struct bytes take_text(struct smb1 *in, struct app_tx *tx, bool unicode)
{
	struct bytes rest = cursor_rest(&in->bytes);
	size_t size = 0;

	if (!unicode) {
		size = bytes_index(rest, 0);
		in->bytes = cursor_over(bytes_skip(rest, size + 1));
		return smb_text(tx, bytes_first(rest, size), false);
	}
	if (rest.size != 0 && ((size_t)(rest.ptr - in->message.whole.ptr) & 1))
		rest = bytes_skip(rest, 1);
	while (size + 2 <= rest.size && (rest.ptr[size] != 0 || rest.ptr[size + 1] != 0))
		size += 2;
	in->bytes = cursor_over(bytes_skip(rest, size + 2));
	return smb_text(tx, bytes_first(rest, size), true);
}

static struct smb_tx *tx_new(struct smb1 *in, enum smb_kind kind)
{
	struct smb_tx *tx = smb_tx_new(in->conn, in->state, &in->message, kind);

	if (tx)
		app_tx_progress(in->conn, &tx->common, TO_SERVER, SMB_COMPLETE);
	return tx;
}

static void malformed(struct smb1 *in)
{
	smb_event(in->conn, in->state, &in->message, in->dir, SMB_EVENT_MALFORMED_DATA);
}

/* Content that lies at 'data_offset' of the message; see smb2.c. */
static bool content(struct smb1 *in, const struct smb_fuid *fuid, uint64_t offset, size_t data_offset, uint64_t size)
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

/* ---- Questions ---- */

static void ask_negotiate(struct smb1 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_NEGOTIATE);
	uint8_t format;

	if (!tx)
		return;
	while (cursor_left(&in->bytes) != 0 && tx->negotiate->dialect_count < SMB_DIALECTS_MAX) {
		struct bytes rest, name;

		if (!cursor_u8(&in->bytes, &format) || format != 2) {
			app_tx_event(in->conn, &tx->common, SMB_EVENT_NEGOTIATE_MALFORMED_DIALECTS);
			return;
		}
		rest = cursor_rest(&in->bytes);
		name = bytes_first(rest, bytes_index(rest, 0));
		in->bytes = cursor_over(bytes_skip(rest, name.size + 1));
		tx->negotiate->dialects[tx->negotiate->dialect_count++] = app_tx_dup(&tx->common, name);
	}
}

static void native_names(struct smb1 *in, struct smb_tx *tx)
{
	struct smb_setup *setup = tx->setup;

	setup->native_os[in->dir] = take_text(in, &tx->common, in->message.unicode);
	setup->native_lm[in->dir] = take_text(in, &tx->common, in->message.unicode);
	setup->has_native[in->dir] = true;
}

/* Security blob in words 7 and 12 of twelve; thirteen words are the older form with passwords. */
static void ask_setup(struct smb1 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_SESSION);
	size_t words_size = cursor_left(&in->words);
	uint16_t size = 0, unicode_size = 0;
	struct bytes blob;

	if (!tx)
		return;
	if (words_size == 24) {
		if (cursor_skip(&in->words, 14) && cursor_u16le(&in->words, &size) &&
			cursor_take(&in->bytes, size, &blob)) {
			if (!smb_security_read(&tx->common, tx->setup, blob))
				app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_NTLMSSP_REQUEST);
			native_names(in, tx);
			return;
		}
	} else if (words_size == 26) {
		if (cursor_skip(&in->words, 14) && cursor_u16le(&in->words, &size) &&
			cursor_u16le(&in->words, &unicode_size) &&
			cursor_skip(&in->bytes, (size_t)size + unicode_size)) {
			(void)take_text(in, &tx->common, in->message.unicode); /* account */
			(void)take_text(in, &tx->common, in->message.unicode); /* domain */
			native_names(in, tx);
			return;
		}
	} else {
		return;
	}
	app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
}

static void ask_tree(struct smb1 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_TREE);
	uint16_t password_size;

	if (!tx)
		return;
	if (!cursor_skip(&in->words, 6) || !cursor_u16le(&in->words, &password_size) ||
		!cursor_skip(&in->bytes, password_size)) {
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	tx->tree->name = take_text(in, &tx->common, in->message.unicode);
	tx->tree->service[TO_SERVER] = take_text(in, &tx->common, false);
	tx->tree->has_service[TO_SERVER] = true;
	tx->tree->is_pipe = bytes_equal_str(tx->tree->service[TO_SERVER], "IPC");
}

static void ask_create(struct smb1 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_CREATE);
	uint32_t options;

	if (!tx)
		return;
	if (!cursor_skip(&in->words, 35) || !cursor_u32le(&in->words, &tx->create->disposition) ||
		!cursor_u32le(&in->words, &options)) {
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	tx->create->name = take_text(in, &tx->common, in->message.unicode);
	tx->create->delete_on_close = (options & 0x1000) != 0;
	tx->create->directory = (options & 0x1) != 0;
}

static void ask_close(struct smb1 *in)
{
	uint16_t fid;
	struct smb_fuid fuid;
	struct smb_tx *tx = tx_new(in, SMB_TX_PLAIN);

	if (!cursor_u16le(&in->words, &fid)) {
		if (tx)
			app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	fuid = fuid_of(in, fid);
	smb_open_close(in->conn, in->state, &fuid);
}

/* WRITE_ANDX. */
struct write_head {
	uint16_t fid, data_offset;
	uint64_t offset;
	uint32_t size;
};

static bool read_write(struct smb1 *in, struct write_head *ret)
{
	uint16_t size_low, size_high;
	uint32_t offset_low, offset_high = 0;

	if (!cursor_skip(&in->words, 4) || !cursor_u16le(&in->words, &ret->fid) ||
		!cursor_u32le(&in->words, &offset_low) || !cursor_skip(&in->words, 8) ||
		!cursor_u16le(&in->words, &size_high) || !cursor_u16le(&in->words, &size_low) ||
		!cursor_u16le(&in->words, &ret->data_offset))
		return false;
	if (cursor_left(&in->words) >= 4 && !cursor_u32le(&in->words, &offset_high))
		return false;
	ret->offset = (uint64_t)offset_high << 32 | offset_low;
	ret->size = (uint32_t)size_high << 16 | size_low;
	return true;
}

static void ask_write_andx(struct smb1 *in)
{
	struct write_head head;
	struct smb_fuid fuid;

	if (read_write(in, &head)) {
		fuid = fuid_of(in, head.fid);
		if (content(in, &fuid, head.offset, head.data_offset, head.size))
			return;
	}
	malformed(in);
}

/* WRITE has a small head before its data, WRITE_AND_CLOSE a byte of padding; the words begin the same. */
static void ask_write(struct smb1 *in)
{
	bool closes = in->message.command == SMB1_WRITE_AND_CLOSE;
	struct smb_tx *tx = tx_new(in, SMB_TX_PLAIN);
	struct smb_fuid fuid;
	uint16_t fid, size;
	uint32_t offset;
	struct bytes data;

	if (!tx)
		return;
	if (!cursor_u16le(&in->words, &fid) || !cursor_u16le(&in->words, &size) || !cursor_u32le(&in->words, &offset) ||
		!cursor_skip(&in->bytes, closes ? 1 : 3)) {
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
		return;
	}
	fuid = fuid_of(in, fid);
	data = cursor_rest(&in->bytes);
	(void)content(in, &fuid, offset, (size_t)(data.ptr - in->message.whole.ptr), size);
	if (closes)
		smb_open_close(in->conn, in->state, &fuid);
}

static void ask_read(struct smb1 *in)
{
	struct smb_pending pending = { .message_id = in->message.message_id, .command = in->message.command };
	uint64_t max_size = in->state->config->max_size[TO_CLIENT];
	uint16_t fid, size_low;
	uint32_t offset_low, offset_high = 0, size_high;

	if (!cursor_skip(&in->words, 4) || !cursor_u16le(&in->words, &fid) || !cursor_u32le(&in->words, &offset_low) ||
		!cursor_u16le(&in->words, &size_low) || !cursor_skip(&in->words, 2) ||
		!cursor_u32le(&in->words, &size_high) || !cursor_skip(&in->words, 2)) {
		malformed(in);
		return;
	}
	if (cursor_left(&in->words) >= 4 && !cursor_u32le(&in->words, &offset_high))
		return;
	/* All ones: the time to wait for a pipe, not a size. */
	if (size_high != UINT32_MAX && max_size != 0 && ((uint64_t)size_high << 16 | size_low) > max_size)
		smb_event(in->conn, in->state, &in->message, in->dir, SMB_EVENT_READ_REQUEST_TOO_LARGE);
	pending.fuid = fuid_of(in, fid);
	pending.offset = (uint64_t)offset_high << 32 | offset_low;
	smb_pending_add(in->conn, in->state, &pending);
}

static void ask_rename(struct smb1 *in)
{
	struct smb_tx *tx = tx_new(in, SMB_TX_RENAME);
	uint8_t format;

	if (!tx)
		return;
	if (cursor_u8(&in->bytes, &format))
		tx->set_info->name = take_text(in, &tx->common, in->message.unicode);
	if (cursor_u8(&in->bytes, &format))
		tx->set_info->new_name = take_text(in, &tx->common, in->message.unicode);
	else
		app_tx_event(in->conn, &tx->common, SMB_EVENT_MALFORMED_DATA);
}

/* ---- Transactions of CIFS ---- */

struct trans {
	struct bytes parameters, data;
	uint8_t setup_count;
	uint16_t setup[2];
};

static bool read_trans(struct smb1 *in, struct trans *ret)
{
	uint16_t parameter_size, parameter_offset, data_size, data_offset;

	*ret = (struct trans){ 0 };
	if (!cursor_skip(&in->words, 18) || !cursor_u16le(&in->words, &parameter_size) ||
		!cursor_u16le(&in->words, &parameter_offset) || !cursor_u16le(&in->words, &data_size) ||
		!cursor_u16le(&in->words, &data_offset) || !cursor_u8(&in->words, &ret->setup_count) ||
		!cursor_skip(&in->words, 1))
		return false;
	for (unsigned int i = 0; i < ret->setup_count && i < 2; i++)
		if (!cursor_u16le(&in->words, &ret->setup[i]))
			return false;
	return part(in, parameter_offset, parameter_size, &ret->parameters) &&
	       part(in, data_offset, data_size, &ret->data);
}

static void ask_trans(struct smb1 *in)
{
	struct smb_pending pending = { .message_id = in->message.message_id, .command = in->message.command };
	struct trans trans;

	if (!read_trans(in, &trans)) {
		malformed(in);
		return;
	}
	if (trans.setup_count < 2 || trans.setup[0] != TRANS_TRANSACT_PIPE)
		return;
	pending.fuid = fuid_of(in, trans.setup[1]);
	smb_pending_add(in->conn, in->state, &pending);
	smb_pipe_data(in->conn, in->state, &in->message, &pending.fuid, in->dir, trans.data);
}

static const char *level_name(uint16_t level)
{
	switch (level) {
	case 0x0102:
	case 1013:
		return "Set File Disposition Info";
	case 1010:
		return "Set File Rename Info";
	default:
		return NULL;
	}
}

/* SET_PATH_INFO and SET_FILE_INFO, of which renaming and deleting are worth a transaction. */
static void ask_trans2(struct smb1 *in)
{
	struct smb_fuid fuid = { 0 };
	struct trans trans;
	struct cursor cur;
	uint16_t fid = 0, level;
	struct smb_tx *tx;
	bool by_path;

	if (!read_trans(in, &trans)) {
		malformed(in);
		return;
	}
	by_path = trans.setup[0] == TRANS2_SET_PATH_INFO;
	if (trans.setup_count == 0 || (!by_path && trans.setup[0] != TRANS2_SET_FILE_INFO))
		return;
	cur = cursor_over(trans.parameters);
	if ((!by_path && !cursor_u16le(&cur, &fid)) || !cursor_u16le(&cur, &level) ||
		!cursor_skip(&cur, by_path ? 4 : 2)) {
		malformed(in);
		return;
	}
	if (!level_name(level))
		return;
	tx = tx_new(in, level == 1010 ? SMB_TX_RENAME : SMB_TX_SET_INFO);
	if (!tx)
		return;
	tx->set_info->function = by_path ? "SET_PATH_INFO" : "SET_FILE_INFO";
	tx->set_info->level_of_interest = level_name(level);
	if (by_path) {
		tx->set_info->name = smb_text(&tx->common, cursor_rest(&cur), in->message.unicode);
	} else {
		struct smb_open *open;

		fuid = fuid_of(in, fid);
		open = smb_open_find(in->state, &fuid);
		tx->has_fuid = true;
		tx->fuid = fuid;
		if (open)
			tx->set_info->name = app_tx_dup(&tx->common, bytes_of(open->name, open->name_size));
	}
	if (level == 1010) {
		/* Replace, root, size, name. */
		cur = cursor_over(trans.data);
		if (cursor_skip(&cur, 12))
			tx->set_info->new_name = smb_text(&tx->common, cursor_rest(&cur), in->message.unicode);
	} else {
		tx->set_info->is_disposition = true;
		tx->set_info->delete_on_close = trans.data.size != 0 && (trans.data.ptr[0] & 1);
	}
}

static void ask(struct smb1 *in)
{
	struct smb_tx *tx;

	switch (in->message.command) {
	case SMB1_NEGOTIATE:
		ask_negotiate(in);
		break;
	case SMB1_SESSION_SETUP_ANDX:
		ask_setup(in);
		break;
	case SMB1_TREE_CONNECT_ANDX:
		ask_tree(in);
		break;
	case SMB1_NT_CREATE_ANDX:
		ask_create(in);
		break;
	case SMB1_CLOSE:
		ask_close(in);
		break;
	case SMB1_WRITE_ANDX:
		ask_write_andx(in);
		break;
	case SMB1_WRITE:
	case SMB1_WRITE_AND_CLOSE:
		ask_write(in);
		break;
	case SMB1_READ_ANDX:
		ask_read(in);
		break;
	case SMB1_RENAME:
		ask_rename(in);
		break;
	case SMB1_TRANS:
		ask_trans(in);
		break;
	case SMB1_TRANS2:
		ask_trans2(in);
		break;
	case SMB1_NT_CANCEL:
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

static bool succeeded(const struct smb1 *in)
{
	return in->message.status == 0;
}

static void answer_negotiate(struct smb1 *in, struct smb_tx *tx)
{
	struct smb_negotiate *negotiate = tx->negotiate;
	size_t words_size = cursor_left(&in->words);
	struct bytes name;
	uint16_t index;
	uint8_t key_size;

	if (!cursor_u16le(&in->words, &index) || index >= negotiate->dialect_count)
		return;
	name = negotiate->dialects[index];
	if (bytes_to_str(name, in->state->dialect_text, sizeof(in->state->dialect_text)))
		in->state->dialect_name = in->state->dialect_text;
	/* Seventeen words: NT LM 0.12; without a challenge ("extended security") the server's GUID comes instead. */
	if (words_size == 34 && cursor_skip(&in->words, 31) && cursor_u8(&in->words, &key_size) && key_size == 0 &&
		cursor_copy(&in->bytes, sizeof(negotiate->server_guid), negotiate->server_guid))
		negotiate->has_server_guid = true;
}

static void answer_setup(struct smb1 *in, struct smb_tx *tx)
{
	uint16_t blob_size = 0;
	bool blob = cursor_left(&in->words) == 8;

	tx->session_id = in->message.session_id;
	if (cursor_left(&in->words) < 6)
		return;
	if (blob && (!cursor_skip(&in->words, 6) || !cursor_u16le(&in->words, &blob_size) ||
			    !cursor_skip(&in->bytes, blob_size)))
		return;
	native_names(in, tx);
}

static void answer_tree(struct smb1 *in, struct smb_tx *tx)
{
	struct smb_tree_connect *tree = tx->tree;

	if (!succeeded(in))
		return;
	tree->service[TO_CLIENT] = take_text(in, &tx->common, false);
	tree->has_service[TO_CLIENT] = true;
	tree->answered = true;
	tree->is_pipe = bytes_equal_str(tree->service[TO_CLIENT], "IPC");
	tx->tree_id = in->message.tree_id;
	smb_tree_add(in->conn, in->state, in->message.tree_id, tree->name, tree->is_pipe);
}

static void answer_create(struct smb1 *in, struct smb_tx *tx)
{
	struct smb_create *create = tx->create;
	struct smb_open *open;
	uint16_t fid;

	if (!succeeded(in) || !cursor_skip(&in->words, 5) || !cursor_u16le(&in->words, &fid) ||
		!cursor_skip(&in->words, 4) || !cursor_u64le(&in->words, &create->created) ||
		!cursor_u64le(&in->words, &create->accessed) || !cursor_u64le(&in->words, &create->modified) ||
		!cursor_u64le(&in->words, &create->changed) || !cursor_skip(&in->words, 12) ||
		!cursor_u64le(&in->words, &create->size))
		return;
	create->answered = true;
	tx->has_fuid = true;
	tx->fuid = fuid_of(in, fid);
	open = smb_open_get(in->conn, in->state, &tx->fuid, in->message.tree_id);
	if (open)
		smb_open_name(in->conn, open, create->name);
}

/* READ_ANDX. */
static bool answer_read(struct smb1 *in, const struct smb_pending *asked)
{
	uint16_t size_low, size_high, data_offset;

	if (cursor_left(&in->words) == 0)
		return true; /* refused */
	if (!cursor_skip(&in->words, 10) || !cursor_u16le(&in->words, &size_low) ||
		!cursor_u16le(&in->words, &data_offset) || !cursor_u16le(&in->words, &size_high))
		return false;
	return content(in, &asked->fuid, asked->offset, data_offset, (uint32_t)size_high << 16 | size_low);
}

static bool answer_trans(struct smb1 *in, const struct smb_pending *asked)
{
	uint16_t size, offset;
	struct bytes data;

	if (cursor_left(&in->words) == 0)
		return true;
	if (!cursor_skip(&in->words, 12) || !cursor_u16le(&in->words, &size) || !cursor_u16le(&in->words, &offset) ||
		!part(in, offset, size, &data))
		return false;
	smb_pipe_data(in->conn, in->state, &in->message, &asked->fuid, in->dir, data);
	return true;
}

static void answer_tx(struct smb1 *in)
{
	struct smb_tx *tx = smb_tx_find(in->conn, &in->message);

	if (!tx)
		return;
	switch (tx->kind) {
	case SMB_TX_NEGOTIATE:
		answer_negotiate(in, tx);
		break;
	case SMB_TX_SESSION:
		answer_setup(in, tx);
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
	if (in->message.command == SMB1_TREE_DISCONNECT && succeeded(in))
		smb_tree_remove(in->conn, in->state, tx->tree_id);
	in->message.chain = tx->chain;
	smb_tx_answer(in->conn, in->state, tx, &in->message);
}

static void answer(struct smb1 *in)
{
	struct smb_pending asked;
	bool reads = in->message.command == SMB1_READ_ANDX, good = true;

	if (reads || in->message.command == SMB1_TRANS) {
		if (smb_pending_take(in->state, in->message.message_id, in->message.command, &asked))
			good = reads ? answer_read(in, &asked) : answer_trans(in, &asked);
		if (!good)
			malformed(in);
		return;
	}
	answer_tx(in);
}

/* An error ends the chain: what was asked behind it is answered by it too. */
static void answer_rest(struct smb1 *in)
{
	for (struct app_tx *at = in->conn->first; at; at = at->next) {
		struct smb_tx *tx = (struct smb_tx *)at;

		if (at->protocol == in->conn->protocol && tx->chain == in->message.chain && tx->kind != SMB_TX_FILE &&
			tx->kind != SMB_TX_CALL && at->progress[TO_CLIENT] == 0)
			smb_tx_answer(in->conn, in->state, tx, &in->message);
	}
}

/* ---- Records ---- */

static bool is_andx(uint16_t command)
{
	switch (command) {
	case SMB1_LOCKING_ANDX:
	case SMB1_OPEN_ANDX:
	case SMB1_READ_ANDX:
	case SMB1_WRITE_ANDX:
	case SMB1_SESSION_SETUP_ANDX:
	case SMB1_LOGOFF_ANDX:
	case SMB1_TREE_CONNECT_ANDX:
	case SMB1_NT_CREATE_ANDX:
		return true;
	default:
		return false;
	}
}

/* What is chained behind the command in hand. */
static bool next_command(const struct smb1 *in, uint8_t *ret_command, uint16_t *ret_offset)
{
	struct cursor words = in->words;

	return is_andx(in->message.command) && cursor_u8(&words, ret_command) && *ret_command != SMB1_NONE &&
	       cursor_skip(&words, 1) && cursor_u16le(&words, ret_offset);
}

void smb1_message(
	struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes whole, uint64_t now_ns)
{
	struct smb1 in = { .conn = conn, .state = state, .dir = dir };
	uint16_t offset = HEAD_SIZE, next_offset = 0;
	uint8_t next = SMB1_NONE;
	bool more = true;

	if (!read_head(&in, whole, now_ns)) {
		malformed(&in);
		return;
	}
	if (in.message.is_response != (dir == TO_CLIENT)) {
		smb_event(conn, state, &in.message, dir,
			dir == TO_CLIENT ? SMB_EVENT_REQUEST_TO_CLIENT : SMB_EVENT_RESPONSE_TO_SERVER);
		return;
	}
	if (dir == TO_SERVER)
		in.message.chain = ++state->chain_count;
	for (unsigned int i = 0; i < CHAIN_MAX && more; i++) {
		if (!read_block(&in, offset)) {
			malformed(&in);
			break;
		}
		more = next_command(&in, &next, &next_offset) && next_offset > offset;
		if (dir == TO_SERVER)
			ask(&in);
		else
			answer(&in);
		if (more) {
			in.message.command = next;
			offset = next_offset;
		}
	}
	if (dir == TO_CLIENT && in.message.chain != 0)
		answer_rest(&in);
}

bool smb1_begin(struct app_conn *conn, struct smb_state *state, enum sensor_dir dir, struct bytes head, uint64_t size,
	uint64_t now_ns)
{
	struct smb1 in = { .conn = conn, .state = state, .dir = dir, .cut_size = size - head.size };
	struct smb_pending asked;
	struct write_head write;
	struct smb_fuid fuid;
	uint16_t next_offset;
	uint8_t next;

	if (!read_head(&in, head, now_ns) || in.message.is_response != (dir == TO_CLIENT) ||
		!read_block(&in, HEAD_SIZE) || next_command(&in, &next, &next_offset))
		return false;
	if (dir == TO_SERVER) {
		if (in.message.command != SMB1_WRITE_ANDX || !read_write(&in, &write))
			return false;
		fuid = fuid_of(&in, write.fid);
		return content(&in, &fuid, write.offset, write.data_offset, write.size);
	}
	if (in.message.command != SMB1_READ_ANDX || cursor_left(&in.words) == 0 ||
		!smb_pending_peek(state, in.message.message_id, in.message.command, &asked) ||
		!answer_read(&in, &asked))
		return false;
	return smb_pending_take(state, in.message.message_id, in.message.command, &asked);
}
