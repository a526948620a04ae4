// SPDX-License-Identifier: Apache-2.0
/* The requests of the control socket: one row each (docs/control.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "edge/internal.h"
#include "edge/stats.h"
#include "shield/emulate.h"

enum { WORDS_MAX = 8, PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

struct request {
	struct edge *edge;
	struct jsonw *out;
	char *words[WORDS_MAX]; /* the verb first */
	size_t count;
};

static void refuse(struct request *r, int error, const char *message)
{
	jsonw_object_begin(r->out);
	jsonw_kv_object_begin(r->out, "error");
	jsonw_kv_string(r->out, "code", error_name(error));
	jsonw_kv_string(r->out, "message", message ? message : error_text(error, edge_lang(r->edge)));
	jsonw_object_end(r->out);
	jsonw_object_end(r->out);
}

static void done(struct request *r)
{
	jsonw_object_begin(r->out);
	jsonw_kv_bool(r->out, "done", true);
	jsonw_object_end(r->out);
}

/* The value of "name=value" among the words behind the object, or null. */
static const char *option(const struct request *r, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 1; i < r->count; i++)
		if (!strncmp(r->words[i], name, length) && r->words[i][length] == '=')
			return r->words[i] + length + 1;
	return NULL;
}

/* ---- looking -----------------------------------------------------------------------------------*/

void edge_write_report(const struct edge *edge, const struct flood_report *report, struct jsonw *out)
{
	static const char *const phases[] = { "begin", "update", "end" };
	static const char *const scopes[] = { "host", "prefix", "tenant", "platform" };
	struct flood_report named = *report;
	char text[FLOOD_TEXT_SIZE];

	named.tenant_name = policy_name(edge->policy, report->tenant);
	jsonw_object_begin(out);
	jsonw_kv_u64(out, "id", report->id);
	jsonw_kv_string(out, "phase", phases[report->phase]);
	jsonw_kv_string(out, "tenant", named.tenant_name);
	jsonw_kv_string(out, "scope", scopes[report->scope]);
	jsonw_kv_string(out, "vector", flood_vector_name(report->vector));
	jsonw_kv_string(out, "catalogue", report->catalogue);
	jsonw_kv_u64(out, "started_ns", report->started_ns);
	jsonw_kv_u64(out, "pps", report->pps);
	jsonw_kv_u64(out, "bps", report->bps);
	jsonw_kv_u64(out, "peak_pps", report->peak_pps);
	jsonw_kv_u64(out, "baseline_pps", report->baseline_pps);
	jsonw_kv_u64(out, "signatures", report->signatures);
	jsonw_kv_string(out, "signature", report->signature);
	jsonw_kv_double(out, "peace_share", report->peace_share);
	jsonw_kv_double(out, "coverage", report->coverage);
	jsonw_kv_string(out, "text", flood_report_text(&named, edge_lang(edge), text, sizeof(text)));
	jsonw_object_end(out);
}

static void write_active(const struct edge *edge, struct jsonw *out)
{
	struct flood_report *reports = calloc(EDGE_REPORTS_MAX, sizeof(*reports));
	size_t count = reports && edge->flood ? flood_list(edge->flood, reports, EDGE_REPORTS_MAX) : 0;

	jsonw_kv_array_begin(out, "attacks");
	for (size_t i = 0; i < count; i++)
		edge_write_report(edge, &reports[i], out);
	jsonw_array_end(out);
	free(reports);
}

static const char *mode_of(const struct edge *edge, uint32_t slot)
{
	const struct shield_globals *g = edge->maps->globals;

	if (!slot)
		return g->flags & SHIELD_GLOBAL_DROP_UNKNOWN ? "drop" : "pass";
	return edge->maps->tenants[(g->policy_generation & 1) * g->tenants + slot].flags & SHIELD_TENANT_ENFORCE
		       ? "enforce"
		       : "shadow";
}

