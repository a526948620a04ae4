// SPDX-License-Identifier: Apache-2.0
/* The gate: an engine for SecLang rules that looks at one HTTP request and its response and says what to do with them.
 *
 * It knows no web server. A server (the nginx module, the offline tool, a benchmark) drives it:
 *
 *	gate_plan_build(rules, &options, &plan)			once: rules compile into an immutable plan
 *	gate_site_new(plan, &settings, &site)			once a site: what is different for it
 *	gate_worker_new()					once a thread
 *
 *	gate_tx_new(worker, site, &tx)				a request:
 *	gate_tx_connection(tx, ...)
 *	gate_tx_request_line(tx, ...), gate_tx_request_header(tx, ...) ...
 *	gate_tx_request_headers_end(tx)				phase 1
 *	gate_tx_request_body(tx, piece) ...
 *	gate_tx_request_body_end(tx)				phase 2
 *	gate_tx_response_line(tx, ...), gate_tx_response_header(tx, ...) ...
 *	gate_tx_response_headers_end(tx)			phase 3
 *	gate_tx_response_body(tx, piece) ...
 *	gate_tx_response_body_end(tx)				phase 4
 *	gate_tx_log(tx)						phase 5
 *	gate_tx_matches(tx), gate_event_write(...)		what there is to tell
 *	gate_tx_free(tx)
 *
 * After each step gate_tx_verdict() says whether the server has to do something; steps may be left out from behind (a request that was
 * denied goes straight to gate_tx_log). Views that are given in are copied unless said otherwise.
 *
 * Plan and site are reference counted and shared by all threads; worker and its transactions belong to one thread. All memory of a request
 * comes from one arena with a ceiling: a request that would need more ends with a verdict (settings.over_limit), not with a crash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct sec_rules; /* gate/seclang/rules.h */
struct gate_plan;
struct gate_site;
struct gate_worker;
struct gate_tx;

/* Automatons that are there, of all that have to be compiled. One call at a time, from any thread. */
typedef void (*gate_progress_fn)(void *context, size_t done, size_t count);

/* How a plan is compiled. */
struct gate_plan_options {
	const char *cache_dir; /* compiled automatons are kept here, by content; null: no cache */
	bool no_prefilter; /* evaluate every rule on every value: for tests of the prefilter */

	/* match/obtain.h */
	const struct gate_plan *before; /* may be null; automatons that did not change since are shared */
	unsigned int threads; /* that compile; 0: as many as there are processors */
	unsigned int wait_ms; /* for other processes that compile the same into the cache; 0: a minute */
	gate_progress_fn progress; /* may be null */
	void *context; /* of 'progress' */
};

/* Takes over 'rules' (finished), also on failure. '*ret' has one reference. LUYTRE_E_NOMEM. */
MUST_CHECK int gate_plan_build(
	struct sec_rules *rules, const struct gate_plan_options *options, struct gate_plan **ret);
struct gate_plan *gate_plan_ref(struct gate_plan *plan);
void gate_plan_unref(struct gate_plan *plan);

struct gate_plan_info {
	size_t rule_count, prefiltered_count, pattern_set_count, pattern_count, memory_bytes;
	size_t automaton_count, compiled_count; /* compiled: neither the cache nor the plan before had them */
	uint32_t build_ms;
	bool cached; /* with a cache, nothing had to be compiled */
};

struct gate_plan_info gate_plan_info(const struct gate_plan *plan);

/* How the prefilter looks for a rule. */
enum gate_search {
	GATE_SEARCH_ALL, /* asked only when its pattern was found */
	GATE_SEARCH_ALWAYS, /* the automaton cannot take its pattern: always asked */
	GATE_SEARCH_SOME, /* one of its targets has no other pattern to search for: its operator is as quick */
	GATE_SEARCH_ACTION, /* SecAction: nothing to look for */
	GATE_SEARCH_OPERATOR, /* the operator looks for no pattern: @eq, @detectSQLi, ... */
	GATE_SEARCH_FORM, /* negated, with a macro, a count, or a variable that rules change */
};

struct gate_plan_rule {
	const struct sec_rule *rule; /* the first of its chain */
	uint32_t link_count; /* rules of the chain */
	int32_t group; /* -1: none */
	enum gate_search search;
};

