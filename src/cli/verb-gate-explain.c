// SPDX-License-Identifier: Apache-2.0
/* luytre gate explain: one request, and for each rule that matched, or for one that is asked about, the way there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "cli/gate-show.h"
#include "cli/gate-told.h"
#include "cli/verb-gate.h"
#include "gate/operator/operator.h"

/* Every rule is evaluated on every value, and all of it kept: more than a request in service may take. */
#define MEMORY_MAX  ((size_t)2 << 30)
#define REQUEST_MAX ((size_t)64 << 20)

struct explain {
	const struct gate_arguments *a;
	struct show show;
	struct gate_tool tool;
	struct arena arena;
	struct gate_request request;
	const struct gate_tx *tx;
	struct told_request told;
};

__attribute__((format_arg(2), format_arg(3))) static const char *t(
	const struct explain *e, const char *en, const char *vi)
{
	return cli_text(&e->a->cli, en, vi);
}

/* ---- rules ---- */

static const char *severity_name(int8_t severity)
{
	static const char *const names[] = { "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO",
		"DEBUG" };

	return severity < 0 || severity > 7 ? "" : names[severity];
}

static const struct gate_match *match_of(const struct explain *e, const struct sec_rule *rule)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(e->tx, &count);

	for (size_t i = 0; i < count; i++) {
		if (matches[i].rule_id == rule->id)
			return &matches[i];
	}
	return NULL;
}

/* As it is told, or as it is written: in the first rule of a chain or in a later one. */
static struct bytes message_of(const struct explain *e, const struct sec_rule *rule)
{
	const struct gate_match *match = match_of(e, rule);

	while (rule->chain && rule->msg.size == 0)
		rule = rule->chain;
	return match ? match->msg : rule->msg;
}

static void print_head(const struct explain *e, const struct sec_rule *rule)
{
	struct bytes paranoia = told_paranoia(rule), message = message_of(e, rule);

	show_style(&e->show, SHOW_BOLD);
	printf("%llu", (unsigned long long)rule->id);
	show_style(&e->show, SHOW_PLAIN);
	if (message.size) {
		fputs("  ", stdout);
		show_bytes(&e->show, message, NULL, 0);
	}
	show_style(&e->show, SHOW_DIM);
	printf("\n  %s:%u · %s %u", rule->file, rule->line, t(e, "phase", "pha"), rule->phase);
	if (rule->severity >= 0)
		printf(" · %s", severity_name(rule->severity));
	if (paranoia.size)
		printf(" · %.*s", (int)paranoia.size, (const char *)paranoia.ptr);
	show_style(&e->show, SHOW_PLAIN);
	putchar('\n');
}

static void print_operator(const struct explain *e, const struct gate_look *look)
{
	const struct sec_rule *link = look->link;

	if (link != look->rule)
		printf("  %s %s:%u\n", t(e, "and the chained rule", "và luật nối tiếp"), link->file, link->line);
	if (link->kind == SEC_ACTION) {
		printf("  %s\n", t(e, "SecAction: always", "SecAction: luôn luôn"));
		return;
	}
	printf("  %s@%s", link->flags & SEC_NEGATED ? "!" : "", link->operator->name);
	if (look->parameter.size) {
		putchar(' ');
		show_bytes(&e->show, look->parameter, NULL, 0);
	}
	putchar('\n');
}

/* Columns are characters, not bytes. */
static void print_label(const char *label)
{
	int columns = 0;

	for (const char *at = label; *at; at++)
		columns += (*at & 0xc0) != 0x80;
	printf("      %s%*s", label, columns < 20 ? 21 - columns : 1, "");
}

static void print_steps(const struct explain *e, const struct gate_look *look)
{
	for (size_t i = 0; i < look->step_count; i++) {
		const struct gate_step *step = &look->steps[i];
		bool last = i + 1 == look->step_count;
		bool same = i != 0 && bytes_equal(step->bytes, look->steps[i - 1].bytes);
		char label[64];

		snprintf(label, sizeof(label), "t:%s", step->transform ? step->transform : "");
		print_label(step->transform ? label : t(e, "as it came", "như khi đến"));
		if (same && !last) {
			show_style(&e->show, SHOW_DIM);
			puts(t(e, "(nothing to change)", "(không đổi)"));
			show_style(&e->show, SHOW_PLAIN);
			continue;
		}
		show_bytes(&e->show, step->bytes, look->found, last ? look->found_count : 0);
		putchar('\n');
	}
}

