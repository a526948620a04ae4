// SPDX-License-Identifier: Apache-2.0
#include "cli/parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	FIRST_WAIT_MS = 250,
	LONGEST_WAIT_MS = 30000,
	FIRST_SECONDS = 5, /* whoever ends within them could not start */
	GRACE_MS = 10000,
	LOOK_MS = 20,
};

struct all_parts {
	struct part *parts;
	size_t count;
	sigset_t signals, before;
	pid_t self;
	bool failed;
	int status; /* of the essential part that could not start */
};

static void become_part(const struct all_parts *all, const struct part *part)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != all->self)
		_exit(1);
	setpgid(0, 0);
	prctl(PR_SET_NAME, part->name);
	sigprocmask(SIG_SETMASK, &all->before, NULL);
	exit(part->main(part->context));
}

static void plan_start(struct part *part, uint64_t now_ns)
{
	part->wait_ms = part->wait_ms ? part->wait_ms * 2 : FIRST_WAIT_MS;
	if (part->wait_ms > LONGEST_WAIT_MS)
		part->wait_ms = LONGEST_WAIT_MS;
	part->due_ns = now_ns + part->wait_ms * NS_PER_MS;
}

static void start(const struct all_parts *all, struct part *part)
{
	fflush(NULL); /* or the child would write it again */
	part->started_ns = clock_mono_ns();
	part->pid = fork();
	if (part->pid == 0)
		become_part(all, part);
	if (part->pid < 0) {
		log_error("%s cannot be started: %s", part->name, strerror(errno));
		part->pid = 0;
		plan_start(part, part->started_ns);
		return;
	}
	part->starts++;
}

static void start_due(struct all_parts *all)
{
	uint64_t now_ns = clock_mono_ns();

	for (size_t i = 0; i < all->count; i++) {
		struct part *part = &all->parts[i];

		if (!part->pid && !part->done && part->due_ns <= now_ns)
			start(all, part);
	}
}

static void has_ended(struct all_parts *all, struct part *part, int status)
{
	uint64_t now_ns = clock_mono_ns(), lived_ns = clock_since_ns(now_ns, part->started_ns);
	bool by_itself = WIFEXITED(status);

	part->pid = 0;
	if (part->once && by_itself && !WEXITSTATUS(status)) {
		part->done = true;
		return;
	}
	if (part->essential && part->starts == 1 && by_itself && lived_ns < FIRST_SECONDS * NS_PER_S) {
		all->failed = true;
		all->status = WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
		return;
	}
	if (lived_ns > LONGEST_WAIT_MS * NS_PER_MS)
		part->wait_ms = 0;
	plan_start(part, now_ns);
	log_warn("%s ended (%s %d); it is started again in %u ms, everything else goes on", part->name,
		by_itself ? "status" : "signal", by_itself ? WEXITSTATUS(status) : WTERMSIG(status), part->wait_ms);
}

static void reap(struct all_parts *all)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < all->count; i++)
			if (all->parts[i].pid == pid)
				has_ended(all, &all->parts[i], status);
}

/* Until a signal comes or the next part is due. */
static int wait_for_signal(const struct all_parts *all)
{
	uint64_t now_ns = clock_mono_ns(), due_ns = now_ns + LONGEST_WAIT_MS * NS_PER_MS;
	struct timespec left;

	for (size_t i = 0; i < all->count; i++) {
		const struct part *part = &all->parts[i];

		if (!part->pid && !part->done && part->due_ns < due_ns)
			due_ns = part->due_ns;
	}
	due_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	left.tv_sec = (time_t)(due_ns / NS_PER_S);
	left.tv_nsec = (long)(due_ns % NS_PER_S);
	return sigtimedwait(&all->signals, NULL, &left);
}

static void reload(const struct all_parts *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->parts[i].pid && all->parts[i].reloads)
			kill(all->parts[i].pid, SIGHUP);
}

static void stop(struct part *part)
{
	if (!part->pid)
		return;
	kill(part->pid, SIGTERM);
	for (unsigned int ms = 0; ms < GRACE_MS; ms += LOOK_MS) {
		const struct timespec look = { .tv_nsec = LOOK_MS * (long)NS_PER_MS };

		if (waitpid(part->pid, NULL, WNOHANG) == part->pid) {
			part->pid = 0;
			return;
		}
		nanosleep(&look, NULL);
	}
	log_warn("%s does not end by itself", part->name);
	kill(part->pid, SIGKILL);
	waitpid(part->pid, NULL, 0);
	part->pid = 0;
}

int parts_run(struct part *parts, size_t count)
{
	struct all_parts all = { .parts = parts, .count = count, .self = getpid() };
	bool stopping = false;

	sigemptyset(&all.signals);
	sigaddset(&all.signals, SIGCHLD);
	sigaddset(&all.signals, SIGTERM);
	sigaddset(&all.signals, SIGINT);
	sigaddset(&all.signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &all.signals, &all.before);
	while (!stopping && !all.failed) {
		int signal_number;

		start_due(&all);
		signal_number = wait_for_signal(&all);
		if (signal_number == SIGHUP)
			reload(&all);
		stopping = signal_number == SIGTERM || signal_number == SIGINT;
		reap(&all); /* several ends may be one signal */
	}
	while (count-- > 0)
		stop(&parts[count]);
	sigprocmask(SIG_SETMASK, &all.before, NULL);
	return all.failed ? all.status : 0;
}
