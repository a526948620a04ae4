// SPDX-License-Identifier: Apache-2.0
/* Gets the automatons of many sets of patterns, in the cheapest way there is for each: another set has it, the cache has it, another process
 * is about to put it there, or it is compiled, by several threads.
 *
 * Processes that want the same at the same time (the workers of a web server whose rules have changed) share the work: each compiles what
 * nobody else has begun, then waits for what others have. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct pattern_set;

#define OBTAIN_THREADS_MAX 16

/* Parts that are there, of all that had to be compiled. One call at a time, from any thread. */
typedef void (*obtain_progress_fn)(void *context, size_t done, size_t count);

struct obtain_options {
	const char *cache_dir; /* null: no cache (match/cache.h) */
	unsigned int threads; /* 0: as many as there are processors; at most OBTAIN_THREADS_MAX */
	unsigned int wait_ms; /* for other processes, as long as nothing comes from them; 0: a minute */
	obtain_progress_fn progress; /* may be null */
	void *context; /* of 'progress' */
};

struct obtain_info {
	size_t part_count, taken_count, loaded_count,
		compiled_count; /* taken: out of another set; loaded: from the cache */
};

/* 'sets' are new (pattern_set_new) and finished afterwards; null entries are left out. 'before' are finished sets whose automatons may be
 * shared. The result does not depend on threads or order. LUYTRE_E_NOMEM, LUYTRE_E_UNSUPPORTED: some are not finished then. */
MUST_CHECK int pattern_sets_obtain(struct pattern_set *const *sets, size_t count,
	const struct pattern_set *const *before, size_t before_count, const struct obtain_options *options,
	struct obtain_info *ret_info);
