// SPDX-License-Identifier: Apache-2.0
/* The chain of conditions on one buffer; see inspect.h.
 *
 * Positions in a rule are absolute in the whole of a streaming buffer; 'buffer->offset' is where the window in hand
 * begins. Contents without anything relative behind them are asked once; the others walk through all places. */
#include "sensor/detect/inspect.h"

#include "base/error.h"
#include "match/finder.h"
#include "match/regex.h"
#include "sensor/detect/pcre.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

struct inspect {
	struct detect_context *context;
	const struct rule *rule;
	uint32_t steps, steps_max;
	bool stop; /* no other place of an earlier match can help */
};

/* Bytes [start, end) of the window, clamped to it. */
struct span {
	int64_t start, end;
};

static bool chain(struct inspect *run, const struct rule_match *match, struct detect_buffer *buffer);

static int64_t variable_or(const struct detect_context *context, int8_t index, int32_t fixed)
{
	return index < 0 ? fixed : (int64_t)context->variables[index & 15];
}

static bool content_is_relative(const struct rule_content *content)
{
	return content->has_distance || content->has_within;
}

static bool content_has_variable(const struct rule_content *content)
{
	return content->offset_var >= 0 || content->depth_var >= 0 || content->distance_var >= 0 ||
	       content->within_var >= 0;
}

/* Where the whole pattern has to lie. */
static struct span content_span(const struct detect_context *context, const struct rule_content *content,
	const struct detect_buffer *buffer, uint32_t cursor)
{
	int64_t base = (int64_t)buffer->offset;
	struct span span = { 0, (int64_t)buffer->data.size };

	if (content->has_offset) {
		int64_t offset = variable_or(context, content->offset_var, content->offset) - base;

		if (offset > span.start)
			span.start = offset;
	}
	if (content->has_depth) {
		int64_t depth = variable_or(context, content->depth_var, content->depth) - base;

		if (content->depth_var >= 0)
			depth += content->has_offset ? variable_or(context, content->offset_var, content->offset) : 0;
		if (depth < span.end)
			span.end = depth;
	}
	if (content_is_relative(content)) {
		int64_t start = cursor;

		if (content->has_distance)
			start += variable_or(context, content->distance_var, content->distance);
		if (content->has_within) {
			int64_t within = start + variable_or(context, content->within_var, content->within);

			if (within < span.end)
				span.end = within;
		}
		if (start > span.start)
			span.start = start;
	}
	return span;
}

/* The first place of the pattern in the span: its start, or -1. */
static int64_t content_find(const struct rule_content *content, const struct detect_buffer *buffer, struct span span)
{
	int64_t size = (int64_t)content->pattern.size;
	struct bytes in;
	size_t place;

	if (content->startswith && (buffer->offset != 0 || span.start > 0))
		return -1;
	if (content->endswith) {
		if (!buffer->last || span.end < (int64_t)buffer->data.size)
			return -1;
		if (span.end - size > span.start)
			span.start = span.end - size;
	}
	if (span.start < 0 || span.end - span.start < size)
		return -1;
	in = bytes_of(buffer->data.ptr + span.start, (size_t)(span.end - span.start));
	place = finder_find(content->finder, in);
	return place == FINDER_NONE ? -1 : span.start + (int64_t)place;
}

/* A content that stands by itself may only be where it is: when it is missing, no other place of what came before helps. */
static bool content_absent(struct inspect *run, const struct rule_content *content)
{
	if (!content_is_relative(content) && !content_has_variable(content))
		run->stop = true;
	return false;
}

static bool content_retry(struct inspect *run, const struct rule_match *match, struct detect_buffer *buffer)
{
	const struct rule_content *content = match->data;
	struct span span = content_span(run->context, content, buffer, buffer->cursor);
	uint64_t saved[16];

	memcpy(saved, run->context->variables, sizeof(saved));
	for (;;) {
		int64_t place = content_find(content, buffer, span);

		if (place < 0)
			return content_absent(run, content);
		buffer->cursor = (uint32_t)(place + (int64_t)content->pattern.size);
		if (chain(run, match->next, buffer))
			return true;
		if (run->stop || content->endswith || content->startswith)
			return false;
		memcpy(run->context->variables, saved, sizeof(saved));
		span.start = place + 1;
	}
}

static bool content_once(struct inspect *run, const struct rule_match *match, struct detect_buffer *buffer)
{
	const struct rule_content *content = match->data;
	struct span span = content_span(run->context, content, buffer, buffer->cursor);
	int64_t place = content_find(content, buffer, span);

	if (content->negated)
		return place < 0 ? true : content_absent(run, content);
	if (place < 0)
		return content_absent(run, content);
	buffer->cursor = (uint32_t)(place + (int64_t)content->pattern.size);
	return true;
}

