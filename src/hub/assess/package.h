// SPDX-License-Identifier: Apache-2.0
/* Results of an assessment as one file for several recipients, each of whom can open his own part and nobody else's: say, all answers for
 * the ministry, sums without names for the statistics office. It is verified without the hub.
 *
 *	"luytre-package 1\n"  count (2)  then for each recipient: his public key (32)  size (4)  sealed box
 *	sealed box (libsodium's crypto_box_seal, X25519) of: signature (64)  public key of the hub (32)  text (JSON)
 *
 * Numbers in network order. The Ed25519 signature is over "luytre-package 1\n", the recipient's key and the text: a part that is opened
 * and sealed again for somebody else does not verify there. Who the hub is, is known by its key: it is told by another way, and given to
 * package_open; without it the file only tells who claims to have made it. Reading is bounded. Pure functions, any thread. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "hub/store/audit.h"

enum {
	PACKAGE_KEY_SIZE = 32, /* of a recipient, public */
	PACKAGE_SECRET_SIZE = 32,
	PACKAGE_PARTS_MAX = 16,
	PACKAGE_TEXT_MAX = 64 << 20,
	PACKAGE_SIZE_MAX = 128 << 20, /* of the file, all parts together */
	PACKAGE_WHY_SIZE = 160,
};

struct package_part {
	const uint8_t *recipient; /* PACKAGE_KEY_SIZE */
	struct bytes text;
};

/* How large the file becomes: for who wants to know before he writes the texts. */
size_t package_size(const struct package_part *parts, size_t count);
/* '*ret' is freed by the caller. LUYTRE_E_INVALID: no part, too many, or a key that is none. LUYTRE_E_FULL: a text, or the whole, is too long.
 * LUYTRE_E_NOMEM. */
MUST_CHECK int package_make(
	const struct package_part *parts, size_t count, const struct audit_key *key, uint8_t **ret, size_t *ret_size);

struct package {
	uint8_t *owned;
	struct bytes text;
	uint8_t signer[AUDIT_PUBLIC_KEY_SIZE];
};

/* The part of who has the secret key. 'signer' null: any. LUYTRE_E_CORRUPT (no package, or not whole), LUYTRE_E_NOT_FOUND (no part for this
 * key), LUYTRE_E_PERMISSION (a signature that does not fit, or another signer), LUYTRE_E_NOMEM, with a sentence in 'why'. */
MUST_CHECK int package_open(struct bytes in, const uint8_t secret[PACKAGE_SECRET_SIZE],
	const uint8_t signer[AUDIT_PUBLIC_KEY_SIZE], struct package *ret, char why[PACKAGE_WHY_SIZE]);
void package_done(struct package *package);
