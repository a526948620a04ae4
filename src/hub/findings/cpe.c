// SPDX-License-Identifier: Apache-2.0
/* Names: NIST IR 7695, sections 6.1 (URIs) and 6.2 (formatted strings). Relations: NIST IR 7696, tables 6-2 and 6-4. */
#include <stddef.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "hub/findings/cpe.h"

/* ---- Reading ---- */

static int put(char part[CPE_PART_SIZE], size_t *size, uint8_t byte)
{
	if (*size + 1 >= CPE_PART_SIZE)
		return LUYTRE_E_RANGE;
	if (byte == '\0')
		return LUYTRE_E_SYNTAX;
	part[(*size)++] = (char)ascii_lower(byte);
	part[*size] = '\0';
	return 0;
}

static int put_literal(char part[CPE_PART_SIZE], size_t *size, uint8_t byte, bool whole)
{
	bool quoted = byte == '*' || byte == '?' || byte == '\\' || (byte == '-' && whole);
	int error = quoted ? put(part, size, '\\') : 0;

	return error ? error : put(part, size, byte);
}

static void put_any(char part[CPE_PART_SIZE])
{
	memcpy(part, "*", 2);
}

/* One part of a formatted string, its quoting in it. */
static int read_quoted(struct bytes text, char part[CPE_PART_SIZE])
{
	size_t size = 0;
	int error = 0;

	if (bytes_empty(text))
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; i < text.size && !error; i++) {
		if (text.ptr[i] != '\\')
			error = put(part, &size, text.ptr[i]);
		else if (++i == text.size)
			error = LUYTRE_E_SYNTAX;
		else
			error = put_literal(part, &size, text.ptr[i], text.size == 2);
	}
	return error;
}

/* One part of a URI, with its percent signs; nothing is ANY. */
static int read_percent(struct bytes text, char part[CPE_PART_SIZE])
{
	enum { ONE = 1, MANY = 2 }; /* %01 and %02 stand for the wildcards */
	size_t size = 0;
	int error = 0;

	if (bytes_empty(text)) {
		put_any(part);
		return 0;
	}
	for (size_t i = 0; i < text.size && !error; i++) {
		int high, low;

		if (text.ptr[i] != '%') {
			error = text.ptr[i] == '-' ? put(part, &size, '-')
						   : put_literal(part, &size, text.ptr[i], false);
			continue;
		}
		if (i + 2 >= text.size)
			return LUYTRE_E_SYNTAX;
		high = ascii_hex_value(text.ptr[i + 1]);
		low = ascii_hex_value(text.ptr[i + 2]);
		if (high < 0 || low < 0)
			return LUYTRE_E_SYNTAX;
		if (high == 0 && (low == ONE || low == MANY))
			error = put(part, &size, low == ONE ? '?' : '*');
		else
			error = put_literal(part, &size, (uint8_t)(high << 4 | low), text.size == 3);
		i += 2;
	}
	return error;
}

static int parse_formatted(struct bytes text, struct cpe *ret)
{
	for (int part = 0; part < CPE_PARTS; part++) {
		size_t size = 0;
		int error;

		while (size < text.size && text.ptr[size] != ':')
			size += text.ptr[size] == '\\' ? 2 : 1;
		if (size > text.size || (size == text.size) != (part == CPE_PARTS - 1))
			return LUYTRE_E_SYNTAX;
		error = read_quoted(bytes_first(text, size), ret->part[part]);
		if (error)
			return error;
		text = bytes_skip(text, size + 1);
	}
	return 0;
}

/* "~edition~sw_edition~target_sw~target_hw~other" in place of the edition. */
static int parse_packed(struct bytes text, struct cpe *ret)
{
	static const enum cpe_part parts[] = { CPE_EDITION, CPE_SW_EDITION, CPE_TARGET_SW, CPE_TARGET_HW, CPE_OTHER };
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(parts) && !error; i++) {
		text = bytes_skip(text, 1);
		error = read_percent(bytes_first(text, bytes_index(text, '~')), ret->part[parts[i]]);
		text = bytes_skip(text, bytes_index(text, '~'));
	}
	return error;
}

