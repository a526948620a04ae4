// SPDX-License-Identifier: Apache-2.0
/* What the hub says while the sensor runs: modes of places, edge-only systems, armed holds.
 *
 * The edge writes two files (docs/edge-hub.md); the sensor looks at them several times a second. Who starts the sensor reads them
 * (sensor_said_fn), for their forms belong to modules above this one; the rest is here: what was read is taken between two packets of each
 * worker, without a rule being compiled, and the holds are proved (hold/replay.h) and reported after it, and after each reload of rules. Files
 * that cannot be read change nothing; that is logged, stands in `luytre sensor status`, and is tried again every 2 s. At a start what the files say is in force before the
 * first packet. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/holdfile.h"

struct jsonw;
struct places;
struct sensor;

enum { SENSOR_SAID_FILES = 2, SENSOR_SAID_WHY_SIZE = 256 };

struct sensor_said {
	struct places *places; /* owned, as 'holds'; null: nothing is said of any place */
	struct holdfile holds;
	uint64_t version; /* of the policy; 0: none */
	size_t rows, unplaced; /* of the policy; unplaced: about no tenant here, so no mode of them counts */
	size_t edge_only; /* rows */
};

/* Reads the files anew. What cannot be read stays as it was read last, and 'why' says so ("" when all is well). LUYTRE_E_NOMEM,
 * LUYTRE_E_FULL: '*ret' was not written. The main thread calls it. */
typedef int (*sensor_said_fn)(void *context, struct sensor_said *ret, char *why, size_t why_size);

struct sensor_said_source {
	const char *paths[SENSOR_SAID_FILES]; /* null: none; all null: nobody says anything */
	sensor_said_fn read;
	void *context;
};

void sensor_said_done(struct sensor_said *said);

/* For sensor.c and reload.c. Before workers are made: reads, and 'said_places' has the answer; then, with the loop there, the looking;
 * the first proof is begun by said_prove, when the sandbox is entered: its thread has the rights of who begins it. */
MUST_CHECK int said_open(struct sensor *sensor);
MUST_CHECK int said_watch(struct sensor *sensor);
void said_close(struct sensor *sensor);
/* What workers are to obey from their first packet on; null: nothing. */
const struct places *said_places(const struct sensor *sensor);
/* Waits for the proof under way, which uses policy and engine; then another one begins with those that the sensor has now. */
void said_settle(struct sensor *sensor);
void said_prove(struct sensor *sensor);
/* The member "hub" of the open object; nothing when nobody says anything. */
void said_report(const struct sensor *sensor, struct jsonw *json);
