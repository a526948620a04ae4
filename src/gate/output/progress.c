// SPDX-License-Identifier: Apache-2.0
#include "gate/output/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_NS NS_PER_S

enum luytre_lang progress_lang(void)
{
	const char *value = getenv("LUYTRE_LANG");

	return value && strncmp(value, "vi", 2) == 0 ? LUYTRE_LANG_VI : LUYTRE_LANG_EN;
}

void progress_begin(struct progress *progress, enum luytre_lang lang)
{
	*progress =
		(struct progress){ .lang = lang, .start_ns = clock_mono_ns(), .terminal = isatty(STDERR_FILENO) == 1 };
}

void progress_show(void *context, size_t done, size_t count)
{
	struct progress *progress = context;

	if (!progress->terminal || clock_mono_ns() - progress->start_ns < PATIENCE_NS)
		return;
	progress->shown = true;
	fprintf(stderr,
		progress->lang == LUYTRE_LANG_VI ? "\rđang biên dịch luật: %zu trên %zu\033[K"
						 : "\rcompiling rules: %zu of %zu\033[K",
		done, count);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
