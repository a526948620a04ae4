// SPDX-License-Identifier: Apache-2.0
/* What the texts of options mean: booleans, numbers, sizes, times, choices. A wrong text costs a complaint, never more. */
#include "sensor/config/tree-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/ascii.h"

/* The option from the root down, for messages. */
static void node_path(const struct conf_node *node, char ret[CONF_PATH_MAX])
{
	const struct conf_node *chain[2 * CONF_DEPTH_MAX] = { NULL };
	size_t count = 0;
	size_t used = 0;

	for (; node->parent && count < ARRAY_COUNT(chain); node = node->parent)
		chain[count++] = node;
	ret[0] = '\0';
	while (count-- != 0 && used < CONF_PATH_MAX) {
		int size = snprintf(ret + used, CONF_PATH_MAX - used, "%s%s", used != 0 ? "." : "", chain[count]->name);

		used += size > 0 ? (size_t)size : 0;
	}
}

static void complain_value(const struct conf_node *node, const char *expected)
{
	char path[CONF_PATH_MAX];

	node_path(node, path);
	conf_complain(node, "%.120s: found \"%.80s\", expected %s", path, node->text ? node->text : "", expected);
}

/* The node when it has a text that is not empty; an empty one counts as not given ("memcap:"). */
static const struct conf_node *valued(const struct conf_node *node, const char *path)
{
	node = conf_get(node, path);
	return node && node->text && node->text[0] != '\0' ? node : NULL;
}

const char *conf_text(const struct conf_node *node, const char *path, const char *fallback)
{
	node = conf_get(node, path);
	return node && node->text ? node->text : fallback;
}

static bool is_one_of(const char *text, const char *const words[4])
{
	for (size_t i = 0; i < 4; i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

enum conf_switch conf_switch(const struct conf_node *node, const char *path)
{
	static const char *const yes[4] = { "yes", "true", "on", "1" };
	static const char *const no[4] = { "no", "false", "off", "0" };

	node = valued(node, path);
	if (!node)
		return CONF_ABSENT;
	if (is_one_of(node->text, yes))
		return CONF_YES;
	return is_one_of(node->text, no) ? CONF_NO : CONF_OTHER;
}

bool conf_bool(const struct conf_node *node, const char *path, bool fallback)
{
	enum conf_switch value = conf_switch(node, path);

	return value == CONF_ABSENT ? fallback : value == CONF_YES;
}

static bool parse_u64(const char *text, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false; /* strtoull takes blanks and a minus */
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno == 0 && *end == '\0';
}

uint64_t conf_u64_between(
	const struct conf_node *node, const char *path, uint64_t fallback, uint64_t least, uint64_t most)
{
	char expected[96];
	uint64_t value;

	node = valued(node, path);
	if (!node)
		return fallback;
	if (parse_u64(node->text, &value) && value >= least && value <= most)
		return value;
	snprintf(expected, sizeof(expected), "a whole number from %" PRIu64 " to %" PRIu64, least, most);
	complain_value(node, expected);
	return fallback;
}

uint64_t conf_u64(const struct conf_node *node, const char *path, uint64_t fallback)
{
	return conf_u64_between(node, path, fallback, 0, UINT64_MAX);
}

int64_t conf_i64(const struct conf_node *node, const char *path, int64_t fallback)
{
	long long value;
	char *end;

	node = valued(node, path);
	if (!node)
		return fallback;
	errno = 0;
	value = strtoll(node->text, &end, 0);
	if (errno == 0 && *end == '\0')
		return value;
	complain_value(node, "a whole number");
	return fallback;
}

double conf_double(const struct conf_node *node, const char *path, double fallback)
{
	double value;
	char *end;

	node = valued(node, path);
	if (!node)
		return fallback;
	value = strtod(node->text, &end);
	if (*end == '\0' && isfinite(value))
		return value;
	complain_value(node, "a number");
	return fallback;
}

/* ---- Numbers with units ---- */

struct unit {
	const char *name; /* in small letters */
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "kb", UINT64_C(1) << 10 },
	{ "kib", UINT64_C(1) << 10 },
	{ "mb", UINT64_C(1) << 20 },
	{ "mib", UINT64_C(1) << 20 },
	{ "gb", UINT64_C(1) << 30 },
	{ "gib", UINT64_C(1) << 30 },
	{ NULL, 0 },
};

static const struct unit time_units[] = {
	{ "", 1 },
	{ "s", 1 },
	{ "m", 60 },
	{ "h", 3600 },
	{ "d", 86400 },
	{ NULL, 0 },
};

static struct bytes skip_blanks(struct bytes in)
{
	while (in.size != 0 && (in.ptr[0] == ' ' || in.ptr[0] == '\t'))
		in = bytes_skip(in, 1);
	return in;
}

static bool is_digit(struct bytes in)
{
	return in.size != 0 && in.ptr[0] >= '0' && in.ptr[0] <= '9';
}

static const struct unit *unit_find(struct bytes name, const struct unit *units)
{
	while (name.size != 0 && (name.ptr[name.size - 1] == ' ' || name.ptr[name.size - 1] == '\t'))
		name.size--;
	for (; units->name; units++) {
		if (ascii_equal_nocase_str(name, units->name))
			return units;
	}
	return NULL;
}

/* Digits, perhaps a point and more digits, blanks, a unit. */
static int parse_with_unit(struct bytes in, const struct unit *units, uint64_t *ret)
{
	const struct unit *unit;
	uint64_t whole = 0;
	double fraction = 0;
	uint64_t value;

	in = skip_blanks(in);
	if (!is_digit(in))
		return LUYTRE_E_SYNTAX;
	for (; is_digit(in); in = bytes_skip(in, 1)) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(in.ptr[0] - '0'), &whole))
			return LUYTRE_E_RANGE;
	}
	if (in.size > 1 && in.ptr[0] == '.' && is_digit(bytes_skip(in, 1))) {
		double place = 0.1;

		for (in = bytes_skip(in, 1); is_digit(in); in = bytes_skip(in, 1), place /= 10)
			fraction += place * (in.ptr[0] - '0');
	}
	unit = unit_find(skip_blanks(in), units);
	if (!unit)
		return LUYTRE_E_UNIT;
	if (__builtin_mul_overflow(whole, unit->factor, &value) ||
		__builtin_add_overflow(value, (uint64_t)(fraction * (double)unit->factor), &value))
		return LUYTRE_E_RANGE;
	*ret = value;
	return 0;
}

