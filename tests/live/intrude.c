// SPDX-License-Identifier: Apache-2.0
/* Plays the intruder: makes a running process do one system call, as somebody would who has taken it over, and says what
 * the kernel answered.
 *
 *	intrude PID socket inet|unix|packet	a socket of that family
 *	intrude PID execve			another program
 *	intrude PID getpid			something harmless, to see that it works
 *
 * Prints "refused" (EPERM), "killed" (SIGSYS) or "done VALUE". The call is put where the first thread stands (ptrace(2)),
 * and everything is put back afterwards. For x86-64; elsewhere it ends with 77. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#ifdef __x86_64__

#define SYSCALL_INSTRUCTION 0x050full /* 0f 05 */

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* One step of the process with its registers set to the call. */
static int act(pid_t pid, long number, long arg)
{
	struct user_regs_struct saved, regs;
	int status;
	long word;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &saved))
		return fail("registers");
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, (void *)saved.rip, NULL);
	if (errno)
		return fail("text");
	if (ptrace(PTRACE_POKETEXT, pid, (void *)saved.rip, (void *)((word & ~0xffffl) | (long)SYSCALL_INSTRUCTION)))
		return fail("text");
	regs = saved;
	regs.rax = (unsigned long long)number;
	regs.orig_rax = (unsigned long long)-1; /* no call that was interrupted begins anew here */
	regs.rdi = (unsigned long long)arg;
	regs.rsi = SOCK_DGRAM;
	regs.rdx = 0;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) || ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL))
		return fail("step");
	if (waitpid(pid, &status, __WALL) != pid)
		return fail("wait");
	if (WIFSIGNALED(status) || WIFEXITED(status)) {
		puts(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "ended");
		return 0;
	}
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return fail("registers");
	if ((long)regs.rax == -EPERM)
		puts("refused");
	else
		printf("done %ld\n", (long)regs.rax);
	if (ptrace(PTRACE_POKETEXT, pid, (void *)saved.rip, (void *)word) || ptrace(PTRACE_SETREGS, pid, NULL, &saved))
		return fail("putting back");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	const char *call = argc > 2 ? argv[2] : "", *family = argc > 3 ? argv[3] : "";
	long number = !strcmp(call, "socket") ? SYS_socket : !strcmp(call, "execve") ? SYS_execve : SYS_getpid;
	long arg = !strcmp(family, "inet") ? AF_INET : !strcmp(family, "packet") ? AF_PACKET : AF_UNIX;
	int status, result;

	if (pid <= 0) {
		fprintf(stderr, "usage: intrude PID socket inet|unix|packet | execve | getpid\n");
		return 2;
	}
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL))
		return fail("attach");
	if (waitpid(pid, &status, __WALL) != pid)
		return fail("wait");
	result = act(pid, number, number == SYS_execve ? 0 : arg);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return result;
}

#else

int main(void)
{
	return 77;
}

#endif
