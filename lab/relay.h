// SPDX-License-Identifier: Apache-2.0
/* The way from this machine's browser to the console of the hub, which lives in a namespace without a link to the machine.
 *
 * A process that opens a listening socket on 127.0.0.1 here, then enters the hub's namespace: the socket stays, what it opens from
 * then on is there. It copies bytes and reads none of them: TLS goes from the browser to the hub. Nothing but this one port is
 * reachable, and only from this machine. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

enum { RELAY_CONSOLE_PORT = 8443 };

/* Takes the first free port from RELAY_CONSOLE_PORT on. 0, or LUYTRE_E_SYSTEM, logged. */
MUST_CHECK int relay_start(const char *netns, uint16_t *ret_port, pid_t *ret_pid);
