// SPDX-License-Identifier: Apache-2.0
/* The few words that every folder of the sensor shares: directions, actions, exception policies.
 *
 * "To server" is the direction of the packet that made the flow (for TCP: of the SYN), "to client" the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sensor_dir { TO_SERVER = 0, TO_CLIENT = 1 };
enum { SENSOR_DIRS = 2 };

static inline enum sensor_dir sensor_dir_opposite(enum sensor_dir dir)
{
	return dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

/* Masks of directions, as rules and buffers use them. */
enum { DIR_TO_SERVER = 1 << TO_SERVER, DIR_TO_CLIENT = 1 << TO_CLIENT, DIR_BOTH = 3 };

/* What a rule or a policy wants to happen; bits, because one packet may collect several. */
enum sensor_action {
	ACTION_ALERT = 1 << 0,
	ACTION_DROP = 1 << 1,
	ACTION_REJECT = 1 << 2, /* an answer to the sender; always together with ACTION_DROP */
	ACTION_REJECT_DST = 1 << 3,
	ACTION_REJECT_BOTH = 1 << 4,
	ACTION_PASS = 1 << 5,
	ACTION_CONFIG = 1 << 6,
	ACTION_ACCEPT = 1 << 7,
};
#define ACTION_REJECT_ANY (ACTION_REJECT | ACTION_REJECT_DST | ACTION_REJECT_BOTH)

/* What to do where the sensor cannot do its work (memory limit, midstream, parser error): the names and the meaning
 * are those of Suricata's "exception policies". AUTO is resolved when the configuration is read. */
#define EXCEPTION_POLICIES(X)                                                                                          \
	X(NOT_SET, "not_set")                                                                                          \
	X(AUTO, "auto")                                                                                                \
	X(IGNORE, "ignore")                                                                                            \
	X(PASS_PACKET, "pass_packet")                                                                                  \
	X(PASS_FLOW, "pass_flow")                                                                                      \
	X(BYPASS, "bypass")                                                                                            \
	X(DROP_PACKET, "drop_packet")                                                                                  \
	X(DROP_FLOW, "drop_flow")                                                                                      \
	X(REJECT, "reject")                                                                                            \
	X(REJECT_BOTH, "reject_both")

enum exception_policy {
#define X(id, name) EXCEPTION_##id,
	EXCEPTION_POLICIES(X)
#undef X
		EXCEPTION_COUNT
};

/* Where the policy applied; the names are those of "flow.exception_policy.target" in EVE. */
#define EXCEPTION_TARGETS(X)                                                                                           \
	X(DEFRAG_MEMCAP, "defrag_memcap")                                                                              \
	X(STREAM_SSN_MEMCAP, "stream_ssn_memcap")                                                                      \
	X(STREAM_REASSEMBLY_MEMCAP, "stream_reassembly_memcap")                                                        \
	X(FLOW_MEMCAP, "flow_memcap")                                                                                  \
	X(APPLAYER_ERROR, "app_layer_error")                                                                           \
	X(STREAM_MIDSTREAM, "stream_midstream")

enum exception_target {
#define X(id, name) EXCEPTION_TARGET_##id,
	EXCEPTION_TARGETS(X)
#undef X
		EXCEPTION_TARGET_COUNT
};

/* Why a packet was dropped: "drop.reason" in EVE and "ips.drop_reason.*" in the counters. */
#define DROP_REASONS(X)                                                                                                \
	X(NONE, "none", "none")                                                                                        \
	X(DECODE_ERROR, "decode error", "decode_error")                                                                \
	X(DEFRAG_ERROR, "defrag error", "defrag_error")                                                                \
	X(DEFRAG_MEMCAP, "defrag memcap", "defrag_memcap")                                                             \
	X(FLOW_MEMCAP, "flow memcap", "flow_memcap")                                                                   \
	X(FLOW_DROP, "flow drop", "flow_drop")                                                                         \
	X(APPLAYER_ERROR, "applayer error", "applayer_error")                                                          \
	X(APPLAYER_MEMCAP, "applayer memcap", "applayer_memcap")                                                       \
	X(STREAM_ERROR, "stream error", "stream_error")                                                                \
	X(STREAM_MEMCAP, "stream memcap", "stream_memcap")                                                             \
	X(STREAM_MIDSTREAM, "stream midstream", "stream_midstream")                                                    \
	X(STREAM_URGENT, "stream urgent", "stream_urgent")                                                             \
	X(STREAM_REASSEMBLY, "stream reassembly", "stream_reassembly")                                                 \
	X(RULES, "rules", "rules")                                                                                     \
	X(RULES_THRESHOLD, "threshold detection_filter", "threshold_detection_filter")                                 \
	X(NFQ_ERROR, "nfq error", "nfq_error")                                                                         \
	X(TUNNEL_PACKET_DROP, "tunnel packet drop", "tunnel_packet_drop")

enum drop_reason {
#define X(id, text, counter) DROP_REASON_##id,
	DROP_REASONS(X)
#undef X
		DROP_REASON_COUNT
};