static void print_place(const struct explain *e, const struct gate_look *look)
{
	struct bytes value = look->steps[look->step_count - 1].bytes;
	size_t from, to;

	print_label("");
	show_style(&e->show, look->matched ? SHOW_RED : SHOW_GREEN);
	if (!look->matched) {
		printf("%s", t(e, "no match", "không khớp"));
	} else if (look->found_count == 0 || (look->link->flags & SEC_NEGATED)) {
		printf(t(e, "the whole value, %zu bytes", "cả giá trị, %zu byte"), value.size);
	} else {
		show_extent(value, look->found, look->found_count, &from, &to);
		if (to - from == 1)
			printf(t(e, "byte %zu of %zu", "byte %zu trên %zu"), from, value.size);
		else if (from == to)
			printf(t(e, "an empty place at byte %zu of %zu", "một chỗ trống ở byte %zu trên %zu"), from,
				value.size);
		else
			printf(t(e, "bytes %zu to %zu of %zu", "byte %zu đến %zu trên %zu"), from, to - 1, value.size);
	}
	show_style(&e->show, SHOW_PLAIN);
	putchar('\n');
}

static void print_value(const struct explain *e, const struct gate_look *look)
{
	fputs("    ", stdout);
	show_bytes(&e->show, look->variable, NULL, 0);
	putchar('\n');
	print_steps(e, look);
	print_place(e, look);
}

static void print_cause(const struct explain *e, const struct gate_look *look)
{
	static const struct {
		const char *en, *vi;
	} causes[] = {
		[GATE_BY_ITSELF] = { "by a target with '!' in the rule itself", "do chính luật có đích mang dấu '!'" },
		[GATE_BY_SITE] = { "by an exclusion of the site", "do loại trừ của trang này" },
		[GATE_BY_CTL] = { "by ctl of rule ", "do ctl của luật " },
		[GATE_BY_SKIP] = { "by skip of rule ", "do skip của luật " },
		[GATE_BY_SKIP_AFTER] = { "by skipAfter of rule ", "do skipAfter của luật " },
		[GATE_BY_VERDICT] = { "because the verdict had been given by rule ", "vì đã có phán quyết của luật " },
		[GATE_BY_ALLOW] = { "by allow of rule ", "do allow của luật " },
		[GATE_BY_ENGINE_OFF] = { "because the engine is off", "vì bộ máy đang tắt" },
		[GATE_BY_PLACE] = { "because the hold is not armed for this place",
			"vì bản vá ảo không được đặt ở nơi này" },
	};

	fputs(t(e, causes[look->cause].en, causes[look->cause].vi), stdout);
	if (look->by_rule)
		printf("%llu", (unsigned long long)look->by_rule);
	if (look->cause == GATE_BY_SKIP_AFTER)
		printf(" (%.*s)", (int)look->value.size, (const char *)look->value.ptr);
	putchar('\n');
}

static void print_set(const struct explain *e, const struct gate_look *look)
{
	int64_t change = operator_number(look->value) - operator_number(look->before);

	printf("    %s ", t(e, "sets", "đặt"));
	show_bytes(&e->show, look->variable, NULL, 0);
	fputs(" = ", stdout);
	show_bytes(&e->show, look->value, NULL, 0);
	if (look->adds) {
		show_style(&e->show, SHOW_BOLD);
		printf("  (%+lld)", (long long)change);
		show_style(&e->show, SHOW_PLAIN);
	}
	putchar('\n');
}

static void print_look(const struct explain *e, const struct gate_look *look)
{
	switch (look->kind) {
	case GATE_LOOK_RULE:
		print_operator(e, look);
		break;
	case GATE_LOOK_VALUE:
		print_value(e, look);
		break;
	case GATE_LOOK_NOTHING:
		printf("    %.*s: %s\n", (int)look->variable.size, (const char *)look->variable.ptr,
			t(e, "nothing in this request", "yêu cầu này không có"));
		break;
	case GATE_LOOK_LEFT_OUT:
		fputs("    ", stdout);
		show_bytes(&e->show, look->variable, NULL, 0);
		printf(": %s ", t(e, "left out", "bị loại"));
		print_cause(e, look);
		break;
	case GATE_LOOK_SET:
		print_set(e, look);
		break;
	case GATE_LOOK_MATCHED:
	case GATE_LOOK_SKIPPED: /* of the rule, not in it */
		break;
	}
}

