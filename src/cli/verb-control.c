// SPDX-License-Identifier: Apache-2.0
/* The verbs that are requests to the daemon, and the group `luytre shield`. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "shield/emulate.h"

enum { REQUEST_SIZE = 2048 };

static void join(const struct cli_options *options, char request[REQUEST_SIZE])
{
	size_t at = (size_t)snprintf(request, REQUEST_SIZE, "%s", options->verb);

	for (int i = 0; i < options->word_count && at < REQUEST_SIZE; i++)
		at += (size_t)snprintf(request + at, REQUEST_SIZE - at, " %s", options->words[i]);
}

/* Prints an error of the daemon, if it is one. */
static int say_error(const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error"), *errors = json_object_get(reply, "errors"), *one;
	size_t i;

	if (error) {
		fprintf(stderr, "luytre: %s\n", json_string_value(json_object_get(error, "message")));
		return CLI_FAILED;
	}
	json_array_foreach (errors, i, one) {
		if (json_is_string(one))
			fprintf(stderr, "luytre: %s\n", json_string_value(one));
		else
			fprintf(stderr, "%s:%lld: %s: found %s, expected %s. %s\n",
				json_string_value(json_object_get(one, "file")),
				(long long)json_integer_value(json_object_get(one, "line")),
				json_string_value(json_object_get(one, "setting")),
				json_string_value(json_object_get(one, "found")),
				json_string_value(json_object_get(one, "expected")),
				json_string_value(json_object_get(one, "remedy")));
	}
	return errors ? CLI_FAILED : CLI_DONE;
}

static void print_decisions(const json_t *decisions, bool more)
{
	const json_t *one;
	size_t i;

	json_array_foreach (decisions, i, one) {
		const json_t *expires = json_object_get(one, "expires_in_s");
		const char *tenant = json_string_value(json_object_get(one, "tenant"));

		printf("%-24s %-6s %-12s %-14s %-16s ", json_string_value(json_object_get(one, "prefix")),
			json_string_value(json_object_get(one, "action")), tenant ? tenant : "*",
			json_string_value(json_object_get(one, "list")),
			json_string_value(json_object_get(one, "reason")));
		if (json_is_null(expires))
			puts("-");
		else
			printf("%.0fs\n", json_number_value(expires));
	}
	if (more)
		puts("…");
}

int cli_control(const struct cli_options *options)
{
	char request[REQUEST_SIZE], *text;
	json_t *reply, *decisions;
	int error;

	join(options, request);
	if (cli_request(options, request, &text))
		return CLI_FAILED;
	reply = json_loads(text, 0, NULL);
	error = say_error(reply);
	decisions = json_object_get(reply, "decisions");
	if (options->json)
		fputs(text, stdout);
	else if (!error && decisions)
		print_decisions(decisions, json_is_true(json_object_get(reply, "more")));
	else if (!error)
		puts(cli_text(options, "done", "xong"));
	json_decref(reply);
	free(text);
	return error;
}

static void print_sample(const struct cli_options *options, const char *line)
{
	json_t *sample = options->json ? NULL : json_loads(line, 0, NULL);

	if (!sample) {
		fputs(line, stdout);
		return;
	}
	printf("%-60s %s%s: %s %s. %s [%s]\n", json_string_value(json_object_get(sample, "packet")),
		json_string_value(json_object_get(sample, "tenant")),
		json_is_true(json_object_get(sample, "shadow")) ? cli_text(options, " (shadow)", " (bóng)") : "",
		json_string_value(json_object_get(sample, "step")),
		json_string_value(json_object_get(sample, "reason")),
		json_string_value(json_object_get(sample, "text")),
		json_string_value(json_object_get(sample, "vectors")));
	json_decref(sample);
}

int cli_samples(const struct cli_options *options)
{
	return cli_stream(options, "samples", print_sample);
}

int cli_reasons(const struct cli_options *options)
{
	for (unsigned int i = 1; i < SHIELD_REASON_COUNT; i++)
		printf("%-22s %-10s %-18s %s\n", shield_reason_name(i), shield_step_name(shield_reason_step(i)),
			shield_reason_vectors(i), shield_reason_text(i, options->lang == LUYTRE_LANG_VI));
	return CLI_DONE;
}

const struct cli_verb cli_shield_verbs[] = {
	{ "stats", "", "All counters, by tenant and reason.", "Mọi bộ đếm, theo tổ chức và lý do.", NULL, NULL,
		cli_stats },
	{ "attacks", "", "The attacks that are going on, and the last that ended.",
		"Các đợt tấn công đang diễn ra và vừa kết thúc.", NULL, NULL, cli_attacks },
	{ "explain", "--pcap FILE [--config FILE] | --live",
		"Tell for each packet which step said what, and why; --live: for what the daemon samples.",
		"Với từng gói, cho biết bước nào phán gì và vì sao; --live: với các gói đang được lấy mẫu.", NULL, NULL,
		cli_explain },
	{ "samples", "", "The packets that the daemon samples, live; --json for programs.",
		"Các gói được lấy mẫu, trực tiếp; --json cho chương trình.", NULL, NULL, cli_samples },
	{ "reasons", "", "Every reason that a packet can meet.", "Mọi lý do một gói có thể gặp.", NULL, NULL,
		cli_reasons },
	{ "block", "PREFIX [tenant=NAME] [for=10m] [reason=WORD]", "Block a source.", "Chặn một nguồn.", NULL, NULL,
		cli_control },
	{ "allow", "PREFIX [tenant=NAME] [for=10m] [reason=WORD]", "Let a source pass, whatever blocks it.",
		"Cho một nguồn qua, bất kể điều gì chặn nó.", NULL, NULL, cli_control },
	{ "lift", "PREFIX [tenant=NAME]", "Take the operator's decision about a prefix away.",
		"Gỡ quyết định của người vận hành về một dải.", NULL, NULL, cli_control },
	{ "lift-all", "", "Take all of the operator's decisions away.", "Gỡ mọi quyết định của người vận hành.", NULL,
		NULL, cli_control },
	{ "decisions", "[after=PREFIX] [limit=N]", "List the decisions.", "Liệt kê các quyết định.", NULL, NULL,
		cli_control },
	{ "lookup", "ADDRESS", "The decisions that cover an address.", "Các quyết định bao một địa chỉ.", NULL, NULL,
		cli_control },
	{ "mode", "TENANT shadow|enforce", "Switch a tenant until the next reload.",
		"Đổi chế độ một tổ chức đến lần nạp cấu hình sau.", NULL, NULL, cli_control },
	{ "withdraw", "TENANT [forget]", "End a tenant's attacks and remove its learned signatures.",
		"Kết thúc các đợt tấn công và gỡ dấu hiệu đã học của một tổ chức.", NULL, NULL, cli_control },
	{ "detach", "DEV", "Take the shield off an interface.", "Gỡ lá chắn khỏi một giao diện.", NULL, NULL,
		cli_detach },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_shield(const struct cli_options *options)
{
	return cli_run_group(cli_shield_verbs, "luytre shield", options);
}
