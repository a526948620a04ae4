// SPDX-License-Identifier: Apache-2.0
/* The door for edges: TLS with certificates of the hub's own authority, one API (edge.yaml), one stream of decision changes.
 *
 *	core_open(...)				with port_told as its call, once the port is there
 *	port_open(core, "0.0.0.0", 8444, "hub.example.gov.vn", ...)
 *
 * The hub's certificate for this port is signed by the authority that edges know from their token. It is made anew at each start. What an edge
 * may do is decided by its certificate alone: its number is read from there, and asked of the register at each request. An edge has one
 * stream: a new one ends the one before, so that no edge can take the places of others.
 *
 * Threads: those of api_server; port_told may be called from any. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "hub/core/core.h"

enum { PORT_WHY_SIZE = 256 };

struct port;

/* 'names': host names and addresses that edges may use, separated by commas. 'listen_port' 0: any, see port_number. 0 or an error
 * with a sentence in 'why'. The core is borrowed. */
MUST_CHECK int port_open(struct core *core, const char *address, uint16_t listen_port, const char *names,
	struct port **ret, char why[PORT_WHY_SIZE]);
void port_close(struct port *port); /* accepts null */
uint16_t port_number(const struct port *port);

struct core *port_core(const struct port *port);
/* Ends the stream of an edge: it has been revoked. */
void port_forget(struct port *port, uint32_t edge);

/* Tells all edges: 'text' is a delta (core_calls.decisions). */
void port_told(struct port *port, struct bytes text);
/* The same for core_calls.policy. */
void port_told_policy(struct port *port, struct bytes text);
