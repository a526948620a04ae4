// SPDX-License-Identifier: Apache-2.0
/* From readable bytes to parsers: detection of the protocol for each direction, then parsing, gaps, ends, errors and
 * changes of protocol.
 *
 * A direction is unknown, recognised, or done without an answer. Bytes of a direction are left with the stream engine
 * until it is known to whom they belong. When the side that spoke second is recognised first, the bytes of the other
 * are parsed before its own, so that a parser sees questions before answers. */
#include "sensor/app/internal.h"

#include "sensor/app/frames.h"
#include "sensor/decode/packet.h"
#include "sensor/files/file.h"
#include "sensor/flow/exception.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum {
	CHANGES_MAX = 4, /* of protocol within one call */
	CHANGE_WAITS_MAX = 8, /* calls until a change does not wait for rules and outputs any more */
};

/* One call: what came, and how far we are with it. */
struct feed {
	struct worker *worker;
	struct sensor_packet *packet; /* may be null */
	struct app_conn *conn;
	enum sensor_dir dir;
	struct bytes data; /* not consumed yet */
	uint64_t offset; /* of data in the stream */
	uint64_t gap_size;
	bool eof, truncated, midstream;
	size_t needed;
};

static void feed_used(struct feed *feed, size_t size)
{
	feed->data = bytes_skip(feed->data, size);
	feed->offset += size;
	feed->conn->bytes_seen[feed->dir] = feed->offset;
}

static void dir_settled(struct feed *feed)
{
	feed->conn->dir_done[feed->dir] = true;
	if (feed->packet)
		feed->packet->flags |= feed->dir == TO_SERVER ? PKT_PROTO_DETECT_TS_DONE : PKT_PROTO_DETECT_TC_DONE;
}

static void count_flow(struct app_conn *conn)
{
	unsigned int transport = app_transport(conn->flow->protocol);
	struct app_slot *slot = conn->protocol ? app_slot_of(conn->worker->apps, conn->protocol) : NULL;

	if (slot)
		conn->worker->counters[slot->counter_flow[transport]]++;
	else
		conn->worker->counters[conn->worker->apps->counter_failed[transport]]++;
}

/* ---- Errors ---- */

static void apply_policy(struct feed *feed)
{
	unsigned int transport = app_transport(feed->conn->flow->protocol);
	struct app_slot *slot = app_slot_of(feed->worker->apps, feed->conn->protocol);
	uint8_t policy = feed->worker->settings->policy_applayer_error;

	if (policy < EXCEPTION_IGNORE)
		return;
	if (slot && slot->counter_policy[transport] != 0)
		feed->worker->counters[slot->counter_policy[transport] + policy - EXCEPTION_IGNORE]++;
	if (feed->packet)
		exception_policy_apply(feed->worker->settings, feed->worker->counters, feed->packet, policy,
			EXCEPTION_TARGET_APPLAYER_ERROR, DROP_REASON_APPLAYER_ERROR);
}

static void parser_failed(struct feed *feed)
{
	feed->conn->failed = true;
	app_error_count(feed->conn, APP_ERROR_PARSER);
	app_conn_stop(feed->conn);
	apply_policy(feed);
}

/* ---- Changes of protocol ---- */

static void change_begin(struct app_conn *conn)
{
	conn->flags &= (uint8_t)~APP_CONN_CHANGE;
	conn->change_waits = 0;
	conn->protocol_original = conn->protocol;
	app_conn_retire(conn);
	conn->protocol = NULL;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		conn->protocol_dir[dir] = NULL;
		conn->dir_done[dir] = conn->dir_failed[dir] = false;
		conn->started[dir] = false;
	}
}

/* Rules and outputs look at the transactions before their parser goes: that happens behind this packet. */
static bool change_must_wait(struct feed *feed)
{
	struct app_conn *conn = feed->conn;

	app_conn_finish_txs(conn);
	return conn->first && !feed->eof && conn->change_waits++ < CHANGE_WAITS_MAX;
}

static void check_expected(struct app_conn *conn)
{
	const struct app_protocol *expected = conn->protocol_expected;

	if (!conn->protocol_original || !expected || conn->protocol == expected)
		return;
	app_layer_event(conn,
		strcmp(expected->name, "tls") == 0 ? APP_EVENT_NO_TLS_AFTER_STARTTLS : APP_EVENT_UNEXPECTED_PROTOCOL);
}

/* ---- Detection ---- */

static void detection_failed(struct feed *feed)
{
	struct app_conn *conn = feed->conn;

	if (conn->state)
		app_conn_retire(conn);
	conn->protocol = NULL;
	conn->detect_failed = true;
	check_expected(conn);
	count_flow(conn);
	app_conn_stop(conn);
}

