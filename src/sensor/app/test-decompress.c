// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "sensor/app/decompress.h"

static const struct decompress_limits limits = {
	.bomb_size = 1 << 20, .bomb_ratio = 2048, .lzma_memory_size = 64 << 20
};

static const char plain[] = "the quick brown fox jumps over the lazy dog, the quick brown fox jumps again and again";

/* The text above, and 64 MiB of zeros, as brotli. */
static const uint8_t brotli_text[] = {
	0x1b,
	0x56,
	0x00,
	0x00,
	0xc4,
	0xda,
	0x86,
	0xa6,
	0x78,
	0x74,
	0x6b,
	0x51,
	0x7c,
	0x15,
	0x19,
	0x27,
	0x63,
	0xc2,
	0x06,
	0x1c,
	0x38,
	0x64,
	0x89,
	0x4e,
	0x32,
	0x00,
	0x8f,
	0x3c,
	0x6c,
	0x8c,
	0x9d,
	0x21,
	0x18,
	0x35,
	0x6e,
	0x99,
	0x51,
	0xd0,
	0x39,
	0xc2,
	0x76,
	0x9e,
	0x0a,
	0xcf,
	0x8b,
	0xb4,
	0x4a,
	0x1b,
	0xe0,
	0x96,
	0x0e,
	0xe5,
	0x30,
	0x9b,
	0xff,
	0xe0,
	0x18,
	0x34,
	0x02,
	0x4c,
	0xe8,
	0x97,
	0x85,
	0x90,
	0x0a,
};

static const uint8_t brotli_zeros[] = {
	0xcf,
	0xff,
	0xff,
	0x7f,
	0x00,
	0x20,
	0x00,
	0x06,
	0xe0,
	0x60,
	0x2c,
	0x88,
	0xc4,
	0x24,
	0x31,
	0xc0,
	0x9d,
	0x36,
	0xe3,
	0x73,
	0xef,
	0xff,
	0x09,
	0xfe,
	0xff,
	0xff,
	0x03,
	0x00,
	0x01,
	0x30,
	0x00,
	0x07,
	0x63,
	0x41,
	0x24,
	0x26,
	0x89,
	0x01,
	0xee,
	0xb4,
	0x19,
	0xae,
	0x7b,
	0xff,
	0x0f,
	0xf0,
	0xff,
	0xff,
	0x1f,
	0x00,
	0x08,
	0x80,
	0x01,
	0x38,
	0x18,
	0x0b,
	0x22,
	0x31,
	0x49,
	0x0c,
	0x70,
	0xa7,
	0xcd,
	0x70,
	0xdd,
	0xfb,
	0x7f,
	0x20,
	0xff,
	0xff,
	0xff,
	0x01,
	0x40,
	0x00,
	0x0c,
	0xc0,
	0xc1,
	0x58,
	0x10,
	0x89,
	0x49,
	0x62,
	0x80,
	0x3b,
	0x6d,
	0x86,
	0xeb,
	0xde,
	0xff,
	0x03,
};

struct output {
	uint8_t data[1 << 16];
	size_t size, total;
};

static void collect(void *context, struct bytes out)
{
	struct output *output = context;
	struct bytes kept = bytes_first(out, sizeof(output->data) - output->size);

	memcpy(output->data + output->size, kept.ptr, kept.size);
	output->size += kept.size;
	output->total += out.size;
}

/* windowBits as zlib has it: 31 gzip, 15 zlib, -15 raw. */
static size_t deflate_text(int window_bits, const void *in, size_t in_size, uint8_t *out, size_t out_size)
{
	z_stream stream = { 0 };

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (z_const Bytef *)(uintptr_t)in;
	stream.avail_in = (uInt)in_size;
	stream.next_out = out;
	stream.avail_out = (uInt)out_size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	out_size = stream.total_out;
	deflateEnd(&stream);
	return out_size;
}

