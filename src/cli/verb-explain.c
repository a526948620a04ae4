// SPDX-License-Identifier: Apache-2.0
/* luytre shield explain, luytre replay: a capture through the filter in memory, without root. */
#include <stdio.h>

#include "cli/cli.h"
#include "shield/explain.h"

static int explain(const struct cli_options *options, bool summary)
{
	struct explain_options explain = { .pcap = options->pcap         ? options->pcap
						   : options->word_count ? options->words[0]
									 : NULL,
		.config = options->config,
		.summary = summary,
		.json = options->json,
		.lang = options->lang };

	if (!explain.pcap) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "expected a capture file (pcap or pcapng)",
				"cần một tệp bắt gói (pcap hoặc pcapng)"));
		return CLI_USAGE;
	}
	return explain_run(&explain, stdout, stderr) ? CLI_FAILED : CLI_DONE;
}

int cli_explain(const struct cli_options *options)
{
	return options->live ? cli_samples(options) : explain(options, false);
}

int cli_replay(const struct cli_options *options)
{
	return explain(options, true);
}
