// SPDX-License-Identifier: Apache-2.0
/* Each case enters the sandbox in a process of its own and tries one thing there. */
#include "base/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLED = 256 }; /* by the filter; else the outcome is an error number, 0 for success */

static int try_exec(void)
{
	char *const words[] = { (char[]){ "true" }, NULL };

	execv("/bin/true", words);
	return errno;
}

static int try_socket(int family)
{
	return socket(family, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

static int try_inet(void)
{
	return try_socket(AF_INET);
}

static int try_raw(void)
{
	return socket(AF_INET, SOCK_RAW, 1) < 0 ? errno : 0;
}

static int try_packet(void)
{
	return try_socket(AF_PACKET);
}

static int try_unix(void)
{
	return try_socket(AF_UNIX);
}

static void *idle(void *context)
{
	pthread_setname_np(pthread_self(), "named");
	return context;
}

static int try_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, idle, NULL);

	return error ? error : pthread_join(thread, NULL);
}

static int try_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0 ? errno : 0;
}

static int try_bpf(int command)
{
	union bpf_attr attr = { .map_fd = UINT32_MAX };

	return syscall(SYS_bpf, command, &attr, sizeof(attr)) < 0 ? errno : 0;
}

static int try_map_lookup(void)
{
	return try_bpf(BPF_MAP_LOOKUP_ELEM);
}

static int try_program_load(void)
{
	return try_bpf(BPF_PROG_LOAD);
}

static int try_file(void)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : close(fd);
}

static int try_ptrace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) < 0 ? errno : 0;
}

static int try_chroot(void)
{
	return chroot("/") ? errno : 0;
}

static const struct {
	const char *name;
	unsigned int needs;
	int (*act)(void);
	int outcome;
} cases[] = {
	{ "a program cannot be started", 0, try_exec, KILLED },
	{ "nor with all needs", SANDBOX_THREADS | SANDBOX_UNIX_SOCKETS | SANDBOX_BPF_MAPS, try_exec, KILLED },
	{ "no socket", 0, try_inet, EPERM },
	{ "no local socket", 0, try_unix, EPERM },
	{ "a local socket", SANDBOX_UNIX_SOCKETS, try_unix, 0 },
	{ "but none of the network", SANDBOX_UNIX_SOCKETS, try_inet, EPERM },
	{ "and no raw one", SANDBOX_UNIX_SOCKETS, try_packet, EPERM },
	{ "the network", SANDBOX_NETWORK, try_inet, 0 },
	{ "but nothing raw", SANDBOX_NETWORK, try_raw, EPERM },
	{ "and no packets", SANDBOX_NETWORK, try_packet, EPERM },
	{ "nor local sockets", SANDBOX_NETWORK, try_unix, EPERM },
	{ "nor programs", SANDBOX_NETWORK | SANDBOX_THREADS | SANDBOX_UNIX_SOCKETS, try_exec, KILLED },
	{ "no thread", 0, try_thread, EPERM },
	{ "a thread", SANDBOX_THREADS, try_thread, 0 },
	{ "but no process", SANDBOX_THREADS, try_fork, EPERM },
	{ "no BPF map", 0, try_map_lookup, KILLED },
	{ "a BPF map: the kernel looks for the file", SANDBOX_BPF_MAPS, try_map_lookup, EBADF },
	{ "but no BPF program", SANDBOX_BPF_MAPS, try_program_load, KILLED },
	{ "files", 0, try_file, 0 },
	{ "no look into other processes", 0, try_ptrace, KILLED },
	{ "nothing that is not named", 0, try_chroot, EPERM },
};

static int outcome_of(unsigned int needs, int (*act)(void))
{
	char message[256];
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = { 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		_exit(sandbox_enter(needs, message, sizeof(message)) ? 255 : act());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -1;
	return WEXITSTATUS(status);
}

static void each_call_has_its_outcome(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int outcome = outcome_of(cases[i].needs, cases[i].act);

		/* Without CAP_BPF the kernel refuses the commands of bpf before it looks at what they ask for. */
		if (cases[i].act == try_map_lookup && outcome == EPERM && geteuid() != 0)
			outcome = cases[i].outcome;
		if (outcome != cases[i].outcome)
			fail_msg("%s: %d instead of %d", cases[i].name, outcome, cases[i].outcome);
	}
}

static unsigned long long capabilities(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long set = ~0ull;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &set) == 1)
			break;
	if (file)
		fclose(file);
	return set;
}

static int count_capabilities(void)
{
	return __builtin_popcountll(capabilities());
}

static void capabilities_are_gone(void **state)
{
	int kept = outcome_of(SANDBOX_NET_ADMIN, count_capabilities);

	assert_int_equal(outcome_of(0, count_capabilities), 0);
	/* Who has none cannot keep one. */
	if (capabilities() & 1ull << 12)
		assert_int_equal(kept, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_has_its_outcome),
		cmocka_unit_test(capabilities_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
