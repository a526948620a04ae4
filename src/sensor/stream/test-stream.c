// SPDX-License-Identifier: Apache-2.0
/* Sessions, packet by packet: states and events as tables of hand-made packets, reassembly against the text that was
 * sent, in random pieces, orders and repetitions. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sensor/decode/events.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/stream/stream.h"

enum { F = 0x01, S = 0x02, R = 0x04, P = 0x08, A = 0x10, U = 0x20 };
enum { CLIENT_ISN = 1000, SERVER_ISN = 5000, RECEIVED_SIZE = 1 << 20 };

/* What the parser got in one direction. */
struct received {
	uint8_t data[RECEIVED_SIZE];
	size_t size;
	uint64_t gap_size;
	unsigned int calls, ends;
	size_t need; /* consume nothing before so many bytes are there */
};

struct bed {
	struct sensor_settings settings;
	uint64_t counters[STATS_COUNTERS_MAX];
	struct flow_table *flows;
	struct stream_engine *engine;
	struct received received[SENSOR_DIRS];
	uint8_t frame[2048];
	struct sensor_packet packet;
	uint64_t now_ns, number;
	struct flow *flow; /* of the last packet */
	bool stop_on_gap;
};

static struct bed bed;

static struct stream_answer receive(void *context, struct sensor_packet *packet, struct flow *flow, enum sensor_dir dir,
	const struct stream_chunk *chunk)
{
	struct received *to = &bed.received[dir];

	assert_ptr_equal(context, &bed);
	assert_non_null(packet);
	assert_non_null(flow);
	to->calls++;
	to->ends += (chunk->flags & STREAM_EOF) != 0;
	if (chunk->gap_size != 0) {
		assert_int_equal(chunk->data.size, 0);
		assert_true(chunk->flags & STREAM_GAP);
		to->gap_size += chunk->gap_size;
		return (struct stream_answer){ .stop = bed.stop_on_gap };
	}
	assert_int_equal(chunk->offset, to->size + to->gap_size);
	if (chunk->data.size < to->need && !(chunk->flags & STREAM_EOF))
		return (struct stream_answer){ .needed = to->need };
	assert_true(to->size + chunk->data.size <= RECEIVED_SIZE);
	if (chunk->data.size != 0)
		memcpy(to->data + to->size, chunk->data.ptr, chunk->data.size);
	to->size += chunk->data.size;
	return (struct stream_answer){ .consumed = chunk->data.size };
}

static void release(void *context, struct flow *flow)
{
	stream_session_free(bed.engine, flow->tcp);
}

static void set_defaults(void)
{
	struct sensor_settings *s = &bed.settings;

	memset(&bed, 0, sizeof(bed));
	s->flow_memcap_size = 64 << 20;
	s->flow_hash_count = 1024;
	for (unsigned int i = 0; i < FLOW_PROTO_COUNT; i++)
		s->flow_timeouts[i] = (struct flow_timeouts){ { 30, 10 }, { 300, 100 }, { 10, 5 }, { 100, 50 } };
	s->stream_memcap_size = 16 << 20;
	s->reassembly_memcap_size = 64 << 20;
	s->reassembly_depth_size = 1 << 20;
	s->reassembly_chunk_size[0] = s->reassembly_chunk_size[1] = 2560;
	s->stream_raw = true;
	s->stream_drop_invalid = true;
	s->stream_max_syn_queued = 10;
	s->stream_max_synack_queued = 5;
	s->max_regions = 8;
	s->policy_midstream = EXCEPTION_IGNORE;
	bed.now_ns = UINT64_C(1000000000);
}

static void open_bed(void)
{
	struct siphash_key key = { 1, 2 };

	bed.flows = flow_table_new(&bed.settings, key, NULL, release, NULL);
	bed.engine = stream_engine_new(&bed.settings, bed.counters, receive, &bed);
	assert_non_null(bed.flows);
	assert_non_null(bed.engine);
}

static void close_bed(void)
{
	flow_table_end_all(bed.flows, FLOW_END_SHUTDOWN);
	flow_table_free(bed.flows);
	assert_int_equal(bed.counters[COUNTER_TCP_MEMUSE], 0);
	assert_int_equal(bed.counters[COUNTER_TCP_REASSEMBLY_MEMUSE], 0);
	assert_int_equal(bed.counters[COUNTER_TCP_ACTIVE_SESSIONS], 0);
	stream_engine_free(bed.engine);
}

/* A packet of one side, in absolute numbers. */
struct wire {
	uint8_t from; /* 'c' or 's' */
	uint8_t flags;
	uint32_t seq, ack;
	const char *text;
	size_t size; /* 0: of the text */
	uint16_t window; /* 0: 8192 */
	uint32_t ts, echo; /* 0: none */
	uint16_t urgent;
};

/* The text may be followed by its size or by further fields. */
#define WIRE(side, bits, number, acked, ...)                                                                           \
	{                                                                                                              \
		.from = (side), .flags = (bits), .seq = (number), .ack = (acked), .text = __VA_ARGS__                  \
	}

