// SPDX-License-Identifier: Apache-2.0
/* Which outputs there are and what each wants; the entrances of the worker. */
#include "sensor/output/eve.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/output/internal.h"

static const char *const record_names[EVE_RECORD_COUNT] = {
#define X(id, name) [EVE_##id] = name,
	EVE_RECORDS(X)
#undef X
};

bool eve_knows(const char *record)
{
	for (int i = 0; i < EVE_RECORD_COUNT; i++)
		if (!strcmp(record_names[i], record))
			return true;
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *app = app_protocol_at(i);
		const char *name = app->record ? app->record : app->event_type;

		if (name && !strcmp(name, record))
			return true;
	}
	return false;
}

/* The options of a record: below the item's name, or null when the item is a plain word. */
static void enable(struct eve_output *o, const struct conf_node *item)
{
	const struct conf_node *options = conf_item_options(item);
	const char *name = conf_item_name(item);
	bool enabled = conf_bool(options, "enabled", true);
	bool known = false;

	for (int i = 0; i < EVE_RECORD_COUNT; i++) {
		if (strcmp(record_names[i], name) != 0)
			continue;
		o->records[i] = enabled;
		o->options[i] = options;
		known = true;
	}
	for (unsigned int i = 0; i < app_protocol_count() && i < EVE_RECORDS_MAX; i++) {
		const struct app_protocol *app = app_protocol_at(i);

		const char *record = app->record ? app->record : app->event_type;

		if (record && strcmp(record, name) == 0) {
			o->app_records[i] = enabled;
			known = true;
		}
	}
	/* A suricata.yaml names records of what is not here; our own configuration should not. */
	if (!known && item->set && item->line)
		conf_complain(item, "there is no record \"%s\"", name);
	else if (!known)
		log_debug("eve-log: there is no record %s", name);
}

static void read_alert(struct eve_output *o)
{
	const struct conf_node *node = o->options[EVE_ALERT];
	struct eve_alert_options *a = &o->alert;
	enum conf_switch metadata = conf_switch(node, "metadata");
	bool all = metadata != CONF_NO;

	a->payload = conf_bool(node, "payload", false);
	a->payload_printable = conf_bool(node, "payload-printable", false);
	a->payload_length = conf_bool(node, "payload-length", false);
	a->packet = conf_bool(node, "packet", false);
	a->payload_size = (uint32_t)conf_size(node, "payload-buffer-size", 4096);
	a->http_body = conf_bool(node, "http-body", false);
	a->http_body_printable = conf_bool(node, "http-body-printable", false);
	a->tagged = conf_bool(node, "tagged-packets", true);
	a->verdict = conf_bool(node, "verdict", false);
	a->metadata = all;
	a->app = conf_bool(node, "metadata.app-layer", all);
	a->flow = conf_bool(node, "metadata.flow", all);
	a->rule_metadata = conf_bool(node, "metadata.rule.metadata", all);
	a->rule_raw = conf_bool(node, "metadata.rule.raw", false);
	/* Either place is in use. */
	a->rule_reference = conf_bool(node, "metadata.rule.reference", conf_bool(node, "reference", false));
}

