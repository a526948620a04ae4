// SPDX-License-Identifier: Apache-2.0
/* Order of versions. deb: Debian Policy, section 5.6.12. rpm: its manual, "Version comparison". semver: Semantic
 * Versioning 2.0.0, clause 11. maven: "Version Order Specification" of its POM reference. python: PEP 440. What is
 * not as its scheme says is still ordered, in one way or another: versions come from reports. */
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "hub/findings/cpe.h"

static bool is_letter(uint8_t byte)
{
	return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static struct bytes take_digits(struct bytes *text)
{
	struct bytes taken;
	size_t size = 0;

	while (size < text->size && ascii_is_digit(text->ptr[size]))
		size++;
	taken = bytes_first(*text, size);
	*text = bytes_skip(*text, size);
	while (taken.size && taken.ptr[0] == '0')
		taken = bytes_skip(taken, 1);
	return taken;
}

/* Without leading zeros, which take_digits has dropped: of any length. */
static int compare_digits(struct bytes a, struct bytes b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return bytes_compare(a, b);
}

/* The number before 'mark'; 0 without one. */
static struct bytes take_epoch(struct bytes *text, uint8_t mark)
{
	struct bytes rest = *text, digits = take_digits(&rest);

	if (bytes_empty(rest) || rest.ptr[0] != mark)
		return (struct bytes){ 0 };
	*text = bytes_skip(rest, 1);
	return digits;
}

/* ---- deb ---- */

/* '~' before the end, the end before letters, letters before all else. */
static int deb_order(struct bytes text)
{
	if (bytes_empty(text) || ascii_is_digit(text.ptr[0]))
		return 0;
	if (text.ptr[0] == '~')
		return -1;
	return is_letter(text.ptr[0]) ? text.ptr[0] : text.ptr[0] + 256;
}

static int deb_part(struct bytes a, struct bytes b)
{
	while (!bytes_empty(a) || !bytes_empty(b)) {
		int order;

		while (deb_order(a) || deb_order(b)) {
			order = deb_order(a) - deb_order(b);
			if (order)
				return order;
			a = bytes_skip(a, 1);
			b = bytes_skip(b, 1);
		}
		order = compare_digits(take_digits(&a), take_digits(&b));
		if (order)
			return order;
	}
	return 0;
}

static struct bytes take_revision(struct bytes *text)
{
	for (size_t i = text->size; i > 0; i--) {
		if (text->ptr[i - 1] == '-') {
			struct bytes revision = bytes_skip(*text, i);

			*text = bytes_first(*text, i - 1);
			return revision;
		}
	}
	return (struct bytes){ 0 };
}

static int with_revision(struct bytes a, struct bytes b, int (*part)(struct bytes, struct bytes))
{
	int order = compare_digits(take_epoch(&a, ':'), take_epoch(&b, ':'));
	struct bytes revision_a = take_revision(&a), revision_b = take_revision(&b);

	if (!order)
		order = part(a, b);
	return order ? order : part(revision_a, revision_b);
}

static int compare_deb(struct bytes a, struct bytes b)
{
	return with_revision(a, b, deb_part);
}

/* ---- rpm ---- */

static void skip_marks(struct bytes *text)
{
	while (text->size && !ascii_is_digit(text->ptr[0]) && !is_letter(text->ptr[0]) && text->ptr[0] != '~' &&
		text->ptr[0] != '^')
		*text = bytes_skip(*text, 1);
}

static bool begins(struct bytes text, uint8_t byte)
{
	return text.size && text.ptr[0] == byte;
}

static struct bytes take_letters(struct bytes *text)
{
	struct bytes taken;
	size_t size = 0;

	while (size < text->size && is_letter(text->ptr[size]))
		size++;
	taken = bytes_first(*text, size);
	*text = bytes_skip(*text, size);
	return taken;
}

/* '~' before the end, '^' behind it but before any other continuation. 2 when neither has one. */
static int rpm_marks(struct bytes *a, struct bytes *b)
{
	if (begins(*a, '~') != begins(*b, '~'))
		return begins(*a, '~') ? -1 : 1;
	if (begins(*a, '^') != begins(*b, '^')) {
		if (begins(*a, '^'))
			return bytes_empty(*b) ? 1 : -1;
		return bytes_empty(*a) ? -1 : 1;
	}
	if (!begins(*a, '~') && !begins(*a, '^'))
		return 2;
	*a = bytes_skip(*a, 1);
	*b = bytes_skip(*b, 1);
	return 0;
}

static int rpm_part(struct bytes a, struct bytes b)
{
	for (;;) {
		int order;

		skip_marks(&a);
		skip_marks(&b);
		order = rpm_marks(&a, &b);
		if (order == 0)
			continue;
		if (order != 2)
			return order;
		if (bytes_empty(a) || bytes_empty(b))
			return (int)!bytes_empty(a) - (int)!bytes_empty(b);
		if (ascii_is_digit(a.ptr[0]) != ascii_is_digit(b.ptr[0]))
			return ascii_is_digit(a.ptr[0]) ? 1 : -1;
		if (ascii_is_digit(a.ptr[0]))
			order = compare_digits(take_digits(&a), take_digits(&b));
		else
			order = bytes_compare(take_letters(&a), take_letters(&b));
		if (order)
			return order;
	}
}

static int compare_rpm(struct bytes a, struct bytes b)
{
	return with_revision(a, b, rpm_part);
}

/* ---- semver ---- */

static struct bytes take_until(struct bytes *text, uint8_t mark)
{
	size_t size = bytes_index(*text, mark);
	struct bytes taken = bytes_first(*text, size);

	*text = bytes_skip(*text, size + 1);
	return taken;
}

/* Numbers before words; numbers as numbers, words as letters. */
static int compare_identifier(struct bytes a, struct bytes b)
{
	struct bytes rest_a = a, rest_b = b, number_a = take_digits(&rest_a), number_b = take_digits(&rest_b);
	bool a_number = bytes_empty(rest_a) && a.size, b_number = bytes_empty(rest_b) && b.size;

	if (a_number && b_number)
		return compare_digits(number_a, number_b);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	return bytes_compare(a, b);
}

/* A missing number is 0: "1.2" is written for "1.2.0". Of pre-releases a shorter one is lower. */
static int compare_dotted(struct bytes a, struct bytes b, bool numbers)
{
	while (!bytes_empty(a) || !bytes_empty(b)) {
		struct bytes part_a, part_b;
		int order;

		if (!numbers && (bytes_empty(a) || bytes_empty(b)))
			return bytes_empty(a) ? -1 : 1;
		part_a = take_until(&a, '.');
		part_b = take_until(&b, '.');
		if (numbers && bytes_empty(part_a))
			part_a = bytes_of("0", 1);
		if (numbers && bytes_empty(part_b))
			part_b = bytes_of("0", 1);
		order = compare_identifier(part_a, part_b);
		if (order)
			return order;
	}
	return 0;
}

static int compare_semver(struct bytes a, struct bytes b)
{
	struct bytes core_a, core_b;
	int order;

	a = bytes_skip(bytes_first(a, bytes_index(a, '+')), begins(a, 'v'));
	b = bytes_skip(bytes_first(b, bytes_index(b, '+')), begins(b, 'v'));
	core_a = take_until(&a, '-');
	core_b = take_until(&b, '-');
	order = compare_dotted(core_a, core_b, true);
	if (order)
		return order;
	if (bytes_empty(a) || bytes_empty(b))
		return (int)bytes_empty(a) - (int)bytes_empty(b);
	return compare_dotted(a, b, false);
}

/* ---- Numbers and words in turn: maven, python and all others ---- */

enum { RANK_END = 0, RANK_UNKNOWN = 1, RANK_NUMBER = 4 };

static const struct {
	const char *word;
	int8_t rank; /* below 0: before the end */
} words[] = { { "dev", -7 }, { "alpha", -6 }, { "beta", -5 }, { "milestone", -4 }, { "rc", -3 }, { "cr", -3 },
	{ "c", -3 }, { "pre", -3 }, { "preview", -3 }, { "snapshot", -2 }, { "ga", 0 }, { "final", 0 },
	{ "release", 0 }, { "sp", 1 }, { "post", 1 }, { "rev", 1 } };

static int word_rank(enum version_scheme scheme, struct bytes word, struct bytes behind)
{
	static const struct {
		char letter;
		const char *word;
	} short_words[] = { { 'a', "alpha" }, { 'b', "beta" }, { 'm', "milestone" } };
	bool number_behind = behind.size && ascii_is_digit(behind.ptr[0]);

	/* "1.0b2" is a second beta, "1.0b" the second letter behind 1.0. */
	for (size_t i = 0; i < ARRAY_COUNT(short_words); i++) {
		if (word.size == 1 && ascii_lower(word.ptr[0]) == short_words[i].letter &&
			(number_behind || scheme == VERSION_PYTHON))
			word = bytes_from_str(short_words[i].word);
	}
	/* Likewise "c". */
	if (word.size == 1 && !number_behind && scheme == VERSION_GENERIC)
		return RANK_UNKNOWN;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (ascii_equal_nocase_str(word, words[i].word))
			return words[i].rank;
	}
	return RANK_UNKNOWN;
}

