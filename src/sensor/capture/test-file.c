// SPDX-License-Identifier: Apache-2.0
/* Capture files written here byte by byte: every format, byte order and clock; packed; cut at every offset; damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define ZLIB_CONST /* its input is const */
#include <zlib.h>
#include <zstd.h>

#include "sensor/capture/file.h"

/* A file that is being written. */
struct writer {
	uint8_t data[8192];
	size_t size;
	bool big;
};

static void put(struct writer *writer, const void *data, size_t size)
{
	assert_true(writer->size + size <= sizeof(writer->data));
	memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

static void put_number(struct writer *writer, uint64_t value, size_t size)
{
	uint8_t digits[8];

	for (size_t i = 0; i < size; i++)
		digits[writer->big ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
	put(writer, digits, size);
}

static void put16(struct writer *writer, uint16_t value)
{
	put_number(writer, value, 2);
}

static void put32(struct writer *writer, uint32_t value)
{
	put_number(writer, value, 4);
}

static void pcap_begin(struct writer *writer, bool big, uint32_t magic, uint32_t snap_size, uint32_t linktype)
{
	*writer = (struct writer){ .big = big };
	put32(writer, magic);
	put16(writer, 2);
	put16(writer, 4);
	put32(writer, 0);
	put32(writer, 0);
	put32(writer, snap_size);
	put32(writer, linktype);
}

static void pcap_frame(struct writer *writer, uint32_t s, uint32_t fraction, const char *data, uint32_t wire_size)
{
	put32(writer, s);
	put32(writer, fraction);
	put32(writer, (uint32_t)strlen(data));
	put32(writer, wire_size);
	put(writer, data, strlen(data));
}

static void section(struct writer *writer, bool big)
{
	writer->big = big;
	put32(writer, 0x0a0d0d0a);
	put32(writer, 28);
	put32(writer, 0x1a2b3c4d);
	put16(writer, 1);
	put16(writer, 0);
	put_number(writer, UINT64_MAX, 8);
	put32(writer, 28);
}

/* Any block; 'body' may hold numbers of the right byte order already. */
static void block(struct writer *writer, uint32_t type, const struct writer *body)
{
	static const uint8_t zeros[4];
	uint32_t size = (uint32_t)(12 + ((body->size + 3) & ~(size_t)3));

	put32(writer, type);
	put32(writer, size);
	put(writer, body->data, body->size);
	put(writer, zeros, -body->size & 3);
	put32(writer, size);
}

/* 'resolution' 0: none given. */
static void interface(
	struct writer *writer, uint16_t linktype, uint32_t snap_size, uint8_t resolution, int64_t offset_s)
{
	struct writer body = { .big = writer->big };

	put16(&body, linktype);
	put16(&body, 0);
	put32(&body, snap_size);
	put16(&body, 2); /* if_name, to be passed over with its padding */
	put16(&body, 5);
	put(&body, "eth00\0\0\0", 8);
	if (resolution != 0) {
		put16(&body, 9);
		put16(&body, 1);
		put(&body, &resolution, 1);
		put(&body, "\0\0\0", 3);
	}
	if (offset_s != 0) {
		put16(&body, 14);
		put16(&body, 8);
		put_number(&body, (uint64_t)offset_s, 8);
	}
	put32(&body, 0);
	block(writer, 1, &body);
}

static void enhanced(struct writer *writer, uint32_t number, uint64_t ticks, const char *data, uint32_t wire_size)
{
	struct writer body = { .big = writer->big };

	put32(&body, number);
	put32(&body, (uint32_t)(ticks >> 32));
	put32(&body, (uint32_t)ticks);
	put32(&body, (uint32_t)strlen(data));
	put32(&body, wire_size);
	put(&body, data, strlen(data));
	block(writer, 6, &body);
}

static struct capture_file *open_memory(const void *data, size_t size)
{
	char message[CAPTURE_MESSAGE_SIZE] = "";
	struct capture_file *file = NULL;

	if (capture_file_open_memory(bytes_of(data, size), "memory", message, &file) != 0)
		fail_msg("%s", message);
	return file;
}

static void check_frame(struct capture_file *file, const char *data, uint64_t time_ns, uint32_t linktype)
{
	struct capture_frame frame;
	int found = capture_file_next(file, &frame);

	if (found != 1)
		fail_msg("no frame, expected \"%s\": %s", data, capture_file_message(file));
	assert_int_equal(frame.data.size, strlen(data));
	assert_memory_equal(frame.data.ptr, data, frame.data.size);
	assert_int_equal(frame.time_ns, time_ns);
	assert_int_equal(frame.time_s, time_ns / 1000000000);
	assert_int_equal(frame.time_us, time_ns / 1000 % 1000000);
	assert_int_equal(frame.linktype, linktype);
}

static void check_end(struct capture_file *file, int expected)
{
	struct capture_frame frame;

	assert_int_equal(capture_file_next(file, &frame), expected);
	assert_int_equal(capture_file_next(file, &frame), expected);
	assert_int_equal(capture_file_message(file)[0] != '\0', expected < 0);
	capture_file_close(file);
}

static void test_pcap(void **state)
{
	static const struct {
		uint32_t magic;
		bool big;
		uint64_t first_ns;
	} rows[] = {
		{ 0xa1b2c3d4, false, UINT64_C(1700000000999999000) },
		{ 0xa1b2c3d4, true, UINT64_C(1700000000999999000) },
		{ 0xa1b23c4d, false, UINT64_C(1700000000000999999) },
		{ 0xa1b23c4d, true, UINT64_C(1700000000000999999) },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct writer writer;
		struct capture_file *file;
		struct capture_frame frame;

		pcap_begin(&writer, rows[i].big, rows[i].magic, 65535, 0xf0000065);
		pcap_frame(&writer, 1700000000, 999999, "first", 1500);
		pcap_frame(&writer, 1700000001, 0, "", 0);
		pcap_frame(&writer, UINT32_MAX, 0, "last", 4);
		file = open_memory(writer.data, writer.size);
		assert_string_equal(capture_file_name(file), "memory");
		check_frame(file, "first", rows[i].first_ns, 101);
		check_frame(file, "", UINT64_C(1700000001000000000), 101);
		assert_int_equal(capture_file_next(file, &frame), 1);
		assert_int_equal(frame.number, 3);
		assert_int_equal(frame.wire_size, 4);
		assert_int_equal(frame.time_s, UINT32_MAX);
		check_end(file, 0);
	}
}

/* What broken programs write: a fraction above a second; a frame longer than the file says frames are. */
static void test_pcap_odd(void **state)
{
	struct writer writer;
	struct capture_file *file;

	pcap_begin(&writer, false, 0xa1b2c3d4, 4, 1);
	pcap_frame(&writer, 10, 2500000, "abcdef", 6);
	pcap_frame(&writer, 11, 0, "ghi", 3);
	file = open_memory(writer.data, writer.size);
	check_frame(file, "abcd", UINT64_C(12500000000), 1);
	check_frame(file, "ghi", UINT64_C(11000000000), 1);
	check_end(file, 0);
}

static void pcapng_write(struct writer *writer)
{
	struct writer body;

	*writer = (struct writer){ 0 };
	section(writer, false);
	interface(writer, 1, 0, 0, 0);
	body = (struct writer){ .size = 100 };
	block(writer, 0x0bad, &body); /* unknown */
	interface(writer, 101, 3, 9, 0);
	enhanced(writer, 0, UINT64_C(1700000000123456), "one", 60);
	enhanced(writer, 1, UINT64_C(1700000000123456789), "three", 5);
	body = (struct writer){ .big = false };
	put32(&body, 4); /* simple: all of it, since interface 0 cuts nothing */
	put(&body, "four", 4);
	block(writer, 3, &body);
	body = (struct writer){ .big = false };
	put16(&body, 1); /* the obsolete block */
	put16(&body, 7);
	put32(&body, 0);
	put32(&body, 1000000007);
	put32(&body, 2);
	put32(&body, 2);
	put(&body, "ob", 2);
	block(writer, 2, &body);

	section(writer, true);
	interface(writer, 113, 2, 0, -1000);
	interface(writer, 1, 0, 0x8a, 5);
	enhanced(writer, 0, UINT64_C(1700000000000001), "big", 3);
	enhanced(writer, 0, UINT64_C(999000000), "before 1970", 11);
	enhanced(writer, 1, 1024 + 512, "binary", 6);
	body = (struct writer){ .big = true };
	put32(&body, 9);
	put(&body, "si", 2);
	block(writer, 3, &body);
}

static void check_pcapng(struct capture_file *file)
{
	struct capture_frame frame;

	check_frame(file, "one", UINT64_C(1700000000123456000), 1);
	check_frame(file, "three", UINT64_C(1700000000123456789), 101);
	check_frame(file, "four", 0, 1);
	check_frame(file, "ob", UINT64_C(1000000007), 101);
	check_frame(file, "big", UINT64_C(1699999000000001000), 113);
	check_frame(file, "before 1970", 0, 113);
	assert_int_equal(capture_file_next(file, &frame), 1);
	assert_int_equal(frame.time_ns, UINT64_C(6500000000));
	assert_int_equal(frame.interface, 1);
	assert_int_equal(frame.number, 7);
	assert_int_equal(capture_file_next(file, &frame), 1);
	assert_int_equal(frame.data.size, 2);
	assert_int_equal(frame.wire_size, 9);
	check_end(file, 0);
}

static void test_pcapng(void **state)
{
	struct writer writer;

	pcapng_write(&writer);
	check_pcapng(open_memory(writer.data, writer.size));
}

/* A file that ends too early: whole frames come, then an error, unless the cut is between two records. */
static void check_cuts(const struct writer *writer, size_t header_size)
{
	unsigned int clean_count = 0;

	for (size_t cut = 0; cut < writer->size; cut++) {
		char message[CAPTURE_MESSAGE_SIZE] = "";
		/* Its own allocation, so that the sanitizer sees the end. */
		uint8_t *data = malloc(cut != 0 ? cut : 1);
		struct capture_file *file;
		struct capture_frame frame;
		int found;

		assert_non_null(data);
		memcpy(data, writer->data, cut);
		found = capture_file_open_memory(bytes_of(data, cut), "memory", message, &file);
		if (found == 0) {
			assert_true(cut >= header_size);
			while ((found = capture_file_next(file, &frame)) == 1)
				assert_true(frame.data.size <= cut);
			assert_true(found == 0 || found == LUYTRE_E_TRUNCATED);
			clean_count += found == 0;
			capture_file_close(file);
		} else {
			assert_true(cut < header_size);
			assert_true(found == LUYTRE_E_SYNTAX || found == LUYTRE_E_TRUNCATED);
			assert_true(message[0] != '\0');
		}
		free(data);
	}
	assert_true(clean_count > 1 && clean_count < 20);
}

static void test_cut(void **state)
{
	struct writer writer;

	pcap_begin(&writer, true, 0xa1b2c3d4, 65535, 1);
	pcap_frame(&writer, 1, 2, "first", 5);
	pcap_frame(&writer, 1, 2, "second", 6);
	check_cuts(&writer, 24);
	pcapng_write(&writer);
	check_cuts(&writer, 28);
}

static void test_damaged(void **state)
{
	static const struct {
		const char *what;
		size_t at; /* a byte of the file of test_pcapng that is replaced */
		uint8_t value;
		int error;
	} rows[] = {
		{ "block size below the least", 32, 8, LUYTRE_E_CORRUPT },
		{ "second size of a held block", 28 + 36 - 4, 37, LUYTRE_E_CORRUPT },
		{ "size of a held block", 28 + 7, 0x7f, LUYTRE_E_CORRUPT },
		{ "option size", 28 + 19, 0xff, LUYTRE_E_CORRUPT },
	};
	struct writer writer;
	struct capture_frame frame;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct capture_file *file;
		int found;

		pcapng_write(&writer);
		writer.data[rows[i].at] = rows[i].value;
		file = open_memory(writer.data, writer.size);
		found = capture_file_next(file, &frame);
		if (found != rows[i].error)
			fail_msg("%s: %d %s", rows[i].what, found, capture_file_message(file));
		check_end(file, rows[i].error);
	}

	pcap_begin(&writer, false, 0xa1b2c3d4, 65535, 1);
	pcap_frame(&writer, 1, 2, "first", 5);
	put32(&writer, 1);
	put32(&writer, 2);
	put32(&writer, CAPTURE_FRAME_MAX + 1);
	put32(&writer, 60);
	{
		struct capture_file *file = open_memory(writer.data, writer.size);

		check_frame(file, "first", 1000002000, 1);
		check_end(file, LUYTRE_E_CORRUPT);
	}
}

/* Frames that name what the section does not have, and sizes beyond their block. */
static void test_damaged_frames(void **state)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct writer writer = { 0 };
		struct writer body = { 0 };

		section(&writer, false);
		if (i != 2)
			interface(&writer, 1, 0, 0, 0);
		put32(&body, i == 0 ? 1 : 0);
		put32(&body, 0);
		put32(&body, 0);
		put32(&body, i == 1 ? 5 : 4);
		put32(&body, 4);
		put(&body, "four", 4);
		block(&writer, 6, &body);
		check_end(open_memory(writer.data, writer.size), LUYTRE_E_CORRUPT);
	}
}

