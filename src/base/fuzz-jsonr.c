// SPDX-License-Identifier: Apache-2.0
/* Whatever is accepted keeps to the ceilings and reads the same after it was written; whatever is refused says why. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/jsonr.h"

enum { DEPTH_MAX = 16, VALUE_MAX = 2000 };

static size_t depth_of(const json_t *value)
{
	size_t deepest = 0, index;
	const json_t *item;
	const char *key;

	if (json_is_array(value)) {
		json_array_foreach (value, index, item) {
			size_t depth = depth_of(item);

			deepest = depth > deepest ? depth : deepest;
		}
		return deepest + 1;
	}
	if (!json_is_object(value))
		return 0;
	json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
		size_t depth = depth_of(item);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static void read_members(const struct jsonr *root)
{
	static const char *const words[] = { "a", "b" };
	struct jsonr in;
	struct bytes text;
	int64_t number;
	size_t word;

	if (jsonr_string(root, "a", JSONR_NEEDED, 1, 8, &text))
		assert(jsonr_length(text) >= 1 && jsonr_length(text) <= 8);
	if (jsonr_i64(root, "b", JSONR_OPTIONAL, -5, 5, &number))
		assert(number >= -5 && number <= 5);
	if (jsonr_word(root, "a", JSONR_NEEDED, words, 2, &word))
		assert(word < 2);
	if (jsonr_object(root, "c", JSONR_NEEDED, &in))
		jsonr_known(&in, words, 2);
	jsonr_known(root, words, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jsonr_limits limits = {
		.size_max = 1 << 16, .depth_max = DEPTH_MAX, .value_max = VALUE_MAX
	};
	struct jsonr_errors errors = { 0 };
	char sentence[JSONR_SENTENCE_SIZE];
	json_t *document, *again;
	struct jsonr root;
	char *text;
	int error = jsonr_parse(bytes_of(data, size), &limits, &errors, &document);

	assert(error == 0 ? errors.count == 0 : errors.count == 1);
	if (error == 0) {
		assert(depth_of(document) <= DEPTH_MAX);
		jsonr_root(&root, document, &errors);
		read_members(&root);
		text = json_dumps(document, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
		assert(text);
		again = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
		assert(again && json_equal(again, document));
		json_decref(again);
		json_decref(document);
		free(text);
	}
	for (size_t i = 0; i < errors.count; i++) {
		assert(strlen(errors.items[i].pointer) < JSONR_POINTER_SIZE);
		jsonr_error_text(&errors.items[i], LUYTRE_LANG_VI, sentence);
		assert(strlen(sentence) < JSONR_SENTENCE_SIZE);
	}
	return 0;
}