static void write_tenant_head(const struct edge *edge, uint32_t slot, struct jsonw *out)
{
	jsonw_kv_string(out, "name", policy_name(edge->policy, slot));
	jsonw_kv_u64(out, "slot", slot);
	jsonw_kv_string(out, "mode", mode_of(edge, slot));
	stats_write_attack(edge->maps->tenant_states[slot].attack, out);
	jsonw_kv_u64(out, "signatures", edge->maps->tenant_states[slot].signature_count);
}

static void write_fill(const struct edge *edge, struct jsonw *out)
{
	struct decisions_stats stats;

	decisions_read_stats(edge->decisions, &stats);
	jsonw_kv_object_begin(out, "decisions");
	jsonw_kv_u64(out, "ipv4", stats.count_v4);
	jsonw_kv_u64(out, "ipv4_max", edge->config->capacity.decisions);
	jsonw_kv_u64(out, "ipv6", stats.count_v6);
	jsonw_kv_u64(out, "ipv6_max", edge->config->capacity.decisions_v6);
	jsonw_kv_u64(out, "expired", stats.expired);
	jsonw_object_end(out);
}

static void do_status(struct request *r)
{
	struct edge *edge = r->edge;
	uint32_t slots = policy_slot_count(edge->policy);

	jsonw_object_begin(r->out);
	jsonw_kv_string(r->out, "version", LUYTRE_VERSION);
	jsonw_kv_string(r->out, "interface", edge->config->interface);
	jsonw_kv_string(r->out, "peer", edge->config->peer);
	jsonw_kv_string(r->out, "attached", shield_attach_mode(edge->shield));
	jsonw_kv_bool(r->out, "took_over", shield_adopted(edge->shield));
	jsonw_kv_string(r->out, "config", edge->options.config_path);
	jsonw_kv_double(r->out, "uptime_s", (double)(clock_mono_ns() - edge->started_ns) / NS_PER_S);
	jsonw_kv_double(r->out, "config_age_s", (double)(clock_mono_ns() - edge->config_loaded.mono_ns) / NS_PER_S);
	jsonw_kv_u64(r->out, "reloads", edge->reloads);
	jsonw_kv_u64(r->out, "reload_failures", edge->reload_failures);
	jsonw_kv_u64(r->out, "samples", edge->samples_seen);
	jsonw_kv_u64(r->out, "samples_lost", control_samples_lost(edge->control));
	jsonw_kv_array_begin(r->out, "tenants");
	for (uint32_t i = 1; i < slots; i++) {
		if (!policy_name(edge->policy, i))
			continue;
		jsonw_object_begin(r->out);
		write_tenant_head(edge, i, r->out);
		jsonw_object_end(r->out);
	}
	jsonw_array_end(r->out);
	write_fill(edge, r->out);
	edge_hub_write_holds(edge, r->out);
	edge_hub_write_policy(edge, r->out);
	stats_write_tables(edge->maps, r->out);
	write_active(edge, r->out);
	jsonw_object_end(r->out);
}

static void write_lists(const struct edge *edge, struct jsonw *out)
{
	struct decisions_stats stats;

	decisions_read_stats(edge->decisions, &stats);
	jsonw_kv_object_begin(out, "lists");
	for (uint32_t i = 0; i < SHIELD_LISTS_MAX && lists_name(edge->config, i); i++) {
		struct shield_counter hits;

		stats_list(edge->maps, i, &hits);
		jsonw_kv_object_begin(out, lists_name(edge->config, i));
		jsonw_kv_u64(out, "packets", hits.packets);
		jsonw_kv_u64(out, "bytes", hits.bytes);
		jsonw_kv_u64(out, "decisions", stats.list[i]);
		jsonw_object_end(out);
	}
	jsonw_object_end(out);
}

static void do_stats(struct request *r)
{
	uint32_t slots = policy_slot_count(r->edge->policy);

	jsonw_object_begin(r->out);
	jsonw_kv_u64(r->out, "time_ns", clock_mono_ns());
	jsonw_kv_array_begin(r->out, "tenants");
	for (uint32_t i = 0; i < slots; i++) {
		if (!policy_name(r->edge->policy, i))
			continue;
		jsonw_object_begin(r->out);
		write_tenant_head(r->edge, i, r->out);
		stats_write_tenant(r->edge->maps, i, r->out);
		jsonw_object_end(r->out);
	}
	jsonw_array_end(r->out);
	write_lists(r->edge, r->out);
	stats_write_tables(r->edge->maps, r->out);
	write_active(r->edge, r->out);
	jsonw_object_end(r->out);
}

