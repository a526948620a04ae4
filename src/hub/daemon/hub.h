// SPDX-License-Identifier: Apache-2.0
/* The hub as a program: the core, the doors for edges and for people, and a control socket for people on the same machine.
 *
 * hub_run() opens everything, gives up its privileges and answers until SIGTERM or SIGINT. The main thread has the loop and the
 * control socket (docs/hub.md); edges are served by threads of the door, what is due is ended by a thread of the core. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define HUB_SOCKET "/run/luytre/hub.sock"
#define HUB_STATE  "/var/lib/luytre/hub"
#define HUB_HOLDS  "/etc/luytre/gate/holds:/etc/luytre/sensor/holds"

enum { HUB_EDGE_PORT = 8444 };

struct hub_options {
	const char *state_dir; /* null: HUB_STATE */
	const char *socket; /* null: HUB_SOCKET */
	const char *address; /* where edges connect; null: 0.0.0.0 */
	uint16_t port; /* 0: HUB_EDGE_PORT */
	const char *names; /* by which edges know this hub; null: the name of the machine, and localhost */
	const char *control, *events; /* places of the stores; null: in the folder */
	const char *holds; /* folders of the rules that can hold something, parted by colons; null: HUB_HOLDS */
	unsigned int hold_budget_s; /* in shadow after the proof; 0: HOLD_BUDGET_US */
	const char *console_address; /* where people connect; null: 127.0.0.1 */
	uint16_t console_port; /* 0: CONSOLE_PORT */
	const char *sign_on; /* the file of hub/auth/oidc.h: who else signs people on; null: nobody */
	const char *console_socket; /* a Unix socket in place of both, for a proxy on this machine; null: none */
	const char *cluster; /* servers of NATS over which several hubs are one (docs/scale-out.md); null: one hub */
	const char *cluster_authority, *cluster_certificate, *cluster_key; /* files of natslog_tls; null: none */
	uint16_t metrics_port; /* figures for Prometheus on 127.0.0.1; 0: none */
	const char *drop; /* where reports may be dropped (console/drop.h); null: in the state folder */
	bool sandbox;
};

/* 0 or an error that has been logged. */
MUST_CHECK int hub_run(const struct hub_options *options);
