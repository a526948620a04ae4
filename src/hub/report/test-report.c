// SPDX-License-Identifier: Apache-2.0
/* Documents: CSV byte for byte; PDF read back by another program (pdftotext), also inside the sandbox that the hub runs in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/sandbox.h"
#include "hub/report/report.h"

/* All letters of the Vietnamese alphabet with all tones. */
#define LETTERS  "aàảãáạ ăằẳẵắặ âầẩẫấậ đ eèẻẽéẹ êềểễếệ iìỉĩíị oòỏõóọ ôồổỗốộ ơờởỡớợ uùủũúụ ưừửữứự yỳỷỹýỵ"
#define CAPITALS "AÀẢÃÁẠ ĂẰẲẴẮẶ ÂẦẨẪẤẬ Đ EÈẺẼÉẸ ÊỀỂỄẾỆ IÌỈĨÍỊ OÒỎÕÓỌ ÔỒỔỖỐỘ ƠỜỞỠỚỢ UÙỦŨÚỤ ƯỪỬỮỨỰ YỲỶỸÝỴ"

static const struct report_column columns[] = { { "STT", 1 }, { "Tên hệ thống", 4 }, { "Cấp độ", 2 } };

static struct report *make(void)
{
	struct report *report;

	assert_int_equal(report_new(false, &report), 0);
	report_name(report, "Thử");
	return report;
}

