// SPDX-License-Identifier: Apache-2.0
/* The hub's own certificate authority: who is an edge is decided here and nowhere else.
 *
 * An ECDSA P-256 key and a self-signed certificate (RFC 5280) in a folder that only the hub may read; both are made when they are not
 * there. It signs certificates of edges (client authentication, common name "edge-12", 30 days) and of the hub itself (server
 * authentication, 825 days). From a request for a certificate only the public key is taken; names and extensions in it count for
 * nothing. Serial numbers are random, 127 bits.
 *
 * All functions but ca_open and ca_free may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum {
	CA_PEM_MAX = 16 << 10, /* of a request */
	CA_SERIAL_SIZE = 33, /* hex with its NUL */
	CA_FINGERPRINT_SIZE = 32, /* SHA-256 of the authority's certificate (DER) */
	CA_EDGE_DAYS = 30,
	CA_SERVER_DAYS = 825, /* made anew at each start, but a hub may run for long */
};

struct ca;

struct ca_certificate {
	char *pem; /* owned: free() */
	char serial[CA_SERIAL_SIZE];
	int64_t until_us;
};

/* LUYTRE_E_IO, LUYTRE_E_CORRUPT (what lies there is no key or no certificate, or they do not belong together),
 * LUYTRE_E_PERMISSION (others may read the key). */
MUST_CHECK int ca_open(const char *dir, int64_t now_us, struct ca **ret);
void ca_free(struct ca *ca); /* accepts null */

/* Of the authority itself. */
const char *ca_pem(const struct ca *ca);
void ca_fingerprint(const struct ca *ca, uint8_t ret[CA_FINGERPRINT_SIZE]);

/* Signs the key of a request (PKCS #10, RFC 2986, in PEM), which must be P-256 and prove that the asker has it.
 * LUYTRE_E_SYNTAX (no request), LUYTRE_E_UNSUPPORTED (another kind of key), LUYTRE_E_PERMISSION (the proof is wrong). */
MUST_CHECK int ca_sign_edge(
	const struct ca *ca, uint32_t edge, struct bytes request_pem, int64_t now_us, struct ca_certificate *ret);

/* A new key and certificate for a server of the hub; 'names' are host names and addresses, separated by commas. Both are freed by the
 * caller; the key is written to '*ret_key_pem'. */
MUST_CHECK int ca_make_server(
	const struct ca *ca, const char *names, int64_t now_us, struct ca_certificate *ret, char **ret_key_pem);

/* Which edge a certificate (DER) belongs to, once the TLS library has found it valid under this authority: checks the issuer's
 * signature, the time and the purpose again, and reads the number. LUYTRE_E_PERMISSION when it is not an edge's. */
MUST_CHECK int ca_edge_of(
	const struct ca *ca, struct bytes der, int64_t now_us, uint32_t *ret_edge, char ret_serial[CA_SERIAL_SIZE]);

/* The number of the edge in a common name, "edge-12" with nothing before or behind. */
bool ca_edge_parse(const char *name, uint32_t *ret);