static void build(const struct wire *wire)
{
	struct sensor_packet *p = &bed.packet;
	size_t size = wire->size != 0 ? wire->size : wire->text ? strlen(wire->text) : 0;
	bool client = wire->from == 'c';

	memset(p, 0, sizeof(*p));
	memset(bed.frame, 0, 40);
	memcpy(bed.frame + 40, wire->text ? wire->text : "", size);
	p->frame = bytes_of(bed.frame, 40 + size);
	p->l3 = p->frame;
	p->l4 = bytes_skip(p->frame, 20);
	p->payload = bytes_skip(p->frame, 40);
	p->family = 4;
	p->protocol = 6;
	p->has_tcp = true;
	p->ttl = 64;
	p->src = ip_addr_v4(client ? "\x0a\0\0\1" : "\x0a\0\0\2");
	p->dst = ip_addr_v4(client ? "\x0a\0\0\2" : "\x0a\0\0\1");
	p->sport = client ? 40000 : 80;
	p->dport = client ? 80 : 40000;
	p->tcp.seq = wire->seq;
	p->tcp.ack = wire->ack;
	p->tcp.flags = wire->flags;
	p->tcp.window = wire->window != 0 ? wire->window : 8192;
	p->tcp.urgent = wire->urgent;
	p->tcp.has_ts = wire->ts != 0;
	p->tcp.ts_val = wire->ts;
	p->tcp.ts_ecr = wire->echo;
	p->time_ns = bed.now_ns += 1000000;
	p->number = ++bed.number;
}

static void send_wire(const struct wire *wire)
{
	build(wire);
	flow_table_packet(bed.flows, &bed.packet);
	bed.flow = bed.packet.flow;
	if (bed.packet.flow)
		stream_packet(bed.engine, &bed.packet);
}

static void shake_hands(void)
{
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL));
	send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN, CLIENT_ISN + 1, NULL));
	send_wire(&(struct wire)WIRE('c', A, CLIENT_ISN + 1, SERVER_ISN + 1, NULL));
	assert_int_equal(bed.packet.event_count, 0);
}

static uint8_t state_now(void)
{
	struct stream_facts facts;

	if (!bed.flow || !bed.flow->tcp)
		return STREAM_NONE;
	stream_facts(bed.flow->tcp, &facts);
	return facts.state;
}

/* ---- The state machine. ---- */

enum { MIDSTREAM = 1, ASYNC = 2, IPS = 4, NO_EVENT = 0 };

struct machine_step {
	struct wire wire;
	enum stream_state state; /* behind it */
	uint16_t event; /* or NO_EVENT */
	bool dropped; /* inline */
};

struct machine_case {
	const char *name;
	unsigned int settings;
	struct machine_step steps[12];
};

#define C1 (CLIENT_ISN + 1)
#define S1 (SERVER_ISN + 1)
#define HANDSHAKE                                                                                                      \
	{ WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },                                       \
		{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },                          \
	{                                                                                                              \
		WIRE('c', A, C1, S1, NULL), STREAM_ESTABLISHED, NO_EVENT, false                                        \
	}
#define END                                                                                                            \
	{                                                                                                              \
		{ .from = 0 }, STREAM_NONE, NO_EVENT, false                                                            \
	}

