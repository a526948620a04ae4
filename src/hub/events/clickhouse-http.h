// SPDX-License-Identifier: Apache-2.0
/* One connection to a ClickHouse server over its HTTP interface. The answer is held whole, up to a ceiling. One thread
 * at a time. Documentation: https://clickhouse.com/docs/en/interfaces/http; formats: RowBinary. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/cursor.h"

enum { CLICKHOUSE_ANSWER_MAX = 128 << 20, CLICKHOUSE_WHY_SIZE = 512 };

struct clickhouse;

/* 'url': "http://[USER:PASSWORD@]HOST:PORT", or several with commas between, each a replica that has everything: the first that can be
 * reached is asked, until it cannot be reached any more. 'database' may be null. Null without memory. Nothing is sent yet. */
struct clickhouse *clickhouse_new(struct bytes url, const char *database);
/* An insert is answered when so many replicas have it; 0: one. */
void clickhouse_set_quorum(struct clickhouse *server, unsigned int quorum);
void clickhouse_free(struct clickhouse *server);

/* Runs one statement. With 'rows' the statement is an insert and they follow it. '*ret' (may be null) lives until the
 * next call. 'time_ms' bounds it at the server, and somewhat later here. LUYTRE_E_TIMEOUT, LUYTRE_E_FULL (disk, answer
 * too large), LUYTRE_E_BUSY (too many parts: wait), LUYTRE_E_CLOSED (no connection), LUYTRE_E_INVALID (the statement),
 * LUYTRE_E_IO. */
MUST_CHECK int clickhouse_run(
	struct clickhouse *server, const char *sql, struct bytes rows, uint64_t time_ms, struct bytes *ret);

/* What went wrong last. */
const char *clickhouse_why(const struct clickhouse *server);

/* A text that grows; 'failed' sticks when there was no memory. Also for rows. */
struct builder {
	uint8_t *text; /* owned; a NUL behind it */
	size_t size, room;
	bool failed;
};

void builder_done(struct builder *builder);
void builder_add(struct builder *builder, const void *bytes, size_t size);
PRINTF_LIKE(2, 3) void builder_print(struct builder *builder, const char *format, ...);
/* RowBinary: integers in little-endian order, strings with their length in front. */
void builder_number(struct builder *builder, uint64_t value, unsigned int size);
void builder_string(struct builder *builder, struct bytes text);
/* A string constant of SQL that cannot end early, whatever it holds: unhex('...'). */
void builder_quote(struct builder *builder, struct bytes text);

/* Reads RowBinary; false at the end of the input. */
MUST_CHECK bool rowbinary_number(struct cursor *cursor, unsigned int size, uint64_t *ret);
MUST_CHECK bool rowbinary_string(struct cursor *cursor, struct bytes *ret);
