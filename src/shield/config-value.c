// SPDX-License-Identifier: Apache-2.0
/* The kinds of values: a row for each, with how it is read, compared and stored. */
#include "shield/config-value.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"

#define INTERFACE_MAX 15 /* IFNAMSIZ of linux/if.h without the NUL */
#define GROUP_MAX     32 /* what useradd and groupadd take */
#define FILE_PATH_MAX 4096
#define REAL_DIGITS   15 /* a double holds every whole number of so many digits */

#define NAME_LETTERS  "abcdefghijklmnopqrstuvwxyz0123456789-"
#define GROUP_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_." NAME_LETTERS
#define DIGITS        "0123456789"

struct kind {
	int (*read)(const struct config_value_context *context, const struct schema_row *row, const char *text,
		struct config_error *error, void *ret);
	int (*compare)(const void *left, const void *right); /* of list kinds, names and interfaces */
	size_t item_size; /* 0: not a list */
	const char *expected; /* null when the row's bounds or choices say it */
};

/* Every list field has this layout, whatever the type of its items. */
struct any_list {
	const void *items;
	size_t count;
};

#define LIST_LAYOUT(type, member)                                                                                      \
	static_assert(sizeof(struct type) == sizeof(struct any_list) && offsetof(struct type, member) == 0 &&          \
			      offsetof(struct type, count) == offsetof(struct any_list, count),                        \
		#type " has another layout")
LIST_LAYOUT(config_prefixes, items);
LIST_LAYOUT(config_ports, ranges);
LIST_LAYOUT(config_names, items);
LIST_LAYOUT(config_words, items);

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "icmp", 1 },
	{ "ipip", 4 },
	{ "tcp", 6 },
	{ "udp", 17 },
	{ "ipv6", 41 },
	{ "gre", 47 },
	{ "esp", 50 },
	{ "ah", 51 },
	{ "icmpv6", 58 },
	{ "sctp", 132 },
};

PRINTF_LIKE(2, 3) static int refuse(struct config_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->remedy, sizeof(error->remedy), format, arguments);
	va_end(arguments);
	return LUYTRE_E_INVALID;
}

static bool only_of(const char *text, const char *letters, size_t max)
{
	size_t length = strlen(text);

	return length > 0 && length <= max && strspn(text, letters) == length;
}

static int read_string(const struct config_value_context *context, const char *text, void *ret)
{
	const char *copy = arena_strdup(context->arena, text);

	if (!copy)
		return LUYTRE_E_NOMEM;
	memcpy(ret, &copy, sizeof(copy));
	return 0;
}

static int read_bool(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	bool value = !strcmp(text, "true");

	if (!value && strcmp(text, "false"))
		return LUYTRE_E_INVALID;
	memcpy(ret, &value, sizeof(value));
	return 0;
}

static int store_u32(const struct schema_row *row, uint64_t value, void *ret)
{
	uint32_t narrow = (uint32_t)value;

	if (value > UINT32_MAX || (double)value < row->min || (double)value > row->max)
		return LUYTRE_E_INVALID;
	memcpy(ret, &narrow, sizeof(narrow));
	return 0;
}

static int read_count(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	uint64_t value;

	if (units_parse_count(bytes_from_str(text), &value))
		return LUYTRE_E_INVALID;
	return store_u32(row, value, ret);
}

static int read_duration(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	uint64_t unit_ns = strcmp(row->unit, "ms") ? NS_PER_S : NS_PER_MS;
	uint64_t value;

	if (only_of(text, DIGITS, SIZE_MAX)) {
		if (units_parse_count(bytes_from_str(text), &value))
			return LUYTRE_E_INVALID;
		return store_u32(row, value, ret);
	}
	if (units_parse_duration(bytes_from_str(text), &value))
		return LUYTRE_E_INVALID;
	if (value % unit_ns)
		return refuse(
			error, "'%s' counts whole %s", row->name, unit_ns == NS_PER_S ? "seconds" : "milliseconds");
	return store_u32(row, value / unit_ns, ret);
}

