// SPDX-License-Identifier: Apache-2.0
/* Several daemons under one command, each a process of its own: `luytre run` with a hub.
 *
 * parts_run() starts all parts, starts a part again when it dies, and ends them in the reverse order of the table when it is told
 * to. It touches no packet and answers nobody; it keeps its privileges, because a part that is started again needs them until it
 * has given them up itself. A part that dies takes nothing with it: the others have other memory and other sandboxes. When this
 * process itself is killed, the parts are told to end (PR_SET_PDEATHSIG).
 *
 * Signals: SIGTERM and SIGINT end everything; SIGHUP goes to the parts that asked for it. Each part has a process group of its
 * own, so that Ctrl-C comes here first and the order holds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct part {
	const char *name; /* at most 15 bytes; of the process too */
	int (*main)(void *context); /* in the child; its exit status */
	void *context;
	bool once; /* done when it ends with 0: not started again */
	bool essential; /* when it ends by itself within its first seconds and was never started before, everything ends */
	bool reloads; /* takes SIGHUP */

	/* Of parts_run; zeros before. */
	pid_t pid; /* 0: does not run */
	bool done;
	unsigned int starts, wait_ms;
	uint64_t started_ns, due_ns;
};

/* Runs until SIGTERM or SIGINT: 0. Or until an essential part could not start: its exit status. */
MUST_CHECK int parts_run(struct part *parts, size_t count);
