// SPDX-License-Identifier: Apache-2.0
/* DNP3 over TCP: link frames, transport segments, application fragments.
 *
 * A frame that is not what it should be costs one event; the parser looks for the next start word behind it. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/app/dnp3/dnp3.h"
#include "sensor/config/tree.h"

enum {
	START_FIRST = 0x05,
	START_SECOND = 0x64,
	HEADER_SIZE = 10, /* with its checksum */
	LENGTH_MIN = 5, /* of control, destination and source, which the length counts */
	BLOCK_SIZE = 16, /* user data between checksums */
	CRC_SIZE = 2,
	TRANSPORT_FIN = 0x80,
	TRANSPORT_FIR = 0x40,
	LINK_FROM_MASTER = 0x80,
	LINK_PRIMARY = 0x40,
	LINK_USER_CONFIRMED = 3,
	LINK_USER_UNCONFIRMED = 4,
};

static const struct app_event events[] = {
	[DNP3_EVENT_FLOODED] = { .name = "flooded" },
	[DNP3_EVENT_LEN_TOO_SMALL] = { .name = "len_too_small" },
	[DNP3_EVENT_BAD_LINK_CRC] = { .name = "bad_link_crc" },
	[DNP3_EVENT_BAD_TRANSPORT_CRC] = { .name = "bad_transport_crc" },
	[DNP3_EVENT_MALFORMED] = { .name = "malformed" },
	[DNP3_EVENT_UNKNOWN_OBJECT] = { .name = "unknown_object" },
	[DNP3_EVENT_TOO_MANY_POINTS] = { .name = "too_many_points" },
	[DNP3_EVENT_TOO_MANY_OBJECTS] = { .name = "too_many_objects" },
	{ .name = NULL },
};

static const struct app_event_alias event_aliases[] = { { "max_points_per_object", "too_many_points" },
	{ NULL, NULL } };

/* A fragment that is not whole yet. */
struct assembly {
	bool open;
	uint8_t link_control, sequence;
	uint16_t destination, source;
	uint8_t *data;
	size_t size, room;
};

struct dnp3_state {
	struct assembly assembly[SENSOR_DIRS];
	uint32_t unanswered;
	struct dnp3_limits limits;
};

/* ---- Checksums (IEEE 1815, section 9.2.4.3) ---- */

static uint16_t crc_of(struct bytes in)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < in.size; i++) {
		crc ^= in.ptr[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa6bc : crc >> 1);
	}
	return (uint16_t)~crc;
}

static bool crc_is_good(struct bytes in, const uint8_t *crc)
{
	return crc_of(in) == (uint16_t)(crc[0] | crc[1] << 8);
}

/* ---- Transactions ---- */

static struct dnp3_tx *new_tx(
	struct app_conn *conn, enum sensor_dir dir, const struct assembly *assembly, uint64_t now_ns)
{
	struct dnp3_tx *tx = (struct dnp3_tx *)app_tx_new(conn, sizeof(*tx), now_ns);

	if (!tx)
		return NULL;
	tx->request = dir == TO_SERVER;
	tx->common.dirs_skip = dir == TO_SERVER ? DIR_TO_CLIENT : DIR_TO_SERVER;
	tx->link_control = assembly->link_control;
	tx->destination = assembly->destination;
	tx->source = assembly->source;
	return tx;
}

static void finish_tx(struct app_conn *conn, struct dnp3_tx *tx, enum sensor_dir dir)
{
	app_tx_progress(conn, &tx->common, TO_SERVER, DNP3_COMPLETE);
	app_tx_progress(conn, &tx->common, TO_CLIENT, DNP3_COMPLETE);
	app_raw_trigger(conn, dir);
}

/* An event that no fragment belongs to: a transaction of its own, without a record. */
static bool lone_event(struct app_conn *conn, enum sensor_dir dir, enum dnp3_event event, uint64_t now_ns)
{
	static const struct assembly none;
	struct dnp3_tx *tx = new_tx(conn, dir, &none, now_ns);

	if (!tx)
		return false;
	tx->common.skip_logs = true;
	app_tx_event(conn, &tx->common, (uint8_t)event);
	finish_tx(conn, tx, dir);
	return true;
}

static void read_fragment(struct app_conn *conn, struct dnp3_state *state, struct dnp3_tx *tx)
{
	struct cursor cur = cursor_over(tx->fragment);
	uint8_t indicators[2] = { 0, 0 };

	if (!cursor_u8(&cur, &tx->control) || !cursor_u8(&cur, &tx->function) ||
		(!tx->request && !cursor_copy(&cur, sizeof(indicators), indicators))) {
		app_tx_event(conn, &tx->common, DNP3_EVENT_LEN_TOO_SMALL);
		return;
	}
	tx->has_application = true;
	tx->indicators = (uint16_t)(indicators[0] | indicators[1] << 8);
	dnp3_read_objects(conn, tx, cursor_rest(&cur), &state->limits);
}

