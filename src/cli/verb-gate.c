// SPDX-License-Identifier: Apache-2.0
/* luytre gate: the web gate's engine without a web server. `check` reads requests as JSON lines and answers what the rules say;
 * `explain` (verb-gate-explain.c) tells how it comes to that, `rules` (verb-gate-rules.c) what the rules are and cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "cli/gate-request.h"
#include "cli/gate-tool.h"
#include "cli/verb-gate.h"

#define LINE_SIZE_MAX ((size_t)256 << 20)
#define ANSWER_MAX    ((size_t)16 << 20)
#define REQUEST_MAX   ((size_t)1 << 30)

struct check {
	const struct gate_arguments *arguments;
	struct gate_tool tool;
	struct arena arena; /* of the request that is read */
};

const char *gate_action_name(enum gate_action action)
{
	static const char *const names[] = { "pass", "deny", "drop", "redirect" };

	return names[action];
}

/* Control bytes as \xHH, as ModSecurity writes them: what is quoted in a log is one line. */
static void write_escaped(struct jsonw *json, const char *key, struct bytes text)
{
	char *escaped = malloc(4 * text.size + 1);
	size_t size = 0;

	for (size_t i = 0; escaped && i < text.size; i++) {
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			size += (size_t)snprintf(escaped + size, 5, "\\x%02x", text.ptr[i]);
		else
			escaped[size++] = (char)text.ptr[i];
	}
	jsonw_kv_string_bytes(json, key, bytes_of(escaped, size));
	free(escaped);
}

static void write_verdict(struct jsonw *json, const struct gate_verdict *verdict)
{
	jsonw_kv_u64(json, "status", verdict->action == GATE_PASS ? 200 : verdict->status);
	jsonw_kv_string(json, "action", gate_action_name(verdict->action));
	jsonw_kv_string(json, "wanted", gate_action_name(verdict->wanted));
	if (verdict->wanted != GATE_PASS) {
		jsonw_kv_u64(json, "rule", verdict->rule_id);
		jsonw_kv_string(json, "reason", verdict->reason);
	}
}

static void write_matches(struct jsonw *json, const struct gate_tx *tx)
{
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);

	jsonw_kv_array_begin(json, "rules");
	for (size_t i = 0; i < count; i++) {
		if (matches[i].log)
			jsonw_u64(json, matches[i].rule_id);
	}
	jsonw_array_end(json);
	jsonw_kv_array_begin(json, "messages");
	for (size_t i = 0; i < count; i++) {
		if (!matches[i].log)
			continue;
		jsonw_object_begin(json);
		jsonw_kv_u64(json, "id", matches[i].rule_id);
		jsonw_kv_string_bytes(json, "msg", matches[i].msg);
		write_escaped(json, "data", matches[i].data);
		jsonw_kv_string_bytes(json, "var", matches[i].variable);
		jsonw_object_end(json);
	}
	jsonw_array_end(json);
}

static void write_answer(const struct gate_tx *tx, const char *id, double us)
{
	struct jsonw json;
	struct bytes text;

	jsonw_init(&json, ANSWER_MAX);
	jsonw_object_begin(&json);
	jsonw_kv_string(&json, "id", id);
	write_verdict(&json, gate_tx_verdict(tx));
	write_matches(&json, tx);
	jsonw_kv_double(&json, "us", us);
	jsonw_object_end(&json);
	if (jsonw_text(&json, &text) == 0)
		printf("%.*s\n", (int)text.size, (const char *)text.ptr);
	else
		printf("{\"id\":\"\",\"error\":\"the answer is too large\"}\n");
	fflush(stdout);
	jsonw_done(&json);
}

static void print_trace(void *context, int level, const char *text)
{
	(void)context;
	fprintf(stderr, "[%d] %s\n", level, text);
}

/* The request has been read before the clock starts: it shows what the engine takes. */
static int check_request(struct check *check, const struct gate_request *request)
{
	uint64_t start_ns = clock_mono_ns();
	struct gate_tx *tx;
	int error = gate_tx_new(check->tool.worker, check->tool.site, &tx);

	if (error < 0)
		return error;
	if (check->arguments->trace)
		gate_tx_trace(tx, print_trace, NULL);
	gate_tool_arm(&check->tool, request, tx);
	gate_request_run(tx, request);
	write_answer(tx, request->id, (double)(clock_mono_ns() - start_ns) / 1000.0);
	gate_tx_free(tx);
	return 0;
}

