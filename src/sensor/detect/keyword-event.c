// SPDX-License-Identifier: Apache-2.0
/* Conditions on what the layers below found: decode-event, stream-event, app-layer-event, app-layer-protocol,
 * app-layer-state. */
#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/decode/events.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/internal.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

/* ---- decode-event, stream-event ---- */

static bool packet_event_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return packet_has_event(target, *(const uint16_t *)match->data);
}

static const struct rule_match_ops decode_event_ops = {
	.name = "decode-event", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_EVENT, .match = packet_event_match
};
static const struct rule_match_ops stream_event_ops = {
	.name = "stream-event", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = packet_event_match
};

static int add_packet_event(struct rule_builder *builder, struct bytes name, bool stream)
{
	uint16_t *event = arena_alloc(rule_builder_arena(builder), sizeof(*event));
	int found = event_find(name, stream);

	if (!event)
		return LUYTRE_E_NOMEM;
	if (found < 0)
		return rule_builder_error(builder, "unknown event \"%.*s\"", (int)name.size, name.ptr);
	*event = (uint16_t)found;
	return rule_builder_add(builder, stream ? &stream_event_ops : &decode_event_ops, event) ? 0 : LUYTRE_E_NOMEM;
}

static int parse_decode_event(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct bytes prefix = bytes_from_str("stream.");

	if (bytes_starts_with(value, prefix))
		return add_packet_event(builder, bytes_skip(value, prefix.size), true);
	return add_packet_event(builder, value, false);
}

static int parse_stream_event(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return add_packet_event(builder, value, true);
}

/* ---- app-layer-event ---- */

struct app_event_wanted {
	const struct app_protocol *protocol;
	uint8_t event;
};

static bool conn_event_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	uint8_t wanted = *(const uint8_t *)match->data;
	const struct app_conn *conn = context->app;

	if (!conn)
		return false;
	/* Each holds for the one packet on which it was raised. */
	for (uint8_t i = context->private->conn_events_first; i < conn->conn_event_count; i++)
		if (conn->conn_events[i] == wanted)
			return true;
	return false;
}

static bool tx_event_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct app_event_wanted *wanted = match->data;
	const struct app_tx *tx = target;

	if (!context->app->protocol || context->app->protocol->events != wanted->protocol->events)
		return false;
	for (uint8_t i = 0; i < tx->event_count; i++)
		if (tx->events[i] == wanted->event)
			return true;
	return false;
}

static const struct rule_match_ops conn_event_ops = {
	.name = "app-layer-event", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = conn_event_match
};
static const struct rule_match_ops tx_event_ops = {
	.name = "app-layer-event", .target = RULE_TARGET_TX, .match = tx_event_match
};

static const char *const conn_event_names[] = {
#define X(id, name) name,
	APP_LAYER_EVENTS(X)
#undef X
		NULL,
};

static int parse_conn_event(struct rule_builder *builder, struct bytes value)
{
	uint8_t *event = arena_alloc(rule_builder_arena(builder), sizeof(*event));
	int found = rule_text_choice(value, conn_event_names);

	if (!event)
		return LUYTRE_E_NOMEM;
	if (found < 0)
		return rule_builder_error(builder, "unknown event \"%.*s\"", (int)value.size, value.ptr);
	*event = (uint8_t)found;
	return rule_builder_add(builder, &conn_event_ops, event) ? 0 : LUYTRE_E_NOMEM;
}

static int parse_app_event(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct app_event_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	size_t dot = bytes_index(value, '.');
	struct bytes name = bytes_skip(value, dot + 1);
	char protocol[32];
	struct rule_match *match;
	int error;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	if (dot == value.size)
		return parse_conn_event(builder, value);
	if (!bytes_to_str(bytes_first(value, dot), protocol, sizeof(protocol)))
		return rule_builder_error(builder, "the name of the protocol is too long");
	wanted->protocol = app_protocol_find(protocol);
	if (!wanted->protocol)
		return rule_builder_error(builder, "unknown protocol \"%s\"", protocol);
	const struct app_event *row = wanted->protocol->events;

	for (const struct app_event_alias *old = wanted->protocol->event_aliases; old && old->alias; old++)
		if (rule_text_is(name, old->alias)) {
			name = bytes_from_str(old->name);
			break;
		}
	for (; row && row->name; row++, wanted->event++)
		if (rule_text_is(name, row->name))
			break;
	if (!row || !row->name)
		return rule_builder_error(
			builder, "protocol %s has no event \"%.*s\"", protocol, (int)name.size, name.ptr);
	error = rule_builder_protocol(builder, protocol);
	if (error)
		return error;
	match = rule_builder_add(builder, &tx_event_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_BOTH;
	rule_builder_rule(builder)->flags |= RULE_REQUIRE_APP_EVENT;
	return 0;
}

/* ---- app-layer-protocol ---- */

enum protocol_mode { MODE_DIRECTION, MODE_FINAL, MODE_EITHER, MODE_TO_SERVER, MODE_TO_CLIENT, MODE_ORIGINAL };

static const char *const mode_names[] = { "direction", "final", "either", "to_server", "to_client", "original", NULL };

struct protocol_wanted {
	const struct app_protocol *protocol; /* null: "failed" */
	bool unknown; /* "unknown": not found yet */
	uint8_t mode; /* enum protocol_mode */
};

/* What is known of one side: 1 it is the wanted one, 0 it is another, -1 not known yet. */
static int side_is(const struct app_conn *conn, enum sensor_dir dir, const struct protocol_wanted *wanted)
{
	const struct app_protocol *found = conn->protocol_dir[dir];

	if (!found && !conn->dir_done[dir])
		return wanted->unknown ? 1 : -1;
	return !wanted->unknown && found == wanted->protocol;
}

static int protocol_known(const struct protocol_wanted *wanted, const struct app_protocol *found, bool decided)
{
	if (!found && !decided)
		return wanted->unknown ? 1 : -1;
	return !wanted->unknown && found == wanted->protocol;
}

static bool protocol_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct protocol_wanted *wanted = match->data;
	const struct app_conn *conn = context->app;
	int first, second, answer;

	if (!conn || !context->flow)
		return false;
	switch (wanted->mode) {
	case MODE_DIRECTION:
		answer = side_is(conn, context->dir, wanted);
		break;
	case MODE_TO_SERVER:
		answer = side_is(conn, TO_SERVER, wanted);
		break;
	case MODE_TO_CLIENT:
		answer = side_is(conn, TO_CLIENT, wanted);
		break;
	case MODE_EITHER:
		first = side_is(conn, TO_SERVER, wanted);
		second = side_is(conn, TO_CLIENT, wanted);
		answer = first == 1 || second == 1 ? 1 : first == 0 || second == 0 ? 0 : -1;
		break;
	case MODE_ORIGINAL:
		answer = protocol_known(wanted, conn->protocol_original, conn->protocol_original != NULL);
		break;
	default:
		answer = protocol_known(wanted, conn->protocol, conn->dir_done[TO_SERVER] && conn->dir_done[TO_CLIENT]);
		break;
	}
	return answer >= 0 && (answer == 1) != match->negated;
}

