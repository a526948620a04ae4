// SPDX-License-Identifier: Apache-2.0
/* Keywords about the headers of one packet: numbers (ttl, seq, itype ...), flags, options, addresses.
 *
 * Suricata user guide, "IP Keywords", "TCP keywords", "ICMP keywords", "VLAN Keywords". A number is one row: its name and
 * where the packet has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/error.h"
#include "sensor/decode/checksum.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/detect.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/number.h"
#include "sensor/stream/stream.h"

static bool get_ttl(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->ttl;
	return p->family != 0;
}

static bool get_tos(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tos;
	return p->family == 4;
}

static bool get_id(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->ip_id;
	return p->family == 4;
}

static bool get_fragment_offset(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->fragment_offset / 8;
	return p->family != 0;
}

static bool get_seq(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tcp.seq;
	return p->has_tcp;
}

static bool get_ack(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tcp.ack;
	return p->has_tcp;
}

static bool get_window(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tcp.window;
	return p->has_tcp;
}

static bool get_mss(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tcp.mss;
	return p->has_tcp && p->tcp.has_mss;
}

static bool get_wscale(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->tcp.wscale;
	return p->has_tcp && p->tcp.has_wscale;
}

static bool has_icmp(const struct sensor_packet *p)
{
	return p->has_icmp4 || p->has_icmp6;
}

static bool get_itype(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->icmp.type;
	return has_icmp(p);
}

static bool get_icode(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->icmp.code;
	return has_icmp(p);
}

static bool get_icmp_id(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->icmp.id;
	return has_icmp(p) && p->icmp.has_id;
}

static bool get_icmp_seq(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->icmp.seq;
	return has_icmp(p) && p->icmp.has_id;
}

static bool get_icmp6_mtu(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->icmp.mtu;
	return p->has_icmp6 && p->icmp.type == 2;
}

static bool get_vni(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->vni;
	return p->root && p->source == PACKET_SRC_VXLAN;
}

static bool get_vlan_layers(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->vlan_count;
	return true;
}

static bool get_dsize(const struct sensor_packet *p, uint64_t *ret)
{
	*ret = p->payload.size;
	return !(p->flags & PKT_PSEUDO) && p->family != 0;
}

struct packet_number {
	const char *name, *alias;
	bool (*get)(const struct sensor_packet *packet, uint64_t *ret);
	uint8_t bits;
	uint64_t max;
};

static const struct packet_number packet_numbers[] = {
	{ "ttl", NULL, get_ttl, 8, 255 },
	{ "tos", NULL, get_tos, 8, 255 },
	{ "id", NULL, get_id, 16, 65535 },
	{ "fragoffset", NULL, get_fragment_offset, 16, 8191 },
	{ "seq", "tcp.seq", get_seq, 32, UINT32_MAX },
	{ "ack", "tcp.ack", get_ack, 32, UINT32_MAX },
	{ "window", "tcp.window", get_window, 16, 65535 },
	{ "tcp.mss", NULL, get_mss, 16, 65535 },
	{ "tcp.wscale", NULL, get_wscale, 8, 255 },
	{ "itype", NULL, get_itype, 8, 255 },
	{ "icode", NULL, get_icode, 8, 255 },
	{ "icmp_id", NULL, get_icmp_id, 16, 65535 },
	{ "icmp_seq", NULL, get_icmp_seq, 16, 65535 },
	{ "icmpv6.mtu", NULL, get_icmp6_mtu, 32, UINT32_MAX },
	{ "vxlan_vni", "vxlan.vni", get_vni, 32, (1 << 24) - 1 },
	{ "vlan.layers", NULL, get_vlan_layers, 8, 3 },
	{ "dsize", NULL, get_dsize, 16, 65535 },
};

struct number_condition {
	const struct packet_number *number;
	struct rule_number_test range;
	bool negated;
};

static bool number_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct number_condition *condition = match->data;
	uint64_t value;

	if (!condition->number->get(context->packet, &value))
		return false;
	/* "Not that size" is about payloads, not about packets without one. */
	if (condition->number->get == get_dsize && value == 0 && condition->negated)
		return false;
	return rule_number_holds(&condition->range, value) != condition->negated;
}

