// SPDX-License-Identifier: Apache-2.0
/* EVE JSON: events as Suricata 8 writes them, one object a line.
 *
 * One `struct eve` per worker; sinks (files, sockets) are shared and take whole lines. What is written is chosen by the
 * configuration ("outputs: - eve-log:", there may be several). The common head (timestamp, flow_id, pcap_cnt, event_type,
 * addresses, ports, proto, vlan, community_id ...) is written here; protocols write their objects (app_protocol.log). */
#pragma once

#include "base/compiler.h"
#include "base/jsonw.h"
#include "sensor/common.h"

struct app_conn;
struct app_tx;
struct file;
struct flow;
struct sensor_packet;
struct sensor_settings;
struct worker;
struct eve;
struct eve_sinks;
struct conf_node;

/* Opens files and sockets for the whole process. 0 or an error that was logged. '*ret' may be null without outputs. */
MUST_CHECK int eve_sinks_open(const struct sensor_settings *settings, struct eve_sinks **ret);
void eve_sinks_close(struct eve_sinks *sinks); /* flushes */
void eve_sinks_reopen(struct eve_sinks *sinks); /* after an outside tool moved the files */

bool eve_sinks_have_sockets(const struct eve_sinks *sinks); /* null is allowed */
uint64_t eve_stats_interval(const struct eve_sinks *sinks); /* nanoseconds; 0: only at the end */
bool eve_shows_macs(const struct eve_sinks *sinks);

struct eve *eve_new(struct eve_sinks *sinks, struct worker *worker);
void eve_free(struct eve *eve);
/* Lines that no file and no socket took, of all workers, since the start. */
uint64_t eve_lost(const struct eve *eve);
/* "2018-10-02T16:22:51.123456+0000" */
enum { EVE_TIME_SIZE = 40 };
const char *eve_time(uint64_t time_ns, char text[EVE_TIME_SIZE]);
/* An event that another module wrote, one object: to all outputs. By the thread that 'eve' belongs to. */
void eve_object(struct eve *eve, struct jsonw *json, uint64_t now_ns);
/* Lets sinks write what they hold back. */
void eve_flush(struct eve *eve);

/* After detection of a packet: alerts, drops, anomalies of decoder and stream, ARP, packet-level records. */
void eve_packet(struct eve *eve, struct sensor_packet *packet);
/* A transaction is ready to be logged (the worker decides when); 'packet' gives time and pcap_cnt, may be pseudo. */
void eve_tx(struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_conn *app, struct app_tx *tx);
/* A file was closed or truncated. */
void eve_file(struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_tx *tx, struct file *file,
	enum sensor_dir dir);
/* Parser events of a transaction (tx != null) or of the connection. */
void eve_app_anomalies(
	struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_conn *app, struct app_tx *tx);
/* The flow is over: flow and netflow records. */
void eve_flow(struct eve *eve, struct flow *flow, uint64_t now_ns);
/* Counters of all workers, summed. */
void eve_stats(struct eve *eve, uint64_t now_ns, const uint64_t *counters, uint64_t start_ns);

/* True when someone wants this record: parsers may save work ("tls", "ja3" ...). */
bool eve_wants(const struct eve_sinks *sinks, const char *record);
/* Whether there is such a record at all. */
bool eve_knows(const char *record);
/* An option of the record's configuration: eve_option(sinks, "tls", "extended") -> node or null. */
const struct conf_node *eve_option(const struct eve_sinks *sinks, const char *record, const char *option);
