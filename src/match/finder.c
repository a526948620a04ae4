// SPDX-License-Identifier: Apache-2.0
/* A place is a candidate when the two rarest bytes of the needle stand where they should. A vector step tests one place in
 * each lane: it loads the buffer twice, shifted by the offsets of the two bytes. The last step overlaps the one before it,
 * so that nothing behind the buffer is ever read and no slow rest remains. */
#include "match/finder.h"

#include "match/internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static bool is_letter(uint8_t byte)
{
	return match_lower(byte) != match_upper(byte);
}

static uint8_t weight_of(const struct finder *finder, size_t offset)
{
	uint8_t byte = finder->needle.ptr[offset];
	uint8_t lower, upper;

	if (!finder->nocase)
		return match_byte_weight[byte];
	lower = match_byte_weight[match_lower(byte)];
	upper = match_byte_weight[match_upper(byte)];
	return lower > upper ? lower : upper;
}

static void set_rare(struct finder *finder, unsigned int which, size_t offset)
{
	uint8_t byte = finder->needle.ptr[offset];

	finder->rare[which] = offset;
	finder->rare_fold[which] = finder->nocase && is_letter(byte) ? 0x20 : 0;
	finder->rare_value[which] = byte | finder->rare_fold[which];
}

void finder_init(struct finder *finder, struct bytes needle, bool nocase)
{
	size_t first = 0, second;

	*finder = (struct finder){ .needle = needle, .nocase = nocase };
	if (needle.size == 0)
		return;
	for (size_t i = 1; i < needle.size; i++) {
		if (weight_of(finder, i) < weight_of(finder, first))
			first = i;
	}
	second = first == 0 ? needle.size - 1 : 0;
	for (size_t i = 0; i < needle.size; i++) {
		if (i != first && weight_of(finder, i) < weight_of(finder, second))
			second = i;
	}
	set_rare(finder, 0, first);
	set_rare(finder, 1, second);
}

bool finder_equal_nocase(struct bytes left, struct bytes right)
{
	if (left.size != right.size)
		return false;
	for (size_t i = 0; i < left.size; i++) {
		if (match_lower(left.ptr[i]) != match_lower(right.ptr[i]))
			return false;
	}
	return true;
}

static inline bool matches_at(const struct finder *finder, const uint8_t *place)
{
	struct bytes there = bytes_of(place, finder->needle.size);

	if (finder->nocase)
		return finder_equal_nocase(there, finder->needle);
	return memcmp(there.ptr, finder->needle.ptr, there.size) == 0;
}

/* 'places' is how many places there are for the needle to begin at. */
static size_t find_plain(const struct finder *finder, const uint8_t *data, size_t places)
{
	const uint8_t *first = data + finder->rare[0];
	const uint8_t *second = data + finder->rare[1];

	for (size_t i = 0; i < places; i++) {
		if ((first[i] | finder->rare_fold[0]) == finder->rare_value[0] &&
			(second[i] | finder->rare_fold[1]) == finder->rare_value[1] && matches_at(finder, data + i))
			return i;
	}
	return FINDER_NONE;
}

#if defined(__x86_64__)

/* The candidates of one step, one bit each, from the lowest place up. */
static inline size_t first_match(const struct finder *finder, const uint8_t *data, size_t start, uint32_t candidates)
{
	for (; candidates != 0; candidates &= candidates - 1) {
		size_t place = start + (size_t)__builtin_ctz(candidates);

		if (matches_at(finder, data + place))
			return place;
	}
	return FINDER_NONE;
}

/* One search loop for each vector width. The conversion of a loaded pointer is the one that the intrinsics ask for. */
#define FINDER_VECTOR(name, attribute, lanes, vector, load, set1, or, and, equal, mask)                                \
	attribute static size_t name(const struct finder *finder, const uint8_t *data, size_t places)                  \
	{                                                                                                              \
		const vector fold0 = set1((char)finder->rare_fold[0]), fold1 = set1((char)finder->rare_fold[1]);       \
		const vector value0 = set1((char)finder->rare_value[0]), value1 = set1((char)finder->rare_value[1]);   \
		const uint8_t *first = data + finder->rare[0];                                                         \
		const uint8_t *second = data + finder->rare[1];                                                        \
                                                                                                                       \
		for (size_t i = 0;; i = i + 2 * (lanes) <= places ? i + (lanes) : places - (lanes)) {                  \
			vector got0 = equal(or (load((const vector *)(const void *)(first + i)), fold0), value0);      \
			vector got1 = equal(or (load((const vector *)(const void *)(second + i)), fold1), value1);     \
			uint32_t candidates = (uint32_t)mask(and(got0, got1));                                         \
                                                                                                                       \
			if (candidates != 0) {                                                                         \
				size_t place = first_match(finder, data, i, candidates);                               \
                                                                                                                       \
				if (place != FINDER_NONE)                                                              \
					return place;                                                                  \
			}                                                                                              \
			if (i + (lanes) == places)                                                                     \
				return FINDER_NONE;                                                                    \
		}                                                                                                      \
	}

FINDER_VECTOR(find_sse2, , 16, __m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_or_si128, _mm_and_si128, _mm_cmpeq_epi8,
	_mm_movemask_epi8)
FINDER_VECTOR(find_avx2, __attribute__((target("avx2"))), 32, __m256i, _mm256_loadu_si256, _mm256_set1_epi8,
	_mm256_or_si256, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_movemask_epi8)

#undef FINDER_VECTOR

static size_t find_any(const struct finder *finder, const uint8_t *data, size_t places)
{
	if (places >= 32 && __builtin_cpu_supports("avx2"))
		return find_avx2(finder, data, places);
	if (places >= 16)
		return find_sse2(finder, data, places);
	return find_plain(finder, data, places);
}

#else

static size_t find_any(const struct finder *finder, const uint8_t *data, size_t places)
{
	return find_plain(finder, data, places);
}

#endif

size_t finder_find(const struct finder *finder, struct bytes in)
{
	const uint8_t *found;

	if (finder->needle.size > in.size)
		return FINDER_NONE;
	if (finder->needle.size == 0)
		return 0;
	if (finder->needle.size == 1 && finder->rare_fold[0] == 0) {
		found = memchr(in.ptr, finder->rare_value[0], in.size);
		return found ? (size_t)(found - in.ptr) : FINDER_NONE;
	}
	return find_any(finder, in.ptr, in.size - finder->needle.size + 1);
}