static void do_attacks(struct request *r)
{
	const struct edge_detect *d = &r->edge->detect;
	size_t count = d->ended_count < EDGE_REPORTS_MAX ? d->ended_count : EDGE_REPORTS_MAX;

	jsonw_object_begin(r->out);
	write_active(r->edge, r->out);
	jsonw_kv_array_begin(r->out, "ended");
	for (size_t i = 1; i <= count; i++)
		edge_write_report(r->edge, &d->ended[(d->ended_count - i) % EDGE_REPORTS_MAX], r->out);
	jsonw_array_end(r->out);
	jsonw_object_end(r->out);
}

/* ---- decisions ---------------------------------------------------------------------------------*/

static void write_decision(const struct edge *edge, const struct decisions_view *view, struct jsonw *out)
{
	static const char *const actions[] = { "void", "block", "allow", "bogon", "reply", "own" };
	static const char *const states[] = { "active", "expired", "other-tenant" };
	const struct decision *d = &view->decision;
	char text[IP_PREFIX_TEXT_SIZE];

	jsonw_object_begin(out);
	jsonw_kv_string(out, "prefix", ip_prefix_format(&d->prefix, text));
	jsonw_kv_string(out, "action", actions[d->action]);
	jsonw_kv_string(out, "tenant", d->tenant ? policy_name(edge->policy, d->tenant) : NULL);
	jsonw_kv_string(out, "list", lists_name(edge->config, d->list));
	jsonw_kv_string(out, "reason", d->reason);
	jsonw_kv_string(out, "state", states[view->state]);
	if (d->expiry_ns == DECISIONS_NEVER)
		jsonw_kv_null(out, "expires_in_s");
	else
		jsonw_kv_double(out, "expires_in_s", ((double)d->expiry_ns - (double)clock_mono_ns()) / NS_PER_S);
	jsonw_object_end(out);
}

/* Reads "VERB PREFIX [tenant=] [for=] [reason=]". False: the refusal is written. */
static bool read_decision(struct request *r, uint8_t action, struct decision *ret)
{
	const char *tenant = option(r, "tenant"), *life = option(r, "for"), *reason = option(r, "reason");
	uint64_t life_ns;

	*ret = (struct decision){ .action = action, .list = LISTS_OPERATOR, .expiry_ns = DECISIONS_NEVER };
	if (r->count < 2 || ip_prefix_parse(bytes_from_str(r->words[1]), 0, &ret->prefix)) {
		refuse(r, LUYTRE_E_SYNTAX,
			"expected an address or a prefix without host bits, such as 203.0.113.7 or 2001:db8::/32");
		return false;
	}
	if (tenant && !(ret->tenant = (uint16_t)policy_slot(r->edge->policy, tenant))) {
		refuse(r, LUYTRE_E_NOT_FOUND, "there is no such tenant");
		return false;
	}
	if (life && (units_parse_duration(bytes_from_str(life), &life_ns) || !life_ns)) {
		refuse(r, LUYTRE_E_SYNTAX, "for= expects a duration such as 10m, 2h or 7d");
		return false;
	}
	if (life)
		ret->expiry_ns = clock_mono_ns() + life_ns;
	snprintf(ret->reason, sizeof(ret->reason), "%s", reason ? reason : "operator");
	return true;
}

static void decide(struct request *r, uint8_t action)
{
	struct decision decision;
	int error;

	if (!read_decision(r, action, &decision))
		return;
	error = decisions_add(r->edge->decisions, &decision, clock_mono_ns());
	if (error) {
		refuse(r, error, NULL);
		return;
	}
	r->edge->unsaved = true;
	done(r);
}

