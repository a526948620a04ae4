// SPDX-License-Identifier: Apache-2.0
/* IPv6 and its extension headers (RFC 8200). */
#include <netinet/in.h>

#include "sensor/decode/defrag.h"
#include "sensor/decode/internal.h"

enum {
	IPV6_SIZE = 40,
	FRAGMENT_SIZE = 8,
	EXTENSION_MIN_SIZE = 2,
	HEADER_MOBILITY = 135,
	HEADER_HIP = 139,
	HEADER_SHIM6 = 140,
	OPTION_PAD1 = 0,
	OPTION_PADN = 1,
};

/* The chain of extension headers while it is read. */
struct chain {
	struct cursor cur;
	size_t next_at; /* where in the IP packet the field lies that says what 'next' is */
	uint8_t next; /* type of the header at 'cur' */
	uint8_t seen; /* enum chain_seen */
};

enum chain_seen {
	SEEN_FRAGMENT = 1 << 0,
	SEEN_ROUTING = 1 << 1,
	SEEN_HOPOPTS = 1 << 2,
	SEEN_AUTH = 1 << 3,
	SEEN_DSTOPTS = 1 << 4,
};

static void note_duplicate(struct sensor_packet *p, struct chain *chain, uint8_t bit, uint16_t event)
{
	if (chain->seen & bit)
		decoder_raise(p, event);
	chain->seen |= bit;
}

/* Takes the header whose size its second byte gives, in units of 'unit' bytes beyond 'base'. */
static bool take_header(struct sensor_packet *p, struct chain *chain, size_t unit, size_t base, struct bytes *ret)
{
	const uint8_t *start = chain->cur.pos;
	size_t size = start[1] * unit + base;

	if (!cursor_take(&chain->cur, size, ret)) {
		decoder_raise(p, EVENT_IPV6_TRUNC_EXTHDR);
		return false;
	}
	chain->next_at = (size_t)(start - p->l3.ptr);
	chain->next = start[0];
	return true;
}

/* Options that are known, with their fixed size (RFC 2711, RFC 2675, RFC 6275). */
static bool option_known(uint8_t type, uint8_t *ret_size)
{
	static const uint8_t known[][2] = { { 5, 2 }, { 0xc2, 4 }, { 0xc9, 16 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i][0] == type) {
			*ret_size = known[i][1];
			return true;
		}
	}
	return false;
}

