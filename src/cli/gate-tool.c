// SPDX-License-Identifier: Apache-2.0
#include "cli/gate-tool.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/compiler.h"
#include "gate/hold/places.h"
#include "gate/output/progress.h"

enum kind { FLAG, TEXT, RULES, LANGUAGE };

static const struct row {
	const char *name;
	enum kind kind;
	unsigned int verbs;
	size_t offset;
} rows[] = {
	{ "--all", FLAG, GATE_EXPLAIN | GATE_RULES, offsetof(struct gate_arguments, all) },
	{ "--cache", TEXT, GATE_CHECK | GATE_EXPLAIN | GATE_RULES, offsetof(struct gate_arguments, cache_dir) },
	{ "--cost", FLAG, GATE_RULES, offsetof(struct gate_arguments, cost) },
	{ "--holds", TEXT, GATE_CHECK | GATE_EXPLAIN, offsetof(struct gate_arguments, holds) },
	{ "--json", FLAG, GATE_CHECK | GATE_EXPLAIN | GATE_RULES, offsetof(struct gate_arguments, json) },
	{ "--lang", LANGUAGE, GATE_CHECK | GATE_EXPLAIN | GATE_RULES, 0 },
	{ "--no-prefilter", FLAG, GATE_CHECK, offsetof(struct gate_arguments, no_prefilter) },
	{ "--rule", TEXT, GATE_EXPLAIN, offsetof(struct gate_arguments, rule) },
	{ "--rules", RULES, GATE_CHECK | GATE_EXPLAIN | GATE_RULES, 0 },
	{ "--shadow", FLAG, GATE_CHECK | GATE_EXPLAIN, offsetof(struct gate_arguments, shadow) },
	{ "--trace", FLAG, GATE_CHECK, offsetof(struct gate_arguments, trace) },
	{ "--uri", TEXT, GATE_EXPLAIN, offsetof(struct gate_arguments, uri) },
};

enum luytre_lang gate_tool_lang(const struct cli_options *options)
{
	enum luytre_lang lang = options->lang;

	for (int i = 1; i + 1 < options->word_count; i++) {
		if (!strcmp(options->words[i], "--lang"))
			lang = strcmp(options->words[i + 1], "vi") ? LUYTRE_LANG_EN : LUYTRE_LANG_VI;
	}
	return lang;
}

static int wrong(const struct cli_options *options, const char *en, const char *vi, const char *word)
{
	fprintf(stderr, "luytre: gate %s: %s%s\n", options->verb, cli_text(options, en, vi), word);
	fprintf(stderr,
		cli_text(options, "`luytre gate %s --help` lists the options\n",
			"`luytre gate %s --help` liệt kê các tùy chọn\n"),
		options->verb);
	return CLI_USAGE;
}

static const struct row *find_row(const char *word, unsigned int verb)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if ((rows[i].verbs & verb) && !strcmp(rows[i].name, word))
			return &rows[i];
	}
	return NULL;
}

static int take(struct gate_arguments *a, const struct row *row, const char *value)
{
	switch (row->kind) {
	case FLAG:
		*(bool *)((char *)a + row->offset) = true;
		break;
	case TEXT:
		*(const char **)((char *)a + row->offset) = value;
		break;
	case RULES:
		if (a->rules_count == GATE_TOOL_RULES_MAX)
			return wrong(&a->cli, "more than 256 times --rules", "--rules quá 256 lần", "");
		a->rules[a->rules_count++] = value;
		break;
	case LANGUAGE:
		if (strcmp(value, "vi") && strcmp(value, "en"))
			return wrong(&a->cli, "--lang expects vi or en, found ", "--lang cần vi hoặc en, gặp ", value);
		break;
	}
	return CLI_DONE;
}

static int check(struct gate_arguments *a)
{
	char *end = NULL;

	if (a->rules_count == 0)
		return wrong(&a->cli, "expects --rules PATH: a file of rules, or a folder of *.conf",
			"cần --rules ĐƯỜNG_DẪN: một tệp luật, hoặc thư mục có các *.conf", "");
	if (a->rule) {
		a->rule_id = strtoull(a->rule, &end, 10);
		if (*a->rule < '0' || *a->rule > '9' || *end != '\0' || a->rule_id == 0)
			return wrong(&a->cli, "--rule expects the number of a rule, found ",
				"--rule cần số hiệu của một luật, gặp ", a->rule);
	}
	if (a->uri && a->file)
		return wrong(&a->cli, "--uri is the request already; there is also ",
			"--uri đã là yêu cầu; lại có thêm ", a->file);
	return CLI_DONE;
}

