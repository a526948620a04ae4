// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Finding what is known of an address: decisions by source, tenants by destination.
 *
 * The generation numbers are read once a packet, so no packet is judged by half of one table and
 * half of another. */
#pragma once

#include "shield/bpf/hash.h"

#define SHIELD_TICK_SHIFT 30

/* One line of an IPv6 hash table: which of its keys is this prefix? */
SHIELD_INLINE uint32_t shield_v6_line_find(
	const struct shield_v6_line *line, const struct packet_addr *key, uint8_t length)
{
	SHIELD_UNROLL
	for (int i = 0; i < 3; i++)
		if (line->leaf[i] && line->length[i] == length && line->key[i].half[0] == key->half[0] &&
			line->key[i].half[1] == key->half[1])
			return line->leaf[i];
	return 0;
}

SHIELD_INLINE uint64_t shield_v6_hash(const struct shield_globals *g, const struct packet_addr *key, uint32_t length)
{
	uint64_t h = shield_mix((key->half[0] ^ g->hash_key[1]) + length);

	return shield_mix((h + key->half[1]) ^ g->hash_key[2]);
}

/* The first 'length' bits of an address. */
SHIELD_INLINE struct packet_addr shield_v6_prefix(const struct packet_addr *addr, uint32_t length)
{
	struct packet_addr key = { .half = { 0, 0 } };
	uint64_t mask;

	if (length >= 128)
		return *addr;
	if (length >= 64) {
		key.half[0] = addr->half[0];
		mask = length == 64 ? 0 : ~0ull << (128 - length);
		key.half[1] = addr->half[1] & __builtin_bswap64(mask);
	} else {
		mask = length == 0 ? 0 : ~0ull << (64 - length);
		key.half[0] = addr->half[0] & __builtin_bswap64(mask);
	}
	return key;
}

#define SHIELD_V6_FIND(table, generation, size_mask, g, addr, length, ret)                                             \
	do {                                                                                                           \
		struct packet_addr key_v6 = shield_v6_prefix(addr, length);                                            \
		uint64_t hash_v6 = shield_v6_hash(g, &key_v6, length);                                                 \
                                                                                                                       \
		(ret) = 0;                                                                                             \
		for (uint32_t probe_v6 = 0; probe_v6 < SHIELD_V6_PROBES; probe_v6++) {                                 \
			uint32_t at_v6 = ((uint32_t)hash_v6 + probe_v6) & (size_mask);                                 \
			const struct shield_v6_line *line_v6 =                                                         \
				SHIELD_AT(table, (generation) * ((size_mask) + 1) + at_v6);                            \
                                                                                                                       \
			if (!line_v6)                                                                                  \
				break;                                                                                 \
			(ret) = shield_v6_line_find(line_v6, &key_v6, (uint8_t)(length));                              \
			if ((ret) || !line_v6->overflow)                                                               \
				break;                                                                                 \
		}                                                                                                      \
	} while (0)

/* ---- decisions ----------------------------------------------------------------------------------*/

SHIELD_INLINE uint32_t shield_host_hash(const struct shield_globals *g, uint32_t addr)
{
	return (uint32_t)shield_mix(addr ^ g->hash_key[0]);
}

/* Where the bit of an address is: other bits of the hash than those that pick its line. */
#define SHIELD_FILTER_LINE(hash, mask) ((hash) >> 9 & (mask))
#define SHIELD_FILTER_WORD(hash)       ((hash)&7)
#define SHIELD_FILTER_BIT(hash)        ((hash) >> 3 & 63)

SHIELD_INLINE bool shield_list_filter(const struct shield_globals *g, uint32_t generation, uint32_t hash)
{
	const struct shield_line *line = SHIELD_AT(
		list_filter, generation * (g->list_filter_mask + 1) + SHIELD_FILTER_LINE(hash, g->list_filter_mask));

	return line && line->word[SHIELD_FILTER_WORD(hash)] >> SHIELD_FILTER_BIT(hash) & 1;
}

/* The leaf of a single address, or 0. */
SHIELD_INLINE uint32_t shield_list_host(const struct shield_globals *g, uint32_t generation, uint32_t addr)
{
	uint32_t hash = shield_host_hash(g, addr), base = generation * (g->list_hosts_mask + 1);

	if (!shield_list_filter(g, generation, hash))
		return 0;
	for (uint32_t probe = 0; probe < SHIELD_HOST_PROBES; probe++) {
		const struct shield_line *line = SHIELD_AT(list_hosts, base + ((hash + probe) & g->list_hosts_mask));

		if (!line)
			return 0;
		SHIELD_UNROLL
		for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i++) {
			uint64_t word = line->word[i];

			if (!word)
				return 0;
			if (word >> 32 == addr && (uint32_t)word)
				return (uint32_t)word;
		}
	}
	return 0;
}