static const struct rule_match_ops number_ops = {
	.name = "packet-number", .target = RULE_TARGET_PACKET, .match = number_match
};

/* A payload size says which packets need not be looked at. */
static void note_dsize(struct rule *rule, const struct number_condition *c)
{
	uint64_t low, high;

	if (c->negated)
		return;
	rule_number_bounds(&c->range, 65535, &low, &high);
	rule->dsize_low = (uint32_t)low;
	rule->dsize_high = (uint32_t)high;
}

static int number_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct number_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	const char *wrong;
	uint64_t low, high;

	if (!c)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < ARRAY_COUNT(packet_numbers); i++)
		if (!strcmp(packet_numbers[i].name, keyword->name))
			c->number = &packet_numbers[i];
	c->negated = negated;
	wrong = rule_number_parse(value, c->number->bits, NULL, &c->range);
	if (wrong)
		return rule_builder_error(builder, "%s: %s, found \"%.*s\"", keyword->name, wrong, (int)value.size,
			(const char *)value.ptr);
	rule_number_bounds(&c->range, UINT64_MAX, &low, &high);
	if (low > c->number->max)
		return rule_builder_error(builder, "%s can be 0 to %llu, found \"%.*s\"", keyword->name,
			(unsigned long long)c->number->max, (int)value.size, (const char *)value.ptr);
	if (c->number->get == get_dsize)
		note_dsize(rule_builder_rule(builder), c);
	return rule_builder_add(builder, &number_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- flags ---- */

struct flags_condition {
	uint8_t bits, ignored;
	char mode; /* 0 exactly these, '+' these and others, '*' any of these, '!' not these */
};

/* "S", "SA", "0" and so on; the two highest bits are "1" or "C" and "2" or "E". */
static bool flags_of(struct bytes text, uint8_t *ret)
{
	static const char names[] = "FSRPAUEC";

	*ret = 0;
	for (size_t i = 0; i < text.size; i++) {
		char c = (char)text.ptr[i];
		const char *at;

		if (c == '0' || c == ' ')
			continue;
		if (c == '1')
			c = 'C';
		if (c == '2')
			c = 'E';
		at = c ? strchr(names, c >= 'a' && c <= 'z' ? c - 32 : c) : NULL;
		if (!at)
			return false;
		*ret |= (uint8_t)(1 << (at - names));
	}
	return true;
}

static bool flags_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct flags_condition *c = match->data;
	uint8_t flags = context->packet->tcp.flags & (uint8_t)~c->ignored;

	if (!context->packet->has_tcp || context->packet->flags & PKT_PSEUDO)
		return false;
	switch (c->mode) {
	case '+':
		return (flags & c->bits) == c->bits;
	case '*':
		return flags & c->bits;
	case '!':
		return (flags & c->bits) == 0;
	default:
		return flags == c->bits;
	}
}

static const struct rule_match_ops flags_ops = {
	.name = "tcp.flags", .target = RULE_TARGET_PACKET, .match = flags_match
};

static struct bytes trim(struct bytes in)
{
	while (in.size && (in.ptr[0] == ' ' || in.ptr[0] == '\t'))
		in = bytes_skip(in, 1);
	while (in.size && (in.ptr[in.size - 1] == ' ' || in.ptr[in.size - 1] == '\t'))
		in.size--;
	return in;
}

