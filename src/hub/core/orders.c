// SPDX-License-Identifier: Apache-2.0
#include "hub/core/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const struct db_migration migrations[] = {
	{ "create table hub_order (id integer primary key, revision integer not null, state integer not null,"
	  " source text not null, action text not null, tenant integer not null, shadow integer not null,"
	  " lifetime_s integer not null, person integer not null, second_person integer not null, owner text not null,"
	  " reason text not null, decision integer not null, created_us integer not null, changed_us integer not null,"
	  " expires_us integer not null);"
	  "create index hub_order_decision on hub_order (decision);"
	  "create index hub_order_state on hub_order (state, id);"
	  "create table hub_appeal (id integer primary key, revision integer not null, state integer not null,"
	  " decision integer not null, source text not null, tenant integer not null, content text not null,"
	  " contact text not null, answer text not null, author text not null, created_us integer not null,"
	  " changed_us integer not null);"
	  "create index hub_appeal_state on hub_appeal (state, id);"
	  "create index hub_appeal_decision on hub_appeal (decision);"
	  "create table hub_campaign (instance integer not null, id integer not null, revision integer not null,"
	  " name text not null, state integer not null, note text not null, primary key (instance, id));" },
	{ "create index hub_order_source on hub_order (source, tenant);" },
};

#define COLUMNS                                                                                                        \
	"id, revision, state, source, action, tenant, shadow, lifetime_s, person, second_person, owner, reason,"       \
	" decision, created_us, changed_us, expires_us"

int orders_setup(struct db *db)
{
	return db_migrate(db, "orders", migrations, ARRAY_COUNT(migrations));
}

static void copy_text(char *ret, size_t size, const struct db_value *value)
{
	snprintf(ret, size, "%.*s", (int)value->bytes.size, (const char *)value->bytes.ptr);
}

static void read_row(const struct db_value *columns, struct order *ret)
{
	*ret = (struct order){ .id = (uint64_t)columns[0].integer,
		.revision = columns[1].integer,
		.state = (enum order_state)columns[2].integer,
		.tenant = (uint32_t)columns[5].integer,
		.shadow = columns[6].integer != 0,
		.lifetime_s = (uint32_t)columns[7].integer,
		.person = (uint32_t)columns[8].integer,
		.second_person = (uint32_t)columns[9].integer,
		.decision = (uint64_t)columns[12].integer,
		.created_us = columns[13].integer,
		.changed_us = columns[14].integer,
		.expires_us = columns[15].integer };
	copy_text(ret->source, sizeof(ret->source), &columns[3]);
	copy_text(ret->action, sizeof(ret->action), &columns[4]);
	copy_text(ret->owner, sizeof(ret->owner), &columns[10]);
	copy_text(ret->reason, sizeof(ret->reason), &columns[11]);
}

static int audit(struct db *db, const struct audit_origin *origin, const char *action, const struct order *order)
{
	char subject[32];
	const struct audit_field fields[] = {
		{ "source", db_str(order->source) },
		{ "action", db_str(order->action) },
		{ "reason", db_str(order->reason) },
		{ "lifetime_s", db_i64(order->lifetime_s) },
		{ "shadow", db_i64(order->shadow) },
		{ "decision", db_i64((int64_t)order->decision) },
	};
	const struct audit_record record = { .action = action,
		.subject = subject,
		.tenant = order->tenant,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields) };

	snprintf(subject, sizeof(subject), "order:%llu", (unsigned long long)order->id);
	return audit_append(db, origin, &record);
}

