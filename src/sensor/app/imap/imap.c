// SPDX-License-Identifier: Apache-2.0
/* IMAP (RFC 9051): lines and literals, the change to TLS by STARTTLS, and what goes wrong.
 *
 * A command with its tagged response is a transaction; the greeting and what the server says on its own accord belong to
 * none. Literals ("{12}" at the end of a line: so many bytes follow, which may be lines themselves) are stepped over, so
 * that mail is never taken for protocol. No record of its own is written: the flow, alerts and anomalies tell. */
#include <string.h>

#include "base/ascii.h"
#include "sensor/app/frames.h"

enum { LINE_MAX_SIZE = 8192, TAG_MAX = 64, IMAP_COMPLETE = 1, COMMAND_MAX = 16 };

enum imap_event {
	EVENT_TOO_MANY_TX,
	EVENT_REQUEST_LINE_TOO_LONG,
	EVENT_RESPONSE_LINE_TOO_LONG,
	EVENT_MALFORMED_REQUEST,
	EVENT_LOGIN_FAILED,
	EVENT_DATA_AFTER_STARTTLS,
};

static const struct app_event events[] = {
	[EVENT_TOO_MANY_TX] = { .name = "too_many_transactions" },
	[EVENT_REQUEST_LINE_TOO_LONG] = { .name = "request_line_too_long" },
	[EVENT_RESPONSE_LINE_TOO_LONG] = { .name = "response_line_too_long" },
	[EVENT_MALFORMED_REQUEST] = { .name = "malformed_request" },
	[EVENT_LOGIN_FAILED] = { .name = "login_failed" },
	[EVENT_DATA_AFTER_STARTTLS] = { .name = "data_after_starttls" },
	{ .name = NULL },
};

enum imap_frame { FRAME_COMMAND_LINE, FRAME_RESPONSE_LINE };

static const char *const frames[] = {
	[FRAME_COMMAND_LINE] = "command_line", [FRAME_RESPONSE_LINE] = "response_line", NULL
};

struct imap_tx {
	struct app_tx common;
	uint8_t tag[TAG_MAX], tag_size;
	char command[COMMAND_MAX]; /* in capitals; a longer one is cut */
};

struct imap_side {
	uint64_t literal_left; /* bytes of a literal that are still to come */
	bool goes_on; /* the line in hand is what follows a literal */
	bool skip_line; /* the rest of a line that was too long */
};

struct imap_state {
	struct imap_side side[SENSOR_DIRS];
	bool authenticating; /* AUTHENTICATE: the client's lines are answers until the server has decided */
	bool idling; /* IDLE: until DONE */
};

/* ---- Lines ---- */

/* The size of the literal that a line announces at its end: "{12}", "{12+}" (RFC 7888), "~{12}" (RFC 3516). */
static bool literal_size(struct bytes line, uint64_t *ret)
{
	size_t at = line.size;
	uint64_t value = 0;
	size_t start;

	if (at == 0 || line.ptr[--at] != '}')
		return false;
	if (at > 0 && line.ptr[at - 1] == '+')
		at--;
	for (start = at; start > 0 && line.ptr[start - 1] >= '0' && line.ptr[start - 1] <= '9'; start--)
		;
	if (start == at || at - start > 10 || start == 0 || line.ptr[start - 1] != '{')
		return false;
	for (size_t i = start; i < at; i++)
		value = value * 10 + (uint64_t)(line.ptr[i] - '0');
	*ret = value;
	return true;
}

static struct bytes cut_word(struct bytes *rest)
{
	size_t blank = bytes_index(*rest, ' ');
	struct bytes word = bytes_first(*rest, blank);

	*rest = bytes_skip(*rest, blank + 1);
	return word;
}

/* ---- Commands ---- */

static void read_command(struct imap_tx *tx, struct bytes tag, struct bytes command)
{
	tx->tag_size = (uint8_t)(tag.size < TAG_MAX ? tag.size : TAG_MAX);
	memcpy(tx->tag, tag.ptr, tx->tag_size);
	for (size_t i = 0; i < command.size && i + 1 < COMMAND_MAX; i++) {
		uint8_t byte = command.ptr[i];

		tx->command[i] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
	}
}

static bool handle_command(struct app_conn *conn, struct imap_state *state, struct bytes line, uint64_t now_ns)
{
	struct bytes rest = line, tag, command;
	struct imap_tx *tx;

	/* Lines that answer the server are no commands. */
	if (state->idling || state->authenticating) {
		state->idling = state->idling && !ascii_equal_nocase_str(line, "DONE");
		return true;
	}
	if (line.size == 0)
		return true;
	tag = cut_word(&rest);
	command = cut_word(&rest);
	tx = (struct imap_tx *)app_tx_new(conn, sizeof(*tx), now_ns);
	if (!tx) {
		if (conn->last)
			app_tx_event(conn, conn->last, EVENT_TOO_MANY_TX);
		return false;
	}
	tx->common.skip_logs = true;
	read_command(tx, tag, command);
	if (tag.size == 0 || command.size == 0)
		app_tx_event(conn, &tx->common, EVENT_MALFORMED_REQUEST);
	state->authenticating = strcmp(tx->command, "AUTHENTICATE") == 0;
	state->idling = strcmp(tx->command, "IDLE") == 0;
	app_tx_progress(conn, &tx->common, TO_SERVER, IMAP_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
	return true;
}

/* ---- Responses ---- */

static struct imap_tx *tx_of_tag(struct app_conn *conn, struct bytes tag)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct imap_tx *tx = (struct imap_tx *)at;

		if (at->protocol == conn->protocol && at->progress[TO_CLIENT] == 0 && tag.size == tx->tag_size &&
			memcmp(tag.ptr, tx->tag, tag.size) == 0)
			return tx;
	}
	return NULL;
}

