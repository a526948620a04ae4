// SPDX-License-Identifier: Apache-2.0
#include "hub/decide/reporters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"
#include "hub/decide/formula.h"
#include "hub/decide/journal.h"

#define HALF_LIFE_US  (90.0 * 86400 * 1e6)
#define US_PER_S      INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_S)
#define US_PER_HOUR   (3600 * US_PER_S)
#define HOURS         24
#define MINUTE_MAX    64 /* most provisional blocks a minute that can be set */
#define RULE_SURE     9.0 /* start of a rule that was never named */
#define RULE_WRONG    1.0
#define COUNT_MAX     1e12
#define PAIR_FORGET   0.05 /* a pair's count below this is dropped when room is needed */

/* Confirmed and refuted, as of 'at_us'. */
struct counts {
	double confirmed, refuted;
	int64_t at_us;
};

struct reporter {
	struct reporter_attributes attributes;
	struct counts earned;
	uint32_t group; /* parent in the forest; the root names the group */
	uint32_t alone, group_alone; /* live blocks; group_alone counts at the root */
	uint32_t hour_blocks[HOURS + 1], hour_challenges[HOURS + 1]; /* the present hour and those before it */
	int64_t hour;
	int64_t minute_blocks[MINUTE_MAX]; /* when the last blocks were taken, a ring */
	int64_t challenge_minute;
	uint32_t block_next, challenges; /* position in the ring; challenges in challenge_minute */
	bool silenced;
};

struct rule {
	double start_confirmed, start_refuted;
	struct counts earned;
};

enum pair_kind {
	PAIR_CONFIRM = 1,
	PAIR_REFUTE,
	PAIR_RULE_CONFIRM,
	PAIR_RULE_REFUTE,
	PAIR_WITNESS_CONFIRM,
	PAIR_WITNESS_REFUTE
};

struct pair_key {
	uint64_t kind, left, right;
};

struct pair {
	double count;
	int64_t at_us;
};

struct reporters {
	struct reporters_limits limits;
	struct table *tenants; /* owned: uint32_t to struct reporter pointer, as pointers must last */
	struct table *rules; /* owned: uint64_t to struct rule */
	struct table *pairs; /* owned: struct pair_key to struct pair */
	reporters_changed_fn changed;
	void *context;
	size_t silenced;
	uint64_t budget_refused;
	int64_t now_us; /* of the last sweep of pairs */
};

static const struct {
	double confirmed, refuted;
} enrolments[REPORTER_ENROLMENT_COUNT] = {
#define X(id, word, s, f) { s, f },
	REPORTER_ENROLMENTS(X)
#undef X
};

struct reporters *reporters_new(
	const struct reporters_limits *limits, struct siphash_key key, reporters_changed_fn changed, void *context)
{
	struct reporters *reporters = calloc(1, sizeof(*reporters));

	if (!reporters)
		return NULL;
	reporters->limits = *limits;
	if (reporters->limits.blocks_per_minute > MINUTE_MAX)
		reporters->limits.blocks_per_minute = MINUTE_MAX;
	reporters->changed = changed;
	reporters->context = context;
	reporters->tenants = table_new(sizeof(uint32_t), sizeof(struct reporter *), limits->tenants_max, key);
	reporters->rules = table_new(sizeof(uint64_t), sizeof(struct rule), limits->rules_max, key);
	reporters->pairs = table_new(sizeof(struct pair_key), sizeof(struct pair), limits->pairs_max, key);
	if (!reporters->tenants || !reporters->rules || !reporters->pairs) {
		reporters_free(reporters);
		return NULL;
	}
	return reporters;
}

void reporters_free(struct reporters *reporters)
{
	size_t pos = 0;
	void *value;

	if (!reporters)
		return;
	while (reporters->tenants && table_next(reporters->tenants, &pos, NULL, &value))
		free(*(struct reporter **)value);
	table_free(reporters->tenants);
	table_free(reporters->rules);
	table_free(reporters->pairs);
	free(reporters);
}

static struct reporter *find(const struct reporters *reporters, uint32_t tenant)
{
	struct reporter **slot = table_find(reporters->tenants, &tenant);

	return slot ? *slot : NULL;
}

