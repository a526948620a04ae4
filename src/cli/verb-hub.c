// SPDX-License-Identifier: Apache-2.0
/* luytre hub: the hub as a program, and requests to the one that runs. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "hub/daemon/hub.h"

enum { REQUEST_SIZE = 2048 };

enum {
	OPT_STATE = 512,
	OPT_SOCKET,
	OPT_ADDRESS,
	OPT_PORT,
	OPT_NAMES,
	OPT_CONTROL,
	OPT_EVENTS,
	OPT_CONSOLE_ADDRESS,
	OPT_CONSOLE_PORT,
	OPT_CONSOLE_SOCKET,
	OPT_SIGN_ON,
	OPT_NO_SANDBOX,
	OPT_JSON,
	OPT_LANG,
	OPT_DEBUG,
	OPT_TENANT,
	OPT_PROVINCE,
	OPT_ALL,
	OPT_CLUSTER,
	OPT_CLUSTER_CA,
	OPT_CLUSTER_CERT,
	OPT_CLUSTER_KEY,
	OPT_HOLDS,
	OPT_HOLDS_BUDGET,
	OPT_DROP,
	OPT_METRICS
};

static const struct option run_options[] = { { "state", required_argument, NULL, OPT_STATE },
	{ "socket", required_argument, NULL, OPT_SOCKET }, { "address", required_argument, NULL, OPT_ADDRESS },
	{ "port", required_argument, NULL, OPT_PORT }, { "names", required_argument, NULL, OPT_NAMES },
	{ "control", required_argument, NULL, OPT_CONTROL }, { "events", required_argument, NULL, OPT_EVENTS },
	{ "console-address", required_argument, NULL, OPT_CONSOLE_ADDRESS },
	{ "console-port", required_argument, NULL, OPT_CONSOLE_PORT },
	{ "console-socket", required_argument, NULL, OPT_CONSOLE_SOCKET },
	{ "sign-on", required_argument, NULL, OPT_SIGN_ON }, { "cluster", required_argument, NULL, OPT_CLUSTER },
	{ "cluster-ca", required_argument, NULL, OPT_CLUSTER_CA },
	{ "cluster-cert", required_argument, NULL, OPT_CLUSTER_CERT },
	{ "cluster-key", required_argument, NULL, OPT_CLUSTER_KEY }, { "drop", required_argument, NULL, OPT_DROP },
	{ "holds", required_argument, NULL, OPT_HOLDS }, { "holds-budget", required_argument, NULL, OPT_HOLDS_BUDGET },
	{ "metrics", required_argument, NULL, OPT_METRICS }, { "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "debug", no_argument, NULL, OPT_DEBUG }, { "lang", required_argument, NULL, OPT_LANG },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static const struct option ask_options[] = { { "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON }, { "lang", required_argument, NULL, OPT_LANG },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static const struct option bind_options[] = { { "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON }, { "lang", required_argument, NULL, OPT_LANG },
	{ "tenant", required_argument, NULL, OPT_TENANT }, { "province", required_argument, NULL, OPT_PROVINCE },
	{ "all", no_argument, NULL, OPT_ALL }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static const struct cli_verb verbs[];

static const char *default_socket(void)
{
	const char *socket = getenv("LUYTRE_HUB_SOCKET");

	return socket && *socket ? socket : HUB_SOCKET;
}

static int help_of(const char *name, enum luytre_lang lang)
{
	cli_print_verb_help(cli_find(verbs, name), "luytre hub", lang);
	return CLI_DONE;
}

static bool read_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	*ret = (uint16_t)port;
	if (*text && !*end && port > 0 && port < 65536)
		return true;
	fprintf(stderr, "luytre: a port is 1 to 65535, found %s\n", text);
	return false;
}

static bool read_budget(const char *text, unsigned int *ret)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	*ret = (unsigned int)seconds;
	if (*text && !*end && seconds > 0 && seconds <= 86400)
		return true;
	fprintf(stderr, "luytre: --holds-budget takes seconds from 1 to 86400, found %s\n", text);
	return false;
}

/* CLI_DONE to go on, or the exit code with '*ret_end' set. */
static int read_run(const struct cli_options *options, struct hub_options *hub, bool *ret_end)
{
	int c;

	optind = 0;
	*ret_end = true;
	while ((c = getopt_long(options->word_count, options->words, "h", run_options, NULL)) != -1) {
		switch (c) {
		case OPT_STATE:
			hub->state_dir = optarg;
			break;
		case OPT_SOCKET:
			hub->socket = optarg;
			break;
		case OPT_ADDRESS:
			hub->address = optarg;
			break;
		case OPT_PORT:
			if (!read_port(optarg, &hub->port))
				return CLI_USAGE;
			break;
		case OPT_NAMES:
			hub->names = optarg;
			break;
		case OPT_CONTROL:
			hub->control = optarg;
			break;
		case OPT_EVENTS:
			hub->events = optarg;
			break;
		case OPT_CONSOLE_ADDRESS:
			hub->console_address = optarg;
			break;
		case OPT_CONSOLE_PORT:
			if (!read_port(optarg, &hub->console_port))
				return CLI_USAGE;
			break;
		case OPT_CONSOLE_SOCKET:
			hub->console_socket = optarg;
			break;
		case OPT_SIGN_ON:
			hub->sign_on = optarg;
			break;
		case OPT_CLUSTER:
			hub->cluster = optarg;
			break;
		case OPT_CLUSTER_CA:
			hub->cluster_authority = optarg;
			break;
		case OPT_CLUSTER_CERT:
			hub->cluster_certificate = optarg;
			break;
		case OPT_CLUSTER_KEY:
			hub->cluster_key = optarg;
			break;
		case OPT_HOLDS:
			hub->holds = optarg;
			break;
		case OPT_HOLDS_BUDGET:
			if (!read_budget(optarg, &hub->hold_budget_s))
				return CLI_USAGE;
			break;
		case OPT_DROP:
			hub->drop = optarg;
			break;
		case OPT_METRICS:
			if (!read_port(optarg, &hub->metrics_port))
				return CLI_USAGE;
			break;
		case OPT_NO_SANDBOX:
			hub->sandbox = false;
			break;
		case OPT_DEBUG:
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case OPT_LANG:
			break;
		case 'h':
			return help_of("run", options->lang);
		default:
			fprintf(stderr, "luytre: `luytre hub run --help` lists the options\n");
			return CLI_USAGE;
		}
	}
	*ret_end = false;
	return CLI_DONE;
}

