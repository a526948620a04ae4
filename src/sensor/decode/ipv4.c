// SPDX-License-Identifier: Apache-2.0
/* IPv4 (RFC 791), its options, and what comes behind either IP header. */
#include <netinet/in.h>

#include "sensor/decode/defrag.h"
#include "sensor/decode/internal.h"

enum { IPV4_SIZE = 20, IPV6_SIZE = 40, MORE_FRAGMENTS = 0x2000, DONT_FRAGMENT = 0x4000, RESERVED_FLAG = 0x8000 };

/* A row per option: fixed size, or 0 for a list of addresses behind a pointer (least size in 'least'). */
static const struct ip_option {
	uint8_t type;
	uint8_t size, least;
	uint16_t seen;
} ip_options[] = {
	{ 7, 0, 3, IPOPT_SEEN_RR },
	{ 25, 8, 8, IPOPT_SEEN_QS },
	{ 68, 0, 5, IPOPT_SEEN_TS },
	{ 130, 0, 3, IPOPT_SEEN_SEC },
	{ 131, 0, 3, IPOPT_SEEN_LSRR },
	{ 133, 0, 3, IPOPT_SEEN_ESEC },
	{ 134, 0, 8, IPOPT_SEEN_CIPSO },
	{ 136, 4, 4, IPOPT_SEEN_SATID },
	{ 137, 0, 3, IPOPT_SEEN_SSRR },
	{ 148, 4, 4, IPOPT_SEEN_RTRALT },
};

/* Record route, source routes (RFC 791, section 3.1): the pointer counts from 1 and lies behind the first three bytes,
 * whole addresses follow. Timestamp: pointer from 5. */
static bool pointer_good(const struct ip_option *row, struct bytes option)
{
	uint8_t pointer = option.size > 2 ? option.ptr[2] : 0;

	if (row->seen == IPOPT_SEEN_TS)
		return pointer >= 5 && pointer <= option.size + 1 && (pointer - 1) % 4 == 0;
	if (row->seen & (IPOPT_SEEN_RR | IPOPT_SEEN_LSRR | IPOPT_SEEN_SSRR))
		return pointer >= 4 && pointer <= option.size + 1 && pointer % 4 == 0 && option.size % 4 == 3;
	return true;
}

static void one_option(struct sensor_packet *p, struct bytes option)
{
	for (size_t i = 0; i < sizeof(ip_options) / sizeof(*ip_options); i++) {
		const struct ip_option *row = &ip_options[i];

		if (row->type != option.ptr[0])
			continue;
		if ((row->size && option.size != row->size) || option.size < row->least)
			decoder_raise(p, EVENT_IPV4_OPT_INVALID_LEN);
		else if (!pointer_good(row, option))
			decoder_raise(p, EVENT_IPV4_OPT_MALFORMED);
		else if (p->ip_options_seen & row->seen)
			decoder_raise(p, EVENT_IPV4_OPT_DUPLICATE);
		p->ip_options_seen |= row->seen;
		return;
	}
	p->ip_options_seen |= IPOPT_SEEN_OTHER;
	decoder_raise(p, EVENT_IPV4_OPT_UNKNOWN);
}

static void decode_options(struct sensor_packet *p, struct bytes in)
{
	while (!bytes_empty(in)) {
		uint8_t type = in.ptr[0];
		size_t size = 1;

		if (type == 0) {
			p->ip_options_seen |= IPOPT_SEEN_EOL;
			return;
		}
		if (type == 1) {
			p->ip_options_seen |= IPOPT_SEEN_NOP;
		} else if (in.size < 2) {
			decoder_raise(p, EVENT_IPV4_OPT_EOL_REQUIRED);
			return;
		} else {
			size = in.ptr[1];
			if (size < 2 || size > in.size) {
				decoder_raise(p, EVENT_IPV4_OPT_INVALID_LEN);
				return;
			}
			one_option(p, bytes_first(in, size));
		}
		in = bytes_skip(in, size);
	}
}

/* False with an event when the header or the length it gives is impossible. */
static bool ipv4_header(struct sensor_packet *p, struct bytes in, uint16_t *ret_total)
{
	uint8_t header_size;
	uint16_t total;

	if (in.size < IPV4_SIZE)
		return decoder_fail(p, EVENT_IPV4_PKT_TOO_SMALL);
	if (in.ptr[0] >> 4 != 4)
		return decoder_fail(p, EVENT_IPV4_WRONG_IP_VERSION);
	header_size = (uint8_t)((in.ptr[0] & 15) * 4);
	total = read_u16(in.ptr + 2);
	if (header_size < IPV4_SIZE)
		return decoder_fail(p, EVENT_IPV4_HLEN_TOO_SMALL);
	if (total < header_size)
		return decoder_fail(p, EVENT_IPV4_IPLEN_SMALLER_THAN_HLEN);
	if (total > in.size)
		return decoder_fail(p, EVENT_IPV4_TRUNC_PKT);
	p->ip_header_size = header_size;
	*ret_total = total;
	return true;
}

static void set_ipv4(struct sensor_packet *p, const uint8_t *header)
{
	uint16_t fragment = read_u16(header + 6);

	p->family = IP_V4;
	p->src.family = IP_V4;
	p->dst.family = IP_V4;
	memcpy(p->src.bytes, header + 12, 4);
	memcpy(p->dst.bytes, header + 16, 4);
	p->tos = header[1];
	p->ttl = header[8];
	p->protocol = header[9];
	p->ip_id = read_u16(header + 4);
	p->fragment_id = p->ip_id;
	p->fragment_offset = (uint16_t)((fragment & 0x1fff) * 8);
	p->more_fragments = fragment & MORE_FRAGMENTS;
	p->dont_fragment = fragment & DONT_FRAGMENT;
	p->reserved_fragment_flag = fragment & RESERVED_FLAG;
}

