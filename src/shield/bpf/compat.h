// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The few things that differ between the kernel's build of the pipeline and user space's: maps,
 * clock, randomness, the frame, the sample ring. Everything above this file is written once. */
#pragma once

#ifdef __bpf__

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define SHIELD_INLINE static inline __attribute__((always_inline))
#define shield_frame  xdp_md

#include "shield/abi.h"

#define X(name, value_type)                                                                                            \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__uint(map_flags, BPF_F_MMAPABLE);                                                                     \
		__uint(max_entries, 1);                                                                                \
		__type(key, uint32_t);                                                                                 \
		__type(value, value_type);                                                                             \
	} name SEC(".maps");
SHIELD_MAPS(X)
#undef X

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} samples SEC(".maps");

#define SHIELD_AT(name, index)                                                                                         \
	({                                                                                                             \
		uint32_t key_ = (index);                                                                               \
		bpf_map_lookup_elem(&name, &key_);                                                                     \
	})

/* Keeps the compiler from merging a bounds check with arithmetic that the verifier then cannot follow. */
#define SHIELD_OPAQUE(v)      asm volatile("" : "+r"(v))
#define SHIELD_MEMORY_BARRIER asm volatile("" ::: "memory")
#define SHIELD_UNROLL         _Pragma("clang loop unroll(full)")
/* Read-only tables: the kernel wants them visible to describe their section. */
#define SHIELD_TABLE const
/* A global function: verified once, by itself, with nothing known of its arguments. */
#define SHIELD_SUBPROGRAM __attribute__((noinline))

/* The coarse monotonic clock, counted in line: bpf_jiffies64() is one load, while the helper costs a call
 * and a guarded return (20 ns here). Once a second the count is set by the helper again, so the two
 * never drift apart. */
SHIELD_INLINE uint64_t shield_now_ns(struct shield_globals *g)
{
	uint64_t ticks = bpf_jiffies64();

	if (ticks - g->clock_set_ticks >= g->clock_second_ticks) {
		g->clock_offset_ns = bpf_ktime_get_coarse_ns() - ticks * g->clock_tick_ns;
		g->clock_set_ticks = ticks;
	}
	return ticks * g->clock_tick_ns + g->clock_offset_ns;
}
SHIELD_INLINE uint32_t shield_cpu_id(void)
{
	return bpf_get_smp_processor_id();
}
SHIELD_INLINE uint32_t shield_random(void)
{
	return bpf_get_prandom_u32();
}
SHIELD_INLINE uint8_t *frame_data(struct xdp_md *frame)
{
	return (uint8_t *)(long)frame->data;
}
SHIELD_INLINE uint8_t *frame_end(struct xdp_md *frame)
{
	return (uint8_t *)(long)frame->data_end;
}
SHIELD_INLINE int frame_shrink(struct xdp_md *frame, uint32_t by)
{
	return (int)bpf_xdp_adjust_tail(frame, -(int)by);
}

#else /* user space: emulate.c */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shield/abi.h"
#include "shield/maps.h"

#define SHIELD_INLINE         static inline __attribute__((always_inline, unused))
#define SHIELD_OPAQUE(v)      (void)(v)
#define SHIELD_MEMORY_BARRIER (void)0
#define SHIELD_UNROLL
#define SHIELD_TABLE      static const
#define SHIELD_SUBPROGRAM static __attribute__((unused))

struct shield_frame {
	uint8_t *data, *end;
};

/* The machine that the pipeline runs on: set by emulate.c around each packet. */
struct shield_machine {
	struct shield_maps *maps;
	uint64_t now_ns;
	uint64_t random;
	void (*sample)(void *user, const struct shield_sample *sample);
	void *sample_user;
	struct shield_trace *trace; /* null: none wanted */
};
extern _Thread_local struct shield_machine *shield_machine;

