// SPDX-License-Identifier: Apache-2.0
/* The file that says which holds are armed where, and that of the samples that prove them, as a worker has them. Knows nothing of nginx.
 *
 * The event loop asks from time to time whether they have changed; then a thread of its own reads them, beside the compiling of rules, which may
 * take seconds, and what it has made is taken by the event loop between two requests. A file of holds that is not there arms none; one
 * that cannot be read, or is wrong, changes nothing. Samples that cannot be read are none: what is armed does not depend on them. */
#pragma once

#include "base/compiler.h"
#include "gate/hold/places.h"
#include "gate/hold/samples.h"

#define HOLD_WHY_SIZE 256

struct hold_watch;

enum hold_change { HOLD_SAME, HOLD_TAKEN, HOLD_REFUSED };

/* Paths are copied; 'samples_path' may be null. Reads nothing yet. Null without memory. */
struct hold_watch *hold_watch_new(const char *path, const char *samples_path);
void hold_watch_free(struct hold_watch *watch); /* waits for a file that is being read; accepts null */

/* Reads at once: for the start of a process. 'why' is what is wrong with one of the files, also of one that was taken; empty: nothing. */
enum hold_change hold_watch_read(struct hold_watch *watch, char why[HOLD_WHY_SIZE]);
/* Looks whether a file has changed, and takes what was read since. What is wrong is told once for each change. */
enum hold_change hold_watch_poll(struct hold_watch *watch, char why[HOLD_WHY_SIZE]);
/* A file is being read: to be asked again soon. */
bool hold_watch_is_busy(const struct hold_watch *watch);

/* Until the next poll. Null: no hold is armed; no samples. */
const struct hold_places *hold_watch_places(const struct hold_watch *watch);
const struct hold_samples *hold_watch_samples(const struct hold_watch *watch);