static unsigned int run(const uint8_t *kinds, size_t kind_count, struct bytes in, size_t step, struct output *output)
{
	struct decompress_chain *chain = decompress_chain_new(&limits, collect, output);
	unsigned int trouble;

	output->size = output->total = 0;
	assert_non_null(chain);
	for (size_t i = 0; i < kind_count; i++)
		assert_int_equal(decompress_chain_add(chain, kinds[i]), 0);
	for (size_t at = 0; at < in.size; at += step) {
		struct bytes piece = bytes_first(bytes_skip(in, at), step);
		uint8_t *exact = malloc(piece.size);

		assert_non_null(exact);
		memcpy(exact, piece.ptr, piece.size);
		decompress_chain_feed(chain, bytes_of(exact, piece.size));
		free(exact);
	}
	decompress_chain_finish(chain);
	trouble = decompress_chain_trouble(chain);
	decompress_chain_free(chain);
	return trouble;
}

/* Whole, byte by byte and in all sizes between. */
static void expect(uint8_t kind, struct bytes in, struct bytes want, unsigned int trouble)
{
	static struct output output;

	for (size_t step = 1; step <= in.size; step++) {
		assert_int_equal(run(&kind, 1, in, step, &output), trouble);
		assert_int_equal(output.size, want.size);
		assert_memory_equal(output.data, want.ptr, want.size);
	}
}

static void formats(void **state)
{
	struct bytes want = bytes_of(plain, sizeof(plain));
	uint8_t out[4096];
	size_t size = deflate_text(31, plain, sizeof(plain), out, sizeof(out));

	expect(DECOMPRESS_GZIP, bytes_of(out, size), want, 0);
	expect(DECOMPRESS_DEFLATE, bytes_of(out, size), want, 0);
	size = deflate_text(15, plain, sizeof(plain), out, sizeof(out));
	expect(DECOMPRESS_DEFLATE, bytes_of(out, size), want, 0);
	size = deflate_text(-15, plain, sizeof(plain), out, sizeof(out));
	expect(DECOMPRESS_DEFLATE, bytes_of(out, size), want, 0);
	expect(DECOMPRESS_BROTLI, bytes_of(brotli_text, sizeof(brotli_text)), want, 0);
	size = ZSTD_compress(out, sizeof(out), plain, sizeof(plain), 3);
	expect(DECOMPRESS_ZSTD, bytes_of(out, size), want, 0);
}

static void lzma(void **state)
{
	lzma_options_lzma options;
	lzma_stream stream = LZMA_STREAM_INIT;
	uint8_t out[4096];

	assert_false(lzma_lzma_preset(&options, 0));
	assert_int_equal(lzma_alone_encoder(&stream, &options), LZMA_OK);
	stream.next_in = (const uint8_t *)plain;
	stream.avail_in = sizeof(plain);
	stream.next_out = out;
	stream.avail_out = sizeof(out);
	assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
	expect(DECOMPRESS_LZMA, bytes_of(out, stream.total_out), bytes_of(plain, sizeof(plain)), 0);
	lzma_end(&stream);
}

static void broken_headers(void **state)
{
	struct bytes want = bytes_of(plain, sizeof(plain));
	uint8_t out[4096];
	size_t size = deflate_text(31, plain, sizeof(plain), out, sizeof(out));
	uint8_t good_flags = out[3];

	for (unsigned int bit = 5; bit < 8; bit++) { /* reserved ones */
		out[3] = (uint8_t)(1u << bit);
		expect(DECOMPRESS_GZIP, bytes_of(out, size), want, 0);
	}
	out[3] = good_flags;
	out[size - 5] ^= 0xff; /* checksum */
	expect(DECOMPRESS_GZIP, bytes_of(out, size), want, 0);
	expect(DECOMPRESS_GZIP, bytes_of(out, size - 8), want, 0);
	/* A name, a comment, extra bytes and a checksum of the header. */
	memmove(out + 10 + 11, out + 10, sizeof(out) - 10 - 11);
	memcpy(out + 10,
		"\x03\x00xyz"
		"n\0c\0\x12\x34",
		11);
	out[3] = 2 | 4 | 8 | 16;
	expect(DECOMPRESS_GZIP, bytes_of(out, size + 11), want, 0);
}

