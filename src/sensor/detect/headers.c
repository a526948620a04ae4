// SPDX-License-Identifier: Apache-2.0
/* Which rule headers hold for a packet.
 *
 * Headers ask about tenant, protocol, addresses and ports only, and about the latter two only in which sets they are. So
 * packets whose addresses and ports lie in the same regions (rules/address.h) get the same answers: they share one struct
 * detect_ends, which remembers each answer, and for each list of rules the groups whose header holds. A new flow costs the search
 * for its ends, not a question to hundreds of headers; a flow remembers its ends. */
#include <stdlib.h>

#include "base/error.h"
#include "sensor/detect/internal.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/address.h"
#include "sensor/rules/tenants.h"

enum {
	ENDS_MAX = 4096,
	ENDS_SLOTS = 2 * ENDS_MAX, /* open addressing */
	ENDS_NOTES_MAX = 8,
	ENDS_MEMORY_MAX = 16 << 20,
};

/* Without padding, so that equal keys are equal bytes. */
struct ends_key {
	uint32_t tenant, src_region, dst_region, sport_region, dport_region;
	uint8_t family, protocol, has_ports, unused;
};

/* The groups of a list whose header holds. */
struct ends_note {
	const struct detect_list *list;
	uint32_t count;
	uint32_t *groups;
};

struct detect_ends {
	struct ends_key key;
	uint8_t note_count;
	struct ends_note notes[ENDS_NOTES_MAX];
	uint8_t memo[]; /* two bits for each header: 0 not asked, 1 no, 2 yes */
};

struct detect_ends_table {
	struct arena memory;
	uint64_t generation; /* counts up when all is forgotten; never 0 */
	uint32_t count;
	struct detect_ends *slots[ENDS_SLOTS];
};

/* ---- Asking ---- */

static bool has_ports(const struct sensor_packet *packet)
{
	return (packet->has_tcp || packet->has_udp || packet->has_sctp) && (packet->flags & PKT_FRAGMENT) == 0;
}

static bool ports_hold(
	const struct detect_context *context, const struct detect_header *header, uint16_t sport, uint16_t dport)
{
	const struct sensor_packet *packet = context->packet;
	const struct policy *policy = context->engine->policy;
	bool sport_any = (header->flags & RULE_SPORT_ANY) != 0 || header->src.port_set == 0;
	bool dport_any = (header->flags & RULE_DPORT_ANY) != 0 || header->dst.port_set == 0;

	if (sport_any && dport_any)
		return true;
	if (!has_ports(packet))
		return false;
	return (dport_any || policy_port_match(policy, header->dst.port_set, packet->tenant, dport)) &&
	       (sport_any || policy_port_match(policy, header->src.port_set, packet->tenant, sport));
}

static bool header_asked(struct detect_context *context, const struct detect_header *header, bool reversed)
{
	const struct sensor_packet *packet = context->packet;
	const struct policy *policy = context->engine->policy;
	const struct ip_addr *src = reversed ? &packet->dst : &packet->src,
			     *dst = reversed ? &packet->src : &packet->dst;

	if (header->tenant_set != 0 && !tenants_in_set(policy->tenants, header->tenant_set, packet->tenant))
		return false;
	if ((header->layer_flags & RULE_PROTO_IPV4_ONLY) != 0 && packet->family != 4)
		return false;
	if ((header->layer_flags & RULE_PROTO_IPV6_ONLY) != 0 && packet->family != 6)
		return false;
	if ((header->protocols[packet->protocol / 8] >> (packet->protocol % 8) & 1) == 0)
		return false;
	if (!ports_hold(context, header, reversed ? packet->dport : packet->sport,
		    reversed ? packet->sport : packet->dport))
		return false;
	if ((header->flags & RULE_DST_ANY) == 0 && header->dst.address_set != 0 &&
		!policy_address_match(policy, header->dst.address_set, packet->tenant, dst))
		return false;
	return (header->flags & RULE_SRC_ANY) != 0 || header->src.address_set == 0 ||
	       policy_address_match(policy, header->src.address_set, packet->tenant, src);
}

bool detect_header_holds(struct detect_context *context, uint32_t header)
{
	struct detect_ends *ends = context->private->ends;
	unsigned int shift = header % 4 * 2;
	uint8_t known;
	bool holds;

	if (!ends)
		return header_asked(context, &context->engine->headers[header], false);
	known = ends->memo[header / 4] >> shift & 3;
	if (known != 0)
		return known == 2;
	holds = header_asked(context, &context->engine->headers[header], false);
	ends->memo[header / 4] |= (uint8_t)((holds ? 2 : 1) << shift);
	return holds;
}

bool detect_header_holds_reversed(struct detect_context *context, uint32_t header)
{
	return header_asked(context, &context->engine->headers[header], true);
}

/* ---- The table of ends ---- */

int detect_ends_init(struct detect_private *private)
{
	struct detect_ends_table *table = private->ends_table;

	if (!table) {
		table = calloc(1, sizeof(*table));
		if (!table)
			return LUYTRE_E_NOMEM;
		arena_init(&table->memory, ENDS_MEMORY_MAX);
		private->ends_table = table;
	}
	private->ends = NULL;
	arena_reset(&table->memory);
	memset(table->slots, 0, sizeof(table->slots));
	table->count = 0;
	table->generation++;
	return 0;
}

