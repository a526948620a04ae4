// SPDX-License-Identifier: Apache-2.0
/* Application protocols: what a protocol folder gives, and what it gets.
 *
 * A protocol is one `const struct app_protocol` in app/<name>/<name>.c and one line in app/list.h. It has: ways to
 * recognise it, a parser for each direction, transactions, and tables of what rules can look at (buffers, numbers,
 * events) and what EVE shows. The engine around it (app.c, by the worker) does all that is common: detection of the
 * protocol by content, calling parsers with in-order bytes, lists of transactions and their life time, events,
 * counters, limits, memory.
 *
 * The flow of a call: bytes -> parse() -> makes or advances transactions (app_tx_new, tx->progress[dir] = ...) ->
 * rules inspect each transaction whose progress moved (buffers with progress <= tx->progress are final) -> transactions
 * that reached 'complete' in both directions are logged and freed.
 *
 * Everything belongs to one worker. A parser allocates only through app_alloc (counted, ceiling per flow and in all) or
 * an arena of its own with a ceiling; null means: answer APP_ERROR. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "sensor/common.h"

struct sensor_packet;
struct flow;
struct worker;
struct app_conn;
struct app_tx;
struct app_protocol;
struct app_frames;
struct file_list;
struct conf_node;
struct rule_keyword;

enum {
	APP_TX_EVENTS_MAX = 32,
	APP_TX_MAX_DEFAULT = 1024, /* live transactions per flow; a protocol may say otherwise */
};

enum app_status {
	APP_OK, /* all bytes are consumed */
	APP_MORE, /* 'consumed' of them; call again when 'needed' bytes in all are there behind that */
	APP_ERROR, /* the parser gives up on this flow: event applayer parser error, exception policy, raw inspection goes on */
};

struct app_result {
	enum app_status status;
	size_t consumed, needed;
};

#define APP_RESULT_OK               ((struct app_result){ .status = APP_OK })
#define APP_RESULT_ERROR            ((struct app_result){ .status = APP_ERROR })
#define APP_RESULT_MORE(used, want) ((struct app_result){ .status = APP_MORE, .consumed = (used), .needed = (want) })

/* What parse() gets. */
struct app_input {
	struct bytes data; /* borrowed */
	uint64_t offset; /* of data in its direction's stream; 0 for datagrams */
	uint64_t gap_size; /* not 0: that many bytes are missing, and data is empty (only with app_protocol.gaps_ok) */
	bool start, eof; /* eof may come with empty data, once for each direction */
	bool truncated; /* with eof: the depth limit cut the stream, the peer did not end it */
	bool midstream;
	struct sensor_packet *packet; /* null when the flow ends without one */
	uint64_t now_ns;
};

/* The common head of every transaction: first member of the protocol's own struct. */
struct app_tx {
	struct app_tx *next, *prev; /* in order of id; owned by app.c */
	struct app_conn *conn;
	const struct app_protocol *protocol; /* of its parser */
	uint64_t id; /* counts from 0 in a flow */
	uint64_t time_ns; /* first seen */
	/* How far each direction came: the protocol's own scale, growing; 'complete' of the protocol is the end. */
	uint8_t progress[SENSOR_DIRS];
	uint8_t dirs_skip; /* DIR_*: this direction will never have anything (one-way transactions): not inspected */
	bool updated
		[SENSOR_DIRS]; /* something changed since rules looked last; set by app_tx_touch and app_tx_progress */
	bool inspected_all[SENSOR_DIRS]; /* rules are through with the completed direction */
	bool logged; /* the main record */
	bool no_log; /* by the rule action "config" */
	bool skip_logs; /* protocol says: nothing to show */
	uint8_t event_count;
	uint8_t events[APP_TX_EVENTS_MAX]; /* numbers in app_protocol.events */
	uint8_t events_logged;
	struct file_list *files[SENSOR_DIRS]; /* files carried in that direction; null: none. Freed by app.c */
	void *detect[SENSOR_DIRS]; /* what rules remember about it (detect/) */
	struct arena arena; /* for whatever lives as long as the transaction */
	size_t size; /* of the protocol's struct */
	size_t counted_size; /* of the arena, in the worker's sum */
};