static void not_compressed_at_all(void **state)
{
	static const char *const texts[] = { "{\"sdk_version\":11026}", "X5O!P%@AP[4", "plain text, long enough to see",
		"\x1f\x8b but no gzip at all, really" };
	static const uint8_t kinds[] = { DECOMPRESS_GZIP, DECOMPRESS_DEFLATE, DECOMPRESS_BROTLI, DECOMPRESS_ZSTD };
	static struct output output;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t k = 0; k < sizeof(kinds); k++) {
			struct bytes in = bytes_from_str(texts[i]);

			if (kinds[k] == DECOMPRESS_DEFLATE && texts[i][0] == '{')
				continue; /* reads as the start of a stream */
			assert_int_equal(run(&kinds[k], 1, in, in.size, &output), DECOMPRESS_FAILED);
			assert_int_equal(output.size, in.size);
			assert_memory_equal(output.data, in.ptr, in.size);
		}
}

static void layers(void **state)
{
	static const uint8_t kinds[] = { DECOMPRESS_GZIP, DECOMPRESS_DEFLATE, DECOMPRESS_GZIP };
	static struct output output;
	uint8_t first[4096], second[4096], third[4096];
	size_t size = deflate_text(31, plain, sizeof(plain), first, sizeof(first));

	size = deflate_text(-15, first, size, second, sizeof(second));
	size = deflate_text(31, second, size, third, sizeof(third));
	for (size_t step = 1; step <= size; step++) {
		assert_int_equal(run(kinds, 3, bytes_of(third, size), step, &output), 0);
		assert_int_equal(output.size, sizeof(plain));
		assert_memory_equal(output.data, plain, sizeof(plain));
	}
}

static void gzip_members(void **state)
{
	static struct output output;
	uint8_t out[4096], kind = DECOMPRESS_GZIP;
	size_t size = deflate_text(31, plain, sizeof(plain), out, sizeof(out));

	memcpy(out + size, out, size);
	assert_int_equal(run(&kind, 1, bytes_of(out, 2 * size), 2 * size, &output), 0);
	assert_int_equal(output.size, 2 * sizeof(plain));
}

static void bombs_are_cut(void **state)
{
	static const uint8_t kinds[] = { DECOMPRESS_GZIP, DECOMPRESS_GZIP };
	static struct output output;
	size_t zeros_size = 16 << 20;
	uint8_t *zeros = calloc(1, zeros_size), *once = malloc(1 << 16), twice[4096];
	size_t size;

	assert_non_null(zeros);
	assert_non_null(once);
	size = deflate_text(31, zeros, zeros_size, once, 1 << 16);
	size = deflate_text(31, once, size, twice, sizeof(twice));
	assert_int_equal(run(kinds, 1, bytes_of(once, 1), 1, &output), DECOMPRESS_FAILED);
	assert_true(run(kinds, 2, bytes_of(twice, size), size, &output) == 0);
	assert_int_equal(output.total, zeros_size); /* a ratio of a thousand is what deflate can do */
	free(zeros);
	free(once);
}

static void brotli_bomb(void **state)
{
	static const uint8_t kind = DECOMPRESS_BROTLI;
	static struct output output;
	struct bytes in = bytes_of(brotli_zeros, sizeof(brotli_zeros));

	assert_int_equal(run(&kind, 1, in, in.size, &output), DECOMPRESS_BOMB);
	assert_true(output.total < 32 << 20);
}

static void too_many_layers(void **state)
{
	struct decompress_chain *chain = decompress_chain_new(&limits, collect, NULL);

	assert_non_null(chain);
	for (unsigned int i = 0; i < DECOMPRESS_LAYERS_MAX; i++)
		assert_int_equal(decompress_chain_add(chain, DECOMPRESS_GZIP), 0);
	assert_int_not_equal(decompress_chain_add(chain, DECOMPRESS_GZIP), 0);
	decompress_chain_free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(lzma),
		cmocka_unit_test(broken_headers),
		cmocka_unit_test(not_compressed_at_all),
		cmocka_unit_test(layers),
		cmocka_unit_test(gzip_members),
		cmocka_unit_test(bombs_are_cut),
		cmocka_unit_test(brotli_bomb),
		cmocka_unit_test(too_many_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
