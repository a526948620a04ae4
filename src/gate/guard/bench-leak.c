// SPDX-License-Identifier: Apache-2.0
/* Measures the leak guard on kinds of responses.
 *
 *	bench-leak [FILE...]		also on these files
 *
 * Texts of 8 MiB in pieces of 16 KiB, the best of five; figures in megabytes (1,000,000 bytes) a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/guard/leak.h"

enum { TEXT_SIZE = 8 << 20, PIECE = 16384, ROUNDS = 5 };

static uint64_t random_state = 1;

static unsigned int next_random(unsigned int below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(random_state >> 33) % below;
}

static size_t put_html(char *out, size_t room)
{
	return (size_t)snprintf(out, room,
		"<div class=\"col-12 item\"><a href=\"/tin-tuc/bai-%u.html\" title=\"Thông báo\">Ủy ban nhân dân tỉnh "
		"thông báo "
		"về việc tiếp nhận hồ sơ</a><span>%02u/%02u/2026</span><p>Người dân nộp hồ sơ tại bộ phận một cửa hoặc "
		"qua cổng "
		"dịch vụ công; thời hạn giải quyết là %u ngày làm việc.</p></div>\n",
		next_random(100000), 1 + next_random(28), 1 + next_random(12), next_random(30));
}

static size_t put_json(char *out, size_t room)
{
	return (size_t)snprintf(out, room,
		"{\"id\":%u,\"name\":\"Sản phẩm %u\",\"price\":%u000,\"tags\":[\"mới\",\"giảm "
		"giá\"],\"description\":\"Hàng chính "
		"hãng, bảo hành %u tháng, giao trong ngày\",\"updated\":\"2026-11-%02uT08:30:00Z\"},",
		next_random(1000000), next_random(1000), 10 + next_random(9000), next_random(36), 1 + next_random(28));
}

static size_t put_numbers(char *out, size_t room)
{
	return (size_t)snprintf(out, room, "%09u,1730%09u,%u.%06u\n", next_random(1000000000), next_random(1000000000),
		next_random(180), next_random(1000000));
}

static size_t put_people(char *out, size_t room)
{
	return (size_t)snprintf(out, room, "{\"hoTen\":\"Nguyễn Văn An\",\"cccd\":\"079099%06u\",\"sdt\":\"09%08u\"},",
		next_random(1000000), next_random(100000000));
}

static void measure(const char *name, struct bytes text)
{
	struct leak_settings settings;
	struct leak_result result = { 0 };
	uint64_t best_ns = UINT64_MAX;

	leak_settings_default(&settings, 2026);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct leak_scan *scan = leak_scan_new(&settings);
		uint64_t start_ns = clock_mono_ns(), ns;

		if (!scan)
			exit(1);
		for (size_t at = 0; at < text.size; at += PIECE)
			leak_scan_text(scan, bytes_first(bytes_skip(text, at), PIECE));
		leak_scan_end(scan);
		ns = clock_mono_ns() - start_ns;
		best_ns = ns < best_ns ? ns : best_ns;
		result = *leak_scan_result(scan);
		leak_scan_free(scan);
	}
	printf("%-24s %8.0f MB/s  citizen %u phone %u tax %u card %u verdict %d\n", name,
		(double)text.size * 1000.0 / (double)best_ns, result.found[LEAK_CITIZEN], result.found[LEAK_PHONE],
		result.found[LEAK_TAX_CODE], result.found[LEAK_CARD], result.verdict);
}

static void measure_made(const char *name, size_t (*put)(char *out, size_t room))
{
	char *text = malloc(TEXT_SIZE + 1024);
	size_t size = 0;

	if (!text)
		exit(1);
	while (size < TEXT_SIZE)
		size += put(text + size, 1024);
	measure(name, bytes_of(text, size));
	free(text);
}

static void measure_file(const char *name)
{
	FILE *file = fopen(name, "re");
	char *text = malloc(TEXT_SIZE);
	size_t size = file && text ? fread(text, 1, TEXT_SIZE, file) : 0;

	if (size != 0)
		measure(name, bytes_of(text, size));
	free(text);
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	measure_made("page", put_html);
	measure_made("api list", put_json);
	measure_made("columns of numbers", put_numbers);
	measure_made("records of people", put_people);
	for (int i = 1; i < argc; i++)
		measure_file(argv[i]);
	return 0;
}
