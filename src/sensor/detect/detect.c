// SPDX-License-Identifier: Apache-2.0
/* One packet: which rules are asked, in which order, and what packet and stream rules look at. */
#include "sensor/detect/detect.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "match/scratch.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/inspect.h"
#include "sensor/detect/internal.h"
#include "sensor/detect/pcre.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/keyword.h"
#include "sensor/settings.h"
#include "sensor/stream/stream.h"
#include "sensor/worker/worker.h"

bool detect_state_holds(const struct detect_context *context, const struct detect_rule *rule)
{
	const struct sensor_packet *packet = context->packet;
	uint64_t flags = rule->rule->flags;

	if ((rule->dirs >> context->dir & 1) == 0)
		return false;
	if ((flags & FLOW_CONDITIONS) == 0)
		return true;
	if ((flags & (RULE_FLOW_ESTABLISHED | RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT | RULE_NEEDS_FLOW)) != 0 &&
		!context->flow)
		return false;
	if ((flags & RULE_FLOW_ESTABLISHED) != 0 && (packet->flags & PKT_ESTABLISHED) == 0)
		return false;
	if ((flags & RULE_FLOW_NOT_ESTABLISHED) != 0 && (packet->flags & PKT_ESTABLISHED) != 0)
		return false;
	if ((flags & RULE_ONLY_FRAG) != 0 && (packet->flags & PKT_REBUILT) == 0)
		return false;
	return (flags & RULE_NO_FRAG) == 0 || (packet->flags & PKT_REBUILT) == 0;
}

/* ---- Conditions ---- */

static bool packet_buffer_holds(struct detect_context *context, const struct rule *rule, const struct rule_buffer *list)
{
	const struct packet_buffer *row = rule_buffer_packet(list->buffer);
	struct detect_buffer buffer = { .first = true, .last = true, .id = list->buffer };
	uint8_t scratch[64];
	struct bytes data;

	if (!row->get(context->packet, scratch, &data))
		return list->absent || list->absent_or;
	if (!detect_transform(context, DETECT_RESULT_KEY(list->buffer, 0), list->transform_set, data, &buffer.data))
		return false;
	return inspect_list(context, rule, list, &buffer);
}

bool detect_packet_conditions(struct detect_context *context, const struct detect_rule *rule)
{
	for (const struct rule_match *match = rule->rule->packet; match; match = match->next)
		if (!match->ops->match(context, rule->rule, match, context->packet))
			return false;
	if (!rule->has_packet_buffers)
		return true;
	for (const struct rule_buffer *list = rule->rule->buffers; list; list = list->next)
		if (rule_buffer_packet(list->buffer) && !packet_buffer_holds(context, rule->rule, list))
			return false;
	return true;
}

static bool payload_inspectable(const struct sensor_packet *packet)
{
	return packet->payload.size > 0 && (packet->flags & PKT_NO_PAYLOAD_INSPECT) == 0;
}

static bool in_payload(struct detect_context *context, const struct detect_rule *rule, struct bytes data)
{
	struct detect_buffer buffer = { .data = data, .first = true, .last = true, .id = RULE_BUFFER_PAYLOAD };

	context->private->capture_count = 0;
	return inspect_list(context, rule->rule, rule->payload, &buffer);
}

static bool in_stream(struct detect_context *context, const struct detect_rule *rule)
{
	for (uint8_t i = 0; i < context->private->view_count; i++)
		if (in_payload(context, rule, context->private->views[i]))
			return true;
	return false;
}

bool detect_payload_holds(struct detect_context *context, const struct detect_rule *rule, uint8_t *flags)
{
	const struct sensor_packet *packet = context->packet;
	bool stream = rule->kind == DETECT_STREAM || rule->kind == DETECT_PACKET_STREAM || rule->kind == DETECT_TX ||
		      rule->kind == DETECT_FRAME;

	if (!rule->payload)
		return true;
	if (packet->has_tcp && stream) {
		if (in_stream(context, rule)) {
			*flags |= ALERT_STREAM_MATCH;
			return true;
		}
		/* The bytes of this packet are asked when the stream has them in order. */
		if ((rule->rule->flags & RULE_ONLY_STREAM) != 0 ||
			(rule->kind != DETECT_PACKET_STREAM && (packet->flags & PKT_STREAM_ADDED) != 0))
			return false;
	}
	return payload_inspectable(packet) && in_payload(context, rule, packet->payload);
}

