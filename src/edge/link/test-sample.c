// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "edge/link/sample.h"

#define START (1000 * NS_PER_S)

static void what_is_ordinary(void **state)
{
	static const struct {
		const char *line;
		bool ordinary;
	} rows[] = {
		{ "{\"event_type\":\"http\",\"http\":{\"url\":\"/\"}}", true },
		{ "{\"event_type\":\"tls\",\"tls\":{\"ja4\":\"t13d\"}}", true },
		{ "{\"event_type\":\"flow\",\"flow\":{\"alerted\":false}}", true },
		{ "{\"event_type\":\"flow\",\"flow\":{\"alerted\":true}}", false },
		{ "{\"event_type\":\"alert\",\"http\":{\"url\":\"/?a=\\\"event_type\\\":\\\"http\\\"\"}}", false },
		{ "{\"event_type\":\"gate\",\"http\":{\"url\":\"/\"}}", false },
		{ "{\"event_type\":\"drop\"}", false },
		{ "{}", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(sample_is_ordinary(bytes_from_str(rows[i].line)), rows[i].ordinary);
}

/* 'count' in one second; how many went. */
static unsigned int take(struct sample *sample, uint64_t second, unsigned int count, unsigned int *ret_late)
{
	unsigned int taken = 0, late = 0;

	for (unsigned int i = 0; i < count; i++) {
		bool takes = sample_takes(sample, 50, START + second * NS_PER_S + i * NS_PER_S / count);

		taken += takes;
		late += takes && i >= count / 2;
	}
	if (ret_late)
		*ret_late = late;
	return taken;
}

static void few_go_as_they_are(void **state)
{
	struct sample sample = { .key = { 1, 2 } };

	for (uint64_t second = 0; second < 10; second++)
		assert_int_equal(take(&sample, second, 50, NULL), 50);
	assert_false(sample_takes(&sample, 0, START + 20 * NS_PER_S));
}

static void of_many_each_has_a_chance(void **state)
{
	struct sample sample = { .key = { 1, 2 } };
	unsigned int late, taken, all = 0, all_late = 0;

	assert_int_equal(take(&sample, 0, 10000, NULL), 50); /* the first of a flood; nobody knew */
	for (uint64_t second = 1; second <= 100; second++) {
		taken = take(&sample, second, 10000, &late);
		assert_true(taken <= 50);
		all += taken;
		all_late += late;
	}
	assert_true(all > 4000);
	/* Not those that came first. */
	assert_true(all_late > all * 4 / 10);
	/* Quiet again: after a second all go. */
	take(&sample, 101, 10, NULL);
	assert_int_equal(take(&sample, 102, 50, NULL), 50);
	assert_int_equal(take(&sample, 200, 50, NULL), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_ordinary),
		cmocka_unit_test(few_go_as_they_are),
		cmocka_unit_test(of_many_each_has_a_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
