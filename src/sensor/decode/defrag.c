// SPDX-License-Identifier: Apache-2.0
/* Reassembly of IP fragments.
 *
 * A datagram is a list of pieces in order, without overlaps; each remembers the borders of the fragment it came from,
 * because overlap policies compare fragments, not bytes. Whoever loses is cut, so the list always says what the target
 * would have. Datagrams wait in a keyed table and in a list ordered by their last fragment. */
#include "sensor/decode/defrag.h"

#include <stdlib.h>

#include "base/table.h"
#include "sensor/config/tree.h"
#include "sensor/decode/checksum.h"
#include "sensor/decode/events.h"
#include "sensor/flow/exception.h"
#include "sensor/settings.h"
#include "sensor/stats.h"

enum {
	IP_SIZE_MAX = 65535,
	IPV6_SIZE = 40,
	HOSTS_MAX = 64, /* rows of defrag.host-config */
	EXPIRE_PER_FRAME = 4,
	MEMCAP_DEFAULT = 32 << 20,
};

#define NS_PER_S UINT64_C(1000000000)

/* Part of a fragment. Borders are offsets in the datagram; the end lies behind the last byte. */
struct piece {
	struct piece *next;
	uint32_t start, end; /* what of it counts */
	uint32_t fragment_start, fragment_end; /* of the whole fragment */
	uint32_t data_start; /* offset of data[0] */
	uint32_t data_size;
	uint8_t data[];
};

struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t tenant;
	uint16_t vlan_ids[PACKET_VLAN_MAX];
	uint8_t family, protocol, recursion, vlan_count;
};

struct tracker {
	struct tracker *older, *newer; /* by last fragment */
	struct key key;
	struct piece *first, *last;
	uint64_t expires_ns;
	uint32_t piece_count;
	uint32_t covered_size; /* sum of all pieces */
	uint8_t policy; /* enum stream_os_policy */
	bool seen_last;
	uint8_t next_header;
	size_t l3_offset, next_at;
	size_t head_size;
	uint8_t *head; /* of the fragment that owns the first byte; owned */
};

struct host {
	struct ip_prefix prefix;
	uint64_t timeout_ns;
};

struct defrag {
	const struct sensor_settings *settings;
	uint64_t *counters;
	struct table *table; /* key -> struct tracker * */
	struct tracker *oldest, *newest;
	uint64_t now_ns, timeout_ns;
	uint64_t memory, memory_max;
	uint64_t piece_count, piece_max;
	size_t tracker_max;
	unsigned int host_count;
	struct host hosts[HOSTS_MAX];
	unsigned int datagram_count; /* of the frame in hand */
	uint8_t *datagrams[DEFRAG_DATAGRAMS_MAX]; /* owned until the next frame */
};

/* ---- Life ---- */

/* defrag.host-config: a list of named rows with a timeout and addresses. */
static void read_hosts(struct defrag *g)
{
	CONF_FOR(item, conf_get(g->settings->root, "defrag.host-config"))
	{
		const struct conf_node *row = conf_item_options(item), *list;
		uint64_t timeout;

		if (!row)
			row = item;
		list = conf_child(row, "address");
		timeout = conf_u64(row, "timeout", g->timeout_ns / NS_PER_S) * NS_PER_S;
		for (size_t i = 0; i < conf_values_count(list) && g->host_count < HOSTS_MAX; i++) {
			const char *text = conf_value_at(list, i);
			struct host *host = &g->hosts[g->host_count];

			if (text && !ip_prefix_parse(bytes_from_str(text), IP_PREFIX_MASK_HOST_BITS, &host->prefix)) {
				host->timeout_ns = timeout;
				g->host_count++;
			}
		}
	}
}