bool detect_transform(
	struct detect_context *context, uint32_t key, uint16_t transform_set, struct bytes in, struct bytes *ret)
{
	struct detect_private *private = context->private;
	const struct policy_transform_set *chain;
	struct detect_result *result = NULL;

	*ret = in;
	if (transform_set == 0)
		return true;
	for (uint8_t i = 0; i < private->result_count; i++) {
		result = &private->results[i];
		if (result->key == key && result->ptr == in.ptr && result->size == in.size &&
			result->transform_set == transform_set) {
			*ret = result->result;
			return result->made;
		}
	}
	chain = &context->engine->policy->transform_sets[transform_set];
	bool made = true;

	for (uint8_t i = 0; i < chain->count && made; i++)
		made = chain->items[i]->run(context, chain->items[i], *ret, ret);
	if (private->result_count < DETECT_RESULTS_MAX) {
		result = &private->results[private->result_count++];
		*result = (struct detect_result){ .key = key,
			.ptr = in.ptr,
			.size = in.size,
			.transform_set = transform_set,
			.made = made,
			.result = *ret };
	}
	return made;
}

/* ---- A rule that holds ---- */

void detect_rule_holds(struct detect_context *context, const struct detect_rule *rule, uint8_t flags, uint64_t tx_id)
{
	if (context->private->capture_count > 0)
		rule_pcre_commit(context, rule->rule);
	context->file = context->private->matched_file;
	for (const struct rule_match *match = rule->rule->post; match; match = match->next) {
		if (match->ops->target == RULE_TARGET_THRESHOLD) {
			if (!match->ops->match(context, rule->rule, match, NULL))
				return;
			continue;
		}
		match->ops->match(context, rule->rule, match, NULL);
	}
	context->file = NULL;
	if ((rule->rule->flags & RULE_BYPASS) != 0 && context->flow)
		flow_bypass(context->flow);
	if (context->private->profile)
		context->private->profile[rule->rule->index].matches++;
	alert_queue(context, rule, flags, tx_id);
}

/* ---- Packet and stream rules ---- */

static bool protocol_holds(const struct detect_context *context, const struct detect_rule *rule)
{
	const struct app_conn *conn = context->app;

	if (rule->apps == 0)
		return true;
	/* Data of a handshake (TCP Fast Open) makes no protocol yet. */
	if (context->packet->has_tcp && (context->packet->flags & (PKT_STREAM_EST | PKT_PSEUDO)) == 0)
		return false;
	return conn && conn->protocol && (rule->apps >> detect_protocol_index(context) & 1) != 0;
}

static bool size_holds(const struct detect_context *context, const struct rule *rule)
{
	size_t size = context->packet->payload.size;

	return size >= rule->dsize_low && size <= rule->dsize_high && (context->packet->flags & PKT_PSEUDO) == 0;
}

static bool packet_rule_holds(struct detect_context *context, const struct detect_rule *rule, uint8_t *flags)
{
	const struct sensor_packet *packet = context->packet;

	context->private->capture_count = 0;
	if (rule->checks_size && !size_holds(context, rule->rule))
		return false;
	if (!detect_state_holds(context, rule) || !protocol_holds(context, rule))
		return false;
	if (rule->needs_real_packet && (packet->flags & PKT_PSEUDO) != 0)
		return false;
	if (rule->kind == DETECT_PROTOCOL && !context->private->protocol_found)
		return false;
	return detect_header_holds(context, rule->header) && detect_packet_conditions(context, rule) &&
	       detect_payload_holds(context, rule, flags);
}

static void ask_rule(struct detect_context *context, const struct detect_rule *rule)
{
	struct detect_profile_row *profile = context->private->profile;
	uint64_t start = profile ? clock_mono_ns() : 0;
	uint8_t flags = 0;
	bool holds = packet_rule_holds(context, rule, &flags);

	if (profile) {
		profile[rule->rule->index].checks++;
		profile[rule->rule->index].ticks += clock_mono_ns() - start;
	}
	if (holds)
		detect_rule_holds(context, rule, flags, UINT64_MAX);
}

