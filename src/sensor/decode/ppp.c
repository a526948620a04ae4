// SPDX-License-Identifier: Apache-2.0
/* PPP (RFC 1661) and PPP over Ethernet (RFC 2516). */
#include "sensor/decode/internal.h"

enum {
	PPP_IPV4 = 0x0021,
	PPP_VJ_COMPRESSED = 0x002d,
	PPP_VJ_UNCOMPRESSED = 0x002f,
	PPP_IPV6 = 0x0057,
	PPPOE_SIZE = 6,
	PPPOE_TAG_SIZE = 4,
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
};

/* Network protocols with a number but no decoder: OSI, XNS, DECnet, AppleTalk, IPX, bridging, Stream, Vines, MP. */
static const uint16_t unsupported[] = { 0x0023, 0x0025, 0x0027, 0x0029, 0x002b, PPP_VJ_COMPRESSED, 0x0031, 0x0033,
	0x0035, 0x003d, 0x00fb, 0x00fd };

static bool is_unsupported(uint16_t protocol)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(*unsupported); i++)
		if (unsupported[i] == protocol)
			return true;
	return false;
}

/* From 0x4000 on: protocols of low traffic and those that negotiate; nothing to look at, nothing wrong. The last bit of
 * the first byte is 0, of the second 1 (RFC 1661, section 2). */
static bool is_control(uint16_t protocol)
{
	return protocol >= 0x4000 && (protocol & 0x0101) == 0x0001;
}

static bool inside_ppp(struct decoder *d, struct sensor_packet *p, uint16_t protocol, struct bytes in)
{
	switch (protocol) {
	case PPP_VJ_UNCOMPRESSED:
		if (in.size < IPV4_SIZE)
			return decoder_fail(p, EVENT_PPP_VJU_PKT_TOO_SMALL);
		return in.ptr[0] >> 4 != 4 || decode_ipv4(d, p, in);
	case PPP_IPV4:
		if (in.size < IPV4_SIZE)
			return decoder_fail(p, EVENT_PPP_IP4_PKT_TOO_SMALL);
		return decode_ipv4(d, p, in);
	case PPP_IPV6:
		if (in.size < IPV6_SIZE)
			return decoder_fail(p, EVENT_PPP_IP6_PKT_TOO_SMALL);
		return decode_ipv6(d, p, in);
	default:
		if (is_control(protocol))
			return true;
		if (!is_unsupported(protocol))
			return decoder_fail(p, EVENT_PPP_WRONG_TYPE);
		decoder_raise(p, EVENT_PPP_UNSUP_PROTO);
		return true;
	}
}

/* The protocol field has one byte when that one is odd. */
static bool ppp_protocol(struct cursor *cur, uint16_t *ret)
{
	uint8_t first;

	if (!cursor_u8(cur, &first))
		return false;
	*ret = first;
	if (first & 1)
		return true;
	cur->pos--;
	return cursor_u16be(cur, ret);
}

bool decode_ppp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	uint16_t protocol;

	decoder_count(d, COUNTER_DECODER_PPP);
	/* Address and control are there unless they were negotiated away. */
	if (in.size >= 2 && in.ptr[0] == 0xff && in.ptr[1] == 0x03)
		cur.pos += 2;
	if (!ppp_protocol(&cur, &protocol))
		return decoder_fail(p, EVENT_PPP_PKT_TOO_SMALL);
	return inside_ppp(d, p, protocol, cursor_rest(&cur));
}

bool decode_pppoe_session(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	struct cursor cur;
	uint16_t length, protocol;

	decoder_count(d, COUNTER_DECODER_PPPOE);
	if (in.size < PPPOE_SIZE)
		return decoder_fail(p, EVENT_PPPOE_PKT_TOO_SMALL);
	if (in.ptr[1] != 0)
		return decoder_fail(p, EVENT_PPPOE_WRONG_CODE);
	length = read_u16(in.ptr + 4);
	in = bytes_skip(in, PPPOE_SIZE);
	if (length > in.size)
		return decoder_fail(p, EVENT_PPPOE_PKT_TOO_SMALL);
	cur = cursor_over(bytes_first(in, length));
	if (!ppp_protocol(&cur, &protocol))
		return decoder_fail(p, EVENT_PPPOE_PKT_TOO_SMALL);
	return inside_ppp(d, p, protocol, cursor_rest(&cur));
}

bool decode_pppoe_discovery(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	static const uint8_t codes[] = { 0x09, 0x07, 0x19, 0x65, 0xa7 }; /* PADI, PADO, PADR, PADS, PADT */
	struct bytes tags;
	uint16_t length;

	decoder_count(d, COUNTER_DECODER_PPPOE);
	if (in.size < PPPOE_SIZE)
		return decoder_fail(p, EVENT_PPPOE_PKT_TOO_SMALL);
	if (bytes_index(bytes_of(codes, sizeof(codes)), in.ptr[1]) == sizeof(codes))
		return decoder_fail(p, EVENT_PPPOE_WRONG_CODE);
	length = read_u16(in.ptr + 4);
	tags = bytes_skip(in, PPPOE_SIZE);
	if (length > tags.size) {
		decoder_raise(p, EVENT_PPPOE_MALFORMED_TAGS);
		return true;
	}
	for (tags = bytes_first(tags, length); !bytes_empty(tags); tags = bytes_skip(tags, length)) {
		if (tags.size < PPPOE_TAG_SIZE || (length = read_u16(tags.ptr + 2)) > tags.size - PPPOE_TAG_SIZE) {
			decoder_raise(p, EVENT_PPPOE_MALFORMED_TAGS);
			break;
		}
		tags = bytes_skip(tags, PPPOE_TAG_SIZE);
	}
	return true;
}
