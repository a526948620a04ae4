// SPDX-License-Identifier: Apache-2.0
/* The lenience here is that of the HTTP/1 reader which Suricata's documentation describes and its tests show. */
#include "sensor/app/http1/text.h"

#include "base/ascii.h"
#include "base/net.h"

enum { HOST_SIZE_MAX = 255, LABEL_SIZE_MAX = 63 };

static const uint8_t token_chars[256] = {
	['!'] = 1,
	['#'] = 1,
	['$'] = 1,
	['%'] = 1,
	['&'] = 1,
	['\''] = 1,
	['*'] = 1,
	['+'] = 1,
	['-'] = 1,
	['.'] = 1,
	['^'] = 1,
	['_'] = 1,
	['`'] = 1,
	['|'] = 1,
	['~'] = 1,
	['0' ... '9'] = 1,
	['A' ... 'Z'] = 1,
	['a' ... 'z'] = 1,
};

bool http_is_token(struct bytes in)
{
	for (size_t i = 0; i < in.size; i++)
		if (!token_chars[in.ptr[i]])
			return false;
	return in.size != 0;
}

struct bytes http_trim_left(struct bytes in)
{
	size_t i = 0;

	while (i < in.size && http_is_space(in.ptr[i]))
		i++;
	return bytes_skip(in, i);
}

struct bytes http_trim(struct bytes in)
{
	in = http_trim_left(in);
	while (in.size != 0 && http_is_space(in.ptr[in.size - 1]))
		in.size--;
	return in;
}

/* How many bytes of 'in' read as 'text', or 0. */
static size_t match_nul(struct bytes in, const char *text)
{
	size_t i = 0;

	for (const char *want = text; *want != '\0'; i++) {
		if (i == in.size)
			return 0;
		if (in.ptr[i] == 0)
			continue;
		if (ascii_lower(in.ptr[i]) != (uint8_t)*want++)
			return 0;
	}
	return i;
}

bool http_equal_nocase_nul(struct bytes in, const char *text)
{
	size_t used = match_nul(in, text);

	if (used == 0)
		return false;
	while (used < in.size && in.ptr[used] == 0)
		used++;
	return used == in.size;
}

bool http_contains_nocase_nul(struct bytes in, const char *text)
{
	for (size_t i = 0; i < in.size; i++)
		if (match_nul(bytes_skip(in, i), text) != 0)
			return true;
	return false;
}

/* The byte at 'index' of the text as if NULs were not there. */
static uint8_t nul_free_at(struct bytes in, size_t index)
{
	for (size_t i = 0; i < in.size; i++)
		if (in.ptr[i] != 0 && index-- == 0)
			return in.ptr[i];
	return 0;
}

/* Only a quick look before the comparison: size, and first, middle and last letter. */
uint32_t http_hash_nocase(struct bytes in)
{
	size_t size = in.size;
	bool nuls = bytes_index(in, 0) != in.size;
	uint32_t hash;

	for (size_t i = 0; nuls && i < in.size; i++)
		size -= in.ptr[i] == 0;
	if (size == 0)
		return 0;
	hash = ascii_lower(nuls ? nul_free_at(in, 0) : in.ptr[0]);
	hash = hash << 8 | ascii_lower(nuls ? nul_free_at(in, size / 2) : in.ptr[size / 2]);
	hash = hash << 8 | ascii_lower(nuls ? nul_free_at(in, size - 1) : in.ptr[size - 1]);
	return hash << 8 | (size & 255);
}

struct bytes http_chomp(struct bytes line)
{
	while (line.size != 0 && (line.ptr[line.size - 1] == '\n' || line.ptr[line.size - 1] == '\r'))
		line.size--;
	return line;
}

enum http_protocol http_parse_protocol(struct bytes in)
{
	if (!ascii_starts_nocase_str(in, "http/"))
		return HTTP_PROTOCOL_INVALID;
	in = http_trim(bytes_skip(in, 5));
	while (in.size > 3 && in.ptr[0] == '0')
		in = bytes_skip(in, 1);
	if (bytes_equal_str(in, "1.1"))
		return HTTP_PROTOCOL_1_1;
	if (bytes_equal_str(in, "1.0"))
		return HTTP_PROTOCOL_1_0;
	return bytes_equal_str(in, "0.9") ? HTTP_PROTOCOL_0_9 : HTTP_PROTOCOL_INVALID;
}

