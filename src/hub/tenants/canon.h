// SPDX-License-Identifier: Apache-2.0
/* The one written form of what an asset is, so that the same thing is never stored twice.
 *
 *	192.0.2.7, 2001:db8::1		address; IPv4 inside of IPv6 (::ffff:192.0.2.7) becomes IPv4
 *	192.0.2.0/24			prefix; no bits behind the length; /8 (IPv4), /19 (IPv6) are the widest
 *	www.example.vn			name (RFC 1123 and "_"): small letters, no dot at the end, two labels or more
 *	https://www.example.vn/x?y	URL (RFC 3986): http or https, small host, no default port, no user, no
 *					fragment, no "." or ".." in the path, hex digits large
 *
 * Any bytes may be given. No state, any thread. */
#pragma once

#include "hub/tenants/tenants.h"

enum { ASSET_KEY_SIZE = 17 };

struct asset_value {
	enum asset_kind kind;
	struct ip_prefix prefix; /* of an address or a prefix */
	char text[ASSET_VALUE_SIZE];
};

/* 0 or LUYTRE_E_SYNTAX, LUYTRE_E_RANGE (too wide, too long), LUYTRE_E_HOST_BITS. */
MUST_CHECK int asset_value_parse(struct bytes text, struct asset_value *ret);

/* Where a web server is asked for an asset, of its value as it is stored: true with '*ret_prefix' (addresses, prefixes, URLs of addresses),
 * else false with '*ret_name', a part of 'value' (names, and hosts of URLs). */
bool asset_place(enum asset_kind kind, struct bytes value, struct ip_prefix *ret_prefix, struct bytes *ret_name);

/* The first and the last address as bytes that sort as addresses do. */
void asset_key_first(const struct ip_prefix *prefix, uint8_t key[ASSET_KEY_SIZE]);
void asset_key_last(const struct ip_prefix *prefix, uint8_t key[ASSET_KEY_SIZE]);

/* UTF-8 without control characters, blanks at neither end, at least 'size_min' and below 'size_max' bytes. */
bool tenants_text_valid(const char *text, size_t size_min, size_t size_max);
