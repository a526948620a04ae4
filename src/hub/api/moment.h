// SPDX-License-Identifier: Apache-2.0
/* Moments as text: RFC 3339 (date-time of section 5.6), microseconds since 1970 UTC inside. */
#pragma once

#include "base/bytes.h"
#include "base/compiler.h"

enum { MOMENT_TEXT_SIZE = 48 };

/* "2026-11-22T08:00:00.000000Z"; moments outside the years 0 to 9999 become the nearest inside. Returns 'text'. */
const char *moment_format(int64_t time_us, char text[MOMENT_TEXT_SIZE]);

/* Any offset and one to nine digits of a second, the rest is cut. A leap second is the second after it. 0,
 * LUYTRE_E_SYNTAX or LUYTRE_E_RANGE. */
MUST_CHECK int moment_parse(struct bytes text, int64_t *ret);
