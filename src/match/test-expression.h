// SPDX-License-Identifier: Apache-2.0
/* Random regular expressions for tests of this folder: classes, groups, quantifiers, escapes, look-around; some of them are none. Not
 * for the product. */
#pragma once

#include <string.h>

#include "base/bytes.h"
#include "match/test-random.h"

#define TEST_EXPRESSION_SIZE 512

struct test_writer {
	uint64_t *state;
	char *text;
	size_t size;
	unsigned int depth;
};

static inline void test_put(struct test_writer *writer, const char *piece)
{
	size_t size = strlen(piece);

	if (writer->size + size >= TEST_EXPRESSION_SIZE)
		return;
	memcpy(writer->text + writer->size, piece, size + 1);
	writer->size += size;
}

static inline void test_put_pick(struct test_writer *writer, const char *const *list, uint32_t count)
{
	test_put(writer, list[test_random(writer->state, count)]);
}

static inline void test_put_class(struct test_writer *writer)
{
	static const char *const members[] = { "a", "b", "C", "a-c", "0-9", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S",
		"_", "-", ".", " ", "\\x41", "\\x{62}", "\\n", "\\t", "\\]", "\\\\", "/", "@", "[", "^", "\\-", "+-/",
		"\\x00-\\x1f", "\xe9", "[:alpha:]", "\\b", "<", "'", "|", "$", "\\.", "&-\\*", "\\x80-\\xff" };
	uint32_t count = 1 + test_random(writer->state, 4);

	test_put(writer, test_random(writer->state, 3) ? "[" : "[^");
	if (test_random(writer->state, 10) == 0)
		test_put(writer, "]");
	for (uint32_t i = 0; i < count; i++)
		test_put_pick(writer, members, sizeof(members) / sizeof(*members));
	test_put(writer, "]");
}

static inline void test_put_sequence(struct test_writer *writer);

static inline void test_put_group(struct test_writer *writer)
{
	static const char *const heads[] = { "(", "(?:", "(?i:", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "(?|",
		"(?s-i:", "(?P<m_1>" };
	uint32_t branches = 1 + test_random(writer->state, 3);

	test_put_pick(writer, heads, sizeof(heads) / sizeof(*heads));
	writer->depth++;
	for (uint32_t i = 0; i < branches; i++) {
		if (i)
			test_put(writer, "|");
		test_put_sequence(writer);
	}
	writer->depth--;
	test_put(writer, ")");
}

static inline void test_put_atom(struct test_writer *writer)
{
	static const char *const atoms[] = { "a", "b", "c", "A", "1", "0", "_", "-", "/", " ", "@", ",", ":", "<", "'",
		"=", ";", "\\.", "\\/", "\\(", "\\[", "\\{", "\\\\", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", ".",
		"\\x41", "\\x2e", "\\x{2d}", "\\n", "\\t", "\\0", "\\b", "\\B", "^", "$", "\\A", "\\z", "\\h", "\\v",
		"\\R", "\\N", "{", "}", "]", "\xe9", "\\1", "\\12", "\\K", "%", "&", "#", "~", "\\x", "\\e", "\\ca",
		"(?1)", "(?P>m_1)", "(?&n)", "(?i)", "\\Q.\\E", "(?#c)", "\\xe", "\\012", "\\-", "\\_" };

	switch (test_random(writer->state, writer->depth < 3 ? 6 : 5)) {
	case 5:
		test_put_group(writer);
		break;
	case 4:
		test_put_class(writer);
		break;
	default:
		test_put_pick(writer, atoms, sizeof(atoms) / sizeof(*atoms));
	}
}

static inline void test_put_sequence(struct test_writer *writer)
{
	static const char *const quantifiers[] = { "?", "*", "+", "{0}", "{0,2}", "{1,2}", "{2}", "{00}", "{0,}", "??",
		"*?", "++", "?+", "{2}{0}", "{,2}", "{1}{2}", "{x}" };
	uint32_t count = test_random(writer->state, 4);

	for (uint32_t i = 0; i < count; i++) {
		test_put_atom(writer);
		if (test_random(writer->state, 4) == 0)
			test_put_pick(writer, quantifiers, sizeof(quantifiers) / sizeof(*quantifiers));
	}
}

/* Writes into 'text', which has room for TEST_EXPRESSION_SIZE; with a final NUL, which does not count. */
static inline struct bytes test_expression(uint64_t *state, char *text)
{
	struct test_writer writer = { .state = state, .text = text };

	text[0] = '\0';
	test_put_sequence(&writer);
	if (test_random(state, 4) == 0) {
		test_put(&writer, "|");
		test_put_sequence(&writer);
	}
	return bytes_of(text, writer.size);
}
