// SPDX-License-Identifier: Apache-2.0
/* Papers: notices of incidents and the yearly report (Form 08), and what the report needs that the register does not know. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/assess/staff.h"
#include "hub/console/incidents.h"
#include "hub/console/registry.h"
#include "hub/incident/form.h"
#include "hub/incident/moment.h"
#include "hub/incident/notice.h"

/* ---- As a file ---- */

static void release(void *context)
{
	free(context);
}

void incidents_reply_report(
	const struct api_request *request, struct api_reply *reply, struct report *report, bool pdf, const char *name)
{
	bool vi = request->lang == LUYTRE_LANG_VI;
	struct report_out out;
	int error = pdf ? report_pdf(report, &out) : report_csv(report, &out);

	report_free(report);
	if (error == LUYTRE_E_UNSUPPORTED) {
		api_reply_problem(reply, API_PROBLEM_UNSUPPORTED,
			vi ? "Chương trình được dựng không có thư viện Pango và Cairo nên không tạo được PDF; hãy dùng "
			     "CSV."
			   : "This program was built without Pango and Cairo, so there is no PDF; take CSV.");
		return;
	}
	if (error) {
		api_reply_error(reply, error == LUYTRE_E_FULL ? LUYTRE_E_RANGE : error,
			error != LUYTRE_E_FULL ? NULL
			: vi                   ? "Văn bản quá dài; hãy thu hẹp phạm vi hoặc dùng CSV."
					       : "The document is too long; narrow the question, or take CSV.");
		return;
	}
	api_reply_header_format(
		reply, "Content-Disposition", "attachment; filename=\"%s.%s\"", name, pdf ? "pdf" : "csv");
	api_reply_shared(reply, 200, pdf ? "application/pdf" : "text/csv; charset=utf-8", bytes_of(out.ptr, out.size),
		release, out.ptr);
}

static bool is_format(const struct api_request *request, const char *word)
{
	return bytes_equal_str(api_query(request, "format")->text, word);
}

/* ---- Notices ---- */

void handle_get_notice(struct api_request *request, struct api_reply *reply)
{
	enum notice_kind kind = NOTICE_FIRST;
	struct incidents_call call;
	struct incident incident;
	struct report *report;
	char name[64];
	uint32_t id;
	int error;

	while (kind + 1 < NOTICE_COUNT && !bytes_equal_str(api_query(request, "kind")->text, notice_words[kind]))
		kind++;
	if (!console_path_id32(request, reply, "incident", &id) ||
		!incidents_begin(request, reply, AUTH_FINDINGS_READ, false, &call))
		return;
	error = incident_get(&call.call, id, &incident);
	if (!error)
		error = notice_report(&call.call, &incident, kind, &report);
	if (error) {
		api_reply_error(reply, error,
			error != LUYTRE_E_CONFLICT ? NULL
			: request->lang == LUYTRE_LANG_VI
				? "Sự cố chưa kết thúc, hoặc không liên quan dữ liệu cá nhân."
				: "The incident has not ended, or concerns no personal data.");
	} else {
		snprintf(name, sizeof(name), "incident-%u-%s", id, notice_words[kind]);
		incidents_reply_report(request, reply, report, is_format(request, "pdf"), name);
	}
	incidents_end(&call);
}

/* ---- Form 08 ---- */

static void kv_day_or_null(struct jsonw *json, const char *key, uint32_t day)
{
	char text[STAFF_DAY_SIZE] = "";

	console_kv_text_or_null(json, key, day ? staff_day_text(day, text) : text);
}

struct writing {
	const struct api_request *request;
	struct jsonw *json;
	unsigned int rows, faulty;
};

static int write_row(void *context, const struct form_row *row)
{
	struct writing *writing = context;
	struct jsonw *json = writing->json;
	unsigned int faults = form_check(row);

	writing->rows++;
	writing->faulty += faults != 0;
	jsonw_object_begin(json);
	console_kv_id(json, "system", row->system);
	console_kv_id(json, "tenant", row->tenant);
	jsonw_kv_i64(json, "revision", row->revision);
	jsonw_kv_string(json, "name", row->name);
	jsonw_kv_string(json, "owner", row->owner);
	jsonw_kv_string(json, "operator", row->operator_);
	jsonw_kv_u64(json, "registered_level", row->registered_level);
	jsonw_kv_u64(json, "level", row->level);
	jsonw_kv_string(json, "approval", form_approvals[row->approval].word);
	jsonw_kv_string(json, "level_decision", row->decision_level);
	jsonw_kv_string(json, "rules_decision", row->decision_rules);
	kv_day_or_null(json, "approval_expected", row->approval_day);
	jsonw_kv_string(json, "plan", form_plans[row->plan].word);
	kv_day_or_null(json, "plan_expected", row->plan_day);
	jsonw_kv_string(json, "inspected", form_inspections[row->inspected].word);
	jsonw_kv_bool(json, "important", row->important);
	console_kv_text_or_null(json, "transition", row->transition);
	jsonw_kv_array_begin(json, "faults");
	for (unsigned int i = 0; i < FORM_FAULT_COUNT; i++)
		if (faults >> i & 1)
			jsonw_string(
				json, writing->request->lang == LUYTRE_LANG_VI ? form_faults[i].vi : form_faults[i].en);
	jsonw_array_end(json);
	jsonw_object_end(json);
	return 0;
}

