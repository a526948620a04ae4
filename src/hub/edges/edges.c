// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/edges.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/error.h"

#define TOKEN_WORD "ltedge1."

enum {
	SECRET_SIZE = 32,
	HASH_SIZE = 32,
	TOKEN_BYTES = SECRET_SIZE + CA_FINGERPRINT_SIZE,
};

struct edge_row {
	struct edge_view view;
	char serial_before[CA_SERIAL_SIZE];
	bool newest_used; /* since the start */
	uint32_t renewals; /* on 'renewals_day' */
	int64_t renewals_day;
	bool unsaved;
};

struct edges {
	struct db *db;
	const struct ca *ca;
	struct edge_row *rows; /* ascending ids */
	size_t count;
};

static const struct db_migration migrations[] = {
	{ "create table edge (id integer primary key, name text not null, version text not null, serial text not null,"
	  " serial_before text not null, created_us bigint not null, until_us bigint not null, seen_us bigint not null,"
	  " revoked integer not null, boot text not null, acked bigint not null, lost bigint not null,"
	  " policy bigint not null, epoch bigint not null, have bigint not null, have_us bigint not null);"
	  "create table edge_token (hash bytea primary key, name text not null, until_us bigint not null)" },
	/* Tokens that say nothing of tenants are good for nothing. */
	{ "alter table edge add column revision bigint not null default 1;"
	  "alter table edge add column province bigint not null default 0;"
	  "alter table edge add column all_tenants bigint not null default 0;"
	  "create table edge_tenant (edge bigint not null, tenant bigint not null, primary key (edge, tenant));"
	  "drop table edge_token;"
	  "create table edge_token (id bigint primary key, hash blob not null unique, name text not null,"
	  " province bigint not null, all_tenants bigint not null, created_by text not null, until_us bigint not null);"
	  "create table edge_token_tenant (token bigint not null, tenant bigint not null, primary key (token, "
	  "tenant))" },
};

/* ---- Reading the register ---- */

static void copy_text(const struct db_value *value, char *text, size_t text_size)
{
	if (value->type != DB_TEXT || !bytes_to_str(value->bytes, text, text_size))
		text[0] = '\0';
}

static int read_row(void *context, const struct db_value *columns, size_t column_count)
{
	struct edges *edges = context;
	struct edge_row *row = &edges->rows[edges->count];
	struct edge_view *view = &row->view;

	if (edges->count == EDGES_MAX || column_count != 19)
		return LUYTRE_E_FULL;
	*row = (struct edge_row){ 0 };
	view->id = (uint32_t)columns[0].integer;
	copy_text(&columns[1], view->name, sizeof(view->name));
	copy_text(&columns[2], view->version, sizeof(view->version));
	copy_text(&columns[3], view->serial, sizeof(view->serial));
	copy_text(&columns[4], row->serial_before, sizeof(row->serial_before));
	view->created_us = columns[5].integer;
	view->until_us = columns[6].integer;
	view->seen_us = columns[7].integer;
	view->revoked = columns[8].integer != 0;
	copy_text(&columns[9], view->boot, sizeof(view->boot));
	view->acked = (uint64_t)columns[10].integer;
	view->lost = (uint64_t)columns[11].integer;
	view->policy = (uint64_t)columns[12].integer;
	view->epoch = (uint64_t)columns[13].integer;
	view->have = (uint64_t)columns[14].integer;
	view->have_us = columns[15].integer;
	view->revision = columns[16].integer;
	view->province = (uint32_t)columns[17].integer;
	edges->count++;
	return edges_bound_read(edges->db, EDGES_BOUND_EDGE, view->id, columns[18].integer != 0, &view->bound);
}

static void free_rows(struct edges *edges)
{
	for (size_t i = 0; i < edges->count; i++)
		edges_bound_unref(edges->rows[i].view.bound);
	free(edges->rows);
	free(edges);
}

