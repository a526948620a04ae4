// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The steps between "whose packet is it" and the limits. Each returns a reason, or NONE to go on.
 *
 * Steps read the packet's fields, never the packet itself (the answer to a challenge excepted), so
 * each can be read alone beside the attack catalogue's row that it implements. */
#pragma once

#include "shield/bpf/lookup.h"
#include "shield/bpf/sets.h"

/* ---- bogons, own addresses, broadcast (D8, D9, D10, B16) ------------------------------------------*/

/* Global unicast is 2000::/3 (RFC 4291 section 2.4); the holes inside it are list data. */
SHIELD_INLINE bool shield_source6_is_global(const struct packet *p)
{
	return p->src.byte[0] >> 5 == 1;
}

SHIELD_INLINE enum shield_reason shield_step_bogon(struct shield_context *c)
{
	if (c->work->flags & SHIELD_IS_BROADCAST)
		return SHIELD_REASON_BROADCAST;
	if (c->work->found & SHIELD_FOUND_OWN)
		return SHIELD_REASON_OWN_SOURCE;
	if (!(c->policy->flags & SHIELD_TENANT_BOGONS) || (c->work->found & SHIELD_FOUND_ALLOW))
		return SHIELD_REASON_NONE;
	if ((c->work->found & SHIELD_FOUND_BOGON) || (c->p->family == 6 && !shield_source6_is_global(c->p)))
		return SHIELD_REASON_BOGON;
	return SHIELD_REASON_NONE;
}

/* ---- protocols and ports --------------------------------------------------------------------------*/

SHIELD_INLINE bool shield_sees_outbound(const struct shield_context *c)
{
	return c->globals->flags & SHIELD_GLOBAL_SEES_OUTBOUND;
}

SHIELD_INLINE bool shield_flow_known(struct shield_context *c)
{
	const struct packet *p = c->p;
	uint64_t key = shield_flow_key(c->globals, &p->src, p->sport, &p->dst, p->dport, p->protocol);
	const struct shield_line *line =
		SHIELD_AT(flows, c->policy->flows.base + ((uint32_t)key & c->policy->flows.mask));

	return line && shield_memory_find(line, key, shield_stamp(c));
}

SHIELD_INLINE enum shield_reason shield_policy_syn(struct shield_context *c)
{
	const struct packet *p = c->p;
	bool fast_open = p->flags & PACKET_HAS_FAST_OPEN;

	if (!shield_port_open(c, c->policy->tcp_ports, p->dport))
		return SHIELD_REASON_PORT;
	if (fast_open && (c->work->flags & SHIELD_IS_CHALLENGED))
		return SHIELD_REASON_SYN_FAST_OPEN;
	if (p->payload_size && !(fast_open && (c->policy->flags & SHIELD_TENANT_FAST_OPEN)))
		return SHIELD_REASON_SYN_DATA;
	if ((p->flags & PACKET_HAS_MSS) && p->tcp_mss < c->policy->min_mss)
		return SHIELD_REASON_SYN_MSS;
	return SHIELD_REASON_NONE;
}

/* Answers to connections that start inside (A4, A5): right only where somebody inside asked. When the
 * outbound side is not seen, they are limited as replies for tenants that have clients. */
SHIELD_INLINE enum shield_reason shield_policy_tcp_answer(struct shield_context *c)
{
	if (shield_flow_known(c)) {
		c->work->flags |= SHIELD_IS_KNOWN_FLOW;
		return SHIELD_REASON_NONE;
	}
	if (shield_sees_outbound(c) || !(c->policy->flags & SHIELD_TENANT_CLIENTS))
		return SHIELD_REASON_OUT_OF_STATE;
	c->work->class_id = SHIELD_CLASS_REPLY;
	return SHIELD_REASON_NONE;
}

SHIELD_INLINE enum shield_reason shield_policy_tcp(struct shield_context *c)
{
	const struct packet *p = c->p;
	uint8_t flags = p->tcp_flags & (PACKET_SYN | PACKET_ACK);

	if (flags == PACKET_SYN)
		return shield_policy_syn(c);
	if (flags != (PACKET_SYN | PACKET_ACK) && shield_port_open(c, c->policy->tcp_ports, p->dport))
		return SHIELD_REASON_NONE;
	return shield_policy_tcp_answer(c);
}

