// SPDX-License-Identifier: Apache-2.0
/* Orders of versions by scheme: ladders, each step above the one before, and pairs that are equal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/findings/cpe.h"

enum { STEPS_MAX = 14 };

static const struct {
	enum version_scheme scheme;
	const char *steps[STEPS_MAX];
} ladders[] = {
	{ VERSION_GENERIC, { "1.0alpha1", "1.0b2", "1.0-rc1", "1.0", "1.0b", "1.0.1", "1.2", "1.10", "2", "10.0",
				   "99999999999999999999" } },
	{ VERSION_GENERIC, { "1.0.1", "1.0.2", "1.0.2a", "1.0.2k", "1.0.2zh", "1.1.0" } },
	{ VERSION_SEMVER, { "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
				  "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0" } },
	{ VERSION_DEB, { "1.0~rc1-1", "1.0-1", "1.0-1+deb12u1", "1.0-1.1", "1.0-2", "1.0a-1", "1.0+x-1", "1.0.1-1",
			       "1.10-1", "1:0.1-1" } },
	{ VERSION_RPM, { "1.0~rc1-1", "1.0-1", "1.0-1.el8", "1.0-2", "1.0^git1-1", "1.0.a-1", "1.0.1-1", "1.10-1",
			       "1:0.1-1" } },
	{ VERSION_MAVEN, { "1.0-alpha-1", "1.0-beta-1", "1.0-milestone-1", "1.0-rc1", "1.0-SNAPSHOT", "1.0", "1.0-sp1",
				 "1.0.1", "1.1" } },
	{ VERSION_PYTHON, { "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0b1", "1.0rc1", "1.0", "1.0+local", "1.0.post1",
				  "1.0.1", "1.1", "1!0.1" } },
};

static const struct {
	enum version_scheme scheme;
	const char *a, *b;
} equals[] = {
	{ VERSION_GENERIC, "1.0", "1.0.0" },
	{ VERSION_GENERIC, "1.01", "1.1" },
	{ VERSION_GENERIC, "", "" },
	{ VERSION_SEMVER, "v1.2.0", "1.2" },
	{ VERSION_SEMVER, "1.0.0+build1", "1.0.0+build2" },
	{ VERSION_DEB, "0:1.0-0", "1.0" },
	{ VERSION_RPM, "1.0-1", "1_0-1" },
	{ VERSION_MAVEN, "1.0", "1-ga" },
	{ VERSION_MAVEN, "1.0.0", "1.0-final" },
	{ VERSION_PYTHON, "1.0a1", "1.0.alpha1" },
	{ VERSION_PYTHON, "1.0rc1", "1.0c1" },
};

static void test_ladders(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(ladders); i++) {
		for (size_t low = 0; low < STEPS_MAX && ladders[i].steps[low]; low++) {
			for (size_t high = low + 1; high < STEPS_MAX && ladders[i].steps[high]; high++) {
				struct bytes a = bytes_from_str(ladders[i].steps[low]),
					     b = bytes_from_str(ladders[i].steps[high]);

				if (version_compare(ladders[i].scheme, a, b) >= 0 ||
					version_compare(ladders[i].scheme, b, a) <= 0)
					fail_msg("%s is not below %s", ladders[i].steps[low], ladders[i].steps[high]);
			}
		}
	}
}

static void test_equals(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(equals); i++) {
		struct bytes a = bytes_from_str(equals[i].a), b = bytes_from_str(equals[i].b);

		if (version_compare(equals[i].scheme, a, b) != 0 || version_compare(equals[i].scheme, b, a) != 0)
			fail_msg("%s is not %s", equals[i].a, equals[i].b);
	}
}

static void test_ranges(void **state)
{
	static const struct {
		const char *from, *until, *version;
		bool from_excluded, until_included, in;
	} cases[] = {
		{ "2.0", "2.15.0", "2.14.1", false, false, true },
		{ "2.0", "2.15.0", "2.15.0", false, false, false },
		{ "2.0", "2.15.0", "2.15.0", false, true, true },
		{ "2.0", "2.15.0", "2.0", false, false, true },
		{ "2.0", "2.15.0", "2.0.0", true, false, false },
		{ "2.0", "2.15.0", "1.9", false, false, false },
		{ "", "2.15.0", "1.9", false, false, true },
		{ "2.0", "", "99", false, false, true },
		{ "", "", "anything", false, false, true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct version_range range = { VERSION_GENERIC, bytes_from_str(cases[i].from),
			bytes_from_str(cases[i].until), cases[i].from_excluded, cases[i].until_included };

		assert_int_equal(version_in(&range, bytes_from_str(cases[i].version)), cases[i].in);
	}
}

static void test_schemes(void **state)
{
	assert_int_equal(version_scheme_of(bytes_from_str("semver")), VERSION_SEMVER);
	assert_int_equal(version_scheme_of(bytes_from_str("npm")), VERSION_SEMVER);
	assert_int_equal(version_scheme_of(bytes_from_str("PyPI")), VERSION_PYTHON);
	assert_int_equal(version_scheme_of(bytes_from_str("git")), VERSION_GENERIC);
	assert_int_equal(version_scheme_of(bytes_from_str("")), VERSION_GENERIC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ladders),
		cmocka_unit_test(test_equals),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_schemes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
