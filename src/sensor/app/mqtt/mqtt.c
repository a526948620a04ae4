// SPDX-License-Identifier: Apache-2.0
/* MQTT 3.1, 3.1.1 and 5.0.
 *
 * A transaction is a message with all that answers it: CONNECT with CONNACK, PUBLISH with its acknowledgements,
 * SUBSCRIBE with SUBACK; messages without an answer are one of their own. Either side may begin one. Messages longer than
 * "max-msg-length" are skipped and only noted. */
#include "sensor/app/mqtt/mqtt.h"

#include <stdlib.h>

#include "base/error.h"
#include "sensor/app/frames.h"
#include "sensor/config/tree.h"

enum { MQTT_COMPLETE = 1, MESSAGE_MAX_DEFAULT = 1 << 20 };

#define MQTT_EVENTS(X)                                                                                                 \
	X(MISSING_CONNECT, "missing_connect")                                                                          \
	X(MISSING_PUBLISH, "missing_publish")                                                                          \
	X(MISSING_SUBSCRIBE, "missing_subscribe")                                                                      \
	X(MISSING_UNSUBSCRIBE, "missing_unsubscribe")                                                                  \
	X(DOUBLE_CONNECT, "double_connect")                                                                            \
	X(UNINTRODUCED_MESSAGE, "unintroduced_message")                                                                \
	X(INVALID_QOS_LEVEL, "invalid_qos_level")                                                                      \
	X(MISSING_MSG_ID, "missing_msg_id")                                                                            \
	X(UNASSIGNED_MSG_TYPE, "unassigned_msg_type")                                                                  \
	X(TOO_MANY_TRANSACTIONS, "too_many_transactions")                                                              \
	X(MALFORMED_TRAFFIC, "malformed_traffic")

enum mqtt_event {
#define X(id, name) MQTT_EVENT_##id,
	MQTT_EVENTS(X)
#undef X
		MQTT_EVENT_NONE
};

static const struct app_event events[] = {
#define X(id, name) { name, false },
	MQTT_EVENTS(X)
#undef X
		{ NULL, false }
};

struct mqtt_config {
	uint32_t message_max_size;
};

struct mqtt_state {
	uint8_t version; /* of the connection, by CONNECT */
	bool connected;
	uint32_t skip_size[SENSOR_DIRS]; /* of a message that is too long */
};

/* One message on its way into a transaction. */
struct arrival {
	struct app_conn *conn;
	struct mqtt_state *state;
	const struct mqtt_message *message; /* views into 'body' */
	struct bytes body; /* of the input */
	enum sensor_dir dir;
	uint64_t now_ns;
};

/* ---- Transactions ---- */

static void tx_complete(struct app_conn *conn, struct mqtt_tx *tx)
{
	tx->complete = true;
	app_tx_progress(conn, &tx->common, TO_SERVER, MQTT_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, MQTT_COMPLETE);
}

/* Keeps the message and its bytes with the transaction. */
static void tx_add(const struct arrival *arrival, struct mqtt_tx *tx)
{
	struct mqtt_message *message = app_tx_alloc(&tx->common, sizeof(*message));
	struct bytes body = arrival->message->truncated ? (struct bytes){ 0 } : app_tx_dup(&tx->common, arrival->body);
	struct mqtt_header header = arrival->message->header;

	if (!message || (arrival->body.size != 0 && !arrival->message->truncated && !body.ptr))
		return;
	if (arrival->message->truncated)
		*message = *arrival->message;
	else if (!mqtt_message_read(body, &header, arrival->state->version, message))
		return;
	if (tx->last)
		tx->last->next = message;
	else
		tx->first = message;
	tx->last = message;
	app_tx_touch(arrival->conn, &tx->common, TO_SERVER);
	app_tx_touch(arrival->conn, &tx->common, TO_CLIENT);
}

/* At the ceiling the oldest that waits for an answer waits no longer. */
static void make_room(struct app_conn *conn)
{
	if (conn->tx_live < app_tx_max(conn))
		return;
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct mqtt_tx *tx = (struct mqtt_tx *)at;

		if (at->protocol != conn->protocol || tx->complete)
			continue;
		app_tx_event(conn, at, MQTT_EVENT_TOO_MANY_TRANSACTIONS);
		tx_complete(conn, tx);
		return;
	}
}

static struct mqtt_tx *tx_make(const struct arrival *arrival)
{
	struct mqtt_tx *tx;