/* echo, daytime, qotd, chargen, time, DNS, TFTP, NTP: servers that answer anything (CVE-2024-2169). */
SHIELD_INLINE bool shield_is_loop_port(uint16_t port)
{
	const uint64_t low = 1ull << 7 | 1ull << 13 | 1ull << 17 | 1ull << 19 | 1ull << 37 | 1ull << 53;
	const uint64_t high = 1ull << (69 - 64) | 1ull << (123 - 64);

	return port < 64 ? low >> port & 1 : port < 128 && (high >> (port - 64) & 1);
}

/* Is the payload what a server on this open port is asked (B2, B9)? Only what one packet can show. */
SHIELD_INLINE enum shield_reason shield_policy_udp_payload(struct shield_context *c)
{
	const struct packet *p = c->p;
	uint64_t head = p->head[0];
	uint8_t first = (uint8_t)head;

	switch (p->dport) {
	case 53: /* a query: QR clear, opcode up to 5, at least the header and one question (RFC 1035 4.1) */
		if (p->payload_size < 17 || (head >> 16 & 0x80) || (head >> 16 & 0x78) > 0x28 || !(head >> 32 & 0xffff))
			return SHIELD_REASON_PAYLOAD;
		break;
	case 123: /* modes 1 to 3, 48 bytes or more (RFC 5905 7.3) */
		if (p->payload_size < 48 || (first & 7) < 1 || (first & 7) > 3)
			return SHIELD_REASON_PAYLOAD;
		break;
	case 443: /* long header: version 1 Initial is type 0, version 2 Initial type 1 (RFC 9000, RFC 9369) */
		if (first & 0x80) {
			uint32_t version = packet_swap32((uint32_t)(head >> 8));
			uint8_t type = first >> 4 & 3;

			if (version == 1 || version == 0x6b3343cf) {
				if (type == (version == 1 ? 0 : 1) && p->payload_size < 1200)
					return SHIELD_REASON_QUIC_INITIAL;
			} else {
				c->work->class_id = SHIELD_CLASS_OTHER; /* version negotiation is limited (B10) */
			}
		} else if (!(first & 0x40)) {
			return SHIELD_REASON_PAYLOAD; /* neither long nor short header: RFC 9000 17.3 */
		}
		break;
	case 5060: /* a method in capitals, an answer, or a keep-alive (RFC 3261, RFC 5626) */
		if (p->payload_size && !(first >= 'A' && first <= 'Z') && first != '\r' && first != 0)
			return SHIELD_REASON_PAYLOAD;
		break;
	default:
		if (p->dport >= 27015 && p->dport <= 27050 && (uint32_t)head != 0xffffffff && p->payload_size &&
			p->payload_size < 16)
			return SHIELD_REASON_PAYLOAD;
	}
	return SHIELD_REASON_NONE;
}

/* A closed port is not the last word here: the reflection step names what came to it first. */
SHIELD_INLINE enum shield_reason shield_policy_udp(struct shield_context *c)
{
	const struct packet *p = c->p;

	if (p->family == 6 && (p->flags & PACKET_UDP_NO_CHECKSUM))
		return SHIELD_REASON_UDP_CHECKSUM;
	if (shield_port_open(c, c->policy->udp_ports, p->dport)) {
		if (shield_is_loop_port(p->sport) && shield_is_loop_port(p->dport) && !shield_flow_known(c))
			return SHIELD_REASON_LOOP_PORTS;
		if (!p->payload_size && !(c->policy->flags & SHIELD_TENANT_UDP_EMPTY))
			return SHIELD_REASON_UDP_EMPTY;
		if (!(p->flags & PACKET_IS_FRAGMENT))
			return shield_policy_udp_payload(c);
		return SHIELD_REASON_NONE;
	}
	if (shield_flow_known(c))
		c->work->flags |= SHIELD_IS_KNOWN_FLOW;
	else
		c->work->flags |= SHIELD_IS_CLOSED_PORT;
	return SHIELD_REASON_NONE;
}

