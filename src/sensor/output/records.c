// SPDX-License-Identifier: Apache-2.0
/* Events of flows, transactions, files, anomalies, ARP and counters. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sensor/app/engine.h"
#include "sensor/decode/events.h"
#include "sensor/files/file.h"
#include "sensor/output/internal.h"
#include "sensor/rules/policy.h"
#include "sensor/stream/stream.h"

void eve_app_proto(struct jsonw *json, const struct flow *flow)
{
	const struct app_conn *app = flow->app;
	const char *name, *ts, *tc;

	if (!app)
		return;
	name = app_conn_proto(app);
	ts = app_conn_proto_dir(app, TO_SERVER);
	tc = app_conn_proto_dir(app, TO_CLIENT);
	if (name)
		jsonw_kv_string(json, "app_proto", name);
	if (ts && name && strcmp(ts, name) != 0)
		jsonw_kv_string(json, "app_proto_ts", ts);
	if (tc && name && strcmp(tc, name) != 0)
		jsonw_kv_string(json, "app_proto_tc", tc);
	if (app->protocol_original && app->protocol_original != app->protocol)
		jsonw_kv_string(json, "app_proto_orig", app->protocol_original->name);
	if (app->protocol_expected && app->protocol_expected != app->protocol)
		jsonw_kv_string(json, "app_proto_expected", app->protocol_expected->name);
}

static void write_sides(struct jsonw *json, const struct flow *flow)
{
	char text[40];

	jsonw_kv_u64(json, "pkts_toserver", flow->side[TO_SERVER].packet_count);
	jsonw_kv_u64(json, "pkts_toclient", flow->side[TO_CLIENT].packet_count);
	jsonw_kv_u64(json, "bytes_toserver", flow->side[TO_SERVER].byte_count);
	jsonw_kv_u64(json, "bytes_toclient", flow->side[TO_CLIENT].byte_count);
	jsonw_kv_string(json, "start", eve_time(flow->start_ns, text));
}

void eve_flow_brief(struct jsonw *json, const struct flow *flow)
{
	bool ports = flow->protocol == 6 || flow->protocol == 17 || flow->protocol == 132;

	jsonw_kv_object_begin(json, "flow");
	write_sides(json, flow);
	eve_kv_addr(json, "src_ip", &flow->client);
	eve_kv_addr(json, "dest_ip", &flow->server);
	if (ports) {
		jsonw_kv_u64(json, "src_port", flow->client_port);
		jsonw_kv_u64(json, "dest_port", flow->server_port);
	}
	jsonw_object_end(json);
}

void eve_tcp_flags(struct jsonw *json, uint8_t flags)
{
	static const char *const names[8] = { "fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr" };

	for (int i = 0; i < 8; i++) {
		static const int order[8] = { 1, 0, 2, 3, 4, 5, 6, 7 };

		if (flags & 1 << order[i])
			jsonw_kv_bool(json, names[order[i]], true);
	}
}

static void kv_flags(struct jsonw *json, const char *key, uint8_t flags)
{
	static const char digits[] = "0123456789abcdef";

	jsonw_kv_string_bytes(json, key, bytes_of((char[]){ digits[flags >> 4], digits[flags & 15] }, 2));
}

static void write_tcp(struct jsonw *json, const struct flow *flow)
{
	struct stream_facts facts;
	uint8_t all;

	jsonw_kv_object_begin(json, "tcp");
	if (flow->tcp) {
		stream_facts(flow->tcp, &facts);
		all = facts.flags[TO_SERVER] | facts.flags[TO_CLIENT];
		kv_flags(json, "tcp_flags", all);
		kv_flags(json, "tcp_flags_ts", facts.flags[TO_SERVER]);
		kv_flags(json, "tcp_flags_tc", facts.flags[TO_CLIENT]);
		eve_tcp_flags(json, all);
		jsonw_kv_string(json, "state", facts.state_name);
		if (facts.gap[TO_SERVER])
			jsonw_kv_bool(json, "ts_gap", true);
		if (facts.gap[TO_CLIENT])
			jsonw_kv_bool(json, "tc_gap", true);
		jsonw_kv_u64(json, "ts_max_regions", facts.max_regions[TO_SERVER]);
		jsonw_kv_u64(json, "tc_max_regions", facts.max_regions[TO_CLIENT]);
		if (facts.urgent_count)
			jsonw_kv_u64(json, "urg_count", facts.urgent_count);
	} else {
		kv_flags(json, "tcp_flags", 0);
		kv_flags(json, "tcp_flags_ts", 0);
		kv_flags(json, "tcp_flags_tc", 0);
	}
	jsonw_object_end(json);
}

static void write_exceptions(struct jsonw *json, const struct flow *flow)
{
	static const char *const targets[EXCEPTION_TARGET_COUNT] = {
#define X(id, name) [EXCEPTION_TARGET_##id] = name,
		EXCEPTION_TARGETS(X)
#undef X
	};
	static const char *const policies[EXCEPTION_COUNT] = {
#define X(id, name) [EXCEPTION_##id] = name,
		EXCEPTION_POLICIES(X)
#undef X
	};

	if (!flow->exception_seen)
		return;
	jsonw_kv_array_begin(json, "exception_policy");
	for (int i = 0; i < EXCEPTION_TARGET_COUNT; i++) {
		if (!(flow->exception_seen & 1 << i))
			continue;
		jsonw_object_begin(json);
		jsonw_kv_string(json, "target", targets[i]);
		jsonw_kv_string(json, "policy", policies[flow->exception_policy[i]]);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static const char *flow_state_name(const struct flow *flow)
{
	static const char *const names[] = { "new", "established", "closed", "bypassed", "bypassed" };

	return names[flow->state];
}

static const char *flow_reason_name(const struct flow *flow)
{
	static const char *const names[] = { "unknown", "timeout", "forced", "shutdown", "tcp_reuse" };

	return names[flow->end_reason];
}

static uint64_t flow_age_s(const struct flow *flow)
{
	return flow->last_ns / NS_PER_S - flow->start_ns / NS_PER_S;
}

static void write_bypassed(struct jsonw *json, const struct flow *flow)
{
	if (flow->state != FLOW_BYPASSED_LOCAL && flow->state != FLOW_BYPASSED_CAPTURE)
		return;
	jsonw_kv_object_begin(json, "bypassed");
	jsonw_kv_u64(json, "pkts_toserver", flow->bypassed_packets[TO_SERVER]);
	jsonw_kv_u64(json, "pkts_toclient", flow->bypassed_packets[TO_CLIENT]);
	jsonw_kv_u64(json, "bytes_toserver", flow->bypassed_bytes[TO_SERVER]);
	jsonw_kv_u64(json, "bytes_toclient", flow->bypassed_bytes[TO_CLIENT]);
	jsonw_object_end(json);
	jsonw_kv_string(json, "bypass", flow->state == FLOW_BYPASSED_LOCAL ? "local" : "capture");
}

static void one_flow(struct eve *eve, const struct eve_output *o, struct flow *flow, uint64_t now_ns)
{
	struct jsonw *json = &eve->json;
	char text[40];

	eve_head(eve, o, "flow", now_ns, NULL, flow, EVE_DIR_FLOW);
	eve_app_proto(json, flow);
	jsonw_kv_object_begin(json, "flow");
	write_sides(json, flow);
	jsonw_kv_string(json, "end", eve_time(flow->last_ns, text));
	jsonw_kv_u64(json, "age", flow_age_s(flow));
	write_bypassed(json, flow);
	jsonw_kv_string(json, "state", flow_state_name(flow));
	jsonw_kv_string(json, "reason", flow_reason_name(flow));
	jsonw_kv_bool(json, "alerted", flow->flags & FLOW_ALERTED);
	if (flow->flags & FLOW_DROP)
		jsonw_kv_string(json, "action", "drop");
	else if (flow->flags & FLOW_ACCEPT)
		jsonw_kv_string(json, "action", "accept");
	else if (flow->flags & FLOW_PASS)
		jsonw_kv_string(json, "action", "pass");
	write_exceptions(json, flow);
	if (flow->app && flow->app->protocol)
		jsonw_kv_u64(json, "tx_cnt", flow->app->tx_count);
	jsonw_object_end(json);
	if (o->metadata)
		eve_metadata(eve, NULL, flow);
	if (flow->protocol == 6)
		write_tcp(json, flow);
	eve_end(eve, o);
}

static void one_netflow(
	struct eve *eve, const struct eve_output *o, struct flow *flow, uint64_t now_ns, enum sensor_dir dir)
{
	struct jsonw *json = &eve->json;
	struct stream_facts facts;
	char text[40];

	eve_head(eve, o, "netflow", now_ns, NULL, flow, dir == TO_SERVER ? EVE_DIR_TO_SERVER : EVE_DIR_TO_CLIENT);
	eve_app_proto(json, flow);
	jsonw_kv_object_begin(json, "netflow");
	jsonw_kv_u64(json, "pkts", flow->side[dir].packet_count);
	jsonw_kv_u64(json, "bytes", flow->side[dir].byte_count);
	jsonw_kv_string(json, "start", eve_time(flow->start_ns, text));
	jsonw_kv_string(json, "end", eve_time(flow->last_ns, text));
	jsonw_kv_u64(json, "age", flow_age_s(flow));
	jsonw_kv_u64(json, "min_ttl", flow->ttl_min[dir]);
	jsonw_kv_u64(json, "max_ttl", flow->ttl_max[dir]);
	if (flow->app && flow->app->protocol)
		jsonw_kv_u64(json, "tx_cnt", flow->app->tx_count);
	jsonw_object_end(json);
	if (o->metadata)
		eve_metadata(eve, NULL, flow);
	if (flow->protocol == 6 && flow->tcp) {
		stream_facts(flow->tcp, &facts);
		jsonw_kv_object_begin(json, "tcp");
		kv_flags(json, "tcp_flags", facts.flags[dir]);
		eve_tcp_flags(json, facts.flags[dir]);
		jsonw_object_end(json);
	}
	eve_end(eve, o);
}

void eve_flow(struct eve *eve, struct flow *flow, uint64_t now_ns)
{
	for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
		const struct eve_output *o = &eve->sinks->outputs[i];

		if (o->records[EVE_FLOW])
			one_flow(eve, o, flow, now_ns);
		if (o->records[EVE_NETFLOW]) {
			one_netflow(eve, o, flow, now_ns, TO_SERVER);
			if (flow->side[TO_CLIENT].packet_count)
				one_netflow(eve, o, flow, now_ns, TO_CLIENT);
		}
	}
}

static void write_object(
	struct jsonw *json, const struct app_protocol *protocol, const struct flow *flow, struct app_tx *tx, bool alert)
{
	struct jsonw mark = *json;

	if (protocol->log_top) {
		if (!protocol->log_top(tx, flow, alert, json))
			jsonw_rewind(json, &mark);
		return;
	}
	if (!protocol->log || !protocol->log_key)
		return;
	jsonw_kv_object_begin(json, protocol->log_key);
	if (protocol->log(tx, flow, alert, json))
		jsonw_object_end(json);
	else
		jsonw_rewind(json, &mark);
}

void eve_app_object(struct eve *eve, const struct flow *flow, struct app_conn *app, struct app_tx *tx, bool alert)
{
	if (app->protocol)
		write_object(&eve->json, app->protocol, flow, tx, alert);
}

/* Records of one message (a DNS answer) show it from its sender to its receiver, those of an exchange from the client. */
static enum eve_direction direction_of(const struct app_tx *tx)
{
	if (tx->protocol->log_source)
		return tx->protocol->log_source(tx, tx->conn->log_options) == TO_CLIENT ? EVE_DIR_TO_CLIENT
											: EVE_DIR_FLOW;
	return tx->dirs_skip == DIR_TO_SERVER ? EVE_DIR_TO_CLIENT : EVE_DIR_FLOW;
}

