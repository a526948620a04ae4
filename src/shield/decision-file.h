// SPDX-License-Identifier: Apache-2.0
/* What the tests of the saved state need beyond decisions.h: to write files of their own. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/* The number that stands behind a file with this content. */
uint64_t decision_file_checksum(struct bytes body);
