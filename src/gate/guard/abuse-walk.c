// SPDX-License-Identifier: Apache-2.0
/* Enumeration: identifiers asked for one after the other.
 *
 * One address walks when most of the identifiers it asks for are near (within 16) one that it asked for shortly before. Many addresses
 * walk together when the same is true of all lookups at an endpoint. What is near means differs: strangers' citizen numbers are never
 * near each other, six of twelve digits being random, while the numbers of files and orders always are. For those only the order tells
 * (each the next after one before), and that one fingerprint does most of it: people who look after their own new order come in order too,
 * but with all kinds of browsers. */
#include "gate/guard/abuse-internal.h"

enum { NEAR = 16, ONE_CLUSTER_PERCENT = 80, ONE_ADDRESS_PERCENT = 25 };

/* A number of 1 to 18 digits, with one more than it so that 0 is none; spaces, dots and dashes between digits do not matter. */
static uint64_t read_id(struct bytes text)
{
	uint64_t id = 0;
	unsigned int digits = 0;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.ptr[i];

		if (c >= '0' && c <= '9' && ++digits <= 18)
			id = id * 10 + (c - '0');
		else if (c != ' ' && c != '.' && c != '-')
			return 0;
	}
	return digits == 0 || digits > 18 ? 0 : id + 1;
}

static bool is_near(uint64_t left, uint64_t right)
{
	return left > right ? left - right <= NEAR : right - left <= NEAR;
}

enum walk_answer { WALK_OLD, WALK_FAR, WALK_STEP };

/* Whether 'id' is a step from one of the last identifiers of the address; remembers it. */
static enum walk_answer walk(struct client_entry *entry, uint64_t id)
{
	enum walk_answer answer = WALK_FAR;

	for (unsigned int i = 0; i < WALK_IDS; i++) {
		if (entry->last_ids[i] == id)
			return WALK_OLD;
		if (entry->last_ids[i] != 0 && is_near(entry->last_ids[i], id))
			answer = WALK_STEP;
	}
	entry->last_ids[entry->last_id] = id;
	entry->last_id = (entry->last_id + 1) % WALK_IDS;
	return answer;
}

static void judge_client(struct abuse *abuse, const struct abuse_settings *limits, struct client_entry *entry,
	enum abuse_id_kind kind, uint64_t id, uint64_t now_ns, struct abuse_verdict *ret)
{
	bool citizen = kind == ABUSE_ID_CITIZEN;
	uint32_t first = citizen ? limits->walk_challenge : limits->walk_other_slow;
	uint32_t last = citizen ? limits->walk_deny : limits->walk_other_deny;
	enum walk_answer answer = walk(entry, id);
	uint32_t steps, ids;

	if (answer != WALK_OLD)
		window_add(&entry->ids, 1, now_ns, abuse->window_ns);
	if (answer == WALK_STEP)
		window_add(&entry->steps, 1, now_ns, abuse->window_ns);
	steps = window_sum(&entry->steps, now_ns, abuse->window_ns);
	ids = window_sum(&entry->ids, now_ns, abuse->window_ns);
	/* Of a crowd's identifiers few are near each other. */
	if (steps < first || steps * 2 < ids)
		return;
	if (steps >= last)
		abuse_say(abuse, ABUSE_DENY, ABUSE_ENUM_CLIENT, now_ns + abuse->window_ns, ret);
	else
		abuse_say(abuse, citizen ? ABUSE_CHALLENGE : ABUSE_SLOW, ABUSE_ENUM_CLIENT, now_ns + abuse->window_ns,
			ret);
	if (ret->action == ABUSE_SLOW)
		ret->delay_ms = 1000;
}

/* Puts the identifier into the ring of the endpoint's last ones. False when it was there already. */
static bool spread_add(struct endpoint_entry *endpoint, uint64_t id, const struct abuse_client *client, bool *ret_near)
{
	struct spread *slot = &endpoint->ring[endpoint->next];
	struct spread added = { .id = id, .address = client->address, .cluster = client->cluster };

	for (uint32_t i = 0; i < endpoint->count; i++) {
		if (endpoint->ring[i].id == id)
			return false;
		added.near |= is_near(endpoint->ring[i].id, id);
		added.next |= id > endpoint->ring[i].id && id - endpoint->ring[i].id <= 2;
	}
	endpoint->near -= slot->near;
	endpoint->ordered -= slot->next;
	*slot = added;
	endpoint->near += added.near;
	endpoint->ordered += added.next;
	endpoint->next = (endpoint->next + 1) % SPREAD_IDS;
	if (endpoint->count < SPREAD_IDS)
		endpoint->count++;
	*ret_near = added.near;
	return true;
}

static bool is_one_cluster(const struct endpoint_entry *endpoint, uint64_t cluster)
{
	uint32_t same = 0;

	for (uint32_t i = 0; i < endpoint->count; i++)
		same += endpoint->ring[i].cluster == cluster;
	return same * 100 >= endpoint->count * ONE_CLUSTER_PERCENT;
}

/* One address that does much of it is judged by what it does alone. */
static bool is_alone(const struct endpoint_entry *endpoint, uint64_t address)
{
	uint32_t same = 0;

	for (uint32_t i = 0; i < endpoint->count; i++)
		same += endpoint->ring[i].address == address;
	return same * 100 > endpoint->count * ONE_ADDRESS_PERCENT;
}

static void judge_spread(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	struct endpoint_entry *endpoint, enum abuse_id_kind kind, uint64_t id, uint64_t now_ns,
	struct abuse_verdict *ret)
{
	bool near = false, walking;

	if (!spread_add(endpoint, id, client, &near) || endpoint->count < SPREAD_IDS / 2 ||
		is_alone(endpoint, client->address))
		return;
	if (kind == ABUSE_ID_CITIZEN)
		walking = endpoint->near * 100 >= endpoint->count * limits->spread_percent;
	else
		walking = endpoint->ordered * 100 >= endpoint->count * UINT32_C(60) &&
			  is_one_cluster(endpoint, client->cluster);
	if (walking)
		endpoint->held_until_ns = now_ns + limits->hold_ms * NS_PER_MS;
	/* Only lookups that belong to the walk are held up. */
	if (near && endpoint->held_until_ns > now_ns && ret->action == ABUSE_PASS &&
		(kind == ABUSE_ID_CITIZEN || is_one_cluster(endpoint, client->cluster)))
		abuse_say(abuse, ABUSE_CHALLENGE, ABUSE_ENUM_SPREAD, endpoint->held_until_ns, ret);
}

void abuse_lookup(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	uint64_t endpoint, enum abuse_id_kind kind, struct bytes id, uint64_t now_ns, struct abuse_verdict *ret)
{
	struct abuse_client walker = *client;
	uint64_t number = read_id(id);

	*ret = (struct abuse_verdict){ 0 };
	if (number == 0)
		return;
	walker.site = abuse_mix(client->site, endpoint);
	judge_client(abuse, limits, abuse_address(abuse, &walker, now_ns), kind, number, now_ns, ret);
	judge_spread(abuse, limits, client, ways_get(abuse_table(abuse, ABUSE_ENDPOINTS), endpoint, now_ns), kind,
		number, now_ns, ret);
}
