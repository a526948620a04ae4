// SPDX-License-Identifier: Apache-2.0
#include "cli/sensor-config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "sensor/output/eve.h"
#include "sensor/rules/address.h"
#include "sensor/rules/policy.h"
#include "sensor/worker/load.h"

enum { ARENA_MAX = 256 << 20, PATH_SIZE = 512, VALUE_SIZE = 4352 };

/* ---- Rows ---- */

static int add(struct sensor_config *c, unsigned int line, const char *value, const char *path)
{
	struct sensor_setting *row;

	if (c->setting_count == c->setting_room) {
		unsigned int room = c->setting_room ? 2 * c->setting_room : 64;
		struct sensor_setting *grown = realloc(c->settings, room * sizeof(*grown));

		if (!grown)
			return LUYTRE_E_NOMEM;
		c->settings = grown;
		c->setting_room = room;
	}
	row = &c->settings[c->setting_count++];
	*row = (struct sensor_setting){ .path = arena_strdup(&c->arena, path),
		.value = arena_strdup(&c->arena, value),
		.file = c->file,
		.line = line };
	return row->path && row->value ? 0 : LUYTRE_E_NOMEM;
}

PRINTF_LIKE(4, 5)
static int add_at(struct sensor_config *c, unsigned int line, const char *value, const char *format, ...)
{
	char path[PATH_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return add(c, line, value, path);
}

/* Sizes and numbers that are not set leave what holds without them. */
static int add_number(struct sensor_config *c, unsigned int line, uint64_t value, const char *path)
{
	char text[32];

	if (!value)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return add(c, line, text, path);
}

static int add_text(struct sensor_config *c, const char *value, const char *path)
{
	return value ? add(c, c->config->sensor.line, value, path) : 0;
}

static int add_pairs(struct sensor_config *c, const struct config_pairs *pairs, const char *prefix)
{
	int error = 0;

	for (size_t i = 0; i < pairs->count && !error; i++)
		error = add_at(c, pairs->items[i].line, pairs->items[i].value, "%s%s", prefix, pairs->items[i].name);
	return error;
}

/* ---- Parts ---- */

static int add_output(struct sensor_config *c, const struct config_sensor_output *o, size_t index)
{
	static const char *const types[] = { "regular", "unix_stream", "unix_dgram" };
	char prefix[64], number[32];
	int error;

	snprintf(prefix, sizeof(prefix), "outputs.%zu.eve-log.", index);
	error = add_at(c, o->line, "yes", "%senabled", prefix);
	if (!error)
		error = add_at(c, o->line, types[o->type], "%sfiletype", prefix);
	if (!error)
		error = add_at(c, o->line, o->path, "%sfilename", prefix);
	if (!error)
		error = add_at(c, o->line, o->community_id ? "yes" : "no", "%scommunity-id", prefix);
	if (!error)
		error = add_at(c, o->line, o->ethernet ? "yes" : "no", "%sethernet", prefix);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)o->rotate_size);
	if (!error)
		error = add_at(c, o->line, number, "%srotate-size", prefix);
	snprintf(number, sizeof(number), "%u", o->rotate_interval_s);
	if (!error)
		error = add_at(c, o->line, number, "%srotate-interval", prefix);
	for (size_t i = 0; i < o->types.count && !error; i++)
		error = add_at(c, o->types.items[i].line, o->types.items[i].text, "%stypes.%zu", prefix, i);
	for (size_t i = 0; i < o->types.count && !error && o->payload; i++)
		if (!strcmp(o->types.items[i].text, "alert"))
			error = add_at(c, o->line, "yes", "%stypes.%zu.alert.payload", prefix, i);
	return error;
}

/* The usual records, for an output that names none. */
static const char *const usual_types[] = { "alert", "anomaly", "http", "dns", "tls", "files", "smtp", "websocket",
	"ftp", "rdp", "smb", "tftp", "ike", "dcerpc", "krb5", "snmp", "rfb", "sip", "quic", "ldap", "pop3", "dhcp",
	"ssh", "mqtt", "flow", "stats" };

static int add_outputs(struct sensor_config *c)
{
	const struct config_sensor *s = &c->config->sensor;
	struct config_word words[sizeof(usual_types) / sizeof(usual_types[0])];
	int error = s->output_count ? add(c, s->line, "", "outputs") : 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = (struct config_word){ usual_types[i], 0 };
	for (size_t i = 0; i < s->output_count && !error; i++) {
		struct config_sensor_output output = s->outputs[i];

		if (!output.types.count)
			output.types = (struct config_words){ words, sizeof(words) / sizeof(words[0]) };
		error = add_output(c, &output, i);
	}
	return error;
}

