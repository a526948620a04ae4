// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "sensor/detect/reputation.h"

static struct reputation *make(const char *categories, const char *entries, unsigned int *ret_bad)
{
	struct reputation *reputation = reputation_new();
	unsigned int bad;

	assert_non_null(reputation);
	assert_int_equal(reputation_read_categories(reputation, bytes_from_str(categories), &bad), 0);
	assert_int_equal(reputation_read_entries(reputation, bytes_from_str(entries), ret_bad), 0);
	*ret_bad += bad;
	reputation_finish(reputation);
	return reputation;
}

static int score(const struct reputation *reputation, const char *text, unsigned int category)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(bytes_from_str(text), &addr), 0);
	return reputation_score(reputation, &addr, category);
}

static void test_scores(void **state)
{
	static const char categories[] = "# comment\n1,BadHosts,Known bad hosts\n60,Good,\n\n";
	static const char entries[] = "10.0.0.0/8,1,10\n10.1.0.0/16,1,20\r\n10.1.2.3,1,0\n10.1.2.3,60,127\n"
				      "2001:db8::/32,1,30\n2001:db8::1,1,40\n10.1.0.0/16,1,21\n0.0.0.0/0,60,1\n";
	static const struct {
		const char *addr;
		unsigned int category;
		int score;
	} rows[] = {
		{ "10.9.9.9", 1, 10 },
		{ "10.1.9.9", 1, 21 },
		{ "10.1.2.3", 1, 0 },
		{ "10.1.2.3", 60, 127 },
		{ "11.0.0.1", 1, -1 },
		{ "11.0.0.1", 60, 1 },
		{ "2001:db8::1", 1, 40 },
		{ "2001:db8::2", 1, 30 },
		{ "2001:db9::", 1, -1 },
		{ "2001:db8::1", 60, -1 },
		{ "10.0.0.1", 2, -1 },
	};
	unsigned int bad;
	struct reputation *reputation = make(categories, entries, &bad);

	assert_int_equal(bad, 0);
	assert_int_equal(reputation_category(reputation, bytes_from_str("BadHosts")), 1);
	assert_int_equal(reputation_category(reputation, bytes_from_str("Good")), 60);
	assert_int_equal(reputation_category(reputation, bytes_from_str("badhosts")), -1);
	assert_int_equal(reputation_category(reputation, bytes_from_str("")), -1);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (score(reputation, rows[i].addr, rows[i].category) != rows[i].score)
			fail_msg("%s in %u", rows[i].addr, rows[i].category);
	reputation_free(reputation);
}

static void test_bad_lines(void **state)
{
	unsigned int bad;
	struct reputation *reputation = make("61,Big,\nx,y\n1\n2,12345678901234567890123456789012,long\n",
		"10.0.0.1\n10.0.0.1,1\n10.0.0.1,61,1\n10.0.0.1,1,128\n10.0.0.256,1,1\n10.0.0.0/"
		"33,1,1\n,,\n10.0.0.1,1,-1\n",
		&bad);

	assert_int_equal(bad, 4 + 8);
	assert_int_equal(score(reputation, "10.0.0.1", 1), -1);
	reputation_free(reputation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scores),
		cmocka_unit_test(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
