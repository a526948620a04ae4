// SPDX-License-Identifier: Apache-2.0
/* Shared by the files of stream/ alone: what a session holds, and the steps that a packet takes.
 *
 *	session.c    sessions, settings, the calls of stream.h that only ask or set something
 *	packet.c     a packet's way: broken and repeated packets aside, then the handler of the state
 *	check.c      is this acknowledgement, timestamp, reset believable
 *	open.c       states before ESTABLISHED, midstream pickups
 *	data.c       ESTABLISHED
 *	close.c      states behind it, as a table
 *	assemble.c   bytes into the buffer, bytes out to the parser
 *	raw.c        bytes out to the rules
 *
 * An end is what we know of one sender: its own sequence numbers, and what the other side said about them. Sequence
 * numbers are compared modulo 2^32 (RFC 9293, section 3.4). */
#pragma once

#include "base/net.h"
#include "sensor/common.h"
#include "sensor/decode/events.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/stream/buffer.h"
#include "sensor/stream/stream.h"

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_URG = 0x20 };

enum {
	WSCALE_MAX = 14, /* RFC 7323, section 2.3 */
	URGENT_KEPT = 8, /* urgent bytes that are known by number */
	QUEUE_LIMIT = 32, /* whatever the settings say */
	SACKS_MAX = 4,
};

enum session_flag {
	SSN_MIDSTREAM = 1 << 0,
	SSN_MIDSTREAM_SYNACK = 1 << 1, /* began with a SYN/ACK */
	SSN_TIMESTAMP = 1 << 2, /* both ends use the option */
	SSN_CLIENT_WSCALE = 1 << 3, /* the SYN offered it */
	SSN_ASYNC = 1 << 4, /* only one direction is seen */
	SSN_4WHS = 1 << 5, /* simultaneous open */
	SSN_EVASION = 1 << 6, /* a handshake that hosts judge differently */
	SSN_CLIENT_SACK = 1 << 7,
	SSN_SACK = 1 << 8,
	SSN_CONFIRMED = 1 << 9, /* something was acknowledged behind the handshake */
	SSN_CLOSED_BY_RST = 1 << 10,
	SSN_TFO = 1 << 11,
	SSN_REFUSED_COUNTED = 1 << 12,
};

enum end_flag {
	END_TIMESTAMP = 1 << 0,
	END_ZERO_TIMESTAMP = 1 << 1,
	END_KEEPALIVE = 1 << 2,
	END_RESET = 1 << 3, /* this side sent a RST */
	END_GAP = 1 << 4, /* bytes were lost for good */
	END_DEPTH = 1 << 5, /* the depth limit is reached */
	END_APP_STOPPED = 1 << 7,
	END_RAW_STOPPED = 1 << 8,
	END_RAW_TRIGGER = 1 << 9,
	END_EOF_GIVEN = 1 << 10,
	END_STARTED = 1 << 11, /* the parser got something */
	END_OS_KNOWN = 1 << 12,
	END_NO_DEPTH = 1 << 13, /* stream_set_depth(0) */
	END_HOLD = 1 << 14, /* hold_offset is valid */
};

struct stream_sack {
	uint32_t left, right;
};

/* A SYN or SYN/ACK that may turn out to be the one that counts. */
struct stream_candidate {
	struct stream_candidate *next;
	uint32_t seq, ts_val;
	uint64_t time_ns;
	uint16_t window;
	uint8_t wscale;
	bool has_wscale, has_ts, has_sack_ok, has_tfo;
};

struct stream_end {
	/* Hot. */
	uint32_t isn, next_seq; /* next_seq: behind the last byte seen in order; a FIN is not counted */
	uint32_t acked_seq; /* the receiver has everything before */
	uint32_t window; /* the receiver's, in bytes */
	uint32_t window_edge; /* the receiver takes nothing at or behind */
	uint32_t base_seq; /* sequence number of ... */
	uint64_t base_offset; /* ... this offset of the stream */
	uint64_t app_progress, raw_progress;
	uint64_t hold_offset; /* bytes from here on stay for frames */
	uint64_t app_needed; /* the parser wants no call before so many bytes are there */
	uint32_t flags; /* enum end_flag */
	uint32_t last_ts;
	uint64_t last_ts_ns; /* when it was seen */
	struct stream_buffer buffer;
	/* Cold. */
	uint32_t depth_size;
	uint8_t wscale; /* of the receiver's windows */
	uint8_t tcp_flags; /* all that this side sent, OR-ed */
	uint8_t os; /* enum stream_os_policy of the system itself; valid with END_OS_KNOWN */
	uint8_t sack_count;
	struct stream_sack sacks[SACKS_MAX]; /* of this side's bytes, by the receiver */
	uint8_t urgent_count; /* urgent bytes taken out of the stream: those not counted in base_offset yet */
	uint32_t urgent_seqs[URGENT_KEPT];
	uint64_t bytes; /* put into the buffer */
};

