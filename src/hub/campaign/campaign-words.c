// SPDX-License-Identifier: Apache-2.0
/* What people say of campaigns: which are one, which of their sources are another. A sighting counts under a number that is found by a walk: it
 * begins at the finder's group; where a part of the number that stands there has the source, it goes on to the part, else to what the number
 * was merged into, until neither is so. The walk ends: what would let it turn in circles is refused. */
#include <string.h>

#include "hub/campaign/campaign-internal.h"
#include "hub/intel/observable.h"

enum { STEPS_MAX = CAMPAIGN_MERGES_MAX + CAMPAIGN_PARTS_MAX };

static const struct campaign_merged *merged_of(const struct words *words, uint32_t id)
{
	for (uint32_t i = 0; i < words->merge_count; i++)
		if (words->merges[i].id == id)
			return &words->merges[i];
	return NULL;
}

static const struct campaign_part *part_of(const struct words *words, uint32_t id)
{
	for (uint32_t i = 0; i < words->part_count; i++)
		if (words->parts[i].id == id)
			return &words->parts[i];
	return NULL;
}

static bool has_source(const struct campaign_part *part, const struct ip_addr *source)
{
	for (uint32_t i = 0; i < part->source_count; i++)
		if (ip_addr_equal(&part->sources[i], source))
			return true;
	return false;
}

static const struct campaign_part *taken_by(const struct words *words, uint32_t of, const struct ip_addr *source)
{
	for (uint32_t i = 0; source && i < words->part_count; i++)
		if (words->parts[i].of == of && has_source(&words->parts[i], source))
			return &words->parts[i];
	return NULL;
}

/* Null: a sighting in no cell, or the number itself. 0: in circles. */
static uint32_t walk(const struct words *words, uint32_t id, const struct ip_addr *source)
{
	for (size_t steps = 0; steps <= STEPS_MAX; steps++) {
		const struct campaign_part *part = taken_by(words, id, source);
		const struct campaign_merged *merged = part ? NULL : merged_of(words, id);

		if (!part && !merged)
			return id;
		id = part ? part->id : merged->into;
	}
	return 0;
}

static bool in_circles(const struct words *words)
{
	for (uint32_t i = 0; i < words->merge_count; i++)
		if (!walk(words, words->merges[i].id, NULL))
			return true;
	for (uint32_t i = 0; i < words->part_count; i++)
		for (uint32_t j = 0; j < words->parts[i].source_count; j++)
			if (!walk(words, words->parts[i].of, &words->parts[i].sources[j]))
				return true;
	return false;
}

uint32_t campaign_current(const struct campaigns *campaigns, uint32_t id)
{
	return walk(&campaigns->words, id, NULL);
}

uint32_t campaign_owner(const struct campaigns *campaigns, uint32_t group, const struct ip_addr *source)
{
	return walk(&campaigns->words, group, source);
}

/* ---- As people see it ---- */

/* Groups of the finder that may have sightings under a number. */
struct origins {
	uint32_t ids[STEPS_MAX + 1];
	size_t count;
};

static void add_origin(struct origins *origins, uint32_t id)
{
	for (size_t i = 0; i < origins->count; i++)
		if (origins->ids[i] == id)
			return;
	if (origins->count < sizeof(origins->ids) / sizeof(origins->ids[0]))
		origins->ids[origins->count++] = id;
}

static void find_origins(const struct words *words, uint32_t id, struct origins *ret)
{
	ret->count = 0;
	add_origin(ret, id);
	for (size_t at = 0; at < ret->count; at++) {
		const struct campaign_part *part = part_of(words, ret->ids[at]);

		if (part)
			add_origin(ret, part->of);
		for (uint32_t i = 0; i < words->merge_count; i++)
			if (words->merges[i].into == ret->ids[at])
				add_origin(ret, words->merges[i].id);
	}
}

static uint32_t share_of(uint32_t count, uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (uint32_t)((count * part + whole / 2) / whole);
}