static void write_tx(struct eve *eve, struct sensor_packet *packet, struct flow *flow,
	const struct app_protocol *protocol, struct app_tx *tx)
{
	unsigned int index = app_protocol_index(protocol);

	if (!protocol->event_type || tx->skip_logs || index >= EVE_RECORDS_MAX)
		return;
	for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
		const struct eve_output *o = &eve->sinks->outputs[i];
		struct jsonw *json = &eve->json;
		size_t before;

		if (!o->app_records[index])
			continue;
		eve_head(eve, o, protocol->event_type, packet->time_ns, packet, flow, direction_of(tx));
		if (o->metadata)
			eve_metadata(eve, packet, flow);
		jsonw_kv_u64(json, "tx_id", tx->id);
		before = json->size;
		write_object(json, protocol, flow, tx, false);
		if (json->size == before) {
			jsonw_reset(json);
			continue;
		}
		eve_end(eve, o);
	}
}

void eve_tx(struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_conn *app, struct app_tx *tx)
{
	if (app->protocol->carrier)
		write_tx(eve, packet, flow, app->protocol->carrier, tx);
	write_tx(eve, packet, flow, app->protocol, tx);
}

static void write_file(struct jsonw *json, struct worker *worker, struct file *file, bool magic)
{
	if (file->name.size || file->flags & FILE_NAMED)
		jsonw_kv_string_bytes(json, "filename", file->name);
	if (file->sid_count) {
		jsonw_kv_array_begin(json, "sid");
		for (uint32_t i = 0; i < file->sid_count && i < ARRAY_COUNT(file->sids); i++)
			jsonw_u64(json, file->sids[i]);
		jsonw_array_end(json);
	}
	if (magic)
		file_magic(worker, file);
	if (file->magic.size)
		jsonw_kv_string_bytes(json, "magic", file->magic);
	jsonw_kv_bool(json, "gaps", file->flags & FILE_GAPS);
	jsonw_kv_string(json, "state", file_state_name(file));
	if (file->has_md5)
		eve_kv_hex(json, "md5", bytes_of(file->md5, sizeof(file->md5)));
	if (file->has_sha1)
		eve_kv_hex(json, "sha1", bytes_of(file->sha1, sizeof(file->sha1)));
	if (file->has_sha256)
		eve_kv_hex(json, "sha256", bytes_of(file->sha256, sizeof(file->sha256)));
	jsonw_kv_bool(json, "stored", file->flags & FILE_STORED);
	if (file->flags & FILE_STORED)
		jsonw_kv_u64(json, "file_id", file->id);
	jsonw_kv_u64(json, "size", file->size);
	if (file->flags & FILE_RANGE) {
		jsonw_kv_u64(json, "start", file->range_start);
		jsonw_kv_u64(json, "end", file->range_end);
	}
}

