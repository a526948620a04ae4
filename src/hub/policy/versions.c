// SPDX-License-Identifier: Apache-2.0
/* Versions in the control database, and who may move them on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/policy/policy.h"
#include "hub/tenants/canon.h"

#define COLUMNS                                                                                                        \
	"id, base, revision, state, author_id, approver_id, reason, author, approver, created_us, approved_us, "       \
	"changes"

static const struct db_migration migrations[] = {
	{ "create table policy (id integer primary key, base integer not null, revision integer not null,"
	  " state integer not null, stood integer not null, author_id integer not null, approver_id integer not null,"
	  " reason text not null, author text not null, approver text not null, created_us integer not null,"
	  " approved_us integer not null, changes text not null, entries text not null);"
	  "create index policy_state on policy (state);"
	  "create table policy_edge (edge integer primary key, version integer not null, state integer not null,"
	  " since_us integer not null, why text not null)" },
	{ "create table policy_site (tenant integer primary key, content integer not null, changed_us integer not "
	  "null)" },
};

const char *policy_why_text(const struct policy_why *why, enum luytre_lang lang)
{
#define X(id, error, en, vi) { en, vi },
	static const char *const texts[][2] = { { "", "" }, POLICY_REASONS(X) };
#undef X

	return texts[why->reason][lang == LUYTRE_LANG_VI];
}

static int refuse(const struct policy_call *call, enum policy_reason reason, size_t change)
{
#define X(id, error, en, vi) error,
	static const int errors[] = { 0, POLICY_REASONS(X) };
#undef X

	if (call->why)
		*call->why = (struct policy_why){ .reason = reason, .change = change };
	return errors[reason];
}

void policy_version_done(struct policy_version *version)
{
	free(version->changes);
	version->changes = NULL;
	version->change_count = 0;
}

/* ---- Rows ---- */

static void copy_text(const struct db_value *column, char *text, size_t text_size)
{
	snprintf(text, text_size, "%.*s", (int)column->bytes.size, (const char *)column->bytes.ptr);
}

static int read_row(const struct db_value *columns, struct policy_version *ret)
{
	*ret = (struct policy_version){ .id = (uint32_t)columns[0].integer,
		.base = (uint32_t)columns[1].integer,
		.revision = columns[2].integer,
		.state = (enum policy_state)columns[3].integer,
		.author_id = (uint32_t)columns[4].integer,
		.approver_id = (uint32_t)columns[5].integer,
		.created_us = columns[9].integer,
		.approved_us = columns[10].integer };
	copy_text(&columns[6], ret->reason, sizeof(ret->reason));
	copy_text(&columns[7], ret->author, sizeof(ret->author));
	copy_text(&columns[8], ret->approver, sizeof(ret->approver));
	return policy_changes_read(columns[11].bytes, &ret->changes, &ret->change_count);
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	int error = read_row(columns, context);

	return error ? error : 1;
}

static int get_row(struct db *db, uint32_t id, struct policy_version *ret)
{
	int error = db_each(db, "select " COLUMNS " from policy where id = ?1", DB_ARGS(db_i64(id)), row_get, ret);

	return error == 1 ? 0 : error == 0 ? LUYTRE_E_NOT_FOUND : error;
}

static int row_entries(void *context, const struct db_value *columns, size_t column_count)
{
	struct policy_entries *entries = context;
	struct policy_change *changes;
	size_t count;
	int error = policy_changes_read(columns[0].bytes, &changes, &count);

	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++)
		error = policy_entries_apply(entries, &changes[i]);
	free(changes);
	return error ? error : 1;
}

int policy_entries_get(struct db *db, uint32_t id, struct policy_entries *ret)
{
	struct policy_entries entries = { 0 };
	int error = db_each(db, "select entries from policy where id = ?1", DB_ARGS(db_i64(id)), row_entries, &entries);

	if (error != 1) {
		policy_entries_done(&entries);
		return error ? error : LUYTRE_E_NOT_FOUND;
	}
	*ret = entries;
	return 0;
}

