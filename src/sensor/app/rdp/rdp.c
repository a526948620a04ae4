// SPDX-License-Identifier: Apache-2.0
/* RDP up to the point where it becomes unreadable: X.224 connection, T.125 connect, or a TLS handshake with its
 * certificates. Each of these messages is a transaction of its own. */
#include "sensor/app/rdp/rdp.h"

#include "base/error.h"
#include "sensor/app/asn1/ber.h"

enum { HANDSHAKE_MAX = 65536, TLS_HANDSHAKE = 22, TLS_CERTIFICATE = 11 };

struct rdp_state {
	bool over; /* nothing more is read */
	bool tls[SENSOR_DIRS]; /* records of TLS come */
	uint8_t *handshake; /* owned: content of the records so far */
	size_t handshake_size, handshake_room;
};

static void drop_handshake(struct app_conn *conn, struct rdp_state *state)
{
	app_free(conn, state->handshake, state->handshake_room);
	state->handshake = NULL;
	state->handshake_size = state->handshake_room = 0;
}

static struct rdp_tx *tx_make(struct app_conn *conn, enum sensor_dir dir, uint64_t now_ns)
{
	struct rdp_tx *tx = (struct rdp_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (tx)
		tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	return tx;
}

/* ---- TLS ---- */

/* The serial number stands behind an optional version (RFC 5280, section 4.1). */
static bool read_serial(struct bytes certificate, struct bytes *ret)
{
	struct cursor cur = cursor_over(certificate), outer, inner, version;

	if (!ber_enter(&cur, BER_SEQUENCE, &outer) || !ber_enter(&outer, BER_SEQUENCE, &inner))
		return false;
	if (cursor_left(&inner) != 0 && *inner.pos == (BER_CONTEXT_BUILT | 0) &&
		!ber_enter(&inner, BER_CONTEXT_BUILT | 0, &version))
		return false;
	return ber_take(&inner, BER_INTEGER, ret);
}

static bool take_sized(struct cursor *cur, struct bytes *ret)
{
	uint8_t high;
	uint16_t low;

	return cursor_u8(cur, &high) && cursor_u16be(cur, &low) && cursor_take(cur, (size_t)high << 16 | low, ret);
}

static void certificates(struct app_conn *conn, struct bytes message, uint64_t now_ns)
{
	struct cursor cur = cursor_over(message), list;
	struct rdp_tx *tx = tx_make(conn, TO_CLIENT, now_ns);
	struct bytes chain, certificate, serial;

	if (!tx)
		return;
	tx->message.kind = RDP_TLS_HANDSHAKE;
	if (take_sized(&cur, &chain)) {
		list = cursor_over(chain);
		while (tx->serial_count < RDP_SERIALS_MAX && take_sized(&list, &certificate))
			if (read_serial(certificate, &serial))
				tx->serials[tx->serial_count++] = app_tx_dup(&tx->common, serial);
	}
	app_tx_progress(conn, &tx->common, TO_CLIENT, RDP_COMPLETE);
}

/* Looks through what was put together; true when nothing more is wanted. */
static bool read_handshake(struct app_conn *conn, struct rdp_state *state, uint64_t now_ns)
{
	struct cursor cur = cursor_over(bytes_of(state->handshake, state->handshake_size));
	struct bytes message;
	uint8_t type;

	while (cursor_u8(&cur, &type) && take_sized(&cur, &message)) {
		if (type != TLS_CERTIFICATE)
			continue;
		certificates(conn, message, now_ns);
		return true;
	}
	return false;
}

static bool keep_record(struct app_conn *conn, struct rdp_state *state, struct bytes content)
{
	size_t size = state->handshake_size + content.size;
	uint8_t *grown;

	if (size > HANDSHAKE_MAX)
		return false;
	grown = app_realloc(conn, state->handshake, state->handshake_room, size);
	if (!grown)
		return false;
	if (content.size != 0)
		memcpy(grown + state->handshake_size, content.ptr, content.size);
	state->handshake = grown;
	state->handshake_size = state->handshake_room = size;
	return true;
}

static struct app_result parse_tls(
	struct app_conn *conn, struct rdp_state *state, struct bytes data, const struct app_input *in)
{
	while (data.size != 0 && !state->over) {
		struct cursor cur = cursor_over(data);
		uint8_t type;
		uint16_t version, size;
		struct bytes content;

		if (!cursor_u8(&cur, &type) || !cursor_u16be(&cur, &version) || !cursor_u16be(&cur, &size))
			return APP_RESULT_MORE(in->data.size - data.size, 5);
		/* Other records mean that the handshake goes on encrypted. */
		if (type != TLS_HANDSHAKE) {
			state->over = true;
			break;
		}
		if (!cursor_take(&cur, size, &content))
			return APP_RESULT_MORE(in->data.size - data.size, 5 + (size_t)size);
		data = cursor_rest(&cur);
		state->over = !keep_record(conn, state, content) || read_handshake(conn, state, in->now_ns);
	}
	if (state->over)
		drop_handshake(conn, state);
	return APP_RESULT_OK;
}

/* ---- Packets ---- */

/* False: no memory. */
static bool parse_packet(
	struct app_conn *conn, struct rdp_state *state, enum sensor_dir dir, struct bytes packet, uint64_t now_ns)
{
	struct rdp_message message;
	struct arena arena;
	struct rdp_tx *tx;
	struct bytes copy;
	bool shown;

