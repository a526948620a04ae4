// SPDX-License-Identifier: Apache-2.0
/* Every importer over its sample of tests/fuzz/import: what comes out, what is refused and where; in pieces, cut
 * short, and spoilt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/findings/importer.h"

enum { OUT_SIZE = 64 << 10 };

struct outcome {
	char records[OUT_SIZE]; /* a line each */
	size_t records_size;
	char refused[OUT_SIZE];
	size_t refused_size;
	uint64_t stop_at; /* the receiver ends it there; 0: never */
	uint64_t count;
	int error;
	struct import_result result;
	char message[IMPORT_REASON_SIZE];
};

/* ---- Writing records down ---- */

PRINTF_LIKE(3, 4) static void put(char *out, size_t *size, const char *format, ...)
{
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vsnprintf(out + *size, OUT_SIZE - *size, format, arguments);
	va_end(arguments);
	assert_true(written >= 0 && *size + (size_t)written < OUT_SIZE);
	*size += (size_t)written;
}

static void put_text(struct outcome *outcome, const char *name, struct bytes text)
{
	if (bytes_empty(text))
		return;
	put(outcome->records, &outcome->records_size, " %s=", name);
	for (size_t i = 0; i < text.size; i++)
		put(outcome->records, &outcome->records_size, "%c", text.ptr[i] < ' ' ? '_' : text.ptr[i]);
}

static void put_number(struct outcome *outcome, const char *name, long long number)
{
	if (number)
		put(outcome->records, &outcome->records_size, " %s=%lld", name, number);
}

static int on_record(void *context, const struct record *record)
{
	static const char *const kinds[] = {
#define X(id, word) word,
		RECORD_KINDS(X)
#undef X
	};
	struct outcome *outcome = context;

	if (++outcome->count == outcome->stop_at)
		return LUYTRE_E_FULL;
	put(outcome->records, &outcome->records_size, "%s", kinds[record->kind]);
	put_text(outcome, "target", record->target);
	put_text(outcome, "address", record->address);
	put_number(outcome, "port", record->port);
	put_number(outcome, "protocol", record->protocol);
	put_text(outcome, "service", record->service);
	put_text(outcome, "path", record->path);
	put_text(outcome, "cve", record->cve);
	put_text(outcome, "rule", record->rule);
	put_text(outcome, "title", record->title);
	put_text(outcome, "word", record->severity_word);
	put_number(outcome, "severity", record->severity);
	put_text(outcome, "cvss", record->cvss);
	put_number(outcome, "confidence", record->confidence);
	put_number(outcome, "exploited", record->exploited);
	put_text(outcome, "product", record->product);
	put_text(outcome, "version", record->version);
	put_text(outcome, "cpe", record->cpe);
	put_text(outcome, "purl", record->purl);
	put_text(outcome, "fixed", record->fixed_version);
	put_number(outcome, "statement", record->statement);
	put_text(outcome, "why", record->justification);
	for (size_t i = 0; i < record->reference_count; i++)
		put_text(outcome, "see", record->references[i]);
	put_text(outcome, "evidence", record->evidence);
	put_number(outcome, "time", record->time_us / 1000000);
	put(outcome->records, &outcome->records_size, "\n");
	return 0;
}

static void on_refused(void *context, uint64_t position, const char *reason)
{
	struct outcome *outcome = context;

	put(outcome->refused, &outcome->refused_size, "%llu %s\n", (unsigned long long)position, reason);
}

/* ---- Reading ---- */

static void read_report(const char *format, struct bytes report, size_t piece_size, struct outcome *ret)
{
	uint64_t stop_at = ret->stop_at;
	const struct import_sink sink = { ret, on_record, on_refused };
	struct import *import = NULL;
	int error = 0;

	memset(ret, 0, sizeof(*ret));
	ret->stop_at = stop_at;
	assert_int_equal(import_begin(format, &sink, &import), 0);
	while (!bytes_empty(report) && !error) {
		error = import_feed(import, bytes_first(report, piece_size));
		report = bytes_skip(report, piece_size);
	}
	ret->error = import_end(import, &ret->result, ret->message);
	if (error)
		assert_int_equal(ret->error, error);
}