/* Ends the transaction. */
static int finish(struct db *db, int error)
{
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

static int insert(struct db *db, const struct order *order)
{
	return db_run(db,
		"insert into hub_order (" COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" ?14, ?15, ?16)",
		DB_ARGS(db_i64((int64_t)order->id), db_i64(order->revision), db_i64(order->state),
			db_str(order->source), db_str(order->action), db_i64(order->tenant), db_i64(order->shadow),
			db_i64(order->lifetime_s), db_i64(order->person), db_i64(order->second_person),
			db_str(order->owner), db_str(order->reason), db_i64((int64_t)order->decision),
			db_i64(order->created_us), db_i64(order->changed_us), db_i64(order->expires_us)),
		NULL);
}

int order_create(struct db *db, const struct audit_origin *origin, struct order *order)
{
	int64_t id = 0;
	int error = db_begin(db);

	if (error)
		return error;
	error = db_next_id(db, "hub_order", &id);
	if (!error && id >= ENGINE_ID_MIN)
		error = LUYTRE_E_FULL;
	order->id = (uint64_t)id;
	order->revision = 1;
	order->created_us = order->changed_us = origin->now_us;
	if (!error)
		error = insert(db, order);
	if (!error)
		error = audit(db, origin, "decision.order", order);
	return finish(db, error);
}

int order_update(struct db *db, const struct audit_origin *origin, const char *action, struct order *order)
{
	uint64_t changes = 0;
	int error = db_begin(db);

	if (error)
		return error;
	order->changed_us = origin->now_us;
	error = db_run(db,
		"update hub_order set revision = revision + 1, state = ?3, second_person = ?4, decision = ?5,"
		" changed_us = ?6, expires_us = ?7 where id = ?1 and revision = ?2",
		DB_ARGS(db_i64((int64_t)order->id), db_i64(order->revision), db_i64(order->state),
			db_i64(order->second_person), db_i64((int64_t)order->decision), db_i64(order->changed_us),
			db_i64(order->expires_us)),
		&changes);
	if (!error && changes != 1)
		error = LUYTRE_E_CONFLICT;
	if (!error)
		error = audit(db, origin, action, order);
	error = finish(db, error);
	if (!error)
		order->revision++;
	return error;
}

struct reading {
	struct order *ret;
	bool found;
};

static int take_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct reading *reading = context;

	read_row(columns, reading->ret);
	reading->found = true;
	return 0;
}

static int read_one(struct db *db, const char *sql, struct db_args args, struct order *ret)
{
	struct reading reading = { .ret = ret };
	int error = db_each(db, sql, args, take_row, &reading);

	return error ? error : reading.found ? 0 : LUYTRE_E_NOT_FOUND;
}

int order_get(struct db *db, uint64_t id, struct order *ret)
{
	return read_one(db, "select " COLUMNS " from hub_order where id = ?1", DB_ARGS(db_i64((int64_t)id)), ret);
}

int order_of_decision(struct db *db, uint64_t decision, struct order *ret)
{
	return read_one(db, "select " COLUMNS " from hub_order where decision = ?1 order by id desc limit 1",
		DB_ARGS(db_i64((int64_t)decision)), ret);
}

int order_waiting(struct db *db, const struct order *like, int64_t now_us, struct order *ret)
{
	return read_one(db,
		"select " COLUMNS " from hub_order where state = ?1 and source = ?2 and action = ?3 and tenant = ?4"
		" and created_us > ?5 order by id limit 1",
		DB_ARGS(db_i64(ORDER_PENDING), db_str(like->source), db_str(like->action), db_i64(like->tenant),
			db_i64(now_us - ORDERS_WAIT_S * INT64_C(1000000))),
		ret);
}

int order_newest(struct db *db, const struct order *like, struct order *ret)
{
	return read_one(db,
		"select " COLUMNS " from hub_order where source = ?1 and tenant = ?2 order by id desc limit 1",
		DB_ARGS(db_str(like->source), db_i64(like->tenant)), ret);
}

struct walk {
	order_fn fn;
	void *context;
};

static int give_row(void *context, const struct db_value *columns, size_t column_count)
{
	const struct walk *walk = context;
	struct order order;

	read_row(columns, &order);
	return walk->fn(walk->context, &order);
}

int order_each(struct db *db, int state, uint64_t before, uint32_t limit, order_fn fn, void *context)
{
	struct walk walk = { fn, context };
	int64_t below = before ? (int64_t)before : INT64_MAX;

	if (state >= 0)
		return db_each(db,
			"select " COLUMNS " from hub_order where state = ?1 and id < ?2 order by id desc limit ?3",
			DB_ARGS(db_i64(state), db_i64(below), db_i64(limit)), give_row, &walk);
	return db_each(db, "select " COLUMNS " from hub_order where decision = 0 and id < ?1 order by id desc limit ?2",
		DB_ARGS(db_i64(below), db_i64(limit)), give_row, &walk);
}

