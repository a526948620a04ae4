// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* What the XDP program and user space must agree on: every map value, every table's shape.
 *
 * All maps but the sample ring are memory-mapped arrays: user space writes them with plain aligned
 * stores and needs no system call, nor any capability, once they are mapped. A thing that must
 * change as a whole exists twice (two generations); struct shield_globals says which one counts.
 * The user-space build of the pipeline (emulate.c) puts the same arrays into ordinary memory.
 *
 * Time. 'tick' is 2^30 ns of the coarse monotonic clock (1.07 s): expiries. 'quant' is 2^8 ns:
 * the per-source limits. Limits of a tenant count in 1/256 ns. */
#pragma once

#ifndef __bpf__
#include <stdint.h>
#endif

#include "packet/packet.h"
#include "shield/reason.h"

enum {
	SHIELD_ABI_VERSION = 1, /* part of the pin path: a changed layout gets new maps */
	SHIELD_LINE_WORDS = 8,
	SHIELD_TENANT_UNMAPPED = 0, /* tenant slot of everything that belongs to nobody */
	SHIELD_TENANTS_MAX = 4097,
	SHIELD_V6_LENGTHS_MAX = 24, /* different prefix lengths in one IPv6 table */
	SHIELD_V6_PROBES = 8,
	SHIELD_HOST_PROBES = 8, /* lines of hosts that one address may be in */
	SHIELD_CHAIN_MAX = 16, /* decisions that may cover one address */
	SHIELD_SIGNATURES_PER_TENANT = 8,
	SHIELD_SAMPLE_BYTES = 192,
	SHIELD_LISTS_MAX = 64,
	SHIELD_CPUS_MAX = 256,
};

/* One cache line of a set-associative table, a hash bucket or a trie node. */
struct shield_line {
	union {
		uint64_t word[8];
		uint32_t half[16];
		uint8_t byte[64];
	};
} __attribute__((aligned(64)));

/* X(id, name): what a packet is counted and limited as. */
#define SHIELD_CLASSES(X)                                                                                              \
	X(SYN, "syn")                                                                                                  \
	X(TCP, "tcp")                                                                                                  \
	X(UDP, "udp")                                                                                                  \
	X(ICMP, "icmp")                                                                                                \
	X(FRAGMENT, "fragment")                                                                                        \
	X(REPLY, "reply")                                                                                              \
	X(OTHER, "other")
enum shield_class {
#define X(id, name) SHIELD_CLASS_##id,
	SHIELD_CLASSES(X)
#undef X
		SHIELD_CLASS_COUNT
};

/* ---- IPv4 decisions ---------------------------------------------------------------------------
 *
 * hosts: single addresses, in a hash of lines with eight words each: the address in the high half, its
 * leaf in the low one. A word of zero ends a line; one without a leaf is a place that became free.
 * For a million addresses it is 16 MB, and one memory access answers.
 *
 * filter: eight bits a decision, one of them set for each single address: most sources are on no list, and
 * for them the 1 MB of bits answers instead of the hash.
 *
 * cover: one bit for each /16 of the address space: is there any longer or shorter prefix than a single
 * address in it? Most are clear, and then the root is not read at all.
 *
 * root: one 32-bit entry for each /24 (DIR-24). An entry is 0 (nothing), a leaf, or a chunk number. A
 * chunk holds up to 11 addresses of its /24 in one line, with the leaf of all others, or stands for 16
 * lines that hold a leaf for each of the 256 addresses: prefixes of /25 to /31.
 *
 * A leaf: bit 31 set is a plain block for every tenant, with list and expiry inside (one memory
 * access less for the common case); else bits 0-29 are the first node of a chain of decisions, own
 * ones first, then those of each shorter prefix that covers it. */
#define SHIELD_LEAF_PLAIN        0x80000000u
#define SHIELD_LEAF_LIST_SHIFT   25
#define SHIELD_LEAF_LIST_MASK    0x3fu
#define SHIELD_LEAF_EXPIRY_MASK  0x01ffffffu /* ticks since globals.expiry_base; all ones: never */
#define SHIELD_ROOT_CHUNK        0x40000000u /* root entry: bits 0-29 are a chunk */
#define SHIELD_ROOT_INDEX        0x3fffffffu
#define SHIELD_CHUNK_HOSTS       11
#define SHIELD_CHUNK_DENSE       0xff
#define SHIELD_CHUNK_DENSE_LINES 16

struct shield_chunk { /* one line */
	uint8_t count; /* 0..11, or SHIELD_CHUNK_DENSE */
	uint8_t host[SHIELD_CHUNK_HOSTS]; /* last byte of the address */
	uint32_t other; /* leaf of every address not named; dense: the first of 16 lines */
	uint32_t leaf[SHIELD_CHUNK_HOSTS];
	uint32_t pad;
};

