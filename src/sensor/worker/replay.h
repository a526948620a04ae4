// SPDX-License-Identifier: Apache-2.0
/* A capture file through the sensor: settings, rules, one worker, events. The program's verb `replay` and the tests use
 * it; a live sensor does the same with other sources. */
#pragma once

#include "base/compiler.h"
#include "sensor/settings.h"

struct places;

struct replay_options {
	struct sensor_options sensor;
	const char *const *pcaps; /* files, "-" for standard input; none: load and check only */
	unsigned int pcap_count;
	const char *const *rules; /* files, folders, patterns */
	unsigned int rules_count;
	const struct places *places; /* what is said of addresses (rules/places.h); null: nothing */
	const char *cache_dir; /* compiled patterns; null: none */
	bool profile, quiet;
};

struct replay_result {
	uint64_t packet_count, byte_count, alert_count, drop_count;
	uint64_t load_ns, run_ns;
	uint32_t rules_loaded, rules_failed, rules_skipped;
};

/* 0 or an error that was logged. '*ret' is filled as far as it went. */
MUST_CHECK int sensor_replay(const struct replay_options *options, struct replay_result *ret);