struct defrag *defrag_new(const struct sensor_settings *settings, uint64_t *counters, struct siphash_key key)
{
	const struct conf_node *root = settings->root;
	struct defrag *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->settings = settings;
	g->counters = counters;
	g->memory_max = conf_size(root, "defrag.memcap", MEMCAP_DEFAULT);
	g->tracker_max = conf_u64_between(root, "defrag.trackers", 65535, 1, 1u << 20);
	g->piece_max = conf_u64_between(root, "defrag.max-frags", 65535, 1, 1u << 24);
	g->timeout_ns = conf_u64_between(root, "defrag.timeout", 60, 1, 86400) * NS_PER_S;
	read_hosts(g);
	g->table = table_new(sizeof(struct key), sizeof(struct tracker *), g->tracker_max, key);
	if (!g->table) {
		free(g);
		return NULL;
	}
	return g;
}

uint64_t defrag_memory(const struct defrag *defrag)
{
	return defrag->memory;
}

/* Null when the ceiling is reached, or the system has nothing. */
static void *take_memory(struct defrag *g, size_t size)
{
	void *memory;

	if (g->memory + size > g->memory_max)
		return NULL;
	memory = malloc(size);
	if (memory)
		g->memory += size;
	return memory;
}

static void free_piece(struct defrag *g, struct tracker *t, struct piece *piece)
{
	g->memory -= sizeof(*piece) + piece->data_size;
	g->piece_count--;
	t->piece_count--;
	t->covered_size -= piece->end - piece->start;
	free(piece);
}

static void unlink_age(struct defrag *g, struct tracker *t)
{
	*(t->older ? &t->older->newer : &g->oldest) = t->newer;
	*(t->newer ? &t->newer->older : &g->newest) = t->older;
}

static void link_newest(struct defrag *g, struct tracker *t)
{
	t->newer = NULL;
	t->older = g->newest;
	*(g->newest ? &g->newest->newer : &g->oldest) = t;
	g->newest = t;
}

static void drop_head(struct defrag *g, struct tracker *t)
{
	g->memory -= t->head_size;
	t->head_size = 0;
	free(t->head);
	t->head = NULL;
}

static void free_tracker(struct defrag *g, struct tracker *t)
{
	struct piece *next;

	table_remove(g->table, &t->key);
	unlink_age(g, t);
	for (struct piece *piece = t->first; piece; piece = next) {
		next = piece->next;
		free_piece(g, t, piece);
	}
	drop_head(g, t);
	g->memory -= sizeof(*t);
	free(t);
}

void defrag_free(struct defrag *defrag)
{
	if (!defrag)
		return;
	while (defrag->oldest)
		free_tracker(defrag, defrag->oldest);
	for (unsigned int i = 0; i < DEFRAG_DATAGRAMS_MAX; i++)
		free(defrag->datagrams[i]);
	table_free(defrag->table);
	free(defrag);
}

void defrag_frame(struct defrag *defrag, uint64_t now_ns)
{
	defrag->now_ns = now_ns;
	for (; defrag->datagram_count; defrag->datagram_count--) {
		free(defrag->datagrams[defrag->datagram_count - 1]);
		defrag->datagrams[defrag->datagram_count - 1] = NULL;
	}
	for (int i = 0; i < EXPIRE_PER_FRAME && defrag->oldest && defrag->oldest->expires_ns <= now_ns; i++) {
		free_tracker(defrag, defrag->oldest);
		defrag->counters[COUNTER_DEFRAG_MEMUSE] = defrag->memory;
	}
}

/* ---- Finding the datagram of a fragment ---- */

static struct key key_of(const struct sensor_packet *p)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.src, p->src.bytes, sizeof(key.src));
	memcpy(key.dst, p->dst.bytes, sizeof(key.dst));
	memcpy(key.vlan_ids, p->vlan_ids, sizeof(key.vlan_ids));
	key.vlan_count = p->vlan_count;
	key.id = p->fragment_id;
	key.tenant = p->tenant;
	key.family = p->family;
	key.recursion = p->recursion;
	/* In IPv6 each fragment may say another next header: only the first counts (RFC 8200, section 4.5). */
	key.protocol = p->family == IP_V4 ? p->protocol : 0;
	return key;
}

