// SPDX-License-Identifier: Apache-2.0
/* Backslash escapes of C, JavaScript and CSS. */
#include "gate/transform/transform-internal.h"

uint8_t transform_control_of(uint8_t letter)
{
	static const uint8_t letters[] = "abfnrtv", controls[] = "\a\b\f\n\r\t\v";

	for (size_t i = 0; letters[i] != 0; i++) {
		if (letters[i] == letter)
			return controls[i];
	}
	return 0;
}

size_t transform_octal(struct bytes in, size_t position, unsigned int *ret)
{
	size_t count = 0;

	for (*ret = 0; count < 3 && position + count < in.size && is_octal(in.ptr[position + count]); count++)
		*ret = *ret * 8 + (unsigned int)(in.ptr[position + count] - '0');
	return count;
}

/* Decodes what stands behind a backslash; 'position' is that of the first byte behind it, which is there. Returns how many
 * bytes of input it took, and writes at most one byte to 'out', whose number of used bytes it advances. */
typedef size_t (*escape_fn)(struct bytes in, size_t position, uint8_t *out, size_t *used);

static inline size_t decode(struct bytes in, escape_fn escape, bool keep_last, uint8_t *out)
{
	size_t used = 0, i = 0;

	for (;;) {
		size_t backslash = transform_index_any(in, i, '\\', '\\', '\\');

		used = transform_copy(in, i, backslash, out, used);
		i = backslash;
		if (i == in.size)
			return used;
		if (++i == in.size) {
			if (keep_last)
				out[used++] = '\\';
			return used;
		}
		i += escape(in, i, out, &used);
	}
}

static size_t c_escape(struct bytes in, size_t position, uint8_t *out, size_t *used)
{
	uint8_t letter = in.ptr[position], control = transform_control_of(letter);
	unsigned int octal;

	if ((letter | 0x20) == 'x' && hex_run(in, position + 1, 2) == 2) {
		out[(*used)++] = hex_pair(in.ptr + position + 1);
		return 3;
	}
	if (is_octal(letter)) {
		size_t taken = transform_octal(in, position, &octal);

		out[(*used)++] = (uint8_t)octal;
		return taken;
	}
	out[(*used)++] = control ? control : letter;
	return 1;
}

size_t transform_escape_seq_decode(struct bytes in, uint8_t *out)
{
	return decode(in, c_escape, true, out);
}

static size_t js_escape(struct bytes in, size_t position, uint8_t *out, size_t *used)
{
	uint8_t letter = in.ptr[position], control = transform_control_of(letter);
	unsigned int octal;

	if (letter == 'u' && hex_run(in, position + 1, 4) == 4) {
		out[(*used)++] = full_width(hex_pair(in.ptr + position + 1), hex_pair(in.ptr + position + 3));
		return 5;
	}
	if (letter == 'x' && hex_run(in, position + 1, 2) == 2) {
		out[(*used)++] = hex_pair(in.ptr + position + 1);
		return 3;
	}
	if (is_octal(letter)) {
		size_t taken = transform_octal(in, position, &octal);

		/* Octal escapes end at \377: the third digit of a larger number is text. */
		if (octal > 255) {
			octal /= 8;
			taken--;
		}
		out[(*used)++] = (uint8_t)octal;
		return taken;
	}
	out[(*used)++] = control ? control : letter;
	return 1;
}

size_t transform_js_decode(struct bytes in, uint8_t *out)
{
	return decode(in, js_escape, true, out);
}

/* The low byte of a number of one to six hex digits. */
static uint8_t css_byte(const uint8_t *digits, size_t count)
{
	uint8_t low = count == 1 ? (uint8_t)ascii_hex_value(digits[0]) : hex_pair(digits + count - 2);

	/* Full width when the number is U+FFxx, with as many zeros in front as there is room for. */
	if (count < 4 || (count > 4 && digits[0] != '0') || (count > 5 && digits[1] != '0'))
		return low;
	return full_width(hex_pair(digits + count - 4), low);
}

/* CSS Syntax, "consume an escaped code point": up to six hex digits and one white space, or any byte for itself; an escaped
 * line end is nothing. */
static size_t css_escape(struct bytes in, size_t position, uint8_t *out, size_t *used)
{
	size_t count = hex_run(in, position, 6);

	if (count != 0) {
		out[(*used)++] = css_byte(in.ptr + position, count);
		return count + (position + count < in.size && is_space(in.ptr[position + count]));
	}
	if (in.ptr[position] != '\n')
		out[(*used)++] = in.ptr[position];
	return 1;
}

size_t transform_css_decode(struct bytes in, uint8_t *out)
{
	return decode(in, css_escape, false, out);
}
