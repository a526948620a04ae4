// SPDX-License-Identifier: Apache-2.0
/* luytre gate rules: what is in a set of rules, how the prefilter looks for each, and what each costs. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/jsonw.h"
#include "cli/gate-show.h"
#include "cli/gate-told.h"
#include "cli/verb-gate.h"

#define REPORT_MAX     ((size_t)64 << 20)
#define REQUEST_MAX    ((size_t)1 << 30)
#define PARANOIA_MAX   4
#define COSTS_SHOWN    30
#define ORDINARY_TIMES 100

struct counts {
	size_t rules, chained, actions, markers, removed, warnings;
	size_t phases[6]; /* first rules, actions with them */
	size_t paranoia[PARANOIA_MAX + 1]; /* 0: without a tag */
	size_t searches[GATE_SEARCH_FORM + 1];
};

struct report {
	const struct gate_arguments *a;
	struct gate_tool tool;
	struct counts counts;
	size_t *order; /* rules of the plan, the dearest first */
	size_t request_count;
};

static const struct {
	const char *name, *en, *vi;
} searches[] = {
	[GATE_SEARCH_ALL] = { "prefiltered", "asked only when their pattern was found", "chỉ xét khi đã tìm thấy mẫu" },
	[GATE_SEARCH_ALWAYS] = { "not-taken", "always: the automaton cannot take the pattern",
		"luôn xét: bộ tìm không nhận được mẫu" },
	[GATE_SEARCH_SOME] = { "alone", "by value: nothing else is searched for in one of their variables",
		"xét theo giá trị: không có mẫu nào khác để tìm trong một biến của luật" },
	[GATE_SEARCH_ACTION] = { "action", "always: SecAction", "luôn xét: SecAction" },
	[GATE_SEARCH_OPERATOR] = { "operator", "always: the operator looks for no pattern",
		"luôn xét: toán tử không tìm mẫu" },
	[GATE_SEARCH_FORM] = { "form", "always: negated, with a macro, a count, or of what rules change",
		"luôn xét: phủ định, có macro, phép đếm, hoặc biến do luật thay đổi" },
};

/* ---- counting ---- */

static unsigned int paranoia_of(const struct sec_rule *rule)
{
	struct bytes tag = told_paranoia(rule);
	unsigned int level = tag.size ? tag.ptr[tag.size - 1] - (unsigned int)'0' : 0;

	return level <= PARANOIA_MAX ? level : 0;
}

static void count_rule(struct counts *counts, const struct sec_rule *rule)
{
	switch (rule->kind) {
	case SEC_MARKER:
		counts->markers++;
		return;
	case SEC_ACTION:
		counts->actions++;
		break;
	case SEC_RULE:
		counts->rules++;
		break;
	}
	counts->phases[rule->phase]++;
	counts->paranoia[paranoia_of(rule)]++;
	for (const struct sec_rule *link = rule->chain; link; link = link->chain)
		counts->chained++;
}

static void count(struct report *report)
{
	size_t list_count, message_count;
	struct sec_rule *const *list = sec_rules_list(report->tool.rules, &list_count);
	const struct sec_message *messages = sec_rules_messages(report->tool.rules, &message_count);

	for (size_t i = 0; i < list_count; i++)
		count_rule(&report->counts, list[i]);
	for (size_t i = 0; i < message_count; i++)
		report->counts.warnings += messages[i].warning;
	(void)sec_rules_removed(report->tool.rules, &report->counts.removed);
	for (size_t i = 0; i < gate_plan_rule_count(report->tool.plan); i++)
		report->counts.searches[gate_plan_rule(report->tool.plan, i).search]++;
}

/* ---- requests ---- */

static int judge(struct report *report, const struct gate_request *request)
{
	struct gate_tx *tx;
	int error = gate_tx_new(report->tool.worker, report->tool.site, &tx);

	if (error < 0)
		return error;
	gate_request_run(tx, request);
	gate_tx_free(tx);
	report->request_count++;
	return 0;
}