static void print_rule(const struct explain *e, const struct told_rule *rule)
{
	print_head(e, rule->rule);
	for (const struct told *told = rule->first; told; told = told->next)
		print_look(e, &told->look);
	putchar('\n');
}

/* ---- the end ---- */

static const char *action_text(const struct explain *e, enum gate_action action)
{
	static const struct {
		const char *en, *vi;
	} names[] = {
		[GATE_PASS] = { "let through", "cho qua" },
		[GATE_DENY] = { "denied", "từ chối" },
		[GATE_DROP] = { "connection dropped", "cắt kết nối" },
		[GATE_REDIRECT] = { "redirected", "chuyển hướng" },
	};

	return t(e, names[action].en, names[action].vi);
}

static void print_verdict(const struct explain *e, const struct gate_verdict *verdict)
{
	show_style(&e->show, SHOW_BOLD);
	printf("%s: ", t(e, "Verdict", "Phán quyết"));
	show_style(&e->show, verdict->wanted == GATE_PASS ? SHOW_GREEN : SHOW_RED);
	fputs(action_text(e, verdict->action), stdout);
	if (verdict->action != GATE_PASS)
		printf(" (%u)", verdict->status);
	else if (verdict->wanted != GATE_PASS)
		printf("; %s: %s (%u)", t(e, "only watching; else", "chỉ theo dõi; nếu không"),
			action_text(e, verdict->wanted), verdict->wanted_status);
	show_style(&e->show, SHOW_PLAIN);
	if (verdict->wanted != GATE_PASS && verdict->rule_id)
		printf(", %s %llu", t(e, "by rule", "bởi luật"), (unsigned long long)verdict->rule_id);
	else if (verdict->wanted != GATE_PASS)
		printf(", %s: %s", t(e, "by a limit", "do giới hạn"), verdict->reason);
	putchar('\n');
	for (const struct told_score *score = e->told.scores; score; score = score->next) {
		if (!score->shown)
			continue;
		fputs("  ", stdout);
		show_bytes(&e->show, score->variable, NULL, 0);
		fputs(" = ", stdout);
		show_bytes(&e->show, score->value, NULL, 0);
		putchar('\n');
	}
}

static unsigned int print_rules(const struct explain *e)
{
	unsigned int quiet = 0;

	for (const struct told_rule *rule = e->told.rules; rule; rule = rule->next) {
		if (e->a->all || told_is_telling(rule))
			print_rule(e, rule);
		else
			quiet++;
	}
	return quiet;
}

/* ---- one rule ---- */

static const struct sec_rule *find_rule(const struct explain *e, uint64_t id)
{
	size_t count;
	struct sec_rule *const *list = sec_rules_list(e->tool.rules, &count);

	for (size_t i = 0; i < count; i++) {
		if (list[i]->kind != SEC_MARKER && list[i]->id == id)
			return list[i];
	}
	return NULL;
}

/* The directive that took it out of the rules; null when it was never there. */
static const char *removed_by(const struct explain *e, uint64_t id)
{
	size_t count;
	const struct sec_removed *removed = sec_rules_removed(e->tool.rules, &count);

	for (size_t i = 0; i < count; i++) {
		if (removed[i].id == id)
			return removed[i].directive;
	}
	return NULL;
}

