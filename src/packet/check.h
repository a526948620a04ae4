// SPDX-License-Identifier: Apache-2.0
/* What must hold for every answer of packet_parse(), whatever the input: for the tests and fuzz targets only.
 *
 * The promises are those of packet.h, checked against the bytes of the frame a second time and in another way than
 * the decoder reads them. A broken promise is an assertion. */
#pragma once

#include <assert.h>

#include "packet/packet.h"

static inline void packet_check_link(const uint8_t *data, size_t size, const struct packet *p)
{
	size_t header = p->family == 6 ? 40 : 20, src_at = p->family == 6 ? 8 : 12, addr_size = p->family == 6 ? 16 : 4;
	const uint8_t *ip = data + p->l3_offset;

	assert(p->family == 4 || p->family == 6);
	assert(p->tags <= PACKET_TAGS_MAX + PACKET_MPLS_MAX);
	assert(p->l3_offset == 14 + 4 * p->tags);
	assert(p->l3_offset + header <= size);
	assert(memcmp(p->src.byte, ip + src_at, addr_size) == 0);
	assert(memcmp(p->dst.byte, ip + src_at + addr_size, addr_size) == 0);
	assert(p->ttl == ip[p->family == 6 ? 7 : 8]);
}

static inline void packet_check_flags(const struct packet *p)
{
	bool later = p->flags & PACKET_LATER_FRAGMENT;

	assert(later == (p->fragment_offset != 0));
	assert(p->fragment_offset % 8 == 0);
	if (p->flags & (PACKET_LATER_FRAGMENT | PACKET_MORE_FRAGMENTS))
		assert(p->flags & PACKET_IS_FRAGMENT);
	else
		assert(!(p->flags & PACKET_IS_FRAGMENT));
	if (p->flags & (PACKET_HAS_MSS | PACKET_HAS_FAST_OPEN))
		assert(p->protocol == PACKET_TCP && (p->tcp_flags & PACKET_SYN));
	if (p->flags & PACKET_UDP_NO_CHECKSUM)
		assert(p->protocol == PACKET_UDP && !later);
	if (p->flags & PACKET_HAS_IP_OPTIONS)
		assert(p->family == 4 && p->l4_offset > p->l3_offset + 20);
	if (later)
		assert(p->payload_offset == p->l4_offset && !p->sport && !p->dport && !p->tcp_flags);
	else if (p->protocol == PACKET_TCP || p->protocol == PACKET_UDP || p->protocol == PACKET_SCTP)
		assert(p->sport && p->dport);
}

static inline void packet_check_payload(const uint8_t *data, const struct packet *p)
{
	uint8_t head[16] = { 0 };
	size_t ip_end = (size_t)p->l3_offset + p->ip_size;

	assert(ip_end <= p->size);
	assert(p->l4_offset >= p->l3_offset + (p->family == 6 ? 40 : 20));
	assert(p->payload_offset >= p->l4_offset);
	assert((size_t)p->payload_offset + p->payload_size <= ip_end);
	if (p->payload_size)
		memcpy(head, data + p->payload_offset, p->payload_size < 16 ? p->payload_size : 16);
	assert(memcmp(head, p->head, sizeof(head)) == 0);
	/* A quoted or tunnelled header was inside this packet, not in the padding behind it. */
	if (p->flags & PACKET_HAS_INNER)
		assert(p->payload_size >= (p->family == 6 && p->protocol == PACKET_ICMPV6 ? 40 : 20));
}

/* 'p' and 'fault' are the answer for these 'size' bytes. */
static inline void packet_check(const uint8_t *data, size_t size, const struct packet *p, enum packet_fault fault)
{
	assert((unsigned int)fault < PACKET_FAULT_COUNT);
	assert(p->size == size);
	if (p->family)
		packet_check_link(data, size, p);
	else
		assert(fault == PACKET_LINK || fault == PACKET_TAGS || fault == PACKET_NOT_IP ||
			fault == PACKET_IP_HEADER);
	if (fault)
		return;
	assert(p->family);
	packet_check_flags(p);
	packet_check_payload(data, p);
}
