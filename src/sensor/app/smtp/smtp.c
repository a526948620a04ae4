// SPDX-License-Identifier: Apache-2.0
/* Commands and replies. */
#include "sensor/app/smtp/smtp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/config/tree.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { LINE_MAX_SIZE = 4096, QUEUE_MAX = 65535, RECIPIENTS_MAX = 4096 };

/* ---- Transactions ---- */

static struct smtp_tx *new_tx(struct app_conn *conn, struct smtp_state *state, uint64_t now_ns)
{
	struct smtp_tx *tx = (struct smtp_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (tx)
		tx->state = state;
	state->tx = tx;
	return tx;
}

static void tx_free(struct app_conn *conn, struct app_tx *common)
{
	struct smtp_tx *tx = (struct smtp_tx *)common;
	struct smtp_state *state = tx->state;

	if (tx->mime)
		mime_done(tx->mime);
	if (state->tx == tx)
		state->tx = NULL;
	for (uint32_t i = state->queue_first; i < state->queue_count; i++)
		if (state->queue[i].tx == tx)
			state->queue[i].tx = NULL;
}

static void event(struct app_conn *conn, struct smtp_tx *tx, enum smtp_event what)
{
	if (tx)
		app_tx_event(conn, &tx->common, (uint8_t)what);
}

/* The client has said all it will about this mail. */
static void request_done(struct app_conn *conn, struct smtp_state *state, struct smtp_tx *tx)
{
	tx->request_done = true;
	app_tx_progress(conn, &tx->common, TO_SERVER, SMTP_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
}

static void both_done(struct app_conn *conn, struct smtp_state *state, struct smtp_tx *tx)
{
	request_done(conn, state, tx);
	app_tx_progress(conn, &tx->common, TO_CLIENT, SMTP_REPLIED);
}

/* ---- The queue of commands ---- */

static bool queue_grow(struct app_conn *conn, struct smtp_state *state)
{
	uint32_t room = state->queue_room ? 2 * state->queue_room : 16;
	struct smtp_pending *queue;

	if (state->queue_count < state->queue_room)
		return true;
	if (state->queue_first) {
		state->queue_count -= state->queue_first;
		memmove(state->queue, state->queue + state->queue_first, state->queue_count * sizeof(*queue));
		state->queue_first = 0;
		return true;
	}
	if (state->queue_count >= QUEUE_MAX)
		return false;
	queue = app_realloc(conn, state->queue, state->queue_room * sizeof(*queue), room * sizeof(*queue));
	if (!queue)
		return false;
	state->queue = queue;
	state->queue_room = room;
	return true;
}

static bool queue_add(struct app_conn *conn, struct smtp_state *state, struct smtp_pending pending)
{
	if (!queue_grow(conn, state))
		return false;
	if (state->queue_count > state->queue_first) {
		uint8_t last = state->queue[state->queue_count - 1].command;

		/* RFC 2920, section 3.1: these end a group of commands. */
		if (last == SMTP_STARTTLS || last == SMTP_DATA)
			event(conn, pending.tx, SMTP_EVENT_INVALID_PIPELINE);
	}
	state->queue[state->queue_count++] = pending;
	return true;
}

static void queue_take(struct smtp_state *state)
{
	if (++state->queue_first >= state->queue_count)
		state->queue_first = state->queue_count = 0;
}

/* ---- Lines ---- */

struct line {
	struct bytes text; /* without its end */
	size_t used_size; /* with it */
	bool truncated, goes_on;
};

/* Cuts the first line off. Of one that is too long the beginning is the line, with whatever byte comes last. */
static bool next_line(struct bytes in, struct line *ret)
{
	struct bytes first = bytes_first(in, LINE_MAX_SIZE);
	size_t end = bytes_index(first, '\n');

	*ret = (struct line){ .text = bytes_first(first, end) };
	if (end == first.size) {
		ret->truncated = ret->goes_on = true;
		ret->used_size = LINE_MAX_SIZE;
		return first.size == LINE_MAX_SIZE;
	}
	ret->used_size = end + 1;
	if (end && first.ptr[end - 1] == '\r')
		ret->text.size--;
	return true;
}

/* Drops the rest of a line whose beginning was used already. */
static size_t skip_rest(struct smtp_state *state, enum sensor_dir dir, struct bytes in)
{
	size_t end = bytes_index(in, '\n');

	state->skip_line[dir] = end == in.size;
	return end == in.size ? in.size : end + 1;
}

static struct bytes skip_blanks(struct bytes text)
{
	while (text.size && text.ptr[0] == ' ')
		text = bytes_skip(text, 1);
	return text;
}

/* What stands behind the command and a colon or blank; parameters behind a blank (RFC 1870) do not belong to it. */
static struct bytes argument_of(struct bytes line, const char *command)
{
	struct bytes text = skip_blanks(bytes_skip(line, strlen(command) + 1));

	return bytes_first(text, bytes_index(text, ' '));
}

/* ---- Commands ---- */

/* Ends the transaction in hand without a mail. */
static void abandon(struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending)
{
	if (!pending->tx || pending->tx->request_done)
		return;
	pending->completes = true;
	request_done(conn, state, pending->tx);
}

/* RFC 5321, section 4.1.4: in the middle of a session it is like RSET. */
static bool command_helo(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	struct smtp_tx *tx = pending->tx;
	struct bytes name = argument_of(line, "helo");
	uint8_t *copy;

	if (state->helo.ptr) {
		event(conn, tx, SMTP_EVENT_DUPLICATE);
		if (tx && (tx->has_sender || tx->recipients.first || tx->data != SMTP_DATA_NONE))
			abandon(conn, state, pending);
		return true;
	}
	copy = app_alloc(conn, name.size + 1);
	if (!copy)
		return false;
	if (name.size)
		memcpy(copy, name.ptr, name.size);
	state->helo = bytes_of(copy, name.size);
	return true;
}

static bool command_mail(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	struct smtp_tx *tx = pending->tx;

	if (tx->has_sender) {
		event(conn, tx, SMTP_EVENT_DUPLICATE);
		return true;
	}
	tx->has_sender = true;
	tx->mail_from = app_tx_dup(&tx->common, argument_of(line, "mail from"));
	return tx->mail_from.ptr != NULL;
}

static bool command_rcpt(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	struct smtp_tx *tx = pending->tx;

	mime_list_add(
		&tx->recipients, &tx->common.arena, (struct bytes){ 0 }, argument_of(line, "rcpt to"), RECIPIENTS_MAX);
	app_tx_recount(&tx->common);
	return true;
}

static bool command_data(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	struct smtp_tx *tx = pending->tx;

	pending->command = SMTP_DATA;
	if (tx->data == SMTP_DATA_ASKED || tx->data == SMTP_DATA_RUNNING) {
		event(conn, tx, SMTP_EVENT_UNPARSABLE);
		return true;
	}
	if (!smtp_data_begin(conn, tx))
		return false;
	/* Clients that know PIPELINING may not wait for the answer. */
	if (state->pipelining) {
		state->mode = SMTP_MODE_DATA;
		tx->data = SMTP_DATA_RUNNING;
	}
	return true;
}

/* "BDAT 86 LAST" (RFC 3030, section 2). False: it is written wrong. */
static bool read_chunk(struct bytes line, uint64_t *ret_size, bool *ret_last, bool *ret_huge)
{
	struct bytes rest = bytes_skip(line, strlen("bdat"));
	struct bytes text = skip_blanks(rest);
	size_t i;

	*ret_size = 0;
	*ret_huge = false;
	for (i = 0; i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		*ret_size = *ret_size * 10 + (uint64_t)(text.ptr[i] - '0');
		if (*ret_size > UINT32_MAX) {
			*ret_huge = true;
			*ret_size = UINT32_MAX;
		}
	}
	if (i == 0 || text.size == rest.size)
		return false;
	text = bytes_skip(text, i);
	rest = skip_blanks(text);
	*ret_last = ascii_starts_nocase_str(rest, "last");
	if (*ret_last && rest.size != text.size)
		rest = skip_blanks(bytes_skip(rest, strlen("last")));
	return rest.size == 0;
}

static bool command_bdat(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	bool huge;

	if (!read_chunk(line, &state->chunk_left, &state->chunk_last, &huge)) {
		event(conn, pending->tx, SMTP_EVENT_INVALID_BDAT);
		return true;
	}
	if (huge)
		event(conn, pending->tx, SMTP_EVENT_CHUNK_TOO_LONG);
	pending->completes = state->chunk_last;
	state->mode = SMTP_MODE_CHUNK;
	return true;
}

static bool command_rset(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	pending->command = SMTP_RESET;
	abandon(conn, state, pending);
	return true;
}

static bool command_starttls(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	pending->command = SMTP_STARTTLS;
	return true;
}

static bool command_quit(
	struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line)
{
	app_raw_trigger(conn, TO_SERVER);
	return true;
}

/* Those that say nothing about the next mail: they make no transaction behind one that is over. */
static const struct command {
	const char *word;
	bool (*run)(struct app_conn *conn, struct smtp_state *state, struct smtp_pending *pending, struct bytes line);
	bool between;
} commands[] = {
	{ "starttls", command_starttls, false },
	{ "data", command_data, false },
	{ "bdat", command_bdat, false },
	{ "helo", command_helo, false },
	{ "ehlo", command_helo, false },
	{ "mail from", command_mail, false },
	{ "rcpt to", command_rcpt, false },
	{ "rset", command_rset, true },
	{ "quit", command_quit, true },
};

static const struct command *find_command(struct bytes line)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (ascii_starts_nocase_str(line, commands[i].word))
			return &commands[i];
	return NULL;
}

static bool handle_command(struct app_conn *conn, struct smtp_state *state, const struct line *line, uint64_t now_ns)
{
	const struct command *command = find_command(line->text);
	struct smtp_pending pending = { .command = SMTP_OTHER };
	bool between = command && command->between && conn->tx_count != 0;

	if (!state->tx || state->tx->request_done) {
		if (!between && !new_tx(conn, state, now_ns))
			return false;
	}
	pending.tx = state->tx;
	if (!state->welcomed)
		event(conn, pending.tx, SMTP_EVENT_NO_WELCOME);
	if (line->truncated)
		event(conn, pending.tx, SMTP_EVENT_TRUNCATED_LINE);
	if (command && !command->run(conn, state, &pending, line->text))
		return false;
	if (pending.tx)
		app_tx_touch(conn, &pending.tx->common, TO_SERVER);
	return queue_add(conn, state, pending);
}

/* ---- The client's stream ---- */

/* Each of these reads what it can: answers how much it used, 0 when it needs more, and SIZE_MAX when all is over. */
static size_t read_command(
	struct app_conn *conn, struct smtp_state *state, const struct app_input *in, struct bytes data)
{
	struct line line;