static int parse_uri(struct bytes text, struct cpe *ret)
{
	int error = 0;

	for (int part = 0; part < CPE_PARTS; part++)
		put_any(ret->part[part]);
	for (int part = CPE_PART; part <= CPE_LANGUAGE && !error; part++) {
		size_t size = bytes_index(text, ':');
		struct bytes value = bytes_first(text, size);

		if (part == CPE_EDITION && value.size && value.ptr[0] == '~')
			error = parse_packed(value, ret);
		else
			error = read_percent(value, ret->part[part]);
		text = bytes_skip(text, size + 1);
	}
	return error ? error : bytes_empty(text) ? 0 : LUYTRE_E_SYNTAX;
}

int cpe_parse(struct bytes text, struct cpe *ret)
{
	struct cpe cpe = { 0 };
	int error;

	if (ascii_starts_nocase_str(text, "cpe:2.3:"))
		error = parse_formatted(bytes_skip(text, 8), &cpe);
	else if (ascii_starts_nocase_str(text, "cpe:/"))
		error = parse_uri(bytes_skip(text, 5), &cpe);
	else
		return LUYTRE_E_SYNTAX;
	if (error)
		return error;
	if (cpe.part[CPE_PART][1] != '\0' || !strchr("aoh*-", cpe.part[CPE_PART][0]))
		return LUYTRE_E_SYNTAX;
	*ret = cpe;
	return 0;
}

/* ---- Relations ---- */

static bool is_any(const char *part)
{
	return part[0] == '*' && part[1] == '\0';
}

static bool is_na(const char *part)
{
	return part[0] == '-' && part[1] == '\0';
}

static bool has_wildcard(const char *part)
{
	for (; *part; part++) {
		if (*part == '\\')
			part++;
		else if (*part == '*' || *part == '?')
			return true;
	}
	return false;
}

static size_t character_size(const char *text)
{
	return text[0] == '\\' && text[1] ? 2 : 1;
}

/* '*' is any number of characters, '?' one or none. Both stand at the ends only, so there is little to try. */
static bool matches(const char *pattern, const char *text) // NOLINT(misc-no-recursion)
{
	for (;;) {
		size_t size = character_size(pattern);

		if (*pattern == '\0')
			return *text == '\0';
		if (*pattern == '*' || *pattern == '?') {
			bool many = *pattern == '*';

			while (pattern[1] == '*' && many)
				pattern++;
			for (;; text += character_size(text)) {
				if (matches(pattern + 1, text))
					return true;
				if (*text == '\0')
					return false;
				if (!many)
					return matches(pattern + 1, text + character_size(text));
			}
		}
		if (strncmp(pattern, text, size) != 0)
			return false;
		pattern += size;
		text += size;
	}
}

static enum cpe_relation compare_part(const char *source, const char *target)
{
	bool source_wild = has_wildcard(source);

	if (is_any(source))
		return is_any(target)                           ? CPE_EQUAL
		       : is_na(target) || !has_wildcard(target) ? CPE_SUPERSET
								: CPE_UNDEFINED;
	if (is_any(target))
		return CPE_SUBSET;
	if (has_wildcard(target))
		return CPE_UNDEFINED;
	if (is_na(source) || is_na(target))
		return is_na(source) && is_na(target) ? CPE_EQUAL : CPE_DISJOINT;
	if (source_wild)
		return matches(source, target) ? CPE_SUPERSET : CPE_DISJOINT;
	return strcmp(source, target) == 0 ? CPE_EQUAL : CPE_DISJOINT;
}

enum cpe_relation cpe_compare(const struct cpe *source, const struct cpe *target)
{
	int count[CPE_UNDEFINED + 1] = { 0 };

	for (int part = 0; part < CPE_PARTS; part++)
		count[compare_part(source->part[part], target->part[part])]++;
	if (count[CPE_DISJOINT])
		return CPE_DISJOINT;
	if (count[CPE_UNDEFINED] || (count[CPE_SUBSET] && count[CPE_SUPERSET]))
		return CPE_UNDEFINED;
	return count[CPE_SUBSET] ? CPE_SUBSET : count[CPE_SUPERSET] ? CPE_SUPERSET : CPE_EQUAL;
}
