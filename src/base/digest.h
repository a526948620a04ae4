// SPDX-License-Identifier: Apache-2.0
/* MD5, SHA-1 and SHA-256 of bytes that are in memory or come piece by piece.
 *
 * They identify files and fingerprints as other tools name them; nothing here is for passwords or signatures. A digest
 * is storage of the caller and holds one small allocation of the crypto library from digest_init to digest_done,
 * whatever is fed to it. One digest belongs to one thread at a time; different digests are independent. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };

#define DIGEST_MD5_SIZE    16
#define DIGEST_SHA1_SIZE   20
#define DIGEST_SHA256_SIZE 32
#define DIGEST_SIZE_MAX    32
#define DIGEST_HEX_SIZE    (2 * DIGEST_SIZE_MAX + 1) /* room for the longest in hex, with its NUL */

/* All zeros is a digest that was not begun, which digest_done accepts. The fields are for digest.c alone. */
struct digest {
	void *context; /* owned */
	enum digest_kind kind;
	bool failed;
};

/* Bytes of a finished digest of that kind. */
size_t digest_size(enum digest_kind kind);

/* "md5", "sha1", "sha256". */
const char *digest_name(enum digest_kind kind);

/* Begins. 0, LUYTRE_E_NOMEM, or LUYTRE_E_UNSUPPORTED where the crypto library is set up to refuse that kind. */
MUST_CHECK int digest_init(struct digest *digest, enum digest_kind kind);

/* Adds bytes. A failure inside is remembered and told by digest_finish. */
void digest_update(struct digest *digest, struct bytes in);

/* Writes digest_size() bytes. Nothing may be added afterwards. 0 or LUYTRE_E_SYSTEM. */
MUST_CHECK int digest_finish(struct digest *digest, uint8_t ret[DIGEST_SIZE_MAX]);

/* Frees; a second call does nothing. */
void digest_done(struct digest *digest);

/* All at once. On an error, which only a lack of memory or a refused kind can be, 'ret' is zeros. */
int digest_of(enum digest_kind kind, struct bytes in, uint8_t *ret);
int digest_md5(struct bytes in, uint8_t ret[DIGEST_MD5_SIZE]);
int digest_sha1(struct bytes in, uint8_t ret[DIGEST_SHA1_SIZE]);
int digest_sha256(struct bytes in, uint8_t ret[DIGEST_SHA256_SIZE]);

/* Small hex digits of 'in' and a NUL: 2 * in.size + 1 bytes. Returns 'ret'. */
char *digest_hex(struct bytes in, char *ret);