int edges_open(struct db *db, const struct ca *ca, struct edges **ret)
{
	struct edges *edges = calloc(1, sizeof(*edges));
	int error;

	if (!edges)
		return LUYTRE_E_NOMEM;
	edges->db = db;
	edges->ca = ca;
	edges->rows = calloc(EDGES_MAX, sizeof(*edges->rows));
	error = !edges->rows ? LUYTRE_E_NOMEM : sodium_init() < 0 ? LUYTRE_E_SYSTEM : 0;
	if (!error)
		error = db_migrate(db, "edges", migrations, ARRAY_COUNT(migrations));
	if (!error)
		error = db_each(db,
			"select id, name, version, serial, serial_before, created_us, until_us, seen_us, revoked, "
			"boot, acked, lost,"
			" policy, epoch, have, have_us, revision, province, all_tenants from edge order by id",
			DB_NO_ARGS, read_row, edges);
	if (error) {
		free_rows(edges);
		return error;
	}
	*ret = edges;
	return 0;
}

int edges_save(struct edges *edges)
{
	int error = 0;
	bool any = false;

	for (size_t i = 0; i < edges->count && !any; i++)
		any = edges->rows[i].unsaved;
	if (!any)
		return 0;
	error = db_begin(edges->db);
	for (size_t i = 0; i < edges->count && !error; i++) {
		const struct edge_view *view = &edges->rows[i].view;

		if (edges->rows[i].unsaved)
			error = db_run(edges->db,
				"update edge set seen_us = ?2, boot = ?3, acked = ?4, lost = ?5, policy = ?6, epoch = "
				"?7, have = ?8,"
				" have_us = ?9 where id = ?1",
				DB_ARGS(db_i64(view->id), db_i64(view->seen_us), db_str(view->boot),
					db_i64((int64_t)view->acked), db_i64((int64_t)view->lost),
					db_i64((int64_t)view->policy), db_i64((int64_t)view->epoch),
					db_i64((int64_t)view->have), db_i64(view->have_us)),
				NULL);
	}
	if (!error)
		error = db_commit(edges->db);
	if (error) {
		db_rollback(edges->db);
		return error;
	}
	for (size_t i = 0; i < edges->count; i++)
		edges->rows[i].unsaved = false;
	return 0;
}

void edges_close(struct edges *edges)
{
	int ignored;

	if (!edges)
		return;
	ignored = edges_save(edges); /* asked of the events again at the next start */
	(void)ignored;
	free_rows(edges);
}

/* ---- Looking ---- */

static struct edge_row *find_row(const struct edges *edges, uint32_t edge)
{
	size_t low = 0, high = edges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (edges->rows[middle].view.id == edge)
			return &edges->rows[middle];
		if (edges->rows[middle].view.id < edge)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t edges_count(const struct edges *edges)
{
	return edges->count;
}

const struct edge_view *edges_at(const struct edges *edges, size_t place)
{
	return place < edges->count ? &edges->rows[place].view : NULL;
}

const struct edge_view *edges_find(const struct edges *edges, uint32_t edge)
{
	const struct edge_row *row = find_row(edges, edge);

	return row ? &row->view : NULL;
}

/* ---- Entering ---- */

static void hash_of(const uint8_t secret[SECRET_SIZE], uint8_t ret[HASH_SIZE])
{
	crypto_generichash(ret, HASH_SIZE, secret, SECRET_SIZE, (const uint8_t *)TOKEN_WORD, strlen(TOKEN_WORD));
}

static int audited(struct edges *edges, const struct audit_origin *origin, const char *action, uint32_t edge,
	const struct audit_field *fields, size_t field_count)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "edge:%u", edge);
	return audit_append(edges->db, origin,
		&(struct audit_record){
			.action = action, .subject = subject, .fields = fields, .field_count = field_count });
}

