// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/http1/uri.h"

#include "base/ascii.h"
#include "sensor/app/http1/text.h"

/* ---- Splitting ---- */

/* Where the query or the fragment begins; with 'slash', also where the path does. */
static size_t index_end(struct bytes in, bool slash)
{
	size_t i = 0;

	while (i < in.size && in.ptr[i] != '?' && in.ptr[i] != '#' && (!slash || in.ptr[i] != '/'))
		i++;
	return i;
}

static void split_authority(struct uri *uri)
{
	struct bytes host = uri->authority;
	size_t at = bytes_index(host, '@');
	size_t colon;

	if (at != host.size) {
		struct bytes user = bytes_first(host, at);

		colon = bytes_index(user, ':');
		uri->username = bytes_first(user, colon);
		if (colon != user.size)
			uri->password = bytes_skip(user, colon + 1);
		host = bytes_skip(host, at + 1);
	}
	if (host.size != 0 && host.ptr[0] == '[') {
		size_t end = bytes_index(host, ']');

		colon = end + bytes_index(bytes_skip(host, end), ':');
	} else {
		colon = bytes_index(host, ':');
	}
	uri->host = bytes_first(host, colon);
	if (colon < host.size)
		uri->port = bytes_skip(host, colon + 1);
}

void uri_split(struct bytes in, struct uri *ret)
{
	size_t end;

	memset(ret, 0, sizeof(*ret));
	if (in.size == 0)
		return;
	if (in.ptr[0] != '/') {
		size_t colon = bytes_index(in, ':');

		/* Without a colon this is a broken path, which servers take as a path. */
		if (colon != in.size) {
			ret->scheme = bytes_first(in, colon);
			in = bytes_skip(in, colon + 1);
		}
	}
	if (ret->scheme.ptr && in.size > 2 && in.ptr[0] == '/' && in.ptr[1] == '/' && in.ptr[2] != '/') {
		in = bytes_skip(in, 2);
		end = index_end(in, true);
		ret->authority = bytes_first(in, end);
		split_authority(ret);
		in = bytes_skip(in, end);
	}
	if (in.size == 0)
		return;
	end = index_end(in, false);
	ret->path = bytes_first(in, end);
	if (end == in.size)
		return;
	if (in.ptr[end] == '?') {
		in = bytes_of(in.ptr + end + 1, in.size - end - 1);
		end = bytes_index(in, '#');
		ret->query = bytes_first(in, end);
	} else {
		in = bytes_of(in.ptr + end, in.size - end);
		end = 0;
	}
	if (end < in.size)
		ret->fragment = bytes_of(in.ptr + end + 1, in.size - end - 1);
}

/* ---- Decoding ---- */

/* The base letters of Latin Extended-A, U+0100 to U+017F. */
static const char latin_a[] =
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSs"
	"SsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static uint8_t bestfit(uint32_t code, const struct uri_options *options)
{
	if (code < 0x100)
		return (uint8_t)code;
	if (code - 0x100 < sizeof(latin_a) - 1)
		return (uint8_t)latin_a[code - 0x100];
	if (code >= 0xff01 && code <= 0xff5e) /* full width */
		return (uint8_t)(code - 0xfee0);
	if (code == 0x2215 || code == 0x2044)
		return '/';
	if (code == 0x2216)
		return '\\';
	if (code == 0x2018 || code == 0x2019 || code == 0x2032)
		return '\'';
	if (code == 0x201c || code == 0x201d)
		return '"';
	if (code >= 0x2010 && code <= 0x2015)
		return '-';
	return options->bestfit_replacement;
}

static bool hex_pair(const uint8_t *at, uint8_t *ret)
{
	int high = ascii_hex_value(at[0]), low = ascii_hex_value(at[1]);

	*ret = (uint8_t)((high & 15) << 4 | (low & 15));
	return high >= 0 && low >= 0;
}

/* Reads what stands behind a '%' at 'at'. Answers how many bytes (with the '%') make the one in *ret; 0: keep the '%'. */
static size_t read_percent(const uint8_t *at, size_t size, const struct uri_options *options, uint8_t *ret)
{
	uint8_t high, low;

	if (options->decode_u && size >= 6 && (at[1] | 0x20) == 'u' && hex_pair(at + 2, &high) &&
		hex_pair(at + 4, &low)) {
		*ret = bestfit((uint32_t)high << 8 | low, options);
		return 6;
	}
	if (size >= 3 && hex_pair(at + 1, ret))
		return 3;
	return 0;
}

size_t uri_decode_query(uint8_t *query, size_t size, const struct uri_options *options, bool *ret_decoded)
{
	size_t out = 0;

	*ret_decoded = false;
	for (size_t i = 0; i < size;) {
		uint8_t c = query[i];
		size_t used = c == '%' ? read_percent(query + i, size - i, options, &c) : 0;

		if (used != 0)
			*ret_decoded = true;
		else if (c == '%' && options->invalid_percent == URI_PERCENT_REMOVE) {
			i++;
			continue;
		}
		if (used == 0 && c == '+' && options->plus_to_space)
			c = ' ';
		query[out++] = c;
		i += used == 0 ? 1 : used;
	}
	return out;
}

/* A slash, real or by option. */
static bool is_separator(uint8_t c, const struct uri_options *options)
{
	return c == '/' || (c == '\\' && options->backslash_to_slash);
}