int policy_standing(struct db *db, uint32_t *ret)
{
	int64_t id;
	int error = db_integer(db, "select id from policy where state = ?1", DB_ARGS(db_i64(POLICY_STANDING)), &id);

	if (!error)
		*ret = (uint32_t)id;
	return error;
}

static int write_entries(struct jsonw *json, const struct policy_entries *entries, struct bytes *ret)
{
	struct policy_change *changes = calloc(entries->count + 1, sizeof(*changes));

	jsonw_init(json, POLICY_TEXT_MAX);
	if (!changes)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < entries->count; i++)
		changes[i].entry = entries->items[i];
	policy_changes_write(json, changes, entries->count);
	free(changes);
	return jsonw_text(json, ret);
}

static int insert_row(struct db *db, const struct policy_version *row, const struct policy_entries *entries)
{
	struct jsonw changes_json, entries_json;
	struct bytes changes_text, entries_text;
	int error;

	jsonw_init(&changes_json, POLICY_TEXT_MAX);
	policy_changes_write(&changes_json, row->changes, row->change_count);
	error = jsonw_text(&changes_json, &changes_text);
	if (!error)
		error = write_entries(&entries_json, entries, &entries_text);
	else
		jsonw_init(&entries_json, 0);
	if (!error)
		error = db_run(db,
			"insert into policy (" COLUMNS ", entries, stood)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
			DB_ARGS(db_i64(row->id), db_i64(row->base), db_i64(row->revision), db_i64(row->state),
				db_i64(row->author_id), db_i64(row->approver_id), db_str(row->reason),
				db_str(row->author), db_str(row->approver), db_i64(row->created_us),
				db_i64(row->approved_us), db_text(changes_text), db_text(entries_text),
				db_i64(row->state == POLICY_STANDING)),
			NULL);
	jsonw_done(&changes_json);
	jsonw_done(&entries_json);
	return error;
}

int policy_setup(struct db *db, int64_t now_us)
{
	struct policy_version first = { .revision = 1,
		.state = POLICY_STANDING,
		.reason = "Every edge does what its own file says.",
		.author = "system",
		.created_us = now_us,
		.approved_us = now_us };
	const struct policy_entries none = { 0 };
	uint32_t standing;
	int64_t id;
	int error = db_migrate(db, "policy", migrations, ARRAY_COUNT(migrations));

	if (!error)
		error = db_begin(db);
	if (error)
		return error;
	error = policy_standing(db, &standing);
	if (error == LUYTRE_E_NOT_FOUND) {
		error = db_next_id(db, "policy", &id);
		if (!error) {
			first.id = (uint32_t)id;
			error = insert_row(db, &first, &none);
		}
	}
	if (!error)
		return db_commit(db);
	db_rollback(db);
	return error;
}

/* ---- What a scope sees ---- */

/* Leaves the changes that the scope has. False: it has none of them. */
static bool cut_to_scope(struct policy_version *version, const struct scope *scope)
{
	size_t kept = 0;

	if (scope->all || !version->change_count)
		return true;
	for (size_t i = 0; i < version->change_count; i++)
		if (scope_has(scope, version->changes[i].entry.tenant))
			version->changes[kept++] = version->changes[i];
	version->change_count = kept;
	return kept > 0;
}

int policy_get(const struct policy_call *call, uint32_t id, struct policy_version *ret)
{
	struct policy_version version;
	int error = call->scope ? get_row(call->db, id, &version) : LUYTRE_E_INVALID;

	if (error)
		return error;
	if (!cut_to_scope(&version, call->scope)) {
		policy_version_done(&version);
		return LUYTRE_E_NOT_FOUND;
	}
	*ret = version;
	return 0;
}

struct walk {
	const struct scope *scope;
	policy_version_fn fn;
	void *context;
	uint32_t left, last;
	bool any;
};

