// SPDX-License-Identifier: Apache-2.0
#include "shield/listfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"

/* The prefixes of a text, one after the other with blanks between. */
static void joined(const struct listfile *list, char *text, size_t text_size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		char prefix[IP_PREFIX_TEXT_SIZE];

		used += (size_t)snprintf(
			text + used, text_size - used, i ? " %s" : "%s", ip_prefix_format(&list->items[i], prefix));
		assert_true(used < text_size);
	}
}

static void lists_are_read(void **state)
{
	static const struct {
		const char *text, *prefixes;
		size_t lines;
	} rows[] = {
		{ "", "", 0 },
		{ "\n\n", "", 2 },
		{ "192.0.2.1", "192.0.2.1/32", 1 },
		{ "192.0.2.1\n", "192.0.2.1/32", 1 },
		{ "192.0.2.0/24\r\n2001:db8::/32\r\n", "192.0.2.0/24 2001:db8::/32", 2 },
		{ "\xef\xbb\xbf# a\n 10.0.0.0/8 ; b\n", "10.0.0.0/8", 2 },
		{ "10.0.0.0/8;SBL1\n\t10.1.1.1#x\n", "10.0.0.0/8 10.1.1.1/32", 2 },
		{ "10.0.0.1 tag other,tag # \xc3\xa9\n", "10.0.0.1/32", 1 },
		{ "10.0.0.1 a-b\n", "10.0.0.1/32", 1 },
		{ "10.0.0.1-10.0.0.1", "10.0.0.1/32", 1 },
		{ "10.0.0.0-10.0.0.255", "10.0.0.0/24", 1 },
		{ "10.0.0.1 - 10.0.0.6 x", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32", 1 },
		{ "10.0.0.1- 10.0.0.2", "10.0.0.1/32 10.0.0.2/32", 1 },
		{ "10.0.0.1 -10.0.0.2", "10.0.0.1/32 10.0.0.2/32", 1 },
		{ "0.0.0.0-255.255.255.255", "0.0.0.0/0", 1 },
		{ "255.255.255.254-255.255.255.255", "255.255.255.254/31", 1 },
		{ "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0", 1 },
		{ "2001:db8::ffff-2001:db8::1:0", "2001:db8::ffff/128 2001:db8::1:0/128", 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct listfile_error error = { 0 };
		struct listfile list;
		char text[512];

		assert_int_equal(listfile_parse(bytes_from_str(rows[i].text), "x", &list, &error), 0);
		joined(&list, text, sizeof(text));
		assert_string_equal(text, rows[i].prefixes);
		assert_int_equal(list.lines, rows[i].lines);
		listfile_done(&list);
		listfile_done(&list);
	}
}

static void faults_refuse_the_whole_file(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *message;
	} rows[] = {
		{ "10.0.0.1\n10.0.0\n", LUYTRE_E_SYNTAX,
			"x:2: found \"10.0.0\", expected an address, a prefix such as 192.0.2.0/24, or a range such as "
			"192.0.2.1-192.0.2.9" },
		{ "example.net", LUYTRE_E_SYNTAX, "x:1: found \"example.net\", expected an address" },
		{ "10.0.0.1,10.0.0.2", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.1,10.0.0.2\", expected an address" },
		{ "010.0.0.1", LUYTRE_E_SYNTAX, "x:1: found \"010.0.0.1\"" },
		{ "{\"cidr\":\"10.0.0.0/8\"}", LUYTRE_E_SYNTAX, "x:1: found \"{\"cidr\":\"10.0.0.0/8\"}\"" },
		{ "10.0.0.1/24", LUYTRE_E_HOST_BITS,
			"x:1: found \"10.0.0.1/24\", expected 10.0.0.0/24: no bits set behind the prefix length" },
		{ "#\n2001:db8::1/64", LUYTRE_E_HOST_BITS,
			"x:2: found \"2001:db8::1/64\", expected 2001:db8::/64: no bits set" },
		{ "10.0.0.0/33", LUYTRE_E_RANGE, "x:1: found \"10.0.0.0/33\", expected a prefix length of at most 32" },
		{ "10.0.0.2-10.0.0.1", LUYTRE_E_RANGE,
			"x:1: found \"10.0.0.2-10.0.0.1\", expected a range that begins" },
		{ "10.0.0.2-::1", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.2-::1\", expected a range of two addresses" },
		{ "10.0.0.0/8-10.0.0.1", LUYTRE_E_SYNTAX,
			"x:1: found \"10.0.0.0/8-10.0.0.1\", expected a range of two" },
		{ "10.0.0.1 -", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.1 -\", expected a range of two" },
		{ "10.0.0.1-", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.1-\", expected a range of two" },
		{ "-10.0.0.1", LUYTRE_E_SYNTAX, "x:1: found \"-10.0.0.1\", expected a range of two" },
		{ "10.0.0.1\x01\n", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.1?\", expected text without control" },
		{ "10.0.0.1\r\r\n", LUYTRE_E_SYNTAX, "x:1: found \"10.0.0.1?\", expected text without control" },
		{ "\x1b[31m", LUYTRE_E_SYNTAX, "x:1: found \"?[31m\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct listfile list = { .count = 77 };
		struct listfile_error error;
		char text[640];

		assert_int_equal(listfile_parse(bytes_from_str(rows[i].text), "x", &list, &error), rows[i].error);
		assert_int_equal(list.count, 77);
		listfile_error_text(&error, text, sizeof(text));
		text[strlen(rows[i].message)] = '\0';
		assert_string_equal(text, rows[i].message);
	}
}

static void nul_and_long_lines_are_refused(void **state)
{
	char line[LISTFILE_LINE_MAX + 1];
	struct listfile list;
	struct listfile_error error;

	assert_int_equal(listfile_parse(bytes_of("10.0.0.1\0", 9), "x", &list, &error), LUYTRE_E_SYNTAX);
	memset(line, ' ', sizeof(line));
	for (size_t i = 0; i < 8; i++)
		line[i] = "10.0.0.1"[i];
	assert_int_equal(listfile_parse(bytes_of(line, sizeof(line)), "x", &list, &error), LUYTRE_E_FULL);
	assert_int_equal(error.line, 1);
	assert_int_equal(listfile_parse(bytes_of(line, sizeof(line) - 1), "x", &list, &error), 0);
	assert_int_equal(list.count, 1);
	listfile_done(&list);
}

static void files_are_read(void **state)
{
	char path[] = "/tmp/luytre-list-XXXXXX", text[640];
	struct listfile list;
	struct listfile_error error;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "10.0.0.1\n10.0.0.0/8\n", 20), 20);
	assert_int_equal(listfile_read(path, &list, &error), 0);
	assert_int_equal(list.count, 2);
	listfile_done(&list);
	assert_int_equal(write(fd, "?\n", 2), 2);
	close(fd);
	assert_int_equal(listfile_read(path, &list, &error), LUYTRE_E_SYNTAX);
	assert_int_equal(error.line, 3);
	assert_string_equal(error.file, path);
	unlink(path);
	assert_int_equal(listfile_read(path, &list, &error), LUYTRE_E_IO);
	assert_non_null(strstr(listfile_error_text(&error, text, sizeof(text)), "No such file"));
	assert_int_equal(error.line, 0);
	/* A pipe without a writer must not hang the reader. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(listfile_read(path, &list, &error), LUYTRE_E_IO);
	unlink(path);
	assert_int_equal(listfile_read("/", &list, &error), LUYTRE_E_IO);
}

/* The list that the project brings along can be read, and holds what its catalogue row names. */
static void the_bogon_list_is_valid(void **state)
{
	static const char *const wanted[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001:db8::/32", "3fff::/20" };
	const char *root = getenv("LUYTRE_SOURCE_ROOT");
	char path[4096], text[640];
	struct listfile list;
	struct listfile_error error;

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/rules/shield/bogons.txt", root);
	if (listfile_read(path, &list, &error) < 0)
		fail_msg("%s", listfile_error_text(&error, text, sizeof(text)));
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		struct ip_prefix prefix;
		bool found = false;

		assert_int_equal(ip_prefix_parse(bytes_from_str(wanted[i]), 0, &prefix), 0);
		for (size_t at = 0; at < list.count; at++)
			found |= ip_prefix_equal(&list.items[at], &prefix);
		if (!found)
			fail_msg("%s is missing", wanted[i]);
	}
	for (size_t at = 0; at < list.count; at++) {
		/* What lies outside 2000::/3 is in the program, not in the list. */
		assert_true(list.items[at].addr.family == IP_V4 || list.items[at].addr.bytes[0] >> 5 == 1);
	}
	listfile_done(&list);
}

static void a_million_lines_are_read_in_time(void **state)
{
	enum { MANY = 1000000 };
	char *text = malloc(MANY * 20);
	size_t size = 0;
	struct listfile list;
	struct listfile_error error;
	uint64_t start_ns;

	assert_non_null(text);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t v = i * 2654435761u;

		size += (size_t)sprintf(text + size, "%u.%u.%u.%u\n", v >> 24, v >> 16 & 255, v >> 8 & 255, v & 255);
	}
	start_ns = clock_mono_ns();
	assert_int_equal(listfile_parse(bytes_of(text, size), "x", &list, &error), 0);
	print_message("%zu lines in %.0f ms\n", list.lines, (double)(clock_mono_ns() - start_ns) / 1e6);
	assert_true(clock_mono_ns() - start_ns < 5 * NS_PER_S);
	assert_int_equal(list.count, MANY);
	listfile_done(&list);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(faults_refuse_the_whole_file),
		cmocka_unit_test(nul_and_long_lines_are_refused),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(the_bogon_list_is_valid),
		cmocka_unit_test(a_million_lines_are_read_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