static struct bytes load(const char *name)
{
	char path[512];
	uint8_t *data = malloc(OUT_SIZE);
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", IMPORT_SAMPLES, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_non_null(data);
	size = fread(data, 1, OUT_SIZE, file);
	assert_in_range(size, 1, OUT_SIZE - 1);
	fclose(file);
	return bytes_of(data, size);
}

static void unload(struct bytes report)
{
	free((void *)(uintptr_t)report.ptr);
}

#include "hub/findings/test-samples.h"

static struct outcome whole, other;

static void test_samples(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		struct bytes report = load(samples[i].name);

		read_report(NULL, report, report.size, &whole);
		if (getenv("IMPORT_SHOW"))
			printf("== %s %s\n%s--\n%s", samples[i].name, whole.message, whole.records, whole.refused);
		assert_int_equal(whole.error, 0);
		assert_string_equal(whole.result.format, samples[i].format);
		assert_string_equal(whole.result.tool, samples[i].tool);
		assert_string_equal(whole.result.tool_version, samples[i].tool_version);
		assert_string_equal(whole.result.target, samples[i].target);
		assert_int_equal(whole.result.scanned_us / 1000000, samples[i].scanned_s);
		assert_string_equal(whole.records, samples[i].records);
		assert_string_equal(whole.refused, samples[i].refused);
		assert_int_equal(whole.result.bytes, report.size);
		unload(report);
	}
}

static void test_pieces_change_nothing(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 1000 };

	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		struct bytes report = load(samples[i].name);

		for (size_t at = 0; at < ARRAY_COUNT(sizes); at++) {
			read_report(NULL, report, sizes[at], &other);
			assert_int_equal(other.error, 0);
			assert_string_equal(other.records, samples[i].records);
			assert_string_equal(other.refused, samples[i].refused);
		}
		unload(report);
	}
}

/* Cut anywhere, what came before stays: the records are a beginning of those of the whole. */
static void test_cut_anywhere(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		struct bytes report = load(samples[i].name);
		size_t most = 0;

		for (size_t size = 0; size < report.size; size++) {
			/* A block of its own, so that a byte read too far is seen. */
			uint8_t *copy = malloc(size + 1);

			assert_non_null(copy);
			memcpy(copy, report.ptr, size);
			read_report(samples[i].format, bytes_of(copy, size), 100, &other);
			free(copy);
			assert_memory_equal(other.records, samples[i].records, other.records_size);
			assert_true(other.records_size >= most);
			most = other.records_size;
			/* Only what is missing at the end may be blanks, or the last line's end. */
			if (!other.error)
				assert_true(other.records_size == strlen(samples[i].records) ||
					    strcmp(samples[i].format, "nuclei") == 0);
		}
		unload(report);
	}
}

static void test_receiver_ends_it(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
		struct bytes report = load(samples[i].name);

		other.stop_at = 1;
		read_report(NULL, report, 50, &other);
		assert_int_equal(other.error, LUYTRE_E_FULL);
		assert_int_equal(other.count, 1);
		unload(report);
	}
	other.stop_at = 0;
}

