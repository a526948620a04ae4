// SPDX-License-Identifier: Apache-2.0
/* Parameters of header values: "; name=value" (RFC 2045, section 5.1), in several pieces or percent-encoded (RFC 2231,
 * sections 3 and 4). */
#include <string.h>

#include "base/ascii.h"
#include "sensor/app/smtp/mime.h"

enum { SECTIONS_MAX = 64, PARAMETERS_MAX = 256 };

struct parameter {
	struct bytes name;
	struct bytes value; /* without quotes; still with backslashes */
	bool escaped;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes text)
{
	while (text.size && is_blank(text.ptr[0]))
		text = bytes_skip(text, 1);
	while (text.size && is_blank(text.ptr[text.size - 1]))
		text.size--;
	return text;
}

/* The end of a quoted string that begins at 0. */
static size_t quoted_end(struct bytes text, bool *ret_escaped)
{
	size_t i = 1;

	while (i < text.size && text.ptr[i] != '"') {
		if (text.ptr[i] == '\\') {
			*ret_escaped = true;
			i++;
		}
		i++;
	}
	return i < text.size ? i : text.size;
}

/* Takes the next parameter off; 'rest' stands behind a semicolon. */
static bool next_parameter(struct bytes *rest, struct parameter *ret)
{
	size_t equals, end;

	*ret = (struct parameter){ 0 };
	while (rest->size && (is_blank(rest->ptr[0]) || rest->ptr[0] == ';'))
		*rest = bytes_skip(*rest, 1);
	if (!rest->size)
		return false;
	for (equals = 0; equals < rest->size && rest->ptr[equals] != '=' && rest->ptr[equals] != ';'; equals++)
		;
	ret->name = trim(bytes_first(*rest, equals));
	if (equals == rest->size || rest->ptr[equals] == ';') {
		*rest = bytes_skip(*rest, equals);
		return true;
	}
	*rest = bytes_skip(*rest, equals + 1);
	while (rest->size && is_blank(rest->ptr[0]))
		*rest = bytes_skip(*rest, 1);
	if (rest->size && rest->ptr[0] == '"') {
		end = quoted_end(*rest, &ret->escaped);
		ret->value = bytes_skip(bytes_first(*rest, end), 1);
		*rest = bytes_skip(*rest, end + 1);
	} else {
		end = bytes_index(*rest, ';');
		ret->value = trim(bytes_first(*rest, end));
		*rest = bytes_skip(*rest, end);
	}
	return true;
}

/* The first semicolon that is not in quotes. */
static struct bytes skip_type(struct bytes value)
{
	bool quoted = false;

	for (size_t i = 0; i < value.size; i++) {
		if (value.ptr[i] == '"')
			quoted = !quoted;
		else if (value.ptr[i] == ';' && !quoted)
			return bytes_skip(value, i);
	}
	return (struct bytes){ 0 };
}

static bool same_name(struct bytes text, const char *name, size_t name_size)
{
	return ascii_equal_nocase(text, bytes_of(name, name_size));
}

/* "name*3" and "name*3*": the number of the piece; "name*" alone counts as piece 0. -1: something else. */
static int section_of(struct bytes text, const char *name, size_t name_size, bool *ret_encoded)
{
	int number = 0;
	size_t i;

	*ret_encoded = false;
	if (text.size <= name_size || !same_name(bytes_first(text, name_size), name, name_size) ||
		text.ptr[name_size] != '*')
		return -1;
	if (text.size == name_size + 1) {
		*ret_encoded = true;
		return 0;
	}
	for (i = name_size + 1; i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		number = number * 10 + (text.ptr[i] - '0');
		if (number >= SECTIONS_MAX)
			return -1;
	}
	if (i == name_size + 1)
		return -1;
	*ret_encoded = i + 1 == text.size && text.ptr[i] == '*';
	return i == text.size || *ret_encoded ? number : -1;
}

/* Writes a piece to 'out', which has room for it. Answers how much that was. */
static size_t put_piece(const struct parameter *piece, bool encoded, bool first, uint8_t *out)
{
	struct bytes in = piece->value;
	size_t used = 0;

	if (encoded && first) {
		/* charset'language'text */
		size_t mark = bytes_index(in, '\'');
		size_t second = mark < in.size ? bytes_index(bytes_skip(in, mark + 1), '\'') : in.size;

		if (mark < in.size && mark + 1 + second < in.size)
			in = bytes_skip(in, mark + second + 2);
	}
	for (size_t i = 0; i < in.size; i++) {
		bool escape = encoded && in.ptr[i] == '%' && i + 2 < in.size;
		int high = escape ? ascii_hex_value(in.ptr[i + 1]) : -1;
		int low = high >= 0 ? ascii_hex_value(in.ptr[i + 2]) : -1;

		if (low >= 0) {
			out[used++] = (uint8_t)(high << 4 | low);
			i += 2;
		} else {
			if (piece->escaped && in.ptr[i] == '\\' && i + 1 < in.size)
				i++;
			out[used++] = in.ptr[i];
		}
	}
	return used;
}

struct sections {
	struct parameter pieces[SECTIONS_MAX];
	bool present[SECTIONS_MAX], encoded[SECTIONS_MAX];
};

static bool join(const struct sections *sections, struct arena *arena, struct bytes *ret)
{
	size_t size = 0, used = 0;
	uint8_t *out;

	for (int i = 0; i < SECTIONS_MAX && sections->present[i]; i++)
		size += sections->pieces[i].value.size;
	out = sections->present[0] ? arena_alloc(arena, size) : NULL;
	if (!out)
		return false;
	for (int i = 0; i < SECTIONS_MAX && sections->present[i]; i++)
		used += put_piece(&sections->pieces[i], sections->encoded[i], i == 0, out + used);
	*ret = bytes_of(out, used);
	return true;
}

bool mime_parameter(struct bytes value, const char *name, struct arena *arena, struct bytes *ret)
{
	size_t name_size = strlen(name);
	struct sections sections = { 0 };
	struct parameter parameter;

	value = skip_type(value);
	for (int i = 0; i < PARAMETERS_MAX && next_parameter(&value, &parameter); i++) {
		bool encoded;
		int number;

		if (same_name(parameter.name, name, name_size)) {
			sections = (struct sections){ .present = { true } };
			sections.pieces[0] = parameter;
			return join(&sections, arena, ret);
		}
		number = section_of(parameter.name, name, name_size, &encoded);
		if (number < 0 || sections.present[number])
			continue;
		sections.pieces[number] = parameter;
		sections.present[number] = true;
		sections.encoded[number] = encoded;
	}
	return join(&sections, arena, ret);
}
