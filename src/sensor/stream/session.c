// SPDX-License-Identifier: Apache-2.0
/* Sessions and engine: life, and the calls of stream.h that only ask or set something. */
#include <stdlib.h>
#include <string.h>

#include "sensor/config/tree.h"
#include "sensor/flow/exception.h"
#include "sensor/stream/internal.h"

static const char *const state_names[] = {
#define X(id, name) name,
	STREAM_STATES(X)
#undef X
};

static void register_events(struct stream_engine *engine)
{
	engine->count_events =
		engine->settings->root && conf_bool(engine->settings->root, "stats.stream-events", false);
	for (unsigned int event = EVENT_DECODE_COUNT; engine->count_events && event < EVENT_COUNT; event++)
		engine->event_counters[event - EVENT_DECODE_COUNT] = stats_register(event_eve_name((uint16_t)event));
}

struct stream_engine *stream_engine_new(
	const struct sensor_settings *settings, uint64_t *counters, stream_data_fn data, void *context)
{
	struct stream_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	exception_policy_register(settings);
	engine->settings = settings;
	register_events(engine);
	engine->counters = counters;
	engine->data = data;
	engine->context = context;
	engine->memory.ceiling_size = settings->reassembly_memcap_size;
	engine->check_overlaps = stream_inline(engine);
	if (settings->root && conf_bool(settings->root, "stream.reassembly.check-overlap-different-data", false))
		engine->check_overlaps = true;
	return engine;
}

void stream_engine_free(struct stream_engine *engine)
{
	free(engine);
}

static void count_memory(struct stream_engine *engine)
{
	engine->counters[COUNTER_TCP_MEMUSE] = engine->session_size;
	engine->counters[COUNTER_TCP_REASSEMBLY_MEMUSE] = engine->memory.used_size;
}

/* A session for the flow of the packet in hand; null, with the policy applied, when there is no room. */
struct stream_session *stream_session_make(struct stream_step *step)
{
	struct stream_engine *engine = step->engine;
	const struct sensor_settings *settings = engine->settings;
	struct stream_session *session = NULL;
	bool simulated = step->packet->flags & PKT_MEMCAP_SSN ||
			 (settings->simulate_ssn_memcap != 0 && step->packet->number == settings->simulate_ssn_memcap);

	if (!simulated && engine->session_size + sizeof(*session) <= settings->stream_memcap_size)
		session = calloc(1, sizeof(*session));
	if (!session) {
		engine->counters[COUNTER_TCP_SSN_MEMCAP_DROP]++;
		exception_policy_apply(settings, engine->counters, step->packet,
			(enum exception_policy)settings->policy_stream_ssn_memcap, EXCEPTION_TARGET_STREAM_SSN_MEMCAP,
			DROP_REASON_STREAM_MEMCAP);
		return NULL;
	}
	engine->session_size += sizeof(*session);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		stream_buffer_init(&session->ends[dir].buffer);
		session->ends[dir].depth_size = settings->reassembly_depth_size;
		if (!settings->stream_raw)
			session->ends[dir].flags |= END_RAW_STOPPED;
	}
	session->flow = step->packet->flow;
	session->flow->tcp = session;
	step->session = session;
	step->own = &session->ends[step->dir];
	step->peer = &session->ends[sensor_dir_opposite(step->dir)];
	step->own->tcp_flags = step->flags;
	engine->counters[COUNTER_TCP_SESSIONS]++;
	engine->counters[COUNTER_TCP_ACTIVE_SESSIONS]++;
	count_memory(engine);
	return session;
}

void stream_candidates_drop(struct stream_engine *engine, struct stream_session *session)
{
	while (session->candidates) {
		struct stream_candidate *candidate = session->candidates;

		session->candidates = candidate->next;
		engine->session_size -= sizeof(*candidate);
		free(candidate);
	}
	session->candidate_count = 0;
}

