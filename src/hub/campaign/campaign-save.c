// SPDX-License-Identifier: Apache-2.0
/* The state as bytes: a head, what was learned of traffic, the groups as they lie in memory, a checksum. It is read by the program that
 * wrote it, on the host that wrote it: sizes in the head tell another one. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hub/campaign/campaign-internal.h"

#define MAGIC "luytreC3"
/* Before people could merge and split: the same up to 'merge_count', which is where its head ends. */
#define MAGIC_WORDLESS "luytreC2"

struct head {
	char magic[8];
	uint64_t group_size, rarity_size, group_count;
	struct siphash_key key;
	struct campaigns_stats stats;
	uint64_t next_id;
	uint64_t merge_count, part_count;
};

#define HEAD_WORDLESS_SIZE offsetof(struct head, merge_count)

static size_t words_size(const struct head *head)
{
	return head->merge_count * sizeof(struct campaign_merged) + head->part_count * sizeof(struct campaign_part);
}

static const struct siphash_key sum_key = { 0x6c75797472654331, 0x63616d706169676e };

int campaigns_save(const struct campaigns *campaigns, uint8_t **ret_text, size_t *ret_size)
{
	struct bytes rarity = rarity_bytes(campaigns->rarity);
	struct head head = { .group_size = CAMPAIGN_GROUP_SAVED,
		.rarity_size = rarity.size,
		.group_count = table_count(campaigns->groups),
		.key = campaigns->key,
		.stats = campaigns->stats,
		.next_id = campaigns->next_id,
		.merge_count = campaigns->words.merge_count,
		.part_count = campaigns->words.part_count };
	size_t size = sizeof(head) + rarity.size + head.group_count * CAMPAIGN_GROUP_SAVED + words_size(&head), pos = 0;
	uint8_t *text = malloc(size + sizeof(uint64_t)), *at = text;
	uint64_t sum;
	void *value;

	if (!text)
		return LUYTRE_E_NOMEM;
	memcpy(head.magic, MAGIC, sizeof(head.magic));
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(at, rarity.ptr, rarity.size);
	at += rarity.size;
	while (table_next(campaigns->groups, &pos, NULL, &value)) {
		memcpy(at, *(struct group **)value, CAMPAIGN_GROUP_SAVED);
		at += CAMPAIGN_GROUP_SAVED;
	}
	memcpy(at, campaigns->words.merges, head.merge_count * sizeof(campaigns->words.merges[0]));
	at += head.merge_count * sizeof(campaigns->words.merges[0]);
	memcpy(at, campaigns->words.parts, head.part_count * sizeof(campaigns->words.parts[0]));
	at += head.part_count * sizeof(campaigns->words.parts[0]);
	sum = siphash24(sum_key, text, size);
	memcpy(at, &sum, sizeof(sum));
	*ret_text = text;
	*ret_size = size + sizeof(sum);
	return 0;
}

static bool group_is_sound(struct group *group)
{
	uint8_t campaign;

	memcpy(&campaign, &group->campaign, sizeof(campaign)); /* as a bool it could not be asked */
	for (size_t i = 0; i < CAMPAIGN_FEATURE_COUNT; i++) {
		for (size_t j = 0; j < CAMPAIGN_KEPT; j++)
			group->features[i][j].label[CAMPAIGN_LABEL_SIZE - 1] = '\0';
	}
	return campaign <= 1 && group->id != 0 && group->first_us >= 0 && group->last_us >= 0 &&
	       group->source_count <= CAMPAIGN_SOURCES_MAX && group->tenant_count <= CAMPAIGN_TENANTS_MAX &&
	       group->group_count <= CAMPAIGN_TENANTS_MAX && group->edge_count <= CAMPAIGN_TENANTS_MAX &&
	       group->cell_count <= CAMPAIGN_MATRIX_MAX;
}

static int take_group(struct campaigns *campaigns, const uint8_t *bytes)
{
	struct group *group = calloc(1, sizeof(*group)), **slot;
	bool created = false;

	if (!group)
		return LUYTRE_E_NOMEM;
	memcpy(group, bytes, CAMPAIGN_GROUP_SAVED);
	if (!group_is_sound(group) || group->id > campaigns->next_id) {
		free(group);
		return LUYTRE_E_CORRUPT;
	}
	slot = table_insert(campaigns->groups, &group->id, &created);
	if (!slot || !created) {
		free(group);
		return slot ? LUYTRE_E_CORRUPT : LUYTRE_E_NOMEM;
	}
	*slot = group;
	return 0;
}

