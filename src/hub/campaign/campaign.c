// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/campaign-internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/intel/observable.h"

#define POSTING_IDS       8
#define POSTINGS_A_GROUP  48
#define CANDIDATES_MAX    64
#define PAYLOAD_ALIKE     0.7
#define STANDS_AFTER      4 /* detections before which every feature stands for its group */
#define STANDS_SHARE      0.3
#define CONFIRM_GROUPS    2
#define CONFIRM_EDGES     2
#define CONFIRM_SOURCES   3
#define CAMPAIGN_PATIENCE 4

const enum campaign_family campaign_families[CAMPAIGN_FEATURE_COUNT] = {
#define X(id, word, family, en, vi) family,
	CAMPAIGN_FEATURES(X)
#undef X
};

/* Groups that showed a feature lately, the newest over the oldest. */
struct posting {
	uint32_t ids[POSTING_IDS];
	uint32_t next;
};

/* The features of one detection. */
struct sketch {
	uint64_t hashes[CAMPAIGN_FEATURE_COUNT]; /* 0: has none */
	double bits[CAMPAIGN_FEATURE_COUNT];
	char labels[CAMPAIGN_FEATURE_COUNT][CAMPAIGN_LABEL_SIZE];
	uint64_t bands[MINHASH_BANDS];
	const struct minhash *payload;
};

void campaign_limits_default(struct campaign_limits *ret)
{
	*ret = (struct campaign_limits){
		.groups_max = 8192, .threshold_bits = 16, .feature_bits = 4, .quiet_s = 7 * 86400
	};
}

struct campaigns *campaigns_new(const struct campaign_limits *limits, struct siphash_key key)
{
	struct campaigns *campaigns = calloc(1, sizeof(*campaigns));

	if (!campaigns)
		return NULL;
	campaigns->limits = *limits;
	campaigns->key = key;
	campaigns->rarity = rarity_new(key);
	campaigns->groups = table_new(sizeof(uint32_t), sizeof(struct group *), limits->groups_max, key);
	campaigns->postings =
		table_new(sizeof(uint64_t), sizeof(struct posting), (size_t)limits->groups_max * POSTINGS_A_GROUP, key);
	campaigns->room[0] = calloc(1, sizeof(struct group));
	campaigns->room[1] = calloc(1, sizeof(struct group));
	if (!campaigns->rarity || !campaigns->groups || !campaigns->postings || !campaigns->room[0] ||
		!campaigns->room[1]) {
		campaigns_free(campaigns);
		return NULL;
	}
	return campaigns;
}

void campaigns_free(struct campaigns *campaigns)
{
	size_t pos = 0;
	void *value;

	if (!campaigns)
		return;
	while (campaigns->groups && table_next(campaigns->groups, &pos, NULL, &value))
		free(*(struct group **)value);
	table_free(campaigns->groups);
	table_free(campaigns->postings);
	rarity_free(campaigns->rarity);
	free(campaigns->room[0]);
	free(campaigns->room[1]);
	free(campaigns);
}

struct group *campaign_group(const struct campaigns *campaigns, uint32_t id)
{
	struct group **slot = table_find(campaigns->groups, &id);

	return slot ? *slot : NULL;
}

static void set_feature(const struct campaigns *campaigns, struct sketch *sketch, enum campaign_feature feature,
	const void *data, size_t size, const char *label)
{
	struct siphash_key key = { campaigns->key.k0 ^ (uint64_t)feature, campaigns->key.k1 };

	/* 0 means none. */
	sketch->hashes[feature] = siphash24(key, data, size) | 1;
	snprintf(sketch->labels[feature], CAMPAIGN_LABEL_SIZE, "%s", label);
}

static void set_text(
	struct campaigns *campaigns, struct sketch *sketch, enum campaign_feature feature, struct bytes text)
{
	char label[CAMPAIGN_LABEL_SIZE];
	size_t size = text.size < sizeof(label) - 1 ? text.size : sizeof(label) - 1;

