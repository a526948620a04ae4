// SPDX-License-Identifier: Apache-2.0
/* The tables, and limits of rate, number and slowness. Logins are in abuse-login.c, identifiers in abuse-walk.c. */
#include "gate/guard/abuse.h"

#include "gate/guard/abuse-internal.h"

static const char *const reason_names[] = {
#define X(id, word) word,
	ABUSE_REASONS(X)
#undef X
};

const char *abuse_reason_name(enum abuse_reason reason)
{
	return reason < ABUSE_REASON_COUNT ? reason_names[reason] : "none";
}

static const char *const table_names[] = {
#define X(id, word) word,
	ABUSE_TABLES(X)
#undef X
};

const char *abuse_table_name(enum abuse_table table)
{
	return table_names[table];
}

const char *abuse_action_name(enum abuse_action action)
{
	static const char *const names[] = { "pass", "slow", "challenge", "deny" };

	return names[action];
}

void abuse_settings_default(struct abuse_settings *settings)
{
	*settings = (struct abuse_settings){
		.clients_max = 32768,
		.names_max = 32768,
		.clusters_max = 2048,
		.endpoints_max = 256,
		.window_ms = 600000,
		.address_names_max = 15,
		.address_failed_percent = 70,
		.name_failures_max = 10,
		.cluster_names_max = 50,
		.cluster_failed_percent = 80,
		.site_logins_min = 100,
		.hold_ms = 600000,
		.walk_challenge = 12,
		.walk_deny = 40,
		.walk_other_slow = 60,
		.walk_other_deny = 200,
		.spread_percent = 30,
		.client_rate = 50,
		.client_burst = 1000,
		.cluster_rate = 2000,
		.cluster_burst = 20000,
		.client_open_max = 100,
		.headers_max_ms = 10000,
		.body_grace_ms = 5000,
		.body_min_rate = 500,
		.resets_max = 100,
		.strikes_max = 10,
	};
}

/* ---- memory ---- */

struct table_form {
	size_t value_size, count;
	uint64_t ttl_ns;
};

/* A site is a place of the table of endpoints' size: few of both. What a name's own addresses are, and what is usual at a site, is worth
 * keeping for a month. */
static struct table_form form_of(const struct abuse_settings *settings, enum abuse_table table)
{
	const uint64_t month_ns = 30 * 86400 * NS_PER_S;
	uint64_t ttl_ns = (UINT64_C(2) * settings->window_ms + settings->hold_ms) * NS_PER_MS;

	switch (table) {
	case ABUSE_ADDRESSES:
		return (struct table_form){ sizeof(struct client_entry), settings->clients_max, ttl_ns };
	case ABUSE_CLUSTERS:
		return (struct table_form){ sizeof(struct client_entry), settings->clusters_max, ttl_ns };
	case ABUSE_NAMES:
		return (struct table_form){ sizeof(struct name_entry), settings->names_max, month_ns };
	case ABUSE_SITES:
		return (struct table_form){ sizeof(struct site_entry), settings->endpoints_max, month_ns };
	case ABUSE_ENDPOINTS:
	case ABUSE_TABLE_COUNT:
		break;
	}
	return (struct table_form){ sizeof(struct endpoint_entry), settings->endpoints_max, ttl_ns };
}

size_t abuse_size(const struct abuse_settings *settings)
{
	size_t size = sizeof(struct abuse);

	for (unsigned int i = 0; i < ABUSE_TABLE_COUNT; i++) {
		struct table_form form = form_of(settings, i);

		size += ways_size(form.value_size, form.count);
	}
	return size;
}

struct abuse *abuse_place(void *memory, const struct abuse_settings *settings)
{
	struct abuse *abuse = memory;
	size_t at = sizeof(*abuse);

	memset(abuse, 0, sizeof(*abuse));
	abuse->key = settings->key;
	abuse->window_ns = (settings->window_ms == 0 ? 1 : settings->window_ms) * NS_PER_MS;
	for (unsigned int i = 0; i < ABUSE_TABLE_COUNT; i++) {
		struct table_form form = form_of(settings, i);

		abuse->tables_at[i] = at;
		ways_place((uint8_t *)memory + at, form.value_size, form.count, form.ttl_ns);
		at += ways_size(form.value_size, form.count);
	}
	return abuse;
}

uint64_t abuse_hash(const struct abuse *abuse, struct bytes text)
{
	return siphash24(abuse->key, text.ptr, text.size);
}

struct client_entry *abuse_address(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns)
{
	return ways_get(abuse_table(abuse, ABUSE_ADDRESSES), abuse_mix(client->address, client->site), now_ns);
}

