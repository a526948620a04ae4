// SPDX-License-Identifier: Apache-2.0
/* Where holds are armed (base/holdfile.h), on its way to the web server: the file "holds.json" of the hub's bundle is put where the
 * gate looks for it (gate.holds_file of the configuration).
 *
 * What was taken stands until something else is taken: a bundle whose list cannot be read changes nothing. A bundle without a list says
 * that nothing is held. The file is whole at any moment, mode 0644, for the web server's workers read it; its folder is made when it is
 * missing. holdlist_look finds a file that somebody has removed or changed, or that could not be written, and writes it again.
 *
 * Not a word of this needs the hub: what is kept on the disk (message.h) is taken again at a start. The struct is the caller's; one thread.
 * The umask of the process is 022 for a moment: other threads name the modes of their files in full. */
#pragma once

#include <sys/stat.h>

#include "base/compiler.h"
#include "bus/bundle.h"
#include "edge/link/message.h"

struct holdlist {
	uint8_t *text; /* owned; null: nothing was taken yet */
	size_t size;
	struct link_holds said; /* for the hub and for people; 'why' is set while the file does not stand */
	char *path; /* owned; where the file was put last, or tried; null: nowhere */
	struct stat put; /* the file as it was put; all zeros: it does not stand */
};

void holdlist_init(struct holdlist *holds);
void holdlist_done(struct holdlist *holds);

/* Takes the list of a bundle and puts it to 'path' (null: nowhere). The error is that of the list alone, LUYTRE_E_SYNTAX, LUYTRE_E_FULL or
 * LUYTRE_E_NOMEM; whether the file stands is said in 'said.why'. */
int holdlist_take(struct holdlist *holds, const struct bundle *bundle, const char *path);

/* Whether the file stands at 'path' as it was put; puts it again where it does not. True when nothing was taken, or there is no path. */
bool holdlist_look(struct holdlist *holds, const char *path);
