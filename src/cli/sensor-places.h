// SPDX-License-Identifier: Apache-2.0
/* What the hub says to a sensor (sensor/worker/said.h), read from the files that the edge writes: the policy (bus/policyfile.h) and the list of
 * holds (base/holdfile.h), laid over the tenants of the configuration.
 *
 * A row belongs to the tenant with the longest prefix around it, and to those whose prefixes lie inside of it, as at the shield
 * (edge/overlay.h); a tenant that says which organisation of the hub it is (`hub_id`) is left alone by rows of others. Rows without a tenant
 * here are counted and set no mode. Edge-only is laid on the whole prefix, whoever owns it here: nobody, or another organisation. A file that
 * is not there says nothing; one that cannot be read leaves what it said before. */
#pragma once

#include "base/compiler.h"
#include "base/holdfile.h"
#include "bus/policyfile.h"
#include "sensor/worker/said.h"
#include "shield/config.h"

struct sensor_places_owner;

struct sensor_places {
	const struct config *config; /* borrowed */
	struct sensor_places_owner *owners; /* prefixes of tenants, in order */
	size_t owner_count;
	struct policyfile policy; /* as read last */
	struct holdfile holds;
};

/* Fills 'ret' for sensor_run; 'config' outlives the run. LUYTRE_E_NOMEM. */
MUST_CHECK int sensor_places_open(
	struct sensor_places *places, const struct config *config, struct sensor_said_source *ret);
void sensor_places_done(struct sensor_places *places);

/* The same of texts that are there already, which the sensor's callback does with the files. LUYTRE_E_NOMEM, LUYTRE_E_FULL. */
MUST_CHECK int sensor_places_make(struct sensor_places *places, struct sensor_said *ret);
