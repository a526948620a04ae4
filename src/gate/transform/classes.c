// SPDX-License-Identifier: Apache-2.0
/* Sixteen or thirty-two bytes at a time: seen as a table of 16 rows (high half of a byte) and 16 columns (low half), most classes
 * are one rectangle, some two or three. Eight rectangles fit the bits of a byte, so two look-ups, the columns' by the low half and
 * the rows' by the high half, tell for each byte in which of eight rectangles it lies. The results of all bytes are or-ed.
 *
 * The first rectangle of each class has the class's own bit number; EXTRAS are the further ones. */
#include "gate/transform/transform-internal.h"

/* X(parameter, bit, rows, columns): rows and columns as sets of bits. */
#define ROWS_0(X, p)                                                                                                   \
	X(p, 0, 0x0010, 0xfffe) /* A-O */                                                                              \
	X(p, 1, 0x0040, 0xfffe) /* a-o */                                                                              \
	X(p, 2, 0x0008, 0x03ff) /* 0-9 */                                                                              \
	X(p, 3, 0x0001, 0x3e00) /* \t-\r */                                                                            \
	X(p, 4, 0x0001, 0x0001) /* NUL */                                                                              \
	X(p, 5, 0x0004, 0x0020) /* % */                                                                                \
	X(p, 6, 0x0004, 0x0800) /* + */                                                                                \
	X(p, 7, 0x0004, 0x0040) /* & */
#define ROWS_1(X, p)                                                                                                   \
	X(p, 0, 0x0020, 0x1000) /* \ */                                                                                \
	X(p, 1, 0x0004, 0x8000) /* / */                                                                                \
	X(p, 2, 0x0004, 0x4000) /* . */                                                                                \
	X(p, 3, 0x0004, 0x0084) /* " ' */                                                                              \
	X(p, 4, 0x0020, 0x4000) /* ^ */                                                                                \
	X(p, 5, 0x0004, 0x1000) /* , */                                                                                \
	X(p, 6, 0x0008, 0x0800) /* ; */                                                                                \
	X(p, 7, 0x0008, 0x5000) /* < > */
#define ROWS_2(X, p)                                                                                                   \
	X(p, 0, 0x0004, 0x0300) /* ( ) */                                                                              \
	X(p, 1, 0x0004, 0x0008) /* # */                                                                                \
	X(p, 2, 0x0004, 0x0400) /* * */                                                                                \
	X(p, 3, 0x0004, 0x2000) /* - */                                                                                \
	X(p, 4, 0xff00, 0xffff) /* high */                                                                             \
	X(p, 5, 0x0400, 0x0001) /* 0xa0 */                                                                             \
	X(p, 6, 0x0001, 0xc1fe) /* 0x01-0x08, 0x0e, 0x0f */                                                            \
	X(p, 7, 0x0004, 0x0012) /* ! $ */
#define ROWS_3(X, p)                                                                                                   \
	X(p, 0, 0x0020, 0x07ff) /* P-Z */                                                                              \
	X(p, 1, 0x0080, 0x07ff) /* p-z */                                                                              \
	X(p, 2, 0x0004, 0x0001) /* blank */                                                                            \
	X(p, 3, 0x0040, 0x0001) /* ` */                                                                                \
	X(p, 4, 0x0002, 0xffff) /* 0x10-0x1f */                                                                        \
	X(p, 5, 0x0080, 0x8000) /* 0x7f */                                                                             \
	X(p, 6, 0x0008, 0xa400) /* : = ? */                                                                            \
	X(p, 7, 0x0010, 0x0001) /* @ */
#define ROWS_4(X, p)                                                                                                   \
	X(p, 0, 0x0020, 0xa800) /* [ ] _ */                                                                            \
	X(p, 1, 0x0080, 0x7800) /* { | } ~ */                                                                          \
	X(p, 2, 0x1000, 0x0004) /* 0xc2 */

