// SPDX-License-Identifier: Apache-2.0
/* What `make bench-hub` measures: one function for each question of docs/benchmarks/hub.md. A case prints rows of its table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bench {
	const char *luytre; /* the program */
	const char *parent; /* folder for state: on a disk */
	size_t edges, rounds;
	double scale; /* of everything that only takes time: 1, or less in a hurry */
	FILE *out;
	bool failed; /* a bar was missed, or something is wrong */
};

void case_fanout(struct bench *bench);
void case_ingest(struct bench *bench);
void case_scale(struct bench *bench);
void case_poison(struct bench *bench);
void case_pages(struct bench *bench);
void case_kill(struct bench *bench);

/* Times, to be sorted and asked for shares. */
struct sample_set {
	double *values;
	size_t count, capacity;
};
void sample_add(struct sample_set *set, double value);
double sample_share(struct sample_set *set, double share); /* 0.5: the median; sorts */
void sample_done(struct sample_set *set);

/* One row: what, figure, what is wanted ("" : nothing). */
void bench_row(struct bench *bench, const char *what, const char *unit, double figure, const char *wanted);
/* The same, and a miss is remembered. */
void bench_bar(struct bench *bench, const char *what, const char *unit, double figure, bool at_most, double bar);
