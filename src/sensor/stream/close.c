// SPDX-License-Identifier: Apache-2.0
/* The states behind ESTABLISHED, one row each. FIN_WAIT1 means that the server closed first, CLOSE_WAIT that the client
 * did; so a row says for each direction where a FIN and where an acknowledgement leads. A FIN takes a sequence number
 * that is not counted in next_seq: what follows it may carry either number. */
#include "sensor/stream/internal.h"

struct close_row {
	enum stream_state fin_to[SENSOR_DIRS], ack_to[SENSOR_DIRS];
	enum sensor_event fin_event; /* a FIN out of place */
	enum sensor_event seq_event; /* anything else out of place */
	enum sensor_event ack_event; /* a wrong acknowledgement */
	bool exact; /* only the next sequence number, or that of the FIN, is in place; else: the window */
};

static const struct close_row rows[] = {
	[STREAM_FIN_WAIT1] = { { STREAM_TIME_WAIT, STREAM_FIN_WAIT1 }, { STREAM_FIN_WAIT2, STREAM_FIN_WAIT1 },
		EVENT_STREAM_FIN1_FIN_WRONG_SEQ, EVENT_STREAM_FIN1_ACK_WRONG_SEQ, EVENT_STREAM_FIN1_INVALID_ACK,
		false },
	[STREAM_FIN_WAIT2] = { { STREAM_TIME_WAIT, STREAM_FIN_WAIT2 }, { STREAM_FIN_WAIT2, STREAM_FIN_WAIT2 },
		EVENT_STREAM_FIN2_FIN_WRONG_SEQ, EVENT_STREAM_FIN2_ACK_WRONG_SEQ, EVENT_STREAM_FIN2_INVALID_ACK,
		false },
	[STREAM_CLOSING] = { { STREAM_CLOSING, STREAM_CLOSING }, { STREAM_TIME_WAIT, STREAM_TIME_WAIT },
		EVENT_STREAM_CLOSING_ACK_WRONG_SEQ, EVENT_STREAM_CLOSING_ACK_WRONG_SEQ,
		EVENT_STREAM_CLOSING_INVALID_ACK, true },
	[STREAM_CLOSE_WAIT] = { { STREAM_CLOSE_WAIT, STREAM_LAST_ACK }, { STREAM_CLOSE_WAIT, STREAM_CLOSE_WAIT },
		EVENT_STREAM_CLOSEWAIT_FIN_OUT_OF_WINDOW, EVENT_STREAM_CLOSEWAIT_ACK_OUT_OF_WINDOW,
		EVENT_STREAM_CLOSEWAIT_INVALID_ACK, false },
	[STREAM_LAST_ACK] = { { STREAM_LAST_ACK, STREAM_LAST_ACK }, { STREAM_CLOSED, STREAM_LAST_ACK },
		EVENT_STREAM_LASTACK_ACK_WRONG_SEQ, EVENT_STREAM_LASTACK_ACK_WRONG_SEQ,
		EVENT_STREAM_LASTACK_INVALID_ACK, true },
	[STREAM_TIME_WAIT] = { { STREAM_TIME_WAIT, STREAM_TIME_WAIT }, { STREAM_CLOSED, STREAM_CLOSED },
		EVENT_STREAM_TIMEWAIT_ACK_WRONG_SEQ, EVENT_STREAM_TIMEWAIT_ACK_WRONG_SEQ,
		EVENT_STREAM_TIMEWAIT_INVALID_ACK, true },
};

/* The whole packet, FIN and all, was seen before. */
static bool is_repeated(const struct stream_step *step)
{
	const struct stream_end *own = step->own;

	if (step->size != 0 && seq_not_after(step->end_seq, own->acked_seq) && seq_before(step->seq, own->next_seq))
		return true;
	return step->size != 0 && seq_before(step->seq, own->next_seq) && seq_not_after(step->end_seq, own->next_seq);
}

static bool is_in_window(const struct stream_step *step)
{
	const struct stream_end *own = step->own;

	if (step->session->flags & (SSN_MIDSTREAM | SSN_ASYNC))
		return true;
	return seq_not_after(step->end_seq, own->window_edge);
}

