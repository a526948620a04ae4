// SPDX-License-Identifier: Apache-2.0
/* Saved views: the filters of a page under a name, each person's own; one may be shown to the whole organisation that the person belongs to.
 * The hub does not look into the filters, it keeps what the console says of them. Bounded: VIEWS_OWN_MAX for a person (more are refused),
 * VIEWS_TEXT_MAX bytes each; of others' a list shows the VIEWS_SHARED_MAX that changed last. They go with their account. */
#pragma once

#include "hub/console/internal.h"

enum { VIEWS_OWN_MAX = 50, VIEWS_SHARED_MAX = 200, VIEWS_TEXT_MAX = 4096 };

/* The table. */
MUST_CHECK int views_setup(struct db *db);
/* All of an account, which has gone. */
MUST_CHECK int views_forget(struct db *db, uint32_t account);
