// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/facts.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/table.h"
#include "hub/posture/internal.h"

enum {
	READ_PAGE = 20000,
	FIRST_ROOM = 4096,
	NAME_HASH_SIZE = 16,
	IDS_MAX = 64 << 20, /* of systems and tenants */
	FLAG_HELD = 1,
	FLAG_EXPOSED = 2,
	FLAG_KEV = 4,
	FLAG_CONTRADICTED = 8,
};

const char *const facts_age_words[FACTS_AGE_COUNT] = {
#define X(id, word, days) word,
	FACTS_AGES(X)
#undef X
};

static const int64_t age_days[FACTS_AGE_COUNT] = {
#define X(id, word, days) days,
	FACTS_AGES(X)
#undef X
};

/* One finding. */
struct item {
	int64_t due_us;
	uint32_t tenant, system; /* tenant 0: there is no finding of this number */
	uint32_t name;
	uint8_t state, severity, flags;
};

/* Numbers by a small id, which a sequence gave out from 1. */
struct small {
	uint8_t *values; /* owned */
	size_t room;
};

struct facts {
	pthread_mutex_t lock;
	struct item *items; /* owned, by the number of the finding */
	size_t room, end; /* behind the largest number */
	int64_t change; /* the newest that was read */
	int64_t generation; /* of systems and tenants */
	bool known; /* they were read */
	struct small levels, sectors; /* of systems, of tenants */
	struct table *names; /* owned: hash of what it is to its number */
	uint32_t name_count;
};

int facts_new(struct facts **ret)
{
	struct facts *facts = calloc(1, sizeof(*facts));
	struct siphash_key key;

	if (!facts)
		return LUYTRE_E_NOMEM;
	if (siphash_key_random(&key)) {
		free(facts);
		return LUYTRE_E_SYSTEM;
	}
	facts->names = table_new(NAME_HASH_SIZE, sizeof(uint32_t), FACTS_NAMES_MAX, key);
	if (!facts->names) {
		free(facts);
		return LUYTRE_E_NOMEM;
	}
	pthread_mutex_init(&facts->lock, NULL);
	*ret = facts;
	return 0;
}

void facts_free(struct facts *facts)
{
	if (!facts)
		return;
	table_free(facts->names);
	free(facts->items);
	free(facts->levels.values);
	free(facts->sectors.values);
	pthread_mutex_destroy(&facts->lock);
	free(facts);
}

/* ---- Reading what is new ---- */

static int small_set(struct small *small, int64_t id, uint8_t value)
{
	if (id < 0 || id >= IDS_MAX)
		return LUYTRE_E_FULL;
	if ((size_t)id >= small->room) {
		size_t room = small->room ? small->room : 256;
		uint8_t *grown;

		while (room <= (size_t)id)
			room *= 2;
		grown = realloc(small->values, room);
		if (!grown)
			return LUYTRE_E_NOMEM;
		memset(grown + small->room, 0, room - small->room);
		small->values = grown;
		small->room = room;
	}
	small->values[id] = value;
	return 0;
}

static uint8_t small_get(const struct small *small, uint32_t id, uint8_t fallback)
{
	return id < small->room && small->values[id] ? small->values[id] : fallback;
}

static int row_small(void *context, const struct db_value *columns, size_t column_count)
{
	return small_set(context, columns[0].integer, (uint8_t)columns[1].integer);
}

/* Levels and sectors, when somebody has changed systems or organisations. */
static int read_places(struct facts *facts, struct db *db)
{
	int64_t generation;
	int error = tenants_generation(db, &generation);

	if (error || (facts->known && generation == facts->generation))
		return error;
	if (facts->levels.values)
		memset(facts->levels.values, 0, facts->levels.room);
	if (facts->sectors.values)
		memset(facts->sectors.values, 0, facts->sectors.room);
	facts->known = false;
	error = db_each(db, "select id, level from system", DB_NO_ARGS, row_small, &facts->levels);
	if (!error)
		error = db_each(db, "select id, sector from tenant", DB_NO_ARGS, row_small, &facts->sectors);
	facts->known = !error;
	facts->generation = generation;
	return error;
}

