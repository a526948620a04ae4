// SPDX-License-Identifier: Apache-2.0
/* Modbus over TCP: frames, and which response belongs to which request. */
#include "sensor/app/modbus/modbus.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/config/tree.h"

/* "Messaging on TCP/IP", section 3.1.3: transaction, protocol, length; then as many bytes as the length says. */
enum { HEADER_SIZE = 6, LENGTH_MIN = 2, LENGTH_MAX = 254 };

static const struct app_event events[] = {
	[MODBUS_EVENT_INVALID_PROTOCOL_ID] = { .name = "invalid_protocol_id" },
	[MODBUS_EVENT_UNSOLICITED_RESPONSE] = { .name = "unsolicited_response" },
	[MODBUS_EVENT_INVALID_LENGTH] = { .name = "invalid_length" },
	[MODBUS_EVENT_INVALID_UNIT_IDENTIFIER] = { .name = "invalid_unit_identifier" },
	[MODBUS_EVENT_INVALID_FUNCTION_CODE] = { .name = "invalid_function_code" },
	[MODBUS_EVENT_INVALID_VALUE] = { .name = "invalid_value" },
	[MODBUS_EVENT_INVALID_EXCEPTION_CODE] = { .name = "invalid_exception_code" },
	[MODBUS_EVENT_VALUE_MISMATCH] = { .name = "value_mismatch" },
	[MODBUS_EVENT_FLOODED] = { .name = "flooded" },
	{ .name = NULL },
};

struct modbus_config {
	uint32_t unanswered_max; /* 0: no limit */
};

struct modbus_state {
	uint32_t unanswered, unanswered_max;
};

struct frame {
	uint16_t transaction, protocol, length;
	struct bytes body; /* unit, function, data */
};

/* ---- Transactions ---- */

static struct modbus_tx *new_tx(struct app_conn *conn, uint64_t now_ns)
{
	return (struct modbus_tx *)app_tx_new(conn, sizeof(struct modbus_tx), now_ns);
}

static void raise_events(struct app_conn *conn, struct modbus_tx *tx, uint8_t errors)
{
	static const struct {
		uint8_t error, event;
	} rows[] = {
		{ MODBUS_ERROR_VALUE, MODBUS_EVENT_INVALID_VALUE },
		{ MODBUS_ERROR_LENGTH, MODBUS_EVENT_INVALID_LENGTH },
		{ MODBUS_ERROR_EXCEPTION, MODBUS_EVENT_INVALID_EXCEPTION_CODE },
		{ MODBUS_ERROR_FUNCTION, MODBUS_EVENT_INVALID_FUNCTION_CODE },
		{ MODBUS_ERROR_PROTOCOL, MODBUS_EVENT_INVALID_PROTOCOL_ID },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (errors & rows[i].error)
			app_tx_event(conn, &tx->common, rows[i].event);
}

static void read_message(struct app_conn *conn, struct modbus_tx *tx, struct modbus_message *message,
	const struct frame *frame, bool response, const struct modbus_message *request)
{
	message->transaction = frame->transaction;
	message->protocol = frame->protocol;
	if (frame->protocol != 0)
		message->errors |= MODBUS_ERROR_PROTOCOL;
	modbus_message_read(message, app_tx_dup(&tx->common, frame->body), response, request);
	raise_events(conn, tx, message->errors);
}

static bool handle_request(
	struct app_conn *conn, struct modbus_state *state, const struct frame *frame, uint64_t now_ns)
{
	struct modbus_tx *tx = new_tx(conn, now_ns);
	bool flooded = state->unanswered_max != 0 && state->unanswered >= state->unanswered_max;

	if (!tx)
		return false;
	state->unanswered++;
	read_message(conn, tx, &tx->request, frame, false, NULL);
	if (flooded)
		app_tx_event(conn, &tx->common, MODBUS_EVENT_FLOODED);
	app_tx_progress(conn, &tx->common, TO_SERVER, MODBUS_COMPLETE);
	app_raw_trigger(conn, TO_SERVER);
	return !flooded;
}

static struct modbus_tx *tx_of_response(struct app_conn *conn, uint16_t transaction)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct modbus_tx *tx = (struct modbus_tx *)at;

		if (at->protocol == conn->protocol && tx->request.present && !tx->response.present &&
			tx->request.transaction == transaction)
			return tx;
	}
	return NULL;
}

/* Echoes must be echoes. */
static bool answers(const struct modbus_message *request, const struct modbus_message *response)
{
	if (request->function != response->function || request->unit != response->unit)
		return false;
	if (response->exception || !response->has_write)
		return true;
	if (request->write_address != response->write_address || request->write_quantity != response->write_quantity)
		return false;
	return (request->access & MODBUS_MULTIPLE) || bytes_equal(request->data, response->data);
}

