// SPDX-License-Identifier: Apache-2.0
/* Names in both forms and how they lie to each other: the table of NIST IR 7696, and two cases that are easily got
 * wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub/findings/cpe.h"

static struct cpe cpe_of(const char *text)
{
	struct cpe cpe;

	assert_int_equal(cpe_parse(bytes_from_str(text), &cpe), 0);
	return cpe;
}

static void test_parse(void **state)
{
	struct cpe cpe = cpe_of("cpe:2.3:a:Example\\:Corp:web\\-app\\*:1.0:*:-:*:*:*:*:\\-");

	assert_string_equal(cpe.part[CPE_VENDOR], "example:corp");
	assert_string_equal(cpe.part[CPE_PRODUCT], "web-app\\*");
	assert_string_equal(cpe.part[CPE_UPDATE], "*");
	assert_string_equal(cpe.part[CPE_EDITION], "-");
	assert_string_equal(cpe.part[CPE_OTHER], "\\-");
	cpe = cpe_of("cpe:/a:microsoft:internet_explorer:8.%02:sp%01");
	assert_string_equal(cpe.part[CPE_VERSION], "8.*");
	assert_string_equal(cpe.part[CPE_UPDATE], "sp?");
	assert_string_equal(cpe.part[CPE_LANGUAGE], "*");
	cpe = cpe_of("cpe:/a:hp:insight:7.4.0.1570:-:~~online~win2003~x64~");
	assert_string_equal(cpe.part[CPE_UPDATE], "-");
	assert_string_equal(cpe.part[CPE_EDITION], "*");
	assert_string_equal(cpe.part[CPE_SW_EDITION], "online");
	assert_string_equal(cpe.part[CPE_TARGET_SW], "win2003");
	assert_string_equal(cpe.part[CPE_TARGET_HW], "x64");
	assert_string_equal(cpe.part[CPE_OTHER], "*");
}

static void test_refused(void **state)
{
	static const char *const wrong[] = { "", "cpe", "cpe:/x:a", "cpe:/a:b:c:d:e:f:g:h", "cpe:/a:%2", "cpe:/a:%zz",
		"cpe:2.3:a:b:c:d", "cpe:2.3:a:b:c:d:e:f:g:h:i:j:k:l", "cpe:2.3:a::c:*:*:*:*:*:*:*:*",
		"cpe:2.3:a:b:c:*:*:*:*:*:*:*:\\", "cpe:2.3:z:b:c:*:*:*:*:*:*:*:*", "pkg:npm/a@1" };
	char text[CPE_PART_SIZE + 32];
	struct cpe cpe;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(cpe_parse(bytes_from_str(wrong[i]), &cpe), LUYTRE_E_SYNTAX);
	memset(text, 'x', sizeof(text));
	memcpy(text, "cpe:/a:", 7);
	assert_int_equal(cpe_parse(bytes_of(text, 7 + CPE_PART_SIZE - 1), &cpe), 0);
	assert_int_equal(cpe_parse(bytes_of(text, 7 + CPE_PART_SIZE), &cpe), LUYTRE_E_RANGE);
}

/* One attribute each way: table 6-2. */
static void test_attributes(void **state)
{
	static const struct {
		const char *source, *target;
		enum cpe_relation relation;
	} cases[] = {
		{ "*", "*", CPE_EQUAL },
		{ "*", "-", CPE_SUPERSET },
		{ "*", "1", CPE_SUPERSET },
		{ "*", "1*", CPE_UNDEFINED },
		{ "-", "*", CPE_SUBSET },
		{ "-", "-", CPE_EQUAL },
		{ "-", "1", CPE_DISJOINT },
		{ "-", "1*", CPE_UNDEFINED },
		{ "1", "*", CPE_SUBSET },
		{ "1", "-", CPE_DISJOINT },
		{ "1", "1", CPE_EQUAL },
		{ "1", "2", CPE_DISJOINT },
		{ "1", "1*", CPE_UNDEFINED },
		{ "1*", "*", CPE_SUBSET },
		{ "1*", "-", CPE_DISJOINT },
		{ "1*", "1.5", CPE_SUPERSET },
		{ "1*", "2.5", CPE_DISJOINT },
		{ "1*", "1*", CPE_UNDEFINED },
		{ "*5", "1.5", CPE_SUPERSET },
		{ "*.*", "1.5", CPE_SUPERSET },
		{ "1.?", "1.5", CPE_SUPERSET },
		{ "1.?", "1.", CPE_SUPERSET },
		{ "1.?", "1.55", CPE_DISJOINT },
		{ "1.??", "1.55", CPE_SUPERSET },
		{ "?1", "21", CPE_SUPERSET },
		{ "\\*", "1", CPE_DISJOINT },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct cpe source = cpe_of("cpe:/a:v:p"), target = source;

		strcpy(source.part[CPE_VERSION], cases[i].source);
		strcpy(target.part[CPE_VERSION], cases[i].target);
		assert_int_equal(cpe_compare(&source, &target), cases[i].relation);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *source, *target;
		enum cpe_relation relation;
	} cases[] = {
		/* A subset: neither equal nor disjoint. */
		{ "cpe:2.3:a:microsoft:internet_explorer:8.0.6001:beta:*:sp2:*:*:*:*",
			"cpe:/a:microsoft:internet_explorer", CPE_SUBSET },
		/* The edition decides. */
		{ "cpe:2.3:a:adobe:*:9.*:*:PalmOS:*:*:*:*:*", "cpe:/a::Reader:9.3.2:-:-", CPE_DISJOINT },
		{ "cpe:/a:apache:http_server", "cpe:/a:apache:http_server:2.4.6", CPE_SUPERSET },
		{ "cpe:/a:apache:http_server:2.4.6", "cpe:2.3:a:Apache:HTTP_Server:2.4.6:*:*:*:*:*:*:*", CPE_EQUAL },
		/* Each is wider than the other somewhere. */
		{ "cpe:/a:v:p:1", "cpe:/a:v::1:u", CPE_UNDEFINED },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct cpe source = cpe_of(cases[i].source), target = cpe_of(cases[i].target);

		assert_int_equal(cpe_compare(&source, &target), cases[i].relation);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
