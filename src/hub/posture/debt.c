// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/debt.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "hub/posture/internal.h"
#include "hub/tenants/tenants.h"

const char *const debt_group_words[DEBT_GROUP_COUNT] = {
#define X(id, word) word,
	DEBT_GROUPS(X)
#undef X
};

enum { FACT_SIZE = 1024, DEBT_KEYS_MAX = 1 << 20 };

typedef int (*fact_fn)(void *context, const struct debt_fact *fact);

struct walk {
	const struct scope *scope;
	fact_fn fn;
	void *context;
	int64_t after;
	uint32_t rows;
};

enum { WALK_PAGE = 5000 };

static int row_fact(void *context, const struct db_value *columns, size_t column_count)
{
	struct walk *walk = context;
	const struct debt_fact fact = {
		.id = columns[0].integer,
		.tenant = (uint32_t)columns[1].integer,
		.level = (uint32_t)columns[2].integer,
		.sector = (enum tenant_sector)columns[3].integer,
		.state = (enum finding_state)columns[4].integer,
		.held = columns[5].integer != 0,
		.exposed = columns[6].integer != FINDING_NO,
		.kev = columns[7].integer != 0,
		.contradicted = columns[8].integer != 0,
		.due_us = columns[9].integer,
		.system = (uint32_t)columns[10].integer,
	};

	walk->after = fact.id;
	walk->rows++;
	return scope_has(walk->scope, fact.tenant) ? walk->fn(walk->context, &fact) : 0;
}

/* All findings of the scope, by id. Of a system or tenant that is gone: level 1, sector "other". */
static int walk_facts(const struct finding_call *call, fact_fn fn, void *context)
{
	struct walk walk = { .scope = call->scope, .fn = fn, .context = context };
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	do {
		walk.rows = 0;
		error = db_each(call->db,
			"select finding.id, finding.tenant, coalesce(system.level, 1), coalesce(tenant.sector, 0), "
			"finding.state,"
			" finding.held_us, finding.exposed, finding.kev, finding.contradicted, finding.due_us, "
			"finding.system from "
			"finding"
			" left join system on system.id = finding.system left join tenant on tenant.id = finding.tenant"
			" where finding.id > ?1 order by finding.id limit ?2",
			DB_ARGS(db_i64(walk.after), db_i64(WALK_PAGE)), row_fact, &walk);
	} while (!error && walk.rows == WALK_PAGE);
	return error;
}

/* ---- Sums ---- */

static int64_t key_of(enum debt_group group, const struct debt_fact *fact)
{
	switch (group) {
	case DEBT_BY_TENANT:
		return fact->tenant;
	case DEBT_BY_LEVEL:
		return fact->level;
	case DEBT_BY_SECTOR:
		return fact->sector;
	case DEBT_BY_SYSTEM:
		return fact->system;
	default:
		return 0;
	}
}

/* The group of the key, made where there is none; null: no memory. */
static struct debt_sum *sum_of(struct debt_table *table, int64_t key)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->sums[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < table->count && table->sums[low].key == key)
		return &table->sums[low];
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		struct debt_sum *grown = room > DEBT_KEYS_MAX ? NULL : realloc(table->sums, room * sizeof(*grown));

		if (!grown)
			return NULL;
		table->sums = grown;
		table->room = room;
	}
	memmove(&table->sums[low + 1], &table->sums[low], (table->count - low) * sizeof(*table->sums));
	table->count++;
	table->sums[low] = (struct debt_sum){ .key = key };
	return &table->sums[low];
}

int64_t debt_weight(const struct debt_fact *fact)
{
	return (int64_t)fact->level * (fact->exposed ? DEBT_EXPOSED_FACTOR : 1) * (fact->kev ? DEBT_KEV_FACTOR : 1);
}

