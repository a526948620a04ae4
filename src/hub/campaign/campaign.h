// SPDX-License-Identifier: Apache-2.0
/* Campaigns: detections of several tenants that belong together, found by themselves (exchange rules, 10.7).
 *
 * Each detection has features in three families: where it comes from (address, network, AS), with what (JA4 of the
 * client), and what it does (rule, path template, service, MinHash of the payload). It joins a group of earlier ones
 * when features of two families agree, each rare enough in all traffic to mean something, and their rarities together
 * reach a threshold; one family alone never does, for its features depend on each other. Features that only a few of a
 * group's detections show do not count, so that groups do not grow by chains.
 *
 * A group seen by two independence groups, through two edges, and from three sources is a *campaign*: all that one edge
 * says is one voice, whichever tenants it names. From then on a new source that shows both its client and its doing is
 * reported with engine_report.fingerprint.
 *
 * Rarity is learned from traffic that the caller tells of (campaign_traffic): ordinary traffic, not the detections.
 * Until then everything is common and nothing joins. Memory is bounded by the limits; at the ceiling the group that was
 * quiet for longest goes, campaigns last. Times are microseconds since 1970. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/net.h"
#include "base/siphash.h"
#include "hub/campaign/minhash.h"

/* X(identifier, word, family, English, Vietnamese) */
#define CAMPAIGN_FEATURES(X)                                                                                           \
	X(SOURCE, "source", CAMPAIGN_NETWORK, "the address", "địa chỉ")                                                \
	X(NET, "net", CAMPAIGN_NETWORK, "the network", "dải mạng")                                                     \
	X(AS, "as", CAMPAIGN_NETWORK, "the autonomous system", "hệ thống tự trị")                                      \
	X(JA4, "ja4", CAMPAIGN_CLIENT, "the client fingerprint", "dấu vân máy khách")                                  \
	X(RULE, "rule", CAMPAIGN_DOING, "the rule", "luật")                                                            \
	X(PATH, "path", CAMPAIGN_DOING, "the path", "đường dẫn")                                                       \
	X(SERVICE, "service", CAMPAIGN_DOING, "the service port", "cổng dịch vụ")                                      \
	X(PAYLOAD, "payload", CAMPAIGN_DOING, "a payload of the same shape", "nội dung cùng dạng")

enum campaign_family { CAMPAIGN_NETWORK, CAMPAIGN_CLIENT, CAMPAIGN_DOING, CAMPAIGN_FAMILY_COUNT };

enum campaign_feature {
#define X(id, word, family, en, vi) CAMPAIGN_##id,
	CAMPAIGN_FEATURES(X)
#undef X
		CAMPAIGN_FEATURE_COUNT
};

enum {
	CAMPAIGN_LABEL_SIZE = 64,
	CAMPAIGN_KEPT = 4, /* features of one kind kept for a group */
	CAMPAIGN_TIES_MAX = CAMPAIGN_FEATURE_COUNT,
	CAMPAIGN_MATRIX_MAX = 256, /* cells source x tenant kept for a campaign; more are counted only */
	CAMPAIGN_SOURCES_MAX = 256,
	CAMPAIGN_TENANTS_MAX = 64,
	CAMPAIGN_PORTS_MAX = 8,
	CAMPAIGN_TREND = 24, /* hours */
};

struct campaign_limits {
	uint32_t groups_max; /* 18 KiB each */
	double threshold_bits; /* sum of rarities to join: 16 */
	double feature_bits; /* below this a feature means nothing: 4 */
	uint32_t quiet_s; /* a group without detections is forgotten: 7 days, campaigns four times that */
};

struct campaign_detection {
	int64_t time_us;
	uint32_t tenant, group; /* group: independence group of the tenant (reporters_group) */
	uint32_t edge; /* that saw it; 0: none, a voice for each group */
	struct ip_addr source;
	uint32_t as_number; /* 0: not known */
	struct bytes ja4; /* empty: none; likewise below */
	uint64_t rule; /* 0: none */
	struct bytes path; /* template, such as /user/{n}/edit; never a query */
	uint16_t port; /* 0: not known */
	const struct minhash *payload; /* null: none */
};