struct token {
	int rank;
	struct bytes text;
};

static struct token take_token(enum version_scheme scheme, struct bytes *text)
{
	struct token token = { RANK_END, { 0 } };

	while (text->size && !ascii_is_digit(text->ptr[0]) && !is_letter(text->ptr[0]))
		*text = bytes_skip(*text, 1);
	if (bytes_empty(*text))
		return token;
	if (ascii_is_digit(text->ptr[0])) {
		token.text = take_digits(text);
		/* Zeros at the end mean nothing. */
		token.rank = bytes_empty(token.text) ? RANK_END : RANK_NUMBER;
		return token;
	}
	token.text = take_letters(text);
	token.rank = word_rank(scheme, token.text, *text);
	return token;
}

static int compare_words(struct bytes a, struct bytes b)
{
	for (size_t i = 0; i < a.size && i < b.size; i++) {
		int order = ascii_lower(a.ptr[i]) - ascii_lower(b.ptr[i]);

		if (order)
			return order;
	}
	return (a.size > b.size) - (a.size < b.size);
}

static int compare_tokens(enum version_scheme scheme, struct bytes a, struct bytes b)
{
	while (!bytes_empty(a) || !bytes_empty(b)) {
		struct token token_a = take_token(scheme, &a), token_b = take_token(scheme, &b);
		int order = token_a.rank - token_b.rank;

		if (order == 0 && token_a.rank == RANK_NUMBER)
			order = compare_digits(token_a.text, token_b.text);
		else if (order == 0 && token_a.rank == RANK_UNKNOWN)
			order = compare_words(token_a.text, token_b.text);
		if (order)
			return order;
	}
	return 0;
}

