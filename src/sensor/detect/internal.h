// SPDX-License-Identifier: Apache-2.0
/* What the files of detect/ share: the compiled engine and the scratch of a worker.
 *
 *	engine.c	compiles a policy into an engine
 *	prefilter.c	literal sets: build, cache, scan
 *	headers.c	which headers hold: addresses, ports, protocol, tenant
 *	detect.c	one packet: which rules are asked, packet and stream rules
 *	transaction.c	the transactions of the packet's flow
 *	alert.c		the queue of alerts, actions on packet and flow
 *	inspect.c	the conditions on one buffer */
#pragma once

#include "match/literals.h"
#include "sensor/app/app.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/policy.h"

enum {
	DETECT_CAPTURES_MAX = 16,
	DETECT_VIEWS_MAX = 16, /* pieces of the stream in one packet's inspection */
	DETECT_PROTOCOLS_MAX = 64,
	DETECT_ALERTS_MAX = 65535, /* rules that hold for one packet, before packet-alert-max */
	DETECT_STATE_RULES_MAX = 4096, /* rules remembered for one transaction */
	DETECT_STEPS_MAX = 29, /* conditions of one rule on a transaction */
	DETECT_MEMORY_MAX = 16 << 20, /* scratch of one packet */
	DETECT_RESULTS_MAX = 64, /* transformed buffers kept for one transaction */
};

/* Kinds of rules: when and on what they are asked. */
enum detect_kind {
	DETECT_IP_ONLY, /* once for each flow and direction */
	DETECT_PACKET, /* each packet; payload conditions look at the packet */
	DETECT_STREAM, /* pieces of the stream, or packets that did not go there */
	DETECT_PACKET_STREAM, /* both */
	DETECT_PROTOCOL, /* once the protocol of a direction is found */
	DETECT_TX, /* transactions */
	DETECT_FRAME, /* frames */
};

/* Kinds of packets: each has its own lists and literal sets. */
enum detect_class { CLASS_TCP, CLASS_UDP, CLASS_ICMP4, CLASS_ICMP6, CLASS_OTHER, CLASS_COUNT };

enum detect_step_kind { STEP_BUFFER, STEP_PAYLOAD, STEP_MATCH, STEP_FILES };

/* One part of a transaction rule that holds or not by itself, and is remembered when it held. */
struct detect_step {
	uint8_t kind; /* enum detect_step_kind */
	uint8_t dirs; /* DIR_* */
	const struct rule_buffer *list;
	const struct rule_match *match;
};

struct detect_rule {
	const struct rule *rule;
	uint64_t apps; /* by app_protocol_index(); 0: any */
	uint32_t header; /* index in engine->headers */
	uint8_t kind; /* enum detect_kind */
	uint8_t dirs; /* DIR_* in which it is asked */
	uint8_t step_count;
	bool acts_on_flow; /* its drop or pass is for the flow, whatever matched */
	bool has_files, has_packet_buffers, needs_real_packet, checks_size;
	const struct rule_buffer *payload; /* list on payload, or null */
	struct detect_step *steps; /* of a DETECT_TX rule */
};

/* The constant part of headers: thousands of rules have the same few. */
struct detect_header {
	struct rule_endpoint src, dst;
	uint64_t flags; /* RULE_*_ANY */
	uint32_t layer_flags;
	uint32_t tenant_set;
	uint8_t protocols[32];
};

/* Rules without a literal to look for, by header. */
struct detect_group {
	uint32_t header, first, count;
};

struct detect_list {
	struct detect_group *groups;
	uint32_t *rules;
	uint32_t group_count, rule_count;
};

/* One literal set: what rules look for in one buffer. */
struct detect_set {
	uint16_t buffer, transform_set;
	uint8_t dir, place; /* enum detect_place */
	struct literal_set_builder *builder; /* while compiling */
	struct literal_set *literals;
};

enum detect_place {
	PLACE_APP,
	PLACE_FRAME,
	PLACE_PACKET,
	PLACE_STREAM,
	PLACE_TCP_PAYLOAD,
	PLACE_UDP_PAYLOAD,
	PLACE_OTHER_PAYLOAD
};

