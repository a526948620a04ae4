// SPDX-License-Identifier: Apache-2.0
/* Values and their fingerprints; a null one means that the value is no attack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "gate/inject/inject.h"
#include "gate/inject/sql-fold.h"

static const struct {
	const char *value, *fingerprint;
} cases[] = {
	/* boolean */
	{ "1' or '1'='1", "s&sos" },
	{ "' OR 1=1 -- ", "s&1c" },
	{ "1 or 1=1", "1&1" },
	{ "x\" or \"a\"=\"a", "s&sos" },
	{ "1) or (1=1", "1)&(1" },
	{ "' or not exists(select 1)", "s&f(E" },
	{ "ascii(substring(version() from 1 for 1))", "f(f(f" },
	/* union, in all spellings */
	{ "1 union select 1,2,3", "1UE1" },
	{ "1'/**/union/**/all/**/select/**/null,null-- ", "sUEvc" },
	{ "-1 UnIoN(SeLeCt(1))", "1U(E(" },
	{ "1e1union select.1", "1UE1" },
	/* stacked */
	{ "1;drop table users", "1;Tnn" },
	{ "'; exec xp_cmdshell('dir')--", "s;Tn(" },
	{ "'; insert into a values(1)", "s;Tnk" },
	/* time */
	{ "1 and sleep(5)", "1&f(1" },
	{ "' waitfor delay '0:0:5'--", "sEsc" },
	/* comments */
	{ "admin'--", "sc" },
	{ "1--", "1c" },
	{ "1/*!50000union*/", "X" },
	{ "1 /* /* */ */", "X" },
	/* MySQL's comment is no one else's */
	{ "'#x", NULL },
	{ "' and 1 union select 1 #x", "s&1UE" },
	/* prose, code and the like */
	{ "", NULL },
	{ "select", NULL },
	{ "this is not isqli", NULL },
	{ "O'Brien", NULL },
	{ "Please select one or more items from the list, and group them", NULL },
	{ "the union of workers", NULL },
	{ "Rock 'n' roll", NULL },
	{ "\"a\" -- said he", NULL },
	{ "C# and F#", NULL },
	{ "+84 24 3825-5555", NULL },
	{ "5-5-2024", NULL },
	{ "1 or 2", NULL },
	{ "Nguy\xe1\xbb\x85n V\xc4\x83n A, s\xe1\xbb\x91 1/2 ph\xe1\xbb\x91 Hu\xe1\xba\xbf", NULL },
	{ "a=b; c=\"d\"", NULL },
	{ "{\"name\": \"x\", \"n\": [1, 2]}", NULL },
	{ "https://example.com/a?b=c&d=e#f", NULL },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char fingerprint[INJECT_FINGERPRINT_SIZE] = "";
		bool attack = inject_is_sql(bytes_from_str(cases[i].value), fingerprint);

		if (attack != (cases[i].fingerprint != NULL) ||
			(attack && strcmp(fingerprint, cases[i].fingerprint) != 0))
			fail_msg("%s: %s", cases[i].value, attack ? fingerprint : "no attack");
	}
}

static const struct {
	char quote;
	bool mysql;
	const char *value, *types;
} folds[] = {
	{ 0, false, "1 + 2 * 3", "1" },
	{ 0, false, "a.b = 'c'", "nos" },
	{ 0, false, "((1)) and -1", "1)&1" },
	{ '\'', false, "a' b", "sn" },
	{ '\'', false, "it\\'s ''quoted' x", "sn" },
	{ '"', false, "a\"\"b\" 1", "s1" },
	{ 0, false, "1 #x", "1" },
	{ 0, true, "1 #x", "1c" },
	{ 0, false, "q'[it's]' x", "sn" },
	{ 0, false, "$a$ x $a$ 1", "s1" },
	{ 0, false, "0x1f b'01' x'ff'", "111" },
	{ 0, false, "0x 1e .", "nn." },
	{ 0, false, "@a:=@b", "v" },
	{ 0, false, "@@`x` [y z]", "vn" },
	{ 0, false, "order by 1", "B1" },
	{ 0, false, "not in (1)", "o(1)" },
	{ 0, false, "a not in (1)", "n" },
	{ 0, false, "user (", "f(" },
	{ 0, false, "{fn x}", "n" },
	{ 0, false, "1::int", "1" },
	{ 0, false, "\\N", "1" },
	{ 0, false, "", "" },
};

static void test_folds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
		struct sql_reader reader = {
			.value = bytes_from_str(folds[i].value), .quote = folds[i].quote, .mysql = folds[i].mysql
		};
		struct sql_folded folded = { 0 };
		char types[SQL_FOLD_SIZE + 1] = "";

		sql_fold(&reader, &folded);
		for (size_t at = 0; at < folded.count; at++)
			types[at] = folded.tokens[at].type;
		if (strcmp(types, folds[i].types) != 0)
			fail_msg("%s: %s instead of %s", folds[i].value, types, folds[i].types);
	}
}

/* What could make a careless tokenizer quadratic: it would take minutes. */
static void test_linear(void **state)
{
	static const char *const patterns[] = { "'", "\\'", "''", "/*", "--", "$a$", "1,", "(", "a.", "select.", "-",
		"'a", "{`", "\\", "#" };
	size_t size = 1 << 20;
	char *value = malloc(size);

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		char fingerprint[INJECT_FINGERPRINT_SIZE];
		size_t length = strlen(patterns[i]);
		clock_t begin = clock();

		for (size_t at = 0; at < size; at++)
			value[at] = patterns[i][at % length];
		inject_is_sql(bytes_of(value, size), fingerprint);
		if (clock() - begin > 5 * CLOCKS_PER_SEC)
			fail_msg("%s", patterns[i]);
	}
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_folds),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
