// SPDX-License-Identifier: Apache-2.0
/* Starting programs and functions inside network namespaces.
 *
 * Every child dies with the lab (PR_SET_PDEATHSIG), keeps no file of the lab but standard input, output and error, and
 * has a process group of its own, so that Ctrl-C reaches the lab alone and the lab ends its children in order. Only
 * the network namespace is entered: the child sees the same files, /sys/fs/bpf above all. A namespace is named as in
 * /run/netns; null means the lab's own. Not for several threads. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"

/* Runs in the child; the return value is its exit status. */
typedef int (*process_fn)(void *context);

/* Changes the network namespace of the calling process: sockets that are open stay where they are. 0 or -1 with errno. */
MUST_CHECK int process_enter(const char *netns);

/* Starts a program found in PATH. Its output is appended to the file 'log_path', or is the lab's own when that is null.
 * 'argv' ends with null. 0 or LUYTRE_E_SYSTEM; that the program is missing shows in its exit status, 127. */
MUST_CHECK int process_start(const char *netns, const char *log_path, const char *const argv[], pid_t *ret_pid);

/* The same, and waits for its end. LUYTRE_E_SYSTEM when the exit status is not 0, logged with the command. */
MUST_CHECK int process_run(const char *netns, const char *log_path, const char *const argv[]);

/* Runs a function in a child of its own. */
MUST_CHECK int process_fork(const char *netns, process_fn fn, void *context, pid_t *ret_pid);

/* The same, and waits for its end. LUYTRE_E_SYSTEM when it returns anything but 0. */
MUST_CHECK int process_call(const char *netns, process_fn fn, void *context);

/* True once the child is gone; then '*pid' is 0. True for 0 as well. Does not wait. */
bool process_has_ended(pid_t *pid);

/* Ends a child and waits for it: SIGTERM, after 'grace_ms' SIGKILL. '*pid' is 0 afterwards; 0 is allowed. */
void process_stop(pid_t *pid, unsigned int grace_ms);

/* Writes the last lines of a log file to standard error, for when a program did not do what it should. */
void process_print_log(const char *path);