/* Ends a transaction: stored, or as if nothing had been. */
static int finish(struct edges *edges, int error)
{
	if (!error)
		error = db_commit(edges->db);
	if (error)
		db_rollback(edges->db);
	return error;
}

/* Names and versions are shown on terminals. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool is_name(const char *name)
{
	return name[0] && strlen(name) <= EDGES_NAME_MAX && is_plain(name);
}

static bool serves_nobody(const struct edges_bound *bound)
{
	return !bound->all && bound->tenant_count == 0;
}

/* Inside a transaction: forgets those whose time is over, and one by its id. */
static int drop_tokens(struct edges *edges, int64_t now_us, uint32_t id, uint64_t *ret_count)
{
	int error = db_run(edges->db,
		"delete from edge_token_tenant where token in (select id from edge_token where until_us <= ?1 or id = "
		"?2)",
		DB_ARGS(db_i64(now_us), db_i64(id)), NULL);

	if (!error)
		error = db_run(edges->db, "delete from edge_token where until_us <= ?1", DB_ARGS(db_i64(now_us)), NULL);
	if (!error)
		error = db_run(edges->db, "delete from edge_token where id = ?1", DB_ARGS(db_i64(id)), ret_count);
	return error;
}

static int audit_token(struct edges *edges, const struct audit_origin *origin, const char *action, uint32_t id,
	const struct audit_field *fields, size_t field_count)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "edge-token:%u", id);
	return audit_append(edges->db, origin,
		&(struct audit_record){
			.action = action, .subject = subject, .fields = fields, .field_count = field_count });
}

/* Inside a transaction. */
static int insert_token(struct edges *edges, const struct audit_origin *origin, const struct edges_invitation *in,
	const struct edges_bound *bound, struct bytes hash, uint32_t *ret_id)
{
	char text[EDGES_BOUND_TEXT_SIZE];
	const struct audit_field fields[] = { { "name", db_str(in->name) },
		{ "tenants", db_str(edges_bound_text(bound, text)) } };
	int64_t waiting = 0, id = 0, lives_s = in->lives_s ? in->lives_s : EDGES_TOKEN_LIVES_S;
	int error = drop_tokens(edges, origin->now_us, 0, NULL);

	if (!error)
		error = db_integer(edges->db, "select count(*) from edge_token", DB_NO_ARGS, &waiting);
	if (!error && waiting >= EDGES_TOKENS_MAX)
		error = LUYTRE_E_FULL;
	if (!error)
		error = db_next_id(edges->db, "edge_token", &id);
	if (!error)
		error = db_run(edges->db,
			"insert into edge_token (id, hash, name, province, all_tenants, created_by, until_us)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			DB_ARGS(db_i64(id), db_blob(hash), db_str(in->name), db_i64(in->province), db_i64(bound->all),
				db_str(origin->actor), db_i64(origin->now_us + lives_s * INT64_C(1000000))),
			NULL);
	if (!error)
		error = edges_bound_write(edges->db, EDGES_BOUND_TOKEN, (uint32_t)id, bound);
	*ret_id = (uint32_t)id;
	return error ? error : audit_token(edges, origin, "edge.invite", *ret_id, fields, ARRAY_COUNT(fields));
}