static void do_block(struct request *r)
{
	decide(r, SHIELD_ACTION_BLOCK);
}
static void do_allow(struct request *r)
{
	decide(r, SHIELD_ACTION_ALLOW);
}

static void do_lift(struct request *r)
{
	static const uint8_t actions[] = { SHIELD_ACTION_BLOCK, SHIELD_ACTION_ALLOW };
	struct decision decision;
	bool found = false;

	if (!read_decision(r, SHIELD_ACTION_BLOCK, &decision))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		decision.action = actions[i];
		found |= !decisions_remove(r->edge->decisions, &decision, clock_mono_ns());
	}
	if (!found) {
		refuse(r, LUYTRE_E_NOT_FOUND, "the operator has made no decision about exactly this prefix and tenant");
		return;
	}
	r->edge->unsaved = true;
	done(r);
}

static void do_lift_all(struct request *r)
{
	struct decisions_cursor cursor = { 0 };
	struct decisions_view views[256];
	uint64_t lifted = 0;
	bool at_end = false;

	while (!at_end) {
		size_t count = decisions_list(r->edge->decisions, LISTS_OPERATOR, clock_mono_ns(), &cursor, views,
			ARRAY_COUNT(views), &at_end);

		for (size_t i = 0; i < count; i++)
			lifted += !decisions_remove(r->edge->decisions, &views[i].decision, clock_mono_ns());
	}
	r->edge->unsaved = true;
	jsonw_object_begin(r->out);
	jsonw_kv_u64(r->out, "lifted", lifted);
	jsonw_object_end(r->out);
}

static void do_decisions(struct request *r)
{
	const char *after = option(r, "after"), *limit = option(r, "limit");
	struct decisions_cursor cursor = { 0 };
	uint64_t max = PAGE_DEFAULT;
	struct decisions_view *views;
	bool at_end = false;
	size_t count;

	if (after) {
		if (ip_prefix_parse(bytes_from_str(after), 0, &cursor.prefix)) {
			refuse(r, LUYTRE_E_SYNTAX, "after= expects a prefix");
			return;
		}
		cursor.tenant = UINT16_MAX;
		cursor.action = cursor.list = UINT8_MAX;
	}
	if (limit && (units_parse_count(bytes_from_str(limit), &max) || !max || max > PAGE_MAX)) {
		refuse(r, LUYTRE_E_RANGE, "limit= expects 1 to 1000");
		return;
	}
	views = calloc(max, sizeof(*views));
	if (!views) {
		refuse(r, LUYTRE_E_NOMEM, NULL);
		return;
	}
	count = decisions_list(r->edge->decisions, DECISIONS_ALL, clock_mono_ns(), &cursor, views, max, &at_end);
	jsonw_object_begin(r->out);
	jsonw_kv_array_begin(r->out, "decisions");
	for (size_t i = 0; i < count; i++)
		write_decision(r->edge, &views[i], r->out);
	jsonw_array_end(r->out);
	jsonw_kv_bool(r->out, "more", !at_end);
	jsonw_object_end(r->out);
	free(views);
}

static void do_lookup(struct request *r)
{
	struct decisions_view views[SHIELD_CHAIN_MAX * 4];
	struct ip_addr addr;
	size_t count;

	if (r->count < 2 || ip_addr_parse(bytes_from_str(r->words[1]), &addr)) {
		refuse(r, LUYTRE_E_SYNTAX, "expected an address");
		return;
	}
	count = decisions_explain(r->edge->decisions, &addr, 0, clock_mono_ns(), views, ARRAY_COUNT(views));
	if (count > ARRAY_COUNT(views))
		count = ARRAY_COUNT(views);
	jsonw_object_begin(r->out);
	jsonw_kv_array_begin(r->out, "decisions");
	for (size_t i = 0; i < count; i++)
		write_decision(r->edge, &views[i], r->out);
	jsonw_array_end(r->out);
	jsonw_object_end(r->out);
}

/* ---- the daemon --------------------------------------------------------------------------------*/