	if (state->skip_line[TO_SERVER])
		return skip_rest(state, TO_SERVER, data);
	if (!next_line(data, &line))
		return 0;
	state->skip_line[TO_SERVER] = line.goes_on;
	if (!handle_command(conn, state, &line, in->now_ns))
		return SIZE_MAX;
	app_frame(conn, TO_SERVER, SMTP_FRAME_COMMAND, data.ptr, (int64_t)line.used_size,
		state->tx ? &state->tx->common : NULL);
	return line.used_size;
}

static size_t read_data(struct app_conn *conn, struct smtp_state *state, const struct app_input *in, struct bytes data)
{
	struct smtp_pending pending = { .tx = state->tx, .command = SMTP_MESSAGE_END, .completes = true };
	bool end;
	size_t used;

	if (!state->tx) {
		state->mode = SMTP_MODE_COMMAND;
		return read_command(conn, state, in, data);
	}
	if (!state->tx->in_frame && data.size) {
		state->tx->in_frame = true;
		app_frame(conn, TO_SERVER, SMTP_FRAME_DATA, data.ptr, -1, &state->tx->common);
	}
	used = smtp_data_read(conn, state->tx, data, in->eof, &end);
	if (!end)
		return used;
	app_frame_end(conn, TO_SERVER, SMTP_FRAME_DATA, data.ptr + used, &state->tx->common);
	state->mode = SMTP_MODE_COMMAND;
	if (!queue_add(conn, state, pending))
		return SIZE_MAX;
	request_done(conn, state, state->tx);
	return used;
}

static void chunk_done(struct app_conn *conn, struct smtp_state *state)
{
	state->mode = SMTP_MODE_COMMAND;
	if (state->chunk_last && state->tx)
		request_done(conn, state, state->tx);
}

static struct app_result parse_to_server(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	struct smtp_state *state = opaque;
	size_t used = 0, step;

	while (used < in->data.size) {
		struct bytes data = bytes_skip(in->data, used);

		if (state->mode == SMTP_MODE_CHUNK) {
			step = data.size < state->chunk_left ? data.size : (size_t)state->chunk_left;
			state->chunk_left -= step;
		} else {
			step = state->mode == SMTP_MODE_DATA ? read_data(conn, state, in, data)
							     : read_command(conn, state, in, data);
			if (step == SIZE_MAX)
				return APP_RESULT_ERROR;
			if (step == 0)
				return APP_RESULT_MORE(used, data.size + 1);
		}
		used += step;
		if (state->mode == SMTP_MODE_CHUNK && state->chunk_left == 0)
			chunk_done(conn, state);
	}
	if (in->eof && state->mode == SMTP_MODE_DATA)
		read_data(conn, state, in, (struct bytes){ 0 });
	return APP_RESULT_OK;
}

/* ---- Replies ---- */

/* Codes in use: RFC 5321 and the registry of RFC 5248, RFC 4954, RFC 7504. */
static const uint16_t reply_codes[] = { 211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 422, 430, 432, 435, 450,
	451, 452, 453, 454, 455, 458, 459, 500, 501, 502, 503, 504, 510, 511, 512, 513, 515, 517, 521, 523, 525, 530,
	533, 534, 535, 538, 541, 543, 550, 551, 552, 553, 554, 555, 556 };

/* 0: none. */
static unsigned int reply_code(struct bytes text)
{
	unsigned int code = 0;

	if (text.size < 3)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		code = code * 10 + (unsigned int)(text.ptr[i] - '0');
	}
	for (size_t i = 0; i < ARRAY_COUNT(reply_codes); i++)
		if (reply_codes[i] == code)
			return code;
	return 0;
}

