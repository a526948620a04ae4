// SPDX-License-Identifier: Apache-2.0
/* Plays the input as a program of writer calls, in any order and with any strings, and checks with a small recogniser
 * of RFC 8259 that every text handed out is valid JSON in valid UTF-8.
 *
 * Input: one byte for the ceiling, then calls. A call is one byte, of which the low four bits choose the call; those
 * with a string take the following byte as its size and so many bytes after it. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "base/jsonw.h"

static bool value_valid(struct cursor *cur);

static bool eat(struct cursor *cur, char wanted)
{
	struct cursor ahead = *cur;
	uint8_t c;

	if (!cursor_u8(&ahead, &c) || c != (uint8_t)wanted)
		return false;
	*cur = ahead;
	return true;
}

static bool eat_str(struct cursor *cur, const char *wanted)
{
	return bytes_starts_with(cursor_rest(cur), bytes_from_str(wanted)) && cursor_skip(cur, strlen(wanted));
}

static bool escape_valid(struct cursor *cur)
{
	struct bytes digits;
	uint8_t c;

	if (!cursor_u8(cur, &c))
		return false;
	if (c != 'u')
		return c != 0 && strchr("\"\\/bfnrt", c);
	if (!cursor_take(cur, 4, &digits))
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (digits.ptr[i] == 0 || !strchr("0123456789abcdef", digits.ptr[i]))
			return false;
	}
	return true;
}

/* Computes the number behind the bytes, unlike the writer, which compares bounds of bytes. */
static bool utf8_tail_valid(struct cursor *cur, uint8_t first)
{
	static const uint32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
	unsigned int extra = first >= 0xf8 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t number = extra ? first & (0x3fu >> extra) : 0;
	uint8_t c;

	for (unsigned int i = 0; i < extra; i++) {
		if (!cursor_u8(cur, &c) || (c & 0xc0) != 0x80)
			return false;
		number = number << 6 | (c & 0x3f);
	}
	return extra != 0 && number >= smallest[extra] && number <= 0x10ffff && (number < 0xd800 || number > 0xdfff);
}

static bool string_valid(struct cursor *cur)
{
	uint8_t c;

	if (!eat(cur, '"'))
		return false;
	while (cursor_u8(cur, &c)) {
		if (c == '"')
			return true;
		if (c < 0x20 || (c == '\\' && !escape_valid(cur)) || (c >= 0x80 && !utf8_tail_valid(cur, c)))
			return false;
	}
	return false;
}

static bool digits_valid(struct cursor *cur)
{
	size_t count = 0;

	for (bool found = true; found; count++) {
		found = false;
		for (char digit = '0'; digit <= '9' && !found; digit++)
			found = eat(cur, digit);
	}
	return count > 1;
}

static bool number_valid(struct cursor *cur)
{
	eat(cur, '-');
	if (!eat(cur, '0') && !digits_valid(cur))
		return false;
	if (eat(cur, '.') && !digits_valid(cur))
		return false;
	if (!eat(cur, 'e'))
		return true;
	if (!eat(cur, '+'))
		eat(cur, '-');
	return digits_valid(cur);
}

static bool list_valid(struct cursor *cur, char close, bool keys)
{
	if (eat(cur, close))
		return true;
	do {
		if (keys && (!string_valid(cur) || !eat(cur, ':')))
			return false;
		if (!value_valid(cur))
			return false;
	} while (eat(cur, ','));
	return eat(cur, close);
}

static bool value_valid(struct cursor *cur)
{
	struct bytes rest = cursor_rest(cur);

	if (bytes_empty(rest))
		return false;
	switch (rest.ptr[0]) {
	case '{':
		return eat(cur, '{') && list_valid(cur, '}', true);
	case '[':
		return eat(cur, '[') && list_valid(cur, ']', false);
	case '"':
		return string_valid(cur);
	case 't':
		return eat_str(cur, "true");
	case 'f':
		return eat_str(cur, "false");
	case 'n':
		return eat_str(cur, "null");
	default:
		return number_valid(cur);
	}
}

static struct bytes argument(struct cursor *cur)
{
	struct bytes taken = { 0 };
	uint8_t size;

	if (cursor_u8(cur, &size) && !cursor_take(cur, size, &taken))
		taken = cursor_rest(cur);
	return taken;
}

static double argument_double(struct cursor *cur)
{
	double value = 0;
	uint64_t bits;

	if (cursor_u64le(cur, &bits))
		memcpy(&value, &bits, sizeof(value));
	return value;
}

static void call(struct jsonw *writer, struct cursor *cur, uint8_t code)
{
	switch (code & 15) {
	case 0:
		jsonw_object_begin(writer);
		break;
	case 1:
		jsonw_object_end(writer);
		break;
	case 2:
		jsonw_array_begin(writer);
		break;
	case 3:
		jsonw_array_end(writer);
		break;
	case 4:
		jsonw_key_bytes(writer, argument(cur));
		break;
	case 5:
		jsonw_string_bytes(writer, argument(cur));
		break;
	case 6:
		jsonw_u64(writer, cursor_left(cur) * UINT64_C(0x9e3779b97f4a7c15));
		break;
	case 7:
		jsonw_i64(writer, -(int64_t)cursor_left(cur));
		break;
	case 8:
		jsonw_double(writer, argument_double(cur));
		break;
	case 9:
		jsonw_bool(writer, code & 16);
		break;
	case 10:
		jsonw_kv_string_bytes(writer, "key", argument(cur));
		break;
	default:
		jsonw_null(writer);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor cur = cursor_over(bytes_of(data, size));
	struct jsonw writer;
	struct bytes text;
	uint8_t code;

	if (!cursor_u8(&cur, &code))
		return 0;
	jsonw_init(&writer, code * UINT64_C(16));
	while (cursor_u8(&cur, &code))
		call(&writer, &cur, code);
	if (jsonw_text(&writer, &text) == 0) {
		struct cursor over = cursor_over(text);

		assert(value_valid(&over) && cursor_left(&over) == 0);
		assert(text.ptr[text.size] == 0);
	}
	jsonw_done(&writer);
	return 0;
}