static const struct machine_case machine_cases[] = {
	{ "server closes", 0,
		{ HANDSHAKE, { WIRE('s', F | A, S1, C1, NULL), STREAM_FIN_WAIT1, NO_EVENT, false },
			{ WIRE('c', A, C1, S1 + 1, NULL), STREAM_FIN_WAIT2, NO_EVENT, false },
			{ WIRE('c', F | A, C1, S1 + 1, NULL), STREAM_TIME_WAIT, NO_EVENT, false },
			{ WIRE('s', A, S1 + 1, C1 + 1, NULL), STREAM_CLOSED, NO_EVENT, false }, END } },
	{ "client closes", 0,
		{ HANDSHAKE, { WIRE('c', F | A, C1, S1, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false },
			{ WIRE('s', A, S1, C1 + 1, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false },
			{ WIRE('s', F | A, S1, C1 + 1, NULL), STREAM_LAST_ACK, NO_EVENT, false },
			{ WIRE('c', A, C1 + 1, S1 + 1, NULL), STREAM_CLOSED, NO_EVENT, false }, END } },
	{ "both close at once", 0,
		{ HANDSHAKE, { WIRE('s', F | A, S1, C1, NULL), STREAM_FIN_WAIT1, NO_EVENT, false },
			{ WIRE('c', F, C1, 0, NULL), STREAM_CLOSING, NO_EVENT, false },
			{ WIRE('c', A, C1 + 1, S1 + 1, NULL), STREAM_TIME_WAIT, NO_EVENT, false }, END } },
	{ "data behind the client's close", 0,
		{ HANDSHAKE, { WIRE('c', F | A, C1, S1, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false },
			{ WIRE('s', A, S1, C1 + 1, "late"), STREAM_CLOSE_WAIT, NO_EVENT, false },
			{ WIRE('c', A, C1 + 1, S1 + 4, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false }, END } },
	{ "reset", 0, { HANDSHAKE, { WIRE('c', R, C1, 0, NULL), STREAM_CLOSED, NO_EVENT, false }, END } },
	{ "reset with a wrong number", 0,
		{ HANDSHAKE, { WIRE('c', R, C1 + 7, 0, NULL), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "reset with a wrong acknowledgement", 0,
		{ HANDSHAKE,
			{ WIRE('c', R | A, C1, S1 + 70000, NULL), STREAM_ESTABLISHED, EVENT_STREAM_RST_INVALID_ACK,
				false },
			END } },
	{ "the sender of a reset goes on", 0,
		{ HANDSHAKE, { WIRE('c', R, C1, 0, NULL), STREAM_CLOSED, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "x"), STREAM_CLOSED, EVENT_STREAM_SUSPECTED_RST_INJECT, false }, END } },
	{ "the other side goes on after a reset", 0,
		{ HANDSHAKE, { WIRE('c', R, C1, 0, NULL), STREAM_CLOSED, NO_EVENT, false },
			{ WIRE('s', A, S1, C1, "x"), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "refused", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', R | A, 0, C1, NULL), STREAM_CLOSED, NO_EVENT, false }, END } },
	{ "answers that echo what was never sent", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', R | A, 0, C1, NULL, .ts = 100, .echo = 100), STREAM_SYN_SENT,
				EVENT_STREAM_PKT_INVALID_TIMESTAMP, false },
			{ WIRE('s', F | A, 0, C1, NULL, .ts = 100, .echo = 100), STREAM_SYN_SENT,
				EVENT_STREAM_PKT_INVALID_TIMESTAMP, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false }, END } },
	{ "simultaneous open", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S, SERVER_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', S | A, CLIENT_ISN, S1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('s', A, S1, C1, NULL), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "simultaneous open, wrong acknowledgement", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S, SERVER_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', S | A, CLIENT_ISN, S1 + 1, NULL), STREAM_SYN_SENT,
				EVENT_STREAM_4WHS_SYNACK_WITH_WRONG_ACK, false },
			{ WIRE('c', S | A, CLIENT_ISN + 9, S1, NULL), STREAM_SYN_SENT,
				EVENT_STREAM_4WHS_SYNACK_WITH_WRONG_SYN, false },
			END } },
	{ "SYN/ACK in the wrong direction", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', S | A, CLIENT_ISN, 1, NULL), STREAM_SYN_SENT,
				EVENT_STREAM_3WHS_SYNACK_IN_WRONG_DIRECTION, false },
			{ WIRE('s', S | A, SERVER_ISN, C1 + 5, NULL), STREAM_SYN_SENT,
				EVENT_STREAM_3WHS_SYNACK_WITH_WRONG_ACK, false },
			END } },
	{ "second SYN is the one that counts", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', S, CLIENT_ISN + 100, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1 + 100, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('c', A, C1 + 100, S1, NULL), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "second SYN/ACK is the one that counts", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN + 100, C1, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_SYNACK_RESEND_WITH_DIFF_SEQ, false },
			{ WIRE('c', A, C1, S1 + 100, NULL), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "odd packets in SYN_RECV", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1 + 3, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_SYNACK_RESEND_WITH_DIFFERENT_ACK, false },
			{ WIRE('c', S | A, CLIENT_ISN, S1, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_SYNACK_TOSERVER_ON_SYN_RECV, false },
			{ WIRE('s', S, SERVER_ISN, 0, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_SYN_TOCLIENT_ON_SYN_RECV, false },
			{ WIRE('c', S, CLIENT_ISN + 4, 0, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_SYN_RESEND_DIFF_SEQ_ON_SYN_RECV, false },
			{ WIRE('c', A, C1, S1 + 4, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_RIGHT_SEQ_WRONG_ACK_EVASION, false },
			{ WIRE('c', A, C1 + 100000, S1 + 4, NULL), STREAM_SYN_RECV,
				EVENT_STREAM_3WHS_WRONG_SEQ_WRONG_ACK, false },
			{ WIRE('c', A, C1, S1, NULL), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "last word of the handshake lost", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('s', A, S1, C1, "hi"), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "inline, the same is an injection", IPS,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('s', A, S1, C1, "hi"), STREAM_SYN_RECV, EVENT_STREAM_3WHS_ACK_DATA_INJECT, true },
			{ WIRE('s', A, S1, C1, NULL), STREAM_SYN_RECV, EVENT_STREAM_3WHS_ACK_IN_WRONG_DIR, true },
			END } },
	{ "handshake again", 0,
		{ HANDSHAKE, { WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "data"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_ESTABLISHED, EVENT_STREAM_EST_SYNACK_RESEND,
				false },
			{ WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_ESTABLISHED, EVENT_STREAM_EST_SYN_RESEND, false },
			{ WIRE('c', S, CLIENT_ISN + 1, 0, NULL), STREAM_ESTABLISHED,
				EVENT_STREAM_EST_SYN_RESEND_DIFF_SEQ, false },
			{ WIRE('s', S, SERVER_ISN, 0, NULL), STREAM_ESTABLISHED, EVENT_STREAM_EST_SYN_TOCLIENT, false },
			{ WIRE('c', S | A, CLIENT_ISN, S1, NULL), STREAM_ESTABLISHED, EVENT_STREAM_EST_SYNACK_TOSERVER,
				false },
			END } },
	{ "windows", 0,
		{ HANDSHAKE,
			{ WIRE('c', A, C1 + 9000, S1, "x"), STREAM_ESTABLISHED, EVENT_STREAM_EST_PACKET_OUT_OF_WINDOW,
				false },
			{ WIRE('c', A, C1, S1 + 90000, "x"), STREAM_ESTABLISHED, EVENT_STREAM_EST_INVALID_ACK, false },
			{ WIRE('c', F | A, C1 + 90000, S1, NULL), STREAM_ESTABLISHED, EVENT_STREAM_FIN_OUT_OF_WINDOW,
				false },
			{ WIRE('c', F | S, C1, 0, NULL), STREAM_ESTABLISHED, EVENT_STREAM_FIN_SYN, false },
			{ WIRE('c', P, C1, 5, NULL), STREAM_ESTABLISHED, EVENT_STREAM_PKT_BROKEN_ACK, false }, END } },
	{ "inline, invalid packets are dropped", IPS,
		{ HANDSHAKE,
			{ WIRE('c', A, C1 + 9000, S1, "x"), STREAM_ESTABLISHED, EVENT_STREAM_EST_PACKET_OUT_OF_WINDOW,
				true },
			{ WIRE('c', A, C1, S1, "x"), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "windows shrink behind the close", 0,
		{ HANDSHAKE, { WIRE('c', F | A, C1, S1, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false },
			{ WIRE('s', F | A, S1, C1 + 1, NULL), STREAM_LAST_ACK, NO_EVENT, false },
			{ WIRE('c', A, C1 + 1, S1 + 1, NULL, .window = 8000), STREAM_CLOSED, NO_EVENT, false }, END } },
	{ "keep-alive", 0,
		{ HANDSHAKE, { WIRE('c', A, C1, S1, "data"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('s', A, S1, C1 + 4, NULL), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', A, C1 + 3, S1, "a"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('s', A, S1, C1 + 4, NULL), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "data"), STREAM_ESTABLISHED, EVENT_STREAM_PKT_SPURIOUS_RETRANSMISSION,
				false },
			END } },
	{ "nothing before it", 0,
		{ { WIRE('c', R, 7, 0, NULL), STREAM_NONE, EVENT_STREAM_RST_BUT_NO_SESSION, false },
			{ WIRE('c', F | A, 7, 8, NULL), STREAM_NONE, EVENT_STREAM_FIN_BUT_NO_SESSION, false },
			{ WIRE('c', A, 7, 8, "x"), STREAM_NONE, NO_EVENT, false }, END } },
	{ "midstream", MIDSTREAM,
		{ { WIRE('c', A, C1, S1, "get"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('s', A, S1, C1 + 3, "ok"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', F | A, C1 + 3, S1 + 2, NULL), STREAM_CLOSE_WAIT, NO_EVENT, false }, END } },
	{ "midstream with the SYN/ACK", MIDSTREAM,
		{ { WIRE('s', S | A, SERVER_ISN, C1, NULL), STREAM_SYN_RECV, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, NULL), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "get"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('s', F | A, S1, C1 + 3, NULL), STREAM_FIN_WAIT1, NO_EVENT, false }, END } },
	{ "one side", ASYNC,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "get"), STREAM_ESTABLISHED, NO_EVENT, false },
			{ WIRE('c', A, C1 + 3, S1 + 500, "more"), STREAM_ESTABLISHED, NO_EVENT, false }, END } },
	{ "one side, not expected", 0,
		{ { WIRE('c', S, CLIENT_ISN, 0, NULL), STREAM_SYN_SENT, NO_EVENT, false },
			{ WIRE('c', A, C1, S1, "get"), STREAM_SYN_SENT, NO_EVENT, false }, END } },
	{ "close, odd packets", 0,
		{ HANDSHAKE, { WIRE('s', F | A, S1, C1, NULL), STREAM_FIN_WAIT1, NO_EVENT, false },
			{ WIRE('c', S, C1, 0, NULL), STREAM_FIN_WAIT1, EVENT_STREAM_SHUTDOWN_SYN_RESEND, false },
			{ WIRE('c', A, C1 + 90000, S1 + 1, NULL), STREAM_FIN_WAIT1, EVENT_STREAM_FIN1_ACK_WRONG_SEQ,
				false },
			{ WIRE('c', A, C1, S1 + 90000, NULL), STREAM_FIN_WAIT1, EVENT_STREAM_FIN1_INVALID_ACK, false },
			{ WIRE('c', F | A, C1 + 90000, S1, NULL), STREAM_FIN_WAIT1, EVENT_STREAM_FIN1_FIN_WRONG_SEQ,
				false },
			{ WIRE('c', F | A, C1, S1 + 1, NULL), STREAM_TIME_WAIT, NO_EVENT, false },
			{ WIRE('s', A, S1 + 7, C1 + 1, NULL), STREAM_TIME_WAIT, EVENT_STREAM_TIMEWAIT_ACK_WRONG_SEQ,
				false },
			{ WIRE('s', A, S1 + 1, C1 + 1, NULL), STREAM_CLOSED, NO_EVENT, false }, END } },
};

static bool has_event(uint16_t event)
{
	return packet_has_event(&bed.packet, event);
}

static void test_machine(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(machine_cases) / sizeof(machine_cases[0]); i++) {
		const struct machine_case *row = &machine_cases[i];

		set_defaults();
		bed.settings.stream_midstream = row->settings & MIDSTREAM;
		bed.settings.stream_async_oneside = row->settings & ASYNC;
		bed.settings.ips = row->settings & IPS;
		open_bed();
		for (const struct machine_step *step = row->steps; step->wire.from != 0; step++) {
			long at = step - row->steps;

			send_wire(&step->wire);
			if (state_now() != step->state)
				fail_msg("%s, packet %ld: state %u instead of %u (event %s)", row->name, at,
					state_now(), step->state,
					bed.packet.event_count ? event_name(bed.packet.events[0]) : "-");
			if (step->event != NO_EVENT ? !has_event(step->event) : bed.packet.event_count != 0)
				fail_msg("%s, packet %ld: event %s", row->name, at,
					bed.packet.event_count ? event_name(bed.packet.events[0]) : "missing");
			assert_int_equal((bed.packet.action & ACTION_DROP) != 0, step->dropped);
		}
		close_bed();
	}
}

static void test_floods_of_handshakes(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL));
	for (uint32_t i = 1; i <= 10; i++) {
		send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN + i, 0, NULL));
		assert_int_equal(bed.packet.event_count, 0);
	}
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN + 11, 0, NULL));
	assert_true(has_event(EVENT_STREAM_3WHS_SYN_FLOOD));
	send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN, C1, NULL));
	for (uint32_t i = 1; i <= 5; i++)
		send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN + i, C1, NULL));
	assert_false(has_event(EVENT_STREAM_3WHS_SYNACK_FLOOD));
	send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN + 6, C1, NULL));
	assert_true(has_event(EVENT_STREAM_3WHS_SYNACK_FLOOD));
	close_bed();
}

