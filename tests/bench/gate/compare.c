// SPDX-License-Identifier: Apache-2.0
/* See compare.h. */
#include "tests/bench/gate/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

static const struct engine_kind *const kinds[ENGINE_COUNT] = { &engine_ours, &engine_modsecurity };

/* How often the variants of a class go round in a turn: enough for a percentile, few where a request takes long. */
static const unsigned int rounds[REQUEST_CLASS_COUNT] = {
	[REQUEST_STATIC] = 5,
	[REQUEST_QUERY] = 5,
	[REQUEST_FORM] = 5,
	[REQUEST_JSON] = 1,
	[REQUEST_UPLOAD] = 2,
	[REQUEST_ATTACK] = 10,
};

static int open_engines(
	struct compare *compare, const struct rulefiles *files, const char *cache_dir, unsigned int level)
{
	int error = kinds[ENGINE_OURS]->open(files->level[level], cache_dir, &compare->engines[ENGINE_OURS][level]);

	if (error < 0 || !compare->has_rival)
		return error;
	error = kinds[ENGINE_RIVAL]->open(files->level[level], NULL, &compare->engines[ENGINE_RIVAL][level]);
	if (error == LUYTRE_E_UNSUPPORTED) {
		log_warn("libmodsecurity is not installed: nothing to compare with");
		compare->has_rival = false;
		error = 0;
	}
	return error;
}

int compare_init(struct compare *compare, const struct rulefiles *files, const char *cache_dir)
{
	int error = 0;

	for (unsigned int i = 0; i < REQUEST_CLASS_COUNT && error == 0; i++)
		error = request_list_init(&compare->lists[i], (enum request_class)i);
	for (unsigned int i = 0; i < LEVEL_COUNT && error == 0; i++) {
		if (compare->levels >> i & 1)
			error = open_engines(compare, files, cache_dir, i);
	}
	return error;
}

void compare_done(struct compare *compare)
{
	for (unsigned int e = 0; e < ENGINE_COUNT; e++) {
		for (unsigned int i = 0; i < LEVEL_COUNT; i++) {
			kinds[e]->close(compare->engines[e][i]);
			for (unsigned int k = 0; k < REQUEST_CLASS_COUNT; k++)
				free(compare->cells[e][i][k].pooled_us);
		}
	}
	for (unsigned int i = 0; i < REQUEST_CLASS_COUNT; i++)
		request_list_done(&compare->lists[i]);
}

static int reserve(struct compare_cell *cell, size_t more)
{
	double *grown;

	if (cell->pooled_count + more <= cell->pooled_room)
		return 0;
	grown = realloc(cell->pooled_us, 2 * (cell->pooled_count + more) * sizeof(*grown));
	if (!grown)
		return LUYTRE_E_NOMEM;
	cell->pooled_us = grown;
	cell->pooled_room = 2 * (cell->pooled_count + more);
	return 0;
}

static int compare_doubles(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* Sorts. */
static double quantile(double *values, size_t count, double share)
{
	if (count == 0)
		return 0;
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[(size_t)(share * (double)(count - 1) + 0.5)];
}

static int take_turn(struct compare *compare, unsigned int which, unsigned int level, unsigned int class)
{
	struct request_list *list = &compare->lists[class];
	struct compare_cell *cell = &compare->cells[which][level][class];
	struct engine *engine = compare->engines[which][level];
	unsigned int told;
	size_t count = list->count * rounds[class], next = 0;
	int error = reserve(cell, count);

	if (error == 0)
		error = kinds[which]->judge(engine, &list->items[0], &told);
	cell->told = 0;
	for (size_t i = 0; i < count && error == 0; i++) {
		uint64_t start_ns;

		request_renew(list, next);
		start_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID);
		error = kinds[which]->judge(engine, &list->items[next], &told);
		cell->pooled_us[cell->pooled_count++] =
			(double)(clock_id_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns) / (double)NS_PER_US;
		if (i < list->count)
			cell->told += told;
		next = next + 1 < list->count ? next + 1 : 0;
	}
	if (error == 0)
		report_value(&cell->median_us, quantile(cell->pooled_us + cell->pooled_count - count, count, 0.5));
	return error;
}

static double last_value(const struct report_row *row)
{
	return row->count ? row->value[row->count - 1] : 0;
}

static int take_turns(struct compare *compare, unsigned int number, unsigned int level, unsigned int class)
{
	int error = 0;

	for (unsigned int i = 0; i < ENGINE_COUNT && error == 0; i++) {
		unsigned int which = (i + number) % ENGINE_COUNT;

		if (which == ENGINE_OURS || compare->has_rival)
			error = take_turn(compare, which, level, class);
	}
	if (error == 0 && compare->has_rival)
		report_value(&compare->ratios[level][class],
			last_value(&compare->cells[ENGINE_RIVAL][level][class].median_us) /
				last_value(&compare->cells[ENGINE_OURS][level][class].median_us));
	return error;
}

int compare_run(struct compare *compare, unsigned int number)
{
	for (unsigned int level = 0; level < LEVEL_COUNT; level++) {
		for (unsigned int class = 0; class < REQUEST_CLASS_COUNT; class ++) {
			int error;

			if (!(compare->levels >> level & 1) || !(compare->classes >> class & 1))
				continue;
			error = take_turns(compare, number, level, class);
			if (error < 0)
				return error;
		}
	}
	return 0;
}

double compare_p99(struct compare_cell *cell)
{
	return quantile(cell->pooled_us, cell->pooled_count, 0.99);
}

static void range_of(const struct report_row *row, double *ret_least, double *ret_most)
{
	*ret_least = *ret_most = row->count ? row->value[0] : 0;
	for (size_t i = 1; i < row->count; i++) {
		*ret_least = row->value[i] < *ret_least ? row->value[i] : *ret_least;
		*ret_most = row->value[i] > *ret_most ? row->value[i] : *ret_most;
	}
}

static void print_level(struct compare *compare, unsigned int level, FILE *out)
{
	fprintf(out,
		"\n### The engine alone, paranoia level %u\n\n"
		"| class   | libmodsecurity   | ours             | ratio | lowest - highest | p99 libmodsecurity | p99 "
		"ours | "
		"messages |\n|---|---|---|---|---|---|---|---|\n",
		level + 1);
	for (unsigned int class = 0; class < REQUEST_CLASS_COUNT; class ++) {
		struct compare_cell *ours = &compare->cells[ENGINE_OURS][level][class];
		struct compare_cell *rival = &compare->cells[ENGINE_RIVAL][level][class];
		double least, most;

		if (ours->pooled_count == 0)
			continue;
		range_of(&compare->ratios[level][class], &least, &most);
		fprintf(out, "| %-7s | %13.1f us | %13.1f us | %.1f | %.1f - %.1f | %.0f us | %.0f us | %u, %u |\n",
			request_class_name((enum request_class) class), report_median(&rival->median_us),
			report_median(&ours->median_us), report_median(&compare->ratios[level][class]), least, most,
			compare_p99(rival), compare_p99(ours), rival->told, ours->told);
	}
}

void compare_print(struct compare *compare, FILE *out)
{
	fputs("\nProcessor time of one request in the engine, median of the runs' medians. The ratio is taken run by "
	      "run: its median, and the "
	      "lowest and highest\nof the runs. The 99th percentile is of all runs together. Messages: what the rules "
	      "of each engine "
	      "(theirs, ours) tell of one\nround of the class, to see that they do the same work.\n",
		out);
	for (unsigned int level = 0; level < LEVEL_COUNT; level++) {
		if (compare->levels >> level & 1)
			print_level(compare, level, out);
	}
}
