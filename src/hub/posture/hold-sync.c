// SPDX-License-Identifier: Apache-2.0
/* From findings to holds and back, and what time brings. */
#include <stdio.h>
#include <stdlib.h>

#include "base/holdfile.h"
#include "hub/posture/hold-internal.h"
#include "hub/tenants/tenants.h"

enum { PASS_MAX = 100000 /* changes that one pass finds; the next finds the rest */ };

/* Ports behind which no web server is asked for anything, so no gate stands before them. What is not named here may be one. */
#define NOT_WEB                                                                                                        \
	"(21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 161, 389, 445, 465, 514, 587, 636, 993, 995, 1433, 1521, "      \
	"3306, 3389, 5432, 5900, 6379, 27017)"

/* Open, held, said to be fixed, accepted. */
#define HOLDABLE "f.state in (0, 1, 2, 4)"
_Static_assert(FINDING_OPEN == 0 && FINDING_HELD == 1 && FINDING_CLAIMED == 2 && FINDING_ACCEPTED == 4,
	"the states that HOLDABLE names");

#define UDP 17

_Static_assert((int)HOLDFILE_PART_GATE == (int)HOLDRULE_GATE && (int)HOLDFILE_PART_SENSOR == (int)HOLDRULE_SENSOR &&
		       (int)HOLDFILE_PART_COUNT == (int)HOLDRULE_KIND_COUNT,
	"a kind of rule is the part of the edge that holds by it");

/* ---- What covers what ---- */

struct cover {
	struct db *db;
	const struct holdrules *rules;
	bool changed;
};

static int64_t cover_count(const struct holdrules *rules)
{
	int64_t count = 0;

	for (size_t i = 0; i < holdrules_count(rules); i++) {
		if (holdrules_at(rules, i)->holds)
			count += (int64_t)holdrules_at(rules, i)->cve_count;
	}
	return count;
}

static int same_cover(const struct cover *cover, bool *ret_same)
{
	int64_t known = 0;
	int error = db_integer(cover->db, "select count(*) from hold_cover", DB_NO_ARGS, &known);

	*ret_same = known == cover_count(cover->rules);
	for (size_t i = 0; !error && *ret_same && i < holdrules_count(cover->rules); i++) {
		const struct holdrule *rule = holdrules_at(cover->rules, i);

		for (size_t k = 0; !error && rule->holds && k < rule->cve_count; k++) {
			error = db_integer(cover->db,
				"select count(*) from hold_cover where cve = ?1 and part = ?2 and rule = ?3",
				DB_ARGS(db_str(rule->cves[k]), db_i64(rule->kind), db_i64((int64_t)rule->rule)),
				&known);
			*ret_same = *ret_same && known == 1;
		}
	}
	return error;
}

static int cover_work(void *context)
{
	struct cover *cover = context;
	bool same = false;
	int error = same_cover(cover, &same);

	if (error || same)
		return error;
	cover->changed = true;
	error = db_run(cover->db, "delete from hold_cover", DB_NO_ARGS, NULL);
	for (size_t i = 0; !error && i < holdrules_count(cover->rules); i++) {
		const struct holdrule *rule = holdrules_at(cover->rules, i);

		for (size_t k = 0; !error && rule->holds && k < rule->cve_count; k++)
			error = db_run(cover->db, "insert into hold_cover (cve, part, rule) values (?1, ?2, ?3)",
				DB_ARGS(db_str(rule->cves[k]), db_i64(rule->kind), db_i64((int64_t)rule->rule)), NULL);
	}
	return error;
}

int hold_cover(struct db *db, const struct holdrules *rules, bool *ret_changed)
{
	struct cover cover = { .db = db, .rules = rules };
	int error = db_atomically(db, cover_work, &cover);

	if (!error && ret_changed)
		*ret_changed = cover.changed;
	return error;
}

/* ---- A pass ---- */

/* A finding and a rule that should hold it ('hold' 0), or a finding that a hold has no more to do with; with neither, a hold without
 * findings. */
struct change {
	int64_t finding, hold;
	uint64_t rule;
	uint8_t part;
};

struct hold_pass {
	struct db *db;
	struct change *changes;
	size_t count, room, next;
	/* of the slice in hand */
	const struct audit_origin *origin;
	bool changed;
};

static int add_change(struct hold_pass *pass, const struct change *change)
{
	if (pass->count == PASS_MAX)
		return PASS_MAX;
	if (pass->count == pass->room) {
		size_t room = pass->room ? 2 * pass->room : 1024;
		struct change *changes = reallocarray(pass->changes, room, sizeof(*changes));

		if (!changes)
			return LUYTRE_E_NOMEM;
		pass->changes = changes;
		pass->room = room;
	}
	pass->changes[pass->count++] = *change;
	return 0;
}

