// SPDX-License-Identifier: Apache-2.0
/* Frames: the units of a protocol (a message, its header, a line) as stretches of the bytes in which they came.
 *
 * A parser says where a unit begins and how long it is; rules look at the bytes ("frame:http1.request; content:...") and
 * EVE shows them. The bytes themselves stay in the stream until everybody has looked (stream_hold), or are those of the
 * datagram in hand. Numbers count from 1 for each direction. The names are those of the Suricata user guide ("Frame
 * Keywords"); each protocol lists its own in app_protocol.frames, and what comes over TCP has "stream" beside: the whole
 * direction from the first byte of the protocol on.
 *
 * Only what rules or records ask for is kept: without them a connection has no frames at all, and announcing one costs a
 * test of a pointer. The worker that owns the connection owns its frames; they are limited in number, further ones are not
 * kept and are counted ("app_layer.frames.dropped"). */
#pragma once

#include "sensor/app/app.h"

enum {
	APP_FRAME_TYPES_MAX = 31, /* of one protocol */
	APP_FRAME_STREAM = 31, /* the type "stream" */
	APP_FRAMES_MAX = 1024, /* of one direction, at a time */
	APP_FRAME_MATCHES_MAX = 64, /* rules remembered for frames that are still open */
	APP_FRAME_CHUNK_SIZE = 2500, /* passive: so many bytes are looked at before the frame is whole */
	APP_FRAME_WINDOW_SIZE = 4096, /* so many bytes are kept of what rules saw of an open frame */
};

struct app_frame {
	uint64_t id;
	uint64_t offset; /* in the stream, or in the datagram */
	int64_t length; /* -1: not known yet */
	uint64_t tx_id; /* valid with has_tx */
	uint64_t inspected_size; /* of its bytes, by rules */
	uint8_t type;
	bool has_tx, logged, inspected; /* inspected: to its end */
};

struct app_frame_match {
	uint64_t frame_id;
	uint32_t sid;
};

struct app_frame_side {
	struct app_frame *frames; /* in order of id */
	uint32_t count, room;
	uint64_t last_id;
	uint64_t seen; /* the parser has got everything before this offset */
	struct bytes input; /* of the call of parse() in hand */
	uint64_t input_offset;
	uint32_t match_count;
	struct app_frame_match matches[APP_FRAME_MATCHES_MAX];
};

struct app_frames {
	uint32_t rule_types, record_types; /* bits by type: who wants them */
	struct app_frame_side side[SENSOR_DIRS];
};

/* ---- For parsers ---- */

void app_frames_add(struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *place, size_t back_size,
	int64_t length, const struct app_tx *tx);
void app_frames_end(
	struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *end, const struct app_tx *tx);

/* A frame begins at 'start', which lies in the input of the call in hand, and has 'length' bytes, those that are still to
 * come included; -1: app_frame_end() will tell. 'tx' may be null. */
static inline void app_frame(struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *start,
	int64_t length, const struct app_tx *tx)
{
	if (conn->frames)
		app_frames_add(conn, dir, type, start, 0, length, tx);
}

/* The same for a frame that began 'back_size' bytes before 'place', perhaps in an earlier call. */
static inline void app_frame_back(struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *place,
	size_t back_size, int64_t length, const struct app_tx *tx)
{
	if (conn->frames)
		app_frames_add(conn, dir, type, place, back_size, length, tx);
}

/* The last frame of this type whose length is not known ends before 'end'; null: where the input ends. 'tx' may be null. */
static inline void app_frame_end(
	struct app_conn *conn, enum sensor_dir dir, uint8_t type, const uint8_t *end, const struct app_tx *tx)
{
	if (conn->frames)
		app_frames_end(conn, dir, type, end, tx);
}

/* ---- For the engine ---- */

/* The protocol is known: frames are kept from now on when anybody wants those of this protocol. */
void app_frames_open(struct app_conn *conn);
void app_frames_close(struct app_conn *conn);
/* Before and after a call of parse(). */
void app_frames_input(struct app_conn *conn, enum sensor_dir dir, const struct app_input *in);
void app_frames_hold(struct app_conn *conn, enum sensor_dir dir);
/* Forgets what everybody has seen; behind each packet. */
void app_frames_clean(struct app_conn *conn);
/* True when rules or records have not seen everything of a direction. */
bool app_frames_waiting(const struct app_conn *conn, enum sensor_dir dir);

/* ---- For rules and records ---- */

/* Numbers of frame types by name: -1 when the protocol has no such frame. */
int app_frame_type_find(const struct app_protocol *protocol, struct bytes name);
const char *app_frame_type_name(const struct app_protocol *protocol, uint8_t type);
const struct app_frame *app_frame_find(const struct app_conn *conn, enum sensor_dir dir, uint64_t id);
/* Nothing of the frame will come any more; false: bytes are missing at its end. */
bool app_frame_is_over(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame);
bool app_frame_is_complete(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame);
/* Bytes of the frame that have come. */
uint64_t app_frame_size(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame);
/* Bytes of the frame from 'offset' (in the frame) on that are there: the first stretch without a hole, and where in the
 * frame it begins. False: there are none. */
bool app_frame_stretch(const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame, uint64_t offset,
	struct bytes *ret_data, uint64_t *ret_offset);
/* A rule held for a frame: answers false when it did before. */
bool app_frame_match(struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame, uint32_t sid);
