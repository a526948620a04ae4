// SPDX-License-Identifier: Apache-2.0
/* The few compiler attributes and macros that every folder uses. gcc and clang both know them. */
#pragma once

/* The caller must look at the result: an ignored failure is a compile error. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Lets the compiler check the arguments of a printf-like function; both positions count from 1. */
#define PRINTF_LIKE(format_position, first_argument) __attribute__((format(printf, format_position, first_argument)))

/* Number of elements of a real array (not of a pointer). */
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 1 in a build with a sanitizer of memory or threads, which takes many times the memory and address space, else 0. gcc says it by
 * a macro, clang by a feature. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif
