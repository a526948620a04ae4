// SPDX-License-Identifier: Apache-2.0
/* Bytes as a sequence of segments of one connection. The first byte chooses settings; each segment is nine bytes:
 * side, flags, distance of the sequence number from what the side would send next, distance of the acknowledgement,
 * size, window. Payload is a function of its place in the stream, spoiled in every sixteenth segment. Checked: bytes
 * reach the parser in order and once, memory stays under its ceiling and is given back. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/stream/stream.h"

enum { SEGMENTS_MAX = 400, FRAME_SIZE = 2048, CEILING_SIZE = 256 * 1024 };

struct run {
	struct sensor_settings settings;
	uint64_t counters[STATS_COUNTERS_MAX];
	struct flow_table *flows;
	struct stream_engine *engine;
	uint64_t flow_id, next[SENSOR_DIRS]; /* what the parser gets next, where that is known */
	bool known[SENSOR_DIRS], turned;
	uint8_t appetite;
};

static struct run run;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t appetite(const struct stream_chunk *chunk, size_t *ret_needed)
{
	*ret_needed = 0;
	if (run.appetite % 4 == 1)
		return chunk->data.size / 2;
	if (run.appetite % 4 == 2 && chunk->data.size < 64) {
		*ret_needed = 64;
		return 0;
	}
	return chunk->data.size;
}

static struct stream_answer take(void *context, struct sensor_packet *packet, struct flow *flow, enum sensor_dir dir,
	const struct stream_chunk *chunk)
{
	struct stream_answer answer = { 0 };

	if (chunk->gap_size != 0 ? chunk->data.size != 0 : chunk->data.size == 0 && !(chunk->flags & STREAM_EOF))
		abort();
	/* A new session, or one whose directions were exchanged, counts anew. */
	if (flow->id != run.flow_id || run.turned) {
		run.flow_id = flow->id;
		run.turned = false;
		run.known[0] = run.known[1] = false;
	}
	if (run.known[dir] && chunk->offset != run.next[dir])
		abort();
	if (chunk->gap_size == 0)
		answer.consumed = appetite(chunk, &answer.needed);
	answer.stop = chunk->data.size != 0 && chunk->data.ptr[0] == 0xee && run.appetite == 7;
	run.known[dir] = true;
	run.next[dir] = chunk->offset + chunk->gap_size + answer.consumed;
	return answer;
}

static void release(void *context, struct flow *flow)
{
	stream_session_free(run.engine, flow->tcp);
}

static void finish(void *context, struct flow *flow)
{
	struct sensor_packet pseudo = { .flags = PKT_PSEUDO, .flow = flow };

	for (unsigned int dir = 0; flow->tcp && dir < SENSOR_DIRS; dir++) {
		pseudo.dir = (uint8_t)dir;
		stream_finish(run.engine, &pseudo, (enum sensor_dir)dir);
	}
}

static bool see_raw(void *context, struct bytes data, uint64_t offset)
{
	if (data.size == 0)
		abort();
	return true;
}

static void configure(uint8_t choice)
{
	struct sensor_settings *s = &run.settings;

	memset(&run, 0, sizeof(run));
	s->flow_memcap_size = 1 << 20;
	s->flow_hash_count = 16;
	s->stream_memcap_size = 1 << 16;
	s->reassembly_memcap_size = CEILING_SIZE;
	s->reassembly_depth_size = choice & 1 ? 20000 : 0;
	s->ips = choice & 2;
	s->stream_midstream = choice & 4;
	s->stream_async_oneside = choice & 8;
	s->urgent_policy = choice >> 4 & 3;
	s->reassembly_chunk_size[0] = s->reassembly_chunk_size[1] = 256;
	s->stream_raw = s->stream_drop_invalid = true;
	s->stream_max_syn_queued = s->stream_max_synack_queued = 4;
	s->max_regions = 4;
	s->policy_midstream = EXCEPTION_IGNORE;
	run.appetite = choice >> 5;
	run.flows = flow_table_new(s, (struct siphash_key){ 1, 2 }, finish, release, NULL);
	run.engine = stream_engine_new(s, run.counters, take, NULL);
	if (!run.flows || !run.engine)
		abort();
}

