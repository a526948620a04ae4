// SPDX-License-Identifier: Apache-2.0
#include "hub/tenants/canon.h"

#include <stdio.h>

enum { NAME_MAX_SIZE = 253, LABEL_MAX_SIZE = 63, PREFIX_MIN_V4 = 8, PREFIX_MIN_V6 = 19 };

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool label_valid(const char *label, size_t size)
{
	if (size == 0 || size > LABEL_MAX_SIZE || label[0] == '-' || label[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_digit(label[i]) && !(label[i] >= 'a' && label[i] <= 'z') && label[i] != '-' && label[i] != '_')
			return false;
	return true;
}

/* A last label of digits alone would be a broken IPv4 address. */
static bool last_label_valid(const char *label, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_digit(label[i]))
			return true;
	return false;
}

static int name_parse(struct bytes text, char *out, size_t out_size)
{
	size_t label = 0, labels = 0, size = 0;

	if (text.size > 0 && text.ptr[text.size - 1] == '.')
		text.size--;
	if (text.size > NAME_MAX_SIZE || text.size >= out_size)
		return LUYTRE_E_RANGE;
	for (; size < text.size; size++)
		out[size] = lower(text.ptr[size]);
	out[size] = '\0';
	for (size_t i = 0; i <= size; i++) {
		if (i < size && out[i] != '.')
			continue;
		if (!label_valid(out + label, i - label))
			return LUYTRE_E_SYNTAX;
		if (i == size && !last_label_valid(out + label, i - label))
			return LUYTRE_E_SYNTAX;
		label = i + 1;
		labels++;
	}
	return labels >= 2 ? 0 : LUYTRE_E_SYNTAX;
}

static void fold(struct ip_prefix *prefix)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (prefix->addr.family != IP_V6 || prefix->length < 96 ||
		memcmp(prefix->addr.bytes, mapped, sizeof(mapped)) != 0)
		return;
	prefix->addr = ip_addr_v4(prefix->addr.bytes + sizeof(mapped));
	prefix->length = (uint8_t)(prefix->length - 96);
}

static int prefix_parse(struct bytes text, struct asset_value *ret)
{
	char buffer[IP_PREFIX_TEXT_SIZE];
	int error = ip_prefix_parse(text, 0, &ret->prefix);

	if (error)
		return error;
	fold(&ret->prefix);
	if (ret->prefix.length < (ret->prefix.addr.family == IP_V4 ? PREFIX_MIN_V4 : PREFIX_MIN_V6))
		return LUYTRE_E_RANGE;
	ret->kind = ret->prefix.length == ip_addr_bits(&ret->prefix.addr) ? ASSET_KIND_ADDRESS : ASSET_KIND_PREFIX;
	snprintf(ret->text, sizeof(ret->text), "%s",
		ret->kind == ASSET_KIND_ADDRESS ? ip_addr_format(&ret->prefix.addr, buffer)
						: ip_prefix_format(&ret->prefix, buffer));
	return 0;
}

/* Host of a URL: a name or an address, IPv6 in brackets. */
static int host_parse(struct bytes text, char *out, size_t out_size)
{
	struct ip_addr addr;
	char buffer[IP_ADDR_TEXT_SIZE];

	if (text.size > 2 && text.ptr[0] == '[') {
		if (text.ptr[text.size - 1] != ']' ||
			ip_addr_parse(bytes_of(text.ptr + 1, text.size - 2), &addr) != 0 || addr.family != IP_V6)
			return LUYTRE_E_SYNTAX;
		snprintf(out, out_size, "[%s]", ip_addr_format(&addr, buffer));
		return 0;
	}
	if (ip_addr_parse(text, &addr) == 0 && addr.family == IP_V4) {
		snprintf(out, out_size, "%s", ip_addr_format(&addr, buffer));
		return 0;
	}
	return name_parse(text, out, out_size);
}

/* ":8443" of "host:8443" into '*ret' (0: none); the host is what is left. */
static int port_take(struct bytes *authority, uint32_t *ret)
{
	size_t colon = authority->size;

	*ret = 0;
	while (colon > 0 && is_digit((char)authority->ptr[colon - 1]))
		colon--;
	if (colon == 0 || authority->ptr[colon - 1] != ':')
		return 0;
	if (authority->size - colon > 5)
		return LUYTRE_E_SYNTAX;
	for (size_t i = colon; i < authority->size; i++)
		*ret = 10 * *ret + (uint32_t)(authority->ptr[i] - '0');
	if (*ret > UINT16_MAX || (*ret == 0 && colon < authority->size))
		return LUYTRE_E_SYNTAX;
	authority->size = colon - 1;
	return 0;
}

