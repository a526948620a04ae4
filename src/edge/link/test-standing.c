// SPDX-License-Identifier: Apache-2.0
#include "edge/link/standing.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000 };

/* What the shield was told, as text: "+192.0.2.1/32@2000 -192.0.2.1/32 ". */
static char told[512];

static void note(void *context, const struct link_change *change)
{
	char prefix[IP_PREFIX_TEXT_SIZE], until[32] = "";
	size_t size = strlen(told);

	if (change->op == DELTA_PUT)
		snprintf(until, sizeof(until), "@%lld", (long long)change->until_us);
	snprintf(told + size, sizeof(told) - size, "%c%s%s ", change->op == DELTA_PUT ? '+' : '-',
		ip_prefix_format(&change->prefix, prefix), until);
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(bytes_from_str(text), 0, &prefix), 0);
	return prefix;
}

static const char *apply(struct standing *standing, enum delta_op op, uint64_t id, const char *prefix,
	enum delta_action action, int64_t until_us)
{
	struct delta_change change = {
		.op = op, .id = id, .action = action, .until_us = until_us, .reason = "web-exploit"
	};

	if (prefix)
		change.prefix = prefix_of(prefix);
	told[0] = '\0';
	standing_apply(standing, &change, NOW, note, NULL);
	return told;
}

#define PUT(id, prefix, until) apply(standing, DELTA_PUT, id, prefix, DELTA_BLOCK, until)
#define LIFT(id)               apply(standing, DELTA_LIFT, id, NULL, DELTA_BLOCK, 0)

static void one_after_the_other(void **state)
{
	struct standing *standing = standing_new(100);
	struct ip_addr addr = prefix_of("192.0.2.1").addr;

	assert_string_equal(PUT(1, "192.0.2.1", 2000), "+192.0.2.1/32@2000 ");
	assert_int_equal(standing_find(standing, &addr), 1);
	assert_string_equal(PUT(1, "192.0.2.1", 3000), "+192.0.2.1/32@3000 "); /* no lift between */
	assert_string_equal(PUT(1, "192.0.2.2", 3000), "-192.0.2.1/32 +192.0.2.2/32@3000 ");
	assert_string_equal(LIFT(1), "-192.0.2.2/32 ");
	assert_string_equal(LIFT(1), "");
	assert_string_equal(PUT(1, "192.0.2.1", NOW), ""); /* over already */
	assert_int_equal(standing_find(standing, &addr), 0);
	standing_free(standing);
}

static void several_about_the_same(void **state)
{
	struct standing *standing = standing_new(100);

	assert_string_equal(PUT(1, "2001:db8::/64", 2000), "+2001:db8::/64@2000 ");
	assert_string_equal(PUT(2, "2001:db8::/64", 5000), "+2001:db8::/64@5000 ");
	assert_string_equal(PUT(3, "2001:db8::/64", 3000), "");
	assert_string_equal(LIFT(1), "");
	assert_string_equal(LIFT(2), "+2001:db8::/64@3000 ");
	assert_string_equal(PUT(3, "2001:db8::/64", NOW - 1), "-2001:db8::/64 "); /* ends it */
	standing_free(standing);
}

static void not_everything_is_for_the_shield(void **state)
{
	struct standing *standing = standing_new(100);
	struct standing_stats stats;

	assert_string_equal(apply(standing, DELTA_PUT, 1, "192.0.2.1", DELTA_WATCH, 2000), "");
	assert_string_equal(apply(standing, DELTA_PUT, 2, "192.0.2.1", DELTA_CHALLENGE, 2000), "");
	assert_string_equal(PUT(3, "0.0.0.0/0", 2000), "");
	assert_string_equal(PUT(4, "64.0.0.0/7", 2000), "");
	assert_string_equal(PUT(5, "64.0.0.0/8", 2000), "+64.0.0.0/8@2000 ");
	assert_string_equal(PUT(6, "2000::/15", 2000), "");
	assert_string_equal(PUT(7, "2000::/16", 2000), "+2000::/16@2000 ");
	assert_string_equal(PUT(1, "192.0.2.1", 2000), "+192.0.2.1/32@2000 "); /* from watched to blocked */
	assert_string_equal(apply(standing, DELTA_PUT, 1, "192.0.2.1", DELTA_WATCH, 2000), "-192.0.2.1/32 ");
	standing_read_stats(standing, &stats);
	assert_int_equal(stats.count, 7);
	assert_int_equal(stats.unplaced, 6);
	standing_free(standing);
}