static void one_file(struct eve *eve, const struct eve_output *o, struct sensor_packet *packet, struct flow *flow,
	struct app_tx *tx, struct file *file, enum sensor_dir dir)
{
	struct jsonw *json = &eve->json;

	eve_head(eve, o, "fileinfo", packet->time_ns, packet, flow,
		dir == TO_SERVER ? EVE_DIR_TO_SERVER : EVE_DIR_TO_CLIENT);
	if (o->metadata)
		eve_metadata(eve, packet, flow);
	if (tx)
		eve_app_object(eve, flow, flow->app, tx, true);
	eve_app_proto(json, flow);
	jsonw_kv_object_begin(json, "fileinfo");
	write_file(json, eve->worker, file, conf_bool(o->options[EVE_FILES], "force-magic", false));
	if (tx)
		jsonw_kv_u64(json, "tx_id", tx->id);
	jsonw_object_end(json);
}

void eve_file(struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_tx *tx, struct file *file,
	enum sensor_dir dir)
{
	for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
		const struct eve_output *o = &eve->sinks->outputs[i];

		if (!o->records[EVE_FILES])
			continue;
		one_file(eve, o, packet, flow, tx, file, dir);
		eve_end(eve, o);
	}
	if (file->flags & FILE_STORED && files_write_info_wanted(eve->worker->files) && eve->sinks->output_count) {
		struct bytes text;

		one_file(eve, &eve->sinks->outputs[0], packet, flow, tx, file, dir);
		jsonw_object_end(&eve->json);
		if (jsonw_text(&eve->json, &text) == 0)
			files_write_info(eve->worker->files, file, packet->time_ns, text);
		jsonw_reset(&eve->json);
	}
}