static void reply_to_data(struct app_conn *conn, struct smtp_state *state, struct smtp_tx *tx, unsigned int code)
{
	if (!tx || tx->request_done || (tx->data != SMTP_DATA_ASKED && tx->data != SMTP_DATA_RUNNING))
		return;
	if (code == 354) {
		tx->data = SMTP_DATA_RUNNING;
		if (tx == state->tx)
			state->mode = SMTP_MODE_DATA;
		return;
	}
	if (tx == state->tx && state->mode == SMTP_MODE_DATA)
		state->mode = SMTP_MODE_COMMAND;
	smtp_data_rejected(conn, tx);
}

/* Only DATA is answered with 354: whatever waits before it has lost its reply. */
static void match_data(struct smtp_state *state)
{
	uint32_t i = state->queue_first;

	while (i < state->queue_count && state->queue[i].command != SMTP_DATA)
		i++;
	if (i < state->queue_count)
		state->queue_first = i;
}

/* The last line of the reply to the oldest command. True: what follows is no SMTP. */
static bool handle_reply(struct app_conn *conn, struct smtp_state *state, unsigned int code)
{
	struct smtp_pending pending;

	if (code == 354)
		match_data(state);
	pending = state->queue[state->queue_first];
	queue_take(state);
	switch (pending.command) {
	case SMTP_STARTTLS:
		if (code != 220) {
			event(conn, pending.tx, SMTP_EVENT_TLS_REJECTED);
			break;
		}
		if (pending.tx)
			both_done(conn, state, pending.tx);
		app_change_protocol(conn, "tls", 443);
		return true;
	case SMTP_DATA:
		reply_to_data(conn, state, pending.tx, code);
		break;
	default:
		break;
	}
	if (pending.tx && pending.completes)
		app_tx_progress(conn, &pending.tx->common, TO_CLIENT, SMTP_REPLIED);
	else if (pending.tx)
		app_tx_touch(conn, &pending.tx->common, TO_CLIENT);
	return false;
}