SHIELD_INLINE enum shield_reason shield_policy_icmp(struct shield_context *c)
{
	const struct packet *p = c->p;
	/* echo reply, unreachable, echo, time exceeded, parameter problem (RFC 6918 retires the rest) */
	const uint32_t types4 = 1u << 0 | 1u << 3 | 1u << 8 | 1u << 11 | 1u << 12;
	uint32_t own;
	bool error;

	if (p->family == 4) {
		if (p->icmp_type > 31 || !(types4 >> p->icmp_type & 1))
			return SHIELD_REASON_ICMP_TYPE;
		error = p->icmp_type == 3 || p->icmp_type == 11 || p->icmp_type == 12;
		own = p->dst.word[0];
	} else {
		error = p->icmp_type >= 1 && p->icmp_type <= 4;
		if (!error && p->icmp_type != 128 && p->icmp_type != 129) /* RFC 4890 section 4.3 */
			return SHIELD_REASON_ICMP_TYPE;
		own = p->dst.word[3];
	}
	if (error && (!(p->flags & PACKET_HAS_INNER) || p->inner_src != own))
		return SHIELD_REASON_ICMP_FOREIGN;
	return SHIELD_REASON_NONE;
}

SHIELD_INLINE enum shield_reason shield_step_policy(struct shield_context *c)
{
	const struct packet *p = c->p;

	if (!(c->policy->protocols[p->protocol >> 6] >> (p->protocol & 63) & 1))
		return SHIELD_REASON_PROTOCOL;
	if ((p->flags & PACKET_HAS_IP_OPTIONS) && !(c->policy->flags & SHIELD_TENANT_IPV4_OPTIONS))
		return SHIELD_REASON_IP_OPTIONS;
	if (p->flags & PACKET_LATER_FRAGMENT)
		return SHIELD_REASON_NONE;
	switch (p->protocol) {
	case PACKET_TCP:
		return shield_policy_tcp(c);
	case PACKET_UDP:
		return shield_policy_udp(c);
	case PACKET_ICMP:
	case PACKET_ICMPV6:
		return shield_policy_icmp(c);
	case PACKET_IPIP:
	case PACKET_GRE:
		if ((p->flags & PACKET_HAS_INNER) &&
			shield_tenant_find4(c->globals, c->globals->policy_generation & 1, p->inner_src))
			return SHIELD_REASON_TUNNEL_LOOP;
		return SHIELD_REASON_NONE;
	default:
		return SHIELD_REASON_NONE;
	}
}

/* ---- reflection (C) ---------------------------------------------------------------------------------*/

#define SHIELD_REFLECT_DROP  0
#define SHIELD_REFLECT_LIMIT 1

enum {
#define X(id, ...) SHIELD_REFLECT_##id,
	SHIELD_REFLECT_PORT_ROWS(X) SHIELD_REFLECT_FIRST_ANY,
	SHIELD_REFLECT_BEFORE_ANY = SHIELD_REFLECT_FIRST_ANY - 1,
	SHIELD_REFLECT_ANY_ROWS(X)
#undef X
		SHIELD_REFLECT_COUNT,
	SHIELD_REFLECT_PER_PORT_MAX = 4,
};
_Static_assert(SHIELD_REFLECT_COUNT <= 128, "open_rows has 128 bits");