static int flags_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct flags_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	size_t comma = bytes_index(value, ',');
	struct bytes bits = trim(bytes_first(value, comma)), ignored = trim(bytes_skip(value, comma + 1));

	if (!c)
		return LUYTRE_E_NOMEM;
	/* The mode may stand in front or behind. */
	if (bits.size && memchr("+*!", bits.ptr[0], 3)) {
		c->mode = (char)bits.ptr[0];
		bits = trim(bytes_skip(bits, 1));
	} else if (bits.size && memchr("+*!", bits.ptr[bits.size - 1], 3)) {
		c->mode = (char)bits.ptr[--bits.size];
		bits = trim(bits);
	}
	if (!bits.size || !flags_of(bits, &c->bits) || !flags_of(ignored, &c->ignored))
		return rule_builder_error(builder, "%s expects letters of FSRPAUEC with +, * or !, found \"%.*s\"",
			keyword->name, (int)value.size, (const char *)value.ptr);
	if (negated)
		c->mode = '!';
	return rule_builder_add(builder, &flags_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- fragbits ---- */

static bool fragbits_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct flags_condition *c = match->data;
	const struct sensor_packet *p = context->packet;
	uint8_t bits;

	if (p->family != 4 || p->l3.size < 8)
		return false;
	bits = p->l3.ptr[6] >> 5; /* reserved 4, don't fragment 2, more fragments 1 */
	switch (c->mode) {
	case '+':
		return (bits & c->bits) == c->bits;
	case '*':
		return bits & c->bits;
	case '!':
		return (bits & c->bits) != c->bits;
	default:
		return bits == c->bits;
	}
}

static const struct rule_match_ops fragbits_ops = {
	.name = "fragbits", .target = RULE_TARGET_PACKET, .match = fragbits_match
};

static int fragbits_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct flags_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));

	if (!c)
		return LUYTRE_E_NOMEM;
	if (negated)
		c->mode = '!';
	for (size_t i = 0; i < value.size; i++) {
		switch (value.ptr[i]) {
		case 'M':
			c->bits |= 1;
			break;
		case 'D':
			c->bits |= 2;
			break;
		case 'R':
			c->bits |= 4;
			break;
		case '+':
		case '*':
		case '!':
			c->mode = (char)value.ptr[i];
			break;
		case ' ':
			break;
		default:
			return rule_builder_error(builder,
				"fragbits expects letters of MDR with +, * or !, found \"%.*s\"", (int)value.size,
				(const char *)value.ptr);
		}
	}
	return rule_builder_add(builder, &fragbits_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- ip_proto ---- */

struct protocol_condition {
	uint8_t protocol;
	char mode; /* '=', '<', '>', '!' */
};

static const struct {
	const char *name;
	uint8_t number;
} protocol_names[] = { { "icmp", 1 }, { "igmp", 2 }, { "ipip", 4 }, { "tcp", 6 }, { "udp", 17 }, { "ipv6", 41 },
	{ "gre", 47 }, { "esp", 50 }, { "ah", 51 }, { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "eigrp", 88 },
	{ "ospf", 89 }, { "pim", 103 }, { "ipcomp", 108 }, { "vrrp", 112 }, { "sctp", 132 }, { "dccp", 33 },
	{ "hopopt", 0 }, { "ip", 0 } };

static bool protocol_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct protocol_condition *c = match->data;
	uint8_t protocol = context->packet->protocol;

	if (!context->packet->family)
		return false;
	switch (c->mode) {
	case '<':
		return protocol < c->protocol;
	case '>':
		return protocol > c->protocol;
	case '!':
		return protocol != c->protocol;
	default:
		return protocol == c->protocol;
	}
}

static const struct rule_match_ops protocol_ops = {
	.name = "ip_proto", .target = RULE_TARGET_PACKET, .match = protocol_match
};

static bool protocol_number(struct bytes text, uint8_t *ret)
{
	struct rule_number_test range;

	for (size_t i = 0; i < ARRAY_COUNT(protocol_names); i++) {
		if (ascii_equal_nocase_str(text, protocol_names[i].name)) {
			*ret = protocol_names[i].number;
			return true;
		}
	}
	if (rule_number_parse(text, 8, NULL, &range) || range.operation != RULE_NUMBER_EQUAL)
		return false;
	*ret = (uint8_t)range.low;
	return true;
}