static void test_csv_cells(void **state)
{
	static const struct {
		const char *cell, *line;
	} cases[] = {
		{ "", "\r\n" },
		{ "Bộ Y tế", "Bộ Y tế\r\n" },
		{ "a,b", "\"a,b\"\r\n" },
		{ "a;b", "\"a;b\"\r\n" },
		{ "nói \"ừ\"", "\"nói \"\"ừ\"\"\"\r\n" },
		{ "hai\ndòng", "\"hai\ndòng\"\r\n" },
		{ "=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\"\r\n" },
		{ "+84 24", "\"'+84 24\"\r\n" },
		{ "-1+1", "\"'-1+1\"\r\n" },
		{ "@SUM(A1)", "\"'@SUM(A1)\"\r\n" },
		{ "\t=1", "\"'\t=1\"\r\n" },
		{ " =1", "\"' =1\"\r\n" },
		{ "\r=1", "\"'\r=1\"\r\n" },
		{ "a=b", "a=b\r\n" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct report *report = make();
		struct report_out out;
		char line[128];

		report_heading(report, REPORT_TEXT, cases[i].cell);
		assert_int_equal(report_csv(report, &out), 0);
		snprintf(line, sizeof(line), "\xef\xbb\xbf%s", cases[i].line);
		assert_int_equal(out.size, strlen(line));
		assert_memory_equal(out.ptr, line, out.size);
		report_out_free(&out);
		report_free(report);
	}
}

static void test_csv_table(void **state)
{
	static const char wanted[] =
		"\xef\xbb\xbfTIÊU ĐỀ\r\nChủ quản,\"Sở, ban\"\r\nSTT,Tên hệ thống,Cấp độ\r\n1,Cổng,3\r\n2,,\r\n";
	struct report *report = make();
	struct report_out out;

	report_heading(report, REPORT_TITLE, "TIÊU ĐỀ");
	report_field(report, "Chủ quản", "Sở, ban");
	report_table(report, columns, ARRAY_COUNT(columns));
	report_row(report, (const char *const[]){ "1", "Cổng", "3" });
	report_row(report, (const char *const[]){ "2", NULL, "" });
	assert_int_equal(report_csv(report, &out), 0);
	assert_int_equal(out.size, sizeof(wanted) - 1);
	assert_memory_equal(out.ptr, wanted, out.size);
	report_out_free(&out);
	report_free(report);
}

static void test_bounds(void **state)
{
	struct report *report = make();
	struct report_out out;

	report_table(report, columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < REPORT_ITEMS_MAX; i++)
		report_row(report, (const char *const[]){ "1", "2", "3" });
	assert_int_equal(report_csv(report, &out), LUYTRE_E_FULL);
	assert_null(out.ptr);
	report_free(report);

	report = make();
	report_table(report, columns, ARRAY_COUNT(columns));
	report_table(report, columns, ARRAY_COUNT(columns));
	assert_int_equal(report_csv(report, &out), LUYTRE_E_INVALID);
	report_free(report);

	if (!report_has_pdf())
		return;
	report = make();
	for (size_t i = 0; i <= REPORT_PDF_ITEMS_MAX; i++)
		report_heading(report, REPORT_TEXT, "x");
	assert_int_equal(report_pdf(report, &out), LUYTRE_E_FULL);
	assert_null(out.ptr);
	report_free(report);
}

static void test_no_pdf(void **state)
{
	struct report *report;
	struct report_out out;

	if (report_has_pdf())
		skip();
	report = make();
	assert_int_equal(report_pdf(report, &out), LUYTRE_E_UNSUPPORTED);
	report_free(report);
}

/* ---- PDF ---- */

/* What pdftotext reads, as a string with blanks and ends of lines as one blank each; freed by the caller. */
static char *read_back(const struct report_out *out)
{
	char path[] = "/tmp/test-report-XXXXXX", command[128], *text = calloc(1, 1 << 20);
	int fd = mkstemp(path);
	size_t size, to = 0;
	FILE *pipe;

	assert_true(fd >= 0);
	assert_non_null(text);
	assert_int_equal(write(fd, out->ptr, out->size), out->size);
	close(fd);
	snprintf(command, sizeof(command), "pdftotext -enc UTF-8 -layout %s - && pdfinfo %s", path, path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	size = fread(text, 1, (1 << 20) - 1, pipe);
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	for (size_t i = 0; i < size; i++) {
		bool blank = text[i] == ' ' || text[i] == '\n' || text[i] == '\f';

		if (!blank || (to > 0 && text[to - 1] != ' '))
			text[to++] = blank ? ' ' : text[i];
	}
	text[to] = '\0';
	return text;
}

static void need_reader(void)
{
	if (!report_has_pdf() || system("command -v pdftotext >/dev/null") != 0) {
		print_message("PDF: no Pango and Cairo, or no pdftotext\n");
		skip();
	}
}

static void need_text(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void fill(struct report *report)
{
	report_heading(report, REPORT_MOTTO, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM");
	report_heading(report, REPORT_TITLE, CAPITALS);
	report_heading(report, REPORT_TEXT, LETTERS);
	report_field(report, "Chủ quản", "Ủy ban nhân dân tỉnh Quảng Ngãi");
	report_field(report, "Còn trống", "");
	report_table(report, columns, ARRAY_COUNT(columns));
	report_row(report, (const char *const[]){ "1", "Cổng dịch vụ công trực tuyến", "3" });
}

static void test_pdf(void **state)
{
	static const char *const parts[] = { "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", CAPITALS, LETTERS,
		"Chủ quản: Ủy ban nhân dân tỉnh Quảng Ngãi", "Còn trống: ......", "STT Tên hệ thống Cấp độ",
		"1 Cổng dịch vụ công trực tuyến 3", "Title: Thử", "Pages: 1 ", "595.28 x 841.89 pts (A4)" };
	struct report *report;
	struct report_out out;
	char *text;

	need_reader();
	report = make();
	fill(report);
	assert_int_equal(report_pdf(report, &out), 0);
	assert_memory_equal(out.ptr, "%PDF-", 5);
	text = read_back(&out);
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		need_text(text, parts[i]);
	free(text);
	report_out_free(&out);
	report_free(report);
}

/* The table goes on over pages, with its titles on each; a paragraph longer than a page too; nothing is lost. */
static void test_pages(void **state)
{
	enum { ROWS = 200, WORDS = 3000 };
	char word[32], *text, *at, *longest;
	struct report *report;
	struct report_out out;
	unsigned int titles = 0;

	need_reader();
	report = make();
	longest = calloc(WORDS, 16);
	assert_non_null(longest);
	for (unsigned int i = 0; i < WORDS; i++)
		snprintf(longest + strlen(longest), 16, "từ%u ", i);
	report_field(report, "Dài", longest);
	report_table(report, columns, ARRAY_COUNT(columns));
	for (unsigned int i = 0; i < ROWS; i++) {
		snprintf(word, sizeof(word), "hàng%u", i);
		report_row(report, (const char *const[]){ "1", word, "3" });
	}
	assert_int_equal(report_pdf(report, &out), 0);
	text = read_back(&out);
	for (unsigned int i = 0; i < WORDS; i++) {
		snprintf(word, sizeof(word), "từ%u ", i);
		need_text(text, word);
	}
	for (unsigned int i = 0; i < ROWS; i++) {
		snprintf(word, sizeof(word), "hàng%u ", i);
		need_text(text, word);
	}
	for (at = text; (at = strstr(at, "Tên hệ thống")); at++)
		titles++;
	assert_in_range(titles, 2, 20);
	free(longest);
	free(text);
	report_out_free(&out);
	report_free(report);
}

/* As in the hub: no other program can be started, few system calls are left. */
static void test_sandbox(void **state)
{
	int status;
	pid_t child;

	need_reader();
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		char why[256];
		struct report *report = NULL;
		struct report_out out;
		int error = sandbox_enter(
			SANDBOX_THREADS | SANDBOX_UNIX_SOCKETS | SANDBOX_NETWORK | SANDBOX_SERVER, why, sizeof(why));

		if (!error)
			error = report_new(true, &report);
		if (!error) {
			fill(report);
			error = report_pdf(report, &out);
		}
		_exit(error ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_csv_cells), cmocka_unit_test(test_csv_table),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_no_pdf), cmocka_unit_test(test_pdf),
		cmocka_unit_test(test_pages), cmocka_unit_test(test_sandbox) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
