// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The journey of one packet: the order of the steps, and what is counted at the end.
 *
 * parse, tenant by destination, decisions by source, bogons, allow and block, protocols and ports,
 * reflection, signatures, fragments, challenge, limits. A reason other than NONE ends the journey.
 * In shadow the reason is counted and the packet passes all the same. */
#pragma once

#include "shield/bpf/challenge.h"

#ifdef __bpf__
#define SHIELD_TRACE(c, step, reason)
#else
#define SHIELD_TRACE(c, step, reason) shield_trace_step(SHIELD_STEP_##step, reason)
void shield_trace_step(enum shield_step step, enum shield_reason reason);
#endif

/* Runs a step and leaves the function when it has an answer. */
#define SHIELD_RUN(c, step, call)                                                                                      \
	do {                                                                                                           \
		enum shield_reason reason_ = (call);                                                                   \
                                                                                                                       \
		SHIELD_TRACE(c, step, reason_);                                                                        \
		if (reason_)                                                                                           \
			return reason_;                                                                                \
	} while (0)

SHIELD_TABLE uint8_t shield_fault_reason[32] = { [PACKET_OK] = SHIELD_REASON_NONE,
#define X(id) [PACKET_##id] = SHIELD_REASON_##id,
	X(NOT_IP) X(LINK) X(TAGS) X(IP_HEADER) X(IP_LENGTH) X(IP_CHECKSUM) X(TTL_ZERO) X(SOURCE_ROUTE) X(IP_OPTIONS_BAD)
		X(LAND) X(SOURCE_CAST) X(FRAGMENT_TINY) X(FRAGMENT_OFFSET_ONE) X(FRAGMENT_OVERSIZE) X(FRAGMENT_ATOMIC)
			X(FRAGMENT_SIZE) X(IPV6_CHAIN) X(IPV6_HOPBYHOP) X(IPV6_ROUTING) X(TCP_HEADER) X(TCP_FLAGS)
				X(PORT_ZERO) X(UDP_LENGTH) X(ICMP_HEADER) X(SCTP_HEADER) X(GRE_HEADER)
#undef X
};
_Static_assert(PACKET_FAULT_COUNT <= 32, "faults and reasons");

/* Parses into the scratch memory, the fault too: what comes back from memory is one state for the
 * verifier, however many ways led there. */
SHIELD_INLINE uint32_t shield_parse(struct shield_frame *frame, struct shield_work *work)
{
	work->tenant = 0;
	work->signature = 0;
	work->list = 0;
	work->found = 0;
	work->flags = 0;
	work->class_id = SHIELD_CLASS_OTHER;
	work->fault = packet_parse(frame_data(frame), frame_end(frame), &work->p);
	SHIELD_MEMORY_BARRIER;
	return work->fault & 31;
}