static void decode_options(struct sensor_packet *p, struct bytes header, bool hop)
{
	struct cursor cur = cursor_over(bytes_skip(header, EXTENSION_MIN_SIZE));
	bool only_padding = true;
	uint8_t type, size, wanted;

	while (cursor_u8(&cur, &type)) {
		if (type == OPTION_PAD1)
			continue;
		if (!cursor_u8(&cur, &size) || !cursor_skip(&cur, size)) {
			decoder_raise(p, EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
			return;
		}
		if (type == OPTION_PADN) {
			if (size == 0)
				decoder_raise(p, EVENT_IPV6_ZERO_LEN_PADN);
			continue;
		}
		only_padding = false;
		if (!option_known(type, &wanted)) {
			decoder_raise(p, hop ? EVENT_IPV6_HOPOPTS_UNKNOWN_OPT : EVENT_IPV6_DSTOPTS_UNKNOWN_OPT);
		} else if (size != wanted) {
			decoder_raise(p, EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
			return;
		}
	}
	if (only_padding)
		decoder_raise(p, hop ? EVENT_IPV6_HOPOPTS_ONLY_PADDING : EVENT_IPV6_DSTOPTS_ONLY_PADDING);
}

/* The usual kind: eight bytes and as many units of eight as the second byte says. */
static bool plain_header(struct sensor_packet *p, struct chain *chain)
{
	uint8_t type = chain->next;
	struct bytes header;

	if (!take_header(p, chain, 8, 8, &header))
		return false;
	switch (type) {
	case IPPROTO_ROUTING:
		note_duplicate(p, chain, SEEN_ROUTING, EVENT_IPV6_EXTHDR_DUPL_RH);
		if (header.ptr[2] == 0)
			decoder_raise(p, EVENT_IPV6_RH_TYPE_0);
		break;
	case IPPROTO_HOPOPTS:
		note_duplicate(p, chain, SEEN_HOPOPTS, EVENT_IPV6_EXTHDR_DUPL_HH);
		p->ip6_hopopts = header;
		decode_options(p, header, true);
		break;
	case IPPROTO_DSTOPTS:
		/* Twice is allowed: before a routing header and before the payload. */
		if (!(chain->seen & SEEN_ROUTING) || !bytes_empty(p->ip6_dstopts))
			note_duplicate(p, chain, SEEN_DSTOPTS, EVENT_IPV6_EXTHDR_DUPL_DH);
		p->ip6_dstopts = header;
		decode_options(p, header, false);
		break;
	default:
		break;
	}
	return true;
}

/* Authentication (RFC 4302): length in units of four, less two. */
static bool auth_header(struct sensor_packet *p, struct chain *chain)
{
	struct bytes header;

	if (!take_header(p, chain, 4, 8, &header))
		return false;
	note_duplicate(p, chain, SEEN_AUTH, EVENT_IPV6_EXTHDR_DUPL_AH);
	if (header.ptr[2] || header.ptr[3])
		decoder_raise(p, EVENT_IPV6_EXTHDR_AH_RES_NOT_NULL);
	return true;
}

/* Answers false when the rest is for defrag. A header that says "all of it" (RFC 6946) is passed over. */
static bool fragment_header(struct decoder *d, struct sensor_packet *p, struct chain *chain)
{
	const uint8_t *start = chain->cur.pos;
	struct defrag_piece piece = { .head = bytes_of(p->frame.ptr, (size_t)(start - p->frame.ptr)),
		.l3_offset = (size_t)(p->l3.ptr - p->frame.ptr),
		.next_at = chain->next_at };
	struct bytes header;
	uint16_t field;

	if (!cursor_take(&chain->cur, FRAGMENT_SIZE, &header)) {
		decoder_raise(p, EVENT_IPV6_TRUNC_EXTHDR);
		return false;
	}
	field = read_u16(start + 2);
	note_duplicate(p, chain, SEEN_FRAGMENT, EVENT_IPV6_EXTHDR_DUPL_FH);
	if (start[1] || field & 0x0006)
		decoder_raise(p, EVENT_IPV6_FH_NON_ZERO_RESERVED_FIELD);
	p->has_ip6_fragment = true;
	p->fragment_offset = field & 0xfff8;
	p->more_fragments = field & 1;
	p->fragment_id = read_u32(start + 4);
	chain->next_at = (size_t)(start - p->l3.ptr);
	chain->next = start[0];
	p->protocol = chain->next;
	if (!p->fragment_offset && !p->more_fragments) {
		decoder_raise(p, EVENT_IPV6_EXTHDR_USELESS_FH);
		return true;
	}
	piece.next_header = chain->next;
	piece.data = cursor_rest(&chain->cur);
	if (p->more_fragments && piece.data.size % 8)
		decoder_raise(p, EVENT_IPV6_FRAG_INVALID_LENGTH);
	decode_fragment(d, p, &piece);
	return false;
}

static bool is_extension(uint8_t type)
{
	return type == IPPROTO_HOPOPTS || type == IPPROTO_ROUTING || type == IPPROTO_FRAGMENT || type == IPPROTO_AH ||
	       type == IPPROTO_DSTOPTS || type == HEADER_MOBILITY || type == HEADER_HIP || type == HEADER_SHIM6;
}

/* Answers false when there is nothing more to decode: fragment, or a broken header. */
static bool decode_chain(struct decoder *d, struct sensor_packet *p, struct chain *chain)
{
	while (is_extension(chain->next)) {
		uint8_t type = chain->next;
		bool good;

		if (cursor_left(&chain->cur) < EXTENSION_MIN_SIZE) {
			decoder_raise(p, EVENT_IPV6_TRUNC_EXTHDR);
			return false;
		}
		if (p->ip6_ext_count < PACKET_IP6_EXT_MAX)
			p->ip6_ext[p->ip6_ext_count++] = type;
		if (type == IPPROTO_FRAGMENT)
			good = fragment_header(d, p, chain);
		else
			good = type == IPPROTO_AH ? auth_header(p, chain) : plain_header(p, chain);
		p->protocol = chain->next;
		if (!good)
			return false;
	}
	return true;
}

static bool is_transport(uint8_t type)
{
	return type == IPPROTO_TCP || type == IPPROTO_UDP || type == IPPROTO_ICMPV6 || type == IPPROTO_ICMP ||
	       type == IPPROTO_SCTP || type == IPPROTO_IPIP || type == IPPROTO_IPV6 || type == IPPROTO_GRE ||
	       type == IPPROTO_ESP;
}

static void behind_chain(struct decoder *d, struct sensor_packet *p, const struct chain *chain)
{
	struct bytes rest = cursor_rest(&chain->cur);

	if (chain->next == IPPROTO_NONE) {
		if (!bytes_empty(rest))
			decoder_raise(p, EVENT_IPV6_DATA_AFTER_NONE_HEADER);
		return;
	}
	if (p->ip6_ext_count && rest.size < EXTENSION_MIN_SIZE) {
		decoder_raise(p, EVENT_IPV6_TRUNC_EXTHDR);
		return;
	}
	if (!is_transport(chain->next))
		decoder_raise(p, EVENT_IPV6_UNKNOWN_NEXT_HEADER);
	decode_transport(d, p, rest);
}

bool decode_ipv6(struct decoder *d, struct sensor_packet *p, struct bytes in)
{
	struct chain chain = { .next_at = 6 };
	uint16_t payload;

	decoder_count(d, COUNTER_DECODER_IPV6);
	if (in.size < IPV6_SIZE)
		return decoder_fail(p, EVENT_IPV6_PKT_TOO_SMALL);
	if (in.ptr[0] >> 4 != 6)
		return decoder_fail(p, EVENT_IPV6_WRONG_IP_VERSION);
	payload = read_u16(in.ptr + 4);
	if (payload > in.size - IPV6_SIZE)
		return decoder_fail(p, EVENT_IPV6_TRUNC_PKT);

	p->family = IP_V6;
	p->src = ip_addr_v6(in.ptr + 8);
	p->dst = ip_addr_v6(in.ptr + 24);
	p->ip_header_size = IPV6_SIZE;
	p->tos = (uint8_t)(read_u16(in.ptr) >> 4);
	p->ttl = in.ptr[7];
	p->protocol = in.ptr[6];
	p->l3 = bytes_first(in, (size_t)payload + IPV6_SIZE);
	chain.next = p->protocol;
	chain.cur = cursor_over(bytes_of(in.ptr + IPV6_SIZE, payload));
	if (decode_chain(d, p, &chain))
		behind_chain(d, p, &chain);
	return true;
}