struct campaign_result {
	uint32_t id; /* under which it counts */
	bool joined; /* an earlier group; else it is a new one */
	bool campaign; /* two groups, two edges and three sources */
	bool confirmed_now; /* became a campaign by this detection */
	bool fingerprint; /* a new source that shows client and doing of a campaign */
};

struct campaigns;

void campaign_limits_default(struct campaign_limits *ret);
struct campaigns *campaigns_new(const struct campaign_limits *limits, struct siphash_key key); /* null without memory */
void campaigns_free(struct campaigns *campaigns); /* accepts null */

/* Ordinary traffic: 'count' requests or connections that show what stands in 'seen' (tenant and time are not read). */
void campaign_traffic(struct campaigns *campaigns, const struct campaign_detection *seen, uint32_t count);
/* Halves what was learned: call it once a day. */
void campaign_traffic_age(struct campaigns *campaigns);

/* Puts a detection where it belongs. 0, LUYTRE_E_INVALID (no source or tenant), LUYTRE_E_NOMEM. */
MUST_CHECK int campaign_add(
	struct campaigns *campaigns, const struct campaign_detection *detection, struct campaign_result *ret);

struct campaign_tie {
	enum campaign_feature feature;
	double bits;
	double share; /* of the detections that show it */
	char label[CAMPAIGN_LABEL_SIZE];
};

struct campaign_info {
	uint32_t id;
	int64_t first_us, last_us;
	uint64_t detections;
	uint32_t sources, tenants, groups; /* counted up to the ceilings above */
	bool campaign;
	uint32_t trend[CAMPAIGN_TREND]; /* detections in each of the last hours before 'last_us', its own hour last */
	size_t tie_count;
	struct campaign_tie
		ties[CAMPAIGN_TIES_MAX]; /* the strongest of each kind that most detections share, rarest first */
};

/* One cell of the matrix source x tenant. */
struct campaign_cell {
	struct ip_addr source;
	uint32_t tenant;
	int64_t first_us, last_us;
	uint64_t count;
};

MUST_CHECK int campaign_find(const struct campaigns *campaigns, uint32_t id, struct campaign_info *ret);
/* In order of the first time; returns how many, '*ret_more' (may be null) how many detections are in no cell. */
size_t campaign_matrix(
	const struct campaigns *campaigns, uint32_t id, struct campaign_cell *ret, size_t max, uint64_t *ret_more);
/* Ids of campaigns (not of mere groups), the latest first. */
size_t campaign_list(const struct campaigns *campaigns, uint32_t *ret, size_t max);
/* Ids below 'before' (0: any) of campaigns and of groups that may become one: two tenants or three sources. The youngest first. */
size_t campaign_page(const struct campaigns *campaigns, uint32_t before, uint32_t *ret, size_t max);
/* The tenants that were hit, at most CAMPAIGN_TENANTS_MAX; returns how many. */
size_t campaign_tenants(const struct campaigns *campaigns, uint32_t id, uint32_t ret[CAMPAIGN_TENANTS_MAX]);

/* One sentence: how large, since when, and what ties them. No tenant is named: counts come as 1, 2-4, 5-9, 10+.
 * LUYTRE_E_NOT_FOUND, LUYTRE_E_FULL (text cut). */
MUST_CHECK int campaign_explain(
	const struct campaigns *campaigns, uint32_t id, enum luytre_lang lang, char *text, size_t text_size);

/* What is known of a tenant, to tell who is next. */
struct campaign_profile {
	uint32_t tenant;
	uint32_t sector; /* 0: not known */
	uint16_t ports[CAMPAIGN_PORTS_MAX]; /* exposed; 0 ends the list */
	uint64_t tags; /* a bit for each product or property that the caller tells apart */
};

struct campaign_likely {
	uint32_t tenant;
	double score; /* 0..1 */
	bool same_service, same_sector, same_tags; /* why */
};