static int judge_ordinary(struct report *report, struct arena *arena)
{
	static const char *const ordinary[] = {
		"{\"method\":\"GET\",\"uri\":\"/\",\"headers\":[[\"Host\",\"example.vn\"],[\"User-Agent\",\"Mozilla/"
		"5.0\"],"
		"[\"Accept\",\"*/*\"]]}",
		"{\"method\":\"GET\",\"uri\":\"/tim?q=giay+khai+sinh&trang=2\",\"headers\":[[\"Host\",\"example.vn\"],"
		"[\"User-Agent\",\"Mozilla/5.0\"],[\"Accept\",\"text/html\"],[\"Cookie\",\"phien=8c1f0a; "
		"ngonngu=vi\"]]}",
		"{\"method\":\"POST\",\"uri\":\"/dang-ky\",\"headers\":[[\"Host\",\"example.vn\"],[\"User-Agent\","
		"\"Mozilla/5.0\"],[\"Accept\",\"*/*\"],[\"Content-Type\",\"application/x-www-form-urlencoded\"],"
		"[\"Content-Length\",\"38\"]],\"body_base64\":\"aG90ZW49Tmd1eWVuK1ZhbitBbiZkaWFjaGk9SGErTm9pKzE=\"}",
		"{\"method\":\"POST\",\"uri\":\"/api/hoso\",\"headers\":[[\"Host\",\"example.vn\"],[\"User-Agent\","
		"\"Mozilla/5.0\"],[\"Accept\",\"*/*\"],[\"Content-Type\",\"application/"
		"json\"],[\"Content-Length\",\"34\"]],"
		"\"body_base64\":\"eyJtYSI6MTIzLCJ0ZW4iOiJUcmFuIFRoaSBCaW5oIn0=\"}",
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_COUNT(ordinary) && error == 0; i++) {
		struct gate_request_error wrong = { 0 };
		struct gate_request request;

		error = gate_request_json(arena, bytes_from_str(ordinary[i]), &request, &wrong);
		for (int n = 0; n < ORDINARY_TIMES && error == 0; n++)
			error = judge(report, &request);
	}
	return error;
}

static int judge_lines(struct report *report, struct arena *arena, FILE *in, const char *name)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	unsigned long number = 0;
	int error = 0;

	while (error == 0 && (size = getline(&line, &room, in)) > 0) {
		struct gate_request_error wrong = { 0 };
		struct gate_request request;

		number++;
		error = gate_request_json(arena, bytes_of(line, (size_t)size), &request, &wrong);
		if (error == 0)
			error = judge(report, &request);
		if (error < 0)
			gate_print_request_error(&report->a->cli, name, number, error, &wrong);
		arena_reset(arena);
	}
	free(line);
	return error;
}

static int judge_all(struct report *report)
{
	struct arena arena;
	const char *name;
	FILE *in;
	int error;

	arena_init(&arena, REQUEST_MAX);
	if (!report->a->file) {
		error = judge_ordinary(report, &arena);
	} else {
		in = gate_open_requests(report->a, &name);
		error = in ? judge_lines(report, &arena, in, name) : LUYTRE_E_IO;
		if (in && in != stdin)
			fclose(in);
	}
	arena_done(&arena);
	return error;
}

static const struct gate_worker *sorted_worker;

static int compare_costs(const void *left, const void *right)
{
	uint64_t a = gate_worker_rule_cost(sorted_worker, *(const size_t *)left).ns;
	uint64_t b = gate_worker_rule_cost(sorted_worker, *(const size_t *)right).ns;

	return (a < b) - (a > b);
}