static int protocol_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct protocol_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));

	if (!c)
		return LUYTRE_E_NOMEM;
	c->mode = negated ? '!' : '=';
	if (value.size && memchr("<>!=", value.ptr[0], 4)) {
		c->mode = (char)value.ptr[0];
		value = trim(bytes_skip(value, 1));
	}
	if (!protocol_number(value, &c->protocol))
		return rule_builder_error(builder, "ip_proto expects a protocol's number or name, found \"%.*s\"",
			(int)value.size, (const char *)value.ptr);
	return rule_builder_add(builder, &protocol_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- sameip, vlan.id, ipopts, checksums ---- */

static bool sameip_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct sensor_packet *p = context->packet;

	return p->family != 0 && ip_addr_equal(&p->src, &p->dst);
}

static const struct rule_match_ops sameip_ops = {
	.name = "sameip", .target = RULE_TARGET_PACKET, .match = sameip_match
};

static int sameip_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	return rule_builder_add(builder, &sameip_ops, NULL) ? 0 : LUYTRE_E_NOMEM;
}

struct vlan_condition {
	struct rule_number_test range;
	int index; /* -1 any, -2 all; negative counts from the end: -index - 10 */
	bool from_end;
};

static bool vlan_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct vlan_condition *c = match->data;
	const struct sensor_packet *p = context->packet;
	bool all = p->vlan_count > 0;

	if (c->index >= 0) {
		int at = c->from_end ? p->vlan_count - c->index : c->index;

		return at >= 0 && at < p->vlan_count && rule_number_holds(&c->range, p->vlan_ids[at]);
	}
	for (uint8_t i = 0; i < p->vlan_count; i++) {
		bool holds = rule_number_holds(&c->range, p->vlan_ids[i]);

		if (c->index == -1 && holds)
			return true;
		all = all && holds;
	}
	return c->index == -2 && all;
}

static const struct rule_match_ops vlan_ops = { .name = "vlan.id", .target = RULE_TARGET_PACKET, .match = vlan_match };

/* "300", "300,any", "300,all", "300,0", "300,-1": the number, then which of the tags. */
static int vlan_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct vlan_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	size_t comma = bytes_index(value, ',');
	struct bytes which = trim(bytes_skip(value, comma + 1));
	char text[16] = "any", *end;
	long index;

	if (!c)
		return LUYTRE_E_NOMEM;
	if (rule_number_parse(trim(bytes_first(value, comma)), 16, NULL, &c->range) || c->range.low > 4095)
		return rule_builder_error(builder, "vlan.id expects a number from 0 to 4095, found \"%.*s\"",
			(int)value.size, (const char *)value.ptr);
	if (comma < value.size && !bytes_to_str(which, text, sizeof(text)))
		text[0] = '\0';
	index = strtol(text, &end, 10);
	if (!strcmp(text, "any")) {
		c->index = -1;
	} else if (!strcmp(text, "all")) {
		c->index = -2;
	} else if (*text && !*end && index >= -PACKET_VLAN_MAX && index < PACKET_VLAN_MAX) {
		c->from_end = index < 0;
		c->index = (int)(index < 0 ? -index : index);
	} else {
		return rule_builder_error(
			builder, "vlan.id: which tag must be any, all or -3 to 2, found \"%s\"", text);
	}
	return rule_builder_add(builder, &vlan_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- stream_size ---- */

struct size_condition {
	char side; /* 's' server, 'c' client, 'b' both, 'e' either */
	struct rule_number_test range;
};

static bool stream_size_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct size_condition *c = match->data;
	struct stream_facts facts;
	bool client, server;

	if (!context->flow || !context->flow->tcp)
		return false;
	stream_facts(context->flow->tcp, &facts);
	client = rule_number_holds(&c->range, facts.bytes[TO_SERVER]);
	server = rule_number_holds(&c->range, facts.bytes[TO_CLIENT]);
	switch (c->side) {
	case 'c':
		return client;
	case 's':
		return server;
	case 'b':
		return client && server;
	default:
		return client || server;
	}
}

static const struct rule_match_ops stream_size_ops = {
	.name = "stream_size", .target = RULE_TARGET_PACKET, .match = stream_size_match
};

