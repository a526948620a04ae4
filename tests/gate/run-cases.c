// SPDX-License-Identifier: Apache-2.0
/* Runs regression cases of ModSecurity v3 (JSON, the format of its test/test-cases/regression) against the engine.
 *
 *	run-cases [--list-passing] [--data DIR] FILE.json...|DIR...
 *
 * A case names rules, one request with its response, and what has to come of it: the status that the client sees, and expressions that must be
 * found in the messages of the rules' reading, in the debug log, in the error log and in the audit log. Each case is run twice: with
 * a trace, which evaluates every rule, and without, which takes the way of real requests; both must end with the same status.
 *
 * Files that rules name are looked for in DIR (where the folder "test-cases" lies); a case whose rules name one that is not there is skipped.
 * --list-passing prints the names of the cases that pass and nothing else. The last line is "N passed, N failed, N skipped"; the exit status
 * is 0 when nothing failed. */
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/gate.h"
#include "gate/output/event.h"
#include "gate/seclang/rules.h"
#include "match/regex.h"
#include "match/scratch.h"

enum { FILES_MAX = 1024 };

/* A text that grows. */
struct text {
	char *chars; /* null: empty */
	size_t size;
};

/* What one run of a case came to. */
struct outcome {
	bool loaded; /* the rules could be read */
	unsigned int status;
	char *location; /* of a redirection; null without */
	struct text parser, debug, error, audit;
};

enum result { PASSED, FAILED, SKIPPED, RESULTS };

static struct {
	struct match_scratch *scratch;
	bool list_passing;
	size_t counts[RESULTS];
} run;

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list list;
	char *piece;
	int size;

	va_start(list, format);
	size = vasprintf(&piece, format, list);
	va_end(list);
	if (size < 0)
		abort();
	text->chars = realloc(text->chars, text->size + (size_t)size + 1);
	if (!text->chars)
		abort();
	memcpy(text->chars + text->size, piece, (size_t)size + 1);
	text->size += (size_t)size;
	free(piece);
}

/* ---- what a case says ---- */

/* A text, or the texts of an array, each with a line end behind it. */
static struct text joined(const json_t *value)
{
	struct text text = { 0 };
	size_t i;
	json_t *item;

	if (json_is_string(value)) {
		text.size = json_string_length(value);
		text.chars = malloc(text.size + 1);
		if (!text.chars)
			abort();
		memcpy(text.chars, json_string_value(value), text.size + 1);
	}
	json_array_foreach (value, i, item)
		add(&text, "%s%s", json_is_string(item) ? json_string_value(item) : "", "\n");
	return text;
}

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

static unsigned int number_of(const json_t *object, const char *key, unsigned int otherwise)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		return (unsigned int)json_integer_value(value);
	return json_is_string(value) ? (unsigned int)strtoul(json_string_value(value), NULL, 10) : otherwise;
}

static struct bytes view(const struct text *text)
{
	return bytes_of(text->chars, text->size);
}

/* ---- one run ---- */

typedef void (*header_fn)(struct gate_tx *tx, struct bytes name, struct bytes value);

static void give_headers(struct gate_tx *tx, json_t *headers, header_fn give)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach (headers, name, value) {
		if (json_is_string(value))
			give(tx, bytes_from_str(name), bytes_of(json_string_value(value), json_string_length(value)));
		json_array_foreach (value, i, item)
			give(tx, bytes_from_str(name), bytes_of(json_string_value(item), json_string_length(item)));
	}
}

static void give_request(struct gate_tx *tx, const json_t *request)
{
	const json_t *version = json_object_get(request, "http_version");
	struct text body = joined(json_object_get(request, "body"));
	char protocol[32] = "HTTP/";

	if (json_is_number(version))
		snprintf(protocol, sizeof(protocol), "HTTP/%.1f", json_number_value(version));
	gate_tx_request_line(tx, bytes_from_str(text_of(request, "method", "")),
		bytes_from_str(text_of(request, "uri", "")), bytes_from_str(protocol));
	give_headers(tx, json_object_get(request, "headers"), gate_tx_request_header);
	gate_tx_request_headers_end(tx);
	if (gate_tx_verdict(tx)->action == GATE_PASS)
		gate_tx_request_body(tx, view(&body));
	if (gate_tx_verdict(tx)->action == GATE_PASS)
		gate_tx_request_body_end(tx);
	free(body.chars);
}

static void give_response(struct gate_tx *tx, const json_t *response)
{
	struct text body = joined(json_object_get(response, "body"));

	gate_tx_response_line(
		tx, number_of(response, "status", 200), bytes_from_str(text_of(response, "protocol", "HTTP/1.1")));
	give_headers(tx, json_object_get(response, "headers"), gate_tx_response_header);
	gate_tx_response_headers_end(tx);
	if (gate_tx_verdict(tx)->action == GATE_PASS)
		gate_tx_response_body(tx, view(&body));
	if (gate_tx_verdict(tx)->action == GATE_PASS)
		gate_tx_response_body_end(tx);
	free(body.chars);
}

