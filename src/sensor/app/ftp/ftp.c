// SPDX-License-Identifier: Apache-2.0
/* FTP's control connection (RFC 959, RFC 2428): a transaction is a command with its replies, and the greeting is one
 * without a command. The data connection that PORT, EPRT, PASV and EPSV agree on is announced to the engine when the
 * command that uses it comes. */
#include "sensor/app/ftp/ftp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "base/net.h"
#include "sensor/app/frames.h"
#include "sensor/app/json.h"
#include "sensor/config/tree.h"
#include "sensor/flow/flow.h"

enum { LINE_MAX_DEFAULT = 4096, REPLIES_MAX = 512 };

enum ftp_event { EVENT_COMMAND_TOO_LONG, EVENT_RESPONSE_TOO_LONG, EVENT_TOO_MANY_TX };

enum ftp_mode { MODE_NONE, MODE_ACTIVE, MODE_PASSIVE };

struct ftp_reply {
	struct ftp_reply *next;
	struct bytes code, text;
};

struct ftp_tx {
	struct app_tx common;
	struct bytes command; /* in capitals */
	struct bytes argument;
	struct ftp_reply *first, *last;
	uint32_t reply_count;
	uint16_t dynamic_port;
	uint8_t mode; /* enum ftp_mode */
	bool command_truncated, reply_truncated;
	bool has_reply;
};

struct ftp_config {
	uint32_t line_max_size;
};

struct ftp_state {
	uint16_t dynamic_port;
	uint8_t mode;
	bool skip_line[SENSOR_DIRS]; /* the rest of a line that was too long */
	bool auth_tls;
};

/* ---- lines ---- */

struct line {
	struct bytes text; /* without its end */
	size_t used; /* with it */
	bool truncated;
};

/* Cuts the first line off 'in'. False: it is not complete. */
static bool next_line(struct bytes in, size_t max_size, bool eof, struct line *ret)
{
	size_t end = bytes_index(in, '\n');

	*ret = (struct line){ 0 };
	if (end == in.size && in.size < max_size && !(eof && in.size))
		return false;
	ret->truncated = end >= max_size;
	ret->used = end == in.size ? in.size : end + 1;
	ret->text = bytes_first(in, end < max_size ? end : max_size);
	if (ret->text.size && ret->text.ptr[ret->text.size - 1] == '\r')
		ret->text.size--;
	return true;
}

/* The rest of a line whose beginning was used already; false when it goes on. */
static bool skip_rest(struct bytes *in, size_t *used)
{
	size_t end = bytes_index(*in, '\n');
	size_t size = end == in->size ? in->size : end + 1;

	*used += size;
	*in = bytes_skip(*in, size);
	return end < size;
}

/* ---- addresses ---- */

/* The last two of six numbers with commas between them: the port (RFC 959, section 4.1.2). */
static uint16_t port_of_commas(struct bytes text)
{
	unsigned int values[6], count = 0;

	while (text.size && count < 6) {
		unsigned int value = 0, digits = 0;

		while (text.size && text.ptr[0] >= '0' && text.ptr[0] <= '9' && digits < 3) {
			value = value * 10 + (unsigned int)(text.ptr[0] - '0');
			text = bytes_skip(text, 1);
			digits++;
		}
		if (!digits || value > 255)
			return 0;
		values[count++] = value;
		if (count < 6 && (!text.size || text.ptr[0] != ','))
			return 0;
		text = bytes_skip(text, 1);
	}
	return count == 6 ? (uint16_t)(values[4] << 8 | values[5]) : 0;
}

static uint16_t decimal_port(struct bytes text)
{
	uint32_t value = 0;

	if (!text.size)
		return 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > 65535)
			return 0;
		value = value * 10 + (uint32_t)(text.ptr[i] - '0');
	}
	return value <= 65535 ? (uint16_t)value : 0;
}

/* "|1|192.0.2.1|6275|": the third field, whatever the delimiter (RFC 2428, section 2). */
static uint16_t port_of_eprt(struct bytes text)
{
	uint8_t delimiter;
	struct bytes field = { 0 };

	if (text.size < 2)
		return 0;
	delimiter = text.ptr[0];
	text = bytes_skip(text, 1);
	for (int i = 0; i < 3; i++) {
		size_t end = bytes_index(text, delimiter);

		if (end == text.size)
			return 0;
		field = bytes_first(text, end);
		text = bytes_skip(text, end + 1);
	}
	return decimal_port(field);
}