static int row_each(void *context, const struct db_value *columns, size_t column_count)
{
	struct walk *walk = context;
	struct policy_version version;
	int error = read_row(columns, &version);

	if (error)
		return error;
	walk->any = true;
	walk->last = version.id;
	if (walk->left && cut_to_scope(&version, walk->scope)) {
		walk->left--;
		error = walk->fn(walk->context, &version);
	}
	policy_version_done(&version);
	return error;
}

int policy_each(const struct policy_call *call, uint32_t before, enum policy_state state, uint32_t limit,
	policy_version_fn fn, void *context)
{
	struct walk walk = { .scope = call->scope, .fn = fn, .context = context, .left = limit, .last = before };
	int error = call->scope ? 0 : LUYTRE_E_INVALID;

	do {
		walk.any = false;
		if (!error)
			error = db_each(call->db,
				"select " COLUMNS
				" from policy where id < ?1 and state between ?2 and ?3 order by id desc limit 100",
				DB_ARGS(db_i64(walk.last ? walk.last : INT64_C(1) << 32),
					db_i64(state == POLICY_STATE_COUNT ? 0 : (int64_t)state), db_i64(state)),
				row_each, &walk);
	} while (!error && walk.any && walk.left);
	return error;
}

/* ---- Proposals ---- */

/* Is somebody else's asset what a URL speaks for? */
static int check_host(const struct policy_call *call, const struct tenant_asset *asset, size_t at)
{
	uint8_t first[ASSET_KEY_SIZE], last[ASSET_KEY_SIZE];
	struct ip_prefix prefix;
	struct bytes name;
	int64_t others = 0;
	int error;

	if (asset_place(asset->kind, bytes_from_str(asset->value), &prefix, &name)) {
		asset_key_first(&prefix, first);
		asset_key_last(&prefix, last);
		error = db_integer(call->db,
			"select count(*) from asset x join system y on y.id = x.system"
			" where x.first_key <= ?1 and x.last_key >= ?2 and y.tenant <> ?3",
			DB_ARGS(db_blob(bytes_of(first, sizeof(first))), db_blob(bytes_of(last, sizeof(last))),
				db_i64(asset->tenant)),
			&others);
	} else {
		error = db_integer(call->db,
			"select count(*) from asset x join system y on y.id = x.system where x.value = ?1 and y.tenant "
			"<> ?2",
			DB_ARGS(db_text(name), db_i64(asset->tenant)), &others);
	}
	return !error && others ? refuse(call, POLICY_WHY_HOST, at) : error;
}

/* More than the gate's mode. */
static bool sets_packets(const struct policy_settings *settings)
{
	struct policy_settings rest = *settings;

	rest.modes[ASSET_PART_GATE] = POLICYFILE_UNSET;
	return !policy_settings_empty(&rest);
}

/* Does it let the gate look into what goes to the place? */
static bool opens(const struct policy_settings *settings)
{
	return settings->modes[ASSET_PART_GATE] != POLICYFILE_UNSET &&
	       settings->modes[ASSET_PART_GATE] != ASSET_MODE_OFF;
}

static int check_asset(
	const struct policy_call *call, const struct policy_entry *entry, const struct tenant_asset *asset, size_t at)
{
	const struct tenants_call tenants = { .db = call->db, .scope = call->scope };
	struct tenant_system system;

	if (asset->kind != ASSET_KIND_ADDRESS && asset->kind != ASSET_KIND_PREFIX && sets_packets(&entry->settings))
		return refuse(call, POLICY_WHY_KIND, at);
	if (opens(&entry->settings)) {
		int error = tenant_system_get(&tenants, asset->system, &system);

		if (error)
			return error;
		if (system.edge_only)
			return refuse(call, POLICY_WHY_EDGE_ONLY, at);
	}
	if (asset->kind == ASSET_KIND_URL && entry->settings.modes[ASSET_PART_GATE] != POLICYFILE_UNSET)
		return check_host(call, asset, at);
	return 0;
}

