// SPDX-License-Identifier: Apache-2.0
#include "hub/incident/form.h"

#include <stdio.h>
#include <string.h>

#include "hub/incident/internal.h"
#include "hub/incident/moment.h"

#define X(id, word, vi) { word, vi },
const struct form_word form_approvals[FORM_APPROVAL_COUNT] = { FORM_APPROVALS(X) };
const struct form_word form_plans[FORM_PLAN_COUNT] = { FORM_PLANS(X) };
const struct form_word form_inspections[FORM_INSPECTION_COUNT] = { FORM_INSPECTIONS(X) };
#undef X
#define X(id, word, en, vi) { word, en, vi },
const struct incident_word form_faults[FORM_FAULT_COUNT] = { FORM_FAULTS(X) };
#undef X

unsigned int form_check(const struct form_row *row)
{
	bool approved = row->approval == FORM_APPROVED;

	return (approved && !row->decision_level[0] ? 1U << FORM_FAULT_LEVEL_DECISION : 0) |
	       (approved && !row->decision_rules[0] ? 1U << FORM_FAULT_RULES_DECISION : 0) |
	       (!approved && !row->approval_day ? 1U << FORM_FAULT_APPROVAL_DATE : 0) |
	       (row->plan != FORM_PLAN_FULL && !row->plan_day ? 1U << FORM_FAULT_PLAN_DATE : 0) |
	       (row->inspected == FORM_INSPECTED_NEVER ? 1U << FORM_FAULT_INSPECTION : 0);
}

/* ---- Reading ---- */

#define SELECT                                                                                                         \
	"select s.id, s.tenant, coalesce(f.revision, 0), s.name, s.owner, s.operator, s.level, coalesce(f.level, 0),"  \
	" coalesce(f.approval, 0), coalesce(f.decision_level, ''), coalesce(f.decision_rules, ''),"                    \
	" coalesce(f.approval_day, 0), coalesce(f.plan_day, 0), coalesce(f.plan, 0), coalesce(f.inspected, 0),"        \
	" coalesce(f.important, 0), coalesce(f.transition, ''), t.name from system s join tenant t on t.id = s.tenant" \
	" left join incident_form f on f.system = s.id"

static void read_row(const struct db_value *columns, struct form_row *ret)
{
	*ret = (struct form_row){ .system = (uint32_t)columns[0].integer,
		.tenant = (uint32_t)columns[1].integer,
		.revision = columns[2].integer,
		.registered_level = (uint32_t)columns[6].integer,
		.level = (uint32_t)(columns[7].integer ? columns[7].integer : columns[6].integer),
		.approval = (enum form_approval)columns[8].integer,
		.approval_day = (uint32_t)columns[11].integer,
		.plan_day = (uint32_t)columns[12].integer,
		.plan = (enum form_plan)columns[13].integer,
		.inspected = (enum form_inspection)columns[14].integer,
		.important = columns[15].integer };
	db_copy_text(&columns[3], ret->name, sizeof(ret->name));
	db_copy_text(columns[4].bytes.size ? &columns[4] : &columns[17], ret->owner, sizeof(ret->owner));
	db_copy_text(&columns[5], ret->operator_, sizeof(ret->operator_));
	db_copy_text(&columns[9], ret->decision_level, sizeof(ret->decision_level));
	db_copy_text(&columns[10], ret->decision_rules, sizeof(ret->decision_rules));
	db_copy_text(&columns[16], ret->transition, sizeof(ret->transition));
}

static int row_get(void *context, const struct db_value *columns, size_t column_count)
{
	read_row(columns, context);
	return 0;
}

int form_get(const struct incident_call *call, uint32_t system, struct form_row *ret)
{
	int error;

	if (!call->scope)
		return LUYTRE_E_INVALID;
	ret->system = 0;
	error = db_each(call->db, SELECT " where s.id = ?1", DB_ARGS(db_i64(system)), row_get, ret);
	if (error)
		return error;
	return ret->system && ret->system == system && scope_has(call->scope, ret->tenant) ? 0 : LUYTRE_E_NOT_FOUND;
}

struct page {
	const struct incident_call *call;
	form_fn fn;
	void *context;
	int64_t tenant, system;
	uint32_t seen, count;
};

static int row_page(void *context, const struct db_value *columns, size_t column_count)
{
	struct page *page = context;
	struct form_row row;

	read_row(columns, &row);
	page->seen++;
	page->tenant = row.tenant;
	page->system = row.system;
	if (!scope_has(page->call->scope, row.tenant))
		return 0;
	return page->count++ < FORM_ROWS_MAX ? page->fn(page->context, &row) : LUYTRE_E_FULL;
}