void gate_print_request_error(const struct cli_options *options, const char *name, unsigned long line, int error,
	const struct gate_request_error *wrong)
{
	fprintf(stderr, "%s:%lu:", name, line ? line : (unsigned long)wrong->line);
	if (wrong->column)
		fprintf(stderr, "%zu:", wrong->column);
	if (error == LUYTRE_E_SYNTAX)
		fprintf(stderr, " %s%s\n", cli_text(options, wrong->en, wrong->vi), wrong->detail);
	else
		fprintf(stderr, " %s\n", error_text(error, options->lang));
}

static bool is_blank(struct bytes line)
{
	for (size_t i = 0; i < line.size; i++) {
		if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r' && line.ptr[i] != '\n')
			return false;
	}
	return true;
}

static int check_lines(struct check *check, FILE *in, const char *name)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	unsigned long number = 0;
	int result = CLI_DONE;

	while ((size = getline(&line, &room, in)) > 0) {
		struct bytes text = bytes_of(line, (size_t)size);
		struct gate_request_error wrong = { 0 };
		struct gate_request request;
		int error;

		number++;
		if (is_blank(text))
			continue;
		error = text.size > LINE_SIZE_MAX ? LUYTRE_E_RANGE
						  : gate_request_json(&check->arena, text, &request, &wrong);
		if (error == 0)
			error = check_request(check, &request);
		if (error < 0) {
			gate_print_request_error(&check->arguments->cli, name, number, error, &wrong);
			result = CLI_FAILED;
		}
		arena_reset(&check->arena);
	}
	free(line);
	if (!ferror(in))
		return result;
	fprintf(stderr, "luytre: %s: %s\n", name, error_text(LUYTRE_E_IO, check->arguments->cli.lang));
	return CLI_FAILED;
}

FILE *gate_open_requests(const struct gate_arguments *arguments, const char **ret_name)
{
	bool standard = !arguments->file || !strcmp(arguments->file, "-");
	FILE *in = standard ? stdin : fopen(arguments->file, "re");

	*ret_name = standard ? "-" : arguments->file;
	if (!in)
		fprintf(stderr, "luytre: %s: %s\n", arguments->file,
			cli_text(&arguments->cli, "cannot be read; - stands for standard input",
				"không đọc được; - là luồng vào chuẩn"));
	return in;
}

static int check(const struct cli_options *options)
{
	static struct gate_arguments arguments;
	struct check check = { .arguments = &arguments };
	const char *name;
	int result = gate_tool_arguments(options, GATE_CHECK, &arguments);
	FILE *in;

	if (result != CLI_DONE)
		return result;
	in = gate_open_requests(&arguments, &name);
	if (!in)
		return CLI_FAILED;
	arena_init(&check.arena, REQUEST_MAX);
	result = gate_tool_open(&arguments, true, 0, &check.tool) == 0 ? check_lines(&check, in, name) : CLI_FAILED;
	gate_tool_close(&check.tool);
	arena_done(&check.arena);
	if (in != stdin)
		fclose(in);
	return result;
}

#define RULES_EN                                                                                                       \
	"  --rules PATH      rules in SecLang: a file, or a folder whose *.conf load in name order; may be repeated\n" \
	"  --cache FOLDER    keep compiled patterns: the next start is quicker (or LUYTRE_CACHE)\n"
#define RULES_VI                                                                                                                                     \
	"  --rules ĐƯỜNG_DẪN luật SecLang: một tệp, hoặc thư mục có các *.conf được nạp theo tên; có thể lặp lại\n" \
	"  --cache THƯ_MỤC   giữ các mẫu đã biên dịch: lần sau khởi động nhanh hơn (hoặc LUYTRE_CACHE)\n"

