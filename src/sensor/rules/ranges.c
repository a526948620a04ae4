// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/ranges.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/siphash.h"
#include "sensor/config/tree.h"
#include "sensor/rules/address.h"
#include "sensor/rules/text.h"

enum { TENANTS_MAX = 65536, VALUE_TEXT_MAX = 64 << 10 };

struct expression {
	char *text; /* owned, without blanks */
	bool has_vars;
	struct range_set value;
};

struct tenant {
	const struct conf_node *vars; /* null: as the default */
	struct range_set **values; /* by expression; null: as the default */
	uint32_t count;
};

struct range_sets {
	const struct range_grammar *grammar;
	const struct conf_node *vars;
	struct expression *items;
	uint32_t count, capacity;
	uint32_t *slots; /* hash of texts: index + 1 */
	uint32_t slot_count;
	struct tenant *tenants;
	uint32_t tenant_count;
};

/* One evaluation. */
struct evaluation {
	const struct range_sets *sets;
	const struct conf_node *vars; /* of the tenant, looked up first */
	struct range_list plain[RANGE_FAMILIES_MAX], negated[RANGE_FAMILIES_MAX];
	char *message;
	size_t message_size;
	bool has_vars;
};

static int list_add(struct range_list *list, struct range range)
{
	if (list->count == list->capacity) {
		uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
		struct range *grown;

		if (capacity > ADDRESS_RANGES_MAX)
			return LUYTRE_E_FULL;
		grown = realloc(list->items, capacity * sizeof(*grown));
		if (!grown)
			return LUYTRE_E_NOMEM;
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count++] = range;
	return 0;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return (a->low > b->low) - (a->low < b->low);
}

/* Sorts, and joins what overlaps or touches. */
static void list_normalise(struct range_list *list)
{
	uint32_t out = 0;

	if (list->count < 2)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_ranges);
	for (uint32_t i = 1; i < list->count; i++) {
		struct range *last = &list->items[out], *item = &list->items[i];

		if (last->high + 1 == 0 || item->low <= last->high + 1)
			last->high = item->high > last->high ? item->high : last->high;
		else
			list->items[++out] = *item;
	}
	list->count = out + 1;
}

/* 'plain' less 'negated', both in order. */
static int list_subtract(const struct range_list *plain, const struct range_list *negated, struct range_list *ret)
{
	uint32_t j = 0;

	for (uint32_t i = 0; i < plain->count; i++) {
		struct range left = plain->items[i];
		bool empty = false;

		while (j < negated->count && negated->items[j].high < left.low)
			j++;
		for (uint32_t k = j; k < negated->count && negated->items[k].low <= left.high && !empty; k++) {
			const struct range *cut = &negated->items[k];

			if (cut->low > left.low) {
				int error = list_add(ret, (struct range){ left.low, cut->low - 1 });

				if (error < 0)
					return error;
			}
			empty = cut->high >= left.high;
			left.low = cut->high + 1;
		}
		if (!empty) {
			int error = list_add(ret, left);

			if (error < 0)
				return error;
		}
	}
	return 0;
}

static int fail(struct evaluation *eval, const char *problem, struct bytes text)
{
	snprintf(eval->message, eval->message_size, "%s: \"%.*s\"", problem, (int)(text.size > 100 ? 100 : text.size),
		text.size ? (const char *)text.ptr : "");
	return LUYTRE_E_SYNTAX;
}

static int evaluate(struct evaluation *eval, struct bytes text, bool negated, int depth);

/* A variable written as a YAML list means the same as one written as a text. */
static int evaluate_values(struct evaluation *eval, const struct conf_node *node, bool negated, int depth)
{
	size_t count = conf_values_count(node);

	if (count == 0)
		return fail(eval, "the variable is empty", bytes_from_str(node->name));
	for (size_t i = 0; i < count; i++) {
		const char *value = conf_value_at(node, i);
		int error;

		if (!value)
			return fail(eval, "the variable is not a text", bytes_from_str(node->name));
		error = evaluate(eval, bytes_from_str(value), negated, depth);
		if (error < 0)
			return error;
	}
	return 0;
}

static int evaluate_variable(struct evaluation *eval, struct bytes name, bool negated, int depth)
{
	char text[128];
	const struct conf_node *node = NULL;

	eval->has_vars = true;
	if (!bytes_to_str(name, text, sizeof(text)) || text[0] == '\0')
		return fail(eval, "not the name of a variable", name);
	if (eval->vars)
		node = conf_child(eval->vars, text);
	if (!node && eval->sets->vars)
		node = conf_child(eval->sets->vars, text);
	if (!node)
		return fail(eval, "this variable is not defined", name);
	return evaluate_values(eval, node, negated, depth);
}

