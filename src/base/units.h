// SPDX-License-Identifier: Apache-2.0
/* Numbers with units, as people write them in configuration files and read them on screens.
 *
 * Reading is strict: digits, then at once one unit, then the end. No sign, blank, point or comma. All readers return 0,
 * LUYTRE_E_SYNTAX (does not begin with a digit), LUYTRE_E_UNIT (what follows the digits is missing or is no unit known
 * here) or LUYTRE_E_RANGE (does not fit into 64 bits), and write '*ret' on success only.
 *
 * Exact formatting gives a text that the reader of the same kind turns back into the same number. Human formatting is
 * short and rounds down, so that a limit is never shown as passed before it is. */
#pragma once

#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

/* Enough for every text that the functions below write, with its NUL. */
#define UNITS_TEXT_SIZE 32

/* "10s", "1500ms", "20us", "5ns", "3m", "2h", "7d". Only "0" goes without a unit. */
MUST_CHECK int units_parse_duration(struct bytes text, uint64_t *ret_ns);

/* "512" or "512B" bytes; "64K", "1M", "2G", "1T" in powers of 1024. */
MUST_CHECK int units_parse_size(struct bytes text, uint64_t *ret_bytes);

/* "250"; "10k" or "10K", "1M", "2G" in powers of 1000. */
MUST_CHECK int units_parse_count(struct bytes text, uint64_t *ret_count);

/* A count and then 'unit', a word such as "pps" or "bps": "1000pps", "10kpps", "2Mbps". */
MUST_CHECK int units_parse_rate(struct bytes text, const char *unit, uint64_t *ret_per_s);

/* The formatting functions write to 'text' of UNITS_TEXT_SIZE and return it. */

/* Exact: the largest unit that divides the value: "90s", "2h", "1500ms", "0s". */
const char *units_format_duration(uint64_t value_ns, char text[UNITS_TEXT_SIZE]);

/* Exact: "64K", "1M", "1000", "0". */
const char *units_format_size(uint64_t value_bytes, char text[UNITS_TEXT_SIZE]);

/* Exact: "10k", "1M", "1234". */
const char *units_format_count(uint64_t value, char text[UNITS_TEXT_SIZE]);

/* Human: "999", "1.2k", "1.2M", "45.0G". */
const char *units_human_count(uint64_t value, char text[UNITS_TEXT_SIZE]);

/* Human: "999B", "1.2KiB", "1.2MiB". */
const char *units_human_size(uint64_t value_bytes, char text[UNITS_TEXT_SIZE]);
