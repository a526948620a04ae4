// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Is somebody there? The SYN challenge (A1, A6 to A8, A15, A16, F10).
 *
 * While a tenant is challenged, a SYN from an unproven source is answered, in its own place and
 * never larger, with a bare ACK whose acknowledgement number is a keyed cookie. A real TCP in
 * SYN-SENT must answer an unacceptable acknowledgement with <SEQ=SEG.ACK><CTL=RST> (RFC 9293
 * section 3.10.7.3): the cookie comes back, the source is proven for some minutes, and its next SYN
 * passes. Linux sends that SYN two timer ticks later instead of a second (tcp_input.c,
 * tcp_rcv_synsent_state_process). Nothing is kept before the proof.
 *
 * The answer's sequence number is zero on purpose: a Linux connection tracker lets an ACK through
 * that answers a first SYN, and accepts the RST behind it only when that RST's acknowledgement
 * number (zero: it has no ACK flag) equals the end of the ignored segment
 * (nf_conntrack_proto_tcp.c). With any other number the client's NAT would drop the proof. */
#pragma once

#include "shield/bpf/lookup.h"
#include "shield/bpf/steps.h"

#define SHIELD_COOKIE_EPOCH_SHIFT 36 /* 68.7 s; a cookie lives one to two epochs */

SHIELD_INLINE uint32_t shield_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(uint32_t)sum & 0xffff;
}

SHIELD_INLINE void shield_put32(uint8_t *at, uint32_t v)
{
#ifdef __bpf__
	*(uint32_t *)at = v;
#else
	memcpy(at, &v, sizeof(v));
#endif
}

SHIELD_INLINE void shield_put16(uint8_t *at, uint16_t v)
{
#ifdef __bpf__
	*(uint16_t *)at = v;
#else
	memcpy(at, &v, sizeof(v));
#endif
}

/* Turns the SYN in the frame into the challenge: addresses and ports change places, in network
 * order throughout. 'tcp' has 20 bytes behind it. */
SHIELD_INLINE void shield_write_tcp(uint8_t *tcp, const struct packet *p, uint32_t cookie)
{
	uint64_t sum = 0;

	shield_put16(tcp, packet_swap16(p->dport));
	shield_put16(tcp + 2, packet_swap16(p->sport));
	shield_put32(tcp + 4, 0);
	shield_put32(tcp + 8, packet_swap32(cookie));
	shield_put16(tcp + 12, packet_swap16(5 << 12 | PACKET_ACK));
	shield_put16(tcp + 14, 0xffff);
	shield_put32(tcp + 16, 0);
	sum = (uint64_t)p->src.word[0] + p->src.word[1] + p->src.word[2] + p->src.word[3];
	sum += (uint64_t)p->dst.word[0] + p->dst.word[1] + p->dst.word[2] + p->dst.word[3];
	sum += packet_swap16(PACKET_TCP) + packet_swap16(20);
	for (int i = 0; i < 5; i++)
		sum += packet_load32(tcp + 4 * i);
	shield_put16(tcp + 16, (uint16_t)shield_fold(sum));
}

SHIELD_INLINE void shield_write_ipv4(uint8_t *ip, const struct packet *p)
{
	uint64_t sum = 0;

	shield_put32(ip, packet_swap32(0x45000028)); /* 40 bytes */
	shield_put32(ip + 4, packet_swap32(0x00004000)); /* do not fragment */
	shield_put32(ip + 8, packet_swap32(64u << 24 | PACKET_TCP << 16));
	shield_put32(ip + 12, p->dst.word[0]);
	shield_put32(ip + 16, p->src.word[0]);
	for (int i = 0; i < 5; i++)
		sum += packet_load32(ip + 4 * i);
	shield_put16(ip + 10, (uint16_t)shield_fold(sum));
}

SHIELD_INLINE void shield_write_ipv6(uint8_t *ip, const struct packet *p)
{
	shield_put32(ip, packet_swap32(6u << 28));
	shield_put32(ip + 4, packet_swap32(20u << 16 | PACKET_TCP << 8 | 64));
	for (int i = 0; i < 4; i++) {
		shield_put32(ip + 8 + 4 * i, p->dst.word[i]);
		shield_put32(ip + 24 + 4 * i, p->src.word[i]);
	}
}

/* False: the frame cannot be answered in place (headers between IP and TCP). */
SHIELD_INLINE bool shield_write_answer(struct shield_frame *frame, const struct packet *p, uint32_t cookie)
{
	uint32_t ip_header = p->family == 4 ? 20 : 40, l3 = p->l3_offset, excess;
	uint8_t *data = frame_data(frame), *end = frame_end(frame), *ip;
	uint16_t mac;
	uint32_t mac_low;

	if (p->l4_offset != l3 + ip_header || l3 < 14 || l3 > 64)
		return false;
	SHIELD_OPAQUE(l3);
	l3 &= 127;
	ip = data + l3;
	if (!PACKET_HAS(data, end, 14) || !PACKET_HAS(ip, end, 60))
		if (!PACKET_HAS(data, end, 14) || !PACKET_HAS(ip, end, 40) || p->family != 4)
			return false;
	mac_low = packet_load32(data);
	mac = packet_load16(data + 4);
	shield_put32(data, packet_load32(data + 6));
	shield_put16(data + 4, packet_load16(data + 10));
	shield_put32(data + 6, mac_low);
	shield_put16(data + 10, mac);
	if (p->family == 4) {
		shield_write_ipv4(ip, p);
		shield_write_tcp(ip + 20, p, cookie);
	} else {
		if (!PACKET_HAS(ip, end, 60))
			return false;
		shield_write_ipv6(ip, p);
		shield_write_tcp(ip + 40, p, cookie);
	}
	excess = p->size - (p->l3_offset + ip_header + 20);
	if (excess > 0 && excess < 4096 && frame_shrink(frame, excess))
		return false;
	return true;
}