static void test_old_timestamp_is_refused(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL, .ts = 100));
	send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN, C1, NULL, .ts = 500));
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "new", .ts = 200));
	assert_int_equal(bed.packet.event_count, 0);
	send_wire(&(struct wire)WIRE('c', A, C1 + 3, S1, "old", .ts = 150));
	assert_true(has_event(EVENT_STREAM_PKT_INVALID_TIMESTAMP));
	send_wire(&(struct wire)WIRE('c', A, C1 + 3, S1, "yes", .ts = 201));
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 6, NULL, .ts = 501));
	assert_memory_equal(bed.received[TO_SERVER].data, "newyes", 6);
	close_bed();
}

/* ---- Reassembly. ---- */

static void test_passive_waits_for_acknowledgement(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A | P, C1, S1, "hello"));
	assert_int_equal(bed.received[TO_SERVER].size, 0);
	assert_true(bed.packet.flags & PKT_STREAM_ADDED);
	assert_true(bed.packet.flags & PKT_ESTABLISHED);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 3, NULL));
	assert_int_equal(bed.received[TO_SERVER].size, 3);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 5, NULL));
	assert_memory_equal(bed.received[TO_SERVER].data, "hello", 5);
	assert_true(stream_unfinished(bed.flow->tcp, TO_SERVER)); /* no rule looked at it */
	stream_raw_stop(bed.flow->tcp, TO_SERVER);
	assert_false(stream_unfinished(bed.flow->tcp, TO_SERVER));
	close_bed();
}

