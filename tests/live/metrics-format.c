// SPDX-License-Identifier: Apache-2.0
/* Reads metrics from standard input and says what is wrong with them, as `promtool check metrics` does: the text format
 * 0.0.4 of Prometheus (exposition_formats), where each metric has its HELP and TYPE before its first value, all its
 * values stand together, none comes twice, counters end with _total, and the last line ends.
 *
 * Exit status 0 and "N metrics, M values", or 1 and a line for each fault. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096, METRICS_MAX = 512, SERIES_MAX = 65536, NAME_SIZE = 128 };

struct metric {
	char name[NAME_SIZE];
	bool has_help, is_counter, is_typed, over; /* 'over': another metric's values came since */
	bool is_histogram, is_summary; /* their values have names with an end */
};

static struct metric metrics[METRICS_MAX];
static size_t metric_count, series_count, faults, line_number;
static char *series[SERIES_MAX];

static void fault(const char *what, const char *where)
{
	printf("line %zu: %s: %.80s\n", line_number, what, where);
	faults++;
}

static size_t name_length(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_' || at[n] == ':')
		n++;
	return isdigit((unsigned char)*at) ? 0 : n;
}

static struct metric *find(const char *name, size_t length)
{
	for (size_t i = 0; i < metric_count; i++)
		if (strlen(metrics[i].name) == length && !memcmp(metrics[i].name, name, length))
			return &metrics[i];
	if (metric_count == METRICS_MAX || length >= NAME_SIZE) {
		printf("too many metrics\n");
		exit(1);
	}
	memcpy(metrics[metric_count].name, name, length);
	return &metrics[metric_count++];
}

/* The metric that a value belongs to. */
static struct metric *owner(const char *name, size_t length)
{
	static const char *const ends[] = { "_sum", "_count", "_bucket" };

	for (size_t i = 0; i < metric_count; i++) {
		size_t base = strlen(metrics[i].name);

		if (base >= length || memcmp(metrics[i].name, name, base) != 0)
			continue;
		for (size_t end = 0; end < (metrics[i].is_histogram ? 3U : metrics[i].is_summary ? 2U : 0U); end++)
			if (length - base == strlen(ends[end]) && !memcmp(name + base, ends[end], length - base))
				return &metrics[i];
	}
	return find(name, length);
}

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && !strcmp(text + a - b, end);
}

static void read_comment(char *line)
{
	bool help = !strncmp(line, "# HELP ", 7), type = !strncmp(line, "# TYPE ", 7);
	const char *name = line + 7, *rest;
	struct metric *m;

	if (!help && !type)
		return; /* a comment for people */
	if (!name_length(name) || name[name_length(name)] != ' ') {
		fault("expected a name and a text", line);
		return;
	}
	m = find(name, name_length(name));
	rest = name + strlen(m->name) + 1;
	if (help ? m->has_help : m->is_typed)
		fault("said twice", line);
	if (help) {
		m->has_help = true;
		return;
	}
	m->is_typed = true;
	m->is_counter = !strcmp(rest, "counter");
	m->is_histogram = !strcmp(rest, "histogram");
	m->is_summary = !strcmp(rest, "summary");
	if (!m->is_counter && !m->is_histogram && !m->is_summary && strcmp(rest, "gauge"))
		fault("expected counter, gauge, histogram or summary", line);
	if (m->is_counter != ends_with(m->name, "_total"))
		fault("counters, and only they, end with _total", line);
}

/* Behind '{'; returns what follows '}', or null. */
static const char *read_labels(const char *at)
{
	for (;;) {
		size_t n = name_length(at);

		if (!n || at[n] != '=' || at[n + 1] != '"')
			return NULL;
		for (at += n + 2; *at && *at != '"'; at++)
			if (*at == '\\' && !*++at)
				return NULL;
		if (!*at)
			return NULL;
		at++;
		if (*at == '}')
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void read_value(char *line)
{
	size_t n = name_length(line);
	const char *at = line + n;
	struct metric *m;
	char *end;

	if (n && *at == '{')
		at = read_labels(at + 1);
	if (!n || !at || *at != ' ') {
		fault("expected name{label=\"value\"} number", line);
		return;
	}
	strtod(at + 1, &end);
	if (end == at + 1 || *end)
		fault("expected a number", line);
	m = owner(line, n);
	if (!m->has_help || !m->is_typed)
		fault("a value before its HELP and TYPE", line);
	if (m->over)
		fault("the values of a metric stand together", line);
	for (size_t i = 0; i < metric_count; i++)
		if (&metrics[i] != m && metrics[i].is_typed)
			metrics[i].over = true;
	if (series_count < SERIES_MAX)
		series[series_count++] = strndup(line, (size_t)(at - line));
}

int main(void)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), stdin)) {
		size_t size = strlen(line);

		line_number++;
		if (line[size - 1] != '\n') {
			fault("the line does not end", line);
			break;
		}
		line[size - 1] = 0;
		if (*line == '#')
			read_comment(line);
		else if (*line)
			read_value(line);
	}
	qsort(series, series_count, sizeof(series[0]), compare);
	for (size_t i = 1; i < series_count; i++)
		if (!strcmp(series[i - 1], series[i]))
			fault("comes twice", series[i]);
	if (!series_count)
		fault("no values", "");
	printf("%zu metrics, %zu values\n", metric_count, series_count);
	return faults ? 1 : 0;
}
