// SPDX-License-Identifier: Apache-2.0
/* The daemon's life: start, ticks, reload, stop. See edge.h. */
#include "edge/edge.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "edge/internal.h"
#include "edge/policy.h"
#include "base/notify.h"
#include "shield/emulate.h"

enum { SAVE_EVERY_S = 300, EXPIRE_BUDGET = 10000 };

enum luytre_lang edge_lang(const struct edge *edge)
{
	return edge->config->language;
}

/* ---- configuration -----------------------------------------------------------------------------*/

/* The addresses of an interface, as a YAML list: what one means who names no tenant. */
static void own_addresses(const char *interface, char *text, size_t size)
{
	struct ifaddrs *all = NULL;
	size_t at = 0;

	text[0] = 0;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *one = all; one && at < size; one = one->ifa_next) {
		char word[IP_ADDR_TEXT_SIZE];
		struct ip_addr addr;

		if (!one->ifa_addr || strcmp(one->ifa_name, interface))
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			addr = ip_addr_v4(&((struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr);
		else if (one->ifa_addr->sa_family == AF_INET6 &&
			 !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr))
			addr = ip_addr_v6(&((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr);
		else
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s\"%s\"", at ? ", " : "", ip_addr_format(&addr, word));
	}
	freeifaddrs(all);
}

/* "a,b" as the items of a YAML list: quoted, because "2001:db8::" ends like a key. */
static void quote_prefixes(const char *words, char *text, size_t size)
{
	size_t at = 0;

	text[0] = 0;
	while (*words && at < size) {
		size_t length = strcspn(words, ", ");

		if (length)
			at += (size_t)snprintf(text + at, size - at, "%s\"%.*s\"", at ? ", " : "", (int)length, words);
		words += length;
		words += strspn(words, ", ");
	}
}

/* Without a file: one tenant that offers every port, because nobody has said yet which are in use. */
static int default_config(const struct edge_options *options, struct config_errors *errors, struct config **ret)
{
	char prefixes[2048], text[4096];

	if (options->tenant) {
		quote_prefixes(options->tenant, prefixes, sizeof(prefixes));
	} else {
		own_addresses(options->interface, prefixes, sizeof(prefixes));
		if (!prefixes[0]) {
			log_error("interface %s has no address to protect; name the tenant's prefixes with --tenant",
				options->interface);
			return LUYTRE_E_NOT_FOUND;
		}
	}
	snprintf(text, sizeof(text),
		"interface: %s\ntenants:\n  - name: %s\n    prefixes: [%s]\n    mode: %s\n    bogons: false\n"
		"    tcp_ports: all\n    udp_ports: all\n    protocols: [tcp, udp, icmp, icmpv6, esp, gre]\n",
		options->interface, "here", prefixes, options->enforce ? "enforce" : "shadow");
	return config_load_bytes(bytes_from_str(text), "(command line)", shield_reflect_name, errors, ret);
}

/* A file may be for the sensor alone. */
static int need_interface(struct config_errors *errors, struct config **config)
{
	if ((*config)->interface)
		return 0;
	errors->count = errors->total = 1;
	errors->items[0] = (struct config_error){ .setting = "interface",
		.found = "no such setting",
		.expected = "the name of a network interface, such as eth0",
		.remedy = "the edge needs it; `luytre sensor run` does not" };
	config_free(*config);
	*config = NULL;
	return LUYTRE_E_INVALID;
}

int edge_read_config(const struct edge_options *options, struct config_errors *errors, struct config **ret)
{
	int error = options->config_path ? config_load(options->config_path, shield_reflect_name, errors, ret)
					 : default_config(options, errors, ret);

	if (!error)
		error = need_interface(errors, ret);
	if (!error && options->hub)
		(*ret)->hub.enabled = true;
	return error;
}

/* In this order: a tenant's slot must be known before its decisions, and its decisions before the
 * detection looks. Each part leaves the old state when it fails; the tenants are turned back then. */
static int apply(struct edge *edge, struct config *config, char *why, size_t why_size)
{
	const struct config *old = edge->config;
	const char *what = "";
	int error = policy_load(edge->policy, config, &what);

	if (error) {
		snprintf(why, why_size, "the configuration does not fit the tables: raise %s and restart the daemon",
			what);
		return error;
	}
	shield_grace();
	edge->config = config;
	error = edge_load_lists(edge, config, why, why_size);
	if (error) {
		if (old && policy_load(edge->policy, old, &what))
			log_error("the earlier tenants cannot be restored");
		edge->config = (struct config *)(uintptr_t)old;
		return error;
	}
	edge->config_loaded = clock_now();
	return edge_detect_bind(edge);
}

int edge_apply(struct edge *edge, struct config *config, char *why, size_t why_size)
{
	int error = edge_policy_lay(edge, config, why, why_size);

	if (error)
		return error;
	error = apply(edge, config, why, why_size);
	edge_policy_laid(edge, !error);
	return error;
}

int edge_reload(struct edge *edge, struct config_errors *errors, char *why, size_t why_size)
{
	struct config *fresh = NULL, *old = edge->config;
	int error = edge->options.config_path ? edge_read_config(&edge->options, errors, &fresh) : LUYTRE_E_UNSUPPORTED;

	if (error == LUYTRE_E_UNSUPPORTED)
		snprintf(why, why_size, "the daemon was started without a configuration file");
	if (!error)
		error = edge_apply(edge, fresh, why, why_size);
	if (error) {
		edge->reload_failures++;
		config_free(fresh);
		config_errors_print(stderr, errors);
		log_error("the configuration was not taken%s%s; the old one stands", why[0] ? ": " : "", why);
		return error;
	}
	edge->reloads++;
	config_free(old);
	log_info("the configuration is in use: %zu tenants", fresh->tenant_count);
	return 0;
}

/* ---- the loop ----------------------------------------------------------------------------------*/

static void on_sample(void *user, const struct shield_sample *sample)
{
	struct edge *edge = user;

	edge->samples_seen++;
	if (edge->flood)
		flood_sample(edge->flood, sample);
	control_sample(edge->control, sample);
	edge_hub_sample(edge, sample);
}

static void on_ring(struct loop *loop, uint64_t events, void *context)
{
	struct edge *edge = context;

	shield_sample_read(edge->shield, on_sample, edge);
}

static void once_a_second(struct edge *edge, uint64_t now_ns)
{
	decisions_expire(edge->decisions, now_ns, EXPIRE_BUDGET);
	edge_sweep(edge, now_ns);
	if (edge->unsaved)
		edge_save_decisions(edge);
	edge->unsaved = false;
}

static void on_tick(struct loop *loop, uint64_t missed, void *context)
{
	struct edge *edge = context;
	uint32_t per_second = 1000 / edge->config->detection.tick_ms;
	uint64_t now_ns = clock_mono_ns();

	shield_sample_read(edge->shield, on_sample, edge);
	edge_hub_tick(edge);
	edge_detect_tick(edge, now_ns);
	edge->ticks++;
	if (edge->ticks % (per_second ? per_second : 1) == 0)
		once_a_second(edge, now_ns);
	if (edge->ticks % ((uint64_t)per_second * SAVE_EVERY_S + 1) == 0) {
		edge_detect_save(edge);
		if (edge_hub_unsaved(edge))
			edge_save_hub_decisions(edge);
	}
}

static void on_stop(struct loop *loop, uint64_t number, void *context)
{
	loop_stop(loop);
}

static void on_reload(struct loop *loop, uint64_t number, void *context)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	char why[512] = "";

	notify_send("RELOADING=1");
	if (errors)
		(void)!edge_reload(context, errors, why, sizeof(why));
	free(errors);
	notify_send("READY=1");
}

