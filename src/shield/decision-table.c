// SPDX-License-Identifier: Apache-2.0
/* Why no packet sees a half-done change.
 *
 * An address is looked up through one root entry, at most one chunk, and a chain of nodes. Stores that packets can see
 * are single aligned words, made in this order:
 *
 * 1. A new node or chunk is written whole before the (release) store of the link, leaf or root entry that leads to it.
 * 2. A group's links are set from its last node to its first, and a covering group's before those of the groups inside
 *    it (the set's order). So when a link is turned to another node, everything behind that node is complete; and since
 *    a turned link skips or gains exactly the changed decision, each chain has all other decisions at every moment.
 * 3. A leaf is stored after the nodes that it leads to. Leaves of different addresses change one after the other, which
 *    no packet can tell: it has one source.
 * 4. A chunk's hosts never change. Only leaves are stored in place; another set of hosts means another chunk, swapped in
 *    by the one store of its root entry.
 * 5. What nothing leads to any more stays as it was, links included, until the pool's waiting time is over, because a
 *    packet may stand on it. An erased decision's node goes on pointing to what stood behind it. */
#include "shield/decision-table.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "shield/bpf/lookup.h"

/* A place that is free again, but does not end its line: not zero, and no leaf. */
#define HOST_ERASED (1ull << 32)

enum {
	ROOT_SIZE = 1 << 24,
	COVER_LINES = 128,
	RUN_SIZE = 1 + SHIELD_CHUNK_DENSE_LINES, /* the chunk and, right behind it, its lines */
	SHRINK_HOSTS = 8, /* a dense chunk becomes a sparse one again at this many: apart from 11, lest it flaps */
	NODE_WANTED = 1, /* in a dry walk: stands for a node still to be taken */
};

/* The decisions of one prefix. */
struct group {
	struct decision_record *records[SHIELD_CHAIN_MAX + 1];
	uint32_t count;
};

/* A prefix that covers the address that the walk has reached. */
struct frame {
	uint32_t last; /* address */
	uint32_t head; /* first node of its chain; 0: none */
	uint32_t leaf;
	uint32_t covering; /* decisions in its chain */
	bool deep; /* longer than a /24 */
	bool single; /* one address: it has a place of its own among the hosts */
};

struct walk {
	struct decision_table *table;
	const struct decision_set *set;
	struct decisions_refusal *refusal;
	bool dry; /* only see whether it can be done */
	bool paints; /* a dry walk paints only when the hosts of a /24 changed */
	uint32_t nodes_wanted;
	struct frame frames[34]; /* one for what is around the range, and one for each length */
	uint32_t frame_count;
	uint64_t at; /* addresses before this one are painted */
	/* The /24 that is being painted: its addresses that prefixes longer than /24 cover, their leaves, and the leaf of
	 * all others (any value when there are none). */
	uint64_t deep[4];
	uint32_t leaf[256];
	uint32_t other;
};

int decision_table_init(struct decision_table *table, struct shield_maps *maps, uint32_t generation)
{
	struct shield_globals *g = maps->globals;

	*table = (struct decision_table){
		.root = maps->list_root[(size_t)generation << 20].half,
		.hosts = maps->list_hosts + (size_t)generation * (g->list_hosts_mask + 1),
		.filter = maps->list_filter + (size_t)generation * (g->list_filter_mask + 1),
		.cover = maps->list_cover + (size_t)generation * COVER_LINES,
		.globals = g,
		.chunks = maps->list_chunks + (size_t)generation * g->list_chunks,
		.nodes = maps->list_nodes + (size_t)generation * g->list_nodes,
		.base_tick = g->expiry_base_tick,
	};
	v6table_init(&table->v6, maps->list6 + (size_t)generation * (g->list6_mask + 1), g->list6_mask, g,
		g->list6_length[generation], &g->list6_length_count[generation]);
	if (decision_pool_init(&table->chunk_pool, g->list_chunks, RUN_SIZE) < 0)
		return LUYTRE_E_NOMEM;
	return decision_pool_init(&table->node_pool, g->list_nodes, 0);
}

void decision_table_done(struct decision_table *table)
{
	decision_pool_done(&table->chunk_pool);
	decision_pool_done(&table->node_pool);
	v6table_done(&table->v6);
}