/* Null at the ceiling. */
static struct reporter *find_or_make(struct reporters *reporters, uint32_t tenant)
{
	struct reporter *reporter = find(reporters, tenant), **slot;

	if (reporter)
		return reporter;
	reporter = calloc(1, sizeof(*reporter));
	slot = reporter ? table_insert(reporters->tenants, &tenant, NULL) : NULL;
	if (!slot) {
		free(reporter);
		return NULL;
	}
	reporter->group = tenant;
	*slot = reporter;
	return reporter;
}

static void put_counts(struct journal_frame *frame, const struct counts *counts)
{
	journal_put_double(frame, counts->confirmed);
	journal_put_double(frame, counts->refuted);
	journal_put_u64(frame, (uint64_t)counts->at_us);
}

static struct bytes tenant_frame(struct journal_frame *frame, uint32_t tenant, const struct reporter *reporter)
{
	journal_begin(frame, REPORTERS_FRAME_TENANT);
	journal_put_u32(frame, tenant);
	journal_put_u8(frame, reporter->attributes.enrolment);
	journal_put_u8(frame, (uint8_t)(reporter->attributes.decoy | reporter->silenced << 1));
	journal_put_u32(frame, reporter->attributes.owner);
	journal_put_u32(frame, reporter->attributes.operator);
	journal_put_u32(frame, reporter->attributes.upstream);
	put_counts(frame, &reporter->earned);
	journal_put_u64(frame, (uint64_t)reporter->hour);
	for (size_t i = 0; i <= HOURS; i++) {
		journal_put_u32(frame, reporter->hour_blocks[i]);
		journal_put_u32(frame, reporter->hour_challenges[i]);
	}
	for (size_t i = 0; i < MINUTE_MAX; i++)
		journal_put_u64(frame, (uint64_t)reporter->minute_blocks[i]);
	journal_put_u64(frame, (uint64_t)reporter->challenge_minute);
	journal_put_u32(frame, reporter->challenges);
	journal_put_u32(frame, reporter->block_next);
	return journal_end(frame);
}

static struct bytes earned_frame(struct journal_frame *frame, uint32_t tenant, const struct reporter *reporter)
{
	journal_begin(frame, REPORTERS_FRAME_EARNED);
	journal_put_u32(frame, tenant);
	put_counts(frame, &reporter->earned);
	return journal_end(frame);
}

static struct bytes rule_frame(struct journal_frame *frame, uint64_t rule_id, const struct rule *rule)
{
	journal_begin(frame, REPORTERS_FRAME_RULE);
	journal_put_u64(frame, rule_id);
	journal_put_double(frame, rule->start_confirmed);
	journal_put_double(frame, rule->start_refuted);
	put_counts(frame, &rule->earned);
	return journal_end(frame);
}

static struct bytes pair_frame(struct journal_frame *frame, const struct pair_key *key, const struct pair *pair)
{
	journal_begin(frame, REPORTERS_FRAME_PAIR);
	journal_put_u64(frame, key->kind);
	journal_put_u64(frame, key->left);
	journal_put_u64(frame, key->right);
	journal_put_double(frame, pair->count);
	journal_put_u64(frame, (uint64_t)pair->at_us);
	return journal_end(frame);
}

static void tenant_changed(struct reporters *reporters, uint32_t tenant, const struct reporter *reporter)
{
	struct journal_frame frame;

	if (reporters->changed)
		reporters->changed(reporters->context, tenant_frame(&frame, tenant, reporter));
}

static uint32_t group_root(const struct reporters *reporters, uint32_t tenant)
{
	struct reporter *reporter = find(reporters, tenant);

	while (reporter && reporter->group != tenant) {
		struct reporter *parent = find(reporters, reporter->group);

		tenant = reporter->group;
		if (!parent)
			break;
		reporter->group = parent->group; /* halves the path */
		reporter = parent;
	}
	return tenant;
}

/* The smaller number becomes the root, so that the order of calls does not matter. */
static void join(struct reporters *reporters, uint32_t left, uint32_t right)
{
	uint32_t a = group_root(reporters, left), b = group_root(reporters, right);
	struct reporter *child = find(reporters, a > b ? a : b);

	if (a == b || !child)
		return;
	child->group = a < b ? a : b;
	find(reporters, child->group)->group_alone += child->group_alone;
}