static int verb_run(const struct cli_options *options)
{
	struct hub_options hub = { .socket = default_socket(), .sandbox = true };
	bool end;
	int code = read_run(options, &hub, &end);

	if (end)
		return code;
	if (optind < options->word_count) {
		fprintf(stderr, "luytre: hub run takes no %s; `luytre hub run --help` tells more\n",
			options->words[optind]);
		return CLI_USAGE;
	}
	return hub_run(&hub) ? CLI_FAILED : CLI_DONE;
}

/* ---- Requests ---- */

static void print_decision(const json_t *one, enum luytre_lang lang)
{
	printf("%-8lld %-40s %-12s %-10s %8.0fs\n         %s\n",
		(long long)json_integer_value(json_object_get(one, "id")),
		json_string_value(json_object_get(one, "value")), json_string_value(json_object_get(one, "level")),
		json_string_value(json_object_get(one, "class")),
		json_number_value(json_object_get(one, "expires_in_s")),
		json_string_value(json_object_get(one, lang == LUYTRE_LANG_VI ? "why_vi" : "why")));
}

static void print_decisions(const json_t *reply, const struct cli_options *options)
{
	const json_t *list = json_object_get(reply, "decisions"), *one;
	size_t i;

	json_array_foreach (list, i, one)
		print_decision(one, options->lang);
	if (json_array_size(list) == 0)
		puts(cli_text(options, "no decision stands", "không có quyết định nào đang hiệu lực"));
}

/* Where an edge is; "": not known. */
static const char *province_of(const json_t *edge, const struct cli_options *options)
{
	const char *name = json_string_value(
		json_object_get(edge, options->lang == LUYTRE_LANG_VI ? "province_vi" : "province_en"));

	return name ? name : "";
}

/* Whom an edge serves. */
static const char *served(const char *tenants, const struct cli_options *options)
{
	if (!tenants || !*tenants)
		return cli_text(options, "serves NOBODY: its reports do not count (`luytre hub bind`)",
			"KHÔNG phục vụ ai: báo cáo không được tính (`luytre hub bind`)");
	return strcmp(tenants, "all") == 0 ? cli_text(options, "all organisations", "mọi tổ chức") : tenants;
}

/* Microseconds of real time as "12:05:09.123456" of this host. */
static const char *moment(const json_t *time_us, char text[32])
{
	int64_t us = json_integer_value(time_us);
	time_t second = (time_t)(us / 1000000);
	struct tm parts;
	size_t size;

	if (!time_us || !localtime_r(&second, &parts))
		return "-";
	size = strftime(text, 32, "%H:%M:%S", &parts);
	snprintf(text + size, 32 - size, ".%06d", (int)(us % 1000000));
	return text;
}

