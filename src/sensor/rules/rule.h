// SPDX-License-Identifier: Apache-2.0
/* One rule, as the language module leaves it and the detection module reads it.
 *
 * Rules are made once per policy load, live in the policy's arena, and never change afterwards: all workers read them.
 * Everything is resolved: names are numbers, addresses are set ids, literals are bytes. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "sensor/common.h"

struct app_protocol;
struct rule;
struct rule_match;
struct detect_context;

/* Rule headers name an application protocol, a transport, or one of these. */
enum rule_layer_flag {
	RULE_PROTO_ANY_IP = 1 << 0, /* "ip" */
	RULE_PROTO_IPV4_ONLY = 1 << 1,
	RULE_PROTO_IPV6_ONLY = 1 << 2,
	RULE_PROTO_PACKET_ONLY = 1 << 3, /* tcp-pkt: payload of packets, not of the stream */
	RULE_PROTO_STREAM_ONLY = 1 << 4, /* tcp-stream */
	RULE_PROTO_PKTHDR = 1 << 5, /* pkthdr: only headers and events, also of invalid packets */
};

enum rule_flag {
	RULE_NOALERT = 1 << 0,
	RULE_BIDIRECTIONAL = 1 << 1, /* "<>"; the rule was doubled: this marks both halves */
	RULE_TRANSACTIONAL_BIDIR = 1 << 2, /* "=>" */
	RULE_SRC_ANY = 1 << 3,
	RULE_DST_ANY = 1 << 4,
	RULE_SPORT_ANY = 1 << 5,
	RULE_DPORT_ANY = 1 << 6,
	RULE_DIR_TO_SERVER = 1 << 7, /* flow:to_server or implied by a buffer */
	RULE_DIR_TO_CLIENT = 1 << 8,
	RULE_FLOW_ESTABLISHED = 1 << 9,
	RULE_FLOW_NOT_ESTABLISHED = 1 << 10,
	RULE_FLOW_STATELESS = 1 << 11,
	RULE_ONLY_STREAM = 1 << 12, /* flow:only_stream */
	RULE_NO_STREAM = 1 << 13, /* flow:no_stream */
	RULE_ONLY_FRAG = 1 << 14,
	RULE_NO_FRAG = 1 << 15,
	RULE_IP_ONLY = 1 << 16, /* nothing but addresses, ports 'any' and proto: asked once per flow and direction */
	RULE_DECODE_EVENT_ONLY = 1 << 17, /* may match packets without a flow or invalid ones */
	RULE_NEEDS_PACKET = 1 << 18, /* looks at this packet's headers, flags, dsize */
	RULE_NEEDS_STREAM = 1 << 19, /* content or pcre on the payload of a stream protocol */
	RULE_NEEDS_TX = 1 << 20, /* has matches on transactions: buffers, numbers, app events */
	RULE_NEEDS_FILE = 1 << 21, /* filename, filemagic, hashes, filesize, filestore */
	RULE_STORES_FILE = 1 << 22,
	RULE_NEEDS_FLOW = 1 << 23,
	RULE_PREFILTER = 1 << 24, /* "prefilter" keyword */
	RULE_HAS_TARGET_SRC = 1 << 25, /* target:src_ip */
	RULE_HAS_TARGET_DST = 1 << 26,
	RULE_BYPASS = 1 << 27,
	RULE_REQUIRE_APP_EVENT = 1 << 28,
	RULE_NO_STATE = 1 << 29,
	RULE_SCOPE_FLOW_DROP = 1 << 30, /* drop acts on the flow, not on the packet alone */
	/* As RULE_IP_ONLY but with negated addresses: asked for every packet, acts on the flow. */
	RULE_LIKE_IP_ONLY = 1LL << 31,
	RULE_PRIORITY_SET = 1LL << 32, /* "priority" was given: classtype does not change it */
	RULE_HOLD = 1LL << 33, /* holds a known hole: it is nothing but where it is armed (places.h) */
};

/* What rules can do with a kind of variable; decides the order in which rules are asked (rule.order). */
enum rule_order_kind {
	RULE_ORDER_FLOWBITS,
	RULE_ORDER_FLOWINT,
	RULE_ORDER_FLOWVAR,
	RULE_ORDER_PKTVAR,
	RULE_ORDER_HOSTBITS,
	RULE_ORDER_XBITS,
	RULE_ORDER_COUNT
};
enum rule_order_rank { RULE_RANK_UNUSED, RULE_RANK_READS, RULE_RANK_SETS_AND_READS, RULE_RANK_SETS };

enum rule_threshold_type {
	RULE_THRESHOLD_NONE,
	RULE_THRESHOLD_THRESHOLD,
	RULE_THRESHOLD_LIMIT,
	RULE_THRESHOLD_BOTH,
	RULE_THRESHOLD_BACKOFF,
	RULE_THRESHOLD_DETECTION_FILTER,
	RULE_THRESHOLD_RATE_FILTER,
	RULE_THRESHOLD_SUPPRESS,
};

