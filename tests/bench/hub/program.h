// SPDX-License-Identifier: Apache-2.0
/* The hub as a process: the real program, started, watched and killed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
	pid_t pid;
	uint16_t port;
	char socket[108];
	double start_ms; /* until it answered */
};

/* Starts 'path' hub run on the folder; ends this program when it does not come up. */
void program_start(struct program *program, const char *path, const char *dir);
/* Sends the signal and waits. Milliseconds that it took. */
double program_end(struct program *program, int signal);

/* One line to its control socket; the answer, to be freed. Null when it does not answer. */
char *program_ask(const struct program *program, const char *line);

double program_cpu_s(const struct program *program);
double program_memory_mb(const struct program *program); /* resident */
double program_memory_peak_mb(const struct program *program);
