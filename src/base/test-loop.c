// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"

/* A loop with one pipe; callbacks count and stop the loop after 'calls_max'. */
struct fixture {
	struct loop *loop;
	int pipe_fds[2];
	struct loop_source *sources[2];
	unsigned int calls;
	unsigned int calls_max;
	uint64_t last_value;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return f && loop_new(&f->loop) == 0 && pipe2(f->pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	close(f->pipe_fds[0]);
	close(f->pipe_fds[1]);
	free(f);
	return 0;
}

static void count_and_stop(struct loop *loop, uint64_t value, void *context)
{
	struct fixture *f = context;

	f->last_value = value;
	if (++f->calls >= f->calls_max)
		loop_stop(loop);
}

static void a_readable_file_calls_until_it_is_read(void **state)
{
	struct fixture *f = *state;

	f->calls_max = 3;
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[0], EPOLLIN, count_and_stop, f, NULL), 0);
	assert_int_equal(write(f->pipe_fds[1], "x", 1), 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
	assert_true(f->last_value & EPOLLIN);
}

static void changed_events_take_effect(void **state)
{
	struct fixture *f = *state;

	f->calls_max = 1;
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[1], 0, count_and_stop, f, &f->sources[0]), 0);
	assert_int_equal(loop_set_events(f->loop, f->sources[0], EPOLLOUT), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->last_value & EPOLLOUT);
}

static void a_timer_calls_every_period(void **state)
{
	struct fixture *f = *state;

	f->calls_max = 3;
	assert_int_equal(loop_add_timer(f->loop, 1, count_and_stop, f, &f->sources[0]), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
	assert_true(f->last_value >= 1);

	/* The loop runs again, and the timer is still there. */
	f->calls = 0;
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
}

static void a_signal_calls_with_its_number(void **state)
{
	struct fixture *f = *state;

	f->calls_max = 1;
	assert_int_equal(loop_add_signal(f->loop, SIGUSR1, count_and_stop, f, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->last_value, SIGUSR1);
}

/* Both sources are ready in one round; whichever is first removes both. */
static void remove_both(struct loop *loop, uint64_t value, void *context)
{
	struct fixture *f = context;

	f->calls++;
	loop_remove(loop, f->sources[0]);
	loop_remove(loop, f->sources[1]);
	loop_stop(loop);
}

static void raise_again(struct loop *loop, uint64_t value, void *context)
{
	struct fixture *f = context;

	f->calls++;
	if (f->calls == 1) {
		loop_remove(loop, f->sources[0]);
		loop_remove(loop, f->sources[1]);
		/* The rest of this round must pass over the second source, which is removed by now. */
		assert_int_equal(loop_add_timer(loop, 1, count_and_stop, f, NULL), 0);
	}
}

static void add_two_ready(struct fixture *f, loop_fn fn)
{
	assert_int_equal(write(f->pipe_fds[1], "x", 1), 1);
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[0], EPOLLIN, fn, f, &f->sources[0]), 0);
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[1], EPOLLOUT, fn, f, &f->sources[1]), 0);
}

static void a_removed_source_is_not_called(void **state)
{
	struct fixture *f = *state;

	add_two_ready(f, remove_both);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
}

static void nor_in_the_same_round(void **state)
{
	struct fixture *f = *state;

	f->calls_max = 2;
	add_two_ready(f, raise_again);
	assert_int_equal(loop_run(f->loop), 0);
	/* One call of a file, one of the timer. */
	assert_int_equal(f->calls, 2);
}

static void what_cannot_be_watched_is_refused(void **state)
{
	struct fixture *f = *state;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* epoll has no events for devices like this one. */
	assert_int_equal(loop_add_fd(f->loop, null_fd, EPOLLIN, count_and_stop, f, NULL), LUYTRE_E_PERMISSION);
	close(null_fd);
	assert_true(loop_add_fd(f->loop, -1, EPOLLIN, count_and_stop, f, NULL) < 0);
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[0], EPOLLIN, count_and_stop, f, NULL), 0);
	assert_int_equal(loop_add_fd(f->loop, f->pipe_fds[0], EPOLLIN, count_and_stop, f, NULL), LUYTRE_E_EXISTS);
	assert_int_equal(loop_add_timer(f->loop, 0, count_and_stop, f, NULL), LUYTRE_E_INVALID);
	assert_int_equal(loop_add_signal(f->loop, 0, count_and_stop, f, NULL), LUYTRE_E_INVALID);
	assert_int_equal(loop_add_signal(f->loop, 9999, count_and_stop, f, NULL), LUYTRE_E_INVALID);
}

static void null_is_accepted_where_promised(void **state)
{
	struct fixture *f = *state;

	loop_remove(f->loop, NULL);
	loop_free(NULL);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(a_readable_file_calls_until_it_is_read),
		LOOP_TEST(changed_events_take_effect),
		LOOP_TEST(a_timer_calls_every_period),
		LOOP_TEST(a_signal_calls_with_its_number),
		LOOP_TEST(a_removed_source_is_not_called),
		LOOP_TEST(nor_in_the_same_round),
		LOOP_TEST(what_cannot_be_watched_is_refused),
		LOOP_TEST(null_is_accepted_where_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