static void join_above(struct reporters *reporters, uint32_t tenant, const struct reporter_attributes *attributes)
{
	const uint32_t above[] = { attributes->owner, attributes->operator, attributes->upstream };

	for (size_t i = 0; i < ARRAY_COUNT(above); i++) {
		if (above[i] != 0)
			join(reporters, tenant, above[i]);
	}
}

static void join_groups(struct reporters *reporters)
{
	size_t pos = 0;
	const void *key;
	void *value;

	while (table_next(reporters->tenants, &pos, &key, &value)) {
		struct reporter *reporter = *(struct reporter **)value;

		reporter->group = *(const uint32_t *)key;
		reporter->group_alone = reporter->alone;
	}
	pos = 0;
	while (table_next(reporters->tenants, &pos, &key, &value))
		join_above(reporters, *(const uint32_t *)key, &(*(struct reporter **)value)->attributes);
}

/* An organisation above others is a node of the forest even before it is enrolled itself: it has no weight then. */
static bool make_nodes_above(struct reporters *reporters, const struct reporter_attributes *attributes)
{
	const uint32_t above[] = { attributes->owner, attributes->operator, attributes->upstream };

	for (size_t i = 0; i < ARRAY_COUNT(above); i++) {
		struct reporter *node = above[i] == 0 ? NULL : find(reporters, above[i]);

		if (above[i] == 0 || node)
			continue;
		node = find_or_make(reporters, above[i]);
		if (!node)
			return false;
		node->attributes.enrolment = REPORTER_ENROLMENT_COUNT;
	}
	return true;
}

static bool is_same(const struct reporter_attributes *left, const struct reporter_attributes *right)
{
	return left->enrolment == right->enrolment && left->decoy == right->decoy && left->owner == right->owner &&
	       left->operator== right->operator&& left->upstream == right->upstream;
}

int reporters_set(struct reporters *reporters, uint32_t tenant, const struct reporter_attributes *attributes)
{
	struct reporter *reporter = find(reporters, tenant);
	bool regroup, joined;

	if (tenant == 0 || attributes->enrolment >= REPORTER_ENROLMENT_COUNT)
		return LUYTRE_E_INVALID;
	/* Whoever tells of all tenants because one has changed must not fill the journal with the others. */
	if (reporter && is_same(&reporter->attributes, attributes))
		return 0;
	reporter = find_or_make(reporters, tenant);
	if (!reporter || !make_nodes_above(reporters, attributes))
		return LUYTRE_E_FULL;
	joined = reporter->attributes.owner || reporter->attributes.operator|| reporter->attributes.upstream;
	regroup = joined && memcmp(&reporter->attributes.owner, &attributes->owner, 3 * sizeof(uint32_t)) != 0;
	reporter->attributes = *attributes;
	if (regroup)
		join_groups(reporters);
	else
		join_above(reporters, tenant, attributes);
	tenant_changed(reporters, tenant, reporter);
	return 0;
}

static struct rule *find_or_make_rule(struct reporters *reporters, uint64_t rule_id)
{
	bool created;
	struct rule *rule = table_insert(reporters->rules, &rule_id, &created);

	if (rule && created)
		*rule = (struct rule){ .start_confirmed = RULE_SURE, .start_refuted = RULE_WRONG };
	return rule;
}

static void rule_changed(struct reporters *reporters, uint64_t rule_id, const struct rule *rule)
{
	struct journal_frame frame;

	if (reporters->changed)
		reporters->changed(reporters->context, rule_frame(&frame, rule_id, rule));
}

int reporters_rule_set(struct reporters *reporters, uint64_t rule_id, double confirmed, double refuted)
{
	struct rule *rule;

	if (!(confirmed >= 0 && confirmed <= COUNT_MAX) || !(refuted >= 0 && refuted <= COUNT_MAX))
		return LUYTRE_E_INVALID;
	rule = find_or_make_rule(reporters, rule_id);
	if (!rule)
		return LUYTRE_E_FULL;
	rule->start_confirmed = confirmed;
	rule->start_refuted = refuted;
	rule_changed(reporters, rule_id, rule);
	return 0;
}

bool reporters_known(const struct reporters *reporters, uint32_t tenant)
{
	const struct reporter *reporter = find(reporters, tenant);

	return reporter && reporter->attributes.enrolment < REPORTER_ENROLMENT_COUNT;
}