static int check_place(const struct policy_call *call, const struct policy_entry *entry, size_t at)
{
	const struct tenants_call tenants = { .db = call->db, .scope = call->scope };
	struct tenant_system system;
	struct tenant_asset asset;
	struct tenant tenant;
	int error = tenant_get(&tenants, entry->tenant, &tenant);

	if (error)
		return error == LUYTRE_E_NOT_FOUND ? refuse(call, POLICY_WHY_TENANT, at) : error;
	if (entry->kind == POLICY_KIND_TENANT)
		return entry->id == entry->tenant ? 0 : refuse(call, POLICY_WHY_TENANT, at);
	if (entry->kind == POLICY_KIND_SYSTEM) {
		error = tenant_system_get(&tenants, entry->id, &system);
		if (error == LUYTRE_E_NOT_FOUND || (!error && system.tenant != entry->tenant))
			return refuse(call, POLICY_WHY_SYSTEM, at);
		if (!error && system.edge_only && opens(&entry->settings))
			return refuse(call, POLICY_WHY_EDGE_ONLY, at);
		return error;
	}
	error = tenant_asset_get(&tenants, entry->id, &asset);
	if (error == LUYTRE_E_NOT_FOUND || (!error && asset.tenant != entry->tenant))
		return refuse(call, POLICY_WHY_ASSET, at);
	return error ? error : check_asset(call, entry, &asset, at);
}

/* What edges cannot do while they run is refused here, by name: nobody shall believe that it stands. */
static int check_settings(const struct policy_call *call, const struct policy_change *change, size_t at)
{
	const struct policy_settings *settings = &change->entry.settings;

	if (settings->modes[ASSET_PART_SHIELD] == ASSET_MODE_OFF)
		return refuse(call, POLICY_WHY_SHIELD_OFF, at);
	return policy_settings_empty(settings) && !change->reset ? refuse(call, POLICY_WHY_NOTHING, at) : 0;
}

/* '*entries' begins as those of the base. */
static int apply_all(const struct policy_call *call, const struct policy_change *changes, size_t count,
	struct policy_entries *entries)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		error = check_place(call, &changes[i].entry, i);
		if (!error)
			error = check_settings(call, &changes[i], i);
		if (!error)
			error = policy_entries_apply(entries, &changes[i]);
		if (error == LUYTRE_E_FULL)
			error = refuse(call, POLICY_WHY_ENTRIES, i);
	}
	return error;
}

static void count_difference(void *context, const struct policy_difference *difference)
{
	++*(size_t *)context;
}

static bool differ(const struct policy_entries *one, const struct policy_entries *other)
{
	size_t count = 0;

	policy_diff(one, other, count_difference, &count);
	return count > 0;
}

