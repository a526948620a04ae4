// SPDX-License-Identifier: Apache-2.0
/* What the hub hears becomes campaigns (hub/campaign): sightings are detections, everything else teaches what is ordinary.
 *
 * A lock of its own guards them, for a batch may hold ten thousand requests to learn from: it is taken alone, or after the core's, never
 * before it. Signatures of payloads are worked out without any lock, from FEED_PAYLOAD_MAX bytes each.
 *
 * Beside that it learns which ports a tenant really offers (FEED_PORTS_MAX of them, the last seen): who is hit next is told by them.
 * Tenants' ports are bounded by FEED_TENANTS_MAX.
 *
 * The state is saved to 'campaigns.state' in the folder of the hub, each FEED_SAVE_S and at the end, when it has changed: so campaigns
 * keep their numbers over a restart. What kill -9 takes is what was seen since; a file that cannot be read is set aside, which the log
 * tells, and campaigns begin anew. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "hub/campaign/campaign.h"
#include "hub/ingest/eve.h"

enum {
	FEED_PAYLOAD_MAX = 1024,
	FEED_GROUPS_MAX = 4096, /* 18 KiB each */
	FEED_TENANTS_MAX = 20000,
	FEED_PORTS_MAX = CAMPAIGN_PORTS_MAX,
	FEED_SAVE_S = 60,
	FEED_AGE_S = 86400, /* what was learned is halved */
};

struct feed;

/* 'dir_fd' is borrowed: the folder of the state. LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int feed_open(int dir_fd, int64_t now_us, struct feed **ret);
void feed_close(struct feed *feed); /* saves; accepts null */

/* What came of one line: zeros without a sighting. */
struct feed_found {
	uint32_t group; /* in: independence group of the tenant; 0: not known */
	uint32_t campaign; /* 0: it belongs to none, or to one that is not confirmed */
	bool fingerprint; /* a new source that shows what a campaign shows */
	bool confirmed_now;
};

/* The lines of one batch; 'found' has one for each, with the groups filled in. Without the core's lock. */
void feed_lines(struct feed *feed, const struct ingest *lines, size_t count, struct feed_found *found);

/* Campaigns of which there is news, for consoles: as many as news.h lets through; 0 says that there was more. '*ret' has room for
 * NEWS_A_S + 1; returns how many. Asked also when there is nothing new. */
size_t feed_news(struct feed *feed, const struct feed_found *found, size_t count, int64_t now_us, uint32_t *ret);

/* Ends and ages what is due, and saves; from the core's thread, without its lock. */
void feed_tick(struct feed *feed, int64_t now_us);

/* Between these two the campaigns may be asked. */
struct campaigns *feed_lock(struct feed *feed);
void feed_unlock(struct feed *feed);
/* What was changed between them is to be saved. */
void feed_changed(struct feed *feed);
/* Ports that a tenant was seen to offer, 0 behind the last. Within the lock. */
void feed_ports(const struct feed *feed, uint32_t tenant, uint16_t ret[FEED_PORTS_MAX]);
/* Counted for metrics: lines learned from, and errors of the file. */
struct feed_stats {
	uint64_t detections, traffic, save_errors;
};
void feed_stats(struct feed *feed, struct feed_stats *ret);