SHIELD_INLINE bool shield_list_covered(uint32_t generation, uint32_t addr)
{
	const struct shield_line *line = SHIELD_AT(list_cover, generation << 7 | addr >> 25);

	return line && line->word[(addr >> 22) & 7] >> (addr >> 16 & 63) & 1;
}

SHIELD_INLINE uint32_t shield_list_leaf4(const struct shield_globals *g, uint32_t generation, uint32_t source)
{
	uint32_t addr = packet_swap32(source), entry = shield_list_host(g, generation, addr);
	const struct shield_chunk *chunk;
	const struct shield_line *line;

	if (entry)
		return entry;
	if (!shield_list_covered(generation, addr))
		return 0;
	line = SHIELD_AT(list_root, generation << 20 | addr >> 12);
	if (!line)
		return 0;
	entry = line->half[(addr >> 8) & 15];
	if ((entry & (SHIELD_LEAF_PLAIN | SHIELD_ROOT_CHUNK)) != SHIELD_ROOT_CHUNK)
		return entry;
	chunk = SHIELD_AT(list_chunks, generation * g->list_chunks + (entry & SHIELD_ROOT_INDEX));
	if (!chunk)
		return 0;
	addr &= 0xff;
	if (chunk->count == SHIELD_CHUNK_DENSE) {
		chunk = SHIELD_AT(list_chunks, generation * g->list_chunks + chunk->other + (addr >> 4));
		return chunk ? ((const struct shield_line *)chunk)->half[addr & 15] : 0;
	}
	SHIELD_UNROLL
	for (uint32_t i = 0; i < SHIELD_CHUNK_HOSTS; i++) {
		if (i < chunk->count && chunk->host[i] == addr)
			return chunk->leaf[i];
	}
	return chunk->other;
}

/* Reads the clock only for what can expire. */
SHIELD_INLINE bool shield_expired(struct shield_context *c, uint32_t expiry)
{
	return expiry != SHIELD_LEAF_EXPIRY_MASK &&
	       expiry <= (shield_now(c) >> SHIELD_TICK_SHIFT) - c->globals->expiry_base_tick;
}

/* What one leaf says, merged into c->work->found. */
SHIELD_INLINE void shield_list_read(struct shield_context *c, uint32_t generation, uint32_t leaf)
{
	if (leaf & SHIELD_LEAF_PLAIN) {
		uint32_t expiry = leaf & SHIELD_LEAF_EXPIRY_MASK;

		if (!shield_expired(c, expiry)) {
			c->work->found |= SHIELD_FOUND_BLOCK;
			c->work->list = (leaf >> SHIELD_LEAF_LIST_SHIFT) & SHIELD_LEAF_LIST_MASK;
		}
		return;
	}
	for (uint32_t i = 0; i <= SHIELD_CHAIN_MAX; i++) {
		const struct shield_node *node;

		if (!leaf)
			return;
		if (i == SHIELD_CHAIN_MAX)
			break;
		node = SHIELD_AT(list_nodes, generation * c->globals->list_nodes + leaf);
		if (!node)
			return;
		leaf = node->next;
		if (node->tenant && node->tenant != c->work->tenant)
			continue;
		if (shield_expired(c, node->expiry))
			continue;
		if (node->action == SHIELD_ACTION_ALLOW)
			c->work->found |= SHIELD_FOUND_ALLOW;
		else if (node->action == SHIELD_ACTION_REPLY)
			c->work->found |= SHIELD_FOUND_REPLY;
		else if (node->action == SHIELD_ACTION_BOGON)
			c->work->found |= SHIELD_FOUND_BOGON;
		else if (node->action == SHIELD_ACTION_OWN)
			c->work->found |= SHIELD_FOUND_OWN;
		else if (node->action == SHIELD_ACTION_BLOCK) {
			c->work->found |= SHIELD_FOUND_BLOCK;
			c->work->list = node->list;
		}
	}
	shield_count_event(c, SHIELD_EVENT_CHAIN_CUT);
}

/* The leaf of one IPv6 prefix length, from the first 'length' bits of the address in two halves. */
SHIELD_SUBPROGRAM uint32_t shield_list_leaf6(uint64_t half0, uint64_t half1, uint32_t length, uint32_t generation)
{
	const struct shield_globals *g = SHIELD_AT(globals, 0);
	struct packet_addr addr = { .half = { half0, half1 } };
	uint32_t leaf = 0;

	if (g)
		SHIELD_V6_FIND(list6, generation, g->list6_mask, g, &addr, length, leaf);
	return leaf;
}