static int audited(
	const struct policy_call *call, const char *action, const struct policy_version *row, const char *reason)
{
	const struct audit_field fields[] = { { "reason", db_str(reason) }, { "base", db_i64(row->base) },
		{ "changes", db_i64((int64_t)row->change_count) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "policy:%u", row->id);
	return audit_append(call->db, call->origin,
		&(struct audit_record){
			.action = action, .subject = subject, .fields = fields, .field_count = ARRAY_COUNT(fields) });
}

/* A new row of the caller's; '*row' has reason, base, state and changes. */
static int add_row(const struct policy_call *call, struct policy_version *row, const struct policy_entries *entries)
{
	int64_t id;
	int error = db_next_id(call->db, "policy", &id);

	row->id = (uint32_t)id;
	row->revision = 1;
	row->author_id = call->person;
	row->created_us = call->origin->now_us;
	snprintf(row->author, sizeof(row->author), "%s", call->name);
	return error ? error : insert_row(call->db, row, entries);
}

static int copy_changes(struct policy_version *row, const struct policy_change *changes, size_t count)
{
	row->changes = calloc(count + 1, sizeof(*row->changes));
	if (!row->changes)
		return LUYTRE_E_NOMEM;
	memcpy(row->changes, changes, count * sizeof(*changes));
	row->change_count = count;
	return 0;
}

static int check_room(const struct policy_call *call, uint32_t base)
{
	uint32_t standing;
	int64_t pending = 0;
	int error = policy_standing(call->db, &standing);

	if (!error && standing != base)
		return refuse(call, POLICY_WHY_BASE, 0);
	if (!error)
		error = db_integer(call->db, "select count(*) from policy where state = ?1",
			DB_ARGS(db_i64(POLICY_PROPOSED)), &pending);
	return !error && pending >= POLICY_PENDING_MAX ? refuse(call, POLICY_WHY_PENDING, 0) : error;
}

static int propose(const struct policy_call *call, struct policy_version *row)
{
	struct policy_entries before = { 0 }, after = { 0 };
	int error = check_room(call, row->base);

	if (!error)
		error = policy_entries_get(call->db, row->base, &before);
	if (!error)
		error = policy_entries_get(call->db, row->base, &after);
	if (!error)
		error = apply_all(call, row->changes, row->change_count, &after);
	if (!error && !differ(&before, &after))
		error = refuse(call, POLICY_WHY_SAME, 0);
	if (!error)
		error = add_row(call, row, &after);
	policy_entries_done(&before);
	policy_entries_done(&after);
	return error ? error : audited(call, "policy.propose", row, row->reason);
}

/* Ends the transaction and hands the row over. */
static int finish(const struct policy_call *call, int error, struct policy_version *row, struct policy_version *ret)
{
	if (!error)
		error = db_commit(call->db);
	else
		db_rollback(call->db);
	if (error)
		policy_version_done(row);
	else
		*ret = *row;
	return error;
}

int policy_propose(const struct policy_call *call, uint32_t base, const char *reason,
	const struct policy_change *changes, size_t count, struct policy_version *ret)
{
	struct policy_version row = { .base = base, .state = POLICY_PROPOSED };
	int error;

	if (!call->scope || count > POLICY_CHANGES_MAX)
		return LUYTRE_E_INVALID;
	snprintf(row.reason, sizeof(row.reason), "%s", reason);
	error = copy_changes(&row, changes, count);
	if (!error)
		error = db_begin(call->db);
	if (error) {
		policy_version_done(&row);
		return error;
	}
	return finish(call, propose(call, &row), &row, ret);
}

/* ---- Into force ---- */

/* What stood is replaced, what was proposed is out: it began with what stood. */
static int make_room(struct db *db, uint32_t id)
{
	static const struct {
		enum policy_state from, to;
	} moves[] = { { POLICY_STANDING, POLICY_REPLACED }, { POLICY_PROPOSED, POLICY_REJECTED } };
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(moves) && !error; i++)
		error = db_run(db,
			"update policy set state = ?2, revision = revision + 1 where state = ?1 and id <> ?3",
			DB_ARGS(db_i64(moves[i].from), db_i64(moves[i].to), db_i64(id)), NULL);
	return error;
}

/* May all that it changes be changed by the caller? */
static int check_scope(const struct policy_call *call, const struct policy_version *row)
{
	size_t outside = 0;

	for (size_t i = 0; i < row->change_count; i++)
		outside += scope_has(call->scope, row->changes[i].entry.tenant) ? 0 : 1;
	if (!outside)
		return 0;
	return outside == row->change_count ? LUYTRE_E_NOT_FOUND : LUYTRE_E_PERMISSION;
}

static int check_approval(const struct policy_call *call, const struct policy_version *row, int64_t revision)
{
	uint32_t standing;
	int error = check_scope(call, row);

	if (error)
		return error;
	if (row->state != POLICY_PROPOSED)
		return refuse(call, POLICY_WHY_STATE, 0);
	if (row->author_id == call->person)
		return refuse(call, POLICY_WHY_AUTHOR, 0);
	if (row->revision != revision)
		return LUYTRE_E_CONFLICT;
	error = policy_standing(call->db, &standing);
	return !error && standing != row->base ? refuse(call, POLICY_WHY_BASE, 0) : error;
}