enum shield_action {
	SHIELD_ACTION_VOID, /* taken away; stays until the prefix is empty */
	SHIELD_ACTION_BLOCK,
	SHIELD_ACTION_ALLOW, /* beats every block; straight to the limits */
	SHIELD_ACTION_BOGON, /* a block for tenants that ask for it */
	SHIELD_ACTION_REPLY, /* replies of this source pass the reflection step */
	SHIELD_ACTION_OWN, /* a protected address: never a source from outside (D9) */
};

struct shield_node {
	uint32_t next; /* 0: end */
	uint32_t expiry; /* ticks since expiry_base; SHIELD_LEAF_EXPIRY_MASK: never */
	uint16_t tenant; /* SHIELD_TENANT_UNMAPPED: every tenant */
	uint8_t action;
	uint8_t list;
	uint32_t pad;
};

/* ---- IPv6 prefixes: one hash per length in use, all in one table of lines -------------------- */
struct shield_v6_line {
	struct packet_addr key[3];
	uint32_t leaf[3]; /* 0: free; decisions: as above; tenants: slot + 1 */
	uint8_t length[3];
	uint8_t overflow; /* a key of this line went on to the next */
};

/* ---- Tenants ---------------------------------------------------------------------------------
 *
 * Destinations: IPv4 in a trie of 16, 8 and 8 bits (root of 65,536 entries, nodes of 256), IPv6 in
 * a hash like the one above. An entry is 0 or slot + 1, with the bits below. */
#define SHIELD_DEST_NODE             0x80000000u /* bits 0-30 are a node */
#define SHIELD_DEST_HOST_BITS(entry) ((entry) >> 16 & 31) /* of an IPv4 subnet with a broadcast address; else 0 */
#define SHIELD_DEST_SLOT             0x0000ffffu

enum shield_tenant_flag {
	SHIELD_TENANT_ENFORCE = 1 << 0, /* else shadow */
	SHIELD_TENANT_BOGONS = 1 << 1,
	SHIELD_TENANT_CHALLENGE_ON = 1 << 2,
	SHIELD_TENANT_CHALLENGE_AUTO = 1 << 3,
	SHIELD_TENANT_FULL_CLOSED = 1 << 4,
	SHIELD_TENANT_IPV4_OPTIONS = 1 << 5,
	SHIELD_TENANT_UDP_EMPTY = 1 << 6,
	SHIELD_TENANT_FAST_OPEN = 1 << 7,
	SHIELD_TENANT_OUTBOUND = 1 << 9, /* count what leaves as well (H12) */
	SHIELD_TENANT_CLIENTS = 1 << 8, /* hosts inside ask questions outside */
};

/* A rate for the table of sources: cost of one packet and burst, in quants. cost 0: no limit. 'mask' says
 * how many lines of the tenant's share it uses: an entry counts only while it is ahead of the clock, so
 * at most (packets a second) x cost of them ever do, and the fewer lines, the nearer they are. */
struct shield_rate {
	uint32_t cost, burst, mask, pad;
};

/* A rate of a tenant, in 1/256 ns. cost 0: no limit. */
struct shield_class_rate {
	uint64_t cost, burst;
};

/* A tenant's share of a table: lines base .. base + mask. */
struct shield_share {
	uint32_t base, mask;
};

enum shield_source_limit {
	SHIELD_LIMIT_SOURCE,
	SHIELD_LIMIT_SYN,
	SHIELD_LIMIT_PREFIX,
	SHIELD_LIMIT_PREFIX56,
	SHIELD_LIMIT_PREFIX48,
	SHIELD_LIMIT_SOURCE_KINDS,
};

enum shield_tenant_limit { /* the classes, then */
	SHIELD_LIMIT_TOTAL = SHIELD_CLASS_COUNT,
	SHIELD_LIMIT_CHALLENGE,
	SHIELD_LIMIT_DESTINATION,
	SHIELD_LIMIT_KINDS,
};

struct shield_tenant { /* immutable in its generation */
	uint32_t flags;
	uint16_t tcp_ports, udp_ports; /* port set; 0 is the empty set, 1 is all ports */
	uint16_t min_mss;
	uint16_t proof_ticks;
	uint32_t pad;
	uint64_t protocols[4]; /* bitmap of IP protocols */
	uint64_t open_rows[2]; /* bitmap of reflection rows that the tenant opens */
	struct shield_share sources, proven, flows, fragments, destinations;
	struct shield_rate source[SHIELD_LIMIT_SOURCE_KINDS];
	struct shield_rate challenge_prefix; /* challenges to one /24 or /64 */
	struct shield_rate wrong_answer; /* wrong answers from one source */
	struct shield_class_rate limit[SHIELD_LIMIT_KINDS];
} __attribute__((aligned(64)));

