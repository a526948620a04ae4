// SPDX-License-Identifier: Apache-2.0
/* A file of the hub's bundle on its way to another program of this machine: put where that program looks for it, as it came.
 *
 * The file is whole at any moment, mode 0644, for web servers and sensors that are not root read it; its folder is made when it is missing.
 * handout_look finds a file that somebody has removed or changed, or that could not be written, and writes it again; while it does not
 * stand, 'why' says so, which becomes a word of the edge's drift (message.h).
 *
 * The struct is the caller's; one thread. The umask of the process is 022 for a moment: other threads name the modes of their files in full. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "edge/link/message.h"

struct handout {
	const char *what; /* for the log: "the list of holds"; borrowed */
	uint8_t *text; /* owned; null: nothing was taken yet */
	size_t size;
	char *path; /* owned; where the file was put last, or tried; null: nowhere */
	struct stat put; /* the file as it was put; all zeros: it does not stand */
	char why[LINK_POLICY_WHY_SIZE]; /* "" while it stands, or is wanted nowhere */
};

void handout_init(struct handout *handout, const char *what);
void handout_done(struct handout *handout);

/* The text that is to stand from now on; copied. Putting is handout_look's. The same text again leaves the file untouched: its readers would
 * read it for nothing. LUYTRE_E_NOMEM: what was taken before stands. */
MUST_CHECK int handout_take(struct handout *handout, struct bytes text);

/* Whether the file stands at 'path' (null: nowhere) as it was put; puts it again where it does not. True when nothing was taken, or there is
 * no path. */
bool handout_look(struct handout *handout, const char *path);