static int sort(struct report *report)
{
	size_t rules = gate_plan_rule_count(report->tool.plan);

	report->order = calloc(rules + 1, sizeof(*report->order));
	if (!report->order)
		return LUYTRE_E_NOMEM;
	for (size_t i = 0; i < rules; i++)
		report->order[i] = i;
	sorted_worker = report->tool.worker;
	if (report->a->cost)
		qsort(report->order, rules, sizeof(*report->order), compare_costs);
	return 0;
}

/* ---- text ---- */

static const char *t(const struct report *report, const char *en, const char *vi)
	__attribute__((format_arg(2), format_arg(3)));
static const char *t(const struct report *report, const char *en, const char *vi)
{
	return cli_text(&report->a->cli, en, vi);
}

static void print_counts(const struct report *r)
{
	const struct counts *c = &r->counts;

	printf(t(r, "%zu rules and %zu that are chained to them, %zu actions, %zu markers; %zu removed by directives\n",
		       "%zu luật và %zu luật nối tiếp, %zu SecAction, %zu mốc; %zu luật bị chỉ thị loại bỏ\n"),
		c->rules, c->chained, c->actions, c->markers, c->removed);
	for (unsigned int phase = 1; phase < ARRAY_COUNT(c->phases); phase++)
		printf("  %s %u: %5zu\n", t(r, "phase", "pha"), phase, c->phases[phase]);
	for (unsigned int level = 1; level <= PARANOIA_MAX; level++)
		printf("  paranoia-level/%u: %5zu\n", level, c->paranoia[level]);
	printf("  %s: %5zu\n", t(r, "without a level", "không ghi mức"), c->paranoia[0]);
}

static void print_searches(const struct report *r)
{
	struct gate_plan_info info = gate_plan_info(r->tool.plan);

	puts(t(r, "\nHow they are looked for:", "\nCách tìm luật:"));
	for (size_t i = 0; i < ARRAY_COUNT(searches); i++)
		printf("  %5zu  %s\n", r->counts.searches[i], t(r, searches[i].en, searches[i].vi));
	printf(t(r, "  %zu automatons with %zu patterns, %.1f MB with the plan, %s in %u ms\n",
		       "  %zu bộ tìm với %zu mẫu, %.1f MB kể cả kế hoạch, %s trong %u ms\n"),
		info.pattern_set_count, info.pattern_count, (double)info.memory_bytes / 1e6,
		info.cached ? t(r, "loaded", "nạp") : t(r, "compiled", "biên dịch"), info.build_ms);
}

/* What stands in rule files is not for the terminal to act upon. */
static void print_short(struct bytes text, size_t size)
{
	struct show show = { stdout, false };

	show_bytes(&show, bytes_first(text, size), NULL, 0);
	putchar('\n');
}

static void print_rule(const struct gate_plan_rule *row)
{
	const struct sec_rule *rule = row->rule;

	printf("%10llu  %s:%u  %s", (unsigned long long)rule->id, rule->file, rule->line, searches[row->search].name);
	if (rule->operator)
		printf("  %s@%s ", rule->flags & SEC_NEGATED ? "!" : "", rule->operator->name);
	print_short(rule->parameter, 60);
}

static void print_list(const struct report *r)
{
	size_t rules = gate_plan_rule_count(r->tool.plan);

	if (r->counts.searches[GATE_SEARCH_ALWAYS] && !r->a->all)
		puts(t(r, "\nPatterns that the automaton cannot take:", "\nCác mẫu mà bộ tìm không nhận được:"));
	else if (r->a->all)
		puts(t(r, "\nRules:", "\nCác luật:"));
	for (size_t i = 0; i < rules; i++) {
		struct gate_plan_rule row = gate_plan_rule(r->tool.plan, i);

		if (r->a->all || row.search == GATE_SEARCH_ALWAYS)
			print_rule(&row);
	}
}

