// SPDX-License-Identifier: Apache-2.0
/* What the files of the engine share with each other and nobody else may include.
 *
 *	plan.c		rules as they are walked at run time: interned keys, chains of transformations, macros
 *	prefilter.c	which patterns are searched together, for which variables
 *	site.c		what is different at a site
 *	holds.c		rules that judge only where they are armed
 *	tx.c		the life of a request
 *	request.c	what a request and a response say, as variables
 *	trace.c		the trace
 *	watch.c		looking on, for `explain`
 *	allowance.c	how long a request may take
 *	cost.c		what rules cost, when that is asked
 *	origin.c	where in the request a value stood, for the trace
 *	facts.c		what logs want to know
 *	geo.c		@geoLookup
 *	xml-args.c	the texts of an XML body as arguments
 *	variables.c	which values a target names at this moment
 *	value.c		a value and what becomes of it by transformation
 *	scan.c		which rules can match at all
 *	seen.c		texts that came before, and what cannot match them
 *	steps.c		what can be known of a rule without looking at it
 *	evaluate.c	rules, one by one
 *	actions.c	what a match does
 *	macro.c		%{...}
 *	store.c		the persistent collections
 *
 * How a phase runs: the rules of the phase are walked in order. A rule whose operator the prefilter knows belongs to a group. When the first
 * rule of a group is reached, every value that the group's rules look at is scanned once for each different result of their transformations; that
 * marks the rules that can match at all (candidates), and only those are evaluated further. A group is what is skipped together: rules
 * under the same skipAfter conditions, so rules of a paranoia level that is not reached are never searched for. */
#pragma once

#include "base/arena.h"
#include "base/table.h"
#include "gate/body/body.h"
#include "gate/engine/seen.h"
#include "gate/gate.h"
#include "gate/operator/operator.h"
#include "gate/seclang/rules.h"
#include "match/patterns.h"
#include "match/scratch.h"

#include <time.h>

#define NONE16 UINT16_MAX
#define NONE32 UINT32_MAX

/* ---- macros ---- */

struct macro_piece {
	struct bytes literal; /* when variable is VARIABLE_COUNT */
	enum variable variable;
	struct bytes key; /* of a collection; empty: the scalar */
	const struct regex *regex; /* %{ARGS:/pattern/}: belongs to the table of keys */
	uint32_t slot; /* of TX; NONE32 elsewhere */
};

/* Text with variables in it. Without any it has one literal piece or none. */
struct macro {
	const struct macro_piece *pieces;
	uint32_t count;
	bool constant; /* no variable among the pieces */
};

struct key_table; /* interned keys of TX: lower case text to slot */

/* LUYTRE_E_NOMEM, LUYTRE_E_SYNTAX for an unknown variable. */
MUST_CHECK int macro_parse(struct arena *arena, struct key_table *keys, struct bytes text, struct macro *ret);
/* A view into the rules when constant, else into the request's arena. */
struct bytes macro_expand(struct gate_tx *tx, const struct macro *macro);

/* ---- plan ---- */

/* A step of a chain of transformations; node 0 is the value itself. Chains with the same beginning share nodes. */
struct plan_node {
	uint16_t parent;
	uint16_t transform; /* index in plan->transforms */
	uint32_t acts_on; /* classes without which the chain up to here changes nothing */
	bool always; /* some step of it acts on any value, also the empty one */
};

struct plan_target {
	const struct sec_target *target;
	uint32_t slot; /* of TX:name; NONE32 elsewhere */
	struct macro selector; /* of SEC_SELECT_MACRO */
	uint16_t source; /* what the prefilter calls it; NONE16 when it does not know it */
	uint16_t question; /* of the search */
	uint16_t set,
		bit; /* where the rule's pattern is looked for in values of this target; NONE16: nowhere, evaluate always */
};

struct plan_action {
	const struct sec_action *action;
	struct macro name, value;
	uint32_t slot; /* of setvar and expirevar on TX with a constant key */
	uint64_t *rules; /* of ctl: those it is about, one bit each; null when none is meant */
};

enum plan_flags {
	PLAN_PREFILTERED = 1 << 0, /* is no match unless it is a candidate */
	PLAN_EXCLUDES = 1 << 1, /* some target is an exclusion */
	PLAN_HOLD = 1 << 2, /* the chain has the tag GATE_HOLD_TAG */
};

