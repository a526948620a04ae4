// SPDX-License-Identifier: Apache-2.0
/* The words before the options: "drop:flow http1:request_headers $HOME_NET any -> any 80". */
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "sensor/app/app.h"
#include "sensor/rules/address.h"
#include "sensor/rules/builder.h"
#include "sensor/rules/policy.h"

static const struct {
	const char *name;
	uint8_t action;
} actions[] = {
	{ "alert", ACTION_ALERT },
	{ "drop", ACTION_DROP | ACTION_ALERT },
	{ "pass", ACTION_PASS },
	{ "reject", ACTION_REJECT | ACTION_DROP | ACTION_ALERT },
	{ "rejectsrc", ACTION_REJECT | ACTION_DROP | ACTION_ALERT },
	{ "rejectdst", ACTION_REJECT_DST | ACTION_DROP | ACTION_ALERT },
	{ "rejectboth", ACTION_REJECT_BOTH | ACTION_DROP | ACTION_ALERT },
	{ "config", ACTION_CONFIG },
};

static int read_action(struct rule_builder *builder, struct bytes text)
{
	static const char *const scopes[] = { "packet", "flow", "hook", "tx", NULL };
	size_t colon = bytes_index(text, ':');
	struct rule *rule = builder->rule;
	int scope;

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		if (rule_text_is(bytes_first(text, colon), actions[i].name))
			rule->action = actions[i].action;
	if (rule->action == 0)
		return rule_builder_error(builder, "unknown action \"%.*s\"", (int)(text.size > 40 ? 40 : text.size),
			(const char *)text.ptr);
	if (colon == text.size)
		return 0;
	scope = rule_text_choice(bytes_skip(text, colon + 1), scopes);
	if (scope < 0)
		return rule_builder_error(builder, "the scope of an action is one of packet, flow, hook and tx");
	rule->action_scope = (uint8_t)(scope + 1);
	return 0;
}

enum { ALL_PROTOCOLS = -1 };

static const struct {
	const char *name;
	int16_t protocols[2]; /* IP protocols; 0: no second one */
	uint32_t layer_flags;
} layers[] = {
	{ "tcp", { IPPROTO_TCP }, 0 },
	{ "tcp-pkt", { IPPROTO_TCP }, RULE_PROTO_PACKET_ONLY },
	{ "tcp-stream", { IPPROTO_TCP }, RULE_PROTO_STREAM_ONLY },
	{ "udp", { IPPROTO_UDP }, 0 },
	{ "icmp", { IPPROTO_ICMP, IPPROTO_ICMPV6 }, 0 },
	{ "icmpv4", { IPPROTO_ICMP }, 0 },
	{ "icmpv6", { IPPROTO_ICMPV6 }, 0 },
	{ "sctp", { IPPROTO_SCTP }, 0 },
	{ "ip", { ALL_PROTOCOLS }, RULE_PROTO_ANY_IP },
	{ "any", { ALL_PROTOCOLS }, RULE_PROTO_ANY_IP },
	{ "ipv4", { ALL_PROTOCOLS }, RULE_PROTO_IPV4_ONLY },
	{ "ip4", { ALL_PROTOCOLS }, RULE_PROTO_IPV4_ONLY },
	{ "ipv6", { ALL_PROTOCOLS }, RULE_PROTO_IPV6_ONLY },
	{ "ip6", { ALL_PROTOCOLS }, RULE_PROTO_IPV6_ONLY },
	{ "pkthdr", { ALL_PROTOCOLS }, RULE_PROTO_ANY_IP | RULE_PROTO_PKTHDR },
};

static void set_protocol(struct rule *rule, int protocol)
{
	if (protocol == ALL_PROTOCOLS)
		memset(rule->ip_protocols, 0xff, sizeof(rule->ip_protocols));
	else if (protocol > 0)
		rule->ip_protocols[protocol / 8] |= (uint8_t)(1 << protocol % 8);
}

static bool read_layer(struct rule *rule, struct bytes text)
{
	for (size_t i = 0; i < ARRAY_COUNT(layers); i++) {
		if (!rule_text_is(text, layers[i].name))
			continue;
		rule->layer_flags = layers[i].layer_flags;
		set_protocol(rule, layers[i].protocols[0]);
		set_protocol(rule, layers[i].protocols[1]);
		return true;
	}
	return false;
}

/* Names of progress that every protocol has beside its own. */
static bool find_common_state(const struct app_protocol *protocol, struct bytes name, uint8_t *dir, uint8_t *progress)
{
	static const char *const names[] = { "request_started", "request_complete", "response_started",
		"response_complete", NULL };
	int index = rule_text_choice(name, names);

	if (index < 0)
		return false;
	*dir = index < 2 ? TO_SERVER : TO_CLIENT;
	*progress = index % 2 == 0 ? 0 : protocol->complete[*dir];
	return true;
}

