// SPDX-License-Identifier: Apache-2.0
/* The daemon's end of the link to the hub (src/edge/link): puts the hub's decisions into the shield, says when they stand, and tells of
 * dropped packets. Never waits: what the link cannot take now is counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/internal.h"
#include "edge/link/link.h"
#include "edge/link/message.h"
#include "edge/policy.h"
#include "edge/stats.h"
#include "packet/parse.h"
#include "shield/emulate.h"

enum {
	MESSAGES_AT_ONCE = 256,
	SHIELD_EVERY_S = 10,
	UNSEEN_MIN = 1000, /* packets at the interface while the shield counts none: it does not see them */
};

struct edge_hub {
	int fd;
	struct loop_source *source;
	bool bulk; /* the whole list is being collected */
	bool changed; /* since it was saved */
	uint32_t refused; /* since the last answer */
	uint64_t refused_total, drops_lost, restarts;
	struct link_message out; /* drops */
	struct link_figures figures; /* what the link said last */
	/* For what is told every few seconds: as of the last time. */
	uint64_t told_ns, interface_packets, shield_packets;
	uint64_t reloads, reload_failures; /* failures up to the last reload that was taken */
	uint64_t refused_before; /* decisions refused before the whole list was given */
};

/* ---- Decisions ---- */

static void count_refusal(struct edge *edge, int error)
{
	if (!error || error == LUYTRE_E_NOT_FOUND || error == LUYTRE_E_RANGE)
		return;
	edge->hub->refused++;
	edge->hub->refused_total++;
	log_limited(clock_mono_ns(), LOG_LEVEL_WARN, "a decision of the hub was not taken: %s",
		error_text(error, LUYTRE_LANG_EN));
}

static void change_one(struct edge *edge, const struct link_change *change, uint16_t slot)
{
	struct clock now = clock_now();
	int64_t left_us = change->until_us - (int64_t)(now.real_ns / NS_PER_US);
	struct decision decision = { .prefix = change->prefix,
		.tenant = slot,
		.action = SHIELD_ACTION_BLOCK,
		.list = change->list == LINK_LIST_EDGE ? LISTS_EDGE : LISTS_HUB };
	int error;

	if (change->op == DELTA_LIFT) {
		count_refusal(edge, decisions_remove(edge->decisions, &decision, now.mono_ns));
		return;
	}
	if (left_us <= 0)
		return;
	decision.expiry_ns = now.mono_ns + (uint64_t)left_us * NS_PER_US;
	snprintf(decision.reason, sizeof(decision.reason), "%.*s", DELTA_REASON_SIZE - 1, change->reason);
	error = edge->hub->bulk && decision.list == LISTS_HUB ? decisions_put(edge->decisions, &decision)
							      : decisions_add(edge->decisions, &decision, now.mono_ns);
	count_refusal(edge, error);
}

/* A decision for one organisation alone is for those of its tenants that are here; never for others. */
static void change_for_tenants(struct edge *edge, const struct link_change *change)
{
	if (!change->tenant) {
		change_one(edge, change, SHIELD_TENANT_UNMAPPED);
		return;
	}
	for (size_t i = 0; i < edge->config->tenant_count; i++)
		if (edge->config->tenants[i].hub_id == change->tenant)
			change_one(edge, change, (uint16_t)policy_slot(edge->policy, edge->config->tenants[i].name));
}

static void on_changes(struct edge *edge, const struct link_message *message)
{
	for (uint32_t i = 0; i < message->count; i++)
		change_for_tenants(edge, &message->changes[i]);
	edge->hub->changed = true;
}