void decision_table_clear(struct decision_table *table)
{
	/* Chunks and nodes are written whole when they are taken; only what leads to them must go. */
	memset(table->root, 0, ROOT_SIZE * sizeof(*table->root));
	memset(table->hosts, 0, (table->globals->list_hosts_mask + (size_t)1) * sizeof(*table->hosts));
	memset(table->filter, 0, (table->globals->list_filter_mask + (size_t)1) * sizeof(*table->filter));
	memset(table->cover, 0, COVER_LINES * sizeof(*table->cover));
	decision_pool_reset(&table->chunk_pool);
	decision_pool_reset(&table->node_pool);
	v6table_clear(&table->v6);
}

void decision_table_turn(struct decision_table *table, uint64_t now_ns)
{
	decision_pool_turn(&table->chunk_pool, now_ns);
	decision_pool_turn(&table->node_pool, now_ns);
}

void decision_table_return_node(struct decision_table *table, uint32_t node)
{
	if (node)
		decision_pool_return(&table->node_pool, DECISION_POOL_SINGLE, node);
}

/* ---- groups ------------------------------------------------------------------------------------------------------*/

static uint64_t mask64(uint32_t length)
{
	return length == 0 ? 0 : length >= 64 ? ~0ull : ~0ull << (64 - length);
}

static uint32_t first4(const struct decision_record *record)
{
	return (uint32_t)(record->high >> 32);
}

uint32_t decision_last4(const struct decision_record *record)
{
	return first4(record) | (uint32_t)(~mask64(record->length) >> 32);
}

static bool same_prefix(const struct decision_record *left, const struct decision_record *right)
{
	return left->high == right->high && left->low == right->low && left->length == right->length;
}

struct decision_pos decision_cover(
	const struct decision_set *set, uint64_t high, uint64_t low, uint32_t below, struct decision_record **ret_first)
{
	struct decision_pos pos = { 0 };

	*ret_first = NULL;
	for (uint32_t length = below; length-- > 0;) {
		struct decision_record key = { .high = high & mask64(length), .length = (uint8_t)length };
		struct decision_record *found;

		if (set->of_length[length] == 0)
			continue;
		key.low = length > 64 ? low & mask64(length - 64) : 0;
		pos = decision_set_find(set, &key);
		found = decision_set_at(set, pos);
		if (found && same_prefix(found, &key)) {
			*ret_first = found;
			return pos;
		}
	}
	return pos;
}

struct ip_prefix decision_prefix(const struct decision_record *record, uint8_t family)
{
	struct ip_prefix prefix = { .addr.family = family, .length = record->length };

	for (uint32_t i = 0; i < (family == IP_V4 ? 4 : 8); i++)
		prefix.addr.bytes[i] = (uint8_t)(record->high >> (56 - 8 * i));
	for (uint32_t i = 0; family == IP_V6 && i < 8; i++)
		prefix.addr.bytes[8 + i] = (uint8_t)(record->low >> (56 - 8 * i));
	return prefix;
}

/* Reads the group at '*pos' and moves on behind it. Counts all records, keeps one more than a chain may have. */
static void group_read(const struct decision_set *set, struct decision_pos *pos, struct group *ret)
{
	struct decision_record *first = decision_set_at(set, *pos), *record = first;

	ret->count = 0;
	while (record && same_prefix(record, first)) {
		if (ret->count <= SHIELD_CHAIN_MAX)
			ret->records[ret->count] = record;
		ret->count++;
		*pos = decision_set_next(set, *pos);
		record = decision_set_at(set, *pos);
	}
}

/* Can the group stand in a leaf when nothing covers it? */
static bool group_simple(const struct group *group)
{
	const struct decision_record *first = group->records[0];

	return group->count == 1 && first->action == SHIELD_ACTION_BLOCK && first->tenant == SHIELD_TENANT_UNMAPPED;
}

/* Expiry as packets read it. One too far ahead for 25 bits (over a year after the tables were made) is written as never:
 * decisions_expire takes the decision out in time. */
static uint32_t mapped_expiry(const struct decision_table *table, const struct decision_record *record)
{
	if (record->expiry == DECISION_TICK_NEVER)
		return SHIELD_LEAF_EXPIRY_MASK;
	if (record->expiry <= table->base_tick)
		return 0;
	if (record->expiry - table->base_tick >= SHIELD_LEAF_EXPIRY_MASK)
		return SHIELD_LEAF_EXPIRY_MASK;
	return (uint32_t)(record->expiry - table->base_tick);
}

