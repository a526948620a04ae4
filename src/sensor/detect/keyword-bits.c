// SPDX-License-Identifier: Apache-2.0
/* flowbits, flowint, xbits, hostbits, and the counters of a flow.
 *
 * Suricata user guide, "Flow Keywords" and "Xbits Keyword". Testing happens with the packet's other conditions, setting
 * after the whole rule matched. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "sensor/decode/packet.h"
#include "sensor/detect/bits.h"
#include "sensor/detect/detect.h"
#include "sensor/detect/hosts.h"
#include "sensor/flow/flow.h"
#include "sensor/rules/keyword.h"
#include "sensor/rules/number.h"
#include "sensor/rules/text.h"
#include "sensor/settings.h"
#include "sensor/worker/worker.h"

enum { NAMES_MAX = 16 };

enum bit_command { BIT_SET, BIT_UNSET, BIT_TOGGLE, BIT_ISSET, BIT_ISNOTSET, BIT_NOALERT };

static const char *const bit_commands[] = { "set", "unset", "toggle", "isset", "isnotset", "noalert", NULL };

struct bits_condition {
	uint8_t command; /* enum bit_command */
	uint8_t track; /* enum host_track */
	uint8_t count;
	uint32_t names[NAMES_MAX]; /* isset and isnotset: any of them */
	uint64_t expire_s;
};

/* ---- flowbits ---- */

static bool flowbits_test(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct bits_condition *c = match->data;

	if (!context->flow)
		return false;
	for (uint8_t i = 0; i < c->count; i++)
		if (flow_bit_is_set(context->flow, c->names[i]) == (c->command == BIT_ISSET))
			return true;
	return false;
}

static bool flowbits_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct bits_condition *c = match->data;

	if (!context->flow)
		return true;
	if (c->command == BIT_SET)
		flow_bit_set(context->flow, c->names[0]);
	else if (c->command == BIT_UNSET)
		flow_bit_unset(context->flow, c->names[0]);
	else
		flow_bit_toggle(context->flow, c->names[0]);
	return true;
}

static const struct rule_match_ops flowbits_test_ops = {
	.name = "flowbits", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = flowbits_test
};
static const struct rule_match_ops flowbits_do_ops = {
	.name = "flowbits", .target = RULE_TARGET_POST, .match = flowbits_do
};

/* "name" or "a|b|c" for tests. */
static int bits_names(struct rule_builder *builder, struct bits_condition *c, struct bytes text, const char *keyword)
{
	bool is_test = c->command == BIT_ISSET || c->command == BIT_ISNOTSET;
	struct bytes name;

	if (!is_test && bytes_index(text, '|') != text.size)
		return rule_builder_error(builder, "%s: only isset and isnotset take several names", keyword);
	while (rule_text_item(&text, '|', &name)) {
		if (!name.size || memchr(name.ptr, ' ', name.size))
			return rule_builder_error(
				builder, "%s: \"%.*s\" is no name", keyword, (int)name.size, (const char *)name.ptr);
		if (c->count == NAMES_MAX)
			return rule_builder_error(builder, "%s: more than %d names", keyword, NAMES_MAX);
		c->names[c->count] = bits_name(name);
		if (!c->names[c->count++])
			return LUYTRE_E_FULL;
	}
	return c->count ? 0 : rule_builder_error(builder, "%s: a name is missing", keyword);
}

