// SPDX-License-Identifier: Apache-2.0
/* A packet's way through the stream engine. */
#include "sensor/flow/exception.h"
#include "sensor/stream/internal.h"

static void count_flags(struct stream_step *step)
{
	uint64_t *counters = step->engine->counters;

	if ((step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		counters[COUNTER_TCP_SYNACK]++;
	else if (step->flags & TCP_SYN)
		counters[COUNTER_TCP_SYN]++;
	if (step->flags & TCP_RST)
		counters[COUNTER_TCP_RST]++;
	if (step->flags & TCP_URG)
		counters[COUNTER_TCP_URG]++;
}

static bool is_plain(const struct stream_step *step)
{
	return (step->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
}

/* RFC 9293, section 3.8.4: a segment before what is expected, with no byte or one. */
static bool is_keepalive(struct stream_step *step)
{
	if (step->session->state != STREAM_ESTABLISHED || step->size > 1 || !is_plain(step))
		return false;
	if (step->ack != step->peer->acked_seq || step->seq != step->own->next_seq - 1)
		return false;
	step->own->flags |= END_KEEPALIVE;
	return true;
}

static bool is_keepalive_answer(const struct stream_step *step)
{
	const struct stream_end *peer = step->peer;

	return step->session->state == STREAM_ESTABLISHED && step->size == 0 && is_plain(step) &&
	       peer->flags & END_KEEPALIVE && step->packet->tcp.window != 0 &&
	       (uint32_t)step->packet->tcp.window << peer->wscale == peer->window && step->ack == peer->acked_seq &&
	       step->seq == step->own->next_seq;
}

/* What a side sends next; a FIN has a number too. */
static uint32_t next_number(const struct stream_end *end)
{
	return end->next_seq + ((end->tcp_flags & TCP_FIN) != 0);
}

/* A window that shrinks by more than this packet brings, in a packet that is ahead in both directions: forged, or we
 * lost too much to tell. */
static bool is_bad_window_update(const struct stream_step *step)
{
	const struct stream_end *peer = step->peer;
	uint32_t window = (uint32_t)step->packet->tcp.window << peer->wscale;

	if (step->session->state < STREAM_ESTABLISHED || step->session->state == STREAM_CLOSED || !is_plain(step))
		return false;
	return window < peer->window && peer->window - window > step->size && seq_after(step->ack, next_number(peer)) &&
	       seq_after(step->seq, next_number(step->own));
}

/* A pure acknowledgement that was overtaken on the way. */
static bool is_outdated_ack(const struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;

	return step->session->state >= STREAM_ESTABLISHED && step->session->state != STREAM_CLOSED && is_plain(step) &&
	       step->size == 0 && seq_before(step->ack, step->peer->acked_seq) && tcp->has_ts &&
	       step->own->last_ts != 0 && (int32_t)(tcp->ts_val - step->own->last_ts) < 0;
}

/* Everything in it was acknowledged before. */
static bool is_spurious(const struct stream_step *step)
{
	const struct stream_end *own = step->own;

	return step->session->state >= STREAM_ESTABLISHED && step->size != 0 && !(own->flags & END_GAP) &&
	       !(step->session->flags & SSN_ASYNC) && seq_not_after(step->end_seq, own->acked_seq) &&
	       seq_not_after(step->end_seq, own->next_seq);
}

/* The sender of a reset goes on as if nothing had happened: the reset was somebody else's. */
static void notice_forged_reset(struct stream_step *step)
{
	if (step->flags & TCP_RST || !(step->own->flags & END_RESET))
		return;
	step->own->flags &= ~(uint32_t)END_RESET;
	step->session->flags &= ~(uint32_t)SSN_CLOSED_BY_RST;
	packet_event(step->packet, EVENT_STREAM_SUSPECTED_RST_INJECT);
}

static int (*const handlers[])(struct stream_step *step) = {
	[STREAM_NONE] = stream_state_none,
	[STREAM_LISTEN] = stream_state_none,
	[STREAM_SYN_SENT] = stream_state_syn_sent,
	[STREAM_SYN_RECV] = stream_state_syn_recv,
	[STREAM_ESTABLISHED] = stream_state_established,
	[STREAM_FIN_WAIT1] = stream_state_closing,
	[STREAM_FIN_WAIT2] = stream_state_closing,
	[STREAM_TIME_WAIT] = stream_state_closing,
	[STREAM_LAST_ACK] = stream_state_closing,
	[STREAM_CLOSE_WAIT] = stream_state_closing,
	[STREAM_CLOSING] = stream_state_closing,
	[STREAM_CLOSED] = stream_state_closed,
};

int stream_dispatch(struct stream_step *step, uint8_t state)
{
	return handlers[state](step);
}

static int in_session(struct stream_step *step)
{
	struct stream_session *session = step->session;

	session->ends[step->dir].tcp_flags |= step->flags;
	if (session->flags & SSN_ASYNC && session->ends[0].tcp_flags != 0 && session->ends[1].tcp_flags != 0)
		session->flags &= ~(uint32_t)SSN_ASYNC;
	if (is_keepalive(step))
		return 0;
	if (is_keepalive_answer(step)) {
		step->peer->flags &= ~(uint32_t)END_KEEPALIVE;
		return 0;
	}
	step->peer->flags &= ~(uint32_t)END_KEEPALIVE;
	if (is_bad_window_update(step)) {
		packet_event(step->packet, EVENT_STREAM_PKT_BAD_WINDOW_UPDATE);
		return 0;
	}
	if (is_outdated_ack(step))
		return 0;
	if (is_spurious(step)) {
		packet_event(step->packet, EVENT_STREAM_PKT_SPURIOUS_RETRANSMISSION);
		step->packet->flags |= PKT_SPURIOUS_RETRANSMISSION | PKT_TCP_RETRANSMISSION;
		/* Bytes that are still held are compared with it further on. */
		if (stream_offset_of(step->own, step->end_seq) <= (int64_t)step->own->buffer.base)
			return 0;
	}
	return stream_dispatch(step, session->state);
}

static bool urgent_dropped(struct stream_step *step)
{
	enum { URGENT_DROP = 2 };
	struct sensor_packet *packet = step->packet;

	if (!(step->flags & TCP_URG) || step->engine->settings->urgent_policy != URGENT_DROP)
		return false;
	if (step->engine->settings->ips) {
		packet->action |= ACTION_DROP;
		packet->flags |= PKT_NO_PAYLOAD_INSPECT;
		if (packet->drop_reason == DROP_REASON_NONE)
			packet->drop_reason = DROP_REASON_STREAM_URGENT;
	}
	return true;
}

static void reject_packet(struct stream_step *step)
{
	const struct sensor_settings *settings = step->engine->settings;
	struct sensor_packet *packet = step->packet;

	if (!settings->ips || !settings->stream_drop_invalid || packet->flow->flags & FLOW_PASS)
		return;
	packet->flags |= PKT_NO_PAYLOAD_INSPECT;
	packet->action |= ACTION_DROP;
	if (packet->drop_reason == DROP_REASON_NONE)
		packet->drop_reason = DROP_REASON_STREAM_ERROR;
}

/* What nobody will look at any more takes the short way: with "stream.bypass" flows that reached the depth. */
static void maybe_bypass(struct stream_step *step)
{
	struct stream_session *session = step->session;
	bool deep = session->ends[0].flags & END_DEPTH || session->ends[1].flags & END_DEPTH;

	if (deep && step->engine->settings->stream_bypass)
		flow_bypass(session->flow);
}

/* Memory is given back when the next packet comes: until then rules and output may look at what this one brought. */
static void prune(struct stream_engine *engine, struct stream_session *session)
{
	stream_prune(engine, session, TO_SERVER);
	stream_prune(engine, session, TO_CLIENT);
}

static void count_events(struct stream_engine *engine, const struct sensor_packet *packet, uint8_t from)
{
	for (uint8_t i = from; engine->count_events && i < packet->event_count; i++)
		if (event_is_stream(packet->events[i]))
			engine->counters[engine->event_counters[packet->events[i] - EVENT_DECODE_COUNT]]++;
}

static void handle(struct stream_step *step)
{
	struct stream_engine *engine = step->engine;
	struct stream_session *session = step->session;
	struct sensor_packet *packet = step->packet;
	/* The packet that completes the handshake comes before the connection is established, unless it has data. */
	bool was_open = step->size != 0 || (session && session->state >= STREAM_ESTABLISHED);
	int result;

	if (session) {
		prune(engine, session);
		step->own = &session->ends[step->dir];
		step->peer = &session->ends[sensor_dir_opposite(step->dir)];
	}
	result = !session || session->state == STREAM_NONE ? stream_state_none(step) : in_session(step);
	session = step->session;
	if (session && result == 0) {
		notice_forged_reset(step);
		if (session->state >= STREAM_ESTABLISHED)
			packet->flags |= PKT_STREAM_EST | (was_open ? PKT_ESTABLISHED : 0);
		maybe_bypass(step);
	}
	if (result != 0) {
		/* A refused packet belongs to the connection all the same. */
		if (session && session->state >= STREAM_ESTABLISHED)
			packet->flags |= PKT_ESTABLISHED;
		reject_packet(step);
	}
}

void stream_packet(struct stream_engine *engine, struct sensor_packet *packet)
{
	struct stream_session *session = packet->flow->tcp;
	struct stream_step step = { .engine = engine,
		.packet = packet,
		.session = session,
		.dir = (enum sensor_dir)packet->dir,
		.seq = packet->tcp.seq,
		.ack = packet->tcp.ack,
		.size = (uint32_t)packet->payload.size,
		.end_seq = packet->tcp.seq + (uint32_t)packet->payload.size,
		.flags = packet->tcp.flags };
	uint8_t event_count = packet->event_count;

	if (packet->flags & PKT_BAD_CHECKSUM) {
		engine->counters[COUNTER_TCP_INVALID_CHECKSUM]++;
		return;
	}
	count_flags(&step);
	if (!(step.flags & TCP_ACK) && step.ack != 0)
		packet_event(packet, EVENT_STREAM_PKT_BROKEN_ACK);
	if (packet->flow->flags & FLOW_DROP && engine->settings->ips)
		return;
	if (!urgent_dropped(&step))
		handle(&step);
	count_events(engine, packet, event_count);
	engine->counters[COUNTER_TCP_MEMUSE] = engine->session_size;
	engine->counters[COUNTER_TCP_REASSEMBLY_MEMUSE] = engine->memory.used_size;
}