static void print_trace(const json_t *reply, const struct cli_options *options)
{
	const json_t *edges = json_object_get(reply, "edges"), *one, *p50 = json_object_get(reply, "p50_ms");
	const char *number = cli_text(options, "number", "số"), *state = cli_text(options, "state", "trạng thái"),
		   *since = cli_text(options, "stands since", "có hiệu lực từ");
	char text[32];
	size_t i;

	printf("%-6s %-10s %-16s %12s  %s\n", number, state, since, "ms", cli_text(options, "edge", "điểm biên"));
	json_array_foreach (edges, i, one) {
		const json_t *after = json_object_get(one, "after_ms");

		printf("%-6lld %-10s %-16s ", (long long)json_integer_value(json_object_get(one, "edge")),
			json_string_value(json_object_get(one, "state")),
			moment(json_object_get(one, "standing_us"), text));
		if (after)
			printf("%12.1f  ", json_number_value(after));
		else
			printf("%12s  ", "-");
		puts(json_string_value(json_object_get(one, "name")));
	}
	if (p50)
		printf("p50 %.1f ms, p99 %.1f ms %s\n", json_number_value(p50),
			json_number_value(json_object_get(reply, "p99_ms")),
			cli_text(options, "after the decision", "sau quyết định"));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_retro(const json_t *reply, const struct cli_options *options)
{
	const json_t *list, *one;
	size_t i;

	json_array_foreach (json_object_get(reply, "tenants"), i, one)
		printf("%-6lld %s .. %s %10lld %s, %lld %s  %s\n", number_of(one, "tenant"), text_of(one, "first"),
			text_of(one, "last"), number_of(one, "events"), cli_text(options, "times", "lần"),
			number_of(one, "stopped"), cli_text(options, "stopped", "bị chặn"), text_of(one, "name"));
	list = json_object_get(reply, "rules");
	if (json_array_size(list))
		printf("%s", cli_text(options, "rules:", "luật:"));
	json_array_foreach (list, i, one)
		printf(" %lld", (long long)json_integer_value(one));
	if (json_array_size(list))
		puts("");
	json_array_foreach (json_object_get(reply, "sources"), i, one)
		printf("%s %s %lld\n", cli_text(options, "source", "nguồn"), text_of(one, "address"),
			number_of(one, "events"));
	if (!number_of(reply, "tenant_count"))
		puts(cli_text(options, "nobody was hit, as far as events are stored",
			"không ai bị tấn công, theo các sự kiện đã lưu"));
	else
		printf("%lld %s, %lld %s, %lld ms\n", number_of(reply, "tenant_count"),
			cli_text(options, "organisations", "tổ chức"), number_of(reply, "events"),
			cli_text(options, "times", "lần"), number_of(reply, "took_ms"));
	if (!json_is_true(json_object_get(reply, "complete")))
		puts(cli_text(options, "the time was not enough for all of them: ask for fewer days",
			"không đủ thời gian để đọc hết: hãy hỏi ít ngày hơn"));
}

static void print_hold(const json_t *hold, const struct cli_options *options)
{
	bool vietnamese = options->lang == LUYTRE_LANG_VI;
	const json_t *edges = json_object_get(hold, "edges"), *one;
	size_t i;

	printf("%-6lld %-8lld %-22s %-20s %s\n       %s, %s; %lld %s\n",
		(long long)json_integer_value(json_object_get(hold, "hold")),
		(long long)json_integer_value(json_object_get(hold, "rule")),
		text_of(hold, vietnamese ? "state_vi" : "state_en"), text_of(hold, "asset"), text_of(hold, "tenant"),
		text_of(hold, "title"), text_of(hold, vietnamese ? "proof_vi" : "proof_en"),
		(long long)json_integer_value(json_object_get(hold, "findings")),
		cli_text(options, "findings", "phát hiện"));
	json_array_foreach (edges, i, one)
		printf("       %s %lld %s: %s, %s%s\n", cli_text(options, "edge", "điểm biên"),
			(long long)json_integer_value(json_object_get(one, "edge")), text_of(one, "name"),
			text_of(one, "mode"), text_of(one, "proof"),
			json_is_true(json_object_get(one, "stands")) ? cli_text(options, ", STANDS", ", ĐANG CHẶN")
								     : "");
}

static void print_holds(const json_t *reply, const struct cli_options *options)
{
	const json_t *list = json_object_get(reply, "holds"), *one;
	size_t i;

	json_array_foreach (list, i, one)
		print_hold(one, options);
	if (json_array_size(list) == 0)
		puts(cli_text(options, "nothing is held", "không có gì đang được chặn"));
	if (!json_integer_value(json_object_get(reply, "rules")))
		puts(cli_text(options, "the hub has no rules that can hold something (`luytre hub run --holds`)",
			"trung tâm không có luật nào để chặn (`luytre hub run --holds`)"));
}

/* Those a person wants to see; --json has all. */
static void print_counters(const json_t *reply, const struct cli_options *options)
{
	const json_t *perimeter = json_object_get(reply, "perimeter"), *retro = json_object_get(reply, "retro");
	const char *failed = cli_text(options, "failed", "lỗi");

	printf("  %-12s %lld %s, %lld %s, %lld %s\n", cli_text(options, "perimeter", "vùng biên"),
		number_of(perimeter, "made"), cli_text(options, "findings made", "phát hiện mới"),
		number_of(perimeter, "reopened"), cli_text(options, "opened again", "mở lại"),
		number_of(perimeter, "failed"), failed);
	printf("  %-12s %lld %s, %lld %s, %lld %s\n", cli_text(options, "retro", "tra ngược"),
		number_of(retro, "searched"), cli_text(options, "CVEs searched", "CVE đã tra"), number_of(retro, "hit"),
		cli_text(options, "attacked before", "từng bị tấn công"), number_of(retro, "failed"), failed);
}

static void print_status(const json_t *reply, const struct cli_options *options)
{
	const json_t *levels = json_object_get(reply, "decisions"), *edges = json_object_get(reply, "edges"), *one;
	const char *level;
	json_t *count;
	size_t i;

	printf("%s %s, %lld s\n", cli_text(options, "hub", "trung tâm"),
		json_string_value(json_object_get(reply, "version")),
		(long long)json_integer_value(json_object_get(reply, "uptime_s")));
	if (json_is_true(json_object_get(reply, "stopped")))
		puts(cli_text(options, "STOPPED: nothing is blocked anew until `luytre hub resume`",
			"ĐÃ DỪNG: không chặn thêm gì cho đến khi `luytre hub resume`"));
	json_object_foreach ((json_t *)(uintptr_t)levels, level, count)
		printf("  %-12s %lld\n", level, (long long)json_integer_value(count));
	printf("  %-12s %lld\n", cli_text(options, "campaigns", "chiến dịch"),
		(long long)json_integer_value(json_object_get(reply, "campaigns")));
	print_counters(reply, options);
	json_array_foreach (edges, i, one)
		printf("  %s %lld  %-24s %-16s %-14s %s%s%s\n", cli_text(options, "edge", "điểm biên"),
			(long long)json_integer_value(json_object_get(one, "id")),
			json_string_value(json_object_get(one, "name")),
			json_string_value(json_object_get(one, "version")),
			json_is_true(json_object_get(one, "revoked")) ? cli_text(options, "revoked", "đã thu hồi")
			: json_is_true(json_object_get(one, "current")) ? cli_text(options, "current", "đã cập nhật")
									: cli_text(options, "behind", "chưa cập nhật"),
			province_of(one, options), *province_of(one, options) ? "; " : "",
			served(json_string_value(json_object_get(one, "tenants")), options));
}

static void print_findings(const json_t *reply, const struct cli_options *options)
{
	const json_t *list = json_object_get(reply, "findings"), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *cve = json_string_value(json_object_get(one, "cve"));

		printf("%-8lld %-10s %-11s %-8s %-16s %s:%lld  %s\n",
			(long long)json_integer_value(json_object_get(one, "id")),
			json_string_value(json_object_get(one, "due")),
			json_string_value(json_object_get(one, "state")),
			json_is_true(json_object_get(one, "late")) ? cli_text(options, "LATE", "QUÁ HẠN") : "",
			cve && *cve ? cve : json_string_value(json_object_get(one, "rule")),
			json_string_value(json_object_get(one, "host")),
			(long long)json_integer_value(json_object_get(one, "port")),
			json_string_value(json_object_get(one, "title")));
	}
	if (json_array_size(list) == 0)
		puts(cli_text(options, "nothing is open", "không có điểm yếu nào đang mở"));
	else if (json_is_true(json_object_get(reply, "more")))
		puts(cli_text(options, "... and more: the console shows all of them",
			"... và còn nữa: bảng điều khiển hiển thị tất cả"));
}

