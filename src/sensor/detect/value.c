// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/value.h"

#include "base/ascii.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/text.h"

/* Longest text of a 64-bit number. */
static uint32_t text_size_max(uint8_t base)
{
	return base == 8 ? 23 : base == 16 ? 14 : 20;
}

static bool read_text(struct bytes in, uint8_t base, uint64_t *ret)
{
	bool any = false;
	uint64_t value = 0;
	size_t i = 0;

	while (i < in.size && (in.ptr[i] == ' ' || in.ptr[i] == '\t' || in.ptr[i] == '+'))
		i++;
	if (base == 0)
		base = i + 1 < in.size && in.ptr[i] == '0' && (in.ptr[i + 1] | 0x20) == 'x' ? 16 : 10;
	if (base == 16 && i + 1 < in.size && in.ptr[i] == '0' && (in.ptr[i + 1] | 0x20) == 'x')
		i += 2;
	for (; i < in.size; i++) {
		int digit = ascii_hex_value(in.ptr[i]);

		if (digit < 0 || (unsigned int)digit >= base)
			break;
		if (value > (UINT64_MAX - (unsigned int)digit) / base)
			return false;
		value = value * base + (unsigned int)digit;
		any = true;
	}
	*ret = value;
	return any;
}

static uint64_t read_binary(struct bytes in, bool little)
{
	uint64_t value = 0;

	for (size_t i = 0; i < in.size; i++)
		value = value << 8 | in.ptr[little ? in.size - 1 - i : i];
	return value;
}

bool value_read(const struct detect_context *context, const struct detect_buffer *buffer,
	const struct value_place *place, uint64_t *ret, int64_t *ret_end)
{
	int64_t offset = place->offset_var < 0 ? place->offset : (int64_t)context->variables[place->offset_var & 15];
	uint64_t size = place->size_var < 0 ? place->size : context->variables[place->size_var & 15];
	int64_t start = offset + (place->relative ? (int64_t)buffer->cursor : 0);
	bool little =
		place->endian == VALUE_ENDIAN_LITTLE || (place->endian == VALUE_ENDIAN_DCE && !context->dce_big_endian);
	struct bytes in;

	if (start < 0 || start > (int64_t)buffer->data.size || size > buffer->data.size - (uint64_t)start)
		return false;
	if (size > (place->is_text ? text_size_max(place->base) : 8))
		return false;
	in = bytes_of(buffer->data.ptr + start, size);
	*ret_end = start + (int64_t)size;
	if (size == 0) {
		*ret = 0;
		return true;
	}
	if (!place->is_text)
		*ret = read_binary(in, little);
	else if (!read_text(in, place->base, ret))
		return false;
	if (place->has_mask && place->mask != 0)
		*ret = (*ret & place->mask) >> __builtin_ctzll(place->mask);
	return true;
}

int value_parse_operand(struct rule_builder *builder, struct bytes text, const char *what, int64_t low, int64_t high,
	int64_t *ret, int8_t *ret_var)
{
	bool minus = text.size > 0 && text.ptr[0] == '-';
	uint64_t value;
	int index;

	*ret_var = -1;
	*ret = 0;
	if (text.size > 0 && (minus || text.ptr[0] == '+' || (text.ptr[0] >= '0' && text.ptr[0] <= '9'))) {
		struct bytes digits = minus || text.ptr[0] == '+' ? bytes_skip(text, 1) : text;

		if (!rule_text_u64(digits, &value) || value > INT64_MAX ||
			(minus ? -(int64_t)value : (int64_t)value) < low || (!minus && (int64_t)value > high))
			return rule_builder_error(builder, "\"%.*s\" is no %s between %lld and %lld", (int)text.size,
				text.ptr, what, (long long)low, (long long)high);
		*ret = minus ? -(int64_t)value : (int64_t)value;
		return 0;
	}
	index = rule_builder_variable(builder, text);
	if (index < 0)
		return rule_builder_error(builder,
			"\"%.*s\" is neither a %s nor a variable that byte_extract or byte_math made", (int)text.size,
			text.ptr, what);
	*ret_var = (int8_t)index;
	return 0;
}

