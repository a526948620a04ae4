// SPDX-License-Identifier: Apache-2.0
/* Reading conversations from anything: what is taken keeps to its ceilings and lies where it says. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sensor/hold/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hold_talk *talk)
{
	size_t sum = 0;

	assert(talk->sid && talk->port && strlen(talk->name));
	assert(talk->turn_count && talk->turn_count <= HOLD_TALK_TURNS_MAX);
	for (size_t i = 0; i < talk->turn_count; i++) {
		const struct bytes *turn = &talk->turns[i].data;
		unsigned int read = 0;

		assert(turn->size && (!talk->is_udp || turn->size <= HOLD_TALK_DATAGRAM_MAX));
		for (size_t k = 0; k < turn->size; k++)
			read += turn->ptr[k];
		assert(read <= 255u * turn->size);
		sum += turn->size;
	}
	assert(sum <= HOLD_TALK_DATA_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hold_talks *talks = NULL;
	size_t line, found = 0;

	if (hold_talks_read(bytes_of(data, size), &talks, &line))
		return 0;
	for (size_t i = 0; i < hold_talks_count(talks); i++) {
		const struct hold_talk *talk = hold_talks_at(talks, i);
		size_t count;

		check(talk);
		assert(hold_talks_of(talks, talk->sid, talk->is_twin, &count) <= talk && count);
		found++;
	}
	assert(found <= HOLD_TALKS_MAX);
	hold_talks_free(talks);
	return 0;
}
