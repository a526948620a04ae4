// SPDX-License-Identifier: Apache-2.0
/* What the files of the engine share; not for protocols and not for the rest of the sensor. */
#pragma once

#include "sensor/app/app.h"
#include "sensor/app/engine.h"

struct table;

enum {
	APP_SLOTS_MAX = 96, /* protocols that list.h may name */
	APP_PORT_RANGES_MAX = 32,
	APP_TRANSPORTS = 2, /* index 0 TCP, 1 UDP */
};

/* Ceilings of what outsiders make us keep. */
#define APP_CONN_MEMORY_MAX  ((size_t)64 << 20)
#define APP_TX_ARENA_MAX     ((size_t)16 << 20)
#define APP_STATE_MEMORY_MAX ((size_t)2 << 30)
#define APP_PROBE_BYTES_MAX  16384 /* a probe that still says "more" then has said no */
#define APP_ONE_SIDE_MAX     100000 /* bytes of one side while the other is silent: detection is skipped */

struct app_port_range {
	uint16_t first, last;
};

struct app_ports {
	bool any;
	uint8_t count;
	struct app_port_range ranges[APP_PORT_RANGES_MAX];
};

/* A protocol as this worker's configuration has it. */
struct app_slot {
	const struct app_protocol *protocol;
	bool detect[APP_TRANSPORTS], parse[APP_TRANSPORTS];
	void *config;
	const struct conf_node *log_options; /* of its record in the first "eve-log" that has it */
	uint32_t tx_max;
	bool depth_set;
	uint32_t depth_size; /* "stream-depth" */
	bool has_ports[APP_TRANSPORTS];
	struct app_ports ports[APP_TRANSPORTS]; /* detection-ports.dp instead of the probes' own */
	unsigned int counter_flow[APP_TRANSPORTS], counter_tx[APP_TRANSPORTS];
	unsigned int counter_error[APP_TRANSPORTS][4]; /* enum app_error */
	unsigned int counter_policy[APP_TRANSPORTS]; /* first of EXCEPTION_COUNT; 0: not counted by protocol */
};

enum app_error { APP_ERROR_GAP, APP_ERROR_ALLOC, APP_ERROR_PARSER, APP_ERROR_INTERNAL };

struct app_pattern_row {
	const struct app_protocol *protocol;
	const struct app_pattern *pattern;
};

struct app_probe_row {
	const struct app_protocol *protocol;
	const struct app_port_probe *probe;
	struct app_ports ports;
};

struct app_state {
	struct worker *worker;
	unsigned int slot_count;
	struct app_slot slots[APP_SLOTS_MAX];
	/* Detection, by transport and direction. */
	struct app_pattern_row *patterns[APP_TRANSPORTS][SENSOR_DIRS];
	unsigned int pattern_count[APP_TRANSPORTS][SENSOR_DIRS];
	uint32_t pattern_depth[APP_TRANSPORTS][SENSOR_DIRS];
	struct app_probe_row *probes[APP_TRANSPORTS];
	unsigned int probe_count[APP_TRANSPORTS];
	unsigned int counter_failed[APP_TRANSPORTS];
	unsigned int counter_frames_dropped;
	size_t memory_size; /* of all connections and transactions */
	struct table *expectations; /* expect.c */
};

static inline unsigned int app_transport(uint8_t ip_protocol)
{
	return ip_protocol == 6 ? 0 : 1;
}

struct app_slot *app_slot_of(struct app_state *state, const struct app_protocol *protocol);
void app_error_count(struct app_conn *conn, enum app_error error);

/* registry.c */
int app_slots_load(struct app_state *state);
void app_slots_free(struct app_state *state);
int app_ports_parse(const char *text, struct app_ports *ret);
bool app_ports_have(const struct app_ports *ports, uint16_t port);

/* detect-protocol.c */
int app_detect_tables(struct app_state *state);
void app_detect_tables_free(struct app_state *state);

struct app_found {
	const struct app_protocol *protocol; /* null: none */
	bool reversed; /* the bytes are of the other direction */
	bool over; /* nothing further will be found in this direction */
};

/* Looks at the first bytes of one direction. 'may_reverse': the flow was picked up without knowing who began. */
struct app_found app_detect(
	struct app_state *state, struct app_conn *conn, enum sensor_dir dir, struct bytes data, bool may_reverse);

/* app.c */
struct app_conn *app_conn_new(struct worker *worker, struct flow *flow);
void app_layer_event(struct app_conn *conn, enum app_layer_event event);
/* Makes 'protocol' that of the connection and opens its parser; counts the flow. */
void app_conn_protocol(struct app_conn *conn, const struct app_protocol *protocol);
/* No application layer any more. */
void app_conn_stop(struct app_conn *conn);
/* A change of protocol is coming: every transaction counts as complete. */
void app_conn_finish_txs(struct app_conn *conn);
/* The parser is closed and what is left of its transactions freed. */
void app_conn_retire(struct app_conn *conn);

/* expect.c */
void app_expectations_free(struct app_state *state);