struct stream_session {
	struct stream_end ends[SENSOR_DIRS]; /* index: the direction in which the end sends */
	struct flow *flow;
	uint32_t flags; /* enum session_flag */
	uint8_t state, earlier_state; /* enum stream_state; the state before a reset */
	uint8_t candidate_count;
	uint8_t turn_count; /* how often the directions were exchanged */
	uint32_t urgent_total;
	struct stream_candidate *candidates; /* owned */
};

struct stream_engine {
	const struct sensor_settings *settings;
	uint64_t *counters;
	stream_data_fn data;
	void *context;
	bool check_overlaps;
	bool count_events; /* "stats.stream-events" */
	unsigned int event_counters[EVENT_COUNT - EVENT_DECODE_COUNT];
	uint64_t session_size; /* memory of sessions, against stream.memcap */
	struct stream_memory memory; /* of buffers, against stream.reassembly.memcap */
};

/* A packet in hand. */
struct stream_step {
	struct stream_engine *engine;
	struct sensor_packet *packet;
	struct stream_session *session;
	struct stream_end *own, *peer; /* the sender's, the receiver's */
	enum sensor_dir dir;
	uint32_t seq, ack, end_seq; /* end_seq: behind the payload */
	uint32_t size; /* of the payload */
	uint8_t flags; /* of the header */
	bool retransmission;
	bool flush_own; /* what this side sent goes out too: its end, or a reset */
};

static inline bool seq_before(uint32_t left, uint32_t right)
{
	return (int32_t)(left - right) < 0;
}

static inline bool seq_after(uint32_t left, uint32_t right)
{
	return (int32_t)(left - right) > 0;
}

static inline bool seq_not_after(uint32_t left, uint32_t right)
{
	return (int32_t)(left - right) <= 0;
}

static inline bool seq_not_before(uint32_t left, uint32_t right)
{
	return (int32_t)(left - right) >= 0;
}

static inline bool stream_inline(const struct stream_engine *engine)
{
	return engine->settings->stream_inline || engine->settings->ips;
}

/* Raises an event, and says "this packet is not one of the session". */
static inline int stream_invalid(struct stream_step *step, enum sensor_event event)
{
	packet_event(step->packet, (uint16_t)event);
	return -1;
}

/* session.c */
struct stream_session *stream_session_make(struct stream_step *step);
void stream_step_turn(struct stream_step *step); /* exchanges directions of flow, session and packet */
void stream_step_refresh(struct stream_step *step); /* after a parser may have turned the flow round */
void stream_end_start(struct stream_end *end, uint32_t isn); /* the first byte is behind isn */
void stream_set_state(struct stream_step *step, enum stream_state state);
enum stream_os_policy stream_os(struct stream_engine *engine, struct stream_session *session, enum sensor_dir dir);
bool stream_candidate_add(struct stream_step *step, unsigned int limit); /* false: too many */
void stream_candidates_drop(struct stream_engine *engine, struct stream_session *session);

/* check.c: 0 or -1, with the event raised. */
int stream_check_ack(struct stream_step *step);
bool stream_timestamp_valid(struct stream_step *step); /* raises the event */
void stream_timestamp_keep(struct stream_step *step); /* the timestamp of an accepted packet */
bool stream_reset_valid(struct stream_step *step);

/* Windows and acknowledgements that an accepted packet tells. */
void stream_take_ack(struct stream_step *step);
void stream_take_window(struct stream_step *step);
void stream_advance(struct stream_step *step); /* next_seq of the sender */

/* The handlers: 0, or -1 for a packet that is not one of the session. */
int stream_state_none(struct stream_step *step);
int stream_state_syn_sent(struct stream_step *step);
int stream_state_syn_recv(struct stream_step *step);
int stream_state_established(struct stream_step *step);
int stream_state_closing(struct stream_step *step);
int stream_state_closed(struct stream_step *step);
int stream_dispatch(struct stream_step *step, uint8_t state);
int stream_handle_reset(struct stream_step *step);
int stream_handle_fin(struct stream_step *step);

/* assemble.c */
void stream_assemble(struct stream_step *step);
void stream_deliver(struct stream_engine *engine, struct sensor_packet *packet, struct stream_session *session,
	enum sensor_dir dir, bool finish);
void stream_prune(struct stream_engine *engine, struct stream_session *session, enum sensor_dir dir);
uint64_t stream_acked_offset(const struct stream_end *end);
int64_t stream_offset_of(const struct stream_end *end, uint32_t seq);

/* rewrite.c: inline, the copy of the payload that came first goes into the packet. */
void stream_rewrite(struct stream_step *step, uint32_t skip_size, struct bytes data);