/* Of what a source alone shows, only what the sources that are kept show, as often as they were seen. */
static void recount(const struct campaigns *campaigns, const struct group *kept, struct kept_feature *row, bool net)
{
	uint64_t hashes[2], count = 0;

	for (uint32_t i = 0; i < kept->cell_count; i++) {
		campaign_source_hashes(campaigns, &kept->cells[i].source, &hashes[0], &hashes[1]);
		if (hashes[net] == row->hash)
			count += kept->cells[i].count;
	}
	row->count = count < row->count ? (uint32_t)count : row->count;
}

static void add_once(uint32_t *numbers, uint32_t *count, uint32_t number)
{
	for (uint32_t i = 0; i < *count; i++)
		if (numbers[i] == number)
			return;
	if (*count < CAMPAIGN_TENANTS_MAX)
		numbers[(*count)++] = number;
}

static void add_hash(struct group *group, uint64_t hash)
{
	for (uint32_t i = 0; i < group->source_count; i++)
		if (group->sources[i] == hash)
			return;
	if (group->source_count < CAMPAIGN_SOURCES_MAX)
		group->sources[group->source_count++] = hash;
}

/* What cells say of themselves. */
static void keep_cells(const struct campaigns *campaigns, const struct group *from, uint32_t owner, struct group *ret)
{
	ret->cell_count = ret->source_count = ret->tenant_count = 0;
	ret->detections = 0;
	ret->first_us = INT64_MAX;
	ret->last_us = 0;
	for (uint32_t i = 0; i < from->cell_count; i++) {
		const struct campaign_cell *cell = &from->cells[i];
		uint64_t source, net;

		if (campaign_owner(campaigns, from->id, &cell->source) != owner)
			continue;
		campaign_source_hashes(campaigns, &cell->source, &source, &net);
		ret->cells[ret->cell_count++] = *cell;
		add_hash(ret, source);
		add_once(ret->tenants, &ret->tenant_count, cell->tenant);
		ret->detections += cell->count;
		ret->first_us = cell->first_us < ret->first_us ? cell->first_us : ret->first_us;
		ret->last_us = cell->last_us > ret->last_us ? cell->last_us : ret->last_us;
	}
}

/* The part of a group that counts under a number, in '*ret'; false: nothing of it does. */
static bool cut(const struct campaigns *campaigns, const struct group *from, uint32_t owner, struct group *ret)
{
	bool rest = campaign_owner(campaigns, from->id, NULL) == owner; /* what is in no cell */

	memcpy(ret, from, sizeof(*ret));
	keep_cells(campaigns, from, owner, ret);
	if (rest && ret->cell_count == from->cell_count) {
		memcpy(ret, from, sizeof(*ret));
		return true;
	}
	ret->cells_more = rest ? from->cells_more : 0;
	ret->detections += ret->cells_more;
	if (ret->detections == 0)
		return false;
	if (rest && ret->cells_more) {
		ret->first_us = from->first_us;
		ret->last_us = from->last_us;
	}
	for (size_t i = 0; i < CAMPAIGN_TREND; i++) /* the ring ends at the hour of what is kept */
		ret->trend[i] = 0;
	for (int64_t hour = from->last_us / CAMPAIGN_HOUR_US, i = 0; i < CAMPAIGN_TREND; i++)
		if (hour - i <= ret->last_us / CAMPAIGN_HOUR_US && hour >= i)
			ret->trend[(hour - i) % CAMPAIGN_TREND] =
				share_of(from->trend[(hour - i) % CAMPAIGN_TREND], ret->detections, from->detections);
	ret->payload_count = share_of(from->payload_count, ret->detections, from->detections);
	for (size_t i = 0; i < CAMPAIGN_FEATURE_COUNT; i++)
		for (size_t j = 0; j < CAMPAIGN_KEPT; j++)
			if (i == CAMPAIGN_SOURCE || i == CAMPAIGN_NET)
				recount(campaigns, ret, &ret->features[i][j], i == CAMPAIGN_NET);
			else
				ret->features[i][j].count =
					share_of(from->features[i][j].count, ret->detections, from->detections);
	return true;
}

