// SPDX-License-Identifier: Apache-2.0
/* The sketch, and lists of it merged by rank.c. */
#include "hub/events/topk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/events/sample.h"
#include "hub/events/sketch.h"

enum { KEYS = 5000 };

static const struct siphash_key fixed_key = { 3, 4 };

static struct topk_key key_of(uint32_t number)
{
	struct topk_key key = { 0 };

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

static uint32_t number_of(const struct topk_key *key)
{
	uint32_t number;

	memcpy(&number, key->bytes, sizeof(number));
	return number;
}

/* As many between 1 and 10 as between 10 and 100: a few are loud. */
static uint32_t draw(uint64_t *random)
{
	double unit = (double)(sample_random(random) >> 11) / (double)(UINT64_C(1) << 53);

	return (uint32_t)exp(unit * log(KEYS)) % KEYS;
}

static void fill(struct topk *topk, uint64_t *random, uint64_t additions, uint64_t *truth)
{
	for (uint64_t i = 0; i < additions; i++) {
		uint32_t number = draw(random);
		struct topk_key key = key_of(number);
		uint64_t weight = 1 + sample_random(random) % 20;

		truth[number] += weight;
		assert_int_equal(topk_add(topk, &key, sketch_hash(fixed_key, &key), weight), 0);
	}
}

static uint64_t total_of(const uint64_t *truth)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		total += truth[i];
	return total;
}

static void sums_keep_their_bounds(void **state)
{
	static const uint32_t capacities[] = { 1, 2, 8, 100, 1000, KEYS };

	for (size_t i = 0; i < ARRAY_COUNT(capacities); i++) {
		static uint64_t truth[KEYS];
		uint64_t random = 7 + i;
		struct topk topk;

		memset(truth, 0, sizeof(truth));
		topk_init(&topk, capacities[i]);
		assert_int_equal(topk_floor(&topk), 0);
		fill(&topk, &random, 30000, truth);
		assert_true(topk_floor(&topk) <= total_of(truth) / capacities[i]);
		for (uint32_t number = 0; number < KEYS; number++) {
			struct topk_key key = key_of(number);
			const struct topk_entry *entry = topk_find(&topk, &key, sketch_hash(fixed_key, &key));

			if (!entry) {
				assert_true(truth[number] <= topk_floor(&topk));
				assert_true(truth[number] <= total_of(truth) / capacities[i]);
				continue;
			}
			assert_true(entry->sum >= truth[number]);
			assert_true(entry->sum - entry->error <= truth[number]);
		}
		topk_done(&topk);
	}
}

/* Lists from three places, stored or not, against the truth; every other one small. */
static void merged_lists_keep_their_bounds(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		static uint64_t truth[KEYS];
		struct rank *rank = rank_new();
		struct rank_entry *entries;
		uint64_t random = seed, last = UINT64_MAX;
		size_t count;

		assert_non_null(rank);
		memset(truth, 0, sizeof(truth));
		for (unsigned int list = 0; list < 3; list++) {
			struct topk topk;
			uint8_t *blob;
			size_t size;

			topk_init(&topk, 200);
			fill(&topk, &random, list == 1 ? 50 : 20000, truth);
			if (seed % 2 == 0) {
				assert_int_equal(sketch_topk_rank(&topk, NULL, list, rank), 0);
			} else {
				assert_int_equal(sketch_list_write(&topk, NULL, &blob, &size), 0);
				assert_int_equal(sketch_list_rank(bytes_of(blob, size), list, rank), 0);
				free(blob);
			}
			topk_done(&topk);
		}
		assert_int_equal(rank_finish(rank, 50, &entries, &count), 0);
		assert_int_equal(count, 50);
		for (size_t i = 0; i < count; i++) {
			uint64_t true_sum = truth[number_of(&entries[i].key)];

			assert_true(entries[i].sum >= true_sum && entries[i].sum - entries[i].error <= true_sum);
			assert_true(entries[i].sum <= last);
			assert_in_range(entries[i].tenant_count, 1, 3);
			last = entries[i].sum;
		}
		for (uint32_t number = 0; number < KEYS; number++) {
			bool listed = false;

			for (size_t i = 0; i < count; i++)
				listed = listed || number_of(&entries[i].key) == number;
			if (!listed)
				assert_true(truth[number] <= last);
		}
		free(entries);
		rank_free(rank);
	}
}

static void more_keys_than_fit_are_dropped_within_bounds(void **state)
{
	struct rank *rank = rank_new();
	struct rank_entry *entries;
	size_t count;

	assert_non_null(rank);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t number = 0; number < RANK_KEYS_MAX + RANK_KEYS_MAX / 4; number++) {
			struct topk_key key = key_of(number);

			assert_int_equal(rank_observe(rank, &key, 1, number % 1000 == 0 ? 1000 : 1), 0);
		}
	}
	assert_int_equal(rank_finish(rank, 100, &entries, &count), 0);
	assert_int_equal(count, 100);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(number_of(&entries[i].key) % 1000, 0);
		assert_true(entries[i].sum >= 2000 && entries[i].sum - entries[i].error <= 2000);
	}
	free(entries);
	rank_free(rank);
}

static void broken_lists_are_refused(void **state)
{
	static const char *const blobs[] = {
		"\x80", /* the floor has no end */
		"\x01", /* no count */
		"\x01\x01", /* no key */
		"\x01\x01\x15", /* a key of 21 bytes */
		"\x01\x01\x02"
		"a", /* half a key */
		"\x05\x01\x01"
		"a\x04\x01\x01", /* a sum below the floor */
	};

	for (size_t i = 0; i < ARRAY_COUNT(blobs); i++) {
		struct rank *rank = rank_new();

		assert_non_null(rank);
		assert_int_equal(sketch_list_rank(bytes_from_str(blobs[i]), 1, rank), LUYTRE_E_CORRUPT);
		rank_free(rank);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_keep_their_bounds),
		cmocka_unit_test(merged_lists_keep_their_bounds),
		cmocka_unit_test(more_keys_than_fit_are_dropped_within_bounds),
		cmocka_unit_test(broken_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
