// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/threshold.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "sensor/config/tree.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/flow-notes.h"
#include "sensor/detect/internal.h"
#include "sensor/rules/policy.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum {
	PARTS = 16, /* of the table, each with a lock */
	PART_PORTS_SIZE = 65536 / 8,
	SWEEP_SLOTS = 8, /* looked at for expiry at each use */
	ENTRY_SIZE = 160, /* about, for the ceiling */
	MEMCAP_DEFAULT = 16 << 20,
};

struct key {
	struct ip_addr first, second; /* zeros where they do not count */
	uint8_t track, type, family;
	uint32_t tenant, gid, sid;
};

struct part {
	pthread_mutex_t lock;
	struct table *entries; /* struct key -> struct threshold_state */
	size_t sweep;
	uint64_t port_maps_size, port_maps_max;
	uint64_t refused;
};

static struct {
	pthread_once_t once;
	struct part parts[PARTS];
	struct siphash_key key;
	uint64_t memcap_size;
} all = { .once = PTHREAD_ONCE_INIT, .memcap_size = MEMCAP_DEFAULT };

/* ---- Counting ---- */

static bool in_window(const struct threshold_state *state, const struct rule_threshold *threshold, uint64_t now_ns)
{
	return state->start_ns != 0 && now_ns <= state->start_ns + threshold->seconds * NS_PER_S;
}

static void start_window(struct threshold_state *state, uint64_t now_ns)
{
	state->start_ns = now_ns;
	state->count = 1;
	if (state->ports)
		memset(state->ports, 0, PART_PORTS_SIZE);
}

static enum threshold_answer count_backoff(struct threshold_state *state, const struct rule_threshold *threshold)
{
	if (state->count++ == 0)
		state->next = threshold->count;
	if (state->count == state->next) {
		state->next *= threshold->multiplier;
		return THRESHOLD_ALERT;
	}
	/* With a count above 1 the first match is not one yet. */
	return state->count == 1 ? THRESHOLD_NOTHING : THRESHOLD_SILENT;
}

/* Matches, or different ports, of the window so far. */
static void count_match(
	struct threshold_state *state, const struct rule_threshold *threshold, uint64_t now_ns, uint16_t port)
{
	bool within = in_window(state, threshold, now_ns);

	if (!within)
		start_window(state, now_ns);
	if (!state->ports) {
		state->count += within;
		return;
	}
	if ((state->ports[port / 8] >> port % 8 & 1) == 0) {
		state->ports[port / 8] |= (uint8_t)(1 << port % 8);
		state->count += within;
	}
}

static enum threshold_answer count_rate(
	struct threshold_state *state, const struct rule_threshold *threshold, uint64_t now_ns, bool *ret_changed)
{
	if (state->changed_ns != 0 && now_ns - state->changed_ns <= threshold->timeout * NS_PER_S) {
		*ret_changed = true;
		return THRESHOLD_ALERT;
	}
	state->changed_ns = 0;
	count_match(state, threshold, now_ns, 0);
	if (state->count > threshold->count) {
		state->changed_ns = now_ns;
		*ret_changed = true;
	}
	return THRESHOLD_ALERT;
}

enum threshold_answer threshold_count(struct threshold_state *state, const struct rule_threshold *threshold,
	uint64_t now_ns, uint16_t port, bool *ret_changed)
{
	*ret_changed = false;
	switch (threshold->type) {
	case RULE_THRESHOLD_BACKOFF:
		return count_backoff(state, threshold);
	case RULE_THRESHOLD_RATE_FILTER:
		return count_rate(state, threshold, now_ns, ret_changed);
	default:
		break;
	}
	count_match(state, threshold, now_ns, port);
	switch (threshold->type) {
	case RULE_THRESHOLD_LIMIT:
		return state->count <= threshold->count ? THRESHOLD_ALERT : THRESHOLD_SILENT;
	case RULE_THRESHOLD_THRESHOLD:
		if (state->count < threshold->count)
			return THRESHOLD_NOTHING;
		state->count = 0;
		return THRESHOLD_ALERT;
	case RULE_THRESHOLD_BOTH:
		if (state->count == threshold->count)
			return THRESHOLD_ALERT;
		return state->count < threshold->count ? THRESHOLD_NOTHING : THRESHOLD_SILENT;
	case RULE_THRESHOLD_DETECTION_FILTER:
		return state->count > threshold->count ? THRESHOLD_ALERT : THRESHOLD_NOTHING;
	default:
		return THRESHOLD_ALERT;
	}
}

static uint64_t expiry_of(const struct rule_threshold *threshold, uint64_t now_ns)
{
	uint64_t seconds = threshold->seconds > threshold->timeout ? threshold->seconds : threshold->timeout;

	return now_ns + (seconds + 1) * NS_PER_S;
}

