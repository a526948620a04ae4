// SPDX-License-Identifier: Apache-2.0
#include "hub/edges/csrtest.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool worked)
{
	if (worked)
		return;
	fputs("A request for a certificate cannot be made.\n", stderr);
	abort();
}

char *csrtest_pem(EVP_PKEY *key, EVP_PKEY *signer, const char *name)
{
	EVP_PKEY *made = key ? NULL : EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long size;

	key = key ? key : made;
	must(key && request && bio && X509_REQ_set_pubkey(request, key));
	must(!name || X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
			      (const unsigned char *)name, -1, -1, 0));
	must(X509_REQ_sign(request, signer ? signer : key, EVP_sha256()) > 0 && PEM_write_bio_X509_REQ(bio, request));
	size = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)size);
	must(text != NULL);
	BIO_free(bio);
	X509_REQ_free(request);
	EVP_PKEY_free(made);
	return text;
}
