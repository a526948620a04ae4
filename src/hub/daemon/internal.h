// SPDX-License-Identifier: Apache-2.0
/* What hub.c (opening, the loop) and commands.c (requests of the control socket) share. */
#pragma once

#include "base/control.h"
#include "base/loop.h"
#include "hub/console/console.h"
#include "hub/daemon/hub.h"
#include "hub/daemon/seal.h"
#include "hub/port/port.h"

struct hub {
	struct loop *loop;
	struct core *core;
	struct port *port;
	struct console *console;
	struct control_server *control;
	struct seal *seal;
	uint64_t started_ns;
};

/* Answers one line of the control socket. */
void hub_command(struct hub *hub, char *line, struct jsonw *out);