	if (text.size == 0)
		return;
	for (size_t i = 0; i < size; i++)
		label[i] = (char)(text.ptr[i] >= ' ' && text.ptr[i] <= '~' ? text.ptr[i] : '?');
	label[size] = '\0';
	set_feature(campaigns, sketch, feature, text.ptr, text.size, label);
}

static void set_number(
	struct campaigns *campaigns, struct sketch *sketch, enum campaign_feature feature, uint64_t number)
{
	char label[CAMPAIGN_LABEL_SIZE];

	if (number == 0)
		return;
	snprintf(label, sizeof(label), "%llu", (unsigned long long)number);
	set_feature(campaigns, sketch, feature, &number, sizeof(number), label);
}

static void set_source(const struct campaigns *campaigns, struct sketch *sketch, const struct ip_addr *source)
{
	struct ip_addr addr = observable_fold(source);
	struct ip_prefix net = ip_prefix_around(&addr, addr.family == IP_V4 ? 24 : 48);
	struct ip_prefix own = ip_prefix_around(&addr, addr.family == IP_V4 ? 32 : 64);
	char label[IP_PREFIX_TEXT_SIZE];
	struct observable_key key = observable_key_of_prefix(&own);

	observable_key_text(&key, label);
	set_feature(campaigns, sketch, CAMPAIGN_SOURCE, &key, sizeof(key), label);
	key = observable_key_of_prefix(&net);
	observable_key_text(&key, label);
	set_feature(campaigns, sketch, CAMPAIGN_NET, &key, sizeof(key), label);
}

void campaign_source_hashes(
	const struct campaigns *campaigns, const struct ip_addr *source, uint64_t *ret_source, uint64_t *ret_net)
{
	struct sketch sketch;

	set_source(campaigns, &sketch, source);
	*ret_source = sketch.hashes[CAMPAIGN_SOURCE];
	*ret_net = sketch.hashes[CAMPAIGN_NET];
}

static void take_features(struct campaigns *campaigns, const struct campaign_detection *detection, struct sketch *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (detection->source.family != 0)
		set_source(campaigns, ret, &detection->source);
	set_number(campaigns, ret, CAMPAIGN_AS, detection->as_number);
	set_text(campaigns, ret, CAMPAIGN_JA4, detection->ja4);
	set_number(campaigns, ret, CAMPAIGN_RULE, detection->rule);
	set_text(campaigns, ret, CAMPAIGN_PATH, detection->path);
	set_number(campaigns, ret, CAMPAIGN_SERVICE, detection->port);
	ret->payload = detection->payload;
	for (unsigned int band = 0; ret->payload && band < MINHASH_BANDS; band++)
		ret->bands[band] = minhash_band(ret->payload, band);
	if (ret->payload)
		set_number(campaigns, ret, CAMPAIGN_PAYLOAD, ret->bands[0] | 1);
}

/* A payload is as rare as its commonest band. */
static void weigh_features(const struct campaigns *campaigns, struct sketch *sketch)
{
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		if (sketch->hashes[i] != 0 && i != CAMPAIGN_PAYLOAD)
			sketch->bits[i] = rarity_bits(campaigns->rarity, i, sketch->hashes[i]);
	}
	if (!sketch->payload)
		return;
	sketch->bits[CAMPAIGN_PAYLOAD] = RARITY_BITS_MAX;
	for (size_t band = 0; band < MINHASH_BANDS; band++)
		sketch->bits[CAMPAIGN_PAYLOAD] = fmin(sketch->bits[CAMPAIGN_PAYLOAD],
			rarity_bits(campaigns->rarity, CAMPAIGN_PAYLOAD, sketch->bands[band]));
}

void campaign_traffic(struct campaigns *campaigns, const struct campaign_detection *seen, uint32_t count)
{
	struct sketch sketch;

	take_features(campaigns, seen, &sketch);
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		if (sketch.hashes[i] != 0 && i != CAMPAIGN_PAYLOAD)
			rarity_add(campaigns->rarity, i, sketch.hashes[i], count);
	}
	for (size_t band = 0; sketch.payload && band < MINHASH_BANDS; band++)
		rarity_add(campaigns->rarity, CAMPAIGN_PAYLOAD, sketch.bands[band], count);
}

