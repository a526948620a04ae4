// SPDX-License-Identifier: Apache-2.0
/* The states before ESTABLISHED, and sessions whose beginning was missed. */
#include "sensor/flow/exception.h"
#include "sensor/stream/internal.h"

/* ---- What the first packets say about their sender and the other end. ---- */

/* The sender's first timestamp. */
static void begin_timestamp(struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;
	struct stream_end *own = step->own;

	if (!tcp->has_ts)
		return;
	own->last_ts = tcp->ts_val;
	own->last_ts_ns = step->packet->time_ns;
	own->flags |= END_TIMESTAMP;
	if (tcp->ts_val == 0)
		own->flags |= END_ZERO_TIMESTAMP;
}

static uint8_t limit_wscale(uint8_t wscale)
{
	return wscale < WSCALE_MAX ? wscale : WSCALE_MAX;
}

/* A SYN: what the client can do. 'own' is the client's end. */
static void take_syn(struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;

	stream_end_start(step->own, step->seq);
	begin_timestamp(step);
	step->peer->window = tcp->window;
	step->session->flags &= ~(uint32_t)(SSN_CLIENT_WSCALE | SSN_CLIENT_SACK | SSN_TFO);
	if (tcp->has_wscale) {
		step->session->flags |= SSN_CLIENT_WSCALE;
		step->peer->wscale = limit_wscale(tcp->wscale);
	}
	if (tcp->has_sack_ok)
		step->session->flags |= SSN_CLIENT_SACK;
	if (tcp->has_tfo)
		step->session->flags |= SSN_TFO;
}

/* ---- No session yet. ---- */

static int open_with_syn(struct stream_step *step)
{
	if (!stream_session_make(step))
		return 0;
	take_syn(step);
	stream_set_state(step, STREAM_SYN_SENT);
	if (step->session->flags & SSN_TFO && step->size != 0) {
		/* RFC 7413: data with the SYN, behind the number that the SYN takes. */
		step->seq++;
		step->end_seq++;
		step->own->next_seq = step->end_seq;
		stream_assemble(step);
	}
	return 0;
}

/* The policy for missed beginnings; true when the session may be picked up. */
static bool may_pick_up(struct stream_step *step, bool allowed)
{
	const struct sensor_settings *settings = step->engine->settings;
	enum exception_policy policy = exception_policy_apply(settings, step->engine->counters, step->packet,
		(enum exception_policy)settings->policy_midstream, EXCEPTION_TARGET_STREAM_MIDSTREAM,
		DROP_REASON_STREAM_MIDSTREAM);

	return allowed &&
	       (policy == EXCEPTION_IGNORE || policy == EXCEPTION_PASS_FLOW || policy == EXCEPTION_PASS_PACKET);
}

static bool pick_up(struct stream_step *step)
{
	if (!stream_session_make(step))
		return false;
	step->session->flags |= SSN_MIDSTREAM | SSN_SACK;
	if (step->engine->settings->stream_async_oneside)
		step->session->flags |= SSN_ASYNC;
	step->engine->counters[COUNTER_TCP_MIDSTREAM_PICKUPS]++;
	return true;
}

/* Nobody saw the timestamp option negotiated: whoever sends it uses it. */
static void pick_up_timestamp(struct stream_step *step)
{
	if (!step->packet->tcp.has_ts)
		return;
	begin_timestamp(step);
	step->session->flags |= SSN_TIMESTAMP;
	step->peer->last_ts = step->packet->tcp.ts_ecr;
}

/* The sender of a SYN/ACK is the server, so flow and packet are turned round. */
static int open_with_synack(struct stream_step *step)
{
	const struct sensor_settings *settings = step->engine->settings;
	const struct packet_tcp *tcp = &step->packet->tcp;

	if (!may_pick_up(step, settings->stream_midstream || settings->stream_async_oneside) || !pick_up(step))
		return 0;
	step->session->flags |= SSN_MIDSTREAM_SYNACK;
	stream_step_turn(step);
	stream_set_state(step, STREAM_SYN_RECV);
	stream_end_start(step->own, step->seq);
	stream_end_start(step->peer, step->ack - 1);
	step->peer->acked_seq = step->ack;
	step->own->acked_seq = step->seq;
	/* What the client said of its window was missed: taken for the same. */
	step->own->window = step->peer->window = tcp->window;
	step->own->window_edge = step->own->next_seq + step->own->window;
	step->peer->window_edge = step->peer->acked_seq + step->peer->window;
	if (tcp->has_wscale) {
		step->peer->wscale = limit_wscale(tcp->wscale);
		step->own->wscale = WSCALE_MAX;
	}
	pick_up_timestamp(step);
	return 0;
}

