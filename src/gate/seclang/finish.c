// SPDX-License-Identifier: Apache-2.0
/* What must be known of all rules: updates, defaults, `block`, markers; then operators are compiled and the list is
 * made. */
#include "base/error.h"
#include "gate/seclang/internal.h"

static void append_before(
	struct sec_rules *rules, struct sec_list *list, const struct sec_list *first, size_t item_size)
{
	struct sec_list both = { 0 };
	const struct sec_list *parts[] = { first, list };

	if (first->count == 0)
		return;
	for (size_t part = 0; part < ARRAY_COUNT(parts); part++) {
		for (size_t i = 0; i < parts[part]->count; i++) {
			void *item = sec_append(rules, &both, item_size);

			if (!item)
				return;
			memcpy(item, (const uint8_t *)parts[part]->items + i * item_size, item_size);
		}
	}
	*list = both;
}

static void inherit_texts(struct sec_rule *rule, const struct sec_rule *defaults)
{
	if (!rule->msg.ptr)
		rule->msg = defaults->msg;
	if (!rule->logdata.ptr)
		rule->logdata = defaults->logdata;
	if (rule->severity < 0)
		rule->severity = defaults->severity;
}

/* What SecDefaultAction of the phase says and the rule does not. Rules further on in a chain take the transformations
 * alone. */
static void apply_defaults(
	struct sec_rules *rules, struct sec_draft *draft, const struct sec_draft *defaults, bool first)
{
	struct sec_rule *rule = &draft->rule;
	uint32_t log = defaults && defaults->said_log ? defaults->rule.flags & SEC_LOG : SEC_LOG;
	uint32_t audit = defaults && defaults->said_auditlog ? defaults->rule.flags & SEC_AUDITLOG : SEC_AUDITLOG;

	if (!draft->said_log)
		rule->flags = (rule->flags & ~(uint32_t)SEC_LOG) | log;
	if (!draft->said_auditlog)
		rule->flags = (rule->flags & ~(uint32_t)SEC_AUDITLOG) | audit;
	if (defaults && !draft->said_none)
		append_before(rules, &draft->transforms, &defaults->transforms, sizeof(struct transform *));
	if (!defaults || !first)
		return;
	if (draft->said_block && !draft->said_disruptive) {
		rule->disruptive = defaults->rule.disruptive;
		rule->redirect = defaults->rule.redirect;
	}
	if (!draft->said_status)
		rule->status = defaults->rule.status;
	rule->flags |= defaults->rule.flags & (SEC_CAPTURE | SEC_MULTIMATCH);
	if (!rule->skip)
		rule->skip = defaults->rule.skip;
	if (!rule->skip_after.size)
		rule->skip_after = defaults->rule.skip_after;
	inherit_texts(rule, &defaults->rule);
	append_before(rules, &draft->actions, &defaults->actions, sizeof(struct sec_action));
	append_before(rules, &draft->tags, &defaults->tags, sizeof(struct bytes));
}

/* SecUnicodeMapFile changes what t:urlDecodeUni does, wherever it stands. */
static void map_transforms(const struct sec_settings *settings, struct sec_list *list)
{
	const struct transform *plain = transform_find(bytes_from_str("urlDecodeUni"));
	const struct transform **items = list->items;

	for (size_t i = 0; settings->unicode_code_page == SEC_CODE_PAGE && i < list->count; i++)
		if (items[i] == plain)
			items[i] = &transform_url_decode_uni_20127;
}

static bool is_redirection(uint16_t status)
{
	return status >= 300 && status < 400;
}

static void set_lists(struct sec_draft *draft)
{
	struct sec_rule *rule = &draft->rule;

	rule->targets = draft->targets.items;
	rule->target_count = draft->targets.count;
	rule->transforms = draft->transforms.items;
	rule->transform_count = draft->transforms.count;
	rule->actions = draft->actions.items;
	rule->action_count = draft->actions.count;
	rule->tags = draft->tags.items;
	rule->tag_count = draft->tags.count;
	if (rule->disruptive == SEC_REDIRECT && !is_redirection(rule->status))
		rule->status = 302;
	if (rule->status == 0)
		rule->status = 403;
}