static void answer(struct edge *edge, const struct link_message *asked, int result)
{
	struct link_message reply = { .kind = LINK_STANDS,
		.result = result,
		.refused = edge->hub->refused,
		.epoch = asked->epoch,
		.token = asked->token };

	edge->hub->refused = 0;
	/* A link that reads nothing has ended, or asks again. */
	(void)!send(edge->hub->fd, &reply, link_message_size(&reply), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void begin(struct edge *edge)
{
	edge->hub->bulk = !decisions_begin(edge->decisions, LISTS_HUB, clock_mono_ns());
	edge->hub->refused_before = edge->hub->refused_total;
}

static int commit(struct edge *edge)
{
	int error = edge->hub->bulk ? decisions_commit(edge->decisions, clock_mono_ns()) : LUYTRE_E_BUSY;

	edge->hub->bulk = false;
	edge->hub->changed = true;
	return error;
}

static void tell_policy(struct edge *edge)
{
	struct link_message message = { .kind = LINK_POLICY_STANDS };

	edge_policy_say(edge, &message.policy);
	(void)!send(edge->hub->fd, &message, link_message_size(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_message(struct edge *edge, const struct link_message *message)
{
	switch (message->kind) {
	case LINK_HELLO:
		edge->hub->restarts++;
		if (edge->hub->bulk)
			decisions_abort(edge->decisions);
		edge->hub->bulk = false;
		tell_policy(edge);
		break;
	case LINK_POLICY:
		edge_policy_take(edge, message->token);
		tell_policy(edge);
		break;
	case LINK_BEGIN:
		begin(edge);
		break;
	case LINK_CHANGES:
		on_changes(edge, message);
		break;
	case LINK_COMMIT:
		answer(edge, message, commit(edge));
		break;
	case LINK_VOID:
		begin(edge);
		if (commit(edge))
			log_error("the hub's decisions could not be lifted at once");
		break;
	case LINK_SYNC:
		answer(edge, message, 0);
		break;
	case LINK_STATUS:
		edge->hub->figures = message->figures;
		break;
	default:
		break;
	}
}

static void on_link(struct loop *loop, uint64_t events, void *context)
{
	struct edge *edge = context;
	struct link_message message;

	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		ssize_t size = recv(edge->hub->fd, &message, sizeof(message), MSG_DONTWAIT);

		if (size < 0)
			return;
		if (size == 0) { /* even the keeper is gone: nobody will come back */
			log_error("the link to the hub is gone; the shield goes on without");
			loop_remove(loop, edge->hub->source);
			edge->hub->source = NULL;
			return;
		}
		if (link_message_is_whole(&message, (size_t)size))
			on_message(edge, &message);
	}
}

/* ---- Drops ---- */

static void send_drops(struct edge_hub *hub)
{
	if (!hub->out.count)
		return;
	hub->out.kind = LINK_DROPS;
	if (send(hub->fd, &hub->out, link_message_size(&hub->out), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		hub->drops_lost += hub->out.count;
	hub->out.count = 0;
}

static struct ip_addr addr_of(const struct packet *packet, const struct packet_addr *addr)
{
	return packet->family == IP_V4 ? ip_addr_v4(addr->byte) : ip_addr_v6(addr->byte);
}

void edge_hub_sample(struct edge *edge, const struct shield_sample *sample)
{
	struct edge_hub *hub = edge->hub;
	struct packet packet;
	struct link_drop *drop;
	const char *name;

	if (!hub || !hub->source || sample->reason >= SHIELD_REASON_COUNT ||
		shield_reason_verdict(sample->reason) != SHIELD_DROP)
		return;
	packet_parse_part(sample->data, sample->data + sample->data_size, sample->frame_size, &packet);
	if (!packet.family)
		return;
	drop = &hub->out.drops[hub->out.count++];
	*drop = (struct link_drop){ .src = addr_of(&packet, &packet.src),
		.dst = addr_of(&packet, &packet.dst),
		.reason = sample->reason,
		.protocol = packet.protocol,
		.shadow = sample->shadow,
		.packets = sample->weight ? sample->weight : 1 };
	drop->bytes = drop->packets * sample->frame_size;
	name = policy_name(edge->policy, sample->tenant);
	snprintf(drop->tenant, sizeof(drop->tenant), "%s", name ? name : "");
	if (hub->out.count == LINK_RECORDS_MAX)
		send_drops(hub);
}

/* ---- What the shield has counted ---- */

/* Packets that the interface has taken in; 0 where the system does not say (other namespaces). */
static uint64_t interface_packets(const struct edge *edge)
{
	char path[128];
	unsigned long long packets = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%.32s/statistics/rx_packets", edge->config->interface);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &packets) != 1)
		packets = 0;
	fclose(file);
	return packets;
}

static uint64_t sum_shield(const struct edge *edge, struct link_shield *shield)
{
	uint32_t slots = policy_slot_count(edge->policy);
	uint64_t packets = 0;

	for (uint32_t slot = 0; slot < slots; slot++)
		for (uint32_t i = 1; i < SHIELD_REASON_COUNT; i++) {
			struct stats_reason r;

			stats_reason(edge->maps, slot, i, &r);
			shield->reasons[i].packets += r.enforced.packets;
			shield->reasons[i].bytes += r.enforced.bytes;
			shield->reasons[i].shadow_packets += r.shadow.packets;
			shield->reasons[i].shadow_bytes += r.shadow.bytes;
			packets += r.enforced.packets + r.shadow.packets;
		}
	return packets;
}

static uint32_t drift_of(struct edge *edge)
{
	struct edge_hub *hub = edge->hub;
	uint32_t drift = 0;

	if (edge->reloads != hub->reloads)
		hub->reload_failures = edge->reload_failures;
	hub->reloads = edge->reloads;
	if (edge->reload_failures > hub->reload_failures)
		drift |= 1U << LINK_DRIFT_CONFIGURATION;
	if (hub->refused_total > hub->refused_before)
		drift |= 1U << LINK_DRIFT_DECISIONS;
	if (hub->figures.table_full)
		drift |= 1U << LINK_DRIFT_TABLE;
	return drift | edge_policy_drift(edge);
}

static void tell_shield(struct edge *edge, uint64_t now_ns)
{
	struct edge_hub *hub = edge->hub;
	struct link_message message = { .kind = LINK_SHIELD };
	uint64_t arrived, at_interface;

	if (hub->told_ns && clock_since_ns(now_ns, hub->told_ns) < SHIELD_EVERY_S * NS_PER_S)
		return;
	arrived = sum_shield(edge, &message.shield);
	at_interface = interface_packets(edge);
	message.shield.drift = drift_of(edge);
	edge_policy_say_holds(edge, &message.shield.holds);
	message.shield.failing_open = hub->told_ns && arrived == hub->shield_packets &&
				      at_interface > hub->interface_packets &&
				      at_interface - hub->interface_packets >= UNSEEN_MIN;
	hub->told_ns = now_ns;
	hub->shield_packets = arrived;
	hub->interface_packets = at_interface;
	/* The next one says it all again. */
	(void)!send(hub->fd, &message, link_message_size(&message), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void edge_hub_tick(struct edge *edge)
{
	if (!edge->hub || !edge->hub->source)
		return;
	send_drops(edge->hub);
	tell_shield(edge, clock_mono_ns());
}

/* ---- Life ---- */

int edge_hub_fork(struct edge *edge, char *why, size_t why_size)
{
	int error;

	if (!edge->config->hub.enabled)
		return 0;
	edge->hub = calloc(1, sizeof(*edge->hub));
	if (!edge->hub)
		return LUYTRE_E_NOMEM;
	error = link_start(edge->config, edge->options.sandbox, &edge->hub->fd);
	if (error) {
		snprintf(why, why_size, "the link to the hub cannot be started: %s", strerror(errno));
		free(edge->hub);
		edge->hub = NULL;
	}
	return error;
}

int edge_hub_bind(struct edge *edge)
{
	return edge->hub ? loop_add_fd(edge->loop, edge->hub->fd, EPOLLIN, on_link, edge, &edge->hub->source) : 0;
}

void edge_hub_close(struct edge *edge)
{
	if (!edge->hub)
		return;
	edge_hub_tick(edge);
	loop_remove(edge->loop, edge->hub->source);
	close(edge->hub->fd); /* which the link takes for its end */
	free(edge->hub);
	edge->hub = NULL;
}

void edge_hub_reloading(struct edge *edge)
{
	if (edge->hub)
		edge->hub->bulk = false;
}

bool edge_hub_unsaved(struct edge *edge)
{
	bool changed = edge->hub && edge->hub->changed;

	if (changed)
		edge->hub->changed = false;
	return changed;
}

void edge_hub_write_holds(const struct edge *edge, struct jsonw *out)
{
	const struct edge_hub *hub = edge->hub;
	struct link_holds holds;

	if (!hub)
		return;
	edge_policy_say_holds(edge, &holds);
	jsonw_kv_object_begin(out, "holds");
	jsonw_kv_i64(out, "stamp", holds.stamp);
	jsonw_kv_u64(out, "wanted", holds.wanted);
	jsonw_kv_string(out, "problem", holds.why[0] ? holds.why : NULL);
	jsonw_kv_u64(out, "standing", hub->figures.holds_standing);
	jsonw_kv_u64(out, "gates", hub->figures.gates);
	jsonw_kv_u64(out, "gates_stamp", hub->figures.holds_stamp);
	jsonw_object_end(out);
}

void edge_hub_write_policy(const struct edge *edge, struct jsonw *out)
{
	const struct edge_hub *hub = edge->hub;
	struct link_policy policy;

	if (!hub)
		return;
	edge_policy_say(edge, &policy);
	jsonw_kv_object_begin(out, "policy");
	jsonw_kv_u64(out, "stands", policy.stands);
	jsonw_kv_u64(out, "failed", policy.failed);
	jsonw_kv_string(out, "problem", policy.why[0] ? policy.why : NULL);
	jsonw_kv_u64(out, "edge_only", hub->figures.edge_only);
	jsonw_kv_bool(out, "edge_only_unknown", hub->figures.edge_only_unknown);
	jsonw_kv_u64(out, "content_removed", hub->figures.content_removed);
	jsonw_kv_u64(out, "edge_only_opened", hub->figures.edge_only_opened);
	jsonw_kv_u64(out, "edge_only_open", hub->figures.edge_only_open);
	jsonw_object_end(out);
}

void edge_hub_write_metrics(FILE *out, const struct edge *edge)
{
	const struct edge_hub *hub = edge->hub;
	struct link_holds holds;

	if (!hub)
		return;
	edge_policy_say_holds(edge, &holds);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
#define X(field, type, name, help) { name, type, help, hub->figures.field },
		LINK_FIGURES(X)
#undef X
			{ "hub_untaken_total", "counter", "Decisions of the hub that the shield refused.",
				hub->refused_total },
		{ "hub_drops_lost_total", "counter", "Sampled drops that the link could not take.", hub->drops_lost },
		{ "hub_links_total", "counter", "Starts of the link.", hub->restarts },
		{ "hub_holds_wanted", "gauge", "Holds that the hub wants here.", holds.wanted },
		{ "hub_holds_written", "gauge", "1 while the web server has been given them.", !holds.why[0] },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		fprintf(out, "# HELP luytre_%s %s\n# TYPE luytre_%s %s\nluytre_%s %llu\n", rows[i].name, rows[i].help,
			rows[i].name, rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
}
