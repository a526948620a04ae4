// SPDX-License-Identifier: Apache-2.0
/* From reports to decisions: who is hit reports what it saw, and this engine says what all others do about it.
 *
 * A *report* is one tenant's statement about an observable. All reports about one observable are one *record*, and what
 * is ordered about it is one *decision*: watch, challenge (or limit the rate), provisional block (two minutes, on the
 * word of one trusted tenant with proof), block, long block. Numbers and rules are those of the exchange rules, section
 * 10; what this module decides beyond them is said here:
 *
 *   - IPv6 is counted and blocked at /64, whatever is reported. A tenant reports addresses; prefixes come of rules or
 *     people.
 *   - A decision once made stands until it expires, is lifted or is refuted. Reports that age make no new one. Its end
 *     is the lifetime of its class or the moment its aged belief falls below 0.3, whichever comes first. A sighting by
 *     another group starts both anew; the same group saying the same again does not.
 *   - All that one edge reports is one voice as well, whichever organisations it names: where this header says "group", two
 *     of them that are heard through the same edge are one.
 *   - A group is a witness only with a weight of 0.25 or more (FORMULA_WITNESS_MIN).
 *   - A group whose provisional block lapsed may not raise another on the same observable for an hour.
 *   - What rests on one or two groups alone is bounded: a group may stand behind at most 'alone_max' live blocks that
 *     no third group, decoy or person vouches for; what goes beyond is challenged instead of blocked. So one or two
 *     captured tenants together hold at most 2 * alone_max innocent sources, whatever they report. Challenges that
 *     rest on one or two groups have a budget too; beyond it the source is watched.
 *   - Without room the record that matters least goes, never one that blocks.
 *   - A report that came after the decision was public earns no trust by being "confirmed": reading the list is no
 *     sighting.
 *   - An edge that vetoes weighs against the reports with its tenant's trust: when the vetoes are believed as much as
 *     the reports, the decision ends and its reports are refuted. A veto that does not prevail refutes nobody, and is
 *     refuted itself by three witnesses or a person; or whoever vetoes everything would ruin all honest reporters.
 *   - A fingerprint or a hash alone is challenged or watched, never blocked: its users are not known.
 *
 * What an observable is allowed to be (allow lists, decoys) is asked when it is reported, when a list is replaced and
 * when decisions are read out. No tenant is named in what leaves: counts come as 1, 2-4, 5-9, 10+.
 *
 * No I/O and no clock: times are passed in (microseconds since 1970; time that goes back is held), changes come out as
 * an ordered stream, as frames for a journal and by callbacks. Every table has a ceiling. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "hub/decide/formula.h"
#include "hub/decide/reporters.h"
#include "hub/intel/observable.h"
#include "hub/intel/shared.h"
#include "hub/intel/users.h"

enum {
	ENGINE_EVIDENCE_MAX = 12, /* reports kept for one record: enough for "10+" */
	ENGINE_DECOYS_MAX = 4096,
	ENGINE_EDGES_MAX = 65536, /* that stand behind blocks which nobody else vouches for */
	ENGINE_PROPOSALS_MAX = 1024,
	ENGINE_ID_MIN = 1 << 24, /* ids of the engine's decisions are not below */
};

struct engine_limits {
	uint32_t records_max; /* observables with reports, live or not */
	uint32_t evidence_max; /* reports kept in all */
	uint32_t changes_max; /* that consumers can catch up with before they resync */
	struct reporters_limits reporters;
	double change_share; /* of good clients that one change may match: 0.0005 */
	double total_share; /* that all blocks may match: 0.005 */
	uint32_t pace_factor; /* new decisions a minute over the weekly median: 8 */
	uint32_t pace_floor; /* never fewer than this are too many */
	uint8_t two_persons_v4, two_persons_v6; /* shorter prefixes need a second person */
};

enum engine_alarm {
	ENGINE_ALARM_CHANGE_TOO_WIDE, /* one change would match too many good clients: it was not made */
	ENGINE_ALARM_TOTAL_TOO_WIDE, /* all blocks would: the engine has stopped */
	ENGINE_ALARM_PACE, /* too many new decisions: the engine has stopped */
	ENGINE_ALARM_DECOY, /* 'tenant' reported a decoy and lost its weight */
	ENGINE_ALARM_FULL, /* a record was refused for want of room; told once an hour */
	ENGINE_ALARM_JOURNAL, /* a frame could not be written */
};

struct engine_proposal {
	struct ip_prefix prefix;
	uint32_t reported; /* distinct reported addresses in it */
	int64_t time_us;
};

struct engine_callbacks {
	void *context;
	/* May each be null. None may call back into the engine. */
	int (*journal)(void *context, struct bytes frame); /* 0 or an error, which is counted */
	void (*alarm)(void *context, enum engine_alarm alarm, uint32_t tenant, const struct observable_key *key);
	void (*proposal)(void *context, const struct engine_proposal *proposal); /* a person may consent */
	void (*changed)(void *context); /* there is something new in the stream */
};