/* A set that is scanned for the transactions of a protocol. */
struct detect_app_set {
	const struct app_buffer *row;
	uint32_t set;
};

/* A set that is scanned for frames. */
struct detect_frame_set {
	uint32_t set;
	uint8_t protocol, type;
};

struct detect_app_sets {
	struct detect_app_set *items; /* by progress */
	uint32_t count;
};

struct detect_engine {
	const struct policy *policy;
	struct arena memory;
	struct detect_rule *rules; /* by rule->index */
	uint32_t rule_count, header_count, set_count, set_room;
	struct detect_header *headers;
	struct regions *address_regions, *port_regions; /* owned */
	struct detect_set *sets;
	int32_t payload_sets[SENSOR_DIRS][PLACE_OTHER_PAYLOAD + 1]; /* -1: none */
	uint32_t *packet_sets; /* sets over buffers of the packet */
	uint32_t packet_set_count;
	struct detect_list ip_only[CLASS_COUNT];
	struct detect_list events; /* for invalid packets */
	struct detect_list transactional; /* "=>" rules */
	struct detect_list packets[CLASS_COUNT][SENSOR_DIRS]; /* rules without literal and protocol */
	struct detect_list app_packets[DETECT_PROTOCOLS_MAX][SENSOR_DIRS]; /* with protocol */
	struct detect_list transactions[DETECT_PROTOCOLS_MAX][SENSOR_DIRS];
	struct detect_app_sets app_sets[DETECT_PROTOCOLS_MAX][SENSOR_DIRS];
	struct detect_list frames[DETECT_PROTOCOLS_MAX][SENSOR_DIRS];
	struct detect_frame_set *frame_sets;
	uint32_t frame_set_count;
	struct detect_needs needs;
	bool guess_tx;
};

/* A set of rule indexes that is walked through in order: bits, and bits that say which words are not empty. */
struct detect_marks {
	uint64_t *words, *summary;
	uint32_t word_count;
};

struct detect_capture {
	uint8_t scope; /* enum rule_pcre_scope */
	uint32_t name;
	struct bytes key, text;
};

struct detect_queued {
	struct packet_alert alert;
	uint32_t index;
};

/* A transformed buffer of the transaction in hand. */
#define DETECT_RESULT_KEY(buffer, index) ((uint32_t)(buffer) << 16 | ((index)&0xffff))

struct detect_result {
	uint32_t key; /* DETECT_RESULT_KEY() */
	const uint8_t *ptr;
	size_t size;
	uint16_t transform_set;
	bool made;
	struct bytes result;
};

struct detect_ends;
struct detect_ends_table;

struct detect_private {
	struct detect_ends_table *ends_table;
	struct detect_ends *ends; /* of the packet; null: headers are asked each time */
	struct detect_marks packet_marks, tx_marks;
	struct detect_queued *queue;
	uint32_t queue_count, queue_room;
	struct bytes views[DETECT_VIEWS_MAX]; /* of the stream */
	uint8_t view_count;
	uint8_t capture_count;
	uint8_t conn_events_first; /* those before were seen by rules already */
	uint8_t result_count;
	struct detect_capture captures[DETECT_CAPTURES_MAX];
	struct detect_result results[DETECT_RESULTS_MAX];
	struct detect_flow *flow; /* state of the packet's flow, or null */
	const struct app_protocol *protocol; /* the last one seen, and its app_protocol_index() */
	unsigned int protocol_index;
	struct detect_profile_row *profile; /* by rule index; null: off */
	struct file *matched_file;
	int64_t frame_id; /* of the frame in hand, -1: none */
	bool protocol_found; /* this is the first packet of its direction after detection of the protocol was over */
};

/* What detection keeps on a flow. */
struct detect_flow {
	uint64_t serial; /* of the policy */
	struct detect_ends *ends[SENSOR_DIRS]; /* by sender; null, or of another generation: not known */
	uint64_t ends_generation[SENSOR_DIRS];
	uint8_t conn_events_seen;
	uint8_t protocol_seen; /* DIR_*: rules about the protocol were asked after it was found */
};

/* Flags of rules that detect_state_holds() looks at. */
#define FLOW_CONDITIONS                                                                                                \
	(RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT | RULE_FLOW_ESTABLISHED | RULE_FLOW_NOT_ESTABLISHED |                 \
		RULE_ONLY_FRAG | RULE_NO_FRAG | RULE_NEEDS_FLOW)

