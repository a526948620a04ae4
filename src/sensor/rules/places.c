// SPDX-License-Identifier: Apache-2.0
/* One array of prefixes in the order of their addresses: what lies in another stands behind it, so that the last one that begins at or before
 * an address contains it, or one of those around that does. */
#include "sensor/rules/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sensor/rules/tenants.h"

struct place {
	struct ip_prefix prefix;
	uint32_t around; /* the place that it lies in */
	uint32_t hold_first, hold_count; /* in 'holds' */
	int8_t mode;
	bool edge_only, is_said; /* a row is about it, and not a hold alone */
};

struct places {
	struct place *items; /* by number; item 0 is none */
	size_t count; /* without it */
	struct places_hold *holds; /* by prefix, then rule */
	uint64_t serial;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int order = ip_prefix_compare(&a->prefix, &b->prefix);

	return order ? order : (a->is_said < b->is_said) - (a->is_said > b->is_said);
}

static int compare_holds(const void *left, const void *right)
{
	const struct places_hold *a = left, *b = right;
	int order = ip_prefix_compare(&a->prefix, &b->prefix);

	if (!order)
		order = (a->sid > b->sid) - (a->sid < b->sid);
	if (!order)
		order = (a->enforce < b->enforce) - (a->enforce > b->enforce);
	return order ? order : (a->hold > b->hold) - (a->hold < b->hold);
}

/* Rows come first of those with the same prefix, which stay. */
static void drop_doubles(struct places *p)
{
	size_t count = 0;

	for (size_t i = 1; i <= p->count; i++)
		if (!count || ip_prefix_compare(&p->items[count].prefix, &p->items[i].prefix) != 0)
			p->items[++count] = p->items[i];
	p->count = count;
}

static void link_places(struct places *p, size_t hold_count)
{
	uint32_t around = PLACE_NONE;
	size_t hold = 0;

	for (uint32_t i = 1; i <= p->count; i++) {
		struct place *place = &p->items[i];

		while (around && !ip_prefix_covers(&p->items[around].prefix, &place->prefix))
			around = p->items[around].around;
		place->around = around;
		if (!place->is_said && around) {
			place->mode = p->items[around].mode;
			place->edge_only = p->items[around].edge_only;
		}
		place->hold_first = (uint32_t)hold;
		while (hold < hold_count && ip_prefix_equal(&p->holds[hold].prefix, &place->prefix))
			hold++;
		place->hold_count = (uint32_t)hold - place->hold_first;
		around = i;
	}
}

int places_build(const struct places_row *rows, size_t row_count, const struct places_hold *holds, size_t hold_count,
	struct places **ret)
{
	static uint64_t serial;
	struct places *p;

	if (row_count > PLACES_MAX || hold_count > PLACES_HOLDS_MAX)
		return LUYTRE_E_FULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return LUYTRE_E_NOMEM;
	p->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
	p->items = calloc(row_count + hold_count + 1, sizeof(*p->items));
	p->holds = calloc(hold_count + 1, sizeof(*p->holds));
	if (!p->items || !p->holds) {
		places_discard(p);
		return LUYTRE_E_NOMEM;
	}
	p->items[PLACE_NONE].mode = PLACE_MODE_UNSET;
	for (size_t i = 0; i < row_count; i++)
		p->items[++p->count] = (struct place){
			.prefix = rows[i].prefix, .mode = rows[i].mode, .edge_only = rows[i].edge_only, .is_said = true
		};
	for (size_t i = 0; i < hold_count; i++) {
		p->items[++p->count] = (struct place){ .prefix = holds[i].prefix, .mode = PLACE_MODE_UNSET };
		p->holds[i] = holds[i];
	}
	qsort(p->items + 1, p->count, sizeof(*p->items), compare_places);
	qsort(p->holds, hold_count, sizeof(*p->holds), compare_holds);
	drop_doubles(p);
	link_places(p, hold_count);
	*ret = p;
	return 0;
}

void places_discard(struct places *places)
{
	if (!places)
		return;
	free(places->items);
	free(places->holds);
	free(places);
}