/* Nothing waits for it: the greeting, or something unasked. */
static void handle_unasked(struct app_conn *conn, struct smtp_state *state, unsigned int code, bool more)
{
	if (state->welcomed && !state->in_greeting) {
		event(conn, state->tx, SMTP_EVENT_UNMATCHED_REPLY);
		return;
	}
	if (code != 220)
		event(conn, state->tx, SMTP_EVENT_INVALID_REPLY);
	state->welcomed = true;
	state->in_greeting = more;
}

static bool handle_reply_line(struct app_conn *conn, struct smtp_state *state, const struct line *line)
{
	bool waiting = state->queue_first < state->queue_count;
	struct smtp_tx *tx = waiting ? state->queue[state->queue_first].tx : state->tx;
	struct bytes text = line->text;
	unsigned int code = reply_code(text);
	bool more = text.size > 3 && text.ptr[3] == '-';

	app_frame(conn, TO_CLIENT, SMTP_FRAME_RESPONSE, text.ptr, (int64_t)line->used_size, tx ? &tx->common : NULL);
	if (line->truncated)
		event(conn, tx, SMTP_EVENT_TRUNCATED_LINE);
	if (code == 0)
		event(conn, tx, SMTP_EVENT_INVALID_REPLY);
	if (code == 0 && text.size < 3)
		return false;
	app_raw_trigger(conn, TO_CLIENT);
	if (!waiting || state->in_greeting || (!state->welcomed && code == 220)) {
		handle_unasked(conn, state, code, more);
		return false;
	}
	state->welcomed = true;
	if (code == 250 && text.size >= 4 && bytes_skip(text, 4).size == strlen("pipelining") &&
		ascii_starts_nocase_str(bytes_skip(text, 4), "pipelining"))
		state->pipelining = true;
	if (!more)
		return handle_reply(conn, state, code);
	if (tx)
		app_tx_touch(conn, &tx->common, TO_CLIENT);
	return false;
}

