// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/frames.h"

#include <string.h>

#include "sensor/app/internal.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/worker/worker.h"

/* ---- Types ---- */

int app_frame_type_find(const struct app_protocol *protocol, struct bytes name)
{
	for (int i = 0; protocol->frames && protocol->frames[i]; i++)
		if (bytes_equal_str(name, protocol->frames[i]))
			return i;
	return bytes_equal_str(name, "stream") && protocol->transports & APP_TCP ? APP_FRAME_STREAM : -1;
}

const char *app_frame_type_name(const struct app_protocol *protocol, uint8_t type)
{
	return type == APP_FRAME_STREAM ? "stream" : protocol->frames[type];
}

/* ---- Life ---- */

void app_frames_open(struct app_conn *conn)
{
	const struct detect_engine *engine = conn->worker->engine;
	unsigned int index = app_protocol_index(conn->protocol);
	uint32_t rules = engine && index < DETECT_FRAME_PROTOCOLS ? detect_engine_needs(engine)->frames[index] : 0;
	uint32_t records = conn->worker->frame_records ? UINT32_MAX : 0;

	if ((rules | records) == 0)
		return;
	conn->frames = app_alloc(conn, sizeof(*conn->frames));
	if (!conn->frames)
		return;
	conn->frames->rule_types = rules;
	conn->frames->record_types = records;
}

void app_frames_close(struct app_conn *conn)
{
	struct app_frames *all = conn->frames;

	if (!all)
		return;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		app_free(conn, all->side[dir].frames, all->side[dir].room * sizeof(*all->side[dir].frames));
	app_free(conn, all, sizeof(*all));
	conn->frames = NULL;
}

static bool is_stream(const struct app_conn *conn)
{
	return conn->flow->protocol == 6;
}

static bool has_room(struct app_conn *conn, struct app_frame_side *side)
{
	uint32_t room = side->room ? 2 * side->room : 8;
	struct app_frame *grown = NULL;

	if (side->count < side->room)
		return true;
	if (side->room < APP_FRAMES_MAX)
		grown = app_realloc(
			conn, side->frames, side->room * sizeof(*side->frames), room * sizeof(*side->frames));
	if (!grown) {
		conn->worker->counters[conn->worker->apps->counter_frames_dropped]++;
		return false;
	}
	side->frames = grown;
	side->room = room;
	return true;
}

static void add_at(struct app_conn *conn, enum sensor_dir dir, uint8_t type, uint64_t offset, int64_t length,
	const struct app_tx *tx)
{
	struct app_frame_side *side = &conn->frames->side[dir];

	if (((conn->frames->rule_types | conn->frames->record_types) >> type & 1) == 0 || !has_room(conn, side))
		return;
	side->frames[side->count++] = (struct app_frame){ .id = ++side->last_id,
		.offset = offset,
		.length = length,
		.type = type,
		.has_tx = tx != NULL,
		.tx_id = tx ? tx->id : 0 };
}

void app_frames_input(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in)
{
	struct app_frame_side *side = &conn->frames->side[dir];
	bool first = side->last_id == 0;

	side->input = in->data;
	side->input_offset = is_stream(conn) ? in->offset : 0;
	if (side->input_offset + in->data.size + in->gap_size > side->seen || !is_stream(conn))
		side->seen = side->input_offset + in->data.size + in->gap_size;
	if (is_stream(conn) && first && in->data.size != 0)
		add_at(conn, dir, APP_FRAME_STREAM, in->offset, -1, NULL);
}

/* The offset of a place in the input. */
static bool place_of(const struct app_frame_side *side, const uint8_t *place, uint64_t *ret)
{
	if (place < side->input.ptr || place > side->input.ptr + side->input.size)
		return false;
	*ret = side->input_offset + (uint64_t)(place - side->input.ptr);
	return true;
}

void app_frames_add(struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *place, size_t back_size,
	int64_t length, const struct app_tx *tx)
{
	const struct app_frame_side *side = &conn->frames->side[dir];
	uint64_t offset = side->seen;

	/* No place: the end of the input. */
	if ((place && !place_of(side, place, &offset)) || back_size > offset)
		return;
	add_at(conn, dir, type, offset - back_size, length, tx);
}

void app_frames_end(
	struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *end, const struct app_tx *tx)
{
	struct app_frame_side *side = &conn->frames->side[dir];
	uint64_t offset = side->seen;

	if (end && !place_of(side, end, &offset))
		return;
	for (uint32_t i = side->count; i > 0; i--) {
		struct app_frame *frame = &side->frames[i - 1];

		if (frame->type != type || frame->length >= 0)
			continue;
		frame->length = offset > frame->offset ? (int64_t)(offset - frame->offset) : 0;
		frame->has_tx = tx != NULL;
		frame->tx_id = tx ? tx->id : 0;
		return;
	}
}

/* ---- What is there ---- */

static bool dir_is_over(const struct app_conn *conn, enum sensor_dir dir)
{
	return !is_stream(conn) || conn->eof[dir] || conn->cut[dir];
}

