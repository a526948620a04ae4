// SPDX-License-Identifier: Apache-2.0
/* A small event loop for daemons with one thread: files, timers and signals, over epoll.
 *
 * The program adds what it waits for, each with a callback, and calls loop_run, which returns after loop_stop.
 * Callbacks run one after the other on the thread of loop_run and must not block. A callback may add and remove
 * anything, itself included: once removed, a source is not called any more, not even for an event that was
 * already waiting. A callback that wants the time reads the clock itself (base/clock.h).
 *
 * Everything is for one thread. Add signals before starting threads: they are blocked in the thread that adds them. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

struct loop;
struct loop_source; /* one thing waited for; owned by the loop */

/* 'value': the epoll events (EPOLLIN, EPOLLHUP, ...) of a file, how many periods a timer has passed since the last
 * call (more than 1 when the program was late), or the number of a signal. */
typedef void (*loop_fn)(struct loop *loop, uint64_t value, void *context);

/* 0 or an error code; '*ret' is freed with loop_free. */
MUST_CHECK int loop_new(struct loop **ret);

/* Removes all sources and frees the loop. Not from inside a callback. Accepts null. */
void loop_free(struct loop *loop);

/* Waits for 'events' (EPOLLIN, EPOLLOUT) on 'fd', which stays the caller's: remove the source before closing it.
 * 'ret' may be null for the adding functions when the source is never removed. */
MUST_CHECK int loop_add_fd(
	struct loop *loop, int fd, uint32_t events, loop_fn fn, void *context, struct loop_source **ret);

/* Changes what a file source waits for. */
MUST_CHECK int loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events);

/* Calls every 'period_ms' milliseconds (1 or more) of monotonic time, the first time after one period. */
MUST_CHECK int loop_add_timer(
	struct loop *loop, uint64_t period_ms, loop_fn fn, void *context, struct loop_source **ret);

/* Calls when the signal arrives. The signal stays blocked for the process after removal. */
MUST_CHECK int loop_add_signal(
	struct loop *loop, int signal_number, loop_fn fn, void *context, struct loop_source **ret);

/* Accepts null. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Runs callbacks until loop_stop. 0, or LUYTRE_E_SYSTEM when epoll itself fails. May be called again. */
MUST_CHECK int loop_run(struct loop *loop);

/* Makes loop_run return once the callback at work is done. */
void loop_stop(struct loop *loop);