static bool handle_response(
	struct app_conn *conn, struct modbus_state *state, const struct frame *frame, uint64_t now_ns)
{
	struct modbus_tx *tx = tx_of_response(conn, frame->transaction);
	bool unsolicited = !tx;

	if (unsolicited)
		tx = new_tx(conn, now_ns);
	if (!tx)
		return false;
	if (unsolicited) {
		app_tx_event(conn, &tx->common, MODBUS_EVENT_UNSOLICITED_RESPONSE);
		app_tx_progress(conn, &tx->common, TO_SERVER, MODBUS_COMPLETE);
	} else if (state->unanswered != 0) {
		state->unanswered--;
	}
	read_message(conn, tx, &tx->response, frame, true, unsolicited ? NULL : &tx->request);
	if (!unsolicited && !answers(&tx->request, &tx->response))
		app_tx_event(conn, &tx->common, MODBUS_EVENT_VALUE_MISMATCH);
	app_tx_progress(conn, &tx->common, TO_CLIENT, MODBUS_COMPLETE);
	app_raw_trigger(conn, TO_CLIENT);
	return true;
}

/* ---- Frames ---- */

static bool read_frame(struct bytes in, struct frame *ret)
{
	struct cursor cur = cursor_over(in);

	return cursor_u16be(&cur, &ret->transaction) && cursor_u16be(&cur, &ret->protocol) &&
	       cursor_u16be(&cur, &ret->length);
}

/* A length that cannot be: nobody knows where the next frame would begin. */
static struct app_result bad_length(struct app_conn *conn, enum sensor_dir dir, uint64_t now_ns)
{
	struct modbus_tx *tx = new_tx(conn, now_ns);

	if (tx) {
		tx->common.skip_logs = true;
		tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
		app_tx_event(conn, &tx->common, MODBUS_EVENT_INVALID_LENGTH);
		app_tx_progress(conn, &tx->common, TO_SERVER, MODBUS_COMPLETE);
		app_tx_progress(conn, &tx->common, TO_CLIENT, MODBUS_COMPLETE);
	}
	return APP_RESULT_ERROR;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct modbus_state *state, enum sensor_dir dir, const struct app_input *in)
{
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes rest = bytes_skip(in->data, used);
		struct frame frame;

		if (!read_frame(rest, &frame))
			return APP_RESULT_MORE(used, HEADER_SIZE);
		if (frame.length < LENGTH_MIN || frame.length > LENGTH_MAX)
			return bad_length(conn, dir, in->now_ns);
		if (rest.size < HEADER_SIZE + (size_t)frame.length)
			return APP_RESULT_MORE(used, HEADER_SIZE + (size_t)frame.length);
		frame.body = bytes_first(bytes_skip(rest, HEADER_SIZE), frame.length);
		if (dir == TO_SERVER ? !handle_request(conn, state, &frame, in->now_ns)
				     : !handle_response(conn, state, &frame, in->now_ns))
			return APP_RESULT_ERROR;
		used += HEADER_SIZE + (size_t)frame.length;
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

/* ---- Configuration, state, recognition ---- */

static int configure(const struct conf_node *node, void **ret_config)
{
	struct modbus_config *config = calloc(1, sizeof(*config));

	if (!config)
		return LUYTRE_E_NOMEM;
	config->unanswered_max =
		(uint32_t)conf_u64_between(node, "request-flood", MODBUS_UNANSWERED_MAX, 0, UINT16_MAX);
	*ret_config = config;
	return 0;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	struct modbus_state *state = app_alloc(conn, sizeof(*state));

	if (state)
		state->unanswered_max =
			config ? ((const struct modbus_config *)config)->unanswered_max : MODBUS_UNANSWERED_MAX;
	return state;
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct modbus_state));
}

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct frame frame;

	if (!read_frame(data, &frame))
		return APP_PROBE_MORE;
	return frame.protocol == 0 && frame.length >= LENGTH_MIN && frame.length <= LENGTH_MAX ? APP_PROBE_YES
											       : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "502", .transport = 6, .min_size = HEADER_SIZE, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

extern const struct app_protocol app_protocol_modbus;

const struct app_protocol app_protocol_modbus = {
	.name = "modbus",
	.event_type = "modbus",
	.log_key = "modbus",
	.transports = APP_TCP,
	.events_upper_case = true,
	.disabled_by_default = true,
	.complete = { MODBUS_COMPLETE, MODBUS_COMPLETE },
	.probes = probes,
	.keywords = modbus_keywords,
	.events = events,
	.configure = configure,
	.configure_free = free,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = modbus_log,
};