static const uint32_t extras[] = { CLASS_UPPER, CLASS_LOWER, CLASS_SPACE, CLASS_QUOTE, CLASS_CONTROL, CLASS_CONTROL,
	CLASS_OTHER, CLASS_OTHER, CLASS_OTHER, CLASS_OTHER, CLASS_NBSP };

/* 'seen' has one bit for each rectangle. */
static uint32_t classes_of(uint64_t seen)
{
	uint32_t classes = (uint32_t)(seen & 0xffffff);

	for (uint64_t more = seen >> 24; more != 0; more &= more - 1)
		classes |= extras[__builtin_ctzll(more)];
	return classes;
}

/* The bit of a rectangle, when a byte lies in it, and the same for a column alone and a row alone. */
#define OF_BYTE(byte, bit, rows, columns)     | (((rows) >> ((byte) >> 4) & (columns) >> ((byte)&15) & 1) << (bit))
#define OF_COLUMN(column, bit, rows, columns) | (((columns) >> (column)&1) << (bit))
#define OF_ROW(row, bit, rows, columns)       | (((rows) >> (row)&1) << (bit))

#define SEEN(byte)                                                                                                     \
	((uint64_t)(0 ROWS_0(OF_BYTE, byte)) | (uint64_t)(0 ROWS_1(OF_BYTE, byte)) << 8 |                              \
		(uint64_t)(0 ROWS_2(OF_BYTE, byte)) << 16 | (uint64_t)(0 ROWS_3(OF_BYTE, byte)) << 24 |                \
		(uint64_t)(0 ROWS_4(OF_BYTE, byte)) << 32)
#define SEEN_4(byte)  SEEN(byte), SEEN((byte) + 1), SEEN((byte) + 2), SEEN((byte) + 3)
#define SEEN_16(byte) SEEN_4(byte), SEEN_4((byte) + 4), SEEN_4((byte) + 8), SEEN_4((byte) + 12)
#define SEEN_64(byte) SEEN_16(byte), SEEN_16((byte) + 16), SEEN_16((byte) + 32), SEEN_16((byte) + 48)

/* For each byte, the rectangles in which it lies. */
static const uint64_t seen_of[256] = { SEEN_64(0), SEEN_64(64), SEEN_64(128), SEEN_64(192) };

static uint64_t seen_plain(struct bytes in)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < in.size; i++)
		seen |= seen_of[in.ptr[i]];
	return seen;
}

#if defined(__x86_64__)

#define HALVES(ROWS, OF)                                                                                               \
	{                                                                                                              \
		0 ROWS(OF, 0), 0 ROWS(OF, 1), 0 ROWS(OF, 2), 0 ROWS(OF, 3), 0 ROWS(OF, 4), 0 ROWS(OF, 5),              \
			0 ROWS(OF, 6), 0 ROWS(OF, 7), 0 ROWS(OF, 8), 0 ROWS(OF, 9), 0 ROWS(OF, 10), 0 ROWS(OF, 11),    \
			0 ROWS(OF, 12), 0 ROWS(OF, 13), 0 ROWS(OF, 14), 0 ROWS(OF, 15)                                 \
	}

#define GROUP_COUNT 5

static const _Alignas(16) uint8_t columns_of[GROUP_COUNT][16] = { HALVES(ROWS_0, OF_COLUMN), HALVES(ROWS_1, OF_COLUMN),
	HALVES(ROWS_2, OF_COLUMN), HALVES(ROWS_3, OF_COLUMN), HALVES(ROWS_4, OF_COLUMN) };
static const _Alignas(16) uint8_t rows_of[GROUP_COUNT][16] = { HALVES(ROWS_0, OF_ROW), HALVES(ROWS_1, OF_ROW),
	HALVES(ROWS_2, OF_ROW), HALVES(ROWS_3, OF_ROW), HALVES(ROWS_4, OF_ROW) };

static inline __m128i load(const uint8_t *place)
{
	return _mm_loadu_si128((const __m128i *)(const void *)place);
}

