// SPDX-License-Identifier: Apache-2.0
/* Many edges in one process, as the hub sees them: each holds its stream over a TLS connection of its own, reads every change of
 * decisions (bus/delta.h), puts it into its table, and acknowledges over a second connection what stands. What they lack is the
 * packet path.
 *
 * One thread for all of them; every function here may be called from another one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net.h"
#include "tests/bench/hub/nation.h"

struct fleet;

/* Connects all edges of the nation and waits until they hear. Ends the program when they cannot. */
struct fleet *fleet_new(const struct nation *nation, uint16_t port);
void fleet_free(struct fleet *fleet);

/* From now on it is noted when each edge has this prefix, and when the hub has taken its acknowledgement. */
void fleet_watch(struct fleet *fleet, const struct ip_prefix *prefix);
/* The same for a new epoch: everything lifted. */
void fleet_watch_epoch(struct fleet *fleet);
/* Waits until all edges have it and have told so; false after 'timeout_ms'. */
bool fleet_wait(struct fleet *fleet, uint32_t timeout_ms);

struct fleet_times {
	uint64_t heard_ns, told_ns; /* CLOCK_MONOTONIC; 0: not */
};
struct fleet_times fleet_times_of(struct fleet *fleet, size_t edge);

/* Prefixes that stand in the table of an edge, or in those of all together ('edge' SIZE_MAX: of the first that has it). */
size_t fleet_standing(struct fleet *fleet, size_t edge);
bool fleet_has(struct fleet *fleet, size_t edge, const struct ip_prefix *prefix);
/* Changes that an edge missed: it would have to ask for a snapshot. */
uint64_t fleet_gaps(struct fleet *fleet);

/* A connection of one edge for batches, used by the thread that calls. */
struct sender;
struct sender *sender_new(const struct nation *nation, size_t edge, uint16_t port);
void sender_free(struct sender *sender); /* accepts null */
/* One batch with these lines (a line feed between); the status of the answer, 0 when the connection is gone. 'seq' from 1. */
int sender_send(struct sender *sender, uint64_t seq, const char *lines);

/* A line of EVE about an attack that a hold of the platform has seen ('rule' 8100000 ...) or an ordinary rule. */
void fleet_line(char *line, size_t line_size, const char *source, uint16_t source_port, const struct ip_addr *target,
	uint32_t rule);