static bool is_touched(const struct words *words, uint32_t id)
{
	if (part_of(words, id) || merged_of(words, id))
		return true;
	for (uint32_t i = 0; i < words->merge_count; i++)
		if (words->merges[i].into == id)
			return true;
	for (uint32_t i = 0; i < words->part_count; i++)
		if (words->parts[i].of == id)
			return true;
	return false;
}

const struct group *campaign_shown(const struct campaigns *campaigns, uint32_t id)
{
	struct group *whole = campaigns->room[0], *piece = campaigns->room[1];
	struct origins origins;
	bool found = false;

	if (!is_touched(&campaigns->words, id))
		return campaign_group(campaigns, id);
	id = campaign_current(campaigns, id);
	find_origins(&campaigns->words, id, &origins);
	for (size_t i = 0; i < origins.count; i++) {
		const struct group *group = campaign_group(campaigns, origins.ids[i]);

		if (!group || !cut(campaigns, group, id, found ? piece : whole))
			continue;
		if (found) {
			campaign_absorb(whole, piece);
			whole->campaign = whole->campaign || piece->campaign;
		}
		found = true;
	}
	whole->id = id;
	return found ? whole : NULL;
}

/* ---- Saying it, and taking it back ---- */

int campaign_merge(struct campaigns *campaigns, uint32_t one, uint32_t other, uint32_t *ret, uint32_t *ret_gone)
{
	struct words *words = &campaigns->words;
	uint32_t left = campaign_current(campaigns, one), right = campaign_current(campaigns, other);

	if (!campaign_shown(campaigns, left) || !campaign_shown(campaigns, right))
		return LUYTRE_E_NOT_FOUND;
	if (left == right)
		return LUYTRE_E_INVALID;
	if (words->merge_count == CAMPAIGN_MERGES_MAX)
		return LUYTRE_E_FULL;
	*ret = left < right ? left : right;
	*ret_gone = left < right ? right : left;
	words->merges[words->merge_count++] = (struct campaign_merged){ *ret_gone, *ret };
	if (!in_circles(words))
		return 0;
	words->merge_count--;
	return LUYTRE_E_CONFLICT;
}

/* Whether each source has a cell, and others have one too. */
static int check_sources(const struct group *group, const struct campaign_part *part)
{
	bool others = group->cells_more != 0;

	for (uint32_t i = 0; i < part->source_count; i++) {
		bool found = false;

		for (uint32_t j = 0; j < group->cell_count && !found; j++)
			found = ip_addr_equal(&group->cells[j].source, &part->sources[i]);
		if (!found)
			return LUYTRE_E_NOT_FOUND;
	}
	for (uint32_t j = 0; j < group->cell_count && !others; j++)
		others = !has_source(part, &group->cells[j].source);
	return others ? 0 : LUYTRE_E_INVALID;
}

int campaign_split(struct campaigns *campaigns, uint32_t id, const struct ip_addr *sources, size_t count, uint32_t *ret)
{
	struct words *words = &campaigns->words;
	const struct group *group = campaign_shown(campaigns, id);
	struct campaign_part *part = &words->parts[words->part_count];
	int error;

	if (!group)
		return LUYTRE_E_NOT_FOUND;
	if (count == 0)
		return LUYTRE_E_INVALID;
	if (words->part_count == CAMPAIGN_PARTS_MAX || count > CAMPAIGN_PART_SOURCES_MAX)
		return LUYTRE_E_FULL;
	memset(part, 0, sizeof(*part)); /* it is saved as it lies in memory */
	part->of = group->id;
	for (size_t i = 0; i < count; i++) {
		struct ip_addr source = observable_fold(&sources[i]);

		if (!has_source(part, &source))
			part->sources[part->source_count++] = source;
	}
	error = check_sources(group, part);
	if (error)
		return error;
	part->id = *ret = ++campaigns->next_id;
	words->part_count++;
	return 0;
}

