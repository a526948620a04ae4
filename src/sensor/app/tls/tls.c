// SPDX-License-Identifier: Apache-2.0
/* TLS over TCP: records, and what they mean for the connection.
 *
 * Bytes of handshake and application data are taken as they come, so that a record is never waited for; the small
 * records (alert, heartbeat, change of cipher) are. Messages of the handshake are put together over records. */
#include "sensor/app/tls/tls.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/config/tree.h"

enum { RECORD_CHANGE_CIPHER = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, RECORD_HEARTBEAT = 24 };
enum {
	HEADER_SIZE = 5,
	RECORD_SIZE_MAX = 16384 + 2048,
	RECORDS_PER_CALL_MAX = 255,
	SSL2_CLIENT_HELLO = 1,
	SSL2_SERVER_HELLO = 4
};

static const struct app_event events[] = {
#define X(id, name) { name, false },
	TLS_EVENTS(X)
#undef X
		{ NULL, false }
};

/* One direction's place in its bytes. */
struct tls_reader {
	uint8_t record_type; /* of the record in hand */
	size_t record_left_size; /* bytes of it that did not come yet */
	size_t skip_size; /* of a message that is too large */
	uint8_t *message; /* a handshake message that is not whole yet */
	size_t message_size, message_capacity_size;
	bool ssl2; /* records of SSL 2.0 */
	bool started;
};

struct tls_state {
	const struct tls_config *config;
	struct tls_tx *tx;
	struct tls_reader reader[SENSOR_DIRS];
	size_t heartbeat_size; /* of an encrypted request without answer */
	bool encrypted;
};

/* ---- Configuration ---- */

static const char *const encryption_names[] = { "track-only", "bypass", "full", NULL };
static const char *const switch_names[] = { "no", "yes", "auto", NULL };
static struct tls_config default_config = { .ja3 = TLS_SWITCH_AUTO, .ja4 = TLS_SWITCH_AUTO };

