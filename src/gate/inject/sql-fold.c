// SPDX-License-Identifier: Apache-2.0
/* A window moves over the tokens: pairs and triples of types are looked up in tables of rules. A rule drops tokens or changes
 * one, after which the window goes back, since something may have become possible on the left. When no rule applies the leftmost
 * token is settled and the window moves on. */
#include "gate/inject/sql-fold.h"

#include <string.h>
#include <strings.h>

struct window {
	struct sql_reader *reader;
	struct sql_token *tokens;
	size_t settled; /* tokens that no rule looks at unless the window goes back */
	size_t count; /* tokens there are */
	bool more; /* the reader has not ended */
	bool evil;
	struct sql_token comment; /* read last, behind the last token; no type: none */
};

static bool text_is(const struct sql_token *token, const char *text)
{
	return token->text.size == strlen(text) &&
	       strncasecmp((const char *)token->text.ptr, text, token->text.size) == 0;
}

static bool word_is(const struct sql_token *token, const char *text)
{
	return token->word ? strcmp(token->word->text, text) == 0 : text_is(token, text);
}

/* Sets of types. */
enum type_set {
	NUMBER = 1 << 0,
	STRING = 1 << 1,
	VARIABLE = 1 << 2,
	NAME = 1 << 3,
	FUNCTION = 1 << 4,
	EXPRESSION = 1 << 5,
	UNION = 1 << 6,
	CLAUSE = 1 << 7,
	STATEMENT = 1 << 8,
	KEYWORD = 1 << 9,
	TYPE_NAME = 1 << 10,
	OPERATOR = 1 << 11,
	LOGIC = 1 << 12,
	COMMENT = 1 << 13,
	OPENING = 1 << 14,
	CLOSING = 1 << 15,
	COMMA = 1 << 16,
	DOT = 1 << 17,
	VALUE = NUMBER | STRING | VARIABLE | NAME,
	ANY = ~0,
};

static const uint32_t sets[128] = {
	['1'] = NUMBER,
	['s'] = STRING,
	['v'] = VARIABLE,
	['n'] = NAME,
	['f'] = FUNCTION,
	['E'] = EXPRESSION,
	['U'] = UNION,
	['B'] = CLAUSE,
	['T'] = STATEMENT,
	['k'] = KEYWORD,
	['t'] = TYPE_NAME,
	['o'] = OPERATOR,
	['&'] = LOGIC,
	['c'] = COMMENT,
	['('] = OPENING,
	[')'] = CLOSING,
	[','] = COMMA,
	['.'] = DOT,
};

static bool any_of(char type, uint32_t set)
{
	return (sets[type & 127] & set) != 0;
}

/* Signs before a value, which change nothing: + - ! ~ !! NOT. */
static bool is_unary(const struct sql_token *token)
{
	if (token->type != 'o')
		return false;
	if (token->text.size == 1)
		return strchr("+-!~", token->text.ptr[0]) != NULL;
	return text_is(token, "!!") || word_is(token, "NOT");
}

static bool is_arithmetic(const struct sql_token *token)
{
	return token->type == 'o' && token->text.size == 1 && strchr("*/-+%", token->text.ptr[0]) != NULL;
}

/* Gets tokens until 'wanted' are there that are not settled. Comments stand aside. */
static bool fill(struct window *window, size_t wanted)
{
	while (window->more && window->count <= SQL_FOLD_SIZE && window->count - window->settled < wanted) {
		struct sql_token *token = &window->tokens[window->count];

		window->more = sql_read(window->reader, token);
		if (!window->more)
			break;
		if (token->type == 'c') {
			window->comment = *token;
		} else {
			window->comment.type = 0;
			window->count++;
		}
	}
	return window->count - window->settled >= wanted;
}

static void back_to_start(struct window *window)
{
	window->settled = 0;
}

static void back_one(struct window *window)
{
	if (window->settled > 0)
		window->settled--;
}

