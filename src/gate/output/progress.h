// SPDX-License-Identifier: Apache-2.0
/* One line on a terminal that says how far compiling has come, for those who wait longer than a second. Where standard error is no terminal
 * nothing is written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct progress {
	enum luytre_lang lang;
	uint64_t start_ns;
	bool terminal, shown;
};

/* Vietnamese when LUYTRE_LANG says so, else English. */
enum luytre_lang progress_lang(void);

void progress_begin(struct progress *progress, enum luytre_lang lang);
/* For gate_plan_options: 'context' is the progress. */
void progress_show(void *context, size_t done, size_t count);
/* Takes the line away. */
void progress_end(struct progress *progress);
