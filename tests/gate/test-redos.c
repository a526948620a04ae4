// SPDX-License-Identifier: Apache-2.0
/* No request takes the engine over 50 ms of processor time, whatever stands in it.
 *
 *	test-redos SOURCE_ROOT WORK_DIR [short]
 *
 * Feeds what makes expressions backtrack and parsers look twice: runs of one piece, many thousand times, in every place that a request has
 * for them; and, for each expression of the rules, what it nearly matches with the pieces that it repeats (pump.h). Rules are redos.conf beside
 * this file, and the Core Rule Set at paranoia levels 1 and 4 where it is found (see tests/bench/gate/rulefiles.h) and can be loaded; those
 * decide nothing (a site in shadow), so that no verdict saves work. Bodies have what those rules allow (SecRequestBodyNoFilesLimit), or much
 * more, which has to end in a verdict within the same time. Measured is the thread's own processor time, and again where it is
 * over the limit: what other work on the machine adds to it is not the engine's. Of a request that is over the limit, LUYTRE_REDOS_EXPLAIN=1 searches the rule that takes
 * most of the time by leaving rules out.
 *
 * "short" takes a sample of all this, and ends after some seconds. With a sanitizer or valgrind, where time means nothing, nothing is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/compiler.h"
#include "base/log.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"
#include "tests/bench/gate/rulefiles.h"
#include "tests/gate/pump.h"

enum { ROUNDS_DOUBTFUL = 12, MAX_US = 50000, TEXT_MAX = 6 << 20, SKIPPED = 77 };
/* Ways through the alternatives of an expression. */
enum { CHOICES = 3 };
/* Of the short run: every so many requests, and processor time for each set of rules. */
enum { SAMPLE = 13, SHORT_MAX_S = 6 };

static const struct {
	const char *name, *piece;
} pieces[] = {
	{ "spaces", " " },
	{ "a", "a" },
	{ "a, then !", "a!" },
	{ "quotes", "'" },
	{ "double quotes", "\"" },
	{ "both quotes", "'\"" },
	{ "backquotes", "`" },
	{ "slashes", "/" },
	{ "parent folders", "../" },
	{ "backslashes", "\\" },
	{ "escapes", "\\x41\\u0041\\101" },
	{ "parentheses", "(" },
	{ "closed parentheses", "()" },
	{ "brackets and braces", "[{" },
	{ "percent", "%" },
	{ "percent twice", "%2525" },
	{ "escaped quotes", "%u0027%27" },
	{ "select", "select " },
	{ "select from", "select a from b where " },
	{ "union", "union/**/" },
	{ "or", "' or '1'='1" },
	{ "digits and operators", "1=1 and 2<>3 " },
	{ "comments", "/*" },
	{ "closed comments", "/**/" },
	{ "dashes", "--" },
	{ "lines", "\n" },
	{ "header lines", "\r\nx: y" },
	{ "tags", "<" },
	{ "scripts", "<script " },
	{ "handlers", "<a onx = " },
	{ "attributes", "<a style=x:expression( " },
	{ "entities", "&#x41;&lt" },
	{ "urls", "http://a.b/" },
	{ "commands", ";cat /etc/passwd|" },
	{ "command words", " sh -c nc wget curl " },
	{ "dollars", "$(" },
	{ "variables", "${x:-" },
	{ "shell words", "a=b c" },
	{ "globs", "?*/" },
	{ "php", "<?php $_GET[" },
	{ "php calls", "$a(" },
	{ "base64", "QUFB" },
	{ "java", "java.lang.Runtime" },
	{ "templates", "{{" },
	{ "jndi", "${jndi:" },
	{ "equals", "=" },
	{ "commas", "," },
	{ "semicolons", ";" },
	{ "numbers", "1234567890" },
	{ "words", "lorem ipsum dolor sit amet " },
	{ "vietnamese", "đ\xe1\xbb\x83 đ\xc6\xb0\xe1\xbb\xa3"
			"c " },
	{ "wide letters", "\xef\xbc\x9c\xef\xbc\x87" },
	{ "broken utf-8", "\xc3\xe2\x80" },
	{ "at signs", "a@" },
	{ "dots", "." },
	{ "xml", "<a><![CDATA[" },
	{ "ldap", "(&(a=*)" },
	{ "nested quotes", "'a'\"b\"" },
	{ "concatenation", "'+'" },
	{ "javascript", "[]['a']()" },
	{ "equal words", "x=x " },
};

