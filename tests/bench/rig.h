// SPDX-License-Identifier: Apache-2.0
/* The place where filters are measured: two network namespaces, joined by one pair of veth devices.
 *
 *	outside (lt-bench-outside)          filter (lt-bench-filter)
 *	pktblast -> bench0 ~~~~~~~~~~~~~~~~~ bench1 -> the filter
 *
 * The program moves into the filter's namespace and into a mount namespace of its own, where it puts fresh file systems
 * over /run/netns and /sys/fs/bpf. So nothing that is made here can be seen from outside, and all of it is gone as soon
 * as the program ends, however it ends.
 *
 * The receiving side of a veth pair runs on the processor that sends: generator and filter share one core, and a rate
 * is that of both together. Rates are read from the device's counters while a burst is running, from after its first
 * tenth of a second to its last moment, so that loading the generator does not count.
 *
 * One rig in a process, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define RIG_SENDER   "bench0"
#define RIG_RECEIVER "bench1"
#define RIG_OUTSIDE  "lt-bench-outside"
#define RIG_FOLDER   "/run/netns/.bench" /* for files; as invisible and as short-lived as the rest */

enum { RIG_TEMPLATES_MAX = 8 };

struct rig {
	int receiver; /* ifindex */
	int drop_program; /* file of an XDP program that drops everything and does nothing else */
	int cpu; /* where generator and filter run; the measuring program keeps to the others */
	char receiver_mac[18];
	bool quiet_only; /* wait for the other processors to be idle before each burst */
	double worst_noise; /* the largest share of a burst that the other processors were busy, 0 to 1 */
};

/* What to send: templates of pktblast, ended by null. */
struct burst {
	const char *templates[RIG_TEMPLATES_MAX];
	double seconds;
	double rate_pps; /* 0: as fast as it goes */
};

struct burst_result {
	double pps; /* packets a second that reached the filter */
	uint64_t sent; /* as the generator says */
};

/* Needs root. 0 or an error that has been logged. */
MUST_CHECK int rig_open(struct rig *rig);

/* Puts an XDP program on the receiving device, in place of the one there; -1: none. */
MUST_CHECK int rig_attach(const struct rig *rig, int program);

/* Runs a shell command in the filter's namespace; what it says goes to standard error when it fails. 0 or
 * LUYTRE_E_SYSTEM. */
MUST_CHECK int rig_shell(const char *command);

/* Sends and measures. */
MUST_CHECK int rig_burst(struct rig *rig, const struct burst *burst, struct burst_result *ret);

/* The two halves of it, for cases that do something while packets flow. */
MUST_CHECK int rig_burst_begin(struct rig *rig, const struct burst *burst);
MUST_CHECK int rig_burst_end(struct rig *rig, struct burst_result *ret);
