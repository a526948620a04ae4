// SPDX-License-Identifier: Apache-2.0
/* What a report calls its products: references ("bom-ref" of CycloneDX, "product_id" of CSAF) and what they stand
 * for, remembered through one report. Everything lies in one arena, whose ceiling is the table's too: what does not
 * fit is not remembered, and then known by its reference alone. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"
#include "base/siphash.h"

struct product {
	struct bytes reference, name, version, cpe, purl;
	struct product *next; /* of the same bucket */
};

enum { PRODUCT_BUCKETS = 4096, PRODUCTS_HELD_MAX = 16 << 20 };

struct products {
	struct arena arena;
	struct siphash_key key;
	struct product *buckets[PRODUCT_BUCKETS];
};

MUST_CHECK int products_init(struct products *products);
void products_done(struct products *products);
/* Copies it. Of two with one reference the later one counts. */
void products_add(struct products *products, const struct product *product);
/* Null when it is not remembered. */
const struct product *products_find(const struct products *products, struct bytes reference);
