// SPDX-License-Identifier: Apache-2.0
/* What the gate tells about a request: one JSON object in the manner of EVE, and on request ModSecurity's audit log.
 *
 * "mode_by" stands where the hub's policy said how the site is (gate/hold), and not the server's configuration.
 *
 * An event is written for each request that was blocked, would have been, or matched rules that log. Values that are secrets never
 * leave: what stands in fields named like passwords, tokens, keys, one-time codes, in Cookie and Authorization headers, and card and
 * citizen numbers anywhere, is replaced by its kind and length (event-redact.c has the table).
 *
 *	{"timestamp":"2026-11-22T05:00:00.000000+0700","event_type":"gate","flow_id":..., "src_ip":..,"src_port":..,"dest_ip":..,"dest_port":..,
 *	 "proto":"TCP","app_proto":"http","tenant":"..","site":"..","id":"<event id shown on the block page>",
 *	 "http":{"hostname":..,"url":..,"http_method":..,"protocol":..,"http_user_agent":..,"http_refer":..,"status":403,"length":..},
 *	 "gate":{"action":"deny","wanted":"deny","shadow":false,"mode_by":"policy","rule":949110,"reason":"rule","phase":2,"us":85,"hold":"hold id or absent",
 *	  "score":15,"guard":{"reason":"login-address","action":"deny","done":true,"until":1795324800,"counts":{..}}},
 *	 "hold":{"hold":81,"rule":8100010,"mode":"enforce"},	where one that is armed for the place (gate/hold) matched
 *	 "rules":[{"id":942100,"msg":"..","data":"..","var":"ARGS:q","severity":2,"tags":[..],"phase":2}, ...]}
 *
 * An event that does not go out is counted, never waited for: a Unix datagram socket that is full or gone, a file on a full disk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/compiler.h"
#include "base/jsonw.h"
#include "gate/gate.h"

/* What a guard (gate/guard) said of the request, which no rule knows of. Numbers and words of tables only: no value of a client. */
struct event_guard {
	const char *reason; /* "login-address", "leak", ... */
	const char *action; /* "deny", "slow", "challenge", "cut", "close" */
	const char *kind; /* of identifiers; may be null */
	uint64_t until_s; /* of the real-time clock: so long the same will be said; 0: of this request alone */
	bool done; /* false in shadow */
	bool stops; /* the answer is, or would be, ours */
	uint16_t status; /* that the client got from us; 0: the site's own */
	const char *const *count_names;
	const uint32_t *counts; /* those that are 0 are not told */
	size_t count_count;
};

/* Appends the event of a transaction (after gate_tx_log). Texts are cut at some length each (1 KiB) and rules at 64, saying so. 'guard'
 * may be null. */
void event_write(const struct gate_tx *tx, const struct event_guard *guard, struct jsonw *json);

/* "timestamp", as in all events. */
void event_put_time(struct jsonw *json, const struct timespec *at);

/* True when there is something of rules to tell. */
bool event_wanted(const struct gate_tx *tx);

struct event_sink;

/* "unix:PATH" (datagrams; connected again when the reader comes back) or a file's path (appended line by line, O_APPEND, reopened with
 * event_sink_reopen after a rotation). LUYTRE_E_INVALID or an error of the system with a file; a socket that is not there yet is no
 * error. Not for several threads at once. */
MUST_CHECK int event_sink_open(const char *target, struct event_sink **ret);
void event_sink_close(struct event_sink *sink); /* accepts null */
void event_sink_reopen(struct event_sink *sink);

/* Never blocks. 'guard' may be null. */
void event_sink_write(struct event_sink *sink, const struct gate_tx *tx, const struct event_guard *guard);
/* An event that is written already, by whoever tries again when it did not go out: false, and in no counter. */
bool event_sink_put(struct event_sink *sink, struct bytes text);

struct event_sink_counters {
	uint64_t written, dropped, cut;
};

struct event_sink_counters event_sink_counters(const struct event_sink *sink);

/* ModSecurity's audit log as SecAuditEngine, SecAuditLog*, SecAuditLogParts and SecAuditLogFormat say (reference manual), with the same
 * redaction. Nothing when the rules do not ask for it. */
struct audit_log;
MUST_CHECK int audit_log_open(const struct gate_plan *plan, struct audit_log **ret);
void audit_log_close(struct audit_log *log);
void audit_log_write(struct audit_log *log, const struct gate_tx *tx);
/* Whether the rules want a record of the request (after gate_tx_log). */
bool audit_log_wanted(const struct gate_tx *tx);
/* The text of one record, as it would be written; the caller frees '*ret'. For tests and `explain`. */
MUST_CHECK int audit_log_format(const struct gate_tx *tx, char **ret);

/* What ModSecurity writes into the server's error log about a rule that matched, the values redacted: `ModSecurity: Warning. Matched "Operator
 * `Rx' with parameter `^x' against variable `ARGS:q' (Value: `x' ) [file "..."] ...`. The caller frees it; null without memory. */
char *match_text(const struct gate_tx *tx, const struct gate_match *match);
