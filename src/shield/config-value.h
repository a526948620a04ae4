// SPDX-License-Identifier: Apache-2.0
/* One value of the configuration: from its text to its field, by the kind of its row.
 *
 * Private to the reader of the configuration (config.c); config-value.c is one table with a line for each kind. List
 * kinds are read item by item into an array that the reader keeps, and stored at the end. No state, no thread rules. */
#pragma once

#include "base/arena.h"
#include "shield/config.h"
#include "shield/schema.h"

#define CONFIG_VALUE_ITEM_MAX 32 /* bytes that one item of any list kind needs at most */

/* What reading a value needs besides its row. */
struct config_value_context {
	struct arena *arena; /* receives the strings and arrays */
	config_name_fn reply_name; /* may be null */
	unsigned int line; /* of the value */
	struct bytes folder; /* of the configuration file, with its final slash; empty for the working directory */
};

/* Reads 'text', which has no control characters, into '*ret': the field of a plain kind, an item of a list kind.
 * 0; LUYTRE_E_INVALID with 'expected' (and perhaps 'remedy') of 'error' filled in; LUYTRE_E_NOMEM. */
MUST_CHECK int config_value_read(const struct config_value_context *context, const struct schema_row *row,
	const char *text, struct config_error *error, void *ret);

/* Fills in error->expected with what the row takes. */
void config_value_expect(const struct schema_row *row, struct config_error *error);

/* True when a row of this kind takes a list of values. */
bool config_value_is_list(enum schema_kind kind);

/* Size of an item of a list kind, at most CONFIG_VALUE_ITEM_MAX. */
size_t config_value_item_size(enum schema_kind kind);

/* Order of two items of a list kind, or of two values of a row that must be unique; 0 when they are the same, for the search of duplicates. */
int config_value_compare(enum schema_kind kind, const void *left, const void *right);

/* Stores the items of a list kind in the field '*ret', whose array goes to the arena. 'items' may be reordered.
 * 0 or LUYTRE_E_NOMEM. */
MUST_CHECK int config_value_store(
	const struct config_value_context *context, enum schema_kind kind, void *items, size_t count, void *ret);
