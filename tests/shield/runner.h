// SPDX-License-Identifier: Apache-2.0
/* Three ways of putting a frame through the shield, behind one door:
 *
 *	emulated	the user-space build, over ordinary memory
 *	kernel		the kernel's build, by BPF_PROG_TEST_RUN (needs root)
 *	wire		the kernel's build on a veth pair in a network namespace of its own (needs root): what is sent into
 *			one end passes the shield at the other, and either arrives there, comes back, or is gone
 *
 * What became of a frame is read from the counters in all three, so exactly one of them must have moved.
 * One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shield/emulate.h"
#include "shield/maps.h"

#define RUNNER_FRAME_MAX 2048

struct runner;

struct runner_result {
	enum shield_verdict verdict;
	enum shield_reason reason;
	bool shadow;
	uint32_t tenant; /* slot */
	size_t moved; /* counters that moved: 1, or the rest means nothing */
	uint8_t answer[RUNNER_FRAME_MAX];
	size_t answer_size; /* with verdict SHIELD_ANSWER */
};

/* Each: null when it cannot be had here, and 'why' says why. */
struct runner *runner_open_emulated(char *why, size_t why_size);
struct runner *runner_open_kernel(char *why, size_t why_size);
struct runner *runner_open_wire(char *why, size_t why_size);
void runner_close(struct runner *runner);

struct shield_maps *runner_maps(struct runner *runner);

/* Sends one frame from outside. */
void runner_send(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret);

/* Sends one from inside. What is counted of it is in 'ret'; the verdict says nothing. */
void runner_send_outbound(struct runner *runner, const uint8_t *frame, size_t size, struct runner_result *ret);

/* Frames that arrived inside since the runner was opened, or passed where there is no wire. */
uint64_t runner_arrived(struct runner *runner);
