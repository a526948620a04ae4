// SPDX-License-Identifier: Apache-2.0
/* Looking for a text without case: Latin letters as Vietnamese writes them, and ASCII. Other letters are looked for as they are. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/* Whether 'wanted' stands in 'text'; an empty one always does. Both are UTF-8; what is not is compared byte by byte. */
bool fold_has(struct bytes text, struct bytes wanted);