/* Clocks that cannot be: 10^20 and 2^64 ticks a second. */
static void test_resolutions(void **state)
{
	static const struct {
		uint8_t resolution;
		uint64_t ticks;
		uint64_t ns; /* 0: refused */
	} rows[] = {
		{ 1, 15, 1500000000 },
		{ 12, UINT64_C(1500000000999), 1500000000 },
		{ 19, UINT64_C(15000000000000000000), 1500000000 },
		{ 0x81, 3, 1500000000 },
		{ 0xbf, UINT64_C(0xc000000000000000), 1500000000 },
		{ 20, 1, 0 },
		{ 0xc0, 1, 0 },
		{ 127, 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct writer writer = { 0 };
		struct capture_file *file;

		section(&writer, false);
		interface(&writer, 1, 0, rows[i].resolution, 0);
		enhanced(&writer, 0, rows[i].ticks, "x", 1);
		file = open_memory(writer.data, writer.size);
		if (rows[i].ns != 0)
			check_frame(file, "x", rows[i].ns, 1);
		check_end(file, rows[i].ns != 0 ? 0 : LUYTRE_E_CORRUPT);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		int error;
	} rows[] = {
		{ "", 0, LUYTRE_E_SYNTAX },
		{ "abc", 3, LUYTRE_E_SYNTAX },
		{ "not a capture file at all, not even nearly", 42, LUYTRE_E_SYNTAX },
		{ "\xd4\xc3\xb2\xa1\x02\0", 6, LUYTRE_E_TRUNCATED },
		{ "\xd4\xc3\xb2\xa1\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 24, LUYTRE_E_UNSUPPORTED },
		{ "\x0a\x0d\x0d\x0a\x1c\0\0\0", 8, LUYTRE_E_TRUNCATED },
		{ "\x0a\x0d\x0d\x0a\x1c\0\0\0abcd\1\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0", 28, LUYTRE_E_CORRUPT },
		{ "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\2\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0", 28,
			LUYTRE_E_UNSUPPORTED },
		{ "\x0a\x0d\x0d\x0a\x1b\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0", 28,
			LUYTRE_E_CORRUPT },
		{ "\x1f\x8b nothing packed", 18, LUYTRE_E_CORRUPT },
		{ "\x1f\x8b\x08\0", 4, LUYTRE_E_TRUNCATED },
		{ "\x28\xb5\x2f\xfd nothing packed", 18, LUYTRE_E_CORRUPT },
		{ "\x28\xb5\x2f\xfd", 4, LUYTRE_E_TRUNCATED },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char message[CAPTURE_MESSAGE_SIZE] = "";
		struct capture_file *file = NULL;
		int error = capture_file_open_memory(bytes_of(rows[i].data, rows[i].size), "memory", message, &file);

		if (error != rows[i].error)
			fail_msg("row %zu: %d %s", i, error, message);
		assert_memory_equal(message, "memory: ", 8);
		assert_null(file);
	}
}

/* ---- Packed ---- */

static size_t gzip_pack(const uint8_t *data, size_t size, uint8_t *ret, size_t room_size)
{
	z_stream stream = { 0 };
	size_t packed_size;

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = data;
	stream.avail_in = (uInt)size;
	stream.next_out = ret;
	stream.avail_out = (uInt)room_size;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed_size = room_size - stream.avail_out;
	deflateEnd(&stream);
	return packed_size;
}

static size_t zstd_pack(const uint8_t *data, size_t size, uint8_t *ret, size_t room_size)
{
	size_t packed_size = ZSTD_compress(ret, room_size, data, size, 1);

	assert_false(ZSTD_isError(packed_size));
	return packed_size;
}

typedef size_t (*pack_fn)(const uint8_t *data, size_t size, uint8_t *ret, size_t room_size);

static const pack_fn packs[] = { gzip_pack, zstd_pack };

/* In two members, cut inside a record, and, for gzip, with zeros behind. */
static void test_packed(void **state)
{
	struct writer writer;
	uint8_t packed[8192] = { 0 };

	pcapng_write(&writer);
	for (size_t i = 0; i < ARRAY_COUNT(packs); i++) {
		size_t size = packs[i](writer.data, 101, packed, sizeof(packed));

		size += packs[i](writer.data + 101, writer.size - 101, packed + size, sizeof(packed) - size);
		check_pcapng(open_memory(packed, size));
		if (i == 0) {
			memset(packed + size, 0, 1000);
			check_pcapng(open_memory(packed, size + 1000));
		}
	}
}

/* The frames before the place come, and the error says what happened. */
static void test_packed_damaged(void **state)
{
	struct writer writer;
	uint8_t packed[8192];

	pcapng_write(&writer);
	for (size_t i = 0; i < ARRAY_COUNT(packs); i++) {
		size_t first_size = packs[i](writer.data, writer.size, packed, sizeof(packed));
		size_t size = first_size +
			      packs[i](writer.data, writer.size, packed + first_size, sizeof(packed) - first_size);
		struct capture_frame frame;
		struct capture_file *file;
		int found;

		for (size_t cut = 1; cut < size; cut++) {
			char message[CAPTURE_MESSAGE_SIZE];

			found = capture_file_open_memory(bytes_of(packed, cut), "memory", message, &file);
			if (found != 0)
				continue;
			while ((found = capture_file_next(file, &frame)) == 1)
				assert_true(frame.number <= 16);
			assert_int_equal(found, cut == first_size ? 0 : LUYTRE_E_TRUNCATED);
			capture_file_close(file);
		}
		memcpy(packed + first_size, "neither zeros nor packed", 24);
		file = open_memory(packed, size);
		for (unsigned int n = 0; n < 8; n++)
			assert_int_equal(capture_file_next(file, &frame), 1);
		check_end(file, LUYTRE_E_CORRUPT);
	}
}

/* ---- Files and pipes ---- */

/* Larger than all buffers, so that frames lie across the ends of reads. */
static void write_long(FILE *stream, unsigned int frames_count)
{
	static uint8_t data[CAPTURE_FRAME_MAX];
	struct writer writer;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	pcap_begin(&writer, false, 0xa1b2c3d4, 0, 1);
	for (unsigned int i = 0; i < frames_count; i++) {
		uint32_t size = i % 100 == 7 ? CAPTURE_FRAME_MAX : i * 37 % 1600;

		put32(&writer, i);
		put32(&writer, 0);
		put32(&writer, size);
		put32(&writer, size);
		assert_int_equal(fwrite(writer.data, 1, writer.size, stream), writer.size);
		assert_int_equal(fwrite(data, 1, size, stream), size);
		writer.size = 0;
	}
}

static void check_long(struct capture_file *file, unsigned int frames_count)
{
	struct capture_frame frame;

	for (unsigned int i = 0; i < frames_count; i++) {
		uint32_t size = i % 100 == 7 ? CAPTURE_FRAME_MAX : i * 37 % 1600;

		assert_int_equal(capture_file_next(file, &frame), 1);
		assert_int_equal(frame.data.size, size);
		assert_int_equal(frame.time_s, i);
		assert_int_equal(frame.number, i + 1);
		for (uint32_t at = 0; at<size; at += size> 2000 ? 997 : 61)
			assert_int_equal(frame.data.ptr[at], (uint8_t)(at * 7));
	}
	check_end(file, 0);
}

static void test_long_file(void **state)
{
	char path[] = "/tmp/test-capture-file-XXXXXX";
	char message[CAPTURE_MESSAGE_SIZE];
	struct capture_file *file;
	int fd = mkstemp(path);
	FILE *stream;
	int saved;

	assert_true(fd >= 0);
	stream = fdopen(fd, "w");
	assert_non_null(stream);
	write_long(stream, 2000);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(capture_file_open(path, message, &file), 0);
	check_long(file, 2000);

	saved = dup(STDIN_FILENO);
	assert_non_null(freopen(path, "r", stdin));
	assert_int_equal(capture_file_open("-", message, &file), 0);
	assert_string_equal(capture_file_name(file), "standard input");
	check_long(file, 2000);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	unlink(path);
	assert_int_equal(capture_file_open(path, message, &file), LUYTRE_E_NOT_FOUND);
	assert_non_null(strstr(message, path));
	assert_int_equal(capture_file_open("/tmp", message, &file), LUYTRE_E_INVALID);
}

/* A writer that stops in the middle of everything: what is whole comes at once, without waiting for more. */
static void test_pipe(void **state)
{
	char message[CAPTURE_MESSAGE_SIZE];
	struct capture_file *file;
	struct writer writer;
	int ends[2];

	pcap_begin(&writer, false, 0xa1b2c3d4, 65535, 1);
	pcap_frame(&writer, 1, 0, "first", 5);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], writer.data, writer.size), writer.size);
	assert_int_equal(capture_file_open_fd(ends[0], "pipe", message, &file), 0);
	check_frame(file, "first", 1000000000, 1);
	writer.size = 0;
	pcap_frame(&writer, 2, 0, "second", 6);
	assert_int_equal(write(ends[1], writer.data, writer.size), writer.size);
	check_frame(file, "second", 2000000000, 1);
	assert_int_equal(write(ends[1], writer.data, 10), 10);
	close(ends[1]);
	check_end(file, LUYTRE_E_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_pcap_odd),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_damaged_frames),
		cmocka_unit_test(test_resolutions),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_packed_damaged),
		cmocka_unit_test(test_long_file),
		cmocka_unit_test(test_pipe),
	};

	capture_file_close(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
