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

SHIELD_INLINE void shield_outbound_keep(const struct shield_globals *g, const struct packet *p, uint32_t slot)
{
	struct shield_context c = { .globals = g, .now_ns = shield_now_ns(), .cpu = shield_cpu_id() };
	uint64_t key = shield_flow_key(g, &p->dst, p->dport, &p->src, p->sport, p->protocol);
	uint32_t life = p->protocol == PACKET_TCP ? SHIELD_FLOW_TCP_LIFE : SHIELD_FLOW_UDP_LIFE;

	c.policy = SHIELD_AT(tenants, (g->policy_generation & 1) * g->tenants + slot);
	if (!c.policy)
		return;
	if (shield_keep_flows(
		    c.policy->flows.base + ((uint32_t)key & c.policy->flows.mask), key, shield_stamp(&c), life))
		shield_count_event(&c, SHIELD_EVENT_FLOW_EVICTED);
}

/* Makes the flow of a packet known, when it is one of a protected host. */
SHIELD_INLINE void shield_outbound_note(const struct shield_globals *g, const struct packet *p)
{
	uint32_t entry;

	/* Faults are not asked for: checksums may still be missing on their way to the card. */
	if (!p->family || (p->flags & PACKET_LATER_FRAGMENT) || !p->sport)
		return;
	if (p->protocol == PACKET_TCP) {
		if ((p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == (PACKET_SYN | PACKET_ACK) ||
			(p->tcp_flags & PACKET_RST))
			return;
	} else if (p->protocol != PACKET_UDP) {
		return;
	}
	entry = shield_tenant_find(g, &p->src, p->family);
	if (entry)
		shield_outbound_keep(g, p, (entry & SHIELD_DEST_SLOT) - 1);
}