struct shield_name { /* of a tenant, by slot; for user space, kept where the counters are */
	char text[64];
};

enum shield_attack { /* bits of shield_tenant_state.attack */
	SHIELD_ATTACK_SYN = 1 << 0, /* challenge new sources */
	SHIELD_ATTACK_TCP = 1 << 1, /* TCP only from known flows and proven sources */
	SHIELD_ATTACK_FRAGMENT = 1 << 2, /* later fragments only behind a passed first one */
	SHIELD_ATTACK_DESTINATION = 1 << 3, /* new IPv6 destinations are limited */
};

struct shield_tenant_state { /* written by the daemon at any time, and by the limits */
	uint32_t attack;
	uint32_t signature_count;
	uint16_t signature[SHIELD_SIGNATURES_PER_TENANT];
	uint32_t sample_every[SHIELD_CLASS_COUNT]; /* one packet of so many goes to the ring; 0: none */
	uint32_t pad;
	uint64_t until[SHIELD_LIMIT_KINDS]; /* GCRA: theoretical arrival time, 1/256 ns */
} __attribute__((aligned(64)));

/* ---- Learned signatures ----------------------------------------------------------------------*/
enum shield_signature_field {
	SHIELD_SIGNATURE_PROTOCOL = 1 << 0,
	SHIELD_SIGNATURE_SPORT = 1 << 1,
	SHIELD_SIGNATURE_DPORT = 1 << 2,
	SHIELD_SIGNATURE_SIZE = 1 << 3,
	SHIELD_SIGNATURE_TTL = 1 << 4,
	SHIELD_SIGNATURE_TCP_FLAGS = 1 << 5,
	SHIELD_SIGNATURE_PAYLOAD = 1 << 6,
};

struct shield_signature {
	struct packet_addr dst, dst_mask; /* applied to every packet; a zero mask fits all */
	uint64_t payload[2], payload_mask[2];
	uint64_t hits; /* enforced or not */
	uint32_t fields; /* enum shield_signature_field: what is compared */
	uint32_t enforce; /* 0: only counted */
	uint16_t sport_min, sport_max, dport_min, dport_max;
	uint16_t size_min, size_max; /* IP length */
	uint8_t family, protocol;
	uint8_t ttl_min, ttl_max;
	uint8_t tcp_flags, tcp_flags_mask;
	uint8_t used, pad;
	uint32_t id; /* the detection's number, for samples and people */
} __attribute__((aligned(64)));

/* ---- Reflection rows, made from reflection.h ---------------------------------------------------*/
struct shield_reflect_row {
	uint16_t port_first, port_last, size_min, size_max;
	uint32_t limit; /* else drop */
	uint32_t pad;
	union {
		uint8_t byte[16];
		uint64_t half[2];
	} value, mask;
};

/* ---- Destinations: the key word of an entry ------------------------------------------------------*/
#define SHIELD_DESTINATION_KEY(address, family, tenant)                                                                \
	((uint64_t)(uint32_t)(address) << 32 | (uint64_t)(family) << 16 | (uint16_t)(tenant))

/* ---- Counters, sliced by CPU -----------------------------------------------------------------*/
struct shield_counter {
	uint64_t packets, bytes;
};

struct shield_traffic { /* [cpu][tenant][class], one line */
	uint64_t packets, bytes; /* that reached their tenant whole */
	uint64_t passed_packets, passed_bytes;
	uint32_t countdown; /* to the next sample */
	uint32_t pad[7];
} __attribute__((aligned(64)));

/* X(id, name, help): what the tables themselves report. */
#define SHIELD_TABLE_EVENTS(X)                                                                                         \
	X(SOURCE_EVICTED, "source_evicted", "A busy source was put out of the table by another.")                      \
	X(PROVEN_EVICTED, "proven_evicted", "A proven source was forgotten before its time.")                          \
	X(FLOW_EVICTED, "flow_evicted", "A known flow was forgotten before its time.")                                 \
	X(FRAGMENT_EVICTED, "fragment_evicted", "A first fragment was forgotten before its time.")                     \
	X(DESTINATION_EVICTED, "destination_evicted", "A destination's counter was given to another.")                 \
	X(CONTENDED, "contended", "Two processors wanted one word; the packet went through unlimited.")                \
	X(SAMPLE_LOST, "sample_lost", "The sample ring was full.")                                                     \
	X(CHAIN_CUT, "chain_cut", "More decisions cover one address than are read.")
