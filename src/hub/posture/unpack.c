// SPDX-License-Identifier: Apache-2.0
#include "hub/posture/unpack.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/error.h"

enum { BLOCK = 64 << 10, GZIP_WINDOW = 16 + MAX_WBITS, MAGIC_FIRST = 0x1f, MAGIC_SECOND = 0x8b };

struct unpack {
	unpack_fn fn;
	void *context;
	uint64_t size, size_max;
	bool looked, packed, whole; /* whole: the last member has ended */
	z_stream zlib;
	uint8_t block[BLOCK];
};

int unpack_new(uint64_t size_max, unpack_fn fn, void *context, struct unpack **ret)
{
	struct unpack *unpack = calloc(1, sizeof(*unpack));

	if (!unpack)
		return LUYTRE_E_NOMEM;
	unpack->fn = fn;
	unpack->context = context;
	unpack->size_max = size_max;
	*ret = unpack;
	return 0;
}

static int hand_on(struct unpack *unpack, struct bytes piece)
{
	unpack->size += piece.size;
	if (unpack->size > unpack->size_max)
		return LUYTRE_E_FULL;
	return bytes_empty(piece) ? 0 : unpack->fn(unpack->context, piece);
}

static int inflate_piece(struct unpack *unpack, struct bytes piece)
{
	z_stream *zlib = &unpack->zlib;
	int error = 0;

	zlib->next_in = (Bytef *)(uintptr_t)piece.ptr; /* read only, whatever its type says */
	zlib->avail_in = (uInt)piece.size;
	do {
		int code;

		zlib->next_out = unpack->block;
		zlib->avail_out = BLOCK;
		code = inflate(zlib, Z_NO_FLUSH);
		if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
			return LUYTRE_E_SYNTAX;
		unpack->whole = code == Z_STREAM_END;
		error = hand_on(unpack, bytes_of(unpack->block, BLOCK - zlib->avail_out));
		/* A file may have several members, one behind the other. */
		if (code == Z_STREAM_END && inflateReset(zlib) != Z_OK)
			return LUYTRE_E_NOMEM;
	} while (!error && (zlib->avail_in > 0 || zlib->avail_out == 0));
	return error;
}

int unpack_feed(struct unpack *unpack, struct bytes piece)
{
	if (!unpack->looked) {
		unpack->looked = true;
		unpack->packed = piece.size >= 2 && piece.ptr[0] == MAGIC_FIRST && piece.ptr[1] == MAGIC_SECOND;
		if (unpack->packed && inflateInit2(&unpack->zlib, GZIP_WINDOW) != Z_OK) {
			unpack->packed = false;
			return LUYTRE_E_NOMEM;
		}
	}
	return unpack->packed ? inflate_piece(unpack, piece) : hand_on(unpack, piece);
}

int unpack_end(struct unpack *unpack)
{
	int error = unpack->packed && !unpack->whole ? LUYTRE_E_TRUNCATED : 0;

	if (unpack->packed)
		inflateEnd(&unpack->zlib);
	free(unpack);
	return error;
}