struct plan_rule {
	const struct sec_rule *rule;
	uint32_t index; /* in plan->rules; rules further on in a chain have the same as the first */
	uint32_t flags; /* an or of plan_flags */
	uint16_t node; /* the whole chain of transformations */
	uint16_t group; /* NONE16 without prefilter */
	uint16_t
		question; /* whether its operator matches a text, for those seen before; SEEN_NONE: depends on more than the text */
	const struct plan_target *targets;
	uint32_t target_count;
	const uint16_t *steps; /* multiMatch: all nodes from the value to 'node' */
	uint32_t step_count;
	struct macro parameter, msg, logdata, redirect;
	const struct macro *tags;
	const struct plan_action *actions;
	uint32_t action_count;
	uint32_t skip_to; /* position in the phase where skipAfter goes on */
	struct plan_rule *chain;
};

enum step_ask {
	STEP_RUN, /* the rule has to be asked */
	STEP_ASK_NOTHING, /* an action: matches always */
	STEP_ASK_SLOT, /* TX:name against a number */
	STEP_ASK_SLOT_COUNT, /* &TX:name */
	STEP_ASK_COUNT, /* &REQUEST_HEADERS:name */
	STEP_ASK_PRESENT, /* without REQUEST_HEADERS:name it cannot match; with it, it has to be asked */
};

enum step_compare { STEP_EQ, STEP_GE, STEP_GT, STEP_LE, STEP_LT };

enum step_flags {
	STEP_NEGATED = 1 << 0,
	STEP_BY_SLOT = 1 << 1, /* 'number' is the slot that holds it */
	STEP_PLAIN = 1 << 2, /* a match is what 'sets' and 'skip' and 'skip_to' say, and nothing else */
};

/* What has to be known of a rule before it is looked at; two of them are a line of cache. */
struct plan_step {
	uint32_t rule; /* index in plan->rules */
	uint16_t group; /* no match unless it is a candidate of this one; NONE16: not prefiltered */
	uint8_t ask, compare; /* enum step_ask, enum step_compare */
	uint8_t flags; /* an or of step_flags */
	uint16_t set_count;
	uint32_t skip; /* as the rule's */
	int32_t number;
	uint32_t what; /* the slot, or the place in plan->step_members */
	uint32_t sets; /* the first in plan->step_sets */
	uint32_t skip_to; /* as the rule's */
};

struct step_members {
	enum variable variable;
	struct bytes name;
};

struct step_set {
	uint32_t slot;
	struct bytes value;
};

struct plan_phase {
	struct plan_rule **rules; /* SecMarker left out */
	const struct plan_step *steps; /* one for each */
	uint32_t count;
};

/* The values that a pattern is looked for in: a variable, or one member of a collection. */
struct plan_source {
	enum variable variable;
	enum sec_select select; /* ALL or NAME */
	struct bytes selector;
	const struct sec_rule *rule; /* for the namespaces of XML */
};

struct plan_set {
	struct pattern_set *patterns;
	uint32_t words; /* of 64 bits */
	uint64_t *empty; /* what matches the empty value */
};

/* A rule that has to be looked at when bit 'bit' of a set was found. */
struct plan_user {
	uint32_t rule; /* index in plan->rules */
	uint16_t bit;
};

/* What is scanned when a group is reached: one source, for rules with these nodes. */
struct plan_scan {
	uint16_t source, set;
	uint16_t question; /* what is found in a text, for those seen before */
	const uint16_t *nodes;
	uint32_t node_count;
	uint64_t *mask; /* bits of the set that matter for this source and group */
	const struct plan_user *users; /* by bit */
	uint32_t user_count;
};

struct plan_group {
	const struct plan_scan *scans;
	uint32_t scan_count;
};

#define PLAN_NODES_MAX 4096

struct plan_hold {
	uint64_t id;
	uint32_t rule; /* index in plan->rules */
	uint8_t phase;
};

