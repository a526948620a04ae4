// SPDX-License-Identifier: Apache-2.0
/* A PostgreSQL of its own for tests: in a temporary folder, on a Unix socket, never on the network; as the user
 * "postgres" when the test is root, because the server refuses that one. It ends with the test, whatever becomes of
 * the test. */
#pragma once

#include <stdbool.h>

#include "hub/store/db.h"

enum { PGTEST_PLACE_SIZE = 256 };

/* False with a reason where it is not installed or does not start. 'place' is for db_open. */
bool pgtest_start(char place[PGTEST_PLACE_SIZE], char why[DB_WHY_SIZE]);
/* Stops it and removes the folder; does nothing when it was not started. */
void pgtest_stop(void);
/* Ends the server's processes as a crash does and starts it again in the same place. False when it does not come
 * back. */
bool pgtest_crash(void);
