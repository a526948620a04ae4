// SPDX-License-Identifier: Apache-2.0
/* The event of a request (event.h): what happened, whose rules said so, nothing that is secret. */
#include "gate/output/event.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/ascii.h"
#include "gate/output/redact.h"

#define TEXT_MAX  1024
#define RULES_MAX 64

/* Of the headers that an event tells. */
struct told {
	struct bytes user_agent, referer;
};

bool event_wanted(const struct gate_tx *tx)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	if (gate_tx_verdict(tx)->wanted != GATE_PASS)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (matches[i].log)
			return true;
	}
	return false;
}

/* Cut before the redaction, so that a long text costs no more than a short one; a value that the cut goes through is redacted as it is. */
static void put_clean(struct jsonw *json, const char *key, struct bytes variable, struct bytes text)
{
	struct out_text clean = { 0 };

	if (text.size == 0)
		return;
	redact_variable(&clean, variable, bytes_first(text, TEXT_MAX));
	if (text.size > TEXT_MAX)
		out_format(&clean, " [cut, %zu bytes]", text.size);
	jsonw_kv_string_bytes(json, key, out_view(&clean));
	out_done(&clean);
}

static void find_header(void *context, struct bytes name, struct bytes value)
{
	struct told *told = context;

	if (ascii_equal_nocase_str(name, "user-agent"))
		told->user_agent = value;
	else if (ascii_equal_nocase_str(name, "referer"))
		told->referer = value;
}

void event_put_time(struct jsonw *json, const struct timespec *at)
{
	char day[32] = "", zone[8] = "", text[64];
	struct tm time;

	if (localtime_r(&at->tv_sec, &time)) {
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &time);
		(void)strftime(zone, sizeof(zone), "%z", &time);
	}
	snprintf(text, sizeof(text), "%s.%06ld%s", day, at->tv_nsec / 1000, zone);
	jsonw_kv_string(json, "timestamp", text);
}

static void put_http(
	struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts, const struct event_guard *guard)
{
	static const struct bytes none = { 0 };
	const struct gate_verdict *verdict = gate_tx_verdict(tx);
	struct told told = { 0 };
	unsigned int status = verdict->action != GATE_PASS ? verdict->status : facts->response_status;

	if (guard && guard->status != 0)
		status = guard->status;
	gate_tx_each_header(tx, false, find_header, &told);
	jsonw_kv_object_begin(json, "http");
	put_clean(json, "hostname", none, facts->host);
	put_clean(json, "url", none, facts->target);
	put_clean(json, "http_method", none, facts->method);
	put_clean(json, "protocol", none, facts->protocol);
	put_clean(json, "http_user_agent", none, told.user_agent);
	put_clean(json, "http_refer", none, told.referer);
	if (status != 0)
		jsonw_kv_u64(json, "status", status);
	jsonw_kv_u64(json, "length", facts->response_body.size);
	jsonw_object_end(json);
}

static const char *action_name(enum gate_action action)
{
	static const char *const names[] = { "pass", "deny", "drop", "redirect" };

	return names[action];
}

#define HOLD_SIZE 24

/* What a virtual patch is called: the ID of its tag "hold/ID", or its rule's number where it has the tag "luytre/hold" of rules/gate. */
static struct bytes hold_of(const struct gate_match *matches, size_t count, char number[HOLD_SIZE])
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < matches[i].tag_count; k++) {
			struct bytes tag = matches[i].tags[k];

			if (bytes_starts_with(tag, bytes_from_str("hold/")))
				return bytes_skip(tag, strlen("hold/"));
			if (!bytes_equal_str(tag, GATE_HOLD_TAG))
				continue;
			snprintf(number, HOLD_SIZE, "%" PRIu64, matches[i].rule_id);
			return bytes_from_str(number);
		}
	}
	return (struct bytes){ 0 };
}

/* The one that the hub has armed here: of several the one that stops, else the first. */
static const struct gate_match *armed_of(const struct gate_match *matches, size_t count)
{
	const struct gate_match *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (matches[i].hold != 0 && (!found || (matches[i].enforced && !found->enforced)))
			found = &matches[i];
	}
	return found;
}

static void put_hold(struct jsonw *json, const struct gate_tx *tx)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);
	const struct gate_match *armed = armed_of(matches, count);

	if (!armed)
		return;
	jsonw_kv_object_begin(json, "hold");
	jsonw_kv_u64(json, "hold", armed->hold);
	jsonw_kv_u64(json, "rule", armed->rule_id);
	jsonw_kv_string(json, "mode", armed->enforced ? "enforce" : "shadow");
	jsonw_object_end(json);
}

/* Rules come first: what they stop, no guard has to. */
static enum gate_action action_of(enum gate_action action, bool stops)
{
	return action == GATE_PASS && stops ? GATE_DENY : action;
}

