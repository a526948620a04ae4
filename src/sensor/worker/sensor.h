// SPDX-License-Identifier: Apache-2.0
/* The running sensor: sources, workers, reload, control socket.
 *
 * One thread for each worker goes round: frames of its source, verdicts, and between two batches whatever the main thread
 * asked for. The main thread runs a loop with signals, the control socket and the counters; compiling new rules is done by
 * a third kind of thread that lives for one reload.
 *
 * A reload exchanges rules only: settings, outputs and sources stay as they were at the start. New rules are loaded and
 * compiled beside the old ones; then each worker changes over between two batches, and when all have, the old ones are
 * freed. Packets, flows and half-read streams do not notice. When the new rules cannot be loaded, or every one of them is
 * refused, the old ones stay in force and the report says why.
 *
 * What the hub says of places while the sensor runs is said.h's.
 *
 * Signals: SIGTERM and SIGINT end all flows, write their records and stop; SIGHUP reloads; SIGUSR1 opens the output files
 * again. */
#pragma once

#include "base/compiler.h"
#include "sensor/capture/source.h"
#include "sensor/settings.h"
#include "sensor/worker/said.h"

struct sensor_run_options {
	struct sensor_options sensor; /* 'simulate_ips' and 'offline' are set by the source */
	struct source_options source;
	const char *const *rules; /* files, folders, patterns */
	unsigned int rules_count;
	const char *cache_dir; /* compiled patterns; null: none */
	const char *control_path; /* null: no control socket */
	struct sensor_said_source said; /* all zeros: nobody says anything */
	bool profile; /* count the cost of each rule from the start */
	bool keep_privileges;
	bool detach; /* the wire is taken off at the end */
};

/* Runs until a signal, or until the source has no more frames. 0 or an error that was logged. */
MUST_CHECK int sensor_run(const struct sensor_run_options *options);
