// SPDX-License-Identifier: Apache-2.0
/* See policy.h. The tables' shapes are in abi.h, their readers in bpf/lookup.h. */
#include "shield/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/siphash.h"
#include "shield/emulate.h"
#include "shield/v6table.h"

struct policy {
	struct shield_maps *maps;
	uint32_t slots; /* of the tables */
	struct shield_name *names; /* in the maps, or a copy while a load may still fail */
};
_Static_assert(CONFIG_NAME_MAX < sizeof(struct shield_name), "a tenant's name fits");

/* The generation under construction. */
struct draft {
	struct shield_maps *maps;
	struct shield_globals *g;
	uint32_t generation;
	uint32_t nodes; /* trie nodes in use; 0 is never one */
	uint32_t port_sets; /* in use; 0 is the empty set, 1 all ports */
	const char *what; /* the ceiling that was hit */
};

struct shield_sizes policy_sizes(const struct config *config, uint32_t cpus)
{
	const struct config_capacity *c = &config->capacity;

	return (struct shield_sizes){ .tenants = c->tenants,
		.tenant_prefixes = c->tenant_prefixes,
		.port_sets = c->port_sets,
		.decisions = c->decisions,
		.decisions_v6 = c->decisions_v6,
		.sources = c->sources,
		.proven = c->proven,
		.flows = c->flows,
		.fragments = c->fragments,
		.destinations = c->destinations,
		.signatures = c->signatures,
		.cpus = cpus };
}

struct policy *policy_new(struct shield_maps *maps)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->maps = maps;
	policy->slots = maps->globals->tenants;
	policy->names = maps->names;
	strcpy(policy->names[0].text, "unmapped");
	return policy;
}

void policy_free(struct policy *policy)
{
	free(policy);
}

uint32_t policy_slot(const struct policy *policy, const char *name)
{
	for (uint32_t i = 1; i < policy->slots; i++)
		if (!strcmp(policy->names[i].text, name))
			return i;
	return 0;
}

const char *policy_name(const struct policy *policy, uint32_t slot)
{
	return slot < policy->slots && policy->names[slot].text[0] ? policy->names[slot].text : NULL;
}

uint32_t policy_slot_count(const struct policy *policy)
{
	uint32_t count = policy->slots;

	while (count > 1 && !policy->names[count - 1].text[0])
		count--;
	return count;
}

uint64_t policy_key(const struct policy *policy, uint32_t slot)
{
	static const struct siphash_key fixed = { 0x6c75797472650001ull, 0x74656e616e740001ull };
	const char *name = policy_name(policy, slot);

	return name ? siphash24(fixed, name, strlen(name)) | 1 : 0;
}

/* ---- destinations: IPv4 ------------------------------------------------------------------------*/

static uint32_t *root_entry(struct draft *d, uint32_t index)
{
	return &d->maps->tenant_root[(d->generation << 12) + (index >> 4)].half[index & 15];
}

static uint32_t *node_entry(struct draft *d, uint32_t node, uint32_t index)
{
	return &d->maps->tenant_nodes[d->generation * d->g->tenant_nodes * 16 + node * 16 + (index >> 4)]
			.half[index & 15];
}

/* The node below an entry, made when there is none: it begins as 256 copies of what stood there. */
static int node_below(struct draft *d, uint32_t *entry, uint32_t *ret_node)
{
	if (!(*entry & SHIELD_DEST_NODE)) {
		if (d->nodes >= d->g->tenant_nodes) {
			d->what = "capacity.tenant_prefixes";
			return LUYTRE_E_FULL;
		}
		for (uint32_t i = 0; i < 256; i++)
			*node_entry(d, d->nodes, i) = *entry;
		*entry = SHIELD_DEST_NODE | d->nodes++;
	}
	*ret_node = *entry & ~SHIELD_DEST_NODE;
	return 0;
}

