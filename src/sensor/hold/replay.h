// SPDX-License-Identifier: Apache-2.0
/* Proof that the holds of a sensor stand: conversations (samples.h) become packets and go through the compiled rules in a worker of its own,
 * with flows, streams and parsers of its own, that writes no event, file or evidence and counts nothing. Each rule is armed alone, to
 * enforce, at a place that is in shadow otherwise (rules/places.h), so that nothing else can stop what is played. Rules see the conversation as
 * between two documentation addresses; bits, data sets and thresholds that rules share between hosts know these afterwards.
 *
 * And the report of it, an event for the edge and the hub (docs/edge-hub.md):
 *
 *	{"timestamp":...,"event_type":"holds","stamp":S,"gate":"sensor-eth0","worker":0,"workers":1,
 *	 "holds":[{"hold":81,"rule":8200010,"mode":"enforce","known":true,"attack":"stopped","twin":"passed"},...],"part":1,"parts":1}
 *
 * known: the compiled rules have this one, as a hold. attack, twin: stopped, passed, none (no sample, or not known). Of several samples the
 * worst is told: an attack that passed, a twin that was stopped. Attacks pass a sensor that does not stand inline, and where the mode is off or
 * the tenant has switched the rule off; the row then says so whatever its mode. So does a row that is not armed, as it says, at one of its
 * prefixes or at a place inside: no tenant here, or another organisation's. Another row that enforces by the same rule does for it.
 *
 * A few milliseconds for a rule, off the packet path: in the thread that loads rules. Policy and engine may be those at work, which nobody
 * changes; they, and whatever else is borrowed, need to live only until a function returns. */
#pragma once

#include "base/holdfile.h"
#include "base/jsonw.h"
#include "sensor/hold/samples.h"

struct sensor_settings;
struct policy;
struct detect_engine;
struct places;

enum { HOLD_PROOF_ROWS = 200 }; /* of a part: one datagram */

enum hold_answer { HOLD_ANSWER_NONE, HOLD_ANSWER_STOPPED, HOLD_ANSWER_PASSED };

/* How a conversation is cut into packets. */
struct hold_playing {
	size_t segment_size; /* bytes of a TCP segment at most; 0: as much as fits */
	bool reversed; /* segments of a turn come the last first */
};

/* One conversation with its rule armed at both ends. STOPPED: a packet of it was dropped, by this rule or as part of the flow that it
 * dropped. LUYTRE_E_NOMEM. */
MUST_CHECK int hold_talk_play(const struct sensor_settings *settings, const struct policy *policy,
	const struct detect_engine *engine, const struct hold_talk *talk, const struct hold_playing *how,
	enum hold_answer *ret);

struct hold_proof;

struct hold_proof_input {
	const struct sensor_settings *settings;
	const struct policy *policy;
	const struct detect_engine *engine;
	const struct holdfile *file; /* rows of part sensor count; null: there is none */
	const struct places *places; /* made of it and of the policy; null: none */
	const struct hold_talks *talks; /* null: none */
};

/* Plays what the rows name, each rule once. LUYTRE_E_NOMEM. */
MUST_CHECK int hold_proof_new(const struct hold_proof_input *input, struct hold_proof **ret);
void hold_proof_free(struct hold_proof *proof); /* accepts null */

/* Rows of part sensor, and those among them that are known, whose attack is stopped and whose twin passes. */
size_t hold_proof_count(const struct hold_proof *proof);
size_t hold_proof_standing(const struct hold_proof *proof);

/* At least 1: no row is an empty list. */
size_t hold_proof_parts(const struct hold_proof *proof);
/* Part 0, 1, ... as one object. 'gate' is who reports: "sensor-eth0". */
void hold_proof_write(
	const struct hold_proof *proof, const char *gate, size_t part, uint64_t now_ns, struct jsonw *json);