static void print_other(const json_t *reply, const struct cli_options *options)
{
	const json_t *token = json_object_get(reply, "token"), *decision = json_object_get(reply, "decision");

	if (json_is_string(token)) {
		puts(json_string_value(token));
	} else if (decision) {
		print_decision(decision, options->lang);
	} else {
		const char *key;
		json_t *value;

		json_object_foreach ((json_t *)(uintptr_t)reply, key, value) {
			if (json_is_string(value))
				printf("%s %s\n", key, json_string_value(value));
			else
				printf("%s %lld\n", key, (long long)json_integer_value(value));
		}
	}
}

static const char *message_of(const json_t *error, enum luytre_lang lang)
{
	const char *message = lang == LUYTRE_LANG_VI ? json_string_value(json_object_get(error, "message_vi")) : NULL;

	return message ? message : json_string_value(json_object_get(error, "message"));
}

static int print_reply(const char *text, const char *verb, bool json, const struct cli_options *options)
{
	json_t *reply = json_loads(text, 0, NULL);
	const json_t *error = json_object_get(reply, "error");
	int code = reply && !error ? CLI_DONE : CLI_FAILED;

	if (error)
		fprintf(stderr, "luytre: %s\n", message_of(error, options->lang));
	else if (json || !reply)
		puts(text);
	else if (strcmp(verb, "decisions") == 0)
		print_decisions(reply, options);
	else if (strcmp(verb, "status") == 0)
		print_status(reply, options);
	else if (strcmp(verb, "trace") == 0)
		print_trace(reply, options);
	else if (strcmp(verb, "findings") == 0)
		print_findings(reply, options);
	else if (strcmp(verb, "holds") == 0)
		print_holds(reply, options);
	else if (strcmp(verb, "retro") == 0)
		print_retro(reply, options);
	else
		print_other(reply, options);
	json_decref(reply);
	return code;
}

/* The verb and its words are the request. */
static int verb_ask(const struct cli_options *options)
{
	const char *verb = options->words[0];
	struct cli_options to = *options;
	char request[REQUEST_SIZE], *reply;
	bool json = options->json;
	size_t size;
	int c, code;

	to.socket = default_socket();
	optind = 0;
	while ((c = getopt_long(options->word_count, options->words, "h", ask_options, NULL)) != -1) {
		if (c == OPT_SOCKET)
			to.socket = optarg;
		else if (c == OPT_JSON)
			json = true;
		else if (c == 'h')
			return help_of(verb, options->lang);
		else if (c != OPT_LANG)
			return CLI_USAGE;
	}
	size = (size_t)snprintf(request, sizeof(request), "%s", verb);
	for (int i = optind; i < options->word_count && size < sizeof(request); i++)
		size += (size_t)snprintf(request + size, sizeof(request) - size, " %s", options->words[i]);
	if (size >= sizeof(request)) {
		fprintf(stderr, "luytre: the request is too long\n");
		return CLI_USAGE;
	}
	if (cli_request(&to, request, &reply))
		return CLI_FAILED;
	code = print_reply(reply, verb, json, &to);
	free(reply);
	return code;
}

