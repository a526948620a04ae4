// SPDX-License-Identifier: Apache-2.0
/* See ruleset.h. */
#include "tests/bench/sensor/ruleset.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/log.h"

enum { LINE_SIZE = 65536, FEW = 1000 };

static const char *const names[RULESET_COUNT] = { "none.rules", "first-1000.rules", "all.rules" };

static bool is_rule(const char *line)
{
	return *line != '#' && *line != '\n' && *line != '\r' && *line;
}

static void copy_lines(gzFile in, FILE *const out[RULESET_COUNT], struct rulesets *sets)
{
	static char line[LINE_SIZE];

	while (gzgets(in, line, sizeof(line))) {
		if (!is_rule(line))
			continue;
		for (int i = RULESET_1000; i < RULESET_COUNT; i++) {
			if (i == RULESET_1000 && sets->count[i] == FEW)
				continue;
			fputs(line, out[i]);
			sets->count[i]++;
		}
	}
}

int rulesets_write(const char *source, const char *dir, struct rulesets *ret)
{
	FILE *out[RULESET_COUNT] = { 0 };
	gzFile in = source ? gzopen(source, "rbe") : NULL;
	int error = source && !in ? LUYTRE_E_IO : 0;

	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < RULESET_COUNT; i++) {
		snprintf(ret->path[i], sizeof(ret->path[i]), "%s/%s", dir, names[i]);
		out[i] = fopen(ret->path[i], "we");
		if (!out[i])
			error = LUYTRE_E_IO;
	}
	if (!error && in)
		copy_lines(in, out, ret);
	for (int i = 0; i < RULESET_COUNT; i++)
		if (out[i] && fclose(out[i]))
			error = LUYTRE_E_IO;
	if (in)
		gzclose(in);
	if (error)
		log_error("cannot prepare the rules of %s in %s", source ? source : "no set", dir);
	return error;
}