struct client_entry *abuse_cluster(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns)
{
	return ways_get(abuse_table(abuse, ABUSE_CLUSTERS), abuse_mix(client->cluster, client->site), now_ns);
}

void abuse_say(struct abuse *abuse, enum abuse_action action, enum abuse_reason reason, uint64_t until_ns,
	struct abuse_verdict *ret)
{
	*ret = (struct abuse_verdict){ .action = action, .reason = reason, .until_ns = until_ns };
	if (action != ABUSE_PASS)
		abuse->verdicts[reason]++;
}

void abuse_counters(const struct abuse *abuse, struct abuse_counters *ret)
{
	*ret = (struct abuse_counters){ 0 };
	memcpy(ret->verdicts, abuse->verdicts, sizeof(ret->verdicts));
	for (unsigned int i = 0; i < ABUSE_TABLE_COUNT; i++) {
		const struct ways *table =
			(const struct ways *)(const void *)((const uint8_t *)abuse + abuse->tables_at[i]);
		struct ways_counters one = ways_counters(table);

		ret->created += one.created;
		ret->expired += one.expired;
		ret->evicted += one.evicted;
		ret->tables[i] = (struct abuse_table_counters){ one.created, one.expired, one.evicted,
			one.created - one.expired - one.evicted, ways_places(table) };
	}
}

/* ---- distinct counts ---- */

static void distinct_turn(struct distinct *distinct, uint64_t now_ns, uint64_t size_ns);

/* -m ln(1 - set / m) as a sum; full bits are counted as 700. */
static uint32_t distinct_count(const struct distinct *distinct)
{
	uint64_t count = 0;

	if (distinct->set >= 240)
		return 700;
	for (uint32_t unset = 256; unset > 256 - distinct->set; unset--)
		count += (UINT64_C(256) << 16) / unset;
	return (uint32_t)((count + 32768) >> 16);
}

static void distinct_turn(struct distinct *distinct, uint64_t now_ns, uint64_t size_ns)
{
	uint64_t number = now_ns / size_ns + 1;

	if (distinct->number == number)
		return;
	distinct->before = distinct->number + 1 == number ? distinct_count(distinct) : 0;
	memset(distinct->bits, 0, sizeof(distinct->bits));
	distinct->set = 0;
	distinct->number = number;
}

void distinct_add(struct distinct *distinct, uint64_t hash, uint64_t now_ns, uint64_t size_ns)
{
	uint64_t mask = UINT64_C(1) << (hash & 63);
	unsigned int word = (unsigned int)(hash >> 6 & 3);

	distinct_turn(distinct, now_ns, size_ns);
	if (distinct->bits[word] & mask)
		return;
	distinct->bits[word] |= mask;
	distinct->set++;
}

/* Those of the window before count by the time that is left of it, as in struct window: some are counted twice. */
uint32_t distinct_sum(struct distinct *distinct, uint64_t now_ns, uint64_t size_ns)
{
	distinct_turn(distinct, now_ns, size_ns);
	return (uint32_t)(distinct_count(distinct) + distinct->before * (size_ns - now_ns % size_ns) / size_ns);
}

/* ---- limits ---- */

/* GCRA: the bucket is empty at 'arrival_ns'. Slows down when more than three quarters of the burst are used, refuses behind it. */
static enum abuse_action take_cost(struct client_entry *entry, uint32_t cost, uint64_t rate, uint64_t burst,
	uint64_t now_ns, uint32_t *ret_delay_ms)
{
	uint64_t step_ns = NS_PER_S * cost / rate, room_ns = NS_PER_S * burst / rate;
	uint64_t arrival_ns = entry->arrival_ns > now_ns ? entry->arrival_ns : now_ns,
		 used_ns = arrival_ns + step_ns - now_ns;

	if (used_ns > room_ns)
		return ABUSE_DENY;
	entry->arrival_ns = arrival_ns + step_ns;
	if (used_ns <= room_ns / 4 * 3)
		return ABUSE_PASS;
	*ret_delay_ms = (uint32_t)((used_ns - room_ns / 4 * 3) / NS_PER_MS) + 1;
	if (*ret_delay_ms > 2000)
		*ret_delay_ms = 2000;
	return ABUSE_SLOW;
}

/* People behind one address share its limit: it grows with the names that have logged in from there. */
static uint32_t people_of(struct abuse *abuse, struct client_entry *entry, uint64_t now_ns)
{
	uint32_t names = distinct_sum(&entry->good_names, now_ns, abuse->window_ns);

	return 1 + (names > 99 ? 99 : names);
}

/* Of requests, as they are counted now. */
static uint32_t open_of(const struct abuse *abuse, struct client_entry *address)
{
	if (address->open_age != abuse->open_age) {
		address->open_age = abuse->open_age;
		address->open = 0;
	}
	return address->open;
}