static void add_live(struct debt_sum *sum, const struct debt_fact *fact, int64_t now_us)
{
	int64_t weight = debt_weight(fact);
	bool overdue = fact->due_us < now_us;

	sum->open++;
	sum->open_weight += weight;
	if (fact->held) {
		sum->held++;
		sum->held_weight += weight;
	}
	sum->overdue += overdue;
	sum->due += !overdue;
	sum->contradicted += fact->contradicted;
	sum->principal += overdue || fact->contradicted;
	if (overdue) {
		int64_t age_days = (now_us - fact->due_us) / CLOCK_DAY_US;

		sum->age_days += age_days;
		sum->interest += age_days * weight;
	}
}

void debt_add(struct debt_sum *sum, const struct debt_fact *fact, int64_t now_us)
{
	if (finding_states[fact->state].live)
		add_live(sum, fact, now_us);
	sum->met += fact->state == FINDING_VERIFIED;
	sum->excused += fact->state == FINDING_ACCEPTED;
}

int debt_table_add(struct debt_table *table, const struct debt_fact *fact, int64_t now_us)
{
	struct debt_sum *sum = sum_of(table, key_of(table->group, fact));

	if (!sum)
		return LUYTRE_E_NOMEM;
	debt_add(sum, fact, now_us);
	return 0;
}

void debt_table_done(struct debt_table *table)
{
	free(table->sums);
	*table = (struct debt_table){ 0 };
}

struct adding {
	struct debt_table table;
	int64_t now_us;
};

static int add(void *context, const struct debt_fact *fact)
{
	struct adding *adding = context;

	return debt_table_add(&adding->table, fact, adding->now_us);
}

int debt_each(const struct finding_call *call, enum debt_group group, int64_t now_us, debt_fn fn, void *context)
{
	struct adding adding = { .table = { .group = group }, .now_us = now_us };
	int error = walk_facts(call, add, &adding);

	for (size_t i = 0; i < adding.table.count && !error; i++)
		error = fn(context, &adding.table.sums[i]);
	debt_table_done(&adding.table);
	return error;
}

/* ---- Facts ---- */

struct export
{
	FILE *out;
	struct jsonw writer;
};

static int line_end(struct export *export)
{
	struct bytes text;
	int error = jsonw_text(&export->writer, &text);

	if (!error && fprintf(export->out, "%.*s\n", (int)text.size, (const char *)text.ptr) < 0)
		error = LUYTRE_E_IO;
	jsonw_reset(&export->writer);
	return error;
}

static int write_fact(void *context, const struct debt_fact *fact)
{
	struct export *export = context;
	struct jsonw *writer = &export->writer;

	jsonw_object_begin(writer);
	jsonw_kv_i64(writer, "finding", fact->id);
	jsonw_kv_u64(writer, "tenant", fact->tenant);
	jsonw_kv_u64(writer, "system", fact->system);
	jsonw_kv_u64(writer, "level", fact->level);
	jsonw_kv_string(writer, "sector", tenant_sectors[fact->sector].word);
	jsonw_kv_string(writer, "state", finding_states[fact->state].word);
	jsonw_kv_bool(writer, "held", fact->held);
	jsonw_kv_bool(writer, "exposed", fact->exposed);
	jsonw_kv_bool(writer, "kev", fact->kev);
	jsonw_kv_bool(writer, "contradicted", fact->contradicted);
	if (fact->due_us == CLOCK_NO_DATE_US)
		jsonw_kv_null(writer, "due_us");
	else
		jsonw_kv_i64(writer, "due_us", fact->due_us);
	jsonw_object_end(writer);
	return line_end(export);
}

int debt_export(const struct finding_call *call, int64_t now_us, FILE *out)
{
	struct export export = { .out = out };
	int error;

	jsonw_init(&export.writer, FACT_SIZE);
	jsonw_object_begin(&export.writer);
	jsonw_kv_i64(&export.writer, "now_us", now_us);
	jsonw_object_end(&export.writer);
	error = line_end(&export);
	if (!error)
		error = walk_facts(call, write_fact, &export);
	jsonw_done(&export.writer);
	if (!error && fflush(out) != 0)
		error = LUYTRE_E_IO;
	return error;
}
