// SPDX-License-Identifier: Apache-2.0
/* luytre run: the daemon in the foreground, alone or with a hub and a sensor beside it. luytre shield detach: the way back.
 *
 * The edge alone is this process itself. With company each is a process of its own (parts.h): the hub reads what strangers send
 * over the network, parses and keeps it for months; the edge stands beside the packets' way. Neither memory nor privileges are
 * shared, and when one is killed the other does not notice. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/enrol-here.h"
#include "cli/parts.h"
#include "edge/edge.h"
#include "hub/daemon/hub.h"
#include "shield/loader.h"

#define DEFAULT_CONFIG "/etc/luytre/luytre.yaml"
#define HERE           "127.0.0.1"

enum { PARTS_MAX = 4 };

/* What a run with company is made of. */
struct company {
	const struct cli_options *options;
	const struct edge_options *edge;
	const struct config *config;
	const char *hub_socket;
	char hub_state[PATH_MAX], hub_url[64], sensor_config[PATH_MAX], host[64];
	struct enrol_here enrol;
	struct part parts[PARTS_MAX];
	size_t count;
};

static pid_t daemon_pid;

static void pass_on(int number)
{
	kill(daemon_pid, number);
}

static struct config *read_config(const struct edge_options *edge)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct config *config = NULL;

	if (errors && edge_read_config(edge, errors, &config))
		config_errors_print(stderr, errors);
	free(errors);
	return config;
}

static void detach(const struct config *config, const struct cli_options *options)
{
	char why[256];

	if (!shield_detach(config->pin_dir, config->interface, why, sizeof(why)))
		fprintf(stderr, "luytre: %s %s\n", cli_text(options, "the shield is off", "đã gỡ lá chắn khỏi"),
			config->interface);
}

/* With --detach a parent that has kept its privileges waits for the daemon, however it ends, and takes
 * the shield off. */
static int run_and_detach(
	const struct edge_options *edge, const struct config *config, const struct cli_options *options)
{
	int status = 0;

	daemon_pid = fork();
	if (!daemon_pid)
		exit(edge_run(edge) ? CLI_FAILED : CLI_DONE);
	signal(SIGINT, SIG_IGN); /* the terminal sends it to the daemon too */
	signal(SIGTERM, pass_on);
	signal(SIGHUP, pass_on);
	while (daemon_pid > 0 && waitpid(daemon_pid, &status, 0) < 0 && errno == EINTR)
		;
	detach(config, options);
	return daemon_pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
}

/* ---- With company ---- */

static int main_of_edge(void *context)
{
	const struct company *company = context;

	return edge_run(company->edge) ? CLI_FAILED : CLI_DONE;
}

/* Under a service manager what is said lands in its journal, where the first password has no place: what the first start says is
 * kept in a file that only root may read. */
static void keep_out_of_journal(const struct company *company)
{
	char path[PATH_MAX];
	struct stat status;
	int fd;

	if (!getenv("JOURNAL_STREAM"))
		return;
	snprintf(path, sizeof(path), "%.4000s/hub-console.txt", company->config->state_dir);
	if (stat(path, &status) == 0 && status.st_size > 0)
		snprintf(path, sizeof(path), "/dev/null");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		close(fd);
	}
}

/* For this machine alone: nobody else can reach it. The service manager hears of the edge. */
static int main_of_hub(void *context)
{
	const struct company *company = context;
	const struct hub_options hub = { .state_dir = company->hub_state,
		.socket = company->hub_socket,
		.address = HERE,
		.sandbox = company->edge->sandbox };

	unsetenv("NOTIFY_SOCKET");
	keep_out_of_journal(company);
	return hub_run(&hub) ? CLI_FAILED : CLI_DONE;
}

/* Its events go to the edge. */
static int write_sensor_config(const struct company *company)
{
	FILE *out = fopen(company->sensor_config, "we");
	bool good;

	if (!out)
		return -1;
	good = fprintf(out,
		       "%%YAML 1.1\n---\noutputs:\n  - eve-log:\n      enabled: yes\n      filetype: unix_dgram\n"
		       "      filename: %s\n      types: [alert, http, tls, flow]\n",
		       company->config->hub.events_socket) > 0;
	return fclose(out) || !good ? -1 : 0;
}

static int main_of_sensor(void *context)
{
	struct company *company = context;
	union {
		const char *constant[9];
		char *plain[9];
	} words = { { "sensor", "run", "--interface", company->config->interface, "--rules", company->options->rules,
		"--suricata-config", company->sensor_config,
		NULL } }; /* getopt may reorder the words, it does not change them */
	struct cli_options options = *company->options;

	unsetenv("NOTIFY_SOCKET");
	if (write_sensor_config(company)) {
		fprintf(stderr, "luytre: %s: %s\n", company->sensor_config, strerror(errno));
		return CLI_FAILED;
	}
	options.words = words.plain;
	options.word_count = 8;
	return cli_sensor(&options);
}

