// SPDX-License-Identifier: Apache-2.0
/* Tunnels over UDP: Teredo (RFC 4380), VXLAN (RFC 7348), Geneve (RFC 8926).
 *
 * All three share their ports with anything else that chose to use them: what does not look like a tunnel is none,
 * without complaint. */
#include <netinet/in.h>

#include "sensor/decode/internal.h"

enum {
	IPV6_SIZE = 40,
	TEREDO_ORIGIN = 0,
	TEREDO_ORIGIN_SIZE = 8,
	VXLAN_SIZE = 8,
	VXLAN_HAS_VNI = 0x08,
	ETHERNET_SIZE = 14,
	GENEVE_SIZE = 8,
	TYPE_BRIDGE = 0x6558,
	TYPE_ARP = 0x0806,
};

/* An origin indication (RFC 4380, section 5.1.1) may come before the IPv6 packet. What begins with an authentication is
 * the negotiation with a server, in which no traffic is carried yet: not a tunnel. */
static bool teredo_headers(struct bytes *in)
{
	if (in->size >= 2 && in->ptr[0] == 0) {
		if (in->ptr[1] != TEREDO_ORIGIN)
			return false;
		*in = bytes_skip(*in, TEREDO_ORIGIN_SIZE);
	}
	return in->size >= IPV6_SIZE;
}

bool decode_teredo(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	size_t size;

	if (!teredo_headers(&in) || in.ptr[0] >> 4 != 6)
		return false;
	size = (size_t)read_u16(in.ptr + 4) + IPV6_SIZE;
	/* The packet fills the datagram; behind a bubble (no next header) there may be trailers (RFC 6081). */
	if (size != in.size && !(size < in.size && in.ptr[6] == IPPROTO_NONE))
		return false;
	if (!decode_tunnel(d, p, PACKET_SRC_TEREDO, in, decode_ipv6))
		return false;
	decoder_count(d, COUNTER_DECODER_TEREDO);
	return true;
}

bool decode_vxlan(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint16_t type;
	decode_fn decode;

	if (in.size < VXLAN_SIZE + ETHERNET_SIZE || !(in.ptr[0] & VXLAN_HAS_VNI) || in.ptr[7] != 0)
		return false;
	decoder_count(d, COUNTER_DECODER_VXLAN);
	p->vni = read_u32(in.ptr + 4) >> 8;
	type = read_u16(in.ptr + VXLAN_SIZE + 12);
	decode = decode_find_ethertype(type);
	if (!decode) {
		decoder_raise(p, EVENT_VXLAN_UNKNOWN_PAYLOAD_TYPE);
		return true;
	}
	/* Addresses of the virtual network say nothing about the real one: the packet begins behind them. */
	if (type != TYPE_ARP)
		decode_tunnel(d, p, PACKET_SRC_VXLAN, bytes_skip(in, VXLAN_SIZE + ETHERNET_SIZE), decode);
	return true;
}

bool decode_geneve(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	decode_fn decode;
	uint16_t type;
	size_t size;

	if (in.size < GENEVE_SIZE || in.ptr[0] >> 6 != 0 || in.ptr[7] != 0)
		return false;
	size = GENEVE_SIZE + (size_t)(in.ptr[0] & 0x3f) * 4;
	if (size >= in.size)
		return false;
	decoder_count(d, COUNTER_DECODER_GENEVE);
	p->vni = read_u32(in.ptr + 4) >> 8;
	type = read_u16(in.ptr + 2);
	decode = type == TYPE_BRIDGE ? decode_ethernet : decode_find_ethertype(type);
	if (!decode) {
		decoder_raise(p, EVENT_GENEVE_UNKNOWN_PAYLOAD_TYPE);
		return true;
	}
	decode_tunnel(d, p, PACKET_SRC_GENEVE, bytes_skip(in, size), decode);
	return true;
}
