// SPDX-License-Identifier: Apache-2.0
/* The list of errors of a configuration, and how they are shown.
 *
 * Parts of a file that may come from anybody are shown on the terminal of the one who checks it. Escape sequences and
 * characters that turn the writing direction would let the file write lines of its own, so none gets through. */
#include "shield/config-error.h"

#include <string.h>

/* Size of the unsafe character at the start of 'text', 0 when the first byte is safe. The input is UTF-8 or was
 * refused before; bytes of broken UTF-8 in a path are shown as they are. */
static size_t unsafe_size(struct bytes text)
{
	const uint8_t *at = text.ptr;

	if (at[0] < 0x20 || at[0] == 0x7f)
		return 1;
	if (text.size >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f)
		return 2; /* U+0080 to U+009F: control characters of the second set */
	if (text.size >= 3 && at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae)
		return 3; /* U+2028 to U+202E: line and paragraph separator, writing direction */
	if (text.size >= 3 && at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)
		return 3; /* U+2066 to U+2069: writing direction */
	return 0;
}

bool config_text_safe(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (unsafe_size(bytes_skip(text, i)))
			return false;
	}
	return true;
}

void config_text_copy(struct bytes text, char *ret, size_t ret_size)
{
	size_t length = 0;

	while (text.size && length < ret_size - 1) {
		size_t unsafe = unsafe_size(text);

		ret[length++] = unsafe ? '?' : (char)text.ptr[0];
		text = bytes_skip(text, unsafe ? unsafe : 1);
	}
	if (text.size) {
		/* Continuation bytes at the cut belong to a character that no longer fits. */
		length -= 3;
		while (length && ((uint8_t)ret[length] & 0xc0) == 0x80)
			length--;
		memcpy(ret + length, "...", 3);
		length += 3;
	}
	ret[length] = '\0';
}

bool config_errors_add(struct config_errors *errors, const struct config_error *error)
{
	errors->total++;
	if (errors->count == CONFIG_ERRORS_MAX)
		return false;
	errors->items[errors->count++] = *error;
	return true;
}

void config_errors_sort(struct config_errors *errors)
{
	for (size_t i = 1; i < errors->count; i++) {
		struct config_error moving = errors->items[i];
		size_t place = i;

		for (; place && errors->items[place - 1].line > moving.line; place--)
			errors->items[place] = errors->items[place - 1];
		errors->items[place] = moving;
	}
}

void config_error_print(FILE *out, const struct config_errors *errors, size_t index)
{
	const struct config_error *error = &errors->items[index];

	fputs(errors->file, out);
	if (error->line)
		fprintf(out, ":%u", error->line);
	fputs(": ", out);
	if (error->setting[0])
		fprintf(out, "%s: ", error->setting);
	fprintf(out, "found %s, expected %s", error->found, error->expected);
	if (error->remedy[0])
		fprintf(out, " (%s)", error->remedy);
	fputc('\n', out);
}

void config_errors_print(FILE *out, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		config_error_print(out, errors, i);
	if (errors->total > errors->count)
		fprintf(out, "%s: there are more errors; only the first %zu are shown\n", errors->file, errors->count);
}
