// SPDX-License-Identifier: Apache-2.0
/* Puts the shield into the kernel: loads the programs, maps their tables into memory, attaches them.
 *
 * Everything is pinned below PIN_DIR/INTERFACE, so the shield goes on filtering when the daemon stops,
 * crashes or is replaced. A new daemon finds the pinned tables, takes them over with all that is in
 * them, and exchanges the program in one step: no packet goes by unfiltered, none is lost. Tables of
 * another layout or size are replaced by fresh ones, and say so in 'ret->adopted'.
 *
 * Needs CAP_BPF, CAP_NET_ADMIN and, to mount the BPF file system where there is none, CAP_SYS_ADMIN.
 * After shield_open() no privilege is needed any more: tables are memory, samples are memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "shield/config.h"
#include "shield/emulate.h"
#include "shield/maps.h"

struct shield_options {
	const char *interface; /* null: load only, for tests with shield_test_run() */
	const char *peer; /* wire mode: the second interface; may be null */
	const char *pin_dir; /* null: nothing is pinned, everything ends with the process */
	enum config_attach attach;
	bool watch_outbound;
	struct shield_sizes sizes;
};

struct shield; /* opaque */

/* 0 or an error; then 'error' says in one sentence what failed and what to do. */
MUST_CHECK int shield_open(const struct shield_options *options, struct shield **ret, char *error, size_t error_size);

/* Leaves the kernel's part at work when it is pinned. */
void shield_close(struct shield *shield);

/* Takes the shield off an interface and removes its pins: for `luytre shield detach`. LUYTRE_E_NOT_FOUND
 * when there was nothing. */
MUST_CHECK int shield_detach(const char *pin_dir, const char *interface, char *error, size_t error_size);

struct shield_maps *shield_maps_of(struct shield *shield);
bool shield_adopted(const struct shield *shield); /* the tables are those of an earlier daemon */
const char *shield_attach_mode(const struct shield *shield); /* "native" or "generic" */

/* The ring of samples: a file to wait on, and its reader; returns how many samples were read. */
int shield_sample_fd(const struct shield *shield);
int shield_sample_read(struct shield *shield, shield_sample_fn fn, void *user);

/* Waits until every packet that could have seen an old generation is through. */
void shield_grace(void);

/* Runs the kernel's build over one frame (BPF_PROG_TEST_RUN), 'repeat' times. 'out' gets the frame as it
 * would leave (room of 'out_size', may be null). */
struct shield_test {
	enum shield_verdict verdict;
	size_t size; /* of the frame afterwards */
	uint32_t duration_ns; /* mean of a run */
};
MUST_CHECK int shield_test_run(struct shield *shield, const uint8_t *frame, size_t size, uint32_t repeat, uint8_t *out,
	size_t out_size, struct shield_test *ret);
/* The same for the program that watches what leaves. */
MUST_CHECK int shield_test_outbound(struct shield *shield, const uint8_t *frame, size_t size);