/* Two words that are a phrase become one token. */
static bool merge(struct sql_token *left, const struct sql_token *right)
{
	const struct sql_word *phrase;

	if (!left->word ||
		!any_of(left->type,
			KEYWORD | NAME | OPERATOR | UNION | FUNCTION | EXPRESSION | TYPE_NAME | STATEMENT) ||
		!any_of(right->type,
			KEYWORD | NAME | OPERATOR | UNION | FUNCTION | EXPRESSION | TYPE_NAME | STATEMENT | LOGIC))
		return false;
	phrase =
		sql_phrase_find(left->word, right->word ? bytes_of(right->word->text, right->word->size) : right->text);
	if (!phrase)
		return false;
	left->word = phrase;
	left->type = phrase->type;
	left->text = bytes_of(phrase->text, phrase->size);
	return true;
}

/* Names that are functions only before a parenthesis. */
static bool is_function_name(const struct sql_token *token)
{
	static const char *const names[] = { "USER_ID", "USER_NAME", "DATABASE", "PASSWORD", "USER", "CURRENT_USER",
		"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_is(token, names[i]))
			return true;
	}
	return false;
}

/* Words whose meaning the next token decides. True: something changed. */
static bool reinterpret(struct window *window, struct sql_token *left, struct sql_token *right)
{
	if (any_of(left->type, NAME | VARIABLE) && right->type == '(' && is_function_name(left)) {
		left->type = 'f';
		return true;
	}
	if (left->type == 'k' && (word_is(left, "IN") || word_is(left, "NOT IN"))) {
		left->type = right->type == '(' ? 'o' : 'n';
		return true;
	}
	if (left->type == 'o' && right->type == '(' && (word_is(left, "LIKE") || word_is(left, "NOT LIKE"))) {
		left->type = 'f';
		return false;
	}
	if (left->type == ';' && right->type == 'f' && right->text.size >= 2 &&
		strncasecmp((const char *)right->text.ptr, "IF", 2) == 0) {
		right->type = 'T';
		return true;
	}
	if (left->type == 'A' && right->type == 'n') {
		/* the name of a collation has an underscore, utf8_bin */
		if (bytes_index(right->text, '_') != right->text.size) {
			right->type = 't';
			back_to_start(window);
		}
	}
	return false;
}

/* ODBC's {fn ...} and MySQL's {x ...}; an empty name there is an attack by itself. */
static void open_brace(struct window *window, const struct sql_token *name)
{
	if (name->text.size == 0) {
		window->evil = true;
		window->more = false;
	} else {
		window->count -= 2;
		back_to_start(window);
	}
}

/* The right one of a pair says nothing new, by itself or after both became one. */
static bool drop_right(struct window *window, struct sql_token *left, const struct sql_token *right)
{
	char a = left->type, b = right->type;

	if (any_of(a, OPERATOR | LOGIC) && (is_unary(right) || b == 't')) {
		back_to_start(window);
	} else if ((a == '(' && is_unary(right)) || merge(left, right)) {
		back_one(window);
	} else if (a != b || (a != 's' && a != ';')) {
		return false;
	}
	window->count--;
	return true;
}

static bool fold_pair(struct window *window)
{
	struct sql_token *left = &window->tokens[window->settled];
	struct sql_token *right = left + 1;
	char a = left->type, b = right->type;

	if (drop_right(window, left, right) || reinterpret(window, left, right))
		return true;
	if (a == '{' && b == 'n') {
		open_brace(window, right);
		return true;
	}
	if (a == '\\' && is_arithmetic(right)) {
		left->type = '1';
	} else if (a == '\\' || (a == 't' && (any_of(b, VALUE | FUNCTION | TYPE_NAME | OPENING)))) {
		*left = *right;
		window->count--;
	} else if (b == '}' || (a == b && (a == '(' || a == ')'))) {
		window->count--;
	} else {
		return false;
	}
	back_to_start(window);
	return true;
}

/* Three tokens of which the last two say nothing new. */
static const struct {
	uint32_t first, second, third;
} value_triples[] = {
	{ NUMBER, OPERATOR, NUMBER },
	{ LOGIC, ANY, LOGIC },
	{ VARIABLE, OPERATOR, VARIABLE | NUMBER | NAME },
	{ NAME | NUMBER, OPERATOR, NAME | NUMBER },
	{ VALUE, COMMA, VALUE },
	{ NAME, DOT, NAME },
};

