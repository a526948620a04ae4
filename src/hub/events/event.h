// SPDX-License-Identifier: Apache-2.0
/* Events of all edges, stored and asked for. One interface, several drivers; one conformance test runs against each.
 *
 * Rules that make it work at the size of a nation: edges aggregate drops (one event for each source, rule and minute,
 * with a count), and questions over long spans are answered from roll-ups and sketches that are kept when events come
 * in, never by reading all of them.
 *
 * A batch is appended once, whatever happens: the same batch_id again changes nothing and is no error. What append has
 * acknowledged survives kill -9 and power loss (a ClickHouse server without replicas: kill -9).
 *
 * Threads: one thread appends and retains; any number of threads may ask at the same time, each with a reader of its
 * own (ev_reader_open). Text and detail are borrowed during a call. Times are microseconds since 1970 UTC. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/net.h"
#include "hub/store/scope.h"

/* X(identifier, word). Numbers are stored: add at the end only. */
#define EV_KINDS(X)                                                                                                    \
	X(DROPS, "drops") /* packets that the shield dropped, aggregated */                                            \
	X(ATTACK, "attack") /* a flood: begin, change, end */                                                          \
	X(ALERT, "alert") /* a rule of the sensor held */                                                              \
	X(GATE, "gate") /* a web request or answer */                                                                  \
	X(GUARD, "guard") /* stuffing, enumeration, leak, slow requests */                                             \
	X(ANOMALY, "anomaly")                                                                                          \
	X(INVENTORY, "inventory") /* what the perimeter sees of a system: banners, certificates, versions */           \
	X(EDGE, "edge") /* about an edge itself: drift, failure, start */                                              \
	X(OTHER, "other")

#define EV_ACTIONS(X)                                                                                                  \
	X(SEEN, "seen") /* nothing was to be stopped */                                                                \
	X(PASSED, "passed") /* let through although it was an attack */                                                \
	X(SHADOW, "shadow") /* would have been stopped */                                                              \
	X(STOPPED, "stopped")

/* How well the source is proven: exchange rules, "evidence classes". Stored. */
#define EV_EVIDENCE(X)                                                                                                 \
	X(E0, "e0") /* could be forged: UDP, ICMP, a lone SYN */                                                       \
	X(E1, "e1") /* a completed handshake, a weak sign */                                                           \
	X(E2, "e2") /* a request behind a handshake, an ordinary signature */                                          \
	X(E3, "e3") /* a signature of high precision, a decoy, an analyst */

enum ev_kind {
#define X(id, word) EV_##id,
	EV_KINDS(X)
#undef X
		EV_KIND_COUNT
};

enum ev_action {
#define X(id, word) EV_##id,
	EV_ACTIONS(X)
#undef X
		EV_ACTION_COUNT
};

enum ev_evidence {
#define X(id, word) EV_##id,
	EV_EVIDENCE(X)
#undef X
		EV_EVIDENCE_COUNT
};

enum {
	EV_SIGNATURE_MAX = 512, /* longer texts are cut */
	EV_DETAIL_MAX = 16 << 10, /* longer details are refused by the reader of batches */
	EV_BATCH_MAX = 10000,
	EV_BATCH_ID_MAX = 64,
	EV_PAGE_MAX = 1000,
	EV_TOP_MAX = 1000,
	EV_ANSWER_MAX = 1 << 20, /* rows of an answer of ev_count_by */
	EV_QUESTION_MS = 10000, /* a question that takes longer is ended */
};

#define EV_MINUTE_US        INT64_C(60000000)
#define EV_HOUR_US          INT64_C(3600000000)
#define EV_TIME_MAX_US      (INT64_C(1) << 53) /* year 2255 */
#define EV_TEXT_SPAN_MAX_US (31 * 24 * EV_HOUR_US)

/* Tenant 0: belongs to nobody ("unmapped"). */
struct ev_event {
	uint64_t id; /* given by the store: ascending with time of arrival, unique, below 2^63 */
	int64_t time_us;
	uint32_t tenant, system, edge;
	uint8_t kind, action, evidence;
	uint8_t severity; /* 1 gravest ... 4 */
	uint8_t protocol; /* IP protocol number, 0 unknown */
	uint16_t src_port, dst_port;
	struct ip_addr src, dst; /* family 0: none */
	uint64_t rule; /* sid, rule id, reason; 0: none */
	uint64_t decision; /* that stopped it; 0: none */
	uint32_t count; /* of what it stands for; 1 for a single one */
	struct bytes signature; /* the rule's text, the same for the same rule and kind */
	struct bytes detail; /* one JSON object (EVE), whole */
};

