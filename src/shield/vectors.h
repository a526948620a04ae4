// SPDX-License-Identifier: Apache-2.0
/* The attack catalogue, one row a vector: what the shield does about each, or who else does.
 *
 * A row does not name its reasons: those name their vectors (reason.h, reflection.h), and the functions below turn the
 * relation round. A bare group letter there, such as "B", stands for every vector of the group that no reason names by
 * itself. The rows make the table of docs/shield.md, and the tests hold them against the test cases: a vector that is
 * said to be handled has a case, a vector that is not says where it is.
 *
 * Constant data; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "shield/reason.h"

/* X(id, name, English): what the answer to a vector is. */
#define SHIELD_ANSWERS(X)                                                                                              \
	X(DROP, "drop", "dropped packet by packet")                                                                    \
	X(LIMIT, "limit", "held to a rate")                                                                            \
	X(CHALLENGE, "challenge", "the source must prove that it is there")                                            \
	X(DESIGN, "by design", "cannot work against the way the tables are built")                                     \
	X(DETECT, "detect", "found in the counters by the flood detection, which then arms the steps above")           \
	X(ELSEWHERE, "elsewhere", "not the shield's work")

enum shield_answer_kind {
#define X(id, name, en) SHIELD_ANSWER_##id,
	SHIELD_ANSWERS(X)
#undef X
		SHIELD_ANSWER_COUNT
};

struct shield_vector {
	const char *id; /* of the catalogue, "A1" */
	enum shield_answer_kind answer;
	const char *title[2]; /* by enum luytre_lang */
	const char *where; /* what else is to be known, or who answers when the shield does not; "" for nothing */
};

/* Null past the end. */
const struct shield_vector *shield_vector_at(size_t index);

/* Null when there is no such id. */
const struct shield_vector *shield_vector_find(const char *id);

const char *shield_answer_name(enum shield_answer_kind answer);
const char *shield_answer_text(enum shield_answer_kind answer);

/* DROP, LIMIT and CHALLENGE: there are reasons for it, and packets that show it. */
bool shield_vector_has_verdict(const struct shield_vector *vector);

/* The next reason from '*at' on that stands for the vector, or SHIELD_REASON_NONE; '*at' starts at 0. */
enum shield_reason shield_vector_reason(const struct shield_vector *vector, size_t *at);

/* True when 'ids', such as "A4,C52", names the id. */
bool shield_vector_named(const char *ids, const char *id);
