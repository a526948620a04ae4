// SPDX-License-Identifier: Apache-2.0
/* The lines of a trace that take more than a sentence. Their words are those of ModSecurity's debug log, which people know how to read. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "gate/engine/internal.h"

/* v3 prints the names of its classes: "Rx", "PmFromFile". */
static void class_name(const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s", name);
	ret[0] = (char)toupper((unsigned char)ret[0]);
}

/* Transformations are told as the rule writes them: "base64encode". */
static struct bytes written_name(const struct sec_rule *rule, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i + 2 + size <= rule->text.size; i++) {
		const char *place = (const char *)rule->text.ptr + i;

		if (strncasecmp(place, "t:", 2) == 0 && strncasecmp(place + 2, name, size) == 0)
			return bytes_of(place + 2, size);
	}
	return bytes_from_str(name);
}

struct bytes trace_text(struct gate_tx *tx, struct bytes text)
{
	static const char digits[] = "0123456789abcdef";
	char *out = tx_alloc(tx, 4 * text.size + 1);
	size_t size = 0;

	for (size_t i = 0; out && i < text.size; i++) {
		uint8_t byte = text.ptr[i];

		if (byte >= ' ' && byte < 127) {
			out[size++] = (char)byte;
			continue;
		}
		out[size++] = '\\';
		out[size++] = 'x';
		out[size++] = digits[byte >> 4];
		out[size++] = digits[byte & 15];
	}
	return out ? bytes_of(out, size) : text;
}

void trace_capture(struct gate_tx *tx, const struct plan_rule *link, unsigned int number, struct bytes text)
{
	struct bytes shown = trace_text(tx, text);
	char name[64];

	if (link->rule->operator->flags & OPERATOR_REGEX) {
		tx_trace(tx, 7, "Added regex subexpression TX.%u: %.*s", number, (int)shown.size,
			(const char *)shown.ptr);
		return;
	}
	class_name(link->rule->operator->name, name, sizeof(name));
	tx_trace(tx, 7, "Added %s match TX.%u: %.*s", name, number, (int)shown.size, (const char *)shown.ptr);
}

