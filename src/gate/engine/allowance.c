// SPDX-License-Identifier: Apache-2.0
/* The processor time that a request may take in the engine, of which the regular expressions have an allowance of their own
 * (match/scratch.h). What a thread used is a call into the kernel, so it is asked only when enough was done, and when the machine's clock,
 * which costs nothing to read, says that it could matter. */
#include "base/clock.h"
#include "gate/engine/internal.h"

/* For the rules that log a request, when nothing is left of what it had. */
#define LOG_TIME_NS UINT64_C(3000000)
/* The thread's own clock is not looked at more often. */
#define LOOK_NS UINT64_C(200000)
/* What is counted at most for the time before its first look in a phase: the thread may have waited. */
#define UNKNOWN_NS_MAX UINT64_C(5000000)
void allowance_begin(struct gate_tx *tx)
{
	if (tx->allowance.running)
		return;
	tx->allowance.running = true;
	tx->allowance.work = 0;
	tx->allowance.own_ns = 0;
	tx->allowance.mono_ns = clock_mono_ns();
}

static void take(struct allowance *allowance, uint64_t ns)
{
	allowance->left_ns -= ns < allowance->left_ns ? ns : allowance->left_ns;
}

static void count(struct allowance *allowance, uint64_t mono_ns)
{
	uint64_t own_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID), took_ns = mono_ns - allowance->mono_ns;

	if (allowance->own_ns != 0)
		took_ns = own_ns - allowance->own_ns;
	else if (took_ns > UNKNOWN_NS_MAX)
		took_ns = UNKNOWN_NS_MAX;
	take(allowance, took_ns);
	allowance->mono_ns = mono_ns;
	allowance->own_ns = own_ns;
}

bool allowance_look(struct gate_tx *tx, uint64_t wanted_ns)
{
	struct allowance *allowance = &tx->allowance;
	uint64_t mono_ns = clock_mono_ns();

	allowance->work = 0;
	if (mono_ns - allowance->mono_ns >= LOOK_NS || allowance->left_ns < wanted_ns)
		count(allowance, mono_ns);
	/* Who looks on wants to see all of it. */
	if ((allowance->left_ns == 0 || allowance->left_ns < wanted_ns) && !tx->trace)
		tx->spent = true;
	return !tx->spent;
}

void allowance_end(struct gate_tx *tx)
{
	uint64_t mono_ns = clock_mono_ns();

	tx->allowance.running = false;
	if (mono_ns - tx->allowance.mono_ns >= LOOK_NS)
		count(&tx->allowance, mono_ns);
	else
		take(&tx->allowance, mono_ns - tx->allowance.mono_ns);
}

void allowance_for_log(struct gate_tx *tx)
{
	if (tx->allowance.left_ns < LOG_TIME_NS)
		tx->allowance.left_ns = LOG_TIME_NS;
	tx->spent = false;
}
