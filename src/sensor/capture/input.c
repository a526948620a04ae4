// SPDX-License-Identifier: Apache-2.0
/* Bytes of a capture file, unpacked on the way when they are compressed. A file of several gzip members or zstd frames,
 * one behind the other, is one file; whatever follows the last member and is none itself is an error, except zeros
 * behind gzip, which tapes leave. */
#include "sensor/capture/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PACKED_SIZE 65536

struct capture_input {
	int fd; /* owned; below 0 for memory */
	struct bytes memory; /* borrowed; what is left of it */
	int (*read)(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size);
	uint8_t *packed; /* owned: bytes as they stand in the file */
	size_t packed_begin;
	size_t packed_end;
	bool packed_ended;
	bool between_members; /* nothing is lost when the file ends here */
	bool inflating;
	z_stream inflate; /* valid when 'inflating' */
	ZSTD_DCtx *zstd; /* owned; null without zstd */
};

/* Reads bytes as they stand in the file. */
static int raw_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size)
{
	ssize_t got;

	if (input->fd < 0) {
		*ret_size = size < input->memory.size ? size : input->memory.size;
		if (*ret_size != 0)
			memcpy(ret, input->memory.ptr, *ret_size);
		input->memory = bytes_skip(input->memory, *ret_size);
		return 0;
	}
	do
		got = read(input->fd, ret, size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EISDIR ? LUYTRE_E_INVALID : LUYTRE_E_IO;
	*ret_size = (size_t)got;
	return 0;
}

/* Makes at least one byte lie in 'packed', unless the file has ended. */
static int packed_fill(struct capture_input *input)
{
	size_t got;
	int error;

	if (input->packed_begin != input->packed_end || input->packed_ended)
		return 0;
	error = raw_read(input, input->packed, PACKED_SIZE, &got);
	if (error != 0)
		return error;
	input->packed_begin = 0;
	input->packed_end = got;
	input->packed_ended = got == 0;
	return 0;
}

/* First what was looked at to find out the format, then straight from the file. */
static int plain_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size)
{
	size_t left_size = input->packed_end - input->packed_begin;

	if (left_size == 0)
		return raw_read(input, ret, size, ret_size);
	*ret_size = left_size < size ? left_size : size;
	memcpy(ret, input->packed + input->packed_begin, *ret_size);
	input->packed_begin += *ret_size;
	return 0;
}

/* Skips what may follow a gzip member: zeros. Then another member or the end. */
static int gzip_next_member(struct capture_input *input)
{
	int error;

	do {
		while (input->packed_begin != input->packed_end && input->packed[input->packed_begin] == 0)
			input->packed_begin++;
		error = packed_fill(input);
	} while (error == 0 && input->packed_begin != input->packed_end && input->packed[input->packed_begin] == 0);
	if (error == 0 && inflateReset(&input->inflate) != Z_OK)
		error = LUYTRE_E_CORRUPT;
	return error;
}

static int gzip_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size)
{
	z_stream *stream = &input->inflate;

	stream->next_out = ret;
	stream->avail_out = (uInt)size;
	while (stream->avail_out == size) {
		int error = packed_fill(input);
		int result;

		if (error == 0 && input->between_members)
			error = gzip_next_member(input);
		if (error != 0)
			return error;
		if (input->packed_begin == input->packed_end) {
			*ret_size = 0;
			return input->between_members ? 0 : LUYTRE_E_TRUNCATED;
		}
		input->between_members = false;
		stream->next_in = input->packed + input->packed_begin;
		stream->avail_in = (uInt)(input->packed_end - input->packed_begin);
		result = inflate(stream, Z_NO_FLUSH);
		input->packed_begin = input->packed_end - stream->avail_in;
		if (result == Z_STREAM_END)
			input->between_members = true;
		else if (result != Z_OK)
			return result == Z_MEM_ERROR ? LUYTRE_E_NOMEM : LUYTRE_E_CORRUPT;
	}
	*ret_size = size - stream->avail_out;
	return 0;
}

static int zstd_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size)
{
	ZSTD_outBuffer out = { .dst = ret, .size = size };

	while (out.pos == 0) {
		int error = packed_fill(input);
		ZSTD_inBuffer in = { .src = input->packed, .size = input->packed_end, .pos = input->packed_begin };
		size_t result;

		if (error != 0)
			return error;
		if (in.pos == in.size && input->between_members) {
			*ret_size = 0;
			return 0;
		}
		/* Also without input: the decoder may hold bytes for which there was no room. */
		result = ZSTD_decompressStream(input->zstd, &out, &in);
		if (ZSTD_isError(result))
			return LUYTRE_E_CORRUPT;
		if (in.pos == in.size && input->packed_ended && out.pos == 0 && result != 0)
			return LUYTRE_E_TRUNCATED;
		input->packed_begin = in.pos;
		input->between_members = result == 0;
	}
	*ret_size = out.pos;
	return 0;
}

static int gzip_begin(struct capture_input *input)
{
	enum { GZIP_ONLY = 16 };

	if (inflateInit2(&input->inflate, MAX_WBITS + GZIP_ONLY) != Z_OK)
		return LUYTRE_E_NOMEM;
	input->inflating = true;
	input->read = gzip_read;
	return 0;
}

static int zstd_begin(struct capture_input *input)
{
	input->zstd = ZSTD_createDCtx();
	input->read = zstd_read;
	return input->zstd ? 0 : LUYTRE_E_NOMEM;
}

/* RFC 1952 section 2.3.1 and RFC 8878 section 3.1.1; the last row is a skippable frame, which zstd may begin with. */
static const struct {
	uint32_t mask; /* of the first four bytes, little-endian */
	uint32_t magic;
	int (*begin)(struct capture_input *input);
} packings[] = {
	{ 0x0000ffff, 0x00008b1f, gzip_begin },
	{ 0xffffffff, 0xfd2fb528, zstd_begin },
	{ 0xfffffff0, 0x184d2a50, zstd_begin },
};

static int input_begin(struct capture_input *input)
{
	struct cursor cur;
	uint32_t magic;

	input->packed = malloc(PACKED_SIZE);
	if (!input->packed)
		return LUYTRE_E_NOMEM;
	while (input->packed_end < sizeof(magic)) {
		size_t got;
		int error = raw_read(input, input->packed + input->packed_end, PACKED_SIZE - input->packed_end, &got);

		if (error != 0)
			return error;
		if (got == 0)
			break;
		input->packed_end += got;
	}
	input->read = plain_read;
	cur = cursor_over(bytes_of(input->packed, input->packed_end));
	if (!cursor_u32le(&cur, &magic))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(packings); i++) {
		if ((magic & packings[i].mask) == packings[i].magic)
			return packings[i].begin(input);
	}
	return 0;
}

int capture_input_open(int fd, struct bytes memory, struct capture_input **ret)
{
	struct capture_input *input = calloc(1, sizeof(*input));
	int error;

	if (!input) {
		if (fd >= 0)
			close(fd);
		return LUYTRE_E_NOMEM;
	}
	input->fd = fd;
	input->memory = memory;
	error = input_begin(input);
	if (error != 0) {
		capture_input_close(input);
		return error;
	}
	*ret = input;
	return 0;
}

int capture_input_read(struct capture_input *input, uint8_t *ret, size_t size, size_t *ret_size)
{
	return input->read(input, ret, size, ret_size);
}

void capture_input_close(struct capture_input *input)
{
	if (!input)
		return;
	if (input->inflating)
		inflateEnd(&input->inflate);
	ZSTD_freeDCtx(input->zstd);
	free(input->packed);
	if (input->fd >= 0)
		close(input->fd);
	free(input);
}
