// SPDX-License-Identifier: Apache-2.0
/* What a hub's policy says to one edge: the file "policy.json" of a bundle (bundle.h).
 *
 *	{"version":42,"rows":[
 *	 {"prefix":"192.0.2.80/32","tenant":17,"system":4,"asset":9,"shield":"enforce","sensor":"shadow","fail":"closed","edge_only":true,
 *	  "group":"asset-9","limits":{"source_pps":2000}}]}
 *
 * One row for each prefix whose settings differ from what the edge has in its own file; prefixes of rows do not overlap. What a row does
 * not set stays as that file says. Rows with the same 'group' share their limits: they are of one asset, system or tenant, as the group's
 * name says. 'edge_only': the system may only be watched at the edge: of its traffic no payload is kept, and no web server here may open it. The
 * gate's modes are not here, for sites have names (base/holdfile.h). The hub resolves who says what for which asset; the edge sees the result only.
 *
 * Reading checks everything and is bounded: the text comes over the network, even if it is signed. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/jsonw.h"
#include "base/net.h"

#define POLICYFILE_NAME "policy.json"

enum {
	POLICYFILE_ROWS_MAX = 16384,
	POLICYFILE_SIZE_MAX = 16 << 20,
	POLICYFILE_GROUP_SIZE = 24, /* with its NUL */
	POLICYFILE_UNSET = -1, /* of everything that a row need not set */
};

/* X(identifier, word): modes of the shield. */
#define POLICYFILE_MODES(X)                                                                                            \
	X(SHADOW, "shadow")                                                                                            \
	X(ENFORCE, "enforce")

/* X(identifier, word): modes of the sensor. */
#define POLICYFILE_SENSORS(X)                                                                                          \
	X(OFF, "off")                                                                                                  \
	X(SHADOW, "shadow")                                                                                            \
	X(ENFORCE, "enforce")

/* X(identifier, word): what becomes of traffic that the shield has no room to judge. */
#define POLICYFILE_FAILS(X)                                                                                            \
	X(OPEN, "open")                                                                                                \
	X(CLOSED, "closed")

/* X(name): packets per second, 0 for none; the settings of that name in the edge's file (docs/configuration.md). */
#define POLICYFILE_LIMITS(X)                                                                                           \
	X(source_pps)                                                                                                  \
	X(source_syn_pps)                                                                                              \
	X(prefix_pps)                                                                                                  \
	X(prefix56_pps)                                                                                                \
	X(prefix48_pps)                                                                                                \
	X(total_pps)                                                                                                   \
	X(tcp_syn_pps)                                                                                                 \
	X(tcp_pps)                                                                                                     \
	X(udp_pps)                                                                                                     \
	X(icmp_pps)                                                                                                    \
	X(fragment_pps)                                                                                                \
	X(reply_pps)                                                                                                   \
	X(other_pps)                                                                                                   \
	X(challenge_pps)

#define X(id, word) POLICYFILE_MODE_##id,
enum policyfile_mode { POLICYFILE_MODES(X) POLICYFILE_MODE_COUNT };
#undef X
#define X(id, word) POLICYFILE_SENSOR_##id,
enum policyfile_sensor { POLICYFILE_SENSORS(X) POLICYFILE_SENSOR_COUNT };
#undef X
#define X(id, word) POLICYFILE_FAIL_##id,
enum policyfile_fail { POLICYFILE_FAILS(X) POLICYFILE_FAIL_COUNT };
#undef X
#define X(name) POLICYFILE_LIMIT_##name,
enum policyfile_limit { POLICYFILE_LIMITS(X) POLICYFILE_LIMIT_COUNT };
#undef X

enum { POLICYFILE_LIMIT_MAX = 1000000000 };

extern const char *const policyfile_modes[POLICYFILE_MODE_COUNT],
	*const policyfile_sensors[POLICYFILE_SENSOR_COUNT], *const policyfile_fails[POLICYFILE_FAIL_COUNT],
								    *const policyfile_limits[POLICYFILE_LIMIT_COUNT];

struct policyfile_row {
	struct ip_prefix prefix;
	uint32_t tenant, asset; /* their numbers at the hub */
	uint32_t system; /* 0: not said */
	bool edge_only;
	int8_t shield; /* enum policyfile_mode */
	int8_t sensor; /* enum policyfile_sensor */
	int8_t fail; /* enum policyfile_fail */
	char group[POLICYFILE_GROUP_SIZE]; /* "" without limits; small letters, digits and '-' */
	int64_t limits[POLICYFILE_LIMIT_COUNT];
};

struct policyfile {
	uint64_t version;
	struct policyfile_row *rows; /* owned; by prefix: IPv4 first, then by address */
	size_t row_count;
};

/* A row that sets nothing. */
void policyfile_row_init(struct policyfile_row *row);

/* Rows may come in any order; writes them sorted, so that the same rows make the same text. */
void policyfile_write(struct jsonw *json, struct policyfile *file);
/* LUYTRE_E_SYNTAX (not of this form, or prefixes that overlap), LUYTRE_E_FULL, LUYTRE_E_NOMEM. '*ret' is written on success only. */
MUST_CHECK int policyfile_read(struct bytes text, struct policyfile *ret);
void policyfile_done(struct policyfile *file);
