// SPDX-License-Identifier: Apache-2.0
/* Phase 5, when nginx logs a request: events, ModSecurity's audit log, and variables for log formats. */
#include "base/clock.h"
#include "base/jsonw.h"
#include "gate/nginx/guard.h"
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

static void write_line(
	struct gate_events *events, const struct gate_tx *tx, const struct event_guard *guard, ngx_log_t *log)
{
	static struct jsonw json;
	struct bytes text;

	jsonw_init(&json, EVENT_SIZE_MAX);
	event_write(tx, guard, &json);
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

static struct event_guard tell(const struct guard_request *guard)
{
	static const char *names[LEAK_KINDS];
	const struct guard_said *said = &guard->said;
	struct event_guard told = { .reason = said->reason,
		.action = said->action,
		.kind = said->kind,
		.done = said->done,
		.stops = said->stops,
		.status = guard->stopped ? (uint16_t)guard->answer.status : 0 };

	if (said->until_ns != 0)
		told.until_s = clock_real_of_mono(clock_now(), said->until_ns) / NS_PER_S;
	if (said->has_counts) {
		for (unsigned int kind = 0; kind < LEAK_KINDS; kind++)
			names[kind] = leak_kind_name(kind);
		told.count_names = names;
		told.counts = said->counts;
		told.count_count = LEAK_KINDS;
	}
	return told;
}

static void write_event(const struct gate_request *gate)
{
	struct gate_events *events = gate->events;
	struct event_guard guard, *said = NULL;

	if (!events)
		return;
	if (gate->guard && gate->guard->said.reason) {
		guard = tell(gate->guard);
		said = &guard;
	}
	if (!event_wanted(gate->tx) && (!said || !guard_event_allowed(gate->guard->conf, &gate->guard->said)))
		return;
	if (events->file)
		write_line(events, gate->tx, said, gate->request->connection->log);
	else if (events->sink)
		event_sink_write(events->sink, gate->tx, said);
}

static void say_stopped(const struct gate_request *gate)
{
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	const struct guard_said *said = gate->guard ? &gate->guard->said : NULL;
	ngx_log_t *log = gate->request->connection->log;

	if (verdict->wanted != GATE_PASS) {
		ngx_log_error(NGX_LOG_INFO, log, 0, "luytre gate: %s, rule %uL, id %V",
			verdict->action != GATE_PASS ? "stopped" : "would be stopped", verdict->rule_id, &gate->id);
	} else if (said && said->stops) {
		ngx_log_error(NGX_LOG_INFO, log, 0, "luytre gate: %s, guard %s, id %V",
			said->done ? "stopped" : "would be stopped", said->reason, &gate->id);
	}
}

/* Headers that nginx did not wait for never come to the gate. */
static void count_timeout(ngx_http_request_t *r)
{
	const struct gate_location *conf = ngx_http_get_module_loc_conf(r, ngx_http_luytre_gate_module);

	if (conf->guard && conf->mode != GATE_OFF && r->headers_out.status == NGX_HTTP_REQUEST_TIME_OUT)
		guard_count(conf->guard->zone, GUARD_HEADER_TIMEOUTS, 1);
}

/* Rules of phase 5, and the audit log. Who was over a limit was not looked at by any rule. */
static void run_log(struct gate_request *gate)
{
	const ngx_http_request_t *r = gate->request;
	uint64_t start_ns = clock_mono_ns();
	struct audit_log *audit;

	if (!gate->response_begun && r->headers_out.status != 0)
		gate_tx_response_line(gate->tx, (unsigned int)r->headers_out.status, gate_bytes(r->http_protocol));
	if (gate->unread)
		return;
	gate_tx_log(gate->tx);
	gate->engine_ns += clock_mono_ns() - start_ns;
	audit = policy_audit_log(gate->policy);
	if (audit)
		audit_log_write(audit, gate->tx);
}

ngx_int_t gate_record_handler(ngx_http_request_t *r)
{
	struct gate_request *gate = r == r->main ? gate_request_find(r) : NULL;

	if (!gate) {
		count_timeout(r);
		return NGX_OK;
	}
	if (gate->recorded)
		return NGX_OK;
	gate->recorded = true;
	ngx_http_set_ctx(r, gate, ngx_http_luytre_gate_module);
	if (gate->guard)
		guard_log(gate);
	run_log(gate);
	say_stopped(gate);
	write_event(gate);
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

/* "pass", "deny", ...; "shadow-deny" for what a site in shadow would have done. A guard's verdict counts where rules have none. */
static ngx_int_t get_action(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	static const char *const names[] = { "pass", "deny", "drop", "redirect" };
	static const char *const shadows[] = { "pass", "shadow-deny", "shadow-drop", "shadow-redirect" };
	const struct gate_verdict *verdict = gate_tx_verdict(gate->tx);
	enum gate_action wanted = verdict->wanted;
	bool done = verdict->action != GATE_PASS;
	const char *name;

	if (wanted == GATE_PASS && gate->guard && gate->guard->said.stops) {
		wanted = GATE_DENY;
		done = gate->guard->said.done;
	}
	name = done ? names[wanted] : shadows[wanted];
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

/* "leak", "shadow-rate-client", ...; empty when no guard had anything to say. */
static ngx_int_t get_guard(ngx_http_request_t *r, ngx_http_variable_value_t *value, const struct gate_request *gate)
{
	const struct guard_said *said = gate->guard ? &gate->guard->said : NULL;
	u_char *text;

	if (!said || !said->reason)
		return set_text(value, (const u_char *)"", 0);
	if (said->done)
		return set_text(value, (const u_char *)said->reason, strlen(said->reason));
	text = ngx_pnalloc(r->pool, sizeof("shadow-") + strlen(said->reason));
	if (!text)
		return NGX_ERROR;
	return set_text(value, text, (size_t)(ngx_sprintf(text, "shadow-%s", said->reason) - text));
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
	{ ngx_string("luytre_gate_guard"), get_guard },
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
