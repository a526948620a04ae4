// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/probe/consent.h"

#include <stdio.h>

#include "base/error.h"

const char *const consent_kinds[CONSENT_KIND_COUNT] = {
#define X(id, word, en, vi) word,
	CONSENT_KINDS(X)
#undef X
};

static const struct db_migration migrations[] = {
	{ "create table consent (id integer primary key, tenant integer not null, asset integer not null, kinds "
	  "integer not "
	  "null,"
	  " from_us integer not null, until_us integer not null, given_us integer not null, who text not null, note "
	  "text not "
	  "null);"
	  "create index consent_tenant on consent (tenant, id);" },
};

int consent_setup(struct db *db)
{
	return db_migrate(db, "consent", migrations, ARRAY_COUNT(migrations));
}

static int write_audit(
	struct db *db, const struct audit_origin *origin, const char *action, const struct consent *consent)
{
	return audit_append(db, origin,
		&(struct audit_record){ .action = action,
			.subject = "consent",
			.tenant = consent->tenant,
			.fields = (const struct audit_field[]){ { "consent", db_i64(consent->id) },
				{ "asset", db_i64(consent->asset) }, { "kinds", db_i64(consent->kinds) },
				{ "from_us", db_i64(consent->from_us) }, { "until_us", db_i64(consent->until_us) },
				{ "note", db_str(consent->note) } },
			.field_count = 6 });
}

/* The asset is the organisation's, or there is the organisation. */
static int check_subject(struct db *db, const struct consent *consent)
{
	int64_t found = 0;
	int error = consent->asset ? db_integer(db,
					     "select count(*) from asset join system on system.id = asset.system"
					     " where asset.id = ?1 and system.tenant = ?2",
					     DB_ARGS(db_i64(consent->asset), db_i64(consent->tenant)), &found)
				   : db_integer(db, "select count(*) from tenant where id = ?1",
					     DB_ARGS(db_i64(consent->tenant)), &found);

	return error || found ? error : LUYTRE_E_NOT_FOUND;
}

static int give(struct db *db, const struct audit_origin *origin, struct consent *consent)
{
	int error = check_subject(db, consent);

	if (!error)
		error = db_next_id(db, "consent", &consent->id);
	if (!error)
		error = db_run(db,
			"insert into consent (id, tenant, asset, kinds, from_us, until_us, given_us, who, note)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			DB_ARGS(db_i64(consent->id), db_i64(consent->tenant), db_i64(consent->asset),
				db_i64(consent->kinds), db_i64(consent->from_us), db_i64(consent->until_us),
				db_i64(consent->given_us), db_str(consent->who), db_str(consent->note)),
			NULL);
	return error ? error : write_audit(db, origin, "consent.give", consent);
}

int consent_give(struct db *db, const struct audit_origin *origin, struct consent *consent)
{
	int error;

	if (consent->until_us <= consent->from_us || consent->until_us <= origin->now_us ||
		consent->until_us - consent->from_us > CONSENT_SPAN_MAX_US)
		return LUYTRE_E_RANGE;
	if (!consent->kinds || consent->kinds >> CONSENT_KIND_COUNT || !consent->tenant || !consent->note[0])
		return LUYTRE_E_INVALID;
	consent->given_us = origin->now_us;
	snprintf(consent->who, sizeof(consent->who), "%s", origin->actor);
	error = db_begin(db);
	if (error)
		return error;
	error = give(db, origin, consent);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

static int read_consent(const struct db_value *columns, struct consent *ret)
{
	*ret = (struct consent){ .id = columns[0].integer,
		.tenant = (uint32_t)columns[1].integer,
		.asset = (uint32_t)columns[2].integer,
		.kinds = (uint32_t)columns[3].integer,
		.from_us = columns[4].integer,
		.until_us = columns[5].integer,
		.given_us = columns[6].integer };
	return bytes_to_str(columns[7].bytes, ret->who, sizeof(ret->who)) &&
			       bytes_to_str(columns[8].bytes, ret->note, sizeof(ret->note))
		       ? 0
		       : LUYTRE_E_CORRUPT;
}

#define COLUMNS "select id, tenant, asset, kinds, from_us, until_us, given_us, who, note from consent"

static int row_consent(void *context, const struct db_value *columns, size_t column_count)
{
	int error = read_consent(columns, context);

	return error ? error : 1;
}

int consent_take_back(struct db *db, const struct audit_origin *origin, const struct scope *scope, int64_t id)
{
	struct consent consent;
	int error = db_begin(db);

	if (error)
		return error;
	error = db_each(db, COLUMNS " where id = ?1", DB_ARGS(db_i64(id)), row_consent, &consent);
	if (error >= 0)
		error = error == 1 && scope_has(scope, consent.tenant) ? 0 : LUYTRE_E_NOT_FOUND;
	if (!error)
		error = db_run(db, "delete from consent where id = ?1", DB_ARGS(db_i64(id)), NULL);
	if (!error)
		error = write_audit(db, origin, "consent.take-back", &consent);
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

struct each {
	const struct scope *scope;
	consent_fn fn;
	void *context;
	uint32_t left;
};

enum { LIST_END = INT32_MIN };

static int row_each(void *context, const struct db_value *columns, size_t column_count)
{
	struct each *each = context;
	struct consent consent;
	int error = read_consent(columns, &consent);

	if (error || !scope_has(each->scope, consent.tenant))
		return error;
	error = each->fn(each->context, &consent);
	return error ? error : --each->left == 0 ? LIST_END : 0;
}

int consent_each(struct db *db, const struct scope *scope, uint32_t tenant, int64_t after, uint32_t limit,
	consent_fn fn, void *context)
{
	struct each each = { scope, fn, context, limit };
	int error;

	if (limit == 0 || limit > CONSENT_PAGE_MAX + 1)
		return LUYTRE_E_INVALID;
	error = tenant ? db_each(db, COLUMNS " where tenant = ?1 and id > ?2 order by id",
				 DB_ARGS(db_i64(tenant), db_i64(after)), row_each, &each)
		       : db_each(db, COLUMNS " where id > ?1 order by id", DB_ARGS(db_i64(after)), row_each, &each);
	return error == LIST_END ? 0 : error;
}

int consent_check(struct db *db, uint32_t asset, enum consent_kind kind, int64_t now_us)
{
	int64_t found = 0;
	int error = db_integer(db,
		"select count(*) from consent join system on system.tenant = consent.tenant"
		" join asset on asset.system = system.id and asset.id = ?1"
		" where (consent.asset = 0 or consent.asset = asset.id) and consent.from_us <= ?2 and consent.until_us "
		"> ?2"
		" and (consent.kinds & ?3) <> 0",
		DB_ARGS(db_i64(asset), db_i64(now_us), db_i64(1 << kind)), &found);

	return error || found ? error : LUYTRE_E_PERMISSION;
}