static int refuse(struct decisions_refusal *refusal, enum decisions_ceiling ceiling,
	const struct decision_record *record, uint8_t family)
{
	refusal->ceiling = ceiling;
	refusal->prefix = decision_prefix(record, family);
	return LUYTRE_E_FULL;
}

/* Gives the record a node that goes on to 'next', or brings its node up to date. */
static int node_put(struct decision_table *table, struct decision_record *record, uint32_t next)
{
	uint32_t expiry = mapped_expiry(table, record);
	struct shield_node *node;

	if (!record->node) {
		record->node = decision_pool_take(&table->node_pool, DECISION_POOL_SINGLE);
		if (!record->node)
			return LUYTRE_E_FULL;
		table->nodes[record->node] = (struct shield_node){
			.next = next,
			.expiry = expiry,
			.tenant = record->tenant,
			.action = record->action,
			.list = record->list,
		};
		return 0;
	}
	node = &table->nodes[record->node];
	if (node->next != next)
		__atomic_store_n(&node->next, next, __ATOMIC_RELEASE);
	if (node->expiry != expiry)
		__atomic_store_n(&node->expiry, expiry, __ATOMIC_RELAXED);
	return 0;
}

/* Brings the nodes of a group up to date. 'up' is the chain of what covers it; 'needed' says that chains of groups
 * inside lead here. Gives the leaf of its addresses and the head for those chains. */
static int group_link(struct decision_table *table, const struct group *group, uint32_t up, bool needed,
	uint32_t *ret_head, uint32_t *ret_leaf)
{
	struct decision_record *first = group->records[0];
	bool plain = group_simple(group) && up == 0;
	uint32_t next = up;

	if (plain && !needed) {
		/* Its leaves are stored later, but before the pool's next turn. */
		decision_table_return_node(table, first->node);
		first->node = 0;
	} else {
		for (uint32_t i = group->count; i-- > 0;) {
			if (node_put(table, group->records[i], next) < 0)
				return LUYTRE_E_FULL;
			next = group->records[i]->node;
		}
	}
	*ret_head = first->node;
	*ret_leaf = first->node;
	if (plain)
		*ret_leaf = SHIELD_LEAF_PLAIN | (uint32_t)first->list << SHIELD_LEAF_LIST_SHIFT |
			    mapped_expiry(table, first);
	return 0;
}

/* How many nodes group_link() would take. */
static uint32_t group_wants(const struct group *group, uint32_t up, bool needed)
{
	uint32_t wanted = 0;

	if (group_simple(group) && up == 0 && !needed)
		return 0;
	for (uint32_t i = 0; i < group->count; i++)
		wanted += group->records[i]->node == 0;
	return wanted;
}

/* ---- IPv4: chunks ------------------------------------------------------------------------------------------------*/

static bool entry_is_chunk(uint32_t entry)
{
	return (entry & (SHIELD_LEAF_PLAIN | SHIELD_ROOT_CHUNK)) == SHIELD_ROOT_CHUNK;
}

/* Stores a root entry and returns the chunk that it replaces. */
static void root_store(struct decision_table *table, uint32_t at, uint32_t entry)
{
	uint32_t old = table->root[at], chunk = old & SHIELD_ROOT_INDEX;

	/* Packets look here only where the /16 is marked. A mark stays until the table is built anew: at
	 * worst a look for nothing. */
	if (entry)
		__atomic_or_fetch(
			&table->cover[at >> 17].word[(at >> 14) & 7], 1ull << (at >> 8 & 63), __ATOMIC_RELEASE);
	/* Release: the new chunk's content goes first. */
	__atomic_store_n(&table->root[at], entry, __ATOMIC_RELEASE);
	if (entry_is_chunk(old))
		decision_pool_return(&table->chunk_pool,
			table->chunks[chunk].count == SHIELD_CHUNK_DENSE ? DECISION_POOL_RUN : DECISION_POOL_SINGLE,
			chunk);
}

static void leaf_store(uint32_t *place, uint32_t leaf)
{
	if (*place != leaf)
		__atomic_store_n(place, leaf, __ATOMIC_RELEASE);
}

static uint32_t *dense_leaves(const struct decision_table *table, const struct shield_chunk *chunk)
{
	return (uint32_t *)(void *)&table->chunks[chunk->other];
}

