// SPDX-License-Identifier: Apache-2.0
/* Alerts and drops. */
#include <stdlib.h>
#include <string.h>

#include "sensor/app/frames.h"
#include "sensor/decode/decode.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/dataset.h"
#include "sensor/output/internal.h"
#include "sensor/rules/rule.h"
#include "sensor/stream/stream.h"

static void write_rule_metadata(struct jsonw *json, const struct rule *rule)
{
	if (!rule->metadata)
		return;
	jsonw_kv_object_begin(json, "metadata");
	for (const struct rule_metadata *m = rule->metadata; m; m = m->next) {
		bool first = true;

		for (const struct rule_metadata *before = rule->metadata; before != m && first; before = before->next)
			first = strcmp(before->key, m->key) != 0;
		if (!first)
			continue;
		jsonw_kv_array_begin(json, m->key);
		for (const struct rule_metadata *same = m; same; same = same->next)
			if (!strcmp(same->key, m->key))
				jsonw_string(json, same->value);
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

static void write_references(struct jsonw *json, const struct rule *rule)
{
	if (!rule->references)
		return;
	jsonw_kv_array_begin(json, "references");
	for (const struct rule_reference *r = rule->references; r; r = r->next) {
		jsonw_string(json, r->url ? r->url : r->value);
	}
	jsonw_array_end(json);
}

static void write_end(struct jsonw *json, const char *key, const struct ip_addr *addr, uint16_t port, bool has_port)
{
	jsonw_kv_object_begin(json, key);
	eve_kv_addr(json, "ip", addr);
	if (has_port)
		jsonw_kv_u64(json, "port", port);
	jsonw_object_end(json);
}

static void write_target(struct jsonw *json, const struct sensor_packet *packet, const struct rule *rule)
{
	bool ports = packet->has_tcp || packet->has_udp || packet->has_sctp;
	bool src = rule->flags & RULE_HAS_TARGET_SRC;

	if (!(rule->flags & (RULE_HAS_TARGET_SRC | RULE_HAS_TARGET_DST)))
		return;
	write_end(json, "source", src ? &packet->dst : &packet->src, src ? packet->dport : packet->sport, ports);
	write_end(json, "target", src ? &packet->src : &packet->dst, src ? packet->sport : packet->dport, ports);
}

void eve_alert_object(struct eve *eve, const struct eve_output *output, const struct sensor_packet *packet,
	const struct packet_alert *alert)
{
	const struct rule *rule = alert->rule;
	struct jsonw *json = &eve->json;
	bool blocked = alert->action & (ACTION_DROP | ACTION_REJECT_ANY);

	jsonw_kv_object_begin(json, "alert");
	jsonw_kv_string(json, "action", blocked && eve->sinks->settings->ips ? "blocked" : "allowed");
	jsonw_kv_u64(json, "gid", rule->gid);
	jsonw_kv_u64(json, "signature_id", rule->sid);
	jsonw_kv_u64(json, "rev", rule->rev);
	jsonw_kv_string(json, "signature", rule->msg ? rule->msg : "");
	jsonw_kv_string(json, "category", rule->class_text ? rule->class_text : "");
	jsonw_kv_u64(json, "severity", rule->priority);
	write_target(json, packet, rule);
	if (output->alert.rule_metadata)
		write_rule_metadata(json, rule);
	if (output->alert.rule_reference)
		write_references(json, rule);
	if (output->alert.rule_raw && rule->text)
		jsonw_kv_string(json, "rule", rule->text);
	if (alert->context)
		detect_context_write(alert->context, json);
	jsonw_object_end(json);
}

void eve_metadata(struct eve *eve, const struct sensor_packet *packet, const struct flow *flow)
{
	bits_write_traffic(flow, &eve->json);
	if (!bits_have_metadata(flow, packet))
		return;
	jsonw_kv_object_begin(&eve->json, "metadata");
	bits_write_metadata(flow, packet, &eve->json);
	jsonw_object_end(&eve->json);
}

static void write_packet(struct jsonw *json, const struct sensor_packet *packet)
{
	const char *name = decoder_linktype_name(packet->linktype);

	/* The end of a flow has no bytes of its own; it is shown as of the link the flow was seen on. */
	if (!packet->frame.size && !(packet->flags & PKT_PSEUDO))
		return;
	if (packet->frame.size)
		eve_kv_base64(json, "packet", packet->frame);
	jsonw_kv_object_begin(json, "packet_info");
	jsonw_kv_u64(json, "linktype", packet->linktype);
	if (name)
		jsonw_kv_string(json, "linktype_name", name);
	jsonw_object_end(json);
}

/* What is held of a direction, in order; bytes that never came are told of. */
static struct bytes stream_text(const struct stream_session *session, enum sensor_dir dir, uint8_t *buffer, size_t room)
{
	uint64_t offset = 0, at;
	struct bytes piece;
	size_t used = 0;

	while (used < room && stream_stretch(session, dir, offset, &piece, &at)) {
		if (used && at > offset)
			used += (size_t)snprintf((char *)buffer + used, room - used, "[%llu bytes missing]",
				(unsigned long long)(at - offset));
		if (used >= room || piece.size == 0)
			break;
		offset = at + piece.size;
		piece = bytes_first(piece, room - used);
		memcpy(buffer + used, piece.ptr, piece.size);
		used += piece.size;
	}
	return bytes_of(buffer, used < room ? used : room);
}

/* Bytes of the stream around the alert, with "[N bytes missing]" in the readable form where some never came. */
static void write_payload(struct eve *eve, const struct eve_output *output, const struct sensor_packet *packet,
	const struct packet_alert *alert)
{
	const struct eve_alert_options *o = &output->alert;
	struct jsonw *json = &eve->json;
	bool use_stream = alert->flags & (ALERT_STREAM_MATCH | ALERT_STATE_MATCH) && packet->flow && packet->flow->tcp;
	struct bytes data = packet->payload;

	if (!o->payload && !o->payload_printable && !o->payload_length)
		return;
	if (use_stream) {
		uint8_t *buffer = malloc((size_t)o->payload_size + 1);
		struct bytes held;

		if (!buffer)
			return;
		held = stream_text(packet->flow->tcp, packet->dir, buffer, o->payload_size);
		if (held.size) {
			if (o->payload)
				eve_kv_base64(json, "payload", held);
			if (o->payload_printable)
				eve_kv_printable(json, "payload_printable", held);
			if (o->payload_length)
				jsonw_kv_u64(json, "payload_length", held.size);
			jsonw_kv_u64(json, "stream", 1);
			free(buffer);
			return;
		}
		free(buffer);
	}
	if (o->payload)
		eve_kv_base64(json, "payload", data);
	if (o->payload_printable)
		eve_kv_printable(json, "payload_printable", data);
	if (o->payload_length)
		jsonw_kv_u64(json, "payload_length", data.size);
	jsonw_kv_u64(json, "stream", 0);
}

static void write_reject(struct jsonw *json, const struct sensor_packet *packet)
{
	const char *target = packet->action & ACTION_REJECT_BOTH  ? "both"
			     : packet->action & ACTION_REJECT_DST ? "to_client"
								  : "to_server";

	if (!(packet->action & ACTION_REJECT_ANY))
		return;
	/* Named by where the answer goes, seen from the packet's own direction. */
	if (!(packet->action & ACTION_REJECT_BOTH) && packet->flow) {
		bool to_sender = packet->action & ACTION_REJECT;

		target = (packet->dir == TO_SERVER) == to_sender ? "to_client" : "to_server";
	}
	jsonw_kv_string(json, "reject-target", target);
	jsonw_kv_array_begin(json, "reject");
	jsonw_string(json, packet->has_tcp ? "tcp-reset" : "icmp-prohib");
	jsonw_array_end(json);
}

void eve_verdict(struct jsonw *json, const struct sensor_packet *packet)
{
	const char *action = "alert";

	if (packet->action & ACTION_PASS)
		action = "pass";
	if (packet->action & ACTION_DROP)
		action = "drop";
	jsonw_kv_object_begin(json, "verdict");
	jsonw_kv_string(json, "action", action);
	write_reject(json, packet);
	jsonw_object_end(json);
}

static void write_tunnel(struct jsonw *json, const struct sensor_packet *packet)
{
	const struct sensor_packet *root = packet->root;

	if (!root || packet->source == PACKET_SRC_DEFRAG)
		return;
	jsonw_kv_object_begin(json, "tunnel");
	eve_kv_addr(json, "src_ip", &root->src);
	if (root->has_udp || root->has_tcp)
		jsonw_kv_u64(json, "src_port", root->sport);
	eve_kv_addr(json, "dest_ip", &root->dst);
	if (root->has_udp || root->has_tcp)
		jsonw_kv_u64(json, "dest_port", root->dport);
	eve_kv_protocol(json, root->protocol);
	jsonw_kv_u64(json, "depth", packet->recursion);
	jsonw_kv_u64(json, "pcap_cnt", root->number);
	jsonw_object_end(json);
}

/* As the gate writes it. */
static void write_hold(struct jsonw *json, const struct packet_alert *alert)
{
	if (!alert->hold)
		return;
	jsonw_kv_object_begin(json, "hold");
	jsonw_kv_u64(json, "hold", alert->hold);
	jsonw_kv_u64(json, "rule", alert->rule->sid);
	jsonw_kv_string(json, "mode", alert->hold_enforced ? "enforce" : "shadow");
	jsonw_object_end(json);
}

static struct app_tx *tx_of(struct flow *flow, const struct packet_alert *alert)
{
	if (!(alert->flags & ALERT_HAS_TX) || !flow || !flow->app)
		return NULL;
	for (struct app_tx *tx = flow->app->first; tx; tx = tx->next)
		if (tx->id == alert->tx_id)
			return tx;
	return NULL;
}

static void one_alert(
	struct eve *eve, const struct eve_output *o, struct sensor_packet *packet, const struct packet_alert *alert)
{
	struct jsonw *json = &eve->json;
	struct flow *flow = packet->flow;
	struct app_tx *tx = tx_of(flow, alert);
	const struct app_frame *frame = NULL;

	if (flow && flow->app && flow->app->protocol && alert->frame_id >= 0)
		frame = app_frame_find(flow->app, packet->dir, (uint64_t)alert->frame_id);
	eve_head(eve, o, "alert", packet->time_ns, packet, flow, EVE_DIR_PACKET);
	if (o->alert.metadata && o->metadata)
		eve_metadata(eve, packet, flow);
	if (alert->flags & ALERT_HAS_TX)
		jsonw_kv_u64(json, "tx_id", alert->tx_id);
	if (alert->flags & ALERT_TX_GUESSED)
		jsonw_kv_bool(json, "tx_guessed", true);
	eve_alert_object(eve, o, packet, alert);
	write_hold(json, alert);
	write_tunnel(json, packet);
	if (flow && o->alert.app) {
		if (tx)
			eve_app_object(eve, flow, flow->app, tx, true);
		if (tx)
			eve_files_array(eve, tx);
	}
	if (flow) {
		eve_app_proto(json, flow);
		jsonw_kv_string(json, "direction", packet->dir == TO_SERVER ? "to_server" : "to_client");
		if (o->alert.flow)
			eve_flow_brief(json, flow);
	}
	write_payload(eve, o, packet, alert);
	if (frame)
		eve_frame_object(eve, flow->app, packet->dir, frame, o->alert.payload_size);
	if (o->alert.packet)
		write_packet(json, packet);
	if (o->alert.verdict)
		eve_verdict(json, packet);
	eve_end(eve, o);
}

void eve_alerts(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet)
{
	for (uint16_t i = 0; i < packet->alert_count; i++)
		if (!(packet->alerts[i].flags & ALERT_NO_LOG))
			one_alert(eve, output, packet, &packet->alerts[i]);
}

static void write_drop_tcp(struct jsonw *json, const struct packet_tcp *tcp)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} flags[] = { { "syn", 2 }, { "ack", 16 }, { "psh", 8 }, { "rst", 4 }, { "urg", 32 }, { "fin", 1 } };

	jsonw_kv_u64(json, "tcpseq", tcp->seq);
	jsonw_kv_u64(json, "tcpack", tcp->ack);
	jsonw_kv_u64(json, "tcpwin", tcp->window);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		jsonw_kv_bool(json, flags[i].name, tcp->flags & flags[i].bit);
	jsonw_kv_u64(json, "tcpres", tcp->reserved4);
	jsonw_kv_u64(json, "tcpurgp", tcp->urgent);
}

