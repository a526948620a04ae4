// SPDX-License-Identifier: Apache-2.0
#include "shield/decision-text.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define SIZE_FIRST 64

int decision_texts_init(struct decision_texts *texts)
{
	*texts = (struct decision_texts){ 0 };
	return siphash_key_random(&texts->key);
}

void decision_texts_done(struct decision_texts *texts)
{
	free(texts->items);
	free(texts->buckets);
	*texts = (struct decision_texts){ 0 };
}

static uint32_t *bucket_of(const struct decision_texts *texts, const char *text)
{
	return &texts->buckets[siphash24(texts->key, text, strlen(text)) & (texts->size - 1)];
}

static int grow(struct decision_texts *texts)
{
	uint32_t size = texts->size ? texts->size * 2 : SIZE_FIRST;
	struct decision_text *items = realloc(texts->items, size * sizeof(*items));
	uint32_t *buckets;

	if (!items)
		return LUYTRE_E_NOMEM;
	texts->items = items;
	buckets = calloc(size, sizeof(*buckets));
	if (!buckets)
		return LUYTRE_E_NOMEM;
	free(texts->buckets);
	texts->buckets = buckets;
	texts->size = size;
	if (texts->used == 0)
		texts->used = 1;
	/* Called only when no entry is free, so each one belongs to a bucket. */
	for (uint32_t i = 1; i < texts->used; i++) {
		uint32_t *bucket = bucket_of(texts, items[i].text);

		items[i].next = *bucket;
		*bucket = i;
	}
	return 0;
}

static uint32_t find(const struct decision_texts *texts, const char *text)
{
	uint32_t at = texts->size ? *bucket_of(texts, text) : 0;

	while (at && strcmp(texts->items[at].text, text) != 0)
		at = texts->items[at].next;
	return at;
}

static int add(struct decision_texts *texts, const char *text, uint32_t *ret_number)
{
	uint32_t at, *bucket;

	if (!texts->free && texts->used == texts->size && grow(texts) < 0)
		return LUYTRE_E_NOMEM;
	at = texts->free;
	if (at)
		texts->free = texts->items[at].next;
	else
		at = texts->used++;
	bucket = bucket_of(texts, text);
	texts->items[at] = (struct decision_text){ .next = *bucket };
	memcpy(texts->items[at].text, text, strlen(text) + 1);
	*bucket = at;
	texts->count++;
	*ret_number = at;
	return 0;
}

int decision_texts_take(struct decision_texts *texts, const char *text, uint32_t *ret_number)
{
	uint32_t at = texts->last;

	if (!text[0]) {
		*ret_number = 0;
		return 0;
	}
	if (!at || strcmp(texts->items[at].text, text) != 0)
		at = find(texts, text);
	if (!at && add(texts, text, &at) < 0)
		return LUYTRE_E_NOMEM;
	texts->items[at].users++;
	texts->last = at;
	*ret_number = at;
	return 0;
}

void decision_texts_drop(struct decision_texts *texts, uint32_t number)
{
	uint32_t *link;

	if (!number || --texts->items[number].users > 0)
		return;
	link = bucket_of(texts, texts->items[number].text);
	while (*link != number)
		link = &texts->items[*link].next;
	*link = texts->items[number].next;
	texts->items[number].next = texts->free;
	texts->free = number;
	texts->count--;
	if (texts->last == number)
		texts->last = 0;
}

const char *decision_texts_get(const struct decision_texts *texts, uint32_t number)
{
	return number ? texts->items[number].text : "";
}
