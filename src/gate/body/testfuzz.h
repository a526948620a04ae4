// SPDX-License-Identifier: Apache-2.0
/* For the fuzz targets of the body parsers only. The first byte chooses the pieces and whether they stay, the rest is the body. It is fed
 * in pieces and whole: both must tell the same. */
#pragma once

#include <stdlib.h>

#include "gate/body/body.h"

#define FUZZ_ARENA_SIZE ((size_t)16 * 1024 * 1024)

struct fuzz_digest {
	uint64_t value;
};

static inline void fuzz_take(struct fuzz_digest *digest, struct bytes text)
{
	/* Reads every byte, so that a sanitizer sees a view into nowhere; the size parts what follows. */
	for (size_t i = 0; i < text.size; i++)
		digest->value = digest->value * 1099511628211U + text.ptr[i];
	digest->value = digest->value * 31 + text.size;
}

static inline void fuzz_arg(void *context, struct bytes name, struct bytes value)
{
	fuzz_take(context, name);
	fuzz_take(context, value);
}

static inline void fuzz_file(void *context, const struct body_file *file)
{
	fuzz_take(context, file->field);
	fuzz_take(context, file->name);
	fuzz_take(context, file->content);
}

static inline void fuzz_part_name(void *context, struct bytes name, bool of_file)
{
	fuzz_take(context, name);
}

static inline void fuzz_trace(void *context, const char *text) {}

/* What all was told, and the result, as one number. 'xpath' may be null. */
static inline uint64_t fuzz_run(enum body_kind kind, struct bytes content_type, struct bytes body, size_t piece_size,
	bool stable, bool cut, void (*xpath)(void *xml, struct arena *arena, struct fuzz_digest *digest))
{
	static const struct body_limits limits = { .args_max = 100, .json_depth_max = 50, .file_content_max = 500 };
	struct fuzz_digest digest = { 0 };
	const struct body_sink sink = { .context = &digest,
		.arg = fuzz_arg,
		.file = fuzz_file,
		.part_header = fuzz_arg,
		.part_name = fuzz_part_name,
		.trace = fuzz_trace };
	const struct body_result *result;
	struct body_parser *parser;
	struct arena arena;

	arena_init(&arena, FUZZ_ARENA_SIZE);
	if (body_new(kind, content_type, &limits, &sink, &arena, &parser))
		abort();
	while (body.size != 0) {
		struct bytes piece = bytes_first(body, piece_size);
		uint8_t *copy = stable ? NULL : malloc(piece.size);

		if (copy)
			memcpy(copy, piece.ptr, piece.size);
		body_feed(parser, copy ? bytes_of(copy, piece.size) : piece, stable);
		free(copy);
		body = bytes_skip(body, piece.size);
	}
	result = body_end(parser, cut);
	fuzz_take(&digest, bytes_from_str(result->message));
	fuzz_take(&digest, bytes_of(&result->multipart, sizeof(result->multipart)));
	if (xpath && result->xml)
		xpath(result->xml, &arena, &digest);
	body_free(parser);
	arena_done(&arena);
	return digest.value;
}

static inline void fuzz_both(enum body_kind kind, struct bytes content_type, const uint8_t *data, size_t size)
{
	struct bytes body = bytes_skip(bytes_of(data, size), 1);
	size_t piece_size = size ? 1 + data[0] % 32 : 1;
	bool stable = size && (data[0] & 0x40) != 0;
	bool cut = size && (data[0] & 0x80) != 0;

	if (fuzz_run(kind, content_type, body, piece_size, stable, cut, NULL) !=
		fuzz_run(kind, content_type, body, SIZE_MAX, true, cut, NULL))
		abort();
}
