// SPDX-License-Identifier: Apache-2.0
/* Exception policies: what becomes of a packet and its flow where the sensor could not do its work.
 *
 * The policies, and where each may stand, are those of Suricata's user guide ("Exception Policies"). Some cannot be
 * followed to the letter: without a flow (memory limits of flow table and defragmentation) the policies for flows
 * shrink to those for packets, and where verdicts do not act (IDS) everything that drops is ignored. What was really
 * applied is counted ("exception_policy.flow.memcap.drop_packet") and noted in the flow, for EVE. */
#pragma once

#include "sensor/common.h"

struct sensor_packet;
struct sensor_settings;

/* The policy that 'policy' comes down to for this packet. */
enum exception_policy exception_policy_effective(
	const struct sensor_settings *settings, const struct sensor_packet *packet, enum exception_policy policy);

/* Applies the policy to the packet and, where it says so, to packet->flow. 'counters' may be null. Returns what was
 * applied. */
enum exception_policy exception_policy_apply(const struct sensor_settings *settings, uint64_t *counters,
	struct sensor_packet *packet, enum exception_policy policy, enum exception_target target,
	enum drop_reason reason);

/* Registers the counters of targets whose policy is to do something; once, before workers start (it happens by itself
 * in flow_table_new). Where a policy is to ignore, nothing is counted. */
void exception_policy_register(const struct sensor_settings *settings);

/* "drop_flow" for EXCEPTION_DROP_FLOW; "stream_midstream" for EXCEPTION_TARGET_STREAM_MIDSTREAM. */
const char *exception_policy_name(enum exception_policy policy);
const char *exception_target_name(enum exception_target target);
