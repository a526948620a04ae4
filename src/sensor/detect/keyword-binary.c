// SPDX-License-Identifier: Apache-2.0
/* Conditions that read binary structures in the payload: asn1 (X.690) and rpc (RFC 5531).
 *
 *	asn1:bitstring_overflow, double_overflow, oversize_length 500, relative_offset 0
 *	rpc:100000, *, 3 */
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/value.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/text.h"

/* ---- asn1 ---- */

enum {
	ASN1_ELEMENTS_MAX = 256, /* that are looked at from one place on */
	ASN1_BIT_STRING = 3,
	ASN1_REAL = 9,
	ASN1_CONSTRUCTED = 0x20,
	ASN1_TAG = 0x1f,
	ASN1_CLASS = 0xc0,
	ASN1_REAL_DECIMAL = 0xc0, /* no bit of these: a decimal number as text (X.690, section 8.5.8) */
	ASN1_REAL_MAX = 256,
};

struct asn1_wanted {
	bool bit_string, real, oversize, relative;
	uint32_t oversize_length;
	int32_t place; /* absolute, or relative to the end of the last match */
};

struct asn1_element {
	uint8_t type;
	uint64_t length;
	bool indefinite;
	struct bytes content; /* as much of it as there is */
};

static bool read_tag(struct cursor *cur, uint8_t *ret)
{
	uint8_t byte;

	if (!cursor_u8(cur, ret))
		return false;
	if ((*ret & ASN1_TAG) != ASN1_TAG)
		return true;
	do {
		if (!cursor_u8(cur, &byte))
			return false;
	} while (byte & 0x80);
	return true;
}

static bool read_element(struct cursor *cur, struct asn1_element *ret)
{
	uint8_t first, byte;

	if (!read_tag(cur, &ret->type) || !cursor_u8(cur, &first))
		return false;
	ret->length = first & 0x7f;
	ret->indefinite = first == 0x80;
	if (first & 0x80) {
		ret->length = 0;
		for (unsigned int left = first & 0x7f; left > 0; left--) {
			if (!cursor_u8(cur, &byte))
				return false;
			ret->length = ret->length >> 56 ? UINT64_MAX : ret->length << 8 | byte;
		}
	}
	ret->content =
		bytes_first(cursor_rest(cur), ret->length < cursor_left(cur) ? (size_t)ret->length : cursor_left(cur));
	return true;
}

static bool element_is_wanted(const struct asn1_element *element, const struct asn1_wanted *wanted)
{
	bool primitive = !(element->type & (ASN1_CONSTRUCTED | ASN1_CLASS));
	uint8_t tag = element->type & ASN1_TAG;

	if (wanted->oversize && element->length > wanted->oversize_length)
		return true;
	if (!primitive || element->content.size == 0)
		return false;
	/* More unused bits than there are, or more than an octet has. */
	if (wanted->bit_string && tag == ASN1_BIT_STRING)
		return element->content.ptr[0] > 7 || (element->length - 1) * 8 < element->content.ptr[0];
	return wanted->real && tag == ASN1_REAL && (element->content.ptr[0] & ASN1_REAL_DECIMAL) == 0 &&
	       element->length > ASN1_REAL_MAX;
}

/* Elements in the order they stand in, those inside others included. */
static bool asn1_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct asn1_wanted *wanted = match->data;
	const struct detect_buffer *buffer = target;
	int64_t place = wanted->place + (wanted->relative ? (int64_t)buffer->cursor : -(int64_t)buffer->offset);
	struct cursor cur;

	if (place < 0 || (uint64_t)place >= buffer->data.size)
		return false;
	cur = cursor_over(bytes_skip(buffer->data, (size_t)place));
	for (unsigned int i = 0; i < ASN1_ELEMENTS_MAX; i++) {
		struct asn1_element element;

		if (!read_element(&cur, &element))
			return false;
		if (element_is_wanted(&element, wanted))
			return true;
		if (!(element.type & ASN1_CONSTRUCTED) && !cursor_skip(&cur, element.content.size))
			return false;
	}
	return false;
}

static const struct rule_match_ops asn1_ops = { .name = "asn1", .target = RULE_TARGET_BUFFER, .match = asn1_match };