static int add_tenant(struct sensor_config *c, const struct config_tenant *tenant, size_t index)
{
	static const char *const modes[] = { "", "shadow", "enforce", "off" };
	const struct config_tenant_sensor *s = &tenant->sensor;
	const char *mode = s->mode != CONFIG_SENSOR_TENANT       ? modes[s->mode]
			   : tenant->mode == CONFIG_MODE_ENFORCE ? "enforce"
								 : "shadow";
	char prefix[160], path[224], text[IP_PREFIX_TEXT_SIZE];
	unsigned int line = c->config->sensor.line;
	int error;

	snprintf(prefix, sizeof(prefix), "tenants.%zu.%s.", index, tenant->name);
	error = add_at(c, line, mode, "%smode", prefix);
	for (size_t i = 0; i < tenant->prefixes.count && !error; i++)
		error = add_at(
			c, line, ip_prefix_format(&tenant->prefixes.items[i], text), "%snetworks.%zu", prefix, i);
	for (size_t i = 0; i < s->rules.count && !error; i++)
		error = add_at(c, s->rules.items[i].line, s->rules.items[i].text, "%srule-files.%zu", prefix, i);
	if (!error && s->thresholds)
		error = add_at(c, line, s->thresholds, "%sthreshold-file", prefix);
	snprintf(path, sizeof(path), "%svars.address-groups.", prefix);
	if (!error)
		error = add_pairs(c, &s->address_groups, path);
	snprintf(path, sizeof(path), "%svars.port-groups.", prefix);
	if (!error)
		error = add_pairs(c, &s->port_groups, path);
	snprintf(path, sizeof(path), "%sverdicts.", prefix);
	if (!error)
		error = add_pairs(c, &s->verdicts, path);
	return error;
}

static int add_tenants(struct sensor_config *c)
{
	int error = c->config->tenant_count ? add(c, c->config->sensor.line, "", "tenants") : 0;

	for (size_t i = 0; i < c->config->tenant_count && !error; i++)
		error = add_tenant(c, &c->config->tenants[i], i);
	return error;
}

static int add_ceilings(struct sensor_config *c)
{
	const struct config_sensor *s = &c->config->sensor;
	const struct {
		const char *path;
		uint64_t value;
	} rows[] = {
		{ "flow.memcap", s->memory.flow },
		{ "stream.memcap", s->memory.stream },
		{ "stream.reassembly.memcap", s->memory.reassembly },
		{ "defrag.memcap", s->memory.defrag },
		{ "detect.thresholds.memcap", s->memory.thresholds },
		{ "stats.interval", s->stats_interval_s },
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !error; i++)
		error = add_number(c, s->line, rows[i].value, rows[i].path);
	return error;
}

static int add_evidence(struct sensor_config *c)
{
	const struct config_sensor_evidence *e = &c->config->sensor.evidence;
	unsigned int line = c->config->sensor.line;
	char number[32];
	int error;

	if (!e->enabled)
		return 0;
	error = add(c, line, "yes", "evidence.enabled");
	if (!error)
		error = add(c, line, e->dir, "evidence.dir");
	snprintf(number, sizeof(number), "%u", e->before);
	if (!error)
		error = add(c, line, number, "evidence.before");
	snprintf(number, sizeof(number), "%u", e->after);
	if (!error)
		error = add(c, line, number, "evidence.after");
	return error ? error : add_number(c, line, e->max_size, "evidence.max-size");
}

static int add_all(struct sensor_config *c)
{
	const struct config_sensor *s = &c->config->sensor;
	const char *output_dir = s->output_dir || s->suricata_config ? s->output_dir : SENSOR_OUTPUT_DIR;
	int error = add_text(c, output_dir, "default-log-dir");

	if (!error)
		error = add_pairs(c, &s->address_groups, "vars.address-groups.");
	if (!error)
		error = add_pairs(c, &s->port_groups, "vars.port-groups.");
	if (!error)
		error = add_text(c, s->thresholds, "threshold-file");
	if (!error)
		error = add_text(c, s->classes, "classification-file");
	if (!error)
		error = add_text(c, s->references, "reference-config-file");
	if (!error)
		error = add_ceilings(c);
	if (!error)
		error = add_outputs(c);
	if (!error)
		error = add_evidence(c);
	if (!error)
		error = add_tenants(c);
	return error ? error : add_pairs(c, &s->options, "");
}

/* ---- The whole ---- */

/* Where packets come from. */
static bool take_source(const struct config_sensor *s, struct source_options *source)
{
	static const enum source_spread spreads[] = { SOURCE_SPREAD_FLOW, SOURCE_SPREAD_ADDRESS, SOURCE_SPREAD_QUEUE };

	source->worker_count = s->workers;
	source->fail_open = s->fail == CONFIG_FAIL_OPEN;
	if (s->look.line) {
		source->kind = SOURCE_AF_PACKET;
		source->interface = s->look.interface;
		source->spread = spreads[s->look.spread];
		source->ring_size = (uint32_t)s->look.ring_size;
		source->no_promiscuous = !s->look.promiscuous;
	} else if (s->wire.line) {
		source->kind = SOURCE_AF_XDP;
		source->interface = s->wire.outside;
		source->peer = s->wire.inside;
		source->flow_idle_ns = s->wire.flow_idle_s * NS_PER_S;
	} else if (s->nfqueue.line) {
		source->kind = SOURCE_NFQUEUE;
		source->queue = (uint16_t)s->nfqueue.first;
		source->queue_size = s->nfqueue.size;
		source->bypass_mark = s->nfqueue.bypass_mark;
	} else if (s->folder.line) {
		source->kind = SOURCE_DIRECTORY;
		source->directory = s->folder.path;
		source->once = s->folder.once;
	} else {
		return false;
	}
	return true;
}

