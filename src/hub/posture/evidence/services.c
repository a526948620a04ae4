// SPDX-License-Identifier: Apache-2.0
/* Which ports of an asset answer to the world, and which of them should. */
#include "base/error.h"
#include "hub/posture/evidence/internal.h"

int perimeter_service_note(struct db *db, const struct observation *seen, bool *ret_unlisted)
{
	char address[IP_ADDR_TEXT_SIZE];
	int64_t listed = 0, has_list = 0;
	int error = db_run(db,
		"insert into perimeter_service (asset, host, protocol, port, tenant, first_us, last_us, event)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)"
		" on conflict (asset, host, protocol, port) do update set tenant = excluded.tenant,"
		" last_us = excluded.last_us, event = excluded.event",
		DB_ARGS(db_i64(seen->asset), db_str(ip_addr_format(&seen->server, address)), db_i64(seen->protocol),
			db_i64(seen->port), db_i64(seen->tenant), db_i64(seen->time_us), db_i64((int64_t)seen->event)),
		NULL);

	if (!error)
		error = db_integer(db, "select count(*) from perimeter_list where asset = ?1",
			DB_ARGS(db_i64(seen->asset)), &has_list);
	if (!error)
		error = db_integer(db, "select count(*) from perimeter_list where asset = ?1 and port = ?2",
			DB_ARGS(db_i64(seen->asset), db_i64(seen->port)), &listed);
	*ret_unlisted = has_list && !listed;
	return error;
}

struct each {
	perimeter_service_fn fn;
	void *context;
	const struct perimeter_list *list;
};

static bool is_listed(const struct perimeter_list *list, uint16_t port)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->ports[i] == port)
			return true;
	return list->count == 0;
}

static int row_service(void *context, const struct db_value *columns, size_t column_count)
{
	const struct each *each = context;
	struct perimeter_service service = {
		.asset = (uint32_t)columns[0].integer,
		.tenant = (uint32_t)columns[1].integer,
		.protocol = (uint8_t)columns[3].integer,
		.port = (uint16_t)columns[4].integer,
		.first_us = columns[5].integer,
		.last_us = columns[6].integer,
		.event = (uint64_t)columns[7].integer,
	};

	service.listed = is_listed(each->list, service.port);
	return bytes_to_str(columns[2].bytes, service.host, sizeof(service.host)) ? each->fn(each->context, &service)
										  : LUYTRE_E_CORRUPT;
}

int perimeter_service_each(struct db *db, uint32_t asset, perimeter_service_fn fn, void *context)
{
	struct perimeter_list list;
	int error = perimeter_list_get(db, asset, &list);

	if (error)
		return error;
	return db_each(db,
		"select asset, tenant, host, protocol, port, first_us, last_us, event from perimeter_service"
		" where asset = ?1 order by host, protocol, port limit ?2",
		DB_ARGS(db_i64(asset), db_i64(PERIMETER_PAGE_MAX)), row_service, &(struct each){ fn, context, &list });
}

static int row_port(void *context, const struct db_value *columns, size_t column_count)
{
	struct perimeter_list *list = context;

	if (list->count < PERIMETER_SERVICES_MAX)
		list->ports[list->count++] = (uint16_t)columns[0].integer;
	return 0;
}

int perimeter_list_get(struct db *db, uint32_t asset, struct perimeter_list *ret)
{
	ret->count = 0;
	return db_each(db, "select port from perimeter_list where asset = ?1 order by port", DB_ARGS(db_i64(asset)),
		row_port, ret);
}

static int set_list(struct db *db, const struct audit_origin *origin, uint32_t asset, const struct perimeter_list *list)
{
	int64_t tenant = 0;
	int error = db_integer(db,
		"select system.tenant from asset join system on system.id = asset.system where asset.id = ?1",
		DB_ARGS(db_i64(asset)), &tenant);

	if (!error)
		error = db_run(db, "delete from perimeter_list where asset = ?1", DB_ARGS(db_i64(asset)), NULL);
	for (size_t i = 0; i < list->count && !error; i++)
		error = db_run(db, "insert into perimeter_list (asset, port) values (?1, ?2) on conflict do nothing",
			DB_ARGS(db_i64(asset), db_i64(list->ports[i])), NULL);
	if (error)
		return error;
	return audit_append(db, origin,
		&(struct audit_record){ .action = "perimeter.list",
			.subject = "asset",
			.tenant = (uint32_t)tenant,
			.fields = (const struct audit_field[]){ { "asset", db_i64(asset) },
				{ "ports", db_i64((int64_t)list->count) } },
			.field_count = 2 });
}

int perimeter_list_set(
	struct db *db, const struct audit_origin *origin, uint32_t asset, const struct perimeter_list *list)
{
	int error;

	if (list->count > PERIMETER_SERVICES_MAX)
		return LUYTRE_E_FULL;
	error = db_begin(db);
	if (error)
		return error;
	error = set_list(db, origin, asset, list);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}