static size_t skip_space(struct bytes in, size_t pos)
{
	while (pos < in.size && http_is_space(in.ptr[pos]))
		pos++;
	return pos;
}

static size_t skip_word(struct bytes in, size_t pos)
{
	while (pos < in.size && !http_is_space(in.ptr[pos]))
		pos++;
	return pos;
}

static struct bytes between(struct bytes in, size_t start, size_t end)
{
	return bytes_first(bytes_skip(in, start), end - start);
}

static bool has_odd_space(struct bytes in)
{
	for (size_t i = 0; i < in.size; i++)
		if (in.ptr[i] != ' ' && http_is_space(in.ptr[i]))
			return true;
	return false;
}

/* Where the URI that starts at 'start' ends: before the last space, or, where there is none, the last blank. */
static size_t uri_end(struct bytes line, size_t start, bool *ret_odd)
{
	size_t end = line.size, last;

	*ret_odd = false;
	while (end > start && http_is_space(line.ptr[end - 1]))
		end--;
	last = end;
	while (last > start && line.ptr[last - 1] != ' ')
		last--;
	if (last == start && has_odd_space(between(line, start, end))) {
		last = end;
		while (last > start && !http_is_space(line.ptr[last - 1]))
			last--;
	}
	if (last == start) /* no protocol */
		return line.size;
	while (last > start && http_is_space(line.ptr[last - 1]))
		last--;
	*ret_odd = has_odd_space(between(line, start, last)) || (last < line.size && line.ptr[last] != ' ');
	return last;
}

void http_parse_request_line(struct bytes line, struct http_request_line *ret)
{
	size_t start, pos;
	bool odd;

	memset(ret, 0, sizeof(*ret));
	line = http_chomp(line);
	ret->line = line;
	start = skip_space(line, 0);
	if (start != 0)
		ret->flags |= HTTP_LINE_LEADING_SPACE;
	pos = skip_word(line, start);
	ret->method = between(line, start, pos);
	start = skip_space(line, pos);
	if (has_odd_space(between(line, pos, start)))
		ret->flags |= HTTP_LINE_METHOD_DELIMITER;
	ret->protocol_number = HTTP_PROTOCOL_0_9;
	if (start == line.size) {
		ret->flags |= HTTP_LINE_NO_URI | HTTP_LINE_NO_PROTOCOL;
		return;
	}
	pos = uri_end(line, start, &odd);
	if (odd)
		ret->flags |= HTTP_LINE_URI_DELIMITER;
	ret->uri = between(line, start, pos);
	start = skip_space(line, pos);
	if (start == line.size) {
		ret->flags |= HTTP_LINE_NO_PROTOCOL;
		return;
	}
	ret->protocol = http_trim(bytes_skip(line, start));
	ret->protocol_number = http_parse_protocol(ret->protocol);
}

static uint16_t parse_status(struct bytes in)
{
	uint32_t number = 0;

	for (size_t i = 0; i < in.size; i++) {
		if (in.ptr[i] < '0' || in.ptr[i] > '9')
			return 0;
		number = number * 10 + (in.ptr[i] - '0');
		if (number > 999)
			return 0;
	}
	return number >= 100 ? (uint16_t)number : 0;
}

void http_parse_response_line(struct bytes line, struct http_response_line *ret)
{
	size_t start, pos;

	memset(ret, 0, sizeof(*ret));
	line = http_chomp(line);
	ret->line = line;
	start = skip_space(line, 0);
	pos = skip_word(line, start);
	ret->protocol = between(line, start, pos);
	ret->protocol_number = http_parse_protocol(ret->protocol);
	start = skip_space(line, pos);
	pos = skip_word(line, start);
	ret->status = between(line, start, pos);
	ret->status_number = parse_status(ret->status);
	ret->message = bytes_skip(line, skip_space(line, pos));
}

static struct bytes skip_blanks_and_nuls(struct bytes in)
{
	size_t i = 0;

	while (i < in.size && (http_is_space(in.ptr[i]) || in.ptr[i] == 0))
		i++;
	return bytes_skip(in, i);
}

