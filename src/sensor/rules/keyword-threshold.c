// SPDX-License-Identifier: Apache-2.0
/* "threshold" and "detection_filter": how often a rule must match, and how often it may alert.
 *
 *	threshold: type limit, track by_src, count 1, seconds 60
 *	threshold: type backoff, track by_flow, count 1, multiplier 10
 *	detection_filter: track by_dst, count 15, seconds 2[, unique_on src_port] */
#include "base/error.h"
#include "sensor/rules/builder.h"

int rule_threshold_track(struct bytes word)
{
	static const char *const words[] = { "by_src", "by_dst", "by_both", "by_rule", "by_flow", "by_either", NULL };
	int index = rule_text_choice(word, words);

	return index < 0 ? -1 : RULE_TRACK_SRC + index;
}

int rule_threshold_type(struct bytes word)
{
	static const char *const words[] = { "threshold", "limit", "both", "backoff", NULL };
	int index = rule_text_choice(word, words);

	return index < 0 ? -1 : RULE_THRESHOLD_THRESHOLD + index;
}

enum { SEEN_TYPE = 1, SEEN_TRACK = 2, SEEN_COUNT = 4, SEEN_SECONDS = 8, SEEN_MULTIPLIER = 16, SEEN_UNIQUE = 32 };

static bool read_type(struct rule_threshold *threshold, struct bytes value)
{
	int type = rule_threshold_type(value);

	threshold->type = type < 0 ? RULE_THRESHOLD_NONE : (uint8_t)type;
	return type >= 0;
}

static bool read_track(struct rule_threshold *threshold, struct bytes value)
{
	int track = rule_threshold_track(value);

	threshold->track = track < 0 ? RULE_TRACK_NONE : (uint8_t)track;
	return track >= 0 && track != RULE_TRACK_EITHER;
}

static bool read_count(struct rule_threshold *threshold, struct bytes value)
{
	return rule_text_u32(value, &threshold->count) && threshold->count > 0;
}

static bool read_seconds(struct rule_threshold *threshold, struct bytes value)
{
	return rule_text_u32(value, &threshold->seconds) && threshold->seconds > 0;
}

static bool read_multiplier(struct rule_threshold *threshold, struct bytes value)
{
	return rule_text_u32(value, &threshold->multiplier) && threshold->multiplier > 0;
}

static bool read_unique(struct rule_threshold *threshold, struct bytes value)
{
	static const char *const words[] = { "src_port", "dst_port", NULL };
	int word = rule_text_choice(value, words);

	threshold->unique_on = (uint8_t)(word + 1);
	return word >= 0;
}

static const struct {
	const char *name;
	unsigned int seen;
	bool (*read)(struct rule_threshold *threshold, struct bytes value);
} parts[] = {
	{ "type", SEEN_TYPE, read_type },
	{ "track", SEEN_TRACK, read_track },
	{ "count", SEEN_COUNT, read_count },
	{ "seconds", SEEN_SECONDS, read_seconds },
	{ "multiplier", SEEN_MULTIPLIER, read_multiplier },
	{ "unique_on", SEEN_UNIQUE, read_unique },
};

static int read_part(
	struct rule_builder *builder, struct rule_threshold *threshold, struct bytes item, unsigned int *seen)
{
	size_t blank = bytes_index(item, ' ');
	struct bytes value = rule_text_trim(bytes_skip(item, blank));

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		if (!rule_text_is(bytes_first(item, blank), parts[i].name))
			continue;
		if ((*seen & parts[i].seen) != 0)
			return rule_builder_error(builder, "%s stands twice", parts[i].name);
		*seen |= parts[i].seen;
		if (!parts[i].read(threshold, value))
			return rule_builder_error(builder, "%s has a wrong value", parts[i].name);
		return 0;
	}
	return rule_builder_error(builder, "unknown part \"%.*s\"", (int)(item.size > 40 ? 40 : item.size),
		item.size ? (const char *)item.ptr : "");
}

static struct rule_threshold *read_parts(struct rule_builder *builder, struct bytes value, unsigned int *seen)
{
	struct rule_threshold *threshold = arena_alloc(builder->arena, sizeof(*threshold));
	struct bytes item;

	if (!threshold) {
		rule_builder_error(builder, "no memory");
		return NULL;
	}
	if (builder->rule->threshold) {
		rule_builder_error(builder, "a rule has one threshold or detection_filter");
		return NULL;
	}
	while (rule_text_item(&value, ',', &item))
		if (read_part(builder, threshold, item, seen) < 0)
			return NULL;
	return threshold;
}

static int parse_threshold(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	unsigned int seen = 0, wanted = SEEN_TYPE | SEEN_TRACK | SEEN_COUNT | SEEN_SECONDS;
	struct rule_threshold *threshold = read_parts(builder, value, &seen);

	if (!threshold)
		return LUYTRE_E_SYNTAX;
	if (threshold->type == RULE_THRESHOLD_BACKOFF) {
		wanted = SEEN_TYPE | SEEN_TRACK | SEEN_COUNT | SEEN_MULTIPLIER;
		if (threshold->track != RULE_TRACK_FLOW)
			return rule_builder_error(builder, "type backoff is for track by_flow");
	}
	if (seen != wanted)
		return rule_builder_error(builder, threshold->type == RULE_THRESHOLD_BACKOFF
							   ? "type backoff needs track, count and multiplier"
							   : "needs type, track, count and seconds, and nothing else");
	builder->rule->threshold = threshold;
	return 0;
}

static int parse_detection_filter(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	unsigned int seen = 0, wanted = SEEN_TRACK | SEEN_COUNT | SEEN_SECONDS;
	struct rule_threshold *threshold = read_parts(builder, value, &seen);

	if (!threshold)
		return LUYTRE_E_SYNTAX;
	if ((seen & ~(unsigned int)SEEN_UNIQUE) != wanted)
		return rule_builder_error(builder, "needs track, count and seconds, and nothing else but unique_on");
	threshold->type = RULE_THRESHOLD_DETECTION_FILTER;
	builder->rule->threshold = threshold;
	return 0;
}

extern const struct rule_keyword rule_threshold_keywords[];
const struct rule_keyword rule_threshold_keywords[] = {
	{ .name = "threshold", .parse = parse_threshold, .summary = "how many alerts a number of matches gives" },
	{ .name = "detection_filter", .parse = parse_detection_filter, .summary = "matches before the first alert" },
	{ 0 },
};
