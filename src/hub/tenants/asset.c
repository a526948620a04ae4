// SPDX-License-Identifier: Apache-2.0
/* What is protected, and that nothing is protected twice.
 *
 * Prefixes of the table are apart from each other, so of all that begin at or before the end of a new one only the
 * last can reach into it: one look-up in an index answers whether there is an overlap, in either direction. */
#include <stdio.h>

#include "hub/tenants/canon.h"
#include "hub/tenants/change.h"

#define COLUMNS "asset.id, asset.system, system.tenant, asset.kind, asset.value, asset.revision, asset.updated_us"
#define FROM    " from asset join system on system.id = asset.system"

static const struct change_field fields[] = {
	{ "system", "system_before" },
	{ "kind", "kind_before" },
	{ "value", "value_before" },
};

static void values_of(const struct tenant_asset *asset, struct db_value values[ARRAY_COUNT(fields)])
{
	values[0] = db_i64(asset->system);
	values[1] = db_str(asset_kinds[asset->kind].word);
	values[2] = db_str(asset->value);
}

static int record(const struct tenants_call *call, const char *verb, const struct tenant_asset *before,
	const struct tenant_asset *after)
{
	struct db_value old[ARRAY_COUNT(fields)], new[ARRAY_COUNT(fields)];

	if (before)
		values_of(before, old);
	if (after)
		values_of(after, new);
	return change_record(call, &(struct change){ .kind = "asset",
					   .verb = verb,
					   .id = after ? after->id : before->id,
					   .tenant = after ? after->tenant : before->tenant,
					   .fields = fields,
					   .field_count = ARRAY_COUNT(fields),
					   .before = before ? old : NULL,
					   .after = after ? new : NULL });
}

static void read_row(const struct db_value *columns, struct tenant_asset *ret)
{
	ret->id = (uint32_t)columns[0].integer;
	ret->system = (uint32_t)columns[1].integer;
	ret->tenant = (uint32_t)columns[2].integer;
	ret->kind = (enum asset_kind)columns[3].integer;
	db_copy_text(&columns[4], ret->value, sizeof(ret->value));
	ret->revision = columns[5].integer;
	ret->updated_us = columns[6].integer;
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 1;
}

int tenant_asset_get(const struct tenants_call *call, uint32_t id, struct tenant_asset *ret)
{
	struct tenant_asset row;
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	error = db_each(call->db, "select " COLUMNS FROM " where asset.id = ?1", DB_ARGS(db_i64(id)), row_get, &row);
	if (error != 1)
		return error == 0 ? LUYTRE_E_NOT_FOUND : error;
	if (!scope_has(call->scope, row.tenant))
		return LUYTRE_E_NOT_FOUND;
	*ret = row;
	return 0;
}

/* The system it shall belong to, which must be in the scope; '*ret_tenant' is whose that is. */
static int check_system(const struct tenants_call *call, uint32_t id, uint32_t *ret_tenant)
{
	struct tenant_system system;
	int error = tenant_system_get(call, id, &system);

	if (error == LUYTRE_E_NOT_FOUND)
		return change_refuse(call, TENANTS_WHY_ABSENT, "system");
	if (!error)
		*ret_tenant = system.tenant;
	return error;
}

struct owner {
	struct tenants_why why;
	const uint8_t *first; /* of the new prefix; null: same value is enough */
	bool found;
};

/* Columns: asset, system, tenant, value, names of system and tenant, last_key. */
static int row_owner(void *context, const struct db_value *columns, size_t column_count)
{
	struct owner *owner = context;
	char value[ASSET_VALUE_SIZE / 2], system[TENANT_NAME_SIZE], tenant[TENANT_NAME_SIZE];

	if (owner->first && bytes_compare(columns[6].bytes, bytes_of(owner->first, ASSET_KEY_SIZE)) < 0)
		return 1;
	owner->found = true;
	owner->why.asset = (uint32_t)columns[0].integer;
	owner->why.system = (uint32_t)columns[1].integer;
	owner->why.tenant = (uint32_t)columns[2].integer;
	db_copy_text(&columns[3], value, sizeof(value));
	db_copy_text(&columns[4], system, sizeof(system));
	db_copy_text(&columns[5], tenant, sizeof(tenant));
	snprintf(owner->why.owner, sizeof(owner->why.owner), "%.480s (%s, %s)", value, system, tenant);
	return 1;
}

#define OWNER                                                                                                          \
	"select asset.id, system.id, tenant.id, asset.value, system.name, tenant.name, asset.last_key" FROM            \
	" join tenant on tenant.id = system.tenant where asset.id <> ?1 and "

/* 'id' is that of the row itself, which does not stand in its own way. */
static int check_overlap(const struct tenants_call *call, const struct asset_value *value, uint32_t id)
{
	uint8_t first[ASSET_KEY_SIZE], last[ASSET_KEY_SIZE];
	struct owner owner = { 0 };
	int error;

	if (value->kind == ASSET_KIND_ADDRESS || value->kind == ASSET_KIND_PREFIX) {
		asset_key_first(&value->prefix, first);
		asset_key_last(&value->prefix, last);
		owner.first = first;
		error = db_each(call->db, OWNER "asset.first_key <= ?2 order by asset.first_key desc limit 1",
			DB_ARGS(db_i64(id), db_blob(bytes_of(last, sizeof(last)))), row_owner, &owner);
	} else {
		error = db_each(call->db, OWNER "asset.value = ?2", DB_ARGS(db_i64(id), db_str(value->text)), row_owner,
			&owner);
	}
	if (error < 0)
		return error;
	if (!owner.found)
		return 0;
	if (call->why)
		*call->why = owner.why;
	return change_refuse(call, TENANTS_WHY_OVERLAP, "value");
}

