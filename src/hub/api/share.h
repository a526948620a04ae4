// SPDX-License-Identifier: Apache-2.0
/* Room that many share, so that one cannot take all of it: bytes of bodies on their way, of reports that wait. All together have 'max', each account 'each'.
 *
 *	error = api_share_take(share, account, size)	0: they are his until api_share_give
 *	api_share_give(share, account, size)
 *
 * What is only announced takes no room: api_share_fits says whether it could come, and it takes as it comes.
 * An account is any number of the caller's; who has nothing is not remembered. At most API_SHARE_ACCOUNTS_MAX have something at a time. Any thread. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

enum { API_SHARE_ACCOUNTS_MAX = 256 };

struct api_share;

/* Null without memory. */
struct api_share *api_share_new(uint64_t max, uint64_t each);
void api_share_free(struct api_share *share); /* accepts null */

/* LUYTRE_E_BUSY: the account has too much on its way. LUYTRE_E_FULL: all together have. Both are counted, and nothing is taken. */
MUST_CHECK int api_share_take(struct api_share *share, uint64_t account, uint64_t size);
/* What api_share_take would say now; a refusal is counted, nothing is taken. */
MUST_CHECK int api_share_fits(struct api_share *share, uint64_t account, uint64_t size);
/* Of what was taken. */
void api_share_give(struct api_share *share, uint64_t account, uint64_t size);

struct api_share_stats {
	uint64_t bytes; /* taken now */
	uint64_t refused_each, refused_all;
};
void api_share_stats(struct api_share *share, struct api_share_stats *ret);
