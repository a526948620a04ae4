// SPDX-License-Identifier: Apache-2.0
#include "sensor/detect/inflate.h"

#include <zlib.h>

/* zlib: window bits, and 16 more for a gzip header. */
enum { WINDOW_BITS = 15, WINDOW_GZIP = 16 };

size_t inflate_once(struct bytes in, enum inflate_format format, uint8_t *out, size_t out_size)
{
	z_stream stream = { 0 };
	size_t size;

	if (in.size == 0 || in.size > UINT32_MAX || out_size > UINT32_MAX)
		return 0;
	if (inflateInit2(&stream, format == INFLATE_GZIP ? WINDOW_BITS + WINDOW_GZIP : WINDOW_BITS) != Z_OK)
		return 0;
	stream.next_in = (Bytef *)(uintptr_t)in.ptr;
	stream.avail_in = (uInt)in.size;
	stream.next_out = out;
	stream.avail_out = (uInt)out_size;
	inflate(&stream, Z_FINISH);
	size = out_size - stream.avail_out;
	inflateEnd(&stream);
	return size;
}
