// SPDX-License-Identifier: Apache-2.0
/* parts.c: what dies is started again, what could not start ends everything, the end is in order. Real processes, which write what
 * they live through to a pipe, a letter each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cli/parts.h"

enum { WAIT_MS = 10000, TEXT_SIZE = 64, FAIL_US = 300000 };

static int pipe_ends[2];

static void say(char letter)
{
	(void)!write(pipe_ends[1], &letter, 1);
}

/* Stays until SIGTERM; its capital says that it came, its small letter that it went. */
static int stays(void *context)
{
	const char *name = context;
	sigset_t set;
	int number = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say(name[0]);
	while (number != SIGTERM) {
		sigwait(&set, &number);
		say(number == SIGTERM ? name[1] : '!');
	}
	return 0;
}

static int ends_well(void *context)
{
	say(*(const char *)context);
	return 0;
}

static int fails(void *context)
{
	usleep(FAIL_US); /* others have begun by then */
	say(*(const char *)context);
	return 3;
}

/* Its first life ends by a signal; 'lives' is shared by all of them. */
static int dies_once(void *context)
{
	static char name[] = "Dd";
	int *lives = context;

	if ((*lives)++ == 0) {
		say('x');
		raise(SIGKILL);
	}
	return stays(name);
}

/* The next letter; 0 when none comes in time. */
static char heard(void)
{
	struct pollfd one = { .fd = pipe_ends[0], .events = POLLIN };
	char letter = 0;

	if (poll(&one, 1, WAIT_MS) == 1)
		(void)!read(pipe_ends[0], &letter, 1);
	return letter;
}

static void hear(const char *expected)
{
	char text[TEXT_SIZE] = "";

	for (size_t i = 0; expected[i]; i++)
		text[i] = heard();
	assert_string_equal(text, expected);
}

static pid_t start(struct part *parts, size_t count)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(parts_run(parts, count));
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void order(void **state)
{
	static char a[] = "Aa", b[] = "Bb", once[] = "o";
	struct part parts[] = { { .name = "a", .main = stays, .context = a, .reloads = true },
		{ .name = "b", .main = stays, .context = b },
		{ .name = "once", .main = ends_well, .context = once, .once = true } };
	char began[4] = "";
	pid_t pid = start(parts, ARRAY_COUNT(parts));

	for (int i = 0; i < 3; i++)
		began[i] = heard();
	assert_non_null(strchr(began, 'A'));
	assert_non_null(strchr(began, 'B'));
	assert_non_null(strchr(began, 'o'));
	kill(pid, SIGHUP);
	hear("!");
	kill(pid, SIGTERM);
	hear("ba");
	assert_int_equal(status_of(pid), 0);
}

static void another_life(void **state)
{
	int *lives = mmap(NULL, sizeof(*lives), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct part parts[] = { { .name = "d", .main = dies_once, .context = lives, .essential = true } };
	pid_t pid;

	assert_true(lives != MAP_FAILED);
	pid = start(parts, ARRAY_COUNT(parts));
	hear("xD");
	kill(pid, SIGTERM);
	hear("d");
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(*lives, 2);
	munmap(lives, sizeof(*lives));
}

static void essential(void **state)
{
	static char a[] = "Aa", f[] = "f";
	struct part parts[] = { { .name = "a", .main = stays, .context = a },
		{ .name = "f", .main = fails, .context = f, .essential = true } };
	pid_t pid = start(parts, ARRAY_COUNT(parts));
	char began[3] = { heard(), heard(), 0 };

	assert_non_null(strchr(began, 'A'));
	assert_non_null(strchr(began, 'f'));
	hear("a");
	assert_int_equal(status_of(pid), 3);
}

/* One that is not essential is tried again and again. */
static void tried_again(void **state)
{
	static char a[] = "Aa", f[] = "f";
	struct part parts[] = { { .name = "f", .main = fails, .context = f },
		{ .name = "a", .main = stays, .context = a } };
	pid_t pid = start(parts, ARRAY_COUNT(parts));
	int tries = 0;

	while (tries < 3) {
		char letter = heard();

		assert_true(letter == 'f' || letter == 'A');
		tries += letter == 'f';
	}
	kill(pid, SIGTERM);
	hear("a");
	assert_int_equal(status_of(pid), 0);
}

/* When the command is killed its parts are told to end. */
static void orphans(void **state)
{
	static char a[] = "Aa";
	struct part parts[] = { { .name = "a", .main = stays, .context = a } };
	pid_t pid = start(parts, ARRAY_COUNT(parts));

	hear("A");
	kill(pid, SIGKILL);
	hear("a");
	assert_int_equal(status_of(pid), 128 + SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(order), cmocka_unit_test(another_life),
		cmocka_unit_test(essential), cmocka_unit_test(tried_again), cmocka_unit_test(orphans) };

	if (pipe(pipe_ends))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