static void print_asked(const struct explain *e, const struct sec_rule *rule, const struct gate_verdict *verdict)
{
	if (e->told.asked) {
		print_rule(e, e->told.asked);
		printf("%s\n", e->told.asked->matched ? t(e, "The rule matched.", "Luật khớp.")
						      : t(e, "The rule did not match.", "Luật không khớp."));
		return;
	}
	print_head(e, rule);
	if (e->told.skipped) {
		printf("  %s ", t(e, "It was not asked:", "Luật không được xét:"));
		print_cause(e, &e->told.skipped->look);
	} else if (verdict->action != GATE_PASS) {
		printf(t(e, "  It was not asked: phase %u was not reached, rule %llu had decided before.\n",
			       "  Luật không được xét: chưa tới pha %u thì luật %llu đã quyết định.\n"),
			rule->phase, (unsigned long long)verdict->rule_id);
	} else {
		printf(t(e, "  It was not asked: phase %u did not run%s.\n",
			       "  Luật không được xét: pha %u không chạy%s.\n"),
			rule->phase,
			rule->phase == 3 || rule->phase == 4
				? t(e, "; the request comes without a response", "; yêu cầu không kèm phản hồi")
				: "");
	}
}

/* ---- JSON ---- */

static bool is_text(struct bytes value)
{
	for (size_t i = 0; i < value.size;) {
		size_t size = show_printable(bytes_skip(value, i));

		if (!size && value.ptr[i] >= 0x80)
			return false;
		i += size ? size : 1;
	}
	return true;
}

/* Text that is not UTF-8 in hexadecimal too. */
static void write_bytes(struct explain *e, struct jsonw *json, struct bytes value)
{
	static const char digits[] = "0123456789abcdef";
	char *hex;

	jsonw_kv_string_bytes(json, "value", value);
	if (is_text(value))
		return;
	hex = arena_alloc(&e->arena, 2 * value.size + 1);
	if (!hex)
		return;
	for (size_t i = 0; i < value.size; i++) {
		hex[2 * i] = digits[value.ptr[i] >> 4];
		hex[2 * i + 1] = digits[value.ptr[i] & 15];
	}
	jsonw_kv_string(json, "hex", hex);
}

