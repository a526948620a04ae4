// SPDX-License-Identifier: Apache-2.0
/* One file, two recipients: each opens his part, nobody the other's, and nothing can be changed or handed on unseen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "hub/assess/package.h"

#define ALL  "{\"answers\":[1,2,3]}"
#define SUMS "{\"sums\":{}}"

static struct audit_key hub, other_hub;
static uint8_t public_keys[3][PACKAGE_KEY_SIZE], secret_keys[3][PACKAGE_SECRET_SIZE];
static uint8_t *made;
static size_t made_size;

static int setup(void **state)
{
	const struct package_part parts[] = { { public_keys[0], bytes_from_str(ALL) },
		{ public_keys[1], bytes_from_str(SUMS) } };

	if (sodium_init() < 0)
		return -1;
	crypto_sign_keypair(hub.public_key, hub.secret_key);
	crypto_sign_keypair(other_hub.public_key, other_hub.secret_key);
	for (size_t i = 0; i < 3; i++)
		crypto_box_keypair(public_keys[i], secret_keys[i]);
	return package_make(parts, 2, &hub, &made, &made_size);
}

static int teardown(void **state)
{
	free(made);
	return 0;
}

static int open_as(struct bytes in, size_t who, const struct audit_key *signer, const char *wanted)
{
	char why[PACKAGE_WHY_SIZE] = "";
	struct package package;
	int error = package_open(in, secret_keys[who], signer ? signer->public_key : NULL, &package, why);

	if (!error) {
		assert_true(bytes_equal_str(package.text, wanted));
		assert_memory_equal(package.signer, hub.public_key, sizeof(package.signer));
		package_done(&package);
	} else {
		assert_true(why[0] != '\0');
		assert_null(package.owned);
	}
	return error;
}

static void test_views(void **state)
{
	const struct bytes file = bytes_of(made, made_size);

	assert_int_equal(open_as(file, 0, &hub, ALL), 0);
	assert_int_equal(open_as(file, 0, NULL, ALL), 0);
	assert_int_equal(open_as(file, 1, &hub, SUMS), 0);
	assert_int_equal(open_as(file, 2, &hub, ""), LUYTRE_E_NOT_FOUND);
	assert_int_equal(open_as(file, 0, &other_hub, ""), LUYTRE_E_PERMISSION);
	assert_null(memmem(made, made_size, "answers", 7));
}

/* Each byte that is changed, each end that is cut. */
static void test_changed(void **state)
{
	uint8_t *copy = malloc(made_size);

	for (size_t i = 0; i < made_size; i++) {
		int errors[2];

		memcpy(copy, made, made_size);
		copy[i] ^= 1;
		for (size_t who = 0; who < 2; who++)
			errors[who] = open_as(bytes_of(copy, made_size), who, &hub, who ? SUMS : ALL);
		assert_true(errors[0] || errors[1]); /* of one part at least */
		assert_true(open_as(bytes_of(copy, i), 0, &hub, ""));
	}
	free(copy);
}

/* Who opens his part cannot pass it on as made for a third. */
static void test_handed_on(void **state)
{
	const struct package_part theirs = { public_keys[2], bytes_from_str(ALL) };
	uint8_t inner[256], *again, *out;
	size_t size, inner_size = AUDIT_SIGNATURE_SIZE + AUDIT_PUBLIC_KEY_SIZE + strlen(ALL);
	size_t head = strlen("luytre-package 1\n") + 2 + PACKAGE_KEY_SIZE + 4;

	/* The signed inside of the first one's part, sealed anew. */
	assert_int_equal(crypto_box_seal_open(
				 inner, made + head, inner_size + crypto_box_SEALBYTES, public_keys[0], secret_keys[0]),
		0);
	assert_int_equal(package_make(&theirs, 1, &hub, &again, &size), 0);
	assert_int_equal(open_as(bytes_of(again, size), 2, &hub, ALL), 0);
	out = again + head;
	assert_int_equal(crypto_box_seal(out, inner, inner_size, public_keys[2]), 0);
	assert_int_equal(open_as(bytes_of(again, size), 2, &hub, ALL), LUYTRE_E_PERMISSION);
	free(again);
}

static void test_refused(void **state)
{
	static const uint8_t zero[PACKAGE_KEY_SIZE];
	const struct package_part bad = { zero, bytes_from_str(ALL) };
	uint8_t *out;
	size_t size;

	assert_int_equal(package_make(&bad, 0, &hub, &out, &size), LUYTRE_E_INVALID);
	assert_int_equal(package_make(&bad, 1, &hub, &out, &size), LUYTRE_E_INVALID);
	/* Parts that are each within bounds are not always so together: nothing is made, and nothing sealed before. */
	{
		struct package_part many[3];
		char *text = calloc(1, (PACKAGE_SIZE_MAX / 2) - 100);

		assert_non_null(text);
		for (size_t i = 0; i < ARRAY_COUNT(many); i++)
			many[i] = (struct package_part){ public_keys[i], bytes_of(text, (PACKAGE_SIZE_MAX / 2) - 100) };
		assert_true(package_size(many, 3) > PACKAGE_SIZE_MAX);
		assert_int_equal(package_make(many, 3, &hub, &out, &size), LUYTRE_E_FULL);
		free(text);
	}
	assert_int_equal(open_as(bytes_from_str("luytre-package 2\n"), 0, &hub, ""), LUYTRE_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