SHIELD_INLINE void shield_list_find(struct shield_context *c)
{
	const struct shield_globals *g = c->globals;
	uint32_t generation = g->list_generation & 1, leaf;

	if (c->p->family == 4) {
		leaf = shield_list_leaf4(g, generation, c->p->src.word[0]);
		if (leaf)
			shield_list_read(c, generation, leaf);
		return;
	}
	for (uint32_t i = 0; i < SHIELD_V6_LENGTHS_MAX; i++) {
		uint32_t length;

		if (i >= g->list6_length_count[generation])
			break;
		length = g->list6_length[generation][i];
		leaf = shield_list_leaf6(c->p->src.half[0], c->p->src.half[1], length, generation);
		if (leaf)
			shield_list_read(c, generation, leaf);
	}
}

/* ---- tenants ------------------------------------------------------------------------------------*/

/* 0, or slot + 1 with SHIELD_DEST_BROADCAST. */
SHIELD_INLINE uint32_t shield_tenant_find4(const struct shield_globals *g, uint32_t generation, uint32_t net_addr)
{
	uint32_t addr = packet_swap32(net_addr), entry, base = generation * g->tenant_nodes * 16;
	const struct shield_line *line = SHIELD_AT(tenant_root, generation << 12 | addr >> 20);

	if (!line)
		return 0;
	entry = line->half[(addr >> 16) & 15];
	if (!(entry & SHIELD_DEST_NODE))
		return entry;
	line = SHIELD_AT(tenant_nodes, base + (entry & ~SHIELD_DEST_NODE) * 16 + ((addr >> 12) & 15));
	if (!line)
		return 0;
	entry = line->half[(addr >> 8) & 15];
	if (!(entry & SHIELD_DEST_NODE))
		return entry;
	line = SHIELD_AT(tenant_nodes, base + (entry & ~SHIELD_DEST_NODE) * 16 + ((addr >> 4) & 15));
	return line ? line->half[addr & 15] : 0;
}

SHIELD_INLINE uint32_t shield_tenant_find6(
	const struct shield_globals *g, uint32_t generation, const struct packet_addr *addr)
{
	uint32_t leaf = 0;

	/* Longest first: the table writer keeps the lengths in that order. */
	for (uint32_t i = 0; i < SHIELD_V6_LENGTHS_MAX; i++) {
		uint32_t length;

		if (i >= g->tenant6_length_count[generation])
			break;
		length = g->tenant6_length[generation][i];
		SHIELD_V6_FIND(tenant6, generation, g->tenant6_mask, g, addr, length, leaf);
		if (leaf)
			break;
	}
	return leaf;
}

SHIELD_SUBPROGRAM uint32_t shield_tenant_entry6(uint64_t half0, uint64_t half1)
{
	const struct shield_globals *g = SHIELD_AT(globals, 0);
	struct packet_addr addr = { .half = { half0, half1 } };

	return g ? shield_tenant_find6(g, g->policy_generation & 1, &addr) : 0;
}

/* IPv4 is found in line: a call costs more than the look-up where returns are guarded (SRSO). */
SHIELD_INLINE uint32_t shield_tenant_find(
	const struct shield_globals *g, const struct packet_addr *addr, uint32_t family)
{
	return family == 4 ? shield_tenant_find4(g, g->policy_generation & 1, addr->word[0])
			   : shield_tenant_entry6(addr->half[0], addr->half[1]);
}

SHIELD_INLINE bool shield_port_open(const struct shield_context *c, uint32_t set, uint16_t port)
{
	uint32_t generation = c->globals->policy_generation & 1;
	const struct shield_line *line;

	if (set <= 1)
		return set == 1;
	line = SHIELD_AT(port_sets, (generation * c->globals->port_sets + set) * 128 + (port >> 9));
	return line && line->word[(port >> 6) & 7] >> (port & 63) & 1;
}

/* ---- flows that somebody inside takes part in ---------------------------------------------------*/

/* The same key for both directions: 'out' is the outside end. */
SHIELD_INLINE uint64_t shield_flow_key(const struct shield_globals *g, const struct packet_addr *out, uint16_t out_port,
	const struct packet_addr *in, uint16_t in_port, uint8_t protocol)
{
	return shield_key_pair(g, out, in,
		(uint64_t)SHIELD_KEY_FLOW << 40 | (uint64_t)protocol << 32 | (uint64_t)out_port << 16 | in_port);
}