static void test_inline_does_not_wait(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.ips = true;
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A | P, C1, S1, "hello"));
	assert_int_equal(bed.received[TO_SERVER].size, 5);
	send_wire(&(struct wire)WIRE('c', A | P, C1 + 10, S1, "again"));
	assert_int_equal(bed.received[TO_SERVER].size, 5);
	send_wire(&(struct wire)WIRE('c', A | P, C1 + 5, S1, "there"));
	assert_memory_equal(bed.received[TO_SERVER].data, "hellothereagain", 15);
	close_bed();
}

static void test_inline_first_copy_wins_in_the_packet(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.ips = true;
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A | P, C1, S1, "good"));
	assert_false(bed.packet.flags & PKT_STREAM_MODIFIED);
	send_wire(&(struct wire)WIRE('c', A | P, C1, S1, "evil!"));
	assert_true(bed.packet.flags & PKT_STREAM_MODIFIED);
	assert_true(has_event(EVENT_STREAM_REASSEMBLY_OVERLAP_DIFFERENT_DATA));
	assert_memory_equal(bed.packet.payload.ptr, "good!", 5);
	assert_memory_equal(bed.received[TO_SERVER].data, "good!", 5);
	/* The checksum field moved by what the words moved by. */
	uint32_t was = 0x6576 + 0x696c, is = 0x676f + 0x6f64, sum = 0xffff + (0xffff & ~was) + is;

	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(bed.packet.l4.ptr[16] << 8 | bed.packet.l4.ptr[17], (uint16_t)~sum);
	close_bed();
}

