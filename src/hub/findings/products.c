// SPDX-License-Identifier: Apache-2.0
/* A table of fixed width: with as many entries as fit into the arena its chains are some tens long. */
#include "hub/findings/products.h"

int products_init(struct products *products)
{
	arena_init(&products->arena, PRODUCTS_HELD_MAX);
	return siphash_key_random(&products->key);
}

void products_done(struct products *products)
{
	arena_done(&products->arena);
}

static size_t bucket_of(const struct products *products, struct bytes reference)
{
	return (size_t)(siphash24(products->key, reference.ptr, reference.size) % PRODUCT_BUCKETS);
}

static struct bytes keep(struct products *products, struct bytes text)
{
	uint8_t *copy = bytes_empty(text) ? NULL : arena_dup(&products->arena, text);

	return copy ? bytes_of(copy, text.size) : (struct bytes){ 0 };
}

void products_add(struct products *products, const struct product *product)
{
	size_t bucket = bucket_of(products, product->reference);
	struct product *copy = arena_alloc(&products->arena, sizeof(*copy));

	if (!copy || bytes_empty(product->reference))
		return;
	copy->reference = keep(products, product->reference);
	copy->name = keep(products, product->name);
	copy->version = keep(products, product->version);
	copy->cpe = keep(products, product->cpe);
	copy->purl = keep(products, product->purl);
	copy->next = products->buckets[bucket];
	products->buckets[bucket] = copy;
}

const struct product *products_find(const struct products *products, struct bytes reference)
{
	const struct product *product = products->buckets[bucket_of(products, reference)];

	while (product && !bytes_equal(product->reference, reference))
		product = product->next;
	return product;
}
