// SPDX-License-Identifier: Apache-2.0
/* From `sensor:` of luytre.yaml (shield/config-sensor.h) to the options of a running sensor (sensor/worker/sensor.h).
 *
 * What the sensor reads from a tree of options (variables, tenants, outputs, ceilings) becomes rows "option = value" with
 * the line of the file, so that a complaint of the sensor names the place; the rest goes straight to its options. The
 * configuration and the struct below must outlive the run. */
#pragma once

#include "base/arena.h"
#include "base/compiler.h"
#include "sensor/worker/sensor.h"
#include "shield/config.h"

#define SENSOR_OUTPUT_DIR "/var/log/luytre"

struct sensor_config {
	struct arena arena; /* owns texts and rows */
	struct sensor_setting *settings;
	unsigned int setting_count, setting_room;
	const char **rules;
	const char *file;
	const struct config *config;
};

/* Fills the options of 'run' that the file sets; 'path' names it in messages. '*ret_has_source': it says where packets come
 * from. 0 or LUYTRE_E_NOMEM. Done with sensor_config_done. */
MUST_CHECK int sensor_config_apply(struct sensor_config *c, const struct config *config, const char *path,
	struct sensor_run_options *run, bool *ret_has_source);
void sensor_config_done(struct sensor_config *c);

/* What no row of the schema can see: variables, tenants, rule files. 0 or an error; all is said on standard error. '*ret_rules'
 * gets how many rules load, '*ret_refused' how many do not. */
MUST_CHECK int sensor_config_check(
	const struct config *config, const char *path, unsigned int *ret_rules, unsigned int *ret_refused);
