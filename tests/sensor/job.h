// SPDX-License-Identifier: Apache-2.0
/* One capture in a process of its own: mutant after mutant through the engine, until all are done or one fails.
 *
 * A crash, a report of a sanitizer, a mutant that takes too long or too much memory ends the process; the parent reads
 * from the shared status which mutant it was, and starts another process behind it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "tests/sensor/mutant.h"
#include "tests/sensor/play.h"

struct job_settings {
	uint64_t seed;
	uint32_t first, count; /* mutants of a capture, by number */
	enum mutation mutation; /* MUTATION_NONE: by seed and number */
	unsigned int limit_s; /* for one mutant */
	uint64_t memory_size; /* that a mutant may take beside what rules and settings do */
	const char *config_path; /* mutate.yaml */
	const char *questions;
	const char *scratch_dir; /* a folder for each job is made in it */
};

struct capture_source {
	char *name; /* owned: a path, or what it was made from */
	uint8_t *data; /* owned; null: it is read from the path */
	size_t size;
};

/* Written by the job, read by the parent: in shared memory. */
struct job_status {
	uint32_t next; /* place in the order of the job: the mutant in hand, or the next one */
	enum mutation mutation; /* of the one in hand */
	bool finished; /* all are done: what fails now is the end of the process (leaks) */
	uint64_t frame_count, event_count, alert_count, peak_size;
	char message[PLAY_MESSAGE_SIZE]; /* what is wrong with it; empty: the job did not get to say */
};

/* The number of the mutant at a place in the order of a job. Numbers that are played with the same settings, which is every
 * third one, come one after the other, so that each settings are loaded once. */
uint32_t job_number(const struct job_settings *settings, uint32_t place);

/* A process that plays the mutants from status->next on; its standard error goes to 'log_path'. -1: errno. */
pid_t job_start(const struct job_settings *settings, const struct capture_source *source, unsigned int slot,
	const char *log_path, struct job_status *status);