static void on_trace(void *context, int level, const char *text)
{
	add(context, "[%d] %s\n", level, text);
}

static void read_outcome(struct gate_tx *tx, struct outcome *outcome)
{
	const struct gate_verdict *verdict = gate_tx_verdict(tx);
	size_t count;
	const struct gate_match *matches = gate_tx_matches(tx, &count);
	char *audit = NULL;

	outcome->status = verdict->action == GATE_PASS ? 200 : verdict->status;
	if (verdict->action == GATE_REDIRECT)
		outcome->location = strdup(verdict->location);
	for (size_t i = 0; i < count; i++) {
		char *line = matches[i].log ? match_text(tx, &matches[i]) : NULL;

		if (line)
			add(&outcome->error, "%s\n", line);
		free(line);
	}
	if (audit_log_wanted(tx) && audit_log_format(tx, &audit) == 0)
		add(&outcome->audit, "%s", audit);
	free(audit);
}

static int run_tx(struct gate_plan *plan, const json_t *test, bool trace, struct outcome *outcome)
{
	const json_t *client = json_object_get(test, "client"), *server = json_object_get(test, "server");
	struct gate_site_settings settings = { .name = "case", .mode = GATE_ON };
	struct gate_worker *worker = gate_worker_new();
	struct gate_site *site = NULL;
	struct gate_tx *tx = NULL;
	int error = worker ? gate_site_new(plan, &settings, &site) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = gate_tx_new(worker, site, &tx);
	if (error == 0) {
		if (trace)
			gate_tx_trace(tx, on_trace, &outcome->debug);
		gate_tx_connection(tx, text_of(client, "ip", "127.0.0.1"), (uint16_t)number_of(client, "port", 123),
			text_of(server, "ip", "127.0.0.1"), (uint16_t)number_of(server, "port", 80));
		give_request(tx, json_object_get(test, "request"));
		if (gate_tx_verdict(tx)->action == GATE_PASS)
			give_response(tx, json_object_get(test, "response"));
		gate_tx_log(tx);
		read_outcome(tx, outcome);
		gate_tx_free(tx);
	}
	gate_site_unref(site);
	gate_worker_free(worker);
	return error;
}

static void read_messages(const struct sec_rules *rules, struct text *text)
{
	size_t count;
	const struct sec_message *messages = sec_rules_messages(rules, &count);

	for (size_t i = 0; i < count; i++) {
		char line[8192];

		sec_message_format(&messages[i], line, sizeof(line));
		if (!messages[i].warning)
			add(text, "%s\n", line);
	}
}

static void run_case(const json_t *test, const char *file, bool trace, struct outcome *outcome)
{
	struct text source = joined(json_object_get(test, "rules"));
	struct gate_plan_options options = { 0 };
	struct sec_rules *rules = sec_rules_new();
	struct gate_plan *plan = NULL;
	int error = rules ? sec_rules_load_text(rules, view(&source), file) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = sec_rules_finish(rules);
	outcome->loaded = error == 0;
	if (rules)
		read_messages(rules, &outcome->parser);
	if (error < 0) {
		sec_rules_free(rules);
	} else {
		error = gate_plan_build(rules, &options, &plan);
		if (error == 0)
			error = run_tx(plan, test, trace, outcome);
		if (error < 0)
			add(&outcome->debug, "the engine: %s\n", error_text(error, LUYTRE_LANG_EN));
		gate_plan_unref(plan);
	}
	free(source.chars);
}

static void outcome_done(struct outcome *outcome)
{
	free(outcome->location);
	free(outcome->parser.chars);
	free(outcome->debug.chars);
	free(outcome->error.chars);
	free(outcome->audit.chars);
}

/* ---- comparison ---- */

static bool is_found(const char *pattern, const struct text *text)
{
	char message[REGEX_MESSAGE_SIZE];
	struct regex *regex;
	struct regex_limits limits = { .steps = 100000000, .depth = 1000000 };
	bool found;

	if (regex_compile(bytes_from_str(pattern), REGEX_DOT_ALL | REGEX_MULTILINE, limits, message, &regex) < 0) {
		fprintf(stderr, "run-cases: %s: %s\n", pattern, message);
		return false;
	}
	found = regex_match(regex, run.scratch, text->chars ? view(text) : bytes_of("", 0), 0, NULL) == REGEX_MATCH;
	regex_free(regex);
	return found;
}

static void tell(struct text *why, const char *what, const char *expected, const char *found)
{
	add(why, "  %s: expected %s\n    found: %s\n", what, expected, found ? found : "");
}

