// SPDX-License-Identifier: Apache-2.0
/* The head that all events share, and small pieces of JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/payload.h"
#include "sensor/app/json.h"
#include "sensor/output/internal.h"
#include "sensor/rules/policy.h"
#include "sensor/rules/tenants.h"

/* Events of a worker fall into few seconds at a time: their texts are kept. */
const char *eve_time(uint64_t time_ns, char text[EVE_TIME_SIZE])
{
	static __thread struct kept_time {
		time_t second;
		bool filled;
		char head[24], zone[8];
	} all_kept[16];
	time_t second = (time_t)(time_ns / NS_PER_S);
	struct kept_time *kept = &all_kept[(unsigned int)second % 16];
	uint32_t micros = (uint32_t)(time_ns % NS_PER_S / NS_PER_US);
	struct tm tm;

	if (!kept->filled || kept->second != second) {
		localtime_r(&second, &tm);
		strftime(kept->head, sizeof(kept->head), "%Y-%m-%dT%H:%M:%S.", &tm);
		strftime(kept->zone, sizeof(kept->zone), "%z", &tm);
		kept->second = second;
		kept->filled = true;
	}
	memcpy(text, kept->head, 20);
	for (int i = 25; i >= 20; i--, micros /= 10)
		text[i] = (char)('0' + micros % 10);
	memcpy(text + 26, kept->zone, sizeof(kept->zone));
	return text;
}

void eve_kv_addr(struct jsonw *json, const char *key, const struct ip_addr *addr)
{
	jsonw_key(json, key);
	app_json_addr(json, bytes_of(addr->bytes, addr->family == IP_V4 ? 4 : 16));
}

void eve_kv_hex(struct jsonw *json, const char *key, struct bytes data)
{
	static const char digits[] = "0123456789abcdef";
	char text[512];
	size_t used = 0;

	for (size_t i = 0; i < data.size && used + 2 < sizeof(text); i++) {
		text[used++] = digits[data.ptr[i] >> 4];
		text[used++] = digits[data.ptr[i] & 15];
	}
	jsonw_kv_string_bytes(json, key, bytes_of(text, used));
}

/* Writes (size + 2) / 3 * 4 characters to 'text'; returns how many. */
static size_t base64_encode(struct bytes data, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t used = 0;

	for (size_t i = 0; i < data.size; i += 3) {
		uint32_t group = (uint32_t)data.ptr[i] << 16;

		if (i + 1 < data.size)
			group |= (uint32_t)data.ptr[i + 1] << 8;
		if (i + 2 < data.size)
			group |= data.ptr[i + 2];
		text[used++] = digits[group >> 18];
		text[used++] = digits[group >> 12 & 63];
		text[used++] = i + 1 < data.size ? digits[group >> 6 & 63] : '=';
		text[used++] = i + 2 < data.size ? digits[group & 63] : '=';
	}
	return used;
}

void eve_kv_base64(struct jsonw *json, const char *key, struct bytes data)
{
	char *text = malloc((data.size + 2) / 3 * 4 + 1);

	if (!text)
		return;
	jsonw_kv_string_bytes(json, key, bytes_of(text, base64_encode(data, text)));
	free(text);
}

void eve_kv_printable(struct jsonw *json, const char *key, struct bytes data)
{
	char *text = malloc(data.size + 1);

	if (!text)
		return;
	for (size_t i = 0; i < data.size; i++) {
		uint8_t c = data.ptr[i];

		text[i] = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t' ? (char)c : '.';
	}
	jsonw_kv_string_bytes(json, key, bytes_of(text, data.size));
	free(text);
}

void eve_kv_mac(struct jsonw *json, const char *key, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (key)
		jsonw_kv_string(json, key, text);
	else
		jsonw_string(json, text);
}

