// SPDX-License-Identifier: Apache-2.0
/* Phase 5, when nginx logs a request: events, ModSecurity's audit log, and variables for log formats. */
#include "gate/nginx/module.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "gate/output/event.h"

#define EVENT_SIZE_MAX ((size_t)256 << 10)

/* ---- events ---- */

/* Said once a minute: a full disk must not fill another. */
static void say_lost(struct gate_events *events, ngx_log_t *log)
{
	events->lost++;
	if (ngx_time() - events->told < 60)
		return;
	events->told = ngx_time();
	ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "luytre gate: %uL events could not be written to \"%V\"",
		events->lost, &events->name);
}

static void write_line(struct gate_events *events, const struct gate_tx *tx, ngx_log_t *log)
{
	static struct jsonw json;
	struct bytes text;

	jsonw_init(&json, EVENT_SIZE_MAX);
	event_write(tx, &json);
	if (jsonw_text(&json, &text) < 0) {
		say_lost(events, log);
	} else {
		/* One call, so that lines of several workers do not mix; the writer keeps a NUL there. */
		u_char *line = (u_char *)(uintptr_t)text.ptr;

		line[text.size] = '\n';
		if (ngx_write_fd(events->file->fd, line, text.size + 1) != (ssize_t)text.size + 1)
			say_lost(events, log);
	}
	jsonw_done(&json);
}

static void write_event(const struct gate_request *gate)
{
	struct gate_events *events = gate->events;

	if (!events || !event_wanted(gate->tx))
		return;
	if (events->file)
		write_line(events, gate->tx, gate->request->connection->log);
	else if (events->sink)
		event_sink_write(events->sink, gate->tx);
}

static void say_stopped(const struct gate_request *gate)
{
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);

	if (verdict->wanted != GATE_PASS)
		ngx_log_error(NGX_LOG_INFO, gate->request->connection->log, 0, "luytre gate: %s, rule %uL, id %V",
			verdict->action != GATE_PASS ? "stopped" : "would be stopped", verdict->rule_id, &gate->id);
}

ngx_int_t gate_record_handler(ngx_http_request_t *r)
{
	struct gate_request *gate = r == r->main ? gate_request_find(r) : NULL;
	struct audit_log *audit;
	uint64_t start_ns;

	if (!gate || gate->recorded)
		return NGX_OK;
	gate->recorded = true;
	ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
	start_ns = clock_mono_ns();
	if (!gate->response_begun && r->headers_out.status != 0)
		gate_tx_response_line(gate->tx, (unsigned int)r->headers_out.status, gate_bytes(r->http_protocol));
	gate_tx_log(gate->tx);
	gate->engine_ns += clock_mono_ns() - start_ns;
	say_stopped(gate);
	write_event(gate);
	audit = policy_audit_log(gate->policy);
	if (audit)
		audit_log_write(audit, gate->tx);
	return NGX_OK;
}

/* ---- variables ---- */

static ngx_int_t set_text(ngx_http_variable_value_t *value, const u_char *text, size_t size)
{
	value->data = (u_char *)(uintptr_t)text;
	value->len = (unsigned int)size & 0xfffffff;
	value->valid = 1;
	value->no_cacheable = 1;
	value->not_found = 0;
	return NGX_OK;
}

static ngx_int_t set_number(ngx_http_request_t *r, ngx_http_variable_value_t *value, uint64_t number)
{
	u_char *text = ngx_pnalloc(r->pool, NGX_INT64_LEN);

	if (!text)
		return NGX_ERROR;
	return set_text(value, text, (size_t)(ngx_sprintf(text, "%uL", number) - text));
}

/* "pass", "deny", ...; "shadow-deny" for what a site in shadow would have done. */
static ngx_int_t get_action(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	static const char *const names[] = { "pass", "shadow-deny", "shadow-drop", "shadow-redirect" };
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	const char *name = names[verdict->wanted];

	if (verdict->action != GATE_PASS)
		name += strlen("shadow-");
	return set_text(value, (const u_char *)name, strlen(name));
}

static ngx_int_t get_id(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	return set_text(value, gate->id.data, gate->id.len);
}

static ngx_int_t get_rule(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	return set_number(r, value, gate_tx_verdict(gate->tx)->rule_id);
}

static ngx_int_t get_us(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	return set_number(r, value, gate->engine_ns / NS_PER_US);
}

static const struct variable_row {
	ngx_str_t name;
	ngx_int_t (*get)(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate);
} rows[] = {
	{ ngx_string("luytre_gate_action"), get_action },
	{ ngx_string("luytre_gate_id"), get_id },
	{ ngx_string("luytre_gate_rule"), get_rule },
	{ ngx_string("luytre_gate_us"), get_us },
};

static ngx_int_t get_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value, uintptr_t row)
{
	const struct gate_request *gate = gate_request_find(r->main);

	if (gate)
		return rows[row].get(r, value, gate);
	value->not_found = 1;
	return NGX_OK;
}

ngx_int_t gate_record_add_variables(ngx_conf_t *cf)
{
	for (uintptr_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ngx_str_t name = rows[i].name;
		ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);

		if (!variable)
			return NGX_ERROR;
		variable->get_handler = get_variable;
		variable->data = i;
	}
	return NGX_OK;
}
