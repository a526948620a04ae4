// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "hub/store/secret.h"

#define US_PER_S  INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define EDGE_NAME "edge-"

enum {
	PATH_SIZE = 512,
	SERIAL_BYTES = 16,
	CA_DAYS = 3650,
	EARLY_S = 300, /* clocks of edges may be behind */
	NAMES_MAX = 1024,
};

struct ca {
	EVP_PKEY *key;
	X509 *certificate;
	char *pem;
	uint8_t fingerprint[CA_FINGERPRINT_SIZE];
};

/* ---- PEM ---- */

static char *take_bio(BIO *bio)
{
	char *data = NULL, *text;
	long size = BIO_get_mem_data(bio, &data);

	text = size > 0 ? malloc((size_t)size + 1) : NULL;
	if (text) {
		memcpy(text, data, (size_t)size);
		text[size] = '\0';
	}
	return text;
}

static char *pem_of_certificate(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio && PEM_write_bio_X509(bio, certificate) ? take_bio(bio) : NULL;

	BIO_free(bio);
	return text;
}

static char *pem_of_key(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) ? take_bio(bio) : NULL;

	BIO_free(bio);
	return text;
}

/* ---- Files ---- */

/* The text, freed by the caller. */
static int read_secret(const char *path, char **ret)
{
	struct stat about;
	FILE *file = fopen(path, "re");
	size_t size = 0;
	char *text;
	int error = 0;

	if (!file)
		return errno == ENOENT ? LUYTRE_E_NOT_FOUND : LUYTRE_E_IO;
	text = calloc(1, CA_PEM_MAX + 1);
	if (text)
		size = fread(text, 1, CA_PEM_MAX, file);
	if (!text)
		error = LUYTRE_E_NOMEM;
	else if (fstat(fileno(file), &about) || ferror(file) || size == 0)
		error = LUYTRE_E_CORRUPT;
	else if (about.st_mode & 077)
		error = LUYTRE_E_PERMISSION;
	fclose(file);
	if (error)
		free(text);
	else
		*ret = text;
	return error;
}

/* ---- Making certificates ---- */

static EVP_PKEY *new_key(void)
{
	return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *certificate)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *number = NULL;
	bool good = RAND_bytes(bytes, sizeof(bytes)) == 1;

	bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always as long */
	if (good)
		number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return good;
}

static bool set_time(X509 *certificate, int64_t now_us, int64_t days)
{
	time_t now = (time_t)(now_us / US_PER_S), early = now - EARLY_S, end = now + (time_t)(days * S_PER_DAY);

	return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &early) &&
	       X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &end);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	good = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

struct wish {
	const char *name; /* common name */
	const char *usage, *purpose; /* key usage, extended key usage; purpose null: an authority */
	const char *alternatives; /* subjectAltName; may be null */
	int64_t days;
};