static const struct cli_verb gate_verbs[] = {
	{ "check", "--rules PATH … [FILE|-]",
		"Judge requests, one JSON object a line; says for each what the rules do and which match.",
		"Xét các yêu cầu, mỗi dòng một đối tượng JSON; cho biết luật làm gì và luật nào khớp.",
		RULES_EN
		"  --holds FILE      holds (rules with the tag luytre/hold) judge only where this file (holds.json) "
		"arms "
		"them,\n"
		"                    by the request's Host\n"
		"  --shadow          decide nothing, tell what would be decided\n"
		"  --trace           tell every step, as ModSecurity's debug log does, on standard error\n"
		"  --no-prefilter    evaluate every rule on every value: slow, for comparison\n"
		"A request is {\"id\":…,\"client_ip\":…,\"method\":…,\"uri\":…,\"protocol\":…,\n"
		"\"headers\":[[name,value],…],\"body_base64\":…,\"response\":{\"status\":…,…}}; method and uri are "
		"the least.\n"
		"Exit code 1 when a line could not be judged; the others are.",
		RULES_VI
		"  --holds TỆP       bản vá ảo (luật có thẻ luytre/hold) chỉ xét ở nơi tệp này (holds.json) đặt, theo "
		"Host của\n"
		"                    yêu cầu\n"
		"  --shadow          không chặn, chỉ cho biết sẽ chặn gì\n"
		"  --trace           kể từng bước, như nhật ký gỡ lỗi của ModSecurity, ra luồng lỗi chuẩn\n"
		"  --no-prefilter    xét mọi luật trên mọi giá trị: chậm, để so sánh\n"
		"Một yêu cầu là {\"id\":…,\"client_ip\":…,\"method\":…,\"uri\":…,\"protocol\":…,\n"
		"\"headers\":[[tên,giá trị],…],\"body_base64\":…,\"response\":{\"status\":…,…}}; ít nhất phải có "
		"method và uri.\n"
		"Mã thoát 1 khi có dòng không xét được; các dòng khác vẫn được xét.",
		check },
	{ "explain", "--rules PATH … [--rule ID] REQUEST|-|--uri TARGET",
		"Tell why a request is judged as it is: which rule, which value, which transformation, which bytes.",
		"Giải thích vì sao một yêu cầu bị xét như vậy: luật nào, giá trị nào, biến đổi nào, những byte nào.",
		RULES_EN
		"  --uri TARGET      GET of this target with a browser's headers, instead of a file\n"
		"  --rule ID         why this rule matched or not: what it looked at, and who left it out\n"
		"  --all             also the rules that match only to set something up\n"
		"  --holds FILE      as for `check`\n"
		"  --shadow          decide nothing, tell what would be decided\n"
		"REQUEST is a file with one JSON object as for `check`, or an HTTP/1.1 request as on the wire.",
		RULES_VI
		"  --uri ĐÍCH        GET tới đích này với tiêu đề của trình duyệt, thay cho tệp\n"
		"  --rule SỐ         vì sao luật này khớp hoặc không: đã xem những gì, ai đã loại nó ra\n"
		"  --all             kể cả các luật khớp chỉ để đặt giá trị\n"
		"  --holds TỆP       như ở `check`\n"
		"  --shadow          không chặn, chỉ cho biết sẽ chặn gì\n"
		"YÊU CẦU là tệp có một đối tượng JSON như ở `check`, hoặc một yêu cầu HTTP/1.1 như trên đường truyền.",
		gate_explain },
	{ "rules", "--rules PATH … [--cost [REQUESTS|-]]",
		"Tell what is in the rules, what is left out, how they are searched for, and what each costs.",
		"Cho biết trong bộ luật có gì, bỏ qua gì, được tìm thế nào và mỗi luật tốn bao nhiêu.",
		RULES_EN
		"  --cost            measure each rule on requests, JSON lines as for `check`; without a file on four\n"
		"                    ordinary ones, 100 times each\n"
		"  --all             list every rule",
		RULES_VI
		"  --cost            đo từng luật trên các yêu cầu, mỗi dòng JSON như ở `check`; không có tệp thì dùng "
		"bốn\n"
		"                    yêu cầu thông thường, mỗi cái 100 lần\n"
		"  --all             liệt kê mọi luật",
		gate_rules },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

int cli_gate(const struct cli_options *options)
{
	struct cli_options inner = *options;

	inner.lang = gate_tool_lang(options);
	return cli_run_own(gate_verbs, "luytre gate", &inner);
}
