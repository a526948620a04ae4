// SPDX-License-Identifier: Apache-2.0
/* The common syntax of numbers in rules (user guide, "Integer Keywords").
 *
 *	5   =5   !5   !=5   >5   >=5   <5   <=5   2-8   2<>8   !2-8   &0xc0=0x80   &0xc0!=0   0x1f   64kb   name   !name
 *
 * Ranges are exclusive: 2-8 holds for 3 to 7. Numbers of which a transaction has several take a second part:
 *
 *	5,any   5,all   5,all_or_absent   5,or_absent   5,nb>3   5,0   5,-1   5,oob_or 2   5,any,1:-1   count >2
 *
 * Flags are names with commas: "fin,!comp". */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"
#include "sensor/common.h"
#include "sensor/rules/rule.h"

struct app_name_value;
struct app_number;
struct app_protocol;
struct app_tx;
struct flow;
struct rule_builder;

enum rule_number_operation {
	RULE_NUMBER_EQUAL, /* low */
	RULE_NUMBER_NOT_EQUAL,
	RULE_NUMBER_BETWEEN, /* low <= value <= high */
	RULE_NUMBER_OUTSIDE, /* value < low or value > high */
	RULE_NUMBER_MASK, /* (value & low) == high */
	RULE_NUMBER_NOT_MASK,
	RULE_NUMBER_NEVER,
};

enum rule_number_multi {
	RULE_NUMBER_ANY,
	RULE_NUMBER_ALL,
	RULE_NUMBER_ALL_OR_ABSENT,
	RULE_NUMBER_OR_ABSENT,
	RULE_NUMBER_TIMES, /* how often it holds: 'count' */
	RULE_NUMBER_INDEX,
	RULE_NUMBER_INDEX_OR_BEYOND,
	RULE_NUMBER_COUNT, /* how many there are: 'count' */
};

/* Reads one comparison of a number of 'bits' (8, 16, 32, 64); 'names' may be null. Null, or what is wrong. */
MUST_CHECK const char *rule_number_parse(
	struct bytes text, unsigned int bits, const struct app_name_value *names, struct rule_number_test *ret);

static inline bool rule_number_holds(const struct rule_number_test *test, uint64_t value)
{
	switch (test->operation) {
	case RULE_NUMBER_EQUAL:
		return value == test->low;
	case RULE_NUMBER_NOT_EQUAL:
		return value != test->low;
	case RULE_NUMBER_BETWEEN:
		return value >= test->low && value <= test->high;
	case RULE_NUMBER_OUTSIDE:
		return value < test->low || value > test->high;
	case RULE_NUMBER_MASK:
		return (value & test->low) == test->high;
	case RULE_NUMBER_NOT_MASK:
		return (value & test->low) != test->high;
	default:
		return false;
	}
}

/* The least and greatest value for which it can hold. */
void rule_number_bounds(const struct rule_number_test *test, uint64_t most, uint64_t *ret_low, uint64_t *ret_high);

/* Asks a transaction of 'protocol'. */
bool rule_number_match(const struct rule_number *number, const struct app_protocol *protocol, struct app_tx *tx,
	const struct flow *flow, enum sensor_dir dir);

/* The keyword of an app_number: adds a MATCH_NUMBER to the rule's tx conditions. */
MUST_CHECK int rule_number_keyword(struct rule_builder *builder, const char *name, struct bytes value);
