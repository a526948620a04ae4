// SPDX-License-Identifier: Apache-2.0
/* The abuse guard: what no single request shows. Password guessing, enumeration of identifiers, floods and slow requests at layer 7.
 *
 * Everything is a table of counters with a fixed size (ways.h) in one piece of memory that the caller gives; it holds no pointers, so
 * server processes may share it (under a lock of the caller; no call takes longer than some microseconds). Time is passed in as 'now_ns',
 * from one steady clock, and never asked for. Names and addresses are kept as keyed hashes only.
 *
 * A verdict says what to do with this request, why, and until when the same will be said:
 *
 *	pass		nothing
 *	slow down	answer after delay_ms, or 429 with Retry-After
 *	challenge	ask for a proof (a puzzle, a one-time code) before going on; 403 where there is none
 *	deny		403 or 429
 *
 * Use by a server, per request, with the limits of the place that is asked for:
 *
 *	abuse_request_begin(abuse, &limits, &client, cost, now, &verdict)	when the headers are there
 *	abuse_login_ask(abuse, &limits, &client, name, now, &verdict)	a POST to a login URL, before it is passed on
 *	abuse_lookup(abuse, &limits, &client, endpoint, kind, id, now, &verdict)	a request that carries an identifier
 *	abuse_slow_check(&limits, &progress, now, &verdict)	from a timer, while headers or body come in
 *	abuse_strike(abuse, &limits, &client, reason, now)	when that was denied: several make the address be denied
 *	abuse_login_done(abuse, &limits, &client, name, success, now)	when the answer is known
 *	abuse_request_end(abuse, &client, now)	always after begin
 *
 * An office behind one address is no attack: hundreds of names from one address pass as long as most of them get in, limits grow with
 * the people that have logged in from there, and a name is never locked (that would let anybody lock anybody out): it is asked for a
 * proof, and only from addresses where it has not logged in before.
 *
 * Sources: OWASP Credential Stuffing Prevention and Automated Threats (OAT-007, OAT-008); GCRA: ITU-T I.371. Limits are ours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/siphash.h"

enum abuse_action { ABUSE_PASS, ABUSE_SLOW, ABUSE_CHALLENGE, ABUSE_DENY };

/* X(identifier, word for events) */
#define ABUSE_REASONS(X)                                                                                               \
	X(NONE, "none")                                                                                                \
	X(LOGIN_ADDRESS, "login-address") /* one address fails for many names */                                       \
	X(LOGIN_NAME, "login-name") /* one name fails from anywhere */                                                 \
	X(LOGIN_CLUSTER, "login-cluster") /* one fingerprint fails for many names across addresses */                  \
	X(LOGIN_SITE, "login-site") /* the site fails far more than it used to; this client has only failed */         \
	X(ENUM_CLIENT, "enum-client") /* one address walks through identifiers */                                      \
	X(ENUM_SPREAD, "enum-spread") /* many addresses walk together */                                               \
	X(RATE_CLIENT, "rate-client")                                                                                  \
	X(RATE_CLUSTER, "rate-cluster")                                                                                \
	X(OPEN_CLIENT, "open-client") /* too many requests at the same time */                                         \
	X(SLOW_HEADERS, "slow-headers")                                                                                \
	X(SLOW_BODY, "slow-body")                                                                                      \
	X(RESETS, "resets")

enum abuse_reason {
#define X(id, word) ABUSE_##id,
	ABUSE_REASONS(X)
#undef X
		ABUSE_REASON_COUNT
};

const char *abuse_reason_name(enum abuse_reason reason);
const char *abuse_action_name(enum abuse_action action);

struct abuse_verdict {
	enum abuse_action action;
	enum abuse_reason reason;
	uint64_t until_ns;
	uint32_t delay_ms; /* with ABUSE_SLOW */
};

/* Key, tables and window are those of abuse_place; the limits behind them may be others in each call, as places of a site have theirs. */
struct abuse_settings {
	struct siphash_key key; /* random */
	size_t clients_max, names_max, clusters_max, endpoints_max; /* places in the tables */
	uint32_t window_ms; /* of all counts */

	uint32_t address_names_max; /* names that fail from one address ... */
	uint32_t address_failed_percent; /* ... while so many of its logins fail */
	uint32_t name_failures_max;
	uint32_t cluster_names_max, cluster_failed_percent;
	uint32_t site_logins_min; /* below, the share of failures says nothing */
	uint32_t hold_ms; /* how long a verdict on a client stands */

	uint32_t walk_challenge, walk_deny; /* steps of one address through citizen numbers */
	uint32_t walk_other_slow, walk_other_deny; /* ... through other identifiers */
	uint32_t spread_percent; /* share of neighbours among the last lookups of all addresses */

