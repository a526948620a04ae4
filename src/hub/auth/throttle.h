// SPDX-License-Identifier: Apache-2.0
/* Slows down guessing: how often log-in is tried for an account and from an address.
 *
 * An attempt is counted before the password is looked at, so attempts at the same time do not slip through
 * together. The first few are free; each one after them closes the door for twice as long, up to a minute for an
 * account (so that nobody can lock out another for long) and a quarter of an hour for an address. IPv6 counts by
 * /64. An hour without attempts forgets. Everything is in memory and bounded: when a table is full, newcomers share
 * one entry. Any thread; time is passed in and never goes back here. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/net.h"

enum {
	THROTTLE_ACCOUNT_FREE = 4,
	THROTTLE_ACCOUNT_MAX_S = 60,
	THROTTLE_ADDRESS_FREE = 20,
	THROTTLE_ADDRESS_MAX_S = 900,
	THROTTLE_FORGET_S = 3600,
	THROTTLE_ENTRIES_MAX = 65536,
};

struct throttle;

struct throttle *throttle_new(uint32_t entries_max); /* 0: THROTTLE_ENTRIES_MAX; null without memory */
void throttle_free(struct throttle *throttle); /* accepts null */

/* Counts an attempt, or LUYTRE_E_BUSY with the seconds to wait, which counts nothing. */
MUST_CHECK int throttle_enter(struct throttle *throttle, const char *account, const struct ip_addr *address,
	int64_t now_us, uint32_t *ret_wait_s);
/* The attempt was good: the account is free again, the address is set back by this one attempt. */
void throttle_forgive(struct throttle *throttle, const char *account, const struct ip_addr *address);

struct throttle_stats {
	uint64_t refused, shared; /* attempts; 'shared': newcomers to a full table */
	uint32_t accounts, addresses;
};
void throttle_stats(struct throttle *throttle, struct throttle_stats *ret);