static int flowbits_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct bits_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	struct bytes command;
	int error, choice;
	bool test;

	if (!c)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &command))
		return rule_builder_error(builder, "flowbits expects a command and a name");
	choice = rule_text_choice(command, bit_commands);
	if (choice < 0)
		return rule_builder_error(builder,
			"flowbits expects set, unset, toggle, isset, isnotset or noalert, found \"%.*s\"",
			(int)command.size, (const char *)command.ptr);
	c->command = (uint8_t)choice;
	value = rule_text_trim(value);
	if (choice == BIT_NOALERT) {
		if (value.size)
			return rule_builder_error(builder, "flowbits:noalert takes no name");
		rule_builder_rule(builder)->flags |= RULE_NOALERT;
		return 0;
	}
	error = bits_names(builder, c, value, "flowbits");
	if (error)
		return error;
	test = choice == BIT_ISSET || choice == BIT_ISNOTSET;
	rule_builder_order(builder, RULE_ORDER_FLOWBITS, !test, test || choice == BIT_TOGGLE);
	return rule_builder_add(builder, test ? &flowbits_test_ops : &flowbits_do_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- flowint ---- */

enum int_command {
	INT_SET,
	INT_ADD,
	INT_SUB,
	INT_LESS,
	INT_LESS_EQUAL,
	INT_EQUAL,
	INT_NOT_EQUAL,
	INT_GREATER_EQUAL,
	INT_GREATER,
	INT_ISSET,
	INT_NOTSET
};

static const char *const int_commands[] = { "=", "+", "-", "<", "<=", "==", "!=", ">=", ">", "isset", "notset", NULL };

struct int_condition {
	uint8_t command; /* enum int_command */
	uint32_t name;
	uint32_t other; /* a variable's name, or 0: 'value' */
	uint32_t value;
};

/* The right side; false when its variable is not set. */
static bool int_operand(const struct flow *flow, const struct int_condition *c, uint32_t *ret)
{
	*ret = c->value;
	return !c->other || flow_int_get(flow, c->other, ret);
}

static bool flowint_test(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct int_condition *c = match->data;
	uint32_t left, right;
	bool is_set;

	if (!context->flow)
		return false;
	is_set = flow_int_get(context->flow, c->name, &left);
	if (c->command == INT_ISSET || c->command == INT_NOTSET)
		return is_set == (c->command == INT_ISSET);
	if (!is_set || !int_operand(context->flow, c, &right))
		return false;
	switch (c->command) {
	case INT_LESS:
		return left < right;
	case INT_LESS_EQUAL:
		return left <= right;
	case INT_EQUAL:
		return left == right;
	case INT_NOT_EQUAL:
		return left != right;
	case INT_GREATER_EQUAL:
		return left >= right;
	default:
		return left > right;
	}
}

static bool flowint_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct int_condition *c = match->data;
	uint32_t left = 0, right;

	if (!context->flow || !int_operand(context->flow, c, &right))
		return true;
	flow_int_get(context->flow, c->name, &left);
	if (c->command == INT_ADD)
		right = left + right;
	else if (c->command == INT_SUB)
		right = left - right;
	flow_int_set(context->flow, c->name, right);
	return true;
}

static const struct rule_match_ops flowint_test_ops = {
	.name = "flowint", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = flowint_test
};
static const struct rule_match_ops flowint_do_ops = {
	.name = "flowint", .target = RULE_TARGET_POST, .match = flowint_do
};

