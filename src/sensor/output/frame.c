// SPDX-License-Identifier: Apache-2.0
/* Frames: the record of each, and the object in alerts about them. */
#include <stdlib.h>
#include <string.h>

#include "sensor/app/frames.h"
#include "sensor/output/internal.h"

static size_t put_missing(char *text, size_t used, size_t room, uint64_t size)
{
	int written = snprintf(text + used, room - used, "[%llu bytes missing]", (unsigned long long)size);

	return used + (size_t)written < room ? used + (size_t)written : room - 1;
}

/* The bytes of a frame that are there; of those that never came it is told how many they are. */
static struct bytes frame_text(
	const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame, char *text, size_t room)
{
	uint64_t size = frame->length >= 0 ? (uint64_t)frame->length : app_frame_size(conn, dir, frame), offset = 0, at;
	struct bytes piece;
	size_t used = 0;

	while (used + 1 < room && app_frame_stretch(conn, dir, frame, offset, &piece, &at)) {
		if (at > offset)
			used = put_missing(text, used, room, at - offset);
		offset = at + piece.size;
		piece = bytes_first(piece, room - 1 - used);
		memcpy(text + used, piece.ptr, piece.size);
		used += piece.size;
	}
	if (offset < size && used + 1 < room && conn->flow->tcp)
		used = put_missing(text, used, room, size - offset);
	return bytes_of(text, used);
}

void eve_frame_object(struct eve *eve, const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame,
	uint32_t payload_size)
{
	struct jsonw *json = &eve->json;
	char *text = malloc((size_t)payload_size + 1);

	jsonw_kv_object_begin(json, "frame");
	jsonw_kv_string(json, "type", app_frame_type_name(conn->protocol, frame->type));
	jsonw_kv_u64(json, "id", frame->id);
	jsonw_kv_string(json, "direction", dir == TO_SERVER ? "toserver" : "toclient");
	if (conn->flow->tcp)
		jsonw_kv_u64(json, "stream_offset", frame->offset);
	if (frame->length >= 0)
		jsonw_kv_u64(json, "length", (uint64_t)frame->length);
	jsonw_kv_bool(json, "complete", app_frame_is_complete(conn, dir, frame));
	if (text) {
		struct bytes payload = frame_text(conn, dir, frame, text, payload_size);

		eve_kv_base64(json, "payload", payload);
		eve_kv_printable(json, "payload_printable", payload);
	}
	if (frame->has_tx)
		jsonw_kv_u64(json, "tx_id", frame->tx_id);
	jsonw_object_end(json);
	free(text);
}

/* A long frame is told of when its first bytes are there, others when they are whole. */
static bool is_due(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame)
{
	return !frame->logged &&
	       (app_frame_is_over(conn, dir, frame) || app_frame_size(conn, dir, frame) >= APP_FRAME_CHUNK_SIZE);
}

void eve_frames(struct eve *eve, struct sensor_packet *packet)
{
	struct app_conn *conn = packet->flow ? packet->flow->app : NULL;
	enum sensor_dir dir = packet->dir;

	if (!conn || !conn->frames || !conn->frames->record_types || !conn->protocol)
		return;
	for (uint32_t i = 0; i < conn->frames->side[dir].count; i++) {
		struct app_frame *frame = &conn->frames->side[dir].frames[i];

		if (!is_due(conn, dir, frame))
			continue;
		frame->logged = true;
		for (unsigned int k = 0; k < eve->sinks->output_count; k++) {
			const struct eve_output *o = &eve->sinks->outputs[k];

			if (!o->records[EVE_FRAME])
				continue;
			eve_head(eve, o, "frame", packet->time_ns, packet, packet->flow, EVE_DIR_PACKET);
			eve_app_proto(&eve->json, packet->flow);
			eve_frame_object(eve, conn, dir, frame,
				(uint32_t)conf_size(o->options[EVE_FRAME], "payload-buffer-size", 4096));
			eve_end(eve, o);
		}
	}
}
