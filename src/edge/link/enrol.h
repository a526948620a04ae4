// SPDX-License-Identifier: Apache-2.0
/* How an edge comes to its certificate (docs/edge-hub.md): once with a token, later with the certificate itself.
 *
 * A token is "ltedge1." and base64url of 32 secret bytes and of the fingerprint of the hub's authority, which must stand in the chain
 * that the hub sends. The private key (P-256) is made here and never leaves. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "edge/link/http.h"
#include "edge/link/identity.h"

enum { ENROL_RENEW_LEFT_DAYS = 10 };

struct enrol_options {
	const char *url, *token;
	const char *dir; /* where the identity is kept */
};

/* Asks the hub and keeps what it answers. LUYTRE_E_SYNTAX (address or token), LUYTRE_E_PERMISSION (it is not the hub that the token
 * names, or the token is not good), LUYTRE_E_IO, ...; 'why' says more. */
MUST_CHECK int enrol(const struct enrol_options *options, char *why, size_t why_size, uint32_t *ret_edge);

/* Gets a new certificate when the one in force ends within ENROL_RENEW_LEFT_DAYS. LUYTRE_E_EXISTS: it is too early. */
MUST_CHECK int enrol_renew(const char *dir, struct identity *identity, struct http *http, int64_t now_us);

/* "ltedge1." and 64 bytes. LUYTRE_E_SYNTAX. */
MUST_CHECK int enrol_read_token(const char *token, uint8_t ret_fingerprint[HTTP_FINGERPRINT_SIZE]);
