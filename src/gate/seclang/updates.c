// SPDX-License-Identifier: Apache-2.0
/* SecRuleRemoveBy..., SecRuleUpdateTargetBy... and SecRuleUpdateActionById. As in ModSecurity v3 they hold for all
 * rules, whether these stand before or behind them, and a tag or message is meant whole. */
#include "gate/seclang/internal.h"

/* The i-th piece of a list separated by blanks outside of quotes was an argument; the ids may be several. */
static struct bytes join_args(struct sec_rules *rules, const struct sec_line *line, size_t first, size_t end)
{
	size_t size = 0;
	uint8_t *text;

	if (end - first == 1)
		return line->args[first].text;
	for (size_t i = first; i < end; i++)
		size += line->args[i].text.size + 1;
	text = sec_alloc(rules, size);
	size = 0;
	for (size_t i = first; text && i < end; i++) {
		struct bytes arg = line->args[i].text;

		if (i > first)
			text[size++] = ' ';
		if (arg.size)
			memcpy(text + size, arg.ptr, arg.size);
		size += arg.size;
	}
	return bytes_of(text, text ? size : 0);
}

static struct sec_update *append(
	struct sec_rules *rules, const struct sec_line *line, enum sec_by by, const char *const names[3])
{
	struct sec_update *update;

	if (line->arg_count < 2) {
		sec_error(
			rules, line, line->end, "syntax error, unexpected end of line: %s says which rules", names[by]);
		return NULL;
	}
	update = sec_append(rules, &rules->updates, sizeof(*update));
	if (update)
		*update = (struct sec_update){ .by = by, .directive = names[by] };
	return update;
}

/* A mistake takes the update back, which is the newest. */
static void drop(struct sec_rules *rules)
{
	rules->updates.count--;
}

void sec_read_remove(struct sec_rules *rules, const struct sec_line *line, enum sec_by by)
{
	static const char *const names[] = { "SecRuleRemoveById", "SecRuleRemoveByTag", "SecRuleRemoveByMsg" };
	struct sec_update *update = append(rules, line, by, names);
	char message[SEC_RANGES_MESSAGE_SIZE] = "";
	struct bytes text;

	if (!update)
		return;
	text = join_args(rules, line, 1, line->arg_count);
	update->remove = true;
	update->text = sec_unquote(text);
	if (by != SEC_BY_ID || sec_ranges_parse(rules, update->text, &update->ranges, &update->range_count, message))
		return;
	sec_error(rules, line, line->end, "%s: failed to load:%.*s. %s", names[by],
		(int)(text.size < 200 ? text.size : 200), (const char *)text.ptr, message);
	drop(rules);
}

/* "5", "5-9", "5:1" (the rule behind the first of the chain). */
static bool read_which(struct sec_rules *rules, const struct sec_line *line, struct sec_update *update)
{
	struct bytes text = sec_trim(line->args[1].text);
	size_t colon = bytes_index(text, ':');
	char message[SEC_RANGES_MESSAGE_SIZE] = "";
	uint64_t offset = 0;

	if (sec_ranges_parse(rules, bytes_first(text, colon), &update->ranges, &update->range_count, message) &&
		(colon == text.size || sec_number(bytes_skip(text, colon + 1), 1000, &offset))) {
		update->offset = (uint32_t)offset;
		return true;
	}
	sec_error(rules, line, line->end,
		"%s: failed to load:The input \"%.*s\" does not seems to be a valid rule id. %s", update->directive,
		(int)(text.size < 200 ? text.size : 200), (const char *)text.ptr, message);
	return false;
}

void sec_read_update_target(struct sec_rules *rules, const struct sec_line *line, enum sec_by by)
{
	static const char *const names[] = { "SecRuleUpdateTargetById", "SecRuleUpdateTargetByTag",
		"SecRuleUpdateTargetByMsg" };
	struct sec_update *update = append(rules, line, by, names);

	if (!update)
		return;
	if (line->arg_count < 3) {
		sec_error(rules, line, line->end, "syntax error, unexpected end of line: %s takes variables too",
			names[by]);
	} else if (line->arg_count > 3) {
		sec_error_rest(rules, line, line->args[3].start, SEC_INVALID_INPUT,
			"replacing a variable by another is not supported; exclude one and add the other");
	} else {
		update->text = sec_unquote(line->args[1].text);
		if ((by != SEC_BY_ID || read_which(rules, line, update)) &&
			sec_targets_parse(rules, line, &line->args[2], 0, line->args[2].text.size, &update->targets))
			return;
	}
	drop(rules);
}

void sec_read_update_action(struct sec_rules *rules, const struct sec_line *line)
{
	static const char *const names[] = { "SecRuleUpdateActionById", NULL, NULL };
	struct sec_update *update = append(rules, line, SEC_BY_ID, names);
	struct sec_draft *actions;

	if (!update)
		return;
	actions = sec_alloc(rules, sizeof(*actions));
	if (line->arg_count != 3) {
		sec_error(rules, line, line->end, "SecRuleUpdateActionById takes an id and actions");
	} else if (actions) {
		actions->rule.severity = actions->rule.maturity = actions->rule.accuracy = -1;
		if (read_which(rules, line, update) &&
			sec_actions_parse(rules, line, &line->args[2], SEC_USE_UPDATE, actions)) {
			update->actions = actions;
			return;
		}
	}
	drop(rules);
}