/* "server,<,100": whose bytes, how compared, with what. */
static int stream_size_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const sides[] = { "server", "client", "both", "either" };
	struct size_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	size_t first = bytes_index(value, ',');
	struct bytes side = trim(bytes_first(value, first)), rest = bytes_skip(value, first + 1);
	size_t second = bytes_index(rest, ',');
	struct bytes operation = trim(bytes_first(rest, second)), number = trim(bytes_skip(rest, second + 1));
	char text[32];

	if (!c)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < ARRAY_COUNT(sides); i++)
		if (bytes_equal_str(side, sides[i]))
			c->side = sides[i][0];
	snprintf(text, sizeof(text), "%.*s%.*s", (int)operation.size, (const char *)operation.ptr, (int)number.size,
		(const char *)number.ptr);
	if (!c->side || rule_number_parse(bytes_from_str(text), 64, NULL, &c->range))
		return rule_builder_error(builder,
			"stream_size expects server, client, both or either, an operator and a number, found \"%.*s\"",
			(int)value.size, (const char *)value.ptr);
	return rule_builder_add(builder, &stream_size_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- ipopts (RFC 791, section 3.1) ---- */

static const struct {
	const char *name;
	uint8_t type;
} option_names[] = { { "rr", 7 }, { "lsrr", 131 }, { "eol", 0 }, { "nop", 1 }, { "ts", 68 }, { "sec", 130 },
	{ "esec", 133 }, { "ssrr", 137 }, { "satid", 136 } };

enum { IP_OPTION_ANY = 255 };

struct option_condition {
	uint8_t type;
};

static bool option_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct option_condition *c = match->data;
	const struct sensor_packet *p = context->packet;
	struct bytes options = { 0 };

	if (p->family != 4 || p->ip_header_size <= 20 || p->l3.size < p->ip_header_size)
		return false;
	options = bytes_of(p->l3.ptr + 20, p->ip_header_size - 20u);
	while (options.size) {
		uint8_t type = options.ptr[0];

		if (type == c->type || c->type == IP_OPTION_ANY)
			return true;
		if (type == 0)
			return false;
		if (type == 1) {
			options = bytes_skip(options, 1);
			continue;
		}
		if (options.size < 2 || options.ptr[1] < 2)
			return false;
		options = bytes_skip(options, options.ptr[1]);
	}
	return false;
}

static const struct rule_match_ops option_ops = {
	.name = "ipopts", .target = RULE_TARGET_PACKET, .match = option_match
};

static int option_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct option_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	bool known = bytes_equal_str(value, "any");

	if (!c)
		return LUYTRE_E_NOMEM;
	c->type = IP_OPTION_ANY;
	for (size_t i = 0; i < ARRAY_COUNT(option_names); i++) {
		if (bytes_equal_str(value, option_names[i].name)) {
			c->type = option_names[i].type;
			known = true;
		}
	}
	if (!known)
		return rule_builder_error(builder,
			"ipopts expects rr, lsrr, eol, nop, ts, sec, esec, ssrr, satid or any, found \"%.*s\"",
			(int)value.size, (const char *)value.ptr);
	return rule_builder_add(builder, &option_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- checksums ---- */

struct checksum_row {
	const char *name;
	uint8_t family, protocol; /* protocol 0: the IP header's own */
};

static const struct checksum_row checksum_rows[] = {
	{ "ipv4-csum", 4, 0 },
	{ "tcpv4-csum", 4, 6 },
	{ "udpv4-csum", 4, 17 },
	{ "icmpv4-csum", 4, 1 },
	{ "tcpv6-csum", 6, 6 },
	{ "udpv6-csum", 6, 17 },
	{ "icmpv6-csum", 6, 58 },
};

struct checksum_condition {
	const struct checksum_row *row;
	bool valid;
};

static bool checksum_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct checksum_condition *c = match->data;
	struct sensor_packet *p = context->packet;

	if (p->flags & (PKT_PSEUDO | PKT_IGNORE_CHECKSUM) || p->family != c->row->family)
		return false;
	if (!c->row->protocol)
		return packet_checksum_l3(p) == c->valid;
	return p->protocol == c->row->protocol && p->l4.size && packet_checksum_l4(p) == c->valid;
}

