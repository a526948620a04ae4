// SPDX-License-Identifier: Apache-2.0
/* POP3 (RFC 1939, RFC 2449, RFC 2595): a transaction is a command with its response; the greeting has none. */
#include <string.h>

#include "base/ascii.h"
#include "sensor/app/app.h"
#include "sensor/app/json.h"
#include "sensor/flow/flow.h"

enum { LINE_MAX_SIZE = 4096, ARGUMENTS_MAX = 16, DATA_LINES_MAX = 4096, DATA_SIZE_MAX = 256 << 10, POP3_COMPLETE = 1 };

enum pop3_event {
	EVENT_TOO_MANY_TX,
	EVENT_REQUEST_TOO_LONG,
	EVENT_INCORRECT_ARGUMENTS,
	EVENT_UNKNOWN_COMMAND,
	EVENT_RESPONSE_TOO_LONG,
	EVENT_UNSUPPORTED_RESPONSE
};

struct pop3_line {
	struct pop3_line *next;
	struct bytes text;
};

struct pop3_tx {
	struct app_tx common;
	struct bytes command; /* in capitals; empty: the greeting */
	struct bytes arguments[ARGUMENTS_MAX];
	uint32_t argument_count;
	bool has_response, success;
	struct bytes header;
	struct pop3_line *first, *last;
	uint32_t line_count, data_size;
};

struct pop3_state {
	bool in_data; /* the response of the oldest open transaction has more lines */
	bool answer_due; /* the server asked for more in the middle of AUTH */
	bool skip_line[SENSOR_DIRS];
};

/* ---- Lines ---- */

struct line {
	struct bytes text;
	size_t used_size;
	bool truncated;
};

static bool next_line(struct bytes in, struct line *ret)
{
	struct bytes first = bytes_first(in, LINE_MAX_SIZE);
	size_t end = bytes_index(first, '\n');

	*ret = (struct line){ .text = bytes_first(first, end), .truncated = end == first.size };
	ret->used_size = ret->truncated ? first.size : end + 1;
	if (!ret->truncated && end && first.ptr[end - 1] == '\r')
		ret->text.size--;
	return !ret->truncated || first.size == LINE_MAX_SIZE;
}

static size_t skip_rest(struct pop3_state *state, enum sensor_dir dir, struct bytes in)
{
	size_t end = bytes_index(in, '\n');

	state->skip_line[dir] = end == in.size;
	return end == in.size ? in.size : end + 1;
}

/* ---- Commands ---- */

