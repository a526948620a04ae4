// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/lease.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

enum { CONTENT_SIZE = 320 };

struct lease {
	struct natslog *log;
	const char *run;
	char name[LEASE_NAME_MAX + 1];
	void (*deposed)(const char *why);
	uint64_t seen; /* number of the newest message that is known; 0: none */
	uint64_t since_ns; /* when it was first seen; 0: start anew */
	uint64_t term, ids;
	bool given_back; /* what was seen says so */

	pthread_mutex_t lock; /* of keys */
	char keys[LEASE_KEYS_SIZE];
	pthread_t thread;
	bool runs;
	_Atomic bool stop;
};

/* "luytre-lease 1 TERM STATE RUN NAME KEYS" */
static bool parse(struct bytes content, struct lease_view *ret, bool *ret_given_back)
{
	char text[CONTENT_SIZE], state[8];
	unsigned long long term;

	if (!bytes_to_str(content, text, sizeof(text)))
		return false;
	if (sscanf(text, "luytre-lease 1 %llu %7s %63s %63s %64s", &term, state, ret->run, ret->name, ret->keys) != 5)
		return false;
	ret->term = term;
	*ret_given_back = strcmp(state, "free") == 0;
	return true;
}

static int replace(struct lease *lease, uint64_t term, const char *state)
{
	char text[CONTENT_SIZE], id[NATSLOG_ID_SIZE], keys[LEASE_KEYS_SIZE];

	pthread_mutex_lock(&lease->lock);
	memcpy(keys, lease->keys, sizeof(keys));
	pthread_mutex_unlock(&lease->lock);
	snprintf(text, sizeof(text), "luytre-lease 1 %llu %s %s %s %s", (unsigned long long)term, state, lease->run,
		lease->name, keys);
	snprintf(id, sizeof(id), "%s-%llu", lease->run, (unsigned long long)lease->ids);
	return natslog_append(lease->log, LEASE_STREAM, id, lease->seen, bytes_from_str(text), &lease->seen);
}

enum lease_state lease_look(struct lease *lease, uint64_t now_ns, struct lease_view *ret)
{
	struct natslog_message message;
	uint64_t first, last;
	int error = natslog_ends(lease->log, LEASE_STREAM, &first, &last);

	*ret = (struct lease_view){ .keys = "-" };
	if (error) {
		lease->since_ns = 0; /* silence of the cluster is not silence of the leader */
		return LEASE_UNKNOWN;
	}
	if (first > last) {
		lease->seen = last;
		lease->term = 0;
		return LEASE_FREE;
	}
	error = natslog_get(lease->log, LEASE_STREAM, last, &message);
	if (error) {
		if (error == LUYTRE_E_NOT_FOUND) /* replaced just now: there is a leader */
			return LEASE_HELD;
		lease->since_ns = 0;
		return LEASE_UNKNOWN;
	}
	if (!parse(message.content, ret, &lease->given_back))
		log_limited(
			now_ns, LOG_LEVEL_ERROR, "the stream %s holds something that no hub has written", LEASE_STREAM);
	natslog_message_done(&message);
	if (last != lease->seen || !lease->since_ns)
		lease->since_ns = now_ns;
	lease->seen = last;
	lease->term = ret->term;
	if (strcmp(ret->keys, "-") != 0)
		lease_set_keys(lease, ret->keys); /* what a next leader goes on saying, until it has compared its own */
	return lease->given_back || now_ns - lease->since_ns >= LEASE_SILENT_MS * NS_PER_MS ? LEASE_FREE : LEASE_HELD;
}

int lease_take(struct lease *lease, uint64_t *ret_term)
{
	int error;

	lease->ids++;
	error = replace(lease, lease->term + 1, "lead");
	lease->since_ns = 0;
	if (!error)
		*ret_term = ++lease->term;
	return error;
}

static void *keep(void *context)
{
	struct lease *lease = context;
	const struct timespec pause = { .tv_nsec = LEASE_BEAT_MS * (long)NS_PER_MS };
	uint64_t kept_ns = clock_boot_ns();

	while (!lease->stop) {
		uint64_t now_ns = clock_boot_ns();
		int error = replace(lease, lease->term, "lead");

		if (!error) {
			lease->ids++;
			kept_ns = now_ns;
		} else if (error == LUYTRE_E_CONFLICT) {
			lease->deposed("another hub leads");
		} else if (now_ns - kept_ns > LEASE_GIVE_UP_MS * NS_PER_MS) {
			lease->deposed("the cluster cannot be reached");
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int lease_keep(struct lease *lease)
{
	lease->ids++;
	if (pthread_create(&lease->thread, NULL, keep, lease))
		return LUYTRE_E_SYSTEM;
	lease->runs = true;
	return 0;
}

void lease_set_keys(struct lease *lease, const char *keys)
{
	pthread_mutex_lock(&lease->lock);
	snprintf(lease->keys, sizeof(lease->keys), "%s", keys);
	pthread_mutex_unlock(&lease->lock);
}

int lease_open(const struct lease_options *options, struct lease **ret)
{
	struct lease *lease = calloc(1, sizeof(*lease));
	int error;

	if (!lease)
		return LUYTRE_E_NOMEM;
	lease->log = options->log;
	lease->run = options->run;
	lease->deposed = options->deposed;
	snprintf(lease->name, sizeof(lease->name), "%s", options->name);
	snprintf(lease->keys, sizeof(lease->keys), "-");
	pthread_mutex_init(&lease->lock, NULL);
	error = natslog_make(lease->log, LEASE_STREAM, options->replicas, 1);
	if (error)
		lease_close(lease);
	else
		*ret = lease;
	return error;
}

void lease_close(struct lease *lease)
{
	if (!lease)
		return;
	lease->stop = true;
	if (lease->runs) {
		pthread_join(lease->thread, NULL);
		lease->ids++; /* the last "lead" may not have been answered */
		(void)!replace(lease, lease->term, "free"); /* else the others wait for silence */
	}
	pthread_mutex_destroy(&lease->lock);
	free(lease);
}