struct side {
	uint32_t next, other;
};

static void give(struct cursor *in, struct side sides[2], unsigned int number)
{
	static uint8_t frame[FRAME_SIZE];
	static const uint8_t addresses[2][4] = { { 10, 0, 0, 1 }, { 10, 0, 0, 2 } };
	struct sensor_packet packet;
	struct side *side;
	uint8_t who, flags, window;
	uint16_t seq, ack, length;
	uint64_t progress;

	if (!cursor_u8(in, &who) || !cursor_u8(in, &flags) || !cursor_u16be(in, &seq) || !cursor_u16be(in, &ack) ||
		!cursor_u16be(in, &length) || !cursor_u8(in, &window))
		return;
	who &= 1;
	side = &sides[who];
	length = (uint16_t)(length % 1400);
	memset(&packet, 0, sizeof(packet));
	memset(frame, number % 16 == 15 ? 0xee : 0x11, sizeof(frame));
	packet.frame = packet.l3 = bytes_of(frame, 40u + length);
	packet.l4 = bytes_skip(packet.frame, 20);
	packet.payload = bytes_skip(packet.frame, 40);
	packet.family = 4;
	packet.protocol = 6;
	packet.has_tcp = true;
	packet.src = ip_addr_v4(addresses[who]);
	packet.dst = ip_addr_v4(addresses[1 - who]);
	packet.sport = who ? 80 : 40000;
	packet.dport = who ? 40000 : 80;
	packet.tcp.seq = side->next + (uint32_t)(int16_t)seq;
	packet.tcp.ack = flags & 0x10 ? sides[1 - who].next + (uint32_t)(int16_t)ack : 0;
	packet.tcp.flags = flags & 0x3f;
	packet.tcp.window = (uint16_t)(window << 8);
	packet.tcp.urgent = (uint16_t)(window % 8);
	packet.tcp.has_ts = window & 1;
	packet.tcp.ts_val = number;
	packet.tcp.has_tfo = packet.tcp.has_wscale = packet.tcp.has_sack_ok = flags >> 7;
	packet.tcp.wscale = window;
	packet.time_ns = number * UINT64_C(1000000);
	packet.number = number + 1;
	side->next = packet.tcp.seq + length + ((flags & 2) != 0);
	flow_table_packet(run.flows, &packet);
	if (!packet.flow)
		return;
	stream_packet(run.engine, &packet);
	if (run.counters[COUNTER_TCP_REASSEMBLY_MEMUSE] > CEILING_SIZE)
		abort();
	if (!packet.flow->tcp || window % 4 == 3)
		return;
	progress = stream_raw(run.engine, &packet, see_raw, NULL);
	stream_raw_done(packet.flow->tcp, (enum sensor_dir)packet.dir, progress);
	if (window % 16 == 4)
		stream_raw_trigger(packet.flow->tcp, (enum sensor_dir)packet.dir);
	if (window == 0x55) {
		stream_swap(packet.flow, &packet);
		run.turned = true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_over(bytes_of(data, size));
	struct side sides[2] = { { 1000, 0 }, { 0xffffff00, 0 } };
	uint8_t choice;

	if (!cursor_u8(&in, &choice))
		return 0;
	configure(choice);
	for (unsigned int i = 0; i < SEGMENTS_MAX && cursor_left(&in) >= 9; i++)
		give(&in, sides, i);
	flow_table_end_all(run.flows, FLOW_END_SHUTDOWN);
	flow_table_free(run.flows);
	if (run.counters[COUNTER_TCP_MEMUSE] != 0 || run.counters[COUNTER_TCP_REASSEMBLY_MEMUSE] != 0)
		abort();
	stream_engine_free(run.engine);
	return 0;
}
