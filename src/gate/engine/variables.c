// SPDX-License-Identifier: Apache-2.0
/* Which values a target names at this moment. Collections that are stored are told from those that are made of them by one table. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gate/engine/internal.h"
#include "gate/engine/keys.h"

/* A collection made of stored ones: their values, or their names as values. Under ARGS itself is stored what came neither from a query
 * nor from a form: JSON and, where wanted, XML. */
static const struct derived {
	enum variable variable, first, second; /* second VARIABLE_COUNT: only one */
	bool names;
} derived[] = {
	{ VARIABLE_ARGS, VARIABLE_ARGS_GET, VARIABLE_ARGS_POST, false },
	{ VARIABLE_ARGS_NAMES, VARIABLE_ARGS_GET, VARIABLE_ARGS_POST, true },
	{ VARIABLE_ARGS_GET_NAMES, VARIABLE_ARGS_GET, VARIABLE_COUNT, true },
	{ VARIABLE_ARGS_POST_NAMES, VARIABLE_ARGS_POST, VARIABLE_COUNT, true },
	{ VARIABLE_REQUEST_HEADERS_NAMES, VARIABLE_REQUEST_HEADERS, VARIABLE_COUNT, true },
	{ VARIABLE_REQUEST_COOKIES_NAMES, VARIABLE_REQUEST_COOKIES, VARIABLE_COUNT, true },
	{ VARIABLE_RESPONSE_HEADERS_NAMES, VARIABLE_RESPONSE_HEADERS, VARIABLE_COUNT, true },
	{ VARIABLE_MATCHED_VARS_NAMES, VARIABLE_MATCHED_VARS, VARIABLE_COUNT, true },
};

/* What is being collected. */
struct wanted {
	enum variable variable;
	enum sec_select select;
	struct bytes selector;
	const struct regex *regex;
};

static void add_item(struct gate_tx *tx, enum variable collection, struct bytes name, struct gate_value *value)
{
	if (!value)
		return;
	if (tx->item_count == tx->item_room) {
		uint32_t room = tx->item_room ? 2 * tx->item_room : 64;
		struct item *items = tx_alloc(tx, room * sizeof(*items));

		if (!items)
			return;
		if (tx->item_count != 0)
			memcpy(items, tx->items, tx->item_count * sizeof(*items));
		tx->items = items;
		tx->item_room = room;
	}
	tx->items[tx->item_count++] = (struct item){ collection, name, value };
}

static bool is_wanted(struct gate_tx *tx, const struct wanted *wanted, struct bytes name)
{
	switch (wanted->select) {
	case SEC_SELECT_ALL:
		return true;
	case SEC_SELECT_REGEX:
		return wanted->regex && regex_match(wanted->regex, tx->worker->scratch, name, 0, NULL) == REGEX_MATCH;
	default:
		return key_equal(wanted->selector, name);
	}
}

static void collect_entries(struct gate_tx *tx, const struct wanted *wanted, const struct entries *entries, bool names)
{
	for (uint32_t i = 0; i < entries->count; i++) {
		const struct entry *entry = &entries->items[i];

		if (is_wanted(tx, wanted, entry->name))
			add_item(tx, wanted->variable, entry->name, names ? entry->name_value : entry->value);
	}
}

/* ---- TX and the persistent collections ---- */

/* More names than this in TX come from a rule that makes names out of a request. */
#define FIELDS_MAX    4096
#define FIELD_BUCKETS 1024

struct bytes *tx_find_field(struct gate_tx *tx, struct bytes name)
{
	uint32_t slot = key_find(tx->plan->keys, name), hash;

	if (slot != NONE32 && slot < tx->plan->slot_count)
		return &tx->slots[slot];
	hash = key_hash(name);
	if (!tx->field_buckets)
		return NULL;
	for (struct tx_field *field = tx->field_buckets[hash % FIELD_BUCKETS]; field; field = field->same_bucket) {
		if (field->hash == hash && key_equal(field->name, name))
			return &field->value;
	}
	return NULL;
}

static void add_field(struct gate_tx *tx, struct bytes name, struct bytes value)
{
	struct tx_field *field = tx->field_count < FIELDS_MAX ? tx_alloc(tx, sizeof(*field)) : NULL;
	uint32_t hash = key_hash(name);

	if (!tx->field_buckets)
		tx->field_buckets = tx_alloc(tx, FIELD_BUCKETS * sizeof(struct tx_field *));
	if (!field || !tx->field_buckets) {
		tx->memory_refused = true;
		return;
	}
	*field = (struct tx_field){ .next = tx->fields, .name = tx_copy(tx, name), .value = value, .hash = hash };
	field->same_bucket = tx->field_buckets[hash % FIELD_BUCKETS];
	tx->field_buckets[hash % FIELD_BUCKETS] = field;
	tx->fields = field;
	tx->field_count++;
}