/* Tenants not yet hit that look most like those that were, best first; at most 'max', none of score 0. */
size_t campaign_next(const struct campaigns *campaigns, uint32_t id, const struct campaign_profile *profiles,
	size_t profile_count, struct campaign_likely *ret, size_t max);

/* The whole state, also what was learned of traffic, as bytes for a file of this host: ids and fingerprints go on after a restart. It holds
 * the key of the tables: for nobody else's eyes. '*ret_text' is freed by the caller. LUYTRE_E_NOMEM. */
MUST_CHECK int campaigns_save(const struct campaigns *campaigns, uint8_t **ret_text, size_t *ret_size);
/* From those bytes. LUYTRE_E_VERSION (of another build), LUYTRE_E_CORRUPT, LUYTRE_E_NOMEM. */
MUST_CHECK int campaigns_load(const struct campaign_limits *limits, struct bytes text, struct campaigns **ret);
/* A number of this life of the state: together with it an id is never given twice. */
uint64_t campaigns_instance(const struct campaigns *campaigns);

/* ---- What people say ----
 *
 * The finder's groups stay as they are underneath: a person's word only says under which number a sighting counts. So each word can be taken
 * back and nothing is lost. A campaign that was merged into another is found under its own number, and what is found is the other. Of one
 * that was split off it is known which sources it has, and so its sightings, tenants and times; features are shared by its part of the
 * sightings, and which independence groups and edges heard it is not known by source and stays that of the whole. Sightings in no cell of the
 * matrix stay where they were. */

enum { CAMPAIGN_MERGES_MAX = 256, CAMPAIGN_PARTS_MAX = 64, CAMPAIGN_PART_SOURCES_MAX = 64, CAMPAIGN_WORDS_SHOWN = 16 };

/* Under which number is this campaign found now? Itself, or the one that it was merged into. */
uint32_t campaign_current(const struct campaigns *campaigns, uint32_t id);
/* One of two, as they are found now: the older number stays ('*ret'), the other ('*ret_gone') leads to it. LUYTRE_E_NOT_FOUND; LUYTRE_E_INVALID: they are one already; LUYTRE_E_FULL;
 * LUYTRE_E_CONFLICT: what was split off of one would lead back to itself; take that back first. */
MUST_CHECK int campaign_merge(
	struct campaigns *campaigns, uint32_t one, uint32_t other, uint32_t *ret, uint32_t *ret_gone);
/* Some of its sources become a campaign of their own, '*ret'. LUYTRE_E_NOT_FOUND: no such campaign, or a source is none of its; LUYTRE_E_INVALID: none,
 * or all of them; LUYTRE_E_FULL. */
MUST_CHECK int campaign_split(
	struct campaigns *campaigns, uint32_t id, const struct ip_addr *sources, size_t count, uint32_t *ret);
/* Takes such a word back: 'word' was merged into 'id', or split off from it. LUYTRE_E_NOT_FOUND. */
MUST_CHECK int campaign_take_back(struct campaigns *campaigns, uint32_t id, uint32_t word);
/* Whether there is such a word to take back; campaign_words shows the first ones only. */
bool campaign_has_word(const struct campaigns *campaigns, uint32_t id, uint32_t word);

/* What of that can be taken back, at most CAMPAIGN_WORDS_SHOWN of each. */
struct campaign_words {
	uint32_t merged[CAMPAIGN_WORDS_SHOWN], parts[CAMPAIGN_WORDS_SHOWN];
	size_t merged_count, part_count;
	uint32_t split_from; /* 0: from none */
};
void campaign_words(const struct campaigns *campaigns, uint32_t id, struct campaign_words *ret);

/* Forgets groups that were quiet for too long. */
void campaigns_tick(struct campaigns *campaigns, int64_t now_us);

struct campaigns_stats {
	size_t groups, confirmed;
	uint64_t detections, joined, merged, evicted, refused;
};
void campaigns_stats(const struct campaigns *campaigns, struct campaigns_stats *ret);
