// SPDX-License-Identifier: Apache-2.0
/* Bytes out to the rules: the stream as such. */
#include "sensor/stream/internal.h"

/* Passive: short rests wait until a chunk is there, unless something says that nothing follows soon. */
static bool has_chunk(const struct stream_engine *engine, const struct stream_session *session, enum sensor_dir dir,
	uint64_t readable, bool eof)
{
	const struct stream_end *end = &session->ends[dir];

	if (eof || end->flags & (END_DEPTH | END_RAW_TRIGGER))
		return true;
	return readable > end->raw_progress &&
	       readable - end->raw_progress >= engine->settings->reassembly_chunk_size[dir];
}

static uint64_t passive(
	struct stream_engine *engine, const struct sensor_packet *packet, stream_raw_fn fn, void *context)
{
	const struct stream_session *session = packet->flow->tcp;
	enum sensor_dir dir = (enum sensor_dir)packet->dir;
	const struct stream_end *end = &session->ends[dir];
	bool eof = packet->flags & PKT_STREAM_EOF;
	uint64_t readable =
		eof || session->flags & SSN_ASYNC ? stream_buffer_end(&end->buffer) : stream_acked_offset(end);
	uint64_t progress = end->raw_progress, at = progress, offset;
	struct bytes data;

	if (!has_chunk(engine, session, dir, readable, eof))
		return progress;
	while (stream_stretch(session, dir, at, &data, &offset) && offset < readable) {
		if (offset + data.size > readable)
			data = bytes_first(data, (size_t)(readable - offset));
		at = offset + data.size;
		if (at > progress)
			progress = at;
		if (!fn(context, data, offset))
			break;
	}
	return progress;
}

/* Inline: a window of a chunk around the packet's bytes, of which a packet larger than that is not cut. */
static uint64_t around_packet(
	struct stream_engine *engine, const struct sensor_packet *packet, stream_raw_fn fn, void *context)
{
	const struct stream_session *session = packet->flow->tcp;
	enum sensor_dir dir = (enum sensor_dir)packet->dir;
	const struct stream_end *end = &session->ends[dir];
	uint64_t chunk_size = engine->settings->reassembly_chunk_size[dir], left, right, first, last, room, start;
	int64_t at = stream_offset_of(end, packet->tcp.seq + ((packet->tcp.flags & TCP_SYN) != 0));
	struct bytes data;

	if (at < 0 || packet->payload.size == 0)
		return end->raw_progress;
	left = (uint64_t)at;
	right = left + packet->payload.size;
	if (stream_buffer_view(&end->buffer, left).size == 0)
		return end->raw_progress;
	room = chunk_size > packet->payload.size ? chunk_size - packet->payload.size : chunk_size / 3;
	/* As far back as bytes are there without a hole. */
	start = left > room ? left - room : 0;
	if (start < end->buffer.base)
		start = end->buffer.base;
	for (first = start; stream_buffer_view(&end->buffer, first).size < left - first + 1;) {
		first += stream_buffer_view(&end->buffer, first).size;
		first = stream_buffer_next(&end->buffer, first);
	}
	data = stream_buffer_view(&end->buffer, first);
	last = first + data.size;
	/* The right side gets half of the room where there is so much, the left side the rest. */
	if (last > right) {
		uint64_t behind = last - right < room / 2 ? last - right : room / 2;

		last = right + behind;
		if (left - first > room - behind)
			first = left - (room - behind);
	}
	fn(context, bytes_first(stream_buffer_view(&end->buffer, first), (size_t)(last - first)), first);
	return last > end->raw_progress ? last : end->raw_progress;
}

uint64_t stream_raw(struct stream_engine *engine, const struct sensor_packet *packet, stream_raw_fn fn, void *context)
{
	const struct stream_session *session = packet->flow ? packet->flow->tcp : NULL;
	const struct stream_end *end;

	if (!session)
		return 0;
	end = &session->ends[packet->dir];
	if (end->flags & END_RAW_STOPPED)
		return end->raw_progress;
	if (stream_inline(engine) && !(packet->flags & PKT_PSEUDO))
		return around_packet(engine, packet, fn, context);
	return passive(engine, packet, fn, context);
}

void stream_raw_done(struct stream_session *session, enum sensor_dir dir, uint64_t progress)
{
	struct stream_end *end = &session->ends[dir];

	if (progress > end->raw_progress)
		end->raw_progress = progress;
	end->flags &= ~(uint32_t)END_RAW_TRIGGER;
}
