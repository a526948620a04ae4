// SPDX-License-Identifier: Apache-2.0
#include "hub/api/share.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/error.h"

struct owner {
	uint64_t account, bytes; /* bytes 0: the place is free */
};

struct api_share {
	pthread_mutex_t lock;
	uint64_t max, each;
	struct api_share_stats stats;
	struct owner owners[API_SHARE_ACCOUNTS_MAX];
};

struct api_share *api_share_new(uint64_t max, uint64_t each)
{
	struct api_share *share = calloc(1, sizeof(*share));

	if (!share)
		return NULL;
	share->max = max;
	share->each = each;
	pthread_mutex_init(&share->lock, NULL);
	return share;
}

void api_share_free(struct api_share *share)
{
	if (!share)
		return;
	pthread_mutex_destroy(&share->lock);
	free(share);
}

/* The place of the account, or a free one, or null. Under the lock. */
static struct owner *find_owner(struct api_share *share, uint64_t account)
{
	struct owner *empty = NULL;

	for (size_t i = 0; i < API_SHARE_ACCOUNTS_MAX; i++) {
		struct owner *owner = &share->owners[i];

		if (owner->bytes && owner->account == account)
			return owner;
		if (!owner->bytes && !empty)
			empty = owner;
	}
	return empty;
}

int api_share_take(struct api_share *share, uint64_t account, uint64_t size)
{
	struct owner *owner;
	uint64_t has;
	int error = 0;

	pthread_mutex_lock(&share->lock);
	owner = find_owner(share, account);
	has = owner ? owner->bytes : 0;
	if (size > share->each - has) {
		error = LUYTRE_E_BUSY;
		share->stats.refused_each++;
	} else if (!owner || size > share->max - share->stats.bytes) {
		error = LUYTRE_E_FULL;
		share->stats.refused_all++;
	} else {
		*owner = (struct owner){ .account = account, .bytes = has + size };
		share->stats.bytes += size;
	}
	pthread_mutex_unlock(&share->lock);
	return error;
}

void api_share_give(struct api_share *share, uint64_t account, uint64_t size)
{
	struct owner *owner;

	pthread_mutex_lock(&share->lock);
	owner = find_owner(share, account);
	if (owner && owner->bytes >= size) {
		owner->bytes -= size;
		share->stats.bytes -= size;
	}
	pthread_mutex_unlock(&share->lock);
}

void api_share_stats(struct api_share *share, struct api_share_stats *ret)
{
	pthread_mutex_lock(&share->lock);
	*ret = share->stats;
	pthread_mutex_unlock(&share->lock);
}
