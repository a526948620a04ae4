// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/number.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/text.h"

/* More instances than this of one transaction are not looked at. */
enum { INSTANCES_MAX = 4096 };

static uint64_t most_of(unsigned int bits)
{
	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static void parse_unit(struct bytes *text, uint64_t *ret)
{
	static const struct {
		const char *text;
		uint64_t factor;
	} units[] = { { "kib", 1 << 10 }, { "kb", 1 << 10 }, { "mib", 1 << 20 }, { "mb", 1 << 20 }, { "gib", 1 << 30 },
		{ "gb", 1 << 30 } };

	*ret = 1;
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		size_t size = strlen(units[i].text);

		if (text->size > size && rule_text_is(bytes_skip(*text, text->size - size), units[i].text)) {
			*text = rule_text_trim(bytes_first(*text, text->size - size));
			*ret = units[i].factor;
			break;
		}
	}
}

static bool find_name(const struct app_name_value *names, struct bytes text, uint64_t *ret)
{
	for (; names && names->name; names++) {
		if (rule_text_is(text, names->name)) {
			*ret = names->value;
			return true;
		}
	}
	return false;
}

/* A number or a name. */
static bool parse_value(struct bytes text, const struct app_name_value *names, uint64_t most, uint64_t *ret)
{
	uint64_t value, factor;

	text = rule_text_trim(text);
	if (find_name(names, text, ret))
		return true;
	/* "0xbb" is a number, not a unit. */
	if (rule_text_u64(text, &value)) {
		*ret = value;
		return value <= most;
	}
	parse_unit(&text, &factor);
	if (!rule_text_u64(text, &value) || value > most / factor)
		return false;
	*ret = value * factor;
	return true;
}

static bool take_prefix(struct bytes *text, const char *prefix)
{
	struct bytes wanted = bytes_from_str(prefix);

	if (!bytes_starts_with(*text, wanted))
		return false;
	*text = rule_text_trim(bytes_skip(*text, wanted.size));
	return true;
}

/* The position of the sign of a range, or text.size. */
static size_t range_sign(struct bytes text, size_t *ret_size)
{
	for (size_t i = 1; i < text.size; i++) {
		*ret_size = 2;
		if (text.ptr[i] == '<' && i + 1 < text.size && text.ptr[i + 1] == '>')
			return i;
		*ret_size = 1;
		if (text.ptr[i] == '-')
			return i;
	}
	return text.size;
}

static const char *parse_range(struct bytes text, size_t sign, size_t size, uint64_t most, bool negated,
	const struct app_name_value *names, struct rule_number_test *ret)
{
	uint64_t low, high;

	if (!parse_value(bytes_first(text, sign), names, most, &low) ||
		!parse_value(bytes_skip(text, sign + size), names, most, &high))
		return "not a range of numbers";
	if (high <= low || high - low < 2)
		return "the range holds no number: both ends are outside of it";
	ret->operation = negated ? RULE_NUMBER_OUTSIDE : RULE_NUMBER_BETWEEN;
	ret->low = low + 1;
	ret->high = high - 1;
	return NULL;
}

static const char *parse_mask(struct bytes text, uint64_t most, bool negated, struct rule_number_test *ret)
{
	size_t sign = bytes_index(text, '=');
	bool unequal = sign > 0 && sign < text.size && text.ptr[sign - 1] == '!';

	if (sign == text.size || !parse_value(bytes_first(text, sign - unequal), NULL, most, &ret->low) ||
		!parse_value(bytes_skip(text, sign + 1), NULL, most, &ret->high))
		return "a mask is written &MASK=VALUE or &MASK!=VALUE";
	if ((ret->high & ~ret->low) != 0)
		return "the value has bits outside of the mask";
	ret->operation = unequal != negated ? RULE_NUMBER_NOT_MASK : RULE_NUMBER_MASK;
	return NULL;
}