/* Exchanges the directions: the first bytes were an answer. */
static void turn_around(struct feed *feed)
{
	struct flow *flow = feed->conn->flow;

	if (flow->tcp) {
		stream_swap(flow, feed->packet);
	} else {
		flow_swap(flow);
		if (feed->packet)
			feed->packet->dir = (uint8_t)sensor_dir_opposite(feed->packet->dir);
	}
	flow->flags |= FLOW_DIR_REVERSED;
	feed->dir = sensor_dir_opposite(feed->dir);
	feed->conn->first_dirs = (uint8_t)(1u << feed->dir);
}

static void feed_run(struct feed *feed);

/* Parses what waits in the direction that spoke first. */
static void run_other(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	struct feed other = { .worker = feed->worker,
		.packet = feed->packet,
		.conn = conn,
		.dir = sensor_dir_opposite(feed->dir),
		.midstream = feed->midstream };

	if (!conn->flow->tcp)
		return;
	other.offset = conn->bytes_seen[other.dir];
	other.data = stream_bytes(conn->flow->tcp, other.dir, other.offset, SIZE_MAX);
	if (other.data.size != 0)
		feed_run(&other);
}

static bool wrong_direction(struct feed *feed)
{
	app_layer_event(feed->conn, APP_EVENT_WRONG_DIRECTION_FIRST_DATA);
	if (!feed->conn->data_sent)
		feed->conn->detect_failed = true;
	app_conn_stop(feed->conn);
	return false;
}

/* This side is recognised while the other spoke first and is not parsed yet. */
static bool other_was_first(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	uint8_t may_begin = conn->protocol->first_dir;

	run_other(feed);
	if (conn->stopped || conn->data_sent)
		return !conn->stopped;
	if (may_begin != 0 && !(may_begin & conn->first_dirs))
		return wrong_direction(feed);
	if (may_begin == 0 || (may_begin & (1u << feed->dir)))
		return true;
	/* The other side must be parsed first, and its bytes are not enough to know it: wait. */
	conn->dir_done[feed->dir] = false;
	conn->protocol_dir[feed->dir] = NULL;
	return false;
}

static bool recognised(struct feed *feed, const struct app_found *found)
{
	struct app_conn *conn = feed->conn;
	const struct app_protocol *protocol = found->protocol, *other;

	if (found->reversed)
		turn_around(feed);
	dir_settled(feed);
	conn->protocol_dir[feed->dir] = protocol;
	other = conn->protocol_dir[sensor_dir_opposite(feed->dir)];
	if (other && other != protocol) {
		app_layer_event(conn, APP_EVENT_MISMATCH_PROTOCOL_BOTH_DIRECTIONS);
		if (conn->data_sent || feed->dir == TO_CLIENT)
			protocol = other;
	}
	if (!other || protocol != conn->protocol) {
		app_conn_protocol(conn, protocol);
		check_expected(conn);
		count_flow(conn);
	}
	if (conn->stopped)
		return false;
	if (!conn->data_sent && conn->first_dirs != 0 && !(conn->first_dirs & (1u << feed->dir)))
		return other_was_first(feed);
	return true;
}

/* The other side is recognised, this one is not. */
static bool only_other_side(struct feed *feed, bool over)
{
	struct app_conn *conn = feed->conn;
	uint8_t may_begin = conn->protocol_dir[sensor_dir_opposite(feed->dir)]->first_dir;

	if (!conn->data_sent && may_begin != 0 && !(may_begin & (1u << feed->dir)))
		return wrong_direction(feed);
	if (!over)
		return false;
	if (!conn->dir_done[feed->dir])
		dir_settled(feed);
	conn->dir_failed[feed->dir] = true;
	app_layer_event(conn, APP_EVENT_DETECT_PROTOCOL_ONLY_ONE_DIRECTION);
	return true;
}

static bool no_side(struct feed *feed, bool over)
{
	struct app_conn *conn = feed->conn;
	enum sensor_dir other = sensor_dir_opposite(feed->dir);

	if (over && !conn->dir_done[feed->dir]) {
		dir_settled(feed);
		conn->dir_failed[feed->dir] = true;
	}
	if (over && (conn->dir_done[other] || conn->protocol_original)) {
		detection_failed(feed);
	} else if (feed->data.size > APP_ONE_SIDE_MAX && !conn->dir_done[other]) {
		app_layer_event(conn, APP_EVENT_PROTO_DETECTION_SKIPPED);
		detection_failed(feed);
	}
	return false;
}

