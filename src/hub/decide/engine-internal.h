// SPDX-License-Identifier: Apache-2.0
/* What the files of the engine share; for engine*.c and explain.c alone.
 *
 * A record is everything known of one observable; its reports ("refs") hang on it as a list in a slab of their own. A
 * record lies in three places: the index by key, the heap by the moment when something is due, and the slab whose
 * position is part of its decision's id. engine-record.c keeps those three together, engine-level.c decides, the others
 * call them. */
#pragma once

#include "base/table.h"
#include "hub/decide/engine.h"
#include "hub/decide/journal.h"
#include "hub/decide/pace.h"
#include "hub/decide/slab.h"

#define US_PER_S      INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_S)
#define SLOT_BITS     24

#define VERIFIED_WITNESSES 3 /* so many groups need no further word */

enum ref_flags {
	REF_VETO = 1 << 0,
	REF_CONFIRMED = 1 << 1,
	REF_REFUTED = 1 << 2,
	REF_ALONE = 1 << 3, /* counted by voice_count_alone */
	REF_LATE = 1 << 4, /* came when the decision was public */
	REF_FINGERPRINT = 1 << 5,
};

struct ref {
	uint64_t rule;
	uint32_t tenant, edge;
	uint32_t time_s, seen_s; /* the age counts from time_s; seen_s: last said by this tenant */
	uint32_t next; /* SLAB_NONE at the end */
	uint16_t weight; /* m * UINT16_MAX when last worked out */
	uint8_t evidence;
	uint8_t flags; /* of enum ref_flags */
};

enum record_flags {
	RECORD_PERSON = 1 << 0,
	RECORD_LIST = 1 << 1,
	RECORD_VERIFIED = 1 << 2, /* a decoy or a person vouches */
	RECORD_RESIDENTIAL = 1 << 3,
	RECORD_COUNTED = 1 << 4, /* in the count of its parent prefixes */
};

struct record {
	struct observable_key key;
	uint32_t refs; /* head of the list */
	char *text; /* owned; null for addresses and prefixes */
	uint64_t serial; /* of the present or last decision; 0 before the first */
	int64_t due_us, started_us, expires_us;
	uint32_t heap_at;
	uint32_t first_s, last_s;
	uint32_t sighting_group; /* of the last report */
	uint32_t users, campaign, good; /* good: clients matched while blocked */
	uint32_t spared_until_s, rest_until_s;
	float belief;
	uint16_t offences;
	uint8_t level, class, flags, ref_count, extensions, evidence;
};

struct parent {
	uint32_t count; /* of blocked /64 or challenged IPv4 addresses inside */
	uint32_t proposed; /* a proposal was made */
};

struct change_slot {
	struct engine_change change;
	char *text; /* owned */
};

struct engine {
	struct engine_limits limits;
	struct engine_callbacks callbacks;
	const struct shared *shared; /* borrowed */
	const struct users *users; /* borrowed */
	struct reporters *reporters; /* owned */
	struct slab records, refs;
	struct table *index; /* owned: key to slot */
	struct table *parents; /* owned: key of a /24, /56, /48 to struct parent */
	struct table *decoys; /* owned: set of keys */
	struct table *edges_alone; /* owned: edge to its live blocks that nobody else vouches for */
	struct ip_prefix *decoy_prefixes; /* owned */
	size_t decoy_prefix_count;
	struct engine_proposal *proposals; /* owned */
	size_t proposal_count;
	uint32_t *heap; /* owned: slots, the one due first in front */
	uint32_t heap_count, heap_capacity, hand;
	struct change_slot *ring; /* owned */
	uint64_t epoch, seq, seq_oldest, serial; /* seq_oldest: the first that the ring still has */
	struct pace pace;
	int64_t now_us, alarm_full_us;
	bool stopped, loading;
	struct engine_stats stats;
};

/* A report, and what it weighs. */
struct voice {
	struct ref *ref;
	double weight;
};

/* What the reports about one observable come to, now. */
struct assessment {
	double belief, vetoed; /* of the reports, of the vetoes */
	double users;
	double trust, precision; /* of the strongest E3 report */
	struct voice voices[ENGINE_EVIDENCE_MAX]; /* the strongest word of each; the strongest first */
	size_t count;
	unsigned int witnesses;
	uint32_t proven_tenant; /* who has that report; 0: nobody */
	enum decide_level level;
};

