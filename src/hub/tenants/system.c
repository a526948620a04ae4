// SPDX-License-Identifier: Apache-2.0
/* The information systems of organisations. */
#include <stdio.h>

#include "hub/tenants/canon.h"
#include "hub/tenants/change.h"

#define COLUMNS "id, tenant, level, edge_only, name, owner, operator, contact, revision, updated_us"

static const struct change_field fields[] = {
	{ "tenant", "tenant_before" },
	{ "level", "level_before" },
	{ "edge_only", "edge_only_before" },
	{ "name", "name_before" },
	{ "owner", "owner_before" },
	{ "operator", "operator_before" },
	{ "contact", "contact_before" },
};

static void values_of(const struct tenant_system *system, struct db_value values[ARRAY_COUNT(fields)])
{
	values[0] = db_i64(system->tenant);
	values[1] = db_i64(system->level);
	values[2] = db_i64(system->edge_only);
	values[3] = db_str(system->name);
	values[4] = db_str(system->owner);
	values[5] = db_str(system->operator_);
	values[6] = db_str(system->contact);
}

static int record(const struct tenants_call *call, const char *verb, const struct tenant_system *before,
	const struct tenant_system *after)
{
	struct db_value old[ARRAY_COUNT(fields)], new[ARRAY_COUNT(fields)];

	if (before)
		values_of(before, old);
	if (after)
		values_of(after, new);
	return change_record(call, &(struct change){ .kind = "system",
					   .verb = verb,
					   .id = after ? after->id : before->id,
					   .tenant = after ? after->tenant : before->tenant,
					   .fields = fields,
					   .field_count = ARRAY_COUNT(fields),
					   .before = before ? old : NULL,
					   .after = after ? new : NULL });
}

static void read_row(const struct db_value *columns, struct tenant_system *ret)
{
	ret->id = (uint32_t)columns[0].integer;
	ret->tenant = (uint32_t)columns[1].integer;
	ret->level = (uint32_t)columns[2].integer;
	ret->edge_only = columns[3].integer != 0;
	db_copy_text(&columns[4], ret->name, sizeof(ret->name));
	db_copy_text(&columns[5], ret->owner, sizeof(ret->owner));
	db_copy_text(&columns[6], ret->operator_, sizeof(ret->operator_));
	db_copy_text(&columns[7], ret->contact, sizeof(ret->contact));
	ret->revision = columns[8].integer;
	ret->updated_us = columns[9].integer;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 1;
}

int tenant_system_get(const struct tenants_call *call, uint32_t id, struct tenant_system *ret)
{
	struct tenant_system row;
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	error = db_each(call->db, "select " COLUMNS " from system where id = ?1", DB_ARGS(db_i64(id)), row_get, &row);
	if (error != 1)
		return error == 0 ? LUYTRE_E_NOT_FOUND : error;
	if (!scope_has(call->scope, row.tenant))
		return LUYTRE_E_NOT_FOUND;
	*ret = row;
	return 0;
}

static int check(const struct tenants_call *call, const struct tenant_system *in, uint32_t id)
{
	int64_t found;
	int error;

	if (in->level < 1 || in->level > 5)
		return change_refuse(call, TENANTS_WHY_FIELD, "level");
	if (!tenants_text_valid(in->name, 1, sizeof(in->name)))
		return change_refuse(call, TENANTS_WHY_FIELD, "name");
	if (!tenants_text_valid(in->owner, 0, sizeof(in->owner)))
		return change_refuse(call, TENANTS_WHY_FIELD, "owner");
	if (!tenants_text_valid(in->operator_, 0, sizeof(in->operator_)))
		return change_refuse(call, TENANTS_WHY_FIELD, "operator");
	if (!tenants_text_valid(in->contact, 0, sizeof(in->contact)))
		return change_refuse(call, TENANTS_WHY_FIELD, "contact");
	error = change_need_tenant(call, in->tenant, "tenant");
	if (error)
		return error;
	error = db_integer(call->db, "select id from system where tenant = ?1 and name = ?2 and id <> ?3",
		DB_ARGS(db_i64(in->tenant), db_str(in->name), db_i64(id)), &found);
	if (error == LUYTRE_E_NOT_FOUND)
		return 0;
	return error ? error : change_refuse(call, TENANTS_WHY_NAME, "name");
}