struct gate_plan {
	_Atomic uint32_t references;
	uint64_t number; /* no other plan of the program has it */
	struct sec_rules *source; /* owned */
	const struct sec_settings *settings;
	struct arena arena;
	struct plan_phase phases[6];
	bool reads_files; /* some rule reads FILES_TMP_CONTENT */
	struct plan_rule **rules; /* first rules of chains, by index */
	uint32_t rule_count;
	uint32_t rule_words; /* of a bit for each rule */
	const struct plan_hold *holds; /* by id */
	uint32_t hold_count;
	struct plan_node *nodes;
	uint32_t node_count;
	const struct transform *transforms[256];
	uint32_t transform_count;
	struct key_table *keys;
	struct MMDB_s *geo; /* SecGeoLookupDb; null without */
	const struct bytes *slot_names;
	uint32_t slot_count;
	struct plan_source *sources;
	uint32_t source_count;
	struct plan_set *sets;
	uint32_t set_count;
	struct plan_group *groups;
	uint32_t group_count;
	struct step_members *step_members;
	uint32_t step_members_count;
	struct step_set *step_sets;
	uint32_t step_set_count;
	uint16_t question_count; /* at most SEEN_QUESTIONS */
	struct gate_plan_info info;
};

/* prefilter.c: fills sources, sets and groups, and set and bit of the targets. */
MUST_CHECK int prefilter_build(struct gate_plan *plan, const struct gate_plan_options *options);

/* steps.c: fills the phases' steps, when everything else is there. LUYTRE_E_NOMEM. */
MUST_CHECK int steps_build(struct gate_plan *plan);

/* NONE32 when it is not interned. 'name' in any case. */
uint32_t key_find(const struct key_table *keys, struct bytes name);

/* Whether a ctl or an exclusion by tag or message is about this rule. */
bool plan_rule_has_tag(const struct plan_rule *rule, struct bytes tag);

/* ---- site ---- */

struct site_target {
	uint64_t *rules; /* one bit each */
	const struct sec_target *target;
};

struct gate_site {
	_Atomic uint32_t references;
	struct gate_plan *plan;
	struct arena arena;
	const char *name, *tenant;
	enum gate_mode mode;
	size_t memory_max;
	uint64_t *removed; /* rules that do not count here, one bit each; null: all do */
	const uint64_t *without_holds; /* the same, and all holds; null: none of either */
	const struct site_target *targets;
	uint32_t target_count;
	struct site_override {
		uint32_t slot; /* NONE32: no rule asks for it */
		struct bytes value;
	} * overrides;
	uint32_t override_count;
	uint64_t *locked; /* slots that rules may not write; null: none */
	struct sec_rules *parsed; /* owned: the rules that hold parsed exclusion targets */
};

/* holds.c: fills the holds of the plan when its rules are there, and site->without_holds when its exclusions are. LUYTRE_E_NOMEM. */
MUST_CHECK int holds_build(struct gate_plan *plan);
MUST_CHECK int holds_leave_out(struct gate_site *site);
/* How the rule is armed, with tx->holds only; null when it is not. */
const struct gate_armed *holds_armed(const struct gate_tx *tx, const struct plan_rule *rule);

/* ---- values ---- */

struct output {
	struct bytes bytes;
	uint32_t classes;
	struct gate_value *once; /* what others have too; null: its own */
};

struct memo {
	uint8_t from, to;
	uint16_t transform;
};

struct scan_result {
	struct scan_result *next;
	uint16_t set;
	uint8_t output;
	bool empty; /* no bit is set; 'bits' is not there */
	uint64_t bits[];
};

#define OUTPUTS_MAX 64

/* One text of the request, with all that transformations made of it so far. */
struct gate_value {
	struct bytes bytes;
	uint32_t classes;
	bool classified;
	uint8_t output_count, output_room;
	uint8_t memo_count, memo_room;
	struct output *outputs; /* the first is the value itself; null before any transformation */
	struct memo *memo;
	uint8_t *node_outputs; /* by node; UINT8_MAX: not known yet */
	struct scan_result *scans;
	uint64_t waiting; /* outputs that stand in lines of the scan that runs, one bit each */
	struct seen_asked asked; /* not of what transformations made */
	struct gate_value *same_hash; /* among those that requests have once, however often they say them */
};

/* Result of a node, as index in value->outputs. When memory is out: 0, and tx->memory_refused is set. */
uint8_t value_output(struct gate_tx *tx, struct gate_value *value, uint16_t node);
struct bytes value_bytes(struct gate_tx *tx, struct gate_value *value, uint16_t node);
void value_init(struct gate_value *value, struct bytes bytes);
/* The text may have been seen before; accepts null. */
void value_expect(struct gate_tx *tx, struct gate_value *value);
/* The value of this text, which others may have too; null when memory is out. */
struct gate_value *value_once(struct gate_tx *tx, struct bytes bytes);

struct entry {
	struct bytes name;
	struct gate_value *value;
	struct gate_value *name_value;
};