void campaign_traffic_age(struct campaigns *campaigns)
{
	rarity_age(campaigns->rarity);
}

bool campaign_feature_stands(const struct group *group, uint32_t count)
{
	return count != 0 && (group->detections <= STANDS_AFTER || count >= STANDS_SHARE * (double)group->detections);
}

static const struct kept_feature *find_kept(const struct group *group, unsigned int feature, uint64_t hash)
{
	for (size_t i = 0; i < CAMPAIGN_KEPT; i++) {
		if (group->features[feature][i].count != 0 && group->features[feature][i].hash == hash)
			return &group->features[feature][i];
	}
	return NULL;
}

static bool agrees(const struct group *group, const struct sketch *sketch, unsigned int feature)
{
	const struct kept_feature *kept;

	if (sketch->hashes[feature] == 0)
		return false;
	if (feature == CAMPAIGN_PAYLOAD)
		return group->has_payload && campaign_feature_stands(group, group->payload_count) &&
		       minhash_similarity(&group->payload, sketch->payload) >= PAYLOAD_ALIKE;
	kept = find_kept(group, feature, sketch->hashes[feature]);
	return kept && campaign_feature_stands(group, kept->count);
}

/* Bits of each family's rarest feature that both show, and their sum; 0 when fewer than two families agree. */
static double score(const struct campaigns *campaigns, const struct group *group, const struct sketch *sketch,
	double families[CAMPAIGN_FAMILY_COUNT])
{
	unsigned int agreeing = 0;
	double sum = 0;

	memset(families, 0, CAMPAIGN_FAMILY_COUNT * sizeof(*families));
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		double *family = &families[campaign_families[i]];

		if (sketch->bits[i] >= campaigns->limits.feature_bits && sketch->bits[i] > *family &&
			agrees(group, sketch, i))
			*family = sketch->bits[i];
	}
	for (size_t i = 0; i < CAMPAIGN_FAMILY_COUNT; i++) {
		agreeing += families[i] > 0;
		sum += families[i];
	}
	return agreeing >= 2 ? sum : 0;
}

static void post(struct campaigns *campaigns, uint64_t hash, uint32_t id)
{
	struct posting *posting = table_insert(campaigns->postings, &hash, NULL);

	if (!posting) {
		campaigns->stats.refused++;
		return;
	}
	for (size_t i = 0; i < POSTING_IDS; i++) {
		if (posting->ids[i] == id)
			return;
	}
	posting->ids[posting->next++ % POSTING_IDS] = id;
}

/* When the table is full of what nobody has any more, it is made anew from what the groups keep. */
void campaign_repost_all(struct campaigns *campaigns)
{
	size_t pos = 0;
	void *value;

	table_clear(campaigns->postings);
	while (table_next(campaigns->groups, &pos, NULL, &value)) {
		const struct group *group = *(struct group **)value;

		for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
			for (size_t j = 0; j < CAMPAIGN_KEPT; j++) {
				if (group->features[i][j].count != 0)
					post(campaigns, group->features[i][j].hash, group->id);
			}
		}
		for (unsigned int band = 0; group->has_payload && band < MINHASH_BANDS; band++)
			post(campaigns, minhash_band(&group->payload, band), group->id);
	}
}

static void post_all(struct campaigns *campaigns, const struct sketch *sketch, uint32_t id)
{
	if (table_count(campaigns->postings) + CAMPAIGN_FEATURE_COUNT + MINHASH_BANDS >
		(size_t)campaigns->limits.groups_max * POSTINGS_A_GROUP)
		campaign_repost_all(campaigns);
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		if (sketch->hashes[i] != 0 && sketch->bits[i] >= campaigns->limits.feature_bits)
			post(campaigns, sketch->hashes[i], id);
	}
	if (sketch->bits[CAMPAIGN_PAYLOAD] < campaigns->limits.feature_bits)
		return;
	for (size_t band = 0; band < MINHASH_BANDS; band++)
		post(campaigns, sketch->bands[band], id);
}