/* Reports that are given up, with the error and a part of the message. */
static const struct {
	const char *text;
	int error;
	const char *message;
} given_up[] = {
	{ "", LUYTRE_E_NOT_FOUND, "no known format" },
	{ "hello", LUYTRE_E_NOT_FOUND, "no known format" },
	{ "<html/>", LUYTRE_E_NOT_FOUND, "no known format" },
	{ "{\"a\":1}", LUYTRE_E_NOT_FOUND, "no known format" },
	{ "<nmaprun><host></nmaprun>", LUYTRE_E_SYNTAX, "mismatch" },
	{ "<nmaprun/><nmaprun/>", LUYTRE_E_SYNTAX, "line 1" },
	{ "<!DOCTYPE nmaprun [<!ENTITY a \"b\">]><nmaprun>&a;</nmaprun>", LUYTRE_E_SYNTAX, "declarations" },
	{ "<!DOCTYPE nmaprun [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><nmaprun/>", LUYTRE_E_SYNTAX, "declarations" },
	{ "<!DOCTYPE nmaprun [<!ATTLIST port portid CDATA \"22\">]><nmaprun/>", LUYTRE_E_SYNTAX, "declarations" },
	{ "<nmaprun>&nothing;</nmaprun>", LUYTRE_E_SYNTAX, "line 1" },
	{ "{\"matches\":[{]}", LUYTRE_E_SYNTAX, "byte 14" },
	{ "{\"matches\":[1 2]}", LUYTRE_E_SYNTAX, "byte 15" },
	{ "{\"matches\":[],}", LUYTRE_E_SYNTAX, "byte 15" },
	{ "{\"matches\":[]}}", LUYTRE_E_SYNTAX, "byte 15" },
	{ "{\"matches\":[{\"a\":}]}", LUYTRE_E_SYNTAX, "byte 18" },
	{ "{\"matches\":[", LUYTRE_E_TRUNCATED, "ends here" },
	{ "<nmaprun>", LUYTRE_E_TRUNCATED, "ends here" },
};

static void test_given_up(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(given_up); i++) {
		for (size_t size = 1; size <= 64; size += 63) {
			read_report(NULL, bytes_from_str(given_up[i].text), size, &other);
			assert_int_equal(other.error, given_up[i].error);
			assert_non_null(strstr(other.message, given_up[i].message));
		}
	}
	assert_int_equal(
		import_begin("unknown", &(struct import_sink){ 0 }, &(struct import *){ NULL }), LUYTRE_E_NOT_FOUND);
}

/* So many of one text, then 'inner', then so many of another. */
static struct bytes nest(const char *before, const char *open, const char *close, const char *after, int depth)
{
	char *text = calloc(1, OUT_SIZE);
	size_t size = 0;

	assert_non_null(text);
	put(text, &size, "%s", before);
	for (int i = 0; i < depth; i++)
		put(text, &size, "%s", open);
	for (int i = 0; i < depth; i++)
		put(text, &size, "%s", close);
	put(text, &size, "%s", after);
	return bytes_of(text, size);
}

static void test_depth(void **state)
{
	static const struct {
		const char *before, *open, *close, *after;
		int may; /* so deep it may be: the root and others are around it */
	} forms[] = {
		{ "<nmaprun>", "<a>", "</a>", "</nmaprun>", IMPORT_DEPTH_MAX - 1 },
		{ "{\"matches\":[],\"x\":", "[", "]", "}", IMPORT_DEPTH_MAX - 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		for (int more = 0; more <= 1; more++) {
			struct bytes text = nest(
				forms[i].before, forms[i].open, forms[i].close, forms[i].after, forms[i].may + more);

			read_report(NULL, text, 1000, &other);
			assert_int_equal(other.error, more ? LUYTRE_E_SYNTAX : 0);
			unload(text);
		}
	}
}

/* An element beyond the bound is refused, and the next one taken. */
static void test_too_large(void **state)
{
	static const struct {
		const char *before, *after, *refused;
	} forms[] = {
		{ "{\"matches\":[{\"x\":\"",
			"\"},{\"vulnerability\":{\"id\":\"CVE-2020-0001\"},\"artifact\":{\"name\":\"a\"}}]}",
			"13 size: an element of more than 8388608 bytes\n" },
		{ "{\"template-id\":\"a\",\"info\":\"",
			"\"}\n{\"template-id\":\"b\",\"info\":{},\"host\":\"192.0.2.1\"}\n",
			"1 size: a line of more than 8388608 bytes\n" },
	};
	const size_t fill_size = IMPORT_HELD_MAX + 100;

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		size_t before = strlen(forms[i].before), after = strlen(forms[i].after);
		char *text = malloc(before + fill_size + after);

		assert_non_null(text);
		memcpy(text, forms[i].before, before);
		memset(text + before, 'x', fill_size);
		memcpy(text + before + fill_size, forms[i].after, after);
		read_report(NULL, bytes_of(text, before + fill_size + after), 1 << 16, &other);
		free(text);
		assert_int_equal(other.error, 0);
		assert_int_equal(other.result.records, 1);
		assert_string_equal(other.refused, forms[i].refused);
	}
}

