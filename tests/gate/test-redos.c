// SPDX-License-Identifier: Apache-2.0
/* No request takes the engine over 50 ms of processor time, whatever stands in it.
 *
 *	test-redos SOURCE_ROOT WORK_DIR
 *
 * Feeds what makes expressions backtrack and parsers look twice: runs of one piece, many thousand times, in every place that a request has
 * for them. Rules are redos.conf beside this file, and the Core Rule Set at paranoia levels 1 and 4 where it is found (see
 * tests/bench/gate/rulefiles.h). Bodies have at most what those rules allow (SecRequestBodyNoFilesLimit), some have 1 MiB, which has to end in
 * a verdict within the same time. Measured is the thread's own processor time, the least of three: what other work on the machine adds to it is not the engine's. Of a request that is over the
 * limit, the rule that takes most of the time is searched by leaving rules out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "gate/gate.h"
#include "gate/seclang/rules.h"
#include "tests/bench/gate/rulefiles.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 10 /* the same work takes that much longer */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOWER 10
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

enum { ROUNDS = 3, ROUNDS_DOUBTFUL = 12, MAX_US = 50000 * SLOWER, TEXT_MAX = 2 << 20 };

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

/* Where a piece is put. */
static const struct place {
	const char *name;
	const char *type; /* of the body; null without one */
	const char *before, *between, *after; /* once; behind every 'chunk' bytes; once */
	size_t chunk, size; /* bytes between two 'between' (0: none), bytes in all */
	bool header; /* in a header of its own instead of the body or target */
	bool json; /* quotes and backslashes are escaped */
} places[] = {
	{ "query", NULL, "/x?a=", "", "", 0, 8000, false, false },
	{ "path", NULL, "/", "", "", 0, 8000, false, false },
	{ "form argument", "application/x-www-form-urlencoded", "a=", "", "", 0, 64 << 10, false, false },
	{ "long form argument", "application/x-www-form-urlencoded", "a=", "", "", 0, 131000, false, false },
	{ "form argument over the limit", "application/x-www-form-urlencoded", "a=", "", "", 0, 1 << 20, false, false },
	{ "1,000 arguments", "application/x-www-form-urlencoded", "a=", "&b=", "", 100, 100000, false, false },
	{ "argument name", "application/x-www-form-urlencoded", "", "", "=1", 0, 64 << 10, false, false },
	{ "JSON string", "application/json", "{\"a\":\"", "", "\"}", 0, 64 << 10, false, true },
	{ "1,000 JSON strings", "application/json", "[\"", "\",\"", "\"]", 100, 98000, false, true },
	{ "multipart field", "multipart/form-data; boundary=z",
		"--z\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "", "\r\n--z--\r\n", 0, 64 << 10, false,
		false },
	{ "plain text", "text/plain", "", "", "", 0, 131000, false, false },
	{ "header", NULL, "", "", "", 0, 8000, true, false },
	{ "cookies", NULL, "a=", "; b=", "", 20, 8000, true, false },
};

struct subject {
	const char *name;
	struct gate_plan *plan;
	struct gate_worker *worker;
	struct sec_rules *rules; /* the plan's */
};

struct request {
	const char *type; /* null: no body */
	struct bytes text; /* body, target or header */
	const struct place *place;
};

static struct {
	size_t measured, failed;
	double slowest_us;
	char slowest[128];
} run;

static struct bytes view(const char *text)
{
	return bytes_of(text, strlen(text));
}

static bool put(char *text, size_t *size, const char *piece, bool json)
{
	for (; *piece; piece++) {
		if (*size + 8 > TEXT_MAX)
			return false;
		if (json && (unsigned char)*piece < 0x20)
			*size += (size_t)sprintf(text + *size, "\\u%04x", (unsigned char)*piece);
		else if (json && (*piece == '"' || *piece == '\\'))
			*size += (size_t)sprintf(text + *size, "\\%c", *piece);
		else
			text[(*size)++] = *piece;
	}
	return true;
}

static struct bytes fill(char *text, const struct place *place, const char *piece)
{
	size_t size = 0, chunk = 0;
	bool room = put(text, &size, place->before, false);

	while (room && size < place->size) {
		size_t was = size;

		room = put(text, &size, piece, place->json);
		chunk += size - was;
		if (room && place->chunk != 0 && chunk >= place->chunk) {
			room = put(text, &size, place->between, false);
			chunk = 0;
		}
	}
	(void)put(text, &size, place->after, false);
	/* A line end would end the target or the header. */
	for (size_t i = 0; !place->type && i < size; i++) {
		if (text[i] == '\r' || text[i] == '\n')
			text[i] = '\t';
	}
	return bytes_of(text, size);
}