static size_t add_candidates(const struct campaigns *campaigns, uint64_t hash, struct group **ret, size_t count)
{
	const struct posting *posting = table_find(campaigns->postings, &hash);

	for (size_t i = 0; posting && i < POSTING_IDS && count < CANDIDATES_MAX; i++) {
		struct group *group = posting->ids[i] ? campaign_group(campaigns, posting->ids[i]) : NULL;
		size_t known = 0;

		while (known < count && ret[known] != group)
			known++;
		if (group && known == count)
			ret[count++] = group;
	}
	return count;
}

static size_t find_candidates(const struct campaigns *campaigns, const struct sketch *sketch, struct group **ret)
{
	size_t count = 0;

	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		if (sketch->hashes[i] != 0 && sketch->bits[i] >= campaigns->limits.feature_bits)
			count = add_candidates(campaigns, sketch->hashes[i], ret, count);
	}
	for (size_t band = 0; sketch->payload && band < MINHASH_BANDS; band++)
		count = add_candidates(campaigns, sketch->bands[band], ret, count);
	return count;
}

/* Takes a group out of its order; one that is in none stays as it is. */
static void leave_order(struct campaigns *campaigns, struct group *group)
{
	struct group_order *order = &campaigns->orders[group->campaign];

	if (order->quietest == group)
		order->quietest = group->louder;
	if (order->loudest == group)
		order->loudest = group->quieter;
	if (group->quieter)
		group->quieter->louder = group->louder;
	if (group->louder)
		group->louder->quieter = group->quieter;
	group->quieter = group->louder = NULL;
}

void campaign_heard(struct campaigns *campaigns, struct group *group)
{
	struct group_order *order = &campaigns->orders[group->campaign];

	leave_order(campaigns, group);
	group->quieter = order->loudest;
	if (order->loudest)
		order->loudest->louder = group;
	else
		order->quietest = group;
	order->loudest = group;
}

/* Its place in the other order is that of one that was just heard of. */
static void make_campaign(struct campaigns *campaigns, struct group *group)
{
	leave_order(campaigns, group);
	group->campaign = true;
	campaigns->stats.confirmed++;
	campaign_heard(campaigns, group);
}

static void take_out(struct campaigns *campaigns, struct group *group)
{
	uint32_t id = group->id;

	leave_order(campaigns, group);
	campaigns->stats.confirmed -= group->campaign;
	table_remove(campaigns->groups, &id);
}

static void remove_group(struct campaigns *campaigns, struct group *group)
{
	take_out(campaigns, group);
	free(group);
}

/* As new. Lists beyond their counts are zero already: where nothing belongs together, a group is needed for each detection. */
static void wipe(struct group *group)
{
	memset(group->sources, 0, group->source_count * sizeof(group->sources[0]));
	memset(group->tenants, 0, group->tenant_count * sizeof(group->tenants[0]));
	memset(group->groups, 0, group->group_count * sizeof(group->groups[0]));
	memset(group->edges, 0, group->edge_count * sizeof(group->edges[0]));
	memset(group->cells, 0, group->cell_count * sizeof(group->cells[0]));
	memset(group, 0, offsetof(struct group, sources));
	memset(&group->source_count, 0, offsetof(struct group, cells) - offsetof(struct group, source_count));
}

/* The group that was quiet for longest, wiped: campaigns only when there are no others; null when there is none. */
static struct group *evict(struct campaigns *campaigns)
{
	struct group *quietest = campaigns->orders[false].quietest;

	if (!quietest)
		quietest = campaigns->orders[true].quietest;
	if (quietest) {
		take_out(campaigns, quietest);
		wipe(quietest);
		campaigns->stats.evicted++;
	}
	return quietest;
}

