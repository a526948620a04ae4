// SPDX-License-Identifier: Apache-2.0
/* Was anybody hit before we knew? Asked of stored events; and looking again at a finding, with the owner's consent. */
#include <stdio.h>
#include <string.h>

#include "hub/console/posture.h"
#include "hub/core/holds.h"
#include "hub/posture/probe/verify.h"
#include "hub/posture/retro.h"

#define DAY_US INT64_C(86400000000)

enum { DAYS_USUAL = 90, TENANTS_SHOWN = 1000 };

static enum retro_kind kind_of(struct bytes word)
{
	int kind = 0;

	while (kind + 1 < RETRO_KIND_COUNT && !bytes_equal_str(word, retro_kinds[kind]))
		kind++;
	return (enum retro_kind)kind; /* the description has no other words */
}

static void write_rules(struct jsonw *json, const struct retro_answer *answer)
{
	jsonw_kv_array_begin(json, "rules");
	for (size_t i = 0; i < answer->rule_count; i++) {
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)answer->rules[i]);
		jsonw_string(json, text);
	}
	jsonw_array_end(json);
}

static void write_tenants(struct jsonw *json, const struct retro_answer *answer)
{
	jsonw_kv_array_begin(json, "tenants");
	for (size_t i = 0; i < answer->tenant_count && i < TENANTS_SHOWN; i++) {
		jsonw_object_begin(json);
		console_kv_id_or_null(json, "tenant", answer->tenants[i].tenant);
		console_kv_time(json, "first_seen", answer->tenants[i].first_us);
		console_kv_time(json, "last_seen", answer->tenants[i].last_us);
		jsonw_kv_u64(json, "events", answer->tenants[i].events);
		jsonw_kv_u64(json, "stopped", answer->tenants[i].stopped);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_sources(struct jsonw *json, const struct retro_answer *answer)
{
	char addr[IP_ADDR_TEXT_SIZE];

	jsonw_kv_array_begin(json, "sources");
	for (size_t i = 0; i < answer->source_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "address", ip_addr_format(&answer->sources[i].addr, addr));
		jsonw_kv_u64(json, "events", answer->sources[i].events);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_answer(struct jsonw *json, const struct retro_answer *answer, uint32_t findings)
{
	jsonw_object_begin(json);
	jsonw_kv_bool(json, "complete", answer->complete);
	console_kv_time_or_null(json, "first_seen", answer->first_us);
	console_kv_time_or_null(json, "last_seen", answer->last_us);
	jsonw_kv_u64(json, "events", answer->events);
	jsonw_kv_u64(json, "stopped", answer->stopped);
	write_rules(json, answer);
	write_tenants(json, answer);
	write_sources(json, answer);
	jsonw_kv_u64(json, "findings", findings);
	jsonw_kv_u64(json, "took_ms", answer->took_ms);
	jsonw_object_end(json);
}

struct asked {
	enum retro_kind kind;
	char value[256];
	int64_t days;
	bool attach;
};

static int attach(const struct api_request *request, const struct scope *scope, const struct asked *asked,
	const struct retro_answer *answer, uint32_t *ret_count)
{
	struct posture_call call;

	*ret_count = 0;
	if (!asked->attach || asked->kind != RETRO_CVE)
		return 0;
	posture_call(request, scope, FINDING_BY_EVIDENCE, &call);
	return retro_attach(&call.call, asked->value, answer, ret_count);
}

static void answer(const struct api_request *request, struct api_reply *reply, const struct scope *scope,
	const struct asked *asked)
{
	int64_t now_us = console_now_us(request);
	const struct retro_question question = { .kind = asked->kind,
		.value = asked->value,
		.from_us = now_us - asked->days * DAY_US,
		.until_us = now_us + DAY_US, /* clocks of edges may be ahead */
		.scope = scope };
	struct holdrules *rules = core_hold_rules(console_core(request));
	struct retro_answer found;
	uint32_t findings;
	int error = retro_search(core_events(console_core(request)), rules, &question, &found);

	holdrules_unref(rules);
	if (error) {
		api_reply_error(reply, error == LUYTRE_E_SYNTAX ? LUYTRE_E_INVALID : error, NULL);
		return;
	}
	error = attach(request, scope, asked, &found, &findings);
	if (error)
		api_reply_error(reply, error, NULL);
	else
		write_answer(api_reply_json(reply, 200), &found, findings);
	if (!error && findings)
		posture_told(console_of(request), 0, 0);
	retro_done(&found);
}

void handle_search_retro(struct api_request *request, struct api_reply *reply)
{
	struct asked asked = { .kind = kind_of(api_query(request, "kind")->text),
		.days = console_query_i64(request, "days", DAYS_USUAL) };
	struct auth_scope scope;

	if (!console_scope_of_query(request, reply, AUTH_EVENTS_READ, &scope))
		return;
	(void)bytes_to_str(api_query(request, "value")->text, asked.value, sizeof(asked.value));
	answer(request, reply, &scope.scope, &asked);
	auth_scope_done(&scope);
}

void handle_attach_retro(struct api_request *request, struct api_reply *reply)
{
	struct asked asked = { .kind = RETRO_CVE, .days = DAYS_USUAL, .attach = true };
	const json_t *days = json_object_get(request->json, "days");
	struct auth_scope scope;

	if (!console_body_copy(request, reply, "cve", asked.value, sizeof(asked.value)) ||
		!console_scope(request, reply, AUTH_FINDINGS_WRITE, &scope))
		return;
	if (json_is_integer(days))
		asked.days = json_integer_value(days);
	answer(request, reply, &scope.scope, &asked);
	auth_scope_done(&scope);
}

void handle_probe_finding(struct api_request *request, struct api_reply *reply)
{
	enum verify_outcome outcome;
	struct posture_call call;
	struct auth_scope scope;
	struct finding finding;
	struct jsonw *json;
	int error;

	if (!posture_finding(request, reply, AUTH_FINDINGS_WRITE, &scope, &finding))
		return;
	posture_call(request, &scope.scope, FINDING_BY_EVIDENCE, &call);
	error = verify_finding(&call.call, finding.id, VERIFY_PUBLIC, &outcome);
	if (error) {
		posture_refuse(request, reply, &call, error);
	} else {
		json = api_reply_json(reply, 200);
		jsonw_object_begin(json);
		jsonw_kv_string(json, "outcome", verify_outcomes[outcome]);
		jsonw_object_end(json);
		posture_told(console_of(request), finding.tenant, finding.id);
	}
	auth_scope_done(&scope);
}
