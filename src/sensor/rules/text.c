// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/text.h"

#include "base/ascii.h"

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct bytes rule_text_trim(struct bytes in)
{
	while (in.size > 0 && is_blank(in.ptr[0]))
		in = bytes_of(in.ptr + 1, in.size - 1);
	while (in.size > 0 && is_blank(in.ptr[in.size - 1]))
		in.size--;
	return in;
}

void rule_lines_init(struct rule_lines *lines, char *text, size_t size)
{
	*lines = (struct rule_lines){ .pos = text, .end = text + size, .line = 1 };
}

/* The end of the line that starts at 'pos': its newline, or the end of the text. */
static char *line_end(const struct rule_lines *lines, char *pos)
{
	char *newline = memchr(pos, '\n', (size_t)(lines->end - pos));

	return newline ? newline : lines->end;
}

/* Where a backslash stands as the last thing of the line, or null. */
static char *continuation(char *start, char *end)
{
	while (end > start && is_blank((uint8_t)end[-1]))
		end--;
	return end > start && end[-1] == '\\' ? end - 1 : NULL;
}

bool rule_lines_next(struct rule_lines *lines, struct bytes *ret, uint32_t *ret_line)
{
	while (lines->pos < lines->end) {
		char *start = lines->pos, *end = line_end(lines, start), *backslash;
		uint32_t line = lines->line;
		struct bytes text = rule_text_trim(bytes_of(start, (size_t)(end - start)));
		bool comment = text.size == 0 || text.ptr[0] == '#';

		lines->line++;
		while (!comment && end < lines->end && (backslash = continuation(start, end)) != NULL) {
			memset(backslash, ' ', (size_t)(end + 1 - backslash));
			end = line_end(lines, end + 1);
			lines->line++;
		}
		lines->pos = end < lines->end ? end + 1 : end;
		text = rule_text_trim(bytes_of(start, (size_t)(end - start)));
		if (comment || text.size == 0)
			continue;
		start[(size_t)(text.ptr - (const uint8_t *)start) + text.size] = '\0';
		*ret = text;
		*ret_line = line;
		return true;
	}
	return false;
}

/* The next word; blanks inside brackets belong to it. */
static bool take_word(struct bytes *rest, struct bytes *ret)
{
	struct bytes in = rule_text_trim(*rest);
	int depth = 0;
	size_t size = 0;

	for (; size < in.size; size++) {
		uint8_t c = in.ptr[size];

		if (c == '[')
			depth++;
		else if (c == ']')
			depth--;
		else if (depth <= 0 && (is_blank(c) || c == '('))
			break;
	}
	if (size == 0)
		return false;
	*ret = bytes_first(in, size);
	*rest = bytes_skip(in, size);
	return true;
}

const char *rule_text_split(struct bytes text, struct rule_text *ret)
{
	static const char *const arrows[] = { "->", "<>", "=>", NULL };
	struct bytes rest = text, arrow;
	int index;

	*ret = (struct rule_text){ 0 };
	if (!take_word(&rest, &ret->action) || !take_word(&rest, &ret->protocol) || !take_word(&rest, &ret->src) ||
		!take_word(&rest, &ret->sport) || !take_word(&rest, &arrow) || !take_word(&rest, &ret->dst) ||
		!take_word(&rest, &ret->dport))
		return "a rule has an action, a protocol, source, port, direction, destination, port, then options";
	index = rule_text_choice(arrow, arrows);
	if (index < 0)
		return "the direction is one of ->, <> and =>";
	ret->arrow = (uint8_t)index;
	rest = rule_text_trim(rest);
	if (rest.size < 2 || rest.ptr[0] != '(' || rest.ptr[rest.size - 1] != ')')
		return "the options stand in parentheses at the end";
	ret->options = bytes_of(rest.ptr + 1, rest.size - 2);
	return NULL;
}

enum rule_option_status rule_option_next(struct bytes *rest, struct rule_option *ret)
{
	struct bytes in = rule_text_trim(*rest), option;
	size_t end = 0, colon;

	if (in.size == 0)
		return RULE_OPTION_END;
	while (end < in.size && in.ptr[end] != ';')
		end += in.ptr[end] == '\\' ? 2 : 1;
	if (end >= in.size)
		return RULE_OPTION_BAD;
	option = rule_text_trim(bytes_first(in, end));
	*rest = bytes_of(in.ptr + end + 1, in.size - end - 1);
	colon = bytes_index(option, ':');
	ret->name = rule_text_trim(bytes_first(option, colon));
	ret->has_value = colon < option.size;
	ret->value = rule_text_trim(bytes_skip(option, colon + 1));
	return ret->name.size > 0 ? RULE_OPTION_FOUND : RULE_OPTION_BAD;
}

bool rule_text_item(struct bytes *rest, char separator, struct bytes *ret)
{
	size_t end = bytes_index(*rest, (uint8_t)separator);

	if (rest->size == 0)
		return false;
	*ret = rule_text_trim(bytes_first(*rest, end));
	*rest = bytes_skip(*rest, end + 1);
	return true;
}

bool rule_text_u64(struct bytes in, uint64_t *ret)
{
	uint64_t value = 0;
	uint64_t base = 10;

	if (in.size > 2 && in.ptr[0] == '0' && (in.ptr[1] | 0x20) == 'x') {
		base = 16;
		in = bytes_skip(in, 2);
	}
	if (in.size == 0)
		return false;
	for (size_t i = 0; i < in.size; i++) {
		int digit = ascii_hex_value(in.ptr[i]);

		if (digit < 0 || (uint64_t)digit >= base || value > (UINT64_MAX - (uint64_t)digit) / base)
			return false;
		value = value * base + (uint64_t)digit;
	}
	*ret = value;
	return true;
}

bool rule_text_u32(struct bytes in, uint32_t *ret)
{
	uint64_t value;

	if (!rule_text_u64(in, &value) || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool rule_text_is(struct bytes in, const char *word)
{
	return ascii_equal_nocase_str(in, word);
}

int rule_text_choice(struct bytes in, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (rule_text_is(in, names[i]))
			return i;
	return -1;
}