/* False: no more of this flow. */
static bool whole_fragment(struct app_conn *conn, struct dnp3_state *state, enum sensor_dir dir, uint64_t now_ns)
{
	struct assembly *assembly = &state->assembly[dir];
	struct dnp3_tx *tx = new_tx(conn, dir, assembly, now_ns);
	bool flooded = false;

	assembly->open = false;
	if (!tx)
		return false;
	tx->fragment = app_tx_dup(&tx->common, bytes_of(assembly->data, assembly->size));
	read_fragment(conn, state, tx);
	if (dir == TO_CLIENT)
		state->unanswered = 0;
	else if (tx->function != DNP3_CONFIRM)
		flooded = ++state->unanswered > state->limits.unanswered_max;
	if (flooded)
		app_tx_event(conn, &tx->common, DNP3_EVENT_FLOODED);
	finish_tx(conn, tx, dir);
	return !flooded;
}

/* ---- Frames ---- */

static bool append(struct app_conn *conn, struct assembly *assembly, struct bytes in)
{
	size_t wanted = assembly->size + in.size;

	if (wanted > DNP3_FRAGMENT_MAX)
		return false;
	if (wanted > assembly->room) {
		size_t room = wanted < 512 ? 512 : 2 * wanted;
		uint8_t *data = app_realloc(conn, assembly->data, assembly->room, room);

		if (!data)
			return false;
		assembly->data = data;
		assembly->room = room;
	}
	memcpy(assembly->data + assembly->size, in.ptr, in.size);
	assembly->size = wanted;
	return true;
}

/* User data without its checksums; answers false when one of them is wrong. 'ret' has room for a frame. */
static bool strip_checksums(struct bytes in, uint8_t ret[UINT8_MAX], size_t *ret_size)
{
	*ret_size = 0;
	while (in.size > CRC_SIZE) {
		size_t size = in.size - CRC_SIZE < BLOCK_SIZE ? in.size - CRC_SIZE : BLOCK_SIZE;

		if (!crc_is_good(bytes_first(in, size), in.ptr + size))
			return false;
		memcpy(ret + *ret_size, in.ptr, size);
		*ret_size += size;
		in = bytes_skip(in, size + CRC_SIZE);
	}
	return true;
}

static bool user_data(struct app_conn *conn, struct dnp3_state *state, enum sensor_dir dir, struct bytes frame,
	const struct app_input *in)
{
	struct assembly *assembly = &state->assembly[dir];
	uint8_t data[UINT8_MAX], transport;
	size_t size;

	if (!strip_checksums(bytes_skip(frame, HEADER_SIZE), data, &size))
		return lone_event(conn, dir, DNP3_EVENT_BAD_TRANSPORT_CRC, in->now_ns);
	if (size == 0)
		return lone_event(conn, dir, DNP3_EVENT_LEN_TOO_SMALL, in->now_ns);
	transport = data[0];
	if (transport & TRANSPORT_FIR) {
		assembly->open = true;
		assembly->size = 0;
		assembly->link_control = frame.ptr[3];
		assembly->destination = (uint16_t)(frame.ptr[4] | frame.ptr[5] << 8);
		assembly->source = (uint16_t)(frame.ptr[6] | frame.ptr[7] << 8);
	} else if (!assembly->open || (transport & 0x3f) != ((assembly->sequence + 1) & 0x3f)) {
		/* A segment is missing: nobody can make the fragment whole any more. */
		assembly->open = false;
		return true;
	}
	assembly->sequence = transport & 0x3f;
	if (!append(conn, assembly, bytes_of(data + 1, size - 1))) {
		assembly->open = false;
		return lone_event(conn, dir, DNP3_EVENT_MALFORMED, in->now_ns);
	}
	return !(transport & TRANSPORT_FIN) || whole_fragment(conn, state, dir, in->now_ns);
}

static size_t frame_size(uint8_t length)
{
	size_t user_size = length - LENGTH_MIN;

	return HEADER_SIZE + user_size + (user_size + BLOCK_SIZE - 1) / BLOCK_SIZE * CRC_SIZE;
}

static bool is_user_data(uint8_t control)
{
	uint8_t function = control & 15;

	return (control & LINK_PRIMARY) && (function == LINK_USER_CONFIRMED || function == LINK_USER_UNCONFIRMED);
}

