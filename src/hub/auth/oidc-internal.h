// SPDX-License-Identifier: Apache-2.0
/* What the files of sign-on by others share: oidc.c (the flow), oidc-settings.c (the file), oidc-fetch.c (HTTP), oidc-token.c (the ID
 * token). */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "hub/auth/oidc.h"

enum { OIDC_ID_SIZE = 256, OIDC_SECRET_SIZE = 512, OIDC_SCOPE_SIZE = 256 };

/* One line of "groups": who is in this group at the provider has this role here. */
struct oidc_group {
	char group[OIDC_GROUP_SIZE];
	struct auth_grant grant;
};

struct oidc_settings {
	char issuer[OIDC_URL_SIZE], client[OIDC_ID_SIZE], secret[OIDC_SECRET_SIZE], redirect[OIDC_URL_SIZE];
	char name[OIDC_NAME_SIZE], scope[OIDC_SCOPE_SIZE];
	char *ca; /* owned; PEM */
	char groups_claim[OIDC_GROUP_SIZE];
	struct oidc_group groups[OIDC_GROUPS_MAX];
	size_t group_count;
	bool maps; /* "groups" stands in the file, if only as an empty list */
};

MUST_CHECK int oidc_settings_read(const char *path, struct oidc_settings *ret, char why[OIDC_WHY_SIZE]);
void oidc_settings_done(struct oidc_settings *settings);
/* "https://" and something behind it, without anything that is not of a URL, nor a fragment or a name with a password. */
bool oidc_is_https(const char *url);

/* Asks for JSON: 'form' null: GET; else a POST of it, with 'user' and 'password' (null: none) as HTTP Basic. '*ret' is freed with
 * json_decref. LUYTRE_E_CLOSED: it does not answer; LUYTRE_E_IO: not as it should; both with the reason. LUYTRE_E_NOMEM. */
MUST_CHECK int oidc_fetch(const char *ca, const char *url, const char *form, const char *user, const char *password,
	json_t **ret, char why[OIDC_WHY_SIZE]);

/* Whom an ID token must be about. */
struct oidc_expected {
	const char *issuer, *client, *nonce;
	int64_t now_s;
	const struct oidc_settings *settings; /* whose groups are looked for; null: none */
};

/* 0; LUYTRE_E_NOT_FOUND: none of these keys signed it (there may be newer ones); LUYTRE_E_PERMISSION, both with the reason. 'keys': a
 * JWK set (RFC 7517). No state; any thread. */
MUST_CHECK int oidc_token_read(struct bytes token, const json_t *keys, const struct oidc_expected *expected,
	struct oidc_identity *ret, char why[OIDC_WHY_SIZE]);
