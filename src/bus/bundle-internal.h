// SPDX-License-Identifier: Apache-2.0
/* For the fuzz target, which has to get behind the signature. */
#pragma once

#include "bus/bundle.h"

/* Writes key id and signature behind 'size' bytes; there is room for 72 more. */
void bundle_seal(uint8_t *text, size_t size, const uint8_t secret_key[BUNDLE_SECRET_SIZE]);