static bool handle_response(struct app_conn *conn, struct imap_state *state, struct bytes line, uint64_t now_ns)
{
	struct bytes rest = line, tag = cut_word(&rest), status = cut_word(&rest);
	struct imap_tx *tx = tx_of_tag(conn, tag);
	bool good = ascii_equal_nocase_str(status, "OK");

	app_raw_trigger(conn, TO_CLIENT);
	if (!tx || bytes_equal_str(tag, "*") || bytes_equal_str(tag, "+"))
		return true;
	if (strcmp(tx->command, "LOGIN") == 0 || strcmp(tx->command, "AUTHENTICATE") == 0) {
		state->authenticating = false;
		if (!good)
			app_tx_event(conn, &tx->common, EVENT_LOGIN_FAILED);
	}
	if (strcmp(tx->command, "IDLE") == 0)
		state->idling = false;
	if (good && strcmp(tx->command, "STARTTLS") == 0) {
		/* Commands that were sent along before TLS would be taken as said inside it. */
		if (conn->last != &tx->common)
			app_tx_event(conn, &tx->common, EVENT_DATA_AFTER_STARTTLS);
		app_change_protocol(conn, "tls", 993);
	}
	app_tx_progress(conn, &tx->common, TO_CLIENT, IMAP_COMPLETE);
	return true;
}

/* ---- Bytes ---- */

static size_t skip_literal(struct imap_side *side, struct bytes in)
{
	size_t size = side->literal_left < in.size ? (size_t)side->literal_left : in.size;

	side->literal_left -= size;
	return size;
}

static void too_long(struct app_conn *conn, enum sensor_dir dir)
{
	if (conn->last && conn->last->protocol == conn->protocol)
		app_tx_event(conn, conn->last,
			dir == TO_SERVER ? EVENT_REQUEST_LINE_TOO_LONG : EVENT_RESPONSE_LINE_TOO_LONG);
}

/* One line at the beginning of 'in'; how many bytes it has with its end; 0: more are needed. */
static size_t take_line(struct app_conn *conn, struct imap_state *state, enum sensor_dir dir, struct bytes in,
	uint64_t now_ns, bool *ret_good)
{
	struct imap_side *side = &state->side[dir];
	size_t end = bytes_index(bytes_first(in, LINE_MAX_SIZE), '\n');
	bool cut = end == LINE_MAX_SIZE, follows = side->goes_on;
	struct bytes line = bytes_first(in, end);

	*ret_good = true;
	if (!cut && end == in.size)
		return 0;
	if (line.size != 0 && line.ptr[line.size - 1] == '\r')
		line.size--;
	side->goes_on = !cut && literal_size(line, &side->literal_left);
	side->skip_line = cut;
	if (!follows)
		*ret_good = dir == TO_SERVER ? handle_command(conn, state, line, now_ns)
					     : handle_response(conn, state, line, now_ns);
	app_frame(conn, dir, dir == TO_SERVER ? FRAME_COMMAND_LINE : FRAME_RESPONSE_LINE, in.ptr,
		(int64_t)(cut ? end : end + 1), NULL);
	if (cut)
		too_long(conn, dir);
	return cut ? end : end + 1;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct imap_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct imap_side *side = &state->side[dir];
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes rest = bytes_skip(in->data, used);
		size_t size;
		bool good;

		if (side->literal_left != 0) {
			used += skip_literal(side, rest);
			continue;
		}
		if (side->skip_line) {
			size = bytes_index(rest, '\n');
			side->skip_line = size == rest.size;
			used += side->skip_line ? size : size + 1;
			continue;
		}
		size = take_line(conn, state, dir, rest, in->now_ns, &good);
		if (!good)
			return APP_RESULT_ERROR;
		if (size == 0)
			return APP_RESULT_MORE(used, rest.size + 1);
		used += size;
		if (conn->flags & APP_CONN_CHANGE)
			return APP_RESULT_MORE(used, 1);
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

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct imap_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct imap_state));
}

static const struct app_pattern patterns[] = {
	{ .dir = TO_CLIENT, .text = "* OK ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_CLIENT, .text = "* PREAUTH ", .size = 10, .depth = 10, .nocase = true },
	{ .dir = TO_SERVER, .text = " CAPABILITY\r\n", .size = 13, .depth = 32, .nocase = true },
	{ .dir = TO_SERVER, .text = " STARTTLS\r\n", .size = 11, .depth = 32, .nocase = true },
	{ .size = 0 },
};

extern const struct app_protocol app_protocol_imap;

const struct app_protocol app_protocol_imap = {
	.name = "imap",
	.transports = APP_TCP,
	.complete = { IMAP_COMPLETE, IMAP_COMPLETE },
	.patterns = patterns,
	.events = events,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
};
