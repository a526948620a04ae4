// SPDX-License-Identifier: Apache-2.0
/* "content" and what may follow it (user guide, "Payload Keywords").
 *
 * Written: content:[!]"text |0d 0a| with \"escapes\"". Bounds: 1 to 8192 bytes; offset and depth to 65535; distance and within
 * to a mebibyte either way. */
#include <ctype.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"

enum { CONTENT_SIZE_MAX = 8192, RELATIVE_MAX = 1 << 20 };

const struct rule_match_ops rule_content_ops = { .name = "content", .target = RULE_TARGET_BUFFER };

/* Between two '|': pairs of digits; blanks only between pairs. */
static const char *read_hex(struct bytes *rest, uint8_t *out, size_t *size)
{
	struct bytes in = bytes_first(*rest, bytes_index(*rest, '|'));

	if (in.size == rest->size)
		return "the closing | is missing";
	*rest = bytes_skip(*rest, in.size + 1);
	for (size_t i = 0; i < in.size; i++) {
		int high, low;

		if (in.ptr[i] == ' ')
			continue;
		high = ascii_hex_value(in.ptr[i]);
		low = i + 1 < in.size ? ascii_hex_value(in.ptr[i + 1]) : -1;
		if (high < 0 || low < 0)
			return "between | there are pairs of hexadecimal digits";
		if (*size == CONTENT_SIZE_MAX)
			return "longer than 8192 bytes";
		out[(*size)++] = (uint8_t)(high << 4 | low);
		i++;
	}
	return NULL;
}

static const char *read_pattern(struct bytes text, uint8_t *out, size_t *ret_size)
{
	size_t size = 0;

	while (text.size > 0) {
		uint8_t c = text.ptr[0];
		const char *problem;

		text = bytes_skip(text, 1);
		if (c == '|') {
			problem = read_hex(&text, out, &size);
			if (problem)
				return problem;
			continue;
		}
		if (c == '"')
			return "a quote inside needs a backslash";
		if (c == '\\') {
			if (text.size == 0 || !strchr("\"\\;:", text.ptr[0]) || text.ptr[0] == 0)
				return "a backslash stands only before \" \\ ; and :";
			c = text.ptr[0];
			text = bytes_skip(text, 1);
		}
		if (size == CONTENT_SIZE_MAX)
			return "longer than 8192 bytes";
		out[size++] = c;
	}
	*ret_size = size;
	return size == 0 ? "empty" : NULL;
}

int rule_content_add(struct rule_builder *builder, struct bytes text, bool negated)
{
	uint8_t pattern[CONTENT_SIZE_MAX];
	struct rule_content *content;
	struct rule_match *match;
	size_t size;
	const char *problem = read_pattern(text, pattern, &size);

	if (problem)
		return rule_builder_error(builder, "%s", problem);
	content = arena_alloc(builder->arena, sizeof(*content));
	if (!content)
		return LUYTRE_E_NOMEM;
	content->pattern = bytes_of(arena_dup(builder->arena, bytes_of(pattern, size)), size);
	if (!content->pattern.ptr)
		return LUYTRE_E_NOMEM;
	content->negated = negated;
	content->offset_var = content->depth_var = content->distance_var = content->within_var = -1;
	match = rule_builder_add(builder, &rule_content_ops, content);
	if (!match)
		return LUYTRE_E_NOMEM;
	match->kind = MATCH_CONTENT;
	match->negated = negated;
	builder->last_content = match;
	builder->last_content_list = builder->list;
	return 0;
}

static int parse_content(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return rule_content_add(builder, value, negated);
}

static int parse_uricontent(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	int buffer = rule_buffer_find_modifier(bytes_from_str("http_uri"));
	int error;

	if (buffer < 0)
		return rule_builder_error(builder, "no protocol provides a URI");
	if (builder->buffer != RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "cannot follow a sticky buffer");
	error = rule_content_add(builder, value, negated);
	return error < 0 ? error : rule_builder_modifier(builder, (unsigned int)buffer);
}

/* The content that a modifier is about; null after rule_builder_error(). */
static struct rule_content *content_of(struct rule_builder *builder)
{
	if (!builder->last_content) {
		rule_builder_error(builder, "needs a content before it");
		return NULL;
	}
	return builder->last_content->data;
}

static int parse_nocase(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	uint8_t *pattern;

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (content->nocase)
		return rule_builder_error(builder, "stands twice for one content");
	content->nocase = true;
	pattern = arena_dup(builder->arena, content->pattern);
	if (!pattern)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < content->pattern.size; i++)
		if (pattern[i] >= 'A' && pattern[i] <= 'Z')
			pattern[i] |= 0x20;
	content->pattern.ptr = pattern;
	return 0;
}

