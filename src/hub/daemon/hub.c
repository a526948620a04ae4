// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/sandbox.h"
#include "hub/daemon/internal.h"

enum { REPLY_MAX_SIZE = 16 << 20, CLIENT_IDLE_S = 10, NAMES_SIZE = 512 };

static void told(void *context, struct bytes text)
{
	struct hub *hub = context;

	if (hub->port)
		port_told(hub->port, text);
	if (hub->console)
		console_told(hub->console, text);
}

static void told_events(void *context, const struct ev_event *events, size_t count)
{
	struct hub *hub = context;

	if (hub->console)
		console_events(hub->console, events, count);
}

static void told_policy(void *context, struct bytes text)
{
	struct hub *hub = context;

	if (hub->port)
		port_told_policy(hub->port, text);
}

static void told_campaign(void *context, uint32_t id)
{
	struct hub *hub = context;

	if (hub->console)
		console_campaign(hub->console, id);
}

static void revoked(void *context, uint32_t edge)
{
	struct hub *hub = context;

	if (hub->port)
		port_forget(hub->port, edge);
}

static enum control_answer run_line(void *context, char *line, struct jsonw *out)
{
	hub_command(context, line, out);
	return CONTROL_ANSWERED;
}

static void stop(struct loop *loop, uint64_t number, void *context)
{
	loop_stop(loop);
}

/* Edges on this machine find it too. */
static void own_names(char names[NAMES_SIZE])
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) || !host[0])
		snprintf(host, sizeof(host), "localhost");
	snprintf(names, NAMES_SIZE, "%s%s,127.0.0.1,::1", host, strcmp(host, "localhost") ? ",localhost" : "");
}

/* Under the lock: the core's thread asks for them already. */
static void set_doors(struct hub *hub, struct port *port, struct console *console)
{
	core_lock(hub->core);
	hub->port = port;
	hub->console = console;
	core_unlock(hub->core);
}

static int open_console(struct hub *hub, const struct hub_options *options, const char *names, char why[CORE_WHY_SIZE])
{
	const struct console_options console = { .address = options->console_address,
		.port = options->console_port ? options->console_port : CONSOLE_PORT,
		.unix_path = options->console_socket,
		.sign_on = options->sign_on,
		.names = names,
		.state_dir = options->state_dir ? options->state_dir : HUB_STATE,
		.control = options->control,
		.drop_dir = options->drop,
		.files = console_pages(),
		.metrics_port = options->metrics_port,
		.collect = hub->figures ? figures_write : NULL,
		.collect_context = hub->figures };
	struct console *opened = NULL;
	int error = console_open(hub->core, &console, &opened, why);

	if (!error)
		set_doors(hub, hub->port, opened);
	return error;
}

