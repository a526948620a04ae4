// SPDX-License-Identifier: Apache-2.0
/* What is normal: rates seen in peace, kept small enough to have one for each tenant, class and destination.
 *
 * Two kinds. 'struct baseline' is a histogram of one-second rates in quarter octaves (a step is 19 %), for tenants: any
 * quantile of the last day or two can be read from it. It takes every second while it is young and one second in
 * BASELINE_THIN later; at BASELINE_WINDOW values all counts are halved, so that old days fade. 'struct baseline_quick' is
 * three numbers, for destinations: an estimate of the 95th percentile that steps up when a second is above it and down by a
 * nineteenth of that otherwise, so that the steps balance at 5 % (after Ma, Muthukrishnan, Sandler, "Frugal Streaming for
 * Estimating Quantiles", 2013), and a slow mean. Its step shrinks with age, from a tenth to a two-thousandth.
 *
 * Whoever feeds them decides what peace is: nothing here looks at attacks. Plain values, no memory, no threads.
 *
 * The lower half of this file is the saved form: a header with magic, version, size and checksum, then records. Numbers
 * are little-endian. The reader trusts nothing: it checks the whole before it hands out the first record. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"

enum {
	BASELINE_BUCKETS = 112, /* quarter octaves: up to 2^28 a second */
	BASELINE_WARM = 10, /* seconds seen; below this the floor alone judges */
	BASELINE_YOUNG = 3600,
	BASELINE_THIN = 8,
	BASELINE_THIN_UNUSUAL = 16,
	BASELINE_WINDOW = 21600, /* counts fit 16 bits */
};

struct baseline {
	uint32_t total; /* sum of count[] */
	uint32_t thin; /* seconds left out since the last one taken */
	uint16_t count[BASELINE_BUCKETS];
};

struct baseline_quick {
	float high; /* about the 95th percentile */
	float mean;
	uint16_t seconds; /* values seen; stops at UINT16_MAX */
};

/* One second of peace at 'rate' a second; negative counts as 0. Of 'unusual' ones, well above what is known, only one in
 * BASELINE_THIN_UNUSUAL counts: who raises the traffic slowly does not raise the baseline with it. */
void baseline_add(struct baseline *baseline, double rate, bool unusual);

/* The rate that a share of 'quantile' (0..1) of the seconds stayed below; 0 when nothing was seen. */
double baseline_quantile(const struct baseline *baseline, double quantile);

static inline bool baseline_is_warm(const struct baseline *baseline)
{
	return baseline->total >= BASELINE_WARM;
}

/* One second of peace. Up to 'harmless' the estimate follows at once. */
void baseline_quick_add(struct baseline_quick *quick, double rate, double harmless);

/* As if 'seconds' values of 0 were added. */
void baseline_quick_idle(struct baseline_quick *quick, uint32_t seconds);

static inline bool baseline_quick_is_warm(const struct baseline_quick *quick)
{
	return quick->seconds >= BASELINE_WARM;
}

/* ---- The saved form ---- */

enum {
	BASELINE_VERSION = 1,
	BASELINE_HEADER_SIZE = 24,
	BASELINE_RATES_SIZE_MAX = 12 + BASELINE_BUCKETS * 3, /* one record of a histogram */
	BASELINE_QUICK_SIZE = 25, /* one record of a destination */
};

/* Which histogram, whose. */
struct baseline_rates_key {
	uint64_t owner;
	uint8_t class_id, metric;
};

struct baseline_quick_key {
	uint64_t owner;
	uint32_t address; /* network order */
	uint8_t level, family;
};

/* Writes to memory of the caller; what does not fit sets 'full' and is left out. */
struct baseline_writer {
	uint8_t *data;
	size_t size, used;
	bool full;
};

void baseline_write_begin(struct baseline_writer *writer, uint8_t *data, size_t size);
void baseline_write_rates(
	struct baseline_writer *writer, const struct baseline_rates_key *key, const struct baseline *baseline);
void baseline_write_quick(
	struct baseline_writer *writer, const struct baseline_quick_key *key, const struct baseline_quick *quick);

/* Fills in the header. 0, or LUYTRE_E_FULL when something was left out. */
MUST_CHECK int baseline_write_end(struct baseline_writer *writer, size_t *ret_used);

struct baseline_reader {
	void *user;
	void (*rates)(void *user, const struct baseline_rates_key *key, const struct baseline *baseline);
	void (*quick)(void *user, const struct baseline_quick_key *key, const struct baseline_quick *quick);
};

/* Calls back for each record, only when all of 'data' is sound. 0, LUYTRE_E_TRUNCATED, LUYTRE_E_VERSION (also for what is
 * no such file at all) or LUYTRE_E_CORRUPT. */
MUST_CHECK int baseline_read(struct bytes data, const struct baseline_reader *reader);
