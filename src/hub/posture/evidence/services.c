// SPDX-License-Identifier: Apache-2.0
/* Which ports of an asset answer to the world, and which of them should. */
#include <stdio.h>

#include "base/error.h"
#include "hub/posture/evidence/internal.h"

enum { PORTS_TEXT_SIZE = PERIMETER_SERVICES_MAX * sizeof("65535,") };

/* One list on its way. */
struct setting {
	struct db *db;
	const struct audit_origin *origin;
	uint32_t asset;
	int64_t revision;
	const struct perimeter_list *list;
};

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

/* "22,443"; in the audit log whoever reads it sees which. */
static void write_ports(const struct perimeter_list *list, char text[PORTS_TEXT_SIZE])
{
	size_t size = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		size += (size_t)snprintf(
			text + size, PORTS_TEXT_SIZE - size, "%s%u", i ? "," : "", (unsigned int)list->ports[i]);
}

static int write_audit(struct db *db, const struct setting *setting, const struct perimeter_list *before)
{
	char subject[32], old[PORTS_TEXT_SIZE], fresh[PORTS_TEXT_SIZE];
	struct perimeter_list after;
	int64_t tenant = 0;
	int error = db_integer(db,
		"select system.tenant from asset join system on system.id = asset.system where asset.id = ?1",
		DB_ARGS(db_i64(setting->asset)), &tenant);

	if (!error)
		error = perimeter_list_get(db, setting->asset, &after);
	if (error)
		return error;
	snprintf(subject, sizeof(subject), "asset:%u", setting->asset);
	write_ports(before, old);
	write_ports(&after, fresh);
	return audit_append(db, setting->origin,
		&(struct audit_record){ .action = "asset.services",
			.subject = subject,
			.tenant = (uint32_t)tenant,
			.fields = (const struct audit_field[]){ { "ports", db_str(fresh) },
				{ "ports_before", db_str(old) } },
			.field_count = 2 });
}

/* The list is part of the asset: who changes either has seen both. */
static int set_list(void *context)
{
	const struct setting *setting = context;
	struct db *db = setting->db;
	struct perimeter_list before;
	int64_t revision = 0;
	int error =
		db_integer(db, "select revision from asset where id = ?1", DB_ARGS(db_i64(setting->asset)), &revision);

	if (!error && setting->revision && revision != setting->revision)
		error = LUYTRE_E_CONFLICT;
	if (!error)
		error = perimeter_list_get(db, setting->asset, &before);
	if (!error)
		error = db_run(db, "update asset set revision = revision + 1, updated_us = ?2 where id = ?1",
			DB_ARGS(db_i64(setting->asset), db_i64(setting->origin->now_us)), NULL);
	if (!error)
		error = db_run(
			db, "delete from perimeter_list where asset = ?1", DB_ARGS(db_i64(setting->asset)), NULL);
	for (size_t i = 0; i < setting->list->count && !error; i++)
		error = db_run(db, "insert into perimeter_list (asset, port) values (?1, ?2) on conflict do nothing",
			DB_ARGS(db_i64(setting->asset), db_i64(setting->list->ports[i])), NULL);
	return error ? error : write_audit(db, setting, &before);
}

int perimeter_list_set(struct db *db, const struct audit_origin *origin, uint32_t asset, int64_t revision,
	const struct perimeter_list *list)
{
	struct setting setting = { db, origin, asset, revision, list };

	return list->count > PERIMETER_SERVICES_MAX ? LUYTRE_E_FULL : db_atomically(db, set_list, &setting);
}
