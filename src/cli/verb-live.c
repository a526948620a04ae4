// SPDX-License-Identifier: Apache-2.0
/* luytre sensor: the running sensor, and what it says of itself. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/sensor-config.h"
#include "cli/sensor-places.h"
#include "sensor/worker/sensor.h"
#include "shield/config.h"
#include "shield/emulate.h"

#define DEFAULT_SOCKET "/run/luytre/sensor.sock"
#define DEFAULT_PINS   "/sys/fs/bpf/luytre"
#define RING_SIZE      (64u << 20)
#define QUEUE_SIZE     8192
#define FLOW_IDLE_NS   (100 * NS_PER_S)

enum { LIST_MAX = 512, NAME_SIZE = 32 };

enum {
	OPT_INTERFACE = 512,
	OPT_WIRE,
	OPT_NFQUEUE,
	OPT_DIRECTORY,
	OPT_WORKERS,
	OPT_RULES,
	OPT_SURICATA_CONFIG,
	OPT_SET,
	OPT_EVE,
	OPT_DATA_DIR,
	OPT_CACHE,
	OPT_FATAL,
	OPT_PROFILE,
	OPT_FAIL,
	OPT_SPREAD,
	OPT_RING,
	OPT_QUEUE_SIZE,
	OPT_MARK,
	OPT_FLOW_IDLE,
	OPT_NO_PROMISCUOUS,
	OPT_ONCE,
	OPT_DETACH,
	OPT_KEEP,
	OPT_CONFIG,
	OPT_SOCKET,
	OPT_PINS,
	OPT_JSON,
	OPT_LANG,
	OPT_DEBUG,
};

static const struct option long_options[] = { { "interface", required_argument, NULL, OPT_INTERFACE },
	{ "wire", required_argument, NULL, OPT_WIRE }, { "nfqueue", required_argument, NULL, OPT_NFQUEUE },
	{ "directory", required_argument, NULL, OPT_DIRECTORY }, { "workers", required_argument, NULL, OPT_WORKERS },
	{ "config", required_argument, NULL, OPT_CONFIG }, { "rules", required_argument, NULL, OPT_RULES },
	{ "suricata-config", required_argument, NULL, OPT_SURICATA_CONFIG },
	{ "set", required_argument, NULL, OPT_SET }, { "eve", required_argument, NULL, OPT_EVE },
	{ "data-dir", required_argument, NULL, OPT_DATA_DIR }, { "cache", required_argument, NULL, OPT_CACHE },
	{ "init-errors-fatal", no_argument, NULL, OPT_FATAL }, { "profile", no_argument, NULL, OPT_PROFILE },
	{ "fail", required_argument, NULL, OPT_FAIL }, { "spread", required_argument, NULL, OPT_SPREAD },
	{ "ring-size", required_argument, NULL, OPT_RING }, { "queue-size", required_argument, NULL, OPT_QUEUE_SIZE },
	{ "bypass-mark", required_argument, NULL, OPT_MARK }, { "flow-idle", required_argument, NULL, OPT_FLOW_IDLE },
	{ "no-promiscuous", no_argument, NULL, OPT_NO_PROMISCUOUS }, { "once", no_argument, NULL, OPT_ONCE },
	{ "detach", no_argument, NULL, OPT_DETACH }, { "keep-privileges", no_argument, NULL, OPT_KEEP },
	{ "socket", required_argument, NULL, OPT_SOCKET }, { "pin-dir", required_argument, NULL, OPT_PINS },
	{ "json", no_argument, NULL, OPT_JSON }, { "lang", required_argument, NULL, OPT_LANG },
	{ "debug", no_argument, NULL, OPT_DEBUG }, { NULL, 0, NULL, 0 } };

struct arguments {
	struct sensor_run_options run;
	const char *rules[LIST_MAX], *sets[LIST_MAX];
	unsigned int rules_count;
	char outside[NAME_SIZE], inside[NAME_SIZE];
	bool has_source, config_has_source;
	struct config *config; /* of --config; null: none */
	struct sensor_config sensor_config;
	struct sensor_places places;
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

/* ---- Reading options ---- */

static bool read_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 0);
	if (*text && !*end && *ret <= max)
		return true;
	log_error("expected a number up to %llu, found %s", (unsigned long long)max, text);
	return false;
}

