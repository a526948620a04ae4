// SPDX-License-Identifier: Apache-2.0
/* ESTABLISHED: resets, closes, repeated handshakes, and data. */
#include "sensor/stream/internal.h"

int stream_handle_reset(struct stream_step *step)
{
	struct stream_session *session = step->session;

	if (!stream_reset_valid(step))
		return -1;
	stream_take_ack(step);
	stream_timestamp_keep(step);
	session->flags |= SSN_CLOSED_BY_RST;
	step->own->flags |= END_RESET;
	stream_set_state(step, STREAM_CLOSED);
	step->flush_own = true;
	stream_assemble(step);
	return 0;
}

/* The first FIN: of the client leads to CLOSE_WAIT, of the server to FIN_WAIT1. */
int stream_handle_fin(struct stream_step *step)
{
	struct stream_end *own = step->own, *peer = step->peer;

	if (step->flags & TCP_SYN)
		return stream_invalid(step, EVENT_STREAM_FIN_SYN);
	if (!stream_timestamp_valid(step))
		return -1;
	if (stream_check_ack(step) != 0)
		return stream_invalid(step, EVENT_STREAM_FIN_INVALID_ACK);
	if (seq_before(step->end_seq, own->next_seq) || seq_after(step->seq, own->acked_seq + own->window))
		return stream_invalid(step, EVENT_STREAM_FIN_OUT_OF_WINDOW);
	stream_advance(step);
	stream_take_ack(step);
	stream_take_window(step);
	stream_timestamp_keep(step);
	/* Bytes that we missed and the sender of the FIN did not. */
	if (seq_before(peer->next_seq, step->ack) && step->flags & TCP_ACK)
		peer->next_seq = step->ack;
	stream_set_state(step, step->dir == TO_SERVER ? STREAM_CLOSE_WAIT : STREAM_FIN_WAIT1);
	step->flush_own = step->dir == TO_SERVER;
	stream_assemble(step);
	return 0;
}

static int repeated_synack(struct stream_step *step)
{
	const struct stream_end *client = step->peer;

	if (step->dir == TO_SERVER)
		return stream_invalid(step, EVENT_STREAM_EST_SYNACK_TOSERVER);
	if (step->ack != client->isn + 1 && !(step->session->flags & SSN_TFO && step->ack == client->acked_seq))
		return stream_invalid(step, EVENT_STREAM_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK);
	if (step->seq != step->own->isn)
		return stream_invalid(step, EVENT_STREAM_EST_SYNACK_RESEND_WITH_DIFF_SEQ);
	if (step->session->flags & SSN_CONFIRMED)
		return stream_invalid(step, EVENT_STREAM_EST_SYNACK_RESEND);
	return 0;
}

static int repeated_syn(struct stream_step *step)
{
	if (step->dir == TO_CLIENT)
		return stream_invalid(step, EVENT_STREAM_EST_SYN_TOCLIENT);
	if (step->seq != step->own->isn)
		return stream_invalid(step, EVENT_STREAM_EST_SYN_RESEND_DIFF_SEQ);
	if (step->session->flags & SSN_CONFIRMED)
		return stream_invalid(step, EVENT_STREAM_EST_SYN_RESEND);
	return 0;
}

/* A packet that ends before what the other side acknowledged: normal only where we see one side, or missed bytes. */
static bool is_too_old(struct stream_step *step)
{
	struct stream_session *session = step->session;
	struct stream_end *own = step->own;
	bool one_sided = step->engine->settings->stream_async_oneside && session->flags & SSN_MIDSTREAM;

	if (seq_not_before(step->end_seq, own->acked_seq))
		return false;
	if (session->flags & SSN_ASYNC) {
		own->acked_seq = step->seq;
		return false;
	}
	if (one_sided && (step->seq == own->next_seq || own->acked_seq == own->isn + 1)) {
		session->flags |= SSN_ASYNC;
		own->acked_seq = step->seq;
		return false;
	}
	/* Acknowledged, but not seen before. */
	return !(seq_after(own->acked_seq, own->next_seq) && seq_after(step->end_seq, own->next_seq));
}

/* RFC 9293, section 3.8.6.1: one byte against a closed window. */
static bool is_window_probe(const struct stream_step *step)
{
	return step->size == 1 && step->seq == step->own->next_seq && step->own->window == 0;
}

static int handle_data(struct stream_step *step)
{
	struct stream_session *session = step->session;
	struct stream_end *own = step->own;

	if (stream_check_ack(step) != 0)
		return stream_invalid(step, EVENT_STREAM_EST_INVALID_ACK);
	if (!stream_timestamp_valid(step))
		return -1;
	if (is_too_old(step))
		return stream_invalid(step, EVENT_STREAM_EST_PKT_BEFORE_LAST_ACK);
	if (!is_window_probe(step) && !(session->flags & (SSN_MIDSTREAM | SSN_ASYNC)) &&
		seq_after(step->end_seq, own->window_edge))
		return stream_invalid(step, EVENT_STREAM_EST_PACKET_OUT_OF_WINDOW);
	if (!is_window_probe(step))
		stream_advance(step);
	stream_take_ack(step);
	stream_take_window(step);
	stream_timestamp_keep(step);
	if (step->dir == TO_SERVER)
		session->flags |= SSN_CONFIRMED;
	stream_assemble(step);
	return 0;
}

int stream_state_established(struct stream_step *step)
{
	if (step->flags & TCP_RST)
		return stream_handle_reset(step);
	if (step->flags & TCP_FIN)
		return stream_handle_fin(step);
	if ((step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return repeated_synack(step);
	if (step->flags & TCP_SYN)
		return repeated_syn(step);
	return step->flags & TCP_ACK ? handle_data(step) : 0;
}