bool reporters_is_decoy(const struct reporters *reporters, uint32_t tenant)
{
	const struct reporter *reporter = find(reporters, tenant);

	return reporter && reporter->attributes.decoy && !reporter->silenced;
}

static double remaining(int64_t now_us, int64_t at_us)
{
	return now_us > at_us ? exp2(-(double)(now_us - at_us) / HALF_LIFE_US) : 1;
}

double reporters_trust(const struct reporters *reporters, int64_t now_us, uint32_t tenant)
{
	const struct reporter *reporter = find(reporters, tenant);
	double left;
	unsigned int enrolment;

	if (!reporter || reporter->silenced || reporter->attributes.enrolment >= REPORTER_ENROLMENT_COUNT)
		return 0;
	enrolment = reporter->attributes.enrolment;
	left = remaining(now_us, reporter->earned.at_us);
	return formula_wilson(enrolments[enrolment].confirmed + left * reporter->earned.confirmed,
		enrolments[enrolment].refuted + left * reporter->earned.refuted);
}

double reporters_precision(const struct reporters *reporters, int64_t now_us, uint64_t rule_id)
{
	const struct rule *rule = table_find(reporters->rules, &rule_id);
	double left;

	if (!rule)
		return formula_wilson(RULE_SURE, RULE_WRONG);
	left = remaining(now_us, rule->earned.at_us);
	return formula_wilson(rule->start_confirmed + left * rule->earned.confirmed,
		rule->start_refuted + left * rule->earned.refuted);
}

uint32_t reporters_group(const struct reporters *reporters, uint32_t tenant)
{
	return group_root(reporters, tenant);
}

static bool pair_is_old(const void *key, void *value, void *context)
{
	const struct reporters *reporters = context;
	const struct pair *pair = value;

	return pair->count * remaining(reporters->now_us, pair->at_us) < PAIR_FORGET;
}

/* What the next statement of the pair is worth: 1, 1/2, 1/3 ... Without room for the pair, nothing. */
static double pair_worth(
	struct reporters *reporters, int64_t now_us, enum pair_kind kind, uint64_t left, uint64_t right)
{
	struct pair_key key = { kind, left, right };
	struct journal_frame frame;
	struct pair *pair;
	size_t pos = 0;
	double count;

	if (table_count(reporters->pairs) >= reporters->limits.pairs_max && now_us - reporters->now_us > US_PER_HOUR) {
		reporters->now_us = now_us;
		table_sweep(reporters->pairs, &pos, SIZE_MAX, pair_is_old, reporters);
	}
	pair = table_insert(reporters->pairs, &key, NULL);
	if (!pair)
		return 0;
	count = pair->count * remaining(now_us, pair->at_us);
	pair->count = count + 1;
	pair->at_us = now_us;
	if (reporters->changed)
		reporters->changed(reporters->context, pair_frame(&frame, &key, pair));
	return 1 / (1 + count);
}

static void counts_add(struct counts *counts, int64_t now_us, double confirmed, double refuted)
{
	double left = remaining(now_us, counts->at_us);

	counts->confirmed = counts->confirmed * left + confirmed;
	counts->refuted = counts->refuted * left + refuted;
	counts->at_us = now_us;
}

static void earn(struct reporters *reporters, int64_t now_us, uint32_t tenant, uint64_t rule_id, uint32_t witness,
	double weight, bool good)
{
	struct reporter *reporter = find(reporters, tenant);
	struct journal_frame frame;
	struct rule *rule;
	double worth = weight;

	if (!reporter || weight <= 0)
		return;
	if (witness != 0)
		worth *= pair_worth(reporters, now_us, good ? PAIR_CONFIRM : PAIR_REFUTE,
			reporters_group(reporters, tenant), reporters_group(reporters, witness));
	counts_add(&reporter->earned, now_us, good ? worth : 0, good ? 0 : worth);
	if (reporters->changed)
		reporters->changed(reporters->context, earned_frame(&frame, tenant, reporter));

	rule = rule_id == 0 ? NULL : find_or_make_rule(reporters, rule_id);
	if (!rule)
		return;
	worth = pair_worth(reporters, now_us, good ? PAIR_RULE_CONFIRM : PAIR_RULE_REFUTE, rule_id,
		reporters_group(reporters, tenant));
	if (witness != 0)
		worth = fmin(worth, pair_worth(reporters, now_us, good ? PAIR_WITNESS_CONFIRM : PAIR_WITNESS_REFUTE,
					    rule_id, reporters_group(reporters, witness)));
	worth *= weight;
	counts_add(&rule->earned, now_us, good ? worth : 0, good ? 0 : worth);
	rule_changed(reporters, rule_id, rule);
}

