// SPDX-License-Identifier: Apache-2.0
/* WebSocket (RFC 6455), after an upgrade of HTTP, with messages compressed by permessage-deflate (RFC 7692).
 *
 * Each frame is a transaction of its own. The last frame of a message in several frames has the payload of all of them. Of
 * a longer payload than "max-payload-size" the rest is skipped. */
#include <stdlib.h>
#include <zlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"

enum { WEBSOCKET_COMPLETE = 1, PAYLOAD_MAX_DEFAULT = 0xffff };

enum { FLAG_FIN = 0x80, FLAG_COMPRESSED = 0x40 };

enum {
	OPCODE_CONTINUATION = 0,
	OPCODE_TEXT = 1,
	OPCODE_BINARY = 2,
	OPCODE_CLOSE = 8,
	OPCODE_PING = 9,
	OPCODE_PONG = 10
};

enum websocket_frame { FRAME_HEADER, FRAME_PDU, FRAME_DATA };

static const char *const frames[] = { [FRAME_HEADER] = "header", [FRAME_PDU] = "pdu", [FRAME_DATA] = "data", NULL };

enum websocket_event { EVENT_SKIP_END_OF_PAYLOAD, EVENT_REASSEMBLY_LIMIT_REACHED };

static const struct app_event events[] = {
	[EVENT_SKIP_END_OF_PAYLOAD] = { .name = "skip_end_of_payload" },
	[EVENT_REASSEMBLY_LIMIT_REACHED] = { .name = "reassembly_limit_reached" },
	{ .name = NULL },
};

struct websocket_config {
	uint32_t payload_max_size;
};

struct websocket_tx {
	struct app_tx common;
	uint8_t flags, opcode;
	bool masked;
	uint32_t mask;
	struct bytes payload; /* unmasked, put together, inflated */
};

/* A message of several frames, and the compression of a direction, which goes on from message to message. */
struct direction {
	uint64_t skip_size;
	uint8_t *pieces; /* owned */
	size_t pieces_size, pieces_room;
	bool in_message, compressed;
	bool inflating; /* 'inflate' is set up */
	z_stream inflate;
};

struct websocket_state {
	struct direction dirs[SENSOR_DIRS];
};

struct frame {
	uint8_t flags, opcode;
	bool masked;
	uint8_t mask[4];
	uint64_t size;
	size_t head_size;
};

/* False: the head is not complete. */
static bool read_frame(struct bytes in, struct frame *ret)
{
	struct cursor cur = cursor_over(in);
	uint8_t first, second;
	uint16_t size16;

	*ret = (struct frame){ 0 };
	if (!cursor_u8(&cur, &first) || !cursor_u8(&cur, &second))
		return false;
	ret->flags = first & 0xf0;
	ret->opcode = first & 0x0f;
	ret->masked = second & 0x80;
	ret->size = second & 0x7f;
	if (ret->size == 126) {
		if (!cursor_u16be(&cur, &size16))
			return false;
		ret->size = size16;
	} else if (ret->size == 127 && !cursor_u64be(&cur, &ret->size)) {
		return false;
	}
	if (ret->masked && !cursor_copy(&cur, sizeof(ret->mask), ret->mask))
		return false;
	ret->head_size = in.size - cursor_left(&cur);
	return true;
}

/* ---- Payload ---- */

static bool is_control(uint8_t opcode)
{
	return opcode & 8;
}

static void unmask(const struct frame *frame, struct bytes payload)
{
	uint8_t *bytes = (uint8_t *)(uintptr_t)payload.ptr;

	for (size_t i = 0; frame->masked && i < payload.size; i++)
		bytes[i] ^= frame->mask[i & 3];
}

/* Adds to the pieces of the message; false at the ceiling or without memory. */
static bool keep_piece(struct app_conn *conn, struct direction *dir, struct bytes payload, size_t max_size)
{
	size_t room = max_size - dir->pieces_size, take = payload.size < room ? payload.size : room;

	if (dir->pieces_size + take > dir->pieces_room) {
		size_t wanted = 2 * (dir->pieces_size + take);
		uint8_t *grown = app_realloc(conn, dir->pieces, dir->pieces_room, wanted);

		if (!grown)
			return false;
		dir->pieces = grown;
		dir->pieces_room = wanted;
	}
	if (take != 0)
		memcpy(dir->pieces + dir->pieces_size, payload.ptr, take);
	dir->pieces_size += take;
	return take == payload.size;
}

/* Memory of zlib is the connection's: the size stands in front. */
static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
	size_t total = (size_t)items * size + 16;
	uint8_t *memory = app_alloc(opaque, total);

	if (!memory)
		return Z_NULL;
	memcpy(memory, &total, sizeof(total));
	return memory + 16;
}

static void zlib_free(voidpf opaque, voidpf address)
{
	uint8_t *memory = (uint8_t *)address - 16;
	size_t total;

	memcpy(&total, memory, sizeof(total));
	app_free(opaque, memory, total);
}

static void inflate_stop(struct direction *dir)
{
	if (dir->inflating)
		inflateEnd(&dir->inflate);
	dir->inflating = false;
}

