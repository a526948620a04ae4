// SPDX-License-Identifier: Apache-2.0
/* Sums over sheets. Each is read once, judged, added and forgotten: memory goes with the number of systems, not with what they say. */
#include <stdlib.h>

#include "hub/assess/internal.h"
#include "hub/tenants/tree.h"

const char *const assess_group_words[ASSESS_GROUP_COUNT] = {
#define X(id, word) word,
	ASSESS_GROUPS(X)
#undef X
};

enum { SUMS_MAX = ASSESS_SYSTEMS_MAX + 1 };

/* ---- All sheets of the scope, judged ---- */

/* Which systems an assessment has. */
struct roster {
	const struct scope *scope;
	uint32_t *systems, *tenants, *levels; /* owned */
	size_t count, room;
};

static void roster_done(struct roster *roster)
{
	free(roster->systems);
	free(roster->tenants);
	free(roster->levels);
}

static int row_roster(void *context, const struct db_value *columns, size_t column_count)
{
	struct roster *roster = context;

	if (!scope_has(roster->scope, (uint32_t)columns[1].integer))
		return 0;
	if (roster->count == roster->room)
		return LUYTRE_E_FULL;
	roster->systems[roster->count] = (uint32_t)columns[0].integer;
	roster->tenants[roster->count] = (uint32_t)columns[1].integer;
	roster->levels[roster->count++] = (uint32_t)columns[2].integer;
	return 0;
}

static int roster_load(const struct assess_call *call, const struct assessment *assessment, struct roster *ret)
{
	size_t room = assessment->systems;

	*ret = (struct roster){ .scope = call->scope,
		.systems = calloc(room + 1, sizeof(uint32_t)),
		.tenants = calloc(room + 1, sizeof(uint32_t)),
		.levels = calloc(room + 1, sizeof(uint32_t)),
		.room = room };
	if (!ret->systems || !ret->tenants || !ret->levels)
		return LUYTRE_E_NOMEM;
	return db_each(call->db,
		"select system, tenant, level from assessment_sheet where assessment = ?1 order by system",
		DB_ARGS(db_i64(assessment->id)), row_roster, ret);
}

/* By one profile: the assessment's, or the one beside it, which borrows what was said of the first. */
static int judge_by(const struct judge_case *as, const struct law_profile *profile, const struct law_profile *other,
	judge_fn fn, void *context)
{
	struct judge_case of = *as;

	of.profile = profile;
	of.other = other;
	return profile ? judge(&of, fn, context) : LUYTRE_E_VERSION;
}

static int judge_sheet(const struct assess_call *call, const struct assessment *assessment,
	const struct assess_sheet *sheet, const struct judge_evidence *evidence, struct staff *staff,
	const judge_fn fns[2], void *context)
{
	const struct law_profile *profile = law_profile_find(call->law, assessment->profile);
	struct judge_case of = { .level = sheet->level,
		.deadline_us = assessment->deadline_us,
		.now_us = call->origin->now_us,
		.is_signed = sheet->signature == ASSESS_GOOD,
		.answers = sheet->answers,
		.evidence = evidence };
	int error = 0;

	if (!bytes_empty(sheet->staff)) {
		error = staff_parse(sheet->staff, staff);
		of.staff = staff;
	}
	if (!error)
		error = judge_by(&of, profile, NULL, fns[0], context);
	if (!error && assessment->second[0] && fns[1])
		error = judge_by(&of, law_profile_find(call->law, assessment->second), profile, fns[1], context);
	return error;
}

int assess_judge(const struct assess_call *call, const struct assessment *assessment, const struct assess_sheet *sheet,
	judge_fn fn, judge_fn second, void *context)
{
	struct staff *staff = malloc(sizeof(*staff));
	struct assess_evidence evidence;
	int error;

	if (!staff)
		return LUYTRE_E_NOMEM;
	error = assess_evidence_load(call, &sheet->system, &sheet->tenant, &sheet->level, 1, &evidence);
	if (!error)
		error = excuses_load(call, assessment->id, &evidence);
	if (!error)
		error = judge_sheet(
			call, assessment, sheet, evidence.items, staff, (const judge_fn[2]){ fn, second }, context);
	assess_evidence_done(&evidence);
	free(staff);
	return error;
}

/* Each sheet with its obligations. */
struct walk {
	const struct assess_call *call;
	const struct assessment *assessment;
	const struct law_profile *profile;
	struct roster roster;
	struct assess_evidence evidence;
	struct staff *staff; /* owned; room for one */
	size_t at;
	int (*begin)(void *context, const struct assess_sheet *sheet); /* may be null */
	judge_fn fns[2]; /* by the first profile, by the second (may be null) */
	int (*end)(void *context, const struct assess_sheet *sheet); /* may be null */
	void *context;
};

