// SPDX-License-Identifier: Apache-2.0
/* How often somebody may ask: a bucket for each class of operations and each subject (an address before it is known who
 * asks, an account afterwards), as GCRA in one word of time. At the ceiling of subjects the ones that are full again are
 * forgotten; if there are none, a new subject is let in uncounted, and that is counted. Any thread. */
#pragma once

#include "base/compiler.h"
#include "base/net.h"
#include "hub/api/route.h"

struct limit;

struct limit_rate {
	uint32_t count; /* requests ... */
	uint32_t window_s; /* ... in this time, all at once if they like; neither is 0 */
};

struct limit_answer {
	bool allowed;
	uint32_t remaining; /* further ones that would be allowed now */
	uint32_t reset_s; /* until the bucket is full again */
	uint32_t retry_s; /* when not allowed: until the next one would be */
};

enum limit_subject { LIMIT_ADDRESS, LIMIT_ACCOUNT };

/* The rates by class, for accounts; an address has 'address_factor' times as much, because many may be behind one. */
struct limit_settings {
	struct limit_rate rates[API_RATE_COUNT];
	uint32_t address_factor;
	uint32_t subjects_max;
};

extern const struct limit_settings limit_settings_default;

/* Null without memory or randomness. */
struct limit *limit_new(const struct limit_settings *settings);
void limit_free(struct limit *limit);

/* An IPv6 address counts as its /64. */
struct limit_answer limit_ask_address(
	struct limit *limit, enum api_rate rate, const struct ip_addr *address, uint64_t now_ns);
struct limit_answer limit_ask_account(
	struct limit *limit, enum api_rate rate, uint32_t kind, uint64_t id, uint64_t now_ns);

/* The rate as it was set, for the header. */
struct limit_rate limit_rate_of(const struct limit *limit, enum limit_subject subject, enum api_rate rate);
/* Subjects that found no room. */
uint64_t limit_uncounted(const struct limit *limit);
