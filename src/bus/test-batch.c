// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/error.h"
#include "bus/batch.h"

static const struct batch_head head = { .edge = 12,
	.boot = "0123456789abcdef0123456789abcdef",
	.seq = 77,
	.made_us = 1700000000000000,
	.lost = 3,
	.policy = 9,
	.epoch = 1,
	.have = 4711 };

static struct bytes pack(struct batch_writer *writer, unsigned int lines)
{
	struct bytes packed;
	char line[64];

	for (unsigned int i = 0; i < lines; i++) {
		snprintf(line, sizeof(line), "{\"event_type\":\"alert\",\"n\":%u}", i);
		assert_int_equal(batch_add(writer, bytes_from_str(line)), 0);
	}
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	return packed;
}

static void test_round(void **state)
{
	static const unsigned int counts[] = { 0, 1, 2, 1000, BATCH_LINES_MAX };
	struct batch_writer *writer;

	assert_int_equal(batch_writer_new(&writer), 0);
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct bytes packed = pack(writer, counts[i]), line;
		struct batch batch;
		size_t pos = 0;
		unsigned int count = 0;
		char expected[64];

		assert_int_equal(batch_open(packed, &batch), 0);
		assert_memory_equal(&batch.head, &head, sizeof(head));
		assert_string_equal(batch.id, "12-0123456789abcdef-77");
		assert_int_equal(batch.line_count, counts[i]);
		while (batch_next(&batch, &pos, &line)) {
			snprintf(expected, sizeof(expected), "{\"event_type\":\"alert\",\"n\":%u}", count++);
			assert_true(bytes_equal_str(line, expected));
		}
		assert_int_equal(count, counts[i]);
		batch_done(&batch);
	}
	batch_writer_free(writer);
}

/* What cannot be compressed is the largest there is. */
static void test_bounds(void **state)
{
	struct batch_writer *writer;
	struct bytes packed;
	struct batch batch;
	char *line = malloc(BATCH_LINE_MAX + 1);
	uint32_t random = 1, count = 0;

	assert_non_null(line);
	assert_int_equal(batch_writer_new(&writer), 0);
	assert_int_equal(batch_add(writer, bytes_from_str("")), LUYTRE_E_INVALID);
	assert_int_equal(batch_add(writer, bytes_from_str("a\nb")), LUYTRE_E_INVALID);
	for (;;) {
		for (size_t i = 0; i <= BATCH_LINE_MAX; i++) {
			random = random * 1664525 + 1013904223;
			line[i] = (char)((random >> 24) == '\n' ? 'x' : random >> 24);
		}
		assert_int_equal(batch_add(writer, bytes_of(line, BATCH_LINE_MAX + 1)), LUYTRE_E_FULL);
		if (batch_add(writer, bytes_of(line, BATCH_LINE_MAX)))
			break;
		count++;
	}
	assert_int_equal(count, BATCH_WRITE_MAX / (BATCH_LINE_MAX + 1));
	assert_int_equal(batch_pack(writer, &head, &packed), 0);
	assert_true(packed.size <= BATCH_PACKED_MAX);
	assert_int_equal(batch_open(packed, &batch), 0);
	assert_int_equal(batch.line_count, count);
	batch_done(&batch);
	assert_int_equal(batch_line_count(writer), 0);
	free(line);
	batch_writer_free(writer);
}

static void test_altered(void **state)
{
	struct batch_writer *writer;
	struct bytes packed;
	struct batch batch;

	assert_int_equal(batch_writer_new(&writer), 0);
	packed = pack(writer, 20);
	for (size_t i = 0; i < packed.size; i++) {
		uint8_t *copy = malloc(i ? i : 1);

		assert_non_null(copy);
		memcpy(copy, packed.ptr, i);
		assert_int_not_equal(batch_open(bytes_of(copy, i), &batch), 0);
		free(copy);
	}
	for (size_t bit = 0; bit < 8 * packed.size; bit++) {
		uint8_t *copy = malloc(packed.size);

		assert_non_null(copy);
		memcpy(copy, packed.ptr, packed.size);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!batch_open(bytes_of(copy, packed.size), &batch))
			batch_done(&batch);
		free(copy);
	}
	batch_writer_free(writer);
}

static int open_text(const char *text, size_t size)
{
	uint8_t *packed = malloc(ZSTD_compressBound(size));
	struct batch batch;
	int error;

	assert_non_null(packed);
	error = batch_open(bytes_of(packed, ZSTD_compress(packed, ZSTD_compressBound(size), text, size, 1)), &batch);
	if (!error)
		batch_done(&batch);
	free(packed);
	return error;
}

#define HEAD(v, edge, boot, seq)                                                                                       \
	"{\"v\":" v ",\"edge\":" edge ",\"boot\":\"" boot "\",\"seq\":" seq                                            \
	",\"made\":1,\"lost\":0,\"policy\":0,\"epoch\":0,\"have\":0}"
#define BOOT "0123456789abcdef0123456789abcdef"

static void test_form(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ HEAD("1", "1", BOOT, "1") "\n", 0 },
		{ HEAD("1", "1", BOOT, "1") "\n{}\n", 0 },
		{ HEAD("2", "1", BOOT, "1") "\n", LUYTRE_E_VERSION },
		{ HEAD("1", "1", BOOT, "0") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "-1", BOOT, "1") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "4294967296", BOOT, "1") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "1", "0123", "1") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "1", "0123456789abcdef0123456789abcdeF", "1") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "1", BOOT, "\"1\"") "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "1", BOOT, "1"), LUYTRE_E_SYNTAX },
		{ "[]\n", LUYTRE_E_SYNTAX },
		{ "\n", LUYTRE_E_SYNTAX },
		{ HEAD("1", "1", BOOT, "1") "\n{}", LUYTRE_E_TRUNCATED },
		{ HEAD("1", "1", BOOT, "1") "\n\n", LUYTRE_E_CORRUPT },
	};
	char *bomb = calloc(1, BATCH_TEXT_MAX + 1);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(open_text(rows[i].text, strlen(rows[i].text)), rows[i].error);
	assert_non_null(bomb);
	assert_int_equal(open_text(bomb, BATCH_TEXT_MAX + 1), LUYTRE_E_FULL);
	free(bomb);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_altered), cmocka_unit_test(test_form) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
