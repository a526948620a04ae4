// SPDX-License-Identifier: Apache-2.0
/* tag: session | host [, count, packets | seconds | bytes] [, src | dst] */
#include "sensor/detect/tag.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/table.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/flow-notes.h"
#include "sensor/rules/builder.h"

enum { HOST_TAGS_MAX = 4, SWEEP_SLOTS = 4, HOST_IDLE_S = 3600 };

struct tag_wanted {
	bool host, dst;
	uint8_t metric; /* enum tag_metric */
	uint32_t limit; /* 0: none */
};

struct host_key {
	struct ip_addr addr;
	uint8_t zero[3];
	uint32_t tenant;
};

struct host_tags {
	uint8_t count;
	uint64_t last_ns;
	struct tag_state tags[HOST_TAGS_MAX];
};

static struct {
	pthread_mutex_t lock;
	struct table *table; /* struct host_key -> struct host_tags; null: no rule tags hosts */
	size_t sweep;
} hosts = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- Tags ---- */

/* Counts the packet; false: the tag is over. */
static bool tag_counts(struct tag_state *tag, const struct sensor_packet *packet)
{
	switch (tag->metric) {
	case TAG_PACKETS:
		return tag->count++ < tag->limit;
	case TAG_BYTES:
		if (tag->count >= tag->limit)
			return false;
		tag->count += packet->wire_size < UINT32_MAX - tag->count ? packet->wire_size : UINT32_MAX - tag->count;
		return true;
	default:
		return packet->time_ns <= tag->start_ns + tag->limit * NS_PER_S;
	}
}

/* Drops tags that are over; true when one holds. */
static bool tags_hold(struct tag_state *tags, uint8_t *count, const struct sensor_packet *packet)
{
	uint8_t kept = 0;
	bool held = false;

	for (uint8_t i = 0; i < *count; i++) {
		bool first = tags[i].first;

		tags[i].first = false;
		if (!first && !tag_counts(&tags[i], packet))
			continue;
		held |= !first;
		tags[kept++] = tags[i];
	}
	*count = kept;
	return held;
}

static void add_tag(struct tag_state *tags, uint8_t *count, uint8_t room, const struct rule *rule,
	const struct tag_wanted *wanted, uint64_t now_ns)
{
	for (uint8_t i = 0; i < *count; i++)
		if (tags[i].sid == rule->sid && tags[i].gid == rule->gid)
			return; /* the rule holds again: the tag goes on as it is */
	if (*count == room)
		return;
	tags[(*count)++] = (struct tag_state){ .gid = rule->gid,
		.sid = rule->sid,
		.metric = wanted->metric,
		.first = true,
		.limit = wanted->limit,
		.start_ns = now_ns };
}

/* ---- Hosts ---- */

static void make_key(struct host_key *key, const struct sensor_packet *packet, bool dst)
{
	memset(key, 0, sizeof(*key));
	key->addr = dst ? packet->dst : packet->src;
	key->tenant = packet->tenant;
}

static bool host_is_idle(const void *key, void *value, void *context)
{
	const struct host_tags *tags = value;
	const uint64_t *now_ns = context;

	return tags->count == 0 || tags->last_ns + HOST_IDLE_S * NS_PER_S < *now_ns;
}

static void tag_host(const struct sensor_packet *packet, const struct rule *rule, const struct tag_wanted *wanted)
{
	uint64_t now_ns = packet->time_ns;
	struct host_tags *tags;
	struct host_key key;

	make_key(&key, packet, wanted->dst);
	pthread_mutex_lock(&hosts.lock);
	table_sweep(hosts.table, &hosts.sweep, SWEEP_SLOTS, host_is_idle, &now_ns);
	tags = table_insert(hosts.table, &key, NULL);
	if (tags) {
		tags->last_ns = now_ns;
		add_tag(tags->tags, &tags->count, HOST_TAGS_MAX, rule, wanted, now_ns);
	}
	pthread_mutex_unlock(&hosts.lock);
}

static bool host_holds(const struct sensor_packet *packet, bool dst)
{
	struct host_tags *tags;
	struct host_key key;
	bool held = false;

	make_key(&key, packet, dst);
	tags = table_find(hosts.table, &key);
	if (tags) {
		tags->last_ns = packet->time_ns;
		held = tags_hold(tags->tags, &tags->count, packet);
	}
	if (tags && tags->count == 0)
		table_remove(hosts.table, &key);
	return held;
}