/* "fin,!comp" */
static const char *parse_flags(struct bytes text, const struct app_name_value *names, struct rule_number_test *ret)
{
	struct bytes item;

	ret->operation = RULE_NUMBER_MASK;
	while (rule_text_item(&text, ',', &item)) {
		bool negated = take_prefix(&item, "!");
		uint64_t value;

		if (!find_name(names, item, &value))
			return "not the name of a flag";
		if ((ret->low & value) != 0)
			return "a flag is named twice";
		ret->low |= value;
		ret->high |= negated ? 0 : value;
	}
	return NULL;
}

static const char *parse_compared(
	struct bytes text, uint64_t most, const struct app_name_value *names, struct rule_number_test *ret)
{
	static const struct {
		const char *sign;
		bool greater, equal;
	} signs[] = { { ">=", true, true }, { "<=", false, true }, { ">", true, false }, { "<", false, false } };

	for (size_t i = 0; i < ARRAY_COUNT(signs); i++) {
		uint64_t value;

		if (!take_prefix(&text, signs[i].sign))
			continue;
		if (!parse_value(text, names, most, &value))
			return "not a number behind the sign";
		if (!signs[i].equal && value == (signs[i].greater ? most : 0))
			return "no number is beyond that";
		ret->operation = RULE_NUMBER_BETWEEN;
		ret->low = signs[i].greater ? value + !signs[i].equal : 0;
		ret->high = signs[i].greater ? most : value - !signs[i].equal;
		return NULL;
	}
	return "not a number, a range or a name";
}

const char *rule_number_parse(
	struct bytes text, unsigned int bits, const struct app_name_value *names, struct rule_number_test *ret)
{
	uint64_t most = most_of(bits);
	bool negated;
	size_t sign, sign_size = 0;

	text = rule_text_trim(text);
	*ret = (struct rule_number_test){ 0 };
	if (text.size > 0 && (text.ptr[0] == '<' || text.ptr[0] == '>'))
		return parse_compared(text, most, names, ret);
	negated = take_prefix(&text, "!");
	take_prefix(&text, "=");
	if (take_prefix(&text, "&"))
		return parse_mask(text, most, negated, ret);
	ret->operation = negated ? RULE_NUMBER_NOT_EQUAL : RULE_NUMBER_EQUAL;
	if (parse_value(text, names, most, &ret->low))
		return NULL;
	sign = range_sign(text, &sign_size);
	if (sign < text.size)
		return parse_range(text, sign, sign_size, most, negated, names, ret);
	return "not a number, a range or a name";
}

void rule_number_bounds(const struct rule_number_test *test, uint64_t most, uint64_t *ret_low, uint64_t *ret_high)
{
	bool exact = test->operation == RULE_NUMBER_EQUAL;

	*ret_low = exact || test->operation == RULE_NUMBER_BETWEEN ? test->low : 0;
	*ret_high = exact ? test->low : test->operation == RULE_NUMBER_BETWEEN ? test->high : most;
}

/* ---- Matching ---- */

static uint32_t count_instances(
	const struct app_number *number, struct app_tx *tx, const struct flow *flow, enum sensor_dir dir)
{
	uint32_t count = 0;
	uint64_t value;

	while (count < INSTANCES_MAX && number->get(tx, flow, dir, count, &value))
		count++;
	return count;
}

/* Negative positions count from the end; -1 when outside. */
static int64_t position_of(int32_t index, uint32_t count)
{
	int64_t position = index < 0 ? (int64_t)count + index : index;

	return position >= 0 && position < (int64_t)count ? position : -1;
}

static bool match_index(const struct rule_number *rule, const struct app_number *number, struct app_tx *tx,
	const struct flow *flow, enum sensor_dir dir, uint32_t count)
{
	int64_t position = position_of(rule->index, count);
	uint64_t value;

	if (position < 0)
		return rule->multi == RULE_NUMBER_INDEX_OR_BEYOND;
	return number->get(tx, flow, dir, (uint32_t)position, &value) && rule_number_holds(&rule->test, value);
}