void tx_set_slot(struct gate_tx *tx, uint32_t slot, struct bytes name, struct bytes value, bool unset)
{
	struct bytes *place;

	if (slot == NONE32)
		slot = key_find(tx->plan->keys, name);
	if (slot != NONE32) {
		if (!tx->site->locked || !bit_get(tx->site->locked, slot))
			tx->slots[slot] = unset ? (struct bytes){ 0 } : value;
		return;
	}
	place = tx_find_field(tx, name);
	if (place || unset) {
		if (place)
			*place = unset ? (struct bytes){ 0 } : value;
		return;
	}
	add_field(tx, name, value);
}

static void collect_tx(struct gate_tx *tx, const struct wanted *wanted, uint32_t slot)
{
	if (wanted->select == SEC_SELECT_NAME || wanted->select == SEC_SELECT_MACRO) {
		struct bytes *value = slot != NONE32 ? &tx->slots[slot] : tx_find_field(tx, wanted->selector);

		if (value && value->ptr)
			add_item(tx, VARIABLE_TX, wanted->selector, tx_value(tx, *value));
		return;
	}
	for (uint32_t i = 0; i < tx->plan->slot_count; i++) {
		if (tx->slots[i].ptr && is_wanted(tx, wanted, tx->plan->slot_names[i]))
			add_item(tx, VARIABLE_TX, tx->plan->slot_names[i], tx_value(tx, tx->slots[i]));
	}
	for (const struct tx_field *field = tx->fields; field; field = field->next) {
		if (field->value.ptr && is_wanted(tx, wanted, field->name))
			add_item(tx, VARIABLE_TX, field->name, tx_value(tx, field->value));
	}
}

int persist_index(enum variable variable)
{
	static const enum variable stores[STORES] = { VARIABLE_GLOBAL, VARIABLE_IP, VARIABLE_RESOURCE, VARIABLE_SESSION,
		VARIABLE_USER };

	for (int i = 0; i < STORES; i++) {
		if (stores[i] == variable)
			return i;
	}
	return -1;
}

struct collect_context {
	struct gate_tx *tx;
	const struct wanted *wanted;
};

static void collect_field(void *context, struct bytes name, struct bytes value)
{
	struct collect_context *collect = context;
	struct gate_tx *tx = collect->tx;

	if (is_wanted(tx, collect->wanted, name))
		add_item(tx, collect->wanted->variable, tx_copy(tx, name), tx_value(tx, tx_copy(tx, value)));
}

static void collect_store(struct gate_tx *tx, const struct wanted *wanted)
{
	struct store_record *record = tx->stores[persist_index(wanted->variable)];
	struct collect_context context = { tx, wanted };

	if (record)
		persist_each(record, tx_now_s(tx), collect_field, &context);
}

/* ---- RULE, ENV, XML ---- */

static struct bytes rule_field(struct gate_tx *tx, const struct plan_rule *link, size_t number)
{
	const struct sec_rule *rule = link->rule;

	switch (number) {
	case 0:
		return tx_printf(tx, "%llu", (unsigned long long)rule->id);
	case 1:
		return rule->severity >= 0 ? tx_printf(tx, "%d", rule->severity) : (struct bytes){ 0 };
	case 2:
		return rule->rev;
	case 3:
		return macro_expand(tx, &link->msg);
	default:
		return macro_expand(tx, &link->logdata);
	}
}

/* In a chain, what its first rule says. */
static void collect_rule(struct gate_tx *tx, const struct wanted *wanted)
{
	static const char *const names[] = { "id", "severity", "rev", "msg", "logdata" };

	for (size_t i = 0; tx->rule && i < sizeof(names) / sizeof(*names); i++) {
		struct bytes name = bytes_from_str(names[i]), value;

		if (!is_wanted(tx, wanted, name))
			continue;
		value = rule_field(tx, tx->plan->rules[tx->rule->index], i);
		if (value.size != 0)
			add_item(tx, VARIABLE_RULE, name, tx_value(tx, value));
	}
}

/* What rules set comes first: it hides what the server was started with. */
static void collect_environment(struct gate_tx *tx, const struct wanted *wanted)
{
	for (const struct tx_field *field = tx->environment; field; field = field->next) {
		if (is_wanted(tx, wanted, field->name))
			add_item(tx, VARIABLE_ENV, field->name, tx_value(tx, field->value));
	}
	for (char **line = environ; *line; line++) {
		struct bytes text = bytes_from_str(*line);
		struct bytes name = bytes_first(text, bytes_index(text, '='));

		if (is_wanted(tx, wanted, name))
			add_item(tx, VARIABLE_ENV, name, tx_value(tx, bytes_skip(text, name.size + 1)));
	}
}

static void collect_node(void *context, struct bytes text)
{
	struct collect_context *collect = context;

	entries_add(collect->tx, &collect->tx->collections[VARIABLE_XML], collect->wanted->selector, text);
}