static int open_with_data(struct stream_step *step, enum stream_state state)
{
	struct stream_end *own, *peer;

	if (!pick_up(step))
		return 0;
	own = step->own;
	peer = step->peer;
	stream_set_state(step, state);
	stream_end_start(own, step->seq - 1);
	stream_end_start(peer, step->ack - 1);
	own->next_seq = step->end_seq;
	own->acked_seq = step->seq;
	peer->acked_seq = step->ack;
	own->wscale = peer->wscale = WSCALE_MAX;
	own->window = peer->window = (uint32_t)step->packet->tcp.window << WSCALE_MAX;
	own->window_edge = own->acked_seq + own->window;
	peer->window_edge = peer->acked_seq + peer->window;
	pick_up_timestamp(step);
	stream_assemble(step);
	return 0;
}

int stream_state_none(struct stream_step *step)
{
	bool midstream = step->engine->settings->stream_midstream;

	if (step->flags & TCP_RST)
		return stream_invalid(step, EVENT_STREAM_RST_BUT_NO_SESSION);
	if (step->flags & TCP_FIN) {
		if (!may_pick_up(step, midstream) || step->size == 0)
			return stream_invalid(step, EVENT_STREAM_FIN_BUT_NO_SESSION);
		return open_with_data(step, STREAM_FIN_WAIT1);
	}
	if ((step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return open_with_synack(step);
	if (step->flags & TCP_SYN)
		return open_with_syn(step);
	if (step->flags & TCP_ACK && may_pick_up(step, midstream))
		return open_with_data(step, STREAM_ESTABLISHED);
	return 0;
}

/* ---- SYN_SENT: a SYN was seen. ---- */

/* Another SYN of the client was meant by this SYN/ACK: it takes the place of the first. */
static bool adopt_syn(struct stream_step *step)
{
	struct stream_session *session = step->session;
	struct stream_end *client = step->peer;

	for (const struct stream_candidate *syn = session->candidates; syn; syn = syn->next) {
		if (step->ack != syn->seq + 1)
			continue;
		stream_end_start(client, syn->seq);
		client->last_ts = syn->ts_val;
		client->last_ts_ns = syn->has_ts ? syn->time_ns : 0;
		client->flags &= ~(uint32_t)(END_TIMESTAMP | END_ZERO_TIMESTAMP);
		if (syn->has_ts)
			client->flags |= syn->ts_val == 0 ? END_TIMESTAMP | END_ZERO_TIMESTAMP : END_TIMESTAMP;
		step->own->window = syn->window;
		step->own->wscale = limit_wscale(syn->wscale);
		session->flags &= ~(uint32_t)(SSN_CLIENT_WSCALE | SSN_CLIENT_SACK | SSN_TFO);
		session->flags |= (syn->has_wscale ? SSN_CLIENT_WSCALE : 0u) |
				  (syn->has_sack_ok ? SSN_CLIENT_SACK : 0u) | (syn->has_tfo ? SSN_TFO : 0u);
		return true;
	}
	return false;
}

/* What client and server agreed upon. 'own' is the server's end. */
static void take_synack(struct stream_step *step)
{
	struct stream_session *session = step->session;
	const struct packet_tcp *tcp = &step->packet->tcp;
	struct stream_end *server = step->own, *client = step->peer;

	stream_end_start(server, step->seq);
	server->acked_seq = step->seq + 1;
	server->flags &= ~(uint32_t)(END_TIMESTAMP | END_ZERO_TIMESTAMP);
	begin_timestamp(step);
	session->flags &= ~(uint32_t)(SSN_TIMESTAMP | SSN_SACK);
	if (server->flags & END_TIMESTAMP && client->flags & END_TIMESTAMP)
		session->flags |= SSN_TIMESTAMP;
	if (session->flags & SSN_CLIENT_SACK && tcp->has_sack_ok)
		session->flags |= SSN_SACK;
	/* Both sides must offer window scaling (RFC 7323, section 2.2); windows of SYN and SYN/ACK are not scaled. */
	client->wscale = 0;
	if (session->flags & SSN_CLIENT_WSCALE && tcp->has_wscale)
		client->wscale = limit_wscale(tcp->wscale);
	else
		server->wscale = 0;
	client->acked_seq = step->ack;
	client->window = tcp->window;
	client->window_edge = client->acked_seq + client->window;
	server->window_edge = server->acked_seq + server->window;
}

static int fast_open_synack(struct stream_step *step)
{
	struct stream_end *client = step->peer;
	bool ignored = step->ack == client->isn + 1 && client->next_seq != client->isn + 1;

	if (step->ack != client->isn + 1 && step->ack != client->next_seq)
		return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_WITH_WRONG_ACK);
	take_synack(step);
	if (ignored) {
		/* The server did not take the data: other data may come in its place. */
		packet_event(step->packet, EVENT_STREAM_3WHS_SYNACK_TFO_DATA_IGNORED);
		client->next_seq = step->ack;
		if (client->app_progress == 0 && client->raw_progress == 0) {
			stream_buffer_done(&client->buffer, &step->engine->memory);
			stream_buffer_init(&client->buffer);
		}
		stream_set_state(step, STREAM_SYN_RECV);
		return 0;
	}
	stream_set_state(step, client->next_seq == client->isn + 1 ? STREAM_SYN_RECV : STREAM_ESTABLISHED);
	stream_assemble(step);
	return 0;
}

static int synack_in_syn_sent(struct stream_step *step)
{
	struct stream_session *session = step->session;

	if (step->dir == TO_SERVER) {
		if (!(session->flags & SSN_4WHS))
			return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_IN_WRONG_DIRECTION);
		if (step->ack != step->peer->isn + 1)
			return stream_invalid(step, EVENT_STREAM_4WHS_SYNACK_WITH_WRONG_ACK);
		if (step->seq != step->own->isn)
			return stream_invalid(step, EVENT_STREAM_4WHS_SYNACK_WITH_WRONG_SYN);
		take_synack(step);
		stream_set_state(step, STREAM_SYN_RECV);
		return 0;
	}
	if (session->flags & SSN_TFO && step->ack != step->peer->isn + 1 && step->ack == step->peer->next_seq)
		return fast_open_synack(step);
	if (step->ack != step->peer->isn + 1 && !adopt_syn(step))
		return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_WITH_WRONG_ACK);
	stream_candidates_drop(step->engine, session);
	if (session->flags & SSN_TFO)
		return fast_open_synack(step);
	take_synack(step);
	stream_set_state(step, STREAM_SYN_RECV);
	return 0;
}