enum shield_table_event {
#define X(id, name, help) SHIELD_EVENT_##id,
	SHIELD_TABLE_EVENTS(X)
#undef X
		SHIELD_EVENT_COUNT
};

struct shield_cpu { /* one for each CPU */
	uint64_t event[SHIELD_EVENT_COUNT];
	struct shield_counter list[SHIELD_LISTS_MAX];
} __attribute__((aligned(64)));

/* ---- Samples ----------------------------------------------------------------------------------*/
struct shield_sample {
	uint64_t time_ns;
	uint32_t weight; /* packets that this one stands for */
	uint16_t tenant, reason;
	uint16_t frame_size, data_size;
	uint8_t class_id, shadow, list, pad;
	uint32_t signature; /* id of the matching signature, or 0 */
	uint32_t pad2;
	uint8_t data[SHIELD_SAMPLE_BYTES];
};

/* ---- Globals ----------------------------------------------------------------------------------*/
enum shield_global_flag {
	SHIELD_GLOBAL_DROP_UNKNOWN = 1 << 0, /* destinations of no tenant are dropped */
	SHIELD_GLOBAL_SEES_OUTBOUND = 1 << 1, /* the answers from inside are watched too */
};

struct shield_globals {
	uint32_t flags;
	uint32_t policy_generation; /* 0 or 1: tenants, destinations, port sets */
	uint32_t list_generation; /* 0 or 1: decisions */
	uint32_t peer_ifindex; /* wire mode: where passed packets go; 0: to the stack */
	/* The clock of the packets; kept by the program itself (bpf/compat.h). */
	uint64_t clock_tick_ns, clock_second_ticks, clock_offset_ns, clock_set_ticks;
	uint64_t expiry_base_tick; /* tick 0 of the decisions' expiries */
	uint64_t hash_key[4];
	uint64_t cookie_key[2];
	/* sizes of one generation, or of the table; sets of lines are powers of two */
	uint32_t tenants, tenant_nodes, list_hosts_mask, list_filter_mask, list_chunks, list_nodes, list6_mask,
		tenant6_mask;
	uint32_t port_sets, signatures, cpus;
	uint32_t protected_ifindex; /* for people: the interface that the program stands on */
	uint8_t list6_length_count[2], tenant6_length_count[2];
	uint8_t list6_length[2][SHIELD_V6_LENGTHS_MAX];
	uint8_t tenant6_length[2][SHIELD_V6_LENGTHS_MAX];
} __attribute__((aligned(64)));

/* ---- The maps ---------------------------------------------------------------------------------
 *
 * X(name, value type): every memory-mapped array. How many entries each has is decided when the
 * program is loaded (tables.c). */
#define SHIELD_MAPS(X)                                                                                                 \
	X(globals, struct shield_globals)                                                                              \
	X(tenants, struct shield_tenant) /* 2 generations */                                                           \
	X(names, struct shield_name)                                                                                   \
	X(tenant_states, struct shield_tenant_state)                                                                   \
	X(tenant_root, struct shield_line) /* 2 x 4,096 */                                                             \
	X(tenant_nodes, struct shield_line) /* 2 x nodes x 16 */                                                       \
	X(tenant6, struct shield_v6_line) /* 2 */                                                                      \
	X(port_sets, struct shield_line) /* 2 x sets x 128 */                                                          \
	X(list_hosts, struct shield_line) /* 2 */                                                                      \
	X(list_filter, struct shield_line) /* 2 */                                                                     \
	X(list_cover, struct shield_line) /* 2 x 128 */                                                                \
	X(list_root, struct shield_line) /* 2 x 2^20 */                                                                \
	X(list_chunks, struct shield_chunk) /* 2 */                                                                    \
	X(list_nodes, struct shield_node) /* 2; shared by IPv4 and IPv6 */                                             \
	X(list6, struct shield_v6_line) /* 2 */                                                                        \
	X(signatures, struct shield_signature)                                                                         \
	X(sources, struct shield_line)                                                                                 \
	X(proven, struct shield_line)                                                                                  \
	X(flows, struct shield_line)                                                                                   \
	X(fragments, struct shield_line)                                                                               \
	X(destinations, struct shield_line)                                                                            \
	X(counters, struct shield_counter) /* [cpu][tenant][reason][enforced, shadow] */                               \
	X(traffic, struct shield_traffic) /* [cpu][tenant][class] */                                                   \
	X(cpus, struct shield_cpu)

_Static_assert(
	sizeof(struct shield_line) == 64 && sizeof(struct shield_chunk) == 64 && sizeof(struct shield_v6_line) == 64,
	"one cache line");
_Static_assert(sizeof(struct shield_node) == 16 && sizeof(struct shield_traffic) == 64, "as laid out");