/* Expressions are evaluated once; the results are kept under the expression. */
static void collect_xml(struct gate_tx *tx, const struct wanted *wanted, const struct sec_rule *rule)
{
	struct collect_context context = { tx, wanted };
	struct entries *entries = &tx->collections[VARIABLE_XML];
	struct tx_field *done;

	if (!tx->xml || !rule || wanted->selector.size == 0)
		return;
	for (done = tx->xml_done; done; done = done->next) {
		if (bytes_equal(done->name, wanted->selector) && bytes_equal(done->value, rule->xmlns))
			break;
	}
	if (!done) {
		done = tx_alloc(tx, sizeof(*done));
		if (!done)
			return;
		*done = (struct tx_field){ .next = tx->xml_done, .name = wanted->selector, .value = rule->xmlns };
		tx->xml_done = done;
		if (tx->trace)
			trace_namespaces(tx, rule->xmlns);
		if (body_xpath(tx->xml, wanted->selector, rule->xmlns, &tx->arena, collect_node, &context) < 0)
			TRACE(tx, 1, "XML: Unable to evaluate xpath expression.");
	}
	for (uint32_t i = 0; i < entries->count; i++) {
		if (bytes_equal(entries->items[i].name, wanted->selector))
			add_item(tx, VARIABLE_XML, wanted->selector, entries->items[i].value);
	}
}

/* ---- all ---- */

bool variables_are_stored(enum variable variable)
{
	for (size_t i = 0; i < sizeof(derived) / sizeof(*derived); i++) {
		if (derived[i].variable == variable)
			return false;
	}
	return variables[variable].shape == VARIABLE_COLLECTION && variable != VARIABLE_RULE &&
	       variable != VARIABLE_ENV && variable != VARIABLE_XML;
}

void variables_collect(struct gate_tx *tx, enum variable variable, enum sec_select select, struct bytes selector,
	const struct regex *regex, uint32_t slot, const struct sec_rule *rule)
{
	struct wanted wanted = { variable, select, selector, regex };

	tx->item_count = 0;
	if (variables[variable].shape == VARIABLE_SCALAR) {
		add_item(tx, variable, (struct bytes){ 0 }, request_scalar(tx, variable));
		return;
	}
	if (variable == VARIABLE_TX) {
		collect_tx(tx, &wanted, slot);
	} else if (variables[variable].shape == VARIABLE_STORE) {
		collect_store(tx, &wanted);
	} else if (variable == VARIABLE_RULE) {
		collect_rule(tx, &wanted);
	} else if (variable == VARIABLE_ENV) {
		collect_environment(tx, &wanted);
	} else if (variable == VARIABLE_XML) {
		collect_xml(tx, &wanted, rule);
	} else {
		for (size_t i = 0; i < sizeof(derived) / sizeof(*derived); i++) {
			const struct derived *row = &derived[i];

			if (row->variable != variable)
				continue;
			collect_entries(tx, &wanted, &tx->collections[row->first], row->names);
			if (row->second != VARIABLE_COUNT)
				collect_entries(tx, &wanted, &tx->collections[row->second], row->names);
			if (row->first == VARIABLE_ARGS_GET && row->second != VARIABLE_COUNT)
				collect_entries(tx, &wanted, &tx->collections[VARIABLE_ARGS], row->names);
			return;
		}
		collect_entries(tx, &wanted, &tx->collections[variable], false);
	}
}

bool variables_text(struct gate_tx *tx, const struct macro_piece *piece, struct bytes *ret)
{
	enum sec_select select = piece->regex ? SEC_SELECT_REGEX : piece->key.size ? SEC_SELECT_NAME : SEC_SELECT_ALL;
	struct item *items = tx->items, few[4];
	uint32_t count = tx->item_count, room = tx->item_room;
	bool found;

	if (piece->slot != NONE32) {
		*ret = tx->slots[piece->slot];
		return ret->ptr != NULL;
	}
	/* The items of the target that is being walked are kept. */
	tx->items = few;
	tx->item_count = 0;
	tx->item_room = sizeof(few) / sizeof(*few);
	variables_collect(
		tx, piece->variable, select, piece->key, piece->regex, NONE32, tx->rule ? tx->rule->rule : NULL);
	found = tx->item_count != 0;
	if (found)
		*ret = tx->items[0].value->bytes;
	tx->items = items;
	tx->item_count = count;
	tx->item_room = room;
	return found;
}

bool variables_named(const struct sec_target *target, const struct item *item, struct match_scratch *scratch)
{
	if (target->variable != item->collection)
		return false;
	switch (target->select) {
	case SEC_SELECT_ALL:
		return true;
	case SEC_SELECT_REGEX:
		return regex_match(target->regex, scratch, item->name, 0, NULL) == REGEX_MATCH;
	default:
		return key_equal(target->selector, item->name);
	}
}

struct bytes item_label(struct gate_tx *tx, const struct item *item)
{
	const char *name = variables[item->collection].name;

	/* A count of all has no name. */
	if (variables[item->collection].shape == VARIABLE_SCALAR || !item->name.ptr)
		return bytes_from_str(name);
	return tx_join(tx, (struct bytes[]){ bytes_from_str(name), bytes_of(":", 1), item->name }, 3);
}