static struct pop3_tx *new_tx(struct app_conn *conn, uint64_t now_ns)
{
	struct pop3_tx *tx = (struct pop3_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (!tx && conn->last)
		app_tx_event(conn, conn->last, EVENT_TOO_MANY_TX);
	return tx;
}

static bool is_known(struct bytes command)
{
	static const char *const known[] = { "APOP", "AUTH", "CAPA", "DELE", "LANG", "LIST", "NOOP", "PASS", "QUIT",
		"RETR", "RSET", "STAT", "STLS", "TOP", "UIDL", "USER", "UTF8", "XTND" };

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (bytes_equal_str(command, known[i]))
			return true;
	return false;
}

static void read_words(struct pop3_tx *tx, struct bytes text)
{
	size_t end = bytes_index(text, ' ');
	uint8_t *name;

	tx->command = bytes_first(text, end);
	name = (uint8_t *)(uintptr_t)tx->command.ptr;
	for (size_t i = 0; i < tx->command.size; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (uint8_t)(name[i] - 32);
	text = bytes_skip(text, end + 1);
	while (text.size && tx->argument_count < ARGUMENTS_MAX) {
		end = tx->argument_count + 1 == ARGUMENTS_MAX ? text.size : bytes_index(text, ' ');
		tx->arguments[tx->argument_count++] = bytes_first(text, end);
		text = bytes_skip(text, end + 1);
	}
}

static bool handle_command(struct app_conn *conn, struct pop3_state *state, const struct line *line, uint64_t now_ns)
{
	struct pop3_tx *tx;
	struct bytes copy;

	if (state->answer_due) {
		state->answer_due = false;
		return true;
	}
	if (!line->text.size)
		return true;
	tx = new_tx(conn, now_ns);
	if (!tx)
		return false;
	copy = app_tx_dup(&tx->common, line->text);
	if (!copy.ptr)
		return false;
	read_words(tx, copy);
	if (line->truncated)
		app_tx_event(conn, &tx->common, EVENT_REQUEST_TOO_LONG);
	if (!is_known(tx->command))
		app_tx_event(conn, &tx->common, EVENT_UNKNOWN_COMMAND);
	app_tx_progress(conn, &tx->common, TO_SERVER, POP3_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
	return true;
}

static struct app_result parse_to_server(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	struct pop3_state *state = opaque;
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes data = bytes_skip(in->data, used);
		struct line line;

		if (state->skip_line[TO_SERVER]) {
			used += skip_rest(state, TO_SERVER, data);
			continue;
		}
		if (!next_line(data, &line))
			return APP_RESULT_MORE(used, data.size + 1);
		if (!handle_command(conn, state, &line, in->now_ns))
			return APP_RESULT_ERROR;
		state->skip_line[TO_SERVER] = line.truncated;
		used += line.used_size;
	}
	return APP_RESULT_OK;
}

/* ---- Responses ---- */

/* The oldest command without its response; the greeting makes one of its own. */
static struct pop3_tx *tx_of_response(struct app_conn *conn, uint64_t now_ns)
{
	struct pop3_tx *tx;

	for (struct app_tx *at = conn->first; at; at = at->next)
		if (at->protocol == conn->protocol && at->progress[TO_CLIENT] == 0)
			return (struct pop3_tx *)at;
	tx = new_tx(conn, now_ns);
	if (tx)
		app_tx_progress(conn, &tx->common, TO_SERVER, POP3_COMPLETE);
	return tx;
}

/* RFC 1939, section 3: which responses go on until a dot. */
static bool has_data(const struct pop3_tx *tx)
{
	if (!tx->success)
		return false;
	if (bytes_equal_str(tx->command, "RETR") || bytes_equal_str(tx->command, "TOP") ||
		bytes_equal_str(tx->command, "CAPA"))
		return true;
	return tx->argument_count == 0 &&
	       (bytes_equal_str(tx->command, "LIST") || bytes_equal_str(tx->command, "UIDL"));
}

static void response_done(struct app_conn *conn, struct pop3_state *state, struct pop3_tx *tx)
{
	state->in_data = false;
	app_tx_progress(conn, &tx->common, TO_CLIENT, POP3_COMPLETE);
	app_raw_trigger(conn, TO_CLIENT);
}

/* "+OK header", "-ERR header". */
static void read_status(struct app_conn *conn, struct pop3_tx *tx, struct bytes text)
{
	size_t blank = bytes_index(text, ' ');

	tx->has_response = true;
	tx->success = ascii_starts_nocase_str(text, "+OK");
	if (!tx->success && !ascii_starts_nocase_str(text, "-ERR"))
		app_tx_event(conn, &tx->common, EVENT_UNSUPPORTED_RESPONSE);
	tx->header = app_tx_dup(&tx->common, bytes_skip(text, blank + 1));
}

static void add_line(struct app_conn *conn, struct pop3_tx *tx, struct bytes text)
{
	struct pop3_line *line;

	if (tx->line_count == DATA_LINES_MAX || tx->data_size + text.size > DATA_SIZE_MAX) {
		app_tx_event(conn, &tx->common, EVENT_RESPONSE_TOO_LONG);
		return;
	}
	line = app_tx_alloc(&tx->common, sizeof(*line) + text.size);
	if (!line)
		return;
	if (text.size)
		memcpy(line + 1, text.ptr, text.size);
	line->text = bytes_of(line + 1, text.size);
	if (tx->last)
		tx->last->next = line;
	else
		tx->first = line;
	tx->last = line;
	tx->line_count++;
	tx->data_size += (uint32_t)text.size;
}

/* False: no memory. */
static bool handle_response(struct app_conn *conn, struct pop3_state *state, const struct line *line, uint64_t now_ns)
{
	struct pop3_tx *tx;

	if (!state->in_data && (bytes_equal_str(line->text, "+") || ascii_starts_nocase_str(line->text, "+ "))) {
		state->answer_due = true;
		return true;
	}
	if (!state->in_data && !line->text.size)
		return true;
	tx = tx_of_response(conn, now_ns);
	if (!tx)
		return false;
	if (line->truncated)
		app_tx_event(conn, &tx->common, EVENT_RESPONSE_TOO_LONG);
	if (state->in_data) {
		if (bytes_equal_str(line->text, "."))
			response_done(conn, state, tx);
		else
			add_line(conn, tx,
				ascii_starts_nocase_str(line->text, ".") ? bytes_skip(line->text, 1) : line->text);
		return true;
	}
	read_status(conn, tx, line->text);
	state->in_data = has_data(tx);
	if (!state->in_data)
		response_done(conn, state, tx);
	if (tx->success && bytes_equal_str(tx->command, "STLS"))
		app_change_protocol(conn, "tls", 995);
	return true;
}

static struct app_result parse_to_client(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	struct pop3_state *state = opaque;
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes data = bytes_skip(in->data, used);
		struct line line;

		if (state->skip_line[TO_CLIENT]) {
			used += skip_rest(state, TO_CLIENT, data);
			continue;
		}
		if (!next_line(data, &line))
			return APP_RESULT_MORE(used, data.size + 1);
		if (!handle_response(conn, state, &line, in->now_ns))
			return APP_RESULT_ERROR;
		state->skip_line[TO_CLIENT] = line.truncated;
		used += line.used_size;
		if (conn->flags & APP_CONN_CHANGE)
			return APP_RESULT_MORE(used, 1);
	}
	return APP_RESULT_OK;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct pop3_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct pop3_state));
}

