// SPDX-License-Identifier: Apache-2.0
#include "hub/assess/answers.h"

#include <stdlib.h>

#include "base/digest.h"

static const char magic[4] = { 'L', 'T', 'A', '1' };

enum { HAS_HASH = 1, FIXED_SIZE = 1 + 1 + 1 + 8 + 4 + 4 + 1 + 2 };

const struct answer_text answer_texts[ANSWER_WORD_COUNT] = {
#define X(id, word, en, vi) { word, en, vi },
	ANSWER_WORDS(X)
#undef X
};

int answers_begin(struct answers_reader *reader, struct bytes packed)
{
	struct bytes head;
	uint16_t count = 0;

	*reader = (struct answers_reader){ 0 };
	if (bytes_empty(packed))
		return 0;
	reader->cur = cursor_over(packed);
	if (packed.size > ANSWERS_SIZE_MAX || !cursor_take(&reader->cur, sizeof(magic), &head) ||
		memcmp(head.ptr, magic, sizeof(magic)) != 0 || !cursor_u16be(&reader->cur, &count) ||
		count > ANSWERS_MAX)
		return LUYTRE_E_CORRUPT;
	reader->left = count;
	return 0;
}

/* A size of one byte, or of two, and so many bytes. */
static bool take(struct cursor *cur, bool wide, size_t max, struct bytes *ret)
{
	uint16_t size = 0;
	uint8_t small = 0;

	if (wide ? !cursor_u16be(cur, &size) : !cursor_u8(cur, &small))
		return false;
	size = wide ? size : small;
	return size <= max && cursor_take(cur, size, ret);
}

int answers_next(struct answers_reader *reader, struct answer *ret)
{
	struct cursor *cur = &reader->cur;
	uint8_t word, flags;
	uint64_t at;
	struct bytes hash;

	if (reader->left == 0)
		return cursor_left(cur) == 0 ? 0 : LUYTRE_E_CORRUPT;
	*ret = (struct answer){ 0 };
	if (!take(cur, false, LAW_KEY_SIZE - 1, &ret->key) || !cursor_u8(cur, &word) || !cursor_u8(cur, &flags) ||
		!cursor_u64be(cur, &at) || !cursor_u32be(cur, &ret->done_day) || !cursor_u32be(cur, &ret->until_day) ||
		!take(cur, false, ANSWER_BY_SIZE, &ret->by) || !take(cur, true, ANSWER_NOTE_SIZE, &ret->note))
		return LUYTRE_E_CORRUPT;
	if (word >= ANSWER_WORD_COUNT || flags > HAS_HASH || at > INT64_MAX || bytes_empty(ret->key) ||
		(reader->last.size > 0 && bytes_compare(reader->last, ret->key) >= 0))
		return LUYTRE_E_CORRUPT;
	if (flags & HAS_HASH) {
		if (!cursor_take(cur, ANSWER_HASH_SIZE, &hash))
			return LUYTRE_E_CORRUPT;
		ret->hash = hash.ptr;
	}
	ret->word = (enum answer_word)word;
	ret->at_us = (int64_t)at;
	reader->last = ret->key;
	reader->left--;
	return 1;
}

/* ---- Out ---- */

static uint8_t *put_number(uint8_t *out, uint64_t value, size_t size)
{
	for (size_t i = size; i > 0; i--) {
		out[i - 1] = (uint8_t)value;
		value >>= 8;
	}
	return out + size;
}

static uint8_t *put_bytes(uint8_t *out, struct bytes in)
{
	if (in.size > 0)
		memcpy(out, in.ptr, in.size);
	return out + in.size;
}

static bool fits(const struct answer *answer, const struct answer *before)
{
	return answer->key.size > 0 && answer->key.size < LAW_KEY_SIZE && answer->by.size <= ANSWER_BY_SIZE &&
	       answer->note.size <= ANSWER_NOTE_SIZE && answer->at_us >= 0 && answer->word < ANSWER_WORD_COUNT &&
	       (!before || bytes_compare(before->key, answer->key) < 0);
}

int answers_pack(const struct answer *answers, size_t count, uint8_t **ret, size_t *ret_size)
{
	size_t size = sizeof(magic) + 2;
	uint8_t *packed, *out;

	if (count > ANSWERS_MAX)
		return LUYTRE_E_FULL;
	for (size_t i = 0; i < count; i++) {
		if (!fits(&answers[i], i ? &answers[i - 1] : NULL))
			return LUYTRE_E_INVALID;
		size += FIXED_SIZE + answers[i].key.size + answers[i].by.size + answers[i].note.size +
			(answers[i].hash ? ANSWER_HASH_SIZE : 0);
	}
	if (size > ANSWERS_SIZE_MAX)
		return LUYTRE_E_FULL;
	packed = malloc(size);
	if (!packed)
		return LUYTRE_E_NOMEM;
	out = put_bytes(packed, bytes_of(magic, sizeof(magic)));
	out = put_number(out, count, 2);
	for (size_t i = 0; i < count; i++) {
		const struct answer *answer = &answers[i];

		out = put_bytes(put_number(out, answer->key.size, 1), answer->key);
		out = put_number(out, answer->word, 1);
		out = put_number(out, answer->hash ? HAS_HASH : 0, 1);
		out = put_number(out, (uint64_t)answer->at_us, 8);
		out = put_number(put_number(out, answer->done_day, 4), answer->until_day, 4);
		out = put_bytes(put_number(out, answer->by.size, 1), answer->by);
		out = put_bytes(put_number(out, answer->note.size, 2), answer->note);
		if (answer->hash)
			out = put_bytes(out, bytes_of(answer->hash, ANSWER_HASH_SIZE));
	}
	*ret = packed;
	*ret_size = size;
	return 0;
}

int answer_hash(const struct answer *answer, uint8_t hash[ANSWER_HASH_SIZE])
{
	uint8_t *packed;
	size_t size;
	int error = answers_pack(answer, 1, &packed, &size);

	if (error)
		return error;
	error = digest_sha256(bytes_of(packed, size), hash);
	free(packed);
	return error;
}
