// SPDX-License-Identifier: Apache-2.0
/* Two hubs with one PostgreSQL: who leads no longer writes no longer. Both are this process, under two names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "hub/store/leader.h"
#include "hub/store/pgtest.h"

#define INSERT "insert into note (text) values (?1)"

static char place[PGTEST_PLACE_SIZE];

static struct db *open_as(const char *run)
{
	char why[DB_WHY_SIZE];
	struct db *db;

	if (run)
		assert_int_equal(leader_name(run), 0);
	else
		unsetenv("PGAPPNAME");
	if (db_open(place, &db, why)) {
		print_message("%s\n", why);
		return NULL;
	}
	return db;
}

static int note(struct db *db, const char *text)
{
	return db_run(db, INSERT, DB_ARGS(db_str(text)), NULL);
}

static int64_t count(struct db *db)
{
	int64_t result = -1;

	assert_int_equal(db_integer(db, "select count(*) from note", DB_NO_ARGS, &result), 0);
	return result;
}

static void enter(const char *run)
{
	char why[DB_WHY_SIZE];

	assert_int_equal(leader_enter(place, run, why), 0);
}

static void test_who_leads_no_longer_writes_no_longer(void **state)
{
	struct db *other = open_as(NULL), *a, *a_busy, *b;

	assert_int_equal(db_run(other, "create table note (text text)", DB_NO_ARGS, NULL), 0);
	enter("a");
	a = open_as("a");
	a_busy = open_as("a");
	assert_non_null(a);
	assert_non_null(a_busy);
	assert_int_equal(note(a, "1"), 0);
	/* In the middle of a transaction when another one comes. */
	assert_int_equal(db_begin(a_busy), 0);
	assert_int_equal(note(a_busy, "never"), 0);
	enter("b");
	assert_int_equal(note(a_busy, "never"), LUYTRE_E_IO);
	assert_true(db_commit(a_busy) != 0);
	for (int i = 0; i < 3; i++)
		assert_true(note(a, "never") != 0);
	assert_int_equal(note(a, "never"), LUYTRE_E_IO);
	assert_string_equal(db_why(a), "another hub leads");
	assert_null(open_as("a"));
	b = open_as("b");
	assert_non_null(b);
	assert_int_equal(note(b, "2"), 0);
	assert_int_equal(count(b), 2);
	/* Tools of people have other names. */
	assert_int_equal(count(other), 2);
	/* It may come back: under a new name in life, under the old one here. */
	enter("a");
	assert_int_equal(note(a, "3"), 0);
	assert_true(note(b, "never") != 0);
	db_close(a);
	db_close(a_busy);
	db_close(b);
	db_close(other);
}

/* A connection that was told to end has not ended. */
static void test_waits_until_the_other_is_gone(void **state)
{
	char why[DB_WHY_SIZE] = "";
	struct db *a;
	int64_t pid = 0;

	enter("a");
	a = open_as("a");
	assert_non_null(a);
	assert_int_equal(db_integer(a, "select pg_backend_pid()", DB_NO_ARGS, &pid), 0);
	assert_int_equal(kill((pid_t)pid, SIGSTOP), 0); /* as one that waits for its disk */
	assert_int_equal(leader_enter(place, "b", why), LUYTRE_E_IO);
	assert_non_null(strstr(why, "not ended"));
	assert_int_equal(kill((pid_t)pid, SIGCONT), 0);
	enter("b");
	assert_true(note(a, "never") != 0);
	db_close(a);
}

static void test_restart_is_no_change(void **state)
{
	struct db *a;
	int error = -1;

	enter("a");
	a = open_as("a");
	assert_non_null(a);
	assert_true(pgtest_crash());
	for (int i = 0; i < 3 && error; i++)
		error = note(a, "after");
	assert_int_equal(error, 0);
	db_close(a);
}

static void test_place_has_no_name_of_its_own(void **state)
{
	char named[PGTEST_PLACE_SIZE + 32], why[DB_WHY_SIZE] = "";

	snprintf(named, sizeof(named), "%s application_name=mine", place);
	assert_int_equal(leader_enter(named, "a", why), LUYTRE_E_INVALID);
	assert_non_null(strstr(why, "application_name"));
	assert_int_equal(leader_enter("postgres:nonsense", "a", why), LUYTRE_E_INVALID);
	enter("a");
}

static void test_needs_postgres(void **state)
{
	char why[DB_WHY_SIZE] = "", name[100];

	assert_int_equal(leader_enter("sqlite::memory:", "a", why), LUYTRE_E_INVALID);
	assert_non_null(strstr(why, "PostgreSQL"));
	snprintf(name, sizeof(name), "%099d", 0);
	assert_int_equal(leader_name(name), LUYTRE_E_RANGE);
	assert_int_equal(leader_enter("postgres:host=127.0.0.1 port=1", "a", why), LUYTRE_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_leads_no_longer_writes_no_longer),
		cmocka_unit_test(test_waits_until_the_other_is_gone),
		cmocka_unit_test(test_restart_is_no_change),
		cmocka_unit_test(test_place_has_no_name_of_its_own),
		cmocka_unit_test(test_needs_postgres),
	};
	char why[DB_WHY_SIZE];
	int failed;

	if (!pgtest_start(place, why)) {
		fprintf(stderr, "skipped: %s\n", why);
		return 77;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pgtest_stop();
	return failed;
}
