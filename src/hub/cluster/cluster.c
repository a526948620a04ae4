// SPDX-License-Identifier: Apache-2.0
#include "hub/cluster/cluster.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "hub/cluster/journalstream.h"
#include "hub/cluster/keys.h"
#include "hub/cluster/lease.h"
#include "hub/store/leader.h"
#include "hub/store/secret.h"

enum { RUN_SIZE = 17, PATH_SIZE = 512, LOOK_MS = 100 };

struct cluster {
	struct natslog *log;
	struct lease *lease;
	struct journalstream *journal;
	char run[RUN_SIZE], name[LEASE_NAME_MAX + 1], state_dir[PATH_SIZE];
	char *control;
	int signal_fd; /* SIGTERM, SIGINT */
	uint64_t term, followed; /* the leader's term that the log has told of */
};

static void deposed(const char *why)
{
	log_error("this hub ends: %s", why);
	_exit(CLUSTER_EXIT);
}

static int open_signals(struct cluster *cluster)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	cluster->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return cluster->signal_fd < 0 ? LUYTRE_E_SYSTEM : 0;
}

/* A word for people: the name of the host without what would break the line it stands in. */
static void name_host(char name[LEASE_NAME_MAX + 1])
{
	if (gethostname(name, LEASE_NAME_MAX) || !name[0])
		snprintf(name, LEASE_NAME_MAX, "hub");
	name[LEASE_NAME_MAX] = '\0';
	for (char *at = name; *at; at++) {
		if (*at <= ' ' || *at == 0x7f)
			*at = '-';
	}
}

static int name_run(char run[RUN_SIZE])
{
	uint8_t random[RUN_SIZE / 2];
	int error = secret_random(random, sizeof(random));

	for (size_t i = 0; i < sizeof(random) && !error; i++)
		snprintf(run + 2 * i, 3, "%02x", random[i]);
	return error;
}

