// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The XDP program of the shield, and the small program that watches what leaves.
 *
 * All of it is in the headers beside this file, which user space compiles too (emulate.c). */
#include "shield/bpf/pipeline.h"
#include "shield/bpf/outbound.h"

SEC("xdp")
int shield_xdp(struct xdp_md *ctx)
{
	struct shield_context c = { 0 };

	switch (shield_run(ctx, &c)) {
	case SHIELD_DROP:
		return XDP_DROP;
	case SHIELD_ANSWER:
		return XDP_TX;
	default:
		if (c.globals && c.globals->peer_ifindex)
			return (int)bpf_redirect(c.globals->peer_ifindex, 0);
		return XDP_PASS;
	}
}

SHIELD_SUBPROGRAM int shield_parse_inside(struct xdp_md *ctx, struct shield_work *work)
{
	return work ? (int)packet_parse(frame_data(ctx), frame_end(ctx), &work->p) : PACKET_NOT_IP;
}

SHIELD_SUBPROGRAM int shield_parse_egress(struct __sk_buff *skb, struct shield_work *work)
{
	return work ? (int)packet_parse((uint8_t *)(long)skb->data, (uint8_t *)(long)skb->data_end, &work->p)
		    : PACKET_NOT_IP;
}

/* Wire mode, inside interface: remember the flow, hand the frame across. */
SEC("xdp")
int shield_inside(struct xdp_md *ctx)
{
	struct shield_globals *g = SHIELD_AT(globals, 0);
	struct shield_work *work = SHIELD_SCRATCH(shield_cpu_id(), 1);

	if (!g || !work)
		return XDP_PASS;
	shield_parse_inside(ctx, work);
	shield_outbound_note(g, &work->p);
	return g->protected_ifindex ? (int)bpf_redirect(g->protected_ifindex, 0) : XDP_PASS;
}

/* Host mode: the same for what the host or the router sends out of the protected interface. */
SEC("tc")
int shield_egress(struct __sk_buff *skb)
{
	struct shield_globals *g = SHIELD_AT(globals, 0);
	struct shield_work *work = SHIELD_SCRATCH(shield_cpu_id(), 1);

	if (g && work) {
		shield_parse_egress(skb, work);
		shield_outbound_note(g, &work->p);
	}
	return -1; /* TC_ACT_UNSPEC: go on as if nobody had looked */
}

/* Of the two licences above, the one by which the kernel lends its GPL-only helpers. */
char _license[] SEC("license") = "GPL";
