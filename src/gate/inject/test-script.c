// SPDX-License-Identifier: Apache-2.0
/* Values that run script somewhere in a page, and values that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "gate/inject/inject.h"

static const struct {
	const char *value;
	bool attack;
} cases[] = {
	{ "<script>alert(1)</script>", true },
	{ "<ScRiPt src=//a.b>", true },
	{ "<img src=x onerror=alert(1)>", true },
	{ "<svg/onload=alert(1)>", true },
	{ "\" onclick=alert(1) x=\"", true },
	{ "' style='x", true },
	{ "x onmouseover=alert(1)", true },
	{ "` onclick=1", true },
	{ "<a href=\"java\nscript:1\">", true },
	{ "<a href=&#106;&#x61;vascript:1>", true },
	{ "<a href=' vbscript:x'>", true },
	{ "<a href=data:text/html,x>", true },
	{ "<set attributeName=onclick to=1>", true },
	{ "<animate attributeName=x values=javascript:1>", true },
	{ "<!doctype html>", true },
	{ "<!--[if IE]>x<![endif]-->", true },
	{ "<!--`-->", true },
	{ "<?xml version=1?>", true },
	{ "<!ENTITY x>", true },
	{ "<x xmlns:y=z>", true },
	{ "<iframe>", true },
	{ "", false },
	{ "hello", false },
	{ "a = b", false },
	{ "1 < 2 and 3 > 2", false },
	{ "<b>bold</b> and <i class=\"x\">italic</i>", false },
	{ "<a href=\"https://example.com/?a=b\">link</a>", false },
	{ "<img src=a.png alt='x'>", false },
	{ "<!-- a comment -->", false },
	{ "on=1", false },
	{ "once upon a time", false },
	{ "<scripts>", false },
	{ "href=https://example.com", false },
	{ "<a href=&#9999999999999;java:>", false },
	{ "if (a < b && c == d) return;", false },
	{ "T\xc3\xb4i <3 Vi\xe1\xbb\x87t Nam", false },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (inject_is_script(bytes_from_str(cases[i].value)) != cases[i].attack)
			fail_msg("%s", cases[i].value);
	}
	/* NULs in names: ignored in those of tags, the end of those of attributes */
	assert_true(inject_is_script(bytes_of("<scr\0ipt>", 9)));
	assert_false(inject_is_script(bytes_of("<a st\0yle=x>", 12)));
}

static void test_linear(void **state)
{
	static const char *const patterns[] = { "<", "<!--", "<!---", "<a ", "='", "<a b=`", "</", "<%", "=&#1" };
	size_t size = 1 << 20;
	char *value = malloc(size);

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		size_t length = strlen(patterns[i]);
		clock_t begin = clock();

		for (size_t at = 0; at < size; at++)
			value[at] = patterns[i][at % length];
		inject_is_script(bytes_of(value, size));
		if (clock() - begin > 5 * CLOCKS_PER_SEC)
			fail_msg("%s", patterns[i]);
	}
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_linear) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