struct engine_report {
	int64_t time_us; /* of the event */
	uint32_t tenant, edge;
	const struct observable *observable;
	uint64_t rule;
	uint32_t campaign; /* 0: none */
	uint8_t evidence; /* of enum ev_evidence */
	uint8_t class; /* of enum decide_class */
	/* The source shows the fingerprint pair of a confirmed campaign (hub/campaign): counts as E3 of a precise rule.
	 * */
	bool fingerprint;
};

enum engine_outcome {
	ENGINE_TAKEN,
	ENGINE_PATTERN, /* E0: spoofable, no decision about a source can rest on it */
	ENGINE_SILENT, /* its tenant has no weight */
	ENGINE_SPARED, /* on an allow list: refuted */
	ENGINE_DECOY, /* a decoy: its tenant has no weight from now on */
	ENGINE_OLD, /* older than its class can age */
	ENGINE_NO_ROOM,
};

/* What is ordered about one observable. */
struct engine_decision {
	uint64_t id;
	struct observable_key key;
	const char *text; /* of a domain, URL, hash or fingerprint, borrowed; null for addresses and prefixes */
	int64_t first_us, last_us; /* seen; rounded to the minute */
	int64_t started_us, expires_us;
	float belief;
	uint32_t users; /* estimated legitimate users behind it */
	uint32_t campaign;
	uint32_t tenant; /* for whom; 0: everybody, as all that the engine itself decides */
	uint8_t level, class;
	uint8_t evidence; /* strongest */
	uint8_t reporters; /* bucket: 0 none (a person's), 1, 2 (2-4), 5 (5-9), 10 (10+) */
	bool by_person, by_list;
};

struct engine_evidence {
	uint64_t rule;
	uint32_t tenant, edge;
	int64_t time_us, seen_us; /* first, last */
	double weight; /* m when the level was last worked out */
	uint8_t evidence;
	bool veto, confirmed, refuted, fingerprint;
};

enum engine_op { ENGINE_ADD, ENGINE_CHANGE, ENGINE_DELETE };

struct engine_change {
	uint64_t epoch, seq;
	uint8_t op; /* of enum engine_op */
	struct engine_decision decision;
};

struct engine;

/* Fills in the numbers of the exchange rules and room for a million decisions. */
void engine_limits_default(struct engine_limits *ret);

/* 'shared' and 'users' are borrowed and may be null; 'limits' and 'callbacks' are copied. Null without memory. */
struct engine *engine_new(const struct engine_limits *limits, const struct engine_callbacks *callbacks,
	const struct shared *shared, const struct users *users, struct siphash_key key);
void engine_free(struct engine *engine); /* accepts null */

/* Tenants, rules and their trust; belongs to the engine. */
struct reporters *engine_reporters(struct engine *engine);

/* 0 with '*ret' (may be null), LUYTRE_E_NOT_FOUND (unknown tenant) or LUYTRE_E_INVALID (no such class or evidence; a
 * prefix wider than an IPv4 address or a /64). */
MUST_CHECK int engine_report(
	struct engine *engine, int64_t now_us, const struct engine_report *report, enum engine_outcome *ret);

/* Ends what is due. Call it at engine_due. */
void engine_tick(struct engine *engine, int64_t now_us);
int64_t engine_due(const struct engine *engine); /* INT64_MAX: nothing is */

/* An edge of 'tenant' saw the source of a decision arrive: a provisional block does not lapse then, up to ten minutes.
 * */
MUST_CHECK int engine_hit(struct engine *engine, int64_t now_us, uint64_t id, uint32_t tenant, uint32_t edge);
/* An edge refuses to block one of its own good clients. LUYTRE_E_NOT_FOUND: no such decision or tenant. */
MUST_CHECK int engine_veto(struct engine *engine, int64_t now_us, uint64_t id, uint32_t tenant, uint32_t edge);

/* People. 'person' is only written down. engine_lift with 'upheld' says that the decision was wrong: its reports are
 * refuted and the observable is spared for a day; without, it only ends. engine_confirm says that it was right. */
MUST_CHECK int engine_lift(struct engine *engine, int64_t now_us, uint64_t id, uint32_t person, bool upheld);
MUST_CHECK int engine_confirm(struct engine *engine, int64_t now_us, uint64_t id, uint32_t person);

struct engine_order {
	const struct observable *observable;
	uint8_t level, class;
	uint32_t lifetime_s;
	uint32_t person, second_person; /* 0: none */
	bool from_list; /* of a DROP-type list: needs no person, but 'shared' must hold such an entry around it */
};

/* Orders what a person or a list says. LUYTRE_E_INVALID (no person, no lifetime, all addresses at once),
 * LUYTRE_E_PERMISSION (a second person is missing), LUYTRE_E_CONFLICT (on an allow list, or over a decoy),
 * LUYTRE_E_RANGE (matches too many good clients), LUYTRE_E_FULL. '*ret_id' may be null. */
MUST_CHECK int engine_order(struct engine *engine, int64_t now_us, const struct engine_order *order, uint64_t *ret_id);
/* Whether engine_order would take it, without doing it or raising an alarm. '*ret_good' (may be null): good clients that it would match. */
MUST_CHECK int engine_order_try(const struct engine *engine, const struct engine_order *order, size_t *ret_good);
/* Shorter prefixes than these need a second person. */
void engine_set_two_persons(struct engine *engine, uint8_t v4, uint8_t v6);

