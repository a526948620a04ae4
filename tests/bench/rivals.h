// SPDX-License-Identifier: Apache-2.0
/* What a user would pick instead, set up the way its manual says for the same task. */
#pragma once

#include "base/compiler.h"
#include "tests/bench/rig.h"

enum rival_program { RIVAL_NO_PROGRAM, RIVAL_DROP, RIVAL_OURS, RIVAL_XDP_FILTER };

struct rival {
	const char *name;
	const char *tool; /* a program that must be there; null: none */
	enum rival_program program; /* on the receiving device while it runs */
	int (*prepare)(const struct rig *rig); /* once, may take its time; may be null */
	const char *on, *off; /* shell commands; null: none */
	double warm_s; /* run so long before the first measurement */
	bool ready; /* set by rival_prepare */
	const char *why_not; /* when it is not */
};

extern struct rival rival_limit, rival_ours, rival_xdp_filter, rival_nft_list, rival_ipset, rival_nft_limit,
	rival_synproxy;

/* Prepares it the first time it is asked for. False: it cannot be measured here. */
bool rival_prepare(struct rival *rival, const struct rig *rig);

MUST_CHECK int rival_on(const struct rival *rival, const struct rig *rig, int our_program);
MUST_CHECK int rival_off(const struct rival *rival, const struct rig *rig);
