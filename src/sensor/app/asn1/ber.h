// SPDX-License-Identifier: Apache-2.0
/* Elements of ASN.1 in the basic encoding (ITU-T X.690): tag, length, content. Tags of one byte and definite lengths
 * only, which is all that LDAP, Kerberos and SNMP use. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/cursor.h"

enum ber_tag {
	BER_BOOLEAN = 0x01,
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_OID = 0x06,
	BER_ENUM = 0x0a,
	BER_SEQUENCE = 0x30,
	BER_SET = 0x31,
	BER_CONTEXT = 0x80, /* | number: primitive, of the context */
	BER_CONTEXT_BUILT = 0xa0, /* | number: constructed */
	BER_APPLICATION = 0x40,
	BER_APPLICATION_BUILT = 0x60,
};

enum ber_answer { BER_OK, BER_MORE, BER_BAD };

/* Tag and length. With BER_OK the content lies behind, '*ret_size' bytes, whether they are there or not. */
static inline enum ber_answer ber_head(struct cursor *cur, uint8_t *ret_tag, size_t *ret_size)
{
	struct cursor at = *cur;
	uint8_t tag, first, byte;
	size_t size;

	if (!cursor_u8(&at, &tag))
		return BER_MORE;
	if ((tag & 0x1f) == 0x1f)
		return BER_BAD;
	if (!cursor_u8(&at, &first))
		return BER_MORE;
	size = first;
	if (first & 0x80) {
		if (first == 0x80 || first > 0x84)
			return BER_BAD;
		size = 0;
		for (unsigned int i = 0; i < (first & 0x7fu); i++) {
			if (!cursor_u8(&at, &byte))
				return BER_MORE;
			size = size << 8 | byte;
		}
	}
	*cur = at;
	*ret_tag = tag;
	*ret_size = size;
	return BER_OK;
}

/* The next element, whatever it is. */
MUST_CHECK static inline bool ber_any(struct cursor *cur, uint8_t *ret_tag, struct bytes *ret)
{
	struct cursor at = *cur;
	size_t size;

	if (ber_head(&at, ret_tag, &size) != BER_OK || !cursor_take(&at, size, ret))
		return false;
	*cur = at;
	return true;
}

/* The next element if it has this tag; otherwise nothing is taken. */
MUST_CHECK static inline bool ber_take(struct cursor *cur, uint8_t tag, struct bytes *ret)
{
	struct cursor at = *cur;
	uint8_t have = 0;

	if (!ber_any(&at, &have, ret) || have != tag)
		return false;
	*cur = at;
	return true;
}

/* Lays a cursor over the content of the next element of this tag. */
MUST_CHECK static inline bool ber_enter(struct cursor *cur, uint8_t tag, struct cursor *ret)
{
	struct bytes content;

	if (!ber_take(cur, tag, &content))
		return false;
	*ret = cursor_over(content);
	return true;
}

/* The content of an INTEGER or ENUMERATED of at most eight bytes, with its sign. */
MUST_CHECK static inline bool ber_number(struct bytes content, int64_t *ret)
{
	uint64_t value;

	if (content.size == 0 || content.size > 8)
		return false;
	value = content.ptr[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < content.size; i++)
		value = value << 8 | content.ptr[i];
	*ret = (int64_t)value;
	return true;
}

MUST_CHECK static inline bool ber_take_number(struct cursor *cur, uint8_t tag, int64_t *ret)
{
	struct bytes content;

	return ber_take(cur, tag, &content) && ber_number(content, ret);
}