static int hex_value(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static bool is_unreserved(int c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

/* RFC 3986, section 6.2.2: "%7e" is "~", "%2f" is "%2F". */
static int path_copy(struct bytes in, char *out, size_t out_size)
{
	size_t size = 0;

	for (size_t i = 0; i < in.size; i++) {
		uint8_t c = in.ptr[i];
		int high, low;

		if (size + 4 > out_size)
			return LUYTRE_E_RANGE;
		if (c <= ' ' || c >= 0x7f || strchr("#\"<>\\^`{|}", c))
			return LUYTRE_E_SYNTAX;
		if (c != '%') {
			out[size++] = (char)c;
			continue;
		}
		high = i + 2 < in.size ? hex_value(in.ptr[i + 1]) : -1;
		low = i + 2 < in.size ? hex_value(in.ptr[i + 2]) : -1;
		if (high < 0 || low < 0)
			return LUYTRE_E_SYNTAX;
		if (is_unreserved(16 * high + low))
			out[size++] = (char)(16 * high + low);
		else
			size += (size_t)snprintf(
				out + size, out_size - size, "%%%02X", 16 * (unsigned int)high + (unsigned int)low);
		i += 2;
	}
	out[size] = '\0';
	return 0;
}

/* "." and ".." would be other ways to write another path. */
static bool has_dot_segment(const char *path)
{
	size_t end = strcspn(path, "?");

	for (size_t i = 0; i < end; i++) {
		size_t size = strcspn(path + i + 1, "/?");

		if (path[i] != '/')
			continue;
		if ((size == 1 && path[i + 1] == '.') || (size == 2 && path[i + 1] == '.' && path[i + 2] == '.'))
			return true;
	}
	return false;
}

static int url_parse(struct bytes text, const char *scheme, uint32_t default_port, struct asset_value *ret)
{
	char host[ASSET_VALUE_SIZE / 2], path[ASSET_VALUE_SIZE / 2] = "/", port_text[12] = "";
	struct bytes rest = bytes_skip(text, strlen(scheme) + 3), authority;
	size_t end = 0;
	uint32_t port;
	int error;

	while (end < rest.size && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
		end++;
	authority = bytes_first(rest, end);
	rest = bytes_skip(rest, end);
	error = port_take(&authority, &port);
	if (!error)
		error = host_parse(authority, host, sizeof(host));
	if (!error && rest.size > 0)
		error = rest.ptr[0] == '/' ? path_copy(rest, path, sizeof(path))
					   : path_copy(rest, path + 1, sizeof(path) - 1);
	if (!error && has_dot_segment(path))
		error = LUYTRE_E_SYNTAX;
	if (error)
		return error;
	if (port != 0 && port != default_port)
		snprintf(port_text, sizeof(port_text), ":%u", port);
	ret->kind = ASSET_KIND_URL;
	if (snprintf(ret->text, sizeof(ret->text), "%s://%s%s%s", scheme, host, port_text, path) >=
		(int)sizeof(ret->text))
		return LUYTRE_E_RANGE;
	return 0;
}

static bool has_scheme(struct bytes text, const char *scheme)
{
	size_t size = strlen(scheme);

	return text.size > size + 3 && strncasecmp((const char *)text.ptr, scheme, size) == 0 &&
	       memcmp(text.ptr + size, "://", 3) == 0;
}

int asset_value_parse(struct bytes text, struct asset_value *ret)
{
	struct asset_value value = { 0 };
	int error;

	if (text.size >= ASSET_VALUE_SIZE)
		return LUYTRE_E_RANGE;
	if (has_scheme(text, "http")) {
		error = url_parse(text, "http", 80, &value);
	} else if (has_scheme(text, "https")) {
		error = url_parse(text, "https", 443, &value);
	} else {
		error = prefix_parse(text, &value);
		if (error == LUYTRE_E_SYNTAX) {
			value.kind = ASSET_KIND_NAME;
			error = name_parse(text, value.text, sizeof(value.text));
		}
	}
	if (!error)
		*ret = value;
	return error;
}

/* Of a URL as it is stored: no user; "[2001:db8::1]:8080" loses brackets and port. */
static struct bytes host_of_url(struct bytes url)
{
	url = bytes_skip(url, bytes_index(url, '/') + 2);
	url = bytes_first(url, bytes_index(url, '/'));
	url = bytes_first(url, bytes_index(url, '?'));
	if (!bytes_empty(url) && url.ptr[0] == '[')
		return bytes_skip(bytes_first(url, bytes_index(url, ']')), 1);
	return bytes_first(url, bytes_index(url, ':'));
}

bool asset_place(enum asset_kind kind, struct bytes value, struct ip_prefix *ret_prefix, struct bytes *ret_name)
{
	if (kind == ASSET_KIND_URL)
		value = host_of_url(value);
	*ret_name = (struct bytes){ 0 };
	if (kind != ASSET_KIND_NAME && ip_prefix_parse(value, 0, ret_prefix) == 0)
		return true;
	if (kind == ASSET_KIND_NAME || kind == ASSET_KIND_URL)
		*ret_name = value;
	return false;
}

void asset_key_first(const struct ip_prefix *prefix, uint8_t key[ASSET_KEY_SIZE])
{
	key[0] = prefix->addr.family;
	memcpy(key + 1, prefix->addr.bytes, sizeof(prefix->addr.bytes));
}

void asset_key_last(const struct ip_prefix *prefix, uint8_t key[ASSET_KEY_SIZE])
{
	asset_key_first(prefix, key);
	for (uint32_t bit = prefix->length; bit < ip_addr_bits(&prefix->addr); bit++)
		key[1 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

bool tenants_text_valid(const char *text, size_t size_min, size_t size_max)
{
	size_t size = strnlen(text, size_max);

	if (size < size_min || size >= size_max)
		return false;
	if (size > 0 && (text[0] == ' ' || text[size - 1] == ' '))
		return false;
	for (size_t i = 0; i < size; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}