/* Feeds zlib; what does not fit is thrown away, for the next message needs the window. */
static size_t inflate_feed(struct direction *dir, struct bytes in, uint8_t *out, size_t room, bool *ret_bad)
{
	uint8_t rest[4096];
	size_t written = 0;

	dir->inflate.next_in = (Bytef *)(uintptr_t)in.ptr;
	dir->inflate.avail_in = (uInt)in.size;
	for (unsigned int round = 0; dir->inflate.avail_in != 0 && round < 1024; round++) {
		bool keep = written < room;
		int code;

		/* cppcheck-suppress legacyUninitvar; zlib fills it */
		dir->inflate.next_out = keep ? out + written : rest;
		dir->inflate.avail_out = keep ? (uInt)(room - written) : sizeof(rest);
		code = inflate(&dir->inflate, Z_SYNC_FLUSH);
		if (keep)
			written = room - dir->inflate.avail_out;
		if (code != Z_OK && code != Z_BUF_ERROR) {
			*ret_bad = true;
			break;
		}
	}
	*ret_bad = *ret_bad || dir->inflate.avail_in != 0;
	return written;
}

/* The four bytes that the sender took off the end belong to the message (RFC 7692, section 7.2.2). */
static void decompress(struct app_conn *conn, struct direction *dir, struct websocket_tx *tx, size_t max_size)
{
	uint8_t *out = app_tx_alloc(&tx->common, max_size);
	bool bad = false;
	size_t size;

	if (!out)
		return;
	if (!dir->inflating) {
		dir->inflate = (z_stream){ .zalloc = zlib_alloc, .zfree = zlib_free, .opaque = conn };
		dir->inflating = inflateInit2(&dir->inflate, -MAX_WBITS) == Z_OK;
	}
	if (!dir->inflating)
		return;
	size = inflate_feed(dir, tx->payload, out, max_size, &bad);
	if (!bad)
		size += inflate_feed(dir, bytes_of("\x00\x00\xff\xff", 4), out + size, max_size - size, &bad);
	if (bad)
		inflate_stop(dir);
	if (size != 0)
		tx->payload = bytes_of(out, size);
}

/* Puts a message in several frames together; the last frame gets all of it. */
static void assemble(struct app_conn *conn, struct direction *dir, struct websocket_tx *tx, const struct frame *frame,
	size_t max_size)
{
	bool final = frame->flags & FLAG_FIN;

	if (!dir->in_message) {
		dir->compressed = frame->flags & FLAG_COMPRESSED;
		if (final)
			return;
		dir->in_message = true;
	}
	if (!keep_piece(conn, dir, tx->payload, max_size))
		app_tx_event(conn, &tx->common, EVENT_REASSEMBLY_LIMIT_REACHED);
	if (!final)
		return;
	tx->payload = app_tx_dup(&tx->common, bytes_of(dir->pieces, dir->pieces_size));
	dir->pieces_size = 0;
	dir->in_message = false;
}

/* False: no memory. */
static bool handle(struct app_conn *conn, struct direction *dir, enum sensor_dir side, const struct frame *frame,
	struct bytes payload, uint64_t now_ns)
{
	const struct websocket_config *config = conn->config;
	struct websocket_tx *tx = (struct websocket_tx *)app_tx_new(conn, sizeof(*tx), now_ns);
	const uint8_t *head;