static int approve(const struct policy_call *call, struct policy_version *row, int64_t revision, const char *reason)
{
	int error = check_approval(call, row, revision);

	if (!error)
		error = make_room(call->db, row->id);
	if (error)
		return error;
	row->state = POLICY_STANDING;
	row->revision++;
	row->approver_id = call->person;
	row->approved_us = call->origin->now_us;
	snprintf(row->approver, sizeof(row->approver), "%s", call->name);
	error = db_run(call->db,
		"update policy set state = ?2, stood = 1, revision = ?3, approver_id = ?4, approver = ?5, approved_us "
		"= ?6"
		" where id = ?1",
		DB_ARGS(db_i64(row->id), db_i64(row->state), db_i64(row->revision), db_i64(row->approver_id),
			db_str(row->approver), db_i64(row->approved_us)),
		NULL);
	return error ? error : audited(call, "policy.approve", row, reason);
}

int policy_approve(
	const struct policy_call *call, uint32_t id, int64_t revision, const char *reason, struct policy_version *ret)
{
	struct policy_version row = { 0 };
	int error = call->scope ? db_begin(call->db) : LUYTRE_E_INVALID;

	if (error)
		return error;
	error = get_row(call->db, id, &row);
	if (!error)
		error = approve(call, &row, revision, reason);
	return finish(call, error, &row, ret);
}

/* ---- Back ---- */

/* The changes that make 'to' of 'from'. */
static int changes_between(
	const struct policy_entries *from, const struct policy_entries *to, struct policy_version *row)
{
	size_t count = 0;

	row->changes = calloc(from->count + to->count + 1, sizeof(*row->changes));
	if (!row->changes)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < from->count; i++)
		if (!policy_entries_find(to, from->items[i].kind, from->items[i].id)) {
			struct policy_change *change = &row->changes[count++];

			*change = (struct policy_change){ .reset = true, .entry = from->items[i] };
			policy_settings_init(&change->entry.settings);
		}
	for (size_t i = 0; i < to->count; i++) {
		const struct policy_entry *before = policy_entries_find(from, to->items[i].kind, to->items[i].id);

		if (!before || memcmp(&before->settings, &to->items[i].settings, sizeof(before->settings)) != 0)
			row->changes[count++] = (struct policy_change){ .reset = true, .entry = to->items[i] };
	}
	row->change_count = count;
	return 0;
}

static int roll_back(const struct policy_call *call, uint32_t id, struct policy_version *row)
{
	struct policy_entries now = { 0 }, then = { 0 };
	int64_t stood = 0;
	int error = db_integer(call->db, "select stood from policy where id = ?1", DB_ARGS(db_i64(id)), &stood);

	if (!error && !stood)
		error = refuse(call, POLICY_WHY_NEVER_STOOD, 0);
	if (!error)
		error = policy_standing(call->db, &row->base);
	if (!error)
		error = policy_entries_get(call->db, row->base, &now);
	if (!error)
		error = policy_entries_get(call->db, id, &then);
	if (!error)
		error = changes_between(&now, &then, row);
	if (!error)
		error = row->change_count ? check_scope(call, row) : refuse(call, POLICY_WHY_SAME, 0);
	row->approved_us = call->origin->now_us;
	if (!error)
		error = make_room(call->db, 0);
	if (!error)
		error = add_row(call, row, &then);
	policy_entries_done(&now);
	policy_entries_done(&then);
	return error ? error : audited(call, "policy.roll-back", row, row->reason);
}

int policy_roll_back(const struct policy_call *call, uint32_t id, const char *reason, struct policy_version *ret)
{
	struct policy_version row = { .state = POLICY_STANDING };
	int error = call->scope ? db_begin(call->db) : LUYTRE_E_INVALID;

	if (error)
		return error;
	snprintf(row.reason, sizeof(row.reason), "%s", reason);
	return finish(call, roll_back(call, id, &row), &row, ret);
}