static int syn_in_syn_sent(struct stream_step *step)
{
	if (step->dir == TO_CLIENT) {
		/* RFC 9293, section 3.5: both sides open at the same time. */
		step->session->flags |= SSN_4WHS;
		stream_end_start(step->own, step->seq);
		begin_timestamp(step);
		step->own->acked_seq = step->seq + 1;
		step->peer->window = step->packet->tcp.window;
		if (step->packet->tcp.has_wscale)
			step->peer->wscale = limit_wscale(step->packet->tcp.wscale);
		return 0;
	}
	if (step->seq == step->own->isn && !step->packet->tcp.has_ts)
		return 0;
	if (!stream_candidate_add(step, step->engine->settings->stream_max_syn_queued))
		return stream_invalid(step, EVENT_STREAM_3WHS_SYN_FLOOD);
	return 0;
}

/* The server's answers are not seen: the client goes on all the same. */
static int one_sided_ack(struct stream_step *step)
{
	struct stream_session *session = step->session;
	struct stream_end *own = step->own, *peer = step->peer;

	if (!step->engine->settings->stream_async_oneside || step->dir == TO_CLIENT)
		return 0;
	if (step->seq != own->next_seq)
		return stream_invalid(step, EVENT_STREAM_3WHS_ASYNC_WRONG_SEQ);
	session->flags |= SSN_ASYNC;
	own->window = step->packet->tcp.window;
	own->acked_seq = step->seq;
	own->window_edge = own->acked_seq + own->window;
	own->next_seq = step->end_seq;
	stream_end_start(peer, step->ack - 1);
	peer->acked_seq = step->ack;
	peer->window = step->packet->tcp.window;
	peer->window_edge = peer->acked_seq + peer->window;
	stream_set_state(step, STREAM_ESTABLISHED);
	if (step->packet->tcp.has_ts && own->flags & END_TIMESTAMP) {
		session->flags |= SSN_TIMESTAMP;
		stream_timestamp_keep(step);
	}
	stream_assemble(step);
	return 0;
}

