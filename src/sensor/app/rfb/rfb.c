// SPDX-License-Identifier: Apache-2.0
/* RFB, the protocol of VNC (RFC 6143): the handshake, up to the description of the screen.
 *
 * A flow is one transaction. Both sides take turns, so one state says whose message is awaited; what follows the
 * handshake is not looked at. */
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "sensor/app/frames.h"
#include "sensor/app/json.h"

enum { RFB_COMPLETE = 1, REASON_MAX = 4096, NAME_MAX_SIZE = 65536, CHALLENGE_SIZE = 16, VERSION_SIZE = 12 };

enum rfb_frame { RFB_FRAME_PDU };
enum security { SECURITY_INVALID = 0, SECURITY_NONE = 1, SECURITY_VNC = 2 };

enum result { RESULT_OK, RESULT_FAIL, RESULT_TOO_MANY, RESULT_UNKNOWN };

#define RFB_EVENTS(X)                                                                                                  \
	X(UNIMPLEMENTED_SECURITY_TYPE, "unimplemented_security_type")                                                  \
	X(UNKNOWN_SECURITY_RESULT, "unknown_security_result")                                                          \
	X(MALFORMED_MESSAGE, "malformed_message")                                                                      \
	X(CONFUSED_STATE, "confused_state")

enum rfb_event {
#define X(id, name) EVENT_##id,
	RFB_EVENTS(X)
#undef X
};

static const struct app_event events[] = {
#define X(id, name) { name, false },
	RFB_EVENTS(X)
#undef X
		{ NULL, false }
};

/* Whose message is awaited; the row of 'steps' says how it is read. */
enum step {
	STEP_SERVER_VERSION,
	STEP_CLIENT_VERSION,
	STEP_SECURITY_TYPE, /* 3.3: the server decides */
	STEP_SECURITY_TYPES, /* since 3.7: it offers */
	STEP_CHOICE,
	STEP_CHALLENGE,
	STEP_RESPONSE,
	STEP_RESULT,
	STEP_REASON,
	STEP_CLIENT_INIT,
	STEP_SERVER_INIT,
	STEP_OVER
};

struct version {
	char major[4], minor[4];
};

struct rfb_tx {
	struct app_tx common;
	bool has_server_version, has_client_version, has_security, has_vnc, has_result, has_shared, has_screen;
	struct version server, client;
	uint32_t security, result;
	uint8_t challenge[CHALLENGE_SIZE], response[CHALLENGE_SIZE];
	bool shared, big_endian, true_color;
	struct bytes reason, name;
	uint16_t width, height, max[3];
	uint8_t bits_per_pixel, depth, shift[3];
};

struct rfb_state {
	uint8_t step; /* enum step */
	struct rfb_tx *tx; /* of the flow, while it lives */
};

enum answer { ANSWER_OK, ANSWER_MORE, ANSWER_BAD };

/* ---- Messages: each takes one from the cursor and says what comes next ---- */

static enum answer read_version(struct cursor *cur, struct version *ret)
{
	struct bytes text;

	if (!cursor_take(cur, VERSION_SIZE, &text))
		return ANSWER_MORE;
	if (memcmp(text.ptr, "RFB ", 4) != 0 || text.ptr[7] != '.' || text.ptr[11] != '\n')
		return ANSWER_BAD;
	memcpy(ret->major, text.ptr + 4, 3);
	memcpy(ret->minor, text.ptr + 8, 3);
	return ANSWER_OK;
}

static enum answer server_version(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	enum answer answer = read_version(cur, &state->tx->server);

	state->tx->has_server_version = answer == ANSWER_OK;
	state->step = STEP_CLIENT_VERSION;
	return answer;
}

static enum answer client_version(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	enum answer answer = read_version(cur, &state->tx->client);

	state->tx->has_client_version = answer == ANSWER_OK;
	state->step = strcmp(state->tx->client.minor, "007") < 0 ? STEP_SECURITY_TYPE : STEP_SECURITY_TYPES;
	return answer;
}

static void security_chosen(struct app_conn *conn, struct rfb_state *state, uint32_t type)
{
	bool result_always = strcmp(state->tx->client.minor, "008") >= 0;

	state->tx->security = type;
	state->tx->has_security = true;
	switch (type) {
	case SECURITY_INVALID:
		state->step = STEP_REASON;
		break;
	case SECURITY_NONE:
		/* Before 3.8 there is no result without authentication (section 7.2.1). */
		state->step = result_always ? STEP_RESULT : STEP_CLIENT_INIT;
		break;
	case SECURITY_VNC:
		state->step = STEP_CHALLENGE;
		break;
	default:
		app_tx_event(conn, &state->tx->common, EVENT_UNIMPLEMENTED_SECURITY_TYPE);
		state->step = STEP_OVER;
		break;
	}
}