static int tls_configure(const struct conf_node *node, void **ret_config)
{
	struct tls_config *config = malloc(sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->encryption = (enum app_encryption)conf_choice(
		node, "encryption-handling", encryption_names, APP_ENCRYPTION_TRACK_ONLY);
	config->ja3 = (enum tls_switch)conf_choice(node, "ja3-fingerprints", switch_names, TLS_SWITCH_AUTO);
	config->ja4 = (enum tls_switch)conf_choice(node, "ja4-fingerprints", switch_names, TLS_SWITCH_AUTO);
	*ret_config = config;
	return 0;
}

static void *tls_open(struct app_conn *conn, const void *config)
{
	struct tls_state *state = app_alloc(conn, sizeof(*state));

	if (state)
		state->config = config ? config : &default_config;
	return state;
}

static void tls_close(struct app_conn *conn, void *opaque)
{
	struct tls_state *state = opaque;

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		app_free(conn, state->reader[dir].message, state->reader[dir].message_capacity_size);
	app_free(conn, state, sizeof(*state));
}

/* ---- Handshake ---- */

static void encrypted_now(struct app_conn *conn, struct tls_state *state)
{
	if (state->encrypted)
		return;
	state->encrypted = true;
	app_encrypted(conn, state->config->encryption);
}

static void handshake_done(struct app_conn *conn, struct tls_state *state)
{
	struct tls_tx *tx = state->tx;

	app_tx_progress(conn, &tx->tx, TO_SERVER, TLS_CLIENT_HANDSHAKE_DONE);
	app_tx_progress(conn, &tx->tx, TO_CLIENT, TLS_SERVER_HANDSHAKE_DONE);
	tx->handshake_done = true;
	encrypted_now(conn, state);
}

static bool message_keep(struct app_conn *conn, struct tls_reader *reader, struct bytes data)
{
	size_t wanted_size = reader->message_size + data.size;

	if (wanted_size > reader->message_capacity_size) {
		size_t capacity_size = wanted_size < 4096 ? 4096 : wanted_size + wanted_size / 2;
		uint8_t *grown = app_realloc(conn, reader->message, reader->message_capacity_size, capacity_size);

		if (!grown)
			return false;
		reader->message = grown;
		reader->message_capacity_size = capacity_size;
	}
	if (data.size != 0)
		memcpy(reader->message + reader->message_size, data.ptr, data.size);
	reader->message_size = wanted_size;
	return true;
}

/* Handles the whole messages at the front of 'in'; the rest is left. False: no memory. */
static bool messages_handle(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes *in)
{
	struct tls_reader *reader = &state->reader[dir];

	while (in->size >= 4) {
		size_t size = (size_t)in->ptr[1] << 16 | (size_t)in->ptr[2] << 8 | in->ptr[3];

		if (size > TLS_MESSAGE_MAX) {
			app_tx_event(conn, &state->tx->tx, TLS_EVENT_HANDSHAKE_INVALID_LENGTH);
			reader->skip_size = 4 + size > in->size ? 4 + size - in->size : 0;
			*in = bytes_skip(*in, 4 + size);
			continue;
		}
		if (in->size < 4 + size)
			return true;
		if (!tls_handshake_message(
			    conn, state->config, state->tx, dir, in->ptr[0], bytes_of(in->ptr + 4, size)))
			return false;
		*in = bytes_skip(*in, 4 + size);
	}
	return true;
}

static bool handshake_bytes(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes data)
{
	struct tls_reader *reader = &state->reader[dir];
	size_t skipped_size = reader->skip_size < data.size ? reader->skip_size : data.size;
	struct bytes whole;
	bool kept = reader->message_size != 0, done;

	/* Behind the change of cipher they are encrypted. */
	if (state->tx->side[dir].change_cipher_seen)
		return true;
	reader->skip_size -= skipped_size;
	data = bytes_skip(data, skipped_size);
	if (kept && !message_keep(conn, reader, data))
		return false;
	whole = kept ? bytes_of(reader->message, reader->message_size) : data;
	done = messages_handle(conn, state, dir, &whole);
	if (!kept)
		return done && (whole.size == 0 || message_keep(conn, reader, whole));
	if (whole.size != 0)
		memmove(reader->message, whole.ptr, whole.size);
	reader->message_size = whole.size;
	return done;
}

/* ---- Records ---- */

static void change_cipher(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir)
{
	struct tls_tx *tx = state->tx;
	struct tls_side *side = &tx->side[dir], *client = &tx->side[TO_SERVER];

	side->change_cipher_seen = true;
	app_tx_progress(conn, &tx->tx, dir, dir == TO_SERVER ? TLS_CLIENT_HANDSHAKE_DONE : TLS_SERVER_HANDSHAKE_DONE);
	if (dir == TO_CLIENT && client->hello.ticket_size != 0 && !side->has_certificate && !tls_is_13(side->version))
		tx->resumed = true;
}

static void application_data(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir)
{
	struct tls_tx *tx = state->tx;

	/* Only application data prove that the handshake is over: in TLS 1.3 the change of cipher is a relic. Early data
	 * (RFC 8446, section 2.3) come before the server has answered. */
	if (tx->handshake_done || (tx->side[TO_SERVER].hello.early_data && !tx->side[TO_CLIENT].hello_seen))
		return;
	handshake_done(conn, state);
}

/* RFC 6520. In the clear the sizes can be compared; encrypted, an answer larger than its request gives a leak away. */
static void heartbeat(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes record)
{
	struct tls_tx *tx = state->tx;

	if (tx->side[dir].change_cipher_seen) {
		if (state->heartbeat_size == 0) {
			state->heartbeat_size = record.size;
		} else {
			if (record.size > state->heartbeat_size)
				app_tx_event(conn, &tx->tx, TLS_EVENT_DATALEAK_HEARTBEAT_MISMATCH);
			state->heartbeat_size = 0;
		}
		return;
	}
	app_tx_event(conn, &tx->tx, TLS_EVENT_HEARTBEAT_MESSAGE);
	if (record.size < 3 || (record.ptr[0] != 1 && record.ptr[0] != 2))
		app_tx_event(conn, &tx->tx, TLS_EVENT_INVALID_HEARTBEAT_MESSAGE);
	else if (((size_t)record.ptr[1] << 8 | record.ptr[2]) > record.size - 3)
		app_tx_event(conn, &tx->tx, TLS_EVENT_OVERFLOW_HEARTBEAT_MESSAGE);
}

static void alert(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes record)
{
	if (state->tx->side[dir].change_cipher_seen)
		return;
	if (record.size != 2)
		app_tx_event(conn, &state->tx->tx, TLS_EVENT_INVALID_ALERT_MESSAGE);
}

enum tls_frame { FRAME_PDU, FRAME_HDR, FRAME_DATA, FRAME_ALERT, FRAME_HEARTBEAT };

static const char *const frames[] = { [FRAME_PDU] = "pdu",
	[FRAME_HDR] = "hdr",
	[FRAME_DATA] = "data",
	[FRAME_ALERT] = "alert",
	[FRAME_HEARTBEAT] = "heartbeat",
	NULL };

static void announce(
	struct app_conn *conn, const struct tls_state *state, enum sensor_dir dir, const uint8_t *start, size_t size)
{
	const struct app_tx *tx = &state->tx->tx;

	app_frame(conn, dir, FRAME_PDU, start, (int64_t)(HEADER_SIZE + size), tx);
	app_frame(conn, dir, FRAME_HDR, start, HEADER_SIZE, tx);
	app_frame(conn, dir, FRAME_DATA, start + HEADER_SIZE, (int64_t)size, tx);
	if (start[0] == RECORD_ALERT)
		app_frame(conn, dir, FRAME_ALERT, start + HEADER_SIZE, (int64_t)size, tx);
	if (start[0] == RECORD_HEARTBEAT)
		app_frame(conn, dir, FRAME_HEARTBEAT, start + HEADER_SIZE, (int64_t)size, tx);
}

static bool record_header(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes in)
{
	struct tls_reader *reader = &state->reader[dir];
	struct tls_side *side = &state->tx->side[dir];
	uint16_t version = (uint16_t)(in.ptr[1] << 8 | in.ptr[2]);
	size_t size = (size_t)in.ptr[3] << 8 | in.ptr[4];

	if (in.ptr[0] < RECORD_CHANGE_CIPHER || in.ptr[0] > RECORD_HEARTBEAT) {
		app_tx_event(conn, &state->tx->tx, TLS_EVENT_INVALID_RECORD_TYPE);
		return false;
	}
	if (in.ptr[1] != 3 && in.ptr[1] != 0x7f) {
		app_tx_event(conn, &state->tx->tx, TLS_EVENT_INVALID_RECORD_VERSION);
		return false;
	}
	if (size > RECORD_SIZE_MAX) {
		app_tx_event(conn, &state->tx->tx, TLS_EVENT_INVALID_RECORD_LENGTH);
		return false;
	}
	if (!side->hello_seen)
		side->version = version;
	reader->record_type = in.ptr[0];
	reader->record_left_size = size;
	announce(conn, state, dir, in.ptr, size);
	return true;
}

/* One step: a header, a small record, or as much of a large one as is there. APP_MORE: nothing could be done. */
static enum app_status step(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes in,
	size_t *ret_used, size_t *ret_needed)
{
	struct tls_reader *reader = &state->reader[dir];
	struct bytes part;

	*ret_needed = reader->record_left_size;
	if (reader->record_left_size == 0) {
		*ret_needed = HEADER_SIZE;
		if (in.size < HEADER_SIZE)
			return APP_MORE;
		*ret_used = HEADER_SIZE;
		return record_header(conn, state, dir, in) ? APP_OK : APP_ERROR;
	}
	part = bytes_first(in, reader->record_left_size);
	if (reader->record_type != RECORD_HANDSHAKE && reader->record_type != RECORD_DATA &&
		part.size < reader->record_left_size)
		return APP_MORE;
	if (part.size == 0)
		return APP_MORE;
	switch (reader->record_type) {
	case RECORD_CHANGE_CIPHER:
		change_cipher(conn, state, dir);
		break;
	case RECORD_ALERT:
		alert(conn, state, dir, part);
		break;
	case RECORD_HANDSHAKE:
		if (!handshake_bytes(conn, state, dir, part))
			return APP_ERROR;
		break;
	case RECORD_HEARTBEAT:
		heartbeat(conn, state, dir, part);
		break;
	default:
		application_data(conn, state, dir);
		break;
	}
	reader->record_left_size -= part.size;
	*ret_used = part.size;
	return APP_OK;
}

/* ---- SSL 2.0 ---- */

/* Size of the header and of what follows: two bytes, or three when there is padding. */
static size_t ssl2_header(struct bytes in, size_t *ret_size)
{
	bool short_form = in.ptr[0] & 0x80;

	*ret_size = (size_t)(in.ptr[0] & (short_form ? 0x7f : 0x3f)) << 8 | in.ptr[1];
	return short_form ? 2 : 3;
}

static bool is_ssl2(enum sensor_dir dir, struct bytes in)
{
	uint8_t type;

	if (in.ptr[0] >= RECORD_CHANGE_CIPHER && in.ptr[0] <= RECORD_HEARTBEAT && in.ptr[1] == 3)
		return false;
	type = in.ptr[0] & 0x80 ? in.ptr[2] : in.ptr[3];
	return type == (dir == TO_SERVER ? SSL2_CLIENT_HELLO : SSL2_SERVER_HELLO);
}

static void ssl2_hello(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes record)
{
	struct tls_side *side = &state->tx->side[dir];
	size_t at = dir == TO_SERVER ? 1 : 3;

	if (record.size >= at + 2)
		side->version = (uint16_t)(record.ptr[at] << 8 | record.ptr[at + 1]);
	side->hello_seen = true;
	app_tx_progress(conn, &state->tx->tx, dir, TLS_CLIENT_HELLO_DONE);
}

/* A client may begin with a hello of SSL 2.0 and go on with TLS: after its hello the bytes decide anew. */
static struct app_result parse_ssl2(
	struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes in)
{
	size_t used = 0;

	while (in.size >= 4) {
		size_t size, header_size = ssl2_header(in, &size);

		if (state->tx->side[dir].hello_seen && in.ptr[0] >= RECORD_CHANGE_CIPHER &&
			in.ptr[0] <= RECORD_HEARTBEAT && in.ptr[1] == 3) {
			state->reader[dir].ssl2 = false;
			return APP_RESULT_MORE(used, 0);
		}
		if (in.size < header_size + size)
			return APP_RESULT_MORE(used, header_size + size);
		if (!state->tx->side[dir].hello_seen)
			ssl2_hello(conn, state, dir, bytes_of(in.ptr + header_size, size));
		else
			encrypted_now(conn, state);
		used += header_size + size;
		in = bytes_skip(in, header_size + size);
	}
	return in.size == 0 ? APP_RESULT_OK : APP_RESULT_MORE(used, 4);
}

/* ---- Entry ---- */

static struct app_result parse_records(
	struct app_conn *conn, struct tls_state *state, enum sensor_dir dir, struct bytes in)
{
	unsigned int records = 0;
	size_t used = 0, needed = 0, step_size = 0;

	while (in.size != 0) {
		enum app_status status = step(conn, state, dir, in, &step_size, &needed);

		if (status == APP_ERROR)
			return APP_RESULT_ERROR;
		if (status == APP_MORE)
			return APP_RESULT_MORE(used, needed);
		if (step_size == HEADER_SIZE && ++records == RECORDS_PER_CALL_MAX * 4)
			app_tx_event(conn, &state->tx->tx, TLS_EVENT_TOO_MANY_RECORDS_IN_PACKET);
		used += step_size;
		in = bytes_skip(in, step_size);
	}
	return APP_RESULT_OK;
}

static void side_ended(struct app_conn *conn, struct tls_state *state, enum sensor_dir dir)
{
	app_tx_progress(conn, &state->tx->tx, dir, dir == TO_SERVER ? TLS_CLIENT_FINISHED : TLS_SERVER_FINISHED);
}

static struct app_result parse_dir(struct app_conn *conn, void *opaque, enum sensor_dir dir, const struct app_input *in)
{
	struct tls_state *state = opaque;
	struct tls_reader *reader = &state->reader[dir];
	struct app_result result = APP_RESULT_OK;

	if (!state->tx && in->data.size == 0)
		return APP_RESULT_OK;
	if (!state->tx)
		state->tx = (struct tls_tx *)app_tx_new(conn, sizeof(*state->tx), in->now_ns);
	if (!state->tx)
		return APP_RESULT_ERROR;
	if (in->data.size != 0 && !reader->started) {
		if (in->data.size < 4)
			return APP_RESULT_MORE(0, 4);
		reader->started = true;
		reader->ssl2 = is_ssl2(dir, in->data);
	}
	if (in->data.size != 0) {
		struct bytes rest = in->data;
		size_t used = 0;

		if (reader->ssl2) {
			result = parse_ssl2(conn, state, dir, rest);
			used = result.consumed;
			rest = bytes_skip(rest, used);
		}
		if (!reader->ssl2 && rest.size != 0) {
			result = parse_records(conn, state, dir, rest);
			result.consumed += used;
		}
	}
	if (in->eof)
		side_ended(conn, state, dir);
	return result;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, state, TO_CLIENT, in);
}

