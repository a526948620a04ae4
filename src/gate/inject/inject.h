// SPDX-License-Identifier: Apache-2.0
/* Is a value SQL injection, or script injection? The questions of @detectSQLi and @detectXSS.
 *
 * Both are answered by tokens, not by patterns: a value is read as SQL (in the context of a bare word, behind a single and behind a
 * double quote) or as HTML (in the contexts of markup and of the four kinds of attribute values), and the sequence of tokens decides.
 * For SQL the sequence is folded to at most five token types, the fingerprint, e.g. "s&1" for `' OR 1`.
 *
 * Reentrant, no allocation, time linear in the size of the value. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

#define INJECT_FINGERPRINT_SIZE 8

/* The fingerprint is written, with a NUL, when the answer is yes. */
bool inject_is_sql(struct bytes value, char ret_fingerprint[INJECT_FINGERPRINT_SIZE]);

bool inject_is_script(struct bytes value);
