// SPDX-License-Identifier: Apache-2.0
/* Numbers in buffers: how byte_test, byte_jump, byte_extract and byte_math read them, and how bsize and its like compare. */
#pragma once

#include "sensor/detect/detect.h"

struct rule_builder;

enum { VALUE_ENDIAN_BIG, VALUE_ENDIAN_LITTLE, VALUE_ENDIAN_DCE };

/* Where a number stands and how it is written. A variable index of -1 means that the fixed value counts. */
struct value_place {
	uint32_t size; /* bytes */
	int32_t offset;
	int8_t size_var, offset_var;
	uint8_t base; /* of a number in text: 8, 10, 16; 0: text, base by its prefix */
	bool is_text, relative;
	uint8_t endian;
	bool has_mask;
	uint64_t mask;
};

/* Reads it. '*ret_end' is the position behind it. False: the buffer does not hold it. */
bool value_read(const struct detect_context *context, const struct detect_buffer *buffer,
	const struct value_place *place, uint64_t *ret, int64_t *ret_end);

/* A fixed number or a variable's name: 0 or an error that was said. */
int value_parse_operand(struct rule_builder *builder, struct bytes text, const char *what, int64_t low, int64_t high,
	int64_t *ret, int8_t *ret_var);

/* "big", "little", "dce", "string", "hex", "dec", "oct", "relative", "bitmask 0x.." of byte_test, byte_jump, byte_extract:
 * true when the word was one of them. */
bool value_parse_option(struct bytes word, struct value_place *place);

/* Whether a text with such a number can be so long; null or what is wrong. */
const char *value_check(const struct value_place *place);

/* rule_builder_add for a condition that may be relative: without a sticky buffer it belongs to the buffer of the content
 * before it ("uricontent:"x"; isdataat:4,relative;"). */
struct rule_match *value_add(struct rule_builder *builder, const struct rule_match_ops *ops, void *data, bool relative);

struct value_range {
	uint8_t operation; /* enum value_operation */
	uint64_t low, high;
};

enum value_operation {
	VALUE_EQUAL,
	VALUE_NOT_EQUAL,
	VALUE_LESS,
	VALUE_LESS_EQUAL,
	VALUE_GREATER,
	VALUE_GREATER_EQUAL,
	VALUE_BETWEEN
};

/* "5", "=5", "!5", "<5", "<=5", ">5", ">=5", "3<>7" and "3-7" (both ends excluded, as Suricata has it). */
bool value_range_parse(struct bytes text, struct value_range *ret);
bool value_range_holds(const struct value_range *range, uint64_t value);