	/* Read once to see whether it is to be kept. */
	arena_init(&arena, 65536);
	shown = rdp_message_read(packet, &arena, &message) == 0 && message.kind != RDP_OTHER;
	arena_done(&arena);
	if (!shown)
		return true;
	if ((message.kind == RDP_INITIAL_REQUEST || message.kind == RDP_CONNECT_REQUEST) != (dir == TO_SERVER))
		return true;
	tx = tx_make(conn, dir, now_ns);
	if (!tx)
		return false;
	copy = app_tx_dup(&tx->common, packet);
	if (!copy.ptr || rdp_message_read(copy, &tx->common.arena, &tx->message) != 0)
		return false;
	app_tx_recount(&tx->common);
	app_tx_progress(conn, &tx->common, dir, RDP_COMPLETE);
	app_raw_trigger(conn, dir);
	state->over = message.kind == RDP_CONNECT_RESPONSE;
	return true;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct rdp_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;

	while (data.size != 0 && !state->over) {
		int size = rdp_packet_size(data);

		if (data.ptr[0] == TLS_HANDSHAKE)
			state->tls[dir] = true;
		/* The client's side of TLS says nothing that is shown. */
		if (state->tls[dir])
			return dir == TO_CLIENT ? parse_tls(conn, state, data, in) : APP_RESULT_OK;
		if (size < 0)
			return APP_RESULT_ERROR;
		if (size == 0 || data.size < (size_t)size)
			return APP_RESULT_MORE(in->data.size - data.size, size == 0 ? 4 : (size_t)size);
		if (!parse_packet(conn, state, dir, bytes_first(data, (size_t)size), in->now_ns))
			return APP_RESULT_ERROR;
		data = bytes_skip(data, (size_t)size);
	}
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

/* A connection request from the client, a confirmation from the server. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	int size = rdp_packet_size(data);

	if (size <= 0)
		return size < 0 ? APP_PROBE_NO : APP_PROBE_MORE;
	if (data.size < 6)
		return APP_PROBE_MORE;
	return data.ptr[5] == (dir == TO_SERVER ? 0xe0 : 0xd0) ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ "3389", 6, 6, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct rdp_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	drop_handshake(conn, state);
	app_free(conn, state, sizeof(struct rdp_state));
}

extern const struct app_protocol app_protocol_rdp;

const struct app_protocol app_protocol_rdp = {
	.name = "rdp",
	.event_type = "rdp",
	.log_key = "rdp",
	.transports = APP_TCP,
	.complete = { RDP_COMPLETE, RDP_COMPLETE },
	.probes = probes,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = rdp_log,
};