static void write_value(struct explain *e, struct jsonw *json, const struct gate_look *look)
{
	struct bytes value = look->steps[look->step_count - 1].bytes;

	jsonw_kv_string_bytes(json, "variable", look->variable);
	jsonw_kv_bool(json, "matched", look->matched);
	jsonw_kv_array_begin(json, "steps");
	for (size_t i = 0; i < look->step_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_string(json, "transform", look->steps[i].transform);
		write_bytes(e, json, look->steps[i].bytes);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "found");
	for (size_t i = 0; i < look->found_count; i++) {
		jsonw_object_begin(json);
		jsonw_kv_u64(json, "offset", (uint64_t)(look->found[i].ptr - value.ptr));
		jsonw_kv_u64(json, "size", look->found[i].size);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_cause(struct jsonw *json, const struct gate_look *look)
{
	static const char *const names[] = { "rule", "site", "ctl", "skip", "skipAfter", "verdict", "allow", "off" };

	jsonw_kv_string(json, "cause", names[look->cause]);
	if (look->by_rule)
		jsonw_kv_u64(json, "by", look->by_rule);
}

static void write_look(struct explain *e, struct jsonw *json, const struct gate_look *look)
{
	static const char *const kinds[] = { "rule", "value", "nothing", "left-out", "set", "matched", "skipped" };

	jsonw_object_begin(json);
	jsonw_kv_string(json, "kind", kinds[look->kind]);
	switch (look->kind) {
	case GATE_LOOK_RULE:
		jsonw_kv_string(json, "file", look->link->file);
		jsonw_kv_u64(json, "line", look->link->line);
		jsonw_kv_string(json, "operator", look->link->kind == SEC_ACTION ? NULL : look->link->operator->name);
		jsonw_kv_bool(json, "negated", look->link->flags & SEC_NEGATED);
		jsonw_kv_string_bytes(json, "parameter", look->parameter);
		break;
	case GATE_LOOK_VALUE:
		write_value(e, json, look);
		break;
	case GATE_LOOK_SET:
		jsonw_kv_string_bytes(json, "variable", look->variable);
		jsonw_kv_string_bytes(json, "before", look->before);
		jsonw_kv_string_bytes(json, "after", look->value);
		jsonw_kv_bool(json, "adds", look->adds);
		break;
	default:
		jsonw_kv_string_bytes(json, "variable", look->variable);
		if (look->kind == GATE_LOOK_LEFT_OUT)
			write_cause(json, look);
	}
	jsonw_object_end(json);
}

static void write_rule(struct explain *e, struct jsonw *json, const struct told_rule *told)
{
	const struct sec_rule *rule = told->rule;

	jsonw_object_begin(json);
	jsonw_kv_u64(json, "id", rule->id);
	jsonw_kv_bool(json, "matched", told->matched);
	jsonw_kv_string_bytes(json, "msg", message_of(e, rule));
	jsonw_kv_string(json, "file", rule->file);
	jsonw_kv_u64(json, "line", rule->line);
	jsonw_kv_u64(json, "phase", rule->phase);
	if (rule->severity >= 0)
		jsonw_kv_string(json, "severity", severity_name(rule->severity));
	if (told_paranoia(rule).size)
		jsonw_kv_string_bytes(json, "paranoia", told_paranoia(rule));
	jsonw_kv_array_begin(json, "steps");
	for (const struct told *look = told->first; look; look = look->next)
		write_look(e, json, &look->look);
	jsonw_array_end(json);
	jsonw_object_end(json);
}

static void write_verdict(struct explain *e, struct jsonw *json, const struct gate_verdict *verdict)
{
	jsonw_kv_string(json, "action", gate_action_name(verdict->action));
	jsonw_kv_string(json, "wanted", gate_action_name(verdict->wanted));
	if (verdict->wanted != GATE_PASS) {
		jsonw_kv_u64(json, "status", verdict->wanted_status);
		jsonw_kv_u64(json, "rule", verdict->rule_id);
		jsonw_kv_string(json, "reason", verdict->reason);
	}
	jsonw_kv_object_begin(json, "scores");
	for (const struct told_score *score = e->told.scores; score; score = score->next) {
		if (!score->shown)
			continue;
		jsonw_key_bytes(json, score->variable);
		jsonw_string_bytes(json, score->value);
	}
	jsonw_object_end(json);
}

static void write_asked(struct explain *e, struct jsonw *json)
{
	jsonw_key(json, "asked");
	if (e->told.asked) {
		write_rule(e, json, e->told.asked);
		return;
	}
	jsonw_object_begin(json);
	jsonw_kv_u64(json, "id", e->a->rule_id);
	jsonw_kv_bool(json, "matched", false);
	if (e->told.skipped)
		write_cause(json, &e->told.skipped->look);
	else
		jsonw_kv_string(json, "cause", "phase");
	jsonw_object_end(json);
}

static int write_json(struct explain *e, const struct gate_verdict *verdict)
{
	struct jsonw json;
	struct bytes text;
	int error;

	jsonw_init(&json, MEMORY_MAX);
	jsonw_object_begin(&json);
	write_verdict(e, &json, verdict);
	if (e->a->rule)
		write_asked(e, &json);
	jsonw_kv_array_begin(&json, "rules");
	for (const struct told_rule *rule = e->told.rules; rule; rule = rule->next) {
		if (e->a->all || told_is_telling(rule))
			write_rule(e, &json, rule);
	}
	jsonw_array_end(&json);
	jsonw_object_end(&json);
	error = jsonw_text(&json, &text);
	if (error == 0)
		printf("%.*s\n", (int)text.size, (const char *)text.ptr);
	jsonw_done(&json);
	return error;
}

/* ---- the whole ---- */

static void print_all(struct explain *e)
{
	const struct gate_verdict *verdict = gate_tx_verdict(e->tx);

	if (e->a->rule) {
		print_asked(e, find_rule(e, e->a->rule_id), verdict);
	} else {
		unsigned int quiet = print_rules(e);

		if (!e->told.rules)
			printf("%s\n\n", t(e, "No rule matched.", "Không có luật nào khớp."));
		if (quiet)
			printf(t(e, "%u more rules matched that only set something up; --all shows them.\n\n",
				       "Còn %u luật khớp chỉ để đặt giá trị; --all cho xem.\n\n"),
				quiet);
	}
	print_verdict(e, verdict);
}

static int explain_request(struct explain *e)
{
	struct gate_tx *tx;
	int error = gate_tx_new(e->tool.worker, e->tool.site, &tx);

	if (error < 0)
		return error;
	e->tx = tx;
	told_init(&e->told, &e->arena, e->a->rule_id);
	error = gate_tx_watch(tx, told_look, &e->told);
	if (error == 0) {
		gate_tool_arm(&e->tool, &e->request, tx);
		gate_request_run(tx, &e->request);
		if (e->told.no_memory)
			error = LUYTRE_E_NOMEM;
		else if (e->a->json)
			error = write_json(e, gate_tx_verdict(tx));
		else
			print_all(e);
	}
	gate_tx_free(tx);
	return error;
}

/* A rule that is not there is worth a sentence of its own. */
static bool is_there(const struct explain *e)
{
	const char *directive;

	if (!e->a->rule || find_rule(e, e->a->rule_id))
		return true;
	directive = removed_by(e, e->a->rule_id);
	if (directive)
		fprintf(stderr, t(e, "luytre: rule %s was removed by %s\n", "luytre: luật %s đã bị %s loại\n"),
			e->a->rule, directive);
	else
		fprintf(stderr,
			t(e, "luytre: there is no rule %s in what --rules names\n",
				"luytre: không có luật %s trong các --rules\n"),
			e->a->rule);
	return false;
}

static int read_file(struct explain *e, struct bytes *ret, const char **ret_name)
{
	char *room = arena_take(&e->arena, REQUEST_MAX + 1);
	FILE *in = gate_open_requests(e->a, ret_name);
	size_t size;

	if (!in)
		return LUYTRE_E_IO;
	size = room ? fread(room, 1, REQUEST_MAX + 1, in) : 0;
	if (!room || ferror(in) || size > REQUEST_MAX) {
		fprintf(stderr, "luytre: %s: %s\n", *ret_name,
			error_text(!room                ? LUYTRE_E_NOMEM
				   : size > REQUEST_MAX ? LUYTRE_E_RANGE
							: LUYTRE_E_IO,
				e->a->cli.lang));
		size = SIZE_MAX;
	}
	if (in != stdin)
		fclose(in);
	*ret = bytes_of(room, size);
	return size == SIZE_MAX ? LUYTRE_E_IO : 0;
}

static int read_request(struct explain *e)
{
	struct gate_request_error wrong = { 0 };
	const char *name;
	struct bytes text;
	int error;

	if (e->a->uri) {
		gate_request_target(e->a->uri, &e->request);
		return 0;
	}
	error = read_file(e, &text, &name);
	if (error < 0)
		return error;
	error = gate_request_read(&e->arena, text, &e->request, &wrong);
	if (error < 0)
		gate_print_request_error(&e->a->cli, name, 0, error, &wrong);
	else if (e->request.stray_size)
		fprintf(stderr,
			t(e, "%s: %zu bytes behind the headers are no body: there is no Content-Length for them\n",
				"%s: %zu byte sau phần tiêu đề không phải phần thân: không có Content-Length cho "
				"chúng\n"),
			name, e->request.stray_size);
	return error;
}

int gate_explain(const struct cli_options *options)
{
	static struct gate_arguments arguments;
	struct explain e = { .a = &arguments, .show = { stdout, isatty(STDOUT_FILENO) && !getenv("NO_COLOR") } };
	int result = gate_tool_arguments(options, GATE_EXPLAIN, &arguments);

	if (result != CLI_DONE)
		return result;
	if (!arguments.file && !arguments.uri) {
		fprintf(stderr, "luytre: gate explain: %s\n",
			t(&e, "expects a request: a file, - for standard input, or --uri TARGET",
				"cần một yêu cầu: một tệp, - là luồng vào chuẩn, hoặc --uri ĐÍCH"));
		return CLI_USAGE;
	}
	arguments.no_prefilter = true; /* whoever looks on sees every rule asked: no patterns to compile */
	arena_init(&e.arena, MEMORY_MAX);
	result = CLI_FAILED;
	if (read_request(&e) == 0 && gate_tool_open(&arguments, false, MEMORY_MAX, &e.tool) == 0 && is_there(&e)) {
		int error = explain_request(&e);

		if (error < 0)
			fprintf(stderr, "luytre: %s\n", error_text(error, arguments.cli.lang));
		else
			result = CLI_DONE;
	}
	gate_tool_close(&e.tool);
	arena_done(&e.arena);
	return result;
}