/* One of several words; its place in the list, or -1 after a message. */
static int read_word(const char *option, const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	log_error("%s does not know %s", option, text);
	return -1;
}

static bool choose(struct arguments *a, enum source_kind kind)
{
	if (a->has_source) {
		log_error("one source only: --interface, --wire, --nfqueue or --directory");
		return false;
	}
	a->has_source = true;
	a->run.source.kind = kind;
	return true;
}

/* "out0,in0" */
static bool read_wire(struct arguments *a, const char *value)
{
	const char *comma = strchr(value, ',');
	size_t size = comma ? (size_t)(comma - value) : 0;

	if (!size || size >= NAME_SIZE || !comma[1] || strlen(comma + 1) >= NAME_SIZE) {
		log_error("--wire expects two interfaces, OUTSIDE,INSIDE; found %s", value);
		return false;
	}
	snprintf(a->outside, sizeof(a->outside), "%.*s", (int)size, value);
	snprintf(a->inside, sizeof(a->inside), "%s", comma + 1);
	a->run.source.interface = a->outside;
	a->run.source.peer = a->inside;
	return true;
}

static bool read_source(int option, const char *value, struct arguments *a)
{
	uint64_t number;

	switch (option) {
	case OPT_INTERFACE:
		a->run.source.interface = value;
		return choose(a, SOURCE_AF_PACKET);
	case OPT_WIRE:
		return choose(a, SOURCE_AF_XDP) && read_wire(a, value);
	case OPT_NFQUEUE:
		if (!choose(a, SOURCE_NFQUEUE) || !read_number(value, 65535, &number))
			return false;
		a->run.source.queue = (uint16_t)number;
		return true;
	case OPT_DIRECTORY:
		a->run.source.directory = value;
		return choose(a, SOURCE_DIRECTORY);
	default:
		fprintf(stderr, "luytre: `luytre sensor run --help` lists the options\n");
		return false;
	}
}

static bool read_size(const char *value, uint64_t max, uint32_t *ret)
{
	uint64_t size;

	if (units_parse_size(bytes_from_str(value), &size) || size > max) {
		log_error("expected a size such as 64M, at most %llu bytes; found %s", (unsigned long long)max, value);
		return false;
	}
	*ret = (uint32_t)size;
	return true;
}

static bool read_tuning(int option, const char *value, struct arguments *a)
{
	static const char *const fails[] = { "closed", "open", NULL };
	static const char *const spreads[] = { "flow", "address", "queue", NULL };
	struct source_options *s = &a->run.source;
	uint64_t number;
	int word;

	switch (option) {
	case OPT_WORKERS:
		if (!read_number(value, SOURCE_WORKERS_MAX, &number))
			return false;
		s->worker_count = (unsigned int)number;
		return true;
	case OPT_FAIL:
		word = read_word("--fail", value, fails);
		s->fail_open = word == 1;
		return word >= 0;
	case OPT_SPREAD:
		word = read_word("--spread", value, spreads);
		s->spread = (enum source_spread)word;
		return word >= 0;
	case OPT_RING:
		return read_size(value, 1u << 30, &s->ring_size);
	case OPT_QUEUE_SIZE:
		if (!read_number(value, 1u << 20, &number))
			return false;
		s->queue_size = (uint32_t)number;
		return true;
	case OPT_MARK:
		if (!read_number(value, UINT32_MAX, &number))
			return false;
		s->bypass_mark = (uint32_t)number;
		return true;
	case OPT_FLOW_IDLE:
		if (units_parse_duration(bytes_from_str(value), &s->flow_idle_ns) == 0)
			return true;
		log_error("--flow-idle expects a time such as 100s; found %s", value);
		return false;
	default:
		return read_source(option, value, a);
	}
}