static void print_warnings(const struct report *r)
{
	size_t message_count;
	const struct sec_message *messages = sec_rules_messages(r->tool.rules, &message_count);

	if (r->counts.warnings)
		puts(t(r, "\nRead and left out:", "\nĐã đọc và bỏ qua:"));
	for (size_t i = 0; i < message_count; i++) {
		if (messages[i].warning)
			printf("  %s:%u: %s\n", messages[i].file, messages[i].line, messages[i].text);
	}
}

static void print_cost_row(const struct report *r, size_t index)
{
	struct gate_rule_cost cost = gate_worker_rule_cost(r->tool.worker, index);
	const struct sec_rule *rule = gate_plan_rule(r->tool.plan, index).rule;

	printf("%10llu %8llu %8llu %8llu %9llu %11.1f %9.2f  ", (unsigned long long)rule->id,
		(unsigned long long)cost.runs, (unsigned long long)cost.matched,
		(unsigned long long)(cost.runs - cost.matched), (unsigned long long)cost.values, (double)cost.ns / 1e3,
		cost.runs ? (double)cost.ns / 1e3 / (double)cost.runs : 0.0);
	print_short(rule->msg, 50);
}

static void print_costs(const struct report *r)
{
	size_t rules = gate_plan_rule_count(r->tool.plan), asked = 0;
	struct gate_search_cost search = gate_worker_search_cost(r->tool.worker);
	uint64_t all_ns = 0;

	for (size_t i = 0; i < rules; i++) {
		all_ns += gate_worker_rule_cost(r->tool.worker, i).ns;
		asked += gate_worker_rule_cost(r->tool.worker, i).runs != 0;
	}
	printf(t(r, "\n%zu requests: %.1f µs in %zu rules, %.1f µs searching for patterns in %llu groups of rules\n",
		       "\n%zu yêu cầu: %.1f µs cho %zu luật, %.1f µs tìm mẫu trong %llu nhóm luật\n"),
		r->request_count, (double)all_ns / 1e3, asked, (double)search.ns / 1e3,
		(unsigned long long)search.groups);
	puts(t(r, "      rule    asked  matched  refuted     calls          µs  µs/asked",
		"      luật   số xét     khớp bác bỏ     lần gọi         µs  µs/lần"));
	for (size_t i = 0; i < rules && (r->a->all || i < COSTS_SHOWN); i++) {
		if (gate_worker_rule_cost(r->tool.worker, r->order[i]).runs)
			print_cost_row(r, r->order[i]);
	}
}

static void print_text(const struct report *r)
{
	print_counts(r);
	print_searches(r);
	print_list(r);
	print_warnings(r);
	if (r->a->cost)
		print_costs(r);
}

/* ---- JSON ---- */

static void write_counts(const struct report *r, struct jsonw *json)
{
	const struct counts *c = &r->counts;
	struct gate_plan_info info = gate_plan_info(r->tool.plan);

	jsonw_kv_u64(json, "rules", c->rules);
	jsonw_kv_u64(json, "chained", c->chained);
	jsonw_kv_u64(json, "actions", c->actions);
	jsonw_kv_u64(json, "markers", c->markers);
	jsonw_kv_u64(json, "removed", c->removed);
	jsonw_kv_array_begin(json, "phases");
	for (unsigned int phase = 1; phase < ARRAY_COUNT(c->phases); phase++)
		jsonw_u64(json, c->phases[phase]);
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "paranoia");
	for (unsigned int level = 0; level <= PARANOIA_MAX; level++)
		jsonw_u64(json, c->paranoia[level]);
	jsonw_array_end(json);
	jsonw_kv_object_begin(json, "search");
	for (size_t i = 0; i < ARRAY_COUNT(searches); i++)
		jsonw_kv_u64(json, searches[i].name, c->searches[i]);
	jsonw_object_end(json);
	jsonw_kv_u64(json, "automatons", info.pattern_set_count);
	jsonw_kv_u64(json, "patterns", info.pattern_count);
	jsonw_kv_u64(json, "memory_bytes", info.memory_bytes);
	jsonw_kv_u64(json, "build_ms", info.build_ms);
	jsonw_kv_bool(json, "cached", info.cached);
}