static bool says_nothing_new(const struct sql_token *left)
{
	char a = left[0].type, b = left[1].type, c = left[2].type;

	for (size_t i = 0; i < sizeof(value_triples) / sizeof(value_triples[0]); i++) {
		if (any_of(a, value_triples[i].first) && any_of(c, value_triples[i].third) &&
			(value_triples[i].second == (uint32_t)ANY || any_of(b, value_triples[i].second)))
			return true;
	}
	if (a == 'o' && b != '(' && c == 'o')
		return true;
	return any_of(a, VALUE) && b == 'o' && c == 't' && text_is(&left[1], "::");
}

static bool fold_triple(struct window *window)
{
	struct sql_token *left = &window->tokens[window->settled];
	char a = left[0].type, b = left[1].type, c = left[2].type;
	bool unary = is_unary(&left[1]);

	if (says_nothing_new(left)) {
		window->count -= 2;
	} else if ((any_of(a, EXPRESSION | CLAUSE | COMMA) && unary && c == '(') ||
		   (any_of(a, KEYWORD | EXPRESSION | CLAUSE) && unary && any_of(c, VALUE | FUNCTION)) ||
		   (a == ',' && unary && c == 'f') || (a == 'E' && b == '.' && c == 'n')) {
		left[1] = left[2];
		window->count--;
	} else if (a == ',' && unary && any_of(c, VALUE) && window->count >= 3) {
		left[1] = left[2];
		window->count -= 3;
	} else if (a == 'f' && b == '(' && c != ')' && word_is(left, "USER")) {
		left->type = 'n';
		return false;
	} else {
		return false;
	}
	back_to_start(window);
	return true;
}

/* Five tokens that only lead up to what follows: "1,(1)", "a=(b)", "1),(1", "a)=(b". */
static void fold_five(struct window *window)
{
	static const uint32_t forms[][5] = {
		{ NUMBER, OPERATOR | COMMA, OPENING, NUMBER, CLOSING },
		{ NAME, OPERATOR, OPENING, NAME | NUMBER, CLOSING },
		{ NUMBER, CLOSING, COMMA, OPENING, NUMBER },
		{ NAME, CLOSING, OPERATOR, OPENING, NAME },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t same = 0;

		while (same < 5 && any_of(window->tokens[same].type, forms[i][same]))
			same++;
		if (same < 5)
			continue;
		if (window->count > SQL_FOLD_SIZE) {
			window->tokens[1] = window->tokens[SQL_FOLD_SIZE];
			window->count = 2;
		} else {
			window->count = 1;
		}
		back_to_start(window);
		return;
	}
}

/* What may stand before the first value without a meaning of its own. */
static bool skip_leading(struct window *window)
{
	struct sql_token *first = &window->tokens[0];

	do {
		window->more = sql_read(window->reader, first);
	} while (window->more && (any_of(first->type, COMMENT | OPENING | TYPE_NAME) || is_unary(first)));
	window->count = window->more;
	return window->more;
}

/* A backquote that nothing follows hides the rest of the query from MySQL: it is a comment. */
static void mark_open_backquote(struct sql_token *tokens, size_t count)
{
	struct sql_token *last = count > 2 ? &tokens[count - 1] : NULL;

	if (last && last->type == 'n' && last->open == '`' && last->close == 0 && last->text.size == 0)
		last->type = 'c';
}

void sql_fold(struct sql_reader *reader, struct sql_folded *ret)
{
	struct window window = { .reader = reader, .tokens = ret->tokens };

	ret->count = 0;
	ret->evil = false;
	if (!skip_leading(&window))
		return;
	for (;;) {
		if (window.count >= SQL_FOLD_SIZE)
			fold_five(&window);
		if (!window.more || window.settled >= SQL_FOLD_SIZE)
			break;
		if (!fill(&window, 2)) {
			window.settled = window.count;
			continue;
		}
		if (fold_pair(&window))
			continue;
		if (!fill(&window, 3)) {
			window.settled = window.count;
			continue;
		}
		if (!fold_triple(&window))
			window.settled++;
	}
	if (window.comment.type != 0 && window.count < SQL_FOLD_SIZE)
		ret->tokens[window.count++] = window.comment;
	mark_open_backquote(ret->tokens, window.count);
	ret->count = window.count < SQL_FOLD_SIZE ? window.count : SQL_FOLD_SIZE;
	ret->evil = window.evil;
	for (size_t i = 0; i < ret->count; i++)
		ret->evil |= ret->tokens[i].type == 'X';
}