static void read_options(struct eve_output *o)
{
	const struct conf_node *anomaly = o->options[EVE_ANOMALY], *drop = o->options[EVE_DROP];
	const struct conf_node *xff = conf_get(o->options[EVE_ALERT], "xff");

	read_alert(o);
	if (conf_switch(xff, "enabled") == CONF_ABSENT)
		xff = conf_get(o->node, "xff");
	o->xff.enabled = conf_bool(xff, "enabled", false);
	o->xff.overwrite = !strcmp(conf_text(xff, "mode", "extra-data"), "overwrite");
	o->xff.reverse = strcmp(conf_text(xff, "deployment", "reverse"), "forward") != 0;
	o->xff.header = conf_text(xff, "header", "X-Forwarded-For");
	/* Without "types", anomalies of applications are shown and the others are not; "types: {decode: no}" and so on. */
	o->anomaly_app = conf_bool(anomaly, "types.applayer", true);
	o->anomaly_decode = conf_bool(anomaly, "types.decode", false);
	o->anomaly_stream = conf_bool(anomaly, "types.stream", false);
	o->anomaly_packet_header = conf_bool(anomaly, "packethdr", false);
	o->drop_alerts = conf_bool(drop, "alerts", false);
	o->drop_flows_all = !strcmp(conf_text(drop, "flows", "start"), "all");
	o->drop_verdict = conf_bool(drop, "verdict", false);
	o->stats_totals = conf_bool(o->options[EVE_STATS], "totals", true);
	o->stats_deltas = conf_bool(o->options[EVE_STATS], "deltas", false);
	o->metadata = conf_bool(o->node, "metadata", true);
	o->community_id = conf_bool(o->node, "community-id", false);
	o->community_seed = (uint16_t)conf_u64_between(o->node, "community-id-seed", 0, 0, 65535);
	o->ethernet = conf_bool(o->node, "ethernet", false);
	o->pcap_file = conf_bool(o->node, "pcap-file", false);
	o->suricata_version = conf_bool(o->node, "suricata-version", false);
}

static int open_sink(const struct eve_sinks *sinks, struct eve_output *o)
{
	const char *type = conf_text(o->node, "filetype", "regular");
	const char *name = conf_text(o->node, "filename", "eve.json");
	struct sink_options options = {
		.append = conf_bool(o->node, "append", true),
		.rotate_interval_s = (uint32_t)conf_seconds(o->node, "rotate-interval", 0),
		.rotate_size = conf_size(o->node, "rotate-size", 0),
	};
	char path[4096];

	if (sinks->settings->eve_name && *sinks->settings->eve_name)
		name = sinks->settings->eve_name;
	if (!strcmp(type, "unix_stream"))
		options.kind = SINK_UNIX_STREAM;
	else if (!strcmp(type, "unix_dgram"))
		options.kind = SINK_UNIX_DGRAM;
	else if (strcmp(type, "regular") != 0 && strcmp(type, "file") != 0)
		log_warn("eve-log: filetype %s is not known here; writing a file", type);
	if (name[0] == '/')
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "%s/%s", sinks->settings->output_dir, name);
	return sink_open(path, &options, &o->sink);
}

static int add_output(struct eve_sinks *sinks, const struct conf_node *node)
{
	struct eve_output *o = &sinks->outputs[sinks->output_count];

	if (!conf_bool(node, "enabled", true))
		return 0;
	if (sinks->output_count == EVE_OUTPUTS_MAX) {
		log_error("%s:%u: more than %d eve-log outputs", node->file, node->line, EVE_OUTPUTS_MAX);
		return LUYTRE_E_FULL;
	}
	memset(o, 0, sizeof(*o));
	o->node = node;
	o->sensor_name = conf_text(sinks->settings->root, "sensor-name", NULL);
	CONF_FOR(item, conf_get(node, "types"))
	{
		enable(o, item);
	}
	read_options(o);
	for (unsigned int i = 0; i < sinks->output_count; i++)
		if (o->records[EVE_ANOMALY] && sinks->outputs[i].records[EVE_ANOMALY])
			conf_complain(node, "only one 'anomaly' logger can be enabled");
	sinks->output_count++;
	return open_sink(sinks, o);
}

int eve_sinks_open(const struct sensor_settings *settings, struct eve_sinks **ret)
{
	struct eve_sinks *sinks = calloc(1, sizeof(*sinks));
	int error = 0;

	if (!sinks)
		return LUYTRE_E_NOMEM;
	sinks->settings = settings;
	sinks->stats_interval_ns = conf_seconds(settings->root, "stats.interval", 8) * NS_PER_S;
	CONF_FOR(item, conf_get(settings->root, "outputs"))
	{
		if (!error && !strcmp(conf_item_name(item), "eve-log"))
			error = add_output(sinks, conf_item_options(item));
	}
	if (error) {
		eve_sinks_close(sinks);
		return error;
	}
	*ret = sinks;
	return 0;
}

