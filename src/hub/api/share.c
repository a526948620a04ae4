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

/* Under the lock. '*ret_owner' is the account's place, which may be a free one. */
static int check(struct api_share *share, uint64_t account, uint64_t size, struct owner **ret_owner)
{
	struct owner *owner = find_owner(share, account);

	*ret_owner = owner;
	if (size > share->each - (owner ? owner->bytes : 0)) {
		share->stats.refused_each++;
		return LUYTRE_E_BUSY;
	}
	if (!owner || size > share->max - share->stats.bytes) {
		share->stats.refused_all++;
		return LUYTRE_E_FULL;
	}
	return 0;
}

int api_share_fits(struct api_share *share, uint64_t account, uint64_t size)
{
	struct owner *owner;
	int error;

	pthread_mutex_lock(&share->lock);
	error = check(share, account, size, &owner);
	pthread_mutex_unlock(&share->lock);
	return error;
}

int api_share_take(struct api_share *share, uint64_t account, uint64_t size)
{
	struct owner *owner;
	int error;

	pthread_mutex_lock(&share->lock);
	error = check(share, account, size, &owner);
	if (!error) {
		owner->account = account;
		owner->bytes += size;
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