static int compare_python(struct bytes a, struct bytes b)
{
	int order = compare_digits(take_epoch(&a, '!'), take_epoch(&b, '!'));
	struct bytes public_a = take_until(&a, '+'), public_b = take_until(&b, '+');

	if (!order)
		order = compare_tokens(VERSION_PYTHON, public_a, public_b);
	return order ? order : compare_dotted(a, b, false);
}

/* ---- Any ---- */

enum version_scheme version_scheme_of(struct bytes word)
{
	static const struct {
		const char *word;
		enum version_scheme scheme;
	} schemes[] = {
#define X(id, text) { text, VERSION_##id },
		VERSION_SCHEMES(X)
#undef X
		/* Types of package URLs and other words of CVE records. */
		{ "npm", VERSION_SEMVER },
		{ "cargo", VERSION_SEMVER },
		{ "golang", VERSION_SEMVER },
		{ "pypi", VERSION_PYTHON },
	};

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
		if (ascii_equal_nocase_str(word, schemes[i].word))
			return schemes[i].scheme;
	}
	return VERSION_GENERIC;
}

int version_compare(enum version_scheme scheme, struct bytes a, struct bytes b)
{
	switch (scheme) {
	case VERSION_DEB:
		return compare_deb(a, b);
	case VERSION_RPM:
		return compare_rpm(a, b);
	case VERSION_SEMVER:
		return compare_semver(a, b);
	case VERSION_PYTHON:
		return compare_python(a, b);
	default:
		return compare_tokens(scheme, a, b);
	}
}

bool version_in(const struct version_range *range, struct bytes version)
{
	int order;

	if (!bytes_empty(range->from)) {
		order = version_compare(range->scheme, version, range->from);
		if (order < 0 || (order == 0 && range->from_excluded))
			return false;
	}
	if (bytes_empty(range->until))
		return true;
	order = version_compare(range->scheme, version, range->until);
	return order < 0 || (order == 0 && range->until_included);
}