/* True: the bytes can be given to the parser. */
static bool detect_step(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	enum sensor_dir other = sensor_dir_opposite(feed->dir);
	struct app_found found = { .over = true };

	if (conn->protocol_dir[feed->dir])
		return true;
	if (feed->data.size == 0)
		return conn->protocol_dir[other] && conn->data_sent;
	if (!conn->dir_done[feed->dir]) {
		bool may_reverse = feed->midstream && !conn->data_sent && !conn->protocol_dir[other];

		found = app_detect(feed->worker->apps, conn, feed->dir, feed->data, may_reverse);
	}
	if (found.protocol)
		return recognised(feed, &found);
	return conn->protocol_dir[other] ? only_other_side(feed, found.over) : no_side(feed, found.over);
}

/* ---- Parsing ---- */

static void parse_step(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	struct app_input in = { .data = feed->data,
		.offset = feed->offset,
		.gap_size = feed->gap_size,
		.start = !conn->started[feed->dir],
		.eof = feed->eof,
		.truncated = feed->truncated,
		.midstream = feed->midstream,
		.packet = feed->packet,
		.now_ns = feed->worker->now_ns };
	struct app_result result = APP_RESULT_OK;
	uint64_t before = conn->tx_count;

	conn->started[feed->dir] = true;
	conn->data_sent = true;
	if (feed->packet)
		feed->packet->flags |= PKT_APPLAYER_UPDATED;
	if (conn->frames)
		app_frames_input(conn, feed->dir, &in);
	if (feed->data.size != 0 && feed->offset >= feed->worker->settings->simulate_applayer_error[feed->dir])
		result = APP_RESULT_ERROR;
	else if (conn->protocol->parse[feed->dir])
		result = conn->protocol->parse[feed->dir](conn, conn->state, &in);
	if (conn->frames)
		app_frames_hold(conn, feed->dir);
	/* Rules may ask how far a transaction is before it has anything. */
	for (struct app_tx *tx = conn->last; tx && tx->id >= before; tx = tx->prev)
		app_tx_touch(conn, tx, feed->dir);
	feed->gap_size = 0;
	switch (result.status) {
	case APP_OK:
		feed_used(feed, feed->data.size);
		break;
	case APP_MORE:
		feed_used(feed, result.consumed < feed->data.size ? result.consumed : feed->data.size);
		feed->needed = result.needed;
		break;
	case APP_ERROR:
		parser_failed(feed);
		break;
	}
}

static void feed_run(struct feed *feed)
{
	struct app_conn *conn = feed->conn;

	for (unsigned int round = 0; round < CHANGES_MAX; round++) {
		feed->needed = 0;
		if (conn->flags & APP_CONN_CHANGE) {
			if (change_must_wait(feed))
				return;
			change_begin(conn);
		}
		if (conn->stopped || !detect_step(feed) || conn->stopped)
			return;
		parse_step(feed);
		if (!(conn->flags & APP_CONN_CHANGE) || feed->data.size == 0)
			return;
	}
}

/* ---- TCP ---- */

static void stream_gap(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	enum sensor_dir other = sensor_dir_opposite(feed->dir);

	feed->conn->bytes_seen[feed->dir] = feed->offset + feed->gap_size;
	if (!conn->protocol_dir[feed->dir] && !conn->dir_done[feed->dir]) {
		dir_settled(feed);
		conn->dir_failed[feed->dir] = true;
		if (!conn->protocol_dir[other]) {
			detection_failed(feed);
			return;
		}
	}
	if (!conn->protocol || conn->stopped)
		return;
	if (!conn->protocol->gaps_ok) {
		app_error_count(conn, APP_ERROR_GAP);
		app_conn_stop(conn);
		return;
	}
	feed->data = (struct bytes){ 0 };
	parse_step(feed);
	if (!conn->stopped)
		conn->bytes_seen[feed->dir] = feed->offset + feed->gap_size;
}

static void stream_end(struct feed *feed)
{
	struct app_conn *conn = feed->conn;

	conn->eof[feed->dir] = true;
	if (feed->truncated)
		conn->cut[feed->dir] = true;
	for (struct app_tx *tx = conn->first; tx; tx = tx->next) {
		if (feed->truncated && tx->files[feed->dir])
			file_list_truncate(conn, tx->files[feed->dir]);
		app_tx_touch(conn, tx, feed->dir);
	}
}

static size_t skip_seen(struct feed *feed, const struct stream_chunk *chunk)
{
	uint64_t seen = feed->conn->bytes_seen[feed->dir];
	size_t skipped = 0;

	if (seen > chunk->offset)
		skipped = seen - chunk->offset < chunk->data.size ? (size_t)(seen - chunk->offset) : chunk->data.size;
	feed->data = bytes_skip(chunk->data, skipped);
	feed->offset = chunk->offset + skipped;
	return skipped;
}