static const struct rule_match_ops checksum_ops = {
	.name = "checksum", .target = RULE_TARGET_PACKET, .match = checksum_match
};

static int checksum_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct checksum_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));

	if (!c)
		return LUYTRE_E_NOMEM;
	c->valid = bytes_equal_str(value, "valid");
	if (!c->valid && !bytes_equal_str(value, "invalid"))
		return rule_builder_error(builder, "%s expects valid or invalid, found \"%.*s\"", keyword->name,
			(int)value.size, (const char *)value.ptr);
	for (size_t i = 0; i < ARRAY_COUNT(checksum_rows); i++)
		if (!strcmp(checksum_rows[i].name, keyword->name))
			c->row = &checksum_rows[i];
	return rule_builder_add(builder, &checksum_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_packet_keywords[] = {
	{ "ttl", NULL, 0, number_parse, "time to live or hop limit" },
	{ "tos", NULL, KEYWORD_NEGATABLE, number_parse, "type of service of IPv4" },
	{ "id", NULL, 0, number_parse, "identification of IPv4" },
	{ "fragoffset", NULL, 0, number_parse, "fragment offset in units of 8 bytes" },
	{ "seq", "tcp.seq", 0, number_parse, "TCP sequence number" },
	{ "ack", "tcp.ack", 0, number_parse, "TCP acknowledgement number" },
	{ "window", "tcp.window", KEYWORD_NEGATABLE, number_parse, "TCP window" },
	{ "tcp.mss", NULL, 0, number_parse, "TCP maximum segment size" },
	{ "tcp.wscale", NULL, 0, number_parse, "TCP window scale" },
	{ "itype", NULL, 0, number_parse, "ICMP type" },
	{ "icode", NULL, 0, number_parse, "ICMP code" },
	{ "icmp_id", NULL, 0, number_parse, "ICMP identifier" },
	{ "icmp_seq", NULL, 0, number_parse, "ICMP sequence number" },
	{ "icmpv6.mtu", NULL, 0, number_parse, "MTU of an ICMPv6 packet-too-big message" },
	{ "vxlan_vni", "vxlan.vni", 0, number_parse, "VXLAN network identifier" },
	{ "vlan.layers", NULL, 0, number_parse, "number of VLAN tags" },
	{ "vlan.id", NULL, 0, vlan_parse, "VLAN identifier" },
	{ "dsize", NULL, KEYWORD_NEGATABLE, number_parse, "payload size of the packet" },
	{ "flags", "tcp.flags", 0, flags_parse, "TCP flags" },
	{ "fragbits", NULL, KEYWORD_NEGATABLE, fragbits_parse, "IPv4 fragment bits" },
	{ "ip_proto", NULL, KEYWORD_NEGATABLE, protocol_parse, "IP protocol" },
	{ "sameip", NULL, KEYWORD_NO_VALUE, sameip_parse, "source and destination are equal" },
	{ "ipopts", NULL, 0, option_parse, "IPv4 option" },
	{ "stream_size", NULL, 0, stream_size_parse, "bytes seen of a TCP stream" },
	{ "ipv4-csum", NULL, 0, checksum_parse, "checksum of the IPv4 header" },
	{ "tcpv4-csum", NULL, 0, checksum_parse, "checksum of TCP over IPv4" },
	{ "udpv4-csum", NULL, 0, checksum_parse, "checksum of UDP over IPv4" },
	{ "icmpv4-csum", NULL, 0, checksum_parse, "checksum of ICMP" },
	{ "tcpv6-csum", NULL, 0, checksum_parse, "checksum of TCP over IPv6" },
	{ "udpv6-csum", NULL, 0, checksum_parse, "checksum of UDP over IPv6" },
	{ "icmpv6-csum", NULL, 0, checksum_parse, "checksum of ICMPv6" },
	{ NULL, NULL, 0, NULL, NULL },
};