static struct app_result parse_to_client(struct app_conn *conn, void *opaque, const struct app_input *in)
{
	struct smtp_state *state = opaque;
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
		state->skip_line[TO_CLIENT] = line.goes_on;
		used += line.used_size;
		if (handle_reply_line(conn, state, &line))
			return APP_RESULT_MORE(used, 1);
	}
	return APP_RESULT_OK;
}

/* ---- Configuration and state ---- */

static void read_schemes(const struct conf_node *mime, struct mime_config *config)
{
	const struct conf_node *list = conf_get(mime, "extract-urls-schemes");

	for (size_t i = 0; i < conf_values_count(list) && config->scheme_count < MIME_SCHEMES_MAX; i++)
		if (conf_value_at(list, i))
			config->schemes[config->scheme_count++] = conf_value_at(list, i);
	if (!config->scheme_count)
		config->schemes[config->scheme_count++] = "http";
}

static int configure(const struct conf_node *node, void **ret_config)
{
	const struct conf_node *mime = conf_get(node, "mime"), *tracker = conf_get(node, "inspected-tracker");
	struct smtp_config *config = calloc(1, sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->decode_mime = conf_bool(mime, "decode-mime", true);
	config->raw_extraction = conf_bool(node, "raw-extraction", false);
	if (config->raw_extraction && config->decode_mime) {
		conf_complain(node, "raw-extraction has no effect together with mime.decode-mime");
		config->raw_extraction = false;
	}
	config->body_md5_set = conf_get(mime, "body-md5") != NULL;
	config->body_md5 = conf_bool(mime, "body-md5", false);
	config->inspect_min_size = (uint32_t)conf_size(tracker, "content-inspect-min-size", 32768);
	config->inspect_window_size = (uint32_t)conf_size(tracker, "content-inspect-window", 4096);
	config->mime.decode_base64 = conf_bool(mime, "decode-base64", true);
	config->mime.decode_quoted_printable = conf_bool(mime, "decode-quoted-printable", true);
	config->mime.extract_urls = conf_bool(mime, "extract-urls", true);
	config->mime.log_url_scheme = conf_bool(mime, "log-url-scheme", false);
	config->mime.header_value_max_size = (uint32_t)conf_u64_between(mime, "header-value-depth", 2000, 1, 1u << 20);
	read_schemes(mime, &config->mime);
	*ret_config = config;
	return 0;
}

/* Some record of mails lists the digest of the body. */
static bool record_wants_md5(const struct conf_node *root)
{
	CONF_FOR(item, conf_get(root, "outputs"))
	{
		const struct conf_node *list = conf_get(item, "eve-log.types.smtp.md5");

		for (size_t i = 0; i < conf_values_count(list); i++)
			if (conf_value_at(list, i) && strcasecmp(conf_value_at(list, i), "body") == 0)
				return true;
	}
	return false;
}

static void *open_state(struct app_conn *conn, const void *opaque)
{
	const struct smtp_config *config = opaque;
	const struct detect_engine *engine = conn->worker->engine;
	struct smtp_state *state = app_alloc(conn, sizeof(*state));

	if (!state)
		return NULL;
	state->body_md5 = config->body_md5 || (engine && detect_engine_needs(engine)->smtp_md5) ||
			  (!config->body_md5_set && record_wants_md5(conn->worker->settings->root));
	return state;
}

static void close_state(struct app_conn *conn, void *opaque)
{
	struct smtp_state *state = opaque;

	app_free(conn, (void *)(uintptr_t)state->helo.ptr, state->helo.size + 1);
	app_free(conn, state->queue, state->queue_room * sizeof(*state->queue));
	app_free(conn, state, sizeof(*state));
}

/* ---- Detection ---- */

/* The greeting; FTP's is alike, so only on the ports of mail, and where the client has not said otherwise. */
static enum app_probe_answer probe_greeting(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	if (memcmp(data.ptr, "220", 3) != 0 || (data.ptr[3] != ' ' && data.ptr[3] != '-'))
		return APP_PROBE_NO;
	return bytes_index(data, '\n') < data.size ? APP_PROBE_YES : APP_PROBE_MORE;
}

static const struct app_pattern patterns[] = {
	{ .dir = TO_SERVER, .text = "EHLO", .size = 4, .depth = 4, .nocase = true },
	{ .dir = TO_SERVER, .text = "HELO", .size = 4, .depth = 4, .nocase = true },
	{ .dir = TO_SERVER, .text = "RSET", .size = 4, .depth = 4, .nocase = true },
	{ .dir = TO_SERVER, .text = "QUIT", .size = 4, .depth = 4, .nocase = true },
	{ .size = 0 },
};

static const struct app_port_probe probes[] = {
	{ .ports = "25,465,587", .transport = 6, .min_size = 5, .to_client = probe_greeting },
	{ .transport = 0 },
};

const struct app_protocol app_protocol_smtp = {
	.name = "smtp",
	.event_type = "smtp",
	.log_key = "smtp",
	.transports = APP_TCP,
	.events_upper_case = true,
	.complete = { SMTP_COMPLETE, SMTP_REPLIED },
	.patterns = patterns,
	.probes = probes,
	.buffers = smtp_buffers,
	.events = smtp_events,
	.states = smtp_states,
	.frames = smtp_frames,
	.configure = configure,
	.configure_free = free,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.tx_free = tx_free,
	.log_top = smtp_log,
};