static int open_hub(struct hub *hub, const struct hub_options *options, char why[CORE_WHY_SIZE])
{
	const struct core_options core = { .state_dir = options->state_dir ? options->state_dir : HUB_STATE,
		.control = options->control,
		.events = options->events,
		.holds = options->holds ? options->holds : HUB_HOLDS,
		.hold_budget_us = options->hold_budget_s * INT64_C(1000000),
		.journal_copy = hub->cluster ? cluster_copy(hub->cluster) : NULL,
		.calls = { .context = hub,
			.decisions = told,
			.events = told_events,
			.campaign = told_campaign,
			.policy = told_policy,
			.revoked = revoked } };
	const struct control_options control = { .path = options->socket ? options->socket : HUB_SOCKET,
		.reply_max_size = REPLY_MAX_SIZE,
		.idle_s = CLIENT_IDLE_S,
		.run = run_line,
		.context = hub };
	struct port *port = NULL;
	char names[NAMES_SIZE];
	int error = core_open(&core, &hub->core, why);

	own_names(names);
	if (!error && options->metrics_port) {
		error = figures_open(hub->core, options->control, core.state_dir, &hub->figures);
		if (error)
			snprintf(why, CORE_WHY_SIZE, "the figures: %s", error_text(error, LUYTRE_LANG_EN));
	}
	/* The console first: it puts the settings into force, which edges must not be ahead of. */
	if (!error)
		error = open_console(hub, options, options->names ? options->names : names, why);
	if (!error)
		error = port_open(hub->core, options->address ? options->address : "0.0.0.0",
			options->port ? options->port : HUB_EDGE_PORT, options->names ? options->names : names, &port,
			why);
	if (!error) {
		set_doors(hub, port, hub->console);
		error = loop_new(&hub->loop);
		if (error)
			snprintf(why, CORE_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error)
		error = seal_open(hub->loop, core.state_dir, options->control, &hub->seal, why, CORE_WHY_SIZE);
	if (!error)
		error = control_server_open(hub->loop, &control, why, CORE_WHY_SIZE, &hub->control);
	if (!error && hub->cluster)
		error = cluster_lead(hub->cluster, why);
	return error;
}

static void close_hub(struct hub *hub)
{
	struct port *port = hub->port;
	struct console *console = hub->console;

	control_server_close(hub->control);
	/* The core may still speak to the doors while they close: it must not find them half gone. */
	if (hub->core)
		set_doors(hub, NULL, NULL);
	console_close(console);
	figures_close(hub->figures);
	port_close(port);
	seal_close(hub->seal); /* nobody writes anything down any more */
	core_close(hub->core);
	cluster_leave(hub->cluster); /* what the core had is with the others */
	loop_free(hub->loop);
}

/* For the person who starts it, once: not for the log, which others may read. */
static void say_console(const struct hub *hub, const struct hub_options *options)
{
	const char *password = console_first_password(hub->console);

	if (options->console_socket)
		printf("console: %s\n", options->console_socket);
	else
		printf("console: https://%s:%u/\n", options->console_address ? options->console_address : "127.0.0.1",
			console_port(hub->console));
	if (password)
		printf("first password of \"admin\": %s\n", password);
	fflush(stdout);
}

static int serve(struct hub *hub, const struct hub_options *options)
{
	int error = loop_add_signal(hub->loop, SIGTERM, stop, NULL, NULL);

	if (!error)
		error = loop_add_signal(hub->loop, SIGINT, stop, NULL, NULL);
	if (!error) {
		log_info("the hub answers edges on port %u", port_number(hub->port));
		say_console(hub, options);
		notify_send("READY=1");
		error = loop_run(hub->loop);
		notify_send("STOPPING=1");
	}
	return error;
}

/* The threads of core and door must not take the signals that the loop waits for. */
static void block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Before there is any thread: each has rights of its own, and those that are there keep what they have. Keys and passwords are in the
 * memory of this process, so no other one may look into it, nor may it be written out. */
static int confine(char why[CORE_WHY_SIZE])
{
	const unsigned int needs = SANDBOX_THREADS | SANDBOX_UNIX_SOCKETS | SANDBOX_NETWORK | SANDBOX_SERVER;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) {
		snprintf(why, CORE_WHY_SIZE, "the memory cannot be closed to others: %s", strerror(errno));
		return LUYTRE_E_SYSTEM;
	}
	return sandbox_enter(needs, why, CORE_WHY_SIZE);
}

static bool begins(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

/* What would else be found out when this hub is to take over. */
static int check_cluster(const struct hub_options *options, char why[CORE_WHY_SIZE])
{
	if (!begins(options->control, "postgres:")) {
		snprintf(why, CORE_WHY_SIZE,
			"several hubs (--cluster) share one control database in PostgreSQL: give --control "
			"'postgres:host=... user=... dbname=...'");
		return LUYTRE_E_INVALID;
	}
	if (!begins(options->events, "clickhouse:")) {
		snprintf(why, CORE_WHY_SIZE,
			"several hubs (--cluster) share one store of events in ClickHouse: give --events "
			"'clickhouse:http://HOST:8123/DATABASE'");
		return LUYTRE_E_INVALID;
	}
	return 0;
}

/* Where there are several hubs: until this one leads. */
static int wait_turn(struct hub *hub, const struct hub_options *options, char why[CORE_WHY_SIZE])
{
	const struct cluster_options cluster = { .servers = options->cluster,
		.tls = { options->cluster_authority, options->cluster_certificate, options->cluster_key },
		.state_dir = options->state_dir ? options->state_dir : HUB_STATE,
		.control = options->control };
	int error = check_cluster(options, why);

	if (!error)
		error = cluster_join(&cluster, &hub->cluster, why);
	return error ? error : cluster_wait(hub->cluster, why);
}

int hub_run(const struct hub_options *options)
{
	struct hub hub = { .started_ns = clock_mono_ns() };
	char why[CORE_WHY_SIZE] = "";
	bool stood_by = false; /* to the end */
	int error = 0;

	block_signals();
	notify_open();
	if (options->sandbox)
		error = confine(why);
	if (!error && options->cluster) {
		error = wait_turn(&hub, options, why);
		stood_by = error == LUYTRE_E_CLOSED;
	}
	if (!error)
		error = open_hub(&hub, options, why);
	if (error && !stood_by)
		log_error("the hub cannot start: %s", why);
	else if (!error)
		error = serve(&hub, options);
	close_hub(&hub);
	return stood_by ? 0 : error;
}
