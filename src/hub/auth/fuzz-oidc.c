// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an ID token. The first byte 0: as they come. Otherwise they are the claims, and are signed here with the provider's key, or
 * nothing behind the signature would ever be reached. What is believed names somebody in plain signs, and was for us. */
#include <assert.h>
#include <cjose/cjose.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hub/auth/oidc-internal.h"

/* Made for this test. */
static const char key_text[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
			       "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
			       "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
			       "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}";

static cjose_jwk_t *key;
static json_t *keys;

static void start(void)
{
	cjose_err why;
	json_t *public;

	if (key)
		return;
	public = json_loads(key_text, 0, NULL);

	json_object_del(public, "d");
	keys = json_pack("{s:[o]}", "keys", public);
	key = cjose_jwk_import(key_text, strlen(key_text), &why);
	assert(key && keys);
}

static void look_at(struct bytes token)
{
	static const struct oidc_expected expected = {
		.issuer = "https://id.example", .client = "luytre", .nonce = "n", .now_s = 1795000000
	};
	struct oidc_identity identity;
	char why[OIDC_WHY_SIZE] = "";

	if (oidc_token_read(token, keys, &expected, &identity, why)) {
		assert(why[0] != '\0');
		return;
	}
	assert(identity.subject[0] != '\0' && strcmp(identity.issuer, expected.issuer) == 0);
	for (const char *at = identity.subject; *at; at++)
		assert(*at > ' ' && *at <= '~');
	for (const char *at = identity.mail; *at; at++)
		assert(*at > ' ' && *at <= '~');
}

static void sign(struct bytes claims)
{
	cjose_err why;
	cjose_header_t *header = cjose_header_new(&why);
	cjose_jws_t *jws = NULL;
	const char *text;

	if (header && cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &why))
		jws = cjose_jws_sign(key, header, claims.ptr, claims.size, &why);
	if (jws && cjose_jws_export(jws, &text, &why))
		look_at(bytes_from_str(text));
	cjose_jws_release(jws);
	cjose_header_release(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	start();
	if (data[0] == 0)
		look_at(bytes_of(data + 1, size - 1));
	else
		sign(bytes_of(data + 1, size - 1));
	return 0;
}