#define FORM      "application/x-www-form-urlencoded"
#define JSON      "application/json"
#define MULTIPART "multipart/form-data; boundary=z"
#define FIELD     "--z\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"

/* Where a piece is put. A text that is not given is empty. */
static const struct place {
	const char *name;
	const char *type; /* of the body; null without one */
	const char *before, *between, *after; /* once; behind every 'chunk' bytes; once */
	size_t chunk, size; /* bytes between two 'between' (0: none), bytes in all */
	bool header; /* in a header of its own instead of the body or target */
	bool json; /* quotes and backslashes are escaped */
	unsigned int copies; /* of the header, each under another name; 0: one, under a usual name */
	bool answer; /* in the body of the answer */
	bool few; /* tried with some of the pieces only */
} places[] = {
	{ .name = "query", .before = "/x?a=", .size = 8000 },
	{ .name = "path", .before = "/", .size = 8000 },
	{ .name = "form argument", .type = FORM, .before = "a=", .size = 64 << 10 },
	{ .name = "long form argument", .type = FORM, .before = "a=", .size = 131000 },
	{ .name = "form argument over the limit", .type = FORM, .before = "a=", .size = 1 << 20 },
	{ .name = "form of 4 MB", .type = FORM, .before = "a=", .size = 4 << 20, .few = true },
	{ .name = "1,000 arguments", .type = FORM, .before = "a=", .between = "&b=", .chunk = 100, .size = 100000 },
	{ .name = "argument name", .type = FORM, .after = "=1", .size = 64 << 10 },
	{ .name = "JSON string", .type = JSON, .before = "{\"a\":\"", .after = "\"}", .size = 64 << 10, .json = true },
	{ .name = "JSON of 4 MB",
		.type = JSON,
		.before = "{\"a\":\"",
		.after = "\"}",
		.size = 4 << 20,
		.json = true,
		.few = true },
	{ .name = "1,000 JSON strings",
		.type = JSON,
		.before = "[\"",
		.between = "\",\"",
		.after = "\"]",
		.chunk = 100,
		.size = 98000,
		.json = true },
	{ .name = "1,000 XML elements",
		.type = "text/xml",
		.before = "<a><b>",
		.between = "</b><b>",
		.after = "</b></a>",
		.chunk = 100,
		.size = 98000 },
	{ .name = "XML attribute", .type = "text/xml", .before = "<a b=\"", .after = "\"/>", .size = 98000 },
	{ .name = "XML of 4 MB", .type = "text/xml", .before = "<a>", .after = "</a>", .size = 4 << 20, .few = true },
	{ .name = "multipart field", .type = MULTIPART, .before = FIELD, .after = "\r\n--z--\r\n", .size = 64 << 10 },
	{ .name = "1,000 multipart fields",
		.type = MULTIPART,
		.before = FIELD,
		.between = "\r\n" FIELD,
		.after = "\r\n--z--\r\n",
		.chunk = 40,
		.size = 98000 },
	{ .name = "file name",
		.type = MULTIPART,
		.before = "--z\r\nContent-Disposition: form-data; name=\"a\"; filename=\"",
		.after = "\"\r\n\r\nx\r\n--z--\r\n",
		.size = 8000 },
	{ .name = "upload of 4 MB",
		.type = MULTIPART,
		.before = "--z\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n",
		.after = "\r\n--z--\r\n",
		.size = 4 << 20,
		.few = true },
	{ .name = "plain text", .type = "text/plain", .size = 131000 },
	{ .name = "text of 4 MB", .type = "text/plain", .size = 4 << 20, .few = true },
	{ .name = "header", .size = 8000, .header = true },
	{ .name = "100 headers", .size = 80, .header = true, .copies = 100 },
	{ .name = "1,000 headers", .size = 20, .header = true, .copies = 1000 },
	{ .name = "cookies", .before = "a=", .between = "; b=", .chunk = 20, .size = 8000, .header = true },
	{ .name = "answer", .size = 512 << 10, .answer = true },
};