/* The flow's connection. Whether it was announced is asked with its first bytes, not with its first packet: the command
 * that announces it may be acknowledged behind that. */
static struct app_conn *conn_of(struct worker *worker, struct flow *flow)
{
	if (!flow->app)
		app_flow_new(worker, flow);
	return flow->app ? flow->app : app_conn_new(worker, flow);
}

struct stream_answer app_stream_data(void *context, struct sensor_packet *packet, struct flow *flow,
	enum sensor_dir dir, const struct stream_chunk *chunk)
{
	struct worker *worker = context;
	struct app_conn *conn = conn_of(worker, flow);
	struct feed feed = { .worker = worker, .packet = packet, .conn = conn, .dir = dir };
	size_t skipped, before_size;

	if (!conn || conn->stopped || conn->eof[dir])
		return (struct stream_answer){ .consumed = chunk->data.size, .stop = true };
	feed.truncated = chunk->flags & STREAM_DEPTH;
	feed.eof = (chunk->flags & STREAM_EOF) || feed.truncated;
	feed.midstream = chunk->flags & STREAM_MIDSTREAM;
	if (chunk->flags & STREAM_GAP) {
		feed.offset = chunk->offset;
		feed.gap_size = chunk->gap_size;
		conn->bytes_seen[dir] = chunk->offset;
		uint64_t behind = chunk->offset + chunk->gap_size;

		stream_gap(&feed);
		conn->bytes_seen[dir] = behind;
		return (struct stream_answer){ .stop = conn->stopped };
	}
	skipped = skip_seen(&feed, chunk);
	before_size = feed.data.size;
	if (conn->first_dirs == 0 && before_size != 0)
		conn->first_dirs = (uint8_t)(1u << dir);
	if (before_size != 0 || feed.eof)
		feed_run(&feed);
	if (feed.eof)
		stream_end(&feed);
	return (struct stream_answer){ .consumed = skipped + (before_size - feed.data.size),
		.needed = feed.needed,
		.stop = conn->stopped || feed.eof };
}

/* ---- UDP ---- */

static void datagram_detect(struct feed *feed)
{
	struct app_conn *conn = feed->conn;
	const struct flow *flow = conn->flow;
	bool first = flow->side[TO_SERVER].packet_count + flow->side[TO_CLIENT].packet_count <= 1;
	struct app_found found = app_detect(feed->worker->apps, conn, feed->dir, feed->data, first);
	const struct app_protocol *other, *protocol = found.protocol;

	if (found.reversed)
		turn_around(feed);
	dir_settled(feed);
	other = conn->protocol_dir[sensor_dir_opposite(feed->dir)];
	conn->protocol_dir[feed->dir] = protocol;
	if (protocol && other && other != protocol)
		app_layer_event(conn, APP_EVENT_MISMATCH_PROTOCOL_BOTH_DIRECTIONS);
	if (!protocol) {
		conn->dir_failed[feed->dir] = true;
		if (other)
			app_layer_event(conn, APP_EVENT_DETECT_PROTOCOL_ONLY_ONE_DIRECTION);
	}
	if (other)
		return;
	if (protocol) {
		app_conn_protocol(conn, protocol);
		count_flow(conn);
	} else if (!conn->detect_failed) {
		conn->detect_failed = true;
		count_flow(conn);
	}
}

void app_datagram(struct worker *worker, struct sensor_packet *packet)
{
	struct flow *flow = packet->flow;
	struct app_conn *conn = conn_of(worker, flow);
	struct feed feed = {
		.worker = worker, .packet = packet, .conn = conn, .dir = packet->dir, .data = packet->payload
	};

	if (!conn || conn->stopped || packet->payload.size == 0)
		return;
	if (!conn->dir_done[feed.dir])
		datagram_detect(&feed);
	if (!conn->protocol || conn->stopped)
		return;
	feed.offset = conn->bytes_seen[feed.dir];
	parse_step(&feed);
	feed_used(&feed, feed.data.size);
}

void app_flow_end(struct worker *worker, struct flow *flow, struct sensor_packet *packet)
{
	struct app_conn *conn = flow->app;

	if (!conn)
		return;
	for (unsigned int dir = 0; dir < SENSOR_DIRS; dir++) {
		struct feed feed = { .worker = worker, .packet = packet, .conn = conn, .dir = dir, .eof = true };

		if (!conn->eof[dir]) {
			feed.offset = conn->bytes_seen[dir];
			if (flow->protocol == 6 && conn->protocol && conn->data_sent && !conn->stopped)
				parse_step(&feed);
			stream_end(&feed);
		}
		for (struct app_tx *tx = conn->first; tx; tx = tx->next)
			if (tx->files[dir])
				file_list_truncate(conn, tx->files[dir]);
	}
}