struct ev_batch {
	const char *id; /* 1 to EV_BATCH_ID_MAX bytes: edge and sequence number */
	int64_t arrived_us; /* now, from the caller's clock: ids and retention go by it, not by the events' own times */
	/* When the sender made it, the same each time that it comes; 0: not known. A driver with replicas names the events by it, so that
	 * replicas that know nothing of each other give the same batch the same ids; no more than a day behind 'arrived_us'. */
	int64_t made_us;
	const struct ev_event *events;
	size_t count;
};

/* Zeros leave a field out, but 'scope', which must be set, and 'until_us', which must lie behind 'from_us'. */
struct ev_filter {
	const struct scope *scope;
	int64_t from_us, until_us; /* from <= time < until */
	uint32_t kinds, actions; /* a bit for each */
	uint8_t severity_max;
	uint32_t tenant, system, edge;
	struct ip_prefix src; /* family 0: any */
	uint64_t rule, decision;
	struct bytes
		text; /* stands in the signature or the detail, without case of ASCII letters; at most EV_TEXT_SPAN_MAX_US */
	/* The text begins and ends where words do (words.h): then stores that know which words stand where read little else, and with a word that is
	 * kept there the span may be any. */
	bool whole_words;
};

/* TENANT_SEVERITY: both in one, tenant << 4 | severity. */
enum ev_dim {
	EV_DIM_KIND,
	EV_DIM_ACTION,
	EV_DIM_TENANT,
	EV_DIM_EDGE,
	EV_DIM_SEVERITY,
	EV_DIM_TENANT_SEVERITY,
	EV_DIM_COUNT
};
enum ev_top { EV_TOP_SRC, EV_TOP_RULE, EV_TOP_TENANT, EV_TOP_PORT };

/* For paging: events before this one, newest first. Zeros: the newest. */
struct ev_cursor {
	uint64_t id;
};

struct ev_count {
	int64_t time_us; /* beginning of the step, counted from 1970; with step 0 that of the span */
	uint64_t key; /* a value of the dimension */
	uint64_t events, sum; /* rows, and the sum of their counts */
};

/* What became of one rule at one tenant: from when to when, how often. */
struct ev_hit {
	uint64_t rule;
	uint32_t tenant;
	uint8_t action;
	int64_t first_us, last_us;
	uint64_t events, sum; /* rows, and the sum of their counts */
};

enum { EV_HIT_RULES_MAX = 256 };

/* Rules by their numbers, and those whose signature has the text in it, with no digit behind it: CVE-2021-4034 is not in CVE-2021-40346. Of letters,
 * digits, '-' and ' ', without case; empty: by numbers alone. */
struct ev_hit_query {
	const uint64_t *rules;
	size_t rule_count; /* at most EV_HIT_RULES_MAX */
	struct bytes text;
};

struct ev_ranked {
	uint64_t key; /* rule, tenant, port */
	uint8_t kind; /* of a rule */
	struct ip_addr src; /* EV_TOP_SRC */
	char text[128]; /* signature of a rule */
	uint64_t sum, error_max; /* sum may be too high by at most error_max */
	/* At how many tenants of the scope it was seen; of rules and ports: at so many at least. */
	uint32_t tenant_count;
};

typedef int (*ev_event_fn)(void *context, const struct ev_event *event); /* not 0 stops */
typedef int (*ev_count_fn)(void *context, const struct ev_count *count);
typedef int (*ev_ranked_fn)(void *context, const struct ev_ranked *ranked);
typedef int (*ev_hit_fn)(void *context, const struct ev_hit *hit);

struct ev_store;
struct ev_reader;

struct ev_stats {
	uint64_t events, batches, batches_again; /* stored; 'again': known batch ids */
	uint64_t bytes; /* on disk */
	uint64_t segments, segments_corrupt; /* in use; set aside because they could not be read */
	int64_t oldest_us;
};

/* What a driver fills in; everything else calls the ev_ functions below. 0 or an error of base/error.h. */
struct ev_driver {
	const char *name;
	int (*open)(const char *place, struct ev_store **ret, char *why, size_t why_size);
	void (*close)(struct ev_store *store);
	int (*append)(struct ev_store *store, const struct ev_batch *batch, uint64_t *ret_first_id);
	int (*retain)(struct ev_store *store, int64_t keep_from_us);
	void (*stats)(struct ev_store *store, struct ev_stats *ret);
	int (*reader_open)(struct ev_store *store, struct ev_reader **ret);
	void (*reader_close)(struct ev_reader *reader);
	int (*page)(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_cursor *before,
		uint32_t limit, ev_event_fn fn, void *context);
	int (*count_by)(struct ev_reader *reader, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
		ev_count_fn fn, void *context);
	int (*top)(struct ev_reader *reader, const struct ev_filter *filter, enum ev_top what, uint32_t limit,
		ev_ranked_fn fn, void *context);
	int (*hits)(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_hit_query *query,
		ev_hit_fn fn, void *context);
	/* How many different sources, about (HyperLogLog). */
	int (*distinct_sources)(struct ev_reader *reader, const struct ev_filter *filter, uint64_t *ret);
};

