// SPDX-License-Identifier: Apache-2.0
/* How far a record may go: what its reports come to, which bounds hold it back, and the change itself. */
#include <math.h>
#include <string.h>

#include "hub/decide/engine-internal.h"
#include "hub/events/event.h"

#define AGE_THRESHOLD     0.3 /* a decision whose aged belief is below ends */
#define CHALLENGE_BELIEF  0.5
#define FINGERPRINT_SURE  0.95 /* precision of a confirmed campaign's pair of fingerprints */
#define EXTENSIONS_MAX    4
#define REST_S            3600 /* before the same reports may block provisionally again */
#define VETO_S            (7 * 86400) /* as long as an edge knows its good clients */
#define FORGET_S          86400
#define FORGET_OFFENDER_S (30 * 86400)
#define ORDER_SECONDS_MIN 60
#define CHILDREN_56       3
#define CHILDREN_48       4
#define REPORTED_24       8

static const struct decide_class_row *class_of(const struct record *record)
{
	return formula_class(
		record->flags & RECORD_RESIDENTIAL ? DECIDE_RESIDENTIAL : (enum decide_class)record->class);
}

/* The age counts from the report, or from the last time that another voice told of the observable. */
static double age_of(struct engine *engine, const struct record *record, const struct ref *ref)
{
	const struct decide_class_row *row = class_of(record);
	uint32_t from_s = ref->time_s;

	REFS_FOR(engine, record, other)
	{
		if (other->seen_s > from_s && !(other->flags & REF_VETO) &&
			!voice_same(engine, other, ref->tenant, ref->edge))
			from_s = other->seen_s;
	}
	return formula_age((double)engine->now_us / (double)US_PER_S - from_s, row->age_s, row->age_delta);
}

static double users_behind(const struct engine *engine, const struct record *record)
{
	double users = 1;
	struct ip_prefix prefix;

	if (!observable_prefix(&record->key, &prefix))
		return users;
	if (engine->shared)
		users = fmax(users, shared_users(engine->shared, &prefix.addr));
	if (engine->users) {
		users = fmax(users, users_estimate(engine->users, &record->key));
		if (record->key.kind == OBSERVABLE_PREFIX)
			users = fmax(users, (double)users_count_in(engine->users, &record->key));
	}
	return users;
}

static double weigh_report(
	struct engine *engine, const struct record *record, const struct ref *ref, struct assessment *ret)
{
	double trust = reporters_trust(engine->reporters, engine->now_us, ref->tenant);
	double precision, evidence;

	precision = reporters_precision(engine->reporters, engine->now_us, ref->rule);
	evidence = formula_evidence(ref->evidence);
	if (ref->flags & REF_FINGERPRINT) {
		precision = fmax(precision, FINGERPRINT_SURE);
		evidence = formula_evidence(EV_E3);
	}
	if (evidence >= formula_evidence(EV_E3) && trust * precision > ret->trust * ret->precision) {
		ret->trust = trust;
		ret->precision = precision;
		ret->proven_tenant = ref->tenant;
	}
	return formula_weight(trust, evidence, precision, age_of(engine, record, ref));
}

static double weigh_veto(const struct engine *engine, const struct ref *ref)
{
	if (engine->now_us / US_PER_S >= (int64_t)ref->time_s + VETO_S)
		return 0;
	return reporters_trust(engine->reporters, engine->now_us, ref->tenant);
}

/* Of independent voices. */
static double belief_of(const struct voice *voices, size_t count)
{
	double weights[ENGINE_EVIDENCE_MAX];

	for (size_t i = 0; i < count; i++)
		weights[i] = voices[i].weight;
	return formula_belief(weights, count);
}

static enum decide_level bounded_level(const struct engine *engine, const struct record *record, struct assessment *in)
{
	struct formula_case formula = { .belief = in->belief,
		.groups = in->witnesses,
		.users = in->users,
		.proven = in->proven_tenant != 0,
		.trust = in->trust,
		.precision = in->precision };
	enum decide_level level = formula_level(&formula), bound = DECIDE_LONG;
	int64_t now_s = engine->now_us / US_PER_S;