struct entries {
	struct entry *items;
	uint32_t count, room;
};

/* Short texts that are scanned together, a line each: all of one tier (match/patterns.h). */
#define LINES_MAX  32
#define LINES_SIZE 2048

struct lines {
	struct line {
		struct gate_value *value;
		uint16_t start; /* in the text */
		uint8_t output;
	} of[LINES_MAX + 1]; /* a last one for where the text ends */
	uint32_t count, size;
	uint8_t text[LINES_SIZE];
};

/* What a target names: the label is `collection` or `collection:name`. */
struct item {
	enum variable collection;
	struct bytes name; /* empty for a scalar */
	struct gate_value *value;
};

/* ---- persistent collections ---- */

struct store;
struct store_record;

struct store *persist_new(size_t records_max);
void persist_free(struct store *store);
/* Made when there is none and 'create'; null without, or when refused. Each site has its own. 'now_s' is any steady clock. Stays until
 * persist_close(), however long that takes. */
struct store_record *persist_open(struct store *store, struct bytes site, enum variable collection, struct bytes key,
	bool create, uint64_t now_s, uint32_t timeout_s);
void persist_close(struct store_record *record); /* accepts null */
bool persist_get(struct store_record *record, struct bytes name, uint64_t now_s, struct bytes *ret);
void persist_set(
	struct store *store, struct store_record *record, struct bytes name, struct bytes value, uint64_t now_s);
void persist_unset(struct store_record *record, struct bytes name);
void persist_expire(struct store_record *record, struct bytes name, uint64_t at_s);
/* Calls 'each' with every field that has not expired. */
void persist_each(struct store_record *record, uint64_t now_s,
	void (*each)(void *context, struct bytes name, struct bytes value), void *context);
void persist_counters(const struct store *store, struct gate_counters *counters);

/* ---- worker and transaction ---- */

#define SPARE_ARENAS 8
#define PREPARED_MAX 16

struct gate_worker {
	struct match_scratch *scratch;
	uint64_t prepared[PREPARED_MAX]; /* numbers of plans that the scratch was prepared for, the last ones */
	uint32_t prepared_next;
	struct store *store;
	struct seen *seen; /* null: none are kept */
	struct arena spare[SPARE_ARENAS]; /* of requests that ended */
	uint32_t spare_count;
	struct gate_counters counters;
	struct lines lines[PATTERN_TIERS]; /* of the scan that runs */
	uint64_t sequence; /* for UNIQUE_ID */
	struct cost *cost; /* owned; null: nothing is measured */
	uint64_t seed;
};

struct tx_field {
	struct tx_field *next;
	struct tx_field *same_bucket; /* in TX */
	struct bytes name, value;
	uint32_t hash; /* key_hash() of the name, in TX */
};

struct tx_removal {
	struct tx_removal *next;
	const uint64_t *rules;
	const struct sec_target *target;
	const struct plan_rule *by; /* the rule that said so */
};

/* When some are armed; in the request's arena. */
struct tx_holds {
	uint64_t *left_out; /* what tx->left_out points to */
	uint8_t last_phase; /* in which one may stop the request */
	struct gate_armed armed[]; /* by place in plan->holds; rule 0: not */
};

/* For one that looks on; in the request's arena. */
struct watch {
	gate_watch_fn tell;
	void *context;
	struct gate_step steps[GATE_STEPS_MAX]; /* of the value that is told */
	struct bytes found[OPERATOR_CAPTURES_MAX];
	size_t found_count;
	uint64_t *removed_by; /* by rule: the id of the rule whose ctl removed it first */
};

/* What rules cost, by index in the plan. */
struct cost {
	const struct gate_plan *plan;
	struct gate_search_cost search;
	struct gate_rule_cost rules[];
};

/* Processor time that all regular expressions of a request may take: ordinary requests take a tenth of a millisecond, only what is
 * made to backtrack comes near. */
#define REGEX_TIME_NS UINT64_C(12000000)
/* The same for all that is done for a request: what a body of 128 KiB takes at paranoia level 4, if it is no attack. */
#define REQUEST_TIME_NS UINT64_C(25000000)
/* More for each byte that a body has beyond that size, where the site's limits let it through: whoever wants large texts to be inspected has
 * said what they may cost. */
#define USUAL_BODY_SIZE (UINT64_C(128) << 10)
#define BODY_TIME_NS    UINT64_C(200)
#define BODY_REGEX_NS   UINT64_C(50)

