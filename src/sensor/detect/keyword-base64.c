// SPDX-License-Identifier: Apache-2.0
/* base64_decode: bytes N, offset N, relative. What it decodes is the buffer "base64_data" (RFC 4648, section 4).
 *
 * Decoding ends at the first byte that is not of the alphabet; the rest of a quantum that is there is used. */
#include "base/error.h"
#include "sensor/detect/base64.h"
#include "sensor/detect/inspect.h"
#include "sensor/detect/value.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

enum { BASE64_SIZE_MAX = 65535 };

struct decode_wanted {
	uint32_t size; /* of the encoded text; 0: to the end */
	uint32_t offset;
};

/* The lists on base64_data belong to the decoding before them: they are asked here, with its result. */
static bool decode_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct decode_wanted *wanted = match->data;
	const struct detect_buffer *buffer = target;
	struct bytes in = match->relative ? bytes_skip(buffer->data, buffer->cursor) : buffer->data;
	struct detect_buffer result = { .first = true, .last = true, .id = RULE_BUFFER_BASE64 };
	uint8_t *memory;

	in = bytes_skip(in, wanted->offset);
	in = bytes_first(in, wanted->size != 0 ? wanted->size : BASE64_SIZE_MAX);
	memory = in.size > 0 ? arena_alloc(&context->memory, in.size) : NULL;
	if (!memory)
		return false;
	context->base64.ptr = memory;
	base64_decode(in, BASE64_RFC4648, memory, &context->base64.size);
	if (context->base64.size == 0)
		return false;
	result.data = context->base64;
	for (const struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (list->buffer == RULE_BUFFER_BASE64 && !inspect_list(context, rule, list, &result))
			return false;
	return true;
}

static const struct rule_match_ops decode_ops = {
	.name = "base64_decode", .target = RULE_TARGET_BUFFER, .match = decode_match
};

static bool option(struct bytes word, const char *name, uint32_t *ret)
{
	size_t size = strlen(name);

	return word.size > size && rule_text_is(bytes_first(word, size), name) &&
	       rule_text_u32(rule_text_trim(bytes_skip(word, size)), ret) && *ret <= BASE64_SIZE_MAX;
}

static int parse_decode(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct decode_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	bool relative = false;
	struct bytes word;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	while (rule_text_item(&value, ',', &word)) {
		if (rule_text_is(word, "relative"))
			relative = true;
		else if (!option(word, "bytes ", &wanted->size) && !option(word, "offset ", &wanted->offset))
			return rule_builder_error(builder, "unknown option \"%.*s\"", (int)word.size, word.ptr);
	}
	return value_add(builder, &decode_ops, wanted, relative) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_base64_keywords[] = {
	{ "base64_decode", NULL, KEYWORD_OPTIONAL_VALUE, parse_decode, "decodes base64 for base64_data" },
	{ 0 },
};
