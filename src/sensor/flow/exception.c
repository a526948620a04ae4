// SPDX-License-Identifier: Apache-2.0
/* See exception.h. A policy is a row: what it does to the packet, what to the flow, and what is left of it where there
 * is no flow. */
#include "sensor/flow/exception.h"

#include <stdio.h>

#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/stream/stream.h"

struct policy_row {
	uint32_t flow_flags; /* enum flow_flag */
	uint32_t packet_flags; /* enum sensor_packet_flag */
	uint8_t action; /* enum sensor_action */
	bool bypass;
	uint8_t without_flow; /* enum exception_policy */
};

#define UNINSPECTED      (PKT_NO_PACKET_INSPECT | PKT_NO_PAYLOAD_INSPECT)
#define FLOW_UNINSPECTED (FLOW_NO_PACKET_INSPECT | FLOW_NO_PAYLOAD_INSPECT)

static const struct policy_row rows[EXCEPTION_COUNT] = {
	[EXCEPTION_NOT_SET] = { .without_flow = EXCEPTION_IGNORE },
	[EXCEPTION_AUTO] = { .without_flow = EXCEPTION_IGNORE },
	[EXCEPTION_IGNORE] = { .without_flow = EXCEPTION_IGNORE },
	[EXCEPTION_PASS_PACKET] = { .packet_flags = UNINSPECTED, .without_flow = EXCEPTION_PASS_PACKET },
	[EXCEPTION_PASS_FLOW] = { .flow_flags = FLOW_PASS | FLOW_NO_PACKET_INSPECT,
		.packet_flags = UNINSPECTED,
		.without_flow = EXCEPTION_PASS_PACKET },
	[EXCEPTION_BYPASS] = { .flow_flags = FLOW_PASS | FLOW_NO_PACKET_INSPECT,
		.packet_flags = UNINSPECTED,
		.bypass = true,
		.without_flow = EXCEPTION_IGNORE },
	[EXCEPTION_DROP_PACKET] = { .packet_flags = UNINSPECTED,
		.action = ACTION_DROP,
		.without_flow = EXCEPTION_DROP_PACKET },
	[EXCEPTION_DROP_FLOW] = { .flow_flags = FLOW_DROP | FLOW_UNINSPECTED,
		.packet_flags = UNINSPECTED,
		.action = ACTION_DROP,
		.without_flow = EXCEPTION_DROP_PACKET },
	[EXCEPTION_REJECT] = { .flow_flags = FLOW_DROP | FLOW_REJECT | FLOW_UNINSPECTED,
		.packet_flags = UNINSPECTED,
		.action = ACTION_DROP | ACTION_REJECT,
		.without_flow = EXCEPTION_REJECT },
	[EXCEPTION_REJECT_BOTH] = { .flow_flags = FLOW_DROP | FLOW_REJECT | FLOW_UNINSPECTED,
		.packet_flags = UNINSPECTED,
		.action = ACTION_DROP | ACTION_REJECT_BOTH,
		.without_flow = EXCEPTION_REJECT_BOTH },
};

static const char *const policy_names[] = {
#define X(id, name) name,
	EXCEPTION_POLICIES(X)
#undef X
};

static const char *const target_names[] = {
#define X(id, name) name,
	EXCEPTION_TARGETS(X)
#undef X
};

/* Where the counters of a target stand in the tree of statistics. */
static const char *const target_paths[EXCEPTION_TARGET_COUNT] = {
	[EXCEPTION_TARGET_DEFRAG_MEMCAP] = "defrag.memcap",
	[EXCEPTION_TARGET_STREAM_SSN_MEMCAP] = "tcp.ssn_memcap",
	[EXCEPTION_TARGET_STREAM_REASSEMBLY_MEMCAP] = "tcp.reassembly",
	[EXCEPTION_TARGET_FLOW_MEMCAP] = "flow.memcap",
	[EXCEPTION_TARGET_APPLAYER_ERROR] = "app_layer.error",
	[EXCEPTION_TARGET_STREAM_MIDSTREAM] = "tcp.midstream",
};

