// SPDX-License-Identifier: Apache-2.0
/* The standing policy (hub/policy) on its way to edges.
 *
 * Edges hear the number of the version and a stamp, which is another one whenever what some edge would get may have changed: another
 * version stands, assets or systems have changed (edge-only), whom an edge serves, or holds (core/holds.h). They then ask for their bundle, and say which version they have, or why
 * they could not take it. They hear both every five seconds too. All functions take the core's lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hub/policy/policy.h"

struct core;

/* The bundle of an edge with the organisations that lie behind it. 'have' is the tag that it has: '*ret' has no text when that is still
 * so. */
MUST_CHECK int core_policy_fetch(
	struct core *core, uint32_t edge, uint64_t have, int64_t now_us, struct policy_bundle *ret);

/* What an edge says: the version that stands there, and one that it could not take ('failed' 0: none) with the reason. To be called before
 * core_stands. */
struct core_policy_word {
	uint64_t stands, failed;
	const char *why;
};
MUST_CHECK int core_policy_word(struct core *core, uint32_t edge, const struct core_policy_word *word, int64_t now_us);

/* A version was put into force over another handle: edges are told at once. Without it they hear of it within a second. */
void core_policy_changed(struct core *core);

/* For the core's own files, under the lock: what is told, and when. */
struct policies {
	uint32_t standing;
	int64_t stamp; /* never smaller than before, also after a restart */
	uint64_t marker; /* of all that the rows of a bundle depend on */
	uint64_t holds; /* generation of the holds that edges have been told of */
	struct policyfile resolved; /* rows of all edges, as of 'resolved_marker' */
	struct policy_sites sites; /* and the gate's */
	uint64_t resolved_marker;
	bool has_resolved;
};
void policies_look(struct core *core); /* each second */
void policies_tell(struct core *core);