/* A piece of something that rules inspect. Most buffers are whole at once (offset 0, last true); bodies and files come in
 * windows. */
struct app_view {
	struct bytes data; /* borrowed, valid until the parser runs again */
	uint64_t offset; /* of data in the whole */
	bool last; /* nothing will follow */
	uint32_t version; /* counts up when bytes that were shown are replaced by others: unpacked ones, say */
};

/* A buffer: one row. The same name may be in the tables of several protocols ("http.uri" of HTTP/1 and HTTP/2,
 * "file.data" of many): rules refer to the name. 'get' answers false when the transaction has none (absent); 'index'
 * counts instances of APP_BUFFER_MULTI buffers until 'get' answers false. It may build the buffer on first use in the
 * transaction's arena, and must be cheap when called again. */
enum app_buffer_flag {
	APP_BUFFER_MULTI = 1 << 0, /* several instances: names of several queries, certificates, recipients */
	APP_BUFFER_STREAMING = 1 << 1, /* grows: inspected from the given progress on as it grows, window by window */
	APP_BUFFER_FILE = 1 << 2, /* over the files of the transaction: file.data and friends */
	APP_BUFFER_LOWERCASE =
		1 << 3, /* content is lower-cased already: rules with upper-case literals get a warning */
	APP_BUFFER_APPENDED = 1 << 4, /* bytes once shown stay as they are ('version' tells when not), so that they need
				 not be scanned again; 'index' always names the same instance */
	APP_BUFFER_IN_FILE_DATA = 1 << 5, /* file.data shows all pieces of it as they are: one scan does for both */
};

struct app_buffer {
	const char *name; /* sticky buffer "http.uri" */
	const char *alias; /* older sticky name "dns_query", or null */
	const char *modifier; /* older content modifier "http_uri", or null */
	const char *pcre_flag; /* letter that selects it in pcre:"/x/U", or null */
	uint8_t dirs; /* DIR_*: in which direction rules see it */
	uint8_t progress[SENSOR_DIRS]; /* complete from this progress on */
	uint8_t flags; /* enum app_buffer_flag */
	bool (*get)(
		struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, struct app_view *ret);
};

/* A number that rules compare with the common syntax: "5", ">5", "<5", "3-7", "!5", names of 'names'; 'get' as above. */
struct app_name_value {
	const char *name; /* ends with a null name */
	uint64_t value;
};

enum app_number_flag {
	APP_NUMBER_MULTI = 1 << 0, /* any instance may match */
	APP_NUMBER_FLAGS = 1 << 1, /* bit set: "syn,ack", "!fin" by names */
	APP_NUMBER_BOOL = 1 << 2, /* "true" or "yes", "false" or "no" */
	APP_NUMBER_COUNT = 1 << 3, /* how many instances there are */
};

struct app_number {
	const char *name;
	const char *alias;
	uint8_t dirs;
	uint8_t progress[SENSOR_DIRS];
	uint8_t bits; /* 8, 16, 32, 64: greatest value a rule may name */
	uint8_t flags; /* enum app_number_flag */
	const struct app_name_value *names; /* or null */
	bool (*get)(struct app_tx *tx, const struct flow *flow, enum sensor_dir dir, uint32_t index, uint64_t *ret);
};

/* An event of the parser: "app-layer-event:http.NAME" in rules, "anomaly.event" in EVE. Numbers are positions. */
struct app_event {
	const char *name; /* lower case, with underscores */
	bool connection; /* belongs to the flow, not to a transaction ("anomaly.layer" proto_detect/proto_parser) */
};

/* An older name of an event that rules may still use. */
struct app_event_alias {
	const char *alias, *name; /* ends with a null alias */
};

/* How a protocol is recognised. Patterns are searched in the first bytes of the direction; a probe is asked on ports
 * (or on all with port 0) and when a pattern matched and the row has a probe. */