void reporters_confirm(
	struct reporters *reporters, int64_t now_us, uint32_t tenant, uint64_t rule, uint32_t witness, double weight)
{
	earn(reporters, now_us, tenant, rule, witness, weight, true);
}

void reporters_refute(
	struct reporters *reporters, int64_t now_us, uint32_t tenant, uint64_t rule, uint32_t witness, double weight)
{
	earn(reporters, now_us, tenant, rule, witness, weight, false);
}

bool reporters_silence(struct reporters *reporters, uint32_t tenant, bool silent)
{
	struct reporter *reporter = find(reporters, tenant);

	if (!reporter)
		return false;
	if (reporter->silenced == silent)
		return true;
	reporter->silenced = silent;
	reporters->silenced += silent ? 1 : (size_t)-1;
	tenant_changed(reporters, tenant, reporter);
	return true;
}

static void turn_hours(struct reporter *reporter, int64_t now_us)
{
	int64_t hour = now_us / US_PER_HOUR;

	for (int turned = 0; reporter->hour < hour && turned <= HOURS; turned++, reporter->hour++) {
		memmove(reporter->hour_blocks + 1, reporter->hour_blocks, HOURS * sizeof(uint32_t));
		memmove(reporter->hour_challenges + 1, reporter->hour_challenges, HOURS * sizeof(uint32_t));
		reporter->hour_blocks[0] = 0;
		reporter->hour_challenges[0] = 0;
	}
	if (reporter->hour < hour)
		reporter->hour = hour;
}

static uint32_t sum_hours(const uint32_t *hours)
{
	uint32_t sum = 0;

	for (size_t i = 0; i <= HOURS; i++)
		sum += hours[i];
	return sum;
}

enum spent { SPENT_BLOCK = 1, SPENT_CHALLENGE };

/* The ring holds as many times as fit into a minute: the oldest must lie a minute back. */
static int64_t *oldest_block(const struct reporters *reporters, struct reporter *reporter)
{
	return &reporter->minute_blocks[reporter->block_next % reporters->limits.blocks_per_minute];
}

static void spend(struct reporters *reporters, struct reporter *reporter, int64_t now_us, enum spent what)
{
	int64_t minute = now_us / US_PER_MINUTE;

	turn_hours(reporter, now_us);
	if (what == SPENT_BLOCK) {
		*oldest_block(reporters, reporter) = now_us;
		reporter->block_next = (reporter->block_next + 1) % reporters->limits.blocks_per_minute;
		reporter->hour_blocks[0]++;
		return;
	}
	if (reporter->challenge_minute != minute) {
		reporter->challenge_minute = minute;
		reporter->challenges = 0;
	}
	reporter->challenges++;
	reporter->hour_challenges[0]++;
}

static void spend_and_tell(struct reporters *reporters, uint32_t tenant, int64_t now_us, enum spent what)
{
	struct journal_frame frame;

	spend(reporters, find(reporters, tenant), now_us, what);
	if (!reporters->changed)
		return;
	journal_begin(&frame, REPORTERS_FRAME_SPENT);
	journal_put_u32(&frame, tenant);
	journal_put_u8(&frame, (uint8_t)what);
	journal_put_u64(&frame, (uint64_t)now_us);
	reporters->changed(reporters->context, journal_end(&frame));
}

bool reporters_take_block(struct reporters *reporters, int64_t now_us, uint32_t tenant)
{
	struct reporter *reporter = find(reporters, tenant);
	int64_t oldest_us;

	if (!reporter || reporters->limits.blocks_per_minute == 0)
		return false;
	turn_hours(reporter, now_us);
	oldest_us = *oldest_block(reporters, reporter);
	if ((oldest_us != 0 && now_us - oldest_us < US_PER_MINUTE) ||
		sum_hours(reporter->hour_blocks) >= reporters->limits.blocks_per_day) {
		reporters->budget_refused++;
		return false;
	}
	spend_and_tell(reporters, tenant, now_us, SPENT_BLOCK);
	return true;
}

