// SPDX-License-Identifier: Apache-2.0
/* The list of protocols, and what the configuration makes of each: recognised or not, parsed or not, ports, counters. */
#include "sensor/app/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "sensor/app/list.h"
#include "sensor/config/tree.h"
#include "sensor/settings.h"
#include "sensor/stats.h"
#include "sensor/worker/worker.h"

#define X(id) extern const struct app_protocol app_protocol_##id;
APP_PROTOCOLS(X)
#undef X

static const struct app_protocol *const protocols[] = {
#define X(id) &app_protocol_##id,
	APP_PROTOCOLS(X)
#undef X
};

_Static_assert(ARRAY_COUNT(protocols) <= APP_SLOTS_MAX, "APP_SLOTS_MAX is too small for the list");

static const char *const transport_names[APP_TRANSPORTS] = { "tcp", "udp" };

const struct app_protocol *app_protocol_find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(protocols); i++) {
		const struct app_protocol *protocol = protocols[i];

		if (strcasecmp(protocol->name, name) == 0 ||
			(protocol->rule_alias && strcasecmp(protocol->rule_alias, name) == 0))
			return protocol;
	}
	return NULL;
}

unsigned int app_protocol_count(void)
{
	return ARRAY_COUNT(protocols);
}

const struct app_protocol *app_protocol_at(unsigned int index)
{
	return index < ARRAY_COUNT(protocols) ? protocols[index] : NULL;
}

unsigned int app_protocol_index(const struct app_protocol *protocol)
{
	unsigned int i = 0;

	while (i < ARRAY_COUNT(protocols) && protocols[i] != protocol)
		i++;
	return i;
}

bool app_protocol_has_parser(const struct app_protocol *protocol)
{
	return protocol->parse[TO_SERVER] || protocol->parse[TO_CLIENT];
}

struct app_slot *app_slot_of(struct app_state *state, const struct app_protocol *protocol)
{
	for (unsigned int i = 0; i < state->slot_count; i++)
		if (state->slots[i].protocol == protocol)
			return &state->slots[i];
	return NULL;
}

/* ---- Ports ---- */

static int port_read(const char **text, uint16_t *ret)
{
	unsigned long value = 0;
	const char *pos = *text;

	while (*pos == ' ' || *pos == '[')
		pos++;
	if (!isdigit((unsigned char)*pos))
		return LUYTRE_E_SYNTAX;
	for (; isdigit((unsigned char)*pos); pos++) {
		value = value * 10 + (unsigned long)(*pos - '0');
		if (value > UINT16_MAX)
			return LUYTRE_E_RANGE;
	}
	while (*pos == ' ' || *pos == ']')
		pos++;
	*text = pos;
	*ret = (uint16_t)value;
	return 0;
}

int app_ports_parse(const char *text, struct app_ports *ret)
{
	struct app_ports ports = { 0 };

	if (text[0] == '\0' || strcmp(text, "any") == 0) {
		*ret = (struct app_ports){ .any = true };
		return 0;
	}
	while (*text != '\0') {
		struct app_port_range range = { 0 };
		int error = port_read(&text, &range.first);

		range.last = range.first;
		if (error == 0 && (*text == '-' || *text == ':')) {
			text++;
			error = port_read(&text, &range.last);
		}
		if (error != 0)
			return error;
		if (*text != ',' && *text != '\0')
			return LUYTRE_E_SYNTAX;
		if (ports.count == APP_PORT_RANGES_MAX)
			return LUYTRE_E_FULL;
		ports.ranges[ports.count++] = range;
		text += *text == ',';
	}
	*ret = ports;
	return 0;
}

bool app_ports_have(const struct app_ports *ports, uint16_t port)
{
	if (ports->any)
		return true;
	for (uint8_t i = 0; i < ports->count; i++)
		if (port >= ports->ranges[i].first && port <= ports->ranges[i].last)
			return true;
	return false;
}

/* ---- Counters ---- */

static unsigned int counter_make(const char *family, const char *name, const char *suffix)
{
	char text[160];

	snprintf(text, sizeof(text), "app_layer.%s.%s%s", family, name, suffix);
	return stats_register(text);
}

