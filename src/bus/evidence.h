// SPDX-License-Identifier: Apache-2.0
/* What one event of EVE JSON proves about the source that it names.
 *
 *	E0	could be forged: UDP, ICMP, a TCP packet that nobody answered
 *	E1	a TCP connection with packets in both directions
 *	E2	a request on it that a parser understood
 *	E3	E2, and a rule that says of itself that it is precise (metadata `luytre_evidence e3`), a hold of the gate, or what the
 *		gate's guards saw over many requests
 *
 * What the guard says of leaks concerns the application, not who asked: no evidence. No state; any thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum evidence_level { EVIDENCE_E0, EVIDENCE_E1, EVIDENCE_E2, EVIDENCE_E3 };

/* What the wire proves, without a look at who says it: E0 to E2. */
enum evidence_level evidence_proof(const json_t *event);
enum evidence_level evidence_of(const json_t *event);
/* Whether it is about an attack at all: an alert, or a request that the gate stopped or would have stopped. */
bool evidence_is_attack(const json_t *event);
