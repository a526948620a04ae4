// SPDX-License-Identifier: Apache-2.0
/* SIP over UDP and TCP (RFC 3261), with the session descriptions it carries.
 *
 * Each message is a transaction of its own: requests towards the server, responses towards the client. Over TCP the
 * header Content-Length says where a message ends (section 18.3). */
#include "sensor/app/sip/message.h"

#include <string.h>

#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/app/json.h"
#include "sensor/app/sdp/sdp.h"
#include "sensor/flow/flow.h"

enum { SIP_COMPLETE = 1 };

enum sip_event { EVENT_INCOMPLETE_DATA, EVENT_INVALID_DATA };

static const struct app_event events[] = {
	[EVENT_INCOMPLETE_DATA] = { .name = "incomplete_data" },
	[EVENT_INVALID_DATA] = { .name = "invalid_data" },
	{ .name = NULL },
};

struct sip_tx {
	struct app_tx common;
	struct sip_message message;
	struct sdp sdp;
	bool has_sdp;
};

struct sip_state {
	bool lost[SENSOR_DIRS]; /* bytes are missing: the next line that begins a message goes on */
	uint64_t skip_size[SENSOR_DIRS]; /* of a body that is not kept */
};

/* ---- Transactions ---- */

static bool is_sdp(const struct sip_message *message)
{
	struct bytes type;

	if (!sip_header(message, "Content-Type", 'c', 0, &type))
		return false;
	return bytes_starts_with(type, bytes_from_str("application/sdp"));
}

enum sip_frame {
	FRAME_PDU,
	FRAME_REQUEST_LINE,
	FRAME_REQUEST_HEADERS,
	FRAME_REQUEST_BODY,
	FRAME_RESPONSE_LINE,
	FRAME_RESPONSE_HEADERS,
	FRAME_RESPONSE_BODY,
};

static const char *const frames[] = {
	[FRAME_PDU] = "pdu",
	[FRAME_REQUEST_LINE] = "request.line",
	[FRAME_REQUEST_HEADERS] = "request.headers",
	[FRAME_REQUEST_BODY] = "request.body",
	[FRAME_RESPONSE_LINE] = "response.line",
	[FRAME_RESPONSE_HEADERS] = "response.headers",
	[FRAME_RESPONSE_BODY] = "response.body",
	NULL,
};

static void announce(struct app_conn *conn, enum sensor_dir dir, const struct sip_message *message, struct bytes whole,
	const struct app_tx *tx)
{
	uint8_t line = message->is_response ? FRAME_RESPONSE_LINE : FRAME_REQUEST_LINE;
	struct bytes body = bytes_skip(whole, message->head_size);

	app_frame(conn, dir, FRAME_PDU, whole.ptr, (int64_t)whole.size, tx);
	app_frame(conn, dir, line, whole.ptr, message->headers.ptr - whole.ptr, tx);
	app_frame(conn, dir, (uint8_t)(line + 1), message->headers.ptr, (int64_t)message->headers.size, tx);
	if (body.size != 0)
		app_frame(conn, dir, (uint8_t)(line + 2), body.ptr, (int64_t)body.size, tx);
}

/* False: no memory. */
static bool tx_make(struct app_conn *conn, enum sensor_dir dir, const struct sip_message *message, struct bytes whole,
	uint64_t now_ns)
{
	struct sip_tx *tx = (struct sip_tx *)app_tx_new(conn, sizeof(*tx), now_ns);
	bool with_body = is_sdp(message);
	struct bytes copy;

	if (!tx)
		return false;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	copy = app_tx_dup(&tx->common, with_body ? whole : bytes_first(whole, message->head_size));
	if (!copy.ptr || sip_message_read(copy, &tx->message) != SIP_OK)
		return false;
	if (with_body) {
		tx->has_sdp = sdp_parse(bytes_skip(copy, tx->message.head_size), &tx->common.arena, &tx->sdp) == 0;
		app_tx_recount(&tx->common);
	}
	announce(conn, dir, message, whole, &tx->common);
	app_tx_progress(conn, &tx->common, dir, SIP_COMPLETE);
	app_raw_trigger(conn, dir);
	return true;
}

/* Bytes that give no message: the event goes to the last transaction. */
static void event_at_last(struct app_conn *conn, enum sip_event event)
{
	if (conn->last)
		app_tx_event(conn, conn->last, (uint8_t)event);
}

/* ---- UDP ---- */

