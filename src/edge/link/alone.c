// SPDX-License-Identifier: Apache-2.0
/* A link without a daemon (`luytre edge link`: a host with a web server and no shield): nobody puts a policy into force, but the holds in the
 * hub's bundle are for the gate here. They are taken as a daemon takes them (edge/policy.h): not from a bundle that is older than the last
 * one, and from the kept one before the hub is reached. All but alone_say is for the thread of the policy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "edge/link/files.h"
#include "edge/link/internal.h"

enum { KEPT_MAX = 256 << 20 };

static void note(struct link *link)
{
	pthread_mutex_lock(&link->ack_bell.lock);
	link->holds_said = link->holds.said;
	pthread_mutex_unlock(&link->ack_bell.lock);
}

static bool is_newer(const struct link *link, const struct bundle *bundle)
{
	if (memcmp(link->bundle_key, bundle->key_id, sizeof(link->bundle_key)) != 0)
		return true;
	return bundle->revision > link->bundle_revision ||
	       (bundle->revision == link->bundle_revision && bundle->made_us > link->bundle_us);
}

static int take(struct link *link, const struct bundle *bundle)
{
	int error = holdlist_take(&link->holds, bundle, link->config->gate.holds_file);

	if (error)
		return error;
	memcpy(link->bundle_key, bundle->key_id, sizeof(link->bundle_key));
	link->bundle_revision = bundle->revision;
	link->bundle_us = bundle->made_us;
	note(link);
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
		log_error("the holds that the hub gave cannot be used: %s", error_text(error, LUYTRE_LANG_EN));
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
	(void)!holdlist_look(&link->holds, link->config->gate.holds_file);
	note(link);
}

void alone_say(struct link *link, struct link_holds *ret)
{
	pthread_mutex_lock(&link->ack_bell.lock);
	*ret = link->holds_said;
	pthread_mutex_unlock(&link->ack_bell.lock);
}
