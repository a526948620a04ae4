// SPDX-License-Identifier: Apache-2.0
/* The highest 12 bits of a hash choose the register; it keeps the largest "rank", the position of the first one bit in
 * the other 52 bits. */
#include "hub/events/hll.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define RANK_BITS   (64 - HLL_BITS)
#define SPARSE_MAX  512
#define SPARSE_ROOM 8
#define BLOB_DENSE  0
#define BLOB_SPARSE 1
#define SPARSE_SIZE 3

void hll_done(struct hll *hll)
{
	free(hll->dense);
	free(hll->sparse);
	*hll = (struct hll){ 0 };
}

static int make_dense(struct hll *hll)
{
	uint8_t *dense = calloc(HLL_REGISTERS, 1);

	if (!dense)
		return LUYTRE_E_NOMEM;
	for (unsigned int i = 0; i < hll->sparse_count; i++)
		dense[hll->sparse[i] >> 8] = (uint8_t)hll->sparse[i];
	free(hll->sparse);
	*hll = (struct hll){ .dense = dense };
	return 0;
}

static unsigned int sparse_position(const struct hll *hll, uint32_t index)
{
	unsigned int low = 0, high = hll->sparse_count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (hll->sparse[middle] >> 8 < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int sparse_grow(struct hll *hll)
{
	unsigned int room = hll->sparse_room == 0 ? SPARSE_ROOM : 2u * hll->sparse_room;
	uint32_t *sparse = realloc(hll->sparse, room * sizeof(*sparse));

	if (!sparse)
		return LUYTRE_E_NOMEM;
	hll->sparse = sparse;
	hll->sparse_room = (uint16_t)room;
	return 0;
}

static int raise_register(struct hll *hll, uint32_t index, uint8_t rank)
{
	unsigned int at;
	int error;

	if (!hll->dense) {
		at = sparse_position(hll, index);
		if (at < hll->sparse_count && hll->sparse[at] >> 8 == index) {
			if ((uint8_t)hll->sparse[at] < rank)
				hll->sparse[at] = index << 8 | rank;
			return 0;
		}
		if (hll->sparse_count < SPARSE_MAX) {
			if (hll->sparse_count == hll->sparse_room && (error = sparse_grow(hll)) != 0)
				return error;
			memmove(&hll->sparse[at + 1], &hll->sparse[at],
				(hll->sparse_count - at) * sizeof(*hll->sparse));
			hll->sparse[at] = index << 8 | rank;
			hll->sparse_count++;
			return 0;
		}
		error = make_dense(hll);
		if (error != 0)
			return error;
	}
	if (hll->dense[index] < rank)
		hll->dense[index] = rank;
	return 0;
}

int hll_add(struct hll *hll, uint64_t hash)
{
	/* The bit behind the last one stops the count at RANK_BITS + 1. */
	uint64_t rest = hash << HLL_BITS | UINT64_C(1) << (HLL_BITS - 1);

	return raise_register(hll, (uint32_t)(hash >> RANK_BITS), (uint8_t)(__builtin_clzll(rest) + 1));
}

int hll_merge(struct hll *into, const struct hll *from)
{
	int error = 0;

	if (from->dense) {
		if (!into->dense && (error = make_dense(into)) != 0)
			return error;
		for (unsigned int i = 0; i < HLL_REGISTERS; i++) {
			if (into->dense[i] < from->dense[i])
				into->dense[i] = from->dense[i];
		}
		return 0;
	}
	for (unsigned int i = 0; i < from->sparse_count && error == 0; i++)
		error = raise_register(into, from->sparse[i] >> 8, (uint8_t)from->sparse[i]);
	return error;
}

/* Ertl, algorithm 6: corrections for registers that are full, and for those that are empty. */
static double tau(double x)
{
	double before, y = 1, z = 1 - x;

	if (x <= 0 || x >= 1)
		return 0;
	do {
		before = z;
		x = sqrt(x);
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z < before);
	return z / 3;
}

static double sigma(double x)
{
	double before, y = 1, z = x;

	do {
		before = z;
		x *= x;
		z += x * y;
		y += y;
	} while (z > before);
	return z;
}

uint64_t hll_estimate(const struct hll *hll)
{
	const double registers = HLL_REGISTERS;
	unsigned int with_rank[RANK_BITS + 2] = { 0 };
	double z;

	if (hll->dense) {
		for (unsigned int i = 0; i < HLL_REGISTERS; i++)
			with_rank[hll->dense[i]]++;
	} else {
		for (unsigned int i = 0; i < hll->sparse_count; i++)
			with_rank[(uint8_t)hll->sparse[i]]++;
		with_rank[0] = HLL_REGISTERS - (unsigned int)hll->sparse_count;
	}
	if (with_rank[0] == HLL_REGISTERS)
		return 0;
	z = registers * tau(1 - with_rank[RANK_BITS + 1] / registers);
	for (unsigned int rank = RANK_BITS; rank >= 1; rank--)
		z = 0.5 * (z + with_rank[rank]);
	z += registers * sigma(with_rank[0] / registers);
	return (uint64_t)llround(registers * registers / (2 * M_LN2 * z));
}

size_t hll_write(const struct hll *hll, uint8_t blob[HLL_BLOB_MAX])
{
	size_t size = 0;

	if (hll->dense) {
		blob[size++] = BLOB_DENSE;
		memcpy(blob + size, hll->dense, HLL_REGISTERS);
		return size + HLL_REGISTERS;
	}
	blob[size++] = BLOB_SPARSE;
	for (unsigned int i = 0; i < hll->sparse_count; i++) {
		blob[size++] = (uint8_t)(hll->sparse[i] >> 16);
		blob[size++] = (uint8_t)(hll->sparse[i] >> 8);
		blob[size++] = (uint8_t)hll->sparse[i];
	}
	return size;
}

/* 'ranks' are HLL_REGISTERS bytes of a blob. */
static int merge_dense(struct hll *into, const uint8_t *ranks)
{
	int error = into->dense ? 0 : make_dense(into);

	if (error != 0)
		return error;
	for (unsigned int i = 0; i < HLL_REGISTERS; i++) {
		if (ranks[i] > RANK_BITS + 1)
			return LUYTRE_E_CORRUPT;
		if (into->dense[i] < ranks[i])
			into->dense[i] = ranks[i];
	}
	return 0;
}

int hll_merge_blob(struct hll *into, struct bytes blob)
{
	struct bytes rest = bytes_skip(blob, 1);
	int error = 0;

	if (blob.size == HLL_BLOB_MAX && blob.ptr[0] == BLOB_DENSE)
		return merge_dense(into, rest.ptr);
	if (blob.size == 0 || blob.ptr[0] != BLOB_SPARSE || rest.size % SPARSE_SIZE != 0)
		return LUYTRE_E_CORRUPT;
	for (size_t i = 0; i < rest.size && error == 0; i += SPARSE_SIZE) {
		uint32_t index = (uint32_t)rest.ptr[i] << 8 | rest.ptr[i + 1];

		if (index >= HLL_REGISTERS || rest.ptr[i + 2] == 0 || rest.ptr[i + 2] > RANK_BITS + 1)
			return LUYTRE_E_CORRUPT;
		error = raise_register(into, index, rest.ptr[i + 2]);
	}
	return error;
}
