// SPDX-License-Identifier: Apache-2.0
/* What the workers of web servers say of the holds that stand with them: an event of the type "holds" each time that a worker has taken
 * a list (base/holdfile.h), in parts of a few hundred holds.
 *
 *	{"event_type":"holds","stamp":S,"gate":"id of the server","worker":0,"workers":2,"part":1,"parts":1,
 *	 "holds":[{"hold":81,"rule":8100010,"mode":"enforce","known":true,"attack":"stopped","twin":"passed"},...]}
 *
 * The hub gets these events as they are; here they become the figures that people at the edge see: how many workers have spoken, how many
 * holds stand at each of them, and the oldest list that one of them has. A hold stands where its rule is known, and where the sample of
 * its attack was not let through, nor that of its twin stopped. A list counts when all its parts have come in order. A server that has
 * fewer workers than before loses the others' rows.
 *
 * Bounded: a row for each worker; when there is no room the one that spoke longest ago goes. No I/O and no clock; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

enum { GATES_WORKERS_MAX = 256, GATES_NAME_SIZE = 64 };

struct gates_list {
	int64_t stamp;
	uint32_t standing;
	uint32_t open; /* sites of systems that may only be watched, which stay closed not everywhere */
};

struct gates_row {
	char gate[GATES_NAME_SIZE];
	uint32_t worker, parts; /* parts: that came of 'coming' */
	struct gates_list stands, coming; /* stands: the last that came whole */
	bool told; /* one has come whole */
	uint64_t heard; /* order of words */
};

struct gates {
	struct gates_row rows[GATES_WORKERS_MAX];
	size_t count;
	uint64_t words;
};

struct gates_sum {
	uint64_t workers; /* of web servers that have told a whole list */
	uint64_t standing; /* at each of them, and of the sensor's at each sensor (its name begins with "sensor") */
	int64_t stamp; /* the oldest */
};

/* Whether a line is such an event: looked at as text. */
bool gates_is_word(struct bytes line);
/* Takes an event. LUYTRE_E_SYNTAX, LUYTRE_E_NOMEM, another of jsonr_parse: it says nothing. */
MUST_CHECK int gates_take(struct gates *gates, struct bytes line);
void gates_sum_up(const struct gates *gates, struct gates_sum *ret);
/* Sites of systems that may only be watched and that a worker may open ("sites" of its word, gate/hold/replay.h): at the worst of them. */
uint64_t gates_open(const struct gates *gates);