struct subject {
	const char *name;
	struct gate_plan *plan;
	struct gate_worker *worker;
	struct sec_rules *rules; /* the plan's */
	enum gate_mode mode;
};

struct request {
	const char *type; /* null: no body */
	struct bytes text; /* body, target or header */
	const struct place *place;
};

/* What is said again and again. The start is said once before it. */
struct run_of {
	struct bytes start, piece, end;
};

static struct {
	bool is_short;
	uint64_t offered; /* of which a short run takes some */
	uint64_t stop_ns; /* of the thread's time */
	size_t measured, failed;
	double slowest_us;
	char slowest[128];
} run;

static struct bytes view(const char *text)
{
	return bytes_of(text, strlen(text));
}

static bool put(char *text, size_t *size, struct bytes piece, bool json)
{
	for (size_t i = 0; i < piece.size; i++) {
		uint8_t byte = piece.ptr[i];

		if (*size + 8 > TEXT_MAX)
			return false;
		if (json && byte < 0x20)
			*size += (size_t)sprintf(text + *size, "\\u%04x", byte);
		else if (json && (byte == '"' || byte == '\\'))
			*size += (size_t)sprintf(text + *size, "\\%c", byte);
		else
			text[(*size)++] = (char)byte;
	}
	return true;
}

static bool put_text(char *text, size_t *size, const char *piece)
{
	return !piece || put(text, size, view(piece), false);
}

static struct bytes fill(char *text, const struct place *place, const struct run_of *run_of)
{
	size_t size = 0, chunk = 0;
	bool room = put_text(text, &size, place->before) && put(text, &size, run_of->start, place->json);

	while (room && size < place->size) {
		size_t was = size;

		room = put(text, &size, run_of->piece, place->json);
		chunk += size - was;
		if (room && place->chunk != 0 && chunk >= place->chunk) {
			room = put_text(text, &size, place->between);
			chunk = 0;
		}
	}
	(void)put(text, &size, run_of->end, place->json);
	(void)put_text(text, &size, place->after);
	/* A line end would end the target or the header. */
	for (size_t i = 0; !place->type && !place->answer && i < size; i++) {
		if (text[i] == '\r' || text[i] == '\n')
			text[i] = '\t';
	}
	return bytes_of(text, size);
}

static void judge_answer(struct gate_tx *tx, const struct request *request)
{
	gate_tx_response_line(tx, 200, view("HTTP/1.1"));
	gate_tx_response_header(tx, view("Content-Type"), view("text/html"));
	gate_tx_response_headers_end(tx);
	if (gate_tx_wants_response_body(tx))
		gate_tx_response_body(tx, request->place->answer ? request->text : view("<p>x"));
	gate_tx_response_body_end(tx);
}

static void add_headers(struct gate_tx *tx, const struct request *request)
{
	const struct place *place = request->place;
	char name[24];

	if (place->copies == 0)
		gate_tx_request_header(tx, view(place->chunk != 0 ? "Cookie" : "Referer"), request->text);
	for (unsigned int i = 0; i < place->copies; i++) {
		snprintf(name, sizeof(name), "X-%u", i);
		gate_tx_request_header(tx, view(name), request->text);
	}
}

