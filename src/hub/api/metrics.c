// SPDX-License-Identifier: Apache-2.0
#include "hub/api/metrics.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum { TEXT_MAX = 4 << 20, STATUS_CLASSES = 6 };

static const struct {
	uint64_t ns;
	const char *label;
} buckets[] = {
	{ 1 * NS_PER_MS, "0.001" },
	{ 5 * NS_PER_MS, "0.005" },
	{ 20 * NS_PER_MS, "0.02" },
	{ 100 * NS_PER_MS, "0.1" },
	{ 500 * NS_PER_MS, "0.5" },
	{ 1 * NS_PER_S, "1" },
	{ 5 * NS_PER_S, "5" },
	{ UINT64_MAX, "+Inf" },
};

struct row {
	_Atomic uint64_t by_status[STATUS_CLASSES]; /* 0: other */
	_Atomic uint64_t by_time[ARRAY_COUNT(buckets)];
	_Atomic uint64_t sum_ns;
};

struct metrics {
	const struct api_table *table;
	struct row *rows; /* one more than there are operations */
};

struct metrics *metrics_new(const struct api_table *table)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return NULL;
	metrics->table = table;
	metrics->rows = calloc(table->operation_count + 1, sizeof(*metrics->rows));
	if (!metrics->rows) {
		free(metrics);
		return NULL;
	}
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->rows);
	free(metrics);
}

void metrics_count(struct metrics *metrics, size_t index, int status, uint64_t took_ns)
{
	struct row *row = &metrics->rows[index];
	size_t bucket = 0;

	while (took_ns > buckets[bucket].ns)
		bucket++;
	atomic_fetch_add_explicit(
		&row->by_status[status >= 100 && status < 600 ? status / 100 : 0], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&row->by_time[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&row->sum_ns, took_ns, memory_order_relaxed);
}

void metrics_print(struct metrics_text *out, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(out->text ? out->text + out->size : NULL, out->room - out->size, format, args);
	va_end(args);
	if (size < 0 || out->failed) {
		out->failed = true;
		return;
	}
	if (out->size + (size_t)size >= out->room) {
		size_t room = (out->size + (size_t)size + 1) * 2;
		char *text = room <= TEXT_MAX ? realloc(out->text, room) : NULL;

		if (!text) {
			out->failed = true;
			return;
		}
		out->text = text;
		out->room = room;
		va_start(args, format);
		vsnprintf(out->text + out->size, out->room - out->size, format, args);
		va_end(args);
	}
	out->size += (size_t)size;
}

void metrics_text_done(struct metrics_text *out)
{
	free(out->text);
	*out = (struct metrics_text){ 0 };
}

static void write_row(struct metrics_text *out, const char *name, const struct row *row)
{
	uint64_t total = 0;

	for (size_t i = 0; i < ARRAY_COUNT(buckets); i++) {
		total += atomic_load_explicit(&row->by_time[i], memory_order_relaxed);
		metrics_print(out, "luytre_api_request_seconds_bucket{operation=\"%s\",le=\"%s\"} %llu\n", name,
			buckets[i].label, (unsigned long long)total);
	}
	metrics_print(out, "luytre_api_request_seconds_sum{operation=\"%s\"} %.6f\n", name,
		(double)atomic_load_explicit(&row->sum_ns, memory_order_relaxed) / NS_PER_S);
	metrics_print(
		out, "luytre_api_request_seconds_count{operation=\"%s\"} %llu\n", name, (unsigned long long)total);
}

/* Operations that were never asked for are left out: 80 of them times 10 lines are of no use to anybody. */
static bool was_used(const struct row *row)
{
	for (size_t i = 0; i < ARRAY_COUNT(buckets); i++) {
		if (atomic_load_explicit(&row->by_time[i], memory_order_relaxed) > 0)
			return true;
	}
	return false;
}

void metrics_write(const struct metrics *metrics, struct metrics_text *out)
{
	size_t count = metrics->table->operation_count;

	metrics_print(out, "# HELP luytre_api_request_seconds Time from the request line to the answer.\n"
			   "# TYPE luytre_api_request_seconds histogram\n");
	for (size_t i = 0; i <= count; i++) {
		if (was_used(&metrics->rows[i]))
			write_row(out, i < count ? metrics->table->operations[i].id : "other", &metrics->rows[i]);
	}
	metrics_print(out, "# HELP luytre_api_responses_total Answers by class of status.\n"
			   "# TYPE luytre_api_responses_total counter\n");
	for (size_t i = 0; i <= count; i++) {
		for (int status = 1; status < STATUS_CLASSES; status++) {
			uint64_t value =
				atomic_load_explicit(&metrics->rows[i].by_status[status], memory_order_relaxed);

			if (value > 0)
				metrics_print(out,
					"luytre_api_responses_total{operation=\"%s\",status=\"%dxx\"} %llu\n",
					i < count ? metrics->table->operations[i].id : "other", status,
					(unsigned long long)value);
		}
	}
}