/* Names of the IANA registry "Assigned Internet Protocol Numbers", as far as they are seen at a perimeter. */
void eve_kv_protocol(struct jsonw *json, uint8_t protocol)
{
	static const char *const names[256] = { [0] = "HOPOPT",
		[1] = "ICMP",
		[2] = "IGMP",
		[4] = "IP-in-IP",
		[6] = "TCP",
		[8] = "EGP",
		[9] = "IGP",
		[17] = "UDP",
		[27] = "RDP",
		[33] = "DCCP",
		[41] = "IPV6",
		[43] = "IPv6-Route",
		[44] = "IPv6-Frag",
		[46] = "RSVP",
		[47] = "GRE",
		[50] = "ESP",
		[51] = "AH",
		[58] = "IPv6-ICMP",
		[59] = "IPv6-NoNxt",
		[60] = "IPv6-Opts",
		[88] = "EIGRP",
		[89] = "OSPFIGP",
		[94] = "IPIP",
		[103] = "PIM",
		[108] = "IPComp",
		[112] = "VRRP",
		[115] = "L2TP",
		[132] = "SCTP",
		[133] = "FC",
		[135] = "Mobility-Header",
		[136] = "UDPLite",
		[137] = "MPLS-in-IP" };
	char number[8];

	if (names[protocol]) {
		jsonw_kv_string(json, "proto", names[protocol]);
		return;
	}
	snprintf(number, sizeof(number), "%03u", protocol);
	jsonw_kv_string(json, "proto", number);
}

struct endpoints {
	const struct ip_addr *src, *dst;
	uint16_t sport, dport;
};

static void write_endpoints(struct jsonw *json, const struct endpoints *ends, uint8_t protocol)
{
	bool has_ports = protocol == 6 || protocol == 17 || protocol == 132;

	eve_kv_addr(json, "src_ip", ends->src);
	if (has_ports)
		jsonw_kv_u64(json, "src_port", ends->sport);
	eve_kv_addr(json, "dest_ip", ends->dst);
	if (has_ports)
		jsonw_kv_u64(json, "dest_port", ends->dport);
	eve_kv_protocol(json, protocol);
	jsonw_kv_u64(json, "ip_v", ends->src->family);
}

static void head_addresses(
	struct eve *eve, const struct sensor_packet *packet, const struct flow *flow, enum eve_direction direction)
{
	struct endpoints ends;
	bool swap;

	if (packet && (direction == EVE_DIR_PACKET || !flow)) {
		if (!packet->family)
			return;
		ends = (struct endpoints){ &packet->src, &packet->dst, packet->sport, packet->dport };
		write_endpoints(&eve->json, &ends, packet->protocol);
		return;
	}
	if (!flow)
		return;
	swap = direction == EVE_DIR_TO_CLIENT;
	ends = (struct endpoints){ &flow->client, &flow->server, flow->client_port, flow->server_port };
	if (swap)
		ends = (struct endpoints){ &flow->server, &flow->client, flow->server_port, flow->client_port };
	write_endpoints(&eve->json, &ends, flow->protocol);
}

static const char *packet_source_name(uint8_t source)
{
	static const char *const names[PACKET_SRC_COUNT] = {
#define X(id, name) [PACKET_SRC_##id] = name,
		PACKET_SOURCES(X)
#undef X
	};

	return names[source];
}

static void write_vlan(struct jsonw *json, const uint16_t *ids, uint8_t count)
{
	if (!count)
		return;
	jsonw_kv_array_begin(json, "vlan");
	for (uint8_t i = 0; i < count; i++)
		jsonw_u64(json, ids[i]);
	jsonw_array_end(json);
}

static void write_icmp(struct jsonw *json, const struct sensor_packet *packet, const struct flow *flow)
{
	if (packet && (packet->has_icmp4 || packet->has_icmp6)) {
		jsonw_kv_u64(json, "icmp_type", packet->icmp.type);
		jsonw_kv_u64(json, "icmp_code", packet->icmp.code);
	} else if (!packet && flow && (flow->protocol == 1 || flow->protocol == 58)) {
		jsonw_kv_u64(json, "icmp_type", flow->icmp_type[TO_SERVER]);
		jsonw_kv_u64(json, "icmp_code", flow->icmp_code[TO_SERVER]);
		if (flow->side[TO_CLIENT].packet_count) {
			jsonw_kv_u64(json, "response_icmp_type", flow->icmp_type[TO_CLIENT]);
			jsonw_kv_u64(json, "response_icmp_code", flow->icmp_code[TO_CLIENT]);
		}
	}
}