/* "Entering Passive Mode (192,0,2,1,24,131)": servers write it in many ways, so the numbers are looked for. */
static uint16_t port_of_pasv(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		bool begins = text.ptr[i] >= '0' && text.ptr[i] <= '9' &&
			      (i == 0 || text.ptr[i - 1] < '0' || text.ptr[i - 1] > '9');
		uint16_t port = begins ? port_of_commas(bytes_skip(text, i)) : 0;

		if (port)
			return port;
	}
	return 0;
}

/* "Entering Extended Passive Mode (|||6446|)" */
static uint16_t port_of_epsv(struct bytes text)
{
	size_t open = bytes_index(text, '(');

	text = bytes_skip(text, open + 1);
	if (text.size < 5)
		return 0;
	text = bytes_skip(text, 3);
	return decimal_port(bytes_first(text, bytes_index(text, text.ptr[-1])));
}

/* ---- transactions ---- */

static struct ftp_tx *new_tx(struct app_conn *conn, uint64_t now_ns)
{
	struct app_tx *oldest = NULL;
	uint32_t open = 0;

	/* Commands whose replies have not come. */
	for (struct app_tx *at = conn->last; at && at->progress[TO_CLIENT] == 0; at = at->prev, open++)
		oldest = at;
	if (open >= app_tx_max(conn)) {
		app_tx_event(conn, oldest, EVENT_TOO_MANY_TX);
		return NULL;
	}
	return (struct ftp_tx *)app_tx_new(conn, sizeof(struct ftp_tx), now_ns);
}

static void transfer_free(void *data)
{
	free(data);
}

/* The flow that will carry the file: in active mode the server comes to a port of the client. */
static void announce(struct app_conn *conn, struct ftp_state *state, enum ftp_transfer_kind kind, struct bytes name)
{
	struct ftp_transfer *transfer;
	size_t blank;

	if (!state->dynamic_port)
		return;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return;
	for (blank = name.size; blank > 0 && name.ptr[blank - 1] == ' '; blank--)
		;
	name = bytes_first(bytes_first(name, blank), FTP_NAME_MAX);
	transfer->kind = (uint8_t)kind;
	transfer->name_size = (uint16_t)name.size;
	if (name.size != 0)
		memcpy(transfer->name, name.ptr, name.size);
	if (app_expect(conn, state->mode == MODE_ACTIVE ? TO_CLIENT : TO_SERVER, state->dynamic_port, "ftp-data",
		    transfer, transfer_free))
		free(transfer);
	state->dynamic_port = 0;
	state->mode = MODE_NONE;
}

static void note_command(struct app_conn *conn, struct ftp_state *state, struct ftp_tx *tx)
{
	if (bytes_equal_str(tx->command, "PORT"))
		state->dynamic_port = tx->dynamic_port = port_of_commas(tx->argument);
	else if (bytes_equal_str(tx->command, "EPRT"))
		state->dynamic_port = tx->dynamic_port = port_of_eprt(tx->argument);
	else if (bytes_equal_str(tx->command, "RETR"))
		announce(conn, state, FTP_TRANSFER_RETRIEVE, tx->argument);
	else if (bytes_equal_str(tx->command, "STOR"))
		announce(conn, state, FTP_TRANSFER_STORE, tx->argument);
	else if (bytes_equal_str(tx->command, "LIST") || bytes_equal_str(tx->command, "NLST") ||
		 bytes_equal_str(tx->command, "MLSD"))
		announce(conn, state, FTP_TRANSFER_LIST, bytes_of(NULL, 0));
	else if (bytes_equal_str(tx->command, "AUTH") && ascii_starts_nocase_str(tx->argument, "TLS"))
		state->auth_tls = true;
	if (tx->dynamic_port)
		state->mode = tx->mode = MODE_ACTIVE;
}

enum ftp_frame { FRAME_COMMAND_LINE, FRAME_RESPONSE_LINE };

static const char *const frames[] = {
	[FRAME_COMMAND_LINE] = "command_line", [FRAME_RESPONSE_LINE] = "response_line", NULL
};

