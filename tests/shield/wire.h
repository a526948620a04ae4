// SPDX-License-Identifier: Apache-2.0
/* A veth pair in a network namespace that belongs to this process alone, with a raw socket at either end.
 *
 * The namespace has no name and ends with the process, so nothing is left behind whatever happens. Both ends are up,
 * without addresses, so that nothing but the test's frames travels. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define WIRE_OUTSIDE "outside"
#define WIRE_INSIDE  "inside"

struct wire;

/* Moves the calling process into the namespace. Null when it cannot; 'why' says why. */
struct wire *wire_open(char *why, size_t why_size);
void wire_close(struct wire *wire);

void wire_send(struct wire *wire, const uint8_t *frame, size_t size); /* from outside */
void wire_send_outbound(struct wire *wire, const uint8_t *frame, size_t size); /* from inside, and waits for it */

/* Reads what came back outside: its size, or 0. */
size_t wire_receive_outside(struct wire *wire, uint8_t *frame, size_t room);

/* Takes everything that arrived inside; how many frames. */
uint64_t wire_take_inside(struct wire *wire);

/* Runs a command line of words; 0 when it succeeded. For `ip` and `nft`. */
int wire_command(const char *line);

/* Attaches a program that passes everything: a veth end needs one to take what XDP sends. */
int wire_attach_pass(const char *interface);
