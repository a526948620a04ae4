// SPDX-License-Identifier: Apache-2.0
/* Each layer is a small machine: it collects the few bytes of a header where a format has one, then feeds a library
 * decoder whose output goes to the next layer. As long as a layer has given nothing out, it keeps its input (up to
 * HELD_MAX), so that a first guess that turns out wrong can be taken back: zlib -> raw deflate -> as it is. */
#include "sensor/app/decompress.h"

#include <brotli/decode.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/error.h"

enum {
	HELD_MAX = 4096,
	OUT_SIZE = 16384,
	GZIP_HEADER_SIZE = 10,
	ZSTD_WINDOW_LOG_MAX = 23, /* 8 MiB, what RFC 8878 asks every decoder to have */
};

enum gzip_flag { GZIP_HCRC = 2, GZIP_EXTRA = 4, GZIP_NAME = 8, GZIP_COMMENT = 16 };

enum layer_state { LAYER_HEADER, LAYER_BODY, LAYER_PASS, LAYER_END, LAYER_BOMB };

struct layer {
	struct decompress_chain *chain;
	uint8_t index, kind, state;
	bool tried_raw; /* deflate: the last guess was made */
	bool has_decoder;
	bool held_full; /* too much input went by without output to take it back */
	uint64_t in_size, out_size;
	size_t held_size;
	uint8_t held[HELD_MAX];
	union {
		z_stream zlib;
		lzma_stream lzma;
		BrotliDecoderState *brotli;
		ZSTD_DStream *zstd;
	} decoder;
};

struct decompress_chain {
	struct decompress_limits limits;
	decompress_sink_fn sink;
	void *context;
	unsigned int trouble;
	uint8_t count;
	struct layer *layers[DECOMPRESS_LAYERS_MAX];
};

static void layer_feed(struct layer *layer, struct bytes in);

struct decompress_chain *decompress_chain_new(
	const struct decompress_limits *limits, decompress_sink_fn sink, void *context)
{
	struct decompress_chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	chain->limits = *limits;
	chain->sink = sink;
	chain->context = context;
	return chain;
}

int decompress_chain_add(struct decompress_chain *chain, enum decompress_kind kind)
{
	struct layer *layer;

	if (chain->count == DECOMPRESS_LAYERS_MAX)
		return LUYTRE_E_FULL;
	layer = malloc(sizeof(*layer));
	if (!layer)
		return LUYTRE_E_NOMEM;
	memset(layer, 0, offsetof(struct layer, held));
	memset(&layer->decoder, 0, sizeof(layer->decoder));
	layer->chain = chain;
	layer->index = chain->count;
	layer->kind = (uint8_t)kind;
	layer->state = kind == DECOMPRESS_GZIP || kind == DECOMPRESS_DEFLATE ? LAYER_HEADER : LAYER_BODY;
	chain->layers[chain->count++] = layer;
	return 0;
}

static void decoder_end(struct layer *layer)
{
	if (!layer->has_decoder)
		return;
	layer->has_decoder = false;
	switch ((enum decompress_kind)layer->kind) {
	case DECOMPRESS_GZIP:
	case DECOMPRESS_DEFLATE:
		inflateEnd(&layer->decoder.zlib);
		break;
	case DECOMPRESS_LZMA:
		lzma_end(&layer->decoder.lzma);
		break;
	case DECOMPRESS_BROTLI:
		BrotliDecoderDestroyInstance(layer->decoder.brotli);
		break;
	case DECOMPRESS_ZSTD:
		ZSTD_freeDStream(layer->decoder.zstd);
		break;
	}
	memset(&layer->decoder, 0, sizeof(layer->decoder));
}

void decompress_chain_free(struct decompress_chain *chain)
{
	if (!chain)
		return;
	for (unsigned int i = 0; i < chain->count; i++) {
		decoder_end(chain->layers[i]);
		free(chain->layers[i]);
	}
	free(chain);
}

unsigned int decompress_chain_trouble(const struct decompress_chain *chain)
{
	return chain->trouble;
}

/* ---- Output ---- */

static void layer_out(struct layer *layer, struct bytes out)
{
	struct decompress_chain *chain = layer->chain;

	if (out.size == 0)
		return;
	if (layer->index + 1u < chain->count)
		layer_feed(chain->layers[layer->index + 1], out);
	else
		chain->sink(chain->context, out);
}

