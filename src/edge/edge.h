// SPDX-License-Identifier: Apache-2.0
/* The edge daemon: owns the shield of one perimeter site.
 *
 * edge_run() reads the configuration, puts the shield into the kernel (or takes over the one that
 * stands there), gives up its privileges, and then does four things until it is told to stop: every
 * tick it judges the counters (flood.h), it takes samples from the ring, it answers the control
 * socket, and it answers Prometheus. It is never on a packet's way: when it dies, the kernel goes on
 * with the last policy. One thread, one event loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "shield/config.h"

struct edge_options {
	const char *config_path; /* null: 'interface' and 'tenant' make a configuration */
	const char *interface; /* overrides the file's; may be null */
	const char *tenant; /* without a file: prefixes separated by commas, null: the interface's own addresses */
	bool enforce; /* without a file: else shadow */
	bool hub; /* the link to a hub is on, whatever the file says */
	bool sandbox; /* drop privileges; off only for debugging */
};

/* Reads the file, or makes a configuration from the options. 0 or an error; 'errors' says more. */
MUST_CHECK int edge_read_config(const struct edge_options *options, struct config_errors *errors, struct config **ret);

/* Runs until SIGTERM or SIGINT. 0 or an error that has been logged. */
MUST_CHECK int edge_run(const struct edge_options *options);
