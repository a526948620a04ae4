// SPDX-License-Identifier: Apache-2.0
/* How often the detectors say what ModSecurity 3's say, whose rules are written for them: families of attacks in every opening and
 * with every ending, and texts that are none. Skipped where ModSecurity's library is not installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>

#include "gate/inject/inject.h"

/* In place of theirs, where there are none. */
static int no_sql(const char *value, size_t size, char *ret_fingerprint)
{
	(void)value;
	(void)size;
	*ret_fingerprint = '\0';
	return 0;
}

static int no_script(const char *value, size_t size)
{
	(void)value;
	(void)size;
	return 0;
}

static bool installed;
static int (*their_sql)(const char *value, size_t size, char *ret_fingerprint) = no_sql;
static int (*their_script)(const char *value, size_t size) = no_script;

static const char *const openings[] = { "", "1", "1'", "1\"", "'", "\"", "1)", "1')", "')", "'))", "-1", "x' ",
	"admin'", "%'", "@a", "null", "a", "a)", "5-2" };
static const char *const endings[] = { "", ";", "--", "-- ", "--+", "#", "/*", "'", " and '1'='1", ";--" };

static const char *const sql_bodies[] = {
	/* boolean */
	"or 1=1",
	"and 1=2",
	"or true",
	"or 'a'='a",
	"or not 1=2",
	"xor 1",
	"&& 1=1",
	"|| 1=1",
	"or 1 like 1",
	"or 1 in (1)",
	"or 1 between 1 and 2",
	"or exists(select 1)",
	"or 1 is not null",
	"and ascii(substring((select user()),1,1))>64",
	"and (select count(*) from users)>0",
	"and length(database())=1",
	"rlike (select (case when (1=1) then 1 else 0x28 end))",
	"or a=b",
	"or a like 'b",
	/* errors */
	"and extractvalue(1,concat(0x7e,version()))",
	"or updatexml(1,concat(0x7e,(select user())),1)",
	"and 1=convert(int,(select @@version))",
	"and 1=cast((select version()) as int)",
	"and 1=ctxsys.drithsx.sn(1,(select user from dual))",
	"and (select 1 from(select count(*),concat(version(),floor(rand(0)*2))x from a group by x)b)",
	/* time */
	"and sleep(5)",
	"or sleep(5)",
	"and (select * from (select(sleep(5)))a)",
	"and benchmark(5000000,md5(1))",
	"and if(1=1,sleep(5),0)",
	"or (select pg_sleep(5)) is null",
	";waitfor delay '0:0:5'",
	"waitfor delay '0:0:5'",
	"and 1=dbms_pipe.receive_message('a',5)",
	"and 1=like('abc',upper(hex(randomblob(100000000/2))))",
	/* stacked */
	";select pg_sleep(5)",
	";drop table users",
	";delete from users",
	";insert into users values (1,2)",
	";update users set a=1",
	";exec xp_cmdshell('dir')",
	";declare @a int",
	";shutdown",
	";begin dbms_lock.sleep(5); end",
	";create table x(a int)",
	/* union */
	"union select 1",
	"union select null,null",
	"union all select 1,2,3",
	"union select @@version",
	"union select user(),2",
	"union select * from users",
	"union select 'a','b'",
	"union (select 1)",
	"union(select(1))",
	"union/**/select/**/1",
	"union distinct select 1",
	"union select 1 into outfile '/tmp/x'",
	"union select group_concat(a) from b",
	"union select concat(a,0x3a,b),2 from c limit 1",
	"/*!union*/ /*!select*/ 1",
	"union select .1",
	"union select -1",
	") union select 1",
	")) union all select 1,2",
	/* the rest of a statement */
	"order by 1",
	"order by (select 1)",
	"group by x having 1=1",
	"having 1=1",
	"limit 1 offset 1",
	"procedure analyse()",
	"into outfile '/tmp/x'",
	"like '%",
	"in (select 1)",
	"is null",
	"between 1 and 2",
	"=(select 1)",
	"-(select 1)",
	"+(select 1)+",
	"||(select 1)||",
	",(select 1)",
	") or ('a'='a",
	");select 1",
	"collate utf8_bin",
	"case when 1=1 then 1 else 0 end",
	"where 1=1",
	"from users",
	"as x",
};

static const char *const script_bodies[] = {
	"<script>alert(1)</script>",
	"<img src=x onerror=alert(1)>",
	"<svg/onload=alert(1)>",
	"<a href=javascript:1>",
	"<a href=\"jav&#x0A;ascript:1\">",
	"<iframe srcdoc=a>",
	"onclick=alert(1) x=",
	" style=x:expression(1)",
	"<set attributeName=onclick to=1>",
	"<!--[if IE]><script>1</script>-->",
	"<!doctype x [<!ENTITY y>]>",
	"<?xml version=1?>",
	"<% ` %>",
	"<object data=x>",
	"<meta http-equiv=refresh>",
	"<a xlink:href=x>",
	"<b>x</b>",
	"<a href=/x>",
	"<p class='x'>",
	"</script>",
	"<form action=data:x>",
	"<base href=x>",
	"<link rel=x>",
	"<video poster=vbscript:x>",
};

