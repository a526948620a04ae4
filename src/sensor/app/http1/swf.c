// SPDX-License-Identifier: Apache-2.0
/* The layout is that of the "SWF File Format Specification", version 19, chapter 2: three letters of signature, a version,
 * the size when unpacked, then zlib; or (ZWS) the packed size and LZMA without its own size field. */
#include "sensor/app/http1/swf.h"

#include "base/error.h"
#include "sensor/app/decompress.h"
#include "sensor/app/http1/tx.h"

enum { SWF_HEADER_SIZE = 8, ZWS_HEADER_SIZE = 12, LZMA_PROPERTIES_SIZE = 5, UNPACKED_MAX = 8 << 20 };

struct unpacked {
	struct app_conn *conn;
	uint8_t *data;
	size_t size, capacity, max;
	int error;
};

static void collect(void *context, struct bytes out)
{
	struct unpacked *unpacked = context;
	size_t capacity = unpacked->capacity;
	uint8_t *data;

	out = bytes_first(out, unpacked->max - unpacked->size);
	if (out.size == 0 || unpacked->error != 0)
		return;
	while (capacity < unpacked->size + out.size)
		capacity *= 2;
	if (capacity != unpacked->capacity) {
		data = app_realloc(unpacked->conn, unpacked->data, unpacked->capacity, capacity);
		if (!data) {
			unpacked->error = LUYTRE_E_NOMEM;
			return;
		}
		unpacked->data = data;
		unpacked->capacity = capacity;
	}
	memcpy(unpacked->data + unpacked->size, out.ptr, out.size);
	unpacked->size += out.size;
}

static void feed_lzma(struct decompress_chain *chain, struct bytes in)
{
	uint8_t header[LZMA_PROPERTIES_SIZE + 8];

	memset(header, 0xff, sizeof(header)); /* the size is not known */
	memcpy(header, in.ptr + ZWS_HEADER_SIZE, LZMA_PROPERTIES_SIZE);
	decompress_chain_feed(chain, bytes_of(header, sizeof(header)));
	decompress_chain_feed(chain, bytes_skip(in, ZWS_HEADER_SIZE + LZMA_PROPERTIES_SIZE));
}

static int unpack(const struct http_settings *settings, struct bytes in, bool lzma, struct unpacked *unpacked)
{
	struct decompress_chain *chain = decompress_chain_new(&settings->decompress, collect, unpacked);
	int error = chain ? decompress_chain_add(chain, lzma ? DECOMPRESS_LZMA : DECOMPRESS_DEFLATE) : LUYTRE_E_NOMEM;

	if (error == 0 && lzma)
		feed_lzma(chain, in);
	else if (error == 0)
		decompress_chain_feed(chain, bytes_skip(in, SWF_HEADER_SIZE));
	if (error == 0)
		error = unpacked->error;
	if (error == 0 && (decompress_chain_trouble(chain) || unpacked->size == SWF_HEADER_SIZE))
		error = LUYTRE_E_CORRUPT;
	decompress_chain_free(chain);
	return error;
}

int http_swf_unpack(struct app_conn *conn, struct http_tx *tx, struct http_body *body)
{
	const struct http_settings *settings = tx->settings;
	struct unpacked unpacked = { .conn = conn, .capacity = 4096 };
	struct bytes in = bytes_of(body->window, body->size);
	bool lzma;
	int error;

	if (in.size < SWF_HEADER_SIZE || in.ptr[1] != 'W' || in.ptr[2] != 'S')
		return 0;
	lzma = in.ptr[0] == 'Z';
	if (lzma ? !(settings->swf_types & HTTP_SWF_LZMA) || in.size <= ZWS_HEADER_SIZE + LZMA_PROPERTIES_SIZE
		 : in.ptr[0] != 'C' || !(settings->swf_types & HTTP_SWF_DEFLATE))
		return 0;
	if (settings->swf_compress_depth != 0)
		in = bytes_first(in, settings->swf_compress_depth);
	unpacked.max = settings->swf_decompress_depth == 0 || settings->swf_decompress_depth > UNPACKED_MAX
			       ? UNPACKED_MAX
			       : settings->swf_decompress_depth;
	if (in.size <= ZWS_HEADER_SIZE + LZMA_PROPERTIES_SIZE || unpacked.max < SWF_HEADER_SIZE)
		return 0;
	unpacked.data = app_alloc(conn, unpacked.capacity);
	if (!unpacked.data)
		return LUYTRE_E_NOMEM;
	memcpy(unpacked.data, in.ptr, SWF_HEADER_SIZE);
	unpacked.data[0] = 'F';
	unpacked.size = SWF_HEADER_SIZE;
	error = unpack(settings, in, lzma, &unpacked);
	if (error != 0 && unpacked.size == SWF_HEADER_SIZE) {
		app_free(conn, unpacked.data, unpacked.capacity);
		return error;
	}
	app_free(conn, body->window, body->capacity);
	body->window = unpacked.data;
	body->size = unpacked.size;
	body->capacity = unpacked.capacity;
	body->version++;
	return error;
}