int edges_token(struct edges *edges, const struct audit_origin *origin, const struct edges_invitation *invitation,
	char ret[EDGES_TOKEN_SIZE], uint32_t *ret_id)
{
	uint8_t bytes[TOKEN_BYTES], hash[HASH_SIZE];
	const struct edges_bound *bound = NULL;
	int error;

	if (!is_name(invitation->name) || serves_nobody(&invitation->bound) ||
		invitation->lives_s > EDGES_TOKEN_LIVES_MAX_S)
		return LUYTRE_E_INVALID;
	error = edges_bound_new(&invitation->bound, &bound);
	if (!error)
		error = db_begin(edges->db);
	if (!error) {
		randombytes_buf(bytes, SECRET_SIZE);
		ca_fingerprint(edges->ca, bytes + SECRET_SIZE);
		hash_of(bytes, hash);
		error = finish(
			edges, insert_token(edges, origin, invitation, bound, bytes_of(hash, sizeof(hash)), ret_id));
	}
	if (!error) {
		size_t size = strlen(TOKEN_WORD);

		memcpy(ret, TOKEN_WORD, size);
		sodium_bin2base64(ret + size, EDGES_TOKEN_SIZE - size, bytes, sizeof(bytes),
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	}
	sodium_memzero(bytes, sizeof(bytes));
	edges_bound_unref(bound);
	return error;
}

struct token_walk {
	struct edges *edges;
	edges_token_fn fn;
	void *context;
};

static int give_token(void *context, const struct db_value *columns, size_t column_count)
{
	const struct token_walk *walk = context;
	struct edges_token_view view = { .id = (uint32_t)columns[0].integer,
		.province = (uint32_t)columns[2].integer,
		.until_us = columns[5].integer };
	int answer;

	copy_text(&columns[1], view.name, sizeof(view.name));
	copy_text(&columns[4], view.created_by, sizeof(view.created_by));
	answer = edges_bound_read(walk->edges->db, EDGES_BOUND_TOKEN, view.id, columns[3].integer != 0, &view.bound);
	if (answer)
		return answer;
	answer = walk->fn(walk->context, &view);
	edges_bound_unref(view.bound);
	return answer;
}

int edges_token_each(
	struct edges *edges, int64_t now_us, uint32_t after, uint32_t limit, edges_token_fn fn, void *context)
{
	struct token_walk walk = { edges, fn, context };

	return db_each(edges->db,
		"select id, name, province, all_tenants, created_by, until_us from edge_token"
		" where id > ?1 and until_us > ?2 order by id limit ?3",
		DB_ARGS(db_i64(after), db_i64(now_us), db_i64(limit)), give_token, &walk);
}

int edges_token_remove(struct edges *edges, const struct audit_origin *origin, uint32_t id)
{
	uint64_t count = 0;
	int error = id ? db_begin(edges->db) : LUYTRE_E_NOT_FOUND;

	if (error)
		return error;
	error = drop_tokens(edges, origin->now_us, id, &count);
	if (!error && count == 0)
		error = LUYTRE_E_NOT_FOUND;
	if (!error)
		error = audit_token(edges, origin, "edge.uninvite", id, NULL, 0);
	return finish(edges, error);
}

static bool read_token(struct bytes token, uint8_t ret_hash[HASH_SIZE])
{
	struct bytes word = bytes_from_str(TOKEN_WORD), text = bytes_skip(token, word.size);
	uint8_t bytes[TOKEN_BYTES];
	size_t size = 0;

	if (!bytes_starts_with(token, word) ||
		sodium_base642bin(bytes, sizeof(bytes), (const char *)text.ptr, text.size, NULL, &size, NULL,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
		size != sizeof(bytes))
		return false;
	hash_of(bytes, ret_hash);
	sodium_memzero(bytes, sizeof(bytes));
	return true;
}

struct used_token {
	uint32_t id;
	bool all;
	struct edge_view *view;
};

static int take_token(void *context, const struct db_value *columns, size_t column_count)
{
	struct used_token *token = context;

	token->id = (uint32_t)columns[0].integer;
	copy_text(&columns[1], token->view->name, sizeof(token->view->name));
	token->view->province = (uint32_t)columns[2].integer;
	token->all = columns[3].integer != 0;
	return 0;
}

/* Inside a transaction: uses the token up, and reads what it says. */
static int use_token(struct edges *edges, int64_t now_us, struct bytes hash, struct edge_view *view)
{
	struct used_token token = { .view = view };
	int error = db_each(edges->db,
		"delete from edge_token where hash = ?1 and until_us > ?2 returning id, name, province, all_tenants",
		DB_ARGS(db_blob(hash), db_i64(now_us)), take_token, &token);

	if (!error && !token.id)
		error = LUYTRE_E_PERMISSION;
	if (!error)
		error = edges_bound_read(edges->db, EDGES_BOUND_TOKEN, token.id, token.all, &view->bound);
	return error ? error : edges_bound_write(edges->db, EDGES_BOUND_TOKEN, token.id, NULL);
}

static int insert_row(struct edges *edges, const struct edge_view *view)
{
	int error = db_run(edges->db,
		"insert into edge (id, name, version, serial, serial_before, created_us, until_us, seen_us, revoked, "
		"boot, acked, lost, policy, epoch, have, have_us, revision, province, all_tenants)"
		" values (?1, ?2, ?3, ?4, '', ?5, ?6, 0, 0, '', 0, 0, 0, 0, 0, 0, 1, ?7, ?8)",
		DB_ARGS(db_i64(view->id), db_str(view->name), db_str(view->version), db_str(view->serial),
			db_i64(view->created_us), db_i64(view->until_us), db_i64(view->province),
			db_i64(view->bound->all)),
		NULL);

	return error ? error : edges_bound_write(edges->db, EDGES_BOUND_EDGE, view->id, view->bound);
}

/* Inside a transaction: uses the token up, gives a number, signs. */
static int enter(struct edges *edges, const struct audit_origin *origin, struct bytes hash, struct bytes request_pem,
	struct edge_view *view, struct ca_certificate *ret)
{
	int64_t id = 0;
	int error = use_token(edges, origin->now_us, hash, view);

	if (!error)
		error = db_next_id(edges->db, "edge", &id);
	view->id = (uint32_t)id;
	if (!error)
		error = ca_sign_edge(edges->ca, view->id, request_pem, origin->now_us, ret);
	if (error)
		return error;
	memcpy(view->serial, ret->serial, sizeof(view->serial));
	view->until_us = ret->until_us;
	error = insert_row(edges, view);
	if (!error) {
		char text[EDGES_BOUND_TEXT_SIZE];
		const struct audit_field fields[] = { { "name", db_str(view->name) },
			{ "version", db_str(view->version) },
			{ "tenants", db_str(edges_bound_text(view->bound, text)) } };

		error = audited(edges, origin, "edge.enrol", view->id, fields, ARRAY_COUNT(fields));
	}
	return error;
}

int edges_enrol(struct edges *edges, const struct audit_origin *origin, struct bytes token, struct bytes request_pem,
	struct bytes version, struct edges_enrolled *ret)
{
	struct edge_row row = { .view = { .created_us = origin->now_us, .revision = 1 } };
	struct ca_certificate certificate = { 0 };
	uint8_t hash[HASH_SIZE];
	int error;

	if (!read_token(token, hash))
		return LUYTRE_E_PERMISSION;
	if (edges->count == EDGES_MAX)
		return LUYTRE_E_FULL;
	if (!bytes_to_str(version, row.view.version, sizeof(row.view.version)) || !is_plain(row.view.version))
		return LUYTRE_E_INVALID;
	error = db_begin(edges->db);
	if (error)
		return error;
	error = finish(edges, enter(edges, origin, bytes_of(hash, sizeof(hash)), request_pem, &row.view, &certificate));
	if (error) {
		free(certificate.pem);
		edges_bound_unref(row.view.bound);
		return error;
	}
	edges->rows[edges->count++] = row;
	*ret = (struct edges_enrolled){ .id = row.view.id, .certificate = certificate };
	return 0;
}

/* 0: the certificate with this serial number may be followed by a new one. */
static int may_renew(struct edge_row *row, const char *serial, int64_t now_us)
{
	int64_t day = now_us / (EDGES_TOKEN_LIVES_S * INT64_C(1000000));

	if (!row || row->view.revoked || !serial[0])
		return LUYTRE_E_PERMISSION;
	if (strcasecmp(serial, row->view.serial) != 0 &&
		(row->newest_used || strcasecmp(serial, row->serial_before) != 0))
		return LUYTRE_E_PERMISSION;
	if (row->renewals_day != day) {
		row->renewals_day = day;
		row->renewals = 0;
	}
	return row->renewals < EDGES_RENEWALS_MAX ? 0 : LUYTRE_E_BUSY;
}

int edges_renew(struct edges *edges, const struct audit_origin *origin, uint32_t edge, const char *serial,
	struct bytes request_pem, struct ca_certificate *ret)
{
	struct edge_row *row = find_row(edges, edge);
	struct ca_certificate certificate = { 0 };
	const char *before;
	int error = may_renew(row, serial, origin->now_us);

	if (error)
		return error;
	before = strcasecmp(serial, row->view.serial) == 0 ? row->view.serial : row->serial_before;
	row->renewals++;
	error = ca_sign_edge(edges->ca, edge, request_pem, origin->now_us, &certificate);
	if (!error)
		error = db_begin(edges->db);
	if (!error) {
		error = db_run(edges->db,
			"update edge set serial = ?2, serial_before = ?3, until_us = ?4 where id = ?1",
			DB_ARGS(db_i64(edge), db_str(certificate.serial), db_str(before), db_i64(certificate.until_us)),
			NULL);
		if (!error)
			error = audited(edges, origin, "edge.renew", edge, NULL, 0);
		error = finish(edges, error);
	}
	if (error) {
		free(certificate.pem);
		return error;
	}
	if (before == row->view.serial)
		memcpy(row->serial_before, row->view.serial, sizeof(row->serial_before));
	row->newest_used = false;
	memcpy(row->view.serial, certificate.serial, sizeof(row->view.serial));
	row->view.until_us = certificate.until_us;
	*ret = certificate;
	return 0;
}

int edges_revoke(struct edges *edges, const struct audit_origin *origin, uint32_t edge, const char *reason)
{
	const struct audit_field fields[] = { { "reason", db_str(reason) } };
	struct edge_row *row = find_row(edges, edge);
	int error;

	if (!row)
		return LUYTRE_E_NOT_FOUND;
	error = db_begin(edges->db);
	if (error)
		return error;
	error = db_run(edges->db, "update edge set revoked = 1 where id = ?1", DB_ARGS(db_i64(edge)), NULL);
	if (!error)
		error = audited(edges, origin, "edge.revoke", edge, fields, reason != NULL);
	error = finish(edges, error);
	if (!error)
		row->view.revoked = true;
	return error;
}

/* Inside a transaction. */
static int write_change(struct edges *edges, const struct audit_origin *origin, const struct edge_view *old,
	const struct edges_change *change, const struct edges_bound *bound)
{
	char text[EDGES_BOUND_TEXT_SIZE], text_before[EDGES_BOUND_TEXT_SIZE];
	const struct audit_field fields[] = { { "name", db_str(change->name) }, { "name_before", db_str(old->name) },
		{ "province", db_i64(change->province) }, { "province_before", db_i64(old->province) },
		{ "tenants", db_str(edges_bound_text(bound, text)) },
		{ "tenants_before", db_str(edges_bound_text(old->bound, text_before)) } };
	int error = db_run(edges->db,
		"update edge set name = ?2, province = ?3, all_tenants = ?4, revision = ?5 where id = ?1",
		DB_ARGS(db_i64(old->id), db_str(change->name), db_i64(change->province), db_i64(bound->all),
			db_i64(old->revision + 1)),
		NULL);

	if (!error)
		error = edges_bound_write(edges->db, EDGES_BOUND_EDGE, old->id, bound);
	return error ? error : audited(edges, origin, "edge.update", old->id, fields, ARRAY_COUNT(fields));
}

int edges_update(struct edges *edges, const struct audit_origin *origin, uint32_t edge, int64_t revision,
	const struct edges_change *change)
{
	struct edge_row *row = find_row(edges, edge);
	const struct edges_bound *bound = NULL;
	char name[EDGES_NAME_MAX + 1];
	int error;

	if (!row)
		return LUYTRE_E_NOT_FOUND;
	if (row->view.revision != revision)
		return LUYTRE_E_CONFLICT;
	if (!is_name(change->name) || serves_nobody(&change->bound))
		return LUYTRE_E_INVALID;
	snprintf(name, sizeof(name), "%s", change->name); /* may be that of the row */
	error = edges_bound_new(&change->bound, &bound);
	if (!error)
		error = db_begin(edges->db);
	if (!error)
		error = finish(edges, write_change(edges, origin, &row->view, change, bound));
	if (error) {
		edges_bound_unref(bound);
		return error;
	}
	memcpy(row->view.name, name, sizeof(row->view.name));
	row->view.province = change->province;
	row->view.revision++;
	edges_bound_unref(row->view.bound);
	row->view.bound = bound;
	return 0;
}

static int admit(struct edges *edges, uint32_t edge, const char *serial, int64_t now_us, uint32_t *ret_edge)
{
	struct edge_row *row = find_row(edges, edge);
	bool newest = row && strcasecmp(serial, row->view.serial) == 0;

	/* The end of the newest is asked for as well: a connection may be older than it. */
	if (!row || row->view.revoked || !serial[0] || now_us >= row->view.until_us ||
		(!newest && strcasecmp(serial, row->serial_before) != 0))
		return LUYTRE_E_PERMISSION;
	row->newest_used |= newest;
	row->view.seen_us = now_us;
	row->unsaved = true;
	*ret_edge = edge;
	return 0;
}

int edges_check(struct edges *edges, struct bytes der, int64_t now_us, uint32_t *ret_edge)
{
	char serial[CA_SERIAL_SIZE];
	uint32_t edge;
	int error = ca_edge_of(edges->ca, der, now_us, &edge, serial);

	return error ? error : admit(edges, edge, serial, now_us, ret_edge);
}

int edges_known(struct edges *edges, const char *name, const char *serial, int64_t now_us, uint32_t *ret_edge)
{
	uint32_t edge;

	return ca_edge_parse(name, &edge) ? admit(edges, edge, serial, now_us, ret_edge) : LUYTRE_E_PERMISSION;
}

/* ---- Positions ---- */

bool edges_batch_known(const struct edges *edges, const struct batch_head *head)
{
	const struct edge_row *row = find_row(edges, head->edge);

	return !row || (strcmp(row->view.boot, head->boot) == 0 && head->seq <= row->view.acked);
}

int edges_stands(struct edges *edges, uint32_t edge, uint64_t policy, uint64_t epoch, uint64_t have, int64_t now_us)
{
	struct edge_row *row = find_row(edges, edge);

	if (!row)
		return LUYTRE_E_NOT_FOUND;
	if (row->view.epoch != epoch || row->view.have != have)
		row->view.have_us = now_us;
	row->view.policy = policy;
	row->view.epoch = epoch;
	row->view.have = have;
	row->unsaved = true;
	return 0;
}

int edges_batch_stored(struct edges *edges, const struct batch_head *head, int64_t now_us)
{
	struct edge_row *row = find_row(edges, head->edge);

	if (!row)
		return LUYTRE_E_NOT_FOUND;
	/* The same batch may have been on its way twice: the slower one must not take the number back. */
	if (strcmp(row->view.boot, head->boot) != 0 || head->seq > row->view.acked)
		row->view.acked = head->seq;
	memcpy(row->view.boot, head->boot, sizeof(row->view.boot));
	row->view.lost = head->lost;
	return edges_stands(edges, head->edge, head->policy, head->epoch, head->have, now_us);
}