/* Does the chunk have a place of their own for all addresses that need one? */
static bool chunk_fits(const struct shield_chunk *chunk, const uint64_t deep[4])
{
	uint64_t hosts[4] = { 0 };

	if (chunk->count == SHIELD_CHUNK_DENSE)
		return true;
	for (uint32_t i = 0; i < chunk->count; i++)
		hosts[chunk->host[i] >> 6] |= 1ull << (chunk->host[i] & 63);
	return !((deep[0] & ~hosts[0]) | (deep[1] & ~hosts[1]) | (deep[2] & ~hosts[2]) | (deep[3] & ~hosts[3]));
}

static uint32_t painted_leaf(const struct walk *walk, uint32_t host)
{
	return walk->deep[host >> 6] >> (host & 63) & 1 ? walk->leaf[host] : walk->other;
}

/* Stores the leaves that differ; a host that has no decision of its own any more gets the leaf of all others. */
static void chunk_refresh(const struct walk *walk, struct shield_chunk *chunk)
{
	if (chunk->count == SHIELD_CHUNK_DENSE) {
		uint32_t *leaves = dense_leaves(walk->table, chunk);

		for (uint32_t i = 0; i < 256; i++)
			leaf_store(&leaves[i], painted_leaf(walk, i));
		return;
	}
	for (uint32_t i = 0; i < chunk->count; i++)
		leaf_store(&chunk->leaf[i], painted_leaf(walk, chunk->host[i]));
	leaf_store(&chunk->other, walk->other);
}

/* Writes a chunk that no packet sees yet. */
static void chunk_fill(const struct walk *walk, uint32_t number, bool dense)
{
	struct shield_chunk *chunk = &walk->table->chunks[number];

	memset(chunk, 0, sizeof(*chunk));
	if (dense) {
		chunk->count = SHIELD_CHUNK_DENSE;
		chunk->other = number + 1;
		for (uint32_t i = 0; i < 256; i++)
			dense_leaves(walk->table, chunk)[i] = painted_leaf(walk, i);
		return;
	}
	chunk->other = walk->other;
	for (uint32_t word = 0; word < 4; word++) {
		for (uint64_t bits = walk->deep[word]; bits; bits &= bits - 1) {
			uint8_t host = (uint8_t)(word * 64 + (uint32_t)__builtin_ctzll(bits));

			chunk->host[chunk->count] = host;
			chunk->leaf[chunk->count] = walk->leaf[host];
			chunk->count++;
		}
	}
}

/* The /24 is painted: brings its chunk up to date, or puts another in its place. */
static int chunk_commit(struct walk *walk, uint32_t at)
{
	struct decision_pool *pool = &walk->table->chunk_pool;
	uint32_t entry = walk->table->root[at], hosts = 0, number;
	struct shield_chunk *chunk = entry_is_chunk(entry) ? &walk->table->chunks[entry & SHIELD_ROOT_INDEX] : NULL;
	enum decision_pool_class class_id;
	bool shrinks;

	for (uint32_t i = 0; i < 4; i++)
		hosts += (uint32_t)__builtin_popcountll(walk->deep[i]);
	if (hosts == 0) {
		if (!walk->dry && walk->table->root[at] != walk->other)
			root_store(walk->table, at, walk->other);
		return 0;
	}
	class_id = hosts <= SHIELD_CHUNK_HOSTS ? DECISION_POOL_SINGLE : DECISION_POOL_RUN;
	shrinks = chunk && chunk->count == SHIELD_CHUNK_DENSE && hosts <= SHRINK_HOSTS &&
		  decision_pool_has(pool, class_id, 1);
	if (chunk && !shrinks && chunk_fits(chunk, walk->deep)) {
		if (!walk->dry)
			chunk_refresh(walk, chunk);
		return 0;
	}
	if (walk->dry)
		return decision_pool_has(pool, class_id, 1) ? 0 : LUYTRE_E_FULL;
	number = decision_pool_take(pool, class_id);
	if (!number)
		return LUYTRE_E_FULL;
	chunk_fill(walk, number, class_id == DECISION_POOL_RUN);
	root_store(walk->table, at, SHIELD_ROOT_CHUNK | number);
	return 0;
}

/* ---- IPv4: hosts -------------------------------------------------------------------------------------------------*/