static int row_missing(void *context, const struct db_value *columns, size_t column_count)
{
	return add_change(context, &(struct change){ .finding = columns[0].integer,
					   .rule = (uint64_t)columns[1].integer,
					   .part = (uint8_t)columns[2].integer });
}

static int row_needless(void *context, const struct db_value *columns, size_t column_count)
{
	return add_change(context, &(struct change){ .finding = columns[0].integer, .hold = columns[1].integer });
}

static int row_empty(void *context, const struct db_value *columns, size_t column_count)
{
	return add_change(context, &(struct change){ .hold = columns[0].integer });
}

/* Whether a finding may be held by the rule of hold_cover c: by the gate, where HTTP may come and the gate may look; by the sensor, which watches addresses, where
 * no rule of the gate does it. */
#define GATE_REACHES                                                                                                   \
	"f.protocol <> 17 and f.port not in " NOT_WEB " and not exists (select 1 from asset e join system y on y.id "  \
	"= e.system where e.id = f.asset and y.edge_only <> 0)"
#define SENSOR_REACHES                                                                                                 \
	"exists (select 1 from asset e where e.id = f.asset and e.kind in (0, 1)) and not (" GATE_REACHES              \
	" and exists (select 1 from hold_cover g where g.cve = f.cve and g.part = 0))"
#define FITS                                                                                                           \
	HOLDABLE " and f.cve = c.cve and ((c.part = 0 and " GATE_REACHES ") or (c.part = 1 and " SENSOR_REACHES "))"
_Static_assert(UDP == 17 && HOLDFILE_PART_GATE == 0 && HOLDFILE_PART_SENSOR == 1 && ASSET_KIND_ADDRESS == 0 &&
		       ASSET_KIND_PREFIX == 1,
	"the numbers that FITS names");

static int find_changes(struct hold_pass *pass)
{
	int error = db_each(pass->db,
		"select f.id, c.rule, c.part from hold_cover c join finding f on " FITS
		" where exists (select 1 from asset a where a.id = f.asset) and not exists"
		" (select 1 from hold_finding l join hold h on h.id = l.hold where l.finding = f.id and h.rule = "
		"c.rule and h.part = c.part)"
		" order by f.id",
		DB_NO_ARGS, row_missing, pass);

	if (!error)
		error = db_each(pass->db,
			"select l.finding, l.hold from hold_finding l join hold h on h.id = l.hold"
			" join finding f on f.id = l.finding where not exists (select 1 from hold_cover c where c.rule "
			"= "
			"h.rule and c.part = h.part and " FITS
			") or not exists (select 1 from asset a where a.id = h.asset)",
			DB_NO_ARGS, row_needless, pass);
	/* Behind these: what they leave empty is found by the next pass. */
	if (!error)
		error = db_each(pass->db,
			"select h.id from hold h where h.state in (0, 1, 2) and not exists"
			" (select 1 from hold_finding l where l.hold = h.id)",
			DB_NO_ARGS, row_empty, pass);
	return error == PASS_MAX ? 0 : error;
}
_Static_assert(HOLD_SHADOW == 0 && HOLD_ENFORCED == 1 && HOLD_SUSPENDED == 2, "the states that find_changes names");

int hold_pass_begin(struct db *db, struct hold_pass **ret)
{
	struct hold_pass *pass = calloc(1, sizeof(*pass));
	int error;

	if (!pass)
		return LUYTRE_E_NOMEM;
	pass->db = db;
	error = find_changes(pass);
	if (error) {
		hold_pass_end(pass);
		return error;
	}
	*ret = pass;
	return 0;
}

void hold_pass_end(struct hold_pass *pass)
{
	if (!pass)
		return;
	free(pass->changes);
	free(pass);
}

/* The finding as it is now: it may have changed since the pass began. */
struct place {
	uint32_t tenant, system, asset;
};

static int row_place(void *context, const struct db_value *columns, size_t column_count)
{
	struct place *place = context;

	place->tenant = (uint32_t)columns[0].integer;
	place->system = (uint32_t)columns[1].integer;
	place->asset = (uint32_t)columns[2].integer;
	return 1;
}