/* Small in bytes, but each of its values would take some hundreds in memory. */
static void test_too_many_values(void **state)
{
	static const char *const forms[][2] = {
		{ "{\"template-id\":\"a\",\"host\":\"h\",\"info\":{},\"x\":[", "0]}\n" },
		{ "{\"matches\":[{\"vulnerability\":{\"id\":\"a\"},\"artifact\":{\"name\":\"b\"},\"x\":[", "0]}]}" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		for (int count = 45000; count <= 55000; count += 10000) {
			char *text = malloc(400000);
			size_t size = strlen(forms[i][0]);

			assert_non_null(text);
			memcpy(text, forms[i][0], size);
			for (int n = 0; n < count; n++, size += 4)
				memcpy(text + size, "[0],", 4);
			memcpy(text + size, forms[i][1], strlen(forms[i][1]));
			read_report(NULL, bytes_of(text, size + strlen(forms[i][1])), 1 << 16, &other);
			free(text);
			assert_int_equal(other.error, 0);
			assert_int_equal(other.result.records, count < 50000);
			assert_int_equal(other.result.refused, count > 50000);
		}
	}
}

/* A '>' within an attribute ends no start tag, wherever the slices of the parser end. */
static void test_long_attribute(void **state)
{
	static const char before[] = "<nmaprun><host><status state=\"up\"/><address addr=\"192.0.2.1\"/><ports><port "
				     "protocol=\"tcp\" portid=\"22\"><state state=\"open\"/><service name=\"";
	static const char after[] = "\" product=\"it\"/></port></ports></host></nmaprun>";
	const size_t fill_size = 200000;
	char *text = malloc(sizeof(before) + fill_size + sizeof(after));

	assert_non_null(text);
	memcpy(text, before, sizeof(before) - 1);
	for (size_t i = 0; i < fill_size; i++)
		text[sizeof(before) - 1 + i] = ">'/ "[i % 4];
	memcpy(text + sizeof(before) - 1 + fill_size, after, sizeof(after));
	read_report(NULL, bytes_from_str(text), 1000, &other);
	free(text);
	assert_int_equal(other.error, 0);
	assert_int_equal(other.result.records, 1);
	assert_non_null(strstr(other.records, "product=it"));
	/* Cut at RECORD_TEXT_MAX. */
	assert_in_range(other.records_size, RECORD_TEXT_MAX, RECORD_TEXT_MAX + 200);
}

/* Names that are too long together could make one element look like another. */
static void test_long_names(void **state)
{
	char name[1200], text[6000];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "<nmaprun><%s></%s></nmaprun>", name, name);
	read_report(NULL, bytes_from_str(text), 1000, &other);
	assert_int_equal(other.error, 0);
	snprintf(text, sizeof(text), "<nmaprun><%s><%s></%s></%s></nmaprun>", name, name, name, name);
	read_report(NULL, bytes_from_str(text), 1000, &other);
	assert_int_equal(other.error, LUYTRE_E_SYNTAX);
}

/* Texts are cut where a character ends. */
static void test_cut_at_a_character(void **state)
{
	static const char before[] = "{\"template-id\":\"a\",\"host\":\"h\",\"info\":{\"name\":\"x";
	char text[2 * RECORD_TEXT_MAX + 200];
	size_t size = sizeof(before) - 1;
	const char *title;

	memcpy(text, before, size);
	/* Two bytes each, behind one of one byte: the bound is in the middle of one. */
	for (size_t i = 0; i < RECORD_TEXT_MAX; i++, size += 2)
		memcpy(text + size, "\xc4\x91", 2);
	memcpy(text + size, "\"}}", 4);
	read_report(NULL, bytes_from_str(text), 1000, &other);
	assert_int_equal(other.result.records, 1);
	title = strstr(other.records, " title=x");
	assert_non_null(title);
	assert_memory_equal(title + strlen(" title=") + RECORD_TEXT_MAX - 3, "\xc4\x91 ", 3);
}