static uint64_t timeout_of(const struct defrag *g, const struct ip_addr *dst)
{
	const struct host *best = NULL;

	for (unsigned int i = 0; i < g->host_count; i++) {
		const struct host *host = &g->hosts[i];

		if (ip_prefix_contains(&host->prefix, dst) && (!best || host->prefix.length > best->prefix.length))
			best = host;
	}
	return best ? best->timeout_ns : g->timeout_ns;
}

/* The one that waited longest makes room when there are too many. Null without memory. */
static struct tracker *make_tracker(struct defrag *g, const struct sensor_packet *p, const struct key *key)
{
	struct tracker *t, **slot;

	if (table_count(g->table) >= g->tracker_max) {
		g->counters[COUNTER_DEFRAG_MAX_TRACKERS]++;
		g->counters[COUNTER_DEFRAG_TRACKER_HARD_REUSE]++;
		free_tracker(g, g->oldest);
	}
	t = take_memory(g, sizeof(*t));
	if (!t)
		return NULL;
	slot = table_insert(g->table, key, NULL);
	if (!slot) {
		g->memory -= sizeof(*t);
		free(t);
		return NULL;
	}
	*slot = t;
	*t = (struct tracker){ .key = *key, .policy = (uint8_t)sensor_settings_os(g->settings, &p->dst) };
	link_newest(g, t);
	return t;
}

static struct tracker *find_tracker(struct defrag *g, const struct sensor_packet *p)
{
	struct key key = key_of(p);
	struct tracker **slot;

	if (p->flags & PKT_MEMCAP_DEFRAG)
		return NULL;
	slot = table_find(g->table, &key);
	if (slot && (*slot)->expires_ns > g->now_ns)
		return *slot;
	if (slot) {
		g->counters[COUNTER_DEFRAG_TRACKER_SOFT_REUSE]++;
		free_tracker(g, *slot);
	}
	return make_tracker(g, p, &key);
}

/* ---- Overlaps ---- */

/* True when a new fragment [start, end) takes the bytes it shares with 'old'. */
static bool new_wins(uint8_t policy, const struct piece *old, uint32_t start, uint32_t end)
{
	switch (policy) {
	case OS_FIRST:
	case OS_MACOS:
	case OS_HPUX11:
	case OS_VISTA:
	case OS_WINDOWS2K3:
		return false;
	case OS_LAST:
		return true;
	case OS_BSD_RIGHT:
		return old->fragment_start <= start;
	case OS_LINUX:
	case OS_OLD_LINUX:
		return old->fragment_start >= start;
	case OS_WINDOWS:
		return start < old->fragment_start && end > old->fragment_end;
	case OS_SOLARIS:
	case OS_OLD_SOLARIS:
		return start < old->fragment_start && end >= old->fragment_end;
	default: /* OS_BSD, OS_IRIX, OS_HPUX10 */
		return old->fragment_start > start;
	}
}

/* Null at a ceiling. */
static struct piece *make_piece(struct defrag *g, struct tracker *t, uint32_t start, uint32_t end, const uint8_t *data)
{
	struct piece *piece;

	if (t->piece_count == DEFRAG_PIECES_MAX || g->piece_count == g->piece_max)
		return NULL;
	piece = take_memory(g, sizeof(*piece) + end - start);
	if (!piece)
		return NULL;
	*piece = (struct piece){ .start = start, .end = end, .data_start = start, .data_size = end - start };
	memcpy(piece->data, data, end - start);
	g->piece_count++;
	t->piece_count++;
	t->covered_size += end - start;
	return piece;
}

/* Takes [start, end) away from the piece at '*at'. Returns where to go on; null when there was no memory for a rest. */
static struct piece **cut_piece(struct defrag *g, struct tracker *t, struct piece **at, uint32_t start, uint32_t end)
{
	struct piece *piece = *at, *rest = NULL;