static void counters_make(struct app_slot *slot, unsigned int transport, bool by_policy)
{
	static const char *const errors[] = { ".gap", ".alloc", ".parser", ".internal" };
	const struct app_protocol *protocol = slot->protocol;
	const char *base = protocol->counter ? protocol->counter : protocol->name;
	bool both = protocol->transports == (APP_TCP | APP_UDP);
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", base, both ? "_" : "", both ? transport_names[transport] : "");
	slot->counter_flow[transport] = counter_make("flow", name, "");
	slot->counter_tx[transport] = counter_make("tx", name, "");
	for (unsigned int i = 0; i < ARRAY_COUNT(errors); i++)
		slot->counter_error[transport][i] = counter_make("error", name, errors[i]);
	if (!by_policy)
		return;

	static const char *const policies[EXCEPTION_COUNT] = {
#define X(id, policy_name) policy_name,
		EXCEPTION_POLICIES(X)
#undef X
	};

	for (unsigned int i = EXCEPTION_IGNORE; i < EXCEPTION_COUNT; i++) {
		char suffix[64];
		unsigned int index;

		snprintf(suffix, sizeof(suffix), ".exception_policy.%s", policies[i]);
		index = counter_make("error", name, suffix);
		if (i == EXCEPTION_IGNORE)
			slot->counter_policy[transport] = index;
	}
}

/* ---- Switches ---- */

/* "app-layer.protocols.NAME.PATH" before "app-layer.protocols.NAME.tcp.PATH". */
static const struct conf_node *option(const struct conf_node *node, unsigned int transport, const char *path)
{
	const struct conf_node *found = conf_get(node, path);

	return found ? found : conf_get(conf_get(node, transport_names[transport]), path);
}

static void switches_read(struct app_slot *slot, const struct conf_node *node, unsigned int transport)
{
	const char *text = conf_text(option(node, transport, "enabled"), "", NULL);
	const struct conf_node *ports = option(node, transport, "detection-ports.dp");
	bool enabled = !slot->protocol->disabled_by_default;

	slot->detect[transport] = slot->parse[transport] = enabled;
	if (text && strcasecmp(text, "detection-only") == 0) {
		slot->detect[transport] = true;
		slot->parse[transport] = false;
	} else if (text) {
		slot->detect[transport] = slot->parse[transport] =
			conf_bool(option(node, transport, "enabled"), "", enabled);
	}
	text = conf_text(ports, "", NULL);
	if (!text || text[0] == '\0')
		return;
	if (app_ports_parse(text, &slot->ports[transport]) == 0)
		slot->has_ports[transport] = true;
	else
		conf_complain(ports, "\"%s\" is no list of ports", text);
}

/* Options of the record of this name in the first enabled output that has any. */
static const struct conf_node *log_options(const struct conf_node *root, const char *record)
{
	CONF_FOR(item, conf_get(root, "outputs"))
	{
		const struct conf_node *options = conf_item_options(item);

		if (strcmp(conf_item_name(item), "eve-log") != 0 || !conf_bool(options, "enabled", false))
			continue;
		CONF_FOR(type, conf_get(options, "types"))
		{
			if (strcmp(conf_item_name(type), record) == 0 && conf_item_options(type))
				return conf_item_options(type);
		}
	}
	return NULL;
}

static int slot_load(struct app_state *state, struct app_slot *slot, const struct app_protocol *protocol)
{
	const struct conf_node *root = state->worker->settings->root;
	const struct conf_node *node = conf_child(conf_get(root, "app-layer.protocols"), protocol->name);
	const struct conf_node *depth = conf_get(node, "stream-depth");
	bool by_policy = conf_bool(root, "stats.exception-policy.per-app-proto-errors", false);

	slot->protocol = protocol;
	for (unsigned int transport = 0; transport < APP_TRANSPORTS; transport++) {
		if (!(protocol->transports & (transport == 0 ? APP_TCP : APP_UDP)))
			continue;
		switches_read(slot, node, transport);
		if (slot->detect[transport])
			counters_make(slot, transport, by_policy);
	}
	slot->tx_max = (uint32_t)conf_u64_between(
		node, "max-tx", protocol->tx_max ? protocol->tx_max : APP_TX_MAX_DEFAULT, 1, UINT32_MAX);
	slot->log_options = protocol->event_type ? log_options(root, protocol->event_type) : NULL;
	if (depth) {
		slot->depth_set = true;
		slot->depth_size = (uint32_t)conf_size(depth, "", 0);
	}
	return protocol->configure ? protocol->configure(node, &slot->config) : 0;
}

int app_slots_load(struct app_state *state)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(protocols); i++) {
		int error = slot_load(state, &state->slots[i], protocols[i]);

		if (error != 0)
			return error;
		state->slot_count = i + 1;
	}
	state->counter_failed[0] = stats_register("app_layer.flow.failed_tcp");
	state->counter_failed[1] = stats_register("app_layer.flow.failed_udp");
	state->counter_frames_dropped = stats_register("app_layer.frames.dropped");
	return 0;
}

void app_slots_free(struct app_state *state)
{
	for (unsigned int i = 0; i < state->slot_count; i++) {
		struct app_slot *slot = &state->slots[i];

		if (slot->protocol->configure_free && slot->config)
			slot->protocol->configure_free(slot->config);
	}
}