static void add_part(struct company *company, struct part part)
{
	company->parts[company->count++] = part;
}

/* What reads from others starts after them and ends before them. */
static void list_parts(struct company *company)
{
	add_part(company, (struct part){ .name = "luytre-hub", .main = main_of_hub, .context = company });
	add_part(company, (struct part){ .name = "luytre",
				  .main = main_of_edge,
				  .context = company,
				  .essential = true,
				  .reloads = company->edge->config_path != NULL });
	add_part(company,
		(struct part){ .name = "luytre-enrol", .main = enrol_here, .context = &company->enrol, .once = true });
	if (company->options->rules)
		add_part(company,
			(struct part){
				.name = "luytre-sensor", .main = main_of_sensor, .context = company, .reloads = true });
}

static int run_company(const struct cli_options *options, struct edge_options *edge, const struct config *config)
{
	const char *socket = getenv("LUYTRE_HUB_SOCKET");
	struct company company = { .options = options,
		.edge = edge,
		.config = config,
		.hub_socket = socket && *socket ? socket : HUB_SOCKET };

	edge->hub = true;
	if (mkdir(config->state_dir, 0700) && errno != EEXIST)
		fprintf(stderr, "luytre: %s: %s\n", config->state_dir, strerror(errno));
	snprintf(company.hub_state, sizeof(company.hub_state), "%s/hub-store", config->state_dir);
	snprintf(company.hub_url, sizeof(company.hub_url), "https://" HERE ":%d", HUB_EDGE_PORT);
	snprintf(company.sensor_config, sizeof(company.sensor_config), "%s/sensor.yaml", config->state_dir);
	if (gethostname(company.host, sizeof(company.host) - 1))
		company.host[0] = 0;
	company.enrol = (struct enrol_here){ .config = config,
		.socket = company.hub_socket,
		.url = company.hub_url,
		.tenant = edge->config_path || !company.host[0] ? NULL : company.host };
	list_parts(&company);
	return parts_run(company.parts, company.count);
}

static int run_with(const struct cli_options *options, struct edge_options *edge, const struct config *config)
{
	bool hub = options->hub || config->hub.run || (!edge->config_path && !options->no_hub);
	int code;

	if (options->no_hub)
		hub = false;
	if (!hub) {
		if (options->detach)
			return run_and_detach(edge, config, options);
		return edge_run(edge) ? CLI_FAILED : CLI_DONE;
	}
	if (!edge->config_path && !options->rules)
		fprintf(stderr, "luytre: %s\n",
			cli_text(options,
				"connections are looked into with --rules PATH (rules in Suricata's language).",
				"dùng --rules PATH (luật theo ngôn ngữ Suricata) để xem xét nội dung kết nối."));
	code = run_company(options, edge, config);
	if (options->detach)
		detach(config, options);
	return code;
}

static bool is_usable(const struct cli_options *options)
{
	if (options->word_count)
		fprintf(stderr, "luytre: run takes no %s; `luytre run --help` tells more\n", options->words[0]);
	else if (options->config && options->interface)
		fprintf(stderr, "luytre: either --config or --interface: the file names its interface itself\n");
	else if (options->hub && options->no_hub)
		fprintf(stderr, "luytre: either --hub or --no-hub\n");
	else if (options->rules && options->no_hub)
		fprintf(stderr, "luytre: --rules tells a hub; without one there is `luytre sensor run`\n");
	else if (options->rules && !options->interface)
		fprintf(stderr,
			"luytre: --rules goes with --interface; with a file the sensor has its own settings and "
			"service (`luytre sensor run --config FILE`)\n");
	else
		return true;
	return false;
}

int cli_run(const struct cli_options *options)
{
	struct edge_options edge = { .config_path = options->config,
		.interface = options->interface,
		.tenant = options->tenant,
		.enforce = options->enforce,
		.sandbox = !options->no_sandbox };
	struct config *config;
	int code;

	if (!is_usable(options))
		return CLI_USAGE;
	if (!edge.config_path && !edge.interface)
		edge.config_path = DEFAULT_CONFIG;
	if (geteuid()) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "putting a filter into the kernel needs root: use sudo.",
				"đưa bộ lọc vào nhân cần quyền root: hãy dùng sudo."));
		return CLI_FAILED;
	}
	config = read_config(&edge);
	if (!config)
		return CLI_FAILED;
	code = run_with(options, &edge, config);
	config_free(config);
	return code;
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
