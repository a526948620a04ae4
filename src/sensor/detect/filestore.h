// SPDX-License-Identifier: Apache-2.0
/* Which files rules want stored beyond the one that they matched: all of a transaction, all of a flow. Kept on the flow
 * (flow-notes.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct app_tx;
struct flow;

/* For a file that opens in 'dir' (enum sensor_dir): true when a rule wants it stored already. */
bool filestore_wanted(const struct flow *flow, const struct app_tx *tx, unsigned int dir);
/* From now on; 'tx' null: all transactions. 'dirs' is of DIR_*. */
void filestore_want(struct flow *flow, const struct app_tx *tx, uint8_t dirs);