/* ---- start and stop ----------------------------------------------------------------------------*/

static void wait_grace(void *user)
{
	shield_grace();
}

static int open_shield(struct edge *edge, char *why, size_t why_size)
{
	const struct config_capacity *c = &edge->config->capacity;
	struct shield_options options = { .interface = edge->config->interface,
		.peer = edge->config->peer,
		.pin_dir = edge->config->pin_dir,
		.attach = edge->config->attach,
		.watch_outbound = edge->config->watch_outbound,
		.sizes = policy_sizes(edge->config, (uint32_t)libbpf_num_possible_cpus()) };
	struct decisions_config decisions = { .max_v4 = c->decisions, .max_v6 = c->decisions_v6, .wait = wait_grace };

	if (shield_open(&options, &edge->shield, why, why_size))
		return LUYTRE_E_SYSTEM;
	edge->maps = shield_maps_of(edge->shield);
	edge->policy = policy_new(edge->maps);
	edge->decisions = decisions_new(edge->maps, &decisions);
	if (!edge->policy || !edge->decisions) {
		snprintf(why, why_size, "not enough memory");
		return LUYTRE_E_NOMEM;
	}
	return 0;
}

static int open_loop(struct edge *edge)
{
	int error = loop_new(&edge->loop);

	if (!error)
		error = loop_add_signal(edge->loop, SIGTERM, on_stop, edge, NULL);
	if (!error)
		error = loop_add_signal(edge->loop, SIGINT, on_stop, edge, NULL);
	if (!error)
		error = loop_add_signal(edge->loop, SIGHUP, on_reload, edge, NULL);
	return error;
}