/* Prefixes come shortest first, so a longer one overwrites what a shorter one left. */
static int put_prefix4(struct draft *d, uint32_t addr, uint32_t length, uint32_t value)
{
	uint32_t node, first, count;
	int error;

	if (length <= 16) {
		first = addr >> 16;
		count = 1u << (16 - length);
		for (uint32_t i = 0; i < count; i++)
			*root_entry(d, first + i) = value;
		return 0;
	}
	error = node_below(d, root_entry(d, addr >> 16), &node);
	if (error)
		return error;
	if (length <= 24) {
		first = (addr >> 8) & 255;
		count = 1u << (24 - length);
		for (uint32_t i = 0; i < count; i++)
			*node_entry(d, node, first + i) = value;
		return 0;
	}
	error = node_below(d, node_entry(d, node, (addr >> 8) & 255), &node);
	if (error)
		return error;
	first = addr & 255;
	count = 1u << (32 - length);
	for (uint32_t i = 0; i < count; i++)
		*node_entry(d, node, first + i) = value;
	return 0;
}

struct destination {
	struct ip_prefix prefix;
	uint32_t slot;
};

static int by_length(const void *left, const void *right)
{
	return ((const struct destination *)left)->prefix.length - ((const struct destination *)right)->prefix.length;
}

/* How many host bits a prefix has whose first and last address are no hosts (B16); /31 and /32 have
 * none (RFC 3021), and a route of /21 or shorter is not one subnet. */
static uint32_t subnet_host_bits(uint32_t length)
{
	return length < 22 || length > 30 ? 0 : 32 - length;
}

static int put_destination(struct draft *d, struct v6table *v6, const struct destination *dest)
{
	uint32_t addr, value = dest->slot + 1;
	int error;

	if (dest->prefix.addr.family == IP_V6) {
		error = v6table_set(v6, &dest->prefix, value, 0);
		if (error)
			d->what = "capacity.tenant_prefixes";
		return error;
	}
	memcpy(&addr, dest->prefix.addr.bytes, 4);
	addr = __builtin_bswap32(addr);
	value |= subnet_host_bits(dest->prefix.length) << 16;
	return put_prefix4(d, addr, dest->prefix.length, value);
}

static int put_destinations(struct draft *d, const struct policy *policy, const struct config *config)
{
	struct destination *all;
	size_t count = 0, at = 0;
	struct v6table v6;
	int error = 0;

	for (size_t i = 0; i < config->tenant_count; i++)
		count += config->tenants[i].prefixes.count;
	all = calloc(count + 1, sizeof(*all));
	if (!all)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < config->tenant_count; i++)
		for (size_t k = 0; k < config->tenants[i].prefixes.count; k++)
			all[at++] = (struct destination){ .prefix = config->tenants[i].prefixes.items[k],
				.slot = policy_slot(policy, config->tenants[i].name) };
	qsort(all, count, sizeof(*all), by_length);
	memset(&d->maps->tenant_root[d->generation << 12], 0, 4096 * sizeof(struct shield_line));
	v6table_init(&v6, d->maps->tenant6 + (size_t)d->generation * (d->g->tenant6_mask + 1), d->g->tenant6_mask, d->g,
		d->g->tenant6_length[d->generation], &d->g->tenant6_length_count[d->generation]);
	v6table_clear(&v6);
	for (size_t i = 0; i < count && !error; i++)
		error = put_destination(d, &v6, &all[i]);
	v6table_done(&v6);
	free(all);
	return error;
}

/* ---- port sets ---------------------------------------------------------------------------------*/

static struct shield_line *set_lines(struct draft *d, uint32_t set)
{
	return &d->maps->port_sets[(d->generation * d->g->port_sets + set) * 128];
}

static void fill_set(struct shield_line *lines, const struct config_ports *ports)
{
	memset(lines, 0, 128 * sizeof(*lines));
	for (size_t i = 0; i < ports->count; i++)
		for (uint32_t port = ports->ranges[i].first; port <= ports->ranges[i].last; port++)
			lines[port >> 9].word[(port >> 6) & 7] |= 1ull << (port & 63);
}

/* Equal sets share one number: a thousand tenants with ports 80 and 443 cost one set. */
static int intern_ports(struct draft *d, const struct config_ports *ports, uint16_t *ret)
{
	struct shield_line *fresh;

	if (!ports->count || (ports->ranges[0].first <= 1 && ports->ranges[0].last == 65535)) {
		*ret = ports->count ? 1 : 0;
		return 0;
	}
	if (d->port_sets >= d->g->port_sets) {
		d->what = "capacity.port_sets";
		return LUYTRE_E_FULL;
	}
	fresh = set_lines(d, d->port_sets);
	fill_set(fresh, ports);
	for (uint32_t i = 2; i < d->port_sets; i++)
		if (!memcmp(set_lines(d, i), fresh, 128 * sizeof(*fresh))) {
			*ret = (uint16_t)i;
			return 0;
		}
	*ret = (uint16_t)d->port_sets++;
	return 0;
}

