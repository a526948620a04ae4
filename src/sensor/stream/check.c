// SPDX-License-Identifier: Apache-2.0
/* Is this acknowledgement, timestamp, reset believable? Hosts differ here, and whoever can make us believe what the
 * host does not believe can hide behind it: so the rules of the receiving system count (host-os-policy). */
#include "sensor/stream/internal.h"

#define PAWS_LIMIT_NS (UINT64_C(24) * 24 * 3600 * 1000000000) /* RFC 7323, section 5.5 */

/* RFC 9293, section 3.10.7.4, and RFC 5961, section 5: nothing beyond what the window allowed to send, nothing older
 * than a window before what was acknowledged already. */
int stream_check_ack(struct stream_step *step)
{
	const struct stream_session *session = step->session;
	const struct stream_end *peer = step->peer;
	uint32_t ack = step->ack;

	if (!(step->flags & TCP_ACK) || ack == peer->acked_seq)
		return 0;
	if (seq_before(ack, peer->acked_seq)) {
		if (peer->window != 0 && seq_before(ack, peer->acked_seq - peer->window))
			return stream_invalid(step, EVENT_STREAM_PKT_INVALID_ACK);
		return 0;
	}
	if (seq_not_after(ack, peer->window_edge) || session->flags & SSN_ASYNC)
		return 0;
	/* The answer to a SYN acknowledges it before any window is known. */
	if (session->state == STREAM_SYN_SENT && ack == peer->isn + 1)
		return 0;
	return stream_invalid(step, EVENT_STREAM_PKT_INVALID_ACK);
}

/* The handshake carried a timestamp of 0: some systems then use no timestamps at all, some begin with the next one.
 * Answers whether there is still something to compare. */
static bool begin_with_zero(struct stream_step *step, enum stream_os_policy receiver)
{
	switch (receiver) {
	case OS_LINUX:
	case OS_WINDOWS2K3:
		step->session->flags &= ~(uint32_t)SSN_TIMESTAMP;
		return false;
	case OS_OLD_LINUX:
	case OS_WINDOWS:
	case OS_VISTA:
		step->own->flags &= ~(uint32_t)END_ZERO_TIMESTAMP;
		if (step->seq == step->own->next_seq) {
			step->own->last_ts = step->packet->tcp.ts_val;
			return false;
		}
		return true;
	default:
		return true;
	}
}

static bool zero_is_fine(enum stream_os_policy receiver)
{
	return receiver == OS_OLD_LINUX || receiver == OS_WINDOWS || receiver == OS_WINDOWS2K3 ||
	       receiver == OS_VISTA || receiver == OS_SOLARIS;
}

/* Protection against wrapped sequence numbers, RFC 7323, section 5. */
static bool timestamp_fits(struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;
	struct stream_end *own = step->own;
	enum stream_os_policy receiver = stream_os(step->engine, step->session, sensor_dir_opposite(step->dir));
	int32_t newer;

	if (own->flags & END_ZERO_TIMESTAMP && !begin_with_zero(step, receiver))
		return true;
	if (receiver == OS_HPUX11 && step->seq != own->next_seq)
		return true;
	if (tcp->ts_val == 0)
		return zero_is_fine(receiver);
	if (own->last_ts == 0 && own->last_ts_ns == 0)
		return true;
	newer = (int32_t)(tcp->ts_val - own->last_ts);
	/* Linux takes what is one tick too old; one-sided traffic may come in any order. */
	if (receiver == OS_LINUX || step->engine->settings->stream_async_oneside)
		newer = (int32_t)(tcp->ts_val - own->last_ts + 1);
	if (newer >= 0)
		return true;
	/* After 24 days the old value says nothing any more. */
	return step->seq == own->next_seq && own->last_ts_ns != 0 &&
	       step->packet->time_ns > own->last_ts_ns + PAWS_LIMIT_NS;
}

bool stream_timestamp_valid(struct stream_step *step)
{
	if (!(step->session->flags & SSN_TIMESTAMP) || !step->packet->tcp.has_ts || timestamp_fits(step))
		return true;
	packet_event(step->packet, EVENT_STREAM_PKT_INVALID_TIMESTAMP);
	return false;
}

