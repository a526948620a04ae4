// SPDX-License-Identifier: Apache-2.0
/* luytre replay: a capture through the sensor (with rules or an event file), or through the shield's filter. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "sensor/worker/replay.h"

enum { LIST_MAX = 512 };

enum {
	OPT_RULES = 512,
	OPT_SURICATA_CONFIG,
	OPT_EVE,
	OPT_FATAL,
	OPT_SET,
	OPT_IPS,
	OPT_DATA_DIR,
	OPT_CACHE,
	OPT_PROFILE,
	OPT_FLOW_MEMCAP,
	OPT_SSN_MEMCAP,
	OPT_REASSEMBLY_MEMCAP,
	OPT_DEFRAG_MEMCAP,
	OPT_ERROR_TS,
	OPT_ERROR_TC,
	OPT_IGNORED,
	OPT_SHIELD_CONFIG,
	OPT_JSON,
	OPT_LANG,
	OPT_DEBUG,
};

static const struct option long_options[] = { { "rules", required_argument, NULL, OPT_RULES },
	{ "suricata-config", required_argument, NULL, OPT_SURICATA_CONFIG },
	{ "eve", required_argument, NULL, OPT_EVE }, { "init-errors-fatal", no_argument, NULL, OPT_FATAL },
	{ "set", required_argument, NULL, OPT_SET }, { "simulate-ips", no_argument, NULL, OPT_IPS },
	{ "data-dir", required_argument, NULL, OPT_DATA_DIR }, { "cache", required_argument, NULL, OPT_CACHE },
	{ "profile", no_argument, NULL, OPT_PROFILE },
	{ "simulate-packet-flow-memcap", required_argument, NULL, OPT_FLOW_MEMCAP },
	{ "simulate-packet-tcp-ssn-memcap", required_argument, NULL, OPT_SSN_MEMCAP },
	{ "simulate-packet-tcp-reassembly-memcap", required_argument, NULL, OPT_REASSEMBLY_MEMCAP },
	{ "simulate-packet-defrag-memcap", required_argument, NULL, OPT_DEFRAG_MEMCAP },
	{ "simulate-applayer-error-at-offset-ts", required_argument, NULL, OPT_ERROR_TS },
	{ "simulate-applayer-error-at-offset-tc", required_argument, NULL, OPT_ERROR_TC },
	{ "runmode", required_argument, NULL, OPT_IGNORED }, { "no-random", no_argument, NULL, OPT_IGNORED },
	{ "config", required_argument, NULL, OPT_SHIELD_CONFIG }, { "json", no_argument, NULL, OPT_JSON },
	{ "lang", required_argument, NULL, OPT_LANG }, { "debug", no_argument, NULL, OPT_DEBUG },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

struct arguments {
	struct replay_options replay;
	const char *rules[LIST_MAX], *sets[LIST_MAX];
	const char *shield_config;
	bool is_sensor, help;
};

static bool add(const char **list, unsigned int *count, const char *value)
{
	if (*count == LIST_MAX) {
		log_error("more than %d times the same option", LIST_MAX);
		return false;
	}
	list[(*count)++] = value;
	return true;
}

static bool read_number(const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	if (*text && !*end)
		return true;
	log_error("expected a number, found %s", text);
	return false;
}

/* False after a message. */
static bool read_simulation(int option, const char *value, struct sensor_options *s)
{
	switch (option) {
	case OPT_FLOW_MEMCAP:
		return read_number(value, &s->simulate_flow_memcap);
	case OPT_SSN_MEMCAP:
		return read_number(value, &s->simulate_ssn_memcap);
	case OPT_REASSEMBLY_MEMCAP:
		return read_number(value, &s->simulate_reassembly_memcap);
	case OPT_DEFRAG_MEMCAP:
		return read_number(value, &s->simulate_defrag_memcap);
	case OPT_ERROR_TS:
		return read_number(value, &s->simulate_applayer_error[TO_SERVER]);
	case OPT_ERROR_TC:
		return read_number(value, &s->simulate_applayer_error[TO_CLIENT]);
	default:
		fprintf(stderr, "luytre: `luytre replay --help` lists the options\n");
		return false;
	}
}

