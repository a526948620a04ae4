// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* packet_parse(): the decoder behind packet.h. Included by the XDP program and by packet.c.
 *
 * It is one chain of small inlined steps over a reader. 'pos' only moves forward, each move is
 * covered by a check against 'end', and every loop has a constant bound: that is what the BPF
 * verifier asks for, and what keeps hostile input cheap. Each layer leaves the next one's offset in
 * the packet, and the next begins there. */
#pragma once

#include "packet/packet.h"

struct packet_reader {
	const uint8_t *data, *pos, *end;
};

/* The frame's headers, extension headers included, end before this; more is not a packet for us. */
#define PACKET_HEADERS_MAX 512

#define PACKET_OFFSET(reader) ((uint16_t)((reader)->pos - (reader)->data))

/* Moves the reader to an offset that an earlier step stored in the packet. Going through memory is
 * what keeps verification short: all the ways that led here become one state. */
PACKET_INLINE bool packet_seek(struct packet_reader *r, uint32_t offset)
{
	if (offset >= PACKET_HEADERS_MAX)
		return false;
	PACKET_OPAQUE(offset);
	offset &= PACKET_HEADERS_MAX - 1;
#ifndef __bpf__
	if (offset > (size_t)(r->end - r->data))
		return false;
#endif
	r->pos = r->data + offset;
	PACKET_OPAQUE(r->pos);
	return true;
}

/* Up to two VLAN tags (802.1Q, 802.1ad) and four MPLS labels (RFC 3032) in front of IP. */
PACKET_INLINE enum packet_fault packet_parse_link(struct packet_reader *r, struct packet *p, uint16_t *ret_type)
{
	uint16_t type;

	if (!PACKET_HAS(r->pos, r->end, 14))
		return PACKET_LINK;
	type = packet_be16(r->pos + 12);
	r->pos += 14;
	for (int i = 0; i <= PACKET_TAGS_MAX; i++) {
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			break;
		if (i == PACKET_TAGS_MAX)
			return PACKET_TAGS;
		if (!PACKET_HAS(r->pos, r->end, 4))
			return PACKET_LINK;
		type = packet_be16(r->pos + 2);
		r->pos += 4;
		p->tags++;
	}
	if (type == 0x8847 || type == 0x8848) {
		for (int i = 0; i <= PACKET_MPLS_MAX; i++) {
			uint8_t bottom;

			if (i == PACKET_MPLS_MAX)
				return PACKET_TAGS;
			if (!PACKET_HAS(r->pos, r->end, 5))
				return PACKET_LINK;
			bottom = r->pos[2] & 1;
			r->pos += 4;
			p->tags++;
			if (bottom)
				break;
		}
		type = (r->pos[0] >> 4) == 6 ? 0x86dd : 0x0800;
	}
	*ret_type = type;
	return PACKET_OK;
}

/* Source routing options are never legitimate (RFC 7126 section 4.3); the rest is policy. */
PACKET_INLINE enum packet_fault packet_parse_ip_options(const uint8_t *pos, const uint8_t *end, uint32_t size)
{
	uint32_t at = 0;

	for (int i = 0; i < PACKET_IP_OPTIONS_MAX; i++) {
		const uint8_t *option;
		uint8_t kind, length;

		if (at >= size)
			return PACKET_OK;
		option = pos + (at & 63);
		if (!PACKET_HAS(option, end, 2))
			return at + 1 == size ? PACKET_OK : PACKET_IP_OPTIONS_BAD;
		kind = option[0];
		if (kind == 0)
			return PACKET_OK;
		if (kind == 1) {
			at++;
			continue;
		}
		if (kind == 131 || kind == 137)
			return PACKET_SOURCE_ROUTE;
		length = option[1];
		if (length < 2 || at + length > size)
			return PACKET_IP_OPTIONS_BAD;
		at += length;
	}
	return at >= size ? PACKET_OK : PACKET_IP_OPTIONS_BAD;
}

