// SPDX-License-Identifier: Apache-2.0
/* A worker: everything one thread needs to turn frames into verdicts and events.
 *
 *	frame -> decode -> (defrag, tunnels) -> flow -> stream -> app -> detect -> output -> verdict
 *
 * A worker owns all its state; it shares with others only the immutable policy and engine, which sensor_reload() exchanges
 * between two packets. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/siphash.h"
#include "sensor/common.h"
#include "sensor/detect/detect.h"
#include "sensor/stats.h"

struct packet_alert;
struct sensor_packet;
struct sensor_settings;
struct places;
struct policy;
struct eve;
struct eve_sinks;
struct evidence;
struct flow;
struct defrag;
struct decoder;
struct flow_table;
struct stream_engine;

struct worker {
	const struct sensor_settings *settings;
	const struct policy *policy;
	const struct detect_engine *engine;
	const struct places *places; /* null: nothing is said of places */
	unsigned int index;
	uint64_t counters[STATS_COUNTERS_MAX];
	struct siphash_key key;
	struct decoder *decoder;
	struct flow_table *flows;
	struct stream_engine *streams;
	struct detect_context *detect;
	struct eve *eve; /* null: no output */
	struct files_state *files; /* files/ : libmagic, store, ceilings */
	struct app_state *apps; /* app/ : configurations of protocols, ceilings, expectations */
	uint64_t now_ns; /* time of the packet in hand */
	struct sensor_packet *packet; /* in hand; null between packets */
	struct evidence *evidence; /* null: none is kept */
	struct packet_alert *alerts; /* room for those of the packet in hand */
	struct sensor_packet *pseudo; /* stands in when a flow ends without one */
	uint64_t last_expiry_ns;
	uint64_t start_ns, last_stats_ns, stats_interval_ns;
	bool track_macs;
	bool frame_records; /* EVE shows frames */
	uint16_t drop_counters[DROP_REASON_COUNT], end_counters[16];
	bool counts_only; /* the running sensor sums the counters of its workers and writes them itself */
};

/* One frame from a source. */
struct worker_frame {
	struct bytes data;
	uint64_t time_ns;
	uint64_t number; /* pcap_cnt, 0 for live sources */
	uint32_t wire_size;
	uint32_t linktype;
	uint32_t tenant;
	bool no_checksums; /* the network card was still to fill them in: they say nothing */
};

/* What is to become of a frame: of its outermost packet and of everything inside it. */
struct worker_verdict {
	bool drop;
	uint8_t action; /* ACTION_* */
	bool modified; /* the bytes of the frame were changed in place (replace, stream normalisation) */
	bool bypass; /* the flow needs no further inspection: may be switched through in the kernel */
	bool block_flow; /* the rest of the flow may be dropped in the kernel */
	const struct flow *flow;
};

/* 'engine' may be null: no rules; 'sinks' may be null: no output. Null after an error that was logged. */
struct worker *worker_new(const struct sensor_settings *settings, const struct policy *policy,
	const struct detect_engine *engine, struct eve_sinks *sinks, unsigned int index);
void worker_frame(struct worker *worker, const struct worker_frame *frame, struct worker_verdict *ret);
/* No frame is there: expiry, counters, output. Call it about once a second, or when a batch was empty. */
void worker_idle(struct worker *worker, uint64_t now_ns);
/* End of input: ends all flows, with their last events. */
void worker_finish(struct worker *worker);
void worker_free(struct worker *worker);
/* Between two frames: the new policy is in force from the next one on. */
void worker_policy(struct worker *worker, const struct policy *policy, const struct detect_engine *engine);
/* Between two frames, as that: what is said of places from the next one on; null: nothing. They outlive the worker, or the next call. */
void worker_places(struct worker *worker, const struct places *places);