/* Items of a list; commas inside of inner lists do not separate. */
static int evaluate_list(struct evaluation *eval, struct bytes text, bool negated, int depth)
{
	size_t start = 0;
	int open = 0;

	for (size_t i = 0; i <= text.size; i++) {
		uint8_t c = i < text.size ? text.ptr[i] : ',';

		open += (c == '[') - (c == ']');
		if (open < 0)
			return fail(eval, "brackets do not match", text);
		if (c == ',' && (open == 0 || i == text.size)) {
			int error;

			if (open != 0)
				return fail(eval, "brackets do not match", text);
			error = evaluate(eval, bytes_of(text.ptr + start, i - start), negated, depth);
			if (error < 0)
				return error;
			start = i + 1;
		}
	}
	return 0;
}

static int add_any(struct evaluation *eval, bool negated)
{
	for (int i = 0; i < eval->sets->grammar->family_count; i++) {
		struct range all = { 0, eval->sets->grammar->most[i] };
		int error = list_add(negated ? &eval->negated[i] : &eval->plain[i], all);

		if (error < 0)
			return error;
	}
	return 0;
}

static int combine(struct evaluation *eval, struct bytes text, struct range_set *ret);
static void set_done(struct range_set *set);
static void lists_done(struct evaluation *eval);

/* What a negated list or variable takes away is its whole value: inside of it, its own negated items count first. */
static int evaluate_inner(struct evaluation *eval, struct bytes text, int depth)
{
	struct evaluation inner = *eval;
	struct range_set value = { 0 };
	int error;

	memset(inner.plain, 0, sizeof(inner.plain));
	memset(inner.negated, 0, sizeof(inner.negated));
	error = evaluate(&inner, text, false, depth);
	if (error == 0)
		error = combine(&inner, text, &value);
	for (int i = 0; i < eval->sets->grammar->family_count && error == 0; i++)
		for (uint32_t k = 0; k < value.families[i].count && error == 0; k++)
			error = list_add(&eval->negated[i], value.families[i].items[k]);
	eval->has_vars = eval->has_vars || inner.has_vars;
	lists_done(&inner);
	set_done(&value);
	return error;
}

/* True when the text is one bracketed list from end to end. */
static bool is_list(struct bytes text)
{
	return text.size >= 2 && text.ptr[0] == '[' && text.ptr[text.size - 1] == ']';
}

static int evaluate(struct evaluation *eval, struct bytes text, bool negated, int depth)
{
	struct range range;
	uint8_t family = 0;
	const char *problem;

	text = rule_text_trim(text);
	while (text.size > 0 && text.ptr[0] == '!') {
		negated = !negated;
		text = rule_text_trim(bytes_skip(text, 1));
		if (text.size > 0 && text.ptr[0] == '!')
			return fail(eval, "negated twice", text);
	}
	if (text.size == 0)
		return fail(eval, "an item is empty in the expression", text);
	if (depth > ADDRESS_DEPTH_MAX)
		return fail(eval, "lists or variables are too deep, or a variable names itself", text);
	if (rule_text_is(text, "any"))
		return add_any(eval, negated);
	if (negated && (is_list(text) || text.ptr[0] == '$'))
		return evaluate_inner(eval, text, depth + 1);
	if (is_list(text))
		return evaluate_list(eval, bytes_of(text.ptr + 1, text.size - 2), negated, depth + 1);
	/* The value of a variable may be a list without brackets. */
	if (bytes_index(text, ',') < text.size)
		return evaluate_list(eval, text, negated, depth + 1);
	if (text.ptr[0] == '$')
		return evaluate_variable(eval, bytes_skip(text, 1), negated, depth + 1);
	problem = eval->sets->grammar->parse(text, &family, &range);
	if (problem)
		return fail(eval, problem, text);
	return list_add(negated ? &eval->negated[family] : &eval->plain[family], range);
}

static bool is_everything(const struct range_list *list, range_value most)
{
	return list->count == 1 && list->items[0].low == 0 && list->items[0].high == most;
}