enum app_probe_answer { APP_PROBE_NO, APP_PROBE_YES, APP_PROBE_MORE, APP_PROBE_REVERSED };

typedef enum app_probe_answer (*app_probe_fn)(struct flow *flow, enum sensor_dir dir, struct bytes data);

struct app_pattern {
	uint8_t dir; /* enum sensor_dir */
	const char *text; /* with \x.. escapes of C; size below because of NULs */
	uint8_t size;
	uint16_t offset, depth; /* the pattern lies wholly in [offset, depth) */
	bool nocase;
	app_probe_fn confirm; /* or null: the pattern is enough */
};

struct app_port_probe {
	const char *
		ports; /* default of "app-layer.protocols.NAME.detection-ports.dp": "53", "443,8443"; "" for any port */
	uint8_t transport; /* IP protocol */
	uint16_t min_size; /* not asked before so many bytes are there */
	app_probe_fn to_server, to_client; /* null: this direction says nothing */
};

/* One hook of the rule language ("http1:request_headers"): the name of a progress value. */
struct app_state_name {
	const char *name; /* ends with a null name */
	uint8_t dir, progress;
};

struct app_protocol {
	const char *name; /* in rule headers, "app_proto", configuration: "http" is HTTP/1's name there */
	const char *rule_alias; /* second name in rule headers ("http1"), or null */
	const char *event_type; /* "event_type" of its record in EVE; null: none */
	const char *record; /* item of "types" in eve-log that switches its records on; null: event_type */
	/* The protocol that this one is carried in (HTTP/2 for doh2), with the same transactions: its record is written
	 * too, before this one's. Null: none. */
	const struct app_protocol *carrier;
	const char *log_key; /* key of the object in records and alerts ("http", "dns") */
	const char *
		counter; /* in app_layer.flow.COUNTER; null: name (UDP and TCP add a suffix by themselves where both exist) */
	uint8_t transports; /* APP_TCP | APP_UDP */
	bool events_upper_case; /* how "anomaly.event" shows them: HTTP/1, SMTP, TLS, FTP, Modbus, DNP3 in capitals */
	bool disabled_by_default; /* modbus, dnp3, pgsql, enip: on when the configuration says so */
	bool gaps_ok;
	bool one_tx; /* a connection is one transaction: app_layer.tx.NAME does not count it */
	uint16_t tx_max; /* 0: APP_TX_MAX_DEFAULT; settings may say otherwise ("max-tx") */
	uint8_t first_dir; /* DIR_*: which side may speak first and be detected alone; 0 means both */
	uint8_t complete[SENSOR_DIRS]; /* progress at which a direction of a transaction is done */
	uint8_t log_progress[SENSOR_DIRS]; /* progress in both directions at which the record is written; 0: complete */
	const struct app_pattern *patterns; /* ends with size 0; may be null */
	const struct app_port_probe *probes; /* ends with transport 0; may be null */
	const struct app_buffer *buffers; /* ends with a null name; may be null, like all below */
	const struct app_number *numbers;
	const struct app_event *events;
	const struct app_event_alias *event_aliases;
	const struct app_state_name *states;
	const char *const *frames; /* names of its frames (app/frames.h); a number is the place in here */
	const struct rule_keyword *keywords; /* keywords that are neither buffer nor number (rules/keyword.h) */

	/* Once per policy load: reads "app-layer.protocols.NAME" ('node' may be null). 0, or an error that was logged. The
	 * result lies in *ret_config and is given to open(). */
	int (*configure)(const struct conf_node *node, void **ret_config);
	void (*configure_free)(void *config);

	void *(*open)(struct app_conn *conn, const void *config); /* state of one flow; null: no memory */
	void (*close)(struct app_conn *conn, void *state);
	struct app_result (*parse[SENSOR_DIRS])(struct app_conn *conn, void *state, const struct app_input *in);
	void (*tx_free)(struct app_conn *conn, struct app_tx *tx); /* members that are not in the arena; may be null */

