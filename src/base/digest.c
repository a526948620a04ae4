// SPDX-License-Identifier: Apache-2.0
/* The algorithms are looked up once: in OpenSSL 3 a look-up costs more than hashing a short text. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/error.h"

static struct {
	const char *name;
	const char *fetch_name;
	size_t size;
	EVP_MD *method; /* null when the library refuses it; kept until the program ends */
} kinds[] = {
	[DIGEST_MD5] = { "md5", "MD5", DIGEST_MD5_SIZE, NULL },
	[DIGEST_SHA1] = { "sha1", "SHA1", DIGEST_SHA1_SIZE, NULL },
	[DIGEST_SHA256] = { "sha256", "SHA256", DIGEST_SHA256_SIZE, NULL },
};

static pthread_once_t methods_once = PTHREAD_ONCE_INIT;

static void methods_fetch(void)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		kinds[i].method = EVP_MD_fetch(NULL, kinds[i].fetch_name, NULL);
}

static EVP_MD *method_of(enum digest_kind kind)
{
	pthread_once(&methods_once, methods_fetch);
	return kinds[kind].method;
}

size_t digest_size(enum digest_kind kind)
{
	return kinds[kind].size;
}

const char *digest_name(enum digest_kind kind)
{
	return kinds[kind].name;
}

int digest_init(struct digest *digest, enum digest_kind kind)
{
	EVP_MD *method = method_of(kind);

	*digest = (struct digest){ .kind = kind };
	if (!method)
		return LUYTRE_E_UNSUPPORTED;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context)
		return LUYTRE_E_NOMEM;
	if (EVP_DigestInit_ex2(digest->context, method, NULL) == 1)
		return 0;
	digest_done(digest);
	return LUYTRE_E_NOMEM;
}

void digest_update(struct digest *digest, struct bytes in)
{
	if (in.size != 0 && EVP_DigestUpdate(digest->context, in.ptr, in.size) != 1)
		digest->failed = true;
}

int digest_finish(struct digest *digest, uint8_t ret[DIGEST_SIZE_MAX])
{
	if (digest->failed || EVP_DigestFinal_ex(digest->context, ret, NULL) != 1)
		return LUYTRE_E_SYSTEM;
	return 0;
}

void digest_done(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

int digest_of(enum digest_kind kind, struct bytes in, uint8_t *ret)
{
	EVP_MD *method = method_of(kind);

	if (method && EVP_Digest(in.size != 0 ? in.ptr : (const uint8_t *)"", in.size, ret, NULL, method, NULL) == 1)
		return 0;
	memset(ret, 0, kinds[kind].size);
	return method ? LUYTRE_E_NOMEM : LUYTRE_E_UNSUPPORTED;
}

int digest_md5(struct bytes in, uint8_t ret[DIGEST_MD5_SIZE])
{
	return digest_of(DIGEST_MD5, in, ret);
}

int digest_sha1(struct bytes in, uint8_t ret[DIGEST_SHA1_SIZE])
{
	return digest_of(DIGEST_SHA1, in, ret);
}

int digest_sha256(struct bytes in, uint8_t ret[DIGEST_SHA256_SIZE])
{
	return digest_of(DIGEST_SHA256, in, ret);
}

char *digest_hex(struct bytes in, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	char *out = ret;

	for (size_t i = 0; i < in.size; i++) {
		*out++ = digits[in.ptr[i] >> 4];
		*out++ = digits[in.ptr[i] & 15];
	}
	*out = '\0';
	return ret;
}
