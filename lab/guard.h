// SPDX-License-Identifier: Apache-2.0
/* The guardian: takes away everything that a run of the lab made, however the run ends.
 *
 * It is a process of its own, started before anything else is made, that does nothing but hold the reading end of a
 * pipe whose writing end only the lab has. When the lab ends - by itself, by Ctrl-C, by a crash, by kill -9 - the pipe
 * closes and the guardian cleans up: it kills the processes inside the run's namespaces, removes those namespaces
 * (their links go with them), the pinned tables and the run's folder. It finds them by names that hold the
 * process id of the run, so it touches nothing that the run did not make. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

/* Names of one run; what lies under them belongs to the run. */
struct guard_names {
	char prefix[24]; /* of its namespaces: "lt-1234-" */
	char dir[64]; /* configuration, logs and sockets */
	char pin_dir[64]; /* in the BPF file system */
};

/* Fills the names and makes the folder 'dir'. 0, LUYTRE_E_EXISTS when namespaces of this prefix exist, or
 * LUYTRE_E_SYSTEM. */
MUST_CHECK int guard_names_init(struct guard_names *names);

/* Starts the guardian; '*ret_fd' is the end to hold. 'screen': standard output is a terminal on which the lab draws;
 * when the lab dies the guardian gives it back as it was. */
MUST_CHECK int guard_start(const struct guard_names *names, bool screen, int *ret_fd);

/* Lets go, waits until all is clean. To be called once, by the process that called guard_start. */
void guard_finish(int fd);
