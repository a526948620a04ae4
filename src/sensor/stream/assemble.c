// SPDX-License-Identifier: Apache-2.0
/* Bytes into the buffer, bytes out to the parser. */
#include "sensor/flow/exception.h"
#include "sensor/stream/internal.h"

enum { URGENT_OOB = 0, URGENT_INLINE = 1, URGENT_DROP = 2, URGENT_GAP = 3 };

#define REBASE_SIZE  (UINT64_C(1) << 28) /* offsets are counted from a number not further back than about this */
#define RAW_LAG_SIZE (UINT64_C(1) << 20) /* bytes that are kept for rules when nobody asks for them */
#define WINDOW_KEPT  4096 /* bytes kept for comparison when the window says nothing */
#define WINDOW_LIMIT (UINT64_C(1) << 16) /* ... and at most */

/* ---- Offsets. ---- */

int64_t stream_offset_of(const struct stream_end *end, uint32_t seq)
{
	int64_t offset = (int64_t)end->base_offset + (int32_t)(seq - end->base_seq);

	for (uint8_t i = 0; i < end->urgent_count; i++)
		offset -= seq_after(seq, end->urgent_seqs[i]);
	return offset;
}

uint64_t stream_acked_offset(const struct stream_end *end)
{
	int64_t offset = stream_offset_of(end, end->acked_seq);

	return offset > 0 ? (uint64_t)offset : 0;
}

/* Forgets the oldest urgent byte: offsets are counted from behind it. */
static void fold_urgent(struct stream_end *end)
{
	uint32_t seq = end->urgent_seqs[0];

	end->base_offset = (uint64_t)stream_offset_of(end, seq);
	end->base_seq = seq + 1;
	end->urgent_count--;
	memmove(&end->urgent_seqs[0], &end->urgent_seqs[1], end->urgent_count * sizeof(end->urgent_seqs[0]));
}

static void rebase(struct stream_end *end)
{
	uint64_t ahead;

	if (end->buffer.base < end->base_offset + REBASE_SIZE)
		return;
	while (end->urgent_count != 0)
		fold_urgent(end);
	ahead = end->buffer.base - end->base_offset;
	end->base_seq += (uint32_t)ahead;
	end->base_offset += ahead;
}

/* ---- Out. ---- */

/* Inline and one-sided, bytes count as they come; else when the receiver has them. */
static bool is_all_readable(const struct stream_engine *engine, const struct stream_session *session, bool end)
{
	return end || stream_inline(engine) || session->flags & SSN_ASYNC ||
	       (session->state == STREAM_CLOSED && !(session->flags & SSN_CLOSED_BY_RST));
}

/* The hole before 'next' is lost for good: the receiver acknowledged bytes of it. A FIN and a tolerance of one number
 * for it do not count. */
static bool is_gap(const struct stream_session *session, const struct stream_end *end)
{
	uint64_t acked = stream_acked_offset(end);
	uint64_t tolerance = session->state >= STREAM_FIN_WAIT2 ? 1 : 0;

	return acked > tolerance && acked - tolerance > end->app_progress;
}

static uint8_t chunk_flags(const struct stream_session *session, const struct stream_end *end, bool eof)
{
	return (uint8_t)((end->flags & END_STARTED ? 0u : STREAM_START) | (eof ? STREAM_EOF : 0u) |
			 (end->flags & END_DEPTH ? STREAM_DEPTH : 0u) |
			 (session->flags & SSN_MIDSTREAM ? STREAM_MIDSTREAM : 0u));
}

struct delivery {
	struct stream_engine *engine;
	struct sensor_packet *packet;
	struct stream_session *session;
	enum sensor_dir dir;
};

/* One call of the parser; true when it took something and may be called again. It may exchange the directions. */
static bool offer(const struct delivery *to, struct bytes data, uint64_t gap_size, bool eof)
{
	struct stream_session *session = to->session;
	struct stream_end *end = &session->ends[to->dir];
	struct stream_chunk chunk = { .data = data,
		.offset = end->app_progress,
		.gap_size = gap_size,
		.flags = (uint8_t)(chunk_flags(session, end, eof) | (gap_size != 0 ? STREAM_GAP : 0)) };
	enum sensor_dir dir = to->dir;
	uint8_t turn_count = session->turn_count;
	struct stream_answer answer;

	if (data.size != 0)
		to->packet->flags |= PKT_APPLAYER_UPDATED;
	if (eof)
		end->flags |= END_EOF_GIVEN;
	answer = to->engine->data(to->engine->context, to->packet, session->flow, dir, &chunk);
	/* The parser turned the flow round (stream_swap). */
	if ((uint8_t)(session->turn_count - turn_count) % 2 != 0) {
		dir = sensor_dir_opposite(dir);
		end = &session->ends[dir];
	}
	end->flags |= data.size != 0 || gap_size != 0 ? END_STARTED : 0;
	if (answer.stop)
		end->flags |= END_APP_STOPPED;
	if (answer.consumed > data.size)
		answer.consumed = data.size;
	end->app_progress += gap_size + answer.consumed;
	end->app_needed = answer.needed;
	return !answer.stop && dir == to->dir && (gap_size != 0 || answer.consumed != 0);
}

