// SPDX-License-Identifier: Apache-2.0
/* The tree of organisations. */
#include <stdio.h>

#include "hub/tenants/canon.h"
#include "hub/tenants/change.h"
#include "hub/tenants/provinces.h"

#define COLUMNS "id, parent, kind, sector, province, name, contact, revision, updated_us"

/* The tenant ?1 and those above it. */
#define ABOVE                                                                                                          \
	"with recursive above (id, parent, depth) as (select id, parent, 1 from tenant where id = ?1"                  \
	" union all select tenant.id, tenant.parent, above.depth + 1 from tenant join above on tenant.id = "           \
	"above.parent"                                                                                                 \
	" where above.depth < 32) "

/* The tenant ?1 and those below it. */
#define BELOW                                                                                                          \
	"with recursive below (id, depth) as (select id, 1 from tenant where id = ?1"                                  \
	" union all select tenant.id, below.depth + 1 from tenant join below on tenant.parent = below.id"              \
	" where below.depth < 32) "

static const struct change_field fields[] = {
	{ "parent", "parent_before" },
	{ "kind", "kind_before" },
	{ "sector", "sector_before" },
	{ "province", "province_before" },
	{ "name", "name_before" },
	{ "contact", "contact_before" },
};

static void values_of(const struct tenant *tenant, struct db_value values[ARRAY_COUNT(fields)])
{
	values[0] = db_i64(tenant->parent);
	values[1] = db_str(tenant_kinds[tenant->kind].word);
	values[2] = db_str(tenant_sectors[tenant->sector].word);
	values[3] = db_i64(tenant->province);
	values[4] = db_str(tenant->name);
	values[5] = db_str(tenant->contact);
}

static int record(
	const struct tenants_call *call, const char *verb, const struct tenant *before, const struct tenant *after)
{
	struct db_value old[ARRAY_COUNT(fields)], new[ARRAY_COUNT(fields)];

	if (before)
		values_of(before, old);
	if (after)
		values_of(after, new);
	return change_record(call, &(struct change){ .kind = "tenant",
					   .verb = verb,
					   .id = after ? after->id : before->id,
					   .tenant = after ? after->id : before->id,
					   .fields = fields,
					   .field_count = ARRAY_COUNT(fields),
					   .before = before ? old : NULL,
					   .after = after ? new : NULL });
}

static void read_row(const struct db_value *columns, struct tenant *ret)
{
	ret->id = (uint32_t)columns[0].integer;
	ret->parent = (uint32_t)columns[1].integer;
	ret->kind = (enum tenant_kind)columns[2].integer;
	ret->sector = (enum tenant_sector)columns[3].integer;
	ret->province = (uint32_t)columns[4].integer;
	db_copy_text(&columns[5], ret->name, sizeof(ret->name));
	db_copy_text(&columns[6], ret->contact, sizeof(ret->contact));
	ret->revision = columns[7].integer;
	ret->updated_us = columns[8].integer;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 1;
}

int tenant_get(const struct tenants_call *call, uint32_t id, struct tenant *ret)
{
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	if (!scope_has(call->scope, id))
		return LUYTRE_E_NOT_FOUND;
	error = db_each(call->db, "select " COLUMNS " from tenant where id = ?1", DB_ARGS(db_i64(id)), row_get, ret);
	return error == 1 ? 0 : error == 0 ? LUYTRE_E_NOT_FOUND : error;
}

static int check_fields(const struct tenants_call *call, const struct tenant *in)
{
	if ((unsigned int)in->kind >= TENANT_KIND_COUNT)
		return change_refuse(call, TENANTS_WHY_FIELD, "kind");
	if ((unsigned int)in->sector >= TENANT_SECTOR_COUNT)
		return change_refuse(call, TENANTS_WHY_FIELD, "sector");
	if (in->province != 0 && !province_find(in->province))
		return change_refuse(call, TENANTS_WHY_FIELD, "province");
	if (!tenants_text_valid(in->name, 1, sizeof(in->name)))
		return change_refuse(call, TENANTS_WHY_FIELD, "name");
	if (!tenants_text_valid(in->contact, 0, sizeof(in->contact)))
		return change_refuse(call, TENANTS_WHY_FIELD, "contact");
	return 0;
}

/* A parent must be in the scope; to stand at the top is up to the nation. */
static int check_parent(const struct tenants_call *call, uint32_t parent)
{
	if (parent == 0)
		return call->scope->all ? 0 : change_refuse(call, TENANTS_WHY_ABSENT, "parent");
	return change_need_tenant(call, parent, "parent");
}

/* Is there room for a subtree of 'height' below the parent, and is the parent outside of it? */
static int check_place(const struct tenants_call *call, uint32_t id, uint32_t parent, int64_t height)
{
	int64_t depth = 0, inside = 0;
	int error;

	if (parent == 0)
		return 0;
	error = db_integer(call->db, ABOVE "select max(depth) from above", DB_ARGS(db_i64(parent)), &depth);
	if (!error && id != 0)
		error = db_integer(call->db, ABOVE "select count(*) from above where id = ?2",
			DB_ARGS(db_i64(parent), db_i64(id)), &inside);
	if (error)
		return error;
	if (inside > 0)
		return change_refuse(call, TENANTS_WHY_CYCLE, "parent");
	return depth + height > TENANT_DEPTH_MAX ? change_refuse(call, TENANTS_WHY_DEPTH, "parent") : 0;
}

