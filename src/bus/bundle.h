// SPDX-License-Identifier: Apache-2.0
/* A policy snapshot: named files, a revision and one signature over everything. The hub makes it, edges take it whole or
 * not at all.
 *
 *	"luytreB1"                          magic and version of the form
 *	u64 revision, i64 made_us           big endian, as all numbers
 *	u32 edge                            for whom; 0: any
 *	u32 file count
 *	for each: u16 name size, u32 content size, name, content
 *	8 bytes key id, 64 bytes signature  Ed25519ph (RFC 8032) over a word of context and all that stands before
 *
 * Nothing of an unsigned or altered bundle is ever used: bundle_open checks the signature first and looks at the content
 * then. An edge applies a bundle only if its revision is higher than that of the last one, so an old one cannot be played
 * again. Names are relative, of [a-z0-9._-] with at most one '/', no part begins with '.': they may become file names.
 *
 * Keys are Ed25519: 32 bytes public, 64 secret (libsodium's form). The key id is the beginning of BLAKE2b of the public
 * key. All functions may be called from any thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	BUNDLE_FILES_MAX = 1024,
	BUNDLE_NAME_MAX = 96,
	BUNDLE_SIZE_MAX = 256 << 20,
	BUNDLE_PUBLIC_SIZE = 32,
	BUNDLE_SECRET_SIZE = 64,
	BUNDLE_KEY_ID_SIZE = 8,
};

struct bundle_file {
	struct bytes name, content;
};

struct bundle {
	uint64_t revision;
	int64_t made_us; /* since 1970 */
	uint32_t edge;
	uint32_t file_count;
	uint8_t key_id[BUNDLE_KEY_ID_SIZE];
	struct bytes files; /* for bundle_next */
};

/* A new pair of keys. LUYTRE_E_SYSTEM when the library cannot start. */
MUST_CHECK int bundle_keys(uint8_t ret_public[BUNDLE_PUBLIC_SIZE], uint8_t ret_secret[BUNDLE_SECRET_SIZE]);
void bundle_key_id(const uint8_t public_key[BUNDLE_PUBLIC_SIZE], uint8_t ret[BUNDLE_KEY_ID_SIZE]);

/* Signs and packs; '*ret' is freed with free(). LUYTRE_E_INVALID (a name, twice the same, files out of bounds),
 * LUYTRE_E_FULL (too large), LUYTRE_E_NOMEM. */
MUST_CHECK int bundle_pack(uint64_t revision, int64_t made_us, uint32_t edge, const struct bundle_file *files,
	size_t file_count, const uint8_t secret_key[BUNDLE_SECRET_SIZE], uint8_t **ret, size_t *ret_size);

/* Checks signature and form; views into 'in'. LUYTRE_E_PERMISSION (signature, or a key that is not among 'keys'),
 * LUYTRE_E_TRUNCATED, LUYTRE_E_CORRUPT, LUYTRE_E_VERSION, LUYTRE_E_FULL. '*ret' is written on success only. */
MUST_CHECK int bundle_open(
	struct bytes in, const uint8_t (*keys)[BUNDLE_PUBLIC_SIZE], size_t key_count, struct bundle *ret);

/* The files in turn: start with '*pos' 0. False at the end. */
bool bundle_next(const struct bundle *bundle, size_t *pos, struct bundle_file *ret);
/* False when there is no such file. */
bool bundle_find(const struct bundle *bundle, const char *name, struct bytes *ret);
