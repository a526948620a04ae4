// SPDX-License-Identifier: Apache-2.0
/* Short words for writing rows (schema.c, schema-sensor.c). Not for others. */
#pragma once

#include <stdint.h>

#include "shield/schema.h"

#define ROWS(array) .rows = array, .row_count = sizeof(array) / sizeof((array)[0])
#define TEXT(en_text, vi_text)                                                                                         \
	{                                                                                                              \
		.en = en_text, .vi = vi_text                                                                           \
	}
#define AT(type, field)        .name = #field, .offset = offsetof(struct type, field)
#define COUNT(lo, hi, text)    .kind = SCHEMA_COUNT, .min = lo, .max = hi, .fallback = text
#define TIME(lo, hi, text, in) .kind = SCHEMA_DURATION, .min = lo, .max = hi, .fallback = text, .unit = in
#define FLAG(text)             .kind = SCHEMA_BOOL, .fallback = text
#define CHOICE(names, text)    .kind = SCHEMA_CHOICE, .choices = names, .fallback = text

extern const struct schema_section schema_sensor, schema_tenant_sensor;
