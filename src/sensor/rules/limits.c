// SPDX-License-Identifier: Apache-2.0
/* Limits of contents: from one content of a chain to the next, from dsize and bsize, and whether they leave room. */
#include <string.h>

#include "sensor/detect/value.h"
#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"

/* Beyond this an offset says nothing useful and sums could overflow. */
enum { LIMIT_MAX = 1 << 28 };

/* Where a match of the content before can have ended: [low, high]; high < 0: no limit. */
struct span {
	int64_t low, high;
};

static bool has_variable(const struct rule_content *content)
{
	return content->offset_var >= 0 || content->depth_var >= 0 || content->distance_var >= 0 ||
	       content->within_var >= 0;
}

static void narrow(struct rule_content *content, int64_t offset, int64_t depth)
{
	if (offset > 0 && offset < LIMIT_MAX && (!content->has_offset || offset > content->offset)) {
		content->has_offset = true;
		content->offset = (int32_t)offset;
	}
	if (depth >= 0 && depth < LIMIT_MAX && (!content->has_depth || depth < content->depth)) {
		content->has_depth = true;
		content->depth = (int32_t)depth;
	}
}

/* Gives a relative content the limits that follow from the one before it. */
static void propagate(struct rule_content *content, const struct span *before)
{
	int64_t distance = content->has_distance ? content->distance : content->has_within ? 0 : -LIMIT_MAX;
	int64_t depth = -1;

	/* A negative distance without 'within' allows any place that far before; the start of the buffer bounds it. */
	if (before->high >= 0 && content->has_within)
		depth = before->high + (content->has_distance ? distance : 0) + content->within;
	narrow(content, before->low + distance, depth);
}

static struct span ends_of(const struct rule_content *content)
{
	int64_t size = (int64_t)content->pattern.size;

	return (struct span){
		.low = (content->has_offset ? content->offset : 0) + size,
		.high = content->has_depth ? content->depth : -1,
	};
}

/* A content after which relative ones count must match; a negated one leaves no trace. Other kinds of conditions move the
 * cursor in ways that are not known here. */
static void propagate_list(struct rule_buffer *list)
{
	struct span before = { 0, 0 };
	bool known = true;

	for (struct rule_match *match = list->first; match; match = match->next) {
		struct rule_content *content = match->data;

		if (!rule_match_is_content(match)) {
			known = false;
			continue;
		}
		if (match->relative && known && !has_variable(content))
			propagate(content, &before);
		if (content->negated)
			continue;
		known = !has_variable(content) && (!match->relative || known);
		before = ends_of(content);
	}
}

/* No content may need more room than the buffer can have. */
static int check_room(struct rule_builder *builder, const struct rule_buffer *list, int64_t most, const char *what)
{
	for (const struct rule_match *match = list->first; match; match = match->next) {
		const struct rule_content *content = match->data;

		if (!rule_match_is_content(match) || content->negated || has_variable(content))
			continue;
		if (ends_of(content).low > most)
			return rule_builder_error(builder,
				"can never match: %s leaves no room for a content that ends at %lld", what,
				(long long)ends_of(content).low);
	}
	return 0;
}

static int check_window(struct rule_builder *builder, const struct rule_buffer *list)
{
	for (const struct rule_match *match = list->first; match; match = match->next) {
		const struct rule_content *content = match->data;
		struct span ends;

		if (!rule_match_is_content(match) || content->negated || has_variable(content))
			continue;
		ends = ends_of(content);
		if (ends.high >= 0 && ends.low > ends.high)
			return rule_builder_error(builder,
				"can never match: a content of %zu bytes between %d and %lld", content->pattern.size,
				content->has_offset ? content->offset : 0, (long long)ends.high);
	}
	return 0;
}

/* The most bytes that "bsize" allows; -1: it says nothing about that. */
static int64_t bsize_most(const struct rule_match *match)
{
	const struct value_range *range = match->data;

	if (strcmp(match->ops->name, "bsize") != 0)
		return -1;
	switch (range->operation) {
	case VALUE_EQUAL:
	case VALUE_LESS_EQUAL:
		return (int64_t)range->low;
	case VALUE_LESS:
		return (int64_t)range->low - 1;
	case VALUE_BETWEEN:
		return (int64_t)range->high - 1;
	default:
		return -1;
	}
}

static int apply_list(struct rule_builder *builder, struct rule_buffer *list)
{
	const struct rule *rule = builder->rule;
	int error;

	propagate_list(list);
	error = check_window(builder, list);
	for (const struct rule_match *match = list->first; match && error == 0; match = match->next) {
		int64_t most = bsize_most(match);

		if (most >= 0)
			error = check_room(builder, list, most, "bsize");
	}
	if (error == 0 && list->buffer == RULE_BUFFER_PAYLOAD && rule->dsize_high < UINT16_MAX) {
		error = check_room(builder, list, rule->dsize_high, "dsize");
		for (struct rule_match *match = list->first; match && error == 0; match = match->next) {
			struct rule_content *content = match->data;

			if (rule_match_is_content(match) && !content->negated && !has_variable(content))
				narrow(content, 0, rule->dsize_high);
		}
	}
	return error;
}

int rule_limits_apply(struct rule_builder *builder)
{
	int error = 0;

	for (struct rule_buffer *list = builder->rule->buffers; list && error == 0; list = list->next)
		error = apply_list(builder, list);
	return error;
}