static void judge(struct gate_tx *tx, const struct request *request)
{
	bool is_target = !request->type && !request->place->header && !request->place->answer;
	char length[24];

	gate_tx_connection(tx, "192.0.2.7", 40000, "192.0.2.1", 80);
	gate_tx_request_line(
		tx, view(request->type ? "POST" : "GET"), is_target ? request->text : view("/x"), view("HTTP/1.1"));
	gate_tx_request_header(tx, view("Host"), view("www.example.org"));
	gate_tx_request_header(tx, view("User-Agent"), view("Mozilla/5.0"));
	gate_tx_request_header(tx, view("Accept"), view("*/*"));
	if (request->type) {
		snprintf(length, sizeof(length), "%zu", request->text.size);
		gate_tx_request_header(tx, view("Content-Type"), view(request->type));
		gate_tx_request_header(tx, view("Content-Length"), view(length));
	} else if (request->place->header) {
		add_headers(tx, request);
	}
	gate_tx_request_headers_end(tx);
	if (request->type && gate_tx_wants_request_body(tx))
		gate_tx_request_body(tx, request->text);
	gate_tx_request_body_end(tx);
	judge_answer(tx, request);
	gate_tx_log(tx);
}

/* Processor time of one request, 0 when it cannot be made. */
static double time_once(struct gate_worker *worker, struct gate_site *site, const struct request *request)
{
	struct gate_tx *tx;
	uint64_t start_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID);

	if (gate_tx_new(worker, site, &tx) < 0)
		return 0;
	judge(tx, request);
	gate_tx_free(tx);
	return (double)(clock_id_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns) / (double)NS_PER_US;
}

static struct gate_site *open_site(const struct subject *subject, const struct gate_exclusion *exclusion)
{
	struct gate_site_settings settings = {
		.name = "redos", .mode = subject->mode, .exclusions = exclusion, .exclusion_count = exclusion ? 1 : 0
	};
	struct gate_site *site = NULL;

	return gate_site_new(subject->plan, &settings, &site) == 0 ? site : NULL;
}

/* Leaves out rules first .. last. */
static double time_without(const struct subject *subject, const struct request *request, uint64_t first, uint64_t last)
{
	struct gate_exclusion exclusion = { .first_id = first, .last_id = last };
	struct gate_site *site = open_site(subject, &exclusion);
	double us = site ? time_once(subject->worker, site, request) : 1e9;

	gate_site_unref(site);
	return us;
}

/* Narrows down by tenths: the range without which the request is quickest. */
static void tell_slowest_rule(const struct subject *subject, const struct request *request, double us)
{
	uint64_t first = 0, width = 1000000;

	while (width > 1) {
		uint64_t best = first;
		double best_us = 1e9;

		width /= 10;
		for (uint64_t i = 0; i < 10; i++) {
			double without_us = time_without(
				subject, request, first + i * width + !(first + i), first + (i + 1) * width - 1);

			if (without_us < best_us) {
				best_us = without_us;
				best = first + i * width;
			}
		}
		first = best;
		fprintf(stderr, "	without rules %llu to %llu: %.1f ms of %.1f ms\n", (unsigned long long)first,
			(unsigned long long)(first + width - 1), best_us / 1e3, us / 1e3);
	}
}

/* Whether the next request is measured in this run. */
static bool is_next(void)
{
	if (!run.is_short)
		return true;
	return run.offered++ % SAMPLE == 0 && clock_id_ns(CLOCK_THREAD_CPUTIME_ID) < run.stop_ns;
}

