// SPDX-License-Identifier: Apache-2.0
#include "sensor/rules/address.h"

#include <stdio.h>

#include "base/error.h"
#include "sensor/rules/ranges.h"
#include "sensor/rules/text.h"

enum { FAMILY_V4, FAMILY_V6 };

static range_value value_of(const struct ip_addr *addr)
{
	range_value value = 0;

	for (int i = 0; i < ip_addr_bits(addr) / 8; i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static range_value ones(unsigned int count)
{
	return count >= 128 ? ~(range_value)0 : ((range_value)1 << count) - 1;
}

/* The length of "/24" or, for IPv4, of "/255.255.255.0"; -1: neither. */
static int mask_length(struct bytes text, unsigned int bits)
{
	struct ip_addr mask;
	uint64_t length;
	uint32_t value;

	if (rule_text_u64(text, &length))
		return length <= bits ? (int)length : -1;
	if (bits != 32 || ip_addr_parse(text, &mask) < 0 || mask.family != IP_V4)
		return -1;
	value = (uint32_t)value_of(&mask);
	if ((~value & (~value + 1)) != 0)
		return -1;
	return value == 0 ? 0 : __builtin_popcount(value);
}

static const char *parse_address(struct bytes text, uint8_t *ret_family, struct range *ret)
{
	size_t dash = bytes_index(text, '-'), slash = bytes_index(text, '/');
	size_t size = dash < slash ? dash : slash;
	struct ip_addr first, last;
	int length;

	if (ip_addr_parse(rule_text_trim(bytes_first(text, size)), &first) < 0)
		return "not an address";
	*ret_family = first.family == IP_V4 ? FAMILY_V4 : FAMILY_V6;
	ret->low = ret->high = value_of(&first);
	if (dash < text.size) {
		if (ip_addr_parse(rule_text_trim(bytes_skip(text, dash + 1)), &last) < 0 || last.family != first.family)
			return "not an address behind '-'";
		ret->high = value_of(&last);
		return ret->high < ret->low ? "the range ends before it begins" : NULL;
	}
	if (slash < text.size) {
		length = mask_length(rule_text_trim(bytes_skip(text, slash + 1)), ip_addr_bits(&first));
		if (length < 0)
			return "not a prefix length";
		ret->low &= ~ones(ip_addr_bits(&first) - (unsigned int)length);
		ret->high = ret->low | ones(ip_addr_bits(&first) - (unsigned int)length);
	}
	return NULL;
}

static bool parse_port(struct bytes text, range_value fallback, range_value *ret)
{
	uint64_t value;

	text = rule_text_trim(text);
	*ret = fallback;
	if (text.size == 0)
		return true;
	if (!rule_text_u64(text, &value) || value > UINT16_MAX)
		return false;
	*ret = value;
	return true;
}

static const char *parse_ports(struct bytes text, uint8_t *ret_family, struct range *ret)
{
	size_t colon = bytes_index(text, ':');

	*ret_family = 0;
	if (text.size == 1 && colon == 0)
		return "not a port";
	if (!parse_port(bytes_first(text, colon), 0, &ret->low))
		return "not a port";
	ret->high = ret->low;
	if (colon < text.size && !parse_port(bytes_skip(text, colon + 1), UINT16_MAX, &ret->high))
		return "not a port behind ':'";
	return ret->high < ret->low ? "the range ends before it begins" : NULL;
}

static const struct range_grammar address_grammar = {
	.what = "address",
	.family_count = 2,
	.most = { UINT32_MAX, ~(range_value)0 },
	.parse = parse_address,
};

static const struct range_grammar port_grammar = {
	.what = "port",
	.family_count = 1,
	.most = { UINT16_MAX },
	.parse = parse_ports,
};

/* The two types differ in name only, so that nobody confuses their numbers. */
static struct range_sets *of_addresses(const struct address_sets *sets)
{
	return (struct range_sets *)(uintptr_t)sets;
}

static struct range_sets *of_ports(const struct port_sets *sets)
{
	return (struct range_sets *)(uintptr_t)sets;
}

struct address_sets *address_sets_new(const struct conf_node *vars)
{
	return (struct address_sets *)range_sets_new(&address_grammar, vars);
}

struct port_sets *port_sets_new(const struct conf_node *vars)
{
	return (struct port_sets *)range_sets_new(&port_grammar, vars);
}

void address_sets_free(struct address_sets *sets)
{
	range_sets_free(of_addresses(sets));
}

void port_sets_free(struct port_sets *sets)
{
	range_sets_free(of_ports(sets));
}

int address_sets_intern(struct address_sets *sets, struct bytes text, char message[ADDRESS_MESSAGE_SIZE], uint32_t *ret)
{
	return range_sets_intern(of_addresses(sets), text, message, ADDRESS_MESSAGE_SIZE, ret);
}

int port_sets_intern(struct port_sets *sets, struct bytes text, char message[ADDRESS_MESSAGE_SIZE], uint32_t *ret)
{
	return range_sets_intern(of_ports(sets), text, message, ADDRESS_MESSAGE_SIZE, ret);
}

int address_sets_tenant(
	struct address_sets *sets, uint32_t tenant, const struct conf_node *vars, char message[ADDRESS_MESSAGE_SIZE])
{
	return range_sets_tenant(of_addresses(sets), tenant, vars, message, ADDRESS_MESSAGE_SIZE);
}

int port_sets_tenant(
	struct port_sets *sets, uint32_t tenant, const struct conf_node *vars, char message[ADDRESS_MESSAGE_SIZE])
{
	return range_sets_tenant(of_ports(sets), tenant, vars, message, ADDRESS_MESSAGE_SIZE);
}

/* By halving: lists are sorted and apart. */
static bool list_has(const struct range_list *list, range_value value)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (value < list->items[middle].low)
			high = middle;
		else if (value > list->items[middle].high)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

bool address_sets_match(const struct address_sets *sets, uint32_t set, uint32_t tenant, const struct ip_addr *addr)
{
	const struct range_set *value;

	if (set == 0)
		return true;
	value = range_sets_get(of_addresses(sets), set, tenant);
	if (value->any)
		return true;
	return list_has(&value->families[addr->family == IP_V4 ? FAMILY_V4 : FAMILY_V6], value_of(addr));
}

bool port_sets_match(const struct port_sets *sets, uint32_t set, uint32_t tenant, uint16_t port)
{
	const struct range_set *value;

	if (set == 0)
		return true;
	value = range_sets_get(of_ports(sets), set, tenant);
	return value->any || list_has(&value->families[0], port);
}

bool address_sets_is_any(const struct address_sets *sets, uint32_t set)
{
	return set == 0 || range_sets_is_any(of_addresses(sets), set);
}

bool port_sets_is_any(const struct port_sets *sets, uint32_t set)
{
	return set == 0 || range_sets_is_any(of_ports(sets), set);
}

bool address_sets_is_negated(const struct address_sets *sets, uint32_t set)
{
	return set != 0 && range_sets_get(of_addresses(sets), set, 0)->negated;
}

uint32_t address_sets_count(const struct address_sets *sets)
{
	return range_sets_count(of_addresses(sets));
}

uint32_t port_sets_count(const struct port_sets *sets)
{
	return range_sets_count(of_ports(sets));
}

int address_sets_regions(const struct address_sets *sets, struct regions **ret)
{
	return regions_new(of_addresses(sets), &address_grammar, ret);
}

int port_sets_regions(const struct port_sets *sets, struct regions **ret)
{
	return regions_new(of_ports(sets), &port_grammar, ret);
}

uint32_t regions_address(const struct regions *regions, const struct ip_addr *addr)
{
	return regions_find(regions, addr->family == IP_V4 ? FAMILY_V4 : FAMILY_V6, value_of(addr));
}

uint32_t regions_port(const struct regions *regions, uint16_t port)
{
	return regions_find(regions, 0, port);
}
