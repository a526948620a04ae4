// SPDX-License-Identifier: Apache-2.0
/* Reading JSON (RFC 8259) from outsiders: the jansson library behind ceilings, and accessors that collect what is wrong.
 *
 * jsonr_parse counts bytes, depth and values before the library sees the text, so that a megabyte of "[[],[],..." cannot
 * become sixty of memory. Keys that occur twice, bytes that are not UTF-8, the character U+0000 and integers beyond 64
 * bits are refused; integers are kept whole, never turned into doubles.
 *
 * A reader (struct jsonr) is a value and where it stands. Readers live on the caller's stack, a child points to its
 * parent; what does not fit is noted in the list of errors with a JSON pointer (RFC 6901), and reading goes on, so that
 * a person is told everything at once:
 *
 *	jsonr_root(&body, document, &errors);
 *	jsonr_string(&body, "name", JSONR_NEEDED, 1, 64, &name);
 *	jsonr_i64(&body, "level", JSONR_NEEDED, 1, 5, &level);
 *	if (errors.count > 0) ...
 *
 * An accessor answers true when the value is there and fits, and writes '*ret' only then. Views live as long as the
 * document. A document may be read by several threads, but an error list has one owner. */
#pragma once

#include <jansson.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/jsonw.h"

/* X(identifier, code, English, Vietnamese). The code is for programs and never changes. %1 and %2 stand for numbers. */
#define JSONR_FAULTS(X)                                                                                                \
	X(SYNTAX, "syntax", "This is not JSON (line %1, column %2).", "Đây không phải JSON (dòng %1, cột %2).")        \
	X(DUPLICATE, "duplicate-key", "A key occurs twice (line %1, column %2).", "Khóa bị lặp (dòng %1, cột %2).")    \
	X(UTF8, "utf-8", "This is not UTF-8 (line %1, column %2).", "Không phải UTF-8 (dòng %1, cột %2).")             \
	X(NUMBER, "number", "The number is too large (line %1, column %2).", "Số quá lớn (dòng %1, cột %2).")          \
	X(SIZE, "too-large", "The text is longer than %1 bytes.", "Văn bản dài quá %1 byte.")                          \
	X(DEPTH, "too-deep", "It is nested deeper than %1.", "Lồng sâu quá %1 mức.")                                   \
	X(COUNT, "too-many", "It has more than %1 values.", "Có quá %1 giá trị.")                                      \
	X(MEMORY, "no-memory", "There is not enough memory.", "Không đủ bộ nhớ.")                                      \
	X(MISSING, "missing", "This is required.", "Bắt buộc phải có.")                                                \
	X(TYPE, "type", "The value has the wrong type.", "Giá trị sai kiểu.")                                          \
	X(RANGE, "range", "The number must be between %1 and %2.", "Số phải nằm giữa %1 và %2.")                       \
	X(LENGTH, "length", "It must have %1 to %2 characters.", "Phải có từ %1 đến %2 ký tự.")                        \
	X(ITEMS, "items", "It must have %1 to %2 items.", "Phải có từ %1 đến %2 phần tử.")                             \
	X(UNIQUE, "not-unique", "An item occurs twice.", "Có phần tử bị lặp.")                                         \
	X(ENUM, "not-in-list", "The value is not one of those allowed.", "Giá trị không thuộc các giá trị cho phép.")  \
	X(FORM, "form", "The value does not have the expected form.", "Giá trị không đúng dạng mong đợi.")             \
	X(UNKNOWN, "unknown", "This is not known here.", "Ở đây không có mục này.")                                    \
	X(CONFLICT, "conflict", "It contradicts another value.", "Mâu thuẫn với giá trị khác.")

enum jsonr_fault {
#define X(id, code, en, vi) JSONR_##id,
	JSONR_FAULTS(X)
#undef X
		JSONR_FAULT_COUNT
};