static void check(
	const struct subject *subject, struct gate_site *site, const struct request *request, const char *piece)
{
	double us = time_once(subject->worker, site, request);

	/* Over the bar may be what other work on the processor's caches has added: asked again before it counts. */
	for (size_t i = 1; us > MAX_US && i < ROUNDS_DOUBTFUL; i++) {
		double again_us = time_once(subject->worker, site, request);

		us = again_us < us ? again_us : us;
	}
	run.measured++;
	if (us > run.slowest_us) {
		run.slowest_us = us;
		snprintf(run.slowest, sizeof(run.slowest), "%s, %s, %s", subject->name, piece, request->place->name);
	}
	if (us > 0 && us <= MAX_US)
		return;
	run.failed++;
	fprintf(stderr, "%s: %s in %s: %.1f ms\n", subject->name, piece, request->place->name, us / 1e3);
	if (getenv("LUYTRE_REDOS_EXPLAIN"))
		tell_slowest_rule(subject, request, us);
}

/* Deep nesting is no repetition in one string. */
static void check_nested(const struct subject *subject, struct gate_site *site, char *text)
{
	static const struct place json = { .name = "body" };
	static const struct {
		const char *name, *type, *open, *close;
	} shapes[] = {
		{ "nested arrays", "application/json", "[", "]" },
		{ "nested objects", "application/json", "{\"a\":", "}" },
		{ "open arrays", "application/json", "[", "" },
		{ "nested elements", "text/xml", "<a>", "</a>" },
		{ "many parts", "multipart/form-data; boundary=z",
			"--z\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n", "" },
	};
	static const size_t depths[] = { 500, 2000, 20000 };

	for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(depths); k++) {
			struct request request = { .type = shapes[i].type, .place = &json };
			size_t size = 0;

			if (!is_next())
				continue;
			for (size_t n = 0; n < depths[k]; n++)
				(void)put_text(text, &size, shapes[i].open);
			for (size_t n = 0; n < depths[k]; n++)
				(void)put_text(text, &size, shapes[i].close);
			request.text = bytes_of(text, size);
			check(subject, site, &request, shapes[i].name);
		}
	}
}

static void check_pieces(const struct subject *subject, struct gate_site *site, char *text)
{
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(pieces); k += places[i].few ? 7 : 1) {
			struct run_of piece = { .piece = view(pieces[k].piece) };
			struct request request = { .type = places[i].type, .place = &places[i] };

			if (!is_next())
				continue;
			request.text = fill(text, &places[i], &piece);
			check(subject, site, &request, pieces[k].name);
		}
	}
}

/* In a header's worth and in a body's worth of text. */
static void check_pump(const struct subject *subject, struct gate_site *site, char *text, const struct pumps *pumps,
	size_t number, const char *name)
{
	static const struct place *const where[] = { &places[0], &places[2] };
	struct bytes all = bytes_of(pumps->text, pumps->size);
	struct run_of run_of = { .piece = all, .end = view("\x01!") };

	if (number < pumps->count) {
		size_t start = pumps->of[number].start, size = pumps->of[number].size;

		run_of.start = bytes_first(all, start + size);
		run_of.piece = bytes_first(bytes_skip(all, start), size);
	}
	for (size_t i = 0; i < ARRAY_COUNT(where) && run_of.piece.size != 0; i++) {
		struct request request = { .type = where[i]->type, .place = where[i] };

		if (!is_next())
			continue;
		request.text = fill(text, where[i], &run_of);
		check(subject, site, &request, name);
	}
}

/* For each expression, what it repeats, and the whole of it again and again. */
static void check_expressions(const struct subject *subject, struct gate_site *site, char *text)
{
	size_t count;
	struct sec_rule *const *rules = sec_rules_list(subject->rules, &count);

	for (size_t i = 0; i < count; i++) {
		for (const struct sec_rule *rule = rules[i]; rule; rule = rule->chain) {
			char name[32];

			if (!rule->operator|| !(rule->operator->flags & OPERATOR_REGEX))
				continue;
			snprintf(name, sizeof(name), "rule %llu", (unsigned long long)rules[i]->id);
			for (size_t choice = 0; choice < CHOICES; choice++) {
				struct pumps pumps;

				pump_read(rule->parameter, choice, &pumps);
				for (size_t k = 0; k <= pumps.count; k++)
					check_pump(subject, site, text, &pumps, k, name);
			}
		}
	}
}

