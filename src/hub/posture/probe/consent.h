// SPDX-License-Identifier: Apache-2.0
/* Who agreed to be probed: nothing is sent to anybody's server without it (Law 116/2025, article 7: tests need the owner's authorisation in
 * writing).
 *
 * A consent names an organisation, one of its assets or all of them, what may be done, from when to when, and who gave it; the text of the
 * authorisation is named in a note. It is never changed: a new one is given, an old one is taken back (and stays in the audit log). All is in
 * the control database; calls of one handle belong to its thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/store/audit.h"
#include "hub/store/db.h"
#include "hub/store/scope.h"

/* X(identifier, word, English, Vietnamese): what may be done. Numbers are stored as bits: add at the end. */
#define CONSENT_KINDS(X)                                                                                               \
	X(SERVICE, "service", "connect to services and read what they offer", "kết nối dịch vụ và đọc thông tin")      \
	X(DNS, "dns", "ask the name servers of its names", "truy vấn máy chủ tên miền")

enum consent_kind {
#define X(id, ...) CONSENT_##id,
	CONSENT_KINDS(X)
#undef X
		CONSENT_KIND_COUNT
};
extern const char *const consent_kinds[CONSENT_KIND_COUNT];

enum { CONSENT_NOTE_SIZE = 1024, CONSENT_WHO_SIZE = 160, CONSENT_PAGE_MAX = 1000 };

#define CONSENT_SPAN_MAX_US (366 * INT64_C(86400000000))

struct consent {
	int64_t id;
	uint32_t tenant, asset; /* asset 0: all that it has */
	uint32_t kinds; /* a bit for each */
	int64_t from_us, until_us, given_us;
	char who[CONSENT_WHO_SIZE]; /* the account that gave it */
	char note[CONSENT_NOTE_SIZE]; /* number and date of the paper */
};

/* Makes the table. */
MUST_CHECK int consent_setup(struct db *db);

/* LUYTRE_E_RANGE: no time, or more than a year. LUYTRE_E_NOT_FOUND: not this organisation's asset. LUYTRE_E_INVALID: nothing is allowed, or no note.
 * 'id', 'given_us' and 'who' (the origin's actor) are filled in. */
MUST_CHECK int consent_give(struct db *db, const struct audit_origin *origin, struct consent *consent);
/* LUYTRE_E_NOT_FOUND: there is none, or not within the scope. */
MUST_CHECK int consent_take_back(
	struct db *db, const struct audit_origin *origin, const struct scope *scope, int64_t id);

typedef int (*consent_fn)(void *context, const struct consent *consent);
/* Ascending by id, from behind 'after' on, at most 'limit' (CONSENT_PAGE_MAX, and one more to know whether there are more); tenant 0: any of the
 * scope. Not 0 from 'fn' stops and is returned. */
MUST_CHECK int consent_each(struct db *db, const struct scope *scope, uint32_t tenant, int64_t after, uint32_t limit,
	consent_fn fn, void *context);

/* Whether this may be done to this asset now: 0, or LUYTRE_E_PERMISSION. */
MUST_CHECK int consent_check(struct db *db, uint32_t asset, enum consent_kind kind, int64_t now_us);