bool value_parse_option(struct bytes word, struct value_place *place)
{
	if (rule_text_is(word, "relative"))
		place->relative = true;
	else if (rule_text_is(word, "big"))
		place->endian = VALUE_ENDIAN_BIG;
	else if (rule_text_is(word, "little"))
		place->endian = VALUE_ENDIAN_LITTLE;
	else if (rule_text_is(word, "dce"))
		place->endian = VALUE_ENDIAN_DCE;
	else if (rule_text_is(word, "string"))
		place->is_text = true;
	else if (rule_text_is(word, "hex"))
		place->base = 16;
	else if (rule_text_is(word, "dec"))
		place->base = 10;
	else if (rule_text_is(word, "oct"))
		place->base = 8;
	else if (word.size > 8 && rule_text_is(bytes_first(word, 8), "bitmask ") &&
		 rule_text_u64(rule_text_trim(bytes_skip(word, 8)), &place->mask))
		place->has_mask = true;
	else
		return false;
	return true;
}

const char *value_check(const struct value_place *place)
{
	if (place->size_var >= 0)
		return NULL;
	if (place->is_text && place->size > text_size_max(place->base))
		return "more bytes than the text of a 64-bit number has";
	if (!place->is_text && place->size > 8)
		return "more than eight bytes";
	return NULL;
}

struct rule_match *value_add(struct rule_builder *builder, const struct rule_match_ops *ops, void *data, bool relative)
{
	const struct rule_buffer *list = builder->last_content_list;
	struct rule_match *match;

	if (relative && builder->buffer == RULE_BUFFER_PAYLOAD && list && list->buffer != RULE_BUFFER_PAYLOAD)
		match = rule_builder_add_to(builder, rule_buffer_name(list->buffer), ops, data);
	else
		match = rule_builder_add(builder, ops, data);
	if (match)
		match->relative = relative;
	return match;
}

static bool bound(struct bytes text, uint64_t *ret)
{
	return rule_text_u64(rule_text_trim(text), ret);
}

bool value_range_parse(struct bytes text, struct value_range *ret)
{
	static const struct {
		const char *sign;
		uint8_t operation;
	} signs[] = {
		{ "<=", VALUE_LESS_EQUAL },
		{ ">=", VALUE_GREATER_EQUAL },
		{ "!=", VALUE_NOT_EQUAL },
		{ "<", VALUE_LESS },
		{ ">", VALUE_GREATER },
		{ "=", VALUE_EQUAL },
		{ "!", VALUE_NOT_EQUAL },
	};

	text = rule_text_trim(text);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		struct bytes sign = bytes_from_str(signs[i].sign);

		if (!bytes_starts_with(text, sign))
			continue;
		ret->operation = signs[i].operation;
		return bound(bytes_skip(text, sign.size), &ret->low);
	}
	for (size_t i = 1; i < text.size; i++) {
		size_t width = text.ptr[i] == '-'                                                  ? 1
			       : text.ptr[i] == '<' && i + 1 < text.size && text.ptr[i + 1] == '>' ? 2
												   : 0;

		if (width == 0)
			continue;
		ret->operation = VALUE_BETWEEN;
		return bound(bytes_first(text, i), &ret->low) && bound(bytes_skip(text, i + width), &ret->high) &&
		       ret->low + 1 < ret->high;
	}
	ret->operation = VALUE_EQUAL;
	return bound(text, &ret->low);
}

bool value_range_holds(const struct value_range *range, uint64_t value)
{
	switch (range->operation) {
	case VALUE_EQUAL:
		return value == range->low;
	case VALUE_NOT_EQUAL:
		return value != range->low;
	case VALUE_LESS:
		return value < range->low;
	case VALUE_LESS_EQUAL:
		return value <= range->low;
	case VALUE_GREATER:
		return value > range->low;
	case VALUE_GREATER_EQUAL:
		return value >= range->low;
	default:
		return value > range->low && value < range->high;
	}
}
