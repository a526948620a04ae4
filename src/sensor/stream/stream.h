// SPDX-License-Identifier: Apache-2.0
/* TCP: the state of both ends, and the bytes in order.
 *
 * stream_packet() follows the handshake, windows, sequence numbers, resets and close as RFC 9293 has them and as the
 * end hosts behind us would (overlap policies by target system), and raises the stream events of decode/events.h.
 * What becomes readable goes to the application layer through stream_data_fn, in order, each byte once.
 *
 * Passive (IDS): bytes become readable when the receiver acknowledges them, or when a side closes, or when the flow
 * ends; so a packet usually makes the *other* direction's bytes readable. Inline (IPS): bytes become readable with the
 * packet that brings them, before it passes, and the first copy of a byte wins for ever: a different retransmission is
 * overwritten in the packet (PKT_STREAM_MODIFIED) or dropped.
 *
 * Raw view: rules that look at the stream as such (content in tcp and tcp-stream rules) read it through
 * stream_raw(); a consumer's progress is kept here so that memory is given back when every reader is done.
 *
 * One worker owns a session; ceilings (settings "stream.memcap", "stream.reassembly.memcap", depth) are counted. */
#pragma once

#include "base/bytes.h"
#include "sensor/common.h"

struct sensor_packet;
struct sensor_settings;
struct flow;
struct stream_engine;
struct stream_session;

enum stream_data_flag {
	STREAM_START = 1 << 0, /* first bytes of the direction */
	STREAM_EOF = 1 << 1, /* the direction ends behind these bytes */
	STREAM_GAP = 1 << 2, /* no bytes: 'gap_size' of them are lost for good */
	STREAM_DEPTH = 1 << 3, /* the depth limit is reached: nothing will follow */
	STREAM_MIDSTREAM = 1 << 4,
};

struct stream_chunk {
	struct bytes data; /* everything not consumed yet, in order; borrowed for the call */
	uint64_t offset; /* of data.ptr[0] since the start of the stream */
	uint64_t gap_size;
	uint8_t flags; /* enum stream_data_flag */
};

/* What the application layer answers. consumed <= data.size; needed: do not call again before that many bytes are
 * there (0: any). 'stop': it wants no more of this direction, nothing is kept for it. */
struct stream_answer {
	size_t consumed, needed;
	bool stop;
};

typedef struct stream_answer (*stream_data_fn)(void *context, struct sensor_packet *packet, struct flow *flow,
	enum sensor_dir dir, const struct stream_chunk *chunk);

/* Stands for the states of RFC 9293; names in lower case are "tcp.state" of EVE. */
#define STREAM_STATES(X)                                                                                               \
	X(NONE, "none")                                                                                                \
	X(LISTEN, "listen")                                                                                            \
	X(SYN_SENT, "syn_sent")                                                                                        \
	X(SYN_RECV, "syn_recv")                                                                                        \
	X(ESTABLISHED, "established")                                                                                  \
	X(FIN_WAIT1, "fin_wait1")                                                                                      \
	X(FIN_WAIT2, "fin_wait2")                                                                                      \
	X(TIME_WAIT, "time_wait")                                                                                      \
	X(LAST_ACK, "last_ack")                                                                                        \
	X(CLOSE_WAIT, "close_wait")                                                                                    \
	X(CLOSING, "closing")                                                                                          \
	X(CLOSED, "closed")

enum stream_state {
#define X(id, name) STREAM_##id,
	STREAM_STATES(X)
#undef X
};
enum { STREAM_STATE_COUNT = STREAM_CLOSED + 1 };

/* What EVE wants to know. */
struct stream_facts {
	uint8_t state; /* enum stream_state */
	const char *state_name;
	uint8_t flags[SENSOR_DIRS]; /* TCP flags seen, OR-ed */
	bool gap[SENSOR_DIRS];
	bool midstream;
	uint32_t max_regions[SENSOR_DIRS];
	uint64_t bytes[SENSOR_DIRS]; /* reassembled */
	uint64_t urgent_count;
};

/* Null without memory. 'data' is called for every readable piece. */
struct stream_engine *stream_engine_new(
	const struct sensor_settings *settings, uint64_t *counters, stream_data_fn data, void *context);