static int walk_sheet(void *context, const struct assess_sheet *sheet)
{
	struct walk *walk = context;
	int error = 0;

	while (walk->at < walk->roster.count && walk->roster.systems[walk->at] < sheet->system)
		walk->at++;
	if (walk->at == walk->roster.count || walk->roster.systems[walk->at] != sheet->system)
		return 0; /* came meanwhile */
	if (walk->begin)
		error = walk->begin(walk->context, sheet);
	if (!error)
		error = judge_sheet(walk->call, walk->assessment, sheet, &walk->evidence.items[walk->at], walk->staff,
			walk->fns, walk->context);
	if (!error && walk->end)
		error = walk->end(walk->context, sheet);
	return error;
}

static int walk_all(struct walk *walk)
{
	int error = roster_load(walk->call, walk->assessment, &walk->roster);

	walk->profile = law_profile_find(walk->call->law, walk->assessment->profile);
	walk->staff = malloc(sizeof(*walk->staff));
	if (!error && !walk->profile)
		error = LUYTRE_E_VERSION;
	if (!error && !walk->staff)
		error = LUYTRE_E_NOMEM;
	if (!error) {
		error = assess_evidence_load(walk->call, walk->roster.systems, walk->roster.tenants,
			walk->roster.levels, walk->roster.count, &walk->evidence);
		if (!error)
			error = excuses_load(walk->call, walk->assessment->id, &walk->evidence);
		if (!error)
			error = assess_sheet_each(walk->call, walk->assessment->id, 0, UINT32_MAX, walk_sheet, walk);
		assess_evidence_done(&walk->evidence);
	}
	roster_done(&walk->roster);
	free(walk->staff);
	return error;
}

/* ---- Sums ---- */

struct sums {
	enum assess_group group;
	uint32_t root;
	const struct tenants_tree *tree; /* of branches */
	const struct law_profile *profiles[2]; /* the second may be null */
	struct assess_sum *items; /* owned, by key */
	size_t count, room;
	struct assess_sum total;
	struct judge_sum sheets[2]; /* of the one that is read */
	uint8_t open[2][LAW_CONTROLS_MAX];
};

/* The group of the key, made where there is none; null: no memory. */
static struct assess_sum *sum_of(struct sums *sums, uint32_t key)
{
	size_t low = 0, high = sums->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sums->items[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < sums->count && sums->items[low].key == key)
		return &sums->items[low];
	if (sums->count == sums->room) {
		size_t room = sums->room ? 2 * sums->room : 64;
		struct assess_sum *items = sums->count >= SUMS_MAX ? NULL : realloc(sums->items, room * sizeof(*items));

		if (!items)
			return NULL;
		sums->items = items;
		sums->room = room;
	}
	memmove(&sums->items[low + 1], &sums->items[low], (sums->count - low) * sizeof(*sums->items));
	sums->count++;
	sums->items[low] = (struct assess_sum){ .key = key };
	return &sums->items[low];
}

/* The tenant below the root that this one stands under. */
static uint32_t branch_of(const struct sums *sums, uint32_t tenant)
{
	uint32_t parent;

	while ((parent = tenants_tree_parent(sums->tree, tenant)) != sums->root && parent && tenant != sums->root)
		tenant = parent;
	return tenant;
}

static uint32_t key_of(const struct sums *sums, const struct assess_sheet *sheet)
{
	switch (sums->group) {
	case ASSESS_BY_LEVEL:
		return sheet->level;
	case ASSESS_BY_SECTOR:
		return sheet->sector;
	case ASSESS_BY_PROVINCE:
		return sheet->province;
	case ASSESS_BY_TENANT:
		return sheet->tenant;
	case ASSESS_BY_BRANCH:
		return branch_of(sums, sheet->tenant);
	case ASSESS_BY_SYSTEM:
		return sheet->system;
	default:
		return 0;
	}
}

static bool is_split(const struct sums *sums)
{
	return sums->group == ASSESS_BY_GROUP || sums->group == ASSESS_BY_PART;
}

static int begin_sheet(void *context, const struct assess_sheet *sheet)
{
	struct sums *sums = context;

	memset(sums->open, 0, sizeof(sums->open));
	sums->sheets[0] = (struct judge_sum){ .systems = 1,
		.submitted = sheet->state == ASSESS_SUBMITTED,
		.signed_good = sheet->signature == ASSESS_GOOD,
		.signed_broken = sheet->signature == ASSESS_BROKEN };
	sums->sheets[1] = sums->profiles[1] ? sums->sheets[0] : (struct judge_sum){ 0 };
	return 0;
}

static int take(struct sums *sums, unsigned int which, const struct judged *judged)
{
	const struct law_control *control = &sums->profiles[which]->controls[judged->control];
	struct assess_sum *sum;

	judge_sum_take(&sums->sheets[which], judged);
	sums->open[which][judged->control] = judged->state == JUDGE_OVERDUE || judged->state == JUDGE_CONTRADICTED;
	if (!is_split(sums))
		return 0;
	sum = sum_of(sums, (sums->group == ASSESS_BY_GROUP ? control->group : control->part) +
				   (which ? (uint32_t)ASSESS_SECOND_KEY : 0));
	if (!sum)
		return LUYTRE_E_NOMEM;
	judge_sum_take(which ? &sum->second : &sum->sum, judged);
	return 0;
}

static int take_first(void *context, const struct judged *judged)
{
	return take(context, 0, judged);
}