bool http_is_response_line(struct bytes line)
{
	return ascii_starts_nocase_str(skip_blanks_and_nuls(line), "http");
}

bool http_may_be_response_line(struct bytes start)
{
	static const char http[] = "http";
	struct bytes text = skip_blanks_and_nuls(start);

	for (size_t i = 0; i < text.size && i < sizeof(http) - 1; i++)
		if (ascii_lower(text.ptr[i]) != (uint8_t)http[i])
			return false;
	return true;
}

static const char *const methods[] = { "GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "DELETE", "TRACE", "PATCH",
	"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT",
	"CHECKIN", "UPDATE", "LABEL", "REPORT", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE", "INVALID" };

bool http_is_method(struct bytes in)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (bytes_equal_str(in, methods[i]))
			return true;
	return false;
}

bool http_may_be_method(struct bytes start)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (bytes_starts_with(bytes_from_str(methods[i]), start))
			return true;
	return false;
}

void http_parse_field(struct bytes line, struct http_field *ret)
{
	size_t colon;

	line = http_chomp(line);
	colon = bytes_index(line, ':');
	*ret = (struct http_field){ 0 };
	if (colon == line.size) {
		ret->flags = HTTP_FIELD_NO_COLON;
		ret->value = http_trim(line);
		return;
	}
	ret->name = bytes_first(line, colon);
	if (colon == 0)
		ret->flags |= HTTP_FIELD_NO_NAME;
	else if (http_is_space(line.ptr[colon - 1]))
		ret->flags |= HTTP_FIELD_SPACE_AFTER_NAME;
	ret->name = http_trim(ret->name);
	if (ret->name.size != 0 && !http_is_token(ret->name))
		ret->flags |= HTTP_FIELD_BAD_NAME;
	ret->value = http_trim(bytes_skip(line, colon + 1));
}

int64_t http_parse_length(struct bytes in, bool *ret_junk)
{
	size_t pos = 0;
	int64_t number = 0;

	*ret_junk = false;
	while (pos < in.size && (in.ptr[pos] < '0' || in.ptr[pos] > '9')) {
		if (!http_is_blank(in.ptr[pos]))
			*ret_junk = true;
		pos++;
	}
	if (pos == in.size)
		return HTTP_LENGTH_NONE;
	for (; pos < in.size && in.ptr[pos] >= '0' && in.ptr[pos] <= '9'; pos++) {
		number = number * 10 + (in.ptr[pos] - '0');
		if (number > INT64_C(1) << 58)
			return HTTP_LENGTH_INVALID;
	}
	return number;
}

static bool is_chunk_control(uint8_t c)
{
	return http_is_space(c);
}

int64_t http_parse_chunk_size(struct bytes line, bool *ret_extension)
{
	size_t pos = 0;
	int64_t number = 0;

	*ret_extension = false;
	while (pos < line.size && is_chunk_control(line.ptr[pos]))
		pos++;
	if (pos == line.size)
		return HTTP_CHUNK_EMPTY;
	if (ascii_hex_value(line.ptr[pos]) < 0)
		return HTTP_CHUNK_INVALID;
	for (; pos < line.size && ascii_hex_value(line.ptr[pos]) >= 0; pos++) {
		number = number * 16 + ascii_hex_value(line.ptr[pos]);
		if (number > INT32_MAX)
			return HTTP_CHUNK_INVALID;
	}
	*ret_extension = bytes_index(bytes_skip(line, pos), ';') != line.size - pos;
	return number;
}

bool http_may_be_chunk_size(struct bytes start)
{
	if (start.size < 8)
		return true;
	for (size_t i = 0; i < 8; i++)
		if (!is_chunk_control(start.ptr[i]))
			return ascii_hex_value(start.ptr[i]) >= 0;
	return true;
}

static int32_t parse_port(struct bytes in)
{
	uint32_t number = 0;

	in = http_trim(in);
	if (in.size == 0)
		return -2;
	for (size_t i = 0; i < in.size; i++) {
		if (in.ptr[i] < '0' || in.ptr[i] > '9')
			return -2;
		number = number * 10 + (in.ptr[i] - '0');
		if (number > 65535)
			return -2;
	}
	return number == 0 ? -2 : (int32_t)number;
}

