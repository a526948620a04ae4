// SPDX-License-Identifier: Apache-2.0
/* config: logging disable, type tx, scope tx (user guide, "Config Rules"): what a rule changes for the unit it matched. */
#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/detect/detect.h"
#include "sensor/rules/builder.h"

/* Without a transaction of its own the rule means the one that the flow is at. */
static bool config_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	struct app_tx *tx = context->tx;

	if (!tx && context->app)
		tx = context->app->last;
	if (tx)
		tx->no_log = true;
	return true;
}

static const struct rule_match_ops config_ops = { .name = "config", .target = RULE_TARGET_POST, .match = config_do };

static bool is_pair(struct bytes item, const char *first, const char *second)
{
	size_t blank = bytes_index(item, ' ');

	return rule_text_is(bytes_first(item, blank), first) &&
	       rule_text_is(rule_text_trim(bytes_skip(item, blank)), second);
}

static int parse_config(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const wanted[][2] = { { "logging", "disable" }, { "type", "tx" }, { "scope", "tx" } };
	struct bytes item;

	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
		if (!rule_text_item(&value, ',', &item) || !is_pair(item, wanted[i][0], wanted[i][1]))
			return rule_builder_error(builder, "expected \"logging disable, type tx, scope tx\"");
	if (value.size > 0)
		return rule_builder_error(builder, "nothing may stand behind the scope");
	return rule_builder_add(builder, &config_ops, NULL) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_config_keywords[] = {
	{ "config", NULL, 0, parse_config, "switches off logging of the transaction" },
	{ 0 },
};
