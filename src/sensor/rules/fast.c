// SPDX-License-Identifier: Apache-2.0
/* Which content of a rule is searched for first: the one that the rule names, else the one that is rarest in traffic as far
 * as its looks tell: in a buffer of a protocol rather than in the payload, long rather than short, of many different bytes
 * rather than few (user guide, "Suricata Fast Pattern Determination Explained"). */
#include <string.h>

#include "sensor/rules/buffers.h"
#include "sensor/rules/builder.h"

struct choice {
	struct rule_buffer *list;
	struct rule_content *content;
	int priority;
	size_t size;
	unsigned int variety;
};

static unsigned int variety_of(struct bytes pattern)
{
	bool seen[256] = { false };
	unsigned int score = 0;

	for (size_t i = 0; i < pattern.size; i++) {
		uint8_t c = pattern.ptr[i];

		if (seen[c]) {
			score++;
			continue;
		}
		seen[c] = true;
		if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			score += 3;
		else if (c >= 0x20 && c < 0x7f)
			score += 4;
		else
			score += c == 0 || c == 0xff || c == 1 ? 2 : 6;
	}
	return score;
}

/* Methods and status codes are the same few words in all traffic: no better than payload. */
static int priority_of(const struct rule_buffer *list)
{
	static const char *const common[] = { "http.method", "http.stat_code", "http.stat_msg", "http.protocol" };
	const char *name = rule_buffer_name(list->buffer);

	if (list->buffer == RULE_BUFFER_PAYLOAD)
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(common); i++)
		if (strcmp(name, common[i]) == 0)
			return 0;
	return 1;
}

static bool is_better(const struct choice *new, const struct choice *old)
{
	if (!old->content || new->content->fast_pattern)
		return true;
	if (old->content->fast_pattern)
		return false;
	if (new->priority != old->priority)
		return new->priority > old->priority;
	if (new->size != old->size)
		return new->size > old->size;
	return new->variety > old->variety;
}

static void consider_list(struct rule_buffer *list, struct choice *best)
{
	for (struct rule_match *match = list->first; match; match = match->next) {
		struct choice choice = { .list = list };

		if (!rule_match_is_content(match))
			continue;
		choice.content = match->data;
		if (choice.content->negated)
			continue;
		choice.priority = priority_of(list);
		choice.size = choice.content->fast_pattern_size ? choice.content->fast_pattern_size
								: choice.content->pattern.size;
		choice.variety = variety_of(choice.content->pattern);
		if (is_better(&choice, best))
			*best = choice;
	}
}

void rule_fast_pattern_choose(struct rule *rule)
{
	struct choice best = { 0 };

	for (struct rule_buffer *list = rule->buffers; list; list = list->next)
		if (list->buffer != RULE_BUFFER_BASE64 && !list->absent && !list->absent_or)
			consider_list(list, &best);
	if (!best.content)
		return;
	rule->fast_buffer = best.list;
	best.list->is_fast_pattern = true;
	best.list->fast_pattern = best.content;
}