static int create(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant_system *in = what;
	struct tenant_system *row = made;
	int error = check(call, in, 0);

	*row = *in;
	row->revision = 1;
	row->updated_us = call->origin->now_us;
	if (!error)
		error = change_next_id(call, "system", &row->id);
	if (!error)
		error = db_run(call->db,
			"insert into system (" COLUMNS ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9)",
			DB_ARGS(db_i64(row->id), db_i64(row->tenant), db_i64(row->level), db_i64(row->edge_only),
				db_str(row->name), db_str(row->owner), db_str(row->operator_), db_str(row->contact),
				db_i64(row->updated_us)),
			NULL);
	return error ? error : record(call, "create", NULL, row);
}

int tenant_system_create(const struct tenants_call *call, const struct tenant_system *in, struct tenant_system *ret)
{
	return change_run(call, create, in, ret, sizeof(*ret));
}

static int update(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant_system *in = what;
	struct tenant_system *row = made;
	struct tenant_system old;
	int error = tenant_system_get(call, in->id, &old);

	if (!error && old.revision != in->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = check(call, in, in->id);
	if (error)
		return error;
	*row = *in;
	row->revision++;
	row->updated_us = call->origin->now_us;
	error = db_run(call->db,
		"update system set tenant = ?2, level = ?3, edge_only = ?4, name = ?5, owner = ?6, operator = ?7, "
		"contact = ?8,"
		" revision = ?9, updated_us = ?10 where id = ?1",
		DB_ARGS(db_i64(row->id), db_i64(row->tenant), db_i64(row->level), db_i64(row->edge_only),
			db_str(row->name), db_str(row->owner), db_str(row->operator_), db_str(row->contact),
			db_i64(row->revision), db_i64(row->updated_us)),
		NULL);
	return error ? error : record(call, "update", &old, row);
}

int tenant_system_update(const struct tenants_call *call, const struct tenant_system *in, struct tenant_system *ret)
{
	return change_run(call, update, in, ret, sizeof(*ret));
}

static int remove_one(const struct tenants_call *call, const void *what, void *made)
{
	const struct change_target *target = what;
	struct tenant_system old;
	int64_t used = 0;
	int error = tenant_system_get(call, target->id, &old);

	if (!error && old.revision != target->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = db_integer(
			call->db, "select count(*) from asset where system = ?1", DB_ARGS(db_i64(target->id)), &used);
	if (!error && used > 0)
		error = change_refuse(call, TENANTS_WHY_IN_USE, NULL);
	if (!error)
		error = db_run(call->db, "delete from system where id = ?1", DB_ARGS(db_i64(target->id)), NULL);
	return error ? error : record(call, "remove", &old, NULL);
}

int tenant_system_remove(const struct tenants_call *call, uint32_t id, int64_t revision)
{
	return change_run(call, remove_one, &(struct change_target){ id, revision }, NULL, 0);
}

struct target {
	tenant_system_fn fn;
	void *context;
};

static int row_give(void *context, const struct db_value *columns, size_t column_count)
{
	struct list *list = context;
	const struct target *target = list->target;
	struct tenant_system system;
	int answer = list_take(list, columns[0].integer, (uint32_t)columns[1].integer);

	if (answer != 1)
		return answer;
	read_row(columns, &system);
	return target->fn(target->context, &system);
}

int tenant_system_each(const struct tenants_call *call, uint32_t tenant, uint32_t after, uint32_t limit,
	tenant_system_fn fn, void *context)
{
	struct target target = { fn, context };
	struct list list = { .scope = call->scope, .left = limit, .after = after, .give = row_give, .target = &target };

	return list_run(&list, call->db,
		tenant ? "select " COLUMNS " from system where id > ?1 and tenant = ?2 order by id limit 1000"
		       : "select " COLUMNS " from system where id > ?1 and ?2 = 0 order by id limit 1000",
		tenant);
}
