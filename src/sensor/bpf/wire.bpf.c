// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The wire: see wire.h. One program for both interfaces. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "packet/parse.h"
#include "sensor/bpf/wire.h"

const volatile struct wire_settings settings;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, WIRE_SLOTS);
	__type(key, uint32_t);
	__type(value, uint32_t);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WIRE_SLOTS);
	__type(key, uint32_t);
	__type(value, struct wire_queue);
} queues SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_FLOWS_MAX);
	__type(key, struct wire_key);
	__type(value, struct wire_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct wire_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct packet);
} scratch SEC(".maps");

/* Global functions are verified once, by themselves. */
__attribute__((noinline)) int wire_parse(struct xdp_md *ctx, struct packet *p)
{
	if (!p)
		return PACKET_NOT_IP;
	return (int)packet_parse((uint8_t *)(long)ctx->data, (uint8_t *)(long)ctx->data_end, p);
}

static inline __attribute__((always_inline)) int wire_side(const struct xdp_md *ctx)
{
	return ctx->ingress_ifindex == settings.ifindex[1];
}

static inline __attribute__((always_inline)) bool wire_source_first(const struct packet *p)
{
	for (int i = 0; i < 4; i++) {
		if (p->src.word[i] != p->dst.word[i])
			return __builtin_bswap32(p->src.word[i]) < __builtin_bswap32(p->dst.word[i]);
	}
	return p->sport <= p->dport;
}

/* False: not a packet of which the kernel could know the flow. Tagged frames always go to the sensor. */
static inline __attribute__((always_inline)) bool wire_key_of(const struct packet *p, struct wire_key *key)
{
	bool source_first = wire_source_first(p);

	if (!p->family || p->tags || p->flags & PACKET_IS_FRAGMENT)
		return false;
	if (p->protocol != PACKET_TCP && p->protocol != PACKET_UDP && p->protocol != PACKET_SCTP)
		return false;
	__builtin_memcpy(key->addr[0], source_first ? p->src.byte : p->dst.byte, 16);
	__builtin_memcpy(key->addr[1], source_first ? p->dst.byte : p->src.byte, 16);
	key->port[0] = source_first ? p->sport : p->dport;
	key->port[1] = source_first ? p->dport : p->sport;
	key->family = p->family;
	key->protocol = p->protocol;
	return true;
}

/* enum wire_verdict, or 0: the sensor is asked. */
static inline __attribute__((always_inline)) uint32_t wire_known(const struct packet *p, uint64_t now_ns)
{
	struct wire_key key = { 0 };
	struct wire_flow *flow;

	if (!wire_key_of(p, &key))
		return 0;
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return 0;
	/* Too long without packets, or a new connection with the old one's ports. The sensor enters flows by the exact clock,
	 * which is ahead of this coarse one for up to a timer interrupt: a difference below zero is no idleness. */
	if ((int64_t)(now_ns - flow->last_ns) > (int64_t)settings.idle_ns ||
		(p->protocol == PACKET_TCP && (p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN)) {
		bpf_map_delete_elem(&flows, &key);
		return 0;
	}
	flow->last_ns = now_ns;
	__sync_fetch_and_add(&flow->packet_count, 1);
	__sync_fetch_and_add(&flow->byte_count, p->size);
	return flow->verdict;
}

/* Someone takes what is put into this ring, and it has room. */
static inline __attribute__((always_inline)) bool wire_is_served(
	struct wire_queue *queue, uint32_t slot, uint64_t now_ns)
{
	int64_t silent_ns = (int64_t)(now_ns - queue->alive_ns);

	if (!bpf_map_lookup_elem(&sockets, &slot))
		return false;
	return silent_ns < (int64_t)settings.stale_ns && (int64_t)(queue->given - queue->taken) < settings.room;
}

SEC("xdp")
int wire(struct xdp_md *ctx)
{
	uint32_t zero = 0, side = wire_side(ctx), other = settings.ifindex[!side], verdict = 0;
	uint32_t slot = side * WIRE_QUEUES_MAX + (ctx->rx_queue_index & (WIRE_QUEUES_MAX - 1));
	struct packet *p = bpf_map_lookup_elem(&scratch, &zero);
	struct wire_counters *count = bpf_map_lookup_elem(&counters, &zero);
	struct wire_queue *queue = bpf_map_lookup_elem(&queues, &slot);
	uint64_t now_ns = bpf_ktime_get_coarse_ns();

	if (!p || !count || !queue)
		return XDP_ABORTED;
	if (wire_parse(ctx, p) == PACKET_OK)
		verdict = wire_known(p, now_ns);
	if (verdict == WIRE_BLOCK) {
		count->blocked++;
		return XDP_DROP;
	}
	if (verdict == WIRE_BYPASS) {
		count->bypassed++;
		count->bypassed_bytes += p->size;
		return (int)bpf_redirect(other, 0);
	}
	if (wire_is_served(queue, slot, now_ns)) {
		queue->given++;
		count->given++;
		return (int)bpf_redirect_map(&sockets, slot, XDP_DROP);
	}
	if (!settings.fail_open) {
		count->closed++;
		return XDP_DROP;
	}
	count->opened++;
	return (int)bpf_redirect(other, 0);
}

char _license[] SEC("license") = "GPL";
