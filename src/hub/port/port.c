// SPDX-License-Identifier: Apache-2.0
#include "hub/port/port.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "hub/api/server.h"
#include "hub/port/operations-edge.h"

enum {
	TOPIC_DECISIONS,
	TOPIC_POLICY,
	CALLER_EDGE = 1,
	PING_S = 5,
	CLIENTS_MAX = EDGES_MAX,
};

struct port {
	struct core *core;
	struct stream *stream;
	struct api_server *server;
	char *certificate, *key;
	uint16_t number;
};

static const char *const topics[] = { "decisions", "policy" };

/* Edges send a batch each 200 ms and an acknowledgement for each change; enrolments are few. */
static const struct limit_settings rates = {
	.rates = { [API_RATE_READ] = { 600, 60 },
		[API_RATE_WRITE] = { 12000, 60 },
		[API_RATE_HEAVY] = { 60, 60 },
		[API_RATE_LOGIN] = { 10, 60 } },
	.address_factor = 50,
	.subjects_max = 4 * EDGES_MAX,
};

PRINTF_LIKE(3, 4) static int fail(char *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, PORT_WHY_SIZE, format, args);
	va_end(args);
	return error;
}

/* The certificate was found good by the TLS library; the register says whether it may still speak. */
static int authenticate(void *context, void *worker, const struct api_request *request, struct api_caller *ret)
{
	struct port *port = context;
	struct core *core = port->core;
	uint32_t edge = 0;
	int error;

	if (!request->certificate.present)
		return LUYTRE_E_NOT_FOUND;
	core_lock(core);
	error = edges_known(core_edges(core), request->certificate.name, request->certificate.serial,
		(int64_t)(request->now.real_ns / NS_PER_US), &edge);
	core_unlock(core);
	if (error)
		return error;
	ret->id = edge;
	ret->kind = CALLER_EDGE;
	snprintf(ret->name, sizeof(ret->name), "edge:%u", edge);
	if (request->operation->lane == API_LANE_STREAM)
		port_forget(port, edge);
	return 0;
}

static bool check(
	void *context, void *worker, const struct api_request *request, const char *permission, struct bytes tenant)
{
	return false; /* no operation here asks for more than to be known */
}

static bool is_visible(void *context, const struct api_caller *caller, uint32_t topic, uint32_t tenant)
{
	return true;
}

static int open_server(struct port *port, const char *address, uint16_t listen_port, char *why)
{
	struct api_config config = { .table = &edge_table,
		.handlers = edge_handlers,
		.listen_fd = -1,
		.admin_fd = -1,
		.tls = { .certificate = port->certificate, .key = port->key, .client_ca = ca_pem(core_ca(port->core)) },
		.connections_max = 2 * EDGES_MAX,
		.timeout_s = 60,
		.context = port,
		.auth = { .authenticate = authenticate, .check = check },
		.stream = port->stream,
		.limits = &rates };
	int error = api_listen_tcp(address, listen_port, &config.listen_fd, &port->number);

	if (error)
		return fail(why, error, "cannot listen on %s, port %u: %s", address, listen_port,
			error_text(error, LUYTRE_LANG_EN));
	error = api_server_new(&config, &port->server);
	return error ? fail(why, error, "the server for edges does not start: %s", error_text(error, LUYTRE_LANG_EN))
		     : 0;
}

int port_open(struct core *core, const char *address, uint16_t listen_port, const char *names, struct port **ret,
	char why[PORT_WHY_SIZE])
{
	struct port *port = calloc(1, sizeof(*port));
	int64_t now_us = (int64_t)(clock_real_ns() / NS_PER_US);
	struct stream_config stream = { .settings = stream_settings_default,
		.topics = topics,
		.topic_count = ARRAY_COUNT(topics),
		.last_id = (uint64_t)now_us,
		.visible = is_visible };
	struct ca_certificate certificate = { 0 };
	int error;

	if (!port)
		return fail(why, LUYTRE_E_NOMEM, "there is not enough memory");
	port->core = core;
	stream.settings.clients_max = CLIENTS_MAX;
	stream.settings.ping_ns = PING_S * NS_PER_S;
	error = ca_make_server(core_ca(core), names, now_us, &certificate, &port->key);
	if (!error) {
		/* The authority's behind it: edges that enrol know that one by its fingerprint, and look for it in the chain. */
		if (asprintf(&port->certificate, "%s%s", certificate.pem, ca_pem(core_ca(core))) < 0) {
			port->certificate = NULL;
			error = LUYTRE_E_NOMEM;
		}
		free(certificate.pem);
	}
	if (error)
		fail(why, error, "no certificate can be made for \"%s\": %s", names, error_text(error, LUYTRE_LANG_EN));
	if (!error) {
		error = stream_new(&stream, &port->stream);
		if (error)
			fail(why, error, "the stream for edges does not start");
	}
	if (!error)
		error = open_server(port, address, listen_port, why);
	if (error) {
		port_close(port);
		return error;
	}
	*ret = port;
	return 0;
}

void port_close(struct port *port)
{
	if (!port)
		return;
	if (port->stream)
		stream_stop(port->stream);
	api_server_free(port->server);
	stream_free(port->stream);
	free(port->certificate);
	free(port->key);
	free(port);
}

struct core *port_core(const struct port *port)
{
	return port->core;
}

void port_forget(struct port *port, uint32_t edge)
{
	stream_end_caller(port->stream, CALLER_EDGE, edge);
}

uint16_t port_number(const struct port *port)
{
	return port->number;
}

void port_told(struct port *port, struct bytes text)
{
	int error = stream_publish(port->stream, 0, TOPIC_DECISIONS, 0, text);

	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "edges cannot be told of a decision: %s",
			error_text(error, LUYTRE_LANG_EN));
}

void port_told_policy(struct port *port, struct bytes text)
{
	int error = stream_publish(port->stream, 0, TOPIC_POLICY, 0, text);

	if (error)
		log_limited(clock_mono_ns(), LOG_LEVEL_ERROR, "edges cannot be told of the policy: %s",
			error_text(error, LUYTRE_LANG_EN));
}
