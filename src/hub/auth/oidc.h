// SPDX-License-Identifier: Apache-2.0
/* Sign-on by others: a provider of OpenID Connect (an agency's own directory, a ministry's) says who somebody is, in place of a
 * password. The hub is a relying party with the code flow (OpenID Connect Core 1.0, section 3.1) and PKCE (RFC 7636, S256):
 *
 *	oidc_open("/etc/luytre/sign-on.json", &oidc, why)
 *	oidc_begin(oidc, now, &going)		the browser gets going.ticket as a cookie and goes to going.url
 *	... the provider sends it back with a code and the state ...
 *	oidc_finish(oidc, &returning, now, &identity)
 *	auth_sign_on(...)				a session of the account that this identity has
 *
 * The file, mode 0600 or readable by the hub's user alone:
 *
 *	{"issuer": "https://id.example.gov.vn", "client_id": "luytre", "client_secret_file": "/etc/luytre/sign-on.secret",
 *	 "redirect": "https://hub.example.gov.vn/sign-on", "name": "Bộ A", "scope": "openid email", "ca_file": "/etc/luytre/ca.pem"}
 *
 * and, where groups of the provider give roles here:
 *
 *	"scope": "openid email groups", "groups_claim": "groups", "groups": [{"group": "soc", "role": "analyst"},
 *	                                                                     {"group": "so-y-te", "role": "tenant-operator", "tenant": 7}]
 *
 * 'tenant' is its number; without it the role is the nation's. What the mapping gave it takes too, at the next sign-on of somebody who is
 * no longer in the group; what people granted it leaves alone (auth_sign_on). A claim that is not there is no group.
 *
 * Needed are issuer, client_id, redirect and name. Without a secret the client is a public one, whom PKCE alone proves. 'ca_file': who
 * may have signed the provider's certificate, in place of the system's authorities.
 *
 * What is believed of an ID token (section 3.1.3.7): a signature alone (JWS; an encrypted token is none), by RS256, PS256 or ES256, with
 * a key of the provider that is for signatures and of a fitting kind, RSA of 2,048 to 8,192 bits or P-256; this issuer; this client in
 * 'aud', and in 'azp' where several are meant; not over, not from the future, by no more than a minute of two clocks; our nonce. The
 * algorithm is never taken from the token: it names a row of that list, or the token is refused.
 *
 * Nothing is kept for who has only begun: nonce, state and verifier lie sealed in the browser's cookie, for ten minutes, under a key of
 * this run. The state must be that of the cookie, so nobody logs another in, and is taken once: used ones are remembered until they are
 * over (OIDC_USED_MAX, then the oldest goes).
 *
 * The provider's description and keys are fetched when first needed and kept for an hour; an unknown key fetches the keys anew, once in
 * ten seconds at most. Fetching is bounded in time (10 s) and size (256 KiB), over https alone, without redirects, and one thread at a time
 * waits for the provider; others are told LUYTRE_E_BUSY. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/auth/role.h"

enum {
	OIDC_URL_SIZE = 2048,
	OIDC_NAME_SIZE = 4 * 64 + 1,
	OIDC_TICKET_SIZE = 256,
	OIDC_STATE_SIZE = 44, /* base64url of 32 bytes, with the NUL */
	OIDC_SUBJECT_SIZE = 256, /* OpenID Connect Core 1.0, section 2: 255 signs of ASCII */
	OIDC_MAIL_SIZE = 255,
	OIDC_WHY_SIZE = 256,
	OIDC_CODE_MAX = 4096,
	OIDC_USED_MAX = 4096,
	OIDC_TICKET_S = 600,
	OIDC_GROUPS_MAX = 64, /* lines of "groups" */
	OIDC_GROUP_SIZE = 256,
};

struct oidc;

/* 0, or an error with a sentence in 'why'. Asks nobody yet. */
MUST_CHECK int oidc_open(const char *path, struct oidc **ret, char why[OIDC_WHY_SIZE]);
void oidc_close(struct oidc *oidc); /* accepts null */
const char *oidc_name(const struct oidc *oidc); /* for people: whose sign-on it is */

struct oidc_going {
	char url[OIDC_URL_SIZE]; /* at the provider */
	char ticket[OIDC_TICKET_SIZE]; /* for the cookie: base64url */
};

/* 0, LUYTRE_E_BUSY (another one is waiting for the provider), LUYTRE_E_IO (it does not answer, or not as it should: the log tells). */
MUST_CHECK int oidc_begin(struct oidc *oidc, int64_t now_us, struct oidc_going *ret);

struct oidc_returning {
	const char *ticket; /* of the cookie; null: there was none */
	const char *code, *state;
	const char *issuer; /* as the provider said beside the code (RFC 9207); null: it did not */
};

struct oidc_identity {
	char issuer[OIDC_URL_SIZE];
	char subject[OIDC_SUBJECT_SIZE];
	char mail[OIDC_MAIL_SIZE]; /* "": none, or the provider does not vouch for it */
	bool second_factor; /* the provider asked for several (RFC 8176: "mfa") */
	uint64_t groups; /* a bit for each line of "groups" that it is in */
};

/* The roles of an identity as the file maps them, at most OIDC_GROUPS_MAX, none twice. False: the file maps nothing, and roles are given by
 * hand alone. */
bool oidc_grants(const struct oidc *oidc, const struct oidc_identity *identity, struct auth_grant ret[OIDC_GROUPS_MAX],
	size_t *ret_count);

/* 0, LUYTRE_E_PERMISSION (something is not as it must be: the log tells), LUYTRE_E_BUSY, LUYTRE_E_IO. */
MUST_CHECK int oidc_finish(
	struct oidc *oidc, const struct oidc_returning *returning, int64_t now_us, struct oidc_identity *ret);