/* Digits with at most one point. Not strtod, which takes "inf" and "0x1p3" and reads a comma in some locales. */
static int read_real(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	size_t whole = strspn(text, DIGITS);
	size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, DIGITS) : 0;
	size_t length = whole + (fraction ? 1 + fraction : 0);
	double mantissa = 0, scale = 1;
	double value;

	if (!whole || text[length] || whole + fraction > REAL_DIGITS)
		return LUYTRE_E_INVALID;
	for (const char *pos = text; *pos; pos++) {
		if (*pos != '.')
			mantissa = mantissa * 10 + (*pos - '0');
	}
	for (size_t i = 0; i < fraction; i++)
		scale *= 10;
	value = mantissa / scale;
	if (value < row->min || value > row->max)
		return LUYTRE_E_INVALID;
	memcpy(ret, &value, sizeof(value));
	return 0;
}

static int read_choice(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	const char *best = NULL;

	for (int i = 0; row->choices[i]; i++) {
		if (!strcmp(text, row->choices[i])) {
			memcpy(ret, &i, sizeof(i));
			return 0;
		}
		schema_closer(text, row->choices[i], &best);
	}
	return best ? refuse(error, "did you mean '%s'?", best) : LUYTRE_E_INVALID;
}

static int read_name(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	return only_of(text, NAME_LETTERS, CONFIG_NAME_MAX) ? read_string(context, text, ret) : LUYTRE_E_INVALID;
}

static int read_interface(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	size_t length = strlen(text);

	if (!length || length > INTERFACE_MAX || !strcmp(text, ".") || !strcmp(text, ".."))
		return LUYTRE_E_INVALID;
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/' || text[i] == ':')
			return LUYTRE_E_INVALID;
	}
	return read_string(context, text, ret);
}

static int read_group(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	if (!only_of(text, GROUP_LETTERS, GROUP_MAX) || strchr(DIGITS "-.", text[0]))
		return LUYTRE_E_INVALID;
	return read_string(context, text, ret);
}

static int read_text(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	size_t length = strlen(text);

	if (!length || length > (size_t)row->max)
		return LUYTRE_E_INVALID;
	return read_string(context, text, ret);
}

static int read_path(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	if (row->may_be_off && !strcmp(text, "off")) {
		memset(ret, 0, sizeof(char *));
		return 0;
	}
	if (text[0] != '/' || !text[1])
		return LUYTRE_E_INVALID;
	return read_text(context, row, text, error, ret);
}

static int read_file(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	size_t folder_size = text[0] == '/' ? 0 : context->folder.size;
	size_t length = strlen(text);
	char *path;

	if (!length || folder_size + length > (size_t)row->max)
		return LUYTRE_E_INVALID;
	path = arena_alloc(context->arena, folder_size + length + 1);
	if (!path)
		return LUYTRE_E_NOMEM;
	if (folder_size)
		memcpy(path, context->folder.ptr, folder_size);
	memcpy(path + folder_size, text, length + 1);
	memcpy(ret, &path, sizeof(path));
	return 0;
}

static int read_size(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	uint64_t value;

	if (units_parse_size(bytes_from_str(text), &value) || (double)value < row->min || (double)value > row->max)
		return LUYTRE_E_INVALID;
	memcpy(ret, &value, sizeof(value));
	return 0;
}

static int read_word(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	struct config_word word = { .line = context->line };

	if (!only_of(text, NAME_LETTERS "_", CONFIG_NAME_MAX))
		return LUYTRE_E_INVALID;
	if (read_string(context, text, &word.text))
		return LUYTRE_E_NOMEM;
	memcpy(ret, &word, sizeof(word));
	return 0;
}

static int read_files(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	static const struct schema_row one = { .max = FILE_PATH_MAX };
	struct config_word word = { .line = context->line };
	int result = read_file(context, &one, text, error, &word.text);

	if (!result)
		memcpy(ret, &word, sizeof(word));
	return result;
}

static int parse_port(struct bytes text, uint16_t *ret)
{
	unsigned int value = 0;

	if (!text.size || text.size > 5)
		return LUYTRE_E_INVALID;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return LUYTRE_E_INVALID;
		value = value * 10 + (text.ptr[i] - '0');
	}
	if (value < 1 || value > UINT16_MAX)
		return LUYTRE_E_INVALID;
	*ret = (uint16_t)value;
	return 0;
}