static int start_loop(struct edge *edge)
{
	int error = loop_add_fd(edge->loop, shield_sample_fd(edge->shield), EPOLLIN, on_ring, edge, NULL);

	return error ? error : loop_add_timer(edge->loop, edge->config->detection.tick_ms, on_tick, edge, NULL);
}

static int start(struct edge *edge, char *why, size_t why_size)
{
	struct config *config = edge->config;
	int error;

	if (mkdir(config->state_dir, 0700) && errno != EEXIST)
		log_warn("%s: %s; nothing will be remembered over a restart", config->state_dir, strerror(errno));
	error = edge_hub_fork(edge, why, why_size);
	if (!error)
		error = edge_policy_open(edge);
	if (!error)
		error = open_shield(edge, why, why_size);
	if (error)
		return error;
	/* Before the new configuration is in, packets meet the tables of the earlier daemon, or empty ones
	 * which pass everything: at no time is there a gap. */
	error = edge_apply(edge, config, why, why_size);
	if (error && edge_policy_give_up(edge, config, why))
		error = edge_apply(edge, config, why, why_size);
	if (!error)
		error = edge_detect_open(edge);
	if (!error)
		error = open_loop(edge);
	if (!error)
		error = control_open(edge, &edge->control, why, why_size);
	if (!error)
		error = metrics_open(edge, &edge->metrics, why, why_size);
	if (!error)
		error = start_loop(edge);
	if (!error)
		error = edge_hub_bind(edge);
	if (!error && edge->options.sandbox) {
		notify_open();
		error = sandbox_enter(0, why, why_size);
	}
	return error;
}

/* A start that fails leaves an interface as it was found. */
static void undo_attach(struct edge *edge)
{
	char why[256];

	if (edge->shield && !shield_adopted(edge->shield))
		(void)!shield_detach(edge->config->pin_dir, edge->config->interface, why, sizeof(why));
}

static void stop(struct edge *edge)
{
	notify_send("STOPPING=1");
	edge_detect_save(edge);
	if (edge->unsaved)
		edge_save_decisions(edge);
	if (edge_hub_unsaved(edge))
		edge_save_hub_decisions(edge);
	edge_hub_close(edge);
	edge_policy_close(edge);
	control_close(edge->control);
	metrics_close(edge->metrics);
	edge_detect_close(edge);
	loop_free(edge->loop);
	decisions_free(edge->decisions);
	policy_free(edge->policy);
	shield_close(edge->shield);
}

static void say_ready(const struct edge *edge)
{
	log_info("the shield stands on %s (%s)%s: %zu tenants; control on %s", edge->config->interface,
		shield_attach_mode(edge->shield), shield_adopted(edge->shield) ? ", taken over without a gap" : "",
		edge->config->tenant_count, edge->config->control_socket);
	notify_send("READY=1\nSTATUS=The shield stands.");
}

int edge_run(const struct edge_options *options)
{
	struct config_errors *errors = calloc(1, sizeof(*errors));
	struct edge edge = { .options = *options, .started_ns = clock_mono_ns() };
	char why[1024] = "";
	int error;

	if (!errors)
		return LUYTRE_E_NOMEM;
	error = edge_read_config(options, errors, &edge.config);
	if (error) {
		config_errors_print(stderr, errors);
		free(errors);
		return error;
	}
	free(errors);
	error = start(&edge, why, sizeof(why));
	if (error) {
		undo_attach(&edge);
		log_error("%s", why[0] ? why : error_text(error, edge_lang(&edge)));
	} else {
		say_ready(&edge);
		error = loop_run(edge.loop);
		log_info("stopping; the shield goes on filtering until it is detached");
	}
	stop(&edge);
	config_free(edge.config);
	return error;
}