static struct group *make_group(struct campaigns *campaigns)
{
	struct group *group = NULL, **slot;

	if (table_count(campaigns->groups) >= campaigns->limits.groups_max)
		group = evict(campaigns);
	if (!group)
		group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->id = ++campaigns->next_id;
	slot = table_insert(campaigns->groups, &group->id, NULL);
	if (!slot) {
		free(group);
		return NULL;
	}
	*slot = group;
	return group;
}

static void keep_feature(struct group *group, unsigned int feature, uint64_t hash, uint32_t count, const char *label)
{
	struct kept_feature *rows = group->features[feature], *place = &rows[0];

	for (size_t i = 0; i < CAMPAIGN_KEPT; i++) {
		if (rows[i].count != 0 && rows[i].hash == hash) {
			rows[i].count += count;
			return;
		}
		if (rows[i].count < place->count)
			place = &rows[i];
	}
	/* The rarest row gives way but lends its count away by one, so that a lasting feature is not pushed out by
	 * noise. */
	if (place->count > count) {
		place->count--;
		return;
	}
	place->hash = hash;
	place->count = count;
	memcpy(place->label, label, sizeof(place->label));
}

static bool add_number(uint32_t *numbers, uint32_t *count, uint32_t max, uint32_t number)
{
	for (uint32_t i = 0; i < *count; i++) {
		if (numbers[i] == number)
			return false;
	}
	if (*count < max)
		numbers[(*count)++] = number;
	return true;
}

/* True when the source is new to the group. */
static bool add_source(struct group *group, uint64_t hash)
{
	for (uint32_t i = 0; i < group->source_count; i++) {
		if (group->sources[i] == hash)
			return false;
	}
	if (group->source_count < CAMPAIGN_SOURCES_MAX)
		group->sources[group->source_count++] = hash;
	return true;
}

static void add_cell(struct group *group, const struct campaign_cell *in)
{
	struct campaign_cell *fresh;

	for (uint32_t i = 0; i < group->cell_count; i++) {
		struct campaign_cell *cell = &group->cells[i];

		if (cell->tenant != in->tenant || !ip_addr_equal(&cell->source, &in->source))
			continue;
		cell->first_us = in->first_us < cell->first_us ? in->first_us : cell->first_us;
		cell->last_us = in->last_us > cell->last_us ? in->last_us : cell->last_us;
		cell->count += in->count;
		return;
	}
	if (group->cell_count == CAMPAIGN_MATRIX_MAX) {
		group->cells_more += in->count;
		return;
	}
	/* Member by member: groups are saved as they lie in memory, and padding is to stay zero. */
	fresh = &group->cells[group->cell_count++];
	fresh->source = in->source;
	fresh->tenant = in->tenant;
	fresh->first_us = in->first_us;
	fresh->last_us = in->last_us;
	fresh->count = in->count;
}

/* The ring ends at the hour of 'last_us' from now on; what it forgets is forgotten. */
static void move_last(struct group *group, int64_t last_us)
{
	int64_t hour = group->last_us / CAMPAIGN_HOUR_US, last = last_us / CAMPAIGN_HOUR_US;

	if (last_us <= group->last_us)
		return;
	if (last - hour > CAMPAIGN_TREND)
		hour = last - CAMPAIGN_TREND;
	while (hour < last)
		group->trend[++hour % CAMPAIGN_TREND] = 0;
	group->last_us = last_us;
}

static void add_trend(struct group *group, int64_t hour, uint32_t count)
{
	if (group->last_us / CAMPAIGN_HOUR_US - hour < CAMPAIGN_TREND)
		group->trend[hour % CAMPAIGN_TREND] += count;
}

static void merge_trends(struct group *into, const struct group *from)
{
	int64_t last = from->last_us / CAMPAIGN_HOUR_US;

	move_last(into, from->last_us);
	for (int64_t hour = last < CAMPAIGN_TREND ? 0 : last - CAMPAIGN_TREND + 1; hour <= last; hour++)
		add_trend(into, hour, from->trend[hour % CAMPAIGN_TREND]);
}