static void do_reload(struct request *r)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	char why[512] = "";
	int error;

	if (!errors) {
		refuse(r, LUYTRE_E_NOMEM, NULL);
		return;
	}
	error = edge_reload(r->edge, errors, why, sizeof(why));
	jsonw_object_begin(r->out);
	jsonw_kv_bool(r->out, "done", !error);
	if (error) {
		jsonw_kv_array_begin(r->out, "errors");
		for (size_t i = 0; i < errors->count; i++) {
			jsonw_object_begin(r->out);
			jsonw_kv_string(r->out, "file", errors->file);
			jsonw_kv_u64(r->out, "line", errors->items[i].line);
			jsonw_kv_string(r->out, "setting", errors->items[i].setting);
			jsonw_kv_string(r->out, "found", errors->items[i].found);
			jsonw_kv_string(r->out, "expected", errors->items[i].expected);
			jsonw_kv_string(r->out, "remedy", errors->items[i].remedy);
			jsonw_object_end(r->out);
		}
		if (why[0])
			jsonw_string(r->out, why);
		jsonw_array_end(r->out);
	}
	jsonw_object_end(r->out);
	free(errors);
}

static uint32_t tenant_word(struct request *r)
{
	uint32_t slot = r->count > 1 ? policy_slot(r->edge->policy, r->words[1]) : 0;

	if (!slot)
		refuse(r, LUYTRE_E_NOT_FOUND, "expected the name of a tenant");
	return slot;
}

static void do_withdraw(struct request *r)
{
	uint32_t slot = tenant_word(r);

	if (!slot)
		return;
	if (r->edge->flood)
		flood_withdraw(r->edge->flood, slot, r->count > 2 && !strcmp(r->words[2], "forget"));
	done(r);
}

static void do_mode(struct request *r)
{
	const struct shield_globals *g = r->edge->maps->globals;
	uint32_t slot = tenant_word(r), *flags;

	if (!slot)
		return;
	flags = &r->edge->maps->tenants[(g->policy_generation & 1) * g->tenants + slot].flags;
	if (r->count == 3 && !strcmp(r->words[2], "enforce")) {
		__atomic_or_fetch(flags, SHIELD_TENANT_ENFORCE, __ATOMIC_RELAXED);
	} else if (r->count == 3 && !strcmp(r->words[2], "shadow")) {
		__atomic_and_fetch(flags, ~(uint32_t)SHIELD_TENANT_ENFORCE, __ATOMIC_RELAXED);
	} else {
		refuse(r, LUYTRE_E_INVALID, "expected shadow or enforce");
		return;
	}
	log_info("tenant %s is in mode %s until the next reload", r->words[1], r->words[2]);
	done(r);
}

static void do_samples(struct request *r)
{
	(void)r;
}

static const struct {
	const char *name;
	void (*run)(struct request *r);
	bool streams;
} commands[] = {
	{ "status", do_status, false },
	{ "stats", do_stats, false },
	{ "attacks", do_attacks, false },
	{ "block", do_block, false },
	{ "allow", do_allow, false },
	{ "lift", do_lift, false },
	{ "lift-all", do_lift_all, false },
	{ "decisions", do_decisions, false },
	{ "lookup", do_lookup, false },
	{ "reload", do_reload, false },
	{ "withdraw", do_withdraw, false },
	{ "mode", do_mode, false },
	{ "samples", do_samples, true },
};

void control_run(struct edge *edge, char *line, struct jsonw *out, bool *ret_stream)
{
	struct request r = { .edge = edge, .out = out };
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t\r", &rest); word && r.count < WORDS_MAX;
		word = strtok_r(NULL, " \t\r", &rest))
		r.words[r.count++] = word;
	for (size_t i = 0; r.count && i < ARRAY_COUNT(commands); i++)
		if (!strcmp(r.words[0], commands[i].name)) {
			commands[i].run(&r);
			*ret_stream = commands[i].streams;
			return;
		}
	refuse(&r, LUYTRE_E_UNSUPPORTED, "unknown request; docs/control.md lists them");
}
