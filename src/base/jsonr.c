// SPDX-License-Identifier: Apache-2.0
/* Jansson builds the tree; what it cannot limit is counted in one pass over the text before. */
#include "base/jsonr.h"

#include <stdio.h>

const struct jsonr_limits jsonr_limits_default = { .size_max = 1 << 20, .depth_max = 16, .value_max = 50000 };

static const struct {
	const char *code;
	const char *text[2]; /* by enum luytre_lang */
} faults[JSONR_FAULT_COUNT] = {
#define X(id, code, en, vi) [JSONR_##id] = { code, { en, vi } },
	JSONR_FAULTS(X)
#undef X
};

static void note(struct jsonr_errors *errors, struct jsonr_error error)
{
	if (errors->count < JSONR_ERRORS_MAX)
		errors->items[errors->count++] = error;
	else
		errors->left_out++;
}

static int refuse(struct jsonr_errors *errors, enum jsonr_fault fault, int64_t low, int64_t high, int error)
{
	note(errors, (struct jsonr_error){ .fault = fault, .low = low, .high = high });
	return error;
}

/* The end of a string that begins at 'at' (its quote), or the end of the text. */
static size_t string_end(struct bytes text, size_t at)
{
	for (at++; at < text.size && text.ptr[at] != '"'; at++) {
		if (text.ptr[at] == '\\')
			at++;
	}
	return at;
}

/* Depth and number of values, at least: each opening bracket and each comma begins one more value. */
static int measure(struct bytes text, const struct jsonr_limits *limits, struct jsonr_errors *errors)
{
	size_t depth = 0, count = 1;

	for (size_t at = 0; at < text.size; at++) {
		switch (text.ptr[at]) {
		case '"':
			at = string_end(text, at);
			break;
		case '[':
		case '{':
			count++;
			if (++depth > limits->depth_max)
				return refuse(errors, JSONR_DEPTH, (int64_t)limits->depth_max, 0, LUYTRE_E_FULL);
			break;
		case ']':
		case '}':
			depth -= depth > 0;
			break;
		case ',':
			count++;
			break;
		default:
			break;
		}
		if (count > limits->value_max)
			return refuse(errors, JSONR_COUNT, (int64_t)limits->value_max, 0, LUYTRE_E_FULL);
	}
	return 0;
}

static int refuse_syntax(const json_error_t *why, struct jsonr_errors *errors)
{
	int64_t line = why->line > 0 ? why->line : 1;
	int64_t column = why->column > 0 ? why->column : 1;

	switch (json_error_code(why)) {
	case json_error_out_of_memory:
		return refuse(errors, JSONR_MEMORY, 0, 0, LUYTRE_E_NOMEM);
	case json_error_duplicate_key:
		return refuse(errors, JSONR_DUPLICATE, line, column, LUYTRE_E_SYNTAX);
	case json_error_invalid_utf8:
		return refuse(errors, JSONR_UTF8, line, column, LUYTRE_E_SYNTAX);
	case json_error_numeric_overflow:
		return refuse(errors, JSONR_NUMBER, line, column, LUYTRE_E_RANGE);
	default:
		return refuse(errors, JSONR_SYNTAX, line, column, LUYTRE_E_SYNTAX);
	}
}

int jsonr_parse(struct bytes text, const struct jsonr_limits *limits, struct jsonr_errors *errors, json_t **ret)
{
	json_error_t why;
	json_t *document;
	int error;

	if (text.size > limits->size_max)
		return refuse(errors, JSONR_SIZE, (int64_t)limits->size_max, 0, LUYTRE_E_FULL);
	error = measure(text, limits, errors);
	if (error < 0)
		return error;
	if (bytes_empty(text))
		return refuse(errors, JSONR_SYNTAX, 1, 1, LUYTRE_E_SYNTAX);
	document = json_loadb((const char *)text.ptr, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!document)
		return refuse_syntax(&why, errors);
	*ret = document;
	return 0;
}

void jsonr_root(struct jsonr *ret, const json_t *document, struct jsonr_errors *errors)
{
	*ret = (struct jsonr){ .value = document, .errors = errors };
}

struct jsonr jsonr_member(const struct jsonr *object, const char *key)
{
	return (struct jsonr){
		.parent = object, .key = key, .value = json_object_get(object->value, key), .errors = object->errors
	};
}

