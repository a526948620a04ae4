// SPDX-License-Identifier: Apache-2.0
/* What the clients of a protected site notice: the tests of tests/live, whose figures come as lines
 *	figure<TAB>name<TAB>reached<TAB>unit<TAB>>= or <=<TAB>wanted
 * A test that fails its own floors still gives its figures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/log.h"
#include "tests/bench/bench.h"

enum { FIELDS = 6, LINE_SIZE = 512, SKIPPED = 77 };

static const char *const scripts[] = { "syn-flood.sh", "udp-flood.sh" };

static const char *own_unit(const char *unit)
{
	static const char *const units[] = { "%", "ms", "s", "Mpps" };

	for (size_t i = 0; i < ARRAY_COUNT(units); i++)
		if (!strcmp(units[i], unit))
			return units[i];
	return "";
}

static bool read_figure(struct report *report, char *line)
{
	char *field[FIELDS], *rest = line;

	line[strcspn(line, "\n")] = 0;
	for (int i = 0; i < FIELDS; i++)
		if (!(field[i] = strsep(&rest, "\t")))
			return false;
	if (strcmp(field[0], "figure"))
		return false;
	report_bar(report, field[1], strcmp(field[4], ">=") ? REPORT_AT_MOST : REPORT_AT_LEAST, strtod(field[2], NULL),
		strtod(field[5], NULL), own_unit(field[3]));
	return true;
}

static int run_script(struct bench *bench, const char *name)
{
	char command[512], line[LINE_SIZE];
	size_t figures = 0;
	FILE *out;
	int status;

	snprintf(command, sizeof(command), "%s/%s 2>&1", BENCH_LIVE, name);
	out = popen(command, "re");
	if (!out)
		return LUYTRE_E_SYSTEM;
	while (fgets(line, sizeof(line), out)) {
		fprintf(stderr, "%s", line);
		figures += read_figure(&bench->report, line);
	}
	status = pclose(out);
	if (figures)
		return 0;
	log_error("%s gave no figures, status %d", name, WEXITSTATUS(status));
	return WEXITSTATUS(status) == SKIPPED ? 0 : LUYTRE_E_SYSTEM;
}

int case_live(struct bench *bench)
{
	int error = 0;

	setenv("LUYTRE", BENCH_LUYTRE, 1);
	setenv("PKTBLAST", BENCH_PKTBLAST, 1);
	setenv("LIVE_TOOLS", BENCH_LIVE_TOOLS, 1);
	for (size_t i = 0; i < ARRAY_COUNT(scripts) && !error; i++)
		error = run_script(bench, scripts[i]);
	return error;
}