/* By place in the order of the files, markers left out. */
size_t gate_plan_rule_count(const struct gate_plan *plan);
struct gate_plan_rule gate_plan_rule(const struct gate_plan *plan, size_t index);

enum gate_mode { GATE_OFF, GATE_SHADOW, GATE_ON };

/* A variable of TX that a site sets before the first rule; no rule may overwrite it. */
struct gate_tx_override {
	const char *key, *value;
};

/* What is taken away from the rules at a site: a rule, a tag, or one target of them. */
struct gate_exclusion {
	uint64_t first_id, last_id; /* 0, 0: by 'tag' */
	const char *tag;
	const char *target; /* "ARGS:comment"; null: the whole rule */
};

struct gate_site_settings {
	const char *name; /* of the site, in events */
	const char *tenant; /* whose it is; may be null */
	enum gate_mode mode;
	const struct gate_tx_override *overrides;
	size_t override_count;
	const struct gate_exclusion *exclusions;
	size_t exclusion_count;
	size_t memory_max; /* of one request; 0: 16 MiB above the body limits */
};

/* Copies the settings. LUYTRE_E_SYNTAX for a target that is none. '*ret' has one reference. */
MUST_CHECK int gate_site_new(struct gate_plan *plan, const struct gate_site_settings *settings, struct gate_site **ret);
struct gate_site *gate_site_ref(struct gate_site *site);
void gate_site_unref(struct gate_site *site);
size_t gate_site_memory(const struct gate_site *site);

/* Scratch memory and the persistent collections (IP, SESSION, ...) of one thread. Null without memory. */
struct gate_worker *gate_worker_new(void);
void gate_worker_free(struct gate_worker *worker); /* no transaction may be left */

/* Holds a reference to the site until gate_tx_free. LUYTRE_E_NOMEM. */
MUST_CHECK int gate_tx_new(struct gate_worker *worker, struct gate_site *site, struct gate_tx **ret);
void gate_tx_free(struct gate_tx *tx);

/* ---- holds: rules with this tag, which may be armed place by place (gate/hold) ---- */
#define GATE_HOLD_TAG "luytre/hold"

struct gate_armed {
	uint64_t rule; /* its id; not 0 */
	uint64_t hold; /* what the hub calls it */
	bool enforce; /* it stops the request, also at a site in shadow; else it is told of and no more */
};

/* From now on only these of the holds judge the request, and any further ones of later calls; without a call all do, as any other rule. Of
 * several of one rule the first that enforces counts, else the first. What is no hold of the plan or is excluded at the site is
 * passed over, and where the site is off nothing is held. Before phase 1. */
void gate_tx_arm(struct gate_tx *tx, const struct gate_armed *armed, size_t count);
bool gate_plan_has_hold(const struct gate_plan *plan, uint64_t rule_id);

/* In place of the mode of the site, for this request; what the rules' own SecRuleEngine says counts as it does for a site. Before phase 1. */
void gate_tx_mode(struct gate_tx *tx, enum gate_mode mode);

/* Names the request in events and UNIQUE_ID; one is made when it is not called. */
void gate_tx_id(struct gate_tx *tx, const char *id);
void gate_tx_connection(struct gate_tx *tx, const char *client_address, uint16_t client_port,
	const char *server_address, uint16_t server_port);

/* 'target' as it stands in the request line; 'protocol' is "HTTP/1.1". */
void gate_tx_request_line(struct gate_tx *tx, struct bytes method, struct bytes target, struct bytes protocol);
void gate_tx_request_header(struct gate_tx *tx, struct bytes name, struct bytes value);
void gate_tx_request_headers_end(struct gate_tx *tx);

/* True when somebody wants the body at all (SecRequestBodyAccess, ctl) and has not got all the limits allow. After phase 1. */
bool gate_tx_wants_request_body(const struct gate_tx *tx);
void gate_tx_request_body(struct gate_tx *tx, struct bytes piece);
void gate_tx_request_body_end(struct gate_tx *tx);

void gate_tx_response_line(struct gate_tx *tx, unsigned int status, struct bytes protocol);
void gate_tx_response_header(struct gate_tx *tx, struct bytes name, struct bytes value);
void gate_tx_response_headers_end(struct gate_tx *tx);

/* True when the body's type is among those that are inspected (SecResponseBodyMimeType) and there is room for more of it. After
 * phase 3. */