/* 128 rows, so that a masked index is always inside. */
SHIELD_TABLE struct shield_reflect_row shield_reflect_rows[128] = {
#define X(id, name, vector, first, last, min, max, act, val, msk, what)                                                \
	{ first, last, min, max, SHIELD_REFLECT_##act, 0, { val }, { msk } },
	SHIELD_REFLECT_ROWS(X)
#undef X
};

/* The last row of each source port, plus one; 0: none. Rows of one port stand together. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
SHIELD_TABLE uint8_t shield_reflect_last[65536] = {
#define X(id, name, vector, first, last, min, max, act, val, msk, what) [first... last] = SHIELD_REFLECT_##id + 1,
	SHIELD_REFLECT_PORT_ROWS(X)
#undef X
};
#ifdef __clang__
#pragma clang diagnostic pop
#else
#pragma GCC diagnostic pop
#endif

SHIELD_INLINE bool shield_reflect_fits(const struct shield_reflect_row *row, const struct packet *p)
{
	return p->payload_size >= row->size_min && p->payload_size <= row->size_max &&
	       (p->head[0] & row->mask.half[0]) == row->value.half[0] &&
	       (p->head[1] & row->mask.half[1]) == row->value.half[1];
}

#define SHIELD_REFLECT_IS_LIMITED 0x100

/* The row that the UDP packet fits, with SHIELD_REFLECT_IS_LIMITED for rows that
 * limit, or SHIELD_REFLECT_COUNT. */
SHIELD_INLINE int shield_reflect_find(const struct shield_work *work)
{
	const struct packet *p;
	uint32_t at;

	if (!work)
		return SHIELD_REFLECT_COUNT;
	p = &work->p;
	at = shield_reflect_last[p->sport];

	for (uint32_t i = 0; i < SHIELD_REFLECT_PER_PORT_MAX; i++) {
		const struct shield_reflect_row *row;

		if (!at)
			break;
		at--;
		row = &shield_reflect_rows[at & 127];
		if (p->sport < row->port_first || p->sport > row->port_last)
			break;
		if (shield_reflect_fits(row, p))
			return (int)(at | (row->limit ? SHIELD_REFLECT_IS_LIMITED : 0));
	}
	/* Replies that leave their server's port: only where a client's port could be meant. */
	if (p->dport < 1024 && p->sport < 1024)
		return SHIELD_REFLECT_COUNT;
	for (uint32_t i = SHIELD_REFLECT_FIRST_ANY; i < SHIELD_REFLECT_COUNT; i++) {
		const struct shield_reflect_row *row = &shield_reflect_rows[i & 127];

		if (shield_reflect_fits(row, p))
			return (int)(i | (row->limit ? SHIELD_REFLECT_IS_LIMITED : 0));
	}
	return SHIELD_REFLECT_COUNT;
}

SHIELD_INLINE enum shield_reason shield_step_reflect(struct shield_context *c)
{
	const struct packet *p = c->p;
	enum shield_reason closed = c->work->flags & SHIELD_IS_CLOSED_PORT ? SHIELD_REASON_PORT : SHIELD_REASON_NONE;
	uint32_t row;
	bool limited;

	if (p->protocol != PACKET_UDP || (p->flags & PACKET_LATER_FRAGMENT) || (c->work->flags & SHIELD_IS_KNOWN_FLOW))
		return closed;
	row = (uint32_t)shield_reflect_find(c->work);
	limited = row & SHIELD_REFLECT_IS_LIMITED;
	row &= SHIELD_REFLECT_IS_LIMITED - 1;
	if (row >= SHIELD_REFLECT_COUNT)
		return closed;
	if (c->work->found & SHIELD_FOUND_REPLY)
		return SHIELD_REASON_NONE;
	if ((c->policy->open_rows[row >> 6 & 1] >> (row & 63) & 1) || (!closed && limited)) {
		c->work->class_id = SHIELD_CLASS_REPLY;
		return SHIELD_REASON_NONE;
	}
	return SHIELD_REASON_REFLECT_FIRST + row;
}

/* ---- learned signatures (C51, F4) -------------------------------------------------------------------*/

SHIELD_INLINE bool shield_signature_fits(const struct shield_signature *s, const struct packet *p)
{
	uint32_t fields = s->fields;

	if (s->family != p->family)
		return false;
	if ((p->dst.half[0] & s->dst_mask.half[0]) != s->dst.half[0] ||
		(p->dst.half[1] & s->dst_mask.half[1]) != s->dst.half[1])
		return false;
	if ((fields & SHIELD_SIGNATURE_PROTOCOL) && p->protocol != s->protocol)
		return false;
	if ((fields & SHIELD_SIGNATURE_SPORT) && (p->sport < s->sport_min || p->sport > s->sport_max))
		return false;
	if ((fields & SHIELD_SIGNATURE_DPORT) && (p->dport < s->dport_min || p->dport > s->dport_max))
		return false;
	if ((fields & SHIELD_SIGNATURE_SIZE) && (p->ip_size < s->size_min || p->ip_size > s->size_max))
		return false;
	if ((fields & SHIELD_SIGNATURE_TTL) && (p->ttl < s->ttl_min || p->ttl > s->ttl_max))
		return false;
	if ((fields & SHIELD_SIGNATURE_TCP_FLAGS) && (p->tcp_flags & s->tcp_flags_mask) != s->tcp_flags)
		return false;
	if ((fields & SHIELD_SIGNATURE_PAYLOAD) && ((p->head[0] & s->payload_mask[0]) != s->payload[0] ||
							   (p->head[1] & s->payload_mask[1]) != s->payload[1]))
		return false;
	return true;
}

enum shield_signature_answer { SHIELD_SIGNATURE_NO, SHIELD_SIGNATURE_SEEN, SHIELD_SIGNATURE_HELD };

/* Holds the packet against one signature. */
SHIELD_SUBPROGRAM int shield_signature_try(struct shield_work *work, uint32_t index)
{
	struct shield_signature *s = SHIELD_AT(signatures, index);

	if (!work || !s || !s->used || !shield_signature_fits(s, &work->p))
		return SHIELD_SIGNATURE_NO;
	__sync_fetch_and_add(&s->hits, 1);
	work->signature = s->id;
	return s->enforce ? SHIELD_SIGNATURE_HELD : SHIELD_SIGNATURE_SEEN;
}

SHIELD_INLINE enum shield_reason shield_step_signature(struct shield_context *c)
{
	uint32_t count = c->state->signature_count;

	for (uint32_t i = 0; i < SHIELD_SIGNATURES_PER_TENANT; i++) {
		if (i >= count)
			break;
		if (shield_signature_try(c->work, c->state->signature[i]) == SHIELD_SIGNATURE_HELD)
			return SHIELD_REASON_SIGNATURE;
	}
	return SHIELD_REASON_NONE;
}

/* ---- fragments (D1, D2) -----------------------------------------------------------------------------*/

#define SHIELD_FRAGMENT_PASSED_LIFE  1800u /* stamps: 30 s, as long as hosts wait to reassemble */
#define SHIELD_FRAGMENT_DROPPED_LIFE 180u /* shorter, so that forged ones make room first */

SHIELD_INLINE uint64_t shield_fragment_key(const struct shield_context *c)
{
	return shield_key_pair(c->globals, &c->p->src, &c->p->dst,
		(uint64_t)SHIELD_KEY_FRAGMENT << 40 | (uint64_t)c->p->protocol << 32 | c->p->fragment_id);
}

SHIELD_INLINE enum shield_reason shield_step_fragment(struct shield_context *c)
{
	const struct shield_line *line;
	uint64_t key;
	int known;

	if (!(c->p->flags & PACKET_LATER_FRAGMENT))
		return SHIELD_REASON_NONE;
	key = shield_fragment_key(c);
	line = SHIELD_AT(fragments, c->policy->fragments.base + ((uint32_t)key & c->policy->fragments.mask));
	known = line ? shield_memory_find(line, key, shield_stamp(c)) : 0;
	if (known == 1)
		return SHIELD_REASON_FRAGMENT_FOLLOWS;
	if (!known && (c->state->attack & SHIELD_ATTACK_FRAGMENT))
		return SHIELD_REASON_FRAGMENT_UNKNOWN;
	return SHIELD_REASON_NONE;
}

/* Remembers what became of a first fragment. */
SHIELD_INLINE void shield_fragment_keep(struct shield_context *c, bool passed)
{
	uint64_t key = shield_fragment_key(c);
	uint64_t life = passed ? SHIELD_MEMORY_FLAG | SHIELD_FRAGMENT_PASSED_LIFE : SHIELD_FRAGMENT_DROPPED_LIFE;

	if (shield_keep_fragments(c->policy->fragments.base + ((uint32_t)key & c->policy->fragments.mask), key,
		    shield_stamp(c), life))
		shield_count_event(c, SHIELD_EVENT_FRAGMENT_EVICTED);
}

/* ---- limits (B, E5, E7, F5) ---------------------------------------------------------------------------*/

/* One source limit: NONE, or the reason it gives. A full line fails as the tenant chose (F8). */
SHIELD_INLINE enum shield_reason shield_limit_one(
	struct shield_context *c, uint32_t limit, uint32_t kind, uint32_t bits, enum shield_reason over)
{
	const struct shield_rate *rate = &c->policy->source[limit];
	enum shield_limit_answer answer;

	if (!rate->cost)
		return SHIELD_REASON_NONE;
	answer = shield_limit_source(
		c, rate, shield_key_addr(c->globals, &c->p->src, c->p->family, bits, c->work->tenant, kind), bits);
	if (answer == SHIELD_LIMIT_OVER)
		return over;
	if (answer == SHIELD_LIMIT_FULL && (c->policy->flags & SHIELD_TENANT_FULL_CLOSED))
		return SHIELD_REASON_TABLE_FULL;
	return SHIELD_REASON_NONE;
}

SHIELD_INLINE enum shield_reason shield_limit_prefixes(struct shield_context *c)
{
	enum shield_reason reason;

	if (c->p->family == 4)
		return shield_limit_one(c, SHIELD_LIMIT_PREFIX, SHIELD_KEY_PREFIX, 24, SHIELD_REASON_LIMIT_PREFIX);
	reason = shield_limit_one(c, SHIELD_LIMIT_PREFIX, SHIELD_KEY_PREFIX, 64, SHIELD_REASON_LIMIT_PREFIX);
	if (reason)
		return reason;
	reason = shield_limit_one(c, SHIELD_LIMIT_PREFIX56, SHIELD_KEY_PREFIX56, 56, SHIELD_REASON_LIMIT_PREFIX56);
	if (reason)
		return reason;
	return shield_limit_one(c, SHIELD_LIMIT_PREFIX48, SHIELD_KEY_PREFIX48, 48, SHIELD_REASON_LIMIT_PREFIX48);
}

/* Counts the destination for the flood detection, which takes the counts out of the table each tick.
 * An entry is two words: who (address, family, tenant), and how many packets; four entries a line. */
enum { SHIELD_DESTINATION_NEW = 1, SHIELD_DESTINATION_EVICTED = 2 };

SHIELD_INLINE int shield_destination_add(uint32_t at_line, uint64_t who)
{
	struct shield_line *line = SHIELD_AT(destinations, at_line);
	uint64_t best = ~0ull;
	uint32_t at = 0;

	if (!line)
		return 0;
	SHIELD_UNROLL
	for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i += 2) {
		uint64_t count = line->word[i + 1];

		if (line->word[i] == who) {
			__sync_fetch_and_add(&line->word[i + 1], 1);
			return 0;
		}
		if (count < best) {
			best = count;
			at = i;
		}
	}
	line->word[at & 6] = who;
	line->word[(at & 6) + 1] = 1;
	return best ? SHIELD_DESTINATION_NEW | SHIELD_DESTINATION_EVICTED : SHIELD_DESTINATION_NEW;
}