/* engine-record.c */
static inline struct record *record_at(const struct engine *engine, uint32_t slot)
{
	return slab_at(&engine->records, slot);
}
static inline struct ref *ref_at(const struct engine *engine, uint32_t index)
{
	return slab_at(&engine->refs, index);
}
/* For walks over all reports of a record. */
#define REFS_FOR(engine, record, item)                                                                                 \
	for (struct ref *item = record_first_ref(engine, record); item; item = record_next_ref(engine, item))

static inline struct ref *record_first_ref(const struct engine *engine, const struct record *record)
{
	return record->refs == SLAB_NONE ? NULL : ref_at(engine, record->refs);
}
static inline struct ref *record_next_ref(const struct engine *engine, const struct ref *ref)
{
	return ref->next == SLAB_NONE ? NULL : ref_at(engine, ref->next);
}

uint32_t record_find(const struct engine *engine, const struct observable_key *key); /* SLAB_NONE */
uint32_t record_find_id(const struct engine *engine, uint64_t id); /* live ones only */
uint32_t record_make(struct engine *engine, const struct observable *observable);
void record_free(struct engine *engine, uint32_t slot);
void record_set_due(struct engine *engine, uint32_t slot, int64_t due_us);
/* Puts a record into index and heap; false without memory or when its key is there. */
bool record_enter(struct engine *engine, uint32_t slot);
struct ref *record_add_ref(struct engine *engine, uint32_t slot);
void record_remove_ref(struct engine *engine, uint32_t slot, const struct ref *gone);
void record_drop_refs(struct engine *engine, uint32_t slot);
uint64_t record_id(const struct engine *engine, uint32_t slot);
bool engine_overlaps_decoy(const struct engine *engine, const struct observable_key *key);
bool engine_is_allowed(const struct engine *engine, const struct observable_key *key, const char *text);

/* engine-voice.c */
/* A report of this tenant by this edge (0: none) would be no voice beside 'ref'. */
bool voice_same(const struct engine *engine, const struct ref *ref, uint32_t tenant, uint32_t edge);
/* Sorts out who speaks twice; returns how many stay, in front. */
size_t voice_pick(const struct engine *engine, struct voice *voices, size_t count);
/* Live blocks that nobody else vouches for, by group and by edge. */
void voice_count_alone(struct engine *engine, const struct ref *ref, int step);
bool voice_alone_room(const struct engine *engine, const struct ref *ref);

/* engine-level.c */
void level_assess(struct engine *engine, uint32_t slot, struct assessment *ret);
/* After a report of 'tenant': raises the level where that is due. */
void level_reconsider(struct engine *engine, uint32_t slot, bool other_group);
/* After something that can only take belief away. */
void level_reweigh(struct engine *engine, uint32_t slot);
/* The one place where a level changes: counts, stream. The caller writes the journal. */
void level_set(struct engine *engine, uint32_t slot, enum decide_level level, int64_t expires_us);
void level_clear_alone(struct engine *engine, uint32_t slot);
void level_count(struct engine *engine, uint32_t slot, int step); /* live ones, matched clients */
void level_recount(struct engine *engine, uint32_t slot); /* in its parent prefixes */
bool level_too_wide(struct engine *engine, const struct record *record);

/* engine-stream.c */
void stream_push(struct engine *engine, uint32_t slot, enum engine_op op, enum decide_level level);
void stream_clear(struct engine *engine);
void stream_decision(const struct engine *engine, uint32_t slot, struct engine_decision *ret);

/* engine-journal.c */
void journal_record(struct engine *engine, uint32_t slot);
void journal_forget(struct engine *engine, uint32_t slot);
void journal_state(struct engine *engine);
void journal_undo(struct engine *engine);
void journal_pace(struct engine *engine, int64_t minute, uint32_t count);
void journal_emit(void *context, struct bytes frame); /* context: the engine */

/* engine.c */
int64_t engine_hold_time(struct engine *engine, int64_t now_us);
void engine_raise_alarm(
	struct engine *engine, enum engine_alarm alarm, uint32_t tenant, const struct observable_key *key);
/* Who vetoed what several others prove, or a person, is refuted. */
void engine_refute_vetoes(struct engine *engine, uint32_t slot);

/* engine-actions.c */
size_t engine_forget_collective(struct engine *engine);
