// SPDX-License-Identifier: Apache-2.0
/* Time in nanoseconds, and the only door to the clocks of the system.
 *
 * Only programs call the reading functions, once per batch or event, and pass the result down as 'now_ns'. Libraries
 * never ask for the time, so tests move it as they like and never sleep. Monotonic time is what bpf_ktime_get_ns gives
 * in BPF programs; it stands still while the machine sleeps, boot time (bpf_ktime_get_boot_ns) does not. Real time may
 * jump: for people and for stored dates only. 64 bits of nanoseconds last 584 years. */
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define MS_PER_S  UINT64_C(1000)

/* One moment on both scales, for code that must also show a date. */
struct clock {
	uint64_t mono_ns; /* since some moment before the program began */
	uint64_t real_ns; /* since 1970-01-01 UTC */
};

/* Reads one clock; the clocks named here cannot fail on Linux. */
static inline uint64_t clock_id_ns(clockid_t id)
{
	struct timespec now = { 0 };

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_mono_ns(void)
{
	return clock_id_ns(CLOCK_MONOTONIC);
}

static inline uint64_t clock_boot_ns(void)
{
	return clock_id_ns(CLOCK_BOOTTIME);
}

static inline uint64_t clock_real_ns(void)
{
	return clock_id_ns(CLOCK_REALTIME);
}

static inline struct clock clock_now(void)
{
	return (struct clock){ .mono_ns = clock_mono_ns(), .real_ns = clock_real_ns() };
}

/* The real time of a monotonic moment near 'now', earlier or later. */
static inline uint64_t clock_real_of_mono(struct clock now, uint64_t mono_ns)
{
	return now.real_ns + (mono_ns - now.mono_ns);
}

/* How long ago 'then_ns' was; 0 when it lies ahead, as happens with times taken on another processor. */
static inline uint64_t clock_since_ns(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}