/* Files of the transaction that were not told of before. */
void eve_files_array(struct eve *eve, struct app_tx *tx)
{
	struct jsonw *json = &eve->json;
	bool open = false;

	for (int dir = 0; dir < SENSOR_DIRS; dir++) {
		for (struct file *file = tx->files[dir] ? tx->files[dir]->first : NULL; file; file = file->next) {
			if (file->flags & FILE_LOGGED)
				continue;
			if (!open)
				jsonw_kv_array_begin(json, "files");
			open = true;
			jsonw_object_begin(json);
			write_file(json, eve->worker, file, false);
			jsonw_kv_u64(json, "tx_id", tx->id);
			jsonw_object_end(json);
		}
	}
	if (open)
		jsonw_array_end(json);
}

static void anomaly_end(struct eve *eve, const struct eve_output *o, const char *type, const char *event,
	const char *layer, const struct flow *flow)
{
	struct jsonw *json = &eve->json;

	if (layer && flow)
		eve_app_proto(json, flow);
	jsonw_kv_object_begin(json, "anomaly");
	if (layer && flow && flow->app && flow->app->protocol)
		jsonw_kv_string(json, "app_proto", flow->app->protocol->name);
	jsonw_kv_string(json, "type", type);
	jsonw_kv_string(json, "event", event);
	if (layer)
		jsonw_kv_string(json, "layer", layer);
	jsonw_object_end(json);
	eve_end(eve, o);
}