	/* Which side EVE shows as the source of a transaction's record; null: the client. 'options': as conn->log_options. */
	enum sensor_dir (*log_source)(const struct app_tx *tx, const struct conf_node *options);
	/* Writes the members of the protocol's object; the caller opened it under 'log_key'. Answers false when there is
	 * nothing to show (the object is taken back). 'alert': for an alert's context instead of the record. */
	bool (*log)(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
	/* Instead of the above, for protocols whose records are not one object under one key: writes everything itself into
	 * the open top-level object (SMTP with its "email" object; HTTP/2 under "http"). */
	bool (*log_top)(struct app_tx *tx, const struct flow *flow, bool alert, struct jsonw *json);
};

enum { APP_TCP = 1, APP_UDP = 2 };

/* ---- What a parser may call ---- */

/* The connection of a parser: public part. */
struct app_conn {
	struct flow *flow;
	struct worker *worker;
	const struct app_protocol *protocol; /* null: not known yet */
	const struct app_protocol *protocol_dir[SENSOR_DIRS]; /* what each direction was recognised as */
	const struct app_protocol *protocol_original,
		*protocol_expected; /* after a change (STARTTLS, CONNECT, upgrade) */
	void *state;
	const void *config;
	struct app_tx *first, *last;
	uint64_t tx_count; /* made so far */
	uint32_t tx_live;
	uint8_t flags; /* enum app_conn_flag */
	bool failed; /* APP_ERROR was answered: the parser is asked no more */
	bool stopped; /* no application layer any more, for whatever reason */
	bool detect_failed; /* the protocol is not known and will not be: "failed" */
	bool dir_done[SENSOR_DIRS]; /* detection of this direction is over, recognised or not */
	bool dir_failed[SENSOR_DIRS]; /* ... and it was not */
	bool eof[SENSOR_DIRS];
	bool cut[SENSOR_DIRS]; /* by a gap that the parser does not take, an error, or the depth limit */
	bool data_sent; /* the parser has had bytes */
	bool started[SENSOR_DIRS]; /* parse() was called with start */
	uint8_t first_dirs; /* DIR_*: the side that sent the first byte; 0: none yet */
	uint8_t conn_event_count;
	uint8_t conn_events[8]; /* numbers of enum app_layer_event: detection and parser trouble of the flow */
	uint8_t conn_events_logged;
	uint8_t parser_events[8]; /* numbers in app_protocol.events: of rows with 'connection' */
	uint8_t parser_event_count;
	uint16_t server_port; /* for port probes, 0: that of the flow */
	uint64_t bytes_seen[SENSOR_DIRS]; /* offset in the stream behind what the parser has consumed */
	size_t memory_size; /* counted by app_alloc */
	/* What a parser leaves for the one behind a change of protocol (the request of "Upgrade: h2c"): from app_alloc, taken
	 * by whoever uses it, else freed with the connection. */
	void *handover;
	size_t handover_size;
	uint8_t change_waits; /* calls for which a change of protocol has waited for transactions to be logged */
	struct app_frames *frames; /* app/frames.h; null: nobody wants them */
	/* Options of the record ("outputs: - eve-log: types: - dns: ..."), those of the first output that has any; output/ may
	 * set those of another before it calls log(). Null: nothing is configured, the defaults hold. Not for alerts. */
	const struct conf_node *log_options;
};

enum app_conn_flag {
	APP_CONN_NO_INSPECT = 1 << 0, /* transactions are not to be inspected */
	APP_CONN_BYPASS = 1 << 1, /* app_encrypted: the flow is to be bypassed; app_conn_clean does it */
	APP_CONN_STREAM_DEPTH_SET = 1 << 2,
	APP_CONN_CHANGE = 1 << 3, /* a change of protocol is due */
	APP_CONN_BYPASSED = 1 << 4, /* the flow's state says so */
};

/* Events of the flow that the engine raises: "applayer_*" in rules. */
#define APP_LAYER_EVENTS(X)                                                                                            \
	X(MISMATCH_PROTOCOL_BOTH_DIRECTIONS, "applayer_mismatch_protocol_both_directions")                             \
	X(WRONG_DIRECTION_FIRST_DATA, "applayer_wrong_direction_first_data")                                           \
	X(DETECT_PROTOCOL_ONLY_ONE_DIRECTION, "applayer_detect_protocol_only_one_direction")                           \
	X(PROTO_DETECTION_SKIPPED, "applayer_proto_detection_skipped")                                                 \
	X(NO_TLS_AFTER_STARTTLS, "applayer_no_tls_after_starttls")                                                     \
	X(UNEXPECTED_PROTOCOL, "applayer_unexpected_protocol")

enum app_layer_event {
#define X(id, name) APP_EVENT_##id,
	APP_LAYER_EVENTS(X)
#undef X
		APP_EVENT_COUNT
};

/* A new transaction of 'size' bytes (its struct begins with struct app_tx), zero-filled, at the end of the list; null at
 * the ceiling (oldest complete ones are dropped first and an event is raised by the protocol). */
struct app_tx *app_tx_new(struct app_conn *conn, size_t size, uint64_t now_ns);
/* Memory that lives as long as the transaction, zero-filled; null at the ceiling. */
void *app_tx_alloc(struct app_tx *tx, size_t size);
/* Call it after filling tx->arena by other means than these two: counts what it holds now. */
void app_tx_recount(struct app_tx *tx);
struct bytes app_tx_dup(struct app_tx *tx, struct bytes in); /* empty with a null pointer: no memory */
/* Sets progress (never back) and marks the transaction for inspection. */
void app_tx_progress(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir, uint8_t progress);
void app_tx_touch(struct app_conn *conn, struct app_tx *tx, enum sensor_dir dir);
void app_tx_event(struct app_conn *conn, struct app_tx *tx, uint8_t event); /* once each; counted */
/* An event of a row with 'connection': it belongs to no transaction. */
void app_conn_event(struct app_conn *conn, uint8_t event);
/* Live transactions this flow may have: "app-layer.protocols.NAME.max-tx", else app_protocol.tx_max. */
uint32_t app_tx_max(const struct app_conn *conn);

/* Memory of the flow's state, counted; pair them. */
void *app_alloc(struct app_conn *conn, size_t size);
void *app_realloc(struct app_conn *conn, void *old, size_t old_size, size_t new_size);
void app_free(struct app_conn *conn, void *memory, size_t size);

/* The rest of the flow is of another kind: detection starts again ('expected' may be null) behind the bytes consumed by
 * this call (STARTTLS, CONNECT, Upgrade). 'server_port' != 0 replaces the port for port probes. */
void app_change_protocol(struct app_conn *conn, const char *expected, uint16_t server_port);
/* Nothing more to inspect (encrypted): as "encryption-handling" says: track-only keeps following the flow, bypass lets
 * it pass untouched, full goes on. */
enum app_encryption { APP_ENCRYPTION_TRACK_ONLY, APP_ENCRYPTION_BYPASS, APP_ENCRYPTION_FULL };
void app_encrypted(struct app_conn *conn, enum app_encryption handling);
/* A message is complete: rules that look at the raw stream should look now. */
void app_raw_trigger(struct app_conn *conn, enum sensor_dir dir);
/* Announces a flow that will come (FTP data): the next flow between these two with that server port is 'protocol', and
 * gets 'data' (freed with 'release'). For a limited time and number. */
int app_expect(struct app_conn *conn, enum sensor_dir server_side, uint16_t server_port, const char *protocol,
	void *data, void (*release)(void *data));
/* What the announcing flow left for this one; null: nothing. */
void *app_expectation(const struct flow *flow);

/* ---- What the worker and detection call (more in app/engine.h) ---- */

const struct app_protocol *app_protocol_find(const char *name); /* rule names and aliases; null: unknown */
unsigned int app_protocol_count(void);
const struct app_protocol *app_protocol_at(unsigned int index);
unsigned int app_protocol_index(const struct app_protocol *protocol); /* dense, for arrays */
bool app_protocol_has_parser(const struct app_protocol *protocol); /* false: recognised only */