/* ---- Recognition ---- */

extern const struct app_protocol app_protocol_pop3;

/* FTP's clients begin with the same words: the server has told what it is. */
static enum app_probe_answer server_is_pop3(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	const struct app_conn *conn = flow->app;

	return conn && conn->protocol_dir[TO_CLIENT] == &app_protocol_pop3 ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_pattern patterns[] = {
	{ .dir = TO_CLIENT, .text = "+OK ", .size = 4, .depth = 4 },
	{ .dir = TO_SERVER, .text = "APOP ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_SERVER, .text = "CAPA\r\n", .size = 6, .depth = 6, .nocase = true },
	{ .dir = TO_SERVER, .text = "USER ", .size = 5, .depth = 5, .nocase = true, .confirm = server_is_pop3 },
	{ .dir = TO_SERVER, .text = "PASS ", .size = 5, .depth = 5, .nocase = true, .confirm = server_is_pop3 },
	{ .dir = TO_SERVER, .text = "AUTH", .size = 4, .depth = 4, .nocase = true, .confirm = server_is_pop3 },
	{ .dir = TO_SERVER, .text = "QUIT", .size = 4, .depth = 4, .nocase = true, .confirm = server_is_pop3 },
	{ .dir = TO_SERVER, .text = "STLS", .size = 4, .depth = 4, .nocase = true, .confirm = server_is_pop3 },
	{ .size = 0 },
};

/* ---- Records ---- */

static const struct app_event events[] = {
	[EVENT_TOO_MANY_TX] = { .name = "too_many_transactions" },
	[EVENT_REQUEST_TOO_LONG] = { .name = "request_too_long" },
	[EVENT_INCORRECT_ARGUMENTS] = { .name = "incorrect_argument_count" },
	[EVENT_UNKNOWN_COMMAND] = { .name = "unknown_command" },
	[EVENT_RESPONSE_TOO_LONG] = { .name = "response_too_long" },
	[EVENT_UNSUPPORTED_RESPONSE] = { .name = "unsupported_response_format" },
	{ .name = NULL },
};

static void write_request(struct jsonw *json, const struct pop3_tx *tx)
{
	jsonw_kv_object_begin(json, "request");
	app_json_kv_text(json, "command", tx->command);
	jsonw_kv_array_begin(json, "args");
	for (uint32_t i = 0; i < tx->argument_count; i++)
		app_json_text(json, tx->arguments[i]);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void write_response(struct jsonw *json, const struct pop3_tx *tx)
{
	jsonw_kv_object_begin(json, "response");
	jsonw_kv_bool(json, "success", tx->success);
	jsonw_kv_string(json, "status", tx->success ? "OK" : "ERR");
	app_json_kv_text(json, "header", tx->header);
	jsonw_kv_array_begin(json, "data");
	for (const struct pop3_line *line = tx->first; line; line = line->next)
		app_json_text(json, line->text);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct pop3_tx *pop3 = (const struct pop3_tx *)tx;

	if (pop3->command.size)
		write_request(json, pop3);
	if (pop3->has_response)
		write_response(json, pop3);
	return true;
}

const struct app_protocol app_protocol_pop3 = {
	.name = "pop3",
	.event_type = "pop3",
	.log_key = "pop3",
	.transports = APP_TCP,
	.complete = { POP3_COMPLETE, POP3_COMPLETE },
	.patterns = patterns,
	.events = events,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