static bool pcre_holds(struct inspect *run, const struct rule_match *match, struct detect_buffer *buffer)
{
	const struct rule_pcre *pcre = match->data;
	size_t start = pcre->relative ? buffer->cursor : 0;
	struct bytes subject = pcre->relative ? bytes_skip(buffer->data, start) : buffer->data;
	size_t base = pcre->relative ? start : 0, from = 0;
	struct regex_captures captures;

	if (pcre->relative && start > buffer->data.size)
		return false;
	for (;;) {
		enum regex_status status =
			rule_pcre_search(run->context, pcre, bytes_of(subject.ptr, subject.size), from, &captures);

		if (status != REGEX_MATCH) {
			if (!pcre->relative)
				run->stop = !pcre->negated;
			return pcre->negated && status == REGEX_NO_MATCH;
		}
		if (pcre->negated) {
			run->stop = !pcre->relative;
			return false;
		}
		size_t place = (size_t)(captures.group[0].ptr - subject.ptr);

		buffer->cursor = (uint32_t)(base + place + captures.group[0].size);
		rule_pcre_capture(run->context, pcre, &captures);
		if (chain(run, match->next, buffer))
			return true;
		if (run->stop || !match->relative_next || ++run->steps > run->steps_max)
			return false;
		from = place + 1;
		if (from > subject.size)
			return false;
	}
}

static bool chain(struct inspect *run, const struct rule_match *match, struct detect_buffer *buffer)
{
	for (; match; match = match->next) {
		if (++run->steps > run->steps_max)
			run->stop = true;
		if (run->stop)
			return false;
		if (match->kind == MATCH_CONTENT) {
			if (match->relative_next && !((const struct rule_content *)match->data)->negated)
				return content_retry(run, match, buffer);
			if (!content_once(run, match, buffer))
				return false;
		} else if (match->kind == MATCH_PCRE) {
			const struct rule_pcre *pcre = match->data;

			if (!pcre->negated)
				return pcre_holds(run, match, buffer);
			if (!pcre_holds(run, match, buffer))
				return false;
		} else if (!match->ops->match(run->context, run->rule, match, buffer)) {
			return false;
		}
	}
	return true;
}

bool inspect_chain(struct detect_context *context, const struct rule *rule, const struct rule_match *first,
	const struct detect_buffer *buffer)
{
	struct inspect run = {
		.context = context, .rule = rule, .steps_max = context->worker->settings->inspection_limit
	};
	struct detect_buffer copy = *buffer;

	if (buffer->data.size > INT32_MAX)
		return false;
	return chain(&run, first, &copy);
}

bool inspect_list(struct detect_context *context, const struct rule *rule, const struct rule_buffer *list,
	const struct detect_buffer *buffer)
{
	if (list->absent)
		return false; /* there is a buffer */
	return inspect_chain(context, rule, list->first, buffer);
}

/* ---- Preparation ---- */

static bool match_is_relative(const struct rule_match *match)
{
	if (match->kind == MATCH_CONTENT)
		return match->relative || content_is_relative(match->data);
	if (match->kind == MATCH_PCRE)
		return match->relative || ((const struct rule_pcre *)match->data)->relative;
	return match->relative;
}

/* Whether another place of this match could be tried. */
static bool match_can_retry(const struct rule_match *match)
{
	if (match->kind == MATCH_CONTENT)
		return !((const struct rule_content *)match->data)->negated;
	return match->kind == MATCH_PCRE && !((const struct rule_pcre *)match->data)->negated;
}

int inspect_prepare(struct rule_buffer *list, struct arena *memory)
{
	struct rule_match *anchor = NULL; /* last match whose place others may depend on */

	for (struct rule_match *match = list->first; match; match = match->next) {
		bool relative = match_is_relative(match);

		if (match->kind == MATCH_CONTENT) {
			struct rule_content *content = match->data;

			relative |= content_has_variable(content);
			if (!content->finder) {
				content->finder = arena_alloc(memory, sizeof(*content->finder));
				if (!content->finder)
					return LUYTRE_E_NOMEM;
				finder_init(content->finder, content->pattern, content->nocase);
			}
		}
		if ((relative || match->relative_next) && anchor && relative)
			anchor->relative_next = true;
		if (match_can_retry(match))
			anchor = match;
	}
	return 0;
}
