// SPDX-License-Identifier: Apache-2.0
/* Byte 0: settings and the size of pieces; the rest is a message. */
#include "sensor/app/smtp/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *sink_open(void *context, struct bytes name)
{
	size_t *opened = context;

	(*opened)++;
	return context;
}

static void sink_append(void *context, void *file, struct bytes data)
{
	if (data.size == 0 || data.size > MIME_OUT_SIZE)
		__builtin_trap();
}

static void sink_close(void *context, void *file)
{
	size_t *opened = context;

	if ((*opened)-- != 1)
		__builtin_trap();
}

static const struct mime_sink sink = { sink_open, sink_append, sink_close };

static void feed(struct mime *mime, struct bytes rest, size_t piece_max)
{
	while (rest.size) {
		struct bytes piece = bytes_first(rest, piece_max);
		size_t end = bytes_index(piece, '\n'), end_size = 0;

		if (end < piece.size) {
			end_size = end && piece.ptr[end - 1] == '\r' ? 2 : 1;
			piece = bytes_first(piece, end + 1);
		}
		mime_line(mime, piece, end_size);
		mime_flush(mime);
		rest = bytes_skip(rest, piece.size);
	}
	mime_end(mime);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_config config = { .decode_base64 = true,
		.decode_quoted_printable = true,
		.extract_urls = true,
		.scheme_count = 2,
		.schemes = { "http", "ftp" } };
	struct arena arena;
	struct mime mime;
	size_t opened = 0;

	if (size == 0)
		return 0;
	config.header_value_max_size = data[0] & 1 ? 16 : 2000;
	config.log_url_scheme = data[0] & 2;
	arena_init(&arena, 1 << 20);
	if (mime_init(&mime, &config, &arena, &sink, &opened, data[0] & 4)) {
		feed(&mime, bytes_of(data + 1, size - 1), data[0] & 8 ? 7 : 4096);
		mime_done(&mime);
	}
	if (opened)
		__builtin_trap();
	arena_done(&arena);
	return 0;
}