/* Checks all and fills '*row' but for id, revision and time. */
static int check(const struct tenants_call *call, const struct tenant_asset *in, uint32_t id, struct asset_value *value,
	struct tenant_asset *row)
{
	int error;

	*row = *in;
	error = check_system(call, in->system, &row->tenant);
	if (!error && asset_value_parse(bytes_of(in->value, strnlen(in->value, sizeof(in->value))), value) != 0)
		error = change_refuse(call, TENANTS_WHY_FIELD, "value");
	if (!error)
		error = check_overlap(call, value, id);
	if (error)
		return error;
	row->kind = value->kind;
	memcpy(row->value, value->text, sizeof(row->value));
	return 0;
}

static struct db_value key_value(const struct asset_value *value, uint8_t key[ASSET_KEY_SIZE],
	void (*make)(const struct ip_prefix *prefix, uint8_t key[ASSET_KEY_SIZE]))
{
	if (value->kind != ASSET_KIND_ADDRESS && value->kind != ASSET_KIND_PREFIX)
		return db_null();
	make(&value->prefix, key);
	return db_blob(bytes_of(key, ASSET_KEY_SIZE));
}

static int write_row(const struct tenants_call *call, const char *sql, const struct tenant_asset *row,
	const struct asset_value *value)
{
	uint8_t first[ASSET_KEY_SIZE], last[ASSET_KEY_SIZE];

	return db_run(call->db, sql,
		DB_ARGS(db_i64(row->id), db_i64(row->system), db_i64(row->kind), db_str(row->value),
			key_value(value, first, asset_key_first), key_value(value, last, asset_key_last),
			db_i64(row->revision), db_i64(row->updated_us)),
		NULL);
}

static int create(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant_asset *in = what;
	struct tenant_asset *row = made;
	struct asset_value value;
	int error = check(call, in, 0, &value, row);

	row->revision = 1;
	row->updated_us = call->origin->now_us;
	if (!error)
		error = change_next_id(call, "asset", &row->id);
	if (!error)
		error = write_row(call,
			"insert into asset (id, system, kind, value, first_key, last_key, revision, updated_us)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			row, &value);
	return error ? error : record(call, "create", NULL, row);
}

int tenant_asset_create(const struct tenants_call *call, const struct tenant_asset *in, struct tenant_asset *ret)
{
	return change_run(call, create, in, ret, sizeof(*ret));
}

static int update(const struct tenants_call *call, const void *what, void *made)
{
	const struct tenant_asset *in = what;
	struct tenant_asset *row = made;
	struct tenant_asset old;
	struct asset_value value;
	int error = tenant_asset_get(call, in->id, &old);

	if (!error && old.revision != in->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = check(call, in, in->id, &value, row);
	if (error)
		return error;
	row->revision++;
	row->updated_us = call->origin->now_us;
	error = write_row(call,
		"update asset set system = ?2, kind = ?3, value = ?4, first_key = ?5, last_key = ?6, revision = ?7,"
		" updated_us = ?8 where id = ?1",
		row, &value);
	return error ? error : record(call, "update", &old, row);
}

int tenant_asset_update(const struct tenants_call *call, const struct tenant_asset *in, struct tenant_asset *ret)
{
	return change_run(call, update, in, ret, sizeof(*ret));
}

static int remove_one(const struct tenants_call *call, const void *what, void *made)
{
	const struct change_target *target = what;
	struct tenant_asset old;
	int error = tenant_asset_get(call, target->id, &old);

	if (!error && old.revision != target->revision)
		error = change_refuse(call, TENANTS_WHY_REVISION, NULL);
	if (!error)
		error = db_run(call->db, "delete from asset where id = ?1", DB_ARGS(db_i64(target->id)), NULL);
	return error ? error : record(call, "remove", &old, NULL);
}

int tenant_asset_remove(const struct tenants_call *call, uint32_t id, int64_t revision)
{
	return change_run(call, remove_one, &(struct change_target){ id, revision }, NULL, 0);
}

struct target {
	tenant_asset_fn fn;
	void *context;
};

static int row_give(void *context, const struct db_value *columns, size_t column_count)
{
	struct list *list = context;
	const struct target *target = list->target;
	struct tenant_asset asset;
	int answer = list_take(list, columns[0].integer, (uint32_t)columns[2].integer);

	if (answer != 1)
		return answer;
	read_row(columns, &asset);
	return target->fn(target->context, &asset);
}

int tenant_asset_each(const struct tenants_call *call, uint32_t system, uint32_t after, uint32_t limit,
	tenant_asset_fn fn, void *context)
{
	struct target target = { fn, context };
	struct list list = { .scope = call->scope, .left = limit, .after = after, .give = row_give, .target = &target };

	return list_run(&list, call->db,
		system ? "select " COLUMNS FROM
			 " where asset.id > ?1 and asset.system = ?2 order by asset.id limit 1000"
		       : "select " COLUMNS FROM " where asset.id > ?1 and ?2 = 0 order by asset.id limit 1000",
		system);
}