static int make_hold(struct hold_pass *pass, const struct place *place, const struct change *change, int64_t *ret_id)
{
	int64_t now_us = pass->origin->now_us;
	int error = db_next_id(pass->db, "hold", ret_id);

	if (!error)
		error = db_run(pass->db,
			"insert into hold (id, revision, rule, part, tenant, system, asset, state, created_us, "
			"since_us,"
			" proved_us, verdict, ending, finding_count, edge_count, reason, actor,"
			" suspended_until_us, changed_us, content)"
			" values (?1, 0, ?2, ?8, ?3, ?4, ?5, ?6, ?7, ?7, 0, 0, 0, 0, 0, '', '', 0, ?7, 0)",
			DB_ARGS(db_i64(*ret_id), db_i64((int64_t)change->rule), db_i64(place->tenant),
				db_i64(place->system), db_i64(place->asset), db_i64(HOLD_SHADOW), db_i64(now_us),
				db_i64(change->part)),
			NULL);
	if (!error)
		error = hold_state_enter(pass->db, pass->origin, "create",
			&(struct hold_enter){ .id = *ret_id, .state = HOLD_SHADOW, .told = true });
	return error;
}

/* What edges have proved does not count any more: the budget begins anew. */
static int forget_edges(struct hold_pass *pass, int64_t id)
{
	return db_run(pass->db, "delete from hold_edge where hold = ?1", DB_ARGS(db_i64(id)), NULL);
}

/* Begins anew what was lifted: the rule is proved again then. What a person has suspended stays so until the time that he said. */
static int wake_hold(struct hold_pass *pass, const struct hold *hold)
{
	struct hold_enter enter = { .id = hold->id, .state = HOLD_SHADOW, .told = true };
	int64_t id = hold->id;
	int error;

	if (hold->suspended_until_us > pass->origin->now_us) {
		enter.state = HOLD_SUSPENDED;
		enter.reason = hold->reason;
		enter.actor = hold->actor;
		enter.suspended_until_us = hold->suspended_until_us;
	}
	error = hold_state_enter(pass->db, pass->origin, "create", &enter);
	if (!error)
		error = forget_edges(pass, id);
	if (!error)
		error = db_run(pass->db, "update hold set proved_us = 0, verdict = 0, edge_count = 0 where id = ?1",
			DB_ARGS(db_i64(id)), NULL);
	return error;
}

static const struct scope nation = { .all = true };

static int hold_of(struct hold_pass *pass, const struct place *place, const struct change *change, int64_t *ret_id)
{
	struct hold hold;
	int error = db_integer(pass->db, "select id from hold where asset = ?1 and rule = ?2 and part = ?3",
		DB_ARGS(db_i64(place->asset), db_i64((int64_t)change->rule), db_i64(change->part)), ret_id);

	if (error == LUYTRE_E_NOT_FOUND) {
		pass->changed = true;
		return make_hold(pass, place, change, ret_id);
	}
	if (!error)
		error = hold_get(pass->db, &nation, *ret_id, &hold);
	if (error || hold.state != HOLD_LIFTED)
		return error;
	pass->changed = true;
	return wake_hold(pass, &hold);
}

static int add_to_count(struct db *db, int64_t hold, int64_t difference)
{
	return db_run(db, "update hold set finding_count = finding_count + ?2 where id = ?1",
		DB_ARGS(db_i64(hold), db_i64(difference)), NULL);
}

static int add_finding(struct hold_pass *pass, const struct change *change)
{
	struct place place;
	uint64_t added = 0;
	int64_t hold = 0;
	int error = db_each(pass->db,
		"select s.tenant, s.id, a.id from finding f join asset a on a.id = f.asset join system s on s.id = "
		"a.system"
		" join hold_cover c on c.rule = ?2 and c.part = ?3 and " FITS " where f.id = ?1",
		DB_ARGS(db_i64(change->finding), db_i64((int64_t)change->rule), db_i64(change->part)), row_place,
		&place);

	if (error != 1)
		return error;
	error = hold_of(pass, &place, change, &hold);
	if (!error)
		error = db_run(pass->db,
			"insert into hold_finding (hold, finding) values (?1, ?2) on conflict do nothing",
			DB_ARGS(db_i64(hold), db_i64(change->finding)), &added);
	/* Its host may be a new name of the place: hold_rows_read looks. */
	pass->changed = true;
	return error || !added ? error : add_to_count(pass->db, hold, 1);
}

/* A live finding that no rule has to do with any more. */
static int release(struct db *db, const struct audit_origin *origin, int64_t finding)
{
	const struct finding_call call = { .db = db, .scope = &nation, .origin = origin, .part = FINDING_BY_ENGINE };
	struct finding row;
	int error = finding_get(&call, finding, &row);

	return error || !row.held_us ? error : finding_hold(&call, finding, NULL);
}

