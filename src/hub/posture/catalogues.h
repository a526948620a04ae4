// SPDX-License-Identifier: Apache-2.0
/* Catalogues as files: which there are, which is in force, and taking a new one from a file, also a signed one from a machine without a network.
 *
 *	kev	known_exploited_vulnerabilities.json
 *	epss	epss_scores-DATE.csv, also packed with gzip as it is published
 *	cve	one CVE record
 *	bundle	a signed bundle (bus/bundle.h) with kev.json, epss.csv, cve/NAME.json, any of them; taken whole or not at all
 *
 * A bundle must be signed with a key of the file CATALOGUES_KEYS in the state folder (lines of 64 hex digits: Ed25519 public keys), and have a
 * higher revision than the one before, so that an old one cannot be played again. Everything belongs to the handle's thread. */
#pragma once

#include "hub/posture/catalogue.h"

#define CATALOGUES_KEYS "catalogue-keys"

enum { CATALOGUES_KEYS_MAX = 16, CATALOGUES_WORD_SIZE = 16 };
#define CATALOGUES_UNPACKED_MAX (UINT64_C(256) << 20)

/* X(identifier, word) */
#define CATALOGUES(X)                                                                                                  \
	X(KEV, "kev")                                                                                                  \
	X(EPSS, "epss")                                                                                                \
	X(CVE, "cve")                                                                                                  \
	X(BUNDLE, "bundle")

enum catalogue_kind {
#define X(id, word) CATALOGUE_##id,
	CATALOGUES(X)
#undef X
		CATALOGUE_KIND_COUNT
};
extern const char *const catalogue_words[CATALOGUE_KIND_COUNT];

/* Makes the table. */
MUST_CHECK int catalogues_setup(struct db *db);

/* Reads the file from its beginning. 'keys_path' is for bundles. '*ret' of a bundle is the sum, with the revision as version. LUYTRE_E_PERMISSION
 * (signature), LUYTRE_E_CONFLICT (an old revision), and those of catalogue.h. */
MUST_CHECK int catalogues_take(struct db *db, const struct audit_origin *origin, enum catalogue_kind kind, int fd,
	const char *keys_path, struct catalogue_result *ret);

struct catalogue_state {
	const char *word;
	int64_t rows, taken_us; /* taken 0: never */
	char version[CATALOGUE_VERSION_SIZE], by[FINDING_ACTOR_SIZE];
};
typedef int (*catalogue_state_fn)(void *context, const struct catalogue_state *state);
/* All of them, also those that were never taken. */
MUST_CHECK int catalogues_each(struct db *db, catalogue_state_fn fn, void *context);