static enum answer security_type(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	uint32_t type;

	if (!cursor_u32be(cur, &type))
		return ANSWER_MORE;
	security_chosen(conn, state, type);
	return ANSWER_OK;
}

static enum answer security_types(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	struct bytes types;
	uint8_t count;

	if (!cursor_u8(cur, &count) || !cursor_take(cur, count, &types))
		return ANSWER_MORE;
	state->step = count == 0 ? STEP_REASON : STEP_CHOICE;
	return ANSWER_OK;
}

static enum answer choice(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	uint8_t type;

	if (!cursor_u8(cur, &type))
		return ANSWER_MORE;
	security_chosen(conn, state, type);
	return ANSWER_OK;
}

static enum answer challenge(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	if (!cursor_copy(cur, CHALLENGE_SIZE, state->tx->challenge))
		return ANSWER_MORE;
	state->step = STEP_RESPONSE;
	return ANSWER_OK;
}

static enum answer response(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	if (!cursor_copy(cur, CHALLENGE_SIZE, state->tx->response))
		return ANSWER_MORE;
	state->tx->has_vnc = true;
	state->step = STEP_RESULT;
	return ANSWER_OK;
}

static enum answer security_result(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	if (!cursor_u32be(cur, &state->tx->result))
		return ANSWER_MORE;
	state->tx->has_result = true;
	if (state->tx->result == RESULT_OK) {
		state->step = STEP_CLIENT_INIT;
	} else if (state->tx->result == RESULT_FAIL && strcmp(state->tx->client.minor, "008") >= 0) {
		state->step = STEP_REASON;
	} else {
		if (state->tx->result > RESULT_TOO_MANY)
			app_tx_event(conn, &state->tx->common, EVENT_UNKNOWN_SECURITY_RESULT);
		state->step = STEP_OVER;
	}
	return ANSWER_OK;
}

static enum answer reason(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	struct bytes text;
	uint32_t size;

	if (!cursor_u32be(cur, &size))
		return ANSWER_MORE;
	if (size > REASON_MAX)
		return ANSWER_BAD;
	if (!cursor_take(cur, size, &text))
		return ANSWER_MORE;
	state->tx->reason = app_tx_dup(&state->tx->common, text);
	state->step = STEP_OVER;
	return ANSWER_OK;
}

static enum answer client_init(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	uint8_t shared;

	if (!cursor_u8(cur, &shared))
		return ANSWER_MORE;
	state->tx->shared = shared != 0;
	state->tx->has_shared = true;
	state->step = STEP_SERVER_INIT;
	return ANSWER_OK;
}

static bool read_pixels(struct cursor *cur, struct rfb_tx *tx)
{
	uint8_t big_endian, true_color;

	if (!cursor_u8(cur, &tx->bits_per_pixel) || !cursor_u8(cur, &tx->depth) || !cursor_u8(cur, &big_endian) ||
		!cursor_u8(cur, &true_color))
		return false;
	for (unsigned int i = 0; i < 3; i++)
		if (!cursor_u16be(cur, &tx->max[i]))
			return false;
	tx->big_endian = big_endian != 0;
	tx->true_color = true_color != 0;
	return cursor_copy(cur, 3, tx->shift) && cursor_skip(cur, 3);
}

static enum answer server_init(struct app_conn *conn, struct rfb_state *state, struct cursor *cur)
{
	struct rfb_tx *tx = state->tx;
	struct bytes name;
	uint32_t size;

	if (!cursor_u16be(cur, &tx->width) || !cursor_u16be(cur, &tx->height) || !read_pixels(cur, tx) ||
		!cursor_u32be(cur, &size))
		return ANSWER_MORE;
	if (size > NAME_MAX_SIZE)
		return ANSWER_BAD;
	if (!cursor_take(cur, size, &name))
		return ANSWER_MORE;
	tx->name = app_tx_dup(&tx->common, name);
	tx->has_screen = true;
	state->step = STEP_OVER;
	return ANSWER_OK;
}