static const char *drop_reason_text(uint8_t reason)
{
	static const char *const texts[DROP_REASON_COUNT] = {
#define X(id, text, counter) [DROP_REASON_##id] = text,
		DROP_REASONS(X)
#undef X
	};

	return texts[reason];
}

/* With "flows: start" a flow that is dropped is told of once for each direction; a rule's own drop always. */
static bool wants_drop(const struct eve_output *output, struct sensor_packet *packet)
{
	uint32_t bit = packet->dir == TO_SERVER ? FLOW_DROP_LOGGED_TS : FLOW_DROP_LOGGED_TC;
	bool whole_flow = packet->flow && packet->flow->flags & FLOW_DROP;
	bool logged = whole_flow && packet->flow->flags & bit;

	if (output->drop_flows_all || !packet->flow)
		return true;
	if (whole_flow)
		packet->flow->flags |= bit;
	return (whole_flow && !logged) || packet->drop_rule;
}

void eve_drop(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet)
{
	struct packet_alert alert = { .rule = packet->drop_rule, .action = ACTION_DROP };
	struct jsonw *json = &eve->json;
	struct flow *flow = packet->flow;

	if (!eve->sinks->settings->ips || packet->flags & PKT_PSEUDO || !wants_drop(output, packet))
		return;
	eve_head(eve, output, "drop", packet->time_ns, packet, flow, EVE_DIR_PACKET);
	jsonw_kv_object_begin(json, "drop");
	jsonw_kv_u64(json, "len", packet->l3.size);
	jsonw_kv_u64(json, "tos", packet->tos);
	jsonw_kv_u64(json, "ttl", packet->ttl);
	if (packet->family == 4)
		jsonw_kv_u64(json, "ipid", packet->ip_id);
	if (packet->has_tcp)
		write_drop_tcp(json, &packet->tcp);
	if (packet->has_udp)
		jsonw_kv_u64(json, "udplen", packet->l4.size);
	jsonw_kv_string(json, "reason", drop_reason_text(packet->drop_reason));
	jsonw_object_end(json);
	if (output->drop_verdict)
		eve_verdict(json, packet);
	if (flow) {
		eve_app_proto(json, flow);
		eve_flow_brief(json, flow);
	}
	if (output->drop_alerts && alert.rule)
		eve_alert_object(eve, output, packet, &alert);
	eve_end(eve, output);
}

void eve_tagged(struct eve *eve, const struct eve_output *output, struct sensor_packet *packet)
{
	eve_head(eve, output, "packet", packet->time_ns, packet, packet->flow, EVE_DIR_PACKET);
	write_packet(&eve->json, packet);
	eve_end(eve, output);
}
