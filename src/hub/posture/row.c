// SPDX-License-Identifier: Apache-2.0
/* A finding as a row: reading, writing, its clock, its entry in the audit log. */
#include <stdio.h>

#include "hub/posture/internal.h"
#include "hub/posture/retro.h"

void finding_row_read(const struct db_value *columns, struct finding *ret)
{
	ret->id = columns[0].integer;
	ret->revision = columns[1].integer;
	ret->tenant = (uint32_t)columns[2].integer;
	ret->system = (uint32_t)columns[3].integer;
	ret->asset = (uint32_t)columns[4].integer;
	db_copy_text(&columns[5], ret->host, sizeof(ret->host));
	ret->protocol = (uint8_t)columns[6].integer;
	ret->port = (uint16_t)columns[7].integer;
	db_copy_text(&columns[8], ret->path, sizeof(ret->path));
	db_copy_text(&columns[9], ret->cve, sizeof(ret->cve));
	db_copy_text(&columns[10], ret->tool, sizeof(ret->tool));
	db_copy_text(&columns[11], ret->rule, sizeof(ret->rule));
	db_copy_text(&columns[12], ret->title, sizeof(ret->title));
	db_copy_text(&columns[13], ret->vector, sizeof(ret->vector));
	ret->severity = (uint8_t)columns[14].integer;
	ret->exploited = columns[15].integer != 0;
	ret->state = (enum finding_state)columns[16].integer;
	ret->since_us = columns[17].integer;
	ret->first_us = columns[18].integer;
	ret->last_us = columns[19].integer;
	db_copy_text(&columns[20], ret->reason, sizeof(ret->reason));
	db_copy_text(&columns[21], ret->claimant, sizeof(ret->claimant));
	ret->expires_us = columns[22].integer;
	ret->held_us = columns[23].integer;
	db_copy_text(&columns[24], ret->hold, sizeof(ret->hold));
	ret->contradicted = (uint32_t)columns[25].integer;
	ret->proof_count = (uint32_t)columns[26].integer;
	ret->exposed = (enum finding_answer)columns[27].integer;
	ret->kev = columns[28].integer != 0;
	ret->automatable = columns[29].integer != 0;
	ret->total = columns[30].integer != 0;
	ret->forensic = columns[31].integer != 0;
	ret->step = (enum clock_step)columns[32].integer;
	ret->start_us = columns[33].integer;
	ret->set_us = columns[34].integer;
	ret->due_us = columns[35].integer;
}

int finding_row_insert(struct db *db, const struct finding *row, struct bytes key)
{
	return db_run(db,
		"insert into finding (id, revision, tenant, system, asset, host, protocol, port, path, cve, tool, "
		"rule, title,"
		" vector, severity, exploited, state, since_us, first_us, last_us, reason, claimant, expires_us, "
		"held_us,"
		" hold, contradicted, proof_count, exposed, kev, automatable, total, forensic, step, start_us, set_us,"
		" due_us, identity, live, change) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
		"?15, ?16, ?17,"
		" ?18, ?19, ?20, '', '', 0, 0, '', 0, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, 1,"
		" (select coalesce(max(change), 0) + 1 from finding))",
		DB_ARGS(db_i64(row->id), db_i64(row->revision), db_i64(row->tenant), db_i64(row->system),
			db_i64(row->asset), db_str(row->host), db_i64(row->protocol), db_i64(row->port),
			db_str(row->path), db_str(row->cve), db_str(row->tool), db_str(row->rule), db_str(row->title),
			db_str(row->vector), db_i64(row->severity), db_i64(row->exploited), db_i64(row->state),
			db_i64(row->since_us), db_i64(row->first_us), db_i64(row->last_us), db_i64(row->proof_count),
			db_i64(row->exposed), db_i64(row->kev), db_i64(row->automatable), db_i64(row->total),
			db_i64(row->forensic), db_i64(row->step), db_i64(row->start_us), db_i64(row->set_us),
			db_i64(row->due_us), db_blob(key)),
		NULL);
}

int finding_row_update(struct db *db, struct finding *row)
{
	row->revision++;
	return db_run(db,
		"update finding set revision = ?2, title = ?3, vector = ?4, severity = ?5, exploited = ?6, state = ?7, "
		"since_us = ?8,"
		" last_us = ?9, reason = ?10, claimant = ?11, expires_us = ?12, held_us = ?13, hold = ?14, "
		"contradicted = ?15,"
		" proof_count = ?16, exposed = ?17, kev = ?18, automatable = ?19, total = ?20, forensic = ?21, step = "
		"?22,"
		" start_us = ?23, set_us = ?24, due_us = ?25, live = ?26, first_us = ?27,"
		" change = (select coalesce(max(change), 0) + 1 from finding) where id = ?1",
		DB_ARGS(db_i64(row->id), db_i64(row->revision), db_str(row->title), db_str(row->vector),
			db_i64(row->severity), db_i64(row->exploited), db_i64(row->state), db_i64(row->since_us),
			db_i64(row->last_us), db_str(row->reason), db_str(row->claimant), db_i64(row->expires_us),
			db_i64(row->held_us), db_str(row->hold), db_i64(row->contradicted), db_i64(row->proof_count),
			db_i64(row->exposed), db_i64(row->kev), db_i64(row->automatable), db_i64(row->total),
			db_i64(row->forensic), db_i64(row->step), db_i64(row->start_us), db_i64(row->set_us),
			db_i64(row->due_us), db_i64(finding_states[row->state].live), db_i64(row->first_us)),
		NULL);
}