static const struct {
	uint8_t dir; /* enum sensor_dir */
	enum answer (*read)(struct app_conn *conn, struct rfb_state *state, struct cursor *cur);
} steps[STEP_OVER] = {
	[STEP_SERVER_VERSION] = { TO_CLIENT, server_version },
	[STEP_CLIENT_VERSION] = { TO_SERVER, client_version },
	[STEP_SECURITY_TYPE] = { TO_CLIENT, security_type },
	[STEP_SECURITY_TYPES] = { TO_CLIENT, security_types },
	[STEP_CHOICE] = { TO_SERVER, choice },
	[STEP_CHALLENGE] = { TO_CLIENT, challenge },
	[STEP_RESPONSE] = { TO_SERVER, response },
	[STEP_RESULT] = { TO_CLIENT, security_result },
	[STEP_REASON] = { TO_CLIENT, reason },
	[STEP_CLIENT_INIT] = { TO_SERVER, client_init },
	[STEP_SERVER_INIT] = { TO_CLIENT, server_init },
};

/* ---- Bytes ---- */

static void finish(struct app_conn *conn, struct rfb_state *state)
{
	app_tx_progress(conn, &state->tx->common, TO_SERVER, RFB_COMPLETE);
	app_tx_progress(conn, &state->tx->common, TO_CLIENT, RFB_COMPLETE);
	app_raw_trigger(conn, TO_CLIENT);
	state->step = STEP_OVER;
	state->tx = NULL;
}

