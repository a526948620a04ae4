// SPDX-License-Identifier: Apache-2.0
/* The files of rules that the gate's benchmark gives to every engine and server.
 *
 * One file for each paranoia level, which includes: the engine's settings (engine.conf beside this file), the setup example of the Core Rule
 * Set, a rule that sets the level, and the set's *.conf in name order. The set is not part of this project; it is searched in $LUYTRE_CRS
 * (a checkout, or its folder "rules"), in the conformance corpus ($LUYTRE_CONFORMANCE_GATE, or beside the source tree) and where Debian's
 * modsecurity-crs puts it. */
#pragma once

#include <limits.h>

#include "base/compiler.h"

enum { LEVEL_COUNT = 4 };

struct rulefiles {
	char folder[PATH_MAX], setup[PATH_MAX]; /* of the set; 'setup' may be empty */
	char version[64]; /* "OWASP_CRS/4.28.0", as its rules say */
	char level[LEVEL_COUNT][PATH_MAX]; /* the files to load */
	char blocking[PATH_MAX]; /* as level[0], but rules decide */
};

/* Writes the files to the folder 'dir'; 'root' is the source tree, a whole path. LUYTRE_E_NOT_FOUND without a set (logged), LUYTRE_E_IO. */
MUST_CHECK int rulefiles_write(const char *root, const char *dir, struct rulefiles *ret);
