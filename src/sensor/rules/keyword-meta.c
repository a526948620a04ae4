// SPDX-License-Identifier: Apache-2.0
/* Keywords that describe a rule: they have no influence on what it matches. */
#include <string.h>

#include "base/error.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/classes.h"

static int parse_msg(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	char *text = arena_dup_str(builder->arena, value);
	size_t out = 0;

	if (!text)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < value.size; i++) {
		if (text[i] == '\\' && i + 1 < value.size && strchr(";:\\\"", text[i + 1]))
			i++;
		text[out++] = text[i];
	}
	text[out] = '\0';
	if (builder->rule->msg)
		return rule_builder_error(builder, "stands twice");
	builder->rule->msg = text;
	return 0;
}

static int parse_number(struct rule_builder *builder, struct bytes value, uint32_t least, uint32_t *ret)
{
	uint32_t number;

	/* Old rules have their numbers in quotes. */
	if (value.size >= 2 && value.ptr[0] == '"' && value.ptr[value.size - 1] == '"')
		value = rule_text_trim(bytes_of(value.ptr + 1, value.size - 2));
	if (!rule_text_u32(value, &number) || number < least)
		return rule_builder_error(builder, "not a number from %u to 4294967295", least);
	*ret = number;
	return 0;
}

static int parse_sid(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	if (builder->has_sid)
		return rule_builder_error(builder, "stands twice");
	builder->has_sid = true;
	return parse_number(builder, value, 1, &builder->rule->sid);
}

static int parse_gid(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return parse_number(builder, value, 0, &builder->rule->gid);
}

static int parse_rev(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	if (builder->rule->rev != 0)
		return rule_builder_error(builder, "stands twice");
	return parse_number(builder, value, 1, &builder->rule->rev);
}

static int parse_priority(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	uint32_t priority = 0;
	int error = parse_number(builder, value, 1, &priority);

	if (error < 0 || priority > UINT8_MAX)
		return rule_builder_error(builder, "not a number from 1 to 255");
	builder->rule->priority = (uint8_t)priority;
	builder->rule->flags |= RULE_PRIORITY_SET;
	return 0;
}

/* An unknown class is added with the lowest of the usual priorities, as Suricata does: a rule set may be newer than the
 * list of classes. */
static int parse_classtype(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	const struct rule_class *class = rule_classes_find(builder->context->classes, value);
	struct rule *rule = builder->rule;

	if (bytes_index(value, ',') < value.size)
		return rule_builder_error(builder, "not the name of a class");
	if (!class) {
		rule_builder_warn(builder, "unknown classtype \"%.*s\", taken as priority 3",
			(int)(value.size > 60 ? 60 : value.size), (const char *)value.ptr);
		class = rule_classes_add(builder->context->classes, value, bytes_from_str("Unknown Classtype"), 3);
	}
	if (!class)
		return LUYTRE_E_NOMEM;
	if (rule->classtype != 0 && class->priority >= rule->priority && (rule->flags & RULE_PRIORITY_SET) == 0)
		return 0;
	if ((rule->flags & RULE_PRIORITY_SET) == 0)
		rule->priority = class->priority;
	rule->classtype = class->index;
	rule->class_name = class->name;
	rule->class_text = class->text;
	return 0;
}

/* "https://example.org/": nothing goes before that. */
static bool has_scheme(struct bytes text)
{
	size_t colon = bytes_index(text, ':');

	return colon != 0 && colon + 2 < text.size && text.ptr[colon + 1] == '/' && text.ptr[colon + 2] == '/';
}

static int parse_reference(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	size_t comma = bytes_index(value, ',');
	struct bytes kind = rule_text_trim(bytes_first(value, comma));
	struct bytes text = rule_text_trim(bytes_skip(value, comma + 1));
	struct rule_reference *reference, **link = &builder->rule->references;
	const char *prefix;
	size_t prefix_size;
	char *url;

	if (kind.size == 0 || text.size == 0)
		return rule_builder_error(builder, "is written KIND,VALUE");
	reference = arena_alloc(builder->arena, sizeof(*reference));
	prefix = has_scheme(text) ? NULL : rule_classes_reference(builder->context->classes, kind);
	prefix_size = prefix ? strlen(prefix) : 0;
	url = arena_alloc(builder->arena, prefix_size + text.size + 1);
	if (!reference || !url)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < prefix_size; i++)
		url[i] = prefix[i];
	memcpy(url + prefix_size, text.ptr, text.size);
	reference->kind = arena_dup_str(builder->arena, kind);
	reference->value = arena_dup_str(builder->arena, text);
	reference->url = url;
	if (!reference->kind || !reference->value)
		return LUYTRE_E_NOMEM;
	while (*link)
		link = &(*link)->next;
	*link = reference;
	return 0;
}