static int reset_in_syn_sent(struct stream_step *step)
{
	if (!stream_reset_valid(step) && step->dir == TO_SERVER)
		return -1;
	/* A client that takes its SYN back repeats its number; the server's refusal acknowledges it. */
	if (step->dir == TO_SERVER &&
		(step->seq != step->own->isn || step->packet->tcp.window != 0 || step->ack != step->own->isn + 1))
		return 0;
	if (step->dir == TO_CLIENT && step->flags & TCP_ACK && step->ack != step->peer->isn + 1 &&
		step->ack != step->peer->next_seq)
		return stream_invalid(step, EVENT_STREAM_RST_INVALID_ACK);
	step->session->flags |= SSN_CLOSED_BY_RST;
	stream_set_state(step, STREAM_CLOSED);
	return 0;
}

int stream_state_syn_sent(struct stream_step *step)
{
	const struct packet_tcp *tcp = &step->packet->tcp;

	/* RFC 7323, section 3.2: an answer echoes the timestamp that it answers, where there was one. */
	if (step->dir == TO_CLIENT && step->flags & (TCP_ACK | TCP_RST | TCP_FIN) && tcp->has_ts && tcp->ts_ecr != 0 &&
		(!(step->flags & TCP_SYN) || step->peer->flags & END_TIMESTAMP) &&
		step->session->candidate_count == 0 && tcp->ts_ecr != step->peer->last_ts)
		return stream_invalid(step, EVENT_STREAM_PKT_INVALID_TIMESTAMP);
	if (step->flags & TCP_RST)
		return reset_in_syn_sent(step);
	if (step->flags & TCP_FIN)
		return 0;
	if ((step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return synack_in_syn_sent(step);
	if (step->flags & TCP_SYN)
		return syn_in_syn_sent(step);
	if (step->flags & TCP_ACK)
		return one_sided_ack(step);
	return 0;
}

/* ---- SYN_RECV: a SYN/ACK was seen. ---- */

static int synack_in_syn_recv(struct stream_step *step)
{
	if (step->dir == TO_SERVER)
		return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_TOSERVER_ON_SYN_RECV);
	if (step->ack != step->peer->isn + 1)
		return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_RESEND_WITH_DIFFERENT_ACK);
	if (step->seq == step->own->isn)
		return 0;
	/* Which of several SYN/ACKs the client means, its acknowledgement will tell. */
	packet_event(step->packet, EVENT_STREAM_3WHS_SYNACK_RESEND_WITH_DIFF_SEQ);
	if (!stream_candidate_add(step, step->engine->settings->stream_max_synack_queued))
		return stream_invalid(step, EVENT_STREAM_3WHS_SYNACK_FLOOD);
	return 0;
}

static int syn_in_syn_recv(struct stream_step *step)
{
	if (step->dir == TO_CLIENT)
		return stream_invalid(step, EVENT_STREAM_3WHS_SYN_TOCLIENT_ON_SYN_RECV);
	if (step->seq != step->own->isn)
		return stream_invalid(step, EVENT_STREAM_3WHS_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV);
	return 0;
}

static void adopt_synack(struct stream_step *step)
{
	struct stream_session *session = step->session;
	struct stream_end *client = step->own, *server = step->peer;

	for (const struct stream_candidate *synack = session->candidates; synack; synack = synack->next) {
		if (step->ack != synack->seq + 1)
			continue;
		stream_end_start(server, synack->seq);
		server->acked_seq = synack->seq + 1;
		server->window_edge = server->acked_seq + server->window;
		server->last_ts = synack->ts_val;
		server->last_ts_ns = synack->has_ts ? synack->time_ns : 0;
		client->window = synack->window;
		client->window_edge = client->acked_seq + client->window;
		if (session->flags & SSN_CLIENT_WSCALE && synack->has_wscale)
			client->wscale = limit_wscale(synack->wscale);
		break;
	}
}