static void test_gap_when_acknowledged(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "VERY"));
	send_wire(&(struct wire)WIRE('c', A, C1 + 8, S1, "DATA"));
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 4, NULL));
	assert_int_equal(bed.received[TO_SERVER].gap_size, 0);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 12, NULL));
	assert_int_equal(bed.received[TO_SERVER].gap_size, 4);
	assert_memory_equal(bed.received[TO_SERVER].data, "VERYDATA", 8);
	assert_true(has_event(EVENT_STREAM_REASSEMBLY_SEQ_GAP));
	assert_int_equal(bed.counters[COUNTER_TCP_REASSEMBLY_GAP], 1);
	close_bed();
}

static void test_end_gives_the_rest(void **state)
{
	struct sensor_packet pseudo;

	(void)state;
	set_defaults();
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "never acknowledged"));
	pseudo = bed.packet;
	pseudo.flags = PKT_PSEUDO;
	pseudo.dir = TO_SERVER;
	stream_finish(bed.engine, &pseudo, TO_SERVER);
	assert_int_equal(bed.received[TO_SERVER].size, 18);
	assert_int_equal(bed.received[TO_SERVER].ends, 1);
	assert_true(pseudo.flags & PKT_STREAM_EOF);
	pseudo.dir = TO_CLIENT;
	stream_finish(bed.engine, &pseudo, TO_CLIENT);
	assert_int_equal(bed.received[TO_CLIENT].ends, 1);
	close_bed();
}

static void test_close_ends_both_directions(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "bye"));
	send_wire(&(struct wire)WIRE('c', F | A, C1 + 3, S1, NULL));
	send_wire(&(struct wire)WIRE('s', F | A, S1, C1 + 4, NULL));
	assert_int_equal(bed.received[TO_SERVER].size, 3);
	assert_int_equal(bed.received[TO_SERVER].gap_size, 0);
	send_wire(&(struct wire)WIRE('c', A, C1 + 4, S1 + 1, NULL));
	assert_int_equal(bed.received[TO_SERVER].ends, 1);
	assert_int_equal(bed.received[TO_CLIENT].ends, 1);
	assert_int_equal(bed.flow->state, FLOW_CLOSED);
	close_bed();
}

static void test_depth(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.reassembly_depth_size = 6;
	bed.settings.stream_bypass = true;
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "abcd"));
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 4, NULL));
	assert_int_equal(bed.flow->state, FLOW_ESTABLISHED);
	send_wire(&(struct wire)WIRE('c', A, C1 + 4, S1, "efgh"));
	assert_true(has_event(EVENT_STREAM_REASSEMBLY_DEPTH_REACHED));
	assert_int_equal(bed.flow->state, FLOW_BYPASSED_LOCAL);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 8, NULL));
	assert_memory_equal(bed.received[TO_SERVER].data, "abcdef", 6);
	assert_int_equal(bed.received[TO_SERVER].size, 6);
	close_bed();
}

static void test_parser_asks_for_more(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	bed.received[TO_SERVER].need = 6;
	shake_hands();
	for (uint32_t i = 0; i < 3; i++) {
		send_wire(&(struct wire)WIRE('c', A, C1 + 2 * i, S1, "ab"));
		send_wire(&(struct wire)WIRE('s', A, S1, C1 + 2 * i + 2, NULL));
	}
	assert_int_equal(bed.received[TO_SERVER].size, 6);
	assert_int_equal(bed.received[TO_SERVER].calls, 2);
	close_bed();
}

static void test_urgent_byte_is_taken_out(void **state)
{
	static const char *const expected[] = { "headtail", "head!tail", NULL, "head" };

	(void)state;
	for (unsigned int policy = 0; policy < 4; policy++) {
		if (!expected[policy])
			continue;
		set_defaults();
		bed.settings.urgent_policy = (uint8_t)policy;
		open_bed();
		shake_hands();
		send_wire(&(struct wire)WIRE('c', A, C1, S1, "head"));
		send_wire(&(struct wire)WIRE('c', A | U, C1 + 4, S1, "!", .urgent = 1));
		send_wire(&(struct wire)WIRE('c', A, C1 + 5, S1, "tail"));
		if (policy != 3)
			send_wire(&(struct wire)WIRE('s', A, S1, C1 + 9, NULL));
		else
			send_wire(&(struct wire)WIRE('s', A, S1, C1 + 4, NULL));
		assert_int_equal(bed.received[TO_SERVER].size, strlen(expected[policy]));
		assert_memory_equal(bed.received[TO_SERVER].data, expected[policy], strlen(expected[policy]));
		close_bed();
	}
}

