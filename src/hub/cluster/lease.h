// SPDX-License-Identifier: Apache-2.0
/* Which hub leads: one message in a stream of NATS that keeps the newest only. The hub that leads replaces it every LEASE_BEAT_MS;
 * one that stands by takes it when it has not changed for LEASE_SILENT_MS, by replacing it with a higher term. Each replaces only the
 * message it has seen, so of two that try one succeeds.
 *
 * No clocks of two machines are compared: silence is measured by who listens, and only while the cluster answers. That a hub leads no
 * longer does not depend on time either: whatever it appends or writes is refused from the next leader on (journalstream.h,
 * hub/store/leader.h). Only that a leader cut off from the cluster stops answering edges does: after LEASE_GIVE_UP_MS it ends itself.
 *
 * One thread, until lease_keep starts another one, which has it from then on. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "hub/cluster/natslog.h"

#define LEASE_STREAM "luytre_lease"

enum {
	LEASE_BEAT_MS = 250,
	LEASE_SILENT_MS = 2000,
	LEASE_GIVE_UP_MS = 15000, /* longer than a cluster takes to elect */
	LEASE_NAME_MAX = 63,
	LEASE_KEYS_SIZE = 65, /* hex and a NUL */
};

struct lease;

struct lease_options {
	struct natslog *log; /* borrowed */
	const char *run; /* as that of journalstream_options; borrowed */
	const char *name; /* of the host, for people: a word */
	unsigned int replicas;
	void (*deposed)(const char *why); /* does not return */
};

/* What the newest message says. */
struct lease_view {
	uint64_t term; /* 0: nobody has ever led */
	char run[NATSLOG_ID_SIZE], name[LEASE_NAME_MAX + 1];
	char keys[LEASE_KEYS_SIZE]; /* lease_keys of the leader; "-": it has not all yet */
};

enum lease_state {
	LEASE_UNKNOWN, /* the cluster does not answer */
	LEASE_HELD,
	LEASE_FREE, /* silent for long enough, given back, or never taken */
};

MUST_CHECK int lease_open(const struct lease_options *options, struct lease **ret);
/* Gives it back when it is kept, so that another hub takes it at once; accepts null. */
void lease_close(struct lease *lease);

enum lease_state lease_look(struct lease *lease, uint64_t now_ns, struct lease_view *ret);
/* After LEASE_FREE. LUYTRE_E_CONFLICT: another hub was faster. */
MUST_CHECK int lease_take(struct lease *lease, uint64_t *ret_term);
/* Starts to keep it, in a thread. */
MUST_CHECK int lease_keep(struct lease *lease);
/* From now on the leader says these; any thread. */
void lease_set_keys(struct lease *lease, const char *keys);