/* ---- Counts that workers share ---- */

static void make_parts(void)
{
	size_t count = (size_t)(all.memcap_size / ENTRY_SIZE / PARTS);

	if (siphash_key_random(&all.key) < 0)
		all.key = (struct siphash_key){ clock_mono_ns(), (uintptr_t)&all };
	for (unsigned int i = 0; i < PARTS; i++) {
		struct part *part = &all.parts[i];

		pthread_mutex_init(&part->lock, NULL);
		part->entries =
			table_new(sizeof(struct key), sizeof(struct threshold_state), count > 0 ? count : 1, all.key);
		part->port_maps_max = all.memcap_size / PARTS;
	}
}

static void ensure_parts(const struct detect_context *context)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool configured;

	if (__atomic_load_n(&configured, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&lock);
	if (!configured)
		all.memcap_size =
			conf_size(context->worker->settings->root, "detect.thresholds.memcap", MEMCAP_DEFAULT);
	pthread_once(&all.once, make_parts);
	__atomic_store_n(&configured, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

struct sweep {
	struct part *part;
	uint64_t now_ns;
};

static bool is_expired(const void *key, void *value, void *context)
{
	struct threshold_state *state = value;
	struct sweep *sweep = context;

	if (state->expires_ns >= sweep->now_ns)
		return false;
	if (state->ports)
		sweep->part->port_maps_size -= PART_PORTS_SIZE;
	free(state->ports);
	return true;
}

static void make_key(const struct sensor_packet *packet, const struct rule *rule,
	const struct rule_threshold *threshold, struct key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->track = threshold->track;
	ret->type = threshold->type;
	ret->tenant = packet->tenant;
	ret->gid = rule->gid;
	ret->sid = rule->sid;
	switch (threshold->track) {
	case RULE_TRACK_SRC:
		ret->first = packet->src;
		break;
	case RULE_TRACK_DST:
		ret->first = packet->dst;
		break;
	case RULE_TRACK_BOTH: /* a pair has no direction */
		ret->first = ip_addr_compare(&packet->src, &packet->dst) <= 0 ? packet->src : packet->dst;
		ret->second = ip_addr_compare(&packet->src, &packet->dst) <= 0 ? packet->dst : packet->src;
		break;
	default:
		break;
	}
}

static uint16_t port_of(const struct sensor_packet *packet, const struct rule_threshold *threshold)
{
	return threshold->unique_on == RULE_UNIQUE_SRC_PORT ? packet->sport : packet->dport;
}

/* The first match of an entry brings its map of ports, as far as memory goes: without one, matches are counted. */
static void make_ports(struct part *part, struct threshold_state *state, const struct rule_threshold *threshold)
{
	if (threshold->unique_on == RULE_UNIQUE_NONE || part->port_maps_size + PART_PORTS_SIZE > part->port_maps_max)
		return;
	state->ports = calloc(1, PART_PORTS_SIZE);
	if (state->ports)
		part->port_maps_size += PART_PORTS_SIZE;
}

static enum threshold_answer count_shared(struct detect_context *context, const struct rule *rule,
	const struct rule_threshold *threshold, bool *ret_changed)
{
	const struct sensor_packet *packet = context->packet;
	struct threshold_state none = { 0 }, *state;
	enum threshold_answer answer;
	struct sweep sweep;
	struct part *part;
	struct key key;
	bool created;

	ensure_parts(context);
	make_key(packet, rule, threshold, &key);
	part = &all.parts[siphash24(all.key, &key, sizeof(key)) % PARTS];
	pthread_mutex_lock(&part->lock);
	if (part->entries) {
		sweep = (struct sweep){ part, packet->time_ns };
		table_sweep(part->entries, &part->sweep, SWEEP_SLOTS, is_expired, &sweep);
	}
	state = part->entries ? table_insert(part->entries, &key, &created) : NULL;
	if (state && created)
		make_ports(part, state, threshold);
	if (!state)
		part->refused++;
	answer = threshold_count(
		state ? state : &none, threshold, packet->time_ns, port_of(packet, threshold), ret_changed);
	if (state)
		state->expires_ns = expiry_of(threshold, packet->time_ns);
	pthread_mutex_unlock(&part->lock);
	return answer;
}

uint64_t threshold_refused(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < PARTS; i++)
		sum += __atomic_load_n(&all.parts[i].refused, __ATOMIC_RELAXED);
	return sum;
}

void threshold_clear(void)
{
	for (unsigned int i = 0; i < PARTS; i++) {
		struct sweep sweep = { &all.parts[i], UINT64_MAX };
		size_t pos = 0;

		if (!all.parts[i].entries)
			continue;
		pthread_mutex_lock(&all.parts[i].lock);
		table_sweep(all.parts[i].entries, &pos, SIZE_MAX, is_expired, &sweep);
		pthread_mutex_unlock(&all.parts[i].lock);
	}
}

/* ---- Counts on flows ---- */

struct flow_notes *flow_notes_of(struct flow *flow)
{
	if (!flow->tags)
		flow->tags = calloc(1, sizeof(struct flow_notes));
	return flow->tags;
}

void threshold_flow_free(struct flow *flow)
{
	struct flow_notes *notes = flow->tags;
	struct flow_threshold *entry = notes ? notes->thresholds : NULL;

	while (entry) {
		struct flow_threshold *next = entry->next;

		free(entry->state.ports);
		free(entry);
		entry = next;
	}
	free(notes);
	flow->tags = NULL;
}

static struct threshold_state *flow_state(
	struct flow *flow, const struct rule *rule, const struct rule_threshold *threshold)
{
	struct flow_notes *notes = flow_notes_of(flow);
	struct flow_threshold *entry = notes ? notes->thresholds : NULL;

	while (entry && (entry->sid != rule->sid || entry->gid != rule->gid || entry->type != threshold->type))
		entry = entry->next;
	if (entry)
		return &entry->state;
	if (!notes || notes->threshold_count == FLOW_THRESHOLDS_MAX)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	*entry = (struct flow_threshold){
		.next = notes->thresholds, .gid = rule->gid, .sid = rule->sid, .type = threshold->type
	};
	if (threshold->unique_on != RULE_UNIQUE_NONE)
		entry->state.ports = calloc(1, PART_PORTS_SIZE);
	notes->thresholds = entry;
	notes->threshold_count++;
	return &entry->state;
}

static enum threshold_answer count_flow(struct detect_context *context, const struct rule *rule,
	const struct rule_threshold *threshold, bool *ret_changed)
{
	struct threshold_state none = { 0 };
	struct threshold_state *state = context->flow ? flow_state(context->flow, rule, threshold) : NULL;

	return threshold_count(state ? state : &none, threshold, context->packet->time_ns,
		port_of(context->packet, threshold), ret_changed);
}

/* ---- Rules ---- */

static bool is_suppressed(const struct detect_context *context, const struct rule_threshold *threshold)
{
	const struct policy *policy = context->engine->policy;
	const struct sensor_packet *packet = context->packet;
	bool src, dst;

	if (threshold->track == RULE_TRACK_NONE)
		return true;
	src = threshold->track != RULE_TRACK_DST &&
	      policy_address_match(policy, threshold->suppress_set, packet->tenant, &packet->src);
	dst = threshold->track != RULE_TRACK_SRC &&
	      policy_address_match(policy, threshold->suppress_set, packet->tenant, &packet->dst);
	return src || dst;
}

static void change_action(
	const struct detect_context *context, const struct rule_threshold *threshold, struct packet_alert *alert)
{
	switch (threshold->new_action) {
	case ACTION_DROP:
		if (!context->worker->settings->ips)
			return; /* an observer cannot */
		alert->action = ACTION_DROP | ACTION_ALERT;
		break;
	case ACTION_REJECT:
		alert->action = ACTION_REJECT | ACTION_DROP | ACTION_ALERT;
		break;
	default:
		alert->action = threshold->new_action;
		break;
	}
	alert->flags |= ALERT_RATE_FILTER_MODIFIED;
}

enum threshold_answer threshold_check(
	struct detect_context *context, const struct rule *rule, struct packet_alert *alert)
{
	bool own_limit = false;

	if (!rule->threshold || context->packet->family == 0)
		return THRESHOLD_ALERT;
	for (const struct rule_threshold *t = rule->threshold; t; t = t->next) {
		if (t->tenant && t->tenant != context->packet->tenant)
			continue;
		if (t->type == RULE_THRESHOLD_SUPPRESS && is_suppressed(context, t))
			return THRESHOLD_SILENT;
		own_limit |= t->tenant && t->type != RULE_THRESHOLD_SUPPRESS;
	}
	for (const struct rule_threshold *t = rule->threshold; t; t = t->next) {
		enum threshold_answer answer;
		bool changed;

		if (t->type == RULE_THRESHOLD_SUPPRESS || t->type == RULE_THRESHOLD_NONE)
			continue;
		if (t->tenant ? t->tenant != context->packet->tenant : own_limit)
			continue; /* somebody else's, or the common one in the place of which the tenant has its own */
		answer = t->track == RULE_TRACK_FLOW ? count_flow(context, rule, t, &changed)
						     : count_shared(context, rule, t, &changed);
		if (changed)
			change_action(context, t, alert);
		if (answer != THRESHOLD_ALERT)
			return answer;
	}
	return THRESHOLD_ALERT;
}
