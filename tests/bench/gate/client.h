// SPDX-License-Identifier: Apache-2.0
/* A client with one connection that is kept, for latencies: one request at a time, blocking, with a timeout of ten seconds. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

struct client {
	int fd;
	uint16_t port;
};

/* Connects to 127.0.0.1. LUYTRE_E_SYSTEM. */
MUST_CHECK int client_open(uint16_t port, struct client *ret);
void client_close(struct client *client);

/* Sends and waits for the whole response; opens the connection anew when the server closes it. 'ret_us' may be null.
 * LUYTRE_E_IO, LUYTRE_E_SYNTAX for what is no response. */
MUST_CHECK int client_ask(struct client *client, struct bytes request, unsigned int *ret_status, double *ret_us);

/* A port of 127.0.0.1 that nobody listens on at this moment; 0 without. */
uint16_t client_free_port(void);