bool decode_ipv4(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	uint16_t total;
	struct bytes inside;

	decoder_count(d, COUNTER_DECODER_IPV4);
	if (!ipv4_header(p, in, &total))
		return false;
	set_ipv4(p, in.ptr);
	p->l3 = bytes_first(in, total);
	if (p->ip_header_size > IPV4_SIZE)
		decode_options(p, bytes_of(in.ptr + IPV4_SIZE, (size_t)p->ip_header_size - IPV4_SIZE));
	inside = bytes_skip(p->l3, p->ip_header_size);
	if (p->fragment_offset || p->more_fragments) {
		struct defrag_piece piece = { .head = bytes_of(p->frame.ptr,
						      (size_t)(in.ptr - p->frame.ptr) + p->ip_header_size),
			.l3_offset = (size_t)(in.ptr - p->frame.ptr),
			.data = inside };

		decode_fragment(d, p, &piece);
		return true;
	}
	decode_transport(d, p, inside);
	return true;
}

/* ---- Behind both IP headers ---- */

static void inner_ip(struct decoder *d, struct sensor_packet *p, struct bytes in, bool v6)
{
	static const enum sensor_counter counters[2][2] = {
		{ COUNTER_DECODER_IPV4_IN_IPV4, COUNTER_DECODER_IPV6_IN_IPV4 },
		{ COUNTER_DECODER_IPV4_IN_IPV6, COUNTER_DECODER_IPV6_IN_IPV6 },
	};
	bool outer_v6 = p->family == IP_V6;

	decoder_count(d, counters[outer_v6][v6]);
	if (outer_v6) {
		if (in.size < (v6 ? IPV6_SIZE : IPV4_SIZE)) {
			decoder_raise(p, v6 ? EVENT_IPV6_IN_IPV6_PKT_TOO_SMALL : EVENT_IPV4_IN_IPV6_PKT_TOO_SMALL);
			return;
		}
		if (in.ptr[0] >> 4 != (v6 ? 6 : 4)) {
			decoder_raise(p, v6 ? EVENT_IPV6_IN_IPV6_WRONG_IP_VER : EVENT_IPV4_IN_IPV6_WRONG_IP_VER);
			return;
		}
	}
	decode_tunnel(
		d, p, outer_v6 ? PACKET_SRC_IPV6_TUNNEL : PACKET_SRC_IPV4_TUNNEL, in, v6 ? decode_ipv6 : decode_ipv4);
}

void decode_transport(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	p->l4 = in;
	switch (p->protocol) {
	case IPPROTO_TCP:
		decode_tcp(d, p, in);
		break;
	case IPPROTO_UDP:
		decode_udp(d, p, in);
		break;
	case IPPROTO_ICMP:
		if (p->family == IP_V4)
			decode_icmp4(d, p, in);
		else
			decoder_raise(p, EVENT_IPV6_ICMPV4);
		break;
	case IPPROTO_ICMPV6:
		if (p->family == IP_V6)
			decode_icmp6(d, p, in);
		else
			decoder_raise(p, EVENT_IPV4_ICMPV6);
		break;
	case IPPROTO_IPIP:
		inner_ip(d, p, in, false);
		break;
	case IPPROTO_IPV6:
		inner_ip(d, p, in, true);
		break;
	case IPPROTO_GRE:
		decode_gre(d, p, in);
		break;
	case IPPROTO_SCTP:
		decode_sctp(d, p, in);
		break;
	case IPPROTO_ESP:
		decode_esp(d, p, in);
		break;
	default:
		break;
	}
}

/* ---- Fragments ---- */

void decode_fragment(struct decoder *d, struct sensor_packet *p, const struct defrag_piece *piece)
{
	struct sensor_packet *rebuilt;
	struct defrag_datagram whole;
	bool v6 = p->family == IP_V6;

	p->flags |= PKT_FRAGMENT;
	decoder_count(d, v6 ? COUNTER_DEFRAG_IPV6_FRAGMENTS : COUNTER_DEFRAG_IPV4_FRAGMENTS);
	if (!defrag_add(d->defrag, p, piece, &whole) || !decoder_layer(d, p))
		return;
	rebuilt = decoder_inner(d, p, PACKET_SRC_DEFRAG, whole.frame);
	if (!rebuilt) {
		decoder_raise(p, EVENT_TOO_MANY_LAYERS);
		return;
	}
	decoder_count(d, v6 ? COUNTER_DEFRAG_IPV6_REASSEMBLED : COUNTER_DEFRAG_IPV4_REASSEMBLED);
	rebuilt->flags |= PKT_REBUILT | (p->flags & PKT_TUNNEL);
	rebuilt->linktype = p->linktype;
	rebuilt->vni = p->vni;
	rebuilt->ethertype = p->ethertype;
	rebuilt->vlan_count = p->vlan_count;
	memcpy(rebuilt->vlan_ids, p->vlan_ids, sizeof(p->vlan_ids));
	if (!bytes_empty(p->ethernet) && p->ethernet.ptr == p->frame.ptr)
		rebuilt->ethernet = bytes_first(whole.frame, p->ethernet.size);
	if ((v6 ? decode_ipv6 : decode_ipv4)(d, rebuilt, bytes_skip(whole.frame, whole.l3_offset)))
		decoder_commit(d, rebuilt);
	else
		decoder_abandon(d, rebuilt);
}