static int take_second(void *context, const struct judged *judged)
{
	return take(context, 1, judged);
}

static int end_sheet(void *context, const struct assess_sheet *sheet)
{
	struct sums *sums = context;
	struct assess_sum *sum;

	for (unsigned int i = 0; i < ARRAY_COUNT(sums->sheets); i++)
		if (sums->profiles[i])
			judge_sum_penalties(&sums->sheets[i], sums->profiles[i], sheet->level, sums->open[i]);
	judge_sum_add(&sums->total.sum, &sums->sheets[0]);
	judge_sum_add(&sums->total.second, &sums->sheets[1]);
	if (is_split(sums))
		return 0;
	sum = sum_of(sums, key_of(sums, sheet));
	if (!sum)
		return LUYTRE_E_NOMEM;
	judge_sum_add(&sum->sum, &sums->sheets[0]);
	judge_sum_add(&sum->second, &sums->sheets[1]);
	return 0;
}

int assess_rollup(const struct assess_call *call, const struct assessment *assessment, enum assess_group group,
	uint32_t root, struct assess_sum **ret, size_t *ret_count, struct assess_sum *ret_total)
{
	struct sums *sums = calloc(1, sizeof(*sums));
	struct walk walk = { .call = call,
		.assessment = assessment,
		.begin = begin_sheet,
		.fns = { take_first, take_second },
		.end = end_sheet,
		.context = sums };
	struct tenants_tree *tree = NULL;
	int error = sums ? 0 : LUYTRE_E_NOMEM;

	if (!error && group == ASSESS_BY_BRANCH)
		error = tenants_tree_load(call->db, &tree);
	if (!error) {
		sums->group = group;
		sums->root = root;
		sums->tree = tree;
		sums->profiles[0] = law_profile_find(call->law, assessment->profile);
		sums->profiles[1] = law_profile_find(call->law, assessment->second);
		error = walk_all(&walk);
	}
	tenants_tree_unref(tree);
	if (!error) {
		*ret = sums->items;
		*ret_count = sums->count;
		*ret_total = sums->total;
	} else if (sums) {
		free(sums->items);
	}
	free(sums);
	return error;
}

/* ---- Proposals ---- */

struct proposals {
	const struct law_profile *profile;
	struct assess_proposal items[LAW_CONTROLS_MAX];
};

static int propose(void *context, const struct judged *judged)
{
	struct proposals *proposals = context;
	struct assess_proposal *item = &proposals->items[judged->control];

	if (judged->state != JUDGE_OVERDUE && judged->state != JUDGE_CONTRADICTED)
		return 0;
	item->systems++;
	item->principal++;
	item->contradicted += judged->state == JUDGE_CONTRADICTED;
	item->paper_gap += judged->paper_gap;
	item->interest += judged->interest;
	return 0;
}

static int compare_proposals(const void *left, const void *right)
{
	const struct assess_proposal *a = left, *b = right;

	if (a->interest != b->interest)
		return a->interest > b->interest ? -1 : 1;
	if (a->systems != b->systems)
		return a->systems > b->systems ? -1 : 1;
	return (a->control > b->control) - (a->control < b->control);
}

/* What the platform does itself that settles the control. */
static const struct law_proof *shared_of(const struct law_profile *profile, uint16_t control)
{
	for (size_t i = 0; i < profile->proof_count; i++) {
		enum law_fact fact = profile->proofs[i].fact;

		if ((fact == LAW_FACT_SHIELD || fact == LAW_FACT_SENSOR || fact == LAW_FACT_GATE ||
			    fact == LAW_FACT_EVENTS_KEPT || fact == LAW_FACT_KEV_KNOWN) &&
			law_set_has(&profile->proofs[i].controls, control))
			return &profile->proofs[i];
	}
	return NULL;
}

int assess_proposals(const struct assess_call *call, const struct assessment *assessment, size_t limit,
	struct assess_proposal **ret, size_t *ret_count, size_t *ret_total)
{
	struct proposals *proposals = calloc(1, sizeof(*proposals));
	struct walk walk = { .call = call, .assessment = assessment, .fns = { propose }, .context = proposals };
	size_t count = 0;
	int error = proposals ? 0 : LUYTRE_E_NOMEM;

	if (!error)
		error = walk_all(&walk);
	if (error) {
		free(proposals);
		return error;
	}
	for (size_t i = 0; i < walk.profile->control_count; i++) {
		if (!proposals->items[i].systems)
			continue;
		proposals->items[count] = proposals->items[i];
		proposals->items[count].control = (uint16_t)i;
		proposals->items[count++].shared = shared_of(walk.profile, (uint16_t)i);
	}
	qsort(proposals->items, count, sizeof(*proposals->items), compare_proposals);
	*ret_total = count;
	*ret_count = count < limit ? count : limit;
	*ret = malloc((*ret_count + 1) * sizeof(**ret));
	if (*ret)
		memcpy(*ret, proposals->items, *ret_count * sizeof(**ret));
	free(proposals);
	return *ret ? 0 : LUYTRE_E_NOMEM;
}