/* ---- Reports and catalogues ---- */

static int verb_import(const struct cli_options *options)
{
	bool help = false;
	int code = cli_hub_import(options, &help);

	return help ? help_of("import", options->lang) : code;
}

static int verb_catalogue(const struct cli_options *options)
{
	bool help = false;
	int code = cli_hub_catalogue(options, &help);

	return help ? help_of("catalogue", options->lang) : code;
}

/* ---- Edges and whom they serve ---- */

/* An organisation as a word of the request: what would end it is written as % and two hex digits. Returns the size, which may be beyond
 * 'size'. */
static size_t put_tenant(char *to, size_t size, const char *name)
{
	size_t put = 0;

	for (; *name; name++) {
		bool plain = (unsigned char)*name > ' ' && !strchr(",*%=", *name);

		put += (size_t)snprintf(put < size ? to + put : NULL, put < size ? size - put : 0,
			plain ? "%c" : "%%%02X", (unsigned char)*name);
	}
	return put;
}

struct bound_words {
	char tenants[REQUEST_SIZE];
	size_t size;
	const char *province; /* null: not said */
	bool all, json;
};

static void add_tenant(struct bound_words *words, const char *name)
{
	if (words->size && words->size < sizeof(words->tenants) - 1)
		words->tenants[words->size++] = ',';
	if (words->size < sizeof(words->tenants))
		words->size += put_tenant(words->tenants + words->size, sizeof(words->tenants) - words->size, name);
}

/* CLI_DONE to go on; else '*ret_end' is set too. */
static int read_bound(struct cli_options *to, struct bound_words *words, bool *ret_end)
{
	int c;

	optind = 0;
	*ret_end = true;
	while ((c = getopt_long(to->word_count, to->words, "h", bind_options, NULL)) != -1) {
		if (c == OPT_SOCKET)
			to->socket = optarg;
		else if (c == OPT_JSON)
			words->json = true;
		else if (c == OPT_ALL)
			words->all = true;
		else if (c == OPT_TENANT)
			add_tenant(words, optarg);
		else if (c == OPT_PROVINCE)
			words->province = optarg;
		else if (c == 'h')
			return help_of(to->words[0], to->lang);
		else if (c != OPT_LANG)
			return CLI_USAGE;
	}
	*ret_end = false;
	return CLI_DONE;
}

/* "invite [province=CODE] TENANTS NAME", "bind EDGE [province=CODE] TENANTS". False: too long. */
static bool write_bound(const struct bound_words *words, const char *verb, const char *of, char *ret, size_t size)
{
	bool invite = strcmp(verb, "invite") == 0;
	const char *whom = words->all ? "*" : words->tenants;
	size_t length;

	if (words->size >= sizeof(words->tenants))
		return false;
	length = (size_t)snprintf(ret, size, "%s %s%s", verb, invite ? "" : of, invite ? "" : " ");
	if (words->province && length < size)
		length += (size_t)snprintf(ret + length, size - length, "province=%s ", words->province);
	if (length < size)
		length += (size_t)snprintf(
			ret + length, size - length, "%s%s%s", whom, invite ? " " : "", invite ? of : "");
	return length < size;
}

/* invite NAME, bind EDGE: both say which organisations. */
static int verb_bound(const struct cli_options *options)
{
	const char *verb = options->words[0];
	struct cli_options to = *options;
	struct bound_words words = { .json = options->json };
	char request[2 * REQUEST_SIZE - 64], *reply;
	bool end;
	int code;

	to.socket = default_socket();
	code = read_bound(&to, &words, &end);
	if (end)
		return code;
	if (to.word_count - optind != 1 || words.all == (words.size != 0)) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options,
				"say which organisations lie behind the edge: --tenant NAME or NUMBER, as often as "
				"needed, or --all for an edge of the nation's own that stands before all of them",
				"hãy nói những tổ chức nào nằm sau điểm biên: --tenant TÊN hoặc SỐ, lặp lại khi cần, "
				"hoặc --all cho điểm biên của quốc gia đứng trước mọi tổ chức"));
		return CLI_USAGE;
	}
	if (words.province && (!*words.province || words.province[strspn(words.province, "0123456789")])) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "--province takes the code of a province or city, such as 48",
				"--province nhận mã tỉnh, thành phố, như 48"));
		return CLI_USAGE;
	}
	if (!write_bound(&words, verb, to.words[optind], request, sizeof(request))) {
		fprintf(stderr, "luytre: the request is too long\n");
		return CLI_USAGE;
	}
	if (cli_request(&to, request, &reply))
		return CLI_FAILED;
	code = print_reply(reply, verb, words.json, &to);
	free(reply);
	return code;
}

#define BOUND_HELP                                                                                                     \
	"  --tenant TENANT  an organisation that lies behind the edge, by name or number, with all below it;\n"        \
	"                   may be given more than once\n"                                                             \
	"  --all            every organisation: for an edge of the nation's own\n"                                     \
	"  --province CODE  of the province or city where the edge is, for the map: 48\n"                              \
	"What an edge reports about other organisations is kept and counts for nothing."