void eve_packet_anomalies(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet)
{
	for (uint8_t i = 0; i < packet->event_count; i++) {
		bool is_stream = event_is_stream(packet->events[i]);

		if (is_stream ? !output->anomaly_stream : !output->anomaly_decode)
			continue;
		eve_head(eve, output, "anomaly", packet->time_ns, packet, packet->flow, EVE_DIR_PACKET);
		if (output->anomaly_packet_header && !is_stream) {
			eve_kv_base64(&eve->json, "packet", bytes_first(packet->frame, 32));
			jsonw_kv_object_begin(&eve->json, "packet_info");
			jsonw_kv_u64(&eve->json, "linktype", packet->linktype);
			jsonw_object_end(&eve->json);
		}
		if (output->metadata && packet->flow)
			eve_metadata(eve, packet, packet->flow);
		anomaly_end(
			eve, output, is_stream ? "stream" : "decode", event_eve_name(packet->events[i]), NULL, NULL);
	}
}

/* Events in capitals where the protocol's records have them so. */
static const char *event_text(const char *name, bool upper, char text[80])
{
	size_t i;

	for (i = 0; i < 79 && name[i]; i++)
		text[i] = upper && name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
	text[i] = '\0';
	return text;
}

void eve_app_anomalies(
	struct eve *eve, struct sensor_packet *packet, struct flow *flow, struct app_conn *app, struct app_tx *tx)
{
	const uint8_t *events = tx ? tx->events : app->conn_events;
	uint8_t count = tx ? tx->event_count : app->conn_event_count;
	uint8_t *logged = tx ? &tx->events_logged : &app->conn_events_logged;
	char text[80];

