// SPDX-License-Identifier: Apache-2.0
/* What the hub's policy says of sites ("modes" of base/holdfile.h), as a table that a request is looked up in: made of a file, never changed
 * afterwards, read by any thread. Nothing is allocated for a request.
 *
 * Which row counts for a request:
 *	a name before a prefix, of prefixes the longest;
 *	edge_only, where the name's row or the prefix' has it, before everything: the gate is off;
 *	of rows for the very same place edge_only, then the stricter mode.
 * A client may write any host, and an organisation may register any name that no other has: a row that is found by its name alone can make the
 * mode stricter than what the prefix' row or else the server itself says, never weaker, and does not make it edge-only. It counts in full where the
 * server's operator has given it the name as an asset, or where the prefix' row for the request is of the same organisation; the name that a
 * request asks for only where its server has it as one of its names too. */
#pragma once

#include "gate/gate.h"
#include "base/holdfile.h"

struct hold_asset; /* gate/hold/places.h */
struct hold_modes;

/* Takes file->modes over, also on failure; '*ret' is null when there are none. LUYTRE_E_NOMEM, LUYTRE_E_SYSTEM. */
MUST_CHECK int hold_modes_new(struct holdfile *file, struct hold_modes **ret);
void hold_modes_free(struct hold_modes *modes); /* accepts null */

/* Not 0; no other table of the program has it. */
uint64_t hold_modes_number(const struct hold_modes *modes);
/* All rows, those with edge_only first, then by asset. Their places are not to be looked up any more. */
const struct holdfile_row *hold_modes_rows(const struct hold_modes *modes, size_t *ret_count);
/* Whether another row for one of its places, which says something else, counts in its stead. */
bool hold_modes_is_beaten(const struct hold_modes *modes, const struct holdfile_row *row);

/* A row that was found, and how wide the prefix is: 0 for one address. Null: none. */
struct hold_mode_found {
	const struct holdfile_row *row;
	uint8_t free_bits;
};

const struct holdfile_row *hold_modes_at_name(const struct hold_modes *modes, struct bytes name);
struct hold_mode_found hold_modes_at_address(const struct hold_modes *modes, const struct ip_addr *address);
/* Of those that overlap. */
struct hold_mode_found hold_modes_at_prefix(const struct hold_modes *modes, const struct ip_prefix *prefix);
/* The one of both that counts. */
struct hold_mode_found hold_mode_narrower(struct hold_mode_found left, struct hold_mode_found right);
const struct holdfile_row *hold_mode_stronger(const struct holdfile_row *left, const struct holdfile_row *right);

/* Each name, with the row that counts there. */
typedef void (*hold_mode_fn)(void *context, struct bytes name, const struct holdfile_row *row);
void hold_modes_each_name(const struct hold_modes *modes, hold_mode_fn each, void *context);

/* Where a request came to. */
struct hold_place {
	const struct ip_addr *address; /* that it was sent to; null: none */
	struct bytes asked; /* the host that it asks for, and led to its server */
	struct bytes header; /* the host of its header; may be the same */
	struct bytes own; /* the server's first name */
	struct hold_asset *asset; /* what the server says it stands for; may be null */
	bool (*has_name)(const void *context, struct bytes name); /* whether its server has it as one of its names */
	const void *context;
};

struct hold_site_mode {
	enum gate_mode mode;
	const struct holdfile_row *row; /* that says so; null: 'own' */
};

/* Of a site whose own mode is 'own'. */
struct hold_site_mode hold_modes_find(
	const struct hold_modes *modes, const struct hold_place *place, enum gate_mode own);