static void reply_form_json(
	const struct api_request *request, struct api_reply *reply, const struct incidents_call *call, int year)
{
	struct writing writing = { .request = request, .json = api_reply_json(reply, 200) };
	int error;

	jsonw_object_begin(writing.json);
	jsonw_kv_i64(writing.json, "year", year);
	jsonw_kv_array_begin(writing.json, "rows");
	error = form_each(&call->call, write_row, &writing);
	jsonw_array_end(writing.json);
	jsonw_kv_u64(writing.json, "total", writing.rows);
	jsonw_kv_u64(writing.json, "faulty", writing.faulty);
	jsonw_kv_bool(writing.json, "pdf", report_has_pdf());
	jsonw_object_end(writing.json);
	if (error)
		api_reply_error(reply, error, NULL);
}

/* Who reports: the organisation that was asked for, or all that the caller sees. */
static void reporter_of(
	const struct api_request *request, const struct incidents_call *call, char *ret, size_t ret_size)
{
	const struct tenants_call tenants = { .db = call->call.db, .scope = call->call.scope };
	uint32_t id = (uint32_t)console_query_id(request, "tenant");
	struct tenant tenant;

	if (!id && call->call.scope->tenant_count > 0 && !call->call.scope->all)
		id = console_principal(request)->tenant;
	if (id && !tenant_get(&tenants, id, &tenant))
		snprintf(ret, ret_size, "%s", tenant.name);
	else
		snprintf(ret, ret_size, "%s", call->call.scope->all ? "Toàn quốc" : "");
}

void handle_get_yearly_report(struct api_request *request, struct api_reply *reply)
{
	int year = (int)console_query_i64(request, "year", incident_year(console_now_us(request)));
	char reporter[TENANT_NAME_SIZE], name[64];
	struct incidents_call call;
	struct report *report;
	int error;

	if (!incidents_begin(request, reply, AUTH_FINDINGS_READ, true, &call))
		return;
	if (is_format(request, "pdf") || is_format(request, "csv")) {
		reporter_of(request, &call, reporter, sizeof(reporter));
		error = form_report(&call.call, year, reporter, is_format(request, "csv"), &report);
		snprintf(name, sizeof(name), "form08-%d", year);
		if (error)
			api_reply_error(reply, error, NULL);
		else
			incidents_reply_report(request, reply, report, is_format(request, "pdf"), name);
	} else {
		reply_form_json(request, reply, &call, year);
	}
	incidents_end(&call);
}

static void read_day(const struct jsonr *body, const char *key, uint32_t *ret)
{
	const struct jsonr at = jsonr_member(body, key);
	struct bytes text;

	if (json_is_null(json_object_get(body->value, key))) {
		*ret = 0;
	} else if (jsonr_string(body, key, JSONR_OPTIONAL, 10, 10, &text)) {
		*ret = staff_day_of(text);
		if (!*ret)
			jsonr_fail(&at, JSONR_FORM, 0, 0);
	}
}

static size_t read_word(
	const struct jsonr *body, const char *key, const struct form_word *words, size_t count, size_t now)
{
	const char *texts[8];

	for (size_t i = 0; i < count; i++)
		texts[i] = words[i].word;
	jsonr_word(body, key, JSONR_OPTIONAL, texts, count, &now);
	return now;
}

static void read_row(const struct jsonr *body, struct form_row *row)
{
	int64_t level = row->level;

	jsonr_i64(body, "level", JSONR_OPTIONAL, 1, 5, &level);
	row->level = (uint32_t)level;
	row->approval =
		(enum form_approval)read_word(body, "approval", form_approvals, FORM_APPROVAL_COUNT, row->approval);
	row->plan = (enum form_plan)read_word(body, "plan", form_plans, FORM_PLAN_COUNT, row->plan);
	row->inspected = (enum form_inspection)read_word(
		body, "inspected", form_inspections, FORM_INSPECTION_COUNT, row->inspected);
	registry_text(body, "level_decision", JSONR_OPTIONAL, row->decision_level, sizeof(row->decision_level));
	registry_text(body, "rules_decision", JSONR_OPTIONAL, row->decision_rules, sizeof(row->decision_rules));
	registry_text(body, "transition", JSONR_OPTIONAL, row->transition, sizeof(row->transition));
	read_day(body, "approval_expected", &row->approval_day);
	read_day(body, "plan_expected", &row->plan_day);
	if (json_is_boolean(json_object_get(body->value, "important")))
		row->important = json_is_true(json_object_get(body->value, "important"));
}

static void put_row(const struct api_request *request, struct api_reply *reply, const struct incidents_call *call,
	struct form_row *row)
{
	struct writing writing = { .request = request };
	int error = form_put(&call->call, row, row);

	if (error) {
		api_reply_error(reply, error, NULL);
		return;
	}
	writing.json = api_reply_json(reply, 200);
	(void)write_row(&writing, row);
	api_reply_etag(reply, (uint64_t)row->revision);
}

void handle_update_yearly_report_row(struct api_request *request, struct api_reply *reply)
{
	struct incidents_call call;
	struct jsonr_errors errors;
	struct form_row row;
	struct jsonr body;
	uint32_t system;
	int error;

	if (!console_path_id32(request, reply, "system", &system) ||
		!incidents_begin(request, reply, AUTH_FINDINGS_WRITE, false, &call))
		return;
	error = form_get(&call.call, system, &row);
	if (error) {
		api_reply_error(reply, error, NULL);
	} else if (api_reply_matches(reply, (uint64_t)row.revision)) {
		api_body(request, &errors, &body);
		read_row(&body, &row);
		if (errors.count)
			api_reply_invalid(reply, &errors);
		else
			put_row(request, reply, &call, &row);
	}
	incidents_end(&call);
}