	for (; *logged < count; (*logged)++) {
		uint8_t event = events[*logged];
		const char *name = tx ? app->protocol->events[event].name : app_layer_event_name(event);
		bool upper = !tx || app->protocol->events_upper_case;

		for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
			const struct eve_output *o = &eve->sinks->outputs[i];

			if (!o->records[EVE_ANOMALY] || !o->anomaly_app)
				continue;
			eve_head(eve, o, "anomaly", packet->time_ns, packet, flow, EVE_DIR_PACKET);
			if (tx)
				jsonw_kv_u64(&eve->json, "tx_id", tx->id);
			anomaly_end(eve, o, "applayer", event_text(name, upper, text),
				tx ? "proto_parser" : "proto_detect", flow);
		}
	}
}

/* RFC 826. */
void eve_arp(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet)
{
	static const char *const opcodes[] = { NULL, "request", "reply", "request_reverse", "reply_reverse", NULL, NULL,
		NULL, "request_inverse", "reply_inverse" };
	const uint8_t *arp = packet->arp.ptr;
	struct jsonw *json = &eve->json;
	struct ip_addr addr;
	uint16_t opcode;

	if (packet->arp.size < 28)
		return;
	opcode = (uint16_t)(arp[6] << 8 | arp[7]);
	eve_head(eve, output, "arp", packet->time_ns, packet, NULL, EVE_DIR_PACKET);
	jsonw_kv_object_begin(json, "arp");
	jsonw_kv_string(json, "hw_type", "ethernet");
	jsonw_kv_string(json, "proto_type", "ipv4");
	jsonw_kv_string(json, "opcode", opcode < ARRAY_COUNT(opcodes) && opcodes[opcode] ? opcodes[opcode] : "unknown");
	eve_kv_mac(json, "src_mac", arp + 8);
	addr = ip_addr_v4(arp + 14);
	eve_kv_addr(json, "src_ip", &addr);
	eve_kv_mac(json, "dest_mac", arp + 18);
	addr = ip_addr_v4(arp + 24);
	eve_kv_addr(json, "dest_ip", &addr);
	jsonw_object_end(json);
	eve_end(eve, output);
}

/* "detect.engines": what was loaded. */
static void write_engines(void *context, const char *path, struct jsonw *json)
{
	const struct eve *eve = context;
	const struct policy *policy = eve->worker->policy;

	if (strcmp(path, "detect") != 0 || !policy)
		return;
	jsonw_kv_array_begin(json, "engines");
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "id", 0);
	jsonw_kv_u64(json, "rules_loaded", policy->loaded_count);
	jsonw_kv_u64(json, "rules_failed", policy->failed_count);
	jsonw_kv_u64(json, "rules_skipped", policy->skipped_count);
	jsonw_object_end(json);
	jsonw_array_end(json);
}

void eve_stats(struct eve *eve, uint64_t now_ns, const uint64_t *counters, uint64_t start_ns)
{
	for (unsigned int i = 0; i < eve->sinks->output_count; i++) {
		const struct eve_output *o = &eve->sinks->outputs[i];
		struct jsonw *json = &eve->json;

		if (!o->records[EVE_STATS])
			continue;
		eve_head(eve, o, "stats", now_ns, NULL, NULL, EVE_DIR_FLOW);
		jsonw_kv_object_begin(json, "stats");
		jsonw_kv_u64(json, "uptime", clock_since_ns(now_ns, start_ns) / NS_PER_S);
		stats_write(counters, write_engines, eve, json);
		jsonw_object_end(json);
		eve_end(eve, o);
	}
}
