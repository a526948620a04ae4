// SPDX-License-Identifier: Apache-2.0
/* "flow": direction and state of the flow; and "bypass". */
#include "sensor/rules/builder.h"

static const struct {
	const char *name;
	uint64_t flag, conflicts; /* enum rule_flag */
} options[] = {
	{ "to_server", RULE_DIR_TO_SERVER, RULE_DIR_TO_CLIENT },
	{ "from_client", RULE_DIR_TO_SERVER, RULE_DIR_TO_CLIENT },
	{ "to_client", RULE_DIR_TO_CLIENT, RULE_DIR_TO_SERVER },
	{ "from_server", RULE_DIR_TO_CLIENT, RULE_DIR_TO_SERVER },
	{ "established", RULE_FLOW_ESTABLISHED, RULE_FLOW_NOT_ESTABLISHED | RULE_FLOW_STATELESS },
	{ "not_established", RULE_FLOW_NOT_ESTABLISHED, RULE_FLOW_ESTABLISHED | RULE_FLOW_STATELESS },
	{ "stateless", RULE_FLOW_STATELESS, RULE_FLOW_ESTABLISHED | RULE_FLOW_NOT_ESTABLISHED },
	{ "only_stream", RULE_ONLY_STREAM, RULE_NO_STREAM },
	{ "no_stream", RULE_NO_STREAM, RULE_ONLY_STREAM },
	{ "only_frag", RULE_ONLY_FRAG, RULE_NO_FRAG },
	{ "no_frag", RULE_NO_FRAG, RULE_ONLY_FRAG },
};

static int apply(struct rule_builder *builder, struct bytes item)
{
	struct rule *rule = builder->rule;

	for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
		if (!rule_text_is(item, options[i].name))
			continue;
		if ((rule->flags & options[i].flag) != 0)
			return rule_builder_error(builder, "%s stands twice", options[i].name);
		if ((rule->flags & options[i].conflicts) != 0)
			return rule_builder_error(builder, "%s contradicts what stands before", options[i].name);
		rule->flags |= options[i].flag;
		if ((options[i].flag & (RULE_DIR_TO_SERVER | RULE_DIR_TO_CLIENT)) == 0)
			builder->flow_option_matches = true;
		return 0;
	}
	return rule_builder_error(builder, "unknown option \"%.*s\"", (int)(item.size > 40 ? 40 : item.size),
		item.size ? (const char *)item.ptr : "");
}

static int parse_flow(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct bytes item;

	if (builder->has_flow_option)
		return rule_builder_error(builder, "stands twice");
	builder->has_flow_option = true;
	while (rule_text_item(&value, ',', &item)) {
		int error = apply(builder, item);

		if (error < 0)
			return error;
	}
	builder->rule->flags |= RULE_NEEDS_FLOW;
	return 0;
}

static int parse_bypass(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	if ((builder->rule->flags & RULE_BYPASS) != 0)
		return rule_builder_error(builder, "stands twice");
	builder->rule->flags |= RULE_BYPASS;
	return 0;
}

extern const struct rule_keyword rule_flow_keywords[];
const struct rule_keyword rule_flow_keywords[] = {
	{ .name = "flow",
		.parse = parse_flow,
		.summary = "direction and state: to_server, established, only_stream, ..." },
	{ .name = "bypass",
		.flags = KEYWORD_NO_VALUE,
		.parse = parse_bypass,
		.summary = "after a match the flow is not looked at any more" },
	{ 0 },
};
