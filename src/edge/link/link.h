// SPDX-License-Identifier: Apache-2.0
/* The link of an edge to its hub: a process of its own, so that nothing the network says or does not say touches the daemon.
 *
 * link_start forks a keeper before the daemon gives up its privileges; the keeper starts the link and starts it again when it
 * dies, and ends with the daemon. link_run is the link itself: it opens what it needs, enters a sandbox of its own, and then
 *
 *	takes events from sensor and gate on a Unix socket, and counted drops from the daemon (intake.c)
 *	closes batches of them into the spool, and sends them (upload.c)
 *	holds the stream of decisions and tells the daemon (stream.c), and tells the hub what stands (upload.c)
 *	tells how it is: figures to the daemon, status.json beside the spool (status.c)
 *
 * On a host that has no shield it runs alone (`luytre edge link`): events only. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "shield/config.h"

/* The folder of the link below state_dir. */
#define LINK_DIR "hub"

struct link_options {
	const struct config *config; /* borrowed */
	int daemon_fd; /* owned; -1: alone */
	bool sandbox;
};

/* Runs until the daemon goes, or SIGTERM. 0 or an error that has been logged. */
MUST_CHECK int link_run(const struct link_options *options);

/* Forks the keeper. '*ret_fd' is the daemon's end, not blocking. LUYTRE_E_SYSTEM. */
MUST_CHECK int link_start(const struct config *config, bool sandbox, int *ret_fd);