static void test_memory_limits(void **state)
{
	static const char big[1400];

	(void)state;
	set_defaults();
	bed.settings.reassembly_memcap_size = 16384;
	bed.settings.ips = true;
	bed.settings.policy_stream_reassembly_memcap = EXCEPTION_DROP_FLOW;
	open_bed();
	bed.received[TO_SERVER].need = 1 << 20;
	shake_hands();
	for (uint32_t i = 0; i < 20 && bed.packet.event_count == 0; i++)
		send_wire(&(struct wire)WIRE('c', A, C1 + i * 1400, S1, big, sizeof(big), .window = 60000));
	assert_true(
		has_event(EVENT_STREAM_REASSEMBLY_INSERT_MEMCAP) || has_event(EVENT_STREAM_EST_PACKET_OUT_OF_WINDOW));
	assert_true(bed.counters[COUNTER_TCP_REASSEMBLY_MEMUSE] <= 16384);
	close_bed();
	set_defaults();
	bed.settings.simulate_ssn_memcap = 1;
	bed.settings.ips = true;
	bed.settings.policy_stream_ssn_memcap = EXCEPTION_DROP_FLOW;
	open_bed();
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL));
	assert_null(bed.flow->tcp);
	assert_true(bed.packet.action & ACTION_DROP);
	assert_int_equal(bed.packet.drop_reason, DROP_REASON_STREAM_MEMCAP);
	assert_int_equal(bed.flow->exception_policy[EXCEPTION_TARGET_STREAM_SSN_MEMCAP], EXCEPTION_DROP_FLOW);
	assert_int_equal(bed.counters[COUNTER_TCP_SSN_MEMCAP_DROP], 1);
	close_bed();
}

static void test_reuse_makes_a_new_flow(void **state)
{
	uint64_t id;

	(void)state;
	set_defaults();
	open_bed();
	shake_hands();
	id = bed.flow->id;
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN + 77, 0, NULL));
	assert_int_equal(bed.flow->id, id); /* it is still open */
	send_wire(&(struct wire)WIRE('c', R, C1, 0, NULL));
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL));
	assert_int_equal(bed.flow->id, id); /* the same number: a repetition */
	send_wire(&(struct wire)WIRE('c', S, CLIENT_ISN + 77, 0, NULL));
	assert_int_not_equal(bed.flow->id, id);
	assert_true(bed.flow->flags & FLOW_TCP_REUSED);
	assert_int_equal(state_now(), STREAM_SYN_SENT);
	close_bed();
}

static void test_midstream_synack_turns_the_flow(void **state)
{
	(void)state;
	set_defaults();
	bed.settings.stream_midstream = true;
	open_bed();
	send_wire(&(struct wire)WIRE('s', S | A, SERVER_ISN, C1, NULL));
	assert_int_equal(bed.packet.dir, TO_CLIENT);
	assert_int_equal(bed.flow->server_port, 80);
	assert_int_equal(bed.flow->side[TO_CLIENT].packet_count, 1);
	assert_int_equal(bed.counters[COUNTER_TCP_MIDSTREAM_PICKUPS], 1);
	assert_int_equal(bed.flow->exception_policy[EXCEPTION_TARGET_STREAM_MIDSTREAM], EXCEPTION_IGNORE);
	close_bed();
}

static void test_bad_checksum_is_not_used(void **state)
{
	(void)state;
	set_defaults();
	open_bed();
	build(&(struct wire)WIRE('c', S, CLIENT_ISN, 0, NULL));
	bed.packet.flags |= PKT_BAD_CHECKSUM;
	flow_table_packet(bed.flows, &bed.packet);
	stream_packet(bed.engine, &bed.packet);
	assert_null(bed.packet.flow->tcp);
	assert_int_equal(bed.counters[COUNTER_TCP_INVALID_CHECKSUM], 1);
	close_bed();
}

/* ---- Raw bytes. ---- */

struct raw_seen {
	char text[64];
	size_t size;
	unsigned int calls;
	uint64_t offset;
};

static bool see_raw(void *context, struct bytes data, uint64_t offset)
{
	struct raw_seen *seen = context;

	seen->size = data.size < sizeof(seen->text) ? data.size : sizeof(seen->text);
	memcpy(seen->text, data.ptr, seen->size);
	seen->calls++;
	seen->offset = offset;
	return true;
}

static void test_raw_waits_for_a_chunk(void **state)
{
	struct raw_seen seen = { 0 };
	uint64_t progress;

	(void)state;
	set_defaults();
	bed.settings.reassembly_chunk_size[TO_SERVER] = 8;
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "abcd"));
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 4, NULL));
	send_wire(&(struct wire)WIRE('c', A, C1 + 4, S1, "efgh"));
	progress = stream_raw(bed.engine, &bed.packet, see_raw, &seen);
	assert_int_equal(seen.calls, 0);
	stream_raw_done(bed.flow->tcp, TO_SERVER, progress);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 8, NULL));
	send_wire(&(struct wire)WIRE('c', A, C1 + 8, S1, "ij"));
	progress = stream_raw(bed.engine, &bed.packet, see_raw, &seen);
	stream_raw_done(bed.flow->tcp, TO_SERVER, progress);
	assert_int_equal(seen.calls, 1);
	assert_memory_equal(seen.text, "abcdefgh", 8);
	assert_int_equal(progress, 8);
	send_wire(&(struct wire)WIRE('s', A, S1, C1 + 10, NULL));
	stream_raw_trigger(bed.flow->tcp, TO_SERVER);
	send_wire(&(struct wire)WIRE('c', A, C1 + 10, S1, NULL));
	stream_raw_done(bed.flow->tcp, TO_SERVER, stream_raw(bed.engine, &bed.packet, see_raw, &seen));
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.size, 2);
	assert_int_equal(seen.offset, 8);
	close_bed();
}