bool order_level(const struct order *order, uint8_t *ret)
{
	static const struct {
		const char *word;
		uint8_t level;
	} rows[] = { { "watch", DECIDE_WATCH }, { "limit", DECIDE_CHALLENGE }, { "challenge", DECIDE_CHALLENGE },
		{ "block", DECIDE_BLOCK } };

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (strcmp(order->action, rows[i].word) != 0)
			continue;
		*ret = order->shadow ? DECIDE_WATCH : rows[i].level;
		return true;
	}
	return false;
}

void order_decision(const struct order *order, struct engine_decision *ret)
{
	struct ip_prefix prefix;

	*ret = (struct engine_decision){ .id = order->id,
		.first_us = order->created_us,
		.last_us = order->created_us,
		.started_us = order->changed_us,
		.expires_us = order->expires_us,
		.belief = 1,
		.users = 1,
		.tenant = order->tenant,
		.class = DECIDE_SCAN,
		.by_person = true };
	(void)order_level(order, &ret->level);
	if (!ip_prefix_parse(bytes_from_str(order->source), 0, &prefix))
		ret->key = observable_key_of_prefix(&prefix);
}

/* ---- In memory ---- */

struct orders {
	struct engine_decision *items; /* owned; by id */
	size_t count, capacity;
};

static int load_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct engine_decision decision;
	struct order order;

	read_row(columns, &order);
	order_decision(&order, &decision);
	return orders_put(context, &decision);
}

int orders_new(struct db *db, int64_t now_us, struct orders **ret)
{
	struct orders *orders = calloc(1, sizeof(*orders));
	int error;

	if (!orders)
		return LUYTRE_E_NOMEM;
	error = db_each(db,
		"select " COLUMNS " from hub_order where state = ?1 and tenant <> 0 and expires_us > ?2 order by id",
		DB_ARGS(db_i64(ORDER_DONE), db_i64(now_us)), load_row, orders);
	if (error) {
		orders_free(orders);
		return error;
	}
	*ret = orders;
	return 0;
}

void orders_free(struct orders *orders)
{
	if (!orders)
		return;
	free(orders->items);
	free(orders);
}

static size_t place_of(const struct orders *orders, uint64_t id)
{
	size_t low = 0, high = orders->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (orders->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int orders_put(struct orders *orders, const struct engine_decision *decision)
{
	size_t at = place_of(orders, decision->id);

	if (orders->count == orders->capacity) {
		size_t capacity = orders->capacity ? 2 * orders->capacity : 64;
		struct engine_decision *items;

		if (orders->count >= ORDERS_TENANT_MAX)
			return LUYTRE_E_FULL;
		items = realloc(orders->items, capacity * sizeof(*items));
		if (!items)
			return LUYTRE_E_NOMEM;
		orders->items = items;
		orders->capacity = capacity;
	}
	memmove(orders->items + at + 1, orders->items + at, (orders->count - at) * sizeof(*orders->items));
	orders->items[at] = *decision;
	orders->count++;
	return 0;
}

const struct engine_decision *orders_find(const struct orders *orders, uint64_t id)
{
	size_t at = place_of(orders, id);

	return at < orders->count && orders->items[at].id == id ? &orders->items[at] : NULL;
}

int orders_remove(struct orders *orders, uint64_t id, struct engine_decision *ret)
{
	const struct engine_decision *found = orders_find(orders, id);
	size_t at;

	if (!found)
		return LUYTRE_E_NOT_FOUND;
	*ret = *found;
	at = (size_t)(found - orders->items);
	orders->count--;
	memmove(orders->items + at, orders->items + at + 1, (orders->count - at) * sizeof(*orders->items));
	return 0;
}

const struct engine_decision *orders_at(const struct orders *orders, size_t place)
{
	return place < orders->count ? &orders->items[place] : NULL;
}

void orders_expire(struct orders *orders, struct engine *engine, int64_t now_us)
{
	for (size_t i = 0; i < orders->count;) {
		struct engine_decision decision = orders->items[i];

		if (decision.expires_us > now_us) {
			i++;
			continue;
		}
		(void)!orders_remove(orders, decision.id, &decision);
		engine_announce(engine, now_us, ENGINE_DELETE, &decision);
	}
}
