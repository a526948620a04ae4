// SPDX-License-Identifier: Apache-2.0
/* Checks what came from outside against the schemas of the description (route.h). All faults are collected, each with
 * its JSON pointer; a fault of a parameter has a '?' and the name in place of the pointer. Constant memory, no recursion
 * deeper than the schema. */
#pragma once

#include <jansson.h>

#include "base/jsonr.h"
#include "hub/api/route.h"

/* A parameter of a request. All zeros: not given, and no default. */
struct api_value {
	bool given; /* not by a default */
	bool flag;
	int64_t integer; /* also the microseconds of a date-time */
	struct bytes text; /* as it came, a NUL behind it; null without a value */
	const struct bytes *items; /* of a list */
	size_t item_count;
};

/* Notes what is wrong with a JSON value. */
void validate_json(const struct api_schema *schema, const struct jsonr *value);

/* Reads one value of a parameter; false when it is wrong, which was noted. */
bool validate_text(const struct api_schema *schema, const char *name, struct bytes text, struct jsonr_errors *errors,
	struct api_value *ret);

/* Notes a fault of the parameter. */
void validate_note(struct jsonr_errors *errors, const char *name, enum jsonr_fault fault, int64_t low, int64_t high);