/* Where the next frame may begin: from 'at' on. */
static size_t next_start(struct bytes in, size_t at)
{
	while (at < in.size && !(in.ptr[at] == START_FIRST && (at + 1 == in.size || in.ptr[at + 1] == START_SECOND)))
		at++;
	return at;
}

static struct app_result parse_dir(
	struct app_conn *conn, struct dnp3_state *state, enum sensor_dir dir, const struct app_input *in)
{
	size_t used = 0;

	while (used < in->data.size) {
		struct bytes rest = bytes_skip(in->data, used);
		size_t size;
		bool good = true;

		if (next_start(rest, 0) != 0) {
			used += next_start(rest, 0);
			continue;
		}
		if (rest.size < HEADER_SIZE)
			return APP_RESULT_MORE(used, HEADER_SIZE);
		if (rest.ptr[2] < LENGTH_MIN) {
			good = lone_event(conn, dir, DNP3_EVENT_LEN_TOO_SMALL, in->now_ns);
			size = 2;
		} else if (!crc_is_good(bytes_first(rest, HEADER_SIZE - CRC_SIZE), rest.ptr + HEADER_SIZE - CRC_SIZE)) {
			good = lone_event(conn, dir, DNP3_EVENT_BAD_LINK_CRC, in->now_ns);
			size = 2;
		} else {
			size = frame_size(rest.ptr[2]);
			if (rest.size < size)
				return APP_RESULT_MORE(used, size);
			if (is_user_data(rest.ptr[3]))
				good = user_data(conn, state, dir, bytes_first(rest, size), in);
		}
		if (!good)
			return APP_RESULT_ERROR;
		used += size;
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
	struct dnp3_limits *limits = calloc(1, sizeof(*limits));

	*ret_config = limits;
	if (!limits)
		return LUYTRE_E_NOMEM;
	limits->objects_max = (uint32_t)conf_u64_between(node, "max-objects", DNP3_OBJECTS_MAX, 1, UINT16_MAX);
	limits->points_max = (uint32_t)conf_u64_between(node, "max-points", DNP3_POINTS_MAX, 1, UINT16_MAX);
	limits->unanswered_max = (uint32_t)conf_u64_between(node, "max-tx", DNP3_UNANSWERED_MAX, 1, UINT16_MAX);
	return 0;
}

static void *open_state(struct app_conn *conn, const void *config)
{
	struct dnp3_state *state = app_alloc(conn, sizeof(*state));

	if (!state)
		return NULL;
	state->limits = (struct dnp3_limits){ DNP3_OBJECTS_MAX, DNP3_POINTS_MAX, DNP3_UNANSWERED_MAX };
	if (config)
		state->limits = *(const struct dnp3_limits *)config;
	return state;
}

static void close_state(struct app_conn *conn, void *opaque)
{
	struct dnp3_state *state = opaque;

	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		app_free(conn, state->assembly[dir].data, state->assembly[dir].room);
	app_free(conn, state, sizeof(*state));
}

/* Masters speak to the server, outstations to the client; a flow that was picked up in the middle may be the other way
 * round. */
static enum app_probe_answer probe(struct flow *flow, enum sensor_dir dir, struct bytes data)
{
	bool from_master;

	if (data.ptr[0] != START_FIRST || data.ptr[1] != START_SECOND || data.ptr[2] < LENGTH_MIN)
		return APP_PROBE_NO;
	from_master = data.ptr[3] & LINK_FROM_MASTER;
	return from_master == (dir == TO_SERVER) ? APP_PROBE_YES : APP_PROBE_REVERSED;
}

static const struct app_port_probe probes[] = {
	{ .ports = "20000", .transport = 6, .min_size = HEADER_SIZE, .to_server = probe, .to_client = probe },
	{ .transport = 0 },
};

/* Records of both kinds show the master as their source. */
static enum sensor_dir log_source(const struct app_tx *tx, const struct conf_node *options)
{
	return TO_SERVER;
}

extern const struct app_protocol app_protocol_dnp3;

const struct app_protocol app_protocol_dnp3 = {
	.name = "dnp3",
	.event_type = "dnp3",
	.log_key = "dnp3",
	.transports = APP_TCP,
	.events_upper_case = true,
	.disabled_by_default = true,
	.complete = { DNP3_COMPLETE, DNP3_COMPLETE },
	.probes = probes,
	.buffers = dnp3_buffers,
	.numbers = dnp3_numbers,
	.keywords = dnp3_keywords,
	.events = events,
	.event_aliases = event_aliases,
	.configure = configure,
	.configure_free = free,
	.open = open_state,
	.close = close_state,
	.parse = { parse_to_server, parse_to_client },
	.log_source = log_source,
	.log = dnp3_log,
};
