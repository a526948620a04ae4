// SPDX-License-Identifier: Apache-2.0
/* Reads the parts of an X.509 certificate (RFC 5280) that rules and records show.
 *
 * A walk over DER (X.690) with checked bounds, not a validation: no signature is looked at. Texts are made in the given
 * arena; 'der' is borrowed. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/compiler.h"

enum { TLS_ALT_NAMES_MAX = 256, TLS_DN_MAX = 8192 };

struct tls_certificate {
	struct bytes der;
	struct bytes subject, issuer; /* "C=US, O=Example, CN=www.example.org" */
	struct bytes serial; /* "0A:1B", upper case */
	struct bytes fingerprint; /* SHA-1 as "0a:1b", lower case */
	int64_t not_before_s, not_after_s; /* since 1970, may lie before */
	struct bytes *alt_names;
	uint32_t alt_name_count;
	const char *key; /* "rsa", "ec", "ed25519" ...; null: another, or not readable */
	uint32_t key_bits; /* 0: not known */
	const char *signature; /* "sha256-rsa" ...; null: another */
};

/* Which part could not be read; the parts before it are filled. */
enum tls_certificate_status {
	TLS_CERT_OK,
	TLS_CERT_NO_MEMORY,
	TLS_CERT_BAD_DER,
	TLS_CERT_BAD_VERSION,
	TLS_CERT_BAD_SERIAL,
	TLS_CERT_BAD_ALGORITHM,
	TLS_CERT_BAD_NAME,
	TLS_CERT_BAD_DATE,
	TLS_CERT_BAD_EXTENSIONS,
};

enum tls_certificate_status tls_certificate_read(struct bytes der, struct arena *arena, struct tls_certificate *ret);