	if (piece->end > end && piece->start < start) { /* both sides stay */
		rest = make_piece(g, t, end, piece->end, piece->data + (end - piece->data_start));
		if (!rest)
			return NULL;
		rest->fragment_start = piece->fragment_start;
		rest->fragment_end = piece->fragment_end;
		rest->next = piece->next;
		piece->next = rest;
		t->covered_size -= piece->end - start;
		piece->end = start;
		return &piece->next;
	}
	if (piece->start < start) { /* the left side stays */
		t->covered_size -= piece->end - start;
		piece->end = start;
		return &piece->next;
	}
	if (piece->end > end) { /* the right side stays */
		t->covered_size -= end - piece->start;
		piece->start = end;
		return &piece->next;
	}
	*at = piece->next;
	free_piece(g, t, piece);
	return at;
}

/* Puts new pieces wherever [start, end) is not covered. 'at' is the first piece that ends behind 'start'. Answers how
 * many bytes were placed, or -1 at a ceiling. */
static int64_t fill_gaps(
	struct defrag *g, struct tracker *t, struct piece **at, uint32_t start, uint32_t end, const uint8_t *data)
{
	int64_t placed = 0;

	for (uint32_t pos = start; pos < end;) {
		uint32_t gap_end = *at && (*at)->start < end ? (*at)->start : end;
		struct piece *piece;

		if (gap_end > pos) {
			piece = make_piece(g, t, pos, gap_end, data + (pos - start));
			if (!piece)
				return -1;
			piece->fragment_start = start;
			piece->fragment_end = end;
			piece->next = *at;
			*at = piece;
			placed += gap_end - pos;
		}
		pos = (*at)->end;
		at = &(*at)->next;
	}
	return placed;
}

static struct piece *last_piece(struct piece *from)
{
	while (from && from->next)
		from = from->next;
	return from;
}

/* Adds [start, end). Answers as fill_gaps; '*ret_overlap' tells that there were bytes already. */
static int64_t insert(
	struct defrag *g, struct tracker *t, uint32_t start, uint32_t end, const uint8_t *data, bool *ret_overlap)
{
	bool in_order = t->last && t->last->end <= start; /* nearly always */
	struct piece **at = in_order ? &t->last->next : &t->first, **first;
	int64_t placed;

	*ret_overlap = false;
	while (*at && (*at)->end <= start)
		at = &(*at)->next;
	for (first = at; *at && (*at)->start < end;) {
		*ret_overlap = true;
		at = new_wins(t->policy, *at, start, end) ? cut_piece(g, t, at, start, end) : &(*at)->next;
		if (!at)
			return -1;
	}
	if (*first && (*first)->end <= start) /* it was cut on the right */
		first = &(*first)->next;
	placed = fill_gaps(g, t, first, start, end, data);
	t->last = last_piece(in_order ? t->last : t->first);
	return placed;
}

/* ---- The whole ---- */

static bool keep_head(struct defrag *g, struct tracker *t, const struct defrag_piece *piece)
{
	drop_head(g, t);
	t->head = take_memory(g, piece->head.size);
	if (!t->head)
		return false;
	memcpy(t->head, piece->head.ptr, piece->head.size);
	t->head_size = piece->head.size;
	t->l3_offset = piece->l3_offset;
	t->next_at = piece->next_at;
	t->next_header = piece->next_header;
	return true;
}

static void put_u16(uint8_t *pos, size_t value)
{
	pos[0] = (uint8_t)(value >> 8);
	pos[1] = (uint8_t)value;
}

/* Makes the copied header that of an unfragmented datagram. */
static void patch_ipv4(uint8_t *ip, size_t ip_size)
{
	size_t header_size = (size_t)(ip[0] & 15) * 4;
	uint16_t sum;

	put_u16(ip + 2, ip_size);
	ip[6] &= 0x40; /* "don't fragment" may stay */
	ip[7] = 0;
	put_u16(ip + 10, 0);
	sum = (uint16_t)~checksum_fold(checksum_add(0, ip, header_size));
	memcpy(ip + 10, &sum, sizeof(sum));
}

static void patch_ipv6(uint8_t *ip, size_t ip_size, const struct tracker *t)
{
	put_u16(ip + 4, ip_size - IPV6_SIZE);
	ip[t->next_at] = t->next_header;
}

/* Complete: no holes, and the end is known. */
static bool is_whole(const struct tracker *t)
{
	return t->seen_last && t->first && t->first->start == 0 && t->covered_size == t->last->end && t->head;
}

