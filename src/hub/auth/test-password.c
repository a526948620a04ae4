// SPDX-License-Identifier: Apache-2.0
/* What is refused as a password; hashing, its ceiling and its queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "hub/auth/password.h"

static const struct {
	const char *password;
	enum password_fault fault;
} rows[] = {
	{ "correct horse battery", PASSWORD_NONE },
	{ "tre xanh đứng thẳng", PASSWORD_NONE },
	{ "b8kz-w2qm-77rt", PASSWORD_NONE },
	{ "short words", PASSWORD_SHORT },
	{ "đứngthẳngđó", PASSWORD_SHORT }, /* 11 characters, more bytes */
	{ "", PASSWORD_SHORT },
	{ "my name is Lan.Nguyen", PASSWORD_NAME },
	{ "xxLAN.NGUYENxx99", PASSWORD_NAME },
	{ "Password2026!!", PASSWORD_COMMON },
	{ "P@ssw0rd123456", PASSWORD_COMMON },
	{ "MatKhau@2026!", PASSWORD_COMMON },
	{ "matkhau123456", PASSWORD_COMMON },
	{ "VietNam@12345", PASSWORD_COMMON },
	{ "qwertyuiop123", PASSWORD_COMMON },
	{ "administrator1", PASSWORD_COMMON },
	{ "123456789012", PASSWORD_SIMPLE },
	{ "aaaaaaaaaaaaaaa", PASSWORD_SIMPLE },
	{ "abababababababab", PASSWORD_SIMPLE },
	{ "098765432109876", PASSWORD_SIMPLE },
	{ "abcdefghijklmnopqr", PASSWORD_SIMPLE },
};

static void test_policy(void **state)
{
	char text[PASSWORD_MAX_SIZE + 2];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum password_fault fault = password_judge(bytes_from_str(rows[i].password), "lan.nguyen");

		if (fault != rows[i].fault)
			print_error("%s\n", rows[i].password);
		assert_int_equal(fault, rows[i].fault);
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * 7 % 26);
	assert_int_equal(password_judge(bytes_of(text, PASSWORD_MAX_SIZE), "lan"), PASSWORD_NONE);
	assert_int_equal(password_judge(bytes_of(text, PASSWORD_MAX_SIZE + 1), "lan"), PASSWORD_LONG);
	assert_string_equal(password_faults[PASSWORD_COMMON].slug, "common");
}

static void test_hash(void **state)
{
	const struct password_config weak = { .operations = 1, .memory = 8192 },
				     strong = { .operations = 2, .memory = 16384 };
	struct passwords *now = passwords_new(&weak), *later = passwords_new(&strong);
	char first[PASSWORD_HASH_SIZE], second[PASSWORD_HASH_SIZE];
	struct bytes password = bytes_from_str("correct horse battery");

	assert_non_null(now);
	assert_non_null(later);
	assert_int_equal(password_hash(now, password, first), 0);
	assert_int_equal(password_hash(now, password, second), 0);
	assert_string_not_equal(first, second);
	assert_memory_equal(first, "$argon2id$v=19$m=8,t=1,p=1$", 27);
	assert_int_equal(password_verify(now, first, password), 0);
	assert_int_equal(password_verify(later, first, password), 0);
	assert_int_equal(password_verify(now, first, bytes_from_str("correct horse batterz")), LUYTRE_E_PERMISSION);
	assert_int_equal(password_verify(now, first, bytes_from_str("")), LUYTRE_E_PERMISSION);
	assert_int_equal(password_verify(now, NULL, password), LUYTRE_E_PERMISSION);
	assert_int_equal(password_verify(now, "no hash", password), LUYTRE_E_PERMISSION);
	assert_false(password_is_old(now, first));
	assert_true(password_is_old(later, first));
	passwords_free(now);
	passwords_free(later);
	passwords_free(NULL);
}

/* As the program hashes, and about what it takes. */
static void test_defaults(void **state)
{
	const struct password_config defaults = { 0 };
	struct passwords *passwords = passwords_new(&defaults);
	char hash[PASSWORD_HASH_SIZE];
	uint64_t begin_ns;

	assert_non_null(passwords);
	begin_ns = clock_id_ns(CLOCK_PROCESS_CPUTIME_ID);
	assert_int_equal(password_hash(passwords, bytes_from_str("correct horse battery"), hash), 0);
	print_message("one hashing: %.0f ms of a processor\n",
		(double)(clock_id_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns) / (double)NS_PER_MS);
	assert_memory_equal(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31);
	passwords_free(passwords);
}

struct crowd {
	struct passwords *passwords;
	const char *hash;
	int error;
};

static void *crowd_run(void *context)
{
	struct crowd *crowd = context;

	crowd->error = password_verify(crowd->passwords, crowd->hash, bytes_from_str("correct horse battery"));
	return NULL;
}

/* How many of 12 at once are let in; never more than two run. */
static int crowd(struct password_config config)
{
	enum { THREADS = 12 };
	struct passwords *passwords = passwords_new(&config);
	char hash[PASSWORD_HASH_SIZE];
	struct crowd all[THREADS];
	pthread_t threads[THREADS];
	struct password_stats stats;
	int right = 0;

	assert_non_null(passwords);
	assert_int_equal(password_hash(passwords, bytes_from_str("correct horse battery"), hash), 0);
	for (size_t i = 0; i < THREADS; i++) {
		all[i] = (struct crowd){ .passwords = passwords, .hash = hash };
		assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &all[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(all[i].error == 0 || all[i].error == LUYTRE_E_BUSY);
		right += all[i].error == 0;
	}
	passwords_stats(passwords, &stats);
	assert_true(stats.running_max <= 2);
	assert_int_equal(stats.refused, THREADS - right);
	passwords_free(passwords);
	return right;
}

static void test_ceiling(void **state)
{
	assert_int_equal(crowd((struct password_config){ .operations = 2, .memory = 4 << 20, .wait_ms = 60000 }), 12);
	/* The queue is full: some are sent away at once. */
	assert_in_range(
		crowd((struct password_config){ .operations = 6, .memory = 32 << 20, .queue = 1, .wait_ms = 60000 }), 1,
		11);
	/* The wait is over first. */
	assert_in_range(crowd((struct password_config){ .operations = 6, .memory = 32 << 20, .wait_ms = 1 }), 1, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
