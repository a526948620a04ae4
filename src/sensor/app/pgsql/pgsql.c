// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/pgsql/pgsql.h"

#include <string.h>

#include "base/cursor.h"
#include "sensor/flow/flow.h"

enum pgsql_event {
	EVENT_INVALID_LENGTH,
	EVENT_MALFORMED_REQUEST,
	EVENT_MALFORMED_RESPONSE,
	EVENT_TOO_MANY_TRANSACTIONS
};

static const struct app_event events[] = {
	[EVENT_INVALID_LENGTH] = { .name = "invalid_length" },
	[EVENT_MALFORMED_REQUEST] = { .name = "malformed_request" },
	[EVENT_MALFORMED_RESPONSE] = { .name = "malformed_response" },
	[EVENT_TOO_MANY_TRANSACTIONS] = { .name = "too_many_transactions" },
	{ .name = NULL },
};

struct pgsql_state {
	uint32_t authentication; /* what the server asked for last */
	bool encryption_asked; /* the next byte of the server is no message */
	uint64_t skip_size[SENSOR_DIRS]; /* of a message that is too long */
};

/* ---- Transactions ---- */

static struct pgsql_tx *tx_make(struct app_conn *conn, uint64_t now_ns)
{
	if (conn->tx_live >= app_tx_max(conn)) {
		struct app_tx *at = conn->first;

		while (at && at->progress[TO_CLIENT] == PGSQL_COMPLETE)
			at = at->next;
		if (at) {
			app_tx_event(conn, at, EVENT_TOO_MANY_TRANSACTIONS);
			app_tx_progress(conn, at, TO_SERVER, PGSQL_COMPLETE);
			app_tx_progress(conn, at, TO_CLIENT, PGSQL_COMPLETE);
		}
	}
	return (struct pgsql_tx *)app_tx_new(conn, sizeof(struct pgsql_tx), now_ns);
}

/* The oldest request that waits for its answer; null: what the server says belongs to none that is known. */
static struct pgsql_tx *tx_waiting(struct app_conn *conn)
{
	for (struct app_tx *at = conn->first; at; at = at->next)
		if (at->protocol == conn->protocol && at->progress[TO_CLIENT] < PGSQL_COMPLETE)
			return (struct pgsql_tx *)at;
	return NULL;
}

static void malformed(struct app_conn *conn, enum pgsql_event event, uint64_t now_ns)
{
	struct pgsql_tx *tx = tx_make(conn, now_ns);

	if (!tx)
		return;
	tx->common.skip_logs = true;
	app_tx_event(conn, &tx->common, (uint8_t)event);
	app_tx_progress(conn, &tx->common, TO_SERVER, PGSQL_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
}

/* ---- Messages ---- */

struct message {
	uint8_t type; /* 0: none, the client's first messages */
	uint32_t size; /* of the body */
	size_t head_size;
};

/* False: there are not enough bytes, or with '*ret_bad' the length is impossible. */
static bool read_head(struct bytes in, bool typed, struct message *ret, bool *ret_bad)
{
	struct cursor cur = cursor_over(in);
	uint32_t size;

	ret->type = 0;
	*ret_bad = false;
	if ((typed && !cursor_u8(&cur, &ret->type)) || !cursor_u32be(&cur, &size))
		return false;
	*ret_bad = size < 4 || size > INT32_MAX;
	ret->size = size - 4;
	ret->head_size = in.size - cursor_left(&cur);
	return !*ret_bad;
}

static bool copy_in(struct app_conn *conn, uint8_t type, size_t size)
{
	if (type != 'd')
		return type == 'c' || type == 'f';
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct pgsql_tx *tx = (struct pgsql_tx *)at;

		if (at->protocol != conn->protocol || at->progress[TO_CLIENT] == PGSQL_COMPLETE)
			continue;
		tx->copy_in_count++;
		tx->copy_in_size += size;
		break;
	}
	return true;
}