static int number_of_name(struct facts *facts, struct bytes cve, struct bytes tool, struct bytes rule, uint32_t *ret)
{
	uint8_t hash[NAME_HASH_SIZE];
	crypto_generichash_state state;
	bool created;
	uint32_t *number;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	if (!bytes_empty(cve)) {
		crypto_generichash_update(&state, cve.ptr, cve.size);
	} else {
		crypto_generichash_update(&state, tool.ptr, tool.size);
		crypto_generichash_update(&state, (const unsigned char *)"", 1);
		crypto_generichash_update(&state, rule.ptr, rule.size);
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	number = table_insert(facts->names, hash, &created);
	if (!number)
		return table_count(facts->names) < FACTS_NAMES_MAX ? LUYTRE_E_NOMEM : LUYTRE_E_FULL;
	if (created)
		*number = facts->name_count++;
	*ret = *number;
	return 0;
}

static int make_room(struct facts *facts, int64_t id)
{
	size_t room = facts->room ? facts->room : FIRST_ROOM;
	struct item *grown;

	if (id <= 0 || id >= FACTS_MAX)
		return LUYTRE_E_FULL;
	if ((size_t)id < facts->room) {
		facts->end = (size_t)id >= facts->end ? (size_t)id + 1 : facts->end;
		return 0;
	}
	while (room <= (size_t)id)
		room += room / 2;
	grown = realloc(facts->items, room * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	memset(grown + facts->room, 0, (room - facts->room) * sizeof(*grown));
	facts->items = grown;
	facts->room = room;
	facts->end = (size_t)id + 1;
	return 0;
}

struct reading {
	struct facts *facts;
	uint32_t rows;
};

static int row_item(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;
	struct facts *facts = reading->facts;
	int64_t id = columns[1].integer;
	struct item item = { .tenant = (uint32_t)columns[2].integer,
		.system = (uint32_t)columns[3].integer,
		.state = (uint8_t)columns[4].integer,
		.flags = (uint8_t)((columns[5].integer != 0 ? FLAG_HELD : 0) |
				   (columns[6].integer != FINDING_NO ? FLAG_EXPOSED : 0) |
				   (columns[7].integer != 0 ? FLAG_KEV : 0) |
				   (columns[8].integer != 0 ? FLAG_CONTRADICTED : 0)),
		.due_us = columns[9].integer,
		.severity = (uint8_t)columns[10].integer };
	int error = make_room(facts, id);

	if (!error && (item.state >= FINDING_STATE_COUNT || item.severity >= FACTS_SEVERITIES))
		error = LUYTRE_E_CORRUPT;
	if (!error)
		error = number_of_name(facts, columns[11].bytes, columns[12].bytes, columns[13].bytes, &item.name);
	if (error)
		return error;
	facts->items[id] = item;
	facts->change = columns[0].integer;
	reading->rows++;
	return 0;
}

static int refresh(struct facts *facts, struct db *db)
{
	struct reading reading = { .facts = facts };
	int error = read_places(facts, db);

	if (error)
		return error;
	do {
		reading.rows = 0;
		error = db_each(db,
			"select change, id, tenant, system, state, held_us, exposed, kev, contradicted, due_us, "
			"severity,"
			" cve, tool, rule from finding where change > ?1 order by change limit ?2",
			DB_ARGS(db_i64(facts->change), db_i64(READ_PAGE)), row_item, &reading);
	} while (!error && reading.rows == READ_PAGE);
	return error;
}

/* ---- Questions ---- */

/* A byte for each tenant of the scope; null: all of them, or no memory. */
static int spread_scope(const struct scope *scope, uint8_t **ret, size_t *ret_size)
{
	size_t size = 1;

	*ret = NULL;
	*ret_size = 0;
	if (scope->all)
		return 0;
	if (scope->tenant_count > 0)
		size = (size_t)scope->tenants[scope->tenant_count - 1] + 1;
	*ret = calloc(size, 1);
	if (!*ret)
		return LUYTRE_E_NOMEM;
	*ret_size = size;
	for (size_t i = 0; i < scope->tenant_count; i++)
		(*ret)[scope->tenants[i]] = 1;
	return 0;
}

static void fact_of(const struct facts *facts, size_t id, struct debt_fact *ret)
{
	const struct item *item = &facts->items[id];

	*ret = (struct debt_fact){ .id = (int64_t)id,
		.due_us = item->due_us,
		.tenant = item->tenant,
		.system = item->system,
		.level = small_get(&facts->levels, item->system, 1),
		.sector = (enum tenant_sector)small_get(&facts->sectors, item->tenant, TENANT_SECTOR_OTHER),
		.state = (enum finding_state)item->state,
		.held = (item->flags & FLAG_HELD) != 0,
		.exposed = (item->flags & FLAG_EXPOSED) != 0,
		.kev = (item->flags & FLAG_KEV) != 0,
		.contradicted = (item->flags & FLAG_CONTRADICTED) != 0 };
}

typedef int (*each_fn)(void *context, const struct item *item, const struct debt_fact *fact);

/* Everything of the scope, up to date. */
static int each(struct facts *facts, struct db *db, const struct scope *scope, each_fn fn, void *context)
{
	uint8_t *inside;
	size_t inside_size;
	int error = scope ? spread_scope(scope, &inside, &inside_size) : LUYTRE_E_INVALID;

	if (error)
		return error;
	pthread_mutex_lock(&facts->lock);
	error = refresh(facts, db);
	for (size_t id = 1; id < facts->end && !error; id++) {
		uint32_t tenant = facts->items[id].tenant;
		struct debt_fact fact;

		if (!tenant || (inside && (tenant >= inside_size || !inside[tenant])))
			continue;
		fact_of(facts, id, &fact);
		error = fn(context, &facts->items[id], &fact);
	}
	pthread_mutex_unlock(&facts->lock);
	free(inside);
	return error;
}

static enum facts_age age_of(int64_t due_us, int64_t now_us)
{
	int age = FACTS_AGE_DUE_LATER;

	if (due_us == CLOCK_NO_DATE_US)
		return FACTS_AGE_NO_DATE;
	while (age < FACTS_AGE_LATE_MORE && now_us - due_us > age_days[age] * CLOCK_DAY_US)
		age++;
	return (enum facts_age)age;
}

struct boarding {
	struct facts_board *board;
	int64_t now_us;
};

static void band_add(struct facts_band *band, const struct debt_fact *fact)
{
	band->count++;
	band->held += fact->held;
	band->weight += debt_weight(fact);
}

static int board_add(void *context, const struct item *item, const struct debt_fact *fact)
{
	struct boarding *boarding = context;
	struct facts_board *board = boarding->board;

	debt_add(&board->whole, fact, boarding->now_us);
	if (finding_states[fact->state].live) {
		band_add(&board->ages[age_of(fact->due_us, boarding->now_us)], fact);
		band_add(&board->severities[item->severity], fact);
		board->kev += fact->kev;
		board->exposed += fact->exposed;
	}
	return debt_table_add(&board->groups, fact, boarding->now_us);
}

int facts_board(struct facts *facts, struct db *db, const struct scope *scope, enum debt_group group, int64_t now_us,
	struct facts_board *ret)
{
	struct boarding boarding = { .board = ret, .now_us = now_us };
	int error;

	*ret = (struct facts_board){ .groups = { .group = group } };
	error = each(facts, db, scope, board_add, &boarding);
	if (error)
		facts_board_done(ret);
	return error;
}

void facts_board_done(struct facts_board *board)
{
	debt_table_done(&board->groups);
}

/* ---- What fixing would take away ---- */

/* Where a weakness is: to count systems and tenants, each once. */
struct where {
	uint32_t name, system, tenant;
};

struct fixing {
	int64_t now_us;
	struct facts_fix *fixes; /* owned, by number of the name */
	size_t fix_count;
	struct where *places; /* owned */
	size_t count, room;
};

static int fix_add(void *context, const struct item *item, const struct debt_fact *fact)
{
	struct fixing *fixing = context;
	struct facts_fix *fix;

	if (!finding_states[fact->state].live)
		return 0;
	if (fixing->count == fixing->room) {
		size_t room = fixing->room ? 2 * fixing->room : FIRST_ROOM;
		struct where *grown = realloc(fixing->places, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		fixing->places = grown;
		fixing->room = room;
	}
	if (item->name >= fixing->fix_count) {
		size_t count = (size_t)item->name + 1 + item->name / 2;
		struct facts_fix *grown = realloc(fixing->fixes, count * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		memset(grown + fixing->fix_count, 0, (count - fixing->fix_count) * sizeof(*grown));
		fixing->fixes = grown;
		fixing->fix_count = count;
	}
	fix = &fixing->fixes[item->name];
	debt_add(&fix->sum, fact, fixing->now_us);
	fix->kev = fix->kev || fact->kev;
	fix->example = fact->id;
	fixing->places[fixing->count++] =
		(struct where){ .name = item->name, .system = fact->system, .tenant = fact->tenant };
	return 0;
}

static int compare_where(const void *left, const void *right)
{
	const struct where *a = left, *b = right;

	if (a->name != b->name)
		return a->name < b->name ? -1 : 1;
	if (a->tenant != b->tenant)
		return a->tenant < b->tenant ? -1 : 1;
	return (a->system > b->system) - (a->system < b->system);
}

static void count_places(struct fixing *fixing)
{
	if (fixing->count)
		qsort(fixing->places, fixing->count, sizeof(*fixing->places), compare_where);
	for (size_t i = 0; i < fixing->count; i++) {
		const struct where *here = &fixing->places[i], *before = i ? here - 1 : NULL;
		bool other = !before || before->name != here->name;

		fixing->fixes[here->name].tenants += other || before->tenant != here->tenant;
		fixing->fixes[here->name].systems +=
			other || before->tenant != here->tenant || before->system != here->system;
	}
}

static int compare_debt(const void *left, const void *right)
{
	const struct facts_fix *a = left, *b = right;
	const int64_t pairs[][2] = { { a->sum.interest, b->sum.interest }, { a->sum.open_weight, b->sum.open_weight },
		{ b->example, a->example } };

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++)
		if (pairs[i][0] != pairs[i][1])
			return pairs[i][0] > pairs[i][1] ? -1 : 1;
	return 0;
}

static int compare_systems(const void *left, const void *right)
{
	const struct facts_fix *a = left, *b = right;

	if (a->systems != b->systems)
		return a->systems > b->systems ? -1 : 1;
	return compare_debt(left, right);
}

int facts_fixes(struct facts *facts, struct db *db, const struct scope *scope, enum facts_order order, size_t limit,
	int64_t now_us, struct facts_fix **ret, size_t *ret_count, size_t *ret_total)
{
	struct fixing fixing = { .now_us = now_us };
	size_t total = 0;
	int error = each(facts, db, scope, fix_add, &fixing);

	if (error) {
		free(fixing.fixes);
		free(fixing.places);
		return error;
	}
	count_places(&fixing);
	free(fixing.places);
	for (size_t i = 0; i < fixing.fix_count; i++)
		if (fixing.fixes[i].sum.open > 0)
			fixing.fixes[total++] = fixing.fixes[i];
	if (total > 0)
		qsort(fixing.fixes, total, sizeof(*fixing.fixes),
			order == FACTS_BY_SYSTEMS ? compare_systems : compare_debt);
	*ret = fixing.fixes;
	*ret_total = total;
	*ret_count = total < limit ? total : limit;
	return 0;
}