static int remove_finding(struct hold_pass *pass, const struct change *change)
{
	uint64_t removed = 0;
	int64_t left = 0;
	int error = db_run(pass->db, "delete from hold_finding where hold = ?1 and finding = ?2",
		DB_ARGS(db_i64(change->hold), db_i64(change->finding)), &removed);

	pass->changed = true;
	if (!error && removed)
		error = add_to_count(pass->db, change->hold, -1);
	if (!error)
		error = db_integer(pass->db, "select count(*) from hold_finding where finding = ?1",
			DB_ARGS(db_i64(change->finding)), &left);
	return error || left ? error : release(pass->db, pass->origin, change->finding);
}

static int lift(struct hold_pass *pass, int64_t hold)
{
	struct hold_enter enter = { .id = hold, .state = HOLD_LIFTED, .end = HOLD_END_MENDED, .told = true };
	int64_t findings = 0, covers = 0, assets = 0;
	struct hold before;
	int error = db_integer(
		pass->db, "select count(*) from hold_finding where hold = ?1", DB_ARGS(db_i64(hold)), &findings);

	if (error || findings)
		return error;
	error = hold_get(pass->db, &nation, hold, &before);
	if (error)
		return error;
	if (before.state == HOLD_SUSPENDED) { /* for wake_hold */
		enter.reason = before.reason;
		enter.actor = before.actor;
		enter.suspended_until_us = before.suspended_until_us;
	}
	error = db_integer(pass->db,
		"select count(*) from hold h join hold_cover c on c.rule = h.rule and c.part = h.part where h.id = ?1",
		DB_ARGS(db_i64(hold)), &covers);
	if (!error)
		error = db_integer(pass->db,
			"select count(*) from hold h join asset a on a.id = h.asset where h.id = ?1",
			DB_ARGS(db_i64(hold)), &assets);
	enter.end = !assets ? HOLD_END_ASSET : !covers ? HOLD_END_RULE : HOLD_END_MENDED;
	if (!error)
		error = hold_state_enter(pass->db, pass->origin, "lift", &enter);
	if (!error)
		error = forget_edges(pass, hold);
	if (!error)
		error = db_run(pass->db, "update hold set edge_count = 0, proved_us = 0 where id = ?1",
			DB_ARGS(db_i64(hold)), NULL);
	pass->changed = true;
	return error;
}

static int step_work(void *context)
{
	struct hold_pass *pass = context;
	size_t end = pass->next + HOLD_SLICE < pass->count ? pass->next + HOLD_SLICE : pass->count;
	int error = 0;

	for (size_t i = pass->next; i < end && !error; i++) {
		const struct change *change = &pass->changes[i];

		if (change->finding && change->hold)
			error = remove_finding(pass, change);
		else if (change->finding)
			error = add_finding(pass, change);
		else
			error = lift(pass, change->hold);
	}
	if (!error)
		pass->next = end;
	return error;
}

int hold_pass_step(struct hold_pass *pass, const struct audit_origin *origin, bool *ret_more, bool *ret_changed)
{
	int error = 0;

	pass->origin = origin;
	pass->changed = false;
	if (pass->next < pass->count)
		error = db_atomically(pass->db, step_work, pass);
	*ret_more = !error && pass->next < pass->count;
	*ret_changed = *ret_changed || (!error && pass->changed);
	return error;
}

/* ---- Held ---- */

struct settling {
	struct db *db;
	const struct audit_origin *origin;
	struct hold_ids ids;
};

static int settle_one(struct settling *settling, int64_t finding)
{
	const struct finding_call call = {
		.db = settling->db, .scope = &nation, .origin = settling->origin, .part = FINDING_BY_ENGINE
	};
	struct hold hold;
	int64_t absent = 0, first = 0;
	char text[FINDING_RULE_SIZE];
	int error = db_integer(settling->db,
		"select count(*) from hold_finding l join hold h on h.id = l.hold where l.finding = ?1 and "
		"h.edge_count = 0",
		DB_ARGS(db_i64(finding)), &absent);

	if (error)
		return error;
	if (absent)
		return release(settling->db, settling->origin, finding);
	error = db_integer(settling->db,
		"select h.id from hold_finding l join hold h on h.id = l.hold where l.finding = ?1"
		" order by h.part, h.rule limit 1",
		DB_ARGS(db_i64(finding)), &first);
	if (!error)
		error = hold_get(settling->db, &nation, first, &hold);
	if (!error) {
		snprintf(text, sizeof(text), "%s%llu", hold.part == HOLDFILE_PART_SENSOR ? HOLD_SENSOR : "",
			(unsigned long long)hold.rule);
		error = finding_hold(&call, finding, text);
	}
	/* It was closed since: the next pass takes it off the hold. */
	return error == LUYTRE_E_CONFLICT || error == LUYTRE_E_NOT_FOUND ? 0 : error;
}

