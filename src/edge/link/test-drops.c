// SPDX-License-Identifier: Apache-2.0
#include "edge/link/drops.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define US_PER_MINUTE INT64_C(60000000)

struct sum {
	unsigned int rows;
	uint64_t packets, bytes, largest;
	bool estimated;
};

static void add_up(void *context, const struct drops_row *row)
{
	struct sum *sum = context;

	sum->rows++;
	sum->packets += row->packets;
	sum->bytes += row->bytes;
	sum->estimated |= row->estimated;
	if (row->packets > sum->largest)
		sum->largest = row->packets;
}

static void add(struct drops *drops, uint32_t source, const char *reason, int64_t minute, uint64_t packets)
{
	struct drops_row row = { .packets = packets, .bytes = 100 * packets, .minute = minute };

	row.src = ip_addr_v4(&source);
	snprintf(row.reason, sizeof(row.reason), "%s", reason);
	drops_add(drops, &row);
}

static void summed_by_source_reason_and_minute(void **state)
{
	struct drops *drops = drops_new(100);
	struct drops_row shadow = { .packets = 1, .minute = 10, .shadow = true, .estimated = true, .reason = "listed" };
	struct sum sum = { 0 };

	for (int i = 0; i < 10; i++) {
		add(drops, 1, "listed", 10, 2);
		add(drops, 1, "port", 10, 3);
		add(drops, 2, "listed", 10, 5);
		add(drops, 1, "listed", 11, 7);
	}
	drops_add(drops, &shadow);
	drops_flush(drops, 11 * US_PER_MINUTE, add_up, &sum); /* minute 10 may still be late */
	assert_int_equal(sum.rows, 0);
	drops_flush(drops, 11 * US_PER_MINUTE + DROPS_LATE_S * 1000000, add_up, &sum);
	assert_int_equal(sum.rows, 4);
	assert_int_equal(sum.packets, 10 * (2 + 3 + 5) + 1);
	assert_int_equal(sum.bytes, 100 * 10 * (2 + 3 + 5));
	assert_true(sum.estimated);
	sum = (struct sum){ 0 };
	drops_flush(drops, INT64_MAX, add_up, &sum);
	assert_int_equal(sum.rows, 1);
	assert_int_equal(sum.packets, 70);
	assert_false(sum.estimated);
	assert_int_equal(drops_evicted(drops), 0);
	drops_free(drops);
}

/* A flood of forged sources: the table stays small, the large rows stay, and each packet is counted somewhere. */
static void a_flood_evicts_the_small(void **state)
{
	struct drops *drops = drops_new(256);
	struct sum sum = { 0 };

	add(drops, 1, "listed", 10, 100000);
	for (uint32_t i = 2; i < 20000; i++)
		add(drops, i, "listed", 10, 1);
	drops_flush(drops, INT64_MAX, add_up, &sum);
	assert_int_equal(sum.rows, 256);
	assert_int_equal(sum.largest, 100000);
	assert_int_equal(sum.packets + drops_evicted(drops), 100000 + 19998);
	drops_free(drops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summed_by_source_reason_and_minute),
		cmocka_unit_test(a_flood_evicts_the_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