static bool handle_request(struct app_conn *conn, struct pgsql_state *state, const struct message *message,
	struct bytes body, uint64_t now_ns)
{
	struct pgsql_tx *tx;

	/* Extended queries are not taken apart: their answers stand alone. */
	if (copy_in(conn, message->type, message->size) || (message->type != 0 && !strchr("pQX", message->type)))
		return true;
	tx = tx_make(conn, now_ns);
	if (!tx)
		return true;
	app_tx_progress(conn, &tx->common, TO_SERVER, PGSQL_COMPLETE);
	if (!pgsql_read_request(tx, message->type, state->authentication, body)) {
		tx->common.skip_logs = true;
		app_tx_event(conn, &tx->common, EVENT_MALFORMED_REQUEST);
		app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
		return false;
	}
	state->encryption_asked = tx->request == PGSQL_SSL_REQUEST || tx->request == PGSQL_GSS_REQUEST;
	if (tx->request == PGSQL_CANCEL || tx->request == PGSQL_TERMINATE)
		app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
	return true;
}

static bool handle_response(
	struct app_conn *conn, struct pgsql_state *state, const struct message *message, struct bytes body)
{
	struct pgsql_tx *tx = tx_waiting(conn);
	bool done;

	if (!tx)
		return true;
	if (!pgsql_read_response(tx, message->type, body, &done)) {
		app_tx_event(conn, &tx->common, EVENT_MALFORMED_RESPONSE);
		app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
		return false;
	}
	state->authentication = tx->authentication;
	app_tx_touch(conn, &tx->common, TO_CLIENT);
	if (done) {
		app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
		app_raw_trigger(conn, TO_CLIENT);
	}
	return true;
}

/* A message that is too long to be held: rows are counted all the same. */
static void handle_long(struct app_conn *conn, enum sensor_dir dir, const struct message *message)
{
	struct pgsql_tx *tx;

	if (dir == TO_SERVER) {
		copy_in(conn, message->type, message->size);
		return;
	}
	tx = tx_waiting(conn);
	if (tx && message->type == 'D') {
		tx->row_count++;
		tx->row_size += message->size;
	} else if (tx && message->type == 'd') {
		tx->copy_out_count++;
		tx->copy_out_size += message->size;
	}
}

/* The answer to a request for encryption is a single letter: 'S' for TLS, 'G' for GSSAPI, 'N' for no. */
static void encryption_answer(struct app_conn *conn, struct pgsql_state *state, uint8_t letter)
{
	struct pgsql_tx *tx = tx_waiting(conn);

	state->encryption_asked = false;
	if (tx) {
		tx->has_ssl = tx->request == PGSQL_SSL_REQUEST;
		tx->ssl_accepted = letter == 'S';
		app_tx_progress(conn, &tx->common, TO_CLIENT, PGSQL_COMPLETE);
	}
	if (letter == 'S')
		app_change_protocol(conn, "tls", 443);
	if (letter == 'G')
		app_encrypted(conn, APP_ENCRYPTION_TRACK_ONLY);
}