static bool match_several(const struct rule_number *rule, const struct app_number *number, struct app_tx *tx,
	const struct flow *flow, enum sensor_dir dir)
{
	uint32_t count = count_instances(number, tx, flow, dir), first = 0, end = count, held = 0;
	uint64_t value;

	if (rule->multi == RULE_NUMBER_COUNT)
		return rule_number_holds(&rule->count, count);
	if (rule->multi == RULE_NUMBER_INDEX || rule->multi == RULE_NUMBER_INDEX_OR_BEYOND)
		return match_index(rule, number, tx, flow, dir, count);
	if (rule->has_slice) {
		int64_t low = position_of(rule->slice_first, count), high = position_of(rule->slice_end, count);

		first = low < 0 || high < low ? 0 : (uint32_t)low;
		end = low < 0 || high < low ? 0 : (uint32_t)high;
	}
	for (uint32_t i = first; i < end; i++)
		held += number->get(tx, flow, dir, i, &value) && rule_number_holds(&rule->test, value);
	switch (rule->multi) {
	case RULE_NUMBER_ALL:
		return held == end - first && held > 0;
	case RULE_NUMBER_ALL_OR_ABSENT:
		return held == end - first;
	case RULE_NUMBER_OR_ABSENT:
		return held > 0 || first == end;
	case RULE_NUMBER_TIMES:
		return rule_number_holds(&rule->count, held);
	default:
		return held > 0;
	}
}

bool rule_number_match(const struct rule_number *rule, const struct app_protocol *protocol, struct app_tx *tx,
	const struct flow *flow, enum sensor_dir dir)
{
	const struct app_number *number = NULL;
	uint64_t value;

	for (int i = 0; i < RULE_NUMBER_PROTOCOLS_MAX && rule->number[i] && !number; i++)
		if (rule->protocol[i] == protocol)
			number = rule->number[i];
	if (!number || (number->dirs & 1 << dir) == 0)
		return false;
	if (rule->multi != RULE_NUMBER_ANY || rule->has_slice)
		return match_several(rule, number, tx, flow, dir);
	for (uint32_t i = 0; i < INSTANCES_MAX && number->get(tx, flow, dir, i, &value); i++) {
		if (rule_number_holds(&rule->test, value))
			return true;
		if ((number->flags & APP_NUMBER_MULTI) == 0)
			break;
	}
	return false;
}

static bool match_tx(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	if (!context->app || !context->app->protocol)
		return false;
	return rule_number_match(match->data, context->app->protocol, target, context->flow, context->dir);
}

static const struct rule_match_ops number_ops = { .name = "number", .target = RULE_TARGET_TX, .match = match_tx };

/* ---- The keyword ---- */

static bool parse_i32(struct bytes text, int32_t *ret)
{
	bool negative = take_prefix(&text, "-");
	uint64_t value;

	if (!rule_text_u64(text, &value) || value > INT32_MAX)
		return false;
	*ret = negative ? -(int32_t)value : (int32_t)value;
	return true;
}

static const char *parse_slice(struct bytes text, struct rule_number *ret)
{
	size_t colon = bytes_index(text, ':');

	if (colon == text.size || !parse_i32(rule_text_trim(bytes_first(text, colon)), &ret->slice_first) ||
		!parse_i32(rule_text_trim(bytes_skip(text, colon + 1)), &ret->slice_end))
		return "a part of the list is written FIRST:END";
	ret->has_slice = true;
	return NULL;
}

static const char *parse_multi(struct bytes text, struct rule_number *ret)
{
	static const char *const words[] = { "any", "all", "all_or_absent", "or_absent", NULL };
	int word = rule_text_choice(text, words);

	if (word >= 0) {
		ret->multi = (uint8_t)word;
		return NULL;
	}
	if (take_prefix(&text, "nb")) {
		ret->multi = RULE_NUMBER_TIMES;
		return rule_number_parse(text, 32, NULL, &ret->count);
	}
	ret->multi = take_prefix(&text, "oob_or") ? RULE_NUMBER_INDEX_OR_BEYOND : RULE_NUMBER_INDEX;
	return parse_i32(text, &ret->index) ? NULL : "not an index: any, all, or_absent, nb, or a position";
}