int form_each(const struct incident_call *call, form_fn fn, void *context)
{
	enum { SLICE = 1000 };
	struct page page = { .call = call, .fn = fn, .context = context, .seen = SLICE };
	int error = call->scope ? 0 : LUYTRE_E_INVALID;

	while (!error && page.seen == SLICE) {
		page.seen = 0;
		error = db_each(call->db,
			SELECT
			" where s.tenant > ?1 or (s.tenant = ?1 and s.id > ?2) order by s.tenant, s.id limit 1000",
			DB_ARGS(db_i64(page.tenant), db_i64(page.system)), row_page, &page);
	}
	return error;
}

/* ---- Writing ---- */

static bool is_case(const struct law *law, const char *word)
{
	const struct law_table *cases = law ? &law->tables[LAW_TRANSITION] : NULL;

	for (size_t i = 0; cases && i < cases->row_count; i++)
		if (strcmp(cases->rows[i][CASE_ID], word) == 0)
			return true;
	return !word[0];
}

static int note(const struct incident_call *call, const struct form_row *row)
{
	const struct audit_field fields[] = { { "level", db_i64(row->level) },
		{ "approval", db_str(form_approvals[row->approval].word) },
		{ "decision_level", db_str(row->decision_level) }, { "decision_rules", db_str(row->decision_rules) },
		{ "approval_day", db_i64(row->approval_day) }, { "plan", db_str(form_plans[row->plan].word) },
		{ "plan_day", db_i64(row->plan_day) }, { "inspected", db_str(form_inspections[row->inspected].word) },
		{ "important", db_i64(row->important) }, { "transition", db_str(row->transition) } };
	char subject[32];

	snprintf(subject, sizeof(subject), "system:%u", row->system);
	return audit_append(call->db, call->origin,
		&(struct audit_record){ .action = "form08.update",
			.subject = subject,
			.tenant = row->tenant,
			.fields = fields,
			.field_count = ARRAY_COUNT(fields) });
}

struct putting {
	const struct incident_call *call;
	const struct form_row *in;
	struct form_row *ret;
};

static int put(void *context)
{
	struct putting *putting = context;
	const struct incident_call *call = putting->call;
	const struct form_row *in = putting->in;
	struct form_row old;
	uint32_t level = in->level;
	int error = form_get(call, in->system, &old);

	if (!error && old.revision != in->revision)
		error = LUYTRE_E_CONFLICT;
	if (!error && !is_case(call->law, in->transition))
		error = LUYTRE_E_INVALID;
	/* What was filed says the level as it was filed; a draft that proposes no other follows the register. */
	if (!error && in->approval == FORM_DRAFT && level == old.registered_level)
		level = 0;
	if (!error)
		error = db_run(call->db,
			"insert into incident_form (system, tenant, revision, level, approval, decision_level, "
			"decision_rules,"
			" approval_day, plan, plan_day, inspected, important, transition, updated_us)"
			" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) on conflict (system) do "
			"update"
			" set tenant = ?2, revision = ?3, level = ?4, approval = ?5, decision_level = ?6,"
			" decision_rules = ?7, approval_day = ?8, plan = ?9, plan_day = ?10, inspected = ?11,"
			" important = ?12, transition = ?13, updated_us = ?14",
			DB_ARGS(db_i64(in->system), db_i64(old.tenant), db_i64(in->revision + 1), db_i64(level),
				db_i64(in->approval), db_str(in->decision_level), db_str(in->decision_rules),
				db_i64(in->approval_day), db_i64(in->plan), db_i64(in->plan_day), db_i64(in->inspected),
				db_i64(in->important), db_str(in->transition), db_i64(call->origin->now_us)),
			NULL);
	if (!error)
		error = form_get(call, in->system, putting->ret);
	return error ? error : note(call, putting->ret);
}

int form_put(const struct incident_call *call, const struct form_row *in, struct form_row *ret)
{
	const struct form_row copy = *in;
	struct putting putting = { call, &copy, ret };

	return db_atomically(call->db, put, &putting);
}

/* ---- The document ---- */

static const struct report_column columns[] = { { "STT", 4 }, { "Tên hệ thống thông tin", 13 }, { "Chủ quản", 11 },
	{ "Đơn vị vận hành", 11 }, { "Cấp độ đề xuất", 6 }, { "Tình trạng phê duyệt", 9 },
	{ "Quyết định phê duyệt cấp độ", 10 }, { "Quyết định ban hành quy chế", 10 }, { "Dự kiến phê duyệt", 8 },
	{ "Tình trạng triển khai phương án", 10 }, { "Dự kiến triển khai đầy đủ", 8 }, { "Kiểm tra, đánh giá", 10 } };

