// SPDX-License-Identifier: Apache-2.0
/* Link layers with a type field: Ethernet, its tags, and the headers that captures have in its place. */
#include "sensor/decode/internal.h"

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_8021Q = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_PPPOE_DISCOVERY = 0x8863,
	ETHER_PPPOE_SESSION = 0x8864,
	ETHER_8021AD = 0x88a8,
	ETHER_8021AH = 0x88e7,
	ETHER_DCE = 0x8903,
	ETHER_VNTAG = 0x8926,
	ETHER_NSH = 0x894f,
	ETHER_QINQ = 0x9100,

	ETHERNET_SIZE = 14,
	VLAN_SIZE = 4,
	ITAG_SIZE = 18,
	VNTAG_SIZE = 6,
	DCE_TAG_SIZE = 2,
	SLL_SIZE = 16,
	SLL2_SIZE = 20,
	CHDLC_SIZE = 4,
	NULL_SIZE = 4,
};

static const struct {
	uint16_t type;
	decode_fn decode;
} ethertypes[] = {
	{ ETHER_IPV4, decode_ipv4 },
	{ ETHER_IPV6, decode_ipv6 },
	{ ETHER_8021Q, decode_vlan },
	{ ETHER_8021AD, decode_vlan },
	{ ETHER_QINQ, decode_vlan },
	{ ETHER_ARP, decode_arp },
	{ ETHER_MPLS, decode_mpls },
	{ ETHER_MPLS_MULTICAST, decode_mpls },
	{ ETHER_PPPOE_SESSION, decode_pppoe_session },
	{ ETHER_PPPOE_DISCOVERY, decode_pppoe_discovery },
	{ ETHER_8021AH, decode_ieee8021ah },
	{ ETHER_VNTAG, decode_vntag },
	{ ETHER_DCE, decode_dce },
	{ ETHER_NSH, decode_nsh },
};

decode_fn decode_find_ethertype(uint16_t type)
{
	for (size_t i = 0; i < sizeof(ethertypes) / sizeof(*ethertypes); i++)
		if (ethertypes[i].type == type)
			return ethertypes[i].decode;
	return NULL;
}

bool decode_ethertype(struct decoder *d, struct sensor_packet *p, uint16_t type, struct bytes in)
{
	decode_fn decode = decode_find_ethertype(type);

	p->ethertype = type;
	if (!decode || (decode == decode_vntag && !d->vntag))
		return false;
	if (decoder_layer(d, p))
		decode(d, p, in);
	return true;
}

/* A type that no decoder knows, in a link header: counted and noted, the packet is otherwise in order. */
static void link_type(struct decoder *d, struct sensor_packet *p, uint16_t type, struct bytes in)
{
	if (decode_ethertype(d, p, type, in))
		return;
	decoder_count(d, COUNTER_DECODER_UNKNOWN_ETHERTYPE);
	decoder_raise(p, EVENT_ETHERNET_UNKNOWN_ETHERTYPE);
}

bool decode_ethernet(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_ETHERNET);
	if (in.size < ETHERNET_SIZE)
		return decoder_fail(p, EVENT_ETHERNET_PKT_TOO_SMALL);
	p->ethernet = bytes_first(in, ETHERNET_SIZE);
	link_type(d, p, read_u16(in.ptr + 12), bytes_skip(in, ETHERNET_SIZE));
	return true;
}

/* Cisco FabricPath: a tag of two bytes behind the outer header, then a whole Ethernet frame. */
bool decode_dce(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	if (in.size < DCE_TAG_SIZE)
		return decoder_fail(p, EVENT_DCE_PKT_TOO_SMALL);
	return decode_ethernet(d, p, bytes_skip(in, DCE_TAG_SIZE));
}

/* IEEE 802.1Q and 802.1ad: each tag is counted as what it is, the first, second or third. */
bool decode_vlan(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	static const enum sensor_counter counters[PACKET_VLAN_MAX] = { COUNTER_DECODER_VLAN, COUNTER_DECODER_VLAN_QINQ,
		COUNTER_DECODER_VLAN_QINQINQ };

	if (p->vlan_count < PACKET_VLAN_MAX)
		decoder_count(d, counters[p->vlan_count]);
	if (in.size < VLAN_SIZE)
		return decoder_fail(p, EVENT_VLAN_HEADER_TOO_SMALL);
	if (p->vlan_count == PACKET_VLAN_MAX)
		return decoder_fail(p, EVENT_VLAN_TOO_MANY_LAYERS);
	p->vlan_ids[p->vlan_count++] = read_u16(in.ptr) & 0x0fff;
	if (!decode_ethertype(d, p, read_u16(in.ptr + 2), bytes_skip(in, VLAN_SIZE)))
		return decoder_fail(p, EVENT_VLAN_UNKNOWN_TYPE);
	return true;
}

