// SPDX-License-Identifier: Apache-2.0
/* Conditions on the shape of a buffer: bsize, isdataat, urilen, entropy. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/internal.h"
#include "sensor/detect/value.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

/* ---- bsize, urilen ---- */

static bool size_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct value_range *range = match->data;
	const struct detect_buffer *buffer = target;
	uint64_t size = buffer->offset + buffer->data.size;

	/* More may come: only what cannot become false holds already. */
	if (!buffer->last && range->operation != VALUE_GREATER && range->operation != VALUE_GREATER_EQUAL)
		return false;
	return value_range_holds(range, size);
}

static const struct rule_match_ops size_ops = { .name = "bsize", .target = RULE_TARGET_BUFFER, .match = size_match };

static int parse_size(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct value_range *range = arena_alloc(rule_builder_arena(builder), sizeof(*range));

	if (!range)
		return LUYTRE_E_NOMEM;
	if (!value_range_parse(value, range))
		return rule_builder_error(builder, "\"%.*s\" is no size", (int)value.size, value.ptr);
	return rule_builder_add(builder, &size_ops, range) ? 0 : LUYTRE_E_NOMEM;
}

static const struct rule_match_ops urilen_ops = { .name = "urilen", .target = RULE_TARGET_BUFFER, .match = size_match };

static int parse_urilen(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct value_range *range = arena_alloc(rule_builder_arena(builder), sizeof(*range));
	const char *buffer = "http.uri";
	struct bytes size, which;

	if (!range)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &size) || !value_range_parse(size, range))
		return rule_builder_error(builder, "\"%.*s\" is no length", (int)value.size, value.ptr);
	if (rule_text_item(&value, ',', &which)) {
		if (rule_text_is(which, "raw"))
			buffer = "http.uri.raw";
		else if (!rule_text_is(which, "norm"))
			return rule_builder_error(
				builder, "\"%.*s\" is neither norm nor raw", (int)which.size, which.ptr);
	}
	return rule_builder_add_to(builder, buffer, &urilen_ops, range) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- isdataat ---- */

struct data_at {
	int64_t place;
	int8_t place_var;
};

static bool data_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct data_at *at = match->data;
	const struct detect_buffer *buffer = target;
	uint64_t place = at->place_var < 0 ? (uint64_t)at->place : context->variables[at->place_var & 15];
	bool there;

	if (match->relative)
		there = place <= buffer->data.size && buffer->cursor + place <= buffer->data.size;
	else
		there = place < buffer->offset + buffer->data.size;
	return there != match->negated;
}

static const struct rule_match_ops data_ops = { .name = "isdataat", .target = RULE_TARGET_BUFFER, .match = data_match };

static int parse_data(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct data_at *at = arena_alloc(rule_builder_arena(builder), sizeof(*at));
	struct rule_match *match;
	struct bytes place, word;
	bool relative = false;
	int error;

	if (!at)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &place))
		return rule_builder_error(builder, "isdataat needs a position");
	error = value_parse_operand(builder, place, "position", 0, 65535, &at->place, &at->place_var);
	if (error)
		return error;
	while (rule_text_item(&value, ',', &word)) {
		if (rule_text_is(word, "relative"))
			relative = true;
		else if (!rule_text_is(word, "rawbytes"))
			return rule_builder_error(builder, "unknown option \"%.*s\"", (int)word.size, word.ptr);
	}
	match = value_add(builder, &data_ops, at, relative);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->negated = negated;
	return 0;
}

/* ---- entropy ---- */

struct entropy {
	double low, high;
	uint8_t operation; /* enum value_operation */
	bool outside; /* "!4-5" */
	bool has_value;
	uint32_t size; /* 0: to the end */
	int32_t offset;
	char buffer[48]; /* with underscores: the key in "metadata.entropy" */
};

/* Shannon's, in bits for a byte. */
static double entropy_of(struct bytes in)
{
	uint32_t counts[256] = { 0 };
	double sum = 0;

	for (size_t i = 0; i < in.size; i++)
		counts[in.ptr[i]]++;
	for (size_t i = 0; i < 256; i++) {
		double share = (double)counts[i] / (double)in.size;

		if (counts[i] != 0)
			sum -= share * log2(share);
	}
	return sum;
}

static bool entropy_holds(const struct entropy *wanted, double found)
{
	switch (wanted->operation) {
	case VALUE_EQUAL:
		return fabs(found - wanted->low) < 1e-9;
	case VALUE_NOT_EQUAL:
		return fabs(found - wanted->low) >= 1e-9;
	case VALUE_LESS:
		return found < wanted->low;
	case VALUE_LESS_EQUAL:
		return found <= wanted->low;
	case VALUE_GREATER:
		return found > wanted->low;
	case VALUE_GREATER_EQUAL:
		return found >= wanted->low;
	default:
		return (found > wanted->low && found < wanted->high) != wanted->outside;
	}
}