static void note_gap(const struct delivery *to, struct stream_end *end)
{
	end->flags |= END_GAP;
	to->engine->counters[COUNTER_TCP_REASSEMBLY_GAP]++;
	packet_event(to->packet, EVENT_STREAM_REASSEMBLY_SEQ_GAP);
}

void stream_deliver(struct stream_engine *engine, struct sensor_packet *packet, struct stream_session *session,
	enum sensor_dir dir, bool finish)
{
	const struct delivery to = { .engine = engine, .packet = packet, .session = session, .dir = dir };
	struct stream_end *end = &session->ends[dir];
	bool all = is_all_readable(engine, session, finish);
	bool again = true;

	while (again && !(end->flags & END_APP_STOPPED)) {
		struct bytes view = stream_buffer_view(&end->buffer, end->app_progress);
		uint64_t acked = stream_acked_offset(end), next, stream_end_offset = stream_buffer_end(&end->buffer);
		bool eof, hole;

		if (view.size == 0) {
			next = stream_buffer_next(&end->buffer, end->app_progress);
			if (next == UINT64_MAX || !is_gap(session, end))
				break;
			note_gap(&to, end);
			again = offer(&to, view, next - end->app_progress, false);
			continue;
		}
		hole = end->app_progress + view.size < stream_end_offset;
		if (!all)
			view = bytes_first(view, acked > end->app_progress ? (size_t)(acked - end->app_progress) : 0);
		if (view.size == 0)
			break;
		eof = (finish || session->state == STREAM_CLOSED) && end->app_progress + view.size == stream_end_offset;
		if (view.size < end->app_needed && !eof && !hole)
			return;
		again = offer(&to, view, 0, eof);
	}
	/* The end without a byte before it. */
	if ((finish || session->state == STREAM_CLOSED) && !(end->flags & (END_APP_STOPPED | END_EOF_GIVEN)) &&
		(finish || end->app_progress >= stream_buffer_end(&end->buffer)))
		offer(&to, (struct bytes){ 0 }, 0, true);
}

void stream_finish(struct stream_engine *engine, struct sensor_packet *packet, enum sensor_dir dir)
{
	struct stream_session *session = packet->flow ? packet->flow->tcp : NULL;

	if (!session)
		return;
	packet->flags |= PKT_STREAM_EOF;
	if (session->state >= STREAM_ESTABLISHED)
		packet->flags |= PKT_STREAM_EST | PKT_ESTABLISHED;
	stream_deliver(engine, packet, session, dir, true);
}

bool stream_unfinished(const struct stream_session *session, enum sensor_dir dir)
{
	const struct stream_end *end = &session->ends[dir];
	uint64_t right = stream_buffer_end(&end->buffer);

	return (!(end->flags & END_APP_STOPPED) && right > end->app_progress) ||
	       (!(end->flags & END_RAW_STOPPED) && right > end->raw_progress);
}

/* ---- In. ---- */

static void refuse(struct stream_step *step, enum stream_insert_result result)
{
	const struct sensor_settings *settings = step->engine->settings;
	uint64_t *counters = step->engine->counters;

	if (result == STREAM_INSERT_LIMIT) {
		counters[COUNTER_TCP_INSERT_DATA_NORMAL_FAIL]++;
		packet_event(step->packet, EVENT_STREAM_REASSEMBLY_INSERT_LIMIT);
		return;
	}
	counters[COUNTER_TCP_SEGMENT_MEMCAP_DROP]++;
	packet_event(step->packet, EVENT_STREAM_REASSEMBLY_INSERT_MEMCAP);
	exception_policy_apply(settings, counters, step->packet,
		(enum exception_policy)settings->policy_stream_reassembly_memcap,
		EXCEPTION_TARGET_STREAM_REASSEMBLY_MEMCAP, DROP_REASON_STREAM_REASSEMBLY);
}