static int read_hook(struct rule_builder *builder, struct bytes name)
{
	struct rule *rule = builder->rule;

	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);
		const struct app_state_name *state = protocol->states;

		if ((builder->header_protocols >> app_protocol_index(protocol) & 1) == 0)
			continue;
		while (state && state->name && !rule_text_is(name, state->name))
			state++;
		if (state && state->name) {
			rule->hook_dir = state->dir;
			rule->hook_progress = state->progress;
		} else if (!find_common_state(protocol, name, &rule->hook_dir, &rule->hook_progress)) {
			continue;
		}
		rule->has_hook = true;
		rule_builder_dirs(builder, (uint8_t)(1 << rule->hook_dir));
		return 0;
	}
	return rule_builder_error(builder, "the protocol has no hook \"%.*s\"", (int)(name.size > 40 ? 40 : name.size),
		(const char *)name.ptr);
}

static void add_transports(struct rule *rule, uint64_t protocols)
{
	for (unsigned int i = 0; i < app_protocol_count(); i++) {
		const struct app_protocol *protocol = app_protocol_at(i);

		if ((protocols >> app_protocol_index(protocol) & 1) == 0)
			continue;
		if ((protocol->transports & APP_TCP) != 0)
			set_protocol(rule, IPPROTO_TCP);
		if ((protocol->transports & APP_UDP) != 0)
			set_protocol(rule, IPPROTO_UDP);
	}
}

static int read_protocol(struct rule_builder *builder, struct bytes text)
{
	size_t colon = bytes_index(text, ':');
	struct bytes word = bytes_first(text, colon);
	char name[32];
	uint64_t protocols;

	if (colon == text.size && read_layer(builder->rule, text))
		return 0;
	if (!bytes_to_str(word, name, sizeof(name)))
		return rule_builder_error(builder, "the name of the protocol is too long");
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	protocols = rule_protocols_named(name);
	if (protocols == 0)
		return rule_builder_error(builder, "unknown protocol \"%s\"", name);
	protocols &= ~builder->context->protocols_off;
	if (protocols == 0)
		return rule_builder_error(builder, "the protocol %s is switched off in the configuration", name);
	builder->header_protocols = protocols;
	builder->rule->app_named = true;
	add_transports(builder->rule, protocols);
	if (rule_builder_restrict(builder, protocols, name) < 0)
		return LUYTRE_E_SYNTAX;
	return colon < text.size ? read_hook(builder, bytes_skip(text, colon + 1)) : 0;
}

static int read_endpoint(
	struct rule_builder *builder, struct bytes address, struct bytes port, struct rule_endpoint *ret)
{
	struct policy *policy = builder->context->policy;
	char message[ADDRESS_MESSAGE_SIZE];
	int error = address_sets_intern(policy->addresses, address, message, &ret->address_set);

	if (error == 0)
		error = port_sets_intern(policy->ports, port, message, &ret->port_set);
	if (error < 0)
		return rule_builder_error(builder, "%.200s", message);
	return 0;
}

static void note_any(struct rule_builder *builder)
{
	const struct policy *policy = builder->context->policy;
	struct rule *rule = builder->rule;

	if (address_sets_is_any(policy->addresses, rule->src.address_set))
		rule->flags |= RULE_SRC_ANY;
	if (address_sets_is_any(policy->addresses, rule->dst.address_set))
		rule->flags |= RULE_DST_ANY;
	if (port_sets_is_any(policy->ports, rule->src.port_set))
		rule->flags |= RULE_SPORT_ANY;
	if (port_sets_is_any(policy->ports, rule->dst.port_set))
		rule->flags |= RULE_DPORT_ANY;
}

int rule_header_read(struct rule_builder *builder, const struct rule_text *text)
{
	struct rule *rule = builder->rule;
	int error = read_action(builder, text->action);

	if (error == 0)
		error = read_protocol(builder, text->protocol);
	if (error == 0)
		error = read_endpoint(builder, text->src, text->sport, &rule->src);
	if (error == 0)
		error = read_endpoint(builder, text->dst, text->dport, &rule->dst);
	if (error < 0)
		return error;
	note_any(builder);
	/* A rule between the same two sides is one rule in either direction. */
	if (text->arrow == RULE_ARROW_BOTH &&
		(rule->src.address_set != rule->dst.address_set || rule->src.port_set != rule->dst.port_set))
		rule->flags |= RULE_BIDIRECTIONAL;
	if (text->arrow == RULE_ARROW_TRANSACTION) {
		if (!rule->app_named)
			return rule_builder_error(builder, "=> needs an application protocol");
		rule->flags |= RULE_TRANSACTIONAL_BIDIR;
	}
	return 0;
}
