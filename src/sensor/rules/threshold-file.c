// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/threshold-file.h"

#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/rules/address.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/text.h"

enum part {
	PART_GID = 1,
	PART_SID = 2,
	PART_TYPE = 4,
	PART_TRACK = 8,
	PART_COUNT = 16,
	PART_SECONDS = 32,
	PART_ACTION = 64,
	PART_TIMEOUT = 128,
	PART_IP = 256,
};

struct line {
	struct policy *policy;
	char *message;
	struct rule_threshold threshold;
	uint32_t gid, sid;
	unsigned int seen;
};

static int fail(struct line *line, const char *problem, struct bytes text)
{
	snprintf(line->message, THRESHOLD_FILE_MESSAGE_SIZE, "%s: \"%.*s\"", problem,
		(int)(text.size > 80 ? 80 : text.size), text.size ? (const char *)text.ptr : "");
	return LUYTRE_E_SYNTAX;
}

static bool read_choice(int value, uint8_t *ret)
{
	*ret = value < 0 ? 0 : (uint8_t)value;
	return value > 0;
}

static bool read_action(struct bytes value, uint8_t *ret)
{
	static const char *const words[] = { "alert", "drop", "pass", "reject", NULL };
	static const uint8_t actions[] = { ACTION_ALERT, ACTION_DROP, ACTION_PASS, ACTION_REJECT };
	int word = rule_text_choice(value, words);

	*ret = word < 0 ? 0 : actions[word];
	return word >= 0;
}

static bool read_ip(struct line *line, struct bytes value)
{
	char message[ADDRESS_MESSAGE_SIZE];

	if (address_sets_intern(line->policy->addresses, value, message, &line->threshold.suppress_set) < 0) {
		log_warn("%s", message);
		return false;
	}
	return true;
}

static bool read_value(struct line *line, enum part part, struct bytes value)
{
	struct rule_threshold *threshold = &line->threshold;

	switch (part) {
	case PART_GID:
		return rule_text_u32(value, &line->gid);
	case PART_SID:
		return rule_text_u32(value, &line->sid);
	case PART_TYPE:
		return read_choice(rule_threshold_type(value), &threshold->type);
	case PART_TRACK:
		return read_choice(rule_threshold_track(value), &threshold->track);
	case PART_COUNT:
		return rule_text_u32(value, &threshold->count) && threshold->count > 0;
	case PART_SECONDS:
		return rule_text_u32(value, &threshold->seconds) && threshold->seconds > 0;
	case PART_ACTION:
		return read_action(value, &threshold->new_action);
	case PART_TIMEOUT:
		return rule_text_u32(value, &threshold->timeout);
	default:
		return read_ip(line, value);
	}
}

static int read_part(struct line *line, struct bytes item)
{
	static const struct {
		const char *name;
		enum part part;
	} parts[] = {
		{ "gen_id", PART_GID },
		{ "sig_id", PART_SID },
		{ "type", PART_TYPE },
		{ "track", PART_TRACK },
		{ "count", PART_COUNT },
		{ "seconds", PART_SECONDS },
		{ "new_action", PART_ACTION },
		{ "timeout", PART_TIMEOUT },
		{ "ip", PART_IP },
	};
	size_t blank = bytes_index(item, ' ');
	struct bytes value = rule_text_trim(bytes_skip(item, blank));

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		if (!rule_text_is(bytes_first(item, blank), parts[i].name))
			continue;
		if ((line->seen & parts[i].part) != 0)
			return fail(line, "stands twice", item);
		line->seen |= parts[i].part;
		return read_value(line, parts[i].part, value) ? 0 : fail(line, "has a wrong value", item);
	}
	return fail(line, "unknown part", item);
}

/* The parts behind the kind; a list of addresses has commas of its own, so "ip" takes the rest. */
static int read_parts(struct line *line, struct bytes rest)
{
	struct bytes item;

	while (rest.size > 0) {
		int error;

		rest = rule_text_trim(rest);
		if (rest.size > 3 && rule_text_is(bytes_first(rest, 3), "ip ")) {
			item = rest;
			rest = (struct bytes){ 0 };
		} else if (!rule_text_item(&rest, ',', &item)) {
			break;
		}
		error = read_part(line, item);
		if (error < 0)
			return error;
	}
	return 0;
}