static void ask_marked(struct detect_context *context, struct detect_marks *marks)
{
	uint32_t index;

	while (detect_marks_take(marks, &index))
		ask_rule(context, &context->engine->rules[index]);
}

static enum detect_class class_of(const struct sensor_packet *packet)
{
	switch (packet->protocol) {
	case 6:
		return CLASS_TCP;
	case 17:
		return CLASS_UDP;
	case 1:
		return CLASS_ICMP4;
	case 58:
		return CLASS_ICMP6;
	default:
		return CLASS_OTHER;
	}
}

static void ask_addresses(struct detect_context *context, enum detect_class class)
{
	uint32_t done = context->dir == TO_SERVER ? FLOW_IPONLY_TS_DONE : FLOW_IPONLY_TC_DONE;

	if (context->flow) {
		if ((context->flow->flags & done) != 0)
			return;
		context->flow->flags |= done;
	}
	detect_mark_list(context, &context->engine->ip_only[class], &context->private->packet_marks);
	ask_marked(context, &context->private->packet_marks);
}

static void scan_payload(struct detect_context *context, enum detect_place place)
{
	int32_t set = context->engine->payload_sets[context->dir][place];

	if (set >= 0)
		prefilter_scan(context, (uint32_t)set, context->packet->payload, &context->private->packet_marks);
}

static bool on_stream(void *argument, struct bytes data, uint64_t offset)
{
	struct detect_context *context = argument;
	struct detect_private *private = context->private;
	int32_t set = context->engine->payload_sets[context->dir][PLACE_STREAM];

	if (private->view_count == DETECT_VIEWS_MAX)
		return false;
	private->views[private->view_count++] = data;
	if (set >= 0)
		prefilter_scan(context, (uint32_t)set, data, &private->packet_marks);
	return true;
}

static void collect_payload(struct detect_context *context, enum detect_class class)
{
	const struct sensor_packet *packet = context->packet;

	if (!payload_inspectable(packet))
		return;
	if (class == CLASS_TCP) {
		scan_payload(context, PLACE_TCP_PAYLOAD);
		if ((packet->flags & PKT_STREAM_ADDED) == 0)
			scan_payload(context, PLACE_STREAM);
	} else {
		scan_payload(context, class == CLASS_UDP ? PLACE_UDP_PAYLOAD : PLACE_OTHER_PAYLOAD);
	}
}

static void collect_packet_buffers(struct detect_context *context)
{
	const struct detect_engine *engine = context->engine;

	for (uint32_t i = 0; i < engine->packet_set_count; i++) {
		const struct detect_set *set = &engine->sets[engine->packet_sets[i]];
		uint8_t scratch[64];
		struct bytes data;

		if (set->dir == context->dir && rule_buffer_packet(set->buffer)->get(context->packet, scratch, &data) &&
			detect_transform(context, DETECT_RESULT_KEY(set->buffer, 0), set->transform_set, data, &data))
			prefilter_scan(context, engine->packet_sets[i], data, &context->private->packet_marks);
	}
}

static void ask_packet(struct detect_context *context)
{
	const struct detect_engine *engine = context->engine;
	struct detect_private *private = context->private;
	struct sensor_packet *packet = context->packet;
	enum detect_class class = class_of(packet);
	struct stream_session *session = context->flow ? context->flow->tcp : NULL;
	uint64_t progress = 0;
	bool stream =
		engine->needs.stream_raw && session && packet->has_tcp && (packet->flags & PKT_NO_PAYLOAD_INSPECT) == 0;

	ask_addresses(context, class);
	detect_mark_list(context, &engine->packets[class][context->dir], &private->packet_marks);
	if (context->app && context->app->protocol)
		detect_mark_list(context, &engine->app_packets[detect_protocol_index(context)][context->dir],
			&private->packet_marks);
	if (stream)
		progress = stream_raw(context->worker->streams, packet, on_stream, context);
	collect_payload(context, class);
	collect_packet_buffers(context);
	ask_marked(context, &private->packet_marks);
	if (context->flow && context->app && packet->protocol == context->flow->protocol) {
		detect_frames(context);
		detect_transactions(context);
	}
	/* Also when nothing was there: the bytes of earlier packets are given up then. */
	if (stream)
		stream_raw_done(session, context->dir, progress);
}

