// SPDX-License-Identifier: Apache-2.0
/* Digests against the vectors of RFC 1321 (MD5) and FIPS 180-4 (SHA), whole and cut at every offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/digest.h"

static const struct {
	enum digest_kind kind;
	const char *text;
	const char *hex;
} rows[] = {
	{ DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ DIGEST_MD5, "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		"57edf4a22be3c955ac49da2e2107b67a" },
	{ DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ DIGEST_SHA1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
	{ DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void check(enum digest_kind kind, const uint8_t *found, const char *expected)
{
	char hex[DIGEST_HEX_SIZE];

	assert_string_equal(digest_hex(bytes_of(found, digest_size(kind)), hex), expected);
}

static void test_whole(void **state)
{
	uint8_t found[DIGEST_SIZE_MAX];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(digest_of(rows[i].kind, bytes_from_str(rows[i].text), found), 0);
		check(rows[i].kind, found, rows[i].hex);
	}
	assert_int_equal(digest_md5(bytes_of(NULL, 0), found), 0);
	check(DIGEST_MD5, found, rows[0].hex);
	assert_int_equal(digest_sha1(bytes_from_str("abc"), found), 0);
	check(DIGEST_SHA1, found, rows[4].hex);
	assert_int_equal(digest_sha256(bytes_from_str("abc"), found), 0);
	check(DIGEST_SHA256, found, rows[7].hex);
}

static void test_pieces(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bytes text = bytes_from_str(rows[i].text);

		for (size_t cut = 0; cut <= text.size; cut++) {
			struct digest digest;
			uint8_t found[DIGEST_SIZE_MAX];

			assert_int_equal(digest_init(&digest, rows[i].kind), 0);
			digest_update(&digest, bytes_first(text, cut));
			digest_update(&digest, bytes_skip(text, cut));
			assert_int_equal(digest_finish(&digest, found), 0);
			check(rows[i].kind, found, rows[i].hex);
			digest_done(&digest);
			digest_done(&digest);
		}
	}
}

static void test_names(void **state)
{
	struct digest digest = { 0 };

	assert_string_equal(digest_name(DIGEST_MD5), "md5");
	assert_string_equal(digest_name(DIGEST_SHA1), "sha1");
	assert_string_equal(digest_name(DIGEST_SHA256), "sha256");
	digest_done(&digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