/* Or of the bytes of each pair of lanes, left and right next to each other: after three of these one lane holds eight. */
static inline __m128i fold8(__m128i left, __m128i right)
{
	return _mm_or_si128(_mm_unpacklo_epi8(left, right), _mm_unpackhi_epi8(left, right));
}

static inline __m128i fold16(__m128i left, __m128i right)
{
	return _mm_or_si128(_mm_unpacklo_epi16(left, right), _mm_unpackhi_epi16(left, right));
}

static inline __m128i fold32(__m128i left, __m128i right)
{
	return _mm_or_si128(_mm_unpacklo_epi32(left, right), _mm_unpackhi_epi32(left, right));
}

static inline uint64_t seen_in(const __m128i group[GROUP_COUNT])
{
	__m128i zero = _mm_setzero_si128();
	__m128i low = fold16(fold8(group[0], group[1]), fold8(group[2], group[3]));
	__m128i high = fold16(fold8(group[4], zero), zero);
	__m128i all = fold32(low, high);

	return (uint64_t)_mm_cvtsi128_si64(_mm_or_si128(all, _mm_unpackhi_epi64(all, all)));
}

/* 16 bytes or more. The last step overlaps the one before it. */
__attribute__((target("ssse3"))) static uint64_t seen_ssse3(struct bytes in)
{
	const __m128i nibble = _mm_set1_epi8(15);
	__m128i group[GROUP_COUNT] = { 0 };

	for (size_t i = 0;; i = i + 32 <= in.size ? i + 16 : in.size - 16) {
		__m128i here = load(in.ptr + i);
		__m128i column = _mm_and_si128(here, nibble), row = _mm_and_si128(_mm_srli_epi16(here, 4), nibble);

#pragma GCC unroll 5
		for (size_t j = 0; j < GROUP_COUNT; j++)
			group[j] = _mm_or_si128(group[j], _mm_and_si128(_mm_shuffle_epi8(load(columns_of[j]), column),
								  _mm_shuffle_epi8(load(rows_of[j]), row)));
		if (i + 16 == in.size)
			return seen_in(group);
	}
}

/* 32 bytes or more, as above. */
__attribute__((target("avx2"))) static uint64_t seen_avx2(struct bytes in)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i group[GROUP_COUNT] = { 0 };
	__m128i half[GROUP_COUNT];

	for (size_t i = 0;; i = i + 64 <= in.size ? i + 32 : in.size - 32) {
		__m256i here = _mm256_loadu_si256((const __m256i *)(const void *)(in.ptr + i));
		__m256i column = _mm256_and_si256(here, nibble);
		__m256i row = _mm256_and_si256(_mm256_srli_epi16(here, 4), nibble);

#pragma GCC unroll 5
		for (size_t j = 0; j < GROUP_COUNT; j++) {
			__m256i columns = _mm256_broadcastsi128_si256(load(columns_of[j]));
			__m256i rows = _mm256_broadcastsi128_si256(load(rows_of[j]));

			group[j] = _mm256_or_si256(group[j],
				_mm256_and_si256(_mm256_shuffle_epi8(columns, column), _mm256_shuffle_epi8(rows, row)));
		}
		if (i + 32 == in.size)
			break;
	}
	for (size_t j = 0; j < GROUP_COUNT; j++)
		half[j] = _mm_or_si128(_mm256_castsi256_si128(group[j]), _mm256_extracti128_si256(group[j], 1));
	return seen_in(half);
}

static uint64_t seen_any(struct bytes in)
{
	if (in.size >= 32 && __builtin_cpu_supports("avx2"))
		return seen_avx2(in);
	if (in.size >= 16 && __builtin_cpu_supports("ssse3"))
		return seen_ssse3(in);
	return seen_plain(in);
}

#else

static uint64_t seen_any(struct bytes in)
{
	return seen_plain(in);
}

#endif

uint32_t transform_classes(struct bytes in)
{
	return classes_of(seen_any(in));
}
