// SPDX-License-Identifier: Apache-2.0
/* The part of the configuration that the sensor reads: `sensor:` of the file, and `sensor:` of each tenant.
 *
 * The shield's reader checks and stores it, because one file describes a site; what it means is the sensor's business
 * (cli/sensor-config.c hands it over). Owned by the struct config that holds it (config.h). Sizes are bytes; a size, a count
 * or a time of 0 and a null text mean "not set": then an option of `suricata_config` holds, else the sensor's own default.
 * Lines are those of the file, 0 when the setting or section is not there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_WORKERS_MAX 64
#define CONFIG_OUTPUTS_MAX 8
#define CONFIG_PAIRS_MAX   4096 /* of one mapping of names to texts */

enum config_sensor_fail { CONFIG_FAIL_CLOSED, CONFIG_FAIL_OPEN };
enum config_sensor_spread { CONFIG_SPREAD_FLOW, CONFIG_SPREAD_ADDRESS, CONFIG_SPREAD_QUEUE };
enum config_sensor_output_type { CONFIG_OUTPUT_FILE, CONFIG_OUTPUT_UNIX_STREAM, CONFIG_OUTPUT_UNIX_DGRAM };
enum config_sensor_mode { CONFIG_SENSOR_TENANT, CONFIG_SENSOR_SHADOW, CONFIG_SENSOR_ENFORCE, CONFIG_SENSOR_OFF };

/* A name and a text of the operator's choice; a list [a, b] is kept as that text. */
struct config_pair {
	const char *name;
	const char *value;
	unsigned int line;
};

struct config_pairs {
	const struct config_pair *items;
	size_t count;
};

struct config_word {
	const char *text;
	unsigned int line;
};

struct config_words {
	const struct config_word *items;
	size_t count;
};

/* Sections that keep their line begin with it (schema.h). */
struct config_sensor_look {
	unsigned int line;
	const char *interface;
	enum config_sensor_spread spread;
	uint64_t ring_size; /* of each worker */
	bool promiscuous;
};

struct config_sensor_wire {
	unsigned int line;
	const char *outside, *inside;
	uint32_t flow_idle_s;
	bool detach;
};

struct config_sensor_nfqueue {
	unsigned int line;
	uint32_t first, size, bypass_mark;
};

struct config_sensor_folder {
	unsigned int line;
	const char *path;
	bool once;
};

struct config_sensor_memory {
	uint64_t flow, stream, reassembly, defrag, thresholds;
};

struct config_sensor_output {
	unsigned int line;
	enum config_sensor_output_type type;
	const char *path;
	uint64_t rotate_size;
	uint32_t rotate_interval_s;
	struct config_words types; /* none: all that are usual */
	bool payload, community_id, ethernet;
};

struct config_sensor_evidence {
	bool enabled;
	const char *dir;
	uint32_t before, after;
	uint64_t max_size;
};

struct config_sensor {
	unsigned int line; /* 0: the file has no `sensor:` */
	struct config_sensor_look look;
	struct config_sensor_wire wire;
	struct config_sensor_nfqueue nfqueue;
	struct config_sensor_folder folder;
	enum config_sensor_fail fail;
	uint32_t workers;
	struct config_words rules; /* paths that can be opened, and patterns */
	const char *suricata_config, *thresholds, *classes, *references;
	bool strict_rules;
	struct config_pairs address_groups, port_groups, options;
	struct config_sensor_memory memory;
	const char *output_dir;
	struct config_sensor_output *outputs;
	size_t output_count;
	uint32_t stats_interval_s;
	struct config_sensor_evidence evidence;
	const char *cache_dir, *data_dir, *control_socket;
	const char *policy_file; /* null: none */
	bool profile;
};

struct config_tenant_sensor {
	enum config_sensor_mode mode;
	struct config_words rules;
	const char *thresholds; /* path */
	struct config_pairs address_groups, port_groups, verdicts;
};
