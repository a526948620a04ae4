// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* What leaves: each packet from a protected host makes its flow known, so that the answer from
 * outside is told from a forged one (A4 to A8, C, S5 of the catalogue).
 *
 * What outsiders can provoke without being there makes no entry: a SYN-ACK, an RST and an ICMP
 * error answer forged packets too. */
#pragma once

#include "shield/bpf/lookup.h"
#include "shield/bpf/sets.h"

#define SHIELD_FLOW_TCP_LIFE 17880u /* stamps: 300 s; each packet from inside renews it */
#define SHIELD_FLOW_UDP_LIFE 3576u /* 60 s */

SHIELD_INLINE void shield_outbound_flow(struct shield_context *c, const struct packet *p)
{
	uint64_t key = shield_flow_key(c->globals, &p->dst, p->dport, &p->src, p->sport, p->protocol);
	uint32_t life = p->protocol == PACKET_TCP ? SHIELD_FLOW_TCP_LIFE : SHIELD_FLOW_UDP_LIFE;

	if (p->protocol == PACKET_TCP) {
		if ((p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == (PACKET_SYN | PACKET_ACK) ||
			(p->tcp_flags & PACKET_RST))
			return;
	} else if (p->protocol != PACKET_UDP) {
		return;
	}
	if (shield_keep_flows(
		    c->policy->flows.base + ((uint32_t)key & c->policy->flows.mask), key, shield_stamp(c), life))
		shield_count_event(c, SHIELD_EVENT_FLOW_EVICTED);
}

SHIELD_INLINE void shield_outbound_count(const struct shield_context *c, const struct packet *p, uint32_t slot)
{
	uint32_t at = ((c->cpu * c->globals->tenants + slot) * SHIELD_REASON_SLOTS + SHIELD_REASON_OUTBOUND) * 2;
	struct shield_counter *counter = SHIELD_AT(counters, at);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += p->size;
}

/* Looks at a packet that leaves, when it is one of a protected host. Faults are not asked for:
 * checksums may still be missing on their way to the card. */
SHIELD_INLINE void shield_outbound_note(struct shield_globals *g, const struct packet *p)
{
	struct shield_context c = { .globals = g, .cpu = shield_cpu_id() };
	uint32_t entry, slot;

	if (!p->family)
		return;
	entry = shield_tenant_find(g, &p->src, p->family);
	if (!entry)
		return;
	slot = (entry & SHIELD_DEST_SLOT) - 1;
	c.policy = SHIELD_AT(tenants, (g->policy_generation & 1) * g->tenants + slot);
	if (!c.policy)
		return;
	if (c.policy->flags & SHIELD_TENANT_OUTBOUND)
		shield_outbound_count(&c, p, slot);
	if (p->sport && !(p->flags & PACKET_LATER_FRAGMENT))
		shield_outbound_flow(&c, p);
}
