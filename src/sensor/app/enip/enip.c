// SPDX-License-Identifier: Apache-2.0
/* EtherNet/IP over TCP and UDP: headers, and which answer belongs to which command. */
#include "sensor/app/enip/enip.h"

#include <string.h>

#include "sensor/app/frames.h"
#include "sensor/flow/flow.h"

enum enip_event { EVENT_MALFORMED, EVENT_TOO_MANY_TX };

static const struct app_event events[] = {
	[EVENT_MALFORMED] = { .name = "malformed_data" },
	[EVENT_TOO_MANY_TX] = { .name = "too_many_transactions" },
	{ .name = NULL },
};

static const char *const frames[] = { [ENIP_FRAME_HDR] = "hdr",
	[ENIP_FRAME_DATA] = "data",
	[ENIP_FRAME_PDU] = "pdu",
	[ENIP_FRAME_CIP] = "cip",
	[ENIP_FRAME_ITEM] = "enip.item",
	NULL };

/* Volume 2, section 2-3. */
static bool read_header(struct bytes in, struct enip_message *ret)
{
	struct cursor cur = cursor_over(in);

	return cursor_u16le(&cur, &ret->command) && cursor_u16le(&cur, &ret->length) &&
	       cursor_u32le(&cur, &ret->session) && cursor_u32le(&cur, &ret->status) &&
	       cursor_copy(&cur, sizeof(ret->context), ret->context) && cursor_u32le(&cur, &ret->options);
}

static bool command_is_known(uint16_t command)
{
	for (const struct app_name_value *row = enip_command_names; row->name; row++)
		if (row->value == command)
			return true;
	return false;
}

/* ---- Transactions ---- */

static bool answers(const struct enip_message *request, const struct enip_message *answer)
{
	return request->command == answer->command && memcmp(request->context, answer->context, 8) == 0 &&
	       (request->session == answer->session || request->command == ENIP_REGISTER_SESSION);
}

static struct enip_tx *tx_of_answer(struct app_conn *conn, const struct enip_message *answer)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct enip_tx *tx = (struct enip_tx *)at;

		if (at->protocol == conn->protocol && tx->message[TO_SERVER].present &&
			!tx->message[TO_CLIENT].present && answers(&tx->message[TO_SERVER], answer))
			return tx;
	}
	return NULL;
}

static bool has_answer(uint16_t command)
{
	return command != ENIP_NOP && command != ENIP_UNREGISTER_SESSION;
}

static struct enip_tx *tx_for(
	struct app_conn *conn, enum sensor_dir dir, const struct enip_message *message, uint64_t now_ns)
{
	struct enip_tx *tx = dir == TO_CLIENT ? tx_of_answer(conn, message) : NULL;

	if (tx)
		return tx;
	tx = (struct enip_tx *)app_tx_new(conn, sizeof(*tx), now_ns);
	if (!tx && conn->last)
		app_tx_event(conn, conn->last, EVENT_TOO_MANY_TX);
	if (!tx)
		return NULL;
	if (dir == TO_CLIENT)
		tx->common.dirs_skip = DIR_TO_SERVER;
	else if (!has_answer(message->command))
		tx->common.dirs_skip = DIR_TO_CLIENT;
	return tx;
}

static bool handle_message(
	struct app_conn *conn, enum sensor_dir dir, const struct enip_message *header, struct bytes in, uint64_t now_ns)
{
	struct enip_tx *tx = tx_for(conn, dir, header, now_ns);
	struct bytes body;

	if (!tx)
		return false;
	tx->message[dir] = *header;
	tx->message[dir].present = true;
	app_frame(conn, dir, ENIP_FRAME_PDU, in.ptr, (int64_t)in.size, &tx->common);
	app_frame(conn, dir, ENIP_FRAME_HDR, in.ptr, ENIP_HEADER_SIZE, &tx->common);
	body = bytes_skip(in, ENIP_HEADER_SIZE);
	if (body.size != 0) {
		struct bytes copy = app_tx_dup(&tx->common, body);

		app_frame(conn, dir, ENIP_FRAME_DATA, body.ptr, (int64_t)body.size, &tx->common);
		if (!copy.ptr)
			return false;
		if (!enip_message_read(conn, tx, dir, copy, body.ptr))
			app_tx_event(conn, &tx->common, EVENT_MALFORMED);
	}
	app_tx_progress(conn, &tx->common, dir, ENIP_COMPLETE);
	if (tx->common.dirs_skip)
		app_tx_progress(conn, &tx->common, sensor_dir_opposite(dir), ENIP_COMPLETE);
	app_raw_trigger(conn, dir);
	return true;
}

static struct app_result parse_dir(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes rest = bytes_skip(in->data, used);
		struct enip_message header = { .present = false };
		size_t size;

		if (!read_header(rest, &header))
			return conn->flow->protocol == 6 ? APP_RESULT_MORE(used, ENIP_HEADER_SIZE) : APP_RESULT_ERROR;
		size = ENIP_HEADER_SIZE + (size_t)header.length;
		if (rest.size < size)
			return conn->flow->protocol == 6 ? APP_RESULT_MORE(used, size) : APP_RESULT_ERROR;
		if (!handle_message(conn, dir, &header, bytes_first(rest, size), in->now_ns))
			return APP_RESULT_ERROR;
		used += size;
	}
	return APP_RESULT_OK;
}

static struct app_result parse_to_server(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, TO_SERVER, in);
}

static struct app_result parse_to_client(struct app_conn *conn, void *state, const struct app_input *in)
{
	return parse_dir(conn, TO_CLIENT, in);
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, 1);
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, 1);
}

/* ---- Recognition ---- */

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct enip_message header = { .present = false };
	bool known_status = false;

	if (!read_header(data, &header))
		return APP_PROBE_MORE;
	for (const struct app_name_value *row = enip_status_names; row->name; row++)
		known_status = known_status || row->value == header.status;
	return command_is_known(header.command) && known_status && header.options == 0 ? APP_PROBE_YES : APP_PROBE_NO;
}

static const struct app_port_probe probes[] = {
	{ .ports = "44818", .transport = 6, .min_size = ENIP_HEADER_SIZE, .to_server = probe, .to_client = probe },
	{ .ports = "44818", .transport = 17, .min_size = ENIP_HEADER_SIZE, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

extern const struct app_protocol app_protocol_enip;

const struct app_protocol app_protocol_enip = {
	.name = "enip",
	.event_type = "enip",
	.log_key = "enip",
	.transports = APP_TCP | APP_UDP,
	.disabled_by_default = true,
	.complete = { ENIP_COMPLETE, ENIP_COMPLETE },
	.probes = probes,
	.buffers = enip_buffers,
	.numbers = enip_numbers,
	.keywords = enip_keywords,
	.events = events,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = enip_log,
};