/* Cuts the piece at the depth limit; false when nothing of it is left. */
static bool within_depth(struct stream_step *step, uint64_t offset, struct bytes *data)
{
	struct stream_end *own = step->own;

	if (own->depth_size == 0)
		return true;
	if (own->flags & END_DEPTH)
		return false;
	if (offset + data->size <= own->depth_size)
		return true;
	own->flags |= END_DEPTH;
	packet_event(step->packet, EVENT_STREAM_REASSEMBLY_DEPTH_REACHED);
	step->engine->counters[COUNTER_TCP_STREAM_DEPTH_REACHED]++;
	*data = bytes_first(*data, offset < own->depth_size ? (size_t)(own->depth_size - offset) : 0);
	return data->size != 0;
}

static void insert_piece(struct stream_step *step, uint32_t seq, uint32_t skip_size, struct bytes data)
{
	struct stream_engine *engine = step->engine;
	struct stream_end *own = step->own;
	struct stream_overlap overlap;
	enum stream_insert_result result;
	bool first_wins = stream_inline(engine);
	int64_t at = stream_offset_of(own, seq);
	uint64_t offset;

	if (at + (int64_t)data.size <= (int64_t)own->buffer.base) {
		packet_event(step->packet, EVENT_STREAM_REASSEMBLY_SEGMENT_BEFORE_BASE_SEQ);
		return;
	}
	if (at < 0) {
		data = bytes_skip(data, (size_t)-at);
		skip_size += (uint32_t)-at;
		at = 0;
	}
	offset = (uint64_t)at;
	if (!within_depth(step, offset, &data))
		return;
	result = stream_buffer_insert(&own->buffer, &engine->memory, offset, data,
		first_wins ? OS_FIRST : stream_os(engine, step->session, sensor_dir_opposite(step->dir)), !first_wins,
		engine->settings->max_regions > 0 ? (uint32_t)engine->settings->max_regions : 0, &overlap);
	if (result != STREAM_INSERT_OK) {
		refuse(step, result);
		return;
	}
	own->bytes += overlap.new_size;
	if (!overlap.overlaps)
		return;
	engine->counters[COUNTER_TCP_OVERLAP]++;
	if (overlap.differs && engine->check_overlaps) {
		engine->counters[COUNTER_TCP_OVERLAP_DIFF_DATA]++;
		packet_event(step->packet, EVENT_STREAM_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
	}
	if (overlap.differs && first_wins) {
		uint64_t from = offset > own->buffer.base ? offset : own->buffer.base;
		struct bytes kept = stream_buffer_view(&own->buffer, from);

		stream_rewrite(step, skip_size + (uint32_t)(from - offset),
			bytes_first(kept, data.size - (size_t)(from - offset)));
	}
}

/* What "stream.reassembly.urgent.policy" says about the urgent byte of this packet. */
static unsigned int urgent_policy(struct stream_step *step)
{
	const struct sensor_settings *settings = step->engine->settings;

	if (settings->urgent_policy != URGENT_OOB || settings->urgent_oob_limit == 0 ||
		step->session->urgent_total < settings->urgent_oob_limit)
		return settings->urgent_policy;
	packet_event(step->packet, EVENT_STREAM_REASSEMBLY_URGENT_OOB_LIMIT_REACHED);
	return settings->urgent_oob_limit_policy;
}

/* RFC 6093: the urgent pointer points behind the one byte that most systems take out of the stream. */
static void note_urgent(struct stream_step *step)
{
	struct stream_end *own = step->own;
	uint32_t pointer = step->packet->tcp.urgent, seq = step->seq + pointer - 1;

	if (pointer == 0 || pointer > step->size)
		return;
	for (uint8_t i = 0; i < own->urgent_count; i++)
		if (own->urgent_seqs[i] == seq)
			return;
	if (stream_offset_of(own, seq) < (int64_t)own->buffer.base)
		return;
	if (own->urgent_count == URGENT_KEPT)
		fold_urgent(own);
	own->urgent_seqs[own->urgent_count++] = seq;
	step->session->urgent_total++;
	step->engine->counters[COUNTER_TCP_URGENT_OOB_DATA]++;
}

/* The payload in pieces between urgent bytes. */
static void insert_payload(struct stream_step *step)
{
	const struct sensor_settings *settings = step->engine->settings;
	struct bytes payload = step->packet->payload;
	uint32_t done = 0;

	if (step->packet->flags & PKT_MEMCAP_REASSEMBLY ||
		(settings->simulate_reassembly_memcap != 0 &&
			step->packet->number == settings->simulate_reassembly_memcap)) {
		refuse(step, STREAM_INSERT_MEMORY);
		return;
	}
	if (step->flags & TCP_URG) {
		switch (urgent_policy(step)) {
		case URGENT_OOB:
			note_urgent(step);
			break;
		case URGENT_DROP:
			if (settings->ips) {
				step->packet->action |= ACTION_DROP;
				step->packet->drop_reason = DROP_REASON_STREAM_URGENT;
			}
			return;
		case URGENT_GAP:
			return;
		default:
			break;
		}
	}
	for (uint8_t i = 0; i < step->own->urgent_count; i++) {
		uint32_t at = step->own->urgent_seqs[i] - step->seq;

		if (at < done || at >= step->size)
			continue;
		if (at > done)
			insert_piece(step, step->seq + done, done, bytes_first(bytes_skip(payload, done), at - done));
		done = at + 1;
	}
	if (done < step->size)
		insert_piece(step, step->seq + done, done, bytes_skip(payload, done));
}

/* The packet is one of the session: what it acknowledges goes out, what it brings goes in. */
void stream_assemble(struct stream_step *step)
{
	struct stream_engine *engine = step->engine;
	bool at_once = stream_inline(engine) || step->session->flags & SSN_ASYNC;

	if (step->flags & TCP_ACK && !stream_inline(engine)) {
		stream_deliver(engine, step->packet, step->session, sensor_dir_opposite(step->dir), false);
		stream_step_refresh(step);
	}
	if (step->size != 0) {
		insert_payload(step);
		step->packet->flags |= PKT_STREAM_ADDED;
	}
	if (at_once || step->flush_own) {
		stream_deliver(engine, step->packet, step->session, step->dir, false);
		stream_step_refresh(step);
	}
	if (stream_inline(engine) && step->flush_own && step->session->state == STREAM_CLOSED) {
		stream_deliver(engine, step->packet, step->session, sensor_dir_opposite(step->dir), false);
		stream_step_refresh(step);
	}
}

/* ---- What nobody needs any more. ---- */

static uint64_t less(uint64_t value, uint64_t by)
{
	return value > by ? value - by : 0;
}

static uint64_t least(uint64_t left, uint64_t right)
{
	return left < right ? left : right;
}

/* How many bytes that were read already stay for comparison with late retransmissions: a window, less as memory gets
 * scarce. */
static uint64_t kept_for_comparison(const struct stream_engine *engine, const struct stream_end *end)
{
	const struct stream_memory *memory = &engine->memory;

	if (!engine->check_overlaps || memory->used_size > memory->ceiling_size / 4 * 3)
		return 0;
	if (end->window == 0 || memory->used_size > memory->ceiling_size / 4)
		return WINDOW_KEPT;
	return least(end->window, WINDOW_LIMIT);
}

/* Nothing more will come: what was read is not needed for anything. */
static bool is_over(const struct stream_session *session)
{
	return session->state == STREAM_TIME_WAIT || session->state == STREAM_CLOSED;
}

static uint64_t left_edge(struct stream_engine *engine, struct stream_session *session, enum sensor_dir dir)
{
	struct stream_end *end = &session->ends[dir];
	bool app = !(end->flags & END_APP_STOPPED), raw = !(end->flags & END_RAW_STOPPED);
	uint64_t edge = stream_buffer_end(&end->buffer), kept;

	if (app)
		edge = end->app_progress;
	if (raw) {
		uint64_t read = least(edge, stream_acked_offset(end));

		/* Nobody asks for raw bytes. */
		if (read > end->raw_progress + RAW_LAG_SIZE)
			end->raw_progress = read - RAW_LAG_SIZE;
		kept = end->raw_progress;
		if (stream_inline(engine))
			kept = less(kept, engine->settings->reassembly_chunk_size[dir]);
		edge = least(edge, kept);
	}
	if (!(session->flags & SSN_ASYNC))
		edge = least(edge, stream_acked_offset(end));
	if (end->flags & END_HOLD)
		edge = least(edge, end->hold_offset);
	return is_over(session) ? edge : less(edge, kept_for_comparison(engine, end));
}

void stream_prune(struct stream_engine *engine, struct stream_session *session, enum sensor_dir dir)
{
	struct stream_end *end = &session->ends[dir];

	if (end->buffer.region_count == 0 && end->app_progress == end->buffer.base)
		return;
	stream_buffer_slide(&end->buffer, &engine->memory, left_edge(engine, session, dir));
	rebase(end);
}

void stream_trim(struct stream_engine *engine, struct stream_session *session)
{
	if (!is_over(session))
		return;
	stream_prune(engine, session, TO_SERVER);
	stream_prune(engine, session, TO_CLIENT);
}
