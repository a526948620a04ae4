// SPDX-License-Identifier: Apache-2.0
/* One run of a program, and what it cost: wall clock, processor time, peak memory, and what the sensor says of itself. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

struct measure {
	double wall_s, cpu_s; /* cpu_s: user and system together */
	double peak_mb; /* of resident memory, 10^6 bytes */
	double others; /* share of the machine that other work took meanwhile, 0 to 1 */

	/* From the sensor's report; 0 for other programs. */
	double run_s, load_s; /* reading packets; rules and tables before that */
	double packets, bytes_mb, alerts;
	unsigned int rules_loaded, rules_refused;
};

/* Runs to the end, standard output thrown away and standard error in the file 'log_path'. 0, or LUYTRE_E_SYSTEM when the
 * program fails (logged, with the last lines of the log). */
MUST_CHECK int measure_program(const char *const argv[], const char *log_path, struct measure *ret);

/* The same, and reads the sensor's report from the log; LUYTRE_E_SYNTAX when there is none. */
MUST_CHECK int measure_sensor(const char *const argv[], const char *log_path, struct measure *ret);

/* Waits until other work leaves the machine alone for half a second; at most '*budget_s' in all, which is used up. */
void measure_wait_for_quiet(double *budget_s);