static void forget_merge(struct words *words, uint32_t at)
{
	memmove(&words->merges[at], &words->merges[at + 1], (--words->merge_count - at) * sizeof(words->merges[0]));
}

static void forget_part(struct words *words, uint32_t at)
{
	memmove(&words->parts[at], &words->parts[at + 1], (--words->part_count - at) * sizeof(words->parts[0]));
}

bool campaign_has_word(const struct campaigns *campaigns, uint32_t id, uint32_t word)
{
	const struct campaign_merged *merged = merged_of(&campaigns->words, word);
	const struct campaign_part *part = part_of(&campaigns->words, word);

	return (merged && merged->into == id) || (part && part->of == id);
}

int campaign_take_back(struct campaigns *campaigns, uint32_t id, uint32_t word)
{
	struct words *words = &campaigns->words;

	for (uint32_t i = 0; i < words->merge_count; i++) {
		if (words->merges[i].id != word || words->merges[i].into != id)
			continue;
		forget_merge(words, i);
		return 0;
	}
	for (uint32_t i = 0; i < words->part_count; i++) {
		if (words->parts[i].id != word || words->parts[i].of != id)
			continue;
		/* What leads into the part, and what the part leads to, has nothing to stand on any more. */
		for (uint32_t j = words->merge_count; j > 0; j--)
			if (words->merges[j - 1].id == word || words->merges[j - 1].into == word)
				forget_merge(words, j - 1);
		forget_part(words, i);
		campaign_words_sweep(campaigns);
		return 0;
	}
	return LUYTRE_E_NOT_FOUND;
}

void campaign_words(const struct campaigns *campaigns, uint32_t id, struct campaign_words *ret)
{
	const struct words *words = &campaigns->words;
	const struct campaign_part *part = part_of(words, id);

	memset(ret, 0, sizeof(*ret));
	ret->split_from = part ? part->of : 0;
	for (uint32_t i = 0; i < words->merge_count && ret->merged_count < CAMPAIGN_WORDS_SHOWN; i++)
		if (words->merges[i].into == id)
			ret->merged[ret->merged_count++] = words->merges[i].id;
	for (uint32_t i = 0; i < words->part_count && ret->part_count < CAMPAIGN_WORDS_SHOWN; i++)
		if (words->parts[i].of == id)
			ret->parts[ret->part_count++] = words->parts[i].id;
}

/* ---- When the finder changes what stands underneath ---- */

void campaign_words_follow(struct campaigns *campaigns, uint32_t from, uint32_t into)
{
	struct words *words = &campaigns->words;

	for (uint32_t i = words->merge_count; i > 0; i--) {
		struct campaign_merged *merged = &words->merges[i - 1];

		if (merged->into == from)
			merged->into = into;
		if (merged->id == from || merged->id == merged->into)
			forget_merge(words, i - 1);
	}
	for (uint32_t i = 0; i < words->part_count; i++)
		if (words->parts[i].of == from)
			words->parts[i].of = into;
	/* The newest words give way: each that is taken out breaks a circle or lets the next be tried. */
	while (words->merge_count && in_circles(words))
		forget_merge(words, words->merge_count - 1);
}

static bool has_origin(const struct campaigns *campaigns, uint32_t id)
{
	struct origins origins;

	find_origins(&campaigns->words, id, &origins);
	for (size_t i = 0; i < origins.count; i++)
		if (campaign_group(campaigns, origins.ids[i]))
			return true;
	return false;
}

void campaign_words_sweep(struct campaigns *campaigns)
{
	struct words *words = &campaigns->words;

	for (uint32_t i = words->part_count; i > 0; i--)
		if (!has_origin(campaigns, words->parts[i - 1].of))
			forget_part(words, i - 1);
	for (uint32_t i = words->merge_count; i > 0; i--)
		if (!has_origin(campaigns, words->merges[i - 1].id))
			forget_merge(words, i - 1);
}