/* Lifts every collective decision at once and begins a new epoch; what people and lists ordered stays. Returns how
 * many. */
size_t engine_undo_all(struct engine *engine, int64_t now_us, uint32_t person);

/* After ENGINE_ALARM_TOTAL_TOO_WIDE or _PACE nothing is blocked anew until a person says so. */
bool engine_stopped(const struct engine *engine);
void engine_resume(struct engine *engine, int64_t now_us, uint32_t person);

/* Entries known to be clean: who reports one loses its weight, and nothing ever blocks one. LUYTRE_E_FULL. */
MUST_CHECK int engine_decoy_add(struct engine *engine, const struct observable *decoy);

/* Replaces the allow lists and shared addresses: decisions that they forbid end and their reports are refuted. */
void engine_set_shared(struct engine *engine, int64_t now_us, const struct shared *shared);

/* The live decision, by id or by observable. LUYTRE_E_NOT_FOUND. Texts are borrowed until the next call that changes
 * anything. */
MUST_CHECK int engine_find(const struct engine *engine, uint64_t id, struct engine_decision *ret);
MUST_CHECK int engine_find_key(
	const struct engine *engine, const struct observable_key *key, struct engine_decision *ret);
/* Its reports, at most 'max'; returns how many. */
size_t engine_evidence(const struct engine *engine, uint64_t id, struct engine_evidence *ret, size_t max);
/* /24 networks that wait for a person's consent; given by engine_order. */
size_t engine_proposals(const struct engine *engine, struct engine_proposal *ret, size_t max);

/* One sentence about the decision, in UTF-8, no tenant named. LUYTRE_E_NOT_FOUND, LUYTRE_E_FULL (text cut). */
MUST_CHECK int engine_explain(
	const struct engine *engine, uint64_t id, enum luytre_lang lang, char *text, size_t text_size);
/* The same of a copy; needs no engine, so any thread. */
MUST_CHECK int engine_explain_decision(
	const struct engine_decision *decision, enum luytre_lang lang, char *text, size_t text_size);

typedef void (*engine_change_fn)(void *context, const struct engine_change *change);

/* Where the stream stands. */
void engine_position(const struct engine *engine, uint64_t *ret_epoch, uint64_t *ret_seq);
/* Gives what came after (epoch, seq), at most 'max'. 0, or LUYTRE_E_CONFLICT: too far behind or another epoch, so take
 * all by engine_each and go on from engine_position. '*ret_seq' is where the consumer stands then. What an allow list
 * forbids meanwhile is given as a deletion. */
MUST_CHECK int engine_changes(const struct engine *engine, uint64_t epoch, uint64_t seq, size_t max,
	engine_change_fn fn, void *context, uint64_t *ret_seq);
/* All live decisions that may leave, as additions. */
void engine_each(const struct engine *engine, engine_change_fn fn, void *context);
/* The same in slices, for who must not hold the engine for long: looks at 'count' places from 'from' (at first 0) on and returns where to
 * go on; 0: that was the end. Between two slices anything may change: what stands all the while is given once. A million decisions are
 * 62 slices of 16,384, each less than a millisecond of CPU. */
uint32_t engine_walk(const struct engine *engine, uint32_t from, uint32_t count, engine_change_fn fn, void *context);
/* Puts what is decided elsewhere (by a tenant for itself) into the stream of changes; who decided keeps it. Its id is below
 * ENGINE_ID_MIN, and its text is null. */
void engine_announce(struct engine *engine, int64_t now_us, enum engine_op op, const struct engine_decision *decision);
/* What was given out is to be read in another way from now on: whoever follows the stream finds itself too far behind, and takes all. */
void engine_renew(struct engine *engine, int64_t now_us);

/* Hands the whole state to 'write' as frames, for a new journal that replaces the old one. The first error ends it. */
MUST_CHECK int engine_save(const struct engine *engine, int (*write)(void *context, struct bytes frame), void *context);
/* Reads a journal into a new engine with the same limits. 0; LUYTRE_E_TRUNCATED: it ends in a torn frame, cut it at
 * '*ret_valid_size'; LUYTRE_E_CORRUPT: a frame is whole but not understood. In each case what stood before is in force.
 * */
MUST_CHECK int engine_load(struct engine *engine, struct bytes journal, size_t *ret_valid_size);

struct engine_stats {
	uint64_t reports[ENGINE_NO_ROOM + 1]; /* by outcome */
	uint64_t unknown; /* of tenants not enrolled */
	size_t records, live[DECIDE_LEVEL_COUNT], evidence;
	uint64_t evicted, evidence_dropped; /* dropped: weaker than those kept for the record */
	uint64_t alone_refused, wide_refused, stopped_refused, budget_refused; /* blocks that became challenges */
	uint64_t vetoes, lifted, confirmed, refuted;
	uint64_t journal_errors;
	uint64_t good_matched; /* good clients that live blocks match */
};
void engine_stats(const struct engine *engine, struct engine_stats *ret);