/* Null when the library refuses. 'issuer' null: signed by itself. */
static X509 *make(const struct wish *wish, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, int64_t now_us)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
	X509 *parent = issuer ? issuer : certificate;
	bool good = certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
		    set_time(certificate, now_us, wish->days) && X509_set_pubkey(certificate, key) &&
		    X509_NAME_add_entry_by_txt(
			    subject, "CN", MBSTRING_UTF8, (const unsigned char *)wish->name, -1, -1, 0) &&
		    X509_set_issuer_name(certificate, X509_get_subject_name(parent));

	good = good &&
	       add_extension(certificate, parent, NID_basic_constraints,
		       wish->purpose ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
	       add_extension(certificate, parent, NID_key_usage, wish->usage) &&
	       add_extension(certificate, parent, NID_subject_key_identifier, "hash");
	if (good && wish->purpose)
		good = add_extension(certificate, parent, NID_ext_key_usage, wish->purpose) &&
		       add_extension(certificate, parent, NID_authority_key_identifier, "keyid:always");
	if (good && wish->alternatives)
		good = add_extension(certificate, parent, NID_subject_alt_name, wish->alternatives);
	if (!good || !X509_sign(certificate, issuer_key, EVP_sha256())) {
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

static void write_serial(const X509 *certificate, char ret[CA_SERIAL_SIZE])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *text = number ? BN_bn2hex(number) : NULL;

	snprintf(ret, CA_SERIAL_SIZE, "%s", text ? text : "");
	OPENSSL_free(text);
	BN_free(number);
}

static int hand_over(X509 *certificate, int64_t now_us, int64_t days, struct ca_certificate *ret)
{
	if (!certificate)
		return LUYTRE_E_SYSTEM;
	ret->pem = pem_of_certificate(certificate);
	ret->until_us = now_us + days * S_PER_DAY * US_PER_S;
	write_serial(certificate, ret->serial);
	X509_free(certificate);
	return ret->pem && ret->serial[0] ? 0 : LUYTRE_E_NOMEM;
}

/* ---- The authority ---- */

static int make_authority(struct ca *ca, const char *key_path, const char *certificate_path, int64_t now_us)
{
	const struct wish wish = { .name = "luytre hub", .usage = "critical,keyCertSign,cRLSign", .days = CA_DAYS };
	char *key_pem;
	int error;

	ca->key = new_key();
	ca->certificate = ca->key ? make(&wish, ca->key, NULL, ca->key, now_us) : NULL;
	if (!ca->certificate)
		return LUYTRE_E_SYSTEM;
	ca->pem = pem_of_certificate(ca->certificate);
	key_pem = pem_of_key(ca->key);
	/* The key last: with it the authority is whole. */
	error = !ca->pem || !key_pem ? LUYTRE_E_NOMEM : 0;
	if (!error && unlink(certificate_path) && errno != ENOENT)
		error = LUYTRE_E_IO;
	if (!error)
		error = secret_write(certificate_path, bytes_from_str(ca->pem));
	if (!error)
		error = secret_write(key_path, bytes_from_str(key_pem));
	free(key_pem);
	return error;
}

static int read_authority(struct ca *ca, char *key_pem, const char *certificate_path)
{
	BIO *bio;
	int error = read_secret(certificate_path, &ca->pem);

	if (error)
		return error == LUYTRE_E_NOT_FOUND ? LUYTRE_E_CORRUPT : error;
	bio = BIO_new_mem_buf(key_pem, -1);
	ca->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	bio = BIO_new_mem_buf(ca->pem, -1);
	ca->certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	if (!ca->key || !ca->certificate || X509_check_private_key(ca->certificate, ca->key) != 1)
		return LUYTRE_E_CORRUPT;
	return 0;
}

int ca_open(const char *dir, int64_t now_us, struct ca **ret)
{
	struct ca *ca = calloc(1, sizeof(*ca));
	char key_path[PATH_SIZE], certificate_path[PATH_SIZE], *key_pem = NULL;
	unsigned int size = 0;
	int error;

	if (!ca)
		return LUYTRE_E_NOMEM;
	snprintf(key_path, sizeof(key_path), "%s/authority.key", dir);
	snprintf(certificate_path, sizeof(certificate_path), "%s/authority.pem", dir);
	error = mkdir(dir, 0700) && errno != EEXIST ? LUYTRE_E_IO : read_secret(key_path, &key_pem);
	if (error == LUYTRE_E_NOT_FOUND)
		error = make_authority(ca, key_path, certificate_path, now_us);
	else if (!error)
		error = read_authority(ca, key_pem, certificate_path);
	if (key_pem)
		OPENSSL_cleanse(key_pem, strlen(key_pem));
	free(key_pem);
	if (!error && X509_digest(ca->certificate, EVP_sha256(), ca->fingerprint, &size) != 1)
		error = LUYTRE_E_SYSTEM;
	if (error) {
		ca_free(ca);
		return error;
	}
	*ret = ca;
	return 0;
}

void ca_free(struct ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->key);
	X509_free(ca->certificate);
	free(ca->pem);
	free(ca);
}

const char *ca_pem(const struct ca *ca)
{
	return ca->pem;
}

void ca_fingerprint(const struct ca *ca, uint8_t ret[CA_FINGERPRINT_SIZE])
{
	memcpy(ret, ca->fingerprint, CA_FINGERPRINT_SIZE);
}

/* ---- Edges ---- */