static bool handle_command(struct app_conn *conn, struct ftp_state *state, const struct line *line, uint64_t now_ns)
{
	size_t blank = bytes_index(line->text, ' ');
	struct ftp_tx *tx;
	uint8_t *name;

	if (!line->text.size)
		return true;
	tx = new_tx(conn, now_ns);
	if (!tx)
		return false;
	tx->command = app_tx_dup(&tx->common, bytes_first(line->text, blank < 64 ? blank : 64));
	tx->argument = app_tx_dup(&tx->common, bytes_skip(line->text, blank + 1));
	if (!tx->command.ptr)
		return false;
	name = (uint8_t *)(uintptr_t)tx->command.ptr;
	for (size_t i = 0; i < tx->command.size; i++)
		if (name[i] >= 'a' && name[i] <= 'z')
			name[i] = (uint8_t)(name[i] - 32);
	app_frame(conn, TO_SERVER, FRAME_COMMAND_LINE, line->text.ptr, (int64_t)line->used, &tx->common);
	tx->command_truncated = line->truncated;
	if (line->truncated)
		app_tx_event(conn, &tx->common, EVENT_COMMAND_TOO_LONG);
	note_command(conn, state, tx);
	app_tx_progress(conn, &tx->common, TO_SERVER, 1);
	return true;
}

static struct app_result parse_to_server(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	const struct ftp_config *config = conn->config;
	struct ftp_state *state = opaque;
	struct bytes data = in->data;
	struct line line;
	size_t used = 0;

	if (state->skip_line[TO_SERVER])
		state->skip_line[TO_SERVER] = !skip_rest(&data, &used);
	while (next_line(data, config->line_max_size, in->eof, &line)) {
		if (!handle_command(conn, state, &line, in->now_ns))
			return APP_RESULT_ERROR;
		/* What was too long ends somewhere in bytes that have not come. */
		state->skip_line[TO_SERVER] =
			line.truncated && data.ptr && line.used == data.size && data.ptr[data.size - 1] != '\n';
		used += line.used;
		data = bytes_skip(data, line.used);
		if (state->skip_line[TO_SERVER])
			break;
	}
	return data.size ? APP_RESULT_MORE(used, data.size + 1) : APP_RESULT_OK;
}

/* ---- replies ---- */

/* The oldest command without its final reply; a new transaction for the greeting. */
static struct ftp_tx *tx_of_reply(struct app_conn *conn, uint64_t now_ns)
{
	struct ftp_tx *tx;

	for (struct app_tx *at = conn->first; at; at = at->next)
		if (at->progress[TO_CLIENT] == 0)
			return (struct ftp_tx *)at;
	tx = new_tx(conn, now_ns);
	if (tx)
		app_tx_progress(conn, &tx->common, TO_SERVER, 1);
	return tx;
}

static void note_port(struct ftp_state *state, struct ftp_tx *tx, struct bytes code, struct bytes text)
{
	uint16_t port = 0;

	if (bytes_equal_str(code, "227"))
		port = port_of_pasv(text);
	else if (bytes_equal_str(code, "229"))
		port = port_of_epsv(text);
	if (!port)
		return;
	state->dynamic_port = tx->dynamic_port = port;
	state->mode = tx->mode = MODE_PASSIVE;
}

static void add_reply(struct ftp_tx *tx, struct bytes code, struct bytes text)
{
	struct ftp_reply *reply;

	tx->has_reply = true;
	if (tx->reply_count == REPLIES_MAX)
		return;
	reply = app_tx_alloc(&tx->common, sizeof(*reply));
	if (!reply)
		return;
	reply->code = app_tx_dup(&tx->common, code);
	reply->text = app_tx_dup(&tx->common, text);
	if (tx->last)
		tx->last->next = reply;
	else
		tx->first = reply;
	tx->last = reply;
	tx->reply_count++;
}

