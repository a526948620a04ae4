// SPDX-License-Identifier: Apache-2.0
/* Any file is read as categories and as entries; every score that comes out is in its bounds. */
#include <stdlib.h>

#include "sensor/detect/reputation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reputation *reputation = reputation_new();
	struct ip_addr v4 = ip_addr_v4("\x0a\x00\x00\x01"), v6 = ip_addr_v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
	unsigned int bad;

	if (!reputation)
		return 0;
	if (reputation_read_categories(reputation, bytes_of(data, size), &bad) == 0 &&
		reputation_read_entries(reputation, bytes_of(data, size), &bad) == 0) {
		reputation_finish(reputation);
		for (unsigned int i = 0; i < REPUTATION_CATEGORIES_MAX; i++)
			if (reputation_score(reputation, &v4, i) > REPUTATION_SCORE_MAX ||
				reputation_score(reputation, &v6, i) > REPUTATION_SCORE_MAX)
				abort();
	}
	reputation_free(reputation);
	return 0;
}