struct allowance {
	uint64_t left_ns;
	uint64_t mono_ns,
		own_ns; /* of the machine and of the thread, when they were looked at; own_ns 0: not yet in this phase */
	uint64_t work; /* bytes and calls since then */
	bool running;
};

#define STORES 5 /* GLOBAL, IP, RESOURCE, SESSION, USER */

struct gate_tx {
	struct gate_worker *worker;
	struct gate_site *site; /* a reference */
	const struct gate_plan *plan;
	struct arena arena;
	struct gate_verdict verdict;
	enum sec_mode mode; /* SecRuleEngine, as ctl changed it */
	enum gate_mode site_mode; /* the site's, or what gate_tx_mode() put in its place */
	bool by_policy; /* the latter */
	uint8_t phase; /* running, or the last that ran */
	bool stopped; /* the verdict is final */
	bool memory_refused;
	bool spent; /* the time is: nothing further is looked at */
	uint8_t allow; /* enum sec_disruptive; 0: none */
	uint8_t allow_phase; /* of SEC_ALLOW_PHASE */
	uint32_t skip; /* rules to skip */
	bool logged; /* phase 5 ran */
	bool audit_wanted; /* known after phase 5 */

	/* connection and time */
	struct bytes client_address, server_address;
	uint16_t client_port, server_port;
	struct timespec started; /* CLOCK_REALTIME */
	struct timespec started_steady; /* CLOCK_MONOTONIC */
	struct tm local_time;
	struct bytes id;

	/* what was said */
	struct bytes method, uri_raw, protocol;
	struct bytes path; /* of the request line, not decoded */
	struct bytes response_protocol;
	struct bytes host, user; /* SERVER_NAME, REMOTE_USER */
	struct bytes authorization; /* the header */
	struct bytes content_type, response_content_type;
	uint32_t response_status;
	struct body_parser *body;
	struct body_result body_result;
	struct bytes body_error_msg;
	const char *body_processor; /* "URLENCODED", ...; null: none */
	uint8_t *body_bytes; /* in the arena */
	size_t body_size, body_room;
	bool body_over, body_access, body_forced, body_trouble;
	uint8_t *response_bytes;
	size_t response_size, response_room;
	bool response_over, response_access;
	bool args_error, args_over;
	enum sec_xml_args xml_args;
	void *xml;

	struct gate_value **once; /* values by their hash, each text once; null: too few to be worth it */
	uint32_t entry_count; /* in all collections */
	struct entries collections[VARIABLE_COUNT]; /* those that are stored; the others are made from them */
	struct gate_value *scalars[VARIABLE_COUNT];

	/* what rules write */
	struct bytes *slots; /* TX, by slot; a null pointer: not set */
	struct tx_field *fields; /* TX under names that are not interned, the last first */
	struct tx_field **field_buckets; /* the same by hash; null without any */
	uint32_t field_count;
	struct tx_field *environment;
	struct tx_field *xml_done; /* expressions that were evaluated, with their namespaces */
	struct store_record *stores[STORES];
	struct bytes session_id, user_id, resource_id;
	const uint64_t *left_out; /* rules that do not count: the site's, and holds that are not armed; null: none */
	struct tx_holds *holds; /* null: none is armed by gate_tx_arm() */
	uint64_t *removed; /* by ctl, one bit each; null: none */
	uint8_t *removed_by; /* with a trace: enum sec_ctl by rule */
	struct tx_removal *removals;
	int8_t highest_severity; /* 255 as -1 */
	enum sec_audit audit;
	uint32_t audit_parts;
	uint32_t pcre_limits;
	uint64_t regex_left_ns; /* of REGEX_TIME_NS, what later phases may take */
	struct allowance allowance;

	/* of the rule that runs, and what it found */
	const struct plan_rule *rule;
	struct bytes matched_name, matched_value;
	uint8_t macro_depth; /* macros inside macros */
	struct bytes found; /* with a trace: "o0,3" for each place the operator found in the value */

	uint8_t *candidates; /* by rule */
	uint8_t *groups_scanned; /* by group; the phase in which */
	struct item *items; /* of the target that is looked at */
	uint32_t item_count, item_room;

	struct gate_match *matches;
	uint32_t match_count, match_room;

	gate_trace_fn trace;
	void *trace_context;
	struct watch *watch; /* null: nobody looks on; with it there is always a trace */
};