static bool is_loopback(const struct ip_addr *addr)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return addr->family == IP_V4 ? addr->bytes[0] == 127 : !memcmp(addr->bytes, v6, sizeof(v6));
}

static int read_metrics(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	const char *colon = strrchr(text, ':');
	struct config_metrics metrics = { 0 };
	struct bytes host;

	if (!strcmp(text, "off")) {
		memcpy(ret, &metrics, sizeof(metrics));
		return 0;
	}
	if (!colon)
		return LUYTRE_E_INVALID;
	host = bytes_of(text, (size_t)(colon - text));
	if (host.size > 2 && host.ptr[0] == '[' && host.ptr[host.size - 1] == ']')
		host = bytes_of(host.ptr + 1, host.size - 2);
	else if (bytes_index(host, ':') != host.size)
		return refuse(error, "write brackets around an IPv6 address: [::1]:9105");
	if (parse_port(bytes_from_str(colon + 1), &metrics.port) || ip_addr_parse(host, &metrics.address))
		return LUYTRE_E_INVALID;
	if (!is_loopback(&metrics.address))
		return refuse(error,
			"counters of tenants are not for everyone: put an authenticating proxy before a loopback port");
	metrics.enabled = true;
	memcpy(ret, &metrics, sizeof(metrics));
	return 0;
}

static int read_prefix(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	char network[IP_PREFIX_TEXT_SIZE], host[IP_PREFIX_TEXT_SIZE];
	struct bytes in = bytes_from_str(text);
	struct ip_prefix prefix, one;
	int result = ip_prefix_parse(in, 0, &prefix);

	if (!result) {
		memcpy(ret, &prefix, sizeof(prefix));
		return 0;
	}
	if (result == LUYTRE_E_RANGE)
		return refuse(error, "an IPv4 prefix has at most 32 bits, an IPv6 prefix at most 128");
	if (result != LUYTRE_E_HOST_BITS || ip_prefix_parse(in, IP_PREFIX_MASK_HOST_BITS, &prefix) ||
		ip_prefix_parse(bytes_first(in, bytes_index(in, '/')), 0, &one))
		return LUYTRE_E_INVALID;
	return refuse(error, "bits behind the length are set: write %s for the network or %s for the one address",
		ip_prefix_format(&prefix, network), ip_prefix_format(&one, host));
}

static int read_protocol(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	const char *best = NULL;
	uint8_t number;

	for (size_t i = 0; i < ARRAY_COUNT(protocols); i++) {
		if (!strcmp(text, protocols[i].name)) {
			memcpy(ret, &protocols[i].number, sizeof(protocols[i].number));
			return 0;
		}
		schema_closer(text, protocols[i].name, &best);
	}
	if (only_of(text, DIGITS, 3) && atoi(text) <= UINT8_MAX) {
		number = (uint8_t)atoi(text);
		memcpy(ret, &number, sizeof(number));
		return 0;
	}
	return best ? refuse(error, "did you mean '%s'?", best) : LUYTRE_E_INVALID;
}

static int read_ports(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	struct config_port_range range = { .first = 1, .last = UINT16_MAX };
	struct bytes in = bytes_from_str(text);
	size_t dash = bytes_index(in, '-');

	if (strcmp(text, "all")) {
		if (parse_port(bytes_first(in, dash), &range.first))
			return LUYTRE_E_INVALID;
		range.last = range.first;
		if (dash < in.size && parse_port(bytes_skip(in, dash + 1), &range.last))
			return LUYTRE_E_INVALID;
	}
	if (range.first > range.last)
		return refuse(error, "the lower port comes first: write %u-%u", range.last, range.first);
	memcpy(ret, &range, sizeof(range));
	return 0;
}

/* Says which names there are, as far as they fit. */
static int refuse_reply(const struct config_value_context *context, struct config_error *error)
{
	size_t length = (size_t)snprintf(error->remedy, sizeof(error->remedy), "known are");
	const char *name;

	for (size_t i = 0; (name = context->reply_name(i)); i++) {
		if (length + strlen(name) + sizeof(", ...") >= sizeof(error->remedy)) {
			snprintf(error->remedy + length, sizeof(error->remedy) - length, ", ...");
			break;
		}
		length += (size_t)snprintf(
			error->remedy + length, sizeof(error->remedy) - length, "%s %s", i ? "," : "", name);
	}
	return LUYTRE_E_INVALID;
}

