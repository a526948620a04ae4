// SPDX-License-Identifier: Apache-2.0
/* The 34 provinces and centrally run cities of Vietnam since 1 July 2025 (Resolution 202/2025/QH15), with the codes
 * of the statistics office (Decision 19/2025/QĐ-TTg). The archipelagos belong to the provinces that administer
 * them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct province {
	uint8_t code; /* written with two digits: 1 is "01" */
	const char *vi, *en;
	const char *archipelago_vi, *archipelago_en; /* null: none */
};

enum { PROVINCE_COUNT = 34 };

extern const struct province provinces[PROVINCE_COUNT]; /* by code */

/* Null when there is no such code. */
const struct province *province_find(uint32_t code);