/* Plain items less negated ones. */
static int combine(struct evaluation *eval, struct bytes text, struct range_set *ret)
{
	const struct range_grammar *grammar = eval->sets->grammar;
	bool empty = true, any = true;

	for (int i = 0; i < grammar->family_count; i++) {
		int error = 0;

		list_normalise(&eval->plain[i]);
		list_normalise(&eval->negated[i]);
		if (is_everything(&eval->negated[i], grammar->most[i]))
			return fail(eval, "everything is negated, nothing is left", text);
		if (eval->negated[i].count > 0) {
			ret->negated = true;
			if (eval->plain[i].count == 0)
				error = list_add(&eval->plain[i], (struct range){ 0, grammar->most[i] });
		}
		if (error == 0)
			error = list_subtract(&eval->plain[i], &eval->negated[i], &ret->families[i]);
		if (error < 0)
			return error;
		empty = empty && ret->families[i].count == 0;
		any = any && is_everything(&ret->families[i], grammar->most[i]);
	}
	if (empty)
		return fail(eval, "the negated items take away everything", text);
	ret->any = any;
	return 0;
}

static void set_done(struct range_set *set)
{
	for (int i = 0; i < RANGE_FAMILIES_MAX; i++)
		free(set->families[i].items);
}

static void lists_done(struct evaluation *eval)
{
	for (int i = 0; i < RANGE_FAMILIES_MAX; i++) {
		free(eval->plain[i].items);
		free(eval->negated[i].items);
	}
}