bool gate_tx_wants_response_body(const struct gate_tx *tx);
void gate_tx_response_body(struct gate_tx *tx, struct bytes piece);
void gate_tx_response_body_end(struct gate_tx *tx);

/* Phase 5. Always runs, also after a denial; only once. */
void gate_tx_log(struct gate_tx *tx);

/* False when no rule can stop the request any more, as in shadow mode: the server need not keep anything back for the verdict. */
bool gate_tx_may_stop(const struct gate_tx *tx);

enum gate_action { GATE_PASS, GATE_DENY, GATE_DROP, GATE_REDIRECT };

struct gate_verdict {
	enum gate_action action; /* what to do; GATE_PASS in shadow mode */
	enum gate_action wanted; /* what would be done if the site were on */
	uint16_t status; /* of the answer: 403, 302, ... */
	uint16_t wanted_status; /* ... if the site were on */
	const char *location; /* GATE_REDIRECT */
	uint64_t rule_id; /* whose rule; 0 for a limit of the engine */
	const char *reason; /* one word for counters: "rule", "body-limit", "memory", ... */
};

const struct gate_verdict *gate_tx_verdict(const struct gate_tx *tx);

/* One rule that matched. Views live as long as the transaction. */
struct gate_match {
	uint64_t rule_id;
	uint8_t phase;
	int8_t severity; /* -1 without */
	bool log, audit_log; /* as the rule says */
	struct bytes msg, data; /* macros expanded */
	struct bytes variable; /* "ARGS:q"; empty for SecAction */
	struct bytes value; /* what the variable held, before transformations */
	const struct bytes *tags; /* macros expanded */
	size_t tag_count;
	struct bytes ver, rev;
	const char *file;
	uint32_t line;
	bool disruptive; /* it decided the verdict */
	int16_t maturity, accuracy;
	/* What was asked of the value, of the chain's last rule; null for SecAction. The parameter as written or expanded. */
	const char *operator_name;
	struct bytes parameter;
	bool negated;
	struct bytes ref; /* with a trace: where in the request it was, "o0,3v23,6t:trim" as ModSecurity writes it */
	uint64_t hold; /* that is armed by gate_tx_arm(); 0: none */
	bool enforced; /* it is, to stop the request */
};

const struct gate_match *gate_tx_matches(const struct gate_tx *tx, size_t *ret_count);

/* What is known of a request, for logs. Views live as long as the transaction; what has not been said yet is empty. */
struct gate_facts {
	const char *site, *tenant; /* tenant may be null */
	struct bytes id;
	struct bytes client_address, server_address;
	uint16_t client_port, server_port;
	struct bytes method, target, protocol;
	struct bytes path; /* decoded, without the query */
	struct bytes host; /* of the header Host, without port */
	struct bytes request_body; /* as far as it was kept */
	uint32_t response_status; /* 0 before there is a response */
	struct bytes response_protocol, response_body;
	struct timespec started; /* of the real-time clock */
	uint64_t duration_us; /* until now */
	uint8_t phase; /* that ran last */
	bool shadow; /* the site is, and nothing was done */
	bool by_policy; /* gate_tx_mode() said how the site is */
	bool audit; /* the rules want an audit record (after gate_tx_log) */
	uint32_t audit_parts; /* bit 0: A .. bit 25: Z */
};

struct gate_facts gate_tx_facts(const struct gate_tx *tx);

/* The anomaly score of the request as the Core Rule Set adds it up (tx.blocking_inbound_anomaly_score). False when the rules know of none or
 * have not come to it. */
bool gate_tx_score(const struct gate_tx *tx, uint64_t *ret);

/* Each value of the argument 'name', of the query first, then of the body, as far as it was read; of JSON those at the top level and those
 * whose whole path was given ("user.name"). Names are compared as they are. */
typedef void (*gate_value_fn)(void *context, struct bytes value);
void gate_tx_each_argument(const struct gate_tx *tx, struct bytes name, gate_value_fn each, void *context);

typedef void (*gate_header_fn)(void *context, struct bytes name, struct bytes value);
void gate_tx_each_header(const struct gate_tx *tx, bool response, gate_header_fn each, void *context);

/* What the rules' directives say; lives as long as the plan. */
struct sec_settings;
const struct sec_settings *gate_plan_settings(const struct gate_plan *plan);
const struct sec_settings *gate_tx_settings(const struct gate_tx *tx);