/* ---- tenants -----------------------------------------------------------------------------------*/

/* The clock of the packet path moves in steps of up to 10 ms: a burst below two steps would drop
 * steady traffic. */
#define BURST_MIN_NS 20000000ull

/* The packets a second for which the limits are sized; beyond, the least busy sources are forgotten first. */
#define DESIGN_PPS 10000000ull
#define LINES_MIN  64u

/* How many lines a limit needs: half of the words busy at the design rate, which is rate x time of one
 * packet, whatever the attacker does. */
static uint32_t limit_mask(uint64_t cost_ns, uint32_t share_mask)
{
	uint64_t busy = DESIGN_PPS * cost_ns / 1000000000, lines = LINES_MIN;

	while (lines * SHIELD_LINE_WORDS < 2 * busy && lines <= share_mask)
		lines *= 2;
	return lines - 1 < share_mask ? (uint32_t)(lines - 1) : share_mask;
}

static struct shield_rate source_rate(uint32_t pps, uint32_t burst_ms, uint32_t share_mask)
{
	uint64_t burst_ns = (uint64_t)burst_ms * 1000000, cost;

	if (!pps)
		return (struct shield_rate){ 0 };
	if (burst_ns < BURST_MIN_NS)
		burst_ns = BURST_MIN_NS;
	cost = 1000000000ull / pps >> 8;
	return (struct shield_rate){ .cost = cost ? (uint32_t)cost : 1,
		.burst = (uint32_t)(burst_ns >> 8),
		.mask = limit_mask(1000000000ull / pps, share_mask) };
}

static struct shield_class_rate tenant_rate(uint32_t pps, uint32_t burst_ms)
{
	uint64_t burst_ns = (uint64_t)burst_ms * 1000000;

	if (!pps)
		return (struct shield_class_rate){ 0, 0 };
	if (burst_ns < BURST_MIN_NS)
		burst_ns = BURST_MIN_NS;
	return (struct shield_class_rate){ .cost = (1000000000ull << 8) / pps, .burst = burst_ns << 8 };
}

/* Each tenant has lines of its own, so that none can fill another's (F11): the table divided by the
 * slots in use, rounded up to a power of two so that shares move seldom. */
static struct shield_share share_of(uint32_t lines, uint32_t tenants, uint32_t slot)
{
	uint32_t parts = 1, each;

	while (parts < tenants)
		parts *= 2;
	each = lines / parts ? lines / parts : 1;
	if ((uint64_t)(slot + 1) * each > lines)
		slot = lines / each - 1;
	return (struct shield_share){ .base = slot * each, .mask = each - 1 };
}