static void test_raw_inline_is_a_window(void **state)
{
	struct raw_seen seen = { 0 };

	(void)state;
	set_defaults();
	bed.settings.ips = true;
	bed.settings.reassembly_chunk_size[TO_SERVER] = 8;
	open_bed();
	shake_hands();
	send_wire(&(struct wire)WIRE('c', A, C1, S1, "0123456789"));
	stream_raw_done(bed.flow->tcp, TO_SERVER, stream_raw(bed.engine, &bed.packet, see_raw, &seen));
	assert_int_equal(seen.size, 10);
	send_wire(&(struct wire)WIRE('c', A, C1 + 10, S1, "ab"));
	stream_raw_done(bed.flow->tcp, TO_SERVER, stream_raw(bed.engine, &bed.packet, see_raw, &seen));
	assert_int_equal(seen.size, 8);
	assert_memory_equal(seen.text, "456789ab", 8);
	assert_int_equal(seen.calls, 2);
	close_bed();
}

/* ---- Random pieces. ---- */

enum { RANDOM_SIZE = 20000 };

/* Sends a text in random segments, in a random order within a window, some of them twice; the receiver acknowledges
 * what it has in order now and then. */
static void run_random(unsigned int seed, bool ips)
{
	static uint8_t text[RANDOM_SIZE];
	static bool there[RANDOM_SIZE];
	uint32_t acked = 0;

	srand(seed);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)rand();
	memset(there, 0, sizeof(there));
	set_defaults();
	bed.settings.ips = ips;
	open_bed();
	shake_hands();
	while (acked < RANDOM_SIZE) {
		uint32_t room = RANDOM_SIZE - acked < 6000 ? RANDOM_SIZE - acked : 6000;
		uint32_t from = acked + (rand() % 3 == 0 ? 0 : (uint32_t)rand() % room);
		uint32_t size = 1 + (uint32_t)rand() % 900;

		if (size > RANDOM_SIZE - from)
			size = RANDOM_SIZE - from;
		send_wire(&(struct wire)WIRE('c', A, C1 + from, S1, (const char *)text + from, size, .window = 20000));
		memset(there + from, true, size);
		if (rand() % 3 == 0) {
			while (acked < RANDOM_SIZE && there[acked])
				acked++;
			send_wire(&(struct wire)WIRE('s', A, S1, C1 + acked, NULL, .window = 20000));
		}
		stream_raw_done(bed.flow->tcp, TO_SERVER, stream_app_progress(bed.flow->tcp, TO_SERVER));
	}
	assert_int_equal(bed.received[TO_SERVER].size, RANDOM_SIZE);
	assert_int_equal(bed.received[TO_SERVER].gap_size, 0);
	assert_memory_equal(bed.received[TO_SERVER].data, text, RANDOM_SIZE);
	close_bed();
}

static void test_random_segments(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		run_random(seed, false);
		run_random(seed, true);
	}
}

static void test_long_stream_keeps_little(void **state)
{
	static char data[1000];
	uint32_t seq = C1;

	(void)state;
	set_defaults();
	bed.settings.reassembly_depth_size = 0;
	open_bed();
	shake_hands();
	for (unsigned int i = 0; i < 3000; i++) {
		bed.received[TO_SERVER].size = 0;
		bed.received[TO_SERVER].gap_size = (uint64_t)i * 1000;
		send_wire(&(struct wire)WIRE('c', A, seq, S1, data, sizeof(data), .window = 20000));
		seq += 1000;
		send_wire(&(struct wire)WIRE('s', A, S1, seq, NULL, .window = 20000));
		assert_int_equal(bed.received[TO_SERVER].size, 1000);
		stream_raw_done(bed.flow->tcp, TO_SERVER, stream_app_progress(bed.flow->tcp, TO_SERVER));
	}
	assert_true(bed.counters[COUNTER_TCP_REASSEMBLY_MEMUSE] < 65536);
	close_bed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_floods_of_handshakes),
		cmocka_unit_test(test_old_timestamp_is_refused),
		cmocka_unit_test(test_passive_waits_for_acknowledgement),
		cmocka_unit_test(test_inline_does_not_wait),
		cmocka_unit_test(test_inline_first_copy_wins_in_the_packet),
		cmocka_unit_test(test_gap_when_acknowledged),
		cmocka_unit_test(test_end_gives_the_rest),
		cmocka_unit_test(test_close_ends_both_directions),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_parser_asks_for_more),
		cmocka_unit_test(test_urgent_byte_is_taken_out),
		cmocka_unit_test(test_memory_limits),
		cmocka_unit_test(test_reuse_makes_a_new_flow),
		cmocka_unit_test(test_midstream_synack_turns_the_flow),
		cmocka_unit_test(test_bad_checksum_is_not_used),
		cmocka_unit_test(test_raw_waits_for_a_chunk),
		cmocka_unit_test(test_raw_inline_is_a_window),
		cmocka_unit_test(test_random_segments),
		cmocka_unit_test(test_long_stream_keeps_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