static int parse_rawbytes(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (content->raw_bytes)
		return rule_builder_error(builder, "stands twice for one content");
	if (builder->last_content_list->buffer != RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "only for the payload");
	content->raw_bytes = true;
	return 0;
}

/* A number or the name of a variable. */
static int read_amount(struct rule_builder *builder, struct bytes value, int32_t least, int32_t most, int32_t *ret,
	int8_t *ret_variable)
{
	bool negative = value.size > 0 && value.ptr[0] == '-';
	struct bytes digits = negative ? bytes_skip(value, 1) : value;
	uint64_t amount;
	int variable;

	if (value.size > 0 && (isalpha(value.ptr[0]) || value.ptr[0] == '_')) {
		variable = rule_builder_variable(builder, value);
		if (variable < 0)
			return rule_builder_error(builder, "unknown variable \"%.*s\"",
				(int)(value.size > 40 ? 40 : value.size), (const char *)value.ptr);
		*ret_variable = (int8_t)variable;
		return 0;
	}
	if (!rule_text_u64(digits, &amount) || amount > RELATIVE_MAX || (negative && -(int64_t)amount < least) ||
		(!negative && (int64_t)amount > most))
		return rule_builder_error(builder, "not a number from %d to %d", least, most);
	*ret = negative ? -(int32_t)amount : (int32_t)amount;
	return 0;
}

/* What excludes each other for one content. */
static int check_position(struct rule_builder *builder, const struct rule_content *content, bool relative, bool given)
{
	if (given)
		return rule_builder_error(builder, "stands twice for one content");
	if (content->startswith)
		return rule_builder_error(builder, "cannot be used with startswith");
	if (relative ? content->has_offset || content->has_depth : content->has_distance || content->has_within)
		return rule_builder_error(builder, "distance and within cannot be used together with offset and depth");
	if (content->fast_pattern_only)
		return rule_builder_error(builder, "cannot be used with fast_pattern:only");
	if (content->negated && content->fast_pattern)
		return rule_builder_error(builder, "a negated content with a position cannot be the fast pattern");
	return 0;
}

static int parse_offset(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	int error = content ? check_position(builder, content, false, content->has_offset) : LUYTRE_E_SYNTAX;

	if (error == 0)
		error = read_amount(builder, value, 0, UINT16_MAX, &content->offset, &content->offset_var);
	if (error < 0)
		return error;
	content->has_offset = true;
	if (content->has_depth && content->depth_var < 0)
		content->depth += content->offset;
	return 0;
}

static int parse_depth(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	int error = content ? check_position(builder, content, false, content->has_depth) : LUYTRE_E_SYNTAX;

	if (error == 0)
		error = read_amount(builder, value, 0, UINT16_MAX, &content->depth, &content->depth_var);
	if (error < 0)
		return error;
	if (content->depth_var < 0) {
		if ((size_t)content->depth < content->pattern.size)
			return rule_builder_error(
				builder, "smaller than its content of %zu bytes", content->pattern.size);
		content->depth += content->offset;
	}
	content->has_depth = true;
	return 0;
}

static int mark_relative(struct rule_builder *builder)
{
	struct rule_match *before = NULL;

	for (struct rule_match *match = builder->last_content_list->first; match && match != builder->last_content;
		match = match->next)
		before = match;
	if (before && rule_match_is_content(before) && ((struct rule_content *)before->data)->fast_pattern_only)
		return rule_builder_error(builder, "cannot be relative to a content with fast_pattern:only");
	builder->last_content->relative = true;
	return 0;
}

static int parse_distance(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	int error = content ? check_position(builder, content, true, content->has_distance) : LUYTRE_E_SYNTAX;

	if (error == 0)
		error = read_amount(
			builder, value, -RELATIVE_MAX, RELATIVE_MAX, &content->distance, &content->distance_var);
	if (error < 0)
		return error;
	content->has_distance = true;
	return mark_relative(builder);
}

static int parse_within(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	int error = content ? check_position(builder, content, true, content->has_within) : LUYTRE_E_SYNTAX;

	if (error == 0)
		error = read_amount(
			builder, value, -RELATIVE_MAX, RELATIVE_MAX, &content->within, &content->within_var);
	if (error < 0)
		return error;
	if (content->within_var < 0 && content->within < (int32_t)content->pattern.size)
		return rule_builder_error(builder, "smaller than its content of %zu bytes", content->pattern.size);
	content->has_within = true;
	return mark_relative(builder);
}

static int parse_startswith(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (content->startswith)
		return rule_builder_error(builder, "stands twice for one content");
	if (content->has_offset || content->has_depth || content->has_distance || content->has_within)
		return rule_builder_error(builder, "cannot be used with offset, depth, distance or within");
	content->startswith = content->has_depth = true;
	content->depth = (int32_t)content->pattern.size;
	return 0;
}

