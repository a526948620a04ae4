// SPDX-License-Identifier: Apache-2.0
/* urilen: the size of the URI, "urilen:[<|>]N[<>M][,norm|raw]". */
#include "sensor/app/http1/keywords.h"

#include "base/arena.h"
#include "base/error.h"
#include "sensor/app/http1/text.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/keyword.h"

/* Both ends belong to the range. */
struct size_range {
	uint32_t low, high;
};

static bool match_size(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct size_range *range = match->data;
	const struct detect_buffer *buffer = target;

	(void)context;
	(void)rule;
	return buffer->data.size >= range->low && buffer->data.size <= range->high;
}

static const struct rule_match_ops size_ops = { .name = "urilen", .target = RULE_TARGET_BUFFER, .match = match_size };

static bool take_u16(struct bytes *in, uint32_t *ret)
{
	uint32_t number = 0;
	size_t pos = 0;

	*in = http_trim(*in);
	for (; pos < in->size && in->ptr[pos] >= '0' && in->ptr[pos] <= '9'; pos++) {
		number = number * 10 + (in->ptr[pos] - '0');
		if (number > UINT16_MAX)
			return false;
	}
	*in = http_trim_left(bytes_skip(*in, pos));
	*ret = number;
	return pos != 0;
}

static bool parse_size(struct bytes in, struct size_range *ret)
{
	uint32_t first, second;
	char sign = in.size == 0 ? 0 : (char)in.ptr[0];

	if (sign == '<' || sign == '>') {
		in = bytes_skip(in, 1);
		if (!take_u16(&in, &first) || in.size != 0 || (sign == '<' && first == 0))
			return false;
		*ret = sign == '<' ? (struct size_range){ 0, first - 1 } : (struct size_range){ first + 1, UINT32_MAX };
		return true;
	}
	if (!take_u16(&in, &first))
		return false;
	if (in.size == 0) {
		*ret = (struct size_range){ first, first };
		return true;
	}
	if (in.size < 2 || in.ptr[0] != '<' || in.ptr[1] != '>')
		return false;
	in = bytes_skip(in, 2);
	if (!take_u16(&in, &second) || in.size != 0 || second < first + 2)
		return false;
	*ret = (struct size_range){ first + 1, second - 1 };
	return true;
}

static int parse_urilen(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct size_range range, *data;
	struct bytes form;
	size_t comma = bytes_index(value, ',');
	bool raw = false;
	int error;

	(void)keyword;
	(void)negated;
	if (comma != value.size) {
		form = http_trim(bytes_skip(value, comma + 1));
		raw = bytes_equal_str(form, "raw");
		if (!raw && !bytes_equal_str(form, "norm"))
			return rule_builder_error(builder, "urilen: the form is \"norm\" or \"raw\", not \"%.*s\"",
				(int)form.size, form.size == 0 ? "" : (const char *)form.ptr);
	}
	if (!parse_size(http_trim(bytes_first(value, comma)), &range))
		return rule_builder_error(builder, "urilen: a size like 10, <10, >10 or 10<>20 is expected");
	error = rule_builder_is_protocol(builder, "http2") ? 0 : rule_builder_protocol(builder, "http");
	if (error != 0)
		return error;
	data = arena_dup(rule_builder_arena(builder), bytes_of(&range, sizeof(range)));
	if (!data || !rule_builder_add_to(builder, raw ? "http.uri.raw" : "http.uri", &size_ops, data))
		return LUYTRE_E_NOMEM;
	return 0;
}

const struct rule_keyword http_keywords[] = {
	{ .name = "urilen", .parse = parse_urilen, .summary = "Size of the URI, normalised or raw" },
	{ 0 },
};