static bool read_offset(struct bytes text, int32_t *ret)
{
	bool negative = text.size != 0 && text.ptr[0] == '-';
	uint32_t number;

	if (!rule_text_u32(negative ? bytes_skip(text, 1) : text, &number) || number > UINT16_MAX)
		return false;
	*ret = negative ? -(int32_t)number : (int32_t)number;
	return true;
}

static bool read_asn1_option(struct bytes item, struct asn1_wanted *wanted)
{
	static const char *const names[] = { "bitstring_overflow", "double_overflow", "oversize_length",
		"absolute_offset", "relative_offset", NULL };
	struct bytes rest = item, word;

	if (!rule_text_item(&rest, ' ', &word))
		return false;
	rest = rule_text_trim(rest);
	switch (rule_text_choice(word, names)) {
	case 0:
		wanted->bit_string = true;
		return rest.size == 0;
	case 1:
		wanted->real = true;
		return rest.size == 0;
	case 2:
		wanted->oversize = true;
		return rule_text_u32(rest, &wanted->oversize_length);
	case 3:
		return !wanted->relative && read_offset(rest, &wanted->place) && wanted->place >= 0;
	case 4:
		wanted->relative = true;
		return wanted->place == 0 && read_offset(rest, &wanted->place);
	default:
		return false;
	}
}

static int asn1_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct asn1_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes item;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = (struct asn1_wanted){ .place = 0 };
	while (rule_text_item(&value, ',', &item))
		if (!read_asn1_option(item, wanted))
			return rule_builder_error(builder, "asn1: \"%.*s\" cannot be understood here", (int)item.size,
				(const char *)item.ptr);
	if (!wanted->bit_string && !wanted->real && !wanted->oversize)
		return rule_builder_error(builder, "asn1 wants bitstring_overflow, double_overflow or oversize_length");
	return value_add(builder, &asn1_ops, wanted, wanted->relative) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- rpc: program, version, procedure of a call ---- */

enum { RPC_CALL = 0, RPC_VERSION = 2, RPC_MARK_SIZE = 4, RPC_NUMBERS = 3 };

struct rpc_wanted {
	bool any[RPC_NUMBERS];
	uint32_t numbers[RPC_NUMBERS];
};

static bool rpc_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct sensor_packet *p = context->packet;
	const struct rpc_wanted *wanted = match->data;
	struct cursor cur = cursor_over(p->payload);
	uint32_t type, version, number;

	/* Over TCP a record has a mark in front. */
	if ((p->has_tcp && !cursor_skip(&cur, RPC_MARK_SIZE)) || !cursor_skip(&cur, 4) || !cursor_u32be(&cur, &type) ||
		!cursor_u32be(&cur, &version) || type != RPC_CALL || version != RPC_VERSION)
		return false;
	for (unsigned int i = 0; i < RPC_NUMBERS; i++)
		if (!cursor_u32be(&cur, &number) || (!wanted->any[i] && number != wanted->numbers[i]))
			return false;
	return true;
}

static const struct rule_match_ops rpc_ops = { .name = "rpc", .target = RULE_TARGET_PACKET, .match = rpc_match };

static int rpc_parse(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct rpc_wanted *wanted = arena_alloc(rule_builder_arena(builder), sizeof(*wanted));
	struct bytes item;
	unsigned int count = 0;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = (struct rpc_wanted){ .any = { true, true, true } };
	for (; rule_text_item(&value, ',', &item); count++) {
		if (count == RPC_NUMBERS)
			return rule_builder_error(builder, "rpc: there is something behind the procedure");
		wanted->any[count] = count != 0 && bytes_equal_str(item, "*");
		if (!wanted->any[count] && !rule_text_u32(item, &wanted->numbers[count]))
			return rule_builder_error(builder, "rpc wants a program, then a version and a procedure or *");
	}
	if (count == 0)
		return rule_builder_error(builder, "rpc wants the number of a program");
	return rule_builder_add(builder, &rpc_ops, wanted) ? 0 : LUYTRE_E_NOMEM;
}

extern const struct rule_keyword detect_binary_keywords[];
const struct rule_keyword detect_binary_keywords[] = {
	{ "asn1", NULL, 0, asn1_parse, "elements of BER that overflow those who read them" },
	{ "rpc", NULL, 0, rpc_parse, "program, version and procedure of an RPC call" },
	{ NULL, NULL, 0, NULL, NULL },
};