	if (in->vetoed > 0 && in->vetoed >= in->belief)
		return DECIDE_NONE;
	if (record->spared_until_s > now_s)
		bound = DECIDE_WATCH;
	else if (record->key.kind == OBSERVABLE_HASH || record->key.kind == OBSERVABLE_JA4 ||
		 (level == DECIDE_PROVISIONAL && record->level < DECIDE_PROVISIONAL && record->rest_until_s > now_s))
		bound = DECIDE_CHALLENGE;
	return level < bound ? level : bound;
}

void level_assess(struct engine *engine, uint32_t slot, struct assessment *ret)
{
	struct record *record = record_at(engine, slot);
	struct voice vetoes[ENGINE_EVIDENCE_MAX];
	size_t veto_count = 0;

	memset(ret, 0, sizeof(*ret));
	record->evidence = EV_E0;
	REFS_FOR(engine, record, ref)
	{
		bool veto = ref->flags & REF_VETO;
		double weight = veto ? weigh_veto(engine, ref) : weigh_report(engine, record, ref, ret);

		ref->weight = (uint16_t)(weight * UINT16_MAX);
		if (veto)
			vetoes[veto_count++] = (struct voice){ ref, weight };
		else
			ret->voices[ret->count++] = (struct voice){ ref, weight };
		if (!veto && ref->evidence > record->evidence)
			record->evidence = ref->evidence;
	}
	ret->count = voice_pick(engine, ret->voices, ret->count);
	veto_count = voice_pick(engine, vetoes, veto_count);
	for (size_t i = 0; i < ret->count; i++)
		ret->witnesses += ret->voices[i].weight >= FORMULA_WITNESS_MIN;
	ret->belief = belief_of(ret->voices, ret->count);
	ret->vetoed = belief_of(vetoes, veto_count);
	ret->users = users_behind(engine, record);
	ret->level = bounded_level(engine, record, ret);
}

void level_clear_alone(struct engine *engine, uint32_t slot)
{
	REFS_FOR(engine, record_at(engine, slot), ref)
	{
		if (ref->flags & REF_ALONE)
			voice_count_alone(engine, ref, -1);
		ref->flags &= (uint8_t)~REF_ALONE;
	}
}

/* Nobody beyond one or two voices vouches. */
static bool is_alone(const struct record *record, const struct assessment *in)
{
	return in->witnesses < VERIFIED_WITNESSES && !(record->flags & (RECORD_VERIFIED | RECORD_PERSON | RECORD_LIST));
}

static void set_alone(struct engine *engine, const struct record *record, const struct assessment *in)
{
	if (record->level < DECIDE_PROVISIONAL || !is_alone(record, in))
		return;
	for (size_t i = 0; i < in->count; i++) {
		if (in->voices[i].weight < FORMULA_WITNESS_MIN)
			continue;
		in->voices[i].ref->flags |= REF_ALONE;
		voice_count_alone(engine, in->voices[i].ref, 1);
	}
}

static bool alone_room(const struct engine *engine, const struct assessment *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (in->voices[i].weight >= FORMULA_WITNESS_MIN && !(in->voices[i].ref->flags & REF_ALONE) &&
			!voice_alone_room(engine, in->voices[i].ref))
			return false;
	}
	return true;
}

static void stop(struct engine *engine, enum engine_alarm alarm, const struct record *record)
{
	engine->stopped = true;
	engine_raise_alarm(engine, alarm, 0, &record->key);
	journal_state(engine);
}

bool level_too_wide(struct engine *engine, const struct record *record)
{
	size_t all = engine->users ? users_count(engine->users) : 0;
	size_t good = all ? users_count_in(engine->users, &record->key) : 0;

	if (good == 0 || record->level >= DECIDE_PROVISIONAL)
		return false;
	if ((double)good > engine->limits.change_share * (double)all) {
		engine_raise_alarm(engine, ENGINE_ALARM_CHANGE_TOO_WIDE, 0, &record->key);
		return true;
	}
	if ((double)(engine->stats.good_matched + good) > engine->limits.total_share * (double)all) {
		stop(engine, ENGINE_ALARM_TOTAL_TOO_WIDE, record);
		return true;
	}
	return false;
}

static bool pace_exceeded(struct engine *engine, const struct record *record)
{
	uint32_t most = engine->limits.pace_factor * pace_median(&engine->pace);

	if (record->level >= DECIDE_PROVISIONAL)
		return false;
	if (most < engine->limits.pace_floor)
		most = engine->limits.pace_floor;
	if (engine->pace.now < most)
		return false;
	stop(engine, ENGINE_ALARM_PACE, record);
	return true;
}

