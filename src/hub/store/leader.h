// SPDX-License-Identifier: Apache-2.0
/* Where several hubs share one PostgreSQL, only the one that leads may write.
 *
 * All connections of a hub carry a name that no other one has (application_name, set by leader_name). Whoever becomes the leader puts its
 * name into a table, and then ends the connections of all others (leader_enter). A connection that is made later asks the table whether its
 * name still stands there (db-postgres.c), and is refused if it does not: so a hub that stood still for a while, and does not know
 * that another one leads, can write nothing from the moment on in which leader_enter returned. */
#pragma once

#include "base/compiler.h"
#include "hub/store/db.h"

#define LEADER_NAME_PREFIX "luytre-hub-"

/* Connections of this process that are made from now on carry the name: LEADER_NAME_PREFIX and 'run', a word. Before there are threads. */
MUST_CHECK int leader_name(const char *run);

enum { LEADER_WAIT_MS = 3000 };

/* 'place' as that of db_open. Returns 0 when the connections of the others are gone, not only told to go. LUYTRE_E_INVALID: not PostgreSQL.
 * LUYTRE_E_IO with a sentence; also when one of them has not ended within LEADER_WAIT_MS: to be tried again. */
MUST_CHECK int leader_enter(const char *place, const char *run, char why[DB_WHY_SIZE]);
