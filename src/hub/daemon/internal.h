// SPDX-License-Identifier: Apache-2.0
/* What hub.c (opening, the loop) and commands.c (requests of the control socket) share. */
#pragma once

#include "base/control.h"
#include "base/loop.h"
#include "hub/cluster/cluster.h"
#include "hub/console/console.h"
#include "hub/daemon/figures.h"
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
	struct cluster *cluster; /* null: the only hub */
	struct figures *figures; /* null: nobody asks for any */
	uint64_t started_ns;
};

/* hold-commands.c; without the core's lock. On an error what was written is no answer. */
MUST_CHECK int hub_write_holds(struct hub *hub, bool all, struct jsonw *out);

/* retro-command.c; likewise. 'days' may be "". LUYTRE_E_INVALID, and what retro_search says. */
MUST_CHECK int hub_write_retro(
	struct hub *hub, const char *kind, const char *value, const char *days, struct jsonw *out);

/* Answers one line of the control socket. */
void hub_command(struct hub *hub, char *line, struct jsonw *out);