int conf_parse_size(struct bytes text, uint64_t *ret_bytes)
{
	return parse_with_unit(text, size_units, ret_bytes);
}

uint64_t conf_size(const struct conf_node *node, const char *path, uint64_t fallback_bytes)
{
	uint64_t value;

	node = valued(node, path);
	if (!node || conf_parse_size(bytes_from_str(node->text), &value) == 0)
		return node ? value : fallback_bytes;
	complain_value(node, "a size such as 512, 64kb or 10 MiB");
	return fallback_bytes;
}

uint64_t conf_seconds(const struct conf_node *node, const char *path, uint64_t fallback_s)
{
	uint64_t value;

	node = valued(node, path);
	if (!node || parse_with_unit(bytes_from_str(node->text), time_units, &value) == 0)
		return node ? value : fallback_s;
	complain_value(node, "a time such as 30, 30s, 5m or 2h");
	return fallback_s;
}

/* ---- Choices ---- */

static char folded(char letter)
{
	if (letter == '_')
		return '-';
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool same_word(const char *left, const char *right)
{
	while (*left && folded(*left) == folded(*right)) {
		left++;
		right++;
	}
	return *left == *right;
}

int conf_choice(const struct conf_node *node, const char *path, const char *const *names, int fallback)
{
	char expected[256] = "one of";
	size_t used = strlen(expected);

	node = valued(node, path);
	if (!node)
		return fallback;
	for (int i = 0; names[i]; i++) {
		if (same_word(node->text, names[i]))
			return i;
	}
	for (size_t i = 0; names[i] && used < sizeof(expected); i++)
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, " %s", names[i]);
	complain_value(node, expected);
	return fallback;
}
