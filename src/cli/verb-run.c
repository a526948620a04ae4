// SPDX-License-Identifier: Apache-2.0
/* luytre run: the daemon in the foreground. luytre shield detach: the way back. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "edge/edge.h"
#include "shield/loader.h"

#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"

static pid_t daemon_pid;

static void pass_on(int number)
{
	kill(daemon_pid, number);
}

/* With --detach a parent that has kept its privileges waits for the daemon, however it ends, and takes
 * the shield off. */
static int run_and_detach(const struct edge_options *edge, const struct cli_options *options)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct config *config = NULL;
	char why[256];
	int status = 0;

	if (!errors || edge_read_config(edge, errors, &config)) {
		if (errors)
			config_errors_print(stderr, errors);
		free(errors);
		return CLI_FAILED;
	}
	free(errors);
	daemon_pid = fork();
	if (!daemon_pid)
		exit(edge_run(edge) ? CLI_FAILED : CLI_DONE);
	signal(SIGINT, SIG_IGN); /* the terminal sends it to the daemon too */
	signal(SIGTERM, pass_on);
	signal(SIGHUP, pass_on);
	while (daemon_pid > 0 && waitpid(daemon_pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!shield_detach(config->pin_dir, config->interface, why, sizeof(why)))
		fprintf(stderr, "luytre: %s %s\n", cli_text(options, "the shield is off", "đã gỡ lá chắn khỏi"),
			config->interface);
	config_free(config);
	return daemon_pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
}

int cli_run(const struct cli_options *options)
{
	struct edge_options edge = { .config_path = options->config,
		.interface = options->interface,
		.tenant = options->tenant,
		.enforce = options->enforce,
		.sandbox = !options->no_sandbox };

	if (options->word_count) {
		fprintf(stderr, "luytre: run takes no %s; `luytre run --help` tells more\n", options->words[0]);
		return CLI_USAGE;
	}
	if (options->config && options->interface) {
		fprintf(stderr, "luytre: either --config or --interface: the file names its interface itself\n");
		return CLI_USAGE;
	}
	if (!edge.config_path && !edge.interface)
		edge.config_path = DEFAULT_CONFIG;
	if (geteuid()) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "putting a filter into the kernel needs root: use sudo.",
				"đưa bộ lọc vào nhân cần quyền root: hãy dùng sudo."));
		return CLI_FAILED;
	}
	if (options->detach)
		return run_and_detach(&edge, options);
	return edge_run(&edge) ? CLI_FAILED : CLI_DONE;
}

int cli_detach(const struct cli_options *options)
{
	const char *interface = options->word_count ? options->words[0] : options->interface;
	char error[512];

	if (!interface) {
		fprintf(stderr, "luytre: shield detach expects an interface\n");
		return CLI_USAGE;
	}
	if (shield_detach(options->pin_dir, interface, error, sizeof(error))) {
		fprintf(stderr, "luytre: %s\n", error);
		return CLI_FAILED;
	}
	printf("%s %s\n", cli_text(options, "The shield is off", "Đã gỡ lá chắn khỏi"), interface);
	return CLI_DONE;
}
