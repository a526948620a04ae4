// SPDX-License-Identifier: Apache-2.0
/* ICMP (RFC 792, 950, 1256) and ICMPv6 (RFC 4443, 4861, 2710, 3810): types, codes, and the datagram an error quotes. */
#include <netinet/in.h>

#include "sensor/decode/internal.h"

enum {
	ICMP_SIZE = 8,
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	PORTS_SIZE = 4,
	ICMP4_ROUTER_ADVERTISEMENT = 9,
	ICMP4_MOBILE_CODE = 16, /* of a router advertisement (RFC 5944) */
	ICMP6_PACKET_TOO_BIG = 2,
};

enum icmp_trait { HAS_ID = 1 << 0, QUOTES = 1 << 1, IS_MLD = 1 << 2, ANY_CODE = 1 << 3 };

struct icmp_kind {
	uint8_t type, code_max, traits;
};

static const struct icmp_kind icmp4_kinds[] = {
	{ 0, 0, HAS_ID },
	{ 3, 15, QUOTES },
	{ 4, 0, QUOTES },
	{ 5, 3, QUOTES },
	{ 8, 0, HAS_ID },
	{ ICMP4_ROUTER_ADVERTISEMENT, 0, 0 },
	{ 10, 0, 0 },
	{ 11, 1, QUOTES },
	{ 12, 2, QUOTES },
	{ 13, 0, HAS_ID },
	{ 14, 0, HAS_ID },
	{ 15, 0, HAS_ID },
	{ 16, 0, HAS_ID },
	{ 17, 0, HAS_ID },
	{ 18, 0, HAS_ID },
};

static const struct icmp_kind icmp6_kinds[] = {
	{ 1, 7, QUOTES },
	{ ICMP6_PACKET_TOO_BIG, 0, QUOTES },
	{ 3, 1, QUOTES },
	{ 4, 2, QUOTES },
	{ 128, 0, HAS_ID },
	{ 129, 0, HAS_ID },
	{ 130, 0, IS_MLD },
	{ 131, 0, IS_MLD },
	{ 132, 0, IS_MLD },
	{ 133, 0, 0 },
	{ 134, 0, 0 },
	{ 135, 0, 0 },
	{ 136, 0, 0 },
	{ 137, 0, 0 },
	{ 138, 0, ANY_CODE },
	{ 139, 2, 0 },
	{ 140, 2, 0 },
	{ 141, 0, 0 },
	{ 142, 0, 0 },
	{ 143, 0, 0 },
	{ 144, 0, 0 },
	{ 145, 0, 0 },
	{ 146, 0, 0 },
	{ 147, 0, 0 },
	{ 148, 0, ANY_CODE },
	{ 149, 0, ANY_CODE },
	{ 151, 0, ANY_CODE },
	{ 152, 0, ANY_CODE },
	{ 153, 0, ANY_CODE },
	{ 154, 0, ANY_CODE },
	{ 155, 0, ANY_CODE },
	{ 157, 0, ANY_CODE },
	{ 158, 0, ANY_CODE },
};

