// SPDX-License-Identifier: Apache-2.0
/* Signs the end of the audit log (hub/store/audit.h) when the hub starts, each hour, and when it ends: whoever rules the database alone can
 * rewrite no more than what came since.
 *
 * In the state folder: `audit.key`, made at the first start, and `audit.heads`, a line for each signature, to be copied to where the hub
 * cannot write. A signature that fails is logged and tried again in an hour; nothing else waits for it. A hub that is killed signs at its
 * next start. Everything belongs to the thread of the loop. */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/loop.h"

struct seal;

/* 'control' is the place of the control database; null: the file in the folder. 0, or an error with a sentence in 'why'. */
MUST_CHECK int seal_open(
	struct loop *loop, const char *state_dir, const char *control, struct seal **ret, char *why, size_t why_size);
/* Before the loop is freed. Accepts null. */
void seal_close(struct seal *seal);
