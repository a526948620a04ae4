// SPDX-License-Identifier: Apache-2.0
/* Two places for each name: a new text takes that of the one which came there before the other. */
#include "gate/engine/seen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/siphash.h"

/* Half a megabyte. */
#define BUCKETS 2048
#define WAYS    2

#define LINE 64

_Static_assert(sizeof(struct seen_place) == (size_t)2 * LINE, "whole lines of cache");

struct seen {
	struct seen_place (*buckets)[WAYS]; /* owned; aligned to lines */
	struct siphash_key keys[2];
	uint64_t stamps;
};

struct seen *seen_new(void)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	seen->buckets = aligned_alloc(LINE, BUCKETS * sizeof(*seen->buckets));
	if (!seen->buckets || getrandom(seen->keys, sizeof(seen->keys), 0) != (ssize_t)sizeof(seen->keys)) {
		seen_free(seen);
		return NULL;
	}
	memset(seen->buckets, 0, BUCKETS * sizeof(*seen->buckets));
	return seen;
}

void seen_free(struct seen *seen)
{
	if (!seen)
		return;
	free(seen->buckets);
	free(seen);
}

static struct seen_place *bucket_of(const struct seen *seen, const struct seen_asked *asked)
{
	return seen->buckets[asked->name[0] % BUCKETS];
}

void seen_expect(const struct seen *seen, uint64_t plan, struct bytes text, struct seen_asked *asked)
{
	if (!seen || asked->named || text.size == 0 || text.size > SEEN_TEXT_MAX)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct siphash_key key = { seen->keys[i].k0, seen->keys[i].k1 ^ plan };

		asked->name[i] = siphash24(key, text.ptr, text.size);
	}
	asked->named = true;
	for (size_t i = 0; i < WAYS * sizeof(struct seen_place); i += LINE)
		__builtin_prefetch((const uint8_t *)bucket_of(seen, asked) + i, 1);
}

static void look(struct seen *seen, struct seen_asked *asked)
{
	struct seen_place *bucket = bucket_of(seen, asked);

	asked->looked = true;
	asked->place = NULL;
	for (size_t i = 0; i < WAYS; i++) {
		if (bucket[i].name[0] != asked->name[0] || bucket[i].name[1] != asked->name[1])
			continue;
		asked->place = &bucket[i];
		asked->stamp = bucket[i].stamp;
	}
}

/* Another text may have come to the place since it was found. */
static struct seen_place *place_of(struct seen *seen, struct seen_asked *asked)
{
	if (!asked->looked)
		look(seen, asked);
	return asked->place && asked->place->stamp == asked->stamp ? asked->place : NULL;
}

const struct seen_place *seen_answer(struct seen *seen, struct seen_asked *asked, uint16_t question)
{
	const struct seen_place *place;

	if (!asked->named || question >= SEEN_QUESTIONS)
		return NULL;
	place = place_of(seen, asked);
	return place && (place->known[question / 64] >> (question % 64) & 1) ? place : NULL;
}

bool seen_has_found(const struct seen_place *place, uint16_t question, uint16_t bit)
{
	for (size_t i = 0; i < SEEN_FOUND_MAX && place->found[i].question != SEEN_NONE; i++) {
		if (place->found[i].question == question && place->found[i].bit == bit)
			return true;
	}
	return false;
}

static struct seen_place *take_place(struct seen *seen, struct seen_asked *asked)
{
	struct seen_place *bucket = bucket_of(seen, asked), *place = &bucket[bucket[0].stamp > bucket[1].stamp];

	*place = (struct seen_place){ .name = { asked->name[0], asked->name[1] }, .stamp = ++seen->stamps };
	for (size_t i = 0; i < SEEN_FOUND_MAX; i++)
		place->found[i].question = SEEN_NONE;
	asked->place = place;
	asked->stamp = place->stamp;
	return place;
}

void seen_keep(
	struct seen *seen, struct seen_asked *asked, uint16_t question, const uint16_t *found, uint32_t found_count)
{
	struct seen_place *place;
	uint32_t used = 0;

	if (!asked->named || question >= SEEN_QUESTIONS || found_count > SEEN_FOUND_MAX)
		return;
	place = place_of(seen, asked);
	if (!place) {
		look(seen, asked); /* the same text may stand in the request twice */
		place = asked->place ? asked->place : take_place(seen, asked);
	}
	while (used < SEEN_FOUND_MAX && place->found[used].question != SEEN_NONE)
		used++;
	if ((place->known[question / 64] >> (question % 64) & 1) || used + found_count > SEEN_FOUND_MAX)
		return;
	for (uint32_t i = 0; i < found_count; i++)
		place->found[used + i] = (struct seen_found){ question, found[i] };
	place->known[question / 64] |= UINT64_C(1) << (question % 64);
}