/* ---- Recognition ---- */

/* On the ports of TLS anything that has the header of a record; elsewhere the patterns below. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	if (data.ptr[0] >= RECORD_CHANGE_CIPHER && data.ptr[0] <= RECORD_DATA && data.ptr[1] == 3 && data.ptr[2] <= 4)
		return APP_PROBE_YES;
	return APP_PROBE_NO;
}

static const struct app_pattern patterns[] = {
	{ TO_SERVER, "\x01\x00\x02", 3, 2, 5, false, NULL }, /* hello of SSL 2.0 */
	{ TO_SERVER, "\x16\x03\x00", 3, 0, 3, false, NULL },
	{ TO_SERVER, "\x16\x03\x01", 3, 0, 3, false, NULL },
	{ TO_SERVER, "\x16\x03\x02", 3, 0, 3, false, NULL },
	{ TO_SERVER, "\x16\x03\x03", 3, 0, 3, false, NULL },
	{ TO_SERVER, "\x01\x03\x00", 3, 2, 5, false, NULL }, /* hello of SSL 2.0 for a later version */
	{ TO_SERVER, "\x01\x03\x01", 3, 2, 5, false, NULL },
	{ TO_SERVER, "\x01\x03\x02", 3, 2, 5, false, NULL },
	{ TO_SERVER, "\x01\x03\x03", 3, 2, 5, false, NULL },
	{ TO_CLIENT, "\x15\x03\x00", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x15\x03\x01", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x15\x03\x02", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x15\x03\x03", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x16\x03\x00", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x16\x03\x01", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x16\x03\x02", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x16\x03\x03", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x17\x03\x00", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x17\x03\x01", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x17\x03\x02", 3, 0, 3, false, NULL },
	{ TO_CLIENT, "\x17\x03\x03", 3, 0, 3, false, NULL },
	{ 0, NULL, 0, 0, 0, false, NULL },
};