static struct app_result fail(struct app_conn *conn, struct rfb_state *state, enum rfb_event event)
{
	app_tx_event(conn, &state->tx->common, (uint8_t)event);
	finish(conn, state);
	return APP_RESULT_ERROR;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct rfb_state *state, enum sensor_dir dir, const struct app_input *in)
{
	struct cursor cur = cursor_over(in->data);

	if (state->step == STEP_OVER || in->data.size == 0)
		return APP_RESULT_OK;
	if (!state->tx)
		state->tx = (struct rfb_tx *)app_tx_new(conn, sizeof(*state->tx), in->now_ns);
	if (!state->tx)
		return APP_RESULT_ERROR;
	while (cursor_left(&cur) != 0) {
		struct cursor at = cur;
		uint8_t step = state->step;
		enum answer answer;

		if (steps[step].dir != dir)
			return fail(conn, state, EVENT_CONFUSED_STATE);
		answer = steps[step].read(conn, state, &at);
		if (answer == ANSWER_BAD)
			return fail(conn, state, EVENT_MALFORMED_MESSAGE);
		if (answer == ANSWER_MORE) {
			state->step = step;
			return APP_RESULT_MORE(in->data.size - cursor_left(&cur), cursor_left(&cur) + 1);
		}
		app_frame_back(conn, dir, RFB_FRAME_PDU, at.pos, cursor_left(&cur) - cursor_left(&at),
			(int64_t)(cursor_left(&cur) - cursor_left(&at)), &state->tx->common);
		cur = at;
		app_tx_touch(conn, &state->tx->common, dir);
		if (state->step == STEP_OVER) {
			finish(conn, state);
			break;
		}
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

static const char *const frames[] = { [RFB_FRAME_PDU] = "pdu", NULL };

static const struct app_pattern patterns[] = {
	{ .dir = TO_CLIENT, .text = "RFB ", .size = 4, .depth = 4 },
	{ .dir = TO_SERVER, .text = "RFB ", .size = 4, .depth = 4 },
	{ .size = 0 },
};

/* ---- Rules and records ---- */

static bool get_name(
	struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret)
{
	const struct rfb_tx *rfb = (const struct rfb_tx *)tx;

	*ret = (struct app_view){ .data = rfb->name, .last = true };
	return rfb->has_screen;
}

static bool get_security(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = ((const struct rfb_tx *)tx)->security;
	return ((const struct rfb_tx *)tx)->has_security && index == 0;
}

static uint32_t result_of(const struct rfb_tx *tx)
{
	return tx->result < RESULT_UNKNOWN ? tx->result : RESULT_UNKNOWN;
}

static bool get_result(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret)
{
	*ret = result_of((const struct rfb_tx *)tx);
	return ((const struct rfb_tx *)tx)->has_result && index == 0;
}

static const struct app_buffer buffers[] = {
	{ .name = "rfb.name", .dirs = DIR_TO_CLIENT, .progress = { RFB_COMPLETE, RFB_COMPLETE }, .get = get_name },
	{ .name = NULL },
};

static const struct app_name_value result_names[] = { { "ok", RESULT_OK }, { "fail", RESULT_FAIL },
	{ "toomany", RESULT_TOO_MANY }, { "unknown", RESULT_UNKNOWN }, { NULL, 0 } };

static const struct app_number numbers[] = {
	{ .name = "rfb.sectype",
		.dirs = DIR_TO_CLIENT,
		.progress = { RFB_COMPLETE, RFB_COMPLETE },
		.bits = 32,
		.get = get_security },
	{ .name = "rfb.secresult",
		.dirs = DIR_TO_CLIENT,
		.progress = { RFB_COMPLETE, RFB_COMPLETE },
		.bits = 32,
		.names = result_names,
		.get = get_result },
	{ .name = NULL },
};

static void log_version(struct jsonw *json, const char *key, const struct version *version)
{
	jsonw_kv_object_begin(json, key);
	app_json_kv_text(json, "major", bytes_from_str(version->major));
	app_json_kv_text(json, "minor", bytes_from_str(version->minor));
	jsonw_object_end(json);
}

static void log_authentication(struct jsonw *json, const struct rfb_tx *tx)
{
	static const char *const results[] = { "OK", "FAIL", "TOOMANY" };
	char unknown[32];

	jsonw_kv_object_begin(json, "authentication");
	if (tx->has_security)
		jsonw_kv_u64(json, "security_type", tx->security);
	if (tx->has_vnc) {
		jsonw_kv_object_begin(json, "vnc");
		app_json_kv_hex(json, "challenge", bytes_of(tx->challenge, CHALLENGE_SIZE), 0);
		app_json_kv_hex(json, "response", bytes_of(tx->response, CHALLENGE_SIZE), 0);
		jsonw_object_end(json);
	}
	if (tx->has_result) {
		snprintf(unknown, sizeof(unknown), "UNKNOWN (%u)", tx->result);
		jsonw_kv_string(
			json, "security_result", tx->result < ARRAY_COUNT(results) ? results[tx->result] : unknown);
	}
	jsonw_object_end(json);
}

static void log_screen(struct jsonw *json, const struct rfb_tx *tx)
{
	static const char *const maxima[] = { "red_max", "green_max", "blue_max" };
	static const char *const shifts[] = { "red_shift", "green_shift", "blue_shift" };

	jsonw_kv_object_begin(json, "framebuffer");
	jsonw_kv_u64(json, "width", tx->width);
	jsonw_kv_u64(json, "height", tx->height);
	app_json_kv_text(json, "name", tx->name);
	jsonw_kv_object_begin(json, "pixel_format");
	jsonw_kv_u64(json, "bits_per_pixel", tx->bits_per_pixel);
	jsonw_kv_u64(json, "depth", tx->depth);
	jsonw_kv_bool(json, "big_endian", tx->big_endian);
	jsonw_kv_bool(json, "true_color", tx->true_color);
	for (unsigned int i = 0; i < 3; i++)
		jsonw_kv_u64(json, maxima[i], tx->max[i]);
	for (unsigned int i = 0; i < 3; i++)
		jsonw_kv_u64(json, shifts[i], tx->shift[i]);
	jsonw_object_end(json);
	jsonw_object_end(json);
}

static bool write_record(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json)
{
	const struct rfb_tx *rfb = (const struct rfb_tx *)tx;

	if (rfb->has_server_version)
		log_version(json, "server_protocol_version", &rfb->server);
	if (rfb->has_client_version)
		log_version(json, "client_protocol_version", &rfb->client);
	if (rfb->has_security)
		log_authentication(json, rfb);
	if (rfb->reason.size != 0)
		app_json_kv_text(json, "server_security_failure_reason", rfb->reason);
	if (rfb->has_shared)
		jsonw_kv_bool(json, "screen_shared", rfb->shared);
	if (rfb->has_screen)
		log_screen(json, rfb);
	return true;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	return app_alloc(conn, sizeof(struct rfb_state));
}

static void close_state(struct app_conn *conn, void *state)
{
	app_free(conn, state, sizeof(struct rfb_state));
}

extern const struct app_protocol app_protocol_rfb;

const struct app_protocol app_protocol_rfb = {
	.name = "rfb",
	.event_type = "rfb",
	.log_key = "rfb",
	.transports = APP_TCP,
	.complete = { RFB_COMPLETE, RFB_COMPLETE },
	.patterns = patterns,
	.buffers = buffers,
	.numbers = numbers,
	.events = events,
	.frames = frames,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log = write_record,
};