enum {
	JSONR_POINTER_SIZE = 160, /* longer pointers are cut */
	JSONR_ERRORS_MAX = 16,
	JSONR_SENTENCE_SIZE = 160,
};

struct jsonr_error {
	enum jsonr_fault fault;
	int64_t low, high; /* %1 and %2 */
	char pointer[JSONR_POINTER_SIZE]; /* "" is the document itself */
};

/* All zeros is an empty list. */
struct jsonr_errors {
	struct jsonr_error items[JSONR_ERRORS_MAX];
	size_t count; /* of items */
	size_t left_out; /* further ones */
};

struct jsonr_limits {
	size_t size_max; /* bytes */
	size_t depth_max; /* objects and arrays in one another; 1 is a flat object */
	size_t value_max; /* values in all */
};

/* 1 MiB, 16 deep, 50,000 values: a request to the hub. */
extern const struct jsonr_limits jsonr_limits_default;

/* Reads a whole document, which may be any value. '*ret' is freed with json_decref. 0, or with the one reason in 'errors'
 * LUYTRE_E_SYNTAX, LUYTRE_E_FULL (a ceiling), LUYTRE_E_RANGE (a number), LUYTRE_E_NOMEM. */
MUST_CHECK int jsonr_parse(
	struct bytes text, const struct jsonr_limits *limits, struct jsonr_errors *errors, json_t **ret);

enum jsonr_need { JSONR_OPTIONAL, JSONR_NEEDED };

/* The fields are read by callers as they like; written by the functions here. */
struct jsonr {
	const struct jsonr *parent; /* null for the document */
	const char *key; /* in an object; null in an array */
	size_t index; /* in an array */
	const json_t *value; /* borrowed; null when it is not there */
	struct jsonr_errors *errors;
};

void jsonr_root(struct jsonr *ret, const json_t *document, struct jsonr_errors *errors);

/* The member of an object, the item of an array; with value null when there is none. Notes nothing. */
struct jsonr jsonr_member(const struct jsonr *object, const char *key);
struct jsonr jsonr_item(const struct jsonr *array, size_t index);

/* Notes that this value is wrong. */
void jsonr_fail(const struct jsonr *at, enum jsonr_fault fault, int64_t low, int64_t high);

/* Members of an object. Null counts as not there. A missing one is noted only when needed. Lengths are in characters,
 * not bytes. */
bool jsonr_string(const struct jsonr *object, const char *key, enum jsonr_need need, size_t length_min,
	size_t length_max, struct bytes *ret);
bool jsonr_i64(
	const struct jsonr *object, const char *key, enum jsonr_need need, int64_t min, int64_t max, int64_t *ret);
bool jsonr_double(const struct jsonr *object, const char *key, enum jsonr_need need, double *ret);
bool jsonr_bool(const struct jsonr *object, const char *key, enum jsonr_need need, bool *ret);
bool jsonr_object(const struct jsonr *object, const char *key, enum jsonr_need need, struct jsonr *ret);
bool jsonr_array(
	const struct jsonr *object, const char *key, enum jsonr_need need, size_t items_max, struct jsonr *ret);
/* One of 'words'; '*ret' is its place. */
bool jsonr_word(const struct jsonr *object, const char *key, enum jsonr_need need, const char *const *words,
	size_t word_count, size_t *ret);

/* Notes the members of an object that are not in 'keys'. */
void jsonr_known(const struct jsonr *object, const char *const *keys, size_t key_count);

/* "not-in-list". */
const char *jsonr_fault_code(enum jsonr_fault fault);

/* The error as a sentence. Returns 'text'. */
const char *jsonr_error_text(const struct jsonr_error *error, enum luytre_lang lang, char text[JSONR_SENTENCE_SIZE]);

/* Characters of valid UTF-8. */
size_t jsonr_length(struct bytes text);

/* Writes what was read. Objects and arrays deeper in one another than 'depth_max' become null: what was read without a bound can be
 * written into a text that has one. */
void jsonr_write(const json_t *value, size_t depth_max, struct jsonw *json);