static bool is_p256(EVP_PKEY *key)
{
	char group[32];
	size_t size = 0;

	return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

int ca_sign_edge(
	const struct ca *ca, uint32_t edge, struct bytes request_pem, int64_t now_us, struct ca_certificate *ret)
{
	char name[24];
	const struct wish wish = {
		.name = name, .usage = "critical,digitalSignature", .purpose = "clientAuth", .days = CA_EDGE_DAYS
	};
	BIO *bio;
	X509_REQ *request;
	EVP_PKEY *key;
	int error = 0;

	if (request_pem.size > CA_PEM_MAX)
		return LUYTRE_E_SYNTAX;
	snprintf(name, sizeof(name), EDGE_NAME "%u", edge);
	bio = BIO_new_mem_buf(request_pem.ptr, (int)request_pem.size);
	request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	key = request ? X509_REQ_get0_pubkey(request) : NULL;
	if (!key)
		error = LUYTRE_E_SYNTAX;
	else if (!is_p256(key))
		error = LUYTRE_E_UNSUPPORTED;
	else if (X509_REQ_verify(request, key) != 1)
		error = LUYTRE_E_PERMISSION;
	if (!error)
		error = hand_over(make(&wish, key, ca->certificate, ca->key, now_us), now_us, CA_EDGE_DAYS, ret);
	X509_REQ_free(request);
	return error;
}

/* "a.example,192.0.2.1" -> "DNS:a.example,IP:192.0.2.1". False when a name has other characters. */
static bool alternatives_of(const char *names, char ret[NAMES_MAX])
{
	size_t size = 0;

	while (*names) {
		size_t name_size = strcspn(names, ",");
		bool numbers = strspn(names, "0123456789.") >= name_size || memchr(names, ':', name_size);
		int wrote = snprintf(ret + size, NAMES_MAX - size, "%s%s%.*s", size ? "," : "",
			numbers ? "IP:" : "DNS:", (int)name_size, names);

		if (strspn(names, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") < name_size ||
			!name_size || wrote < 0 || size + (size_t)wrote >= NAMES_MAX)
			return false;
		size += (size_t)wrote;
		names += name_size + (names[name_size] == ',');
	}
	return size > 0;
}

int ca_make_server(
	const struct ca *ca, const char *names, int64_t now_us, struct ca_certificate *ret, char **ret_key_pem)
{
	char alternatives[NAMES_MAX];
	const struct wish wish = { .name = "luytre hub server",
		.usage = "critical,digitalSignature",
		.purpose = "serverAuth",
		.alternatives = alternatives,
		.days = CA_SERVER_DAYS };
	EVP_PKEY *key;
	int error;

	if (!alternatives_of(names, alternatives))
		return LUYTRE_E_INVALID;
	key = new_key();
	if (!key)
		return LUYTRE_E_SYSTEM;
	error = hand_over(make(&wish, key, ca->certificate, ca->key, now_us), now_us, CA_SERVER_DAYS, ret);
	if (!error) {
		*ret_key_pem = pem_of_key(key);
		if (!*ret_key_pem) {
			free(ret->pem);
			error = LUYTRE_E_NOMEM;
		}
	}
	EVP_PKEY_free(key);
	return error;
}

static bool is_in_time(const X509 *certificate, int64_t now_us)
{
	time_t now = (time_t)(now_us / US_PER_S);

	return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

bool ca_edge_parse(const char *name, uint32_t *ret)
{
	char again[32];
	unsigned long edge;

	if (strncmp(name, EDGE_NAME, strlen(EDGE_NAME)) != 0)
		return false;
	edge = strtoul(name + strlen(EDGE_NAME), NULL, 10);
	snprintf(again, sizeof(again), EDGE_NAME "%lu", edge);
	*ret = (uint32_t)edge;
	return edge > 0 && edge <= UINT32_MAX && strcmp(name, again) == 0;
}

static bool read_edge(const X509 *certificate, uint32_t *ret)
{
	char name[32] = "";
	const X509_NAME *subject = X509_get_subject_name(certificate);

	return X509_NAME_entry_count(subject) == 1 &&
	       X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)subject, NID_commonName, name, sizeof(name)) > 0 &&
	       ca_edge_parse(name, ret);
}

int ca_edge_of(
	const struct ca *ca, struct bytes der, int64_t now_us, uint32_t *ret_edge, char ret_serial[CA_SERIAL_SIZE])
{
	const uint8_t *at = der.ptr;
	X509 *certificate = der.size && der.size <= CA_PEM_MAX ? d2i_X509(NULL, &at, (long)der.size) : NULL;
	bool good = certificate && at == der.ptr + der.size && X509_verify(certificate, ca->key) == 1 &&
		    is_in_time(certificate, now_us) &&
		    X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1 &&
		    read_edge(certificate, ret_edge);

	if (good)
		write_serial(certificate, ret_serial);
	X509_free(certificate);
	return good ? 0 : LUYTRE_E_PERMISSION;
}