static int evaluate_all(struct evaluation *eval, struct bytes text, struct range_set *ret)
{
	int error = evaluate(eval, text, false, 0);

	*ret = (struct range_set){ 0 };
	if (error == 0)
		error = combine(eval, text, ret);
	if (error < 0)
		set_done(ret);
	lists_done(eval);
	if (error == LUYTRE_E_NOMEM || error == LUYTRE_E_FULL)
		snprintf(eval->message, eval->message_size, "%s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

struct range_sets *range_sets_new(const struct range_grammar *grammar, const struct conf_node *vars)
{
	struct range_sets *sets = calloc(1, sizeof(*sets));

	if (!sets)
		return NULL;
	sets->grammar = grammar;
	sets->vars = vars;
	sets->slot_count = 2 * ADDRESS_SETS_MAX;
	sets->slots = calloc(sets->slot_count, sizeof(*sets->slots));
	if (!sets->slots) {
		free(sets);
		return NULL;
	}
	sets->count = 1; /* "any" */
	return sets;
}

static void tenant_done(struct tenant *tenant)
{
	for (uint32_t i = 0; i < tenant->count; i++) {
		if (tenant->values[i]) {
			set_done(tenant->values[i]);
			free(tenant->values[i]);
		}
	}
	free(tenant->values);
	*tenant = (struct tenant){ 0 };
}

void range_sets_free(struct range_sets *sets)
{
	if (!sets)
		return;
	for (uint32_t i = 1; sets->items && i < sets->count; i++) {
		free(sets->items[i].text);
		set_done(&sets->items[i].value);
	}
	for (uint32_t i = 0; i < sets->tenant_count; i++)
		tenant_done(&sets->tenants[i]);
	free(sets->tenants);
	free(sets->items);
	free(sets->slots);
	free(sets);
}

static uint32_t hash_slot(const struct range_sets *sets, const char *text, size_t size)
{
	return (uint32_t)siphash24((struct siphash_key){ 1, 2 }, text, size) & (sets->slot_count - 1);
}

/* The slot of a text: where it is, or where it belongs. */
static uint32_t *find_slot(const struct range_sets *sets, const char *text, size_t size)
{
	uint32_t slot = hash_slot(sets, text, size);

	while (sets->slots[slot] && strcmp(sets->items[sets->slots[slot]].text, text) != 0)
		slot = (slot + 1) & (sets->slot_count - 1);
	return &sets->slots[slot];
}

static int reserve(struct range_sets *sets)
{
	uint32_t capacity = sets->capacity ? sets->capacity * 2 : 64;
	struct expression *grown;

	if (sets->count < sets->capacity)
		return 0;
	if (capacity > ADDRESS_SETS_MAX)
		return LUYTRE_E_FULL;
	grown = realloc(sets->items, capacity * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	memset(grown + sets->capacity, 0, (capacity - sets->capacity) * sizeof(*grown));
	sets->items = grown;
	sets->capacity = capacity;
	return 0;
}

/* A copy without blanks, so that "[a, b]" and "[a,b]" are one. */
static char *squeeze(struct bytes text)
{
	char *copy = malloc(text.size + 1);
	size_t size = 0;

	for (size_t i = 0; copy && i < text.size; i++)
		if (text.ptr[i] > ' ')
			copy[size++] = (char)text.ptr[i];
	if (copy)
		copy[size] = '\0';
	return copy;
}

static int add_expression(
	struct range_sets *sets, char *text, uint32_t *slot, char *message, size_t message_size, uint32_t *ret)
{
	struct evaluation eval = { .sets = sets, .message = message, .message_size = message_size };
	struct expression *item;
	int error = reserve(sets);

	if (error < 0) {
		snprintf(message, message_size, "%s", error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	item = &sets->items[sets->count];
	error = evaluate_all(&eval, bytes_from_str(text), &item->value);
	if (error < 0)
		return error;
	item->text = text;
	item->has_vars = eval.has_vars;
	*slot = sets->count;
	*ret = sets->count++;
	return 0;
}

int range_sets_intern(struct range_sets *sets, struct bytes text, char *message, size_t message_size, uint32_t *ret)
{
	uint32_t *slot;
	char *copy;
	int error = 0;

	if (rule_text_is(text, "any")) {
		*ret = 0;
		return 0;
	}
	copy = text.size <= VALUE_TEXT_MAX ? squeeze(text) : NULL;
	if (!copy) {
		snprintf(message, message_size, "the %s expression is too long", sets->grammar->what);
		return LUYTRE_E_FULL;
	}
	slot = find_slot(sets, copy, strlen(copy));
	if (*slot)
		*ret = *slot;
	else
		error = add_expression(sets, copy, slot, message, message_size, ret);
	if (error < 0 || sets->items[*ret].text != copy)
		free(copy);
	return error;
}

static int grow_tenants(struct range_sets *sets, uint32_t tenant)
{
	struct tenant *grown;

	if (tenant < sets->tenant_count)
		return 0;
	if (tenant == 0 || tenant >= TENANTS_MAX)
		return LUYTRE_E_RANGE;
	grown = realloc(sets->tenants, (tenant + 1) * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	memset(grown + sets->tenant_count, 0, (tenant + 1 - sets->tenant_count) * sizeof(*grown));
	sets->tenants = grown;
	sets->tenant_count = tenant + 1;
	return 0;
}

int range_sets_tenant(
	struct range_sets *sets, uint32_t tenant, const struct conf_node *vars, char *message, size_t message_size)
{
	int error = grow_tenants(sets, tenant);
	struct tenant *own;

	if (error < 0) {
		snprintf(message, message_size, "%s", error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	own = &sets->tenants[tenant];
	tenant_done(own);
	own->vars = vars;
	own->values = calloc(sets->count, sizeof(struct range_set *));
	if (!own->values)
		return LUYTRE_E_NOMEM;
	own->count = sets->count;
	for (uint32_t i = 1; i < sets->count && error == 0; i++) {
		struct evaluation eval = {
			.sets = sets, .vars = vars, .message = message, .message_size = message_size
		};
		struct range_set *value;

		if (!sets->items[i].has_vars)
			continue;
		value = calloc(1, sizeof(*value));
		if (!value)
			return LUYTRE_E_NOMEM;
		own->values[i] = value;
		error = evaluate_all(&eval, bytes_from_str(sets->items[i].text), value);
		if (error < 0)
			*value = (struct range_set){ 0 };
	}
	return error;
}

uint32_t range_sets_count(const struct range_sets *sets)
{
	return sets->count;
}

const struct range_set *range_sets_get(const struct range_sets *sets, uint32_t set, uint32_t tenant)
{
	if (tenant != 0 && tenant < sets->tenant_count && set < sets->tenants[tenant].count &&
		sets->tenants[tenant].values[set])
		return sets->tenants[tenant].values[set];
	return &sets->items[set].value;
}

bool range_sets_is_any(const struct range_sets *sets, uint32_t set)
{
	for (uint32_t i = 0; i <= sets->tenant_count; i++)
		if (!range_sets_get(sets, set, i)->any)
			return false;
	return true;
}

void range_sets_each(
	const struct range_sets *sets, void (*each)(void *context, const struct range_set *value), void *context)
{
	for (uint32_t set = 1; set < sets->count; set++)
		each(context, &sets->items[set].value);
	for (uint32_t tenant = 0; tenant < sets->tenant_count; tenant++)
		for (uint32_t set = 0; set < sets->tenants[tenant].count; set++)
			if (sets->tenants[tenant].values[set])
				each(context, sets->tenants[tenant].values[set]);
}
