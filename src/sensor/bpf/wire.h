// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* What the wire's program in the kernel and the sensor agree on.
 *
 * The program decides each frame of both interfaces: flows that the sensor is done with are switched through or dropped
 * here, everything else goes to the AF_XDP socket of its interface and queue. Where nobody takes it (no socket, a sensor
 * that stands still, a full ring), it goes on to the other interface (fail-open) or is dropped (fail-closed). */
#pragma once

#ifndef __bpf__
#include <stdint.h>
#endif

enum {
	WIRE_SIDES = 2, /* 0 outside, 1 inside */
	WIRE_QUEUES_MAX = 64, /* of one interface */
	WIRE_SLOTS = WIRE_SIDES * WIRE_QUEUES_MAX, /* side * WIRE_QUEUES_MAX + queue */
	WIRE_FLOWS_MAX = 262144, /* least recently used ones go first */
};

/* Set before the program is loaded. */
struct wire_settings {
	uint32_t ifindex[WIRE_SIDES];
	uint32_t fail_open;
	uint32_t room; /* frames that may lie in a socket's ring */
	uint64_t stale_ns; /* a sensor that gave no sign for so long counts as gone */
	uint64_t idle_ns; /* flows without packets for so long are the sensor's again */
};

/* One for each slot, shared memory. Each half has one writer. */
struct wire_queue {
	uint64_t given; /* frames sent to the socket: the program's */
	uint64_t pad1[7];
	uint64_t alive_ns; /* monotonic: the sensor's, at each round */
	uint64_t taken; /* frames that it received; set to 'given' when the ring is empty */
	uint64_t pad2[6];
};

/* Both directions have the same key: the end with the lower address comes first, then the lower port. */
struct wire_key {
	uint8_t addr[2][16];
	uint16_t port[2]; /* host order */
	uint8_t family; /* 4, 6 */
	uint8_t protocol;
	uint16_t pad;
};

enum wire_verdict { WIRE_BLOCK = 1, WIRE_BYPASS = 2 };

struct wire_flow {
	uint64_t last_ns; /* monotonic, coarse */
	uint64_t packet_count, byte_count;
	uint32_t verdict; /* enum wire_verdict */
	uint32_t pad;
};

/* Per processor. */
struct wire_counters {
	uint64_t given; /* to the sensor */
	uint64_t bypassed, bypassed_bytes, blocked; /* flows that are decided */
	uint64_t opened, closed; /* nobody was there: passed on, or dropped */
};