static int read_reply(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	const char *best = NULL;
	const char *name;

	if (!only_of(text, NAME_LETTERS "_.", CONFIG_NAME_MAX))
		return LUYTRE_E_INVALID;
	if (!context->reply_name)
		return read_string(context, text, ret);
	for (size_t i = 0; (name = context->reply_name(i)); i++) {
		if (!strcmp(text, name))
			return read_string(context, text, ret);
		schema_closer(text, name, &best);
	}
	return best ? refuse(error, "did you mean '%s'?", best) : refuse_reply(context, error);
}

static int compare_prefixes(const void *left, const void *right)
{
	return ip_prefix_compare(left, right);
}

static int compare_protocols(const void *left, const void *right)
{
	return *(const uint8_t *)left - *(const uint8_t *)right;
}

static int compare_strings(const void *left, const void *right)
{
	const char *const *left_text = left, *const *right_text = right;

	return strcmp(*left_text, *right_text);
}

static int compare_words(const void *left, const void *right)
{
	const struct config_word *a = left, *b = right;

	return strcmp(a->text, b->text);
}

static int compare_ranges(const void *left, const void *right)
{
	const struct config_port_range *a = left, *b = right;

	return a->first != b->first ? a->first - b->first : a->last - b->last;
}

static const struct kind kinds[SCHEMA_KIND_COUNT] = {
	[SCHEMA_BOOL] = { .read = read_bool, .expected = "true or false" },
	[SCHEMA_COUNT] = { .read = read_count },
	[SCHEMA_DURATION] = { .read = read_duration },
	[SCHEMA_REAL] = { .read = read_real },
	[SCHEMA_CHOICE] = { .read = read_choice },
	[SCHEMA_NAME] = { .read = read_name,
		.compare = compare_strings,
		.expected = "a name of 1 to 63 small letters a-z, digits and dashes" },
	[SCHEMA_INTERFACE] = { .read = read_interface,
		.compare = compare_strings,
		.expected = "the name of a network interface, such as eth0" },
	[SCHEMA_GROUP] = { .read = read_group, .expected = "the name of a group of this system" },
	[SCHEMA_TEXT] = { .read = read_text },
	[SCHEMA_PATH] = { .read = read_path },
	[SCHEMA_FILE] = { .read = read_file },
	[SCHEMA_METRICS] = { .read = read_metrics,
		.expected =
			"a loopback address and a port from 1 to 65535, such as 127.0.0.1:9105 or [::1]:9105, or off" },
	[SCHEMA_PREFIXES] = { .read = read_prefix,
		.compare = compare_prefixes,
		.item_size = sizeof(struct ip_prefix),
		.expected = "an IPv4 or IPv6 address or prefix, such as 198.51.100.0/24 or 2001:db8::/32" },
	[SCHEMA_PROTOCOLS] = { .read = read_protocol,
		.compare = compare_protocols,
		.item_size = sizeof(uint8_t),
		.expected = "tcp, udp, icmp, icmpv6, gre, esp, ah, sctp, ipip, ipv6 or a number from 0 to 255" },
	[SCHEMA_PORTS] = { .read = read_ports,
		.compare = compare_ranges,
		.item_size = sizeof(struct config_port_range),
		.expected = "a port from 1 to 65535, a range such as 8000-8099, or all" },
	[SCHEMA_REPLIES] = { .read = read_reply,
		.compare = compare_strings,
		.item_size = sizeof(const char *),
		.expected = "the name of a reflection protocol, such as dns or ntp" },
	[SCHEMA_SIZE] = { .read = read_size },
	[SCHEMA_FILES] = { .read = read_files,
		.compare = compare_words,
		.item_size = sizeof(struct config_word),
		.expected = "the path of a file or folder, or a pattern, of at most 4096 bytes" },
	[SCHEMA_WORDS] = { .read = read_word,
		.compare = compare_words,
		.item_size = sizeof(struct config_word),
		.expected = "a word of 1 to 63 small letters a-z, digits, dashes and underlines" },
	[SCHEMA_PAIRS] = { .expected = "names with a value each, one a line, indented below the name" },
	[SCHEMA_SECTION] = { .expected = "settings, one a line, indented below the name" },
	[SCHEMA_SECTIONS] = { .expected = "a list of entries that begin with a dash and hold settings" },
};