enum rule_threshold_track {
	RULE_TRACK_NONE, /* suppress without an address */
	RULE_TRACK_SRC,
	RULE_TRACK_DST,
	RULE_TRACK_BOTH,
	RULE_TRACK_RULE,
	RULE_TRACK_FLOW,
	RULE_TRACK_EITHER, /* suppress: source or destination */
};

enum rule_threshold_unique { RULE_UNIQUE_NONE, RULE_UNIQUE_SRC_PORT, RULE_UNIQUE_DST_PORT };

/* A literal to look for.
 *
 * Absolute limits: the pattern lies wholly in [offset, depth) of the buffer, so 'depth' is an end and has 'offset' added
 * already. They are those of the rule, narrowed by what earlier contents of the chain imply: a content with distance or
 * within may have them too, and then both hold. A relative content with nothing before it counts from the start of the
 * buffer. startswith sets depth to the size of the pattern. */
struct rule_content {
	struct bytes pattern; /* lower-cased when nocase */
	bool nocase, negated, fast_pattern, fast_pattern_only, startswith, endswith, raw_bytes;
	bool has_offset, has_depth, has_distance, has_within;
	int32_t offset, depth; /* see above */
	int32_t distance, within; /* as written */
	/* -1, or the index of the byte_extract/byte_math variable that stands for the value. */
	int8_t offset_var, depth_var, distance_var, within_var;
	uint16_t fast_pattern_offset, fast_pattern_size; /* fast_pattern:4,8; size 0: all of it */
	bool relative_next; /* a later match is relative to this one */
	struct finder *finder; /* match/finder.h, made by detect */
};

/* What the address and port parts became: numbers of expressions in the policy (rules/address.h). The same text has
 * the same number, so a thousand rules with $HOME_NET have one set, and each tenant's own variables give one more set for
 * each expression, not for each rule. */
struct rule_endpoint {
	uint32_t address_set; /* 0: any */
	uint32_t port_set; /* 0: any */
};

/* One condition. Kinds that the engine knows by itself have 'kind'; all others bring functions in 'ops'. The payload of
 * a kind is in 'data'. */
enum rule_match_kind {
	MATCH_CUSTOM, /* ops->match */
	MATCH_CONTENT, /* struct rule_content */
	MATCH_PCRE, /* struct rule_pcre of detect/pcre.h */
	MATCH_NUMBER, /* struct rule_number: an app_number against a range */
};

struct rule_match {
	struct rule_match *next; /* in the order in which the rule names them */
	const struct rule_match_ops *ops; /* never null */
	uint8_t kind; /* enum rule_match_kind */
	bool negated;
	bool relative; /* parse() sets it: this one starts where the one before ended */
	bool relative_next; /* the next match in the same buffer is relative to this one; derived from 'relative' */
	uint8_t dirs; /* RULE_TARGET_TX: DIR_* in which it can be asked */
	uint8_t progress[SENSOR_DIRS]; /* RULE_TARGET_TX: from this progress on */
	void *data; /* of the kind, in the policy's arena */
};

/* What a custom condition is about; decides when it is asked and what 'target' points to. */
enum rule_target {
	RULE_TARGET_BUFFER, /* struct detect_buffer (detect/buffer.h): in a chain with content */
	RULE_TARGET_PACKET, /* the packet of the context */
	RULE_TARGET_TX, /* struct app_tx of the context */
	RULE_TARGET_FILE, /* struct file */
	RULE_TARGET_POST, /* what happens after a match: set bits, store the file, tag, ...; answers are ignored */
	RULE_TARGET_THRESHOLD, /* after a match, before the alert: may take it back */
};

enum rule_match_ops_flag {
	/* RULE_TARGET_PACKET conditions make the rule one about single packets: its payload conditions look at packets, not
	 * at the stream. This flag takes a condition out of that: it asks about the flow, the host, variables. */
	RULE_OPS_NOT_PACKET = 1 << 0,
	RULE_OPS_IP_ONLY = 1 << 1, /* may stand in a rule about addresses alone */
	RULE_OPS_EVENT = 1 << 2, /* a decoder event: the rule may match packets that are otherwise invalid */
};

struct rule_match_ops {
	const char *name; /* of the keyword, for profiles and messages */
	uint8_t target; /* enum rule_target */
	uint8_t flags; /* enum rule_match_ops_flag */
	/* True: holds. For RULE_TARGET_TX conditions 'progress' of the match says when it can be asked. */
	bool (*match)(
		struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target);
	/* Frees what does not lie in the arena (a regex); may be null. */
	void (*release)(struct rule_match *match);
};

/* The conditions on one buffer, in order. A rule may have several lists on the same buffer name (multi-instance buffers:
 * each list must match some instance). */
