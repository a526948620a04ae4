// SPDX-License-Identifier: Apache-2.0
#include "hub/campaign/campaign-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WEIGHT_SERVICE 0.5 /* exposes what is being attacked */
#define WEIGHT_SECTOR  0.3
#define WEIGHT_TAGS    0.2

static const char *const feature_words[CAMPAIGN_FEATURE_COUNT][2] = {
#define X(id, word, family, en, vi) { en, vi },
	CAMPAIGN_FEATURES(X)
#undef X
};

static void add_tie(
	struct campaign_info *info, enum campaign_feature feature, double bits, double share, const char *label)
{
	struct campaign_tie tie = { .feature = feature, .bits = bits, .share = share < 1 ? share : 1 };
	size_t at = info->tie_count++;

	snprintf(tie.label, sizeof(tie.label), "%s", label);
	while (at > 0 && info->ties[at - 1].bits < bits) {
		info->ties[at] = info->ties[at - 1];
		at--;
	}
	info->ties[at] = tie;
}

static double payload_bits(const struct campaigns *campaigns, const struct minhash *payload)
{
	double least = RARITY_BITS_MAX;

	for (unsigned int band = 0; band < MINHASH_BANDS; band++) {
		double bits = rarity_bits(campaigns->rarity, CAMPAIGN_PAYLOAD, minhash_band(payload, band));

		least = bits < least ? bits : least;
	}
	return least;
}

static void add_ties(const struct campaigns *campaigns, const struct group *group, struct campaign_info *info)
{
	double detections = (double)group->detections, bits;

	for (unsigned int i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		const struct kept_feature *best = &group->features[i][0];

		for (size_t j = 1; j < CAMPAIGN_KEPT; j++) {
			if (group->features[i][j].count > best->count)
				best = &group->features[i][j];
		}
		bits = best->count ? rarity_bits(campaigns->rarity, i, best->hash) : 0;
		/* What one detection alone shows ties nothing. */
		if (best->count >= 2 && campaign_feature_stands(group, best->count) &&
			bits >= campaigns->limits.feature_bits)
			add_tie(info, (enum campaign_feature)i, bits, best->count / detections, best->label);
	}
	bits = group->has_payload ? payload_bits(campaigns, &group->payload) : 0;
	if (group->payload_count >= 2 && campaign_feature_stands(group, group->payload_count) &&
		bits >= campaigns->limits.feature_bits)
		add_tie(info, CAMPAIGN_PAYLOAD, bits, group->payload_count / detections, "");
}

int campaign_find(const struct campaigns *campaigns, uint32_t id, struct campaign_info *ret)
{
	const struct group *group = campaign_shown(campaigns, id);

	if (!group)
		return LUYTRE_E_NOT_FOUND;
	*ret = (struct campaign_info){ .id = group->id,
		.first_us = group->first_us,
		.last_us = group->last_us,
		.detections = group->detections,
		.sources = group->source_count,
		.tenants = group->tenant_count,
		.groups = group->group_count,
		.campaign = group->campaign };
	for (int64_t i = 0; i < CAMPAIGN_TREND; i++)
		ret->trend[i] = group->trend[(group->last_us / CAMPAIGN_HOUR_US + 1 + i) % CAMPAIGN_TREND];
	add_ties(campaigns, group, ret);
	return 0;
}

static int compare_cells(const void *left, const void *right)
{
	const struct campaign_cell *a = left, *b = right;

	return (a->first_us > b->first_us) - (a->first_us < b->first_us);
}

size_t campaign_matrix(
	const struct campaigns *campaigns, uint32_t id, struct campaign_cell *ret, size_t max, uint64_t *ret_more)
{
	const struct group *group = campaign_shown(campaigns, id);
	struct campaign_cell cells[CAMPAIGN_MATRIX_MAX];
	size_t count = group ? group->cell_count : 0;
	uint64_t more = group ? group->cells_more : 0;

	if (count != 0) {
		memcpy(cells, group->cells, count * sizeof(cells[0]));
		qsort(cells, count, sizeof(cells[0]), compare_cells);
	}
	for (size_t i = 0; i < count; i++) {
		if (i < max)
			ret[i] = cells[i];
		else
			more += cells[i].count;
	}
	if (ret_more)
		*ret_more = more;
	return count < max ? count : max;
}