/* Asked before writing, because an error of the database would end the caller's transaction. */
static int check_name(const struct tenants_call *call, const struct tenant *in, uint32_t id)
{
	int64_t found;
	int error =
		db_integer(call->db, "select id from tenant where coalesce(parent, 0) = ?1 and name = ?2 and id <> ?3",
			DB_ARGS(db_i64(in->parent), db_str(in->name), db_i64(id)), &found);

	if (error == LUYTRE_E_NOT_FOUND)
		return 0;
	return error ? error : change_refuse(call, TENANTS_WHY_NAME, "name");
}

static struct db_value parent_value(uint32_t parent)
{
	return parent ? db_i64(parent) : db_null();
}

static int create(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant *in = what;
	struct tenant *row = made;
	int error = check_fields(call, in);

	*row = *in;
	row->revision = 1;
	row->updated_us = call->origin->now_us;
	if (!error)
		error = check_parent(call, in->parent);
	if (!error)
		error = check_place(call, 0, in->parent, 1);
	if (!error)
		error = check_name(call, in, 0);
	if (!error)
		error = change_next_id(call, "tenant", &row->id);
	if (!error)
		error = db_run(call->db, "insert into tenant (" COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)",
			DB_ARGS(db_i64(row->id), parent_value(row->parent), db_i64(row->kind), db_i64(row->sector),
				db_i64(row->province), db_str(row->name), db_str(row->contact),
				db_i64(row->updated_us)),
			NULL);
	return error ? error : record(call, "create", NULL, row);
}

int tenant_create(const struct tenants_call *call, const struct tenant *in, struct tenant *ret)
{
	return change_run(call, create, in, ret, sizeof(*ret));
}

/* Moving takes a tenant away from one parent and gives it to another: both must be the caller's. */
static int check_move(const struct tenants_call *call, const struct tenant *old, const struct tenant *in)
{
	int64_t height = 1;
	int error;

	if (old->parent == in->parent)
		return 0;
	error = check_parent(call, old->parent);
	if (!error)
		error = check_parent(call, in->parent);
	if (!error)
		error = db_integer(call->db, BELOW "select max(depth) from below", DB_ARGS(db_i64(old->id)), &height);
	return error ? error : check_place(call, old->id, in->parent, height);
}

static int update(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant *in = what;
	struct tenant *row = made;
	struct tenant old;
	int error = tenant_get(call, in->id, &old);

	if (!error && old.revision != in->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = check_fields(call, in);
	if (!error)
		error = check_move(call, &old, in);
	if (!error)
		error = check_name(call, in, in->id);
	if (error)
		return error;
	*row = *in;
	row->revision++;
	row->updated_us = call->origin->now_us;
	error = db_run(call->db,
		"update tenant set parent = ?2, kind = ?3, sector = ?4, province = ?5, name = ?6, contact = ?7, "
		"revision = ?8,"
		" updated_us = ?9 where id = ?1",
		DB_ARGS(db_i64(row->id), parent_value(row->parent), db_i64(row->kind), db_i64(row->sector),
			db_i64(row->province), db_str(row->name), db_str(row->contact), db_i64(row->revision),
			db_i64(row->updated_us)),
		NULL);
	return error ? error : record(call, "update", &old, row);
}

int tenant_update(const struct tenants_call *call, const struct tenant *in, struct tenant *ret)
{
	return change_run(call, update, in, ret, sizeof(*ret));
}

static int remove_one(const struct tenants_call *call, const void *what, void *made)
{
	const struct change_target *target = what;
	struct tenant old;
	int64_t used = 0;
	int error = tenant_get(call, target->id, &old);

	if (!error && old.revision != target->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = check_parent(call, old.parent);
	if (!error)
		error = db_integer(call->db,
			"select (select count(*) from tenant where parent = ?1) + (select count(*) from system where "
			"tenant = ?1)",
			DB_ARGS(db_i64(target->id)), &used);
	if (!error && used > 0)
		error = change_refuse(call, TENANTS_WHY_IN_USE, NULL);
	if (!error)
		error = db_run(call->db, "delete from tenant where id = ?1", DB_ARGS(db_i64(target->id)), NULL);
	return error ? error : record(call, "remove", &old, NULL);
}

int tenant_remove(const struct tenants_call *call, uint32_t id, int64_t revision)
{
	return change_run(call, remove_one, &(struct change_target){ id, revision }, NULL, 0);
}

struct target {
	tenant_fn fn;
	void *context;
};

static int row_give(void *context, const struct db_value *columns, size_t column_count)
{
	struct list *list = context;
	const struct target *target = list->target;
	struct tenant tenant;
	int answer = list_take(list, columns[0].integer, (uint32_t)columns[0].integer);

	if (answer != 1)
		return answer;
	read_row(columns, &tenant);
	return target->fn(target->context, &tenant);
}

int tenant_each(
	const struct tenants_call *call, uint32_t parent, uint32_t after, uint32_t limit, tenant_fn fn, void *context)
{
	struct target target = { fn, context };
	struct list list = { .scope = call->scope, .left = limit, .after = after, .give = row_give, .target = &target };

	return list_run(&list, call->db,
		parent ? "select " COLUMNS " from tenant where id > ?1 and parent = ?2 order by id limit 1000"
		       : "select " COLUMNS " from tenant where id > ?1 and ?2 = 0 order by id limit 1000",
		parent);
}