static bool read_option(int option, const char *value, struct arguments *a, struct cli_options *o)
{
	struct sensor_options *s = &a->replay.sensor;

	switch (option) {
	case OPT_RULES:
		a->is_sensor = true;
		return add(a->rules, &a->replay.rules_count, value);
	case OPT_SET:
		a->is_sensor = true;
		return add(a->sets, &s->set_count, value);
	case OPT_SURICATA_CONFIG:
		a->is_sensor = true;
		s->config_path = value;
		return true;
	case OPT_EVE:
		a->is_sensor = true;
		s->eve_path = value;
		return true;
	case OPT_FATAL:
		s->errors_fatal = true;
		return true;
	case OPT_IPS:
		a->is_sensor = s->simulate_ips = true;
		return true;
	case OPT_DATA_DIR:
		s->data_dir = value;
		return true;
	case OPT_CACHE:
		a->replay.cache_dir = value;
		return true;
	case OPT_PROFILE:
		a->replay.profile = true;
		return true;
	case 'k':
		s->no_checksums = !strcmp(value, "none");
		return true;
	case 'T':
		a->is_sensor = true;
		return true;
	case 'v':
	case OPT_IGNORED:
		return true;
	case OPT_SHIELD_CONFIG:
		o->config = value;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_LANG:
		o->lang = strcmp(value, "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
		return true;
	case OPT_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return true;
	case 'h':
		a->help = true;
		return true;
	default:
		return read_simulation(option, value, s);
	}
}

static void print_result(const struct cli_options *options, const struct replay_result *r)
{
	double seconds = (double)r->run_ns / (double)NS_PER_S;

	bool vi = options->lang == LUYTRE_LANG_VI;

	if (vi)
		fprintf(stderr, "%llu gói, %.1f MB trong %.3f giây (%.1f MB/giây), nạp trong %.3f giây\n",
			(unsigned long long)r->packet_count, (double)r->byte_count / 1e6, seconds,
			seconds > 0 ? (double)r->byte_count / 1e6 / seconds : 0.0,
			(double)r->load_ns / (double)NS_PER_S);
	else
		fprintf(stderr, "%llu packets, %.1f MB in %.3f s (%.1f MB/s), loaded in %.3f s\n",
			(unsigned long long)r->packet_count, (double)r->byte_count / 1e6, seconds,
			seconds > 0 ? (double)r->byte_count / 1e6 / seconds : 0.0,
			(double)r->load_ns / (double)NS_PER_S);
	if (vi)
		fprintf(stderr, "luật: %u nạp được, %u bị từ chối, %u bỏ qua; %llu cảnh báo, %llu gói phải bỏ\n",
			r->rules_loaded, r->rules_failed, r->rules_skipped, (unsigned long long)r->alert_count,
			(unsigned long long)r->drop_count);
	else
		fprintf(stderr, "rules: %u loaded, %u refused, %u skipped; %llu alerts, %llu packets to drop\n",
			r->rules_loaded, r->rules_failed, r->rules_skipped, (unsigned long long)r->alert_count,
			(unsigned long long)r->drop_count);
}

int cli_replay_any(const struct cli_options *options)
{
	static struct arguments a;
	struct cli_options o = *options;
	struct replay_result result;
	int option, error;

	a = (struct arguments){ .replay.sensor.offline = true };
	a.replay.sensor.simulate_applayer_error[TO_SERVER] = a.replay.sensor.simulate_applayer_error[TO_CLIENT] =
		UINT64_MAX;
	optind = 1;
	while ((option = getopt_long(o.word_count, o.words, "k:Tvhj", long_options, NULL)) != -1)
		if (!read_option(option, optarg, &a, &o))
			return CLI_USAGE;
	o.words += optind;
	o.word_count -= optind;
	if (a.help) {
		cli_print_verb_help(cli_find(cli_verbs, "replay"), "luytre", o.lang);
		return CLI_DONE;
	}
	if (!a.is_sensor)
		return cli_replay(&o);
	a.replay.rules = a.rules;
	a.replay.sensor.sets = a.sets;
	a.replay.pcaps = (const char *const *)o.words;
	a.replay.pcap_count = (unsigned int)o.word_count;
	error = sensor_replay(&a.replay, &result);
	if (error)
		return CLI_FAILED;
	print_result(&o, &result);
	return CLI_DONE;
}
