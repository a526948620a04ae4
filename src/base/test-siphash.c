// SPDX-License-Identifier: Apache-2.0
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The paper's key 00 01 .. 0f and inputs 00 01 ..; row n is the hash of the first n bytes. The row of 15 is the
 * example of appendix A, the others are of the authors' reference implementation (vectors.h). */
static const struct siphash_key paper_key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };

static const struct {
	size_t size;
	uint64_t hash;
} vectors[] = {
	{ 0, UINT64_C(0x726fdb47dd0e0e31) },
	{ 1, UINT64_C(0x74f839c593dc67fd) },
	{ 2, UINT64_C(0x0d6c8009d9a94f5a) },
	{ 3, UINT64_C(0x85676696d7fb7e2d) },
	{ 4, UINT64_C(0xcf2794e0277187b7) },
	{ 5, UINT64_C(0x18765564cd99a68d) },
	{ 6, UINT64_C(0xcbc9466e58fee3ce) },
	{ 7, UINT64_C(0xab0200f58b01d137) },
	{ 8, UINT64_C(0x93f5f5799a932462) },
	{ 15, UINT64_C(0xa129ca6149be45e5) },
};

static void gives_the_vectors_of_the_paper(void **state)
{
	uint8_t input[16];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_COUNT(vectors); i++)
		assert_int_equal(siphash24(paper_key, input, vectors[i].size), vectors[i].hash);
}

static void does_not_depend_on_alignment(void **state)
{
	uint8_t room[32];

	for (size_t offset = 0; offset < 8; offset++) {
		for (size_t i = 0; i < 15; i++)
			room[offset + i] = (uint8_t)i;
		assert_int_equal(siphash24(paper_key, room + offset, 15), UINT64_C(0xa129ca6149be45e5));
	}
	assert_int_equal(siphash24(paper_key, NULL, 0), UINT64_C(0x726fdb47dd0e0e31));
}

static void random_keys_differ(void **state)
{
	struct siphash_key first, second;

	assert_int_equal(siphash_key_random(&first), 0);
	assert_int_equal(siphash_key_random(&second), 0);
	assert_true(first.k0 != second.k0 && first.k1 != second.k1);
	assert_true(siphash24(first, "abc", 3) != siphash24(second, "abc", 3));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_vectors_of_the_paper),
		cmocka_unit_test(does_not_depend_on_alignment),
		cmocka_unit_test(random_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