bool tag_packet(const struct sensor_packet *packet)
{
	struct flow_notes *notes = packet->flow ? packet->flow->tags : NULL;
	bool held = false;

	if (notes && notes->tag_count > 0)
		held = tags_hold(notes->tags, &notes->tag_count, packet);
	if (!__atomic_load_n(&hosts.table, __ATOMIC_ACQUIRE) || packet->family == 0)
		return held;
	pthread_mutex_lock(&hosts.lock);
	if (table_count(hosts.table) > 0) {
		held |= host_holds(packet, false);
		held |= host_holds(packet, true);
	}
	pthread_mutex_unlock(&hosts.lock);
	return held;
}

uint64_t tag_hosts_refused(void)
{
	uint64_t count;

	pthread_mutex_lock(&hosts.lock);
	count = hosts.table ? table_refused(hosts.table) : 0;
	pthread_mutex_unlock(&hosts.lock);
	return count;
}

void tag_hosts_clear(void)
{
	pthread_mutex_lock(&hosts.lock);
	if (hosts.table)
		table_clear(hosts.table);
	pthread_mutex_unlock(&hosts.lock);
}

static int need_hosts(void)
{
	struct siphash_key key;
	struct table *table;
	int error = 0;

	pthread_mutex_lock(&hosts.lock);
	if (!hosts.table) {
		error = siphash_key_random(&key);
		table = error ? NULL : table_new(sizeof(struct host_key), sizeof(struct host_tags), TAG_HOSTS_MAX, key);
		if (!error && !table)
			error = LUYTRE_E_NOMEM;
		__atomic_store_n(&hosts.table, table, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&hosts.lock);
	return error;
}

/* ---- The keyword ---- */

static bool tag_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct tag_wanted *wanted = match->data;
	const struct sensor_packet *packet = context->packet;
	struct flow_notes *notes;

	if (packet->family == 0)
		return true;
	if (wanted->host) {
		tag_host(packet, rule, wanted);
		return true;
	}
	notes = context->flow ? flow_notes_of(context->flow) : NULL;
	if (notes)
		add_tag(notes->tags, &notes->tag_count, FLOW_TAGS_MAX, rule, wanted, packet->time_ns);
	return true;
}

static const struct rule_match_ops tag_ops = { .name = "tag", .target = RULE_TARGET_POST, .match = tag_do };

static int parse_tag(struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const scopes[] = { "session", "host", NULL }, *const sides[] = { "src", "dst", NULL };
	static const char *const metrics[] = { "packets", "seconds", "bytes", NULL };
	struct tag_wanted *wanted = arena_alloc(builder->arena, sizeof(*wanted));
	struct bytes words[4] = { 0 };
	size_t count = 0, next = 1;
	int scope, metric, side;

	if (!wanted)
		return LUYTRE_E_NOMEM;
	*wanted = (struct tag_wanted){ .dst = true, .metric = TAG_PACKETS, .limit = TAG_PACKETS_DEFAULT };
	while (count < 4 && rule_text_item(&value, ',', &words[count]))
		count++;
	scope = rule_text_choice(words[0], scopes);
	if (scope < 0 || value.size > 0)
		return rule_builder_error(builder, "expected session or host, a count with its unit, and src or dst");
	wanted->host = scope == 1;
	if (count > next && rule_text_u32(words[next], &wanted->limit)) {
		metric = count > next + 1 ? rule_text_choice(words[next + 1], metrics) : -1;
		if (metric < 0 || wanted->limit == 0)
			return rule_builder_error(builder, "the count is above 0 and of packets, seconds or bytes");
		wanted->metric = (uint8_t)metric;
		next += 2;
	}
	side = count > next ? rule_text_choice(words[next], sides) : 1;
	if (side < 0 || count > next + 1 || (count > next && !wanted->host))
		return rule_builder_error(builder, "src or dst may stand at the end, for a host");
	wanted->dst = side == 1;
	if (wanted->host && need_hosts() < 0)
		return LUYTRE_E_NOMEM;
	return rule_builder_add(builder, &tag_ops, wanted) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_tag_keywords[] = {
	{ "tag", NULL, 0, parse_tag, "records further packets of the flow or the host" },
	{ 0 },
};
