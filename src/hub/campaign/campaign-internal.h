// SPDX-License-Identifier: Apache-2.0
/* What campaign.c (finding) and campaign-view.c (showing) share. */
#pragma once

#include "base/table.h"
#include "hub/campaign/campaign.h"
#include "hub/campaign/rarity.h"

#define CAMPAIGN_HOUR_US INT64_C(3600000000)

struct kept_feature {
	uint64_t hash;
	uint32_t count; /* detections of the group that showed it */
	char label[CAMPAIGN_LABEL_SIZE];
};

/* Detections that belong together. */
struct group {
	uint32_t id;
	bool campaign;
	int64_t first_us, last_us;
	uint64_t detections, cells_more;
	struct kept_feature features[CAMPAIGN_FEATURE_COUNT][CAMPAIGN_KEPT];
	struct minhash payload; /* of the first detection that had one */
	bool has_payload;
	uint32_t payload_count;
	uint64_t sources[CAMPAIGN_SOURCES_MAX]; /* hashes */
	uint32_t tenants[CAMPAIGN_TENANTS_MAX], groups[CAMPAIGN_TENANTS_MAX], edges[CAMPAIGN_TENANTS_MAX];
	uint32_t source_count, tenant_count, group_count, edge_count, cell_count;
	uint32_t trend[CAMPAIGN_TREND]; /* a ring: by hour since 1970, up to that of last_us */
	struct campaign_cell cells[CAMPAIGN_MATRIX_MAX];
	/* From here on not saved. */
	struct group *quieter, *louder; /* its neighbours in the order in which they were heard of; null at the ends */
};

#define CAMPAIGN_GROUP_SAVED offsetof(struct group, quieter)

/* Groups in the order in which they were heard of. */
struct group_order {
	struct group *quietest, *loudest; /* null: none */
};

/* A person's words (campaign-words.c). */
struct campaign_merged {
	uint32_t id, into;
};
struct campaign_part {
	uint32_t id, of;
	uint32_t source_count;
	struct ip_addr sources[CAMPAIGN_PART_SOURCES_MAX]; /* folded */
};
struct words {
	uint32_t merge_count, part_count;
	struct campaign_merged merges[CAMPAIGN_MERGES_MAX];
	struct campaign_part parts[CAMPAIGN_PARTS_MAX];
};

struct campaigns {
	struct campaign_limits limits;
	struct siphash_key key;
	struct rarity *rarity; /* owned */
	struct table *groups; /* owned: id to struct group pointer (owned) */
	struct group_order orders[2]; /* by struct group.campaign: who goes when there is no room */
	struct table *postings; /* owned: feature hash to struct posting */
	uint32_t next_id;
	struct campaigns_stats stats;
	struct words words;
	struct group *room[2]; /* owned: a campaign as people see it is put together here */
};

extern const enum campaign_family campaign_families[CAMPAIGN_FEATURE_COUNT];

/* Puts the features of every group into the postings anew. */
void campaign_repost_all(struct campaigns *campaigns);

struct group *campaign_group(const struct campaigns *campaigns, uint32_t id);
/* As people see it: the group itself, or one put together in the room, which the next call uses again; null: there is none. */
const struct group *campaign_shown(const struct campaigns *campaigns, uint32_t id);
/* Under which number a sighting of this group from this (folded) source counts. */
uint32_t campaign_owner(const struct campaigns *campaigns, uint32_t group, const struct ip_addr *source);
/* The finder has put 'from' into 'into': words about the one are words about the other. */
void campaign_words_follow(struct campaigns *campaigns, uint32_t from, uint32_t into);
/* Forgets words about what is gone. */
void campaign_words_sweep(struct campaigns *campaigns);
/* Adds all that is known of one to another, which stays its number. */
void campaign_absorb(struct group *into, const struct group *from);
/* Hashes of the features that a source alone shows. */
void campaign_source_hashes(
	const struct campaigns *campaigns, const struct ip_addr *source, uint64_t *ret_source, uint64_t *ret_net);
/* The group was heard of just now: it is the last to go. A new one, of no order yet, enters. */
void campaign_heard(struct campaigns *campaigns, struct group *group);
/* Share of a group's detections that must show a feature before it stands for the group. */
bool campaign_feature_stands(const struct group *group, uint32_t count);
