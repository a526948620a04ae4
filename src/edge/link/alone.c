// SPDX-License-Identifier: Apache-2.0
/* A link without a daemon (`luytre edge link`: a host with a web server and no shield): nobody puts a policy into force, but the holds in the
 * hub's bundle are for the gate here, and the policy may be for a sensor. They are taken as a daemon takes them (edge/policy.h): not from a bundle that is older than the last
 * one, and from the kept one before the hub is reached. All but alone_say is for the thread of the policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bus/policyfile.h"
#include "edge/link/files.h"
#include "edge/link/internal.h"

enum { KEPT_MAX = 256 << 20 };

/* Puts what was taken, and again what somebody has removed. */
static void look(struct link *link)
{
	const struct config *config = link->config;
	uint32_t drift = 0;

	if (!holdlist_look(&link->holds, config->gate.holds_file))
		drift |= 1U << LINK_DRIFT_HOLDS;
	if (!handout_look(&link->sensor, config->sensor.line ? config->sensor.policy_file : NULL))
		drift |= 1U << LINK_DRIFT_SENSOR;
	pthread_mutex_lock(&link->ack_bell.lock);
	link->holds_said = link->holds.said;
	link->alone_drift = drift;
	pthread_mutex_unlock(&link->ack_bell.lock);
}

static bool is_newer(const struct link *link, const struct bundle *bundle)
{
	if (memcmp(link->bundle_key, bundle->key_id, sizeof(link->bundle_key)) != 0)
		return true;
	return bundle->revision > link->bundle_revision ||
	       (bundle->revision == link->bundle_revision && bundle->made_us > link->bundle_us);
}

static int take_policy(struct link *link, const struct bundle *bundle)
{
	struct policyfile file;
	struct bytes text;
	int error = bundle_find(bundle, POLICYFILE_NAME, &text) ? policyfile_read(text, &file) : LUYTRE_E_CORRUPT;

	if (error)
		return error;
	policyfile_done(&file);
	return handout_take(&link->sensor, text);
}

static int take(struct link *link, const struct bundle *bundle)
{
	int error = holdlist_take(&link->holds, bundle, link->config->gate.holds_file), policy;

	policy = take_policy(link, bundle);
	look(link);
	if (!error)
		error = policy;
	if (error)
		return error;
	memcpy(link->bundle_key, bundle->key_id, sizeof(link->bundle_key));
	link->bundle_revision = bundle->revision;
	link->bundle_us = bundle->made_us;
	return 0;
}

void alone_open(struct link *link, const struct identity *identity)
{
	struct bundle bundle;
	uint8_t *text = NULL;
	size_t size = 0;
	int error = files_read(link->dir_fd, LINK_POLICY_SAVED, KEPT_MAX, &text, &size);

	if (error == LUYTRE_E_NOT_FOUND)
		return;
	if (!error)
		error = bundle_open(bytes_of(text, size), identity->keys, identity->key_count, &bundle);
	if (!error && bundle.edge && bundle.edge != identity->edge)
		error = LUYTRE_E_PERMISSION;
	if (!error)
		error = take(link, &bundle);
	if (error)
		log_error("what the hub gave for this machine cannot be used: %s", error_text(error, LUYTRE_LANG_EN));
	free(text);
}

int alone_take(struct link *link, const struct bundle *bundle, struct bytes text)
{
	int error;

	if (!is_newer(link, bundle))
		return 0;
	error = take(link, bundle);
	return error ? error : files_write(link->dir_fd, LINK_POLICY_SAVED, 0600, text);
}

void alone_look(struct link *link)
{
	look(link);
}

void alone_say(struct link *link, struct link_holds *ret, uint32_t *ret_drift)
{
	pthread_mutex_lock(&link->ack_bell.lock);
	*ret = link->holds_said;
	*ret_drift = link->alone_drift;
	pthread_mutex_unlock(&link->ack_bell.lock);
}