/* app_protocol_index() of the flow's protocol, which packets in a row often share. */
static inline unsigned int detect_protocol_index(const struct detect_context *context)
{
	struct detect_private *private = context->private;

	if (private->protocol != context->app->protocol) {
		private->protocol = context->app->protocol;
		private->protocol_index = app_protocol_index(private->protocol);
	}
	return private->protocol_index;
}

static inline void detect_mark(struct detect_marks *marks, uint32_t index)
{
	uint32_t word = index / 64;

	marks->words[word] |= 1ull << (index % 64);
	marks->summary[word / 64] |= 1ull << (word % 64);
}

/* Takes the lowest mark out; false when there is none. */
bool detect_marks_take(struct detect_marks *marks, uint32_t *ret);
int detect_marks_init(struct detect_marks *marks, uint32_t count);
void detect_marks_done(struct detect_marks *marks);

/* ---- prefilter.c ---- */

/* Adds the fast pattern of a rule to its sets; false: it has none that a set can hold. */
int prefilter_add_rule(struct detect_engine *engine, const struct detect_rule *rule, bool *ret_added);
int prefilter_compile(struct detect_engine *engine, const char *cache_dir);
void prefilter_free(struct detect_engine *engine);
/* Bytes of the longest literal of a set. */
size_t prefilter_longest(const struct detect_engine *engine, uint32_t set);
/* Marks the rules whose literal is in 'in'. */
void prefilter_scan(struct detect_context *context, uint32_t set, struct bytes in, struct detect_marks *marks);

/* ---- detect.c ---- */

/* Runs a chain of transforms; results are kept for the transaction in hand, 'key' names the buffer. False: there is no result. */
bool detect_transform(
	struct detect_context *context, uint32_t key, uint16_t transform_set, struct bytes in, struct bytes *ret);
/* What the rule says about the flow's state and direction. */
bool detect_state_holds(const struct detect_context *context, const struct detect_rule *rule);
bool detect_packet_conditions(struct detect_context *context, const struct detect_rule *rule);
/* Payload conditions by kind of rule; sets ALERT_STREAM_MATCH in '*flags'. */
bool detect_payload_holds(struct detect_context *context, const struct detect_rule *rule, uint8_t *flags);
/* The rule holds: runs what follows and queues the alert. */
void detect_rule_holds(struct detect_context *context, const struct detect_rule *rule, uint8_t flags, uint64_t tx_id);
/* ---- headers.c ---- */

/* Forgets all; makes the table the first time. LUYTRE_E_NOMEM. */
MUST_CHECK int detect_ends_init(struct detect_private *private);
void detect_ends_done(struct detect_private *private);
/* Finds what packets like this one share (private->ends). */
void detect_ends_choose(struct detect_context *context);
/* Address, port, protocol: constant for a flow. */
bool detect_header_holds(struct detect_context *context, uint32_t header);
/* The same with source and destination exchanged: answers of a transactional rule. */
bool detect_header_holds_reversed(struct detect_context *context, uint32_t header);
/* Marks the rules of the list whose header holds. */
void detect_mark_list(struct detect_context *context, const struct detect_list *list, struct detect_marks *marks);

/* ---- transaction.c ---- */

void detect_transactions(struct detect_context *context);
/* Nobody asks: completed transactions count as inspected. */
void detect_transactions_skip(struct detect_context *context);

/* ---- frames.c ---- */

void detect_frames(struct detect_context *context);
/* Nobody asks: what is there counts as inspected. */
void detect_frames_skip(struct detect_context *context);

/* ---- alert.c ---- */

void alert_queue(struct detect_context *context, const struct detect_rule *rule, uint8_t flags, uint64_t tx_id);
/* Sorts, limits, applies actions. */
void alert_finish(struct detect_context *context);

/* ---- profile ---- */

struct detect_profile_row {
	uint64_t checks, matches, ticks;
};

/* ---- keywords that the engine has to know ---- */

bool detect_is_protocol_match(const struct rule_match *match);
void detect_entropy_name(const struct rule_buffer *list);
