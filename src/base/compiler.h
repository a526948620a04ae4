// SPDX-License-Identifier: Apache-2.0
/* The few compiler attributes and macros that every folder uses. gcc and clang both know them. */
#pragma once

/* The caller must look at the result: an ignored failure is a compile error. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Lets the compiler check the arguments of a printf-like function; both positions count from 1. */
#define PRINTF_LIKE(format_position, first_argument) __attribute__((format(printf, format_position, first_argument)))

/* Number of elements of a real array (not of a pointer). */
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))
