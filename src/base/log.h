// SPDX-License-Identifier: Apache-2.0
/* Messages of the programs to people, on standard error, one line each.
 *
 * Libraries return errors; programs log them, once, with context. Under systemd (JOURNAL_STREAM names our
 * standard error) a line begins with the priority as "<N>" and the journal adds the time (sd-daemon(3)); elsewhere it
 * begins with the UTC time and the level. Control characters in a message become '?', so that text from outside
 * cannot forge lines; lines are cut at LOG_LINE_SIZE. Each line is one write(2), so lines of several threads do not
 * mix. All functions may be called from any thread, not from signal handlers, and not on the packet path. */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

#define LOG_LINE_SIZE 2048

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Looks up once whether standard error is the journal. To be called first in main; before it lines carry the time. */
void log_init(void);

/* Messages above 'level' are not written. LOG_LEVEL_INFO at the start. */
void log_set_level(enum log_level level);

/* "error", "warn", "info", "debug" to its level; 0 or LUYTRE_E_INVALID. */
MUST_CHECK int log_level_parse(const char *name, enum log_level *ret);

/* 'format' as in printf, without a final newline. errno is left as it was. */
PRINTF_LIKE(2, 3) void log_write(enum log_level level, const char *format, ...);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* What one place in the code may log: LOG_LIMIT_COUNT lines per LOG_LIMIT_WINDOW_S seconds. */
#define LOG_LIMIT_COUNT    5
#define LOG_LIMIT_WINDOW_S 10

/* All zeros at the start; the fields are for log.c alone. */
struct log_limit {
	uint64_t window_ns; /* when the present window began */
	uint32_t written_count; /* lines written in it */
	uint64_t suppressed_count; /* lines withheld since the last one written */
};

/* Like log_write, for events that outsiders can cause at will. The first line after a silence tells how many were
 * withheld. 'now_ns' is monotonic time. Use the macro below, which keeps one limit per place in the code. */
PRINTF_LIKE(4, 5)
void log_write_limited(struct log_limit *limit, uint64_t now_ns, enum log_level level, const char *format, ...);

#define log_limited(now_ns, level, ...)                                                                                \
	do {                                                                                                           \
		static struct log_limit log_limit_here;                                                                \
		log_write_limited(&log_limit_here, now_ns, level, __VA_ARGS__);                                        \
	} while (0)