static void put_guard(struct jsonw *json, const struct event_guard *guard)
{
	jsonw_kv_object_begin(json, "guard");
	jsonw_kv_string(json, "reason", guard->reason);
	jsonw_kv_string(json, "action", guard->action);
	jsonw_kv_bool(json, "done", guard->done);
	if (guard->kind)
		jsonw_kv_string(json, "kind", guard->kind);
	if (guard->until_s != 0)
		jsonw_kv_u64(json, "until", guard->until_s);
	jsonw_kv_object_begin(json, "counts");
	for (size_t i = 0; i < guard->count_count; i++) {
		if (guard->counts[i] != 0)
			jsonw_kv_u64(json, guard->count_names[i], guard->counts[i]);
	}
	jsonw_object_end(json);
	jsonw_object_end(json);
}

static void put_gate(
	struct jsonw *json, const struct gate_tx *tx, const struct gate_facts *facts, const struct event_guard *guard)
{
	const struct gate_verdict *verdict = gate_tx_verdict(tx);
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);
	char number[HOLD_SIZE];
	struct bytes hold = hold_of(matches, count, number);
	bool stops = guard && guard->stops;
	uint64_t score;

	jsonw_kv_object_begin(json, "gate");
	jsonw_kv_string(json, "action", action_name(action_of(verdict->action, stops && guard->done)));
	jsonw_kv_string(json, "wanted", action_name(action_of(verdict->wanted, stops)));
	jsonw_kv_bool(json, "shadow", facts->shadow);
	if (facts->by_policy)
		jsonw_kv_string(json, "mode_by", "policy");
	if (verdict->wanted != GATE_PASS) {
		jsonw_kv_u64(json, "rule", verdict->rule_id);
		jsonw_kv_string(json, "reason", verdict->reason);
	} else if (stops) {
		jsonw_kv_string(json, "reason", "guard");
	}
	jsonw_kv_u64(json, "phase", facts->phase);
	jsonw_kv_u64(json, "us", facts->duration_us);
	if (hold.size != 0)
		jsonw_kv_string_bytes(json, "hold", hold);
	if (gate_tx_score(tx, &score))
		jsonw_kv_u64(json, "score", score);
	if (guard)
		put_guard(json, guard);
	jsonw_object_end(json);
}

/* What `logdata` says quotes values without their names: it is as secret as the value. */
static void put_rule(struct jsonw *json, const struct gate_match *match)
{
	static const struct bytes none = { 0 };

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "id", match->rule_id);
	put_clean(json, "msg", none, match->msg);
	put_clean(json, "data", match->variable, match->data);
	put_clean(json, "var", none, match->variable);
	if (match->severity >= 0)
		jsonw_kv_u64(json, "severity", (uint64_t)match->severity);
	jsonw_kv_array_begin(json, "tags");
	for (size_t i = 0; i < match->tag_count; i++)
		jsonw_string_bytes(json, bytes_first(match->tags[i], TEXT_MAX));
	jsonw_array_end(json);
	jsonw_kv_u64(json, "phase", match->phase);
	jsonw_object_end(json);
}

static void put_rules(struct jsonw *json, const struct gate_tx *tx)
{
	size_t count, told = 0, left_out = 0;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	jsonw_kv_array_begin(json, "rules");
	for (size_t i = 0; i < count; i++) {
		if (!matches[i].log)
			continue;
		if (told == RULES_MAX) {
			left_out++;
			continue;
		}
		put_rule(json, &matches[i]);
		told++;
	}
	jsonw_array_end(json);
	if (left_out != 0)
		jsonw_kv_u64(json, "rules_left_out", left_out);
}

/* The same for all requests of a connection, as in the sensor's events. */
static uint64_t flow_of(const struct gate_facts *facts)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	const struct bytes parts[] = { facts->client_address, bytes_of(&facts->client_port, sizeof(facts->client_port)),
		facts->server_address, bytes_of(&facts->server_port, sizeof(facts->server_port)) };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		for (size_t k = 0; k < parts[i].size; k++)
			hash = (hash ^ parts[i].ptr[k]) * UINT64_C(1099511628211);
	}
	return hash >> 11; /* fits a double's whole numbers */
}

void event_write(const struct gate_tx *tx, const struct event_guard *guard, struct jsonw *json)
{
	struct gate_facts facts = gate_tx_facts(tx);

	jsonw_object_begin(json);
	event_put_time(json, &facts.started);
	jsonw_kv_string(json, "event_type", "gate");
	jsonw_kv_u64(json, "flow_id", flow_of(&facts));
	jsonw_kv_string_bytes(json, "src_ip", facts.client_address);
	jsonw_kv_u64(json, "src_port", facts.client_port);
	jsonw_kv_string_bytes(json, "dest_ip", facts.server_address);
	jsonw_kv_u64(json, "dest_port", facts.server_port);
	jsonw_kv_string(json, "proto", "TCP");
	jsonw_kv_string(json, "app_proto", "http");
	if (facts.tenant)
		jsonw_kv_string(json, "tenant", facts.tenant);
	jsonw_kv_string(json, "site", facts.site);
	jsonw_kv_string_bytes(json, "id", facts.id);
	put_http(json, tx, &facts, guard);
	put_gate(json, tx, &facts, guard);
	put_hold(json, tx);
	put_rules(json, tx);
	jsonw_object_end(json);
}