/* ---- State of a flow ---- */

static struct detect_flow *flow_state(struct detect_context *context, struct flow *flow)
{
	const struct detect_engine *engine = context->engine;
	struct detect_flow *state = flow->detect;

	if (!state)
		state = flow->detect = calloc(1, sizeof(*state));
	if (state && state->serial != engine->policy->serial) {
		memset(state->ends, 0, sizeof(state->ends));
		state->serial = engine->policy->serial;
	}
	return state;
}

void detect_flow_release(struct flow *flow)
{
	free(flow->detect);
	flow->detect = NULL;
}

/* ---- The packet ---- */

/* Detection of a direction's protocol usually ends with a packet of the other one, which acknowledges its bytes. */
static bool protocol_is_new(const struct detect_context *context)
{
	struct detect_flow *flow = context->private->flow;
	uint8_t bit = (uint8_t)(1 << context->dir);

	if (!flow || !context->app)
		return false;
	if (!context->app->dir_done[context->dir]) {
		flow->protocol_seen &= (uint8_t)~bit;
		return false;
	}
	if ((flow->protocol_seen & bit) != 0)
		return false;
	flow->protocol_seen |= bit;
	return true;
}

static void begin(struct detect_context *context, struct sensor_packet *packet)
{
	struct detect_private *private = context->private;

	arena_reset(&context->memory);
	context->packet = packet;
	context->flow = packet->flow;
	context->dir = packet->flow ? packet->dir : TO_SERVER;
	context->app = packet->flow ? packet->flow->app : NULL;
	context->tx = NULL;
	context->file = NULL;
	context->dataset_notes = NULL;
	context->now_ns = packet->time_ns;
	private->queue_count = private->view_count = private->capture_count = private->result_count = 0;
	private->matched_file = NULL;
	private->frame_id = -1;
	private->flow = NULL;
	private->ends = NULL;
	private->conn_events_first = 0;
	if (packet->flow && context->engine && context->engine->rule_count > 0) {
		private->flow = flow_state(context, packet->flow);
		if (private->flow)
		private->conn_events_first = private->flow->conn_events_seen;
	}
	private->protocol_found = protocol_is_new(context);
}

/* Verdicts of before that make rules superfluous. */
static bool settled(struct detect_context *context)
{
	struct sensor_packet *packet = context->packet;
	struct flow *flow = context->flow;

	if (flow && (flow->flags & FLOW_DROP) != 0) {
		if (!context->worker->settings->ips)
			return true;
		if ((packet->action & ACTION_DROP) == 0)
			packet->drop_reason = DROP_REASON_FLOW_DROP;
		packet->action |= ACTION_DROP;
		return true;
	}
	if (flow && (flow->flags & (FLOW_PASS | FLOW_NO_PACKET_INSPECT)) != 0)
		return true;
	return (packet->flags & PKT_NO_PACKET_INSPECT) != 0 || (packet->action & ACTION_DROP) != 0;
}

void detect_packet(struct detect_context *context, struct sensor_packet *packet)
{
	const struct detect_engine *engine = context->engine;

	begin(context, packet);
	if (!engine || engine->rule_count == 0 || settled(context)) {
		detect_transactions_skip(context);
		detect_frames_skip(context);
		return;
	}
	detect_ends_choose(context);
	/* A broken transport header leaves addresses that rules about addresses can look at. */
	if (packet->family == 0) {
		detect_mark_list(context, &engine->events, &context->private->packet_marks);
		ask_marked(context, &context->private->packet_marks);
	} else {
		ask_packet(context);
	}
	if (context->private->queue_count > 0)
		alert_finish(context);
	if (context->private->flow && context->app)
		context->private->flow->conn_events_seen = context->app->conn_event_count;
	detect_transactions_skip(context);
}