bool reporters_take_challenge(struct reporters *reporters, int64_t now_us, uint32_t tenant)
{
	struct reporter *reporter = find(reporters, tenant);
	uint32_t present;

	if (!reporter)
		return false;
	turn_hours(reporter, now_us);
	present = reporter->challenge_minute == now_us / US_PER_MINUTE ? reporter->challenges : 0;
	if (present >= reporters->limits.challenges_per_minute ||
		sum_hours(reporter->hour_challenges) >= reporters->limits.challenges_per_day) {
		reporters->budget_refused++;
		return false;
	}
	spend_and_tell(reporters, tenant, now_us, SPENT_CHALLENGE);
	return true;
}

uint32_t reporters_alone(const struct reporters *reporters, uint32_t tenant)
{
	const struct reporter *root = find(reporters, reporters_group(reporters, tenant));

	return root ? root->group_alone : 0;
}

bool reporters_alone_room(const struct reporters *reporters, uint32_t tenant)
{
	return reporters_alone(reporters, tenant) < reporters->limits.alone_max;
}

void reporters_alone_add(struct reporters *reporters, uint32_t tenant, int step)
{
	struct reporter *reporter = find(reporters, tenant);
	struct reporter *root = find(reporters, reporters_group(reporters, tenant));

	if (!reporter || !root)
		return;
	reporter->alone += (uint32_t)step;
	root->group_alone += (uint32_t)step;
}

void reporters_save(const struct reporters *reporters, reporters_changed_fn write, void *context)
{
	struct journal_frame frame;
	size_t pos = 0;
	const void *key;
	void *value;

	while (table_next(reporters->tenants, &pos, &key, &value))
		write(context, tenant_frame(&frame, *(const uint32_t *)key, *(struct reporter **)value));
	pos = 0;
	while (table_next(reporters->rules, &pos, &key, &value))
		write(context, rule_frame(&frame, *(const uint64_t *)key, value));
	pos = 0;
	while (table_next(reporters->pairs, &pos, &key, &value))
		write(context, pair_frame(&frame, key, value));
}

/* Neither negative nor infinite nor no number. */
static bool is_count(double value)
{
	return value >= 0 && value <= COUNT_MAX;
}

static bool get_counts(struct cursor *cur, struct counts *ret)
{
	return journal_get_double(cur, &ret->confirmed) && journal_get_double(cur, &ret->refuted) &&
	       journal_get_i64(cur, &ret->at_us) && is_count(ret->confirmed) && is_count(ret->refuted);
}

static bool get_tenant(struct cursor *cur, uint32_t *ret_tenant, struct reporter *ret)
{
	uint8_t flags = 0;
	bool fine = cursor_u32le(cur, ret_tenant) && cursor_u8(cur, &ret->attributes.enrolment) &&
		    cursor_u8(cur, &flags) && cursor_u32le(cur, &ret->attributes.owner) &&
		    cursor_u32le(cur, &ret->attributes.operator) && cursor_u32le(cur, &ret->attributes.upstream) &&
		    get_counts(cur, &ret->earned) && journal_get_i64(cur, &ret->hour);

	for (size_t i = 0; fine && i <= HOURS; i++)
		fine = cursor_u32le(cur, &ret->hour_blocks[i]) && cursor_u32le(cur, &ret->hour_challenges[i]);
	for (size_t i = 0; fine && i < MINUTE_MAX; i++)
		fine = journal_get_i64(cur, &ret->minute_blocks[i]);
	fine = fine && journal_get_i64(cur, &ret->challenge_minute) && cursor_u32le(cur, &ret->challenges) &&
	       cursor_u32le(cur, &ret->block_next);
	ret->attributes.decoy = flags & 1;
	ret->silenced = flags >> 1 & 1;
	return fine && *ret_tenant != 0 && ret->attributes.enrolment <= REPORTER_ENROLMENT_COUNT;
}

