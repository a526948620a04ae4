// SPDX-License-Identifier: Apache-2.0
#include "hub/api/uri.h"

#include "base/error.h"

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Bytes behind a lead byte, -1 when it is none; '*ret_low' and '*ret_high' bound the second byte (RFC 3629, section 4). */
static int utf8_tail(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead < 0x80)
		return 0;
	if (lead < 0xc2 || lead > 0xf4)
		return -1;
	return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

bool uri_is_utf8(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t low, high;
		int tail = utf8_tail(text.ptr[i], &low, &high);

		if (tail < 0 || (size_t)tail > text.size - i - 1)
			return false;
		for (; tail > 0; tail--, low = 0x80, high = 0xbf) {
			i++;
			if (text.ptr[i] < low || text.ptr[i] > high)
				return false;
		}
	}
	return true;
}

/* Decodes percent signs, and '+' in a query, to the arena. */
static int decode(struct arena *arena, struct bytes in, bool in_query, struct bytes *ret)
{
	uint8_t *out = arena_take(arena, in.size + 1);
	size_t size = 0;

	if (!out)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < in.size; i++) {
		uint8_t byte = in.ptr[i];

		if (byte == '%') {
			int high = in.size - i > 2 ? hex_digit(in.ptr[i + 1]) : -1;
			int low = in.size - i > 2 ? hex_digit(in.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				return LUYTRE_E_SYNTAX;
			byte = (uint8_t)(high << 4 | low);
			i += 2;
			if (!in_query && byte == '/')
				return LUYTRE_E_SYNTAX;
		} else if (byte == '+' && in_query) {
			byte = ' ';
		} else if (byte <= ' ' || byte == '#' || byte >= 0x7f) {
			return LUYTRE_E_SYNTAX;
		}
		if (byte == 0 || (!in_query && (byte < ' ' || byte == 0x7f || byte == '\\')))
			return LUYTRE_E_SYNTAX;
		out[size++] = byte;
	}
	out[size] = '\0';
	*ret = bytes_of(out, size);
	return uri_is_utf8(*ret) ? 0 : LUYTRE_E_SYNTAX;
}

/* No empty segment but the last, no "." and no "..". */
static bool path_is_normal(struct bytes path)
{
	struct bytes rest = path;

	if (bytes_empty(path) || path.ptr[0] != '/')
		return false;
	do {
		struct bytes segment;
		size_t end;

		rest = bytes_skip(rest, 1);
		end = bytes_index(rest, '/');
		segment = bytes_first(rest, end);
		if ((bytes_empty(segment) && end < rest.size) || bytes_equal_str(segment, ".") ||
			bytes_equal_str(segment, ".."))
			return false;
		rest = bytes_skip(rest, end);
	} while (!bytes_empty(rest));
	return true;
}

static int parse_query(struct arena *arena, struct bytes query, struct uri *ret)
{
	ret->query_count = 0;
	while (!bytes_empty(query)) {
		struct bytes pair = bytes_first(query, bytes_index(query, '&'));
		struct bytes name = bytes_first(pair, bytes_index(pair, '='));
		struct uri_pair *out = &ret->query[ret->query_count];
		int error;

		query = bytes_skip(query, pair.size + 1);
		if (bytes_empty(pair))
			continue;
		if (ret->query_count == URI_QUERY_MAX)
			return LUYTRE_E_RANGE;
		error = decode(arena, name, true, &out->name);
		if (error == 0)
			error = decode(arena, bytes_skip(pair, name.size + 1), true, &out->value);
		if (error < 0)
			return error;
		ret->query_count++;
	}
	return 0;
}

int uri_parse(struct arena *arena, struct bytes target, struct uri *ret)
{
	struct bytes path = bytes_first(target, bytes_index(target, '?'));
	int error;

	if (target.size > URI_SIZE_MAX)
		return LUYTRE_E_RANGE;
	error = decode(arena, path, false, &ret->path);
	if (error < 0)
		return error;
	if (!path_is_normal(ret->path))
		return LUYTRE_E_SYNTAX;
	return parse_query(arena, bytes_skip(target, path.size + 1), ret);
}