/* False when one of its rules is broken. */
static bool finish_chain(struct sec_rules *rules, struct sec_draft *first)
{
	const struct sec_draft *defaults = rules->defaults[first->rule.phase];
	bool good = true;

	for (struct sec_draft *draft = first; draft; draft = draft->next) {
		draft->rule.phase = first->rule.phase;
		apply_defaults(rules, draft, defaults, draft == first);
		map_transforms(&rules->settings, &draft->transforms);
		set_lists(draft);
		draft->rule.chain = draft->next ? &draft->next->rule : NULL;
		good = good && !draft->broken && sec_operator_compile(rules, &draft->rule);
	}
	return good;
}

static bool chain_is_whole(const struct sec_draft *draft)
{
	while (draft->next)
		draft = draft->next;
	return !draft->chained;
}

static void add_to_list(struct sec_rules *rules, struct sec_draft *draft)
{
	struct sec_rule **place = sec_append(rules, &rules->list, sizeof(struct sec_rule *));

	if (place)
		*place = &draft->rule;
}

static void finish_draft(struct sec_rules *rules, struct sec_draft *draft)
{
	bool removed;

	if (draft->rule.kind == SEC_MARKER) {
		add_to_list(rules, draft);
		return;
	}
	sec_updates_apply(rules, draft, &removed);
	if (removed)
		return;
	if (!chain_is_whole(draft)) {
		sec_warn_rule(rules, &draft->rule,
			"Rule is marked as chained but there isn't a subsequent rule; it can never match and is left "
			"out");
		return;
	}
	if (finish_chain(rules, draft))
		add_to_list(rules, draft);
}

/* The names skipAfter can jump to: markers, and ids of rules as text. */
static bool is_known(const struct sec_rules *rules, struct bytes name)
{
	struct sec_rule *const *list = rules->list.items;
	uint64_t id;

	if (sec_number(name, INT64_MAX, &id) && table_find(rules->ids, &id))
		return true;
	for (size_t i = 0; i < rules->list.count; i++)
		if (list[i]->kind == SEC_MARKER && bytes_equal(list[i]->marker, name))
			return true;
	return false;
}

/* Each name is looked for once when rules that jump to the same place follow each other, as they do. */
static void check_markers(struct sec_rules *rules)
{
	struct sec_rule *const *list = rules->list.items;
	struct bytes last = { 0 };
	size_t warned = 0;

	for (size_t i = 0; i < rules->list.count && warned < SEC_MESSAGES_MAX; i++) {
		struct bytes name = list[i]->skip_after;

		if (!name.size || bytes_equal(name, last) || sec_macro_has(name))
			continue;
		last = name;
		if (is_known(rules, name))
			continue;
		warned++;
		sec_warn_rule(rules, list[i],
			"skipAfter:%.*s: there is no such marker; the rest of the phase is skipped",
			(int)(name.size < 200 ? name.size : 200), (const char *)name.ptr);
	}
}

int sec_rules_finish(struct sec_rules *rules)
{
	struct sec_draft *const *drafts = rules->drafts.items;

	if (rules->finished)
		return LUYTRE_E_INVALID;
	rules->finished = true;
	for (size_t i = 0; i < rules->drafts.count && !rules->no_memory; i++)
		finish_draft(rules, drafts[i]);
	check_markers(rules);
	rules->settings.response_mime_types = rules->mime_types.items;
	rules->settings.response_mime_type_count = rules->mime_types.count;
	if (rules->no_memory)
		return LUYTRE_E_NOMEM;
	return rules->error_count ? LUYTRE_E_SYNTAX : 0;
}