static struct app_result parse_datagram(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct sip_message message;
	enum sip_answer answer = sip_message_read(in->data, &message);

	if (answer == SIP_OK && message.is_response != (dir == TO_CLIENT))
		answer = SIP_BAD;
	if (answer != SIP_OK) {
		event_at_last(conn, answer == SIP_MORE ? EVENT_INCOMPLETE_DATA : EVENT_INVALID_DATA);
		return APP_RESULT_OK;
	}
	return tx_make(conn, dir, &message, in->data, in->now_ns) ? APP_RESULT_OK : APP_RESULT_ERROR;
}

/* ---- TCP ---- */

static uint64_t body_size(const struct sip_message *message)
{
	struct bytes text;
	uint64_t size = 0;

	if (!sip_header(message, "Content-Length", 'l', 0, &text))
		return 0;
	for (size_t i = 0; i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9' && size < UINT32_MAX; i++)
		size = size * 10 + (uint64_t)(text.ptr[i] - '0');
	return size;
}

/* Behind a gap: skips to what looks like the beginning of a message. */
static struct bytes find_message(struct sip_state *state, enum sensor_dir dir, struct bytes in)
{
	while (in.size != 0) {
		struct sip_message message;
		enum sip_answer answer = sip_line_read(in, &message);

		if (answer != SIP_BAD) {
			state->lost[dir] = answer != SIP_OK;
			return in;
		}
		in = bytes_skip(in, bytes_index(in, '\n') + 1);
	}
	return in;
}

/* One message from the front of '*data'. */
static enum sip_answer parse_message(struct app_conn *conn, struct sip_state *state, enum sensor_dir dir,
	const struct app_input *in, struct bytes *data, size_t *ret_needed)
{
	struct sip_message message;
	enum sip_answer answer = sip_message_read(*data, &message);
	uint64_t body;
	size_t size;

	*ret_needed = data->size + 1;
	if (answer != SIP_OK)
		return answer;
	if (message.is_response != (dir == TO_CLIENT))
		return SIP_BAD;
	body = body_size(&message);
	size = message.head_size;
	if (body <= SIP_BODY_MAX) {
		size += (size_t)body;
		*ret_needed = size;
		if (size > data->size)
			return SIP_MORE;
	} else {
		state->skip_size[dir] = body;
	}
	if (!tx_make(conn, dir, &message, bytes_first(*data, size), in->now_ns))
		return SIP_BAD;
	*data = bytes_skip(*data, size);
	return SIP_OK;
}

static struct app_result parse_stream(
	struct app_conn *conn, struct sip_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct bytes data = in->data;
	size_t needed = 0;

	if (in->gap_size != 0) {
		uint64_t skipped = in->gap_size < state->skip_size[dir] ? in->gap_size : state->skip_size[dir];

		state->skip_size[dir] -= skipped;
		state->lost[dir] = skipped < in->gap_size;
		return APP_RESULT_OK;
	}
	for (;;) {
		size_t skipped = data.size < state->skip_size[dir] ? data.size : (size_t)state->skip_size[dir];
		enum sip_answer answer;

		state->skip_size[dir] -= skipped;
		data = bytes_skip(data, skipped);
		if (state->lost[dir])
			data = find_message(state, dir, data);
		/* Empty lines between messages keep the connection alive (section 7.5). */
		while (data.size != 0 && (data.ptr[0] == '\r' || data.ptr[0] == '\n'))
			data = bytes_skip(data, 1);
		if (data.size == 0)
			return APP_RESULT_OK;
		answer = parse_message(conn, state, dir, in, &data, &needed);
		if (answer == SIP_MORE)
			return APP_RESULT_MORE(in->data.size - data.size, needed);
		if (answer == SIP_BAD) {
			event_at_last(conn, EVENT_INVALID_DATA);
			return APP_RESULT_ERROR;
		}
	}
}

static struct app_result parse_dir(struct app_conn *conn, void *state, enum sensor_dir dir, const struct app_input *in)
{
	if (conn->flow->protocol == 6)
		return parse_stream(conn, state, dir, in);
	return in->data.size != 0 ? parse_datagram(conn, dir, in) : APP_RESULT_OK;
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

static enum app_probe_answer confirm(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct sip_message message;
	enum sip_answer answer = sip_line_read(data, &message);

	if (answer == SIP_MORE)
		return APP_PROBE_MORE;
	return answer == SIP_OK && message.is_response == (dir == TO_CLIENT) ? APP_PROBE_YES : APP_PROBE_NO;
}

#define METHOD(name)                                                                                                   \
	{                                                                                                              \
		.dir = TO_SERVER, .text = name, .size = sizeof(name) - 1, .depth = sizeof(name) - 1,                   \
		.confirm = confirm                                                                                     \
	}

static const struct app_pattern patterns[] = {
	METHOD("REGISTER"),
	METHOD("INVITE"),
	METHOD("ACK"),
	METHOD("BYE"),
	METHOD("CANCEL"),
	METHOD("UPDATE"),
	METHOD("REFER"),
	METHOD("PRACK"),
	METHOD("SUBSCRIBE"),
	METHOD("NOTIFY"),
	METHOD("PUBLISH"),
	METHOD("MESSAGE"),
	METHOD("INFO"),
	METHOD("OPTIONS"),
	{ .dir = TO_CLIENT, .text = "SIP/2.0 ", .size = 8, .depth = 8, .confirm = confirm },
	{ .size = 0 },
};

/* ---- What rules see ---- */

static struct sip_tx *sip_of(struct app_tx *tx)
{
	return (struct sip_tx *)tx;
}

static bool view_of(struct bytes part, struct app_view *ret)
{
	*ret = (struct app_view){ .data = part, .last = true };
	return part.ptr != NULL;
}

#define GETTER(name, expression)                                                                                       \
	static bool get_##name(                                                                                        \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		return expression;                                                                                     \
	}

#define FIELD(name, member) GETTER(name, index == 0 && view_of(sip_of(tx)->message.member, ret))

FIELD(method, method)
FIELD(uri, uri)
FIELD(code, code)
FIELD(reason, reason)
FIELD(version, version)
FIELD(line, line)

static bool header_view(struct app_tx *tx, const char *name, char letter, uint32_t index, struct app_view *ret)
{
	struct bytes value;

	return sip_header(&sip_of(tx)->message, name, letter, index, &value) && view_of(value, ret);
}

GETTER(from, header_view(tx, "From", 'f', index, ret))
GETTER(to, header_view(tx, "To", 't', index, ret))
GETTER(via, header_view(tx, "Via", 'v', index, ret))
GETTER(user_agent, header_view(tx, "User-Agent", 0, index, ret))
GETTER(content_type, header_view(tx, "Content-Type", 'c', index, ret))
GETTER(content_length, header_view(tx, "Content-Length", 'l', index, ret))

GETTER(sdp_origin, view_of(sdp_session(&sip_of(tx)->sdp, 'o', index), ret))
GETTER(sdp_session_name, view_of(sdp_session(&sip_of(tx)->sdp, 's', index), ret))
GETTER(sdp_session_info, view_of(sdp_session(&sip_of(tx)->sdp, 'i', index), ret))
GETTER(sdp_uri, view_of(sdp_session(&sip_of(tx)->sdp, 'u', index), ret))
GETTER(sdp_email, view_of(sdp_session(&sip_of(tx)->sdp, 'e', index), ret))
GETTER(sdp_phone, view_of(sdp_session(&sip_of(tx)->sdp, 'p', index), ret))
GETTER(sdp_connection, view_of(sdp_session(&sip_of(tx)->sdp, 'c', index), ret))
GETTER(sdp_bandwidth, view_of(sdp_session(&sip_of(tx)->sdp, 'b', index), ret))
GETTER(sdp_time, view_of(sdp_session(&sip_of(tx)->sdp, 't', index), ret))
GETTER(sdp_repeat, view_of(sdp_session(&sip_of(tx)->sdp, 'r', index), ret))
GETTER(sdp_timezone, view_of(sdp_session(&sip_of(tx)->sdp, 'z', index), ret))
GETTER(sdp_key, view_of(sdp_session(&sip_of(tx)->sdp, 'k', index), ret))
GETTER(sdp_attribute, view_of(sdp_session(&sip_of(tx)->sdp, 'a', index), ret))
GETTER(sdp_media, view_of(sdp_media(&sip_of(tx)->sdp, 'm', index), ret))
GETTER(sdp_media_info, view_of(sdp_media(&sip_of(tx)->sdp, 'i', index), ret))
GETTER(sdp_media_connection, view_of(sdp_media(&sip_of(tx)->sdp, 'c', index), ret))
GETTER(sdp_media_key, view_of(sdp_media(&sip_of(tx)->sdp, 'k', index), ret))

#define ROW(keyword, other, direction, multi, getter)                                                                  \
	{                                                                                                              \
		.name = keyword, .alias = other, .dirs = direction, .progress = { SIP_COMPLETE, SIP_COMPLETE },        \
		.flags = multi, .get = getter                                                                          \
	}

static const struct app_buffer buffers[] = {
	ROW("sip.method", NULL, DIR_TO_SERVER, 0, get_method),
	ROW("sip.uri", NULL, DIR_TO_SERVER, 0, get_uri),
	ROW("sip.request_line", NULL, DIR_TO_SERVER, 0, get_line),
	ROW("sip.stat_code", NULL, DIR_TO_CLIENT, 0, get_code),
	ROW("sip.stat_msg", NULL, DIR_TO_CLIENT, 0, get_reason),
	ROW("sip.response_line", NULL, DIR_TO_CLIENT, 0, get_line),
	ROW("sip.protocol", NULL, DIR_BOTH, 0, get_version),
	ROW("sip.from", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_from),
	ROW("sip.to", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_to),
	ROW("sip.via", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_via),
	ROW("sip.user_agent", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_user_agent),
	ROW("sip.content_type", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_content_type),
	ROW("sip.content_length", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_content_length),
	ROW("sdp.origin", NULL, DIR_BOTH, 0, get_sdp_origin),
	ROW("sdp.session_name", NULL, DIR_BOTH, 0, get_sdp_session_name),
	ROW("sdp.session_info", NULL, DIR_BOTH, 0, get_sdp_session_info),
	ROW("sdp.uri", NULL, DIR_BOTH, 0, get_sdp_uri),
	ROW("sdp.email", NULL, DIR_BOTH, 0, get_sdp_email),
	ROW("sdp.phone_number", NULL, DIR_BOTH, 0, get_sdp_phone),
	ROW("sdp.connection_data", NULL, DIR_BOTH, 0, get_sdp_connection),
	ROW("sdp.bandwidth", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_sdp_bandwidth),
	ROW("sdp.time", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_sdp_time),
	ROW("sdp.repeat_time", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_sdp_repeat),
	ROW("sdp.timezone", NULL, DIR_BOTH, 0, get_sdp_timezone),
	ROW("sdp.encryption_key", NULL, DIR_BOTH, 0, get_sdp_key),
	ROW("sdp.attribute", NULL, DIR_BOTH, APP_BUFFER_MULTI, get_sdp_attribute),
	ROW("sdp.media.media", "sdp.media_description.media", DIR_BOTH, APP_BUFFER_MULTI, get_sdp_media),
	ROW("sdp.media.media_info", "sdp.media_description.session_info", DIR_BOTH, APP_BUFFER_MULTI,
		get_sdp_media_info),
	ROW("sdp.media.connection_data", "sdp.media_description.connection_data", DIR_BOTH, APP_BUFFER_MULTI,
		get_sdp_media_connection),
	ROW("sdp.media.encryption_key", "sdp.media_description.encryption_key", DIR_BOTH, APP_BUFFER_MULTI,
		get_sdp_media_key),
	{ .name = NULL },
};

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct sip_tx *sip = (const struct sip_tx *)tx;
	const struct sip_message *message = &sip->message;

	if (message->is_response) {
		app_json_kv_text(json, "version", message->version);
		app_json_kv_text(json, "code", message->code);
		app_json_kv_text(json, "reason", message->reason);
		app_json_kv_text(json, "response_line", message->line);
	} else {
		app_json_kv_text(json, "method", message->method);
		app_json_kv_text(json, "uri", message->uri);
		app_json_kv_text(json, "version", message->version);
		app_json_kv_text(json, "request_line", message->line);
	}
	if (sip->has_sdp) {
		jsonw_kv_object_begin(json, "sdp");
		sdp_log(json, &sip->sdp);
		jsonw_object_end(json);
	}
	return true;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct sip_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct sip_state));
}

extern const struct app_protocol app_protocol_sip;

const struct app_protocol app_protocol_sip = {
	.name = "sip",
	.event_type = "sip",
	.log_key = "sip",
	.transports = APP_TCP | APP_UDP,
	.gaps_ok = true,
	.complete = { SIP_COMPLETE, SIP_COMPLETE },
	.patterns = patterns,
	.buffers = buffers,
	.events = events,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
