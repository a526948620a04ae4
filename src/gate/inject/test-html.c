// SPDX-License-Identifier: Apache-2.0
/* Values and their tokens, written as a letter and the text each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "gate/inject/html.h"

static const struct {
	enum html_context context;
	const char *value, *tokens;
} cases[] = {
	{ HTML_TEXT, "a<b c=d>e", "Tb Ac Vd O> " },
	{ HTML_TEXT, "<a b='c d'e=\"f\"/g=`h`>", "Ta Ab Vc d Ae Vf Ag Vh O> " },
	{ HTML_TEXT, "</a b>", "Ta Ab O> " },
	{ HTML_TEXT, "</a>x", "Oa " },
	{ HTML_TEXT, "<a/>", "Ta O/ " },
	{ HTML_TEXT, "<a b = c>", "Ta Ab Vc O> " },
	{ HTML_TEXT, "<!--a-b--><!--c-!>", "Ca-b Cc " },
	{ HTML_TEXT, "<!--a", "Ca " },
	{ HTML_TEXT, "<!doctype a>", "Ddoctype a " },
	{ HTML_TEXT, "<![CDATA[a]]><b>", "Oa Tb O> " },
	{ HTML_TEXT, "<?a?><%b>%><!c></1>", "Ca? Cb> Cc C1 " },
	{ HTML_TEXT, "1 < 2 <> <3", "" },
	{ HTML_VALUE_UNQUOTED, "a b=c", "Aa Ab Vc " },
	{ HTML_VALUE_SINGLE, "a'b=c", "Va Ab Vc " },
	{ HTML_VALUE_DOUBLE, "a'b", "Va'b " },
	{ HTML_VALUE_BACK, "a`><b>", "Va O> Tb O> " },
};

static void test_tokens(void **state)
{
	static const char letters[] = { 'T', 'A', 'V', 'C', 'D', 'O' };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct html_reader reader;
		struct html_token token;
		char text[256] = "";
		size_t size = 0;

		html_init(&reader, bytes_from_str(cases[i].value), cases[i].context);
		while (html_read(&reader, &token)) {
			int added = snprintf(text + size, sizeof(text) - size, "%c%.*s ", letters[token.type],
				(int)token.text.size, (const char *)token.text.ptr);

			size += (size_t)added;
			assert_in_range(size, 0, sizeof(text) - 1);
		}
		if (strcmp(text, cases[i].tokens) != 0)
			fail_msg("%s: %s", cases[i].value, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tokens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