static void a_ceiling_and_an_end(void **state)
{
	struct standing *standing = standing_new(3);
	struct standing_stats stats;

	PUT(1, "192.0.2.1", 2000);
	PUT(2, "192.0.2.2", 3000);
	PUT(3, "192.0.2.3", 4000);
	assert_string_equal(PUT(4, "192.0.2.4", 2000), "");
	standing_read_stats(standing, &stats);
	assert_int_equal(stats.refused, 1);
	told[0] = '\0';
	standing_each(standing, 3500, note, NULL);
	assert_string_equal(told, "+192.0.2.3/32@4000 ");
	standing_expire(standing, 3500, SIZE_MAX);
	standing_read_stats(standing, &stats);
	assert_int_equal(stats.count, 1);
	assert_string_equal(PUT(4, "192.0.2.1", 5000), "+192.0.2.1/32@5000 ");
	standing_clear(standing);
	told[0] = '\0';
	standing_each(standing, 0, note, NULL);
	assert_string_equal(told, "");
	standing_free(standing);
}

static uint64_t refused[8];
static size_t refused_count;

static void note_veto(void *context, uint64_t id)
{
	refused[refused_count++] = id;
}

static void what_is_never_blocked(void **state)
{
	const struct ip_prefix never[] = { prefix_of("192.0.2.0/28"), prefix_of("2001:db8:1::7") };
	struct standing *standing = standing_new(100);
	struct standing_stats stats;
	struct ip_addr addr = prefix_of("192.0.2.1").addr;

	standing_set_never(standing, never, 2, note_veto, NULL);
	assert_string_equal(PUT(1, "192.0.2.1", 2000), ""); /* inside */
	assert_string_equal(PUT(2, "192.0.2.0/24", 2000), ""); /* around */
	assert_string_equal(PUT(3, "2001:db8:1::/64", 2000), "");
	assert_string_equal(PUT(4, "192.0.2.16", 2000), "+192.0.2.16/32@2000 "); /* beside */
	assert_string_equal(apply(standing, DELTA_PUT, 5, "192.0.2.2", DELTA_WATCH, 2000), "");
	assert_int_equal(refused_count, 3);
	assert_true(refused[0] == 1 && refused[1] == 2 && refused[2] == 3);
	assert_int_equal(standing_find(standing, &addr), 0);
	assert_string_equal(PUT(1, "192.0.2.1", 5000), ""); /* known to be refused */
	assert_int_equal(refused_count, 3);
	assert_string_equal(PUT(1, "192.0.2.17", 5000), "+192.0.2.17/32@5000 ");
	assert_string_equal(PUT(1, "192.0.2.3", 5000), "-192.0.2.17/32 ");
	assert_int_equal(refused_count, 4);
	told[0] = '\0';
	standing_each(standing, NOW, note, NULL);
	assert_string_equal(told, "+192.0.2.16/32@2000 ");
	assert_string_equal(LIFT(1), "");
	standing_read_stats(standing, &stats);
	assert_true(stats.vetoed == 4 && stats.unplaced == 1);
	standing_free(standing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(several_about_the_same),
		cmocka_unit_test(not_everything_is_for_the_shield),
		cmocka_unit_test(a_ceiling_and_an_end),
		cmocka_unit_test(what_is_never_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