static bool layer_is_bomb(struct layer *layer)
{
	const struct decompress_limits *limits = &layer->chain->limits;

	if (limits->bomb_size == 0 || layer->out_size <= limits->bomb_size ||
		layer->out_size / limits->bomb_ratio <= layer->in_size)
		return false;
	layer->chain->trouble |= DECOMPRESS_BOMB;
	layer->state = LAYER_BOMB;
	decoder_end(layer);
	return true;
}

/* True when the decoder may go on. */
static bool decoded(struct layer *layer, const uint8_t *out, size_t size)
{
	if (size == 0)
		return true;
	layer->out_size += size;
	if (layer_is_bomb(layer))
		return false;
	layer_out(layer, bytes_of(out, size));
	return true;
}

/* ---- Decoders. Each takes input, gives output on, and says how it ended. ---- */

enum decode_status { DECODE_MORE, DECODE_END, DECODE_BAD, DECODE_STOP };

static enum decode_status decode_zlib(struct layer *layer, struct bytes *in)
{
	uint8_t out[OUT_SIZE];
	z_stream *zlib = &layer->decoder.zlib;
	int answer = Z_OK;

	if (!layer->has_decoder && inflateInit2(zlib, -MAX_WBITS) != Z_OK)
		return DECODE_BAD;
	layer->has_decoder = true;
	zlib->next_in = (z_const Bytef *)(uintptr_t)in->ptr;
	zlib->avail_in = (uInt)in->size;
	do {
		zlib->next_out = out;
		zlib->avail_out = sizeof(out);
		answer = inflate(zlib, Z_SYNC_FLUSH);
		if (answer == Z_DATA_ERROR && layer->tried_raw && layer->out_size == 0)
			return DECODE_BAD; /* a guess: what came out before the error is noise */
		if (!decoded(layer, out, sizeof(out) - zlib->avail_out))
			return DECODE_STOP;
	} while (answer == Z_OK && (zlib->avail_in != 0 || zlib->avail_out == 0));
	*in = bytes_skip(*in, in->size - zlib->avail_in);
	if (answer == Z_STREAM_END)
		return DECODE_END;
	return answer == Z_OK || answer == Z_BUF_ERROR ? DECODE_MORE : DECODE_BAD;
}

static enum decode_status decode_lzma(struct layer *layer, struct bytes *in)
{
	uint8_t out[OUT_SIZE];
	lzma_stream *lzma = &layer->decoder.lzma;
	lzma_ret answer = LZMA_OK;

	if (!layer->has_decoder) {
		*lzma = (lzma_stream)LZMA_STREAM_INIT;
		if (lzma_alone_decoder(lzma, layer->chain->limits.lzma_memory_size) != LZMA_OK)
			return DECODE_BAD;
		layer->has_decoder = true;
	}
	lzma->next_in = in->ptr;
	lzma->avail_in = in->size;
	do {
		lzma->next_out = out;
		lzma->avail_out = sizeof(out);
		answer = lzma_code(lzma, LZMA_RUN);
		if (!decoded(layer, out, sizeof(out) - lzma->avail_out))
			return DECODE_STOP;
	} while (answer == LZMA_OK && (lzma->avail_in != 0 || lzma->avail_out == 0));
	if (answer == LZMA_MEMLIMIT_ERROR)
		layer->chain->trouble |= DECOMPRESS_LZMA_MEMORY;
	if (answer == LZMA_STREAM_END)
		return DECODE_END;
	return answer == LZMA_OK || answer == LZMA_BUF_ERROR ? DECODE_MORE : DECODE_BAD;
}

static enum decode_status decode_brotli(struct layer *layer, struct bytes *in)
{
	uint8_t out[OUT_SIZE];
	BrotliDecoderResult answer;
	size_t left = in->size;
	const uint8_t *next = in->ptr;

	if (!layer->has_decoder) {
		layer->decoder.brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		if (!layer->decoder.brotli)
			return DECODE_BAD;
		layer->has_decoder = true;
	}
	do {
		uint8_t *out_next = out;
		size_t out_left = sizeof(out);

		answer = BrotliDecoderDecompressStream(layer->decoder.brotli, &left, &next, &out_left, &out_next, NULL);
		if (answer == BROTLI_DECODER_RESULT_ERROR && layer->out_size == 0)
			return DECODE_BAD; /* brotli has no magic: the same */
		if (!decoded(layer, out, sizeof(out) - out_left))
			return DECODE_STOP;
	} while (answer == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
	if (answer == BROTLI_DECODER_RESULT_SUCCESS)
		return DECODE_END;
	return answer == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT ? DECODE_MORE : DECODE_BAD;
}

static enum decode_status decode_zstd(struct layer *layer, struct bytes *in)
{
	uint8_t out[OUT_SIZE];
	ZSTD_inBuffer source = { .src = in->ptr, .size = in->size };
	ZSTD_outBuffer target;
	size_t answer;