/* The bounds of the blast radius, the cheap ones first and the one that is used up by asking last. */
static bool may_block(
	struct engine *engine, const struct record *record, enum decide_level level, const struct assessment *in)
{
	if (engine->stopped || pace_exceeded(engine, record)) {
		engine->stats.stopped_refused++;
		return false;
	}
	if (engine_overlaps_decoy(engine, &record->key) || engine_is_allowed(engine, &record->key, record->text) ||
		level_too_wide(engine, record)) {
		engine->stats.wide_refused++;
		return false;
	}
	if (is_alone(record, in) && !alone_room(engine, in)) {
		engine->stats.alone_refused++;
		return false;
	}
	if (level == DECIDE_PROVISIONAL && record->level < DECIDE_PROVISIONAL &&
		!reporters_take_block(engine->reporters, engine->now_us, in->proven_tenant)) {
		engine->stats.budget_refused++;
		return false;
	}
	return true;
}

static int64_t expiry_of(const struct engine *engine, const struct record *record, enum decide_level level)
{
	const struct decide_class_row *row = class_of(record);
	enum decide_class class =
		record->flags & RECORD_RESIDENTIAL ? DECIDE_RESIDENTIAL : (enum decide_class)record->class;
	unsigned int times = record->offences + (record->level < DECIDE_BLOCK);
	double seconds, aged;

	if (level == DECIDE_PROVISIONAL)
		return engine->now_us + FORMULA_PROVISIONAL_S * US_PER_S;
	if (level == DECIDE_LONG)
		seconds = row->longest_s;
	else
		seconds = level == DECIDE_BLOCK ? formula_lifetime_s(class, times) : row->first_s;
	aged = formula_age_until(record->belief, AGE_THRESHOLD, row->age_s, row->age_delta);
	seconds = fmax(fmin(seconds, aged), ORDER_SECONDS_MIN);
	return engine->now_us + (int64_t)(seconds * (double)US_PER_S);
}

/* A challenge that nobody beyond one or two voices vouches for is paid by each of them. */
static enum decide_level bound_challenge(
	struct engine *engine, const struct record *record, const struct assessment *in, enum decide_level level)
{
	if (level != DECIDE_CHALLENGE || record->level >= DECIDE_CHALLENGE || !is_alone(record, in))
		return level;
	for (size_t i = 0; i < in->count; i++) {
		if (in->voices[i].weight < FORMULA_WITNESS_MIN ||
			reporters_take_challenge(engine->reporters, engine->now_us, in->voices[i].ref->tenant))
			continue;
		engine->stats.budget_refused++;
		return DECIDE_WATCH;
	}
	return level;
}

/* Starts the life of a decision anew; a provisional one only a few times. */
static void start_anew(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);
	int64_t expires_us;

	if (record->level == DECIDE_PROVISIONAL && record->extensions++ >= EXTENSIONS_MAX)
		return;
	expires_us = expiry_of(engine, record, record->level);
	if (expires_us > record->expires_us)
		level_set(engine, slot, record->level, expires_us);
}

void level_reconsider(struct engine *engine, uint32_t slot, bool other_group)
{
	struct record *record = record_at(engine, slot);
	struct assessment in;
	enum decide_level level;

	level_assess(engine, slot, &in);
	level = in.level;
	record->users = (uint32_t)in.users;
	if (record->flags & (RECORD_PERSON | RECORD_LIST)) {
		journal_record(engine, slot);
		return;
	}
	record->belief = (float)in.belief;
	if (level > record->level && level >= DECIDE_PROVISIONAL && !may_block(engine, record, level, &in))
		level = in.belief >= CHALLENGE_BELIEF ? DECIDE_CHALLENGE : DECIDE_WATCH;
	level = bound_challenge(engine, record, &in, level);
	if (level > record->level) {
		record->started_us = engine->now_us;
		level_set(engine, slot, level, expiry_of(engine, record, level));
	} else if (other_group && record->level > DECIDE_NONE && level > DECIDE_NONE) {
		start_anew(engine, slot);
	}
	level_clear_alone(engine, slot);
	set_alone(engine, record, &in);
	journal_record(engine, slot);
}

