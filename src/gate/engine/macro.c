// SPDX-License-Identifier: Apache-2.0
/* %{VARIABLE}, %{COLLECTION.key}, %{COLLECTION:key} and %{COLLECTION:/pattern/} in the texts of rules. What is no variable stays as it is written, and so does what
 * stands behind a backslash: `\%{...}`. A `%` right behind the brace belongs to the macro, as in ModSecurity v3: `%{TX.0}%`. */
#include "base/error.h"
#include "gate/engine/keys.h"

#define PIECES_MAX 64
/* %{RULE.msg} can stand in a message, also in that of its own rule. */
#define MACRO_DEPTH_MAX 4

static void add_literal(struct macro_piece *pieces, uint32_t *count, struct bytes text)
{
	if (text.size != 0)
		pieces[(*count)++] =
			(struct macro_piece){ .literal = text, .variable = VARIABLE_COUNT, .slot = NONE32 };
}

/* Null for what is no expression: then it is taken as a name. */
static const struct regex *selector_regex(struct key_table *keys, struct bytes pattern)
{
	struct regex_limits limits = { 0 };
	struct regex *regex;

	if (regex_compile(pattern, REGEX_NOCASE, limits, NULL, &regex) < 0 || key_keep_regex(keys, regex) < 0)
		return NULL;
	return regex;
}

/* The inside of %{...}. False when it names no variable. */
static bool parse_reference(struct key_table *keys, struct bytes inside, struct macro_piece *ret)
{
	size_t dot = 0;

	while (dot < inside.size && inside.ptr[dot] != '.' && inside.ptr[dot] != ':')
		dot++;
	*ret = (struct macro_piece){ .variable = variable_find(bytes_first(inside, dot)), .slot = NONE32 };
	if (ret->variable == VARIABLE_COUNT)
		return false;
	ret->key = bytes_skip(inside, dot + 1);
	if (ret->key.size > 2 && ret->key.ptr[0] == '/' && ret->key.ptr[ret->key.size - 1] == '/')
		ret->regex = selector_regex(keys, bytes_of(ret->key.ptr + 1, ret->key.size - 2));
	else if (ret->variable == VARIABLE_TX)
		ret->slot = key_intern(keys, ret->key);
	return true;
}

static bool is_closing_percent(struct bytes text, size_t i)
{
	return i < text.size && text.ptr[i] == '%' && (i + 1 == text.size || text.ptr[i + 1] != '{');
}

int macro_parse(struct arena *arena, struct key_table *keys, struct bytes text, struct macro *ret)
{
	struct macro_piece pieces[PIECES_MAX];
	uint32_t count = 0;
	size_t start = 0;
	bool constant = true;

	for (size_t i = 0; i + 2 < text.size && count + 2 < PIECES_MAX; i++) {
		struct macro_piece piece;
		size_t end;

		if (text.ptr[i] != '%' || text.ptr[i + 1] != '{')
			continue;
		if (i > start && text.ptr[i - 1] == '\\') {
			add_literal(pieces, &count, bytes_of(text.ptr + start, i - 1 - start));
			start = i;
			continue;
		}
		end = i + 2 + bytes_index(bytes_skip(text, i + 2), '}');
		if (end >= text.size || !parse_reference(keys, bytes_of(text.ptr + i + 2, end - i - 2), &piece))
			continue;
		add_literal(pieces, &count, bytes_of(text.ptr + start, i - start));
		pieces[count++] = piece;
		constant = false;
		if (is_closing_percent(text, end + 1))
			end++;
		start = end + 1;
		i = end;
	}
	add_literal(pieces, &count, bytes_skip(text, start));
	*ret = (struct macro){ .count = count, .constant = constant };
	ret->pieces = arena_dup(arena, bytes_of(pieces, count * sizeof(*pieces)));
	return ret->pieces ? 0 : LUYTRE_E_NOMEM;
}

struct bytes macro_expand(struct gate_tx *tx, const struct macro *macro)
{
	struct bytes texts[PIECES_MAX];

	if (macro->constant || tx->macro_depth == MACRO_DEPTH_MAX)
		return macro->count ? macro->pieces[0].literal : (struct bytes){ 0 };
	tx->macro_depth++;
	for (uint32_t i = 0; i < macro->count; i++) {
		const struct macro_piece *piece = &macro->pieces[i];

		texts[i] = piece->literal;
		if (piece->variable != VARIABLE_COUNT && !variables_text(tx, piece, &texts[i]))
			texts[i] = (struct bytes){ 0 };
	}
	tx->macro_depth--;
	return tx_join(tx, texts, macro->count);
}