/* Indices of counters; written before workers start. */
static unsigned int counter_index[EXCEPTION_TARGET_COUNT][EXCEPTION_COUNT];
static bool registered[EXCEPTION_TARGET_COUNT];

const char *exception_policy_name(enum exception_policy policy)
{
	return policy < EXCEPTION_COUNT ? policy_names[policy] : "not_set";
}

const char *exception_target_name(enum exception_target target)
{
	return target < EXCEPTION_TARGET_COUNT ? target_names[target] : "unknown";
}

static void register_target(enum exception_target target, enum exception_policy configured)
{
	char name[96];

	if (registered[target] || configured <= EXCEPTION_IGNORE)
		return;
	for (unsigned int policy = EXCEPTION_IGNORE; policy < EXCEPTION_COUNT; policy++) {
		snprintf(name, sizeof(name), "exception_policy.%s.%s", target_paths[target], policy_names[policy]);
		counter_index[target][policy] = stats_register(name);
	}
	registered[target] = true;
}

void exception_policy_register(const struct sensor_settings *settings)
{
	const uint8_t configured[EXCEPTION_TARGET_COUNT] = {
		[EXCEPTION_TARGET_DEFRAG_MEMCAP] = settings->policy_defrag_memcap,
		[EXCEPTION_TARGET_STREAM_SSN_MEMCAP] = settings->policy_stream_ssn_memcap,
		[EXCEPTION_TARGET_STREAM_REASSEMBLY_MEMCAP] = settings->policy_stream_reassembly_memcap,
		[EXCEPTION_TARGET_FLOW_MEMCAP] = settings->policy_flow_memcap,
		[EXCEPTION_TARGET_APPLAYER_ERROR] = settings->policy_applayer_error,
		[EXCEPTION_TARGET_STREAM_MIDSTREAM] = settings->policy_midstream,
	};

	for (unsigned int target = 0; target < EXCEPTION_TARGET_COUNT; target++)
		register_target((enum exception_target)target, (enum exception_policy)configured[target]);
}

enum exception_policy exception_policy_effective(
	const struct sensor_settings *settings, const struct sensor_packet *packet, enum exception_policy policy)
{
	if (policy >= EXCEPTION_COUNT || policy <= EXCEPTION_AUTO)
		return EXCEPTION_IGNORE;
	if (rows[policy].action != 0 && !settings->ips)
		return EXCEPTION_IGNORE;
	return packet->flow ? policy : (enum exception_policy)rows[policy].without_flow;
}

static void apply_to_flow(struct flow *flow, const struct policy_row *row, enum exception_policy policy,
	enum exception_target target, enum drop_reason reason)
{
	flow->exception_seen |= (uint16_t)(1u << target);
	flow->exception_policy[target] = (uint8_t)policy;
	flow->flags |= row->flow_flags;
	if (row->flow_flags & FLOW_DROP) {
		flow->drop_reason = (uint8_t)reason;
		if (flow->tcp) {
			stream_app_stop(flow->tcp, TO_SERVER);
			stream_app_stop(flow->tcp, TO_CLIENT);
		}
	}
	if (row->bypass)
		flow_bypass(flow);
}

enum exception_policy exception_policy_apply(const struct sensor_settings *settings, uint64_t *counters,
	struct sensor_packet *packet, enum exception_policy policy, enum exception_target target,
	enum drop_reason reason)
{
	enum exception_policy effective = exception_policy_effective(settings, packet, policy);
	const struct policy_row *row = &rows[effective];

	if (packet->flow)
		apply_to_flow(packet->flow, row, effective, target, reason);
	packet->flags |= row->packet_flags;
	if (row->action != 0) {
		packet->action |= row->action;
		if (packet->drop_reason == DROP_REASON_NONE)
			packet->drop_reason = (uint8_t)reason;
	}
	if (counters && registered[target])
		counters[counter_index[target][effective]]++;
	return effective;
}
