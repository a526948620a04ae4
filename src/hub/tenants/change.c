// SPDX-License-Identifier: Apache-2.0
#include "hub/tenants/change.h"

#include <stdio.h>

static const int reason_errors[] = { 0,
#define X(id, slug, error, en, vi) error,
	TENANTS_REASONS(X)
#undef X
};

static const struct db_migration migrations[] = {
	{ "create table tenant (id integer primary key, parent integer references tenant (id), kind integer not null,"
	  " sector integer not null, province integer not null, name text not null, contact text not null,"
	  " revision integer not null, updated_us integer not null);"
	  "create unique index tenant_name on tenant (coalesce(parent, 0), name);"
	  "create index tenant_parent on tenant (parent);"
	  "create table system (id integer primary key, tenant integer not null references tenant (id),"
	  " level integer not null check (level between 1 and 5), edge_only integer not null, name text not null,"
	  " owner text not null, operator text not null, contact text not null, revision integer not null,"
	  " updated_us integer not null);"
	  "create unique index system_name on system (tenant, name);"
	  "create table asset (id integer primary key, system integer not null references system (id),"
	  " kind integer not null, value text not null unique, first_key blob unique, last_key blob, fail integer not "
	  "null,"
	  " shield integer not null, sensor integer not null, gate integer not null, revision integer not null,"
	  " updated_us integer not null);"
	  "create index asset_system on asset (system, id);" },
	/* What an asset's mode is, policies say (hub/policy). */
	{ "alter table asset drop column fail; alter table asset drop column shield;"
	  "alter table asset drop column sensor; alter table asset drop column gate;" },
};

int tenants_setup(struct db *db)
{
	return db_migrate(db, "tenants", migrations, ARRAY_COUNT(migrations));
}

int tenants_generation(struct db *db, int64_t *ret)
{
	int error = db_integer(db, "select value from db_sequence where name = 'tenants.generation'", DB_NO_ARGS, ret);

	if (error != LUYTRE_E_NOT_FOUND)
		return error;
	*ret = 0;
	return 0;
}

int change_refuse(const struct tenants_call *call, enum tenants_reason reason, const char *field)
{
	if (call->why) {
		call->why->reason = reason;
		call->why->field = field;
	}
	return reason_errors[reason];
}

struct changing {
	const struct tenants_call *call;
	change_fn work;
	const void *what;
	void *made;
};

static int work_of(void *context)
{
	const struct changing *changing = context;

	return changing->work(changing->call, changing->what, changing->made);
}

int change_run(const struct tenants_call *call, change_fn work, const void *what, void *ret, size_t size)
{
	union {
		struct tenant tenant;
		struct tenant_system system;
		struct tenant_asset asset;
	} made;
	struct changing changing = { call, work, what, &made };
	int error;

	if (call->why)
		*call->why = (struct tenants_why){ 0 };
	if (!call->scope || !call->origin)
		return LUYTRE_E_INVALID;
	memset(&made, 0, sizeof(made));
	error = db_atomically(call->db, work_of, &changing);
	if (!error && size)
		memcpy(ret, &made, size);
	return error;
}

static bool values_equal(const struct db_value *left, const struct db_value *right)
{
	return left->type == right->type && left->integer == right->integer && bytes_equal(left->bytes, right->bytes);
}

int change_record(const struct tenants_call *call, const struct change *change)
{
	struct audit_field fields[AUDIT_FIELDS_MAX];
	char action[48], subject[48];
	int64_t generation;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < change->field_count && count + 2 <= AUDIT_FIELDS_MAX; i++) {
		if (change->before && change->after && values_equal(&change->before[i], &change->after[i]))
			continue;
		if (change->after)
			fields[count++] = (struct audit_field){ change->fields[i].name, change->after[i] };
		if (change->before)
			fields[count++] = (struct audit_field){ change->fields[i].before, change->before[i] };
	}
	snprintf(action, sizeof(action), "%s.%s", change->kind, change->verb);
	snprintf(subject, sizeof(subject), "%s:%u", change->kind, change->id);
	error = audit_append(call->db, call->origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.tenant = change->tenant,
			.fields = fields,
			.field_count = count });
	return error ? error : db_next_id(call->db, "tenants.generation", &generation);
}

int change_next_id(const struct tenants_call *call, const char *sequence, uint32_t *ret)
{
	int64_t id = 0;
	int error = db_next_id(call->db, sequence, &id);

	if (!error && id > UINT32_MAX)
		return LUYTRE_E_FULL;
	*ret = (uint32_t)id;
	return error;
}

int list_take(struct list *list, int64_t id, uint32_t tenant)
{
	list->after = id;
	list->any = true;
	if (!scope_has(list->scope, tenant))
		return 0;
	if (list->left == 0)
		return TENANTS_ENOUGH;
	list->left--;
	return 1;
}

int list_run(struct list *list, struct db *db, const char *sql, uint32_t of)
{
	if (!list->scope || list->left > TENANTS_PAGE_MAX)
		return LUYTRE_E_INVALID;
	do {
		int error;

		list->any = false;
		error = db_each(db, sql, DB_ARGS(db_i64(list->after), db_i64(of)), list->give, list);
		if (error)
			return error == TENANTS_ENOUGH ? 0 : error;
	} while (list->any && list->left > 0);
	return 0;
}

int change_need_tenant(const struct tenants_call *call, uint32_t tenant, const char *field)
{
	int64_t found;
	int error = LUYTRE_E_NOT_FOUND;

	if (scope_has(call->scope, tenant))
		error = db_integer(call->db, "select id from tenant where id = ?1", DB_ARGS(db_i64(tenant)), &found);
	return error == LUYTRE_E_NOT_FOUND ? change_refuse(call, TENANTS_WHY_ABSENT, field) : error;
}