/* What came through no edge is a voice for each group: numbers of edges are counted from below. */
static uint32_t edge_of(const struct campaign_detection *detection)
{
	return detection->edge ? detection->edge : UINT32_MAX - detection->group;
}

static bool put_in(struct group *group, const struct campaign_detection *detection, const struct sketch *sketch)
{
	const struct campaign_cell cell = { .source = observable_fold(&detection->source),
		.tenant = detection->tenant,
		.first_us = detection->time_us,
		.last_us = detection->time_us,
		.count = 1 };

	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		if (sketch->hashes[i] != 0 && i != CAMPAIGN_PAYLOAD)
			keep_feature(group, i, sketch->hashes[i], 1, sketch->labels[i]);
	}
	if (sketch->payload && !group->has_payload) {
		group->payload = *sketch->payload;
		group->has_payload = true;
	}
	group->payload_count +=
		sketch->payload && minhash_similarity(&group->payload, sketch->payload) >= PAYLOAD_ALIKE;
	if (group->detections == 0 || detection->time_us < group->first_us)
		group->first_us = detection->time_us;
	move_last(group, detection->time_us);
	add_trend(group, detection->time_us / CAMPAIGN_HOUR_US, 1);
	group->detections++;
	add_number(group->tenants, &group->tenant_count, CAMPAIGN_TENANTS_MAX, detection->tenant);
	add_number(group->groups, &group->group_count, CAMPAIGN_TENANTS_MAX, detection->group);
	add_number(group->edges, &group->edge_count, CAMPAIGN_TENANTS_MAX, edge_of(detection));
	add_cell(group, &cell);
	return add_source(group, sketch->hashes[CAMPAIGN_SOURCE]);
}

void campaign_absorb(struct group *into, const struct group *from)
{
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		for (size_t j = 0; j < CAMPAIGN_KEPT; j++) {
			const struct kept_feature *kept = &from->features[i][j];

			if (kept->count != 0)
				keep_feature(into, i, kept->hash, kept->count, kept->label);
		}
	}
	if (from->has_payload && !into->has_payload) {
		into->payload = from->payload;
		into->has_payload = true;
		into->payload_count = from->payload_count;
	} else if (from->has_payload && minhash_similarity(&into->payload, &from->payload) >= PAYLOAD_ALIKE) {
		into->payload_count += from->payload_count;
	}
	for (uint32_t i = 0; i < from->source_count; i++)
		add_source(into, from->sources[i]);
	for (uint32_t i = 0; i < from->tenant_count; i++)
		add_number(into->tenants, &into->tenant_count, CAMPAIGN_TENANTS_MAX, from->tenants[i]);
	for (uint32_t i = 0; i < from->group_count; i++)
		add_number(into->groups, &into->group_count, CAMPAIGN_TENANTS_MAX, from->groups[i]);
	for (uint32_t i = 0; i < from->edge_count; i++)
		add_number(into->edges, &into->edge_count, CAMPAIGN_TENANTS_MAX, from->edges[i]);
	for (uint32_t i = 0; i < from->cell_count; i++)
		add_cell(into, &from->cells[i]);
	into->first_us = from->first_us < into->first_us ? from->first_us : into->first_us;
	merge_trends(into, from);
	into->detections += from->detections;
	into->cells_more += from->cells_more;
}

/* Two groups turned out to be one. */
static void merge(struct campaigns *campaigns, struct group *into, struct group *from)
{
	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		for (size_t j = 0; j < CAMPAIGN_KEPT; j++) {
			if (from->features[i][j].count != 0)
				post(campaigns, from->features[i][j].hash, into->id);
		}
	}
	campaign_absorb(into, from);
	if (from->campaign && !into->campaign)
		make_campaign(campaigns, into);
	campaign_words_follow(campaigns, from->id, into->id);
	remove_group(campaigns, from);
	campaigns->stats.merged++;
}

