// SPDX-License-Identifier: Apache-2.0
/* The engine around the application protocols: what a worker calls for each packet.
 *
 *	TCP:	stream engine -> app_stream_data (a stream_data_fn with the worker as context)
 *	UDP:	app_datagram(worker, packet)
 *	then:	detection inspects transactions (app_tx_state says how far they are),
 *		outputs write those for which app_tx_loggable() holds and set tx->logged,
 *		app_conn_clean() frees what is finished.
 *	end:	stream_finish (TCP), app_flow_end, detection and outputs once more, app_conn_free.
 *
 * One `struct app_state` per worker: configurations and switches of the protocols, tables of their patterns and ports,
 * ceilings, announced flows. All functions belong to the worker's thread. */
#pragma once

#include "base/compiler.h"
#include "sensor/app/app.h"
#include "sensor/stream/stream.h"

struct app_state;

/* Registers the counters of all protocols (stats.h: before workers start), reads "app-layer.protocols.*" of
 * worker->settings. Null after an error that was logged. */
struct app_state *app_state_new(struct worker *worker);
/* After the last app_conn_free. Null is allowed. */
void app_state_free(struct app_state *state);

/* A stream_data_fn; 'context' is the worker. Makes the connection when the flow has none. */
struct stream_answer app_stream_data(void *context, struct sensor_packet *packet, struct flow *flow,
	enum sensor_dir dir, const struct stream_chunk *chunk);
/* One datagram with a flow: detection, then parsing at once. It may turn the flow and packet->dir around when the first
 * packet turns out to be an answer. */
void app_datagram(struct worker *worker, struct sensor_packet *packet);
/* The flow is over: both directions end, every transaction counts as complete. 'packet' may be null. */
void app_flow_end(struct worker *worker, struct flow *flow, struct sensor_packet *packet);

/* Looks whether this flow, which has no connection yet, was announced (app_expect). The feeding functions do so. */
void app_flow_new(struct worker *worker, struct flow *flow);

/* Frees transactions that are complete, inspected (or 'inspecting' is false) and logged. */
void app_conn_clean(struct app_conn *conn, bool inspecting);
/* Everything; null is allowed. The worker's app_state must still be there. */
void app_conn_free(struct app_conn *conn);
/* Drops what a flow announced to another has left; part of freeing a flow. */
void app_expectation_free(struct flow *flow);

/* Progress as detection and outputs see it: 'complete' once the direction has ended or was cut. */
uint8_t app_tx_state(const struct app_tx *tx, enum sensor_dir dir);
bool app_tx_complete(const struct app_tx *tx, enum sensor_dir dir);
/* Its record can be written now and was not yet. */
bool app_tx_loggable(const struct app_tx *tx);

/* "app_proto" of EVE: the name, "failed", or null while nothing is known. 'dir' forms for app_proto_ts and _tc. */
const char *app_conn_proto(const struct app_conn *conn);
const char *app_conn_proto_dir(const struct app_conn *conn, enum sensor_dir dir);
/* Name of an event of the flow ("applayer_mismatch_..."); null: no such number. */
const char *app_layer_event_name(uint8_t event);
int app_layer_event_find(struct bytes name); /* enum app_layer_event, -1: none */