static int open_streams(struct cluster *cluster, unsigned int replicas, char *why)
{
	char path[PATH_SIZE + 32];
	const struct lease_options lease = { .log = cluster->log,
		.run = cluster->run,
		.name = cluster->name,
		.replicas = replicas,
		.deposed = deposed };
	const struct journalstream_options journal = {
		.log = cluster->log, .path = path, .run = cluster->run, .replicas = replicas, .deposed = deposed
	};
	int error = lease_open(&lease, &cluster->lease);

	snprintf(path, sizeof(path), "%s/decisions.journal", cluster->state_dir);
	if (!error)
		error = journalstream_open(&journal, &cluster->journal);
	if (error)
		snprintf(why, CLUSTER_WHY_SIZE, "the streams of the cluster: %s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

int cluster_join(const struct cluster_options *options, struct cluster **ret, char why[CLUSTER_WHY_SIZE])
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	int error = 0;

	if (!cluster || !(cluster->control = strdup(options->control ? options->control : "")))
		error = LUYTRE_E_NOMEM;
	if (cluster)
		cluster->signal_fd = -1;
	if (!error)
		error = open_signals(cluster);
	if (!error && strlen(options->state_dir) >= sizeof(cluster->state_dir))
		error = LUYTRE_E_RANGE;
	if (!error && mkdir(options->state_dir, 0700) && errno != EEXIST)
		error = error_from_errno(errno);
	if (!error)
		error = name_run(cluster->run);
	if (!error)
		error = leader_name(cluster->run);
	if (error) {
		snprintf(why, CLUSTER_WHY_SIZE, "%s: %s", options->state_dir, error_text(error, LUYTRE_LANG_EN));
		cluster_leave(cluster);
		return error;
	}
	snprintf(cluster->state_dir, sizeof(cluster->state_dir), "%s", options->state_dir);
	name_host(cluster->name);
	error = natslog_open(options->servers, &options->tls, &cluster->log, why);
	if (!error)
		error = open_streams(cluster, options->replicas ? options->replicas : CLUSTER_REPLICAS, why);
	if (error)
		cluster_leave(cluster);
	else
		*ret = cluster;
	return error;
}

void cluster_leave(struct cluster *cluster)
{
	if (!cluster)
		return;
	journalstream_close(cluster->journal);
	lease_close(cluster->lease);
	natslog_close(cluster->log);
	if (cluster->signal_fd >= 0)
		close(cluster->signal_fd);
	free(cluster->control);
	free(cluster);
}

/* True: the program is to end. Waits a little. The signal stays pending. */
static bool pause_or_end(const struct cluster *cluster)
{
	struct pollfd signals = { .fd = cluster->signal_fd, .events = POLLIN };

	return poll(&signals, 1, LOOK_MS) > 0;
}

/* Who would take over with other keys would not be known to edges, nor could anybody sign in. */
static int compare_keys(struct cluster *cluster, const struct lease_view *view, char *why)
{
	char keys[LEASE_KEYS_SIZE], reason[CLUSTER_WHY_SIZE / 2];
	int error;

	if (strcmp(view->keys, "-") == 0)
		return 0;
	error = keys_print(cluster->state_dir, keys, reason, sizeof(reason));
	if (!error && strcmp(view->keys, keys) == 0)
		return 0;
	snprintf(why, CLUSTER_WHY_SIZE,
		"the keys of the hub on %s are to be copied into the state folder (" KEYS_FILES "): %.200s", view->name,
		error ? reason : "those in it are others");
	return LUYTRE_E_CONFLICT;
}

static void tell(struct cluster *cluster, const struct lease_view *view)
{
	char text[160];

	if (!view->term || view->term == cluster->followed)
		return;
	cluster->followed = view->term;
	snprintf(text, sizeof(text), "STATUS=stands by; the hub on %s leads", view->name);
	notify_send(text);
	log_info("this hub stands by: the one on %s leads, in term %llu", view->name, (unsigned long long)view->term);
}

/* 0 with '*ret_taken'. */
static int look(struct cluster *cluster, bool *ret_taken, char *why)
{
	struct lease_view view;
	enum lease_state state = lease_look(cluster->lease, clock_boot_ns(), &view);
	int error = 0;

	*ret_taken = false;
	if (view.term)
		error = compare_keys(cluster, &view, why);
	if (error)
		return error;
	if (state == LEASE_FREE) {
		error = lease_take(cluster->lease, &cluster->term);
		*ret_taken = !error;
		return 0; /* another one was faster, or the cluster did not answer: looked at again */
	}
	if (state == LEASE_HELD)
		tell(cluster, &view);
	error = journalstream_follow(cluster->journal);
	if (error == LUYTRE_E_BUSY)
		return 0;
	if (error)
		snprintf(why, CLUSTER_WHY_SIZE, "the journal of the cluster: %s", error_text(error, LUYTRE_LANG_EN));
	return error;
}

/* What remains after the lease is taken. */
static int enter(struct cluster *cluster, char *why)
{
	uint64_t began_ns = clock_mono_ns();
	int error;

	if (lease_keep(cluster->lease)) {
		snprintf(why, CLUSTER_WHY_SIZE, "no thread can be started");
		return LUYTRE_E_SYSTEM;
	}
	while ((error = journalstream_lead(cluster->journal)) == LUYTRE_E_BUSY) {
		if (pause_or_end(cluster))
			return LUYTRE_E_CLOSED;
	}
	if (error) {
		snprintf(why, CLUSTER_WHY_SIZE, "the journal of the cluster: %s", error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	while ((error = leader_enter(cluster->control, cluster->run, why)) == LUYTRE_E_IO) {
		log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "the control database: %s", why);
		if (pause_or_end(cluster))
			return LUYTRE_E_CLOSED;
	}
	if (!error)
		log_info("this hub leads, in term %llu: the journal has %llu messages, taken over in %.0f ms",
			(unsigned long long)cluster->term, (unsigned long long)journalstream_last(cluster->journal),
			(double)(clock_mono_ns() - began_ns) / 1e6);
	return error;
}

int cluster_wait(struct cluster *cluster, char why[CLUSTER_WHY_SIZE])
{
	bool taken = false;
	int error;

	notify_send("READY=1"); /* a hub that stands by is in order */
	for (;;) {
		error = look(cluster, &taken, why);
		if (error)
			return error;
		if (taken)
			return enter(cluster, why);
		if (pause_or_end(cluster))
			return LUYTRE_E_CLOSED;
	}
}

const struct journal_copy *cluster_copy(struct cluster *cluster)
{
	return journalstream_copy(cluster->journal);
}

int cluster_lead(struct cluster *cluster, char why[CLUSTER_WHY_SIZE])
{
	char keys[LEASE_KEYS_SIZE];
	int error = keys_print(cluster->state_dir, keys, why, CLUSTER_WHY_SIZE);

	if (!error)
		lease_set_keys(cluster->lease, keys);
	return error;
}