static int check_subject(const struct subject *subject)
{
	struct gate_site *site = open_site(subject, NULL);
	char *text = malloc(TEXT_MAX);

	if (!site || !text) {
		free(text);
		gate_site_unref(site);
		return LUYTRE_E_NOMEM;
	}
	/* The first request makes room that others use. */
	(void)time_once(subject->worker, site, &(struct request){ .text = view("/x?a=1"), .place = &places[0] });
	run.stop_ns = clock_id_ns(CLOCK_THREAD_CPUTIME_ID) + SHORT_MAX_S * NS_PER_S;
	check_nested(subject, site, text);
	check_pieces(subject, site, text);
	check_expressions(subject, site, text);
	free(text);
	gate_site_unref(site);
	return 0;
}

static int open_plan(const char *path, const char *cache_dir, struct subject *subject)
{
	struct gate_plan_options options = { .cache_dir = cache_dir };
	struct sec_rules *rules = sec_rules_new();
	int error = rules ? sec_rules_load_file(rules, path) : LUYTRE_E_NOMEM;

	if (error == 0)
		error = sec_rules_load_text(rules,
			view("SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\n"
			     "SecResponseBodyLimit 524288\nSecResponseBodyLimitAction ProcessPartial\n"),
			"engine");
	if (error == 0)
		error = sec_rules_finish(rules);
	if (error < 0) {
		sec_rules_free(rules);
		return error;
	}
	subject->rules = rules;
	return gate_plan_build(rules, &options, &subject->plan);
}

static int check_rules(const char *name, enum gate_mode mode, const char *path, const char *cache_dir)
{
	struct subject subject = { .name = name, .mode = mode };
	int error = open_plan(path, cache_dir, &subject);

	if (error < 0) {
		log_error("%s does not load: %s", path, error_text(error, LUYTRE_LANG_EN));
		return error;
	}
	subject.worker = gate_worker_new();
	error = subject.worker ? check_subject(&subject) : LUYTRE_E_NOMEM;
	gate_worker_free(subject.worker);
	gate_plan_unref(subject.plan);
	return error;
}

/* A set that asks for what the gate does not have (3.x: @rbl) is as good as none. */
static int check_core_rules(const char *root, const char *dir, const char *cache)
{
	struct rulefiles files;
	int error;

	if (rulefiles_write(root, dir, &files) < 0)
		return 0;
	error = check_rules("paranoia level 1", GATE_SHADOW, files.level[0], cache);
	if (error == 0)
		error = check_rules("paranoia level 4", GATE_SHADOW, files.level[3], cache);
	return error == LUYTRE_E_SYNTAX ? 0 : error;
}

static bool is_slowed(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return UNDER_SANITIZER || (preloaded && strstr(preloaded, "vgpreload"));
}

int main(int argc, char **argv)
{
	char own[PATH_MAX], cache[PATH_MAX];
	int error;

	log_init();
	if (argc != 3 && argc != 4)
		return 2;
	if (is_slowed())
		return SKIPPED;
	run.is_short = argc == 4;
	(void)mkdir(argv[2], 0700);
	snprintf(cache, sizeof(cache), "%s/cache", argv[2]);
	(void)mkdir(cache, 0700); /* where neither can be made, the files below cannot be written */
	snprintf(own, sizeof(own), "%s/tests/gate/redos.conf", argv[1]);
	error = check_rules("own rules", GATE_ON, own, cache);
	if (error == 0)
		error = check_core_rules(argv[1], argv[2], cache);
	fprintf(stderr, "%zu requests, %zu over %d ms; the slowest: %s, %.1f ms\n", run.measured, run.failed,
		MAX_US / 1000, run.slowest, run.slowest_us / 1e3);
	return error < 0 || run.failed != 0;
}