uint32_t places_find_prefix(const struct places *places, const struct ip_prefix *prefix)
{
	size_t low = 0, high = places ? places->count : 0;
	uint32_t place;

	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (ip_prefix_compare(&places->items[middle].prefix, prefix) <= 0)
			low = middle;
		else
			high = middle - 1;
	}
	place = (uint32_t)low;
	while (place && !ip_prefix_covers(&places->items[place].prefix, prefix))
		place = places->items[place].around;
	return place;
}

uint32_t places_find(const struct places *places, const struct ip_addr *addr)
{
	struct ip_prefix wanted = ip_prefix_of_addr(addr);

	return places_find_prefix(places, &wanted);
}

uint32_t places_inside(const struct places *places, const struct ip_prefix *prefix, uint32_t after)
{
	size_t low = after ? after + 1 : 1, high = places ? places->count + 1 : low;

	while (!after && low < high) {
		size_t middle = (low + high) / 2;

		if (ip_prefix_compare(&places->items[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return places && low <= places->count && ip_prefix_covers(prefix, &places->items[low].prefix) ? (uint32_t)low
												      : PLACE_NONE;
}

const struct ip_prefix *places_prefix(const struct places *places, uint32_t place)
{
	return &places->items[place].prefix;
}

uint32_t places_find_flow(const struct places *places, const struct tenants *tenants, const struct ip_addr *src,
	const struct ip_addr *dst, bool *ret_edge_only)
{
	uint32_t of_src, of_dst;

	*ret_edge_only = false;
	if (!places || !places->count)
		return PLACE_NONE;
	of_src = places_find(places, src);
	of_dst = places_find(places, dst);
	*ret_edge_only = places->items[of_src].edge_only || places->items[of_dst].edge_only;
	if (tenants_owner(tenants, dst) || (of_dst != PLACE_NONE && !tenants_owner(tenants, src)))
		return of_dst;
	return of_src;
}

int places_mode(const struct places *places, uint32_t place)
{
	return places ? places->items[place].mode : PLACE_MODE_UNSET;
}

const struct places_hold *places_hold_of(const struct places *places, uint32_t place, uint32_t sid)
{
	const struct places_hold *shadow = NULL;

	for (; places && place; place = places->items[place].around) {
		const struct places_hold *holds = &places->holds[places->items[place].hold_first];
		size_t low = 0, high = places->items[place].hold_count;

		while (low < high) {
			size_t middle = (low + high) / 2;

			if (holds[middle].sid < sid)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == places->items[place].hold_count || holds[low].sid != sid)
			continue;
		if (holds[low].enforce)
			return &holds[low];
		if (!shadow)
			shadow = &holds[low];
	}
	return shadow;
}

bool places_is_judged(const struct places *places, uint32_t place, const struct tenants *tenants,
	const struct ip_addr *addr, uint32_t gid, uint32_t sid)
{
	uint32_t tenant = tenants_owner(tenants, addr);
	int mode = places_mode(places, place);

	if (mode == PLACE_MODE_UNSET)
		mode = (int)tenants_mode(tenants, tenant);
	return mode != TENANT_OFF && tenants_verdict(tenants, tenant, gid, sid) != TENANT_RULE_OFF;
}

static const struct places_hold *hold_at(const struct places *places, const struct tenants *tenants,
	const struct ip_addr *addr, uint32_t gid, uint32_t sid)
{
	uint32_t place = places_find(places, addr);
	const struct places_hold *hold = places_hold_of(places, place, sid);

	return hold && places_is_judged(places, place, tenants, addr, gid, sid) ? hold : NULL;
}

const struct places_hold *places_hold_of_flow(const struct places *places, const struct tenants *tenants,
	const struct ip_addr *client, const struct ip_addr *server, uint32_t gid, uint32_t sid)
{
	const struct places_hold *of_server = hold_at(places, tenants, server, gid, sid), *of_client;

	if (of_server && of_server->enforce)
		return of_server;
	of_client = hold_at(places, tenants, client, gid, sid);
	return of_server && !(of_client && of_client->enforce) ? of_server : of_client;
}

size_t places_count(const struct places *places)
{
	return places ? places->count : 0;
}

uint64_t places_serial(const struct places *places)
{
	return places ? places->serial : 0;
}