struct jsonr jsonr_item(const struct jsonr *array, size_t index)
{
	return (struct jsonr){
		.parent = array, .index = index, .value = json_array_get(array->value, index), .errors = array->errors
	};
}

/* Writes "/name" or "/3" behind what is there; what does not fit is left away. */
static size_t append_token(char *text, size_t size, const struct jsonr *at)
{
	char number[24];
	const char *token = at->key;

	if (!token) {
		snprintf(number, sizeof(number), "%zu", at->index);
		token = number;
	}
	if (size + 4 < JSONR_POINTER_SIZE)
		text[size++] = '/';
	for (; *token; token++) {
		bool escaped = *token == '~' || *token == '/';

		/* Room for the longest character, asked where one begins: none is cut in the middle. */
		if (((uint8_t)*token & 0xc0) != 0x80 && size + 4 >= JSONR_POINTER_SIZE)
			break;
		if (escaped)
			text[size++] = '~';
		text[size++] = (char)(*token == '~' ? '0' : *token == '/' ? '1' : *token);
	}
	text[size] = '\0';
	return size;
}

enum { PATH_MAX_DEPTH = 64 };

void jsonr_fail(const struct jsonr *at, enum jsonr_fault fault, int64_t low, int64_t high)
{
	struct jsonr_error error = { .fault = fault, .low = low, .high = high };
	const struct jsonr *path[PATH_MAX_DEPTH];
	size_t depth = 0, size = 0;

	for (const struct jsonr *node = at; node->parent && depth < PATH_MAX_DEPTH; node = node->parent)
		path[depth++] = node;
	while (depth > 0)
		size = append_token(error.pointer, size, path[--depth]);
	note(at->errors, error);
}

/* The member when it is there; a missing one is noted when it is needed. */
static bool present(const struct jsonr *object, const char *key, enum jsonr_need need, struct jsonr *ret)
{
	*ret = jsonr_member(object, key);
	if (ret->value && !json_is_null(ret->value))
		return true;
	if (need == JSONR_NEEDED)
		jsonr_fail(ret, JSONR_MISSING, 0, 0);
	return false;
}

static bool typed(const struct jsonr *object, const char *key, enum jsonr_need need, json_type type, struct jsonr *ret)
{
	if (!present(object, key, need, ret))
		return false;
	if (json_typeof(ret->value) == type)
		return true;
	jsonr_fail(ret, JSONR_TYPE, 0, 0);
	return false;
}

bool jsonr_string(const struct jsonr *object, const char *key, enum jsonr_need need, size_t length_min,
	size_t length_max, struct bytes *ret)
{
	struct jsonr at;
	struct bytes text;
	size_t length;

	if (!typed(object, key, need, JSON_STRING, &at))
		return false;
	text = bytes_of(json_string_value(at.value), json_string_length(at.value));
	length = jsonr_length(text);
	if (length < length_min || length > length_max) {
		jsonr_fail(&at, JSONR_LENGTH, (int64_t)length_min, (int64_t)length_max);
		return false;
	}
	*ret = text;
	return true;
}

bool jsonr_i64(
	const struct jsonr *object, const char *key, enum jsonr_need need, int64_t min, int64_t max, int64_t *ret)
{
	struct jsonr at;
	int64_t value;

	if (!typed(object, key, need, JSON_INTEGER, &at))
		return false;
	value = json_integer_value(at.value);
	if (value < min || value > max) {
		jsonr_fail(&at, JSONR_RANGE, min, max);
		return false;
	}
	*ret = value;
	return true;
}

bool jsonr_double(const struct jsonr *object, const char *key, enum jsonr_need need, double *ret)
{
	struct jsonr at;

	if (!present(object, key, need, &at))
		return false;
	if (!json_is_number(at.value)) {
		jsonr_fail(&at, JSONR_TYPE, 0, 0);
		return false;
	}
	*ret = json_number_value(at.value);
	return true;
}

bool jsonr_bool(const struct jsonr *object, const char *key, enum jsonr_need need, bool *ret)
{
	struct jsonr at;

	if (!present(object, key, need, &at))
		return false;
	if (!json_is_boolean(at.value)) {
		jsonr_fail(&at, JSONR_TYPE, 0, 0);
		return false;
	}
	*ret = json_is_true(at.value);
	return true;
}