/* The place of an address among the hosts: where it stands already, else the first place that is free. */
static uint64_t *host_place(const struct decision_table *table, uint32_t addr)
{
	uint32_t hash = shield_host_hash(table->globals, addr), mask = table->globals->list_hosts_mask;
	uint64_t *room = NULL;

	for (uint32_t probe = 0; probe < SHIELD_HOST_PROBES; probe++) {
		struct shield_line *line = &table->hosts[(hash + probe) & mask];

		for (uint32_t i = 0; i < SHIELD_LINE_WORDS; i++) {
			if (line->word[i] >> 32 == addr && (uint32_t)line->word[i])
				return &line->word[i];
			if (!room && !(uint32_t)line->word[i])
				room = &line->word[i];
			if (!line->word[i])
				return room;
		}
	}
	return room;
}

static void filter_mark(const struct decision_table *table, uint32_t addr)
{
	uint32_t hash = shield_host_hash(table->globals, addr);
	struct shield_line *line = &table->filter[SHIELD_FILTER_LINE(hash, table->globals->list_filter_mask)];

	__atomic_or_fetch(&line->word[SHIELD_FILTER_WORD(hash)], 1ull << SHIELD_FILTER_BIT(hash), __ATOMIC_RELEASE);
}

/* Address and leaf are one word, so a packet sees both or neither. Release: the leaf's nodes go first. */
static int host_put(const struct walk *walk, uint32_t addr, uint32_t leaf)
{
	uint64_t *place = host_place(walk->table, addr), word = (uint64_t)addr << 32 | leaf;

	if (!place)
		return LUYTRE_E_FULL;
	if (walk->dry || *place == word)
		return 0;
	/* The bit goes first, and stays until the table is built anew: at worst a look for nothing. */
	filter_mark(walk->table, addr);
	__atomic_store_n(place, word, __ATOMIC_RELEASE);
	return 0;
}

static void host_erase(const struct decision_table *table, uint32_t addr)
{
	uint64_t *place = host_place(table, addr);

	if (place && *place >> 32 == addr && (uint32_t)*place)
		__atomic_store_n(place, HOST_ERASED, __ATOMIC_RELEASE);
}

/* ---- IPv4: painting ----------------------------------------------------------------------------------------------*/

static void paint_whole(struct walk *walk, uint32_t first, uint32_t last, uint32_t leaf)
{
	const uint32_t *root = walk->table->root;

	if (walk->dry)
		return;
	for (uint32_t at = first; at <= last; at++) {
		if (root[at] != leaf)
			root_store(walk->table, at, leaf);
	}
}

/* Paints a part of one /24, which comes to be complete because the walk leaves no address out. */
static int paint_part(struct walk *walk, uint32_t first, uint32_t last, const struct frame *frame)
{
	if ((first & 255) == 0)
		memset(walk->deep, 0, sizeof(walk->deep));
	if (!frame->deep)
		walk->other = frame->leaf;
	for (uint32_t host = first & 255; frame->deep && host <= (last & 255); host++) {
		walk->leaf[host] = frame->leaf;
		walk->deep[host >> 6] |= 1ull << (host & 63);
	}
	return (last & 255) == 255 ? chunk_commit(walk, last >> 8) : 0;
}

/* Gives the addresses from walk->at to 'last' the leaf of the innermost frame. */
static int paint(struct walk *walk, uint64_t last)
{
	const struct frame *frame = &walk->frames[walk->frame_count - 1];

	if (!walk->paints)
		return 0;
	if (frame->single) {
		if (host_put(walk, (uint32_t)walk->at, frame->leaf) < 0)
			return LUYTRE_E_FULL;
		frame--; /* for its /24 the address is like those around it */
	}
	while (walk->at <= last) {
		uint64_t end = walk->at | 255;

		if (!frame->deep && (walk->at & 255) == 0 && end <= last) {
			end = ((last + 1) & ~255ull) - 1;
			paint_whole(walk, (uint32_t)(walk->at >> 8), (uint32_t)(end >> 8), frame->leaf);
		} else {
			end = end < last ? end : last;
			if (paint_part(walk, (uint32_t)walk->at, (uint32_t)end, frame) < 0)
				return LUYTRE_E_FULL;
		}
		walk->at = end + 1;
	}
	return 0;
}

