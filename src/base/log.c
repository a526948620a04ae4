// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

static const struct {
	const char *name;
	int priority; /* of syslog(3), for the journal */
} level_rows[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static atomic_bool to_journal;
static _Atomic(enum log_level) level_max = LOG_LEVEL_INFO;
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;

/* JOURNAL_STREAM is "device:inode" of the stream. It is inherited by children whose standard error goes elsewhere,
 * so the numbers are compared, as systemd.exec(5) asks. */
void log_init(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;
	char behind;

	to_journal = stream && sscanf(stream, "%llu:%llu%c", &device, &inode, &behind) == 2 &&
		     fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void log_set_level(enum log_level level)
{
	level_max = level;
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(level_rows); i++) {
		if (strcmp(level_rows[i].name, name) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return LUYTRE_E_INVALID;
}

/* Writes what comes before the message; returns its size. */
static size_t prefix_format(enum log_level level, char *line, size_t line_size)
{
	uint64_t real_ns;
	time_t seconds;
	struct tm utc;
	size_t size;

	if (to_journal)
		return (size_t)snprintf(line, line_size, "<%d>", level_rows[level].priority);

	real_ns = clock_real_ns();
	seconds = (time_t)(real_ns / NS_PER_S);
	gmtime_r(&seconds, &utc);
	size = strftime(line, line_size, "%Y-%m-%dT%H:%M:%S", &utc);
	return size + (size_t)snprintf(line + size, line_size - size,
			      ".%03uZ %s: ", (unsigned int)(real_ns % NS_PER_S / NS_PER_MS), level_rows[level].name);
}

static void control_characters_replace(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	}
}

/* 'suppressed_count' above 0 is told behind the message. */
PRINTF_LIKE(3, 0)
static void line_write(enum log_level level, uint64_t suppressed_count, const char *format, va_list arguments)
{
	char line[LOG_LINE_SIZE];
	char tail[64] = "";
	int saved_errno = errno;
	size_t prefix_size = prefix_format(level, line, sizeof(line));
	size_t tail_size = 0;
	size_t room, size;
	int wanted;

	if (suppressed_count > 0)
		tail_size = (size_t)snprintf(
			tail, sizeof(tail), " (%llu more withheld)", (unsigned long long)suppressed_count);
	/* The message may use what the prefix, the tail and the newline leave; vsnprintf's NUL takes the newline's place. */
	room = sizeof(line) - prefix_size - tail_size;
	errno = saved_errno;
	wanted = vsnprintf(line + prefix_size, room, format, arguments);
	if (wanted < 0)
		wanted = 0;
	size = prefix_size + ((size_t)wanted < room ? (size_t)wanted : room - 1);
	control_characters_replace(line + prefix_size, size - prefix_size);
	memcpy(line + size, tail, tail_size);
	size += tail_size;
	line[size++] = '\n';

	/* There is nobody left to tell when this fails. */
	if (write(STDERR_FILENO, line, size) < 0)
		errno = saved_errno;
	errno = saved_errno;
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list arguments;

	if (level > level_max)
		return;
	va_start(arguments, format);
	line_write(level, 0, format, arguments);
	va_end(arguments);
}

/* Counts one message; true when it may be written. '*ret_suppressed_count' is what to tell with it. */
static bool limit_allows(struct log_limit *limit, uint64_t now_ns, uint64_t *ret_suppressed_count)
{
	bool allowed;

	pthread_mutex_lock(&limit_lock);
	if (clock_since_ns(now_ns, limit->window_ns) >= LOG_LIMIT_WINDOW_S * NS_PER_S) {
		limit->window_ns = now_ns;
		limit->written_count = 0;
	}
	allowed = limit->written_count < LOG_LIMIT_COUNT;
	if (allowed) {
		limit->written_count++;
		*ret_suppressed_count = limit->suppressed_count;
		limit->suppressed_count = 0;
	} else {
		limit->suppressed_count++;
	}
	pthread_mutex_unlock(&limit_lock);
	return allowed;
}

void log_write_limited(struct log_limit *limit, uint64_t now_ns, enum log_level level, const char *format, ...)
{
	uint64_t suppressed_count;
	va_list arguments;

	if (level > level_max || !limit_allows(limit, now_ns, &suppressed_count))
		return;
	va_start(arguments, format);
	line_write(level, suppressed_count, format, arguments);
	va_end(arguments);
}
