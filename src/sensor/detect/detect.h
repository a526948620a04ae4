// SPDX-License-Identifier: Apache-2.0
/* Detection: which rules hold for a packet, its stream and its transactions.
 *
 * A policy (rules/policy.h) is compiled once into an immutable engine: for each buffer one set of literals over all rules
 * of all tenants (match/literals.h), which names the few rules that can hold; those are then asked one condition after
 * the other. Each worker has a context with scratch memory. detect_packet() is the only entrance: it asks packet rules,
 * stream rules and the transactions of the packet's flow and direction, puts alerts on the packet in rule order, and
 * applies actions to packet and flow. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "sensor/common.h"
#include "sensor/rules/rule.h"

struct app_tx;
struct app_conn;
struct dataset_note;
struct file;
struct flow;
struct policy;
struct sensor_packet;
struct worker;
struct detect_engine;
struct match_scratch;

/* One worker's state while it asks rules; conditions get it. */
struct detect_context {
	struct worker *worker;
	const struct detect_engine *engine;
	struct sensor_packet *packet;
	struct flow *flow; /* may be null */
	enum sensor_dir dir;
	struct app_conn *app; /* may be null */
	struct app_tx *tx; /* the transaction in hand, or null */
	struct file *file; /* the file in hand, or null */
	uint64_t now_ns;
	struct match_scratch *scratch;
	struct arena memory; /* reset for each packet */
	uint64_t variables[16]; /* byte_extract and byte_math values of the rule in hand */
	struct bytes base64; /* result of base64_decode */
	struct dataset_note *dataset_notes; /* dataset.h: JSON for the alerts of this packet */
	bool dce_big_endian; /* byte order of the DCERPC message in hand */
	uint64_t counters_pcre_limit; /* regexes that ran into their limit */
	uint64_t prefilter_failures; /* scans that the library refused */
	struct detect_private *private; /* detect.c */
};

/* The buffer in which content, pcre and byte_* conditions look. */
struct detect_buffer {
	struct bytes data;
	uint64_t offset; /* of data in the whole (streaming buffers) */
	bool first, last; /* data begins / ends the whole */
	uint32_t cursor; /* behind the last match: relative conditions start here */
	uint16_t id;
};

/* Compiles; uses the cache of compiled literals in 'cache_dir' when not null. May run in a thread of its own. 0 or an
 * error that was logged. */
int detect_engine_new(struct policy *policy, const char *cache_dir, struct detect_engine **ret);
void detect_engine_free(struct detect_engine *engine);

/* What the engine makes other modules do or leave. */
enum { DETECT_FRAME_PROTOCOLS = 64 };
struct detect_needs {
	uint32_t frames[DETECT_FRAME_PROTOCOLS]; /* by app_protocol_index(): types of frames that rules look at */
	bool file_magic, file_md5, file_sha1, file_sha256, file_data, stream_raw, ja3, ja4, hassh, tls_certs, smtp_md5;
};
const struct detect_needs *detect_engine_needs(const struct detect_engine *engine);

struct detect_context *detect_context_new(struct worker *worker);
void detect_context_free(struct detect_context *context);
/* A new engine between two packets; flows keep their state, rules that vanished are forgotten by sid. */
void detect_context_engine(struct detect_context *context, const struct detect_engine *engine);

void detect_packet(struct detect_context *context, struct sensor_packet *packet);

/* Costs of rules, for `--profile`: off until switched on. Rows are by rule->index. */
int detect_context_profile(struct detect_context *context, bool on);
/* Answers false for a rule that was never asked; ticks are nanoseconds. */
bool detect_context_cost(const struct detect_context *context, uint32_t rule_index, uint64_t *ret_checks,
	uint64_t *ret_matches, uint64_t *ret_ns);

/* Frees what detection keeps on a flow or a transaction. */
void detect_tx_release(struct app_tx *tx);
void detect_flow_release(struct flow *flow);
