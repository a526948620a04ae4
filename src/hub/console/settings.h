// SPDX-License-Identifier: Apache-2.0
/* How the hub behaves, as people set it: one row of the control database with a revision. Handlers that a setting concerns read it at
 * each use (settings_get): a change counts at once. What each one does, and which of them are kept for others to read, stands in README.md. */
#pragma once

#include "hub/console/internal.h"

enum { SETTINGS_NOTICE_SIZE = 4 * 500 + 1, SETTINGS_AUDIT_DAYS_MIN = 365 };

/* X(word, smallest, largest, default) */
#define SETTINGS_NUMBERS(X)                                                                                            \
	X(keep_events_days, 1, 3650, 30)                                                                               \
	X(keep_audit_days, 0, 36500, 0) /* 0: for ever; else from a year on */                                         \
	X(two_persons_above_v4, 8, 32, 24) /* a prefix shorter than this waits for a second person */                  \
	X(two_persons_above_v6, 32, 64, 48)                                                                            \
	X(session_idle_min, 5, 480, 30)

/* X(word, default) */
#define SETTINGS_FLAGS(X)                                                                                              \
	X(collective_blocks, true) /* off: the hub's own decisions stay in shadow */                                   \
	X(share_tenant_names, false) /* names of other tenants in evidence */

#define SETTINGS_FACTORS(X)                                                                                            \
	X(NOBODY, "nobody")                                                                                            \
	X(ADMINS, "admins")                                                                                            \
	X(EVERYBODY, "everybody")

enum settings_factor {
#define X(id, word) SETTINGS_FACTOR_##id,
	SETTINGS_FACTORS(X)
#undef X
		SETTINGS_FACTOR_COUNT
};

struct console_settings {
	int64_t revision;
#define X(word, low, high, start) int64_t word;
	SETTINGS_NUMBERS(X)
#undef X
#define X(word, start) bool word;
	SETTINGS_FLAGS(X)
#undef X
	enum settings_factor second_factor_required;
	char notice[SETTINGS_NOTICE_SIZE]; /* "": none */
};

/* The table; after audit_setup. */
MUST_CHECK int settings_setup(struct db *db);
/* The defaults at revision 1 when nobody has set anything yet. */
MUST_CHECK int settings_get(struct db *db, struct console_settings *ret);
/* Makes what is set count: now, and after each change. */
void settings_apply(struct console *console, const struct console_settings *settings);
/* What a setting refuses the principal, beyond what hub/auth does. Any thread. */
void settings_limit(const struct console *console, struct auth_principal *principal);