static const char *parse_bool(struct bytes text, struct rule_number_test *ret)
{
	static const char *const words[] = { "false", "no", "true", "yes", NULL };
	int word = rule_text_choice(text, words);

	*ret = (struct rule_number_test){ .operation = RULE_NUMBER_EQUAL, .low = word >= 2 };
	return word < 0 ? "one of true, yes, false and no" : NULL;
}

static const char *parse_number(const struct app_number *number, struct bytes value, struct rule_number *ret)
{
	struct bytes item;
	const char *problem = NULL;

	if ((number->flags & APP_NUMBER_BOOL) != 0 && parse_bool(value, &ret->test) == NULL)
		return NULL;
	if ((number->flags & APP_NUMBER_FLAGS) != 0 && parse_flags(value, number->names, &ret->test) == NULL)
		return NULL;
	if ((number->flags & APP_NUMBER_MULTI) == 0)
		return rule_number_parse(value, number->bits, number->names, &ret->test);
	if (value.size > 5 && rule_text_is(bytes_first(value, 5), "count")) {
		ret->multi = RULE_NUMBER_COUNT;
		return rule_number_parse(bytes_skip(value, 5), 32, NULL, &ret->count);
	}
	if (!rule_text_item(&value, ',', &item))
		return "a number is missing";
	problem = rule_number_parse(item, number->bits, number->names, &ret->test);
	if (!problem && rule_text_item(&value, ',', &item))
		problem = parse_multi(item, ret);
	if (!problem && rule_text_item(&value, ',', &item))
		problem = parse_slice(item, ret);
	if (!problem && value.size > 0)
		problem = "there is more behind the number";
	return problem;
}

static bool is_named(const struct app_number *number, const char *name)
{
	return strcasecmp(number->name, name) == 0 || (number->alias && strcasecmp(number->alias, name) == 0);
}

/* All protocols that know the number, and when it can be asked: at the latest of their progress values. */
static uint64_t collect(const char *name, struct rule_number *ret, struct rule_match *match)
{
	uint64_t protocols = 0;
	unsigned int found = 0;

	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		const struct app_number *number = protocol->numbers;

		while (number && number->name && !is_named(number, name))
			number++;
		if (!number || !number->name || found == RULE_NUMBER_PROTOCOLS_MAX)
			continue;
		ret->number[found] = number;
		ret->protocol[found++] = protocol;
		protocols |= 1ull << app_protocol_index(protocol);
		match->dirs |= number->dirs;
		for (int dir = 0; dir < SENSOR_DIRS; dir++)
			if (number->progress[dir] > match->progress[dir])
				match->progress[dir] = number->progress[dir];
	}
	return protocols;
}

int rule_number_keyword(struct rule_builder *builder, const char *name, struct bytes value)
{
	struct rule_number *number = arena_alloc(builder->arena, sizeof(*number));
	struct rule_match collected = { 0 }, *match;
	const char *problem;
	uint64_t protocols;
	uint8_t dirs = rule_builder_take_dirs(&value);

	if (!number)
		return LUYTRE_E_NOMEM;
	protocols = collect(name, number, &collected);
	if (!number->number[0])
		return rule_builder_error(builder, "no protocol has the number %s", name);
	problem = parse_number(number->number[0], value, number);
	if (problem)
		return rule_builder_error(builder, "%s: %s", name, problem);
	match = rule_builder_add(builder, &number_ops, number);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->kind = MATCH_NUMBER;
	match->dirs = dirs ? collected.dirs & dirs : collected.dirs;
	memcpy(match->progress, collected.progress, sizeof(match->progress));
	return rule_builder_restrict(builder, protocols, name);
}
