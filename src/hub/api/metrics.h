// SPDX-License-Identifier: Apache-2.0
/* Figures of the API in the text format of Prometheus (exposition format 0.0.4): how long requests took, by operation,
 * and how they ended. Counted without locks by any thread; written by one. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "hub/api/route.h"

struct metrics;

/* Text with a ceiling that grows as needed; also for other parts of the program that add their own figures. */
struct metrics_text {
	char *text; /* owned */
	size_t size, room;
	bool failed;
};

/* Null without memory. */
struct metrics *metrics_new(const struct api_table *table);
void metrics_free(struct metrics *metrics);

/* 'index' of the operation, or the number of operations for everything else. */
void metrics_count(struct metrics *metrics, size_t index, int status, uint64_t took_ns);

void metrics_write(const struct metrics *metrics, struct metrics_text *out);

/* Appends a line or part of one. */
PRINTF_LIKE(2, 3) void metrics_print(struct metrics_text *out, const char *format, ...);
void metrics_text_done(struct metrics_text *out);