static struct app_result fail(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	malformed(conn, dir == TO_SERVER ? EVENT_MALFORMED_REQUEST : EVENT_MALFORMED_RESPONSE, in->now_ns);
	return APP_RESULT_ERROR;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct pgsql_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;

	for (;;) {
		size_t skipped = data.size < state->skip_size[dir] ? data.size : (size_t)state->skip_size[dir];
		/* Lengths below 16 MiB: a message that begins with a NUL has no letter. */
		bool typed = dir == TO_CLIENT || (data.size > skipped && data.ptr[skipped] != 0);
		struct message message;
		struct bytes body;
		bool bad, good;

		state->skip_size[dir] -= skipped;
		data = bytes_skip(data, skipped);
		if (data.size == 0 || (conn->flags & APP_CONN_CHANGE))
			break;
		if (conn->flags & APP_CONN_NO_INSPECT)
			return APP_RESULT_OK;
		if (dir == TO_CLIENT && state->encryption_asked && strchr("SNG", data.ptr[0]) && data.ptr[0] != 0) {
			encryption_answer(conn, state, data.ptr[0]);
			data = bytes_skip(data, 1);
			continue;
		}
		if (!read_head(data, typed, &message, &bad)) {
			if (bad)
				return fail(conn, dir, in);
			return APP_RESULT_MORE(in->data.size - data.size, data.size + 1);
		}
		if (message.size > PGSQL_MESSAGE_MAX) {
			handle_long(conn, dir, &message);
			state->skip_size[dir] = message.size;
			data = bytes_skip(data, message.head_size);
			continue;
		}
		if (data.size < message.head_size + message.size)
			return APP_RESULT_MORE(in->data.size - data.size, message.head_size + message.size);
		body = bytes_of(data.ptr + message.head_size, message.size);
		data = bytes_skip(data, message.head_size + message.size);
		good = dir == TO_SERVER ? handle_request(conn, state, &message, body, in->now_ns)
					: handle_response(conn, state, &message, body);
		if (!good)
			return APP_RESULT_ERROR;
	}
	return data.size == 0 ? APP_RESULT_OK : APP_RESULT_MORE(in->data.size - data.size, 1);
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

static enum app_probe_answer probe_client(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	struct message message;
	uint32_t size, code;
	bool bad;

	if (data.ptr[0] != 0) {
		if (!strchr("pQXPBESDCdcfFH", data.ptr[0]))
			return APP_PROBE_NO;
		if (!read_head(data, true, &message, &bad))
			return bad ? APP_PROBE_NO : APP_PROBE_MORE;
		return message.size <= PGSQL_MESSAGE_MAX ? APP_PROBE_YES : APP_PROBE_NO;
	}
	if (!cursor_u32be(&cur, &size) || !cursor_u32be(&cur, &code))
		return APP_PROBE_MORE;
	/* Requests for encryption and the like, known or not; cancelling; the beginning of a session. */
	if (size == 8 || (size == 16 && code == PGSQL_CODE_CANCEL))
		return APP_PROBE_YES;
	return code >> 16 == 3 && size >= 8 && size < 65536 ? APP_PROBE_YES : APP_PROBE_NO;
}

static enum app_probe_answer probe_server(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct message message;
	bool bad;

	if (data.size == 1 && (data.ptr[0] == 'S' || data.ptr[0] == 'N'))
		return APP_PROBE_YES;
	if (data.ptr[0] == 0 || !strchr("REKSZTDCNGHWdcIAnst123V", data.ptr[0]))
		return APP_PROBE_NO;
	if (!read_head(data, true, &message, &bad))
		return bad ? APP_PROBE_NO : APP_PROBE_MORE;
	return message.size <= PGSQL_MESSAGE_MAX ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ "5432", 6, 1, probe_client, probe_server },
	{ "", 0, 0, NULL, NULL },
};

/* ---- Rules ---- */

static bool get_query(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct pgsql_tx *pgsql = (const struct pgsql_tx *)tx;

	*ret = (struct app_view){ .data = pgsql->text, .last = true };
	return pgsql->request == PGSQL_QUERY;
}

static const struct app_buffer buffers[] = {
	{ .name = "pgsql.query",
		.dirs = DIR_TO_SERVER,
		.progress = { PGSQL_COMPLETE, PGSQL_COMPLETE },
		.get = get_query },
	{ .name = NULL },
};

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct pgsql_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct pgsql_state));
}

extern const struct app_protocol app_protocol_pgsql;

const struct app_protocol app_protocol_pgsql = {
	.name = "pgsql",
	.event_type = "pgsql",
	.log_key = "pgsql",
	.transports = APP_TCP,
	.disabled_by_default = true,
	.complete = { PGSQL_COMPLETE, PGSQL_COMPLETE },
	.probes = probes,
	.buffers = buffers,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = pgsql_log,
};