#define SHIELD_AT(name, index)                                                                                         \
	({                                                                                                             \
		uint32_t key_ = (index);                                                                               \
		key_ < shield_machine->maps->name##_count ? &shield_machine->maps->name[key_] : NULL;                  \
	})

SHIELD_INLINE uint64_t shield_now_ns(struct shield_globals *g)
{
	(void)g;
	return shield_machine->now_ns;
}
SHIELD_INLINE uint32_t shield_cpu_id(void)
{
	return 0;
}
SHIELD_INLINE uint32_t shield_random(void)
{
	shield_machine->random = shield_machine->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(shield_machine->random >> 32);
}
SHIELD_INLINE uint8_t *frame_data(struct shield_frame *frame)
{
	return frame->data;
}
SHIELD_INLINE uint8_t *frame_end(struct shield_frame *frame)
{
	return frame->end;
}
SHIELD_INLINE int frame_shrink(struct shield_frame *frame, uint32_t by)
{
	frame->end -= by;
	return 0;
}

#endif

#include "packet/parse.h"

/* What the steps know of one packet: the words in a map of scratch memory (the verifier does not
 * follow values through it, so that every packet's way merges into one state), the pointers beside
 * it on the stack. */
struct shield_work {
	struct packet p;
	uint32_t tenant; /* slot */
	uint32_t signature;
	uint8_t class_id;
	uint8_t list; /* of the decision that spoke */
	uint8_t found; /* enum shield_found */
	uint8_t flags; /* enum shield_context_flag */
	uint32_t fault; /* enum packet_fault */
} __attribute__((aligned(64)));

#ifdef __bpf__
/* A plain array sliced by CPU: its look-up is inlined on every kernel, a per-CPU map's is not. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SHIELD_CPUS_MAX); /* of each CPU: coming in, going out */
	__type(key, uint32_t);
	__type(value, struct shield_work);
} scratch SEC(".maps");
#define SHIELD_SCRATCH(cpu, which) SHIELD_AT(scratch, (cpu)*2 + (which))
#else
extern _Thread_local struct shield_work shield_scratch[2];
#define SHIELD_SCRATCH(cpu, which) (&shield_scratch[(void)(cpu), (which)])
#endif

struct shield_context {
	struct packet *p; /* work->p */
	struct shield_work *work;
	struct shield_globals *globals;
	const struct shield_tenant *policy; /* null for destinations of nobody */
	struct shield_tenant_state *state;
	uint64_t now_ns; /* 0: not read yet; ask shield_now() */
	uint32_t cpu;
	uint32_t reason; /* enum shield_reason: how the journey ended */
	bool shadow; /* not carried out */
};

enum shield_found { /* what the decisions say of a source */
	SHIELD_FOUND_BLOCK = 1 << 0,
	SHIELD_FOUND_ALLOW = 1 << 1,
	SHIELD_FOUND_BOGON = 1 << 2,
	SHIELD_FOUND_REPLY = 1 << 3,
	SHIELD_FOUND_OWN = 1 << 4,
};

enum shield_context_flag {
	SHIELD_IS_BROADCAST = 1 << 0, /* to the network or broadcast address of the tenant's prefix */
	SHIELD_IS_KNOWN_FLOW = 1 << 1,
	SHIELD_IS_CLOSED_PORT = 1 << 2,
	SHIELD_IS_CHALLENGED = 1 << 3, /* the tenant challenges new sources right now */
};

SHIELD_INLINE void shield_count_event(struct shield_context *c, enum shield_table_event event)
{
	struct shield_cpu *cpu = SHIELD_AT(cpus, c->cpu);

	if (cpu)
		cpu->event[event]++;
}

/* The time of the packet. Read when it is first wanted: what is dropped by its bytes alone needs none. */
SHIELD_INLINE uint64_t shield_now(struct shield_context *c)
{
	if (!c->now_ns)
		c->now_ns = shield_now_ns(c->globals);
	return c->now_ns;
}