	uint32_t client_rate, client_burst; /* cost a second, and at once; per address */
	uint32_t cluster_rate, cluster_burst;
	uint32_t client_open_max;

	uint32_t headers_max_ms, body_grace_ms, body_min_rate; /* bytes a second */
	uint32_t resets_max; /* streams of one HTTP/2 connection that were reset */
	uint32_t strikes_max; /* times that one address was slow or reset, before all its requests are denied */
};

void abuse_settings_default(struct abuse_settings *settings);

struct abuse;

size_t abuse_size(const struct abuse_settings *settings);
/* In 'memory' of abuse_size bytes, aligned to 8; copies of the settings what it needs, and keeps an entry for twice the window and
 * hold_ms, which no later call should exceed. */
struct abuse *abuse_place(void *memory, const struct abuse_settings *settings);

/* Who asks. Hashes of abuse_hash: the address (a /64 for IPv6), the fingerprint (JA4 and User-Agent), site and login URL. */
struct abuse_client {
	uint64_t address, cluster, site;
};

uint64_t abuse_hash(const struct abuse *abuse, struct bytes text);

/* ---- limits ---- */

/* 'cost' is 1 for an ordinary request; more for expensive ones. Counts an open request unless it is denied. */
void abuse_request_begin(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	uint32_t cost, uint64_t now_ns, struct abuse_verdict *ret);
/* Only after a begin that did not say ABUSE_DENY. */
void abuse_request_end(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns);
/* A process that died has ended none of its requests: all open ones are forgotten, so that a count may be too low, never too high. */
void abuse_forget_open(struct abuse *abuse);

/* ---- logins ---- */

/* 'name' is the user name as it was typed; case and outer spaces do not matter. */
void abuse_login_ask(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	struct bytes name, uint64_t now_ns, struct abuse_verdict *ret);
void abuse_login_done(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	struct bytes name, bool success, uint64_t now_ns);

/* Failures in a thousand logins of the site as learned, and in the present window. False when nothing is known. */
bool abuse_login_shares(struct abuse *abuse, const struct abuse_settings *limits, uint64_t site, uint64_t now_ns,
	uint32_t *ret_learned, uint32_t *ret_present);

/* ---- identifiers ---- */

enum abuse_id_kind {
	ABUSE_ID_CITIZEN, /* 12 digits: those of strangers are not near each other */
	ABUSE_ID_OTHER, /* numbers given out one after the other, as of files and orders: neighbours are common */
};

/* 'endpoint' is a hash of site, path and parameter. Identifiers that are no number of at most 18 digits pass. */
void abuse_lookup(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	uint64_t endpoint, enum abuse_id_kind kind, struct bytes id, uint64_t now_ns, struct abuse_verdict *ret);

/* ---- slow requests ---- */

struct abuse_progress {
	uint64_t began_ns; /* first byte of the request */
	uint64_t body_began_ns; /* end of its headers; 0: they are not complete */
	uint64_t body_bytes; /* come in so far */
	uint32_t streams, resets; /* of the HTTP/2 connection; 0 without */
};

/* A pure function. */
void abuse_slow_check(const struct abuse_settings *settings, const struct abuse_progress *progress, uint64_t now_ns,
	struct abuse_verdict *ret);

/* A request was ended for 'reason' (slowness, resets), which is counted. More than strikes_max of an address in a window, for each person
 * that has logged in from there, and abuse_request_begin denies it for a tenth of hold_ms. */
void abuse_strike(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	enum abuse_reason reason, uint64_t now_ns);

/* X(identifier, word) */
#define ABUSE_TABLES(X)                                                                                                \
	X(ADDRESSES, "addresses")                                                                                      \
	X(CLUSTERS, "clusters")                                                                                        \
	X(NAMES, "names")                                                                                              \
	X(SITES, "sites")                                                                                              \
	X(ENDPOINTS, "endpoints")

enum abuse_table {
#define X(id, word) ABUSE_##id,
	ABUSE_TABLES(X)
#undef X
		ABUSE_TABLE_COUNT
};

const char *abuse_table_name(enum abuse_table table);

struct abuse_table_counters {
	uint64_t created, expired, evicted; /* see ways.h */
	uint64_t used, places; /* entries now, those included whose time is over; room for them */
};

struct abuse_counters {
	uint64_t verdicts[ABUSE_REASON_COUNT]; /* other than pass */
	uint64_t created, expired, evicted; /* entries of all tables */
	struct abuse_table_counters tables[ABUSE_TABLE_COUNT];
};

void abuse_counters(const struct abuse *abuse, struct abuse_counters *ret);
