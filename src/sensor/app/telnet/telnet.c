// SPDX-License-Identifier: Apache-2.0
/* Telnet (RFC 854, RFC 855): commands and lines, as frames. There is nothing to record about a session but its flow; a
 * connection is one transaction so that rules have something to hold on to.
 *
 * A unit begins with IAC, then it is a command (with its option, or the beginning or the end of a subnegotiation), or it is
 * a line up to its line feed, which may hold commands of its own. */
#include "base/cursor.h"
#include "sensor/app/frames.h"

enum {
	TELNET_IAC = 255,
	TELNET_DONT = 254,
	TELNET_WILL = 251,
	TELNET_SB = 250,
	TELNET_SE = 240,
	TELNET_COMPLETE = 1,
	LINE_MAX_SIZE = 8192, /* a longer line is cut */
	SUBNEGOTIATION_MAX = 2048,
};

enum telnet_frame { FRAME_PDU, FRAME_CTL, FRAME_DATA };

static const char *const frames[] = { [FRAME_PDU] = "pdu", [FRAME_CTL] = "ctl", [FRAME_DATA] = "data", NULL };

struct telnet_state {
	struct app_tx *tx; /* null: there is none yet, or it went */
	bool opened;
};

/* ---- Units ---- */

/* Where IAC SE begins; the size of 'in' when it is not there. IAC IAC is a byte of data (RFC 855). */
static size_t end_of_subnegotiation(struct bytes in, size_t at)
{
	for (; at + 1 < in.size; at++) {
		if (in.ptr[at] != TELNET_IAC)
			continue;
		if (in.ptr[at + 1] == TELNET_SE)
			return at;
		at++;
	}
	return in.size;
}

static void announce(struct app_conn *conn, struct telnet_state *state, enum sensor_dir dir, enum telnet_frame type,
	struct bytes unit)
{
	app_frame(conn, dir, FRAME_PDU, unit.ptr, (int64_t)unit.size, state->tx);
	app_frame(conn, dir, (uint8_t)type, unit.ptr, (int64_t)unit.size, state->tx);
}

/* A command at the beginning of 'in': how many bytes it has; 0: more are needed. */
static size_t take_command(struct app_conn *conn, struct telnet_state *state, enum sensor_dir dir, struct bytes in)
{
	size_t end;

	if (in.size < 2)
		return 0;
	if (in.ptr[1] == TELNET_SB) {
		end = end_of_subnegotiation(in, 2);
		if (end == in.size && in.size < SUBNEGOTIATION_MAX)
			return 0;
		announce(conn, state, dir, FRAME_CTL, bytes_first(in, end));
		if (end == in.size)
			return end;
		announce(conn, state, dir, FRAME_CTL, bytes_first(bytes_skip(in, end), 2));
		return end + 2;
	}
	end = in.ptr[1] >= TELNET_WILL && in.ptr[1] <= TELNET_DONT ? 3 : 2;
	if (in.size < end)
		return 0;
	announce(conn, state, dir, FRAME_CTL, bytes_first(in, end));
	return end;
}

static size_t take_line(struct app_conn *conn, struct telnet_state *state, enum sensor_dir dir, struct bytes in)
{
	size_t end = bytes_index(bytes_first(in, LINE_MAX_SIZE), '\n');

	if (end < in.size && end < LINE_MAX_SIZE)
		end++;
	else if (in.size < LINE_MAX_SIZE)
		return 0;
	else
		end = LINE_MAX_SIZE;
	announce(conn, state, dir, FRAME_DATA, bytes_first(in, end));
	return end;
}

/* ---- Bytes ---- */

static struct app_result parse_dir(
	struct app_conn *conn, struct telnet_state *state, enum sensor_dir dir, const struct app_input *in)
{
	size_t used = 0;

	if (!state->opened) {
		state->opened = true;
		state->tx = app_tx_new(conn, sizeof(*state->tx), in->now_ns);
		if (!state->tx)
			return APP_RESULT_ERROR;
		state->tx->skip_logs = true;
	}
	while (used < in->data.size) {
		struct bytes rest = bytes_skip(in->data, used);
		size_t size = rest.ptr[0] == TELNET_IAC ? take_command(conn, state, dir, rest)
							: take_line(conn, state, dir, rest);

		if (size == 0)
			return APP_RESULT_MORE(used, rest.size + 1);
		used += size;
	}
	if (state->tx && in->eof)
		app_tx_progress(conn, state->tx, dir, TELNET_COMPLETE);
	else if (state->tx)
		app_tx_touch(conn, state->tx, dir);
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
	return app_alloc(conn, sizeof(struct telnet_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct telnet_state));
}

static void free_tx(struct app_conn *conn, struct app_tx *tx)
{
	struct telnet_state *state = conn->state;

	if (state && state->tx == tx)
		state->tx = NULL;
}

/* ---- Recognition: the negotiation of options at its beginning ---- */

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	if (data.ptr[0] != TELNET_IAC || data.ptr[1] < TELNET_SB || data.ptr[1] > TELNET_DONT)
		return APP_PROBE_NO;
	return APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ .ports = "23", .transport = 6, .min_size = 3, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

extern const struct app_protocol app_protocol_telnet;

const struct app_protocol app_protocol_telnet = {
	.name = "telnet",
	.transports = APP_TCP,
	.one_tx = true,
	.complete = { TELNET_COMPLETE, TELNET_COMPLETE },
	.probes = probes,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.tx_free = free_tx,
};