static bool fin_in_place(const struct stream_step *step)
{
	const struct stream_end *own = step->own;

	return seq_not_before(step->end_seq, own->next_seq) && seq_not_after(step->seq, own->acked_seq + own->window);
}

static bool seq_in_place(const struct stream_step *step, const struct close_row *row)
{
	const struct stream_end *own = step->own;

	if (row->exact)
		return step->seq == own->next_seq || step->seq == own->next_seq + 1;
	return is_in_window(step);
}

static void take_packet(struct stream_step *step)
{
	stream_advance(step);
	stream_take_ack(step);
	stream_take_window(step);
	stream_timestamp_keep(step);
}

static enum stream_state next_state(const struct stream_step *step, const struct close_row *row, uint8_t state)
{
	if (step->retransmission)
		return (enum stream_state)state;
	if (step->flags & TCP_FIN) {
		/* Both closed before either acknowledged the other's close. */
		if (state == STREAM_FIN_WAIT1 && step->dir == TO_SERVER && !(step->flags & TCP_ACK))
			return STREAM_CLOSING;
		if (row->fin_to[step->dir] != (enum stream_state)state || !row->exact)
			return row->fin_to[step->dir];
	}
	if (!(step->flags & TCP_ACK))
		return (enum stream_state)state;
	if (state == STREAM_FIN_WAIT1 && step->seq != step->own->next_seq)
		return (enum stream_state)state;
	return row->ack_to[step->dir];
}

int stream_state_closing(struct stream_step *step)
{
	struct stream_session *session = step->session;
	const struct close_row *row = &rows[session->state];
	enum stream_state next;

	if (step->flags & TCP_RST)
		return stream_handle_reset(step);
	if (step->flags & TCP_SYN)
		return stream_invalid(
			step, step->flags & TCP_FIN ? EVENT_STREAM_FIN_SYN : EVENT_STREAM_SHUTDOWN_SYN_RESEND);
	if (!(step->flags & (TCP_FIN | TCP_ACK)))
		return 0;
	if (!stream_timestamp_valid(step))
		return -1;
	if (is_repeated(step)) {
		step->retransmission = true;
		step->packet->flags |= PKT_TCP_RETRANSMISSION;
		packet_event(step->packet, EVENT_STREAM_PKT_RETRANSMISSION);
	}
	if (session->state == STREAM_CLOSE_WAIT && !(step->flags & TCP_FIN) && step->size != 0 &&
		seq_not_after(step->end_seq, step->own->acked_seq))
		return stream_invalid(step, EVENT_STREAM_CLOSEWAIT_PKT_BEFORE_LAST_ACK);
	if (!step->retransmission) {
		if (step->flags & TCP_FIN && !row->exact && !fin_in_place(step))
			return stream_invalid(step, row->fin_event);
		if ((row->exact || !(step->flags & TCP_FIN)) && !seq_in_place(step, row))
			return stream_invalid(step, row->seq_event);
	}
	if (stream_check_ack(step) != 0)
		return stream_invalid(step, row->ack_event);
	next = next_state(step, row, session->state);
	take_packet(step);
	if (step->flags & TCP_FIN && step->flags & TCP_ACK && seq_before(step->peer->next_seq, step->ack) &&
		!(step->peer->tcp_flags & TCP_FIN))
		step->peer->next_seq = step->ack;
	stream_set_state(step, next);
	step->flush_own = session->state == STREAM_CLOSED ||
			  (step->flags & TCP_FIN && step->flags & TCP_ACK && session->state > STREAM_TIME_WAIT);
	stream_assemble(step);
	return 0;
}

/* After a reset by one side the other side's packets are judged as if it had not come; when they fit, the session goes
 * on where it was. */
int stream_state_closed(struct stream_step *step)
{
	struct stream_session *session = step->session;
	int result;

	if (step->flags & TCP_RST)
		return 0;
	if (step->own->flags & END_RESET || !(step->peer->flags & END_RESET) ||
		session->earlier_state == STREAM_CLOSED || session->earlier_state < STREAM_ESTABLISHED)
		return 0;
	session->state = session->earlier_state;
	result = stream_dispatch(step, session->state);
	if (result != 0)
		session->state = STREAM_CLOSED;
	return result;
}