int gate_tool_arguments(const struct cli_options *options, unsigned int verb, struct gate_arguments *ret)
{
	int result = CLI_DONE;

	*ret = (struct gate_arguments){ .cli = *options, .cache_dir = getenv("LUYTRE_CACHE") };
	ret->cli.lang = gate_tool_lang(options);
	for (int i = 1; i < options->word_count && result == CLI_DONE; i++) {
		const char *word = options->words[i];
		const struct row *row = find_row(word, verb);

		if (row && row->kind != FLAG && i + 1 == options->word_count)
			return wrong(&ret->cli, "a value is missing behind ", "thiếu giá trị sau ", word);
		if (row)
			result = take(ret, row, row->kind == FLAG ? NULL : options->words[++i]);
		else if (word[0] == '-' && word[1])
			return wrong(&ret->cli, "does not know ", "không biết ", word);
		else if (ret->file)
			return wrong(&ret->cli, "one file of requests is enough: ", "chỉ cần một tệp yêu cầu: ", word);
		else
			ret->file = word;
	}
	return result == CLI_DONE ? check(ret) : result;
}

static void print_messages(const struct gate_arguments *arguments, const struct sec_rules *rules, bool warn)
{
	size_t count;
	const struct sec_message *messages = sec_rules_messages(rules, &count);

	for (size_t i = 0; i < count; i++) {
		if (messages[i].warning && !warn)
			continue;
		fprintf(stderr, "%s:%u: %s%s\n", messages[i].file, messages[i].line,
			messages[i].warning ? cli_text(&arguments->cli, "warning: ", "cảnh báo: ") : "",
			messages[i].text);
	}
}

static int load(const struct gate_arguments *arguments, struct sec_rules *rules)
{
	int error = 0;

	for (unsigned int i = 0; i < arguments->rules_count && error == 0; i++) {
		error = sec_rules_load_file(rules, arguments->rules[i]);
		if (error < 0 && error != LUYTRE_E_SYNTAX)
			fprintf(stderr, "luytre: %s: %s\n", arguments->rules[i],
				error_text(error, arguments->cli.lang));
	}
	return error < 0 ? error : sec_rules_finish(rules);
}

static int build(
	const struct gate_arguments *arguments, struct sec_rules *rules, size_t memory_max, struct gate_tool *ret)
{
	struct progress progress;
	struct gate_plan_options options = { .cache_dir = arguments->cache_dir,
		.no_prefilter = arguments->no_prefilter,
		.progress = progress_show,
		.context = &progress };
	struct gate_site_settings site = {
		.name = "default", .mode = arguments->shadow ? GATE_SHADOW : GATE_ON, .memory_max = memory_max
	};
	int error;

	progress_begin(&progress, arguments->cli.lang);
	error = gate_plan_build(rules, &options, &ret->plan);
	progress_end(&progress);
	if (error < 0)
		return error;
	ret->rules = rules;
	ret->worker = gate_worker_new();
	return ret->worker ? gate_site_new(ret->plan, &site, &ret->site) : LUYTRE_E_NOMEM;
}

/* ---- holds ---- */

static int read_holds(const char *path, struct hold_places **ret)
{
	FILE *in = fopen(path, "re");
	uint8_t *text = malloc(HOLDFILE_SIZE_MAX + 1);
	struct holdfile file;
	int error = in ? LUYTRE_E_NOMEM : LUYTRE_E_IO;

	if (in && text) {
		size_t size = fread(text, 1, HOLDFILE_SIZE_MAX + 1, in);

		error = ferror(in) ? LUYTRE_E_IO : holdfile_read(bytes_of(text, size), &file);
		if (error == 0)
			error = hold_places_new(&file, ret);
	}
	free(text);
	if (in)
		fclose(in);
	return error;
}

static void arm(void *context, const struct gate_armed *armed, size_t count)
{
	gate_tx_arm(context, armed, count);
}

void gate_tool_arm(const struct gate_tool *tool, const struct gate_request *request, struct gate_tx *tx)
{
	if (!tool->places)
		return;
	gate_tx_arm(tx, NULL, 0);
	for (size_t i = 0; i < request->header_count; i++) {
		struct bytes host = request->headers[i].value;

		if (ascii_equal_nocase_str(request->headers[i].name, "host"))
			hold_places_at_name(tool->places, bytes_first(host, bytes_index(host, ':')), arm, tx);
	}
}

/* ---- all together ---- */

int gate_tool_open(const struct gate_arguments *arguments, bool warn, size_t memory_max, struct gate_tool *ret)
{
	struct sec_rules *rules = sec_rules_new();
	int error = rules ? load(arguments, rules) : LUYTRE_E_NOMEM;

	*ret = (struct gate_tool){ 0 };
	if (rules)
		print_messages(arguments, rules, warn);
	if (error < 0)
		sec_rules_free(rules);
	else
		error = build(arguments, rules, memory_max, ret);
	if (error < 0)
		fprintf(stderr, "luytre: gate: %s: %s\n",
			cli_text(&arguments->cli, "the rules do not load", "không nạp được luật"),
			error_text(error, arguments->cli.lang));
	if (error < 0 || !arguments->holds)
		return error;
	error = read_holds(arguments->holds, &ret->places);
	if (error < 0)
		fprintf(stderr, "luytre: %s: %s\n", arguments->holds, error_text(error, arguments->cli.lang));
	return error;
}

void gate_tool_close(struct gate_tool *tool)
{
	hold_places_free(tool->places);
	gate_worker_free(tool->worker);
	gate_site_unref(tool->site);
	gate_plan_unref(tool->plan);
}
