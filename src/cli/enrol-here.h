// SPDX-License-Identifier: Apache-2.0
/* The edge and the hub of one machine are made known to each other, once and without a person: who may speak on the hub's control
 * socket (root) may do all of this by hand with `luytre hub tenant`, `luytre hub invite` and `luytre edge enrol`. */
#pragma once

#include "base/compiler.h"
#include "shield/config.h"

struct enrol_here {
	const struct config *config; /* the edge's; borrowed */
	const char *socket; /* of the hub's control */
	const char *url; /* the hub's door for edges */
	const char *tenant; /* the name of a tenant that has no title of its own; null: its name */
};

/* Waits for the hub, registers the tenants of the configuration there, and enrols the edge; does nothing when the edge is enrolled
 * already, wherever that is. An exit status; failures are logged. For parts.h: 'context' is a struct enrol_here. */
MUST_CHECK int enrol_here(void *context);