static bool assemble(struct defrag *g, const struct tracker *t, struct defrag_datagram *ret)
{
	size_t size = t->head_size + t->covered_size, ip_size = size - t->l3_offset;
	uint8_t *frame;

	if (g->datagram_count == DEFRAG_DATAGRAMS_MAX ||
		ip_size > IP_SIZE_MAX + (t->key.family == IP_V6 ? IPV6_SIZE : 0))
		return false;
	frame = malloc(size);
	if (!frame)
		return false;
	g->datagrams[g->datagram_count++] = frame;
	memcpy(frame, t->head, t->head_size);
	for (const struct piece *piece = t->first; piece; piece = piece->next)
		memcpy(frame + t->head_size + piece->start, piece->data + (piece->start - piece->data_start),
			piece->end - piece->start);
	if (t->key.family == IP_V4)
		patch_ipv4(frame + t->l3_offset, ip_size);
	else
		patch_ipv6(frame + t->l3_offset, ip_size, t);
	*ret = (struct defrag_datagram){ .frame = bytes_of(frame, size), .l3_offset = t->l3_offset };
	return true;
}

/* A fragment that reaches beyond the largest datagram, head included. */
static bool too_large(const struct sensor_packet *p, const struct defrag_piece *piece)
{
	size_t head = piece->head.size - piece->l3_offset;

	if (p->family == IP_V6)
		head -= IPV6_SIZE;
	return head + p->fragment_offset + piece->data.size > IP_SIZE_MAX;
}

static void refuse(struct defrag *g, struct sensor_packet *p)
{
	packet_event(p, p->family == IP_V6 ? EVENT_IPV6_FRAG_IGNORED : EVENT_IPV4_FRAG_IGNORED);
	exception_policy_apply(g->settings, g->counters, p, (enum exception_policy)g->settings->policy_defrag_memcap,
		EXCEPTION_TARGET_DEFRAG_MEMCAP, DROP_REASON_DEFRAG_MEMCAP);
}

/* False when a ceiling was met: the datagram is given up. */
static bool add_to(struct defrag *g, struct tracker *t, struct sensor_packet *p, const struct defrag_piece *piece)
{
	uint32_t start = p->fragment_offset, end = start + (uint32_t)piece->data.size;
	bool overlap;
	int64_t placed = insert(g, t, start, end, piece->data.ptr, &overlap);

	if (overlap)
		packet_event(p, p->family == IP_V6 ? EVENT_IPV6_FRAG_OVERLAP : EVENT_IPV4_FRAG_OVERLAP);
	if (placed < 0)
		return false;
	if (placed > 0 && !p->more_fragments)
		t->seen_last = true;
	/* Whoever owns the first byte has the header that counts. */
	if (start == 0 && placed > 0 && t->first->fragment_end == end && t->first->fragment_start == 0)
		return keep_head(g, t, piece);
	return true;
}

bool defrag_add(
	struct defrag *defrag, struct sensor_packet *p, const struct defrag_piece *piece, struct defrag_datagram *ret)
{
	struct tracker *t;
	bool whole = false;

	if (too_large(p, piece)) {
		packet_event(p, p->family == IP_V6 ? EVENT_IPV6_FRAG_PKT_TOO_LARGE : EVENT_IPV4_FRAG_PKT_TOO_LARGE);
		return false;
	}
	if (bytes_empty(piece->data))
		return false;
	t = find_tracker(defrag, p);
	if (!t) {
		refuse(defrag, p);
		return false;
	}
	t->expires_ns = defrag->now_ns + timeout_of(defrag, &p->dst);
	unlink_age(defrag, t);
	link_newest(defrag, t);
	if (!add_to(defrag, t, p, piece)) {
		refuse(defrag, p);
		free_tracker(defrag, t);
	} else if (is_whole(t)) {
		whole = assemble(defrag, t, ret);
		free_tracker(defrag, t);
	}
	defrag->counters[COUNTER_DEFRAG_MEMUSE] = defrag->memory;
	return whole;
}