int sensor_config_apply(struct sensor_config *c, const struct config *config, const char *path,
	struct sensor_run_options *run, bool *ret_has_source)
{
	const struct config_sensor *s = &config->sensor;
	int error;

	*c = (struct sensor_config){ .file = path, .config = config };
	arena_init(&c->arena, ARENA_MAX);
	c->rules = calloc(s->rules.count ? s->rules.count : 1, sizeof(*c->rules));
	error = c->rules ? add_all(c) : LUYTRE_E_NOMEM;
	if (error) {
		sensor_config_done(c);
		return error;
	}
	for (size_t i = 0; i < s->rules.count; i++)
		c->rules[i] = s->rules.items[i].text;
	*ret_has_source = take_source(s, &run->source);
	run->source.pin_dir = config->pin_dir;
	run->rules = c->rules;
	run->rules_count = (unsigned int)s->rules.count;
	run->cache_dir = s->cache_dir;
	run->control_path = s->control_socket;
	run->profile = s->profile;
	run->detach = s->wire.line && s->wire.detach;
	run->sensor.config_path = s->suricata_config;
	run->sensor.own = c->settings;
	run->sensor.own_count = c->setting_count;
	run->sensor.own_outputs = s->output_count != 0;
	run->sensor.data_dir = s->data_dir;
	run->sensor.errors_fatal = s->strict_rules;
	return 0;
}

void sensor_config_done(struct sensor_config *c)
{
	arena_done(&c->arena);
	free(c->settings);
	free(c->rules);
	*c = (struct sensor_config){ 0 };
}

/* ---- luytre check ---- */

static int complain(const char *path, unsigned int line, const char *setting, const char *name, const char *message)
{
	fprintf(stderr, "%s:%u: %s.%s: %s\n", path, line, setting, name, message);
	return LUYTRE_E_SYNTAX;
}

/* Every group must mean something, whether a rule uses it or not. */
static int check_groups(const struct config *config, const char *path, const struct policy *policy)
{
	const struct config_pairs *addresses = &config->sensor.address_groups, *ports = &config->sensor.port_groups;
	char message[ADDRESS_MESSAGE_SIZE] = "", name[80];
	uint32_t set;
	int error = 0;

	for (size_t i = 0; i < addresses->count; i++) {
		snprintf(name, sizeof(name), "$%s", addresses->items[i].name);
		if (address_sets_intern(policy->addresses, bytes_from_str(name), message, &set))
			error = complain(path, addresses->items[i].line, "sensor.address_groups",
				addresses->items[i].name, message);
	}
	for (size_t i = 0; i < ports->count; i++) {
		snprintf(name, sizeof(name), "$%s", ports->items[i].name);
		if (port_sets_intern(policy->ports, bytes_from_str(name), message, &set))
			error = complain(
				path, ports->items[i].line, "sensor.port_groups", ports->items[i].name, message);
	}
	return error;
}

static int check_records(const struct config *config, const char *path)
{
	const struct config_sensor *s = &config->sensor;
	int error = 0;

	for (size_t i = 0; i < s->output_count; i++)
		for (size_t j = 0; j < s->outputs[i].types.count; j++)
			if (!eve_knows(s->outputs[i].types.items[j].text))
				error = complain(path, s->outputs[i].types.items[j].line, "sensor.outputs[].types",
					s->outputs[i].types.items[j].text, "there is no such record");
	return error;
}

int sensor_config_check(
	const struct config *config, const char *path, unsigned int *ret_rules, unsigned int *ret_refused)
{
	struct sensor_run_options run = { 0 };
	struct sensor_settings *settings = NULL;
	struct policy *policy = NULL;
	struct sensor_config c;
	bool has_source;
	int error = sensor_config_apply(&c, config, path, &run, &has_source);

	if (error)
		return error;
	/* A wrong value would be warned about and left out at the start; here it is what was asked for. */
	run.sensor.errors_fatal = true;
	error = sensor_settings_load(&run.sensor, &settings);
	if (!error)
		error = load_policy(settings, run.rules, run.rules_count, config->sensor.strict_rules, &policy);
	if (!error) {
		*ret_rules = policy->loaded_count;
		*ret_refused = policy->failed_count;
		error = check_groups(config, path, policy);
	}
	if (check_records(config, path) && !error)
		error = LUYTRE_E_SYNTAX;
	if (!error)
		error = sensor_settings_complaints(settings, true);
	rules_free(policy);
	sensor_settings_free(settings);
	sensor_config_done(&c);
	return error;
}
