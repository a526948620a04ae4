// SPDX-License-Identifier: Apache-2.0
/* The ID token: a JWS in its compact form (RFC 7515, section 7.1) whose payload is what the provider says of somebody. */
#include <cjose/cjose.h>
#include <stdarg.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonr.h"
#include "hub/auth/oidc-internal.h"

enum {
	TOKEN_MAX = 16 << 10,
	HEADER_MAX = 2048,
	KEYS_MAX = 64,
	CLOCKS_S = 60, /* two clocks may differ by this */
	AGE_S = 600, /* a token is made when it is asked for */
	RSA_TEXT_MIN = 342, /* base64url of 2,048 bits */
	RSA_TEXT_MAX = 1366, /* of 8,192: more takes long to verify */
};

static const struct jsonr_limits token_limits = { .size_max = TOKEN_MAX, .depth_max = 8, .value_max = 1000 };

/* A token names one of these rows, or is refused. */
static const struct {
	const char *name, *key_type;
} algorithms[] = { { "RS256", "RSA" }, { "PS256", "RSA" }, { "ES256", "EC" } };

PRINTF_LIKE(2, 3) static int refuse(char why[OIDC_WHY_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, OIDC_WHY_SIZE, format, args);
	va_end(args);
	return LUYTRE_E_PERMISSION;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool is_text(const json_t *object, const char *key, const char *expected)
{
	const char *text = text_of(object, key);

	return text && strcmp(text, expected) == 0;
}

static int parse(struct bytes text, json_t **ret)
{
	struct jsonr_errors errors = { 0 };
	int error = jsonr_parse(text, &token_limits, &errors, ret);

	if (!error && !json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
		error = LUYTRE_E_SYNTAX;
	}
	return error;
}

/* What says how it is signed; not believed, but looked up. */
static int read_header(struct bytes token, json_t **ret, char why[OIDC_WHY_SIZE])
{
	size_t end = bytes_index(token, '.'), size = 0;
	uint8_t header[HEADER_MAX];

	*ret = NULL;
	if (token.size > TOKEN_MAX || end == token.size ||
		sodium_base642bin(header, sizeof(header), (const char *)token.ptr, end, NULL, &size, NULL,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
		parse(bytes_of(header, size), ret))
		return refuse(why, "the ID token is not of the form of a signed one");
	/* RFC 7515, section 4.1.11: what must be understood, and is not. */
	if (json_object_get(*ret, "crit") || json_object_get(*ret, "enc") || json_object_get(*ret, "b64"))
		return refuse(why, "the ID token uses an extension, or is encrypted");
	return 0;
}

static const char *key_type_of(const json_t *header)
{
	for (size_t i = 0; i < ARRAY_COUNT(algorithms); i++)
		if (is_text(header, "alg", algorithms[i].name))
			return algorithms[i].key_type;
	return NULL;
}

static bool is_strong(const json_t *key)
{
	const char *n = text_of(key, "n");

	if (is_text(key, "kty", "EC"))
		return is_text(key, "crv", "P-256");
	return n && strlen(n) >= RSA_TEXT_MIN && strlen(n) <= RSA_TEXT_MAX;
}

static bool may_have_signed(const json_t *key, const json_t *header, const char *key_type)
{
	const char *kid = text_of(header, "kid");

	return is_text(key, "kty", key_type) && (!json_object_get(key, "use") || is_text(key, "use", "sig")) &&
	       (!json_object_get(key, "alg") || is_text(key, "alg", text_of(header, "alg"))) &&
	       (!kid || is_text(key, "kid", kid)) && is_strong(key);
}

/* The one key that fits. A token that names none may have been signed by one alone. */
static const json_t *find_key(const json_t *set, const json_t *header, const char *key_type)
{
	const json_t *keys = json_object_get(set, "keys"), *found = NULL;
	size_t count = json_array_size(keys);

	for (size_t i = 0; i < count && i < KEYS_MAX; i++) {
		const json_t *key = json_array_get(keys, i);

		if (!may_have_signed(key, header, key_type))
			continue;
		if (found)
			return NULL;
		found = key;
	}
	return found;
}

static int verify(struct bytes token, const json_t *key, json_t **ret)
{
	cjose_err why = { 0 };
	char *text = json_dumps(key, JSON_COMPACT);
	cjose_jwk_t *jwk = text ? cjose_jwk_import(text, strlen(text), &why) : NULL;
	cjose_jws_t *jws = jwk ? cjose_jws_import((const char *)token.ptr, token.size, &why) : NULL;
	uint8_t *payload = NULL;
	size_t size = 0;
	int error = LUYTRE_E_PERMISSION;

	if (jws && cjose_jws_verify(jws, jwk, &why) && cjose_jws_get_plaintext(jws, &payload, &size, &why))
		error = parse(bytes_of(payload, size), ret);
	cjose_jws_release(jws);
	cjose_jwk_release(jwk);
	free(text);
	return error;
}

/* In whole seconds; false when it is not there or is none. */
static bool read_time(const json_t *claims, const char *name, int64_t *ret)
{
	const json_t *value = json_object_get(claims, name);
	double seconds = json_is_number(value) ? json_number_value(value) : -1;

	if (!(seconds >= 0 && seconds < 1e15))
		return false;
	*ret = (int64_t)seconds;
	return true;
}

static int check_times(const json_t *claims, int64_t now_s, char why[OIDC_WHY_SIZE])
{
	int64_t expires, issued, from;

	if (!read_time(claims, "exp", &expires) || !read_time(claims, "iat", &issued))
		return refuse(why, "the ID token does not say from when until when it holds");
	if (expires + CLOCKS_S <= now_s || issued + AGE_S + CLOCKS_S <= now_s)
		return refuse(why, "the ID token is over");
	if (issued > now_s + CLOCKS_S ||
		(json_object_get(claims, "nbf") && (!read_time(claims, "nbf", &from) || from > now_s + CLOCKS_S)))
		return refuse(why, "the ID token is from the future; the clocks differ");
	return 0;
}

/* Core, section 3.1.3.7, 3 to 5. */
static bool is_for(const json_t *claims, const char *client)
{
	const json_t *audience = json_object_get(claims, "aud"), *party = json_object_get(claims, "azp");
	size_t count = json_is_array(audience) ? json_array_size(audience) : 1;
	bool found = is_text(claims, "aud", client);

	for (size_t i = 0; json_is_array(audience) && i < count; i++) {
		const char *one = json_string_value(json_array_get(audience, i));

		found = found || (one && strcmp(one, client) == 0);
	}
	return found && (party ? is_text(claims, "azp", client) : count == 1);
}

static bool is_nonce(const json_t *claims, const char *nonce)
{
	const char *text = text_of(claims, "nonce");

	return text && strlen(text) == strlen(nonce) && sodium_memcmp(text, nonce, strlen(nonce)) == 0;
}

/* Printable ASCII. */
static bool copy_plain(const char *text, char *ret, size_t ret_size)
{
	size_t size = text ? strnlen(text, ret_size) : 0;

	for (size_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	if (size == 0 || size == ret_size)
		return false;
	memcpy(ret, text, size + 1);
	return true;
}

static bool is_in(const json_t *groups, const char *group)
{
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const char *name = json_string_value(json_array_get(groups, i));

		if (name && strcmp(name, group) == 0)
			return true;
	}
	return false;
}

static uint64_t read_groups(const json_t *claims, const struct oidc_settings *settings)
{
	uint64_t bits = 0;

	for (size_t i = 0; settings && i < settings->group_count; i++)
		if (is_in(json_object_get(claims, settings->groups_claim), settings->groups[i].group))
			bits |= UINT64_C(1) << i;
	return bits;
}

static int read_identity(const json_t *claims, const char *issuer, struct oidc_identity *ret, char why[OIDC_WHY_SIZE])
{
	const json_t *methods = json_object_get(claims, "amr");

	*ret = (struct oidc_identity){ 0 };
	snprintf(ret->issuer, sizeof(ret->issuer), "%s", issuer);
	if (!copy_plain(text_of(claims, "sub"), ret->subject, sizeof(ret->subject)))
		return refuse(why, "the ID token does not say whom it is about");
	if (!json_is_true(json_object_get(claims, "email_verified")) ||
		!copy_plain(text_of(claims, "email"), ret->mail, sizeof(ret->mail)))
		ret->mail[0] = '\0';
	for (size_t i = 0; i < json_array_size(methods); i++) {
		const char *method = json_string_value(json_array_get(methods, i));

		ret->second_factor = ret->second_factor || (method && strcmp(method, "mfa") == 0);
	}
	return 0;
}

static int check_claims(
	const json_t *claims, const struct oidc_expected *expected, struct oidc_identity *ret, char why[OIDC_WHY_SIZE])
{
	int error;

	if (!is_text(claims, "iss", expected->issuer))
		return refuse(why, "the ID token is of another provider");
	if (!is_for(claims, expected->client))
		return refuse(why, "the ID token is for another client");
	if (!is_nonce(claims, expected->nonce))
		return refuse(why, "the ID token answers another question: the nonce differs");
	error = check_times(claims, expected->now_s, why);
	if (!error)
		error = read_identity(claims, expected->issuer, ret, why);
	if (!error)
		ret->groups = read_groups(claims, expected->settings);
	return error;
}

int oidc_token_read(struct bytes token, const json_t *keys, const struct oidc_expected *expected,
	struct oidc_identity *ret, char why[OIDC_WHY_SIZE])
{
	json_t *header = NULL, *claims = NULL;
	const char *key_type;
	const json_t *key = NULL;
	int error = read_header(token, &header, why);

	key_type = error ? NULL : key_type_of(header);
	if (!error && !key_type)
		error = refuse(why, "the ID token is not signed by RS256, PS256 or ES256");
	if (!error) {
		key = find_key(keys, header, key_type);
		if (!key) {
			refuse(why, "no key of the provider fits the ID token");
			error = LUYTRE_E_NOT_FOUND;
		}
	}
	if (!error && verify(token, key, &claims))
		error = refuse(why, "the signature of the ID token is wrong");
	if (!error)
		error = check_claims(claims, expected, ret, why);
	json_decref(header);
	json_decref(claims);
	return error;
}
