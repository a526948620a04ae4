// SPDX-License-Identifier: Apache-2.0
/* Keywords about the buffer in hand: back to the payload, absent buffers, prefilter. */
#include "base/error.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"

static int parse_pkt_data(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return rule_builder_sticky(builder, RULE_BUFFER_PAYLOAD, 0);
}

/* The engine sees 'absent' of the list; the condition itself holds whatever there is. */
static bool match_absent(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	return true;
}

static const struct rule_match_ops absent_ops = {
	.name = "absent", .target = RULE_TARGET_BUFFER, .match = match_absent
};

static int parse_absent(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	bool or_else = rule_text_is(value, "or_else");

	if (value.size > 0 && !or_else)
		return rule_builder_error(builder, "is written alone or with :or_else");
	if (builder->buffer == RULE_BUFFER_PAYLOAD)
		return rule_builder_error(builder, "needs a sticky buffer before it");
	if (builder->sticky_used)
		return rule_builder_error(builder, "stands first behind its sticky buffer");
	if (!rule_builder_add(builder, &absent_ops, NULL))
		return LUYTRE_E_NOMEM;
	builder->list->absent = !or_else;
	builder->list->absent_or = or_else;
	return 0;
}

static int parse_prefilter(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_match *match = builder->last_match;

	if (!match)
		return rule_builder_error(builder, "needs a condition before it");
	if (rule_match_is_content(match)) {
		if (builder->has_fast_pattern)
			return rule_builder_error(builder, "the rule has a fast pattern");
		builder->has_fast_pattern = true;
		((struct rule_content *)match->data)->fast_pattern = true;
	}
	if ((builder->rule->flags & RULE_PREFILTER) != 0)
		return rule_builder_error(builder, "stands twice");
	builder->rule->flags |= RULE_PREFILTER;
	return 0;
}

extern const struct rule_keyword rule_buffer_keywords[];
const struct rule_keyword rule_buffer_keywords[] = {
	{ .name = "pkt_data", .flags = KEYWORD_NO_VALUE, .parse = parse_pkt_data, .summary = "the payload again" },
	{ .name = "absent",
		.flags = KEYWORD_OPTIONAL_VALUE,
		.parse = parse_absent,
		.summary = "there is no such buffer, or (or_else) the conditions hold" },
	{ .name = "prefilter",
		.flags = KEYWORD_NO_VALUE,
		.parse = parse_prefilter,
		.summary = "the condition before is asked first" },
	{ 0 },
};