struct form {
	struct report *report;
	unsigned int count, faulty;
	unsigned int levels[6], approvals[FORM_APPROVAL_COUNT], plans[FORM_PLAN_COUNT];
};

static int write_row(void *context, const struct form_row *row)
{
	struct form *form = context;
	char number[16], level[16], approval_day[INCIDENT_TIME_SIZE], plan_day[INCIDENT_TIME_SIZE];

	snprintf(number, sizeof(number), "%u", ++form->count);
	snprintf(level, sizeof(level), "%u", row->level);
	report_row(form->report,
		(const char *const[]){ number, row->name, row->owner, row->operator_, level,
			form_approvals[row->approval].vi, row->decision_level, row->decision_rules,
			incident_day_text(row->approval_day, approval_day), form_plans[row->plan].vi,
			incident_day_text(row->plan_day, plan_day), form_inspections[row->inspected].vi });
	form->levels[row->level <= 5 ? row->level : 0]++;
	form->approvals[row->approval]++;
	form->plans[row->plan]++;
	form->faulty += form_check(row) != 0;
	return 0;
}

/* Numbers of rows are the totals, added up here from the rows themselves. */
static void write_totals(const struct form *form)
{
	char label[64], text[160];

	snprintf(text, sizeof(text), "%u", form->count);
	report_field(form->report, "Tổng số hệ thống thông tin", text);
	snprintf(text, sizeof(text), "cấp độ 1: %u; cấp độ 2: %u; cấp độ 3: %u; cấp độ 4: %u; cấp độ 5: %u",
		form->levels[1], form->levels[2], form->levels[3], form->levels[4], form->levels[5]);
	report_field(form->report, "Theo cấp độ", text);
	for (size_t i = 0; i < FORM_APPROVAL_COUNT; i++) {
		snprintf(text, sizeof(text), "%u", form->approvals[i]);
		report_field(form->report, form_approvals[i].vi, text);
	}
	for (size_t i = 0; i < FORM_PLAN_COUNT; i++) {
		snprintf(label, sizeof(label), "Phương án: %s", form_plans[i].vi);
		snprintf(text, sizeof(text), "%u", form->plans[i]);
		report_field(form->report, label, text);
	}
}

static int write_faults(void *context, const struct form_row *row)
{
	struct form *form = context;
	unsigned int faults = form_check(row);

	for (unsigned int i = 0; i < FORM_FAULT_COUNT; i++)
		if (faults >> i & 1)
			report_field(form->report, row->name, form_faults[i].vi);
	return 0;
}

static void write_head(struct report *report, int year, const char *reporter, int64_t now_us)
{
	char text[TENANT_NAME_SIZE + 128], time[INCIDENT_TIME_SIZE];

	report_heading(report, REPORT_MOTTO, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM");
	report_heading(report, REPORT_MOTTO, "Độc lập - Tự do - Hạnh phúc");
	snprintf(text, sizeof(text), "BÁO CÁO BẢO ĐẢM AN NINH MẠNG HỆ THỐNG THÔNG TIN THEO CẤP ĐỘ NĂM %d", year);
	report_name(report, text);
	report_heading(report, REPORT_TITLE, text);
	report_heading(report, REPORT_SUBTITLE, "Mẫu số 08 - Nghị định số 331/2026/NĐ-CP");
	report_field(report, "Đơn vị báo cáo", reporter);
	snprintf(text, sizeof(text), "từ 15/12/%d đến 14/12/%d; lập lúc %s theo sổ đăng ký tại thời điểm đó", year - 1,
		year, incident_time_text(now_us, time));
	report_field(report, "Kỳ số liệu", text);
}

int form_report(const struct incident_call *call, int year, const char *reporter, bool bare, struct report **ret)
{
	struct form form = { 0 };
	int error = report_new(true, &form.report);

	if (error)
		return error;
	if (!bare)
		write_head(form.report, year, reporter, call->origin->now_us);
	report_table(form.report, columns, ARRAY_COUNT(columns));
	error = form_each(call, write_row, &form);
	if (!error && !bare) {
		report_heading(form.report, REPORT_SECTION, "Tổng hợp");
		write_totals(&form);
		if (form.faulty) {
			report_heading(form.report, REPORT_SECTION, "Cần bổ sung trước khi gửi");
			error = form_each(call, write_faults, &form);
		}
	}
	if (error) {
		report_free(form.report);
		return error;
	}
	*ret = form.report;
	return 0;
}