static int read_line(struct line *line, struct bytes text)
{
	static const struct {
		const char *name;
		unsigned int needed, optional;
		uint8_t type;
	} kinds[] = {
		{ "threshold", PART_GID | PART_SID | PART_TYPE | PART_TRACK | PART_COUNT | PART_SECONDS, 0, 0 },
		{ "event_filter", PART_GID | PART_SID | PART_TYPE | PART_TRACK | PART_COUNT | PART_SECONDS, 0, 0 },
		{ "rate_filter",
			PART_GID | PART_SID | PART_TRACK | PART_COUNT | PART_SECONDS | PART_ACTION | PART_TIMEOUT, 0,
			RULE_THRESHOLD_RATE_FILTER },
		{ "suppress", PART_GID | PART_SID, PART_TRACK | PART_IP, RULE_THRESHOLD_SUPPRESS },
	};
	size_t blank = bytes_index(text, ' ');

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		bool half;

		if (!rule_text_is(bytes_first(text, blank), kinds[i].name))
			continue;
		if (read_parts(line, bytes_skip(text, blank)) < 0)
			return LUYTRE_E_SYNTAX;
		half = ((line->seen & PART_TRACK) != 0) != ((line->seen & PART_IP) != 0);
		if ((line->seen & kinds[i].needed) != kinds[i].needed ||
			(line->seen & ~(kinds[i].needed | kinds[i].optional)) != 0 || (kinds[i].optional && half))
			return fail(line, "parts are missing or do not belong here", text);
		if (kinds[i].type != 0)
			line->threshold.type = kinds[i].type;
		return 0;
	}
	return fail(line, "not one of threshold, event_filter, rate_filter and suppress", text);
}

static bool is_limit(uint8_t type)
{
	return type != RULE_THRESHOLD_NONE && type != RULE_THRESHOLD_SUPPRESS;
}

/* A rule has one limit at most for each tenant, and one for all: the line's replaces it when the line is for this rule alone, except that a rate_filter
 * leaves the rule its own. */
static int apply_to(const struct line *line, struct rule *rule)
{
	struct rule_threshold *copy, **link = &rule->threshold;

	if (is_limit(line->threshold.type)) {
		while (*link && !(is_limit((*link)->type) && (*link)->tenant == line->threshold.tenant))
			link = &(*link)->next;
		if (*link && (line->sid == 0 || line->threshold.type == RULE_THRESHOLD_RATE_FILTER))
			return 0;
		if (*link)
			*link = (*link)->next;
	}
	copy = arena_alloc(&line->policy->arena, sizeof(*copy));
	if (!copy)
		return LUYTRE_E_NOMEM;
	*copy = line->threshold;
	copy->next = rule->threshold;
	rule->threshold = copy;
	return 0;
}

static int apply(const struct line *line)
{
	struct policy *policy = line->policy;
	bool found = false;

	for (uint32_t i = 0; i < policy->rule_count; i++) {
		struct rule *rule = policy->rules[i];
		int error;

		if ((line->gid != 0 && rule->gid != line->gid) || (line->sid != 0 && rule->sid != line->sid))
			continue;
		found = true;
		error = apply_to(line, rule);
		if (error < 0)
			return error;
	}
	if (!found)
		log_warn("threshold file: no rule has gid %u and sid %u", line->gid, line->sid);
	return 0;
}

int threshold_file_apply(struct policy *policy, uint32_t tenant, struct bytes text,
	char message[THRESHOLD_FILE_MESSAGE_SIZE], uint32_t *ret_line)
{
	struct bytes item;

	for (*ret_line = 1; rule_text_item(&text, '\n', &item); ++*ret_line) {
		struct line line = { .policy = policy, .message = message, .threshold.tenant = tenant };
		int error;

		if (item.size == 0 || item.ptr[0] == '#')
			continue;
		error = read_line(&line, item);
		if (error == 0)
			error = apply(&line);
		if (error == LUYTRE_E_NOMEM)
			snprintf(message, THRESHOLD_FILE_MESSAGE_SIZE, "there is not enough memory");
		if (error < 0)
			return error;
	}
	return 0;
}