static const struct icmp_kind *find_kind(const struct icmp_kind *kinds, size_t count, uint8_t type)
{
	for (size_t i = 0; i < count; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* The quoted transport header, of which routers send eight bytes at least: ports, or type and code of ICMP. */
static void quoted_transport(struct packet_icmp *icmp, struct bytes in)
{
	if (in.size < PORTS_SIZE)
		return;
	switch (icmp->inner_protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		icmp->inner_sport = read_u16(in.ptr);
		icmp->inner_dport = read_u16(in.ptr + 2);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		icmp->inner_sport = in.ptr[0];
		icmp->inner_dport = in.ptr[1];
		break;
	default:
		return;
	}
	icmp->has_inner = true;
}

static void quoted_ipv4(struct sensor_packet *p, struct bytes in)
{
	struct packet_icmp *icmp = &p->icmp;
	size_t header_size;

	if (in.size < IPV4_SIZE) {
		decoder_raise(p, EVENT_ICMPV4_IPV4_TRUNC_PKT);
		return;
	}
	if (in.ptr[0] >> 4 != 4) {
		decoder_raise(p, EVENT_ICMPV4_IPV4_UNKNOWN_VER);
		return;
	}
	header_size = (size_t)(in.ptr[0] & 15) * 4;
	if (header_size < IPV4_SIZE || read_u16(in.ptr + 6) & 0x1fff)
		return;
	icmp->inner_protocol = in.ptr[9];
	icmp->inner_src = ip_addr_v4(in.ptr + 12);
	icmp->inner_dst = ip_addr_v4(in.ptr + 16);
	quoted_transport(icmp, bytes_skip(in, header_size));
}

static void quoted_ipv6(struct sensor_packet *p, struct bytes in)
{
	struct packet_icmp *icmp = &p->icmp;

	if (in.size < IPV6_SIZE) {
		decoder_raise(p, EVENT_ICMPV6_IPV6_TRUNC_PKT);
		return;
	}
	if (in.ptr[0] >> 4 != 6) {
		decoder_raise(p, EVENT_ICMPV6_IPV6_UNKNOWN_VERSION);
		return;
	}
	icmp->inner_protocol = in.ptr[6];
	icmp->inner_src = ip_addr_v6(in.ptr + 8);
	icmp->inner_dst = ip_addr_v6(in.ptr + 24);
	quoted_transport(icmp, bytes_skip(in, IPV6_SIZE));
}

/* Type, code, identifier: the same place in both. */
static void common_fields(struct sensor_packet *p, struct bytes in, const struct icmp_kind *kind)
{
	p->icmp = (struct packet_icmp){ .type = in.ptr[0], .code = in.ptr[1] };
	if (kind && kind->traits & HAS_ID) {
		p->icmp.has_id = true;
		p->icmp.id = read_u16(in.ptr + 4);
		p->icmp.seq = read_u16(in.ptr + 6);
	}
	p->payload = bytes_skip(in, ICMP_SIZE);
}

bool decode_icmp4(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	const struct icmp_kind *kind;

	decoder_count(d, COUNTER_DECODER_ICMPV4);
	if (in.size < ICMP_SIZE)
		return decoder_fail(p, EVENT_ICMPV4_PKT_TOO_SMALL);
	kind = find_kind(icmp4_kinds, sizeof(icmp4_kinds) / sizeof(*icmp4_kinds), in.ptr[0]);
	common_fields(p, in, kind);
	p->has_icmp4 = true;
	if (!kind) {
		decoder_raise(p, EVENT_ICMPV4_UNKNOWN_TYPE);
		return true;
	}
	if (p->icmp.code > kind->code_max &&
		!(kind->type == ICMP4_ROUTER_ADVERTISEMENT && p->icmp.code == ICMP4_MOBILE_CODE))
		decoder_raise(p, EVENT_ICMPV4_UNKNOWN_CODE);
	else if (kind->traits & QUOTES)
		quoted_ipv4(p, p->payload);
	return true;
}

/* Types without a kind: the registry has ranges nobody uses, and some for experiments (RFC 4443, section 2.1). */
static uint16_t icmp6_stranger(uint8_t type)
{
	if (type == 100 || type == 101 || type == 200 || type == 201)
		return EVENT_ICMPV6_EXPERIMENTATION_TYPE;
	if ((type > 4 && type < 127) || (type > 158 && type < 255))
		return EVENT_ICMPV6_UNASSIGNED_TYPE;
	return EVENT_ICMPV6_UNKNOWN_TYPE;
}

bool decode_icmp6(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	const struct icmp_kind *kind;

	decoder_count(d, COUNTER_DECODER_ICMPV6);
	if (in.size < ICMP_SIZE)
		return decoder_fail(p, EVENT_ICMPV6_PKT_TOO_SMALL);
	kind = find_kind(icmp6_kinds, sizeof(icmp6_kinds) / sizeof(*icmp6_kinds), in.ptr[0]);
	common_fields(p, in, kind);
	p->has_icmp6 = true;
	if (!kind) {
		decoder_raise(p, icmp6_stranger(p->icmp.type));
		return true;
	}
	if (kind->type == ICMP6_PACKET_TOO_BIG)
		p->icmp.mtu = read_u32(in.ptr + 4);
	/* Multicast listener messages stay on the link (RFC 2710, section 3). */
	if (kind->traits & IS_MLD && p->ttl != 1)
		decoder_raise(p, EVENT_ICMPV6_MLD_MESSAGE_WITH_INVALID_HL);
	if (p->icmp.code > kind->code_max && !(kind->traits & ANY_CODE))
		decoder_raise(p, EVENT_ICMPV6_UNKNOWN_CODE);
	else if (kind->traits & QUOTES)
		quoted_ipv6(p, p->payload);
	return true;
}