void level_reweigh(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);
	struct assessment in;

	level_assess(engine, slot, &in);
	if (record->level == DECIDE_NONE || record->flags & (RECORD_PERSON | RECORD_LIST)) {
		journal_record(engine, slot);
		return;
	}
	record->belief = (float)in.belief;
	level_clear_alone(engine, slot);
	if (in.level < record->level)
		level_set(engine, slot, in.level, in.level == DECIDE_NONE ? 0 : expiry_of(engine, record, in.level));
	set_alone(engine, record, &in);
	journal_record(engine, slot);
}

void level_count(struct engine *engine, uint32_t slot, int step)
{
	struct record *record = record_at(engine, slot);

	if (record->level != DECIDE_NONE)
		engine->stats.live[record->level] += (size_t)step;
	if (record->level < DECIDE_PROVISIONAL)
		return;
	if (step > 0)
		record->good = engine->users ? (uint32_t)users_count_in(engine->users, &record->key) : 0;
	engine->stats.good_matched += (uint64_t)((int64_t)step * record->good);
}

/* A block over a whole parent prefix, on the evidence of the child that made it full. */
static void lift_to(struct engine *engine, const struct observable_key *key, uint32_t child)
{
	const struct record *from = record_at(engine, child);
	uint32_t slot = record_find(engine, key);
	struct observable parent;
	struct ip_prefix prefix;
	struct record *record;

	if (!observable_prefix(key, &prefix) || (slot != SLAB_NONE && record_at(engine, slot)->level >= DECIDE_BLOCK))
		return;
	observable_of_prefix(&prefix, &parent);
	slot = slot == SLAB_NONE ? record_make(engine, &parent) : slot;
	if (slot == SLAB_NONE)
		return;
	record = record_at(engine, slot);
	record_drop_refs(engine, slot);
	record->class = from->class;
	record->campaign = from->campaign;
	record->first_s = from->first_s;
	record->last_s = from->last_s;
	record->flags |= from->flags & RECORD_VERIFIED;
	REFS_FOR(engine, from, ref)
	{
		struct ref *copy = record_add_ref(engine, slot);
		uint32_t next = copy ? copy->next : SLAB_NONE;

		if (!copy)
			break;
		*copy = *ref;
		copy->next = next;
		copy->flags &= (uint8_t)~REF_ALONE;
	}
	level_reconsider(engine, slot, false);
	if (record->level == DECIDE_NONE)
		record_free(engine, slot);
}

static void propose(struct engine *engine, const struct observable_key *key, struct parent *parent)
{
	struct engine_proposal proposal = { .reported = parent->count, .time_us = engine->now_us };

	if (parent->proposed || !observable_prefix(key, &proposal.prefix) ||
		engine->proposal_count == ENGINE_PROPOSALS_MAX || engine_overlaps_decoy(engine, key) ||
		engine_is_allowed(engine, key, NULL) || record_find(engine, key) != SLAB_NONE)
		return;
	parent->proposed = 1;
	engine->proposals[engine->proposal_count++] = proposal;
	if (engine->callbacks.proposal && !engine->loading)
		engine->callbacks.proposal(engine->callbacks.context, &proposal);
}

static void count_child(struct engine *engine, uint32_t slot, uint8_t length, int step)
{
	struct ip_prefix prefix;
	struct observable_key key;
	struct parent *parent;

	if (!observable_prefix(&record_at(engine, slot)->key, &prefix))
		return;
	prefix = ip_prefix_around(&prefix.addr, length);
	key = observable_key_of_prefix(&prefix);
	parent = step > 0 ? table_insert(engine->parents, &key, NULL) : table_find(engine->parents, &key);
	if (!parent)
		return;
	parent->count += (uint32_t)step;
	if (parent->count == 0 && !parent->proposed)
		table_remove(engine->parents, &key);
	else if (step > 0 && length == 24 && parent->count >= REPORTED_24)
		propose(engine, &key, parent);
	else if (step > 0 && length != 24 && !engine->loading &&
		 parent->count >= (length == 56 ? CHILDREN_56 : CHILDREN_48))
		lift_to(engine, &key, slot);
}

