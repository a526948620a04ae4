// SPDX-License-Identifier: Apache-2.0
/* See process.h. */
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

enum { EXIT_NO_PLACE = 126, EXIT_NO_PROGRAM = 127, STOP_STEP_MS = 10 };

int process_enter(const char *netns)
{
	char path[PATH_MAX];
	int fd, error;

	if (!netns)
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	error = setns(fd, CLONE_NEWNET);
	close(fd);
	return error;
}

static int redirect(const char *log_path)
{
	int in = open("/dev/null", O_RDONLY), out = -1;

	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (!log_path)
		return in < 0 ? -1 : 0;
	out = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (out < 0)
		return -1;
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	return 0;
}

/* What every child does first. A parent that died before prctl() is noticed by the changed parent. */
static void become_child(pid_t parent, const char *netns, const char *log_path)
{
	static const int fatal[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NO_PLACE);
	setpgid(0, 0);
	for (size_t i = 0; i < ARRAY_COUNT(fatal); i++)
		signal(fatal[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (process_enter(netns) || redirect(log_path)) {
		log_error("cannot enter the namespace %s or open %s: %s", netns ? netns : "-",
			log_path ? log_path : "-", strerror(errno));
		_exit(EXIT_NO_PLACE);
	}
	close_range(STDERR_FILENO + 1, ~0u, 0);
}

int process_start(const char *netns, const char *log_path, const char *const argv[], pid_t *ret_pid)
{
	pid_t parent = getpid(), pid = fork();
	union {
		const char *const *constant;
		char *const *plain;
	} arguments = { argv }; /* exec does not change them, its type is older than const */

	if (pid < 0)
		return LUYTRE_E_SYSTEM;
	if (pid == 0) {
		become_child(parent, netns, log_path);
		execvp(argv[0], arguments.plain);
		log_error("cannot start %s: %s", argv[0], strerror(errno));
		_exit(EXIT_NO_PROGRAM);
	}
	*ret_pid = pid;
	return 0;
}

static int wait_for(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return LUYTRE_E_SYSTEM;
	return 0;
}

int process_run(const char *netns, const char *log_path, const char *const argv[])
{
	pid_t pid;
	int status = 0, error = process_start(netns, log_path, argv, &pid);

	if (!error)
		error = wait_for(pid, &status);
	if (!error && (!WIFEXITED(status) || WEXITSTATUS(status)))
		error = LUYTRE_E_SYSTEM;
	if (error)
		log_error("%s %s failed%s%s", argv[0], argv[1] ? argv[1] : "", log_path ? ", see " : "",
			log_path ? log_path : "");
	return error;
}

int process_fork(const char *netns, process_fn fn, void *context, pid_t *ret_pid)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return LUYTRE_E_SYSTEM;
	if (pid == 0) {
		become_child(parent, netns, NULL);
		_exit(fn(context));
	}
	*ret_pid = pid;
	return 0;
}

int process_call(const char *netns, process_fn fn, void *context)
{
	pid_t pid;
	int status = 0, error = process_fork(netns, fn, context, &pid);

	if (!error)
		error = wait_for(pid, &status);
	if (!error && (!WIFEXITED(status) || WEXITSTATUS(status)))
		error = LUYTRE_E_SYSTEM;
	return error;
}

bool process_has_ended(pid_t *pid)
{
	if (*pid && waitpid(*pid, NULL, WNOHANG) == *pid)
		*pid = 0;
	return !*pid;
}

void process_stop(pid_t *pid, unsigned int grace_ms)
{
	if (process_has_ended(pid))
		return;
	kill(*pid, SIGTERM);
	for (unsigned int ms = 0; ms < grace_ms && !process_has_ended(pid); ms += STOP_STEP_MS)
		usleep(STOP_STEP_MS * 1000);
	if (process_has_ended(pid))
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void process_print_log(const char *path)
{
	enum { TAIL = 4096 };
	FILE *in = fopen(path, "re");
	char text[TAIL];
	size_t got;

	if (!in)
		return;
	if (fseek(in, -(long)sizeof(text), SEEK_END))
		rewind(in);
	got = fread(text, 1, sizeof(text), in);
	fclose(in);
	fwrite(text, 1, got, stderr);
}