SHIELD_INLINE uint64_t shield_proof_key(const struct shield_context *c)
{
	return shield_key_addr(
		c->globals, &c->p->src, c->p->family, c->p->family == 4 ? 32 : 128, c->work->tenant, SHIELD_KEY_PROVEN);
}

SHIELD_INLINE bool shield_source_proven(struct shield_context *c)
{
	uint64_t key = shield_proof_key(c);
	const struct shield_line *line =
		SHIELD_AT(proven, c->policy->proven.base + ((uint32_t)key & c->policy->proven.mask));

	return line && shield_memory_find(line, key, shield_stamp(c));
}

SHIELD_INLINE enum shield_reason shield_challenge_syn(struct shield_context *c, struct shield_frame *frame)
{
	uint32_t epoch = (uint32_t)(shield_now(c) >> SHIELD_COOKIE_EPOCH_SHIFT);
	const struct packet *p = c->p;
	uint64_t key;

	if (shield_source_proven(c))
		return SHIELD_REASON_NONE;
	key = shield_key_addr(
		c->globals, &p->src, p->family, p->family == 4 ? 24 : 64, c->work->tenant, SHIELD_KEY_CHALLENGE);
	if (c->policy->challenge_prefix.cost &&
		shield_limit_source(c, &c->policy->challenge_prefix, key, 64) == SHIELD_LIMIT_OVER)
		return SHIELD_REASON_CHALLENGE_BUDGET;
	if (shield_limit_tenant(c, SHIELD_LIMIT_CHALLENGE))
		return SHIELD_REASON_CHALLENGE_BUDGET;
	/* In shadow nothing is sent: the packet itself goes on untouched. */
	if ((c->policy->flags & SHIELD_TENANT_ENFORCE) &&
		!shield_write_answer(frame, p, shield_cookie(c->globals, p, epoch)))
		return SHIELD_REASON_UNPROVEN;
	return SHIELD_REASON_CHALLENGED;
}

/* An RST of an unproven source: the answer, or an attempt to guess it. 'proof' lasts minutes; a
 * source may be wrong 64 times an epoch, against 2^31 numbers. */
SHIELD_INLINE enum shield_reason shield_challenge_answer(struct shield_context *c)
{
	uint32_t epoch = (uint32_t)(shield_now(c) >> SHIELD_COOKIE_EPOCH_SHIFT);
	const struct packet *p = c->p;
	bool now, before;
	uint64_t key;

	key = shield_key_addr(
		c->globals, &p->src, p->family, p->family == 4 ? 32 : 128, c->work->tenant, SHIELD_KEY_WRONG);
	if (shield_limit_source(c, &c->policy->wrong_answer, key, 128) == SHIELD_LIMIT_OVER)
		return SHIELD_REASON_CHALLENGE_WRONG;
	now = p->tcp_seq == shield_cookie(c->globals, p, epoch);
	before = p->tcp_seq == shield_cookie(c->globals, p, epoch - 1);
	if (!now && !before)
		return SHIELD_REASON_CHALLENGE_WRONG;
	key = shield_proof_key(c);
	if (shield_keep_proven(c->policy->proven.base + ((uint32_t)key & c->policy->proven.mask), key, shield_stamp(c),
		    (uint32_t)c->policy->proof_ticks << (30 - SHIELD_STAMP_SHIFT)))
		shield_count_event(c, SHIELD_EVENT_PROVEN_EVICTED);
	return SHIELD_REASON_PROVEN;
}

/* Stands before the limits: they would keep state for forged sources, and the flood would use up the
 * rate that proven users need. */
SHIELD_INLINE enum shield_reason shield_step_challenge(struct shield_context *c, struct shield_frame *frame)
{
	const struct packet *p = c->p;
	bool strict = c->state->attack & SHIELD_ATTACK_TCP;

	if (p->protocol != PACKET_TCP || (p->flags & PACKET_LATER_FRAGMENT) ||
		(!(c->work->flags & SHIELD_IS_CHALLENGED) && !strict) || (c->work->flags & SHIELD_IS_KNOWN_FLOW))
		return SHIELD_REASON_NONE;
	if ((p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN)
		return c->work->flags & SHIELD_IS_CHALLENGED ? shield_challenge_syn(c, frame) : SHIELD_REASON_NONE;
	if ((p->tcp_flags & PACKET_RST) && (c->work->flags & SHIELD_IS_CHALLENGED) && !shield_flow_known(c))
		return shield_source_proven(c) ? SHIELD_REASON_NONE : shield_challenge_answer(c);
	if (!strict || shield_flow_known(c) || shield_source_proven(c))
		return SHIELD_REASON_NONE;
	/* Without a view of the answers from inside, old connections could not be told from forged ones. */
	return shield_sees_outbound(c) ? SHIELD_REASON_UNPROVEN : SHIELD_REASON_NONE;
}
