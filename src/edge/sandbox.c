// SPDX-License-Identifier: Apache-2.0
/* See sandbox.h. */
#include "edge/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/error.h"

/* What is left. Names, not numbers: libseccomp knows each machine's. */
static const char *const allowed[] = { "read", "readv", "write", "writev", "pread64", "pwrite64", "close", "lseek",
	"fstat", "newfstatat", "stat", "lstat", "statx", "access", "faccessat", "faccessat2", "openat", "open", "fcntl",
	"ftruncate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat",
	"getdents64", "mmap", "munmap", "mremap", "madvise", "mprotect", "brk", "epoll_wait", "epoll_pwait",
	"epoll_ctl", "epoll_create1", "poll", "ppoll", "accept4", "accept", "recvfrom", "recvmsg", "sendto", "sendmsg",
	"shutdown", "getsockopt", "setsockopt", "timerfd_settime", "timerfd_create", "signalfd4", "clock_gettime",
	"clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "membarrier", "futex", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "getpid", "gettid", "tgkill", "exit",
	"exit_group", "sched_yield", "rseq", "set_robust_list", "umask", "ioctl", "uname", "readlink", "readlinkat" };

/* These are never a mistake of ours: somebody else is at the controls. */
static const char *const fatal[] = { "execve", "execveat", "bpf", "ptrace", "mount", "process_vm_writev", "init_module",
	"finit_module", "kexec_load", "setns", "unshare" };

static int add_rules(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		/* Calls that this machine does not have need no rule. */
		if (number == __NR_SCMP_ERROR || number < 0)
			continue;
		if (seccomp_rule_add(filter, action, number, 0))
			return -1;
	}
	return 0;
}

static int enter_seccomp(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error = -1;

	if (!filter)
		return -1;
	if (!add_rules(filter, SCMP_ACT_ALLOW, allowed, ARRAY_COUNT(allowed)) &&
		!add_rules(filter, SCMP_ACT_KILL_PROCESS, fatal, ARRAY_COUNT(fatal)))
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

/* An empty set for the process, and an empty bounding set so that none comes back. */
static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int error;

	if (!none)
		return -1;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			break; /* no right to shrink the set: it is small already */
	error = cap_set_proc(none);
	cap_free(none);
	return error;
}

int sandbox_enter(char *error, size_t error_size)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || drop_capabilities()) {
		snprintf(error, error_size, "cannot give up capabilities: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	if (enter_seccomp()) {
		snprintf(error, error_size, "cannot install the seccomp filter: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return 0;
}
