// SPDX-License-Identifier: Apache-2.0
/* The texts are read and written by inet_pton(3) and inet_ntop(3), whose rules are as strict as ours. */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/error.h"

#define V4_SIZE 4
#define V6_SIZE 16

struct ip_addr ip_addr_v4(const void *bytes)
{
	struct ip_addr addr = { .family = IP_V4 };

	memcpy(addr.bytes, bytes, V4_SIZE);
	return addr;
}

struct ip_addr ip_addr_v6(const void *bytes)
{
	struct ip_addr addr = { .family = IP_V6 };

	memcpy(addr.bytes, bytes, V6_SIZE);
	return addr;
}

struct ip_prefix ip_prefix_of_addr(const struct ip_addr *addr)
{
	return (struct ip_prefix){ .addr = *addr, .length = ip_addr_bits(addr) };
}

static int system_family(const struct ip_addr *addr)
{
	return addr->family == IP_V4 ? AF_INET : AF_INET6;
}

int ip_addr_parse(struct bytes text, struct ip_addr *ret)
{
	char str[IP_ADDR_TEXT_SIZE];
	struct ip_addr addr = { 0 };

	if (!bytes_to_str(text, str, sizeof(str)))
		return LUYTRE_E_SYNTAX;
	addr.family = bytes_index(text, ':') < text.size ? IP_V6 : IP_V4;
	if (inet_pton(system_family(&addr), str, addr.bytes) != 1)
		return LUYTRE_E_SYNTAX;
	*ret = addr;
	return 0;
}

/* One to three digits without a leading zero. */
static int length_parse(struct bytes text, uint8_t bits, uint8_t *ret)
{
	unsigned int length = 0;

	if (bytes_empty(text) || (text.size > 1 && text.ptr[0] == '0'))
		return LUYTRE_E_SYNTAX;
	for (size_t i = 0; i < text.size; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return LUYTRE_E_SYNTAX;
		/* Stays above every valid length without wrapping around, however many digits follow. */
		length = length > bits ? length : length * 10 + (text.ptr[i] - '0');
	}
	if (length > bits)
		return LUYTRE_E_RANGE;
	*ret = (uint8_t)length;
	return 0;
}

int ip_prefix_parse(struct bytes text, unsigned int flags, struct ip_prefix *ret)
{
	size_t slash = bytes_index(text, '/');
	struct ip_prefix prefix, masked;
	struct ip_addr addr;
	int error = ip_addr_parse(bytes_first(text, slash), &addr);

	if (error < 0)
		return error;
	prefix = ip_prefix_of_addr(&addr);
	if (slash < text.size) {
		error = length_parse(bytes_skip(text, slash + 1), ip_addr_bits(&addr), &prefix.length);
		if (error < 0)
			return error;
	}
	masked = prefix;
	ip_prefix_mask(&masked);
	if (!(flags & IP_PREFIX_MASK_HOST_BITS) && !ip_prefix_equal(&prefix, &masked))
		return LUYTRE_E_HOST_BITS;
	*ret = masked;
	return 0;
}

const char *ip_addr_format(const struct ip_addr *addr, char text[IP_ADDR_TEXT_SIZE])
{
	/* Cannot fail: the family is known and the buffer is large enough. */
	inet_ntop(system_family(addr), addr->bytes, text, IP_ADDR_TEXT_SIZE);
	return text;
}

const char *ip_prefix_format(const struct ip_prefix *prefix, char text[IP_PREFIX_TEXT_SIZE])
{
	char addr_text[IP_ADDR_TEXT_SIZE];

	snprintf(text, IP_PREFIX_TEXT_SIZE, "%s/%u", ip_addr_format(&prefix->addr, addr_text), prefix->length);
	return text;
}

int ip_addr_compare(const struct ip_addr *left, const struct ip_addr *right)
{
	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return memcmp(left->bytes, right->bytes, left->family == IP_V4 ? V4_SIZE : V6_SIZE);
}

int ip_prefix_compare(const struct ip_prefix *left, const struct ip_prefix *right)
{
	int order = ip_addr_compare(&left->addr, &right->addr);

	return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

struct ip_prefix ip_prefix_around(const struct ip_addr *addr, uint8_t length)
{
	struct ip_prefix prefix = ip_prefix_of_addr(addr);

	if (length < prefix.length)
		prefix.length = length;
	ip_prefix_mask(&prefix);
	return prefix;
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	struct ip_prefix around = ip_prefix_around(addr, prefix->length);

	return ip_addr_equal(&prefix->addr, &around.addr);
}

bool ip_prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return outer->length <= inner->length && ip_prefix_contains(outer, &inner->addr);
}

void ip_prefix_mask(struct ip_prefix *prefix)
{
	size_t whole = prefix->length / 8;

	if (prefix->length >= ip_addr_bits(&prefix->addr))
		return;
	prefix->addr.bytes[whole] &= (uint8_t)(0xff00 >> prefix->length % 8);
	memset(prefix->addr.bytes + whole + 1, 0, V6_SIZE - whole - 1);
}