SHIELD_INLINE uint32_t shield_destination_word(
	const struct shield_globals *g, const struct packet_addr *dst, uint8_t family)
{
	if (family == 4)
		return dst->word[0];
	return (uint32_t)shield_mix((dst->half[0] ^ g->hash_key[3]) + dst->half[1]) | 1;
}

/* True: the destination was not in the table. */
SHIELD_INLINE bool shield_destination_count(struct shield_context *c)
{
	uint64_t who = SHIELD_DESTINATION_KEY(
		shield_destination_word(c->globals, &c->p->dst, c->p->family), c->p->family, c->work->tenant);
	uint32_t at = (uint32_t)shield_mix(who ^ c->globals->hash_key[3]) & c->policy->destinations.mask;
	int answer = shield_destination_add(c->policy->destinations.base + at, who);

	if (answer & SHIELD_DESTINATION_EVICTED)
		shield_count_event(c, SHIELD_EVENT_DESTINATION_EVICTED);
	return answer & SHIELD_DESTINATION_NEW;
}

SHIELD_INLINE enum shield_reason shield_step_limit(struct shield_context *c)
{
	const struct packet *p = c->p;
	enum shield_reason reason;
	bool fresh = shield_destination_count(c);

	if (fresh && p->family == 6 && (c->state->attack & SHIELD_ATTACK_DESTINATION) &&
		shield_limit_tenant(c, SHIELD_LIMIT_DESTINATION))
		return SHIELD_REASON_LIMIT_DESTINATION;
	if (c->work->class_id == SHIELD_CLASS_SYN) {
		reason = shield_limit_one(
			c, SHIELD_LIMIT_SYN, SHIELD_KEY_SYN, p->family == 4 ? 32 : 128, SHIELD_REASON_LIMIT_SOURCE_SYN);
		if (reason)
			return reason;
	}
	reason = shield_limit_one(
		c, SHIELD_LIMIT_SOURCE, SHIELD_KEY_SOURCE, p->family == 4 ? 32 : 128, SHIELD_REASON_LIMIT_SOURCE);
	if (reason)
		return reason;
	reason = shield_limit_prefixes(c);
	if (reason)
		return reason;
	if (shield_limit_tenant(c, c->work->class_id))
		return SHIELD_REASON_LIMIT_SYN + c->work->class_id;
	if (shield_limit_tenant(c, SHIELD_LIMIT_TOTAL))
		return SHIELD_REASON_LIMIT_TOTAL;
	return SHIELD_REASON_NONE;
}
_Static_assert(
	SHIELD_REASON_LIMIT_OTHER - SHIELD_REASON_LIMIT_SYN == SHIELD_CLASS_OTHER, "classes and reasons in one order");
