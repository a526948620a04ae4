// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static int open_hub(struct hub *hub, const struct hub_options *options, char why[CORE_WHY_SIZE])
{
	const struct core_options core = { .state_dir = options->state_dir ? options->state_dir : HUB_STATE,
		.control = options->control,
		.events = options->events,
		.calls = { .context = hub, .decisions = told } };
	const struct control_options control = { .path = options->socket ? options->socket : HUB_SOCKET,
		.reply_max_size = REPLY_MAX_SIZE,
		.idle_s = CLIENT_IDLE_S,
		.run = run_line,
		.context = hub };
	struct port *port = NULL;
	char names[NAMES_SIZE];
	int error = core_open(&core, &hub->core, why);

	own_names(names);
	if (!error)
		error = port_open(hub->core, options->address ? options->address : "0.0.0.0",
			options->port ? options->port : HUB_EDGE_PORT, options->names ? options->names : names, &port,
			why);
	if (!error) { /* the core's thread asks for it already */
		core_lock(hub->core);
		hub->port = port;
		core_unlock(hub->core);
	}
	if (!error) {
		error = loop_new(&hub->loop);
		if (error)
			snprintf(why, CORE_WHY_SIZE, "%s", error_text(error, LUYTRE_LANG_EN));
	}
	if (!error)
		error = control_server_open(hub->loop, &control, why, CORE_WHY_SIZE, &hub->control);
	return error;
}

static void close_hub(struct hub *hub)
{
	struct port *port = hub->port;

	control_server_close(hub->control);
	/* The core may still speak to the door while the door closes: it must not find it half gone. */
	if (hub->core)
		core_lock(hub->core);
	hub->port = NULL;
	if (hub->core)
		core_unlock(hub->core);
	port_close(port);
	core_close(hub->core);
	loop_free(hub->loop);
}

static int serve(struct hub *hub)
{
	int error = loop_add_signal(hub->loop, SIGTERM, stop, NULL, NULL);

	if (!error)
		error = loop_add_signal(hub->loop, SIGINT, stop, NULL, NULL);
	if (!error) {
		log_info("the hub answers edges on port %u", port_number(hub->port));
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

int hub_run(const struct hub_options *options)
{
	struct hub hub = { .started_ns = clock_mono_ns() };
	char why[CORE_WHY_SIZE] = "";
	int error;

	block_signals();
	notify_open();
	error = open_hub(&hub, options, why);
	if (!error && options->sandbox)
		error = sandbox_drop_capabilities(0, why, sizeof(why));
	if (error)
		log_error("the hub cannot start: %s", why);
	else
		error = serve(&hub);
	close_hub(&hub);
	return error;
}