static int flowint_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct int_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	struct bytes name, command;
	int choice;
	bool changes;

	if (!c)
		return LUYTRE_E_NOMEM;
	if (!rule_text_item(&value, ',', &name) || !rule_text_item(&value, ',', &command))
		return rule_builder_error(builder, "flowint expects a name, an operator and a value");
	choice = rule_text_choice(command, int_commands);
	if (choice < 0)
		return rule_builder_error(builder,
			"flowint expects =, +, -, <, <=, ==, !=, >=, >, isset or notset, found \"%.*s\"",
			(int)command.size, (const char *)command.ptr);
	c->command = (uint8_t)choice;
	c->name = bits_name(name);
	value = rule_text_trim(value);
	if (choice != INT_ISSET && choice != INT_NOTSET) {
		if (!value.size)
			return rule_builder_error(builder, "flowint: the value is missing");
		if (!rule_text_u32(value, &c->value)) {
			if (value.ptr[0] >= '0' && value.ptr[0] <= '9')
				return rule_builder_error(builder, "flowint: \"%.*s\" is no 32-bit number",
					(int)value.size, (const char *)value.ptr);
			c->other = bits_name(value);
		}
	}
	changes = choice <= INT_SUB;
	rule_builder_order(builder, RULE_ORDER_FLOWINT, changes, !changes || choice != INT_SET);
	return rule_builder_add(builder, changes ? &flowint_do_ops : &flowint_test_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* ---- xbits, hostbits ---- */

static const struct ip_addr *host_of(const struct sensor_packet *packet, uint8_t track)
{
	return track == HOST_DST ? &packet->dst : &packet->src;
}

static bool hosts_test(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct bits_condition *c = match->data;
	const struct sensor_packet *p = context->packet;
	const struct ip_addr *other = c->track == HOST_PAIR ? &p->dst : NULL;

	if (!p->family)
		return false;
	for (uint8_t i = 0; i < c->count; i++)
		if (host_bit_is_set(p->tenant, c->names[i], host_of(p, c->track), other, p->time_ns) ==
			(c->command == BIT_ISSET))
			return true;
	return false;
}

static bool hosts_do(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct bits_condition *c = match->data;
	const struct sensor_packet *p = context->packet;
	const struct ip_addr *host = host_of(p, c->track), *other = c->track == HOST_PAIR ? &p->dst : NULL;
	bool set = c->command == BIT_SET;

	if (!p->family || context->worker->settings->no_traces)
		return true;
	if (c->command == BIT_TOGGLE)
		set = !host_bit_is_set(p->tenant, c->names[0], host, other, p->time_ns);
	if (set)
		host_bit_set(p->tenant, c->names[0], host, other, p->time_ns + c->expire_s * NS_PER_S);
	else
		host_bit_unset(p->tenant, c->names[0], host, other);
	return true;
}

static const struct rule_match_ops hosts_test_ops = {
	.name = "xbits", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = hosts_test
};
static const struct rule_match_ops hosts_do_ops = { .name = "xbits", .target = RULE_TARGET_POST, .match = hosts_do };

static int hosts_add(struct rule_builder *builder, struct bits_condition *c, unsigned int kind)
{
	bool test = c->command == BIT_ISSET || c->command == BIT_ISNOTSET;

	rule_builder_order(builder, kind, !test, test || c->command == BIT_TOGGLE);
	return rule_builder_add(builder, test ? &hosts_test_ops : &hosts_do_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

/* "track ip_src" and "expire 60", in any order behind the name. */
static int xbits_option(struct rule_builder *builder, struct bits_condition *c, struct bytes option)
{
	static const char *const tracks[] = { "ip_src", "ip_dst", "ip_pair", "tx", NULL };
	size_t blank = bytes_index(option, ' ');
	struct bytes word = bytes_first(option, blank), rest = rule_text_trim(bytes_skip(option, blank));

	if (rule_text_is(word, "track")) {
		int track = rule_text_choice(rest, tracks);

		if (track < 0 || track == HOST_TX)
			return rule_builder_error(builder,
				"xbits: track expects ip_src, ip_dst or ip_pair, found \"%.*s\"", (int)rest.size,
				(const char *)rest.ptr);
		c->track = (uint8_t)track;
		return 0;
	}
	if (rule_text_is(word, "expire") && rule_text_u64(rest, &c->expire_s) && c->expire_s &&
		c->expire_s <= UINT32_MAX)
		return 0;
	return rule_builder_error(builder, "xbits: expected track or expire with a value, found \"%.*s\"",
		(int)option.size, (const char *)option.ptr);
}

static int xbits_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	struct bits_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	struct bytes command, name, option;
	bool has_track = false;
	int error, choice;

	if (!c)
		return LUYTRE_E_NOMEM;
	c->expire_s = 30;
	if (!rule_text_item(&value, ',', &command))
		return rule_builder_error(builder, "xbits expects a command, a name and track");
	choice = rule_text_choice(command, bit_commands);
	if (choice == BIT_NOALERT) {
		rule_builder_rule(builder)->flags |= RULE_NOALERT;
		return 0;
	}
	if (choice < 0 || !rule_text_item(&value, ',', &name))
		return rule_builder_error(builder, "xbits expects set, unset, toggle, isset or isnotset and a name");
	c->command = (uint8_t)choice;
	error = bits_names(builder, c, name, "xbits");
	while (!error && rule_text_item(&value, ',', &option)) {
		error = xbits_option(builder, c, option);
		has_track = has_track || bytes_starts_with(option, bytes_from_str("track"));
	}
	if (error)
		return error;
	if (!has_track)
		return rule_builder_error(builder, "xbits: track is missing");
	return hosts_add(builder, c, RULE_ORDER_XBITS);
}

/* "set,name,src", "isset,name,dst"; "both" is the pair. */
static int hostbits_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const tracks[] = { "src", "dst", "both", NULL };
	struct bits_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	struct bytes command, name, side;
	int error, choice, track = HOST_SRC;

	if (!c)
		return LUYTRE_E_NOMEM;
	c->expire_s = 300;
	if (!rule_text_item(&value, ',', &command))
		return rule_builder_error(builder, "hostbits expects a command and a name");
	choice = rule_text_choice(command, bit_commands);
	if (choice == BIT_NOALERT) {
		rule_builder_rule(builder)->flags |= RULE_NOALERT;
		return 0;
	}
	if (choice < 0 || !rule_text_item(&value, ',', &name))
		return rule_builder_error(builder, "hostbits expects set, unset, toggle, isset or isnotset and a name");
	if (rule_text_item(&value, ',', &side))
		track = rule_text_choice(side, tracks);
	if (track < 0)
		return rule_builder_error(builder, "hostbits: expected src or dst, found \"%.*s\"", (int)side.size,
			(const char *)side.ptr);
	c->command = (uint8_t)choice;
	c->track = (uint8_t)track;
	error = bits_names(builder, c, name, "hostbits");
	return error ? error : hosts_add(builder, c, RULE_ORDER_HOSTBITS);
}

/* ---- flow.age, flow.pkts, flow.bytes ---- */

enum flow_measure { FLOW_AGE, FLOW_PKTS, FLOW_BYTES };
enum flow_side_choice { SIDE_TO_SERVER, SIDE_TO_CLIENT, SIDE_EITHER, SIDE_BOTH };

struct flow_condition {
	uint8_t measure, side;
	struct rule_number_test test;
};

static uint64_t measured(const struct flow *flow, uint8_t measure, enum sensor_dir dir)
{
	return measure == FLOW_PKTS ? flow->side[dir].packet_count : flow->side[dir].byte_count;
}

static bool flow_match(
	struct detect_context *context, const struct rule *rule, const struct rule_match *match, void *target)
{
	const struct flow_condition *c = match->data;
	const struct flow *flow = context->flow;
	uint64_t to_server, to_client;

	if (!flow)
		return false;
	if (c->measure == FLOW_AGE)
		return rule_number_holds(&c->test, flow->last_ns / NS_PER_S - flow->start_ns / NS_PER_S);
	to_server = measured(flow, c->measure, TO_SERVER);
	to_client = measured(flow, c->measure, TO_CLIENT);
	switch (c->side) {
	case SIDE_TO_SERVER:
		return rule_number_holds(&c->test, to_server);
	case SIDE_TO_CLIENT:
		return rule_number_holds(&c->test, to_client);
	case SIDE_EITHER:
		return rule_number_holds(&c->test, to_server) || rule_number_holds(&c->test, to_client);
	default:
		return rule_number_holds(&c->test, to_server + to_client);
	}
}

static const struct rule_match_ops flow_ops = {
	.name = "flow.pkts", .target = RULE_TARGET_PACKET, .flags = RULE_OPS_NOT_PACKET, .match = flow_match
};

/* flow.pkts:toserver,>5; the older flow.pkts_toserver:>5; flow.age:>60. */
static int flow_parse(
	struct rule_builder *builder, const struct rule_keyword *keyword, struct bytes value, bool negated)
{
	static const char *const sides[] = { "toserver", "toclient", "either", "both", NULL };
	struct flow_condition *c = arena_alloc(rule_builder_arena(builder), sizeof(*c));
	const char *wrong;
	struct bytes side;
	int choice;

	if (!c)
		return LUYTRE_E_NOMEM;
	c->measure = strstr(keyword->name, "age") ? FLOW_AGE : strstr(keyword->name, "pkts") ? FLOW_PKTS : FLOW_BYTES;
	if (strstr(keyword->name, "_toserver")) {
		c->side = SIDE_TO_SERVER;
	} else if (strstr(keyword->name, "_toclient")) {
		c->side = SIDE_TO_CLIENT;
	} else if (c->measure != FLOW_AGE) {
		choice = rule_text_item(&value, ',', &side) ? rule_text_choice(side, sides) : -1;
		if (choice < 0)
			return rule_builder_error(
				builder, "%s expects toserver, toclient, either or both and a number", keyword->name);
		c->side = (uint8_t)choice;
	}
	wrong = rule_number_parse(rule_text_trim(value), c->measure == FLOW_BYTES ? 64 : 32, NULL, &c->test);
	if (wrong)
		return rule_builder_error(builder, "%s: %s", keyword->name, wrong);
	return rule_builder_add(builder, &flow_ops, c) ? 0 : LUYTRE_E_NOMEM;
}

const struct rule_keyword detect_bits_keywords[] = {
	{ "flowbits", NULL, 0, flowbits_parse, "bits on the flow" },
	{ "flowint", NULL, 0, flowint_parse, "integers on the flow" },
	{ "xbits", NULL, 0, xbits_parse, "bits on hosts and pairs of hosts" },
	{ "hostbits", NULL, 0, hostbits_parse, "bits on hosts" },
	{ "flow.age", NULL, 0, flow_parse, "age of the flow in seconds" },
	{ "flow.pkts", NULL, 0, flow_parse, "packets of the flow" },
	{ "flow.bytes", NULL, 0, flow_parse, "bytes of the flow" },
	{ "flow.pkts_toserver", NULL, 0, flow_parse, "packets to the server" },
	{ "flow.pkts_toclient", NULL, 0, flow_parse, "packets to the client" },
	{ "flow.bytes_toserver", NULL, 0, flow_parse, "bytes to the server" },
	{ "flow.bytes_toclient", NULL, 0, flow_parse, "bytes to the client" },
	{ NULL, NULL, 0, NULL, NULL },
};