static bool read_option(int option, const char *value, struct arguments *a)
{
	struct sensor_options *s = &a->run.sensor;

	switch (option) {
	case OPT_CONFIG:
		return true; /* read before all others */
	case OPT_RULES:
		return add(a->rules, &a->rules_count, value);
	case OPT_SET:
		return add(a->sets, &s->set_count, value);
	case OPT_SURICATA_CONFIG:
		s->config_path = value;
		return true;
	case OPT_EVE:
		s->eve_path = value;
		return true;
	case OPT_DATA_DIR:
		s->data_dir = value;
		return true;
	case OPT_CACHE:
		a->run.cache_dir = value;
		return true;
	case OPT_FATAL:
		return s->errors_fatal = true;
	case 'k':
		s->no_checksums = !strcmp(value, "none");
		return true;
	case OPT_PROFILE:
		return a->run.profile = true;
	case OPT_NO_PROMISCUOUS:
		return a->run.source.no_promiscuous = true;
	case OPT_ONCE:
		return a->run.source.once = true;
	case OPT_DETACH:
		return a->run.detach = true;
	case OPT_KEEP:
		return a->run.keep_privileges = true;
	default:
		return read_tuning(option, value, a);
	}
}

/* Options that all verbs of the group know. False: it is another one. */
static bool read_common(int option, const char *value, struct cli_options *o)
{
	switch (option) {
	case OPT_SOCKET:
		o->socket = value;
		return true;
	case OPT_PINS:
		o->pin_dir = value;
		return true;
	case OPT_JSON:
	case 'j':
		return o->json = true;
	case OPT_LANG:
		o->lang = strcmp(value, "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
		return true;
	case OPT_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return true;
	default:
		return false;
	}
}

/* ---- Verbs ---- */

/* The file that --config names, if it is there, is read first: options on the command line take the place of what it says.
 * CLI_DONE, or what to end with after a message. */
static int read_config(struct arguments *a, const struct cli_options *o)
{
	struct config_errors *errors;
	const char *path = NULL;
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(o->word_count, o->words, "k:j", long_options, NULL)) != -1)
		if (option == OPT_CONFIG)
			path = optarg;
	opterr = 1;
	if (!path)
		return CLI_DONE;
	errors = calloc(1, sizeof(*errors));
	if (!errors || config_load(path, shield_reflect_name, errors, &a->config)) {
		if (errors)
			config_errors_print(stderr, errors);
		free(errors);
		return CLI_FAILED;
	}
	free(errors);
	if (!a->config->sensor.line) {
		fprintf(stderr, "luytre: %s: %s\n", path,
			cli_text(o, "there is no `sensor:` in it; docs/configuration.md describes it",
				"không có mục `sensor:`; docs/configuration.md mô tả mục này"));
		return CLI_FAILED;
	}
	if (sensor_config_apply(&a->sensor_config, a->config, path, &a->run, &a->config_has_source) ||
		sensor_places_open(&a->places, a->config, &a->run.said))
		return CLI_FAILED;
	return CLI_DONE;
}

static int run(const struct cli_options *options)
{
	static struct arguments a;
	struct cli_options o = *options;
	int option, result;

	a = (struct arguments){ .run.source = { .worker_count = 1,
					.ring_size = RING_SIZE,
					.queue_size = QUEUE_SIZE,
					.flow_idle_ns = FLOW_IDLE_NS,
					.pin_dir = DEFAULT_PINS,
					.fail_open = true } };
	a.run.sensor.simulate_applayer_error[TO_SERVER] = a.run.sensor.simulate_applayer_error[TO_CLIENT] = UINT64_MAX;
	result = read_config(&a, &o);
	if (result != CLI_DONE)
		return result;
	optind = 1;
	while ((option = getopt_long(o.word_count, o.words, "k:j", long_options, NULL)) != -1)
		if (!read_common(option, optarg, &o) && !read_option(option, optarg, &a))
			return CLI_USAGE;
	if (optind < o.word_count || !(a.has_source || a.config_has_source)) {
		fprintf(stderr,
			"luytre: sensor run expects one of --interface DEV, --wire OUTSIDE,INSIDE, --nfqueue N, "
			"--directory DIR, or --config FILE that says it\n");
		return CLI_USAGE;
	}
	if (a.rules_count) {
		a.run.rules = a.rules;
		a.run.rules_count = a.rules_count;
	}
	a.run.sensor.sets = a.sets;
	if (o.pin_dir)
		a.run.source.pin_dir = o.pin_dir;
	if (o.socket || !a.run.control_path)
		a.run.control_path = o.socket ? o.socket : DEFAULT_SOCKET;
	result = sensor_run(&a.run) ? CLI_FAILED : CLI_DONE;
	if (a.config) {
		sensor_places_done(&a.places);
		sensor_config_done(&a.sensor_config);
	}
	config_free(a.config);
	return result;
}

