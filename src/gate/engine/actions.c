// SPDX-License-Identifier: Apache-2.0
/* What a match does. ModSecurity's reference manual (v3, "Actions") is the source of each. */
#include <stdio.h>
#include <strings.h>

#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

#define EXPIRE_NEVER UINT64_MAX

/* ---- setvar ---- */

static struct bytes number_text(struct gate_tx *tx, int64_t number)
{
	return tx_printf(tx, "%lld", (long long)number);
}

/* GLOBAL is there without initcol: it has one key for all. */
static struct store_record *record_of(struct gate_tx *tx, int store, enum variable collection)
{
	if (!tx->stores[store] && collection == VARIABLE_GLOBAL)
		tx->stores[store] = persist_open(tx->worker->store, bytes_from_str(tx->site->name), collection,
			bytes_from_str("global"), true, tx_now_s(tx), tx->plan->settings->collection_timeout_s);
	return tx->stores[store];
}

static struct bytes current_value(struct gate_tx *tx, const struct plan_action *action, struct bytes name)
{
	struct bytes value = { 0 };
	struct bytes *place;
	int store = persist_index(action->action->collection);

	if (store >= 0) {
		if (record_of(tx, store, action->action->collection) &&
			persist_get(tx->stores[store], name, tx_now_s(tx), &value))
			value = tx_copy(tx, value);
		return value;
	}
	place = action->slot != NONE32 ? &tx->slots[action->slot] : tx_find_field(tx, name);
	return place ? *place : value;
}

static void write_value(
	struct gate_tx *tx, const struct plan_action *action, struct bytes name, struct bytes value, bool unset)
{
	int store = persist_index(action->action->collection);

	if (store < 0) {
		tx_set_slot(tx, action->slot, name, value, unset);
		return;
	}
	if (!record_of(tx, store, action->action->collection)) {
		TRACE(tx, 8, "No key to be used with collection %s: it is not initialised.",
			variables[action->action->collection].name);
		return;
	}
	if (unset)
		persist_unset(tx->stores[store], name);
	else
		persist_set(tx->worker->store, tx->stores[store], name, value, tx_now_s(tx));
}

static void set_variable(struct gate_tx *tx, const struct plan_action *action)
{
	struct bytes name = macro_expand(tx, &action->name);
	struct bytes value = macro_expand(tx, &action->value);
	int64_t number;

	switch (action->action->setvar) {
	case SEC_SETVAR_UNSET:
		write_value(tx, action, name, value, true);
		return;
	case SEC_SETVAR_ADD:
	case SEC_SETVAR_SUBTRACT:
		number = operator_number(value);
		if (action->action->setvar == SEC_SETVAR_SUBTRACT)
			number = (int64_t)(0 - (uint64_t)number);
		number = (int64_t)((uint64_t)operator_number(current_value(tx, action, name)) + (uint64_t)number);
		value = number_text(tx, number);
		break;
	default:
		if (!value.ptr)
			value = bytes_of("", 0);
	}
	TRACE(tx, 8, "Saving variable: %s:%.*s with value: %.*s", variables[action->action->collection].name,
		(int)name.size, name.ptr, (int)value.size, value.ptr);
	if (tx->watch)
		watch_set(tx, action->action, name, current_value(tx, action, name), value);
	write_value(tx, action, name, value, false);
}

void actions_on_value(struct gate_tx *tx, const struct plan_rule *rule)
{
	for (uint32_t i = 0; i < rule->action_count; i++) {
		if (rule->actions[i].action->kind == SEC_ACTION_SETVAR)
			set_variable(tx, &rule->actions[i]);
	}
}

/* ---- collections ---- */

static void open_store(struct gate_tx *tx, enum variable collection, struct bytes key)
{
	int store = persist_index(collection);
	uint32_t timeout_s = tx->plan->settings->collection_timeout_s;

	if (store < 0 || key.size == 0)
		return;
	persist_close(tx->stores[store]);
	tx->stores[store] = persist_open(
		tx->worker->store, bytes_from_str(tx->site->name), collection, key, true, tx_now_s(tx), timeout_s);
	TRACE(tx, 5, "Collection `%s' initialized with value: %.*s", variables[collection].name, (int)key.size,
		key.ptr);
}

static void expire_variable(struct gate_tx *tx, const struct plan_action *action)
{
	int store = persist_index(action->action->collection);
	int64_t seconds = operator_number(macro_expand(tx, &action->value));

	if (store >= 0 && tx->stores[store] && seconds >= 0)
		persist_expire(tx->stores[store], macro_expand(tx, &action->name), tx_now_s(tx) + (uint64_t)seconds);
}