static void handle_reply(struct app_conn *conn, struct ftp_state *state, const struct line *line, uint64_t now_ns)
{
	struct ftp_tx *tx = tx_of_reply(conn, now_ns);
	struct bytes text = line->text, code = { 0 };
	bool has_code = text.size >= 3 && ascii_is_digit(text.ptr[0]) && ascii_is_digit(text.ptr[1]) &&
			ascii_is_digit(text.ptr[2]);
	bool more = has_code && text.size > 3 && text.ptr[3] == '-';

	if (!tx)
		return;
	app_frame(conn, TO_CLIENT, FRAME_RESPONSE_LINE, text.ptr, (int64_t)line->used, &tx->common);
	if (has_code) {
		code = bytes_first(text, 3);
		text = bytes_skip(text, text.size > 3 ? 4 : 3);
	}
	if (line->truncated) {
		tx->reply_truncated = true;
		app_tx_event(conn, &tx->common, EVENT_RESPONSE_TOO_LONG);
	}
	add_reply(tx, code, text);
	note_port(state, tx, code, text);
	app_tx_touch(conn, &tx->common, TO_CLIENT);
	/* 1yz is preliminary (RFC 959, section 4.2), a line without a code or with a dash goes on. */
	if (has_code && !more && code.ptr[0] != '1') {
		app_tx_progress(conn, &tx->common, TO_CLIENT, 1);
		app_raw_trigger(conn, TO_CLIENT);
		if (state->auth_tls && bytes_equal_str(code, "234"))
			app_change_protocol(conn, "tls", 443);
		state->auth_tls = state->auth_tls && code.ptr[0] == '1';
	}
}

static struct app_result parse_to_client(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	const struct ftp_config *config = conn->config;
	struct ftp_state *state = opaque;
	struct bytes data = in->data;
	struct line line;
	size_t used = 0;

	if (state->skip_line[TO_CLIENT])
		state->skip_line[TO_CLIENT] = !skip_rest(&data, &used);
	while (next_line(data, config->line_max_size, in->eof, &line)) {
		handle_reply(conn, state, &line, in->now_ns);
		state->skip_line[TO_CLIENT] =
			line.truncated && data.ptr && line.used == data.size && data.ptr[data.size - 1] != '\n';
		used += line.used;
		data = bytes_skip(data, line.used);
		if (state->skip_line[TO_CLIENT])
			break;
	}
	return data.size ? APP_RESULT_MORE(used, data.size + 1) : APP_RESULT_OK;
}

/* ---- rules and records ---- */

static bool get_command(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ftp_tx *ftp = (const struct ftp_tx *)tx;

	*ret = (struct app_view){ .data = ftp->command, .last = true };
	return ftp->command.size != 0;
}

static bool get_argument(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ftp_tx *ftp = (const struct ftp_tx *)tx;

	*ret = (struct app_view){ .data = ftp->argument, .last = true };
	return ftp->argument.size != 0;
}

static const struct ftp_reply *reply_at(const struct app_tx *tx, uint32_t index)
{
	const struct ftp_reply *reply = ((const struct ftp_tx *)tx)->first;

	while (reply && index--)
		reply = reply->next;
	return reply;
}

static bool get_reply(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ftp_reply *reply = reply_at(tx, index);

	if (reply)
		*ret = (struct app_view){ .data = reply->text, .last = true };
	return reply != NULL;
}

static bool get_code(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct ftp_reply *reply = reply_at(tx, index);

	if (reply)
		*ret = (struct app_view){ .data = reply->code, .last = true };
	return reply != NULL;
}

static bool get_mode(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct ftp_tx *)tx)->mode;
	return *ret != MODE_NONE;
}

static bool get_port(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct ftp_tx *)tx)->dynamic_port;
	return *ret != 0;
}

static bool get_received(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct ftp_tx *)tx)->has_reply;
	return true;
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct ftp_tx *ftp = (const struct ftp_tx *)tx;
	struct bytes last = { 0 };

	if (ftp->command.size) {
		app_json_kv_text(json, "command", ftp->command);
		if (ftp->argument.size)
			app_json_kv_text(json, "command_data", ftp->argument);
		jsonw_kv_bool(json, "command_truncated", ftp->command_truncated);
	}
	if (ftp->first) {
		jsonw_kv_array_begin(json, "reply");
		for (const struct ftp_reply *reply = ftp->first; reply; reply = reply->next)
			if (reply->text.size)
				app_json_text(json, reply->text);
		jsonw_array_end(json);
		jsonw_kv_array_begin(json, "completion_code");
		for (const struct ftp_reply *reply = ftp->first; reply; reply = reply->next) {
			if (reply->code.size && !bytes_equal(reply->code, last))
				app_json_text(json, reply->code);
			last = reply->code.size ? reply->code : last;
		}
		jsonw_array_end(json);
	}
	if (ftp->dynamic_port)
		jsonw_kv_u64(json, "dynamic_port", ftp->dynamic_port);
	if (ftp->mode != MODE_NONE)
		jsonw_kv_string(json, "mode", ftp->mode == MODE_ACTIVE ? "active" : "passive");
	jsonw_kv_string(json, "reply_received", ftp->has_reply ? "yes" : "no");
	jsonw_kv_bool(json, "reply_truncated", ftp->reply_truncated);
	return true;
}