void eve_sinks_close(struct eve_sinks *sinks)
{
	if (!sinks)
		return;
	for (unsigned int i = 0; i < sinks->output_count; i++)
		sink_close(sinks->outputs[i].sink);
	free(sinks);
}

void eve_sinks_reopen(struct eve_sinks *sinks)
{
	for (unsigned int i = 0; sinks && i < sinks->output_count; i++)
		sink_reopen(sinks->outputs[i].sink);
}

bool eve_sinks_have_sockets(const struct eve_sinks *sinks)
{
	for (unsigned int i = 0; sinks && i < sinks->output_count; i++)
		if (sink_is_socket(sinks->outputs[i].sink))
			return true;
	return false;
}

uint64_t eve_lost(const struct eve *eve)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < eve->sinks->output_count; i++)
		sum += sink_lost(eve->sinks->outputs[i].sink);
	return sum;
}

uint64_t eve_stats_interval(const struct eve_sinks *sinks)
{
	return sinks->settings->offline ? 0 : sinks->stats_interval_ns;
}

bool eve_shows_macs(const struct eve_sinks *sinks)
{
	for (unsigned int i = 0; i < sinks->output_count; i++)
		if (sinks->outputs[i].ethernet)
			return true;
	return false;
}

struct eve *eve_new(struct eve_sinks *sinks, struct worker *worker)
{
	struct eve *eve = calloc(1, sizeof(*eve));

	if (!eve)
		return NULL;
	eve->sinks = sinks;
	eve->worker = worker;
	jsonw_init(&eve->json, EVE_LINE_MAX);
	return eve;
}

void eve_free(struct eve *eve)
{
	if (!eve)
		return;
	jsonw_done(&eve->json);
	free(eve);
}

void eve_flush(struct eve *eve)
{
	for (unsigned int i = 0; eve && i < eve->sinks->output_count; i++)
		sink_flush(eve->sinks->outputs[i].sink);
}

bool eve_wants(const struct eve_sinks *sinks, const char *record)
{
	const struct app_protocol *app = app_protocol_find(record);

	for (unsigned int i = 0; sinks && i < sinks->output_count; i++) {
		const struct eve_output *o = &sinks->outputs[i];

		if (app && o->app_records[app_protocol_index(app)])
			return true;
		for (int r = 0; r < EVE_RECORD_COUNT; r++)
			if (o->records[r] && !strcmp(record_names[r], record))
				return true;
	}
	return false;
}

const struct conf_node *eve_option(const struct eve_sinks *sinks, const char *record, const char *option)
{
	for (unsigned int i = 0; sinks && i < sinks->output_count; i++) {
		CONF_FOR(item, conf_get(sinks->outputs[i].node, "types"))
		{
			const struct conf_node *found;

			if (strcmp(conf_item_name(item), record) != 0)
				continue;
			found = conf_get(conf_item_options(item), option);
			if (found)
				return found;
		}
	}
	return NULL;
}

void eve_packet(struct eve *eve, struct sensor_packet *packet)
{
	for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
		const struct eve_output *o = &eve->sinks->outputs[i];

		if (o->records[EVE_ALERT] && packet->alert_count)
			eve_alerts(eve, o, packet);
		if (o->records[EVE_ALERT] && o->alert.tagged && packet->flags & PKT_TAGGED)
			eve_tagged(eve, o, packet);
		if (o->records[EVE_ANOMALY] && packet->event_count)
			eve_packet_anomalies(eve, o, packet);
		if (o->records[EVE_ARP] && packet->has_arp)
			eve_arp(eve, o, packet);
		if (o->records[EVE_DROP] && (packet->action & ACTION_DROP))
			eve_drop(eve, o, packet);
		if (o->records[EVE_METADATA] && packet->flow && packet->flow->vars) {
			eve_head(eve, o, "metadata", packet->time_ns, packet, packet->flow, EVE_DIR_PACKET);
			eve_metadata(eve, packet, packet->flow);
			eve_end(eve, o);
		}
	}
	eve_frames(eve, packet);
}