bool stream_candidate_add(struct stream_step *step, unsigned int limit)
{
	struct stream_session *session = step->session;
	const struct packet_tcp *tcp = &step->packet->tcp;
	struct stream_candidate *candidate;

	for (candidate = session->candidates; candidate; candidate = candidate->next)
		if (candidate->seq == step->seq && candidate->ts_val == (tcp->has_ts ? tcp->ts_val : 0))
			return true;
	if (session->candidate_count >= limit || session->candidate_count >= QUEUE_LIMIT ||
		step->engine->session_size + sizeof(*candidate) > step->engine->settings->stream_memcap_size)
		return false;
	candidate = calloc(1, sizeof(*candidate));
	if (!candidate)
		return false;
	step->engine->session_size += sizeof(*candidate);
	*candidate = (struct stream_candidate){ .next = session->candidates,
		.seq = step->seq,
		.ts_val = tcp->has_ts ? tcp->ts_val : 0,
		.time_ns = step->packet->time_ns,
		.window = tcp->window,
		.wscale = tcp->has_wscale ? tcp->wscale : 0,
		.has_wscale = tcp->has_wscale,
		.has_ts = tcp->has_ts,
		.has_sack_ok = tcp->has_sack_ok,
		.has_tfo = tcp->has_tfo };
	session->candidates = candidate;
	session->candidate_count++;
	return true;
}

void stream_session_free(struct stream_engine *engine, struct stream_session *session)
{
	if (!session)
		return;
	stream_candidates_drop(engine, session);
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		stream_buffer_done(&session->ends[dir].buffer, &engine->memory);
	engine->session_size -= sizeof(*session);
	engine->counters[COUNTER_TCP_ACTIVE_SESSIONS]--;
	free(session);
	count_memory(engine);
}

void stream_end_start(struct stream_end *end, uint32_t isn)
{
	end->isn = isn;
	end->next_seq = isn + 1;
	end->acked_seq = isn + 1;
	end->window_edge = isn + 1;
	end->base_seq = isn + 1;
	end->base_offset = 0;
}

/* States of the flow that stand for those of the session; the rest leave the flow as it is. */
void stream_set_state(struct stream_step *step, enum stream_state state)
{
	struct stream_session *session = step->session;
	struct flow *flow = session->flow;

	if (session->state == state)
		return;
	session->earlier_state = session->state;
	session->state = (uint8_t)state;
	if (flow_is_bypassed(flow))
		return;
	switch (state) {
	case STREAM_ESTABLISHED:
	case STREAM_FIN_WAIT1:
	case STREAM_FIN_WAIT2:
	case STREAM_CLOSING:
	case STREAM_CLOSE_WAIT:
		flow_set_state(flow->table, flow, FLOW_ESTABLISHED);
		break;
	case STREAM_LAST_ACK:
	case STREAM_TIME_WAIT:
	case STREAM_CLOSED:
		flow_set_state(flow->table, flow, FLOW_CLOSED);
		break;
	case STREAM_NONE:
	case STREAM_LISTEN:
	case STREAM_SYN_SENT:
	case STREAM_SYN_RECV:
		break;
	}
}

static void swap_ends(struct stream_session *session)
{
	struct stream_end end = session->ends[TO_SERVER];

	session->ends[TO_SERVER] = session->ends[TO_CLIENT];
	session->ends[TO_CLIENT] = end;
	session->turn_count++;
}

void stream_swap(struct flow *flow, struct sensor_packet *packet)
{
	flow_swap(flow);
	if (flow->tcp)
		swap_ends(flow->tcp);
	if (packet)
		packet->dir = (uint8_t)sensor_dir_opposite((enum sensor_dir)packet->dir);
}

void stream_step_turn(struct stream_step *step)
{
	stream_swap(step->session->flow, step->packet);
	stream_step_refresh(step);
}

void stream_step_refresh(struct stream_step *step)
{
	step->dir = (enum sensor_dir)step->packet->dir;
	step->own = &step->session->ends[step->dir];
	step->peer = &step->session->ends[sensor_dir_opposite(step->dir)];
}

enum stream_os_policy stream_os(struct stream_engine *engine, struct stream_session *session, enum sensor_dir dir)
{
	struct stream_end *end = &session->ends[dir];