/* 'place': "sqlite:DIR" (made when missing, mode 0700; one program at a time) or
 * "clickhouse:http[s]://[USER:PASSWORD@]HOST:PORT/DATABASE" (made when missing). Options may follow, as in
 * "?rows=1000&span_s=60":
 *
 *	sqlite		rows=1000000, span_s=3600 (of a segment), batch_days=7 (how long batch ids are known; at most 4 million of
 *			them), question_ms=10000
 *	clickhouse	node=0 (0 to 15, another for each hub), replicated=0, quorum=0, question_ms=10000; several replicas:
 *			"http://HOST:PORT,http://HOST:PORT/DATABASE"
 *
 * On failure 'why' gets a sentence. */
MUST_CHECK int ev_store_open(const char *place, struct ev_store **ret, char *why, size_t why_size);
void ev_store_close(struct ev_store *store); /* accepts null */

/* All or nothing. A batch is whole in one segment: '*ret_first_id' is its first event's id, the others follow; 0 when
 * the batch was known already. May be null. LUYTRE_E_INVALID (no id, no arrival, none or too many events, a field
 * outside of its bounds), LUYTRE_E_FULL (disk; the store stays usable, the same batch may come again), LUYTRE_E_BUSY,
 * LUYTRE_E_CLOSED (no server), LUYTRE_E_IO. */
MUST_CHECK int ev_append(struct ev_store *store, const struct ev_batch *batch, uint64_t *ret_first_id);
/* Forgets whole segments whose last event arrived earlier: the store may keep somewhat more than asked. */
MUST_CHECK int ev_retain(struct ev_store *store, int64_t keep_from_us);
/* From any thread, also while another one appends. */
void ev_stats(struct ev_store *store, struct ev_stats *ret);

MUST_CHECK int ev_reader_open(struct ev_store *store, struct ev_reader **ret);
void ev_reader_close(struct ev_reader *reader);

/* What a question costs. ev_count_by answers whole minutes from roll-ups (hours, when 'step_s' is a multiple of 3600 or
 * 0); ev_top and ev_distinct_sources answer whole hours from sketches. The rest of a span, and every question with a
 * field that roll-ups do not have (system, src, rule, decision, text; for sketches also kinds, actions, severity_max,
 * edge; a step that is no multiple of a minute), reads the events themselves. So pages that many people look at begin
 * and end their spans on whole hours (the hour that is running included: until_us lies ahead). Hours and minutes are
 * those of the events' own times. */

/* Newest first, at most 'limit' (EV_PAGE_MAX). LUYTRE_E_INVALID without a scope or a span; LUYTRE_E_TIMEOUT after ten
 * seconds: what was found so far was handed over. */
MUST_CHECK int ev_page(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_cursor *before,
	uint32_t limit, ev_event_fn fn, void *context);
MUST_CHECK int ev_count_by(struct ev_reader *reader, const struct ev_filter *filter, enum ev_dim dim, uint32_t step_s,
	ev_count_fn fn, void *context);
MUST_CHECK int ev_top(struct ev_reader *reader, const struct ev_filter *filter, enum ev_top what, uint32_t limit,
	ev_ranked_fn fn, void *context);
MUST_CHECK int ev_distinct_sources(struct ev_reader *reader, const struct ev_filter *filter, uint64_t *ret);
/* Exact, over any span: segments that are closed have a sum for each rule, tenant and action, so that ninety days are answered without
 * reading events. Of the filter only scope, span and tenant may be set. By rule, tenant, action. LUYTRE_E_FULL above EV_ANSWER_MAX rows. */
MUST_CHECK int ev_hits(struct ev_reader *reader, const struct ev_filter *filter, const struct ev_hit_query *query,
	ev_hit_fn fn, void *context);

const char *ev_kind_name(enum ev_kind kind);
const char *ev_action_name(enum ev_action action);
const char *ev_evidence_name(enum ev_evidence evidence);
/* False when there is no such word. */
bool ev_kind_parse(struct bytes word, enum ev_kind *ret);
bool ev_action_parse(struct bytes word, enum ev_action *ret);
