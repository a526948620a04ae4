// SPDX-License-Identifier: Apache-2.0
#include "edge/link/enrol.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/jsonw.h"
#include "base/log.h"

#define TOKEN_WORD "ltedge1."

enum { SECRET_SIZE = 32, BODY_MAX = 64 << 10, ANSWER_MAX = 256 << 10, TIMEOUT_MS = 30000 };

int enrol_read_token(const char *token, uint8_t ret_fingerprint[HTTP_FINGERPRINT_SIZE])
{
	uint8_t content[SECRET_SIZE + HTTP_FINGERPRINT_SIZE];
	size_t word = strlen(TOKEN_WORD), size = 0;

	if (strncmp(token, TOKEN_WORD, word) != 0 ||
		sodium_base642bin(content, sizeof(content), token + word, strlen(token + word), NULL, &size, NULL,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
		size != sizeof(content))
		return LUYTRE_E_SYNTAX;
	memcpy(ret_fingerprint, content + SECRET_SIZE, HTTP_FINGERPRINT_SIZE);
	sodium_memzero(content, sizeof(content));
	return 0;
}

/* ---- Key and request (PKCS #10, RFC 2986) ---- */

/* A key, and the request for a certificate of it; both as PEM in BIOs. */
struct asking {
	BIO *key, *request;
};

static void asking_done(struct asking *asking)
{
	BIO_free(asking->key); /* clears it */
	BIO_free(asking->request);
}

static struct bytes bio_bytes(BIO *bio)
{
	char *text = NULL;
	long size = BIO_get_mem_data(bio, &text);

	return bytes_of(text, size > 0 ? (size_t)size : 0);
}

static int make_request(struct asking *ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	bool made = false;

	*ret = (struct asking){ BIO_new(BIO_s_secmem()), BIO_new(BIO_s_mem()) };
	if (key && request && ret->key && ret->request && X509_REQ_set_version(request, 0) &&
		X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) > 0)
		made = PEM_write_bio_PrivateKey(ret->key, key, NULL, NULL, 0, NULL, NULL) &&
		       PEM_write_bio_X509_REQ(ret->request, request);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	if (made)
		return 0;
	asking_done(ret);
	return LUYTRE_E_NOMEM;
}

/* ---- Asking ---- */

static int error_of_status(long status)
{
	if (status == 401 || status == 403)
		return LUYTRE_E_PERMISSION;
	return status == 200 || status == 201 ? 0 : LUYTRE_E_IO;
}

/* Sends the object that 'json' holds. */
static int ask(struct http *http, const char *path, const struct jsonw *json, struct identity_answer *ret, char *why,
	size_t why_size)
{
	struct http_request request = { .path = path,
		.post = true,
		.content_type = "application/json",
		.timeout_ms = TIMEOUT_MS,
		.answer_max = ANSWER_MAX };
	struct http_answer answer;
	int error = jsonw_text(json, &request.body);

	if (error)
		return error;
	error = http_send(http, &request, &answer);
	snprintf(why, why_size, "%s", answer.why);
	if (!error) {
		error = error_of_status(answer.status);
		snprintf(why, why_size, "%ld %.*s", answer.status, answer.size < why_size ? (int)answer.size : 0,
			answer.body ? (const char *)answer.body : "");
	}
	if (!error)
		error = identity_read_answer(bytes_of(answer.body, answer.size), ret);
	http_answer_done(&answer);
	return error;
}

static void write_enrol(struct jsonw *json, const struct enrol_options *options, struct bytes request)
{
	jsonw_object_begin(json);
	jsonw_kv_string(json, "token", options->token);
	jsonw_kv_string_bytes(json, "csr", request);
	jsonw_kv_string(json, "version", LUYTRE_VERSION);
	jsonw_object_end(json);
}

static int ask_first(struct http *http, const struct enrol_options *options, const char *url, char *why,
	size_t why_size, uint32_t *ret_edge)
{
	struct identity_answer answer;
	struct asking asking;
	struct jsonw json;
	int error = make_request(&asking);

	if (error)
		return error;
	jsonw_init(&json, BODY_MAX);
	write_enrol(&json, options, bio_bytes(asking.request));
	error = ask(http, "/edge/v1/enrol", &json, &answer, why, why_size);
	if (!error) {
		*ret_edge = answer.edge;
		error = answer.edge ? identity_save(options->dir, url, answer.edge, bio_bytes(asking.key), &answer)
				    : LUYTRE_E_SYNTAX;
		snprintf(why, why_size, "%s", error ? error_text(error, LUYTRE_LANG_EN) : "");
		identity_answer_done(&answer);
	}
	jsonw_done(&json);
	asking_done(&asking);
	return error;
}

int enrol(const struct enrol_options *options, char *why, size_t why_size, uint32_t *ret_edge)
{
	uint8_t fingerprint[HTTP_FINGERPRINT_SIZE];
	char url[IDENTITY_URL_SIZE];
	const atomic_bool stop = false;
	struct http *http;
	int error;

	why[0] = '\0';
	if (sodium_init() < 0 || http_start())
		return LUYTRE_E_SYSTEM;
	if (identity_check_url(options->url, url)) {
		snprintf(why, why_size, "%s: https://HOST:PORT is expected", options->url);
		return LUYTRE_E_SYNTAX;
	}
	if (enrol_read_token(options->token, fingerprint)) {
		snprintf(why, why_size, "this is not a token of a hub: it begins with " TOKEN_WORD);
		return LUYTRE_E_SYNTAX;
	}
	error = http_open_first(url, fingerprint, &stop, &http);
	if (error)
		return error;
	error = ask_first(http, options, url, why, why_size, ret_edge);
	http_close(http);
	return error;
}

/* ---- Renewing ---- */

/* Days until the certificate ends; negative when it has, which the log tells. LUYTRE_E_IO: it cannot be read. */
static int left_days(const char *path, int64_t now_us, int *ret_days)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(now_us / 1000000));
	int seconds = 0, error = LUYTRE_E_IO;

	if (certificate && now && ASN1_TIME_diff(ret_days, &seconds, now, X509_get0_notAfter(certificate)))
		error = 0;
	if (!error && (*ret_days < 0 || seconds < 0)) {
		*ret_days = *ret_days < 0 ? *ret_days : -1;
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR,
			"the certificate of this edge has ended: the hub does not take it; enrol again, with a new "
			"token");
	}
	ASN1_TIME_free(now);
	X509_free(certificate);
	BIO_free(file);
	return error;
}

int enrol_renew(const char *dir, struct identity *identity, struct http *http, int64_t now_us)
{
	struct identity_answer answer;
	struct asking asking;
	struct jsonw json;
	char why[HTTP_WHY_SIZE];
	int days = 0, error = left_days(identity->client, now_us, &days);

	if (!error && days >= ENROL_RENEW_LEFT_DAYS)
		error = LUYTRE_E_EXISTS;
	if (!error)
		error = make_request(&asking);
	if (error)
		return error;
	jsonw_init(&json, BODY_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_string_bytes(&json, "csr", bio_bytes(asking.request));
	jsonw_object_end(&json);
	error = ask(http, "/edge/v1/renew", &json, &answer, why, sizeof(why));
	if (!error) {
		error = identity_save(dir, identity->url, identity->edge, bio_bytes(asking.key), &answer);
		identity_answer_done(&answer);
	}
	jsonw_done(&json);
	asking_done(&asking);
	return error;
}