/* RFC 791: the one's complement sum of the header, its checksum included, is all ones. */
PACKET_INLINE bool packet_ipv4_checksum_ok(const uint8_t *ip, const uint8_t *end, uint32_t header)
{
	uint64_t sum = (uint64_t)packet_load32(ip) + packet_load32(ip + 4) + packet_load32(ip + 8) +
		       packet_load32(ip + 12) + packet_load32(ip + 16);

	for (uint32_t i = 20; i < 60; i += 4) {
		const uint8_t *at;

		if (i >= header)
			break;
		at = ip + i;
		PACKET_OPAQUE(at);
		if (!PACKET_HAS(at, end, 4))
			return false;
		sum += packet_load32(at);
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* Fragments by RFC 1858, RFC 3128 (tiny, offset one), CA-1996-26 (past the end) and CVE-2018-5391. */
PACKET_INLINE enum packet_fault packet_check_fragment(struct packet *p, uint32_t data_size)
{
	p->flags |= PACKET_IS_FRAGMENT;
	if (p->fragment_offset)
		p->flags |= PACKET_LATER_FRAGMENT;
	if (p->fragment_offset + data_size > 65535 - 20)
		return PACKET_FRAGMENT_OVERSIZE;
	if (p->fragment_offset == 8 && p->protocol == PACKET_TCP)
		return PACKET_FRAGMENT_OFFSET_ONE;
	if ((p->flags & PACKET_MORE_FRAGMENTS) && (data_size == 0 || (data_size & 7)))
		return PACKET_FRAGMENT_SIZE;
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse_ipv4(struct packet_reader *r, struct packet *p)
{
	const uint8_t *ip = r->pos;
	uint32_t header, fragment;
	enum packet_fault fault;

	if (!PACKET_HAS(ip, r->end, 20))
		return PACKET_IP_HEADER;
	/* Written as wide as they are read later: a narrow store before a wide load costs a dozen cycles. */
	p->src.half[0] = packet_load32(ip + 12);
	p->dst.half[0] = packet_load32(ip + 16);
	p->family = 4;
	p->protocol = ip[9];
	p->ttl = ip[8];
	p->ip_size = packet_be16(ip + 2);
	header = (uint32_t)(ip[0] & 15) * 4;
	if (ip[0] >> 4 != 4 || header < 20)
		return PACKET_IP_HEADER;
	if (p->ip_size < header || !PACKET_HAS(ip, r->end, header) || p->ip_size > p->size - p->l3_offset)
		return PACKET_IP_LENGTH;
	if (!packet_ipv4_checksum_ok(ip, r->end, header))
		return PACKET_IP_CHECKSUM;
	if (!p->ttl)
		return PACKET_TTL_ZERO;
	if (header > 20) {
		p->flags |= PACKET_HAS_IP_OPTIONS;
		fault = packet_parse_ip_options(ip + 20, r->end, header - 20);
		if (fault)
			return fault;
	}
	if ((p->src.byte[0] & 0xf0) == 0xe0 || p->src.word[0] == 0xffffffff)
		return PACKET_SOURCE_CAST;
	fragment = packet_be16(ip + 6);
	p->l4_offset = (uint16_t)(p->l3_offset + header);
	p->payload_size = (uint16_t)(p->ip_size - header);
	if (fragment & 0x3fff) {
		p->fragment_id = packet_load16(ip + 4);
		p->fragment_offset = (uint16_t)((fragment & 0x1fff) * 8);
		if (fragment & 0x2000)
			p->flags |= PACKET_MORE_FRAGMENTS;
		return packet_check_fragment(p, p->payload_size);
	}
	return PACKET_OK;
}

/* One extension header at l4_offset, 'payload_size' bytes from the packet's end. Sets *ret_more when
 * another header may follow (RFC 7112, RFC 8200). */
PACKET_INLINE enum packet_fault packet_parse_extension(struct packet_reader *r, struct packet *p, bool *ret_more)
{
	uint8_t kind = p->protocol;
	uint32_t size;

	*ret_more = false;
	if (kind != 0 && kind != PACKET_IPV6_ROUTE && kind != PACKET_IPV6_OPTIONS && kind != PACKET_IPV6_FRAGMENT)
		return PACKET_OK;
	if (!packet_seek(r, p->l4_offset) || !PACKET_HAS(r->pos, r->end, 8) || p->payload_size < 8)
		return PACKET_IPV6_CHAIN;
	if (kind == 0)
		return PACKET_IPV6_HOPBYHOP;
	if (kind == PACKET_IPV6_ROUTE && r->pos[2] == 0)
		return PACKET_IPV6_ROUTING;
	size = kind == PACKET_IPV6_FRAGMENT ? 8 : ((uint32_t)r->pos[1] + 1) * 8;
	if (size > p->payload_size || p->l4_offset + size > p->l3_offset + 40u + PACKET_IPV6_CHAIN_MAX)
		return PACKET_IPV6_CHAIN;
	p->protocol = r->pos[0];
	*ret_more = true;
	if (kind == PACKET_IPV6_FRAGMENT) {
		uint16_t fragment = packet_be16(r->pos + 2);

		if (!(fragment & 0xfff9))
			return PACKET_FRAGMENT_ATOMIC; /* RFC 8021 */
		if (p->flags & PACKET_IS_FRAGMENT)
			return PACKET_IPV6_CHAIN;
		p->fragment_id = packet_load32(r->pos + 4);
		p->fragment_offset = fragment & 0xfff8;
		if (fragment & 1)
			p->flags |= PACKET_MORE_FRAGMENTS;
		p->flags |= PACKET_IS_FRAGMENT;
		*ret_more = p->fragment_offset == 0;
	}
	p->l4_offset = (uint16_t)(p->l4_offset + size);
	p->payload_size = (uint16_t)(p->payload_size - size);
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse_ipv6(struct packet_reader *r, struct packet *p)
{
	const uint8_t *ip = r->pos;
	uint32_t left;
	bool more = true;

	if (!PACKET_HAS(ip, r->end, 40))
		return PACKET_IP_HEADER;
	p->src.half[0] = packet_load64(ip + 8);
	p->src.half[1] = packet_load64(ip + 16);
	p->dst.half[0] = packet_load64(ip + 24);
	p->dst.half[1] = packet_load64(ip + 32);
	p->family = 6;
	p->protocol = ip[6];
	p->ttl = ip[7];
	left = packet_be16(ip + 4);
	p->ip_size = (uint16_t)(left + 40);
	if (ip[0] >> 4 != 6)
		return PACKET_IP_HEADER;
	if (left > 65535 - 40 || left + 40 > p->size - p->l3_offset)
		return PACKET_IP_LENGTH;
	if (!p->ttl)
		return PACKET_TTL_ZERO;
	if (p->src.byte[0] == 0xff)
		return PACKET_SOURCE_CAST;
	p->l4_offset = (uint16_t)(p->l3_offset + 40);
	p->payload_size = (uint16_t)left;
	for (int i = 0; i < PACKET_IPV6_HEADERS_MAX && more; i++) {
		enum packet_fault fault = packet_parse_extension(r, p, &more);

		if (fault)
			return fault;
	}
	/* Still an extension header after eight of them: RFC 9098 operators drop it, so do we. */
	if (more && (p->protocol == 0 || p->protocol == PACKET_IPV6_ROUTE || p->protocol == PACKET_IPV6_OPTIONS ||
			    p->protocol == PACKET_IPV6_FRAGMENT))
		return PACKET_IPV6_CHAIN;
	if (p->flags & PACKET_IS_FRAGMENT)
		return packet_check_fragment(p, p->payload_size);
	return PACKET_OK;
}

/* MSS and Fast Open of a SYN (RFC 9293 section 3.2, RFC 7413). Broken options end the walk: the end
 * host ignores them too. */
PACKET_INLINE void packet_parse_syn_options(const uint8_t *pos, const uint8_t *end, uint32_t size, struct packet *p)
{
	uint32_t at = 0;

	for (int i = 0; i < PACKET_TCP_OPTIONS_MAX; i++) {
		const uint8_t *option;
		uint8_t length;

		if (at + 2 > size || at > 38)
			return;
		option = pos + (at & 63);
		if (!PACKET_HAS(option, end, 2))
			return;
		if (option[0] == 0)
			return;
		if (option[0] == 1) {
			at++;
			continue;
		}
		length = option[1];
		if (length < 2 || at + length > size)
			return;
		if (option[0] == 2 && length == 4 && PACKET_HAS(option, end, 4)) {
			p->tcp_mss = packet_be16(option + 2);
			p->flags |= PACKET_HAS_MSS;
		} else if (option[0] == 34) {
			p->flags |= PACKET_HAS_FAST_OPEN;
		}
		at += length;
	}
}

/* Flags that no TCP sends (catalogue A9): no flag at all, SYN with FIN or RST, FIN without ACK,
 * nothing but URG or PSH. */
PACKET_INLINE bool packet_tcp_flags_ok(uint8_t flags)
{
	uint8_t control = flags & (PACKET_SYN | PACKET_RST | PACKET_FIN | PACKET_ACK);

	if (!control || (control & (PACKET_SYN | PACKET_FIN)) == (PACKET_SYN | PACKET_FIN) ||
		(control & (PACKET_SYN | PACKET_RST)) == (PACKET_SYN | PACKET_RST))
		return false;
	return control != PACKET_FIN && (control & (PACKET_RST | PACKET_FIN)) != (PACKET_RST | PACKET_FIN);
}

PACKET_INLINE enum packet_fault packet_parse_tcp(struct packet_reader *r, struct packet *p)
{
	const uint8_t *tcp = r->pos;
	uint32_t header;

	if (p->payload_size < 20 || !PACKET_HAS(tcp, r->end, 20))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_TCP_HEADER;
	p->sport = packet_be16(tcp);
	p->dport = packet_be16(tcp + 2);
	p->tcp_seq = packet_be32(tcp + 4);
	p->tcp_ack = packet_be32(tcp + 8);
	p->tcp_flags = tcp[13];
	header = (uint32_t)(tcp[12] >> 4) * 4;
	if (header < 20)
		return PACKET_TCP_HEADER;
	if (header > p->payload_size || !PACKET_HAS(tcp, r->end, header))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_TCP_HEADER;
	if (!packet_tcp_flags_ok(p->tcp_flags))
		return PACKET_TCP_FLAGS;
	if ((p->tcp_flags & PACKET_SYN) && header > 20)
		packet_parse_syn_options(tcp + 20, r->end, header - 20, p);
	r->pos = tcp + header;
	p->payload_size = (uint16_t)(p->payload_size - header);
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse_udp(struct packet_reader *r, struct packet *p)
{
	const uint8_t *udp = r->pos;
	uint32_t length;

	if (p->payload_size < 8 || !PACKET_HAS(udp, r->end, 8))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_UDP_LENGTH;
	p->sport = packet_be16(udp);
	p->dport = packet_be16(udp + 2);
	length = packet_be16(udp + 4);
	if (!packet_load16(udp + 6))
		p->flags |= PACKET_UDP_NO_CHECKSUM;
	/* The first fragment states the length of the whole datagram. */
	if (length < 8 || (length > p->payload_size && !(p->flags & PACKET_MORE_FRAGMENTS)))
		return PACKET_UDP_LENGTH;
	r->pos = udp + 8;
	if (length < p->payload_size)
		p->payload_size = (uint16_t)length;
	p->payload_size = (uint16_t)(p->payload_size - 8);
	return PACKET_OK;
}

/* ICMP errors quote the packet that they are about: its source shows whether it was ours. */
PACKET_INLINE enum packet_fault packet_parse_icmp(struct packet_reader *r, struct packet *p)
{
	const uint8_t *icmp = r->pos;
	bool error;

	if (p->payload_size < 8 || !PACKET_HAS(icmp, r->end, 8))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_ICMP_HEADER;
	p->icmp_type = icmp[0];
	p->icmp_code = icmp[1];
	r->pos = icmp + 8;
	p->payload_size = (uint16_t)(p->payload_size - 8);
	if (p->family == 4) {
		error = p->icmp_type == 3 || p->icmp_type == 4 || p->icmp_type == 11 || p->icmp_type == 12;
		if (error && p->payload_size >= 20 && PACKET_HAS(r->pos, r->end, 20)) {
			p->inner_src = packet_load32(r->pos + 12);
			p->flags |= PACKET_HAS_INNER;
		}
	} else {
		error = p->icmp_type >= 1 && p->icmp_type <= 4;
		if (error && p->payload_size >= 40 && PACKET_HAS(r->pos, r->end, 40)) {
			/* The last word is enough to tell foreign from ours beside the destination. */
			p->inner_src = packet_load32(r->pos + 20);
			p->flags |= PACKET_HAS_INNER;
		}
	}
	return PACKET_OK;
}

/* Plain tunnels: the inner IPv4 source, read once, never deeper (catalogue E10, E12). */
PACKET_INLINE void packet_parse_inner(struct packet_reader *r, struct packet *p)
{
	const uint8_t *inner = r->pos;

	if (p->payload_size >= 20 && PACKET_HAS(inner, r->end, 20) && inner[0] >> 4 == 4) {
		p->inner_src = packet_load32(inner + 12);
		p->flags |= PACKET_HAS_INNER;
	}
}

PACKET_INLINE enum packet_fault packet_parse_gre(struct packet_reader *r, struct packet *p)
{
	const uint8_t *gre = r->pos;
	uint32_t header = 4;

	if (p->payload_size < 4 || !PACKET_HAS(gre, r->end, 4))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_GRE_HEADER;
	header += gre[0] & 0x80 ? 4 : 0; /* checksum (RFC 2784) */
	header += gre[0] & 0x20 ? 4 : 0; /* key, sequence number (RFC 2890) */
	header += gre[0] & 0x10 ? 4 : 0;
	if (header > p->payload_size || !PACKET_HAS(gre, r->end, header))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_GRE_HEADER;
	r->pos = gre + header;
	p->payload_size = (uint16_t)(p->payload_size - header);
	if (packet_be16(gre + 2) == 0x0800)
		packet_parse_inner(r, p);
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse_sctp(struct packet_reader *r, struct packet *p)
{
	if (p->payload_size < 12 || !PACKET_HAS(r->pos, r->end, 12))
		return p->flags & PACKET_IS_FRAGMENT ? PACKET_FRAGMENT_TINY : PACKET_SCTP_HEADER;
	p->sport = packet_be16(r->pos);
	p->dport = packet_be16(r->pos + 2);
	r->pos += 12;
	p->payload_size = (uint16_t)(p->payload_size - 12);
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse_transport(struct packet_reader *r, struct packet *p)
{
	enum packet_fault fault = PACKET_OK;

	switch (p->protocol) {
	case PACKET_TCP:
		fault = packet_parse_tcp(r, p);
		break;
	case PACKET_UDP:
		fault = packet_parse_udp(r, p);
		break;
	case PACKET_ICMP:
	case PACKET_ICMPV6:
		if ((p->protocol == PACKET_ICMP) != (p->family == 4))
			return PACKET_OK; /* the other family's ICMP is just an unused protocol */
		return packet_parse_icmp(r, p);
	case PACKET_GRE:
		return packet_parse_gre(r, p);
	case PACKET_SCTP:
		fault = packet_parse_sctp(r, p);
		break;
	case PACKET_IPIP:
		packet_parse_inner(r, p);
		return PACKET_OK;
	default:
		return PACKET_OK;
	}
	if (!fault && (!p->sport || !p->dport))
		return PACKET_PORT_ZERO;
	return fault;
}

/* The first 16 payload bytes, zeros behind the end. The payload may be shorter than the frame. */
PACKET_INLINE void packet_read_head(const struct packet_reader *r, struct packet *p)
{
	const uint8_t *pos = r->pos;
	uint32_t size = p->payload_size, shift = 0;
	uint64_t value = 0;

	if (size >= 16 && PACKET_HAS(pos, r->end, 16)) {
		p->head[0] = packet_load64(pos);
		p->head[1] = packet_load64(pos + 8);
		return;
	}
	if (size >= 8 && PACKET_HAS(pos, r->end, 8)) {
		p->head[0] = packet_load64(pos);
		pos += 8;
		size -= 8;
		shift = 1;
	}
	for (uint32_t i = 0; i < 7; i++) {
		if (i >= size || !PACKET_HAS(pos, r->end, 1))
			break;
		value |= (uint64_t)*pos << (8 * i);
		pos++;
	}
	p->head[shift] = value;
}

PACKET_INLINE bool packet_is_land(const struct packet *p)
{
	return p->src.half[0] == p->dst.half[0] && p->src.half[1] == p->dst.half[1];
}

/* 'size' is what the frame had on the wire: [data, end) may be its beginning only, as in a sample. */
PACKET_INLINE enum packet_fault packet_parse_part(
	const uint8_t *data, const uint8_t *end, uint32_t size, struct packet *ret)
{
	struct packet_reader r = { .data = data, .pos = data, .end = end };
	enum packet_fault fault;
	uint16_t type = 0;

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->size = size;
	fault = packet_parse_link(&r, ret, &type);
	if (fault)
		return fault;
	ret->l3_offset = PACKET_OFFSET(&r);
	if (!packet_seek(&r, ret->l3_offset))
		return PACKET_LINK;
	if (type == 0x0800)
		fault = packet_parse_ipv4(&r, ret);
	else if (type == 0x86dd)
		fault = packet_parse_ipv6(&r, ret);
	else
		return PACKET_NOT_IP;
	if (fault)
		return fault;
	if (packet_is_land(ret))
		return PACKET_LAND;
	ret->payload_offset = ret->l4_offset;
	if (!(ret->flags & PACKET_LATER_FRAGMENT)) {
		if (!packet_seek(&r, ret->l4_offset))
			return PACKET_IP_LENGTH;
		fault = packet_parse_transport(&r, ret);
		if (fault)
			return fault;
		ret->payload_offset = PACKET_OFFSET(&r);
	}
	if (packet_seek(&r, ret->payload_offset))
		packet_read_head(&r, ret);
	return PACKET_OK;
}

PACKET_INLINE enum packet_fault packet_parse(const uint8_t *data, const uint8_t *end, struct packet *ret)
{
	return packet_parse_part(data, end, (uint32_t)(end - data), ret);
}