	if (!layer->has_decoder) {
		layer->decoder.zstd = ZSTD_createDStream();
		if (!layer->decoder.zstd)
			return DECODE_BAD;
		layer->has_decoder = true;
		if (ZSTD_isError(ZSTD_DCtx_setParameter(layer->decoder.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
			return DECODE_BAD;
	}
	do {
		target = (ZSTD_outBuffer){ .dst = out, .size = sizeof(out) };
		answer = ZSTD_decompressStream(layer->decoder.zstd, &target, &source);
		if (!decoded(layer, out, target.pos))
			return DECODE_STOP;
		if (ZSTD_isError(answer))
			return DECODE_BAD;
	} while (source.pos < source.size || target.pos == target.size);
	return DECODE_MORE;
}

static enum decode_status decode(struct layer *layer, struct bytes *in)
{
	switch ((enum decompress_kind)layer->kind) {
	case DECOMPRESS_GZIP:
	case DECOMPRESS_DEFLATE:
		return decode_zlib(layer, in);
	case DECOMPRESS_LZMA:
		return decode_lzma(layer, in);
	case DECOMPRESS_BROTLI:
		return decode_brotli(layer, in);
	case DECOMPRESS_ZSTD:
		return decode_zstd(layer, in);
	}
	return DECODE_BAD;
}

/* ---- Headers (RFC 1950, RFC 1952) ---- */

/* Skips a text with its final NUL. False: not all there. */
static bool skip_text(struct bytes *in)
{
	size_t end = bytes_index(*in, 0);

	if (end == in->size)
		return false;
	*in = bytes_skip(*in, end + 1);
	return true;
}

enum header_status { HEADER_FOUND, HEADER_MORE, HEADER_NONE };

static enum header_status skip_gzip_header(struct bytes *in)
{
	uint8_t flags;

	if ((in->size > 0 && in->ptr[0] != 0x1f) || (in->size > 1 && in->ptr[1] != 0x8b))
		return HEADER_NONE;
	if (in->size < GZIP_HEADER_SIZE)
		return HEADER_MORE;
	flags = in->ptr[3];
	*in = bytes_skip(*in, GZIP_HEADER_SIZE);
	if (flags & GZIP_EXTRA) {
		size_t size = in->size < 2 ? 0 : 2 + (in->ptr[0] | (size_t)in->ptr[1] << 8);

		if (size == 0 || in->size < size)
			return HEADER_MORE;
		*in = bytes_skip(*in, size);
	}
	if ((flags & GZIP_NAME && !skip_text(in)) || (flags & GZIP_COMMENT && !skip_text(in)))
		return HEADER_MORE;
	if (flags & GZIP_HCRC) {
		if (in->size < 2)
			return HEADER_MORE;
		*in = bytes_skip(*in, 2);
	}
	return HEADER_FOUND;
}

static enum header_status skip_zlib_header(struct bytes *in)
{
	if (in->size < 2)
		return HEADER_MORE;
	if ((in->ptr[0] & 15) != Z_DEFLATED || in->ptr[0] >> 4 > 7 || ((in->ptr[0] << 8) | in->ptr[1]) % 31 != 0 ||
		in->ptr[1] & 0x20)
		return HEADER_NONE;
	*in = bytes_skip(*in, 2);
	return HEADER_FOUND;
}

/* Takes off the header of whatever format this is; 'in' is all input so far. */
static enum header_status layer_header(struct layer *layer, struct bytes *in)
{
	enum header_status status = skip_gzip_header(in);

	if (status != HEADER_NONE)
		return status;
	layer->tried_raw = false;
	status = skip_zlib_header(in);
	if (status != HEADER_NONE || layer->kind == DECOMPRESS_GZIP)
		return status;
	layer->tried_raw = true;
	return HEADER_FOUND;
}

/* ---- The machine ---- */

static void layer_hold(struct layer *layer, struct bytes in)
{
	if (layer->held_full)
		return;
	if (in.size > HELD_MAX - layer->held_size) {
		layer->held_full = true;
		return;
	}
	memcpy(layer->held + layer->held_size, in.ptr, in.size);
	layer->held_size += in.size;
}

static void layer_pass(struct layer *layer, struct bytes in)
{
	layer->chain->trouble |= DECOMPRESS_FAILED;
	layer->state = LAYER_PASS;
	layer_out(layer, in);
}

/* The stream is broken. 'all' is the whole input when there was no output yet, else empty. */
static void layer_broken(struct layer *layer, struct bytes all)
{
	bool zlib = layer->kind == DECOMPRESS_GZIP || layer->kind == DECOMPRESS_DEFLATE;
	enum decode_status status;
	struct bytes rest = all;

	decoder_end(layer);
	if (layer->out_size != 0 || all.size == 0) { /* what came out stays; there is nothing sensible to add */
		layer->chain->trouble |= DECOMPRESS_FAILED;
		layer->state = LAYER_END;
		return;
	}
	if (!zlib || layer->tried_raw) {
		layer_pass(layer, all);
		return;
	}
	layer->tried_raw = true;
	status = decode(layer, &rest);
	if (status == DECODE_BAD)
		layer_broken(layer, layer->out_size == 0 ? all : (struct bytes){ 0 });
	else if (status == DECODE_END)
		layer->state = LAYER_END;
}

/* Behind a member of a gzip stream another may follow, after the eight bytes of checksum and size. Answers its data. */
static struct bytes next_member(struct layer *layer, struct bytes in)
{
	for (size_t i = 0; layer->kind == DECOMPRESS_GZIP && i + GZIP_HEADER_SIZE < in.size && i <= 8; i++) {
		struct bytes member = bytes_skip(in, i);

		if (skip_gzip_header(&member) != HEADER_FOUND)
			continue;
		layer->state = LAYER_BODY;
		layer->tried_raw = true;
		return member;
	}
	return (struct bytes){ 0 };
}

/* Decodes 'in', the last part of 'all' (all input so far; empty when it is gone). */
static void layer_body(struct layer *layer, struct bytes in, struct bytes all)
{
	enum decode_status status;

	while (in.size != 0 && layer->state == LAYER_BODY) {
		status = decode(layer, &in);
		if (status == DECODE_MORE || status == DECODE_STOP)
			return;
		if (status == DECODE_BAD) {
			layer_broken(layer, all);
			return;
		}
		decoder_end(layer);
		layer->state = LAYER_END;
		in = next_member(layer, in);
	}
}

static void layer_start(struct layer *layer, struct bytes in)
{
	struct bytes all = in, rest;

	if (layer->held_size != 0) {
		layer_hold(layer, in);
		if (layer->held_full) { /* a header longer than any sane one */
			layer_pass(layer, bytes_of(layer->held, layer->held_size));
			layer_out(layer, in);
			return;
		}
		all = bytes_of(layer->held, layer->held_size);
	}
	rest = all;
	switch (layer_header(layer, &rest)) {
	case HEADER_MORE:
		if (layer->held_size == 0)
			layer_hold(layer, in);
		if (layer->held_full)
			layer_pass(layer, in);
		return;
	case HEADER_NONE: /* servers announce gzip and send plain text */
		layer_pass(layer, all);
		return;
	case HEADER_FOUND:
		break;
	}
	layer->state = LAYER_BODY;
	layer_body(layer, rest, all);
	if (layer->out_size == 0 && layer->held_size == 0 && layer->state == LAYER_BODY)
		layer_hold(layer, in);
}

static void layer_feed(struct layer *layer, struct bytes in)
{
	layer->in_size += in.size;
	switch ((enum layer_state)layer->state) {
	case LAYER_HEADER:
		layer_start(layer, in);
		break;
	case LAYER_BODY:
		if (layer->out_size == 0 && !layer->held_full) {
			layer_hold(layer, in);
			layer_body(layer, in,
				layer->held_full ? (struct bytes){ 0 } : bytes_of(layer->held, layer->held_size));
		} else {
			layer_body(layer, in, (struct bytes){ 0 });
		}
		break;
	case LAYER_PASS:
		layer_out(layer, in);
		break;
	case LAYER_END:
		layer_body(layer, next_member(layer, in), (struct bytes){ 0 });
		break;
	case LAYER_BOMB:
		break;
	}
}

void decompress_chain_feed(struct decompress_chain *chain, struct bytes in)
{
	if (in.size == 0)
		return;
	if (chain->count == 0)
		chain->sink(chain->context, in);
	else
		layer_feed(chain->layers[0], in);
}

void decompress_chain_finish(struct decompress_chain *chain)
{
	for (unsigned int i = 0; i < chain->count; i++) {
		struct layer *layer = chain->layers[i];
		bool nothing = layer->out_size == 0 && layer->state == LAYER_BODY && !layer->held_full;

		if (layer->held_size != 0 && (layer->state == LAYER_HEADER || nothing))
			layer_pass(layer, bytes_of(layer->held, layer->held_size));
	}
}