static bool entropy_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct entropy *wanted = match->data;
	const struct detect_buffer *buffer = target;
	struct bytes in = buffer->data;
	double found;

	if (match->relative)
		in = bytes_skip(in, buffer->cursor);
	if (wanted->offset < 0 || (size_t)wanted->offset >= in.size)
		return false;
	in = bytes_skip(in, (size_t)wanted->offset);
	if (wanted->size != 0) {
		if (wanted->size > in.size)
			return false;
		in = bytes_first(in, wanted->size);
	}
	found = entropy_of(in);
	if (context->flow)
		flow_entropy_set(context->flow, wanted->buffer, found);
	return entropy_holds(wanted, found);
}

static const struct rule_match_ops entropy_ops = {
	.name = "entropy", .target = RULE_TARGET_BUFFER, .match = entropy_match
};

static bool read_double(struct bytes text, double *ret)
{
	char copy[32], *end;

	if (text.size == 0 || !bytes_to_str(text, copy, sizeof(copy)))
		return false;
	*ret = strtod(copy, &end);
	return *end == '\0' && isfinite(*ret) && *ret >= 0 && *ret <= 8;
}

static bool read_entropy_value(struct bytes text, struct entropy *ret)
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
		{ "", VALUE_EQUAL },
	};
	bool outside = text.size > 1 && text.ptr[0] == '!' && text.ptr[1] != '=';
	struct bytes rest = outside ? rule_text_trim(bytes_skip(text, 1)) : text;
	size_t dash = bytes_index(rest, '-');

	ret->has_value = true;
	if (dash < rest.size) {
		ret->operation = VALUE_BETWEEN;
		ret->outside = outside;
		return read_double(rule_text_trim(bytes_first(rest, dash)), &ret->low) &&
		       read_double(rule_text_trim(bytes_skip(rest, dash + 1)), &ret->high) && ret->low < ret->high;
	}
	if (outside) {
		ret->operation = VALUE_NOT_EQUAL;
		return read_double(rest, &ret->low);
	}
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		struct bytes sign = bytes_from_str(signs[i].sign);

		if (!bytes_starts_with(text, sign))
			continue;
		ret->operation = signs[i].operation;
		return read_double(rule_text_trim(bytes_skip(text, sign.size)), &ret->low);
	}
	return false;
}

static bool read_entropy_option(struct bytes word, struct entropy *entropy)
{
	size_t gap = 0;
	struct bytes name, value;

	while (gap < word.size && word.ptr[gap] >= 'a' && word.ptr[gap] <= 'z')
		gap++;
	name = bytes_first(word, gap);
	value = rule_text_trim(bytes_skip(word, gap));
	if (rule_text_is(name, "bytes"))
		return rule_text_u32(value, &entropy->size);
	if (rule_text_is(name, "offset")) {
		uint32_t offset;

		if (!rule_text_u32(value, &offset) || offset > 65535)
			return false;
		entropy->offset = (int32_t)offset;
		return true;
	}
	return rule_text_is(name, "value") && read_entropy_value(value, entropy);
}

static int parse_entropy(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct entropy *entropy = arena_alloc(rule_builder_arena(builder), sizeof(*entropy));
	struct bytes word;

	if (!entropy)
		return LUYTRE_E_NOMEM;
	while (rule_text_item(&value, ',', &word))
		if (!read_entropy_option(word, entropy))
			return rule_builder_error(builder, "\"%.*s\" is not understood", (int)word.size, word.ptr);
	if (!entropy->has_value)
		return rule_builder_error(builder, "entropy needs a value between 0 and 8");
	return rule_builder_add(builder, &entropy_ops, entropy) ? 0 : LUYTRE_E_NOMEM;
}

void detect_entropy_name(const struct rule_buffer *list)
{
	for (struct rule_match *match = list->first; match; match = match->next) {
		struct entropy *entropy = match->data;
		const char *name = list->buffer == RULE_BUFFER_PAYLOAD ? "content" : rule_buffer_name(list->buffer);
		size_t i;

		if (match->ops != &entropy_ops)
			continue;
		for (i = 0; name[i] && i + 1 < sizeof(entropy->buffer); i++)
			entropy->buffer[i] = name[i] == '.' ? '_' : name[i];
		entropy->buffer[i] = '\0';
	}
}

const struct rule_keyword detect_size_keywords[] = {
	{ "bsize", NULL, 0, parse_size, "size of the buffer" },
	{ "urilen", NULL, 0, parse_urilen, "length of the HTTP address, normalised or raw" },
	{ "isdataat", NULL, KEYWORD_NEGATABLE, parse_data, "whether there is a byte at a position" },
	{ "entropy", NULL, 0, parse_entropy, "Shannon entropy of the bytes" },
	{ 0 },
};