void level_recount(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);
	bool v4 = record->key.family == IP_V4 && record->key.length == 32;
	bool v6 = record->key.family == IP_V6 && record->key.length == 64;
	bool counted = (v4 && record->level >= DECIDE_CHALLENGE) || (v6 && record->level >= DECIDE_BLOCK);
	int step = counted ? 1 : -1;

	if (record->flags & (RECORD_PERSON | RECORD_LIST))
		counted = false;
	if (counted == ((record->flags & RECORD_COUNTED) != 0))
		return;
	record->flags ^= RECORD_COUNTED;
	if (v4) {
		count_child(engine, slot, 24, step);
	} else {
		count_child(engine, slot, 56, step);
		count_child(engine, slot, 48, step);
	}
}

/* When a record that orders nothing may be forgotten. */
static int64_t forget_at(const struct engine *engine, const struct record *record)
{
	int64_t seconds = record->offences ? FORGET_OFFENDER_S : FORGET_S;

	return engine->now_us + seconds * US_PER_S;
}

void level_set(struct engine *engine, uint32_t slot, enum decide_level level, int64_t expires_us)
{
	struct record *record = record_at(engine, slot);
	enum decide_level before = (enum decide_level)record->level;

	if (level == DECIDE_NONE && before == DECIDE_NONE)
		return;
	level_count(engine, slot, -1);
	if (before < DECIDE_PROVISIONAL && level >= DECIDE_PROVISIONAL)
		pace_add(&engine->pace);
	if (before < DECIDE_BLOCK && level >= DECIDE_BLOCK && record->offences < UINT16_MAX)
		record->offences++;
	if (before == DECIDE_NONE) {
		record->serial = ++engine->serial;
		record->started_us = engine->now_us;
	}
	if (level < DECIDE_PROVISIONAL) {
		level_clear_alone(engine, slot);
		record->extensions = 0;
	}
	record->level = (uint8_t)level;
	if (level != DECIDE_NONE) /* what ends tells when it would have ended */
		record->expires_us = expires_us;
	level_count(engine, slot, 1);
	record_set_due(engine, slot, level == DECIDE_NONE ? forget_at(engine, record) : expires_us);
	if (level == DECIDE_NONE)
		stream_push(engine, slot, ENGINE_DELETE, before);
	else
		stream_push(engine, slot, before == DECIDE_NONE ? ENGINE_ADD : ENGINE_CHANGE, level);
	level_recount(engine, slot);
}

static void end_one(struct engine *engine, uint32_t slot)
{
	struct record *record = record_at(engine, slot);
	bool by_order = record->flags & (RECORD_PERSON | RECORD_LIST);

	if (record->level == DECIDE_NONE) {
		record_free(engine, slot);
		return;
	}
	record->flags &= (uint8_t) ~(RECORD_PERSON | RECORD_LIST);
	if (record->level == DECIDE_PROVISIONAL && !by_order) {
		record->rest_until_s = (uint32_t)(engine->now_us / US_PER_S) + REST_S;
		level_set(engine, slot, DECIDE_WATCH, expiry_of(engine, record, DECIDE_WATCH));
	} else {
		level_set(engine, slot, DECIDE_NONE, 0);
	}
	journal_record(engine, slot);
}

void engine_tick(struct engine *engine, int64_t now_us)
{
	int64_t minute;

	now_us = engine_hold_time(engine, now_us);
	minute = now_us / US_PER_MINUTE;
	if (minute != engine->pace.minute) {
		journal_pace(engine, engine->pace.minute, engine->pace.now);
		pace_tick(&engine->pace, minute);
	}
	while (engine->heap_count != 0 && record_at(engine, engine->heap[0])->due_us <= now_us)
		end_one(engine, engine->heap[0]);
}

int engine_hit(struct engine *engine, int64_t now_us, uint64_t id, uint32_t tenant, uint32_t edge)
{
	uint32_t slot;

	engine_tick(engine, now_us);
	slot = record_find_id(engine, id);
	if (slot == SLAB_NONE || !reporters_known(engine->reporters, tenant))
		return LUYTRE_E_NOT_FOUND;
	if (reporters_trust(engine->reporters, engine->now_us, tenant) < FORMULA_WITNESS_MIN ||
		record_at(engine, slot)->level != DECIDE_PROVISIONAL)
		return 0;
	REFS_FOR(engine, record_at(engine, slot), ref)
	{
		if (voice_same(engine, ref, tenant, edge))
			return 0;
	}
	start_anew(engine, slot);
	journal_record(engine, slot);
	return 0;
}