static unsigned long long count_of(const json_t *object, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void print_memory(const struct cli_options *o, const json_t *reply)
{
	const char *name;
	json_t *value;
	char text[UNITS_TEXT_SIZE];

	printf("%s", cli_text(o, "memory:", "bộ nhớ:"));
	json_object_foreach (json_object_get(reply, "memory"), name, value) {
		if (json_integer_value(value))
			printf("  %s %s", name, units_human_size((uint64_t)json_integer_value(value), text));
	}
	putchar('\n');
}

/* What was refused or lost at a ceiling; nothing when there was room for all. */
static void print_ceilings(const struct cli_options *o, const json_t *reply)
{
	const json_t *ceilings = json_object_get(reply, "ceilings");
	const char *name;
	json_t *value;

	if (!json_object_size(ceilings))
		return;
	printf("%s", cli_text(o, "ceilings reached:", "đã chạm trần:"));
	json_object_foreach ((json_t *)(uintptr_t)ceilings, name, value)
		printf("  %s %llu", name, (unsigned long long)json_integer_value(value));
	putchar('\n');
}

/* Nothing when nobody says anything. */
static void print_hub(const struct cli_options *o, const json_t *reply)
{
	const json_t *hub = json_object_get(reply, "hub");

	if (!hub)
		return;
	printf(cli_text(o,
		       "hub: policy %llu, %llu rows (%llu of no tenant here, %llu edge-only); %llu of %llu holds "
		       "stand\n",
		       "trung tâm: chính sách %llu, %llu dòng (%llu không thuộc đơn vị nào ở đây, %llu chỉ được giám "
		       "sát ở biên); "
		       "%llu trong %llu chốt chặn đang đứng\n"),
		count_of(hub, "version"), count_of(hub, "rows"), count_of(hub, "unplaced"), count_of(hub, "edge_only"),
		count_of(hub, "holds_standing"), count_of(hub, "holds"));
	if (json_object_get(hub, "problem"))
		printf(cli_text(o, "hub: cannot be read, what it said before stands: %s\n",
			       "trung tâm: không đọc được, lời trước đó vẫn có hiệu lực: %s\n"),
			text_of(hub, "problem"));
}

static void print_status(const struct cli_options *o, const json_t *reply)
{
	const json_t *rules = json_object_get(reply, "rules"), *reload = json_object_get(reply, "reload");
	char bytes[UNITS_TEXT_SIZE];

	printf(cli_text(o, "%s; up %llu s, pid %llu\n", "%s; đã chạy %llu giây, pid %llu\n"), text_of(reply, "source"),
		count_of(reply, "uptime_s"), count_of(reply, "pid"));
	printf(cli_text(o, "rules: %llu loaded, %llu refused, %llu skipped; %llu reloads, %llu failed\n",
		       "luật: %llu nạp được, %llu bị từ chối, %llu bỏ qua; nạp lại %llu lần, %llu lần thất bại\n"),
		count_of(rules, "loaded"), count_of(rules, "refused"), count_of(rules, "skipped"),
		count_of(reload, "count"), count_of(reload, "failed"));
	print_hub(o, reply);
	printf(cli_text(o, "%llu packets, %s, %llu lost; %llu flows, %llu alerts\n",
		       "%llu gói, %s, mất %llu; %llu luồng, %llu cảnh báo\n"),
		count_of(reply, "packets"), units_human_size(count_of(reply, "bytes"), bytes), count_of(reply, "lost"),
		count_of(reply, "flows"), count_of(reply, "alerts"));
	if (json_object_get(reply, "passed"))
		printf(cli_text(o,
			       "%llu passed, %llu dropped, %llu rejected; in the kernel: %llu switched through, %llu "
			       "blocked, %llu unguarded\n",
			       "cho qua %llu, bỏ %llu, từ chối %llu; trong nhân: chuyển thẳng %llu, chặn %llu, không "
			       "được xét %llu\n"),
			count_of(reply, "passed"), count_of(reply, "dropped"), count_of(reply, "rejects"),
			count_of(reply, "kernel_bypassed"), count_of(reply, "kernel_blocked"),
			count_of(reply, "unguarded"));
	print_memory(o, reply);
	print_ceilings(o, reply);
}

static void print_top(const struct cli_options *o, const json_t *reply)
{
	const json_t *one;
	size_t i;

	print_status(o, reply);
	if (!json_is_true(json_object_get(reply, "profile")))
		puts(cli_text(o, "rules by cost: not counted; `luytre sensor profile on` begins",
			"luật theo chi phí: chưa đếm; `luytre sensor profile on` để bắt đầu"));
	else
		printf("%10s %12s %10s %12s  %s\n", "sid", "checks", "matches", "us", "msg");
	json_array_foreach (json_object_get(reply, "rules"), i, one)
		if (json_is_object(one))
			printf("%10llu %12llu %10llu %12llu  %s\n", count_of(one, "sid"), count_of(one, "checks"),
				count_of(one, "matches"), count_of(one, "ns") / NS_PER_US, text_of(one, "msg"));
	printf("%14s %10s  %s\n", cli_text(o, "bytes", "byte"), cli_text(o, "packets", "gói"),
		cli_text(o, "flow", "luồng"));
	json_array_foreach (json_object_get(reply, "flows"), i, one)
		printf("%14llu %10llu  %s:%llu -> %s:%llu  %llu%s%s\n", count_of(one, "bytes"),
			count_of(one, "packets"), text_of(one, "client"), count_of(one, "client_port"),
			text_of(one, "server"), count_of(one, "server_port"), count_of(one, "protocol"),
			json_is_true(json_object_get(one, "alerted")) ? cli_text(o, "  alerted", "  có cảnh báo") : "",
			json_is_true(json_object_get(one, "dropped")) ? cli_text(o, "  dropped", "  bị chặn") : "");
}

static void print_reload(const struct cli_options *o, const json_t *reply)
{
	const json_t *reload = json_object_get(reply, "reload"), *one;
	json_t *report = json_loads(text_of(reload, "report"), 0, NULL);
	const char *result = text_of(reload, "result");
	size_t i;

	if (strcmp(result, "ok") != 0)
		printf(cli_text(o, "The new rules were not taken over (%s); the old ones stay in force.\n",
			       "Luật mới không được áp dụng (%s); luật cũ vẫn có hiệu lực.\n"),
			result);
	else
		printf(cli_text(o,
			       "New rules are in force: %llu loaded, %llu refused; compiled in %.3f s, changed over in "
			       "%.1f ms\n",
			       "Luật mới đã có hiệu lực: %llu nạp được, %llu bị từ chối; biên dịch %.3f giây, chuyển "
			       "đổi %.1f ms\n"),
			count_of(report, "loaded"), count_of(report, "refused"),
			(double)count_of(reload, "load_ns") / (double)NS_PER_S,
			(double)count_of(reload, "change_over_ns") / (double)NS_PER_MS);
	json_array_foreach (json_object_get(report, "refusals"), i, one) {
		const char *keyword = json_string_value(json_object_get(one, "keyword"));

		printf("%s:%llu: sid %llu: %s%s%s\n", text_of(one, "file"), count_of(one, "line"), count_of(one, "sid"),
			keyword ? keyword : "", keyword ? ": " : "", text_of(one, "reason"));
	}
	json_decref(report);
}

static void print_plain(const struct cli_options *o, const json_t *reply)
{
	json_dumpf(reply, stdout, JSON_INDENT(1));
	putchar('\n');
}

/* What each request of the socket looks like for people; the verb and its words are the request. */
static const struct {
	const char *verb;
	void (*print)(const struct cli_options *options, const json_t *reply);
} requests[] = { { "status", print_status }, { "top", print_top }, { "reload", print_reload }, { "stats", print_plain },
	{ "profile", print_plain }, { "reopen", print_plain } };

static int print_reply(const struct cli_options *o, const char *verb, const char *text)
{
	json_t *reply = json_loads(text, 0, NULL), *error = json_object_get(reply, "error");
	const char *result = json_string_value(json_object_get(json_object_get(reply, "reload"), "result"));
	bool failed = !reply || error || (!strcmp(verb, "reload") && (!result || strcmp(result, "ok") != 0));

	if (error)
		fprintf(stderr, "luytre: %s\n", text_of(error, "message"));
	else if (o->json)
		fputs(text, stdout);
	else
		for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
			if (reply && !strcmp(requests[i].verb, verb))
				requests[i].print(o, reply);
	json_decref(reply);
	return failed ? CLI_FAILED : CLI_DONE;
}

static int request(const struct cli_options *options)
{
	struct cli_options o = *options;
	const char *verb = o.words[0];
	char line[512], *text;
	int option, error;

	optind = 1;
	while ((option = getopt_long(o.word_count, o.words, "j", long_options, NULL)) != -1) {
		if (!read_common(option, optarg, &o)) {
			fprintf(stderr, "luytre: `luytre sensor %s --help` lists the options\n", verb);
			return CLI_USAGE;
		}
	}
	if (!o.socket)
		o.socket = DEFAULT_SOCKET;
	snprintf(line, sizeof(line), "%s %s", verb, optind < o.word_count ? o.words[optind] : "");
	if (access(o.socket, F_OK)) {
		fprintf(stderr, "luytre: %s: %s\n", o.socket,
			cli_text(&o,
				"no sensor runs here. `luytre sensor run` starts one; --socket names another control "
				"socket.",
				"không có bộ cảm biến nào đang chạy ở đây. `luytre sensor run` khởi động; --socket chỉ "
				"ổ "
				"cắm khác."));
		return CLI_FAILED;
	}
	if (cli_request(&o, line, &text))
		return CLI_FAILED;
	error = print_reply(&o, verb, text);
	free(text);
	return error;
}

static int detach(const struct cli_options *options)
{
	static struct arguments a;
	struct cli_options o = *options;
	char message[SOURCE_MESSAGE_SIZE] = "";
	int option;

	optind = 1;
	while ((option = getopt_long(o.word_count, o.words, "j", long_options, NULL)) != -1)
		if (!read_common(option, optarg, &o))
			return CLI_USAGE;
	if (optind + 1 != o.word_count || !read_wire(&a, o.words[optind])) {
		fprintf(stderr, "luytre: sensor detach expects OUTSIDE,INSIDE\n");
		return CLI_USAGE;
	}
	if (source_wire_detach(o.pin_dir ? o.pin_dir : DEFAULT_PINS, a.outside, a.inside, message)) {
		fprintf(stderr, "luytre: %s\n", message);
		return CLI_FAILED;
	}
	return CLI_DONE;
}

const struct cli_verb cli_sensor_verbs[] = {
	{ "run",
		"--config FILE | --interface DEV | --wire OUTSIDE,INSIDE | --nfqueue N | --directory DIR  [--rules "
		"PATH …] "
		"[--eve FILE]",
		"Inspect live packets with rules in Suricata's language.",
		"Xét các gói đang chạy bằng luật theo ngôn ngữ Suricata.",
		"  --config FILE          `sensor:` of a luytre.yaml (docs/configuration.md); further options win over "
		"it\n"
		"  --interface DEV        look on (AF_PACKET)\n"
		"  --wire OUTSIDE,INSIDE  stand between two interfaces (AF_XDP): drop and reject act\n"
		"  --nfqueue N            judge what netfilter hands over to queue N: drop and reject act\n"
		"  --directory DIR        read capture files as they are completed; --once: those that are there\n"
		"  --workers N            threads, each with its own queue (1)\n"
		"  --rules PATH           a file, a folder or a pattern; may be repeated\n"
		"  --suricata-config FILE options of an existing suricata.yaml; --set OPTION=VALUE: one of them\n"
		"  --eve FILE             where eve.json goes\n"
		"  --fail open|closed     inline: what happens to packets that nobody judges (open)\n"
		"  --spread flow|address|queue  AF_PACKET: which worker gets a packet (flow)\n"
		"  --ring-size 64M        AF_PACKET: memory for packets of each worker\n"
		"  --queue-size N         NFQUEUE: packets that may wait (8192)\n"
		"  --bypass-mark N        NFQUEUE: mark for flows that need no more inspection\n"
		"  --flow-idle 100s       wire: the kernel forgets a decided flow after so long without packets\n"
		"  --detach               wire: take it off the interfaces at the end, else it goes on as --fail says\n"
		"  --no-promiscuous       take only what the interface takes anyway\n"
		"  --profile              count what each rule costs, for `luytre sensor top`\n"
		"  --cache DIR, --data-dir DIR, --init-errors-fatal, -k none   as for `luytre replay`\n"
		"  --keep-privileges      do not give up capabilities, and enter no sandbox; for debuggers\n"
		"  --socket PATH          control socket (" DEFAULT_SOCKET ")\n"
		"SIGHUP loads the rules again, SIGUSR1 opens the output files again, SIGTERM ends all flows and stops.",
		"  --config TỆP           mục `sensor:` của luytre.yaml (docs/configuration.md); các tùy chọn khác "
		"thắng nó\n"
		"  --interface DEV        đứng xem (AF_PACKET)\n"
		"  --wire NGOÀI,TRONG     đứng giữa hai giao diện (AF_XDP): drop và reject có hiệu lực\n"
		"  --nfqueue N            xét những gì netfilter đưa vào hàng đợi N: drop và reject có hiệu lực\n"
		"  --directory THƯ_MỤC    đọc các tệp bắt gói khi chúng hoàn tất; --once: chỉ những tệp đang có\n"
		"  --workers N            số luồng xử lý, mỗi luồng một hàng đợi (1)\n"
		"  --rules ĐƯỜNG_DẪN      tệp, thư mục hoặc mẫu tên; có thể lặp lại\n"
		"  --suricata-config TỆP  các tùy chọn của một suricata.yaml sẵn có; --set TÊN=GIÁ_TRỊ: một tùy chọn\n"
		"  --eve TỆP              nơi ghi eve.json\n"
		"  --fail open|closed     trên đường truyền: gói không ai xét thì cho qua hay chặn (open)\n"
		"  --spread flow|address|queue  AF_PACKET: luồng xử lý nào nhận gói (flow)\n"
		"  --ring-size 64M        AF_PACKET: bộ nhớ chứa gói của mỗi luồng xử lý\n"
		"  --queue-size N         NFQUEUE: số gói được chờ (8192)\n"
		"  --bypass-mark N        NFQUEUE: dấu cho các luồng không cần xét nữa\n"
		"  --flow-idle 100s       đường truyền: nhân quên một luồng đã quyết sau thời gian im lặng này\n"
		"  --detach               đường truyền: gỡ khỏi giao diện khi dừng, nếu không thì tiếp tục theo "
		"--fail\n"
		"  --no-promiscuous       chỉ nhận những gì giao diện vốn nhận\n"
		"  --profile              đếm chi phí mỗi luật, cho `luytre sensor top`\n"
		"  --cache, --data-dir, --init-errors-fatal, -k none   như `luytre replay`\n"
		"  --keep-privileges      không từ bỏ đặc quyền, không vào hộp cát; dành cho trình gỡ lỗi\n"
		"  --socket ĐƯỜNG_DẪN     ổ cắm điều khiển (" DEFAULT_SOCKET ")\n"
		"SIGHUP nạp lại luật, SIGUSR1 mở lại tệp đầu ra, SIGTERM kết thúc mọi luồng và dừng.",
		run },
	{ "status", "", "What the sensor does right now.", "Bộ cảm biến đang làm gì.", NULL, NULL, request },
	{ "top", "[COUNT]", "The rules that cost most, the largest flows, memory.",
		"Các luật tốn nhất, các luồng lớn nhất, bộ nhớ.", NULL, NULL, request },
	{ "stats", "", "All counters.", "Mọi bộ đếm.", NULL, NULL, request },
	{ "profile", "on|off", "Begin or end counting what each rule costs.", "Bắt đầu hoặc thôi đếm chi phí mỗi luật.",
		NULL, NULL, request },
	{ "reload", "", "Load the rules again; without a usable rule the old ones stay in force.",
		"Nạp lại luật; không có luật nào dùng được thì luật cũ vẫn có hiệu lực.", NULL, NULL, request },
	{ "reopen", "", "Open the output files again, after they were moved.",
		"Mở lại các tệp đầu ra, sau khi chúng được dời đi.", NULL, NULL, request },
	{ "detach", "OUTSIDE,INSIDE", "Take the wire of a stopped sensor off its interfaces.",
		"Gỡ đường truyền của bộ cảm biến đã dừng khỏi các giao diện.", NULL, NULL, detach },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_sensor(const struct cli_options *options)
{
	struct cli_options o = *options;

	o.socket = getenv("LUYTRE_SENSOR_SOCKET");
	if (o.socket && !*o.socket)
		o.socket = NULL;
	return cli_run_own(cli_sensor_verbs, "luytre sensor", &o);
}