SHIELD_INLINE uint8_t shield_classify(const struct packet *p)
{
	if (p->flags & PACKET_LATER_FRAGMENT)
		return SHIELD_CLASS_FRAGMENT;
	switch (p->protocol) {
	case PACKET_TCP:
		return (p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN ? SHIELD_CLASS_SYN : SHIELD_CLASS_TCP;
	case PACKET_UDP:
		return SHIELD_CLASS_UDP;
	case PACKET_ICMP:
	case PACKET_ICMPV6:
		return SHIELD_CLASS_ICMP;
	default:
		return SHIELD_CLASS_OTHER;
	}
}

/* What keeps the link itself alive: neighbour discovery and multicast listener messages that did not
 * cross a router (RFC 4861 section 7.1: hop limit 255; RFC 2710: link-local, hop limit 1). */
SHIELD_INLINE bool shield_is_link_control(const struct packet *p, enum packet_fault fault)
{
	if (p->family != 6)
		return false;
	if (fault == PACKET_IPV6_HOPBYHOP)
		return p->dst.byte[0] == 0xff && (p->dst.byte[1] & 0xf) == 2 && p->ttl == 1;
	return !fault && p->protocol == PACKET_ICMPV6 && p->icmp_type >= 133 && p->icmp_type <= 137 && p->ttl == 255;
}

SHIELD_INLINE void shield_find_tenant(struct shield_context *c)
{
	const struct shield_globals *g = c->globals;
	uint32_t entry = shield_tenant_find(g, &c->p->dst, c->p->family), slot;

	if (!entry)
		return;
	slot = (entry & SHIELD_DEST_SLOT) - 1;
	c->policy = SHIELD_AT(tenants, (g->policy_generation & 1) * g->tenants + slot);
	c->state = SHIELD_AT(tenant_states, slot);
	if (!c->state) {
		c->policy = 0;
		return;
	}
	if (!c->policy)
		return;
	c->work->tenant = slot;
	if (SHIELD_DEST_HOST_BITS(entry)) {
		uint32_t mask = (1u << SHIELD_DEST_HOST_BITS(entry)) - 1;
		uint32_t host = packet_swap32(c->p->dst.word[0]) & mask;

		if (!host || host == mask)
			c->work->flags |= SHIELD_IS_BROADCAST;
	}
	if ((c->policy->flags & SHIELD_TENANT_CHALLENGE_ON) ||
		((c->policy->flags & SHIELD_TENANT_CHALLENGE_AUTO) && (c->state->attack & SHIELD_ATTACK_SYN)))
		c->work->flags |= SHIELD_IS_CHALLENGED;
}

/* Who is it for, and may it come in at all? */
SHIELD_INLINE enum shield_reason shield_admit(struct shield_context *c, enum packet_fault fault)
{
	uint8_t index = fault & 31;

	if (shield_is_link_control(c->p, fault))
		return SHIELD_REASON_LINK_CONTROL;
	if (c->p->family)
		shield_find_tenant(c);
	if (shield_fault_reason[index])
		return shield_fault_reason[index];
	if (!c->policy)
		return c->globals->flags & SHIELD_GLOBAL_DROP_UNKNOWN ? SHIELD_REASON_UNKNOWN_DESTINATION
								      : SHIELD_REASON_UNMAPPED;
	return SHIELD_REASON_NONE;
}

SHIELD_INLINE enum shield_reason shield_judge(
	struct shield_context *c, struct shield_frame *frame, enum packet_fault fault)
{
	SHIELD_RUN(c, TENANT, shield_admit(c, fault));
	/* Always true here; said once more for the verifier, which does not know the table of faults. */
	SHIELD_OPAQUE(c->policy);
	SHIELD_OPAQUE(c->state);
	if (!c->policy || !c->state)
		return SHIELD_REASON_UNMAPPED;
	c->work->class_id = shield_classify(c->p);
	shield_list_find(c);
	SHIELD_RUN(c, BOGON, shield_step_bogon(c));
	if (!(c->work->found & SHIELD_FOUND_ALLOW)) {
		SHIELD_RUN(c, LIST, c->work->found & SHIELD_FOUND_BLOCK ? SHIELD_REASON_LISTED : SHIELD_REASON_NONE);
		SHIELD_RUN(c, POLICY, shield_step_policy(c));
		SHIELD_RUN(c, REFLECT, shield_step_reflect(c));
		SHIELD_RUN(c, SIGNATURE, shield_step_signature(c));
		SHIELD_RUN(c, FRAGMENT, shield_step_fragment(c));
		SHIELD_RUN(c, CHALLENGE, shield_step_challenge(c, frame));
	}
	SHIELD_RUN(c, LIMIT, shield_step_limit(c));
	return SHIELD_REASON_PASSED;
}

/* Reasons that let the packet go on; all others end it (or answer it). */
SHIELD_INLINE bool shield_reason_passes(enum shield_reason reason)
{
	return reason == SHIELD_REASON_PASSED || reason == SHIELD_REASON_UNMAPPED || reason == SHIELD_REASON_NOT_IP ||
	       reason == SHIELD_REASON_LINK_CONTROL;
}

SHIELD_INLINE void shield_fill_sample(
	struct shield_context *c, struct shield_sample *s, enum shield_reason reason, bool shadow, uint32_t weight)
{
	s->time_ns = shield_now(c);
	s->weight = weight;
	s->tenant = (uint16_t)c->work->tenant;
	s->reason = (uint16_t)reason;
	s->frame_size = (uint16_t)c->p->size;
	s->class_id = c->work->class_id;
	s->shadow = shadow;
	s->list = c->work->list;
	s->pad = 0;
	s->pad2 = 0;
	s->signature = c->work->signature;
}

SHIELD_INLINE void shield_take_sample(
	struct shield_context *c, struct shield_frame *frame, enum shield_reason reason, bool shadow, uint32_t weight)
{
	uint32_t size = c->p->size > SHIELD_SAMPLE_BYTES ? SHIELD_SAMPLE_BYTES : c->p->size;
#ifdef __bpf__
	struct shield_sample *s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);

	if (!s) {
		shield_count_event(c, SHIELD_EVENT_SAMPLE_LOST);
		return;
	}
	shield_fill_sample(c, s, reason, shadow, weight);
	s->data_size = (uint16_t)size;
	if (size < 1 || size > SHIELD_SAMPLE_BYTES || bpf_xdp_load_bytes(frame, 0, s->data, size))
		s->data_size = 0;
	bpf_ringbuf_submit(s, 0);
#else
	struct shield_sample s;

	if (!shield_machine->sample)
		return;
	shield_fill_sample(c, &s, reason, shadow, weight);
	s.data_size = (uint16_t)size;
	memcpy(s.data, frame->data, size);
	shield_machine->sample(shield_machine->sample_user, &s);
#endif
}