/* Whose number stays when two become one: people know those of campaigns. */
static bool goes_before(const struct group *left, const struct group *right)
{
	return left->campaign != right->campaign ? left->campaign : left->id < right->id;
}

/* All candidates that reach the threshold become one, with the oldest campaign among them, or else the oldest. */
static struct group *choose(struct campaigns *campaigns, const struct sketch *sketch, bool *ret_fingerprint)
{
	struct group *candidates[CANDIDATES_MAX], *chosen = NULL;
	size_t count = find_candidates(campaigns, sketch, candidates);

	*ret_fingerprint = false;
	for (size_t i = 0; i < count; i++) {
		double families[CAMPAIGN_FAMILY_COUNT];
		struct group *from = candidates[i];

		if (score(campaigns, from, sketch, families) < campaigns->limits.threshold_bits)
			continue;
		if (from->campaign && families[CAMPAIGN_CLIENT] > 0 && families[CAMPAIGN_DOING] > 0 &&
			families[CAMPAIGN_CLIENT] + families[CAMPAIGN_DOING] >= campaigns->limits.threshold_bits)
			*ret_fingerprint = true;
		if (!chosen) {
			chosen = from;
			continue;
		}
		if (goes_before(from, chosen)) {
			from = chosen;
			chosen = candidates[i];
		}
		merge(campaigns, chosen, from);
	}
	return chosen;
}

/* Two of the groups were heard through two of the edges, or all would share one group or one edge. */
static bool is_confirmed(const struct group *group)
{
	return group->group_count >= CONFIRM_GROUPS && group->edge_count >= CONFIRM_EDGES &&
	       group->source_count >= CONFIRM_SOURCES;
}

int campaign_add(struct campaigns *campaigns, const struct campaign_detection *detection, struct campaign_result *ret)
{
	bool fingerprint, new_source;
	struct ip_addr source;
	struct sketch sketch;
	struct group *group;

	if (detection->tenant == 0 || detection->time_us < 0 ||
		(detection->source.family != IP_V4 && detection->source.family != IP_V6))
		return LUYTRE_E_INVALID;
	take_features(campaigns, detection, &sketch);
	weigh_features(campaigns, &sketch);
	group = choose(campaigns, &sketch, &fingerprint);
	*ret = (struct campaign_result){ .joined = group != NULL };
	if (!group)
		group = make_group(campaigns);
	if (!group)
		return LUYTRE_E_NOMEM;
	new_source = put_in(group, detection, &sketch);
	campaign_heard(campaigns, group);
	post_all(campaigns, &sketch, group->id);
	campaigns->stats.detections++;
	campaigns->stats.joined += ret->joined;
	source = observable_fold(&detection->source);
	ret->id = campaign_owner(campaigns, group->id, &source);
	ret->fingerprint = fingerprint && new_source;
	if (!group->campaign && is_confirmed(group)) {
		make_campaign(campaigns, group);
		ret->confirmed_now = true;
	}
	ret->campaign = group->campaign;
	return 0;
}

void campaigns_tick(struct campaigns *campaigns, int64_t now_us)
{
	const int64_t quiet_us = (int64_t)campaigns->limits.quiet_s * 1000000;
	struct group *gone[64];
	size_t count = 0, pos = 0;
	void *value;

	while (count < sizeof(gone) / sizeof(gone[0]) && table_next(campaigns->groups, &pos, NULL, &value)) {
		struct group *group = *(struct group **)value;

		if (now_us - group->last_us > (group->campaign ? CAMPAIGN_PATIENCE : 1) * quiet_us)
			gone[count++] = group;
	}
	for (size_t i = 0; i < count; i++)
		remove_group(campaigns, gone[i]);
	campaign_words_sweep(campaigns);
}

void campaigns_stats(const struct campaigns *campaigns, struct campaigns_stats *ret)
{
	*ret = campaigns->stats;
	ret->groups = table_count(campaigns->groups);
}
