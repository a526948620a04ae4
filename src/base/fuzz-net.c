// SPDX-License-Identifier: Apache-2.0
/* Whatever is accepted must survive being written and read again, and hold what its type promises. */
#include <assert.h>
#include <stdint.h>

#include "base/net.h"

static void check_addr(struct bytes in)
{
	char text[IP_ADDR_TEXT_SIZE];
	struct ip_addr addr, again;

	if (ip_addr_parse(in, &addr) < 0)
		return;
	assert(addr.family == IP_V4 || addr.family == IP_V6);
	ip_addr_format(&addr, text);
	assert(ip_addr_parse(bytes_from_str(text), &again) == 0);
	assert(ip_addr_equal(&addr, &again));
}

static void check_prefix(struct bytes in)
{
	char text[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix masked, strict;

	/* What the strict reader accepts is what the other one makes of it. */
	if (ip_prefix_parse(in, IP_PREFIX_MASK_HOST_BITS, &masked) < 0) {
		assert(ip_prefix_parse(in, 0, &strict) < 0);
		return;
	}
	if (ip_prefix_parse(in, 0, &strict) == 0)
		assert(ip_prefix_equal(&masked, &strict));
	assert(masked.length <= ip_addr_bits(&masked.addr));
	assert(ip_prefix_contains(&masked, &masked.addr));
	ip_prefix_format(&masked, text);
	assert(ip_prefix_parse(bytes_from_str(text), 0, &strict) == 0);
	assert(ip_prefix_equal(&masked, &strict));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_addr(bytes_of(data, size));
	check_prefix(bytes_of(data, size));
	return 0;
}