	make_room(arrival->conn);
	tx = (struct mqtt_tx *)app_tx_new(arrival->conn, sizeof(*tx), arrival->now_ns);
	if (!tx)
		return NULL;
	tx->from_server = arrival->dir == TO_CLIENT;
	tx->protocol_version = arrival->state->version;
	tx->common.dirs_skip = arrival->dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx_add(arrival, tx);
	return tx;
}

/* A transaction that nothing answers. */
static void tx_single(const struct arrival *arrival, enum mqtt_event event)
{
	struct mqtt_tx *tx = tx_make(arrival);

	if (!tx)
		return;
	if (event != MQTT_EVENT_NONE)
		app_tx_event(arrival->conn, &tx->common, (uint8_t)event);
	tx_complete(arrival->conn, tx);
}

static void tx_open(const struct arrival *arrival, uint32_t id, enum mqtt_event event)
{
	struct mqtt_tx *tx = tx_make(arrival);

	if (!tx)
		return;
	tx->has_id = true;
	tx->id = id;
	if (event != MQTT_EVENT_NONE)
		app_tx_event(arrival->conn, &tx->common, (uint8_t)event);
}

static struct mqtt_tx *tx_find(struct app_conn *conn, uint32_t id)
{
	for (struct app_tx *at = conn->first; at; at = at->next) {
		struct mqtt_tx *tx = (struct mqtt_tx *)at;

		if (at->protocol == conn->protocol && !tx->complete && tx->has_id && tx->id == id)
			return tx;
	}
	return NULL;
}

/* ---- Messages ---- */

static void answer(const struct arrival *arrival, uint32_t id, bool final, enum mqtt_event missing)
{
	struct mqtt_tx *tx = tx_find(arrival->conn, id);

	if (!tx) {
		tx_single(arrival, missing);
		return;
	}
	tx_add(arrival, tx);
	if (final)
		tx_complete(arrival->conn, tx);
}

static void publish(const struct arrival *arrival)
{
	const struct mqtt_message *message = arrival->message;

	if (!arrival->state->connected)
		tx_single(arrival, MQTT_EVENT_UNINTRODUCED_MESSAGE);
	else if (message->header.qos > 2)
		tx_single(arrival, MQTT_EVENT_INVALID_QOS_LEVEL);
	else if (message->header.qos == 0 || message->truncated)
		tx_single(arrival, MQTT_EVENT_NONE);
	else if (!message->has_id)
		tx_single(arrival, MQTT_EVENT_MISSING_MSG_ID);
	else
		tx_open(arrival, message->id, MQTT_EVENT_NONE);
}

/* The fixed header of these says QoS 1 (sections 3.8.1 and 3.10.1). */
static void subscribe(const struct arrival *arrival)
{
	if (!arrival->state->connected)
		tx_single(arrival, MQTT_EVENT_UNINTRODUCED_MESSAGE);
	else if (arrival->message->header.qos != 1)
		tx_single(arrival, MQTT_EVENT_INVALID_QOS_LEVEL);
	else if (!arrival->message->has_id)
		tx_single(arrival, MQTT_EVENT_NONE);
	else
		tx_open(arrival, arrival->message->id, MQTT_EVENT_NONE);
}

static void handle(const struct arrival *arrival)
{
	const struct mqtt_message *message = arrival->message;
	struct mqtt_state *state = arrival->state;
	/* What has lost its identifier by being too long answers nothing. */
	uint32_t id = message->has_id ? message->id : UINT32_MAX;

	switch (message->header.type) {
	case MQTT_CONNECT:
		if (!message->truncated)
			state->version = message->protocol_version;
		tx_open(arrival, MQTT_CONNECT_ID, state->connected ? MQTT_EVENT_DOUBLE_CONNECT : MQTT_EVENT_NONE);
		break;
	case MQTT_CONNACK:
		if (tx_find(arrival->conn, MQTT_CONNECT_ID))
			state->connected = true;
		answer(arrival, MQTT_CONNECT_ID, true, MQTT_EVENT_MISSING_CONNECT);
		break;
	case MQTT_PUBLISH:
		publish(arrival);
		break;
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		subscribe(arrival);
		break;
	case MQTT_PUBREC:
	case MQTT_PUBREL:
		answer(arrival, id, false, MQTT_EVENT_MISSING_PUBLISH);
		break;
	case MQTT_PUBACK:
	case MQTT_PUBCOMP:
		answer(arrival, id, true, MQTT_EVENT_MISSING_PUBLISH);
		break;
	case MQTT_SUBACK:
		answer(arrival, id, true, MQTT_EVENT_MISSING_SUBSCRIBE);
		break;
	case MQTT_UNSUBACK:
		answer(arrival, id, true, MQTT_EVENT_MISSING_UNSUBSCRIBE);
		break;
	case MQTT_UNASSIGNED:
		tx_single(arrival, MQTT_EVENT_UNASSIGNED_MSG_TYPE);
		break;
	default:
		tx_single(arrival, state->connected ? MQTT_EVENT_NONE : MQTT_EVENT_UNINTRODUCED_MESSAGE);
		break;
	}
}