/* A comparison of numbers has no place in the text. */
static bool is_number_operator(const char *name)
{
	static const char *const names[] = { "eq", "ge", "gt", "le", "lt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

void trace_found(struct gate_tx *tx, const struct plan_rule *link, const struct operator_call *call, struct bytes value)
{
	struct bytes whole = call->matched;

	if (tx->watch)
		watch_found(tx, call, value);
	tx->found = (struct bytes){ 0 };
	if (is_number_operator(link->rule->operator->name))
		return;
	for (uint32_t i = 0; i < (call->capture_count ? call->capture_count : 1); i++) {
		struct bytes part = call->capture_count ? call->captures[i] : whole;
		struct bytes place;

		if (!part.ptr || part.ptr < value.ptr || part.ptr + part.size > value.ptr + value.size)
			continue;
		place = tx_printf(tx, "o%zu,%zu", (size_t)(part.ptr - value.ptr), part.size);
		tx->found = tx_join(tx, (struct bytes[]){ tx->found, place }, 2);
	}
}

struct bytes trace_reference(
	struct gate_tx *tx, struct bytes before, const struct plan_rule *link, const struct item *item)
{
	struct bytes result = tx_join(tx, (struct bytes[]){ before, tx->found, origin_of(tx, item) }, 3);

	for (size_t i = 0; i < link->rule->transform_count; i++) {
		struct bytes name = written_name(link->rule, link->rule->transforms[i]->name);

		result = tx_join(tx, (struct bytes[]){ result, bytes_from_str(i ? ",t:" : "t:"), name }, 3);
	}
	return result;
}

static size_t add_target(char *text, size_t size, size_t used, const struct sec_target *target)
{
	const char *slash = target->select == SEC_SELECT_REGEX ? "/" : "";
	int length;

	if (used >= size)
		return used;
	length = snprintf(text + used, size - used, "%s%s%s%s%s%s%.*s%s", used ? "|" : "", target->exclude ? "!" : "",
		target->count ? "&" : "", variables[target->variable].name,
		target->select == SEC_SELECT_ALL || target->selector.size == 0 ? "" : ":", slash,
		target->select == SEC_SELECT_ALL ? 0 : (int)target->selector.size,
		target->selector.size ? (const char *)target->selector.ptr : "", slash);
	return used + (size_t)(length > 0 ? length : 0);
}

struct bytes trace_target(struct gate_tx *tx, const struct sec_target *target)
{
	char text[512];
	size_t size = add_target(text, sizeof(text), 0, target);

	return tx_copy(tx, bytes_of(text, size < sizeof(text) ? size : sizeof(text) - 1));
}

void trace_operator(struct gate_tx *tx, const struct plan_rule *link, struct bytes parameter)
{
	char name[64], targets[1024] = "";
	size_t used = 0;

	class_name(link->rule->operator->name, name, sizeof(name));
	for (uint32_t i = 0; i < link->target_count; i++)
		used = add_target(targets, sizeof(targets), used, link->targets[i].target);
	tx_trace(tx, 4, "(Rule: %llu) Executing operator \"%s%s\" with param \"%.*s\" against %s.",
		(unsigned long long)link->rule->id, link->rule->flags & SEC_NEGATED ? "!" : "", name,
		(int)parameter.size, parameter.size ? (const char *)parameter.ptr : "", targets);
}

void trace_transforms(struct gate_tx *tx, const struct plan_rule *link, struct gate_value *value)
{
	for (uint32_t i = 1; i < link->step_count; i++) {
		struct bytes result = trace_text(tx, value_bytes(tx, value, link->steps[i]));
		struct bytes name =
			written_name(link->rule, tx->plan->transforms[tx->plan->nodes[link->steps[i]].transform]->name);

		tx_trace(tx, 9, " T (%u) t:%.*s: \"%.*s\"", i - 1, (int)name.size, (const char *)name.ptr,
			(int)result.size, result.size ? (const char *)result.ptr : "");
	}
}

void trace_removed(struct gate_tx *tx, uint8_t phase)
{
	size_t count;
	const struct sec_removed *removed = sec_rules_removed(tx->plan->source, &count);

	for (size_t i = 0; i < count; i++) {
		if (removed[i].phase != phase)
			continue;
		if (strcmp(removed[i].directive, "SecRuleRemoveById") == 0)
			tx_trace(tx, 9, "Skipped rule id '%llu'. Removed by an SecRuleRemove directive.",
				(unsigned long long)removed[i].id);
		else
			tx_trace(tx, 9, "Skipped rule id '%llu'. Removed by a %s directive.",
				(unsigned long long)removed[i].id, removed[i].directive);
	}
}

/* What ModSecurity calls a rule in lines about leaving it out: its id, of a SecAction its place. */
static struct bytes rule_name(struct gate_tx *tx, const struct plan_rule *rule)
{
	if (rule->rule->kind == SEC_ACTION)
		return tx_printf(tx, "%s:%u", rule->rule->file, rule->rule->line);
	return tx_printf(tx, "%llu", (unsigned long long)rule->rule->id);
}

/* Which rules this ctl takes away: trace_removed_now() names it. */
void trace_ctl(struct gate_tx *tx, const struct plan_action *action)
{
	if (!tx->removed_by)
		tx->removed_by = tx_alloc(tx, tx->plan->rule_count + 1);
	for (uint32_t i = 0; tx->removed_by && i < tx->plan->rule_count; i++) {
		if (bit_get(action->rules, i))
			tx->removed_by[i] = (uint8_t)action->action->ctl;
	}
}

void trace_removed_now(struct gate_tx *tx, const struct plan_rule *rule)
{
	uint8_t ctl = tx->removed_by ? tx->removed_by[rule->index] : SEC_CTL_RULE_REMOVE_BY_ID;
	const char *name = ctl == SEC_CTL_RULE_REMOVE_BY_MSG ? "Msg" : ctl == SEC_CTL_RULE_REMOVE_BY_TAG ? "Tag" : "Id";

	tx_trace(tx, 9, "Rule id: %llu was skipped due to a ruleRemoveBy%s action...",
		(unsigned long long)rule->rule->id, name);
}

void trace_response_body(struct gate_tx *tx)
{
	struct bytes type = tx->response_content_type;

	if (!tx->response_access)
		tx_trace(tx, 4, "Response body is disabled, returning...");
	else if (!tx->response_over && !gate_tx_wants_response_body(tx))
		tx_trace(tx, 5, "Response Content-Type is %.*s. It is not marked to be inspected.", (int)type.size,
			type.size ? (const char *)type.ptr : "");
}

void trace_skip(struct gate_tx *tx, const struct plan_rule *rule)
{
	struct bytes name = rule_name(tx, rule);

	tx_trace(tx, 9, "Skipped rule id '%.*s' due to a `skip' action.", (int)name.size, (const char *)name.ptr);
}

void trace_allowed(struct gate_tx *tx, const struct plan_phase *list, uint32_t from)
{
	for (uint32_t i = from; i < list->count; i++) {
		struct bytes name = rule_name(tx, list->rules[i]);

		tx_trace(tx, 9, "Skipped rule id '%.*s' as request trough the utilization of an `allow' action.",
			(int)name.size, (const char *)name.ptr);
	}
}

/* "prefix=uri" pairs, blank-separated. */
void trace_namespaces(struct gate_tx *tx, struct bytes xmlns)
{
	while (xmlns.size != 0) {
		struct bytes pair = bytes_first(xmlns, bytes_index(xmlns, ' '));
		struct bytes prefix = bytes_first(pair, bytes_index(pair, '='));
		struct bytes uri = bytes_skip(pair, prefix.size + 1);

		if (uri.size != 0)
			tx_trace(tx, 4, "Registered XML namespace href \"%.*s\" prefix \"%.*s\"", (int)uri.size,
				(const char *)uri.ptr, (int)prefix.size, (const char *)prefix.ptr);
		xmlns = bytes_skip(xmlns, pair.size + 1);
	}
}

void trace_skipped(struct gate_tx *tx, const struct plan_phase *list, uint32_t from, const struct plan_rule *rule)
{
	for (uint32_t i = from; tx->trace && i < rule->skip_to; i++) {
		if (tx->watch)
			watch_skipped(tx, list->rules[i], rule, rule->rule->skip_after);
		tx_trace(tx, 9, "Skipped rule id '%llu' due to a SecMarker: %.*s",
			(unsigned long long)list->rules[i]->rule->id, (int)rule->rule->skip_after.size,
			rule->rule->skip_after.ptr);
	}
}