uint64_t app_frame_size(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame)
{
	uint64_t seen = conn->frames->side[dir].seen, size = seen > frame->offset ? seen - frame->offset : 0;

	return frame->length >= 0 && (uint64_t)frame->length < size ? (uint64_t)frame->length : size;
}

bool app_frame_is_complete(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame)
{
	return frame->length >= 0 && app_frame_size(conn, dir, frame) == (uint64_t)frame->length;
}

bool app_frame_is_over(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame)
{
	return dir_is_over(conn, dir) || app_frame_is_complete(conn, dir, frame);
}

const struct app_frame *app_frame_find(const struct app_conn *conn, enum sensor_dir dir, uint64_t id)
{
	const struct app_frame_side *side;

	if (!conn->frames)
		return NULL;
	side = &conn->frames->side[dir];
	for (uint32_t i = 0; i < side->count; i++)
		if (side->frames[i].id == id)
			return &side->frames[i];
	return NULL;
}

bool app_frame_stretch(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame, uint64_t offset,
	struct bytes *ret_data, uint64_t *ret_offset)
{
	uint64_t size = app_frame_size(conn, dir, frame), at;

	if (offset >= size)
		return false;
	if (is_stream(conn)) {
		if (!conn->flow->tcp || !stream_stretch(conn->flow->tcp, dir, frame->offset + offset, ret_data, &at) ||
			at - frame->offset >= size)
			return false;
		*ret_offset = at - frame->offset;
	} else {
		*ret_data = bytes_skip(conn->frames->side[dir].input, frame->offset + offset);
		*ret_offset = offset;
	}
	*ret_data = bytes_first(*ret_data, size - *ret_offset);
	return ret_data->size != 0;
}

bool app_frame_match(struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame, uint32_t sid)
{
	struct app_frame_side *side = &conn->frames->side[dir];

	for (uint32_t i = 0; i < side->match_count; i++)
		if (side->matches[i].frame_id == frame->id && side->matches[i].sid == sid)
			return false;
	if (side->match_count < APP_FRAME_MATCHES_MAX)
		side->matches[side->match_count++] = (struct app_frame_match){ .frame_id = frame->id, .sid = sid };
	return true;
}

/* ---- What is still needed ---- */

static bool wants_rules(const struct app_frames *all, const struct app_frame *frame)
{
	return (all->rule_types >> frame->type & 1) != 0 && !frame->inspected;
}

static bool wants_record(const struct app_frames *all, const struct app_frame *frame)
{
	return (all->record_types >> frame->type & 1) != 0 && !frame->logged;
}

bool app_frames_waiting(const struct app_conn *conn, enum sensor_dir dir)
{
	const struct app_frames *all = conn->frames;

	for (uint32_t i = 0; all && i < all->side[dir].count; i++)
		if (wants_rules(all, &all->side[dir].frames[i]) || wants_record(all, &all->side[dir].frames[i]))
			return true;
	return false;
}

void app_frames_hold(struct app_conn *conn, enum sensor_dir dir)
{
	const struct app_frames *all = conn->frames;
	uint64_t hold = UINT64_MAX;

	if (!conn->flow->tcp)
		return;
	for (uint32_t i = 0; i < all->side[dir].count; i++) {
		const struct app_frame *frame = &all->side[dir].frames[i];
		uint64_t from = frame->offset;

		if (wants_record(all, frame))
			hold = from < hold ? from : hold;
		if (!wants_rules(all, frame))
			continue;
		if (frame->inspected_size > APP_FRAME_WINDOW_SIZE)
			from += frame->inspected_size - APP_FRAME_WINDOW_SIZE;
		hold = from < hold ? from : hold;
	}
	stream_hold(conn->flow->tcp, dir, hold);
}

static void clean_matches(const struct app_conn *conn, enum sensor_dir dir, struct app_frame_side *side)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < side->match_count; i++)
		if (app_frame_find(conn, dir, side->matches[i].frame_id))
			side->matches[kept++] = side->matches[i];
	side->match_count = kept;
}

void app_frames_clean(struct app_conn *conn)
{
	struct app_frames *all = conn->frames;

	for (unsigned int dir = 0; all && dir < SENSOR_DIRS; dir++) {
		struct app_frame_side *side = &all->side[dir];
		uint32_t kept = 0;

		side->input = (struct bytes){ 0 }; /* borrowed for the packet */
		if (side->count == 0)
			continue;
		for (uint32_t i = 0; i < side->count && is_stream(conn); i++) {
			const struct app_frame *frame = &side->frames[i];

			/* An open frame stays: its end is still to be told. */
			if (wants_rules(all, frame) || wants_record(all, frame) ||
				(frame->length < 0 && !dir_is_over(conn, dir)))
				side->frames[kept++] = *frame;
		}
		side->count = kept;
		if (side->match_count != 0)
			clean_matches(conn, dir, side);
		app_frames_hold(conn, dir);
	}
}