static int take_words(struct campaigns *campaigns, const struct head *head, const uint8_t *bytes)
{
	struct words *words = &campaigns->words;

	words->merge_count = (uint32_t)head->merge_count;
	words->part_count = (uint32_t)head->part_count;
	memcpy(words->merges, bytes, head->merge_count * sizeof(words->merges[0]));
	memcpy(words->parts, bytes + head->merge_count * sizeof(words->merges[0]),
		head->part_count * sizeof(words->parts[0]));
	for (size_t i = 0; i < words->part_count; i++)
		if (words->parts[i].source_count > CAMPAIGN_PART_SOURCES_MAX)
			return LUYTRE_E_CORRUPT;
	return 0;
}

static int compare_last(const void *left, const void *right)
{
	const struct group *a = *(struct group *const *)left, *b = *(struct group *const *)right;

	return (a->last_us > b->last_us) - (a->last_us < b->last_us);
}

/* In the order of what they were last seen doing: who was heard of first is not saved. */
static int order_groups(struct campaigns *campaigns)
{
	struct group **groups = calloc(table_count(campaigns->groups) + 1, sizeof(struct group *));
	size_t count = 0, pos = 0;
	void *value;

	if (!groups)
		return LUYTRE_E_NOMEM;
	while (table_next(campaigns->groups, &pos, NULL, &value))
		groups[count++] = *(struct group **)value;
	qsort(groups, count, sizeof(struct group *), compare_last);
	for (size_t i = 0; i < count; i++)
		campaign_heard(campaigns, groups[i]);
	free(groups);
	return 0;
}

/* Of a head without words the rest is zeros: no merges, no parts. '*ret_size': of the head in the file. */
static int read_head(struct bytes text, struct head *ret, size_t *ret_size)
{
	memset(ret, 0, sizeof(*ret));
	*ret_size = sizeof(*ret);
	if (text.size >= sizeof(ret->magic) && memcmp(text.ptr, MAGIC_WORDLESS, sizeof(ret->magic)) == 0)
		*ret_size = HEAD_WORDLESS_SIZE;
	if (text.size < *ret_size + sizeof(uint64_t))
		return LUYTRE_E_CORRUPT;
	memcpy(ret, text.ptr, *ret_size);
	if (*ret_size == sizeof(*ret) && memcmp(ret->magic, MAGIC, sizeof(ret->magic)) != 0)
		return LUYTRE_E_VERSION;
	return ret->group_size == CAMPAIGN_GROUP_SAVED ? 0 : LUYTRE_E_VERSION;
}

static int check(const struct campaign_limits *limits, struct bytes text, struct head *head, size_t *ret_head_size)
{
	int error = read_head(text, head, ret_head_size);
	uint64_t sum;

	if (error)
		return error;
	memcpy(&sum, text.ptr + text.size - sizeof(sum), sizeof(sum));
	if (head->group_count > limits->groups_max || head->rarity_size > text.size ||
		head->merge_count > CAMPAIGN_MERGES_MAX || head->part_count > CAMPAIGN_PARTS_MAX ||
		text.size != *ret_head_size + head->rarity_size + head->group_count * CAMPAIGN_GROUP_SAVED +
				     words_size(head) + sizeof(sum) ||
		siphash24(sum_key, text.ptr, text.size - sizeof(sum)) != sum)
		return LUYTRE_E_CORRUPT;
	return 0;
}

int campaigns_load(const struct campaign_limits *limits, struct bytes text, struct campaigns **ret)
{
	struct campaigns *campaigns;
	struct head head;
	size_t head_size;
	int error = check(limits, text, &head, &head_size);

	if (error)
		return error;
	campaigns = campaigns_new(limits, head.key);
	if (!campaigns)
		return LUYTRE_E_NOMEM;
	campaigns->next_id = (uint32_t)head.next_id;
	campaigns->stats = head.stats;
	if (!rarity_restore(campaigns->rarity, bytes_of(text.ptr + head_size, head.rarity_size)))
		error = LUYTRE_E_VERSION;
	for (uint64_t i = 0; !error && i < head.group_count; i++)
		error = take_group(campaigns, text.ptr + head_size + head.rarity_size + i * CAMPAIGN_GROUP_SAVED);
	if (!error)
		error = take_words(campaigns, &head,
			text.ptr + head_size + head.rarity_size + head.group_count * CAMPAIGN_GROUP_SAVED);
	if (!error)
		error = order_groups(campaigns);
	if (error) {
		campaigns_free(campaigns);
		return error;
	}
	campaign_repost_all(campaigns);
	*ret = campaigns;
	return 0;
}

uint64_t campaigns_instance(const struct campaigns *campaigns)
{
	/* What people said of campaigns is kept under it: it stays the same whatever the file's form. */
	return siphash24(campaigns->key, MAGIC_WORDLESS, sizeof(MAGIC_WORDLESS) - 1) & INT64_MAX;
}