static void write_warnings(const struct report *r, struct jsonw *json)
{
	size_t message_count;
	const struct sec_message *messages = sec_rules_messages(r->tool.rules, &message_count);

	jsonw_kv_array_begin(json, "warnings");
	for (size_t i = 0; i < message_count; i++) {
		if (!messages[i].warning)
			continue;
		jsonw_object_begin(json);
		jsonw_kv_string(json, "file", messages[i].file);
		jsonw_kv_u64(json, "line", messages[i].line);
		jsonw_kv_string(json, "text", messages[i].text);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_rule(const struct report *r, struct jsonw *json, size_t index)
{
	struct gate_plan_rule row = gate_plan_rule(r->tool.plan, index);

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "id", row.rule->id);
	jsonw_kv_string(json, "file", row.rule->file);
	jsonw_kv_u64(json, "line", row.rule->line);
	jsonw_kv_u64(json, "phase", row.rule->phase);
	jsonw_kv_u64(json, "paranoia", paranoia_of(row.rule));
	jsonw_kv_string(json, "search", searches[row.search].name);
	if (r->a->cost) {
		struct gate_rule_cost cost = gate_worker_rule_cost(r->tool.worker, index);

		jsonw_kv_u64(json, "asked", cost.runs);
		jsonw_kv_u64(json, "matched", cost.matched);
		jsonw_kv_u64(json, "refuted", cost.runs - cost.matched);
		jsonw_kv_u64(json, "calls", cost.values);
		jsonw_kv_double(json, "us", (double)cost.ns / 1e3);
	}
	jsonw_object_end(json);
}

static int write_json(const struct report *r)
{
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, REPORT_MAX);
	jsonw_object_begin(&json);
	write_counts(r, &json);
	write_warnings(r, &json);
	if (r->a->cost) {
		jsonw_kv_u64(&json, "requests", r->request_count);
		jsonw_kv_double(&json, "search_us", (double)gate_worker_search_cost(r->tool.worker).ns / 1e3);
	}
	jsonw_kv_array_begin(&json, "list");
	for (size_t i = 0; i < gate_plan_rule_count(r->tool.plan); i++)
		write_rule(r, &json, r->order[i]);
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &text);
	if (error == 0)
		printf("%.*s\n", (int)text.size, (const char *)text.ptr);
	jsonw_done(&json);
	return error;
}

/* ---- the whole ---- */

static int run(struct report *report)
{
	int error = gate_tool_open(report->a, false, 0, &report->tool);

	if (error < 0)
		return CLI_FAILED; /* said */
	if (report->a->cost) {
		error = gate_worker_profile(report->tool.worker, report->tool.plan);
		if (error == 0 && judge_all(report) < 0)
			return CLI_FAILED; /* said */
	}
	count(report);
	if (error == 0)
		error = sort(report);
	if (error == 0 && report->a->json)
		error = write_json(report);
	else if (error == 0)
		print_text(report);
	if (error < 0)
		fprintf(stderr, "luytre: %s\n", error_text(error, report->a->cli.lang));
	return error < 0 ? CLI_FAILED : CLI_DONE;
}

int gate_rules(const struct cli_options *options)
{
	static struct gate_arguments arguments;
	struct report report = { .a = &arguments };
	int result = gate_tool_arguments(options, GATE_RULES, &arguments);

	if (result != CLI_DONE)
		return result;
	if (arguments.file && !arguments.cost) {
		fprintf(stderr, "luytre: gate rules: %s%s\n",
			t(&report, "requests are read with --cost only: ", "chỉ đọc yêu cầu khi có --cost: "),
			arguments.file);
		return CLI_USAGE;
	}
	result = run(&report);
	gate_tool_close(&report.tool);
	free(report.order);
	return result;
}
