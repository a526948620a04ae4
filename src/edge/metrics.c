// SPDX-License-Identifier: Apache-2.0
/* Figures for Prometheus (text format 0.0.4) on a loopback address: one request a connection, any
 * path. Names and help texts come from the rows that make the counters. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/internal.h"
#include "edge/stats.h"
#include "shield/emulate.h"

enum { READERS_MAX = 8 };

/* One scrape: waits for the request, then sends what stood at that moment. */
struct reader {
	struct metrics *metrics;
	struct loop_source *source;
	int fd;
	char *text; /* owned; null until the request is there */
	size_t size, sent;
};

struct metrics {
	struct edge *edge;
	struct loop_source *source;
	int fd;
	struct reader *readers[READERS_MAX]; /* the oldest makes room for a new one */
	size_t next;
};

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP luytre_%s %s\n# TYPE luytre_%s %s\n", name, help, name, type);
}

static void write_reason_values(FILE *out, const struct edge *edge, const char *name, bool bytes)
{
	uint32_t slots = policy_slot_count(edge->policy);

	for (uint32_t t = 0; t < slots; t++)
		for (uint32_t i = 1; policy_name(edge->policy, t) && i < SHIELD_REASON_COUNT; i++) {
			struct stats_reason r;

			stats_reason(edge->maps, t, i, &r);
			if (r.enforced.packets)
				fprintf(out, "luytre_%s{tenant=\"%s\",step=\"%s\",reason=\"%s\",shadow=\"0\"} %llu\n",
					name, policy_name(edge->policy, t), shield_step_name(shield_reason_step(i)),
					shield_reason_name(i),
					(unsigned long long)(bytes ? r.enforced.bytes : r.enforced.packets));
			if (r.shadow.packets)
				fprintf(out, "luytre_%s{tenant=\"%s\",step=\"%s\",reason=\"%s\",shadow=\"1\"} %llu\n",
					name, policy_name(edge->policy, t), shield_step_name(shield_reason_step(i)),
					shield_reason_name(i),
					(unsigned long long)(bytes ? r.shadow.bytes : r.shadow.packets));
		}
}

static void write_tenants(FILE *out, const struct edge *edge)
{
	uint32_t slots = policy_slot_count(edge->policy);

	write_head(out, "under_attack", "gauge", "1 while the tenant is under attack.");
	for (uint32_t t = 1; t < slots; t++)
		if (policy_name(edge->policy, t))
			fprintf(out, "luytre_under_attack{tenant=\"%s\"} %d\n", policy_name(edge->policy, t),
				edge->maps->tenant_states[t].attack || edge->maps->tenant_states[t].signature_count);
}

static void write_daemon(FILE *out, const struct edge *edge)
{
	struct flood_stats flood = { 0 };
	struct decisions_stats decisions;

	decisions_read_stats(edge->decisions, &decisions);
	if (edge->flood)
		flood_stats(edge->flood, &flood);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "decisions_ipv4", "gauge", "IPv4 decisions standing.", decisions.count_v4 },
		{ "decisions_ipv6", "gauge", "IPv6 decisions standing.", decisions.count_v6 },
		{ "attacks_active", "gauge", "Attacks going on.", flood.attacks },
		{ "attacks_total", "counter", "Attacks begun.", flood.attacks_begun },
		{ "signatures_enforced", "gauge", "Learned signatures that drop.", flood.signatures_enforced },
		{ "signatures_learned_total", "counter", "Signatures learned.", flood.signatures_learned },
		{ "samples_total", "counter", "Packets sampled.", edge->samples_seen },
		{ "reloads_total", "counter", "Configurations taken into use.", edge->reloads },
		{ "reload_failures_total", "counter", "Configurations refused.", edge->reload_failures },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		write_head(out, rows[i].name, rows[i].type, rows[i].help);
		fprintf(out, "luytre_%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
	}
}

static void write_all(FILE *out, const struct edge *edge)
{
	write_head(out, "packets_total", "counter", "Packets by tenant and reason.");
	write_reason_values(out, edge, "packets_total", false);
	write_head(out, "bytes_total", "counter", "Bytes by tenant and reason.");
	write_reason_values(out, edge, "bytes_total", true);
	write_tenants(out, edge);
	write_head(out, "list_packets_total", "counter", "Packets dropped by list.");
	for (uint32_t i = 0; i < SHIELD_LISTS_MAX && lists_name(edge->config, i); i++) {
		struct shield_counter hits;

		stats_list(edge->maps, i, &hits);
		fprintf(out, "luytre_list_packets_total{list=\"%s\"} %llu\n", lists_name(edge->config, i),
			(unsigned long long)hits.packets);
	}
	for (uint32_t i = 0; i < SHIELD_EVENT_COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "table_%s_total", shield_table_event_name(i));
		write_head(out, name, "counter", shield_table_event_help(i));
		fprintf(out, "luytre_%s %llu\n", name, (unsigned long long)stats_event(edge->maps, i));
	}
	write_daemon(out, edge);
	edge_hub_write_metrics(out, edge);
}