/* Numbers that stand for themselves, one at each call, from '*pos' 0 on; 0: there is no other. */
static uint32_t next_number(const struct campaigns *campaigns, size_t *pos, uint32_t *part)
{
	void *value;

	while (table_next(campaigns->groups, pos, NULL, &value)) {
		uint32_t id = (*(struct group **)value)->id;

		if (campaign_current(campaigns, id) == id)
			return id;
	}
	while (*part < campaigns->words.part_count) {
		uint32_t id = campaigns->words.parts[(*part)++].id;

		if (campaign_current(campaigns, id) == id)
			return id;
	}
	return 0;
}

size_t campaign_list(const struct campaigns *campaigns, uint32_t *ret, size_t max)
{
	size_t count = 0, pos = 0;
	uint32_t part = 0, id;

	while ((id = next_number(campaigns, &pos, &part))) {
		const struct group *group = campaign_shown(campaigns, id);
		int64_t last_us = group ? group->last_us : 0;
		size_t at = count;

		if (!group || !group->campaign)
			continue;
		while (at > 0 && campaign_shown(campaigns, ret[at - 1])->last_us < last_us)
			at--;
		if (at == max)
			continue;
		count += count < max;
		memmove(ret + at + 1, ret + at, (count - at - 1) * sizeof(*ret));
		ret[at] = id;
	}
	return count;
}

size_t campaign_page(const struct campaigns *campaigns, uint32_t before, uint32_t *ret, size_t max)
{
	size_t count = 0, pos = 0;
	uint32_t part = 0, id;

	while ((id = next_number(campaigns, &pos, &part))) {
		const struct group *group = before && id >= before ? NULL : campaign_shown(campaigns, id);
		size_t low = 0, high = count;

		if (!group || (!group->campaign && group->tenant_count < 2 && group->source_count < 3))
			continue;
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (ret[middle] > id)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == max)
			continue;
		count += count < max;
		memmove(ret + low + 1, ret + low, (count - low - 1) * sizeof(*ret));
		ret[low] = id;
	}
	return count;
}

size_t campaign_tenants(const struct campaigns *campaigns, uint32_t id, uint32_t ret[CAMPAIGN_TENANTS_MAX])
{
	const struct group *group = campaign_shown(campaigns, id);

	if (!group)
		return 0;
	memcpy(ret, group->tenants, group->tenant_count * sizeof(*ret));
	return group->tenant_count;
}

static const char *bucket(uint32_t count)
{
	return count >= 10 ? "10+" : count >= 5 ? "5-9" : count >= 2 ? "2-4" : "1";
}

int campaign_explain(
	const struct campaigns *campaigns, uint32_t id, enum luytre_lang lang, char *text, size_t text_size)
{
	bool vi = lang == LUYTRE_LANG_VI;
	struct campaign_info info;
	struct tm parts = { 0 };
	time_t seconds;
	char since[32];
	size_t size;
	int error = campaign_find(campaigns, id, &info);

	if (error)
		return error;
	seconds = (time_t)(info.first_us / 1000000);
	gmtime_r(&seconds, &parts);
	strftime(since, sizeof(since), "%Y-%m-%d %H:%M", &parts);
	size = (size_t)snprintf(text, text_size,
		vi ? "Chiến dịch %u: %u nguồn tấn công %s tổ chức từ %s UTC; điểm chung: "
		   : "Campaign %u: %u sources hit %s organisations since %s UTC; what ties them: ",
		info.id, info.sources, bucket(info.tenants), since);
	for (size_t i = 0; i < info.tie_count && size < text_size; i++) {
		const struct campaign_tie *tie = &info.ties[i];

		size += (size_t)snprintf(text + size, text_size - size, "%s%s%s%s (%.1f bit)", i == 0 ? "" : "; ",
			feature_words[tie->feature][vi], tie->label[0] ? " " : "", tie->label, tie->bits);
	}
	if (info.tie_count == 0 && size < text_size)
		size += (size_t)snprintf(text + size, text_size - size, "%s", vi ? "chưa có" : "nothing yet");
	if (size < text_size)
		size += (size_t)snprintf(text + size, text_size - size, ".");
	return size >= text_size ? LUYTRE_E_FULL : 0;
}

