// SPDX-License-Identifier: Apache-2.0
#include "base/sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/error.h"

/* What is left. Names, not numbers: libseccomp knows each machine's. */
static const char *const allowed[] = { "read", "readv", "write", "writev", "pread64", "pwrite64", "close", "lseek",
	"fstat", "newfstatat", "stat", "lstat", "statx", "access", "faccessat", "faccessat2", "openat", "open", "fcntl",
	"ftruncate", "fallocate", "fadvise64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "rmdir", "mkdir", "mkdirat", "getdents64", "mmap", "munmap", "mremap", "madvise", "mprotect", "brk",
	"epoll_wait", "epoll_pwait", "epoll_ctl", "epoll_create1", "poll", "ppoll", "accept4", "accept", "recvfrom",
	"recvmsg", "recvmmsg", "sendto", "sendmsg", "shutdown", "getsockopt", "setsockopt", "timerfd_settime",
	"timerfd_create", "signalfd4", "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"getrandom", "membarrier", "futex", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"restart_syscall", "getpid", "gettid", "tgkill", "exit", "exit_group", "sched_yield", "sched_getaffinity",
	"rseq", "set_robust_list", "umask", "ioctl", "uname", "sysinfo", "readlink", "readlinkat" };

/* These are never a mistake of ours: somebody else is at the controls. */
static const char *const fatal[] = { "execve", "execveat", "ptrace", "mount", "process_vm_writev", "init_module",
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

/* Threads, not processes. What clone3 is asked for lies in memory, where a filter cannot look; told that there is no such
 * call, the C library takes clone. A thread may say how important it is itself. */
static int add_threads(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD),
				  sets_name = SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0),
				  only_asks = SCMP_A2(SCMP_CMP_EQ, 0, 0),
				  own_priority[] = { SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS, 0),
					  SCMP_A1(SCMP_CMP_EQ, 0, 0) };

	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ||
			       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, is_thread) ||
			       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, sets_name) ||
			       seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2, own_priority) ||
			       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, only_asks)
		       ? -1
		       : 0;
}

/* What an HTTPS client and the C library's resolver use. */
static int add_network(scmp_filter_ctx filter)
{
	static const char *const calls[] = { "connect", "bind", "getsockname", "getpeername", "sendmmsg", "socketpair",
		"pipe2", "eventfd2", "select", "pselect6" };
	static const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	const scmp_datum_t type_bits = 0xf; /* the rest is SOCK_CLOEXEC and SOCK_NONBLOCK */
	int error = add_rules(filter, SCMP_ACT_ALLOW, calls, ARRAY_COUNT(calls));

	for (size_t i = 0; i < ARRAY_COUNT(families) * ARRAY_COUNT(types) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i / ARRAY_COUNT(types)], 0),
			SCMP_A1(SCMP_CMP_MASKED_EQ, type_bits, (scmp_datum_t)types[i % ARRAY_COUNT(types)]));
	return error;
}

/* Sockets that are listened on and their modes; SQLite's locks and names, and who libpq is. */
static int add_server(scmp_filter_ctx filter)
{
	static const char *const calls[] = { "bind", "listen", "getsockname", "chmod", "fchmod", "fchmodat", "flock",
		"link", "linkat", "getcwd", "getuid", "geteuid", "getgid", "getegid", "statfs", "fstatfs", "eventfd2" };

	return add_rules(filter, SCMP_ACT_ALLOW, calls, ARRAY_COUNT(calls));
}

static int add_unix_sockets(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_unix = SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0);

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, is_unix) ||
			       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0)
		       ? -1
		       : 0;
}

/* The commands on maps are those behind "create" up to "next key" (bpf(2)); whatever has a higher number is fatal. */
static int add_bpf(scmp_filter_ctx filter, bool maps)
{
	const struct scmp_arg_cmp is_other = SCMP_A0(SCMP_CMP_GT, BPF_MAP_GET_NEXT_KEY, 0);
	int error = 0;

	if (!maps)
		return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(bpf), 0);
	for (int command = BPF_MAP_LOOKUP_ELEM; command <= BPF_MAP_GET_NEXT_KEY && !error; command++)
		error = seccomp_rule_add(
			filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)command, 0));
	return error ? error : seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(bpf), 1, is_other);
}

static int enter_seccomp(unsigned int needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -1;
	error = add_rules(filter, SCMP_ACT_ALLOW, allowed, ARRAY_COUNT(allowed)) ||
		add_rules(filter, SCMP_ACT_KILL_PROCESS, fatal, ARRAY_COUNT(fatal)) ||
		add_bpf(filter, needs & SANDBOX_BPF_MAPS);
	if (!error && needs & SANDBOX_THREADS)
		error = add_threads(filter);
	if (!error && needs & SANDBOX_UNIX_SOCKETS)
		error = add_unix_sockets(filter);
	if (!error && needs & SANDBOX_NETWORK)
		error = add_network(filter);
	if (!error && needs & SANDBOX_SERVER)
		error = add_server(filter);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error ? -1 : 0;
}

/* A service manager may have taken it already. */
static bool has_capability(cap_value_t capability)
{
	cap_flag_value_t has = CAP_CLEAR;
	cap_t set = cap_get_proc();
	bool known = set && cap_get_flag(set, capability, CAP_PERMITTED, &has) == 0;

	cap_free(set);
	return known && has == CAP_SET;
}

static int keep_capability(cap_t set, cap_value_t capability)
{
	return cap_set_flag(set, CAP_PERMITTED, 1, &capability, CAP_SET) ||
	       cap_set_flag(set, CAP_EFFECTIVE, 1, &capability, CAP_SET);
}

/* An empty set for the process, but for what is needed, and an empty bounding set so that none comes back. */
static int drop_capabilities(unsigned int needs)
{
	cap_t set = cap_init();
	int error = 0;

	if (!set)
		return -1;
	if (needs & SANDBOX_NET_ADMIN)
		error = keep_capability(set, CAP_NET_ADMIN);
	if (!error && needs & SANDBOX_SERVER && has_capability(CAP_NET_BIND_SERVICE))
		error = keep_capability(set, CAP_NET_BIND_SERVICE);
	for (int cap = 0; cap <= CAP_LAST_CAP && !error; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			break; /* no right to shrink the set: it is small already */
	if (!error)
		error = cap_set_proc(set);
	cap_free(set);
	return error;
}

int sandbox_drop_capabilities(unsigned int needs, char *error, size_t error_size)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || drop_capabilities(needs)) {
		snprintf(error, error_size, "cannot give up capabilities: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return 0;
}

int sandbox_enter(unsigned int needs, char *error, size_t error_size)
{
	int result = sandbox_drop_capabilities(needs, error, error_size);

	if (!result && enter_seccomp(needs)) {
		snprintf(error, error_size, "cannot install the seccomp filter: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return result;
}