static void write_ethernet(
	struct jsonw *json, const struct sensor_packet *packet, const struct flow *flow, bool reversed)
{
	static const char *const keys[] = { "src_macs", "dest_macs" };

	if (packet && packet->ethernet.size >= 12) {
		jsonw_kv_object_begin(json, "ether");
		eve_kv_mac(json, "src_mac", packet->ethernet.ptr + 6);
		eve_kv_mac(json, "dest_mac", packet->ethernet.ptr);
		jsonw_object_end(json);
		return;
	}
	if (packet || !flow || !flow->macs)
		return;
	jsonw_kv_object_begin(json, "ether");
	for (int side = 0; side < 2; side++) {
		jsonw_kv_array_begin(json, keys[side]);
		for (int i = 0; i < flow->macs->count[side ^ reversed]; i++)
			eve_kv_mac(json, NULL, flow->macs->mac[side ^ reversed][i]);
		jsonw_array_end(json);
	}
	jsonw_object_end(json);
}

static void write_tenant(struct eve *eve, uint32_t tenant)
{
	const struct policy *policy = eve->worker->policy;
	const char *name = policy && tenant ? tenants_name(policy->tenants, tenant) : NULL;

	if (name)
		jsonw_kv_string(&eve->json, "tenant", name);
}

void eve_head(struct eve *eve, const struct eve_output *output, const char *type, uint64_t time_ns,
	const struct sensor_packet *packet, const struct flow *flow, enum eve_direction direction)
{
	struct jsonw *json = &eve->json;
	char time_text[40];

	eve->edge_only = packet ? packet->edge_only : flow && flow->edge_only;
	jsonw_reset(json);
	jsonw_object_begin(json);
	jsonw_kv_string(json, "timestamp", eve_time(time_ns, time_text));
	if (flow) {
		jsonw_kv_u64(json, "flow_id", flow->id);
		if (flow->parent_id)
			jsonw_kv_u64(json, "parent_id", flow->parent_id);
	}
	write_tenant(eve, packet ? packet->tenant : flow ? flow->tenant : 0);
	if (output->sensor_name)
		jsonw_kv_string(json, "host", output->sensor_name);
	if (packet && packet->number)
		jsonw_kv_u64(json, "pcap_cnt", packet->number);
	if (type)
		jsonw_kv_string(json, "event_type", type);
	if (packet)
		write_vlan(json, packet->vlan_ids, packet->vlan_count);
	else if (flow)
		write_vlan(json, flow->vlan_ids, flow->vlan_count);
	head_addresses(eve, packet, flow, direction);
	write_icmp(json, packet, flow);
	if (packet && packet->family)
		jsonw_kv_string(json, "pkt_src", packet_source_name(packet->source));
	if (output->community_id && (packet || flow))
		eve_community_id(json, output->community_seed, packet, flow);
	if (output->ethernet)
		write_ethernet(json, packet, flow, direction == EVE_DIR_TO_CLIENT);
	if (output->suricata_version)
		jsonw_kv_string(json, "suricata_version", "8.0.7");
}

/* The text as a line. Empty: it did not become one. */
static struct bytes line_of(const struct jsonw *json)
{
	struct bytes line;

	if (jsonw_text(json, &line) != 0)
		return (struct bytes){ 0 };
	/* The writer keeps room for a NUL behind the text; the line's end takes its place. */
	((char *)(uintptr_t)line.ptr)[line.size] = '\n';
	line.size++;
	return line;
}

/* Of a system that is only watched at the edge nothing is told but what is about its traffic. */
static struct bytes without_content(struct eve *eve, struct bytes line)
{
	uint8_t *text = (uint8_t *)(uintptr_t)line.ptr;
	size_t size, removed;