static const struct rule_match_ops protocol_ops = { .name = "app-layer-protocol",
	.target = RULE_TARGET_PACKET,
	.flags = RULE_OPS_NOT_PACKET,
	.match = protocol_match };

bool detect_is_protocol_match(const struct rule_match *match)
{
	return match->ops == &protocol_ops;
}

static int parse_protocol(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct protocol_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes name, mode;
	struct rule_match *match;
	char text[32];
	int found;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &name) || !bytes_to_str(name, text, sizeof(text)))
		return rule_builder_error(builder, "app-layer-protocol needs the name of a protocol");
	wanted->unknown = rule_text_is(name, "unknown");
	if (!wanted->unknown && !rule_text_is(name, "failed")) {
		wanted->protocol = app_protocol_find(text);
		if (!wanted->protocol)
			return rule_builder_error(builder, "unknown protocol \"%s\"", text);
	}
	if (rule_text_item(&value, ',', &mode)) {
		found = rule_text_choice(mode, mode_names);
		if (found < 0)
			return rule_builder_error(builder, "unknown mode \"%.*s\"", (int)mode.size, mode.ptr);
		wanted->mode = (uint8_t)found;
	}
	match = rule_builder_add(builder, &protocol_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->negated = negated;
	return 0;
}

/* ---- app-layer-state ---- */

struct state_wanted {
	uint8_t operation; /* '<', '>', '=' */
	uint8_t progress;
};

static bool state_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct state_wanted *wanted = match->data;
	const struct app_tx *tx = target;
	uint8_t progress = tx->progress[context->dir];

	if (wanted->operation == '<')
		return progress < wanted->progress;
	if (wanted->operation == '>')
		return progress > wanted->progress;
	return progress == wanted->progress;
}

static const struct rule_match_ops state_ops = {
	.name = "app-layer-state", .target = RULE_TARGET_TX, .match = state_match
};

static const struct app_protocol *protocol_with_states(const struct rule_builder *builder)
{
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);

		if (protocol->states && rule_builder_is_protocol(builder, protocol->name))
			return protocol;
	}
	return NULL;
}

static int parse_state(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct state_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	const struct app_protocol *protocol = protocol_with_states(builder);
	struct rule_match *match;
	bool found = false;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	if (!protocol)
		return rule_builder_error(builder, "app-layer-state needs a rule for a protocol that has named states");
	wanted->operation = '=';
	if (value.size > 0 && (value.ptr[0] == '<' || value.ptr[0] == '>')) {
		wanted->operation = value.ptr[0];
		value = rule_text_trim(bytes_skip(value, 1));
	}
	for (const struct app_state_name *state = protocol->states; state->name && !found; state++)
		if (rule_text_is(value, state->name)) {
			wanted->progress = state->progress;
			found = true;
		}
	if (!found)
		return rule_builder_error(
			builder, "protocol %s has no state \"%.*s\"", protocol->name, (int)value.size, value.ptr);
	match = rule_builder_add(builder, &state_ops, wanted);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->dirs = DIR_BOTH;
	return 0;
}

const struct rule_keyword detect_event_keywords[] = {
	{ "decode-event", "engine-event", 0, parse_decode_event, "an event of the decoder" },
	{ "stream-event", NULL, 0, parse_stream_event, "an event of the TCP stream engine" },
	{ "app-layer-event", NULL, 0, parse_app_event, "an event of a protocol's parser" },
	{ "app-layer-protocol", NULL, KEYWORD_NEGATABLE, parse_protocol, "the protocol that was recognised" },
	{ "app-layer-state", NULL, 0, parse_state, "how far a transaction is" },
	{ 0 },
};
