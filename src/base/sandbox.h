// SPDX-License-Identifier: Apache-2.0
/* Gives up what a daemon does not need once it stands.
 *
 * After sandbox_enter() no capability is left but what was asked for, no new privilege can be gained, and a seccomp filter
 * leaves only the system calls that an event loop, open sockets, files and a reload use. Every other call fails with EPERM;
 * those that only an intruder would make (execve, ptrace, mount, loading code into the kernel, ...) end the process.
 *
 * Files stay within reach as far as their owner and mode allow: a reload has to read them. What may be opened is the
 * business of the service manager (packaging/systemd). */
#pragma once

#include <stddef.h>

#include "base/compiler.h"

/* What a program needs beyond that. */
enum sandbox_need {
	SANDBOX_THREADS = 1 << 0, /* starting threads, not processes */
	SANDBOX_UNIX_SOCKETS = 1 << 1, /* connecting to sockets of this machine; all other families stay closed */
	SANDBOX_BPF_MAPS =
		1 << 2, /* reading and writing BPF maps that are open; loading and attaching end the process */
	SANDBOX_NETWORK = 1 << 4, /* connecting over TCP and asking for names (UDP); nothing raw */
	SANDBOX_SERVER =
		1 << 5, /* opening sockets that others connect to, also on ports below 1024, and databases in files */
	SANDBOX_NET_ADMIN = 1 << 3, /* CAP_NET_ADMIN stays, for kernel interfaces that ask for it at each message */
};

/* 'needs' is an or of enum sandbox_need. 0 or LUYTRE_E_SYSTEM, with the reason in 'error'. Once for the whole process, before
 * any thread: threads inherit it. There is no way back. */
MUST_CHECK int sandbox_enter(unsigned int needs, char *error, size_t error_size);

/* The same without the filter: capabilities and new privileges only. */
MUST_CHECK int sandbox_drop_capabilities(unsigned int needs, char *error, size_t error_size);
