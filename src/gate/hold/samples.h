// SPDX-License-Identifier: Apache-2.0
/* Requests that prove a hold: for each rule an attack that it stops and a benign twin that it does not, as rules/gate/samples/holds.jsonl has
 * them, one JSON object a line:
 *
 *	{"id":"8100010-attack","expect":[8100010],"client_ip":"192.0.2.10","method":"GET","uri":"/","protocol":"HTTP/1.1",
 *	 "headers":[["Host","www.example.vn"],...],"body_base64":""}
 *
 * The attack is the first whose id ends in "-attack" and that expects the rule; its twin has the same id with "-twin". Text that was not
 * UTF-8 on the wire comes with one character for each byte. Members that are not known are passed over. Reading is bounded. */
#pragma once

#include "gate/gate.h"

enum {
	HOLD_SAMPLES_SIZE_MAX = 16 << 20,
	HOLD_SAMPLES_MAX = 16384,
	HOLD_SAMPLES_HEADERS_MAX = 128, /* of a request */
	HOLD_SAMPLES_EXPECT_MAX = 16,
};

struct hold_samples;
struct hold_sample;

/* LUYTRE_E_SYNTAX with the number of the line in '*ret_line', LUYTRE_E_FULL, LUYTRE_E_NOMEM. Any thread. */
MUST_CHECK int hold_samples_read(struct bytes text, struct hold_samples **ret, size_t *ret_line);
void hold_samples_free(struct hold_samples *samples); /* accepts null */

/* Null when there is none; 'samples' may be null. */
const struct hold_sample *hold_samples_attack(const struct hold_samples *samples, uint64_t rule_id);
const struct hold_sample *hold_samples_twin(const struct hold_samples *samples, uint64_t rule_id);

/* Through all phases of a request; ends where a verdict does. */
void hold_sample_play(const struct hold_sample *sample, struct gate_tx *tx);
