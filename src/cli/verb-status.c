// SPDX-License-Identifier: Apache-2.0
/* luytre status, luytre shield stats, luytre shield attacks: the daemon's JSON, for people. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "cli/cli.h"
#include "shield/emulate.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static unsigned long long count_of(const json_t *object, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(object, key));
}

/* Asks, prints the JSON itself with --json, else calls 'print'. */
static int ask(const struct cli_options *options, const char *request,
	void (*print)(const struct cli_options *options, const json_t *reply))
{
	char *text;
	json_t *reply;

	if (cli_request(options, request, &text))
		return CLI_FAILED;
	reply = json_loads(text, 0, NULL);
	if (options->json)
		fputs(text, stdout);
	else if (reply)
		print(options, reply);
	free(text);
	if (!reply)
		return CLI_FAILED;
	json_decref(reply);
	return CLI_DONE;
}

static void print_attack_list(const json_t *attacks)
{
	const json_t *one;
	size_t i;

	json_array_foreach (attacks, i, one)
		printf("  ! %s\n", text_of(one, "text"));
}

/* How far holds are: a list is known by when the hub made it. */
static void print_holds(const struct cli_options *options, const json_t *holds)
{
	json_int_t stamp = json_integer_value(json_object_get(holds, "stamp"));
	const char *problem = json_string_value(json_object_get(holds, "problem"));
	time_t made = (time_t)(stamp / 1000000);
	struct tm parts;
	char time[64];

	if (!stamp)
		return;
	strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", localtime_r(&made, &parts));
	printf(cli_text(options, "holds: %llu wanted, %llu standing at %llu workers of web servers, list of %s",
		       "chặn giữ: cần %llu, đang đứng %llu tại %llu tiến trình máy chủ web, danh sách lúc %s"),
		count_of(holds, "wanted"), count_of(holds, "standing"), count_of(holds, "gates"), time);
	if (count_of(holds, "gates") && json_integer_value(json_object_get(holds, "gates_stamp")) != stamp)
		fputs(cli_text(options, "; a worker has an older one", "; có tiến trình còn giữ danh sách cũ"), stdout);
	putchar('\n');
	if (problem)
		printf("  ! %s\n", problem);
}

static void print_status(const struct cli_options *options, const json_t *reply)
{
	const json_t *tenants = json_object_get(reply, "tenants"), *attacks = json_object_get(reply, "attacks"), *one;
	const json_t *decisions = json_object_get(reply, "decisions");
	size_t i;

	printf("luytre %s  %s (%s)  %s %.0f s\n", text_of(reply, "version"), text_of(reply, "interface"),
		text_of(reply, "attached"), cli_text(options, "up", "chạy được"),
		json_number_value(json_object_get(reply, "uptime_s")));
	printf("%s: IPv4 %llu/%llu, IPv6 %llu/%llu\n", cli_text(options, "decisions", "quyết định"),
		count_of(decisions, "ipv4"), count_of(decisions, "ipv4_max"), count_of(decisions, "ipv6"),
		count_of(decisions, "ipv6_max"));
	print_holds(options, json_object_get(reply, "holds"));
	json_array_foreach (tenants, i, one)
		printf("  %-24s %-8s %s\n", text_of(one, "name"), text_of(one, "mode"),
			json_array_size(json_object_get(one, "under_attack")) || count_of(one, "signatures")
				? cli_text(options, "under attack", "đang bị tấn công")
				: cli_text(options, "quiet", "yên ổn"));
	print_attack_list(attacks);
	if (!json_array_size(attacks))
		puts(cli_text(options, "no attack is going on", "không có đợt tấn công nào"));
}

int cli_status(const struct cli_options *options)
{
	if (options->prove)
		return cli_prove(options);
	if (options->word_count) {
		fprintf(stderr, "luytre: status takes no %s\n", options->words[0]);
		return CLI_USAGE;
	}
	return ask(options, "status", print_status);
}

static enum shield_reason reason_by_name(const char *name)
{
	for (unsigned int i = 1; i < SHIELD_REASON_COUNT; i++)
		if (!strcmp(shield_reason_name(i), name))
			return i;
	return SHIELD_REASON_NONE;
}

static void print_stats(const struct cli_options *options, const json_t *reply)
{
	const json_t *tenants = json_object_get(reply, "tenants"), *tenant;
	size_t i;

	json_array_foreach (tenants, i, tenant) {
		json_t *reasons = json_object_get(tenant, "reasons"), *value;
		const char *name;

		if (!json_object_size(reasons))
			continue;
		printf("%s (%s)\n", text_of(tenant, "name"), text_of(tenant, "mode"));
		json_object_foreach (reasons, name, value) {
			unsigned long long packets = count_of(value, "packets") + count_of(value, "shadow_packets");
			char human[UNITS_TEXT_SIZE];

			printf("  %-22s %8s%s  %s\n", name, units_human_count(packets, human),
				count_of(value, "shadow_packets") ? cli_text(options, " (shadow)", " (bóng)") : "",
				shield_reason_text(reason_by_name(name), options->lang == LUYTRE_LANG_VI));
		}
	}
}

int cli_stats(const struct cli_options *options)
{
	return ask(options, "stats", print_stats);
}

static void print_attacks(const struct cli_options *options, const json_t *reply)
{
	const json_t *active = json_object_get(reply, "attacks"), *ended = json_object_get(reply, "ended"), *one;
	size_t i;

	puts(cli_text(options, "Going on:", "Đang diễn ra:"));
	print_attack_list(active);
	puts(cli_text(options, "Ended:", "Đã kết thúc:"));
	json_array_foreach (ended, i, one)
		printf("    %s\n", text_of(one, "text"));
}

int cli_attacks(const struct cli_options *options)
{
	return ask(options, "attacks", print_attacks);
}