void detect_ends_done(struct detect_private *private)
{
	if (private->ends_table)
		arena_done(&private->ends_table->memory);
	free(private->ends_table);
	private->ends_table = NULL;
}

static struct ends_key key_of(const struct detect_engine *engine, const struct sensor_packet *packet)
{
	struct ends_key key = { .tenant = packet->tenant,
		.src_region = regions_address(engine->address_regions, &packet->src),
		.dst_region = regions_address(engine->address_regions, &packet->dst),
		.family = packet->family,
		.protocol = packet->protocol,
		.has_ports = has_ports(packet) };

	if (key.has_ports) {
		key.sport_region = regions_port(engine->port_regions, packet->sport);
		key.dport_region = regions_port(engine->port_regions, packet->dport);
	}
	return key;
}

static uint32_t hash_of(const struct ends_key *key)
{
	uint64_t hash = 0;
	uint32_t words[sizeof(*key) / 4];

	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(hash >> 32) % ENDS_SLOTS;
}

/* A free slot, or that of 'key'. */
static struct detect_ends **slot_of(struct detect_ends_table *table, const struct ends_key *key)
{
	uint32_t place = hash_of(key);

	while (table->slots[place] && memcmp(&table->slots[place]->key, key, sizeof(*key)) != 0)
		place = (place + 1) % ENDS_SLOTS;
	return &table->slots[place];
}

/* Null without memory: headers are asked each time then. */
static struct detect_ends *ends_find(struct detect_context *context)
{
	struct detect_ends_table *table = context->private->ends_table;
	struct ends_key key = key_of(context->engine, context->packet);
	size_t size = sizeof(struct detect_ends) + context->engine->header_count / 4 + 1;
	struct detect_ends **slot = slot_of(table, &key), *ends;

	ends = *slot;
	if (ends)
		return ends;
	ends = table->count < ENDS_MAX ? arena_alloc(&table->memory, size) : NULL;
	if (!ends && table->count > 0) {
		if (detect_ends_init(context->private) < 0)
			return NULL;
		slot = slot_of(table, &key);
		ends = arena_alloc(&table->memory, size);
	}
	if (!ends)
		return NULL;
	ends->key = key;
	*slot = ends;
	table->count++;
	return ends;
}

void detect_ends_choose(struct detect_context *context)
{
	struct detect_private *private = context->private;
	const struct sensor_packet *packet = context->packet;
	struct detect_flow *flow = private->flow;
	/* Which half of the flow's memory: by address, so that it stays when a flow is turned round. */
	int order = memcmp(&packet->src, &packet->dst, sizeof(packet->src));
	unsigned int side = order != 0 ? order > 0 : packet->sport > packet->dport;

	private->ends = NULL;
	if (packet->family == 0)
		return;
	/* An ICMP error about the flow has other addresses than the flow. */
	if (flow && packet->protocol != context->flow->protocol)
		flow = NULL;
	if (flow && flow->ends[side] && flow->ends_generation[side] == private->ends_table->generation &&
		flow->ends[side]->key.tenant == packet->tenant &&
		flow->ends[side]->key.has_ports == has_ports(packet)) {
		private->ends = flow->ends[side];
		return;
	}
	private->ends = ends_find(context);
	if (flow) {
		flow->ends[side] = private->ends;
		flow->ends_generation[side] = private->ends_table->generation;
	}
}

/* ---- Lists ---- */

static void mark_group(const struct detect_list *list, uint32_t index, struct detect_marks *marks)
{
	const struct detect_group *group = &list->groups[index];

	for (uint32_t k = group->first; k < group->first + group->count; k++)
		detect_mark(marks, list->rules[k]);
}

/* Asks every group; null: no room, or no memory. */
static const struct ends_note *note_make(
	struct detect_context *context, struct detect_ends *ends, const struct detect_list *list)
{
	struct ends_note note = { .list = list };

	if (ends->note_count == ENDS_NOTES_MAX)
		return NULL;
	for (uint32_t i = 0; i < list->group_count; i++)
		note.count += detect_header_holds(context, list->groups[i].header);
	note.groups = arena_alloc(&context->private->ends_table->memory, note.count * sizeof(*note.groups));
	if (!note.groups)
		return NULL;
	note.count = 0;
	for (uint32_t i = 0; i < list->group_count; i++)
		if (detect_header_holds(context, list->groups[i].header))
			note.groups[note.count++] = i;
	ends->notes[ends->note_count] = note;
	return &ends->notes[ends->note_count++];
}

static const struct ends_note *note_of(
	struct detect_context *context, struct detect_ends *ends, const struct detect_list *list)
{
	for (uint8_t i = 0; i < ends->note_count; i++)
		if (ends->notes[i].list == list)
			return &ends->notes[i];
	return note_make(context, ends, list);
}

void detect_mark_list(struct detect_context *context, const struct detect_list *list, struct detect_marks *marks)
{
	struct detect_ends *ends = context->private->ends;
	const struct ends_note *note;

	if (list->group_count == 0)
		return;
	note = ends ? note_of(context, ends, list) : NULL;
	if (note) {
		for (uint32_t i = 0; i < note->count; i++)
			mark_group(list, note->groups[i], marks);
		return;
	}
	for (uint32_t i = 0; i < list->group_count; i++)
		if (detect_header_holds(context, list->groups[i].header))
			mark_group(list, i, marks);
}