static bool in_ranges(const struct sec_update *update, uint64_t id)
{
	for (size_t i = 0; i < update->range_count; i++)
		if (id >= update->ranges[i].first && id <= update->ranges[i].last)
			return true;
	return false;
}

static bool means(const struct sec_update *update, const struct sec_draft *draft)
{
	const struct bytes *tags = draft->tags.items;

	if (update->by == SEC_BY_ID)
		return draft->rule.flags & SEC_HAS_ID && in_ranges(update, draft->rule.id);
	if (update->text.size == 0)
		return false;
	if (update->by == SEC_BY_MSG)
		return bytes_equal(draft->rule.msg, update->text);
	for (size_t i = 0; i < draft->tags.count; i++)
		if (bytes_equal(tags[i], update->text))
			return true;
	return false;
}

static void append_all(struct sec_rules *rules, struct sec_list *list, const struct sec_list *more, size_t item_size)
{
	for (size_t i = 0; i < more->count; i++) {
		void *item = sec_append(rules, list, item_size);

		if (!item)
			return;
		memcpy(item, (const uint8_t *)more->items + i * item_size, item_size);
	}
}

static void take_text(struct bytes *text, struct bytes newer)
{
	if (newer.ptr)
		*text = newer;
}

/* What is said anew replaces what was said; tags and writing actions come to those there are. */
static void update_actions(struct sec_rules *rules, struct sec_draft *draft, const struct sec_draft *newer)
{
	struct sec_rule *rule = &draft->rule;

	take_text(&rule->msg, newer->rule.msg);
	take_text(&rule->logdata, newer->rule.logdata);
	take_text(&rule->rev, newer->rule.rev);
	take_text(&rule->ver, newer->rule.ver);
	take_text(&rule->xmlns, newer->rule.xmlns);
	take_text(&rule->skip_after, newer->rule.skip_after);
	if (newer->said_disruptive) {
		rule->disruptive = newer->rule.disruptive;
		rule->redirect = newer->rule.redirect;
	}
	if (newer->said_disruptive || newer->said_block) {
		draft->said_disruptive = newer->said_disruptive;
		draft->said_block = newer->said_block;
	}
	if (newer->said_status)
		rule->status = newer->rule.status;
	draft->said_status |= newer->said_status;
	rule->severity = newer->rule.severity >= 0 ? newer->rule.severity : rule->severity;
	rule->maturity = newer->rule.maturity >= 0 ? newer->rule.maturity : rule->maturity;
	rule->accuracy = newer->rule.accuracy >= 0 ? newer->rule.accuracy : rule->accuracy;
	rule->skip = newer->rule.skip ? newer->rule.skip : rule->skip;
	rule->flags |= newer->rule.flags & (SEC_CAPTURE | SEC_MULTIMATCH | SEC_DISRUPTIVE_BLOCK);
	if (newer->said_log)
		rule->flags = (rule->flags & ~(uint32_t)SEC_LOG) | (newer->rule.flags & SEC_LOG);
	if (newer->said_auditlog)
		rule->flags = (rule->flags & ~(uint32_t)SEC_AUDITLOG) | (newer->rule.flags & SEC_AUDITLOG);
	draft->said_log |= newer->said_log;
	draft->said_auditlog |= newer->said_auditlog;
	if (newer->said_none) {
		draft->said_none = true;
		draft->transforms.count = 0;
	}
	append_all(rules, &draft->transforms, &newer->transforms, sizeof(struct transform *));
	append_all(rules, &draft->actions, &newer->actions, sizeof(struct sec_action));
	append_all(rules, &draft->tags, &newer->tags, sizeof(struct bytes));
}

static void remember_removed(struct sec_rules *rules, const struct sec_update *update, const struct sec_draft *draft)
{
	struct sec_removed *removed = sec_append(rules, &rules->removed, sizeof(*removed));

	if (removed)
		*removed = (struct sec_removed){ draft->rule.id, update->directive, draft->rule.phase };
}

/* Ids name the first rule of a chain (and an offset another); tags and messages any of its rules. */
static void apply_to_chain(struct sec_rules *rules, const struct sec_update *update, struct sec_draft *first)
{
	uint32_t index = 0;

	for (struct sec_draft *draft = first; draft; draft = draft->next, index++) {
		if (!means(update, update->by == SEC_BY_ID ? first : draft) ||
			(update->by == SEC_BY_ID && index != update->offset))
			continue;
		if (draft->rule.kind == SEC_RULE)
			append_all(rules, &draft->targets, &update->targets, sizeof(struct sec_target));
		if (update->actions)
			update_actions(rules, draft, update->actions);
	}
}

void sec_updates_apply(struct sec_rules *rules, struct sec_draft *draft, bool *ret_removed)
{
	const struct sec_update *updates = rules->updates.items;

	*ret_removed = false;
	for (size_t i = 0; i < rules->updates.count && !*ret_removed; i++) {
		if (!updates[i].remove) {
			apply_to_chain(rules, &updates[i], draft);
		} else if (means(&updates[i], draft)) {
			remember_removed(rules, &updates[i], draft);
			*ret_removed = true;
		}
	}
}