int finding_audit(const struct finding_call *call, const char *verb, const struct finding *row,
	const struct audit_field *fields, size_t field_count)
{
	struct audit_field all[AUDIT_FIELDS_MAX] = {
		{ "state", db_str(finding_states[row->state].word) },
		{ "due_us", row->due_us == CLOCK_NO_DATE_US ? db_null() : db_i64(row->due_us) },
	};
	char action[48], subject[48];
	size_t count = 2;

	for (size_t i = 0; i < field_count && count < AUDIT_FIELDS_MAX; i++)
		all[count++] = fields[i];
	snprintf(action, sizeof(action), "finding.%s", verb);
	snprintf(subject, sizeof(subject), "finding:%lld", (long long)row->id);
	return audit_append(call->db, call->origin,
		&(struct audit_record){ .action = action,
			.subject = subject,
			.tenant = row->tenant,
			.fields = all,
			.field_count = count });
}

void finding_enter(struct finding *row, enum finding_state state, int64_t now_us)
{
	row->state = state;
	row->since_us = now_us;
	if (state != FINDING_CLAIMED)
		row->claimant[0] = '\0';
	if (state != FINDING_ACCEPTED)
		row->expires_us = 0;
	if (state == FINDING_VERIFIED || state == FINDING_FALSE_ALARM) {
		row->held_us = 0;
		row->hold[0] = '\0';
	}
}

enum finding_state finding_live_state(const struct finding *row)
{
	return row->held_us ? FINDING_HELD : FINDING_OPEN;
}

/* Level of the system; since when the CVE is in KEV; whether it can be automated, and its impact, as enum finding_answer. */
struct facts {
	int64_t level, kev_us, automatable, impact;
};

static int row_facts(void *context, const struct db_value *columns, size_t column_count)
{
	struct facts *facts = context;

	facts->level = columns[0].integer;
	facts->kev_us = columns[1].integer;
	facts->automatable = columns[2].integer;
	facts->impact = columns[3].integer;
	return 0;
}

/* Puts a step in the place of another. */
static void step_enter(struct finding *row, enum clock_step step, int64_t now_us)
{
	if (step > row->step && clock_due(step, now_us, 0) < clock_due(row->step, row->start_us, 0)) {
		row->start_us = now_us;
		row->step = step;
	} else if (step < row->step) {
		row->step = step;
	}
	row->due_us = clock_due(row->step, row->start_us, row->set_us);
}

/* Stored events have shown an attack (retro.h): traces are to be looked for whatever the tree says. */
static int was_attacked(struct db *db, const struct finding *row, bool *ret)
{
	int64_t count = 0;
	int error = row->proof_count == 0
			    ? 0
			    : db_integer(db, "select count(*) from proof where finding = ?1 and tool = ?2",
				      DB_ARGS(db_i64(row->id), db_str(RETRO_TOOL)), &count);

	*ret = count > 0;
	return error;
}

int finding_clock(struct db *db, struct finding *row, int64_t now_us, bool *ret_changed)
{
	const struct finding old = *row;
	struct facts facts = { .level = 1 };
	struct clock_input input = { .start_us = row->start_us };
	struct clock_answer answer;
	bool automatable = false, total = row->severity >= 3, attacked = false;
	int error = db_each(db,
		"select system.level, coalesce(cve.kev_us, 0), coalesce(cve.automatable, 0), coalesce(cve.impact, 0)"
		" from system left join cve on cve.cve = ?2 where system.id = ?1",
		DB_ARGS(db_i64(row->system), db_str(row->cve)), row_facts, &facts);

	if (error)
		return error;
	(void)clock_of_vector(bytes_from_str(row->vector), &automatable, &total);
	row->kev = facts.kev_us != 0;
	row->automatable = facts.automatable ? facts.automatable == FINDING_YES : automatable;
	row->total = facts.impact ? facts.impact == FINDING_YES : total;
	input.kev = row->kev;
	input.exposed = row->exposed != FINDING_NO;
	input.automatable = row->automatable;
	input.total = row->total;
	input.level = (uint8_t)facts.level;
	answer = clock_of(&input);
	error = was_attacked(db, row, &attacked);
	if (error)
		return error;
	row->forensic = answer.forensic || attacked;
	step_enter(row, answer.step, now_us);
	*ret_changed = old.kev != row->kev || old.automatable != row->automatable || old.total != row->total ||
		       old.forensic != row->forensic || old.step != row->step || old.due_us != row->due_us;
	return 0;
}
