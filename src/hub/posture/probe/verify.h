// SPDX-License-Identifier: Apache-2.0
/* Looking again at a finding of the perimeter: is it still so? What is gone is verified as fixed, what is still there is one more proof, which opens
 * what was said to be fixed. Nothing follows from a service that does not answer. Without the owner's consent nothing is sent
 * (consent.h).
 *
 * What of a server can be asked is a table (verify.c): versions of TLS, certificates, headers of its front page; and of a name its mail posture
 * (dns.h). A call connects, so it may take SERVICE_CONNECT_MS several times; it must not be inside of a transaction. */
#pragma once

#include "base/compiler.h"
#include "hub/posture/finding.h"

/* X(identifier, word) */
#define VERIFY_OUTCOMES(X)                                                                                             \
	X(GONE, "gone") /* and the finding is verified as fixed */                                                     \
	X(STILL, "still") /* and the finding has one more proof */                                                     \
	X(UNREACHABLE, "unreachable")                                                                                  \
	X(CANNOT, "cannot") /* not of this kind of finding, of this address, or by what was answered */

enum verify_outcome {
#define X(id, word) VERIFY_##id,
	VERIFY_OUTCOMES(X)
#undef X
		VERIFY_OUTCOME_COUNT
};
extern const char *const verify_outcomes[VERIFY_OUTCOME_COUNT];

/* Who registers an address of the hub's own network does not get it looked at from inside: such a probe would find another machine than the world
 * does, or search the network. */
enum verify_reach { VERIFY_PUBLIC, VERIFY_ANY /* for tests on loopback */ };

/* FINDING_BY_EVIDENCE. LUYTRE_E_NOT_FOUND, LUYTRE_E_PERMISSION (no consent for this asset now), or what the database says. */
MUST_CHECK int verify_finding(
	const struct finding_call *call, int64_t id, enum verify_reach reach, enum verify_outcome *ret);
