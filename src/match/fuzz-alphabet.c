// SPDX-License-Identifier: Apache-2.0
/* An expression and a string, divided by a byte 0xff. When the expression cannot match what is written in the string's bytes, PCRE2 must
 * not match the string; and what is left of the expression in those bytes matches it exactly when the expression does. */
#include <stdlib.h>
#include <string.h>

#include "match/alphabet.h"
#include "match/regex.h"
#include "match/scratch.h"

static enum regex_status match(
	struct bytes expression, unsigned int flags, struct match_scratch *scratch, struct bytes text)
{
	enum regex_status status;
	struct regex *regex;

	if (regex_compile(expression, flags, (struct regex_limits){ .steps = 10000 }, NULL, &regex) < 0)
		return REGEX_LIMIT;
	status = regex_match(regex, scratch, text, 0, NULL);
	regex_free(regex);
	return status;
}

static struct alphabet alphabet_of(struct bytes text)
{
	struct alphabet alphabet = { { false } };

	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.ptr[i];

		alphabet.has[byte] = true;
		if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')
			alphabet.has[byte ^ 0x20] = true;
	}
	return alphabet;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct match_scratch *scratch;
	struct bytes in = bytes_of(data, size);
	struct bytes expression = bytes_first(in, bytes_index(in, 0xff)), text = bytes_skip(in, expression.size + 1);
	struct alphabet alphabet = alphabet_of(text);
	enum regex_status whole, rest;
	char out[4096];
	size_t out_size = 0;
	bool can;

	if (!scratch)
		scratch = match_scratch_new();
	if (!scratch || expression.size > sizeof(out))
		return 0;
	can = alphabet_can_match(&alphabet, expression);
	whole = match(expression, REGEX_DOT_ALL | REGEX_MULTILINE, scratch, text);
	if (!can &&
		(whole == REGEX_MATCH || match(expression, REGEX_DOT_ALL | REGEX_NOCASE, scratch, text) == REGEX_MATCH))
		abort();
	if (!alphabet_restrict(&alphabet, expression, out, &out_size) || out_size > expression.size)
		return 0;
	rest = match(bytes_of(out, out_size), REGEX_DOT_ALL | REGEX_MULTILINE, scratch, text);
	if (whole != rest && whole != REGEX_LIMIT && rest != REGEX_LIMIT)
		abort();
	return 0;
}