	if (payload_strip(bytes_first(line, line.size - 1), text, &size, &removed))
		return (struct bytes){ 0 };
	eve->worker->counters[COUNTER_OUTPUT_CONTENT_REMOVED] += removed;
	text[size] = '\n';
	return bytes_of(text, size + 1);
}

void eve_end(struct eve *eve, const struct eve_output *output)
{
	struct bytes line;

	jsonw_object_end(&eve->json);
	line = line_of(&eve->json);
	if (line.size && eve->edge_only)
		line = without_content(eve, line);
	if (line.size)
		sink_write(output->sink, line, eve->worker->now_ns);
	jsonw_reset(&eve->json);
}

void eve_object(struct eve *eve, struct jsonw *json, uint64_t now_ns)
{
	struct bytes line = line_of(json);

	for (unsigned int i = 0; line.size && i < eve->sinks->output_count; i++)
		sink_write(eve->sinks->outputs[i].sink, line, now_ns);
	eve_flush(eve);
}

/* Community ID 1: SHA-1 over seed, ordered endpoints and protocol (github.com/corelight/community-id-spec). */
void eve_community_id(struct jsonw *json, uint16_t seed, const struct sensor_packet *packet, const struct flow *flow)
{
	const struct ip_addr *a = flow ? &flow->client : &packet->src, *b = flow ? &flow->server : &packet->dst;
	uint16_t pa = flow ? flow->client_port : packet->sport, pb = flow ? flow->server_port : packet->dport;
	uint8_t protocol = flow ? flow->protocol : packet->protocol, text[48], hash[20];
	size_t size, used = 0;
	int order;

	if (!a->family)
		return;
	size = a->family == IP_V4 ? 4 : 16;
	bool icmp = protocol == 1 || protocol == 58;
	bool ports = protocol == 6 || protocol == 17 || protocol == 132 || icmp;

	if (icmp) { /* type and code stand for the ports; a request's answer stands for the other end's */
		uint8_t type = flow ? flow->icmp_type[TO_SERVER] : packet->icmp.type;
		uint8_t code = flow ? flow->icmp_code[TO_SERVER] : packet->icmp.code;
		static const uint8_t pairs4[][2] = { { 8, 0 }, { 0, 8 }, { 13, 14 }, { 14, 13 }, { 15, 16 }, { 16, 15 },
			{ 10, 9 }, { 9, 10 }, { 17, 18 }, { 18, 17 } };
		static const uint8_t pairs6[][2] = { { 128, 129 }, { 129, 128 }, { 133, 134 }, { 134, 133 },
			{ 135, 136 }, { 136, 135 }, { 130, 131 }, { 131, 130 }, { 144, 145 }, { 145, 144 } };
		const uint8_t(*pairs)[2] = protocol == 1 ? pairs4 : pairs6;

		pa = type;
		pb = code;
		for (size_t i = 0; i < 10; i++)
			if (pairs[i][0] == type)
				pb = pairs[i][1];
	}
	order = memcmp(a->bytes, b->bytes, size);
	if (order > 0 || (order == 0 && pa > pb)) {
		const struct ip_addr *swap = a;
		uint16_t swap_port = pa;

		a = b;
		b = swap;
		pa = pb;
		pb = swap_port;
	}
	text[used++] = (uint8_t)(seed >> 8);
	text[used++] = (uint8_t)seed;
	memcpy(text + used, a->bytes, size);
	used += size;
	memcpy(text + used, b->bytes, size);
	used += size;
	text[used++] = protocol;
	text[used++] = 0;
	if (ports) {
		text[used++] = (uint8_t)(pa >> 8);
		text[used++] = (uint8_t)pa;
		text[used++] = (uint8_t)(pb >> 8);
		text[used++] = (uint8_t)pb;
	}
	digest_sha1(bytes_of(text, used), hash);
	char id[32] = "1:";

	jsonw_kv_string_bytes(
		json, "community_id", bytes_of(id, 2 + base64_encode(bytes_of(hash, sizeof(hash)), id + 2)));
}