	if (!tx)
		return false;
	head = payload.ptr - frame->head_size;
	app_frame(conn, side, FRAME_HEADER, head, (int64_t)frame->head_size, &tx->common);
	app_frame(conn, side, FRAME_PDU, head, (int64_t)(frame->head_size + frame->size), &tx->common);
	app_frame(conn, side, FRAME_DATA, payload.ptr, (int64_t)frame->size, &tx->common);
	tx->common.dirs_skip = side == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx->flags = frame->flags;
	tx->opcode = frame->opcode;
	tx->masked = frame->masked;
	tx->mask = (uint32_t)frame->mask[0] << 24 | (uint32_t)frame->mask[1] << 16 | (uint32_t)frame->mask[2] << 8 |
		   frame->mask[3];
	tx->payload = app_tx_dup(&tx->common, payload);
	if (!tx->payload.ptr)
		return false;
	unmask(frame, tx->payload);
	if (payload.size < frame->size)
		app_tx_event(conn, &tx->common, EVENT_SKIP_END_OF_PAYLOAD);
	if (!is_control(frame->opcode)) {
		assemble(conn, dir, tx, frame, config->payload_max_size);
		if (dir->compressed && (frame->flags & FLAG_FIN))
			decompress(conn, dir, tx, config->payload_max_size);
	}
	app_tx_progress(conn, &tx->common, side, WEBSOCKET_COMPLETE);
	app_raw_trigger(conn, side);
	return true;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct websocket_state *state, enum sensor_dir side, const struct app_input *in)
{
	const struct websocket_config *config = conn->config;
	struct direction *dir = &state->dirs[side];
	struct bytes data = in->data;

	for (;;) {
		size_t skipped = data.size < dir->skip_size ? data.size : (size_t)dir->skip_size, here;
		struct frame frame;

		dir->skip_size -= skipped;
		data = bytes_skip(data, skipped);
		if (data.size == 0)
			return APP_RESULT_OK;
		if (!read_frame(data, &frame))
			return APP_RESULT_MORE(in->data.size - data.size, data.size + 1);
		here = frame.size < config->payload_max_size ? (size_t)frame.size : config->payload_max_size;
		if (data.size < frame.head_size + here)
			return APP_RESULT_MORE(in->data.size - data.size, frame.head_size + here);
		if (!handle(conn, dir, side, &frame, bytes_of(data.ptr + frame.head_size, here), in->now_ns))
			return APP_RESULT_ERROR;
		data = bytes_skip(data, frame.head_size + here);
		dir->skip_size = frame.size - here;
	}
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

extern const struct app_protocol app_protocol_websocket;

/* Frames have no mark of their own: only an upgrade says that they come. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	const struct app_conn *conn = flow->app;

	return conn && conn->protocol_expected == &app_protocol_websocket ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ "", 6, 1, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- Rules and records ---- */

static struct websocket_tx *websocket_of(struct app_tx *tx)
{
	return (struct websocket_tx *)tx;
}

static bool get_payload(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	*ret = (struct app_view){ .data = websocket_of(tx)->payload, .last = true };
	return true;
}

static bool get_flags(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = websocket_of(tx)->flags;
	return index == 0;
}

static bool get_mask(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = websocket_of(tx)->mask;
	return websocket_of(tx)->masked && index == 0;
}

static bool get_opcode(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = websocket_of(tx)->opcode;
	return index == 0;
}

static const struct app_buffer buffers[] = {
	{ .name = "websocket.payload",
		.dirs = DIR_BOTH,
		.progress = { WEBSOCKET_COMPLETE, WEBSOCKET_COMPLETE },
		.get = get_payload },
	{ .name = NULL },
};

static const struct app_name_value flag_names[] = { { "fin", FLAG_FIN }, { "comp", FLAG_COMPRESSED }, { NULL, 0 } };

static const struct app_name_value opcode_names[] = { { "continuation", OPCODE_CONTINUATION }, { "text", OPCODE_TEXT },
	{ "binary", OPCODE_BINARY }, { "connection_close", OPCODE_CLOSE }, { "ping", OPCODE_PING },
	{ "pong", OPCODE_PONG }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "websocket.flags",
		.dirs = DIR_BOTH,
		.progress = { WEBSOCKET_COMPLETE, WEBSOCKET_COMPLETE },
		.bits = 8,
		.flags = APP_NUMBER_FLAGS,
		.names = flag_names,
		.get = get_flags },
	{ .name = "websocket.mask",
		.dirs = DIR_BOTH,
		.progress = { WEBSOCKET_COMPLETE, WEBSOCKET_COMPLETE },
		.bits = 32,
		.get = get_mask },
	{ .name = "websocket.opcode",
		.dirs = DIR_BOTH,
		.progress = { WEBSOCKET_COMPLETE, WEBSOCKET_COMPLETE },
		.bits = 8,
		.names = opcode_names,
		.get = get_opcode },
	{ .name = NULL },
};

static void log_payload(struct jsonw *json, const struct websocket_tx *tx, const struct conf_node *options)
{
	if (conf_bool(options, "payload-printable", false) || conf_bool(options, "payload_printable", false))
		app_json_kv_text(json, "payload_printable", tx->payload);
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct websocket_tx *websocket = websocket_of(tx);
	const struct app_name_value *name = opcode_names;

	while (name->name && name->value != websocket->opcode)
		name++;
	jsonw_kv_bool(json, "fin", websocket->flags & FLAG_FIN);
	if (websocket->masked)
		jsonw_kv_u64(json, "mask", websocket->mask);
	if (name->name)
		jsonw_kv_string(json, "opcode", name->name);
	else
		jsonw_kv_u64(json, "opcode", websocket->opcode);
	log_payload(json, websocket, alert ? NULL : tx->conn->log_options);
	return true;
}

/* ---- The protocol ---- */

static int configure(const struct conf_node *node, void **ret_config)
{
	struct websocket_config *config = calloc(1, sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->payload_max_size = (uint32_t)conf_size(node, "max-payload-size", PAYLOAD_MAX_DEFAULT);
	*ret_config = config;
	return 0;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct websocket_state));
}

static void close_state(struct app_conn *conn, void *opaque)
{
	struct websocket_state *state = opaque;

	for (unsigned int i = 0; i < SENSOR_DIRS; i++) {
		inflate_stop(&state->dirs[i]);
		app_free(conn, state->dirs[i].pieces, state->dirs[i].pieces_room);
	}
	app_free(conn, state, sizeof(*state));
}

const struct app_protocol app_protocol_websocket = {
	.name = "websocket",
	.event_type = "websocket",
	.log_key = "websocket",
	.transports = APP_TCP,
	.complete = { WEBSOCKET_COMPLETE, WEBSOCKET_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.frames = frames,
	.configure = configure,
	.configure_free = free,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
