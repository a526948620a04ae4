// SPDX-License-Identifier: Apache-2.0
/* What the files of output/ share: the configured outputs, and the pieces of an event. */
#pragma once

#include <stdio.h>

#include "sensor/app/app.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/flow/flow.h"
#include "sensor/output/eve.h"
#include "sensor/output/sink.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

struct app_frame;

enum { EVE_OUTPUTS_MAX = 8, EVE_LINE_MAX = 1 << 20, EVE_RECORDS_MAX = 96 };

/* Records that are not transactions of a protocol. */
#define EVE_RECORDS(X)                                                                                                 \
	X(ALERT, "alert")                                                                                              \
	X(FRAME, "frame")                                                                                              \
	X(ANOMALY, "anomaly")                                                                                          \
	X(FILES, "files")                                                                                              \
	X(DROP, "drop")                                                                                                \
	X(STATS, "stats")                                                                                              \
	X(FLOW, "flow")                                                                                                \
	X(NETFLOW, "netflow")                                                                                          \
	X(METADATA, "metadata")                                                                                        \
	X(ARP, "arp")

enum eve_record {
#define X(id, name) EVE_##id,
	EVE_RECORDS(X)
#undef X
		EVE_RECORD_COUNT
};

struct eve_alert_options {
	bool payload, payload_printable, packet, metadata, app, flow, rule_metadata, rule_raw, rule_reference, verdict,
		http_body, http_body_printable, tagged, payload_length, websocket;
	uint32_t payload_size;
};

struct eve_xff {
	bool enabled, overwrite, reverse;
	const char *header;
};

/* One "eve-log" of the configuration. */
struct eve_output {
	const struct conf_node *node;
	struct sink *sink;
	bool records[EVE_RECORD_COUNT];
	const struct conf_node *options[EVE_RECORD_COUNT];
	bool app_records[EVE_RECORDS_MAX]; /* by app_protocol_index */
	struct eve_alert_options alert;
	struct eve_xff xff;
	bool metadata, community_id, ethernet, pcap_file, suricata_version;
	uint16_t community_seed;
	const char *sensor_name;
	bool anomaly_decode, anomaly_stream, anomaly_app, anomaly_packet_header;
	bool drop_alerts, drop_flows_all, drop_verdict;
	bool stats_totals, stats_deltas;
};

struct eve_sinks {
	const struct sensor_settings *settings;
	struct eve_output outputs[EVE_OUTPUTS_MAX];
	unsigned int output_count;
	uint64_t stats_interval_ns;
};

struct eve {
	struct eve_sinks *sinks;
	struct worker *worker;
	struct jsonw json;
	bool edge_only; /* the event in hand is about a system of which no content is kept (base/payload.h) */
};

/* Which addresses an event shows as source and destination. */
enum eve_direction { EVE_DIR_PACKET, EVE_DIR_FLOW, EVE_DIR_TO_SERVER, EVE_DIR_TO_CLIENT };

/* Opens the event and writes the common head. 'flow' and 'packet' may be null, not both (but for stats). */
void eve_head(struct eve *eve, const struct eve_output *output, const char *type, uint64_t time_ns,
	const struct sensor_packet *packet, const struct flow *flow, enum eve_direction direction);
/* Closes the event and writes the line. */
void eve_end(struct eve *eve, const struct eve_output *output);

void eve_kv_addr(struct jsonw *json, const char *key, const struct ip_addr *addr);
void eve_kv_hex(struct jsonw *json, const char *key, struct bytes data);
void eve_kv_base64(struct jsonw *json, const char *key, struct bytes data);
void eve_kv_printable(struct jsonw *json, const char *key, struct bytes data);
void eve_kv_protocol(struct jsonw *json, uint8_t protocol);
void eve_kv_mac(struct jsonw *json, const char *key, const uint8_t mac[6]);

void eve_app_proto(struct jsonw *json, const struct flow *flow);
/* "flow": {...} short form of alerts and drops */
void eve_flow_brief(struct jsonw *json, const struct flow *flow);
void eve_tcp_flags(struct jsonw *json, uint8_t flags);
/* Flow bits, variables and the like: "metadata". */
void eve_metadata(struct eve *eve, const struct sensor_packet *packet, const struct flow *flow);
/* The object of a protocol, as the protocol writes it. */
void eve_app_object(struct eve *eve, const struct flow *flow, struct app_conn *app, struct app_tx *tx, bool alert);
void eve_alert_object(struct eve *eve, const struct eve_output *output, const struct sensor_packet *packet,
	const struct packet_alert *alert);
/* "frame": {...} of alerts and frame records. */
void eve_frame_object(struct eve *eve, const struct app_conn *conn, enum sensor_dir dir, const struct app_frame *frame,
	uint32_t payload_size);
void eve_frames(struct eve *eve, struct sensor_packet *packet);
void eve_alerts(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet);
/* A packet that a tag asked for. */
void eve_tagged(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet);
void eve_drop(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet);
void eve_verdict(struct jsonw *json, const struct sensor_packet *packet);
void eve_packet_anomalies(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet);
void eve_files_array(struct eve *eve, struct app_tx *tx);
void eve_arp(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet);
void eve_community_id(struct jsonw *json, uint16_t seed, const struct sensor_packet *packet, const struct flow *flow);
