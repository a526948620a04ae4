// SPDX-License-Identifier: Apache-2.0
/* The hub's policy at the edge: taken from the link, laid over the edge's own file (overlay.h), kept over a restart.
 *
 * The link hands over a signed bundle (link/message.h). It is taken if its signature is of a key that the enrolment gave, it is for this
 * edge, its revision is higher than that of the one in force, or the same and made later, and everything in it fits the tables. Then it is
 * applied in one turn of the shield's tables, and kept in the folder of the link. Whatever is wrong: the old one stays in force, and the hub
 * is told why. A daemon that starts lays the kept one over its file before it has heard of any hub.
 *
 * The bundle also says which holds are armed where (link/holdlist.h): they go to the web server's file before the tables are touched, whether
 * or not the policy fits those, and where they alone have changed the tables are left as they are.
 *
 * A reload of the file lays the same policy over the new file. Without a hub in the configuration all of this does nothing. The daemon's
 * thread alone. */
#pragma once

#include "edge/internal.h"
#include "edge/link/message.h"

/* Reads the kept one. LUYTRE_E_NOMEM. */
MUST_CHECK int edge_policy_open(struct edge *edge);
void edge_policy_close(struct edge *edge);

/* Lays the policy over a configuration as it was loaded: its tenants become others. Then the configuration is applied, and 'laid' is told
 * whether that worked: if not, what was laid before is still good. */
MUST_CHECK int edge_policy_lay(struct edge *edge, struct config *config, char *why, size_t why_size);
void edge_policy_laid(struct edge *edge, bool taken);

/* At the start: the kept policy does not fit the file. True: the configuration is as it was loaded and may be applied without. */
bool edge_policy_give_up(struct edge *edge, struct config *config, const char *why);

/* Takes what the link has put into its folder: this version, as the link says. */
void edge_policy_take(struct edge *edge, uint64_t version);
/* For the hub. */
void edge_policy_say(const struct edge *edge, struct link_policy *ret);
/* The holds of the bundle, as they are with the web server. All zeros without a hub. */
void edge_policy_say_holds(const struct edge *edge, struct link_holds *ret);

/* What stands in the tables against what is wanted: bits of enum link_drift, looked at anew every 30 seconds. */
uint32_t edge_policy_drift(struct edge *edge);
