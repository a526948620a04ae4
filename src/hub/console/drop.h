// SPDX-License-Identifier: Apache-2.0
/* The drop folder: what somebody on the hub's machine puts there is imported, without the API. The command line does the same with it.
 *
 *	DROP/scan.xml			taken when it was moved there, or has not changed for DROP_QUIET_S
 *	DROP/scan.xml.options.json	optional, to be there before: {"format":"nmap","tenant":"17","target":"www.example.vn"}, any of them;
 *					{"catalogue":"kev"} for a catalogue (hub/posture/catalogues.h). With it the file is taken at once
 *	DROP/done/scan.xml, DROP/refused/scan.xml, and beside each scan.xml.result.json
 *
 * "refused" is where what could not be read to its end lies; what came before the fault was imported. Without "tenant" a report counts for the
 * whole nation: who may write into the folder may do what the nation may. Names that begin with '.' are left alone, so that a copy can
 * be made under such a name and then renamed; links are never followed. The folder is the operator's to empty.
 *
 * A file must belong to root, to the hub's own user, or, when the folder is writable for its group, to that group (chgrp, chmod g+ws); what everybody may write is refused,
 * and from a folder that everybody may write into nothing is taken. A file that cannot be moved away is left alone for DROP_STUCK_S; others are taken meanwhile.
 *
 * One thread, with a database handle of its own, that looks twice a second and takes one file after the other. */
#pragma once

#include "hub/console/internal.h"

enum { DROP_QUIET_S = 2, DROP_REFUSALS_MAX = 1000, DROP_STUCK_S = 30, DROP_STUCK_MAX = 64 };

struct drop;

/* Makes the folders (0700). LUYTRE_E_IO. */
MUST_CHECK int drop_open(struct console *console, const char *folder, struct drop **ret);
/* Stops what is being imported after its batch, and leaves it for the next start. Accepts null. */
void drop_close(struct drop *drop);
const char *drop_folder(const struct drop *drop);