static uint32_t tenant_flags(const struct config_tenant *t)
{
	const struct {
		bool on;
		uint32_t flag;
	} rows[] = {
		{ t->mode == CONFIG_MODE_ENFORCE, SHIELD_TENANT_ENFORCE },
		{ t->bogons, SHIELD_TENANT_BOGONS },
		{ t->challenge == CONFIG_CHALLENGE_ON, SHIELD_TENANT_CHALLENGE_ON },
		{ t->challenge == CONFIG_CHALLENGE_AUTO, SHIELD_TENANT_CHALLENGE_AUTO },
		{ t->full_table == CONFIG_FULL_CLOSED, SHIELD_TENANT_FULL_CLOSED },
		{ t->ipv4_options, SHIELD_TENANT_IPV4_OPTIONS },
		{ t->empty_udp, SHIELD_TENANT_UDP_EMPTY },
		{ t->tcp_fast_open, SHIELD_TENANT_FAST_OPEN },
		{ t->clients, SHIELD_TENANT_CLIENTS },
		{ t->direction == CONFIG_DIRECTION_BOTH, SHIELD_TENANT_OUTBOUND },
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		flags |= rows[i].on ? rows[i].flag : 0;
	return flags;
}

/* A name opens its row and every row that begins with it and a dash: "dtls" opens "dtls-4433" too. */
static void open_rows(const struct config_names *names, uint64_t rows[2])
{
	for (size_t n = 0; n < names->count; n++) {
		size_t length = strlen(names->items[n]);
		const char *row;

		for (size_t i = 0; (row = shield_reflect_name(i)); i++)
			if (!strncmp(row, names->items[n], length) && (!row[length] || row[length] == '-'))
				rows[i >> 6] |= 1ull << (i & 63);
	}
}

/* A source and its prefix stand together (bpf/sets.h), so both use as many lines as the one that needs
 * more. */
static void share_lines(struct shield_rate *one, struct shield_rate *other)
{
	one->mask = other->mask = one->mask > other->mask ? one->mask : other->mask;
}

static void fill_limits(struct shield_tenant *row, const struct config_tenant *t)
{
	const struct config_limits *l = &t->limits;

	row->source[SHIELD_LIMIT_SOURCE] = source_rate(l->source_pps, t->burst_ms, row->sources.mask);
	row->source[SHIELD_LIMIT_SYN] = source_rate(l->source_syn_pps, t->burst_ms, row->sources.mask);
	row->source[SHIELD_LIMIT_PREFIX] = source_rate(l->prefix_pps, t->burst_ms, row->sources.mask);
	share_lines(&row->source[SHIELD_LIMIT_SOURCE], &row->source[SHIELD_LIMIT_PREFIX]);
	row->source[SHIELD_LIMIT_PREFIX56] = source_rate(l->prefix56_pps, t->burst_ms, row->sources.mask);
	row->source[SHIELD_LIMIT_PREFIX48] = source_rate(l->prefix48_pps, t->burst_ms, row->sources.mask);
	row->limit[SHIELD_CLASS_SYN] = tenant_rate(l->tcp_syn_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_TCP] = tenant_rate(l->tcp_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_UDP] = tenant_rate(l->udp_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_ICMP] = tenant_rate(l->icmp_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_FRAGMENT] = tenant_rate(l->fragment_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_REPLY] = tenant_rate(l->reply_pps, t->burst_ms);
	row->limit[SHIELD_CLASS_OTHER] = tenant_rate(l->other_pps, t->burst_ms);
	row->limit[SHIELD_LIMIT_TOTAL] = tenant_rate(l->total_pps, t->burst_ms);
	row->limit[SHIELD_LIMIT_CHALLENGE] = tenant_rate(l->challenge_pps, t->burst_ms);
	row->limit[SHIELD_LIMIT_DESTINATION] = tenant_rate(1000, 1000);
	/* A /24 that really connects needs a challenge for each new client, not for each packet. */
	row->challenge_prefix = source_rate(l->prefix_pps, 1000, row->sources.mask);
	row->wrong_answer = source_rate(1, 64000, row->sources.mask);
}

/* All but the port sets. */
static void fill_tenant(const struct shield_maps *maps, const struct config_tenant *t, uint32_t slot, uint32_t tenants,
	struct shield_tenant *row)
{
	memset(row, 0, sizeof(*row));
	row->flags = tenant_flags(t);
	row->min_mss = (uint16_t)t->min_mss;
	row->proof_ticks = (uint16_t)t->proof_s;
	memcpy(row->protocols, t->protocols.bits, sizeof(row->protocols));
	open_rows(&t->replies, row->open_rows);
	row->sources = share_of(maps->sources_count, tenants, slot - 1);
	row->proven = share_of(maps->proven_count, tenants, slot - 1);
	row->flows = share_of(maps->flows_count, tenants, slot - 1);
	row->fragments = share_of(maps->fragments_count, tenants, slot - 1);
	row->destinations = share_of(maps->destinations_count, tenants, slot - 1);
	fill_limits(row, t);
}

static int put_tenant(struct draft *d, const struct config_tenant *t, uint32_t slot, uint32_t tenants)
{
	struct shield_tenant *row = &d->maps->tenants[d->generation * d->g->tenants + slot];
	int error;

	fill_tenant(d->maps, t, slot, tenants, row);
	error = intern_ports(d, &t->tcp_ports, &row->tcp_ports);
	return error ? error : intern_ports(d, &t->udp_ports, &row->udp_ports);
}

bool policy_stands(const struct policy *policy, const struct config_tenant *tenant)
{
	const struct shield_globals *g = policy->maps->globals;
	uint32_t slot = policy_slot(policy, tenant->name);
	const struct shield_tenant *row = &policy->maps->tenants[(g->policy_generation & 1) * g->tenants + slot];
	struct shield_tenant wanted;

	if (!slot)
		return false;
	fill_tenant(policy->maps, tenant, slot, policy_slot_count(policy) - 1, &wanted);
	wanted.tcp_ports = row->tcp_ports;
	wanted.udp_ports = row->udp_ports;
	/* Rows are zeroed before they are filled, also behind their last member. */
	return bytes_equal(bytes_of(&wanted, sizeof(wanted)), bytes_of(row, sizeof(*row)));
}

/* ---- the whole ---------------------------------------------------------------------------------*/

static bool is_configured(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->tenant_count; i++)
		if (!strcmp(config->tenants[i].name, name))
			return true;
	return false;
}