static const struct app_port_probe probes[] = {
	{ "443", 6, 3, probe, NULL },
	{ "", 0, 0, NULL, NULL },
};

static const struct app_state_name states[] = {
	{ "client_in_progress", TO_SERVER, 0 },
	{ "client_hello_done", TO_SERVER, TLS_CLIENT_HELLO_DONE },
	{ "client_cert_done", TO_SERVER, TLS_CLIENT_CERT_DONE },
	{ "client_handshake_done", TO_SERVER, TLS_CLIENT_HANDSHAKE_DONE },
	{ "client_finished", TO_SERVER, TLS_CLIENT_FINISHED },
	{ "server_in_progress", TO_CLIENT, 0 },
	{ "server_hello", TO_CLIENT, TLS_SERVER_HELLO },
	{ "server_cert_done", TO_CLIENT, TLS_SERVER_CERT_DONE },
	{ "server_hello_done", TO_CLIENT, TLS_SERVER_HELLO_DONE },
	{ "server_handshake_done", TO_CLIENT, TLS_SERVER_HANDSHAKE_DONE },
	{ "server_finished", TO_CLIENT, TLS_SERVER_FINISHED },
	{ NULL, 0, 0 },
};

extern const struct app_protocol app_protocol_tls;

const struct app_protocol app_protocol_tls = {
	.name = "tls",
	.rule_alias = "ssl",
	.event_type = "tls",
	.log_key = "tls",
	.transports = APP_TCP,
	.one_tx = true,
	.events_upper_case = true,
	.first_dir = DIR_TO_SERVER,
	.complete = { TLS_CLIENT_FINISHED, TLS_SERVER_FINISHED },
	/* Everything that the record shows has been said by then; TLS 1.3 reaches it with the change of cipher. */
	.log_progress = { TLS_CLIENT_HELLO_DONE, TLS_SERVER_HELLO_DONE },
	.patterns = patterns,
	.probes = probes,
	.buffers = tls_buffers,
	.numbers = tls_numbers,
	.events = events,
	.states = states,
	.frames = frames,
	.keywords = tls_keywords,
	.configure = tls_configure,
	.configure_free = free,
	.open = tls_open,
	.close = tls_close,
	.parse = { parse_to_server, parse_to_client },
	.log = tls_log,
};