static bool valid_name(struct bytes host)
{
	size_t label = 0;

	if (host.size == 0 || host.size > HOST_SIZE_MAX)
		return false;
	for (size_t i = 0; i < host.size; i++) {
		uint8_t c = host.ptr[i];

		if (c == '.') {
			if (label == 0 && host.size != 1)
				return false;
			label = 0;
			continue;
		}
		if (http_is_space(c) || c == 0 || c == '/' || c == '\\' || c == '@' || ++label > LABEL_SIZE_MAX)
			return false;
	}
	return true;
}

static bool valid_ipv6(struct bytes in)
{
	struct ip_addr addr;

	return ip_addr_parse(bytes_first(bytes_skip(in, 1), in.size - 2), &addr) == 0;
}

static void parse_bracketed(struct bytes in, struct http_authority *ret)
{
	size_t end = bytes_index(in, ']');

	if (end == in.size) { /* not closed: no IPv6 address */
		ret->host = in;
		return;
	}
	ret->host = bytes_first(in, end + 1);
	ret->valid = valid_ipv6(ret->host);
	in = bytes_skip(in, end + 1);
	if (in.size == 0)
		return;
	if (in.ptr[0] != ':') {
		ret->valid = false;
		return;
	}
	ret->port_text = bytes_skip(in, 1);
	ret->port = parse_port(ret->port_text);
}

void http_parse_authority(struct bytes in, struct http_authority *ret)
{
	size_t colon;

	*ret = (struct http_authority){ .port = -1 };
	in = http_trim(in);
	if (in.size != 0 && in.ptr[0] == '[') {
		parse_bracketed(in, ret);
		return;
	}
	colon = bytes_index(in, ':');
	ret->host = http_trim(bytes_first(in, colon));
	if (colon != in.size) {
		ret->port_text = http_trim(bytes_skip(in, colon + 1));
		ret->port = parse_port(ret->port_text);
	}
	while (ret->host.size > 1 && ret->host.ptr[ret->host.size - 1] == '.') /* the root's dot */
		ret->host.size--;
	ret->valid = valid_name(ret->host);
}

bool http_parameter(struct bytes value, const char *name, struct bytes *ret)
{
	size_t name_size = strlen(name);

	for (size_t semicolon = bytes_index(value, ';'); semicolon != value.size; semicolon = bytes_index(value, ';')) {
		struct bytes rest;

		value = http_trim_left(bytes_skip(value, semicolon + 1));
		if (!ascii_starts_nocase_str(value, name))
			continue;
		rest = http_trim_left(bytes_skip(value, name_size));
		if (rest.size == 0 || rest.ptr[0] != '=')
			continue;
		rest = http_trim_left(bytes_skip(rest, 1));
		if (rest.size != 0 && rest.ptr[0] == '"')
			*ret = bytes_first(bytes_skip(rest, 1), bytes_index(bytes_skip(rest, 1), '"'));
		else
			*ret = http_trim(bytes_first(rest, bytes_index(rest, ';')));
		return true;
	}
	return false;
}

static bool take_number(struct bytes *in, int64_t *ret)
{
	size_t pos = 0;
	int64_t number = 0;

	for (; pos < in->size && in->ptr[pos] >= '0' && in->ptr[pos] <= '9'; pos++) {
		number = number * 10 + (in->ptr[pos] - '0');
		if (number > INT64_C(1) << 58)
			return false;
	}
	*in = bytes_skip(*in, pos);
	*ret = number;
	return pos != 0;
}

static bool take_char(struct bytes *in, char wanted)
{
	if (in->size == 0 || in->ptr[0] != (uint8_t)wanted)
		return false;
	*in = bytes_skip(*in, 1);
	return true;
}

bool http_parse_range(struct bytes value, struct http_range *ret)
{
	struct http_range range = { .start = -1, .end = -1, .total = -1 };

	value = http_trim(value);
	if (!ascii_starts_nocase_str(value, "bytes"))
		return false;
	value = http_trim_left(bytes_skip(value, 5));
	if (!take_char(&value, '*') &&
		(!take_number(&value, &range.start) || !take_char(&value, '-') || !take_number(&value, &range.end)))
		return false;
	if (!take_char(&value, '/'))
		return false;
	if (!take_char(&value, '*') && !take_number(&value, &range.total))
		return false;
	*ret = range;
	return true;
}