bool jsonr_object(const struct jsonr *object, const char *key, enum jsonr_need need, struct jsonr *ret)
{
	struct jsonr at;

	if (!typed(object, key, need, JSON_OBJECT, &at))
		return false;
	*ret = at;
	return true;
}

bool jsonr_array(const struct jsonr *object, const char *key, enum jsonr_need need, size_t items_max, struct jsonr *ret)
{
	struct jsonr at;

	if (!typed(object, key, need, JSON_ARRAY, &at))
		return false;
	if (json_array_size(at.value) > items_max) {
		jsonr_fail(&at, JSONR_ITEMS, 0, (int64_t)items_max);
		return false;
	}
	*ret = at;
	return true;
}

bool jsonr_word(const struct jsonr *object, const char *key, enum jsonr_need need, const char *const *words,
	size_t word_count, size_t *ret)
{
	struct jsonr at;

	if (!typed(object, key, need, JSON_STRING, &at))
		return false;
	for (size_t i = 0; i < word_count; i++) {
		if (strcmp(json_string_value(at.value), words[i]) == 0) {
			*ret = i;
			return true;
		}
	}
	jsonr_fail(&at, JSONR_ENUM, 0, 0);
	return false;
}

void jsonr_known(const struct jsonr *object, const char *const *keys, size_t key_count)
{
	/* Jansson's iterators are not const, though they change nothing. */
	json_t *value = (json_t *)(uintptr_t)object->value;

	for (void *iter = json_object_iter(value); iter; iter = json_object_iter_next(value, iter)) {
		const char *key = json_object_iter_key(iter);
		size_t i = 0;

		while (i < key_count && strcmp(key, keys[i]) != 0)
			i++;
		if (i == key_count) {
			struct jsonr at = jsonr_member(object, key);

			jsonr_fail(&at, JSONR_UNKNOWN, 0, 0);
		}
	}
}

const char *jsonr_fault_code(enum jsonr_fault fault)
{
	return faults[fault].code;
}

const char *jsonr_error_text(const struct jsonr_error *error, enum luytre_lang lang, char text[JSONR_SENTENCE_SIZE])
{
	const char *from = faults[error->fault].text[lang];
	size_t size = 0;

	while (*from && size + 24 < JSONR_SENTENCE_SIZE) {
		if (from[0] == '%' && (from[1] == '1' || from[1] == '2')) {
			size += (size_t)snprintf(text + size, JSONR_SENTENCE_SIZE - size, "%lld",
				(long long)(from[1] == '1' ? error->low : error->high));
			from += 2;
		} else {
			text[size++] = *from++;
		}
	}
	text[size] = '\0';
	return text;
}

size_t jsonr_length(struct bytes text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.size; i++)
		count += (text.ptr[i] & 0xc0) != 0x80;
	return count;
}

static void write_members(const json_t *value, size_t depth_max, struct jsonw *json)
{
	const char *key;
	json_t *member;

	jsonw_object_begin(json);
	json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
		jsonw_key(json, key);
		jsonr_write(member, depth_max, json);
	}
	jsonw_object_end(json);
}

static void write_items(const json_t *value, size_t depth_max, struct jsonw *json)
{
	jsonw_array_begin(json);
	for (size_t i = 0; i < json_array_size(value); i++)
		jsonr_write(json_array_get(value, i), depth_max, json);
	jsonw_array_end(json);
}

void jsonr_write(const json_t *value, size_t depth_max, struct jsonw *json)
{
	bool nests = json_is_object(value) || json_is_array(value);

	switch (nests && depth_max == 0 ? JSON_NULL : json_typeof(value)) {
	case JSON_OBJECT:
		write_members(value, depth_max - 1, json);
		break;
	case JSON_ARRAY:
		write_items(value, depth_max - 1, json);
		break;
	case JSON_STRING:
		jsonw_string_bytes(json, bytes_of(json_string_value(value), json_string_length(value)));
		break;
	case JSON_INTEGER:
		jsonw_i64(json, json_integer_value(value));
		break;
	case JSON_REAL:
		jsonw_double(json, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		jsonw_bool(json, json_is_true(value));
		break;
	case JSON_NULL:
		jsonw_null(json);
		break;
	}
}