static bool load_tenant(struct reporters *reporters, struct cursor *cur)
{
	struct reporter loaded = { 0 }, *reporter;
	uint32_t tenant;

	if (!get_tenant(cur, &tenant, &loaded))
		return false;
	reporter = find_or_make(reporters, tenant);
	if (!reporter)
		return true;
	reporters->silenced += (size_t)loaded.silenced - (size_t)reporter->silenced;
	loaded.group = reporter->group;
	*reporter = loaded;
	return true;
}

static bool load_earned(struct reporters *reporters, struct cursor *cur)
{
	struct reporter *reporter;
	struct counts earned;
	uint32_t tenant;

	if (!cursor_u32le(cur, &tenant) || !get_counts(cur, &earned))
		return false;
	reporter = find(reporters, tenant);
	if (reporter)
		reporter->earned = earned;
	return true;
}

static bool load_spent(struct reporters *reporters, struct cursor *cur)
{
	struct reporter *reporter;
	uint32_t tenant;
	int64_t now_us;
	uint8_t what;

	if (!cursor_u32le(cur, &tenant) || !cursor_u8(cur, &what) || !journal_get_i64(cur, &now_us) || now_us < 0 ||
		(what != SPENT_BLOCK && what != SPENT_CHALLENGE))
		return false;
	reporter = find(reporters, tenant);
	if (reporter && reporters->limits.blocks_per_minute != 0)
		spend(reporters, reporter, now_us, (enum spent)what);
	return true;
}

static bool load_rule(struct reporters *reporters, struct cursor *cur)
{
	struct rule loaded = { 0 }, *rule;
	uint64_t rule_id;

	if (!cursor_u64le(cur, &rule_id) || !journal_get_double(cur, &loaded.start_confirmed) ||
		!journal_get_double(cur, &loaded.start_refuted) || !get_counts(cur, &loaded.earned) ||
		!is_count(loaded.start_confirmed) || !is_count(loaded.start_refuted))
		return false;
	rule = find_or_make_rule(reporters, rule_id);
	if (rule)
		*rule = loaded;
	return true;
}

static bool load_pair(struct reporters *reporters, struct cursor *cur)
{
	struct pair loaded, *pair;
	struct pair_key key;

	if (!cursor_u64le(cur, &key.kind) || !cursor_u64le(cur, &key.left) || !cursor_u64le(cur, &key.right) ||
		!journal_get_double(cur, &loaded.count) || !journal_get_i64(cur, &loaded.at_us) ||
		!is_count(loaded.count))
		return false;
	pair = table_insert(reporters->pairs, &key, NULL);
	if (pair)
		*pair = loaded;
	return true;
}

bool reporters_load(struct reporters *reporters, uint8_t type, struct bytes payload)
{
	struct cursor cur = cursor_over(payload);

	switch (type) {
	case REPORTERS_FRAME_TENANT:
		return load_tenant(reporters, &cur);
	case REPORTERS_FRAME_EARNED:
		return load_earned(reporters, &cur);
	case REPORTERS_FRAME_SPENT:
		return load_spent(reporters, &cur);
	case REPORTERS_FRAME_RULE:
		return load_rule(reporters, &cur);
	case REPORTERS_FRAME_PAIR:
		return load_pair(reporters, &cur);
	default:
		return false;
	}
}

void reporters_settle(struct reporters *reporters)
{
	size_t pos = 0, silenced = 0;
	void *value;

	while (table_next(reporters->tenants, &pos, NULL, &value)) {
		struct reporter *reporter = *(struct reporter **)value;

		reporter->alone = 0;
		silenced += reporter->silenced;
	}
	reporters->silenced = silenced;
	/* Nodes above may come later in the journal than those below, or be lost with its end. */
	pos = 0;
	while (table_next(reporters->tenants, &pos, NULL, &value)) {
		struct reporter_attributes attributes = (*(struct reporter **)value)->attributes;
		size_t before = table_count(reporters->tenants);

		if (make_nodes_above(reporters, &attributes) && table_count(reporters->tenants) != before)
			pos = 0;
	}
	join_groups(reporters);
}

void reporters_stats(const struct reporters *reporters, struct reporters_stats *ret)
{
	*ret = (struct reporters_stats){ .tenants = table_count(reporters->tenants),
		.rules = table_count(reporters->rules),
		.pairs = table_count(reporters->pairs),
		.silenced = reporters->silenced,
		.budget_refused = reporters->budget_refused };
}
