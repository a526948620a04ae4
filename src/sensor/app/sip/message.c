// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/sip/message.h"

#include <string.h>

#include "base/ascii.h"

static struct bytes trim(struct bytes text)
{
	while (text.size != 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = bytes_of(text.ptr + 1, text.size - 1);
	while (text.size != 0 && strchr(" \t\r\n", text.ptr[text.size - 1]) && text.ptr[text.size - 1] != 0)
		text.size--;
	return text;
}

static bool is_token(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (!((text.ptr[i] | 0x20) >= 'a' && (text.ptr[i] | 0x20) <= 'z') &&
			!strchr("-.!%*_+`'~0123456789", text.ptr[i]))
			return false;
	return text.size != 0;
}

/* "SIP/" and a number with a dot in it. */
static bool is_version(struct bytes text)
{
	if (text.size < 7 || memcmp(text.ptr, "SIP/", 4) != 0)
		return false;
	for (size_t i = 4; i < text.size; i++)
		if (text.ptr[i] != '.' && (text.ptr[i] < '0' || text.ptr[i] > '9'))
			return false;
	return true;
}

static bool read_status(struct sip_message *ret)
{
	struct bytes rest = ret->line;
	size_t blank = bytes_index(rest, ' ');

	ret->version = bytes_first(rest, blank);
	rest = bytes_skip(rest, blank + 1);
	ret->code = bytes_first(rest, bytes_index(rest, ' '));
	ret->reason = bytes_skip(rest, ret->code.size + 1);
	for (size_t i = 0; i < ret->code.size; i++)
		if (ret->code.ptr[i] < '0' || ret->code.ptr[i] > '9')
			return false;
	return is_version(ret->version) && ret->code.size == 3;
}

static bool read_request(struct sip_message *ret)
{
	struct bytes rest = ret->line;
	size_t blank = bytes_index(rest, ' ');

	ret->method = bytes_first(rest, blank);
	rest = bytes_skip(rest, blank + 1);
	blank = bytes_index(rest, ' ');
	ret->uri = bytes_first(rest, blank);
	ret->version = bytes_skip(rest, blank + 1);
	return is_token(ret->method) && ret->uri.size != 0 && is_version(ret->version);
}

enum sip_answer sip_line_read(struct bytes in, struct sip_message *ret)
{
	size_t end = bytes_index(in, '\n');

	*ret = (struct sip_message){ 0 };
	if (end == in.size)
		return in.size < SIP_HEAD_MAX ? SIP_MORE : SIP_BAD;
	ret->line = bytes_first(in, end);
	if (ret->line.size != 0 && ret->line.ptr[ret->line.size - 1] == '\r')
		ret->line.size--;
	ret->head_size = end + 1;
	ret->is_response = ret->line.size >= 4 && memcmp(ret->line.ptr, "SIP/", 4) == 0;
	return (ret->is_response ? read_status(ret) : read_request(ret)) ? SIP_OK : SIP_BAD;
}

/* One header with the lines that continue it (they begin with a blank). False: at the empty line or the end. */
static bool next_header(struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value)
{
	size_t end = bytes_index(*rest, '\n'), colon;
	struct bytes header;

	while (end + 1 < rest->size && (rest->ptr[end + 1] == ' ' || rest->ptr[end + 1] == '\t'))
		end = end + 1 + bytes_index(bytes_skip(*rest, end + 1), '\n');
	header = bytes_first(*rest, end);
	colon = bytes_index(header, ':');
	*rest = bytes_skip(*rest, end + 1);
	*ret_name = trim(bytes_first(header, colon));
	*ret_value = trim(bytes_skip(header, colon + 1));
	return colon < header.size && ret_name->size != 0;
}

enum sip_answer sip_message_read(struct bytes in, struct sip_message *ret)
{
	enum sip_answer answer = sip_line_read(in, ret);
	size_t begin = ret->head_size, at = begin;
	struct bytes rest, name, value;

	if (answer != SIP_OK)
		return answer;
	for (;;) {
		struct bytes line = bytes_skip(in, at);
		size_t end = bytes_index(line, '\n');

		if (end == line.size)
			return in.size < SIP_HEAD_MAX ? SIP_MORE : SIP_BAD;
		if (end == 0 || (end == 1 && line.ptr[0] == '\r')) {
			ret->head_size = at + end + 1;
			break;
		}
		at += end + 1;
	}
	ret->headers = rest = bytes_of(in.ptr + begin, at - begin);
	while (rest.size != 0)
		if (!next_header(&rest, &name, &value))
			return SIP_BAD;
	return SIP_OK;
}

bool sip_header(const struct sip_message *message, const char *name, char letter, uint32_t index, struct bytes *ret)
{
	struct bytes rest = message->headers, have, value;
	size_t size = strlen(name);

	while (rest.size != 0 && next_header(&rest, &have, &value)) {
		bool is_long = ascii_equal_nocase(have, bytes_of(name, size));
		bool is_short = letter && have.size == 1 && (have.ptr[0] | 0x20) == letter;

		if ((is_long || is_short) && index-- == 0) {
			*ret = value;
			return true;
		}
	}
	return false;
}