/* "key value, key value": an item without a value is left out. */
static int parse_metadata(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rule_metadata **link = &builder->rule->metadata;
	struct bytes item;

	while (*link)
		link = &(*link)->next;
	while (rule_text_item(&value, ',', &item)) {
		size_t blank = bytes_index(item, ' ');
		struct bytes text = rule_text_trim(bytes_skip(item, blank));
		struct rule_metadata *metadata;

		if (blank == item.size || text.size == 0)
			continue;
		metadata = arena_alloc(builder->arena, sizeof(*metadata));
		if (!metadata)
			return LUYTRE_E_NOMEM;
		metadata->key = arena_dup_str(builder->arena, bytes_first(item, blank));
		metadata->value = arena_dup_str(builder->arena, text);
		if (!metadata->key || !metadata->value)
			return LUYTRE_E_NOMEM;
		if (!strcmp(metadata->key, "luytre_hold"))
			builder->rule->flags |= RULE_HOLD;
		*link = metadata;
		link = &metadata->next;
	}
	return 0;
}

static int parse_noalert(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	builder->rule->flags |= RULE_NOALERT;
	return 0;
}

static int parse_alert(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	builder->rule->flags &= ~(uint64_t)RULE_NOALERT;
	builder->rule->action |= ACTION_ALERT;
	return 0;
}

static int parse_target(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const words[] = { "src_ip", "dest_ip", NULL };
	struct rule *rule = builder->rule;
	int word = rule_text_choice(value, words);

	if (word < 0)
		return rule_builder_error(builder, "one of src_ip and dest_ip");
	if ((rule->flags & (word == 0 ? RULE_HAS_TARGET_DST : RULE_HAS_TARGET_SRC)) != 0)
		return rule_builder_error(builder, "the other side is named already");
	rule->flags |= word == 0 ? RULE_HAS_TARGET_SRC : RULE_HAS_TARGET_DST;
	return 0;
}

/* "0x8" or "0x8/0xff" */
static bool is_mark(struct bytes text)
{
	size_t digits = text.size > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x' ? 2 : 0;

	if (text.size == digits || text.size > digits + 10)
		return false;
	for (size_t i = digits; i < text.size; i++) {
		uint8_t byte = text.ptr[i] | 0x20;

		if (!(byte >= '0' && byte <= '9') && !(digits != 0 && byte >= 'a' && byte <= 'f'))
			return false;
	}
	return true;
}

/* Packets go back to the kernel with a verdict alone. */
static int parse_mark(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	size_t slash = bytes_index(value, '/');

	if (!is_mark(rule_text_trim(bytes_first(value, slash))) ||
		(slash < value.size && !is_mark(rule_text_trim(bytes_skip(value, slash + 1)))))
		return rule_builder_error(builder, "is written MARK or MARK/MASK");
	rule_builder_warn(builder, "nfq_set_mark is left out: packets are not marked");
	return 0;
}

extern const struct rule_keyword rule_meta_keywords[];
const struct rule_keyword rule_meta_keywords[] = {
	{ .name = "msg",
		.flags = KEYWORD_QUOTES_REQUIRED | KEYWORD_OPTIONAL_VALUE,
		.parse = parse_msg,
		.summary = "text of the alert" },
	{ .name = "nfq_set_mark",
		.flags = KEYWORD_IGNORED,
		.parse = parse_mark,
		.summary = "mark of a packet of NFQUEUE: known, left out" },
	{ .name = "sid", .parse = parse_sid, .summary = "number of the rule; together with gid it is its own" },
	{ .name = "gid", .parse = parse_gid, .summary = "group that the number belongs to; 1 without" },
	{ .name = "rev", .parse = parse_rev, .summary = "revision; of two rules with one sid the greater wins" },
	{ .name = "priority", .parse = parse_priority, .summary = "severity from 1 (worst) to 255" },
	{ .name = "classtype", .parse = parse_classtype, .summary = "class of classification.config" },
	{ .name = "reference", .parse = parse_reference, .summary = "where to read more: KIND,VALUE" },
	{ .name = "metadata", .parse = parse_metadata, .summary = "KEY VALUE pairs for whoever reads the alert" },
	{ .name = "noalert", .flags = KEYWORD_NO_VALUE, .parse = parse_noalert, .summary = "match without an alert" },
	{ .name = "alert", .flags = KEYWORD_NO_VALUE, .parse = parse_alert, .summary = "alert in spite of the action" },
	{ .name = "target", .parse = parse_target, .summary = "which side is attacked: src_ip or dest_ip" },
	{ 0 },
};
