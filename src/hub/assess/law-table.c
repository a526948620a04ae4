// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "hub/assess/day.h"
#include "hub/assess/law-internal.h"

int law_reader_fail(const struct law_reader *reader, int error, const char *format, ...)
{
	int size = snprintf(reader->why, LAW_WHY_SIZE, "%s:%u: ", reader->path, reader->line);
	va_list args;

	if (size < 0 || size >= LAW_WHY_SIZE)
		return error;
	va_start(args, format);
	vsnprintf(reader->why + size, LAW_WHY_SIZE - (size_t)size, format, args);
	va_end(args);
	return error;
}

/* UTF-8 without control characters, but for tabs. */
static bool is_text(struct bytes in)
{
	while (!bytes_empty(in)) {
		bool valid = true;
		size_t size = utf8_sequence(in, &valid);

		if (!valid || in.ptr[0] == 0x7f || (in.ptr[0] < ' ' && in.ptr[0] != '\t'))
			return false;
		in = bytes_skip(in, size);
	}
	return true;
}

/* The next line that is no comment. 1, 0 at the end. */
static int next_line(struct law_reader *reader, struct bytes *ret)
{
	while (!bytes_empty(reader->rest)) {
		size_t size = bytes_index(reader->rest, '\n');

		*ret = bytes_first(reader->rest, size);
		reader->line++;
		if (size == reader->rest.size)
			return law_reader_fail(reader, LUYTRE_E_SYNTAX, "the last line has no end");
		if (size > LAW_LINE_SIZE_MAX)
			return law_reader_fail(reader, LUYTRE_E_FULL, "the line is too long");
		reader->rest = bytes_skip(reader->rest, size + 1);
		if (!is_text(*ret))
			return law_reader_fail(
				reader, LUYTRE_E_SYNTAX, "this is not UTF-8, or has a control character");
		if (bytes_empty(*ret))
			return law_reader_fail(reader, LUYTRE_E_SYNTAX, "the line is empty");
		if (ret->ptr[0] != '#')
			return 1;
	}
	return 0;
}

static int read_columns(struct law_reader *reader, const char *const *columns)
{
	struct bytes line = { 0 };
	int error = next_line(reader, &line);

	if (error < 0)
		return error;
	for (size_t i = 0; i < reader->column_count; i++) {
		size_t size = bytes_index(line, '\t');

		if (!error || !bytes_equal_str(bytes_first(line, size), columns[i]) ||
			(i + 1 == reader->column_count && size != line.size))
			return law_reader_fail(reader, LUYTRE_E_SYNTAX,
				"the columns are not those expected: number %zu should be \"%s\"", i + 1, columns[i]);
		line = bytes_skip(line, size + 1);
	}
	return 0;
}

int law_reader_begin(struct law_reader *reader, const struct law_file *files, size_t count, const char *path,
	const char *const *columns, size_t column_count)
{
	const struct law_file *file = NULL;

	for (size_t i = 0; i < count && !file; i++)
		if (strcmp(files[i].path, path) == 0)
			file = &files[i];
	reader->path = path;
	reader->line = 0;
	reader->row_count = 0;
	reader->column_count = column_count;
	if (!file)
		return law_reader_fail(reader, LUYTRE_E_NOT_FOUND, "the file is missing");
	if (file->text.size > LAW_FILE_SIZE_MAX)
		return law_reader_fail(reader, LUYTRE_E_FULL, "the file is too long");
	reader->rest = file->text;
	return read_columns(reader, columns);
}

int law_reader_next(struct law_reader *reader, const char **fields)
{
	struct bytes line;
	int answer = next_line(reader, &line);
	size_t i;

	if (answer <= 0)
		return answer;
	if (++reader->row_count > LAW_ROWS_MAX)
		return law_reader_fail(reader, LUYTRE_E_FULL, "there are too many rows");
	for (i = 0; i < reader->column_count; i++) {
		size_t size = bytes_index(line, '\t');
		struct bytes field = bytes_first(line, size);

		if (bytes_empty(field))
			return law_reader_fail(reader, LUYTRE_E_SYNTAX, "field %zu is empty or missing", i + 1);
		fields[i] = bytes_equal_str(field, "-") ? NULL : arena_dup_str(reader->arena, field);
		if (!fields[i] && !bytes_equal_str(field, "-"))
			return law_reader_fail(reader, LUYTRE_E_NOMEM, "there is not enough memory");
		if ((size == line.size) != (i + 1 == reader->column_count))
			return law_reader_fail(
				reader, LUYTRE_E_SYNTAX, "there are not %zu fields", reader->column_count);
		line = bytes_skip(line, size + 1);
	}
	return 1;
}

int law_field_number(
	const struct law_reader *reader, const char *field, const char *name, long low, long high, long *ret)
{
	char *end = NULL;

	*ret = field && strlen(field) < 10 ? strtol(field, &end, 10) : 0;
	if (!end || end == field || *end || *ret < low || *ret > high || field[0] == '+' || field[0] == ' ')
		return law_reader_fail(reader, LUYTRE_E_SYNTAX, "%s must be a number from %ld to %ld", name, low, high);
	return 0;
}

int law_field_date(const struct law_reader *reader, const char *field, const char *name)
{
	static const char form[] = "dddd-dd-dd";
	bool fits = field && strlen(field) == sizeof(form) - 1;

	for (size_t i = 0; fits && form[i]; i++)
		fits = form[i] == 'd' ? field[i] >= '0' && field[i] <= '9' : field[i] == '-';
	if (!fits || atoi(field) < 1970 || atoi(field + 5) < 1 || atoi(field + 5) > 12 || atoi(field + 8) < 1 ||
		atoi(field + 8) > day_count_of_month(atoi(field), atoi(field + 5)))
		return law_reader_fail(reader, LUYTRE_E_SYNTAX, "%s must be a date", name);
	return 0;
}

/* Marks what one word of a set names. */
static int mark(const struct law_reader *reader, const struct law_profile *profile, struct bytes word, bool *marks)
{
	bool prefix = word.size > 0 && word.ptr[word.size - 1] == '*', any = false;

	if (prefix)
		word.size--;
	for (size_t i = 0; i < profile->control_count; i++) {
		const struct bytes key = bytes_from_str(profile->controls[i].key);

		if (prefix ? bytes_starts_with(key, word) : bytes_equal(key, word))
			any = marks[i] = true;
	}
	return any ? 0
		   : law_reader_fail(reader, LUYTRE_E_SYNTAX, "there is no control \"%.*s\"",
			     (int)(word.size < 32 ? word.size : 32), (const char *)word.ptr);
}

int law_field_set(
	const struct law_reader *reader, const struct law_profile *profile, const char *field, struct law_set *ret)
{
	struct bytes rest = field ? bytes_from_str(field) : (struct bytes){ 0 };
	bool marks[LAW_CONTROLS_MAX] = { false };
	uint16_t *places;
	size_t count = 0;

	*ret = (struct law_set){ 0 };
	while (!bytes_empty(rest)) {
		size_t size = bytes_index(rest, ' ');
		int error = mark(reader, profile, bytes_first(rest, size), marks);

		if (error)
			return error;
		rest = bytes_skip(rest, size + 1);
	}
	for (size_t i = 0; i < profile->control_count; i++)
		count += marks[i];
	places = arena_alloc(reader->arena, count * sizeof(*places));
	if (!places)
		return law_reader_fail(reader, LUYTRE_E_NOMEM, "there is not enough memory");
	ret->places = places;
	for (size_t i = 0; i < profile->control_count; i++)
		if (marks[i])
			places[ret->count++] = (uint16_t)i;
	return 0;
}