/* Leaves the frames that end before 'first', each painted to its end, and paints up to 'first'. */
static int paint_until(struct walk *walk, uint64_t first)
{
	while (walk->frame_count > 1 && walk->frames[walk->frame_count - 1].last < first) {
		if (paint(walk, walk->frames[walk->frame_count - 1].last) < 0)
			return LUYTRE_E_FULL;
		walk->frame_count--;
	}
	return first > walk->at ? paint(walk, first - 1) : 0;
}

/* ---- IPv4: the walk ----------------------------------------------------------------------------------------------*/

/* Brings a group's nodes up to date and makes it the innermost frame. */
static int walk_enter(struct walk *walk, const struct group *group, bool needed)
{
	const struct frame *around = &walk->frames[walk->frame_count - 1];
	const struct decision_record *first = group->records[0];
	struct frame *frame = &walk->frames[walk->frame_count];

	frame->last = decision_last4(first);
	frame->deep = first->length > 24;
	frame->single = first->length == 32;
	frame->covering = around->covering + group->count;
	if (frame->covering > SHIELD_CHAIN_MAX)
		return refuse(walk->refusal, DECISIONS_CEILING_CHAIN, first, IP_V4);
	if (walk->dry) {
		walk->nodes_wanted += group_wants(group, around->head, needed);
		frame->head = NODE_WANTED;
		frame->leaf = 0;
	} else if (group_link(walk->table, group, around->head, needed, &frame->head, &frame->leaf) < 0) {
		return refuse(walk->refusal, DECISIONS_CEILING_NODES, first, IP_V4);
	}
	walk->frame_count++;
	return 0;
}

/* Is there anything below the group that ends before 'pos'? */
static bool has_inner(const struct decision_set *set, struct decision_pos pos, const struct decision_record *outer)
{
	const struct decision_record *next = decision_set_at(set, pos);

	return next && first4(next) <= decision_last4(outer);
}

/* The first frame: what covers the range. Its nodes are up to date but for one case: a plain block, which needs a node
 * since the first group came to be below it, and none since the last one went. */
static int walk_begin(struct walk *walk, const struct decision_record *range)
{
	struct frame *frame = &walk->frames[0];
	uint32_t below = range->length, groups = 0;
	struct decision_pos pos, behind;
	struct decision_record *first;
	struct group group, inner = { .count = 0 };

	*frame = (struct frame){ .last = decision_last4(range) };
	walk->frame_count = 1;
	walk->at = first4(range);
	for (pos = decision_cover(walk->set, range->high, 0, below, &first); first;
		pos = decision_cover(walk->set, range->high, 0, below, &first)) {
		group_read(walk->set, &pos, &group);
		frame->covering += group.count;
		below = first->length;
		if (groups++ == 0) {
			inner = group;
			behind = pos;
		}
	}
	if (groups == 0)
		return 0;
	first = inner.records[0];
	frame->head = frame->leaf = first->node;
	if (groups == 1 && group_simple(&inner)) {
		bool needed = has_inner(walk->set, behind, first);

		if (walk->dry) {
			walk->nodes_wanted += group_wants(&inner, 0, needed);
			frame->head = NODE_WANTED;
		} else if (group_link(walk->table, &inner, 0, needed, &frame->head, &frame->leaf) < 0) {
			return refuse(walk->refusal, DECISIONS_CEILING_NODES, first, IP_V4);
		}
	}
	return 0;
}

/* The arrays of the /24 are filled before they are read: not worth clearing for each small change. */
static void walk_init(struct walk *walk, struct decision_table *table, const struct decision_set *set,
	struct decisions_refusal *refusal)
{
	walk->table = table;
	walk->set = set;
	walk->refusal = refusal;
	walk->dry = false;
	walk->paints = true;
	walk->nodes_wanted = 0;
	walk->other = 0;
}

/* Walks the prefix of a record, or the whole /24 around it. */
static int walk_run(struct walk *walk, const struct decision_record *changed)
{
	uint32_t length = changed->length < 24 ? changed->length : 24;
	struct decision_record range = { .high = changed->high & mask64(length), .length = (uint8_t)length };
	struct decision_pos pos = decision_set_find(walk->set, &range);
	const struct decision_record *record = decision_set_at(walk->set, pos);
	uint32_t last = decision_last4(&range);
	int error = walk_begin(walk, &range);

	while (error == 0 && record && first4(record) <= last) {
		struct group group;

		group_read(walk->set, &pos, &group);
		error = paint_until(walk, first4(record));
		if (error < 0)
			return refuse(walk->refusal, DECISIONS_CEILING_CHUNKS, record, IP_V4);
		error = walk_enter(walk, &group, has_inner(walk->set, pos, record));
		record = decision_set_at(walk->set, pos);
	}
	if (error < 0)
		return error;
	if (paint_until(walk, (uint64_t)last + 1) < 0)
		return refuse(walk->refusal, DECISIONS_CEILING_CHUNKS, changed, IP_V4);
	return 0;
}