/* What ModSecurity's debug log says at level 9, line by line, for `explain` and tests; slow. Before the first step. */
typedef void (*gate_trace_fn)(void *context, int level, const char *text);
void gate_tx_trace(struct gate_tx *tx, gate_trace_fn trace, void *context);

/* ---- looking on: which rule, which value, which bytes, for `explain`; slow. ---- */

#define GATE_STEPS_MAX 64

enum gate_look_kind {
	GATE_LOOK_RULE, /* a rule, or a further one of its chain, is asked: 'parameter' */
	GATE_LOOK_VALUE, /* ... about one value: 'variable', 'steps', 'matched', 'found' */
	GATE_LOOK_NOTHING, /* a target of it, 'variable', names nothing in this request */
	GATE_LOOK_LEFT_OUT, /* an exclusion takes the value of 'variable' away: 'cause' */
	GATE_LOOK_SET, /* it writes 'variable': 'before', 'value', 'adds' */
	GATE_LOOK_MATCHED, /* it matched, and so did the rest of its chain */
	GATE_LOOK_SKIPPED, /* it is not asked: 'cause' */
};

enum gate_cause {
	GATE_BY_ITSELF, /* a target of the rule that begins with '!' */
	GATE_BY_SITE, /* an exclusion of the site */
	GATE_BY_CTL, /* ctl:ruleRemove... of 'by_rule' */
	GATE_BY_SKIP, /* skip of 'by_rule' */
	GATE_BY_SKIP_AFTER, /* skipAfter of 'by_rule' to the marker 'value' */
	GATE_BY_VERDICT, /* decided before: by 'by_rule', or by a limit when that is 0 */
	GATE_BY_ALLOW, /* allow of 'by_rule' */
	GATE_BY_ENGINE_OFF,
	GATE_BY_PLACE, /* a hold that is not armed for the place of the request */
};

/* The value itself (no name), then what each transformation made of it. */
struct gate_step {
	const char *transform;
	struct bytes bytes;
};

/* 'steps' and 'found' live during the call, all views as long as the transaction. */
struct gate_look {
	enum gate_look_kind kind;
	uint8_t phase;
	const struct sec_rule *rule; /* the first of its chain */
	const struct sec_rule *link; /* the one of the chain that it is about */
	struct bytes variable, parameter, before, value;
	const struct gate_step *steps;
	size_t step_count;
	const struct bytes *found; /* views into the last step: what the operator found, as far as it knows */
	size_t found_count;
	bool matched, adds;
	enum gate_cause cause;
	uint64_t by_rule;
};

typedef void (*gate_watch_fn)(void *context, const struct gate_look *look);
/* Before the first step. LUYTRE_E_NOMEM. */
MUST_CHECK int gate_tx_watch(struct gate_tx *tx, gate_watch_fn watch, void *context);

/* Numbers of one worker since it began. */
struct gate_counters {
	uint64_t requests, blocked, shadow_blocked, matches;
	uint64_t scans, scanned_bytes; /* of pattern sets */
	uint64_t confirmed, refuted; /* candidates of the prefilter that matched, and that did not */
	uint64_t regex_limits; /* matches given up */
	uint64_t memory_refused; /* requests that reached the ceiling */
	uint64_t collections_refused, collections_evicted;
};

struct gate_counters gate_worker_counters(const struct gate_worker *worker);

/* What one rule, with its chain, cost since gate_worker_profile(). */
struct gate_rule_cost {
	uint64_t runs; /* it was asked: for a rule of the prefilter, it was a candidate */
	uint64_t matched; /* of those; the others were refuted */
	uint64_t values; /* calls of operators */
	uint64_t ns;
};

/* The prefilter's searches for all rules together. */
struct gate_search_cost {
	uint64_t groups; /* that were reached */
	uint64_t ns;
};

/* From now on measures what rules of 'plan' cost, which takes time itself; all sites of the worker must be of this plan, which has to
 * outlive the worker. LUYTRE_E_NOMEM. The other two only after it. */
MUST_CHECK int gate_worker_profile(struct gate_worker *worker, const struct gate_plan *plan);
struct gate_rule_cost gate_worker_rule_cost(const struct gate_worker *worker, size_t index);
struct gate_search_cost gate_worker_search_cost(const struct gate_worker *worker);
