// SPDX-License-Identifier: Apache-2.0
/* "requires": what an engine must have for this rule (user guide, "Meta Keywords"):
 *
 *	requires: feature ja4, keyword vlan.id, version >= 7.0.3 < 8 | >= 8.0.1
 *
 * A rule whose requirements do not hold is skipped, not refused; a requirement of an unknown kind does not hold. We count
 * as version 8.0.7. */
#include <string.h>

#include "base/error.h"
#include "sensor/rules/builder.h"

enum { VERSION = 8 << 16 | 0 << 8 | 7 };

/* "8", "8.0", "8.0.7" with a suffix like "-rc1" ignored. */
static bool read_version(struct bytes text, uint32_t *ret)
{
	struct bytes part;
	uint32_t version = 0, number;
	int parts = 0;

	text = bytes_first(text, bytes_index(text, '-'));
	while (rule_text_item(&text, '.', &part)) {
		if (parts++ == 3 || !rule_text_u32(part, &number) || number > UINT8_MAX)
			return false;
		version = version << 8 | number;
	}
	*ret = parts == 0 ? 0 : version << 8 * (3 - parts);
	return parts > 0;
}

static bool take_word(struct bytes *rest, struct bytes *ret)
{
	struct bytes in = rule_text_trim(*rest);
	size_t size = 0;

	while (size < in.size && in.ptr[size] != ' ' && in.ptr[size] != '\t')
		size++;
	*ret = bytes_first(in, size);
	*rest = bytes_skip(in, size);
	return size > 0;
}

/* One condition: the sign, then the version, with or without a blank between. */
static int check_condition(struct bytes *rest, bool *ret)
{
	struct bytes word;
	bool greater, equal;
	uint32_t version;

	if (!take_word(rest, &word) || (word.ptr[0] != '<' && word.ptr[0] != '>'))
		return LUYTRE_E_SYNTAX;
	greater = word.ptr[0] == '>';
	word = bytes_skip(word, 1);
	equal = word.size > 0 && word.ptr[0] == '=';
	word = bytes_skip(word, equal);
	if (word.size == 0 && !take_word(rest, &word))
		return LUYTRE_E_SYNTAX;
	if (!read_version(word, &version))
		return LUYTRE_E_SYNTAX;
	*ret = (equal && version == VERSION) || (greater ? VERSION > version : VERSION < version);
	return 0;
}

/* Alternatives, each of conditions that must all hold. */
static int check_version(struct bytes text, bool *ret)
{
	struct bytes alternative;
	bool any = false, seen = false;

	while (rule_text_item(&text, '|', &alternative)) {
		bool all = true;

		seen = true;
		if (alternative.size == 0)
			return LUYTRE_E_SYNTAX;
		while (rule_text_trim(alternative).size > 0) {
			bool holds;
			int error = check_condition(&alternative, &holds);

			if (error < 0)
				return error;
			all = all && holds;
		}
		any = any || all;
	}
	*ret = any;
	return seen ? 0 : LUYTRE_E_SYNTAX;
}

static bool has_feature(const struct rules_context *context, struct bytes name)
{
	static const char *const always[] = { "geoip", "http2", "quic", "file-store", "output::file-store", NULL };

	if (rule_text_is(name, "ja3"))
		return context->ja3;
	if (rule_text_is(name, "ja4"))
		return context->ja4;
	return rule_text_choice(name, always) >= 0;
}

static int check_item(struct rule_builder *builder, struct bytes item, bool *ret)
{
	struct bytes kind;

	*ret = false;
	if (!take_word(&item, &kind))
		return LUYTRE_E_SYNTAX;
	item = rule_text_trim(item);
	if (rule_text_is(kind, "feature"))
		*ret = has_feature(builder->context, item);
	else if (rule_text_is(kind, "keyword"))
		*ret = rule_keyword_find(item) != NULL;
	else if (rule_text_is(kind, "version"))
		return check_version(item, ret);
	return 0;
}

static int check_value(struct rule_builder *builder, struct bytes value)
{
	struct bytes item;
	bool all = true;

	while (rule_text_item(&value, ',', &item)) {
		bool holds;
		int error = check_item(builder, item, &holds);

		if (error < 0)
			return rule_builder_error(builder, "requires: not understood: \"%.*s\"",
				(int)(item.size > 60 ? 60 : item.size), item.size ? (const char *)item.ptr : "");
		all = all && holds;
	}
	return all ? 0 : LUYTRE_E_UNSUPPORTED;
}

int rule_requires_check(struct rule_builder *builder, struct bytes options)
{
	struct rule_option option;
	int result = 0;

	while (rule_option_next(&options, &option) == RULE_OPTION_FOUND) {
		int error = 0;

		if (rule_text_is(option.name, "sid"))
			rule_text_u32(option.value, &builder->rule->sid);
		else if (rule_text_is(option.name, "requires"))
			error = check_value(builder, option.value);
		if (error == LUYTRE_E_SYNTAX)
			return error;
		if (error < 0)
			result = error;
	}
	return result;
}

extern const struct rule_keyword rule_requires_keywords[];
const struct rule_keyword rule_requires_keywords[] = {
	/* Asked before all others: nothing is left to do in its turn. */
	{ .name = "requires",
		.flags = KEYWORD_IGNORED,
		.summary = "version, features and keywords that the rule needs" },
	{ 0 },
};