static_assert(sizeof(struct ip_prefix) <= CONFIG_VALUE_ITEM_MAX, "an item does not fit");

/* "off, on or auto" */
static void expect_choice(const struct schema_row *row, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; row->choices[i] && length < size; i++) {
		const char *between = !i ? "" : row->choices[i + 1] ? ", " : " or ";

		length += (size_t)snprintf(text + length, size - length, "%s%s", between, row->choices[i]);
	}
}

void config_value_expect(const struct schema_row *row, struct config_error *error)
{
	char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];
	char *text = error->expected;
	size_t size = sizeof(error->expected);

	units_format_count((uint64_t)row->min, min);
	units_format_count((uint64_t)row->max, max);
	switch (row->kind) {
	case SCHEMA_SIZE:
		units_format_size((uint64_t)row->min, min);
		units_format_size((uint64_t)row->max, max);
		snprintf(text, size, "a size such as 64M, from %s to %s", min, max);
		break;
	case SCHEMA_COUNT:
		snprintf(text, size, "a whole number from %s to %s", min, max);
		break;
	case SCHEMA_DURATION:
		snprintf(text, size, "a time from %.0f to %.0f %s", row->min, row->max, row->unit);
		break;
	case SCHEMA_REAL:
		snprintf(text, size, "a number from %g to %g", row->min, row->max);
		break;
	case SCHEMA_CHOICE:
		expect_choice(row, text, size);
		break;
	case SCHEMA_TEXT:
		snprintf(text, size, "a text of 1 to %s bytes", max);
		break;
	case SCHEMA_PATH:
		snprintf(text, size, "a path that begins with / and has at most %s bytes%s", max,
			row->may_be_off ? ", or off" : "");
		break;
	case SCHEMA_FILE:
		snprintf(text, size, "the path of a file, of at most %s bytes with the folder of the configuration",
			max);
		break;
	default:
		snprintf(text, size, "%s", kinds[row->kind].expected);
	}
}

int config_value_read(const struct config_value_context *context, const struct schema_row *row, const char *text,
	struct config_error *error, void *ret)
{
	int result = kinds[row->kind].read(context, row, text, error, ret);

	if (result == LUYTRE_E_INVALID)
		config_value_expect(row, error);
	return result;
}

bool config_value_is_list(enum schema_kind kind)
{
	return kinds[kind].item_size != 0;
}

size_t config_value_item_size(enum schema_kind kind)
{
	return kinds[kind].item_size;
}

int config_value_compare(enum schema_kind kind, const void *left, const void *right)
{
	return kinds[kind].compare(left, right);
}

/* Sorts the ranges and joins those that overlap or touch; returns how many are left. */
static size_t merge_ranges(struct config_port_range *ranges, size_t count)
{
	size_t kept = 0;

	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		if (kept && ranges[i].first <= ranges[kept - 1].last + 1) {
			if (ranges[i].last > ranges[kept - 1].last)
				ranges[kept - 1].last = ranges[i].last;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

static void store_protocols(const uint8_t *numbers, size_t count, struct config_protocols *ret)
{
	*ret = (struct config_protocols){ 0 };
	for (size_t i = 0; i < count; i++)
		ret->bits[numbers[i] >> 6] |= UINT64_C(1) << (numbers[i] & 63);
}

int config_value_store(
	const struct config_value_context *context, enum schema_kind kind, void *items, size_t count, void *ret)
{
	struct any_list list = { .items = NULL };

	if (kind == SCHEMA_PROTOCOLS) {
		store_protocols(items, count, ret);
		return 0;
	}
	if (kind == SCHEMA_PORTS && count)
		count = merge_ranges(items, count);
	if (count) {
		list.items = arena_dup(context->arena, bytes_of(items, count * kinds[kind].item_size));
		if (!list.items)
			return LUYTRE_E_NOMEM;
		list.count = count;
	}
	memcpy(ret, &list, sizeof(list));
	return 0;
}