/* Slots of tenants that are gone become free, new tenants take free ones. On failure 'policy' is as
 * before: the names are written to a copy. */
static int assign_slots(struct policy *policy, const struct config *config)
{
	uint32_t free_slot = 1;

	for (uint32_t i = 1; i < policy->slots; i++)
		if (policy->names[i].text[0] && !is_configured(config, policy->names[i].text))
			policy->names[i].text[0] = 0;
	for (size_t i = 0; i < config->tenant_count; i++) {
		if (policy_slot(policy, config->tenants[i].name))
			continue;
		while (free_slot < policy->slots && policy->names[free_slot].text[0])
			free_slot++;
		if (free_slot >= policy->slots)
			return LUYTRE_E_FULL;
		strcpy(policy->names[free_slot].text, config->tenants[i].name);
	}
	return 0;
}

/* A slot that changes hands: its counters are another tenant's. */
static void clear_slot(struct shield_maps *maps, uint32_t slot)
{
	const struct shield_globals *g = maps->globals;

	memset(&maps->tenant_states[slot], 0, sizeof(maps->tenant_states[slot]));
	for (uint32_t cpu = 0; cpu < g->cpus; cpu++) {
		size_t at = (size_t)cpu * g->tenants + slot;

		memset(&maps->counters[at * SHIELD_REASON_SLOTS * 2], 0,
			SHIELD_REASON_SLOTS * 2 * sizeof(struct shield_counter));
		memset(&maps->traffic[at * SHIELD_CLASS_COUNT], 0, SHIELD_CLASS_COUNT * sizeof(struct shield_traffic));
	}
}

static int write_draft(struct draft *d, const struct policy *policy, const struct config *config)
{
	uint32_t tenants = policy_slot_count(policy) - 1;
	int error = 0;

	for (size_t i = 0; i < config->tenant_count && !error; i++)
		error = put_tenant(d, &config->tenants[i], policy_slot(policy, config->tenants[i].name), tenants);
	return error ? error : put_destinations(d, policy, config);
}

int policy_load(struct policy *policy, const struct config *config, const char **ret_what)
{
	struct shield_globals *g = policy->maps->globals;
	struct draft d = {
		.maps = policy->maps, .g = g, .generation = !g->policy_generation, .nodes = 1, .port_sets = 2
	};
	struct policy next = *policy;
	int error;

	next.names = malloc(policy->slots * sizeof(*next.names));
	if (!next.names)
		return LUYTRE_E_NOMEM;
	memcpy(next.names, policy->names, policy->slots * sizeof(*next.names));
	error = assign_slots(&next, config);
	if (error)
		d.what = "capacity.tenants";
	else
		error = write_draft(&d, &next, config);
	if (error) {
		free(next.names);
		*ret_what = d.what ? d.what : "memory";
		return error;
	}
	for (uint32_t i = 1; i < policy->slots; i++)
		if (strcmp(policy->names[i].text, next.names[i].text))
			clear_slot(policy->maps, i);
	memcpy(policy->names, next.names, policy->slots * sizeof(*next.names));
	free(next.names);
	if (config->unknown_destination == CONFIG_UNKNOWN_DROP)
		__atomic_or_fetch(&g->flags, SHIELD_GLOBAL_DROP_UNKNOWN, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&g->flags, ~(uint32_t)SHIELD_GLOBAL_DROP_UNKNOWN, __ATOMIC_RELAXED);
	/* Everything above is written before the word turns: readers load it first. */
	__atomic_store_n(&g->policy_generation, d.generation, __ATOMIC_RELEASE);
	return 0;
}
