// SPDX-License-Identifier: Apache-2.0
#include "hub/events/detail.h"

#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

#include "base/error.h"
#include "hub/events/event.h"

#define DICTIONARY_SIZE   (16 << 10)
#define SAMPLES_MAX       4000
#define SAMPLES_SIZE      (768 << 10)
#define LEVEL             3
#define SHORTER_THAN_THIS 24 /* bytes that no packing makes shorter */

enum way { WAY_PLAIN, WAY_ZSTD, WAY_DICTIONARY };

struct detail {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
	ZSTD_CDict *pack_dictionary;
	ZSTD_DDict *unpack_dictionary;
	bool full; /* enough samples */
	bool settled; /* there is a dictionary, or there will be none */

	uint8_t *samples; /* owned; SAMPLES_SIZE, while learning */
	size_t sample_sizes[SAMPLES_MAX];
	size_t sample_count, samples_size;

	uint8_t text[EV_DETAIL_MAX];
	uint8_t *packed; /* owned */
	size_t packed_room;
};

struct detail *detail_new(void)
{
	struct detail *detail = calloc(1, sizeof(*detail));

	if (!detail)
		return NULL;
	detail->packed_room = 1 + ZSTD_compressBound(EV_DETAIL_MAX);
	detail->packed = malloc(detail->packed_room);
	detail->pack = ZSTD_createCCtx();
	detail->unpack = ZSTD_createDCtx();
	if (!detail->packed || !detail->pack || !detail->unpack) {
		detail_free(detail);
		return NULL;
	}
	/* Written by us alone: neither the dictionary's number nor a checksum is needed. */
	ZSTD_CCtx_setParameter(detail->pack, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(detail->pack, ZSTD_c_dictIDFlag, 0);
	return detail;
}

static void forget_samples(struct detail *detail)
{
	free(detail->samples);
	detail->samples = NULL;
	detail->sample_count = 0;
	detail->samples_size = 0;
}

void detail_free(struct detail *detail)
{
	if (!detail)
		return;
	ZSTD_freeCCtx(detail->pack);
	ZSTD_freeDCtx(detail->unpack);
	ZSTD_freeCDict(detail->pack_dictionary);
	ZSTD_freeDDict(detail->unpack_dictionary);
	forget_samples(detail);
	free(detail->packed);
	free(detail);
}

int detail_pack(struct detail *detail, struct bytes in, struct bytes *ret)
{
	size_t size;

	if (in.size > EV_DETAIL_MAX)
		return LUYTRE_E_INVALID;
	if (in.size >= SHORTER_THAN_THIS) {
		size = ZSTD_compress2(detail->pack, detail->packed + 1, detail->packed_room - 1, in.ptr, in.size);
		if (ZSTD_isError(size))
			return LUYTRE_E_NOMEM;
		if (size < in.size) {
			detail->packed[0] = detail->pack_dictionary ? WAY_DICTIONARY : WAY_ZSTD;
			*ret = bytes_of(detail->packed, 1 + size);
			return 0;
		}
	}
	detail->packed[0] = WAY_PLAIN;
	if (in.size > 0)
		memcpy(detail->packed + 1, in.ptr, in.size);
	*ret = bytes_of(detail->packed, in.size == 0 ? 0 : 1 + in.size);
	return 0;
}

int detail_unpack(struct detail *detail, struct bytes in, struct bytes *ret)
{
	struct bytes rest = bytes_skip(in, 1);
	size_t size;

	if (in.size == 0 || in.ptr[0] == WAY_PLAIN) {
		if (rest.size > EV_DETAIL_MAX)
			return LUYTRE_E_CORRUPT;
		*ret = rest;
		return 0;
	}
	if (rest.size == 0)
		return LUYTRE_E_CORRUPT;
	if (in.ptr[0] == WAY_ZSTD)
		size = ZSTD_decompressDCtx(detail->unpack, detail->text, sizeof(detail->text), rest.ptr, rest.size);
	else if (in.ptr[0] == WAY_DICTIONARY && detail->unpack_dictionary)
		size = ZSTD_decompress_usingDDict(detail->unpack, detail->text, sizeof(detail->text), rest.ptr,
			rest.size, detail->unpack_dictionary);
	else
		return LUYTRE_E_CORRUPT;
	if (ZSTD_isError(size))
		return LUYTRE_E_CORRUPT;
	*ret = bytes_of(detail->text, size);
	return 0;
}

void detail_learn(struct detail *detail, struct bytes in)
{
	if (detail->settled || detail->full || in.size == 0)
		return;
	if (!detail->samples)
		detail->samples = malloc(SAMPLES_SIZE);
	if (!detail->samples)
		return;
	if (detail->sample_count == SAMPLES_MAX || in.size > SAMPLES_SIZE - detail->samples_size) {
		detail->full = true;
		return;
	}
	memcpy(detail->samples + detail->samples_size, in.ptr, in.size);
	detail->samples_size += in.size;
	detail->sample_sizes[detail->sample_count++] = in.size;
}

bool detail_ready(const struct detail *detail)
{
	return detail->full && !detail->settled;
}

int detail_train(struct detail *detail, uint8_t **ret, size_t *ret_size)
{
	uint8_t *dictionary = malloc(DICTIONARY_SIZE);
	size_t size;

	if (!dictionary)
		return LUYTRE_E_NOMEM;
	size = ZDICT_trainFromBuffer(
		dictionary, DICTIONARY_SIZE, detail->samples, detail->sample_sizes, (unsigned int)detail->sample_count);
	*ret = dictionary;
	*ret_size = ZDICT_isError(size) ? 0 : size;
	return 0;
}

int detail_use(struct detail *detail, struct bytes dictionary)
{
	forget_samples(detail);
	detail->settled = true;
	if (dictionary.size == 0)
		return 0;
	detail->pack_dictionary = ZSTD_createCDict(dictionary.ptr, dictionary.size, LEVEL);
	detail->unpack_dictionary = ZSTD_createDDict(dictionary.ptr, dictionary.size);
	if (!detail->pack_dictionary || !detail->unpack_dictionary ||
		ZSTD_isError(ZSTD_CCtx_refCDict(detail->pack, detail->pack_dictionary)))
		return LUYTRE_E_NOMEM;
	return 0;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static bool same_without_case(const uint8_t *left, const uint8_t *right, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (lower(left[i]) != lower(right[i]))
			return false;
	}
	return true;
}

bool detail_contains(struct bytes in, struct bytes text)
{
	uint8_t first;

	if (text.size == 0)
		return true;
	if (text.size > in.size)
		return false;
	first = lower(text.ptr[0]);
	for (size_t i = 0; i + text.size <= in.size; i++) {
		if (lower(in.ptr[i]) == first && same_without_case(in.ptr + i, text.ptr, text.size))
			return true;
	}
	return false;
}