/* IEEE 802.1ah: priority and service id, then the customer's addresses and type. */
bool decode_ieee8021ah(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_IEEE8021AH);
	if (in.size < ITAG_SIZE)
		return decoder_fail(p, EVENT_IEEE8021AH_HEADER_TOO_SMALL);
	link_type(d, p, read_u16(in.ptr + 16), bytes_skip(in, ITAG_SIZE));
	return true;
}

/* IEEE 802.1Qbh, the tag of port extenders. */
bool decode_vntag(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_VNTAG);
	if (in.size < VNTAG_SIZE)
		return decoder_fail(p, EVENT_VNTAG_HEADER_TOO_SMALL);
	if (!decode_ethertype(d, p, read_u16(in.ptr + 4), bytes_skip(in, VNTAG_SIZE)))
		return decoder_fail(p, EVENT_VNTAG_UNKNOWN_TYPE);
	return true;
}

/* RFC 826, for Ethernet and IPv4 addresses; operations 1 to 4 and 8, 9 (RFC 2390). */
bool decode_arp(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	enum { ARP_SIZE = 28, ARP_FIXED_SIZE = 8 };
	uint16_t operation;

	decoder_count(d, COUNTER_DECODER_ARP);
	if (in.size < ARP_FIXED_SIZE)
		return decoder_fail(p, EVENT_ARP_PKT_TOO_SMALL);
	if (read_u16(in.ptr) != 1)
		return decoder_fail(p, EVENT_ARP_UNSUPPORTED_HARDWARE);
	if (read_u16(in.ptr + 2) != ETHER_IPV4)
		return decoder_fail(p, EVENT_ARP_UNSUPPORTED_PROTOCOL);
	if (in.ptr[4] != 6)
		return decoder_fail(p, EVENT_ARP_INVALID_HARDWARE_SIZE);
	if (in.ptr[5] != 4)
		return decoder_fail(p, EVENT_ARP_INVALID_PROTOCOL_SIZE);
	if (in.size < ARP_SIZE)
		return decoder_fail(p, EVENT_ARP_PKT_TOO_SMALL);
	operation = read_u16(in.ptr + 6);
	if (!((operation >= 1 && operation <= 4) || operation == 8 || operation == 9))
		return decoder_fail(p, EVENT_ARP_UNSUPPORTED_OPCODE);
	p->has_arp = true;
	p->arp = bytes_first(in, ARP_SIZE);
	return true;
}

bool decode_sll(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_SLL);
	if (in.size < SLL_SIZE)
		return decoder_fail(p, EVENT_SLL_PKT_TOO_SMALL);
	link_type(d, p, read_u16(in.ptr + 14), bytes_skip(in, SLL_SIZE));
	return true;
}

bool decode_sll2(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_SLL2);
	if (in.size < SLL2_SIZE)
		return decoder_fail(p, EVENT_SLL2_PKT_TOO_SMALL);
	link_type(d, p, read_u16(in.ptr), bytes_skip(in, SLL2_SIZE));
	return true;
}

/* Cisco HDLC: address, control, Ethernet type. */
bool decode_chdlc(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_CHDLC);
	if (in.size < CHDLC_SIZE)
		return decoder_fail(p, EVENT_CHDLC_PKT_TOO_SMALL);
	link_type(d, p, read_u16(in.ptr + 2), bytes_skip(in, CHDLC_SIZE));
	return true;
}

/* The address family of the capturing system: 2 is IPv4 everywhere, IPv6 is 10, 24, 28 or 30. */
static bool loopback(struct decoder *d, struct sensor_packet *p, uint32_t family, struct bytes in)
{
	if (family == 2)
		return decode_ipv4(d, p, in);
	if (family == 10 || family == 24 || family == 28 || family == 30)
		return decode_ipv6(d, p, in);
	return decoder_fail(p, EVENT_LTNULL_UNSUPPORTED_TYPE);
}

/* In the byte order of the system that captured, which the small numbers give away. */
bool decode_null(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint32_t family;

	decoder_count(d, COUNTER_DECODER_NULL);
	if (in.size < NULL_SIZE)
		return decoder_fail(p, EVENT_LTNULL_PKT_TOO_SMALL);
	family = read_u32(in.ptr);
	return loopback(d, p, family > UINT16_MAX ? __builtin_bswap32(family) : family, bytes_skip(in, NULL_SIZE));
}

/* OpenBSD's loopback: always in network order. */
bool decode_loop(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_NULL);
	if (in.size < NULL_SIZE)
		return decoder_fail(p, EVENT_LTNULL_PKT_TOO_SMALL);
	return loopback(d, p, read_u32(in.ptr), bytes_skip(in, NULL_SIZE));
}

/* No link header: the first four bits say which IP it is. */
bool decode_raw(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decoder_count(d, COUNTER_DECODER_RAW);
	if (in.size < 20)
		return decoder_fail(p, EVENT_IPV4_PKT_TOO_SMALL);
	if (in.ptr[0] >> 4 == 4)
		return decode_ipv4(d, p, in);
	if (in.ptr[0] >> 4 == 6)
		return decode_ipv6(d, p, in);
	return decoder_fail(p, EVENT_IPRAW_INVALID_IP_VERSION);
}
