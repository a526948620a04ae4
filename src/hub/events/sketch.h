// SPDX-License-Identifier: Apache-2.0
/* What a segment of events knows by heart: for each tenant and hour, and for all tenants together ("the nation"), the
 * heaviest sources, rules and ports, and about how many sources there were.
 *
 * Kept in memory while a segment takes events and written into it when it is closed; after a crash it is made again
 * from the events of that segment, so nothing of it needs to be written with each batch. Hours are those of the events'
 * own time. One thread at a time (the store has a lock around it). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/siphash.h"
#include "hub/events/event.h"
#include "hub/events/hll.h"
#include "hub/events/rank.h"
#include "hub/events/topk.h"

enum {
	SKETCH_TENANT_KEYS = 128, /* counters for each top list of a tenant-hour */
	SKETCH_NATION_KEYS = 1024,
	SKETCH_NATION = -1, /* in the place of a tenant's number */
	SKETCH_COUNT_MAX = 65536, /* a segment is closed when it has more */
	SKETCH_HITS_MAX = 262144, /* with more rules at more tenants the segment has no sums of hits */
};

/* Numbers are stored. */
enum sketch_list { SKETCH_SRC, SKETCH_RULE, SKETCH_PORT, SKETCH_LISTS };

struct sketch {
	int64_t tenant, hour; /* hour: since 1970 */
	struct hll sources;
	struct topk top[SKETCH_LISTS];
};

struct sketches;

/* 'key' is the store's: sketches of different segments merge only with the same one. Null without memory. */
struct sketches *sketches_new(struct siphash_key key);
void sketches_free(struct sketches *sketches);

/* Adds a stored event. Without memory the sketch of that hour misses it; counted. */
void sketches_add(struct sketches *sketches, const struct ev_event *event);

size_t sketches_count(const struct sketches *sketches);
uint64_t sketches_missed(const struct sketches *sketches);

/* Exact sums for each rule, tenant and action. False: there were too many, or no memory, and there are none. */
typedef int (*sketch_hit_fn)(void *context, const struct ev_hit *hit);
bool sketches_have_hits(const struct sketches *sketches);
/* In no order. Not 0 from 'fn' stops and is returned. */
MUST_CHECK int sketches_hits(const struct sketches *sketches, sketch_hit_fn fn, void *context);

/* All, ascending by tenant and hour, the nation first. Pointers into 'sketches', until the next event; the array is
 * freed with free(). */
MUST_CHECK int sketches_sorted(const struct sketches *sketches, const struct sketch ***ret, size_t *ret_count);

/* At how many tenants the keys of a list of the nation stand in the tenant's own list of the same hour: one number for
 * each entry, in its order. 0 or LUYTRE_E_NOMEM. '*ret' is freed with free(). */
MUST_CHECK int sketches_tenants(
	const struct sketches *sketches, const struct sketch *nation, enum sketch_list list, uint32_t **ret);

/* Keys of the lists. */
struct topk_key sketch_key_src(const struct ip_addr *src);
struct topk_key sketch_key_rule(enum ev_kind kind, uint64_t rule);
struct topk_key sketch_key_port(uint16_t port);
struct ip_addr sketch_src_of(const struct topk_key *key);
uint64_t sketch_rule_of(const struct topk_key *key, uint8_t *ret_kind);
uint16_t sketch_port_of(const struct topk_key *key);
uint64_t sketch_hash(struct siphash_key key, const struct topk_key *what);

/* The stored form of a list: variable-length integers (7 bits a byte, the lowest first): floor, count, and for each key
 * its length without trailing zeros, its bytes, sum, error, number of tenants. 'tenants' may be null (zeros). '*ret' is
 * freed with free(). */
MUST_CHECK int sketch_list_write(const struct topk *topk, const uint32_t *tenants, uint8_t **ret, size_t *ret_size);

/* Gives a stored list, or one in memory, to 'rank'. LUYTRE_E_CORRUPT, LUYTRE_E_NOMEM. */
MUST_CHECK int sketch_list_rank(struct bytes blob, int64_t tenant, struct rank *rank);
MUST_CHECK int sketch_topk_rank(const struct topk *topk, const uint32_t *tenants, int64_t tenant, struct rank *rank);