size_t uri_decode_path(uint8_t *path, size_t size, const struct uri_options *options, bool *ret_decoded)
{
	size_t out = 0;
	bool slash = false;

	*ret_decoded = false;
	for (size_t i = 0; i < size;) {
		uint8_t c = path[i], decoded;
		size_t used = c == '%' ? read_percent(path + i, size - i, options, &decoded) : 0;

		if (used != 0 && (options->decode_separators || !is_separator(decoded, options))) {
			*ret_decoded = true;
			c = decoded;
		} else {
			used = 0;
		}
		if (c == 0 && (used != 0 ? options->nul_encoded_ends : options->nul_raw_ends))
			break;
		if (used == 0 && c == '%' && options->invalid_percent == URI_PERCENT_REMOVE) {
			i++;
			continue;
		}
		i += used == 0 ? 1 : used;
		if (is_separator(c, options))
			c = '/';
		if (options->lowercase)
			c = ascii_lower(c);
		if (c == '/' && slash && options->compress_separators)
			continue;
		slash = c == '/';
		path[out++] = c;
	}
	return out;
}

/* Size of the UTF-8 sequence (RFC 3629) at 'at', 0 when it is none. */
static size_t utf8_sequence(const uint8_t *at, size_t size, uint32_t *ret)
{
	size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (length == 1) {
		*ret = at[0];
		return 1;
	}
	if (at[0] < 0xc2 || at[0] > 0xf4 || length > size)
		return 0;
	code = at[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	*ret = code;
	return length;
}

/* Only a path that is UTF-8 as a whole is converted: other bytes mean something else. */
static size_t convert_utf8(uint8_t *path, size_t size, const struct uri_options *options)
{
	size_t out = 0, used;
	uint32_t code;

	for (size_t i = 0; i < size; i += used) {
		used = utf8_sequence(path + i, size - i, &code);
		if (used == 0)
			return size;
	}
	for (size_t i = 0; i < size; i += used) {
		used = utf8_sequence(path + i, size - i, &code);
		path[out++] = bestfit(code, options);
	}
	return out;
}

static bool starts(const uint8_t *in, size_t size, const char *text)
{
	size_t length = strlen(text);

	return size >= length && memcmp(in, text, length) == 0;
}

/* Cuts the last segment off the output. */
static size_t drop_segment(const uint8_t *path, size_t out)
{
	while (out != 0 && path[out - 1] != '/')
		out--;
	return out == 0 ? 0 : out - 1;
}

size_t uri_remove_dots(uint8_t *path, size_t size)
{
	size_t in = 0, out = 0;

	while (in < size) {
		const uint8_t *rest = path + in;
		size_t left = size - in;

		if (starts(rest, left, "../")) {
			in += 3;
		} else if (starts(rest, left, "./") || starts(rest, left, "/./")) {
			in += 2;
		} else if (left == 2 && starts(rest, left, "/.")) {
			path[in + 1] = '/';
			in += 1;
		} else if (starts(rest, left, "/../")) {
			in += 3;
			out = drop_segment(path, out);
		} else if (left == 3 && starts(rest, left, "/..")) {
			path[in + 2] = '/';
			in += 2;
			out = drop_segment(path, out);
		} else if ((left == 1 && rest[0] == '.') || (left == 2 && starts(rest, left, ".."))) {
			in = size;
		} else {
			do
				path[out++] = path[in++];
			while (in < size && path[in] != '/');
		}
	}
	return out;
}

/* ---- The normal form ---- */

static size_t put(uint8_t *out, size_t at, struct bytes in)
{
	if (in.size != 0)
		memmove(out + at, in.ptr, in.size);
	return at + in.size;
}

static size_t put_front(const struct uri *uri, uint8_t *out)
{
	size_t at = 0;

	if (uri->scheme.ptr) {
		at = put(out, at, uri->scheme);
		for (size_t i = 0; i < at; i++)
			out[i] = ascii_lower(out[i]);
		at = put(out, at, bytes_from_str(":"));
	}
	if (uri->authority.ptr) {
		at = put(out, at, bytes_from_str("//"));
		at = put(out, at, uri->authority);
	}
	return at;
}

static size_t put_path(const struct uri *uri, const struct uri_options *options, uint8_t *out, bool *ret_double)
{
	size_t size = put(out, 0, uri->path);
	bool decoded;

	size = uri_decode_path(out, size, options, &decoded);
	if (options->utf8_bestfit)
		size = convert_utf8(out, size, options);
	size = uri_remove_dots(out, size);
	if (!options->double_decode_path)
		return size;
	size = uri_decode_query(out, size, options, &decoded);
	*ret_double |= decoded;
	return size;
}

size_t uri_normalise(
	const struct uri *uri, const struct uri_options *options, uint8_t *out, size_t *ret_path_size, bool *ret_double)
{
	size_t at = options->include_all ? put_front(uri, out) : 0, size;
	bool decoded;

	*ret_double = false;
	*ret_path_size = uri->path.ptr ? put_path(uri, options, out + at, ret_double) : 0;
	at += *ret_path_size;
	if (uri->query.ptr) {
		at = put(out, at, bytes_from_str("?"));
		size = put(out + at, 0, uri->query);
		size = uri_decode_query(out + at, size, options, &decoded);
		if (options->double_decode_query) {
			size = uri_decode_query(out + at, size, options, &decoded);
			*ret_double |= decoded;
		}
		at += size;
	}
	if (uri->fragment.ptr) {
		at = put(out, at, bytes_from_str("#"));
		at = put(out, at, uri->fragment);
	}
	return at;
}