/* What the tenants that were hit have in common, for comparing others with them. */
struct likeness {
	const struct campaign_profile *hit[CAMPAIGN_TENANTS_MAX];
	size_t hit_count;
	uint64_t tags; /* that all of them have */
	uint16_t ports[CAMPAIGN_KEPT]; /* that are attacked; 0: none */
};

static bool is_hit(const struct group *group, uint32_t tenant)
{
	for (uint32_t i = 0; i < group->tenant_count; i++) {
		if (group->tenants[i] == tenant)
			return true;
	}
	return false;
}

static void find_ports(const struct group *group, struct likeness *ret)
{
	for (size_t i = 0; i < CAMPAIGN_KEPT; i++) {
		const struct kept_feature *kept = &group->features[CAMPAIGN_SERVICE][i];

		if (kept->count && campaign_feature_stands(group, kept->count))
			ret->ports[i] = (uint16_t)strtoul(kept->label, NULL, 10);
	}
}

static bool exposes(const struct likeness *likeness, const struct campaign_profile *profile)
{
	for (size_t i = 0; i < CAMPAIGN_PORTS_MAX && profile->ports[i] != 0; i++) {
		for (size_t j = 0; j < CAMPAIGN_KEPT; j++) {
			if (likeness->ports[j] == profile->ports[i])
				return true;
		}
	}
	return false;
}

static struct campaign_likely judge(const struct likeness *likeness, const struct campaign_profile *profile)
{
	struct campaign_likely likely = { .tenant = profile->tenant };
	size_t same = 0;

	for (size_t i = 0; i < likeness->hit_count; i++)
		same += profile->sector != 0 && likeness->hit[i]->sector == profile->sector;
	likely.same_service = exposes(likeness, profile);
	likely.same_sector = same != 0;
	likely.same_tags = (likeness->tags & profile->tags) != 0;
	likely.score = WEIGHT_SERVICE * likely.same_service;
	if (likeness->hit_count != 0)
		likely.score += WEIGHT_SECTOR * (double)same / (double)likeness->hit_count;
	if (likeness->tags != 0)
		likely.score += WEIGHT_TAGS * __builtin_popcountll(likeness->tags & profile->tags) /
				__builtin_popcountll(likeness->tags);
	return likely;
}

size_t campaign_next(const struct campaigns *campaigns, uint32_t id, const struct campaign_profile *profiles,
	size_t profile_count, struct campaign_likely *ret, size_t max)
{
	const struct group *group = campaign_shown(campaigns, id);
	struct likeness likeness = { .tags = UINT64_MAX };
	size_t count = 0;

	if (!group || max == 0)
		return 0;
	for (size_t i = 0; i < profile_count && likeness.hit_count < CAMPAIGN_TENANTS_MAX; i++) {
		if (!is_hit(group, profiles[i].tenant))
			continue;
		likeness.hit[likeness.hit_count++] = &profiles[i];
		likeness.tags &= profiles[i].tags;
	}
	find_ports(group, &likeness);
	if (likeness.hit_count == 0)
		likeness.tags = 0;
	for (size_t i = 0; i < profile_count; i++) {
		struct campaign_likely likely = judge(&likeness, &profiles[i]);
		size_t at = count;

		if (likely.score <= 0 || is_hit(group, likely.tenant))
			continue;
		while (at > 0 && ret[at - 1].score < likely.score)
			at--;
		if (at == max)
			continue;
		count += count < max;
		memmove(ret + at + 1, ret + at, (count - at - 1) * sizeof(*ret));
		ret[at] = likely;
	}
	return count;
}
