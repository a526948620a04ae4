// SPDX-License-Identifier: Apache-2.0
/* Every source is a descriptor in one epoll: the caller's own, a timerfd or a signalfd. Events are level-triggered, so
 * what one round leaves comes again. A removed source goes to a list of dead ones until the round is over, because
 * the events at hand may still point to it. */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

#define EVENTS_PER_ROUND 16

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL };

struct loop_source {
	struct loop_source *next, *previous; /* among the living; 'next' alone among the dead */
	enum source_kind kind;
	bool dead;
	int fd; /* owned unless SOURCE_FD */
	loop_fn fn;
	void *context; /* borrowed */
};

struct loop {
	int epoll_fd; /* owned */
	bool stopped;
	struct loop_source *living; /* owned */
	struct loop_source *dead; /* owned */
};

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return LUYTRE_E_NOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int error = error_from_errno(errno);

		free(loop);
		return error;
	}
	*ret = loop;
	return 0;
}

static void dead_free(struct loop *loop)
{
	while (loop->dead) {
		struct loop_source *source = loop->dead;

		loop->dead = source->next;
		free(source);
	}
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->living)
		loop_remove(loop, loop->living);
	dead_free(loop);
	close(loop->epoll_fd);
	free(loop);
}

static int source_watch(struct loop *loop, struct loop_source *source, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, operation, source->fd, &event) < 0 ? error_from_errno(errno) : 0;
}

/* On failure 'model.fd' stays the caller's to close. */
static int source_add(struct loop *loop, struct loop_source model, uint32_t events, struct loop_source **ret)
{
	struct loop_source *source = malloc(sizeof(*source));
	int error;

	if (!source)
		return LUYTRE_E_NOMEM;
	*source = model;
	error = source_watch(loop, source, EPOLL_CTL_ADD, events);
	if (error < 0) {
		free(source);
		return error;
	}
	source->next = loop->living;
	if (source->next)
		source->next->previous = source;
	loop->living = source;
	if (ret)
		*ret = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *context, struct loop_source **ret)
{
	return source_add(
		loop, (struct loop_source){ .kind = SOURCE_FD, .fd = fd, .fn = fn, .context = context }, events, ret);
}

int loop_set_events(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return source_watch(loop, source, EPOLL_CTL_MOD, events);
}

/* Adds a source whose descriptor was just made, or passes on that it was not. */
static int source_add_owned(struct loop *loop, struct loop_source model, struct loop_source **ret)
{
	int error;

	if (model.fd < 0)
		return error_from_errno(errno);
	error = source_add(loop, model, EPOLLIN, ret);
	if (error < 0)
		close(model.fd);
	return error;
}

int loop_add_timer(struct loop *loop, uint64_t period_ms, loop_fn fn, void *context, struct loop_source **ret)
{
	struct timespec period = {
		.tv_sec = (time_t)(period_ms / MS_PER_S),
		.tv_nsec = (long)(period_ms % MS_PER_S * NS_PER_MS),
	};
	struct itimerspec times = { .it_interval = period, .it_value = period };
	struct loop_source model = { .kind = SOURCE_TIMER, .fn = fn, .context = context };

	/* A timerfd takes a period of 0 as "off" and would never call. */
	if (period_ms == 0)
		return LUYTRE_E_INVALID;
	model.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (model.fd >= 0 && timerfd_settime(model.fd, 0, &times, NULL) < 0) {
		int error = error_from_errno(errno);

		close(model.fd);
		return error;
	}
	return source_add_owned(loop, model, ret);
}

int loop_add_signal(struct loop *loop, int signal_number, loop_fn fn, void *context, struct loop_source **ret)
{
	struct loop_source model = { .kind = SOURCE_SIGNAL, .fn = fn, .context = context };
	sigset_t signals;
	int system_errno;

	sigemptyset(&signals);
	if (sigaddset(&signals, signal_number) < 0)
		return LUYTRE_E_INVALID;
	system_errno = pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (system_errno != 0)
		return error_from_errno(system_errno);
	model.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return source_add_owned(loop, model, ret);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source)
		return;
	/* Fails only when the caller closed the descriptor first, which removed it as well. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->kind != SOURCE_FD)
		close(source->fd);
	if (source->next)
		source->next->previous = source->previous;
	if (source->previous)
		source->previous->next = source->next;
	else
		loop->living = source->next;
	source->dead = true;
	source->next = loop->dead;
	loop->dead = source;
}

/* What the callback is told; false when there is nothing to read after all. */
static bool source_value(const struct loop_source *source, uint32_t events, uint64_t *ret)
{
	struct signalfd_siginfo info;

	switch (source->kind) {
	case SOURCE_TIMER:
		return read(source->fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
	case SOURCE_SIGNAL:
		if (read(source->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
			return false;
		*ret = info.ssi_signo;
		return true;
	case SOURCE_FD:
		break;
	}
	*ret = events;
	return true;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_PER_ROUND];

	while (!loop->stopped) {
		int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, -1);

		if (count < 0 && errno != EINTR)
			return LUYTRE_E_SYSTEM;
		for (int i = 0; i < count && !loop->stopped; i++) {
			struct loop_source *source = events[i].data.ptr;
			uint64_t value;

			if (!source->dead && source_value(source, events[i].events, &value))
				source->fn(loop, value, source->context);
		}
		dead_free(loop);
	}
	loop->stopped = false;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