struct rule_buffer {
	struct rule_buffer *next;
	uint16_t buffer; /* id: rules/buffers.h; RULE_BUFFER_PAYLOAD for none */
	uint16_t transform_set; /* id of the chain of transforms, 0: none; same chain and buffer: one scan */
	uint8_t progress[SENSOR_DIRS];
	uint8_t dirs;
	struct rule_match *first, *last;
	bool multi; /* instances: another list on the same buffer may follow */
	bool absent_or; /* "absent: or_else": no buffer also matches */
	bool absent; /* "absent": only no buffer matches */
	bool is_fast_pattern; /* the fast pattern of the rule is in here */
	struct rule_content *fast_pattern;
	bool has_negated_only;
};

enum { RULE_NUMBER_PROTOCOLS_MAX = 8 };

/* A comparison of a number: rules/number.h. */
struct rule_number_test {
	uint8_t operation; /* enum rule_number_operation */
	uint64_t low, high;
};

struct rule_number {
	const struct app_number *number[RULE_NUMBER_PROTOCOLS_MAX]; /* by protocol; null behind the last one */
	const struct app_protocol *protocol[RULE_NUMBER_PROTOCOLS_MAX];
	struct rule_number_test test;
	uint8_t multi; /* enum rule_number_multi of rules/number.h */
	int32_t index;
	bool has_slice;
	int32_t slice_first, slice_end; /* negative: from the end */
	struct rule_number_test count; /* of RULE_NUMBER_TIMES and RULE_NUMBER_COUNT */
};

struct rule_reference {
	struct rule_reference *next;
	const char *kind, *value, *url; /* url: the prefix of reference.config and the value; may be null */
};

struct rule_metadata {
	struct rule_metadata *next;
	const char *key, *value;
};

struct rule_threshold {
	uint8_t type; /* enum rule_threshold_type */
	uint8_t track; /* enum rule_threshold_track */
	uint8_t new_action; /* rate_filter: enum sensor_action */
	uint8_t unique_on; /* enum rule_threshold_unique */
	uint32_t count, seconds, timeout;
	uint32_t multiplier; /* backoff */
	uint32_t suppress_set; /* address expression, for suppress */
	uint32_t tenant; /* whose it is; 0: everybody's */
	struct rule_threshold *next; /* the rule may have a threshold and several suppressions */
};

struct rule {
	uint32_t index; /* dense, in order of evaluation (action order, priority, flowbits, position) */
	uint32_t sid, gid, rev;
	const char *msg;
	const char *file_name; /* where it stands */
	uint32_t line;
	const char *text; /* the rule as written, kept when outputs or profiles want it */
	uint8_t action; /* enum sensor_action */
	uint8_t action_scope; /* 0 default, 1 packet, 2 flow, 3 hook, 4 tx */
	uint8_t priority; /* "severity" */
	uint16_t classtype; /* index, 0: none */
	const char *class_name, *class_text; /* "category" is the text */
	uint64_t flags; /* enum rule_flag */
	uint32_t layer_flags; /* enum rule_layer_flag */
	uint8_t ip_protocols[32]; /* bitmap; all ones for "ip" */
	/* Null: none named and none implied. Implied: only these protocols provide the buffers that the rule looks at. */
	const struct app_protocol *app;
	uint8_t app_count; /* headers like "dns" name several (dns, doh2): */
	const struct app_protocol *apps[8];
	bool app_named; /* by the header */
	uint8_t hook_dir, hook_progress; /* rule hook "http1:request_headers" */
	bool has_hook;
	struct rule_endpoint src, dst;
	/* DIR_*: the directions in which the rule is asked. Both, with RULE_TRANSACTIONAL_BIDIR: each list of conditions holds
	 * in its own direction, and all of them must; both without it: either direction, all lists in the same one. */
	uint8_t dirs;

	struct rule_match *packet; /* RULE_TARGET_PACKET, cheap ones first */
	struct rule_buffer *buffers; /* payload and app buffers */
	struct rule_match *tx; /* RULE_TARGET_TX */
	struct rule_match *files; /* RULE_TARGET_FILE */
	struct rule_match *post; /* RULE_TARGET_POST */
	struct rule_threshold *threshold;
	struct rule_reference *references;
	struct rule_metadata *metadata;

	/* Chosen by the language module: the buffer list with the fast pattern, or null: the rule is asked by header only. */
	struct rule_buffer *fast_buffer;
	uint32_t dsize_low, dsize_high; /* quick check; 0..65535 when there is no dsize */
	uint8_t variable_count; /* byte_extract and byte_math names */
	uint32_t tenant_set; /* 0: all tenants; else a set of tenants (detect/tenant.h) */
	uint8_t order[RULE_ORDER_COUNT]; /* enum rule_order_rank: rules that set come before rules that test */
	struct rule *twin; /* second half of a "<>" rule: the first, whose conditions it shares; null otherwise */
	void *detect; /* detect/'s own data */
};