void stream_timestamp_keep(struct stream_step *step)
{
	struct stream_end *own = step->own;

	if (!(step->session->flags & SSN_TIMESTAMP) || !step->packet->tcp.has_ts)
		return;
	/* RFC 7323, section 4.3: only from segments that are not ahead of what is expected. */
	if (seq_not_after(step->seq, own->next_seq) &&
		(own->last_ts_ns == 0 || (int32_t)(step->packet->tcp.ts_val - own->last_ts) >= 0 ||
			step->packet->time_ns > own->last_ts_ns + PAWS_LIMIT_NS)) {
		own->last_ts = step->packet->tcp.ts_val;
		own->last_ts_ns = step->packet->time_ns;
	}
}

bool stream_reset_valid(struct stream_step *step)
{
	struct stream_session *session = step->session;
	const struct stream_end *own = step->own;

	if (session->flags & SSN_TIMESTAMP && !stream_timestamp_valid(step))
		return false;
	if (session->flags & SSN_ASYNC)
		return seq_not_before(step->seq, own->next_seq);
	if (step->flags & TCP_ACK && step->ack != 0 && stream_check_ack(step) != 0) {
		packet_event(step->packet, EVENT_STREAM_RST_INVALID_ACK);
		return false;
	}
	switch (stream_os(step->engine, session, sensor_dir_opposite(step->dir))) {
	case OS_HPUX11:
		return seq_not_before(step->seq, own->next_seq);
	case OS_OLD_LINUX:
	case OS_LINUX:
	case OS_SOLARIS:
		return seq_not_before(step->end_seq, own->acked_seq) &&
		       seq_before(step->seq, own->next_seq + own->window);
	default:
		return step->seq == own->next_seq;
	}
}

static void drop_sacks(struct stream_end *end)
{
	uint8_t kept = 0;

	for (uint8_t i = 0; i < end->sack_count; i++)
		if (seq_after(end->sacks[i].right, end->acked_seq))
			end->sacks[kept++] = end->sacks[i];
	end->sack_count = kept;
}

/* RFC 2018: what the receiver holds behind a hole. It may move its window by as much, so the edge moves too. Only the
 * last few are kept. */
static void take_sacks(struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;
	struct stream_end *peer = step->peer;

	if (!(step->session->flags & SSN_SACK))
		return;
	for (size_t i = 0; i < tcp->sack_count && (i + 1) * 8 <= tcp->sacks.size; i++) {
		const uint8_t *raw = tcp->sacks.ptr + i * 8;
		struct stream_sack sack = {
			.left = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3],
			.right = (uint32_t)raw[4] << 24 | (uint32_t)raw[5] << 16 | (uint32_t)raw[6] << 8 | raw[7],
		};

		if (!seq_before(sack.left, sack.right) || seq_before(sack.left, peer->acked_seq) ||
			seq_after(sack.right, peer->window_edge))
			continue;
		if (peer->sack_count == SACKS_MAX)
			memmove(&peer->sacks[0], &peer->sacks[1], (SACKS_MAX - 1) * sizeof(sack));
		else
			peer->sack_count++;
		peer->sacks[peer->sack_count - 1] = sack;
	}
}

void stream_take_ack(struct stream_step *step)
{
	struct stream_end *peer = step->peer;

	if (!(step->flags & TCP_ACK))
		return;
	if (seq_after(step->ack, peer->acked_seq)) {
		/* A FIN takes a number of its own. */
		if (seq_after(step->ack, peer->next_seq + ((peer->tcp_flags & TCP_FIN) != 0)))
			step->engine->counters[COUNTER_TCP_ACK_UNSEEN_DATA]++;
		peer->acked_seq = step->ack;
		if (peer->sack_count != 0)
			drop_sacks(peer);
	}
	if (step->packet->tcp.sack_count != 0)
		take_sacks(step);
}

void stream_take_window(struct stream_step *step)
{
	struct stream_end *peer = step->peer;
	uint32_t edge;

	peer->window = (uint32_t)step->packet->tcp.window << peer->wscale;
	edge = peer->acked_seq + peer->window;
	for (uint8_t i = 0; i < peer->sack_count; i++)
		edge += peer->sacks[i].right - peer->sacks[i].left;
	if (seq_after(edge, peer->window_edge))
		peer->window_edge = edge;
}

void stream_advance(struct stream_step *step)
{
	struct stream_end *own = step->own;

	/* Bytes that were lost on the way to us and acknowledged are not expected any more. */
	if (seq_after(step->end_seq, own->next_seq) &&
		(seq_not_after(step->seq, own->next_seq) || seq_not_after(step->seq, own->acked_seq)))
		own->next_seq = step->end_seq;
}