static int reset_in_syn_recv(struct stream_step *step)
{
	enum stream_os_policy receiver;

	if (!stream_reset_valid(step))
		return -1;
	/* After an acknowledgement out of place some systems take this reset for a stray one. */
	receiver = stream_os(step->engine, step->session, sensor_dir_opposite(step->dir));
	if (step->session->flags & SSN_EVASION &&
		(receiver == OS_LINUX || receiver == OS_OLD_LINUX || receiver == OS_SOLARIS))
		return 0;
	step->session->flags |= SSN_CLOSED_BY_RST;
	stream_set_state(step, STREAM_CLOSED);
	return 0;
}

static int establish(struct stream_step *step)
{
	stream_take_ack(step);
	stream_take_window(step);
	stream_advance(step);
	stream_timestamp_keep(step);
	stream_candidates_drop(step->engine, step->session);
	stream_set_state(step, STREAM_ESTABLISHED);
	stream_assemble(step);
	return 0;
}

/* A packet of the server where the client's last word of the handshake is expected. It may be that this word was lost
 * on the way to us; inline, nothing is lost on the way to us. Answers 0: go on; -1: refuse. */
static int server_speaks_early(struct stream_step *step)
{
	if (step->session->flags & (SSN_MIDSTREAM_SYNACK | SSN_TFO | SSN_4WHS) || !stream_inline(step->engine))
		return 0;
	if (step->size != 0 && step->ack == step->peer->acked_seq && step->seq == step->own->next_seq)
		return stream_invalid(step, EVENT_STREAM_3WHS_ACK_DATA_INJECT);
	return stream_invalid(step, EVENT_STREAM_3WHS_ACK_IN_WRONG_DIR);
}

static int server_ack_in_syn_recv(struct stream_step *step)
{
	struct stream_session *session = step->session;

	if (server_speaks_early(step) != 0)
		return -1;
	if (session->flags & SSN_4WHS && step->seq != step->own->next_seq)
		return stream_invalid(step, EVENT_STREAM_4WHS_WRONG_SEQ);
	if (session->flags & SSN_4WHS && stream_check_ack(step) != 0)
		return stream_invalid(step, EVENT_STREAM_4WHS_INVALID_ACK);
	if (step->seq == step->own->next_seq) {
		if (step->engine->settings->stream_async_oneside && session->flags & SSN_MIDSTREAM_SYNACK) {
			session->flags |= SSN_ASYNC;
			step->own->acked_seq = step->seq;
		}
		return establish(step);
	}
	/* Bytes of both sides were lost on the way to us. */
	if (!stream_inline(step->engine) && seq_after(step->seq, step->own->next_seq) &&
		seq_not_before(step->ack, step->peer->acked_seq))
		return establish(step);
	return stream_invalid(step, EVENT_STREAM_3WHS_WRONG_SEQ_WRONG_ACK);
}

static int client_ack_in_syn_recv(struct stream_step *step)
{
	struct stream_end *client = step->own, *server = step->peer;

	adopt_synack(step);
	if (step->seq == client->next_seq && step->ack == server->next_seq)
		return establish(step);
	if (step->seq == client->next_seq) {
		/* Most systems answer a wrong acknowledgement with a reset, some do not: a way to hide. */
		if (step->session->flags & SSN_MIDSTREAM_SYNACK && seq_after(step->ack, server->next_seq) &&
			!stream_inline(step->engine))
			return establish(step);
		step->session->flags |= SSN_EVASION;
		return stream_invalid(step, EVENT_STREAM_3WHS_RIGHT_SEQ_WRONG_ACK_EVASION);
	}
	/* The acknowledgement itself was lost, or came with data that we did not see. */
	if (seq_after(step->seq, client->next_seq) && seq_not_after(step->seq, client->window_edge) &&
		step->ack == server->next_seq)
		return establish(step);
	return stream_invalid(step, EVENT_STREAM_3WHS_WRONG_SEQ_WRONG_ACK);
}

int stream_state_syn_recv(struct stream_step *step)
{
	if (step->flags & TCP_RST)
		return reset_in_syn_recv(step);
	if (step->flags & TCP_FIN)
		return stream_handle_fin(step);
	if ((step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return synack_in_syn_recv(step);
	if (step->flags & TCP_SYN)
		return syn_in_syn_recv(step);
	if (!(step->flags & TCP_ACK))
		return 0;
	if (!stream_timestamp_valid(step))
		return -1;
	return step->dir == TO_CLIENT ? server_ack_in_syn_recv(step) : client_ack_in_syn_recv(step);
}