/* An event for bytes that give no message. */
static void malformed(struct app_conn *conn, enum sensor_dir dir, uint64_t now_ns)
{
	struct mqtt_tx *tx = (struct mqtt_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (!tx)
		return;
	tx->from_server = dir == TO_CLIENT;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx->common.skip_logs = true;
	app_tx_event(conn, &tx->common, MQTT_EVENT_MALFORMED_TRAFFIC);
	tx_complete(conn, tx);
}

enum step { STEP_DONE, STEP_MORE, STEP_BAD };

enum mqtt_frame { FRAME_PDU, FRAME_HEADER, FRAME_DATA };

static const char *const frames[] = { [FRAME_PDU] = "pdu", [FRAME_HEADER] = "header", [FRAME_DATA] = "data", NULL };

static void announce(const struct arrival *arrival, struct bytes data, size_t head_size, size_t body_size)
{
	app_frame(arrival->conn, arrival->dir, FRAME_PDU, data.ptr, (int64_t)(head_size + body_size), NULL);
	app_frame(arrival->conn, arrival->dir, FRAME_HEADER, data.ptr, (int64_t)head_size, NULL);
	if (body_size != 0)
		app_frame(arrival->conn, arrival->dir, FRAME_DATA, data.ptr + head_size, (int64_t)body_size, NULL);
}

/* One message from the front of '*data'. With STEP_MORE '*ret_needed' bytes are wanted. */
static enum step parse_message(const struct arrival *from, struct bytes *data, size_t *ret_needed)
{
	const struct mqtt_config *config = from->conn->config;
	struct mqtt_message message = { 0 };
	struct arrival arrival = *from;
	struct cursor cur = cursor_over(*data);
	struct mqtt_header header;
	bool bad;

	*ret_needed = data->size + 1;
	if (!mqtt_header_read(&cur, &header, &bad))
		return bad ? STEP_BAD : STEP_MORE;
	arrival.message = &message;
	if (header.size > config->message_max_size) {
		size_t here = cursor_left(&cur) < header.size ? cursor_left(&cur) : header.size;

		announce(&arrival, *data, data->size - cursor_left(&cur), header.size);
		message.header = header;
		message.truncated = true;
		arrival.state->skip_size[arrival.dir] = header.size - (uint32_t)here;
		*data = bytes_skip(cursor_rest(&cur), here);
		handle(&arrival);
		return STEP_DONE;
	}
	*ret_needed = data->size - cursor_left(&cur) + header.size;
	if (!cursor_take(&cur, header.size, &arrival.body))
		return STEP_MORE;
	announce(&arrival, *data, *ret_needed - header.size, header.size);
	if (!mqtt_message_read(arrival.body, &header, arrival.state->version, &message))
		return STEP_BAD;
	*data = cursor_rest(&cur);
	handle(&arrival);
	return STEP_DONE;
}

static struct app_result parse_dir(struct app_conn *conn, void *opaque, enum sensor_dir dir, const struct app_input *in)
{
	struct mqtt_state *state = opaque;
	const struct arrival arrival = { .conn = conn, .state = state, .dir = dir, .now_ns = in->now_ns };
	struct bytes data = in->data;
	size_t skipped = state->skip_size[dir] < data.size ? state->skip_size[dir] : data.size, needed = 0;

	state->skip_size[dir] -= (uint32_t)skipped;
	data = bytes_skip(data, skipped);
	while (data.size != 0) {
		enum step step = parse_message(&arrival, &data, &needed);

		if (step == STEP_MORE)
			return APP_RESULT_MORE(in->data.size - data.size, needed);
		if (step == STEP_BAD) {
			malformed(conn, dir, in->now_ns);
			return APP_RESULT_ERROR;
		}
		app_raw_trigger(conn, dir);
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

static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	struct cursor cur = cursor_over(data);
	struct mqtt_header header;
	bool bad;

	if (!mqtt_header_read(&cur, &header, &bad))
		return bad ? APP_PROBE_NO : APP_PROBE_MORE;
	return header.type == MQTT_UNASSIGNED || header.qos > 2 ? APP_PROBE_NO : APP_PROBE_YES;
}

static const struct app_port_probe probes[] = {
	{ "1883", 6, 2, probe, probe },
	{ "", 0, 0, NULL, NULL },
};

/* ---- What rules see ---- */

static const struct mqtt_message *message_of(const struct app_tx *tx, uint8_t type)
{
	for (const struct mqtt_message *at = ((const struct mqtt_tx *)tx)->first; at; at = at->next)
		if (at->header.type == type && !at->truncated)
			return at;
	return NULL;
}

static bool view_of(struct bytes part, struct app_view *ret)
{
	*ret = (struct app_view){ .data = part, .last = true };
	return part.ptr != NULL;
}

#define MQTT_BUFFER(name, type, member)                                                                                \
	static bool get_##name(                                                                                        \
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret) \
	{                                                                                                              \
		const struct mqtt_message *message = message_of(tx, type);                                             \
                                                                                                                       \
		return message && view_of(message->member, ret);                                                       \
	}

MQTT_BUFFER(client_id, MQTT_CONNECT, client_id)
MQTT_BUFFER(username, MQTT_CONNECT, username)
MQTT_BUFFER(password, MQTT_CONNECT, password)
MQTT_BUFFER(protocol_string, MQTT_CONNECT, protocol_string)
MQTT_BUFFER(will_topic, MQTT_CONNECT, will_topic)
MQTT_BUFFER(will_message, MQTT_CONNECT, will_message)
MQTT_BUFFER(publish_topic, MQTT_PUBLISH, topic)
MQTT_BUFFER(publish_message, MQTT_PUBLISH, message)

static bool topic_at(struct app_tx *tx, uint8_t type, uint32_t index, struct app_view *ret)
{
	uint8_t qos, *want_qos = type == MQTT_SUBSCRIBE ? &qos : NULL;

	for (const struct mqtt_message *at = ((struct mqtt_tx *)tx)->first; at; at = at->next) {
		struct bytes rest = at->topics, topic;

		while (at->header.type == type && mqtt_next_topic(&rest, &topic, want_qos))
			if (index-- == 0)
				return view_of(topic, ret);
	}
	return false;
}

static bool get_subscribe_topic(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return topic_at(tx, MQTT_SUBSCRIBE, index, ret);
}

static bool get_unsubscribe_topic(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	return topic_at(tx, MQTT_UNSUBSCRIBE, index, ret);
}

#define MQTT_PROGRESS .dirs = DIR_BOTH, .progress = { MQTT_COMPLETE, MQTT_COMPLETE }

static const struct app_buffer buffers[] = {
	{ .name = "mqtt.connect.clientid", MQTT_PROGRESS, .get = get_client_id },
	{ .name = "mqtt.connect.username", MQTT_PROGRESS, .get = get_username },
	{ .name = "mqtt.connect.password", MQTT_PROGRESS, .get = get_password },
	{ .name = "mqtt.connect.protocol_string", MQTT_PROGRESS, .get = get_protocol_string },
	{ .name = "mqtt.connect.willtopic", MQTT_PROGRESS, .get = get_will_topic },
	{ .name = "mqtt.connect.willmessage", MQTT_PROGRESS, .get = get_will_message },
	{ .name = "mqtt.publish.topic", MQTT_PROGRESS, .get = get_publish_topic },
	{ .name = "mqtt.publish.message", MQTT_PROGRESS, .get = get_publish_message },
	{ .name = "mqtt.subscribe.topic", MQTT_PROGRESS, .flags = APP_BUFFER_MULTI, .get = get_subscribe_topic },
	{ .name = "mqtt.unsubscribe.topic", MQTT_PROGRESS, .flags = APP_BUFFER_MULTI, .get = get_unsubscribe_topic },
	{ .name = NULL },
};

static const struct mqtt_message *message_at(const struct app_tx *tx, uint32_t index)
{
	const struct mqtt_message *at = ((const struct mqtt_tx *)tx)->first;

	while (at && index--)
		at = at->next;
	return at;
}

static bool get_type(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct mqtt_message *message = message_at(tx, index);

	*ret = message ? message->header.type : 0;
	return message != NULL;
}

static bool get_flags(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct mqtt_message *message = message_at(tx, index);

	*ret = message ? message->header.flags : 0;
	return message != NULL;
}

static bool get_qos(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct mqtt_message *message = message_at(tx, index);

	*ret = message ? message->header.qos : 0;
	return message != NULL;
}

static bool get_reason(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	for (const struct mqtt_message *at = ((struct mqtt_tx *)tx)->first; at; at = at->next) {
		uint32_t count = at->has_reason ? 1 : (uint32_t)at->codes.size;

		if (index < count) {
			*ret = at->has_reason ? at->reason : at->codes.ptr[index];
			return true;
		}
		index -= count;
	}
	return false;
}

static bool get_version(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((struct mqtt_tx *)tx)->protocol_version;
	return index == 0;
}

static bool get_connect_flags(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct mqtt_message *message = message_of(tx, MQTT_CONNECT);

	*ret = message ? message->connect_flags : 0;
	return message && index == 0;
}

static bool get_session_present(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	const struct mqtt_message *message = message_of(tx, MQTT_CONNACK);

	*ret = message && message->session_present;
	return message && index == 0;
}

const struct app_name_value mqtt_type_names[] = { { "UNASSIGNED", MQTT_UNASSIGNED }, { "CONNECT", MQTT_CONNECT },
	{ "CONNACK", MQTT_CONNACK }, { "PUBLISH", MQTT_PUBLISH }, { "PUBACK", MQTT_PUBACK }, { "PUBREC", MQTT_PUBREC },
	{ "PUBREL", MQTT_PUBREL }, { "PUBCOMP", MQTT_PUBCOMP }, { "SUBSCRIBE", MQTT_SUBSCRIBE },
	{ "SUBACK", MQTT_SUBACK }, { "UNSUBSCRIBE", MQTT_UNSUBSCRIBE }, { "UNSUBACK", MQTT_UNSUBACK },
	{ "PINGREQ", MQTT_PINGREQ }, { "PINGRESP", MQTT_PINGRESP }, { "DISCONNECT", MQTT_DISCONNECT },
	{ "AUTH", MQTT_AUTH }, { NULL, 0 } };

static const struct app_name_value flag_names[] = { { "dup", MQTT_DUP }, { "retain", MQTT_RETAIN }, { NULL, 0 } };

static const struct app_name_value connect_flag_names[] = { { "username", MQTT_USERNAME },
	{ "password", MQTT_PASSWORD }, { "will", MQTT_WILL }, { "will_retain", MQTT_WILL_RETAIN },
	{ "clean_session", MQTT_CLEAN_SESSION }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "mqtt.type",
		MQTT_PROGRESS,
		.bits = 8,
		.flags = APP_NUMBER_MULTI,
		.names = mqtt_type_names,
		.get = get_type },
	{ .name = "mqtt.flags",
		MQTT_PROGRESS,
		.bits = 8,
		.flags = APP_NUMBER_MULTI | APP_NUMBER_FLAGS,
		.names = flag_names,
		.get = get_flags },
	{ .name = "mqtt.qos", MQTT_PROGRESS, .bits = 8, .flags = APP_NUMBER_MULTI, .get = get_qos },
	{ .name = "mqtt.reason_code",
		.alias = "mqtt.connack.return_code",
		MQTT_PROGRESS,
		.bits = 8,
		.flags = APP_NUMBER_MULTI,
		.get = get_reason },
	{ .name = "mqtt.protocol_version", MQTT_PROGRESS, .bits = 8, .get = get_version },
	{ .name = "mqtt.connect.flags",
		MQTT_PROGRESS,
		.bits = 8,
		.flags = APP_NUMBER_FLAGS,
		.names = connect_flag_names,
		.get = get_connect_flags },
	{ .name = "mqtt.connack.session_present",
		MQTT_PROGRESS,
		.bits = 8,
		.flags = APP_NUMBER_BOOL,
		.get = get_session_present },
	{ .name = NULL },
};

/* ---- The protocol ---- */

static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return ((const struct mqtt_tx *)tx)->from_server ? TO_CLIENT : TO_SERVER;
}

static int configure(const struct conf_node *node, void **ret_config)
{
	struct mqtt_config *config;
	int error = node ? mqtt_log_check(conf_root(node->tree)) : 0;

	if (error != 0)
		return error;
	config = calloc(1, sizeof(*config));
	if (!config)
		return LUYTRE_E_NOMEM;
	config->message_max_size = (uint32_t)conf_size(node, "max-msg-length", MESSAGE_MAX_DEFAULT);
	*ret_config = config;
	return 0;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct mqtt_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct mqtt_state));
}

extern const struct app_protocol app_protocol_mqtt;

const struct app_protocol app_protocol_mqtt = {
	.name = "mqtt",
	.event_type = "mqtt",
	.log_key = "mqtt",
	.transports = APP_TCP,
	.complete = { MQTT_COMPLETE, MQTT_COMPLETE },
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
	.log_source = log_source,
	.log = mqtt_log,
};