static int settle_work(void *context)
{
	struct settling *settling = context;
	int error = 0;

	for (size_t i = 0; i < settling->ids.count && !error; i++)
		error = settle_one(settling, settling->ids.ids[i]);
	return error;
}

int hold_settle(struct db *db, const struct audit_origin *origin, bool *ret_more)
{
	struct settling settling = { .db = db, .origin = origin };
	int error = db_each(db,
		"select l.finding from hold_finding l join hold h on h.id = l.hold join finding f on f.id = l.finding"
		" where " HOLDABLE " group by l.finding having (min(h.edge_count) > 0 and max(f.held_us) = 0)"
		" or (min(h.edge_count) = 0 and max(f.held_us) > 0) order by l.finding limit ?1",
		DB_ARGS(db_i64(HOLD_SLICE)), hold_row_id, &settling.ids);

	if (!error && settling.ids.count)
		error = db_atomically(db, settle_work, &settling);
	*ret_more = !error && settling.ids.count == HOLD_SLICE;
	return error;
}

/* ---- Time ---- */

struct ticking {
	struct db *db;
	const struct audit_origin *origin;
	const char *sql; /* for ids */
	int64_t time_us;
	struct hold_ids ids;
	const char *verb;
	enum hold_state to;
	bool told;
};

static int tick_find(struct ticking *ticking)
{
	ticking->ids.count = 0;
	return db_each(ticking->db, ticking->sql, DB_ARGS(db_i64(ticking->time_us)), hold_row_id, &ticking->ids);
}

/* Asks again within the transaction: a person may have been faster. */
static int tick_work(void *context)
{
	struct ticking *ticking = context;
	int error = tick_find(ticking);

	for (size_t i = 0; i < ticking->ids.count && !error; i++)
		error = hold_state_enter(ticking->db, ticking->origin, ticking->verb,
			&(struct hold_enter){ .id = ticking->ids.ids[i], .state = ticking->to, .told = ticking->told });
	return error;
}

/* Brings the ids of a question into a state. */
static int tick_to(struct ticking *ticking, const char *sql, int64_t time_us, bool *ret_changed)
{
	int error;

	ticking->sql = sql;
	ticking->time_us = time_us;
	error = tick_find(ticking);
	if (!error && ticking->ids.count) {
		error = db_atomically(ticking->db, tick_work, ticking);
		*ret_changed = true;
	}
	return error;
}

int hold_tick(
	struct db *db, const struct audit_origin *origin, int64_t budget_us, bool *ret_changed, int64_t *ret_next_us)
{
	struct ticking ticking = { .db = db, .origin = origin, .verb = "resume", .to = HOLD_SHADOW, .told = true };
	int64_t first = 0;
	int error = tick_to(&ticking,
		"select id from hold where state = 2 and suspended_until_us <= ?1 order by id limit 100",
		origin->now_us, ret_changed);

	/* Edges hear of it by their own mark, which hold_judge makes: the row is the same. */
	ticking.told = false;
	ticking.verb = "enforce";
	ticking.to = HOLD_ENFORCED;
	if (!error)
		error = tick_to(&ticking,
			"select h.id from hold h where h.state = 0 and exists (select 1 from hold_edge e where e.hold "
			"= h.id"
			" and e.good_us > 0 and e.good_us <= ?1) order by h.id limit 100",
			origin->now_us - budget_us, ret_changed);
	ticking.verb = "shadow";
	ticking.to = HOLD_SHADOW;
	if (!error)
		error = tick_to(&ticking,
			"select h.id from hold h where h.state = 1 and h.verdict > 1 and ?1 > 0 and not exists"
			" (select 1 from hold_edge e where e.hold = h.id and e.good_us > 0) order by h.id limit 100",
			1, ret_changed);
	*ret_next_us = INT64_MAX;
	if (error)
		return error;
	error = db_integer(db,
		"select min(e.good_us) from hold_edge e join hold h on h.id = e.hold where h.state = 0 and e.good_us > "
		"0",
		DB_NO_ARGS, &first);
	if (!error)
		*ret_next_us = first + budget_us;
	return error == LUYTRE_E_NOT_FOUND ? 0 : error;
}
_Static_assert(HOLD_SLICE == 100 && HOLD_VERDICT_GOOD == 1, "the numbers that hold_tick names");