static void test_mark_of_utf8(void **state)
{
	read_report(NULL, bytes_from_str("\xef\xbb\xbf{\"matches\":[]}"), 1, &other);
	assert_int_equal(other.error, 0);
	assert_string_equal(other.result.format, "grype");
}

static void test_severity_words(void **state)
{
	static const struct {
		const char *word;
		uint8_t severity;
	} cases[] = { { "critical", 4 }, { "CRITICAL", 4 }, { "High", 3 }, { "Important", 3 }, { "MEDIUM", 2 },
		{ "Moderate", 2 }, { "low", 1 }, { "Negligible", 1 }, { "info", 0 }, { "Log", 0 }, { "unknown", 0 },
		{ "", 0 }, { "10.0", 4 }, { "9.0", 4 }, { "8.9", 3 }, { "7.0", 3 }, { "6.9", 2 }, { "4", 2 },
		{ "3.9", 1 }, { "0.1", 1 }, { "0.0", 0 }, { "-1", 0 }, { "9x", 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(import_severity(bytes_from_str(cases[i].word)), cases[i].severity);
}

static void test_cve_form(void **state)
{
	static const char *const wrong[] = { "", "CVE-", "CVE-2021-123", "CVE-202-12345", "CVE-2021-12a45",
		"CVE 2021-12345", "CVE-2021_12345", "CWE-2021-12345", "CVE-2021-12345678901234567890",
		"xCVE-2021-12345" };
	char cve[IMPORT_CVE_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(import_cve(bytes_from_str(wrong[i]), cve));
	assert_true(import_cve(bytes_from_str(" cve-2021-44228\n"), cve));
	assert_string_equal(cve, "CVE-2021-44228");
	assert_true(import_cve(bytes_from_str("CVE-1999-0001"), cve));
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "2026-11-20T08:30:00+07:00", INT64_C(1795138200000000) },
		{ "2026-11-20T01:30:00Z", INT64_C(1795138200000000) },
		{ "2026-11-20 01:30:00", INT64_C(1795138200000000) },
		{ "2026-11-20T01:30:00.25Z", INT64_C(1795138200250000) },
		{ "2026-11-20T01:30:00.123456789-0000", INT64_C(1795138200123456) },
		{ "1795138200", INT64_C(1795138200000000) },
		{ "", 0 },
		{ "soon", 0 },
		{ "2026-13-20T01:30:00Z", 0 },
		{ "2026-11-20T01:30:00 noon", 0 },
		{ "179513820x", 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(import_time(bytes_from_str(cases[i].text)), cases[i].us);
}

static void test_urls(void **state)
{
	static const struct {
		const char *text, *scheme, *host, *path;
		uint16_t port;
	} cases[] = {
		{ "https://user:pw@www.example.com:8443/a/b?c=d#e", "https", "www.example.com", "/a/b", 8443 },
		{ "http://www.example.com", "http", "www.example.com", "", 80 },
		{ "https://[2001:db8::1]/x", "https", "2001:db8::1", "/x", 443 },
		{ "[2001:db8::1]:22", "", "2001:db8::1", "", 22 },
		{ "2001:db8::1", "", "2001:db8::1", "", 0 },
		{ "192.0.2.1:22", "", "192.0.2.1", "", 22 },
		{ "example.com", "", "example.com", "", 0 },
		{ "http://example.com?x", "http", "example.com", "", 80 },
		{ "", "", "", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct import_url url;

		import_url(bytes_from_str(cases[i].text), &url);
		assert_true(bytes_equal_str(url.scheme, cases[i].scheme));
		assert_true(bytes_equal_str(url.host, cases[i].host));
		assert_true(bytes_equal_str(url.path, cases[i].path));
		assert_int_equal(url.port, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_pieces_change_nothing),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_receiver_ends_it),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_too_many_values),
		cmocka_unit_test(test_long_attribute),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_cut_at_a_character),
		cmocka_unit_test(test_mark_of_utf8),
		cmocka_unit_test(test_severity_words),
		cmocka_unit_test(test_cve_form),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