static void close_reader(struct reader *reader)
{
	struct metrics *metrics = reader->metrics;

	for (size_t i = 0; i < READERS_MAX; i++)
		if (metrics->readers[i] == reader)
			metrics->readers[i] = NULL;
	loop_remove(metrics->edge->loop, reader->source);
	close(reader->fd);
	free(reader->text);
	free(reader);
}

static bool write_reply(struct reader *reader)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size), *reply;

	if (!out)
		return false;
	write_all(out, reader->metrics->edge);
	fclose(out);
	reply = open_memstream(&reader->text, &reader->size);
	if (reply) {
		fprintf(reply,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
			"Content-Length: %zu\r\nConnection: close\r\n\r\n",
			size);
		fwrite(body, 1, size, reply);
		fclose(reply);
	}
	free(body);
	return reader->text != NULL;
}

/* Never waits: who reads slowly is served as the socket takes it, and the loop goes on. */
static void on_reader(struct loop *loop, uint64_t events, void *context)
{
	struct reader *reader = context;
	char request[1024];
	ssize_t n;

	if (!reader->text) {
		n = recv(reader->fd, request, sizeof(request), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || !write_reply(reader) || loop_set_events(loop, reader->source, EPOLLOUT)) {
			close_reader(reader);
			return;
		}
	}
	while (reader->sent < reader->size) {
		n = send(reader->fd, reader->text + reader->sent, reader->size - reader->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		reader->sent += (size_t)n;
	}
	close_reader(reader);
}

/* Only loopback can connect. */
static void on_connect(struct loop *loop, uint64_t events, void *context)
{
	struct metrics *metrics = context;
	int fd = accept4(metrics->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct reader *reader = fd >= 0 ? calloc(1, sizeof(*reader)) : NULL;

	if (!reader) {
		if (fd >= 0)
			close(fd);
		return;
	}
	metrics->next = (metrics->next + 1) % READERS_MAX;
	if (metrics->readers[metrics->next])
		close_reader(metrics->readers[metrics->next]);
	reader->metrics = metrics;
	reader->fd = fd;
	if (loop_add_fd(loop, fd, EPOLLIN, on_reader, reader, &reader->source)) {
		close(fd);
		free(reader);
		return;
	}
	metrics->readers[metrics->next] = reader;
}

static int bind_address(int fd, const struct config_metrics *m)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(m->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(m->port) };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	memcpy(&v4.sin_addr, m->address.bytes, 4);
	memcpy(&v6.sin6_addr, m->address.bytes, 16);
	return m->address.family == IP_V4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
					  : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
}

int metrics_open(struct edge *edge, struct metrics **ret, char *why, size_t why_size)
{
	const struct config_metrics *m = &edge->config->metrics;
	struct metrics *metrics;

	if (!m->enabled)
		return 0;
	metrics = calloc(1, sizeof(*metrics));
	if (!metrics)
		return LUYTRE_E_NOMEM;
	metrics->edge = edge;
	metrics->fd =
		socket(m->address.family == IP_V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (metrics->fd < 0 || bind_address(metrics->fd, m) || listen(metrics->fd, 16) ||
		loop_add_fd(edge->loop, metrics->fd, EPOLLIN, on_connect, metrics, &metrics->source)) {
		snprintf(why, why_size,
			"cannot serve metrics on port %u: %s. Set `metrics` to another port, or to off.", m->port,
			strerror(errno));
		if (metrics->fd >= 0)
			close(metrics->fd);
		free(metrics);
		return LUYTRE_E_SYSTEM;
	}
	*ret = metrics;
	return 0;
}

void metrics_close(struct metrics *metrics)
{
	if (!metrics)
		return;
	for (size_t i = 0; i < READERS_MAX; i++)
		if (metrics->readers[i])
			close_reader(metrics->readers[i]);
	loop_remove(metrics->edge->loop, metrics->source);
	close(metrics->fd);
	free(metrics);
}