static int parse_endswith(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (content->endswith)
		return rule_builder_error(builder, "stands twice for one content");
	content->endswith = true;
	return 0;
}

/* fast_pattern:4,8: from byte 4 on, 8 bytes. */
static int read_part(struct rule_builder *builder, struct rule_content *content, struct bytes value)
{
	size_t comma = bytes_index(value, ',');
	uint32_t offset, size;

	if (comma == value.size || !rule_text_u32(rule_text_trim(bytes_first(value, comma)), &offset) ||
		!rule_text_u32(rule_text_trim(bytes_skip(value, comma + 1)), &size))
		return rule_builder_error(builder, "is written alone, with :only, or with :OFFSET,LENGTH");
	if (size == 0 || offset > content->pattern.size || size > content->pattern.size - offset)
		return rule_builder_error(
			builder, "the part is not inside of its content of %zu bytes", content->pattern.size);
	content->fast_pattern_offset = (uint16_t)offset;
	content->fast_pattern_size = (uint16_t)size;
	return 0;
}

static int parse_fast_pattern(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	bool placed, relative;

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (builder->has_fast_pattern)
		return rule_builder_error(builder, "a rule has one fast pattern");
	if (builder->last_content_list->buffer == RULE_BUFFER_BASE64)
		return rule_builder_error(builder, "fast_pattern cannot be used with base64_data");
	relative = content->has_distance || content->has_within;
	placed = relative || content->has_offset || content->has_depth;
	if (content->negated && placed)
		return rule_builder_error(builder, "a negated content with a position cannot be the fast pattern");
	builder->has_fast_pattern = content->fast_pattern = true;
	if (value.size == 0)
		return 0;
	if (!rule_text_is(value, "only"))
		return read_part(builder, content, value);
	if (content->negated || placed)
		return rule_builder_error(builder, "fast_pattern:only is for a content without negation and position");
	content->fast_pattern_only = true;
	return 0;
}

/* The sensor decides about packets, it does not rewrite them: the rule alerts, its replacement is left out. */
static int parse_replace(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_content *content = content_of(builder);
	uint8_t pattern[CONTENT_SIZE_MAX];
	size_t size;
	const char *problem = read_pattern(value, pattern, &size);

	if (!content)
		return LUYTRE_E_SYNTAX;
	if (problem)
		return rule_builder_error(builder, "%s", problem);
	if (content->negated)
		return rule_builder_error(builder, "there is nothing to replace behind a negated content");
	if (content->pattern.size != size)
		return rule_builder_error(builder, "the replacement is as long as the content");
	rule_builder_warn(builder, "replace is left out: packets are not rewritten");
	return 0;
}

extern const struct rule_keyword rule_content_keywords[];
const struct rule_keyword rule_content_keywords[] = {
	{ .name = "content",
		.flags = KEYWORD_QUOTES_REQUIRED | KEYWORD_NEGATABLE,
		.parse = parse_content,
		.summary = "bytes that the buffer has, or has not (!)" },
	{ .name = "uricontent",
		.flags = KEYWORD_QUOTES_REQUIRED | KEYWORD_NEGATABLE,
		.parse = parse_uricontent,
		.summary = "content in the normalised URI" },
	{ .name = "nocase", .flags = KEYWORD_NO_VALUE, .parse = parse_nocase, .summary = "in any case of letters" },
	{ .name = "rawbytes",
		.flags = KEYWORD_NO_VALUE,
		.parse = parse_rawbytes,
		.summary = "the payload as it is, which it always is here" },
	{ .name = "offset", .parse = parse_offset, .summary = "how many bytes to skip first" },
	{ .name = "depth", .parse = parse_depth, .summary = "in the first bytes only (behind offset)" },
	{ .name = "distance", .parse = parse_distance, .summary = "how many bytes to skip behind the match before" },
	{ .name = "within", .parse = parse_within, .summary = "in the first bytes behind the match before" },
	{ .name = "startswith",
		.flags = KEYWORD_NO_VALUE,
		.parse = parse_startswith,
		.summary = "at the start of the buffer" },
	{ .name = "endswith",
		.flags = KEYWORD_NO_VALUE,
		.parse = parse_endswith,
		.summary = "at the end of the buffer" },
	{ .name = "fast_pattern",
		.flags = KEYWORD_OPTIONAL_VALUE,
		.parse = parse_fast_pattern,
		.summary = "the content that is searched for first" },
	{ .name = "replace",
		.flags = KEYWORD_QUOTES_REQUIRED | KEYWORD_IGNORED,
		.parse = parse_replace,
		.summary = "other bytes in the content's place: known, left out" },
	{ 0 },
};