static void judge(struct gate_tx *tx, const struct request *request)
{
	bool is_target = !request->type && !request->place->header;
	bool is_cookie = request->place->header && request->place->chunk != 0;
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
	} else if (!is_target) {
		gate_tx_request_header(tx, view(is_cookie ? "Cookie" : "Referer"), request->text);
	}
	gate_tx_request_headers_end(tx);
	if (request->type && gate_tx_wants_request_body(tx))
		gate_tx_request_body(tx, request->text);
	gate_tx_request_body_end(tx);
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

static struct gate_site *open_site(struct gate_plan *plan, const struct gate_exclusion *exclusion)
{
	struct gate_site_settings settings = {
		.name = "redos", .mode = GATE_ON, .exclusions = exclusion, .exclusion_count = exclusion ? 1 : 0
	};
	struct gate_site *site = NULL;

	return gate_site_new(plan, &settings, &site) == 0 ? site : NULL;
}

/* Leaves out rules first .. last. */
static double time_without(const struct subject *subject, const struct request *request, uint64_t first, uint64_t last)
{
	struct gate_exclusion exclusion = { .first_id = first, .last_id = last };
	struct gate_site *site = open_site(subject->plan, &exclusion);
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

static void check(
	const struct subject *subject, struct gate_site *site, const struct request *request, const char *piece)
{
	double us = time_once(subject->worker, site, request);

	/* Over the bar may be what other work on the processor's caches has added: asked again before it counts. */
	for (size_t i = 1; (i < ROUNDS || (i < ROUNDS_DOUBTFUL && us > MAX_US)) && us > 0; i++) {
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

			for (size_t n = 0; n < depths[k]; n++)
				(void)put(text, &size, shapes[i].open, false);
			for (size_t n = 0; n < depths[k]; n++)
				(void)put(text, &size, shapes[i].close, false);
			request.text = bytes_of(text, size);
			check(subject, site, &request, shapes[i].name);
		}
	}
}

static int check_subject(const struct subject *subject)
{
	struct gate_site *site = open_site(subject->plan, NULL);
	char *text = malloc(TEXT_MAX);

	if (!site || !text) {
		free(text);
		gate_site_unref(site);
		return LUYTRE_E_NOMEM;
	}
	/* The first request makes room that others use. */
	(void)time_once(subject->worker, site, &(struct request){ .text = view("/x?a=1"), .place = &places[0] });
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(pieces); k++) {
			struct request request = { places[i].type, fill(text, &places[i], pieces[k].piece),
				&places[i] };

			check(subject, site, &request, pieces[k].name);
		}
	}
	check_nested(subject, site, text);
	free(text);
	gate_site_unref(site);
	return 0;
}

static int open_plan(const char *path, const char *cache_dir, struct gate_plan **ret)
{
	struct gate_plan_options options = { .cache_dir = cache_dir };
	struct sec_rules *rules = sec_rules_new();
	int error = rules ? sec_rules_load_file(rules, path) : LUYTRE_E_NOMEM;

	/* Rules decide, as they do in front of a site; a body over the limit is refused by the first that sees it. */
	if (error == 0)
		error = sec_rules_load_text(rules, view("SecRuleEngine On\n"), "engine");
	if (error == 0)
		error = sec_rules_finish(rules);
	if (error == 0)
		return gate_plan_build(rules, &options, ret);
	sec_rules_free(rules);
	return error;
}

static int check_rules(const char *name, const char *path, const char *cache_dir)
{
	struct subject subject = { .name = name };
	int error = open_plan(path, cache_dir, &subject.plan);

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

int main(int argc, char **argv)
{
	char own[PATH_MAX], cache[PATH_MAX];
	struct rulefiles files;
	int error;

	log_init();
	if (argc != 3)
		return 2;
	(void)mkdir(argv[2], 0700);
	snprintf(cache, sizeof(cache), "%s/cache", argv[2]);
	(void)mkdir(cache, 0700); /* where neither can be made, the files below cannot be written */
	snprintf(own, sizeof(own), "%s/tests/gate/redos.conf", argv[1]);
	error = check_rules("own rules", own, cache);
	if (error == 0 && rulefiles_write(argv[1], argv[2], &files) == 0) {
		error = check_rules("paranoia level 1", files.level[0], cache);
		if (error == 0)
			error = check_rules("paranoia level 4", files.level[3], cache);
	}
	fprintf(stderr, "%zu requests, %zu over %d ms; the slowest: %s, %.1f ms\n", run.measured, run.failed,
		MAX_US / 1000, run.slowest, run.slowest_us / 1e3);
	return error < 0 || run.failed != 0;
}
