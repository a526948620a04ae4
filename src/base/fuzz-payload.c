// SPDX-License-Identifier: Apache-2.0
/* The scanner of events: what it leaves is an event again, has nothing left to take out, and is the same when it is made in place. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes event = bytes_of(data, size);
	uint8_t *beside = malloc(size + 1), *inside = malloc(size + 1);
	size_t left, again, removed, found;
	char name[PAYLOAD_NAME_SIZE];
	struct ip_addr src, dst;

	if (!beside || !inside)
		abort();
	if (size)
		memcpy(inside, data, size);
	if (!payload_strip(event, beside, &left, &removed)) {
		assert(left <= size);
		assert(!payload_count(event, &found, name) && found == removed);
		assert(!payload_count(bytes_of(beside, left), &found, name) && !found);
		assert(!payload_strip(bytes_of(inside, size), inside, &again, &removed) && again == left);
		assert(!memcmp(inside, beside, left));
	}
	(void)!payload_ends(event, &src, &dst);
	free(beside);
	free(inside);
	return 0;
}