SHIELD_INLINE void shield_account_list(struct shield_context *c)
{
	struct shield_cpu *cpu = SHIELD_AT(cpus, c->cpu);
	uint32_t list = c->work->list & (SHIELD_LISTS_MAX - 1);

	if (!cpu)
		return;
	cpu->list[list].packets++;
	cpu->list[list].bytes += c->p->size;
}

/* Counts the packet, for its tenant and its class, and takes a sample when it is due. */
SHIELD_INLINE void shield_account(
	struct shield_context *c, struct shield_frame *frame, enum shield_reason reason, bool shadow, bool passed)
{
	uint32_t slot = (c->cpu * c->globals->tenants + c->work->tenant), every;
	struct shield_counter *counter =
		SHIELD_AT(counters, (slot * SHIELD_REASON_SLOTS + (uint32_t)reason) * 2 + shadow);
	struct shield_traffic *t = SHIELD_AT(traffic, slot * SHIELD_CLASS_COUNT + c->work->class_id);

	if (counter) {
		counter->packets++;
		counter->bytes += c->p->size;
	}
	if (reason == SHIELD_REASON_LISTED)
		shield_account_list(c);
	if (!t || !c->state)
		return;
	t->packets++;
	t->bytes += c->p->size;
	if (passed) {
		t->passed_packets++;
		t->passed_bytes += c->p->size;
	}
	every = c->work->class_id < SHIELD_CLASS_COUNT ? c->state->sample_every[c->work->class_id] : 0;
	if (!every)
		return;
	if (t->countdown > 1 && t->countdown <= 2 * every) {
		t->countdown--;
		return;
	}
	/* A random gap around the wanted one, so that no sender can keep step with it. */
	t->countdown = every / 2 + 1 + (uint32_t)(((uint64_t)shield_random() * every) >> 32);
	shield_take_sample(c, frame, reason, shadow, every);
}

SHIELD_INLINE enum shield_verdict shield_run(struct shield_frame *frame, struct shield_context *c)
{
	enum shield_reason reason;
	enum packet_fault fault;
	bool passes, shadow;

	c->globals = SHIELD_AT(globals, 0);
	if (!c->globals)
		return SHIELD_PASS;
	c->cpu = shield_cpu_id();
	c->work = SHIELD_SCRATCH(c->cpu, 0);
	if (!c->work)
		return SHIELD_PASS;
	c->p = &c->work->p;
	fault = (enum packet_fault)shield_parse(frame, c->work);
	SHIELD_TRACE(c, PARSE, shield_fault_reason[fault & 31]);
	reason = shield_judge(c, frame, fault);
	passes = shield_reason_passes(reason);
	shadow = !passes && c->policy && !(c->policy->flags & SHIELD_TENANT_ENFORCE);
	if ((c->p->flags & (PACKET_IS_FRAGMENT | PACKET_LATER_FRAGMENT)) == PACKET_IS_FRAGMENT && c->policy)
		shield_fragment_keep(c, passes); /* in shadow too, so that the tail is counted with it */
	shield_account(c, frame, reason, shadow, passes || shadow);
	c->reason = reason;
	c->shadow = shadow;
	if (passes || shadow)
		return SHIELD_PASS;
	return reason == SHIELD_REASON_CHALLENGED ? SHIELD_ANSWER : SHIELD_DROP;
}