static int configure(const struct conf_node *node, void **ret_config)
{
	struct ftp_config *config = calloc(1, sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->line_max_size = (uint32_t)conf_size(node, "max-line-length", LINE_MAX_DEFAULT);
	if (config->line_max_size < 64)
		config->line_max_size = 64;
	*ret_config = config;
	return 0;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct ftp_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct ftp_state));
}

/* A greeting of "220" alone is also SMTP's: the word must follow. Commands decide otherwise. */
static enum app_probe_answer probe_client(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	static const char *const commands[] = { "USER ", "PASS ", "FEAT", "PORT ", "PASV", "AUTH SSL", "AUTH TLS",
		"CWD ", "SYST" };

	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (ascii_starts_nocase_str(data, commands[i]))
			return APP_PROBE_YES;
	return data.size < 5 ? APP_PROBE_MORE : APP_PROBE_NO;
}

static enum app_probe_answer probe_server(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	bool greeting = data.size >= 4 && (!memcmp(data.ptr, "220 ", 4) || !memcmp(data.ptr, "220-", 4));

	if (data.size < 4)
		return APP_PROBE_MORE;
	return greeting ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_pattern patterns[] = {
	{ .dir = TO_SERVER, .text = "USER ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_SERVER, .text = "PASS ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_SERVER, .text = "PORT ", .size = 5, .depth = 5, .nocase = true },
	{ .dir = TO_SERVER, .text = "FEAT", .size = 4, .depth = 4, .nocase = true },
	{ .dir = TO_SERVER, .text = "AUTH SSL", .size = 8, .depth = 8, .nocase = true },
	{ .dir = TO_CLIENT, .text = "220 (", .size = 5, .depth = 5 },
	{ .dir = TO_CLIENT, .text = "220 FTP", .size = 7, .depth = 7, .nocase = true },
	{ .dir = TO_CLIENT, .text = "220 PROFTPD", .size = 11, .depth = 11, .nocase = true },
	{ .size = 0 },
};

static const struct app_port_probe probes[] = {
	{ .ports = "21", .transport = 6, .min_size = 4, .to_server = probe_client, .to_client = probe_server },
	{ .transport = 0 },
};

static const struct app_buffer buffers[] = {
	{ .name = "ftp.command", .dirs = DIR_TO_SERVER, .progress = { 1, 1 }, .get = get_command },
	{ .name = "ftp.command_data", .dirs = DIR_TO_SERVER, .progress = { 1, 1 }, .get = get_argument },
	{ .name = "ftp.reply",
		.dirs = DIR_TO_CLIENT,
		.progress = { 1, 1 },
		.flags = APP_BUFFER_MULTI,
		.get = get_reply },
	{ .name = "ftp.completion_code",
		.dirs = DIR_TO_CLIENT,
		.progress = { 1, 1 },
		.flags = APP_BUFFER_MULTI,
		.get = get_code },
	{ .name = NULL },
};

static const struct app_name_value modes[] = { { "active", MODE_ACTIVE }, { "passive", MODE_PASSIVE }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "ftp.mode", .dirs = DIR_BOTH, .progress = { 1, 1 }, .bits = 8, .names = modes, .get = get_mode },
	{ .name = "ftp.dynamic_port", .dirs = DIR_BOTH, .progress = { 1, 1 }, .bits = 16, .get = get_port },
	{ .name = "ftp.reply_received",
		.dirs = DIR_TO_CLIENT,
		.progress = { 1, 1 },
		.bits = 8,
		.flags = APP_NUMBER_BOOL,
		.get = get_received },
	{ .name = NULL },
};

static const struct app_event events[] = {
	[EVENT_COMMAND_TOO_LONG] = { .name = "request_command_too_long" },
	[EVENT_RESPONSE_TOO_LONG] = { .name = "response_command_too_long" },
	[EVENT_TOO_MANY_TX] = { .name = "too_many_transactions" },
	{ .name = NULL },
};

const struct app_protocol app_protocol_ftp = {
	.name = "ftp",
	.event_type = "ftp",
	.log_key = "ftp",
	.transports = APP_TCP,
	.complete = { 1, 1 },
	.patterns = patterns,
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