static void set_session(struct gate_tx *tx, struct bytes value)
{
	tx->session_id = value;
	open_store(tx, VARIABLE_SESSION, value);
}

static void set_user(struct gate_tx *tx, struct bytes value)
{
	tx->user_id = value;
	open_store(tx, VARIABLE_USER, value);
}

static void set_resource(struct gate_tx *tx, struct bytes value)
{
	tx->resource_id = value;
	open_store(tx, VARIABLE_RESOURCE, value);
}

static void set_environment(struct gate_tx *tx, struct bytes name, struct bytes value)
{
	struct tx_field *field;

	for (field = tx->environment; field; field = field->next) {
		if (bytes_equal(field->name, name))
			break;
	}
	if (!field) {
		field = tx_alloc(tx, sizeof(*field));
		if (!field)
			return;
		*field = (struct tx_field){ .next = tx->environment, .name = name };
		tx->environment = field;
	}
	field->value = value;
	TRACE(tx, 8, "Setting environment variable: %.*s to %.*s", (int)name.size, name.ptr, (int)value.size,
		value.ptr);
}

/* ---- ctl ---- */

static bool text_is(struct bytes text, const char *wanted)
{
	return key_equal(text, bytes_from_str(wanted));
}

static void ctl_rule_engine(struct gate_tx *tx, const struct plan_action *action)
{
	static const struct {
		const char *text, *told;
		enum sec_mode mode;
	} rows[] = {
		{ "on", "Enabled", SEC_ON },
		{ "off", "Disabled", SEC_OFF },
		{ "detectiononly", "DetectionOnly", SEC_DETECTION_ONLY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!text_is(action->action->value, rows[i].text))
			continue;
		TRACE(tx, 8, "Setting SecRuleEngine to %s as requested by a ctl:ruleEngine action", rows[i].told);
		/* A rule may not make a site act that is in shadow. */
		tx->mode = rows[i].mode == SEC_ON && tx->site_mode != GATE_ON ? SEC_DETECTION_ONLY : rows[i].mode;
	}
}

static void ctl_remove_rules(struct gate_tx *tx, const struct plan_action *action)
{
	if (!tx->removed)
		tx->removed = tx_alloc(tx, (tx->plan->rule_words + 1) * sizeof(*tx->removed));
	for (uint32_t i = 0; tx->removed && i < tx->plan->rule_words; i++)
		tx->removed[i] |= action->rules[i];
	if (tx->trace)
		trace_ctl(tx, action);
	if (tx->watch)
		watch_ctl(tx, action);
}

static void ctl_remove_target(struct gate_tx *tx, const struct plan_action *action)
{
	struct tx_removal *removal = action->action->target ? tx_alloc(tx, sizeof(*removal)) : NULL;

	if (!removal)
		return;
	*removal = (struct tx_removal){ tx->removals, action->rules, action->action->target, tx->rule };
	tx->removals = removal;
}

static void ctl_audit_engine(struct gate_tx *tx, const struct plan_action *action)
{
	struct bytes value = action->action->value;

	tx->audit = text_is(value, "on")    ? SEC_AUDIT_ON
		    : text_is(value, "off") ? SEC_AUDIT_OFF
					    : SEC_AUDIT_RELEVANT_ONLY;
}

static void ctl_audit_parts(struct gate_tx *tx, const struct plan_action *action)
{
	struct bytes value = action->action->value;
	char sign = value.size ? (char)value.ptr[0] : '\0';
	uint32_t parts = 0;

	for (size_t i = 0; i < value.size; i++) {
		if (value.ptr[i] >= 'A' && value.ptr[i] <= 'Z')
			parts |= UINT32_C(1) << (value.ptr[i] - 'A');
	}
	if (sign == '+')
		tx->audit_parts |= parts;
	else if (sign == '-')
		tx->audit_parts &= ~parts;
	else
		tx->audit_parts = parts;
}

static void ctl_body_access(struct gate_tx *tx, const struct plan_action *action)
{
	tx->body_access = text_is(action->action->value, "on") || text_is(action->action->value, "true");
}

static void ctl_body_processor(struct gate_tx *tx, const struct plan_action *action)
{
	request_set_processor(tx, action->action->value);
}

static void ctl_force_body(struct gate_tx *tx, const struct plan_action *action)
{
	tx->body_forced = text_is(action->action->value, "on");
}

static void ctl_xml_args(struct gate_tx *tx, const struct plan_action *action)
{
	struct bytes value = action->action->value;

	tx->xml_args = text_is(value, "off")        ? SEC_XML_ARGS_OFF
		       : text_is(value, "onlyargs") ? SEC_XML_ARGS_ONLY
						    : SEC_XML_ARGS_ON;
}