static const char *const benign[] = {
	"The quick brown fox jumps over the lazy dog.",
	"O'Brien and O'Neill went to the union meeting",
	"I don't know what you're talking about, it's fine.",
	"Please select one or more items from the list below.",
	"Drop me a line and I'll update you.",
	"Rock 'n' roll or jazz?",
	"\"To be or not to be\" said Hamlet.",
	"Call 555-1234 or +84 24 3825 5555.",
	"Prices from $5.00 to $10.50 (incl. 10% VAT).",
	"Order by Friday and group by colour.",
	"He said \"yes\" and she said 'no'.",
	"R&D, Q&A, AT&T.",
	"3 + 4 = 7.",
	"1 < 2 and 3 > 2",
	"C# and F# -- languages.",
	"Ph\xe1\xba\xa1m V\xc4\x83n A, 12/3 Tr\xe1\xba\xa7n H\xc6\xb0ng",
	"Tra\xcc\x86m na\xcc\x86m trong co\xcc\x83i ngu\xcc\x9bo\xcc\x9b\xcc\x80i ta",
	"H'Hen Ni\xc3\xaa, K'Ho, M'N\xc3\xb4ng",
	"0912-345-678",
	"s\xe1\xbb\x91 15/2023/Q\xc4\x90-TTg (kho\xe1\xba\xa3n 2)",
	"Gi\xc3\xa1 100.000\xc4\x91/kg; gi\xe1\xba\xa3m 10%!",
	"for (int i = 0; i < n; i++) { sum += a[i]; }",
	"{\"a\": 1, \"b\": [true, null], \"c\": \"it's\"}",
	"https://example.com/a?b=c&d=e#f",
	"SELECT",
	"let s = 'hello';",
	"key: value",
	"# Heading",
	"- item one",
	"margin: 0 auto;",
	"a && b",
	"550e8400-e29b-41d4-a716-446655440000",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
	"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
	"2024-01-01T00:00:00Z",
	"session=abc123; path=/",
	"john.doe@example.com",
	"",
	" ",
	"0",
	"-1",
	"1.5",
	"true",
	"null",
};

struct figures {
	size_t values, same, attacks, same_fingerprints;
};

static void compare_sql(struct figures *figures, const char *value, size_t size)
{
	char ours[INJECT_FINGERPRINT_SIZE] = "", theirs[16] = "";
	bool attack = their_sql(value, size, theirs) != 0;
	bool same = inject_is_sql(bytes_of(value, size), ours) == attack;

	figures->values++;
	figures->same += same;
	figures->attacks += attack;
	figures->same_fingerprints += attack && strcmp(ours, theirs) == 0;
}

static void compare_script(struct figures *figures, const char *value, size_t size)
{
	bool attack = their_script(value, size) != 0;

	figures->values++;
	figures->same += inject_is_script(bytes_of(value, size)) == attack;
	figures->attacks += attack;
}

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct figures compare_families(
	const char *const *bodies, size_t count, void (*compare)(struct figures *, const char *, size_t))
{
	struct figures figures = { 0 };

	for (size_t body = 0; body < count; body++) {
		for (size_t opening = 0; opening < LENGTH(openings); opening++) {
			for (size_t ending = 0; ending < LENGTH(endings); ending++) {
				char value[256];
				int size = snprintf(value, sizeof(value), "%s %s%s", openings[opening], bodies[body],
					endings[ending]);

				assert_in_range(size, 1, sizeof(value) - 1);
				compare(&figures, value, (size_t)size);
			}
		}
	}
	return figures;
}

/* 'promille': how much must be the same. */
static void judge(const char *what, struct figures figures, size_t promille)
{
	print_message("%s: %zu values, %zu attacks, %zu same, %zu same fingerprints\n", what, figures.values,
		figures.attacks, figures.same, figures.same_fingerprints);
	assert_true(figures.same * 1000 >= figures.values * promille);
}

static void test_sql(void **state)
{
	struct figures figures;

	(void)state;
	if (!installed)
		skip();
	figures = compare_families(sql_bodies, LENGTH(sql_bodies), compare_sql);
	judge("SQL", figures, 990);
	assert_true(figures.same_fingerprints * 100 >= figures.attacks * 98);
}

static void test_script(void **state)
{
	(void)state;
	if (!installed)
		skip();
	judge("script", compare_families(script_bodies, LENGTH(script_bodies), compare_script), 999);
}

static void test_benign(void **state)
{
	struct figures sql = { 0 }, script = { 0 };

	(void)state;
	if (!installed)
		skip();
	for (size_t i = 0; i < LENGTH(benign); i++) {
		for (size_t other = 0; other < LENGTH(benign); other++) {
			char value[512];
			int size = snprintf(value, sizeof(value), "%s %s", benign[i], benign[other]);

			assert_in_range(size, 1, sizeof(value) - 1);
			compare_sql(&sql, value, (size_t)size);
			compare_script(&script, value, (size_t)size);
		}
	}
	judge("no SQL", sql, 999);
	judge("no script", script, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sql),
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_benign),
	};
	void *library = dlopen("libmodsecurity.so.3", RTLD_NOW);

	void *sql = library ? dlsym(library, "libinjection_sqli") : NULL;
	void *script = library ? dlsym(library, "libinjection_xss") : NULL;

	if (sql && script) {
		*(void **)&their_sql = sql;
		*(void **)&their_script = script;
		installed = true;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
