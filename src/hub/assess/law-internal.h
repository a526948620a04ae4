// SPDX-License-Identifier: Apache-2.0
/* What the reader of tables and the reader of the law share. */
#pragma once

#include "hub/assess/law.h"

/* One table on its way. */
struct law_reader {
	const char *path;
	struct bytes rest;
	unsigned int line; /* of the row that was read last */
	size_t row_count, column_count;
	struct arena *arena;
	char *why;
};

/* Finds the file, reads its head: comment lines, then the names of the columns, which must be these. */
MUST_CHECK int law_reader_begin(struct law_reader *reader, const struct law_file *files, size_t count, const char *path,
	const char *const *columns, size_t column_count);
/* 1: a row, its fields in the arena, null for "-"; 0: the end. */
MUST_CHECK int law_reader_next(struct law_reader *reader, const char **fields);
/* "FILE:LINE: sentence" in 'why', and 'error'. */
PRINTF_LIKE(3, 4) int law_reader_fail(const struct law_reader *reader, int error, const char *format, ...);

/* Fields. What does not fit is told and LUYTRE_E_SYNTAX. */
MUST_CHECK int law_field_number(
	const struct law_reader *reader, const char *field, const char *name, long low, long high, long *ret);
/* A date "2026-08-19". */
MUST_CHECK int law_field_date(const struct law_reader *reader, const char *field, const char *name);
/* Whether the row that was read last may stand in its table: what is needed is there, limits can be counted, no two rows of a clock are in
 * force on the same day (law-rows.c). */
MUST_CHECK int law_row_check(const struct law_reader *reader, enum law_table_kind kind, const struct law_table *table);
/* "NW* BE05": controls of the profile; "*" is all, null none. */
MUST_CHECK int law_field_set(
	const struct law_reader *reader, const struct law_profile *profile, const char *field, struct law_set *ret);