#define BOUND_HELP_VI                                                                                                                        \
	"  --tenant TỔ_CHỨC  một tổ chức nằm sau điểm biên, theo tên hoặc số, cùng mọi đơn vị trực thuộc;\n" \
	"                    có thể lặp lại\n"                                                                                        \
	"  --all             mọi tổ chức: cho điểm biên của quốc gia\n"                                                        \
	"  --province MÃ     tỉnh, thành phố nơi đặt điểm biên, cho bản đồ: 48\n"                                         \
	"Điều một điểm biên báo về tổ chức khác được lưu nhưng không được tính."

static const struct cli_verb verbs[] = {
	{ "run", "[--state DIR] [--address IP] [--port N] [--names NAME,…]",
		"Run the hub: it takes the events of edges, decides, and tells all of them.",
		"Chạy trung tâm: nhận sự kiện từ các điểm biên, quyết định và báo cho tất cả.",
		"  --state DIR      everything it keeps; default " HUB_STATE "\n"
		"  --address IP     where edges connect; default 0.0.0.0\n"
		"  --port N         default 8444\n"
		"  --names NAME,…   host names and addresses by which edges know it; default: this machine's name\n"
		"  --control PLACE  control data elsewhere: postgres:CONNINFO\n"
		"  --events PLACE   events elsewhere: clickhouse:http://HOST:PORT/DATABASE\n"
		"  --console-address IP   where people connect; default 127.0.0.1\n"
		"  --console-port N       default 8443\n"
		"  --console-socket PATH  a Unix socket in place of both, for a proxy on this machine\n"
		"  --sign-on FILE   people log in through a provider of OpenID Connect too (docs/hub.md)\n"
		"  --cluster URL,…  servers of NATS: one of several hubs that are one; takes --control postgres:…\n"
		"                   and --events clickhouse:… (docs/scale-out.md)\n"
		"  --cluster-ca FILE, --cluster-cert FILE, --cluster-key FILE   TLS towards NATS\n"
		"  --holds DIR:…    rules that can hold a weakness at the perimeter (docs/posture.md);\n"
		"                   default " HUB_HOLDS "\n"
		"  --holds-budget SECONDS  how long a rule stays in shadow after its proof; default 3\n"
		"  --metrics PORT   figures for Prometheus at http://127.0.0.1:PORT/metrics; default: none\n"
		"  --drop DIR       where reports of scanners may be dropped; default: drop in the state folder\n"
		"  --socket PATH    of the control socket; default " HUB_SOCKET,
		"  --state THƯ_MỤC  nơi lưu mọi thứ; mặc định " HUB_STATE "\n"
		"  --address IP     nơi các điểm biên kết nối; mặc định 0.0.0.0\n"
		"  --port N         mặc định 8444\n"
		"  --names TÊN,…    tên máy và địa chỉ mà các điểm biên biết; mặc định: tên máy này\n"
		"  --control NƠI    dữ liệu điều khiển ở nơi khác: postgres:CONNINFO\n"
		"  --events NƠI     sự kiện ở nơi khác: clickhouse:http://MÁY:CỔNG/CSDL\n"
		"  --console-address IP   nơi người dùng kết nối; mặc định 127.0.0.1\n"
		"  --console-port N       mặc định 8443\n"
		"  --console-socket ĐƯỜNG_DẪN  ổ cắm Unix thay cho cả hai, cho proxy trên máy này\n"
		"  --sign-on TỆP    đăng nhập cả qua nhà cung cấp OpenID Connect (docs/hub.md)\n"
		"  --cluster URL,…  các máy chủ NATS: một trong nhiều trung tâm hợp thành một; cần\n"
		"                   --control postgres:… và --events clickhouse:… (docs/scale-out.md)\n"
		"  --cluster-ca TỆP, --cluster-cert TỆP, --cluster-key TỆP   TLS tới NATS\n"
		"  --holds THƯ_MỤC:…  các luật có thể chặn điểm yếu ở biên (docs/posture.md);\n"
		"                   mặc định " HUB_HOLDS "\n"
		"  --holds-budget GIÂY  một luật ở chế độ bóng bao lâu sau khi được chứng minh; mặc định 3\n"
		"  --metrics CỔNG   số liệu cho Prometheus tại http://127.0.0.1:CỔNG/metrics; mặc định: không có\n"
		"  --drop THƯ_MỤC   nơi thả báo cáo của công cụ quét; mặc định: drop trong thư mục trạng thái\n"
		"  --socket ĐƯỜNG_DẪN  ổ cắm điều khiển; mặc định " HUB_SOCKET,
		verb_run },
	{ "status", "", "Decisions by level, edges and whether they are up to date.",
		"Số quyết định theo mức, các điểm biên và chúng đã cập nhật chưa.", NULL, NULL, verb_ask },
	{ "decisions", "", "Every decision that stands, and why.", "Mọi quyết định đang hiệu lực và lý do.", NULL, NULL,
		verb_ask },
	{ "explain", "ID", "One decision with its evidence (--json lists it).",
		"Một quyết định cùng chứng cứ (--json liệt kê).", NULL, NULL, verb_ask },
	{ "trace", "ID", "When each edge had a decision standing, and how long that took (--json too).",
		"Mỗi điểm biên thi hành một quyết định từ khi nào, sau bao lâu (có --json).", NULL, NULL, verb_ask },
	{ "lift", "ID [wrong]", "End a decision; with `wrong` those who reported lose trust.",
		"Gỡ một quyết định; có `wrong` thì bên báo cáo bị giảm tín nhiệm.", NULL, NULL, verb_ask },
	{ "undo-all", "", "Lift every collective decision on every edge, at once.",
		"Gỡ ngay mọi quyết định chung trên mọi điểm biên.", NULL, NULL, verb_ask },
	{ "resume", "", "Decide again after the hub stopped itself.",
		"Cho quyết định trở lại sau khi trung tâm tự dừng.", NULL, NULL, verb_ask },
	{ "invite", "NAME [--province CODE] --tenant TENANT… | --all",
		"A token with which one edge may enrol, for a day.",
		"Một mã để một điểm biên ghi danh, trong một ngày.", BOUND_HELP, BOUND_HELP_VI, verb_bound },
	{ "bind", "EDGE [--province CODE] --tenant TENANT… | --all", "Say anew which organisations lie behind an edge.",
		"Nói lại những tổ chức nào nằm sau một điểm biên.", BOUND_HELP, BOUND_HELP_VI, verb_bound },
	{ "package", "key FILE | open FILE --key FILE [--signer KEY]",
		"Open a sealed package of an assessment, without the hub; or make the key for it.",
		"Mở gói kết quả đánh giá đã niêm phong mà không cần trung tâm; hoặc tạo khóa để mở.",
		"  key FILE         the recipient's secret key, made when there is none; prints the public one\n"
		"  open FILE        prints what is in it for this key\n"
		"  --key FILE       the secret key\n"
		"  --signer KEY     the hub's key (64 hex digits): refuse what another has signed",
		"  key TỆP          khóa bí mật của người nhận, được tạo nếu chưa có; in ra khóa công khai\n"
		"  open TỆP         in nội dung dành cho khóa này\n"
		"  --key TỆP        khóa bí mật\n"
		"  --signer KHÓA    khóa của trung tâm (64 chữ số thập lục phân): từ chối chữ ký của bên khác",
		cli_hub_package },
	{ "revoke", "EDGE", "Refuse an edge from now on.", "Từ nay không nhận một điểm biên nữa.", NULL, NULL,
		verb_ask },
	{ "tenant", "[province=CODE] [sector=WORD] [level=1..5] PREFIX[,PREFIX…] NAME",
		"Register an organisation with its prefixes.", "Đăng ký một tổ chức với các dải địa chỉ của nó.",
		"  province=48     code of the province or city it is in\n"
		"  sector=health   as `GET /api/v1/meta` lists them; default other\n"
		"  level=3         of its system, by Decree 85/2016/NĐ-CP",
		"  province=48     mã tỉnh, thành phố nơi tổ chức đặt trụ sở\n"
		"  sector=health   lĩnh vực, như `GET /api/v1/meta` liệt kê; mặc định other\n"
		"  level=3         cấp độ hệ thống theo Nghị định 85/2016/NĐ-CP",
		verb_ask },
	{ "account", "NAME ROLE", "An account for the console, with a password that is shown once.",
		"Một tài khoản cho bảng điều khiển, mật khẩu chỉ hiện một lần.",
		"ROLE is nation-admin (must set up a second factor at the first log-in), analyst, auditor or "
		"drill-master.",
		"ROLE là nation-admin (phải đặt yếu tố thứ hai khi đăng nhập lần đầu), analyst, auditor hoặc "
		"drill-master.",
		verb_ask },
	{ "holds", "[all]",
		"What is held at the perimeter, how it was proved and where it stands; `all`: lifted ones too.",
		"Những gì đang được chặn ở biên, đã chứng minh ra sao, ở đâu; `all`: cả những gì đã gỡ.", NULL, NULL,
		verb_ask },
	{ "import", "FILE|- [--format F] [--tenant ID] [--target NAME]",
		"Bring the report of a scanner, and wait for what becomes of it.",
		"Đưa báo cáo của một công cụ quét vào, và đợi kết quả.",
		"  --format F     nmap, nuclei, openvas, nessus, trivy, grype, cyclonedx, cyclonedx-xml or csaf;\n"
		"                 default: found by its beginning. A report may be packed with gzip.\n"
		"  --tenant ID    findings of this organisation and those below it alone; default: of all\n"
		"  --target NAME  an address or name of an asset that the whole report is about\n"
		"The file is laid into the drop folder of the hub on this machine. What a report does not mention is "
		"never\n"
		"closed by that.",
		"  --format F     nmap, nuclei, openvas, nessus, trivy, grype, cyclonedx, cyclonedx-xml hoặc csaf;\n"
		"                 mặc định: nhận biết theo phần đầu. Báo cáo có thể nén bằng gzip.\n"
		"  --tenant SỐ    chỉ phát hiện của tổ chức này và đơn vị trực thuộc; mặc định: mọi tổ chức\n"
		"  --target TÊN   địa chỉ hoặc tên một tài sản mà cả báo cáo nói về\n"
		"Tệp được đặt vào thư mục nhận của trung tâm trên máy này. Điều báo cáo không nhắc tới thì không bao "
		"giờ\n"
		"được coi là đã khắc phục.",
		verb_import },
	{ "catalogue", "kev|epss|cve|bundle FILE",
		"Take a catalogue of CVEs as it was published, or a signed bundle of them.",
		"Nhận danh mục CVE như đã công bố, hoặc một gói có chữ ký.",
		"  kev     known_exploited_vulnerabilities.json of CISA\n"
		"  epss    epss_scores-DATE.csv of FIRST, packed or not\n"
		"  cve     one CVE record (JSON 5)\n"
		"  bundle  kev.json, epss.csv, cve/*.json in one, signed with a key of the file catalogue-keys in the\n"
		"          state folder of the hub: for a machine without a network",
		"  kev     known_exploited_vulnerabilities.json của CISA\n"
		"  epss    epss_scores-NGÀY.csv của FIRST, nén hay không\n"
		"  cve     một bản ghi CVE (JSON 5)\n"
		"  bundle  gồm kev.json, epss.csv, cve/*.json, ký bằng khóa trong tệp catalogue-keys ở thư mục trạng\n"
		"          thái của trung tâm: cho máy không nối mạng",
		verb_catalogue },
	{ "findings", "[TENANT_ID]", "What is open and due soonest.", "Điểm yếu đang mở, đến hạn sớm nhất.", NULL, NULL,
		verb_ask },
	{ "retro", "cve|rule|address|text VALUE [DAYS]",
		"Was anybody hit before we knew? Asks stored events, 90 days unless told otherwise.",
		"Đã có ai bị tấn công trước khi ta biết? Tra các sự kiện đã lưu, mặc định 90 ngày.",
		"  cve CVE-…        rules that cover it, and rules whose text names it\n"
		"  rule NUMBER      what this rule saw\n"
		"  address PREFIX   what came from an address or a prefix\n"
		"  text WORD        a domain, a JA4, a piece of a path; at least four characters, without blanks\n"
		"For CVEs of findings the hub asks by itself, and attaches what it finds to them.",
		"  cve CVE-…        các luật bao phủ nó và các luật nêu tên nó\n"
		"  rule SỐ          những gì luật này đã thấy\n"
		"  address DẢI      những gì đến từ một địa chỉ hoặc dải địa chỉ\n"
		"  text CHỮ         tên miền, JA4, một phần đường dẫn; ít nhất bốn ký tự, không có dấu cách\n"
		"Với CVE của các phát hiện, trung tâm tự tra và gắn kết quả vào phát hiện.",
		verb_ask },
	{ "probe", "dns TENANT_ID",
		"Ask for the names of an organisation that has consented: SPF, DMARC, dangling names.",
		"Truy vấn các tên miền của tổ chức đã đồng ý: SPF, DMARC, tên trỏ vào nơi không còn tồn tại.",
		"What is wrong becomes findings, what is gone is verified as fixed. Names without consent are refused "
		"and\ncounted; after 30 seconds the rest is left.",
		"Điều sai thành phát hiện, điều đã hết được xác minh là đã khắc phục. Tên chưa có đồng ý bị từ chối "
		"và\nđược đếm; sau 30 giây phần còn lại để lần sau.",
		verb_ask },
	{ "audit", "", "Verify the chain of the audit log.", "Kiểm tra chuỗi nhật ký kiểm toán.", NULL, NULL,
		verb_ask },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

/* The language counts wherever it stands, for help too; the verbs' own options are read by the verbs. */
static bool read_lang(struct cli_options *options)
{
	for (int i = 1; i < options->word_count && strcmp(options->words[i], "--") != 0; i++) {
		const char *word = options->words[i];

		if (strcmp(word, "--lang") == 0)
			word = i + 1 < options->word_count ? options->words[++i] : "";
		else if (strncmp(word, "--lang=", 7) == 0)
			word += 7;
		else
			continue;
		if (strcmp(word, "vi") != 0 && strcmp(word, "en") != 0) {
			fprintf(stderr, "luytre: --lang expects vi or en, found %s\n", word);
			return false;
		}
		options->lang = strcmp(word, "vi") == 0 ? LUYTRE_LANG_VI : LUYTRE_LANG_EN;
	}
	return true;
}

/* `luytre hub --socket PATH VERB`: for whichever verb, as the variable would say it. */
static bool read_socket(struct cli_options *options)
{
	const char *first = options->word_count > 1 ? options->words[1] : "", *path = NULL;
	int used = 1;

	if (strncmp(first, "--socket=", 9) == 0) {
		path = first + 9;
	} else if (strcmp(first, "--socket") == 0) {
		path = options->word_count > 2 ? options->words[2] : "";
		used = 2;
	}
	if (!path)
		return true;
	if (!*path || setenv("LUYTRE_HUB_SOCKET", path, 1)) {
		fprintf(stderr, "luytre: %s\n",
			cli_text(options, "--socket takes the path of a running hub's control socket",
				"--socket nhận đường dẫn ổ cắm điều khiển của một trung tâm đang chạy"));
		return false;
	}
	options->words[used] = options->words[0];
	options->words += used;
	options->word_count -= used;
	return true;
}

int cli_hub(const struct cli_options *options)
{
	struct cli_options own = *options;

	return read_lang(&own) && read_socket(&own) ? cli_run_own(verbs, "luytre hub", &own) : CLI_USAGE;
}