void tx_trace(struct gate_tx *tx, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* trace.c; only with a trace. */
void trace_operator(struct gate_tx *tx, const struct plan_rule *link, struct bytes parameter);
void trace_transforms(struct gate_tx *tx, const struct plan_rule *link, struct gate_value *value);
void trace_removed(struct gate_tx *tx, uint8_t phase);
void trace_ctl(struct gate_tx *tx, const struct plan_action *action);
void trace_removed_now(struct gate_tx *tx, const struct plan_rule *rule);
void trace_response_body(struct gate_tx *tx);
void trace_skip(struct gate_tx *tx, const struct plan_rule *rule);
void trace_allowed(struct gate_tx *tx, const struct plan_phase *list, uint32_t from);
void trace_namespaces(struct gate_tx *tx, struct bytes xmlns);
void trace_skipped(struct gate_tx *tx, const struct plan_phase *list, uint32_t from, const struct plan_rule *rule);
/* "!ARGS:/^p_/" into the arena. */
struct bytes trace_target(struct gate_tx *tx, const struct sec_target *target);
/* watch.c; only with tx->watch. */
void watch_rule(struct gate_tx *tx, const struct plan_rule *link, struct bytes parameter);
void watch_found(struct gate_tx *tx, const struct operator_call *call, struct bytes value);
void watch_value(struct gate_tx *tx, const struct plan_rule *link, const struct plan_target *target,
	const struct item *item, uint16_t node, bool matched);
void watch_target(struct gate_tx *tx, const struct plan_rule *link, const struct sec_target *target);
void watch_left_out(struct gate_tx *tx, const struct plan_rule *link, const struct item *item);
void watch_set(struct gate_tx *tx, const struct sec_action *action, struct bytes name, struct bytes before,
	struct bytes value);
void watch_matched(struct gate_tx *tx, const struct plan_rule *rule);
void watch_ctl(struct gate_tx *tx, const struct plan_action *action);
void watch_removed(struct gate_tx *tx, const struct plan_rule *rule);
void watch_skipped(struct gate_tx *tx, const struct plan_rule *rule, const struct plan_rule *by, struct bytes marker);
void watch_ended(struct gate_tx *tx, const struct plan_phase *list, uint32_t from);
/* Bytes that are not printable as \xHH, in the request's arena. */
struct bytes trace_text(struct gate_tx *tx, struct bytes text);
/* origin.c; only with a trace: "v23,6" for what stands at offset 23 of the request as it was sent, with lines that end in one byte. */
struct bytes origin_of(struct gate_tx *tx, const struct item *item);
/* What a match adds to `ref` of the rule's message. */
struct bytes trace_reference(
	struct gate_tx *tx, struct bytes before, const struct plan_rule *link, const struct item *item);
void trace_capture(struct gate_tx *tx, const struct plan_rule *link, unsigned int number, struct bytes text);
void trace_found(
	struct gate_tx *tx, const struct plan_rule *link, const struct operator_call *call, struct bytes value);
/* geo.c. LUYTRE_E_INVALID for a file that is no data base, LUYTRE_E_NOMEM. */
MUST_CHECK int geo_open(struct bytes path, struct MMDB_s **ret);
void geo_close(struct MMDB_s *db); /* accepts null */
bool geo_lookup(void *context, struct bytes address); /* 'context' is the transaction */
/* allowance.c: between begin and end the time counts; begun already is begun. */
void allowance_begin(struct gate_tx *tx);
void allowance_end(struct gate_tx *tx);
/* Phase 5 has some time of its own. */
void allowance_for_log(struct gate_tx *tx);
/* Looks at the clock; tx->spent when less is left than is wanted. */
bool allowance_look(struct gate_tx *tx, uint64_t wanted_ns);

/* What a call of an operator or a search takes besides its bytes, as bytes; and how much of both is done between two looks. */
#define CALL_BYTES 64
#define LOOK_BYTES 65536
/* What a byte takes at worst in a transformation or an operator, in a search, and how much more in the first of a search: so much must be
 * left to begin with a large value, since nothing interrupts them. A whole answer (512 KiB) may be searched at once. */
#define BYTE_NS          15
#define SCAN_NS          30
#define SCAN_FIRST_NS    45
#define SCAN_FIRST_BYTES ((size_t)128 << 10)

/* Before each transformation and operator: whether there is time for it. */
static inline bool allowance_take(struct gate_tx *tx, size_t size)
{
	tx->allowance.work += size + CALL_BYTES;
	return tx->allowance.work < LOOK_BYTES ? !tx->spent : allowance_look(tx, size * BYTE_NS);
}

/* Before each search. */
static inline bool allowance_scan(struct gate_tx *tx, size_t size)
{
	size_t first_size = size < SCAN_FIRST_BYTES ? size : SCAN_FIRST_BYTES;

	tx->allowance.work += size + CALL_BYTES;
	return tx->allowance.work < LOOK_BYTES ? !tx->spent
					       : allowance_look(tx, size * SCAN_NS + first_size * SCAN_FIRST_NS);
}

/* xml-args.c */
struct _xmlDoc;
void xml_args_add(struct gate_tx *tx, const struct _xmlDoc *document);
/* facts.c: whether the request belongs into the audit log. */
bool facts_audit(struct gate_tx *tx);

#define TRACE(tx, ...)                                                                                                 \
	do {                                                                                                           \
		if ((tx)->trace)                                                                                       \
			tx_trace(tx, __VA_ARGS__);                                                                     \
	} while (0)

/* Memory of the request. Null at the ceiling: then tx->memory_refused is set and the request will be judged by that. */
void *tx_alloc(struct gate_tx *tx, size_t size);
struct bytes tx_copy(struct gate_tx *tx, struct bytes in);
struct bytes tx_printf(struct gate_tx *tx, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct bytes tx_join(struct gate_tx *tx, const struct bytes *parts, size_t count);
uint64_t tx_now_s(const struct gate_tx *tx);

void entries_add(struct gate_tx *tx, struct entries *entries, struct bytes name, struct bytes value);
struct gate_value *tx_value(struct gate_tx *tx, struct bytes bytes);

struct gate_match *tx_add_match(struct gate_tx *tx);
/* A limit of the engine was reached, not a rule's. */
void tx_limit(struct gate_tx *tx, uint16_t status, const char *reason);

/* variables.c */
/* Fills tx->items with what 'target' names, without regard to exclusions. */
void variables_collect(struct gate_tx *tx, enum variable variable, enum sec_select select, struct bytes selector,
	const struct regex *regex, uint32_t slot, const struct sec_rule *rule);
/* Whether a collection is what tx->collections has under its name, and nothing else. */
bool variables_are_stored(enum variable variable);
/* The value of %{NAME} or %{NAME.key}; false when there is none. */
bool variables_text(struct gate_tx *tx, const struct macro_piece *piece, struct bytes *ret);
/* Whether 'target' (of an exclusion) names the item. */
bool variables_named(const struct sec_target *target, const struct item *item, struct match_scratch *scratch);
/* "ARGS:q" into the arena. */
struct bytes item_label(struct gate_tx *tx, const struct item *item);
void tx_set_slot(struct gate_tx *tx, uint32_t slot, struct bytes name, struct bytes value, bool unset);
struct bytes *tx_find_field(struct gate_tx *tx, struct bytes name);
int persist_index(enum variable variable); /* -1: none */

/* scan.c */
void scan_group(struct gate_tx *tx, uint16_t number);
/* Whether an output of the value can match what the target is searched for; true when it was not searched. */
bool scan_may_match(struct gate_tx *tx, const struct plan_target *target, struct gate_value *value, uint8_t output);

/* steps.c: STEP_UNKNOWN: the rule has to be asked. STEP_MATCHED: all is done but the skipping. */
enum step_answer { STEP_UNKNOWN, STEP_NO_MATCH, STEP_MATCHED };
enum step_answer step_take(struct gate_tx *tx, const struct plan_step *step);

/* evaluate.c */
void evaluate_phase(struct gate_tx *tx, uint8_t phase);

/* actions.c */
void actions_on_value(struct gate_tx *tx, const struct plan_rule *rule); /* setvar: for each value that matched */
void actions_on_rule(
	struct gate_tx *tx, const struct plan_rule *rule); /* the others: when the chain behind it matched too */
void actions_disrupt(struct gate_tx *tx, const struct plan_rule *rule, enum sec_mode mode);

/* request.c */
void request_headers_done(struct gate_tx *tx);
void request_body_done(struct gate_tx *tx);
void request_set_processor(struct gate_tx *tx, struct bytes name);
struct gate_value *request_scalar(struct gate_tx *tx, enum variable variable);

static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= UINT64_C(1) << (i % 64);
}
