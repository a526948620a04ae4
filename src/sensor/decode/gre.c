// SPDX-License-Identifier: Apache-2.0
/* GRE version 0 (RFC 1701, 2784, 2890) and 1 (PPTP, RFC 2637), and ERSPAN in it. */
#include "sensor/decode/internal.h"

enum {
	GRE_SIZE = 4,
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_STRICT_ROUTE = 0x0800,
	GRE_RECURSION = 0x0700,
	GRE0_FLAGS = 0x00f8,
	GRE1_ACK = 0x0080,
	GRE1_FLAGS = 0x0078,
	GRE_VERSION = 0x0007,
	TYPE_PPP = 0x880b,
	TYPE_ERSPAN = 0x88be,
	TYPE_BRIDGE = 0x6558,
	ROUTE_ENTRY_SIZE = 4,
	ERSPAN2_SIZE = 8,
};

/* Source route entries (RFC 1701): family, offset, length, until one of length 0. */
static bool skip_routing(struct cursor *cur)
{
	uint16_t family;
	uint8_t offset, length;

	do {
		if (!cursor_u16be(cur, &family) || !cursor_u8(cur, &offset) || !cursor_u8(cur, &length) ||
			!cursor_skip(cur, length))
			return false;
	} while (length);
	return true;
}

static bool inside_gre(struct decoder *d, struct sensor_packet *p, uint16_t flags, uint16_t type, struct bytes in)
{
	decode_fn decode = decode_find_ethertype(type);

	if (type == TYPE_BRIDGE)
		decode = decode_ethernet;
	else if (type == TYPE_PPP)
		decode = decode_ppp;
	if (type == TYPE_ERSPAN) {
		bool second = flags & GRE_SEQUENCE; /* type I has no sequence number and no header */

		if (second || d->erspan_type1)
			decode_tunnel(d, p, PACKET_SRC_ERSPAN, in, second ? decode_erspan2 : decode_erspan1);
		return true;
	}
	if (decode)
		decode_tunnel(d, p, PACKET_SRC_GRE_TUNNEL, in, decode);
	return true;
}

static bool gre_v0(struct decoder *d, struct sensor_packet *p, struct cursor cur, uint16_t flags, uint16_t type)
{
	size_t fields = 0;

	if (flags & GRE_RECURSION)
		return decoder_fail(p, EVENT_GRE_VERSION0_RECUR);
	if (flags & GRE0_FLAGS)
		return decoder_fail(p, EVENT_GRE_VERSION0_FLAGS);
	if (flags & (GRE_CHECKSUM | GRE_ROUTING))
		fields += 4; /* checksum and offset share a word */
	if (flags & GRE_KEY)
		fields += 4;
	if (flags & GRE_SEQUENCE)
		fields += 4;
	if (!cursor_skip(&cur, fields))
		return decoder_fail(p, EVENT_GRE_VERSION0_HDR_TOO_BIG);
	if (flags & GRE_ROUTING && !skip_routing(&cur))
		return decoder_fail(p, EVENT_GRE_VERSION0_MALFORMED_SRE_HDR);
	return inside_gre(d, p, flags, type, cursor_rest(&cur));
}

static bool gre_v1(struct decoder *d, struct sensor_packet *p, struct cursor cur, uint16_t flags, uint16_t type)
{
	static const struct {
		uint16_t bits, event;
	} forbidden[] = {
		{ GRE_CHECKSUM, EVENT_GRE_VERSION1_CHKSUM },
		{ GRE_ROUTING, EVENT_GRE_VERSION1_ROUTE },
		{ GRE_STRICT_ROUTE, EVENT_GRE_VERSION1_SSR },
		{ GRE_RECURSION, EVENT_GRE_VERSION1_RECUR },
		{ GRE1_FLAGS, EVENT_GRE_VERSION1_FLAGS },
	};
	size_t fields = 4; /* the key: payload length and call id */

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		if (flags & forbidden[i].bits)
			return decoder_fail(p, forbidden[i].event);
	if (type != TYPE_PPP)
		return decoder_fail(p, EVENT_GRE_VERSION1_WRONG_PROTOCOL);
	if (!(flags & GRE_KEY))
		return decoder_fail(p, EVENT_GRE_VERSION1_NO_KEY);
	if (flags & GRE_SEQUENCE)
		fields += 4;
	if (flags & GRE1_ACK)
		fields += 4;
	if (!cursor_skip(&cur, fields))
		return decoder_fail(p, EVENT_GRE_VERSION1_HDR_TOO_BIG);
	if (cursor_left(&cur)) /* an acknowledgement alone carries nothing */
		decode_tunnel(d, p, PACKET_SRC_GRE_TUNNEL, cursor_rest(&cur), decode_ppp);
	return true;
}

bool decode_gre(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	struct cursor cur = cursor_over(in);
	uint16_t flags, type;

	decoder_count(d, COUNTER_DECODER_GRE);
	if (!cursor_u16be(&cur, &flags) || !cursor_u16be(&cur, &type))
		return decoder_fail(p, EVENT_GRE_PKT_TOO_SMALL);
	p->has_gre = true;
	switch (flags & GRE_VERSION) {
	case 0:
		return gre_v0(d, p, cur, flags, type);
	case 1:
		return gre_v1(d, p, cur, flags, type);
	default:
		return decoder_fail(p, EVENT_GRE_WRONG_VERSION);
	}
}

bool decode_erspan1(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_ERSPAN);
	return decode_ethernet(d, p, in);
}

/* Version 1 is type II: VLAN, class, session, index; then the mirrored frame. */
bool decode_erspan2(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint16_t vlan;

	decoder_count(d, COUNTER_DECODER_ERSPAN);
	if (in.size < ERSPAN2_SIZE)
		return decoder_fail(p, EVENT_ERSPAN_HEADER_TOO_SMALL);
	if (in.ptr[0] >> 4 != 1)
		return decoder_fail(p, EVENT_ERSPAN_UNSUPPORTED_VERSION);
	vlan = read_u16(in.ptr) & 0x0fff;
	if (vlan) {
		if (p->vlan_count == PACKET_VLAN_MAX)
			return decoder_fail(p, EVENT_ERSPAN_TOO_MANY_VLAN_LAYERS);
		p->vlan_ids[p->vlan_count++] = vlan;
	}
	return decode_ethernet(d, p, bytes_skip(in, ERSPAN2_SIZE));
}
