// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "hub/edges/ca.h"
#include "hub/edges/csrtest.h"

#define NOW INT64_C(1795000000000000)
#define DAY (INT64_C(86400) * 1000000)

static char dir[64], other_dir[64];
static struct ca *ca;

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/luytre-test-ca-XXXXXX");
	snprintf(other_dir, sizeof(other_dir), "/tmp/luytre-test-ca-XXXXXX");
	return !mkdtemp(dir) || !mkdtemp(other_dir) || ca_open(dir, NOW, &ca);
}

static void remove_dir(const char *path)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/authority.key", path);
	unlink(file);
	snprintf(file, sizeof(file), "%s/authority.pem", path);
	unlink(file);
	rmdir(path);
}

static int teardown(void **state)
{
	ca_free(ca);
	remove_dir(dir);
	remove_dir(other_dir);
	return 0;
}

static size_t der_of(const char *pem, uint8_t **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int size;

	assert_non_null(certificate);
	*ret = NULL;
	size = i2d_X509(certificate, ret);
	assert_true(size > 0);
	X509_free(certificate);
	BIO_free(bio);
	return (size_t)size;
}

static int edge_of(const struct ca *of, const char *pem, int64_t now_us, uint32_t *ret)
{
	uint8_t *der;
	size_t size = der_of(pem, &der);
	char serial[CA_SERIAL_SIZE];
	int error = ca_edge_of(of, bytes_of(der, size), now_us, ret, serial);

	OPENSSL_free(der);
	return error;
}

static void test_edge(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *request = csrtest_pem(key, NULL, "edge-99"); /* what it calls itself does not count */
	struct ca_certificate one, two;
	uint32_t edge = 0;

	assert_int_equal(ca_sign_edge(ca, 12, bytes_from_str(request), NOW, &one), 0);
	assert_int_equal(ca_sign_edge(ca, 4294967295u, bytes_from_str(request), NOW, &two), 0);
	assert_string_not_equal(one.serial, two.serial);
	assert_true(one.until_us == NOW + 30 * DAY);
	assert_int_equal(edge_of(ca, one.pem, NOW, &edge), 0);
	assert_int_equal(edge, 12);
	assert_int_equal(edge_of(ca, two.pem, NOW + 29 * DAY, &edge), 0);
	assert_true(edge == 4294967295u);
	assert_int_equal(edge_of(ca, one.pem, NOW + 31 * DAY, &edge), LUYTRE_E_PERMISSION);
	assert_int_equal(edge_of(ca, one.pem, NOW - DAY, &edge), LUYTRE_E_PERMISSION);
	free(one.pem);
	free(two.pem);
	free(request);
	EVP_PKEY_free(key);
}

/* Certificates that are good for something else, or somebody else's. */
static void test_strangers(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *request = csrtest_pem(key, NULL, "x"), *key_pem;
	struct ca *other;
	struct ca_certificate theirs, server;
	uint32_t edge;
	uint8_t *der;
	size_t size;
	char serial[CA_SERIAL_SIZE];

	assert_int_equal(ca_open(other_dir, NOW, &other), 0);
	assert_int_equal(ca_sign_edge(other, 12, bytes_from_str(request), NOW, &theirs), 0);
	assert_int_equal(edge_of(ca, theirs.pem, NOW, &edge), LUYTRE_E_PERMISSION);
	assert_int_equal(ca_make_server(ca, "localhost,127.0.0.1,::1", NOW, &server, &key_pem), 0);
	assert_int_equal(edge_of(ca, server.pem, NOW, &edge), LUYTRE_E_PERMISSION);
	assert_int_equal(edge_of(ca, ca_pem(ca), NOW, &edge), LUYTRE_E_PERMISSION);
	assert_int_equal(ca_make_server(ca, "", NOW, &server, &key_pem), LUYTRE_E_INVALID);
	assert_int_equal(ca_make_server(ca, "a,dirName:evil", NOW, &server, &key_pem), LUYTRE_E_SYSTEM);
	assert_int_equal(ca_make_server(ca, "a b", NOW, &server, &key_pem), LUYTRE_E_INVALID);
	size = der_of(theirs.pem, &der);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(ca_edge_of(other, bytes_of(der, i), NOW, &edge, serial), LUYTRE_E_PERMISSION);
	for (size_t i = 0; i < size; i++) {
		der[i] ^= 1;
		assert_int_equal(ca_edge_of(other, bytes_of(der, size), NOW, &edge, serial), LUYTRE_E_PERMISSION);
		der[i] ^= 1;
	}
	assert_int_equal(ca_edge_of(other, bytes_of(der, size), NOW, &edge, serial), 0);
	OPENSSL_free(der);
	free(key_pem);
	free(server.pem);
	free(theirs.pem);
	free(request);
	ca_free(other);
	EVP_PKEY_free(key);
}

static void test_requests(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *stranger = EVP_EC_gen("P-256"), *larger = EVP_EC_gen("P-384"),
		 *rsa = EVP_RSA_gen(2048);
	char *forged = csrtest_pem(key, stranger, "x"), *wide = csrtest_pem(larger, NULL, "x"),
	     *old = csrtest_pem(rsa, NULL, "x"), *good = csrtest_pem(key, NULL, "x");
	struct ca_certificate certificate;

	assert_int_equal(ca_sign_edge(ca, 1, bytes_from_str(forged), NOW, &certificate), LUYTRE_E_PERMISSION);
	assert_int_equal(ca_sign_edge(ca, 1, bytes_from_str(wide), NOW, &certificate), LUYTRE_E_UNSUPPORTED);
	assert_int_equal(ca_sign_edge(ca, 1, bytes_from_str(old), NOW, &certificate), LUYTRE_E_UNSUPPORTED);
	for (size_t i = 0; i + 30 < strlen(good); i++)
		assert_int_equal(ca_sign_edge(ca, 1, bytes_of(good, i), NOW, &certificate), LUYTRE_E_SYNTAX);
	free(forged);
	free(wide);
	free(old);
	free(good);
	EVP_PKEY_free(key);
	EVP_PKEY_free(stranger);
	EVP_PKEY_free(larger);
	EVP_PKEY_free(rsa);
}

static void test_files(void **state)
{
	char path[128];
	struct ca *again;
	uint8_t before[CA_FINGERPRINT_SIZE], after[CA_FINGERPRINT_SIZE];

	ca_fingerprint(ca, before);
	assert_int_equal(ca_open(dir, NOW + DAY, &again), 0);
	ca_fingerprint(again, after);
	assert_memory_equal(before, after, sizeof(before));
	ca_free(again);
	snprintf(path, sizeof(path), "%s/authority.key", dir);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(ca_open(dir, NOW, &again), LUYTRE_E_PERMISSION);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(ca_open(dir, NOW, &again), LUYTRE_E_CORRUPT);
	assert_int_equal(ca_open("/nonexistent/folder", NOW, &again), LUYTRE_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_edge), cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_requests), cmocka_unit_test(test_files) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
