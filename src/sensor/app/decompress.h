// SPDX-License-Identifier: Apache-2.0
/* Streaming decompression of what others compressed: gzip, deflate (raw or zlib), lzma, brotli, zstd, in layers.
 *
 * Servers and attackers write broken streams that browsers read all the same, so this reader is lenient: wrong checksums,
 * reserved flags and missing trailers do not matter, "deflate" may be zlib or raw, and a body that was announced as
 * compressed but is not is handed on as it is. What a stream cannot do is to fill memory or time: output is handed on in
 * pieces and never collected, lzma gets a ceiling of memory, and a stream that grows beyond every measure is cut
 * (DECOMPRESS_BOMB).
 *
 * A chain belongs to one worker. Layers are added from the outermost in: the one that was applied last comes first. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum decompress_kind { DECOMPRESS_GZIP, DECOMPRESS_DEFLATE, DECOMPRESS_LZMA, DECOMPRESS_BROTLI, DECOMPRESS_ZSTD };

enum { DECOMPRESS_LAYERS_MAX = 8 };

struct decompress_limits {
	uint32_t bomb_size; /* output of a layer up to here is fine at any ratio; 0: no limit */
	uint32_t bomb_ratio; /* beyond, output may be so many times the input */
	uint64_t lzma_memory_size;
};

/* What happened to a chain so far; bits. Nothing here stops it, except that a bomb's further output is dropped. */
enum decompress_trouble {
	DECOMPRESS_FAILED = 1 << 0, /* a layer met a broken stream: it hands on what it gets from there */
	DECOMPRESS_BOMB = 1 << 1,
	DECOMPRESS_LZMA_MEMORY = 1 << 2, /* the stream wants more memory than allowed */
};

struct decompress_chain;

/* Gets output in order; called at most a few times for each input. */
typedef void (*decompress_sink_fn)(void *context, struct bytes out);

/* Null without memory. */
struct decompress_chain *decompress_chain_new(
	const struct decompress_limits *limits, decompress_sink_fn sink, void *context);
/* Adds a layer behind those there are. 0, LUYTRE_E_FULL (DECOMPRESS_LAYERS_MAX) or LUYTRE_E_NOMEM. */
MUST_CHECK int decompress_chain_add(struct decompress_chain *chain, enum decompress_kind kind);
/* Null is allowed. */
void decompress_chain_free(struct decompress_chain *chain);

void decompress_chain_feed(struct decompress_chain *chain, struct bytes in);
/* The input is over: what was held back goes out. */
void decompress_chain_finish(struct decompress_chain *chain);
unsigned int decompress_chain_trouble(const struct decompress_chain *chain); /* enum decompress_trouble */