int decision_table_check4(struct decision_table *table, const struct decision_set *set,
	const struct decision_record *changed, struct decisions_refusal *ret_refusal)
{
	struct walk walk;
	int error;

	walk_init(&walk, table, set, ret_refusal);
	walk.dry = true;
	walk.paints = changed->length > 24;
	error = walk_run(&walk, changed);
	if (error < 0)
		return error;
	if (!decision_pool_has(&table->node_pool, DECISION_POOL_SINGLE, walk.nodes_wanted))
		return refuse(ret_refusal, DECISIONS_CEILING_NODES, changed, IP_V4);
	return 0;
}

void decision_table_update4(
	struct decision_table *table, const struct decision_set *set, const struct decision_record *changed)
{
	struct decisions_refusal refusal;
	struct walk walk;
	int error;

	walk_init(&walk, table, set, &refusal);
	error = walk_run(&walk, changed);
	/* An addition was checked; a removal takes no nodes, and a chunk only when there is one. */
	assert(error == 0);
	(void)error;
	if (changed->length == 32) {
		struct decision_record key = { .high = changed->high, .low = changed->low, .length = 32 };
		const struct decision_record *left = decision_set_at(set, decision_set_find(set, &key));

		if (!left || !same_prefix(left, changed))
			host_erase(table, first4(changed));
	}
}

/* ---- IPv6 --------------------------------------------------------------------------------------------------------*/

static int update6_group(
	struct decision_table *table, struct group *group, uint64_t now_ns, struct decisions_refusal *refusal)
{
	struct decision_record *first = group->records[0];
	struct ip_prefix prefix = decision_prefix(first, IP_V6);
	uint32_t head, leaf;
	bool lengths_full = *table->v6.length_count >= SHIELD_V6_LENGTHS_MAX && table->v6.of_length[first->length] == 0;

	if (group->count > SHIELD_CHAIN_MAX)
		return refuse(refusal, DECISIONS_CEILING_CHAIN, first, IP_V6);
	if (!decision_pool_has(&table->node_pool, DECISION_POOL_SINGLE, group_wants(group, 0, false)) ||
		group_link(table, group, 0, false, &head, &leaf) < 0)
		return refuse(refusal, DECISIONS_CEILING_NODES, first, IP_V6);
	if (v6table_set(&table->v6, &prefix, leaf, now_ns) == 0)
		return 0;
	/* Only a new key is refused, and a new key has one record, whose node nothing leads to. */
	decision_table_return_node(table, first->node);
	first->node = 0;
	return refuse(refusal, lengths_full ? DECISIONS_CEILING_LENGTHS6 : DECISIONS_CEILING_LINES6, first, IP_V6);
}

int decision_table_update6(struct decision_table *table, const struct decision_set *set,
	const struct decision_record *changed, uint64_t now_ns, struct decisions_refusal *ret_refusal)
{
	struct decision_record key = { .high = changed->high, .low = changed->low, .length = changed->length };
	struct decision_pos pos = decision_set_find(set, &key);
	struct decision_record *first = decision_set_at(set, pos);
	struct ip_prefix prefix = decision_prefix(changed, IP_V6);
	struct group group;

	if (!first || !same_prefix(first, changed)) {
		v6table_remove(&table->v6, &prefix, now_ns);
		return 0;
	}
	group_read(set, &pos, &group);
	return update6_group(table, &group, now_ns, ret_refusal);
}

int decision_table_build(struct decision_table *table, const struct decision_set *v4, const struct decision_set *v6,
	struct decisions_refusal *ret_refusal)
{
	static const struct decision_record everything;
	struct decision_pos pos = { 0 };
	struct walk walk;
	int error;

	walk_init(&walk, table, v4, ret_refusal);
	error = walk_run(&walk, &everything);
	while (error == 0 && decision_set_at(v6, pos)) {
		struct group group;

		group_read(v6, &pos, &group);
		error = update6_group(table, &group, 0, ret_refusal);
	}
	return error;
}
