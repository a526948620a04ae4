// SPDX-License-Identifier: Apache-2.0
/* Where holds are armed and how sites are guarded (base/holdfile.h), on its way to the web server and the sensor: the file "holds.json" of the
 * hub's bundle is put where they look for it (gate.holds_file of the configuration).
 *
 * What was taken stands until something else is taken: a bundle whose list cannot be read changes nothing. A bundle without a list says
 * that nothing is held. How the file is put and found again is handout.h's.
 *
 * Not a word of this needs the hub: what is kept on the disk (message.h) is taken again at a start. The struct is the caller's; one thread. */
#pragma once

#include "base/compiler.h"
#include "bus/bundle.h"
#include "edge/link/handout.h"
#include "edge/link/message.h"

struct holdlist {
	struct handout file;
	bool is_empty; /* what was taken says nothing of any place */
	struct link_holds said; /* for the hub and for people; 'why' is set while the list does not stand */
};

void holdlist_init(struct holdlist *holds);
void holdlist_done(struct holdlist *holds);

/* Takes the list of a bundle and puts it to 'path' (null: nowhere). The error is that of the list alone, LUYTRE_E_SYNTAX, LUYTRE_E_FULL or
 * LUYTRE_E_NOMEM; whether the file stands is said in 'said.why'. */
int holdlist_take(struct holdlist *holds, const struct bundle *bundle, const char *path);

/* Whether the list that the hub gave last stands at 'path'; puts it again where it does not. True when nothing was taken, or there is no
 * path. */
bool holdlist_look(struct holdlist *holds, const char *path);