void abuse_forget_open(struct abuse *abuse)
{
	abuse->open_age++;
}

static enum abuse_action take_all(const struct abuse_settings *limits, struct client_entry *address,
	struct client_entry *cluster, uint32_t cost, uint64_t people, uint64_t now_ns, struct abuse_verdict *ret)
{
	enum abuse_action action = ABUSE_PASS;

	ret->reason = ABUSE_RATE_CLIENT;
	if (limits->client_rate != 0)
		action = take_cost(address, cost, limits->client_rate * people, limits->client_burst * people, now_ns,
			&ret->delay_ms);
	if (action != ABUSE_PASS || limits->cluster_rate == 0)
		return action;
	ret->reason = ABUSE_RATE_CLUSTER;
	action = take_cost(cluster, cost, limits->cluster_rate, limits->cluster_burst, now_ns, &ret->delay_ms);
	/* A fingerprint is shared by strangers: they wait, they are not refused. */
	if (action == ABUSE_DENY) {
		action = ABUSE_SLOW;
		ret->delay_ms = 2000;
	}
	return action;
}

void abuse_request_begin(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	uint32_t cost, uint64_t now_ns, struct abuse_verdict *ret)
{
	struct client_entry *address = abuse_address(abuse, client, now_ns);
	struct client_entry *cluster = abuse_cluster(abuse, client, now_ns);
	uint64_t people = people_of(abuse, address, now_ns);
	struct abuse_verdict taken = { 0 };

	if (address->struck_until_ns > now_ns) {
		abuse_say(abuse, ABUSE_DENY, address->struck_reason, address->struck_until_ns, ret);
		return;
	}
	if (limits->client_open_max != 0 && open_of(abuse, address) >= limits->client_open_max * people) {
		abuse_say(abuse, ABUSE_DENY, ABUSE_OPEN_CLIENT, now_ns, ret);
		return;
	}
	taken.action = take_all(limits, address, cluster, cost, people, now_ns, &taken);
	if (taken.action == ABUSE_PASS)
		*ret = (struct abuse_verdict){ 0 };
	else
		abuse_say(abuse, taken.action, taken.reason, now_ns + taken.delay_ms * NS_PER_MS, ret);
	ret->delay_ms = taken.delay_ms;
	if (taken.action != ABUSE_DENY) {
		open_of(abuse, address);
		address->open++;
	}
}

void abuse_request_end(struct abuse *abuse, const struct abuse_client *client, uint64_t now_ns)
{
	struct client_entry *address = abuse_address(abuse, client, now_ns);

	/* The entry may have been evicted and made again meanwhile. */
	if (open_of(abuse, address) > 0)
		address->open--;
}

void abuse_strike(struct abuse *abuse, const struct abuse_settings *limits, const struct abuse_client *client,
	enum abuse_reason reason, uint64_t now_ns)
{
	struct client_entry *address = abuse_address(abuse, client, now_ns);

	abuse->verdicts[reason]++;
	window_add(&address->strikes, 1, now_ns, abuse->window_ns);
	if (limits->strikes_max == 0 || window_sum(&address->strikes, now_ns, abuse->window_ns) <=
						limits->strikes_max * people_of(abuse, address, now_ns))
		return;
	address->struck_reason = reason;
	address->struck_until_ns = now_ns + limits->hold_ms * NS_PER_MS / 10;
}

void abuse_slow_check(const struct abuse_settings *settings, const struct abuse_progress *progress, uint64_t now_ns,
	struct abuse_verdict *ret)
{
	uint64_t passed_ms = clock_since_ns(now_ns, progress->began_ns) / NS_PER_MS, body_ms;

	*ret = (struct abuse_verdict){ .until_ns = now_ns };
	if (settings->resets_max != 0 && progress->resets > settings->resets_max &&
		(uint64_t)progress->resets * 2 > progress->streams) {
		ret->action = ABUSE_DENY;
		ret->reason = ABUSE_RESETS;
		return;
	}
	if (progress->body_began_ns == 0) {
		if (settings->headers_max_ms == 0 || passed_ms <= settings->headers_max_ms)
			return;
		ret->action = ABUSE_DENY;
		ret->reason = ABUSE_SLOW_HEADERS;
		return;
	}
	body_ms = clock_since_ns(now_ns, progress->body_began_ns) / NS_PER_MS;
	if (settings->body_min_rate == 0 || body_ms <= settings->body_grace_ms)
		return;
	if (progress->body_bytes * MS_PER_S < settings->body_min_rate * body_ms) {
		ret->action = ABUSE_DENY;
		ret->reason = ABUSE_SLOW_BODY;
	}
}