static void run_ctl(struct gate_tx *tx, const struct plan_action *action)
{
	static void (*const table[])(struct gate_tx * tx, const struct plan_action *action) = {
		[SEC_CTL_AUDIT_ENGINE] = ctl_audit_engine,
		[SEC_CTL_AUDIT_LOG_PARTS] = ctl_audit_parts,
		[SEC_CTL_FORCE_REQUEST_BODY_VARIABLE] = ctl_force_body,
		[SEC_CTL_PARSE_XML_INTO_ARGS] = ctl_xml_args,
		[SEC_CTL_REQUEST_BODY_ACCESS] = ctl_body_access,
		[SEC_CTL_REQUEST_BODY_PROCESSOR] = ctl_body_processor,
		[SEC_CTL_RULE_ENGINE] = ctl_rule_engine,
		[SEC_CTL_RULE_REMOVE_BY_ID] = ctl_remove_rules,
		[SEC_CTL_RULE_REMOVE_BY_MSG] = ctl_remove_rules,
		[SEC_CTL_RULE_REMOVE_BY_TAG] = ctl_remove_rules,
		[SEC_CTL_RULE_REMOVE_TARGET_BY_ID] = ctl_remove_target,
		[SEC_CTL_RULE_REMOVE_TARGET_BY_MSG] = ctl_remove_target,
		[SEC_CTL_RULE_REMOVE_TARGET_BY_TAG] = ctl_remove_target,
	};

	table[action->action->ctl](tx, action);
}

void actions_on_rule(struct gate_tx *tx, const struct plan_rule *rule)
{
	for (uint32_t i = 0; i < rule->action_count; i++) {
		const struct plan_action *action = &rule->actions[i];

		switch (action->action->kind) {
		case SEC_ACTION_CTL:
			run_ctl(tx, action);
			break;
		case SEC_ACTION_EXPIREVAR:
			expire_variable(tx, action);
			break;
		case SEC_ACTION_INITCOL:
			open_store(tx, action->action->collection, macro_expand(tx, &action->value));
			break;
		case SEC_ACTION_SETENV:
			set_environment(tx, macro_expand(tx, &action->name), macro_expand(tx, &action->value));
			break;
		case SEC_ACTION_SETRSC:
			set_resource(tx, macro_expand(tx, &action->value));
			break;
		case SEC_ACTION_SETSID:
			set_session(tx, macro_expand(tx, &action->value));
			break;
		case SEC_ACTION_SETUID:
			set_user(tx, macro_expand(tx, &action->value));
			break;
		case SEC_ACTION_SETVAR: /* for each value that matched */
			break;
		}
	}
}

/* ---- disruptive ---- */

static const char *c_text(struct gate_tx *tx, struct bytes text)
{
	char *copy = tx_alloc(tx, text.size + 1);

	if (!copy)
		return "";
	if (text.size != 0)
		memcpy(copy, text.ptr, text.size);
	copy[text.size] = '\0';
	return copy;
}

void actions_disrupt(struct gate_tx *tx, const struct plan_rule *rule, enum sec_mode mode)
{
	const struct sec_rule *source = rule->rule;
	static const struct {
		const char *name;
		enum gate_action action;
	} rows[] = {
		[SEC_DENY] = { "deny", GATE_DENY },
		[SEC_DROP] = { "drop", GATE_DROP },
		[SEC_REDIRECT] = { "redirect", GATE_REDIRECT },
		[SEC_ALLOW] = { "allow", GATE_PASS },
		[SEC_ALLOW_PHASE] = { "allow", GATE_PASS },
		[SEC_ALLOW_REQUEST] = { "allow", GATE_PASS },
	};
	enum gate_action wanted = rows[source->disruptive].action;

	if (wanted != GATE_PASS && mode != SEC_ON)
		TRACE(tx, 4, "Not running any disruptive action (or block): %s. SecRuleEngine is not On.",
			rows[source->disruptive].name);
	else
		TRACE(tx, 4, "Running action %s", rows[source->disruptive].name);
	if (wanted == GATE_PASS) {
		tx->allow = (uint8_t)source->disruptive;
		tx->allow_phase = tx->phase;
		return;
	}
	if (tx->phase == 5) /* too late to do anything */
		return;
	if (tx->verdict.wanted == GATE_PASS || mode == SEC_ON) {
		tx->verdict.wanted = wanted;
		tx->verdict.rule_id = source->id;
		tx->verdict.reason = "rule";
		tx->verdict.wanted_status = source->status;
		if (wanted == GATE_REDIRECT)
			tx->verdict.location = c_text(tx, macro_expand(tx, &rule->redirect));
	}
	if (mode != SEC_ON)
		return;
	tx->verdict.action = wanted;
	tx->verdict.status = source->status;
	tx->stopped = true;
}
