// SPDX-License-Identifier: Apache-2.0
/* Where a hold is armed, as a table that a request is looked up in: made of a file of holds, never changed afterwards, read by any thread.
 *
 * A place is an address, a name, or what a server was told that it stands for. What is found are lists of armed holds, all of which count
 * (gate_tx_arm takes one after the other): the longest prefix alone would miss what is armed for a whole network. A list has each rule
 * once, so that thousands of rows for one place cost a request no more than there are rules. Nothing is allocated for a request. Rows of the
 * sensor's part are passed over. */
#pragma once

#include "gate/hold/modes.h"

enum { HOLD_PLACES_RULES_MAX = 4096 }; /* different rules of a file */

struct hold_places;

/* Takes over 'file', also on failure. LUYTRE_E_FULL (more rules than the ceiling), LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int hold_places_new(struct holdfile *file, struct hold_places **ret);
void hold_places_free(struct hold_places *places); /* accepts null */

int64_t hold_places_stamp(const struct hold_places *places);
/* All rows of the gate's part, by hold; their places are not to be looked up any more. */
const struct holdfile_row *hold_places_rows(const struct hold_places *places, size_t *ret_count);

/* What is said of sites; null: nothing. Lives as long as the table. */
const struct hold_modes *hold_places_modes(const struct hold_places *places);

typedef void (*hold_armed_fn)(void *context, const struct gate_armed *armed, size_t count);

/* Calls 'each' for every list that is about the place. An IPv4 address in an IPv6 one (::ffff:192.0.2.1) is the IPv4 address. A name in any
 * case, with or without a dot at its end. */
void hold_places_at_address(
	const struct hold_places *places, const struct ip_addr *address, hold_armed_fn each, void *context);
void hold_places_at_name(const struct hold_places *places, struct bytes name, hold_armed_fn each, void *context);
/* Prefixes that hold this one, and those inside it. */
void hold_places_at_prefix(
	const struct hold_places *places, const struct ip_prefix *prefix, hold_armed_fn each, void *context);

/* Rows by number, of those of hold_places_rows(): of every name; of prefixes that hold this one, and those inside it ('name' is empty). */
typedef void (*hold_rows_fn)(void *context, struct bytes name, const uint32_t *rows, size_t count);
void hold_places_each_name(const struct hold_places *places, hold_rows_fn each, void *context);
void hold_places_rows_at_prefix(
	const struct hold_places *places, const struct ip_prefix *prefix, hold_rows_fn each, void *context);

/* ---- what a server says that it stands for ---- */

struct hold_asset;

/* Null without memory. One thread. */
struct hold_asset *hold_asset_new(void);
void hold_asset_free(struct hold_asset *asset); /* accepts null */
/* An address, a prefix or a name. LUYTRE_E_SYNTAX, LUYTRE_E_HOST_BITS, LUYTRE_E_FULL (HOLDFILE_PLACES_MAX), LUYTRE_E_NOMEM. */
MUST_CHECK int hold_asset_add(struct hold_asset *asset, struct bytes word);
/* As hold_places_at_*, for all words together: found once for each table, and kept. */
void hold_asset_find(struct hold_asset *asset, const struct hold_places *places, hold_armed_fn each, void *context);
/* What is said of the words that are names, and of those that are prefixes; found once for each table, and kept. Null: nothing. */
const struct holdfile_row *hold_asset_mode(
	struct hold_asset *asset, const struct hold_modes *modes, struct hold_mode_found *ret_by_prefix);
/* Whether it is one of the words. In any case, with or without a dot at its end. */
bool hold_asset_has_name(const struct hold_asset *asset, struct bytes name);
/* Rows of all words, as above; some of them twice. */
void hold_asset_rows(
	const struct hold_asset *asset, const struct hold_places *places, hold_rows_fn each, void *context);