void stream_engine_free(struct stream_engine *engine);

/* Handles one TCP packet with a flow (packet->flow is set). Sets the PKT_STREAM_* flags, events, and, by policy, a
 * verdict. May call 'data' several times, for both directions. */
void stream_packet(struct stream_engine *engine, struct sensor_packet *packet);

/* The flow ends: hands over what was never acknowledged, with STREAM_EOF for both directions. 'packet' is a pseudo
 * packet of direction 'dir'; call once for each direction. */
void stream_finish(struct stream_engine *engine, struct sensor_packet *packet, enum sensor_dir dir);
/* True when stream_finish would hand over anything, or raw bytes are still unread by rules. */
bool stream_unfinished(const struct stream_session *session, enum sensor_dir dir);

/* True when this packet opens a new connection on the addresses of a finished one, so that the flow must end first. */
bool stream_session_reusable(const struct sensor_settings *settings, const struct stream_session *session,
	const struct sensor_packet *packet, enum sensor_dir dir);

/* Exchanges the directions of flow and session: protocol detection found that the client is the other side. The packet
 * in hand turns with it. */
void stream_swap(struct flow *flow, struct sensor_packet *packet);

/* Frees what a flow's session holds; null is allowed. */
void stream_session_free(struct stream_engine *engine, struct stream_session *session);

/* Raw bytes of the packet's direction for rules. Calls 'fn' with views of contiguous bytes that were not inspected
 * yet, one for each stretch without a gap; false from 'fn' stops. Passive: nothing before a chunk
 * ("stream.reassembly.toserver-chunk-size") was acknowledged; short rests come at the end of the stream, at the depth
 * limit, or when a parser finished a message (stream_raw_trigger). Chunks do not overlap, so that no match is reported
 * twice. Inline: the window is the packet's bytes with what is left and right of them. Returns the new progress, to be
 * given to stream_raw_done after all rules were asked (for every packet with a session, whether there was data or
 * not). */
typedef bool (*stream_raw_fn)(void *context, struct bytes data, uint64_t offset);
uint64_t stream_raw(struct stream_engine *engine, const struct sensor_packet *packet, stream_raw_fn fn, void *context);
void stream_raw_done(struct stream_session *session, enum sensor_dir dir, uint64_t progress);
/* A parser finished a message: rules should see the raw bytes now. */
void stream_raw_trigger(struct stream_session *session, enum sensor_dir dir);
/* Nobody reads raw bytes of this direction any more (no such rules, encrypted, bypass). */
void stream_raw_stop(struct stream_session *session, enum sensor_dir dir);
/* Someone wants them again, after a reload: from the oldest byte that is still there. */
void stream_raw_resume(struct stream_session *session, enum sensor_dir dir);
/* Bytes from 'offset' on are to stay whoever has read them; UINT64_MAX: none. Frames do so, in bounds. */
void stream_hold(struct stream_session *session, enum sensor_dir dir, uint64_t offset);
/* No more application layer for this direction; bytes are not kept for it. */
void stream_app_stop(struct stream_session *session, enum sensor_dir dir);
/* Overrides the reassembly depth for one flow (file-store.stream-depth, parsers). 0: no limit. */
void stream_set_depth(struct stream_session *session, uint32_t depth_size);

/* After rules and outputs saw a packet: gives back what a finished session holds, since no packet may follow. */
void stream_trim(struct stream_engine *engine, struct stream_session *session);

void stream_facts(const struct stream_session *session, struct stream_facts *ret);

/* Bytes of 'dir' that are still held in order from 'offset' on, for frames and payload printing; borrowed. */
struct bytes stream_bytes(const struct stream_session *session, enum sensor_dir dir, uint64_t offset, size_t max_size);
/* All bytes still held, stretch by stretch from 'offset' on: false when there are none, else the first stretch and the
 * offset at which it begins (more than 'offset': a gap lies before it). */
bool stream_stretch(const struct stream_session *session, enum sensor_dir dir, uint64_t offset, struct bytes *ret_data,
	uint64_t *ret_offset);
/* How far the parser and the rules have read. */
uint64_t stream_app_progress(const struct stream_session *session, enum sensor_dir dir);
uint64_t stream_raw_progress(const struct stream_session *session, enum sensor_dir dir);
