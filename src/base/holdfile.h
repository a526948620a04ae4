// SPDX-License-Identifier: Apache-2.0
/* Which holds are armed where, and what the hub's policy says of sites: the file "holds.json" that the hub makes for each edge (in the bundle of the policy), the edge puts where
 * web server and sensor find it.
 *
 *	{"stamp":1795000000000000,"holds":[
 *	 {"hold":81,"rule":8100010,"mode":"enforce","tenant":17,"asset":9,"prefixes":["192.0.2.80/32"],"names":["portal.example.gov.vn"]}],
 *	 "modes":[{"mode":"shadow","tenant":17,"asset":9,"edge_only":true,"prefixes":["192.0.2.80/32"],"names":["portal.example.gov.vn"]}]}
 *
 * A rule with the tag luytre/hold judges a request only where it is armed for the place that the request came to: the address that it was
 * sent to lies in one of the prefixes, or its host (Host header, without port, whatever its case) is one of the names, or the web server's
 * own words for the place (server_name, luytre_gate_asset) are. "shadow": it says what it would do; "enforce": it stops the request, also
 * at a site whose gate is in shadow, for a hold is proved for itself. A row with "part":"sensor" is one for the sensor, whose rule's number (sid) it names; the
 * gate passes it over, as the sensor does those of the gate.
 *
 * "modes" are of sites, by the same places: the mode takes that of the server's own configuration away. Of several the narrowest counts: the longest prefix, and a name
 * before a prefix; but by a name alone a site gets only stricter (gate/hold/modes.h). "edge_only": the system behind it may only be watched at the edge, so that the gate must not look into it, whatever its mode: it is off there, and
 * says so.
 *
 * Reading checks everything and is bounded: the text comes over the network, even if it is signed. "prefixes" and "names" may be left
 * out, members that are not known here are passed over. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "base/net.h"

#define HOLDFILE_NAME "holds.json"

enum {
	HOLDFILE_ROWS_MAX = 65536, /* holds, and as many modes */
	HOLDFILE_PLACES_MAX = 64, /* prefixes, and as many names, of a row */
	HOLDFILE_PLACES_ALL_MAX = 262144, /* prefixes, and as many names, of all rows: 64 MiB of names */
	HOLDFILE_SIZE_MAX = 16 << 20,
	HOLDFILE_NAME_SIZE = 256, /* of a host, with the NUL: small letters */
};

/* X(identifier, word) */
#define HOLDFILE_MODES(X)                                                                                              \
	X(SHADOW, "shadow")                                                                                            \
	X(ENFORCE, "enforce")

/* What a row is for. X(identifier, word) */
#define HOLDFILE_PARTS(X)                                                                                              \
	X(GATE, "gate")                                                                                                \
	X(SENSOR, "sensor")

/* Of a site, in "modes". X(identifier, word) */
#define HOLDFILE_SITES(X)                                                                                              \
	X(OFF, "off")                                                                                                  \
	X(SHADOW, "shadow")                                                                                            \
	X(ENFORCE, "enforce")

#define X(id, word) HOLDFILE_PART_##id,
enum holdfile_part { HOLDFILE_PARTS(X) HOLDFILE_PART_COUNT };
#undef X
#define X(id, word) HOLDFILE_SITE_##id,
enum holdfile_site { HOLDFILE_SITES(X) HOLDFILE_SITE_COUNT };
#undef X
#define X(id, word) HOLDFILE_MODE_##id,
enum holdfile_mode { HOLDFILE_MODES(X) HOLDFILE_MODE_COUNT };
#undef X

extern const char *const holdfile_modes[HOLDFILE_MODE_COUNT], *const holdfile_parts[HOLDFILE_PART_COUNT],
								      *const holdfile_sites[HOLDFILE_SITE_COUNT];

/* One of "holds", or one of "modes". */
struct holdfile_row {
	uint64_t hold, rule; /* the hub's number of the hold; the rule that holds; both 0 in "modes" */
	uint32_t tenant, asset; /* their numbers at the hub */
	uint8_t part; /* enum holdfile_part; GATE in "modes" */
	uint8_t mode; /* enum holdfile_mode; in "modes" enum holdfile_site */
	bool edge_only; /* in "modes" */
	uint32_t prefix_first, prefix_count; /* in 'prefixes' of the file */
	uint32_t name_first, name_count; /* in 'names' */
};

struct holdfile {
	int64_t stamp; /* of this content: another one, another stamp */
	struct holdfile_row *rows; /* owned, as all of it; by hold */
	size_t row_count;
	struct holdfile_row *modes; /* of sites; by asset */
	size_t mode_count;
	struct ip_prefix *prefixes;
	size_t prefix_count;
	char (*names)[HOLDFILE_NAME_SIZE];
	size_t name_count;
};

/* Rows, and the places of a row, may come in any order; it sorts them, so that the same rows make the same text. */
void holdfile_write(struct jsonw *json, struct holdfile *file);
/* LUYTRE_E_SYNTAX, LUYTRE_E_FULL, LUYTRE_E_NOMEM. '*ret' is written on success only. */
MUST_CHECK int holdfile_read(struct bytes text, struct holdfile *ret);
void holdfile_done(struct holdfile *file);

/* A name as it stands in 'names': letters made small, printable ASCII without blanks, no dot at the end, 1 to HOLDFILE_NAME_SIZE - 1 of it. False when it is
 * none; 'name' may be written anyway. */
MUST_CHECK bool holdfile_take_name(struct bytes text, char name[HOLDFILE_NAME_SIZE]);