static void compare_text(
	struct text *why, const json_t *expected, const char *key, const struct text *found, const char *shown)
{
	const char *pattern = text_of(expected, key, "");

	if (pattern[0] && !is_found(pattern, found))
		tell(why, key, pattern, shown ? shown : found->chars);
}

static void compare(const json_t *expected, const struct outcome *traced, const struct outcome *plain, struct text *why)
{
	const char *location = text_of(expected, "redirect_url", NULL);
	unsigned int status = number_of(expected, "http_code", 200);
	char wanted[16], found[16];

	snprintf(wanted, sizeof(wanted), "%u", status);
	snprintf(found, sizeof(found), "%u", traced->status);
	if (traced->status != status)
		tell(why, "http_code", wanted, found);
	if (plain->status != traced->status)
		tell(why, "status without trace", found, "another");
	if (location && (!traced->location || strcmp(traced->location, location) != 0))
		tell(why, "redirect_url", location, traced->location);
	compare_text(why, expected, "debug_log", &traced->debug, NULL);
	compare_text(why, expected, "error_log", &traced->error, NULL);
	compare_text(why, expected, "audit_log", &traced->audit, NULL);
}

/* Rules name files of ModSecurity's tests by their place there. */
static bool lacks_file(const struct outcome *outcome)
{
	return !outcome->loaded && outcome->parser.chars && strstr(outcome->parser.chars, "test-cases/") &&
	       (strstr(outcome->parser.chars, "Not able to open") || strstr(outcome->parser.chars, "cannot read") ||
		       strstr(outcome->parser.chars, "Failed to"));
}

static enum result judge(const json_t *test, const char *file, struct text *why)
{
	const json_t *expected = json_object_get(test, "expected");
	const char *parser_error = text_of(expected, "parser_error", NULL);
	struct outcome traced = { 0 }, plain = { 0 };
	enum result result;

	run_case(test, file, true, &traced);
	if (parser_error) {
		if (traced.loaded)
			tell(why, "parser_error", parser_error, "the rules were read");
		else
			compare_text(why, expected, "parser_error", &traced.parser, NULL);
	} else if (!traced.loaded) {
		tell(why, "parser", "no error", traced.parser.chars);
	} else {
		run_case(test, file, false, &plain);
		compare(expected, &traced, &plain, why);
	}
	result = !why->chars ? PASSED : lacks_file(&traced) ? SKIPPED : FAILED;
	outcome_done(&traced);
	outcome_done(&plain);
	return result;
}

static void run_file(const char *path)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	json_error_t error;
	json_t *tests = json_load_file(path, JSON_ALLOW_NUL, &error), *test;
	size_t i;

	if (!json_is_array(tests)) {
		fprintf(stderr, "run-cases: %s: %s\n", path, error.text);
		run.counts[FAILED]++;
		json_decref(tests);
		return;
	}
	json_array_foreach (tests, i, test) {
		static const char *const names[] = { "passed", "failed", "skipped" };
		struct text why = { 0 };
		enum result result = judge(test, file, &why);

		run.counts[result]++;
		if (run.list_passing && result == PASSED)
			printf("%s:%zu\n", file, i + 1);
		else if (!run.list_passing && result != PASSED)
			printf("%s: %s:%zu \"%s\"\n%s", names[result], file, i + 1, text_of(test, "title", ""),
				why.chars);
		free(why.chars);
	}
	json_decref(tests);
}

static int is_case_file(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0;
}

static void run_path(const char *path)
{
	struct dirent **entries;
	struct stat about;
	int count;

	if (stat(path, &about) < 0 || !S_ISDIR(about.st_mode)) {
		run_file(path);
		return;
	}
	count = scandir(path, &entries, is_case_file, alphasort);
	for (int i = 0; i < count; i++) {
		char file[PATH_MAX];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		run_file(file);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	char *paths[FILES_MAX];
	const char *data = NULL;
	unsigned int count = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list-passing") == 0)
			run.list_passing = true;
		else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
			data = argv[++i];
		else if (count < FILES_MAX)
			paths[count++] = realpath(argv[i], NULL);
	}
	run.scratch = match_scratch_new();
	if (!run.scratch || count == 0 || (data && chdir(data) < 0)) {
		fprintf(stderr, "usage: run-cases [--list-passing] [--data DIR] FILE.json...|DIR...\n");
		return 2;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (paths[i])
			run_path(paths[i]);
		else
			run.counts[FAILED]++;
		free(paths[i]);
	}
	match_scratch_free(run.scratch);
	if (!run.list_passing)
		printf("%zu passed, %zu failed, %zu skipped\n", run.counts[PASSED], run.counts[FAILED],
			run.counts[SKIPPED]);
	return run.counts[FAILED] != 0;
}
