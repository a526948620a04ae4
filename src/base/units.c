// SPDX-License-Identifier: Apache-2.0
/* Each kind of number is a table of suffixes and factors in rising order, which both the reader and the exact writer
 * use. Of two suffixes with the same factor the writer takes the first. */
#include "base/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{ "ns", 1 },
	{ "us", NS_PER_US },
	{ "ms", NS_PER_MS },
	{ "s", NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "d", 86400 * NS_PER_S },
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 },
	{ "G", UINT64_C(1) << 30 },
	{ "T", UINT64_C(1) << 40 },
};

static const struct unit count_units[] = {
	{ "", 1 },
	{ "k", UINT64_C(1000) },
	{ "K", UINT64_C(1000) },
	{ "M", UINT64_C(1000000) },
	{ "G", UINT64_C(1000000000) },
};

/* For people, who read "1.2T" more easily than "1200.0G". */
static const struct unit human_count_units[] = {
	{ "", 1 },
	{ "k", UINT64_C(1000) },
	{ "M", UINT64_C(1000000) },
	{ "G", UINT64_C(1000000000) },
	{ "T", UINT64_C(1000000000000) },
	{ "P", UINT64_C(1000000000000000) },
	{ "E", UINT64_C(1000000000000000000) },
};

static const struct unit human_size_units[] = {
	{ "B", 1 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
	{ "PiB", UINT64_C(1) << 50 },
	{ "EiB", UINT64_C(1) << 60 },
};

/* Reads the digits at the beginning; '*ret_rest' is what follows them. */
static int digits_parse(struct bytes text, uint64_t *ret, struct bytes *ret_rest)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < text.size && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
			__builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
			return LUYTRE_E_RANGE;
	}
	if (i == 0)
		return LUYTRE_E_SYNTAX;
	*ret = value;
	*ret_rest = bytes_skip(text, i);
	return 0;
}

static int suffix_apply(
	uint64_t value, struct bytes suffix, const struct unit *units, size_t units_count, uint64_t *ret)
{
	uint64_t product;

	for (size_t i = 0; i < units_count; i++) {
		if (!bytes_equal_str(suffix, units[i].suffix))
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &product))
			return LUYTRE_E_RANGE;
		*ret = product;
		return 0;
	}
	return LUYTRE_E_UNIT;
}

static int number_parse(struct bytes text, const struct unit *units, size_t units_count, uint64_t *ret)
{
	uint64_t value;
	struct bytes suffix;
	int error = digits_parse(text, &value, &suffix);

	return error < 0 ? error : suffix_apply(value, suffix, units, units_count, ret);
}

int units_parse_duration(struct bytes text, uint64_t *ret_ns)
{
	if (bytes_equal_str(text, "0")) {
		*ret_ns = 0;
		return 0;
	}
	return number_parse(text, duration_units, ARRAY_COUNT(duration_units), ret_ns);
}

int units_parse_size(struct bytes text, uint64_t *ret_bytes)
{
	return number_parse(text, size_units, ARRAY_COUNT(size_units), ret_bytes);
}

int units_parse_count(struct bytes text, uint64_t *ret_count)
{
	return number_parse(text, count_units, ARRAY_COUNT(count_units), ret_count);
}

int units_parse_rate(struct bytes text, const char *unit, uint64_t *ret_per_s)
{
	struct bytes word = bytes_from_str(unit);
	struct bytes suffix;
	uint64_t value;
	int error = digits_parse(text, &value, &suffix);

	if (error < 0)
		return error;
	if (suffix.size < word.size || !bytes_equal(bytes_skip(suffix, suffix.size - word.size), word))
		return LUYTRE_E_UNIT;
	suffix = bytes_first(suffix, suffix.size - word.size);
	return suffix_apply(value, suffix, count_units, ARRAY_COUNT(count_units), ret_per_s);
}

static const char *exact_format(
	uint64_t value, const struct unit *units, size_t units_count, const char *zero, char text[UNITS_TEXT_SIZE])
{
	const struct unit *best = &units[0];

	if (value == 0) {
		snprintf(text, UNITS_TEXT_SIZE, "%s", zero);
		return text;
	}
	for (size_t i = 1; i < units_count; i++) {
		if (units[i].factor > best->factor && value % units[i].factor == 0)
			best = &units[i];
	}
	snprintf(text, UNITS_TEXT_SIZE, "%" PRIu64 "%s", value / best->factor, best->suffix);
	return text;
}

const char *units_format_duration(uint64_t value_ns, char text[UNITS_TEXT_SIZE])
{
	return exact_format(value_ns, duration_units, ARRAY_COUNT(duration_units), "0s", text);
}

const char *units_format_size(uint64_t value_bytes, char text[UNITS_TEXT_SIZE])
{
	return exact_format(value_bytes, size_units, ARRAY_COUNT(size_units), "0", text);
}

const char *units_format_count(uint64_t value, char text[UNITS_TEXT_SIZE])
{
	return exact_format(value, count_units, ARRAY_COUNT(count_units), "0", text);
}

/* One decimal of the largest unit not above the value. */
static const char *human_format(
	uint64_t value, const struct unit *units, size_t units_count, char text[UNITS_TEXT_SIZE])
{
	size_t i = units_count - 1;
	uint64_t rest;

	while (i > 0 && value < units[i].factor)
		i--;
	rest = value % units[i].factor;
	/* Divided before it is multiplied when ten times the rest could be too large for 64 bits. */
	rest = rest > UINT64_MAX / 10 ? rest / (units[i].factor / 10) : rest * 10 / units[i].factor;
	if (i == 0)
		snprintf(text, UNITS_TEXT_SIZE, "%" PRIu64 "%s", value, units[i].suffix);
	else
		snprintf(text, UNITS_TEXT_SIZE, "%" PRIu64 ".%c%s", value / units[i].factor, (char)('0' + rest),
			units[i].suffix);
	return text;
}

const char *units_human_count(uint64_t value, char text[UNITS_TEXT_SIZE])
{
	return human_format(value, human_count_units, ARRAY_COUNT(human_count_units), text);
}

const char *units_human_size(uint64_t value_bytes, char text[UNITS_TEXT_SIZE])
{
	return human_format(value_bytes, human_size_units, ARRAY_COUNT(human_size_units), text);
}
