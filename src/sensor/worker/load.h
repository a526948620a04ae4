// SPDX-License-Identifier: Apache-2.0
/* Which rules a run has: those that the operator named, else those of its configuration; and the folder of the cache. */
#pragma once

#include "base/compiler.h"
#include "sensor/settings.h"

struct policy;

/* Loads 'paths' (files, folders, patterns); without any, the rule files of the configuration, of which one that is missing is
 * only warned about. 0 or an error that was logged (rules_load). */
MUST_CHECK int load_policy(const struct sensor_settings *settings, const char *const *paths, unsigned int path_count,
	bool errors_fatal, struct policy **ret);

/* Makes the folder of the cache when it is missing, and sees that it can be written to. Null: there is none. 0 or an error
 * that was logged with its remedy. */
MUST_CHECK int load_open_cache(const char *dir);