	if (!(end->flags & END_OS_KNOWN)) {
		const struct flow *flow = session->flow;

		end->os =
			(uint8_t)sensor_settings_os(engine->settings, dir == TO_SERVER ? &flow->client : &flow->server);
		end->flags |= END_OS_KNOWN;
	}
	return (enum stream_os_policy)end->os;
}

/* A SYN always opens a connection, a SYN/ACK only where midstream pickups are allowed. A connection can be followed by
 * another once the client closed its side or both did; the same initial number is a repetition. */
bool stream_session_reusable(const struct sensor_settings *settings, const struct stream_session *session,
	const struct sensor_packet *packet, enum sensor_dir dir)
{
	uint8_t flags = packet->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	if (!session || packet->flags & PKT_BAD_CHECKSUM)
		return false;
	if (flags != TCP_SYN && !(settings->stream_midstream && flags == (TCP_SYN | TCP_ACK)))
		return false;
	if (session->ends[dir].isn == packet->tcp.seq && session->ends[dir].tcp_flags & TCP_SYN)
		return false;
	return session->state == STREAM_NONE || session->state >= STREAM_TIME_WAIT;
}

void stream_raw_trigger(struct stream_session *session, enum sensor_dir dir)
{
	session->ends[dir].flags |= END_RAW_TRIGGER;
}

void stream_raw_stop(struct stream_session *session, enum sensor_dir dir)
{
	session->ends[dir].flags |= END_RAW_STOPPED;
}

void stream_raw_resume(struct stream_session *session, enum sensor_dir dir)
{
	struct stream_end *end = &session->ends[dir];

	if (!(end->flags & END_RAW_STOPPED))
		return;
	end->flags &= ~(uint32_t)END_RAW_STOPPED;
	if (end->raw_progress < end->buffer.base)
		end->raw_progress = end->buffer.base;
}

void stream_hold(struct stream_session *session, enum sensor_dir dir, uint64_t offset)
{
	struct stream_end *end = &session->ends[dir];

	end->hold_offset = offset;
	if (offset == UINT64_MAX)
		end->flags &= ~(uint32_t)END_HOLD;
	else
		end->flags |= END_HOLD;
}

void stream_app_stop(struct stream_session *session, enum sensor_dir dir)
{
	session->ends[dir].flags |= END_APP_STOPPED;
}

void stream_set_depth(struct stream_session *session, uint32_t depth_size)
{
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++)
		session->ends[dir].depth_size = depth_size;
}

void stream_facts(const struct stream_session *session, struct stream_facts *ret)
{
	*ret = (struct stream_facts){ .state = session->state,
		.state_name = state_names[session->state],
		.midstream = session->flags & SSN_MIDSTREAM,
		.urgent_count = session->urgent_total };
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		const struct stream_end *end = &session->ends[dir];

		ret->flags[dir] = end->tcp_flags;
		ret->gap[dir] = end->flags & END_GAP;
		ret->max_regions[dir] = end->buffer.far_max;
		ret->bytes[dir] = end->bytes;
	}
}

struct bytes stream_bytes(const struct stream_session *session, enum sensor_dir dir, uint64_t offset, size_t max_size)
{
	return bytes_first(stream_buffer_view(&session->ends[dir].buffer, offset), max_size);
}

bool stream_stretch(const struct stream_session *session, enum sensor_dir dir, uint64_t offset, struct bytes *ret_data,
	uint64_t *ret_offset)
{
	const struct stream_buffer *buffer = &session->ends[dir].buffer;
	uint64_t next = stream_buffer_next(buffer, offset);

	if (next == UINT64_MAX)
		return false;
	*ret_data = stream_buffer_view(buffer, next);
	*ret_offset = next;
	return true;
}

uint64_t stream_app_progress(const struct stream_session *session, enum sensor_dir dir)
{
	return session->ends[dir].app_progress;
}

uint64_t stream_raw_progress(const struct stream_session *session, enum sensor_dir dir)
{
	return session->ends[dir].raw_progress;
}
